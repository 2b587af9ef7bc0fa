// SPDX-License-Identifier: GPL-2.0
/*
 * The packet: taking its header off and checking it, putting one on, sending it.
 */
#include "af_kite.h"
#include "tap.h"

static_assert(sizeof(struct kite_hdr) == 32);

static bool kite_type_connects(u8 type)
{
	return type == SOCK_STREAM || type == SOCK_SEQPACKET;
}

/* Does the combination of type, op, flags and length make sense? */
static bool kite_packet_valid(const struct kite_packet *pkt)
{
	u8 flags = pkt->flags;

	switch (pkt->op) {
	case KITE_OP_ECHO:
	case KITE_OP_ECHO_REPLY:
		return pkt->type == SOCK_RAW && !flags;
	case KITE_OP_REQUEST:
	case KITE_OP_RESPONSE:
	case KITE_OP_CREDIT:
		return kite_type_connects(pkt->type) && !flags && !pkt->len;
	case KITE_OP_RESET:
		return (kite_type_connects(pkt->type) || pkt->type == SOCK_DGRAM) &&
		       flags && !pkt->len;
	case KITE_OP_DGRAM:
		return pkt->type == SOCK_DGRAM && !flags;
	case KITE_OP_SHUTDOWN:
		return kite_type_connects(pkt->type) && flags && !pkt->len &&
		       !(flags & ~(KITE_SHUTDOWN_RCV | KITE_SHUTDOWN_SEND));
	case KITE_OP_DATA:
		/* All parts but the last are full, or they would be free. */
		if (pkt->type == SOCK_SEQPACKET && flags == KITE_DATA_MORE)
			return pkt->len == KITE_MAX_PAYLOAD;
		if (pkt->type == SOCK_SEQPACKET)
			return !(flags & ~KITE_DATA_EOR);
		return pkt->type == SOCK_STREAM && !flags && pkt->len;
	default:
		return false;
	}
}

/**
 * kite_packet_parse - read and check a header
 * @hdr: the header
 * @len: how many bytes follow it
 * @pkt: where it goes
 *
 * The packet may come from anywhere, so everything in it is checked here but
 * for what only a connection knows: its addresses and its credit.
 *
 * Context: Any.
 * Return: 0; -EINVAL for a packet that makes no sense.
 */
int kite_packet_parse(const struct kite_hdr *hdr, size_t len, struct kite_packet *pkt)
{
	if (hdr->version != KITE_VERSION)
		return -EINVAL;
	*pkt = (struct kite_packet) {
		.type	= hdr->type,
		.op	= hdr->op,
		.flags	= hdr->flags,
		.len	= le32_to_cpu(hdr->len),
		.src	= { le32_to_cpu(hdr->src_port), le32_to_cpu(hdr->src_node) },
		.dst	= { le32_to_cpu(hdr->dst_port), le32_to_cpu(hdr->dst_node) },
		.read	= le32_to_cpu(hdr->read),
		.limit	= le32_to_cpu(hdr->limit),
	};
	if (pkt->len != len || pkt->len > KITE_MAX_PAYLOAD)
		return -EINVAL;
	return kite_packet_valid(pkt) ? 0 : -EINVAL;
}

/**
 * kite_packet_pull - take the header off a packet and check it
 * @skb: the packet; afterwards it holds the payload alone
 * @pkt: where the header goes
 *
 * Context: Any.
 * Return: 0; -EINVAL for a packet that makes no sense, with @skb as it was or
 * without its header: only fit to be freed.
 */
int kite_packet_pull(struct sk_buff *skb, struct kite_packet *pkt)
{
	const struct kite_hdr *hdr;

	if (!pskb_may_pull(skb, sizeof(*hdr)))
		return -EINVAL;
	hdr = (const struct kite_hdr *)skb->data;
	__skb_pull(skb, sizeof(*hdr));
	return kite_packet_parse(hdr, skb->len, pkt);
}

/**
 * kite_packet_push - put a header in front of a payload
 * @skb: the payload, with room for the header
 * @pkt: the header; its @len is taken from @skb
 *
 * Context: Any.
 */
void kite_packet_push(struct sk_buff *skb, const struct kite_packet *pkt)
{
	u32 len = skb->len;
	struct kite_hdr *hdr = __skb_push(skb, sizeof(*hdr));

	*hdr = (struct kite_hdr) {
		.version	= KITE_VERSION,
		.type		= pkt->type,
		.op		= pkt->op,
		.flags		= pkt->flags,
		.len		= cpu_to_le32(len),
		.src_port	= cpu_to_le32(pkt->src.port),
		.src_node	= cpu_to_le32(pkt->src.node),
		.dst_port	= cpu_to_le32(pkt->dst.port),
		.dst_node	= cpu_to_le32(pkt->dst.node),
		.read		= cpu_to_le32(pkt->read),
		.limit		= cpu_to_le32(pkt->limit),
	};
}

/**
 * kite_packet_alloc - get a packet without payload
 * @gfp: how hard to try
 *
 * Context: What @gfp says.
 * Return: the packet, with room for the header, or NULL.
 */
struct sk_buff *kite_packet_alloc(gfp_t gfp)
{
	return kite_buf_alloc(0, gfp);
}

/**
 * kite_packet_own - tell whom a packet is from, and keep that for as long
 * @skb: the packet
 * @sk: the socket
 *
 * Context: Any.
 */
void kite_packet_own(struct sk_buff *skb, struct sock *sk)
{
	skb_orphan(skb);
	sock_hold(sk);
	skb->sk = sk;
	skb->destructor = sock_efree;
}

/**
 * kite_packet_reset - make the header that refuses a packet
 * @pkt: the packet
 * @reason: one of &enum kite_reset
 *
 * Context: Any.
 * Return: the header of a RESET in answer.
 */
struct kite_packet kite_packet_reset(const struct kite_packet *pkt, u8 reason)
{
	return (struct kite_packet) {
		.type	= pkt->type,
		.op	= KITE_OP_RESET,
		.flags	= reason,
		.src	= pkt->dst,
		.dst	= pkt->src,
	};
}

/**
 * kite_packet_xmit - send a packet
 * @net: from this namespace
 * @transport: by this way, which reaches its destination
 * @pkt: its header
 * @skb: its payload, with room for the header; consumed
 *
 * Context: As the transport sends, without a spinlock.
 * Return: 0 or what the transport says.
 */
int kite_packet_xmit(struct net *net, const struct kite_transport *transport,
		     const struct kite_packet *pkt, struct sk_buff *skb)
{
	if (kite_tap_on(net))
		kite_tap_packet(net, pkt, skb);
	kite_count(net, KITE_STAT_OUT_PKTS);
	if (pkt->op == KITE_OP_RESET)
		kite_count(net, KITE_STAT_OUT_RSTS);
	kite_packet_push(skb, pkt);
	return transport->xmit(net, pkt->dst.node, skb);
}
