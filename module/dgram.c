// SPDX-License-Identifier: GPL-2.0
/*
 * SOCK_DGRAM: messages without a connection, as UDP has them. One that finds
 * nobody is refused; one that finds no room is dropped.
 */
#include <linux/module.h>

#include "af_kite.h"
#include "tap.h"
#include "trace.h"

/**
 * kite_dgram_init - prepare a new datagram socket
 * @sk: the socket
 *
 * Context: Process context; nobody else knows the socket.
 * Return: 0.
 */
int kite_dgram_init(struct sock *sk)
{
	sk->sk_destruct = kite_inbox_destruct;
	return 0;
}

/**
 * kite_dgram_close - the program closes a datagram socket
 * @sk: the socket
 * @timeout: not used
 *
 * Context: Process context, lock_sock held.
 */
void kite_dgram_close(struct sock *sk, long timeout)
{
	sock_owned_by_me(sk);

	/* A kernel socket may have been killed before, and its namespace be gone. */
	if (sk->sk_state == TCP_CLOSING)
		return;
	kite_sk_set_shutdown(sk, SHUTDOWN_MASK);
	kite_sk_set_state(sk, TCP_CLOSING);
	kite_port_leave(sk);
	kite_inbox_purge(sk);
	kite_sock_unlist(sk);
}

/**
 * kite_dgram_kill - end a datagram socket that a program may still be using
 * @sk: the socket
 * @err: what its calls find, negative
 *
 * Context: Process context, lock_sock held.
 * Return: 0.
 */
int kite_dgram_kill(struct sock *sk, int err)
{
	kite_dgram_close(sk, 0);
	WRITE_ONCE(sk->sk_err, -err);
	sk_error_report(sk);
	return 0;
}

/* Makes @to the default destination, and the only one that may send to us. */
static int kite_dgram_set_peer(struct sock *sk, const struct kite_addr *to)
{
	struct kite_sock *ks = kite_sk(sk);
	struct net *net = sock_net(sk);
	bool known;
	int err;

	rcu_read_lock();
	known = kite_route(net, to->node);
	rcu_read_unlock();
	if (!known)
		return -EHOSTUNREACH;
	err = kite_port_autobind(sk);
	if (err)
		return err;
	if (ks->bound_node == KITE_NODE_ANY)
		WRITE_ONCE(ks->tuple.local.node, kite_route_source(net, to->node));
	kite_sk_set_remote(ks, to);
	kite_sk_set_state(sk, TCP_ESTABLISHED);
	return 0;
}

static void kite_dgram_clear_peer(struct sock *sk)
{
	static const struct kite_addr any = { KITE_PORT_ANY, KITE_NODE_ANY };
	struct kite_sock *ks = kite_sk(sk);

	kite_sk_set_state(sk, TCP_CLOSE);
	kite_sk_set_remote(ks, &any);
	WRITE_ONCE(ks->tuple.local.node, ks->bound_node);
}

/**
 * kite_dgram_connect - the connect system call of datagram sockets
 * @sock: the socket
 * @uaddr: the default destination, or AF_UNSPEC for none any more, as with UDP
 * @len: length of the address
 * @flags: no matter
 *
 * Context: Process context.
 * Return: 0; what kite_addr_parse() and autobind say; -EHOSTUNREACH; -EISCONN for
 * one of a socketpair.
 */
int kite_dgram_connect(struct socket *sock, struct sockaddr *uaddr, int len, int flags)
{
	struct sock *sk = sock->sk;
	struct kite_addr to;
	bool clear;
	int err;

	if (len < (int)sizeof(uaddr->sa_family))
		return -EINVAL;
	clear = uaddr->sa_family == AF_UNSPEC;
	err = clear ? 0 : kite_addr_parse(uaddr, len, &to);
	if (err)
		return err;

	lock_sock(sk);
	if (kite_sk(sk)->peer || sk->sk_state == TCP_CLOSING)
		err = -EISCONN;
	else if (clear)
		kite_dgram_clear_peer(sk);
	else
		err = kite_dgram_set_peer(sk, &to);
	if (!err)
		sock->state = clear ? SS_UNCONNECTED : SS_CONNECTED;
	release_sock(sk);
	return err;
}

static void kite_dgram_pair_half(struct socket *sock, struct sock *peer)
{
	struct sock *sk = sock->sk;

	sock_hold(peer);
	WRITE_ONCE(kite_sk(sk)->peer, peer);
	kite_peercred_set(sk);
	sock->state = SS_CONNECTED;
	kite_sk_set_state(sk, TCP_ESTABLISHED);
}

/**
 * kite_dgram_socketpair - the socketpair system call of datagram sockets
 * @a: one socket
 * @b: the other
 *
 * Context: Process context; nobody else knows the sockets yet.
 * Return: 0.
 */
int kite_dgram_socketpair(struct socket *a, struct socket *b)
{
	kite_dgram_pair_half(a, b->sk);
	kite_dgram_pair_half(b, a->sk);
	return 0;
}

/**
 * kite_dgram_shutdown - the shutdown system call of datagram sockets
 * @sock: the socket
 * @how: SHUT_*
 *
 * Nobody is told: there is no connection. As with UDP, what comes to a socket that
 * does not receive any more is dropped.
 *
 * Context: Process context.
 * Return: 0; -EINVAL; -ENOTCONN without a default destination, as with UDP.
 */
int kite_dgram_shutdown(struct socket *sock, int how)
{
	struct sock *sk = sock->sk;
	int err = -ENOTCONN;

	if (how < SHUT_RD || how > SHUT_RDWR)
		return -EINVAL;
	lock_sock(sk);
	if (sk->sk_state == TCP_ESTABLISHED) {
		kite_sk_set_shutdown(sk, how + 1);
		sk->sk_state_change(sk);
		err = 0;
	}
	release_sock(sk);
	return err;
}

/* Who is @dst, for messages from @src? Under RCU. */
static struct sock *kite_dgram_find(struct net *net, const struct kite_packet *pkt,
				    struct sk_buff *skb)
{
	return kite_port_find_dgram(net, &pkt->dst, &pkt->src, skb);
}

/**
 * kite_dgram_deliver - give a datagram to the socket that it is for
 * @net: the namespace
 * @pkt: where it comes from and goes to
 * @skb: the message; consumed, unless it is refused
 * @creds: who wrote it, the current process; NULL for a packet
 *
 * Context: Any.
 * Return: 0, also if it was dropped; -ECONNREFUSED when there is no such socket.
 */
int kite_dgram_deliver(struct net *net, const struct kite_packet *pkt,
		       struct sk_buff *skb, struct kite_creds *creds)
{
	static const struct kite_creds nobody;
	int err = -ECONNREFUSED;
	struct sock *sk;

	rcu_read_lock();
	sk = kite_dgram_find(net, pkt, skb);
	if (sk) {
		err = 0;
		if (creds)
			kite_creds_imply(creds, sk);
		kite_inbox_cb(skb)->src = pkt->src;
		kite_inbox_add(sk, skb, creds ?: &nobody);
	} else if (kite_tap_answers(net, &pkt->dst)) {
		consume_skb(skb);
		err = 0;
	} else {
		kite_drop_note(net, NULL, pkt, skb, KITE_DROP_NO_PORT);
	}
	rcu_read_unlock();
	return err;
}

/**
 * kite_dgram_refused - a datagram came to nobody
 * @net: the namespace that sent it
 * @pkt: the header of the RESET that says so
 *
 * As with UDP, only a socket that is connected to that address hears of it.
 *
 * Context: Any.
 */
void kite_dgram_refused(struct net *net, const struct kite_packet *pkt)
{
	struct sock *sk;

	rcu_read_lock();
	sk = kite_dgram_find(net, pkt, NULL);
	if (sk && READ_ONCE(sk->sk_state) == TCP_ESTABLISHED) {
		WRITE_ONCE(sk->sk_err, ECONNREFUSED);
		sk_error_report(sk);
	}
	rcu_read_unlock();
}

static int kite_dgram_to_pair(struct sock *peer, struct sk_buff *skb,
			      struct kite_creds *creds)
{
	kite_inbox_cb(skb)->src = (struct kite_addr){ KITE_PORT_ANY, KITE_NODE_ANY };
	if (READ_ONCE(peer->sk_state) == TCP_CLOSING) {
		kite_drop_message(peer, skb, KITE_DROP_CLOSED);
		return -ECONNREFUSED;
	}
	kite_creds_imply(creds, peer);
	kite_inbox_add(peer, skb, creds);
	return 0;
}

static int kite_dgram_xmit(struct net *net, const struct kite_packet *pkt,
			   struct sk_buff *skb)
{
	const struct kite_transport *transport = kite_route_get(net, pkt->dst.node);
	int err;

	if (!transport) {
		kite_drop(net, NULL, pkt, skb, KITE_DROP_UNREACHABLE);
		return -EHOSTUNREACH;
	}
	err = kite_packet_xmit(net, transport, pkt, skb);
	module_put(transport->owner);
	return err;
}

static int kite_dgram_direct(struct net *net, const struct kite_packet *pkt,
			     struct sk_buff *skb, struct kite_creds *creds)
{
	struct kite_packet reset;
	int err;

	if (kite_tap_on(net))
		kite_tap_packet(net, pkt, skb);
	err = kite_dgram_deliver(net, pkt, skb, creds);
	if (err && kite_tap_on(net)) {
		reset = kite_packet_reset(pkt, KITE_RESET_REFUSED);
		kite_tap_packet(net, &reset, NULL);
	}
	return err;
}

/*
 * To a socket here under RCU alone: a reference of the transport's module is a counter
 * that all CPUs would fight for.
 */
static int kite_dgram_to_node(struct sock *sk, struct kite_packet *pkt,
			      struct sk_buff *skb, struct kite_creds *creds)
{
	const struct kite_transport *transport;
	struct net *net = sock_net(sk);
	int err = 0;
	bool local;

	rcu_read_lock();
	transport = kite_route(net, pkt->dst.node);
	local = transport && transport->features & KITE_TRANSPORT_LOCAL;
	if (local)
		err = kite_dgram_direct(net, pkt, skb, creds);
	rcu_read_unlock();
	if (!local)
		return kite_dgram_xmit(net, pkt, skb);
	if (err)
		kfree_skb_reason(skb, kite_drop_core_reason(KITE_DROP_NO_PORT));
	return err;
}

/* Where to? The address given with the message, or the default. */
static int kite_dgram_target(struct sock *sk, const struct msghdr *msg,
			     struct kite_addr *to)
{
	if (msg->msg_namelen)
		return kite_addr_parse(msg->msg_name, msg->msg_namelen, to);
	if (READ_ONCE(sk->sk_state) != TCP_ESTABLISHED)
		return -EDESTADDRREQ;
	*to = kite_sk_remote(kite_sk(sk));
	return 0;
}

static int kite_dgram_check(struct sock *sk, const struct msghdr *msg, size_t len)
{
	if (msg->msg_flags & MSG_OOB)
		return -EOPNOTSUPP;
	if (len > KITE_MAX_PAYLOAD || len > READ_ONCE(sk->sk_sndbuf))
		return -EMSGSIZE;
	if (READ_ONCE(sk->sk_shutdown) & SEND_SHUTDOWN)
		return -EPIPE;
	return sock_error(sk);
}

static int kite_dgram_autobind(struct sock *sk)
{
	int err;

	/* Pairs with kite_port_bind(). */
	if (smp_load_acquire(&kite_sk(sk)->bound))
		return 0;
	lock_sock(sk);
	err = sk->sk_state == TCP_CLOSING ? -EPIPE : kite_port_autobind(sk);
	release_sock(sk);
	return err;
}

/* A message that is being sent, and where it goes. */
struct kite_dgram_tx {
	struct msghdr		*msg;
	size_t			len;
	struct kite_creds	*creds;
	struct sock		*peer;	/* of a socketpair; or NULL, and */
	struct kite_packet	pkt;
};

static int kite_dgram_send_to(struct sock *sk, struct kite_dgram_tx *tx,
			      struct ubuf_info *uarg)
{
	struct kite_addr *src = &tx->pkt.src;
	struct sk_buff *skb = kite_pages_build(sk, tx->msg, tx->len, uarg);

	if (IS_ERR(skb))
		return PTR_ERR(skb);
	if (tx->peer)
		return kite_dgram_to_pair(tx->peer, skb, tx->creds);
	src->port = READ_ONCE(kite_sk(sk)->tuple.local.port);
	src->node = READ_ONCE(kite_sk(sk)->tuple.local.node);
	if (src->node == KITE_NODE_ANY)
		src->node = kite_route_source(sock_net(sk), tx->pkt.dst.node);
	return kite_dgram_to_node(sk, &tx->pkt, skb, tx->creds);
}

static int kite_dgram_send_zerocopy(struct sock *sk, struct kite_dgram_tx *tx)
{
	struct ubuf_info *uarg;
	int err;

	/* One at a time: they are numbered. */
	lock_sock(sk);
	err = kite_zerocopy_begin(sk, tx->msg, tx->len, &uarg);
	if (!err) {
		err = kite_dgram_send_to(sk, tx, uarg);
		kite_zerocopy_end(uarg, !err);
	}
	release_sock(sk);
	return err;
}

static int kite_dgram_send(struct sock *sk, struct msghdr *msg, size_t len,
			   struct kite_creds *creds)
{
	struct kite_dgram_tx tx = {
		.msg	= msg,
		.len	= len,
		.creds	= creds,
		.peer	= kite_sk(sk)->peer,
		.pkt	= {
			.type	= SOCK_DGRAM,
			.op	= KITE_OP_DGRAM,
			.dst	= { KITE_PORT_ANY, KITE_NODE_ANY },
		},
	};
	int err;

	err = kite_dgram_check(sk, msg, len);
	if (!err && (!tx.peer || msg->msg_namelen)) {
		err = kite_dgram_target(sk, msg, &tx.pkt.dst) ?: kite_dgram_autobind(sk);
		tx.peer = NULL;
	}
	if (!err)
		err = kite_zerocopy_wanted(sk, msg) ? kite_dgram_send_zerocopy(sk, &tx) :
						      kite_dgram_send_to(sk, &tx, NULL);
	if (!err)
		kite_count(sock_net(sk), KITE_STAT_OUT_DATAGRAMS);
	trace_kite_send(sk, &tx.pkt.dst, len, msg->msg_flags, err ?: len, NULL);
	return err;
}

/**
 * kite_dgram_sendmsg - the send family for SOCK_DGRAM
 * @sock: the socket
 * @msg: the message
 * @len: its length, which may be 0
 *
 * Never waits: a receiver that is full drops it.
 *
 * Context: Process context.
 * Return: @len; the socket's error; -EOPNOTSUPP for MSG_OOB; -EDESTADDRREQ without
 * a destination, as UDP has it; -EHOSTUNREACH; -ECONNREFUSED when nobody is there,
 * at once if that is in this kernel, else at the next call if connected; -EMSGSIZE;
 * -EPIPE after shutdown; what kite_creds_parse(), kite_addr_parse() and autobind say;
 * -EFAULT; -ENOBUFS, -ENOMEM.
 */
int kite_dgram_sendmsg(struct socket *sock, struct msghdr *msg, size_t len)
{
	struct kite_creds creds;
	int err;

	err = kite_creds_get(sock, msg, &creds);
	if (err)
		return err;
	err = kite_dgram_send(sock->sk, msg, len, &creds);
	kite_creds_put(&creds);
	return err ?: len;
}

/**
 * kite_dgram_recvmsg - the recv family for SOCK_DGRAM
 * @sock: the socket
 * @msg: where the message goes
 * @size: how much of it at most
 * @flags: MSG_*
 *
 * Context: Process context.
 * Return: as kite_inbox_recvmsg().
 */
int kite_dgram_recvmsg(struct socket *sock, struct msghdr *msg, size_t size, int flags)
{
	return kite_inbox_recvmsg(sock->sk, msg, size, flags);
}
