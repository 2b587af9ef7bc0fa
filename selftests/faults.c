// SPDX-License-Identifier: GPL-2.0
/*
 * Each allocation of each call fails, and each copy from and to the program: one in
 * each round, until a round meets none. A call fails with an errno and has changed
 * nothing, or it succeeds; no socket is left over. Memory that is lost is what vm/leaks
 * asks for. What carries messages is in lossless.c, what looks at sockets in around.c,
 * what is made but for sockets in making.c.
 */

#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>

#include <linux/bpf.h>
#include <linux/filter.h>

#include "counters.h"
#include "fault.h"
#include "fixtures.h"
#include "packet.h"

static char in[4096];

/* Sockets alone: what each type has, and the calls that make connections. */

FIXTURE(faults) {
	struct faults f;
	int type, users;
};

FIXTURE_VARIANT(faults) { int type; };
FIXTURE_VARIANT_ADD(faults, stream) { .type = SOCK_STREAM };
FIXTURE_VARIANT_ADD(faults, seqpacket) { .type = SOCK_SEQPACKET };
FIXTURE_VARIANT_ADD(faults, dgram) { .type = SOCK_DGRAM };
FIXTURE_VARIANT_ADD(faults, raw) { .type = SOCK_RAW };

FIXTURE_SETUP(faults)
{
	const char *why;

	self->type = variant->type;
	self->users = module_users();
	why = faults_begin(&self->f);
	if (why)
		SKIP(return, "%s", why);
}

FIXTURE_TEARDOWN(faults) { }

static bool connects(int type)
{
	return type == SOCK_STREAM || type == SOCK_SEQPACKET;
}

TEST_F(faults, socket)
{
	int fd;

	EACH_FAULT(&self->f) {
		fd = FAULTY(&self->f, socket(family_kite.domain(), self->type, 0));
		EXPECT_EXCUSED(fd);
		if (fd >= 0)
			close(fd);
	}
	EXPECT_LE(0, fd);
	EXPECT_DONE(self);
}

TEST_F(faults, socketpair)
{
	int fd[2], err;

	if (self->type == SOCK_RAW)
		SKIP(return, "raw sockets have no pairs");
	EACH_FAULT(&self->f) {
		err = FAULTY(&self->f, socketpair(family_kite.domain(), self->type, 0, fd));
		if (err) {
			EXPECT_EXCUSED(err);
			continue;
		}
		EXPECT_EQ(1, send(fd[0], "x", 1, 0));
		EXPECT_EQ(1, recv(fd[1], in, 2, 0));
		close(fd[0]);
		close(fd[1]);
	}
	EXPECT_EQ(0, err);
	EXPECT_DONE(self);
}

TEST_F(faults, bind)
{
	struct address addr, name;
	int fd, err, reuse;

	kite_address(&addr, 5000, KITE_NODE_LOCAL);
	for (reuse = 0; reuse < 2; reuse++) {
		EACH_FAULT(&self->f) {
			fd = kite_socket(self->type);
			ASSERT_LE(0, fd);
			ASSERT_EQ(0, set_int_option(fd, SOL_KITE, SO_REUSEPORT, reuse));
			err = FAULTY(&self->f, bind(fd, &addr.sa, addr.len));
			if (err) {
				EXPECT_EXCUSED(err);
				ASSERT_EQ(0, name_of(fd, &name));
				EXPECT_EQ(KITE_PORT_ANY, port_of(&name));
				/* Neither is it taken, nor the socket spoilt. */
				ASSERT_EQ(0, bind_to(fd, &addr));
			}
			ASSERT_EQ(0, name_of(fd, &name));
			EXPECT_EQ(5000, port_of(&name));
			close(fd);
		}
	}
	EXPECT_DONE(self);
}

TEST_F(faults, listen)
{
	struct address addr;
	int fd, err, reuse;

	if (!connects(self->type))
		SKIP(return, "it does not listen");
	for (reuse = 0; reuse < 2; reuse++) {
		EACH_FAULT(&self->f) {
			fd = kite_socket_at(self->type, 5000);
			ASSERT_LE(0, fd);
			ASSERT_EQ(0, set_int_option(fd, SOL_KITE, SO_REUSEPORT, reuse));
			err = FAULTY(&self->f, listen(fd, 5));
			if (err) {
				EXPECT_EXCUSED(err);
				EXPECT_EQ(0, get_int_option(fd, SOL_SOCKET, SO_ACCEPTCONN));
				ASSERT_EQ(0, listen(fd, 5));
			}
			ASSERT_EQ(0, name_of(fd, &addr));
			err = kite_socket(self->type);
			EXPECT_EQ(0, connect_to(err, &addr));
			close(err);
			close(fd);
		}
	}
	EXPECT_DONE(self);
}

/* Is there a connection from @c to some socket that @l has accepted? */
static int expect_connection(struct __test_metadata *_metadata, int c, int l)
{
	int s = ERR(accept4(l, NULL, NULL, SOCK_CLOEXEC));

	EXPECT_LE(0, s);
	EXPECT_EQ(4, send(c, "ping", 4, MSG_NOSIGNAL));
	EXPECT_EQ(4, recv(s, in, sizeof(in), 0));
	EXPECT_EQ(4, send(s, "pong", 4, MSG_NOSIGNAL));
	EXPECT_EQ(4, recv(c, in, sizeof(in), 0));
	return s;
}

/* What a connect that failed may have left behind: one that has ended. */
static void accept_ended(struct __test_metadata *_metadata, int l)
{
	int s;

	set_nonblocking(l, true);
	for (;;) {
		s = ERR(accept4(l, NULL, NULL, SOCK_CLOEXEC));
		if (s < 0)
			break;
		EXPECT_GE(0, recv(s, in, sizeof(in), 0));
		close(s);
	}
	EXPECT_EQ(-EAGAIN, s);
	set_nonblocking(l, false);
}

TEST_F(faults, connect)
{
	int l, c, s, err;
	struct address addr;

	if (!connects(self->type))
		SKIP(return, "it makes no connection");
	l = kite_listener_at(self->type, 5000, 5);
	ASSERT_LE(0, l);
	kite_address(&addr, 5000, KITE_NODE_LOCAL);
	EACH_FAULT(&self->f) {
		c = kite_socket(self->type);
		ASSERT_LE(0, c);
		err = FAULTY(&self->f, connect(c, &addr.sa, addr.len));
		if (err) {
			EXPECT_EXCUSED(err);
			accept_ended(_metadata, l);
			ASSERT_EQ(0, connect_to(c, &addr));
		}
		s = expect_connection(_metadata, c, l);
		close(c);
		EXPECT_EQ(0, recv(s, in, sizeof(in), 0));
		close(s);
	}
	close(l);
	EXPECT_DONE(self);
}

/* Both give a socket a port that has none. */
TEST_F(faults, connect_and_sendto_of_datagrams)
{
	struct address addr, name;
	int at, c, err;
	ssize_t n;

	if (self->type != SOCK_DGRAM)
		SKIP(return, "it has no datagrams");
	at = kite_socket_at(self->type, 5000);
	ASSERT_LE(0, at);
	kite_address(&addr, 5000, KITE_NODE_LOCAL);
	EACH_FAULT(&self->f) {
		c = kite_socket(self->type);
		err = FAULTY(&self->f, connect(c, &addr.sa, addr.len));
		if (err) {
			EXPECT_EXCUSED(err);
			EXPECT_EQ(-ENOTCONN, peer_of(c, &name));
			ASSERT_EQ(0, connect_to(c, &addr));
		}
		EXPECT_EQ(1, send(c, "x", 1, 0));
		EXPECT_EQ(1, recv(at, in, sizeof(in), 0));
		close(c);
	}
	EACH_FAULT(&self->f) {
		c = kite_socket(self->type);
		n = FAULTY(&self->f, sendto(c, "y", 1, 0, &addr.sa, addr.len));
		if (n != 1) {
			EXPECT_EXCUSED(n);
			EXPECT_EQ(1, ERR(sendto(c, "y", 1, 0, &addr.sa, addr.len)));
		}
		EXPECT_EQ(1, recv(at, in, sizeof(in), 0));
		EXPECT_EQ(-EAGAIN, ERR(recv(at, in, sizeof(in), MSG_DONTWAIT)));
		close(c);
	}
	close(at);
	EXPECT_DONE(self);
}

TEST_F(faults, accept)
{
	struct address addr, name;
	int l, c, s, named;

	if (!connects(self->type))
		SKIP(return, "it does not accept");
	l = kite_listener_at(self->type, 5000, 5);
	ASSERT_LE(0, l);
	kite_address(&addr, 5000, KITE_NODE_LOCAL);
	for (named = 0; named < 2; named++) {
		EACH_FAULT(&self->f) {
			c = kite_socket(self->type);
			ASSERT_EQ(0, connect_to(c, &addr));
			name.len = sizeof(name.storage);
			s = FAULTY(&self->f, accept4(l, named ? &name.sa : NULL,
						     named ? &name.len : NULL,
						     SOCK_CLOEXEC));
			if (s == -EFAULT && named) {
				/* As with TCP, who connected sees it closed. */
				EXPECT_EQ(0, recv(c, in, sizeof(in), 0));
			} else if (s < 0) {
				EXPECT_EXCUSED(s);
				s = expect_connection(_metadata, c, l);
				close(s);
			} else {
				EXPECT_EQ(1, send(s, "x", 1, 0));
				EXPECT_EQ(1, recv(c, in, sizeof(in), 0));
				close(s);
			}
			close(c);
		}
	}
	close(l);
	EXPECT_DONE(self);
}

/* Options: those that take memory, or are copied. */

static const int options[] = {
	SO_TYPE, SO_SNDBUF, SO_RCVBUF, SO_RCVLOWAT, SO_RCVTIMEO, SO_LINGER, SO_PEERCRED,
	SO_MEMINFO, SO_COOKIE, SO_ERROR, SO_PEEK_OFF, SO_GET_FILTER,
};

TEST_F(faults, getsockopt)
{
	char value[64];
	socklen_t len;
	int fd, err;
	size_t i;

	fd = kite_socket(self->type);
	ASSERT_LE(0, fd);
	for (i = 0; i < ARRAY_SIZE(options); i++)
		EACH_FAULT(&self->f) {
			len = sizeof(value);
			err = FAULTY(&self->f, getsockopt(fd, SOL_SOCKET, options[i], value,
							  &len));
			if (err && self->f.fired)
				EXPECT_EXCUSED(err);
		}
	close(fd);
	EXPECT_DONE(self);
}

TEST_F(faults, setsockopt)
{
	struct sock_filter insn[] = { BPF_STMT(BPF_RET | BPF_K, ~0U) };
	struct sock_fprog prog = { ARRAY_SIZE(insn), insn };
	int fd, before, err;

	fd = kite_socket(self->type);
	ASSERT_LE(0, fd);
	EACH_FAULT(&self->f) {
		before = get_int_option(fd, SOL_SOCKET, SO_RCVBUF);
		err = FAULTY(&self->f, setsockopt(fd, SOL_SOCKET, SO_RCVBUF,
						  &(int){ 10000 }, sizeof(int)));
		EXPECT_EQ(err ? before : 20000, get_int_option(fd, SOL_SOCKET, SO_RCVBUF));
	}
	EACH_FAULT(&self->f) {
		err = FAULTY(&self->f, setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog,
						  sizeof(prog)));
		EXPECT_EXCUSED(err);
		EXPECT_EQ(err ? -ENOENT : 0,
			  set_int_option(fd, SOL_SOCKET, SO_DETACH_FILTER, 0));
	}
	close(fd);
	EXPECT_DONE(self);
}

/* Of Kite's own level: set, then read back. */
TEST_F(faults, options_of_kite)
{
	static const int names[] = { SO_REUSEPORT, SO_ZEROCOPY };
	int fd, value, err;
	socklen_t len;
	size_t i;

	fd = kite_socket(self->type);
	ASSERT_LE(0, fd);
	for (i = 0; i < ARRAY_SIZE(names); i++) {
		if (names[i] == SO_ZEROCOPY && self->type == SOCK_RAW)
			continue;
		EACH_FAULT(&self->f) {
			ASSERT_EQ(0, set_int_option(fd, SOL_KITE, names[i], 0));
			err = FAULTY(&self->f, setsockopt(fd, SOL_KITE, names[i], &(int){ 1 },
							  sizeof(int)));
			EXPECT_EXCUSED(err);
			EXPECT_EQ(!err, get_int_option(fd, SOL_KITE, names[i]));
		}
		EACH_FAULT(&self->f) {
			value = -1;
			len = sizeof(value);
			err = FAULTY(&self->f, getsockopt(fd, SOL_KITE, names[i], &value, &len));
			EXPECT_EXCUSED(err);
			EXPECT_EQ(err ? -1 : 1, value);
			EXPECT_EQ(sizeof(value), len);
		}
		EXPECT_EQ(0, err);
	}
	close(fd);
	EXPECT_DONE(self);
}

/* What a program of a group's says: that all is for the second of them. */
TEST_F(faults, programs_of_a_group)
{
	static const struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .imm = 1 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	struct sock_filter code[] = { BPF_STMT(BPF_RET | BPF_K, 1) };
	struct sock_fprog prog = { ARRAY_SIZE(code), code };
	int group[2], c, i, loaded, err;
	struct address addr;

	if (self->type != SOCK_DGRAM)
		SKIP(return, "a request to connect has no bytes to choose by");
	kite_address(&addr, 5000, KITE_NODE_LOCAL);
	for (i = 0; i < 2; i++) {
		group[i] = kite_socket(self->type);
		ASSERT_EQ(0, set_int_option(group[i], SOL_KITE, SO_REUSEPORT, 1));
		ASSERT_EQ(0, bind_to(group[i], &addr));
	}
	c = kite_socket(self->type);
	ASSERT_EQ(0, connect_to(c, &addr));
	loaded = load_bpf(insns, ARRAY_SIZE(insns));
	ASSERT_LE(0, loaded);
	for (i = 0; i < 2; i++)
		EACH_FAULT(&self->f) {
			if (i)
				err = FAULTY(&self->f, setsockopt(group[0], SOL_SOCKET,
								  SO_ATTACH_REUSEPORT_EBPF,
								  &loaded, sizeof(loaded)));
			else
				err = FAULTY(&self->f, setsockopt(group[0], SOL_SOCKET,
								  SO_ATTACH_REUSEPORT_CBPF,
								  &prog, sizeof(prog)));
			EXPECT_EXCUSED(err);
			ASSERT_EQ(1, send(c, "x", 1, 0));
			if (!err)
				EXPECT_EQ(1, ERR(recv(group[1], in, 1, MSG_DONTWAIT)));
			EXPECT_EQ(err ? 1 : 0, drain(group[0]) + drain(group[1]));
			EXPECT_EQ(err ? -ENOENT : 0,
				  set_int_option(group[0], SOL_SOCKET,
						 SO_DETACH_REUSEPORT_BPF, 0));
		}
	close(loaded);
	close(c);
	close(group[0]);
	close(group[1]);
	EXPECT_DONE(self);
}

/* A name that could not be copied has not been, and is asked for again. */
TEST_F(faults, names)
{
	const struct address nothing = { .len = sizeof(nothing.storage) };
	int fd, there, peer, peers, err;
	struct address to, name;

	kite_address(&to, 6000, KITE_NODE_LOCAL);
	there = connects(self->type) ? kite_listener_at(self->type, 6000, 5) :
				       kite_socket_at(self->type, 6000);
	ASSERT_LE(0, there);
	fd = kite_socket_at(self->type, 5000);
	ASSERT_LE(0, fd);
	peers = self->type != SOCK_RAW;
	if (peers)
		ASSERT_EQ(0, connect_to(fd, &to));
	for (peer = 0; peer <= peers; peer++) {
		EACH_FAULT(&self->f) {
			name = nothing;
			if (peer)
				err = FAULTY(&self->f, getpeername(fd, &name.sa, &name.len));
			else
				err = FAULTY(&self->f, getsockname(fd, &name.sa, &name.len));
			EXPECT_EXCUSED(err);
			if (err)
				EXPECT_EQ(0, memcmp(&name, &nothing, sizeof(name)));
		}
		EXPECT_EQ(0, err);
		EXPECT_EQ(sizeof(name.kite), name.len);
		EXPECT_EQ(peer ? 6000 : 5000, port_of(&name));
	}
	close(fd);
	close(there);
	EXPECT_DONE(self);
}

/*
 * To whom signals go, and that they do: by fcntl and by ioctl. Where the socket core has
 * no memory for the latter it does not say so, to no family; O_ASYNC does.
 */
TEST_F(faults, signals)
{
	int fd, by_ioctl, on = 1, me = getpid(), err;

	for (by_ioctl = 0; by_ioctl < 2; by_ioctl++) {
		EACH_FAULT(&self->f) {
			fd = kite_socket(self->type);
			err = FAULTY(&self->f, by_ioctl ? ioctl(fd, FIOSETOWN, &me) :
							  fcntl(fd, F_SETOWN, me));
			EXPECT_EXCUSED(err);
			EXPECT_EQ(err ? 0 : me, fcntl(fd, F_GETOWN));
			close(fd);
		}
		EXPECT_EQ(0, err);
		EACH_FAULT(&self->f) {
			fd = kite_socket(self->type);
			err = FAULTY(&self->f, by_ioctl ? ioctl(fd, FIOASYNC, &on) :
							  fcntl(fd, F_SETFL, O_ASYNC));
			EXPECT_EXCUSED(err);
			EXPECT_TRUE(self->f.fired || fcntl(fd, F_GETFL) & O_ASYNC);
			EXPECT_EQ(0, fcntl(fd, F_SETFL, O_ASYNC));
			EXPECT_EQ(O_ASYNC, fcntl(fd, F_GETFL) & O_ASYNC);
			close(fd);
		}
		EXPECT_EQ(0, err);
	}
	EXPECT_DONE(self);
}

TEST_F(faults, poll_and_epoll)
{
	struct epoll_event event = { .events = EPOLLIN };
	struct pollfd pfd;
	int fd, ep, n;

	fd = kite_socket(self->type);
	ASSERT_LE(0, fd);
	EACH_FAULT(&self->f) {
		pfd = (struct pollfd){ .fd = fd, .events = POLLOUT };
		n = FAULTY(&self->f, poll(&pfd, 1, 0));
		EXPECT_EXCUSED(n);
	}
	EACH_FAULT(&self->f) {
		ep = epoll_create1(EPOLL_CLOEXEC);
		n = FAULTY(&self->f, epoll_ctl(ep, EPOLL_CTL_ADD, fd, &event));
		EXPECT_EXCUSED(n);
		if (n)
			EXPECT_EQ(0, epoll_ctl(ep, EPOLL_CTL_ADD, fd, &event));
		close(ep);
	}
	close(fd);
	EXPECT_DONE(self);
}

/*
 * What goes by packets has no call that could fail: it is counted instead, each packet
 * that a raw socket misses, and each connection for which there is no memory.
 */

#define US	5000
#define THEM	6000

/* Two who look on, how many packets they were shown, and how many of those refuse. */
struct audience {
	int us, them, came, refused;
};

FIXTURE(counted) {
	struct faults f;
	struct audience a;
	int users;
};

FIXTURE_SETUP(counted)
{
	const char *why;

	self->users = module_users();
	why = faults_begin(&self->f);
	if (why)
		SKIP(return, "%s", why);
	self->a.us = raw_bound(US);
	self->a.them = raw_bound(THEM);
	ASSERT_LE(0, self->a.us);
	ASSERT_LE(0, self->a.them);
}

FIXTURE_TEARDOWN(counted) { }

static void look(struct audience *a, int fd)
{
	struct packet pkt;

	while (packet_recv(fd, &pkt, in, sizeof(in)) >= 0) {
		a->came++;
		if (pkt.op == KITE_OP_RESET && pkt.flags == KITE_RESET_NOMEM)
			a->refused++;
	}
}

/* Both, from now on. */
static void look_again(struct audience *a)
{
	a->came = 0;
	a->refused = 0;
	look(a, a->us);
	look(a, a->them);
}

/*
 * A packet from US to THEM, which US is not shown, and an answer, which both are: three
 * come, or are missed. Returns how many were.
 */
static int ask(struct __test_metadata *_metadata, struct faults *f, struct audience *a,
	       unsigned int type, unsigned int op)
{
	const struct packet pkt = {
		.version = KITE_VERSION, .type = type, .op = op,
		.src_port = US, .src_node = KITE_NODE_LOCAL,
		.dst_port = THEM, .dst_node = KITE_NODE_LOCAL,
	};
	long before = counter("DropNoMemory"), counted, err;
	int missed;

	err = FAULTY(f, packet_send(a->us, &pkt, NULL));
	counted = counter("DropNoMemory") - before;
	look_again(a);
	EXPECT_TRUE(!err || fault_excuses(f, err));
	missed = err ? 0 : 3 - a->came;
	EXPECT_EQ(missed + !!a->refused, counted)
		TH_LOG("%ld: %d came, %d refuse, %ld counted in round %u", err, a->came,
		       a->refused, counted, f->nth);
	return missed;
}

TEST_F(counted, missed)
{
	int missed = 0;

	EACH_FAULT(&self->f)
		missed += ask(_metadata, &self->f, &self->a, SOCK_RAW, KITE_OP_ECHO);
	EXPECT_LE(3, missed);
	close(self->a.us);
	close(self->a.them);
	EXPECT_DONE(self);
}

TEST_F(counted, refused)
{
	int refused = 0, tries, l;

	/* How many allocations come before the child's is not the same each time. */
	for (tries = 0; !refused && tries < 20; tries++) {
		EACH_FAULT(&self->f) {
			l = kite_listener_at(SOCK_STREAM, THEM, 0);
			ASSERT_LE(0, l);
			ask(_metadata, &self->f, &self->a, SOCK_STREAM, KITE_OP_REQUEST);
			refused += !!self->a.refused;
			/* They are shown the end of the connection, too. */
			close(l);
			look_again(&self->a);
		}
	}
	EXPECT_LT(0, refused);
	close(self->a.us);
	close(self->a.them);
	EXPECT_DONE(self);
}

TEST_HARNESS_MAIN
