// SPDX-License-Identifier: GPL-2.0
/*
 * What sending and receiving on a connection have in common, for bytes and for
 * records.
 */
#include <linux/poll.h>
#include <linux/sched/signal.h>

#include "af_kite.h"
#include "trace.h"

static bool kite_send_ready(struct sock *sk, u32 cost)
{
	struct kite_conn *kc = kite_conn(sk);

	kite_credit_block(kc);
	/* First: what was ended because its namespace goes asks no transport any more. */
	if (READ_ONCE(sk->sk_shutdown) & SEND_SHUTDOWN || kite_credit_space(kc) >= cost)
		return true;
	/* There may never be room for a record. A stream waits, also for its first window. */
	if (sk->sk_type == SOCK_SEQPACKET)
		return kite_credit_most(kc) < cost;
	/* There was room, which another writer has taken: the peer is to be told once more. */
	return !READ_ONCE(kc->tx_told);
}

/*
 * A reader that waits for more than there is must not. Others who look on are not to
 * be bothered: hardly anybody polls for this event.
 */
static void kite_peer_blocked(struct sock *peer)
{
	struct socket_wq *wq;

	if (READ_ONCE(peer->sk_rcvlowat) > 1) {
		peer->sk_data_ready(peer);
		return;
	}
	rcu_read_lock();
	wq = rcu_dereference(peer->sk_wq);
	if (skwq_has_sleeper(wq))
		wake_up_interruptible_poll(&wq->wait, EPOLLMSG);
	rcu_read_unlock();
}

/**
 * kite_send_block - there is no room, and somebody waits for it
 * @sk: the connection
 *
 * The caller looks once more before it sleeps. A peer that waits for more than we
 * can send is told that this is all: see kite_conn_poll(). But only once until
 * there is room: a program that polls both ends would wake itself each time that it looks,
 * and never sleep.
 *
 * Context: Process context.
 */
void kite_send_block(struct sock *sk)
{
	struct kite_conn *kc = kite_conn(sk);
	bool told;

	sk_set_bit(SOCKWQ_ASYNC_NOSPACE, sk);
	/*
	 * In one step: another one may have told, which is forgotten when it got its room, so
	 * to write it later would be wrong. And before blocked, the other way round than in
	 * __kite_credit_wake(): if that comes in between, whoever waits is blocked and not
	 * told, never the reverse, which would keep the next one from telling.
	 */
	told = xchg(&kc->tx_told, true);
	kite_credit_block(kc);
	kite_count(sock_net(sk), KITE_STAT_OUT_BLOCKED);
	trace_kite_credit(sk, KITE_CREDIT_BLOCK);
	if (kc->ks.peer && !told)
		kite_peer_blocked(kc->ks.peer);
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
	int err;

	WRITE_ONCE(kite_conn(sk)->tx_wanted, cost);
	kite_send_block(sk);
	err = kite_wait(sk, kite_send_ready, cost, timeo);
	/* A program that may not wait asks poll, which has to know. */
	if (err != -EAGAIN)
		WRITE_ONCE(kite_conn(sk)->tx_wanted, 0);
	return err;
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
 * kite_send_undo - what was counted as sent could not be
 * @sk: the sender
 * @cost: its charge
 *
 * Context: Process context, send_lock held.
 */
void kite_send_undo(struct sock *sk, u32 cost)
{
	struct kite_conn *kc = kite_conn(sk);

	lockdep_assert_held(&kc->send_lock);

	WRITE_ONCE(kc->tx_sent, kc->tx_sent - cost);
	/* Others may have found no room meanwhile. */
	kite_credit_wake(sk);
}

/**
 * kite_recv_error - recv with MSG_ERRQUEUE: the notifications of MSG_ZEROCOPY
 * @sk: the socket
 * @msg: where it goes
 * @size: no matter: there are no bytes
 *
 * Context: Process context.
 * Return: 0; -EAGAIN when there is none.
 */
int kite_recv_error(struct sock *sk, struct msghdr *msg, size_t size)
{
	return sock_recv_errqueue(sk, msg, size, kite_recverr_level(), KITE_RECVERR);
}
