// SPDX-License-Identifier: GPL-2.0
/* SOCK_RAW: who may have one, what it shows, and what it sends. */

#define _GNU_SOURCE
#include <linux/filter.h>
#include <sched.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include <linux/bpf.h>

#include "fixtures.h"
#include "packet.h"

#define MAX_PAYLOAD	KITE_MAX_PAYLOAD

static char big[MAX_PAYLOAD + HDR_LEN + 1];

/* Each test has a namespace to itself, so that it sees nothing but its own packets. */
FIXTURE(raw) {
	int fd;
};

FIXTURE_SETUP(raw)
{
	int err;

	if (skip_family(_metadata, &family_kite))
		return;
	err = enter_new_netns();
	if (err)
		SKIP(return, "no namespace of its own: %s", strerror(-err));
	self->fd = raw_socket();
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(raw) { }

/* Who may have one, and the calls that have no meaning */

FAMILY_FIXTURE(privilege, KITE);

TEST_F(privilege, none)
{
	ASSERT_TRUE(become_nobody());
	EXPECT_EQ(-EPERM, raw_socket());
}

TEST_F(privilege, in_its_own_namespace)
{
	ASSERT_TRUE(become_nobody());
	if (unshare(CLONE_NEWUSER))
		SKIP(return, "no user namespace for nobody: %s", strerror(errno));
	/* The network is not its own yet. */
	EXPECT_EQ(-EPERM, raw_socket());
	ASSERT_EQ(0, unshare(CLONE_NEWNET));
	EXPECT_LE(0, raw_socket());
}

TEST_F(raw, calls_of_connections)
{
	struct address addr, name;
	int fd[2];

	kite_address(&addr, 7000, KITE_NODE_LOCAL);
	EXPECT_EQ(-EOPNOTSUPP, connect_to(self->fd, &addr));
	EXPECT_EQ(-EOPNOTSUPP, ERR(listen(self->fd, 1)));
	EXPECT_EQ(-EOPNOTSUPP, ERR(accept(self->fd, NULL, NULL)));
	EXPECT_EQ(-EOPNOTSUPP,
		  ERR(socketpair(family_kite.domain(), SOCK_RAW, 0, fd)));
	EXPECT_EQ(-ENOTCONN, peer_of(self->fd, &name));
	EXPECT_EQ(-EOPNOTSUPP, set_int_option(self->fd, SOL_KITE, SO_ZEROCOPY, 1));
	EXPECT_EQ(-EPROTONOSUPPORT, ERR(socket(family_kite.domain(), SOCK_RAW, 99)));
	EXPECT_EQ(SOCK_RAW, get_int_option(self->fd, SOL_SOCKET, SO_TYPE));
	EXPECT_EQ(-EAGAIN, packet_next_op(self->fd));
	EXPECT_EQ(POLLOUT, revents(self->fd));
}

TEST_F(raw, is_at_nobodys_port)
{
	struct address addr, name;
	int other = raw_socket();

	kite_address(&addr, KITE_PORT_ANY, KITE_NODE_ANY);
	EXPECT_EQ(0, name_of(self->fd, &name));
	EXPECT_TRUE(same_address(&addr, &name));

	kite_address(&addr, 7000, KITE_NODE_LOCAL);
	EXPECT_EQ(0, bind_to(self->fd, &addr));
	EXPECT_EQ(0, name_of(self->fd, &name));
	EXPECT_TRUE(same_address(&addr, &name));
	/* It is nobody's port. */
	EXPECT_EQ(0, bind_to(other, &addr));
	EXPECT_EQ(0, bind_to(kite_socket(SOCK_STREAM), &addr));
	EXPECT_EQ(0, bind_to(kite_socket(SOCK_DGRAM), &addr));
	/* And of a node that does not exist, and anew. */
	EXPECT_EQ(0, raw_bind(self->fd, KITE_PORT_ANY, 77));

	EXPECT_EQ(-EINVAL, ERR(bind(self->fd, &addr.sa, addr.len - 1)));
	addr.kite.skt_reserved = 1;
	EXPECT_EQ(-EINVAL, bind_to(self->fd, &addr));
	addr.kite.skt_family = AF_INET;
	EXPECT_EQ(-EAFNOSUPPORT, bind_to(self->fd, &addr));

	ASSERT_TRUE(become_nobody());
	EXPECT_EQ(0, raw_bind(self->fd, 1, KITE_NODE_ANY));
}

/* What is shown */

static void expect_packet(struct __test_metadata *_metadata, int fd,
			  const struct packet *want)
{
	struct packet pkt = { };

	EXPECT_EQ((ssize_t)want->len, packet_recv(fd, &pkt, big, sizeof(big)));
	EXPECT_EQ(KITE_VERSION, pkt.version);
	EXPECT_EQ(want->type, pkt.type);
	EXPECT_EQ(want->op, pkt.op);
	EXPECT_EQ(want->flags, pkt.flags);
	EXPECT_EQ(want->len, pkt.len);
	EXPECT_EQ(want->read, pkt.read);
	EXPECT_TRUE(packet_within(&pkt, want->src_port, want->dst_port)) {
		TH_LOG("op %u from port %u node %u to port %u node %u", pkt.op,
		       pkt.src_port, pkt.src_node, pkt.dst_port, pkt.dst_node);
	}
	if (pkt.op == KITE_OP_REQUEST || pkt.op == KITE_OP_RESPONSE)
		EXPECT_LE(4096, pkt.limit);
}

/*
 * Checks the next packet. The rest of the arguments are fields of struct packet
 * that are not 0.
 */
#define EXPECT_PACKET(from, to, ...)					\
	expect_packet(_metadata, self->fd, &(struct packet) {		\
		.src_port = (from), .dst_port = (to), __VA_ARGS__ })

#define EXPECT_NO_PACKET()	EXPECT_EQ(-EAGAIN, packet_next_op(self->fd))

struct conn {
	int l, c, s;
	unsigned int cport, sport;
};

static int make_conn(struct conn *conn, int type)
{
	struct address addr, name;
	int err;

	kite_address(&addr, KITE_PORT_ANY, KITE_NODE_LOCAL);
	conn->l = kite_socket(type);
	conn->c = kite_socket(type);
	err = bind_to(conn->l, &addr) ?: name_of(conn->l, &addr) ?:
	      ERR(listen(conn->l, 1)) ?: connect_to(conn->c, &addr) ?:
	      name_of(conn->c, &name);
	if (err)
		return err;
	conn->s = ERR(accept(conn->l, NULL, NULL));
	conn->cport = port_of(&name);
	conn->sport = port_of(&addr);
	return conn->s < 0 ? conn->s : 0;
}

/* With direct=0 these are real packets. It must not make a difference. */
TEST_F(raw, life_of_a_stream)
{
	struct conn conn;
	char buf[8];

	ASSERT_EQ(0, make_conn(&conn, SOCK_STREAM));
	EXPECT_PACKET(conn.cport, conn.sport, .type = 1, .op = KITE_OP_REQUEST);
	EXPECT_PACKET(conn.sport, conn.cport, .type = 1, .op = KITE_OP_RESPONSE);
	ASSERT_EQ(5, send(conn.c, "hello", 5, 0));
	EXPECT_PACKET(conn.cport, conn.sport, .type = 1, .op = KITE_OP_DATA, .len = 5);
	EXPECT_EQ(0, memcmp(big, "hello", 5));
	ASSERT_EQ(5, recv(conn.s, buf, 8, 0));
	EXPECT_PACKET(conn.sport, conn.cport, .type = 1, .op = KITE_OP_CREDIT, .read = 5);
	ASSERT_EQ(1, send(conn.s, "x", 1, 0));
	EXPECT_PACKET(conn.sport, conn.cport, .type = 1, .op = KITE_OP_DATA, .len = 1,
		      .read = 5);
	ASSERT_EQ(1, recv(conn.c, buf, 8, 0));
	EXPECT_PACKET(conn.cport, conn.sport, .type = 1, .op = KITE_OP_CREDIT, .read = 1);
	ASSERT_EQ(0, shutdown(conn.c, SHUT_WR));
	EXPECT_PACKET(conn.cport, conn.sport, .type = 1, .op = KITE_OP_SHUTDOWN,
		      .flags = KITE_SHUTDOWN_SEND, .read = 1);
	close(conn.s);
	EXPECT_PACKET(conn.sport, conn.cport, .type = 1, .op = KITE_OP_SHUTDOWN,
		      .flags = 3, .read = 5);
	close(conn.c);
	EXPECT_PACKET(conn.cport, conn.sport, .type = 1, .op = KITE_OP_SHUTDOWN,
		      .flags = 3, .read = 1);
	EXPECT_NO_PACKET();
}

TEST_F(raw, each_small_write)
{
	struct conn conn;
	int i;

	ASSERT_EQ(0, make_conn(&conn, SOCK_STREAM));
	drain(self->fd);
	for (i = 0; i < 10; i++)
		ASSERT_EQ(3, send(conn.c, "abc", 3, 0));
	for (i = 0; i < 10; i++)
		EXPECT_PACKET(conn.cport, conn.sport, .type = 1, .op = KITE_OP_DATA,
			      .len = 3);
	EXPECT_NO_PACKET();
	/* And they arrived as if nobody had looked. */
	EXPECT_EQ(30, bytes_to_read(conn.s));
}

TEST_F(raw, records)
{
	struct conn conn;

	ASSERT_EQ(0, make_conn(&conn, SOCK_SEQPACKET));
	EXPECT_PACKET(conn.cport, conn.sport, .type = 5, .op = KITE_OP_REQUEST);
	EXPECT_PACKET(conn.sport, conn.cport, .type = 5, .op = KITE_OP_RESPONSE);
	ASSERT_EQ(0, send(conn.c, big, 0, 0));
	EXPECT_PACKET(conn.cport, conn.sport, .type = 5, .op = KITE_OP_DATA);
	ASSERT_EQ(2, send(conn.c, "ab", 2, MSG_EOR));
	EXPECT_PACKET(conn.cport, conn.sport, .type = 5, .op = KITE_OP_DATA, .len = 2,
		      .flags = KITE_DATA_EOR);
	ASSERT_EQ(MAX_PAYLOAD + 1, send(conn.c, big, MAX_PAYLOAD + 1, 0));
	EXPECT_PACKET(conn.cport, conn.sport, .type = 5, .op = KITE_OP_DATA,
		      .len = MAX_PAYLOAD, .flags = KITE_DATA_MORE);
	EXPECT_PACKET(conn.cport, conn.sport, .type = 5, .op = KITE_OP_DATA, .len = 1);
	EXPECT_NO_PACKET();
	ASSERT_EQ(0, recv(conn.s, big, sizeof(big), 0));
	ASSERT_EQ(2, recv(conn.s, big, sizeof(big), 0));
	close(conn.s);
	EXPECT_PACKET(conn.sport, conn.cport, .type = 5, .op = KITE_OP_RESET,
		      .flags = KITE_RESET_ABORT,
		      .read = MAX_PAYLOAD + 3 + 3 * KITE_RECORD_OVERHEAD);
	EXPECT_NO_PACKET();
}

TEST_F(raw, refused)
{
	struct address addr, name;
	int fd = kite_socket(SOCK_STREAM);

	kite_address(&addr, 7000, KITE_NODE_LOCAL);
	kite_address(&name, 7001, KITE_NODE_LOCAL);
	ASSERT_EQ(0, bind_to(fd, &name));
	EXPECT_EQ(-refusal(&family_kite), connect_to(fd, &addr));
	EXPECT_PACKET(7001, 7000, .type = 1, .op = KITE_OP_REQUEST);
	EXPECT_PACKET(7000, 7001, .type = 1, .op = KITE_OP_RESET,
		      .flags = KITE_RESET_REFUSED);
	EXPECT_NO_PACKET();
}

TEST_F(raw, datagrams)
{
	int a = kite_socket(SOCK_DGRAM), b = kite_socket(SOCK_DGRAM);
	struct address at_a, at_b;

	kite_address(&at_a, 7000, KITE_NODE_LOCAL);
	kite_address(&at_b, 7001, KITE_NODE_LOCAL);
	ASSERT_EQ(0, bind_to(a, &at_a));
	ASSERT_EQ(0, bind_to(b, &at_b));
	EXPECT_EQ(3, sendto(a, "abc", 3, 0, &at_b.sa, at_b.len));
	EXPECT_EQ(0, sendto(b, "", 0, 0, &at_a.sa, at_a.len));
	EXPECT_PACKET(7000, 7001, .type = 2, .op = KITE_OP_DGRAM, .len = 3);
	EXPECT_EQ(0, memcmp(big, "abc", 3));
	EXPECT_PACKET(7001, 7000, .type = 2, .op = KITE_OP_DGRAM);
	/* What it showed still arrives, once. */
	EXPECT_EQ(3, recv(b, big, sizeof(big), MSG_DONTWAIT));
	EXPECT_EQ(-EAGAIN, ERR(recv(b, big, sizeof(big), MSG_DONTWAIT)));

	close(b);
	sendto(a, "x", 1, 0, &at_b.sa, at_b.len);
	EXPECT_PACKET(7000, 7001, .type = 2, .op = KITE_OP_DGRAM, .len = 1);
	EXPECT_PACKET(7001, 7000, .type = 2, .op = KITE_OP_RESET,
		      .flags = KITE_RESET_REFUSED);
	EXPECT_NO_PACKET();
}

TEST_F(raw, pairs_have_no_packets)
{
	static const int types[] = { SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM };
	unsigned int i;
	int fd[2];

	for (i = 0; i < ARRAY_SIZE(types); i++) {
		ASSERT_EQ(0, socketpair(family_kite.domain(), types[i], 0, fd));
		ASSERT_EQ(1, send(fd[0], "x", 1, 0));
		ASSERT_EQ(1, recv(fd[1], big, 1, 0));
		close(fd[0]);
		close(fd[1]);
	}
	EXPECT_NO_PACKET();
}

/* A stream put together again from what was shown is the one that was sent. */
TEST_F(raw, whole_stream)
{
	static const size_t sizes[] = { 1, 200, 300, 5000, 256, 40000, 7 };
	size_t sent = 0, read = 0, seen = 0;
	struct packet pkt;
	struct conn conn;
	ssize_t n;
	int i;

	ASSERT_EQ(0, make_conn(&conn, SOCK_STREAM));
	for (i = 0; i < 100; i++) {
		size_t len = sizes[i % ARRAY_SIZE(sizes)];

		pattern_fill(big, len, sent);
		ASSERT_EQ((ssize_t)len, send(conn.c, big, len, 0));
		sent += len;
		n = recv(conn.s, big, sizeof(big), MSG_DONTWAIT);
		ASSERT_LT(0, n);
		ASSERT_EQ(-1, pattern_differs(big, n, read));
		read += n;
		while ((n = packet_recv(self->fd, &pkt, big, sizeof(big))) >= 0) {
			if (pkt.op != KITE_OP_DATA)
				continue;
			ASSERT_EQ(-1, pattern_differs(big, n, seen));
			seen += n;
		}
		ASSERT_EQ(sent, seen);
	}
	EXPECT_EQ(sent, read);
}

TEST_F(raw, not_of_another_namespace)
{
	struct conn conn;

	ASSERT_EQ(0, enter_new_netns());
	ASSERT_EQ(0, make_conn(&conn, SOCK_STREAM));
	EXPECT_NO_PACKET();
}

TEST_F(raw, reader_is_woken)
{
	struct async receiving;
	struct conn conn;

	async_recv(&receiving, self->fd, big, sizeof(big), 0);
	EXPECT_TRUE(async_blocks(&receiving));
	ASSERT_EQ(0, make_conn(&conn, SOCK_STREAM));
	EXPECT_EQ((long)HDR_LEN, async_result(&receiving));
	EXPECT_EQ(POLLIN | POLLOUT, revents(self->fd));
}

/* Narrowed */

TEST_F(raw, narrowed_to_a_port)
{
	int by_source = raw_bound(7000), by_both = raw_bound(7001);
	int a = kite_socket(SOCK_DGRAM);
	struct address at_a, at_b;

	kite_address(&at_a, 7000, KITE_NODE_LOCAL);
	kite_address(&at_b, 7001, KITE_NODE_LOCAL);
	ASSERT_EQ(0, bind_to(a, &at_a));
	ASSERT_EQ(0, raw_bind(self->fd, 7002, KITE_NODE_ANY));
	sendto(a, "x", 1, 0, &at_b.sa, at_b.len);
	EXPECT_EQ(KITE_OP_DGRAM, packet_next_op(by_source));
	EXPECT_EQ(KITE_OP_DGRAM, packet_next_op(by_both));
	EXPECT_NO_PACKET();
	sendto(a, "x", 1, 0, &at_a.sa, at_a.len);
	EXPECT_EQ(KITE_OP_DGRAM, packet_next_op(by_source));
	EXPECT_EQ(-EAGAIN, packet_next_op(by_source));
	EXPECT_EQ(-EAGAIN, packet_next_op(by_both));
}

TEST_F(raw, narrowed_to_a_node)
{
	struct conn conn;
	int here = raw_socket();

	ASSERT_EQ(0, raw_bind(here, KITE_PORT_ANY, KITE_NODE_LOCAL));
	ASSERT_EQ(0, raw_bind(self->fd, KITE_PORT_ANY, 77));
	ASSERT_EQ(0, make_conn(&conn, SOCK_STREAM));
	EXPECT_NO_PACKET();
	EXPECT_EQ(KITE_OP_REQUEST, packet_next_op(here));
	/* Both must be right of one address. */
	drain(here);
	ASSERT_EQ(0, raw_bind(here, conn.cport, 77));
	ASSERT_EQ(1, send(conn.c, "x", 1, 0));
	EXPECT_EQ(-EAGAIN, packet_next_op(here));
	/* And wide again. */
	ASSERT_EQ(0, raw_bind(self->fd, KITE_PORT_ANY, KITE_NODE_ANY));
	ASSERT_EQ(1, send(conn.c, "x", 1, 0));
	EXPECT_EQ(KITE_OP_DATA, packet_next_op(self->fd));
}

static int attach(int fd, const struct sock_filter *code, unsigned short len)
{
	struct sock_fprog prog = { .len = len, .filter = (struct sock_filter *)code };

	return ERR(setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog)));
}

/* The first byte that a filter sees is the first of the header. */
TEST_F(raw, filter)
{
	static const struct sock_filter shutdowns[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, offsetof(struct kite_hdr, op)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, KITE_OP_SHUTDOWN, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 0xffffffff),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct conn conn;

	ASSERT_EQ(0, attach(self->fd, shutdowns, ARRAY_SIZE(shutdowns)));
	ASSERT_EQ(0, make_conn(&conn, SOCK_STREAM));
	ASSERT_EQ(1, send(conn.c, "x", 1, 0));
	EXPECT_NO_PACKET();
	ASSERT_EQ(0, shutdown(conn.c, SHUT_WR));
	EXPECT_EQ(KITE_OP_SHUTDOWN, packet_next_op(self->fd));
	EXPECT_NO_PACKET();
	/* What was not wanted was not lost. */
	EXPECT_EQ(0, drops_of(self->fd));
}

TEST_F(raw, filter_cuts)
{
	static const struct sock_filter headers[] = {
		BPF_STMT(BPF_RET | BPF_K, HDR_LEN + 2),
	};
	struct conn conn;
	struct packet pkt;

	ASSERT_EQ(0, make_conn(&conn, SOCK_STREAM));
	drain(self->fd);
	ASSERT_EQ(0, attach(self->fd, headers, ARRAY_SIZE(headers)));
	ASSERT_EQ(50000, send(conn.c, big, 50000, 0));
	EXPECT_EQ(2, packet_recv(self->fd, &pkt, big, sizeof(big)));
	EXPECT_LT(2, pkt.len);
	/* Nothing was cut off for the receiver. */
	EXPECT_EQ(50000, recv(conn.s, big, 50000, MSG_WAITALL));
}

/* What lies before the packet in memory is not for filters to see. */
TEST_F(raw, filter_before_the_packet)
{
	static const struct sock_filter net[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, SKF_NET_OFF),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 'x', 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 0xffffffff),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct address addr;
	int fd = kite_socket(SOCK_DGRAM);

	kite_address(&addr, 7000, KITE_NODE_LOCAL);
	ASSERT_EQ(0, bind_to(fd, &addr));
	ASSERT_EQ(0, attach(fd, net, ARRAY_SIZE(net)));
	EXPECT_EQ(1, sendto(fd, "x", 1, 0, &addr.sa, addr.len));
	EXPECT_EQ(1, recv(fd, big, 1, MSG_DONTWAIT));
	EXPECT_EQ(1, sendto(fd, "y", 1, 0, &addr.sa, addr.len));
	EXPECT_EQ(-EAGAIN, ERR(recv(fd, big, 1, MSG_DONTWAIT)));
}

TEST_F(raw, bpf)
{
	/* r6 = ctx; r0 = byte 1, the type; if it is not SOCK_DGRAM, r0 = 0 */
	static const struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = 6, .src_reg = 1 },
		{ .code = BPF_LD | BPF_ABS | BPF_B, .imm = 1 },
		{ .code = BPF_JMP | BPF_JEQ | BPF_K, .dst_reg = 0, .off = 1,
		  .imm = SOCK_DGRAM },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = 0 },
		{ .code = BPF_ALU64 | BPF_MUL | BPF_K, .dst_reg = 0, .imm = 1000 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	int prog = load_bpf(insns, ARRAY_SIZE(insns)), fd = kite_socket(SOCK_DGRAM);
	struct address addr;
	struct conn conn;

	ASSERT_LE(0, prog);
	ASSERT_EQ(0, set_int_option(self->fd, SOL_SOCKET, SO_ATTACH_BPF, prog));
	ASSERT_EQ(0, make_conn(&conn, SOCK_STREAM));
	EXPECT_NO_PACKET();
	kite_address(&addr, 7000, KITE_NODE_LOCAL);
	ASSERT_EQ(0, bind_to(fd, &addr));
	ASSERT_EQ(1, sendto(fd, "x", 1, 0, &addr.sa, addr.len));
	EXPECT_EQ(KITE_OP_DGRAM, packet_next_op(self->fd));
}

/* Received */

TEST_F(raw, message_flags)
{
	struct packet pkt = { .version = 1, .type = 2, .op = KITE_OP_DGRAM, .len = 10,
		.src_port = 7000, .src_node = 1, .dst_port = 7001, .dst_node = 1 };
	struct iovec iov = { big, 8 };
	struct address from = { .len = sizeof(from.storage) }, want;
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1,
		.msg_name = &from.sa, .msg_namelen = from.len };
	int other = raw_socket(), i;

	for (i = 0; i < 3; i++)
		ASSERT_EQ(0, packet_send(other, &pkt, "0123456789"));
	EXPECT_EQ((int)HDR_LEN + 10, bytes_to_read(self->fd));
	EXPECT_EQ((ssize_t)HDR_LEN + 10, recv(self->fd, big, 4, MSG_PEEK | MSG_TRUNC));
	EXPECT_EQ(4, recv(self->fd, big, 4, MSG_PEEK));
	EXPECT_EQ((ssize_t)HDR_LEN + 10, recv(self->fd, big, sizeof(big), 0));
	EXPECT_EQ(0, memcmp(big + HDR_LEN, "0123456789", 10));
	EXPECT_EQ(KITE_OP_RESET, packet_next_op(self->fd));

	EXPECT_EQ(8, recvmsg(self->fd, &msg, 0));
	EXPECT_EQ(MSG_TRUNC, msg.msg_flags & MSG_TRUNC);
	from.len = msg.msg_namelen;
	kite_address(&want, 7000, KITE_NODE_LOCAL);
	EXPECT_TRUE(same_address(&want, &from));

	/* Nothing of it at all is a packet, too. */
	EXPECT_EQ(0, recv(self->fd, big, 0, 0));
	EXPECT_EQ(KITE_OP_DGRAM, packet_next_op(self->fd));
	EXPECT_EQ(-EFAULT, ERR(recv(self->fd, bad_pointer(), 100, 0)));
	EXPECT_NO_PACKET();
}

TEST_F(raw, too_many_are_dropped_and_counted)
{
	char control[CMSG_SPACE(sizeof(unsigned int))];
	struct iovec iov = { big, sizeof(big) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control) };
	unsigned int count = 0;
	struct cmsghdr *cmsg;
	struct conn conn;
	int i, got = 0;

	ASSERT_EQ(0, make_conn(&conn, SOCK_STREAM));
	drain(self->fd);
	ASSERT_EQ(0, set_int_option(self->fd, SOL_SOCKET, SO_RXQ_OVFL, 1));
	ASSERT_EQ(0, set_int_option(self->fd, SOL_SOCKET, SO_RCVBUF, 1));
	for (i = 0; i < 100; i++)
		ASSERT_EQ(1000, send(conn.c, big, 1000, 0));
	/* The connection loses nothing. */
	EXPECT_EQ(100000, bytes_to_read(conn.s));
	while (packet_next_op(self->fd) == KITE_OP_DATA)
		got++;
	EXPECT_LT(0, got);
	EXPECT_GT(100, got);
	EXPECT_EQ(100 - got, drops_of(self->fd));

	ASSERT_EQ(1, send(conn.c, "x", 1, 0));
	ASSERT_LT(0, recvmsg(self->fd, &msg, 0));
	cmsg = CMSG_FIRSTHDR(&msg);
	ASSERT_NE(NULL, cmsg);
	EXPECT_EQ(SO_RXQ_OVFL, cmsg->cmsg_type);
	memcpy(&count, CMSG_DATA(cmsg), sizeof(count));
	EXPECT_EQ(100 - got, count);
}

TEST_F(raw, shutdown)
{
	struct packet pkt = { .version = 1, .type = 2, .op = KITE_OP_DGRAM,
		.src_port = 7000, .src_node = 1, .dst_port = 7001, .dst_node = 1 };
	struct async receiving;
	struct conn conn;
	char buf[8];

	EXPECT_EQ(-EINVAL, ERR(shutdown(self->fd, 3)));
	async_recv(&receiving, self->fd, buf, sizeof(buf), 0);
	EXPECT_TRUE(async_blocks(&receiving));
	EXPECT_EQ(0, ERR(shutdown(self->fd, SHUT_RD)));
	EXPECT_EQ(0, async_result(&receiving));
	ASSERT_EQ(0, make_conn(&conn, SOCK_STREAM));
	EXPECT_EQ(0, recv(self->fd, buf, 8, 0));
	EXPECT_EQ(0, packet_send(self->fd, &pkt, NULL));
	EXPECT_EQ(0, ERR(shutdown(self->fd, SHUT_WR)));
	EXPECT_EQ(-EPIPE, packet_send(self->fd, &pkt, NULL));
}

/* Sent */

TEST_F(raw, not_its_own)
{
	struct packet pkt = { .version = 1, .type = 2, .op = KITE_OP_DGRAM, .len = 1,
		.src_port = 7000, .src_node = 1, .dst_port = 7001, .dst_node = 1 };
	int other = raw_socket();

	EXPECT_EQ(0, packet_send(self->fd, &pkt, "x"));
	/* But what comes back. */
	EXPECT_EQ(KITE_OP_RESET, packet_next_op(self->fd));
	EXPECT_NO_PACKET();
	EXPECT_EQ(KITE_OP_DGRAM, packet_next_op(other));
	EXPECT_EQ(KITE_OP_RESET, packet_next_op(other));
}

/* Sends a file descriptor along. */
static long send_descriptor(int fd, void *buf, size_t len)
{
	union {
		char buf[CMSG_SPACE(sizeof(int))];
		struct cmsghdr cmsg;
	} control = {
		.cmsg = {
			.cmsg_len = CMSG_LEN(sizeof(int)),
			.cmsg_level = SOL_SOCKET,
			.cmsg_type = SCM_RIGHTS,
		},
	};
	struct iovec iov = { buf, len };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};

	memcpy(CMSG_DATA(&control.cmsg), &fd, sizeof(fd));
	return ERR(sendmsg(fd, &msg, 0));
}

TEST_F(raw, what_cannot_be_sent)
{
	const struct packet good = { .version = 1, .type = 2, .op = KITE_OP_DGRAM,
		.src_port = 7000, .src_node = 1, .dst_port = 7001, .dst_node = 1 };
	struct packet pkt = good;
	struct address addr;

	packet_encode(big, &good);
	EXPECT_EQ(-EINVAL, ERR(send(self->fd, big, 0, 0)));
	EXPECT_EQ(-EINVAL, ERR(send(self->fd, big, HDR_LEN - 1, 0)));
	EXPECT_EQ(-EINVAL, ERR(send(self->fd, big, HDR_LEN + 1, 0)));
	EXPECT_EQ(-EMSGSIZE, ERR(send(self->fd, big, HDR_LEN + MAX_PAYLOAD + 1, 0)));
	EXPECT_EQ(-EOPNOTSUPP, ERR(send(self->fd, big, HDR_LEN, MSG_OOB)));
	EXPECT_EQ(-EINVAL, send_descriptor(self->fd, big, HDR_LEN));
	EXPECT_EQ(-EFAULT, ERR(send(self->fd, bad_pointer(), HDR_LEN, 0)));
	EXPECT_EQ((long)HDR_LEN, ERR(send(self->fd, big, HDR_LEN, 0)));

	pkt.version = 2;
	EXPECT_EQ(-EINVAL, packet_send(self->fd, &pkt, NULL));
	pkt = good;
	pkt.src_node = 77;
	EXPECT_EQ(-EADDRNOTAVAIL, packet_send(self->fd, &pkt, NULL));
	pkt.src_node = KITE_NODE_ANY;
	EXPECT_EQ(-EADDRNOTAVAIL, packet_send(self->fd, &pkt, NULL));
	pkt = good;
	pkt.dst_node = KITE_NODE_ANY;
	EXPECT_GT(0, packet_send(self->fd, &pkt, NULL));

	/* An address beside that in the header has to be the same. */
	kite_address(&addr, 7001, KITE_NODE_LOCAL);
	EXPECT_EQ((long)HDR_LEN, ERR(sendto(self->fd, big, HDR_LEN, 0, &addr.sa, addr.len)));
	EXPECT_EQ(-EINVAL, ERR(sendto(self->fd, big, HDR_LEN, 0, &addr.sa, 8)));
	kite_address(&addr, 7002, KITE_NODE_LOCAL);
	EXPECT_EQ(-EINVAL, ERR(sendto(self->fd, big, HDR_LEN, 0, &addr.sa, addr.len)));

	pkt = good;
	pkt.len = 10000;
	EXPECT_EQ(0, packet_send(self->fd, &pkt, big));
	ASSERT_EQ(0, set_int_option(self->fd, SOL_SOCKET, SO_SNDBUF, 4096));
	EXPECT_EQ(-EMSGSIZE, packet_send(self->fd, &pkt, big));
}

/* The table of Documentation/protocol.rst. */
static bool makes_sense(const struct packet *pkt)
{
	bool connects = pkt->type == SOCK_STREAM || pkt->type == SOCK_SEQPACKET;
	bool record = pkt->type == SOCK_SEQPACKET;

	switch (pkt->op) {
	case KITE_OP_REQUEST:
	case KITE_OP_RESPONSE:
	case KITE_OP_CREDIT:
		return connects && !pkt->len && !pkt->flags;
	case KITE_OP_RESET:
		return (connects || pkt->type == SOCK_DGRAM) && !pkt->len && pkt->flags;
	case KITE_OP_DATA:
		if (record && pkt->flags == KITE_DATA_MORE)
			return pkt->len == MAX_PAYLOAD;
		if (record)
			return !pkt->flags || pkt->flags == KITE_DATA_EOR;
		return connects && pkt->len && !pkt->flags;
	case KITE_OP_SHUTDOWN:
		return connects && !pkt->len && pkt->flags && pkt->flags <= 3;
	case KITE_OP_DGRAM:
		return pkt->type == SOCK_DGRAM && !pkt->flags;
	case KITE_OP_ECHO:
	case KITE_OP_ECHO_REPLY:
		return pkt->type == SOCK_RAW && !pkt->flags;
	}
	return false;
}

TEST_F(raw, every_header)
{
	static const unsigned int lens[] = { 0, 1, MAX_PAYLOAD };
	static const unsigned int flags[] = { 0, 1, 2, 3, 4, 128 };
	struct packet pkt = { .version = 1, .src_port = 7000, .src_node = 1,
		.dst_port = 7001, .dst_node = 1 };
	unsigned int f, l;
	long want;

	for (pkt.type = 0; pkt.type < 7; pkt.type++)
		for (pkt.op = 0; pkt.op < 12; pkt.op++)
			for (f = 0; f < ARRAY_SIZE(flags); f++)
				for (l = 0; l < ARRAY_SIZE(lens); l++) {
					pkt.flags = flags[f];
					pkt.len = lens[l];
					want = makes_sense(&pkt) ? 0 : -EINVAL;
					ASSERT_EQ(want, packet_send(self->fd, &pkt, big)) {
						TH_LOG("type %u op %u flags %u len %u",
						       pkt.type, pkt.op, pkt.flags, pkt.len);
					}
				}
}

TEST_F(raw, datagram_by_hand)
{
	struct packet pkt = { .version = 1, .type = 2, .op = KITE_OP_DGRAM, .len = 3,
		.src_port = 7000, .src_node = 1, .dst_port = 7001, .dst_node = 1 };
	int fd = kite_socket(SOCK_DGRAM);
	struct address addr, from = { .len = sizeof(from.storage) };

	kite_address(&addr, 7001, KITE_NODE_LOCAL);
	ASSERT_EQ(0, bind_to(fd, &addr));
	EXPECT_EQ(0, packet_send(self->fd, &pkt, "abc"));
	EXPECT_EQ(3, recvfrom(fd, big, sizeof(big), 0, &from.sa, &from.len));
	EXPECT_EQ(0, memcmp(big, "abc", 3));
	kite_address(&addr, 7000, KITE_NODE_LOCAL);
	EXPECT_TRUE(same_address(&addr, &from));
}

TEST_HARNESS_MAIN
