// SPDX-License-Identifier: GPL-2.0
/*
 * The receive queue of a connection.
 *
 * Writers append under the spinlock of the queue and nothing else, so they never
 * wait for a reader that copies to its program. There is one reader at a time
 * (recv_lock), and only it takes buffers off. It learns what is there from
 * rx_queued: a writer stores it with release after it has linked the buffer or
 * lengthened the last one, so a reader that loads it with acquire sees all
 * bytes up to there without the spinlock.
 *
 * A record longer than a packet lies in several buffers, all but the last marked
 * KITE_DATA_MORE. They enter one by one and count in rx_partial; only with the
 * last one does the whole record enter rx_queued, and exist for the reader.
 */
#include "af_kite.h"
#include "tap.h"
#include "trace.h"

/* What is never read is let go of in parts: softirqs, and who sends, wait for each. */
#define KITE_PURGE_BATCH	256

/* The room at the end of the last buffer, if it can be used. Inline for small writes. */
static __always_inline struct sk_buff *
kite_queue_tail(struct sock *sk, u32 len, const struct kite_creds *creds)
{
	struct sk_buff *skb = skb_peek_tail(&sk->sk_receive_queue);

	if (!skb || skb_is_nonlinear(skb) || skb_cloned(skb) || skb_tailroom(skb) < (int)len)
		return NULL;
	if (!kite_creds_equal(&kite_cb(skb)->creds, creds))
		return NULL;
	return skb;
}

static __always_inline void kite_queue_extend(struct sk_buff *skb, const void *data, u32 len)
{
	memcpy(skb_tail_pointer(skb), data, len);
	skb->tail += len;
	/* A reader may look at it now; it trusts only rx_queued. */
	WRITE_ONCE(skb->len, skb->len + len);
}

/* Is it not the end of its record? */
static bool kite_queue_goes_on(const struct sk_buff *skb)
{
	return kite_cb(skb)->flags & KITE_DATA_MORE;
}

/* What a buffer costs of the receiver's window. */
static u32 kite_queue_cost(const struct sock *sk, const struct sk_buff *skb)
{
	if (sk->sk_type == SOCK_SEQPACKET && !kite_queue_goes_on(skb))
		return skb->len + KITE_RECORD_OVERHEAD;
	return skb->len;
}

/* Takes back the buffers of a record that did not come to its end. */
static void kite_queue_cut(struct sock *sk, struct sk_buff **gone)
{
	struct kite_conn *kc = kite_conn(sk);
	struct sk_buff *skb;

	while (kc->rx_partial) {
		skb = __skb_dequeue_tail(&sk->sk_receive_queue);
		kc->rx_partial -= kite_queue_cost(sk, skb);
		kc->rx_parts -= kite_queue_goes_on(skb);
		kite_mem_uncharge(sk, skb);
		skb->next = *gone;
		*gone = skb;
	}
}

/* Is the queue open to this buffer, and its charge within what the peer was granted? */
static int kite_queue_check(struct sock *sk, const struct sk_buff *skb, u32 cost)
{
	struct kite_conn *kc = kite_conn(sk);

	lockdep_assert_held(&sk->sk_receive_queue.lock);

	/* Pairs with kite_queue_open(). */
	if (!smp_load_acquire(&kc->rx_open))
		return -EPIPE;
	/* It was forged before the handshake, and would be in the peer's way now. */
	if (kite_cb(skb)->flags & KITE_DATA_PACKET && READ_ONCE(kc->ks.peer))
		return -EPIPE;
	if ((s32)(kc->rx_limit - (kc->rx_queued + kc->rx_tossed + kc->rx_partial + cost)) < 0)
		return -EPROTO;
	return 0;
}

/* Adds bytes to a stream. */
static int kite_queue_append_bytes(struct sock *sk, struct sk_buff *skb)
{
	struct sk_buff_head *queue = &sk->sk_receive_queue;
	struct kite_conn *kc = kite_conn(sk);
	struct sk_buff *tail = NULL;
	u32 len = skb->len;
	int err;

	spin_lock_bh(&queue->lock);
	err = kite_queue_check(sk, skb, len);
	if (err)
		goto unlock;
	if (!skb_is_nonlinear(skb) && !skb_queue_empty(queue))
		tail = kite_queue_tail(sk, len, &kite_cb(skb)->creds);
	if (tail) {
		kite_queue_extend(tail, skb->data, len);
	} else {
		err = kite_mem_charge(sk, skb);
		if (err)
			goto unlock;
		__skb_queue_tail(queue, skb);
	}
	/* Pairs with the acquire in kite_queue_unread(). */
	smp_store_release(&kc->rx_queued, kc->rx_queued + len);
unlock:
	spin_unlock_bh(&queue->lock);
	if (err)
		return err;
	if (tail)
		kite_buf_free(skb);
	kite_data_ready(sk);
	return 0;
}

/* Adds a record or part of one; without an end it is not there yet. */
static int kite_queue_enter(struct sock *sk, struct sk_buff *skb,
			    struct sk_buff **gone)
{
	struct kite_conn *kc = kite_conn(sk);
	u32 cost = kite_queue_cost(sk, skb);
	int err;

	err = kite_queue_check(sk, skb, cost);
	if (err == -EPIPE)
		return err;
	if (!err)
		err = kite_mem_charge(sk, skb);
	if (err) {
		kite_queue_cut(sk, gone);
		return err;
	}
	__skb_queue_tail(&sk->sk_receive_queue, skb);
	kc->rx_partial += cost;
	kc->rx_parts += kite_queue_goes_on(skb);
	return 0;
}

/* Where does the record begin whose last buffer has just entered? */
static struct sk_buff *kite_queue_record(struct sock *sk)
{
	u32 left = kite_conn(sk)->rx_partial;
	struct sk_buff *skb;

	skb_queue_reverse_walk(&sk->sk_receive_queue, skb) {
		left -= kite_queue_cost(sk, skb);
		if (!left)
			return skb;
	}
	return NULL;
}

/*
 * The filter sees the first packet of a record, and may refuse the record but not cut
 * it off.
 */
static bool kite_queue_refused(struct sock *sk)
{
	struct sk_buff *skb;

	if (likely(!rcu_access_pointer(sk->sk_filter)))
		return false;
	skb = kite_queue_record(sk);
	return kite_filter(sk, skb, skb->len);
}

/* Those who look on hear of a record that the filter refused. */
static void kite_queue_drop(struct sock *sk)
{
	const struct kite_packet pkt = {
		.type	= sk->sk_type,
		.op	= KITE_OP_DATA,
		.len	= kite_conn(sk)->rx_partial - KITE_RECORD_OVERHEAD,
		.src	= kite_sk(sk)->tuple.remote,
		.dst	= kite_sk(sk)->tuple.local,
	};

	atomic_inc(&sk->sk_drops);
	kite_drop_note(sock_net(sk), sk, &pkt, NULL, KITE_DROP_FILTER);
}

/* Lets the reader see what has entered, if the filter does. */
static bool kite_queue_publish(struct sock *sk, struct sk_buff **gone)
{
	struct kite_conn *kc = kite_conn(sk);
	u32 queued = kc->rx_queued + kc->rx_partial;

	if (kite_queue_refused(sk)) {
		WRITE_ONCE(kc->rx_tossed, kc->rx_tossed + kc->rx_partial);
		kite_queue_drop(sk);
		kite_queue_cut(sk, gone);
		return false;
	}
	kc->rx_partial = 0;
	/* Pairs with the acquire in kite_queue_unread(). */
	smp_store_release(&kc->rx_queued, queued);
	return true;
}

/* Tells the peer of its credit by a packet, or the tap of what that would be. */
static void kite_queue_tell(struct sock *sk, bool here)
{
	/* A connection that is over has nobody to tell. */
	if (READ_ONCE(sk->sk_state) != TCP_ESTABLISHED)
		return;
	/* Not by its peer now: in the sender's call, @sk may be closing. */
	if (here)
		kite_tap_conn(sk, NULL, KITE_OP_CREDIT, 0);
	else
		kite_conn_send_control(sk, KITE_OP_CREDIT, 0);
}

/* Gives the peer its credit back. Drops the lock. */
static inline void kite_queue_return(struct sock *sk)
	__releases(&sk->sk_receive_queue.lock)
{
	struct kite_conn *kc = kite_conn(sk);
	struct sock *peer = READ_ONCE(kc->ks.peer);
	bool alive, tell;

	tell = kite_credit_grant(kc);
	trace_kite_credit(sk, KITE_CREDIT_GRANT);
	/* What is over tells nobody: even its namespace may be gone. */
	alive = READ_ONCE(sk->sk_state) == TCP_ESTABLISHED;
	spin_unlock_bh(&sk->sk_receive_queue.lock);

	if (peer) {
		if (alive && kite_tap_on(sock_net(sk)) && kite_credit_is_news(kc))
			kite_queue_tell(sk, true);
		kite_credit_wake(peer);
	} else if (alive && tell) {
		kite_queue_tell(sk, false);
	}
}

/* Not inline: a stream would pay for its frame. */
static noinline int kite_queue_append_record(struct sock *sk, struct sk_buff *skb)
{
	bool whole = !kite_queue_goes_on(skb);
	struct sk_buff_head *queue = &sk->sk_receive_queue;
	struct sk_buff *gone = NULL;
	int err;

	kite_stamp(sk, skb);
	spin_lock_bh(&queue->lock);
	err = kite_queue_enter(sk, skb, &gone);
	if (!err && whole && !kite_queue_publish(sk, &gone)) {
		whole = false;
		kite_queue_return(sk);
	} else {
		spin_unlock_bh(&queue->lock);
	}
	kite_buf_free_list(gone);
	if (!err && whole)
		kite_data_ready(sk);
	return err;
}

/**
 * kite_queue_append - add a buffer at the end of a receive queue
 * @sk: the receiver
 * @skb: the buffer; the queue's afterwards, the caller's still on error
 * @flags: KITE_DATA_*, if it is a record or part of one, or if it came as a packet
 *
 * A small buffer of a stream is copied into the room at the end of the last one, if
 * that has the same credentials, so that the memory of many small writes stays in
 * proportion.
 *
 * Context: Any. Wakes the reader.
 * Return: 0, also if the receiver's filter tossed it; -EPIPE when the queue is closed,
 * or, for a packet, when the peer turns out to be a socket here;
 * -EPROTO when it is more than the receiver allowed; -ENOBUFS when the memory limits do
 * not let it in. The earlier parts of its record are gone then, or, in a closed queue,
 * never seen.
 */
int kite_queue_append(struct sock *sk, struct sk_buff *skb, u8 flags)
{
	kite_cb(skb)->consumed = 0;
	kite_cb(skb)->flags = flags;
	if (sk->sk_type == SOCK_STREAM)
		return kite_queue_append_bytes(sk, skb);
	return kite_queue_append_record(sk, skb);
}

/**
 * kite_queue_merge - add bytes to the last buffer of a receive queue
 * @sk: the receiver, a socket here
 * @data: the bytes
 * @len: how many; the sender has the credit for them
 * @creds: the sender's
 *
 * Saves a small write its buffer.
 *
 * Context: Any. Wakes the reader if it did.
 * Return: false if there is no room at the end of the last buffer, or the queue
 * is closed: kite_queue_append() then says which.
 */
bool kite_queue_merge(struct sock *sk, const void *data, u32 len,
		      const struct kite_creds *creds)
{
	struct sk_buff_head *queue = &sk->sk_receive_queue;
	struct kite_conn *kc = kite_conn(sk);
	struct sk_buff *tail = NULL;

	spin_lock_bh(&queue->lock);
	if (READ_ONCE(kc->rx_open))
		tail = kite_queue_tail(sk, len, creds);
	if (tail) {
		kite_queue_extend(tail, data, len);
		/* Pairs with the acquire in kite_queue_unread(). */
		smp_store_release(&kc->rx_queued, kc->rx_queued + len);
	}
	spin_unlock_bh(&queue->lock);
	if (!tail)
		return false;
	kite_data_ready(sk);
	return true;
}

static void kite_queue_remove(struct sock *sk, struct sk_buff *skb)
{
	__skb_unlink(skb, &sk->sk_receive_queue);
	kite_mem_uncharge(sk, skb);
}

/* Counts what was read, and gives the peer its credit back. Drops the lock. */
static void kite_queue_read(struct sock *sk, u32 cost)
	__releases(&sk->sk_receive_queue.lock)
{
	struct kite_conn *kc = kite_conn(sk);

	WRITE_ONCE(kc->rx_read, kc->rx_read + cost);
	kite_queue_return(sk);
}

/**
 * kite_queue_grant - the receive buffer has another size: let the peer use it
 * @sk: the receiver, ESTABLISHED
 *
 * Context: Process context, lock_sock held. May send a packet.
 */
void kite_queue_grant(struct sock *sk)
{
	spin_lock_bh(&sk->sk_receive_queue.lock);
	kite_queue_return(sk);
}

/**
 * kite_queue_consume - bytes of the first buffer were read
 * @sk: the receiver
 * @skb: the first buffer
 * @len: how many bytes
 *
 * Frees the buffer when all of it was read, and gives the peer its credit back.
 *
 * Context: Process context, recv_lock held. May send a packet.
 */
void kite_queue_consume(struct sock *sk, struct sk_buff *skb, u32 len)
{
	bool done;

	lockdep_assert_held(&kite_conn(sk)->recv_lock);

	kite_cb(skb)->consumed += len;
	spin_lock_bh(&sk->sk_receive_queue.lock);
	done = kite_cb(skb)->consumed == skb->len;
	if (done)
		kite_queue_remove(sk, skb);
	kite_queue_read(sk, len);
	if (done)
		kite_buf_free(skb);
}

/**
 * kite_queue_consume_record - the first record was read
 * @sk: the receiver, which has one
 *
 * Context: Process context, recv_lock held. May send a packet.
 */
void kite_queue_consume_record(struct sock *sk)
{
	struct sk_buff *gone = NULL, **end = &gone, *skb;
	u32 cost = 0;
	bool goes_on;

	lockdep_assert_held(&kite_conn(sk)->recv_lock);

	spin_lock_bh(&sk->sk_receive_queue.lock);
	do {
		skb = skb_peek(&sk->sk_receive_queue);
		goes_on = kite_queue_goes_on(skb);
		kite_conn(sk)->rx_parts -= goes_on;
		cost += kite_queue_cost(sk, skb);
		kite_queue_remove(sk, skb);
		*end = skb;
		end = &skb->next;
	} while (goes_on);
	kite_queue_read(sk, cost);
	kite_buf_free_list(gone);
}

/**
 * kite_queue_bytes - how many bytes can be read, for SIOCINQ?
 * @sk: the receiver
 *
 * Context: Any.
 * Return: bytes, without what records cost beyond theirs.
 */
u32 kite_queue_bytes(struct sock *sk)
{
	struct sk_buff_head *queue = &sk->sk_receive_queue;
	struct kite_conn *kc = kite_conn(sk);
	u32 bytes;

	spin_lock_bh(&queue->lock);
	bytes = kc->rx_queued - kc->rx_read;
	if (sk->sk_type == SOCK_SEQPACKET)
		bytes -= (skb_queue_len(queue) - kc->rx_parts) * KITE_RECORD_OVERHEAD;
	spin_unlock_bh(&queue->lock);
	return bytes;
}

/**
 * kite_queue_open - let data, or a listener's children, enter
 * @sk: the receiver
 *
 * Context: Any; the caller owns the socket, or nobody else knows it.
 */
void kite_queue_open(struct sock *sk)
{
	/* Who finds it open finds what was set up before. */
	smp_store_release(&kite_conn(sk)->rx_open, true);
}

/**
 * kite_queue_close - let nothing enter any more; what is there stays
 * @sk: the receiver
 *
 * Context: Any; the caller owns the socket, so that nobody opens it meanwhile, or it is
 * established and is reset next.
 */
void kite_queue_close(struct sock *sk)
{
	/* Saves the lock at the end of a connection, where many close it. */
	if (!READ_ONCE(kite_conn(sk)->rx_open))
		return;
	spin_lock_bh(&sk->sk_receive_queue.lock);
	WRITE_ONCE(kite_conn(sk)->rx_open, false);
	spin_unlock_bh(&sk->sk_receive_queue.lock);
}

/**
 * kite_queue_purge - close the queue and free what is there
 * @sk: the receiver, which nobody reads any more
 *
 * Context: Any.
 * Return: charge that was never read.
 */
u32 kite_queue_purge(struct sock *sk)
{
	struct sk_buff_head *queue = &sk->sk_receive_queue;
	struct kite_conn *kc = kite_conn(sk);
	struct sk_buff *gone, *skb;
	u32 unread = 0;
	int left;

	do {
		gone = NULL;
		left = KITE_PURGE_BATCH;
		spin_lock_bh(&queue->lock);
		WRITE_ONCE(kc->rx_open, false);
		unread += kc->rx_queued - kc->rx_read;
		WRITE_ONCE(kc->rx_read, kc->rx_queued);
		kc->rx_partial = 0;
		kc->rx_parts = 0;
		while (left && (skb = __skb_dequeue_tail(queue))) {
			kite_mem_uncharge(sk, skb);
			skb->next = gone;
			gone = skb;
			left--;
		}
		if (left)
			sk_mem_reclaim_final(sk);
		spin_unlock_bh(&queue->lock);
		kite_buf_free_list(gone);
	} while (!left);
	return unread;
}
