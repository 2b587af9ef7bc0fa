// SPDX-License-Identifier: GPL-2.0
/*
 * SOCK_STREAM: sending and receiving bytes.
 */
#include "af_kite.h"
#include "tap.h"
#include "trace.h"

/* Up to this a write is put together on the stack, to share a queued buffer. */
#define KITE_STREAM_SMALL	256U

/* One buffer of a large write. */
#define KITE_STREAM_CHUNK	KITE_MAX_PAYLOAD

static int kite_stream_send_buffer(struct sock *sk, struct msghdr *msg, u32 len,
				   struct ubuf_info *uarg)
{
	struct kite_conn *kc = kite_conn(sk);
	struct sk_buff *skb;
	int err;

	skb = kite_pages_build(sk, msg, len, uarg, &err);
	if (!skb)
		return err;
	/* First, so that the peer never reads what was not sent. */
	WRITE_ONCE(kc->tx_sent, kc->tx_sent + len);
	err = kite_send_deliver(sk, skb, 0);
	if (err)
		kite_send_undo(sk, len);
	return err;
}

static int kite_stream_send_small(struct sock *sk, struct msghdr *msg, u32 len)
{
	struct kite_conn *kc = kite_conn(sk);
	u8 data[KITE_STREAM_SMALL];
	struct sk_buff *skb;
	int err;

	/* As in kite_buf_from_iter(): the length is no more than the array's. */
	if (_copy_from_iter(data, len, &msg->msg_iter) != len)
		return -EFAULT;
	WRITE_ONCE(kc->tx_sent, kc->tx_sent + len);
	if (kite_queue_merge(kc->ks.peer, data, len, kc->tx_creds))
		return 0;
	skb = kite_buf_alloc(len, sk->sk_allocation);
	if (skb) {
		memcpy(skb->data, data, len);
		err = kite_send_deliver(sk, skb, 0);
	} else {
		err = -ENOBUFS;
	}
	if (err)
		kite_send_undo(sk, len);
	return err;
}

static int kite_stream_send_chunk(struct sock *sk, struct msghdr *msg, u32 len,
				  struct ubuf_info *uarg)
{
	struct sock *peer = kite_sk(sk)->peer;

	/* Who looks on sees buffers. */
	if (peer && !uarg && len <= KITE_STREAM_SMALL && !kite_tap_on(sock_net(sk)) &&
	    !skb_queue_empty_lockless(&peer->sk_receive_queue))
		return kite_stream_send_small(sk, msg, len);
	return kite_stream_send_buffer(sk, msg, len, uarg);
}

/* The first chunk of a message: from here on it is counted, if it was sent. */
static int kite_stream_send_first(struct sock *sk, struct msghdr *msg, u32 len,
				  u32 room, struct ubuf_info **uarg)
{
	int err = kite_zerocopy_begin(sk, msg, room, uarg);

	err = err ?: kite_stream_send_chunk(sk, msg, len, *uarg);
	if (err) {
		kite_zerocopy_end(*uarg, false);
		*uarg = NULL;
	}
	return err;
}

/*
 * Under send_lock. Sends what there is room for. Returns an error, -EAGAIN if it
 * has to wait; @sent says how far it came.
 */
static int kite_stream_send(struct sock *sk, struct msghdr *msg, size_t len,
			    size_t *sent, struct ubuf_info **uarg)
{
	u32 space, room;
	int err;

	while (*sent < len) {
		if (READ_ONCE(sk->sk_shutdown) & SEND_SHUTDOWN)
			return -EPIPE;
		room = kite_credit_space(kite_conn(sk));
		if (!room)
			return -EAGAIN;
		space = min3(len - *sent, (size_t)room, (size_t)KITE_STREAM_CHUNK);
		err = *sent ? kite_stream_send_chunk(sk, msg, space, *uarg) :
			      kite_stream_send_first(sk, msg, space, room, uarg);
		if (err)
			return err;
		*sent += space;
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
	struct kite_creds creds = {};
	struct ubuf_info *uarg = NULL;
	size_t sent = 0;
	int err;

	err = kite_send_check(sk, msg) ?: kite_creds_of(sock, msg, &creds);
	while (!err) {
		if (mutex_lock_interruptible(&kc->send_lock)) {
			err = sock_intr_errno(timeo);
			break;
		}
		kc->tx_creds = &creds;
		err = kite_stream_send(sk, msg, len, &sent, &uarg);
		mutex_unlock(&kc->send_lock);
		if (err != -EAGAIN)
			break;
		err = kite_send_wait(sk, 1, &timeo);
	}
	kite_creds_put(&creds);
	kite_zerocopy_end(uarg, true);
	if (!sent)
		err = kite_send_end(err, msg);
	trace_kite_send(sk, &kc->ks.tuple.remote, len, msg->msg_flags, sent ?: err,
			&kc->tx_sent);
	return sent ?: err;
}

/* Finds the buffer that holds the byte @skip after the first unread one. */
static struct sk_buff *kite_stream_seek(struct sock *sk, u32 *skip)
{
	struct sk_buff *skb = READ_ONCE(sk->sk_receive_queue.next);
	u32 len;

	for (;;) {
		len = READ_ONCE(skb->len) - kite_cb(skb)->consumed;
		if (*skip < len)
			return skb;
		*skip -= len;
		skb = READ_ONCE(skb->next);
	}
}

/*
 * Copies from one buffer, without the queue's spinlock: see queue.c. Returns 0 where
 * bytes begin that somebody else wrote.
 */
static int kite_stream_copy(struct sock *sk, struct msghdr *msg, u32 len, u32 skip,
			    bool peek)
{
	struct sk_buff *skb = kite_stream_seek(sk, &skip);
	u32 start = kite_cb(skb)->consumed + skip;
	struct kite_creds_seen *seen = kite_conn(sk)->rx_seen;

	if (unlikely(seen) && !kite_creds_follow(seen, &kite_cb(skb)->creds))
		return 0;
	len = min(len, READ_ONCE(skb->len) - start);
	if (kite_buf_to_msg(skb, start, len, msg))
		return -EFAULT;
	if (!peek)
		kite_queue_consume(sk, skb, len);
	return len;
}

/* Where to begin: a peek goes on where it was, or where SO_PEEK_OFF says. */
static u32 kite_stream_skip(const struct sock *sk, int flags, size_t copied)
{
	int off = sk_peek_offset(sk, flags);

	if (!(flags & MSG_PEEK))
		return 0;
	return off >= 0 ? off : copied;
}

/*
 * Under recv_lock. Reads what is there, up to @size. Returns an error, 0 at the
 * end of the stream, or -EAGAIN if more may come; @copied says how far it came.
 */
static int kite_stream_recv(struct sock *sk, struct msghdr *msg, size_t size,
			    int flags, size_t *copied)
{
	struct kite_conn *kc = kite_conn(sk);
	bool peek = flags & MSG_PEEK;
	u32 skip, unread;
	bool over;
	int n;

	do {
		over = kite_recv_over(sk);
		unread = kite_queue_unread(kc);
		skip = kite_stream_skip(sk, flags, *copied);
		if (unread <= skip) {
			if (!over)
				return -EAGAIN;
			return *copied ? 0 : sock_error(sk);
		}
		n = kite_stream_copy(sk, msg, min_t(size_t, size - *copied, unread - skip),
				     skip, peek);
		if (n <= 0)
			return n;
		*copied += n;
		if (peek)
			sk_peek_offset_fwd(sk, n);
		else
			sk_peek_offset_bwd(sk, n);
	} while (*copied < size);
	return 0;
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
	struct kite_creds_seen seen = {};
	size_t copied = 0;
	u32 queued;
	int err;

	if (unlikely(flags & MSG_ERRQUEUE))
		return kite_recv_error(sk, msg, size);
	err = kite_recv_check(sk, flags);
	while (!err) {
		if (mutex_lock_interruptible(&kc->recv_lock)) {
			err = sock_intr_errno(timeo);
			break;
		}
		kc->rx_seen = test_bit(SOCK_PASSCRED, &sock->flags) ? &seen : NULL;
		queued = READ_ONCE(kc->rx_queued);
		err = kite_stream_recv(sk, msg, size, flags, &copied);
		mutex_unlock(&kc->recv_lock);
		if (err != -EAGAIN ||
		    copied >= kite_conn_rcvlowat(sk, flags & MSG_WAITALL, size))
			break;
		err = kite_wait(sk, kite_conn_came, queued, &timeo);
	}
	if (copied)
		kite_creds_recv(sock, msg, &seen.creds);
	kite_creds_put(&seen.creds);
	trace_kite_recv(sk, &kc->ks.tuple.remote, size, flags, copied ?: err,
			&kc->rx_read);
	return copied ?: err;
}
