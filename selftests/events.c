// SPDX-License-Identifier: GPL-2.0
/* Events: what becomes of sockets, while it happens. */

#define _GNU_SOURCE
#include <sys/stat.h>

#include "fixtures.h"
#include "netlink.h"
#include "packet.h"

/* @nl listens in a namespace of its own. */
FIXTURE(events) {
	int nl;
	struct diag d;
};

FIXTURE_SETUP(events)
{
	int err;

	if (skip_family(_metadata, &family_kite))
		return;
	err = enter_new_netns();
	if (err)
		SKIP(return, "no namespace of its own: %s", strerror(-err));
	self->nl = event_open();
	ASSERT_LE(0, self->nl);
}

FIXTURE_TEARDOWN(events) { }

/* The next event is this one, of a socket of this type. */
#define EXPECT_EVENT(what, type)					\
	do {								\
		EXPECT_EQ(0, event_wait(self->nl, &self->d));		\
		EXPECT_EQ(what, self->d.event);				\
		EXPECT_EQ(type, self->d.msg.kdm_type);			\
	} while (0)

#define EXPECT_SILENCE()	EXPECT_EQ(-EAGAIN, event_wait(self->nl, &self->d))

static unsigned int inode_of(int fd)
{
	struct stat st;

	return fstat(fd, &st) ? 0 : st.st_ino;
}

/* Of the events that wait, how many are @what; the last of them is in @d. */
static int count(int nl, int what, struct diag *d)
{
	struct diag next;
	int n = 0;

	while (!event_wait(nl, &next)) {
		if (next.event != what)
			continue;
		*d = next;
		n++;
	}
	return n;
}

TEST_F(events, life_of_a_listener)
{
	int fd = kite_socket(SOCK_STREAM);
	struct address addr;

	EXPECT_EVENT(KITE_EVENT_CREATED, SOCK_STREAM);
	EXPECT_EQ(inode_of(fd), self->d.msg.kdm_ino);
	EXPECT_EQ(KITE_DIAG_CLOSE, self->d.msg.kdm_state);
	EXPECT_EQ(family_kite.domain(), self->d.msg.kdm_family);
	EXPECT_TRUE(self->d.has & DIAG_BIT(KITE_DIAG_TIME));
	EXPECT_TRUE(self->d.has & DIAG_BIT(KITE_DIAG_CREDIT));
	EXPECT_TRUE(self->d.has & DIAG_BIT(KITE_DIAG_MEMINFO));
	EXPECT_FALSE(self->d.has & DIAG_BIT(KITE_DIAG_REASON));
	kite_address(&addr, 5000, KITE_NODE_LOCAL);
	ASSERT_EQ(0, bind_to(fd, &addr));
	EXPECT_EVENT(KITE_EVENT_BOUND, SOCK_STREAM);
	EXPECT_EQ(5000, self->d.msg.kdm_local_port);
	ASSERT_EQ(0, listen(fd, 1));
	EXPECT_EVENT(KITE_EVENT_LISTENING, SOCK_STREAM);
	EXPECT_EQ(KITE_DIAG_LISTEN, self->d.msg.kdm_state);
	ASSERT_EQ(0, close(fd));
	EXPECT_EVENT(KITE_EVENT_SHUTDOWN, SOCK_STREAM);
	EXPECT_EVENT(KITE_EVENT_CLOSED, SOCK_STREAM);
	EXPECT_EQ(5000, self->d.msg.kdm_local_port);
	EXPECT_SILENCE();
}

/* The two ends' events come in an order of their own: look at one at a time. */
TEST_F(events, life_of_a_connection)
{
	int l = kite_listener_at(SOCK_SEQPACKET, 5000, 1), s, c;
	struct address addr;
	int other;

	c = kite_socket(SOCK_SEQPACKET);
	ASSERT_EQ(0, l < 0);
	kite_address(&addr, 5000, KITE_NODE_LOCAL);
	while (!event_wait(self->nl, &self->d))
		;
	other = event_open();
	ASSERT_LE(0, other);
	ASSERT_EQ(0, connect_to(c, &addr));
	EXPECT_EQ(2, count(self->nl, KITE_EVENT_CONNECTED, &self->d));
	EXPECT_EQ(1, count(other, KITE_EVENT_CONNECTING, &self->d));
	EXPECT_EQ(inode_of(c), self->d.msg.kdm_ino);
	EXPECT_EQ(5000, self->d.msg.kdm_remote_port);

	s = accept(l, NULL, NULL);
	ASSERT_LE(0, s);
	EXPECT_EVENT(KITE_EVENT_ACCEPTED, SOCK_SEQPACKET);
	EXPECT_EQ(inode_of(s), self->d.msg.kdm_ino);
	EXPECT_EQ(5000, self->d.msg.kdm_local_port);
	EXPECT_SILENCE();

	ASSERT_EQ(3, send(c, "abc", 3, 0));
	EXPECT_SILENCE();
	ASSERT_EQ(0, shutdown(c, SHUT_WR));
	EXPECT_EVENT(KITE_EVENT_SHUTDOWN, SOCK_SEQPACKET);
	EXPECT_EQ(inode_of(c), self->d.msg.kdm_ino);
	EXPECT_EQ(KITE_DIAG_SHUTDOWN_SEND, self->d.msg.kdm_shutdown);
	EXPECT_EVENT(KITE_EVENT_SHUTDOWN, SOCK_SEQPACKET);
	EXPECT_EQ(inode_of(s), self->d.msg.kdm_ino);
	EXPECT_EQ(KITE_DIAG_SHUTDOWN_RCV, self->d.msg.kdm_shutdown);

	/* With data unread: a reset. */
	ASSERT_EQ(0, close(s));
	EXPECT_EQ(1, count(self->nl, KITE_EVENT_RESET, &self->d));
	EXPECT_EQ(KITE_RESET_ABORT, self->d.reason);
	EXPECT_EQ(inode_of(c), self->d.msg.kdm_ino);
	EXPECT_EQ(3 + KITE_RECORD_OVERHEAD, self->d.credit.kdc_sent);
	ASSERT_EQ(0, close(c));
	EXPECT_EQ(1, count(self->nl, KITE_EVENT_CLOSED, &self->d));
}

TEST_F(events, every_life_has_one_end)
{
	int fd[2], closed = 0, created = 0;

	for (int i = 0; i < 3; i++) {
		static const int types[] = { SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM };

		ASSERT_EQ(0, pair_of_type(&family_kite, types[i], fd));
		ASSERT_EQ(0, close(fd[0]) | close(fd[1]));
		ASSERT_EQ(0, socketpair(family_kite.domain(), types[i], 0, fd));
		ASSERT_EQ(0, close(fd[0]) | close(fd[1]));
	}
	while (!event_wait(self->nl, &self->d)) {
		created += self->d.event == KITE_EVENT_CREATED;
		closed += self->d.event == KITE_EVENT_CLOSED;
	}
	/* Two ends each, and a listener and a socket of datagrams as well. */
	EXPECT_LE(12, created);
	EXPECT_EQ(created, closed);
}

TEST_F(events, nobody_there)
{
	int fd = kite_socket(SOCK_STREAM);
	struct address addr;

	ASSERT_EQ(0, unused_address(&family_kite, &addr));
	while (!event_wait(self->nl, &self->d))
		;
	ASSERT_EQ(-refusal(&family_kite), connect_to(fd, &addr));
	EXPECT_EVENT(KITE_EVENT_BOUND, SOCK_STREAM);
	EXPECT_EVENT(KITE_EVENT_CONNECTING, SOCK_STREAM);
	EXPECT_EVENT(KITE_EVENT_RESET, SOCK_STREAM);
	EXPECT_EQ(KITE_RESET_REFUSED, self->d.reason);
	EXPECT_EQ(port_of(&addr), self->d.msg.kdm_remote_port);
	EXPECT_EVENT(KITE_EVENT_UNCONNECTED, SOCK_STREAM);
	EXPECT_EQ(KITE_DIAG_CLOSE, self->d.msg.kdm_state);
}

TEST_F(events, datagrams)
{
	int fd = kite_socket_at(SOCK_DGRAM, 5000);
	struct sockaddr none = { .sa_family = AF_UNSPEC };
	struct address addr;

	EXPECT_EVENT(KITE_EVENT_CREATED, SOCK_DGRAM);
	EXPECT_EVENT(KITE_EVENT_BOUND, SOCK_DGRAM);
	kite_address(&addr, 6000, KITE_NODE_LOCAL);
	ASSERT_EQ(0, connect_to(fd, &addr));
	EXPECT_EVENT(KITE_EVENT_CONNECTED, SOCK_DGRAM);
	EXPECT_EQ(6000, self->d.msg.kdm_remote_port);
	ASSERT_EQ(0, connect(fd, &none, sizeof(none)));
	EXPECT_EVENT(KITE_EVENT_UNCONNECTED, SOCK_DGRAM);
	ASSERT_EQ(0, close(fd));
	EXPECT_EVENT(KITE_EVENT_SHUTDOWN, SOCK_DGRAM);
	EXPECT_EVENT(KITE_EVENT_CLOSED, SOCK_DGRAM);
}

TEST_F(events, destroyed)
{
	int fd = kite_socket(SOCK_RAW), nl;
	struct kite_diag_req req;

	EXPECT_EVENT(KITE_EVENT_CREATED, SOCK_RAW);
	ASSERT_EQ(0, raw_bind(fd, 5000, KITE_NODE_ANY));
	EXPECT_EVENT(KITE_EVENT_BOUND, SOCK_RAW);
	nl = diag_open();
	ASSERT_EQ(0, diag_name(fd, &req));
	ASSERT_EQ(0, diag_destroy(nl, &req));
	EXPECT_EVENT(KITE_EVENT_DESTROYED, SOCK_RAW);
	EXPECT_EVENT(KITE_EVENT_SHUTDOWN, SOCK_RAW);
	EXPECT_EVENT(KITE_EVENT_CLOSED, SOCK_RAW);
	ASSERT_EQ(0, close(fd));
	EXPECT_SILENCE();
}

/* Everything that one can hear of happens there: whoever listens there hears it. */
TEST_F(events, another_namespace_hears_nothing)
{
	static const int types[] = { SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM };
	int fd[2], there, diag, what;
	struct kite_diag_req req;
	unsigned int heard = 0;
	struct address addr;

	ASSERT_EQ(0, enter_new_netns());
	there = event_open();
	ASSERT_LE(0, there);
	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		ASSERT_EQ(0, pair_of_type(&family_kite, types[i], fd));
		ASSERT_EQ(3, send(fd[0], "abc", 3, 0));
		ASSERT_EQ(0, shutdown(fd[0], SHUT_WR));
		/* With data unread: a reset. */
		ASSERT_EQ(0, close(fd[1]));
		ASSERT_EQ(0, close(fd[0]));
	}
	ASSERT_EQ(0, unused_address(&family_kite, &addr));
	ASSERT_EQ(-refusal(&family_kite), connector(&family_kite, &addr));
	fd[0] = kite_socket_at(SOCK_STREAM, 5000);
	diag = diag_open();
	ASSERT_EQ(0, diag_name(fd[0], &req));
	ASSERT_EQ(0, diag_destroy(diag, &req));

	EXPECT_SILENCE();
	while (!event_wait(there, &self->d))
		heard |= 1U << self->d.event;
	for (what = KITE_EVENT_CREATED; what <= KITE_EVENT_MAX; what++) {
		EXPECT_TRUE(heard & 1U << what)
			TH_LOG("event %d", what);
	}
}

TEST_F(events, listening_needs_privilege)
{
	ASSERT_TRUE(become_nobody());
	EXPECT_EQ(-EPERM, event_open());
}

/* Who does not read hears that something was lost, and goes on. */
TEST_F(events, too_many)
{
	int err;

	ASSERT_EQ(0, set_int_option(self->nl, SOL_SOCKET, SO_RCVBUF, 4096));
	for (int i = 0; i < 200; i++)
		close(kite_socket(SOCK_STREAM));
	while (!(err = event_wait(self->nl, &self->d)))
		;
	EXPECT_EQ(-ENOBUFS, err);
	while (!event_wait(self->nl, &self->d))
		;
	ASSERT_LE(0, kite_socket(SOCK_DGRAM));
	EXPECT_EVENT(KITE_EVENT_CREATED, SOCK_DGRAM);
}

TEST_HARNESS_MAIN
