// SPDX-License-Identifier: GPL-2.0
/*
 * What an administrator sees and sets: /proc/net/kite, /proc/net/kite_stat, net.kite and
 * the tracepoints. Each test has a network namespace of its own.
 */

#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "counters.h"
#include "fixtures.h"
#include "packet.h"

#define SYSCTL "/proc/sys/net/kite/"
#define TRACING "/sys/kernel/tracing"
#define INSTANCE TRACING "/instances/kite_observe"

static int read_file(const char *name, char *text, size_t size)
{
	int fd = open(name, O_RDONLY);
	ssize_t n, len = 0;

	if (fd < 0)
		return -errno;
	while ((n = read(fd, text + len, size - 1 - len)) > 0)
		len += n;
	close(fd);
	text[len] = '\0';
	return len;
}

static int write_file(const char *name, const char *text)
{
	int fd = open(name, O_WRONLY);
	int ret;

	if (fd < 0)
		return -errno;
	ret = ERR(write(fd, text, strlen(text)));
	close(fd);
	return ret < 0 ? ret : 0;
}

static char text[1 << 20];

/* How often is @what in the file? */
static int lines_with(const char *name, const char *what)
{
	int n = 0;
	char *at;

	if (read_file(name, text, sizeof(text)) < 0)
		return -1;
	for (at = text; (at = strstr(at, what)); at += strlen(what))
		n++;
	return n;
}

static int set(const char *name, const char *value)
{
	char path[100];

	snprintf(path, sizeof(path), SYSCTL "%s", name);
	return write_file(path, value);
}

FIXTURE(observe) {
	const struct family *f;
};

KITE(observe);

FIXTURE_SETUP(observe)
{
	int err;

	self->f = variant->f;
	if (skip_family(_metadata, self->f))
		return;
	err = enter_new_netns();
	if (err)
		SKIP(return, "no namespace of its own: %s", strerror(-err));
}

FIXTURE_TEARDOWN(observe)
{
}

TEST_F(observe, sockets_of_all_types_and_states)
{
	struct address addr;
	int l, c, d;

	ASSERT_EQ(1, lines_with("/proc/net/kite", "\n"));
	l = ERR(listener(self->f, 3, &addr));
	ASSERT_LE(0, l);
	EXPECT_EQ(1, lines_with("/proc/net/kite", "stream    listening"));
	c = ERR(connector(self->f, &addr));
	ASSERT_LE(0, c);
	/* The child, which nobody has accepted, too. */
	EXPECT_EQ(2, lines_with("/proc/net/kite", "stream    connected"));
	d = ERR(socket(self->f->domain(), SOCK_DGRAM, 0));
	ASSERT_LE(0, d);
	EXPECT_EQ(1, lines_with("/proc/net/kite",
				"dgram     unconnected *:*                   *:* "));
	EXPECT_EQ(5, lines_with("/proc/net/kite", "\n"));
	close(d);
	close(c);
	EXPECT_EQ(0, lines_with("/proc/net/kite", "dgram"));
	ASSERT_EQ(0, enter_new_netns());
	EXPECT_EQ(1, lines_with("/proc/net/kite", "\n"));
}

/* The line of the socket in /proc/net/kite, without type and state. */
struct line {
	char local[24];
	char remote[24];
	unsigned int rx, tx, uid, drops, refs;
};

static bool line_of(int fd, struct line *l)
{
	unsigned long inode;
	struct stat st;
	char *at;

	if (fstat(fd, &st) || read_file("/proc/net/kite", text, sizeof(text)) < 0)
		return false;
	for (at = strtok(text, "\n"); at; at = strtok(NULL, "\n"))
		if (sscanf(at, "%*s %*s %23s %23s %u %u %u %lu %u %u", l->local, l->remote,
			   &l->rx, &l->tx, &l->uid, &inode, &l->drops, &l->refs) == 8 &&
		    inode == st.st_ino)
			return true;
	return false;
}

TEST_F(observe, columns)
{
	static const char head[] = "Type State Local Remote RxQueue TxQueue Uid Inode Drops Refs";
	struct address addr;
	struct line l = { }, c = { };
	char names[200] = "";
	int listening, d, fd;
	char *word;

	ASSERT_LT(0, read_file("/proc/net/kite", text, sizeof(text)));
	for (word = strtok(text, "\n "); word; word = strtok(NULL, "\n "))
		sprintf(names + strlen(names), "%s%s", *names ? " " : "", word);
	EXPECT_STREQ(head, names);

	listening = ERR(listener(self->f, 3, &addr));
	ASSERT_LE(0, listening);
	ASSERT_TRUE(become_nobody());
	fd = ERR(connector(self->f, &addr));
	ASSERT_LE(0, fd);
	ASSERT_EQ(5, send(fd, "hello", 5, 0));
	ASSERT_TRUE(line_of(listening, &l));
	EXPECT_EQ(1, l.rx);
	EXPECT_EQ(3, l.tx);
	EXPECT_EQ(0, l.uid);
	EXPECT_LE(1, l.refs);
	ASSERT_TRUE(line_of(fd, &c));
	EXPECT_EQ(0, c.rx);
	EXPECT_EQ(5, c.tx);
	EXPECT_EQ(getuid(), c.uid);
	EXPECT_STREQ(l.local, c.remote);

	/* What has no room is dropped, and counted at the receiver. */
	d = ERR(socket_at(self->f, SOCK_DGRAM, &addr));
	ASSERT_LE(0, d);
	fd = ERR(socket(self->f->domain(), SOCK_DGRAM, 0));
	ASSERT_EQ(0, set_int_option(d, SOL_SOCKET, SO_RCVBUF, 1));
	ASSERT_EQ(0, connect_to(fd, &addr));
	ASSERT_EQ(sizeof(text) / 32, send(fd, text, sizeof(text) / 32, 0));
	ASSERT_EQ(sizeof(text) / 32, send(fd, text, sizeof(text) / 32, 0));
	ASSERT_TRUE(line_of(d, &l));
	EXPECT_EQ(1, l.drops);
	EXPECT_LT(0, l.rx);
	EXPECT_STREQ("*:*", l.remote);
}

TEST_F(observe, many_sockets_that_come_and_go)
{
	enum { MANY = 600 };
	int i, fd, file, many[MANY];
	char some[100];

	for (i = 0; i < MANY; i++) {
		many[i] = ERR(socket(self->f->domain(), SOCK_DGRAM, 0));
		ASSERT_LE(0, many[i]);
	}
	EXPECT_EQ(MANY + 1, lines_with("/proc/net/kite", "\n"));
	/* The one where a reader is closes before it goes on. */
	file = open("/proc/net/kite", O_RDONLY);
	ASSERT_LE(0, file);
	for (i = 0; i < MANY / 2; i++) {
		ASSERT_LT(0, read(file, some, sizeof(some)));
		fd = ERR(socket(self->f->domain(), SOCK_STREAM, 0));
		ASSERT_LE(0, fd);
		close(fd);
		close(many[MANY - 1 - i]);
	}
	while (read(file, some, sizeof(some)) > 0)
		;
}

TEST_F(observe, counters_of_connections)
{
	struct address addr;
	int l, c, a;
	long rsts;

	l = ERR(listener(self->f, 3, &addr));
	ASSERT_LE(0, l);
	c = ERR(connector(self->f, &addr));
	ASSERT_LE(0, c);
	a = ERR(accept(l, NULL, NULL));
	ASSERT_LE(0, a);
	EXPECT_EQ(1, counter("ActiveOpens"));
	EXPECT_EQ(1, counter("PassiveOpens"));
	EXPECT_EQ(2, counter("CurrEstab"));
	EXPECT_EQ(0, counter("EstabResets"));
	ASSERT_EQ(1, send(c, "x", 1, 0));
	close(a);
	EXPECT_EQ(1, BECOMES(1, counter("EstabResets")));
	close(c);
	EXPECT_EQ(0, counter("CurrEstab"));
	close(l);
	/* A peer that is not known here has been reset by a packet. */
	rsts = counter("OutRsts");
	EXPECT_EQ(-refusal(self->f), connector(self->f, &addr));
	EXPECT_EQ(1, counter("AttemptFails"));
	EXPECT_EQ(1, counter("DropNoListener"));
	EXPECT_EQ(rsts + 1, counter("OutRsts"));
	EXPECT_EQ(rsts + 1, counter("InRsts"));
}

TEST_F(observe, counters_of_datagrams)
{
	struct address addr;
	int a, b;

	a = ERR(socket_at(self->f, SOCK_DGRAM, &addr));
	ASSERT_LE(0, a);
	b = ERR(socket(self->f->domain(), SOCK_DGRAM, 0));
	ASSERT_EQ(0, connect_to(b, &addr));
	ASSERT_EQ(1, send(b, "x", 1, 0));
	EXPECT_EQ(1, counter("OutDatagrams"));
	EXPECT_EQ(1, counter("InDatagrams"));
	close(a);
	EXPECT_EQ(1, counter("DropUnread"));
	EXPECT_EQ(peer_is_known(self->f) ? -ECONNREFUSED : 1, ERR(send(b, "x", 1, 0)));
	EXPECT_EQ(1, counter("DropNoPort"));
}

#define EXPECT_CHANGED(what)						\
	do {								\
		EXPECT_STREQ(what, counters_changed(&before));		\
		counters_read(&before);					\
	} while (0)

/* Packets are counted as such, and what needs none is not. */
TEST_F(observe, counters_of_packets)
{
	bool known = peer_is_known(self->f);
	struct counters before;
	struct address addr;
	int l, c, a;
	char x;

	l = ERR(listener(self->f, 3, &addr));
	ASSERT_LE(0, l);
	counters_read(&before);
	c = ERR(connector(self->f, &addr));
	ASSERT_LE(0, c);
	if (known)
		EXPECT_CHANGED("ActiveOpens+1 PassiveOpens+1 CurrEstab+2");
	else
		EXPECT_CHANGED("ActiveOpens+1 PassiveOpens+1 CurrEstab+2 OutPkts+2 InPkts+2");
	a = ERR(accept(l, NULL, NULL));
	ASSERT_LE(0, a);
	EXPECT_CHANGED("");
	ASSERT_EQ(1, send(c, "x", 1, 0));
	EXPECT_CHANGED(known ? "" : "OutPkts+1 InPkts+1");
	/* With it goes its credit. */
	ASSERT_EQ(1, recv(a, &x, 1, 0));
	EXPECT_CHANGED(known ? "" : "OutPkts+1 InPkts+1");
	close(a);
	EXPECT_CHANGED(known ? "CurrEstab-1" : "CurrEstab-1 OutPkts+1 InPkts+1 Orphans+1");
	close(c);
	EXPECT_CHANGED(known ? "CurrEstab-1" : "CurrEstab-1 OutPkts+1 InPkts+1 Orphans-1");
}

/* A writer that finds no room. */
TEST_F(observe, counters_of_blocked)
{
	long blocked;
	int fd[2];

	ASSERT_EQ(0, small_pair(self->f, fd));
	EXPECT_EQ(0, counter("OutBlocked"));
	ASSERT_EQ(0, set_nonblocking(fd[0], true));
	ASSERT_LT(0, fill(self->f, fd[0]));
	blocked = counter("OutBlocked");
	EXPECT_LT(0, blocked);
	EXPECT_EQ(-EAGAIN, ERR(send(fd[0], "x", 1, 0)));
	EXPECT_EQ(blocked + 1, counter("OutBlocked"));
}

/* By a program that plays the peer: it says nothing, and then too much. */

#define US	5000
#define THEM	6000

static int say(int raw, unsigned int op, unsigned int read, unsigned int limit)
{
	const struct packet pkt = { .version = 1, .op = op,
		.type = op == KITE_OP_ECHO ? SOCK_RAW : SOCK_STREAM,
		.src_port = US, .src_node = 1, .dst_port = THEM, .dst_node = 1,
		.flags = op == KITE_OP_SHUTDOWN ? 3 : 0, .read = read, .limit = limit };

	return packet_send(raw, &pkt, NULL);
}

TEST_F(observe, counters_of_connect_timeouts)
{
	struct counters before;
	struct address addr;
	int raw, c;

	ASSERT_EQ(0, set("connect_timeout", "50"));
	raw = raw_bound(US);
	ASSERT_LE(0, raw);
	c = ERR(socket(self->f->domain(), SOCK_STREAM, 0));
	kite_address(&addr, US, KITE_NODE_LOCAL);
	counters_read(&before);
	EXPECT_EQ(-ETIMEDOUT, connect_to(c, &addr));
	EXPECT_CHANGED("ActiveOpens+1 AttemptFails+1 ConnectTimeouts+1 OutPkts+1 InPkts+1");
}

TEST_F(observe, counters_of_close_timeouts)
{
	int raw = raw_bound(US), l = kite_listener_at(SOCK_STREAM, THEM, 5), s;
	struct counters before;

	ASSERT_EQ(0, say(raw, KITE_OP_REQUEST, 0, 1000));
	s = ERR(accept(l, NULL, NULL));
	ASSERT_LE(0, s);
	ASSERT_EQ(0, set("close_timeout", "3600000"));
	counters_read(&before);
	close(s);
	EXPECT_CHANGED("CurrEstab-1 OutPkts+1 InPkts+1 Orphans+1");
	ASSERT_EQ(0, say(raw, KITE_OP_SHUTDOWN, 0, 0));
	EXPECT_CHANGED("OutPkts+1 InPkts+1 Orphans-1");

	ASSERT_EQ(0, say(raw, KITE_OP_REQUEST, 0, 1000));
	s = ERR(accept(l, NULL, NULL));
	ASSERT_LE(0, s);
	ASSERT_EQ(0, set("close_timeout", "50"));
	counters_read(&before);
	close(s);
	EXPECT_EQ(0, BECOMES(0, counter("Orphans")));
	EXPECT_CHANGED("CurrEstab-1 CloseTimeouts+1 OutPkts+1 InPkts+1");
}

TEST_F(observe, counters_of_bad_credits)
{
	int raw = raw_bound(US), l = kite_listener_at(SOCK_STREAM, THEM, 5), s;
	struct counters before;

	ASSERT_EQ(0, say(raw, KITE_OP_REQUEST, 0, 1000));
	s = ERR(accept(l, NULL, NULL));
	ASSERT_EQ(10, send(s, "0123456789", 10, 0));
	counters_read(&before);
	ASSERT_EQ(0, say(raw, KITE_OP_CREDIT, 10, 2000));
	EXPECT_CHANGED("OutPkts+1 InPkts+1");
	/* It has not sent so much. */
	ASSERT_EQ(0, say(raw, KITE_OP_CREDIT, 11, 2000));
	EXPECT_CHANGED("OutPkts+1 InPkts+1 InBadCredits+1");
}

TEST_F(observe, counters_of_echos)
{
	int raw = raw_bound(US);
	struct counters before;

	counters_read(&before);
	ASSERT_EQ(0, say(raw, KITE_OP_ECHO, 0, 0));
	EXPECT_CHANGED("OutPkts+2 InPkts+2 InEchos+1 OutEchoReps+1");
}

static bool is_set(const char *name, const char *value)
{
	char path[100];

	snprintf(path, sizeof(path), SYSCTL "%s", name);
	return read_file(path, text, sizeof(text)) > 0 &&
	       !strncmp(text, value, strlen(value)) && text[strlen(value)] == '\n';
}

TEST_F(observe, bad_settings_are_refused)
{
	EXPECT_EQ(-EINVAL, set("port_range", "5000 4000"));
	EXPECT_EQ(-EINVAL, set("port_range", "1000 5000"));
	EXPECT_EQ(-EINVAL, set("port_range", "5000"));
	EXPECT_EQ(-EINVAL, set("port_range", "-1 5000"));
	EXPECT_EQ(-EINVAL, set("port_range", "5000 2147483648"));
	EXPECT_TRUE(is_set("port_range", "65536\t2147483647"));
	EXPECT_EQ(-EINVAL, set("unprivileged_port_start", "-1"));
	EXPECT_EQ(-EINVAL, set("unprivileged_port_start", "65537"));
	EXPECT_TRUE(is_set("unprivileged_port_start", "1024"));
	EXPECT_EQ(-EINVAL, set("connect_timeout", "0"));
	EXPECT_EQ(-EINVAL, set("close_timeout", "3600001"));
	EXPECT_EQ(-EINVAL, set("echo_rate", "-1"));
	EXPECT_EQ(-EINVAL, set("reset_rate", "many"));
	EXPECT_EQ(-EINVAL, set("rmem_max", "1"));
	EXPECT_EQ(-EINVAL, set("wmem_default", "1073741825"));
	EXPECT_TRUE(is_set("rmem_max", "1073741824"));
	/* One for all namespaces, and one that the first sets for all. */
	EXPECT_EQ(-ENOENT, set("mem", "1 2 3"));
	EXPECT_EQ(-EACCES, set("max_orphans", "1"));
}

/* In the first namespace, where tests are begun. */
TEST(bad_settings_for_all_are_refused)
{
	static const char bad[][24] = { "3 2 1", "2 1 3", "1 2", "0 1 2", "-1 2 3",
		"1 2 -3", "1 2 99999999999999999999", "many", "1,2,3" };
	static char before[100];
	size_t i;

	if (skip_family(_metadata, &family_kite))
		return;
	if (access(SYSCTL "mem", W_OK))
		SKIP(return, "not root in the first namespace");
	ASSERT_LT(0, read_file(SYSCTL "mem", before, sizeof(before)));
	*strchr(before, '\n') = '\0';
	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		EXPECT_EQ(-EINVAL, set("mem", bad[i])) {
			TH_LOG("%s", bad[i]);
		}
	EXPECT_TRUE(is_set("mem", before));
	EXPECT_EQ(-EINVAL, set("max_orphans", "-1"));
	EXPECT_EQ(-EINVAL, set("max_orphans", "1000001"));
	EXPECT_TRUE(is_set("max_orphans", "1024"));
}

/* Pages, as in net.ipv4.tcp_mem; what is set here again is what there was. */
TEST(memory_of_all)
{
	char before[100] = "", after[100] = "";

	if (access("/proc/sys/net/kite/mem", W_OK))
		SKIP(return, "no net.kite.mem to write: it is the first namespace's");
	ASSERT_LT(0, read_file("/proc/sys/net/kite/mem", before, sizeof(before)));
	EXPECT_EQ(-EINVAL, set("mem", "3 2 1"));
	EXPECT_EQ(-EINVAL, set("mem", "1 2"));
	EXPECT_EQ(-EINVAL, set("mem", "0 1 2"));
	ASSERT_LT(0, read_file("/proc/sys/net/kite/mem", after, sizeof(after)));
	EXPECT_STREQ(before, after);
	EXPECT_EQ(0, set("mem", "1000000 2000000 3000000"));
	ASSERT_LT(0, read_file("/proc/sys/net/kite/mem", after, sizeof(after)));
	EXPECT_STREQ("1000000\t2000000\t3000000\n", after);
	EXPECT_EQ(0, set("mem", before));
}

TEST_F(observe, ports_come_from_the_range)
{
	struct address addr;
	int fd[4], i;

	kite_address(&addr, KITE_PORT_ANY, KITE_NODE_ANY);
	ASSERT_EQ(0, set("port_range", "5000 5002"));
	for (i = 0; i < 3; i++) {
		fd[i] = ERR(socket(self->f->domain(), SOCK_DGRAM, 0));
		ASSERT_EQ(0, bind_to(fd[i], &addr));
		ASSERT_EQ(0, name_of(fd[i], &addr));
		EXPECT_LE(5000, port_of(&addr));
		EXPECT_GE(5002, port_of(&addr));
		kite_address(&addr, KITE_PORT_ANY, KITE_NODE_ANY);
	}
	fd[3] = ERR(socket(self->f->domain(), SOCK_DGRAM, 0));
	EXPECT_EQ(-EADDRINUSE, bind_to(fd[3], &addr));
	/* A child begins with the defaults. */
	ASSERT_EQ(0, enter_new_netns());
	EXPECT_TRUE(is_set("port_range", "65536\t2147483647"));
}

TEST_F(observe, ports_of_everybody)
{
	struct address addr;
	int fd;

	ASSERT_EQ(0, set("unprivileged_port_start", "80"));
	ASSERT_TRUE(become_nobody());
	fd = ERR(socket(self->f->domain(), SOCK_DGRAM, 0));
	kite_address(&addr, 79, KITE_NODE_ANY);
	EXPECT_EQ(-EACCES, bind_to(fd, &addr));
	kite_address(&addr, 80, KITE_NODE_ANY);
	EXPECT_EQ(0, bind_to(fd, &addr));
}

TEST_F(observe, buffers_begin_as_set)
{
	int fd;

	ASSERT_EQ(0, set("rmem_default", "30000"));
	ASSERT_EQ(0, set("wmem_default", "40000"));
	ASSERT_EQ(0, set("rmem_max", "10000"));
	fd = ERR(socket(self->f->domain(), SOCK_DGRAM, 0));
	ASSERT_LE(0, fd);
	EXPECT_EQ(30000, get_int_option(fd, SOL_SOCKET, SO_RCVBUF));
	EXPECT_EQ(40000, get_int_option(fd, SOL_SOCKET, SO_SNDBUF));
}

/* What is got is twice what holds, as everywhere. */
TEST_F(observe, buffers_end_as_set)
{
	static const struct { int option, force, most; } buffers[] = {
		{ SO_RCVBUF, SO_RCVBUFFORCE, 10000 },
		{ SO_SNDBUF, SO_SNDBUFFORCE, 15000 },
	};
	/* Before 6.7 the core answers alone. */
	bool asked = kernel_since(6, 7);
	unsigned int i;
	int fd;

	ASSERT_EQ(0, set("rmem_max", "10000"));
	ASSERT_EQ(0, set("wmem_max", "15000"));
	fd = ERR(socket(self->f->domain(), SOCK_DGRAM, 0));
	ASSERT_LE(0, fd);
	for (i = 0; i < ARRAY_SIZE(buffers); i++) {
		int most = buffers[i].most, option = buffers[i].option;

		ASSERT_EQ(0, set_int_option(fd, SOL_SOCKET, option, most));
		EXPECT_EQ(2 * most, get_int_option(fd, SOL_SOCKET, option));
		ASSERT_EQ(0, set_int_option(fd, SOL_SOCKET, option, 50000));
		EXPECT_EQ(2 * (asked ? most : 50000), get_int_option(fd, SOL_SOCKET, option));
		ASSERT_EQ(0, set_int_option(fd, SOL_SOCKET, buffers[i].force, 50000));
		EXPECT_EQ(100000, get_int_option(fd, SOL_SOCKET, option));
		ASSERT_EQ(0, set_int_option(fd, SOL_SOCKET, option, most - 1));
		EXPECT_EQ(2 * (most - 1), get_int_option(fd, SOL_SOCKET, option));
	}
}

TEST_F(observe, tracepoints_tell_the_story)
{
	static const char * const story[] = {
		"type=STREAM|newstate=LISTEN",
		"type=STREAM|oldstate=CLOSE newstate=SYN_SENT",
		"type=STREAM|ino=0|oldstate=CLOSE newstate=ESTABLISHED",
		"type=STREAM|oldstate=SYN_SENT newstate=ESTABLISHED",
		"kite_send|len=5|ret=5 total=5",
		"kite_credit|what=grant read=5",
		"kite_recv|len=9|ret=5 total=5",
		"newstate=ESTABLISHED shutdown=SEND",
		"oldstate=ESTABLISHED newstate=CLOSING",
		"kite_drop|type=DGRAM op=DGRAM|dst=1:4999|reason=NO_PORT",
		NULL,
	};
	char *save, *line, *part, words[100], buf[9], netns[40];
	struct address addr;
	int l, c, a, d, i;
	struct stat st;

	if (access(TRACING "/instances", F_OK))
		mount("tracefs", TRACING, "tracefs", 0, NULL);
	if (mkdir(INSTANCE, 0700) && errno != EEXIST)
		SKIP(return, "no tracefs in this kernel");
	ASSERT_EQ(0, stat("/proc/thread-self/ns/net", &st));
	snprintf(netns, sizeof(netns), "netns == %lu", (unsigned long)st.st_ino);
	ASSERT_EQ(0, write_file(INSTANCE "/events/kite/filter", netns));
	ASSERT_EQ(0, write_file(INSTANCE "/events/kite/enable", "1"));

	l = ERR(listener(self->f, 3, &addr));
	c = ERR(connector(self->f, &addr));
	a = ERR(accept(l, NULL, NULL));
	ASSERT_EQ(5, send(c, "hello", 5, 0));
	ASSERT_EQ(5, recv(a, buf, sizeof(buf), 0));
	ASSERT_EQ(0, shutdown(c, SHUT_WR));
	close(a);
	close(c);
	close(l);
	d = ERR(socket(self->f->domain(), SOCK_DGRAM, 0));
	kite_address(&addr, 4999, KITE_NODE_LOCAL);
	EXPECT_EQ(peer_is_known(self->f) ? -1 : 1,
		  sendto(d, "x", 1, 0, &addr.sa, addr.len));

	ASSERT_EQ(0, write_file(INSTANCE "/events/kite/enable", "0"));
	ASSERT_LT(0, read_file(INSTANCE "/trace", text, sizeof(text)));
	rmdir(INSTANCE);
	/* Each line of the story, in this order, with all of its words. */
	for (i = 0, line = strtok_r(text, "\n", &save); line && story[i];
	     line = strtok_r(NULL, "\n", &save)) {
		snprintf(words, sizeof(words), "%s", story[i]);
		for (part = strtok(words, "|"); part; part = strtok(NULL, "|"))
			if (!strstr(line, part))
				break;
		i += !part;
	}
	EXPECT_EQ(NULL, story[i])
		TH_LOG("not told: %s", story[i]);
}

TEST_HARNESS_MAIN
