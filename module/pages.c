// SPDX-License-Identifier: GPL-2.0
/*
 * From the program into buffers: by a copy, or by taking the pages themselves.
 *
 * MSG_ZEROCOPY, with SO_ZEROCOPY: the buffers point to the program's pages. When
 * the receiver has read the last of them, a notification enters the sender's error
 * queue. The core's struct ubuf_info counts them. It holds a reference of the
 * sender, so a socket that cannot be read any more must give up its queue at once:
 * it may wait there for itself.
 *
 * MSG_SPLICE_PAGES, which the core sets for splice and sendfile: they point to
 * pages of the pipe or of the page cache.
 *
 * io_uring's send_zc has a struct ubuf_info of its own, which the core lets us
 * ignore: then it was copied, as over TCP's loopback. It holds on to the ring, and
 * the ring may hold the receiver's file: two that would wait for each other.
 */
#include "af_kite.h"

/*
 * Pages are held whole, but a window counts bytes. So they are taken only where at
 * least one in so many bytes of them is sent; else they are copied.
 */
#define KITE_PAGES_SPARSE	4U

/**
 * kite_zerocopy_start - begin a message with MSG_ZEROCOPY
 * @sk: the sender
 * @msg: the message
 * @room: how much of it can be sent now
 * @uarg: what will count its buffers
 *
 * Context: As kite_zerocopy_begin(), for which this is.
 * Return: 0 or -ENOBUFS.
 */
int kite_zerocopy_start(struct sock *sk, const struct msghdr *msg, size_t room,
			struct ubuf_info **uarg)
{
	size_t len = iov_iter_count(&msg->msg_iter);

	*uarg = msg_zerocopy_realloc(sk, len, NULL);
	if (!*uarg)
		return -ENOBUFS;
	if (room < len && !kite_zerocopy_splits())
		uarg_to_msgzc(*uarg)->zerocopy = 0;
	return 0;
}

/* Without @uarg it is MSG_SPLICE_PAGES. */
static bool kite_pages_allowed(struct ubuf_info *uarg)
{
	return !uarg || uarg_to_msgzc(uarg)->zerocopy || kite_zerocopy_splits();
}

static bool kite_pages_dense(struct iov_iter *from, u32 len)
{
	size_t count = iov_iter_count(from), pages;

	iov_iter_truncate(from, len);
	pages = iov_iter_npages(from, MAX_SKB_FRAGS + 1);
	iov_iter_reexpand(from, count);
	return pages <= MAX_SKB_FRAGS && pages * PAGE_SIZE <= KITE_PAGES_SPARSE * len;
}

/* Points the buffer to the program's pages. */
static int kite_pages_pin(struct sock *sk, struct sk_buff *skb, struct iov_iter *from,
			  u32 len, struct ubuf_info *uarg)
{
	u32 truesize = skb->truesize;
	int err;

	/* The core charges the buffer's owner. Ours is charged when it is queued. */
	skb->sk = sk;
	err = __zerocopy_sg_from_iter(NULL, NULL, skb, from, len);
	skb->sk = NULL;
	WARN_ON_ONCE(refcount_sub_and_test(skb->truesize - truesize, &sk->sk_wmem_alloc));
	skb_zcopy_set(skb, uarg, NULL);
	return err == -EFAULT ? kite_zerocopy_fault() : err;
}

/* Points the buffer to pages of a pipe or file. */
static int kite_pages_splice(struct sock *sk, struct sk_buff *skb,
			     struct iov_iter *from, u32 len)
{
	ssize_t n;
	int i;

	/* Nobody wants a checksum. */
	skb->ip_summed = CHECKSUM_UNNECESSARY;
	n = skb_splice_from_iter(skb, from, len, sk->sk_allocation);
	if (n < 0)
		return n;
	/* The core charges the bytes; we hold the pages. */
	skb->truesize -= n;
	for (i = 0; i < skb_shinfo(skb)->nr_frags; i++) {
		const skb_frag_t *frag = &skb_shinfo(skb)->frags[i];

		skb->truesize += PAGE_ALIGN(offset_in_page(skb_frag_off(frag)) +
					    skb_frag_size(frag));
	}
	skb_shinfo(skb)->flags |= SKBFL_SHARED_FRAG;
	return 0;
}

/* NULL when one buffer cannot hold that many pieces. */
static struct sk_buff *kite_pages_point(struct sock *sk, struct msghdr *msg, u32 len,
					struct ubuf_info *uarg)
{
	struct iov_iter *from = &msg->msg_iter;
	/* The core does not always go back by what it did not take. */
	const struct iov_iter start = *from;
	struct sk_buff *skb;
	int err;

	skb = kite_buf_alloc(0, sk->sk_allocation);
	if (!skb)
		return ERR_PTR(-ENOBUFS);
	err = uarg ? kite_pages_pin(sk, skb, from, len, uarg) :
		     kite_pages_splice(sk, skb, from, len);
	if (!err && skb->len == len)
		return skb;
	*from = start;
	consume_skb(skb);
	return err && err != -EMSGSIZE ? ERR_PTR(err) : NULL;
}

/**
 * kite_pages_take - make a buffer, if possible without a copy
 * @sk: the sender
 * @msg: the message, with MSG_SPLICE_PAGES if there is no @uarg
 * @len: how many bytes
 * @uarg: what counts the buffers of a message with MSG_ZEROCOPY, or NULL
 *
 * Context: As kite_pages_build(), for which this is.
 * Return: as that.
 */
struct sk_buff *kite_pages_take(struct sock *sk, struct msghdr *msg, u32 len,
				struct ubuf_info *uarg)
{
	struct sk_buff *skb = NULL;

	if (kite_pages_allowed(uarg) && kite_pages_dense(&msg->msg_iter, len))
		skb = kite_pages_point(sk, msg, len, uarg);
	if (skb)
		return skb;
	if (uarg) {
		/*
		 * A hint to the sender, which msg_zerocopy_complete() changes without a
		 * lock: where a reader frees an earlier buffer just now, it may be lost.
		 * (It is a bit, which cannot be the value of the expression.)
		 */
		data_race(({ uarg_to_msgzc(uarg)->zerocopy = 0; 0; }));
	}
	return kite_pages_copy(sk, msg, len);
}

/**
 * kite_pages_replace - before others get a buffer's pages: not the sender's own
 * @skb: the buffer; if it is queued, the caller is its reader
 * @gfp: how hard to try
 *
 * Puts a copy into the place of what was sent with MSG_ZEROCOPY, whose sender is
 * notified at once, and told that it was copied.
 *
 * Context: What @gfp says.
 * Return: 0 or -ENOMEM.
 */
int kite_pages_replace(struct sk_buff *skb, gfp_t gfp)
{
	u32 truesize = skb->truesize;
	int err = skb_orphan_frags_rx(skb, gfp);

	/* What was charged is what will be given back. */
	skb->truesize = truesize;
	return err;
}
