// SPDX-License-Identifier: GPL-2.0
/* Many threads and many sockets: nothing is lost and nobody hangs. */

#define _GNU_SOURCE
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>

#include "fixtures.h"

#define WORKERS	4

struct worker {
	pthread_t thread;
	int fd;
	int id;
	int rounds;
	const struct family *f;
	const struct address *addr;
	long count;
	unsigned long sum;
	int err;
};

static bool start(struct worker *w, void *(*run)(void *))
{
	return !pthread_create(&w->thread, NULL, run, w);
}

/* Joins the worker, but not for ever. */
static bool finished(struct worker *w)
{
	struct timespec end;

	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec += 6 * PATIENCE_MS / 1000;
	return !pthread_timedjoin_np(w->thread, NULL, &end);
}

PAIR_FIXTURE(threads, KITE_UNIX_INET);

/* Sends bytes that carry the sender's id and a sequence number. */
static void *send_numbered(void *data)
{
	struct worker *w = data;
	unsigned char buf[777];
	unsigned int seq = 0;
	int i, len;

	for (i = 0; i < w->rounds; i++) {
		for (len = 0; len < i % 777 + 1; len++)
			buf[len] = w->id << 6 | (seq++ & 63);
		if (send_all(w->fd, buf, len) != len) {
			w->err = errno;
			break;
		}
		w->count += len;
	}
	return NULL;
}

TEST_F(threads, senders_share_a_socket)
{
	unsigned int next[WORKERS] = {}, wrong = 0;
	struct worker w[WORKERS] = {};
	long total = 0, sent = 0, n, j;
	unsigned char buf[4096];
	int i, id;

	for (i = 0; i < WORKERS; i++) {
		w[i].fd = self->c;
		w[i].id = i;
		w[i].rounds = 300;
		ASSERT_TRUE(start(&w[i], send_numbered));
		for (j = 0; j < w[i].rounds; j++)
			total += j % 777 + 1;
	}
	while (sent < total) {
		n = recv(self->s, buf, sizeof(buf), 0);
		ASSERT_LT(0, n);
		sent += n;
		/* However the threads mix, each one's bytes are in order. */
		for (j = 0; j < n; j++) {
			id = buf[j] >> 6;
			wrong += (buf[j] & 63) != (next[id]++ & 63);
		}
	}
	EXPECT_EQ(0, wrong);
	for (i = 0; i < WORKERS; i++) {
		EXPECT_TRUE(finished(&w[i]));
		EXPECT_EQ(0, w[i].err);
		EXPECT_EQ(w[i].count, next[i]);
	}
}

static void *recv_and_sum(void *data)
{
	struct worker *w = data;
	unsigned char buf[1000];
	ssize_t n, i;

	while ((n = recv(w->fd, buf, w->id * 300 + 50, 0)) > 0) {
		w->count += n;
		for (i = 0; i < n; i++)
			w->sum += buf[i];
	}
	if (n < 0)
		w->err = errno;
	return NULL;
}

TEST_F(threads, receivers_share_a_socket)
{
	static unsigned char out[500000];
	struct worker w[3] = {};
	unsigned long sum = 0, seen = 0;
	long count = 0;
	size_t i;

	for (i = 0; i < 3; i++) {
		w[i].fd = self->s;
		w[i].id = i;
		ASSERT_TRUE(start(&w[i], recv_and_sum));
	}
	pattern_fill(out, sizeof(out), 0);
	for (i = 0; i < sizeof(out); i++)
		sum += out[i];
	EXPECT_EQ((ssize_t)sizeof(out), send_all(self->c, out, sizeof(out)));
	/* The end wakes them all. */
	ASSERT_EQ(0, shutdown(self->c, SHUT_WR));
	for (i = 0; i < 3; i++) {
		ASSERT_TRUE(finished(&w[i]));
		EXPECT_EQ(0, w[i].err);
		count += w[i].count;
		seen += w[i].sum;
	}
	EXPECT_EQ((long)sizeof(out), count);
	EXPECT_EQ(sum, seen);
}

TEST_F(threads, reader_does_not_hold_up_writer)
{
	struct async reading;
	char buf[4];

	/* A thread that waits in recv() does not own the socket. */
	async_recv(&reading, self->c, buf, sizeof(buf), 0);
	ASSERT_TRUE(async_blocks(&reading));
	EXPECT_EQ(1, send(self->c, "x", 1, 0));
	EXPECT_EQ(1, recv(self->s, buf, 1, 0));
	EXPECT_EQ(0, bytes_to_read(self->c));
	EXPECT_EQ(0, get_int_option(self->c, SOL_SOCKET, SO_ERROR));
	EXPECT_EQ(POLLOUT, revents(self->c));
	EXPECT_FALSE(async_done(&reading));
	ASSERT_EQ(1, send(self->s, "y", 1, 0));
	EXPECT_EQ(1, async_result(&reading));
}

TEST_F(threads, two_readers_wait)
{
	struct async first, second;
	char a[4], b[4];

	async_recv(&first, self->s, a, sizeof(a), 0);
	async_recv(&second, self->s, b, sizeof(b), 0);
	ASSERT_TRUE(async_blocks(&first));
	ASSERT_TRUE(async_blocks(&second));

	/* A nonblocking call does not wait for those who wait. */
	EXPECT_EQ(-EAGAIN, ERR(recv(self->s, a, sizeof(a), MSG_DONTWAIT)));
	ASSERT_EQ(1, send(self->c, "x", 1, 0));
	EXPECT_EQ(1, BECOMES(1, async_done(&first) + async_done(&second)));
	ASSERT_EQ(1, send(self->c, "x", 1, 0));
	EXPECT_EQ(1, async_result(&first));
	EXPECT_EQ(1, async_result(&second));
}

TEST_F(threads, shutdown_frees_a_blocked_reader)
{
	struct async reading;
	char buf[4];

	async_recv(&reading, self->s, buf, sizeof(buf), 0);
	ASSERT_TRUE(async_blocks(&reading));
	ASSERT_EQ(0, shutdown(self->s, SHUT_RDWR));
	EXPECT_EQ(0, async_result(&reading));
	close(self->s);
	EXPECT_EQ(0, recv(self->c, buf, sizeof(buf), 0));
}

TEST_F(threads, close_under_a_blocked_reader)
{
	struct async reading;
	char buf[4];

	/* The call keeps the socket until it returns. */
	async_recv(&reading, self->s, buf, sizeof(buf), 0);
	ASSERT_TRUE(async_blocks(&reading));
	close(self->s);
	EXPECT_EQ(1, send(self->c, "x", 1, MSG_NOSIGNAL));
	EXPECT_EQ(1, async_result(&reading));
	EXPECT_EQ(0, recv(self->c, buf, sizeof(buf), 0));
}

/* Races, again and again, for a kernel that watches itself. */

#define RACES	100

static void *send_until_error(void *data)
{
	struct worker *w = data;
	char buf[3000] = {};

	while (send(w->fd, buf, sizeof(buf), MSG_NOSIGNAL) > 0)
		w->count++;
	w->err = errno;
	return NULL;
}

static void *recv_until_end(void *data)
{
	struct worker *w = data;
	char buf[5000];

	while (recv(w->fd, buf, sizeof(buf), 0) > 0)
		w->count++;
	w->err = errno;
	return NULL;
}

FAMILY_FIXTURE(races, KITE_UNIX_INET);

TEST_F(races, send_and_close)
{
	struct worker w = {};
	int i, fd[2];
	char buf[100];

	for (i = 0; i < RACES; i++) {
		ASSERT_EQ(0, connected_pair(self->f, fd));
		w.fd = fd[0];
		ASSERT_TRUE(start(&w, send_until_error));
		if (i % 2)
			recv(fd[1], buf, sizeof(buf), 0);
		close(fd[1]);
		ASSERT_TRUE(finished(&w));
		if (w.err != EPIPE)
			EXPECT_EQ(ECONNRESET, w.err);
		close(fd[0]);
	}
}

TEST_F(races, send_and_shutdown)
{
	struct worker w[2] = {};
	int i, fd[2];

	for (i = 0; i < RACES; i++) {
		ASSERT_EQ(0, connected_pair(self->f, fd));
		w[0].fd = fd[0];
		w[1].fd = fd[1];
		ASSERT_TRUE(start(&w[0], send_until_error));
		ASSERT_TRUE(start(&w[1], recv_until_end));
		ASSERT_EQ(0, shutdown(fd[0], i % 2 ? SHUT_WR : SHUT_RDWR));
		ASSERT_TRUE(finished(&w[0]));
		ASSERT_TRUE(finished(&w[1]));
		EXPECT_EQ(EPIPE, w[0].err);
		close(fd[0]);
		close(fd[1]);
	}
}

static void *close_it(void *data)
{
	struct worker *w = data;

	close(w->fd);
	return NULL;
}

TEST_F(races, both_close)
{
	struct worker w = {};
	int i, fd[2];

	for (i = 0; i < RACES; i++) {
		ASSERT_EQ(0, connected_pair(self->f, fd));
		if (i % 2)
			ASSERT_EQ(1, send(fd[0], "x", 1, 0));
		w.fd = fd[0];
		ASSERT_TRUE(start(&w, close_it));
		close(fd[1]);
		ASSERT_TRUE(finished(&w));
	}
}

static void *connect_it(void *data)
{
	struct worker *w = data;

	w->err = -connect_to(w->fd, w->addr);
	return NULL;
}

TEST_F(races, connect_and_close_of_the_listener)
{
	struct address addr;
	struct worker w = { .addr = &addr };
	int i, l;

	for (i = 0; i < RACES; i++) {
		l = listener(self->f, 0, &addr);
		ASSERT_LE(0, l);
		/* sometimes one who has to wait */
		if (i % 2 && !is_inet(self->f))
			ASSERT_LE(0, connector(self->f, &addr));
		w.fd = stream_socket(self->f);
		ASSERT_TRUE(start(&w, connect_it));
		close(l);
		ASSERT_TRUE(finished(&w));
		if (w.err && w.err != ECONNRESET)
			EXPECT_EQ(refusal(self->f), w.err);
		close(w.fd);
	}
}

/* The first message of a socket, or the error. */
static void *send_one(void *data)
{
	struct worker *w = data;

	while (!__atomic_load_n(&w->rounds, __ATOMIC_ACQUIRE))
		sched_yield();
	w->count = ERR(sendto(w->fd, "x", 1, 0, &w->addr->sa, w->addr->len));
	return NULL;
}

FAMILY_FIXTURE(dgram_races, KITE_INET);

/* Two threads make a socket's first sends: it gets one port, and both send from there. */
TEST_F(dgram_races, first_sends)
{
	struct address to, from[2], name;
	int i, j, fd, receiver;
	char buf[4];

	receiver = socket_at(self->f, SOCK_DGRAM, &to);
	ASSERT_LE(0, receiver);
	if (is_kite(self->f))
		kite_address(&to, port_of(&to), KITE_NODE_LOCAL);
	ASSERT_EQ(0, set_timeout(receiver, SO_RCVTIMEO, PATIENCE_MS));
	for (i = 0; i < RACES; i++) {
		struct worker w = { .addr = &to };

		fd = ERR(socket(self->f->domain(), SOCK_DGRAM | SOCK_CLOEXEC, 0));
		ASSERT_LE(0, fd);
		w.fd = fd;
		ASSERT_TRUE(start(&w, send_one));
		__atomic_store_n(&w.rounds, 1, __ATOMIC_RELEASE);
		ASSERT_EQ(1, ERR(sendto(fd, "y", 1, 0, &to.sa, to.len)));
		ASSERT_TRUE(finished(&w));
		ASSERT_EQ(1, w.count);
		for (j = 0; j < 2; j++) {
			from[j].len = sizeof(from[j].storage);
			ASSERT_EQ(1, ERR(recvfrom(receiver, buf, sizeof(buf), 0,
						  &from[j].sa, &from[j].len)));
		}
		ASSERT_EQ(0, name_of(fd, &name));
		for (j = 0; j < 2; j++) {
			/* UDP says that there is a port just before it is there. */
			if (is_kite(self->f) || port_of(&from[j]))
				EXPECT_EQ(port_of(&name), port_of(&from[j]));
		}
		close(fd);
	}
}

/* Two threads that wait for room in one socket, each for its own message. */

#define MESSAGE	16384 /* as fill() sends them: what has no room for one more has none for this */
#define SMALL	100

static char message[1 << 20];

TYPED_PAIR_FIXTURE(writers);
TYPE_VARIANT(writers, kite, STREAM);
TYPE_VARIANT(writers, kite, SEQPACKET);
TYPE_VARIANT(writers, unix, STREAM);
TYPE_VARIANT(writers, unix, SEQPACKET);

static void send_from(struct async *a, int fd, size_t len)
{
	async_send(a, fd, message, len, 0);
}

/* So many bytes, or the records that they are in. */
static ssize_t recv_bytes(int fd, int type, ssize_t len)
{
	ssize_t done = 0, n;

	while (done < len) {
		n = type == SOCK_STREAM && len - done < MESSAGE ? len - done : MESSAGE;
		n = ERR(recv(fd, message, n, 0));
		if (n <= 0)
			return n;
		done += n;
	}
	return done;
}

/* As drain(), which has no room for such records. */
static ssize_t recv_what_is_there(int fd)
{
	ssize_t done = 0, n;

	while ((n = ERR(recv(fd, message, sizeof(message), MSG_DONTWAIT))) > 0)
		done += n;
	return n == -EAGAIN ? done : n;
}

TEST_F(writers, two_wait)
{
	struct async first, second;
	ssize_t full;
	int i;

	for (i = 0; i < 10; i++) {
		full = fill(self->f, self->c);
		ASSERT_LT(2 * MESSAGE, full);
		send_from(&first, self->c, MESSAGE);
		ASSERT_TRUE(async_blocks(&first));
		send_from(&second, self->c, MESSAGE);
		ASSERT_TRUE(async_blocks(&second));
		/* There is room for both, and the reader does nothing more for them. */
		ASSERT_EQ(full, recv_bytes(self->s, self->type, full));
		EXPECT_EQ(MESSAGE, async_result(&first));
		EXPECT_EQ(MESSAGE, async_result(&second));
		ASSERT_EQ(2 * MESSAGE, drain(self->s));
	}
}

/* The reader comes while they go to sleep. */
TEST_F(writers, two_and_a_reader_race)
{
	struct async first, second;
	ssize_t full;
	int i;

	for (i = 0; i < RACES; i++) {
		full = fill(self->f, self->c);
		ASSERT_LT(2 * MESSAGE, full);
		send_from(&first, self->c, MESSAGE);
		send_from(&second, self->c, MESSAGE);
		if (i % 2)
			ASSERT_TRUE(async_blocks(&second));
		ASSERT_EQ(full, recv_bytes(self->s, self->type, full));
		EXPECT_EQ(MESSAGE, async_result(&first));
		EXPECT_EQ(MESSAGE, async_result(&second));
		ASSERT_EQ(2 * MESSAGE, drain(self->s));
	}
}

/* There is room for one of them before there is for the other. */
TEST_F(writers, a_small_and_a_large_one)
{
	ssize_t full, n, large, got;
	struct async a[2];
	int i;

	for (i = 0; i < 10; i++) {
		full = fill(self->f, self->c);
		ASSERT_LT(2 * MESSAGE, full);
		/* AF_UNIX counts the memory that it takes. */
		large = is_kite(self->f) ? full / 16 * 15 : full / 2;
		while ((n = ERR(send(self->c, message, SMALL, MSG_DONTWAIT))) > 0)
			full += n;
		ASSERT_EQ(-EAGAIN, n);
		/* Each is the first one sometimes. */
		send_from(&a[0], self->c, i % 2 ? SMALL : large);
		ASSERT_TRUE(async_blocks(&a[0]));
		send_from(&a[1], self->c, i % 2 ? large : SMALL);
		ASSERT_TRUE(async_blocks(&a[1]));

		got = recv_bytes(self->s, self->type, full / 4 * 3);
		ASSERT_LT(0, got);
		/* Here a record waits for room for all of it, and leaves the rest to others. */
		if (is_kite(self->f) && self->type == SOCK_SEQPACKET) {
			EXPECT_EQ(1, BECOMES(1, async_done(&a[!(i % 2)])));
			EXPECT_FALSE(async_done(&a[i % 2]));
		}
		n = recv_what_is_there(self->s);
		ASSERT_LT(0, n);
		got += n;
		EXPECT_EQ(SMALL, async_result(&a[!(i % 2)]));
		EXPECT_EQ(large, async_result(&a[i % 2]));
		got += recv_what_is_there(self->s);
		EXPECT_EQ(full + SMALL + large, got);
	}
}

/* Two threads that wait for data, of which one gives up when it comes. */

TYPED_PAIR_FIXTURE(readers);
TYPE_VARIANT(readers, kite, STREAM);
TYPE_VARIANT(readers, kite, SEQPACKET);
TYPE_VARIANT(readers, kite, DGRAM);
TYPE_VARIANT(readers, unix, STREAM);
TYPE_VARIANT(readers, unix, SEQPACKET);
TYPE_VARIANT(readers, unix, DGRAM);

TEST_F(readers, one_is_interrupted)
{
	struct async a[2];
	char buf[2][4];
	long ret;
	int i, j;

	catch_signal(SIGUSR1, 0);
	for (i = 0; i < RACES; i++) {
		for (j = 0; j < 2; j++) {
			async_recv(&a[j], self->s, buf[j], sizeof(buf[j]), 0);
			ASSERT_TRUE(async_blocks(&a[j]));
		}
		/* Either of them, and before it comes or afterwards. */
		if (i / 2 % 2)
			ASSERT_EQ(1, send(self->c, "x", 1, 0));
		async_signal(&a[i % 2], SIGUSR1);
		if (!(i / 2 % 2))
			ASSERT_EQ(1, send(self->c, "x", 1, 0));
		ret = async_result(&a[i % 2]);
		if (ret != -EINTR) {
			ASSERT_EQ(1, ret);
			EXPECT_FALSE(async_done(&a[!(i % 2)]));
			ASSERT_EQ(1, send(self->c, "y", 1, 0));
		}
		ASSERT_EQ(1, async_result(&a[!(i % 2)]));
	}
	EXPECT_LT(0, caught_signals());
}

TEST_F(readers, one_gives_up)
{
	enum { PATIENT_MS = 50 };
	struct async first, second;
	char buf[2][4];
	long ret, when;
	int i;

	for (i = 0; i < 20; i++) {
		ASSERT_EQ(0, set_timeout(self->s, SO_RCVTIMEO, PATIENT_MS));
		when = now_ms() + PATIENT_MS - 10 + i;
		async_recv(&first, self->s, buf[0], sizeof(buf[0]), 0);
		/* On a slow machine it may be over before it was seen. */
		async_blocks(&first);
		ASSERT_EQ(0, set_timeout(self->s, SO_RCVTIMEO, 0));
		async_recv(&second, self->s, buf[1], sizeof(buf[1]), 0);
		ASSERT_TRUE(async_blocks(&second));
		while (now_ms() < when)
			usleep(500);
		ASSERT_EQ(1, send(self->c, "x", 1, 0));
		ret = async_result(&first);
		if (ret != -EAGAIN) {
			ASSERT_EQ(1, ret);
			EXPECT_FALSE(async_done(&second));
			ASSERT_EQ(1, send(self->c, "y", 1, 0));
		}
		ASSERT_EQ(1, async_result(&second));
	}
}

TEST_F(races, one_of_two_who_accept_is_interrupted)
{
	struct address addr;
	int i, j, l, fd;
	struct async a[2];
	long ret;

	catch_signal(SIGUSR1, 0);
	l = listener(self->f, 4, &addr);
	ASSERT_LE(0, l);
	for (i = 0; i < RACES; i++) {
		for (j = 0; j < 2; j++) {
			async_accept(&a[j], l);
			ASSERT_TRUE(async_blocks(&a[j]));
		}
		if (i / 2 % 2)
			fd = connector(self->f, &addr);
		async_signal(&a[i % 2], SIGUSR1);
		if (!(i / 2 % 2))
			fd = connector(self->f, &addr);
		ASSERT_LE(0, fd);
		ret = async_result(&a[i % 2]);
		if (ret != -EINTR) {
			ASSERT_LE(0, ret);
			close(ret);
			close(fd);
			fd = connector(self->f, &addr);
			ASSERT_LE(0, fd);
		}
		ret = async_result(&a[!(i % 2)]);
		ASSERT_LE(0, ret);
		close(ret);
		close(fd);
	}
}

/* Many sockets. */

static bool allow_many_files(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return false;
	limit.rlim_cur = limit.rlim_max;
	return !setrlimit(RLIMIT_NOFILE, &limit) && limit.rlim_cur >= 2048;
}

FAMILY_FIXTURE(many, KITE_UNIX_INET);

TEST_F(many, connections_at_once)
{
	enum { MANY = 250 };
	static int c[MANY], s[MANY];
	struct address addr;
	int i, l, number;

	ASSERT_TRUE(allow_many_files());
	l = listener(self->f, 16, &addr);
	for (i = 0; i < MANY; i++) {
		c[i] = connector(self->f, &addr);
		ASSERT_LE(0, c[i]);
		s[i] = accept(l, NULL, NULL);
		ASSERT_LE(0, s[i]);
	}
	for (i = 0; i < MANY; i++) {
		number = i * 7;
		ASSERT_EQ(4, send(c[i], &number, 4, 0));
		number = i * 11;
		ASSERT_EQ(4, send(s[i], &number, 4, 0));
	}
	/* Each got its own. */
	for (i = MANY - 1; i >= 0; i--) {
		ASSERT_EQ(4, recv(s[i], &number, 4, 0));
		EXPECT_EQ(i * 7, number);
		ASSERT_EQ(4, recv(c[i], &number, 4, 0));
		EXPECT_EQ(i * 11, number);
	}
	/* And each one's end is its own. */
	for (i = 0; i < MANY; i += 2)
		close(c[i]);
	for (i = 0; i < MANY; i++)
		EXPECT_EQ(i % 2 ? -EAGAIN : 0,
			  ERR(recv(s[i], &number, 4, i % 2 ? MSG_DONTWAIT : 0)));
}

static void *connect_and_talk(void *data)
{
	struct worker *w = data;
	char c;
	int i, fd;

	for (i = 0; i < w->rounds; i++) {
		fd = connector(w->f, w->addr);
		if (fd < 0) {
			w->err = -fd;
			break;
		}
		/* It waits its turn until a server has taken it. */
		if (send(fd, "?", 1, MSG_NOSIGNAL) != 1 ||
		    recv(fd, &c, 1, 0) != 1) {
			w->err = errno ?: EIO;
			break;
		}
		w->count++;
		close(fd);
	}
	return NULL;
}

static void *accept_and_talk(void *data)
{
	struct worker *w = data;
	char c;
	int fd;

	while ((fd = accept(w->fd, NULL, NULL)) >= 0) {
		if (recv(fd, &c, 1, 0) == 1 && send(fd, "!", 1, MSG_NOSIGNAL) == 1)
			w->count++;
		close(fd);
	}
	return NULL;
}

TEST_F(many, clients_and_servers)
{
	enum { ROUNDS = 50 };
	struct worker client[WORKERS] = {}, server[2] = {};
	struct address addr;
	int i, l;

	/* A TCP connector that finds no room would wait a second. */
	l = listener(self->f, by_family(self->f, 1, 1, 128), &addr);
	ASSERT_LE(0, l);
	for (i = 0; i < 2; i++) {
		server[i].fd = l;
		ASSERT_TRUE(start(&server[i], accept_and_talk));
	}
	for (i = 0; i < WORKERS; i++) {
		client[i].f = self->f;
		client[i].addr = &addr;
		client[i].rounds = ROUNDS;
		ASSERT_TRUE(start(&client[i], connect_and_talk));
	}
	for (i = 0; i < WORKERS; i++) {
		ASSERT_TRUE(finished(&client[i]));
		EXPECT_EQ(0, client[i].err);
		EXPECT_EQ(ROUNDS, client[i].count);
	}
	ASSERT_EQ(0, shutdown(l, SHUT_RDWR));
	EXPECT_TRUE(finished(&server[0]));
	EXPECT_TRUE(finished(&server[1]));
	EXPECT_EQ(WORKERS * ROUNDS, server[0].count + server[1].count);
}

TEST_F(many, bound_at_once)
{
	enum { MANY = 500 };
	static struct address addr[MANY];
	static int fd[MANY];
	int i;

	ASSERT_TRUE(allow_many_files());
	for (i = 0; i < MANY; i++) {
		fd[i] = bound_socket(self->f, &addr[i]);
		ASSERT_LE(0, fd[i]);
	}
	for (i = 0; i < MANY; i += 17)
		EXPECT_EQ(-EADDRINUSE, bind_to(stream_socket(self->f), &addr[i]));
	for (i = 0; i < MANY; i++)
		close(fd[i]);
	for (i = 0; i < MANY; i += 17)
		EXPECT_EQ(0, bind_to(stream_socket(self->f), &addr[i]));
}

TEST_HARNESS_MAIN
