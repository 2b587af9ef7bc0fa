// SPDX-License-Identifier: GPL-2.0
/*
 * How much memory an idle pair holds: the objects of all slab caches, and the
 * pages that belong to no slab, before and after many pairs were opened and used.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "perf.h"

#define PAGE	4096
#define LONG	4096
#define SHORT	64

struct held {
	double objects;		/* bytes of objects in slabs */
	double slabs;		/* bytes of slabs */
	double free;		/* bytes of free pages */
};

static void write_file(const char *name, const char *text)
{
	int fd = open(name, O_WRONLY);

	if (fd < 0)
		return;
	if (write(fd, text, strlen(text)) < 0)
		/* Not every kernel has it; then the figure is a little less exact. */
		errno = 0;
	close(fd);
}

/* What is freed is really free, and what a CPU keeps for itself is counted. */
static void settle(void)
{
	char name[512];
	struct dirent *entry;
	DIR *dir;

	usleep(1000000);
	dir = opendir("/sys/kernel/slab");
	while (dir && (entry = readdir(dir))) {
		snprintf(name, sizeof(name), "/sys/kernel/slab/%s/shrink", entry->d_name);
		write_file(name, "1");
	}
	if (dir)
		closedir(dir);
	write_file("/proc/sys/vm/stat_refresh", "1");
}

/* name, active objects, objects, their size, in a slab, pages of it, ..., slabs */
#define SLABINFO "%*s %lu %*u %*u %lu %lu : tunables %*u %*u %*u : slabdata %*u %lu"

static bool read_slabs(struct held *h)
{
	FILE *f = fopen("/proc/slabinfo", "r");
	char line[512];

	if (!f)
		return false;
	while (fgets(line, sizeof(line), f)) {
		unsigned long active, per_slab, pages, slabs;

		if (sscanf(line, SLABINFO, &active, &per_slab, &pages, &slabs) != 4)
			continue;
		h->objects += (double)active * pages * PAGE / per_slab;
		h->slabs += (double)slabs * pages * PAGE;
	}
	fclose(f);
	return true;
}

/* Free pages, those included that a CPU keeps for itself. */
static bool read_pages(struct held *h)
{
	FILE *f = fopen("/proc/zoneinfo", "r");
	char line[512];
	unsigned long n;

	if (!f)
		return false;
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, " nr_free_pages %lu", &n) == 1 ||
		    sscanf(line, " count: %lu", &n) == 1)
			h->free += (double)n * PAGE;
	}
	fclose(f);
	return true;
}

static bool look(struct held *h)
{
	settle();
	memset(h, 0, sizeof(*h));
	return read_slabs(h) && read_pages(h);
}

static void talk(struct bench *b, const struct pair *p)
{
	size_t len = b->family->fixed ?: SHORT;

	for (int end = 0; end < 2; end++) {
		for (int i = 0; i < 4; i++)
			put_all(b, p->out[end], len);
		for (int i = 0; i < (b->family->fixed ? 1 : 4); i++)
			get_all(b, p->in[!end], len);
		if (b->family->fixed)
			continue;
		put_all(b, p->out[end], LONG);
		get_all(b, p->in[!end], LONG);
	}
}

/* Bytes for each pair; NAN without the right to read /proc/slabinfo. */
double perf_memory(struct bench *b)
{
	int n = b->sockets;
	struct pair *pairs = calloc(n, sizeof(*pairs));
	struct held before, after;

	for (int i = 0; i < 2; i++) {
		b->buf[i] = realloc(b->buf[i], LONG);
		if (!pairs || !b->buf[i])
			perf_failed(b, "calloc");
		memset(b->buf[i], 1, LONG);
	}
	/* Once, so that tables of descriptors and the like have grown. */
	for (int round = 0; round < 2; round++) {
		if (round && !look(&before))
			return NAN;
		for (int i = 0; i < n; i++)
			open_pair(b->family, b->type, &pairs[i]);
		for (int i = 0; i < n; i++)
			talk(b, &pairs[i]);
		if (round && !look(&after))
			return NAN;
		for (int i = 0; i < n; i++)
			close_pair(&pairs[i]);
	}
	return (after.objects - before.objects +
		before.free - after.free - (after.slabs - before.slabs)) / n;
}
