// SPDX-License-Identifier: GPL-2.0
/*
 * Waiting for a connection: blocking calls, and poll, select and epoll.
 */
#include <linux/poll.h>
#include <linux/sched/signal.h>

#include "af_kite.h"

static int kite_wait_loop(struct sock *sk, struct wait_queue_entry *wait,
			  bool (*done)(struct sock *sk, u32 arg), u32 arg,
			  long *timeo)
{
	/* Pairs with skwq_has_sleeper(): on the wait queue first, then the look. */
	smp_mb();
	while (!done(sk, arg)) {
		if (!*timeo)
			return -EAGAIN;
		if (signal_pending(current))
			return sock_intr_errno(*timeo);
		*timeo = wait_woken(wait, TASK_INTERRUPTIBLE, *timeo);
	}
	return 0;
}

/**
 * kite_wait - sleep on a socket until something is true
 * @sk: the socket
 * @done: the question; asked again after each wake-up. Yes must mean that the
 *	caller gets further, or it would come back for ever
 * @arg: its argument
 * @timeo: how long, in jiffies; what is left of it afterwards
 *
 * Context: Process context, without locks.
 * Return: 0, -EAGAIN when the time is over, -EINTR or -ERESTARTSYS.
 */
int kite_wait(struct sock *sk, bool (*done)(struct sock *sk, u32 arg), u32 arg,
	      long *timeo)
{
	DEFINE_WAIT_FUNC(wait, woken_wake_function);
	int err;

	add_wait_queue(sk_sleep(sk), &wait);
	err = kite_wait_loop(sk, &wait, done, arg, timeo);
	remove_wait_queue(sk_sleep(sk), &wait);
	return err;
}

/**
 * kite_wait_exclusive - the same, where one wake-up is for one waiter
 * @sk: the socket
 * @done: the question; asked again after each wake-up
 * @arg: its argument
 * @timeo: how long, in jiffies; what is left of it afterwards
 *
 * Context: Process context, without locks.
 * Return: 0, -EAGAIN when the time is over, -EINTR or -ERESTARTSYS.
 */
int kite_wait_exclusive(struct sock *sk, bool (*done)(struct sock *sk, u32 arg),
			u32 arg, long *timeo)
{
	DEFINE_WAIT_FUNC(wait, woken_wake_function);
	int err;

	add_wait_queue_exclusive(sk_sleep(sk), &wait);
	err = kite_wait_loop(sk, &wait, done, arg, timeo);
	remove_wait_queue(sk_sleep(sk), &wait);
	return err;
}

/**
 * kite_conn_rcvlowat - how much should be there before a reader is content?
 * @sk: the socket
 * @waitall: MSG_WAITALL
 * @len: how much the reader asks for
 *
 * SO_RCVLOWAT, but never more than the receive window can hold, or the reader
 * would wait for ever.
 *
 * Context: Any.
 * Return: bytes, at least 1.
 */
u32 kite_conn_rcvlowat(const struct sock *sk, bool waitall, size_t len)
{
	u32 want = sock_rcvlowat(sk, waitall, min_t(size_t, len, INT_MAX));

	return waitall ? want : min_t(u32, want, READ_ONCE(sk->sk_rcvbuf));
}

/**
 * kite_conn_readable - would a reader get something?
 * @sk: the socket
 * @target: the least that it wants
 *
 * Context: Process context.
 * Return: true if there is as much, or an error or the end to be read.
 */
bool kite_conn_readable(struct sock *sk, u32 target)
{
	return kite_queue_unread(kite_conn(sk)) >= target || READ_ONCE(sk->sk_err) ||
	       READ_ONCE(sk->sk_shutdown) & RCV_SHUTDOWN;
}

/**
 * kite_conn_came - has anything come, or the end?
 * @sk: the socket
 * @queued: its @rx_queued before the look that found too little
 *
 * Context: Process context.
 * Return: true if so, even if somebody else has read it: a look will tell.
 */
bool kite_conn_came(struct sock *sk, u32 queued)
{
	return READ_ONCE(kite_conn(sk)->rx_queued) != queued || READ_ONCE(sk->sk_err) ||
	       READ_ONCE(sk->sk_shutdown) & RCV_SHUTDOWN;
}

/**
 * kite_conn_write_space - wake who waits for room to send
 * @sk: the socket
 *
 * The core's own would ask first whether enough of sk_sndbuf is free by
 * sk_wmem_alloc, which says nothing here.
 *
 * Context: Any.
 */
void kite_conn_write_space(struct sock *sk)
{
	struct socket_wq *wq;

	rcu_read_lock();
	wq = rcu_dereference(sk->sk_wq);
	if (skwq_has_sleeper(wq))
		wake_up_interruptible_sync_poll(&wq->wait, EPOLLOUT | EPOLLWRNORM |
						EPOLLWRBAND);
	rcu_read_unlock();
	sk_wake_async(sk, SOCK_WAKE_SPACE, POLL_OUT);
}

/*
 * There is something, and the peer waits for us to read it: more cannot come, so
 * SO_RCVLOWAT must not ask for more.
 */
static bool kite_peer_stuck(const struct kite_conn *kc)
{
	return kc->ks.peer && READ_ONCE(kite_conn(kc->ks.peer)->tx_blocked) &&
	       kite_queue_unread(kc);
}

static __poll_t kite_conn_poll_in(struct sock *sk)
{
	/* A record is whole, however short. */
	u32 target = sk->sk_type == SOCK_STREAM ?
		     kite_conn_rcvlowat(sk, false, INT_MAX) : 1;

	if (!kite_conn_readable(sk, target) && !kite_peer_stuck(kite_conn(sk)))
		return 0;
	return EPOLLIN | EPOLLRDNORM;
}

static __poll_t kite_conn_poll_out(struct sock *sk)
{
	struct kite_conn *kc = kite_conn(sk);

	if (!kite_credit_writable(kc)) {
		kite_send_block(sk);
		if (!kite_credit_writable(kc))
			return 0;
	}
	return EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND;
}

/**
 * kite_conn_poll - poll, select and epoll of connections
 * @file: the socket's file
 * @sock: the socket
 * @wait: where to wait
 *
 * The events are AF_UNIX's, with SO_RCVLOWAT as TCP has it: an unconnected
 * socket hangs up; once the peer will not receive, writing is possible, to get
 * EPIPE.
 *
 * Context: Process context.
 * Return: the events.
 */
__poll_t kite_conn_poll(struct file *file, struct socket *sock, poll_table *wait)
{
	struct sock *sk = sock->sk;
	__poll_t mask = 0;
	u8 shutdown, state;

	sock_poll_wait(file, sock, wait);
	/* Pairs with the release that made it ESTABLISHED: the peer is set. */
	state = smp_load_acquire(&sk->sk_state);
	shutdown = READ_ONCE(sk->sk_shutdown);

	/* Pairs with kite_conn_fail(): an end that has an error shows it. */
	smp_rmb();
	if (READ_ONCE(sk->sk_err) || !skb_queue_empty_lockless(&sk->sk_error_queue))
		mask |= EPOLLERR;
	if (shutdown == SHUTDOWN_MASK)
		mask |= EPOLLHUP;
	if (shutdown & RCV_SHUTDOWN)
		mask |= EPOLLRDHUP | EPOLLIN | EPOLLRDNORM;

	switch (state) {
	case TCP_CLOSE:
		return mask | EPOLLHUP | EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND;
	case TCP_SYN_SENT:
		return mask;
	case TCP_LISTEN:
		if (!list_empty_careful(&kite_conn(sk)->accept))
			mask |= EPOLLIN | EPOLLRDNORM;
		return mask;
	}
	mask |= kite_conn_poll_in(sk);
	if (shutdown & SEND_SHUTDOWN)
		return mask | EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND;
	if (poll_requested_events(wait) & (EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND))
		mask |= kite_conn_poll_out(sk);
	return mask;
}
