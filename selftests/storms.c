// SPDX-License-Identifier: GPL-2.0
/*
 * Ten thousand sockets, listeners that come and go, namespaces that go with all that is in
 * them. What threads do to each other's sockets is in stress.c.
 *
 * KITE_STRESS in the environment is how many times more to do.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "fixtures.h"
#include "packet.h"

/* Ten thousand sockets */

#define DATAGRAM_SOCKETS	4000
#define PAIRS			3000
#define PORT			10000

FAMILY_FIXTURE(ten_thousand, KITE);

static bool allow_files(unsigned int n)
{
	struct rlimit limit = { n, n };

	return !setrlimit(RLIMIT_NOFILE, &limit);
}

static void expect_number(struct __test_metadata *_metadata, int from, int to, int number)
{
	int got = -1;

	ASSERT_EQ(4, send(from, &number, 4, 0));
	EXPECT_EQ(4, recv(to, &got, 4, MSG_DONTWAIT));
	EXPECT_EQ(number, got);
}

TEST_F(ten_thousand, sockets_at_once)
{
	static int dgram[DATAGRAM_SOCKETS], c[PAIRS], s[PAIRS];
	int users = module_users(), l, i, fd;
	struct address addr;

	if (!allow_files(2 * PAIRS + DATAGRAM_SOCKETS + 100))
		SKIP(return, "so many files are not allowed");
	l = listener(self->f, 10, &addr);
	ASSERT_LE(0, l);
	kite_address(&addr, port_of(&addr), KITE_NODE_LOCAL);
	for (i = 0; i < DATAGRAM_SOCKETS; i++) {
		dgram[i] = kite_socket_at(SOCK_DGRAM, PORT + i);
		ASSERT_LE(0, dgram[i]);
	}
	for (i = 0; i < PAIRS; i++) {
		c[i] = connector(self->f, &addr);
		ASSERT_LE(0, c[i]);
		s[i] = ERR(accept(l, NULL, NULL));
		ASSERT_LE(0, s[i]);
	}

	/* Each is found among all. */
	for (i = 0; i < PAIRS; i += 37) {
		expect_number(_metadata, c[i], s[i], i);
		expect_number(_metadata, s[i], c[i], -i);
	}
	fd = kite_socket(SOCK_DGRAM);
	for (i = 0; i < DATAGRAM_SOCKETS; i += 41) {
		kite_address(&addr, PORT + i, KITE_NODE_LOCAL);
		ASSERT_EQ(0, connect_to(fd, &addr));
		expect_number(_metadata, fd, dgram[i], i);
		EXPECT_EQ(-EADDRINUSE, kite_socket_at(SOCK_DGRAM, PORT + i));
	}

	/* And all of them go, with their ports. */
	for (i = 0; i < PAIRS; i++) {
		close(i % 2 ? c[i] : s[i]);
		close(i % 2 ? s[i] : c[i]);
	}
	for (i = 0; i < DATAGRAM_SOCKETS; i++)
		close(dgram[i]);
	for (i = 0; i < DATAGRAM_SOCKETS; i += 41) {
		dgram[i] = kite_socket_at(SOCK_DGRAM, PORT + i);
		EXPECT_LE(0, dgram[i]);
		close(dgram[i]);
	}
	close(l);
	EXPECT_EQ(0, close_range(3, ~0U, 0));
	EXPECT_TRUE(BECOMES(true, module_users() <= users));
}

/* Listeners that come and go while others connect */

struct storm {
	int listener;
	bool over;
	unsigned int refused, reset, served, wrong;
};

static void count(unsigned int *counter)
{
	__atomic_add_fetch(counter, 1, __ATOMIC_RELAXED);
}

static void *storm_connect(void *data)
{
	struct storm *storm = data;
	struct address addr;
	int i = 0, fd, err;
	char answer;
	ssize_t n;

	kite_address(&addr, PORT, KITE_NODE_LOCAL);
	while (!__atomic_load_n(&storm->over, __ATOMIC_RELAXED)) {
		fd = kite_socket(i++ % 2 ? SOCK_STREAM : SOCK_SEQPACKET);
		set_timeout(fd, SO_RCVTIMEO, 3 * PATIENCE_MS);
		err = connect_to(fd, &addr);
		if (err) {
			count(err == -refusal(&family_kite) ? &storm->refused :
			      err == -ECONNRESET ? &storm->reset : &storm->wrong);
			close(fd);
			continue;
		}
		send(fd, "?", 1, MSG_NOSIGNAL);
		/* Served, or told that nobody will: nobody waits for ever. */
		n = ERR(recv(fd, &answer, 1, 0));
		count(n == 1 && answer == '!' ? &storm->served :
		      n == 0 || n == -ECONNRESET ? &storm->reset : &storm->wrong);
		close(fd);
	}
	return NULL;
}

static void *storm_accept(void *data)
{
	struct storm *storm = data;
	char question;
	int l, fd;

	while (!__atomic_load_n(&storm->over, __ATOMIC_RELAXED)) {
		l = __atomic_load_n(&storm->listener, __ATOMIC_RELAXED);
		fd = ERR(accept(l, NULL, NULL));
		if (fd < 0)
			continue;
		if (recv(fd, &question, 1, 0) == 1)
			send(fd, "!", 1, MSG_NOSIGNAL);
		close(fd);
	}
	return NULL;
}

/* Whoever is in accept() still has the one before. */
static int storm_listen(int type, int backlog)
{
	long end = now_ms() + PATIENCE_MS;
	int fd;

	do {
		fd = kite_listener_at(type, PORT, backlog);
	} while (fd == -EADDRINUSE && now_ms() < end && !usleep(1000));
	return fd;
}

FAMILY_FIXTURE(storm, KITE);

TEST_F(storm, of_listeners)
{
	struct storm storm = { .listener = -1 };
	pthread_t connecting[3], accepting[2];
	unsigned int seen = 0;
	int i, fd = -1;
	long end;

	for (i = 0; i < 3; i++)
		ASSERT_EQ(0, pthread_create(&connecting[i], NULL, storm_connect, &storm));
	/* Before the first listener everybody is refused, and with it somebody is served. */
	EXPECT_TRUE(BECOMES(true, __atomic_load_n(&storm.refused, __ATOMIC_RELAXED) > 0));
	for (i = 0; i < 2; i++)
		ASSERT_EQ(0, pthread_create(&accepting[i], NULL, storm_accept, &storm));
	for (i = 0; i < stress_times(40); i++) {
		fd = storm_listen(i % 2 ? SOCK_STREAM : SOCK_SEQPACKET, i % 4);
		ASSERT_LE(0, fd);
		__atomic_store_n(&storm.listener, fd, __ATOMIC_RELAXED);
		/* Some go before anybody came, and most in the midst of it. */
		end = now_ms() + (i == 1 ? PATIENCE_MS : 100);
		while (i % 8 && now_ms() < end &&
		       __atomic_load_n(&storm.served, __ATOMIC_RELAXED) == seen)
			usleep(100);
		seen = __atomic_load_n(&storm.served, __ATOMIC_RELAXED);
		shutdown(fd, i % 3 ? SHUT_RD : SHUT_RDWR);
		close(fd);
	}
	__atomic_store_n(&storm.over, true, __ATOMIC_RELAXED);
	for (i = 0; i < 3; i++)
		pthread_join(connecting[i], NULL);
	for (i = 0; i < 2; i++)
		pthread_join(accepting[i], NULL);
	EXPECT_EQ(0, storm.wrong);
	EXPECT_LT(0, storm.served);
	TH_LOG("%u served, %u refused, %u reset", storm.served, storm.refused, storm.reset);
}

/* Namespaces that go with all that is in them */

static void *write_on(void *data)
{
	char buf[3000] = {};

	while (send(*(int *)data, buf, sizeof(buf), MSG_NOSIGNAL) > 0)
		;
	return NULL;
}

/* In a namespace of its own, until somebody ends it. */
static void live_in_namespace(int ready)
{
	static const int types[] = { SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM };
	struct packet pkt = { .version = 1, .type = SOCK_STREAM, .op = KITE_OP_REQUEST,
		.src_port = 7000, .src_node = 1, .dst_port = PORT, .dst_node = 1 };
	static int fd[2];
	pthread_t thread;
	int i, raw;

	if (enter_new_netns())
		_exit(4);
	raw = raw_bound(7000);
	if (kite_listener_at(SOCK_STREAM, PORT, 5) < 0 || packet_send(raw, &pkt, NULL))
		_exit(1);
	for (i = 0; i < 3; i++)
		if (pair_of_type(&family_kite, types[i], fd) ||
		    send(fd[1], "unread", 6, 0) != 6)
			_exit(1);
	if (pair_of_type(&family_kite, SOCK_STREAM, fd) ||
	    pthread_create(&thread, NULL, write_on, &fd[0]))
		_exit(1);
	if (write(ready, "", 1) != 1)
		_exit(1);
	drain(fd[1]);
	for (;;)
		pause();
}

FAMILY_FIXTURE(namespaces, KITE);

TEST_F(namespaces, with_sockets_alive)
{
	int users = module_users(), ready[2], i, status;
	pid_t pid;
	char c;

	for (i = 0; i < stress_times(10); i++) {
		ASSERT_EQ(0, pipe(ready));
		pid = fork();
		ASSERT_LE(0, pid);
		if (!pid)
			live_in_namespace(ready[1]);
		close(ready[1]);
		ASSERT_EQ(1, read(ready[0], &c, 1));
		close(ready[0]);
		kill(pid, SIGKILL);
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		ASSERT_TRUE(WIFSIGNALED(status));
	}
	EXPECT_TRUE(BECOMES(true, module_users() <= users));
}

TEST_HARNESS_MAIN
