// SPDX-License-Identifier: GPL-2.0
/*
 * The registry of transports. A transport carries packets to other nodes; see
 * struct kite_transport for what it promises.
 */
#include <linux/rculist.h>

#include "af_kite.h"

/* Read under RCU, changed under the mutex. */
static LIST_HEAD(kite_transports);
static DEFINE_MUTEX(kite_transports_lock);

/**
 * kite_transport_register - make a transport known
 * @transport: what it is and does
 *
 * Where two transports reach a node, the one that came first carries.
 *
 * Context: Process context.
 * Return: 0, or -EINVAL when something that it must have is missing.
 */
int kite_transport_register(struct kite_transport *transport)
{
	if (!transport->name || !transport->reaches || !transport->xmit)
		return -EINVAL;
	mutex_lock(&kite_transports_lock);
	list_add_tail_rcu(&transport->list, &kite_transports);
	mutex_unlock(&kite_transports_lock);
	return 0;
}
EXPORT_SYMBOL_GPL(kite_transport_register);

/**
 * kite_transport_unregister - forget a transport
 * @transport: it; no connection uses it any more, since those hold its module
 *
 * Context: Process context, sleeps until nobody looks at it.
 */
void kite_transport_unregister(struct kite_transport *transport)
{
	mutex_lock(&kite_transports_lock);
	list_del_rcu(&transport->list);
	mutex_unlock(&kite_transports_lock);
	synchronize_net();
}
EXPORT_SYMBOL_GPL(kite_transport_unregister);

/**
 * kite_transport_reaching - find the transport that reaches a node
 * @net: from this namespace
 * @node: the node
 *
 * Context: Any, under the RCU read lock.
 * Return: the first transport that does, or NULL.
 */
const struct kite_transport *kite_transport_reaching(struct net *net, u32 node)
{
	const struct kite_transport *transport;

	list_for_each_entry_rcu(transport, &kite_transports, list)
		if (transport->reaches(net, node))
			return transport;
	return NULL;
}

/**
 * kite_transport_sender - which socket of this kernel sent a packet?
 * @transport: the transport that delivered it
 * @skb: the packet
 *
 * Context: Any. The packet holds the reference.
 * Return: the socket; NULL when there is none or the transport cannot know.
 */
struct sock *kite_transport_sender(const struct kite_transport *transport,
				   const struct sk_buff *skb)
{
	return transport->features & KITE_TRANSPORT_LOCAL ? skb->sk : NULL;
}

/**
 * kite_transport_gfp - how may we allocate while a transport delivers?
 * @transport: the transport
 *
 * Context: Any.
 * Return: GFP_KERNEL or GFP_ATOMIC.
 */
gfp_t kite_transport_gfp(const struct kite_transport *transport)
{
	/* Loopback is called from where we send, and that may be our own timer. */
	if (transport->features & KITE_TRANSPORT_ATOMIC || !in_task())
		return GFP_ATOMIC;
	return GFP_KERNEL;
}

/**
 * kite_transport_uncongested - a transport has room again
 * @net: the namespace
 * @transport: the transport
 *
 * Wakes those whose connections waited for it.
 *
 * Context: Any.
 */
void kite_transport_uncongested(struct net *net,
				const struct kite_transport *transport)
{
	struct kite_net *kn = kite_net(net);
	struct sock *sk;

	spin_lock_bh(&kn->lock);
	sk_for_each(sk, &kn->socks)
		if (kite_sk_connects(sk) &&
		    READ_ONCE(kite_conn(sk)->transport) == transport)
			kite_credit_wake(sk);
	spin_unlock_bh(&kn->lock);
}
EXPORT_SYMBOL_GPL(kite_transport_uncongested);
