// SPDX-License-Identifier: GPL-2.0
/*
 * What is thrown away is told to those who look on, with the reason.
 */
#include "af_kite.h"
#include "trace.h"

static const enum skb_drop_reason kite_drop_core_reasons[] = {
	[KITE_DROP_NO_PORT]		= SKB_DROP_REASON_NO_SOCKET,
	[KITE_DROP_NO_LISTENER]		= SKB_DROP_REASON_NO_SOCKET,
	[KITE_DROP_NO_CONNECTION]	= SKB_DROP_REASON_NO_SOCKET,
	[KITE_DROP_CLOSED]		= SKB_DROP_REASON_NO_SOCKET,
	[KITE_DROP_UNREAD]		= SKB_DROP_REASON_NO_SOCKET,
	[KITE_DROP_RCVBUF]		= SKB_DROP_REASON_SOCKET_RCVBUFF,
	[KITE_DROP_RAW_FULL]		= SKB_DROP_REASON_SOCKET_RCVBUFF,
	[KITE_DROP_FILTER]		= SKB_DROP_REASON_SOCKET_FILTER,
	[KITE_DROP_MEMORY_LIMIT]	= SKB_DROP_REASON_PROTO_MEM,
	[KITE_DROP_NOMEM]		= SKB_DROP_REASON_NOMEM,
	[KITE_DROP_LISTEN_FULL]		= SKB_DROP_REASON_SOCKET_BACKLOG,
	[KITE_DROP_TUPLE_BUSY]		= SKB_DROP_REASON_NOT_SPECIFIED,
	[KITE_DROP_UNREACHABLE]		= SKB_DROP_REASON_IP_OUTNOROUTES,
	[KITE_DROP_WRONG_NODE]		= SKB_DROP_REASON_OTHERHOST,
	[KITE_DROP_BAD_HEADER]		= SKB_DROP_REASON_INVALID_PROTO,
	[KITE_DROP_FORGED]		= SKB_DROP_REASON_INVALID_PROTO,
	[KITE_DROP_UNASKED]		= SKB_DROP_REASON_INVALID_PROTO,
	[KITE_DROP_NO_CREDIT]		= SKB_DROP_REASON_SOCKET_RCVBUFF,
	[KITE_DROP_RATE_LIMITED]	= SKB_DROP_REASON_NOT_SPECIFIED,
};

static_assert(ARRAY_SIZE(kite_drop_core_reasons) == KITE_DROP_MAX);

/**
 * kite_drop_core_reason - how does the core call it?
 * @reason: ours
 *
 * Context: Any.
 * Return: the nearest of the core's.
 */
enum skb_drop_reason kite_drop_core_reason(enum kite_drop_reason reason)
{
	return kite_drop_core_reasons[reason];
}

/**
 * kite_drop_note - a packet does not get to where it should
 * @net: the namespace
 * @sk: the socket that it would have been for, or NULL
 * @pkt: its header; the length is taken from @skb, if there is one
 * @skb: its payload, or NULL. Stays the caller's
 * @reason: why
 *
 * Context: Any.
 */
void kite_drop_note(struct net *net, const struct sock *sk,
		    const struct kite_packet *pkt, const struct sk_buff *skb,
		    enum kite_drop_reason reason)
{
	kite_count(net, KITE_STAT_DROPS + reason);
	trace_kite_drop(net, sk, pkt, skb ? skb->len : pkt->len, reason);
}

/**
 * kite_drop - the same, and free it
 * @net: the namespace
 * @sk: the socket that it would have been for, or NULL
 * @pkt: its header
 * @skb: its payload; consumed
 * @reason: why
 *
 * Context: Any.
 */
void kite_drop(struct net *net, const struct sock *sk, const struct kite_packet *pkt,
	       struct sk_buff *skb, enum kite_drop_reason reason)
{
	kite_drop_note(net, sk, pkt, skb, reason);
	kfree_skb_reason(skb, kite_drop_core_reason(reason));
}

/* Of what an inbox holds only the source is known; a raw socket's has a header. */
static struct kite_packet kite_drop_header(const struct sock *sk,
					   const struct sk_buff *skb)
{
	struct kite_packet pkt = {
		.type	= sk->sk_type,
		.op	= KITE_OP_DGRAM,
		.src	= kite_inbox_cb(skb)->src,
		.dst	= kite_sk(sk)->tuple.local,
	};

	if (sk->sk_type == SOCK_RAW && skb_headlen(skb) >= sizeof(struct kite_hdr))
		kite_packet_parse((const struct kite_hdr *)skb->data,
				  skb->len - sizeof(struct kite_hdr), &pkt);
	return pkt;
}

/**
 * kite_drop_message - the same for a message that does not get into an inbox
 * @sk: the socket, which counts it in sk_drops
 * @skb: the message, with its source in struct kite_inbox_cb; consumed
 * @reason: why
 *
 * Context: Any.
 */
void kite_drop_message(struct sock *sk, struct sk_buff *skb,
		       enum kite_drop_reason reason)
{
	const struct kite_packet pkt = kite_drop_header(sk, skb);

	atomic_inc(&sk->sk_drops);
	kite_drop(sock_net(sk), sk, &pkt, skb, reason);
}
