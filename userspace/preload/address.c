// SPDX-License-Identifier: GPL-2.0
/*
 * Addresses, both ways.
 *
 * All of 127.0.0.0/8, ::1 and the wildcards are this machine. A port is Kite's port
 * of the same number, unless --map says otherwise. Ports of Kite beyond 65535, which
 * other programs of Kite have, do not fit; they are shown as a port of another
 * address: 127.0.0.0/8 has 24 bits left, of which the upper 16 are those of the
 * port and the last 8 are HOST_WIDE. So an answer goes where it should.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "preload.h"

#define HOST_WIDE	75U	/* in the last byte of the address */

/* Up to sin6_scope_id, which the first IPv6 programs did not have. */
#define V6_LEN_MIN	24

static bool host_is_wide(uint32_t host)
{
	return (host & 0xff) == HOST_WIDE && host >> 8;
}

/* Is it of 127.0.0.0/8, or the wildcard? Then @host says which. */
static bool host_of_v4(uint32_t addr, uint32_t *host)
{
	*host = addr & 0xffffff;
	return !addr || (addr >> 24 == 127 && *host);
}

static enum place wrong(int error)
{
	errno = error;
	return PLACE_WRONG;
}

static enum place parse_v4(struct name *name, const struct sockaddr *addr, socklen_t len)
{
	struct sockaddr_in v4;

	if (len < sizeof(v4))
		return wrong(EINVAL);
	memcpy(&v4, addr, sizeof(v4));
	name->port = ntohs(v4.sin_port);
	return host_of_v4(ntohl(v4.sin_addr.s_addr), &name->host) ?
	       PLACE_HERE : PLACE_ELSEWHERE;
}

static enum place parse_v6(struct name *name, const struct tag *tag,
			   const struct sockaddr *addr, socklen_t len)
{
	struct sockaddr_in6 v6 = { 0 };
	uint32_t last;

	if (len < V6_LEN_MIN)
		return wrong(EINVAL);
	memcpy(&v6, addr, len < sizeof(v6) ? len : sizeof(v6));
	name->port = ntohs(v6.sin6_port);
	name->mapped = IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr);
	if (name->mapped) {
		if (tag->v6only)
			return PLACE_ELSEWHERE;
		memcpy(&last, &v6.sin6_addr.s6_addr[12], sizeof(last));
		return host_of_v4(ntohl(last), &name->host) ?
		       PLACE_HERE : PLACE_ELSEWHERE;
	}
	name->host = IN6_IS_ADDR_LOOPBACK(&v6.sin6_addr) ? HOST_LOOPBACK : 0;
	return name->host || IN6_IS_ADDR_UNSPECIFIED(&v6.sin6_addr) ?
	       PLACE_HERE : PLACE_ELSEWHERE;
}

/**
 * name_parse - where is that?
 * @name: where the address goes
 * @tag: of the socket that it was given for
 * @addr: as the program gave it
 * @len: its length
 * @dgram: it is for a datagram socket
 *
 * Return: PLACE_WRONG with errno as IP has it.
 */
enum place name_parse(struct name *name, const struct tag *tag,
		      const struct sockaddr *addr, socklen_t len, bool dgram)
{
	int domain = tag_domain(tag);

	memset(name, 0, sizeof(*name));
	if (!addr)
		return wrong(EFAULT);
	if (len < sizeof(addr->sa_family))
		return wrong(EINVAL);
	/* UDP takes an address without a family for its own. */
	if (domain == AF_INET && (addr->sa_family == AF_INET ||
				  (dgram && addr->sa_family == AF_UNSPEC)))
		return parse_v4(name, addr, len);
	if (domain == AF_INET6 && addr->sa_family == AF_INET6)
		return parse_v6(name, tag, addr, len);
	if (domain == AF_INET6 && addr->sa_family == AF_INET && dgram && !tag->v6only) {
		name->mapped = true;
		return parse_v4(name, addr, len);
	}
	return wrong(len < (domain == AF_INET ? sizeof(struct sockaddr_in) : V6_LEN_MIN) ?
		     EINVAL : EAFNOSUPPORT);
}

/**
 * name_to_kite - the address that Kite is given
 * @kite: where it goes
 * @name: the program's
 * @local: it is to be bound
 */
void name_to_kite(struct sockaddr_kite *kite, const struct name *name, bool local)
{
	const struct config *c = config();

	*kite = (struct sockaddr_kite){
		.skt_family = c->family,
		.skt_port = name->port,
		.skt_node = local && !name->host ? KITE_NODE_ANY : KITE_NODE_LOCAL,
	};
	if (host_is_wide(name->host)) {
		kite->skt_port |= name->host >> 8 << 16;
		return;
	}
	for (unsigned int i = 0; i < c->count; i++) {
		if (c->maps[i].port != name->port)
			continue;
		kite->skt_port = c->maps[i].kite_port;
		if (c->maps[i].kite_node)
			kite->skt_node = c->maps[i].kite_node;
		return;
	}
}

static const struct map *map_back(uint32_t port, uint32_t node)
{
	const struct config *c = config();

	for (unsigned int i = 0; i < c->count; i++) {
		const struct map *map = &c->maps[i];

		if (map->kite_port == port && (!map->kite_node || map->kite_node == node))
			return map;
	}
	return NULL;
}

static void name_back(struct name *name, const struct tag *tag,
		      const struct sockaddr_kite *kite, bool local)
{
	uint32_t port = kite->skt_port, alias = port & ALIAS_MASK;
	const struct map *map;

	if (alias == ALIAS_V4 || alias == ALIAS_V6)
		port &= ~ALIAS_MASK;
	map = map_back(port, kite->skt_node);
	memset(name, 0, sizeof(*name));
	name->mapped = tag->kind == KIND_V6_MAPPED;
	name->host = tag->host;
	if (!name->host && !(local && kite->skt_node == KITE_NODE_ANY))
		name->host = HOST_LOOPBACK;
	if (map) {
		name->port = map->port;
	} else if (port == KITE_PORT_ANY) {
		name->port = 0;
	} else {
		name->port = port;
		if (port > UINT16_MAX)
			name->host = port >> 16 << 8 | HOST_WIDE;
	}
}

/**
 * name_to_native - an address of the family that the program asked for
 * @to: where it goes
 * @tag: what the socket stands for; not for vsock
 * @name: the address
 *
 * Return: its length.
 */
socklen_t name_to_native(union address *to, const struct tag *tag,
			 const struct name *name)
{
	uint32_t v4 = htonl(name->host ? 127U << 24 | name->host : 0);

	memset(to, 0, sizeof(*to));
	if (tag->kind == KIND_V4) {
		to->v4.sin_family = AF_INET;
		to->v4.sin_port = htons(name->port);
		to->v4.sin_addr.s_addr = v4;
		return sizeof(to->v4);
	}
	to->v6.sin6_family = AF_INET6;
	to->v6.sin6_port = htons(name->port);
	if (name->mapped || name->host > HOST_LOOPBACK) {
		memset(&to->v6.sin6_addr.s6_addr[10], 0xff, 2);
		memcpy(&to->v6.sin6_addr.s6_addr[12], &v4, sizeof(v4));
	} else if (name->host) {
		to->v6.sin6_addr = in6addr_loopback;
	}
	return sizeof(to->v6);
}

/**
 * name_from_kite - the address that the program is given
 * @to: where it goes
 * @tag: what the socket stands for; its host is the one to be given, if any
 * @kite: Kite's
 * @local: it is the socket's own, not its peer's
 *
 * Return: its length.
 */
socklen_t name_from_kite(union address *to, const struct tag *tag,
			 const struct sockaddr_kite *kite, bool local)
{
	struct name name;

	if (tag->kind == KIND_VSOCK) {
		memset(to, 0, sizeof(*to));
		to->kite = *kite;
		to->kite.skt_family = AF_VSOCK;
		return sizeof(to->kite);
	}
	name_back(&name, tag, kite, local);
	return name_to_native(to, tag, &name);
}

/**
 * vsock_parse - the address that Kite is given, for AF_VSOCK
 * @kite: where it goes
 * @addr: struct sockaddr_vm, whose layout is the same
 * @len: its length
 *
 * Return: as name_parse(). VMADDR_CID_LOCAL is this machine.
 */
enum place vsock_parse(struct sockaddr_kite *kite, const struct sockaddr *addr,
		       socklen_t len)
{
	if (!addr)
		return wrong(EFAULT);
	if (len < sizeof(*kite))
		return wrong(EINVAL);
	memcpy(kite, addr, sizeof(*kite));
	if (kite->skt_family != AF_VSOCK)
		return wrong(EAFNOSUPPORT);
	kite->skt_family = config()->family;
	memset(kite->skt_zero, 0, sizeof(kite->skt_zero));
	return kite->skt_node == KITE_NODE_LOCAL || kite->skt_node == KITE_NODE_ANY ?
	       PLACE_HERE : PLACE_ELSEWHERE;
}

/**
 * address_give - leave an address with the program
 * @to: where it has room, or NULL if it does not want to know
 * @room: how much; becomes the length of the address
 * @from: the address
 * @len: its length
 *
 * Return: 0, or -1 and errno as the system calls have it.
 */
int address_give(struct sockaddr *to, socklen_t *room, const union address *from,
		 socklen_t len)
{
	if (!to)
		return 0;
	if (!room) {
		errno = EFAULT;
		return -1;
	}
	if ((int)*room < 0) {
		errno = EINVAL;
		return -1;
	}
	memcpy(to, from, *room < len ? *room : len);
	*room = len;
	return 0;
}
