// SPDX-License-Identifier: GPL-2.0
/* poll() and select(): what each state of a socket looks like; SIGIO. */

#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <time.h>

#include "fixtures.h"

#define ENDED	(POLLIN | POLLOUT | POLLHUP | POLLRDHUP)

/* Sockets without a connection. */

FAMILY_FIXTURE(poll_socket, KITE_UNIX_INET);

TEST_F(poll_socket, fresh)
{
	EXPECT_EQ(POLLOUT | POLLHUP, revents(stream_socket(self->f)));
}

TEST_F(poll_socket, bound)
{
	struct address addr;

	EXPECT_EQ(POLLOUT | POLLHUP, revents(bound_socket(self->f, &addr)));
}

TEST_F(poll_socket, refused)
{
	struct address addr;
	int c;

	ASSERT_EQ(0, unused_address(self->f, &addr));
	c = stream_socket(self->f);
	ASSERT_EQ(-refusal(self->f), connect_to(c, &addr));
	EXPECT_EQ(POLLOUT | POLLHUP, revents(c));
}

TEST_F(poll_socket, listening)
{
	struct address addr;
	int l;

	l = listener(self->f, 5, &addr);
	EXPECT_EQ(0, revents(l));
	ASSERT_LE(0, connector(self->f, &addr));
	EXPECT_EQ(POLLIN, revents_become(l, POLLIN));
	ASSERT_LE(0, connector(self->f, &addr));
	ASSERT_LE(0, ERR(accept(l, NULL, NULL)));
	EXPECT_EQ(POLLIN, revents_become(l, POLLIN));
	ASSERT_LE(0, ERR(accept(l, NULL, NULL)));
	EXPECT_EQ(0, revents(l));
}

TEST_F(poll_socket, listening_wakes_up)
{
	struct address addr;
	struct pollfd pfd;
	struct async polling;

	pfd.fd = listener(self->f, 5, &addr);
	pfd.events = POLLIN;
	async_poll(&polling, &pfd);
	ASSERT_TRUE(async_blocks(&polling));
	ASSERT_LE(0, connector(self->f, &addr));
	EXPECT_EQ(1, async_result(&polling));
	EXPECT_EQ(POLLIN, pfd.revents);
}

TEST_F(poll_socket, listener_shut_down_wakes_up)
{
	struct address addr;
	struct pollfd pfd;
	struct async polling;

	pfd.fd = listener(self->f, 5, &addr);
	pfd.events = POLLIN;
	async_poll(&polling, &pfd);
	ASSERT_TRUE(async_blocks(&polling));
	ASSERT_EQ(0, shutdown(pfd.fd, SHUT_RDWR));
	EXPECT_EQ(1, async_result(&polling));
	EXPECT_EQ(POLLHUP, pfd.revents & POLLHUP);
}

/* Connections. */

PAIR_FIXTURE(poll, KITE_UNIX_INET);

TEST_F(poll, idle)
{
	EXPECT_EQ(POLLOUT, revents(self->c));
	EXPECT_EQ(POLLOUT, revents(self->s));
	/* The names that came with STREAMS mean the same. */
	EXPECT_EQ(POLLOUT | POLLWRNORM,
		  revents_for(self->c, POLLIN | POLLRDNORM | POLLOUT | POLLWRNORM));
	EXPECT_EQ(0, revents_for(self->c, POLLIN));
	EXPECT_EQ(0, revents_for(self->c, 0));
}

TEST_F(poll, data_there)
{
	char buf[8];

	ASSERT_EQ(2, send(self->c, "ab", 2, 0));
	EXPECT_EQ(POLLIN | POLLOUT, revents_become(self->s, POLLIN | POLLOUT));
	EXPECT_EQ(POLLIN | POLLRDNORM,
		  revents_for(self->s, POLLIN | POLLRDNORM));
	ASSERT_EQ(1, recv(self->s, buf, 1, 0));
	EXPECT_EQ(POLLIN | POLLOUT, revents(self->s));
	ASSERT_EQ(1, recv(self->s, buf, 1, 0));
	EXPECT_EQ(POLLOUT, revents(self->s));
	EXPECT_EQ(POLLOUT, revents(self->c));
}

TEST_F(poll, own_end_of_writing)
{
	ASSERT_EQ(0, shutdown(self->c, SHUT_WR));
	EXPECT_EQ(POLLOUT, revents(self->c));
}

TEST_F(poll, peers_end_of_writing)
{
	char buf[8];

	ASSERT_EQ(1, send(self->c, "x", 1, 0));
	ASSERT_EQ(0, shutdown(self->c, SHUT_WR));
	EXPECT_EQ(POLLIN | POLLOUT | POLLRDHUP,
		  revents_become(self->s, POLLIN | POLLOUT | POLLRDHUP));
	ASSERT_EQ(1, recv(self->s, buf, sizeof(buf), 0));
	EXPECT_EQ(POLLIN | POLLOUT | POLLRDHUP, revents(self->s));
	ASSERT_EQ(0, recv(self->s, buf, sizeof(buf), 0));
	EXPECT_EQ(POLLIN | POLLOUT | POLLRDHUP, revents(self->s));
}

TEST_F(poll, own_end_of_reading)
{
	ASSERT_EQ(0, shutdown(self->c, SHUT_RD));
	EXPECT_EQ(POLLIN | POLLOUT | POLLRDHUP, revents(self->c));
}

TEST_F(poll, peers_end_of_reading)
{
	ASSERT_EQ(0, shutdown(self->c, SHUT_RD));
	EXPECT_EQ(POLLOUT, revents(self->s));
}

TEST_F(poll, own_end_of_both)
{
	ASSERT_EQ(0, shutdown(self->c, SHUT_RDWR));
	EXPECT_EQ(ENDED, revents(self->c));
}

TEST_F(poll, peers_end_of_both)
{
	/* As with AF_UNIX, both ends know that both directions are over. */
	int ended = by_family(self->f, ENDED, ENDED, ENDED & ~POLLHUP);

	ASSERT_EQ(0, shutdown(self->c, SHUT_RDWR));
	EXPECT_EQ(ended, revents_become(self->s, ended));
}

TEST_F(poll, both_ended_writing)
{
	ASSERT_EQ(0, shutdown(self->c, SHUT_WR));
	ASSERT_EQ(0, shutdown(self->s, SHUT_WR));
	EXPECT_EQ(ENDED, revents_become(self->c, ENDED));
	EXPECT_EQ(ENDED, revents_become(self->s, ENDED));
}

TEST_F(poll, peer_closed)
{
	/* as AF_UNIX; with TCP one may still write, in vain */
	int ended = by_family(self->f, ENDED, ENDED, ENDED & ~POLLHUP);

	close(self->c);
	EXPECT_EQ(ended, revents_become(self->s, ended));
}

TEST_F(poll, reset)
{
	char buf[8];

	ASSERT_EQ(1, send(self->s, "x", 1, 0));
	ASSERT_EQ(1, BECOMES(1, bytes_to_read(self->c)));
	close(self->c);
	EXPECT_EQ(ENDED | POLLERR, revents_become(self->s, ENDED | POLLERR));
	ASSERT_EQ(-ECONNRESET, ERR(recv(self->s, buf, sizeof(buf), 0)));
	EXPECT_EQ(ENDED, revents(self->s));
}

TEST_F(poll, not_asked_for)
{
	/* POLLERR and POLLHUP come unasked, the others do not. */
	ASSERT_EQ(1, send(self->s, "x", 1, 0));
	EXPECT_EQ(POLLIN | POLLOUT, revents_become(self->c, POLLIN | POLLOUT));
	EXPECT_EQ(POLLOUT, revents_for(self->c, POLLOUT));
	EXPECT_EQ(0, revents_for(self->c, POLLPRI));
	ASSERT_EQ(0, shutdown(self->s, SHUT_WR));
	EXPECT_EQ(POLLRDHUP, BECOMES(POLLRDHUP,
				     revents_for(self->c, POLLRDHUP)));
	EXPECT_EQ(0, revents_for(self->c, 0));
	close(self->c);
	EXPECT_EQ(POLLERR | POLLHUP, BECOMES(POLLERR | POLLHUP,
					     revents_for(self->s, 0)));
}

TEST_F(poll, data_wakes_up)
{
	struct pollfd pfd = { .fd = self->s, .events = POLLIN };
	struct async polling;

	async_poll(&polling, &pfd);
	ASSERT_TRUE(async_blocks(&polling));
	ASSERT_EQ(1, send(self->c, "x", 1, 0));
	EXPECT_EQ(1, async_result(&polling));
	EXPECT_EQ(POLLIN, pfd.revents);
}

TEST_F(poll, end_wakes_up)
{
	struct pollfd pfd = { .fd = self->s, .events = POLLRDHUP };
	struct async polling;

	async_poll(&polling, &pfd);
	ASSERT_TRUE(async_blocks(&polling));
	/* Data is not what it waits for. */
	ASSERT_EQ(1, send(self->c, "x", 1, 0));
	EXPECT_TRUE(async_blocks(&polling));
	ASSERT_EQ(0, shutdown(self->c, SHUT_WR));
	EXPECT_EQ(1, async_result(&polling));
	EXPECT_EQ(POLLRDHUP, pfd.revents);
}

TEST_F(poll, reset_wakes_up)
{
	struct pollfd pfd = { .fd = self->c, .events = 0 };
	struct async polling;

	async_poll(&polling, &pfd);
	ASSERT_TRUE(async_blocks(&polling));
	ASSERT_EQ(1, send(self->c, "x", 1, 0));
	ASSERT_EQ(1, BECOMES(1, bytes_to_read(self->s)));
	close(self->s);
	EXPECT_EQ(1, async_result(&polling));
	EXPECT_EQ(POLLERR | POLLHUP, pfd.revents);
}

TEST_F(poll, own_shutdown_wakes_up)
{
	struct pollfd pfd = { .fd = self->c, .events = POLLIN };
	struct async polling;

	async_poll(&polling, &pfd);
	ASSERT_TRUE(async_blocks(&polling));
	ASSERT_EQ(0, shutdown(self->c, SHUT_RD));
	EXPECT_EQ(1, async_result(&polling));
	EXPECT_EQ(POLLIN, pfd.revents);
}

TEST_F(poll, select)
{
	struct timeval now = {};
	fd_set in, out, except;
	int max = (self->c > self->s ? self->c : self->s) + 1;

	ASSERT_EQ(1, send(self->c, "x", 1, 0));
	EXPECT_EQ(POLLIN | POLLOUT, revents_become(self->s, POLLIN | POLLOUT));
	FD_ZERO(&in);
	FD_SET(self->c, &in);
	FD_SET(self->s, &in);
	out = in;
	except = in;
	EXPECT_EQ(3, select(max, &in, &out, &except, &now));
	EXPECT_FALSE(FD_ISSET(self->c, &in));
	EXPECT_TRUE(FD_ISSET(self->s, &in));
	EXPECT_TRUE(FD_ISSET(self->c, &out));
	EXPECT_TRUE(FD_ISSET(self->s, &out));
	EXPECT_FALSE(FD_ISSET(self->c, &except));
	EXPECT_FALSE(FD_ISSET(self->s, &except));
}

/* A connection without room. */

SMALL_PAIR_FIXTURE(poll_full, KITE_UNIX_INET);

TEST_F(poll_full, is_not_writable)
{
	ASSERT_LT(0, fill(self->f, self->c));
	EXPECT_EQ(0, revents(self->c));
	/* The other direction is another matter. */
	EXPECT_EQ(POLLIN | POLLOUT, revents_become(self->s, POLLIN | POLLOUT));
}

TEST_F(poll_full, is_writable_when_all_was_read)
{
	ssize_t len;
	int i;

	for (i = 0; i < 5; i++) {
		len = fill(self->f, self->c);
		ASSERT_LT(0, len);
		ASSERT_EQ(0, revents(self->c));
		ASSERT_EQ(len, read_sent(self->s, len));
		ASSERT_EQ(POLLOUT, revents_become(self->c, POLLOUT));
		ASSERT_EQ(1, send(self->c, "x", 1, MSG_DONTWAIT));
		ASSERT_EQ(1, read_sent(self->s, 1));
	}
}

TEST_F(poll_full, reading_wakes_up)
{
	struct pollfd pfd = { .fd = self->c, .events = POLLOUT };
	ssize_t len = fill(self->f, self->c);
	struct async polling;

	ASSERT_LT(0, len);
	async_poll(&polling, &pfd);
	ASSERT_TRUE(async_blocks(&polling));
	ASSERT_EQ(len, read_sent(self->s, len));
	EXPECT_EQ(1, async_result(&polling));
	EXPECT_EQ(POLLOUT, pfd.revents);
}

TEST_F(poll_full, close_wakes_up)
{
	struct pollfd pfd = { .fd = self->c, .events = POLLOUT };
	struct async polling;

	ASSERT_LT(0, fill(self->f, self->c));
	async_poll(&polling, &pfd);
	ASSERT_TRUE(async_blocks(&polling));
	close(self->s);
	EXPECT_EQ(1, async_result(&polling));
	EXPECT_EQ(POLLERR | POLLHUP, pfd.revents & (POLLERR | POLLHUP));
}

/* Where a call should wait and is busy for ever instead, a signal ends it. */
static void end_by_signal(void)
{
	catch_signal(SIGALRM, 0);
	alarm(PATIENCE_MS / 1000);
}

/* To look whether there is room must not wake who looks at both ends, or he never waits. */
TEST_F(poll_full, both_ends_in_one_call)
{
	struct pollfd pfd[2] = {
		{ .fd = self->s, .events = POLLMSG },
		{ .fd = self->c, .events = POLLOUT },
	};

	ASSERT_LT(0, fill(self->f, self->c));
	end_by_signal();
	EXPECT_EQ(0, ERR(poll(pfd, 2, TIMEOUT_MS)));
	pfd[0].events = POLLPRI;
	EXPECT_EQ(0, set_int_option(self->s, SOL_SOCKET, SO_RCVLOWAT, 2));
	EXPECT_EQ(0, ERR(poll(pfd, 2, TIMEOUT_MS)));
}

TEST_F(poll_full, both_full_ends_in_one_epoll)
{
	struct epoll_event events[2];
	int ep = epoll_create1(EPOLL_CLOEXEC), i;

	for (i = 0; i < 2; i++) {
		ASSERT_LT(0, fill(self->f, self->fd[i]));
		events[0].events = EPOLLOUT | EPOLLMSG;
		ASSERT_EQ(0, epoll_ctl(ep, EPOLL_CTL_ADD, self->fd[i], events));
	}
	end_by_signal();
	EXPECT_EQ(0, ERR(epoll_wait(ep, events, 2, TIMEOUT_MS)));
}

TEST_F(poll_full, own_shutdown)
{
	ASSERT_LT(0, fill(self->f, self->c));
	ASSERT_EQ(0, shutdown(self->c, SHUT_WR));
	/* As TCP: a write would not wait, so it says that one may write. */
	EXPECT_EQ(by_family(self->f, POLLOUT, 0, POLLOUT), revents(self->c));
}

/* SIGIO, for those who do not wait at all. */

static void ask_for_sigio(int fd)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGIO);
	sigprocmask(SIG_BLOCK, &set, NULL);
	fcntl(fd, F_SETOWN, getpid());
	fcntl(fd, F_SETSIG, SIGIO);
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_ASYNC);
}

/* The events that the next signal reports for @fd, or an error. */
static int next_sigio(int fd, int ms)
{
	struct timespec timeout = { ms / 1000, ms % 1000 * 1000000 };
	siginfo_t info;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGIO);
	if (sigtimedwait(&set, &info, &timeout) != SIGIO)
		return -errno;
	return info.si_fd == fd ? info.si_band & (POLLIN | POLLOUT | POLLHUP) : -EBADF;
}

TEST_F(poll, sigio_for_data)
{
	ask_for_sigio(self->s);
	EXPECT_EQ(-EAGAIN, next_sigio(self->s, 0));
	ASSERT_EQ(1, send(self->c, "x", 1, 0));
	EXPECT_EQ(POLLIN, next_sigio(self->s, PATIENCE_MS));
	EXPECT_EQ(-EAGAIN, next_sigio(self->s, 0));
}

TEST_F(poll, sigio_for_the_end)
{
	ask_for_sigio(self->s);
	ASSERT_EQ(0, shutdown(self->c, SHUT_WR));
	EXPECT_EQ(POLLIN, next_sigio(self->s, PATIENCE_MS) & POLLIN);
	while (next_sigio(self->s, 0) > 0)
		;
	close(self->c);
	/* TCP has nothing left to say: the end was told. */
	if (!is_inet(self->f))
		EXPECT_EQ(POLLHUP, next_sigio(self->s, PATIENCE_MS) & POLLHUP);
}

TEST_F(poll_full, sigio_for_room)
{
	ask_for_sigio(self->c);
	ASSERT_LT(0, fill(self->f, self->c));
	while (next_sigio(self->c, 0) > 0)
		;
	ASSERT_LT(0, drain(self->s));
	EXPECT_EQ(POLLOUT, next_sigio(self->c, PATIENCE_MS));
}

TEST_F(poll_socket, sigio_for_a_connection)
{
	struct address addr;
	int l;

	l = listener(self->f, 5, &addr);
	ask_for_sigio(l);
	ASSERT_LE(0, connector(self->f, &addr));
	EXPECT_EQ(POLLIN, next_sigio(l, PATIENCE_MS));
}

TEST_HARNESS_MAIN
