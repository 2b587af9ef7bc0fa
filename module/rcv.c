// SPDX-License-Identifier: GPL-2.0
/*
 * Receiving packets: check one, find the socket that it is for, do what it says.
 *
 * A packet may come from a raw socket or another node, so nothing in it is
 * trusted. What it can do to a connection:
 *
 *	peer is a socket here	nothing: such a peer sends no packets
 *	RESPONSE	only to who asked, and not in place of a socket that listens
 *			there; otherwise it is answered with a RESET
 *	DATA		within the credit it is queued; beyond it, or without memory
 *			for it, the connection is reset on both sides
 *	CREDIT		counters that make no sense are ignored
 *	SHUTDOWN	as from the peer itself, once that took the connection
 *	RESET		as from the peer itself
 *
 * Nothing that comes to a port to which a raw socket is bound is refused there: a
 * program plays the socket.
 */
#include "af_kite.h"
#include "tap.h"

/* Up to this a packet shares the buffer of the one before it, see queue.c. */
#define KITE_COPYBREAK		256

/* A packet did what it was for. */
static void kite_rcv_done(struct sk_buff *skb)
{
	skb_orphan(skb);
	kite_buf_free(skb);
}

/* Did a program or another node make it up? The sockets here do not need a limit. */
static bool kite_rcv_made_up(struct net *net, const struct kite_packet *pkt,
			     const struct sk_buff *skb)
{
	return !kite_node_is_local(net, pkt->src.node) ||
	       (skb->sk && skb->sk->sk_prot == &kite_raw_proto);
}

/*
 * Answers a packet with its own buffer, so this needs no memory. Returns what the
 * transport says, or -ENOBUFS.
 */
static int kite_rcv_reset(struct net *net, const struct kite_transport *transport,
			  const struct kite_packet *pkt, struct sk_buff *skb, u8 reason,
			  bool made_up)
{
	const struct kite_packet reset = kite_packet_reset(pkt, reason);
	struct kite_net *kn = kite_net(net);

	if (made_up && !kite_limit_allows(&kn->resets, READ_ONCE(kn->sysctl.reset_rate))) {
		kite_drop(net, NULL, &reset, skb, KITE_DROP_RATE_LIMITED);
		return 0;
	}
	skb_orphan(skb);
	if (pskb_trim(skb, 0) || skb_cow_head(skb, sizeof(struct kite_hdr))) {
		kite_drop(net, NULL, &reset, skb, KITE_DROP_NOMEM);
		return -ENOBUFS;
	}
	return kite_packet_xmit(net, transport, &reset, skb);
}

/* It goes no further: with @reason its buffer is for the answer. */
static u8 kite_rcv_refuse(struct sock *sk, const struct kite_packet *pkt,
			  struct sk_buff *skb, enum kite_drop_reason why, u8 reason)
{
	if (reason)
		kite_drop_note(sock_net(sk), sk, pkt, skb, why);
	else
		kite_drop(sock_net(sk), sk, pkt, skb, why);
	return reason;
}

/* DATA. Returns 0 if @skb was taken, or why the connection ends. */
static u8 kite_rcv_data(struct sock *sk, const struct kite_packet *pkt,
			struct sk_buff *skb)
{
	bool dead;
	int err;

	skb_orphan(skb);
	/* A few bytes in a page would cost far more memory than window. */
	if (skb->len <= KITE_COPYBREAK && skb_linearize(skb))
		return kite_rcv_refuse(sk, pkt, skb, KITE_DROP_NOMEM, KITE_RESET_NOMEM);
	kite_cb(skb)->creds.pid = NULL;
	err = kite_queue_append(sk, skb, pkt->flags | KITE_DATA_PACKET);
	switch (err) {
	case 0:
		return 0;
	case -EPIPE:
		/*
		 * Nobody will read it: only worth a reset if nobody can. Who closes the queue for
		 * that has set the flag; sock_orphan() does so again, without a mark.
		 */
		dead = data_race(sock_flag(sk, SOCK_DEAD));
		return kite_rcv_refuse(sk, pkt, skb, KITE_DROP_CLOSED,
				       dead ? KITE_RESET_ABORT : 0);
	case -EPROTO:
		return kite_rcv_refuse(sk, pkt, skb, KITE_DROP_NO_CREDIT,
				       KITE_RESET_PROTOCOL);
	default:
		return kite_rcv_refuse(sk, pkt, skb, KITE_DROP_MEMORY_LIMIT,
				       KITE_RESET_NOMEM);
	}
}

static void kite_rcv_credit(struct sock *sk, const struct kite_packet *pkt)
{
	kite_credit_update(kite_conn(sk), pkt->read, pkt->limit);
	kite_credit_wake(sk);
}

/* DATA ends the connection on both sides, and has the buffer for the RESET. */
static void kite_rcv_end(struct sock *sk, const struct kite_transport *transport,
			 const struct kite_packet *pkt, struct sk_buff *skb, u8 reason)
{
	struct kite_conn *kc = kite_conn(sk);
	int err;

	/* Who owns the socket may take long, but a reader finds nothing that comes after a gap. */
	kite_queue_close(sk);
	set_bit(KITE_OP_RESET, &kc->unsent);
	/* First, so that a program that closes it now waits for what becomes of this. */
	smp_mb__after_atomic();
	WRITE_ONCE(kc->reset_sent, reason);
	kite_conn_hush(kc);
	/* The peer waits for it, and there is no more than one for a connection. */
	err = kite_rcv_reset(sock_net(sk), transport, pkt, skb, reason, false);
	if (err == -ENOBUFS)
		kite_conn_retry(sk, KITE_OP_RESET);
	else
		clear_bit(KITE_OP_RESET, &kc->unsent);
	kite_conn_event(sk, KITE_EV_RESET, reason);
}

/* Did the peer take the connection? Before that it has nothing to send or shut down. */
static bool kite_rcv_answered(struct sock *sk)
{
	return sk->sk_state != TCP_SYN_SENT ||
	       kite_conn(sk)->pending & KITE_EV_ESTABLISHED;
}

/*
 * What the header says to a connection, under the socket's spinlock: so the handshake
 * with a peer that is here comes before or after it.
 */
static void kite_rcv_header(struct sock *sk, const struct kite_packet *pkt)
{
	if (READ_ONCE(kite_sk(sk)->peer))
		return;
	switch (pkt->op) {
	case KITE_OP_RESET:
		/* It knows: there is nothing to tell any more. */
		if (pkt->flags != KITE_RESET_FULL)
			clear_bit(KITE_OP_RESET, &kite_conn(sk)->unsent);
		kite_conn_note(sk, KITE_EV_RESET, pkt->flags);
		break;
	case KITE_OP_SHUTDOWN:
		kite_rcv_credit(sk, pkt);
		if (kite_rcv_answered(sk))
			kite_conn_note(sk, KITE_EV_SHUTDOWN, pkt->flags);
		break;
	case KITE_OP_CREDIT:
	case KITE_OP_DATA:
		kite_rcv_credit(sk, pkt);
	}
}

/*
 * A packet of a connection. Returns 0 and consumes it, or returns the reason for
 * a RESET in answer.
 */
static u8 kite_rcv_conn(struct sock *sk, const struct kite_transport *transport,
			const struct kite_packet *pkt, struct sk_buff *skb)
{
	bool answered;
	u8 reason;

	if (READ_ONCE(kite_sk(sk)->peer))
		return kite_rcv_refuse(sk, pkt, skb, KITE_DROP_FORGED, 0);
	switch (pkt->op) {
	case KITE_OP_REQUEST:
		/*
		 * To one that is connecting itself, or from it to itself; or to what
		 * an earlier connection of these addresses left.
		 */
		return kite_rcv_refuse(sk, pkt, skb, KITE_DROP_TUPLE_BUSY,
				       READ_ONCE(sk->sk_state) == TCP_SYN_SENT ?
				       KITE_RESET_REFUSED : KITE_RESET_FULL);
	case KITE_OP_RESPONSE:
		if (!kite_response_rcv(sk, transport, pkt, skb))
			return kite_rcv_refuse(sk, pkt, skb, KITE_DROP_UNASKED,
					       KITE_RESET_REFUSED);
		kite_rcv_done(skb);
		return 0;
	}
	local_bh_disable();
	bh_lock_sock(sk);
	kite_rcv_header(sk, pkt);
	answered = kite_rcv_answered(sk);
	bh_unlock_sock(sk);
	local_bh_enable();

	if (pkt->op != KITE_OP_DATA) {
		kite_rcv_done(skb);
		return 0;
	}
	if (!answered)
		return kite_rcv_refuse(sk, pkt, skb, KITE_DROP_CLOSED, 0);
	/* The queue looks for a peer again. */
	reason = kite_rcv_data(sk, pkt, skb);
	if (reason)
		kite_rcv_end(sk, transport, pkt, skb, reason);
	return 0;
}

/* A packet that belongs to no connection. Returns as kite_rcv_conn() does. */
static u8 kite_rcv_other(struct net *net, const struct kite_transport *transport,
			 const struct kite_packet *pkt, struct sk_buff *skb)
{
	struct sock *listener;
	u8 reason;

	if (pkt->op == KITE_OP_RESET) {
		kite_drop(net, NULL, pkt, skb, KITE_DROP_NO_CONNECTION);
		return 0;
	}
	if (pkt->op == KITE_OP_REQUEST) {
		listener = kite_port_find_listener(net, pkt->type, &pkt->dst,
						   &pkt->src);
		if (listener) {
			reason = kite_request_rcv(listener, transport, pkt, skb);
			sock_put(listener);
			return reason;
		}
	}
	if (kite_tap_answers(net, &pkt->dst)) {
		kite_rcv_done(skb);
		return 0;
	}
	kite_drop_note(net, NULL, pkt, skb, pkt->op == KITE_OP_REQUEST ?
		       KITE_DROP_NO_LISTENER : KITE_DROP_NO_CONNECTION);
	return KITE_RESET_REFUSED;
}

/* A datagram, or the answer to one. Returns as kite_rcv_conn() does. */
static u8 kite_rcv_dgram(struct net *net, const struct kite_packet *pkt,
			 struct sk_buff *skb)
{
	if (pkt->op == KITE_OP_RESET) {
		kite_dgram_refused(net, pkt);
		kite_rcv_done(skb);
		return 0;
	}
	return kite_dgram_deliver(net, pkt, skb, NULL) ? KITE_RESET_REFUSED : 0;
}

static u8 kite_rcv_connected(struct net *net, const struct kite_transport *transport,
			     const struct kite_packet *pkt, struct sk_buff *skb)
{
	const struct kite_tuple tuple = {
		.type	= pkt->type,
		.local	= pkt->dst,
		.remote	= pkt->src,
	};
	struct sock *sk = kite_conn_find(net, &tuple);
	u8 reason;

	if (!sk)
		return kite_rcv_other(net, transport, pkt, skb);
	reason = kite_rcv_conn(sk, transport, pkt, skb);
	sock_put(sk);
	return reason;
}

/* A node speaks for itself only over what reaches it. */
static bool kite_rcv_reachable(struct net *net, const struct kite_transport *transport,
			       u32 node)
{
	bool reachable;

	rcu_read_lock();
	reachable = transport->reaches(net, node);
	rcu_read_unlock();
	return reachable;
}

/**
 * kite_rcv - loopback has a packet for us
 * @net: the namespace that it is for
 * @transport: loopback, or who kite_transport_rcv() speaks for
 * @skb: the packet, which begins with its struct kite_hdr; consumed
 *
 * Context: Process context without a spinlock; also softirq or under a spinlock
 * for a transport that says KITE_TRANSPORT_ATOMIC. Answers are sent before this
 * returns.
 * Return: 0; -EINVAL for a packet that makes no sense; -EHOSTUNREACH for one that
 * is not for this node, or from one that @transport does not reach.
 */
int kite_rcv(struct net *net, const struct kite_transport *transport, struct sk_buff *skb)
{
	struct kite_packet pkt = {};
	bool made_up;
	u8 reason = 0;

	kite_count(net, KITE_STAT_IN_PKTS);
	if (kite_packet_pull(skb, &pkt)) {
		kite_drop(net, NULL, &pkt, skb, KITE_DROP_BAD_HEADER);
		return -EINVAL;
	}
	if (!kite_node_is_local(net, pkt.dst.node) ||
	    !kite_rcv_reachable(net, transport, pkt.src.node)) {
		kite_drop(net, NULL, &pkt, skb, KITE_DROP_WRONG_NODE);
		return -EHOSTUNREACH;
	}

	if (pkt.op == KITE_OP_RESET)
		kite_count(net, KITE_STAT_IN_RSTS);
	/* What was sent here has been shown by then. */
	if (kite_tap_on(net) && !kite_node_is_local(net, pkt.src.node))
		kite_tap_packet(net, &pkt, skb);

	made_up = kite_rcv_made_up(net, &pkt, skb);
	switch (pkt.type) {
	case SOCK_RAW:
		kite_echo_rcv(net, transport, &pkt, skb);
		break;
	case SOCK_DGRAM:
		reason = kite_rcv_dgram(net, &pkt, skb);
		break;
	default:
		reason = kite_rcv_connected(net, transport, &pkt, skb);
	}
	if (reason)
		kite_rcv_reset(net, transport, &pkt, skb, reason, made_up);
	return 0;
}

/**
 * kite_transport_rcv - a transport has a packet for us
 * @net: the namespace that it is for
 * @transport: the transport, which stays at least until this returns
 * @skb: the packet, which begins with its struct kite_hdr; consumed. Nobody else
 *	may hold it or its data
 *
 * Context: Process context without a spinlock; also softirq or under a spinlock
 * for a transport that says KITE_TRANSPORT_ATOMIC. Answers are sent before this
 * returns.
 * Return: 0; -EINVAL for a packet that makes no sense; -EHOSTUNREACH for one that
 * is not for this node, or from one that @transport does not reach.
 */
int kite_transport_rcv(struct net *net, const struct kite_transport *transport,
		       struct sk_buff *skb)
{
	kite_cb(skb)->own = false;
	return kite_rcv(net, transport, skb);
}
EXPORT_SYMBOL_GPL(kite_transport_rcv);
