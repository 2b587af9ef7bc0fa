/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Memory: what is queued is charged to the receiver while it is queued, to
 * sk_rmem_alloc and, for the limits of protocol and memory cgroup, to
 * sk_forward_alloc. Both under the spinlock of its receive queue, so nothing that
 * would charge without it, such as sock_rfree(), may touch such a socket. Nor may
 * SO_RESERVE_MEM, which older kernels have for others than TCP, too: see kite_core_mem.
 *
 * Under a spinlock the kernel does not refuse a charge to the cgroup: it counts,
 * and the cgroup pays before the next new buffer is made, see memcg.c.
 */
#ifndef _KITE_MEM_H
#define _KITE_MEM_H

#include <linux/memcontrol.h>
#include <linux/skbuff.h>
#include <net/sock.h>

/* The spinlock makes a read and a write of what is atomic for others to look at. */
static inline void kite_mem_count(struct sock *sk, int size)
{
	atomic_set(&sk->sk_rmem_alloc, atomic_read(&sk->sk_rmem_alloc) + size);
	WRITE_ONCE(sk->sk_forward_alloc, sk->sk_forward_alloc - size);
}

/*
 * The window counts bytes, not memory: a stream puts small writes into one buffer. Who
 * makes that impossible, with other credentials for each byte, gets this much of
 * SO_RCVBUF, and an error then. Honest writes use less than half of it.
 */
#define KITE_MEM_EXCESS		16

static inline bool kite_mem_excess(const struct sock *sk)
{
	int used = atomic_read(&sk->sk_rmem_alloc);

	/* A window of a GiB, as vsock has it, is no leave to let the counter overflow. */
	return used / KITE_MEM_EXCESS > READ_ONCE(sk->sk_rcvbuf) || used > INT_MAX - SZ_1M;
}

/**
 * kite_mem_charge - charge a buffer to its receiver
 * @sk: the receiver
 * @skb: the buffer
 *
 * Context: Under the spinlock of the receive queue.
 * Return: 0, or -ENOBUFS when the limits do not let it in.
 */
static inline int kite_mem_charge(struct sock *sk, struct sk_buff *skb)
{
	lockdep_assert_held(&sk->sk_receive_queue.lock);

	/* Looked at when the socket has used up what it has reserved: often enough. */
	if ((int)skb->truesize > sk->sk_forward_alloc && kite_mem_excess(sk))
		return -ENOBUFS;
	if (!sk_rmem_schedule(sk, skb, skb->truesize))
		return -ENOBUFS;
	kite_mem_count(sk, skb->truesize);
	return 0;
}

/*
 * Not sk_mem_uncharge(): a page's worth stays with the socket until it is closed, or each
 * message would go to the protocol's counter and back.
 */
static inline void kite_mem_reclaim(struct sock *sk)
{
	if (sk->sk_forward_alloc > (int)PAGE_SIZE)
		__sk_mem_reclaim(sk, sk->sk_forward_alloc - (int)PAGE_SIZE);
}

/**
 * kite_mem_uncharge - a buffer leaves the queue
 * @sk: the receiver
 * @skb: the buffer
 *
 * Context: Under the spinlock of the receive queue.
 */
static inline void kite_mem_uncharge(struct sock *sk, const struct sk_buff *skb)
{
	lockdep_assert_held(&sk->sk_receive_queue.lock);

	kite_mem_count(sk, -skb->truesize);
	kite_mem_reclaim(sk);
}

/**
 * kite_mem_hold - charge to its sender what is in the making, and not queued yet
 * @sk: the sender
 * @size: bytes
 *
 * For what is so large that it must not be made outside of all limits.
 *
 * Context: Process context.
 * Return: 0, or -ENOBUFS when the limits do not let it be.
 */
static inline int kite_mem_hold(struct sock *sk, u32 size)
{
	int err = 0;

	spin_lock_bh(&sk->sk_receive_queue.lock);
	if (sk_wmem_schedule(sk, size))
		WRITE_ONCE(sk->sk_forward_alloc, sk->sk_forward_alloc - (int)size);
	else
		err = -ENOBUFS;
	spin_unlock_bh(&sk->sk_receive_queue.lock);
	return err;
}

/**
 * kite_mem_unhold - that is queued, or came to nothing
 * @sk: the sender
 * @size: bytes
 *
 * Context: Process context.
 */
static inline void kite_mem_unhold(struct sock *sk, u32 size)
{
	spin_lock_bh(&sk->sk_receive_queue.lock);
	WRITE_ONCE(sk->sk_forward_alloc, sk->sk_forward_alloc + (int)size);
	kite_mem_reclaim(sk);
	spin_unlock_bh(&sk->sk_receive_queue.lock);
}

/* memcg.c, with CONFIG_MEMCG */
bool kite_memcg_pay(gfp_t gfp);

/**
 * kite_memcg_allows - may there be memory for another buffer?
 * @gfp: how hard to try
 *
 * Context: What @gfp says.
 * Return: false if this process's cgroup has more than it may have.
 */
static inline bool kite_memcg_allows(gfp_t gfp)
{
	return !mem_cgroup_sockets_enabled || !gfpflags_allow_blocking(gfp) ||
	       kite_memcg_pay(gfp);
}

#endif /* _KITE_MEM_H */
