// SPDX-License-Identifier: GPL-2.0
/*
 * Ports. Those that nobody asked for are taken from where IP takes them, and not
 * from where Kite does, whose free ports do not fit into sin_port.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

#include "preload.h"

/* When the two addresses of a connection are in use, a port was let go of lately. */
#define CONNECT_TRIES	64

/* IP's, from net.ipv4.ip_local_port_range. */
static unsigned int port_first = 32768, port_count = 28232;

__attribute__((constructor))
static void port_read_range(void)
{
	FILE *f = config()->family ?
		  fopen("/proc/sys/net/ipv4/ip_local_port_range", "re") : NULL;
	unsigned int first, last;

	if (!f)
		return;
	if (fscanf(f, "%u %u", &first, &last) == 2 && first && first <= last &&
	    last <= UINT16_MAX) {
		port_first = first;
		port_count = last - first + 1;
	}
	fclose(f);
}

/* In turn, as Kite does it, from somewhere: a port just left does not come back. */
static unsigned int port_next(void)
{
	static unsigned int start, turn;
	unsigned int random = 0, none = 0;

	if (!__atomic_load_n(&start, __ATOMIC_RELAXED)) {
		if (getrandom(&random, sizeof(random), GRND_NONBLOCK) < 0)
			random = getpid();
		/* Whoever comes first. */
		__atomic_compare_exchange_n(&start, &none, random | 1, false,
					    __ATOMIC_RELAXED, __ATOMIC_RELAXED);
	}
	return port_first + (__atomic_load_n(&start, __ATOMIC_RELAXED) +
			     __atomic_fetch_add(&turn, 1, __ATOMIC_RELAXED)) % port_count;
}

/**
 * port_autobind - bind a socket, if it is not, to a free port that fits into sin_port
 * @fd: a Kite socket
 * @tag: what it stands for; its host says where it is bound
 * @node: and to this node, or KITE_NODE_ANY
 *
 * Return: 0, or -1 and errno.
 */
int port_autobind(int fd, struct tag *tag, uint32_t node)
{
	struct sockaddr_kite kite = { .skt_family = config()->family, .skt_node = node };
	int saved = errno;

	if (tag->bound || tag->kind == KIND_VSOCK)
		return 0;
	for (unsigned int i = 0; i < port_count; i++) {
		kite.skt_port = port_next();
		/* EINVAL: another thread was faster. */
		if (!REAL(bind)(fd, (struct sockaddr *)&kite, sizeof(kite)) ||
		    errno == EINVAL) {
			errno = saved;
			tag->bound = true;
			return tag_set(fd, tag) ? 0 : -1;
		}
		if (errno != EADDRINUSE)
			return -1;
	}
	return -1;
}

static bool tag_is_v4(const struct tag *tag)
{
	return tag->kind == KIND_V4 || tag->kind == KIND_V6_MAPPED;
}

/*
 * Would IP let both have one port, and can they? Kite has but one space of ports for
 * all addresses of a family: 127.0.0.1 and 127.0.0.2 are one.
 */
static bool port_agree(const struct tag *a, const struct tag *b)
{
	if (tag_is_v4(a) == tag_is_v4(b))
		return false;
	if (tag_is_v4(a))
		return b->host || b->v6only;
	return a->host || a->v6only;
}

static void port_share(int fd)
{
	int yes = 1;

	REAL(setsockopt)(fd, SOL_KITE, SO_REUSEPORT, &yes, sizeof(yes));
}

static bool port_is_at(int fd, const struct sockaddr_kite *kite)
{
	union address own;
	socklen_t len = sizeof(own);

	return !REAL(getsockname)(fd, &own.any, &len) &&
	       own.kite.skt_port == kite->skt_port;
}

/*
 * A port that this program has already: would IP have let it have both? It may listen
 * at 127.0.0.1 and at ::1, or at 0.0.0.0 and, for IPv6 only, at ::.
 */
static bool port_agrees_own(int fd, const struct tag *tag,
			    const struct sockaddr_kite *kite, bool dgram)
{
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *entry;
	bool agrees = false;
	struct tag other;

	while (dir && (entry = readdir(dir))) {
		int theirs = atoi(entry->d_name);

		if (entry->d_name[0] == '.' || theirs == fd ||
		    !tag_get(theirs, &other) || other.kind == KIND_VSOCK ||
		    socket_is_dgram(theirs) != dgram || !port_is_at(theirs, kite) ||
		    socket_is_connected(theirs))
			continue;
		agrees = port_agree(tag, &other);
		if (!agrees)
			break;
		if (dgram)
			port_share(theirs);
	}
	if (dir)
		closedir(dir);
	return agrees;
}

/* Datagram sockets share the port, and who sends reaches one of them. */
static int port_bind_beside(int fd, const struct tag *tag, const struct sockaddr_kite *kite)
{
	bool dgram = socket_is_dgram(fd);
	struct sockaddr_kite alias = *kite;

	if (!port_agrees_own(fd, tag, kite, dgram)) {
		errno = EADDRINUSE;
		return -1;
	}
	if (dgram)
		port_share(fd);
	else if (kite->skt_port <= UINT16_MAX)
		alias.skt_port |= tag_is_v4(tag) ? ALIAS_V4 : ALIAS_V6;
	return REAL(bind)(fd, (struct sockaddr *)&alias, sizeof(alias));
}

/* Binds to just that port. */
static int port_bind_fixed(int fd, struct tag *tag, const struct sockaddr_kite *kite)
{
	int err = REAL(bind)(fd, (const struct sockaddr *)kite, sizeof(*kite));

	if (err && errno == EADDRINUSE)
		err = port_bind_beside(fd, tag, kite);
	if (err)
		return -1;
	tag->bound = true;
	return tag_set(fd, tag) ? 0 : -1;
}

/**
 * port_bind - bind a Kite socket as the program asks for
 * @fd: the socket, not bound yet
 * @tag: what it stands for
 * @name: the address
 *
 * Return: 0, or -1 and errno as bind() has it.
 */
int port_bind(int fd, const struct tag *tag, const struct name *name)
{
	struct tag bound = *tag;
	struct sockaddr_kite kite;

	bound.host = name->host;
	if (bound.kind != KIND_V4)
		bound.kind = name->mapped || name->host > HOST_LOOPBACK ?
			     KIND_V6_MAPPED : KIND_V6;
	name_to_kite(&kite, name, true);
	if (kite.skt_port)
		return port_bind_fixed(fd, &bound, &kite);
	return port_autobind(fd, &bound, kite.skt_node);
}

static int port_try(int fd, const struct sockaddr_kite *to)
{
	int err = REAL(connect)(fd, (const struct sockaddr *)to, sizeof(*to));

	/* As AF_VSOCK, Kite says it with the words of that. */
	if (err && errno == ECONNRESET)
		errno = ECONNREFUSED;
	return err;
}

static int port_try_both(int fd, const struct tag *tag, const struct sockaddr_kite *to)
{
	struct sockaddr_kite alias = *to;

	/* There it is a reset that says that nobody listens. */
	if (tag->kind == KIND_VSOCK) {
		int err = REAL(connect)(fd, (const struct sockaddr *)to, sizeof(*to));

		if (err && errno == ECONNREFUSED)
			errno = ECONNRESET;
		return err;
	}
	if (to->skt_port <= UINT16_MAX && !socket_is_dgram(fd)) {
		alias.skt_port |= tag_is_v4(tag) ? ALIAS_V4 : ALIAS_V6;
		if (!port_try(fd, &alias))
			return 0;
		if (errno != ECONNREFUSED)
			return -1;
	}
	return port_try(fd, to);
}

/**
 * port_connect - connect a Kite socket, from a port that fits into sin_port
 * @fd: the socket, bound or not
 * @tag: what it stands for
 * @to: where to
 *
 * The two addresses of a connection may be in use, when a port was let go of by this
 * side and not yet by the other. Then it takes another port, and therefore another
 * socket.
 *
 * Return: 0, or -1 and errno as connect() has it.
 */
int port_connect(int fd, struct tag *tag, const struct sockaddr_kite *to)
{
	for (int i = 0; i < CONNECT_TRIES; i++) {
		bool ours = !tag->bound;

		if (port_autobind(fd, tag, KITE_NODE_ANY)) {
			errno = errno == EADDRINUSE ? EADDRNOTAVAIL : errno;
			return -1;
		}
		if (!port_try_both(fd, tag, to))
			return 0;
		if (errno != EADDRNOTAVAIL || !ours)
			return -1;
		if (!native_renew(fd, tag))
			return -1;
	}
	return -1;
}
