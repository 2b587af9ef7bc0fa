// SPDX-License-Identifier: GPL-2.0
/* From numbers to system calls: see program.h. Messages and options are elsewhere. */

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>

#include <linux/bpf.h>
#include <linux/kite.h>
#include <linux/netlink.h>
#include <linux/sockios.h>

#include "program.h"

#define OF(table, arg)	((table)[(arg) % ARRAY_SIZE(table)])

int fuzz_family = AF_KITE;

void store(struct lowered *l, unsigned int offset, unsigned int size, uint64_t value)
{
	if (l->nr_stores < STORES_MAX)
		l->stores[l->nr_stores++] = (struct store) { offset, size, false, value };
}

void store_fd(struct lowered *l, unsigned int offset, uint32_t slot)
{
	if (l->nr_stores < STORES_MAX)
		l->stores[l->nr_stores++] = (struct store) { offset, 4, true, slot };
}

void store_text(struct lowered *l, unsigned int offset, const char *text)
{
	do {
		store(l, offset++, 1, *text);
	} while (*text++);
}

void ask(struct lowered *l, long nr, uint64_t a, uint64_t b, uint64_t c, uint64_t d,
	 uint64_t e, uint64_t f)
{
	const uint64_t args[] = { a, b, c, d, e, f };

	l->nr = nr;
	memcpy(l->arg, args, sizeof(args));
}

/* Sizes where something changes: pages, payloads, windows, buffers. */
size_t a_size(uint32_t arg)
{
	static const size_t sizes[] = {
		0, 1, 2, 4, 31, 32, 33, 100, 255, 256, 257, 511, 512, 513, 1000, 4095, 4096,
		4097, 8192, 16384, 32767, 65535, 65536, 65537, 65568, 65569, 100000, 131072,
		212479, 212480, 212481, 212992, 212993, 425984, 1048576, 0x7fffffff,
		0xffffffff, ~0UL
	};

	/* The last ones are for few. */
	if (arg >> 28)
		arg %= ARRAY_SIZE(sizes) - 5;
	return OF(sizes, arg);
}

/* Good memory, and what is bad from the first byte or from a later one. */
uint64_t a_buffer(uint32_t arg, size_t size)
{
	switch (arg >> 16 & 31) {
	case 0:
		return 0;
	case 1:
		return 8;
	case 2:
		return 0xffff888000001000;
	case 3:
		return DATA + DATA_SIZE - 1;
	case 4:
		return DATA + DATA_SIZE - (size / 2 < DATA_SIZE ? size / 2 : 1);
	case 5:
		return 0x7ffffffff000 - 1;
	default:
		return DATA + (arg & 4 ? (arg & 0xfff) : 0);
	}
}

static uint32_t a_port(uint32_t arg)
{
	static const uint32_t ports[] = {
		7000, 7001, 7000, 7001, 7002, 7003, 1, 0, 1024, 65536, 0xffffffff, 0xfffffffe
	};

	return OF(ports, arg);
}

/* Puts an address into the page. Returns its length. */
unsigned int put_address(struct lowered *l, unsigned int offset, uint32_t arg)
{
	static const uint32_t nodes[] = { 1, 1, 1, 1, 1, 1, 0xffffffff, 0xffffffff, 2, 0, 77 };

	store(l, offset, 2, (arg >> 24) == 1 ? AF_UNSPEC : (arg >> 24) == 2 ? AF_INET :
	      fuzz_family);
	store(l, offset + 2, 2, (arg >> 24) == 3);
	store(l, offset + 4, 4, a_port(arg & 0xff));
	store(l, offset + 8, 4, OF(nodes, arg >> 8 & 0xff));
	store(l, offset + 12, 4, (arg >> 24) == 4);
	switch (arg >> 16 & 31) {
	case 0:
		return 0;
	case 1:
		return 15;
	case 2:
		return 128;
	case 3:
		return 0xffffffff;
	default:
		return sizeof(struct sockaddr_kite);
	}
}

static int a_type(uint32_t arg)
{
	static const int types[] = {
		SOCK_STREAM, SOCK_SEQPACKET, SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM, SOCK_RAW
	};
	int type = OF(types, arg & 0xff);

	if ((arg >> 8 & 63) == 63)
		type = arg >> 24;
	/* Few may wait: for them there is a limit, too. */
	return type | ((arg >> 14 & 7) == 7 ? 0 : SOCK_NONBLOCK);
}

static int a_family(uint32_t arg)
{
	return (arg & 31) == 31 ? AF_UNIX : (arg & 31) == 30 ? AF_INET : fuzz_family;
}

static void lower_socket(struct lowered *l, unsigned long page, const uint32_t *a)
{
	(void)page;
	ask(l, SYS_socket, a_family(a[1]), a_type(a[0]), (a[2] & 31) == 31 ? a[2] >> 5 : 0,
	    0, 0, 0);
}

static void lower_socketpair(struct lowered *l, unsigned long page, const uint32_t *a)
{
	ask(l, SYS_socketpair, a_family(a[1]), a_type(a[0]), 0,
	    (a[2] & 31) == 31 ? 8 : page, 0, 0);
}

static void lower_with_address(struct lowered *l, unsigned long page, const uint32_t *a,
			       long nr)
{
	unsigned int len = put_address(l, 0, a[1]);

	ask(l, nr, a[0], (a[2] & 31) == 31 ? 8 : page, len, 0, 0, 0);
	l->fds = 1;
}

static void lower_bind(struct lowered *l, unsigned long page, const uint32_t *a)
{
	lower_with_address(l, page, a, SYS_bind);
}

static void lower_connect(struct lowered *l, unsigned long page, const uint32_t *a)
{
	lower_with_address(l, page, a, SYS_connect);
}

static void lower_listen(struct lowered *l, unsigned long page, const uint32_t *a)
{
	static const int backlogs[] = { 0, 1, 2, 5, 128, -1, 0x7fffffff };

	(void)page;
	ask(l, SYS_listen, a[0], OF(backlogs, a[1]), 0, 0, 0, 0);
	l->fds = 1;
}

static void put_length(struct lowered *l, uint32_t arg)
{
	static const uint32_t lengths[] = { 16, 16, 16, 128, 15, 1, 0, 0xffffffff };

	store(l, 0, 4, OF(lengths, arg));
}

static void lower_accept(struct lowered *l, unsigned long page, const uint32_t *a)
{
	bool name = a[1] & 1;

	put_length(l, a[2]);
	ask(l, SYS_accept4, a[0], name ? page + 64 : 0, name ? page : 0,
	    (a[3] & 7) == 7 ? (a[3] & 8 ? 0 : a[3] >> 8) : SOCK_NONBLOCK, 0, 0);
	l->fds = 1;
}

static void lower_getname(struct lowered *l, unsigned long page, const uint32_t *a)
{
	put_length(l, a[2]);
	ask(l, a[1] & 1 ? SYS_getsockname : SYS_getpeername, a[0],
	    (a[1] & 30) == 30 ? 8 : page + 64, (a[1] & 480) == 480 ? 8 : page, 0, 0, 0);
	l->fds = 1;
}

static void lower_shutdown(struct lowered *l, unsigned long page, const uint32_t *a)
{
	(void)page;
	ask(l, SYS_shutdown, a[0], a[1] % 32 < 30 ? a[1] % 3 : a[1], 0, 0, 0, 0);
	l->fds = 1;
}

static void lower_close(struct lowered *l, unsigned long page, const uint32_t *a)
{
	(void)page;
	ask(l, SYS_close, a[0], 0, 0, 0, 0, 0);
	l->fds = 1;
}

static void lower_dup(struct lowered *l, unsigned long page, const uint32_t *a)
{
	(void)page;
	ask(l, SYS_dup, a[0], 0, 0, 0, 0, 0);
	l->fds = 1;
}

/* Closes the second under whoever uses it. */
static void lower_dup2(struct lowered *l, unsigned long page, const uint32_t *a)
{
	(void)page;
	ask(l, SYS_dup2, a[0], a[1], 0, 0, 0, 0);
	l->fds = 3;
}

static void lower_read(struct lowered *l, unsigned long page, const uint32_t *a)
{
	(void)page;
	ask(l, SYS_read, a[0], a_buffer(a[2], a_size(a[1])), a_size(a[1]), 0, 0, 0);
	l->fds = 1;
}

static void lower_write(struct lowered *l, unsigned long page, const uint32_t *a)
{
	(void)page;
	ask(l, SYS_write, a[0], a_buffer(a[2], a_size(a[1])), a_size(a[1]), 0, 0, 0);
	l->fds = 1;
}

static void lower_ioctl(struct lowered *l, unsigned long page, const uint32_t *a)
{
	static const unsigned int requests[] = {
		FIONREAD, SIOCOUTQ, FIONBIO, FIOASYNC, SIOCATMARK, SIOCGSTAMP_OLD,
		SIOCGSTAMPNS_OLD, SIOCGSTAMP_NEW, SIOCGSTAMPNS_NEW, FIOSETOWN, SIOCSPGRP,
		SIOCGPGRP, SIOCGIFCONF, TIOCGPTN, 0xffffffff
	};

	store(l, 0, 8, a[3] & 1);
	ask(l, SYS_ioctl, a[0], OF(requests, a[1]), (a[2] & 15) == 15 ? 8 : page, 0, 0, 0);
	l->fds = 1;
}

static void lower_fcntl(struct lowered *l, unsigned long page, const uint32_t *a)
{
	static const int commands[][2] = {
		{ F_SETFL, O_NONBLOCK }, { F_SETFL, O_NONBLOCK | O_ASYNC }, { F_SETFL, 0 },
		{ F_SETOWN, 0 }, { F_GETOWN, 0 }, { F_SETSIG, 0 }, { F_DUPFD, 100 },
		{ F_SETPIPE_SZ, 4096 }, { F_SETPIPE_SZ, 1 << 20 },
	};

	(void)page;
	ask(l, SYS_fcntl, a[0], OF(commands, a[1])[0], OF(commands, a[1])[1], 0, 0, 0);
	l->fds = 1;
}

static void lower_poll(struct lowered *l, unsigned long page, const uint32_t *a)
{
	store_fd(l, 0, a[0]);
	store(l, 4, 2, a[2]);
	store_fd(l, 8, a[1]);
	store(l, 12, 2, a[2] >> 16);
	ask(l, SYS_poll, page, 2, a[3] & 1, 0, 0, 0);
}

static void lower_epoll_create(struct lowered *l, unsigned long page, const uint32_t *a)
{
	(void)page;
	(void)a;
	ask(l, SYS_epoll_create1, 0, 0, 0, 0, 0, 0);
}

static void lower_epoll_ctl(struct lowered *l, unsigned long page, const uint32_t *a)
{
	static const int ops[] = { EPOLL_CTL_ADD, EPOLL_CTL_ADD, EPOLL_CTL_MOD, EPOLL_CTL_DEL };
	static const uint32_t events[] = {
		EPOLLIN, EPOLLOUT, EPOLLIN | EPOLLOUT | EPOLLRDHUP, EPOLLIN | EPOLLET,
		EPOLLOUT | EPOLLET | EPOLLONESHOT, EPOLLIN | EPOLLEXCLUSIVE, 0, 0xffffffff
	};

	store(l, 0, 4, OF(events, a[3]));
	ask(l, SYS_epoll_ctl, a[0], OF(ops, a[2]), a[1], page, 0, 0);
	l->fds = 1 | 4;
}

static void lower_epoll_wait(struct lowered *l, unsigned long page, const uint32_t *a)
{
	ask(l, SYS_epoll_wait, a[0], page, 8, a[1] & 1, 0, 0);
	l->fds = 1;
}

static void lower_pipe(struct lowered *l, unsigned long page, const uint32_t *a)
{
	(void)a;
	ask(l, SYS_pipe2, page, O_NONBLOCK, 0, 0, 0, 0);
}

static void lower_splice(struct lowered *l, unsigned long page, const uint32_t *a)
{
	(void)page;
	ask(l, SYS_splice, a[0], 0, a[1], 0, a_size(a[2]), a[3] & 15);
	l->fds = 1 | 4;
}

static void lower_tee(struct lowered *l, unsigned long page, const uint32_t *a)
{
	(void)page;
	ask(l, SYS_tee, a[0], a[1], a_size(a[2]), a[3] & 15, 0, 0);
	l->fds = 3;
}

static void lower_vmsplice(struct lowered *l, unsigned long page, const uint32_t *a)
{
	size_t size = a_size(a[1]);

	store(l, 0, 8, a_buffer(a[2], size));
	store(l, 8, 8, size);
	ask(l, SYS_vmsplice, a[0], page, 1, (a[3] & 15) | 2, 0, 0);
	l->fds = 1;
}

static void lower_sendfile(struct lowered *l, unsigned long page, const uint32_t *a)
{
	static const uint64_t offsets[] = { 0, 1, 4095, 100000, ~0UL };

	store(l, 0, 8, OF(offsets, a[3]));
	ask(l, SYS_sendfile, a[0], a[1], a[3] & 64 ? page : 0, a_size(a[2]), 0, 0);
	l->fds = 3;
}

static void lower_memfd(struct lowered *l, unsigned long page, const uint32_t *a)
{
	(void)a;
	store_text(l, 0, "fuzz");
	ask(l, SYS_memfd_create, page, 0, 0, 0, 0, 0);
}

static void lower_truncate(struct lowered *l, unsigned long page, const uint32_t *a)
{
	(void)page;
	ask(l, SYS_ftruncate, a[0], a_size(a[1]) & 0xfffff, 0, 0, 0, 0);
	l->fds = 1;
}

/* A filter that takes all, nothing, or the first bytes. */
static void lower_bpf(struct lowered *l, unsigned long page, const uint32_t *a)
{
	static const uint32_t results[] = { 0xffffffff, 0, 1, 40 };

	/* r0 = result; exit */
	store(l, 256, 8, 0xb7 | (uint64_t)OF(results, a[0]) << 32);
	store(l, 264, 8, 0x95);
	store_text(l, 280, "GPL");
	store(l, 0, 4, BPF_PROG_TYPE_SOCKET_FILTER);
	store(l, 4, 4, 2);
	store(l, 8, 8, page + 256);
	store(l, 16, 8, page + 280);
	store(l, 24, 8, 0);
	ask(l, SYS_bpf, BPF_PROG_LOAD, page, 48, 0, 0, 0);
}

static void lower_open(struct lowered *l, unsigned long page, const uint32_t *a)
{
	static const char * const paths[] = {
		"/proc/net/kite", "/proc/net/protocols", "/proc/self/fdinfo/3",
		"/proc/self/fdinfo/4", "/proc/self/fdinfo/5", "/proc/self/net/kite_stat",
		"/proc/self/fdinfo/6", "/dev/vsock", "/proc/net/sockstat",
	};

	store_text(l, 0, OF(paths, a[0]));
	ask(l, SYS_openat, AT_FDCWD, page, O_RDONLY | O_NONBLOCK, 0, 0, 0);
}

static void lower_netlink(struct lowered *l, unsigned long page, const uint32_t *a)
{
	(void)page;
	(void)a;
	ask(l, SYS_socket, AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK, NETLINK_SOCK_DIAG, 0, 0, 0);
}

/* Of sock_diag: a dump, one socket, or the end of one. */
static void lower_diag(struct lowered *l, unsigned long page, const uint32_t *a)
{
	unsigned int i;

	store(l, 0, 4, 16 + 64);
	store(l, 4, 2, a[1] & 8 ? 21 : 20);
	store(l, 6, 2, NLM_F_REQUEST | (a[1] & 1 ? NLM_F_DUMP : 0));
	store(l, 16, 1, fuzz_family);
	store(l, 17, 1, a[1] >> 4 & 7);
	for (i = 0; i < 15; i++)
		store(l, 20 + 4 * i, 4, a[2] >> i & 1 ? 0xffffffff :
					a[3] >> i & 1 ? a_port(a[4] + i) : 0);
	ask(l, SYS_sendto, a[0], page, 16 + 64, 0, 0, 0);
	l->fds = 1;
}

/* Signals of a timer, for calls that wait. */
static void lower_itimer(struct lowered *l, unsigned long page, const uint32_t *a)
{
	store(l, 8, 8, 1000 + a[0] % 4 * 3000);
	store(l, 24, 8, a[1] % 5000);
	ask(l, SYS_setitimer, ITIMER_REAL, page, 0, 0, 0, 0);
}

/* Takes pages of the data away, or gives them back. */
static void lower_mprotect(struct lowered *l, unsigned long page, const uint32_t *a)
{
	static const int prots[] = { PROT_NONE, PROT_READ, PROT_READ | PROT_WRITE };

	(void)page;
	ask(l, SYS_mprotect, DATA + a[0] % 32 * 4096, 4096 * (1 + a[1] % 4), OF(prots, a[2]),
	    0, 0, 0);
}

static void lower_unshare(struct lowered *l, unsigned long page, const uint32_t *a)
{
	(void)page;
	(void)a;
	ask(l, SYS_unshare, CLONE_NEWNET, 0, 0, 0, 0, 0);
}

/* The child has all descriptors, and ends at once. */
static void lower_fork(struct lowered *l, unsigned long page, const uint32_t *a)
{
	(void)page;
	(void)a;
	ask(l, SYS_fork, 0, 0, 0, 0, 0, 0);
}

const struct call calls[] = {
	{ "socket", ".....", 's', 12, lower_socket },
	{ "socketpair", ".....", 'S', 6, lower_socketpair },
	{ "bind", "s....", 0, 6, lower_bind },
	{ "listen", "s....", 0, 4, lower_listen },
	{ "connect", "s....", 0, 8, lower_connect },
	{ "accept", "s....", 's', 6, lower_accept },
	{ "getname", "s....", 0, 1, lower_getname },
	{ "shutdown", "s....", 0, 3, lower_shutdown },
	{ "close", "s....", 0, 4, lower_close },
	{ "dup", "s....", 's', 1, lower_dup },
	{ "dup2", "ss...", 0, 1, lower_dup2 },
	{ "sendto", "s....", 0, 8, lower_sendto },
	{ "sendmsg", "s....", 0, 8, lower_sendmsg },
	{ "sendmmsg", "s....", 0, 2, lower_sendmmsg },
	{ "packet", "s....", 0, 5, lower_packet },
	{ "write", "*....", 0, 2, lower_write },
	{ "recvfrom", "s....", 0, 8, lower_recvfrom },
	{ "recvmsg", "s....", 0, 8, lower_recvmsg },
	{ "recvmmsg", "s....", 0, 2, lower_recvmmsg },
	{ "read", "*....", 0, 3, lower_read },
	{ "setsockopt", "s....", 0, 12, lower_setsockopt },
	{ "getsockopt", "s....", 0, 6, lower_getsockopt },
	{ "ioctl", "s....", 0, 3, lower_ioctl },
	{ "fcntl", "*....", 0, 2, lower_fcntl },
	{ "poll", "ss...", 0, 4, lower_poll },
	{ "epoll_create", ".....", 'e', 1, lower_epoll_create },
	{ "epoll_ctl", "es...", 0, 2, lower_epoll_ctl },
	{ "epoll_wait", "e....", 0, 1, lower_epoll_wait },
	{ "pipe", ".....", 'P', 2, lower_pipe },
	{ "splice", "**...", 0, 5, lower_splice },
	{ "tee", "pp...", 0, 1, lower_tee },
	{ "vmsplice", "p....", 0, 1, lower_vmsplice },
	{ "sendfile", "sm...", 0, 2, lower_sendfile },
	{ "memfd", ".....", 'm', 1, lower_memfd },
	{ "truncate", "m....", 0, 1, lower_truncate },
	{ "bpf", ".....", 'b', 1, lower_bpf },
	{ "open", ".....", 'f', 1, lower_open },
	{ "netlink", ".....", 'n', 1, lower_netlink },
	{ "diag", "n....", 0, 2, lower_diag },
	{ "itimer", ".....", 0, 1, lower_itimer },
	{ "mprotect", ".....", 0, 1, lower_mprotect },
	{ "unshare", ".....", 0, 1, lower_unshare },
	{ "fork", ".....", 0, 1, lower_fork },
};

const unsigned int nr_calls = ARRAY_SIZE(calls);

/**
 * lower() - what a step of a program asks the kernel
 * @l: filled
 * @p: the program
 * @step: which
 */
void lower(struct lowered *l, const struct program *p, unsigned int step)
{
	const struct step *s = &p->step[step];

	memset(l, 0, sizeof(*l));
	calls[s->call].lower(l, PAGE_OF(step), s->arg);
}
