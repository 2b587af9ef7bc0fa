// SPDX-License-Identifier: GPL-2.0
/*
 * What the kernel says of what it drops: of a datagram, to tracepoint skb:kfree_skb, with
 * UDP as the oracle; of each of Kite's own reasons, to kite:kite_drop, to skb:kfree_skb
 * and to /proc/net/kite_stat.
 */

#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <linux/filter.h>

#include "counters.h"
#include "fixtures.h"
#include "packet.h"

#define TRACING "/sys/kernel/tracing"
#define INSTANCE TRACING "/instances/kite_selftest"

static bool write_file(const char *name, const char *text)
{
	int fd = open(name, O_WRONLY);
	ssize_t n;

	if (fd < 0)
		return false;
	n = write(fd, text, strlen(text));
	close(fd);
	return n == (ssize_t)strlen(text);
}

/* An instance is a trace of our own: others neither see nor disturb it. */
static bool make_trace(void)
{
	if (access(TRACING "/instances", F_OK))
		mount("tracefs", TRACING, "tracefs", 0, NULL);
	return !mkdir(INSTANCE, 0700) || errno == EEXIST;
}

static bool trace_drops(void)
{
	return make_trace() && write_file(INSTANCE "/events/skb/kfree_skb/enable", "1");
}

/* How many lines of the trace have both? The first of them goes to @first, if any. */
static int traced(const char *event, const char *what, char *first, size_t size)
{
	FILE *f = fopen(INSTANCE "/trace", "r");
	char line[1024];
	int n = 0;

	if (!f)
		return -errno;
	while (fgets(line, sizeof(line), f))
		if (strstr(line, event) && strstr(line, what) && !n++ && first)
			snprintf(first, size, "%s", line);
	fclose(f);
	return n;
}

static int drops_for(const char *reason)
{
	return traced("kfree_skb:", reason, NULL, 0);
}

/* @a is connected to @b. */
FIXTURE(drops) {
	const struct family *f;
	int a, b;
	bool traced;
};

KITE_INET(drops);

FIXTURE_SETUP(drops)
{
	struct address addr;

	self->f = variant->f;
	if (skip_family(_metadata, self->f))
		return;
	self->traced = trace_drops();
	if (!self->traced)
		SKIP(return, "no tracefs, or no tracepoint skb:kfree_skb, in this kernel");
	self->a = ERR(socket(self->f->domain(), SOCK_DGRAM, 0));
	self->b = ERR(socket(self->f->domain(), SOCK_DGRAM, 0));
	self->f->any(&addr);
	if (is_kite(self->f))
		kite_address(&addr, KITE_PORT_ANY, KITE_NODE_LOCAL);
	ASSERT_EQ(0, bind_to(self->b, &addr));
	ASSERT_EQ(0, name_of(self->b, &addr));
	ASSERT_EQ(0, connect_to(self->a, &addr));
	ASSERT_EQ(0, drops_for("SOCKET_RCVBUFF"));
	ASSERT_EQ(0, drops_for("SOCKET_FILTER"));
}

FIXTURE_TEARDOWN(drops)
{
	write_file(INSTANCE "/events/skb/kfree_skb/enable", "0");
	rmdir(INSTANCE);
}

TEST_F(drops, of_a_full_receiver)
{
	char buf[1000] = "";
	int i, got = 0;

	ASSERT_EQ(0, set_int_option(self->b, SOL_SOCKET, SO_RCVBUF, 8192));
	for (i = 0; i < 100; i++)
		ASSERT_EQ(1000, send(self->a, buf, 1000, 0));
	settle(self->f);
	while (recv(self->b, buf, sizeof(buf), MSG_DONTWAIT) == 1000)
		got++;
	EXPECT_GT(100, got);
	EXPECT_EQ(100 - got, drops_for("reason: SOCKET_RCVBUFF"));
	EXPECT_EQ(0, drops_for("reason: SOCKET_FILTER"));
}

static int refuse_all(int fd)
{
	struct sock_filter refuse = BPF_STMT(BPF_RET | BPF_K, 0);
	struct sock_fprog prog = { .len = 1, .filter = &refuse };

	return ERR(setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog)));
}

TEST_F(drops, of_a_filter)
{
	ASSERT_EQ(0, refuse_all(self->b));
	ASSERT_EQ(1, send(self->a, "x", 1, 0));
	settle(self->f);
	EXPECT_EQ(1, drops_for("reason: SOCKET_FILTER"));
	EXPECT_EQ(0, drops_for("reason: SOCKET_RCVBUFF"));
}

TEST_F(drops, of_nobody)
{
	close(self->b);
	self->b = -1;
	/* A sender on the same machine may be told at once. */
	if (send(self->a, "x", 1, 0) < 0)
		EXPECT_EQ(ECONNREFUSED, errno);
	settle(self->f);
	/* A packet of Kite's to nobody is not dropped: its buffer becomes the answer. */
	EXPECT_EQ(!is_kite(self->f) || peer_is_known(self->f), drops_for("reason: NO_SOCKET"));
}

/* What is read is not lost. */
TEST_F(drops, of_none)
{
	char c;

	ASSERT_EQ(1, send(self->a, "x", 1, 0));
	ASSERT_EQ(1, recv(self->b, &c, 1, 0));
	EXPECT_EQ(0, drops_for("reason: SOCKET_"));
}

/*
 * Kite's own reasons. Each is provoked once, by a packet from a raw socket, so that it is
 * the same whether peers know each other as sockets or not.
 */

#define US	5000
#define THEM	6000
#define KFREE	"/events/skb/kfree_skb/"
#define DROP	"/events/kite/kite_drop/"

static char payload[KITE_MAX_PAYLOAD];

/* Where the packet comes from, and what was counted before it. */
struct stage {
	int raw;
	struct counters before;
};

/* What is not said is from US to THEM. */
static int say(const struct stage *stage, struct packet pkt)
{
	pkt.version = 1;
	pkt.src_port = pkt.src_port ?: US;
	pkt.src_node = KITE_NODE_LOCAL;
	pkt.dst_port = THEM;
	pkt.dst_node = KITE_NODE_LOCAL;
	return packet_send(stage->raw, &pkt, payload);
}

/* The rest of the arguments are fields of struct packet. */
#define SAY_AS(stage, as, what, ...)					\
	say(stage, (struct packet) { .type = (as), .op = (what), ##__VA_ARGS__ })

#define SAY(stage, what, ...)	SAY_AS(stage, SOCK_STREAM, what, ##__VA_ARGS__)

/* All that happens from here on is looked at. Returns 0 or an error. */
static int look(struct stage *stage)
{
	if (!write_file(INSTANCE KFREE "enable", "1") ||
	    !write_file(INSTANCE DROP "enable", "1"))
		return -EIO;
	counters_read(&stage->before);
	return 0;
}

static void look_away(void)
{
	write_file(INSTANCE KFREE "enable", "0");
	write_file(INSTANCE DROP "enable", "0");
}

static int no_port(struct stage *stage)
{
	return look(stage) ?: SAY_AS(stage, SOCK_DGRAM, KITE_OP_DGRAM);
}

static int no_listener(struct stage *stage)
{
	return look(stage) ?: SAY(stage, KITE_OP_REQUEST);
}

static int no_connection(struct stage *stage)
{
	return look(stage) ?: SAY(stage, KITE_OP_RESET, .flags = KITE_RESET_ABORT);
}

static int closed(struct stage *stage)
{
	int fd = kite_socket_at(SOCK_DGRAM, THEM);
	struct address addr;

	kite_address(&addr, US, KITE_NODE_LOCAL);
	return connect_to(fd, &addr) ?: ERR(shutdown(fd, SHUT_RD)) ?: no_port(stage);
}

static int unread(struct stage *stage)
{
	int fd = kite_socket_at(SOCK_DGRAM, THEM);

	return SAY_AS(stage, SOCK_DGRAM, KITE_OP_DGRAM) ?: look(stage) ?: ERR(close(fd));
}

/* An empty one takes any datagram, and with this one no more. */
static int rcvbuf(struct stage *stage)
{
	int fd = kite_socket_at(SOCK_DGRAM, THEM);

	return set_int_option(fd, SOL_SOCKET, SO_RCVBUF, 1) ?:
	       SAY_AS(stage, SOCK_DGRAM, KITE_OP_DGRAM, .len = 60000) ?: no_port(stage);
}

static int raw_full(struct stage *stage)
{
	int fd = raw_bound(THEM);

	return set_int_option(fd, SOL_SOCKET, SO_RCVBUF, 1) ?:
	       SAY_AS(stage, SOCK_RAW, KITE_OP_ECHO_REPLY, .len = 60000) ?: look(stage) ?:
	       SAY_AS(stage, SOCK_RAW, KITE_OP_ECHO_REPLY);
}

static int filter(struct stage *stage)
{
	return refuse_all(kite_socket_at(SOCK_DGRAM, THEM)) ?: no_port(stage);
}

/* A connection of ours to THEM, which nobody has accepted. */
static int open_by_hand(struct stage *stage)
{
	int l = kite_socket_at(SOCK_STREAM, THEM);

	return set_int_option(l, SOL_SOCKET, SO_RCVBUF, 10000) ?: ERR(listen(l, 0)) ?:
	       SAY(stage, KITE_OP_REQUEST);
}

static int listen_full(struct stage *stage)
{
	return open_by_hand(stage) ?: look(stage) ?:
	       SAY(stage, KITE_OP_REQUEST, .src_port = US + 1);
}

static int tuple_busy(struct stage *stage)
{
	return open_by_hand(stage) ?: no_listener(stage);
}

/* Not even by a raw socket: there is no source for such a packet. */
static int unreachable(struct stage *stage)
{
	int fd = kite_socket_at(SOCK_DGRAM, US), err = look(stage);
	struct address addr;

	if (err)
		return err;
	kite_address(&addr, THEM, 77);
	err = ERR(sendto(fd, "", 1, 0, &addr.sa, addr.len));
	return err == -EHOSTUNREACH ? 0 : -EIO;
}

/* In the name of one who is a socket here. */
static int forged(struct stage *stage)
{
	int l = kite_listener_at(SOCK_STREAM, THEM, 0), c = kite_socket_at(SOCK_STREAM, US);
	struct address addr;

	kite_address(&addr, THEM, KITE_NODE_LOCAL);
	if (connect_to(c, &addr) || accept(l, NULL, NULL) < 0)
		return -EIO;
	return look(stage) ?: SAY(stage, KITE_OP_DATA, .len = 1);
}

static int unasked(struct stage *stage)
{
	return open_by_hand(stage) ?: look(stage) ?: SAY(stage, KITE_OP_RESPONSE);
}

static int no_credit(struct stage *stage)
{
	return open_by_hand(stage) ?: look(stage) ?:
	       SAY(stage, KITE_OP_DATA, .len = sizeof(payload));
}

static int rate_limited(struct stage *stage)
{
	if (!write_file("/proc/sys/net/kite/echo_rate", "0"))
		return -EIO;
	return look(stage) ?: SAY_AS(stage, SOCK_RAW, KITE_OP_ECHO);
}

FIXTURE(reason) {
	struct stage stage;
};

/*
 * @counted: in /proc/net/kite_stat, and nothing else is. @freed: so was a buffer, for
 * that reason; of others it becomes the answer. @answered: by a RESET, which finds no
 * connection. @local: only where the peer is known as a socket.
 */
FIXTURE_VARIANT(reason) {
	int (*provoke)(struct stage *stage);
	const char *name, *core, *counted;
	bool freed, answered, local;
};

#define ONE		"OutPkts+1 InPkts+1 "
#define AND_RESET	"OutPkts+2 InPkts+2 OutRsts+1 InRsts+1 "

FIXTURE_VARIANT_ADD(reason, no_port) {
	.provoke = no_port, .name = "reason=NO_PORT ", .core = "NO_SOCKET",
	.counted = AND_RESET "DropNoPort+1",
};

FIXTURE_VARIANT_ADD(reason, no_listener) {
	.provoke = no_listener, .name = "reason=NO_LISTENER ", .core = "NO_SOCKET",
	.counted = AND_RESET "DropNoListener+1 DropNoConnection+1",
	.answered = true,
};

FIXTURE_VARIANT_ADD(reason, no_connection) {
	.provoke = no_connection, .name = "reason=NO_CONNECTION ", .core = "NO_SOCKET",
	.counted = ONE "OutRsts+1 InRsts+1 DropNoConnection+1",
	.freed = true,
};

FIXTURE_VARIANT_ADD(reason, closed) {
	.provoke = closed, .name = "reason=CLOSED ", .core = "NO_SOCKET",
	.counted = ONE "DropClosed+1",
	.freed = true,
};

FIXTURE_VARIANT_ADD(reason, unread) {
	.provoke = unread, .name = "reason=UNREAD ", .core = "NO_SOCKET",
	.counted = "DropUnread+1",
	.freed = true,
};

FIXTURE_VARIANT_ADD(reason, rcvbuf) {
	.provoke = rcvbuf, .name = "reason=RCVBUF ", .core = "SOCKET_RCVBUFF",
	.counted = ONE "DropRcvBuf+1",
	.freed = true,
};

FIXTURE_VARIANT_ADD(reason, raw_full) {
	.provoke = raw_full, .name = "reason=RAW_FULL ", .core = "SOCKET_RCVBUFF",
	.counted = ONE "DropRawFull+1",
	.freed = true,
};

FIXTURE_VARIANT_ADD(reason, filter) {
	.provoke = filter, .name = "reason=FILTER ", .core = "SOCKET_FILTER",
	.counted = ONE "DropFilter+1",
	.freed = true,
};

FIXTURE_VARIANT_ADD(reason, listen_full) {
	.provoke = listen_full, .name = "reason=LISTEN_FULL ", .core = "SOCKET_BACKLOG",
	.counted = AND_RESET "DropNoConnection+1 DropListenFull+1",
	.answered = true,
};

FIXTURE_VARIANT_ADD(reason, tuple_busy) {
	.provoke = tuple_busy, .name = "reason=TUPLE_BUSY ", .core = "NOT_SPECIFIED",
	.counted = AND_RESET "DropNoConnection+1 DropTupleBusy+1",
	.answered = true,
};

FIXTURE_VARIANT_ADD(reason, unreachable) {
	.provoke = unreachable, .name = "reason=UNREACHABLE ", .core = "IP_OUTNOROUTES",
	.counted = "DropUnreachable+1",
	.freed = true,
};

FIXTURE_VARIANT_ADD(reason, forged) {
	.provoke = forged, .name = "reason=FORGED ", .core = "INVALID_PROTO",
	.counted = ONE "DropForged+1",
	.freed = true, .local = true,
};

FIXTURE_VARIANT_ADD(reason, unasked) {
	.provoke = unasked, .name = "reason=UNASKED ", .core = "INVALID_PROTO",
	.counted = AND_RESET "DropNoConnection+1 DropUnasked+1",
	.answered = true,
};

FIXTURE_VARIANT_ADD(reason, no_credit) {
	.provoke = no_credit, .name = "reason=NO_CREDIT ", .core = "SOCKET_RCVBUFF",
	.counted = "EstabResets+1 CurrEstab-1 " AND_RESET
		   "DropNoConnection+1 DropNoCredit+1",
	.answered = true,
};

FIXTURE_VARIANT_ADD(reason, rate_limited) {
	.provoke = rate_limited, .name = "reason=RATE_LIMITED ", .core = "NOT_SPECIFIED",
	.counted = ONE "InEchos+1 DropRateLimited+1",
	.freed = true,
};

FIXTURE_SETUP(reason)
{
	char pid[20];
	int err;

	if (skip_family(_metadata, &family_kite))
		return;
	if (calls_fail())
		SKIP(return, "with faulty.so more is dropped");
	if (variant->local && !peer_is_known(&family_kite))
		SKIP(return, "with direct=0 no peer is known as a socket");
	err = enter_new_netns();
	if (err)
		SKIP(return, "no namespace of its own: %s", strerror(-err));
	if (!make_trace())
		SKIP(return, "no tracefs in this kernel");
	/* All of it happens in our own system calls. */
	snprintf(pid, sizeof(pid), "%d", getpid());
	ASSERT_TRUE(write_file(INSTANCE "/set_event_pid", pid));
	/* But for what a network device interrupts them with. */
	ASSERT_TRUE(write_file(INSTANCE KFREE "filter", "protocol == 0"));
	self->stage.raw = raw_bound(US);
	ASSERT_LE(0, self->stage.raw);
}

FIXTURE_TEARDOWN(reason)
{
	look_away();
	rmdir(INSTANCE);
}

/* Is that the name of the core's reason which a line of kite_drop has as a number? */
static bool is_core(const char *line, const char *name)
{
	const char *number = strstr(line, "core=");
	char format[16384] = "", pair[80];
	int fd = open(INSTANCE KFREE "format", O_RDONLY);
	bool is;

	if (fd < 0 || !number)
		return false;
	snprintf(pair, sizeof(pair), "{ %d, \"%s\" }", atoi(number + 5), name);
	is = read(fd, format, sizeof(format) - 1) > 0 && strstr(format, pair);
	close(fd);
	return is;
}

TEST_F(reason, is_told)
{
	bool twice = variant->answered && !strcmp(variant->core, "NO_SOCKET");
	char core[80], line[1024] = "";

	ASSERT_EQ(0, variant->provoke(&self->stage));
	look_away();
	EXPECT_STREQ(variant->counted, counters_changed(&self->stage.before));
	EXPECT_EQ(1, traced("kite_drop:", variant->name, line, sizeof(line)));
	EXPECT_EQ(1 + variant->answered, traced("kite_drop:", "reason=", NULL, 0));
	EXPECT_TRUE(is_core(line, variant->core)) {
		TH_LOG("not %s: %s", variant->core, line);
	}
	snprintf(core, sizeof(core), "reason: %s\n", variant->core);
	EXPECT_EQ(variant->freed + twice, drops_for(core));
	EXPECT_EQ(variant->freed + variant->answered, drops_for("reason: "));
}

/* All sockets together may have so little that this one's SO_RCVBUF does not matter. */

#define MEM	"/proc/sys/net/kite/mem"

/* More than each CPU keeps, and less than is sent. */
#define PAGES	"2048 2048 2048"

FIXTURE(memory) {
	struct stage stage;
	char before[100];
	int mem;
};

FIXTURE_SETUP(memory)
{
	ssize_t n;
	int err;

	if (skip_family(_metadata, &family_kite))
		return;
	if (calls_fail())
		SKIP(return, "with faulty.so more is dropped");
	self->mem = ERR(open(MEM, O_RDWR | O_CLOEXEC));
	if (self->mem < 0)
		SKIP(return, "only the first namespace has " MEM);
	n = read(self->mem, self->before, sizeof(self->before));
	ASSERT_LT(0, n);
	err = enter_new_netns();
	if (err)
		SKIP(return, "no namespace of its own: %s", strerror(-err));
	if (!make_trace())
		SKIP(return, "no tracefs in this kernel");
	ASSERT_EQ((ssize_t)strlen(PAGES), pwrite(self->mem, PAGES, strlen(PAGES), 0));
}

FIXTURE_TEARDOWN(memory)
{
	ssize_t n = strlen(self->before);

	if (n)
		EXPECT_EQ(n, pwrite(self->mem, self->before, n, 0));
	look_away();
	rmdir(INSTANCE);
}

TEST_F(memory, is_told)
{
	int a = kite_socket(SOCK_DGRAM), b = kite_socket_at(SOCK_DGRAM, THEM), i, got = 0;
	int room = 64 << 20, n = 500;
	struct address addr;

	ASSERT_EQ(0, ERR(setsockopt(b, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room))));
	kite_address(&addr, THEM, KITE_NODE_LOCAL);
	ASSERT_EQ(0, connect_to(a, &addr));
	ASSERT_EQ(0, look(&self->stage));
	for (i = 0; i < n; i++)
		ASSERT_EQ(60000, send(a, payload, 60000, 0));
	look_away();
	while (recv(b, payload, sizeof(payload), MSG_DONTWAIT) == 60000)
		got++;
	EXPECT_LT(0, got);
	EXPECT_GT(n, got);
	EXPECT_EQ(n - got, counter("DropMemoryLimit"));
	EXPECT_EQ(got, counter("InDatagrams"));
	EXPECT_EQ(n, counter("OutDatagrams"));
	EXPECT_EQ(0, counter("DropRcvBuf"));
	EXPECT_EQ(n - got, drops_for("reason: PROTO_MEM"));
	EXPECT_EQ(n - got, drops_for("reason: "));
	EXPECT_EQ(n - got, traced("kite_drop:", "reason=MEMORY_LIMIT ", NULL, 0));
}

TEST_HARNESS_MAIN
