// SPDX-License-Identifier: GPL-2.0
/*
 * The handshake: connect on one side, listen and accept on the other.
 *
 * It goes through packets: connect sends a REQUEST; a listener with room makes a
 * child, answers with a RESPONSE and queues the child for accept. Where the transport
 * says which socket of this kernel sent a packet, the two ends note each other as peers
 * on the way; loopback does all of it before connect's call to send the REQUEST returns.
 * There, while nobody looks on, the listener is asked without the packets.
 *
 * What a full listener means differs with the distance. A local connect waits at
 * the listener for room, as with AF_UNIX; from elsewhere it asks again and again,
 * as TCP does.
 */
#include <linux/module.h>
#include <linux/sched/signal.h>

#include <linux/kite_diag.h>

#include "af_kite.h"

/* ---- the listener ---- */

static bool kite_listener_full(struct sock *sk)
{
	return sk_acceptq_is_full(sk);
}

static bool kite_listener_stopped(struct sock *sk)
{
	return READ_ONCE(sk->sk_state) != TCP_LISTEN ||
	       READ_ONCE(sk->sk_shutdown) & RCV_SHUTDOWN;
}

/**
 * kite_listen - the listen system call
 * @sock: the socket
 * @backlog: how many connections may wait for accept, and one more, as with
 *	AF_UNIX and TCP
 *
 * Context: Process context.
 * Return: 0; -EINVAL for a socket that is connected or being so; what autobind
 * says where the program did not bind, as with TCP.
 */
int kite_listen(struct socket *sock, int backlog)
{
	struct sock *sk = sock->sk;
	int err = -EINVAL;

	lock_sock(sk);
	if (sock->state != SS_UNCONNECTED)
		goto unlock;
	if (sk->sk_state != TCP_CLOSE && sk->sk_state != TCP_LISTEN)
		goto unlock;
	err = kite_port_autobind(sk);
	if (!err && sk->sk_state == TCP_CLOSE)
		err = kite_port_join(sk);
	if (err)
		goto unlock;
	WRITE_ONCE(sk->sk_max_ack_backlog, backlog);
	kite_peercred_set(sk);
	if (sk->sk_state == TCP_CLOSE) {
		kite_queue_open(sk);
		kite_sk_set_state(sk, TCP_LISTEN);
	}
	/* There may be more room than before. */
	wake_up_interruptible_all(&kite_conn(sk)->room);
unlock:
	release_sock(sk);
	return err;
}

/*
 * On loopback the socket that connects is known.
 */
static void kite_child_meet(struct sock *child, struct sock *sender)
{
	if (!sender || !kite_conn_is_mirror(child, sender))
		return;
	sock_hold(sender);
	kite_sk(child)->peer = sender;
}

static struct sock *kite_child_create(struct sock *listener,
				      const struct kite_transport *transport,
				      const struct kite_packet *pkt, struct sock *sender)
{
	struct kite_conn *kc;
	struct sock *child;

	child = kite_sock_alloc(sock_net(listener), NULL, listener->sk_prot_creator,
				listener->sk_type, kite_transport_gfp(transport),
				listener->sk_kern_sock);
	if (!child)
		return NULL;
	if (!try_module_get(transport->owner)) {
		kite_conn_discard(child, 0);
		return NULL;
	}
	kc = kite_conn(child);
	kc->ks.tuple.local = pkt->dst;
	kc->ks.tuple.remote = pkt->src;
	kc->ks.bound_node = pkt->dst.node;
	kc->transport = transport;
	kite_inherit(child, listener);
	kite_credit_open(kc);
	kc->tx_limit = min(pkt->limit, KITE_WINDOW_MAX);
	kite_child_meet(child, sender);
	kite_sock_list(child);
	kite_event(child, KITE_EVENT_CREATED, 0);
	return child;
}

/* Takes a place in the accept queue. Returns KITE_DROP_MAX or the reason to refuse. */
static enum kite_drop_reason kite_listener_reserve(struct sock *sk)
{
	enum kite_drop_reason reason = KITE_DROP_MAX;

	spin_lock_bh(&sk->sk_receive_queue.lock);
	if (!READ_ONCE(kite_conn(sk)->rx_open))
		reason = KITE_DROP_NO_LISTENER;
	else if (kite_listener_full(sk))
		reason = KITE_DROP_LISTEN_FULL;
	else
		sk_acceptq_added(sk);
	spin_unlock_bh(&sk->sk_receive_queue.lock);
	return reason;
}

/* Puts the child in its place. The listener may have closed meanwhile. */
static bool kite_listener_enqueue(struct sock *sk, struct sock *child)
{
	struct kite_conn *kc = kite_conn(sk);
	bool open;

	spin_lock_bh(&sk->sk_receive_queue.lock);
	open = READ_ONCE(kc->rx_open);
	if (open)
		list_add_tail(&kite_conn(child)->accept, &kc->accept);
	else
		sk_acceptq_removed(sk);
	spin_unlock_bh(&sk->sk_receive_queue.lock);
	return open;
}

/*
 * On loopback the one who connects is current: both sides learn the other's
 * credentials as with AF_UNIX, connect() those of listen().
 */
static void kite_child_peercred(struct sock *child, struct sock *listener)
{
	struct sock *peer = kite_sk(child)->peer;

	if (!peer)
		return;
	kite_peercred_set(child);
	kite_peercred_copy(peer, listener);
}

/* Returns KITE_DROP_MAX or the reason to refuse. */
static enum kite_drop_reason kite_child_hash(struct sock *child)
{
	switch (kite_conn_hash(child)) {
	case 0:
		return KITE_DROP_MAX;
	case -EEXIST:
		/* An old connection of this tuple may still be closing. */
		return KITE_DROP_TUPLE_BUSY;
	default:
		return KITE_DROP_NOMEM;
	}
}

/* Returns what to tell who sent the REQUEST. */
static u8 kite_request_refuse(struct sock *listener, const struct kite_packet *pkt,
			      enum kite_drop_reason why)
{
	kite_drop_note(sock_net(listener), listener, pkt, NULL, why);
	switch (why) {
	case KITE_DROP_NO_LISTENER:
		return KITE_RESET_REFUSED;
	case KITE_DROP_NOMEM:
		return KITE_RESET_NOMEM;
	default:
		return KITE_RESET_FULL;
	}
}

/*
 * Makes a child in answer to a REQUEST, and keeps a place in the accept queue for it.
 * Returns it, or NULL and in @why the reason to refuse.
 */
static struct sock *kite_listener_take(struct sock *listener,
				       const struct kite_transport *transport,
				       const struct kite_packet *pkt,
				       struct sock *sender, enum kite_drop_reason *why)
{
	struct sock *child;

	/* Cheaper than to find out with a child in hand. */
	*why = KITE_DROP_NO_LISTENER;
	if (kite_listener_stopped(listener))
		return NULL;
	*why = KITE_DROP_LISTEN_FULL;
	if (kite_listener_full(listener))
		return NULL;
	*why = KITE_DROP_NOMEM;
	child = kite_child_create(listener, transport, pkt, sender);
	if (!child)
		return NULL;
	*why = kite_child_hash(child);
	if (*why == KITE_DROP_MAX)
		*why = kite_listener_reserve(listener);
	if (*why != KITE_DROP_MAX) {
		kite_conn_discard(child, 0);
		return NULL;
	}
	kite_child_peercred(child, listener);
	kite_queue_open(child);
	/* Who sees ESTABLISHED sees the peer. */
	kite_sk_set_state(child, TCP_ESTABLISHED);
	return child;
}

/* The child does not take its place in the accept queue. */
static void kite_listener_forgo(struct sock *listener, struct sock *child, u8 reason)
{
	spin_lock_bh(&listener->sk_receive_queue.lock);
	sk_acceptq_removed(listener);
	spin_unlock_bh(&listener->sk_receive_queue.lock);
	wake_up_interruptible(&kite_conn(listener)->room);
	kite_conn_discard(child, reason);
}

/* Lets accept have the child, once the one who connects knows it. */
static void kite_listener_give(struct sock *listener, struct sock *child)
{
	if (kite_listener_enqueue(listener, child))
		kite_data_ready(listener);
	else
		kite_conn_discard(child, KITE_RESET_ABORT);
}

/**
 * kite_request_rcv - a REQUEST reached a listener
 * @listener: the listener
 * @transport: what brought the packet
 * @pkt: its header
 * @skb: the packet, consumed
 *
 * Context: As the transport delivers, without a spinlock.
 * Return: 0, or what to tell who sent it: one of &enum kite_reset, and then @skb
 * is still the caller's.
 */
u8 kite_request_rcv(struct sock *listener, const struct kite_transport *transport,
		    const struct kite_packet *pkt, struct sk_buff *skb)
{
	enum kite_drop_reason why;
	struct sock *child;

	child = kite_listener_take(listener, transport, pkt,
				   kite_transport_sender(transport, skb), &why);
	if (!child)
		return kite_request_refuse(listener, pkt, why);
	/* Before accept can have it, or data might overtake the RESPONSE. */
	kite_packet_own(skb, child);
	/* Who has not heard of it would never use it: he is to try again. */
	if (kite_conn_xmit(child, skb, KITE_OP_RESPONSE, 0))
		kite_listener_forgo(listener, child, KITE_RESET_NOMEM);
	else
		kite_listener_give(listener, child);
	return 0;
}

static struct sock *kite_listener_dequeue(struct sock *sk)
{
	struct kite_conn *child;

	spin_lock_bh(&sk->sk_receive_queue.lock);
	child = list_first_entry_or_null(&kite_conn(sk)->accept, struct kite_conn,
					 accept);
	if (child) {
		list_del_init(&child->accept);
		sk_acceptq_removed(sk);
	}
	spin_unlock_bh(&sk->sk_receive_queue.lock);
	return child ? kite_conn_sk(child) : NULL;
}

static bool kite_listener_ready(struct sock *sk, u32 arg)
{
	return !list_empty_careful(&kite_conn(sk)->accept) || kite_listener_stopped(sk);
}

/**
 * kite_accept_dequeue - wait for a connection and take it
 * @sk: the listener
 * @flags: O_NONBLOCK or not
 * @err: where the error goes
 *
 * Context: Process context, without locks: what accept takes, it takes under the
 * spinlock of the accept queue.
 * Return: the connection, with the queue's reference, or NULL and in @err
 * -EAGAIN, -EINVAL when the socket does not listen (any more), or -EINTR and
 * -ERESTARTSYS.
 */
struct sock *kite_accept_dequeue(struct sock *sk, int flags, int *err)
{
	long timeo = sock_rcvtimeo(sk, flags & O_NONBLOCK);
	struct sock *child;

	for (;;) {
		child = kite_listener_dequeue(sk);
		if (child) {
			wake_up_interruptible(&kite_conn(sk)->room);
			return child;
		}
		*err = -EINVAL;
		if (kite_listener_stopped(sk))
			return NULL;
		*err = kite_wait_exclusive(sk, kite_listener_ready, 0, &timeo);
		if (*err) {
			/* A wake-up that was meant for us is somebody else's now. */
			if (kite_listener_ready(sk, 0))
				sk->sk_data_ready(sk);
			return NULL;
		}
	}
}

/**
 * kite_listener_shutdown - shut down a listener
 * @sk: the listener
 * @how: with RCV_SHUTDOWN it takes no more connections
 *
 * Those in its accept queue stay, as with AF_UNIX.
 *
 * Context: Process context, lock_sock held.
 */
void kite_listener_shutdown(struct sock *sk, u8 how)
{
	sock_owned_by_me(sk);

	if (how & RCV_SHUTDOWN)
		kite_queue_close(sk);
	kite_sk_set_shutdown(sk, how);
	/* Nobody may join it from now on. */
	if (how & RCV_SHUTDOWN)
		kite_port_leave(sk);
	sk->sk_state_change(sk);
	wake_up_interruptible_all(&kite_conn(sk)->room);
}

/**
 * kite_listener_close - a listener goes, and resets who was not accepted
 * @sk: the listener
 *
 * Context: Process context, lock_sock held.
 */
void kite_listener_close(struct sock *sk)
{
	struct kite_conn *child, *next;
	LIST_HEAD(children);

	sock_owned_by_me(sk);

	kite_sk_set_state(sk, TCP_CLOSING);
	kite_listener_shutdown(sk, SHUTDOWN_MASK);
	spin_lock_bh(&sk->sk_receive_queue.lock);
	list_splice_init(&kite_conn(sk)->accept, &children);
	spin_unlock_bh(&sk->sk_receive_queue.lock);

	list_for_each_entry_safe(child, next, &children, accept) {
		list_del_init(&child->accept);
		kite_conn_discard(kite_conn_sk(child), KITE_RESET_ABORT);
		cond_resched();
	}
	kite_sock_unlist(sk);
}

/* ---- the one who connects ---- */

/**
 * kite_request_send - ask for a connection
 * @sk: the socket, in SYN_SENT
 *
 * Context: Any, without a spinlock.
 * Return: 0, -ENOBUFS, or what the transport says.
 */
int kite_request_send(struct sock *sk)
{
	struct sk_buff *skb = kite_packet_alloc(GFP_ATOMIC | __GFP_NOWARN);

	if (!skb)
		return -ENOBUFS;
	kite_packet_own(skb, sk);
	return kite_conn_xmit(sk, skb, KITE_OP_REQUEST, 0);
}

/*
 * Does it come in the place of a socket here? One that listens answers itself,
 * while we still send the REQUEST. But where none does, a program may play one.
 */
static bool kite_response_forged(struct net *net, const struct kite_transport *transport,
				 const struct kite_packet *pkt)
{
	struct sock *listener;

	if (!(transport->features & KITE_TRANSPORT_LOCAL))
		return false;
	listener = kite_port_find_listener(net, pkt->type, &pkt->src, &pkt->dst);
	if (!listener)
		return false;
	sock_put(listener);
	return true;
}

/* Asked again, a listener elsewhere may have the room that it did not have at first. */
static bool kite_connect_had_no_room(const struct sock *sk)
{
	const struct kite_conn *kc = kite_conn(sk);

	return (kc->reset == KITE_RESET_FULL || kc->reset == KITE_RESET_NOMEM) &&
	       !kite_node_is_local(sock_net(sk), kc->ks.tuple.remote.node);
}

/*
 * The listener says yes; @peer is its child where that is a socket here. Returns false
 * if @sk did not ask, or not any more.
 */
static bool kite_connect_answered(struct sock *sk, u32 limit, struct sock *peer)
{
	struct kite_conn *kc = kite_conn(sk);
	bool asked;

	local_bh_disable();
	bh_lock_sock(sk);
	asked = sk->sk_state == TCP_SYN_SENT && !(kc->pending & KITE_EV_ESTABLISHED);
	/* A listener here that says yes does not say no, too: that was forged. */
	if (peer || (asked && kite_connect_had_no_room(sk)))
		WRITE_ONCE(kc->pending, kc->pending & ~KITE_EV_RESET);
	asked = asked && !(kc->pending & KITE_EV_RESET);
	if (asked) {
		WRITE_ONCE(kc->tx_limit, min(limit, KITE_WINDOW_MAX));
		if (peer) {
			sock_hold(peer);
			WRITE_ONCE(kc->ks.peer, peer);
		}
		kite_queue_open(sk);
		kite_conn_raise(sk, KITE_EV_ESTABLISHED);
	}
	bh_unlock_sock(sk);
	local_bh_enable();

	/* It takes no packets: tell it in person that somebody was faster. */
	if (!asked && peer)
		kite_conn_event(peer, KITE_EV_RESET, KITE_RESET_REFUSED);
	return asked;
}

/**
 * kite_response_rcv - a RESPONSE reached the socket that asked
 * @sk: the socket
 * @transport: what brought the packet
 * @pkt: its header
 * @skb: the packet; stays the caller's
 *
 * Context: As the transport delivers, without a spinlock.
 * Return: false if the socket did not ask, or not any more.
 */
bool kite_response_rcv(struct sock *sk, const struct kite_transport *transport,
		       const struct kite_packet *pkt, const struct sk_buff *skb)
{
	struct sock *sender = kite_transport_sender(transport, skb);
	/* A child that a forged REQUEST made does not have us for its peer. */
	bool mirror = sender && kite_conn_is_mirror(sk, sender) &&
		      READ_ONCE(kite_sk(sender)->peer) == sk;

	if (!mirror && kite_response_forged(sock_net(sk), transport, pkt))
		return false;
	return kite_connect_answered(sk, pkt->limit, mirror ? sender : NULL);
}

/* Another connection, perhaps one still closing, has these addresses. */
static bool kite_tuple_busy(struct net *net, const struct kite_tuple *tuple)
{
	const struct kite_tuple mirror = {
		.type	= tuple->type,
		.local	= tuple->remote,
		.remote	= tuple->local,
	};
	struct sock *sk;

	if (!kite_node_is_local(net, tuple->remote.node))
		return false;
	sk = kite_conn_find(net, &mirror);
	if (!sk)
		return false;
	sock_put(sk);
	return true;
}

/*
 * Connects to a listener here without the packets, which nobody looks at. Returns false
 * where that is not so, or the listener refuses: packets will tell.
 */
static bool kite_connect_direct(struct sock *sk)
{
	const struct kite_packet pkt = kite_conn_header(sk, KITE_OP_REQUEST, 0);
	const struct kite_transport *transport = kite_conn(sk)->transport;
	struct net *net = sock_net(sk);
	struct sock *listener, *child;
	enum kite_drop_reason why;

	if (!(transport->features & KITE_TRANSPORT_LOCAL) || kite_tap_on(net))
		return false;
	listener = kite_port_find_listener(net, pkt.type, &pkt.dst, &pkt.src);
	if (!listener)
		return false;
	child = kite_listener_take(listener, transport, &pkt, sk, &why);
	if (child) {
		kite_connect_answered(sk, kite_conn(child)->rx_limit, child);
		kite_listener_give(listener, child);
	}
	sock_put(listener);
	return child;
}

/*
 * One attempt: from CLOSE to SYN_SENT, and back where it fails at once. Loopback
 * has answered when this returns.
 */
static int kite_connect_try(struct sock *sk, const struct kite_addr *to)
{
	const struct kite_transport *transport;
	struct kite_conn *kc = kite_conn(sk);
	struct kite_tuple *tuple = &kc->ks.tuple;
	struct net *net = sock_net(sk);
	int err;

	err = kite_port_autobind(sk);
	if (err)
		return err;
	transport = kite_route_get(net, to->node);
	if (!transport)
		return -EHOSTUNREACH;
	kite_conn_run_pending(sk);
	kite_conn_set_transport(kc, transport);
	WRITE_ONCE(kc->unsent, 0);
	WRITE_ONCE(kc->peer_shutdown, 0);
	WRITE_ONCE(kc->reset_sent, 0);
	kite_credit_open(kc);
	kite_sk_set_remote(&kc->ks, to);
	if (kc->ks.bound_node == KITE_NODE_ANY)
		WRITE_ONCE(tuple->local.node, kite_route_source(net, to->node));
	kite_sk_set_state(sk, TCP_SYN_SENT);

	err = kite_tuple_busy(net, tuple) ? -EEXIST : kite_conn_hash(sk);
	if (err == -EEXIST)
		err = -EADDRNOTAVAIL;
	if (!err && !kite_connect_direct(sk))
		err = kite_request_send(sk);
	if (err) {
		kite_conn_back(sk);
		return err;
	}
	kc->deadline = jiffies + kc->connect_timeout;
	kite_conn_run_pending(sk);
	if (sk->sk_state == TCP_SYN_SENT && !kc->unsent)
		kite_conn_arm(sk, min(kc->connect_timeout, KITE_ASK_INTERVAL));
	/* One that was taken and then reset did connect; recv will tell the rest. */
	return sk->sk_state == TCP_CLOSE ? sock_error(sk) : 0;
}

/* The listener that our request would reach. */
static struct sock *kite_connect_listener(struct sock *sk, const struct kite_addr *to)
{
	struct net *net = sock_net(sk);
	const struct kite_addr from = {
		.port	= kite_sk(sk)->tuple.local.port,
		.node	= kite_sk(sk)->bound_node == KITE_NODE_ANY ?
			  kite_route_source(net, to->node) : kite_sk(sk)->bound_node,
	};

	return kite_port_find_listener(net, sk->sk_type, to, &from);
}

/*
 * Who waited at a listener has tried again, or has given up: if there is room, it is for
 * the next one. Drops the reference.
 */
static void kite_connect_pass_on(struct sock *listener)
{
	if (!listener)
		return;
	if (!kite_listener_full(listener))
		wake_up_interruptible(&kite_conn(listener)->room);
	sock_put(listener);
}

/*
 * Waits until the listener at an address has room or is gone. Exclusively: one place, one
 * wake-up, which kite_connect_pass_on() passes on. What it waited at is in *@at, with a
 * reference; by the time that it tries again the port may have another listener.
 */
static int kite_connect_wait_room(struct sock *sk, const struct kite_addr *to,
				  long *timeo, struct sock **at)
{
	struct sock *listener;
	DEFINE_WAIT(wait);

	listener = kite_connect_listener(sk, to);
	*at = listener;
	if (!listener)
		return kite_refused_errno();
	prepare_to_wait_exclusive(&kite_conn(listener)->room, &wait,
				  TASK_INTERRUPTIBLE);
	if (kite_listener_full(listener) && !kite_listener_stopped(listener)) {
		release_sock(sk);
		*timeo = schedule_timeout(*timeo);
		lock_sock(sk);
	}
	finish_wait(&kite_conn(listener)->room, &wait);
	if (signal_pending(current))
		return -ERESTARTSYS;
	return *timeo ? 0 : -EAGAIN;
}

/* It was ended from outside, and had not been connected before. */
static bool kite_connect_killed(const struct sock *sk)
{
	return sk->sk_state == TCP_CLOSING &&
	       kite_sk(sk)->tuple.remote.node == KITE_NODE_ANY;
}

/* Tries until there is room. @left is how long it may wait. */
static int kite_connect_loop(struct sock *sk, const struct kite_addr *to, long left)
{
	struct sock *at = NULL;
	int err;

	for (;;) {
		err = kite_connect_try(sk, to);
		/* Only a local listener that is full says EAGAIN. */
		if (err != -EAGAIN || !left)
			break;
		kite_connect_pass_on(at);
		err = kite_connect_wait_room(sk, to, &left, &at);
		if (err)
			break;
		/* It slept without the lock. */
		if (kite_connect_killed(sk)) {
			err = sock_error(sk) ?: -ECONNABORTED;
			break;
		}
		if (sk->sk_state != TCP_CLOSE) {
			err = sk->sk_state == TCP_LISTEN ? -EINVAL : -EISCONN;
			break;
		}
	}
	kite_connect_pass_on(at);
	return err;
}

/* From CLOSE. Returns 0 in SYN_SENT or later. */
static int kite_connect_start(struct sock *sk, const struct kite_addr *to, long timeo)
{
	long limit = kite_conn(sk)->connect_timeout;
	int err = kite_connect_loop(sk, to, min(timeo, limit));

	if (err == -ERESTARTSYS)
		return sock_intr_errno(timeo);
	/* Whose time was over: the program's, or ours? */
	if (err == -EAGAIN && timeo > limit)
		return -ETIMEDOUT;
	return err;
}

/* In SYN_SENT, on the way to a peer that is not here: as TCP waits. */
static int kite_connect_wait(struct sock *sk, long *timeo)
{
	DEFINE_WAIT_FUNC(wait, woken_wake_function);
	int err = 0;

	/* Loopback has answered. */
	if (sk->sk_state != TCP_SYN_SENT)
		return 0;
	add_wait_queue(sk_sleep(sk), &wait);
	while (sk->sk_state == TCP_SYN_SENT) {
		if (!*timeo)
			err = -EINPROGRESS;
		else if (signal_pending(current))
			err = sock_intr_errno(*timeo);
		if (err)
			break;
		release_sock(sk);
		*timeo = wait_woken(&wait, TASK_INTERRUPTIBLE, *timeo);
		lock_sock(sk);
	}
	remove_wait_queue(sk_sleep(sk), &wait);
	return err;
}

static int kite_connect_locked(struct socket *sock, const struct kite_addr *to,
			       long timeo)
{
	struct sock *sk = sock->sk;
	int err;

	switch (sk->sk_state) {
	case TCP_CLOSE:
		/* What became of an earlier call, if nobody asked yet: TCP's rule. */
		if (sock->state == SS_CONNECTING) {
			sock->state = SS_UNCONNECTED;
			err = sock_error(sk);
			if (err)
				return err;
		}
		err = kite_connect_start(sk, to, timeo);
		if (err)
			return err;
		sock->state = SS_CONNECTING;
		break;
	case TCP_SYN_SENT:
		if (!timeo)
			return -EALREADY;
		break;
	case TCP_LISTEN:
		return -EINVAL;
	default:
		if (sock->state != SS_CONNECTING)
			return -EISCONN;
	}
	err = kite_connect_wait(sk, &timeo);
	if (err)
		return err;
	if (sk->sk_state == TCP_CLOSE || kite_connect_killed(sk)) {
		sock->state = SS_UNCONNECTED;
		return sock_error(sk) ?: -ECONNABORTED;
	}
	sock->state = SS_CONNECTED;
	return 0;
}

/**
 * kite_connect - the connect system call of connections
 * @sock: the socket
 * @uaddr: where to
 * @len: length of the address
 * @flags: O_NONBLOCK or not
 *
 * Context: Process context.
 * Return: 0; what kite_addr_parse() and autobind say; -EHOSTUNREACH;
 * what kite_refused_errno() says; -EADDRNOTAVAIL when the tuple is in use;
 * -EISCONN; -EINVAL for a listener; -ETIMEDOUT; -ENOMEM, -ENOBUFS. Where the peer
 * is known to be a socket here, a full listener gives -EAGAIN with O_NONBLOCK or
 * when SO_SNDTIMEO is over, as AF_UNIX does; elsewhere it gives -EINPROGRESS and
 * -EALREADY, as TCP does.
 */
int kite_connect(struct socket *sock, struct sockaddr *uaddr, int len, int flags)
{
	struct sock *sk = sock->sk;
	struct kite_addr to;
	int err;

	err = kite_addr_parse(uaddr, len, &to);
	if (err)
		return err;
	lock_sock(sk);
	err = kite_connect_locked(sock, &to, sock_sndtimeo(sk, flags & O_NONBLOCK));
	release_sock(sk);
	return err;
}

static void kite_pair_half(struct socket *sock, struct sock *peer)
{
	struct sock *sk = sock->sk;
	struct kite_conn *kc = kite_conn(sk);

	sock_hold(peer);
	WRITE_ONCE(kc->ks.peer, peer);
	kite_credit_open(kc);
	WRITE_ONCE(kite_conn(peer)->tx_limit, kc->rx_limit);
	kite_peercred_set(sk);
	kite_queue_open(sk);
	/* Who sees ESTABLISHED sees the peer. */
	kite_sk_set_state(sk, TCP_ESTABLISHED);
	sock->state = SS_CONNECTED;
}

/**
 * kite_socketpair - the socketpair system call of connections
 * @a: one socket
 * @b: the other
 *
 * They have no addresses, as with AF_UNIX.
 *
 * Context: Process context; nobody else knows the sockets yet.
 * Return: 0.
 */
int kite_socketpair(struct socket *a, struct socket *b)
{
	kite_pair_half(a, b->sk);
	kite_pair_half(b, a->sk);
	return 0;
}
