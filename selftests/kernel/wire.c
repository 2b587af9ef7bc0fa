// SPDX-License-Identifier: GPL-2.0
/*
 * A transport as another module would write one: a wire to a node that is a mirror of
 * this one. What is sent there comes back as if the sockets there had sent it to the
 * sockets here, in softirq. So two sockets of one namespace speak to each other and
 * know it not.
 *
 * What may go wrong with a wire is switched on by its parameters, for selftests/wire.
 */
#include <linux/atomic.h>
#include <linux/interrupt.h>
#include <linux/module.h>
#include <linux/nsproxy.h>
#include <linux/sched.h>
#include <linux/skbuff.h>
#include <net/net_namespace.h>

#include <linux/kite.h>

#include "transport.h"

static unsigned int node = 99;
module_param(node, uint, 0444);
MODULE_PARM_DESC(node, "the node that is the mirror");

static bool lose;
module_param(lose, bool, 0644);
MODULE_PARM_DESC(lose, "what is sent gets lost");

static int fails = -1;
module_param(fails, int, 0644);
MODULE_PARM_DESC(fails, "so many packets can be sent, and then none; -1: all");

static unsigned int spoil;
module_param(spoil, uint, 0644);
MODULE_PARM_DESC(spoil, "what arrives is 1: not a packet, 2: for another node, 3: from another node, 4: twice there");

static int refused;
module_param(refused, int, 0644);
MODULE_PARM_DESC(refused, "how many packets were not taken");

static unsigned int reason;
module_param(reason, uint, 0644);
MODULE_PARM_DESC(reason, "why, in a RESET that is repeated; 0: as it was");

static bool full;
static bool hold;

static struct net *net;
static struct sk_buff_head queue;
/* A copy of the last one of each kind that arrived; under the queue's spinlock. */
static struct sk_buff *last[KITE_OP_ECHO_REPLY + 1];

/* The sender's buffer stays here: what a wire brings is new, and nothing is known of it. */
static struct sk_buff *wire_copy(const struct sk_buff *skb)
{
	struct sk_buff *copy = skb_copy(skb, GFP_ATOMIC);
	struct kite_hdr *hdr;

	if (!copy)
		return NULL;
	memset(copy->cb, 0xff, sizeof(copy->cb));
	hdr = (struct kite_hdr *)copy->data;
	hdr->dst_node = hdr->src_node;
	hdr->src_node = cpu_to_le32(node);
	switch (READ_ONCE(spoil)) {
	case 1:
		hdr->op = 0xff;
		break;
	case 2:
		hdr->dst_node = cpu_to_le32(node + 1);
		break;
	case 3:
		hdr->src_node = cpu_to_le32(node + 1);
		break;
	}
	return copy;
}

static bool wire_reaches(struct net *from, u32 to)
{
	return from == net && to == node;
}

static bool wire_congested(struct net *from, u32 to)
{
	return READ_ONCE(full);
}

static void wire_deliver(struct tasklet_struct *tasklet);
static DECLARE_TASKLET(wire_tasklet, wire_deliver);

/* Under the queue's spinlock. */
static bool wire_queue(const struct sk_buff *skb)
{
	struct sk_buff *copy = wire_copy(skb);

	if (copy)
		__skb_queue_tail(&queue, copy);
	return copy;
}

/* Under the queue's spinlock: is this one that cannot be sent? */
static bool wire_fails(void)
{
	if (fails > 0)
		fails--;
	else if (!fails)
		return true;
	return false;
}

static int wire_xmit(struct net *from, u32 to, struct sk_buff *skb)
{
	bool fail;

	spin_lock_bh(&queue.lock);
	fail = wire_fails();
	if (!fail && !READ_ONCE(lose)) {
		fail = !wire_queue(skb);
		if (!fail && READ_ONCE(spoil) == 4)
			wire_queue(skb);
	}
	spin_unlock_bh(&queue.lock);
	consume_skb(skb);
	tasklet_schedule(&wire_tasklet);
	return fail ? -ENOBUFS : 0;
}

static struct kite_transport wire = {
	.owner		= THIS_MODULE,
	.name		= "wire",
	.features	= KITE_TRANSPORT_ATOMIC,
	.reaches	= wire_reaches,
	.xmit		= wire_xmit,
	.congested	= wire_congested,
};

static void wire_keep(const struct sk_buff *skb)
{
	u8 op = ((struct kite_hdr *)skb->data)->op;

	if (op >= ARRAY_SIZE(last))
		return;
	kfree_skb(last[op]);
	last[op] = skb_copy(skb, GFP_ATOMIC);
}

static void wire_deliver(struct tasklet_struct *tasklet)
{
	struct sk_buff *skb;

	while (!READ_ONCE(hold)) {
		spin_lock(&queue.lock);
		skb = __skb_dequeue(&queue);
		if (skb)
			wire_keep(skb);
		spin_unlock(&queue.lock);
		if (!skb)
			break;
		if (kite_transport_rcv(net, &wire, skb))
			WRITE_ONCE(refused, refused + 1);
	}
}

static int wire_set_full(const char *value, const struct kernel_param *param)
{
	int err = param_set_bool(value, param);

	if (!err && !full)
		kite_transport_uncongested(net, &wire);
	return err;
}

static const struct kernel_param_ops wire_full_ops = {
	.set	= wire_set_full,
	.get	= param_get_bool,
};
module_param_cb(full, &wire_full_ops, &full, 0644);
MODULE_PARM_DESC(full, "who sends has to wait");

static int wire_set_hold(const char *value, const struct kernel_param *param)
{
	int err = param_set_bool(value, param);

	if (!err)
		tasklet_schedule(&wire_tasklet);
	return err;
}

static const struct kernel_param_ops wire_hold_ops = {
	.set	= wire_set_hold,
	.get	= param_get_bool,
};
module_param_cb(hold, &wire_hold_ops, &hold, 0644);
MODULE_PARM_DESC(hold, "nothing arrives before this is over");

static int wire_repeat(const char *value, const struct kernel_param *param)
{
	struct sk_buff *copy = NULL;
	unsigned int op;
	int err;

	err = kstrtouint(value, 0, &op);
	if (err)
		return err;
	if (op >= ARRAY_SIZE(last))
		return -EINVAL;
	spin_lock_bh(&queue.lock);
	if (last[op])
		copy = skb_copy(last[op], GFP_ATOMIC);
	if (copy && op == KITE_OP_RESET && reason)
		((struct kite_hdr *)copy->data)->flags = reason;
	if (copy)
		__skb_queue_tail(&queue, copy);
	spin_unlock_bh(&queue.lock);
	if (!copy)
		return -ENOENT;
	tasklet_schedule(&wire_tasklet);
	return 0;
}

static const struct kernel_param_ops wire_repeat_ops = {
	.set	= wire_repeat,
};
module_param_cb(repeat, &wire_repeat_ops, NULL, 0200);
MODULE_PARM_DESC(repeat, "let the last packet of this kind arrive once more");

static int __init wire_init(void)
{
	struct kite_transport nothing = { .owner = THIS_MODULE, .name = "nothing" };
	int err;

	if (kite_transport_register(&nothing) != -EINVAL)
		return -EEXIST;
	skb_queue_head_init(&queue);
	net = get_net(current->nsproxy->net_ns);
	err = kite_transport_register(&wire);
	if (err)
		put_net(net);
	return err;
}

static void __exit wire_exit(void)
{
	unsigned int op;

	kite_transport_unregister(&wire);
	tasklet_kill(&wire_tasklet);
	skb_queue_purge(&queue);
	for (op = 0; op < ARRAY_SIZE(last); op++)
		kfree_skb(last[op]);
	put_net(net);
}

module_init(wire_init);
module_exit(wire_exit);

MODULE_DESCRIPTION("A transport of Kite whose other end is this end");
MODULE_LICENSE("GPL");
