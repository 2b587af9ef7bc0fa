// SPDX-License-Identifier: GPL-2.0
/* epoll: level and edge triggered, and who is woken. */

#define _GNU_SOURCE
#include <signal.h>

#include "fixtures.h"

/* An epoll instance that watches @fd, or an error. */
static int watch(int fd, unsigned int events)
{
	struct epoll_event event = { .events = events, .data.fd = fd };
	int epfd = epoll_create1(EPOLL_CLOEXEC);

	if (epfd < 0 || epoll_ctl(epfd, EPOLL_CTL_ADD, fd, &event))
		return -errno;
	return epfd;
}

/* The events that one call of epoll_wait() reports, 0 for none. */
static int events_of(int epfd, int timeout)
{
	struct epoll_event event;
	int n = epoll_wait(epfd, &event, 1, timeout);

	return n == 1 ? (int)event.events : n;
}

#define EVENTS_NOW(epfd)	events_of(epfd, 0)
#define NEXT_EVENTS(epfd)	events_of(epfd, PATIENCE_MS)

PAIR_FIXTURE(epoll, KITE_UNIX_INET);

TEST_F(epoll, level)
{
	int epfd = watch(self->s, EPOLLIN);
	char buf[8];

	EXPECT_EQ(0, EVENTS_NOW(epfd));
	ASSERT_EQ(2, send(self->c, "ab", 2, 0));
	EXPECT_EQ(EPOLLIN, NEXT_EVENTS(epfd));
	EXPECT_EQ(EPOLLIN, EVENTS_NOW(epfd));
	ASSERT_EQ(1, recv(self->s, buf, 1, 0));
	EXPECT_EQ(EPOLLIN, EVENTS_NOW(epfd));
	ASSERT_EQ(1, recv(self->s, buf, 1, 0));
	EXPECT_EQ(0, EVENTS_NOW(epfd));
}

TEST_F(epoll, edge)
{
	int epfd = watch(self->s, EPOLLIN | EPOLLET);
	char buf[8];

	EXPECT_EQ(0, EVENTS_NOW(epfd));
	ASSERT_EQ(2, send(self->c, "ab", 2, 0));
	EXPECT_EQ(EPOLLIN, NEXT_EVENTS(epfd));
	EXPECT_EQ(0, EVENTS_NOW(epfd));

	/* What is left is no news, but what comes then is, */
	ASSERT_EQ(1, recv(self->s, buf, 1, 0));
	EXPECT_EQ(0, EVENTS_NOW(epfd));
	ASSERT_EQ(1, send(self->c, "c", 1, 0));
	EXPECT_EQ(EPOLLIN, NEXT_EVENTS(epfd));

	/* whether the reader took anything meanwhile or not. */
	ASSERT_EQ(1, send(self->c, "d", 1, 0));
	EXPECT_EQ(EPOLLIN, NEXT_EVENTS(epfd));
	EXPECT_EQ(0, EVENTS_NOW(epfd));
}

TEST_F(epoll, edge_that_was_before)
{
	int epfd;

	ASSERT_EQ(1, send(self->c, "x", 1, 0));
	ASSERT_EQ(1, BECOMES(1, bytes_to_read(self->s)));
	epfd = watch(self->s, EPOLLIN | EPOLLOUT | EPOLLET);
	EXPECT_EQ(EPOLLIN | EPOLLOUT, EVENTS_NOW(epfd));
	EXPECT_EQ(0, EVENTS_NOW(epfd));
}

TEST_F(epoll, edge_of_the_end)
{
	int in = watch(self->s, EPOLLIN | EPOLLRDHUP | EPOLLET);
	int hup = watch(self->s, EPOLLET);

	ASSERT_EQ(0, shutdown(self->c, SHUT_WR));
	EXPECT_EQ(EPOLLIN | EPOLLRDHUP, NEXT_EVENTS(in));
	EXPECT_EQ(0, EVENTS_NOW(in));
	EXPECT_EQ(0, EVENTS_NOW(hup));
	ASSERT_EQ(0, shutdown(self->s, SHUT_WR));
	EXPECT_EQ(EPOLLHUP, NEXT_EVENTS(hup));
	EXPECT_EQ(0, EVENTS_NOW(hup));
}

TEST_F(epoll, edge_of_a_reset)
{
	int epfd = watch(self->c, EPOLLET);

	ASSERT_EQ(1, send(self->c, "x", 1, 0));
	ASSERT_EQ(1, BECOMES(1, bytes_to_read(self->s)));
	close(self->s);
	EXPECT_EQ(EPOLLERR | EPOLLHUP, NEXT_EVENTS(epfd));
	EXPECT_EQ(0, EVENTS_NOW(epfd));
}

TEST_F(epoll, oneshot)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLONESHOT };
	int epfd = watch(self->s, EPOLLIN | EPOLLONESHOT);

	ASSERT_EQ(1, send(self->c, "x", 1, 0));
	EXPECT_EQ(EPOLLIN, NEXT_EVENTS(epfd));
	ASSERT_EQ(1, send(self->c, "x", 1, 0));
	ASSERT_EQ(2, BECOMES(2, bytes_to_read(self->s)));
	EXPECT_EQ(0, EVENTS_NOW(epfd));
	ASSERT_EQ(0, epoll_ctl(epfd, EPOLL_CTL_MOD, self->s, &event));
	EXPECT_EQ(EPOLLIN, EVENTS_NOW(epfd));
	EXPECT_EQ(0, EVENTS_NOW(epfd));
}

TEST_F(epoll, wakes_up)
{
	int epfd = watch(self->s, EPOLLIN);
	struct epoll_event event;
	struct async waiting;

	async_epoll(&waiting, epfd, &event);
	ASSERT_TRUE(async_blocks(&waiting));
	ASSERT_EQ(1, send(self->c, "x", 1, 0));
	EXPECT_EQ(1, async_result(&waiting));
	EXPECT_EQ(EPOLLIN, event.events);
}

TEST_F(epoll, sleeps_through_what_it_did_not_ask_for)
{
	int epfd = watch(self->s, EPOLLRDHUP);
	struct epoll_event event;
	struct async waiting;

	async_epoll(&waiting, epfd, &event);
	ASSERT_TRUE(async_blocks(&waiting));
	ASSERT_EQ(1, send(self->c, "x", 1, 0));
	ASSERT_EQ(1, BECOMES(1, bytes_to_read(self->s)));
	EXPECT_TRUE(async_blocks(&waiting));
	ASSERT_EQ(0, shutdown(self->c, SHUT_WR));
	EXPECT_EQ(1, async_result(&waiting));
	EXPECT_EQ(EPOLLRDHUP, event.events);
}

TEST_F(epoll, closed_descriptor_is_forgotten)
{
	int epfd = watch(self->s, EPOLLIN | EPOLLHUP);

	ASSERT_EQ(1, send(self->c, "x", 1, 0));
	EXPECT_EQ(EPOLLIN, NEXT_EVENTS(epfd));
	close(self->s);
	EXPECT_EQ(0, EVENTS_NOW(epfd));
}

/* Room to write. */

SMALL_PAIR_FIXTURE(epoll_full, KITE_UNIX_INET);

TEST_F(epoll_full, level)
{
	int epfd = watch(self->c, EPOLLOUT);
	ssize_t len;

	EXPECT_EQ(EPOLLOUT, EVENTS_NOW(epfd));
	len = fill(self->f, self->c);
	ASSERT_LT(0, len);
	EXPECT_EQ(0, EVENTS_NOW(epfd));
	ASSERT_EQ(len, read_sent(self->s, len));
	EXPECT_EQ(EPOLLOUT, NEXT_EVENTS(epfd));
	EXPECT_EQ(EPOLLOUT, EVENTS_NOW(epfd));
}

TEST_F(epoll_full, edge)
{
	int epfd = watch(self->c, EPOLLOUT | EPOLLET), i;
	ssize_t len;

	EXPECT_EQ(EPOLLOUT, EVENTS_NOW(epfd));
	EXPECT_EQ(0, EVENTS_NOW(epfd));
	for (i = 0; i < 5; i++) {
		/* until EAGAIN, as epoll(7) wants it */
		len = fill(self->f, self->c);
		ASSERT_LT(0, len);
		while (EVENTS_NOW(epfd))
			;
		ASSERT_EQ(len, read_sent(self->s, len));
		EXPECT_EQ(EPOLLOUT, NEXT_EVENTS(epfd));
	}
}

/* A whole transfer by edges: one that gets lost is a hang. */
TEST_F(epoll_full, transfer_by_edges)
{
	static char out[1 << 20], buf[5000];
	int epfd = watch(self->c, EPOLLOUT | EPOLLET);
	struct epoll_event event = { .events = EPOLLIN | EPOLLET };
	size_t sent = 0, got = 0;
	ssize_t n;

	ASSERT_EQ(0, epoll_ctl(epfd, EPOLL_CTL_ADD, self->s, &event));
	pattern_fill(out, sizeof(out), 0);
	while (got < sizeof(out)) {
		ASSERT_LT(0, NEXT_EVENTS(epfd));
		for (n = 0; n >= 0 && sent < sizeof(out); sent += n > 0 ? n : 0)
			n = send(self->c, out + sent, sizeof(out) - sent,
				 MSG_DONTWAIT);
		for (n = 0; n >= 0 && got < sizeof(out); got += n > 0 ? n : 0) {
			n = recv(self->s, buf, sizeof(buf), MSG_DONTWAIT);
			if (n > 0)
				ASSERT_EQ(-1, pattern_differs(buf, n, got));
		}
	}
}

/* Listeners. */

FAMILY_FIXTURE(epoll_listener, KITE_UNIX_INET);

TEST_F(epoll_listener, level_and_edge)
{
	struct address addr;
	int l, level, edge;

	l = listener(self->f, 5, &addr);
	level = watch(l, EPOLLIN);
	edge = watch(l, EPOLLIN | EPOLLET);
	EXPECT_EQ(0, EVENTS_NOW(level));
	EXPECT_EQ(0, EVENTS_NOW(edge));

	ASSERT_LE(0, connector(self->f, &addr));
	EXPECT_EQ(EPOLLIN, NEXT_EVENTS(level));
	EXPECT_EQ(EPOLLIN, EVENTS_NOW(level));
	EXPECT_EQ(EPOLLIN, NEXT_EVENTS(edge));
	EXPECT_EQ(0, EVENTS_NOW(edge));
	ASSERT_LE(0, connector(self->f, &addr));
	EXPECT_EQ(EPOLLIN, NEXT_EVENTS(edge));

	ASSERT_LE(0, ERR(accept(l, NULL, NULL)));
	EXPECT_EQ(EPOLLIN, EVENTS_NOW(level));
	ASSERT_LE(0, ERR(accept(l, NULL, NULL)));
	EXPECT_EQ(0, EVENTS_NOW(level));
}

TEST_F(epoll_listener, exclusive)
{
	struct async first, second;
	struct epoll_event event[2];
	struct address addr;
	int l;

	/* Two who wait for one listener: a connection wakes one of them. */
	l = listener(self->f, 5, &addr);
	async_epoll(&first, watch(l, EPOLLIN | EPOLLEXCLUSIVE), &event[0]);
	async_epoll(&second, watch(l, EPOLLIN | EPOLLEXCLUSIVE), &event[1]);
	ASSERT_TRUE(async_blocks(&first));
	ASSERT_TRUE(async_blocks(&second));

	ASSERT_LE(0, connector(self->f, &addr));
	EXPECT_EQ(1, BECOMES(1, async_done(&first) + async_done(&second)));
	EXPECT_TRUE(async_blocks(async_done(&first) ? &second : &first));
	ASSERT_LE(0, ERR(accept(l, NULL, NULL)));

	/* With nobody else there it is the other's turn. */
	ASSERT_LE(0, connector(self->f, &addr));
	ASSERT_LE(0, connector(self->f, &addr));
	EXPECT_EQ(1, async_result(&first));
	EXPECT_EQ(1, async_result(&second));
}

TEST_HARNESS_MAIN
