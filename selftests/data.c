// SPDX-License-Identifier: GPL-2.0
/* send() and recv() in all their forms. */

#define _GNU_SOURCE
#include <signal.h>
#include <sys/uio.h>

#include <linux/vm_sockets.h>

#include "fixtures.h"

PAIR_FIXTURE(data, KITE_UNIX_INET);

TEST_F(data, both_ways)
{
	char buf[16];

	EXPECT_EQ(5, send(self->c, "hello", 5, 0));
	EXPECT_EQ(5, recv(self->s, buf, sizeof(buf), 0));
	EXPECT_EQ(0, memcmp(buf, "hello", 5));

	EXPECT_EQ(7, send(self->s, "goodbye", 7, 0));
	EXPECT_EQ(7, recv(self->c, buf, sizeof(buf), 0));
	EXPECT_EQ(0, memcmp(buf, "goodbye", 7));
}

TEST_F(data, read_and_write)
{
	char buf[16];

	EXPECT_EQ(5, write(self->c, "hello", 5));
	EXPECT_EQ(5, read(self->s, buf, sizeof(buf)));
	EXPECT_EQ(0, memcmp(buf, "hello", 5));
}

TEST_F(data, has_no_boundaries)
{
	char buf[16];

	/* Three writes, read as one; and as many reads as one likes. */
	ASSERT_EQ(2, send(self->c, "ab", 2, 0));
	ASSERT_EQ(1, send(self->c, "c", 1, 0));
	ASSERT_EQ(4, send(self->c, "defg", 4, 0));
	ASSERT_EQ(7, BECOMES(7, bytes_to_read(self->s)));
	EXPECT_EQ(5, recv(self->s, buf, 5, 0));
	EXPECT_EQ(0, memcmp(buf, "abcde", 5));
	EXPECT_EQ(1, recv(self->s, buf, 1, 0));
	EXPECT_EQ('f', buf[0]);
	EXPECT_EQ(1, recv(self->s, buf, sizeof(buf), 0));
	EXPECT_EQ('g', buf[0]);
}

TEST_F(data, vectors)
{
	char out[] = "0123456789", a[3], b[1], c[16];
	struct iovec from[] = {
		{ out, 4 }, { NULL, 0 }, { out + 4, 1 }, { out + 5, 5 },
	};
	struct iovec to[] = {
		{ a, sizeof(a) }, { NULL, 0 }, { b, sizeof(b) }, { c, sizeof(c) },
	};

	ASSERT_EQ(10, writev(self->c, from, ARRAY_SIZE(from)));
	ASSERT_EQ(10, BECOMES(10, bytes_to_read(self->s)));
	EXPECT_EQ(10, readv(self->s, to, ARRAY_SIZE(to)));
	EXPECT_EQ(0, memcmp(a, "012", 3));
	EXPECT_EQ('3', b[0]);
	EXPECT_EQ(0, memcmp(c, "456789", 6));
}

TEST_F(data, messages)
{
	char out[] = "0123456789", a[4], b[16], control[64];
	struct iovec from[] = { { out, 7 }, { out + 7, 3 } };
	struct iovec to[] = { { a, sizeof(a) }, { b, sizeof(b) } };
	struct msghdr msg = {
		.msg_iov = from,
		.msg_iovlen = ARRAY_SIZE(from),
	};

	ASSERT_EQ(10, sendmsg(self->c, &msg, 0));
	ASSERT_EQ(10, BECOMES(10, bytes_to_read(self->s)));

	msg.msg_iov = to;
	msg.msg_iovlen = ARRAY_SIZE(to);
	msg.msg_control = control;
	msg.msg_controllen = sizeof(control);
	msg.msg_flags = 0x7fffffff;
	EXPECT_EQ(10, recvmsg(self->s, &msg, 0));
	EXPECT_EQ(0, memcmp(a, "0123", 4));
	EXPECT_EQ(0, memcmp(b, "456789", 6));
	EXPECT_EQ(0, msg.msg_controllen);
	EXPECT_EQ(0, msg.msg_flags & ~MSG_CMSG_CLOEXEC);
}

TEST_F(data, many_messages_in_one_call)
{
	struct iovec from[] = { { "ab", 2 }, { "cde", 3 } };
	struct mmsghdr out[] = {
		{ .msg_hdr = { .msg_iov = &from[0], .msg_iovlen = 1 } },
		{ .msg_hdr = { .msg_iov = &from[1], .msg_iovlen = 1 } },
	};
	char buf[2][3];
	struct iovec to[] = { { buf[0], 3 }, { buf[1], 3 } };
	struct mmsghdr in[] = {
		{ .msg_hdr = { .msg_iov = &to[0], .msg_iovlen = 1 } },
		{ .msg_hdr = { .msg_iov = &to[1], .msg_iovlen = 1 } },
	};

	EXPECT_EQ(2, sendmmsg(self->c, out, 2, 0));
	EXPECT_EQ(2, out[0].msg_len);
	EXPECT_EQ(3, out[1].msg_len);
	ASSERT_EQ(5, BECOMES(5, bytes_to_read(self->s)));
	EXPECT_EQ(2, recvmmsg(self->s, in, 2, 0, NULL));
	EXPECT_EQ(3, in[0].msg_len);
	EXPECT_EQ(2, in[1].msg_len);
	EXPECT_EQ(0, memcmp(buf, "abcde", 5));
}

TEST_F(data, recv_wakes_up)
{
	struct async reading;
	char buf[8];

	async_recv(&reading, self->s, buf, sizeof(buf), 0);
	ASSERT_TRUE(async_blocks(&reading));
	ASSERT_EQ(2, send(self->c, "hi", 2, 0));
	EXPECT_EQ(2, async_result(&reading));
}

TEST_F(data, dontwait)
{
	char buf[8];

	EXPECT_EQ(-EAGAIN, ERR(recv(self->s, buf, sizeof(buf), MSG_DONTWAIT)));
	ASSERT_EQ(0, set_nonblocking(self->s, true));
	EXPECT_EQ(-EAGAIN, ERR(recv(self->s, buf, sizeof(buf), 0)));
	EXPECT_EQ(-EAGAIN, ERR(read(self->s, buf, sizeof(buf))));

	ASSERT_EQ(2, send(self->c, "hi", 2, MSG_DONTWAIT));
	ASSERT_EQ(2, BECOMES(2, bytes_to_read(self->s)));
	EXPECT_EQ(2, recv(self->s, buf, sizeof(buf), 0));
}

TEST_F(data, interrupted)
{
	struct async reading;
	char buf[8];

	catch_signal(SIGUSR1, 0);
	async_recv(&reading, self->s, buf, sizeof(buf), 0);
	ASSERT_TRUE(async_blocks(&reading));
	async_signal(&reading, SIGUSR1);
	EXPECT_EQ(-EINTR, async_result(&reading));
}

TEST_F(data, goes_on_after_a_signal)
{
	struct async reading;
	char buf[8];

	catch_signal(SIGUSR1, SA_RESTART);
	async_recv(&reading, self->s, buf, sizeof(buf), 0);
	ASSERT_TRUE(async_blocks(&reading));
	async_signal(&reading, SIGUSR1);
	EXPECT_EQ(1, BECOMES(1, caught_signals()));
	EXPECT_TRUE(async_blocks(&reading));
	ASSERT_EQ(2, send(self->c, "hi", 2, 0));
	EXPECT_EQ(2, async_result(&reading));
}

TEST_F(data, timeout_is_not_restarted)
{
	struct async reading;
	char buf[8];

	catch_signal(SIGUSR1, SA_RESTART);
	ASSERT_EQ(0, set_timeout(self->s, SO_RCVTIMEO, 3600000));
	async_recv(&reading, self->s, buf, sizeof(buf), 0);
	ASSERT_TRUE(async_blocks(&reading));
	async_signal(&reading, SIGUSR1);
	EXPECT_EQ(-EINTR, async_result(&reading));
}

TEST_F(data, peek)
{
	char buf[16];

	ASSERT_EQ(3, send(self->c, "abc", 3, 0));
	ASSERT_EQ(3, BECOMES(3, bytes_to_read(self->s)));
	EXPECT_EQ(2, recv(self->s, buf, 2, MSG_PEEK));
	EXPECT_EQ(0, memcmp(buf, "ab", 2));
	EXPECT_EQ(3, recv(self->s, buf, sizeof(buf), MSG_PEEK));
	EXPECT_EQ(0, memcmp(buf, "abc", 3));
	EXPECT_EQ(3, bytes_to_read(self->s));

	/* It sees past the end of a write. */
	ASSERT_EQ(3, send(self->c, "def", 3, 0));
	ASSERT_EQ(6, BECOMES(6, bytes_to_read(self->s)));
	EXPECT_EQ(6, recv(self->s, buf, sizeof(buf), MSG_PEEK));
	EXPECT_EQ(0, memcmp(buf, "abcdef", 6));

	/* It begins where recv() stopped. */
	EXPECT_EQ(2, recv(self->s, buf, 2, 0));
	EXPECT_EQ(4, recv(self->s, buf, sizeof(buf), MSG_PEEK));
	EXPECT_EQ(0, memcmp(buf, "cdef", 4));
	EXPECT_EQ(4, recv(self->s, buf, sizeof(buf), 0));
	EXPECT_EQ(0, memcmp(buf, "cdef", 4));
	EXPECT_EQ(-EAGAIN, ERR(recv(self->s, buf, sizeof(buf),
				    MSG_PEEK | MSG_DONTWAIT)));
}

TEST_F(data, peek_waits_for_data)
{
	struct async peeking;
	char buf[8];

	async_recv(&peeking, self->s, buf, sizeof(buf), MSG_PEEK);
	ASSERT_TRUE(async_blocks(&peeking));
	ASSERT_EQ(2, send(self->c, "hi", 2, 0));
	EXPECT_EQ(2, async_result(&peeking));
	EXPECT_EQ(2, bytes_to_read(self->s));
}

TEST_F(data, trunc)
{
	char buf[8] = "........";

	ASSERT_EQ(6, send(self->c, "abcdef", 6, 0));
	ASSERT_EQ(6, BECOMES(6, bytes_to_read(self->s)));
	EXPECT_EQ(4, recv(self->s, buf, 4, MSG_TRUNC));
	/* As with AF_UNIX, the flag means nothing here; TCP throws away. */
	EXPECT_EQ(0, memcmp(buf, is_inet(self->f) ? "...." : "abcd", 4));
	EXPECT_EQ(2, recv(self->s, buf, sizeof(buf), 0));
	EXPECT_EQ(0, memcmp(buf, "ef", 2));
}

TEST_F(data, waitall)
{
	struct async reading;
	char buf[8];

	async_recv(&reading, self->s, buf, sizeof(buf), MSG_WAITALL);
	ASSERT_TRUE(async_blocks(&reading));
	ASSERT_EQ(3, send(self->c, "abc", 3, 0));
	EXPECT_TRUE(async_blocks(&reading));
	ASSERT_EQ(7, send(self->c, "defghij", 7, 0));
	EXPECT_EQ(8, async_result(&reading));
	EXPECT_EQ(0, memcmp(buf, "abcdefgh", 8));
	EXPECT_EQ(2, BECOMES(2, bytes_to_read(self->s)));
}

TEST_F(data, waitall_does_not_outwait)
{
	struct async reading;
	char buf[8];

	/* a nonblocking call, */
	ASSERT_EQ(3, send(self->c, "abc", 3, 0));
	ASSERT_EQ(3, BECOMES(3, bytes_to_read(self->s)));
	EXPECT_EQ(3, recv(self->s, buf, sizeof(buf), MSG_WAITALL | MSG_DONTWAIT));

	/* a signal, */
	catch_signal(SIGUSR1, SA_RESTART);
	async_recv(&reading, self->s, buf, sizeof(buf), MSG_WAITALL);
	ASSERT_EQ(2, send(self->c, "ab", 2, 0));
	settle(self->f);
	ASSERT_TRUE(async_blocks(&reading));
	async_signal(&reading, SIGUSR1);
	EXPECT_EQ(2, async_result(&reading));

	/* a timeout, */
	ASSERT_EQ(1, send(self->c, "a", 1, 0));
	ASSERT_EQ(0, set_timeout(self->s, SO_RCVTIMEO, 100));
	EXPECT_EQ(1, recv(self->s, buf, sizeof(buf), MSG_WAITALL));
	ASSERT_EQ(0, set_timeout(self->s, SO_RCVTIMEO, 0));

	/* or the end. */
	ASSERT_EQ(4, send(self->c, "abcd", 4, 0));
	close(self->c);
	EXPECT_EQ(4, recv(self->s, buf, sizeof(buf), MSG_WAITALL));
	EXPECT_EQ(0, recv(self->s, buf, sizeof(buf), MSG_WAITALL));
}

TEST_F(data, waitall_and_linger)
{
	struct linger long_time = { 1, 3600 };
	struct async reading;
	char buf[8];

	/* Who closes waits for the reader, who waits for more: one must not. */
	async_recv(&reading, self->s, buf, sizeof(buf), MSG_WAITALL);
	ASSERT_TRUE(async_blocks(&reading));
	ASSERT_EQ(0, setsockopt(self->c, SOL_SOCKET, SO_LINGER, &long_time,
				sizeof(long_time)));
	ASSERT_EQ(3, send(self->c, "abc", 3, 0));
	EXPECT_EQ(0, close(self->c));
	EXPECT_EQ(3, async_result(&reading));
}

TEST_F(data, waitall_for_more_than_fits)
{
	static char out[1 << 20], in[1 << 20];
	struct async reading;

	pattern_fill(out, sizeof(out), 0);
	async_recv(&reading, self->s, in, sizeof(in), MSG_WAITALL);
	EXPECT_EQ((ssize_t)sizeof(out), send_all(self->c, out, sizeof(out)));
	EXPECT_EQ((ssize_t)sizeof(in), async_result(&reading));
	EXPECT_EQ(-1, pattern_differs(in, sizeof(in), 0));
}

TEST_F(data, more)
{
	char buf[4];

	/* A hint: nothing is lost, and the next one without it sends all. */
	ASSERT_EQ(2, send(self->c, "ab", 2, MSG_MORE));
	ASSERT_EQ(1, send(self->c, "c", 1, MSG_MORE));
	ASSERT_EQ(1, send(self->c, "d", 1, 0));
	EXPECT_EQ(4, recv(self->s, buf, 4, MSG_WAITALL));
	EXPECT_EQ(0, memcmp(buf, "abcd", 4));
}

TEST_F(data, nothing)
{
	struct iovec nothing = { NULL, 0 };
	char buf[8];

	/* It sends nothing, and is not the end either. */
	EXPECT_EQ(0, send(self->c, buf, 0, 0));
	EXPECT_EQ(0, write(self->c, buf, 0));
	EXPECT_EQ(0, writev(self->c, &nothing, 1));
	EXPECT_EQ(0, writev(self->c, NULL, 0));
	EXPECT_EQ(-EAGAIN, ERR(recv(self->s, buf, sizeof(buf), MSG_DONTWAIT)));
	EXPECT_EQ(POLLOUT, revents(self->s));

	/* Who asks for nothing gets nothing and leaves what is there. */
	EXPECT_EQ(-EAGAIN, ERR(recv(self->s, buf, 0, MSG_DONTWAIT)));
	ASSERT_EQ(1, send(self->c, "x", 1, 0));
	ASSERT_EQ(1, BECOMES(1, bytes_to_read(self->s)));
	EXPECT_EQ(0, recv(self->s, buf, 0, 0));
	EXPECT_EQ(1, bytes_to_read(self->s));
}

TEST_F(data, to_an_address)
{
	struct address addr;

	ASSERT_EQ(0, peer_of(self->c, &addr));
	/* as AF_UNIX; TCP does not look */
	EXPECT_EQ(by_family(self->f, -EISCONN, -EISCONN, 1),
		  ERR(sendto(self->c, "x", 1, 0, &addr.sa, addr.len)));
	EXPECT_EQ(by_family(self->f, 0, 0, 1),
		  BECOMES(is_inet(self->f), bytes_to_read(self->s)));
}

TEST_F(data, sigpipe)
{
	char buf[4];

	catch_signal(SIGPIPE, 0);
	ASSERT_EQ(0, shutdown(self->c, SHUT_WR));
	EXPECT_EQ(-EPIPE, ERR(send(self->c, "x", 1, MSG_NOSIGNAL)));
	EXPECT_EQ(0, caught_signals());
	EXPECT_EQ(-EPIPE, ERR(send(self->c, "x", 1, 0)));
	EXPECT_EQ(1, caught_signals());
	EXPECT_EQ(-EPIPE, ERR(write(self->c, "x", 1)));
	EXPECT_EQ(2, caught_signals());
	EXPECT_EQ(-EPIPE, ERR(send(self->c, "x", 0, MSG_NOSIGNAL)));

	EXPECT_EQ(0, recv(self->s, buf, sizeof(buf), 0));
}

TEST_F(data, bad_arguments)
{
	struct msghdr msg = { .msg_iovlen = 1025 };
	char buf[4];

	EXPECT_EQ(-EFAULT, ERR(send(self->c, bad_pointer(), 1, 0)));
	EXPECT_EQ(-EFAULT, ERR(recvmsg(self->s, bad_pointer(), 0)));
	EXPECT_EQ(-EFAULT, ERR(sendmsg(self->c, bad_pointer(), 0)));
	EXPECT_EQ(-EMSGSIZE, ERR(sendmsg(self->c, &msg, 0)));
	EXPECT_EQ(-EAGAIN, ERR(recv(self->s, buf, sizeof(buf), MSG_DONTWAIT)));
}

TEST_F(data, socket_outlives_one_of_its_descriptors)
{
	char buf[4];
	int fd;

	fd = dup(self->c);
	close(self->c);
	EXPECT_EQ(-EAGAIN, ERR(recv(self->s, buf, sizeof(buf), MSG_DONTWAIT)));
	EXPECT_EQ(1, send(fd, "x", 1, 0));
	EXPECT_EQ(1, recv(self->s, buf, sizeof(buf), 0));
	close(fd);
	EXPECT_EQ(0, recv(self->s, buf, sizeof(buf), 0));
}

/*
 * One thread waits for what comes after what it has peeked at, and another one reads
 * that: then it begins there. Families differ in this, and nothing says what is right.
 */
PAIR_FIXTURE(peeking, KITE);

TEST_F(peeking, what_another_reads)
{
	struct async peeking;
	char buf[8], peeked[8];

	ASSERT_EQ(0, set_int_option(self->s, SOL_SOCKET, SO_PEEK_OFF, 0));
	ASSERT_EQ(3, send(self->c, "abc", 3, 0));
	EXPECT_EQ(3, recv(self->s, buf, sizeof(buf), MSG_PEEK));
	async_recv(&peeking, self->s, peeked, sizeof(peeked), MSG_PEEK);
	ASSERT_TRUE(async_blocks(&peeking));
	EXPECT_EQ(3, recv(self->s, buf, sizeof(buf), 0));
	ASSERT_EQ(1, send(self->c, "d", 1, 0));
	ASSERT_EQ(1, async_result(&peeking));
	EXPECT_EQ('d', peeked[0]);
	EXPECT_EQ(1, bytes_to_read(self->s));
}

TEST_F(peeking, for_more_than_another_leaves)
{
	struct async peeking;
	char buf[8], peeked[8];

	ASSERT_EQ(0, set_int_option(self->s, SOL_SOCKET, SO_PEEK_OFF, 0));
	ASSERT_EQ(0, set_int_option(self->s, SOL_SOCKET, SO_RCVLOWAT, 5));
	ASSERT_EQ(3, send(self->c, "abc", 3, 0));
	async_recv(&peeking, self->s, peeked, sizeof(peeked), MSG_PEEK);
	ASSERT_TRUE(async_blocks(&peeking));
	EXPECT_EQ(3, recv(self->s, buf, sizeof(buf), MSG_DONTWAIT));
	ASSERT_EQ(1, send(self->c, "d", 1, 0));
	EXPECT_TRUE(async_blocks(&peeking));
	ASSERT_EQ(1, send(self->c, "e", 1, 0));
	ASSERT_EQ(5, async_result(&peeking));
	EXPECT_EQ(0, memcmp(peeked, "abcde", 5));
	EXPECT_EQ(2, bytes_to_read(self->s));
}

/* A buffer of less than 4 bytes, as AF_VSOCK's options have it: its writer is woken. */
PAIR_FIXTURE(tiny, KITE);

static int set_vsock_size(int fd, int name, unsigned long long size)
{
	return ERR(setsockopt(fd, AF_VSOCK, name, &size, sizeof(size)));
}

TEST_F(tiny, writer_waits_for_room)
{
	struct async sending;
	char buf[8];

	if (self->f->domain() != AF_VSOCK)
		SKIP(return, "only with family=40 is there such a buffer");
	ASSERT_EQ(0, set_vsock_size(self->c, SO_VM_SOCKETS_BUFFER_MIN_SIZE, 1));
	ASSERT_EQ(0, set_vsock_size(self->c, SO_VM_SOCKETS_BUFFER_SIZE, 2));
	ASSERT_EQ(2, send(self->c, "abc", 3, MSG_DONTWAIT));
	async_send(&sending, self->c, "c", 1, 0);
	ASSERT_TRUE(async_blocks(&sending));
	/* No more than that: the writer may be woken before recv has looked for the rest. */
	EXPECT_EQ(2, recv(self->s, buf, 2, 0));
	EXPECT_EQ(1, async_result(&sending));
	EXPECT_EQ(1, recv(self->s, buf, sizeof(buf), 0));
}

/* Not connected: AF_UNIX and TCP differ in everything but the refusal. */

FAMILY_FIXTURE(unconnected, KITE_UNIX_INET);

TEST_F(unconnected, send_and_recv)
{
	struct address addr;
	char buf[4];
	int fd[3], i;

	fd[0] = stream_socket(self->f);
	fd[1] = bound_socket(self->f, &addr);
	fd[2] = listener(self->f, 1, &addr);
	catch_signal(SIGPIPE, 0);

	for (i = 0; i < 3; i++) {
		EXPECT_EQ(by_family(self->f, -ENOTCONN, -ENOTCONN, -EPIPE),
			  ERR(send(fd[i], "x", 1, MSG_NOSIGNAL)));
		EXPECT_EQ(by_family(self->f, -ENOTCONN, -EINVAL, -ENOTCONN),
			  ERR(recv(fd[i], buf, sizeof(buf), MSG_DONTWAIT)));
		/* as AF_UNIX */
		EXPECT_EQ(by_family(self->f, -EOPNOTSUPP, -EOPNOTSUPP, -EPIPE),
			  ERR(sendto(fd[i], "x", 1, MSG_NOSIGNAL, &addr.sa,
				     addr.len)));
	}
	EXPECT_EQ(0, caught_signals());
}

/* Out-of-band data is neither AF_VSOCK's business nor Kite's. */

PAIR_FIXTURE(oob, KITE);

TEST_F(oob, is_refused)
{
	char buf[4];

	EXPECT_EQ(-EOPNOTSUPP, ERR(send(self->c, "x", 1, MSG_OOB)));
	EXPECT_EQ(-EOPNOTSUPP, ERR(recv(self->s, buf, 1, MSG_OOB | MSG_DONTWAIT)));
	EXPECT_EQ(-EAGAIN, ERR(recv(self->s, buf, sizeof(buf), MSG_DONTWAIT)));
}

TEST_HARNESS_MAIN
