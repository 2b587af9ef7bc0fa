// SPDX-License-Identifier: GPL-2.0
/*
 * Credit: how much a sender may have in flight.
 *
 * Each direction of a connection has two counters, kept by its receiver: how
 * much it has read, and up to where the sender may send: the limit. A sender
 * counts what it has sent, and stays below the limit. All three count from the
 * start of the connection, bytes and for each record KITE_RECORD_OVERHEAD more, and
 * wrap at 2^32.
 *
 * The limit is what was read plus the receive buffer. It never goes back: a
 * receiver whose SO_RCVBUF shrank just does not move it until enough was read.
 *
 * The receiver's counters reach the sender's tx_read and tx_limit in one of two
 * ways. Where the peer is a socket here, the reader stores them there. Where it
 * is not, they travel in the headers of packets.
 *
 * A sender that waits and a reader that makes room meet at this pair of
 * barriers, so that one of the two always sees the other:
 *
 *	sender, kite_credit_block()	reader, kite_credit_wake()
 *	  tx_blocked = true		  tx_read, tx_limit = ...
 *	  smp_mb()			  smp_mb()
 *	  room by tx_read, tx_limit?	  tx_blocked? wake the sender
 */
#include "af_kite.h"
#include "trace.h"

/**
 * kite_credit_most - how much room could there ever be?
 * @kc: the connection
 *
 * Context: Any.
 * Return: the smaller of our send buffer and the peer's whole window, as it is now.
 */
u32 kite_credit_most(const struct kite_conn *kc)
{
	u32 read = READ_ONCE(kc->tx_read);
	u32 window;

	/* Pairs with kite_credit_grant(): the limit is not older than the read. */
	smp_rmb();
	window = READ_ONCE(kc->tx_limit) - read;
	return min_t(u32, window, READ_ONCE(kc->ks.sk.sk_sndbuf));
}

/* TCP's rule: not before the room is half of what is in flight. */
static u32 kite_credit_least(const struct kite_conn *kc)
{
	s32 flight = READ_ONCE(kc->tx_sent) - READ_ONCE(kc->tx_read);

	return READ_ONCE(kc->ks.peer) && flight > 0 ? max(flight / 2, 1) : 1;
}

/**
 * kite_credit_writable - does poll say that there is room?
 * @kc: the connection
 *
 * When the room is half of what is in flight, so that writer and reader do not wake
 * each other for every byte; a peer that is not here tells us of room in steps anyway,
 * and may wait for more data than that. And not before there is room for a record
 * that did not fit, or poll would send its writer in circles.
 *
 * Context: Any.
 * Return: true if so.
 */
bool kite_credit_writable(const struct kite_conn *kc)
{
	u32 wanted = min(READ_ONCE(kc->tx_wanted), kite_credit_most(kc));

	return kite_credit_space(kc) >= max(kite_credit_least(kc), wanted);
}

/**
 * kite_credit_block - announce that somebody waits for room
 * @kc: the connection
 *
 * The caller looks at the room after this, and only sleeps if there is none.
 *
 * Context: Any.
 */
void kite_credit_block(struct kite_conn *kc)
{
	WRITE_ONCE(kc->tx_blocked, true);
	/* Pairs with kite_credit_wake(), see the top of the file. */
	smp_mb();
}

/*
 * The rest of kite_credit_wake(): somebody waits for room. Not all may want as much as
 * the one who came last: so this does not ask for @tx_wanted.
 */
void __kite_credit_wake(struct sock *sk)
{
	struct kite_conn *kc = kite_conn(sk);

	if (kite_credit_space(kc) < kite_credit_least(kc))
		return;
	WRITE_ONCE(kc->tx_blocked, false);
	/* Pairs with kite_send_block(). */
	smp_wmb();
	WRITE_ONCE(kc->tx_told, false);
	trace_kite_credit(sk, KITE_CREDIT_WAKE);
	sk->sk_write_space(sk);
}

/**
 * kite_credit_open - give the peer of a new connection its first window
 * @kc: the connection
 *
 * Context: Any; nobody sends to it yet.
 */
void kite_credit_open(struct kite_conn *kc)
{
	u32 limit = kite_credit_read(kc) + kite_credit_window(kite_conn_sk(kc));

	WRITE_ONCE(kc->rx_limit, limit);
	WRITE_ONCE(kc->rx_told, limit);
}

/**
 * kite_credit_update - take the counters from a packet's header
 * @kc: the connection, whose peer is not a socket here
 * @read: the peer's @rx_read
 * @limit: the peer's @rx_limit
 *
 * The packet may be late or forged: a counter that goes back, that speaks of
 * bytes never sent or of an impossible window is ignored.
 *
 * Context: Under the socket's spinlock.
 */
void kite_credit_update(struct kite_conn *kc, u32 read, u32 limit)
{
	u32 sent = READ_ONCE(kc->tx_sent);

	lockdep_assert_held(&kite_conn_sk(kc)->sk_lock.slock);

	if (read - kc->tx_read > sent - kc->tx_read) {
		kite_count(sock_net(kite_conn_sk(kc)), KITE_STAT_IN_BAD_CREDITS);
		return;
	}
	if ((s32)(limit - kc->tx_limit) > 0 && limit - read <= KITE_WINDOW_MAX)
		WRITE_ONCE(kc->tx_limit, limit);
	/* Pairs with kite_credit_most(). */
	smp_wmb();
	WRITE_ONCE(kc->tx_read, read);
	trace_kite_credit(kite_conn_sk(kc), KITE_CREDIT_UPDATE);
}
