// SPDX-License-Identifier: GPL-2.0
/*
 * Routes: which transport reaches a node, and under which name of our own.
 */
#include <linux/module.h>

#include "af_kite.h"

/**
 * kite_route - which transport reaches a node?
 * @net: from this namespace
 * @node: the node
 *
 * Context: Any. The caller holds the RCU read lock for as long as it uses the
 * transport, or takes a reference of its module before it lets go.
 * Return: the transport, or NULL when the node is unknown.
 */
const struct kite_transport *kite_route(struct net *net, u32 node)
{
	RCU_LOCKDEP_WARN(!rcu_read_lock_held(), "no RCU read lock");

	if (node == KITE_NODE_ANY)
		return NULL;
	return kite_transport_reaching(net, node);
}

/**
 * kite_route_get - the same, with a reference
 * @net: from this namespace
 * @node: the node
 *
 * Context: Any.
 * Return: the transport, whose module the caller has to put; or NULL.
 */
const struct kite_transport *kite_route_get(struct net *net, u32 node)
{
	const struct kite_transport *transport;

	rcu_read_lock();
	transport = kite_route(net, node);
	if (transport && !try_module_get(transport->owner))
		transport = NULL;
	rcu_read_unlock();
	return transport;
}

/**
 * kite_route_source - as which node does this namespace speak to a node?
 * @net: the namespace
 * @node: the other node
 *
 * Context: Any.
 * Return: the node itself where it is one of our own names, otherwise our node
 * id, since KITE_NODE_LOCAL means nothing to others.
 */
u32 kite_route_source(struct net *net, u32 node)
{
	return kite_node_is_local(net, node) ? node : READ_ONCE(kite_net(net)->node);
}
