// SPDX-License-Identifier: GPL-2.0
/* listen() and accept(): the backlog and the children. */

#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <sys/time.h>

#include "fixtures.h"

FAMILY_FIXTURE(accept, KITE_UNIX_INET);

/* How many connectors the listener takes before it lets the next one wait. */
static int room(const struct family *f, const struct address *addr, int most)
{
	int c, n;

	for (n = 0; n < most; n++) {
		c = stream_socket(f);
		if (set_nonblocking(c, true))
			return -1;
		switch (connect_to(c, addr)) {
		case 0:
			break;
		case -EINPROGRESS:
			settle(f);
			if (revents_for(c, POLLOUT) & POLLOUT)
				break;
			return n;
		case -EAGAIN:
			return n;
		default:
			return -1;
		}
	}
	return n;
}

TEST_F(accept, backlog_and_one_more)
{
	static const int backlogs[] = { 0, 1, 5 };
	struct address addr;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(backlogs); i++) {
		ASSERT_LE(0, listener(self->f, backlogs[i], &addr));
		EXPECT_EQ(backlogs[i] + 1,
			  room(self->f, &addr, backlogs[i] + 10));
	}
}

TEST_F(accept, negative_backlog_is_the_largest)
{
	struct address addr;

	ASSERT_LE(0, listener(self->f, -1, &addr));
	EXPECT_EQ(20, room(self->f, &addr, 20));
}

TEST_F(accept, each_accept_makes_room)
{
	struct address addr;
	int l, i;

	l = listener(self->f, 2, &addr);
	for (i = 0; i < 10; i++) {
		ASSERT_EQ(3, room(self->f, &addr, 3));
		ASSERT_LE(0, ERR(accept(l, NULL, NULL)));
		ASSERT_LE(0, ERR(accept(l, NULL, NULL)));
		ASSERT_LE(0, ERR(accept(l, NULL, NULL)));
	}
}

TEST_F(accept, listen_again_changes_the_backlog)
{
	struct address addr;
	int l;

	l = listener(self->f, 0, &addr);
	ASSERT_EQ(1, room(self->f, &addr, 1));
	ASSERT_EQ(0, listen(l, 3));
	EXPECT_EQ(3, room(self->f, &addr, 3));

	/* A lower one drops nobody who is in already. */
	ASSERT_EQ(0, listen(l, 0));
	EXPECT_LE(0, ERR(accept(l, NULL, NULL)));
	EXPECT_LE(0, ERR(accept(l, NULL, NULL)));
	EXPECT_LE(0, ERR(accept(l, NULL, NULL)));
	EXPECT_LE(0, ERR(accept(l, NULL, NULL)));
	EXPECT_EQ(1, room(self->f, &addr, 1));
}

TEST_F(accept, listen_without_bind)
{
	struct address addr;
	int l;

	l = stream_socket(self->f);
	/* As with TCP, listen() finds a port. */
	EXPECT_EQ(by_family(self->f, 0, -EINVAL, 0), ERR(listen(l, 1)));
	if (is_unix(self->f))
		return;

	ASSERT_EQ(0, name_of(l, &addr));
	if (is_inet(self->f))
		addr.in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	else
		addr.kite.skt_node = KITE_NODE_LOCAL;
	EXPECT_LE(0, connector(self->f, &addr));
	EXPECT_LE(0, ERR(accept(l, NULL, NULL)));
}

TEST_F(accept, listen_when_connected)
{
	int fd[2];

	ASSERT_EQ(0, connected_pair(self->f, fd));
	EXPECT_EQ(-EINVAL, ERR(listen(fd[0], 1)));
	EXPECT_EQ(-EINVAL, ERR(listen(fd[1], 1)));
	EXPECT_EQ(0, get_int_option(fd[0], SOL_SOCKET, SO_ACCEPTCONN));
}

TEST_F(accept, without_listen)
{
	struct address addr;
	int fd[2];

	EXPECT_EQ(-EINVAL, ERR(accept(stream_socket(self->f), NULL, NULL)));
	EXPECT_EQ(-EINVAL, ERR(accept(bound_socket(self->f, &addr), NULL, NULL)));
	ASSERT_EQ(0, connected_pair(self->f, fd));
	EXPECT_EQ(-EINVAL, ERR(accept(fd[0], NULL, NULL)));
	EXPECT_EQ(-EINVAL, ERR(accept(fd[1], NULL, NULL)));
}

TEST_F(accept, nothing_there)
{
	struct address addr;
	int l;

	l = listener(self->f, 1, &addr);
	ASSERT_EQ(0, set_nonblocking(l, true));
	EXPECT_EQ(-EAGAIN, ERR(accept(l, NULL, NULL)));
	ASSERT_LE(0, connector(self->f, &addr));
	EXPECT_LE(0, BECOMES(0, ERR(accept(l, NULL, NULL)) < 0));
	EXPECT_EQ(-EAGAIN, ERR(accept(l, NULL, NULL)));
}

TEST_F(accept, flags)
{
	struct address addr;
	int l, s;

	l = listener(self->f, 5, &addr);
	ASSERT_LE(0, connector(self->f, &addr));
	s = accept4(l, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	ASSERT_LE(0, s);
	EXPECT_EQ(O_NONBLOCK, fcntl(s, F_GETFL) & O_NONBLOCK);
	EXPECT_EQ(FD_CLOEXEC, fcntl(s, F_GETFD));
	EXPECT_EQ(O_RDWR, fcntl(s, F_GETFL) & O_ACCMODE);

	/* They are not the listener's, as they were with BSD. */
	ASSERT_LE(0, connector(self->f, &addr));
	EXPECT_EQ(POLLIN, revents_become(l, POLLIN));
	ASSERT_EQ(0, set_nonblocking(l, true));
	s = accept4(l, NULL, NULL, 0);
	ASSERT_LE(0, s);
	EXPECT_EQ(0, fcntl(s, F_GETFL) & O_NONBLOCK);
	EXPECT_EQ(0, fcntl(s, F_GETFD));

	EXPECT_EQ(-EINVAL, ERR(accept4(l, NULL, NULL, 1)));
}

TEST_F(accept, wakes_up)
{
	struct async accepting;
	struct address addr;
	char c = 0;
	long s;

	async_accept(&accepting, listener(self->f, 1, &addr));
	ASSERT_TRUE(async_blocks(&accepting));
	ASSERT_EQ(1, send(connector(self->f, &addr), "x", 1, 0));
	s = async_result(&accepting);
	ASSERT_LE(0, s);
	EXPECT_EQ(1, recv(s, &c, 1, 0));
	EXPECT_EQ('x', c);
}

TEST_F(accept, one_connection_wakes_one)
{
	struct async first, second;
	struct address addr;
	int l;

	l = listener(self->f, 1, &addr);
	async_accept(&first, l);
	async_accept(&second, l);
	ASSERT_TRUE(async_blocks(&first));
	ASSERT_TRUE(async_blocks(&second));

	ASSERT_LE(0, connector(self->f, &addr));
	EXPECT_EQ(1, BECOMES(1, async_done(&first) + async_done(&second)));
	EXPECT_TRUE(async_blocks(async_done(&first) ? &second : &first));

	ASSERT_LE(0, connector(self->f, &addr));
	EXPECT_LE(0, async_result(&first));
	EXPECT_LE(0, async_result(&second));
}

TEST_F(accept, times_out)
{
	struct address addr;
	long start;
	int l;

	l = listener(self->f, 1, &addr);
	ASSERT_EQ(0, set_timeout(l, SO_RCVTIMEO, TIMEOUT_MS));
	start = now_ms();
	EXPECT_EQ(-EAGAIN, ERR(accept(l, NULL, NULL)));
	EXPECT_LE(TIMED_OUT_MS, now_ms() - start);
}

TEST_F(accept, interrupted)
{
	struct async accepting;
	struct address addr;

	catch_signal(SIGUSR1, 0);
	async_accept(&accepting, listener(self->f, 1, &addr));
	ASSERT_TRUE(async_blocks(&accepting));
	async_signal(&accepting, SIGUSR1);
	EXPECT_EQ(-EINTR, async_result(&accepting));
}

TEST_F(accept, goes_on_after_a_signal)
{
	struct async accepting;
	struct address addr;

	catch_signal(SIGUSR1, SA_RESTART);
	async_accept(&accepting, listener(self->f, 1, &addr));
	ASSERT_TRUE(async_blocks(&accepting));
	async_signal(&accepting, SIGUSR1);
	EXPECT_EQ(1, BECOMES(1, caught_signals()));
	EXPECT_TRUE(async_blocks(&accepting));

	ASSERT_LE(0, connector(self->f, &addr));
	EXPECT_LE(0, async_result(&accepting));
}

TEST_F(accept, shutdown_wakes)
{
	struct async accepting;
	struct address addr;
	int l;

	l = listener(self->f, 1, &addr);
	async_accept(&accepting, l);
	ASSERT_TRUE(async_blocks(&accepting));
	ASSERT_EQ(0, shutdown(l, SHUT_RDWR));
	EXPECT_EQ(-EINVAL, async_result(&accepting));
	EXPECT_EQ(-EINVAL, ERR(accept(l, NULL, NULL)));
}

TEST_F(accept, first_come_first_served)
{
	struct address addr;
	int l, s;
	char i, c;

	l = listener(self->f, 5, &addr);
	for (i = 0; i < 5; i++)
		ASSERT_EQ(1, send(connector(self->f, &addr), &i, 1, 0));
	for (i = 0; i < 5; i++) {
		s = accept(l, NULL, NULL);
		ASSERT_LE(0, s);
		ASSERT_EQ(1, recv(s, &c, 1, 0));
		EXPECT_EQ(i, c);
	}
}

TEST_F(accept, peer_address)
{
	struct address addr, client, peer;
	int l, c;

	l = listener(self->f, 5, &addr);
	c = connector(self->f, &addr);
	ASSERT_EQ(0, name_of(c, &client));
	peer.len = sizeof(peer.storage);
	ASSERT_LE(0, ERR(accept(l, &peer.sa, &peer.len)));
	EXPECT_TRUE(same_address(&client, &peer));

	/* As much as there is room for, and the length that there would be. */
	c = connector(self->f, &addr);
	ASSERT_EQ(0, name_of(c, &client));
	memset(&peer, 0x55, sizeof(peer));
	peer.len = 1;
	ASSERT_LE(0, ERR(accept(l, &peer.sa, &peer.len)));
	EXPECT_EQ(client.len, peer.len);
	EXPECT_EQ(0x55, ((char *)&peer.storage)[1]);
}

TEST_F(accept, client_left_already)
{
	struct address addr;
	char buf[4];
	int l, c, s;

	l = listener(self->f, 5, &addr);
	c = connector(self->f, &addr);
	ASSERT_EQ(3, send(c, "bye", 3, 0));
	close(c);

	/* What it said is not lost. */
	s = accept(l, NULL, NULL);
	ASSERT_LE(0, s);
	EXPECT_EQ(3, recv(s, buf, sizeof(buf), 0));
	EXPECT_EQ(0, recv(s, buf, sizeof(buf), 0));
}

TEST_F(accept, listener_closes_on_those_who_wait)
{
	struct address addr;
	int l, c, waiting;
	char buf[4];

	l = listener(self->f, 5, &addr);
	c = connector(self->f, &addr);
	ASSERT_LE(0, c);
	waiting = connector(self->f, &addr);
	ASSERT_EQ(1, send(waiting, "x", 1, 0));
	close(l);

	EXPECT_EQ(POLLIN | POLLOUT | POLLERR | POLLHUP | POLLRDHUP,
		  revents_become(c, POLLIN | POLLOUT | POLLERR | POLLHUP |
				    POLLRDHUP));
	EXPECT_EQ(-ECONNRESET, ERR(recv(c, buf, sizeof(buf), 0)));
	EXPECT_EQ(0, recv(c, buf, sizeof(buf), 0));
	EXPECT_EQ(-ECONNRESET, ERR(recv(waiting, buf, sizeof(buf), 0)));
}

TEST_F(accept, listener_closes_on_blocked_reader)
{
	struct address addr;
	struct async reading;
	char buf[4];
	int l;

	l = listener(self->f, 5, &addr);
	async_recv(&reading, connector(self->f, &addr), buf, sizeof(buf), 0);
	ASSERT_TRUE(async_blocks(&reading));
	close(l);
	EXPECT_EQ(-ECONNRESET, async_result(&reading));
}

TEST_F(accept, children_outlive_the_listener)
{
	struct address addr;
	int l, c, s;
	char buf[4];

	l = listener(self->f, 5, &addr);
	c = connector(self->f, &addr);
	s = accept(l, NULL, NULL);
	close(l);
	ASSERT_EQ(2, send(c, "ab", 2, 0));
	EXPECT_EQ(2, recv(s, buf, sizeof(buf), 0));
	ASSERT_EQ(3, send(s, "cde", 3, 0));
	EXPECT_EQ(3, recv(c, buf, sizeof(buf), 0));
}

TEST_F(accept, children_do_not_hold_the_port)
{
	struct address addr;
	int l, c, s, c2, s2;
	char buf[4];

	l = listener(self->f, 5, &addr);
	c = connector(self->f, &addr);
	s = accept(l, NULL, NULL);
	close(l);

	/* TCP asks for SO_REUSEADDR here. */
	l = stream_socket(self->f);
	EXPECT_EQ(by_family(self->f, 0, 0, -EADDRINUSE), bind_to(l, &addr));
	if (is_inet(self->f))
		return;

	/* Old and new are two connections. */
	ASSERT_EQ(0, listen(l, 5));
	c2 = connector(self->f, &addr);
	s2 = accept(l, NULL, NULL);
	ASSERT_LE(0, s2);
	ASSERT_EQ(3, send(c, "old", 3, 0));
	ASSERT_EQ(3, send(c2, "new", 3, 0));
	EXPECT_EQ(3, recv(s2, buf, sizeof(buf), 0));
	EXPECT_EQ(0, memcmp(buf, "new", 3));
	EXPECT_EQ(3, recv(s, buf, sizeof(buf), 0));
	EXPECT_EQ(0, memcmp(buf, "old", 3));
}

TEST_F(accept, children_inherit_options)
{
	struct timeval tv = {};
	struct linger linger = {};
	struct address addr;
	socklen_t len;
	int l, s, sndbuf, rcvbuf, mark;
	bool inherits;

	/* as with TCP */
	inherits = by_family(self->f, true, false, true);

	l = bound_socket(self->f, &addr);
	ASSERT_EQ(0, set_int_option(l, SOL_SOCKET, SO_SNDBUF, 20000));
	ASSERT_EQ(0, set_int_option(l, SOL_SOCKET, SO_RCVBUF, 30000));
	ASSERT_EQ(0, set_int_option(l, SOL_SOCKET, SO_RCVLOWAT, 7));
	ASSERT_EQ(0, set_int_option(l, SOL_SOCKET, SO_KEEPALIVE, 1));
	ASSERT_EQ(0, set_timeout(l, SO_RCVTIMEO, 3000));
	ASSERT_EQ(0, set_timeout(l, SO_SNDTIMEO, 5000));
	ASSERT_EQ(0, set_linger(l, 9));
	ASSERT_EQ(0, set_int_option(l, SOL_SOCKET, SO_PRIORITY, 3));
	/* That takes a privilege. */
	mark = set_int_option(l, SOL_SOCKET, SO_MARK, 7) ? 0 : 7;
	sndbuf = get_int_option(l, SOL_SOCKET, SO_SNDBUF);
	rcvbuf = get_int_option(l, SOL_SOCKET, SO_RCVBUF);
	ASSERT_EQ(0, listen(l, 1));

	ASSERT_LE(0, connector(self->f, &addr));
	s = accept(l, NULL, NULL);
	ASSERT_LE(0, s);

	EXPECT_EQ(inherits, get_int_option(s, SOL_SOCKET, SO_SNDBUF) == sndbuf);
	EXPECT_EQ(inherits, get_int_option(s, SOL_SOCKET, SO_RCVBUF) == rcvbuf);
	EXPECT_EQ(inherits ? 7 : 1, get_int_option(s, SOL_SOCKET, SO_RCVLOWAT));
	EXPECT_EQ(inherits, get_int_option(s, SOL_SOCKET, SO_KEEPALIVE));
	len = sizeof(tv);
	EXPECT_EQ(0, getsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &tv, &len));
	EXPECT_EQ(inherits ? 3 : 0, tv.tv_sec);
	len = sizeof(tv);
	EXPECT_EQ(0, getsockopt(s, SOL_SOCKET, SO_SNDTIMEO, &tv, &len));
	EXPECT_EQ(inherits ? 5 : 0, tv.tv_sec);
	len = sizeof(linger);
	EXPECT_EQ(0, getsockopt(s, SOL_SOCKET, SO_LINGER, &linger, &len));
	EXPECT_EQ(inherits ? 1 : 0, linger.l_onoff);
	EXPECT_EQ(inherits ? 9 : 0, linger.l_linger);
	EXPECT_EQ(inherits ? mark : 0, get_int_option(s, SOL_SOCKET, SO_MARK));
	EXPECT_EQ(0, get_int_option(s, SOL_SOCKET, SO_PRIORITY));

	/* not what makes it a listener */
	EXPECT_EQ(0, get_int_option(s, SOL_SOCKET, SO_ACCEPTCONN));
	EXPECT_EQ(-EINVAL, ERR(accept(s, NULL, NULL)));
}

/* A backlog raised: AF_UNIX wakes those who wait, TCP's connectors try again. */

FAMILY_FIXTURE(raised_backlog, KITE_UNIX);

TEST_F(raised_backlog, wakes_connectors)
{
	struct async first, second;
	struct address addr;
	int l;

	l = listener(self->f, 0, &addr);
	ASSERT_LE(0, connector(self->f, &addr));
	async_connect(&first, stream_socket(self->f), &addr);
	async_connect(&second, stream_socket(self->f), &addr);
	ASSERT_TRUE(async_blocks(&first));
	ASSERT_TRUE(async_blocks(&second));

	ASSERT_EQ(0, listen(l, 5));
	EXPECT_EQ(0, async_result(&first));
	EXPECT_EQ(0, async_result(&second));
}

/* A connection is known by its two addresses. */

FAMILY_FIXTURE(reset_before, KITE_INET);

TEST_F(reset_before, accept)
{
	struct address addr;
	char buf[4];
	int l, c, s;

	l = listener(self->f, 5, &addr);
	c = connector(self->f, &addr);
	ASSERT_EQ(0, set_linger(c, 0));
	close(c);

	/* As with TCP on Linux, the child waits to be accepted all the same. */
	s = accept(l, NULL, NULL);
	ASSERT_LE(0, s);
	EXPECT_EQ(-ECONNRESET, ERR(recv(s, buf, sizeof(buf), 0)));
	EXPECT_EQ(0, recv(s, buf, sizeof(buf), 0));
}

FAMILY_FIXTURE(tuple, KITE);

TEST_F(tuple, is_free_when_the_peer_has_closed)
{
	struct address addr, mine;
	int l, c, s;

	if (self->f->domain() == AF_VSOCK && peer_is_known(self->f))
		SKIP(return, "as AF_VSOCK, it is free earlier: see vsock.c");
	/* Where it does not become free with time. */
	ASSERT_EQ(0, enter_new_netns());
	l = listener(self->f, 5, &addr);
	c = bound_socket(self->f, &mine);
	ASSERT_EQ(0, connect_to(c, &addr));
	s = accept(l, NULL, NULL);
	close(c);

	/* The port is free, but not for the connection that @s still has. */
	c = stream_socket(self->f);
	ASSERT_EQ(0, bind_to(c, &mine));
	EXPECT_EQ(-EADDRNOTAVAIL, connect_to(c, &addr));

	close(s);
	EXPECT_EQ(0, BECOMES(0, connect_to(c, &addr)));
	s = accept(l, NULL, NULL);
	EXPECT_EQ(1, send(c, "x", 1, 0));
	EXPECT_EQ(1, bytes_to_read(s));
}

TEST_F(tuple, is_free_for_another_listener)
{
	struct address addr, other, mine;
	int l, c;

	l = listener(self->f, 5, &addr);
	ASSERT_LE(0, listener(self->f, 5, &other));
	c = bound_socket(self->f, &mine);
	ASSERT_EQ(0, connect_to(c, &addr));
	ASSERT_LE(0, ERR(accept(l, NULL, NULL)));
	close(c);

	c = stream_socket(self->f);
	ASSERT_EQ(0, bind_to(c, &mine));
	EXPECT_EQ(0, connect_to(c, &other));
}

TEST_HARNESS_MAIN
