/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a transport is: the header for those who write one, in this module or
 * in another.
 */
#ifndef _KITE_TRANSPORT_H
#define _KITE_TRANSPORT_H

#include <linux/bits.h>
#include <linux/list.h>
#include <linux/types.h>

struct module;
struct net;
struct sk_buff;

/*
 * All that it reaches is this namespace: skb->sk of a packet that it delivers is the
 * socket that sent it, if any. Two such sockets meet at their handshake, which takes
 * no packet if nobody looks on, and deliver into each other.
 */
#define KITE_TRANSPORT_LOCAL	BIT(0)

/* It calls kite_transport_rcv() from softirq or under a spinlock. */
#define KITE_TRANSPORT_ATOMIC	BIT(1)

/**
 * struct kite_transport - a way for packets to reach other nodes
 * @list: in the registry
 * @owner: the module that it is in; connections and datagrams on their way hold it
 * @name: what people call it
 * @features: KITE_TRANSPORT_*
 * @reaches: does it reach @node from @net? Under RCU
 * @xmit: send a packet, which begins with its struct kite_hdr, to @node.
 *	Consumes @skb, whatever comes of it. Returns 0 or what went wrong:
 *	-EHOSTUNREACH, -ENOBUFS or the like. Called without a spinlock, from
 *	process context or softirq; must not sleep in the latter
 * @congested: is it so full on the way to @node that connections should wait?
 *	They do until kite_transport_uncongested(). Optional
 *
 * A transport keeps the order in which it was given the packets, and loses
 * none as long as it is up.
 */
struct kite_transport {
	struct list_head	list;
	struct module		*owner;
	const char		*name;
	unsigned int		features;

	bool	(*reaches)(struct net *net, u32 node);
	int	(*xmit)(struct net *net, u32 node, struct sk_buff *skb);
	bool	(*congested)(struct net *net, u32 node);
};

int kite_transport_register(struct kite_transport *transport);
void kite_transport_unregister(struct kite_transport *transport);
int kite_transport_rcv(struct net *net, const struct kite_transport *transport,
		       struct sk_buff *skb);
void kite_transport_uncongested(struct net *net,
				const struct kite_transport *transport);

#endif /* _KITE_TRANSPORT_H */
