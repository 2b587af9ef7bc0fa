// SPDX-License-Identifier: GPL-2.0
/* Whether every byte arrives, once and in order, whatever happens meanwhile. */

#define _GNU_SOURCE
#include <signal.h>
#include <sys/mman.h>
#include <sys/uio.h>

#include "fixtures.h"

/* What a thread sends or receives. */
struct flow {
	int fd;
	size_t total;
	unsigned int seed;
	size_t largest;		/* chunk */
	ssize_t done;
	ssize_t wrong;		/* where the first wrong byte was, or -1 */
};

/* Chunks of all sizes, small ones more often. */
static size_t next_chunk(struct flow *flow)
{
	size_t len = 1UL << (rand_r(&flow->seed) % 18);

	len += rand_r(&flow->seed) % len;
	return len < flow->largest ? len : flow->largest;
}

static void *send_flow(void *data)
{
	struct flow *flow = data;
	char *buf = malloc(flow->largest);
	size_t len;
	ssize_t ret = 0;

	while ((size_t)flow->done < flow->total) {
		len = next_chunk(flow);
		if (len > flow->total - flow->done)
			len = flow->total - flow->done;
		pattern_fill(buf, len, flow->done);
		ret = send_all(flow->fd, buf, len);
		if (ret < 0)
			break;
		flow->done += ret;
	}
	if (ret < 0)
		flow->done = ret;
	free(buf);
	return NULL;
}

static void *recv_flow(void *data)
{
	struct flow *flow = data;
	char *buf = malloc(flow->largest);
	ssize_t ret;

	flow->wrong = -1;
	while ((size_t)flow->done < flow->total) {
		ret = recv(flow->fd, buf, next_chunk(flow), 0);
		if (ret <= 0)
			break;
		if (flow->wrong < 0)
			flow->wrong = pattern_differs(buf, ret, flow->done);
		flow->done += ret;
	}
	free(buf);
	return NULL;
}

static bool both_directions(const int fd[2], size_t total, size_t largest,
			    struct flow *flow)
{
	pthread_t thread[4];
	int i, err = 0;

	for (i = 0; i < 4; i++) {
		flow[i] = (struct flow){
			.fd = fd[i / 2],
			.total = total,
			.seed = i + 1,
			.largest = largest,
		};
		err |= pthread_create(&thread[i], NULL,
				      i % 2 ? recv_flow : send_flow, &flow[i]);
	}
	for (i = 0; i < 4; i++)
		pthread_join(thread[i], NULL);
	return !err;
}

PAIR_FIXTURE(transfer, KITE_UNIX_INET);

TEST_F(transfer, both_directions_at_once)
{
	struct flow flow[4];
	int i;

	ASSERT_TRUE(both_directions(self->fd, 4 << 20, 1 << 17, flow));
	for (i = 0; i < 4; i++) {
		EXPECT_EQ(4 << 20, flow[i].done);
		if (i % 2)
			EXPECT_EQ(-1, flow[i].wrong);
	}
}

TEST_F(transfer, many_small_writes)
{
	struct flow in = { .fd = self->s, .total = 5000, .largest = 100 };
	pthread_t reader;
	char c;
	int i;

	ASSERT_EQ(0, pthread_create(&reader, NULL, recv_flow, &in));
	for (i = 0; i < 5000; i++) {
		pattern_fill(&c, 1, i);
		ASSERT_EQ(1, send(self->c, &c, 1, 0));
	}
	ASSERT_EQ(0, pthread_join(reader, NULL));
	EXPECT_EQ(5000, in.done);
	EXPECT_EQ(-1, in.wrong);
}

TEST_F(transfer, many_small_reads)
{
	char out[5000], c;
	int i;

	pattern_fill(out, sizeof(out), 0);
	ASSERT_EQ((ssize_t)sizeof(out), send(self->c, out, sizeof(out), 0));
	for (i = 0; i < 5000; i++) {
		ASSERT_EQ(1, recv(self->s, &c, 1, 0));
		ASSERT_EQ(out[i], c);
	}
	EXPECT_EQ(-EAGAIN, ERR(recv(self->s, &c, 1, MSG_DONTWAIT)));
}

TEST_F(transfer, ping_pong)
{
	struct async *reading = calloc(500, sizeof(*reading));
	char a = 1, b = 0;
	int i;

	/* Each wake-up that gets lost is a hang. */
	for (i = 0; i < 500; i++) {
		async_recv(&reading[i], self->s, &b, 1, 0);
		ASSERT_EQ(1, send(self->c, &a, 1, 0));
		ASSERT_EQ(1, async_result(&reading[i]));
		ASSERT_EQ(a, b);
		a++;
	}
}

/*
 * The smallest buffers: writer and reader wait for each other all the time. TCP
 * would wait for its timers.
 */

static int tiny_pair(const struct family *f, int fd[2])
{
	return connected_pair_with(f, 1, fd);
}

PAIR_FIXTURE_BY(tiny, KITE_UNIX, tiny_pair);

TEST_F(tiny, both_directions_at_once)
{
	struct flow flow[4];
	int i;

	ASSERT_TRUE(both_directions(self->fd, 200000, 5000, flow));
	for (i = 0; i < 4; i++) {
		EXPECT_EQ(200000, flow[i].done);
		if (i % 2)
			EXPECT_EQ(-1, flow[i].wrong);
	}
}

TEST_F(tiny, nonblocking_with_poll)
{
	struct pollfd pfd[] = {
		{ .fd = self->c, .events = POLLOUT },
		{ .fd = self->s, .events = POLLIN },
	};
	size_t sent = 0, received = 0;
	char out[3000], in[700];
	ssize_t ret;

	/* One thread does both: what poll() says has to be true. */
	while (received < 200000) {
		ASSERT_LT(0, poll(pfd, 2, PATIENCE_MS));
		if (pfd[0].revents & POLLOUT) {
			pattern_fill(out, sizeof(out), sent);
			ret = ERR(send(self->c, out, sizeof(out), MSG_DONTWAIT));
			ASSERT_LT(0, ret);
			sent += ret;
		}
		if (pfd[1].revents & POLLIN) {
			ret = ERR(recv(self->s, in, sizeof(in), MSG_DONTWAIT));
			ASSERT_LT(0, ret);
			ASSERT_EQ(-1, pattern_differs(in, ret, received));
			received += ret;
		}
	}
}

/* A sender without room. */

SMALL_PAIR_FIXTURE(full, KITE_UNIX_INET);

/* Read what is left after @done bytes of the pattern until @total are there. */
static bool rest_is_right(int fd, size_t done, size_t total)
{
	size_t left = total - done;
	char *buf = malloc(left + 1);
	bool right;

	right = recv_all(fd, buf, left) == (ssize_t)left &&
		pattern_differs(buf, left, done) < 0 &&
		ERR(recv(fd, buf, 1, MSG_DONTWAIT)) == -EAGAIN;
	free(buf);
	return right;
}

TEST_F(full, nonblocking_sends_a_part)
{
	static char out[8 << 20];
	ssize_t sent;

	pattern_fill(out, sizeof(out), 0);
	sent = send(self->c, out, sizeof(out), MSG_DONTWAIT);
	EXPECT_LT(0, sent);
	EXPECT_GT((ssize_t)sizeof(out), sent);
	EXPECT_TRUE(rest_is_right(self->s, 0, sent));
}

TEST_F(full, nonblocking_is_refused)
{
	ssize_t sent = fill(self->f, self->c);

	ASSERT_LT(0, sent);
	EXPECT_EQ(-EAGAIN, ERR(send(self->c, "x", 1, MSG_DONTWAIT)));
	ASSERT_EQ(0, set_nonblocking(self->c, true));
	EXPECT_EQ(-EAGAIN, ERR(write(self->c, "x", 1)));
	EXPECT_TRUE(rest_is_right(self->s, 0, sent));
}

TEST_F(full, send_waits_for_the_reader)
{
	struct async sending;
	ssize_t sent;
	char c;

	sent = fill(self->f, self->c);
	ASSERT_LT(0, sent);
	pattern_fill(&c, 1, sent);
	async_send(&sending, self->c, &c, 1, 0);
	ASSERT_TRUE(async_blocks(&sending));
	EXPECT_TRUE(rest_is_right(self->s, 0, sent + 1));
	EXPECT_EQ(1, async_result(&sending));
}

TEST_F(full, one_large_send)
{
	static char out[8 << 20];
	struct async sending;

	pattern_fill(out, sizeof(out), 0);
	async_send(&sending, self->c, out, sizeof(out), 0);
	ASSERT_TRUE(async_blocks(&sending));
	EXPECT_TRUE(rest_is_right(self->s, 0, sizeof(out)));
	EXPECT_EQ((ssize_t)sizeof(out), async_result(&sending));
}

TEST_F(full, signal_before_anything_was_sent)
{
	struct async sending;

	ASSERT_LT(0, fill(self->f, self->c));
	catch_signal(SIGUSR1, 0);
	async_send(&sending, self->c, "x", 1, 0);
	ASSERT_TRUE(async_blocks(&sending));
	async_signal(&sending, SIGUSR1);
	EXPECT_EQ(-EINTR, async_result(&sending));
}

TEST_F(full, signal_before_anything_was_sent_and_restart)
{
	struct async sending;

	ASSERT_LT(0, fill(self->f, self->c));
	catch_signal(SIGUSR1, SA_RESTART);
	async_send(&sending, self->c, "x", 1, 0);
	ASSERT_TRUE(async_blocks(&sending));
	async_signal(&sending, SIGUSR1);
	EXPECT_EQ(1, BECOMES(1, caught_signals()));
	EXPECT_TRUE(async_blocks(&sending));
	EXPECT_LT(0, drain(self->s));
	EXPECT_EQ(1, async_result(&sending));
}

TEST_F(full, signal_after_a_part_was_sent)
{
	static char out[8 << 20];
	struct async sending;
	ssize_t sent;

	pattern_fill(out, sizeof(out), 0);
	catch_signal(SIGUSR1, SA_RESTART);
	async_send(&sending, self->c, out, sizeof(out), 0);
	ASSERT_TRUE(async_blocks(&sending));
	async_signal(&sending, SIGUSR1);
	sent = async_result(&sending);
	EXPECT_LT(0, sent);
	EXPECT_GT((ssize_t)sizeof(out), sent);
	EXPECT_TRUE(rest_is_right(self->s, 0, sent));
}

TEST_F(full, timeout)
{
	static char out[8 << 20];
	ssize_t sent;
	long start;

	ASSERT_EQ(0, set_timeout(self->c, SO_SNDTIMEO, TIMEOUT_MS));
	pattern_fill(out, sizeof(out), 0);
	start = now_ms();
	sent = ERR(send(self->c, out, sizeof(out), 0));
	EXPECT_LE(TIMED_OUT_MS, now_ms() - start);
	EXPECT_LT(0, sent);
	EXPECT_GT((ssize_t)sizeof(out), sent);

	sent += fill(self->f, self->c);
	start = now_ms();
	EXPECT_EQ(-EAGAIN, ERR(send(self->c, out, 1, 0)));
	EXPECT_LE(TIMED_OUT_MS, now_ms() - start);
	/* The end of it may still be on TCP's way. */
	EXPECT_EQ(sent, recv_all(self->s, out, sent));
	EXPECT_EQ(-EAGAIN, ERR(recv(self->s, out, 1, MSG_DONTWAIT)));
}

TEST_F(full, shutdown_ends_the_wait)
{
	struct async sending;

	ASSERT_LT(0, fill(self->f, self->c));
	async_send(&sending, self->c, "x", 1, 0);
	ASSERT_TRUE(async_blocks(&sending));
	ASSERT_EQ(0, shutdown(self->c, SHUT_WR));
	EXPECT_EQ(-EPIPE, async_result(&sending));
}

TEST_F(full, peers_close_ends_the_wait)
{
	struct async sending;
	char c;

	ASSERT_LT(0, fill(self->f, self->c));
	async_send(&sending, self->c, "x", 1, 0);
	ASSERT_TRUE(async_blocks(&sending));
	close(self->s);
	/*
	 * The oracles tell of the reset whom they find waiting, and say EPIPE
	 * to the next. With Kite it is recv() that learns of it, always.
	 */
	EXPECT_EQ(by_family(self->f, -EPIPE, -ECONNRESET, -ECONNRESET),
		  async_result(&sending));
	EXPECT_EQ(-EPIPE, ERR(send(self->c, "x", 1, MSG_NOSIGNAL)));
	EXPECT_EQ(by_family(self->f, -ECONNRESET, 0, 0),
		  ERR(recv(self->c, &c, 1, 0)));
	EXPECT_EQ(0, recv(self->c, &c, 1, 0));
}

/* A program's buffer that is not there. */

PAIR_FIXTURE(fault, KITE_UNIX_INET);

/* Memory that ends: the last byte of it is the one before the result. */
static char *end_of_memory(void)
{
	long page = sysconf(_SC_PAGESIZE);
	char *p;

	p = mmap(NULL, 17 * page, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED || munmap(p + 16 * page, page))
		return NULL;
	return p + 16 * page;
}

TEST_F(fault, recv_loses_nothing)
{
	static const size_t fits[] = { 0, 1, 999, 1000, 1001, 2500, 9999 };
	char *end = end_of_memory(), out[10000];
	ssize_t done;
	size_t i, n;

	ASSERT_NE(NULL, end);
	pattern_fill(out, sizeof(out), 0);
	for (i = 0; i < ARRAY_SIZE(fits); i++) {
		for (n = 0; n < sizeof(out); n += 1000)
			ASSERT_EQ(1000, send(self->c, out + n, 1000, 0));
		ASSERT_EQ(10000, BECOMES(10000, bytes_to_read(self->s)));

		/* What it says it has read, it has read; the rest is there. */
		done = ERR(recv(self->s, end - fits[i], sizeof(out), 0));
		if (done == -EFAULT)
			done = 0;
		ASSERT_LE(0, done);
		ASSERT_GE(fits[i], (size_t)done);
		EXPECT_EQ(-1, pattern_differs(end - fits[i], done, 0));
		EXPECT_EQ((ssize_t)sizeof(out) - done, bytes_to_read(self->s));
		EXPECT_TRUE(rest_is_right(self->s, done, sizeof(out)));
	}
}

TEST_F(fault, recv_into_nothing)
{
	ASSERT_EQ(3, send(self->c, "abc", 3, 0));
	EXPECT_EQ(-EFAULT, ERR(recv(self->s, bad_pointer(), 3, 0)));
	EXPECT_EQ(-EFAULT, ERR(recv(self->s, bad_pointer(), 3, MSG_PEEK)));
	EXPECT_EQ(3, bytes_to_read(self->s));
}

TEST_F(fault, send_sends_what_it_says)
{
	static const size_t there[] = { 0, 1, 5000, 40000, 65535 };
	char *end = end_of_memory();
	ssize_t sent;
	size_t i;

	ASSERT_NE(NULL, end);
	for (i = 0; i < ARRAY_SIZE(there); i++) {
		pattern_fill(end - there[i], there[i], 0);
		sent = ERR(send(self->c, end - there[i], 66000, 0));
		if (sent == -EFAULT)
			sent = 0;
		ASSERT_LE(0, sent);
		ASSERT_GE(there[i], (size_t)sent);
		EXPECT_TRUE(rest_is_right(self->s, 0, sent));
	}
}

/* How much fits into a connection. TCP's window changes as it likes. */

SMALL_PAIR_FIXTURE(room, KITE_UNIX);

TEST_F(room, comes_back_with_reading)
{
	char buf[16384];
	ssize_t first;
	int i;

	/* Whatever way the reader takes it, all room comes back. */
	first = fill(self->f, self->c);
	ASSERT_LT(0, first);
	for (i = 0; i < 10; i++) {
		EXPECT_EQ(first, recv_all(self->s, buf, 1) +
				 recv_all(self->s, buf, 100 * i) +
				 drain(self->s));
		EXPECT_EQ(first, fill(self->f, self->c));
	}
}

TEST_F(room, is_not_lost_to_faults)
{
	char *end = end_of_memory();
	ssize_t before;
	int i;

	before = fill(self->f, self->c);
	ASSERT_EQ(before, drain(self->s));
	for (i = 0; i < 200; i++) {
		EXPECT_EQ(-EFAULT, ERR(send(self->c, bad_pointer(), 4096, 0)));
		send(self->c, end - 1, 4096, 0);
		ASSERT_LE(0, drain(self->s));
	}
	EXPECT_EQ(before, fill(self->f, self->c));
}

TEST_HARNESS_MAIN
