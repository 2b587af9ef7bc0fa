// SPDX-License-Identifier: GPL-2.0
/*
 * What faults.c does, to the calls that carry messages: whatever allocation or copy
 * fails, no byte of a stream is lost, no record half there, no credit gone.
 */

#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/uio.h>

#include <linux/errqueue.h>
#include <linux/sockios.h>

#include "counters.h"
#include "fault.h"
#include "fixtures.h"
#include "packet.h"

#ifndef SO_ZEROCOPY
#define SO_ZEROCOPY 60
#endif
#ifndef MSG_ZEROCOPY
#define MSG_ZEROCOPY 0x4000000
#endif

/* The largest that is sent in one piece: several packets, whatever is a packet. */
#define BIG		150000

static char out[BIG], in[BIG + 1];

/* The @n bytes of @in are the pattern's from @offset on, if it is not an error. */
#define EXPECT_PATTERN(n, offset)				\
	EXPECT_EQ(-1, (n) < 0 ? -1 : pattern_differs(in, n, offset))

/* Connections, and datagram sockets that send to each other */

FIXTURE(flow) {
	struct faults f;
	int type, users, fd[2], c, s;
	ssize_t window;
};

FIXTURE_VARIANT(flow) {
	int type;
	bool pair;
};

FIXTURE_VARIANT_ADD(flow, stream) { .type = SOCK_STREAM };
FIXTURE_VARIANT_ADD(flow, seqpacket) { .type = SOCK_SEQPACKET };
FIXTURE_VARIANT_ADD(flow, dgram) { .type = SOCK_DGRAM };
FIXTURE_VARIANT_ADD(flow, stream_pair) { .type = SOCK_STREAM, .pair = true };
FIXTURE_VARIANT_ADD(flow, seqpacket_pair) { .type = SOCK_SEQPACKET, .pair = true };
FIXTURE_VARIANT_ADD(flow, dgram_pair) { .type = SOCK_DGRAM, .pair = true };

/* All that fits, which is then read. */
static ssize_t window(int from, int to)
{
	ssize_t n = fill(&family_kite, from);

	return n == drain(to) ? n : -EBADMSG;
}

static int make_pair(int type, bool is_pair, int fd[2])
{
	return is_pair ? ERR(socketpair(family_kite.domain(), type, 0, fd)) :
			 pair_of_type(&family_kite, type, fd);
}

FIXTURE_SETUP(flow)
{
	const char *why;

	self->type = variant->type;
	self->users = module_users();
	why = faults_begin(&self->f);
	if (why)
		SKIP(return, "%s", why);
	ASSERT_EQ(0, make_pair(self->type, variant->pair, self->fd));
	self->c = self->fd[0];
	self->s = self->fd[1];
	if (self->type != SOCK_DGRAM) {
		self->window = window(self->c, self->s);
		ASSERT_LT(0, self->window);
	}
	pattern_fill(out, sizeof(out), 0);
}

FIXTURE_TEARDOWN(flow) { }

/*
 * Nothing is on its way or amiss; and of credit there is as much as there was, or will
 * be: a packet that tells of it and found no memory is sent again after a while.
 */
#define EXPECT_WHOLE(self)						\
	do {								\
		EXPECT_EQ(-EAGAIN, ERR(recv((self)->s, in, sizeof(in), MSG_DONTWAIT))); \
		EXPECT_EQ(0, get_int_option((self)->c, SOL_SOCKET, SO_ERROR)); \
		if ((self)->type != SOCK_DGRAM)				\
			EXPECT_EQ((self)->window,			\
				  BECOMES((self)->window, window((self)->c, (self)->s))); \
	} while (0)

#define EXPECT_GONE(self)						\
	do {								\
		close((self)->c);					\
		close((self)->s);					\
		EXPECT_DONE(self);					\
	} while (0)

/*
 * What came of a message of @size bytes, for which the call has said @n? Reads it.
 * Returns whether it is as it should be.
 */
static bool sent_as_said(const struct faults *f, int type, int fd, ssize_t n, size_t size)
{
	if (n < 0)
		return fault_excuses(f, n);
	if (type == SOCK_STREAM)
		return n > 0 && n <= (ssize_t)size && recv_all(fd, in, n) == n &&
		       pattern_differs(in, n, 0) == -1;
	/* With direct=0 a datagram is on its way alone. */
	return n == (ssize_t)size && recv(fd, in, sizeof(in), 0) == n &&
	       pattern_differs(in, n, 0) == -1;
}

/* Small, of one buffer, of pages, of several buffers. */
static const size_t sizes[] = { 1, 1000, 1900, 5000, 60000, BIG };

static bool too_large(int type, size_t size)
{
	return type == SOCK_DGRAM && size > KITE_MAX_PAYLOAD;
}

TEST_F(flow, send)
{
	ssize_t n;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		if (too_large(self->type, sizes[i]))
			continue;
		EACH_FAULT(&self->f) {
			n = FAULTY(&self->f, send(self->c, out, sizes[i], 0));
			ASSERT_TRUE(sent_as_said(&self->f, self->type, self->s, n, sizes[i]))
				TH_LOG("%zd of %zu in round %u", n, sizes[i], self->f.nth);
			EXPECT_WHOLE(self);
		}
	}
	EXPECT_GONE(self);
}

/* Behind something that waits to be read, which it may join. */
TEST_F(flow, send_behind_something)
{
	ssize_t n, want;
	size_t size;

	for (size = 1; size < 500; size += 200) {
		EACH_FAULT(&self->f) {
			ASSERT_EQ(10, send(self->c, out, 10, 0));
			n = FAULTY(&self->f, send(self->c, out + 10, size, 0));
			EXPECT_TRUE(n == (ssize_t)size || fault_excuses(&self->f, n));
			want = 10 + (n < 0 || self->type != SOCK_STREAM ? 0 : n);
			ASSERT_EQ(want, recv(self->s, in, sizeof(in), 0));
			EXPECT_EQ(-1, pattern_differs(in, want, 0));
			if (n > 0 && self->type != SOCK_STREAM) {
				ASSERT_EQ(n, recv(self->s, in, sizeof(in), 0));
				EXPECT_EQ(-1, pattern_differs(in, n, 10));
			}
			EXPECT_WHOLE(self);
		}
	}
	EXPECT_GONE(self);
}

/* Our own credentials, as a control message. */
struct creds {
	union {
		char buf[CMSG_SPACE(sizeof(struct ucred))];
		struct cmsghdr hdr;
	};
};

static void add_creds(struct msghdr *msg, struct creds *creds)
{
	struct ucred me = { getpid(), getuid(), getgid() };

	creds->hdr.cmsg_len = CMSG_LEN(sizeof(me));
	creds->hdr.cmsg_level = SOL_SOCKET;
	creds->hdr.cmsg_type = SCM_CREDENTIALS;
	memcpy(CMSG_DATA(&creds->hdr), &me, sizeof(me));
	msg->msg_control = creds;
	msg->msg_controllen = sizeof(*creds);
}

/*
 * Behind something that it cannot join, though it is small enough: a buffer without room
 * for it, one of pages, one of somebody with a name. It needs one of its own then.
 */
TEST_F(flow, send_behind_what_is_full)
{
	static const struct { size_t size; bool named; } before[] = {
		{ 1650, false }, { 5000, false }, { 10, true },
	};
	const ssize_t small = 100;
	struct creds creds;
	ssize_t n, first;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(before); i++) {
		struct iovec iov = { out, before[i].size };
		struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

		first = before[i].size;
		if (before[i].named)
			add_creds(&msg, &creds);
		EACH_FAULT(&self->f) {
			ASSERT_EQ(first, sendmsg(self->c, &msg, 0));
			n = FAULTY(&self->f, send(self->c, out + first, small, 0));
			EXPECT_TRUE(n == small || fault_excuses(&self->f, n))
				TH_LOG("%zd in round %u", n, self->f.nth);
			ASSERT_EQ(first, recv(self->s, in, first, 0));
			if (n > 0)
				ASSERT_EQ(n, recv(self->s, in + first, small, 0));
			EXPECT_EQ(-1, pattern_differs(in, first + (n < 0 ? 0 : n), 0));
			EXPECT_WHOLE(self);
		}
	}
	EXPECT_GONE(self);
}

/* With credentials, from several pieces of memory. */
TEST_F(flow, sendmsg)
{
	struct iovec iov[3] = { { out, 700 }, { out + 700, 20 }, { out + 720, 5280 } };
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 3 };
	struct creds creds;
	ssize_t n;

	add_creds(&msg, &creds);
	EACH_FAULT(&self->f) {
		n = FAULTY(&self->f, sendmsg(self->c, &msg, 0));
		ASSERT_TRUE(sent_as_said(&self->f, self->type, self->s, n, 6000));
		EXPECT_WHOLE(self);
	}
	EXPECT_GONE(self);
}

TEST_F(flow, sendmmsg)
{
	struct iovec iov[3] = { { out, 100 }, { out, 3000 }, { out, 9000 } };
	struct mmsghdr msg[3];
	int i, n;

	EACH_FAULT(&self->f) {
		for (i = 0; i < 3; i++)
			msg[i] = (struct mmsghdr){ .msg_hdr = { .msg_iov = iov + i,
				.msg_iovlen = 1 } };
		n = FAULTY(&self->f, sendmmsg(self->c, msg, 3, 0));
		EXPECT_EXCUSED(n);
		for (i = 0; i < n; i++)
			ASSERT_TRUE(sent_as_said(&self->f, self->type, self->s, iov[i].iov_len,
						 iov[i].iov_len));
		/* What was sent when its length could not be told, was sent all the same. */
		if (i < 3 && recv(self->s, in, sizeof(in), MSG_DONTWAIT) >= 0)
			EXPECT_EQ(-1, pattern_differs(in, iov[n < 0 ? 0 : n].iov_len, 0));
		EXPECT_WHOLE(self);
	}
	EXPECT_GONE(self);
}

/* How many calls do the notifications speak of that have come? */
static int notices(int fd)
{
	struct sock_extended_err *ee;
	char control[200];
	struct msghdr msg;
	int n = 0;

	for (;;) {
		msg = (struct msghdr){ .msg_control = control,
			.msg_controllen = sizeof(control) };
		if (recvmsg(fd, &msg, MSG_ERRQUEUE | MSG_DONTWAIT) < 0)
			return n;
		ee = (void *)CMSG_DATA(CMSG_FIRSTHDR(&msg));
		n += ee->ee_data - ee->ee_info + 1;
	}
}

/* Each call that sent something is told of once, the others never. */
TEST_F(flow, zerocopy)
{
	ssize_t n;
	size_t i;

	ASSERT_EQ(0, set_int_option(self->c, SOL_KITE, SO_ZEROCOPY, 1));
	for (i = 1; i < ARRAY_SIZE(sizes); i++) {
		if (too_large(self->type, sizes[i]))
			continue;
		EACH_FAULT(&self->f) {
			n = FAULTY(&self->f, send(self->c, out, sizes[i], MSG_ZEROCOPY));
			ASSERT_TRUE(sent_as_said(&self->f, self->type, self->s, n, sizes[i]))
				TH_LOG("%zd of %zu in round %u", n, sizes[i], self->f.nth);
			ASSERT_EQ(n > 0, BECOMES(n > 0, notices(self->c)));
			EXPECT_WHOLE(self);
		}
	}
	EXPECT_GONE(self);
}

/* Of a stream nothing is lost; of the others it is there whole, or gone whole. */
TEST_F(flow, recv)
{
	static const int flags[] = { 0, MSG_WAITALL, MSG_TRUNC };
	ssize_t n, size;
	size_t i, k;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		size = sizes[i];
		if (too_large(self->type, size))
			continue;
		for (k = 0; k < ARRAY_SIZE(flags); k++)
			EACH_FAULT(&self->f) {
				ASSERT_EQ(size, send(self->c, out, size, 0));
				n = FAULTY(&self->f, recv(self->s, in, size, flags[k]));
				EXPECT_EXCUSED(n);
				EXPECT_PATTERN(n, 0);
				if (self->type == SOCK_STREAM) {
					n = n < 0 ? 0 : n;
					ASSERT_EQ(size - n, recv_all(self->s, in, size - n));
					EXPECT_EQ(-1, pattern_differs(in, size - n, n));
				} else if (n >= 0) {
					ASSERT_EQ(size, n);
				}
				EXPECT_WHOLE(self);
			}
	}
	EXPECT_GONE(self);
}

TEST_F(flow, peek)
{
	ssize_t n, size;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		size = sizes[i];
		if (too_large(self->type, size))
			continue;
		ASSERT_EQ(size, send(self->c, out, size, 0));
		EACH_FAULT(&self->f) {
			n = FAULTY(&self->f, recv(self->s, in, size, MSG_PEEK));
			EXPECT_EXCUSED(n);
			EXPECT_PATTERN(n, 0);
		}
		ASSERT_EQ(size, recv(self->s, in, size, 0));
		EXPECT_EQ(-1, pattern_differs(in, size, 0));
	}
	EXPECT_WHOLE(self);
	EXPECT_GONE(self);
}

/* With all that recvmsg can tell. */
TEST_F(flow, recvmsg)
{
	struct iovec iov[2] = { { in, 500 }, { in + 500, sizeof(in) - 500 } };
	struct address name;
	struct msghdr msg;
	char control[256];
	ssize_t n, rest;

	ASSERT_EQ(0, set_int_option(self->s, SOL_SOCKET, SO_PASSCRED, 1));
	ASSERT_EQ(0, set_int_option(self->s, SOL_SOCKET, SO_TIMESTAMP, 1));
	EACH_FAULT(&self->f) {
		ASSERT_EQ(3000, send(self->c, out, 3000, 0));
		msg = (struct msghdr){ .msg_iov = iov, .msg_iovlen = 2, .msg_name = &name.sa,
			.msg_namelen = sizeof(name.storage), .msg_control = control,
			.msg_controllen = sizeof(control) };
		n = FAULTY(&self->f, recvmsg(self->s, &msg, 0));
		EXPECT_TRUE(n == 3000 || fault_excuses(&self->f, n));
		EXPECT_PATTERN(n, 0);
		/* All is there still, or the error was of the header, when it had been read. */
		rest = ERR(recv(self->s, in, sizeof(in), MSG_DONTWAIT));
		EXPECT_TRUE(rest == -EAGAIN || (n < 0 && rest == 3000));
		EXPECT_PATTERN(rest, 0);
		EXPECT_WHOLE(self);
	}
	EXPECT_GONE(self);
}

/* What to say of several messages: one behind the other, in @out and @in. */
#define MESSAGES	3

static const size_t lengths[MESSAGES] = { 100, 3000, 9000 };

static void set_messages(struct mmsghdr *msg, struct iovec *iov, char *buf)
{
	int i;

	for (i = 0; i < MESSAGES; i++) {
		iov[i] = (struct iovec){ buf, lengths[i] };
		msg[i] = (struct mmsghdr){ .msg_hdr = { .msg_iov = iov + i, .msg_iovlen = 1 } };
		buf += lengths[i];
	}
}

/*
 * Reads what recvmmsg left of them after @done: the rest of a stream, or all of the other
 * messages, but perhaps for the one it could not copy.
 */
static bool rest_is_there(int type, int fd, int done)
{
	const bool is_stream = type == SOCK_STREAM;
	ssize_t n, begin = 0, size;
	int i;

	for (i = 0; i < MESSAGES; i++) {
		size = lengths[i];
		if (i >= done) {
			n = recv(fd, in, is_stream ? size : (ssize_t)sizeof(in), MSG_DONTWAIT);
			if (i == done && n != size && !is_stream) {
				if (++i == MESSAGES)
					return n < 0;
				begin += size;
				size = lengths[i];
			}
			if (n != size || pattern_differs(in, n, begin) != -1)
				return false;
		}
		begin += size;
	}
	return true;
}

/*
 * Several messages, of which those before the fault were read. Of who has some, the core
 * makes the error the socket's.
 */
TEST_F(flow, recvmmsg)
{
	struct mmsghdr msg[MESSAGES];
	struct iovec iov[MESSAGES];
	int i, n, err;

	EACH_FAULT(&self->f) {
		set_messages(msg, iov, out);
		ASSERT_EQ(MESSAGES, sendmmsg(self->c, msg, MESSAGES, 0));
		set_messages(msg, iov, in);
		n = FAULTY(&self->f, recvmmsg(self->s, msg, MESSAGES, MSG_DONTWAIT, NULL));
		EXPECT_EXCUSED(n);
		for (i = 0; i < n; i++) {
			EXPECT_EQ(lengths[i], msg[i].msg_len);
			EXPECT_EQ(-1, pattern_differs(iov[i].iov_base, lengths[i],
						      (char *)iov[i].iov_base - in));
		}
		err = get_int_option(self->s, SOL_SOCKET, SO_ERROR);
		EXPECT_TRUE(n > 0 && n < MESSAGES ? fault_excuses(&self->f, -err) : !err)
			TH_LOG("%d messages, error %d", n, err);
		EXPECT_TRUE(rest_is_there(self->type, self->s, n < 0 ? 0 : n))
			TH_LOG("after %d in round %u", n, self->f.nth);
		EXPECT_WHOLE(self);
	}
	EXPECT_GONE(self);
}

/* From a pipe and into one: what left the one entered the other. */
TEST_F(flow, splice)
{
	ssize_t n, left, got;
	int p[2];

	ASSERT_EQ(0, pipe2(p, O_CLOEXEC));
	EACH_FAULT(&self->f) {
		ASSERT_EQ(20000, write(p[1], out, 20000));
		n = FAULTY(&self->f, splice(p[0], NULL, self->c, NULL, 20000, 0));
		EXPECT_EXCUSED(n);
		left = bytes_to_read(p[0]);
		/* A record or datagram is a page of the pipe, or several. */
		for (got = 0; got < 20000 - left; got += n) {
			n = ERR(recv(self->s, in + got, sizeof(in) - got, MSG_DONTWAIT));
			if (n <= 0)
				break;
		}
		/* What the pipe gave and the socket did not take was of a message. */
		if (self->type == SOCK_STREAM || !self->f.fired)
			EXPECT_EQ(20000 - left, got);
		EXPECT_EQ(-1, pattern_differs(in, got, 0));
		if (left)
			ASSERT_EQ(left, read(p[0], in, left));
		if (self->type == SOCK_STREAM)
			EXPECT_EQ(-1, pattern_differs(in, left, got));
		EXPECT_WHOLE(self);
	}
	if (self->type == SOCK_STREAM)
		EACH_FAULT(&self->f) {
			ASSERT_EQ(20000, send(self->c, out, 20000, 0));
			n = FAULTY(&self->f, splice(self->s, NULL, p[1], NULL, 20000, 0));
			EXPECT_EXCUSED(n);
			n = n < 0 ? 0 : n;
			ASSERT_EQ(n, bytes_to_read(p[0]));
			if (n)
				ASSERT_EQ(n, read(p[0], in, n));
			ASSERT_EQ(20000 - n, recv_all(self->s, in + n, 20000 - n));
			EXPECT_EQ(-1, pattern_differs(in, 20000, 0));
			EXPECT_WHOLE(self);
		}
	EXPECT_GONE(self);
}

/*
 * Into a pipe, what was sent with MSG_ZEROCOPY: the pipe gets a copy, or there is an error
 * and the bytes wait to be read. Either way the sender may use its memory again, and
 * nobody sees that it does.
 */
TEST_F(flow, splice_of_what_was_lent)
{
	const ssize_t half = 9000, all = 20000;
	int p[2], seen;
	ssize_t n;

	if (self->type != SOCK_STREAM)
		SKIP(return, "only a stream is spliced from");
	ASSERT_EQ(0, set_int_option(self->c, SOL_KITE, SO_ZEROCOPY, 1));
	ASSERT_EQ(0, pipe2(p, O_CLOEXEC));
	EACH_FAULT(&self->f) {
		ASSERT_EQ(half, send(self->c, out, half, MSG_ZEROCOPY));
		ASSERT_EQ(all - half, send(self->c, out + half, all - half, MSG_ZEROCOPY));
		n = FAULTY(&self->f, splice(self->s, NULL, p[1], NULL, all, 0));
		EXPECT_EXCUSED(n);
		n = n < 0 ? 0 : n;
		ASSERT_EQ(n, bytes_to_read(p[0]));
		ASSERT_EQ(all - n, recv_all(self->s, in + n, all - n));
		seen = 0;
		ASSERT_EQ(2, BECOMES(2, seen += notices(self->c)));
		memset(out, 0, all);
		if (n)
			ASSERT_EQ(n, read(p[0], in, n));
		pattern_fill(out, all, 0);
		EXPECT_EQ(-1, pattern_differs(in, all, 0))
			TH_LOG("%zd from the pipe in round %u", n, self->f.nth);
		EXPECT_WHOLE(self);
	}
	EXPECT_EQ(all, n);
	close(p[0]);
	close(p[1]);
	EXPECT_GONE(self);
}

/* Into a pipe with room for so many buffers, of which there are more. */
TEST_F(flow, splice_until_the_pipe_is_full)
{
	const ssize_t one = 1000, all = 20 * one, room = 16 * one;
	ssize_t n, done;
	int p[2];

	if (self->type != SOCK_STREAM)
		SKIP(return, "only a stream is spliced from");
	ASSERT_EQ(0, pipe2(p, O_CLOEXEC));
	EACH_FAULT(&self->f) {
		/* Two of them have no room in one buffer. */
		for (done = 0; done < all; done += one)
			ASSERT_EQ(one, send(self->c, out + done, one, 0));
		n = FAULTY(&self->f, splice(self->s, NULL, p[1], NULL, all, 0));
		EXPECT_EXCUSED(n);
		EXPECT_GE(room, n);
		n = n < 0 ? 0 : n;
		ASSERT_EQ(n, bytes_to_read(p[0]));
		if (n)
			ASSERT_EQ(n, read(p[0], in, all));
		ASSERT_EQ(all - n, recv_all(self->s, in + n, all - n));
		EXPECT_EQ(-1, pattern_differs(in, all, 0));
		EXPECT_WHOLE(self);
	}
	EXPECT_EQ(room, n);
	close(p[0]);
	close(p[1]);
	EXPECT_GONE(self);
}

/* From a file, which is read as far as it was sent. */
TEST_F(flow, sendfile)
{
	const ssize_t all = 20000;
	ssize_t n, got, sent;
	int file;

	file = ERR(memfd_create("pattern", MFD_CLOEXEC));
	ASSERT_LE(0, file);
	ASSERT_EQ(all, write(file, out, all));
	EACH_FAULT(&self->f) {
		ASSERT_EQ(0, lseek(file, 0, SEEK_SET));
		n = FAULTY(&self->f, sendfile(self->c, file, NULL, all));
		EXPECT_EXCUSED(n);
		sent = n < 0 ? 0 : n;
		EXPECT_EQ(sent, lseek(file, 0, SEEK_CUR));
		for (got = 0; got < sent; got += n) {
			n = ERR(recv(self->s, in + got, sizeof(in) - got, MSG_DONTWAIT));
			if (n <= 0)
				break;
		}
		EXPECT_EQ(sent, got);
		EXPECT_EQ(-1, pattern_differs(in, got, 0));
		EXPECT_WHOLE(self);
	}
	EXPECT_EQ(all, sent);
	close(file);
	EXPECT_GONE(self);
}

/* Control never fails for want of memory: the peer sees what became of the other. */
TEST_F(flow, shutdown_and_close)
{
	bool is_pair = variant->pair;
	int how, fd[2], err;

	for (how = 0; how < 4; how++)
		EACH_FAULT(&self->f) {
			ASSERT_EQ(0, make_pair(self->type, is_pair, fd));
			/* 2: with something unread, 3: with linger */
			if (how == 2)
				ASSERT_EQ(1, send(fd[1], "x", 1, 0));
			if (how == 3)
				ASSERT_EQ(0, set_linger(fd[0], 5));
			if (!how)
				err = FAULTY(&self->f, shutdown(fd[0], SHUT_WR));
			else
				err = FAULTY(&self->f, close(fd[0]));
			EXPECT_EQ(0, err);
			if (self->type != SOCK_DGRAM)
				EXPECT_EQ(how == 2 ? -ECONNRESET : 0,
					  ERR(recv(fd[1], in, sizeof(in), 0)));
			if (!how)
				close(fd[0]);
			close(fd[1]);
		}
	EXPECT_GONE(self);
}

/* What SIOCINQ and SIOCOUTQ say is put_user()'s, which meets no fault. */
TEST_F(flow, ioctl)
{
	int unread, waiting, value, err;

	ASSERT_EQ(3000, send(self->c, out, 3000, 0));
	unread = bytes_unread_by_peer(self->c);
	waiting = bytes_to_read(self->s);
	EXPECT_EQ(3000, waiting);
	EACH_FAULT(&self->f) {
		err = FAULTY(&self->f, ioctl(self->c, SIOCOUTQ, &value));
		EXPECT_TRUE(!err && value == unread && !self->f.fired);
	}
	EACH_FAULT(&self->f) {
		err = FAULTY(&self->f, ioctl(self->s, SIOCINQ, &value));
		EXPECT_TRUE(!err && value == waiting && !self->f.fired);
	}
	ASSERT_EQ(3000, recv(self->s, in, sizeof(in), 0));
	EXPECT_WHOLE(self);
	close(self->c);
	close(self->s);
	EXPECT_NO_SOCKET(self);
}

/*
 * The notifications of MSG_ZEROCOPY: the core takes one off the queue before it tells of
 * it, and nothing then puts it back. This is so with TCP and UDP.
 */

FIXTURE(notice) {
	struct faults f;
	int users, fd[2], c, s;
};

FIXTURE_VARIANT(notice) {
	const struct family *f;
	int type;
};

TYPE_VARIANT(notice, kite, STREAM);
TYPE_VARIANT(notice, kite, SEQPACKET);
TYPE_VARIANT(notice, kite, DGRAM);
TYPE_VARIANT(notice, inet, STREAM);
TYPE_VARIANT(notice, inet, DGRAM);

FIXTURE_SETUP(notice)
{
	const char *why;

	self->users = module_users();
	why = faults_begin(&self->f);
	if (why)
		SKIP(return, "%s", why);
	if (skip_family(_metadata, variant->f))
		return;
	ASSERT_EQ(0, pair_of_type(variant->f, variant->type, self->fd));
	self->c = self->fd[0];
	self->s = self->fd[1];
	ASSERT_EQ(0, set_int_option(self->c, option_level(variant->f), SO_ZEROCOPY, 1));
	pattern_fill(out, sizeof(out), 0);
}

FIXTURE_TEARDOWN(notice) { }

/* Lends something, and waits until it has come back. */
static void wait_for_notice(struct __test_metadata *_metadata, int from, int to)
{
	ASSERT_EQ(5000, send(from, out, 5000, MSG_ZEROCOPY));
	ASSERT_EQ(5000, recv_all(to, in, 5000));
	ASSERT_TRUE(BECOMES(true, !!(revents_for(from, 0) & POLLERR)));
}

/* All that fails on demand does so before it is taken. */
TEST_F(notice, recvmsg)
{
	struct iovec iov = { in, 10 };
	struct msghdr msg;
	char control[200];
	int n;

	EACH_FAULT(&self->f) {
		wait_for_notice(_metadata, self->c, self->s);
		msg = (struct msghdr){ .msg_iov = &iov, .msg_iovlen = 1,
			.msg_control = control, .msg_controllen = sizeof(control) };
		n = FAULTY(&self->f, recvmsg(self->c, &msg, MSG_ERRQUEUE));
		EXPECT_TRUE(!n || fault_excuses(&self->f, n));
		EXPECT_EQ(n < 0, notices(self->c)) TH_LOG("%d in round %u", n, self->f.nth);
	}
	close(self->c);
	close(self->s);
	EXPECT_DONE(self);
}

/* Where the program has no memory for it, it is lost. An error it is only of the header. */
TEST_F(notice, no_memory_for_it)
{
	struct msghdr msg = { .msg_control = bad_pointer(), .msg_controllen = 200 };
	struct msghdr *fixed;

	wait_for_notice(_metadata, self->c, self->s);
	EXPECT_EQ(0, ERR(recvmsg(self->c, &msg, MSG_ERRQUEUE)));
	EXPECT_EQ(0, notices(self->c));

	fixed = mmap(NULL, sizeof(*fixed), PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, fixed);
	wait_for_notice(_metadata, self->c, self->s);
	EXPECT_EQ(-EFAULT, ERR(recvmsg(self->c, fixed, MSG_ERRQUEUE)));
	EXPECT_EQ(0, notices(self->c));
}

/* Who looks on: no fault on its side is the sender's. */

FIXTURE(watched) {
	struct faults f;
	int users, raw;
};

FIXTURE_SETUP(watched)
{
	const char *why;

	self->users = module_users();
	why = faults_begin(&self->f);
	if (why)
		SKIP(return, "%s", why);
	self->raw = raw_socket();
	ASSERT_LE(0, self->raw);
	pattern_fill(out, sizeof(out), 0);
}

FIXTURE_TEARDOWN(watched) { }

TEST_F(watched, sending)
{
	static const int types[] = { SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM };
	struct packet pkt;
	int fd[2];
	ssize_t n;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(types); i++) {
		ASSERT_EQ(0, pair_of_type(&family_kite, types[i], fd));
		drain(self->raw);
		EACH_FAULT(&self->f) {
			n = FAULTY(&self->f, send(fd[0], out, 5000, 0));
			ASSERT_TRUE(sent_as_said(&self->f, types[i], fd[1], n, 5000));
			while (packet_recv(self->raw, &pkt, in, sizeof(in)) >= 0)
				if (pkt.op == KITE_OP_DATA || pkt.op == KITE_OP_DGRAM) {
					EXPECT_EQ(5000, pkt.len);
					EXPECT_EQ(-1, pattern_differs(in, 5000, 0));
				}
		}
		close(fd[0]);
		close(fd[1]);
	}
	close(self->raw);
	EXPECT_DONE(self);
}

/*
 * He is shown a copy of what is lent, which he may keep: or he misses it, and that is
 * counted.
 */
TEST_F(watched, lending)
{
	static const int types[] = { SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM };
	int fd[2], shown, refused = 0;
	struct packet pkt;
	long missed;
	ssize_t n;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(types); i++) {
		ASSERT_EQ(0, pair_of_type(&family_kite, types[i], fd));
		ASSERT_EQ(0, set_int_option(fd[0], SOL_KITE, SO_ZEROCOPY, 1));
		EACH_FAULT(&self->f) {
			drain(self->raw);
			missed = counter("DropNoMemory");
			n = FAULTY(&self->f, send(fd[0], out, 5000, MSG_ZEROCOPY));
			missed = counter("DropNoMemory") - missed;
			ASSERT_TRUE(sent_as_said(&self->f, types[i], fd[1], n, 5000));
			ASSERT_EQ(n > 0, BECOMES(n > 0, notices(fd[0])));
			memset(out, 0, 5000);
			shown = 0;
			while (packet_recv(self->raw, &pkt, in, sizeof(in)) >= 0)
				if (pkt.op == KITE_OP_DATA || pkt.op == KITE_OP_DGRAM) {
					EXPECT_EQ(5000, pkt.len);
					EXPECT_EQ(-1, pattern_differs(in, 5000, 0));
					shown++;
				}
			pattern_fill(out, 5000, 0);
			if (n > 0)
				EXPECT_EQ(1, shown + missed)
					TH_LOG("%d shown, %ld missed in round %u", shown,
					       missed, self->f.nth);
			refused += n > 0 && missed;
		}
		close(fd[0]);
		close(fd[1]);
	}
	/* The copy is a head, its area, its pages; and what is shown is a clone of it. */
	EXPECT_LE(3 * (int)ARRAY_SIZE(types), refused);
	close(self->raw);
	EXPECT_DONE(self);
}

/* A packet of a raw socket is sent whole or not at all, and its answer is as good. */
TEST_F(watched, raw_packets)
{
	struct packet echo = { .version = KITE_VERSION, .type = SOCK_RAW,
		.op = KITE_OP_ECHO, .len = 3000, .src_port = 7000, .src_node = 1,
		.dst_node = 1 }, pkt;
	ssize_t n;

	ASSERT_EQ(0, raw_bind(self->raw, 7000, KITE_NODE_LOCAL));
	EACH_FAULT(&self->f) {
		n = FAULTY(&self->f, packet_send(self->raw, &echo, out));
		EXPECT_EXCUSED(n);
		while (packet_recv(self->raw, &pkt, in, sizeof(in)) >= 0) {
			EXPECT_EQ(KITE_OP_ECHO_REPLY, pkt.op);
			EXPECT_EQ(3000, pkt.len);
			EXPECT_EQ(-1, pattern_differs(in, 3000, 0));
		}
	}
	EACH_FAULT(&self->f) {
		ASSERT_EQ(0, packet_send(self->raw, &echo, out));
		n = FAULTY(&self->f, recv(self->raw, in, sizeof(in), MSG_DONTWAIT));
		EXPECT_EXCUSED(n);
		drain(self->raw);
	}
	close(self->raw);
	EXPECT_DONE(self);
}

TEST_HARNESS_MAIN
