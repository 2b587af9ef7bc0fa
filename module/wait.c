// SPDX-License-Identifier: GPL-2.0
/*
 * Waiting for a connection: blocking calls, and poll, select and epoll.
 */
#include <linux/poll.h>
#include <linux/sched/signal.h>

#include "af_kite.h"

/* A reader that waits for much is woken when so much of it has come. */
#define KITE_READ_BATCH		16384U

/* Who sleeps until something is true. */
struct kite_waiter {
	struct wait_queue_entry	entry;
	struct sock		*sk;
	bool			(*done)(struct sock *sk, u32 arg);
	u32			arg;
};

/*
 * Asks for the sleeper, so that it is not woken for nothing: a switch to another
 * process costs more than everything else that happens to a message.
 */
static int kite_waiter_wake(struct wait_queue_entry *entry, unsigned int mode, int sync,
			    void *key)
{
	struct kite_waiter *waiter = container_of(entry, struct kite_waiter, entry);

	return waiter->done(waiter->sk, waiter->arg) &&
	       autoremove_wake_function(entry, mode, sync, key);
}

static int kite_wait_loop(struct kite_waiter *waiter, bool exclusive, long *timeo)
{
	wait_queue_head_t *queue = sk_sleep(waiter->sk);

	for (;;) {
		/* On the queue first, then the look: pairs with skwq_has_sleeper(). */
		if (exclusive)
			prepare_to_wait_exclusive(queue, &waiter->entry,
						  TASK_INTERRUPTIBLE);
		else
			prepare_to_wait(queue, &waiter->entry, TASK_INTERRUPTIBLE);
		if (waiter->done(waiter->sk, waiter->arg))
			return 0;
		if (!*timeo)
			return -EAGAIN;
		if (signal_pending(current))
			return sock_intr_errno(*timeo);
		*timeo = schedule_timeout(*timeo);
		/* Who was woken for it is off the queue, and need not go there again. */
		if (waiter->done(waiter->sk, waiter->arg))
			return 0;
	}
}

static int kite_wait_any(struct sock *sk, bool (*done)(struct sock *sk, u32 arg), u32 arg,
			 bool exclusive, long *timeo)
{
	struct kite_waiter waiter = {
		.sk	= sk,
		.done	= done,
		.arg	= arg,
	};
	int err;

	init_wait(&waiter.entry);
	waiter.entry.func = kite_waiter_wake;
	err = kite_wait_loop(&waiter, exclusive, timeo);
	finish_wait(sk_sleep(sk), &waiter.entry);
	return err;
}

/**
 * kite_wait - sleep on a socket until something is true
 * @sk: the socket
 * @done: the question, asked by the sleeper and by who wakes it, in any context. Yes
 *	must mean that the caller gets further, or it would come back for ever
 * @arg: its argument
 * @timeo: how long, in jiffies; what is left of it afterwards
 *
 * Context: Process context, without locks.
 * Return: 0, -EAGAIN when the time is over, -EINTR or -ERESTARTSYS.
 */
int kite_wait(struct sock *sk, bool (*done)(struct sock *sk, u32 arg), u32 arg,
	      long *timeo)
{
	return kite_wait_any(sk, done, arg, false, timeo);
}

/**
 * kite_wait_exclusive - the same, where one wake-up is for one waiter
 * @sk: the socket
 * @done: the question
 * @arg: its argument
 * @timeo: how long, in jiffies; what is left of it afterwards
 *
 * Context: Process context, without locks.
 * Return: 0, -EAGAIN when the time is over, -EINTR or -ERESTARTSYS.
 */
int kite_wait_exclusive(struct sock *sk, bool (*done)(struct sock *sk, u32 arg),
			u32 arg, long *timeo)
{
	return kite_wait_any(sk, done, arg, true, timeo);
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
 * Context: Any.
 * Return: true if there is as much, or an error or the end to be read.
 */
bool kite_conn_readable(struct sock *sk, u32 target)
{
	return kite_queue_unread(kite_conn(sk)) >= target || READ_ONCE(sk->sk_err) ||
	       READ_ONCE(sk->sk_shutdown) & RCV_SHUTDOWN;
}

/*
 * There is something, and the peer waits for us to read it: for room, or, with
 * MSG_ZEROCOPY, for its pages. More may not come, so nobody must wait for more.
 */
static bool kite_peer_stuck(const struct kite_conn *kc)
{
	struct sock *peer = READ_ONCE(kc->ks.peer);

	return peer && (READ_ONCE(kite_conn(peer)->tx_blocked) ||
			kite_sk_flags(peer) & BIT(SOCK_ZEROCOPY)) && kite_queue_unread(kc);
}

/**
 * kite_conn_enough - is there enough to wake a reader that has emptied the queue?
 * @sk: the socket
 * @want: how much, see kite_conn_batch()
 *
 * Context: Any.
 * Return: true if so, or if no more will come.
 */
bool kite_conn_enough(struct sock *sk, u32 want)
{
	return kite_conn_readable(sk, want) || kite_peer_stuck(kite_conn(sk));
}

/**
 * kite_conn_batch - how much should come before a reader is woken that wants so much?
 * @sk: the socket
 * @rest: what it still wants
 *
 * With SO_RCVLOWAT or MSG_WAITALL a reader has to come back for more anyway, so each
 * wake-up should be worth it. A peer that is not here may be unable to send all of it:
 * then anything is enough.
 *
 * Context: Process context.
 * Return: bytes, at least 1.
 */
u32 kite_conn_batch(const struct sock *sk, u32 rest)
{
	u32 most = kite_sk(sk)->peer ? min(kite_credit_window(sk) / 2, KITE_READ_BATCH) : 1;

	return clamp(rest, 1U, max(most, 1U));
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
 * kite_def_readable - wake who waits for something to read
 * @sk: the socket
 *
 * The core's sk_data_ready, with a name that this module can ask for: see
 * kite_data_ready().
 *
 * Context: Any.
 */
void kite_def_readable(struct sock *sk)
{
	struct socket_wq *wq;

	rcu_read_lock();
	wq = rcu_dereference(sk->sk_wq);
	if (skwq_has_sleeper(wq))
		wake_up_interruptible_sync_poll(&wq->wait, EPOLLIN | EPOLLPRI |
						EPOLLRDNORM | EPOLLRDBAND);
	rcu_read_unlock();
	kite_wake_async(sk, SOCK_WAKE_WAITD, POLL_IN);
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
	kite_wake_async(sk, SOCK_WAKE_SPACE, POLL_OUT);
}

/* How much makes a stream readable? */
static u32 kite_poll_target(struct sock *sk)
{
	const struct kite_conn *kc = kite_conn(sk);
	u32 want = kite_conn_rcvlowat(sk, false, INT_MAX);

	if (kc->ks.peer)
		return want;
	/* As TCP has it: no more than comes before the peer hears of more room. */
	return clamp(READ_ONCE(kc->rx_told) - kite_credit_read(kc), 1U, want);
}

static __poll_t kite_conn_poll_in(struct sock *sk)
{
	/* A record is whole, however short. */
	u32 target = sk->sk_type == SOCK_STREAM ? kite_poll_target(sk) : 1;

	return kite_conn_enough(sk, target) ? EPOLLIN | EPOLLRDNORM : 0;
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
