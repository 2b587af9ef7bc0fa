// SPDX-License-Identifier: GPL-2.0
/*
 * What a Kite socket stands for is written in the socket: in SO_INCOMING_CPU, a
 * number that everybody may set, that means nothing to Kite where it is negative,
 * and that accepted sockets have from their listener.
 *
 *	31..28	1010
 *	27	IPV6_V6ONLY
 *	26	it has a port
 *	25..24	enum kind
 *	23..0	host
 */
#include <errno.h>

#include "preload.h"

#define TAG_MAGIC	0xa0000000U
#define TAG_MASK	0xf0000000U
#define TAG_V6ONLY	0x08000000U
#define TAG_BOUND	0x04000000U
#define TAG_KIND(kind)	((uint32_t)(kind) << 24)
#define TAG_HOST	0x00ffffffU

/**
 * tag_get - is it a Kite socket that stands for another, and for what?
 * @fd: any descriptor
 * @tag: where that goes
 *
 * Return: false if not; errno is left alone.
 */
bool tag_get(int fd, struct tag *tag)
{
	int saved = errno;
	uint32_t word;
	socklen_t len = sizeof(word);

	if (!config()->family)
		return false;
	if (REAL(getsockopt)(fd, SOL_SOCKET, SO_INCOMING_CPU, &word, &len) ||
	    (word & TAG_MASK) != TAG_MAGIC) {
		errno = saved;
		return false;
	}
	tag->v6only = word & TAG_V6ONLY;
	tag->bound = word & TAG_BOUND;
	tag->kind = (word >> 24) & 3;
	tag->host = word & TAG_HOST;
	return true;
}

/**
 * tag_set - say what a Kite socket stands for
 * @fd: the socket
 * @tag: that
 *
 * Return: whether it worked; otherwise errno says why not.
 */
bool tag_set(int fd, const struct tag *tag)
{
	uint32_t word = TAG_MAGIC | TAG_KIND(tag->kind) | (tag->host & TAG_HOST);

	if (tag->v6only)
		word |= TAG_V6ONLY;
	if (tag->bound)
		word |= TAG_BOUND;
	return !REAL(setsockopt)(fd, SOL_SOCKET, SO_INCOMING_CPU, &word, sizeof(word));
}

/**
 * tag_domain - the family that the program asked for
 * @tag: what its socket stands for
 *
 * Return: AF_INET, AF_INET6 or AF_VSOCK.
 */
int tag_domain(const struct tag *tag)
{
	switch (tag->kind) {
	case KIND_V4:
		return AF_INET;
	case KIND_VSOCK:
		return AF_VSOCK;
	default:
		return AF_INET6;
	}
}

/**
 * socket_is_dgram - is it a datagram socket?
 * @fd: a socket
 *
 * Return: whether it is.
 */
bool socket_is_dgram(int fd)
{
	int type = 0;
	socklen_t len = sizeof(type);

	REAL(getsockopt)(fd, SOL_SOCKET, SO_TYPE, &type, &len);
	return type == SOCK_DGRAM;
}

/**
 * socket_is_connected - has it a peer?
 * @fd: a socket
 *
 * Return: whether it has; errno is left alone.
 */
bool socket_is_connected(int fd)
{
	union address peer;
	socklen_t len = sizeof(peer);
	int saved = errno;
	bool connected = !REAL(getpeername)(fd, &peer.any, &len);

	errno = saved;
	return connected;
}
