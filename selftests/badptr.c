// SPDX-License-Identifier: GPL-2.0
/*
 * Pointers that are none: each call with memory that is not there, not all there, or
 * may not be touched. It gets an errno or a part, a stream loses nothing, a record is
 * there whole or not at all, and credit comes back.
 */

#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/uio.h>

#include <linux/errqueue.h>
#include <linux/sockios.h>

#include "fixtures.h"

/* Memory that ends: EXTENT bytes, and then nothing that may be touched. */
#define EXTENT		(64 * 4096)

static char *memory, *edge;
static char buf[EXTENT];

static int map_memory(void)
{
	memory = mmap(NULL, EXTENT + 4096, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
		return -errno;
	edge = memory + EXTENT;
	return ERR(mprotect(edge, 4096, PROT_NONE));
}

/* Addresses where a program has nothing. */
static void *nowhere(int i)
{
	static const unsigned long kernels[] = {
		-4096UL, -1UL, 1UL << (sizeof(long) * 8 - 1),
#if __SIZEOF_POINTER__ == 8
		/* all that is mapped, the vmalloc area, text, and just above the user's */
		0xffff888000000000, 0xffffc90000000000, 0xffffffff81000000, 0x7ffffffff000,
#endif
	};

	switch (i) {
	case 0:
		return NULL;
	case 1:
		return bad_pointer();
	case 2:
		return edge;
	default:
		return (void *)kernels[i - 3];
	}
}

#define NOWHERES	(__SIZEOF_POINTER__ == 8 ? 10 : 6)

/* The first of them could be a program's: only the copy fails, not the check before. */
#define IN_REACH	3

/* A message whose copy failed is gone; one for which there was none is still whole. */
static bool gone_or_whole(int fd, size_t size, bool gone)
{
	ssize_t n = ERR(recv(fd, buf, sizeof(buf), MSG_DONTWAIT));

	if (n == -EAGAIN)
		return true;
	return !gone && n == (ssize_t)size && pattern_differs(buf, n, 0) == -1;
}

TYPED_PAIR_FIXTURE(badptr);
TYPE_VARIANT(badptr, kite, STREAM);
TYPE_VARIANT(badptr, kite, SEQPACKET);
TYPE_VARIANT(badptr, kite, DGRAM);
TYPE_VARIANT(badptr, unix, STREAM);
TYPE_VARIANT(badptr, unix, SEQPACKET);
TYPE_VARIANT(badptr, unix, DGRAM);
TYPE_VARIANT(badptr, inet, STREAM);
TYPE_VARIANT(badptr, inet, DGRAM);

/* Nothing is on its way, and all of the window is there: as much as ever fits. */
#define EXPECT_UNHURT(self)						\
	do {								\
		char __c;						\
									\
		EXPECT_EQ(-EAGAIN, ERR(recv((self)->s, &__c, 1, MSG_DONTWAIT))); \
		EXPECT_EQ(3, send((self)->c, "abc", 3, 0));		\
		EXPECT_EQ(3, recv((self)->s, buf, sizeof(buf), 0));	\
		EXPECT_EQ(0, memcmp(buf, "abc", 3));			\
		EXPECT_EQ(0, get_int_option((self)->c, SOL_SOCKET, SO_ERROR)); \
		if (has_window((self)->f, (self)->type))		\
			EXPECT_EQ(whole_window, window((self)->f, (self)->c, (self)->s)); \
	} while (0)

static bool has_window(const struct family *f, int type)
{
	return !is_inet(f) && type != SOCK_DGRAM;
}

static ssize_t window(const struct family *f, int from, int to)
{
	ssize_t n = fill(f, from);

	return n == drain(to) ? n : -EBADMSG;
}

static ssize_t whole_window;

#define MEASURE(self)							\
	do {								\
		ASSERT_EQ(0, map_memory());				\
		if (has_window((self)->f, (self)->type)) {		\
			whole_window = window((self)->f, (self)->c, (self)->s); \
			ASSERT_LT(0, whole_window);			\
		}							\
	} while (0)

TEST_F(badptr, send_from_nowhere)
{
	static const size_t sizes[] = { 1, 200, 1500, 5000, 65000 };
	size_t i;
	int k;

	MEASURE(self);
	for (k = 0; k < NOWHERES; k++)
		ASSERT_EQ(-EFAULT, ERR(send(self->c, nowhere(k), 100, 0)))
			TH_LOG("at %p", nowhere(k));
	for (i = 0; i < ARRAY_SIZE(sizes); i++)
		ASSERT_EQ(-EFAULT, ERR(send(self->c, edge, sizes[i], 0)));
	EXPECT_EQ(-EFAULT, ERR(write(self->c, edge, 1)));
	EXPECT_UNHURT(self);
}

/* With something in the queue a small write may join it: or not, if it fails. */
TEST_F(badptr, send_behind_something)
{
	char in[64];
	int k;

	ASSERT_EQ(0, map_memory());
	ASSERT_EQ(5, send(self->c, "first", 5, 0));
	for (k = 0; k < NOWHERES; k++) {
		EXPECT_EQ(-EFAULT, ERR(send(self->c, nowhere(k), 6, 0)));
		EXPECT_EQ(-EFAULT, ERR(send(self->c, edge - 3, 6, 0)));
	}
	ASSERT_EQ(6, send(self->c, "second", 6, 0));
	if (self->type == SOCK_STREAM) {
		EXPECT_EQ(11, recv_all(self->s, in, 11));
		EXPECT_EQ(0, memcmp(in, "firstsecond", 11));
	} else {
		EXPECT_EQ(5, recv(self->s, in, sizeof(in), 0));
		EXPECT_EQ(6, recv(self->s, in, sizeof(in), 0));
		EXPECT_EQ(0, memcmp(in, "second", 6));
	}
	EXPECT_EQ(-EAGAIN, ERR(recv(self->s, in, sizeof(in), MSG_DONTWAIT)));
}

/* What is sent of a buffer that ends is the beginning of it, as much as is said. */
TEST_F(badptr, send_up_to_the_edge)
{
	static const size_t there[] = { 1, 100, 300, 4096, 65535, 65536, 65537, 150000 };
	static const size_t more[] = { 1, 4096, 50000 };
	size_t i, k;
	ssize_t n;

	MEASURE(self);
	for (i = 0; i < ARRAY_SIZE(there); i++) {
		for (k = 0; k < ARRAY_SIZE(more); k++) {
			if (self->type == SOCK_DGRAM && there[i] + more[k] > 65000)
				continue;
			pattern_fill(edge - there[i], there[i], 0);
			ASSERT_EQ(POLLOUT, revents_become(self->c, POLLOUT));
			n = ERR(send(self->c, edge - there[i], there[i] + more[k],
				     MSG_DONTWAIT));
			if (self->type != SOCK_STREAM || n < 0) {
				ASSERT_EQ(-EFAULT, n);
				continue;
			}
			ASSERT_LT(0, n);
			ASSERT_GE((ssize_t)there[i], n);
			ASSERT_EQ(n, recv_all(self->s, buf, n));
			EXPECT_EQ(-1, pattern_differs(buf, n, 0));
		}
	}
	EXPECT_UNHURT(self);
}

/* To receive: the bytes of a stream stay, a message is gone, as with the oracles. */
TEST_F(badptr, recv_to_nowhere)
{
	static const size_t sizes[] = { 200, 1500, 5000, 30000 };
	size_t i, size;
	int k;

	MEASURE(self);
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		/* All addresses with the first size, the first ones with all. */
		for (k = 0; k < (i ? IN_REACH : NOWHERES); k++) {
			size = sizes[i];
			pattern_fill(buf, size, 0);
			ASSERT_EQ((ssize_t)size, send_all(self->c, buf, size));
			ASSERT_NE(0, BECOMES(1, !!(revents(self->s) & POLLIN)));
			ASSERT_EQ(-EFAULT, ERR(recv(self->s, nowhere(k), size, MSG_PEEK)))
				TH_LOG("%p, %zu bytes", nowhere(k), size);
			ASSERT_EQ(-EFAULT, ERR(recv(self->s, nowhere(k), size, 0)));
			if (self->type == SOCK_STREAM) {
				ASSERT_EQ((ssize_t)size, recv_all(self->s, buf, size));
				EXPECT_EQ(-1, pattern_differs(buf, size, 0));
			} else {
				ASSERT_TRUE(gone_or_whole(self->s, size, k < IN_REACH));
			}
			ASSERT_EQ(-EAGAIN, ERR(recv(self->s, buf, 1, MSG_DONTWAIT)));
		}
	}
	EXPECT_UNHURT(self);
}

/* A message that is in the way of a bad pointer does not take the next one with it. */
TEST_F(badptr, recv_up_to_the_edge)
{
	static const size_t there[] = { 1, 100, 1500, 4096, 9000 };
	size_t size, i, k;
	ssize_t n;

	MEASURE(self);
	for (i = 0; i < ARRAY_SIZE(there); i++) {
		for (k = 1; k <= 2; k++) {
			size = there[i] + k * 5000;
			pattern_fill(buf, size, 0);
			ASSERT_EQ((ssize_t)size, send(self->c, buf, size, 0));
			BECOMES(size, bytes_to_read(self->s));
			n = ERR(recv(self->s, edge - there[i], size, 0));
			if (self->type != SOCK_STREAM) {
				ASSERT_EQ(-EFAULT, n);
				ASSERT_EQ(4, send(self->c, "next", 4, 0));
				ASSERT_EQ(4, recv(self->s, buf, size, 0));
				EXPECT_EQ(0, memcmp(buf, "next", 4));
				continue;
			}
			if (n == -EFAULT)
				n = 0;
			ASSERT_LE(0, n);
			ASSERT_GE((ssize_t)there[i], n);
			EXPECT_EQ(-1, pattern_differs(edge - there[i], n, 0));
			ASSERT_EQ((ssize_t)size - n, recv_all(self->s, buf, size - n));
			EXPECT_EQ(-1, pattern_differs(buf, size - n, n));
		}
	}
	EXPECT_UNHURT(self);
}

/* What may be read may not be written, and the other way round is not tried. */
TEST_F(badptr, protected_pages)
{
	ssize_t n;

	MEASURE(self);
	pattern_fill(memory, 8192, 0);
	ASSERT_EQ(0, mprotect(memory + 4096, 4096, PROT_READ));
	ASSERT_EQ(8192, send(self->c, memory, 8192, 0));
	BECOMES(8192, bytes_to_read(self->s));
	ASSERT_EQ(-EFAULT, ERR(recv(self->s, memory + 4096, 4096, 0)));
	EXPECT_EQ(-1, pattern_differs(memory, 8192, 0));
	if (self->type == SOCK_STREAM) {
		n = ERR(recv(self->s, memory, 8192, 0));
		n = n == -EFAULT ? 0 : n;
		ASSERT_LE(0, n);
		ASSERT_GE(4096, n);
		ASSERT_EQ(8192 - n, recv_all(self->s, buf, 8192 - n));
		EXPECT_EQ(-1, pattern_differs(buf, 8192 - n, n));
	}
	ASSERT_EQ(0, mprotect(memory, 4096, PROT_NONE));
	ASSERT_EQ(-EFAULT, ERR(send(self->c, memory, 8192, 0)));
	EXPECT_UNHURT(self);
}

/* One bad entry among good ones, at each place. */
TEST_F(badptr, one_bad_entry)
{
	size_t len[3] = { 100, 3000, 6000 }, size = 9100, before, at, i;
	struct iovec iov[3];
	ssize_t n;
	int k;

	MEASURE(self);
	for (k = 0; k < 3 * NOWHERES; k++) {
		before = 0;
		at = 0;
		for (i = 0; i < 3; i++) {
			iov[i] = (struct iovec){ memory + at, len[i] };
			pattern_fill(memory + at, len[i], at);
			if ((int)i < k % 3)
				before += len[i];
			at += len[i];
		}
		iov[k % 3].iov_base = nowhere(k / 3);

		n = ERR(writev(self->c, iov, 3));
		if (self->type != SOCK_STREAM || n < 0) {
			ASSERT_EQ(-EFAULT, n);
		} else {
			ASSERT_GE((ssize_t)before, n);
			ASSERT_EQ(n, recv_all(self->s, buf, n));
			EXPECT_EQ(-1, pattern_differs(buf, n, 0));
		}

		pattern_fill(buf, size, 0);
		ASSERT_EQ((ssize_t)size, send(self->c, buf, size, 0));
		BECOMES(size, bytes_to_read(self->s));
		n = ERR(readv(self->s, iov, 3));
		if (self->type != SOCK_STREAM) {
			ASSERT_EQ(-EFAULT, n);
			ASSERT_TRUE(gone_or_whole(self->s, size, k / 3 < IN_REACH));
			continue;
		}
		n = n == -EFAULT ? 0 : n;
		ASSERT_LE(0, n);
		ASSERT_GE((ssize_t)before, n);
		ASSERT_EQ((ssize_t)size - n, recv_all(self->s, buf, size - n));
		EXPECT_EQ(-1, pattern_differs(buf, size - n, n));
	}
	EXPECT_UNHURT(self);
}

/* A struct msghdr whose every pointer is bad in turn. */
TEST_F(badptr, message_headers)
{
	struct iovec iov = { "abc", 3 };
	struct msghdr msg, good = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *cmsg;
	int k;

	MEASURE(self);
	for (k = 0; k < NOWHERES; k++) {
		ASSERT_EQ(-EFAULT, ERR(sendmsg(self->c, nowhere(k), 0)));
		ASSERT_EQ(-EFAULT, ERR(sendmmsg(self->c, nowhere(k), 1, 0)));
		msg = good;
		msg.msg_iov = nowhere(k);
		ASSERT_EQ(-EFAULT, ERR(sendmsg(self->c, &msg, 0)));
		/* Without a pointer there is no name, whatever its length. */
		msg = good;
		msg.msg_name = nowhere(k);
		msg.msg_namelen = sizeof(struct sockaddr_kite);
		if (msg.msg_name)
			ASSERT_EQ(-EFAULT, ERR(sendmsg(self->c, &msg, 0)));
		msg = good;
		msg.msg_control = nowhere(k);
		msg.msg_controllen = CMSG_SPACE(sizeof(int));
		if (msg.msg_control)
			ASSERT_EQ(-EFAULT, ERR(sendmsg(self->c, &msg, 0)));
	}
	EXPECT_EQ(-EFAULT, ERR(sendmsg(self->c, (void *)(edge - sizeof(long)), 0)));
	/* A good header without its data: a 32-bit program's is read first. */
	cmsg = (struct cmsghdr *)(edge - CMSG_LEN(0));
	cmsg->cmsg_len = CMSG_LEN(sizeof(int));
	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	msg = good;
	msg.msg_control = cmsg;
	msg.msg_controllen = CMSG_SPACE(sizeof(int));
	EXPECT_EQ(-EFAULT, ERR(sendmsg(self->c, &msg, 0)));
	EXPECT_UNHURT(self);
}

/* Headers to receive with: what is looked at before the message comes to no harm. */
TEST_F(badptr, headers_to_receive)
{
	struct iovec iov = { buf, sizeof(buf) };
	struct msghdr msg;
	int k;

	MEASURE(self);
	ASSERT_EQ(3, send(self->c, "abc", 3, 0));
	ASSERT_EQ(3, BECOMES(3, bytes_to_read(self->s)));
	for (k = 0; k < NOWHERES; k++) {
		ASSERT_EQ(-EFAULT, ERR(recvmsg(self->s, nowhere(k), MSG_DONTWAIT)));
		ASSERT_EQ(-EFAULT, ERR(recvmmsg(self->s, nowhere(k), 1, MSG_DONTWAIT, NULL)));
		msg = (struct msghdr){ .msg_iov = nowhere(k), .msg_iovlen = 1 };
		ASSERT_EQ(-EFAULT, ERR(recvmsg(self->s, &msg, MSG_DONTWAIT)));
	}
	msg = (struct msghdr){ .msg_iov = &iov, .msg_iovlen = 1 };
	EXPECT_EQ(3, recvmsg(self->s, &msg, 0));
	EXPECT_EQ(0, memcmp(buf, "abc", 3));
	EXPECT_UNHURT(self);
}

/*
 * Where the control messages cannot go, they are lost and MSG_CTRUNC says so; where the
 * name cannot go, it is EFAULT, and what was read is read.
 */
TEST_F(badptr, names_and_control_to_nowhere)
{
	struct iovec iov = { buf, sizeof(buf) };
	struct msghdr msg;
	int k;

	if (is_inet(self->f) && self->type == SOCK_STREAM)
		SKIP(return, "TCP gives neither names nor credentials");
	MEASURE(self);
	ASSERT_EQ(0, set_int_option(self->s, SOL_SOCKET, is_inet(self->f) ? SO_TIMESTAMP :
				    SO_PASSCRED, 1));
	for (k = 1; k < NOWHERES; k++) {
		ASSERT_EQ(3, send(self->c, "abc", 3, 0));
		msg = (struct msghdr){ .msg_iov = &iov, .msg_iovlen = 1,
			.msg_control = nowhere(k), .msg_controllen = 100 };
		EXPECT_EQ(3, ERR(recvmsg(self->s, &msg, 0)));
		EXPECT_EQ(0, memcmp(buf, "abc", 3));
	}
	/* The names of a socketpair's ends are empty. */
	if (self->type != SOCK_DGRAM || is_unix(self->f))
		return;
	for (k = 1; k < NOWHERES; k++) {
		ASSERT_EQ(3, send(self->c, "abc", 3, 0));
		msg = (struct msghdr){ .msg_iov = &iov, .msg_iovlen = 1,
			.msg_name = nowhere(k), .msg_namelen = sizeof(struct address) };
		EXPECT_EQ(-EFAULT, ERR(recvmsg(self->s, &msg, 0)));
		EXPECT_EQ(-EAGAIN, ERR(recvmsg(self->s, &msg, MSG_DONTWAIT)));
	}
	EXPECT_UNHURT(self);
}

/* Names */

TEST_F(badptr, names)
{
	socklen_t len = sizeof(struct sockaddr_storage), negative = -1;
	struct sockaddr_storage name;
	int k;

	MEASURE(self);
	for (k = 0; k < NOWHERES; k++) {
		EXPECT_EQ(-EFAULT, ERR(getsockname(self->c, (void *)&name, nowhere(k))));
		EXPECT_EQ(-EFAULT, ERR(getpeername(self->c, (void *)&name, nowhere(k))));
		EXPECT_EQ(-EFAULT, ERR(getsockname(self->c, nowhere(k), &len)));
		EXPECT_EQ(-EFAULT, ERR(getpeername(self->c, nowhere(k), &len)));
		EXPECT_EQ(-EFAULT, ERR(bind(self->c, nowhere(k), 16)));
		EXPECT_EQ(-EFAULT, ERR(connect(self->c, nowhere(k), 16)));
		EXPECT_EQ(sizeof(struct sockaddr_storage), len);
	}
	EXPECT_EQ(-EINVAL, ERR(getsockname(self->c, (void *)&name, &negative)));
	EXPECT_EQ(-EINVAL, ERR(getpeername(self->c, (void *)&name, &negative)));
	/* Up to the edge: a name is written as far as the program has room, no further. */
	len = 2;
	EXPECT_EQ(0, getsockname(self->c, (void *)(edge - 2), &len));
	EXPECT_UNHURT(self);
}

/* Options and ioctls */

static const int options[] = {
	SO_TYPE, SO_DOMAIN, SO_PROTOCOL, SO_ACCEPTCONN, SO_SNDBUF, SO_RCVBUF, SO_RCVLOWAT,
	SO_RCVTIMEO, SO_SNDTIMEO, SO_LINGER, SO_REUSEADDR, SO_KEEPALIVE, SO_PASSCRED,
	SO_PEERCRED, SO_TIMESTAMP, SO_MARK, SO_PRIORITY, SO_PEEK_OFF, SO_ERROR, SO_COOKIE,
	SO_MEMINFO, SO_BUSY_POLL, SO_INCOMING_CPU,
};

TEST_F(badptr, options)
{
	socklen_t len = 4, negative = -1;
	int value = 0, k;
	size_t i;

	MEASURE(self);
	for (i = 0; i < ARRAY_SIZE(options); i++) {
		for (k = 0; k < NOWHERES; k++) {
			EXPECT_EQ(-EFAULT, ERR(getsockopt(self->c, SOL_SOCKET, options[i],
							  &value, nowhere(k))));
			EXPECT_GT(0, ERR(setsockopt(self->c, SOL_SOCKET, options[i],
						    nowhere(k), 4)))
				TH_LOG("option %d at %p", options[i], nowhere(k));
			/* Whatever the length that it wants, if it is not 0. */
			len = 4;
			EXPECT_GT(0, ERR(getsockopt(self->c, SOL_SOCKET, options[i],
						    nowhere(k), &len)));
		}
		EXPECT_EQ(-EINVAL, ERR(getsockopt(self->c, SOL_SOCKET, options[i], &value,
						  &negative)));
	}
	EXPECT_EQ(-EFAULT, ERR(setsockopt(self->c, SOL_SOCKET, SO_RCVBUF, edge - 2, 4)));
	EXPECT_UNHURT(self);
}

TEST_F(badptr, ioctls)
{
	static const unsigned int cmds[] = { SIOCINQ, SIOCOUTQ, FIONBIO, FIOASYNC };
	size_t i;
	int k;

	MEASURE(self);
	for (i = 0; i < ARRAY_SIZE(cmds); i++)
		for (k = 0; k < NOWHERES; k++)
			EXPECT_EQ(-EFAULT, ERR(ioctl(self->c, cmds[i], nowhere(k))));
	EXPECT_UNHURT(self);
}

/* MSG_ZEROCOPY takes pages, if they are there. */
TEST_F(badptr, zerocopy)
{
	int err = self->f->domain() == AF_VSOCK ? -ENOMEM : -EFAULT, k;
	ssize_t n;

	if (is_unix(self->f))
		SKIP(return, "AF_UNIX has no MSG_ZEROCOPY");
	MEASURE(self);
	if (set_int_option(self->c, option_level(self->f), SO_ZEROCOPY, 1))
		SKIP(return, "no SO_ZEROCOPY here");
	for (k = 0; k < NOWHERES; k++)
		EXPECT_EQ(err, ERR(send(self->c, nowhere(k), 20000, MSG_ZEROCOPY)));
	pattern_fill(edge - 10000, 10000, 0);
	n = ERR(send(self->c, edge - 10000, 20000, MSG_ZEROCOPY));
	if (self->type != SOCK_STREAM || n < 0) {
		EXPECT_EQ(err, n);
	} else {
		EXPECT_GE(10000, n);
		EXPECT_EQ(n, recv_all(self->s, buf, n));
		EXPECT_EQ(-1, pattern_differs(buf, n, 0));
	}
	EXPECT_UNHURT(self);
}

/* accept, whose connection is made when its name cannot be told: as TCP closes it. */

FAMILY_FIXTURE(badaccept, KITE_UNIX_INET);

TEST_F(badaccept, name_to_nowhere)
{
	struct address addr, name;
	socklen_t len;
	int l, c, k;
	char byte;

	ASSERT_EQ(0, map_memory());
	l = listener(self->f, 5, &addr);
	ASSERT_LE(0, l);
	for (k = 1; k < NOWHERES; k++) {
		c = connector(self->f, &addr);
		ASSERT_LE(0, c);
		/* AF_UNIX has no name to tell of who did not bind, and still its length. */
		len = sizeof(addr);
		EXPECT_EQ(-EFAULT, ERR(accept(l, (void *)&name, nowhere(k))));
		EXPECT_EQ(0, recv(c, &byte, 1, 0));
		close(c);
		if (is_unix(self->f))
			continue;
		c = connector(self->f, &addr);
		ASSERT_LE(0, c);
		EXPECT_EQ(-EFAULT, ERR(accept(l, nowhere(k), &len)));
		EXPECT_EQ(0, recv(c, &byte, 1, 0));
		close(c);
	}
	set_nonblocking(l, true);
	EXPECT_EQ(-EAGAIN, ERR(accept(l, NULL, NULL)));
	EXPECT_LE(0, c = connector(self->f, &addr));
	EXPECT_LE(0, ERR(accept(l, NULL, NULL)));
}

TEST_HARNESS_MAIN
