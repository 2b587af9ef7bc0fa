// SPDX-License-Identifier: GPL-2.0
/* connect() and getpeername(). */

#include <signal.h>

#include "fixtures.h"

FAMILY_FIXTURE(connect, KITE_UNIX_INET);

TEST_F(connect, both_ends_have_names)
{
	struct address listening, client, server, name;
	int l, c, s;

	l = listener(self->f, 1, &listening);
	ASSERT_LE(0, l);
	c = connector(self->f, &listening);
	ASSERT_LE(0, c);
	server.len = sizeof(server.storage);
	s = accept(l, &server.sa, &server.len);
	ASSERT_LE(0, s);

	/* What accept() says of the peer is what the peer says of itself. */
	ASSERT_EQ(0, name_of(c, &client));
	EXPECT_TRUE(same_address(&client, &server));
	ASSERT_EQ(0, peer_of(s, &name));
	EXPECT_TRUE(same_address(&client, &name));

	ASSERT_EQ(0, peer_of(c, &name));
	EXPECT_TRUE(same_address(&listening, &name));
	ASSERT_EQ(0, name_of(s, &name));
	EXPECT_TRUE(same_address(&listening, &name));

	/* connect() found a port; AF_UNIX leaves the socket without a name. */
	if (!is_unix(self->f))
		EXPECT_NE(port_of(&listening), port_of(&client));
}

TEST_F(connect, from_a_bound_socket)
{
	struct address listening, mine, name;
	int l, c, s;

	l = listener(self->f, 1, &listening);
	c = bound_socket(self->f, &mine);
	ASSERT_EQ(0, connect_to(c, &listening));
	s = accept(l, NULL, NULL);
	ASSERT_LE(0, s);

	ASSERT_EQ(0, name_of(c, &name));
	EXPECT_TRUE(same_address(&mine, &name));
	ASSERT_EQ(0, peer_of(s, &name));
	EXPECT_TRUE(same_address(&mine, &name));
}

TEST_F(connect, unconnected_has_no_peer)
{
	struct address addr, name;

	EXPECT_EQ(-ENOTCONN, peer_of(stream_socket(self->f), &name));
	EXPECT_EQ(-ENOTCONN, peer_of(bound_socket(self->f, &addr), &name));
	EXPECT_EQ(-ENOTCONN, peer_of(listener(self->f, 1, &addr), &name));
}

TEST_F(connect, nobody_there)
{
	struct address nobody, addr, name;
	int c;

	ASSERT_EQ(0, unused_address(self->f, &nobody));
	c = stream_socket(self->f);
	EXPECT_EQ(-refusal(self->f), connect_to(c, &nobody));
	/* The error has been told; it does not wait in SO_ERROR too. */
	EXPECT_EQ(0, get_int_option(c, SOL_SOCKET, SO_ERROR));
	EXPECT_EQ(-ENOTCONN, peer_of(c, &name));
	EXPECT_EQ(-refusal(self->f), connect_to(c, &nobody));

	/* The socket is as good as new. */
	ASSERT_LE(0, listener(self->f, 1, &addr));
	EXPECT_EQ(0, connect_to(c, &addr));
	EXPECT_EQ(1, send(c, "x", 1, 0));
}

TEST_F(connect, bound_but_not_listening)
{
	struct address addr;

	ASSERT_LE(0, bound_socket(self->f, &addr));
	EXPECT_EQ(-refusal(self->f), connector(self->f, &addr));
}

TEST_F(connect, to_a_connected_socket)
{
	struct address listening, addr;
	int c;

	ASSERT_LE(0, listener(self->f, 1, &listening));
	c = bound_socket(self->f, &addr);
	ASSERT_EQ(0, connect_to(c, &listening));
	/* It has an address, but does not listen there. */
	EXPECT_EQ(-refusal(self->f), connector(self->f, &addr));
}

TEST_F(connect, to_itself)
{
	struct address addr;
	int c;

	c = bound_socket(self->f, &addr);
	/* As AF_UNIX; TCP takes it for a simultaneous open. */
	EXPECT_EQ(by_family(self->f, -refusal(self->f), -ECONNREFUSED, 0),
		  connect_to(c, &addr));
}

TEST_F(connect, twice)
{
	struct address addr, other, nobody;
	int c;

	ASSERT_LE(0, listener(self->f, 1, &addr));
	ASSERT_LE(0, listener(self->f, 1, &other));
	ASSERT_EQ(0, unused_address(self->f, &nobody));
	c = connector(self->f, &addr);
	ASSERT_LE(0, c);
	EXPECT_EQ(-EISCONN, connect_to(c, &addr));
	EXPECT_EQ(-EISCONN, connect_to(c, &other));
	/* Where it leads does not matter any more, but AF_UNIX looks first. */
	EXPECT_EQ(by_family(self->f, -EISCONN, -ECONNREFUSED, -EISCONN),
		  connect_to(c, &nobody));

	EXPECT_EQ(0, set_nonblocking(c, true));
	EXPECT_EQ(-EISCONN, connect_to(c, &addr));
}

TEST_F(connect, accepted_socket)
{
	struct address addr;
	int l, s;

	l = listener(self->f, 1, &addr);
	ASSERT_LE(0, connector(self->f, &addr));
	s = accept(l, NULL, NULL);
	ASSERT_LE(0, s);
	EXPECT_EQ(-EISCONN, connect_to(s, &addr));
}

TEST_F(connect, listening_socket)
{
	struct address addr, other;
	int l;

	l = listener(self->f, 1, &addr);
	ASSERT_LE(0, listener(self->f, 1, &other));
	/* as AF_UNIX */
	EXPECT_EQ(by_family(self->f, -EINVAL, -EINVAL, -EISCONN),
		  connect_to(l, &other));
	/* It still listens. */
	EXPECT_LE(0, connector(self->f, &addr));
}

TEST_F(connect, data_before_accept)
{
	struct address addr;
	char buf[8];
	int l, c, s;

	l = listener(self->f, 1, &addr);
	c = connector(self->f, &addr);
	ASSERT_LE(0, c);
	EXPECT_EQ(5, send(c, "early", 5, 0));

	s = accept(l, NULL, NULL);
	ASSERT_LE(0, s);
	EXPECT_EQ(5, recv(s, buf, sizeof(buf), 0));
	EXPECT_EQ(0, memcmp(buf, "early", 5));
}

TEST_F(connect, nonblocking)
{
	struct address addr;
	int l, c;

	l = listener(self->f, 1, &addr);
	c = stream_socket(self->f);
	ASSERT_EQ(0, set_nonblocking(c, true));
	/* As with AF_UNIX, a local peer answers at once. */
	EXPECT_EQ(by_family(self->f, 0, 0, -EINPROGRESS), connect_to(c, &addr));

	EXPECT_EQ(POLLOUT, revents_become(c, POLLOUT));
	EXPECT_EQ(0, get_int_option(c, SOL_SOCKET, SO_ERROR));
	EXPECT_EQ(POLLIN, revents_become(l, POLLIN));
	EXPECT_LE(0, ERR(accept(l, NULL, NULL)));
}

TEST_F(connect, another_family)
{
	struct address addr;
	int c;

	ASSERT_LE(0, listener(self->f, 1, &addr));
	c = stream_socket(self->f);
	addr.sa.sa_family = AF_APPLETALK;
	/* as TCP */
	EXPECT_EQ(by_family(self->f, -EAFNOSUPPORT, -EINVAL, -EAFNOSUPPORT),
		  connect_to(c, &addr));
	addr.sa.sa_family = self->f->domain();
	EXPECT_EQ(0, connect_to(c, &addr));
}

TEST_F(connect, bad_pointer_and_length)
{
	struct address addr;
	int c;

	ASSERT_LE(0, listener(self->f, 1, &addr));
	c = stream_socket(self->f);
	EXPECT_EQ(-EFAULT, ERR(connect(c, bad_pointer(), addr.len)));
	EXPECT_EQ(-EINVAL, ERR(connect(c, &addr.sa, -1)));
	EXPECT_EQ(-EINVAL, ERR(connect(c, &addr.sa, sizeof(addr.storage) + 1)));
	EXPECT_EQ(-EINVAL, ERR(connect(c, &addr.sa, 1)));
	EXPECT_EQ(0, connect_to(c, &addr));
}

TEST_F(connect, listener_shut_down)
{
	struct address addr;
	int l;

	l = listener(self->f, 1, &addr);
	ASSERT_EQ(0, shutdown(l, SHUT_RD));
	EXPECT_EQ(-refusal(self->f), connector(self->f, &addr));
}

TEST_F(connect, children_are_not_in_the_way)
{
	struct address addr;
	int l, i;

	/* Many connections to one port, all of them open. */
	l = listener(self->f, 1, &addr);
	for (i = 0; i < 20; i++) {
		EXPECT_LE(0, connector(self->f, &addr));
		EXPECT_LE(0, ERR(accept(l, NULL, NULL)));
	}
	close(l);
	EXPECT_EQ(-refusal(self->f), connector(self->f, &addr));
}

/*
 * A listener without room: connect() waits, as with AF_UNIX. Where only packets
 * are known of the listener, it is as with TCP: the connection is on its way. But
 * TCP would try again after a second, whatever happens meanwhile.
 */

FIXTURE(full) {
	const struct family *f;
	struct address addr;
	int l, c;
};

KITE_UNIX(full);

FIXTURE_SETUP(full)
{
	self->f = variant->f;
	if (skip_family(_metadata, self->f))
		return;
	self->l = listener(self->f, 0, &self->addr);
	ASSERT_LE(0, self->l);
	ASSERT_LE(0, connector(self->f, &self->addr));
	self->c = stream_socket(self->f);
	ASSERT_LE(0, self->c);
}

FIXTURE_TEARDOWN(full) { }

TEST_F(full, nonblocking)
{
	bool known = peer_is_known(self->f);

	ASSERT_EQ(0, set_nonblocking(self->c, true));
	EXPECT_EQ(known ? -EAGAIN : -EINPROGRESS,
		  connect_to(self->c, &self->addr));
	EXPECT_EQ(known ? -EAGAIN : -EALREADY, connect_to(self->c, &self->addr));
	EXPECT_EQ(known ? POLLOUT | POLLHUP : 0, revents(self->c));

	EXPECT_LE(0, ERR(accept(self->l, NULL, NULL)));
	EXPECT_EQ(0, BECOMES(0, connect_to(self->c, &self->addr)));
	EXPECT_EQ(POLLOUT, revents(self->c));
	EXPECT_LE(0, ERR(accept(self->l, NULL, NULL)));
	EXPECT_EQ(-EISCONN, connect_to(self->c, &self->addr));
}

TEST_F(full, waits_for_accept)
{
	struct async connecting;
	char buf[4];
	int s;

	async_connect(&connecting, self->c, &self->addr);
	ASSERT_TRUE(async_blocks(&connecting));

	ASSERT_LE(0, ERR(accept(self->l, NULL, NULL)));
	EXPECT_EQ(0, async_result(&connecting));

	/* It is a connection like others. */
	s = accept(self->l, NULL, NULL);
	ASSERT_LE(0, s);
	EXPECT_EQ(2, send(self->c, "hi", 2, 0));
	EXPECT_EQ(2, recv(s, buf, sizeof(buf), 0));
}

TEST_F(full, waits_without_the_socket)
{
	struct async connecting;
	struct address name;

	/* Other calls on the socket need not wait for connect(). */
	async_connect(&connecting, self->c, &self->addr);
	ASSERT_TRUE(async_blocks(&connecting));
	EXPECT_EQ(-ENOTCONN, peer_of(self->c, &name));
	EXPECT_EQ(0, name_of(self->c, &name));
	EXPECT_EQ(0, set_nonblocking(self->c, true));
	EXPECT_EQ(peer_is_known(self->f) ? -EAGAIN : -EALREADY,
		  connect_to(self->c, &self->addr));

	EXPECT_LE(0, ERR(accept(self->l, NULL, NULL)));
	EXPECT_EQ(0, async_result(&connecting));
}

TEST_F(full, one_accept_lets_one_in)
{
	struct async first, second;
	int c;

	c = stream_socket(self->f);
	async_connect(&first, self->c, &self->addr);
	async_connect(&second, c, &self->addr);
	ASSERT_TRUE(async_blocks(&first));
	ASSERT_TRUE(async_blocks(&second));

	ASSERT_LE(0, ERR(accept(self->l, NULL, NULL)));
	EXPECT_EQ(1, BECOMES(1, async_done(&first) + async_done(&second)));
	EXPECT_TRUE(async_blocks(async_done(&first) ? &second : &first));

	ASSERT_LE(0, ERR(accept(self->l, NULL, NULL)));
	EXPECT_EQ(0, async_result(&first));
	EXPECT_EQ(0, async_result(&second));
}

TEST_F(full, times_out)
{
	long start = now_ms();

	ASSERT_EQ(0, set_timeout(self->c, SO_SNDTIMEO, TIMEOUT_MS));
	EXPECT_EQ(peer_is_known(self->f) ? -EAGAIN : -EINPROGRESS,
		  connect_to(self->c, &self->addr));
	EXPECT_LE(TIMED_OUT_MS, now_ms() - start);

	EXPECT_LE(0, ERR(accept(self->l, NULL, NULL)));
	EXPECT_EQ(0, BECOMES(0, connect_to(self->c, &self->addr)));
}

TEST_F(full, interrupted)
{
	struct async connecting;

	catch_signal(SIGUSR1, 0);
	async_connect(&connecting, self->c, &self->addr);
	ASSERT_TRUE(async_blocks(&connecting));
	async_signal(&connecting, SIGUSR1);
	EXPECT_EQ(-EINTR, async_result(&connecting));

	EXPECT_LE(0, ERR(accept(self->l, NULL, NULL)));
	EXPECT_EQ(0, connect_to(self->c, &self->addr));
}

TEST_F(full, goes_on_after_a_signal)
{
	struct async connecting;

	catch_signal(SIGUSR1, SA_RESTART);
	async_connect(&connecting, self->c, &self->addr);
	ASSERT_TRUE(async_blocks(&connecting));
	async_signal(&connecting, SIGUSR1);
	EXPECT_EQ(1, BECOMES(1, caught_signals()));
	EXPECT_TRUE(async_blocks(&connecting));

	EXPECT_LE(0, ERR(accept(self->l, NULL, NULL)));
	EXPECT_EQ(0, async_result(&connecting));
}

TEST_F(full, timeout_is_not_restarted)
{
	struct async connecting;

	/* or signals that come often enough would make it endless */
	catch_signal(SIGUSR1, SA_RESTART);
	ASSERT_EQ(0, set_timeout(self->c, SO_SNDTIMEO, 3600000));
	async_connect(&connecting, self->c, &self->addr);
	ASSERT_TRUE(async_blocks(&connecting));
	async_signal(&connecting, SIGUSR1);
	EXPECT_EQ(-EINTR, async_result(&connecting));
}

TEST_F(full, listener_closes)
{
	struct async connecting;

	async_connect(&connecting, self->c, &self->addr);
	ASSERT_TRUE(async_blocks(&connecting));
	close(self->l);
	EXPECT_EQ(-refusal(self->f), async_result(&connecting));
}

/* The place that was kept for one who listens now is for the next. */
TEST_F(full, listens_meanwhile)
{
	struct async connecting, next;
	int c;

	if (!is_kite(self->f) || !peer_is_known(self->f))
		SKIP(return, "connect() leaves the socket as it was on Kite alone");
	c = stream_socket(self->f);
	async_connect(&connecting, self->c, &self->addr);
	ASSERT_TRUE(async_blocks(&connecting));
	async_connect(&next, c, &self->addr);
	ASSERT_TRUE(async_blocks(&next));

	EXPECT_EQ(0, ERR(listen(self->c, 1)));
	ASSERT_LE(0, ERR(accept(self->l, NULL, NULL)));
	EXPECT_EQ(-EINVAL, async_result(&connecting));
	EXPECT_EQ(0, async_result(&next));
}

/* What is told by ports and nodes: TCP is the oracle. */

FAMILY_FIXTURE(connect_address, KITE_INET);

TEST_F(connect_address, short_address)
{
	struct address addr;
	unsigned int len;
	int c;

	ASSERT_LE(0, listener(self->f, 1, &addr));
	c = stream_socket(self->f);
	for (len = 0; len < addr.len; len++)
		EXPECT_EQ(-EINVAL, ERR(connect(c, &addr.sa, len)));
	EXPECT_EQ(0, ERR(connect(c, &addr.sa, sizeof(addr.storage))));
}

TEST_F(connect_address, listener_on_any_node)
{
	struct address bound, addr, name;
	int l, c, s;

	/* The child is where the connector found it, not on "any". */
	ASSERT_EQ(0, unused_address(self->f, &addr));
	if (is_kite(self->f))
		kite_address(&bound, port_of(&addr), KITE_NODE_ANY);
	else
		inet_address(&bound, port_of(&addr), INADDR_ANY);
	l = stream_socket(self->f);
	ASSERT_EQ(0, bind_to(l, &bound));
	ASSERT_EQ(0, listen(l, 1));

	c = connector(self->f, &addr);
	ASSERT_LE(0, c);
	s = accept(l, NULL, NULL);
	ASSERT_LE(0, s);
	EXPECT_EQ(0, name_of(s, &name));
	EXPECT_TRUE(same_address(&addr, &name));
	EXPECT_EQ(0, peer_of(c, &name));
	EXPECT_TRUE(same_address(&addr, &name));
	EXPECT_EQ(0, name_of(l, &name));
	EXPECT_TRUE(same_address(&bound, &name));
}

TEST_F(connect_address, from_any_node)
{
	struct address listening, any, name;
	int c;

	ASSERT_LE(0, listener(self->f, 1, &listening));
	ASSERT_EQ(0, unused_address(self->f, &name));
	if (is_kite(self->f))
		kite_address(&any, port_of(&name), KITE_NODE_ANY);
	else
		inet_address(&any, port_of(&name), INADDR_ANY);
	c = stream_socket(self->f);
	ASSERT_EQ(0, bind_to(c, &any));
	ASSERT_EQ(0, connect_to(c, &listening));

	/* Now it is known which of this node's addresses it uses. */
	ASSERT_EQ(0, name_of(c, &any));
	EXPECT_TRUE(same_address(&name, &any));
}

FAMILY_FIXTURE(kite_connect, KITE);

TEST_F(kite_connect, unknown_node)
{
	static const unsigned int nodes[] = {
		0, 2, 3, 77, 0x7fffffff, 0xfffffffe, KITE_NODE_ANY,
	};
	struct address addr, here;
	unsigned int i;
	int c;

	ASSERT_LE(0, listener(self->f, 1, &here));
	c = stream_socket(self->f);
	for (i = 0; i < ARRAY_SIZE(nodes); i++) {
		kite_address(&addr, here.kite.skt_port, nodes[i]);
		EXPECT_EQ(-EHOSTUNREACH, connect_to(c, &addr));
	}
	EXPECT_EQ(0, connect_to(c, &here));
}

TEST_F(kite_connect, reserved_bytes)
{
	struct address addr;
	unsigned int i;
	int c;

	ASSERT_LE(0, listener(self->f, 1, &addr));
	c = stream_socket(self->f);
	addr.kite.skt_reserved = 1;
	EXPECT_EQ(-EINVAL, connect_to(c, &addr));
	addr.kite.skt_reserved = 0;
	for (i = 0; i < sizeof(addr.kite.skt_zero); i++) {
		addr.kite.skt_zero[i] = 0x80;
		EXPECT_EQ(-EINVAL, connect_to(c, &addr));
		addr.kite.skt_zero[i] = 0;
	}
	EXPECT_EQ(0, connect_to(c, &addr));
}

TEST_F(kite_connect, port_zero_is_a_port)
{
	struct address addr;
	int l;

	ASSERT_EQ(0, enter_new_netns());
	kite_address(&addr, 0, KITE_NODE_LOCAL);
	EXPECT_EQ(-refusal(self->f), connector(self->f, &addr));

	l = stream_socket(self->f);
	ASSERT_EQ(0, bind_to(l, &addr));
	ASSERT_EQ(0, listen(l, 1));
	EXPECT_LE(0, connector(self->f, &addr));
}

TEST_F(kite_connect, full_listener_is_shut_down)
{
	struct async connecting;
	struct address addr;
	int l;

	l = listener(self->f, 0, &addr);
	ASSERT_LE(0, connector(self->f, &addr));
	async_connect(&connecting, stream_socket(self->f), &addr);
	ASSERT_TRUE(async_blocks(&connecting));

	/* AF_UNIX lets it wait for ever; TCP's next try is refused. */
	ASSERT_EQ(0, shutdown(l, SHUT_RDWR));
	EXPECT_EQ(-refusal(self->f), async_result(&connecting));
}

TEST_HARNESS_MAIN
