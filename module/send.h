/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The questions that every message on a connection asks.
 */
#ifndef _KITE_SEND_H
#define _KITE_SEND_H

#include "tap.h"

/**
 * kite_send_check - may this be sent at all?
 * @sk: the connection
 * @msg: the message
 *
 * Context: Process context. After 0 the caller may use the connection's peer.
 * Return: 0; -EOPNOTSUPP for MSG_OOB; with an address -EISCONN or -EOPNOTSUPP, as
 * AF_UNIX has it; -EPIPE; -ENOTCONN.
 */
static inline int kite_send_check(struct sock *sk, const struct msghdr *msg)
{
	/* Pairs with the release that made it ESTABLISHED: the peer is set. */
	u8 state = smp_load_acquire(&sk->sk_state);

	if (msg->msg_flags & MSG_OOB)
		return -EOPNOTSUPP;
	if (msg->msg_namelen)
		return state == TCP_ESTABLISHED ? -EISCONN : -EOPNOTSUPP;
	if (READ_ONCE(sk->sk_shutdown) & SEND_SHUTDOWN)
		return -EPIPE;
	return state == TCP_ESTABLISHED ? 0 : -ENOTCONN;
}

/**
 * kite_queue_unread - how much is there to read?
 * @kc: the receiver
 *
 * Context: Any. Exact for the reader (recv_lock), who may then look at that many
 * bytes without the spinlock; a snapshot for others.
 * Return: charge.
 */
static inline u32 kite_queue_unread(const struct kite_conn *kc)
{
	/* Pairs with the releases in queue.c. */
	s32 unread = smp_load_acquire(&kc->rx_queued) - READ_ONCE(kc->rx_read);

	/* Others may have read what came since. */
	return max(unread, 0);
}

/**
 * kite_recv_check - may this be received at all?
 * @sk: the connection
 * @flags: MSG_*
 *
 * Context: Process context.
 * Return: 0; -EOPNOTSUPP for MSG_OOB; -ENOTCONN, as TCP has it.
 */
static inline int kite_recv_check(const struct sock *sk, int flags)
{
	/* Pairs with the release that made it ESTABLISHED: the peer is set. */
	u8 state = smp_load_acquire(&sk->sk_state);

	if (flags & MSG_OOB)
		return -EOPNOTSUPP;
	return state == TCP_ESTABLISHED || state == TCP_CLOSING ? 0 : -ENOTCONN;
}

/**
 * kite_recv_over - will no more come than what a look at the queue now shows?
 * @sk: the connection
 *
 * Context: Process context. Before the look at the queue.
 * Return: true after an error or at the end.
 */
static inline bool kite_recv_over(const struct sock *sk)
{
	bool over = READ_ONCE(sk->sk_err) ||
		    READ_ONCE(sk->sk_shutdown) & RCV_SHUTDOWN;

	/* What came before the end is in the queue: pairs with conn.c. */
	smp_rmb();
	return over;
}

/* Its socket's wait queue stays for a grace period. */
static inline bool kite_has_sleeper(const struct sock *sk)
{
	bool sleeper;

	/* Not rcu_read_lock(), which is two calls. */
	rcu_read_lock_sched();
	sleeper = skwq_has_sleeper(rcu_dereference_sched(sk->sk_wq)) ||
		  kite_sk_flags(sk) & BIT(SOCK_FASYNC);
	rcu_read_unlock_sched();
	return sleeper;
}

/**
 * kite_data_ready - there is something to read: tell the reader, if it waits
 * @sk: the receiver; the caller holds a reference of it or the RCU read lock
 *
 * Saves the call where nobody waits. Who has put a function of its own there, as
 * kernel users do, is always told.
 *
 * Context: Any.
 */
static inline void kite_data_ready(struct sock *sk)
{
	void (*ready)(struct sock *sk) = READ_ONCE(sk->sk_data_ready);

	if (ready != kite_def_readable || kite_has_sleeper(sk))
		ready(sk);
}

/* The copy may have waited: what was reset meanwhile has no addresses any more. */
static inline int kite_send_packet(struct sock *sk, struct sk_buff *skb, u8 flags)
{
	if (unlikely(READ_ONCE(sk->sk_shutdown) & SEND_SHUTDOWN ||
		     !READ_ONCE(kite_conn(sk)->hashed))) {
		kite_buf_free(skb);
		return -EPIPE;
	}
	return kite_conn_xmit(sk, skb, KITE_OP_DATA, flags);
}

/**
 * kite_send_deliver - give a buffer to the peer
 * @sk: the sender
 * @skb: the buffer; consumed
 * @flags: KITE_DATA_*
 * @creds: whose message it is
 *
 * Right into its queue where it is a socket here, else to the transport.
 *
 * Context: Process context, send_lock held.
 * Return: 0, or what the queue or the transport says; -EPIPE if the connection has
 * ended since the message was begun.
 */
static inline int kite_send_deliver(struct sock *sk, struct sk_buff *skb, u8 flags,
				    const struct kite_creds *creds)
{
	struct kite_conn *kc = kite_conn(sk);
	int err;

	lockdep_assert_held(&kc->send_lock);

	if (!kc->ks.peer)
		return kite_send_packet(sk, skb, flags);
	if (kite_tap_on(sock_net(sk)))
		kite_tap_conn(sk, skb, KITE_OP_DATA, flags);
	kite_cb(skb)->creds.pid = NULL;
	if (unlikely(creds->pid) && !(flags & KITE_DATA_MORE))
		kite_creds_attach(skb, creds);
	err = kite_queue_append(kc->ks.peer, skb, flags);
	if (unlikely(err))
		kite_buf_free(skb);
	return err;
}

#endif /* _KITE_SEND_H */
