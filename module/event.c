// SPDX-License-Identifier: GPL-2.0
/*
 * Events: what becomes of sockets, for who wants to hear it while it happens. They
 * go over a group of generic netlink, since sock_diag has such groups for inet alone.
 *
 * A listener needs CAP_NET_ADMIN in its namespace: others pay for what it hears.
 */
#include <linux/ktime.h>
#include <net/genetlink.h>

#include <linux/kite_diag.h>

#include "af_kite.h"

static const struct genl_multicast_group kite_genl_groups[] = {
	{ .name = KITE_EVENT_GROUP, .flags = GENL_MCAST_CAP_NET_ADMIN },
};

bool kite_event_heard __read_mostly;

/*
 * From now on somebody may listen. It stays so: who leaves the group may leave it
 * twice, so they cannot be counted.
 */
static int kite_event_listen(int group)
{
	WRITE_ONCE(kite_event_heard, true);
	return 0;
}

static struct genl_family kite_genl __ro_after_init = {
	.name		= KITE_GENL_NAME,
	.version	= KITE_GENL_VERSION,
	.hdrsize	= sizeof(struct kite_diag_msg),
	.maxattr	= KITE_DIAG_MAX,
	.netnsok	= true,
	.module		= THIS_MODULE,
	.mcgrps		= kite_genl_groups,
	.n_mcgrps	= ARRAY_SIZE(kite_genl_groups),
};

static int kite_event_fill(struct sk_buff *skb, struct sock *sk, u8 event, u8 reason)
{
	struct kite_diag_msg *msg;

	msg = genlmsg_put(skb, 0, 0, &kite_genl, 0, event);
	if (!msg)
		return -EMSGSIZE;
	kite_describe(msg, sk, sock_net(sk)->user_ns);
	if (nla_put_u64_64bit(skb, KITE_DIAG_TIME, ktime_get_real_ns(), KITE_DIAG_PAD) ||
	    (reason && nla_put_u8(skb, KITE_DIAG_REASON, reason)) ||
	    kite_describe_more(skb, sk, KITE_DIAG_ALL))
		return -EMSGSIZE;
	genlmsg_end(skb, msg);
	return 0;
}

/* Without memory, those who listen hear at least that they missed something. */
static void kite_event_send(struct sock *sk, u8 event, u8 reason)
{
	struct net *net = sock_net(sk);
	struct sk_buff *skb;

	skb = genlmsg_new(GENLMSG_DEFAULT_SIZE, GFP_ATOMIC | __GFP_NOWARN);
	if (!skb || kite_event_fill(skb, sk, event, reason)) {
		nlmsg_free(skb);
		genl_set_err(&kite_genl, net, 0, 0, -ENOBUFS);
		return;
	}
	genlmsg_multicast_netns(&kite_genl, net, skb, 0, 0, GFP_ATOMIC);
}

/**
 * kite_event_tell - kite_event(), once anybody has ever listened
 * @sk: the socket
 * @event: what: one of &enum kite_event_cmd
 * @reason: of KITE_EVENT_RESET: one of &enum kite_reset; or 0
 *
 * Context: Any.
 */
void kite_event_tell(struct sock *sk, u8 event, u8 reason)
{
	if (genl_has_listeners(&kite_genl, sock_net(sk), 0))
		kite_event_send(sk, event, reason);
}

/**
 * kite_event_init - from now on one can listen
 *
 * Context: Process context; there is no socket yet.
 * Return: 0, or what generic netlink says.
 */
int __init kite_event_init(void)
{
	/* Where nobody tells, somebody may always listen. */
	kite_event_heard = !kite_genl_bind(&kite_genl, kite_event_listen);
	return genl_register_family(&kite_genl);
}

/**
 * kite_event_exit - nobody can listen any more
 *
 * Context: Process context; there is no socket any more.
 */
void kite_event_exit(void)
{
	genl_unregister_family(&kite_genl);
}
