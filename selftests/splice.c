// SPDX-License-Identifier: GPL-2.0
/* splice, vmsplice, tee and sendfile, with AF_UNIX and TCP as the oracles. */

#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/utsname.h>

#include "fixtures.h"

#define PAGE	4096
#define BIG	1048576

static char data[BIG], back[BIG];

/* What goes into a pipe without a copy. */
static alignas(PAGE) char pages[16 * PAGE];

static long move(int from, int to, size_t len, int flags)
{
	return ERR(splice(from, NULL, to, NULL, len, flags));
}

/* Puts memory into a pipe: how much, or an error. */
static long give(int pipe_in, void *buf, size_t len)
{
	struct iovec iov = { buf, len };

	return ERR(vmsplice(pipe_in, &iov, 1, 0));
}

/* Reads all that is in a pipe, nobody else writing to it. */
static long take(int pipe_out, void *buf, size_t len)
{
	long done = 0, ret;

	fcntl(pipe_out, F_SETFL, O_NONBLOCK);
	do {
		ret = ERR(read(pipe_out, (char *)buf + done, len - done));
		done += ret > 0 ? ret : 0;
	} while (ret > 0 && (size_t)done < len);
	return done;
}

static int file_of_pattern(size_t len)
{
	int fd = ERR(memfd_create("pattern", MFD_CLOEXEC));

	if (fd < 0)
		return fd;
	pattern_fill(data, len, 0);
	if (ERR(write(fd, data, len)) == (long)len && !lseek(fd, 0, SEEK_SET))
		return fd;
	close(fd);
	return -EIO;
}

/* Out of a stream */

/* A connection, and a pipe: @out is read, @in is written. */
FIXTURE(splice) {
	const struct family *f;
	int fd[2], c, s;
	int pipe[2], out, in;
};

KITE_UNIX_INET(splice);

FIXTURE_SETUP(splice)
{
	self->f = variant->f;
	make_pair_by(_metadata, self->f, self->fd, connected_pair);
	ASSERT_EQ(0, pipe2(self->pipe, O_CLOEXEC));
	self->c = self->fd[0];
	self->s = self->fd[1];
	self->out = self->pipe[0];
	self->in = self->pipe[1];
}

FIXTURE_TEARDOWN(splice) { }

TEST_F(splice, moves_what_is_there)
{
	char buf[16];

	EXPECT_EQ(5, send(self->c, "01234", 5, 0));
	EXPECT_EQ(3, move(self->s, self->in, 3, 0));
	EXPECT_EQ(2, move(self->s, self->in, 100, 0));
	EXPECT_EQ(5, take(self->out, buf, sizeof(buf)));
	EXPECT_EQ(0, memcmp(buf, "01234", 5));
	EXPECT_EQ(0, bytes_to_read(self->s));
}

TEST_F(splice, goes_on_where_recv_was)
{
	char buf[16];

	EXPECT_EQ(10, send(self->c, "0123456789", 10, 0));
	EXPECT_EQ(2, recv(self->s, buf, 2, 0));
	EXPECT_EQ(4, move(self->s, self->in, 4, 0));
	EXPECT_EQ(4, recv(self->s, buf, sizeof(buf), 0));
	EXPECT_EQ(0, memcmp(buf, "6789", 4));
	EXPECT_EQ(4, take(self->out, buf, sizeof(buf)));
	EXPECT_EQ(0, memcmp(buf, "2345", 4));
}

TEST_F(splice, many_writes_at_once)
{
	char buf[400];
	int i;

	ASSERT_EQ(BIG, fcntl(self->in, F_SETPIPE_SZ, BIG));
	for (i = 0; i < 100; i++) {
		pattern_fill(buf, 3, 3 * i);
		ASSERT_EQ(3, send(self->c, buf, 3, 0));
	}
	EXPECT_EQ(300, BECOMES(300, bytes_to_read(self->s)));
	for (i = 0; i < 300; )
		i += move(self->s, self->in, 300 - i, 0);
	EXPECT_EQ(300, take(self->out, buf, sizeof(buf)));
	EXPECT_EQ(-1, pattern_differs(buf, 300, 0));
}

TEST_F(splice, stops_when_the_pipe_is_full)
{
	long total = 0, ret;

	ASSERT_EQ(PAGE, fcntl(self->in, F_SETPIPE_SZ, PAGE));
	pattern_fill(data, 3 * PAGE, 0);
	ASSERT_EQ(3 * PAGE, send_all(self->c, data, 3 * PAGE));
	EXPECT_EQ(3 * PAGE, BECOMES(3 * PAGE, bytes_to_read(self->s)));
	while (total < 3 * PAGE) {
		ret = move(self->s, self->in, BIG, 0);
		ASSERT_LT(0, ret);
		EXPECT_EQ(-EAGAIN, move(self->s, self->in, BIG, SPLICE_F_NONBLOCK));
		ASSERT_EQ(ret, take(self->out, back + total, BIG));
		total += ret;
	}
	EXPECT_EQ(-1, pattern_differs(back, 3 * PAGE, 0));
	EXPECT_EQ(0, bytes_to_read(self->s));
}

/* What is in the pipe does not change when buffers are used for something else. */
TEST_F(splice, pipe_keeps_what_it_got)
{
	static const size_t sizes[] = { 100, 1500, 5000, 60000 };
	size_t i, total = 0;
	int j;

	ASSERT_EQ(BIG, fcntl(self->in, F_SETPIPE_SZ, BIG));
	for (i = 0; i < 4; i++) {
		pattern_fill(data, sizes[i], total);
		ASSERT_EQ((ssize_t)sizes[i], send_all(self->c, data, sizes[i]));
		total += sizes[i];
	}
	for (total = 0; total < 40000; ) {
		long ret = move(self->s, self->in, 40000 - total, 0);

		ASSERT_LT(0, ret);
		total += ret;
	}
	memset(data, 0xee, sizeof(data));
	EXPECT_EQ(26600, recv_all(self->s, back, 26600));
	for (j = 0; j < 50; j++)
		for (i = 0; i < 4; i++) {
			ASSERT_EQ((ssize_t)sizes[i], send_all(self->c, data, sizes[i]));
			ASSERT_EQ((ssize_t)sizes[i], recv_all(self->s, back, sizes[i]));
		}
	EXPECT_EQ(40000, take(self->out, back, sizeof(back)));
	EXPECT_EQ(-1, pattern_differs(back, 40000, 0));
}

/* With more behind it in the same buffer, before and after. */
TEST_F(splice, while_more_is_appended)
{
	char buf[200];
	int i;

	for (i = 0; i < 100; i++) {
		pattern_fill(buf, 2, 2 * i);
		ASSERT_EQ(2, send(self->c, buf, 2, 0));
		EXPECT_EQ(1, move(self->s, self->in, 1, 0));
		EXPECT_EQ(1, take(self->out, back + i, 1));
	}
	EXPECT_EQ(-1, pattern_differs(back, 100, 0));
	EXPECT_EQ(100, recv_all(self->s, buf, 100));
	EXPECT_EQ(-1, pattern_differs(buf, 100, 100));
}

TEST_F(splice, nothing_there)
{
	long began;

	EXPECT_EQ(0, set_timeout(self->s, SO_RCVTIMEO, TIMEOUT_MS));
	began = now_ms();
	EXPECT_EQ(-EAGAIN, move(self->s, self->in, 1, 0));
	EXPECT_LE(TIMED_OUT_MS, now_ms() - began);

	/* TCP looks at the socket alone. */
	EXPECT_EQ(0, set_timeout(self->s, SO_RCVTIMEO, 0));
	if (!is_inet(self->f))
		EXPECT_EQ(-EAGAIN, move(self->s, self->in, 1, SPLICE_F_NONBLOCK));
	EXPECT_EQ(0, set_nonblocking(self->s, true));
	EXPECT_EQ(-EAGAIN, move(self->s, self->in, 1, 0));
}

TEST_F(splice, waits_for_data)
{
	struct async a;
	char c;

	async_splice(&a, self->s, self->in, 10);
	EXPECT_TRUE(async_blocks(&a));
	EXPECT_EQ(1, send(self->c, "x", 1, 0));
	EXPECT_EQ(1, async_result(&a));
	EXPECT_EQ(1, take(self->out, &c, 1));
	EXPECT_EQ('x', c);
}

TEST_F(splice, signal_interrupts)
{
	struct async a;

	catch_signal(SIGUSR1, 0);
	async_splice(&a, self->s, self->in, 10);
	EXPECT_TRUE(async_blocks(&a));
	async_signal(&a, SIGUSR1);
	EXPECT_EQ(-EINTR, async_result(&a));
	EXPECT_EQ(1, caught_signals());
}

TEST_F(splice, end)
{
	EXPECT_EQ(1, send(self->c, "x", 1, 0));
	EXPECT_EQ(0, shutdown(self->c, SHUT_WR));
	EXPECT_EQ(1, move(self->s, self->in, 10, 0));
	EXPECT_EQ(0, move(self->s, self->in, 10, 0));
	EXPECT_EQ(0, move(self->s, self->in, 10, 0));
}

TEST_F(splice, end_wakes)
{
	struct async a;

	async_splice(&a, self->s, self->in, 10);
	EXPECT_TRUE(async_blocks(&a));
	EXPECT_EQ(0, close(self->c));
	EXPECT_EQ(0, async_result(&a));
}

TEST_F(splice, reset)
{
	EXPECT_EQ(1, send(self->s, "x", 1, 0));
	EXPECT_EQ(1, BECOMES(1, bytes_to_read(self->c)));
	EXPECT_EQ(0, close(self->c));
	EXPECT_EQ(POLLERR, BECOMES(POLLERR, revents(self->s) & POLLERR));
	EXPECT_EQ(-ECONNRESET, move(self->s, self->in, 10, 0));
	EXPECT_EQ(0, move(self->s, self->in, 10, 0));
}

TEST_F(splice, not_connected)
{
	int fd = stream_socket(self->f);

	EXPECT_EQ(by_family(self->f, -ENOTCONN, -EINVAL, -ENOTCONN),
		  move(fd, self->in, 1, 0));
}

TEST_F(splice, no_offset)
{
	loff_t off = 0;

	EXPECT_EQ(1, send(self->c, "x", 1, 0));
	EXPECT_EQ(-EINVAL, ERR(splice(self->s, &off, self->in, NULL, 1, 0)));
	EXPECT_EQ(1, move(self->s, self->in, 1, 0));
}

TEST_F(splice, pipe_without_reader)
{
	signal(SIGPIPE, SIG_IGN);
	EXPECT_EQ(1, send(self->c, "x", 1, 0));
	EXPECT_EQ(0, close(self->out));
	EXPECT_EQ(-EPIPE, move(self->s, self->in, 1, 0));
	EXPECT_EQ(1, BECOMES(1, bytes_to_read(self->s)));
}

struct relay {
	int from, to, pipe[2];
	size_t total;
	long err;
};

/* What a proxy does: from one socket to another, through a pipe. */
static void *relay(void *arg)
{
	struct relay *r = arg;
	size_t done = 0;
	long n, m;

	while (done < r->total) {
		n = move(r->from, r->pipe[1], r->total - done, SPLICE_F_MOVE);
		if (n <= 0)
			break;
		for (done += n; n > 0; n -= m) {
			m = move(r->pipe[0], r->to, n, SPLICE_F_MOVE);
			if (m <= 0)
				goto out;
		}
	}
out:
	r->err = done == r->total ? 0 : -EIO;
	shutdown(r->to, SHUT_WR);
	return NULL;
}

/* A file goes through two connections, with a proxy in the middle. */
TEST_F(splice, through_a_proxy)
{
	int file = file_of_pattern(BIG), fd[2];
	struct relay first = { .from = self->s, .total = BIG };
	pthread_t sender, proxy;
	struct relay send = { .from = file, .to = self->c, .total = BIG };

	ASSERT_LE(0, file);
	ASSERT_EQ(0, connected_pair(self->f, fd));
	first.to = fd[0];
	ASSERT_EQ(0, pipe(first.pipe) | pipe(send.pipe));
	ASSERT_EQ(0, pthread_create(&sender, NULL, relay, &send));
	ASSERT_EQ(0, pthread_create(&proxy, NULL, relay, &first));
	EXPECT_EQ(BIG, recv_all(fd[1], back, BIG));
	EXPECT_EQ(0, recv(fd[1], back, 1, 0) | pthread_join(sender, NULL) |
		     pthread_join(proxy, NULL));
	EXPECT_EQ(0, send.err);
	EXPECT_EQ(0, first.err);
	pattern_fill(data, 1, 0);
	EXPECT_EQ(data[0], back[0]);
	EXPECT_EQ(-1, pattern_differs(back, BIG, 0));
}

/* Into sockets of all types, and out of records and datagrams */

TYPED_PAIR_FIXTURE(into);

TYPE_VARIANT(into, kite, STREAM);
TYPE_VARIANT(into, kite, SEQPACKET);
TYPE_VARIANT(into, kite, DGRAM);
TYPE_VARIANT(into, unix, STREAM);
TYPE_VARIANT(into, unix, SEQPACKET);
TYPE_VARIANT(into, unix, DGRAM);
TYPE_VARIANT(into, inet, STREAM);
TYPE_VARIANT(into, inet, DGRAM);

/* Reads as many messages as that takes: how many, or an error. */
static int messages_of(int fd, char *buf, size_t len)
{
	size_t done = 0;
	int n = 0;

	while (done < len) {
		long ret = ERR(recv(fd, buf + done, len - done, 0));

		if (ret <= 0)
			return ret ?: -EPIPE;
		done += ret;
		n++;
	}
	return n;
}

TEST_F(into, pages)
{
	int out[2], n = 0;

	ASSERT_EQ(0, pipe(out));
	pattern_fill(pages, sizeof(pages), 0);
	EXPECT_EQ(2 * PAGE, give(out[1], pages, 2 * PAGE));
	EXPECT_EQ(1000, give(out[1], pages + 2 * PAGE, 1000));
	while (n < 2 * PAGE + 1000) {
		long ret = move(out[0], self->c, 2 * PAGE + 1000 - n, 0);

		ASSERT_LT(0, ret);
		n += ret;
	}
	EXPECT_LE(1, messages_of(self->s, back, n));
	EXPECT_EQ(-1, pattern_differs(back, n, 0));
}

/* A few bytes of many pages. */
TEST_F(into, crumbs)
{
	int out[2], i;

	ASSERT_EQ(0, pipe(out));
	pattern_fill(pages, sizeof(pages), 0);
	for (i = 0; i < 10; i++)
		EXPECT_EQ(7, give(out[1], pages + i * PAGE, 7));
	for (i = 0; i < 70; i += 7) {
		/* Not more than one at a time on old kernels. */
		long ret = move(out[0], self->c, 7, 0);

		ASSERT_EQ(7, ret);
	}
	for (i = 0; i < 10; i++) {
		EXPECT_LE(1, messages_of(self->s, back, 7));
		EXPECT_EQ(-1, pattern_differs(back, 7, i * PAGE));
	}
}

/* One call makes as many messages as it does with AF_UNIX on this kernel. */
TEST_F(into, how_many_messages)
{
	int out[2], fd[2], n[2], i;

	if (self->type == SOCK_STREAM || is_inet(self->f))
		SKIP(return, "nothing to compare");
	ASSERT_EQ(0, pair_of_type(&family_unix, self->type, fd));
	pattern_fill(pages, sizeof(pages), 0);
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, pipe(out));
		EXPECT_EQ(3 * PAGE, give(out[1], pages, 3 * PAGE));
		EXPECT_EQ(3 * PAGE, move(out[0], i ? fd[0] : self->c, 3 * PAGE, 0));
		n[i] = messages_of(i ? fd[1] : self->s, back, 3 * PAGE);
		EXPECT_EQ(-1, pattern_differs(back, 3 * PAGE, 0));
	}
	EXPECT_EQ(n[1], n[0]);
}

TEST_F(into, sendfile_from_a_file)
{
	int file = file_of_pattern(50000);
	struct async a;
	off_t off = 100;

	ASSERT_LE(0, file);
	async_call(&a, SYS_sendfile, self->c, file, (long)&off, 40000);
	EXPECT_LE(1, messages_of(self->s, back, 40000));
	EXPECT_EQ(40000, async_result(&a));
	EXPECT_EQ(-1, pattern_differs(back, 40000, 100));
	EXPECT_EQ(40100, off);
}

TEST_F(into, sendfile_from_a_socket)
{
	EXPECT_EQ(1, send(self->c, "x", 1, 0));
	EXPECT_EQ(-EINVAL, ERR(sendfile(self->c, self->s, NULL, 1)));
}

TEST_F(into, tee)
{
	int a[2], b[2];

	ASSERT_EQ(0, pipe(a) | pipe(b));
	pattern_fill(pages, PAGE, 0);
	EXPECT_EQ(PAGE, give(a[1], pages, PAGE));
	EXPECT_EQ(PAGE, ERR(tee(a[0], b[1], PAGE, 0)));
	EXPECT_EQ(PAGE, move(a[0], self->c, PAGE, 0));
	EXPECT_EQ(PAGE, move(b[0], self->c, PAGE, 0));
	EXPECT_LE(1, messages_of(self->s, back, PAGE));
	EXPECT_EQ(-1, pattern_differs(back, PAGE, 0));
	EXPECT_LE(1, messages_of(self->s, back, PAGE));
	EXPECT_EQ(-1, pattern_differs(back, PAGE, 0));
}

/* From one socket into a pipe, and the same pages into another socket. */
TEST_F(into, what_came_out_of_a_socket)
{
	int fd[2], out[2], i;
	long n, ret;

	ASSERT_EQ(0, connected_pair(self->f, fd) | pipe(out));
	for (i = 0; i < 20; i++) {
		pattern_fill(data, 3 * PAGE, i);
		ASSERT_EQ(3 * PAGE, send_all(fd[0], data, 3 * PAGE));
		for (n = 0; n < 3 * PAGE; n += ret) {
			ret = move(fd[1], out[1], 3 * PAGE - n, 0);
			ASSERT_LT(0, ret);
		}
		for (n = 0; n < 3 * PAGE; n += ret) {
			ret = move(out[0], self->c, 3 * PAGE - n, 0);
			ASSERT_LT(0, ret);
		}
		EXPECT_LE(1, messages_of(self->s, back, 3 * PAGE));
		EXPECT_EQ(-1, pattern_differs(back, 3 * PAGE, i));
	}
}

TEST_F(into, full)
{
	struct async a;
	int out[2];
	long n = 0, ret;

	if (self->type == SOCK_DGRAM || is_inet(self->f))
		SKIP(return, "AF_UNIX tells what a full stream does");
	ASSERT_EQ(0, pipe(out));
	ASSERT_EQ(0, set_nonblocking(self->c, true));
	pattern_fill(pages, PAGE, 0);
	do {
		ASSERT_EQ(PAGE, give(out[1], pages, PAGE));
		ret = move(out[0], self->c, PAGE, 0);
		n += ret > 0 ? ret : 0;
	} while (ret == PAGE);
	/* What was not sent is still in the pipe. */
	EXPECT_EQ(ret < 0 ? PAGE : PAGE - ret, bytes_to_read(out[0]));
	if (ret < 0)
		EXPECT_EQ(-EAGAIN, ret);
	ASSERT_EQ(0, set_nonblocking(self->c, false));
	async_splice(&a, out[0], self->c, PAGE);
	EXPECT_TRUE(async_blocks(&a));
	EXPECT_LE(1, messages_of(self->s, back, n / PAGE * PAGE));
	EXPECT_LT(0, async_result(&a));
}

TEST_F(into, peer_gone)
{
	int out[2], want = -EPIPE;

	if (is_inet(self->f))
		SKIP(return, "not at once");
	ASSERT_EQ(0, pipe(out));
	signal(SIGPIPE, SIG_IGN);
	EXPECT_EQ(PAGE, give(out[1], pages, PAGE));
	EXPECT_EQ(0, close(self->s));
	if (self->type == SOCK_DGRAM)
		/* Over packets nobody hears of it at once. */
		want = peer_is_known(self->f) ? -ECONNREFUSED : PAGE;
	else
		EXPECT_EQ(POLLHUP, BECOMES(POLLHUP, revents_for(self->c, 0) & POLLHUP));
	EXPECT_EQ(want, move(out[0], self->c, PAGE, 0));
}

/* Each call takes one record or datagram; what does not fit is lost. */
TEST_F(into, and_out_again)
{
	char buf[16];
	int out[2];

	if (self->type == SOCK_STREAM)
		SKIP(return, "has tests of its own");
	ASSERT_EQ(0, pipe(out));
	EXPECT_EQ(3, send(self->c, "abc", 3, 0));
	EXPECT_EQ(5, send(self->c, "defgh", 5, 0));
	EXPECT_EQ(1, send(self->c, "i", 1, 0));
	EXPECT_EQ(3, move(self->s, out[1], 100, 0));
	EXPECT_EQ(2, move(self->s, out[1], 2, 0));
	EXPECT_EQ(1, move(self->s, out[1], 100, 0));
	EXPECT_EQ(6, take(out[0], buf, sizeof(buf)));
	EXPECT_EQ(0, memcmp(buf, "abcdei", 6));
	EXPECT_EQ(0, set_nonblocking(self->s, true));
	EXPECT_EQ(-EAGAIN, move(self->s, out[1], 1, 0));
}

/* Kernels before 6.5 copy for a family that does not do all by itself. */
static bool pages_are_offered(void)
{
	int major, minor;
	struct utsname name;

	uname(&name);
	if (sscanf(name.release, "%d.%d", &major, &minor) != 2)
		return false;
	return major > 6 || (major == 6 && minor >= 5);
}

/* Does a change of the page, after it was sent, reach the receiver? */
static bool pages_are_taken(int from, int to)
{
	int out[2];

	memset(pages, 'a', PAGE);
	if (pipe(out) || give(out[1], pages, PAGE) != PAGE ||
	    move(out[0], from, PAGE, 0) != PAGE)
		return false;
	memset(pages, 'b', PAGE);
	return recv(to, back, PAGE, MSG_WAITALL) == PAGE && back[0] == 'b' &&
	       back[PAGE - 1] == 'b';
}

/* What is queued costs the receiver so much memory. */
static long memory_of(int fd)
{
	unsigned int info[16];
	socklen_t len = sizeof(info);

	if (getsockopt(fd, SOL_SOCKET, SO_MEMINFO, info, &len))
		return -errno;
	return info[0];
}

/* Pages cost what they are, not what is used of them. */
TEST_F(into, whole_pages_are_charged)
{
	int out[2], i;

	if (!is_kite(self->f))
		SKIP(return, "charge the sender, and less");
	ASSERT_EQ(0, pipe(out));
	for (i = 0; i < 3; i++)
		EXPECT_EQ(1100, give(out[1], pages + i * PAGE, 1100));
	EXPECT_EQ(3300, move(out[0], self->c, 3300, 0));
	EXPECT_LT(pages_are_offered() ? 3 * PAGE : 3300, memory_of(self->s));
	EXPECT_LE(1, messages_of(self->s, back, 3300));
	EXPECT_EQ(0, memory_of(self->s));
}

/* So a page of which little is used is not queued. */
TEST_F(into, crumbs_are_copied)
{
	int out[2], i, ret;

	if (!is_kite(self->f))
		SKIP(return, "queue them");
	ASSERT_EQ(0, pipe(out));
	for (i = 0; i < 16; i++)
		EXPECT_EQ(8, give(out[1], pages + i * PAGE, 8));
	for (i = 0; i < 128; i += ret) {
		ret = move(out[0], self->c, 128 - i, 0);
		ASSERT_LT(0, ret);
	}
	/* Old kernels send each on its own. */
	EXPECT_GT(16 * PAGE / 2, memory_of(self->s));
	EXPECT_LE(1, messages_of(self->s, back, 128));
}

TEST_F(into, without_a_copy)
{
	if (!is_kite(self->f))
		SKIP(return, "they need not");
	EXPECT_EQ(pages_are_offered(), pages_are_taken(self->c, self->s));
}

TEST_HARNESS_MAIN
