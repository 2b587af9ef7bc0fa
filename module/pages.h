/* SPDX-License-Identifier: GPL-2.0 */
/*
 * From the program into buffers: what every message passes. See pages.c.
 */
#ifndef _KITE_PAGES_H
#define _KITE_PAGES_H

/**
 * kite_zerocopy_wanted - does the program want to be told when its pages are free?
 * @sk: the sender
 * @msg: the message
 *
 * Without SO_ZEROCOPY the flag is ignored, as with TCP. Nothing comes for an empty
 * message.
 *
 * Context: Process context.
 * Return: true if so.
 */
static inline bool kite_zerocopy_wanted(const struct sock *sk, const struct msghdr *msg)
{
	return unlikely(msg->msg_flags & MSG_ZEROCOPY) && sock_flag(sk, SOCK_ZEROCOPY) &&
	       !msg->msg_ubuf && iov_iter_count(&msg->msg_iter);
}

/**
 * kite_zerocopy_begin - begin a message, which may have MSG_ZEROCOPY
 * @sk: the sender
 * @msg: the message
 * @room: how much of it can be sent now
 * @uarg: what counts its buffers, for kite_pages_build(); NULL if it is not wanted
 *
 * Context: Process context. From here to kite_zerocopy_end() no other message of
 * this socket may begin, or until the first buffer was sent: they have numbers.
 * Return: 0; -ENOBUFS beyond net.core.optmem_max or RLIMIT_MEMLOCK, as TCP has it.
 */
static inline int kite_zerocopy_begin(struct sock *sk, const struct msghdr *msg,
				      size_t room, struct ubuf_info **uarg)
{
	*uarg = NULL;
	return kite_zerocopy_wanted(sk, msg) ? kite_zerocopy_start(sk, msg, room, uarg) : 0;
}

/**
 * kite_zerocopy_end - the message was sent, or not
 * @uarg: as kite_zerocopy_begin() gave it
 * @sent: whether some of it was; if not, there is no notification
 *
 * Context: Process context.
 */
static inline void kite_zerocopy_end(struct ubuf_info *uarg, bool sent)
{
	if (sent)
		net_zcopy_put(uarg);
	else
		net_zcopy_put_abort(uarg, true);
}

static inline struct sk_buff *kite_pages_copy(struct sock *sk, struct msghdr *msg,
					      u32 len)
{
	struct sk_buff *skb = kite_buf_alloc(len, sk->sk_allocation);
	int err;

	if (!skb)
		return ERR_PTR(-ENOBUFS);
	err = kite_buf_from_iter(skb, &msg->msg_iter);
	if (likely(!err))
		return skb;
	kite_buf_free(skb);
	return ERR_PTR(err);
}

/**
 * kite_pages_build - make a buffer of the next bytes of a message
 * @sk: the sender
 * @msg: the message
 * @len: how many bytes, up to KITE_MAX_PAYLOAD
 * @uarg: as kite_zerocopy_begin() gave it, or NULL
 *
 * Context: Process context.
 * Return: the buffer, with room for a header; or -EFAULT, -ENOBUFS or -ENOMEM, by
 * ERR_PTR().
 */
static inline struct sk_buff *kite_pages_build(struct sock *sk, struct msghdr *msg,
					       u32 len, struct ubuf_info *uarg)
{
	if (unlikely(uarg || msg->msg_flags & MSG_SPLICE_PAGES))
		return kite_pages_take(sk, msg, len, uarg);
	return kite_pages_copy(sk, msg, len);
}

#endif /* _KITE_PAGES_H */
