// SPDX-License-Identifier: GPL-2.0
/*
 * Loopback: the transport to this namespace itself. It hands a packet to the
 * receiving side at once, in the sender's context, and leaves it the socket
 * that sent it, by which the two ends of a local connection find each other.
 */
#include <linux/module.h>

#include "af_kite.h"

static bool direct = true;
module_param(direct, bool, 0444);
MODULE_PARM_DESC(direct, "local connections deliver straight into the peer's queue; 0: everything travels as packets (default: 1)");

static bool kite_loopback_reaches(struct net *net, u32 node)
{
	return kite_node_is_local(net, node);
}

static struct kite_transport kite_loopback;

static int kite_loopback_xmit(struct net *net, u32 node, struct sk_buff *skb)
{
	return kite_rcv(net, &kite_loopback, skb);
}

static struct kite_transport kite_loopback = {
	.owner		= THIS_MODULE,
	.name		= "loopback",
	.reaches	= kite_loopback_reaches,
	.xmit		= kite_loopback_xmit,
};

/**
 * kite_loopback_init - register the loopback transport
 *
 * Context: Process context.
 * Return: 0 or what the registry says.
 */
int kite_loopback_init(void)
{
	if (direct)
		kite_loopback.features |= KITE_TRANSPORT_LOCAL;
	return kite_transport_register(&kite_loopback);
}

/**
 * kite_loopback_exit - the opposite
 *
 * Context: Process context.
 */
void kite_loopback_exit(void)
{
	kite_transport_unregister(&kite_loopback);
}
