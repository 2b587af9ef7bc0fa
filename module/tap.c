// SPDX-License-Identifier: GPL-2.0
/*
 * The tap: shows packets to those who look on. See tap.h.
 *
 * A packet is shown when it is sent, or, if another node sent it, when it comes
 * in. So the order is that of cause and effect, and on loopback, where one call
 * does both, each packet is shown once.
 */
#include <linux/rculist.h>

#include "af_kite.h"
#include "tap.h"

/* Off again with a delay: who opens and closes one in a loop is not to patch code. */
DEFINE_STATIC_KEY_DEFERRED_FALSE(kite_tap_key, HZ);

/**
 * kite_tap_add - somebody looks on from now on
 * @net: the namespace
 * @tap: who
 *
 * Context: Process context.
 */
void kite_tap_add(struct net *net, struct kite_tap *tap)
{
	struct kite_net *kn = kite_net(net);

	spin_lock_bh(&kn->lock);
	list_add_tail_rcu(&tap->list, &kn->taps);
	spin_unlock_bh(&kn->lock);
	static_branch_inc(&kite_tap_key.key);
}

/**
 * kite_tap_del - the opposite
 * @net: the namespace
 * @tap: who; may be called until an RCU grace period is over
 *
 * Context: Process context.
 */
void kite_tap_del(struct net *net, struct kite_tap *tap)
{
	struct kite_net *kn = kite_net(net);

	static_branch_slow_dec_deferred(&kite_tap_key);
	spin_lock_bh(&kn->lock);
	list_del_rcu(&tap->list);
	spin_unlock_bh(&kn->lock);
}

/* Makes the packet that an observer gets a clone of: header and payload. */
static struct sk_buff *kite_tap_copy(const struct kite_packet *pkt,
				     struct sk_buff *payload)
{
	gfp_t gfp = GFP_ATOMIC | __GFP_NOWARN;
	struct sk_buff *skb;

	if (!payload)
		skb = kite_packet_alloc(gfp);
	else
		skb = __pskb_copy(payload, sizeof(struct kite_hdr), gfp);
	if (!skb)
		return NULL;
	/* An observer may keep it for as long as it likes. */
	if (skb_orphan_frags_rx(skb, gfp)) {
		consume_skb(skb);
		return NULL;
	}
	kite_packet_push(skb, pkt);
	__net_timestamp(skb);
	return skb;
}

/**
 * kite_tap_packet - show a packet to those who look on
 * @net: the namespace that sends or receives it
 * @pkt: its header
 * @skb: its payload, or NULL if it has none. Stays as it is
 *
 * Context: Any, without a spinlock. Call it if kite_tap_on().
 */
void kite_tap_packet(struct net *net, const struct kite_packet *pkt,
		     struct sk_buff *skb)
{
	struct sk_buff *copy = NULL;
	struct kite_tap *tap;

	rcu_read_lock();
	list_for_each_entry_rcu(tap, &kite_net(net)->taps, list) {
		if (!tap->ops->wants(tap, pkt, skb))
			continue;
		if (!copy)
			copy = kite_tap_copy(pkt, skb);
		tap->ops->show(tap, pkt, copy ?
			       skb_clone(copy, GFP_ATOMIC | __GFP_NOWARN) : NULL);
	}
	rcu_read_unlock();
	consume_skb(copy);
}

/**
 * kite_tap_conn - show what a connection would send if its peer were not here
 * @sk: the connection
 * @skb: payload or NULL; stays as it is
 * @op: one of &enum kite_op
 * @flags: as @op has them
 *
 * One of a socketpair has no address that a header could name, and its data
 * never travels as packets: nobody sees it.
 *
 * Context: Any, without a spinlock. Call it if kite_tap_on().
 */
void kite_tap_conn(struct sock *sk, struct sk_buff *skb, u8 op, u8 flags)
{
	struct kite_packet pkt;

	if (!kite_conn(sk)->transport)
		return;
	pkt = kite_conn_header(sk, op, flags);
	kite_tap_packet(sock_net(sk), &pkt, skb);
}

/**
 * kite_tap_answers - does a program play the socket at an address?
 * @net: the namespace
 * @addr: the address
 *
 * Context: Any.
 * Return: true if so: a raw socket is bound to this port.
 */
bool kite_tap_answers(struct net *net, const struct kite_addr *addr)
{
	struct kite_tap *tap;
	bool answers = false;

	if (!kite_tap_on(net))
		return false;
	rcu_read_lock();
	list_for_each_entry_rcu(tap, &kite_net(net)->taps, list) {
		answers = tap->ops->answers && tap->ops->answers(tap, addr);
		if (answers)
			break;
	}
	rcu_read_unlock();
	return answers;
}

/**
 * kite_tap_exit - the module goes, so its code has to be as it was
 *
 * Context: Process context; there are no taps any more.
 */
void kite_tap_exit(void)
{
	static_key_deferred_flush(&kite_tap_key);
}
