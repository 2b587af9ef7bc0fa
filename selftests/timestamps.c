// SPDX-License-Identifier: GPL-2.0
/* When a message came: SO_TIMESTAMP and its kin. */

#define _GNU_SOURCE
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>

#include <asm/socket.h>

#include <linux/net_tstamp.h>
#include <linux/sockios.h>

#include "fixtures.h"
#include "packet.h"

#define NSEC_PER_SEC 1000000000LL

FIXTURE(timestamps) {
	const struct family *f;
	int c, s;
};

FIXTURE_VARIANT(timestamps) {
	const struct family *f;
	int type;
};

FIXTURE_VARIANT_ADD(timestamps, kite_dgram) {
	.f = &family_kite,
	.type = SOCK_DGRAM,
};

FIXTURE_VARIANT_ADD(timestamps, kite_seqpacket) {
	.f = &family_kite,
	.type = SOCK_SEQPACKET,
};

FIXTURE_VARIANT_ADD(timestamps, udp) {
	.f = &family_inet,
	.type = SOCK_DGRAM,
};

FIXTURE_SETUP(timestamps)
{
	int fd[2] = { -1, -1 };

	self->f = variant->f;
	if (skip_family(_metadata, self->f))
		return;
	ASSERT_EQ(0, typed_pair(self->f, variant->type, fd));
	self->c = fd[0];
	self->s = fd[1];
}

FIXTURE_TEARDOWN(timestamps) { }

static long long realtime_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return ts.tv_sec * NSEC_PER_SEC + ts.tv_nsec;
}

/* What there is to be read in the kinds of control messages. */
static long long stamp_of(int type, const void *data)
{
	struct timespec ts;
	struct timeval tv;
	__s64 wide[2];

	switch (type) {
	case SO_TIMESTAMP_OLD:
		memcpy(&tv, data, sizeof(tv));
		return tv.tv_sec * NSEC_PER_SEC + tv.tv_usec * 1000LL;
	case SO_TIMESTAMP_NEW:
		memcpy(wide, data, sizeof(wide));
		return wide[0] * NSEC_PER_SEC + wide[1] * 1000LL;
	case SO_TIMESTAMPNS_OLD:
	case SO_TIMESTAMPING_OLD:
		memcpy(&ts, data, sizeof(ts));
		return ts.tv_sec * NSEC_PER_SEC + ts.tv_nsec;
	default:
		memcpy(wide, data, sizeof(wide));
		return wide[0] * NSEC_PER_SEC + wide[1];
	}
}

/* Receives a byte, and returns when it came; 0 if that is not told. */
static long long recv_stamp(int fd, int type)
{
	union {
		char buf[CMSG_SPACE(3 * 2 * sizeof(__s64))];
		struct cmsghdr align;
	} control;
	char c;
	struct iovec iov = { &c, 1 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg;
	long ret = ERR(recvmsg(fd, &msg, 0));

	if (ret != 1)
		return ret;
	cmsg = CMSG_FIRSTHDR(&msg);
	if (!cmsg)
		return 0;
	if (cmsg->cmsg_level != SOL_SOCKET || cmsg->cmsg_type != type)
		return -EBADMSG;
	return stamp_of(type, CMSG_DATA(cmsg));
}

/* Each with a value of its own; microseconds lose what is below. */
static const struct {
	int name;
	int value;
	int unit;
} options[] = {
	{ SO_TIMESTAMP_OLD, 1, 1000 },
	{ SO_TIMESTAMP_NEW, 1, 1000 },
	{ SO_TIMESTAMPNS_OLD, 1, 1 },
	{ SO_TIMESTAMPNS_NEW, 1, 1 },
	{ SO_TIMESTAMPING_OLD, SOF_TIMESTAMPING_SOFTWARE | SOF_TIMESTAMPING_RX_SOFTWARE, 1 },
	{ SO_TIMESTAMPING_NEW, SOF_TIMESTAMPING_SOFTWARE | SOF_TIMESTAMPING_RX_SOFTWARE, 1 },
};

TEST_F(timestamps, of_its_arrival)
{
	long long before, between, stamp;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(options); i++) {
		ASSERT_EQ(1, send(self->c, "x", 1, 0));
		EXPECT_EQ(0, recv_stamp(self->s, 0));
		ASSERT_EQ(0, set_int_option(self->s, SOL_SOCKET, options[i].name,
					    options[i].value));
		before = realtime_ns();
		ASSERT_EQ(1, send(self->c, "x", 1, 0));
		EXPECT_EQ(POLLIN, BECOMES(POLLIN, revents_for(self->s, POLLIN)));
		between = realtime_ns();
		usleep(1000);
		stamp = recv_stamp(self->s, options[i].name);
		EXPECT_LE(before - before % options[i].unit, stamp);
		/* The network devices' stamps are turned on when there is time. */
		if (is_kite(self->f))
			EXPECT_GE(between, stamp);
		ASSERT_EQ(0, set_int_option(self->s, SOL_SOCKET, options[i].name, 0));
	}
}

/*
 * What came before this socket asked has the time at which it is read. UDP's may have
 * that of its arrival, if any other socket of the machine asked.
 */
TEST_F(timestamps, asked_too_late)
{
	long long before = realtime_ns(), after;

	ASSERT_EQ(1, send(self->c, "x", 1, 0));
	EXPECT_EQ(POLLIN, BECOMES(POLLIN, revents_for(self->s, POLLIN)));
	after = realtime_ns();
	ASSERT_EQ(0, set_int_option(self->s, SOL_SOCKET, SO_TIMESTAMPNS_NEW, 1));
	EXPECT_LE(is_kite(self->f) ? after : before,
		  recv_stamp(self->s, SO_TIMESTAMPNS_NEW));
}

TEST_F(timestamps, peeked)
{
	long long before = realtime_ns();
	union {
		char buf[CMSG_SPACE(2 * sizeof(__s64))];
		struct cmsghdr align;
	} control;
	char c;
	struct iovec iov = { &c, 1 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	long long stamp;

	ASSERT_EQ(0, set_int_option(self->s, SOL_SOCKET, SO_TIMESTAMPNS_NEW, 1));
	ASSERT_EQ(1, send(self->c, "x", 1, 0));
	ASSERT_EQ(1, ERR(recvmsg(self->s, &msg, MSG_PEEK)));
	ASSERT_NE(NULL, CMSG_FIRSTHDR(&msg));
	stamp = stamp_of(SO_TIMESTAMPNS_NEW, CMSG_DATA(CMSG_FIRSTHDR(&msg)));
	EXPECT_LE(before, stamp);
	EXPECT_EQ(stamp, recv_stamp(self->s, SO_TIMESTAMPNS_NEW));
}

/* SIOCGSTAMP: of what was read last. */
TEST_F(timestamps, asked_afterwards)
{
	struct timespec ts;
	long long before;
	int err;

	err = ERR(ioctl(self->s, SIOCGSTAMPNS_OLD, &ts));
	if (variant->type == SOCK_SEQPACKET) {
		EXPECT_EQ(-ENOTTY, err);
		return;
	}
	EXPECT_EQ(-ENOENT, err);
	before = realtime_ns();
	ASSERT_EQ(1, send(self->c, "x", 1, 0));
	EXPECT_EQ(0, recv_stamp(self->s, 0));
	ASSERT_EQ(0, ERR(ioctl(self->s, SIOCGSTAMPNS_OLD, &ts)));
	EXPECT_LE(before, ts.tv_sec * NSEC_PER_SEC + ts.tv_nsec);
	EXPECT_GE(realtime_ns(), ts.tv_sec * NSEC_PER_SEC + ts.tv_nsec);
}

/* An accepted socket has what the listener has, and goes on when that is closed. */

FAMILY_FIXTURE(inherited, KITE);

TEST_F(inherited, by_accepted_sockets)
{
	struct address addr;
	long long before;
	int l, c, s, i;

	l = socket_at(self->f, SOCK_SEQPACKET, &addr);
	ASSERT_LE(0, l);
	ASSERT_EQ(0, set_int_option(l, SOL_SOCKET, SO_TIMESTAMPNS_NEW, 1));
	ASSERT_EQ(0, ERR(listen(l, 5)));
	for (i = 0; i < 3; i++) {
		c = ERR(socket(self->f->domain(), SOCK_SEQPACKET, 0));
		ASSERT_EQ(0, connect_to(c, &addr));
		s = ERR(accept(l, NULL, NULL));
		ASSERT_LE(0, s);
		if (i == 1)
			close(l);
		EXPECT_EQ(1, get_int_option(s, SOL_SOCKET, SO_TIMESTAMPNS_NEW));
		before = realtime_ns();
		ASSERT_EQ(1, send(c, "x", 1, 0));
		EXPECT_LE(before, recv_stamp(s, SO_TIMESTAMPNS_NEW));
		if (i == 1)
			break;
		close(c);
		close(s);
	}
}

/* A raw socket's are of when it was shown the packet. */

FAMILY_FIXTURE(raw, KITE);

TEST_F(raw, of_packets)
{
	int raw = raw_bound(7000), fd = kite_socket_at(SOCK_DGRAM, 7000);
	long long before, after, stamp;
	struct address addr;

	if (raw == -EPERM)
		SKIP(return, "raw sockets need CAP_NET_RAW");
	if (calls_fail())
		SKIP(return, "with faulty.so a packet may not be shown");
	ASSERT_LE(0, raw);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, name_of(fd, &addr));
	ASSERT_EQ(0, set_int_option(raw, SOL_SOCKET, SO_TIMESTAMPNS_NEW, 1));
	before = realtime_ns();
	ASSERT_EQ(1, ERR(sendto(fd, "x", 1, 0, &addr.sa, addr.len)));
	after = realtime_ns();
	usleep(1000);
	stamp = recv_stamp(raw, SO_TIMESTAMPNS_NEW);
	EXPECT_LE(before, stamp);
	EXPECT_GE(after, stamp);
}

/* The bytes of a stream come at many times, so none is told, as with AF_UNIX. */

PAIR_FIXTURE(stream, KITE_UNIX);

TEST_F(stream, has_none)
{
	ASSERT_EQ(0, set_int_option(self->s, SOL_SOCKET, SO_TIMESTAMPNS_NEW, 1));
	ASSERT_EQ(1, send(self->c, "x", 1, 0));
	EXPECT_EQ(0, recv_stamp(self->s, SO_TIMESTAMPNS_NEW));
}

TEST_HARNESS_MAIN
