/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Capture files in the pcapng format, with Kite's packets as Ethernet frames, as a
 * kitemon device has them.
 */
#ifndef KITE_PCAPNG_H
#define KITE_PCAPNG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/**
 * struct captured - a packet that was captured
 * @time: when, in ns since 1970
 * @data: it begins with its struct kite_hdr
 * @caplen: how many of its bytes are there
 * @len: how many it had
 * @drops: how many were lost since the one before
 */
struct captured {
	uint64_t time;
	const unsigned char *data;
	uint32_t caplen;
	uint32_t len;
	uint32_t drops;
};

/**
 * struct pcapng_totals - what the end of a file says
 * @start: when the capture began, in ns since 1970
 * @end: when it ended
 * @received: how many packets there were
 * @dropped: how many were lost
 */
struct pcapng_totals {
	uint64_t start;
	uint64_t end;
	uint64_t received;
	uint64_t dropped;
};

struct pcapng_reader;

void pcapng_write_start(FILE *f);
void pcapng_write_packet(FILE *f, const struct captured *pkt);
void pcapng_write_end(FILE *f, const struct pcapng_totals *totals);

struct pcapng_reader *pcapng_open(FILE *f, const char *name);
bool pcapng_read(struct pcapng_reader *r, struct captured *pkt);
const struct pcapng_totals *pcapng_totals(const struct pcapng_reader *r);
void pcapng_close(struct pcapng_reader *r);

#endif /* KITE_PCAPNG_H */
