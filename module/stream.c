// SPDX-License-Identifier: GPL-2.0
/*
 * SOCK_STREAM: sending and receiving bytes.
 */
#include "af_kite.h"
#include "trace.h"

/* Up to this a write is put together on the stack, to share a queued buffer. */
#define KITE_STREAM_SMALL	256U

/* One buffer of a large write. */
#define KITE_STREAM_CHUNK	KITE_MAX_PAYLOAD

/* A message that is being sent. */
struct kite_stream_tx {
	struct msghdr		*msg;
	struct ubuf_info	*uarg;	/* counts its buffers, or NULL */
	struct kite_creds	creds;
	size_t			sent;
};

static int kite_stream_send_buffer(struct sock *sk, struct kite_stream_tx *tx, u32 len)
{
	struct kite_conn *kc = kite_conn(sk);
	struct sk_buff *skb;
	int err;

	skb = kite_pages_build(sk, tx->msg, len, tx->uarg);
	if (IS_ERR(skb))
		return PTR_ERR(skb);
	/* First, so that the peer never reads what was not sent. */
	WRITE_ONCE(kc->tx_sent, kc->tx_sent + len);
	err = kite_send_deliver(sk, skb, 0, &tx->creds);
	if (err)
		kite_send_undo(sk, len);
	return err;
}

/* Not inline: only who comes here pays for the room on the stack. */
static noinline int kite_stream_send_small(struct sock *sk, struct kite_stream_tx *tx,
					   u32 len)
{
	struct kite_conn *kc = kite_conn(sk);
	u8 data[KITE_STREAM_SMALL];
	struct sk_buff *skb;
	int err;

	/* As in kite_buf_from_iter(): the length is no more than the array's. */
	if (_copy_from_iter(data, len, &tx->msg->msg_iter) != len)
		return -EFAULT;
	WRITE_ONCE(kc->tx_sent, kc->tx_sent + len);
	if (kite_queue_merge(kc->ks.peer, data, len, &tx->creds))
		return 0;
	skb = kite_buf_alloc(len, sk->sk_allocation);
	if (skb) {
		memcpy(skb->data, data, len);
		err = kite_send_deliver(sk, skb, 0, &tx->creds);
	} else {
		err = -ENOBUFS;
	}
	if (err)
		kite_send_undo(sk, len);
	return err;
}

static int kite_stream_send_chunk(struct sock *sk, struct kite_stream_tx *tx, u32 len)
{
	struct sock *peer = kite_sk(sk)->peer;

	/* Who looks on sees buffers. */
	if (peer && !tx->uarg && len <= KITE_STREAM_SMALL &&
	    !kite_tap_on(sock_net(sk)) &&
	    !skb_queue_empty_lockless(&peer->sk_receive_queue))
		return kite_stream_send_small(sk, tx, len);
	return kite_stream_send_buffer(sk, tx, len);
}

/* The first chunk with MSG_ZEROCOPY: from here on it is counted, if it was sent. */
static int kite_stream_send_first(struct sock *sk, struct kite_stream_tx *tx, u32 len,
				  u32 room)
{
	int err = kite_zerocopy_start(sk, tx->msg, room, &tx->uarg);

	err = err ?: kite_stream_send_chunk(sk, tx, len);
	if (err) {
		kite_zerocopy_end(tx->uarg, false);
		tx->uarg = NULL;
	}
	return err;
}

/*
 * Under send_lock. Sends what there is room for. Returns an error, -EAGAIN if it
 * has to wait; @tx says how far it came.
 */
static int kite_stream_send(struct sock *sk, struct kite_stream_tx *tx, size_t len)
{
	u32 space, room;
	int err;

	while (tx->sent < len) {
		if (READ_ONCE(sk->sk_shutdown) & SEND_SHUTDOWN)
			return -EPIPE;
		room = kite_credit_space(kite_conn(sk));
		if (!room)
			return -EAGAIN;
		space = min3(len - tx->sent, (size_t)room, (size_t)KITE_STREAM_CHUNK);
		if (!tx->sent && kite_zerocopy_wanted(sk, tx->msg))
			err = kite_stream_send_first(sk, tx, space, room);
		else
			err = kite_stream_send_chunk(sk, tx, space);
		if (err)
			return err;
		tx->sent += space;
	}
	return 0;
}

/**
 * kite_stream_sendmsg - the send family for SOCK_STREAM
 * @sock: the socket
 * @msg: the message
 * @len: its length
 *
 * Waits for room as long as O_NONBLOCK and SO_SNDTIMEO allow. MSG_MORE and
 * MSG_EOR make no difference: what was sent can be read at once.
 *
 * Context: Process context.
 * Return: how many bytes were sent, or, if none were: -ENOTCONN; -EPIPE, with
 * SIGPIPE unless MSG_NOSIGNAL; -EISCONN or -EOPNOTSUPP with an address, as
 * AF_UNIX has it; what kite_creds_parse() says of control messages; -EAGAIN, -EINTR,
 * -ERESTARTSYS; -EFAULT; -ENOBUFS, -ENOMEM.
 */
int kite_stream_sendmsg(struct socket *sock, struct msghdr *msg, size_t len)
{
	struct sock *sk = sock->sk;
	struct kite_conn *kc = kite_conn(sk);
	long timeo = sock_sndtimeo(sk, msg->msg_flags & MSG_DONTWAIT);
	struct kite_stream_tx tx = { .msg = msg };
	int err;

	err = kite_send_check(sk, msg) ?: kite_creds_of(sock, msg, &tx.creds);
	while (!err) {
		if (mutex_lock_interruptible(&kc->send_lock)) {
			err = sock_intr_errno(timeo);
			break;
		}
		err = kite_stream_send(sk, &tx, len);
		mutex_unlock(&kc->send_lock);
		if (err != -EAGAIN)
			break;
		err = kite_send_wait(sk, 1, &timeo);
	}
	kite_creds_put(&tx.creds);
	kite_zerocopy_end(tx.uarg, true);
	if (!tx.sent)
		err = kite_send_end(err, msg);
	trace_kite_send(sk, &kc->ks.tuple.remote, len, msg->msg_flags, tx.sent ?: err,
			&kc->tx_sent);
	return tx.sent ?: err;
}

/* A message that is being received. */
struct kite_stream_rx {
	struct msghdr		*msg;
	size_t			size;
	size_t			copied;
	int			flags;
	bool			passcred;
	struct kite_creds_seen	seen;	/* whose bytes it has, with @passcred */
	struct sk_buff		*at;	/* where a peek is, under recv_lock; or NULL */
	u32			before;	/* how many unread bytes lie before that */
};

/*
 * Finds the buffer that holds the byte @skip after the first unread one, and in @skip how
 * far into it. A peek goes on where it was: there may be very many buffers.
 */
static struct sk_buff *kite_stream_seek(struct sock *sk, struct kite_stream_rx *rx, u32 *skip)
{
	struct sk_buff *skb = rx->at;
	u32 len;

	/* SO_PEEK_OFF may have been set back. */
	if (!skb || *skip < rx->before) {
		skb = READ_ONCE(sk->sk_receive_queue.next);
		rx->before = 0;
	}
	for (;;) {
		len = READ_ONCE(skb->len) - kite_cb(skb)->consumed;
		if (*skip - rx->before < len)
			break;
		rx->before += len;
		skb = READ_ONCE(skb->next);
	}
	*skip -= rx->before;
	return skb;
}

/*
 * Copies from one buffer, without the queue's spinlock: see queue.c. Returns 0 where
 * bytes begin that somebody else wrote.
 */
static int kite_stream_copy(struct sock *sk, struct kite_stream_rx *rx, u32 len, u32 skip)
{
	struct sk_buff *skb = kite_stream_seek(sk, rx, &skip);
	u32 start = kite_cb(skb)->consumed + skip;

	if (unlikely(rx->passcred) &&
	    !kite_creds_follow(&rx->seen, &kite_cb(skb)->creds))
		return 0;
	len = min(len, READ_ONCE(skb->len) - start);
	if (kite_buf_to_msg(skb, start, len, rx->msg))
		return -EFAULT;
	if (rx->flags & MSG_PEEK) {
		rx->at = skb;
		sk_peek_offset_fwd(sk, len);
	} else {
		kite_queue_consume(sk, skb, len);
		sk_peek_offset_bwd(sk, len);
	}
	return len;
}

/* Where to begin: a peek goes on where it was, or where SO_PEEK_OFF says. */
static u32 kite_stream_skip(const struct sock *sk, const struct kite_stream_rx *rx)
{
	int off;

	if (likely(!(rx->flags & MSG_PEEK)))
		return 0;
	off = sk_peek_offset(sk, rx->flags);
	return off >= 0 ? off : rx->copied;
}

/*
 * Under recv_lock. Reads what is there, up to what was asked for. Returns an error, 0
 * at the end of the stream, or -EAGAIN if more may come; @rx says how far it came.
 */
static int kite_stream_recv(struct sock *sk, struct kite_stream_rx *rx)
{
	u32 skip, unread;
	bool over;
	int n;

	rx->at = NULL;
	do {
		over = kite_recv_over(sk);
		unread = kite_queue_unread(kite_conn(sk));
		skip = kite_stream_skip(sk, rx);
		if (unread <= skip) {
			if (!over)
				return -EAGAIN;
			return rx->copied ? 0 : sock_error(sk);
		}
		n = kite_stream_copy(sk, rx, min_t(size_t, rx->size - rx->copied,
						   unread - skip), skip);
		if (n <= 0)
			return n;
		rx->copied += n;
	} while (rx->copied < rx->size);
	return 0;
}

/*
 * Waits for as much as @target lacks; or for anything, to peek at it, or because it may
 * be somebody else's.
 */
static int kite_stream_wait(struct sock *sk, const struct kite_stream_rx *rx, u32 target,
			    u32 queued, long *timeo)
{
	if (rx->flags & MSG_PEEK || rx->passcred)
		return kite_wait(sk, kite_conn_came, queued, timeo);
	return kite_wait(sk, kite_conn_enough,
			 kite_conn_batch(sk, target - rx->copied), timeo);
}

/**
 * kite_stream_recvmsg - the recv family for SOCK_STREAM
 * @sock: the socket
 * @msg: where the bytes go
 * @size: how many at most
 * @flags: MSG_*; MSG_TRUNC makes no difference, as with AF_UNIX
 *
 * Waits until SO_RCVLOWAT bytes were read, all of them with MSG_WAITALL, as long
 * as O_NONBLOCK and SO_RCVTIMEO allow. With SO_PASSCRED it stops where somebody
 * else's bytes begin. What came before a reset is read first, then comes its error,
 * once, then the end.
 *
 * Context: Process context.
 * Return: how many bytes were read, 0 at the end, or, if none were: -ENOTCONN, as
 * TCP has it; the socket's error; -EOPNOTSUPP for MSG_OOB; -EAGAIN, -EINTR,
 * -ERESTARTSYS; -EFAULT, and then nothing was lost.
 */
int kite_stream_recvmsg(struct socket *sock, struct msghdr *msg, size_t size,
			int flags)
{
	struct sock *sk = sock->sk;
	struct kite_conn *kc = kite_conn(sk);
	long timeo = sock_rcvtimeo(sk, flags & MSG_DONTWAIT);
	struct kite_stream_rx rx = {
		.msg		= msg,
		.size		= size,
		.flags		= flags,
		.passcred	= test_bit(SOCK_PASSCRED, &sock->flags),
	};
	int err, stop = 0;
	u32 queued, target;

	if (unlikely(flags & MSG_ERRQUEUE))
		return kite_recv_error(sk, msg, size);
	err = kite_recv_check(sk, flags);
	while (!err) {
		if (mutex_lock_interruptible(&kc->recv_lock)) {
			err = sock_intr_errno(timeo);
			break;
		}
		queued = READ_ONCE(kc->rx_queued);
		err = kite_stream_recv(sk, &rx);
		mutex_unlock(&kc->recv_lock);
		if (likely(err != -EAGAIN))
			break;
		target = kite_conn_rcvlowat(sk, flags & MSG_WAITALL, size);
		if (rx.copied >= target)
			break;
		/* After a wait in vain one more look: something may have come. */
		if (stop || !timeo) {
			err = stop ?: -EAGAIN;
			break;
		}
		stop = kite_stream_wait(sk, &rx, target, queued, &timeo);
		err = 0;
	}
	if (unlikely(rx.passcred)) {
		if (rx.copied)
			kite_creds_tell(msg, &rx.seen.creds);
		kite_creds_put(&rx.seen.creds);
	}
	trace_kite_recv(sk, &kc->ks.tuple.remote, size, flags, rx.copied ?: err,
			&kc->rx_read);
	return rx.copied ?: err;
}
