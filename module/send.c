// SPDX-License-Identifier: GPL-2.0
/*
 * What sending and receiving on a connection have in common, for bytes and for
 * records.
 */
#include <linux/sched/signal.h>

#include "af_kite.h"

/**
 * kite_send_check - may this be sent at all?
 * @sk: the connection
 * @msg: the message
 *
 * Context: Process context. After 0 the caller may use the connection's peer.
 * Return: 0; -EOPNOTSUPP for MSG_OOB; with an address -EISCONN or -EOPNOTSUPP, as
 * AF_UNIX has it; -EPIPE; -ENOTCONN.
 */
int kite_send_check(struct sock *sk, const struct msghdr *msg)
{
	/* Pairs with the release that made it ESTABLISHED: the peer is set. */
	u8 state = smp_load_acquire(&sk->sk_state);

	if (msg->msg_flags & MSG_OOB)
		return -EOPNOTSUPP;
	if (msg->msg_namelen)
		return state == TCP_ESTABLISHED ? -EISCONN : -EOPNOTSUPP;
	if (READ_ONCE(sk->sk_shutdown) & SEND_SHUTDOWN)
		return -EPIPE;
	return state == TCP_ESTABLISHED ? 0 : -ENOTCONN;
}

static bool kite_send_ready(struct sock *sk, u32 cost)
{
	struct kite_conn *kc = kite_conn(sk);

	kite_credit_block(kc);
	return kite_credit_space(kc) >= cost || kite_credit_most(kc) < cost ||
	       READ_ONCE(sk->sk_shutdown) & SEND_SHUTDOWN;
}

/**
 * kite_send_block - there is no room, and somebody waits for it
 * @sk: the connection
 *
 * The caller looks once more before it sleeps. A peer that waits for more than we
 * can send is told that this is all: see kite_conn_poll().
 *
 * Context: Process context.
 */
void kite_send_block(struct sock *sk)
{
	struct sock *peer = kite_sk(sk)->peer;

	sk_set_bit(SOCKWQ_ASYNC_NOSPACE, sk);
	kite_credit_block(kite_conn(sk));
	if (peer && READ_ONCE(peer->sk_rcvlowat) > 1)
		peer->sk_data_ready(peer);
}

/**
 * kite_send_wait - wait for room to send
 * @sk: the connection
 * @cost: how much room
 * @timeo: how long, in jiffies; what is left of it afterwards
 *
 * Context: Process context, without locks.
 * Return: 0 when there is room or can never be; -EAGAIN, -EINTR, -ERESTARTSYS.
 */
int kite_send_wait(struct sock *sk, u32 cost, long *timeo)
{
	WRITE_ONCE(kite_conn(sk)->tx_wanted, cost);
	kite_send_block(sk);
	return kite_wait(sk, kite_send_ready, cost, timeo);
}

/**
 * kite_send_end - nothing was sent: what does the program get for it?
 * @err: the error
 * @msg: the message
 *
 * Context: Process context.
 * Return: @err. For -EPIPE there is also SIGPIPE, unless MSG_NOSIGNAL.
 */
int kite_send_end(int err, const struct msghdr *msg)
{
	if (err == -EPIPE && !(msg->msg_flags & MSG_NOSIGNAL))
		send_sig(SIGPIPE, current, 0);
	return err;
}

/**
 * kite_send_deliver - give a buffer to the peer
 * @sk: the sender
 * @skb: the buffer; consumed
 * @flags: KITE_DATA_*
 *
 * Right into its queue where it is a socket here, else to the transport.
 *
 * Context: Process context, send_lock held.
 * Return: 0, or what the queue or the transport says.
 */
int kite_send_deliver(struct sock *sk, struct sk_buff *skb, u8 flags)
{
	struct kite_conn *kc = kite_conn(sk);
	int err;

	lockdep_assert_held(&kc->send_lock);

	if (!kc->ks.peer)
		return kite_conn_xmit(sk, skb, KITE_OP_DATA, flags);
	err = kite_queue_append(kc->ks.peer, skb, flags);
	if (err)
		kite_buf_free(skb);
	return err;
}

/**
 * kite_recv_check - may this be received at all?
 * @sk: the connection
 * @flags: MSG_*
 *
 * Context: Process context.
 * Return: 0; -EOPNOTSUPP for MSG_OOB; -ENOTCONN, as TCP has it.
 */
int kite_recv_check(const struct sock *sk, int flags)
{
	/* Pairs with the release that made it ESTABLISHED: the peer is set. */
	u8 state = smp_load_acquire(&sk->sk_state);

	if (flags & MSG_OOB)
		return -EOPNOTSUPP;
	return state == TCP_ESTABLISHED || state == TCP_CLOSING ? 0 : -ENOTCONN;
}

/**
 * kite_recv_over - will no more come than what a look at the queue now shows?
 * @sk: the connection
 *
 * Context: Process context. Before the look at the queue.
 * Return: true after an error or at the end.
 */
bool kite_recv_over(const struct sock *sk)
{
	bool over = READ_ONCE(sk->sk_err) ||
		    READ_ONCE(sk->sk_shutdown) & RCV_SHUTDOWN;

	/* What came before the end is in the queue: pairs with conn.c. */
	smp_rmb();
	return over;
}
