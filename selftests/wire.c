// SPDX-License-Identifier: GPL-2.0
/*
 * Kite over a transport of another module, selftests/kernel/wire.c: the node FAR is a
 * mirror of this one, so whoever connects there meets a socket of this program. It runs
 * in softirq, and it can lose, refuse and spoil what it carries. selftests/wire.sh loads
 * it and runs this.
 */

#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>

#include "counters.h"
#include "fixtures.h"
#include "netlink.h"
#include "packet.h"

#define FAR		99
#define PORT		5000
#define PARAMETERS	"/sys/module/kite_wire/parameters/"
#define SYSCTLS		"/proc/sys/net/kite/"

/* More than a window, and not a multiple of anything. */
#define MUCH		300001

static char in[MUCH], out[MUCH];

static int put(const char *dir, const char *name, int value)
{
	char path[100], text[20];
	int fd, n, ret;

	snprintf(path, sizeof(path), "%s%s", dir, name);
	n = snprintf(text, sizeof(text), "%d", value);
	fd = ERR(open(path, O_WRONLY | O_CLOEXEC));
	if (fd < 0)
		return fd;
	ret = ERR(write(fd, text, n));
	close(fd);
	return ret == n ? 0 : ret;
}

static int get(const char *dir, const char *name)
{
	char path[100], text[20] = "";
	int fd;

	snprintf(path, sizeof(path), "%s%s", dir, name);
	fd = ERR(open(path, O_RDONLY | O_CLOEXEC));
	if (fd < 0)
		return fd;
	if (read(fd, text, sizeof(text) - 1) < 0)
		text[0] = 0;
	close(fd);
	return atoi(text);
}

#define WIRE(name, value)	EXPECT_EQ(0, put(PARAMETERS, name, value))

static void wire_as_new(void)
{
	put(PARAMETERS, "lose", 0);
	put(PARAMETERS, "fails", -1);
	put(PARAMETERS, "spoil", 0);
	put(PARAMETERS, "full", 0);
	put(PARAMETERS, "reason", 0);
	put(PARAMETERS, "hold", 0);
}

FIXTURE(wire) {
	struct address far;
	int type, l, connect_timeout, close_timeout;
};

FIXTURE_VARIANT(wire) { int type; };
FIXTURE_VARIANT_ADD(wire, stream) { .type = SOCK_STREAM };
FIXTURE_VARIANT_ADD(wire, seqpacket) { .type = SOCK_SEQPACKET };

FIXTURE_SETUP(wire)
{
	if (skip_family(_metadata, &family_kite))
		return;
	if (access(PARAMETERS, F_OK))
		SKIP(return, "kite_wire.ko is not loaded: see wire.sh");
	wire_as_new();
	self->connect_timeout = get(SYSCTLS, "connect_timeout");
	self->close_timeout = get(SYSCTLS, "close_timeout");
	/* Nothing happens in time that is not told to. */
	put(SYSCTLS, "connect_timeout", 3600000);
	put(SYSCTLS, "close_timeout", 3600000);
	self->type = variant->type;
	self->l = kite_listener_at(self->type, PORT, 5);
	ASSERT_LE(0, self->l);
	kite_address(&self->far, PORT, FAR);
	pattern_fill(out, sizeof(out), 0);
}

FIXTURE_TEARDOWN(wire)
{
	wire_as_new();
	put(SYSCTLS, "connect_timeout", self->connect_timeout);
	put(SYSCTLS, "close_timeout", self->close_timeout);
}

/* The mirror sends to the node that sent, and a namespace has no name for others yet. */
static int here(int type)
{
	return kite_socket_at(type, KITE_PORT_ANY);
}

/* A connection, by way of FAR; the socket at its other end goes to @s. */
static int open_far(int type, int l, const struct address *far, int *s)
{
	int c = here(type), err;

	if (c < 0)
		return c;
	err = connect_to(c, far);
	if (err)
		return err;
	*s = ERR(accept4(l, NULL, NULL, SOCK_CLOEXEC));
	return *s < 0 ? *s : c;
}

#define OPEN()							\
	do {							\
		c = open_far(self->type, self->l, &self->far, &s); \
		ASSERT_LE(0, c);				\
	} while (0)

/* What the connections of other tests have to say has been said. */
#define COUNT_FROM_HERE(counters)				\
	do {							\
		EXPECT_EQ(0, BECOMES(0, counter("Orphans")));	\
		counters_read(counters);			\
	} while (0)

/* How much more of it is counted now? */
static long more(const struct counters *before, const char *name)
{
	return counter(name) - counter_in(before, name);
}

static void expect_talk(struct __test_metadata *_metadata, int c, int s)
{
	EXPECT_EQ(4, send(c, "ping", 4, MSG_NOSIGNAL));
	EXPECT_EQ(4, recv(s, in, sizeof(in), 0));
	EXPECT_EQ(0, memcmp(in, "ping", 4));
	EXPECT_EQ(4, send(s, "pong", 4, MSG_NOSIGNAL));
	EXPECT_EQ(4, recv(c, in, sizeof(in), 0));
	EXPECT_EQ(0, memcmp(in, "pong", 4));
}

TEST_F(wire, names)
{
	struct address name, peer;
	int c, s;

	OPEN();
	ASSERT_EQ(0, peer_of(c, &peer));
	EXPECT_TRUE(same_address(&peer, &self->far));
	ASSERT_EQ(0, name_of(c, &name));
	ASSERT_EQ(0, peer_of(s, &peer));
	EXPECT_EQ(port_of(&name), port_of(&peer));
	EXPECT_EQ(FAR, peer.kite.skt_node);
	ASSERT_EQ(0, name_of(s, &name));
	EXPECT_EQ(KITE_NODE_LOCAL, name.kite.skt_node);
	EXPECT_EQ(PORT, port_of(&name));
	expect_talk(_metadata, c, s);
}

TEST_F(wire, refused)
{
	struct address nobody;
	int c = here(self->type);

	ASSERT_LE(0, c);
	kite_address(&nobody, PORT + 1, FAR);
	EXPECT_EQ(-refusal(&family_kite), connect_to(c, &nobody));
	/* And it is as before. */
	EXPECT_EQ(0, connect_to(c, &self->far));
}

/* Through windows smaller than what goes through. */
TEST_F(wire, much)
{
	const size_t part = self->type == SOCK_STREAM ? MUCH : 10007;
	struct async reader;
	size_t done, n;
	int c, s;

	OPEN();
	for (done = 0; done < MUCH; done += n) {
		n = part < MUCH - done ? part : MUCH - done;
		async_recv(&reader, s, in + done, n, MSG_WAITALL);
		EXPECT_EQ((long)n, send(c, out + done, n, MSG_NOSIGNAL));
		EXPECT_EQ((long)n, async_result(&reader));
	}
	EXPECT_EQ(-1, pattern_differs(in, MUCH, 0));
	close(c);
	EXPECT_EQ(0, recv(s, in, sizeof(in), 0));
	EXPECT_EQ(-EPIPE, ERR(send(s, "x", 1, MSG_NOSIGNAL)));
}

/* A record of several packets, whose first ones arrive and the last one cannot be sent. */
TEST_F(wire, half)
{
	int c, s, bytes = 2 * KITE_MAX_PAYLOAD + 1;

	OPEN();
	WIRE("fails", 2);
	if (self->type == SOCK_STREAM) {
		/* What was sent was sent, and the rest is another call's. */
		EXPECT_EQ(2 * KITE_MAX_PAYLOAD, send(c, out, bytes, MSG_NOSIGNAL));
		EXPECT_EQ(-ENOBUFS, ERR(send(c, out, 1, MSG_NOSIGNAL)));
		WIRE("fails", -1);
		EXPECT_EQ(1, send(c, out + bytes - 1, 1, MSG_NOSIGNAL));
		EXPECT_EQ(bytes, recv(s, in, bytes, MSG_WAITALL));
		EXPECT_EQ(-1, pattern_differs(in, bytes, 0));
		return;
	}
	EXPECT_EQ(-ENOBUFS, ERR(send(c, out, bytes, MSG_NOSIGNAL)));
	EXPECT_EQ(-EAGAIN, ERR(recv(s, in, sizeof(in), MSG_DONTWAIT)));
	WIRE("fails", -1);
	/* There is no way back. No half of it is seen, and the end of it comes later. */
	EXPECT_EQ(-ECONNRESET, ERR(recv(c, in, sizeof(in), 0)));
	EXPECT_EQ(-ECONNRESET, ERR(recv(s, in, sizeof(in), 0)));
}

/* Room and the end are told when they can be told. */
TEST_F(wire, told_later)
{
	int c, s, sent, n;

	OPEN();
	set_nonblocking(c, true);
	sent = fill(&family_kite, c);
	EXPECT_LT(0, sent);
	EXPECT_EQ(0, revents_for(c, POLLOUT));
	WIRE("fails", 0);
	while (sent > 0) {
		n = recv(s, in, sizeof(in), 0);
		ASSERT_LT(0, n);
		sent -= n;
	}
	EXPECT_EQ(0, ERR(shutdown(s, SHUT_WR)));
	EXPECT_EQ(0, revents_for(c, POLLOUT | POLLRDHUP));
	WIRE("fails", -1);
	EXPECT_EQ(POLLOUT | POLLRDHUP,
		  BECOMES(POLLOUT | POLLRDHUP, revents_for(c, POLLOUT | POLLRDHUP)));
	EXPECT_EQ(0, recv(c, in, sizeof(in), 0));
}

/* It says that it has no room: that is no credit. */
TEST_F(wire, congested)
{
	struct async sender;
	int c, s;

	OPEN();
	WIRE("full", 1);
	EXPECT_EQ(-EAGAIN, ERR(send(c, "x", 1, MSG_DONTWAIT | MSG_NOSIGNAL)));
	EXPECT_EQ(0, revents_for(c, POLLOUT));
	async_send(&sender, c, "late", 4, MSG_NOSIGNAL);
	EXPECT_TRUE(async_blocks(&sender));
	WIRE("full", 0);
	EXPECT_EQ(4, async_result(&sender));
	EXPECT_EQ(POLLOUT, revents_for(c, POLLOUT));
	EXPECT_EQ(4, recv(s, in, sizeof(in), 0));
	expect_talk(_metadata, c, s);
}

/* A listener elsewhere, at @far, that has room for one. */
#define LISTEN_FOR_ONE(far)						\
	do {								\
		close(self->l);						\
		self->l = kite_listener_at(self->type, PORT + 2, 0);	\
		ASSERT_LE(0, self->l);					\
		kite_address(far, PORT + 2, FAR);			\
	} while (0)

/* A listener elsewhere that is full: connect asks again and again. */
TEST_F(wire, full_listener)
{
	struct counters before;
	int first, second, s;
	struct address far;

	LISTEN_FOR_ONE(&far);
	first = here(self->type);
	second = here(self->type);
	ASSERT_EQ(0, connect_to(first, &far));
	counters_read(&before);
	set_nonblocking(second, true);
	EXPECT_EQ(-EINPROGRESS, connect_to(second, &far));
	EXPECT_EQ(-EALREADY, connect_to(second, &far));
	EXPECT_EQ(0, revents_for(second, POLLOUT));
	EXPECT_TRUE(BECOMES(true, more(&before, "ConnectRetries") > 0));
	s = accept(self->l, NULL, NULL);
	expect_talk(_metadata, first, s);
	EXPECT_EQ(POLLOUT, BECOMES(POLLOUT, revents_for(second, POLLOUT)));
	/* Each no was followed by a question. */
	EXPECT_EQ(more(&before, "DropListenFull"), more(&before, "ConnectRetries"));
	EXPECT_EQ(1, more(&before, "ActiveOpens"));
	EXPECT_EQ(0, more(&before, "AttemptFails"));
	EXPECT_EQ(0, more(&before, "ConnectTimeouts"));
	EXPECT_EQ(0, get_int_option(second, SOL_SOCKET, SO_ERROR));
	set_nonblocking(second, false);
	s = accept(self->l, NULL, NULL);
	expect_talk(_metadata, second, s);
}

/* The listener is full, and says so again and again until @done. */
#define SAY_FULL_UNTIL(done)						\
	do {								\
		long end = now_ms() + PATIENCE_MS;			\
									\
		while (!(done) && now_ms() < end) {			\
			put(PARAMETERS, "repeat", KITE_OP_RESET);	\
			usleep(1000);					\
		}							\
		EXPECT_TRUE(done);					\
	} while (0)

/* That puts off neither the next question nor the end. */
TEST_F(wire, always_full)
{
	struct counters before;
	struct address far;
	int fd[3];

	LISTEN_FOR_ONE(&far);
	fd[0] = here(self->type);
	fd[1] = here(self->type);
	ASSERT_EQ(0, put(SYSCTLS, "connect_timeout", TIMEOUT_MS));
	fd[2] = here(self->type);
	ASSERT_EQ(0, connect_to(fd[0], &far));
	counters_read(&before);
	set_nonblocking(fd[1], true);
	ASSERT_EQ(-EINPROGRESS, connect_to(fd[1], &far));
	SAY_FULL_UNTIL(more(&before, "ConnectRetries") > 2);
	close(fd[1]);
	set_nonblocking(fd[2], true);
	ASSERT_EQ(-EINPROGRESS, connect_to(fd[2], &far));
	SAY_FULL_UNTIL(revents_for(fd[2], POLLERR) & POLLERR);
	EXPECT_EQ(ETIMEDOUT, get_int_option(fd[2], SOL_SOCKET, SO_ERROR));
	/* What was repeated arrives before this does, or the next test would count it. */
	kite_address(&far, PORT + 1, FAR);
	EXPECT_EQ(-refusal(&family_kite), connect_to(here(self->type), &far));
}

/* To ask again needs memory, too. */
TEST_F(wire, asked_later)
{
	struct address far;
	int first, second, s;
	long retries;

	LISTEN_FOR_ONE(&far);
	first = here(self->type);
	second = here(self->type);
	ASSERT_EQ(0, connect_to(first, &far));
	set_nonblocking(second, true);
	EXPECT_EQ(-EINPROGRESS, connect_to(second, &far));
	WIRE("fails", 0);
	retries = counter("ConnectRetries");
	/* The first of them may have been before that. */
	EXPECT_TRUE(BECOMES(true, counter("ConnectRetries") > retries + 2));
	s = ERR(accept(self->l, NULL, NULL));
	ASSERT_LE(0, s);
	EXPECT_EQ(0, revents_for(second, POLLOUT));
	WIRE("fails", -1);
	EXPECT_EQ(POLLOUT, BECOMES(POLLOUT, revents_for(second, POLLOUT)));
	expect_talk(_metadata, first, s);
}

/* Who is asked for too much does not answer: connect asks again, and is told then. */
TEST_F(wire, answers_are_limited)
{
	int rate = get(SYSCTLS, "reset_rate");
	struct address far, nobody;
	struct counters before;
	int first, second, s;

	LISTEN_FOR_ONE(&far);
	first = here(self->type);
	second = here(self->type);
	ASSERT_EQ(0, connect_to(first, &far));
	set_nonblocking(second, true);
	COUNT_FROM_HERE(&before);
	ASSERT_EQ(0, put(SYSCTLS, "reset_rate", 0));
	EXPECT_EQ(-EINPROGRESS, connect_to(second, &far));
	EXPECT_TRUE(BECOMES(true, more(&before, "DropRateLimited") > 0));
	s = ERR(accept(self->l, NULL, NULL));
	EXPECT_EQ(POLLOUT, BECOMES(POLLOUT, revents_for(second, POLLOUT)));
	EXPECT_LT(0, more(&before, "ConnectRetries"));
	expect_talk(_metadata, first, s);

	first = here(self->type);
	set_nonblocking(first, true);
	kite_address(&nobody, PORT + 1, FAR);
	counters_read(&before);
	EXPECT_EQ(-EINPROGRESS, connect_to(first, &nobody));
	EXPECT_TRUE(BECOMES(true, more(&before, "DropRateLimited") > 0));
	ASSERT_EQ(0, put(SYSCTLS, "reset_rate", rate));
	EXPECT_EQ(POLLERR | POLLHUP, BECOMES(POLLERR | POLLHUP, revents_for(first, POLLERR)));
	EXPECT_EQ(refusal(&family_kite), get_int_option(first, SOL_SOCKET, SO_ERROR));
}

/*
 * That there is no room, and then that there is, while a system call owns the socket: it is
 * connected. That is not so of one that is connected already, and was reset in between.
 */
TEST_F(wire, room_after_all)
{
	struct counters before;
	struct address far;
	struct owner owner;
	int first, second, s;

	LISTEN_FOR_ONE(&far);
	first = here(self->type);
	second = here(self->type);
	ASSERT_EQ(0, connect_to(first, &far));
	set_nonblocking(second, true);
	counters_read(&before);
	ASSERT_EQ(-EINPROGRESS, connect_to(second, &far));
	ASSERT_TRUE(BECOMES(true, more(&before, "ConnectRetries") > 0));
	WIRE("hold", 1);
	counters_read(&before);
	/* One that does not arrive yet. */
	ASSERT_TRUE(BECOMES(true, more(&before, "ConnectRetries") > 0));
	s = ERR(accept(self->l, NULL, NULL));
	ASSERT_LE(0, s);
	ASSERT_EQ(0, own(&owner, second));
	WIRE("repeat", KITE_OP_RESET);
	WIRE("hold", 0);
	EXPECT_TRUE(BECOMES(true, more(&before, "InPkts") > 2));
	ASSERT_EQ(0, let_go(&owner));
	EXPECT_EQ(POLLOUT, BECOMES(POLLOUT, revents_for(second, POLLOUT)));
	expect_talk(_metadata, first, s);
	s = ERR(accept(self->l, NULL, NULL));
	ASSERT_LE(0, s);
	expect_talk(_metadata, second, s);

	counters_read(&before);
	ASSERT_EQ(0, own(&owner, second));
	WIRE("reason", KITE_RESET_NOMEM);
	WIRE("repeat", KITE_OP_RESET);
	WIRE("repeat", KITE_OP_RESPONSE);
	EXPECT_EQ(1, BECOMES(1, more(&before, "DropUnasked")));
	ASSERT_EQ(0, let_go(&owner));
	EXPECT_EQ(-ECONNRESET, ERR(recv(second, in, sizeof(in), MSG_DONTWAIT)));
}

TEST_F(wire, no_answer)
{
	struct counters before;
	int c;

	ASSERT_EQ(0, put(SYSCTLS, "connect_timeout", TIMEOUT_MS));
	WIRE("lose", 1);
	c = here(self->type);
	COUNT_FROM_HERE(&before);
	EXPECT_EQ(-ETIMEDOUT, connect_to(c, &self->far));
	EXPECT_STREQ("ActiveOpens+1 AttemptFails+1 ConnectTimeouts+1 OutPkts+1",
		     counters_changed(&before));
	set_nonblocking(c, true);
	EXPECT_EQ(-EINPROGRESS, connect_to(c, &self->far));
	EXPECT_EQ(POLLERR | POLLHUP, BECOMES(POLLERR | POLLHUP,
					     revents_for(c, POLLERR | POLLHUP)));
	/* What became of it is asked by the next call, too. */
	EXPECT_EQ(-ETIMEDOUT, connect_to(c, &self->far));
	WIRE("lose", 0);
	ASSERT_EQ(0, put(SYSCTLS, "connect_timeout", 3600000));
	set_nonblocking(c, false);
	EXPECT_EQ(0, connect_to(c, &self->far));
}

TEST_F(wire, cannot_send)
{
	int c, s;

	OPEN();
	WIRE("fails", 0);
	EXPECT_EQ(-ENOBUFS, ERR(send(c, "x", 1, MSG_NOSIGNAL)));
	s = here(self->type);
	EXPECT_EQ(-ENOBUFS, connect_to(s, &self->far));
	WIRE("fails", -1);
	EXPECT_EQ(0, connect_to(s, &self->far));
}

/* A connection from this port to @far, or -EINPROGRESS. */
static int connect_from(int type, unsigned int port, const struct address *far)
{
	int fd = kite_socket_at(type, port), err;

	if (fd < 0)
		return fd;
	set_nonblocking(fd, true);
	err = connect_to(fd, far);
	close(fd);
	return err;
}

/* Both went away, and neither hears of it: their addresses are free after a while. */
TEST_F(wire, no_goodbye)
{
	struct counters before;
	struct address name;
	int c, s;

	ASSERT_EQ(0, put(SYSCTLS, "close_timeout", TIMEOUT_MS));
	OPEN();
	ASSERT_EQ(0, name_of(c, &name));
	COUNT_FROM_HERE(&before);
	WIRE("lose", 1);
	close(c);
	close(s);
	EXPECT_EQ(2, BECOMES(2, more(&before, "CloseTimeouts")));
	EXPECT_EQ(0, BECOMES(0, counter("Orphans")));
	EXPECT_STREQ("CurrEstab-2 CloseTimeouts+2 OutPkts+2", counters_changed(&before));
	WIRE("lose", 0);
	EXPECT_EQ(-EINPROGRESS, BECOMES(-EINPROGRESS, connect_from(self->type, port_of(&name),
								   &self->far)));
}

/*
 * Who finds no memory to say that it closed says so later, although it hears in between
 * that the other one closed, too: that one waits for it. The timer may be faster than we
 * are, so not just once.
 */
TEST_F(wire, both_close_and_one_is_told_later)
{
	struct address name;
	int c, s, i, err;

	for (i = 0; i < 4; i++) {
		OPEN();
		ASSERT_EQ(0, name_of(c, &name));
		WIRE("fails", 0);
		close(i % 2 ? c : s);
		WIRE("fails", -1);
		close(i % 2 ? s : c);
		ASSERT_EQ(0, BECOMES(0, counter("Orphans")));
		err = connect_from(self->type, port_of(&name), &self->far);
		EXPECT_TRUE(!err || err == -EINPROGRESS)
			TH_LOG("error %d", err);
		/* Where that may wait to be accepted. */
		close(self->l);
		self->l = kite_listener_at(self->type, PORT, 5);
		ASSERT_LE(0, self->l);
	}
}

/* Who was reset while he copied his message does not send it to who comes after him. */
TEST_F(wire, reset_while_a_message_is_copied)
{
	struct address name;
	struct async sender;
	struct held_page page;
	int c, s, c2, s2;

	OPEN();
	ASSERT_EQ(0, name_of(c, &name));
	ASSERT_EQ(0, hold_page(&page));
	async_send(&sender, s, page.data, 4, MSG_NOSIGNAL);
	ASSERT_EQ(0, wait_for_touch(&page));
	ASSERT_EQ(0, set_linger(c, 0));
	close(c);
	ASSERT_EQ(POLLERR, BECOMES(POLLERR, revents_for(s, POLLIN) & POLLERR));
	c2 = kite_socket_at(self->type, port_of(&name));
	ASSERT_LE(0, c2);
	ASSERT_EQ(0, connect_to(c2, &self->far));
	s2 = ERR(accept(self->l, NULL, NULL));
	ASSERT_LE(0, s2);
	ASSERT_EQ(0, let_go_of_page(&page));
	EXPECT_EQ(-EPIPE, async_result(&sender));
	EXPECT_EQ(-EAGAIN, ERR(recv(c2, in, sizeof(in), MSG_DONTWAIT)));
	expect_talk(_metadata, c2, s2);
}

/* A record cannot go on, and who sends it cannot say so: his addresses are not free yet. */
TEST_F(wire, reset_and_told_later)
{
	struct address name;
	int c, s, c2, s2, i;

	if (self->type == SOCK_STREAM)
		SKIP(return, "a stream goes on");
	for (i = 0; i < 4; i++) {
		OPEN();
		ASSERT_EQ(0, name_of(c, &name));
		WIRE("fails", 2);
		EXPECT_EQ(-ENOBUFS, ERR(send(s, out, 2 * KITE_MAX_PAYLOAD + 1, MSG_NOSIGNAL)));
		EXPECT_EQ(POLLERR, revents_for(s, POLLIN) & POLLERR);
		WIRE("fails", -1);
		close(c);
		c2 = kite_socket_at(self->type, port_of(&name));
		ASSERT_EQ(0, BECOMES(0, connect_to(c2, &self->far)));
		s2 = ERR(accept(self->l, NULL, NULL));
		ASSERT_LE(0, s2);
		expect_talk(_metadata, c2, s2);
		/* By then it has been told. */
		close(s);
		EXPECT_EQ(0, BECOMES(0, counter("Orphans")));
		expect_talk(_metadata, c2, s2);
	}
}

/*
 * DATA for one that has closed is answered with a reset, for which there may be no memory
 * either. The timer may be faster, and say that it closed: then not this time.
 */
TEST_F(wire, answered_later)
{
	int c, s, i, answers = 0;

	for (i = 0; i < 100 && answers < 4; i++) {
		OPEN();
		WIRE("fails", 0);
		close(s);
		WIRE("fails", 1);
		if (ERR(send(c, "x", 1, MSG_NOSIGNAL)) == 1) {
			answers++;
			ASSERT_EQ(0, BECOMES(0, get(PARAMETERS, "fails")));
			WIRE("fails", -1);
			EXPECT_EQ(POLLERR, BECOMES(POLLERR, revents_for(c, POLLIN) & POLLERR));
			EXPECT_EQ(-ECONNRESET, ERR(recv(c, in, sizeof(in), MSG_DONTWAIT)));
		}
		WIRE("fails", -1);
		close(c);
		EXPECT_EQ(0, BECOMES(0, counter("Orphans")));
	}
	EXPECT_LT(0, answers);
}

static bool is_reset(int fd)
{
	return revents_for(fd, POLLIN) & POLLERR;
}

/* Likewise for DATA beyond the window, which ends what nobody has closed. */
TEST_F(wire, refused_later)
{
	int c, s, came = 0;

	OPEN();
	WIRE("spoil", 4);
	do {
		WIRE("fails", 1);
		ASSERT_EQ(10000, ERR(send(c, out, 10000, MSG_DONTWAIT | MSG_NOSIGNAL)));
		came += 2 * 10000;
		EXPECT_TRUE(BECOMES(true, bytes_to_read(s) == came || is_reset(s)));
	} while (!is_reset(s));
	EXPECT_EQ(0, revents_for(c, POLLIN));
	WIRE("spoil", 0);
	WIRE("fails", -1);
	EXPECT_EQ(POLLERR, BECOMES(POLLERR, revents_for(c, POLLIN) & POLLERR));
	EXPECT_EQ(-EPROTO, ERR(recv(c, in, sizeof(in), MSG_DONTWAIT)));
	close(c);
	close(s);
	EXPECT_EQ(0, BECOMES(0, counter("Orphans")));
}

/* Who connects asks again if there was no memory to answer. */
TEST_F(wire, no_memory_to_answer)
{
	int c = here(self->type), s;

	ASSERT_LE(0, c);
	set_nonblocking(c, true);
	WIRE("fails", 1);
	ASSERT_EQ(-EINPROGRESS, connect_to(c, &self->far));
	ASSERT_EQ(0, BECOMES(0, get(PARAMETERS, "fails")));
	EXPECT_EQ(0, revents_for(c, POLLOUT));
	set_nonblocking(self->l, true);
	EXPECT_EQ(-EAGAIN, ERR(accept(self->l, NULL, NULL)));
	WIRE("fails", -1);
	ASSERT_EQ(POLLOUT, BECOMES(POLLOUT, revents_for(c, POLLOUT)));
	s = ERR(accept(self->l, NULL, NULL));
	ASSERT_LE(0, s);
	set_nonblocking(c, false);
	expect_talk(_metadata, c, s);
	EXPECT_EQ(-EAGAIN, ERR(accept(self->l, NULL, NULL)));
}

/* What DATA would have said of the window was not said: no more can come than has. */
TEST_F(wire, room_is_not_told)
{
	int c, s;

	if (self->type != SOCK_STREAM)
		SKIP(return, "a record is readable, however short");
	OPEN();
	EXPECT_LT(0, fill(&family_kite, c));
	EXPECT_EQ(0, set_int_option(s, SOL_SOCKET, SO_RCVLOWAT, 1 << 30));
	EXPECT_EQ(POLLIN, BECOMES(POLLIN, revents_for(s, POLLIN)));
	EXPECT_EQ(1000, recv(s, in, 1000, 0));
	WIRE("fails", 0);
	EXPECT_EQ(-ENOBUFS, ERR(send(s, "x", 1, MSG_NOSIGNAL)));
	EXPECT_EQ(POLLIN, revents_for(s, POLLIN));
}

/* Likewise one that is ended from outside. */
TEST_F(wire, destroyed_and_told_later)
{
	struct kite_diag_req name;
	int c, s, nl = diag_open();

	OPEN();
	ASSERT_LE(0, nl);
	ASSERT_EQ(0, diag_name(c, &name));
	WIRE("fails", 0);
	EXPECT_EQ(0, diag_destroy(nl, &name));
	EXPECT_EQ(-ECONNABORTED, ERR(recv(c, in, sizeof(in), 0)));
	EXPECT_EQ(0, revents_for(s, POLLIN));
	WIRE("fails", -1);
	EXPECT_EQ(POLLERR, BECOMES(POLLERR, revents_for(s, POLLIN) & POLLERR));
	EXPECT_EQ(-ECONNRESET, ERR(recv(s, in, sizeof(in), MSG_DONTWAIT)));
}

/* Who has something to tell waits for the chance, but not for ever. */
TEST_F(wire, never_told)
{
	struct counters before;
	int c, s;

	OPEN();
	COUNT_FROM_HERE(&before);
	EXPECT_EQ(1, send(s, "x", 1, MSG_NOSIGNAL));
	ASSERT_EQ(1, BECOMES(1, bytes_to_read(c)));
	WIRE("fails", 0);
	EXPECT_EQ(0, put(SYSCTLS, "close_timeout", 200));
	/* This resets it, for there is something unread. */
	close(c);
	EXPECT_EQ(1, BECOMES(1, more(&before, "CloseTimeouts")));
	EXPECT_EQ(0, BECOMES(0, counter("Orphans")));
	WIRE("fails", -1);
	EXPECT_EQ(-EAGAIN, ERR(recv(s, in, sizeof(in), MSG_DONTWAIT)));
	/* It hears of it when it says something. */
	EXPECT_EQ(1, send(s, "x", 1, MSG_NOSIGNAL));
	EXPECT_EQ(POLLERR, BECOMES(POLLERR, revents_for(s, POLLIN) & POLLERR));
}

/* What is no packet, or not for us, or not from there, changes nothing. */
TEST_F(wire, spoilt)
{
	static const char * const counted[] = {
		"", "OutPkts+1 InPkts+1 DropBadHeader+1", "OutPkts+1 InPkts+1 DropWrongNode+1",
		"OutPkts+1 InPkts+1 DropWrongNode+1",
	};
	struct counters counters;
	int c, s, how, before;

	OPEN();
	for (how = 1; how <= 3; how++) {
		before = get(PARAMETERS, "refused");
		COUNT_FROM_HERE(&counters);
		WIRE("spoil", how);
		EXPECT_EQ(4, send(c, "lost", 4, MSG_NOSIGNAL));
		EXPECT_EQ(before + 1, BECOMES(before + 1, get(PARAMETERS, "refused")));
		EXPECT_STREQ(counted[how], counters_changed(&counters));
		EXPECT_EQ(-EAGAIN, ERR(recv(s, in, sizeof(in), MSG_DONTWAIT)));
	}
	WIRE("spoil", 0);
	expect_talk(_metadata, c, s);
}

/* A connection holds the transport. */
TEST_F(wire, held)
{
	int c, s;

	OPEN();
	EXPECT_EQ(-EAGAIN, ERR(syscall(SYS_delete_module, "kite_wire", O_NONBLOCK)));
	expect_talk(_metadata, c, s);
}

/* Datagrams have no connection to wait for. */

FIXTURE(wire_dgram) {
	int a, b;
	struct address far;
};

FIXTURE_SETUP(wire_dgram)
{
	if (skip_family(_metadata, &family_kite))
		return;
	if (access(PARAMETERS, F_OK))
		SKIP(return, "kite_wire.ko is not loaded: see wire.sh");
	wire_as_new();
	self->a = here(SOCK_DGRAM);
	self->b = kite_socket_at(SOCK_DGRAM, PORT);
	ASSERT_LE(0, self->a);
	ASSERT_LE(0, self->b);
	kite_address(&self->far, PORT, FAR);
	set_timeout(self->a, SO_RCVTIMEO, PATIENCE_MS);
	set_timeout(self->b, SO_RCVTIMEO, PATIENCE_MS);
}

FIXTURE_TEARDOWN(wire_dgram)
{
	wire_as_new();
}

TEST_F(wire_dgram, there_and_back)
{
	struct address from = { .len = sizeof(from.storage) };

	EXPECT_EQ(4, sendto(self->a, "ping", 4, 0, &self->far.sa, self->far.len));
	EXPECT_EQ(4, recvfrom(self->b, in, sizeof(in), 0, &from.sa, &from.len));
	EXPECT_EQ(FAR, from.kite.skt_node);
	EXPECT_EQ(4, sendto(self->b, "pong", 4, 0, &from.sa, from.len));
	EXPECT_EQ(4, recv(self->a, in, sizeof(in), 0));
	EXPECT_EQ(0, memcmp(in, "pong", 4));
}

/* As UDP has it: some time after the send, and told by the next call. */
TEST_F(wire_dgram, nobody_there)
{
	kite_address(&self->far, PORT + 1, FAR);
	ASSERT_EQ(0, connect_to(self->a, &self->far));
	EXPECT_EQ(1, send(self->a, "x", 1, 0));
	EXPECT_EQ(-ECONNREFUSED, ERR(recv(self->a, in, sizeof(in), 0)));
}

TEST_F(wire_dgram, cannot_send)
{
	WIRE("fails", 0);
	EXPECT_EQ(-ENOBUFS, ERR(sendto(self->a, "x", 1, 0, &self->far.sa, self->far.len)));
	WIRE("fails", -1);
	EXPECT_EQ(1, sendto(self->a, "x", 1, 0, &self->far.sa, self->far.len));
	EXPECT_EQ(1, recv(self->b, in, sizeof(in), 0));
}

TEST_HARNESS_MAIN
