// SPDX-License-Identifier: GPL-2.0
/*
 * What a socket tells of itself and its peer: options of the socket core that every
 * type takes, the memory in use, and the lines in /proc/PID/fdinfo.
 */

#define _GNU_SOURCE
#include <grp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

#include <linux/filter.h>
#include <linux/sock_diag.h>

#include "fixtures.h"

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77
#endif

TYPED_PAIR_FIXTURE(inspect);
TYPE_VARIANT(inspect, kite, STREAM);
TYPE_VARIANT(inspect, kite, SEQPACKET);
TYPE_VARIANT(inspect, kite, DGRAM);
TYPE_VARIANT(inspect, unix, STREAM);
TYPE_VARIANT(inspect, unix, SEQPACKET);
TYPE_VARIANT(inspect, unix, DGRAM);

/* What it gives a process without privileges to set an option. */
static int set_as_nobody(int fd, int name, int value)
{
	pid_t pid = fork();
	int status;

	if (!pid)
		_exit(become_nobody() ? -set_int_option(fd, SOL_SOCKET, name, value) : 255);
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return -ECHILD;
	return -WEXITSTATUS(status);
}

/* Options of the core that it takes from any family */

TEST_F(inspect, kept_by_the_core)
{
	static const struct {
		int name, first, value;
	} options[] = {
		{ SO_MARK, 0, 7 },
		{ SO_PRIORITY, 0, 7 },
		{ SO_INCOMING_CPU, -1, 1 },
		{ SO_BUSY_POLL, 0, 50 },
		{ SO_NO_CHECK, 0, 1 },
		{ SO_LOCK_FILTER, 0, 1 },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(options); i++) {
		int name = options[i].name, value = options[i].value;

		EXPECT_EQ(options[i].first, get_int_option(self->c, SOL_SOCKET, name)) {
			TH_LOG("option %d", name);
		}
		EXPECT_EQ(0, set_int_option(self->c, SOL_SOCKET, name, value)) {
			TH_LOG("option %d", name);
		}
		EXPECT_EQ(value, get_int_option(self->c, SOL_SOCKET, name)) {
			TH_LOG("option %d", name);
		}
	}
	EXPECT_EQ(-EINVAL, set_int_option(self->c, SOL_SOCKET, SO_BUSY_POLL, -1));
	EXPECT_EQ(50, get_int_option(self->c, SOL_SOCKET, SO_BUSY_POLL));

	/* And data goes as before. */
	EXPECT_EQ(1, send(self->c, "x", 1, 0));
	EXPECT_EQ(1, drain(self->s));
	EXPECT_EQ(1, send(self->s, "x", 1, 0));
	EXPECT_EQ(1, drain(self->c));
}

TEST_F(inspect, privileged_options)
{
	EXPECT_EQ(-EPERM, set_as_nobody(self->c, SO_MARK, 7));
	EXPECT_EQ(-EPERM, set_as_nobody(self->c, SO_PRIORITY, 7));
	EXPECT_EQ(0, get_int_option(self->c, SOL_SOCKET, SO_MARK));
	EXPECT_EQ(0, get_int_option(self->c, SOL_SOCKET, SO_PRIORITY));
	EXPECT_EQ(0, set_as_nobody(self->c, SO_PRIORITY, 6));
	EXPECT_EQ(6, get_int_option(self->c, SOL_SOCKET, SO_PRIORITY));
}

static int read_number(const char *path)
{
	FILE *f = fopen(path, "re");
	int n = -1;

	if (!f)
		return -1;
	if (fscanf(f, "%d", &n) != 1)
		n = -1;
	fclose(f);
	return n;
}

TEST_F(inspect, buffers_by_force)
{
	int most = read_number("/proc/sys/net/core/rmem_max");

	ASSERT_LT(0, most);
	ASSERT_EQ(0, set_int_option(self->s, SOL_SOCKET, SO_RCVBUF, 3 * most));
	EXPECT_EQ(2 * most, get_int_option(self->s, SOL_SOCKET, SO_RCVBUF));
	EXPECT_EQ(-EPERM, set_as_nobody(self->s, SO_RCVBUFFORCE, 3 * most));
	EXPECT_EQ(-EPERM, set_as_nobody(self->s, SO_SNDBUFFORCE, 3 * most));
	EXPECT_EQ(2 * most, get_int_option(self->s, SOL_SOCKET, SO_RCVBUF));
	EXPECT_EQ(0, set_int_option(self->s, SOL_SOCKET, SO_RCVBUFFORCE, 3 * most));
	EXPECT_EQ(6 * most, get_int_option(self->s, SOL_SOCKET, SO_RCVBUF));
	most = read_number("/proc/sys/net/core/wmem_max");
	EXPECT_EQ(0, set_int_option(self->s, SOL_SOCKET, SO_SNDBUFFORCE, 3 * most));
	EXPECT_EQ(6 * most, get_int_option(self->s, SOL_SOCKET, SO_SNDBUF));
}

TEST_F(inspect, cookies)
{
	unsigned long long cookie[2] = { };
	socklen_t len = sizeof(cookie[0]);

	ASSERT_EQ(0, getsockopt(self->c, SOL_SOCKET, SO_COOKIE, &cookie[0], &len));
	ASSERT_EQ(0, getsockopt(self->s, SOL_SOCKET, SO_COOKIE, &cookie[1], &len));
	EXPECT_NE(0, cookie[0]);
	EXPECT_NE(0, cookie[1]);
	EXPECT_NE(cookie[0], cookie[1]);
}

/* Who is the peer? */

/* For a pair of the family: not known where there are only packets, or datagrams. */
static bool has_peer(const struct family *f, int type)
{
	return is_unix(f) || (type != SOCK_DGRAM && peer_is_known(f));
}

static int pid_of_pidfd(int fd)
{
	char path[64], line[128];
	int pid = -1;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	f = fopen(path, "re");
	if (!f)
		return -1;
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "Pid: %d", &pid) == 1)
			break;
	fclose(f);
	return pid;
}

static int peer_by_pidfd(int fd)
{
	int pidfd = get_int_option(fd, SOL_SOCKET, SO_PEERPIDFD), pid;

	if (pidfd < 0)
		return pidfd;
	pid = pid_of_pidfd(pidfd);
	close(pidfd);
	return pid;
}

TEST_F(inspect, peerpidfd)
{
	int want = has_peer(self->f, self->type) ? getpid() : -ENODATA;
	bool there_is = kernel_since(6, 5);
	int fd[2];

	EXPECT_EQ(there_is ? want : -ENOPROTOOPT, peer_by_pidfd(self->c));
	EXPECT_EQ(there_is ? want : -ENOPROTOOPT, peer_by_pidfd(self->s));
	ASSERT_EQ(0, socketpair(self->f->domain(), self->type, 0, fd));
	EXPECT_EQ(there_is ? getpid() : -ENOPROTOOPT, peer_by_pidfd(fd[0]));
	EXPECT_EQ(there_is ? getpid() : -ENOPROTOOPT, peer_by_pidfd(fd[1]));
	fd[0] = socket(self->f->domain(), self->type, 0);
	EXPECT_EQ(there_is ? -ENODATA : -ENOPROTOOPT, peer_by_pidfd(fd[0]));
	EXPECT_EQ(-ENOPROTOOPT, set_int_option(fd[1], SOL_SOCKET, SO_PEERPIDFD, 0));
}

TEST_F(inspect, peergroups)
{
	gid_t groups[3] = { 11, 22, 33 }, seen[8] = { };
	socklen_t len = sizeof(seen);
	int fd[2];

	ASSERT_EQ(0, setgroups(3, groups));
	ASSERT_EQ(0, socketpair(self->f->domain(), self->type, 0, fd));
	ASSERT_EQ(0, setgroups(0, NULL));
	ASSERT_EQ(0, getsockopt(fd[0], SOL_SOCKET, SO_PEERGROUPS, seen, &len));
	EXPECT_EQ(sizeof(groups), len);
	EXPECT_EQ(0, memcmp(groups, seen, sizeof(groups)));
	/* Too little room says how much it takes. */
	len = sizeof(gid_t);
	EXPECT_EQ(-ERANGE, ERR(getsockopt(fd[1], SOL_SOCKET, SO_PEERGROUPS, seen, &len)));
	EXPECT_EQ(sizeof(groups), len);

	len = sizeof(seen);
	if (has_peer(self->f, self->type)) {
		EXPECT_EQ(0, getsockopt(self->c, SOL_SOCKET, SO_PEERGROUPS, seen, &len));
	} else {
		EXPECT_EQ(-ENODATA, ERR(getsockopt(self->c, SOL_SOCKET, SO_PEERGROUPS,
						   seen, &len)));
	}
}

TEST_F(inspect, peersec)
{
	char label[256];
	socklen_t len = sizeof(label);

	EXPECT_EQ(-ENOPROTOOPT, ERR(getsockopt(self->c, SOL_SOCKET, SO_PEERSEC, label, &len)));
}

/* Memory. AF_UNIX charges the sender for what is queued, Kite the receiver. */

static unsigned int memory(int fd, int which)
{
	unsigned int info[SK_MEMINFO_VARS] = { };
	socklen_t len = sizeof(info);

	if (getsockopt(fd, SOL_SOCKET, SO_MEMINFO, info, &len) || len != sizeof(info))
		return -1;
	return info[which];
}

static unsigned int rmem(int fd)
{
	return memory(fd, SK_MEMINFO_RMEM_ALLOC);
}

TEST_F(inspect, memory_of_what_is_queued)
{
	int holder = is_kite(self->f) ? self->s : self->c;
	int which = is_kite(self->f) ? SK_MEMINFO_RMEM_ALLOC : SK_MEMINFO_WMEM_ALLOC;
	unsigned int empty = memory(holder, which), one, two;
	static char buf[8000];

	EXPECT_EQ(0, rmem(self->s));
	ASSERT_EQ(sizeof(buf), send(self->c, buf, sizeof(buf), 0));
	one = memory(holder, which);
	EXPECT_LE(empty + sizeof(buf), one);
	ASSERT_EQ(sizeof(buf), send(self->c, buf, sizeof(buf), 0));
	two = memory(holder, which);
	EXPECT_LE(one + sizeof(buf), two);
	ASSERT_EQ(sizeof(buf), recv(self->s, buf, sizeof(buf), 0));
	EXPECT_EQ(one, memory(holder, which));
	ASSERT_EQ(sizeof(buf), recv(self->s, buf, sizeof(buf), MSG_PEEK));
	EXPECT_EQ(one, memory(holder, which));
	ASSERT_EQ(sizeof(buf), recv(self->s, buf, sizeof(buf), 0));
	EXPECT_EQ(empty, memory(holder, which));
	EXPECT_EQ(0, rmem(self->s));

	EXPECT_EQ(get_int_option(self->s, SOL_SOCKET, SO_RCVBUF),
		  memory(self->s, SK_MEMINFO_RCVBUF));
	EXPECT_EQ(get_int_option(self->s, SOL_SOCKET, SO_SNDBUF),
		  memory(self->s, SK_MEMINFO_SNDBUF));
}

FAMILY_FIXTURE(kite, KITE);

/* In buffers that are used again is nothing left of what they were used for. */
TEST_F(kite, memory_after_a_filter_cut)
{
	struct sock_filter code = BPF_STMT(BPF_RET | BPF_K, 5000);
	struct sock_fprog prog = { .len = 1, .filter = &code };
	static char big[KITE_MAX_PAYLOAD];
	unsigned int before;
	cpu_set_t cpu;
	int fd[2], i;

	/* The buffers are each CPU's own. */
	CPU_ZERO(&cpu);
	CPU_SET(sched_getcpu(), &cpu);
	ASSERT_EQ(0, sched_setaffinity(0, sizeof(cpu), &cpu));
	ASSERT_EQ(0, pair_of_type(self->f, SOCK_DGRAM, fd));
	ASSERT_EQ(1, send(fd[0], "x", 1, 0));
	before = rmem(fd[1]);
	EXPECT_LT(0, before);
	EXPECT_EQ(1, drain(fd[1]));

	ASSERT_EQ(0, setsockopt(fd[1], SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog)));
	for (i = 0; i < 50; i++) {
		ASSERT_EQ(sizeof(big), send(fd[0], big, sizeof(big), 0));
		ASSERT_EQ(5000, recv(fd[1], big, sizeof(big), 0));
	}
	ASSERT_EQ(1, send(fd[0], "x", 1, 0));
	EXPECT_EQ(before, rmem(fd[1]));
	EXPECT_EQ(1, drain(fd[1]));
	EXPECT_EQ(0, rmem(fd[1]));
}

/* What has been read may be used again, but only until memory is short. */

#define SLAB	"skbuff_head_cache"

/* How many buffers has the kernel? Or less than 0. */
static long all_buffers(void)
{
	FILE *f = put_file("/sys/kernel/slab/" SLAB "/shrink", "1") ? NULL :
		  fopen("/proc/slabinfo", "re");
	long n, found = -1;
	char line[256];

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, SLAB " %ld", &n) == 1)
			found = n;
	if (f)
		fclose(f);
	return found;
}

/* KASAN is to see each use of what was freed, so nothing is used again. */
static bool has_kasan(void)
{
	FILE *f = fopen("/proc/kallsyms", "re");
	bool found = false;
	char line[256];

	while (f && fgets(line, sizeof(line), f))
		found |= !!strstr(line, " kasan_report\n");
	if (f)
		fclose(f);
	return found;
}

/*
 * How many buffers are there more than before, when records have been read, and how many
 * of those when memory is short?
 */
static void keep_and_give_back(struct __test_metadata *_metadata, const struct family *f,
			       long *kept, long *left)
{
	char buf[64] = "";
	int i, fd[2];
	long before;

	ASSERT_EQ(0, put_file("/proc/sys/vm/drop_caches", "2"));
	before = all_buffers();
	ASSERT_EQ(0, pair_of_type(f, SOCK_SEQPACKET, fd));
	for (i = 0; i < 150; i++)
		ASSERT_EQ(64, send(fd[0], buf, sizeof(buf), MSG_DONTWAIT));
	for (i = 0; i < 150; i++)
		ASSERT_EQ(64, recv(fd[1], buf, sizeof(buf), MSG_DONTWAIT));
	*kept = all_buffers() - before;
	ASSERT_EQ(0, put_file("/proc/sys/vm/drop_caches", "2"));
	*left = all_buffers() - before;
	close(fd[0]);
	close(fd[1]);
}

TEST_F(kite, kept_until_memory_is_short)
{
	int i, rounds = has_kasan() ? 1 : 10;
	long kept = 0, left = 0;
	cpu_set_t cpu;

	if (getuid() || all_buffers() < 0)
		SKIP(return, "cannot count the kernel's buffers");
	/* Each CPU has its own. */
	CPU_ZERO(&cpu);
	CPU_SET(0, &cpu);
	ASSERT_EQ(0, sched_setaffinity(0, sizeof(cpu), &cpu));
	/* Others have buffers, too, and may free many meanwhile; but not each time. */
	for (i = 0; i < rounds && !(kept >= 100 && left <= kept - 100); i++)
		keep_and_give_back(_metadata, self->f, &kept, &left);
	if (rounds == 1)
		SKIP(return, "with KASAN no buffer is kept, and there is none to give back");
	EXPECT_LE(100, kept);
	EXPECT_GE(kept - 100, left);
}

/* /proc/PID/fdinfo */

/* The line "kite-NAME:" of a socket; static, and empty if there is none. */
static const char *fdinfo_line(int fd, const char *name)
{
	static char value[64];
	char line[128], format[64];
	FILE *f;

	snprintf(line, sizeof(line), "/proc/self/fdinfo/%d", fd);
	snprintf(format, sizeof(format), "kite-%s:\t%%63[^\n]", name);
	value[0] = '\0';
	f = fopen(line, "re");
	if (!f)
		return "no fdinfo";
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, format, value) == 1)
			break;
	fclose(f);
	return value;
}

static long fdinfo_number(int fd, const char *name)
{
	const char *value = fdinfo_line(fd, name);

	return *value ? strtol(value, NULL, 10) : -1;
}

/* An address as fdinfo has it. */
static const char *in_words(const struct address *addr)
{
	static char text[64];

	snprintf(text, sizeof(text), "%u %u", addr->kite.skt_port, addr->kite.skt_node);
	return text;
}

TEST_F(inspect, fdinfo_of_a_pair)
{
	static const char * const types[] = {
		[SOCK_STREAM] = "stream", [SOCK_SEQPACKET] = "seqpacket",
		[SOCK_DGRAM] = "dgram",
	};
	struct address addr;
	int i;

	if (is_unix(self->f)) {
		EXPECT_STREQ("", fdinfo_line(self->c, "type"));
		return;
	}
	for (i = 0; i < 2; i++) {
		EXPECT_STREQ(types[self->type], fdinfo_line(self->fd[i], "type"));
		EXPECT_STREQ("connected", fdinfo_line(self->fd[i], "state"));
		ASSERT_EQ(0, name_of(self->fd[i], &addr));
		EXPECT_STREQ(in_words(&addr), fdinfo_line(self->fd[i], "local"));
		ASSERT_EQ(0, peer_of(self->fd[i], &addr));
		EXPECT_STREQ(in_words(&addr), fdinfo_line(self->fd[i], "remote"));
		EXPECT_EQ(0, fdinfo_number(self->fd[i], "queued"));
		EXPECT_STREQ("", fdinfo_line(self->fd[i], "waiting"));
	}
}

/* @c sends to @s: the charge, the room that is left, and what waits. */
TEST_F(inspect, fdinfo_of_credit)
{
	int overhead = self->type == SOCK_SEQPACKET ? KITE_RECORD_OVERHEAD : 0;
	int window = get_int_option(self->s, SOL_SOCKET, SO_RCVBUF);
	char buf[100] = "";

	if (is_unix(self->f) || self->type == SOCK_DGRAM)
		SKIP(return, "without credit");
	EXPECT_EQ(0, fdinfo_number(self->c, "sent"));
	EXPECT_EQ(0, fdinfo_number(self->c, "read"));
	EXPECT_EQ(window, fdinfo_number(self->c, "limit"));

	ASSERT_EQ(100, send(self->c, buf, 100, 0));
	EXPECT_EQ(100 + overhead, fdinfo_number(self->c, "sent"));
	EXPECT_EQ(0, fdinfo_number(self->c, "read"));
	EXPECT_EQ(window, fdinfo_number(self->c, "limit"));
	EXPECT_EQ(0, fdinfo_number(self->c, "queued"));
	EXPECT_EQ(100, fdinfo_number(self->s, "queued"));
	EXPECT_EQ(0, fdinfo_number(self->s, "sent"));

	ASSERT_EQ(100, recv(self->s, buf, 100, 0));
	EXPECT_EQ(0, fdinfo_number(self->s, "queued"));
	EXPECT_EQ(100 + overhead, BECOMES(100 + overhead, fdinfo_number(self->c, "read")));
	EXPECT_EQ(window + 100 + overhead, fdinfo_number(self->c, "limit"));
}

/* The memory of what an inbox has, and what it had no room for */
TEST_F(inspect, fdinfo_of_an_inbox)
{
	static char buf[30000];
	int i;

	if (is_unix(self->f) || self->type != SOCK_DGRAM)
		SKIP(return, "has no inbox");
	ASSERT_EQ(0, set_int_option(self->s, SOL_SOCKET, SO_RCVBUF, 20000));
	for (i = 0; i < 3; i++)
		ASSERT_EQ(sizeof(buf), send(self->c, buf, sizeof(buf), 0));
	EXPECT_LE(sizeof(buf), fdinfo_number(self->s, "queued"));
	EXPECT_EQ(rmem(self->s), fdinfo_number(self->s, "queued"));
	EXPECT_EQ(2, fdinfo_number(self->s, "dropped"));
	EXPECT_EQ(sizeof(buf), recv(self->s, buf, sizeof(buf), 0));
	EXPECT_EQ(0, fdinfo_number(self->s, "queued"));
	EXPECT_STREQ("", fdinfo_line(self->s, "limit"));
}

TEST_F(kite, fdinfo_of_a_listener)
{
	struct address addr, none;
	int l, c, s;

	kite_address(&none, KITE_PORT_ANY, KITE_NODE_ANY);
	c = stream_socket(self->f);
	EXPECT_STREQ("unconnected", fdinfo_line(c, "state"));
	EXPECT_STREQ(in_words(&none), fdinfo_line(c, "local"));
	EXPECT_STREQ(in_words(&none), fdinfo_line(c, "remote"));

	l = listener(self->f, 5, &addr);
	EXPECT_STREQ("stream", fdinfo_line(l, "type"));
	EXPECT_STREQ("listening", fdinfo_line(l, "state"));
	EXPECT_STREQ(in_words(&addr), fdinfo_line(l, "local"));
	EXPECT_STREQ(in_words(&none), fdinfo_line(l, "remote"));
	EXPECT_EQ(0, fdinfo_number(l, "waiting"));
	EXPECT_STREQ("", fdinfo_line(l, "sent"));

	ASSERT_EQ(0, connect_to(c, &addr));
	ASSERT_LE(0, connector(self->f, &addr));
	EXPECT_EQ(2, fdinfo_number(l, "waiting"));
	s = accept(l, NULL, NULL);
	EXPECT_EQ(1, fdinfo_number(l, "waiting"));
	EXPECT_STREQ("connected", fdinfo_line(s, "state"));
	/* With something unread, this ends it. */
	ASSERT_EQ(1, send(s, "x", 1, 0));
	close(c);
	EXPECT_EQ(0, BECOMES(0, strcmp("closing", fdinfo_line(s, "state"))));
}

TEST_F(kite, fdinfo_of_a_raw_socket)
{
	struct address addr;
	int fd = socket(self->f->domain(), SOCK_RAW, 0), s;

	ASSERT_LE(0, fd);
	EXPECT_STREQ("raw", fdinfo_line(fd, "type"));
	EXPECT_STREQ("unconnected", fdinfo_line(fd, "state"));
	s = socket_at(self->f, SOCK_DGRAM, &addr);
	ASSERT_EQ(0, fdinfo_number(fd, "queued"));
	ASSERT_EQ(1, sendto(s, "x", 1, 0, &addr.sa, addr.len));
	EXPECT_EQ(rmem(fd), BECOMES(rmem(fd), fdinfo_number(fd, "queued")));
	EXPECT_LT(0, rmem(fd));
	EXPECT_EQ(0, fdinfo_number(fd, "dropped"));
}

/* Of somebody else's socket, by who may look */
TEST_F(kite, fdinfo_of_another_process)
{
	struct address addr;
	char path[64], all[1024] = "";
	int gate[2], fd = bound_socket(self->f, &addr), status;
	pid_t pid;
	FILE *f;

	ASSERT_EQ(0, pipe(gate));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		close(gate[1]);
		_exit(read(gate[0], all, 1) != 0);
	}
	snprintf(path, sizeof(path), "/proc/%d/fdinfo/%d", pid, fd);
	f = fopen(path, "re");
	ASSERT_TRUE(f);
	EXPECT_LT(0, fread(all, 1, sizeof(all) - 1, f));
	fclose(f);
	EXPECT_TRUE(strstr(all, "kite-type:\tstream\n"));
	close(gate[1]);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
}

TEST_HARNESS_MAIN
