// SPDX-License-Identifier: GPL-2.0
/* socketpair(): a connection without addresses. */

#define _GNU_SOURCE
#include <fcntl.h>

#include "fixtures.h"

static int make_pair(const struct family *f, int fd[2])
{
	return ERR(socketpair(f->domain(), SOCK_STREAM, 0, fd));
}

PAIR_FIXTURE_BY(socketpair, KITE_UNIX, make_pair);

TEST_F(socketpair, both_ways)
{
	char buf[8];

	EXPECT_EQ(3, send(self->c, "abc", 3, 0));
	EXPECT_EQ(3, recv(self->s, buf, sizeof(buf), 0));
	EXPECT_EQ(2, send(self->s, "de", 2, 0));
	EXPECT_EQ(2, recv(self->c, buf, sizeof(buf), 0));
}

TEST_F(socketpair, has_no_names)
{
	struct address name, none;

	if (is_kite(self->f))
		kite_address(&none, KITE_PORT_ANY, KITE_NODE_ANY);
	else
		self->f->any(&none);
	EXPECT_EQ(0, name_of(self->c, &name));
	EXPECT_TRUE(same_address(&none, &name));
	EXPECT_EQ(0, peer_of(self->c, &name));
	EXPECT_TRUE(same_address(&none, &name));
}

TEST_F(socketpair, is_connected)
{
	struct address addr;

	ASSERT_LE(0, listener(self->f, 1, &addr));
	EXPECT_EQ(-EISCONN, connect_to(self->c, &addr));
	EXPECT_EQ(-EINVAL, ERR(listen(self->c, 1)));
	EXPECT_EQ(-EINVAL, ERR(accept(self->c, NULL, NULL)));
	EXPECT_EQ(POLLOUT, revents(self->c));
	EXPECT_EQ(POLLOUT, revents(self->s));
}

TEST_F(socketpair, knows_its_maker)
{
	struct ucred cred = {};
	socklen_t len = sizeof(cred);

	EXPECT_EQ(0, getsockopt(self->c, SOL_SOCKET, SO_PEERCRED, &cred, &len));
	EXPECT_EQ(getpid(), cred.pid);
	EXPECT_EQ(getuid(), cred.uid);
	EXPECT_EQ(getgid(), cred.gid);
	EXPECT_EQ(SOCK_STREAM, get_int_option(self->s, SOL_SOCKET, SO_TYPE));
	EXPECT_EQ(self->f->domain(),
		  get_int_option(self->s, SOL_SOCKET, SO_DOMAIN));
}

TEST_F(socketpair, flags)
{
	int fd[2];

	ASSERT_EQ(0, socketpair(self->f->domain(),
				SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fd));
	EXPECT_EQ(O_NONBLOCK, fcntl(fd[0], F_GETFL) & O_NONBLOCK);
	EXPECT_EQ(O_NONBLOCK, fcntl(fd[1], F_GETFL) & O_NONBLOCK);
	EXPECT_EQ(FD_CLOEXEC, fcntl(fd[0], F_GETFD));
	EXPECT_EQ(FD_CLOEXEC, fcntl(fd[1], F_GETFD));
}

TEST_F(socketpair, close)
{
	char buf[8];

	ASSERT_EQ(1, send(self->c, "x", 1, 0));
	close(self->c);
	EXPECT_EQ(1, recv(self->s, buf, sizeof(buf), 0));
	EXPECT_EQ(0, recv(self->s, buf, sizeof(buf), 0));
	EXPECT_EQ(-EPIPE, ERR(send(self->s, "x", 1, MSG_NOSIGNAL)));
}

TEST_F(socketpair, close_with_data_unread)
{
	char buf[8];

	ASSERT_EQ(1, send(self->s, "x", 1, 0));
	close(self->c);
	EXPECT_EQ(-ECONNRESET, ERR(recv(self->s, buf, sizeof(buf), 0)));
	EXPECT_EQ(0, recv(self->s, buf, sizeof(buf), 0));
}

TEST_F(socketpair, shutdown)
{
	char buf[8];

	ASSERT_EQ(0, shutdown(self->c, SHUT_WR));
	EXPECT_EQ(0, recv(self->s, buf, sizeof(buf), 0));
	EXPECT_EQ(1, send(self->s, "x", 1, 0));
	EXPECT_EQ(1, recv(self->c, buf, sizeof(buf), 0));
}

TEST_F(socketpair, fills_up)
{
	ssize_t sent = fill(self->f, self->c);

	ASSERT_LT(0, sent);
	EXPECT_EQ(0, revents(self->c));
	EXPECT_EQ(sent, drain(self->s));
	EXPECT_EQ(sent, fill(self->f, self->c));
}

TEST_F(socketpair, many)
{
	char c = 0;
	int i;

	for (i = 0; i < 200; i++) {
		int fd[2];

		ASSERT_EQ(0, make_pair(self->f, fd));
		ASSERT_EQ(1, send(fd[0], "x", 1, 0));
		if (i % 2)
			ASSERT_EQ(1, recv(fd[1], &c, 1, 0));
		close(fd[i / 2 % 2]);
		close(fd[1 - i / 2 % 2]);
	}
}

/* Records; dgram has the pairs of datagram sockets. */

#define LONG	150000

static char long_record[LONG];

static int make_record_pair(const struct family *f, int fd[2])
{
	return ERR(socketpair(f->domain(), SOCK_SEQPACKET, 0, fd));
}

PAIR_FIXTURE_BY(records, KITE_UNIX, make_record_pair);

TEST_F(records, boundaries)
{
	struct iovec iov = { long_record, 2 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	int eor = by_family(self->f, MSG_EOR, 0, 0);
	char buf[8];

	EXPECT_EQ(SOCK_SEQPACKET, get_int_option(self->s, SOL_SOCKET, SO_TYPE));
	EXPECT_EQ(3, send(self->c, "abc", 3, 0));
	EXPECT_EQ(0, send(self->c, "", 0, 0));
	EXPECT_EQ(3, send(self->c, "def", 3, MSG_EOR));
	EXPECT_EQ(1, send(self->s, "x", 1, 0));
	EXPECT_EQ(3, recv(self->s, buf, sizeof(buf), 0));
	EXPECT_EQ(0, recv(self->s, buf, sizeof(buf), 0));
	EXPECT_EQ(2, recvmsg(self->s, &msg, 0));
	EXPECT_EQ(eor | MSG_TRUNC, msg.msg_flags);
	EXPECT_EQ(-EAGAIN, ERR(recv(self->s, buf, sizeof(buf), MSG_DONTWAIT)));
	EXPECT_EQ(1, recv(self->c, buf, sizeof(buf), 0));
}

TEST_F(records, long_one)
{
	pattern_fill(long_record, LONG, 0);
	EXPECT_EQ(LONG, send(self->c, long_record, LONG, 0));
	memset(long_record, 0, LONG);
	EXPECT_EQ(LONG, recv(self->s, long_record, LONG, 0));
	EXPECT_EQ(-1, pattern_differs(long_record, LONG, 0));
	EXPECT_EQ(0, set_int_option(self->c, SOL_SOCKET, SO_SNDBUF, 16384));
	EXPECT_EQ(-EMSGSIZE, ERR(send(self->c, long_record, LONG, 0)));
}

TEST_F(records, fill_up)
{
	int sent = 0, got = 0;

	while (send(self->c, long_record, 10000, MSG_DONTWAIT) == 10000)
		sent++;
	EXPECT_LT(0, sent);
	EXPECT_EQ(0, revents_for(self->c, POLLOUT));
	while (recv(self->s, long_record, LONG, MSG_DONTWAIT) == 10000)
		got++;
	EXPECT_EQ(sent, got);
	EXPECT_EQ(POLLOUT, revents_for(self->c, POLLOUT));
}

TEST_F(records, end)
{
	char buf[8];

	ASSERT_EQ(1, send(self->c, "x", 1, 0));
	close(self->c);
	EXPECT_EQ(1, recv(self->s, buf, sizeof(buf), 0));
	EXPECT_EQ(0, recv(self->s, buf, sizeof(buf), 0));
	EXPECT_EQ(-EPIPE, ERR(send(self->s, "x", 1, MSG_NOSIGNAL)));
}

TEST_HARNESS_MAIN
