// SPDX-License-Identifier: GPL-2.0
/*
 * Many threads on the same sockets, and no memory: nothing is lost, and nothing is left.
 * Many sockets are in storms.c.
 *
 * KITE_STRESS in the environment is how many times more to do.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "fixtures.h"
#include "packet.h"

#define THREADS	4

/* Numbers that look random and are the same each time. */
static unsigned int random_below(unsigned int *state, unsigned int n)
{
	*state = *state * 1664525 + 1013904223;
	return (*state >> 8) % n;
}

/* Streams that are filled, until there is no memory */

#define FILLED_MAX	200

/* More than sockets ever get where they may have little. */
#define FILLED_BYTES	(64 << 20)

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
	*f = (struct filled){};
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

/*
 * All the memory that there is, in streams, now and then. It is not given up before
 * somebody was refused some: more than @refused were by then.
 */
struct hoard {
	pthread_mutex_t lock;
	struct filled filled;
	unsigned int refused;
	int times;
};

/*
 * @listener is who else can be connected to. Of a datagram sent there is a @fate. Of
 * memory there may be as much as a @hoard leaves.
 */
struct crowd {
	const struct family *f;
	int type, rounds, listener;
	struct address addr;
	struct slot slots[SLOTS];
	unsigned int connections, again, refused, wrong, lost, sent, arrived;
	unsigned char *fate;
	struct hoard *hoard;
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

/* Datagrams: each is by itself, so who sends and who receives is alone with nobody. */

#define ARRIVED	1
#define FAILED	2

struct datagram {
	unsigned int number, len;
	char data[MESSAGE_MAX];
};

static void send_datagram(struct crowd *crowd, int fd, unsigned int len)
{
	struct datagram d = {
		.number = __atomic_fetch_add(&crowd->sent, 1, __ATOMIC_RELAXED),
		.len = offsetof(struct datagram, data) + len,
	};

	pattern_fill(d.data, len, d.number);
	if (send(fd, &d, d.len, MSG_DONTWAIT | MSG_NOSIGNAL) != (ssize_t)d.len)
		__atomic_or_fetch(&crowd->fate[d.number], FAILED, __ATOMIC_RELAXED);
}

/* Is it whole, one of those that were sent, and here for the first time? */
static bool datagram_is_right(struct crowd *crowd, const struct datagram *d, size_t n)
{
	size_t head = offsetof(struct datagram, data);

	return n >= head && n == d->len &&
	       d->number < __atomic_load_n(&crowd->sent, __ATOMIC_RELAXED) &&
	       pattern_differs(d->data, n - head, d->number) < 0 &&
	       !(__atomic_fetch_or(&crowd->fate[d->number], ARRIVED, __ATOMIC_RELAXED) &
		 ARRIVED);
}

/* Returns what recv() does. */
static ssize_t receive_datagram(struct crowd *crowd, int fd)
{
	struct datagram d;
	ssize_t n;

	n = recv(fd, &d, sizeof(d), MSG_DONTWAIT);
	if (n <= 0)
		return n;
	count(datagram_is_right(crowd, &d, n) ? &crowd->arrived : &crowd->wrong);
	return n;
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

static void send_some(struct crowd *crowd, struct end *end, unsigned int len)
{
	char buf[MESSAGE_MAX];
	ssize_t n;

	if (crowd->type == SOCK_DGRAM) {
		send_datagram(crowd, end->fd, len);
		return;
	}
	if (pthread_mutex_trylock(&end->sending))
		return;
	pattern_fill(buf, len, end->sent);
	n = send(end->fd, buf, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n > 0)
		end->sent += n;
	else if (errno == ENOBUFS)
		count(&crowd->refused);
	pthread_mutex_unlock(&end->sending);
}

/* Returns what recv() does. */
static ssize_t receive_some(struct crowd *crowd, struct end *end)
{
	char buf[MESSAGE_MAX + 1];
	ssize_t n;

	if (crowd->type == SOCK_DGRAM)
		return receive_datagram(crowd, end->fd);
	n = recv(end->fd, buf, sizeof(buf), MSG_DONTWAIT);
	if (n <= 0)
		return n;
	if (pattern_differs(buf, n, end->received) >= 0)
		count(&crowd->wrong);
	end->received += n;
	count(&crowd->arrived);
	return n;
}

static void try_receive(struct crowd *crowd, struct end *end)
{
	if (crowd->type == SOCK_DGRAM) {
		receive_some(crowd, end);
		return;
	}
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

/*
 * While others use it: one whose connection somebody has closed is connected to the
 * listener, others refuse. Nobody waits: each that came is taken by who connects next.
 */
static void connect_stream(struct crowd *crowd, struct end *end)
{
	int fd;

	if (!connect_to(end->fd, &crowd->addr))
		count(&crowd->again);
	fd = accept(crowd->listener, NULL, NULL);
	if (fd >= 0)
		close(fd);
}

/* To nobody, to the other end if that has an address, or to where all can. */
static void connect_dgram(struct crowd *crowd, struct end *end, const struct end *other,
			  unsigned int how)
{
	struct address addr = { .sa.sa_family = AF_UNSPEC, .len = sizeof(addr.sa) };

	if (how == 1 && name_of(other->fd, &addr))
		return;
	if (!connect_to(end->fd, how == 2 ? &crowd->addr : &addr))
		count(&crowd->again);
	receive_datagram(crowd, crowd->listener);
}

/* All that was sent has come, unless somebody was in the way. */
static void slot_renew(struct crowd *crowd, struct slot *slot)
{
	int i;

	for (i = 0; i < 2 && !slot->disturbed; i++) {
		struct end *end = &slot->end[i];

		while (receive_some(crowd, end) > 0)
			;
		if (crowd->type != SOCK_DGRAM && end->received != slot->end[!i].sent)
			count(&crowd->lost);
	}
	close(slot->end[0].fd);
	close(slot->end[1].fd);
	if (!slot_connect(crowd, slot))
		count(&crowd->lost);
}

static void use(struct crowd *crowd, struct slot *slot, int which, unsigned int *random)
{
	struct end *end = &slot->end[which];

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
	case 5: case 6:
		if (crowd->type == SOCK_DGRAM)
			connect_dgram(crowd, end, &slot->end[!which], random_below(random, 3));
		else
			connect_stream(crowd, end);
		break;
	default:
		if (random_below(random, 2))
			send_some(crowd, end, 1 + random_below(random, MESSAGE_MAX));
		else
			try_receive(crowd, end);
	}
}

static void hoard_memory(struct crowd *crowd)
{
	struct hoard *hoard = crowd->hoard;

	fill_until_error(&hoard->filled, FILLED_BYTES);
	if (hoard->filled.err != ENOBUFS)
		count(&crowd->wrong);
	hoard->refused = __atomic_load_n(&crowd->refused, __ATOMIC_RELAXED);
	hoard->times++;
}

static void change_hoard(struct crowd *crowd)
{
	struct hoard *hoard = crowd->hoard;

	if (pthread_mutex_trylock(&hoard->lock))
		return;
	if (!hoard->filled.n) {
		hoard_memory(crowd);
	} else if (__atomic_load_n(&crowd->refused, __ATOMIC_RELAXED) > hoard->refused) {
		if (read_filled(&hoard->filled))
			count(&crowd->lost);
		close_filled(&hoard->filled);
	}
	pthread_mutex_unlock(&hoard->lock);
}

static void *crowd_member(void *data)
{
	struct member *m = data;
	struct crowd *crowd = m->crowd;
	int i;

	for (i = 0; i < crowd->rounds; i++) {
		struct slot *slot = &crowd->slots[random_below(&m->random, SLOTS)];

		if (crowd->hoard && !random_below(&m->random, 50))
			change_hoard(crowd);
		if (random_below(&m->random, 30)) {
			pthread_rwlock_rdlock(&slot->life);
			use(crowd, slot, random_below(&m->random, 2), &m->random);
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
TYPE_VARIANT(shared, kite, DGRAM);
TYPE_VARIANT(shared, unix, STREAM);
TYPE_VARIANT(shared, unix, SEQPACKET);
TYPE_VARIANT(shared, unix, DGRAM);
TYPE_VARIANT(shared, inet, DGRAM);

FIXTURE_SETUP(shared)
{
	self->crowd = (struct crowd) { .f = variant->f, .type = variant->type };
	skip_family(_metadata, variant->f);
}

FIXTURE_TEARDOWN(shared) { }

static void make_listener(struct __test_metadata *_metadata, struct crowd *crowd)
{
	crowd->listener = socket_at(crowd->f, crowd->type, &crowd->addr);
	ASSERT_LE(0, crowd->listener);
	if (crowd->type != SOCK_DGRAM)
		ASSERT_EQ(0, ERR(listen(crowd->listener, 2 * THREADS)));
	ASSERT_EQ(0, set_nonblocking(crowd->listener, true));
	crowd->fate = calloc(THREADS * crowd->rounds, 1);
	ASSERT_NE(NULL, crowd->fate);
}

/* No datagram came of which its sender was told that it did not go. */
static void expect_fate(struct __test_metadata *_metadata, const struct crowd *crowd)
{
	unsigned int i, both = 0;

	for (i = 0; i < crowd->sent; i++)
		both += crowd->fate[i] == (ARRIVED | FAILED);
	EXPECT_EQ(0, both);
	EXPECT_LT(0, crowd->arrived);
	EXPECT_GE(crowd->sent, crowd->arrived);
	TH_LOG("%u of %u datagrams arrived", crowd->arrived, crowd->sent);
}

static void run_crowd(struct __test_metadata *_metadata, struct crowd *crowd)
{
	struct member members[THREADS];
	int i, j;

	crowd->rounds = stress_times(600);
	make_listener(_metadata, crowd);
	for (i = 0; i < SLOTS; i++) {
		pthread_rwlock_init(&crowd->slots[i].life, NULL);
		for (j = 0; j < 2; j++) {
			pthread_mutex_init(&crowd->slots[i].end[j].sending, NULL);
			pthread_mutex_init(&crowd->slots[i].end[j].receiving, NULL);
		}
		ASSERT_TRUE(slot_connect(crowd, &crowd->slots[i]));
	}
	/* From the start, so that the first to send is refused. */
	if (crowd->hoard)
		hoard_memory(crowd);
	for (i = 0; i < THREADS; i++) {
		members[i] = (struct member) { .crowd = crowd, .random = i };
		ASSERT_EQ(0, pthread_create(&members[i].thread, NULL, crowd_member,
					    &members[i]));
	}
	for (i = 0; i < THREADS; i++)
		pthread_join(members[i].thread, NULL);
	EXPECT_EQ(0, crowd->wrong);
	EXPECT_EQ(0, crowd->lost);
	EXPECT_LT(0, crowd->again);
	TH_LOG("%u connections, %u by others", crowd->connections, crowd->again);
	if (crowd->type == SOCK_DGRAM)
		expect_fate(_metadata, crowd);
}

TEST_F(shared, everything_at_once)
{
	run_crowd(_metadata, &self->crowd);
}

/* No memory */

static size_t memory_bytes(void)
{
	return (size_t)sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE);
}

FAMILY_FIXTURE(no_memory, KITE);

/* All sockets together may have an eighth of the memory: kite(7), LIMITS. */
TEST_F(no_memory, all_that_sockets_may_have)
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

#define MEM		"/proc/sys/net/kite/mem"

/*
 * They may have less. What sockets take and give back is counted when it is a MiB on one
 * CPU. So with a MiB more than there are CPUs who has nothing always gets something, and
 * nobody gets twice as much.
 */
static bool limit_memory(void)
{
	long pages = (sysconf(_SC_NPROCESSORS_CONF) + 1) * (1 << 20) / sysconf(_SC_PAGESIZE);
	char text[100];

	snprintf(text, sizeof(text), "%ld %ld %ld", pages, pages, pages);
	return !put_file(MEM, text);
}

FIXTURE(limited) {
	char before[100];
};

FIXTURE_VARIANT(limited) { int type; };
FIXTURE_VARIANT_ADD(limited, stream) { .type = SOCK_STREAM };
FIXTURE_VARIANT_ADD(limited, seqpacket) { .type = SOCK_SEQPACKET };

FIXTURE_SETUP(limited)
{
	FILE *f;

	if (skip_family(_metadata, &family_kite))
		return;
	f = fopen(MEM, "re");
	ASSERT_NE(NULL, f);
	ASSERT_NE(NULL, fgets(self->before, sizeof(self->before), f));
	fclose(f);
	if (!limit_memory())
		SKIP(return, MEM " cannot be written");
}

FIXTURE_TEARDOWN(limited)
{
	if (*self->before)
		EXPECT_EQ(0, put_file(MEM, self->before));
}

/* Whoever finds no memory goes on, and so does what finds some later. */
TEST_F(limited, everything_at_once)
{
	static struct hoard hoard = { .lock = PTHREAD_MUTEX_INITIALIZER };
	struct crowd crowd = { .f = &family_kite, .type = variant->type, .hoard = &hoard };

	if (!peer_is_known(&family_kite))
		SKIP(return, "with direct=0 the connection ends instead");
	run_crowd(_metadata, &crowd);
	EXPECT_EQ(0, read_filled(&hoard.filled));
	close_filled(&hoard.filled);
	EXPECT_LT(0, crowd.refused);
	EXPECT_LT(0, crowd.arrived);
	TH_LOG("%d times no memory, for %u messages; %u arrived", hoard.times, crowd.refused,
	       crowd.arrived);
}

/* What did not come has been refused, or its connection has ended. */
TEST_F(limited, until_there_is_none)
{
	static struct filled filled;
	bool known = peer_is_known(&family_kite);
	size_t missing;

	if (variant->type != SOCK_STREAM)
		SKIP(return, "of streams, each byte is compared");
	fill_until_error(&filled, FILLED_BYTES);
	EXPECT_EQ(known ? ENOBUFS : EPIPE, filled.err) {
		TH_LOG("%zu KiB in %d sockets", filled.total >> 10, filled.n);
	}
	missing = read_filled(&filled);
	EXPECT_NE(~0UL, missing);
	if (known)
		EXPECT_EQ(0, missing);
	close_filled(&filled);
}

#define CGROUP	"/sys/fs/cgroup/kite-stress"

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

	if (put_file(CGROUP "/cgroup.procs", "0"))
		return 4;
	fill_until_error(&filled, CGROUP_BYTES);
	if (filled.err && filled.err != ENOBUFS && filled.err != ENOMEM)
		return 5;
	if (filled.err)
		return !filled.total || read_filled(&filled) ? 3 : 0;
	/* The kernel adds up in its own time. */
	if (!BECOMES(true, cgroup_sock() >= CGROUP_BYTES))
		return 2;
	memset(own, 1, sizeof(own));
	return own[filled.n] ? 1 : 0;
}

TEST_F(no_memory, in_a_cgroup)
{
	int status, i, fd[2];
	pid_t pid;

	put_file("/sys/fs/cgroup/cgroup.subtree_control", "+memory");
	if (mkdir(CGROUP, 0755) || put_file(CGROUP "/memory.max", "16777216")) {
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
