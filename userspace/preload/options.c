// SPDX-License-Identifier: GPL-2.0
/*
 * Socket options. Those of the socket itself are Kite's, too. Those of IP, TCP and
 * UDP mean nothing to it; a socket of the family that the program asked for says
 * which of them there are, what they may be set to, and what they are.
 */
#include <errno.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "preload.h"

/* What TCP and UDP have over loopback. */
#define LOOPBACK_MTU	65536
#define LOOPBACK_MSS	65483

struct option {
	int level;
	int name;
};

static bool option_is_in(const struct option *list, size_t count, int level, int name)
{
	for (size_t i = 0; i < count; i++) {
		if (list[i].level == level && list[i].name == name)
			return true;
	}
	return false;
}

#define OPTION_IS_IN(list, level, name) \
	option_is_in(list, sizeof(list) / sizeof((list)[0]), level, name)

/* It could not be done without them, and programs can do without. */
static const struct option refused[] = {
	{ IPPROTO_TCP, TCP_ULP },
	{ IPPROTO_TCP, TCP_REPAIR },
	{ IPPROTO_TCP, TCP_MD5SIG },
	{ IPPROTO_TCP, TCP_MD5SIG_EXT },
	{ IPPROTO_TCP, TCP_ZEROCOPY_RECEIVE },
	{ IPPROTO_UDP, UDP_SEGMENT },
	{ IPPROTO_UDP, UDP_GRO },
	{ IPPROTO_UDP, UDP_ENCAP },
};

/* Who sets them means a network. */
static const struct option network[] = {
	{ IPPROTO_IP, IP_MULTICAST_IF },
	{ IPPROTO_IP, IP_ADD_MEMBERSHIP },
	{ IPPROTO_IP, IP_ADD_SOURCE_MEMBERSHIP },
	{ IPPROTO_IP, MCAST_JOIN_GROUP },
	{ IPPROTO_IP, MCAST_JOIN_SOURCE_GROUP },
	{ IPPROTO_IPV6, IPV6_MULTICAST_IF },
	{ IPPROTO_IPV6, IPV6_JOIN_GROUP },
	{ IPPROTO_IPV6, MCAST_JOIN_GROUP },
	{ IPPROTO_IPV6, MCAST_JOIN_SOURCE_GROUP },
};

/* Any number is right, and most connections have them: not worth a twin. */
static const struct option free_ones[] = {
	{ IPPROTO_TCP, TCP_NODELAY },
	{ IPPROTO_TCP, TCP_CORK },
};

/* They hold pointers, so that they cannot be set once more. */
static const struct option pointers[] = {
	{ SOL_SOCKET, SO_ATTACH_FILTER },
	{ SOL_SOCKET, SO_ATTACH_BPF },
	{ SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF },
	{ SOL_SOCKET, SO_ATTACH_REUSEPORT_EBPF },
};

/* Has somebody in this process ever asked for it? */
static bool pktinfo;

static bool option_is_pktinfo(int level, int name)
{
	return (level == IPPROTO_IP && name == IP_PKTINFO) ||
	       (level == IPPROTO_IPV6 && name == IPV6_RECVPKTINFO);
}

/**
 * options_pktinfo_used - has a program ever asked where to its datagrams came?
 *
 * Return: whether this process has.
 */
bool options_pktinfo_used(void)
{
	return __atomic_load_n(&pktinfo, __ATOMIC_RELAXED);
}

/**
 * options_want_pktinfo - has it asked that of a socket?
 * @fd: the socket
 * @level: IPPROTO_IP or IPPROTO_IPV6
 *
 * Return: whether it has.
 */
bool options_want_pktinfo(int fd, int level)
{
	return memory_has(fd, level,
			  level == IPPROTO_IP ? IP_PKTINFO : IPV6_RECVPKTINFO);
}

static int fails(int error)
{
	errno = error;
	return -1;
}

/* The port is Kite's matter, so the options that share ports are set there. */
static int set_shared(int fd, int name, const void *value, socklen_t len)
{
	if (name == SO_REUSEPORT || (name == SO_REUSEADDR && socket_is_dgram(fd)))
		return REAL(setsockopt)(fd, SOL_KITE, SO_REUSEPORT, value, len);
	return 0;
}

static int set_socket(int fd, const struct tag *tag, int name, const void *value,
		      socklen_t len)
{
	int err = 0;

	if (name == SO_BINDTODEVICE && value && len &&
	    (len < 2 || memcmp(value, "lo", len < 3 ? len : 3)))
		return native_become(fd, tag) ?
		       REAL(setsockopt)(fd, SOL_SOCKET, name, value, len) : -1;
	if (name == SO_INCOMING_CPU) {
		if (len < sizeof(int))
			return fails(EINVAL);
	} else if (name != SO_REUSEPORT) {
		err = REAL(setsockopt)(fd, SOL_SOCKET, name, value, len);
	}
	if (!err)
		err = set_shared(fd, name, value, len);
	if (!err && !OPTION_IS_IN(pointers, SOL_SOCKET, name))
		memory_add(fd, SOL_SOCKET, name, value, len);
	return err;
}

/* Would the other family take it? */
static int set_twin(int fd, const struct tag *tag, int level, int name,
		    const void *value, socklen_t len)
{
	int twin = native_twin(fd, tag), err, saved;

	if (twin < 0)
		return -1;
	err = REAL(setsockopt)(twin, level, name, value, len);
	saved = errno;
	close(twin);
	errno = saved;
	return err;
}

static int set_ip(int fd, struct tag *tag, int level, int name, const void *value,
		  socklen_t len)
{
	if (OPTION_IS_IN(refused, level, name))
		return fails(ENOPROTOOPT);
	if (OPTION_IS_IN(network, level, name))
		return native_become(fd, tag) ?
		       REAL(setsockopt)(fd, level, name, value, len) : -1;
	if (!OPTION_IS_IN(free_ones, level, name) || !value || len < sizeof(int) ||
	    socket_is_dgram(fd)) {
		if (set_twin(fd, tag, level, name, value, len))
			return -1;
	}
	if (level == IPPROTO_IPV6 && name == IPV6_V6ONLY) {
		if (tag->bound)
			return fails(EINVAL);
		tag->v6only = *(const int *)value;
		if (!tag_set(fd, tag))
			return -1;
	}
	if (option_is_pktinfo(level, name))
		__atomic_store_n(&pktinfo, true, __ATOMIC_RELAXED);
	memory_add(fd, level, name, value, len);
	return 0;
}

REPLACES int setsockopt(int fd, int level, int name, const void *value, socklen_t len)
{
	struct tag tag;

	if (level == SOL_KITE || !tag_get(fd, &tag))
		return REAL(setsockopt)(fd, level, name, value, len);
	if (level == SOL_SOCKET)
		return set_socket(fd, &tag, name, value, len);
	if (tag.kind != KIND_VSOCK)
		return set_ip(fd, &tag, level, name, value, len);
	if (level != AF_VSOCK)
		return REAL(setsockopt)(fd, level, name, value, len);
	memory_add(fd, level, name, value, len);
	return 0;
}

static int give_int(int number, void *value, socklen_t *len)
{
	if (!value || !len)
		return fails(EFAULT);
	if ((int)*len < 0)
		return fails(EINVAL);
	if (*len > sizeof(number))
		*len = sizeof(number);
	memcpy(value, &number, *len);
	return 0;
}

static int protocol_of(int fd, const struct tag *tag)
{
	if (tag->kind == KIND_VSOCK)
		return 0;
	return socket_is_dgram(fd) ? IPPROTO_UDP : IPPROTO_TCP;
}

static int get_socket(int fd, const struct tag *tag, int name, void *value,
		      socklen_t *len)
{
	switch (name) {
	case SO_DOMAIN:
		return give_int(tag_domain(tag), value, len);
	case SO_PROTOCOL:
		return give_int(protocol_of(fd, tag), value, len);
	case SO_REUSEPORT:
		return give_int(memory_has(fd, SOL_SOCKET, name), value, len);
	case SO_INCOMING_CPU:
		return memory_get(fd, SOL_SOCKET, name, value, len) ? 0 :
		       give_int(-1, value, len);
	default:
		return REAL(getsockopt)(fd, SOL_SOCKET, name, value, len);
	}
}

/* What a socket without a connection cannot know. */
static void get_connected(int fd, int level, int name, void *value, socklen_t len)
{
	int listens = 0;
	socklen_t size = sizeof(listens);

	if (level != IPPROTO_TCP || !len)
		return;
	if (name == TCP_INFO) {
		REAL(getsockopt)(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size);
		if (listens)
			*(uint8_t *)value = TCP_LISTEN;
		else if (socket_is_connected(fd))
			*(uint8_t *)value = TCP_ESTABLISHED;
	} else if (name == TCP_MAXSEG && len == sizeof(int) && socket_is_connected(fd)) {
		*(int *)value = LOOPBACK_MSS;
	}
}

/* As a socket of the family that was asked for answers. */
static int get_native(int fd, const struct tag *tag, int level, int name, void *value,
		      socklen_t *len)
{
	int twin, err, saved;

	if ((level == IPPROTO_IP && name == IP_MTU) ||
	    (level == IPPROTO_IPV6 && name == IPV6_MTU)) {
		if (!socket_is_connected(fd))
			return fails(ENOTCONN);
		return give_int(LOOPBACK_MTU, value, len);
	}
	twin = native_twin(fd, tag);
	if (twin < 0)
		return -1;
	err = REAL(getsockopt)(twin, level, name, value, len);
	saved = errno;
	close(twin);
	if (!err)
		get_connected(fd, level, name, value, *len);
	errno = saved;
	return err;
}

REPLACES int getsockopt(int fd, int level, int name, void *restrict value,
			socklen_t *restrict len)
{
	struct tag tag;

	/* What all ask for, and is the same for all. */
	if (level == SOL_KITE || (level == SOL_SOCKET && name == SO_ERROR) ||
	    !tag_get(fd, &tag))
		return REAL(getsockopt)(fd, level, name, value, len);
	if (level == SOL_SOCKET)
		return get_socket(fd, &tag, name, value, len);
	if (tag.kind == KIND_VSOCK && level != AF_VSOCK)
		return REAL(getsockopt)(fd, level, name, value, len);
	/* AF_VSOCK may not be here, and so have no socket to ask. */
	if (tag.kind == KIND_VSOCK && memory_get(fd, level, name, value, len))
		return 0;
	return get_native(fd, &tag, level, name, value, len);
}
