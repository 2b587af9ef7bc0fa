// SPDX-License-Identifier: GPL-2.0
/*
 * SOCK_RAW: packets, header included, for programs that watch the others or
 * that speak the protocol themselves.
 *
 * A raw socket looks on at the tap (tap.c) from its birth to its close. It has no
 * port of its own: bind only narrows what it sees, so any number of them may be
 * bound to one port. What it sends goes the way of every other packet, so nothing
 * behind this file trusts a packet.
 */
#include <linux/module.h>

#include <linux/kite_diag.h>

#include "af_kite.h"
#include "tap.h"
#include "trace.h"

static struct kite_raw *kite_raw(const struct sock *sk)
{
	return container_of(sk, struct kite_raw, ks.sk);
}

static bool kite_raw_covers(const struct kite_raw *raw, const struct kite_addr *addr)
{
	u32 port = READ_ONCE(raw->ks.tuple.local.port);
	u32 node = READ_ONCE(raw->ks.tuple.local.node);

	return (port == KITE_PORT_ANY || port == addr->port) &&
	       (node == KITE_NODE_ANY || node == addr->node);
}

/* As with AF_PACKET, nobody is shown what he sent himself. */
static bool kite_raw_wants(const struct kite_tap *tap, const struct kite_packet *pkt,
			   const struct sk_buff *skb)
{
	const struct kite_raw *raw = container_of(tap, struct kite_raw, tap);

	return !(skb && skb->sk == &raw->ks.sk) &&
	       (kite_raw_covers(raw, &pkt->src) || kite_raw_covers(raw, &pkt->dst));
}

static void kite_raw_show(struct kite_tap *tap, const struct kite_packet *pkt,
			  struct sk_buff *skb)
{
	struct sock *sk = &container_of(tap, struct kite_raw, tap)->ks.sk;
	static const struct kite_creds nobody;

	if (!skb) {
		atomic_inc(&sk->sk_drops);
		kite_drop_note(sock_net(sk), sk, pkt, NULL, KITE_DROP_NOMEM);
	} else if (kite_filter(sk, skb, 1)) {
		/* Not wanted is not lost. */
		consume_skb(skb);
	} else {
		kite_inbox_cb(skb)->src = pkt->src;
		kite_inbox_put(sk, skb, &nobody);
	}
}

static bool kite_raw_answers(const struct kite_tap *tap, const struct kite_addr *addr)
{
	const struct kite_raw *raw = container_of(tap, struct kite_raw, tap);

	return READ_ONCE(raw->ks.tuple.local.port) != KITE_PORT_ANY &&
	       kite_raw_covers(raw, addr);
}

static const struct kite_tap_ops kite_raw_tap_ops = {
	.wants		= kite_raw_wants,
	.show		= kite_raw_show,
	.answers	= kite_raw_answers,
};

/**
 * kite_raw_init - prepare a new raw socket
 * @sk: the socket
 *
 * Context: Process context; nobody else knows the socket. From now on it sees
 * packets.
 * Return: 0.
 */
int kite_raw_init(struct sock *sk)
{
	struct kite_raw *raw = kite_raw(sk);

	sk->sk_destruct = kite_inbox_destruct;
	raw->tap.ops = &kite_raw_tap_ops;
	kite_tap_add(sock_net(sk), &raw->tap);
	return 0;
}

/**
 * kite_raw_close - the program closes a raw socket
 * @sk: the socket
 * @timeout: not used
 *
 * Context: Process context, lock_sock held.
 */
void kite_raw_close(struct sock *sk, long timeout)
{
	sock_owned_by_me(sk);

	/* It may have been killed before. */
	if (sk->sk_state == TCP_CLOSING)
		return;
	kite_sk_set_shutdown(sk, SHUTDOWN_MASK);
	kite_sk_set_state(sk, TCP_CLOSING);
	kite_tap_del(sock_net(sk), &kite_raw(sk)->tap);
	kite_sock_unlist(sk);
}

/**
 * kite_raw_kill - end a raw socket that a program may still be using
 * @sk: the socket
 * @err: what its calls find, negative
 *
 * Context: Process context, lock_sock held.
 * Return: 0.
 */
int kite_raw_kill(struct sock *sk, int err)
{
	kite_raw_close(sk, 0);
	WRITE_ONCE(sk->sk_err, -err);
	sk_error_report(sk);
	return 0;
}

/**
 * kite_raw_bind - the bind system call of raw sockets
 * @sock: the socket
 * @uaddr: port and node of the packets that it is to see, as source or as
 *	destination; KITE_PORT_ANY and KITE_NODE_ANY leave out nothing
 * @len: length of the address
 *
 * Takes nothing from anybody, so it needs no free port, no privilege beyond that
 * for the socket, and may be called again. What is queued already stays.
 *
 * Context: Process context.
 * Return: 0; what kite_addr_parse() says; -EINVAL for a dead socket.
 */
int kite_raw_bind(struct socket *sock, struct sockaddr *uaddr, int len)
{
	struct sock *sk = sock->sk;
	struct kite_sock *ks = kite_sk(sk);
	struct kite_addr addr;
	int err;

	err = kite_addr_parse(uaddr, len, &addr);
	if (err)
		return err;
	lock_sock(sk);
	if (sk->sk_state == TCP_CLOSING) {
		err = -EINVAL;
	} else {
		kite_sk_set_local(ks, &addr);
		ks->bound_node = addr.node;
		kite_event(sk, KITE_EVENT_BOUND, 0);
	}
	release_sock(sk);
	return err;
}

/**
 * kite_raw_shutdown - the shutdown system call of raw sockets
 * @sock: the socket
 * @how: SHUT_*: it sees no more, sends no more, or both
 *
 * Context: Process context.
 * Return: 0; -EINVAL.
 */
int kite_raw_shutdown(struct socket *sock, int how)
{
	struct sock *sk = sock->sk;

	if (how < SHUT_RD || how > SHUT_RDWR)
		return -EINVAL;
	lock_sock(sk);
	kite_sk_set_shutdown(sk, how + 1);
	sk->sk_state_change(sk);
	release_sock(sk);
	return 0;
}

/*
 * A program may speak for this node alone. To other nodes, KITE_NODE_LOCAL would
 * mean themselves.
 */
static int kite_raw_check_source(struct net *net, const struct kite_packet *pkt)
{
	if (!kite_node_is_local(net, pkt->src.node))
		return -EADDRNOTAVAIL;
	if (pkt->src.node == KITE_NODE_LOCAL && !kite_node_is_local(net, pkt->dst.node))
		return -EADDRNOTAVAIL;
	return 0;
}

/* An address is not needed, since the header has it. Does a given one agree? */
static int kite_raw_check_name(const struct msghdr *msg, const struct kite_packet *pkt)
{
	struct kite_addr to;
	int err;

	if (!msg->msg_namelen)
		return 0;
	err = kite_addr_parse(msg->msg_name, msg->msg_namelen, &to);
	if (err)
		return err;
	return to.port == pkt->dst.port && to.node == pkt->dst.node ? 0 : -EINVAL;
}

static int kite_raw_check(struct sock *sk, const struct msghdr *msg, size_t len)
{
	if (msg->msg_flags & MSG_OOB)
		return -EOPNOTSUPP;
	if (READ_ONCE(sk->sk_shutdown) & SEND_SHUTDOWN)
		return -EPIPE;
	if (len < sizeof(struct kite_hdr))
		return -EINVAL;
	if (len > sizeof(struct kite_hdr) + KITE_MAX_PAYLOAD ||
	    len > READ_ONCE(sk->sk_sndbuf))
		return -EMSGSIZE;
	return sock_error(sk);
}

/* Takes the header from the message, and checks it. */
static int kite_raw_header(struct sock *sk, struct msghdr *msg, size_t len,
			   struct kite_packet *pkt)
{
	struct kite_hdr hdr;

	if (!copy_from_iter_full(&hdr, sizeof(hdr), &msg->msg_iter))
		return -EFAULT;
	return kite_packet_parse(&hdr, len - sizeof(hdr), pkt) ?:
	       kite_raw_check_name(msg, pkt) ?:
	       kite_raw_check_source(sock_net(sk), pkt);
}

static int kite_raw_xmit(struct sock *sk, const struct kite_packet *pkt,
			 struct sk_buff *skb)
{
	const struct kite_transport *transport;
	struct net *net = sock_net(sk);
	int err;

	transport = kite_route_get(net, pkt->dst.node);
	if (!transport) {
		kite_drop(net, NULL, pkt, skb, KITE_DROP_UNREACHABLE);
		return -EHOSTUNREACH;
	}
	kite_packet_own(skb, sk);
	err = kite_packet_xmit(net, transport, pkt, skb);
	module_put(transport->owner);
	return err;
}

static int kite_raw_send(struct sock *sk, struct msghdr *msg,
			 const struct kite_packet *pkt)
{
	struct sk_buff *skb = kite_buf_alloc(pkt->len, sk->sk_allocation);

	if (!skb)
		return -ENOBUFS;
	if (kite_buf_from_iter(skb, &msg->msg_iter)) {
		kite_buf_free(skb);
		return -EFAULT;
	}
	return kite_raw_xmit(sk, pkt, skb);
}

/**
 * kite_raw_sendmsg - the send family for SOCK_RAW
 * @sock: the socket
 * @msg: the packet: a struct kite_hdr, and its payload. An address given with it
 *	must be the one in the header
 * @len: length of both
 *
 * What kite_packet_parse() does not check is not checked: the packet may be wrong
 * for its connection.
 *
 * Context: Process context.
 * Return: @len; -EINVAL for a packet that makes no sense, or for another address;
 * -EADDRNOTAVAIL for a source that is not this node; -EHOSTUNREACH; -EMSGSIZE for
 * more than a packet, or than SO_SNDBUF; -EPIPE after shutdown; -EOPNOTSUPP for
 * MSG_OOB; the socket's error; what kite_creds_parse() says; -EFAULT; -ENOBUFS.
 */
int kite_raw_sendmsg(struct socket *sock, struct msghdr *msg, size_t len)
{
	struct sock *sk = sock->sk;
	struct kite_creds creds;
	struct kite_packet pkt = { .dst = { KITE_PORT_ANY, KITE_NODE_ANY } };
	int err;

	/* Control messages are checked as for the other types; packets carry none. */
	err = kite_creds_get(sock, msg, &creds);
	if (err)
		return err;
	kite_creds_put(&creds);
	err = kite_raw_check(sk, msg, len);
	if (!err)
		err = kite_raw_header(sk, msg, len, &pkt);
	if (!err)
		err = kite_raw_send(sk, msg, &pkt);
	trace_kite_send(sk, &pkt.dst, len, msg->msg_flags, err ?: len, NULL);
	return err ?: len;
}
