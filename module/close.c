// SPDX-License-Identifier: GPL-2.0
/*
 * The end of a connection: shutdown, close and reset, and those that the program has
 * closed and that wait for their peer to do so.
 */
#include "af_kite.h"
#include "tap.h"

/*
 * A closed connection takes a place among those that wait: for their peer, or for
 * memory to tell it. There are only so many, or who opens and closes connections to
 * peers that never close theirs could fill the memory: TCP has tcp_max_orphans.
 */
static bool kite_orphan_begin(struct sock *sk)
{
	struct kite_net *kn = kite_net(sock_net(sk));

	if (kite_conn(sk)->orphan)
		return true;
	if (atomic_inc_return(&kn->orphans) <= READ_ONCE(kn->sysctl.max_orphans)) {
		kite_conn(sk)->orphan = true;
		return true;
	}
	atomic_dec(&kn->orphans);
	kite_count(sock_net(sk), KITE_STAT_ORPHAN_OVERFLOWS);
	return false;
}

static void kite_orphan_end(struct sock *sk)
{
	if (!kite_conn(sk)->orphan)
		return;
	kite_conn(sk)->orphan = false;
	atomic_dec(&kite_net(sock_net(sk))->orphans);
}

/**
 * kite_conn_untold - has the peer still to hear of the end, for want of memory?
 * @kc: the connection
 *
 * Context: Any.
 * Return: true if so.
 */
bool kite_conn_untold(const struct kite_conn *kc)
{
	return READ_ONCE(kc->unsent) &
	       (BIT(KITE_OP_SHUTDOWN) | BIT(KITE_OP_RESET) | BIT(KITE_UNSENT_NOW));
}

/**
 * kite_conn_over - a connection that no program can use any more is forgotten
 * @sk: the connection; the caller holds a reference
 *
 * It sends nothing more: its namespace may go now, if it is a kernel socket.
 *
 * Context: Any; the caller owns the socket.
 */
void kite_conn_over(struct sock *sk)
{
	WRITE_ONCE(kite_conn(sk)->unsent, 0);
	kite_conn_disarm(sk);
	kite_orphan_end(sk);
	kite_conn_unhash(sk);
	kite_sock_unlist(sk);
}

/**
 * kite_conn_retire - the end of a connection was told, or should have been
 * @sk: the connection; the caller holds a reference
 *
 * It is forgotten, but not before its peer has closed, too, where it waits for that; nor
 * while there is no memory to tell the peer. It does not wait for ever; and where too
 * many wait already it is forgotten at once.
 *
 * Context: Any; the caller owns the socket.
 */
void kite_conn_retire(struct sock *sk)
{
	struct kite_conn *kc = kite_conn(sk);
	bool untold = kite_conn_untold(kc);
	struct kite_net *kn;
	unsigned long after;

	/* The timer of one that is killed may have left something that is not sent any more. */
	if (untold && kite_sock_listed(sk))
		kite_orphan_begin(sk);
	if (!kc->orphan) {
		kite_conn_over(sk);
		return;
	}
	kn = kite_net(sock_net(sk));
	after = msecs_to_jiffies(READ_ONCE(kn->sysctl.close_timeout));
	kc->deadline = jiffies + after;
	/* The timer, too, looks whether there is anything left. */
	kite_conn_arm(sk, untold ? KITE_RETRY_INTERVAL : after);
}

/**
 * kite_conn_waits - has a closed connection a reason to wait?
 * @kc: the connection
 *
 * Where the peer is not here, the tuple is in use until it has closed, too; but for one
 * that was reset, by the peer or by us.
 *
 * Context: Any; the caller owns the socket.
 * Return: true if so.
 */
bool kite_conn_waits(const struct kite_conn *kc)
{
	return kite_conn_untold(kc) ||
	       (!kc->ks.peer && kc->hashed && !READ_ONCE(kc->reset_sent) &&
		READ_ONCE(kc->peer_shutdown) != SHUTDOWN_MASK);
}

/* Tells a peer here, unless it has closed already: then nothing is left to be done. */
static void kite_peer_event(struct sock *peer, u8 event, u8 arg)
{
	/* It may be closing just now; sock_orphan() does not mark its write. */
	if (!data_race(sock_flag(peer, SOCK_DEAD)))
		kite_conn_event(peer, event, arg);
}

/**
 * kite_conn_shutdown - close one or both directions, and tell the peer
 * @sk: the connection, ESTABLISHED
 * @how: RCV_SHUTDOWN, SEND_SHUTDOWN or both
 *
 * As with AF_UNIX, the peer of a socket that will not receive cannot send. Who waits
 * at this end is not woken: when the program closes it, there is nobody.
 *
 * Context: Process context, lock_sock held.
 */
void kite_conn_shutdown(struct sock *sk, u8 how)
{
	struct kite_conn *kc = kite_conn(sk);

	sock_owned_by_me(sk);

	if (how & RCV_SHUTDOWN)
		kite_queue_close(sk);
	/* Whoever sees this finds the queue closed. */
	kite_sk_set_shutdown(sk, how);
	if (kc->ks.peer) {
		if (kite_tap_on(sock_net(sk)))
			kite_tap_conn(sk, NULL, KITE_OP_SHUTDOWN, sk->sk_shutdown);
		kite_peer_event(kc->ks.peer, KITE_EV_SHUTDOWN, how);
	} else {
		kite_conn_send_control(sk, KITE_OP_SHUTDOWN, sk->sk_shutdown);
	}
}

/**
 * kite_conn_hush - a reset says all that there is to say
 * @kc: the connection, which was reset or is about to be
 *
 * What else waits for memory is not sent any more: it could reach another connection of
 * these addresses.
 *
 * Context: Any.
 */
void kite_conn_hush(struct kite_conn *kc)
{
	if (!READ_ONCE(kc->unsent))
		return;
	clear_bit(KITE_OP_CREDIT, &kc->unsent);
	clear_bit(KITE_OP_SHUTDOWN, &kc->unsent);
}

/**
 * kite_conn_reset - tell the peer that the connection ended badly
 * @sk: the connection
 * @reason: one of &enum kite_reset
 *
 * Context: Any, without a spinlock.
 */
void kite_conn_reset(struct sock *sk, u8 reason)
{
	struct sock *peer = READ_ONCE(kite_sk(sk)->peer);

	if (peer) {
		if (kite_tap_on(sock_net(sk)))
			kite_tap_conn(sk, NULL, KITE_OP_RESET, reason);
		kite_peer_event(peer, KITE_EV_RESET, reason);
	} else {
		WRITE_ONCE(kite_conn(sk)->reset_sent, reason);
		kite_conn_hush(kite_conn(sk));
		kite_conn_send_control(sk, KITE_OP_RESET, reason);
	}
}

/**
 * kite_conn_abort - a connection is of no use any more: reset it on both sides
 * @sk: the connection
 *
 * Context: Any, without a spinlock.
 */
void kite_conn_abort(struct sock *sk)
{
	kite_conn_reset(sk, KITE_RESET_ABORT);
	kite_conn_event(sk, KITE_EV_RESET, KITE_RESET_ABORT);
}

static bool kite_conn_drained(struct sock *sk, u32 arg)
{
	struct kite_conn *kc = kite_conn(sk);

	kite_credit_block(kc);
	return READ_ONCE(kc->tx_read) == kc->tx_sent ||
	       READ_ONCE(sk->sk_state) != TCP_ESTABLISHED ||
	       READ_ONCE(sk->sk_shutdown) & SEND_SHUTDOWN;
}

/* SO_LINGER: give the peer time to read what was sent, as vsock does. */
static void kite_conn_linger(struct sock *sk)
{
	long timeo = sk->sk_lingertime;

	if (!sock_flag(sk, SOCK_LINGER) || !sk->sk_socket ||
	    (current->flags & PF_EXITING))
		return;
	/* A thread of the kernel that closes what programs left has more to do. */
	if (current->flags & PF_KTHREAD && !sk->sk_kern_sock)
		return;
	release_sock(sk);
	/* A reader that waits for more must not: all that there is has been sent. */
	kite_send_block(sk);
	kite_wait(sk, kite_conn_drained, 0, &timeo);
	lock_sock(sk);
}

static bool kite_conn_aborts(struct sock *sk)
{
	return (sock_flag(sk, SOCK_LINGER) && !sk->sk_lingertime) ||
	       kite_queue_unread(kite_conn(sk));
}

/* Ends what is ESTABLISHED, and empties the queue. */
static void kite_conn_finish(struct sock *sk)
{
	bool abort = kite_conn_aborts(sk);

	if (!abort)
		kite_conn_linger(sk);
	/* Data may have come meanwhile; from here on none can, and who sends more is reset. */
	sock_set_flag(sk, SOCK_DEAD);
	abort |= kite_queue_purge(sk) != 0;
	if (sk->sk_state != TCP_ESTABLISHED)
		return;
	if (!abort && kite_conn_waits(kite_conn(sk)))
		abort = !kite_orphan_begin(sk);
	if (abort)
		kite_conn_reset(sk, KITE_RESET_ABORT);
	else
		kite_conn_shutdown(sk, SHUTDOWN_MASK);
	kite_sk_set_state(sk, TCP_CLOSING);
}

/* Ends what is in SYN_SENT. */
static void kite_conn_cancel(struct sock *sk)
{
	kite_conn_disarm(sk);
	clear_bit(KITE_OP_REQUEST, &kite_conn(sk)->unsent);
	kite_sk_set_state(sk, TCP_CLOSING);
	kite_conn_reset(sk, KITE_RESET_ABORT);
}

/**
 * kite_conn_close - the program closes a connection
 * @sk: the connection, or a listener
 * @timeout: not used
 *
 * With data unread, or with SO_LINGER and 0 seconds, the peer sees a reset, as
 * with AF_UNIX and TCP. A tuple is not free before the peer has closed: where the
 * peer is a socket here, its own entry in the table sees to that, elsewhere our
 * end waits for it.
 *
 * Context: Process context, lock_sock held; dropped while it lingers.
 */
void kite_conn_close(struct sock *sk, long timeout)
{
	sock_owned_by_me(sk);
	if (sk->sk_state == TCP_LISTEN) {
		kite_listener_close(sk);
		return;
	}
	kite_conn_run_pending(sk);

	if (sk->sk_state == TCP_ESTABLISHED) {
		kite_conn_finish(sk);
	} else {
		if (sk->sk_state == TCP_SYN_SENT)
			kite_conn_cancel(sk);
		kite_queue_purge(sk);
	}
	kite_conn_retire(sk);
}

/**
 * kite_conn_discard - end a connection that no program has seen
 * @sk: a listener's child that was not accepted; the caller's reference is gone
 *	afterwards
 * @reason: what to tell the peer, or 0 to say nothing
 *
 * Context: Any, without a spinlock.
 */
void kite_conn_discard(struct sock *sk, u8 reason)
{
	kite_queue_purge(sk);
	local_bh_disable();
	bh_lock_sock(sk);
	kite_sk_set_state(sk, TCP_CLOSING);
	sock_set_flag(sk, SOCK_DEAD);
	/* A peer here may connect again as soon as it is told. */
	if (kite_sk(sk)->peer)
		kite_conn_unhash(sk);
	bh_unlock_sock(sk);
	local_bh_enable();

	if (reason)
		kite_conn_reset(sk, reason);
	local_bh_disable();
	bh_lock_sock(sk);
	kite_conn_retire(sk);
	bh_unlock_sock(sk);
	local_bh_enable();
	kite_sock_drop_peer(sk);
	sock_put(sk);
}
