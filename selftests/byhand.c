// SPDX-License-Identifier: GPL-2.0
/* The protocol by hand, over a raw socket: a program plays a peer. */

#define _GNU_SOURCE
#include <signal.h>

#include "fixtures.h"
#include "packet.h"

/* Our address, and that of the socket that we speak to. */
#define US	5000
#define THEM	6000

static char buf[KITE_MAX_PAYLOAD + 1];

/* @raw is at port US, in a namespace of its own. */
FIXTURE(byhand) {
	int raw;
	struct packet got;
};

FIXTURE_SETUP(byhand)
{
	int err;

	if (skip_family(_metadata, &family_kite))
		return;
	err = enter_new_netns();
	if (err)
		SKIP(return, "no namespace of its own: %s", strerror(-err));
	self->raw = raw_bound(US);
	ASSERT_LE(0, self->raw);
}

FIXTURE_TEARDOWN(byhand) { }

/* From US to a port; the rest of the arguments are fields of struct packet. */
#define SAY_AS(as, to, what, ...)					\
	packet_send(self->raw, &(struct packet) { .version = 1, .type = (as), \
		.src_port = US, .src_node = 1, .dst_port = (to), .dst_node = 1, \
		.op = (what), ##__VA_ARGS__ }, buf)

#define SAY(to, what, ...)	SAY_AS(SOCK_STREAM, to, what, ##__VA_ARGS__)

/* What comes from a port to US, now or soon. */
#define EXPECT_HEAR(from, what)						\
	do {								\
		EXPECT_LE(0, packet_wait(self->raw, &self->got, buf, sizeof(buf))); \
		EXPECT_EQ(what, self->got.op);				\
		EXPECT_TRUE(packet_within(&self->got, from, US));	\
	} while (0)

#define EXPECT_SILENCE()	EXPECT_EQ(-EAGAIN, packet_next_op(self->raw))

/* A connection of ours to @l; the socket at its other end. */
static int open_by_hand(int raw, int l, unsigned int limit)
{
	const struct packet pkt = { .version = 1, .type = get_int_option(l, SOL_SOCKET, SO_TYPE),
		.op = KITE_OP_REQUEST, .src_port = US, .src_node = 1, .dst_port = THEM,
		.dst_node = 1, .limit = limit };
	int err = packet_send(raw, &pkt, NULL);

	if (err)
		return err;
	if (packet_next_op(raw) != KITE_OP_RESPONSE)
		return -ECONNREFUSED;
	return ERR(accept4(l, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC));
}

TEST_F(byhand, client)
{
	int l = kite_listener_at(SOCK_STREAM, THEM, 5), s;
	struct address name;

	ASSERT_LE(0, l);
	EXPECT_EQ(0, SAY(THEM, KITE_OP_REQUEST, .limit = 1000));
	EXPECT_HEAR(THEM, KITE_OP_RESPONSE);
	EXPECT_LE(4096, self->got.limit);
	s = accept4(l, NULL, NULL, SOCK_NONBLOCK);
	ASSERT_LE(0, s);
	ASSERT_EQ(0, peer_of(s, &name));
	EXPECT_EQ(US, port_of(&name));

	memcpy(buf, "hello", 5);
	EXPECT_EQ(0, SAY(THEM, KITE_OP_DATA, .len = 5, .limit = 1000));
	EXPECT_EQ(5, recv(s, buf, sizeof(buf), 0));
	EXPECT_EQ(0, memcmp(buf, "hello", 5));
	EXPECT_HEAR(THEM, KITE_OP_CREDIT);
	EXPECT_EQ(5, self->got.read);

	/* It sends as much as we allow. */
	pattern_fill(buf, 2000, 0);
	EXPECT_EQ(1000, send(s, buf, 2000, 0));
	EXPECT_EQ(-EAGAIN, ERR(send(s, buf, 1, 0)));
	EXPECT_EQ(0, revents_for(s, POLLOUT));
	EXPECT_EQ(1000, bytes_unread_by_peer(s));
	EXPECT_HEAR(THEM, KITE_OP_DATA);
	EXPECT_EQ(1000, self->got.len);
	EXPECT_EQ(-1, pattern_differs(buf, 1000, 0));
	EXPECT_EQ(0, SAY(THEM, KITE_OP_CREDIT, .read = 1000, .limit = 2000));
	EXPECT_EQ(0, bytes_unread_by_peer(s));
	EXPECT_EQ(POLLOUT, revents_for(s, POLLOUT));

	EXPECT_EQ(0, SAY(THEM, KITE_OP_SHUTDOWN, .flags = KITE_SHUTDOWN_SEND));
	EXPECT_EQ(0, ERR(recv(s, buf, sizeof(buf), 0)));
	EXPECT_EQ(1, send(s, "x", 1, 0));
	EXPECT_HEAR(THEM, KITE_OP_DATA);
	close(s);
	EXPECT_HEAR(THEM, KITE_OP_SHUTDOWN);
	EXPECT_EQ(3, self->got.flags);

	/* Both must have closed before these addresses are free again. */
	EXPECT_EQ(0, SAY(THEM, KITE_OP_REQUEST));
	EXPECT_HEAR(THEM, KITE_OP_RESET);
	EXPECT_EQ(KITE_RESET_FULL, self->got.flags);
	EXPECT_EQ(0, SAY(THEM, KITE_OP_SHUTDOWN, .flags = 3));
	EXPECT_EQ(0, SAY(THEM, KITE_OP_REQUEST));
	EXPECT_HEAR(THEM, KITE_OP_RESPONSE);
	EXPECT_SILENCE();
}

TEST_F(byhand, server)
{
	struct async connecting;
	struct address addr;
	unsigned int port;
	int c, i;

	kite_address(&addr, US, KITE_NODE_LOCAL);
	/* Again and again: the answer may come while connect is still sending. */
	for (i = 0; i < 30; i++) {
		c = kite_socket(SOCK_STREAM);
		async_connect(&connecting, c, &addr);
		ASSERT_EQ(0, packet_wait(self->raw, &self->got, buf, sizeof(buf)));
		ASSERT_EQ(KITE_OP_REQUEST, self->got.op);
		port = self->got.src_port;
		ASSERT_EQ(0, SAY(port, KITE_OP_RESPONSE, .limit = 5));
		ASSERT_EQ(0, async_result(&connecting));

		ASSERT_EQ(5, ERR(send(c, "0123456789", 10, MSG_DONTWAIT)));
		EXPECT_HEAR(port, KITE_OP_DATA);
		ASSERT_EQ(5, self->got.len);
		ASSERT_EQ(0, SAY(port, KITE_OP_DATA, .len = 5, .read = 5, .limit = 10));
		ASSERT_EQ(5, ERR(recv(c, buf, 10, MSG_DONTWAIT)));
		EXPECT_HEAR(port, KITE_OP_CREDIT);
		ASSERT_EQ(0, SAY(port, KITE_OP_SHUTDOWN, .flags = 3, .read = 5));
		ASSERT_EQ(0, ERR(recv(c, buf, 10, MSG_DONTWAIT)));
		close(c);
		EXPECT_HEAR(port, KITE_OP_SHUTDOWN);
	}
	EXPECT_SILENCE();
}

/* Who may send nothing at all, or nothing more, waits for a window as any other does. */
TEST_F(byhand, no_window)
{
	int l = kite_listener_at(SOCK_STREAM, THEM, 5), s;
	struct async sending;

	ASSERT_LE(0, l);
	s = open_by_hand(self->raw, l, 0);
	ASSERT_LE(0, s);
	EXPECT_EQ(-EAGAIN, ERR(send(s, "x", 1, 0)));
	EXPECT_EQ(0, revents_for(s, POLLOUT));
	ASSERT_EQ(0, set_nonblocking(s, false));
	catch_signal(SIGUSR1, 0);
	async_send(&sending, s, "x", 1, 0);
	ASSERT_TRUE(async_blocks(&sending));
	async_signal(&sending, SIGUSR1);
	EXPECT_EQ(-EINTR, async_result(&sending));

	async_send(&sending, s, "x", 1, 0);
	ASSERT_TRUE(async_blocks(&sending));
	EXPECT_EQ(0, SAY(THEM, KITE_OP_CREDIT, .limit = 1));
	EXPECT_EQ(1, async_result(&sending));
	/* All of it was read, and there is no more. */
	EXPECT_EQ(0, SAY(THEM, KITE_OP_CREDIT, .read = 1, .limit = 1));
	EXPECT_EQ(-EAGAIN, ERR(send(s, "x", 1, MSG_DONTWAIT)));
}

TEST_F(byhand, no_window_of_a_server)
{
	int c = kite_socket(SOCK_STREAM);
	struct async connecting;
	struct address addr;

	kite_address(&addr, US, KITE_NODE_LOCAL);
	async_connect(&connecting, c, &addr);
	ASSERT_EQ(0, packet_wait(self->raw, &self->got, buf, sizeof(buf)));
	ASSERT_EQ(0, SAY(self->got.src_port, KITE_OP_RESPONSE, .limit = 0));
	ASSERT_EQ(0, async_result(&connecting));
	EXPECT_EQ(-EAGAIN, ERR(send(c, "x", 1, MSG_DONTWAIT)));
	EXPECT_EQ(0, SAY(self->got.src_port, KITE_OP_CREDIT, .limit = 1));
	EXPECT_EQ(1, ERR(send(c, "x", 1, MSG_DONTWAIT)));
}

/* The reason that is given is what connect() says. */
TEST_F(byhand, server_refuses)
{
	const struct { int reason, error; } reasons[] = {
		{ KITE_RESET_REFUSED, refusal(&family_kite) },
		{ KITE_RESET_FULL, EAGAIN },
		{ KITE_RESET_TIMEOUT, ETIMEDOUT },
		{ KITE_RESET_NOMEM, ENOMEM },
		{ KITE_RESET_ABORT, ECONNRESET },
		{ 255, ECONNRESET },
	};
	int c = kite_socket(SOCK_STREAM);
	struct async connecting;
	struct address addr;

	for (size_t i = 0; i < ARRAY_SIZE(reasons); i++) {
		/* One elsewhere who had no room is asked again in a while. */
		if (!peer_is_known(&family_kite) && (reasons[i].error == EAGAIN ||
						     reasons[i].error == ENOMEM))
			continue;
		kite_address(&addr, US, KITE_NODE_LOCAL);
		async_connect(&connecting, c, &addr);
		EXPECT_TRUE(async_blocks(&connecting));
		EXPECT_EQ(KITE_OP_REQUEST, packet_next_op(self->raw));
		name_of(c, &addr);
		EXPECT_EQ(0, SAY(port_of(&addr), KITE_OP_RESET,
				 .flags = reasons[i].reason));
		EXPECT_EQ(-reasons[i].error, async_result(&connecting));
	}
}

TEST_F(byhand, server_resets)
{
	int c = kite_socket(SOCK_STREAM);
	struct async connecting, receiving;
	struct address addr;

	kite_address(&addr, US, KITE_NODE_LOCAL);
	async_connect(&connecting, c, &addr);
	EXPECT_TRUE(async_blocks(&connecting));
	name_of(c, &addr);
	EXPECT_EQ(0, SAY(port_of(&addr), KITE_OP_RESPONSE));
	EXPECT_EQ(0, async_result(&connecting));
	async_recv(&receiving, c, buf, 1, 0);
	EXPECT_TRUE(async_blocks(&receiving));
	EXPECT_EQ(0, SAY(port_of(&addr), KITE_OP_RESET, .flags = KITE_RESET_ABORT));
	EXPECT_EQ(-ECONNRESET, async_result(&receiving));
	EXPECT_EQ(0, recv(c, buf, 1, 0));
}

TEST_F(byhand, datagrams)
{
	int fd = kite_socket_at(SOCK_DGRAM, THEM);
	struct address addr, from = { .len = sizeof(from.storage) };

	/* Nobody is there, but somebody plays. */
	kite_address(&addr, US, KITE_NODE_LOCAL);
	ASSERT_EQ(0, connect_to(fd, &addr));
	EXPECT_EQ(3, ERR(send(fd, "abc", 3, 0)));
	EXPECT_EQ(3, ERR(send(fd, "def", 3, 0)));
	EXPECT_HEAR(THEM, KITE_OP_DGRAM);
	EXPECT_HEAR(THEM, KITE_OP_DGRAM);
	EXPECT_EQ(0, memcmp(buf, "def", 3));
	EXPECT_EQ(0, SAY_AS(SOCK_DGRAM, THEM, KITE_OP_DGRAM, .len = 3));
	EXPECT_EQ(3, ERR(recvfrom(fd, buf, 8, 0, &from.sa, &from.len)));
	EXPECT_TRUE(same_address(&addr, &from));
	EXPECT_EQ(0, SAY_AS(SOCK_DGRAM, THEM, KITE_OP_RESET, .flags = 1));
	EXPECT_EQ(-ECONNREFUSED, ERR(send(fd, "x", 1, 0)));
}

/* Nothing is refused where a raw socket is bound, and there alone. */
TEST_F(byhand, who_refuses)
{
	int there;

	EXPECT_EQ(0, SAY(THEM, KITE_OP_REQUEST));
	EXPECT_HEAR(THEM, KITE_OP_RESET);
	EXPECT_EQ(KITE_RESET_REFUSED, self->got.flags);
	EXPECT_EQ(0, SAY(THEM, KITE_OP_DATA, .len = 1));
	EXPECT_HEAR(THEM, KITE_OP_RESET);

	there = raw_bound(THEM);
	EXPECT_EQ(0, SAY(THEM, KITE_OP_REQUEST));
	EXPECT_EQ(0, SAY(THEM, KITE_OP_DATA, .len = 1));
	EXPECT_EQ(0, SAY_AS(SOCK_DGRAM, THEM, KITE_OP_DGRAM));
	EXPECT_SILENCE();
	EXPECT_EQ(KITE_OP_REQUEST, packet_next_op(there));

	/* One on another node is not there. */
	EXPECT_EQ(0, raw_bind(there, THEM, 77));
	EXPECT_EQ(0, SAY(THEM, KITE_OP_REQUEST));
	EXPECT_HEAR(THEM, KITE_OP_RESET);
	close(there);

	/* A RESET is not answered, nor what answers. */
	EXPECT_EQ(0, SAY(THEM, KITE_OP_RESET, .flags = 1));
	EXPECT_EQ(0, SAY_AS(SOCK_DGRAM, THEM, KITE_OP_RESET, .flags = 1));
	EXPECT_EQ(0, SAY_AS(SOCK_RAW, THEM, KITE_OP_ECHO_REPLY));
	EXPECT_SILENCE();
}

/* Each thing that a peer may get wrong. */
FIXTURE(peer) {
	int raw, s;
	struct packet got;
};

FIXTURE_VARIANT(peer) { int type; };
FIXTURE_VARIANT_ADD(peer, stream) { .type = SOCK_STREAM };
FIXTURE_VARIANT_ADD(peer, seqpacket) { .type = SOCK_SEQPACKET };

/* Its window is 100000 bytes of a stream; we take 1000. */
FIXTURE_SETUP(peer)
{
	int err, l;

	if (skip_family(_metadata, &family_kite))
		return;
	err = enter_new_netns();
	if (err)
		SKIP(return, "no namespace of its own: %s", strerror(-err));
	self->raw = raw_bound(US);
	l = kite_listener_at(variant->type, THEM, 5);
	ASSERT_EQ(0, set_int_option(l, SOL_SOCKET, SO_RCVBUF, 50000));
	self->s = open_by_hand(self->raw, l, 1000);
	ASSERT_LE(0, self->s);
}

FIXTURE_TEARDOWN(peer) { }

#define TELL(what, ...)	SAY_AS(variant->type, THEM, what, ##__VA_ARGS__)

/* It still works: one message each way. */
#define EXPECT_INTACT()						\
	do {								\
		EXPECT_EQ(0, TELL(KITE_OP_DATA, .len = 1));		\
		EXPECT_EQ(1, ERR(recv(self->s, buf, 8, 0)));		\
		EXPECT_HEAR(THEM, KITE_OP_CREDIT);			\
		EXPECT_EQ(1, ERR(send(self->s, "x", 1, 0)));		\
		EXPECT_HEAR(THEM, KITE_OP_DATA);			\
		EXPECT_SILENCE();					\
	} while (0)

TEST_F(peer, repeats_the_handshake)
{
	EXPECT_EQ(0, TELL(KITE_OP_REQUEST, .limit = 1U << 30));
	EXPECT_HEAR(THEM, KITE_OP_RESET);
	EXPECT_EQ(KITE_RESET_FULL, self->got.flags);
	EXPECT_EQ(0, TELL(KITE_OP_RESPONSE, .limit = 1U << 30));
	EXPECT_HEAR(THEM, KITE_OP_RESET);
	EXPECT_INTACT();
	/* No window came of it. */
	EXPECT_EQ(variant->type == SOCK_STREAM ? 999 : -EMSGSIZE,
		  ERR(send(self->s, buf, 2000, 0)));
}

TEST_F(peer, lies_about_credit)
{
	static const struct { unsigned int read, limit; } lies[] = {
		{ 0, 0 },		/* back */
		{ 100000, 200000 },	/* read what was never sent */
		{ 0xffffffff, 0 },
		{ 0, 0x40000001 },	/* a window beyond 2^30 */
		{ 0, 0x80000000 },
		{ 0, 0xffffffff },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(lies); i++)
		EXPECT_EQ(0, TELL(KITE_OP_CREDIT, .read = lies[i].read,
				  .limit = lies[i].limit));
	EXPECT_SILENCE();
	EXPECT_INTACT();
	EXPECT_EQ(variant->type == SOCK_STREAM ? 999 : -EMSGSIZE,
		  ERR(send(self->s, buf, 2000, 0)));
}

TEST_F(peer, sends_too_much)
{
	EXPECT_EQ(0, TELL(KITE_OP_DATA, .len = 65536,
			  .flags = variant->type == SOCK_STREAM ? 0 : KITE_DATA_MORE));
	EXPECT_EQ(0, TELL(KITE_OP_DATA, .len = 40000));
	EXPECT_HEAR(THEM, KITE_OP_RESET);
	EXPECT_EQ(KITE_RESET_PROTOCOL, self->got.flags);
	EXPECT_SILENCE();
	/* What came before can be read; half a record cannot. */
	if (variant->type == SOCK_STREAM)
		EXPECT_EQ(65536, ERR(recv(self->s, buf, sizeof(buf), 0)));
	EXPECT_EQ(-EPROTO, ERR(recv(self->s, buf, sizeof(buf), 0)));
	EXPECT_EQ(0, ERR(recv(self->s, buf, sizeof(buf), 0)));
	/* It is gone for us too. */
	EXPECT_EQ(0, TELL(KITE_OP_DATA, .len = 1));
	EXPECT_HEAR(THEM, KITE_OP_RESET);
	EXPECT_EQ(KITE_RESET_REFUSED, self->got.flags);
}

/*
 * Nor is there anything after what was too much to be read, or a good end, while a system
 * call owns the socket and the reset has to wait.
 */
TEST_F(peer, goes_on_after_too_much)
{
	struct owner owner;

	ASSERT_EQ(0, own(&owner, self->s));
	EXPECT_EQ(0, TELL(KITE_OP_DATA, .len = 65536,
			  .flags = variant->type == SOCK_STREAM ? 0 : KITE_DATA_MORE));
	EXPECT_EQ(0, TELL(KITE_OP_DATA, .len = 40000));
	EXPECT_HEAR(THEM, KITE_OP_RESET);
	EXPECT_EQ(KITE_RESET_PROTOCOL, self->got.flags);
	EXPECT_EQ(0, TELL(KITE_OP_DATA, .len = 1));
	EXPECT_EQ(0, TELL(KITE_OP_SHUTDOWN, .flags = 3));
	EXPECT_SILENCE();
	if (variant->type == SOCK_STREAM)
		EXPECT_EQ(65536, ERR(recv(self->s, buf, sizeof(buf), 0)));
	EXPECT_EQ(-EAGAIN, ERR(recv(self->s, buf, sizeof(buf), 0)));

	ASSERT_EQ(0, let_go(&owner));
	EXPECT_EQ(-EPROTO, ERR(recv(self->s, buf, sizeof(buf), 0)));
	EXPECT_EQ(0, ERR(recv(self->s, buf, sizeof(buf), 0)));
}

/* It said goodbye before that, which looks like a good end until there is too much. */
TEST_F(peer, goes_on_after_its_end)
{
	struct owner owner;

	ASSERT_EQ(0, own(&owner, self->s));
	EXPECT_EQ(0, TELL(KITE_OP_SHUTDOWN, .flags = 3));
	EXPECT_EQ(0, TELL(KITE_OP_RESET, .flags = KITE_RESET_REFUSED));
	EXPECT_EQ(0, TELL(KITE_OP_DATA, .len = 65536,
			  .flags = variant->type == SOCK_STREAM ? 0 : KITE_DATA_MORE));
	EXPECT_EQ(0, TELL(KITE_OP_DATA, .len = 40000));
	EXPECT_HEAR(THEM, KITE_OP_RESET);
	EXPECT_EQ(KITE_RESET_PROTOCOL, self->got.flags);

	ASSERT_EQ(0, let_go(&owner));
	if (variant->type == SOCK_STREAM)
		EXPECT_EQ(65536, ERR(recv(self->s, buf, sizeof(buf), 0)));
	EXPECT_EQ(-ECONNRESET, ERR(recv(self->s, buf, sizeof(buf), 0)));
	EXPECT_EQ(0, ERR(recv(self->s, buf, sizeof(buf), 0)));
}

/* A peer that waits is told, however many made-up packets there were. */
TEST_F(peer, hears_of_its_end)
{
	ASSERT_EQ(0, put_file("/proc/sys/net/kite/reset_rate", "0"));
	EXPECT_EQ(0, SAY_AS(variant->type, THEM + 1, KITE_OP_REQUEST));
	EXPECT_SILENCE();
	EXPECT_EQ(0, TELL(KITE_OP_DATA, .len = 60000));
	EXPECT_EQ(0, TELL(KITE_OP_DATA, .len = 60000));
	EXPECT_HEAR(THEM, KITE_OP_RESET);
	EXPECT_EQ(KITE_RESET_PROTOCOL, self->got.flags);
	/* After that there is no connection, and it is as all others. */
	EXPECT_EQ(0, TELL(KITE_OP_DATA, .len = 1));
	EXPECT_SILENCE();
}

/* Each costs 512 more than it has. */
TEST_F(peer, sends_too_many_records)
{
	int i;

	if (variant->type == SOCK_STREAM)
		return;
	for (i = 0; i < 100000 / 513; i++)
		ASSERT_EQ(0, TELL(KITE_OP_DATA, .len = 1));
	EXPECT_SILENCE();
	ASSERT_EQ(0, TELL(KITE_OP_DATA, .len = 1));
	EXPECT_HEAR(THEM, KITE_OP_RESET);
	EXPECT_EQ(KITE_RESET_PROTOCOL, self->got.flags);
}

TEST_F(peer, sends_to_who_does_not_receive)
{
	EXPECT_EQ(0, ERR(shutdown(self->s, SHUT_RD)));
	EXPECT_HEAR(THEM, KITE_OP_SHUTDOWN);
	EXPECT_EQ(0, TELL(KITE_OP_DATA, .len = 1));
	EXPECT_SILENCE();
	EXPECT_EQ(1, ERR(send(self->s, "x", 1, 0)));
	EXPECT_HEAR(THEM, KITE_OP_DATA);
	close(self->s);
	EXPECT_HEAR(THEM, KITE_OP_SHUTDOWN);
	/* And to who has closed. */
	EXPECT_EQ(0, TELL(KITE_OP_DATA, .len = 1));
	EXPECT_HEAR(THEM, KITE_OP_RESET);
	EXPECT_EQ(KITE_RESET_ABORT, self->got.flags);
}

TEST_F(peer, resets)
{
	/* That is for who connects. */
	EXPECT_EQ(0, TELL(KITE_OP_RESET, .flags = KITE_RESET_FULL));
	EXPECT_INTACT();
	EXPECT_EQ(0, TELL(KITE_OP_RESET, .flags = 255));
	EXPECT_EQ(-ECONNRESET, ERR(recv(self->s, buf, 8, 0)));
	EXPECT_EQ(-EPIPE, ERR(send(self->s, "x", 1, MSG_NOSIGNAL)));
	EXPECT_SILENCE();
}

TEST_F(peer, shuts_down_again_and_again)
{
	EXPECT_EQ(0, TELL(KITE_OP_SHUTDOWN, .flags = KITE_SHUTDOWN_SEND));
	EXPECT_EQ(0, TELL(KITE_OP_SHUTDOWN, .flags = KITE_SHUTDOWN_SEND));
	/* After the end there is nothing. */
	EXPECT_EQ(0, TELL(KITE_OP_DATA, .len = 1));
	EXPECT_EQ(0, ERR(recv(self->s, buf, 8, 0)));
	EXPECT_EQ(1, ERR(send(self->s, "x", 1, 0)));
	EXPECT_EQ(0, TELL(KITE_OP_SHUTDOWN, .flags = KITE_SHUTDOWN_RCV));
	EXPECT_EQ(-EPIPE, ERR(send(self->s, "x", 1, MSG_NOSIGNAL)));
	EXPECT_EQ(0, TELL(KITE_OP_SHUTDOWN, .flags = KITE_SHUTDOWN_RCV));
	EXPECT_HEAR(THEM, KITE_OP_DATA);
	close(self->s);
	EXPECT_HEAR(THEM, KITE_OP_SHUTDOWN);
	/* We had closed, so it is forgotten at once. */
	EXPECT_EQ(0, TELL(KITE_OP_DATA, .len = 1));
	EXPECT_HEAR(THEM, KITE_OP_RESET);
	EXPECT_EQ(KITE_RESET_REFUSED, self->got.flags);
}

TEST_F(peer, leaves_a_record_unfinished)
{
	if (variant->type == SOCK_STREAM)
		return;
	EXPECT_EQ(0, TELL(KITE_OP_DATA, .len = 65536, .flags = KITE_DATA_MORE));
	EXPECT_EQ(0, bytes_to_read(self->s));
	EXPECT_EQ(-EAGAIN, ERR(recv(self->s, buf, 8, 0)));
	EXPECT_EQ(0, TELL(KITE_OP_SHUTDOWN, .flags = 3));
	EXPECT_EQ(0, ERR(recv(self->s, buf, 8, 0)));
}

/* ECHO */

TEST_F(byhand, echo)
{
	static const unsigned int lens[] = { 0, 1, 300, 5000, KITE_MAX_PAYLOAD };
	static char sent[KITE_MAX_PAYLOAD];
	struct packet pkt = { .version = 1, .type = SOCK_RAW, .op = KITE_OP_ECHO,
		.src_port = US, .src_node = 1, .dst_port = THEM, .dst_node = 1 };
	unsigned int i;

	pattern_fill(sent, sizeof(sent), 0);
	for (i = 0; i < ARRAY_SIZE(lens); i++) {
		pkt.len = lens[i];
		EXPECT_EQ(0, packet_send(self->raw, &pkt, sent));
		EXPECT_HEAR(THEM, KITE_OP_ECHO_REPLY);
		EXPECT_EQ(SOCK_RAW, self->got.type);
		EXPECT_EQ(lens[i], self->got.len);
		EXPECT_EQ(-1, pattern_differs(buf, lens[i], 0));
		EXPECT_SILENCE();
	}
	/* On whatever port, even where somebody plays. */
	EXPECT_LE(0, raw_bound(THEM));
	EXPECT_EQ(0, packet_send(self->raw, &pkt, sent));
	EXPECT_HEAR(THEM, KITE_OP_ECHO_REPLY);
	/* To itself. */
	pkt.dst_port = US;
	EXPECT_EQ(0, packet_send(self->raw, &pkt, sent));
	EXPECT_HEAR(US, KITE_OP_ECHO_REPLY);
	EXPECT_SILENCE();
}

TEST_HARNESS_MAIN
