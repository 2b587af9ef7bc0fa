// SPDX-License-Identifier: GPL-2.0
/*
 * The inbox: the receive queue of a socket without a connection. There is no
 * credit, so what does not fit is dropped and counted.
 *
 * Memory is charged to the receiver as in queue.c, under the queue's spinlock, and
 * given back when the message leaves the queue.
 */
#include "af_kite.h"
#include "trace.h"

static void kite_inbox_forget(struct sk_buff *skb)
{
	kite_creds_put(&kite_inbox_cb(skb)->creds);
}

/* From now on the message is its reader's. Under the queue's spinlock. */
static void kite_inbox_leave(struct sk_buff *skb)
{
	kite_mem_uncharge(skb->sk, skb);
	skb->sk = NULL;
	skb->destructor = kite_inbox_cb(skb)->creds.pid ? kite_inbox_forget : NULL;
}

/* For a message that nobody reads. */
static void kite_inbox_free(struct sk_buff *skb)
{
	struct sock *sk = skb->sk;

	spin_lock_bh(&sk->sk_receive_queue.lock);
	kite_mem_uncharge(sk, skb);
	spin_unlock_bh(&sk->sk_receive_queue.lock);
	kite_inbox_forget(skb);
}

/* An empty inbox takes any message, however small SO_RCVBUF is. */
static bool kite_inbox_has_room(const struct sock *sk, const struct sk_buff *skb)
{
	unsigned int used = atomic_read(&sk->sk_rmem_alloc);

	return !used || used + skb->truesize <= READ_ONCE(sk->sk_rcvbuf);
}

/* Why does a message not fit? Or KITE_DROP_MAX if it does, and then it is charged. */
static enum kite_drop_reason kite_inbox_charge(struct sock *sk, struct sk_buff *skb)
{
	if (unlikely(READ_ONCE(sk->sk_shutdown) & RCV_SHUTDOWN))
		return KITE_DROP_CLOSED;
	if (!kite_inbox_has_room(sk, skb))
		return sk->sk_type == SOCK_RAW ? KITE_DROP_RAW_FULL : KITE_DROP_RCVBUF;
	return kite_mem_charge(sk, skb) ? KITE_DROP_MEMORY_LIMIT : KITE_DROP_MAX;
}

static enum kite_drop_reason kite_inbox_enqueue(struct sock *sk, struct sk_buff *skb,
						const struct kite_creds *creds)
{
	struct sk_buff_head *queue = &sk->sk_receive_queue;
	enum kite_drop_reason reason;

	spin_lock_bh(&queue->lock);
	reason = kite_inbox_charge(sk, skb);
	if (likely(reason == KITE_DROP_MAX)) {
		skb->sk = sk;
		skb->destructor = kite_inbox_free;
		kite_creds_copy(&kite_inbox_cb(skb)->creds, creds);
		sock_skb_set_dropcount(sk, skb);
		__skb_queue_tail(queue, skb);
	}
	spin_unlock_bh(&queue->lock);
	return reason;
}

/**
 * kite_inbox_put - give a socket a message, if there is room
 * @sk: the receiver
 * @skb: the message, with its source in struct kite_inbox_cb and without an owner;
 *	consumed
 * @creds: who wrote it
 *
 * Context: Any; the caller holds a reference of @sk or the RCU read lock. Wakes the
 * reader.
 */
void kite_inbox_put(struct sock *sk, struct sk_buff *skb,
		    const struct kite_creds *creds)
{
	enum kite_drop_reason reason = kite_inbox_enqueue(sk, skb, creds);

	if (unlikely(reason != KITE_DROP_MAX)) {
		kite_drop_message(sk, skb, reason);
		return;
	}
	if (sk->sk_type == SOCK_DGRAM)
		kite_count(sock_net(sk), KITE_STAT_IN_DATAGRAMS);
	kite_data_ready(sk);
}

/**
 * kite_inbox_add - the same, if its filter lets it in, too
 * @sk: the receiver
 * @skb: the message, with its source in struct kite_inbox_cb; consumed
 * @creds: who wrote it
 *
 * Context: Any; the caller holds a reference of @sk or the RCU read lock. Wakes the
 * reader.
 */
void kite_inbox_add(struct sock *sk, struct sk_buff *skb,
		    const struct kite_creds *creds)
{
	skb_orphan(skb);
	kite_stamp(sk, skb);
	if (kite_filter(sk, skb, 1))
		kite_drop_message(sk, skb, KITE_DROP_FILTER);
	else
		kite_inbox_put(sk, skb, creds);
}

/*
 * Takes the first message, if there is one and no error comes first. Saves the
 * common case the generality of __skb_recv_datagram(), and a second turn with the
 * spinlock to give the memory back.
 */
static struct sk_buff *kite_inbox_take(struct sock *sk)
{
	struct sk_buff_head *queue = &sk->sk_receive_queue;
	struct sk_buff *skb;

	if (READ_ONCE(sk->sk_err))
		return NULL;
	spin_lock_bh(&queue->lock);
	skb = __skb_dequeue(queue);
	if (skb)
		kite_inbox_leave(skb);
	spin_unlock_bh(&queue->lock);
	return skb;
}

/* Takes a message, or looks at one, and waits for it. */
static struct sk_buff *kite_inbox_get(struct sock *sk, int flags, int *skip, int *err)
{
	struct sk_buff *skb = flags & MSG_PEEK ? NULL : kite_inbox_take(sk);

	if (skb)
		return skb;
	skb = __skb_recv_datagram(sk, &sk->sk_receive_queue, flags, skip, err);
	if (skb && !(flags & MSG_PEEK)) {
		spin_lock_bh(&sk->sk_receive_queue.lock);
		kite_inbox_leave(skb);
		spin_unlock_bh(&sk->sk_receive_queue.lock);
	}
	return skb;
}

/* How many bytes to return for a message of @len, of which @size fitted. */
static int kite_inbox_result(struct msghdr *msg, size_t len, size_t size, int flags)
{
	if (len <= size)
		return len;
	msg->msg_flags |= MSG_TRUNC;
	return flags & MSG_TRUNC ? len : size;
}

/**
 * kite_inbox_recvmsg - receive a message
 * @sk: the socket
 * @msg: where it goes, and whom it is from
 * @size: how much of it at most; the rest is lost, and MSG_TRUNC says so
 * @flags: MSG_*; with MSG_TRUNC the length of the whole message is returned
 *
 * Context: Process context.
 * Return: its length, which may be 0, or 0 after shutdown; -EAGAIN, -EINTR,
 * -ERESTARTSYS; the socket's error; -EFAULT, and then the message is lost.
 */
int kite_inbox_recvmsg(struct sock *sk, struct msghdr *msg, size_t size, int flags)
{
	int skip = sk_peek_offset(sk, flags);
	struct sk_buff *skb;
	size_t len;
	int err;

	if (unlikely(flags & MSG_ERRQUEUE))
		return kite_recv_error(sk, msg, size);
	if (flags & MSG_OOB)
		return -EOPNOTSUPP;
	skb = kite_inbox_get(sk, flags, &skip, &err);
	if (!skb) {
		if (err == -EAGAIN && READ_ONCE(sk->sk_shutdown) & RCV_SHUTDOWN)
			err = 0;
		trace_kite_recv(sk, &kite_sk(sk)->tuple.remote, size, flags, err, NULL);
		return err;
	}

	len = skb->len - skip;
	err = kite_buf_to_msg(skb, skip, min(len, size), msg);
	if (err)
		goto free;
	if (msg->msg_name)
		msg->msg_namelen = kite_addr_format(&kite_inbox_cb(skb)->src, msg->msg_name);
	sock_recv_cmsgs(msg, sk, skb);
	kite_creds_recv(sk->sk_socket, msg, &kite_inbox_cb(skb)->creds);
	if (flags & MSG_PEEK)
		sk_peek_offset_fwd(sk, min(len, size));
	else
		sk_peek_offset_bwd(sk, skb->len);
	err = kite_inbox_result(msg, len, size, flags);
free:
	trace_kite_recv(sk, &kite_inbox_cb(skb)->src, size, flags, err, NULL);
	kite_buf_free(skb);
	return err;
}

/**
 * kite_inbox_bytes - how long is the first message, for SIOCINQ?
 * @sk: the socket
 *
 * Context: Any.
 * Return: bytes, 0 without a message; as UDP has it.
 */
int kite_inbox_bytes(struct sock *sk)
{
	struct sk_buff *skb;
	int len = 0;

	spin_lock_bh(&sk->sk_receive_queue.lock);
	skb = skb_peek(&sk->sk_receive_queue);
	if (skb)
		len = skb->len;
	spin_unlock_bh(&sk->sk_receive_queue.lock);
	return len;
}

/**
 * kite_inbox_purge - a socket will not be read any more: drop what is there
 * @sk: the socket, with RCV_SHUTDOWN
 *
 * It does not wait for the last reference: a message may hold one, see pages.c.
 *
 * Context: Any.
 */
void kite_inbox_purge(struct sock *sk)
{
	struct sk_buff_head *queue = &sk->sk_receive_queue;
	struct sk_buff_head gone;
	struct sk_buff *skb;

	__skb_queue_head_init(&gone);
	/* Who is adding a message either sees the shutdown, or is done. */
	spin_lock_bh(&queue->lock);
	skb_queue_splice_init(queue, &gone);
	spin_unlock_bh(&queue->lock);
	while ((skb = __skb_dequeue(&gone)))
		kite_drop_message(sk, skb, KITE_DROP_UNREAD);
}

/**
 * kite_inbox_destruct - the last reference of a socket with an inbox is gone
 * @sk: the socket
 *
 * Context: Any, after an RCU grace period: nothing can be added any more.
 */
void kite_inbox_destruct(struct sock *sk)
{
	skb_queue_purge(&sk->sk_receive_queue);
	skb_queue_purge(&sk->sk_error_queue);
	sk_mem_reclaim_final(sk);
	WARN_ON_ONCE(atomic_read(&sk->sk_rmem_alloc));
}
