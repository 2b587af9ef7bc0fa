// SPDX-License-Identifier: GPL-2.0
/* SCM_CREDENTIALS: who wrote a message, with AF_UNIX as the oracle. */

#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/sock_diag.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "fixtures.h"

/* What there is when nobody noted who it was. */
#define OVERFLOW_ID 65534

#define BIG 60000

static char big[BIG];

FIXTURE(creds) {
	const struct family *f;
	int c, s;
	bool known;
};

FIXTURE_VARIANT(creds) {
	const struct family *f;
	int type;
	bool pair;
};

FIXTURE_VARIANT_ADD(creds, kite_stream) {
	.f = &family_kite,
	.type = SOCK_STREAM,
};

FIXTURE_VARIANT_ADD(creds, kite_seqpacket) {
	.f = &family_kite,
	.type = SOCK_SEQPACKET,
};

FIXTURE_VARIANT_ADD(creds, kite_dgram) {
	.f = &family_kite,
	.type = SOCK_DGRAM,
};

FIXTURE_VARIANT_ADD(creds, kite_stream_pair) {
	.f = &family_kite,
	.type = SOCK_STREAM,
	.pair = true,
};

FIXTURE_VARIANT_ADD(creds, kite_seqpacket_pair) {
	.f = &family_kite,
	.type = SOCK_SEQPACKET,
	.pair = true,
};

FIXTURE_VARIANT_ADD(creds, kite_dgram_pair) {
	.f = &family_kite,
	.type = SOCK_DGRAM,
	.pair = true,
};

FIXTURE_VARIANT_ADD(creds, unix_stream) {
	.f = &family_unix,
	.type = SOCK_STREAM,
};

FIXTURE_VARIANT_ADD(creds, unix_seqpacket) {
	.f = &family_unix,
	.type = SOCK_SEQPACKET,
};

FIXTURE_VARIANT_ADD(creds, unix_dgram) {
	.f = &family_unix,
	.type = SOCK_DGRAM,
};

FIXTURE_SETUP(creds)
{
	int fd[2] = { -1, -1 }, err;

	self->f = variant->f;
	if (skip_family(_metadata, self->f))
		return;
	self->known = variant->pair || peer_is_known(self->f);
	if (variant->pair)
		err = ERR(socketpair(self->f->domain(), variant->type, 0, fd));
	else
		err = typed_pair(self->f, variant->type, fd);
	ASSERT_EQ(0, err);
	self->c = fd[0];
	self->s = fd[1];
}

FIXTURE_TEARDOWN(creds) { }

/* As root, we may say that we are whoever we like. */
static long send_as(int fd, const void *buf, size_t len, int pid, int uid, int gid)
{
	struct ucred cred = { pid, uid, gid };

	return send_cmsg(fd, buf, len, SOL_SOCKET, SCM_CREDENTIALS, &cred, sizeof(cred));
}

/* @cred.pid is -1 when there are none. */
struct received {
	long len;
	int flags;
	struct ucred cred;
};

static struct received recv_cred(int fd, void *buf, size_t len, int flags)
{
	union {
		char buf[CMSG_SPACE(sizeof(struct ucred))];
		struct cmsghdr align;
	} control;
	struct iovec iov = { buf, len };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	struct received r = { .cred = { -1, -1, -1 } };
	struct cmsghdr *cmsg;

	r.len = ERR(recvmsg(fd, &msg, flags | MSG_DONTWAIT));
	r.flags = msg.msg_flags;
	cmsg = r.len < 0 ? NULL : CMSG_FIRSTHDR(&msg);
	if (cmsg && cmsg->cmsg_level == SOL_SOCKET &&
	    cmsg->cmsg_type == SCM_CREDENTIALS &&
	    cmsg->cmsg_len == CMSG_LEN(sizeof(r.cred)))
		memcpy(&r.cred, CMSG_DATA(cmsg), sizeof(r.cred));
	return r;
}

static int pass(int fd, int on)
{
	return set_int_option(fd, SOL_SOCKET, SO_PASSCRED, on);
}

/* Is it from process @pid, and user and group @id? */
static bool is_from(const struct received *r, int pid, unsigned int id)
{
	return r->cred.pid == pid && r->cred.uid == id && r->cred.gid == id;
}

static bool is_from_nobody(const struct received *r)
{
	return is_from(r, 0, OVERFLOW_ID);
}

/* Packets carry no credentials. */
static bool is_from_if(bool known, const struct received *r, int pid, unsigned int id)
{
	return known ? is_from(r, pid, id) : is_from_nobody(r);
}

TEST_F(creds, given)
{
	struct received r;
	char buf[8];

	EXPECT_EQ(0, pass(self->s, 1));
	EXPECT_EQ(3, send_as(self->c, "abc", 3, getppid(), 111, 111));
	r = recv_cred(self->s, buf, sizeof(buf), 0);
	EXPECT_EQ(3, r.len);
	EXPECT_EQ(0, r.flags & MSG_CTRUNC);
	EXPECT_TRUE(is_from_if(self->known, &r, getppid(), 111));
}

TEST_F(creds, nobody_asked)
{
	struct received r;
	char buf[8];

	EXPECT_EQ(3, send_as(self->c, "abc", 3, getpid(), 111, 111));
	r = recv_cred(self->s, buf, sizeof(buf), 0);
	EXPECT_EQ(3, r.len);
	EXPECT_EQ(0, r.flags & MSG_CTRUNC);
	EXPECT_EQ(-1, r.cred.pid);
}

TEST_F(creds, reader_asked)
{
	struct received r;
	char buf[8];

	EXPECT_EQ(0, pass(self->s, 1));
	EXPECT_EQ(3, send(self->c, "abc", 3, 0));
	r = recv_cred(self->s, buf, sizeof(buf), 0);
	EXPECT_EQ(3, r.len);
	EXPECT_TRUE(is_from_if(self->known, &r, getpid(), 0));
	EXPECT_EQ(0, pass(self->s, 0));
	EXPECT_EQ(3, send(self->c, "abc", 3, 0));
	EXPECT_EQ(-1, recv_cred(self->s, buf, sizeof(buf), 0).cred.pid);
}

TEST_F(creds, reader_asked_too_late)
{
	struct received r;
	char buf[8];

	EXPECT_EQ(3, send(self->c, "abc", 3, 0));
	EXPECT_EQ(0, pass(self->s, 1));
	r = recv_cred(self->s, buf, sizeof(buf), 0);
	EXPECT_EQ(3, r.len);
	EXPECT_TRUE(is_from_nobody(&r));
}

TEST_F(creds, writer_offers)
{
	struct received r;
	char buf[8];

	EXPECT_EQ(0, pass(self->c, 1));
	EXPECT_EQ(3, send(self->c, "abc", 3, 0));
	EXPECT_EQ(0, pass(self->s, 1));
	r = recv_cred(self->s, buf, sizeof(buf), 0);
	EXPECT_EQ(3, r.len);
	EXPECT_TRUE(is_from_if(self->known, &r, getpid(), 0));
}

TEST_F(creds, of_the_process_that_writes)
{
	struct received r;
	char buf[8];
	int status;
	pid_t pid;

	EXPECT_EQ(0, pass(self->s, 1));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid)
		_exit(setresgid(222, 222, 222) || setresuid(222, 222, 222) ||
		      send(self->c, "abc", 3, 0) != 3);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	/* It is gone, its name is not. */
	r = recv_cred(self->s, buf, sizeof(buf), 0);
	EXPECT_EQ(3, r.len);
	EXPECT_TRUE(is_from_if(self->known, &r, pid, 222));
}

TEST_F(creds, peeked)
{
	struct received r;
	char buf[8];
	int i;

	EXPECT_EQ(0, pass(self->s, 1));
	EXPECT_EQ(3, send_as(self->c, "abc", 3, getpid(), 111, 111));
	for (i = 0; i < 3; i++) {
		r = recv_cred(self->s, buf, sizeof(buf), i < 2 ? MSG_PEEK : 0);
		EXPECT_EQ(3, r.len);
		EXPECT_TRUE(is_from_if(self->known, &r, getpid(), 111));
	}
}

TEST_F(creds, of_a_long_message)
{
	struct received r;

	EXPECT_EQ(0, pass(self->s, 1));
	ASSERT_EQ(BIG, send_as(self->c, big, BIG, getpid(), 111, 111));
	r = recv_cred(self->s, big, BIG, 0);
	EXPECT_EQ(variant->type == SOCK_STREAM ? r.len : BIG, r.len);
	EXPECT_LT(0, r.len);
	EXPECT_TRUE(is_from_if(self->known, &r, getpid(), 111));
}

TEST_F(creds, no_room_for_them)
{
	char small[CMSG_LEN(4)], buf[8];
	struct iovec iov = { buf, sizeof(buf) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	EXPECT_EQ(0, pass(self->s, 1));
	EXPECT_EQ(3, send(self->c, "abc", 3, 0));
	EXPECT_EQ(3, ERR(recvmsg(self->s, &msg, 0)));
	EXPECT_EQ(MSG_CTRUNC, msg.msg_flags & MSG_CTRUNC);
	EXPECT_EQ(3, send(self->c, "abc", 3, 0));
	msg.msg_control = small;
	msg.msg_controllen = sizeof(small);
	EXPECT_EQ(3, ERR(recvmsg(self->s, &msg, 0)));
	EXPECT_EQ(MSG_CTRUNC, msg.msg_flags & MSG_CTRUNC);
	/* Those who do not look do not care. */
	EXPECT_EQ(3, send(self->c, "abc", 3, 0));
	EXPECT_EQ(3, recv(self->s, buf, sizeof(buf), 0));
}

/* What is refused changes nothing. */

TEST_F(creds, refused)
{
	struct ucred cred = { getpid(), 0, 0 };
	int nothing = 0;
	char buf[8];

	EXPECT_EQ(-ESRCH, send_as(self->c, "abc", 3, 0x3fffff, 0, 0));
	EXPECT_EQ(-EINVAL, send_cmsg(self->c, "abc", 3, SOL_SOCKET, SCM_CREDENTIALS,
				     &cred, sizeof(cred) - 4));
	EXPECT_EQ(-EINVAL, send_cmsg(self->c, "abc", 3, SOL_SOCKET, 9999, &nothing, 4));
	if (is_kite(self->f))
		EXPECT_EQ(-EINVAL, send_cmsg(self->c, "abc", 3, SOL_SOCKET, SCM_RIGHTS,
					     &nothing, sizeof(nothing)));
	EXPECT_EQ(-EAGAIN, ERR(recv(self->s, buf, sizeof(buf), MSG_DONTWAIT)));
	/* Another level is somebody else's. */
	EXPECT_EQ(3, send_cmsg(self->c, "abc", 3, 9999, 1, &nothing, sizeof(nothing)));
	EXPECT_EQ(3, recv(self->s, buf, sizeof(buf), MSG_DONTWAIT));
}

TEST_F(creds, malformed)
{
	struct cmsghdr cmsg = {
		.cmsg_len = 1000,
		.cmsg_level = SOL_SOCKET,
		.cmsg_type = SCM_CREDENTIALS,
	};
	struct iovec iov = { "abc", 3 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &cmsg,
		.msg_controllen = sizeof(cmsg),
	};
	char buf[8];

	EXPECT_EQ(-EINVAL, ERR(sendmsg(self->c, &msg, 0)));
	cmsg.cmsg_len = 1;
	EXPECT_EQ(-EINVAL, ERR(sendmsg(self->c, &msg, 0)));
	msg.msg_control = bad_pointer();
	EXPECT_EQ(-EFAULT, ERR(sendmsg(self->c, &msg, 0)));
	EXPECT_EQ(-EAGAIN, ERR(recv(self->s, buf, sizeof(buf), MSG_DONTWAIT)));
}

TEST_F(creds, of_somebody_else)
{
	char buf[8];
	int status;
	pid_t pid;

	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		int self_pid = getpid();

		if (!become_nobody())
			_exit(1);
		if (send_as(self->c, "x", 1, self_pid, 0, getgid()) != -EPERM)
			_exit(2);
		if (send_as(self->c, "x", 1, self_pid, getuid(), 0) != -EPERM)
			_exit(3);
		if (send_as(self->c, "x", 1, getppid(), getuid(), getgid()) != -EPERM)
			_exit(4);
		_exit(send_as(self->c, "x", 1, self_pid, getuid(), getgid()) != 1);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_EQ(1, recv(self->s, buf, sizeof(buf), MSG_DONTWAIT));
	EXPECT_EQ(-EAGAIN, ERR(recv(self->s, buf, sizeof(buf), MSG_DONTWAIT)));
}

/* Streams: who reads learns of one writer at a time. */

FIXTURE(stream) {
	const struct family *f;
	int c, s;
	bool known;
};

FIXTURE_VARIANT(stream) {
	const struct family *f;
	int size;
};

/* Small writes share a buffer, long ones do not. */

FIXTURE_VARIANT_ADD(stream, kite_small) {
	.f = &family_kite,
	.size = 2,
};

FIXTURE_VARIANT_ADD(stream, kite_long) {
	.f = &family_kite,
	.size = 5000,
};

FIXTURE_VARIANT_ADD(stream, unix_small) {
	.f = &family_unix,
	.size = 2,
};

FIXTURE_VARIANT_ADD(stream, unix_long) {
	.f = &family_unix,
	.size = 5000,
};

FIXTURE_SETUP(stream)
{
	int fd[2] = { -1, -1 };

	self->f = variant->f;
	if (skip_family(_metadata, self->f))
		return;
	self->known = peer_is_known(self->f);
	ASSERT_EQ(0, typed_pair(self->f, SOCK_STREAM, fd));
	self->c = fd[0];
	self->s = fd[1];
}

FIXTURE_TEARDOWN(stream) { }

TEST_F(stream, one_writer_at_a_time)
{
	int n = variant->size, flags;
	struct received r;

	EXPECT_EQ(0, pass(self->s, 1));
	ASSERT_EQ(n, send_as(self->c, big, n, getpid(), 111, 111));
	ASSERT_EQ(n, send_as(self->c, big, n, getpid(), 111, 111));
	ASSERT_EQ(n, send_as(self->c, big, n, getpid(), 222, 222));
	ASSERT_EQ(n, send_as(self->c, big, n, getppid(), 222, 222));
	if (!self->known) {
		r = recv_cred(self->s, big, sizeof(big), 0);
		EXPECT_EQ(4 * n, r.len);
		EXPECT_TRUE(is_from_nobody(&r));
		return;
	}
	for (flags = MSG_PEEK; flags >= 0; flags -= MSG_PEEK) {
		r = recv_cred(self->s, big, sizeof(big), flags | MSG_WAITALL);
		EXPECT_EQ(2 * n, r.len);
		EXPECT_TRUE(is_from(&r, getpid(), 111));
	}
	r = recv_cred(self->s, big, 1, 0);
	EXPECT_EQ(1, r.len);
	EXPECT_TRUE(is_from(&r, getpid(), 222));
	r = recv_cred(self->s, big, sizeof(big), 0);
	EXPECT_EQ(n - 1, r.len);
	EXPECT_TRUE(is_from(&r, getpid(), 222));
	r = recv_cred(self->s, big, sizeof(big), 0);
	EXPECT_EQ(n, r.len);
	EXPECT_TRUE(is_from(&r, getppid(), 222));
}

TEST_F(stream, all_the_same_to_who_does_not_ask)
{
	int n = variant->size;

	ASSERT_EQ(n, send_as(self->c, big, n, getpid(), 111, 111));
	ASSERT_EQ(n, send(self->c, big, n, 0));
	ASSERT_EQ(n, send_as(self->c, big, n, getpid(), 222, 222));
	EXPECT_EQ(3 * n, recv(self->s, big, sizeof(big), MSG_DONTWAIT));
}

/* A low-water mark does not make it wait for more than it may have. */
TEST_F(stream, blocked_reader_stops_too)
{
	int n = variant->size;
	struct async receiving;

	if (!self->known)
		SKIP(return, "packets carry no credentials");
	EXPECT_EQ(0, pass(self->s, 1));
	async_recv(&receiving, self->s, big, sizeof(big), MSG_WAITALL);
	EXPECT_TRUE(async_blocks(&receiving));
	ASSERT_EQ(n, send_as(self->c, big, n, getpid(), 111, 111));
	EXPECT_TRUE(async_blocks(&receiving));
	ASSERT_EQ(n, send_as(self->c, big, n, getpid(), 222, 222));
	EXPECT_EQ(n, async_result(&receiving));
	EXPECT_EQ(n, recv_cred(self->s, big, sizeof(big), 0).len);
}

TEST_F(stream, anonymous_bytes_apart)
{
	int n = variant->size;
	struct received r;

	ASSERT_EQ(n, send(self->c, big, n, 0));
	EXPECT_EQ(0, pass(self->s, 1));
	ASSERT_EQ(n, send(self->c, big, n, 0));
	r = recv_cred(self->s, big, sizeof(big), 0);
	EXPECT_EQ(self->known ? n : 2 * n, r.len);
	EXPECT_TRUE(is_from_nobody(&r));
	if (!self->known)
		return;
	r = recv_cred(self->s, big, sizeof(big), 0);
	EXPECT_EQ(n, r.len);
	EXPECT_TRUE(is_from(&r, getpid(), 0));
}

/* Connections on their way */

static unsigned int memory_held(int fd)
{
	unsigned int info[SK_MEMINFO_VARS] = { };
	socklen_t len = sizeof(info);

	if (getsockopt(fd, SOL_SOCKET, SO_MEMINFO, info, &len))
		return -1;
	return info[SK_MEMINFO_RMEM_ALLOC];
}

/*
 * What different senders wrote is not put into one buffer, so the memory of a stream is
 * many times its bytes. AF_UNIX counts it for the sender, who has to wait.
 */
TEST_F(creds, another_for_each_byte)
{
	int rcvbuf = get_int_option(self->s, SOL_SOCKET, SO_RCVBUF), sent = 0;
	long err = 1;
	char c = 'x';

	if (variant->type != SOCK_STREAM)
		SKIP(return, "it counts as a message");
	if (is_kite(self->f) && !self->known)
		SKIP(return, "packets do not carry them");
	while (err == 1 && sent < rcvbuf) {
		if (sent & 1)
			err = send_as(self->c, &c, 1, getpid(), 0, 0);
		else
			err = send_as(self->c, &c, 1, getpid(), 1, 1);
		sent += err == 1;
		if (sent == 100)
			fcntl(self->c, F_SETFL, O_NONBLOCK);
	}
	EXPECT_EQ(by_family(self->f, -ENOBUFS, -EAGAIN, 0), err);
	EXPECT_LT(100, sent);
	if (is_kite(self->f))
		EXPECT_GT(17LL * rcvbuf, memory_held(self->s));
	EXPECT_EQ(sent, drain(self->s));
	EXPECT_EQ(1, send_as(self->c, &c, 1, getpid(), 0, 0));
}

FIXTURE(listener) {
	const struct family *f;
	struct address addr;
	int type, l;
	bool known;
};

FIXTURE_VARIANT(listener) {
	const struct family *f;
	int type;
};

FIXTURE_VARIANT_ADD(listener, kite_stream) {
	.f = &family_kite,
	.type = SOCK_STREAM,
};

FIXTURE_VARIANT_ADD(listener, kite_seqpacket) {
	.f = &family_kite,
	.type = SOCK_SEQPACKET,
};

FIXTURE_VARIANT_ADD(listener, unix_stream) {
	.f = &family_unix,
	.type = SOCK_STREAM,
};

FIXTURE_VARIANT_ADD(listener, unix_seqpacket) {
	.f = &family_unix,
	.type = SOCK_SEQPACKET,
};

FIXTURE_SETUP(listener)
{
	self->f = variant->f;
	if (skip_family(_metadata, self->f))
		return;
	self->known = peer_is_known(self->f);
	self->l = socket_at(self->f, variant->type, &self->addr);
	ASSERT_LE(0, self->l);
	ASSERT_EQ(0, ERR(listen(self->l, 1)));
}

FIXTURE_TEARDOWN(listener) { }

/* One that is not accepted yet may still ask. */
TEST_F(listener, sent_before_accept)
{
	int c = ERR(socket(self->f->domain(), variant->type, 0)), s;
	struct received r;
	char buf[8];

	EXPECT_EQ(0, connect_to(c, &self->addr));
	EXPECT_EQ(3, send(c, "abc", 3, 0));
	s = ERR(accept(self->l, NULL, NULL));
	EXPECT_EQ(0, get_int_option(s, SOL_SOCKET, SO_PASSCRED));
	EXPECT_EQ(0, pass(s, 1));
	r = recv_cred(s, buf, sizeof(buf), 0);
	EXPECT_EQ(3, r.len);
	EXPECT_TRUE(is_from_if(self->known, &r, getpid(), 0));
}

TEST_F(listener, inherited)
{
	int c = ERR(socket(self->f->domain(), variant->type, 0)), s;
	struct received r;
	char buf[8];

	EXPECT_EQ(0, pass(self->l, 1));
	EXPECT_EQ(0, connect_to(c, &self->addr));
	s = ERR(accept(self->l, NULL, NULL));
	EXPECT_EQ(1, get_int_option(s, SOL_SOCKET, SO_PASSCRED));
	EXPECT_EQ(3, send(c, "abc", 3, 0));
	r = recv_cred(s, buf, sizeof(buf), 0);
	EXPECT_EQ(3, r.len);
	EXPECT_TRUE(is_from_if(self->known, &r, getpid(), 0));
}

/* Messages that nobody read go with their sockets, and their credentials with them. */
TEST_F(listener, never_read)
{
	int c = ERR(socket(self->f->domain(), variant->type, 0));
	int i;

	EXPECT_EQ(0, connect_to(c, &self->addr));
	for (i = 0; i < 10; i++)
		EXPECT_EQ(3, send_as(c, "abc", 3, getpid(), i, i));
	close(self->l);
	close(c);
}

TEST_HARNESS_MAIN
