// SPDX-License-Identifier: GPL-2.0
/* What a program in a cgroup with little memory cannot do: have more than that. */

#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "fixtures.h"
#include "packet.h"

#define CGROUP	"/sys/fs/cgroup/kite-isolation"
#define LIMIT	(16 << 20)
#define SLACK	(4 << 20)
#define PAIRS	120
/* Where raw sockets are bound. */
#define SERVER	6000

FIXTURE(cgroup) {
	const struct family *f;
	int type;
};

FIXTURE_VARIANT(cgroup) {
	const struct family *f;
	int type;
};

TYPE_VARIANT(cgroup, kite, STREAM);
TYPE_VARIANT(cgroup, kite, SEQPACKET);
TYPE_VARIANT(cgroup, kite, DGRAM);
TYPE_VARIANT(cgroup, kite, RAW);
TYPE_VARIANT(cgroup, unix, STREAM);

static int write_file(const char *path, const char *fmt, long value)
{
	char text[32];
	int fd = open(path, O_WRONLY | O_CLOEXEC), len, ret;

	if (fd < 0)
		return -errno;
	len = snprintf(text, sizeof(text), fmt, value);
	ret = write(fd, text, len) == len ? 0 : -errno;
	close(fd);
	return ret;
}

static long read_number(const char *path, const char *key)
{
	FILE *file = fopen(path, "re");
	char line[100];
	long value = -1;

	if (!file)
		return -1;
	while (value < 0 && fgets(line, sizeof(line), file))
		if (!strncmp(line, key, strlen(key)))
			value = strtol(line + strlen(key), NULL, 10);
	fclose(file);
	return value;
}

FIXTURE_SETUP(cgroup)
{
	self->f = variant->f;
	self->type = variant->type;
	if (skip_family(_metadata, self->f))
		return;
	write_file("/sys/fs/cgroup/cgroup.subtree_control", "+memory%.0ld", 0);
	if (mkdir(CGROUP, 0755) && errno != EEXIST)
		SKIP(return, "no cgroup of version 2: %s", strerror(errno));
	if (access(CGROUP "/memory.max", W_OK)) {
		rmdir(CGROUP);
		SKIP(return, "no memory controller");
	}
	ASSERT_EQ(0, write_file(CGROUP "/memory.max", "%ld", LIMIT));
	write_file(CGROUP "/memory.swap.max", "%ld", 0);
}

FIXTURE_TEARDOWN(cgroup)
{
	rmdir(CGROUP);
}

/* Two sockets that send to each other: raw ones see what goes to their ports. */
static int hog_pair(const struct family *f, int type, int i, int fd[2])
{
	int k;

	if (type != SOCK_RAW)
		return ERR(socketpair(f->domain(), type, 0, fd));
	for (k = 0; k < 2; k++) {
		fd[k] = raw_bound(SERVER + 2 * i + k);
		if (fd[k] < 0)
			return fd[k];
	}
	return 0;
}

/* 0 or the error. */
static int hog_send(int fd, int type, const void *data, size_t len)
{
	struct address name;
	struct packet pkt;
	ssize_t ret;

	if (type != SOCK_RAW) {
		ret = ERR(send(fd, data, len, MSG_DONTWAIT | MSG_NOSIGNAL));
		return ret < 0 ? ret : 0;
	}
	name_of(fd, &name);
	kite_address(&name, port_of(&name) ^ 1, KITE_NODE_LOCAL);
	pkt = packet_to(&name, SOCK_DGRAM, KITE_OP_DGRAM, port_of(&name) ^ 1);
	pkt.len = len;
	return packet_send(fd, &pkt, data);
}

static bool send_full(int fd, int type)
{
	bool drops = type == SOCK_DGRAM || type == SOCK_RAW;
	static char data[16384];
	int n, err;

	/* A message that does not fit is dropped: as many as would surely fill it. */
	for (n = 0; !drops || n < 32; n++) {
		err = hog_send(fd, type, data, sizeof(data));
		if (err)
			return err == -EAGAIN;
	}
	return true;
}

/*
 * Fills as many sockets as it may have, then tells and waits. Exits with 0 if it was
 * refused something, and all was well again with memory.
 */
static void hog(const struct family *f, int type, int tell, int wait)
{
	static int fd[PAIRS][2];
	int i, k, refused = 0;
	char c = 0;

	if (write_file(CGROUP "/cgroup.procs", "%ld", 0))
		_exit(100);
	/* First the sockets: what they hold then comes without another allocation. */
	for (i = 0; i < PAIRS; i++)
		if (hog_pair(f, type, i, fd[i]))
			_exit(101);
	for (i = 0; i < PAIRS; i++)
		for (k = 0; k < 2; k++)
			refused += !send_full(fd[i][k], type);
	if (write(tell, &c, 1) != 1 || read(wait, &c, 1) != 1)
		_exit(102);
	for (i = 0; i < PAIRS; i++)
		for (k = 0; k < 2; k++)
			if (drain(fd[i][k]) < 0)
				_exit(103);
	if (hog_send(fd[0][0], type, &c, 1))
		_exit(104);
	_exit(refused ? 0 : 105);
}

TEST_F(cgroup, holds)
{
	int tell[2], go[2], status;
	pid_t pid;
	char c;

	ASSERT_EQ(0, pipe(tell));
	ASSERT_EQ(0, pipe(go));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid)
		hog(self->f, self->type, tell[1], go[0]);
	close(tell[1]);
	/* Its next page may be one too many: then it is killed, as AF_UNIX's is. */
	if (read(tell[0], &c, 1) == 1) {
		/* What there is to be read is counted as what it is. */
		if (is_kite(self->f))
			EXPECT_LT(LIMIT / 4, read_number(CGROUP "/memory.stat", "sock "));
		ASSERT_EQ(1, write(go[1], "x", 1));
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_TRUE(!status || (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL))
		TH_LOG("status %#x", status);
	EXPECT_GE(LIMIT + SLACK, read_number(CGROUP "/memory.peak", ""));
	EXPECT_LT(LIMIT / 2, read_number(CGROUP "/memory.peak", ""));
	/* And nothing stays. */
	EXPECT_EQ(true, BECOMES(true, read_number(CGROUP "/memory.stat", "sock ") < SLACK));
}

#ifndef SO_RESERVE_MEM
#define SO_RESERVE_MEM	73
#endif

/* Exits with the error. */
static void set_apart(const struct family *f, int type)
{
	struct address addr;
	int fd;

	if (write_file(CGROUP "/cgroup.procs", "%ld", 0))
		_exit(255);
	fd = socket_at(f, type, &addr);
	if (fd < 0)
		_exit(254);
	_exit(-set_int_option(fd, SOL_SOCKET, SO_RESERVE_MEM, 1 << 20));
}

/*
 * Nobody but TCP may set memory apart for a socket. Kernels that would let others do so
 * are told that there is none.
 */
TEST_F(cgroup, sets_nothing_apart)
{
	int status, err;
	pid_t pid;

	if (!is_kite(self->f))
		SKIP(return, "it has no account of memory");
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid)
		set_apart(self->f, self->type);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	err = WEXITSTATUS(status);
	EXPECT_TRUE(err == EOPNOTSUPP || err == ENOPROTOOPT || err == ENOMEM)
		TH_LOG("status %#x", status);
}

/* Exits with the error of a record that is larger than the cgroup's memory. */
static void send_long_record(const struct family *f)
{
	struct address addr;
	int l, c, s;
	char *data;

	/* Sockets belong to the cgroup in which they were made. */
	if (write_file(CGROUP "/cgroup.procs", "%ld", 0))
		_exit(254);
	/* Of pages that are all one, of nobody. */
	data = mmap(NULL, 4 * LIMIT, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	l = socket_at(f, SOCK_SEQPACKET, &addr);
	c = socket(f->domain(), SOCK_SEQPACKET, 0);
	if (data == MAP_FAILED || l < 0 || c < 0 ||
	    set_int_option(l, SOL_SOCKET, SO_RCVBUFFORCE, 4 * LIMIT) ||
	    set_int_option(c, SOL_SOCKET, SO_SNDBUFFORCE, 4 * LIMIT) ||
	    listen(l, 1) || connect_to(c, &addr))
		_exit(255);
	s = accept(l, NULL, NULL);
	if (s < 0)
		_exit(253);
	_exit(send(c, data, 4 * LIMIT, MSG_DONTWAIT) < 0 ? errno : 0);
}

/* It is charged while it is made, and not only when it is there. */
TEST_F(cgroup, long_record)
{
	int status;
	pid_t pid;

	if (!is_kite(self->f) || self->type != SOCK_SEQPACKET)
		SKIP(return, "it has no records of many packets");
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid)
		send_long_record(self->f);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(ENOBUFS, WEXITSTATUS(status))
		TH_LOG("status %#x", status);
	EXPECT_GE(LIMIT + SLACK, read_number(CGROUP "/memory.peak", ""));
	EXPECT_EQ(0, BECOMES(0, read_number(CGROUP "/memory.stat", "sock ")));
}

TEST_HARNESS_MAIN
