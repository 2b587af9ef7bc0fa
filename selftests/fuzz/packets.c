// SPDX-License-Identifier: GPL-2.0
/*
 * packets [--seed N] [--count N] [--batch N]: packets that nearly make sense, sent by
 * a raw socket to sockets in every state, in worlds of their own.
 *
 * After each batch the connections that no packet may harm are tried, and the kernel's
 * log is read; after each world no socket may be left. What is sent depends on the
 * seed alone. A failure prints the world's seed, with which "--count" of one world
 * repeats it, and what was sent last.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "../family.h"
#include "../netlink.h"
#include "../util.h"
#include "mutate.h"
#include "reports.h"
#include "world.h"

#define WORLD_PACKETS	2000
#define BATCH_MAX	1000

/* What was sent since the last check, for who has to find out. */
static struct {
	unsigned char hdr[sizeof(struct kite_hdr)];
	size_t len;
	int ret;
} sent[BATCH_MAX];

static unsigned long accepted;
/* Sockets that were there before. */
static int users;

static int failed(uint64_t seed, unsigned int n, const char *why)
{
	struct packet pkt;
	unsigned int i;

	printf("world %#llx: %s after these %u packets:\n", (unsigned long long)seed, why, n);
	for (i = 0; i < n; i++) {
		packet_decode(&pkt, sent[i].hdr);
		printf("%4d, %zu bytes: v%u type %u op %u flags %#x len %u ", sent[i].ret,
		       sent[i].len, pkt.version, pkt.type, pkt.op, pkt.flags, pkt.len);
		printf("from %u.%u to %u.%u read %u limit %u\n", pkt.src_node, pkt.src_port,
		       pkt.dst_node, pkt.dst_port, pkt.read, pkt.limit);
	}
	printf("again: packets --seed %#llx --count %u\n", (unsigned long long)seed,
	       WORLD_PACKETS);
	return 1;
}

static void send_batch(struct world *w, struct random *r, unsigned int n)
{
	static unsigned char packet[MUTANT_MAX];
	unsigned int i;

	for (i = 0; i < n; i++) {
		sent[i].len = mutate(r, w, packet);
		memcpy(sent[i].hdr, packet, sizeof(sent[i].hdr));
		sent[i].ret = ERR(send(w->raw, packet, sent[i].len, MSG_NOSIGNAL));
		accepted += sent[i].ret >= 0;
		if (random_once_in(r, 10))
			world_act(w, r);
	}
}

/* The pages that all queues have, as far as the kernel tells; each CPU may keep some. */
static long memory_pages(void)
{
	FILE *file = fopen("/proc/net/protocols", "re");
	char line[256], name[32];
	long pages, found = -1;

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "%31s %*d %*d %ld", name, &pages) == 2 &&
		    !strcmp(name, "KITE-STREAM"))
			found = pages;
	if (file)
		fclose(file);
	return found;
}

static int run_world(uint64_t seed, unsigned int packets, unsigned int batch)
{
	struct random r = { seed };
	long pages = memory_pages(), slack;
	const char *err;
	struct world w;
	unsigned int n;

	/* Whoever reads this of a kernel that died knows where. */
	printf("world %#llx\n", (unsigned long long)seed);
	fflush(stdout);
	err = world_create(&w);
	if (err)
		return failed(seed, 0, err);
	while (packets) {
		n = packets < batch ? packets : batch;
		send_batch(&w, &r, n);
		packets -= n;
		err = world_check(&w, &r);
		if (reports_any())
			err = "the kernel reported a bug";
		if (err)
			return failed(seed, n, err);
	}
	world_destroy(&w);
	/* Fewer, if sockets of those before us went meanwhile. */
	if (!BECOMES(true, module_users() <= users)) {
		printf("%d users of the module, and not %d\n", module_users(), users);
		return failed(seed, n, "sockets are left");
	}
	slack = 256 * sysconf(_SC_NPROCESSORS_CONF);
	if (memory_pages() > pages + slack)
		return failed(seed, n, "memory is left");
	return reports_any() ? failed(seed, n, "the kernel reported a bug") : 0;
}

static unsigned long number(const char *text)
{
	char *end;
	unsigned long n = strtoul(text, &end, 0);

	if (end == text || *end) {
		fprintf(stderr, "packets: what is \"%s\"?\n", text);
		exit(2);
	}
	return n;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "seed", required_argument, NULL, 's' },
		{ "count", required_argument, NULL, 'c' },
		{ "batch", required_argument, NULL, 'b' },
		{ }
	};
	unsigned long seed = 1, count = 20000, batch = 100, done = 0, n;
	int opt, recorded;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (opt) {
		case 's':
			seed = number(optarg);
			break;
		case 'c':
			count = number(optarg);
			break;
		case 'b':
			batch = number(optarg);
			break;
		default:
			fprintf(stderr, "usage: packets [--seed N] [--count N] [--batch N]\n");
			return 2;
		}
	}
	if (!batch || batch > BATCH_MAX)
		batch = BATCH_MAX;
	users = module_users();
	if (family_kite.missing()) {
		fprintf(stderr, "packets: %s\n", family_kite.missing());
		return 2;
	}
	if (enter_new_netns()) {
		fprintf(stderr, "packets: no namespace of its own\n");
		return 2;
	}
	/* Nobody reads them; but where nobody listens, none is made. */
	if (event_open() < 0) {
		fprintf(stderr, "packets: no events\n");
		return 2;
	}
	reports_open();
	recorded = mutate_record();
	if (recorded < 0) {
		fprintf(stderr, "packets: no sessions could be recorded\n");
		return 1;
	}
	/* A socket is freed a while after it was closed. */
	BECOMES(true, module_users() <= users);
	for (; done < count; done += n, seed++) {
		n = count - done < WORLD_PACKETS ? count - done : WORLD_PACKETS;
		if (run_world(seed, n, batch))
			return 1;
	}
	printf("%lu packets made of %d were sent, the kernel took %lu\n", done, recorded,
	       accepted);
	/* What is refused at once has tested little. */
	return accepted < done / 4;
}
