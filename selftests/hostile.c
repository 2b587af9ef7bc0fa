// SPDX-License-Identifier: GPL-2.0
/* What a program with CAP_NET_RAW cannot do to others by forged packets. */

#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "counters.h"
#include "fixtures.h"
#include "packet.h"

/* From kite.ko: closed connections that wait, and answers in a tenth of a second. */
#define ORPHANS_MAX	1024
#define ANSWERS		100

static char buf[KITE_MAX_PAYLOAD + 1];

static int connect_at(int fd, unsigned int port)
{
	struct address addr;

	kite_address(&addr, port, KITE_NODE_LOCAL);
	return connect_to(fd, &addr);
}

/*
 * A connection between ports C and S, and the liar. Nobody plays a port here, so
 * each packet that fits nothing is answered.
 */
#define C	5000
#define S	6000

FIXTURE(hostile) {
	int type, raw, l, c, s;
};

FIXTURE_VARIANT(hostile) { int type; };
FIXTURE_VARIANT_ADD(hostile, stream) { .type = SOCK_STREAM };
FIXTURE_VARIANT_ADD(hostile, seqpacket) { .type = SOCK_SEQPACKET };

FIXTURE_SETUP(hostile)
{
	int err;

	if (skip_family(_metadata, &family_kite))
		return;
	err = enter_new_netns();
	if (err)
		SKIP(return, "no namespace of its own: %s", strerror(-err));
	self->type = variant->type;
	self->raw = raw_socket();
	ASSERT_LE(0, self->raw);
	self->l = kite_listener_at(self->type, S, 5);
	ASSERT_LE(0, self->l);
	self->c = kite_socket_at(self->type, C);
	ASSERT_EQ(0, connect_at(self->c, S));
	self->s = ERR(accept4(self->l, NULL, NULL, SOCK_NONBLOCK));
	ASSERT_LE(0, self->s);
}

FIXTURE_TEARDOWN(hostile) { }

/* Sends every packet that can be sent between two ports. Returns how many. */
static int say_everything(int fd, int type, unsigned int from, unsigned int to)
{
	static const unsigned int counters[] = {
		0, 1, 600, 0x40000000, 0x7fffffff, 0x80000000, 0xffffffff
	};
	struct packet pkt = { .version = 1, .type = type, .src_port = from,
		.src_node = 1, .dst_port = to, .dst_node = 1 };
	unsigned int r, l, sent = 0;

	for (pkt.op = KITE_OP_REQUEST; pkt.op <= KITE_OP_SHUTDOWN; pkt.op++)
		for (pkt.flags = 0; pkt.flags < 7; pkt.flags++)
			for (pkt.len = 0; pkt.len <= KITE_MAX_PAYLOAD;
			     pkt.len = pkt.len ? pkt.len * 256 : 1)
				for (r = 0; r < ARRAY_SIZE(counters); r++)
					for (l = 0; l < ARRAY_SIZE(counters); l++) {
						pkt.read = counters[r];
						pkt.limit = counters[l];
						sent += !packet_send(fd, &pkt, buf);
					}
	return sent;
}

/* As good as new: all of the window both ways, and no error. */
static void expect_intact(struct __test_metadata *_metadata, int a, int b)
{
	ssize_t n;

	EXPECT_EQ(0, bytes_to_read(a));
	EXPECT_EQ(0, bytes_unread_by_peer(a));
	EXPECT_EQ(POLLOUT, revents(a));
	n = fill(&family_kite, a);
	EXPECT_LT(20000, n);
	EXPECT_EQ(n, drain(b));
	EXPECT_EQ(n, fill(&family_kite, a));
	EXPECT_EQ(n, drain(b));
	EXPECT_EQ(0, get_int_option(a, SOL_SOCKET, SO_ERROR));
}

#define EXPECT_INTACT()						\
	do {							\
		expect_intact(_metadata, self->c, self->s);	\
		expect_intact(_metadata, self->s, self->c);	\
	} while (0)

/* With the addresses of the connection. Where both ends are known it is no use. */
TEST_F(hostile, everything_between_known_peers)
{
	ssize_t n;

	if (!peer_is_known(&family_kite))
		SKIP(return, "with direct=0 these packets are as good as the peer's");
	EXPECT_LT(0, say_everything(self->raw, self->type, C, S));
	EXPECT_LT(0, say_everything(self->raw, self->type, S, C));
	EXPECT_INTACT();
	ASSERT_EQ(0, shutdown(self->c, SHUT_WR));
	EXPECT_EQ(0, recv(self->s, buf, 1, 0));
	say_everything(self->raw, self->type, C, S);
	say_everything(self->raw, self->type, S, C);
	n = fill(&family_kite, self->s);
	EXPECT_LT(20000, n);
	EXPECT_EQ(n, drain(self->c));
	EXPECT_EQ(0, recv(self->s, buf, 1, 0));
}

/* With addresses that are nearly those, to every kind of socket. */
TEST_F(hostile, everything_beside)
{
	int fd = kite_socket_at(self->type, 7000), i;

	ASSERT_LE(0, fd);
	EXPECT_LT(0, say_everything(self->raw, self->type, C + 1, S));
	EXPECT_LT(0, say_everything(self->raw, self->type, S + 1, C));
	EXPECT_LT(0, say_everything(self->raw, self->type, C, S + 1));
	EXPECT_LT(0, say_everything(self->raw, self->type, C, 7000));
	EXPECT_LT(0, say_everything(self->raw, self->type, S, S));
	EXPECT_INTACT();

	/* What got into the accept queue is a connection, or was one. */
	set_nonblocking(self->l, true);
	for (i = 0; i < 100; i++) {
		fd = ERR(accept4(self->l, NULL, NULL, SOCK_NONBLOCK));
		if (fd < 0)
			break;
		recv(fd, buf, sizeof(buf), 0);
		close(fd);
	}
	EXPECT_EQ(-EAGAIN, fd);
	fd = kite_socket(self->type);
	EXPECT_EQ(0, connect_at(fd, S));
}

/* Of the other types there is no such connection. */
TEST_F(hostile, everything_of_another_type)
{
	int other = self->type == SOCK_STREAM ? SOCK_SEQPACKET : SOCK_STREAM;

	say_everything(self->raw, other, C, S);
	say_everything(self->raw, other, S, C);
	say_everything(self->raw, SOCK_DGRAM, C, S);
	EXPECT_INTACT();
}

/* Forging while connect runs */

struct forger {
	int raw, type;
	unsigned int port;
	bool stop;
};

static void *forge(void *data)
{
	static const struct { unsigned int op, flags, len, limit; } forged[] = {
		{ KITE_OP_RESET, KITE_RESET_REFUSED, 0, 0 },
		{ KITE_OP_RESPONSE, 0, 0, 1U << 30 },
		{ KITE_OP_CREDIT, 0, 0, 1U << 30 },
		{ KITE_OP_SHUTDOWN, 3, 0, 1U << 30 },
		{ KITE_OP_RESET, KITE_RESET_ABORT, 0, 0 },
		{ KITE_OP_DATA, 0, 1, 1U << 30 },
	};
	struct forger *forger = data;
	unsigned int i, port;

	for (i = 0; !__atomic_load_n(&forger->stop, __ATOMIC_SEQ_CST); i++) {
		/* In the name of the listener, and, rarely, of who connects: each in turn. */
		bool connects = !(i % 61);
		unsigned int n = i % ARRAY_SIZE(forged);
		struct packet pkt = { .version = 1, .type = forger->type,
			.op = forged[n].op, .flags = forged[n].flags,
			.limit = forged[n].limit, .len = forged[n].len,
			.src_node = 1, .dst_node = 1 };

		port = __atomic_load_n(&forger->port, __ATOMIC_SEQ_CST);
		pkt.src_port = connects ? port : S;
		pkt.dst_port = connects ? S : port;
		packet_send(forger->raw, &pkt, "x");
	}
	return NULL;
}

/* Data goes both ways, or both sides see the end. Returns whether it did. */
static bool both_know(struct __test_metadata *_metadata, int c, int s)
{
	ssize_t n;

	set_timeout(s, SO_RCVTIMEO, PATIENCE_MS);
	set_timeout(c, SO_RCVTIMEO, PATIENCE_MS);
	send(c, "c", 1, MSG_NOSIGNAL);
	n = ERR(recv(s, buf, sizeof(buf), 0));
	if (n == 1 && buf[0] == 'c') {
		send(s, "s", 1, MSG_NOSIGNAL);
		n = ERR(recv(c, buf, sizeof(buf), 0));
		if (n == 1 && buf[0] == 's')
			return true;
	}
	/* Nobody waits for what cannot come. */
	EXPECT_NE(-EAGAIN, n);
	close(c);
	EXPECT_NE(-EAGAIN, ERR(recv(s, buf, sizeof(buf), 0)));
	return false;
}

TEST_F(hostile, forged_while_connecting)
{
	struct forger forger = { .raw = self->raw, .type = self->type, .port = 1 };
	bool known = peer_is_known(&family_kite);
	int i, c, s, err, good = 0;
	pthread_t thread;

	ASSERT_EQ(0, pthread_create(&thread, NULL, forge, &forger));
	set_nonblocking(self->l, true);
	for (i = 0; i < 300; i++) {
		c = kite_socket_at(self->type, 8000 + i);
		ASSERT_LE(0, c);
		__atomic_store_n(&forger.port, 8000 + i, __ATOMIC_SEQ_CST);
		err = connect_at(c, S);
		EXPECT_TRUE(!err || !known) {
			TH_LOG("connect: %s", strerror(-err));
		}
		/* The last child, or the only one, is ours. */
		while ((s = ERR(accept(self->l, NULL, NULL))) >= 0) {
			good += both_know(_metadata, c, s);
			close(s);
		}
		close(c);
	}
	__atomic_store_n(&forger.stop, true, __ATOMIC_SEQ_CST);
	pthread_join(thread, NULL);
	if (known)
		EXPECT_LT(0, good);
	EXPECT_INTACT();
}

/* Limits */

static void make_room(int fd)
{
	int size = 8 << 20;

	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
}

static int count_op(int fd, unsigned int op)
{
	struct packet pkt;
	int count = 0;

	while (packet_recv(fd, &pkt, NULL, 0) >= 0)
		count += pkt.op == op;
	return count;
}

/*
 * Of @n packets at once so many were answered, in @ms: too many for a limit of @most in a
 * tenth of a second?
 */
static void expect_limited(struct __test_metadata *_metadata, int most, int answers, int n,
			   long ms)
{
	/* The clock that counts in the kernel may begin and end later. */
	EXPECT_LE(most, answers);
	EXPECT_GE(most * (ms / 100 + 3), answers);
	EXPECT_EQ(n - answers, counter("DropRateLimited"));
	TH_LOG("%d answers to %d packets in %ld ms", answers, n, ms);
}

#define SYSCTL	"/proc/sys/net/kite/"

static int set(const char *path, int value)
{
	FILE *f = fopen(path, "we");
	int err;

	if (!f)
		return -errno;
	err = fprintf(f, "%d", value) < 0 ? -EIO : 0;
	return fclose(f) ? -errno : err;
}

TEST_F(hostile, resets_are_limited)
{
	struct packet pkt = { .version = 1, .type = self->type, .op = KITE_OP_REQUEST,
		.src_port = C, .src_node = 1, .dst_port = 7000, .dst_node = 1 };
	long begin;
	int i, n, fd;

	make_room(self->raw);
	begin = now_ms();
	for (i = 0; i < 2000; i++)
		ASSERT_EQ(0, packet_send(self->raw, &pkt, NULL));
	n = count_op(self->raw, KITE_OP_RESET);
	expect_limited(_metadata, ANSWERS, n, i, now_ms() - begin);
	EXPECT_EQ(n, counter("OutRsts"));

	/* A socket that asks gets its answer all the same. */
	for (i = 0; i < 2 * ANSWERS; i++) {
		fd = kite_socket(self->type);
		ASSERT_EQ(-refusal(&family_kite), connect_at(fd, 7000));
		close(fd);
		ASSERT_EQ(0, packet_send(self->raw, &pkt, NULL));
	}
}

/* As many as the namespace's administrator says, for each of the two by itself. */
TEST_F(hostile, limits_are_set)
{
	struct packet request = { .version = 1, .type = self->type, .op = KITE_OP_REQUEST,
		.src_port = C, .src_node = 1, .dst_port = 7000, .dst_node = 1 };
	struct packet echo = { .version = 1, .type = SOCK_RAW, .op = KITE_OP_ECHO,
		.src_port = C, .src_node = 1, .dst_port = 7000, .dst_node = 1 };
	struct counters before;
	long begin;
	int i;

	make_room(self->raw);
	ASSERT_EQ(0, set(SYSCTL "echo_rate", 0));
	ASSERT_EQ(0, set(SYSCTL "reset_rate", 20));
	counters_read(&before);
	for (i = 0; i < 5; i++)
		ASSERT_EQ(0, packet_send(self->raw, &echo, NULL));
	EXPECT_STREQ("OutPkts+5 InPkts+5 InEchos+5 DropRateLimited+5",
		     counters_changed(&before));

	ASSERT_EQ(0, set(SYSCTL "echo_rate", 1000));
	ASSERT_EQ(0, packet_send(self->raw, &echo, NULL));
	EXPECT_EQ(1, counter("OutEchoReps"));
	EXPECT_EQ(1, count_op(self->raw, KITE_OP_ECHO_REPLY));
	begin = now_ms();
	for (i = 0; i < 200; i++)
		ASSERT_EQ(0, packet_send(self->raw, &request, NULL));
	EXPECT_EQ(5 + i, counter("DropRateLimited") + counter("OutRsts"));
	EXPECT_LE(2, counter("OutRsts"));
	EXPECT_GE(2 * ((now_ms() - begin) / 100 + 3), counter("OutRsts"));
}

TEST_F(hostile, echoes_are_limited)
{
	struct packet pkt = { .version = 1, .type = SOCK_RAW, .op = KITE_OP_ECHO,
		.src_port = C, .src_node = 1, .dst_port = 7000, .dst_node = 1 };
	long begin;
	int i, n;

	make_room(self->raw);
	begin = now_ms();
	for (i = 0; i < 2000; i++)
		ASSERT_EQ(0, packet_send(self->raw, &pkt, NULL));
	n = count_op(self->raw, KITE_OP_ECHO_REPLY);
	expect_limited(_metadata, ANSWERS, n, i, now_ms() - begin);
	EXPECT_EQ(i, counter("InEchos"));
	EXPECT_EQ(n, counter("OutEchoReps"));
}

/*
 * Connections that we never close, from one port after the other. The socket
 * there has closed and waits for us.
 */
TEST_F(hostile, orphans_are_limited)
{
	struct packet pkt = { .version = 1, .type = self->type, .op = KITE_OP_REQUEST,
		.src_node = 1, .dst_port = S, .dst_node = 1, .limit = 1000 };
	int i, s, waiting = 0, reset = 0;
	struct packet got;

	/* None may have waited long enough before the last is there. */
	ASSERT_EQ(0, set(SYSCTL "close_timeout", 3600000));
	drain(self->raw);
	for (i = 0; i < ORPHANS_MAX + 10; i++) {
		pkt.src_port = 10000 + i;
		ASSERT_EQ(0, raw_bind(self->raw, pkt.src_port, KITE_NODE_LOCAL));
		ASSERT_EQ(0, packet_send(self->raw, &pkt, NULL));
		s = ERR(accept(self->l, NULL, NULL));
		ASSERT_LE(0, s);
		ASSERT_EQ(KITE_OP_RESPONSE, packet_next_op(self->raw));
		close(s);
		ASSERT_EQ(0, packet_recv(self->raw, &got, NULL, 0));
		waiting += got.op == KITE_OP_SHUTDOWN;
		reset += got.op == KITE_OP_RESET && got.flags == KITE_RESET_ABORT;
	}
	EXPECT_EQ(ORPHANS_MAX, waiting);
	EXPECT_EQ(10, reset);
	EXPECT_EQ(reset, counter("OrphanOverflows"));
	EXPECT_EQ(waiting, counter("Orphans"));

	/* Who closes in turn makes room. */
	pkt.op = KITE_OP_SHUTDOWN;
	pkt.flags = 3;
	for (i = 0; i < ORPHANS_MAX; i++) {
		pkt.src_port = 10000 + i;
		ASSERT_EQ(0, packet_send(self->raw, &pkt, NULL));
	}
	EXPECT_EQ(0, counter("Orphans"));
	EXPECT_EQ(0, raw_bind(self->raw, 9999, KITE_NODE_LOCAL));
	pkt = (struct packet){ .version = 1, .type = self->type, .op = KITE_OP_REQUEST,
		.src_port = 9999, .src_node = 1, .dst_port = S, .dst_node = 1 };
	ASSERT_EQ(0, packet_send(self->raw, &pkt, NULL));
	close(ERR(accept(self->l, NULL, NULL)));
	EXPECT_EQ(KITE_OP_RESPONSE, packet_next_op(self->raw));
	EXPECT_EQ(KITE_OP_SHUTDOWN, packet_next_op(self->raw));

	/* Nor may it stay, with its namespace, and with that the module. */
	pkt.op = KITE_OP_SHUTDOWN;
	pkt.flags = 3;
	ASSERT_EQ(0, packet_send(self->raw, &pkt, NULL));
	EXPECT_EQ(0, counter("Orphans"));
}

/* As many as the machine's administrator says, in the first namespace. */

FIXTURE(orphans) {
	int before, close_timeout;
};

static int get(const char *path)
{
	FILE *f = fopen(path, "re");
	int value;

	if (!f || fscanf(f, "%d", &value) != 1)
		value = -1;
	if (f)
		fclose(f);
	return value;
}

FIXTURE_SETUP(orphans)
{
	if (skip_family(_metadata, &family_kite))
		return;
	self->before = -1;
	if (access(SYSCTL "max_orphans", W_OK) || access(SYSCTL "mem", F_OK))
		SKIP(return, "not root in the first namespace");
	/* Those of other tests are gone in time, ours are to stay. */
	ASSERT_EQ(0, BECOMES(0, counter("Orphans")));
	self->close_timeout = get(SYSCTL "close_timeout");
	ASSERT_EQ(0, set(SYSCTL "close_timeout", 3600000));
	self->before = get(SYSCTL "max_orphans");
	ASSERT_LE(0, self->before);
}

FIXTURE_TEARDOWN(orphans)
{
	if (self->before < 0)
		return;
	EXPECT_EQ(0, set(SYSCTL "max_orphans", self->before));
	EXPECT_EQ(0, set(SYSCTL "close_timeout", self->close_timeout));
}

TEST_F(orphans, as_many_as_set)
{
	struct packet pkt = { .version = 1, .type = SOCK_STREAM, .op = KITE_OP_REQUEST,
		.src_node = 1, .dst_port = S, .dst_node = 1, .limit = 1000 };
	int raw = raw_socket(), l = kite_listener_at(SOCK_STREAM, S, 5), i;
	struct counters before;

	ASSERT_LE(0, raw);
	ASSERT_LE(0, l);
	counters_read(&before);
	ASSERT_EQ(0, set(SYSCTL "max_orphans", counter_in(&before, "Orphans") + 2));
	for (i = 0; i < 5; i++) {
		pkt.src_port = C + i;
		ASSERT_EQ(0, raw_bind(raw, pkt.src_port, KITE_NODE_LOCAL));
		ASSERT_EQ(0, packet_send(raw, &pkt, NULL));
		close(ERR(accept(l, NULL, NULL)));
	}
	EXPECT_EQ(counter_in(&before, "OrphanOverflows") + 3, counter("OrphanOverflows"));
	EXPECT_EQ(counter_in(&before, "Orphans") + 2, counter("Orphans"));
	pkt.op = KITE_OP_SHUTDOWN;
	pkt.flags = 3;
	for (i = 0; i < 2; i++) {
		pkt.src_port = C + i;
		ASSERT_EQ(0, packet_send(raw, &pkt, NULL));
	}
	EXPECT_EQ(counter_in(&before, "Orphans"), counter("Orphans"));
}

/* Nobody pays for raw sockets when there are none. */

/* Where a variable of the kernel is, or 0. */
static unsigned long symbol(const char *name)
{
	unsigned long address, found = 0;
	char line[256], it[128];
	FILE *f = fopen("/proc/kallsyms", "re");

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "%lx %*c %127s", &address, it) == 2 && !strcmp(it, name))
			found = address;
	if (f)
		fclose(f);
	return found;
}

/* The parts that matter of what elf.h calls by names that checkpatch does not like. */
struct core_header {
	char ident[32];
	__u64 parts_at;
	char unused[14];
	__u16 part_size, parts;
};

struct core_part {
	__u32 type, flags;
	__u64 offset, address, unused, size;
};

#define CORE_PART_LOAD	1

/* Its value, from the kernel's memory; or -1. */
static int kernel_int(unsigned long address)
{
	int fd = open("/proc/kcore", O_RDONLY | O_CLOEXEC), i, value = -1;
	struct core_header core;
	struct core_part part;

	if (fd < 0 || pread(fd, &core, sizeof(core), 0) != sizeof(core))
		return -1;
	for (i = 0; i < core.parts; i++) {
		if (pread(fd, &part, sizeof(part),
			  core.parts_at + i * core.part_size) != sizeof(part))
			break;
		if (part.type != CORE_PART_LOAD || address < part.address ||
		    address - part.address >= part.size)
			continue;
		if (pread(fd, &value, sizeof(value),
			  part.offset + (address - part.address)) != sizeof(value))
			value = -1;
		break;
	}
	close(fd);
	return value;
}

FAMILY_FIXTURE(switched, KITE);

TEST_F(switched, off_without_them)
{
	unsigned long key = symbol("kite_tap_key");
	int fd[2];

	if (sizeof(long) != 8 || !key || kernel_int(key) < 0)
		SKIP(return, "no /proc/kcore, or no symbols, to read the key from");
	/* It goes off with a delay. */
	ASSERT_EQ(0, BECOMES(0, kernel_int(key)));
	fd[0] = raw_socket();
	fd[1] = raw_socket();
	ASSERT_LE(0, fd[1]);
	EXPECT_LT(0, kernel_int(key));
	close(fd[0]);
	EXPECT_LT(0, kernel_int(key));
	close(fd[1]);
	EXPECT_EQ(0, BECOMES(0, kernel_int(key)));
}

TEST_HARNESS_MAIN
