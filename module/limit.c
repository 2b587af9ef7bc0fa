// SPDX-License-Identifier: GPL-2.0
/*
 * A limit to answers: a program or another node that makes up packets gets only
 * so many per second.
 *
 * Not the kernel's ___ratelimit(): that says no to one of two who ask at the same
 * time, and then an answer to an honest packet would be missing.
 */
#include <linux/jiffies.h>

#include "af_kite.h"

/* Not all that a second allows at once. */
#define KITE_LIMIT_PARTS	10
#define KITE_LIMIT_INTERVAL	max(HZ / KITE_LIMIT_PARTS, 1)

/**
 * kite_limit_init - begin to count
 * @limit: the limit
 *
 * Context: Any.
 */
void kite_limit_init(struct kite_limit *limit)
{
	spin_lock_init(&limit->lock);
	limit->begin = jiffies;
	limit->used = 0;
}

/**
 * kite_limit_allows - may there be one more?
 * @limit: the limit; counts it if so
 * @rate: how many per second; net.kite begins with ICMP's thousand
 *
 * Context: Any.
 * Return: true if so.
 */
bool kite_limit_allows(struct kite_limit *limit, int rate)
{
	unsigned int burst = DIV_ROUND_UP(rate, KITE_LIMIT_PARTS);
	bool allowed;

	spin_lock_bh(&limit->lock);
	if (jiffies - limit->begin >= KITE_LIMIT_INTERVAL) {
		limit->begin = jiffies;
		limit->used = 0;
	}
	allowed = limit->used < burst;
	limit->used += allowed;
	spin_unlock_bh(&limit->lock);
	return allowed;
}
