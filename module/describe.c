// SPDX-License-Identifier: GPL-2.0
/*
 * A socket as linux/kite_diag.h describes it, for answers of sock_diag and for
 * events. Nothing is locked, so that nobody waits for a socket's owner who only
 * looks on; the figures need not be of one moment.
 */
#include <linux/cgroup.h>
#include <linux/sock_diag.h>
#include <net/netlink.h>

#include <linux/kite_diag.h>

#include "af_kite.h"

static_assert((int)KITE_DIAG_ESTABLISHED == (int)TCP_ESTABLISHED);
static_assert((int)KITE_DIAG_SYN_SENT == (int)TCP_SYN_SENT);
static_assert((int)KITE_DIAG_CLOSE == (int)TCP_CLOSE);
static_assert((int)KITE_DIAG_LISTEN == (int)TCP_LISTEN);
static_assert((int)KITE_DIAG_CLOSING == (int)TCP_CLOSING);
static_assert(KITE_DIAG_SHUTDOWN_RCV == RCV_SHUTDOWN);
static_assert(KITE_DIAG_SHUTDOWN_SEND == SEND_SHUTDOWN);

static u8 kite_describe_timer(const struct kite_conn *kc, u8 state)
{
	/* Set by plain writes: this is how it was, or how it will be. */
	if (!data_race(timer_pending(&kc->ks.sk.sk_timer)))
		return KITE_DIAG_TIMER_NONE;
	if (READ_ONCE(kc->unsent))
		return KITE_DIAG_TIMER_RETRY;
	if (state == TCP_SYN_SENT)
		return KITE_DIAG_TIMER_CONNECT;
	return state == TCP_CLOSING ? KITE_DIAG_TIMER_CLOSE : KITE_DIAG_TIMER_NONE;
}

/* What waits of a message's counters, which others move meanwhile. */
static u32 kite_describe_waiting(u32 came, u32 went)
{
	return max((s32)(came - went), 0);
}

static void kite_describe_listener(struct kite_diag_msg *msg, const struct sock *sk)
{
	msg->kdm_rqueue = READ_ONCE(sk->sk_ack_backlog);
	msg->kdm_wqueue = READ_ONCE(sk->sk_max_ack_backlog);
}

static void kite_describe_conn(struct kite_diag_msg *msg, const struct kite_conn *kc)
{
	const struct timer_list *timer = &kc->ks.sk.sk_timer;
	u32 read = READ_ONCE(kc->rx_read), peer_read = READ_ONCE(kc->tx_read);
	unsigned long expires;

	msg->kdm_rqueue = kite_describe_waiting(READ_ONCE(kc->rx_queued), read);
	msg->kdm_wqueue = kite_describe_waiting(READ_ONCE(kc->tx_sent), peer_read);
	msg->kdm_timer = kite_describe_timer(kc, msg->kdm_state);
	if (!msg->kdm_timer)
		return;
	/* Likewise. */
	expires = data_race(READ_ONCE(timer->expires));
	msg->kdm_expires = jiffies_to_msecs(max((long)(expires - jiffies), 0L));
}

static void kite_describe_inbox(struct kite_diag_msg *msg, const struct sock *sk)
{
	msg->kdm_rqueue = sk_rmem_alloc_get(sk);
	msg->kdm_wqueue = sk_wmem_alloc_get(sk);
}

/**
 * kite_describe - say what there is to say of every socket
 * @msg: where it goes
 * @sk: the socket
 * @user_ns: in whose terms its user is told
 *
 * Context: Any.
 */
void kite_describe(struct kite_diag_msg *msg, struct sock *sk,
		   struct user_namespace *user_ns)
{
	const struct kite_tuple *tuple = &kite_sk(sk)->tuple;
	struct kite_addr remote = kite_sk_remote(kite_sk(sk));

	*msg = (struct kite_diag_msg) {
		.kdm_family		= kite_family,
		.kdm_type		= sk->sk_type,
		.kdm_state		= READ_ONCE(sk->sk_state),
		.kdm_shutdown		= READ_ONCE(sk->sk_shutdown),
		.kdm_local_port		= READ_ONCE(tuple->local.port),
		.kdm_local_node		= READ_ONCE(tuple->local.node),
		.kdm_remote_port	= remote.port,
		.kdm_remote_node	= remote.node,
		.kdm_uid		= from_kuid_munged(user_ns, kite_sk_uid(sk)),
		.kdm_ino		= kite_sk_ino(sk),
		.kdm_refs		= refcount_read(&sk->sk_refcnt),
		.kdm_error		= READ_ONCE(sk->sk_err),
	};
	sock_diag_save_cookie(sk, msg->kdm_cookie);
	if (!kite_sk_connects(sk))
		kite_describe_inbox(msg, sk);
	else if (msg->kdm_state == TCP_LISTEN)
		kite_describe_listener(msg, sk);
	else
		kite_describe_conn(msg, kite_conn(sk));
}

static int kite_describe_credit(struct sk_buff *skb, struct sock *sk)
{
	const struct kite_conn *kc = kite_conn(sk);
	struct kite_diag_credit credit;

	if (!kite_sk_connects(sk))
		return 0;
	credit = (struct kite_diag_credit) {
		.kdc_sent	= READ_ONCE(kc->tx_sent),
		.kdc_limit	= READ_ONCE(kc->tx_limit),
		.kdc_peer_read	= READ_ONCE(kc->tx_read),
		.kdc_wanted	= READ_ONCE(kc->tx_wanted),
		.kdc_blocked	= READ_ONCE(kc->tx_blocked),
		.kdc_queued	= READ_ONCE(kc->rx_queued),
		.kdc_partial	= READ_ONCE(kc->rx_partial),
		.kdc_read	= READ_ONCE(kc->rx_read),
		.kdc_tossed	= READ_ONCE(kc->rx_tossed),
		.kdc_rx_limit	= READ_ONCE(kc->rx_limit),
		.kdc_told	= READ_ONCE(kc->rx_told),
		.kdc_unsent	= READ_ONCE(kc->unsent) & ~BIT(KITE_UNSENT_NOW),
	};
	return nla_put(skb, KITE_DIAG_CREDIT, sizeof(credit), &credit);
}

/* Who sees the peer under RCU may look at it, whatever becomes of the reference. */
static int kite_describe_peer(struct sk_buff *skb, struct sock *sk)
{
	struct kite_diag_peer told = {};
	struct sock *peer;

	rcu_read_lock();
	peer = READ_ONCE(kite_sk(sk)->peer);
	if (peer) {
		told.kdp_ino = kite_sk_ino(peer);
		sock_diag_save_cookie(peer, told.kdp_cookie);
	}
	rcu_read_unlock();
	return peer ? nla_put(skb, KITE_DIAG_PEER, sizeof(told), &told) : 0;
}

static int kite_describe_cgroup(struct sk_buff *skb, struct sock *sk)
{
#ifdef CONFIG_SOCK_CGROUP_DATA
	u64 id = cgroup_id(sock_cgroup_ptr(&sk->sk_cgrp_data));

	return nla_put_u64_64bit(skb, KITE_DIAG_CGROUP, id, KITE_DIAG_PAD);
#else
	return 0;
#endif
}

/* A transport is not gone before who could see it here under RCU. */
static int kite_describe_transport(struct sk_buff *skb, struct sock *sk)
{
	const struct kite_transport *transport;
	int err = 0;

	if (!kite_sk_connects(sk))
		return 0;
	rcu_read_lock();
	transport = READ_ONCE(kite_conn(sk)->transport);
	if (transport)
		err = nla_put_string(skb, KITE_DIAG_TRANSPORT, transport->name);
	rcu_read_unlock();
	return err;
}

/**
 * kite_describe_more - say what is asked for, as attributes
 * @skb: where they go
 * @sk: the socket
 * @show: which: bits 1 << KITE_DIAG_*
 *
 * Context: Any.
 * Return: 0, or -EMSGSIZE if there is no room.
 */
int kite_describe_more(struct sk_buff *skb, struct sock *sk, u32 show)
{
	int err = 0;

	if (show & BIT(KITE_DIAG_MEMINFO))
		err = sock_diag_put_meminfo(sk, skb, KITE_DIAG_MEMINFO);
	if (!err && show & BIT(KITE_DIAG_CREDIT))
		err = kite_describe_credit(skb, sk);
	if (!err && show & BIT(KITE_DIAG_PEER))
		err = kite_describe_peer(skb, sk);
	if (!err && show & BIT(KITE_DIAG_CGROUP))
		err = kite_describe_cgroup(skb, sk);
	if (!err && show & BIT(KITE_DIAG_MARK))
		err = nla_put_u32(skb, KITE_DIAG_MARK, READ_ONCE(sk->sk_mark));
	if (!err && show & BIT(KITE_DIAG_TRANSPORT))
		err = kite_describe_transport(skb, sk);
	return err;
}
