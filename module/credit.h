/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The part of credit.c that every message passes.
 */
#ifndef _KITE_CREDIT_H
#define _KITE_CREDIT_H

static inline u32 kite_credit_window(const struct sock *sk)
{
	return min_t(u32, READ_ONCE(sk->sk_rcvbuf), KITE_WINDOW_MAX);
}

/* Is the transport so full that the connection should wait? */
static inline bool kite_credit_congested(const struct kite_conn *kc)
{
	const struct kite_transport *transport = kc->transport;

	return transport && transport->congested &&
	       transport->congested(sock_net(&kc->ks.sk), kc->ks.tuple.remote.node);
}

/**
 * kite_credit_space - how much may be sent now?
 * @kc: the connection
 *
 * What is in flight is bounded by the peer's receive buffer and, as with
 * AF_UNIX, by our own send buffer.
 *
 * Context: Any. The answer holds until somebody sends, so under @send_lock it
 * can only grow.
 * Return: charge: bytes, and KITE_RECORD_OVERHEAD for each record.
 */
static inline u32 kite_credit_space(const struct kite_conn *kc)
{
	u32 sent = READ_ONCE(kc->tx_sent);
	s32 window = READ_ONCE(kc->tx_limit) - sent;
	s32 flight = sent - READ_ONCE(kc->tx_read);
	s32 buffer = READ_ONCE(kc->ks.sk.sk_sndbuf) - flight;

	if (!READ_ONCE(kc->ks.peer) && unlikely(kite_credit_congested(kc)))
		return 0;
	return max(min(window, buffer), 0);
}

/**
 * kite_credit_read - how much have we read, in the peer's terms?
 * @kc: the connection
 *
 * Context: Any.
 * Return: charge, with that of records that nobody will read.
 */
static inline u32 kite_credit_read(const struct kite_conn *kc)
{
	return READ_ONCE(kc->rx_read) + READ_ONCE(kc->rx_tossed);
}

/**
 * kite_credit_is_news - would a packet tell the peer of its credit now?
 * @kc: the reader
 *
 * Context: Any; exact under the spinlock of the receive queue.
 * Return: true when everything was read, or the window moved by a quarter since
 * the last packet.
 */
static inline bool kite_credit_is_news(const struct kite_conn *kc)
{
	u32 window = kite_credit_window(&kc->ks.sk);

	return READ_ONCE(kc->rx_read) == READ_ONCE(kc->rx_queued) ||
	       READ_ONCE(kc->rx_limit) - READ_ONCE(kc->rx_told) >= window / 4;
}

/**
 * kite_credit_grant - after reading, let the peer send more
 * @kc: the reader
 *
 * Context: Under the spinlock of the reader's receive queue. Where the peer is
 * a socket here, the caller calls kite_credit_wake() for it when it has dropped
 * the lock.
 * Return: true when the peer is not here and a packet should tell it, see
 * kite_conn_send_control().
 */
static inline bool kite_credit_grant(struct kite_conn *kc)
{
	u32 window = kite_credit_window(kite_conn_sk(kc));
	u32 read = kite_credit_read(kc);
	u32 limit = read + window;
	/* In the sender's call, see kite_queue_publish(), we may be closing. */
	struct sock *peer = READ_ONCE(kc->ks.peer);

	lockdep_assert_held(&kite_conn_sk(kc)->sk_receive_queue.lock);

	if ((s32)(limit - kc->rx_limit) > 0)
		WRITE_ONCE(kc->rx_limit, limit);
	if (peer) {
		WRITE_ONCE(kite_conn(peer)->tx_limit, kc->rx_limit);
		/* Pairs with kite_credit_most(). */
		smp_wmb();
		WRITE_ONCE(kite_conn(peer)->tx_read, read);
		return false;
	}
	return kite_credit_is_news(kc);
}

/**
 * kite_credit_wake - there may be room: wake who waits for it
 * @sk: the sender
 *
 * Context: Any.
 */
static inline void kite_credit_wake(struct sock *sk)
{
	/* Pairs with kite_credit_block(), see the top of credit.c. */
	smp_mb();
	if (READ_ONCE(kite_conn(sk)->tx_blocked))
		__kite_credit_wake(sk);
}

#endif /* _KITE_CREDIT_H */
