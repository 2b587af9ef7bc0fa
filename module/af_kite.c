// SPDX-License-Identifier: GPL-2.0
/*
 * The socket system calls that are alike for all types: socket, bind, accept,
 * getsockname, getpeername, shutdown and close.
 */
#include <linux/capability.h>
#include <linux/module.h>
#include <linux/net.h>

#include <linux/kite_diag.h>

#include "af_kite.h"

/**
 * kite_sock_alloc - make a socket
 * @net: its namespace
 * @sock: what the program holds, or NULL for a child not accepted yet
 * @prot: of which type
 * @type: SOCK_*
 * @gfp: how hard to try for memory
 * @kern: a socket of the kernel's own, which holds no reference of @net
 *
 * Context: What @gfp says.
 * Return: the socket, in CLOSE, with one reference, and not yet to be seen: that is for
 * kite_sock_list(), when it is as it should be; or NULL.
 */
struct sock *kite_sock_alloc(struct net *net, struct socket *sock,
			     struct proto *prot, int type, gfp_t gfp, int kern)
{
	struct kite_sock *ks;
	struct sock *sk;

	sk = sk_alloc(net, kite_family, gfp, prot, kern);
	if (!sk)
		return NULL;
	sock_init_data(sock, sk);
	sk->sk_data_ready = kite_def_readable;
	sk->sk_type = type;
	sock_reset_flag(sk, SOCK_ZAPPED);
	/* Lookups are under RCU. */
	sock_set_flag(sk, SOCK_RCU_FREE);

	ks = kite_sk(sk);
	ks->tuple = (struct kite_tuple) {
		.type	= type,
		.local	= { KITE_PORT_ANY, KITE_NODE_ANY },
		.remote	= { KITE_PORT_ANY, KITE_NODE_ANY },
	};
	ks->bound_node = KITE_NODE_ANY;
	kite_sysctl_buffers(sk);
	prot->init(sk);
	return sk;
}

/**
 * kite_sock_drop_peer - let go of the other end
 * @sk: the socket; no system call can be in it, now or later
 *
 * Context: Any.
 */
void kite_sock_drop_peer(struct sock *sk)
{
	struct kite_sock *ks = kite_sk(sk);
	struct sock *peer = ks->peer;

	if (!peer)
		return;
	WRITE_ONCE(ks->peer, NULL);
	sock_put(peer);
}

/**
 * kite_sock_kill - end a kernel socket whose namespace goes
 * @sk: the socket; the caller holds a reference
 *
 * Its owner may still hold and even use it, but finds it closed.
 *
 * Context: Process context.
 */
void kite_sock_kill(struct sock *sk)
{
	lock_sock(sk);
	sk->sk_prot->diag_destroy(sk, -ECONNRESET);
	kite_port_release(sk);
	release_sock(sk);
	sk_stop_timer_sync(sk, &sk->sk_timer);
}

static int kite_release(struct socket *sock)
{
	struct sock *sk = sock->sk;

	if (!sk)
		return 0;
	lock_sock(sk);
	/* The namespace of a kernel socket may go as soon as that is closed. */
	kite_port_release(sk);
	sk->sk_prot->close(sk, 0);
	sock_orphan(sk);
	sock->sk = NULL;
	release_sock(sk);
	kite_sock_drop_peer(sk);
	sock_put(sk);
	return 0;
}

static int kite_bind(struct socket *sock, struct sockaddr *uaddr, int len)
{
	struct sock *sk = sock->sk;
	struct kite_addr addr;
	int err;

	err = kite_addr_parse(uaddr, len, &addr);
	if (err)
		return err;
	lock_sock(sk);
	if (kite_sk(sk)->bound || sk->sk_state != TCP_CLOSE)
		err = -EINVAL;
	else
		err = kite_port_bind(sk, &addr);
	release_sock(sk);
	return err;
}

/**
 * kite_do_accept - the accept system call
 * @sock: the listener
 * @newsock: what the program will hold
 * @flags: O_NONBLOCK or not
 *
 * Context: Process context.
 * Return: 0, or what kite_accept_dequeue() says.
 */
int kite_do_accept(struct socket *sock, struct socket *newsock, int flags)
{
	struct sock *child;
	int err;

	child = kite_accept_dequeue(sock->sk, flags, &err);
	if (!child)
		return err;
	kite_socket_answers(newsock);
	/* As AF_UNIX has it. */
	if (test_bit(SOCK_PASSCRED, &sock->flags))
		set_bit(SOCK_PASSCRED, &newsock->flags);
	newsock->state = SS_CONNECTED;
	set_bit(SOCK_SUPPORT_ZC, &newsock->flags);
	/* Whatever the peer does meanwhile, it does not ask for the struct socket. */
	sock_graft(child, newsock);
	kite_event(child, KITE_EVENT_ACCEPTED, 0);
	return 0;
}

static int kite_getname(struct socket *sock, struct sockaddr *uaddr, int peer)
{
	struct sock *sk = sock->sk;
	struct kite_addr addr;
	bool connected;

	lock_sock(sk);
	connected = sk->sk_state == TCP_ESTABLISHED || sk->sk_state == TCP_CLOSING;
	addr = peer ? kite_sk(sk)->tuple.remote : kite_sk(sk)->tuple.local;
	release_sock(sk);
	if (peer && !connected)
		return -ENOTCONN;
	return kite_addr_format(&addr, uaddr);
}

static int kite_shutdown(struct socket *sock, int how)
{
	struct sock *sk = sock->sk;
	int err = 0;

	if (how < SHUT_RD || how > SHUT_RDWR)
		return -EINVAL;
	/* SHUT_RD, SHUT_WR, SHUT_RDWR become RCV_SHUTDOWN, SEND_SHUTDOWN or both. */
	how++;

	lock_sock(sk);
	switch (sk->sk_state) {
	case TCP_ESTABLISHED:
		kite_conn_shutdown(sk, how);
		sk->sk_state_change(sk);
		break;
	case TCP_LISTEN:
		kite_listener_shutdown(sk, how);
		break;
	case TCP_CLOSING:
		break;
	default:
		err = -ENOTCONN;
	}
	release_sock(sk);
	return err;
}

#ifdef CONFIG_COMPAT
#define KITE_COMPAT_OPS							\
	.compat_ioctl	= kite_compat_ioctl,
#else
#define KITE_COMPAT_OPS
#endif

#ifdef CONFIG_PROC_FS
#define KITE_PROC_OPS							\
	.show_fdinfo	= kite_show_fdinfo,
#else
#define KITE_PROC_OPS
#endif

/*
 * What the types have in common. .family is the default one whatever number the
 * family has: the core asks it for nothing but to know AF_UNIX.
 */
#define KITE_OPS							\
	KITE_COMPAT_OPS							\
	KITE_PROC_OPS							\
	.family		= AF_KITE,					\
	.owner		= THIS_MODULE,					\
	.release	= kite_release,					\
	.getname	= kite_getname,					\
	.setsockopt	= kite_setsockopt,				\
	.getsockopt	= kite_getsockopt,				\
	.mmap		= sock_no_mmap

/* And those that have connections. */
#define KITE_CONN_OPS							\
	KITE_OPS,							\
	.bind		= kite_bind,					\
	.connect	= kite_connect,					\
	.socketpair	= kite_socketpair,				\
	.accept		= kite_accept,					\
	.poll		= kite_conn_poll,				\
	.ioctl		= kite_conn_ioctl,				\
	.listen		= kite_listen,					\
	.shutdown	= kite_shutdown

static const struct proto_ops kite_stream_ops = {
	KITE_CONN_OPS,
	.sendmsg	= kite_stream_sendmsg,
	.recvmsg	= kite_stream_recvmsg,
	.splice_read	= kite_stream_splice_read,
	.set_peek_off	= sk_set_peek_off,
};

static const struct proto_ops kite_seqpacket_ops = {
	KITE_CONN_OPS,
	.sendmsg	= kite_seqpacket_sendmsg,
	.recvmsg	= kite_seqpacket_recvmsg,
	.set_peek_off	= sk_set_peek_off,
};

static const struct proto_ops kite_dgram_ops = {
	KITE_OPS,
	.bind		= kite_bind,
	.connect	= kite_dgram_connect,
	.socketpair	= kite_dgram_socketpair,
	.accept		= sock_no_accept,
	.poll		= datagram_poll,
	.ioctl		= kite_dgram_ioctl,
	.gettstamp	= sock_gettstamp,
	.listen		= sock_no_listen,
	.shutdown	= kite_dgram_shutdown,
	.sendmsg	= kite_dgram_sendmsg,
	.recvmsg	= kite_dgram_recvmsg,
	.set_peek_off	= sk_set_peek_off,
};

static const struct proto_ops kite_raw_ops = {
	KITE_OPS,
	.bind		= kite_raw_bind,
	.connect	= sock_no_connect,
	.socketpair	= sock_no_socketpair,
	.accept		= sock_no_accept,
	.poll		= datagram_poll,
	.ioctl		= kite_dgram_ioctl,
	.listen		= sock_no_listen,
	.shutdown	= kite_raw_shutdown,
	.sendmsg	= kite_raw_sendmsg,
	.recvmsg	= kite_dgram_recvmsg,
	.set_peek_off	= sk_set_peek_off,
};

static int kite_create(struct net *net, struct socket *sock, int protocol, int kern)
{
	struct proto *prot;

	if (protocol && protocol != kite_family)
		return -EPROTONOSUPPORT;
	switch (sock->type) {
	case SOCK_STREAM:
		sock->ops = &kite_stream_ops;
		prot = &kite_stream_proto;
		break;
	case SOCK_SEQPACKET:
		sock->ops = &kite_seqpacket_ops;
		prot = &kite_seqpacket_proto;
		break;
	case SOCK_DGRAM:
		sock->ops = &kite_dgram_ops;
		prot = &kite_dgram_proto;
		break;
	case SOCK_RAW:
		if (!ns_capable(net->user_ns, CAP_NET_RAW))
			return -EPERM;
		sock->ops = &kite_raw_ops;
		prot = &kite_raw_proto;
		break;
	default:
		return -ESOCKTNOSUPPORT;
	}
	sock->state = SS_UNCONNECTED;
	kite_socket_answers(sock);
	set_bit(SOCK_SUPPORT_ZC, &sock->flags);
	if (!kite_sock_alloc(net, sock, prot, sock->type, GFP_KERNEL, kern))
		return -ENOMEM;
	kite_sock_list(sock->sk);
	kite_event(sock->sk, KITE_EVENT_CREATED, 0);
	return 0;
}

static struct net_proto_family kite_net_family __ro_after_init = {
	.owner	= THIS_MODULE,
	.create	= kite_create,
};

/**
 * kite_family_register - from now on programs can make Kite sockets
 * @family: the family's number
 *
 * Context: Process context.
 * Return: 0, -EEXIST when the number is taken, -ENOBUFS when it is too high.
 */
int __init kite_family_register(int family)
{
	kite_net_family.family = family;
	return sock_register(&kite_net_family);
}
