// SPDX-License-Identifier: GPL-2.0
/*
 * SOCK_SEQPACKET: sending and receiving records.
 *
 * A record is one buffer, or several where it is longer than a packet. All of it
 * fits into the window before any of it is sent, so a record is delivered whole or
 * not at all.
 */
#include "af_kite.h"
#include "trace.h"

/* A record that is being sent. */
struct kite_record_tx {
	struct msghdr		*msg;
	struct sk_buff		*first;	/* its buffers, linked by skb->next */
	u32			held;	/* charge of these, where they are several */
};

/* Puts a record from the program into buffers. */
static int kite_record_build(struct sock *sk, struct kite_record_tx *tx, size_t len,
			     struct ubuf_info *uarg)
{
	struct sk_buff **end = &tx->first, *skb;
	bool hold = len > KITE_MAX_PAYLOAD;
	u32 chunk;

	do {
		chunk = min_t(size_t, len, KITE_MAX_PAYLOAD);
		if (hold) {
			if (kite_mem_hold(sk, chunk))
				return -ENOBUFS;
			tx->held += chunk;
		}
		skb = kite_pages_build(sk, tx->msg, chunk, uarg);
		if (IS_ERR(skb))
			return PTR_ERR(skb);
		*end = skb;
		end = &skb->next;
		len -= chunk;
	} while (len);
	return 0;
}

/* From now on it is the receiver's. */
static void kite_record_unhold(struct sock *sk, struct kite_record_tx *tx, u32 size)
{
	if (!tx->held)
		return;
	kite_mem_unhold(sk, size);
	tx->held -= size;
}

static int kite_record_deliver(struct sock *sk, struct kite_record_tx *tx, u8 eor,
			       const struct kite_creds *creds)
{
	struct sk_buff *skb;
	bool begun = false;
	int err;

	while ((skb = tx->first)) {
		tx->first = skb->next;
		skb_mark_not_on_list(skb);
		kite_record_unhold(sk, tx, skb->len);
		err = kite_send_deliver(sk, skb, tx->first ? KITE_DATA_MORE : eor, creds);
		if (err) {
			/*
			 * The first parts are not shown by a queue here, nor by one that
			 * is closed or gets no more; others would wait for the last one.
			 */
			if (begun && !kite_sk(sk)->peer &&
			    !(READ_ONCE(sk->sk_shutdown) & SEND_SHUTDOWN))
				kite_conn_abort(sk);
			return err;
		}
		begun = true;
	}
	return 0;
}

/* Under send_lock. -EAGAIN if there is no room now. */
static int kite_record_send(struct sock *sk, struct msghdr *msg, size_t len,
			    const struct kite_creds *creds)
{
	struct kite_conn *kc = kite_conn(sk);
	u32 cost = len + KITE_RECORD_OVERHEAD;
	struct kite_record_tx tx = { .msg = msg };
	struct ubuf_info *uarg;
	int err;

	if (READ_ONCE(sk->sk_shutdown) & SEND_SHUTDOWN)
		return -EPIPE;
	if (cost > kite_credit_most(kc))
		return -EMSGSIZE;
	if (cost > kite_credit_space(kc))
		return -EAGAIN;

	err = kite_zerocopy_begin(sk, msg, len, &uarg);
	if (err)
		return err;
	err = kite_record_build(sk, &tx, len, uarg);
	if (!err) {
		/* First, so that the peer never reads what was not sent. */
		WRITE_ONCE(kc->tx_sent, kc->tx_sent + cost);
		err = kite_record_deliver(sk, &tx,
					  msg->msg_flags & MSG_EOR ? KITE_DATA_EOR : 0,
					  creds);
		WRITE_ONCE(kc->tx_wanted, 0);
		if (err)
			kite_send_undo(sk, cost);
	}
	kite_buf_free_list(tx.first);
	kite_record_unhold(sk, &tx, tx.held);
	kite_zerocopy_end(uarg, !err);
	return err;
}

/**
 * kite_seqpacket_sendmsg - the send family for SOCK_SEQPACKET
 * @sock: the socket
 * @msg: the record
 * @len: its length, which may be 0
 *
 * Waits for room as long as O_NONBLOCK and SO_SNDTIMEO allow. MSG_EOR travels to
 * the receiver.
 *
 * Context: Process context.
 * Return: @len; -EMSGSIZE for a record that does not fit into the empty send
 * buffer or into the peer's whole window; otherwise as kite_stream_sendmsg().
 */
int kite_seqpacket_sendmsg(struct socket *sock, struct msghdr *msg, size_t len)
{
	struct sock *sk = sock->sk;
	struct kite_conn *kc = kite_conn(sk);
	long timeo = sock_sndtimeo(sk, msg->msg_flags & MSG_DONTWAIT);
	struct kite_creds creds = {};
	int err;

	if (len > KITE_WINDOW_MAX)
		return -EMSGSIZE;
	err = kite_send_check(sk, msg) ?: kite_creds_of(sock, msg, &creds);
	while (!err) {
		if (mutex_lock_interruptible(&kc->send_lock)) {
			err = sock_intr_errno(timeo);
			break;
		}
		err = kite_record_send(sk, msg, len, &creds);
		mutex_unlock(&kc->send_lock);
		if (err != -EAGAIN)
			break;
		err = kite_send_wait(sk, len + KITE_RECORD_OVERHEAD, &timeo);
	}
	kite_creds_put(&creds);
	err = err ? kite_send_end(err, msg) : len;
	trace_kite_send(sk, &kc->ks.tuple.remote, len, msg->msg_flags, err, &kc->tx_sent);
	return err;
}

static struct sk_buff *kite_record_last(struct sk_buff *skb, u32 *len)
{
	for (*len = skb->len; kite_cb(skb)->flags & KITE_DATA_MORE; *len += skb->len)
		skb = READ_ONCE(skb->next);
	return skb;
}

/*
 * Finds the record to be read: the first one; or for a peek with SO_PEEK_OFF the one
 * so many bytes on, and in @skip how far into it. @unread is what the queue is known
 * to hold. An empty record is passed over once it was peeked at, as with AF_UNIX.
 */
static struct sk_buff *kite_record_find(struct sock *sk, u32 unread, int flags, u32 *skip)
{
	struct sk_buff *skb = READ_ONCE(sk->sk_receive_queue.next), *last;
	int off = sk_peek_offset(sk, flags);
	u32 len;

	*skip = 0;
	if (!(flags & MSG_PEEK) || off < 0)
		return unread ? skb : NULL;
	for (; unread; unread -= len + KITE_RECORD_OVERHEAD) {
		last = kite_record_last(skb, &len);
		if (off < len || !(len || off || skb->peeked)) {
			*skip = off;
			return skb;
		}
		off -= len;
		skb = READ_ONCE(last->next);
	}
	return NULL;
}

/* What recvmsg tells of a record besides its bytes; the last buffer has it. */
static void kite_record_tell(struct sock *sk, struct msghdr *msg, struct sk_buff *last)
{
	if (kite_cb(last)->flags & KITE_DATA_EOR)
		msg->msg_flags |= MSG_EOR;
	if (unlikely(kite_sk_flags(sk) & SK_FLAGS_TIMESTAMP))
		sock_recv_timestamp(msg, sk, last);
	kite_creds_recv(sk->sk_socket, msg, &kite_cb(last)->creds);
}

/*
 * Copies as much of a record as there is room for, from its byte @skip on, without the
 * queue's spinlock: see queue.c. Returns its length from there on, or -EFAULT.
 */
static ssize_t kite_record_copy(struct sock *sk, struct sk_buff *skb, u32 skip,
				struct msghdr *msg, size_t size)
{
	size_t len = 0, part;
	u32 start;
	int err = 0;

	for (;;) {
		start = min(skip, skb->len);
		skip -= start;
		part = len < size ? min_t(size_t, skb->len - start, size - len) : 0;
		if (part && !err)
			err = kite_buf_to_msg(skb, start, part, msg);
		len += skb->len - start;
		if (!(kite_cb(skb)->flags & KITE_DATA_MORE))
			break;
		skb = READ_ONCE(skb->next);
	}
	if (len > size)
		msg->msg_flags |= MSG_TRUNC;
	kite_record_tell(sk, msg, skb);
	return err ?: len;
}

/* Under recv_lock. -EAGAIN if a record may still come. */
static ssize_t kite_record_recv(struct sock *sk, struct msghdr *msg, size_t size,
				int flags)
{
	bool over = kite_recv_over(sk);
	struct sk_buff *skb;
	ssize_t len;
	u32 skip;

	skb = kite_record_find(sk, kite_queue_unread(kite_conn(sk)), flags, &skip);
	if (!skb)
		return over ? sock_error(sk) : -EAGAIN;
	len = kite_record_copy(sk, skb, skip, msg, size);
	if (flags & MSG_PEEK) {
		skb->peeked = 1;
		sk_peek_offset_fwd(sk, clamp_t(ssize_t, len, 0, size));
	} else {
		kite_queue_consume_record(sk);
		sk_peek_offset_bwd(sk, max_t(ssize_t, len, 0));
	}
	if (len < 0 || flags & MSG_TRUNC)
		return len;
	return min_t(size_t, len, size);
}

/**
 * kite_seqpacket_recvmsg - the recv family for SOCK_SEQPACKET
 * @sock: the socket
 * @msg: where the record goes
 * @size: how much of it at most; the rest is lost, and MSG_TRUNC says so
 * @flags: MSG_*; with MSG_TRUNC the length of the whole record is returned
 *
 * Waits for a record as long as O_NONBLOCK and SO_RCVTIMEO allow. A record whose
 * copy fails is lost, as with AF_UNIX and vsock. After the last one as
 * kite_stream_recvmsg().
 *
 * Context: Process context.
 * Return: the length of the record, 0 at the end; otherwise as
 * kite_stream_recvmsg().
 */
int kite_seqpacket_recvmsg(struct socket *sock, struct msghdr *msg, size_t size,
			   int flags)
{
	struct sock *sk = sock->sk;
	struct kite_conn *kc = kite_conn(sk);
	long timeo = sock_rcvtimeo(sk, flags & MSG_DONTWAIT);
	ssize_t ret;
	u32 queued;

	if (unlikely(flags & MSG_ERRQUEUE))
		return kite_recv_error(sk, msg, size);
	ret = kite_recv_check(sk, flags);
	while (!ret) {
		if (mutex_lock_interruptible(&kc->recv_lock)) {
			ret = sock_intr_errno(timeo);
			break;
		}
		queued = READ_ONCE(kc->rx_queued);
		ret = kite_record_recv(sk, msg, size, flags);
		mutex_unlock(&kc->recv_lock);
		if (ret != -EAGAIN)
			break;
		ret = kite_wait(sk, kite_conn_came, queued, &timeo);
	}
	trace_kite_recv(sk, &kc->ks.tuple.remote, size, flags, ret, &kc->rx_read);
	return ret;
}
