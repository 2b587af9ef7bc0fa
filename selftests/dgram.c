// SPDX-License-Identifier: GPL-2.0
/* SOCK_DGRAM: messages, with UDP as the oracle. */

#define _GNU_SOURCE
#include <sys/socket.h>
#include <sys/uio.h>

#include <linux/filter.h>

#include "fixtures.h"

#define KITE_DGRAM_MAX 65536

static char big[KITE_DGRAM_MAX + 1];

static int dgram_socket(const struct family *f)
{
	return ERR(socket(f->domain(), SOCK_DGRAM | SOCK_CLOEXEC, 0));
}

/* A socket at some port of this node; others reach it at @addr. */
static int dgram_at(const struct family *f, struct address *addr)
{
	int fd = dgram_socket(f), err;

	if (fd < 0)
		return fd;
	if (is_kite(f))
		kite_address(addr, KITE_PORT_ANY, KITE_NODE_LOCAL);
	else
		f->any(addr);
	err = bind_to(fd, addr) ?: name_of(fd, addr);
	if (!err)
		return fd;
	close(fd);
	return err;
}

static long send_to(int fd, const void *buf, size_t len, const struct address *to)
{
	long ret = ERR(sendto(fd, buf, len, MSG_NOSIGNAL, &to->sa, to->len));

	if (to->sa.sa_family == AF_INET)
		settle(&family_inet);
	return ret;
}

static long recv_from(int fd, void *buf, size_t len, struct address *from)
{
	from->len = sizeof(from->storage);
	return ERR(recvfrom(fd, buf, len, MSG_DONTWAIT, &from->sa, &from->len));
}

/* Two sockets: @a is at address @at_a, @b at @at_b. */
FIXTURE(dgram) {
	const struct family *f;
	struct address at_a, at_b;
	int a, b;
};

KITE_INET(dgram);

FIXTURE_SETUP(dgram)
{
	self->f = variant->f;
	if (skip_family(_metadata, self->f))
		return;
	self->a = dgram_at(self->f, &self->at_a);
	self->b = dgram_at(self->f, &self->at_b);
	ASSERT_LE(0, self->a);
	ASSERT_LE(0, self->b);
}

FIXTURE_TEARDOWN(dgram) { }

TEST_F(dgram, source_address)
{
	struct address from;
	char buf[8];

	EXPECT_EQ(3, send_to(self->a, "abc", 3, &self->at_b));
	EXPECT_EQ(3, recv_from(self->b, buf, sizeof(buf), &from));
	EXPECT_EQ(0, memcmp(buf, "abc", 3));
	EXPECT_TRUE(same_address(&self->at_a, &from));
	EXPECT_EQ(2, send_to(self->b, "de", 2, &from));
	EXPECT_EQ(2, recv_from(self->a, buf, sizeof(buf), &from));
	EXPECT_TRUE(same_address(&self->at_b, &from));
}

TEST_F(dgram, port_of_its_own_on_first_send)
{
	int fd = dgram_socket(self->f);
	struct address name, from;
	char buf[8];

	EXPECT_EQ(1, send_to(fd, "x", 1, &self->at_b));
	EXPECT_EQ(0, name_of(fd, &name));
	EXPECT_EQ(1, recv_from(self->b, buf, sizeof(buf), &from));
	EXPECT_EQ(port_of(&name), port_of(&from));
	EXPECT_EQ(1, send_to(self->b, "y", 1, &from));
	EXPECT_EQ(1, recv_from(fd, buf, sizeof(buf), &from));
}

TEST_F(dgram, needs_a_destination)
{
	EXPECT_EQ(-EDESTADDRREQ, ERR(send(self->a, "x", 1, 0)));
	EXPECT_EQ(-EINVAL, ERR(sendto(self->a, "x", 1, 0, &self->at_b.sa, 4)));
}

TEST_F(dgram, boundaries)
{
	struct address from;
	char buf[8];

	EXPECT_EQ(3, send_to(self->a, "abc", 3, &self->at_b));
	EXPECT_EQ(0, send_to(self->a, "", 0, &self->at_b));
	EXPECT_EQ(2, send_to(self->a, "de", 2, &self->at_b));
	EXPECT_EQ(3, bytes_to_read(self->b));
	EXPECT_EQ(3, recv_from(self->b, buf, sizeof(buf), &from));
	EXPECT_EQ(POLLIN, revents_for(self->b, POLLIN));
	EXPECT_EQ(0, recv_from(self->b, buf, sizeof(buf), &from));
	EXPECT_EQ(2, recv_from(self->b, buf, sizeof(buf), &from));
	EXPECT_EQ(0, revents_for(self->b, POLLIN));
	EXPECT_EQ(-EAGAIN, recv_from(self->b, buf, sizeof(buf), &from));
}

TEST_F(dgram, rest_is_cut_off)
{
	struct iovec iov = { big, 4 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	char buf[4];

	EXPECT_EQ(10, send_to(self->a, "0123456789", 10, &self->at_b));
	EXPECT_EQ(10, send_to(self->a, "0123456789", 10, &self->at_b));
	EXPECT_EQ(10, recv(self->b, buf, 4, MSG_PEEK | MSG_TRUNC));
	EXPECT_EQ(10, recv(self->b, buf, 4, MSG_TRUNC));
	EXPECT_EQ(4, ERR(recvmsg(self->b, &msg, 0)));
	EXPECT_EQ(MSG_TRUNC, msg.msg_flags & MSG_TRUNC);
	EXPECT_EQ(-EAGAIN, ERR(recv(self->b, buf, 4, MSG_DONTWAIT)));
}

TEST_F(dgram, peek_offset)
{
	char buf[8];

	EXPECT_EQ(0, set_int_option(self->b, SOL_SOCKET, SO_PEEK_OFF, 2));
	EXPECT_EQ(6, send_to(self->a, "abcdef", 6, &self->at_b));
	EXPECT_EQ(2, recv(self->b, buf, 2, MSG_PEEK));
	EXPECT_EQ(0, memcmp(buf, "cd", 2));
	EXPECT_EQ(2, recv(self->b, buf, 8, MSG_PEEK));
	EXPECT_EQ(0, memcmp(buf, "ef", 2));
	EXPECT_EQ(6, recv(self->b, buf, 8, 0));
	EXPECT_EQ(0, memcmp(buf, "abcdef", 6));
}

TEST_F(dgram, empty_peeked)
{
	struct address from;
	char buf[8];

	EXPECT_EQ(0, send_to(self->a, "", 0, &self->at_b));
	EXPECT_EQ(0, ERR(recv(self->b, buf, 8, MSG_PEEK | MSG_DONTWAIT)));
	EXPECT_EQ(0, ERR(recv(self->b, buf, 8, MSG_PEEK | MSG_DONTWAIT)));
	EXPECT_EQ(0, recv_from(self->b, buf, sizeof(buf), &from));
	EXPECT_EQ(-EAGAIN, recv_from(self->b, buf, sizeof(buf), &from));
}

/* A filter sees a message, from wherever it counts, and may cut it off. */
TEST_F(dgram, filter)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, is_kite(self->f) ? SKF_NET_OFF : 8),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 'y', 0, 1),
		BPF_STMT(BPF_RET | BPF_K, is_kite(self->f) ? 3 : 11),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog prog = { ARRAY_SIZE(code), code };
	char buf[8];

	ASSERT_EQ(0, ERR(setsockopt(self->b, SOL_SOCKET, SO_ATTACH_FILTER, &prog,
				    sizeof(prog))));
	EXPECT_EQ(5, send_to(self->a, "no...", 5, &self->at_b));
	EXPECT_EQ(5, send_to(self->a, "yes..", 5, &self->at_b));
	EXPECT_EQ(3, recv(self->b, buf, sizeof(buf), MSG_DONTWAIT));
	EXPECT_EQ(0, memcmp(buf, "yes", 3));
	EXPECT_EQ(-EAGAIN, ERR(recv(self->b, buf, sizeof(buf), MSG_DONTWAIT)));
	if (!calls_fail())
		EXPECT_EQ(1, drops_of(self->b));
}

TEST_F(dgram, filter_locked)
{
	/* UDP's sees its header, too. */
	int len = is_kite(self->f) ? 3 : 11;
	char buf[8];

	ASSERT_EQ(0, attach_bpf_for_length(self->b, len));
	EXPECT_EQ(0, set_int_option(self->b, SOL_SOCKET, SO_LOCK_FILTER, 1));
	EXPECT_EQ(-EPERM, attach_bpf_for_length(self->b, len - 1));
	EXPECT_EQ(-EPERM, set_int_option(self->b, SOL_SOCKET, SO_DETACH_FILTER, 0));
	EXPECT_EQ(-EPERM, set_int_option(self->b, SOL_SOCKET, SO_LOCK_FILTER, 0));
	EXPECT_EQ(2, send_to(self->a, "no", 2, &self->at_b));
	EXPECT_EQ(3, send_to(self->a, "yes", 3, &self->at_b));
	EXPECT_EQ(3, recv(self->b, buf, sizeof(buf), MSG_DONTWAIT));
	EXPECT_EQ(-EAGAIN, ERR(recv(self->b, buf, sizeof(buf), MSG_DONTWAIT)));
}

TEST_F(dgram, refused)
{
	struct address nobody = self->at_a;
	char buf[8];

	/* Unconnected, only Kite's loopback knows at once. */
	close(self->a);
	self->a = dgram_socket(self->f);
	EXPECT_EQ(0, connect_to(self->a, &nobody));
	if (peer_is_known(self->f) && is_kite(self->f)) {
		EXPECT_EQ(-ECONNREFUSED, ERR(send(self->a, "x", 1, 0)));
		EXPECT_EQ(-ECONNREFUSED, send_to(self->b, "x", 1, &nobody));
	} else {
		EXPECT_EQ(1, send(self->a, "x", 1, 0));
		EXPECT_EQ(POLLOUT | POLLERR, revents_become(self->a, POLLOUT | POLLERR));
		EXPECT_EQ(-ECONNREFUSED, ERR(recv(self->a, buf, 8, MSG_DONTWAIT)));
		EXPECT_EQ(1, send_to(self->b, "x", 1, &nobody));
	}
}

TEST_F(dgram, connected_hears_only_its_peer)
{
	int c = dgram_socket(self->f);
	struct address name;
	char buf[8];

	ASSERT_LE(0, c);
	EXPECT_EQ(0, connect_to(c, &self->at_a));
	EXPECT_EQ(0, name_of(c, &name));
	EXPECT_EQ(1, send(c, "q", 1, 0));
	EXPECT_EQ(1, recv(self->a, buf, 8, 0));
	send_to(self->b, "no", 2, &name);
	EXPECT_EQ(3, send_to(self->a, "yes", 3, &name));
	EXPECT_EQ(3, recv(c, buf, 8, MSG_DONTWAIT));
	EXPECT_EQ(-EAGAIN, ERR(recv(c, buf, 8, MSG_DONTWAIT)));
	/* It may still send to others. */
	EXPECT_EQ(1, send_to(c, "x", 1, &self->at_b));
	EXPECT_EQ(1, recv(self->b, buf, 8, MSG_DONTWAIT));
}

TEST_F(dgram, connected_anew_and_not_any_more)
{
	struct sockaddr none = { .sa_family = AF_UNSPEC };
	struct address peer;

	EXPECT_EQ(0, connect_to(self->a, &self->at_b));
	EXPECT_EQ(0, peer_of(self->a, &peer));
	EXPECT_TRUE(same_address(&self->at_b, &peer));
	EXPECT_EQ(0, connect_to(self->a, &self->at_a));
	EXPECT_EQ(0, ERR(connect(self->a, &none, sizeof(none))));
	EXPECT_EQ(-ENOTCONN, peer_of(self->a, &peer));
	EXPECT_EQ(-EDESTADDRREQ, ERR(send(self->a, "x", 1, 0)));
}

TEST_F(dgram, too_long)
{
	long max = by_family(self->f, KITE_DGRAM_MAX, 0, 65507);

	EXPECT_EQ(-EMSGSIZE, send_to(self->a, big, max + 1, &self->at_b));
	EXPECT_EQ(max, send_to(self->a, big, max, &self->at_b));
	EXPECT_EQ(max, recv(self->b, big, sizeof(big), MSG_DONTWAIT));
	EXPECT_EQ(0, set_int_option(self->a, SOL_SOCKET, SO_SNDBUF, 4096));
	if (is_kite(self->f))
		EXPECT_EQ(-EMSGSIZE, send_to(self->a, big, 10000, &self->at_b));
}

TEST_F(dgram, too_many_are_dropped_and_counted)
{
	char control[CMSG_SPACE(sizeof(unsigned int))];
	struct iovec iov = { big, sizeof(big) };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	unsigned int dropped = 0;
	struct cmsghdr *cmsg;
	int i, got = 0;

	EXPECT_EQ(0, set_int_option(self->b, SOL_SOCKET, SO_RXQ_OVFL, 1));
	EXPECT_EQ(0, set_int_option(self->b, SOL_SOCKET, SO_RCVBUF, 8192));
	for (i = 0; i < 100; i++)
		ASSERT_EQ(1000, send_to(self->a, big, 1000, &self->at_b));
	/* That is no matter for who sends. */
	EXPECT_EQ(POLLOUT, revents(self->a));
	while (ERR(recv(self->b, big, sizeof(big), MSG_DONTWAIT)) == 1000)
		got++;
	EXPECT_LT(0, got);
	EXPECT_GT(100, got);

	/* The next one tells how many went before it. */
	ASSERT_EQ(1, send_to(self->a, "x", 1, &self->at_b));
	ASSERT_EQ(1, ERR(recvmsg(self->b, &msg, 0)));
	cmsg = CMSG_FIRSTHDR(&msg);
	ASSERT_NE(NULL, cmsg);
	EXPECT_EQ(SO_RXQ_OVFL, cmsg->cmsg_type);
	memcpy(&dropped, CMSG_DATA(cmsg), sizeof(dropped));
	EXPECT_EQ(100 - got, dropped);
}

TEST_F(dgram, empty_inbox_takes_the_longest)
{
	EXPECT_EQ(0, set_int_option(self->b, SOL_SOCKET, SO_RCVBUF, 1));
	EXPECT_EQ(60000, send_to(self->a, big, 60000, &self->at_b));
	EXPECT_EQ(60000, recv(self->b, big, sizeof(big), MSG_DONTWAIT));
}

TEST_F(dgram, shutdown)
{
	char buf[8];

	EXPECT_EQ(-ENOTCONN, ERR(shutdown(self->a, SHUT_WR)));
	EXPECT_EQ(0, connect_to(self->a, &self->at_b));
	EXPECT_EQ(0, ERR(shutdown(self->a, SHUT_WR)));
	EXPECT_EQ(-EPIPE, ERR(send(self->a, "x", 1, 0)));
	EXPECT_EQ(0, ERR(shutdown(self->a, SHUT_RD)));
	EXPECT_EQ(0, recv(self->a, buf, 8, 0));
}

TEST_F(dgram, no_connection_calls)
{
	EXPECT_EQ(-EOPNOTSUPP, ERR(listen(self->a, 1)));
	EXPECT_EQ(-EOPNOTSUPP, ERR(accept(self->a, NULL, NULL)));
	EXPECT_EQ(POLLOUT, revents(self->a));
}

TEST_F(dgram, reader_is_woken)
{
	struct async receiving;
	char buf[8];

	async_recv(&receiving, self->b, buf, sizeof(buf), 0);
	EXPECT_TRUE(async_blocks(&receiving));
	EXPECT_EQ(5, send_to(self->a, "hello", 5, &self->at_b));
	EXPECT_EQ(5, async_result(&receiving));
}

TEST_F(dgram, port_is_taken)
{
	int fd = dgram_socket(self->f);

	EXPECT_EQ(-EADDRINUSE, bind_to(fd, &self->at_a));
	close(self->a);
	EXPECT_EQ(0, bind_to(fd, &self->at_a));
}

static int make_pair(const struct family *f, int fd[2])
{
	return ERR(socketpair(f->domain(), SOCK_DGRAM, 0, fd));
}

PAIR_FIXTURE_BY(pair, KITE_UNIX, make_pair);

TEST_F(pair, both_ways)
{
	char buf[8];

	EXPECT_EQ(3, send(self->c, "abc", 3, 0));
	EXPECT_EQ(0, send(self->c, "", 0, 0));
	EXPECT_EQ(3, recv(self->s, buf, 8, 0));
	EXPECT_EQ(0, recv(self->s, buf, 8, 0));
	EXPECT_EQ(2, send(self->s, "de", 2, 0));
	EXPECT_EQ(2, recv(self->c, buf, 8, 0));
}

TEST_F(pair, other_end_is_gone)
{
	char buf[8];

	EXPECT_EQ(1, send(self->c, "x", 1, 0));
	close(self->c);
	EXPECT_EQ(1, recv(self->s, buf, 8, 0));
	EXPECT_EQ(-ECONNREFUSED, ERR(send(self->s, "x", 1, MSG_NOSIGNAL)));
}

TEST_HARNESS_MAIN
