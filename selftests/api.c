// SPDX-License-Identifier: GPL-2.0
/*
 * The calls beside send and recv, on each type: many messages with one call, a
 * message in many pieces, and the flags and control messages that come with them.
 */

#define _GNU_SOURCE
#include <limits.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "fixtures.h"

/* Messages of 1, 2, ... bytes, each beginning with another letter. */
#define BATCH	5
#define ROOM	64

struct batch {
	struct mmsghdr msg[BATCH];
	struct iovec iov[BATCH];
	char buf[BATCH][ROOM];
};

static void batch_init(struct batch *b)
{
	int i;

	memset(b, 0, sizeof(*b));
	for (i = 0; i < BATCH; i++) {
		b->iov[i] = (struct iovec){ b->buf[i], i + 1 };
		b->msg[i].msg_hdr.msg_iov = &b->iov[i];
		b->msg[i].msg_hdr.msg_iovlen = 1;
	}
}

static void batch_to_send(struct batch *b)
{
	int i;

	batch_init(b);
	for (i = 0; i < BATCH; i++)
		memset(b->buf[i], 'a' + i, i + 1);
}

/* How many messages of @b are the ones of batch_to_send(), in order, from @first on. */
static int batch_matches(const struct batch *b, int first)
{
	int i;

	for (i = 0; first + i < BATCH; i++)
		if ((int)b->msg[i].msg_len != first + i + 1 ||
		    b->buf[i][0] != 'a' + first + i ||
		    b->buf[i][first + i] != 'a' + first + i)
			break;
	return i;
}

TYPED_PAIR_FIXTURE(api);
TYPE_VARIANT(api, kite, STREAM);
TYPE_VARIANT(api, kite, SEQPACKET);
TYPE_VARIANT(api, kite, DGRAM);
TYPE_VARIANT(api, unix, STREAM);
TYPE_VARIANT(api, unix, SEQPACKET);
TYPE_VARIANT(api, unix, DGRAM);

/* sendmmsg and recvmmsg */

TEST_F(api, several_messages)
{
	struct batch out, in;
	unsigned int i;

	batch_to_send(&out);
	batch_init(&in);
	EXPECT_EQ(0, sendmmsg(self->c, out.msg, 0, 0));
	EXPECT_EQ(BATCH, sendmmsg(self->c, out.msg, BATCH, 0));
	for (i = 0; i < BATCH; i++)
		EXPECT_EQ(i + 1, out.msg[i].msg_len);
	EXPECT_EQ(0, recvmmsg(self->s, in.msg, 0, 0, NULL));
	EXPECT_EQ(BATCH, recvmmsg(self->s, in.msg, BATCH, 0, NULL));
	EXPECT_EQ(BATCH, batch_matches(&in, 0));
	EXPECT_EQ(-EAGAIN, ERR(recvmmsg(self->s, in.msg, BATCH, MSG_DONTWAIT, NULL)));
}

TEST_F(api, fewer_than_asked_for)
{
	struct batch out, in;

	batch_to_send(&out);
	batch_init(&in);
	ASSERT_EQ(3, sendmmsg(self->c, out.msg, 3, 0));
	EXPECT_EQ(3, recvmmsg(self->s, in.msg, BATCH, MSG_DONTWAIT, NULL));
	EXPECT_EQ(3, batch_matches(&in, 0));
	EXPECT_EQ(0, in.msg[3].msg_len);
}

TEST_F(api, wait_for_one)
{
	struct batch out, in;
	struct async a;

	batch_to_send(&out);
	batch_init(&in);
	async_call(&a, SYS_recvmmsg, self->s, (long)in.msg, BATCH, MSG_WAITFORONE);
	ASSERT_TRUE(async_blocks(&a));
	ASSERT_EQ(1, send(self->c, out.buf[0], 1, 0));
	EXPECT_EQ(1, async_result(&a));
	EXPECT_EQ(1, batch_matches(&in, 0));

	/* It takes all that is there. */
	ASSERT_EQ(BATCH, sendmmsg(self->c, out.msg, BATCH, 0));
	EXPECT_EQ(BATCH, recvmmsg(self->s, in.msg, BATCH, MSG_WAITFORONE, NULL));
	EXPECT_EQ(BATCH, batch_matches(&in, 0));
}

/* The time is looked at when a message has come, and only then. */
TEST_F(api, timeout)
{
	struct timespec none = { 0, 0 }, long_time = { 1000, 0 }, no_time = { 0, 1000000000 };
	struct batch out, in;

	batch_to_send(&out);
	batch_init(&in);
	ASSERT_EQ(BATCH, sendmmsg(self->c, out.msg, BATCH, 0));
	EXPECT_EQ(-EINVAL, ERR(recvmmsg(self->s, in.msg, BATCH, 0, &no_time)));
	EXPECT_EQ(1, recvmmsg(self->s, in.msg, BATCH, 0, &none));
	EXPECT_EQ(1, batch_matches(&in, 0));

	batch_init(&in);
	in.iov[0].iov_len = 2;
	in.iov[1].iov_len = 3;
	EXPECT_EQ(2, recvmmsg(self->s, in.msg, 2, 0, &long_time));
	EXPECT_EQ(2, batch_matches(&in, 1));
	/* What is left of it; a clock that is only a tick may not have moved. */
	EXPECT_LE(long_time.tv_sec, 1000);
	EXPECT_GT(long_time.tv_sec, 0);
}

TEST_F(api, interrupted)
{
	struct batch in;
	struct async a;

	batch_init(&in);
	catch_signal(SIGUSR1, 0);
	async_call(&a, SYS_recvmmsg, self->s, (long)in.msg, BATCH, 0);
	ASSERT_TRUE(async_blocks(&a));
	async_signal(&a, SIGUSR1);
	EXPECT_EQ(-EINTR, async_result(&a));

	/* What had come by then is not lost. */
	async_call(&a, SYS_recvmmsg, self->s, (long)in.msg, BATCH, 0);
	ASSERT_TRUE(async_blocks(&a));
	ASSERT_EQ(1, send(self->c, "a", 1, 0));
	ASSERT_EQ(0, BECOMES(0, in.buf[0][0] != 'a'));
	ASSERT_TRUE(async_blocks(&a));
	async_signal(&a, SIGUSR1);
	EXPECT_EQ(1, async_result(&a));
	EXPECT_EQ(1, batch_matches(&in, 0));
}

/* What comes before the error is sent, and says so. */
TEST_F(api, sending_fails_in_the_middle)
{
	struct batch out, in;

	batch_to_send(&out);
	batch_init(&in);
	out.iov[2].iov_base = bad_pointer();
	EXPECT_EQ(2, sendmmsg(self->c, out.msg, BATCH, 0));
	EXPECT_EQ(0, out.msg[2].msg_len);
	EXPECT_EQ(-EFAULT, ERR(sendmmsg(self->c, out.msg + 2, BATCH - 2, 0)));
	EXPECT_EQ(2, recvmmsg(self->s, in.msg, BATCH, MSG_DONTWAIT, NULL));
	EXPECT_EQ(2, batch_matches(&in, 0));
	EXPECT_EQ(0, get_int_option(self->c, SOL_SOCKET, SO_ERROR));
}

TEST_F(api, too_long_in_the_middle)
{
	static char big[1 << 20];
	struct batch out, in;

	if (self->type == SOCK_STREAM)
		SKIP(return, "nothing is too long for a stream");
	batch_to_send(&out);
	batch_init(&in);
	out.iov[1] = (struct iovec){ big, sizeof(big) };
	EXPECT_EQ(1, sendmmsg(self->c, out.msg, BATCH, 0));
	EXPECT_EQ(-EMSGSIZE, ERR(sendmmsg(self->c, out.msg + 1, BATCH - 1, 0)));
	EXPECT_EQ(1, recvmmsg(self->s, in.msg, BATCH, MSG_DONTWAIT, NULL));
	EXPECT_EQ(1, batch_matches(&in, 0));
}

/* The core keeps the error for the next call, and it does no more harm. */
TEST_F(api, receiving_fails_in_the_middle)
{
	struct batch out, in;
	bool lost = self->type != SOCK_STREAM;

	batch_to_send(&out);
	batch_init(&in);
	in.iov[1].iov_base = bad_pointer();
	ASSERT_EQ(2, sendmmsg(self->c, out.msg, 2, 0));
	EXPECT_EQ(1, recvmmsg(self->s, in.msg, BATCH, MSG_DONTWAIT, NULL));
	EXPECT_EQ(1, batch_matches(&in, 0));
	EXPECT_EQ(POLLERR, revents(self->s) & POLLERR);
	EXPECT_EQ(-EFAULT, ERR(recvmmsg(self->s, in.msg, BATCH, MSG_DONTWAIT, NULL)));
	EXPECT_EQ(0, get_int_option(self->s, SOL_SOCKET, SO_ERROR));
	EXPECT_EQ(0, revents(self->s) & POLLERR);

	batch_init(&in);
	in.iov[0].iov_len = ROOM;
	EXPECT_EQ(lost ? -EAGAIN : 1,
		  ERR(recvmmsg(self->s, in.msg, BATCH, MSG_DONTWAIT, NULL)));
	ASSERT_EQ(3, send(self->c, out.buf[2], 3, 0));
	in.iov[0].iov_len = 3;
	EXPECT_EQ(1, recvmmsg(self->s, in.msg, 1, MSG_DONTWAIT, NULL));
	EXPECT_EQ(1, batch_matches(&in, 2));
}

/* A full receiver stops it: what was sent is counted, to the byte. */
TEST_F(api, no_more_room)
{
	static char buf[8192], rest[sizeof(buf)];
	struct iovec iov = { buf, sizeof(buf) };
	struct mmsghdr msg[100] = { };
	ssize_t sent = 0, got = 0, len;
	int i, n;

	if (is_kite(self->f) && self->type == SOCK_DGRAM)
		SKIP(return, "a datagram never waits for room");
	ASSERT_EQ(0, set_int_option(self->c, SOL_SOCKET, SO_SNDBUF, 65536));
	for (i = 0; i < 100; i++) {
		msg[i].msg_hdr.msg_iov = &iov;
		msg[i].msg_hdr.msg_iovlen = 1;
	}
	n = sendmmsg(self->c, msg, 100, MSG_DONTWAIT);
	ASSERT_LT(1, n);
	ASSERT_GT(100, n);
	for (i = 0; i < n; i++)
		sent += msg[i].msg_len;
	EXPECT_EQ(-EAGAIN, ERR(sendmmsg(self->c, msg, 100, MSG_DONTWAIT)));
	EXPECT_EQ(0, get_int_option(self->c, SOL_SOCKET, SO_ERROR));

	while ((len = recv(self->s, rest, sizeof(rest), MSG_DONTWAIT)) > 0)
		got += len;
	EXPECT_EQ(-EAGAIN, ERR(len));
	EXPECT_EQ(sent, got);
}

TEST_F(api, end)
{
	struct batch out, in;

	if (self->type == SOCK_DGRAM)
		SKIP(return, "a datagram socket has no end");
	batch_to_send(&out);
	ASSERT_EQ(2, sendmmsg(self->c, out.msg, 2, 0));
	ASSERT_EQ(0, shutdown(self->c, SHUT_WR));
	EXPECT_EQ(-EPIPE, ERR(sendmmsg(self->c, out.msg, 2, MSG_NOSIGNAL)));
	ASSERT_EQ(POLLIN | POLLRDHUP | POLLOUT, revents_become(self->s, POLLIN | POLLRDHUP |
							      POLLOUT));
	batch_init(&in);
	/* Nobody else can tell the end from an empty message. */
	EXPECT_EQ(BATCH, recvmmsg(self->s, in.msg, BATCH, 0, NULL));
	EXPECT_EQ(2, batch_matches(&in, 0));
	EXPECT_EQ(0, in.msg[2].msg_len);
	EXPECT_EQ(0, in.msg[4].msg_len);
}

TEST_F(api, messages_at_bad_places)
{
	struct batch out, in;

	batch_to_send(&out);
	batch_init(&in);
	EXPECT_EQ(-EFAULT, ERR(sendmmsg(self->c, bad_pointer(), 1, 0)));
	ASSERT_EQ(1, sendmmsg(self->c, out.msg, 1, 0));
	EXPECT_EQ(-EFAULT, ERR(recvmmsg(self->s, bad_pointer(), 1, 0, NULL)));
	EXPECT_EQ(1, recvmmsg(self->s, in.msg, BATCH, MSG_DONTWAIT, NULL));
	EXPECT_EQ(1, batch_matches(&in, 0));
}

/* Vectors */

TEST_F(api, one_writev_is_one_message)
{
	struct iovec out[] = { { "ab", 2 }, { NULL, 0 }, { "cde", 3 }, { "f", 1 } };
	char a[4], b[8], buf[16] = "";
	struct iovec in[] = { { a, sizeof(a) }, { NULL, 0 }, { b, sizeof(b) } };
	bool runs_together = self->type == SOCK_STREAM;

	EXPECT_EQ(6, writev(self->c, out, 4));
	EXPECT_EQ(2, writev(self->c, out, 1));
	EXPECT_EQ(runs_together ? 8 : 6, readv(self->s, in, 3));
	EXPECT_EQ(0, memcmp(a, "abcd", 4));
	EXPECT_EQ(0, memcmp(b, "efab", runs_together ? 4 : 2));
	EXPECT_EQ(runs_together ? -EAGAIN : 2,
		  ERR(recv(self->s, buf, sizeof(buf), MSG_DONTWAIT)));
}

TEST_F(api, readv_without_room)
{
	char a[1], b[2], buf[8] = "";
	struct iovec in[] = { { a, sizeof(a) }, { b, sizeof(b) } };

	ASSERT_EQ(5, send(self->c, "abcde", 5, 0));
	ASSERT_EQ(1, send(self->c, "x", 1, 0));
	/* No room at all reads nothing. */
	EXPECT_EQ(0, readv(self->s, in, 0));
	EXPECT_EQ(3, readv(self->s, in, 2));
	EXPECT_EQ('a', a[0]);
	EXPECT_EQ('c', b[1]);
	EXPECT_EQ(self->type == SOCK_STREAM ? 3 : 1, read(self->s, buf, sizeof(buf)));
	EXPECT_STREQ(self->type == SOCK_STREAM ? "dex" : "x", buf);
}

TEST_F(api, as_many_pieces_as_there_can_be)
{
	static struct iovec out[IOV_MAX + 1], in[IOV_MAX + 1];
	static char from[IOV_MAX + 1], to[IOV_MAX + 1];
	int i;

	pattern_fill(from, sizeof(from), 0);
	for (i = 0; i <= IOV_MAX; i++) {
		out[i] = (struct iovec){ from + i, 1 };
		in[i] = (struct iovec){ to + i, 1 };
	}
	EXPECT_EQ(-EINVAL, ERR(writev(self->c, out, IOV_MAX + 1)));
	EXPECT_EQ(IOV_MAX, writev(self->c, out, IOV_MAX));
	EXPECT_EQ(-EINVAL, ERR(readv(self->s, in, IOV_MAX + 1)));
	EXPECT_EQ(IOV_MAX, readv(self->s, in, IOV_MAX));
	EXPECT_EQ(-1, pattern_differs(to, IOV_MAX, 0));
}

TEST_F(api, empty_vector)
{
	struct iovec none = { NULL, 0 };
	struct msghdr msg = { .msg_iov = &none, .msg_iovlen = 1 };
	char buf[8];

	/* The core does not ask the socket. */
	EXPECT_EQ(0, writev(self->c, &none, 1));
	EXPECT_EQ(0, readv(self->s, &none, 1));
	EXPECT_EQ(-EAGAIN, ERR(recv(self->s, buf, sizeof(buf), MSG_DONTWAIT)));

	/* These are messages where there are boundaries. */
	EXPECT_EQ(0, write(self->c, NULL, 0));
	EXPECT_EQ(0, sendmsg(self->c, &msg, 0));
	msg.msg_iovlen = 0;
	EXPECT_EQ(0, sendmsg(self->c, &msg, 0));
	EXPECT_EQ(1, send(self->c, "x", 1, 0));
	if (self->type != SOCK_STREAM) {
		EXPECT_EQ(0, recv(self->s, buf, sizeof(buf), MSG_DONTWAIT));
		EXPECT_EQ(0, recv(self->s, buf, sizeof(buf), MSG_DONTWAIT));
		EXPECT_EQ(0, recv(self->s, buf, sizeof(buf), MSG_DONTWAIT));
	}
	EXPECT_EQ(1, recv(self->s, buf, sizeof(buf), MSG_DONTWAIT));
}

TEST_F(api, vector_with_a_bad_piece)
{
	struct iovec out[] = { { "abc", 3 }, { bad_pointer(), 3 } };
	char a[2], buf[8] = "";
	struct iovec in[] = { { a, sizeof(a) }, { bad_pointer(), 3 } };

	EXPECT_EQ(-EFAULT, ERR(writev(self->c, out, 2)));
	EXPECT_EQ(-EAGAIN, ERR(recv(self->s, buf, sizeof(buf), MSG_DONTWAIT)));

	ASSERT_EQ(5, send(self->c, "abcde", 5, 0));
	EXPECT_EQ(-EFAULT, ERR(readv(self->s, in, 2)));
	/* A message is lost, a stream loses nothing. */
	EXPECT_EQ(self->type == SOCK_STREAM ? 5 : -EAGAIN,
		  ERR(recv(self->s, buf, sizeof(buf), MSG_DONTWAIT)));
}

TEST_F(api, no_offsets)
{
	char c = 0;
	struct iovec iov = { &c, 1 };

	EXPECT_EQ(-ESPIPE, ERR(pwritev(self->c, &iov, 1, 0)));
	EXPECT_EQ(-ESPIPE, ERR(preadv(self->s, &iov, 1, 0)));
	EXPECT_EQ(-ESPIPE, ERR(pwrite(self->c, &c, 1, 0)));
	EXPECT_EQ(-ESPIPE, ERR(pread(self->s, &c, 1, 0)));
	EXPECT_EQ(-ESPIPE, ERR(lseek(self->s, 0, SEEK_SET)));
	EXPECT_EQ(-EAGAIN, ERR(recv(self->s, &c, 1, MSG_DONTWAIT)));
}

/* write() of a record ends it: the core says so, and Kite passes it on. */
TEST_F(api, writev_ends_a_record)
{
	struct iovec iov = { "abc", 3 };
	char buf[8];
	struct iovec to = { buf, sizeof(buf) };
	struct msghdr msg = { .msg_iov = &to, .msg_iovlen = 1 };

	ASSERT_EQ(3, writev(self->c, &iov, 1));
	EXPECT_EQ(3, recvmsg(self->s, &msg, 0));
	EXPECT_EQ(is_kite(self->f) && self->type == SOCK_SEQPACKET ? MSG_EOR : 0,
		  msg.msg_flags);
}

/* Flags and control messages */

TEST_F(api, cmsg_cloexec)
{
	char buf[8], control[256];
	struct iovec to = { buf, sizeof(buf) };
	struct msghdr msg = {
		.msg_iov = &to, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg;

	ASSERT_EQ(0, set_int_option(self->s, SOL_SOCKET, SO_PASSCRED, 1));
	ASSERT_EQ(3, send(self->c, "abc", 3, 0));
	EXPECT_EQ(3, recvmsg(self->s, &msg, MSG_CMSG_CLOEXEC));
	/* The core shows it. */
	EXPECT_EQ(MSG_CMSG_CLOEXEC, msg.msg_flags);
	cmsg = CMSG_FIRSTHDR(&msg);
	ASSERT_TRUE(cmsg);
	EXPECT_EQ(SCM_CREDENTIALS, cmsg->cmsg_type);
	/* And who sends may give it. */
	EXPECT_EQ(3, send(self->c, "abc", 3, MSG_CMSG_CLOEXEC));
	EXPECT_EQ(3, recv(self->s, buf, sizeof(buf), MSG_CMSG_CLOEXEC));
}

TEST_F(api, no_file_descriptors)
{
	int pipefd[2], is_refused = is_kite(self->f);
	char buf[8];

	ASSERT_EQ(0, pipe(pipefd));
	EXPECT_EQ(is_refused ? -EINVAL : 3,
		  send_cmsg(self->c, "abc", 3, SOL_SOCKET, SCM_RIGHTS, &pipefd[1],
			    sizeof(pipefd[1])));
	close(pipefd[1]);
	/* Nobody has it: the pipe is at its end, unless it is on its way. */
	EXPECT_EQ(is_refused ? POLLHUP : 0, revents_for(pipefd[0], POLLIN));
	EXPECT_EQ(is_refused ? -EAGAIN : 3,
		  ERR(recv(self->s, buf, sizeof(buf), MSG_DONTWAIT)));
	EXPECT_EQ(POLLHUP, revents_for(pipefd[0], POLLIN));
	/* And the socket is none the worse. */
	EXPECT_EQ(1, send(self->c, "x", 1, 0));
	EXPECT_EQ(1, recv(self->s, buf, sizeof(buf), 0));
}

/* AF_UNIX has out-of-band data for streams, Kite for none. */
TYPED_PAIR_FIXTURE(out_of_band);
TYPE_VARIANT(out_of_band, kite, STREAM);
TYPE_VARIANT(out_of_band, kite, SEQPACKET);
TYPE_VARIANT(out_of_band, kite, DGRAM);
TYPE_VARIANT(out_of_band, unix, SEQPACKET);
TYPE_VARIANT(out_of_band, unix, DGRAM);

TEST_F(out_of_band, there_is_none)
{
	struct batch out, in;
	char buf[8];

	EXPECT_EQ(-EOPNOTSUPP, ERR(send(self->c, "x", 1, MSG_OOB)));
	EXPECT_EQ(-EAGAIN, ERR(recv(self->s, buf, sizeof(buf), MSG_DONTWAIT)));
	EXPECT_EQ(-EOPNOTSUPP, ERR(recv(self->s, buf, sizeof(buf), MSG_OOB)));

	/* What is there is not taken for it. */
	ASSERT_EQ(1, send(self->c, "x", 1, 0));
	EXPECT_EQ(-EOPNOTSUPP, ERR(recv(self->s, buf, sizeof(buf), MSG_OOB)));
	EXPECT_EQ(0, revents(self->s) & POLLPRI);
	EXPECT_EQ(1, recv(self->s, buf, sizeof(buf), MSG_DONTWAIT));

	batch_to_send(&out);
	batch_init(&in);
	EXPECT_EQ(-EOPNOTSUPP, ERR(sendmmsg(self->c, out.msg, BATCH, MSG_OOB)));
	EXPECT_EQ(-EOPNOTSUPP, ERR(recvmmsg(self->s, in.msg, BATCH, MSG_OOB, NULL)));
	EXPECT_EQ(0, get_int_option(self->s, SOL_SOCKET, SO_ERROR));
}

/* Datagrams with one call to many, and from many */

FAMILY_FIXTURE(many, KITE_UNIX);

#define MANY	3

TEST_F(many, destinations_and_sources)
{
	struct address to[MANY], from, seen[MANY];
	int fd[MANY], c, i;
	struct batch out, in;

	c = socket_at(self->f, SOCK_DGRAM, &from);
	ASSERT_LE(0, c);
	batch_to_send(&out);
	for (i = 0; i < MANY; i++) {
		fd[i] = socket_at(self->f, SOCK_DGRAM, &to[i]);
		ASSERT_LE(0, fd[i]);
		out.msg[i].msg_hdr.msg_name = &to[i].sa;
		out.msg[i].msg_hdr.msg_namelen = to[i].len;
	}
	EXPECT_EQ(MANY, sendmmsg(c, out.msg, MANY, 0));
	for (i = 0; i < MANY; i++) {
		batch_init(&in);
		in.iov[0].iov_len = ROOM;
		in.msg[0].msg_hdr.msg_name = &seen[i].storage;
		in.msg[0].msg_hdr.msg_namelen = sizeof(seen[i].storage);
		EXPECT_EQ(1, recvmmsg(fd[i], in.msg, BATCH, MSG_WAITFORONE, NULL));
		EXPECT_EQ(1, batch_matches(&in, i));
		seen[i].len = in.msg[0].msg_hdr.msg_namelen;
		EXPECT_TRUE(same_address(&from, &seen[i]));
	}

	/* One that is gone is where it stops, unless nobody tells. */
	close(fd[1]);
	EXPECT_EQ(peer_is_known(self->f) ? 1 : MANY, sendmmsg(c, out.msg, MANY, 0));
}

TEST_F(many, sources)
{
	struct address to, from[MANY], seen[MANY];
	struct batch out, in;
	int s, i, c;

	s = socket_at(self->f, SOCK_DGRAM, &to);
	ASSERT_LE(0, s);
	batch_to_send(&out);
	batch_init(&in);
	for (i = 0; i < MANY; i++) {
		c = socket_at(self->f, SOCK_DGRAM, &from[i]);
		ASSERT_LE(0, c);
		EXPECT_EQ(i + 1, sendto(c, out.buf[i], i + 1, 0, &to.sa, to.len));
		in.msg[i].msg_hdr.msg_name = &seen[i].storage;
		in.msg[i].msg_hdr.msg_namelen = sizeof(seen[i].storage);
	}
	EXPECT_EQ(MANY, recvmmsg(s, in.msg, BATCH, MSG_DONTWAIT, NULL));
	EXPECT_EQ(MANY, batch_matches(&in, 0));
	for (i = 0; i < MANY; i++) {
		seen[i].len = in.msg[i].msg_hdr.msg_namelen;
		EXPECT_TRUE(same_address(&from[i], &seen[i]));
	}
}

TEST_HARNESS_MAIN
