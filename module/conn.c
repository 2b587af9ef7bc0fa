// SPDX-License-Identifier: GPL-2.0
/*
 * A connection: its states, and what its peer does to it. How a program ends it is in
 * close.c.
 *
 *	CLOSE --connect--> SYN_SENT --RESPONSE--> ESTABLISHED
 *	  |  ^                 |                    ^     |
 *	  |  +--RESET, timeout-+    REQUEST --------+     | RESET, close
 *	  +--listen--> LISTEN       (a listener's child)  v
 *	                                               CLOSING
 *
 * In CLOSING the connection is over: either the program can still read what came
 * before and then closes, or it has closed and we wait for the peer to do so.
 *
 * What the peer does arrives in any context. While a system call owns the
 * socket, it is noted in @pending and done when the call lets go, so control
 * needs no memory. A packet that finds no memory is noted in @unsent, for the
 * timer.
 */
#include <linux/jhash.h>
#include <linux/module.h>
#include <linux/rhashtable.h>

#include <linux/kite_diag.h>

#include "af_kite.h"

static bool kite_tuple_equal(const struct kite_tuple *a, const struct kite_tuple *b)
{
	return a->remote.port == b->remote.port && a->local.port == b->local.port &&
	       a->remote.node == b->remote.node && a->local.node == b->local.node &&
	       a->type == b->type;
}

/* Programs choose the ports alone. */
static u32 kite_tuple_hash(const void *key, u32 len, u32 seed)
{
	const struct kite_tuple *tuple = key;
	u32 rest = tuple->type ^ tuple->local.node ^ rol32(tuple->remote.node, 16);

	return jhash_3words(tuple->local.port, tuple->remote.port, rest, seed);
}

static int kite_tuple_differs(struct rhashtable_compare_arg *arg, const void *obj)
{
	const struct kite_conn *kc = obj;

	return !kite_tuple_equal(&kc->ks.tuple, arg->key);
}

static const struct rhashtable_params kite_conn_params = {
	.hashfn			= kite_tuple_hash,
	.obj_cmpfn		= kite_tuple_differs,
	.head_offset		= offsetof(struct kite_conn, conn_link),
	.key_offset		= offsetof(struct kite_conn, ks.tuple),
	.key_len		= sizeof(struct kite_tuple),
	.automatic_shrinking	= true,
};

/**
 * kite_conn_table_init - make the table of connections of a new namespace
 * @kn: the namespace
 *
 * Context: Process context.
 * Return: 0 or -ENOMEM.
 */
int kite_conn_table_init(struct kite_net *kn)
{
	return rhashtable_init(&kn->conns, &kite_conn_params);
}

/**
 * kite_conn_table_exit - free the table of connections of a namespace that goes
 * @kn: the namespace, which has no connection any more
 *
 * Context: Process context.
 */
void kite_conn_table_exit(struct kite_net *kn)
{
	rhashtable_destroy(&kn->conns);
}

/**
 * kite_conn_hash - put a connection into the table, by its tuple
 * @sk: the connection
 *
 * The table holds a reference.
 *
 * Context: Any; the caller owns the socket, or nobody else knows it.
 * Return: 0; -EEXIST when there is such a connection; -ENOMEM and the like.
 */
int kite_conn_hash(struct sock *sk)
{
	struct kite_conn *kc = kite_conn(sk);
	int err;

	sock_hold(sk);
	/* A bucket's lock is a bit of what its owner reads: who waits for it writes. */
	err = data_race(rhashtable_lookup_insert_fast(&kite_net(sock_net(sk))->conns,
						      &kc->conn_link, kite_conn_params));
	if (err)
		sock_put(sk);
	else
		WRITE_ONCE(kc->hashed, true);
	return err;
}

/**
 * kite_conn_unhash - take a connection out of the table, if it is there
 * @sk: the connection
 *
 * Context: Any; the caller owns the socket and holds a reference.
 */
void kite_conn_unhash(struct sock *sk)
{
	struct kite_conn *kc = kite_conn(sk);

	if (!kc->hashed)
		return;
	WRITE_ONCE(kc->hashed, false);
	/* See kite_conn_hash(). */
	data_race(rhashtable_remove_fast(&kite_net(sock_net(sk))->conns, &kc->conn_link,
					 kite_conn_params));
	sock_put(sk);
}

/**
 * kite_conn_find - find a connection by its tuple
 * @net: the namespace
 * @tuple: type and addresses, as the connection sees them
 *
 * Context: Any.
 * Return: the connection, with a reference for the caller, or NULL.
 */
struct sock *kite_conn_find(struct net *net, const struct kite_tuple *tuple)
{
	struct kite_conn *kc;

	rcu_read_lock();
	/* One that has just left the table may be given another tuple meanwhile. */
	kc = data_race(rhashtable_lookup(&kite_net(net)->conns, tuple, kite_conn_params));
	if (kc && !refcount_inc_not_zero(&kite_conn_sk(kc)->sk_refcnt))
		kc = NULL;
	rcu_read_unlock();
	if (!kc)
		return NULL;
	/* It may have come back with another tuple, and if it is changing it is not the one. */
	if (!data_race(kite_tuple_equal(&kc->ks.tuple, tuple))) {
		sock_put(kite_conn_sk(kc));
		return NULL;
	}
	return kite_conn_sk(kc);
}

/**
 * kite_conn_is_mirror - are these the two ends of one connection?
 * @sk: a connection
 * @other: the socket that sent it a packet
 *
 * Context: Any.
 * Return: true if @other is a connection too and has the tuple of @sk, seen from
 * the other side.
 */
bool kite_conn_is_mirror(const struct sock *sk, const struct sock *other)
{
	const struct kite_tuple *a = &kite_sk(sk)->tuple, *b;

	if (other == sk || other->sk_prot != sk->sk_prot)
		return false;
	b = &kite_sk(other)->tuple;
	return a->local.port == b->remote.port && a->local.node == b->remote.node &&
	       a->remote.port == b->local.port && a->remote.node == b->local.node;
}

/**
 * kite_conn_arm - let the timer go off, unless it does so earlier
 * @sk: the connection
 * @after: jiffies from now
 *
 * It looks at all that it may be for, and goes on waiting if nothing is due. So nobody
 * who asks for it again and again can put off what others wait for.
 *
 * Context: Any.
 */
void kite_conn_arm(struct sock *sk, unsigned long after)
{
	if (!timer_reduce(&sk->sk_timer, jiffies + after))
		sock_hold(sk);
}

/**
 * kite_conn_disarm - the timer is not needed any more
 * @sk: the connection
 *
 * Saves the call where it was not armed, as on loopback.
 *
 * Context: Any.
 */
void kite_conn_disarm(struct sock *sk)
{
	if (timer_pending(&sk->sk_timer))
		sk_stop_timer(sk, &sk->sk_timer);
}

/**
 * kite_conn_set_transport - choose what carries a connection's packets
 * @kc: the connection, not connected yet
 * @transport: it, with a reference of its module, which passes to @kc; or NULL
 *
 * Context: Process context; the caller owns the socket, but not by its spinlock.
 */
void kite_conn_set_transport(struct kite_conn *kc,
			     const struct kite_transport *transport)
{
	const struct kite_transport *old = kc->transport;

	/* The timer of an earlier attempt may still be sending. */
	if (old)
		sk_stop_timer_sync(kite_conn_sk(kc), &kite_conn_sk(kc)->sk_timer);
	/* Who looks at it under RCU finds none that may be gone. */
	WRITE_ONCE(kc->transport, transport);
	if (old)
		module_put(old->owner);
}

/**
 * kite_conn_back - undo a connect that came to nothing
 * @sk: the socket, in SYN_SENT
 *
 * Context: Any; the caller owns the socket.
 */
void kite_conn_back(struct sock *sk)
{
	struct kite_sock *ks = kite_sk(sk);

	sock_owned_by_me(sk);

	kite_conn_disarm(sk);
	kite_conn_unhash(sk);
	kite_sk_set_state(sk, TCP_CLOSE);
	WRITE_ONCE(ks->tuple.local.node, ks->bound_node);
	kite_sk_set_remote(ks, &(struct kite_addr){ KITE_PORT_ANY, KITE_NODE_ANY });
}

/* What does a program see when its connection is reset? */
static int kite_reset_errno(const struct sock *sk, u8 reason)
{
	if (sk->sk_state != TCP_SYN_SENT)
		return reason == KITE_RESET_PROTOCOL ? -EPROTO : -ECONNRESET;
	switch (reason) {
	case KITE_RESET_REFUSED:
		return kite_refused_errno();
	case KITE_RESET_FULL:
		return -EAGAIN;
	case KITE_RESET_TIMEOUT:
		return -ETIMEDOUT;
	case KITE_RESET_NOMEM:
		return -ENOMEM;
	default:
		return -ECONNRESET;
	}
}

/* A listener elsewhere had no room: ask again in a while. */
static bool kite_conn_retries(const struct kite_conn *kc)
{
	return !(kc->transport->features & KITE_TRANSPORT_LOCAL) &&
	       (kc->reset == KITE_RESET_FULL || kc->reset == KITE_RESET_NOMEM);
}

/* Notes the error of a connection; the caller then sets shutdown and state. */
static void kite_conn_fail(struct sock *sk, int err)
{
	/* Who sees the error sees all data before it. */
	smp_wmb();
	WRITE_ONCE(sk->sk_err, -err);
	/* Who sees the end sees the error, or it would look like a good end. */
	smp_wmb();
}

static void kite_conn_report(struct sock *sk)
{
	sk_error_report(sk);
	sk->sk_state_change(sk);
}

/* We reset it, and the peer has not heard of that for want of memory: the timer tells it. */
static bool kite_conn_resets(const struct kite_conn *kc)
{
	return READ_ONCE(kc->reset_sent) && kite_conn_untold(kc);
}

/* Until then no other connection may have the addresses. */
static void kite_conn_free_tuple(struct sock *sk)
{
	if (!kite_conn_resets(kite_conn(sk)))
		kite_conn_unhash(sk);
}

static void kite_conn_on_reset(struct sock *sk)
{
	struct kite_conn *kc = kite_conn(sk);
	int err = kite_reset_errno(sk, kc->reset);

	if (sk->sk_state == TCP_SYN_SENT) {
		if (kite_conn_retries(kc)) {
			kite_conn_retry(sk, KITE_OP_REQUEST);
			return;
		}
		kite_event(sk, KITE_EVENT_RESET, kc->reset);
		if (kc->reset == KITE_RESET_TIMEOUT)
			kite_count(sock_net(sk), KITE_STAT_CONNECT_TIMEOUTS);
		kite_conn_fail(sk, err);
		kite_conn_back(sk);
		kite_conn_report(sk);
	} else if (kc->reset == KITE_RESET_FULL) {
		/* A late answer to a request; nothing that ends a connection. */
	} else if (kc->orphan) {
		if (kc->reset == KITE_RESET_TIMEOUT)
			kite_count(sock_net(sk), KITE_STAT_CLOSE_TIMEOUTS);
		else if (kite_conn_resets(kc))
			return;
		kite_conn_over(sk);
	} else if (kc->reset == KITE_RESET_REFUSED && kc->peer_shutdown == SHUTDOWN_MASK &&
		   !READ_ONCE(kc->reset_sent)) {
		/* It had nothing to say or hear any more, and has closed since: a good end. */
	} else if (sk->sk_state == TCP_ESTABLISHED) {
		kite_event(sk, KITE_EVENT_RESET, kc->reset);
		kite_count(sock_net(sk), KITE_STAT_ESTAB_RESETS);
		kite_queue_close(sk);
		kite_conn_hush(kc);
		kite_conn_free_tuple(sk);
		kite_conn_fail(sk, err);
		kite_sk_set_shutdown(sk, SHUTDOWN_MASK);
		/* Who sees it sees the shutdown and the peer. */
		kite_sk_set_state(sk, TCP_CLOSING);
		kite_conn_report(sk);
	}
}

static void kite_conn_on_shutdown(struct sock *sk)
{
	struct kite_conn *kc = kite_conn(sk);
	u8 shutdown = sk->sk_shutdown;

	if (kc->orphan && !kite_conn_waits(kc))
		kite_conn_over(sk);
	else if (sk->sk_state == TCP_CLOSING && kc->reset && !kc->orphan)
		kite_conn_free_tuple(sk);
	/* Some of its data did not get in, for which it was reset: this is no good end. */
	if (sk->sk_state != TCP_ESTABLISHED || READ_ONCE(kc->reset_sent))
		return;
	if (kc->peer_shutdown == SHUTDOWN_MASK && kite_tuple_free_early(kc))
		kite_conn_unhash(sk);
	if (kc->peer_shutdown & KITE_SHUTDOWN_RCV)
		shutdown |= SEND_SHUTDOWN;
	if (kc->peer_shutdown & KITE_SHUTDOWN_SEND) {
		/* Nothing comes after the end, from a late writer either. */
		kite_queue_close(sk);
		shutdown |= RCV_SHUTDOWN;
	}
	if (shutdown == sk->sk_shutdown)
		return;
	/* A reader that sees this must see all data before it. */
	kite_sk_set_shutdown(sk, shutdown);

	sk->sk_state_change(sk);
	if (shutdown == SHUTDOWN_MASK)
		kite_wake_async(sk, SOCK_WAKE_WAITD, POLL_HUP);
	else if (shutdown & RCV_SHUTDOWN)
		kite_wake_async(sk, SOCK_WAKE_WAITD, POLL_IN);
}

static void kite_conn_on_established(struct sock *sk)
{
	if (sk->sk_state != TCP_SYN_SENT)
		return;
	kite_conn_disarm(sk);
	/* Reset since then, which the peer does not know yet. */
	if (unlikely(READ_ONCE(kite_conn(sk)->unsent)))
		kite_conn_arm(sk, KITE_RETRY_INTERVAL);
	/* Who sees ESTABLISHED sees the peer. */
	kite_sk_set_state(sk, TCP_ESTABLISHED);
	sk->sk_state_change(sk);
	kite_wake_async(sk, SOCK_WAKE_IO, POLL_OUT);
}

static void kite_conn_apply(struct sock *sk, u8 events)
{
	if (events & KITE_EV_ESTABLISHED)
		kite_conn_on_established(sk);
	if (events & KITE_EV_SHUTDOWN)
		kite_conn_on_shutdown(sk);
	if (events & KITE_EV_RESET)
		kite_conn_on_reset(sk);
}

/**
 * kite_conn_raise - something happened to a connection, with its spinlock held
 * @sk: the connection
 * @event: what: one of &enum kite_event
 *
 * Context: Under the socket's spinlock.
 */
void kite_conn_raise(struct sock *sk, u8 event)
{
	lockdep_assert_held(&sk->sk_lock.slock);

	if (sock_owned_by_user(sk))
		WRITE_ONCE(kite_conn(sk)->pending, kite_conn(sk)->pending | event);
	else
		kite_conn_apply(sk, event);
}

/**
 * kite_conn_note - the peer says something, with the socket's spinlock held
 * @sk: the connection
 * @event: KITE_EV_SHUTDOWN or KITE_EV_RESET
 * @arg: KITE_SHUTDOWN_* or one of &enum kite_reset
 *
 * Context: Under the socket's spinlock.
 */
void kite_conn_note(struct sock *sk, u8 event, u8 arg)
{
	struct kite_conn *kc = kite_conn(sk);

	if (event == KITE_EV_SHUTDOWN)
		WRITE_ONCE(kc->peer_shutdown, kc->peer_shutdown | arg);
	else if (!(kc->pending & KITE_EV_RESET) || kc->reset == KITE_RESET_FULL)
		kc->reset = arg;
	kite_conn_raise(sk, event);
}

/**
 * kite_conn_event - the same, for one that is not locked
 * @sk: the connection; the caller holds a reference
 * @event: as there
 * @arg: as there
 *
 * Context: Any, without a socket's spinlock. Never sleeps, never fails.
 */
void kite_conn_event(struct sock *sk, u8 event, u8 arg)
{
	local_bh_disable();
	bh_lock_sock(sk);
	kite_conn_note(sk, event, arg);
	bh_unlock_sock(sk);
	local_bh_enable();
}

/**
 * kite_conn_release_cb - do what came while a system call owned the socket
 * @sk: the connection
 *
 * Context: From release_sock(), under the socket's spinlock.
 */
void kite_conn_release_cb(struct sock *sk)
{
	struct kite_conn *kc = kite_conn(sk);
	u8 events = kc->pending;

	WRITE_ONCE(kc->pending, 0);
	kite_conn_apply(sk, events);
}

/**
 * kite_conn_run_pending - the same, when the owner wants to know at once
 * @sk: the connection
 *
 * Context: Process context, lock_sock held.
 */
void kite_conn_run_pending(struct sock *sk)
{
	sock_owned_by_me(sk);

	if (!READ_ONCE(kite_conn(sk)->pending))
		return;
	spin_lock_bh(&sk->sk_lock.slock);
	kite_conn_release_cb(sk);
	spin_unlock_bh(&sk->sk_lock.slock);
}

/**
 * kite_conn_header - make the header of a connection's packet
 * @sk: the connection
 * @op: one of &enum kite_op
 * @flags: as @op has them
 *
 * Context: Any.
 * Return: the header. What it says of credit counts as told.
 */
struct kite_packet kite_conn_header(struct sock *sk, u8 op, u8 flags)
{
	struct kite_conn *kc = kite_conn(sk);
	const struct kite_tuple *tuple = &kc->ks.tuple;
	const struct kite_packet pkt = {
		.type	= tuple->type,
		.op	= op,
		.flags	= flags,
		.src	= tuple->local,
		.dst	= tuple->remote,
		.read	= kite_credit_read(kc),
		.limit	= READ_ONCE(kc->rx_limit),
	};

	WRITE_ONCE(kc->rx_told, pkt.limit);
	return pkt;
}

/**
 * kite_conn_xmit - send a packet of a connection
 * @sk: the connection
 * @skb: its payload, with room for the header; consumed
 * @op: one of &enum kite_op
 * @flags: as @op has them
 *
 * Context: Any, without a spinlock.
 * Return: 0 or what the transport says.
 */
int kite_conn_xmit(struct sock *sk, struct sk_buff *skb, u8 op, u8 flags)
{
	struct kite_conn *kc = kite_conn(sk);
	u32 told = READ_ONCE(kc->rx_told);
	const struct kite_packet pkt = kite_conn_header(sk, op, flags);
	int err = kite_packet_xmit(sock_net(sk), kc->transport, &pkt, skb);

	/* Its credit was not told; what another packet says now may be so once more. */
	if (unlikely(err))
		WRITE_ONCE(kc->rx_told, told);
	return err;
}

/**
 * kite_conn_retry - let the timer send a packet that found no memory
 * @sk: the connection, whose peer is not a socket here
 * @op: KITE_OP_REQUEST, KITE_OP_CREDIT, KITE_OP_SHUTDOWN or KITE_OP_RESET
 *
 * But not for one that is forgotten, see kite_conn_over().
 *
 * Context: Any, without a spinlock other than the socket's.
 */
void kite_conn_retry(struct sock *sk, u8 op)
{
	if (!kite_sock_listed(sk))
		return;
	set_bit(op, &kite_conn(sk)->unsent);
	/* A timer that is armed already and goes off now sees the bit, or it is armed anew. */
	smp_mb__after_atomic();
	kite_conn_arm(sk, KITE_RETRY_INTERVAL);
}

/**
 * kite_conn_send_control - send a packet without payload
 * @sk: the connection, whose peer is not a socket here
 * @op: KITE_OP_CREDIT, KITE_OP_SHUTDOWN or KITE_OP_RESET
 * @flags: as @op has them
 *
 * Without memory for it, here or on its way, the timer tries again: the counters,
 * what is shut down and the reason for a reset are kept in the connection. What was reset
 * sends nothing but that, and what is not in the table, nothing: another connection may
 * have its addresses.
 *
 * Context: Any, without a spinlock.
 */
void kite_conn_send_control(struct sock *sk, u8 op, u8 flags)
{
	struct kite_conn *kc = kite_conn(sk);
	struct sk_buff *skb;
	int err = -ENOBUFS;

	if (!READ_ONCE(kc->hashed) || (op != KITE_OP_RESET && READ_ONCE(kc->reset_sent)))
		return;
	skb = kite_packet_alloc(GFP_ATOMIC | __GFP_NOWARN);
	if (skb)
		err = kite_conn_xmit(sk, skb, op, flags);
	if (err == -ENOBUFS)
		kite_conn_retry(sk, op);
}

static void kite_conn_send_unsent(struct sock *sk)
{
	struct kite_conn *kc = kite_conn(sk);

	if (test_and_clear_bit(KITE_OP_REQUEST, &kc->unsent) &&
	    READ_ONCE(sk->sk_state) == TCP_SYN_SENT) {
		kite_count(sock_net(sk), KITE_STAT_CONNECT_RETRIES);
		if (kite_request_send(sk) && READ_ONCE(sk->sk_state) == TCP_SYN_SENT)
			kite_conn_retry(sk, KITE_OP_REQUEST);
	}
	if (test_and_clear_bit(KITE_OP_CREDIT, &kc->unsent))
		kite_conn_send_control(sk, KITE_OP_CREDIT, 0);
	if (test_and_clear_bit(KITE_OP_SHUTDOWN, &kc->unsent))
		kite_conn_send_control(sk, KITE_OP_SHUTDOWN, READ_ONCE(sk->sk_shutdown));
	if (READ_ONCE(kc->reset_sent) && test_and_clear_bit(KITE_OP_RESET, &kc->unsent))
		kite_conn_send_control(sk, KITE_OP_RESET, READ_ONCE(kc->reset_sent));
}

/*
 * Another node does not answer if it is asked for too much, see kite_rcv_reset(): we ask
 * again. If it was only slow it says FULL, which comes too late to matter.
 */
static void kite_conn_ask_again(struct sock *sk)
{
	struct kite_conn *kc = kite_conn(sk);

	if (kite_node_is_local(sock_net(sk), kc->ks.tuple.remote.node))
		return;
	set_bit(KITE_OP_REQUEST, &kc->unsent);
	kite_conn_arm(sk, KITE_ASK_INTERVAL);
}

/* Is it time to give up, on an answer or on the peer's close? Owns the socket. */
static bool kite_conn_expired(struct sock *sk)
{
	struct kite_conn *kc = kite_conn(sk);
	s32 left;

	if (sk->sk_state != TCP_SYN_SENT && !kc->orphan)
		return false;
	left = kc->deadline - (u32)jiffies;
	if (left <= 0)
		return true;
	kite_conn_arm(sk, left);
	if (sk->sk_state == TCP_SYN_SENT)
		kite_conn_ask_again(sk);
	return false;
}

static void kite_conn_timer(struct timer_list *timer)
{
	struct sock *sk = timer_container_of(sk, timer, sk_timer);
	bool owned, listed;

	bh_lock_sock(sk);
	owned = sock_owned_by_user(sk);
	if (owned) {
		kite_conn_arm(sk, KITE_RETRY_INTERVAL);
	} else if (kite_conn_expired(sk)) {
		/* A peer that has not closed yet may go on reading: it hears nothing. */
		kite_conn(sk)->reset = KITE_RESET_TIMEOUT;
		kite_conn_raise(sk, KITE_EV_RESET);
	}
	listed = kite_sock_listed(sk);
	bh_unlock_sock(sk);

	if (!owned && listed) {
		/* The peer that closes meanwhile has not been told yet. */
		set_bit(KITE_UNSENT_NOW, &kite_conn(sk)->unsent);
		kite_conn_send_unsent(sk);
		clear_bit(KITE_UNSENT_NOW, &kite_conn(sk)->unsent);
		/* All that it waited for, perhaps. For one that is closing we come again. */
		kite_conn_event(sk, KITE_EV_SHUTDOWN, 0);
	}
	sock_put(sk);
}

/* The last reference is gone, and an RCU grace period is over. */
static void kite_conn_destruct(struct sock *sk)
{
	struct kite_conn *kc = kite_conn(sk);

	/* An answer that came while it was closed may have opened the queue again. */
	if (unlikely(!skb_queue_empty(&sk->sk_receive_queue)))
		kite_queue_purge(sk);
	skb_queue_purge(&sk->sk_error_queue);
	/* What it kept of what was charged to it. */
	sk_mem_reclaim_final(sk);
	if (kc->transport)
		module_put(kc->transport->owner);
	WARN_ON_ONCE(kc->ks.peer);
	WARN_ON_ONCE(kc->hashed);
	WARN_ON_ONCE(atomic_read(&sk->sk_rmem_alloc));
	WARN_ON_ONCE(sk->sk_forward_alloc >= (int)PAGE_SIZE);
}

/**
 * kite_conn_init - prepare the connection's part of a new socket
 * @sk: the socket
 *
 * Context: Any; nobody else knows the socket.
 * Return: 0.
 */
int kite_conn_init(struct sock *sk)
{
	const struct kite_sysctl *sysctl = &kite_net(sock_net(sk))->sysctl;
	struct kite_conn *kc = kite_conn(sk);

	mutex_init(&kc->send_lock);
	mutex_init(&kc->recv_lock);
	INIT_LIST_HEAD(&kc->accept);
	init_waitqueue_head(&kc->room);
	kc->connect_timeout = msecs_to_jiffies(READ_ONCE(sysctl->connect_timeout));
	kite_vsock_conn_init(kc);
	timer_setup(&sk->sk_timer, kite_conn_timer, 0);
	sk->sk_write_space = kite_conn_write_space;
	sk->sk_destruct = kite_conn_destruct;
	return 0;
}

/**
 * kite_conn_kill - end a connection that a program may still be using
 * @sk: the connection, or a listener
 * @err: what its calls find, negative
 *
 * What it received can still be read: the reader may be at it.
 *
 * Context: Process context, lock_sock held.
 * Return: 0.
 */
int kite_conn_kill(struct sock *sk, int err)
{
	bool tell;

	sock_owned_by_me(sk);
	if (sk->sk_state == TCP_LISTEN) {
		kite_listener_close(sk);
		return 0;
	}
	kite_conn_run_pending(sk);

	/* One of the kernel's own may be here because its namespace goes. */
	tell = (sk->sk_state == TCP_ESTABLISHED || kite_conn_untold(kite_conn(sk))) &&
	       sk->sk_net_refcnt;
	if (sk->sk_state == TCP_ESTABLISHED || sk->sk_state == TCP_SYN_SENT)
		kite_conn_reset(sk, KITE_RESET_ABORT);
	if (sk->sk_state == TCP_SYN_SENT)
		kite_conn_back(sk);
	kite_queue_close(sk);
	kite_conn_fail(sk, err);
	kite_sk_set_shutdown(sk, SHUTDOWN_MASK);
	/* Who sees it sees the shutdown and the peer. */
	kite_sk_set_state(sk, TCP_CLOSING);
	if (tell)
		kite_conn_retire(sk);
	else
		kite_conn_over(sk);
	kite_conn_report(sk);
	return 0;
}
