// SPDX-License-Identifier: GPL-2.0
/* SO_REUSEPORT: a port that several sockets share, with TCP and UDP as oracles. */

#define _GNU_SOURCE
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <linux/bpf.h>
#include <linux/filter.h>

#include "fixtures.h"

/* Whom the kernel's choice by hash misses with 40 senders has bad luck indeed. */
#define SENDERS 40

FIXTURE(reuseport) {
	const struct family *f;
	int type;
	struct address addr;
	int a, b;
};

FIXTURE_VARIANT(reuseport) {
	const struct family *f;
	int type;
};

FIXTURE_VARIANT_ADD(reuseport, kite_stream) {
	.f = &family_kite,
	.type = SOCK_STREAM,
};

FIXTURE_VARIANT_ADD(reuseport, kite_seqpacket) {
	.f = &family_kite,
	.type = SOCK_SEQPACKET,
};

FIXTURE_VARIANT_ADD(reuseport, kite_dgram) {
	.f = &family_kite,
	.type = SOCK_DGRAM,
};

FIXTURE_VARIANT_ADD(reuseport, tcp) {
	.f = &family_inet,
	.type = SOCK_STREAM,
};

FIXTURE_VARIANT_ADD(reuseport, udp) {
	.f = &family_inet,
	.type = SOCK_DGRAM,
};

static int reuse(const struct family *f, int fd, int on)
{
	return set_int_option(fd, option_level(f), SO_REUSEPORT, on);
}

static int make_socket(const struct family *f, int type)
{
	return ERR(socket(f->domain(), type | SOCK_CLOEXEC, 0));
}

/* A socket with SO_REUSEPORT that is bound to an address. */
static int sharer(const struct family *f, int type, const struct address *addr)
{
	int fd = make_socket(f, type), err;

	if (fd < 0)
		return fd;
	err = reuse(f, fd, 1) ?: bind_to(fd, addr);
	if (!err)
		return fd;
	close(fd);
	return err;
}

static int start(int fd, int type)
{
	return type == SOCK_DGRAM ? 0 : ERR(listen(fd, SENDERS));
}

/* Two sockets that share @addr. */
FIXTURE_SETUP(reuseport)
{
	self->f = variant->f;
	if (skip_family(_metadata, self->f))
		return;
	self->f->any(&self->addr);
	self->a = sharer(self->f, variant->type, &self->addr);
	ASSERT_LE(0, self->a);
	ASSERT_EQ(0, name_of(self->a, &self->addr));
	self->b = sharer(self->f, variant->type, &self->addr);
	ASSERT_LE(0, self->b);
}

FIXTURE_TEARDOWN(reuseport) { }

/* Sends something from a socket of its own, which @fd becomes. */
static int arrive(const struct family *f, int type, const struct address *addr, int *fd)
{
	int err;

	*fd = make_socket(f, type);
	err = connect_to(*fd, addr);
	if (!err && type == SOCK_DGRAM)
		err = ERR(send(*fd, "x", 1, 0)) == 1 ? 0 : -EIO;
	return err;
}

/* How many came, and were taken, there? */
static int taken(int fd, int type)
{
	int n = 0, s;
	char c;

	set_nonblocking(fd, true);
	for (;; n++) {
		if (type == SOCK_DGRAM) {
			if (ERR(recv(fd, &c, 1, 0)) != 1)
				return n;
		} else {
			s = ERR(accept(fd, NULL, NULL));
			if (s < 0)
				return n;
			close(s);
		}
	}
}

/* Waits until all @want have arrived. */
static int taken_by(int type, int want, int a, int b, int *by_a)
{
	long end = now_ms() + PATIENCE_MS;
	int all = 0, n;

	*by_a = 0;
	while (all < want && now_ms() < end) {
		n = taken(a, type);
		*by_a += n;
		all += n + (b < 0 ? 0 : taken(b, type));
	}
	return all;
}

static int arrive_all(const struct family *f, int type, const struct address *addr)
{
	int i, fd, err;

	for (i = 0; i < SENDERS; i++) {
		err = arrive(f, type, addr, &fd);
		if (err)
			return err;
	}
	return 0;
}

TEST_F(reuseport, shared_out)
{
	int by_a;

	ASSERT_EQ(0, start(self->a, variant->type));
	ASSERT_EQ(0, start(self->b, variant->type));
	ASSERT_EQ(0, arrive_all(self->f, variant->type, &self->addr));
	EXPECT_EQ(SENDERS, taken_by(variant->type, SENDERS, self->a, self->b, &by_a));
	EXPECT_LT(0, by_a);
	EXPECT_GT(SENDERS, by_a);
}

TEST_F(reuseport, the_last_one_gets_all)
{
	int by_a;

	ASSERT_EQ(0, start(self->a, variant->type));
	ASSERT_EQ(0, start(self->b, variant->type));
	close(self->b);
	ASSERT_EQ(0, arrive_all(self->f, variant->type, &self->addr));
	EXPECT_EQ(SENDERS, taken_by(variant->type, SENDERS, self->a, -1, &by_a));
}

TEST_F(reuseport, newcomer_gets_its_share)
{
	int by_b, all;

	ASSERT_EQ(0, start(self->a, variant->type));
	ASSERT_EQ(0, start(self->b, variant->type));
	close(self->a);
	self->a = sharer(self->f, variant->type, &self->addr);
	ASSERT_LE(0, self->a);
	ASSERT_EQ(0, start(self->a, variant->type));
	ASSERT_EQ(0, arrive_all(self->f, variant->type, &self->addr));
	all = taken_by(variant->type, SENDERS, self->b, self->a, &by_b);
	EXPECT_EQ(SENDERS, all);
	EXPECT_LT(0, by_b);
	EXPECT_GT(SENDERS, by_b);
}

TEST_F(reuseport, all_must_have_it)
{
	int fd = make_socket(self->f, variant->type);

	EXPECT_EQ(-EADDRINUSE, bind_to(fd, &self->addr));
	/* One that takes it back lets nobody else in; TCP and UDP look at one of them. */
	if (is_kite(self->f)) {
		EXPECT_EQ(0, reuse(self->f, self->a, 0));
		EXPECT_EQ(-EADDRINUSE, sharer(self->f, variant->type, &self->addr));
		EXPECT_EQ(0, reuse(self->f, self->a, 1));
	}
	EXPECT_EQ(0, reuse(self->f, fd, 1));
	EXPECT_EQ(0, bind_to(fd, &self->addr));
}

TEST_F(reuseport, only_of_one_user)
{
	int status;
	pid_t pid;

	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid)
		_exit(!become_nobody() ||
		      sharer(self->f, variant->type, &self->addr) != -EADDRINUSE);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
}

/* Nobody who asks for any port gets one that somebody has. */
TEST_F(reuseport, not_for_any_port)
{
	struct address any, name;
	int i, fd;

	if (self->f == &family_inet && variant->type == SOCK_DGRAM)
		SKIP(return, "UDP draws shared ports like any other");
	for (i = 0; i < 200; i++) {
		self->f->any(&any);
		fd = sharer(self->f, variant->type, &any);
		ASSERT_LE(0, fd);
		ASSERT_EQ(0, name_of(fd, &name));
		ASSERT_NE(port_of(&self->addr), port_of(&name));
		close(fd);
	}
}

TEST_F(reuseport, same_sender_same_receiver)
{
	int by_a, i, fd;

	if (variant->type != SOCK_DGRAM)
		SKIP(return, "a connection stays with its listener anyway");
	ASSERT_EQ(0, arrive(self->f, variant->type, &self->addr, &fd));
	for (i = 1; i < SENDERS; i++)
		ASSERT_EQ(1, send(fd, "x", 1, 0));
	EXPECT_EQ(SENDERS, taken_by(SOCK_DGRAM, SENDERS, self->a, self->b, &by_a));
	EXPECT_TRUE(!by_a || by_a == SENDERS);
}

/* Who has a peer hears nobody else, and the others hear all but that. */
TEST_F(reuseport, connected_ones_apart)
{
	struct address at_peer;
	int peer, by_a;

	if (variant->type != SOCK_DGRAM)
		SKIP(return, "of datagrams alone");
	peer = socket_at(self->f, SOCK_DGRAM, &at_peer);
	ASSERT_LE(0, peer);
	ASSERT_EQ(0, connect_to(self->b, &at_peer));
	ASSERT_EQ(0, arrive_all(self->f, SOCK_DGRAM, &self->addr));
	EXPECT_EQ(SENDERS, taken_by(SOCK_DGRAM, SENDERS, self->a, -1, &by_a));
	ASSERT_EQ(1, ERR(sendto(peer, "x", 1, 0, &self->addr.sa, self->addr.len)));
	EXPECT_EQ(1, taken_by(SOCK_DGRAM, 1, self->b, -1, &by_a));
	EXPECT_EQ(0, taken(self->a, SOCK_DGRAM));
}

/* A program chooses by the first byte. */
TEST_F(reuseport, chosen_by_program)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 0),
		BPF_STMT(BPF_RET | BPF_A, 0),
	};
	struct sock_fprog prog = { ARRAY_SIZE(code), code };
	int i, fd, by_a;

	if (variant->type != SOCK_DGRAM)
		SKIP(return, "a request to connect has no bytes");
	ASSERT_EQ(0, ERR(setsockopt(self->a, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF,
				    &prog, sizeof(prog))));
	for (i = 0; i < SENDERS; i++) {
		ASSERT_EQ(0, arrive(self->f, SOCK_DGRAM, &self->addr, &fd));
		ASSERT_EQ(1, send(fd, i % 4 ? "\1" : "\0", 1, 0));
	}
	/* The "x" of arrive() names nobody, and so the hash decides. */
	EXPECT_EQ(2 * SENDERS, taken_by(SOCK_DGRAM, 2 * SENDERS, self->a, self->b, &by_a));
	EXPECT_LE(SENDERS / 4, by_a);

	for (i = 0; i < SENDERS; i++)
		ASSERT_EQ(1, send(fd, "\1", 1, 0));
	EXPECT_EQ(SENDERS, taken_by(SOCK_DGRAM, SENDERS, self->a, self->b, &by_a));
	EXPECT_EQ(0, by_a);
	for (i = 0; i < SENDERS; i++)
		ASSERT_EQ(1, send(fd, "\0", 1, 0));
	EXPECT_EQ(SENDERS, taken_by(SOCK_DGRAM, SENDERS, self->a, self->b, &by_a));
	EXPECT_EQ(SENDERS, by_a);
	EXPECT_EQ(0, ERR(setsockopt(self->a, SOL_SOCKET, SO_DETACH_REUSEPORT_BPF,
				    &prog, sizeof(int))));
}

/* And one that is loaded, always the same. */
TEST_F(reuseport, chosen_by_bpf)
{
	static const struct bpf_insn second[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .imm = 1 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	int prog, by_a;

	if (variant->type != SOCK_DGRAM)
		SKIP(return, "a request to connect has no bytes");
	prog = load_bpf(second, ARRAY_SIZE(second));
	ASSERT_LE(0, prog);
	ASSERT_EQ(0, set_int_option(self->a, SOL_SOCKET, SO_ATTACH_REUSEPORT_EBPF, prog));
	ASSERT_EQ(0, arrive_all(self->f, SOCK_DGRAM, &self->addr));
	EXPECT_EQ(SENDERS, taken_by(SOCK_DGRAM, SENDERS, self->a, self->b, &by_a));
	EXPECT_EQ(0, by_a);
}

/* Listeners come and go while others connect. */

FIXTURE(listeners) {
	const struct family *f;
	struct address addr;
	int a, b;
};

KITE_INET(listeners);

FIXTURE_SETUP(listeners)
{
	self->f = variant->f;
	if (skip_family(_metadata, self->f))
		return;
	self->f->any(&self->addr);
	self->a = sharer(self->f, SOCK_STREAM, &self->addr);
	ASSERT_LE(0, self->a);
	ASSERT_EQ(0, name_of(self->a, &self->addr));
	self->b = sharer(self->f, SOCK_STREAM, &self->addr);
	ASSERT_LE(0, self->b);
}

FIXTURE_TEARDOWN(listeners) { }

TEST_F(listeners, bound_is_not_listening)
{
	int by_a;

	ASSERT_EQ(0, ERR(listen(self->a, SENDERS)));
	ASSERT_EQ(0, arrive_all(self->f, SOCK_STREAM, &self->addr));
	EXPECT_EQ(SENDERS, taken_by(SOCK_STREAM, SENDERS, self->a, -1, &by_a));
}

TEST_F(listeners, shut_down_is_not_listening)
{
	int by_a;

	ASSERT_EQ(0, ERR(listen(self->a, SENDERS)));
	ASSERT_EQ(0, ERR(listen(self->b, SENDERS)));
	ASSERT_EQ(0, ERR(shutdown(self->b, SHUT_RD)));
	ASSERT_EQ(0, arrive_all(self->f, SOCK_STREAM, &self->addr));
	EXPECT_EQ(SENDERS, taken_by(SOCK_STREAM, SENDERS, self->a, -1, &by_a));
	ASSERT_EQ(0, ERR(shutdown(self->a, SHUT_RD)));
	EXPECT_EQ(-refusal(self->f), connect_to(stream_socket(self->f), &self->addr));
}

/* Who waits for room at one of them wakes when that closes, and gets the other. */
TEST_F(listeners, full_one_closes)
{
	int fd[2 * SENDERS], n = 0, i, full = -1;
	struct async connecting;

	if (!is_kite(self->f) || !peer_is_known(self->f))
		SKIP(return, "elsewhere connect asks again and again");
	ASSERT_EQ(0, ERR(listen(self->a, 0)));
	ASSERT_EQ(0, ERR(listen(self->b, SENDERS)));
	/* Until the first has its one connection. */
	while (n < 2 * SENDERS && !revents_for(self->a, POLLIN)) {
		fd[n] = connector(self->f, &self->addr);
		ASSERT_LE(0, fd[n++]);
	}
	ASSERT_EQ(POLLIN, revents_for(self->a, POLLIN));
	/* And one comes that is for it, too. */
	for (i = 0; i < SENDERS && full < 0; i++) {
		struct address any;
		int c = socket_at(self->f, SOCK_STREAM, &any);

		ASSERT_LE(0, c);
		set_nonblocking(c, true);
		if (connect_to(c, &self->addr) == -EAGAIN)
			full = c;
	}
	ASSERT_LE(0, full);
	set_nonblocking(full, false);
	async_connect(&connecting, full, &self->addr);
	EXPECT_TRUE(async_blocks(&connecting));
	close(self->a);
	EXPECT_EQ(0, async_result(&connecting));
}

/* SO_REUSEADDR is for what Kite does not have, and lets no two sockets share. */
FAMILY_FIXTURE(reuseaddr, KITE);

TEST_F(reuseaddr, shares_nothing)
{
	static const int types[] = { SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM };
	struct address addr;
	unsigned int i;
	int a, b;

	for (i = 0; i < ARRAY_SIZE(types); i++) {
		a = socket_at(self->f, types[i], &addr);
		b = make_socket(self->f, types[i]);
		ASSERT_LE(0, a);
		EXPECT_EQ(0, set_int_option(a, SOL_SOCKET, SO_REUSEADDR, 1));
		EXPECT_EQ(0, set_int_option(b, SOL_SOCKET, SO_REUSEADDR, 1));
		EXPECT_EQ(-EADDRINUSE, bind_to(b, &addr));
		close(a);
		EXPECT_EQ(0, bind_to(b, &addr));
	}
}

/* A group on every node and one on this node alone are two. */
TEST_F(reuseaddr, two_groups)
{
	struct address any, local;
	int a, b, by_a;

	kite_address(&any, KITE_PORT_ANY, KITE_NODE_ANY);
	a = sharer(self->f, SOCK_DGRAM, &any);
	ASSERT_LE(0, a);
	ASSERT_EQ(0, name_of(a, &any));
	kite_address(&local, port_of(&any), KITE_NODE_LOCAL);
	ASSERT_LE(0, sharer(self->f, SOCK_DGRAM, &any));
	b = sharer(self->f, SOCK_DGRAM, &local);
	ASSERT_LE(0, b);
	ASSERT_EQ(0, arrive_all(self->f, SOCK_DGRAM, &local));
	EXPECT_EQ(SENDERS, taken_by(SOCK_DGRAM, SENDERS, b, -1, &by_a));
}

/* Each is compared with all the others while the ports of all are locked. */
TEST_F(reuseaddr, not_for_everybody)
{
	const struct rlimit limit = { 8192, 8192 };
	struct address addr;
	int i;

	ASSERT_EQ(0, ERR(setrlimit(RLIMIT_NOFILE, &limit)));
	kite_address(&addr, KITE_PORT_ANY, KITE_NODE_ANY);
	i = sharer(self->f, SOCK_STREAM, &addr);
	ASSERT_EQ(0, name_of(i, &addr));
	for (i = 1; i < 4096; i++) {
		ASSERT_LE(0, sharer(self->f, SOCK_STREAM, &addr))
			TH_LOG("number %d", i);
	}
	EXPECT_EQ(-EADDRINUSE, sharer(self->f, SOCK_STREAM, &addr));
}

TEST_HARNESS_MAIN
