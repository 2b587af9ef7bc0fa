// SPDX-License-Identifier: GPL-2.0
/* shutdown() and close(): how a connection ends, well or badly. */

#define _GNU_SOURCE
#include <signal.h>
#include <sys/wait.h>

#include "fixtures.h"

PAIR_FIXTURE(shutdown, KITE_UNIX_INET);

/* Sending after the peer has ended that. With packets it has to hear of it first. */
static long send_after_end(const struct family *f, int fd)
{
	if (is_kite(f) && !peer_is_known(f))
		return BECOMES(-EPIPE, ERR(send(fd, "x", 1, MSG_NOSIGNAL)));
	return ERR(send(fd, "x", 1, MSG_NOSIGNAL));
}

TEST_F(shutdown, bad_direction)
{
	EXPECT_EQ(-EINVAL, ERR(shutdown(self->c, 3)));
	EXPECT_EQ(-EINVAL, ERR(shutdown(self->c, -1)));
	EXPECT_EQ(1, send(self->c, "x", 1, 0));
}

TEST_F(shutdown, not_connected)
{
	struct address addr;
	int how;

	for (how = SHUT_RD; how <= SHUT_RDWR; how++) {
		/* as TCP */
		EXPECT_EQ(by_family(self->f, -ENOTCONN, 0, -ENOTCONN),
			  ERR(shutdown(stream_socket(self->f), how)));
		EXPECT_EQ(by_family(self->f, -ENOTCONN, 0, -ENOTCONN),
			  ERR(shutdown(bound_socket(self->f, &addr), how)));
	}
}

TEST_F(shutdown, writing)
{
	char buf[8];

	ASSERT_EQ(3, send(self->c, "abc", 3, 0));
	ASSERT_EQ(0, shutdown(self->c, SHUT_WR));
	EXPECT_EQ(-EPIPE, ERR(send(self->c, "x", 1, MSG_NOSIGNAL)));

	/* What was sent before arrives, and then the end, as often as one asks. */
	EXPECT_EQ(3, recv(self->s, buf, sizeof(buf), 0));
	EXPECT_EQ(0, recv(self->s, buf, sizeof(buf), 0));
	EXPECT_EQ(0, recv(self->s, buf, sizeof(buf), 0));

	/* The other direction stays as it was. */
	EXPECT_EQ(4, send(self->s, "defg", 4, 0));
	EXPECT_EQ(4, recv(self->c, buf, sizeof(buf), 0));
	EXPECT_EQ(-EAGAIN, ERR(recv(self->c, buf, sizeof(buf), MSG_DONTWAIT)));
}

TEST_F(shutdown, reading)
{
	char buf[8];

	ASSERT_EQ(3, send(self->c, "abc", 3, 0));
	ASSERT_EQ(3, BECOMES(3, bytes_to_read(self->s)));
	ASSERT_EQ(0, shutdown(self->s, SHUT_RD));

	/* What is there already can still be read. */
	EXPECT_EQ(2, recv(self->s, buf, 2, 0));
	EXPECT_EQ(1, recv(self->s, buf, sizeof(buf), 0));
	EXPECT_EQ(0, recv(self->s, buf, sizeof(buf), 0));

	/* As with AF_UNIX, the peer cannot send any more; TCP's never learns. */
	EXPECT_EQ(by_family(self->f, -EPIPE, -EPIPE, 1), send_after_end(self->f, self->c));

	/* The other direction stays as it was. */
	EXPECT_EQ(4, send(self->s, "defg", 4, 0));
	EXPECT_EQ(4, recv(self->c, buf, sizeof(buf), 0));
}

TEST_F(shutdown, both)
{
	char buf[8];

	ASSERT_EQ(2, send(self->s, "ab", 2, 0));
	ASSERT_EQ(2, BECOMES(2, bytes_to_read(self->c)));
	ASSERT_EQ(3, send(self->c, "abc", 3, 0));
	ASSERT_EQ(0, shutdown(self->c, SHUT_RDWR));
	EXPECT_EQ(-EPIPE, ERR(send(self->c, "x", 1, MSG_NOSIGNAL)));
	EXPECT_EQ(2, recv(self->c, buf, sizeof(buf), 0));
	EXPECT_EQ(0, recv(self->c, buf, sizeof(buf), 0));

	EXPECT_EQ(3, recv(self->s, buf, sizeof(buf), 0));
	EXPECT_EQ(0, recv(self->s, buf, sizeof(buf), 0));
	EXPECT_EQ(by_family(self->f, -EPIPE, -EPIPE, 1),
		  ERR(send(self->s, "x", 1, MSG_NOSIGNAL)));
}

TEST_F(shutdown, one_half_after_the_other)
{
	char buf[8];

	EXPECT_EQ(0, shutdown(self->c, SHUT_WR));
	EXPECT_EQ(0, shutdown(self->c, SHUT_WR));
	EXPECT_EQ(0, shutdown(self->c, SHUT_RD));
	EXPECT_EQ(0, shutdown(self->c, SHUT_RDWR));
	EXPECT_EQ(0, recv(self->c, buf, sizeof(buf), 0));
	EXPECT_EQ(0, recv(self->s, buf, sizeof(buf), 0));
	EXPECT_EQ(POLLIN | POLLOUT | POLLHUP | POLLRDHUP, revents(self->c));
}

/* Who reads to the end after that makes room for a peer that has closed. */
TEST_F(shutdown, both_sides_stop_and_one_closes)
{
	char buf[8];

	ASSERT_EQ(5, send(self->c, "there", 5, 0));
	ASSERT_EQ(5, BECOMES(5, bytes_to_read(self->s)));
	ASSERT_EQ(0, shutdown(self->c, SHUT_WR));
	ASSERT_EQ(0, shutdown(self->s, SHUT_WR));
	close(self->c);
	EXPECT_EQ(5, recv(self->s, buf, sizeof(buf), 0));
	EXPECT_EQ(0, recv(self->s, buf, sizeof(buf), 0));
	EXPECT_EQ(0, get_int_option(self->s, SOL_SOCKET, SO_ERROR));
	EXPECT_EQ(POLLHUP, revents(self->s) & (POLLHUP | POLLERR));
}

TEST_F(shutdown, one_stops_all_and_the_other_closes)
{
	char buf[8];

	ASSERT_EQ(5, send(self->c, "there", 5, 0));
	ASSERT_EQ(5, BECOMES(5, bytes_to_read(self->s)));
	ASSERT_EQ(0, shutdown(self->s, SHUT_RDWR));
	close(self->c);
	EXPECT_EQ(5, recv(self->s, buf, sizeof(buf), 0));
	EXPECT_EQ(0, recv(self->s, buf, sizeof(buf), 0));
	EXPECT_EQ(0, get_int_option(self->s, SOL_SOCKET, SO_ERROR));
}

TEST_F(shutdown, both_sides_stop_writing)
{
	char buf[8];

	ASSERT_EQ(1, send(self->c, "a", 1, 0));
	ASSERT_EQ(1, send(self->s, "b", 1, 0));
	ASSERT_EQ(0, shutdown(self->c, SHUT_WR));
	ASSERT_EQ(0, shutdown(self->s, SHUT_WR));
	EXPECT_EQ(1, recv(self->c, buf, sizeof(buf), 0));
	EXPECT_EQ(0, recv(self->c, buf, sizeof(buf), 0));
	EXPECT_EQ(1, recv(self->s, buf, sizeof(buf), 0));
	EXPECT_EQ(0, recv(self->s, buf, sizeof(buf), 0));
}

TEST_F(shutdown, wakes_the_reader)
{
	struct async reading;
	char buf[8];

	async_recv(&reading, self->s, buf, sizeof(buf), 0);
	ASSERT_TRUE(async_blocks(&reading));
	ASSERT_EQ(0, shutdown(self->s, SHUT_RD));
	EXPECT_EQ(0, async_result(&reading));
}

TEST_F(shutdown, wakes_the_peers_reader)
{
	struct async reading;
	char buf[8];

	async_recv(&reading, self->s, buf, sizeof(buf), 0);
	ASSERT_TRUE(async_blocks(&reading));
	ASSERT_EQ(0, shutdown(self->c, SHUT_WR));
	EXPECT_EQ(0, async_result(&reading));
}

/* A client that asks, says that it has asked all, and waits for the answer. */
TEST_F(shutdown, question_and_answer)
{
	static char question[100000], buf[100000];
	struct async sending;
	ssize_t n, got = 0;

	pattern_fill(question, sizeof(question), 0);
	async_send(&sending, self->c, question, sizeof(question), 0);
	while (got < (ssize_t)sizeof(question)) {
		n = recv(self->s, buf, sizeof(buf), 0);
		ASSERT_LT(0, n);
		EXPECT_EQ(-1, pattern_differs(buf, n, got));
		got += n;
	}
	ASSERT_EQ((ssize_t)sizeof(question), async_result(&sending));
	ASSERT_EQ(0, shutdown(self->c, SHUT_WR));
	EXPECT_EQ(0, recv(self->s, buf, sizeof(buf), 0));
	EXPECT_EQ(2, send(self->s, "ok", 2, 0));
	close(self->s);
	EXPECT_EQ(2, recv(self->c, buf, sizeof(buf), 0));
	EXPECT_EQ(0, recv(self->c, buf, sizeof(buf), 0));
}

PAIR_FIXTURE(close, KITE_UNIX_INET);

TEST_F(close, is_the_end)
{
	struct address name;
	char buf[8];

	ASSERT_EQ(3, send(self->c, "abc", 3, 0));
	close(self->c);
	/* What was sent before arrives. */
	EXPECT_EQ(3, recv(self->s, buf, sizeof(buf), 0));
	EXPECT_EQ(0, recv(self->s, buf, sizeof(buf), 0));
	EXPECT_EQ(0, recv(self->s, buf, sizeof(buf), 0));
	EXPECT_EQ(0, get_int_option(self->s, SOL_SOCKET, SO_ERROR));
	EXPECT_EQ(0, peer_of(self->s, &name));
}

TEST_F(close, with_much_unread)
{
	static char buf[65536];
	ssize_t sent, got = 0, n;

	/* The bytes stay, though the one who sent them is gone. */
	sent = fill(self->f, self->c);
	ASSERT_LT(0, sent);
	close(self->c);
	while ((n = recv(self->s, buf, sizeof(buf), 0)) > 0)
		got += n;
	EXPECT_EQ(0, n);
	EXPECT_EQ(sent, got);
}

TEST_F(close, ends_the_peers_sending)
{
	close(self->s);
	catch_signal(SIGPIPE, 0);
	if (is_inet(self->f)) {
		/* The first one finds out, and what it finds is told later. */
		EXPECT_EQ(1, send(self->c, "x", 1, 0));
		EXPECT_EQ(POLLERR, BECOMES(POLLERR, revents(self->c) & POLLERR));
	}
	EXPECT_EQ(-EPIPE, send_after_end(self->f, self->c));
	EXPECT_EQ(0, caught_signals());
	EXPECT_EQ(-EPIPE, ERR(send(self->c, "x", 1, 0)));
	EXPECT_EQ(1, caught_signals());
}

TEST_F(close, wakes_the_peers_reader)
{
	struct async reading;
	char buf[8];

	async_recv(&reading, self->s, buf, sizeof(buf), 0);
	ASSERT_TRUE(async_blocks(&reading));
	close(self->c);
	EXPECT_EQ(0, async_result(&reading));
}

TEST_F(close, with_data_unread_resets)
{
	char buf[8];

	ASSERT_EQ(3, send(self->s, "abc", 3, 0));
	ASSERT_EQ(2, send(self->c, "de", 2, 0));
	ASSERT_EQ(2, BECOMES(2, bytes_to_read(self->s)));
	close(self->s);

	/* First what came before, then the error, once, then the end. */
	EXPECT_EQ(3, recv(self->c, buf, sizeof(buf), 0));
	EXPECT_EQ(-ECONNRESET, ERR(recv(self->c, buf, sizeof(buf), 0)));
	EXPECT_EQ(0, recv(self->c, buf, sizeof(buf), 0));
	EXPECT_EQ(0, recv(self->c, buf, sizeof(buf), 0));
	EXPECT_EQ(-EPIPE, ERR(send(self->c, "x", 1, MSG_NOSIGNAL)));
}

TEST_F(close, with_part_of_the_data_unread_resets)
{
	char buf[8];

	ASSERT_EQ(3, send(self->c, "abc", 3, 0));
	ASSERT_EQ(3, BECOMES(3, bytes_to_read(self->s)));
	ASSERT_EQ(2, recv(self->s, buf, 2, 0));
	close(self->s);
	EXPECT_EQ(-ECONNRESET, ERR(recv(self->c, buf, sizeof(buf), 0)));
	EXPECT_EQ(0, recv(self->c, buf, sizeof(buf), 0));
}

TEST_F(close, with_data_peeked_at_resets)
{
	char buf[8];

	ASSERT_EQ(3, send(self->c, "abc", 3, 0));
	ASSERT_EQ(3, recv(self->s, buf, 3, MSG_PEEK));
	close(self->s);
	EXPECT_EQ(-ECONNRESET, ERR(recv(self->c, buf, sizeof(buf), 0)));
}

TEST_F(close, with_all_read_does_not_reset)
{
	char buf[8];

	ASSERT_EQ(3, send(self->c, "abc", 3, 0));
	ASSERT_EQ(3, recv(self->s, buf, 3, MSG_WAITALL));
	close(self->s);
	EXPECT_EQ(0, recv(self->c, buf, sizeof(buf), 0));
}

TEST_F(close, with_data_unread_after_shutdown_resets)
{
	char buf[8];

	ASSERT_EQ(3, send(self->c, "abc", 3, 0));
	ASSERT_EQ(3, BECOMES(3, bytes_to_read(self->s)));
	ASSERT_EQ(0, shutdown(self->s, SHUT_RDWR));
	close(self->s);
	/* as AF_UNIX; TCP's peer has seen the end, and no reset changes that */
	EXPECT_EQ(by_family(self->f, -ECONNRESET, -ECONNRESET, 0),
		  ERR(recv(self->c, buf, sizeof(buf), 0)));
}

TEST_F(close, reset_wakes_the_reader)
{
	struct async reading;
	char buf[8];

	async_recv(&reading, self->c, buf, sizeof(buf), 0);
	ASSERT_TRUE(async_blocks(&reading));
	ASSERT_EQ(3, send(self->c, "abc", 3, 0));
	ASSERT_EQ(3, BECOMES(3, bytes_to_read(self->s)));
	close(self->s);
	EXPECT_EQ(-ECONNRESET, async_result(&reading));
}

TEST_F(close, send_after_reset)
{
	char buf[8];

	ASSERT_EQ(3, send(self->c, "abc", 3, 0));
	ASSERT_EQ(3, BECOMES(3, bytes_to_read(self->s)));
	close(self->s);
	EXPECT_EQ(POLLERR, BECOMES(POLLERR, revents(self->c) & POLLERR));

	/* As with AF_UNIX, the error is recv()'s; TCP tells who asks first. */
	EXPECT_EQ(by_family(self->f, -EPIPE, -EPIPE, -ECONNRESET),
		  ERR(send(self->c, "x", 1, MSG_NOSIGNAL)));
	EXPECT_EQ(-EPIPE, ERR(send(self->c, "x", 1, MSG_NOSIGNAL)));
	EXPECT_EQ(by_family(self->f, -ECONNRESET, -ECONNRESET, 0),
		  ERR(recv(self->c, buf, sizeof(buf), 0)));
	EXPECT_EQ(0, recv(self->c, buf, sizeof(buf), 0));
}

TEST_F(close, reset_in_so_error)
{
	char buf[8];

	ASSERT_EQ(3, send(self->c, "abc", 3, 0));
	ASSERT_EQ(3, BECOMES(3, bytes_to_read(self->s)));
	close(self->s);
	EXPECT_EQ(ECONNRESET,
		  BECOMES(ECONNRESET, get_int_option(self->c, SOL_SOCKET, SO_ERROR)));
	EXPECT_EQ(0, get_int_option(self->c, SOL_SOCKET, SO_ERROR));
	EXPECT_EQ(0, recv(self->c, buf, sizeof(buf), 0));
}

TEST_F(close, exit_closes)
{
	char buf[8];
	pid_t pid;

	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		close(self->s);
		if (send(self->c, "abc", 3, 0) == 3)
			pause();
		_exit(1);
	}
	close(self->c);
	EXPECT_EQ(3, recv(self->s, buf, sizeof(buf), 0));
	EXPECT_EQ(-EAGAIN, ERR(recv(self->s, buf, sizeof(buf), MSG_DONTWAIT)));
	ASSERT_EQ(0, kill(pid, SIGKILL));
	EXPECT_EQ(0, recv(self->s, buf, sizeof(buf), 0));
	EXPECT_EQ(pid, waitpid(pid, NULL, 0));
}

/* SO_LINGER: TCP has it, AF_UNIX does not. */

PAIR_FIXTURE(linger, KITE_INET);

TEST_F(linger, no_time_resets)
{
	char buf[8];

	ASSERT_EQ(3, send(self->c, "abc", 3, 0));
	ASSERT_EQ(3, BECOMES(3, bytes_to_read(self->s)));
	ASSERT_EQ(0, set_linger(self->c, 0));
	close(self->c);

	/* What had arrived is still read. */
	EXPECT_EQ(POLLERR, BECOMES(POLLERR, revents(self->s) & POLLERR));
	EXPECT_EQ(3, recv(self->s, buf, sizeof(buf), 0));
	EXPECT_EQ(-ECONNRESET, ERR(recv(self->s, buf, sizeof(buf), 0)));
	EXPECT_EQ(0, recv(self->s, buf, sizeof(buf), 0));
}

TEST_F(linger, nothing_to_wait_for)
{
	struct async closing;
	char buf[8];

	ASSERT_EQ(3, send(self->c, "abc", 3, 0));
	ASSERT_EQ(3, recv(self->s, buf, 3, MSG_WAITALL));
	ASSERT_EQ(0, set_linger(self->c, 3600));
	/* TCP's waits for the end of the connection, so let that be near. */
	if (is_inet(self->f))
		close(self->s);
	async_close(&closing, self->c);
	EXPECT_EQ(0, async_result(&closing));
	if (!is_inet(self->f))
		EXPECT_EQ(0, recv(self->s, buf, sizeof(buf), 0));
}

TEST_F(linger, off_does_not_wait)
{
	struct linger off = { .l_onoff = 0, .l_linger = 3600 };
	struct async closing;
	char buf[8];

	ASSERT_EQ(3, send(self->c, "abc", 3, 0));
	ASSERT_EQ(0, setsockopt(self->c, SOL_SOCKET, SO_LINGER, &off, sizeof(off)));
	async_close(&closing, self->c);
	EXPECT_EQ(0, async_result(&closing));
	EXPECT_EQ(3, recv(self->s, buf, sizeof(buf), 0));
	EXPECT_EQ(0, recv(self->s, buf, sizeof(buf), 0));
}

/* TCP waits for acknowledgements; Kite, as AF_VSOCK, for the peer to read. */

PAIR_FIXTURE(kite_linger, KITE);

TEST_F(kite_linger, waits_until_the_peer_has_read)
{
	struct async closing;
	char buf[8];

	ASSERT_EQ(3, send(self->c, "abc", 3, 0));
	ASSERT_EQ(0, set_linger(self->c, 3600));
	async_close(&closing, self->c);
	ASSERT_TRUE(async_blocks(&closing));
	EXPECT_EQ(2, recv(self->s, buf, 2, 0));
	EXPECT_TRUE(async_blocks(&closing));
	EXPECT_EQ(1, recv(self->s, buf, sizeof(buf), 0));
	EXPECT_EQ(0, async_result(&closing));
	EXPECT_EQ(0, recv(self->s, buf, sizeof(buf), 0));
}

TEST_F(kite_linger, ends_when_the_peer_closes)
{
	struct async closing;

	ASSERT_EQ(3, send(self->c, "abc", 3, 0));
	ASSERT_EQ(0, set_linger(self->c, 3600));
	async_close(&closing, self->c);
	ASSERT_TRUE(async_blocks(&closing));
	close(self->s);
	EXPECT_EQ(0, async_result(&closing));
}

/* One end of a pair of AF_UNIX, on its way to the other, which is on its own way. */
static int forget_in_a_cycle(int fd)
{
	int pair[2], way[2], sent;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair))
		return -1;
	way[0] = fd;
	way[1] = pair[0];
	sent = send_cmsg(pair[0], "x", 1, SOL_SOCKET, SCM_RIGHTS, way, sizeof(way)) +
	       send_cmsg(pair[1], "x", 1, SOL_SOCKET, SCM_RIGHTS, pair + 1, sizeof(*pair));
	close(pair[0]);
	close(pair[1]);
	close(fd);
	/* The next one that goes looks for what nobody can reach. */
	close(socket(AF_UNIX, SOCK_STREAM, 0));
	return sent;
}

/*
 * A thread of the kernel closes what AF_UNIX finds, and whatever else is left to it,
 * one after the other.
 */
TEST_F(kite_linger, not_in_a_thread_of_the_kernel)
{
	char buf[8];

	ASSERT_EQ(3, send(self->c, "abc", 3, 0));
	ASSERT_EQ(0, set_linger(self->c, 3600));
	ASSERT_EQ(2, forget_in_a_cycle(self->c));
	EXPECT_EQ(POLLRDHUP, BECOMES(POLLRDHUP, revents(self->s) & POLLRDHUP));
	EXPECT_EQ(3, recv(self->s, buf, sizeof(buf), 0));
	EXPECT_EQ(0, recv(self->s, buf, sizeof(buf), 0));
}

TEST_F(kite_linger, time_is_over)
{
	char buf[8];
	long start;

	ASSERT_EQ(3, send(self->c, "abc", 3, 0));
	ASSERT_EQ(0, set_linger(self->c, 1));
	start = now_ms();
	close(self->c);
	EXPECT_LE(500, now_ms() - start);
	/* Nothing was taken back. */
	EXPECT_EQ(3, recv(self->s, buf, sizeof(buf), 0));
	EXPECT_EQ(0, recv(self->s, buf, sizeof(buf), 0));
}

TEST_HARNESS_MAIN
