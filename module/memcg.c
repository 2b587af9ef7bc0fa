// SPDX-License-Identifier: GPL-2.0
/*
 * Memory cgroups: to stay within the limit.
 *
 * What is queued is charged to the receiver's cgroup under the spinlock of its queue,
 * where the kernel cannot wait for memory, and so charges it whatever the limit says:
 * a cgroup comes to owe. With sockets enough that would be as much as all their buffers.
 * So who makes a new buffer pays first what its cgroup owes, by a charge that may be
 * refused and for which the kernel may reclaim; or it gets none.
 */
#include <linux/gfp.h>
#include <linux/memcontrol.h>
#include <linux/mm.h>
#include <linux/page_counter.h>
#include <linux/sched.h>

#include "af_kite.h"

/* One more than each CPU may have in advance: so many no charge gets unasked. */
#define KITE_MEMCG_PAGES	(MEMCG_CHARGE_BATCH + 1)

static bool kite_memcg_owes(void)
{
	struct mem_cgroup *memcg;
	bool owes = false;

	rcu_read_lock();
	for (memcg = mem_cgroup_from_task(current); memcg && !owes;
	     memcg = parent_mem_cgroup(memcg))
		owes = page_counter_read(&memcg->memory) > READ_ONCE(memcg->memory.max);
	rcu_read_unlock();
	return owes;
}

/**
 * kite_memcg_pay - may this process have memory for another buffer?
 * @gfp: how hard to try
 *
 * Context: Process context, may sleep. As kite_memcg_allows(), for which this is.
 * Return: true, unless its cgroup is above the limit and nothing could be reclaimed.
 */
bool kite_memcg_pay(gfp_t gfp)
{
	struct page *pages[KITE_MEMCG_PAGES];
	unsigned int n, i;

	if (likely(!kite_memcg_owes()))
		return true;
	/* Rather an error for the sender than a kill. */
	gfp |= __GFP_ACCOUNT | __GFP_NORETRY | __GFP_NOWARN;
	for (n = 0; n < KITE_MEMCG_PAGES; n++) {
		pages[n] = alloc_page(gfp);
		if (!pages[n])
			break;
	}
	for (i = 0; i < n; i++)
		__free_page(pages[i]);
	return n == KITE_MEMCG_PAGES;
}
