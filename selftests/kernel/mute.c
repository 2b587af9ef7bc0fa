// SPDX-License-Identifier: GPL-2.0
/*
 * A transport that has no memory for any packet but the first answer, to a node where
 * nobody is. A connection that came that way cannot be told that its listener has gone. So
 * long as it is tried again this module cannot be unloaded: not for ever, and not at all
 * when the namespace goes.
 */
#include <linux/module.h>
#include <linux/skbuff.h>

#include "kite_users.h"
#include "transport.h"

#define NODE	77

static struct net *here;

static bool mute_reaches(struct net *net, u32 node)
{
	return net == here && node == NODE;
}

static int mute_xmit(struct net *net, u32 node, struct sk_buff *skb)
{
	bool response = ((struct kite_hdr *)skb->data)->op == KITE_OP_RESPONSE;

	consume_skb(skb);
	return response ? 0 : -ENOBUFS;
}

static struct kite_transport mute = {
	.owner		= THIS_MODULE,
	.name		= "mute",
	.reaches	= mute_reaches,
	.xmit		= mute_xmit,
};

/* Somebody there connects to @to. */
int mute_request(struct net *net, const struct sockaddr_kite *to)
{
	struct sk_buff *skb = alloc_skb(sizeof(struct kite_hdr), GFP_KERNEL);
	struct kite_hdr *hdr;
	int err;

	if (!skb)
		return -ENOMEM;
	here = net;
	err = kite_transport_register(&mute);
	if (err) {
		here = NULL;
		consume_skb(skb);
		return err;
	}
	hdr = skb_put(skb, sizeof(*hdr));
	*hdr = (struct kite_hdr) {
		.version	= KITE_VERSION,
		.type		= SOCK_STREAM,
		.op		= KITE_OP_REQUEST,
		.src_port	= cpu_to_le32(5000),
		.src_node	= cpu_to_le32(NODE),
		.dst_port	= cpu_to_le32(to->skt_port),
		.dst_node	= cpu_to_le32(KITE_NODE_LOCAL),
		.limit		= cpu_to_le32(1000),
	};
	return kite_transport_rcv(net, &mute, skb);
}

void mute_end(void)
{
	if (here)
		kite_transport_unregister(&mute);
}
