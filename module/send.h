/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The questions that every message on a connection asks.
 */
#ifndef _KITE_SEND_H
#define _KITE_SEND_H

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

#endif /* _KITE_SEND_H */
