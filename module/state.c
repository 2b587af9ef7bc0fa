// SPDX-License-Identifier: GPL-2.0
/*
 * A socket's state and what of it is shut down: each change is made here, so that
 * those who look on miss none.
 */
#include <linux/kite_diag.h>

#include "af_kite.h"
#include "trace.h"

/* What listeners hear of a new state. Of the end they hear why it came. */
static void kite_state_event(struct sock *sk, u8 old, u8 state)
{
	if (state == TCP_LISTEN)
		kite_event(sk, KITE_EVENT_LISTENING, 0);
	else if (state == TCP_SYN_SENT)
		kite_event(sk, KITE_EVENT_CONNECTING, 0);
	else if (state == TCP_ESTABLISHED)
		kite_event(sk, KITE_EVENT_CONNECTED, 0);
	else if (state == TCP_CLOSE && old != state)
		kite_event(sk, KITE_EVENT_UNCONNECTED, 0);
}

/**
 * kite_sk_set_state - a socket's state changes
 * @sk: the socket
 * @state: TCP_*
 *
 * Context: Any; the caller owns the socket, or nobody else knows it. Who reads the
 * state with acquire sees what was written before.
 */
void kite_sk_set_state(struct sock *sk, u8 state)
{
	u8 old = sk->sk_state;

	/* Pairs with the acquires of who looks at it without a lock. */
	smp_store_release(&sk->sk_state, state);
	kite_stats_state(sk, old, state);
	trace_kite_state(sk, old, state);
	kite_state_event(sk, old, state);
}

/**
 * kite_sk_set_shutdown - a socket does not receive, or not send, any more
 * @sk: the socket
 * @how: RCV_SHUTDOWN, SEND_SHUTDOWN or both, beside what was shut down before
 *
 * Context: Any; the caller owns the socket. Who reads sk_shutdown with acquire sees
 * what was written before.
 */
void kite_sk_set_shutdown(struct sock *sk, u8 how)
{
	u8 old = sk->sk_shutdown;

	/* Likewise. */
	smp_store_release(&sk->sk_shutdown, old | how);
	if (how & ~old) {
		trace_kite_state(sk, sk->sk_state, sk->sk_state);
		kite_event(sk, KITE_EVENT_SHUTDOWN, 0);
	}
}

/**
 * kite_sk_ino - by which number do programs know a socket?
 * @sk: the socket
 *
 * Unlike sock_i_ino() this takes no lock: a struct socket stays for a grace period.
 *
 * Context: Any.
 * Return: the inode's number; 0 for a child that was not accepted, or when the program
 * has closed it.
 */
unsigned long kite_sk_ino(const struct sock *sk)
{
	struct socket *sock;
	unsigned long ino;

	rcu_read_lock();
	sock = kite_sk_socket(sk);
	ino = sock ? SOCK_INODE(sock)->i_ino : 0;
	rcu_read_unlock();
	return ino;
}

/**
 * kite_type_name - what people call a type
 * @sk: a socket of it
 *
 * Context: Any.
 * Return: the name.
 */
const char *kite_type_name(const struct sock *sk)
{
	switch (sk->sk_type) {
	case SOCK_STREAM:
		return "stream";
	case SOCK_SEQPACKET:
		return "seqpacket";
	case SOCK_DGRAM:
		return "dgram";
	default:
		return "raw";
	}
}

/**
 * kite_state_name - what people call a state
 * @state: TCP_*
 *
 * Context: Any.
 * Return: the name.
 */
const char *kite_state_name(int state)
{
	switch (state) {
	case TCP_LISTEN:
		return "listening";
	case TCP_SYN_SENT:
		return "connecting";
	case TCP_ESTABLISHED:
		return "connected";
	case TCP_CLOSING:
		return "closing";
	default:
		return "unconnected";
	}
}
