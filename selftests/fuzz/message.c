// SPDX-License-Identifier: GPL-2.0
/* Calls that send and receive: see lower.c. */

#include <stddef.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include <linux/kite.h>

#include "program.h"

#define OF(table, arg)	((table)[(arg) % ARRAY_SIZE(table)])

/* Where in the step's page the parts of a message are. */
#define ADDRESS		0x200
#define CONTROL		0x240
#define VECTOR		0x300
#define TIMEOUT		0x3f0

static int send_flags(uint32_t arg)
{
	static const int flags[] = {
		0, 0, MSG_DONTWAIT, MSG_EOR, MSG_MORE, MSG_ZEROCOPY, MSG_ZEROCOPY, MSG_OOB,
		MSG_ZEROCOPY | MSG_EOR, MSG_DONTROUTE | MSG_CONFIRM
	};

	return MSG_NOSIGNAL | ((arg & 63) == 63 ? (int)(arg >> 6) : OF(flags, arg & 63));
}

static int recv_flags(uint32_t arg)
{
	static const int flags[] = {
		0, 0, MSG_DONTWAIT, MSG_PEEK, MSG_PEEK | MSG_TRUNC, MSG_TRUNC, MSG_WAITALL,
		MSG_ERRQUEUE, MSG_ERRQUEUE | MSG_PEEK, MSG_WAITALL | MSG_PEEK, MSG_CMSG_CLOEXEC
	};

	return (arg & 63) == 63 ? (int)(arg >> 6) : OF(flags, arg & 63);
}

/* An address for one of four. Returns its length. */
static unsigned int maybe_address(struct lowered *l, uint32_t arg)
{
	return arg >> 30 ? 0 : put_address(l, ADDRESS, arg & 0x3fffffff);
}

void lower_sendto(struct lowered *l, unsigned long page, const uint32_t *a)
{
	size_t size = a_size(a[1]);
	unsigned int len = maybe_address(l, a[3]);

	ask(l, SYS_sendto, a[0], a_buffer(a[4], size), size, send_flags(a[2]),
	    len ? page + ADDRESS : 0, len);
	l->fds = 1;
}

static void put_control(struct lowered *l, uint32_t arg, uint32_t slot)
{
	static const struct { int level, type, len; } kinds[] = {
		{ SOL_SOCKET, SCM_RIGHTS, 20 }, { SOL_SOCKET, 2, 28 }, { SOL_SOCKET, 2, 28 },
		{ SOL_SOCKET, 2, 20 }, { SOL_KITE, KITE_RECVERR, 32 }, { SOL_SOCKET, 37, 20 },
		{ SOL_SOCKET, 99, 16 }, { 0, 0, 0 }, { SOL_SOCKET, 2, -1 }, { 41, 1, 24 },
	};
	unsigned int n = arg % ARRAY_SIZE(kinds);

	store(l, CONTROL, 8, kinds[n].len);
	store(l, CONTROL + 8, 4, kinds[n].level);
	store(l, CONTROL + 12, 4, kinds[n].type);
	if (kinds[n].type == SCM_RIGHTS) {
		store_fd(l, CONTROL + 16, slot);
	} else {
		/* pid, uid, gid */
		store(l, CONTROL + 16, 4, arg >> 8 & 1);
		store(l, CONTROL + 20, 4, arg >> 9 & 1);
		store(l, CONTROL + 24, 4, arg >> 10 & 1);
	}
}

static unsigned int put_vector(struct lowered *l, uint32_t size, uint32_t buffer)
{
	unsigned int n = 1 + (size >> 8) % 3, i;

	for (i = 0; i < n; i++) {
		size_t len = a_size(i ? size >> 12 : size);

		store(l, VECTOR + 16 * i, 8, a_buffer(i ? buffer << i : buffer, len));
		store(l, VECTOR + 16 * i + 8, 8, len);
	}
	return (size >> 16 & 63) == 63 ? 2000 : n;
}

/* A struct msghdr; @control: how long. */
static void put_header(struct lowered *l, unsigned int at, unsigned long page,
		       unsigned int name, unsigned int vector, uint64_t control)
{
	store(l, at, 8, name ? page + ADDRESS : 0);
	store(l, at + 8, 4, name);
	store(l, at + 16, 8, page + VECTOR);
	store(l, at + 24, 8, vector);
	store(l, at + 32, 8, control ? page + CONTROL : 0);
	store(l, at + 40, 8, control);
	store(l, at + 48, 4, 0);
}

/* Half of all messages have control messages with them. */
static uint64_t maybe_control(struct lowered *l, const uint32_t *a)
{
	static const uint64_t lengths[] = { 32, 32, 32, 28, 16, 15, 4096, ~0UL };

	if (a[3] & 1)
		return 0;
	put_control(l, a[3] >> 4, a[0]);
	return OF(lengths, a[3] >> 1 & 7);
}

static void put_message(struct lowered *l, unsigned long page, const uint32_t *a)
{
	uint64_t control = maybe_control(l, a);
	unsigned int name = maybe_address(l, a[3] >> 8 | a[3] << 24);

	put_header(l, 0, page, name, put_vector(l, a[1], a[4]), control);
}

void lower_sendmsg(struct lowered *l, unsigned long page, const uint32_t *a)
{
	put_message(l, page, a);
	ask(l, SYS_sendmsg, a[0], page, send_flags(a[2]), 0, 0, 0);
	l->fds = 1;
}

/* Three times the same: a struct mmsghdr has 64 bytes. */
void lower_sendmmsg(struct lowered *l, unsigned long page, const uint32_t *a)
{
	unsigned int n = put_vector(l, a[1], a[4]), i;

	for (i = 0; i < 3; i++)
		put_header(l, 64 * i, page, 0, n, 0);
	ask(l, SYS_sendmmsg, a[0], page, 3, send_flags(a[2]), 0, 0);
	l->fds = 1;
}

/* What a raw socket sends: a header that is nearly right, and some payload. */
void lower_packet(struct lowered *l, unsigned long page, const uint32_t *a)
{
	static const uint8_t types[] = { 1, 5, 1, 5, 2, 3, 0 };
	static const uint32_t ports[] = { 7000, 7001, 7002, 7003, 7000, 7001, 65536 };
	static const uint32_t lengths[] = { 0, 0, 1, 100, 3000 };
	static const uint32_t counters[] = {
		0, 1, 512, 4096, 212992, 0x3fffffff, 0x40000000, 0x7fffffff, 0xffffffff
	};
	uint32_t len = OF(lengths, a[1] >> 20);

	store(l, 0, 1, (a[1] & 31) == 31 ? 2 : KITE_VERSION);
	store(l, 1, 1, OF(types, a[1] >> 5 & 7));
	store(l, 2, 1, (a[1] >> 8 & 15) % 10);
	store(l, 3, 1, (a[1] >> 12) % 8);
	store(l, 4, 4, (a[1] & 992) == 992 ? len + 1 : len);
	store(l, 8, 4, OF(ports, a[2] & 0xff));
	store(l, 12, 4, (a[2] >> 16 & 31) == 31 ? 77 : 1);
	store(l, 16, 4, OF(ports, a[2] >> 8 & 0xff));
	store(l, 20, 4, (a[2] >> 24 & 31) == 31 ? 77 : 1);
	store(l, 24, 4, a[3] & 1 ? OF(counters, a[3] >> 1) : a[3] >> 16);
	store(l, 28, 4, a[4] & 1 ? OF(counters, a[4] >> 1) : a[4] >> 12);
	ask(l, SYS_sendto, a[0], page, 32 + len, MSG_NOSIGNAL, 0, 0);
	l->fds = 1;
}

void lower_recvfrom(struct lowered *l, unsigned long page, const uint32_t *a)
{
	size_t size = a_size(a[1]);
	bool name = a[3] & 1;

	store(l, TIMEOUT, 4, a[3] >> 1 & 31);
	ask(l, SYS_recvfrom, a[0], a_buffer(a[4], size), size, recv_flags(a[2]),
	    name ? page + ADDRESS : 0, name ? page + TIMEOUT : 0);
	l->fds = 1;
}

void lower_recvmsg(struct lowered *l, unsigned long page, const uint32_t *a)
{
	static const uint64_t lengths[] = { 0, 128, 128, 16, 24, 1, ~0UL };

	put_header(l, 0, page, a[3] & 1 ? 16 : 0, put_vector(l, a[1], a[4]),
		   OF(lengths, a[3] >> 1));
	ask(l, SYS_recvmsg, a[0], (a[3] >> 8 & 31) == 31 ? 8 : page, recv_flags(a[2]), 0, 0, 0);
	l->fds = 1;
}

void lower_recvmmsg(struct lowered *l, unsigned long page, const uint32_t *a)
{
	unsigned int n = put_vector(l, a[1], a[4]), i;

	for (i = 0; i < 3; i++)
		put_header(l, 64 * i, page, 0, n, 0);
	store(l, TIMEOUT, 8, 0);
	store(l, TIMEOUT + 8, 8, 1000000);
	ask(l, SYS_recvmmsg, a[0], page, 3, recv_flags(a[2]), a[3] & 1 ? page + TIMEOUT : 0, 0);
	l->fds = 1;
}
