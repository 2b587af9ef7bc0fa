// SPDX-License-Identifier: GPL-2.0
/*
 * Asynchronous I/O: io_uring, through liburing, and the poll of Linux AIO. AF_UNIX
 * and TCP are the oracles.
 */

#define _GNU_SOURCE
#include <linux/aio_abi.h>
#include <stdio.h>
#include <sys/syscall.h>

#ifdef HAVE_LIBURING
#include <liburing.h>
#endif

#include "fixtures.h"

/* Linux AIO */

PAIR_FIXTURE(aio, KITE_UNIX_INET);

static long aio_submit(aio_context_t ctx, int fd, int events)
{
	struct iocb cb = {
		.aio_fildes = fd,
		.aio_lio_opcode = IOCB_CMD_POLL,
		.aio_buf = events,
	}, *list = &cb;

	return ERR(syscall(SYS_io_submit, ctx, 1, &list));
}

/* Which events came, 0 for none, or an error. */
static long aio_events(aio_context_t ctx, int wait)
{
	struct timespec patience = { wait ? PATIENCE_MS / 1000 : 0, 0 };
	struct io_event event;
	long ret = ERR(syscall(SYS_io_getevents, ctx, wait, 1, &event, &patience));

	return ret == 1 ? (long)event.res : ret;
}

TEST_F(aio, poll)
{
	aio_context_t ctx = 0;

	ASSERT_EQ(0, ERR(syscall(SYS_io_setup, 4, &ctx)));
	EXPECT_EQ(1, aio_submit(ctx, self->s, POLLOUT));
	EXPECT_EQ(POLLOUT, aio_events(ctx, 1) & POLLOUT);

	EXPECT_EQ(1, aio_submit(ctx, self->s, POLLIN));
	EXPECT_EQ(0, aio_events(ctx, 0));
	EXPECT_EQ(1, send(self->c, "x", 1, 0));
	EXPECT_EQ(POLLIN, aio_events(ctx, 1) & POLLIN);

	/* It is there already. */
	EXPECT_EQ(1, aio_submit(ctx, self->s, POLLIN));
	EXPECT_EQ(POLLIN, aio_events(ctx, 1) & POLLIN);
	EXPECT_EQ(1, drain(self->s));

	EXPECT_EQ(1, aio_submit(ctx, self->s, POLLIN | POLLRDHUP));
	EXPECT_EQ(0, aio_events(ctx, 0));
	EXPECT_EQ(0, close(self->c));
	EXPECT_EQ(POLLIN | POLLRDHUP, aio_events(ctx, 1) & (POLLIN | POLLRDHUP));
	EXPECT_EQ(0, ERR(syscall(SYS_io_destroy, ctx)));
}

/* A context that goes while somebody waits in it. */
TEST_F(aio, destroy)
{
	aio_context_t ctx = 0;

	ASSERT_EQ(0, ERR(syscall(SYS_io_setup, 4, &ctx)));
	EXPECT_EQ(1, aio_submit(ctx, self->s, POLLIN));
	EXPECT_EQ(0, ERR(syscall(SYS_io_destroy, ctx)));
	EXPECT_EQ(1, send(self->c, "x", 1, 0));
	EXPECT_EQ(1, drain(self->s));
}

#ifndef HAVE_LIBURING

TEST(uring)
{
	SKIP(return, "built without liburing");
}

#else

#define BIG 400000

static char data[BIG], back[BIG];

/* io_uring */

static bool open_ring(struct __test_metadata *_metadata, struct io_uring *ring)
{
	/* Where there is one it wants an argument. */
	if (ERR(syscall(SYS_io_uring_setup, 1, NULL)) != -EFAULT)
		SKIP(return false, "io_uring is off: %s", strerror(errno));
	ASSERT_EQ(0, io_uring_queue_init(32, ring, 0));
	return true;
}

/* A ring and a connection. */
FIXTURE(uring) {
	const struct family *f;
	int fd[2], c, s;
	struct io_uring ring;
	struct io_uring_cqe last;
};

KITE_UNIX_INET(uring);

FIXTURE_SETUP(uring)
{
	self->f = variant->f;
	if (skip_family(_metadata, self->f) || !open_ring(_metadata, &self->ring))
		return;
	ASSERT_EQ(0, connected_pair(self->f, self->fd));
	self->c = self->fd[0];
	self->s = self->fd[1];
}

FIXTURE_TEARDOWN(uring) { }

#define NOTHING_YET	(-ETIME)

/* The next completion: its result, and all of it in @last. */
static int completion(struct io_uring *ring, struct io_uring_cqe *last)
{
	struct __kernel_timespec patience = { .tv_sec = PATIENCE_MS / 1000 };
	struct io_uring_cqe *cqe;
	int err;

	err = io_uring_wait_cqe_timeout(ring, &cqe, &patience);
	if (err)
		return err == -ETIME ? -ETIMEDOUT : err;
	*last = *cqe;
	io_uring_cqe_seen(ring, cqe);
	return last->res;
}

static bool completes_now(struct io_uring *ring)
{
	struct io_uring_cqe *cqe;

	return !io_uring_peek_cqe(ring, &cqe);
}

/* The id has to be set last: liburing's io_uring_prep_*() clear it. */
#define SUBMIT(ring, id, prep, ...)					\
({									\
	struct io_uring_sqe *__sqe = io_uring_get_sqe(ring);		\
									\
	io_uring_prep_ ## prep(__sqe, ##__VA_ARGS__);			\
	io_uring_sqe_set_data64(__sqe, id);				\
	io_uring_submit(ring);						\
})

#define NEXT() completion(&self->ring, &self->last)

TEST_F(uring, recv_waits_for_send)
{
	EXPECT_EQ(1, SUBMIT(&self->ring, 1, recv, self->s, back, 100, 0));
	EXPECT_FALSE(completes_now(&self->ring));
	EXPECT_EQ(1, SUBMIT(&self->ring, 2, send, self->c, "abc", 3, 0));
	/* In either order. */
	EXPECT_EQ(3, NEXT());
	EXPECT_EQ(3, NEXT());
	EXPECT_EQ(0, memcmp(back, "abc", 3));
}

TEST_F(uring, messages)
{
	struct iovec out[2] = { { "abc", 3 }, { "defg", 4 } };
	struct iovec in[2] = { { back, 2 }, { back + 10, 20 } };
	struct msghdr to = { .msg_iov = out, .msg_iovlen = 2 };
	struct msghdr from = { .msg_iov = in, .msg_iovlen = 2 };

	EXPECT_EQ(1, SUBMIT(&self->ring, 1, sendmsg, self->c, &to, 0));
	EXPECT_EQ(7, NEXT());
	EXPECT_EQ(1, SUBMIT(&self->ring, 2, recvmsg, self->s, &from, 0));
	EXPECT_EQ(7, NEXT());
	EXPECT_EQ(0, memcmp(back, "ab", 2));
	EXPECT_EQ(0, memcmp(back + 10, "cdefg", 5));
}

TEST_F(uring, read_and_write)
{
	EXPECT_EQ(1, SUBMIT(&self->ring, 1, read, self->s, back, 100, 0));
	EXPECT_FALSE(completes_now(&self->ring));
	EXPECT_EQ(1, SUBMIT(&self->ring, 2, write, self->c, "abc", 3, 0));
	EXPECT_EQ(3, NEXT());
	EXPECT_EQ(3, NEXT());
	EXPECT_EQ(0, memcmp(back, "abc", 3));
}

/* More than there is room for: the rest follows as it is read. */
TEST_F(uring, send_waits_for_room)
{
	size_t done = 0;
	ssize_t ret;

	pattern_fill(data, BIG, 0);
	EXPECT_EQ(1, SUBMIT(&self->ring, 1, send, self->c, data, BIG, MSG_WAITALL));
	while (done < BIG) {
		ret = recv(self->s, back + done, BIG - done, 0);
		ASSERT_LT(0, ret);
		done += ret;
	}
	EXPECT_EQ(-1, pattern_differs(back, BIG, 0));
	EXPECT_EQ(BIG, NEXT());
}

TEST_F(uring, recv_of_all)
{
	pattern_fill(data, 50000, 0);
	EXPECT_EQ(1, SUBMIT(&self->ring, 1, recv, self->s, back, 50000, MSG_WAITALL));
	EXPECT_EQ(20000, send_all(self->c, data, 20000));
	EXPECT_EQ(30000, send_all(self->c, data + 20000, 30000));
	EXPECT_EQ(50000, NEXT());
	EXPECT_EQ(-1, pattern_differs(back, 50000, 0));
}

/* A full socket: as long as it is, nothing completes. */
TEST_F(uring, full)
{
	ssize_t filled, drained;

	if (is_inet(self->f))
		SKIP(return, "TCP finds room by itself");
	filled = fill(self->f, self->c);
	ASSERT_LT(0, filled);
	EXPECT_EQ(1, SUBMIT(&self->ring, 1, send, self->c, "x", 1, 0));
	EXPECT_FALSE(completes_now(&self->ring));
	drained = drain(self->s);
	EXPECT_EQ(1, NEXT());
	EXPECT_EQ(filled + 1, drained + drain(self->s));
}

/* What must not wait does not. */
TEST_F(uring, do_not_wait)
{
	EXPECT_EQ(1, SUBMIT(&self->ring, 1, recv, self->s, back, 1, MSG_DONTWAIT));
	EXPECT_EQ(-EAGAIN, NEXT());
}

TEST_F(uring, cancel)
{
	EXPECT_EQ(1, SUBMIT(&self->ring, 1, recv, self->s, back, 1, 0));
	EXPECT_FALSE(completes_now(&self->ring));
	EXPECT_EQ(1, SUBMIT(&self->ring, 2, cancel64, 1, 0));
	/* The one that was cancelled, and the one that did it, in either order. */
	EXPECT_EQ(-ECANCELED, NEXT() ?: NEXT());
	EXPECT_EQ(1, send(self->c, "x", 1, 0));
	EXPECT_EQ(1, recv(self->s, back, 1, 0));
}

/* A ring that is closed while a call waits in it. */
TEST_F(uring, close_with_a_call)
{
	EXPECT_EQ(1, SUBMIT(&self->ring, 1, recv, self->s, back, 1, 0));
	io_uring_queue_exit(&self->ring);
	EXPECT_EQ(1, send(self->c, "x", 1, 0));
	EXPECT_EQ(1, recv(self->s, back, 1, 0));
}

TEST_F(uring, poll)
{
	EXPECT_EQ(1, SUBMIT(&self->ring, 1, poll_add, self->s, POLLIN));
	EXPECT_FALSE(completes_now(&self->ring));
	EXPECT_EQ(1, send(self->c, "x", 1, 0));
	EXPECT_EQ(POLLIN, NEXT() & POLLIN);
	EXPECT_EQ(1, SUBMIT(&self->ring, 2, poll_add, self->s, POLLIN));
	EXPECT_EQ(POLLIN, NEXT() & POLLIN);
	EXPECT_EQ(1, SUBMIT(&self->ring, 3, poll_add, self->c, POLLRDHUP));
	EXPECT_FALSE(completes_now(&self->ring));
	EXPECT_EQ(1, drain(self->s));
	EXPECT_EQ(0, close(self->s));
	EXPECT_EQ(POLLRDHUP, NEXT() & POLLRDHUP);
}

TEST_F(uring, shutdown)
{
	EXPECT_EQ(1, SUBMIT(&self->ring, 1, recv, self->s, back, 1, 0));
	EXPECT_FALSE(completes_now(&self->ring));
	EXPECT_EQ(1, SUBMIT(&self->ring, 2, shutdown, self->c, SHUT_WR));
	EXPECT_EQ(0, NEXT());
	EXPECT_EQ(0, NEXT());
	EXPECT_EQ(1, SUBMIT(&self->ring, 3, send, self->c, "x", 1, MSG_NOSIGNAL));
	EXPECT_EQ(-EPIPE, NEXT());
}

TEST_F(uring, reset)
{
	EXPECT_EQ(1, send(self->c, "x", 1, 0));
	EXPECT_EQ(1, BECOMES(1, bytes_to_read(self->s)));
	EXPECT_EQ(1, SUBMIT(&self->ring, 1, recv, self->c, back, 1, 0));
	EXPECT_FALSE(completes_now(&self->ring));
	EXPECT_EQ(0, close(self->s));
	EXPECT_EQ(-ECONNRESET, NEXT());
}

/* One request, one completion for each write, in buffers that the ring chooses. */
TEST_F(uring, recv_again_and_again)
{
	struct io_uring_sqe *sqe;
	int i;

	EXPECT_EQ(1, SUBMIT(&self->ring, 1, provide_buffers, back, 64, 8, 7, 0));
	EXPECT_LE(0, NEXT());
	sqe = io_uring_get_sqe(&self->ring);
	io_uring_prep_recv_multishot(sqe, self->s, NULL, 0, 0);
	sqe->flags |= IOSQE_BUFFER_SELECT;
	sqe->buf_group = 7;
	EXPECT_EQ(1, io_uring_submit(&self->ring));
	for (i = 0; i < 5; i++) {
		char *got;

		EXPECT_FALSE(completes_now(&self->ring));
		pattern_fill(data, 10 + i, i);
		EXPECT_EQ(10 + i, send(self->c, data, 10 + i, 0));
		ASSERT_EQ(10 + i, NEXT());
		ASSERT_TRUE(self->last.flags & IORING_CQE_F_BUFFER);
		EXPECT_TRUE(self->last.flags & IORING_CQE_F_MORE);
		got = back + 64 * (self->last.flags >> IORING_CQE_BUFFER_SHIFT);
		EXPECT_EQ(-1, pattern_differs(got, 10 + i, i));
	}
	EXPECT_EQ(0, shutdown(self->c, SHUT_WR));
	EXPECT_EQ(0, NEXT());
	EXPECT_FALSE(self->last.flags & IORING_CQE_F_MORE);
}

TEST_F(uring, accept_again_and_again)
{
	struct address addr;
	int l = listener(self->f, 4, &addr), i, fd;

	ASSERT_LE(0, l);
	EXPECT_EQ(1, SUBMIT(&self->ring, 1, multishot_accept, l, NULL, NULL, 0));
	for (i = 0; i < 4; i++) {
		EXPECT_FALSE(completes_now(&self->ring));
		fd = connector(self->f, &addr);
		ASSERT_LE(0, fd);
		ASSERT_LE(0, NEXT());
		EXPECT_TRUE(self->last.flags & IORING_CQE_F_MORE);
		EXPECT_EQ(1, send(self->last.res, "x", 1, 0));
		EXPECT_EQ(1, recv(fd, back, 1, 0));
	}
	EXPECT_EQ(1, SUBMIT(&self->ring, 2, cancel64, 1, 0));
	EXPECT_EQ(-ECANCELED, NEXT() ?: NEXT());
}

TEST_F(uring, accept_waits)
{
	struct address addr, from = { .len = sizeof(from.storage) };
	int l = listener(self->f, 4, &addr);

	ASSERT_LE(0, l);
	EXPECT_EQ(1, SUBMIT(&self->ring, 1, accept, l, &from.sa, &from.len, 0));
	EXPECT_FALSE(completes_now(&self->ring));
	ASSERT_LE(0, connector(self->f, &addr));
	EXPECT_LE(0, NEXT());
	EXPECT_EQ(self->f->domain(), from.sa.sa_family);
}

TEST_F(uring, connect)
{
	int fd = stream_socket(self->f), l;
	struct address addr;

	l = listener(self->f, 0, &addr);
	ASSERT_LE(0, l);
	EXPECT_EQ(1, SUBMIT(&self->ring, 1, connect, fd, &addr.sa, addr.len));
	EXPECT_EQ(0, NEXT());
	EXPECT_EQ(1, send(fd, "x", 1, 0));
	EXPECT_LE(0, accept(l, NULL, NULL));
	EXPECT_EQ(1, SUBMIT(&self->ring, 2, connect, fd, &addr.sa, addr.len));
	EXPECT_EQ(-EISCONN, NEXT());
}

TEST_F(uring, connect_to_nobody)
{
	int fd = stream_socket(self->f);
	struct address addr;

	ASSERT_EQ(0, unused_address(self->f, &addr));
	EXPECT_EQ(1, SUBMIT(&self->ring, 1, connect, fd, &addr.sa, addr.len));
	EXPECT_EQ(-refusal(self->f), NEXT());
}

/* A listener that is full: it waits as a blocking connect does. */
TEST_F(uring, connect_waits)
{
	int fd = stream_socket(self->f), l;
	struct address addr;

	if (is_inet(self->f))
		SKIP(return, "TCP's takes seconds");
	l = listener(self->f, 0, &addr);
	ASSERT_LE(0, l);
	ASSERT_LE(0, connector(self->f, &addr));
	EXPECT_EQ(1, SUBMIT(&self->ring, 1, connect, fd, &addr.sa, addr.len));
	EXPECT_FALSE(completes_now(&self->ring));
	EXPECT_LE(0, accept(l, NULL, NULL));
	EXPECT_EQ(0, NEXT());
	EXPECT_LE(0, accept(l, NULL, NULL));
	EXPECT_EQ(1, send(fd, "x", 1, 0));
}

TEST_F(uring, close)
{
	EXPECT_EQ(1, SUBMIT(&self->ring, 1, recv, self->s, back, 1, 0));
	EXPECT_EQ(1, SUBMIT(&self->ring, 2, close, self->c));
	EXPECT_EQ(0, NEXT());
	EXPECT_EQ(0, NEXT());
}

/* Records and datagrams: each call is about one of them. */

TYPED_PAIR_FIXTURE(messages);
TYPE_VARIANT(messages, kite, SEQPACKET);
TYPE_VARIANT(messages, kite, DGRAM);
TYPE_VARIANT(messages, unix, SEQPACKET);
TYPE_VARIANT(messages, unix, DGRAM);
TYPE_VARIANT(messages, inet, DGRAM);

TEST_F(messages, one_by_one)
{
	struct iovec iov = { back, 4 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct io_uring_cqe last;
	struct io_uring ring;

	if (!open_ring(_metadata, &ring))
		return;
	EXPECT_EQ(1, SUBMIT(&ring, 1, recvmsg, self->s, &msg, 0));
	EXPECT_EQ(1, SUBMIT(&ring, 2, poll_add, self->c, POLLIN));
	EXPECT_FALSE(completes_now(&ring));
	EXPECT_EQ(1, SUBMIT(&ring, 3, send, self->c, "0123456789", 10, 0));
	/* In either order: what came, cut off, and what was sent. */
	EXPECT_EQ(14, completion(&ring, &last) + completion(&ring, &last));
	EXPECT_EQ(MSG_TRUNC, msg.msg_flags & MSG_TRUNC);
	EXPECT_EQ(0, memcmp(back, "0123", 4));

	EXPECT_FALSE(completes_now(&ring));
	EXPECT_EQ(0, send(self->s, "", 0, 0));
	EXPECT_EQ(2, send(self->s, "ab", 2, 0));
	EXPECT_EQ(POLLIN, completion(&ring, &last) & POLLIN);
	EXPECT_EQ(1, SUBMIT(&ring, 4, recv, self->c, back, 100, 0));
	EXPECT_EQ(0, completion(&ring, &last));
	EXPECT_EQ(1, SUBMIT(&ring, 5, recv, self->c, back, 100, 0));
	EXPECT_EQ(2, completion(&ring, &last));
}

TEST_F(messages, full)
{
	int sent = 0, received = 0;
	struct io_uring_cqe last;
	struct io_uring ring;

	if (self->type == SOCK_DGRAM)
		SKIP(return, "a datagram need not wait for room");
	if (!open_ring(_metadata, &ring))
		return;
	while (send(self->c, data, 10000, MSG_DONTWAIT) == 10000)
		sent++;
	EXPECT_EQ(1, SUBMIT(&ring, 1, send, self->c, data, 10000, 0));
	EXPECT_FALSE(completes_now(&ring));
	while (recv(self->s, back, BIG, MSG_DONTWAIT) == 10000)
		received++;
	EXPECT_EQ(10000, completion(&ring, &last));
	while (recv(self->s, back, BIG, MSG_DONTWAIT) == 10000)
		received++;
	EXPECT_EQ(sent + 1, received);
}

/* send_zc on sockets of all types, made by socket() and by accept() */

FIXTURE(send_zc) {
	const struct family *f;
	int type, fd[2];
	struct io_uring ring;
	struct io_uring_cqe last;
};

FIXTURE_VARIANT(send_zc) {
	const struct family *f;
	int type;
};

TYPE_VARIANT(send_zc, kite, STREAM);
TYPE_VARIANT(send_zc, kite, SEQPACKET);
TYPE_VARIANT(send_zc, kite, DGRAM);
TYPE_VARIANT(send_zc, inet, STREAM);
TYPE_VARIANT(send_zc, inet, DGRAM);

FIXTURE_SETUP(send_zc)
{
	self->f = variant->f;
	self->type = variant->type;
	if (skip_family(_metadata, self->f) || !open_ring(_metadata, &self->ring))
		return;
	ASSERT_EQ(0, pair_of_type(self->f, self->type, self->fd));
}

FIXTURE_TEARDOWN(send_zc) { }

TEST_F(send_zc, both_ends)
{
	int i;

	for (i = 0; i < 2; i++) {
		pattern_fill(data, 20000, i);
		EXPECT_EQ(1, SUBMIT(&self->ring, 1, send_zc, self->fd[i], data, 20000,
				    0, 0));
		EXPECT_EQ(20000, NEXT());
		EXPECT_EQ(IORING_CQE_F_MORE, self->last.flags & IORING_CQE_F_MORE);
		EXPECT_EQ(20000, recv_all(self->fd[!i], back, 20000));
		EXPECT_EQ(-1, pattern_differs(back, 20000, i));
		EXPECT_LE(0, NEXT());
		EXPECT_EQ(IORING_CQE_F_NOTIF, self->last.flags);
	}
}

TEST_F(send_zc, fixed_buffer)
{
	struct iovec iov = { data, 20000 };

	pattern_fill(data, 20000, 3);
	ASSERT_EQ(0, io_uring_register_buffers(&self->ring, &iov, 1));
	EXPECT_EQ(1, SUBMIT(&self->ring, 1, send_zc_fixed, self->fd[0], data, 20000,
			    0, 0, 0));
	EXPECT_EQ(20000, NEXT());
	EXPECT_EQ(20000, recv_all(self->fd[1], back, 20000));
	EXPECT_EQ(-1, pattern_differs(back, 20000, 3));
	EXPECT_LE(0, NEXT());
	EXPECT_EQ(IORING_CQE_F_NOTIF, self->last.flags);
}

TEST_F(send_zc, bad_memory)
{
	EXPECT_EQ(1, SUBMIT(&self->ring, 1, send_zc, self->fd[0], bad_pointer(), 20000,
			    0, 0));
	EXPECT_EQ(-EFAULT, NEXT());
	EXPECT_EQ(0, bytes_to_read(self->fd[1]));
}

/* What the ring holds must not wait for what the ring sent. */
TEST_F(send_zc, receiver_in_the_ring)
{
	int before = module_users();

	if (!is_kite(self->f))
		SKIP(return, "nothing to look at");
	ASSERT_EQ(0, io_uring_register_files(&self->ring, &self->fd[1], 1));
	EXPECT_EQ(1, SUBMIT(&self->ring, 1, send_zc, self->fd[0], data, 20000, 0, 0));
	EXPECT_EQ(20000, NEXT());
	EXPECT_EQ(0, close(self->fd[0]));
	EXPECT_EQ(0, close(self->fd[1]));
	io_uring_queue_exit(&self->ring);
	EXPECT_TRUE(BECOMES(true, module_users() <= before - 2));
}

#endif /* HAVE_LIBURING */

TEST_HARNESS_MAIN
