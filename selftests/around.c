// SPDX-License-Identifier: GPL-2.0
/*
 * What faults.c does, to those who look at sockets and to io_uring, which calls them by
 * another way: what is told is whole, or there is an error, and nobody else notices.
 */

#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/ioctl.h>

#include <linux/vm_sockets.h>

#ifdef HAVE_LIBURING
#include <liburing.h>
#endif

#include "fault.h"
#include "fixtures.h"
#include "netlink.h"

/* More than one message of netlink holds. */
#define MANY	80

static struct diag seen[MANY + 10];
static char in[20000], out[20000];

FIXTURE(around) {
	struct faults f;
	int users, fd[2];
};

FIXTURE_SETUP(around)
{
	const char *why;

	self->users = module_users();
	why = faults_begin(&self->f);
	if (why)
		SKIP(return, "%s", why);
	ASSERT_EQ(0, connected_pair(&family_kite, self->fd));
	pattern_fill(out, sizeof(out), 0);
}

FIXTURE_TEARDOWN(around) { }

#define EXPECT_ALL_DONE(self)						\
	do {								\
		close((self)->fd[0]);					\
		close((self)->fd[1]);					\
		EXPECT_DONE(self);					\
	} while (0)

/* The files */

/* All of it: how many bytes, or the error of the call that gave one. */
static ssize_t read_file(const char *path, char *text, size_t size)
{
	int fd = ERR(open(path, O_RDONLY | O_CLOEXEC));
	ssize_t n, len = 0;

	if (fd < 0)
		return fd;
	do {
		n = ERR(read(fd, text + len, size - len));
		len += n > 0 ? n : 0;
	} while (n > 0);
	close(fd);
	return n < 0 ? n : len;
}

/* Nobody does anything meanwhile, so it always says the same. */
static void read_with_faults(struct __test_metadata *_metadata, struct faults *f,
			     const char *path)
{
	static char want[8192], text[8192];
	ssize_t n = 0, len;

	len = read_file(path, want, sizeof(want));
	ASSERT_LT(0, len);
	EACH_FAULT(f) {
		n = FAULTY(f, read_file(path, text, sizeof(text)));
		/* procfs says so of an inode that it has no memory for. */
		if (n == -ENOENT)
			n = -ENOMEM;
		EXPECT_TRUE(n == len ? !memcmp(want, text, len) : fault_excuses(f, n))
			TH_LOG("%s: %zd of %zd in round %u: %.*s", path, n, len, f->nth,
			       n < 0 ? 0 : (int)n, text);
	}
	EXPECT_EQ(len, n);
}

TEST_F(around, proc_files)
{
	struct dirent *entry;
	char path[300];
	DIR *dir;

	ASSERT_EQ(3, send(self->fd[0], "abc", 3, 0));
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", self->fd[1]);
	read_with_faults(_metadata, &self->f, path);

	/* This namespace's, and all that this kite.ko has there. */
	dir = opendir("/proc/thread-self/net");
	ASSERT_NE(NULL, dir);
	while ((entry = readdir(dir))) {
		if (!strstr(entry->d_name, "kite"))
			continue;
		snprintf(path, sizeof(path), "/proc/thread-self/net/%s", entry->d_name);
		read_with_faults(_metadata, &self->f, path);
	}
	closedir(dir);
	EXPECT_ALL_DONE(self);
}

TEST_F(around, sysctl)
{
	read_with_faults(_metadata, &self->f, "/proc/sys/net/kite/close_timeout");
	read_with_faults(_metadata, &self->f, "/proc/sys/net/kite/port_range");
	EXPECT_ALL_DONE(self);
}

/* With another number there is no such file, or it is another module's. */
TEST_F(around, dev_vsock)
{
	unsigned int cid = 0;
	int fd, err;

	if (family_kite.domain() != AF_VSOCK)
		SKIP(return, "Kite is not AF_VSOCK here: see --module-args family=40");
	EACH_FAULT(&self->f) {
		fd = FAULTY(&self->f, open("/dev/vsock", O_RDONLY | O_CLOEXEC));
		EXPECT_EXCUSED(fd);
		if (fd >= 0)
			close(fd);
	}
	fd = open("/dev/vsock", O_RDONLY | O_CLOEXEC);
	EACH_FAULT(&self->f) {
		err = FAULTY(&self->f, ioctl(fd, IOCTL_VM_SOCKETS_GET_LOCAL_CID, &cid));
		EXPECT_EXCUSED(err);
	}
	EXPECT_EQ(KITE_NODE_LOCAL, cid);
	close(fd);
	EXPECT_ALL_DONE(self);
}

/* sock_diag */

/* Who does not get all of them gets an error; a dump that is left alone holds nothing. */
TEST_F(around, diag_dump)
{
	struct kite_diag_req req = diag_req();
	int fd[MANY - 2], i, nl, n = 0;

	for (i = 0; i < MANY - 2; i++) {
		fd[i] = ERR(socket(family_kite.domain(), SOCK_STREAM, 0));
		ASSERT_LE(0, fd[i]);
	}
	EACH_FAULT(&self->f) {
		nl = diag_open();
		ASSERT_LE(0, nl);
		n = FAULTY(&self->f, diag_all(nl, &req, seen, ARRAY_SIZE(seen)));
		EXPECT_EXCUSED(n);
		if (n >= 0)
			EXPECT_EQ(MANY, n);
		close(nl);
	}
	EXPECT_EQ(MANY, n);
	for (i = 0; i < MANY - 2; i++)
		close(fd[i]);
	EXPECT_ALL_DONE(self);
}

TEST_F(around, diag_one)
{
	struct diag d = {}, before;
	struct kite_diag_req req;
	int nl, err;

	ASSERT_EQ(0, diag_name(self->fd[0], &req));
	nl = diag_open();
	ASSERT_EQ(0, diag_one(nl, &req, &before));
	close(nl);
	EACH_FAULT(&self->f) {
		nl = diag_open();
		err = FAULTY(&self->f, diag_one(nl, &req, &d));
		EXPECT_EXCUSED(err);
		if (!err)
			EXPECT_EQ(0, memcmp(&before.credit, &d.credit, sizeof(d.credit)));
		close(nl);
	}
	EXPECT_EQ(0, err);
	EXPECT_ALL_DONE(self);
}

/* It is destroyed if that is what was answered; an error may be the answer's own. */
TEST_F(around, diag_destroy)
{
	struct kite_diag_req req;
	int nl, err, fd[2];
	char c;

	EACH_FAULT(&self->f) {
		ASSERT_EQ(0, connected_pair(&family_kite, fd));
		ASSERT_EQ(0, diag_name(fd[0], &req));
		nl = diag_open();
		err = FAULTY(&self->f, diag_destroy(nl, &req));
		close(nl);
		EXPECT_EXCUSED(err);
		if (err && send(fd[0], "x", 1, MSG_NOSIGNAL) == 1) {
			EXPECT_EQ(1, recv(fd[1], &c, 1, 0));
		} else {
			EXPECT_EQ(-EPIPE, ERR(send(fd[0], "x", 1, MSG_NOSIGNAL)));
			EXPECT_GE(0, recv(fd[1], &c, 1, 0));
		}
		close(fd[0]);
		close(fd[1]);
	}
	EXPECT_EQ(0, err);
	EXPECT_ALL_DONE(self);
}

/* Events: who misses one hears that he did. */

static bool event_came(int nl, int event)
{
	struct diag d;
	int err;

	do {
		err = event_wait(nl, &d);
	} while (!err && d.event != event);
	return !err || err == -ENOBUFS;
}

TEST_F(around, events)
{
	static const int types[] = { SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM, SOCK_RAW };
	int fd, nl, err;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(types); i++) {
		EACH_FAULT(&self->f) {
			nl = event_open();
			ASSERT_LE(0, nl);
			fd = FAULTY(&self->f, socket(family_kite.domain(), types[i], 0));
			EXPECT_EXCUSED(fd);
			if (fd >= 0)
				EXPECT_TRUE(event_came(nl, KITE_EVENT_CREATED));
			close(fd);
			close(nl);
		}
		EACH_FAULT(&self->f) {
			nl = event_open();
			ASSERT_LE(0, nl);
			fd = ERR(socket(family_kite.domain(), types[i], 0));
			err = FAULTY(&self->f, close(fd));
			EXPECT_EQ(0, err);
			EXPECT_TRUE(event_came(nl, KITE_EVENT_CLOSED));
			close(nl);
		}
	}
	EXPECT_ALL_DONE(self);
}

/* Who talks does not notice that somebody listens to events. */
TEST_F(around, talking_with_events)
{
	int nl = event_open(), err, fd[2];

	ASSERT_LE(0, nl);
	EACH_FAULT(&self->f) {
		ASSERT_EQ(0, pair_of_type(&family_kite, SOCK_SEQPACKET, fd));
		err = FAULTY(&self->f, shutdown(fd[0], SHUT_WR));
		EXPECT_EQ(0, err);
		EXPECT_EQ(0, recv(fd[1], in, 1, 0));
		close(fd[0]);
		close(fd[1]);
	}
	close(nl);
	EXPECT_ALL_DONE(self);
}

/* io_uring */

#ifdef HAVE_LIBURING

FIXTURE(ring) {
	struct faults f;
	struct io_uring ring;
	int users, fd[2];
};

FIXTURE_SETUP(ring)
{
	const char *why;

	self->users = module_users();
	why = faults_begin(&self->f);
	if (why)
		SKIP(return, "%s", why);
	if (io_uring_queue_init(8, &self->ring, 0))
		SKIP(return, "io_uring is off");
	ASSERT_EQ(0, connected_pair(&family_kite, self->fd));
	pattern_fill(out, sizeof(out), 0);
}

FIXTURE_TEARDOWN(ring) { }

static int completion(struct io_uring *ring, unsigned int *flags)
{
	struct __kernel_timespec patience = { .tv_sec = PATIENCE_MS / 1000 };
	struct io_uring_cqe *cqe;
	int err;

	err = io_uring_wait_cqe_timeout(ring, &cqe, &patience);
	if (err)
		return err == -ETIME ? -ETIMEDOUT : err;
	err = cqe->res;
	*flags = cqe->flags;
	io_uring_cqe_seen(ring, cqe);
	return err;
}

/* What was prepared, with a fault. What the ring could not begin is begun again. */
static int ring_result(struct faults *f, struct io_uring *ring, unsigned int *flags)
{
	int n;

	faults_arm(f);
	n = io_uring_submit(ring);
	faults_disarm(f);
	while (n == -EAGAIN || n == -EFAULT || n == -ENOMEM)
		n = io_uring_submit(ring);
	return n < 0 ? n : completion(ring, flags);
}

#define RING(what, ...)							\
({									\
	io_uring_prep_ ## what(io_uring_get_sqe(&self->ring), ##__VA_ARGS__); \
	ring_result(&self->f, &self->ring, &flags);			\
})

TEST_F(ring, send)
{
	unsigned int flags;
	int n;

	EACH_FAULT(&self->f) {
		n = RING(send, self->fd[0], out, sizeof(out), 0);
		EXPECT_EXCUSED(n);
		n = n < 0 ? 0 : n;
		EXPECT_EQ(n, recv_all(self->fd[1], in, n));
		EXPECT_EQ(-1, pattern_differs(in, n, 0));
		EXPECT_EQ(-EAGAIN, ERR(recv(self->fd[1], in, 1, MSG_DONTWAIT)));
	}
	EXPECT_EQ((int)sizeof(out), n);
	io_uring_queue_exit(&self->ring);
	EXPECT_ALL_DONE(self);
}

/* For each message that was sent there is a notification, and for no other. */
TEST_F(ring, send_zc)
{
	unsigned int flags = 0;
	int n;

	EACH_FAULT(&self->f) {
		n = RING(send_zc, self->fd[0], out, sizeof(out), 0, 0);
		if (n == -EINVAL)
			SKIP(return, "this kernel's io_uring has no send_zc");
		EXPECT_EXCUSED(n);
		n = n < 0 ? 0 : n;
		EXPECT_EQ(n, recv_all(self->fd[1], in, n));
		EXPECT_EQ(-1, pattern_differs(in, n, 0));
		EXPECT_EQ(-EAGAIN, ERR(recv(self->fd[1], in, 1, MSG_DONTWAIT)));
		if (flags & IORING_CQE_F_MORE)
			EXPECT_LE(0, completion(&self->ring, &flags));
		EXPECT_FALSE(flags & IORING_CQE_F_MORE);
	}
	EXPECT_EQ((int)sizeof(out), n);
	io_uring_queue_exit(&self->ring);
	EXPECT_ALL_DONE(self);
}

TEST_F(ring, recv)
{
	const int all = sizeof(out);
	unsigned int flags;
	int n;

	EACH_FAULT(&self->f) {
		ASSERT_EQ(all, send_all(self->fd[0], out, all));
		ASSERT_EQ(all, BECOMES(all, bytes_to_read(self->fd[1])));
		n = RING(recv, self->fd[1], in, all, 0);
		EXPECT_EXCUSED(n);
		n = n < 0 ? 0 : n;
		EXPECT_EQ(all - n, recv_all(self->fd[1], in + n, all - n));
		EXPECT_EQ(-1, pattern_differs(in, all, 0));
	}
	io_uring_queue_exit(&self->ring);
	EXPECT_ALL_DONE(self);
}

TEST_F(ring, connect_and_accept)
{
	struct address addr;
	unsigned int flags;
	int l, c, s, n;

	l = listener(&family_kite, 5, &addr);
	ASSERT_LE(0, l);
	kite_address(&addr, port_of(&addr), KITE_NODE_LOCAL);
	EACH_FAULT(&self->f) {
		c = ERR(socket(family_kite.domain(), SOCK_STREAM, 0));
		n = RING(connect, c, &addr.sa, addr.len);
		EXPECT_EXCUSED(n);
		if (n < 0)
			ASSERT_EQ(0, connect_to(c, &addr));
		s = ERR(accept(l, NULL, NULL));
		EXPECT_EQ(1, send(c, "x", 1, MSG_NOSIGNAL));
		EXPECT_EQ(1, recv(s, in, 1, 0));
		close(c);
		close(s);
	}
	EACH_FAULT(&self->f) {
		c = connector(&family_kite, &addr);
		ASSERT_LE(0, c);
		s = RING(accept, l, NULL, NULL, SOCK_CLOEXEC);
		EXPECT_EXCUSED(s);
		if (s < 0)
			s = ERR(accept(l, NULL, NULL));
		EXPECT_EQ(1, send(c, "x", 1, MSG_NOSIGNAL));
		EXPECT_EQ(1, recv(s, in, 1, 0));
		close(c);
		close(s);
	}
	close(l);
	io_uring_queue_exit(&self->ring);
	EXPECT_ALL_DONE(self);
}

#else

TEST(ring)
{
	SKIP(return, "built without liburing");
}

#endif

TEST_HARNESS_MAIN
