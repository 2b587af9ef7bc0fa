// SPDX-License-Identifier: GPL-2.0
/*
 * Buffers: what a message is copied into when it is sent and out of when it is
 * received.
 *
 * A message is small far more often than not, and then to make and free its
 * buffer costs more than everything else that happens to it. So each CPU keeps a
 * few buffers that were read, and the next message takes one of these: saved are
 * the allocator and, where the kernel clears what it allocates, the clearing, which
 * for a page costs as much as copying it. What a buffer held before is never
 * seen: its length only covers what was copied into it.
 *
 * There are two things to keep: heads, which are an sk_buff with a small or a medium
 * linear area, and pages. A message that fits into a head lies there; a longer
 * one lies in pages alone. When memory is short they go back, see kite_buf_scan().
 */
#include <linux/mm.h>
#include <linux/percpu.h>
#include <linux/shrinker.h>
#include <linux/uio.h>

#include "af_kite.h"

/* The linear areas, whole objects of kmalloc. */
enum kite_head_size {
	KITE_HEAD_SMALL,
	KITE_HEAD_MEDIUM,
	KITE_HEAD_SIZES,
};

static const unsigned int kite_head_sizes[KITE_HEAD_SIZES] = {
	[KITE_HEAD_SMALL]	= SKB_WITH_OVERHEAD(1024),
	[KITE_HEAD_MEDIUM]	= SKB_WITH_OVERHEAD(2048),
};

/* What fits into one beside a header. */
#define KITE_HEAD_ROOM(size)	(SKB_WITH_OVERHEAD(size) - sizeof(struct kite_hdr))

/* How many each CPU keeps: of the heads what fits into a window, and of the pages. */
static const unsigned int kite_heads_kept[KITE_HEAD_SIZES] = {
	[KITE_HEAD_SMALL]	= 256,
	[KITE_HEAD_MEDIUM]	= 64,
};

#define KITE_PAGES_KEPT		64

/* The pages of one message; no more than MAX_SKB_FRAGS. */
#define KITE_BUF_PAGES		(KITE_MAX_PAYLOAD / PAGE_SIZE ?: 1)

struct kite_heads {
	struct sk_buff	*first;		/* linked by skb->next */
	unsigned int	count;
};

/*
 * Used with preemption disabled, in process context only: so nothing that
 * interrupts uses it too.
 */
struct kite_buf_cache {
	struct kite_heads	heads[KITE_HEAD_SIZES];
	unsigned int		nr_pages;
	struct page		*pages[KITE_PAGES_KEPT];
};

static DEFINE_PER_CPU(struct kite_buf_cache, kite_buf_cache);

/* Its address, in page_private(), is the mark of a page that was allocated here. */
static const char kite_page_mark;
#define KITE_PAGE		((unsigned long)&kite_page_mark)

/* To use something again hides from KASAN that it was used after its end. */
static bool kite_buf_keeps(void)
{
	return !IS_ENABLED(CONFIG_KASAN) && in_task();
}

/* Takes a head that was used before, if there is one, and makes it like new. */
static inline struct sk_buff *kite_head_pop(enum kite_head_size size)
{
	struct kite_heads *heads;
	struct sk_buff *skb;

	if (!kite_buf_keeps())
		return NULL;
	heads = &get_cpu_ptr(&kite_buf_cache)->heads[size];
	skb = heads->first;
	if (skb) {
		heads->first = skb->next;
		heads->count--;
	}
	put_cpu_ptr(&kite_buf_cache);
	if (!skb)
		return NULL;
	skb->next = NULL;
	skb->tstamp = 0;
	skb->peeked = 0;
	skb->len = 0;
	skb->truesize = SKB_TRUESIZE(kite_head_sizes[size]);
	skb->data = skb->head + sizeof(struct kite_hdr);
	skb_reset_tail_pointer(skb);
	return skb;
}

/*
 * Was it made here, and has nobody to do with it, nor left in it what would take more
 * than kite_head_pop() to undo? Without its pages.
 */
static bool kite_head_reusable(const struct sk_buff *skb)
{
	const struct skb_shared_info *info = skb_shinfo(skb);

	return kite_cb(skb)->own && !skb->cloned && !skb->pfmemalloc && !skb->destructor &&
	       !info->nr_frags && !info->flags && !info->frag_list;
}

static bool kite_head_push(struct sk_buff *skb)
{
	enum kite_head_size size = KITE_HEAD_SMALL;
	struct kite_heads *heads;
	bool kept;

	if (!kite_buf_keeps() || !kite_head_reusable(skb))
		return false;
	if (skb_end_offset(skb) != kite_head_sizes[size] &&
	    skb_end_offset(skb) != kite_head_sizes[++size])
		return false;
	heads = &get_cpu_ptr(&kite_buf_cache)->heads[size];
	kept = heads->count < kite_heads_kept[size];
	if (kept) {
		skb->next = heads->first;
		heads->first = skb;
		heads->count++;
	}
	put_cpu_ptr(&kite_buf_cache);
	return kept;
}

static struct sk_buff *kite_head_alloc(enum kite_head_size size, gfp_t gfp)
{
	struct sk_buff *skb = kite_head_pop(size);

	if (skb)
		return skb;
	if (!kite_memcg_allows(gfp))
		return NULL;
	skb = alloc_skb(kite_head_sizes[size], gfp);
	if (!skb)
		return NULL;
	skb_reserve(skb, sizeof(struct kite_hdr));
	kite_cb(skb)->own = true;
	return skb;
}

/* Takes up to @n pages that were used before. Returns how many. */
static unsigned int kite_pages_pop(struct page **pages, unsigned int n)
{
	struct kite_buf_cache *cache;

	if (!kite_buf_keeps())
		return 0;
	cache = get_cpu_ptr(&kite_buf_cache);
	n = min(n, cache->nr_pages);
	cache->nr_pages -= n;
	memcpy(pages, cache->pages + cache->nr_pages, n * sizeof(*pages));
	put_cpu_ptr(&kite_buf_cache);
	return n;
}

/* Takes the pages of a message off it, those of them that can be used again. */
static void kite_pages_push(struct sk_buff *skb)
{
	struct skb_shared_info *info = skb_shinfo(skb);
	struct kite_buf_cache *cache;
	unsigned int i;

	/* Somebody else may look at them, or they are not all ours. */
	if (!kite_cb(skb)->own || skb->cloned || info->flags || !kite_buf_keeps())
		return;
	cache = get_cpu_ptr(&kite_buf_cache);
	for (i = info->nr_frags; i; i--) {
		struct page *page = skb_frag_page(&info->frags[i - 1]);

		if (cache->nr_pages == KITE_PAGES_KEPT || page_count(page) != 1 ||
		    page_private(page) != KITE_PAGE || page_is_pfmemalloc(page))
			break;
		cache->pages[cache->nr_pages++] = page;
	}
	put_cpu_ptr(&kite_buf_cache);
	info->nr_frags = i;
}

/* Gets @n pages, used before or new. */
static int kite_pages_alloc(struct page **pages, unsigned int n, gfp_t gfp)
{
	unsigned int had = kite_pages_pop(pages, n), have = had, got;

	memset(pages + had, 0, (n - had) * sizeof(*pages));
	while (have < n) {
		got = kite_memcg_allows(gfp) ? alloc_pages_bulk_array(gfp, n, pages) : have;
		if (got == have)
			break;
		have = got;
	}
	for (; had < have; had++)
		set_page_private(pages[had], KITE_PAGE);
	if (have == n)
		return 0;
	while (have)
		__free_page(pages[--have]);
	return -ENOBUFS;
}

/* A message of @len bytes in pages. */
static struct sk_buff *kite_buf_alloc_paged(u32 len, gfp_t gfp)
{
	struct page *pages[KITE_BUF_PAGES];
	unsigned int i, n = DIV_ROUND_UP(len, PAGE_SIZE);
	struct sk_buff *skb;

	skb = kite_head_alloc(KITE_HEAD_SMALL, gfp);
	if (!skb)
		return NULL;
	if (kite_pages_alloc(pages, n, gfp)) {
		kite_buf_free(skb);
		return NULL;
	}
	for (i = 0; i < n; i++)
		skb_fill_page_desc(skb, i, pages[i], 0,
				   min_t(u32, len - i * PAGE_SIZE, PAGE_SIZE));
	skb->data_len = len;
	skb->len = len;
	skb->truesize += n * PAGE_SIZE;
	return skb;
}

/**
 * kite_buf_alloc - get a buffer for a message
 * @len: its length, up to KITE_MAX_PAYLOAD
 * @gfp: how hard to try
 *
 * Context: What @gfp says.
 * Return: a buffer of @len bytes with room for a header, or NULL.
 */
struct sk_buff *kite_buf_alloc(u32 len, gfp_t gfp)
{
	struct sk_buff *skb;

	if (len > KITE_HEAD_ROOM(2048))
		return kite_buf_alloc_paged(len, gfp);
	skb = kite_head_alloc(len > KITE_HEAD_ROOM(1024) ? KITE_HEAD_MEDIUM :
							   KITE_HEAD_SMALL, gfp);
	if (skb)
		__skb_put(skb, len);
	return skb;
}

/**
 * kite_buf_free - a message was read: keep its buffer for another, or free it
 * @skb: the message, in no queue
 *
 * Context: Any.
 */
void kite_buf_free(struct sk_buff *skb)
{
	if (refcount_read(&skb->users) == 1 && !skb->destructor) {
		if (skb_is_nonlinear(skb)) {
			kite_pages_push(skb);
			if (!skb_shinfo(skb)->nr_frags)
				skb->data_len = 0;
		}
		if (kite_head_push(skb))
			return;
	}
	consume_skb(skb);
}

/**
 * kite_buf_from_iter - copy a message from the program
 * @skb: a new buffer; all of it is filled
 * @from: where the program has it
 *
 * Context: Process context, may sleep.
 * Return: 0 or -EFAULT.
 */
int kite_buf_from_iter(struct sk_buff *skb, struct iov_iter *from)
{
	struct skb_shared_info *info = skb_shinfo(skb);
	u32 size;
	int i;

	/*
	 * Not copy_from_iter(), nor copy_page_from_iter(): we need no proof that a length
	 * stays within the buffer that was just made for it, and a search for its slab
	 * costs more than the copy of a small message. And its pages are mapped.
	 */
	size = skb_headlen(skb);
	if (size && _copy_from_iter(skb->data, size, from) != size)
		return -EFAULT;
	for (i = 0; i < info->nr_frags; i++) {
		size = skb_frag_size(&info->frags[i]);
		if (_copy_from_iter(skb_frag_address(&info->frags[i]), size, from) != size)
			return -EFAULT;
	}
	return 0;
}

/*
 * Is it one of ours that lies in pages alone, all of them mapped? Of others the core
 * knows better how to read them.
 */
static bool kite_buf_paged(const struct sk_buff *skb)
{
	return kite_cb(skb)->own && !skb_headlen(skb) && !IS_ENABLED(CONFIG_HIGHMEM);
}

/* Returns how much it has copied. */
static size_t kite_pages_to_iter(const struct sk_buff *skb, u32 offset, u32 len,
				 struct iov_iter *to)
{
	const skb_frag_t *frag = skb_shinfo(skb)->frags;
	size_t copied = 0, part, n;

	for (; copied < len; frag++) {
		if (offset >= skb_frag_size(frag)) {
			offset -= skb_frag_size(frag);
			continue;
		}
		part = min_t(size_t, len - copied, skb_frag_size(frag) - offset);
		n = _copy_to_iter(skb_frag_address(frag) + offset, part, to);
		copied += n;
		if (n != part)
			break;
		offset = 0;
	}
	return copied;
}

/**
 * kite_buf_to_msg - copy of a message to the program
 * @skb: the message
 * @offset: from this byte
 * @len: so many, which it has
 * @msg: where the program wants them
 *
 * Context: Process context, may sleep.
 * Return: 0; or -EFAULT, and then @msg is where it was.
 */
int kite_buf_to_msg(const struct sk_buff *skb, u32 offset, u32 len, struct msghdr *msg)
{
	size_t copied;

	/* As in kite_buf_from_iter(). */
	if (!skb_is_nonlinear(skb))
		copied = _copy_to_iter(skb->data + offset, len, &msg->msg_iter);
	else if (kite_buf_paged(skb))
		copied = kite_pages_to_iter(skb, offset, len, &msg->msg_iter);
	else
		return skb_copy_datagram_msg(skb, offset, msg, len);
	if (copied == len)
		return 0;
	iov_iter_revert(&msg->msg_iter, copied);
	return -EFAULT;
}

/* Frees something that this CPU has kept. */
static bool kite_buf_drop(void)
{
	struct sk_buff *skb = kite_head_pop(KITE_HEAD_SMALL) ?:
			      kite_head_pop(KITE_HEAD_MEDIUM);
	struct page *page;

	if (skb)
		consume_skb(skb);
	else if (kite_pages_pop(&page, 1))
		__free_page(page);
	else
		return false;
	return true;
}

/* Who is short of memory gets back what was kept on its CPU. */

static unsigned long kite_buf_count(struct shrinker *shrinker, struct shrink_control *sc)
{
	const struct kite_buf_cache *cache = get_cpu_ptr(&kite_buf_cache);
	unsigned long count = cache->nr_pages;
	int size;

	for (size = 0; size < KITE_HEAD_SIZES; size++)
		count += cache->heads[size].count;
	put_cpu_ptr(&kite_buf_cache);
	return count ?: SHRINK_EMPTY;
}

static unsigned long kite_buf_scan(struct shrinker *shrinker, struct shrink_control *sc)
{
	unsigned long freed = 0;

	while (freed < sc->nr_to_scan && kite_buf_drop())
		freed++;
	return freed ?: SHRINK_STOP;
}

static struct shrinker *kite_buf_shrinker;

/**
 * kite_buf_init - be ready to give back what the CPUs will keep
 *
 * Context: Process context.
 * Return: 0 or -ENOMEM.
 */
int __init kite_buf_init(void)
{
	kite_buf_shrinker = shrinker_alloc(0, "kite-buffers");
	if (!kite_buf_shrinker)
		return -ENOMEM;
	kite_buf_shrinker->count_objects = kite_buf_count;
	kite_buf_shrinker->scan_objects = kite_buf_scan;
	kite_buf_shrinker->seeks = DEFAULT_SEEKS;
	shrinker_register(kite_buf_shrinker);
	return 0;
}

static void kite_heads_free(struct kite_heads *heads)
{
	struct sk_buff *skb;

	while ((skb = heads->first)) {
		heads->first = skb->next;
		skb->next = NULL;
		consume_skb(skb);
	}
	heads->count = 0;
}

/**
 * kite_buf_exit - free what the CPUs kept
 *
 * Context: Process context; there are no sockets any more.
 */
void kite_buf_exit(void)
{
	struct kite_buf_cache *cache;
	int cpu;

	shrinker_free(kite_buf_shrinker);
	for_each_possible_cpu(cpu) {
		cache = per_cpu_ptr(&kite_buf_cache, cpu);
		kite_heads_free(&cache->heads[KITE_HEAD_SMALL]);
		kite_heads_free(&cache->heads[KITE_HEAD_MEDIUM]);
		while (cache->nr_pages)
			__free_page(cache->pages[--cache->nr_pages]);
	}
}
