// SPDX-License-Identifier: GPL-2.0
/*
 * The calls that make sockets and give them addresses.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/time.h>
#include <stdarg.h>
#include <unistd.h>

#include <linux/sockios.h>

#include "preload.h"

/* Has this process ever had a peer that is not 127.0.0.1? */
static bool odd_peer;

/* How long a connect waits for a listener that has no room, with O_NONBLOCK. */
#define CONNECT_SECONDS	5

/* Is it what Kite can stand for? */
static bool wanted(int domain, int type, int protocol, struct tag *tag)
{
	*tag = (struct tag){ .kind = domain == AF_INET6 ? KIND_V6 : KIND_V4 };
	type &= ~(SOCK_NONBLOCK | SOCK_CLOEXEC);
	switch (domain) {
	case AF_INET:
	case AF_INET6:
		return (type == SOCK_STREAM && (!protocol || protocol == IPPROTO_TCP)) ||
		       (type == SOCK_DGRAM && (!protocol || protocol == IPPROTO_UDP));
	case AF_VSOCK:
		tag->kind = KIND_VSOCK;
		return config()->family != AF_VSOCK &&
		       (!protocol || protocol == AF_VSOCK) &&
		       (type == SOCK_STREAM || type == SOCK_SEQPACKET ||
			type == SOCK_DGRAM);
	default:
		return false;
	}
}

REPLACES int socket(int domain, int type, int protocol)
{
	struct tag tag;
	int fd;

	if (!config()->family || !wanted(domain, type, protocol, &tag))
		return REAL(socket)(domain, type, protocol);
	fd = REAL(socket)(config()->family, type, 0);
	/* The module was unloaded. */
	if (fd < 0 && errno == EAFNOSUPPORT)
		return REAL(socket)(domain, type, protocol);
	if (fd >= 0 && !tag_set(fd, &tag)) {
		close(fd);
		return REAL(socket)(domain, type, protocol);
	}
	return fd;
}

static int bind_vsock(int fd, struct tag *tag, const struct sockaddr *addr,
		      socklen_t len)
{
	struct sockaddr_kite kite;

	switch (vsock_parse(&kite, addr, len)) {
	case PLACE_HERE:
		tell("bind", fd, tag, &kite);
		return REAL(bind)(fd, (struct sockaddr *)&kite, sizeof(kite));
	case PLACE_ELSEWHERE:
		return native_become(fd, tag) ? REAL(bind)(fd, addr, len) : -1;
	default:
		return -1;
	}
}

/* As IPv4 has it, since there were programs that forgot the family. */
static const struct sockaddr *bind_unspec(const struct tag *tag,
					  const struct sockaddr *addr, socklen_t len,
					  struct sockaddr_in *fixed)
{
	if (tag->kind != KIND_V4 || !addr || len < sizeof(*fixed) ||
	    addr->sa_family != AF_UNSPEC)
		return addr;
	*fixed = *(const struct sockaddr_in *)addr;
	if (fixed->sin_addr.s_addr == INADDR_ANY)
		fixed->sin_family = AF_INET;
	return (struct sockaddr *)fixed;
}

REPLACES int bind(int fd, __CONST_SOCKADDR_ARG addr, socklen_t len)
{
	const struct sockaddr *program;
	struct sockaddr_in fixed;
	struct sockaddr_kite kite;
	socklen_t size = sizeof(kite);
	struct name name;
	struct tag tag;

	if (!tag_get(fd, &tag))
		return REAL(bind)(fd, addr, len);
	if (tag.kind == KIND_VSOCK)
		return bind_vsock(fd, &tag, addr.__sockaddr__, len);
	program = bind_unspec(&tag, addr.__sockaddr__, len, &fixed);
	switch (name_parse(&name, &tag, program, len, false)) {
	case PLACE_HERE:
		break;
	case PLACE_ELSEWHERE:
		if (tag.bound)
			break;
		return native_become(fd, &tag) ? REAL(bind)(fd, addr, len) : -1;
	default:
		return -1;
	}
	if (tag.bound) {
		errno = EINVAL;
		return -1;
	}
	if (port_bind(fd, &tag, &name) ||
	    REAL(getsockname)(fd, (struct sockaddr *)&kite, &size))
		return -1;
	tell("bind", fd, &tag, &kite);
	return 0;
}

REPLACES int listen(int fd, int backlog)
{
	struct tag tag;

	if (tag_get(fd, &tag) && !tag.bound && !socket_is_dgram(fd) &&
	    port_autobind(fd, &tag, KITE_NODE_ANY))
		return -1;
	return REAL(listen)(fd, backlog);
}

/*
 * A listener whose queue is full says EAGAIN where TCP would go on trying, which is
 * not what programs expect of connect. So it waits, but not for ever: it may be this
 * very thread that should accept.
 */
static int connect_waiting(int fd, struct tag *tag, const struct sockaddr_kite *kite)
{
	struct timeval limit = { .tv_sec = CONNECT_SECONDS }, old = { 0 };
	socklen_t len = sizeof(old);
	int flags = fcntl(fd, F_GETFL), err;

	if (flags < 0 || !(flags & O_NONBLOCK) || socket_is_dgram(fd)) {
		errno = ETIMEDOUT;
		return -1;
	}
	REAL(getsockopt)(fd, SOL_SOCKET, SO_SNDTIMEO, &old, &len);
	REAL(setsockopt)(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	fcntl(fd, F_SETFL, flags & ~O_NONBLOCK);
	err = port_connect(fd, tag, kite);
	if (err && errno == EAGAIN)
		errno = ETIMEDOUT;
	/* Neither touches errno, for neither fails. */
	fcntl(fd, F_SETFL, flags);
	REAL(setsockopt)(fd, SOL_SOCKET, SO_SNDTIMEO, &old, sizeof(old));
	return err;
}

static int connect_kite(int fd, struct tag *tag, const struct sockaddr_kite *kite)
{
	int err = port_connect(fd, tag, kite);

	if (err && errno == EAGAIN)
		err = connect_waiting(fd, tag, kite);
	if (!err || errno == EINPROGRESS)
		tell("connect", fd, tag, kite);
	return err;
}

static int connect_name(int fd, struct tag *tag, const struct name *name)
{
	struct sockaddr_kite kite;

	/* The local address will be of the same kind as the peer's. */
	if (tag->kind != KIND_V4 && !tag->host) {
		enum kind kind = name->mapped ? KIND_V6_MAPPED : KIND_V6;

		if (kind != tag->kind) {
			tag->kind = kind;
			if (!tag_set(fd, tag))
				return -1;
		}
	}
	if (name->host > HOST_LOOPBACK) {
		__atomic_store_n(&odd_peer, true, __ATOMIC_RELAXED);
		memory_add(fd, LEVEL_OWN, OWN_PEER, &name->host, sizeof(name->host));
	}
	name_to_kite(&kite, name, false);
	return connect_kite(fd, tag, &kite);
}

/* Elsewhere; but what is connected or listens is Kite's for good. */
static int connect_native(int fd, const struct tag *tag, const struct sockaddr *addr,
			  socklen_t len)
{
	int listens = 0;
	socklen_t size = sizeof(listens);

	REAL(getsockopt)(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size);
	if (listens || (!socket_is_dgram(fd) && socket_is_connected(fd))) {
		errno = EISCONN;
		return -1;
	}
	return native_become(fd, tag) ? REAL(connect)(fd, addr, len) : -1;
}

/* To no address: no peer any more. Kite has it for datagrams. */
static int connect_unspec(int fd, struct tag *tag, const struct sockaddr *addr,
			  socklen_t len)
{
	if (socket_is_dgram(fd))
		return REAL(connect)(fd, addr, len);
	return native_renew(fd, tag) ? 0 : -1;
}

REPLACES int connect(int fd, __CONST_SOCKADDR_ARG addr, socklen_t len)
{
	const struct sockaddr *program = addr.__sockaddr__;
	struct sockaddr_kite kite;
	struct name name = { 0 };
	enum place place;
	struct tag tag;

	if (!tag_get(fd, &tag))
		return REAL(connect)(fd, addr, len);
	if (tag.kind != KIND_VSOCK && program && len >= sizeof(program->sa_family) &&
	    program->sa_family == AF_UNSPEC)
		return connect_unspec(fd, &tag, program, len);
	if (tag.kind == KIND_VSOCK)
		place = vsock_parse(&kite, program, len);
	else
		place = name_parse(&name, &tag, program, len, socket_is_dgram(fd));
	if (place == PLACE_ELSEWHERE)
		return connect_native(fd, &tag, program, len);
	if (place == PLACE_WRONG)
		return -1;
	return tag.kind == KIND_VSOCK ? connect_kite(fd, &tag, &kite) :
					connect_name(fd, &tag, &name);
}

/* Many addresses are this machine; the program is told the one it asked for. */
static void recall_peer(int fd, struct tag *tag)
{
	socklen_t len = sizeof(tag->host);

	tag->host = 0;
	if (__atomic_load_n(&odd_peer, __ATOMIC_RELAXED))
		memory_get(fd, LEVEL_OWN, OWN_PEER, &tag->host, &len);
}

/* An address that the kernel gave, as the program is to have it. */
static int give(int fd, struct sockaddr *to, socklen_t *room, const union address *from,
		socklen_t len, bool local)
{
	union address native;
	struct tag tag;

	if (len && from->any.sa_family == config()->family && tag_get(fd, &tag)) {
		if (!local)
			recall_peer(fd, &tag);
		len = name_from_kite(&native, &tag, &from->kite, local);
		from = &native;
	}
	return address_give(to, room, from, len);
}

static int accepted(int fd, struct sockaddr *to, socklen_t *room,
		    const union address *from, socklen_t len)
{
	int saved;

	if (fd < 0 || !give(fd, to, room, from, len, false))
		return fd;
	saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

REPLACES int accept(int fd, __SOCKADDR_ARG addr, socklen_t *restrict room)
{
	union address from = { 0 };
	socklen_t len = sizeof(from);

	if (!addr.__sockaddr__)
		return REAL(accept)(fd, addr, room);
	fd = REAL(accept)(fd, &from.any, &len);
	return accepted(fd, addr.__sockaddr__, room, &from, len);
}

REPLACES int accept4(int fd, __SOCKADDR_ARG addr, socklen_t *restrict room, int flags)
{
	union address from = { 0 };
	socklen_t len = sizeof(from);

	if (!addr.__sockaddr__)
		return REAL(accept4)(fd, addr, room, flags);
	fd = REAL(accept4)(fd, &from.any, &len, flags);
	return accepted(fd, addr.__sockaddr__, room, &from, len);
}

REPLACES int getsockname(int fd, __SOCKADDR_ARG addr, socklen_t *restrict room)
{
	union address own = { 0 };
	socklen_t len = sizeof(own);

	if (!addr.__sockaddr__ || REAL(getsockname)(fd, &own.any, &len))
		return REAL(getsockname)(fd, addr, room);
	return give(fd, addr.__sockaddr__, room, &own, len, true);
}

REPLACES int getpeername(int fd, __SOCKADDR_ARG addr, socklen_t *restrict room)
{
	union address peer = { 0 };
	socklen_t len = sizeof(peer);

	if (!addr.__sockaddr__ || REAL(getpeername)(fd, &peer.any, &len))
		return REAL(getpeername)(fd, addr, room);
	return give(fd, addr.__sockaddr__, room, &peer, len, false);
}

/* Of network devices, which only sockets of IP tell about. */
static bool ioctl_is_of_ip(unsigned long request)
{
	return request >= SIOCADDRT && request <= 0x89ff;
}

REPLACES int ioctl(int fd, unsigned long request, ...)
{
	struct tag tag;
	va_list args;
	int twin, err;
	void *arg;

	va_start(args, request);
	arg = va_arg(args, void *);
	va_end(args);
	if ((request != SIOCATMARK && !ioctl_is_of_ip(request)) || !tag_get(fd, &tag) ||
	    tag.kind == KIND_VSOCK)
		return REAL(ioctl)(fd, request, arg);
	/* There are no urgent data. */
	if (request == SIOCATMARK) {
		*(int *)arg = 0;
		return 0;
	}
	twin = native_twin(fd, &tag);
	if (twin < 0)
		return -1;
	err = REAL(ioctl)(twin, request, arg);
	close(twin);
	return err;
}
