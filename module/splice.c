// SPDX-License-Identifier: GPL-2.0
/*
 * splice from a stream into a pipe, without a copy where the bytes lie in pages.
 *
 * The pipe then holds references of those pages, so whoever uses a buffer a
 * second time has to see that it has none.
 */
#include <linux/fs.h>
#include <linux/splice.h>

#include "af_kite.h"
#include "trace.h"

/* Moves bytes of the first buffer. Returns how many, or an error. */
static int kite_splice_buffer(struct sock *sk, struct pipe_inode_info *pipe, u32 len,
			      unsigned int flags)
{
	struct sk_buff *skb = READ_ONCE(sk->sk_receive_queue.next);
	u32 start = kite_cb(skb)->consumed;
	int n;

	/* The sender gets its own pages back when the buffer is gone. */
	n = kite_pages_replace(skb, sk->sk_allocation);
	if (n)
		return n;
	len = min(len, READ_ONCE(skb->len) - start);
	n = skb_splice_bits(skb, sk, start, pipe, len, flags);
	if (n <= 0)
		return n ?: -ENOMEM;
	kite_queue_consume(sk, skb, n);
	sk_peek_offset_bwd(sk, n);
	return n;
}

/* Under recv_lock. Moves what is there and fits into the pipe. */
static ssize_t kite_splice_queue(struct sock *sk, struct pipe_inode_info *pipe,
				 size_t size, unsigned int flags)
{
	size_t done = 0;
	u32 unread;
	int n;

	while (done < size) {
		unread = kite_queue_unread(kite_conn(sk));
		if (!unread)
			break;
		n = kite_splice_buffer(sk, pipe, min_t(size_t, size - done, unread), flags);
		if (n < 0)
			return done ?: n;
		done += n;
	}
	return done;
}

/**
 * kite_stream_splice_read - splice from a SOCK_STREAM socket
 * @sock: the socket
 * @ppos: where to begin; a socket has only one place
 * @pipe: the pipe, which has room, and which the caller has locked
 * @size: how many bytes at most
 * @flags: SPLICE_F_*; with SPLICE_F_NONBLOCK it does not wait, as with AF_UNIX
 *
 * Waits as long as O_NONBLOCK and SO_RCVTIMEO allow, and then moves what is there;
 * SO_RCVLOWAT is no matter, as with TCP.
 *
 * Context: Process context.
 * Return: how many bytes were moved, 0 at the end, or what recv would say.
 */
ssize_t kite_stream_splice_read(struct socket *sock, loff_t *ppos,
				struct pipe_inode_info *pipe, size_t size,
				unsigned int flags)
{
	struct sock *sk = sock->sk;
	struct kite_conn *kc = kite_conn(sk);
	bool nonblock = sock->file->f_flags & O_NONBLOCK || flags & SPLICE_F_NONBLOCK;
	long timeo = sock_rcvtimeo(sk, nonblock);
	ssize_t ret;
	bool over;

	if (*ppos)
		return -ESPIPE;
	ret = kite_recv_check(sk, 0);
	while (!ret) {
		if (mutex_lock_interruptible(&kc->recv_lock)) {
			ret = sock_intr_errno(timeo);
			break;
		}
		over = kite_recv_over(sk);
		ret = kite_splice_queue(sk, pipe, size, flags);
		if (!ret && over)
			ret = sock_error(sk);
		mutex_unlock(&kc->recv_lock);
		if (ret || over)
			break;
		ret = kite_wait(sk, kite_conn_readable, 1, &timeo);
	}
	trace_kite_recv(sk, &kc->ks.tuple.remote, size, 0, ret, &kc->rx_read);
	return ret;
}
