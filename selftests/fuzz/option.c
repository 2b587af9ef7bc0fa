// SPDX-License-Identifier: GPL-2.0
/* Socket options: see lower.c. */

#include <sys/socket.h>
#include <sys/syscall.h>

#include <linux/filter.h>
#include <linux/kite.h>
#include <linux/net_tstamp.h>
#include <linux/vm_sockets.h>

#include "program.h"

#define OF(table, arg)	((table)[(arg) % ARRAY_SIZE(table)])

/* What an option's value is. */
enum kind { INT, TIME, LINGER, FILTER, DESCRIPTOR, U64 };

static const struct { int level, name; enum kind kind; } options[] = {
	{ SOL_SOCKET, SO_RCVBUF, INT },
	{ SOL_SOCKET, SO_SNDBUF, INT },
	{ SOL_SOCKET, SO_RCVBUFFORCE, INT },
	{ SOL_SOCKET, SO_SNDBUFFORCE, INT },
	{ SOL_SOCKET, SO_RCVLOWAT, INT },
	{ SOL_SOCKET, SO_SNDLOWAT, INT },
	{ SOL_SOCKET, SO_RCVTIMEO_OLD, TIME },
	{ SOL_SOCKET, SO_SNDTIMEO_OLD, TIME },
	{ SOL_SOCKET, SO_RCVTIMEO_NEW, TIME },
	{ SOL_SOCKET, SO_SNDTIMEO_NEW, TIME },
	{ SOL_SOCKET, SO_LINGER, LINGER },
	{ SOL_SOCKET, SO_PASSCRED, INT },
	{ SOL_SOCKET, SO_PASSCRED, INT },
	{ SOL_SOCKET, SO_PASSSEC, INT },
	{ SOL_SOCKET, 76 /* SO_PASSPIDFD */, INT },
	{ SOL_SOCKET, 77 /* SO_PEERPIDFD */, INT },
	{ SOL_SOCKET, SO_PEERCRED, INT },
	{ SOL_SOCKET, SO_PEERGROUPS, INT },
	{ SOL_SOCKET, SO_PEERSEC, INT },
	{ SOL_SOCKET, SO_MEMINFO, INT },
	{ SOL_SOCKET, SO_TIMESTAMP_OLD, INT },
	{ SOL_SOCKET, SO_TIMESTAMPNS_OLD, INT },
	{ SOL_SOCKET, SO_TIMESTAMPING_OLD, INT },
	{ SOL_SOCKET, SO_TIMESTAMP_NEW, INT },
	{ SOL_SOCKET, SO_TIMESTAMPING_NEW, INT },
	{ SOL_SOCKET, SO_PEEK_OFF, INT },
	{ SOL_SOCKET, SO_RXQ_OVFL, INT },
	{ SOL_SOCKET, SO_ATTACH_FILTER, FILTER },
	{ SOL_SOCKET, SO_ATTACH_FILTER, FILTER },
	{ SOL_SOCKET, SO_ATTACH_BPF, DESCRIPTOR },
	{ SOL_SOCKET, SO_DETACH_FILTER, INT },
	{ SOL_SOCKET, SO_LOCK_FILTER, INT },
	{ SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, FILTER },
	{ SOL_SOCKET, SO_ATTACH_REUSEPORT_EBPF, DESCRIPTOR },
	{ SOL_SOCKET, SO_DETACH_REUSEPORT_BPF, INT },
	{ SOL_SOCKET, SO_REUSEADDR, INT },
	{ SOL_SOCKET, SO_REUSEPORT, INT },
	{ SOL_SOCKET, SO_ZEROCOPY, INT },
	{ SOL_KITE, SO_REUSEPORT, INT },
	{ SOL_KITE, SO_REUSEPORT, INT },
	{ SOL_KITE, SO_ZEROCOPY, INT },
	{ SOL_KITE, SO_ZEROCOPY, INT },
	{ SOL_KITE, 76 /* SO_PASSPIDFD */, INT },
	{ SOL_SOCKET, SO_ERROR, INT },
	{ SOL_SOCKET, SO_TYPE, INT },
	{ SOL_SOCKET, SO_ACCEPTCONN, INT },
	{ SOL_SOCKET, SO_KEEPALIVE, INT },
	{ SOL_SOCKET, SO_OOBINLINE, INT },
	{ SOL_SOCKET, SO_BROADCAST, INT },
	{ SOL_SOCKET, SO_PRIORITY, INT },
	{ SOL_SOCKET, SO_MARK, INT },
	{ SOL_SOCKET, SO_BUSY_POLL, INT },
	{ SOL_SOCKET, SO_PREFER_BUSY_POLL, INT },
	{ SOL_SOCKET, SO_INCOMING_CPU, INT },
	{ SOL_SOCKET, SO_TXTIME, U64 },
	{ SOL_SOCKET, SO_MAX_PACING_RATE, U64 },
	{ SOL_SOCKET, SO_COOKIE, U64 },
	{ SOL_SOCKET, SO_BINDTODEVICE, U64 },
	{ SOL_SOCKET, SO_RESERVE_MEM, INT },
	{ SOL_SOCKET, SO_TXREHASH, INT },
	{ AF_VSOCK, SO_VM_SOCKETS_BUFFER_SIZE, U64 },
	{ AF_VSOCK, SO_VM_SOCKETS_BUFFER_MIN_SIZE, U64 },
	{ AF_VSOCK, SO_VM_SOCKETS_BUFFER_MAX_SIZE, U64 },
	{ AF_VSOCK, SO_VM_SOCKETS_CONNECT_TIMEOUT_OLD, TIME },
	{ AF_VSOCK, SO_VM_SOCKETS_CONNECT_TIMEOUT_NEW, TIME },
	{ AF_VSOCK, 99, INT },
	{ SOL_KITE, 99, INT },
	{ 6, 1, INT },
};

static const uint64_t values[] = {
	1, 1, 0, 2, 100, 512, 1024, 4096, 8192, 65536, 100000, 212992, 1 << 20, 0x7fffffff,
	0xffffffff, 0x80000000, ~0ULL
};

static void put_filter(struct lowered *l, unsigned long page, uint32_t arg)
{
	static const uint32_t results[] = { 0xffffffff, 0, 1, 40, 0x7fffffff };
	/* of the message, of the header before it, of what describes it */
	static const uint32_t places[] = { 0, 4, 100, 65535, 0xfff00000, 0xffe00000, 0xfffff004 };

	/* ldw [place]; ret result */
	store(l, 64, 2, BPF_LD | BPF_W | BPF_ABS);
	store(l, 68, 4, OF(places, arg >> 4));
	store(l, 72, 2, BPF_RET | BPF_K);
	store(l, 76, 4, OF(results, arg));
	store(l, 0, 2, 1 + (arg >> 8 & 1));
	store(l, 8, 8, arg >> 8 & 1 ? page + 64 : page + 72);
}

void lower_setsockopt(struct lowered *l, unsigned long page, const uint32_t *a)
{
	static const unsigned int lengths[] = { 0, 1, 3, 4, 8, 16, 100, 0xffffffff };
	unsigned int n = a[1] % ARRAY_SIZE(options), len = 4;

	switch (options[n].kind) {
	case INT:
		store(l, 0, 8, OF(values, a[2]));
		break;
	case TIME:
		/* 1 to 8 ms: nothing waits for long */
		store(l, 0, 8, 0);
		store(l, 8, 8, 1000 << (a[2] & 3));
		len = 16;
		break;
	case LINGER:
		store(l, 0, 4, a[2] & 1);
		store(l, 4, 4, a[2] >> 1 & 1);
		len = 8;
		break;
	case FILTER:
		put_filter(l, page, a[2]);
		len = 16;
		break;
	case DESCRIPTOR:
		store_fd(l, 0, a[3]);
		break;
	case U64:
		store(l, 0, 8, OF(values, a[2]));
		len = 8;
		break;
	}
	if ((a[4] & 15) == 15)
		len = OF(lengths, a[4] >> 4);
	ask(l, SYS_setsockopt, a[0], options[n].level, options[n].name,
	    (a[4] & 0xf00) == 0xf00 ? 8 : page, len, 0);
	l->fds = 1;
}

void lower_getsockopt(struct lowered *l, unsigned long page, const uint32_t *a)
{
	static const unsigned int lengths[] = { 4, 4, 8, 12, 16, 64, 1000, 0, 1, 3, 0xffffffff };
	unsigned int n = a[1] % ARRAY_SIZE(options);

	store(l, 0, 4, OF(lengths, a[2]));
	ask(l, SYS_getsockopt, a[0], options[n].level, options[n].name,
	    (a[3] & 31) == 31 ? 8 : page + 64, (a[3] & 0x3e0) == 0x3e0 ? 8 : page, 0);
	l->fds = 1;
}
