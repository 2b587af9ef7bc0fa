// SPDX-License-Identifier: GPL-2.0
/*
 * The families that kite perf compares, and how a pair of connected ends comes
 * about: in the same way for each of them, without socketpair(), which only two
 * of them have.
 */
#include <err.h>
#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <linux/vm_sockets.h>
#include <netinet/tcp.h>

#include "kite.h"
#include "perf.h"

const char *const type_names[TYPES] = { "stream", "seqpacket", "dgram" };

static const int type_numbers[TYPES] = { SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM };

static void kite_any(struct address *addr)
{
	addr->kite = (struct sockaddr_kite) {
		.skt_family = kite_family(),
		.skt_node = KITE_NODE_LOCAL,
		.skt_port = KITE_PORT_ANY,
	};
	addr->len = sizeof(addr->kite);
}

static int unix_domain(void)
{
	return AF_UNIX;
}

/* The family alone: the kernel picks an abstract name. */
static void unix_any(struct address *addr)
{
	addr->un.sun_family = AF_UNIX;
	addr->len = sizeof(addr->un.sun_family);
}

static int inet_domain(void)
{
	return AF_INET;
}

static void inet_any(struct address *addr)
{
	addr->in = (struct sockaddr_in) {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	addr->len = sizeof(addr->in);
}

static int vsock_domain(void)
{
	return AF_VSOCK;
}

static void vsock_any(struct address *addr)
{
	struct sockaddr_vm *vm = (struct sockaddr_vm *)&addr->storage;

	*vm = (struct sockaddr_vm) {
		.svm_family = AF_VSOCK,
		.svm_cid = VMADDR_CID_LOCAL,
		.svm_port = VMADDR_PORT_ANY,
	};
	addr->len = sizeof(*vm);
}

/* A counter: what is written to it is read from it. */
static int eventfd_pipe(int fd[2])
{
	fd[0] = eventfd(0, EFD_CLOEXEC);
	if (fd[0] < 0)
		return -1;
	fd[1] = dup(fd[0]);
	return fd[1] < 0 ? -1 : 0;
}

#define RECORD	(64 << 10)

const struct perf_family perf_families[] = {
	{ .name = "kite", .types = TYPE(STREAM) | TYPE(SEQPACKET) | TYPE(DGRAM),
	  .domain = kite_family_if_loaded, .any = kite_any, .longest = RECORD,
	  .drops = true },
	{ .name = "unix", .types = TYPE(STREAM) | TYPE(SEQPACKET) | TYPE(DGRAM),
	  .domain = unix_domain, .any = unix_any, .longest = RECORD },
	/* UDP takes 65507 bytes at most. */
	{ .name = "inet", .types = TYPE(STREAM) | TYPE(DGRAM),
	  .domain = inet_domain, .any = inet_any, .longest = RECORD / 2,
	  .drops = true },
	{ .name = "vsock", .types = TYPE(STREAM) | TYPE(SEQPACKET),
	  .domain = vsock_domain, .any = vsock_any, .longest = RECORD },
	{ .name = "pipe", .types = TYPE(STREAM), .pipe = pipe },
	{ .name = "eventfd", .types = TYPE(STREAM), .pipe = eventfd_pipe, .fixed = 8 },
};

const size_t perf_nr_families = ARRAY_SIZE(perf_families);

static void connect_pair(const struct perf_family *f, enum perf_type type, int fd[2])
{
	struct address addr;
	int listener;

	listener = perf_listener(f, type, &addr);
	fd[0] = perf_socket(f, type);
	perf_connect(f, fd[0], &addr);
	fd[1] = accept(listener, NULL, NULL);
	if (fd[1] < 0)
		err(1, "%s %s: accept", f->name, type_names[type]);
	close(listener);
}

static void dgram_pair(const struct perf_family *f, int fd[2])
{
	struct address addr[2];

	for (int i = 0; i < 2; i++)
		fd[i] = perf_bound(f, DGRAM, &addr[i]);
	for (int i = 0; i < 2; i++)
		perf_connect(f, fd[i], &addr[!i]);
}

/* TCP waits for more by default; everybody who cares about latency says no. */
static void do_not_wait(const struct perf_family *f, enum perf_type type, int fd)
{
	int one = 1;

	if (f->domain == inet_domain && type == STREAM &&
	    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)))
		err(1, "TCP_NODELAY");
}

int perf_socket(const struct perf_family *f, enum perf_type type)
{
	int fd = socket(f->domain(), type_numbers[type], 0);

	if (fd < 0)
		err(1, "%s %s: socket", f->name, type_names[type]);
	return fd;
}

int perf_bound(const struct perf_family *f, enum perf_type type,
	       struct address *addr)
{
	int fd = perf_socket(f, type);

	memset(addr, 0, sizeof(*addr));
	f->any(addr);
	if (bind(fd, &addr->sa, addr->len))
		err(1, "%s %s: bind", f->name, type_names[type]);
	addr->len = sizeof(addr->storage);
	if (getsockname(fd, &addr->sa, &addr->len))
		err(1, "%s %s: getsockname", f->name, type_names[type]);
	return fd;
}

int perf_listener(const struct perf_family *f, enum perf_type type,
		  struct address *addr)
{
	int fd = perf_bound(f, type, addr);

	if (listen(fd, 128))
		err(1, "%s %s: listen", f->name, type_names[type]);
	return fd;
}

void perf_connect(const struct perf_family *f, int fd, const struct address *addr)
{
	if (connect(fd, &addr->sa, addr->len))
		err(1, "%s: connect", f->name);
}

/* Whether the family has that type, on this machine. */
bool perf_has(const struct perf_family *f, enum perf_type type)
{
	struct address addr;
	int fd, bad;

	if (!(f->types & TYPE(type)))
		return false;
	if (!f->domain)
		return true;
	if (f->domain() < 0)
		return false;
	fd = socket(f->domain(), type_numbers[type], 0);
	if (fd < 0)
		return false;
	/* vsock is there without its loopback, but then nothing can be reached. */
	memset(&addr, 0, sizeof(addr));
	f->any(&addr);
	bad = bind(fd, &addr.sa, addr.len);
	close(fd);
	return !bad;
}

void open_pair(const struct perf_family *f, enum perf_type type, struct pair *p)
{
	int fd[2];

	if (f->pipe) {
		for (int i = 0; i < 2; i++) {
			if (f->pipe(fd))
				err(1, "%s", f->name);
			p->out[i] = fd[1];
			p->in[!i] = fd[0];
		}
		return;
	}
	if (type == DGRAM)
		dgram_pair(f, fd);
	else
		connect_pair(f, type, fd);
	for (int i = 0; i < 2; i++) {
		do_not_wait(f, type, fd[i]);
		p->out[i] = fd[i];
		p->in[i] = fd[i];
	}
}

void close_pair(const struct pair *p)
{
	for (int i = 0; i < 2; i++) {
		close(p->out[i]);
		if (p->in[i] != p->out[i])
			close(p->in[i]);
	}
}
