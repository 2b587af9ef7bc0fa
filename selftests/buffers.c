// SPDX-License-Identifier: GPL-2.0
/* How much fits, how much is there, and how long to wait for more. */

#include "fixtures.h"

PAIR_FIXTURE(buffers, KITE_UNIX_INET);

TEST_F(buffers, bytes_to_read)
{
	char buf[8];

	EXPECT_EQ(0, bytes_to_read(self->s));
	ASSERT_EQ(3, send(self->c, "abc", 3, 0));
	EXPECT_EQ(3, BECOMES(3, bytes_to_read(self->s)));
	ASSERT_EQ(4, send(self->c, "defg", 4, 0));
	EXPECT_EQ(7, BECOMES(7, bytes_to_read(self->s)));
	EXPECT_EQ(0, bytes_to_read(self->c));

	ASSERT_EQ(7, recv(self->s, buf, sizeof(buf), MSG_PEEK));
	EXPECT_EQ(7, bytes_to_read(self->s));
	ASSERT_EQ(5, recv(self->s, buf, 5, 0));
	EXPECT_EQ(2, bytes_to_read(self->s));

	/* The end is not a byte. */
	ASSERT_EQ(0, shutdown(self->c, SHUT_WR));
	EXPECT_EQ(POLLRDHUP, BECOMES(POLLRDHUP, revents(self->s) & POLLRDHUP));
	EXPECT_EQ(2, bytes_to_read(self->s));
	ASSERT_EQ(2, recv(self->s, buf, sizeof(buf), 0));
	EXPECT_EQ(0, bytes_to_read(self->s));
}

TEST_F(buffers, bytes_to_read_without_a_connection)
{
	struct address addr;

	EXPECT_EQ(0, bytes_to_read(stream_socket(self->f)));
	EXPECT_EQ(-EINVAL, bytes_to_read(listener(self->f, 1, &addr)));
}

TEST_F(buffers, lowat_holds_recv_back)
{
	struct async reading;
	char buf[16];

	ASSERT_EQ(0, set_int_option(self->s, SOL_SOCKET, SO_RCVLOWAT, 5));
	async_recv(&reading, self->s, buf, sizeof(buf), 0);
	ASSERT_TRUE(async_blocks(&reading));
	ASSERT_EQ(4, send(self->c, "abcd", 4, 0));
	EXPECT_TRUE(async_blocks(&reading));
	ASSERT_EQ(2, send(self->c, "ef", 2, 0));
	EXPECT_EQ(6, async_result(&reading));
	EXPECT_EQ(0, memcmp(buf, "abcdef", 6));
}

TEST_F(buffers, lowat_is_no_more_than_asked_for)
{
	char buf[16];

	ASSERT_EQ(0, set_int_option(self->s, SOL_SOCKET, SO_RCVLOWAT, 100));
	ASSERT_EQ(4, send(self->c, "abcd", 4, 0));
	EXPECT_EQ(3, recv(self->s, buf, 3, 0));
	/* nor does it change what a call gets that does not wait */
	EXPECT_EQ(1, recv(self->s, buf, sizeof(buf), MSG_DONTWAIT));
	EXPECT_EQ(-EAGAIN, ERR(recv(self->s, buf, sizeof(buf), MSG_DONTWAIT)));
}

TEST_F(buffers, lowat_ends_with_the_stream)
{
	char buf[16];

	ASSERT_EQ(0, set_int_option(self->s, SOL_SOCKET, SO_RCVLOWAT, 100));
	ASSERT_EQ(4, send(self->c, "abcd", 4, 0));
	close(self->c);
	EXPECT_EQ(4, recv(self->s, buf, sizeof(buf), 0));
	EXPECT_EQ(0, recv(self->s, buf, sizeof(buf), 0));
}

TEST_F(buffers, lowat_and_poll)
{
	/* As with TCP; AF_UNIX reports the first byte. */
	int few = by_family(self->f, POLLOUT, POLLIN | POLLOUT, POLLOUT);

	ASSERT_EQ(0, set_int_option(self->s, SOL_SOCKET, SO_RCVLOWAT, 5));
	ASSERT_EQ(4, send(self->c, "abcd", 4, 0));
	ASSERT_EQ(4, BECOMES(4, bytes_to_read(self->s)));
	EXPECT_EQ(few, revents(self->s));
	ASSERT_EQ(1, send(self->c, "e", 1, 0));
	EXPECT_EQ(POLLIN | POLLOUT, revents_become(self->s, POLLIN | POLLOUT));
}

TEST_F(buffers, lowat_and_poll_at_the_end)
{
	ASSERT_EQ(0, set_int_option(self->s, SOL_SOCKET, SO_RCVLOWAT, 5));
	ASSERT_EQ(4, send(self->c, "abcd", 4, 0));
	ASSERT_EQ(0, shutdown(self->c, SHUT_WR));
	EXPECT_EQ(POLLIN | POLLOUT | POLLRDHUP,
		  revents_become(self->s, POLLIN | POLLOUT | POLLRDHUP));
}

TEST_F(buffers, lowat_values)
{
	EXPECT_EQ(1, get_int_option(self->s, SOL_SOCKET, SO_RCVLOWAT));
	ASSERT_EQ(0, set_int_option(self->s, SOL_SOCKET, SO_RCVLOWAT, 0));
	EXPECT_EQ(1, get_int_option(self->s, SOL_SOCKET, SO_RCVLOWAT));
	ASSERT_EQ(0, set_int_option(self->s, SOL_SOCKET, SO_RCVLOWAT, 1000));
	EXPECT_EQ(1000, get_int_option(self->s, SOL_SOCKET, SO_RCVLOWAT));
}

TEST_F(buffers, receive_timeout)
{
	char buf[8];
	long start = now_ms();

	ASSERT_EQ(0, set_timeout(self->s, SO_RCVTIMEO, TIMEOUT_MS));
	EXPECT_EQ(-EAGAIN, ERR(recv(self->s, buf, sizeof(buf), 0)));
	EXPECT_LE(TIMED_OUT_MS, now_ms() - start);

	/* Data that is there, or comes in time, is not late. */
	ASSERT_EQ(0, set_timeout(self->s, SO_RCVTIMEO, PATIENCE_MS));
	ASSERT_EQ(1, send(self->c, "x", 1, 0));
	EXPECT_EQ(1, recv(self->s, buf, sizeof(buf), 0));
}

TEST_F(buffers, both_timeouts_are_kept)
{
	struct timeval tv;
	socklen_t len = sizeof(tv);

	ASSERT_EQ(0, set_timeout(self->s, SO_RCVTIMEO, 2000));
	ASSERT_EQ(0, set_timeout(self->s, SO_SNDTIMEO, 3000));
	EXPECT_EQ(0, getsockopt(self->s, SOL_SOCKET, SO_RCVTIMEO, &tv, &len));
	EXPECT_EQ(2, tv.tv_sec);
	EXPECT_EQ(0, getsockopt(self->s, SOL_SOCKET, SO_SNDTIMEO, &tv, &len));
	EXPECT_EQ(3, tv.tv_sec);
	tv.tv_usec = 1000000;
	EXPECT_EQ(-EDOM, ERR(setsockopt(self->s, SOL_SOCKET, SO_RCVTIMEO, &tv,
					sizeof(tv))));
}

/* Where TCP goes its own way. */

FAMILY_FIXTURE(local_buffers, KITE_UNIX);

TEST_F(local_buffers, lowat_counts_what_recv_has_already)
{
	struct async reading;
	char buf[16];
	int fd[2];

	/* TCP wakes for as much in its queue, and lets such a reader sleep on. */
	ASSERT_EQ(0, connected_pair(self->f, fd));
	ASSERT_EQ(0, set_int_option(fd[1], SOL_SOCKET, SO_RCVLOWAT, 5));
	ASSERT_EQ(4, send(fd[0], "abcd", 4, 0));
	async_recv(&reading, fd[1], buf, sizeof(buf), 0);
	ASSERT_TRUE(async_blocks(&reading));
	ASSERT_EQ(2, send(fd[0], "ef", 2, 0));
	EXPECT_EQ(6, async_result(&reading));
	EXPECT_EQ(0, memcmp(buf, "abcdef", 6));
}

TEST_F(local_buffers, larger_send_buffer_holds_more)
{
	static const int sizes[] = { 5000, 20000, 80000 };
	ssize_t before = 0, now;
	unsigned int i;
	int fd[2];

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		ASSERT_EQ(0, connected_pair(self->f, fd));
		ASSERT_EQ(0, set_int_option(fd[0], SOL_SOCKET, SO_SNDBUF, sizes[i]));
		now = fill(self->f, fd[0]);
		EXPECT_LT(before, now);
		before = now;
	}
}

/*
 * What exactly is in flight: AF_UNIX counts memory, TCP what was not
 * acknowledged. Kite counts bytes that the peer has not read, as pipes do.
 */

SMALL_PAIR_FIXTURE(flight, KITE);

TEST_F(flight, bytes_unread_by_peer)
{
	char buf[16];

	EXPECT_EQ(0, bytes_unread_by_peer(self->c));
	ASSERT_EQ(3, send(self->c, "abc", 3, 0));
	EXPECT_EQ(3, bytes_unread_by_peer(self->c));
	ASSERT_EQ(7, send(self->c, "defghij", 7, 0));
	EXPECT_EQ(10, bytes_unread_by_peer(self->c));
	EXPECT_EQ(0, bytes_unread_by_peer(self->s));

	/* A packet need not tell of every byte that was read. */
	ASSERT_EQ(4, recv(self->s, buf, 4, 0));
	EXPECT_LE(6, bytes_unread_by_peer(self->c));
	if (peer_is_known(self->f))
		EXPECT_EQ(6, bytes_unread_by_peer(self->c));
	ASSERT_EQ(6, recv(self->s, buf, sizeof(buf), 0));
	EXPECT_EQ(0, BECOMES(0, bytes_unread_by_peer(self->c)));
}

TEST_F(flight, bytes_unread_without_a_connection)
{
	struct address addr;

	EXPECT_EQ(0, bytes_unread_by_peer(stream_socket(self->f)));
	/* as TCP */
	EXPECT_EQ(-EINVAL, bytes_unread_by_peer(listener(self->f, 1, &addr)));
}

TEST_F(flight, is_bounded_by_the_buffers)
{
	static const struct {
		int sndbuf, rcvbuf;
	} sizes[] = {
		{ 5000, 5000 }, { 5000, 50000 }, { 50000, 5000 },
		{ 50000, 60000 }, { 1, 50000 }, { 50000, 1 }, { 500000, 500000 },
	};
	int c, l, s, sndbuf, rcvbuf, most;
	struct address addr;
	unsigned int i;
	ssize_t sent;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		l = listener_with(self->f, 1, sizes[i].rcvbuf, &addr);
		c = stream_socket(self->f);
		ASSERT_EQ(0, set_int_option(c, SOL_SOCKET, SO_SNDBUF,
					    sizes[i].sndbuf));
		ASSERT_EQ(0, connect_to(c, &addr));
		s = accept(l, NULL, NULL);
		ASSERT_LE(0, s);

		/* The kernel doubles what was asked for, or has a minimum. */
		sndbuf = get_int_option(c, SOL_SOCKET, SO_SNDBUF);
		rcvbuf = get_int_option(s, SOL_SOCKET, SO_RCVBUF);
		most = sndbuf < rcvbuf ? sndbuf : rcvbuf;

		sent = fill(self->f, c);
		EXPECT_GE(most, sent);
		EXPECT_LE(most / 2, sent);
		EXPECT_EQ(sent, bytes_unread_by_peer(c));
		EXPECT_EQ(sent, bytes_to_read(s));
	}
}

TEST_F(flight, is_bounded_for_small_writes)
{
	int most = get_int_option(self->c, SOL_SOCKET, SO_SNDBUF);
	int sent = 0;

	while (sent <= most && send(self->c, "0123456789abcdef", 16,
				    MSG_DONTWAIT) > 0)
		sent += 16;
	EXPECT_GE(most, sent);
	EXPECT_LE(most / 2, sent);
}

TEST_F(flight, each_direction_has_its_own)
{
	ssize_t there = fill(self->f, self->c);

	ASSERT_LT(0, there);
	EXPECT_EQ(there, fill(self->f, self->s));
	EXPECT_EQ(there, drain(self->s));
	EXPECT_EQ(there, drain(self->c));
}

TEST_F(flight, smaller_receive_buffer_takes_nothing_back)
{
	ssize_t first = fill(self->f, self->c), later;

	ASSERT_LT(0, first);
	ASSERT_EQ(0, set_int_option(self->s, SOL_SOCKET, SO_RCVBUF, 4000));
	EXPECT_EQ(first, bytes_to_read(self->s));
	EXPECT_EQ(first, drain(self->s));

	/* It counts from the next grant on. Without memory it comes after a while. */
	EXPECT_EQ(POLLOUT, revents_become(self->c, POLLOUT));
	later = fill(self->f, self->c);
	EXPECT_GT(first, later);
	EXPECT_GE(get_int_option(self->s, SOL_SOCKET, SO_RCVBUF), later);
	EXPECT_LT(0, later);
}

TEST_F(flight, smaller_receive_buffer_is_honoured_before_data_comes)
{
	ssize_t granted = fill(self->f, self->c), sent;

	ASSERT_EQ(granted, drain(self->s));
	ASSERT_EQ(0, set_int_option(self->s, SOL_SOCKET, SO_RCVBUF, 4000));
	/* Granted is granted: no more than before, whatever it is. */
	sent = fill(self->f, self->c);
	EXPECT_GE(granted, sent);
	EXPECT_EQ(sent, drain(self->s));
	EXPECT_GE(get_int_option(self->s, SOL_SOCKET, SO_RCVBUF),
		  fill(self->f, self->c));
}

TEST_F(flight, larger_receive_buffer)
{
	ssize_t first = fill(self->f, self->c);

	ASSERT_LT(0, first);
	ASSERT_EQ(0, set_int_option(self->c, SOL_SOCKET, SO_SNDBUF, 100000));
	ASSERT_EQ(0, set_int_option(self->s, SOL_SOCKET, SO_RCVBUF, 100000));
	EXPECT_EQ(first, drain(self->s));
	EXPECT_LT(first, fill(self->f, self->c));
}

TEST_F(flight, larger_send_buffer_makes_room)
{
	struct address addr;
	struct async sending;
	int c, l, s;

	/* Room that a larger buffer brings, somebody may be waiting for. */
	l = listener_with(self->f, 1, 100000, &addr);
	c = stream_socket(self->f);
	ASSERT_EQ(0, set_int_option(c, SOL_SOCKET, SO_SNDBUF, 5000));
	ASSERT_EQ(0, connect_to(c, &addr));
	s = accept(l, NULL, NULL);
	ASSERT_LT(0, fill(self->f, c));
	async_send(&sending, c, "x", 1, 0);
	ASSERT_TRUE(async_blocks(&sending));
	ASSERT_EQ(0, set_int_option(c, SOL_SOCKET, SO_SNDBUF, 50000));
	EXPECT_EQ(1, async_result(&sending));
	EXPECT_LT(0, drain(s));
}

TEST_F(flight, lowat_above_the_window)
{
	struct async reading;
	static char buf[1 << 20];
	ssize_t sent;

	/* A full window counts as enough, or nobody would ever move. */
	ASSERT_EQ(0, set_int_option(self->s, SOL_SOCKET, SO_RCVLOWAT, 1 << 30));
	EXPECT_EQ(POLLOUT, revents(self->s));
	sent = fill(self->f, self->c);
	ASSERT_LT(0, sent);
	EXPECT_EQ(POLLIN | POLLOUT, revents(self->s));
	async_recv(&reading, self->s, buf, sizeof(buf), 0);
	EXPECT_EQ(sent, async_result(&reading));
}

/* Who has read a little has not made room of which the peer hears by a packet. */
TEST_F(flight, lowat_above_what_is_left)
{
	static char buf[1 << 20];
	ssize_t sent = fill(self->f, self->c);

	ASSERT_LT(9, sent);
	ASSERT_EQ(0, set_int_option(self->s, SOL_SOCKET, SO_RCVLOWAT, sent - sent / 9));
	EXPECT_EQ(POLLIN, revents(self->s) & POLLIN);
	EXPECT_EQ(sent / 5, recv(self->s, buf, sent / 5, MSG_DONTWAIT));
	/* Somebody has to move. */
	EXPECT_TRUE(revents(self->s) & POLLIN || revents(self->c) & POLLOUT);
}

TEST_F(flight, lowat_above_what_was_granted)
{
	int window = get_int_option(self->s, SOL_SOCKET, SO_RCVBUF);

	/* The core doubles what it is told. */
	ASSERT_EQ(0, set_int_option(self->s, SOL_SOCKET, SO_RCVBUF, window));
	ASSERT_EQ(0, set_int_option(self->s, SOL_SOCKET, SO_RCVLOWAT, window + window / 2));
	EXPECT_EQ(0, revents(self->s) & POLLIN);
	ASSERT_LT(0, fill(self->f, self->c));
	EXPECT_TRUE(revents(self->s) & POLLIN || revents(self->c) & POLLOUT);
}

TEST_F(flight, unread_data_of_a_peer_that_left)
{
	ASSERT_EQ(3, send(self->c, "abc", 3, 0));
	close(self->s);
	/* It will not be read any more; asking does no harm. */
	EXPECT_LE(0, bytes_unread_by_peer(self->c));
}

TEST_HARNESS_MAIN
