// SPDX-License-Identifier: GPL-2.0
/*
 * Many threads, many sockets, and no memory: nothing is lost, and nothing is left.
 *
 * KITE_STRESS in the environment is how many times more to do.
 */
#define _GNU_SOURCE
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "fixtures.h"
#include "packet.h"

#define THREADS	4

static int times(int n)
{
	const char *factor = getenv("KITE_STRESS");

	return factor ? n * atoi(factor) : n;
}

/* Numbers that look random and are the same each time. */
static unsigned int random_below(unsigned int *state, unsigned int n)
{
	*state = *state * 1664525 + 1013904223;
	return (*state >> 8) % n;
}

static bool allow_files(unsigned int n)
{
	struct rlimit limit = { n, n };

	return !setrlimit(RLIMIT_NOFILE, &limit);
}

/* Sockets that everybody uses */

#define SLOTS		8
#define MESSAGE_MAX	5000

/*
 * One end of a connection. Who sends is alone with @sending, or nobody could tell
 * what has to arrive; who receives with @receiving. All else is at the same time.
 */
struct end {
	int fd;
	pthread_mutex_t sending, receiving;
	size_t sent, received;
};

/* A connection. To replace it is to hold @life; to use it is to share that. */
struct slot {
	pthread_rwlock_t life;
	struct end end[2];
	bool disturbed;		/* somebody shut it down, or closed an end */
};

struct crowd {
	const struct family *f;
	int type, rounds;
	struct slot slots[SLOTS];
	unsigned int connections, wrong, lost;
};

struct member {
	pthread_t thread;
	struct crowd *crowd;
	unsigned int random;
};

static void count(unsigned int *counter)
{
	__atomic_add_fetch(counter, 1, __ATOMIC_RELAXED);
}

static bool slot_connect(struct crowd *crowd, struct slot *slot)
{
	int fd[2], i;

	if (pair_of_type(crowd->f, crowd->type, fd))
		return false;
	for (i = 0; i < 2; i++) {
		slot->end[i].fd = fd[i];
		slot->end[i].sent = 0;
		slot->end[i].received = 0;
	}
	__atomic_store_n(&slot->disturbed, false, __ATOMIC_RELAXED);
	count(&crowd->connections);
	return true;
}

static void send_some(struct end *end, unsigned int len)
{
	char buf[MESSAGE_MAX];
	ssize_t n;

	if (pthread_mutex_trylock(&end->sending))
		return;
	pattern_fill(buf, len, end->sent);
	n = send(end->fd, buf, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n > 0)
		end->sent += n;
	pthread_mutex_unlock(&end->sending);
}

/* Returns what recv() does. */
static ssize_t receive_some(struct crowd *crowd, struct end *end)
{
	char buf[MESSAGE_MAX + 1];
	ssize_t n;

	n = recv(end->fd, buf, sizeof(buf), MSG_DONTWAIT);
	if (n <= 0)
		return n;
	if (pattern_differs(buf, n, end->received) >= 0)
		count(&crowd->wrong);
	end->received += n;
	return n;
}

static void try_receive(struct crowd *crowd, struct end *end)
{
	if (pthread_mutex_trylock(&end->receiving))
		return;
	receive_some(crowd, end);
	pthread_mutex_unlock(&end->receiving);
}

/* Under whoever uses it: its number is that of a socket without a connection now. */
static void close_under(struct crowd *crowd, struct slot *slot, struct end *end)
{
	int fd = ERR(socket(crowd->f->domain(), crowd->type, 0));

	__atomic_store_n(&slot->disturbed, true, __ATOMIC_RELAXED);
	dup2(fd, end->fd);
	close(fd);
}

/* All that was sent has come, unless somebody was in the way. */
static void slot_renew(struct crowd *crowd, struct slot *slot)
{
	int i;

	for (i = 0; i < 2 && !slot->disturbed; i++) {
		struct end *end = &slot->end[i];

		while (receive_some(crowd, end) > 0)
			;
		if (end->received != slot->end[!i].sent)
			count(&crowd->lost);
	}
	close(slot->end[0].fd);
	close(slot->end[1].fd);
	if (!slot_connect(crowd, slot))
		count(&crowd->lost);
}

static void use(struct crowd *crowd, struct slot *slot, struct end *end, unsigned int *random)
{
	switch (random_below(random, 40)) {
	case 0:
		__atomic_store_n(&slot->disturbed, true, __ATOMIC_RELAXED);
		shutdown(end->fd, random_below(random, 3));
		break;
	case 1:
		close_under(crowd, slot, end);
		break;
	case 2: case 3:
		revents(end->fd);
		break;
	case 4:
		get_int_option(end->fd, SOL_SOCKET, SO_ERROR);
		bytes_to_read(end->fd);
		break;
	default:
		if (random_below(random, 2))
			send_some(end, 1 + random_below(random, MESSAGE_MAX));
		else
			try_receive(crowd, end);
	}
}

static void *crowd_member(void *data)
{
	struct member *m = data;
	struct crowd *crowd = m->crowd;
	int i;

	for (i = 0; i < crowd->rounds; i++) {
		struct slot *slot = &crowd->slots[random_below(&m->random, SLOTS)];

		if (random_below(&m->random, 30)) {
			pthread_rwlock_rdlock(&slot->life);
			use(crowd, slot, &slot->end[random_below(&m->random, 2)], &m->random);
		} else {
			pthread_rwlock_wrlock(&slot->life);
			slot_renew(crowd, slot);
		}
		pthread_rwlock_unlock(&slot->life);
	}
	return NULL;
}

FIXTURE(shared) {
	struct crowd crowd;
};

FIXTURE_VARIANT(shared) {
	const struct family *f;
	int type;
};

TYPE_VARIANT(shared, kite, STREAM);
TYPE_VARIANT(shared, kite, SEQPACKET);
TYPE_VARIANT(shared, unix, STREAM);
TYPE_VARIANT(shared, unix, SEQPACKET);

FIXTURE_SETUP(shared)
{
	self->crowd = (struct crowd) { .f = variant->f, .type = variant->type };
	skip_family(_metadata, variant->f);
}

FIXTURE_TEARDOWN(shared) { }

TEST_F_TIMEOUT(shared, everything_at_once, 600)
{
	struct member members[THREADS];
	struct crowd *crowd = &self->crowd;
	int i, j;

	crowd->rounds = times(600);
	for (i = 0; i < SLOTS; i++) {
		pthread_rwlock_init(&crowd->slots[i].life, NULL);
		for (j = 0; j < 2; j++) {
			pthread_mutex_init(&crowd->slots[i].end[j].sending, NULL);
			pthread_mutex_init(&crowd->slots[i].end[j].receiving, NULL);
		}
		ASSERT_TRUE(slot_connect(crowd, &crowd->slots[i]));
	}
	for (i = 0; i < THREADS; i++) {
		members[i] = (struct member) { .crowd = crowd, .random = i };
		ASSERT_EQ(0, pthread_create(&members[i].thread, NULL, crowd_member,
					    &members[i]));
	}
	for (i = 0; i < THREADS; i++)
		pthread_join(members[i].thread, NULL);
	EXPECT_EQ(0, crowd->wrong);
	EXPECT_EQ(0, crowd->lost);
	TH_LOG("%u connections", crowd->connections);
}

/* Ten thousand sockets */

#define DATAGRAM_SOCKETS	4000
#define PAIRS			3000
#define PORT			10000

FAMILY_FIXTURE(ten_thousand, KITE);

static void expect_number(struct __test_metadata *_metadata, int from, int to, int number)
{
	int got = -1;

	ASSERT_EQ(4, send(from, &number, 4, 0));
	EXPECT_EQ(4, recv(to, &got, 4, MSG_DONTWAIT));
	EXPECT_EQ(number, got);
}

TEST_F_TIMEOUT(ten_thousand, sockets_at_once, 600)
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

TEST_F_TIMEOUT(storm, of_listeners, 600)
{
	struct storm storm = { .listener = -1 };
	pthread_t connecting[3], accepting[2];
	unsigned int seen = 0;
	int i, fd = -1;
	long end;

	for (i = 0; i < 3; i++)
		ASSERT_EQ(0, pthread_create(&connecting[i], NULL, storm_connect, &storm));
	for (i = 0; i < 2; i++)
		ASSERT_EQ(0, pthread_create(&accepting[i], NULL, storm_accept, &storm));
	for (i = 0; i < times(40); i++) {
		fd = storm_listen(i % 2 ? SOCK_STREAM : SOCK_SEQPACKET, i % 4);
		ASSERT_LE(0, fd);
		__atomic_store_n(&storm.listener, fd, __ATOMIC_RELAXED);
		/* Some go before anybody came, and most in the midst of it. */
		end = now_ms() + 100;
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
	EXPECT_LT(0, storm.refused + storm.reset);
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

TEST_F_TIMEOUT(namespaces, with_sockets_alive, 600)
{
	int users = module_users(), ready[2], i, status;
	pid_t pid;
	char c;

	ASSERT_EQ(0, pipe(ready));
	for (i = 0; i < times(10); i++) {
		pid = fork();
		ASSERT_LE(0, pid);
		if (!pid)
			live_in_namespace(ready[1]);
		ASSERT_EQ(1, read(ready[0], &c, 1));
		kill(pid, SIGKILL);
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		ASSERT_TRUE(WIFSIGNALED(status));
	}
	EXPECT_TRUE(BECOMES(true, module_users() <= users));
}

/* No memory */

#define FILLED_MAX	200

#define CHUNK		65536

/* Streams that are filled, one after the other, until nothing more can be. */
struct filled {
	int fd[FILLED_MAX][2];
	size_t sent[FILLED_MAX], total;
	int n, err;
};

/* What is sent is this again and again, so that much of it is made in no time. */
static char wheel[2 * CHUNK];

static void make_wheel(void)
{
	pattern_fill(wheel, CHUNK, 1);
	memcpy(wheel + CHUNK, wheel, CHUNK);
}

/* A stream that takes many MiB. */
static int large_pair(int l, const struct address *addr, int fd[2])
{
	int size = 16 << 20, err;

	/* The window is what it was when the connection began. */
	setsockopt(l, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	fd[0] = connector(&family_kite, addr);
	if (fd[0] < 0)
		return fd[0];
	err = ERR(setsockopt(fd[0], SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)));
	fd[1] = ERR(accept(l, NULL, NULL));
	return err ?: fd[1] < 0 ? fd[1] : 0;
}

/* Returns 0 when it takes no more, or the error. */
static int fill_one(struct filled *f, int fd, size_t most)
{
	size_t *sent = &f->sent[f->n];
	ssize_t n;

	while (f->total < most) {
		n = ERR(send(fd, wheel + *sent % CHUNK, CHUNK, MSG_DONTWAIT | MSG_NOSIGNAL));
		if (n < 0)
			return n == -EAGAIN ? 0 : -n;
		*sent += n;
		f->total += n;
	}
	return 0;
}

static void fill_until_error(struct filled *f, size_t most)
{
	struct address addr;
	int l;

	make_wheel();
	l = listener(&family_kite, 5, &addr);
	kite_address(&addr, port_of(&addr), KITE_NODE_LOCAL);
	while (!f->err && f->total < most && f->n < FILLED_MAX) {
		f->err = -large_pair(l, &addr, f->fd[f->n]);
		if (f->err)
			break;
		f->err = fill_one(f, f->fd[f->n][0], most);
		f->n++;
	}
	close(l);
}

/* All of what was sent can be read, and nothing else. Returns how many bytes cannot. */
static size_t read_filled(struct filled *f)
{
	size_t missing = 0, got;
	static char buf[CHUNK];
	ssize_t n;
	int i;

	for (i = 0; i < f->n; i++) {
		got = 0;
		while ((n = recv(f->fd[i][1], buf, sizeof(buf), MSG_DONTWAIT)) > 0) {
			if (memcmp(buf, wheel + got % CHUNK, n))
				return ~0UL;
			got += n;
		}
		missing += f->sent[i] - got;
	}
	return missing;
}

static void close_filled(struct filled *f)
{
	while (f->n--) {
		close(f->fd[f->n][0]);
		close(f->fd[f->n][1]);
	}
}

static size_t memory_bytes(void)
{
	return (size_t)sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE);
}

FAMILY_FIXTURE(no_memory, KITE);

/* All sockets together may have an eighth of the memory: kite(7), LIMITS. */
TEST_F_TIMEOUT(no_memory, all_that_sockets_may_have, 600)
{
	static struct filled filled;
	int fd[2];

	if (!peer_is_known(&family_kite))
		SKIP(return, "with direct=0 the connection ends instead");
	fill_until_error(&filled, memory_bytes() / 4);
	EXPECT_EQ(ENOBUFS, filled.err) {
		TH_LOG("%zu MiB in %d sockets", filled.total >> 20, filled.n);
	}
	/* Control needs none of it. */
	ASSERT_EQ(0, connected_pair(self->f, fd));
	EXPECT_EQ(0, shutdown(fd[0], SHUT_WR));
	EXPECT_EQ(0, recv(fd[1], &filled.err, 1, 0));
	close(fd[0]);
	close(fd[1]);

	EXPECT_EQ(0, read_filled(&filled));
	close_filled(&filled);
	ASSERT_EQ(0, connected_pair(self->f, fd));
	EXPECT_LT(20000, fill(self->f, fd[0]));
	EXPECT_LT(20000, drain(fd[1]));
}

#define CGROUP	"/sys/fs/cgroup/kite-stress"

static int write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "we");
	int err;

	if (!f)
		return -errno;
	err = fputs(text, f) < 0 ? -EIO : 0;
	return fclose(f) ? -errno : err;
}

/* The bytes that the sockets of the group have. */
static long cgroup_sock(void)
{
	FILE *f = fopen(CGROUP "/memory.stat", "re");
	char line[128];
	long n = -1;

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "sock %ld", &n) == 1)
			break;
	if (f)
		fclose(f);
	return n;
}

#define CGROUP_BYTES	(16 << 20)

/*
 * Returns the exit status of one that has very little memory. What it sends counts: so
 * it gets an error in time, or pays when it wants memory for itself.
 */
static int fill_in_cgroup(void)
{
	static char own[8 << 20];
	static struct filled filled;

	if (write_file(CGROUP "/cgroup.procs", "0"))
		return 4;
	fill_until_error(&filled, CGROUP_BYTES);
	if (filled.err)
		return read_filled(&filled) ? 3 : 0;
	if (cgroup_sock() < CGROUP_BYTES)
		return 2;
	memset(own, 1, sizeof(own));
	return own[filled.n] ? 1 : 0;
}

TEST_F_TIMEOUT(no_memory, in_a_cgroup, 600)
{
	int status, i, fd[2];
	pid_t pid;

	write_file("/sys/fs/cgroup/cgroup.subtree_control", "+memory");
	if (mkdir(CGROUP, 0755) || write_file(CGROUP "/memory.max", "16777216")) {
		rmdir(CGROUP);
		SKIP(return, "no memory cgroup can be made here");
	}
	for (i = 0; i < 3; i++) {
		pid = fork();
		ASSERT_LE(0, pid);
		if (!pid)
			_exit(fill_in_cgroup());
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		/* An error, after which all is there, or its end. */
		if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
			EXPECT_EQ(0, status) {
				TH_LOG("round %d", i);
			}
	}
	EXPECT_EQ(0, BECOMES(0, cgroup_sock()));
	EXPECT_EQ(0, BECOMES(0, rmdir(CGROUP)));
	ASSERT_EQ(0, connected_pair(self->f, fd));
	EXPECT_LT(20000, fill(self->f, fd[0]));
	EXPECT_LT(20000, drain(fd[1]));
}

TEST_HARNESS_MAIN
