// SPDX-License-Identifier: GPL-2.0
/* The families that the tests run against: see family.h. */

#include <arpa/inet.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>

#include <linux/vm_sockets.h>

#include "family.h"
#include "util.h"

/* What SO_SNDBUF and SO_RCVBUF are set to in small_pair(). */
#define SMALL_BUFFER	16384

/* Kite */

static int kite_domain(void)
{
	static int domain;
	FILE *f;

	if (domain)
		return domain;
	f = fopen("/sys/module/kite/parameters/family", "re");
	if (!f || fscanf(f, "%d", &domain) != 1)
		domain = AF_KITE;
	if (f)
		fclose(f);
	return domain;
}

static const char *kite_missing(void)
{
	int fd;

	/* The number alone proves nothing: somebody else may hold it. */
	if (access("/sys/module/kite", F_OK))
		return "kite.ko is not loaded";
	fd = socket(kite_domain(), SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return "kite.ko is loaded, but makes no stream sockets";
	close(fd);
	return NULL;
}

void kite_address(struct address *addr, unsigned int port, unsigned int node)
{
	memset(addr, 0, sizeof(*addr));
	addr->kite.skt_family = kite_domain();
	addr->kite.skt_port = port;
	addr->kite.skt_node = node;
	addr->len = sizeof(addr->kite);
}

static void kite_any(struct address *addr)
{
	kite_address(addr, KITE_PORT_ANY, KITE_NODE_LOCAL);
}

static void kite_elsewhere(struct address *addr)
{
	kite_address(addr, KITE_PORT_ANY, 77);
}

const struct family family_kite = {
	.name = "kite",
	.domain = kite_domain,
	.missing = kite_missing,
	.any = kite_any,
	.elsewhere = kite_elsewhere,
};

/* AF_UNIX, with abstract names: nothing is left in the file system. */

static int unix_domain(void)
{
	return AF_UNIX;
}

/* Of one place in the kernel's core KCSAN tells once: it should be on Kite's behalf. */
const char *kite_alone(void)
{
	return getenv("KITE_TEST_ALONE") ? "only Kite is to be tested" : NULL;
}

static void unix_any(struct address *addr)
{
	memset(addr, 0, sizeof(*addr));
	addr->un.sun_family = AF_UNIX;
	addr->len = sizeof(addr->un.sun_family);
}

const struct family family_unix = {
	.name = "unix",
	.domain = unix_domain,
	.missing = kite_alone,
	.any = unix_any,
};

/* TCP over IPv4 loopback */

static int inet_domain(void)
{
	return AF_INET;
}

/* On one CPU all the time: see settle(). */
static const char *inet_missing(void)
{
	cpu_set_t cpu;

	if (kite_alone())
		return kite_alone();
	CPU_ZERO(&cpu);
	CPU_SET(sched_getcpu(), &cpu);
	sched_setaffinity(0, sizeof(cpu), &cpu);
	return loopback_up() ? "the loopback interface cannot be set up" : NULL;
}

void inet_address(struct address *addr, unsigned int port, unsigned int host)
{
	memset(addr, 0, sizeof(*addr));
	addr->in.sin_family = AF_INET;
	addr->in.sin_port = htons(port);
	addr->in.sin_addr.s_addr = htonl(host);
	addr->len = sizeof(addr->in);
}

static void inet_any(struct address *addr)
{
	inet_address(addr, 0, INADDR_LOOPBACK);
}

/* 192.0.2.1 is for documentation: nobody has it. */
static void inet_elsewhere(struct address *addr)
{
	inet_address(addr, 0, 0xc0000201);
}

const struct family family_inet = {
	.name = "inet",
	.domain = inet_domain,
	.missing = inet_missing,
	.any = inet_any,
	.elsewhere = inet_elsewhere,
};

/*
 * Does a socket know its peer as a socket, or only by its packets? With TCP it
 * is packets, and so it is with kite.ko's parameter direct=0.
 */
bool peer_is_known(const struct family *f)
{
	FILE *file;
	int c = 'Y';

	if (!is_kite(f))
		return is_unix(f);
	file = fopen("/sys/module/kite/parameters/direct", "re");
	if (file) {
		c = fgetc(file);
		fclose(file);
	}
	return c == 'Y';
}

/* Where SO_REUSEPORT and SO_ZEROCOPY are for every kernel. */
int option_level(const struct family *f)
{
	return is_kite(f) ? SOL_KITE : SOL_SOCKET;
}

/*
 * What connect() says where nobody listens. With AF_VSOCK's number, kite.ko says
 * what AF_VSOCK says, since that is what AF_VSOCK's programs look for.
 */
int refusal(const struct family *f)
{
	return f->domain() == AF_VSOCK ? ECONNRESET : ECONNREFUSED;
}

/* How many sockets there are, and whatever else keeps kite.ko from being unloaded. */
int module_users(void)
{
	FILE *file = fopen("/sys/module/kite/refcnt", "re");
	int n = -1;

	if (!file)
		return -1;
	if (fscanf(file, "%d", &n) != 1)
		n = -1;
	fclose(file);
	return n;
}

/* Addresses of sockets */

int bind_to(int fd, const struct address *addr)
{
	return ERR(bind(fd, &addr->sa, addr->len));
}

int connect_to(int fd, const struct address *addr)
{
	return ERR(connect(fd, &addr->sa, addr->len));
}

/* It does not give up before the test does. As AF_VSOCK it would, after two seconds. */
void async_connect(struct async *a, int fd, const struct address *addr)
{
	static const long long hour[2] = { 3600, 0 };

	if (addr->sa.sa_family == AF_VSOCK)
		setsockopt(fd, AF_VSOCK, SO_VM_SOCKETS_CONNECT_TIMEOUT_NEW, hour,
			   sizeof(hour));
	async_call(a, SYS_connect, fd, (long)&addr->sa, addr->len, 0);
}

int name_of(int fd, struct address *addr)
{
	memset(addr, 0, sizeof(*addr));
	addr->len = sizeof(addr->storage);
	return ERR(getsockname(fd, &addr->sa, &addr->len));
}

int peer_of(int fd, struct address *addr)
{
	memset(addr, 0, sizeof(*addr));
	addr->len = sizeof(addr->storage);
	return ERR(getpeername(fd, &addr->sa, &addr->len));
}

bool same_address(const struct address *a, const struct address *b)
{
	return a->len == b->len && !memcmp(&a->storage, &b->storage, a->len);
}

/* 0 for a family that has no ports. */
unsigned int port_of(const struct address *addr)
{
	switch (addr->sa.sa_family) {
	case AF_INET:
		return ntohs(addr->in.sin_port);
	case AF_UNIX:
		return 0;
	default:
		return addr->kite.skt_port;
	}
}

/*
 * Wait until what was sent has arrived. The packets of UDP and TCP are in a queue of the
 * CPU, which a softirq empties: at once as a rule, but as a thread when it has been at it
 * for long. Thus one that is sent now comes after them; and after that come the answer
 * to a SYN, and the answer to that.
 */
void settle(const struct family *f)
{
	struct address addr;
	int fd, i;
	char c;

	if (!is_inet(f))
		return;
	fd = socket_at(f, SOCK_DGRAM, &addr);
	for (i = 0; i < 3; i++)
		if (connect_to(fd, &addr) || send(fd, "x", 1, 0) != 1 ||
		    recv(fd, &c, 1, 0) != 1)
			break;
	close(fd);
}

/* Sockets: a file descriptor, or the error as a negative number. */

int stream_socket(const struct family *f)
{
	return ERR(socket(f->domain(), SOCK_STREAM | SOCK_CLOEXEC, 0));
}

static int close_after(int fd, int err)
{
	close(fd);
	return err;
}

/* A socket of a type with a port of its own; @addr is where it is. */
int socket_at(const struct family *f, int type, struct address *addr)
{
	int fd = ERR(socket(f->domain(), type | SOCK_CLOEXEC, 0)), err;

	if (fd < 0)
		return fd;
	f->any(addr);
	err = bind_to(fd, addr);
	if (!err)
		err = name_of(fd, addr);
	return err ? close_after(fd, err) : fd;
}

int bound_socket(const struct family *f, struct address *addr)
{
	return socket_at(f, SOCK_STREAM, addr);
}

/* A listener whose children have a receive buffer of @rcvbuf, if not 0. */
int listener_with(const struct family *f, int backlog, int rcvbuf,
		  struct address *addr)
{
	int fd = bound_socket(f, addr), err = 0;

	if (fd < 0)
		return fd;
	if (rcvbuf)
		err = set_int_option(fd, SOL_SOCKET, SO_RCVBUF, rcvbuf);
	if (!err)
		err = ERR(listen(fd, backlog));
	return err ? close_after(fd, err) : fd;
}

int listener(const struct family *f, int backlog, struct address *addr)
{
	return listener_with(f, backlog, 0, addr);
}

/* An address where nobody is: it was free a moment ago. */
int unused_address(const struct family *f, struct address *addr)
{
	int fd = bound_socket(f, addr);

	return fd < 0 ? fd : close_after(fd, 0);
}

/* A socket connected to @addr. */
int connector(const struct family *f, const struct address *addr)
{
	int fd = stream_socket(f), err;

	if (fd < 0)
		return fd;
	err = connect_to(fd, addr);
	return err ? close_after(fd, err) : fd;
}

static int set_buffers(int fd, int size)
{
	int err = set_int_option(fd, SOL_SOCKET, SO_SNDBUF, size);

	return err ?: set_int_option(fd, SOL_SOCKET, SO_RCVBUF, size);
}

/* A connection with buffers of @bufsize, if not 0: the connector, the child. */
int connected_pair_with(const struct family *f, int bufsize, int fd[2])
{
	struct address addr;
	int l, err = 0;

	/* A receive buffer set after the handshake is too late for TCP. */
	l = listener_with(f, 1, bufsize, &addr);
	if (l < 0)
		return l;
	fd[0] = stream_socket(f);
	if (fd[0] < 0)
		return close_after(l, fd[0]);
	if (bufsize)
		err = set_buffers(fd[0], bufsize);
	if (!err)
		err = connect_to(fd[0], &addr);
	if (!err) {
		fd[1] = ERR(accept4(l, NULL, NULL, SOCK_CLOEXEC));
		if (fd[1] < 0)
			err = fd[1];
		else if (bufsize)
			err = set_buffers(fd[1], bufsize);
	}
	if (err)
		close(fd[0]);
	return close_after(l, err);
}

int connected_pair(const struct family *f, int fd[2])
{
	return connected_pair_with(f, 0, fd);
}

/*
 * Two sockets of a type that are connected by their addresses, not a socketpair.
 * Of datagram sockets, only the first knows the other.
 */
int typed_pair(const struct family *f, int type, int fd[2])
{
	struct address addr, own;
	int l, err;

	l = socket_at(f, type, &addr);
	if (l < 0)
		return l;
	fd[1] = l;
	err = type == SOCK_DGRAM ? 0 : ERR(listen(l, 1));
	fd[0] = err ?: socket_at(f, type, &own);
	if (fd[0] < 0)
		return close_after(l, fd[0]);
	err = connect_to(fd[0], &addr);
	if (err || type == SOCK_DGRAM)
		return err;
	fd[1] = ERR(accept4(l, NULL, NULL, SOCK_CLOEXEC));
	return close_after(l, fd[1] < 0 ? fd[1] : 0);
}

int small_pair(const struct family *f, int fd[2])
{
	return connected_pair_with(f, SMALL_BUFFER, fd);
}

/* A socket of any type, with an address where others reach it. */
static int reachable_socket(const struct family *f, int type, struct address *addr)
{
	int fd = ERR(socket(f->domain(), type | SOCK_CLOEXEC, 0)), err;

	if (fd < 0)
		return fd;
	f->any(addr);
	err = bind_to(fd, addr) ?: name_of(fd, addr);
	if (err)
		return close_after(fd, err);
	if (is_kite(f))
		kite_address(addr, port_of(addr), KITE_NODE_LOCAL);
	return fd;
}

static int dgram_pair(const struct family *f, int fd[2])
{
	struct address addr[2];
	int i, err = 0;

	for (i = 0; i < 2; i++) {
		fd[i] = reachable_socket(f, SOCK_DGRAM, &addr[i]);
		if (fd[i] < 0)
			return fd[i];
	}
	for (i = 0; i < 2 && !err; i++)
		err = connect_to(fd[i], &addr[!i]);
	return err;
}

/*
 * Two sockets of any type that send to each other. Not a socketpair where there
 * is another way, since one of Kite's never sends packets.
 */
int pair_of_type(const struct family *f, int type, int fd[2])
{
	struct address addr;
	int l, err;

	if (is_unix(f))
		return ERR(socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, fd));
	if (type == SOCK_DGRAM)
		return dgram_pair(f, fd);
	l = reachable_socket(f, type, &addr);
	if (l < 0)
		return l;
	fd[0] = ERR(socket(f->domain(), type | SOCK_CLOEXEC, 0));
	err = ERR(listen(l, 1)) ?: connect_to(fd[0], &addr);
	if (!err) {
		fd[1] = ERR(accept4(l, NULL, NULL, SOCK_CLOEXEC));
		err = fd[1] < 0 ? fd[1] : 0;
	}
	return close_after(l, err);
}

/*
 * Send the pattern until nothing more fits: the number of bytes, or an error.
 * TCP finds room again when acknowledgements arrive, so there "nothing" means
 * nothing for as long as they may be delayed. So may be a packet for which there was
 * no memory.
 */
ssize_t fill(const struct family *f, int fd)
{
	bool delayed = is_inet(f) || (calls_fail() && !peer_is_known(f));
	int patience = delayed ? 12 : 0, refused = 0;
	static char buf[16384];
	ssize_t done = 0, ret;

	for (;;) {
		pattern_fill(buf, sizeof(buf), done);
		ret = ERR(send(fd, buf, sizeof(buf), MSG_DONTWAIT | MSG_NOSIGNAL));
		if (ret > 0) {
			done += ret;
			refused = 0;
			continue;
		}
		if (ret != -EAGAIN)
			return ret;
		if (refused++ == patience)
			return done;
		usleep(20000);
	}
}
