// SPDX-License-Identifier: GPL-2.0
/*
 * ECHO: the kernel answers with the same payload, on each of this namespace's
 * nodes and on every port. As with ICMP, the answer itself is for the raw sockets.
 */
#include "af_kite.h"

/* The packet turns round, so this needs no memory but perhaps for its header. */
static void kite_echo_reply(struct net *net, const struct kite_transport *transport,
			    const struct kite_packet *pkt, struct sk_buff *skb)
{
	const struct kite_packet reply = {
		.type	= pkt->type,
		.op	= KITE_OP_ECHO_REPLY,
		.src	= pkt->dst,
		.dst	= pkt->src,
	};

	skb_orphan(skb);
	if (skb_cow_head(skb, sizeof(struct kite_hdr)))
		kite_drop(net, NULL, &reply, skb, KITE_DROP_NOMEM);
	else if (!kite_packet_xmit(net, transport, &reply, skb))
		kite_count(net, KITE_STAT_OUT_ECHO_REPS);
}

/**
 * kite_echo_rcv - ECHO or ECHO_REPLY came in
 * @net: the namespace
 * @transport: what brought it
 * @pkt: its header
 * @skb: its payload; consumed
 *
 * Context: As the transport delivers, without a spinlock.
 */
void kite_echo_rcv(struct net *net, const struct kite_transport *transport,
		   const struct kite_packet *pkt, struct sk_buff *skb)
{
	struct kite_net *kn = kite_net(net);

	if (pkt->op != KITE_OP_ECHO) {
		consume_skb(skb);
		return;
	}
	kite_count(net, KITE_STAT_IN_ECHOS);
	if (!kite_limit_allows(&kn->echoes, READ_ONCE(kn->sysctl.echo_rate)))
		kite_drop(net, NULL, pkt, skb, KITE_DROP_RATE_LIMITED);
	else
		kite_echo_reply(net, transport, pkt, skb);
}
