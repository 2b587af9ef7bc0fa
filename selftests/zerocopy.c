// SPDX-License-Identifier: GPL-2.0
/* MSG_ZEROCOPY: pages that are lent, and notifications that they are free again. */

#define _GNU_SOURCE
#include <fcntl.h>
#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include <linux/errqueue.h>

#include "fixtures.h"

#ifndef SO_ZEROCOPY
#define SO_ZEROCOPY 60
#endif
#ifndef MSG_ZEROCOPY
#define MSG_ZEROCOPY 0x4000000
#endif

#define PAGE	4096

/* What is sent: three pages and a bit, from the middle of one. */
#define START	100
#define LEN	(3 * PAGE + 50)

static alignas(PAGE) char pages[64 * PAGE];
static char back[64 * PAGE];

/* Kernels before 6.7 answer SOL_SOCKET themselves. */
static int set_zerocopy(const struct family *f, int fd)
{
	int ret = set_int_option(fd, SOL_SOCKET, SO_ZEROCOPY, 1);

	if (ret == -EOPNOTSUPP && is_kite(f))
		ret = set_int_option(fd, SOL_KITE, SO_ZEROCOPY, 1);
	return ret;
}

static long lend(int fd, void *buf, size_t len)
{
	return ERR(send(fd, buf, len, MSG_ZEROCOPY | MSG_NOSIGNAL));
}

/* A notification: of the calls with the numbers from @lo to @hi. */
struct notice {
	unsigned int lo, hi;
	bool copied;
};

static bool is_notice(const struct family *f, const struct cmsghdr *c)
{
	int type = c->cmsg_type, level = c->cmsg_level;

	if (is_inet(f))
		return level == SOL_IP && type == IP_RECVERR;
	/* With AF_VSOCK's number it is AF_VSOCK's. */
	return type == KITE_RECVERR && level == (f->domain() == AF_VSOCK ? 287 : SOL_KITE);
}

/* Takes one from the error queue: 0, or an error. */
static int notice(const struct family *f, int fd, struct notice *n)
{
	char control[128] = "";
	struct msghdr msg = {
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	struct sock_extended_err *err;
	struct cmsghdr *c;
	long ret = ERR(recvmsg(fd, &msg, MSG_ERRQUEUE));

	if (ret)
		return ret;
	c = CMSG_FIRSTHDR(&msg);
	if (!c || !is_notice(f, c) || !(msg.msg_flags & MSG_ERRQUEUE))
		return -EBADMSG;
	err = (struct sock_extended_err *)CMSG_DATA(c);
	if (err->ee_origin != SO_EE_ORIGIN_ZEROCOPY || err->ee_errno)
		return -EBADMSG;
	n->lo = err->ee_info;
	n->hi = err->ee_data;
	n->copied = err->ee_code & SO_EE_CODE_ZEROCOPY_COPIED;
	return 0;
}

/* How many calls the next notification is about, the first of them @lo. */
static int notices(const struct family *f, int fd, unsigned int lo)
{
	struct notice n;
	int err = BECOMES(0, notice(f, fd, &n));

	if (err)
		return err;
	return n.lo == lo ? (int)(n.hi - n.lo + 1) : -EBADMSG;
}

static bool has_notice(int fd)
{
	return revents_for(fd, 0) & POLLERR;
}

/* Both ends have SO_ZEROCOPY. */
FIXTURE(zerocopy) {
	const struct family *f;
	int type, fd[2], c, s;
	char *buf;
};

FIXTURE_VARIANT(zerocopy) {
	const struct family *f;
	int type;
};

TYPE_VARIANT(zerocopy, kite, STREAM);
TYPE_VARIANT(zerocopy, kite, SEQPACKET);
TYPE_VARIANT(zerocopy, kite, DGRAM);
TYPE_VARIANT(zerocopy, inet, STREAM);
TYPE_VARIANT(zerocopy, inet, DGRAM);

FIXTURE_SETUP(zerocopy)
{
	self->f = variant->f;
	self->type = variant->type;
	if (skip_family(_metadata, self->f))
		return;
	ASSERT_EQ(0, pair_of_type(self->f, self->type, self->fd));
	self->c = self->fd[0];
	self->s = self->fd[1];
	ASSERT_EQ(0, set_zerocopy(self->f, self->c));
	ASSERT_EQ(0, set_zerocopy(self->f, self->s));
	self->buf = pages + START;
	pattern_fill(self->buf, LEN, 0);
}

FIXTURE_TEARDOWN(zerocopy) { }

TEST_F(zerocopy, flag_alone_means_nothing)
{
	struct notice n;
	int fd[2];

	ASSERT_EQ(0, pair_of_type(self->f, self->type, fd));
	EXPECT_EQ(LEN, lend(fd[0], self->buf, LEN));
	EXPECT_EQ(LEN, recv_all(fd[1], back, LEN));
	EXPECT_EQ(-1, pattern_differs(back, LEN, 0));
	EXPECT_FALSE(has_notice(fd[0]));
	EXPECT_EQ(-EAGAIN, notice(self->f, fd[0], &n));
}

TEST_F(zerocopy, option_alone_means_nothing)
{
	struct notice n;

	EXPECT_EQ(LEN, send(self->c, self->buf, LEN, 0));
	EXPECT_EQ(LEN, recv_all(self->s, back, LEN));
	EXPECT_EQ(-EAGAIN, notice(self->f, self->c, &n));
}

TEST_F(zerocopy, notice_when_it_was_read)
{
	struct notice n = { .lo = 9 };

	EXPECT_EQ(LEN, lend(self->c, self->buf, LEN));
	/* Over loopback, UDP and TCP copy at once. */
	if (is_kite(self->f)) {
		EXPECT_FALSE(has_notice(self->c));
		EXPECT_EQ(-EAGAIN, notice(self->f, self->c, &n));
	}
	EXPECT_EQ(LEN, recv_all(self->s, back, LEN));
	EXPECT_EQ(-1, pattern_differs(back, LEN, 0));
	EXPECT_TRUE(BECOMES(true, has_notice(self->c)));
	EXPECT_EQ(0, notice(self->f, self->c, &n));
	EXPECT_EQ(0, n.lo);
	EXPECT_EQ(0, n.hi);
	EXPECT_EQ(is_inet(self->f), n.copied);
	EXPECT_FALSE(has_notice(self->c));
	EXPECT_EQ(-EAGAIN, notice(self->f, self->c, &n));
}

/* Its sender may wait for that before it sends the rest. */
TEST_F(zerocopy, read_by_who_waits_for_more)
{
	struct async reading;

	if (self->type != SOCK_STREAM)
		SKIP(return, "a message is never part of more");
	async_recv(&reading, self->s, back, 2 * LEN, MSG_WAITALL);
	ASSERT_TRUE(async_blocks(&reading));
	EXPECT_EQ(LEN, lend(self->c, self->buf, LEN));
	EXPECT_TRUE(BECOMES(true, has_notice(self->c)));
	EXPECT_EQ(LEN, send(self->c, self->buf, LEN, 0));
	EXPECT_EQ(2 * LEN, async_result(&reading));
}

/* A peek does not free it, a part of a stream neither. */
TEST_F(zerocopy, not_before_all_was_read)
{
	struct notice n;

	if (!is_kite(self->f))
		SKIP(return, "is copied at once");
	EXPECT_EQ(LEN, lend(self->c, self->buf, LEN));
	EXPECT_EQ(LEN, recv(self->s, back, LEN, MSG_PEEK));
	EXPECT_EQ(-1, pattern_differs(back, LEN, 0));
	EXPECT_EQ(-EAGAIN, notice(self->f, self->c, &n));
	if (self->type == SOCK_STREAM) {
		EXPECT_EQ(LEN - 1, recv_all(self->s, back, LEN - 1));
		EXPECT_EQ(-EAGAIN, notice(self->f, self->c, &n));
	}
	EXPECT_LT(0, recv(self->s, back, LEN, 0));
	EXPECT_EQ(1, notices(self->f, self->c, 0));
}

/* It is the page itself that the receiver reads. */
TEST_F(zerocopy, nothing_is_copied)
{
	if (!is_kite(self->f))
		SKIP(return, "is copied at once");
	EXPECT_EQ(LEN, lend(self->c, self->buf, LEN));
	pattern_fill(self->buf, LEN, 1);
	EXPECT_EQ(LEN, recv_all(self->s, back, LEN));
	EXPECT_EQ(-1, pattern_differs(back, LEN, 1));
}

/* The page stays, whatever the program does with its memory. */
TEST_F(zerocopy, memory_is_gone)
{
	char *m = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ASSERT_NE(MAP_FAILED, m);
	pattern_fill(m, LEN, 0);
	EXPECT_EQ(LEN, lend(self->c, m, LEN));
	EXPECT_EQ(0, munmap(m, 4 * PAGE));
	EXPECT_EQ(LEN, recv_all(self->s, back, LEN));
	EXPECT_EQ(-1, pattern_differs(back, LEN, 0));
	EXPECT_EQ(1, notices(self->f, self->c, 0));
}

/* Calls are numbered, and a notification is about as many as came together. */
TEST_F(zerocopy, every_call_counts_once)
{
	unsigned int done = 0;
	int i, n;

	for (i = 0; i < 5; i++)
		ASSERT_EQ(PAGE, lend(self->c, pages, PAGE));
	for (i = 0; i < 5; i++)
		ASSERT_EQ(PAGE, recv_all(self->s, back, PAGE));
	while (done < 5) {
		n = notices(self->f, self->c, done);
		ASSERT_LT(0, n);
		done += n;
	}
	EXPECT_EQ(5, done);
	EXPECT_FALSE(has_notice(self->c));
	ASSERT_EQ(PAGE, lend(self->c, pages, PAGE));
	ASSERT_EQ(PAGE, recv_all(self->s, back, PAGE));
	EXPECT_EQ(1, notices(self->f, self->c, 5));
}

TEST_F(zerocopy, directions_are_apart)
{
	ASSERT_EQ(PAGE, lend(self->c, pages, PAGE));
	ASSERT_EQ(PAGE, lend(self->s, pages + PAGE, PAGE));
	ASSERT_EQ(PAGE, recv_all(self->c, back, PAGE));
	EXPECT_EQ(0, memcmp(pages + PAGE, back, PAGE));
	EXPECT_EQ(1, notices(self->f, self->s, 0));
	if (is_kite(self->f))
		EXPECT_FALSE(has_notice(self->c));
	ASSERT_EQ(PAGE, recv_all(self->s, back, PAGE));
	EXPECT_EQ(1, notices(self->f, self->c, 0));
}

/* Longer than a packet, and for a stream longer than there is room for. */
TEST_F(zerocopy, one_call_in_many_buffers)
{
	size_t len = self->type == SOCK_STREAM ? sizeof(pages) : 40 * PAGE + 1;
	struct async a;
	struct notice n;

	if (self->type == SOCK_DGRAM)
		SKIP(return, "a datagram is one buffer");
	pattern_fill(pages, len, 0);
	async_send(&a, self->c, pages, len, MSG_ZEROCOPY);
	EXPECT_EQ((ssize_t)len, self->type == SOCK_STREAM ?
		  recv_all(self->s, back, len) : recv(self->s, back, len, 0));
	EXPECT_EQ((long)len, async_result(&a));
	EXPECT_EQ(-1, pattern_differs(back, len, 0));
	EXPECT_EQ(0, BECOMES(0, notice(self->f, self->c, &n)));
	EXPECT_EQ(0, n.lo);
	EXPECT_EQ(0, n.hi);
	/* vsock copies what does not fit at once. */
	if (self->f->domain() != AF_VSOCK || self->type != SOCK_STREAM)
		EXPECT_EQ(is_inet(self->f), n.copied);
	EXPECT_FALSE(has_notice(self->c));
}

/* So many pieces that a buffer does not hold them. */
TEST_F(zerocopy, scattered)
{
	struct msghdr msg = { };
	struct iovec iov[40];
	size_t i;

	if (is_inet(self->f) && self->type == SOCK_DGRAM)
		SKIP(return, "EMSGSIZE from UDP");
	for (i = 0; i < 40; i++)
		iov[i] = (struct iovec){ pages + (39 - i) * PAGE + i, 1500 };
	for (i = 0; i < 40; i++)
		pattern_fill(iov[i].iov_base, 1500, i * 1500);
	msg.msg_iov = iov;
	msg.msg_iovlen = 40;
	EXPECT_EQ(60000, ERR(sendmsg(self->c, &msg, MSG_ZEROCOPY)));
	EXPECT_EQ(60000, recv_all(self->s, back, 60000));
	EXPECT_EQ(-1, pattern_differs(back, 60000, 0));
	EXPECT_EQ(1, notices(self->f, self->c, 0));
}

/* A page for a few bytes is not worth it: those are copied, and that is said. */
TEST_F(zerocopy, a_few_bytes)
{
	struct notice n;

	EXPECT_EQ(10, lend(self->c, pages, 10));
	EXPECT_EQ(10, recv_all(self->s, back, 10));
	EXPECT_EQ(0, BECOMES(0, notice(self->f, self->c, &n)));
	EXPECT_EQ(0, n.lo);
	EXPECT_EQ(0, n.hi);
	EXPECT_TRUE(n.copied);
}

TEST_F(zerocopy, empty)
{
	struct notice n;

	if (is_inet(self->f) && self->type == SOCK_DGRAM)
		SKIP(return, "UDP counts it, other than documented");
	EXPECT_EQ(0, lend(self->c, pages, 0));
	if (self->type != SOCK_STREAM)
		EXPECT_EQ(0, recv(self->s, back, 1, 0));
	EXPECT_EQ(-EAGAIN, notice(self->f, self->c, &n));
	EXPECT_EQ(PAGE, lend(self->c, pages, PAGE));
	EXPECT_EQ(PAGE, recv_all(self->s, back, PAGE));
	EXPECT_EQ(1, notices(self->f, self->c, 0));
}

/* A call that fails has no number. */
TEST_F(zerocopy, bad_memory)
{
	struct iovec iov[2] = { { pages, PAGE }, { bad_pointer(), PAGE } };
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 2 };
	int err = self->f->domain() == AF_VSOCK ? -ENOMEM : -EFAULT;
	struct notice n;

	EXPECT_EQ(err, lend(self->c, bad_pointer(), PAGE));
	/* TCP sends what it can. */
	if (!is_inet(self->f))
		EXPECT_EQ(err, ERR(sendmsg(self->c, &msg, MSG_ZEROCOPY)));
	EXPECT_EQ(0, bytes_to_read(self->s));
	EXPECT_EQ(-EAGAIN, notice(self->f, self->c, &n));
	EXPECT_EQ(PAGE, lend(self->c, pages, PAGE));
	EXPECT_EQ(PAGE, recv_all(self->s, back, PAGE));
	EXPECT_EQ(1, notices(self->f, self->c, 0));
}

TEST_F(zerocopy, no_room)
{
	struct notice n;
	long sent = 0;

	if (self->type == SOCK_DGRAM || is_inet(self->f))
		SKIP(return, "does not fill up");
	ASSERT_LT(0, fill(self->f, self->c));
	EXPECT_EQ(-EAGAIN, ERR(send(self->c, pages, 32 * PAGE,
				    MSG_ZEROCOPY | MSG_DONTWAIT)));
	EXPECT_EQ(-EAGAIN, notice(self->f, self->c, &n));
	drain(self->s);
	sent = BECOMES(PAGE, lend(self->c, pages, PAGE));
	EXPECT_EQ(PAGE, sent);
	EXPECT_EQ(PAGE, recv_all(self->s, back, PAGE));
	EXPECT_EQ(1, notices(self->f, self->c, 0));
}

TEST_F(zerocopy, may_not_lock_memory)
{
	struct rlimit none = { 0, 0 };

	ASSERT_EQ(0, setrlimit(RLIMIT_MEMLOCK, &none));
	ASSERT_TRUE(become_nobody());
	EXPECT_EQ(-ENOBUFS, lend(self->c, pages, PAGE));
	EXPECT_EQ(PAGE, send(self->c, pages, PAGE, 0));
}

static int optmem(int value)
{
	FILE *file = fopen("/proc/sys/net/core/optmem_max", "r+e");
	int old = -1;

	if (!file)
		return -1;
	if (fscanf(file, "%d", &old) != 1)
		old = -1;
	rewind(file);
	fprintf(file, "%d", value);
	fclose(file);
	return old;
}

/* As many notifications as there is memory for. */
TEST_F(zerocopy, too_many)
{
	int old = optmem(8192), i, n = 0;
	long ret = 0;

	ASSERT_LT(0, old);
	for (i = 0; i < 40; i++) {
		ret = lend(self->c, pages + i % 2 * PAGE, 1024);
		if (ret < 0)
			break;
		n++;
	}
	optmem(old);
	/* A receiver that copies frees them at once. */
	if (is_kite(self->f)) {
		EXPECT_EQ(-ENOBUFS, ret);
		EXPECT_GT(20, n);
	}
	for (i = 0; i < n; i++)
		EXPECT_EQ(1024, recv_all(self->s, back, 1024));
	for (i = 0; i < n; ) {
		int k = notices(self->f, self->c, i);

		ASSERT_LT(0, k);
		i += k;
	}
	EXPECT_EQ(1024, lend(self->c, pages, 1024));
}

/* Notifications are no data, and no error of the socket. */
TEST_F(zerocopy, recv_does_not_see_it)
{
	EXPECT_EQ(LEN, lend(self->c, self->buf, LEN));
	EXPECT_EQ(LEN, recv_all(self->s, back, LEN));
	EXPECT_TRUE(BECOMES(true, has_notice(self->c)));
	EXPECT_EQ(-EAGAIN, ERR(recv(self->c, back, LEN, MSG_DONTWAIT)));
	EXPECT_EQ(0, get_int_option(self->c, SOL_SOCKET, SO_ERROR));
	EXPECT_EQ(POLLERR | POLLOUT, revents(self->c));
	EXPECT_EQ(1, send(self->c, "x", 1, 0));
}

TEST_F(zerocopy, notice_wakes)
{
	struct pollfd pfd = { .fd = self->c };
	struct async a;

	if (!is_kite(self->f))
		SKIP(return, "comes at once");
	EXPECT_EQ(LEN, lend(self->c, self->buf, LEN));
	async_call(&a, SYS_ppoll, (long)&pfd, 1, 0, 0);
	EXPECT_TRUE(async_blocks(&a));
	EXPECT_EQ(LEN, recv_all(self->s, back, LEN));
	EXPECT_EQ(1, async_result(&a));
	EXPECT_EQ(POLLERR, pfd.revents);
}

/* Nothing waits: EAGAIN even from a blocking socket, in any state. */
TEST_F(zerocopy, no_notice)
{
	int fd = ERR(socket(self->f->domain(), self->type, 0));
	struct notice n;

	EXPECT_EQ(-EAGAIN, notice(self->f, self->c, &n));
	EXPECT_EQ(-EAGAIN, notice(self->f, fd, &n));
	EXPECT_EQ(0, shutdown(self->c, SHUT_RDWR));
	EXPECT_EQ(-EAGAIN, notice(self->f, self->c, &n));
}

TEST_F(zerocopy, receiver_never_reads)
{
	EXPECT_EQ(LEN, lend(self->c, self->buf, LEN));
	EXPECT_EQ(0, close(self->s));
	EXPECT_EQ(1, notices(self->f, self->c, 0));
}

TEST_F(zerocopy, sender_is_gone)
{
	EXPECT_EQ(LEN, lend(self->c, self->buf, LEN));
	EXPECT_EQ(0, close(self->c));
	EXPECT_EQ(LEN, recv_all(self->s, back, LEN));
	EXPECT_EQ(-1, pattern_differs(back, LEN, 0));
}

/* What waits in queues of closed sockets must not keep these alive. */
TEST_F(zerocopy, both_are_gone)
{
	int before = module_users();

	EXPECT_EQ(LEN, lend(self->c, self->buf, LEN));
	EXPECT_EQ(LEN, lend(self->s, self->buf, LEN));
	EXPECT_EQ(0, close(self->c));
	EXPECT_EQ(0, close(self->s));
	if (is_kite(self->f)) {
		EXPECT_LE(2, before);
		EXPECT_TRUE(BECOMES(true, module_users() <= before - 2));
	}
}

TEST_F(zerocopy, to_itself)
{
	int before = module_users();
	struct address self_at;
	int fd;

	if (self->type != SOCK_DGRAM)
		SKIP(return, "only a datagram socket can");
	fd = dup(self->c);
	ASSERT_EQ(0, name_of(fd, &self_at));
	ASSERT_EQ(0, connect_to(fd, &self_at));
	EXPECT_EQ(LEN, lend(fd, self->buf, LEN));
	EXPECT_EQ(0, close(fd));
	EXPECT_EQ(0, close(self->c));
	if (is_kite(self->f))
		EXPECT_TRUE(BECOMES(true, module_users() < before));
}

/* A pipe gets a copy, for it may keep the pages after the notification. */
TEST_F(zerocopy, into_a_pipe)
{
	struct notice n;
	int out[2];
	long done = 0;

	ASSERT_EQ(0, pipe(out));
	EXPECT_EQ(LEN, lend(self->c, self->buf, LEN));
	while (done < LEN) {
		long ret = ERR(splice(self->s, NULL, out[1], NULL, LEN - done, 0));

		ASSERT_LT(0, ret);
		done += ret;
	}
	EXPECT_EQ(0, BECOMES(0, notice(self->f, self->c, &n)));
	EXPECT_EQ(is_inet(self->f) || self->type == SOCK_STREAM, n.copied);
	memset(self->buf, 0, LEN);
	EXPECT_EQ(LEN, read(out[0], back, LEN));
	EXPECT_EQ(-1, pattern_differs(back, LEN, 0));
}

/* Buffers that are used again as soon as the notification is there. */

#define SLOTS	8
#define CALLS	200

struct lender {
	const struct family *f;
	int fd;
	unsigned int noticed;
	long err;
};

static void lender_notices(struct lender *l)
{
	struct notice n;

	while (!notice(l->f, l->fd, &n)) {
		/* In the order of the calls, since one receiver reads in order. */
		if (n.lo != l->noticed)
			l->err = -EBADMSG;
		l->noticed = n.hi + 1;
	}
}

static void *lend_many(void *arg)
{
	struct lender *l = arg;
	struct pollfd pfd = { .fd = l->fd };
	unsigned int i;
	char *slot;

	for (i = 0; i < CALLS && !l->err; i++) {
		while (!l->err && i - l->noticed >= SLOTS) {
			if (poll(&pfd, 1, PATIENCE_MS) != 1)
				l->err = -ETIMEDOUT;
			lender_notices(l);
		}
		slot = pages + (size_t)(i % SLOTS) * 2 * PAGE;
		pattern_fill(slot, 5000, i * 5000);
		if (lend(l->fd, slot, 5000) != 5000)
			l->err = -EIO;
	}
	while (!l->err && l->noticed < CALLS) {
		if (poll(&pfd, 1, PATIENCE_MS) != 1)
			l->err = -ETIMEDOUT;
		lender_notices(l);
	}
	return NULL;
}

TEST_F(zerocopy, buffers_in_turn)
{
	struct lender l = { .f = self->f, .fd = self->c };
	pthread_t thread;
	int i;

	if (is_inet(self->f) && self->type == SOCK_DGRAM)
		SKIP(return, "UDP notifies at once, and drops");
	ASSERT_EQ(0, pthread_create(&thread, NULL, lend_many, &l));
	for (i = 0; i < CALLS; i++) {
		ASSERT_EQ(5000, recv_all(self->s, back, 5000));
		ASSERT_EQ(-1, pattern_differs(back, 5000, i * 5000));
	}
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(0, l.err);
	EXPECT_EQ(CALLS, l.noticed);
}

TEST_HARNESS_MAIN
