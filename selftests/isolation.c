// SPDX-License-Identifier: GPL-2.0
/*
 * What a program without privileges, or in another namespace, cannot do: take what is
 * kept for others, reach them, or have larger buffers. Memory is in cgroup.c.
 */

#define _GNU_SOURCE
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <linux/filter.h>

#include "counters.h"
#include "fixtures.h"
#include "packet.h"

/* An ordinary user, and one who is root in a user namespace of his own. */

FIXTURE(user) { const struct family *f; };
KITE_INET(user);

FIXTURE_SETUP(user)
{
	self->f = variant->f;
	if (skip_family(_metadata, self->f))
		return;
	ASSERT_TRUE(become_nobody());
}

FIXTURE_TEARDOWN(user) { }

static void family_address(const struct family *f, struct address *addr, unsigned int port)
{
	if (is_kite(f))
		kite_address(addr, port, KITE_NODE_LOCAL);
	else
		inet_address(addr, port, INADDR_LOOPBACK);
}

/* A socket at this port, or the error. */
static int socket_at_port(const struct family *f, int type, unsigned int port)
{
	int fd = ERR(socket(f->domain(), type | SOCK_CLOEXEC, 0)), err;
	struct address addr;

	if (fd < 0)
		return fd;
	family_address(f, &addr, port);
	err = bind_to(fd, &addr);
	if (!err)
		return fd;
	close(fd);
	return err;
}

static int bind_port(const struct family *f, int type, unsigned int port)
{
	int fd = socket_at_port(f, type, port);

	return fd < 0 ? fd : ERR(close(fd));
}

TEST_F(user, low_ports)
{
	static const int types[] = { SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET };
	static const unsigned int low[] = { 1, 80, 1023 };
	size_t i, k;

	for (i = 0; i < (is_inet(self->f) ? 2 : ARRAY_SIZE(types)); i++) {
		for (k = 0; k < ARRAY_SIZE(low); k++)
			EXPECT_EQ(-EACCES, bind_port(self->f, types[i], low[k]));
		EXPECT_EQ(0, bind_port(self->f, types[i], 1024));
	}
	/* Port 0 asks TCP for any; here it is one like others. */
	if (is_kite(self->f))
		EXPECT_EQ(-EACCES, bind_port(self->f, SOCK_STREAM, 0));

	/* To be root among one's own is no use in a network that is everybody's. */
	if (unshare(CLONE_NEWUSER))
		SKIP(return, "no user namespace for nobody: %s", strerror(errno));
	EXPECT_EQ(-EACCES, bind_port(self->f, SOCK_STREAM, 80));
	ASSERT_EQ(0, unshare(CLONE_NEWNET));
	ASSERT_EQ(0, loopback_up());
	EXPECT_EQ(0, bind_port(self->f, SOCK_STREAM, 80));
}

/* Options that need a privilege need it here, too. */
TEST_F(user, options)
{
	static const struct {
		int name, value, err;
	} options[] = {
		{ SO_RCVBUFFORCE, 1 << 24, -EPERM },
		{ SO_SNDBUFFORCE, 1 << 24, -EPERM },
		{ SO_MARK, 1, -EPERM },
		{ SO_PRIORITY, 7, -EPERM },
		{ SO_PRIORITY, 6, 0 },
		{ SO_DEBUG, 1, -EACCES },
	};
	int fd = stream_socket(self->f), own, max;
	size_t i;

	for (own = 0; own < 2; own++) {
		for (i = 0; i < ARRAY_SIZE(options); i++) {
			EXPECT_EQ(options[i].err, set_int_option(fd, SOL_SOCKET,
								 options[i].name,
								 options[i].value))
				TH_LOG("option %d", options[i].name);
		}
		/* What is too much is as much as may be. */
		ASSERT_EQ(0, set_int_option(fd, SOL_SOCKET, SO_RCVBUF, INT_MAX));
		max = get_int_option(fd, SOL_SOCKET, SO_RCVBUF);
		ASSERT_EQ(0, set_int_option(fd, SOL_SOCKET, SO_RCVBUF, max / 2));
		EXPECT_EQ(max, get_int_option(fd, SOL_SOCKET, SO_RCVBUF));
		EXPECT_GT(1 << 24, max);

		if (unshare(CLONE_NEWUSER))
			break;
		/* Root of a namespace, but the socket is of another. */
	}
}

static int set_sysctl(const char *name, int value)
{
	char path[100], text[20];
	int fd, ret;

	snprintf(path, sizeof(path), "/proc/sys/net/kite/%s", name);
	fd = ERR(open(path, O_WRONLY | O_CLOEXEC));
	if (fd < 0)
		return fd;
	ret = ERR(write(fd, text, sprintf(text, "%d\n", value)));
	close(fd);
	return ret < 0 ? ret : 0;
}

/*
 * Who makes himself a namespace is its administrator, and sets what belongs to it. A
 * socket there begins with no more than SO_RCVBUF would have given it anyway.
 */
TEST_F(user, buffers_of_his_namespace)
{
	static const char * const mine[] = { "rmem_default", "wmem_default", "rmem_max",
		"wmem_max" };
	static const char * const not_mine[] = { "max_orphans", "mem" };
	int fd, rcvbuf, sndbuf;
	size_t i;

	if (!is_kite(self->f))
		SKIP(return, "of net.kite");
	for (i = 0; i < ARRAY_SIZE(mine); i++)
		EXPECT_EQ(-EACCES, set_sysctl(mine[i], 1 << 30));
	if (unshare(CLONE_NEWUSER | CLONE_NEWNET))
		SKIP(return, "no user namespace for nobody: %s", strerror(errno));
	for (i = 0; i < ARRAY_SIZE(mine); i++)
		ASSERT_EQ(0, set_sysctl(mine[i], 1 << 30));
	for (i = 0; i < ARRAY_SIZE(not_mine); i++)
		EXPECT_GT(0, set_sysctl(not_mine[i], 1 << 30));

	fd = kite_socket(SOCK_DGRAM);
	ASSERT_LE(0, fd);
	rcvbuf = get_int_option(fd, SOL_SOCKET, SO_RCVBUF);
	sndbuf = get_int_option(fd, SOL_SOCKET, SO_SNDBUF);
	ASSERT_EQ(0, set_int_option(fd, SOL_SOCKET, SO_RCVBUF, INT_MAX));
	ASSERT_EQ(0, set_int_option(fd, SOL_SOCKET, SO_SNDBUF, INT_MAX));
	EXPECT_EQ(get_int_option(fd, SOL_SOCKET, SO_RCVBUF), rcvbuf);
	EXPECT_EQ(get_int_option(fd, SOL_SOCKET, SO_SNDBUF), sndbuf);
}

/* A filter that was locked stays. */
TEST_F(user, locked_filter)
{
	struct sock_filter insn[] = { BPF_STMT(BPF_RET | BPF_K, 0) };
	struct sock_fprog prog = { ARRAY_SIZE(insn), insn };
	int fd = stream_socket(self->f);

	if (is_inet(self->f))
		SKIP(return, "only who has CAP_NET_ADMIN attaches one to TCP");
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, ERR(setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog))));
	ASSERT_EQ(0, set_int_option(fd, SOL_SOCKET, SO_LOCK_FILTER, 1));
	EXPECT_EQ(-EPERM, set_int_option(fd, SOL_SOCKET, SO_DETACH_FILTER, 0));
	EXPECT_EQ(-EPERM, ERR(setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog,
					 sizeof(prog))));
	EXPECT_EQ(-EPERM, set_int_option(fd, SOL_SOCKET, SO_LOCK_FILTER, 0));
}

/* Ports: there are enough for others, whatever one takes. */

#define PORTS	2500
#define OTHERS	20

FIXTURE(ports) {
	const struct family *f;
	int type;
};

FIXTURE_VARIANT(ports) {
	const struct family *f;
	int type;
};

TYPE_VARIANT(ports, kite, STREAM);
TYPE_VARIANT(ports, kite, SEQPACKET);
TYPE_VARIANT(ports, kite, DGRAM);
TYPE_VARIANT(ports, inet, STREAM);
TYPE_VARIANT(ports, inet, DGRAM);

FIXTURE_SETUP(ports)
{
	const struct rlimit limit = { PORTS + 100, PORTS + 100 };
	int err;

	self->f = variant->f;
	self->type = variant->type;
	if (skip_family(_metadata, self->f))
		return;
	err = enter_new_netns();
	if (err)
		SKIP(return, "no namespace of its own: %s", strerror(-err));
	ASSERT_EQ(0, ERR(setrlimit(RLIMIT_NOFILE, &limit)));
}

FIXTURE_TEARDOWN(ports) { }

/* Another program's exit status: how many of its sockets got no port. */
static int ports_refused(const struct family *f, int type, const struct address *server)
{
	struct address addr;
	int i, refused = 0;

	for (i = 0; i < OTHERS; i++) {
		refused += socket_at(f, type, &addr) < 0;
		refused += connect_to(socket(f->domain(), type, 0), server) < 0;
	}
	return refused;
}

/* Who has a port that was given to him knows which ones come next, and takes them. */
TEST_F(ports, of_others)
{
	struct address server, addr;
	int l, i, status;
	pid_t pid;

	ASSERT_TRUE(become_nobody());
	l = socket_at(self->f, self->type, &server);
	ASSERT_LE(0, l);
	if (self->type != SOCK_DGRAM)
		ASSERT_EQ(0, ERR(listen(l, OTHERS)));
	ASSERT_LE(0, socket_at(self->f, self->type, &addr));
	for (i = 1; i <= PORTS; i++) {
		if (port_of(&addr) + i == port_of(&server))
			continue;
		ASSERT_LE(0, socket_at_port(self->f, self->type, port_of(&addr) + i));
	}

	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid)
		_exit(ports_refused(self->f, self->type, &server));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status) TH_LOG("%d refused", WEXITSTATUS(status));
}

#define FIRST	5000
#define LAST	6023

/* In a range that is not larger than what is tried, the last free port is found. */
TEST_F(ports, of_a_small_range)
{
	static const unsigned int left[] = { FIRST, 5500, LAST, 5499 };
	int fd[LAST - FIRST + 1], any;
	struct address addr;
	unsigned int i;

	if (!is_kite(self->f))
		SKIP(return, "of net.kite");
	ASSERT_EQ(0, put_file("/proc/sys/net/kite/port_range", "5000 6023"));
	for (i = 0; i < ARRAY_SIZE(fd); i++) {
		fd[i] = socket_at_port(self->f, self->type, FIRST + i);
		ASSERT_LE(0, fd[i]);
	}
	for (i = 0; i < ARRAY_SIZE(left); i++) {
		EXPECT_EQ(-EADDRINUSE, socket_at(self->f, self->type, &addr));
		ASSERT_EQ(0, close(fd[left[i] - FIRST]));
		any = socket_at(self->f, self->type, &addr);
		ASSERT_LE(0, any);
		EXPECT_EQ(left[i], port_of(&addr));
		fd[left[i] - FIRST] = any;
	}
}

/* Two namespaces: whatever one sends, the other does not get. */

FIXTURE(other) {
	int home, away;
};

static int this_netns(void)
{
	return open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
}

FIXTURE_SETUP(other)
{
	int err;

	if (skip_family(_metadata, &family_kite))
		return;
	err = enter_new_netns();
	if (err)
		SKIP(return, "no namespace of its own: %s", strerror(-err));
	self->away = this_netns();
	ASSERT_EQ(0, enter_new_netns());
	self->home = this_netns();
}

FIXTURE_TEARDOWN(other) { }

TEST_F(other, gets_no_datagrams)
{
	struct address addr;
	char c;
	int fd;

	fd = kite_socket_at(SOCK_DGRAM, 7000);
	ASSERT_LE(0, fd);
	kite_address(&addr, 7000, KITE_NODE_LOCAL);
	ASSERT_EQ(0, setns(self->away, CLONE_NEWNET));
	EXPECT_EQ(peer_is_known(&family_kite) ? -ECONNREFUSED : 1,
		  ERR(sendto(kite_socket(SOCK_DGRAM), "x", 1, 0, &addr.sa, addr.len)));
	EXPECT_EQ(-EAGAIN, ERR(recv(fd, &c, 1, MSG_DONTWAIT)));
	ASSERT_EQ(0, setns(self->home, CLONE_NEWNET));
	EXPECT_EQ(1, sendto(kite_socket(SOCK_DGRAM), "x", 1, 0, &addr.sa, addr.len));
	EXPECT_EQ(1, recv(fd, &c, 1, 0));
}

/* Our port, a client's that is a socket here, and that of who is spoken to. */
#define US	5000
#define CLIENT	5001
#define SERVER	6000

/* What may do something to a socket, if it reaches it. */
static const struct packet forged[] = {
	{ .type = SOCK_STREAM, .op = KITE_OP_REQUEST, .limit = 1000 },
	{ .type = SOCK_STREAM, .op = KITE_OP_RESPONSE, .limit = 1000 },
	{ .type = SOCK_STREAM, .op = KITE_OP_CREDIT, .limit = 2000 },
	{ .type = SOCK_STREAM, .op = KITE_OP_DATA, .len = 1 },
	{ .type = SOCK_STREAM, .op = KITE_OP_RESET, .flags = KITE_RESET_ABORT },
	{ .type = SOCK_STREAM, .op = KITE_OP_SHUTDOWN, .flags = 3 },
	{ .type = SOCK_SEQPACKET, .op = KITE_OP_REQUEST, .limit = 1000 },
	{ .type = SOCK_SEQPACKET, .op = KITE_OP_RESPONSE, .limit = 1000 },
	{ .type = SOCK_SEQPACKET, .op = KITE_OP_CREDIT, .limit = 2000 },
	{ .type = SOCK_SEQPACKET, .op = KITE_OP_DATA, .len = 1 },
	{ .type = SOCK_SEQPACKET, .op = KITE_OP_RESET, .flags = KITE_RESET_ABORT },
	{ .type = SOCK_SEQPACKET, .op = KITE_OP_SHUTDOWN, .flags = 3 },
	{ .type = SOCK_DGRAM, .op = KITE_OP_DGRAM, .len = 1 },
	{ .type = SOCK_DGRAM, .op = KITE_OP_RESET, .flags = KITE_RESET_REFUSED },
};

static int send_packet(int raw, struct packet pkt, unsigned int from, unsigned int to)
{
	pkt.version = KITE_VERSION;
	pkt.src_port = from;
	pkt.src_node = KITE_NODE_LOCAL;
	pkt.dst_port = to;
	pkt.dst_node = KITE_NODE_LOCAL;
	return packet_send(raw, &pkt, "x");
}

/* All of them; 0 if all went out. */
static int send_forged(int raw, unsigned int from, unsigned int to)
{
	size_t i;
	int err = 0;

	for (i = 0; i < ARRAY_SIZE(forged) && !err; i++)
		err = send_packet(raw, forged[i], from, to);
	return err;
}

/*
 * Sockets of each type: a listener, its end of a connection whose other end is a raw
 * socket, for that one takes packets whatever the module's parameter, and both of another.
 */
struct reachable {
	int l, played, c, s;
};

static int make_reachable(struct reachable *r, int type, int raw)
{
	const struct packet request = { .type = type, .op = KITE_OP_REQUEST, .limit = 1000 };
	struct address addr;
	int err;

	r->l = kite_listener_at(type, SERVER, 5);
	err = send_packet(raw, request, US, SERVER);
	if (err)
		return err;
	r->played = ERR(accept4(r->l, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC));
	r->c = kite_socket_at(type, CLIENT);
	kite_address(&addr, SERVER, KITE_NODE_LOCAL);
	err = connect_to(r->c, &addr);
	if (err)
		return err;
	r->s = ERR(accept4(r->l, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC));
	set_nonblocking(r->l, true);
	set_nonblocking(r->c, true);
	return r->played < 0 ? r->played : r->s < 0 ? r->s : 0;
}

#define EXPECT_UNTOUCHED(fd)						\
	do {								\
		EXPECT_EQ(0, get_int_option(fd, SOL_SOCKET, SO_ERROR));	\
		EXPECT_EQ(POLLOUT, revents(fd));			\
		EXPECT_EQ(-EAGAIN, ERR(recv(fd, &byte, 1, MSG_DONTWAIT))); \
	} while (0)

/* Whatever is forged there reaches no connection, listener or datagram socket here. */
TEST_F(other, gets_no_packets)
{
	static const int types[] = { SOCK_STREAM, SOCK_SEQPACKET };
	struct reachable r[ARRAY_SIZE(types)];
	struct address addr;
	int here, there, d;
	char byte;
	size_t i;

	here = raw_bound(US);
	ASSERT_LE(0, here);
	for (i = 0; i < ARRAY_SIZE(types); i++)
		ASSERT_EQ(0, make_reachable(&r[i], types[i], here));
	d = kite_socket_at(SOCK_DGRAM, SERVER);
	kite_address(&addr, US, KITE_NODE_LOCAL);
	ASSERT_EQ(0, connect_to(d, &addr));
	while (packet_next_op(here) >= 0)
		;

	ASSERT_EQ(0, setns(self->away, CLONE_NEWNET));
	there = raw_socket();
	ASSERT_LE(0, there);
	EXPECT_EQ(0, send_forged(there, US, SERVER));
	EXPECT_EQ(0, send_forged(there, CLIENT, SERVER));
	EXPECT_EQ(0, send_forged(there, SERVER, CLIENT));
	/* It did go somewhere: there it was refused. */
	EXPECT_EQ(KITE_OP_RESET, packet_next_op(there));
	while (packet_next_op(there) >= 0)
		;
	for (i = 0; i < ARRAY_SIZE(types); i++) {
		EXPECT_UNTOUCHED(r[i].played);
		EXPECT_UNTOUCHED(r[i].c);
		EXPECT_UNTOUCHED(r[i].s);
		EXPECT_EQ(-EAGAIN, ERR(accept(r[i].l, NULL, NULL)));
	}
	EXPECT_UNTOUCHED(d);
	EXPECT_EQ(-EAGAIN, packet_next_op(here));

	/* No raw socket there sees what happens here, either. */
	for (i = 0; i < ARRAY_SIZE(types); i++) {
		ASSERT_EQ(1, send(r[i].played, "x", 1, 0));
		EXPECT_EQ(KITE_OP_DATA, packet_next_op(here));
		ASSERT_EQ(1, send(r[i].c, "x", 1, 0));
		ASSERT_EQ(1, recv(r[i].s, &byte, 1, 0));
	}
	ASSERT_EQ(1, send(d, "x", 1, 0));
	EXPECT_EQ(KITE_OP_DGRAM, packet_next_op(here));
	EXPECT_EQ(-EAGAIN, packet_next_op(there));

	/* The same from here does reach them. */
	EXPECT_EQ(0, send_forged(here, US, SERVER));
	for (i = 0; i < ARRAY_SIZE(types); i++) {
		EXPECT_EQ(1, ERR(recv(r[i].played, &byte, 1, 0)));
		EXPECT_EQ(-ECONNRESET, ERR(recv(r[i].played, &byte, 1, 0)));
	}
	EXPECT_EQ(-ECONNREFUSED, ERR(recv(d, &byte, 1, MSG_DONTWAIT)));
	EXPECT_EQ(1, ERR(recv(d, &byte, 1, MSG_DONTWAIT)));
}

/* An ECHO is answered by the namespace that it was sent in. */
TEST_F(other, answers_no_echo)
{
	struct packet echo = { .version = KITE_VERSION, .type = SOCK_RAW,
		.op = KITE_OP_ECHO, .src_port = 7000, .src_node = 1, .dst_node = 1 };
	int here, there;

	here = raw_bound(7000);
	ASSERT_EQ(0, setns(self->away, CLONE_NEWNET));
	there = raw_bound(7000);
	ASSERT_EQ(0, packet_send(there, &echo, NULL));
	EXPECT_EQ(KITE_OP_ECHO_REPLY, BECOMES(KITE_OP_ECHO_REPLY, packet_next_op(there)));
	EXPECT_EQ(-EAGAIN, packet_next_op(here));
}

/* How many lines of the file that lists sockets have @text? */
static int lines_with(const char *text)
{
	FILE *file = fopen("/proc/thread-self/net/kite", "re");
	char line[512];
	int count = 0;

	if (!file)
		return -errno;
	while (fgets(line, sizeof(line), file))
		count += !!strstr(line, text);
	fclose(file);
	return count;
}

/* Files that list sockets list those of the namespace alone. */
TEST_F(other, is_not_listed)
{
	int fd;

	if (access("/proc/thread-self/net/kite", R_OK))
		SKIP(return, "this kite.ko has no /proc/net/kite");
	fd = kite_socket_at(SOCK_STREAM, 1234567);
	ASSERT_LE(0, fd);
	EXPECT_EQ(1, lines_with("1234567"));
	ASSERT_EQ(0, setns(self->away, CLONE_NEWNET));
	EXPECT_EQ(0, lines_with("1234567"));
}

static const struct packet reset = { .type = SOCK_STREAM, .op = KITE_OP_RESET,
	.flags = KITE_RESET_ABORT };

/*
 * Connections that live, that are reset, refused and closed; datagrams; packets. Returns
 * a raw socket, for whose end a closed one waits, or an error.
 */
static int make_traffic(void)
{
	static const int types[] = { SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM };
	static const struct packet echo = { .type = SOCK_RAW, .op = KITE_OP_ECHO };
	int raw = raw_bound(US), fd[2], err;
	struct address nobody;
	struct reachable r;
	char byte;
	size_t i;

	for (i = 0; i < 2 * ARRAY_SIZE(types); i++) {
		err = pair_of_type(&family_kite, types[i / 2], fd);
		if (err)
			return err;
		if (send(fd[0], "xy", 2, 0) != 2 || recv(fd[1], &byte, 1, 0) != 1)
			return -EIO;
		/* With data unread. */
		if (i % 2 && (send(fd[0], "x", 1, 0) != 1 || close(fd[1]) || close(fd[0])))
			return -EIO;
	}
	err = unused_address(&family_kite, &nobody);
	if (err || connector(&family_kite, &nobody) != -refusal(&family_kite))
		return -EIO;
	err = send_packet(raw, echo, US, SERVER) ?: send_forged(raw, US, SERVER);
	/* One that waits for its peer, which does not close. */
	return err ?: make_reachable(&r, SOCK_STREAM, raw) ?: ERR(close(r.played)) ?: raw;
}

/* What happens here is counted here alone. */
TEST_F(other, counts_nothing)
{
	static const char * const counted[] = { "ActiveOpens", "PassiveOpens", "AttemptFails",
		"EstabResets", "CurrEstab", "OutDatagrams", "InDatagrams", "OutPkts", "InPkts",
		"OutRsts", "InRsts", "InEchos", "OutEchoReps", "DropNoListener", "DropNoPort",
		"DropNoConnection", "DropUnread", "Orphans" };
	const int netns[] = { self->home, self->away };
	struct counters busy, idle;
	size_t i, k;
	int raw;

	for (i = 0; i < ARRAY_SIZE(netns); i++) {
		ASSERT_EQ(0, setns(netns[!i], CLONE_NEWNET));
		counters_read(&idle);
		if (!idle.n)
			SKIP(return, "this kite.ko has no /proc/net/kite_stat");
		ASSERT_EQ(0, setns(netns[i], CLONE_NEWNET));
		counters_read(&busy);
		raw = make_traffic();
		ASSERT_LE(0, raw);
		for (k = 0; k < ARRAY_SIZE(counted); k++) {
			EXPECT_LT(counter_in(&busy, counted[k]), counter(counted[k]))
				TH_LOG("%s", counted[k]);
		}
		ASSERT_EQ(0, setns(netns[!i], CLONE_NEWNET));
		EXPECT_STREQ("", counters_changed(&idle));
		/* Or it would wait, and keep its namespace, when all others are gone. */
		ASSERT_EQ(0, send_packet(raw, reset, US, SERVER));
	}
}

TEST_HARNESS_MAIN
