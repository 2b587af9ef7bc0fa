// SPDX-License-Identifier: GPL-2.0
/* SOCK_SEQPACKET: records, their boundaries, their limits and their end. */

#define _GNU_SOURCE
#include <sys/socket.h>
#include <sys/uio.h>

#include <linux/filter.h>

#include "fixtures.h"

#define BIG 150000

static char big[BIG + 4096];

static int record_socket(const struct family *f)
{
	return ERR(socket(f->domain(), SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
}

static int record_listener(const struct family *f, struct address *addr)
{
	int l = record_socket(f), err;

	if (l < 0)
		return l;
	f->any(addr);
	err = bind_to(l, addr) ?: name_of(l, addr) ?: ERR(listen(l, 1));
	if (err) {
		close(l);
		return err;
	}
	if (is_kite(f))
		kite_address(addr, port_of(addr), KITE_NODE_LOCAL);
	return l;
}

static int accepted(const struct family *f, int l, const struct address *addr, int fd[2])
{
	int err;

	fd[0] = record_socket(f);
	err = connect_to(fd[0], addr);
	if (err)
		return err;
	fd[1] = ERR(accept(l, NULL, NULL));
	return fd[1] < 0 ? fd[1] : 0;
}

/* A connection, since a socketpair never sends packets. */
static int record_pair(const struct family *f, int fd[2])
{
	struct address addr;
	int l = record_listener(f, &addr), err;

	if (l < 0)
		return l;
	err = accepted(f, l, &addr, fd);
	close(l);
	return err;
}

PAIR_FIXTURE_BY(seqpacket, KITE_UNIX, record_pair);

/* Receives one record, and returns the flags that came with it. */
static int recv_flags(int fd, void *buf, size_t len, int flags, ssize_t *got)
{
	struct iovec iov = { buf, len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	*got = ERR(recvmsg(fd, &msg, flags));
	return msg.msg_flags;
}

TEST_F(seqpacket, boundaries_are_kept)
{
	char buf[16];

	EXPECT_EQ(3, send(self->c, "abc", 3, 0));
	EXPECT_EQ(5, send(self->c, "defgh", 5, 0));
	EXPECT_EQ(3, recv(self->s, buf, sizeof(buf), 0));
	EXPECT_EQ(0, memcmp(buf, "abc", 3));
	EXPECT_EQ(5, recv(self->s, buf, sizeof(buf), 0));
	EXPECT_EQ(0, memcmp(buf, "defgh", 5));
	EXPECT_EQ(-EAGAIN, ERR(recv(self->s, buf, sizeof(buf), MSG_DONTWAIT)));
}

TEST_F(seqpacket, rest_is_cut_off)
{
	ssize_t got;
	char buf[4];

	EXPECT_EQ(10, send(self->c, "0123456789", 10, 0));
	EXPECT_EQ(2, send(self->c, "ab", 2, 0));
	EXPECT_EQ(MSG_TRUNC, recv_flags(self->s, buf, 4, 0, &got) & MSG_TRUNC);
	EXPECT_EQ(4, got);
	EXPECT_EQ(0, memcmp(buf, "0123", 4));
	EXPECT_EQ(0, recv_flags(self->s, buf, 4, 0, &got) & MSG_TRUNC);
	EXPECT_EQ(2, got);
}

TEST_F(seqpacket, real_length_on_request)
{
	char buf[4];

	EXPECT_EQ(10, send(self->c, "0123456789", 10, 0));
	EXPECT_EQ(10, recv(self->s, buf, 4, MSG_PEEK | MSG_TRUNC));
	EXPECT_EQ(10, recv(self->s, buf, 4, MSG_TRUNC));
	EXPECT_EQ(-EAGAIN, ERR(recv(self->s, buf, 4, MSG_DONTWAIT)));
}

TEST_F(seqpacket, peek_takes_nothing)
{
	char buf[8];

	EXPECT_EQ(3, send(self->c, "abc", 3, 0));
	EXPECT_EQ(3, recv(self->s, buf, sizeof(buf), MSG_PEEK));
	EXPECT_EQ(3, recv(self->s, buf, sizeof(buf), MSG_PEEK));
	EXPECT_EQ(3, recv(self->s, buf, sizeof(buf), 0));
	EXPECT_EQ(-EAGAIN, ERR(recv(self->s, buf, sizeof(buf), MSG_DONTWAIT)));
}

/* SO_PEEK_OFF counts on over the ends of records, and each peek stops at one. */
TEST_F(seqpacket, peek_offset)
{
	ssize_t got;
	char buf[8];

	EXPECT_EQ(0, set_int_option(self->s, SOL_SOCKET, SO_PEEK_OFF, 1));
	EXPECT_EQ(4, send(self->c, "abcd", 4, 0));
	EXPECT_EQ(2, send(self->c, "ef", 2, 0));
	EXPECT_EQ(MSG_TRUNC, recv_flags(self->s, buf, 2, MSG_PEEK, &got) & MSG_TRUNC);
	EXPECT_EQ(2, got);
	EXPECT_EQ(0, memcmp(buf, "bc", 2));
	EXPECT_EQ(0, recv_flags(self->s, buf, 8, MSG_PEEK, &got) & MSG_TRUNC);
	EXPECT_EQ(1, got);
	EXPECT_EQ('d', buf[0]);
	EXPECT_EQ(2, recv(self->s, buf, 8, MSG_PEEK));
	EXPECT_EQ(0, memcmp(buf, "ef", 2));
	EXPECT_EQ(-EAGAIN, ERR(recv(self->s, buf, 8, MSG_PEEK | MSG_DONTWAIT)));
	EXPECT_EQ(6, get_int_option(self->s, SOL_SOCKET, SO_PEEK_OFF));

	/* What is read moves it back. */
	EXPECT_EQ(4, recv(self->s, buf, 8, 0));
	EXPECT_EQ(2, get_int_option(self->s, SOL_SOCKET, SO_PEEK_OFF));
	EXPECT_EQ(0, set_int_option(self->s, SOL_SOCKET, SO_PEEK_OFF, 1));
	EXPECT_EQ(1, recv(self->s, buf, 8, MSG_PEEK | MSG_TRUNC));
	EXPECT_EQ('f', buf[0]);
	EXPECT_EQ(0, set_int_option(self->s, SOL_SOCKET, SO_PEEK_OFF, -1));
	EXPECT_EQ(2, recv(self->s, buf, 8, MSG_PEEK));
	EXPECT_EQ(2, recv(self->s, buf, 8, 0));
}

TEST_F(seqpacket, peek_offset_waits_for_more)
{
	struct async receiving;
	char buf[8];

	EXPECT_EQ(0, set_int_option(self->s, SOL_SOCKET, SO_PEEK_OFF, 0));
	EXPECT_EQ(2, send(self->c, "ab", 2, 0));
	EXPECT_EQ(2, recv(self->s, buf, 8, MSG_PEEK));
	async_recv(&receiving, self->s, buf, 8, MSG_PEEK);
	EXPECT_TRUE(async_blocks(&receiving));
	EXPECT_EQ(3, send(self->c, "cde", 3, 0));
	EXPECT_EQ(3, async_result(&receiving));
	EXPECT_EQ(0, memcmp(buf, "cde", 3));
}

TEST_F(seqpacket, empty_records_peeked)
{
	char buf[8];

	EXPECT_EQ(0, send(self->c, "", 0, 0));
	EXPECT_EQ(1, send(self->c, "x", 1, 0));
	EXPECT_EQ(0, ERR(recv(self->s, buf, 8, MSG_PEEK | MSG_DONTWAIT)));
	EXPECT_EQ(0, ERR(recv(self->s, buf, 8, MSG_PEEK | MSG_DONTWAIT)));
	EXPECT_EQ(0, set_int_option(self->s, SOL_SOCKET, SO_PEEK_OFF, 0));
	EXPECT_EQ(1, recv(self->s, buf, 8, MSG_PEEK | MSG_DONTWAIT));
	EXPECT_EQ(0, ERR(recv(self->s, buf, 8, MSG_DONTWAIT)));
	EXPECT_EQ(1, recv(self->s, buf, 8, MSG_DONTWAIT));
}

TEST_F(seqpacket, empty_record)
{
	char buf[8];

	EXPECT_EQ(0, send(self->c, "", 0, 0));
	EXPECT_EQ(1, send(self->c, "x", 1, 0));
	EXPECT_EQ(POLLIN, revents_for(self->s, POLLIN));
	EXPECT_EQ(0, recv(self->s, buf, sizeof(buf), MSG_DONTWAIT));
	EXPECT_EQ(1, recv(self->s, buf, sizeof(buf), MSG_DONTWAIT));
}

/* AF_UNIX drops MSG_EOR; with Kite, as with AF_VSOCK, it travels. */
TEST_F(seqpacket, end_of_record)
{
	int eor = by_family(self->f, MSG_EOR, 0, 0);
	ssize_t got;
	char buf[8];

	EXPECT_EQ(1, send(self->c, "a", 1, MSG_EOR));
	EXPECT_EQ(1, send(self->c, "b", 1, 0));
	EXPECT_EQ(eor, recv_flags(self->s, buf, 8, 0, &got) & MSG_EOR);
	EXPECT_EQ(0, recv_flags(self->s, buf, 8, 0, &got) & MSG_EOR);

	/* The other way, and of a record that is empty, cut off, or long. */
	EXPECT_EQ(0, send(self->s, "", 0, MSG_EOR));
	EXPECT_EQ(eor, recv_flags(self->c, buf, 8, 0, &got) & MSG_EOR);
	EXPECT_EQ(9, send(self->s, "too long.", 9, MSG_EOR));
	EXPECT_EQ(eor | MSG_TRUNC, recv_flags(self->c, buf, 8, 0, &got));
	EXPECT_EQ(BIG, send(self->s, big, BIG, MSG_EOR));
	EXPECT_EQ(eor, recv_flags(self->c, big, BIG, MSG_PEEK, &got) & MSG_EOR);
	EXPECT_EQ(eor, recv_flags(self->c, big, BIG, 0, &got) & MSG_EOR);
}

/* Longer than a packet of Kite's. */
TEST_F(seqpacket, long_record_is_whole)
{
	static char buf[BIG];
	ssize_t got;

	pattern_fill(big, BIG, 0);
	ASSERT_EQ(BIG, send(self->c, big, BIG, 0));
	EXPECT_EQ(BIG, bytes_to_read(self->s));
	EXPECT_EQ(0, recv_flags(self->s, buf, BIG, 0, &got) & MSG_TRUNC);
	ASSERT_EQ(BIG, got);
	EXPECT_EQ(-1, pattern_differs(buf, BIG, 0));

	/* and its rest is cut off wherever that is */
	ASSERT_EQ(BIG, send(self->c, big, BIG, 0));
	ASSERT_EQ(1, send(self->c, "x", 1, 0));
	EXPECT_EQ(BIG + 1, bytes_to_read(self->s));
	EXPECT_EQ(100000, recv(self->s, buf, 100000, 0));
	EXPECT_EQ(-1, pattern_differs(buf, 100000, 0));
	EXPECT_EQ(1, bytes_to_read(self->s));
	EXPECT_EQ(1, recv(self->s, buf, BIG, 0));
	EXPECT_EQ(0, bytes_to_read(self->s));
}

TEST_F(seqpacket, too_long)
{
	char buf[8];

	ASSERT_EQ(0, set_int_option(self->c, SOL_SOCKET, SO_SNDBUF, 16384));
	EXPECT_EQ(-EMSGSIZE, ERR(send(self->c, big, 40000, 0)));
	EXPECT_EQ(-EAGAIN, ERR(recv(self->s, buf, sizeof(buf), MSG_DONTWAIT)));
	EXPECT_EQ(1, send(self->c, "x", 1, 0));
	EXPECT_EQ(1, recv(self->s, buf, sizeof(buf), 0));
}

TEST_F(seqpacket, writer_waits_for_room)
{
	struct async sending;
	char buf[1000];
	int n = 0;

	while (ERR(send(self->c, big, 1000, MSG_DONTWAIT)) == 1000)
		ASSERT_GT(10000, ++n);
	EXPECT_EQ(0, revents_for(self->c, POLLOUT));
	async_send(&sending, self->c, big, 1000, 0);
	EXPECT_TRUE(async_blocks(&sending));
	for (; n; n--)
		ASSERT_EQ(1000, recv(self->s, buf, sizeof(buf), 0));
	EXPECT_EQ(1000, async_result(&sending));
	EXPECT_EQ(1000, recv(self->s, buf, sizeof(buf), 0));
}

/* Many tiny records hold no more memory than a few long ones. */
TEST_F(seqpacket, empty_records_cost_too)
{
	int n = 0;

	while (!ERR(send(self->c, "", 0, MSG_DONTWAIT)))
		ASSERT_GT(2000, ++n);
	EXPECT_LT(1, n);
}

TEST_F(seqpacket, bad_pointer_loses_the_record)
{
	char buf[8];

	EXPECT_EQ(3, send(self->c, "abc", 3, 0));
	EXPECT_EQ(3, send(self->c, "def", 3, 0));
	EXPECT_EQ(-EFAULT, ERR(recv(self->s, bad_pointer(), 3, 0)));
	EXPECT_EQ(3, recv(self->s, buf, sizeof(buf), 0));
	EXPECT_EQ(0, memcmp(buf, "def", 3));
	EXPECT_EQ(-EFAULT, ERR(send(self->c, bad_pointer(), 3, 0)));
	EXPECT_EQ(-EAGAIN, ERR(recv(self->s, buf, sizeof(buf), MSG_DONTWAIT)));
}

TEST_F(seqpacket, end)
{
	char buf[8];

	EXPECT_EQ(1, send(self->c, "x", 1, 0));
	close(self->c);
	EXPECT_EQ(1, recv(self->s, buf, sizeof(buf), 0));
	EXPECT_EQ(0, recv(self->s, buf, sizeof(buf), 0));
	EXPECT_EQ(-EPIPE, ERR(send(self->s, "x", 1, MSG_NOSIGNAL)));
}

/*
 * What was sent before a reset is read first, then the error comes, once. AF_UNIX
 * does so for streams, but tells the error first for records.
 */
TEST_F(seqpacket, reset)
{
	char buf[8];

	EXPECT_EQ(1, send(self->s, "u", 1, 0));
	EXPECT_EQ(1, send(self->c, "x", 1, 0));
	close(self->c);
	if (is_kite(self->f)) {
		EXPECT_EQ(1, recv(self->s, buf, sizeof(buf), 0));
		EXPECT_EQ(-ECONNRESET, ERR(recv(self->s, buf, sizeof(buf), 0)));
	} else {
		EXPECT_EQ(-ECONNRESET, ERR(recv(self->s, buf, sizeof(buf), 0)));
		EXPECT_EQ(1, recv(self->s, buf, sizeof(buf), 0));
	}
	EXPECT_EQ(0, recv(self->s, buf, sizeof(buf), 0));
}

/* Lets in what begins with 'y'. */
static int filter_y(int fd)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 'y', 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 0xffffffff),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog prog = { ARRAY_SIZE(code), code };

	return ERR(setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog)));
}

TEST_F(seqpacket, filter)
{
	char buf[8];

	ASSERT_EQ(0, filter_y(self->s));
	EXPECT_EQ(2, send(self->c, "y1", 2, 0));
	EXPECT_EQ(2, send(self->c, "n1", 2, 0));
	EXPECT_EQ(2, send(self->c, "y2", 2, 0));
	EXPECT_EQ(2, recv(self->s, buf, sizeof(buf), 0));
	EXPECT_EQ('1', buf[1]);
	EXPECT_EQ(2, recv(self->s, buf, sizeof(buf), 0));
	EXPECT_EQ('2', buf[1]);
	/* One that has no byte to look at is out. */
	EXPECT_EQ(0, send(self->c, "", 0, 0));
	if (is_kite(self->f) && !calls_fail())
		EXPECT_EQ(2, drops_of(self->s));
	EXPECT_EQ(-EAGAIN, ERR(recv(self->s, buf, sizeof(buf), MSG_DONTWAIT)));
	EXPECT_EQ(0, revents_for(self->s, POLLIN));

	EXPECT_EQ(0, set_int_option(self->s, SOL_SOCKET, SO_DETACH_FILTER, 0));
	EXPECT_EQ(2, send(self->c, "n2", 2, 0));
	EXPECT_EQ(2, recv(self->s, buf, sizeof(buf), 0));
}

/* Tossed records leave no trace in the sender's room: many windows go by. */
TEST_F(seqpacket, filter_costs_no_room)
{
	struct async receiving;
	int i;

	ASSERT_EQ(0, filter_y(self->s));
	for (i = 0; i < 2000; i++)
		ASSERT_EQ(5000, ERR(send(self->c, big, 5000, MSG_DONTWAIT)));
	/* Long ones too, of several packets; and those that are let in come whole. */
	for (i = 0; i < 20; i++)
		ASSERT_EQ(BIG, ERR(send(self->c, big, BIG, MSG_DONTWAIT)));
	big[0] = 'y';
	async_recv(&receiving, self->s, big + 1, BIG, 0);
	EXPECT_TRUE(async_blocks(&receiving));
	ASSERT_EQ(BIG, ERR(send(self->c, big, BIG, 0)));
	EXPECT_EQ(BIG, async_result(&receiving));
	EXPECT_EQ(0, bytes_to_read(self->s));
	if (is_kite(self->f))
		EXPECT_EQ(0, BECOMES(0, bytes_unread_by_peer(self->c)));
	big[0] = 0;
}

TEST_F(seqpacket, filter_locked)
{
	ASSERT_EQ(0, filter_y(self->s));
	EXPECT_EQ(0, set_int_option(self->s, SOL_SOCKET, SO_LOCK_FILTER, 1));
	EXPECT_EQ(-EPERM, filter_y(self->s));
	EXPECT_EQ(-EPERM, set_int_option(self->s, SOL_SOCKET, SO_DETACH_FILTER, 0));
	EXPECT_EQ(-EPERM, set_int_option(self->s, SOL_SOCKET, SO_LOCK_FILTER, 0));
}

TEST_F(seqpacket, filter_by_bpf)
{
	char buf[8];

	ASSERT_EQ(0, attach_bpf_for_length(self->s, 3));
	EXPECT_EQ(2, send(self->c, "no", 2, 0));
	EXPECT_EQ(3, send(self->c, "yes", 3, 0));
	EXPECT_EQ(3, recv(self->s, buf, sizeof(buf), MSG_DONTWAIT));
	EXPECT_EQ(-EAGAIN, ERR(recv(self->s, buf, sizeof(buf), MSG_DONTWAIT)));
}

/* A listener's filter stays with it, locked or not. */
TEST_F(seqpacket, filter_of_the_listener)
{
	struct address addr;
	int fd[2], l;
	char buf[8];

	l = record_listener(self->f, &addr);
	ASSERT_LE(0, l);
	ASSERT_EQ(0, filter_y(l));
	ASSERT_EQ(0, set_int_option(l, SOL_SOCKET, SO_LOCK_FILTER, 1));
	ASSERT_EQ(0, accepted(self->f, l, &addr, fd));
	EXPECT_EQ(2, send(fd[0], "no", 2, 0));
	EXPECT_EQ(2, recv(fd[1], buf, sizeof(buf), MSG_DONTWAIT));
	EXPECT_EQ(0, get_int_option(fd[1], SOL_SOCKET, SO_LOCK_FILTER));
	EXPECT_EQ(0, filter_y(fd[1]));
}

/*
 * A record that does not fit now must not be asked for again at once. AF_UNIX has
 * no such case: it lets a record in as long as there is any room.
 */
PAIR_FIXTURE_BY(window, KITE, record_pair);

TEST_F(window, no_room_for_a_long_record)
{
	static char buf[BIG];

	ASSERT_EQ(BIG, send(self->c, big, BIG, 0));
	ASSERT_EQ(-EAGAIN, ERR(send(self->c, big, BIG, MSG_DONTWAIT)));
	EXPECT_EQ(0, revents_for(self->c, POLLOUT));
	ASSERT_EQ(BIG, recv(self->s, buf, BIG, 0));
	EXPECT_EQ(POLLOUT, revents_for(self->c, POLLOUT));
	EXPECT_EQ(BIG, send(self->c, big, BIG, MSG_DONTWAIT));
}

/* Room for the one who wants little is no matter of another who wants much. */
TEST_F(window, small_record_beside_a_large_one)
{
	struct async small, large;
	static char buf[BIG];
	int n = 0, i;

	while (ERR(send(self->c, big, 1000, MSG_DONTWAIT)) == 1000)
		ASSERT_GT(10000, ++n);
	async_send(&small, self->c, big, 1000, 0);
	ASSERT_TRUE(async_blocks(&small));
	async_send(&large, self->c, big, BIG, 0);
	ASSERT_TRUE(async_blocks(&large));
	/* Half a window is too little for it. */
	for (i = 0; i < n / 2; i++)
		ASSERT_EQ(1000, recv(self->s, buf, BIG, 0));
	ASSERT_EQ(1000, async_result(&small));
	EXPECT_FALSE(async_done(&large));
	for (; i < n + 1; i++)
		ASSERT_EQ(1000, recv(self->s, buf, BIG, 0));
	EXPECT_EQ(BIG, async_result(&large));
	EXPECT_EQ(BIG, recv(self->s, buf, BIG, 0));
}

/* The same port of the other type is another port. */
FAMILY_FIXTURE(ports, KITE);

TEST_F(ports, each_type_has_its_own)
{
	struct address addr;
	int l = listener(self->f, 1, &addr), r = record_socket(self->f), c;

	ASSERT_LE(0, l);
	EXPECT_EQ(0, bind_to(r, &addr));
	c = record_socket(self->f);
	EXPECT_EQ(refusal(self->f), -connect_to(c, &addr));
}

TEST_HARNESS_MAIN
