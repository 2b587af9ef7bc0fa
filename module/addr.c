// SPDX-License-Identifier: GPL-2.0
/*
 * Addresses: what a program may put into a struct sockaddr_kite, and what it
 * gets back.
 */
#include "af_kite.h"

/**
 * kite_addr_parse - check an address that a program gave and take it apart
 * @uaddr: the address, copied from user space
 * @len: how much of it there is
 * @addr: where port and node go
 *
 * Context: Any.
 * Return: 0; -EINVAL for an address that is too short or whose reserved bytes
 * are not 0; -EAFNOSUPPORT for an address of another family, as TCP has it.
 */
int kite_addr_parse(const struct sockaddr *uaddr, int len, struct kite_addr *addr)
{
	const struct sockaddr_kite *skt = (const struct sockaddr_kite *)uaddr;

	if (len < (int)sizeof(*skt))
		return -EINVAL;
	if (skt->skt_family != kite_family)
		return -EAFNOSUPPORT;
	if (skt->skt_reserved || !kite_addr_tail_valid(skt->skt_zero))
		return -EINVAL;
	addr->port = skt->skt_port;
	addr->node = skt->skt_node;
	return 0;
}

/**
 * kite_addr_format - write an address for a program
 * @addr: port and node
 * @uaddr: where the struct sockaddr_kite goes
 *
 * Context: Any.
 * Return: the length of the address.
 */
int kite_addr_format(const struct kite_addr *addr, struct sockaddr *uaddr)
{
	struct sockaddr_kite *skt = (struct sockaddr_kite *)uaddr;

	*skt = (struct sockaddr_kite) {
		.skt_family	= kite_family,
		.skt_port	= addr->port,
		.skt_node	= addr->node,
	};
	return sizeof(*skt);
}

/**
 * kite_node_is_local - is that this namespace?
 * @net: the namespace
 * @node: the node
 *
 * Context: Any.
 * Return: true for KITE_NODE_LOCAL and for the namespace's own node id.
 */
bool kite_node_is_local(struct net *net, u32 node)
{
	u32 own;

	if (node == KITE_NODE_LOCAL)
		return true;
	own = READ_ONCE(kite_net(net)->node);
	return own && node == own;
}
