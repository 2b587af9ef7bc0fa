// SPDX-License-Identifier: GPL-2.0
/* sock_diag: which sockets there are, and the end of one. */

#define _GNU_SOURCE
#include <sched.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <linux/netlink.h>

#include "fixtures.h"
#include "netlink.h"
#include "packet.h"

#define MANY		3000
#define SOME		400
#define CONNECTIONS	20
#define HDR		((int)sizeof(struct kite_diag_req))

static struct diag seen[MANY + SOME];

/* @nl asks in a namespace of its own, where nobody else has sockets. */
FIXTURE(diag) {
	int nl;
	struct kite_diag_req req;
	struct diag d;
};

FIXTURE_SETUP(diag)
{
	int err;

	if (skip_family(_metadata, &family_kite))
		return;
	err = enter_new_netns();
	if (err)
		SKIP(return, "no namespace of its own: %s", strerror(-err));
	self->nl = diag_open();
	ASSERT_LE(0, self->nl);
	self->req = diag_req();
}

FIXTURE_TEARDOWN(diag) { }

#define ALL()	diag_all(self->nl, &self->req, seen, ARRAY_SIZE(seen))
#define OF(fd)	diag_of(self->nl, fd, &self->d)

static unsigned int inode_of(int fd)
{
	struct stat st;

	return fstat(fd, &st) ? 0 : st.st_ino;
}

static int how_often(int n, unsigned int ino)
{
	int times = 0;

	for (int i = 0; i < n; i++)
		times += seen[i].msg.kdm_ino == ino;
	return times;
}

static int pair(int type, int fd[2])
{
	return pair_of_type(&family_kite, type, fd);
}

TEST_F(diag, no_socket_no_answer)
{
	EXPECT_EQ(0, ALL());
}

TEST_F(diag, each_type)
{
	static const int types[] = { SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM, SOCK_RAW };

	for (int i = 0; i < 4; i++) {
		int fd = kite_socket(types[i]);
		const struct kite_diag_msg *msg = &self->d.msg;

		ASSERT_LE(0, fd);
		ASSERT_EQ(i + 1, ALL());
		EXPECT_EQ(1, how_often(i + 1, inode_of(fd)));
		ASSERT_EQ(0, OF(fd));
		EXPECT_EQ(family_kite.domain(), msg->kdm_family);
		EXPECT_EQ(types[i], msg->kdm_type);
		EXPECT_EQ(KITE_DIAG_CLOSE, msg->kdm_state);
		EXPECT_EQ(KITE_DIAG_TIMER_NONE, msg->kdm_timer);
		EXPECT_EQ(0, msg->kdm_shutdown);
		EXPECT_EQ(0, msg->kdm_pad[0] | msg->kdm_pad[1] | msg->kdm_pad[2]);
		EXPECT_EQ(KITE_PORT_ANY, msg->kdm_local_port);
		EXPECT_EQ(KITE_NODE_ANY, msg->kdm_local_node);
		EXPECT_EQ(KITE_PORT_ANY, msg->kdm_remote_port);
		EXPECT_EQ(KITE_NODE_ANY, msg->kdm_remote_node);
		EXPECT_EQ(inode_of(fd), msg->kdm_ino);
		EXPECT_EQ(getuid(), msg->kdm_uid);
		EXPECT_EQ(0, msg->kdm_rqueue);
		EXPECT_EQ(0, msg->kdm_error);
		EXPECT_LE(1, msg->kdm_refs);
	}
}

TEST_F(diag, owner)
{
	int fd = kite_socket(SOCK_STREAM);

	ASSERT_EQ(0, fchown(fd, 1234, 1234));
	ASSERT_EQ(0, OF(fd));
	EXPECT_EQ(1234, self->d.msg.kdm_uid);
}

TEST_F(diag, listener_and_who_waits)
{
	struct address addr;
	int l = listener(&family_kite, 7, &addr), c;

	c = connector(&family_kite, &addr);
	ASSERT_LE(0, c);
	ASSERT_EQ(0, OF(l));
	EXPECT_EQ(KITE_DIAG_LISTEN, self->d.msg.kdm_state);
	EXPECT_EQ(port_of(&addr), self->d.msg.kdm_local_port);
	EXPECT_EQ(1, self->d.msg.kdm_rqueue);
	EXPECT_EQ(7, self->d.msg.kdm_wqueue);
	/* The one that waits for accept has no inode. */
	ASSERT_EQ(3, ALL());
	EXPECT_EQ(1, how_often(3, 0));
}

TEST_F(diag, two_ends)
{
	const struct kite_diag_credit *credit = &self->d.credit;
	struct diag a, b;
	char data[100] = "";
	int fd[2];

	ASSERT_EQ(0, pair(SOCK_STREAM, fd));
	ASSERT_EQ(100, send(fd[0], data, 100, 0));
	ASSERT_EQ(100, BECOMES(100, bytes_to_read(fd[1])));
	ASSERT_EQ(0, diag_of(self->nl, fd[0], &a));
	ASSERT_EQ(0, diag_of(self->nl, fd[1], &b));
	EXPECT_EQ(KITE_DIAG_ESTABLISHED, a.msg.kdm_state);
	EXPECT_EQ(a.msg.kdm_local_port, b.msg.kdm_remote_port);
	EXPECT_EQ(a.msg.kdm_local_node, b.msg.kdm_remote_node);
	EXPECT_EQ(a.msg.kdm_remote_port, b.msg.kdm_local_port);
	EXPECT_EQ(a.msg.kdm_remote_node, b.msg.kdm_local_node);
	EXPECT_EQ(100, a.msg.kdm_wqueue);
	EXPECT_EQ(0, a.msg.kdm_rqueue);
	EXPECT_EQ(100, b.msg.kdm_rqueue);
	EXPECT_EQ(100, a.credit.kdc_sent);
	EXPECT_EQ(0, a.credit.kdc_peer_read);
	EXPECT_EQ(100, b.credit.kdc_queued);
	EXPECT_EQ(0, b.credit.kdc_read);
	EXPECT_EQ(a.credit.kdc_limit, b.credit.kdc_rx_limit);
	EXPECT_EQ(get_int_option(fd[1], SOL_SOCKET, SO_RCVBUF), b.mem[SK_MEMINFO_RCVBUF]);
	EXPECT_EQ(get_int_option(fd[0], SOL_SOCKET, SO_SNDBUF), a.mem[SK_MEMINFO_SNDBUF]);
	EXPECT_LT(0, b.mem[SK_MEMINFO_RMEM_ALLOC]);
	EXPECT_STREQ("loopback", a.transport);
	if (peer_is_known(&family_kite)) {
		EXPECT_EQ(inode_of(fd[1]), a.peer.kdp_ino);
		EXPECT_EQ(b.msg.kdm_cookie[0], a.peer.kdp_cookie[0]);
		EXPECT_EQ(b.msg.kdm_cookie[1], a.peer.kdp_cookie[1]);
	} else {
		EXPECT_FALSE(a.has & DIAG_BIT(KITE_DIAG_PEER));
	}

	ASSERT_EQ(100, recv(fd[1], data, 100, 0));
	ASSERT_EQ(0, OF(fd[1]));
	EXPECT_EQ(100, credit->kdc_read);
	EXPECT_EQ(0, self->d.msg.kdm_rqueue);
}

TEST_F(diag, record_costs_more_than_its_bytes)
{
	int fd[2];

	ASSERT_EQ(0, pair(SOCK_SEQPACKET, fd));
	ASSERT_EQ(1, send(fd[0], "x", 1, 0));
	ASSERT_EQ(1, BECOMES(1, bytes_to_read(fd[1])));
	ASSERT_EQ(0, OF(fd[1]));
	EXPECT_EQ(1 + KITE_RECORD_OVERHEAD, self->d.msg.kdm_rqueue);
}

TEST_F(diag, datagrams)
{
	static char data[4000];
	int fd[2], sent = 0;

	ASSERT_EQ(0, pair(SOCK_DGRAM, fd));
	ASSERT_EQ(0, OF(fd[0]));
	EXPECT_EQ(KITE_DIAG_ESTABLISHED, self->d.msg.kdm_state);
	EXPECT_FALSE(self->d.has & DIAG_BIT(KITE_DIAG_CREDIT));
	set_int_option(fd[1], SOL_SOCKET, SO_RCVBUF, 8192);
	while (sent < 50 && send(fd[0], data, sizeof(data), MSG_DONTWAIT) > 0)
		sent++;
	ASSERT_EQ(50, sent);
	ASSERT_EQ(0, OF(fd[1]));
	EXPECT_LE(sizeof(data), self->d.msg.kdm_rqueue);
	EXPECT_LT(0, self->d.mem[SK_MEMINFO_DROPS]);
	EXPECT_GT(50, self->d.mem[SK_MEMINFO_DROPS]);
}

TEST_F(diag, shutdown_is_seen_on_both_sides)
{
	int fd[2];

	ASSERT_EQ(0, pair(SOCK_STREAM, fd));
	ASSERT_EQ(0, shutdown(fd[0], SHUT_WR));
	ASSERT_EQ(0, OF(fd[0]));
	EXPECT_EQ(KITE_DIAG_SHUTDOWN_SEND, self->d.msg.kdm_shutdown);
	ASSERT_EQ(POLLIN | POLLOUT | POLLRDHUP,
		  revents_become(fd[1], POLLIN | POLLOUT | POLLRDHUP));
	ASSERT_EQ(0, OF(fd[1]));
	EXPECT_EQ(KITE_DIAG_SHUTDOWN_RCV, self->d.msg.kdm_shutdown);
}

TEST_F(diag, waiting_for_an_answer)
{
	int raw = raw_bound(5000), fd = kite_socket(SOCK_STREAM);
	struct address addr;

	/* A program that plays the listener, and is slow. */
	ASSERT_LE(0, raw);
	kite_address(&addr, 5000, KITE_NODE_LOCAL);
	ASSERT_EQ(0, set_nonblocking(fd, true));
	ASSERT_EQ(-EINPROGRESS, connect_to(fd, &addr));
	ASSERT_EQ(0, OF(fd));
	EXPECT_EQ(KITE_DIAG_SYN_SENT, self->d.msg.kdm_state);
	EXPECT_EQ(KITE_DIAG_TIMER_CONNECT, self->d.msg.kdm_timer);
	EXPECT_LT(0, self->d.msg.kdm_expires);
	EXPECT_GE(3600000, self->d.msg.kdm_expires);
	EXPECT_EQ(5000, self->d.msg.kdm_remote_port);
}

TEST_F(diag, only_what_is_asked_for)
{
	int fd[2];

	ASSERT_EQ(0, pair(SOCK_STREAM, fd));
	self->req.kdr_show = 0;
	ASSERT_EQ(2, ALL());
	EXPECT_EQ(0, seen[0].has | seen[1].has);
	self->req.kdr_show = DIAG_BIT(KITE_DIAG_CREDIT);
	ASSERT_EQ(2, ALL());
	EXPECT_EQ(DIAG_BIT(KITE_DIAG_CREDIT), seen[0].has);
}

TEST_F(diag, mark_is_for_the_privileged)
{
	int fd = kite_socket(SOCK_DGRAM);

	ASSERT_EQ(0, set_int_option(fd, SOL_SOCKET, SO_MARK, 77));
	ASSERT_EQ(0, OF(fd));
	EXPECT_EQ(77, self->d.mark);
	ASSERT_TRUE(become_nobody());
	ASSERT_EQ(0, OF(fd));
	EXPECT_FALSE(self->d.has & DIAG_BIT(KITE_DIAG_MARK));
	/* The rest is for everybody. */
	EXPECT_EQ(inode_of(fd), self->d.msg.kdm_ino);
}

TEST_F(diag, filters)
{
	int l = kite_listener_at(SOCK_STREAM, 5000, 1), d = kite_socket_at(SOCK_DGRAM, 5000);
	struct address addr;
	int c;

	ASSERT_LE(0, l);
	ASSERT_LE(0, d);
	kite_address(&addr, 5000, KITE_NODE_LOCAL);
	c = connector(&family_kite, &addr);
	ASSERT_LE(0, c);
	ASSERT_EQ(4, ALL());

	self->req.kdr_types = 1 << SOCK_DGRAM;
	ASSERT_EQ(1, ALL());
	EXPECT_EQ(inode_of(d), seen[0].msg.kdm_ino);
	self->req.kdr_types = 1 << SOCK_STREAM | 1 << SOCK_RAW;
	EXPECT_EQ(3, ALL());
	self->req.kdr_states = 1 << KITE_DIAG_LISTEN;
	ASSERT_EQ(1, ALL());
	EXPECT_EQ(inode_of(l), seen[0].msg.kdm_ino);

	self->req = diag_req();
	self->req.kdr_local_port = 5000;
	EXPECT_EQ(3, ALL());
	self->req.kdr_local_node = 7;
	EXPECT_EQ(0, ALL());
	self->req = diag_req();
	self->req.kdr_remote_port = 5000;
	self->req.kdr_remote_node = KITE_NODE_LOCAL;
	ASSERT_EQ(1, ALL());
	EXPECT_EQ(inode_of(c), seen[0].msg.kdm_ino);

	self->req = diag_req();
	self->req.kdr_ino = inode_of(d);
	EXPECT_EQ(1, ALL());
	self->req.kdr_states = 0;
	EXPECT_EQ(0, ALL());
}

TEST_F(diag, the_one_that_is_named)
{
	struct kite_diag_req req;
	int fd[2];

	ASSERT_EQ(0, pair(SOCK_STREAM, fd));
	ASSERT_EQ(0, OF(fd[0]));
	/* By its addresses. */
	req = diag_req();
	req.kdr_types = 1 << SOCK_STREAM;
	req.kdr_local_port = self->d.msg.kdm_local_port;
	req.kdr_local_node = self->d.msg.kdm_local_node;
	req.kdr_remote_port = self->d.msg.kdm_remote_port;
	req.kdr_remote_node = self->d.msg.kdm_remote_node;
	ASSERT_EQ(0, diag_one(self->nl, &req, &self->d));
	EXPECT_EQ(inode_of(fd[0]), self->d.msg.kdm_ino);
	/* By one that would be another. */
	req.kdr_cookie[0] = self->d.msg.kdm_cookie[0] + 1000;
	req.kdr_cookie[1] = self->d.msg.kdm_cookie[1];
	EXPECT_EQ(-ENOENT, diag_one(self->nl, &req, &self->d));
	/* By its inode. */
	req = diag_req();
	req.kdr_ino = inode_of(fd[1]);
	ASSERT_EQ(0, diag_one(self->nl, &req, &self->d));
	EXPECT_EQ(inode_of(fd[1]), self->d.msg.kdm_ino);
	/* Not by less than that. */
	req = diag_req();
	req.kdr_local_port = self->d.msg.kdm_local_port;
	EXPECT_EQ(-EINVAL, diag_one(self->nl, &req, &self->d));
	/* It is gone. */
	ASSERT_EQ(0, diag_name(fd[0], &req));
	ASSERT_EQ(0, close(fd[0]));
	EXPECT_EQ(-ENOENT, BECOMES(-ENOENT, diag_one(self->nl, &req, &self->d)));
}

static int garbage(int nl, int type, const void *req, int len)
{
	struct diag d;

	return diag_send(nl, type, NLM_F_ACK | NLM_F_DUMP, req, len) ?: diag_next(nl, &d);
}

TEST_F(diag, garbage)
{
	struct { struct kite_diag_req req; char more[4]; } big = { .req = self->req };
	struct kite_diag_req req;

	for (int len = 2; len < HDR; len++)
		EXPECT_EQ(-EINVAL, garbage(self->nl, SOCK_DIAG_BY_FAMILY, &self->req, len));
	EXPECT_EQ(-EINVAL, garbage(self->nl, SOCK_DIAG_BY_FAMILY, &big, sizeof(big)));
	EXPECT_EQ(-EINVAL, garbage(self->nl, SOCK_DESTROY, &self->req, HDR - 1));
	req = self->req;
	req.kdr_protocol = 1;
	EXPECT_EQ(-EINVAL, garbage(self->nl, SOCK_DIAG_BY_FAMILY, &req, HDR));
	req = self->req;
	req.kdr_pad = 1;
	EXPECT_EQ(-EINVAL, garbage(self->nl, SOCK_DIAG_BY_FAMILY, &req, HDR));
	/* And after all that it answers. */
	EXPECT_EQ(0, ALL());
}

TEST_F(diag, another_namespace_sees_nothing)
{
	struct kite_diag_req req;
	int fd[2];

	ASSERT_EQ(0, pair(SOCK_STREAM, fd));
	ASSERT_EQ(0, diag_name(fd[0], &req));
	ASSERT_EQ(0, enter_new_netns());
	self->nl = diag_open();
	EXPECT_EQ(0, ALL());
	EXPECT_EQ(-ENOENT, diag_one(self->nl, &req, &self->d));
	EXPECT_EQ(-ENOENT, diag_destroy(self->nl, &req));
}

/* More than what one system call can bring. */
TEST_F(diag, thousands)
{
	struct rlimit limit = { MANY + 100, MANY + 100 };
	int n, once = 0;

	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &limit));
	for (int i = 0; i < MANY; i++)
		ASSERT_LE(0, kite_socket(i % 2 ? SOCK_DGRAM : SOCK_STREAM));
	n = ALL();
	ASSERT_EQ(MANY, n);
	/* Of neighbours none comes twice; all are neighbours, the youngest first. */
	for (int i = 1; i < n; i++)
		once += seen[i].msg.kdm_ino && seen[i].msg.kdm_ino != seen[i - 1].msg.kdm_ino;
	EXPECT_EQ(n - 1, once);
	self->req.kdr_types = 1 << SOCK_DGRAM;
	EXPECT_EQ(MANY / 2, ALL());
}

static void *open_and_close(void *stop)
{
	while (!__atomic_load_n((int *)stop, __ATOMIC_RELAXED)) {
		int fd[8];

		for (int i = 0; i < 8; i++)
			fd[i] = kite_socket(SOCK_STREAM);
		for (int i = 0; i < 8; i++)
			close(fd[(i * 3) % 8]);
	}
	return NULL;
}

/* Whoever is there all the time is told of once, whatever becomes of others. */
TEST_F(diag, while_others_come_and_go)
{
	unsigned int ino[SOME];
	int stop = 0, wrong = 0;
	pthread_t thread;

	ASSERT_EQ(0, pthread_create(&thread, NULL, open_and_close, &stop));
	for (int i = 0; i < SOME; i++)
		ino[i] = inode_of(kite_socket(SOCK_DGRAM));
	for (int round = 0; round < 10; round++) {
		int n = ALL();

		for (int i = 0; i < SOME; i++)
			wrong += how_often(n, ino[i]) != 1;
	}
	EXPECT_EQ(0, wrong);
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
}

struct meeting {
	struct address addr;
	int l, fd[2 * CONNECTIONS], done;
};

static void *connect_and_accept(void *data)
{
	struct meeting *m = data;

	for (int i = 0; i < 2 * CONNECTIONS; i += 2) {
		m->fd[i] = connector(&family_kite, &m->addr);
		m->fd[i + 1] = ERR(accept(m->l, NULL, NULL));
	}
	__atomic_store_n(&m->done, 1, __ATOMIC_RELEASE);
	return NULL;
}

/*
 * A listener's child is seen when it has all that it needs, and not before. Nobody closes
 * while the dump looks: so who has no inode was just not accepted yet.
 */
TEST_F(diag, while_others_connect)
{
	struct meeting m;
	pthread_t thread;
	int wrong = 0;

	m.l = listener(&family_kite, 1, &m.addr);
	ASSERT_LE(0, m.l);
	for (int round = 0; round < 100; round++) {
		m.done = 0;
		ASSERT_EQ(0, pthread_create(&thread, NULL, connect_and_accept, &m));
		while (!__atomic_load_n(&m.done, __ATOMIC_ACQUIRE)) {
			int n = ALL();

			ASSERT_LE(0, n);
			for (int i = 0; i < n; i++)
				wrong += !seen[i].msg.kdm_ino &&
					 (seen[i].msg.kdm_local_port == KITE_PORT_ANY ||
					  seen[i].msg.kdm_remote_port == KITE_PORT_ANY);
		}
		pthread_join(thread, NULL);
		for (int i = 0; i < 2 * CONNECTIONS; i++)
			ASSERT_EQ(0, close(m.fd[i]));
	}
	EXPECT_EQ(0, wrong);
}

/* The dump stands at a socket that is closed before the next system call. */
TEST_F(diag, where_it_stands_is_closed)
{
	int fd[SOME], n = 0, err;
	unsigned int ino[SOME];
	int wrong = 0;

	for (int i = 0; i < SOME; i++) {
		fd[i] = kite_socket(SOCK_DGRAM);
		ino[i] = inode_of(fd[i]);
	}
	ASSERT_EQ(0, diag_send(self->nl, SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, &self->req, HDR));
	/* The kernel has told of some, and has more to tell. */
	ASSERT_EQ(1, diag_next(self->nl, &seen[n++]));
	for (int i = 0; i < SOME; i += 2)
		ASSERT_EQ(0, close(fd[i]));
	while ((err = diag_next(self->nl, &seen[n])) == 1)
		n++;
	ASSERT_EQ(0, err);
	EXPECT_GT(SOME, n);
	for (int i = 1; i < SOME; i += 2)
		wrong += how_often(n, ino[i]) != 1;
	EXPECT_EQ(0, wrong);
}

/* A dump that is not read to its end keeps nothing. */
TEST_F(diag, half_a_dump)
{
	/* Those of an earlier test, not yet freed, may be among them, and go. */
	int users = module_users();

	for (int i = 0; i < SOME; i++)
		kite_socket(SOCK_DGRAM);
	ASSERT_EQ(0, diag_send(self->nl, SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, &self->req, HDR));
	ASSERT_EQ(1, diag_next(self->nl, &self->d));
	/* The sockets, and the dump. */
	EXPECT_LT(SOME, module_users());
	ASSERT_EQ(0, close(self->nl));
	ASSERT_EQ(0, close_range(3, ~0U, 0));
	EXPECT_TRUE(BECOMES(true, module_users() <= users));
}

/* What becomes of a socket that is destroyed. */
#define EXPECT_DESTROYED(fd)						\
	do {								\
		struct kite_diag_req name;				\
									\
		EXPECT_EQ(0, diag_name(fd, &name));			\
		EXPECT_EQ(0, diag_destroy(self->nl, &name));		\
		EXPECT_EQ(-ENOENT, diag_one(self->nl, &name, &self->d)); \
		EXPECT_EQ(-ENOENT, diag_destroy(self->nl, &name));	\
	} while (0)

TEST_F(diag, destroy_connection)
{
	static const int types[] = { SOCK_STREAM, SOCK_SEQPACKET };
	struct async a;
	char c;

	for (int i = 0; i < 2; i++) {
		int fd[2];

		ASSERT_EQ(0, pair(types[i], fd));
		async_recv(&a, fd[0], &c, 1, 0);
		ASSERT_TRUE(async_blocks(&a));
		EXPECT_DESTROYED(fd[0]);
		EXPECT_EQ(-ECONNABORTED, async_result(&a));
		EXPECT_EQ(0, recv(fd[0], &c, 1, 0));
		EXPECT_EQ(-EPIPE, ERR(send(fd[0], "x", 1, MSG_NOSIGNAL)));
		EXPECT_EQ(-ECONNRESET, ERR(recv(fd[1], &c, 1, 0)));
		EXPECT_EQ(0, close(fd[0]) | close(fd[1]));
	}
	EXPECT_EQ(0, BECOMES(0, ALL()));
}

TEST_F(diag, destroy_listener)
{
	struct address addr;
	int l = listener(&family_kite, 5, &addr), c = connector(&family_kite, &addr);
	struct async a;
	char byte;

	ASSERT_LE(0, c);
	ASSERT_LE(0, ERR(accept(l, NULL, NULL)));
	async_accept(&a, l);
	ASSERT_TRUE(async_blocks(&a));
	EXPECT_DESTROYED(l);
	/* As with TCP. */
	EXPECT_EQ(-EINVAL, async_result(&a));
	EXPECT_EQ(-refusal(&family_kite), connector(&family_kite, &addr));
	/* What was accepted goes on. */
	EXPECT_EQ(-EAGAIN, ERR(recv(c, &byte, 1, MSG_DONTWAIT)));
	EXPECT_EQ(0, close(l));
	l = kite_socket(SOCK_STREAM);
	EXPECT_EQ(0, bind_to(l, &addr));
}

TEST_F(diag, destroy_who_waits_for_accept)
{
	struct address addr;
	int l = listener(&family_kite, 5, &addr), c = connector(&family_kite, &addr), s;
	char byte;

	ASSERT_LE(0, c);
	self->req.kdr_local_port = port_of(&addr);
	self->req.kdr_states = 1 << KITE_DIAG_ESTABLISHED;
	ASSERT_EQ(1, ALL());
	self->req.kdr_cookie[0] = seen[0].msg.kdm_cookie[0];
	self->req.kdr_cookie[1] = seen[0].msg.kdm_cookie[1];
	/* It is nobody's yet; as soon as somebody has it, it can be ended. */
	EXPECT_EQ(-EOPNOTSUPP, diag_destroy(self->nl, &self->req));
	EXPECT_EQ(-EAGAIN, ERR(recv(c, &byte, 1, MSG_DONTWAIT)));
	s = ERR(accept(l, NULL, NULL));
	ASSERT_LE(0, s);
	EXPECT_EQ(0, diag_destroy(self->nl, &self->req));
	EXPECT_EQ(-ECONNRESET, ERR(recv(c, &byte, 1, 0)));
	EXPECT_EQ(-ECONNABORTED, ERR(recv(s, &byte, 1, 0)));
}

TEST_F(diag, destroy_datagram_socket)
{
	struct async a;
	int fd[2];
	char c;

	ASSERT_EQ(0, pair(SOCK_DGRAM, fd));
	async_recv(&a, fd[1], &c, 1, 0);
	ASSERT_TRUE(async_blocks(&a));
	EXPECT_DESTROYED(fd[1]);
	EXPECT_EQ(-ECONNABORTED, async_result(&a));
	/* A packet's refusal is told to the next one. */
	EXPECT_TRUE(ERR(send(fd[0], "x", 1, 0)) == -ECONNREFUSED ||
		    ERR(send(fd[0], "x", 1, 0)) == -ECONNREFUSED);
}

TEST_F(diag, destroy_raw_socket)
{
	int raw = raw_socket(), fd = kite_socket(SOCK_STREAM);
	struct async a;
	char c;

	async_recv(&a, raw, &c, 1, 0);
	ASSERT_TRUE(async_blocks(&a));
	EXPECT_DESTROYED(raw);
	EXPECT_EQ(-ECONNABORTED, async_result(&a));
	/* One that was never connected. */
	EXPECT_DESTROYED(fd);
	EXPECT_EQ(0, close(raw) | close(fd));
}

TEST_F(diag, destroy_while_it_connects)
{
	int raw = raw_bound(5000), fd = kite_socket(SOCK_STREAM);
	struct address addr;
	struct async a;

	ASSERT_LE(0, raw);
	kite_address(&addr, 5000, KITE_NODE_LOCAL);
	async_connect(&a, fd, &addr);
	ASSERT_TRUE(async_blocks(&a));
	EXPECT_DESTROYED(fd);
	EXPECT_EQ(-ECONNABORTED, async_result(&a));
}

TEST_F(diag, destroy_needs_privilege)
{
	struct kite_diag_req req;
	int fd[2];
	char c;

	ASSERT_EQ(0, pair(SOCK_STREAM, fd));
	ASSERT_EQ(0, diag_name(fd[0], &req));
	ASSERT_TRUE(become_nobody());
	EXPECT_EQ(-EPERM, diag_destroy(self->nl, &req));
	self->nl = diag_open();
	EXPECT_EQ(-EPERM, diag_destroy(self->nl, &req));
	EXPECT_EQ(1, send(fd[0], "x", 1, 0));
	EXPECT_EQ(1, recv(fd[1], &c, 1, 0));
}

/* Who is root in a user namespace may do it in the network namespace that it owns. */
TEST_F(diag, destroy_as_root_of_a_namespace)
{
	struct kite_diag_req req;
	int fd[2];

	ASSERT_EQ(0, pair(SOCK_STREAM, fd));
	ASSERT_EQ(0, diag_name(fd[0], &req));
	if (unshare(CLONE_NEWUSER))
		SKIP(return, "no user namespace: %s", strerror(errno));
	self->nl = diag_open();
	EXPECT_EQ(-EPERM, diag_destroy(self->nl, &req));
	ASSERT_EQ(0, unshare(CLONE_NEWNET));
	ASSERT_EQ(0, pair(SOCK_STREAM, fd));
	self->nl = diag_open();
	EXPECT_DESTROYED(fd[0]);
}

TEST_HARNESS_MAIN
