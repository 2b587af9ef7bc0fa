// SPDX-License-Identifier: GPL-2.0
/*
 * What the kernel says of a datagram that it drops, to tracepoint skb:kfree_skb, with
 * UDP as the oracle.
 */

#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <linux/filter.h>

#include "fixtures.h"

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
static bool trace_drops(void)
{
	if (access(TRACING "/instances", F_OK))
		mount("tracefs", TRACING, "tracefs", 0, NULL);
	if (mkdir(INSTANCE, 0700) && errno != EEXIST)
		return false;
	return write_file(INSTANCE "/events/skb/kfree_skb/enable", "1");
}

static int drops_for(const char *reason)
{
	FILE *f = fopen(INSTANCE "/trace", "r");
	char line[1024];
	int n = 0;

	if (!f)
		return -errno;
	while (fgets(line, sizeof(line), f))
		n += strstr(line, "kfree_skb:") && strstr(line, reason);
	fclose(f);
	return n;
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
	while (recv(self->b, buf, sizeof(buf), MSG_DONTWAIT) == 1000)
		got++;
	EXPECT_GT(100, got);
	EXPECT_EQ(100 - got, drops_for("reason: SOCKET_RCVBUFF"));
	EXPECT_EQ(0, drops_for("reason: SOCKET_FILTER"));
}

TEST_F(drops, of_a_filter)
{
	struct sock_filter refuse = BPF_STMT(BPF_RET | BPF_K, 0);
	struct sock_fprog prog = { .len = 1, .filter = &refuse };

	ASSERT_EQ(0, setsockopt(self->b, SOL_SOCKET, SO_ATTACH_FILTER, &prog,
				sizeof(prog)));
	ASSERT_EQ(1, send(self->a, "x", 1, 0));
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

TEST_HARNESS_MAIN
