// SPDX-License-Identifier: GPL-2.0
/*
 * Writing and reading pcapng: draft-ietf-opsawg-pcapng.
 *
 * A file is a row of blocks: a section header, an interface, a block for each packet,
 * and statistics at the end. A block is its type, its length, what it holds, options,
 * and its length again. What is written has the byte order of this machine; what is
 * read may have either, and may come from another program, as long as its interface is
 * an Ethernet.
 */
#include <arpa/inet.h>
#include <byteswap.h>
#include <endian.h>
#include <err.h>
#include <net/ethernet.h>
#include <stdlib.h>
#include <stdnoreturn.h>
#include <string.h>

#include "kite.h"
#include "pcapng.h"

#define BLOCK_SECTION		0x0a0d0d0aU
#define BLOCK_INTERFACE		1
#define BLOCK_STATISTICS	5
#define BLOCK_PACKET		6
#define BYTE_ORDER_MAGIC	0x1a2b3c4dU
#define LINKTYPE_ETHERNET	1

#define OPT_END			0
#define OPT_USERAPPL		4
#define OPT_IF_NAME		2
#define OPT_IF_TSRESOL		9
#define OPT_EPB_DROPCOUNT	4
#define OPT_ISB_START		2
#define OPT_ISB_END		3
#define OPT_ISB_IFRECV		4
#define OPT_ISB_IFDROP		5

/* A larger block is no block of a capture of packets. */
#define BLOCK_MAX		1048576
#define INTERFACES_MAX		64

#define NS_PER_S		1000000000ULL

/* For local experiments, as kitemon has it. */
#define ETHERTYPE_KITE		0x88b5

/* ---- Writing */

/* A block while it is put together. */
struct block {
	unsigned char data[sizeof(struct kite_hdr) + KITE_MAX_PAYLOAD + 256];
	size_t len;
};

static void put(struct block *b, const void *data, size_t len)
{
	static const char zeros[4];
	size_t pad = -len & 3;

	if (b->len + len + pad > sizeof(b->data))
		errx(1, "a block of pcapng is too long");
	memcpy(b->data + b->len, data, len);
	memcpy(b->data + b->len + len, zeros, pad);
	b->len += len + pad;
}

static void put16(struct block *b, uint16_t first, uint16_t second)
{
	put(b, (uint16_t []) { first, second }, 4);
}

static void put32(struct block *b, uint32_t value)
{
	put(b, &value, sizeof(value));
}

/* Times are written with their upper half first, in either byte order. */
static void put_time(struct block *b, uint64_t time)
{
	put32(b, time >> 32);
	put32(b, time);
}

static void put_option(struct block *b, uint16_t code, const void *data, size_t len)
{
	put16(b, code, len);
	put(b, data, len);
}

static void put_time_option(struct block *b, uint16_t code, uint64_t time)
{
	uint32_t halves[] = { time >> 32, time };

	put_option(b, code, halves, sizeof(halves));
}

static void block_begin(struct block *b, uint32_t type)
{
	b->len = 0;
	put32(b, type);
	put32(b, 0);
}

static void block_end(struct block *b, FILE *f)
{
	uint32_t len = b->len + 4;

	put32(b, len);
	memcpy(b->data + 4, &len, sizeof(len));
	if (fwrite(b->data, b->len, 1, f) != 1)
		err(1, "cannot write the capture");
}

/**
 * pcapng_write_start - begin a capture file
 * @f: the file
 *
 * If it cannot be written the program ends.
 */
void pcapng_write_start(FILE *f)
{
	static const char who[] = "kite dump", where[] = "kite";
	static const unsigned char nanoseconds = 9;
	static struct block b;

	block_begin(&b, BLOCK_SECTION);
	put32(&b, BYTE_ORDER_MAGIC);
	put16(&b, 1, 0);
	put_time(&b, UINT64_MAX);
	put_option(&b, OPT_USERAPPL, who, strlen(who));
	put16(&b, OPT_END, 0);
	block_end(&b, f);

	block_begin(&b, BLOCK_INTERFACE);
	put16(&b, LINKTYPE_ETHERNET, 0);
	put32(&b, 0);
	put_option(&b, OPT_IF_NAME, where, strlen(where));
	put_option(&b, OPT_IF_TSRESOL, &nanoseconds, 1);
	put16(&b, OPT_END, 0);
	block_end(&b, f);
}

/* As kitemon makes it of a node. */
static void make_mac(unsigned char *mac, uint32_t node)
{
	node = htonl(node);
	mac[0] = 0x02;
	mac[1] = 'K';
	memcpy(mac + 2, &node, sizeof(node));
}

static void make_frame(struct ether_header *eth, const struct captured *pkt)
{
	struct kite_hdr hdr = {};

	memcpy(&hdr, pkt->data, pkt->caplen < sizeof(hdr) ? pkt->caplen : sizeof(hdr));
	make_mac(eth->ether_dhost, le32toh(hdr.dst_node));
	make_mac(eth->ether_shost, le32toh(hdr.src_node));
	eth->ether_type = htons(ETHERTYPE_KITE);
}

/**
 * pcapng_write_packet - write a packet
 * @f: the file
 * @pkt: the packet
 *
 * If it cannot be written the program ends.
 */
void pcapng_write_packet(FILE *f, const struct captured *pkt)
{
	static struct block b;
	unsigned char frame[sizeof(struct ether_header) + 2];
	uint64_t drops = pkt->drops;
	size_t part = 2;

	if (pkt->caplen < part)
		part = pkt->caplen;
	make_frame((struct ether_header *)frame, pkt);
	block_begin(&b, BLOCK_PACKET);
	put32(&b, 0);
	put_time(&b, pkt->time);
	put32(&b, sizeof(struct ether_header) + pkt->caplen);
	put32(&b, sizeof(struct ether_header) + pkt->len);
	/* The frame's header is no multiple of 4: the first two bytes come with it. */
	memcpy(frame + sizeof(struct ether_header), pkt->data, part);
	put(&b, frame, sizeof(struct ether_header) + part);
	put(&b, pkt->data + part, pkt->caplen - part);
	if (drops)
		put_option(&b, OPT_EPB_DROPCOUNT, &drops, sizeof(drops));
	put16(&b, OPT_END, 0);
	block_end(&b, f);
}

/**
 * pcapng_write_end - end a capture file
 * @f: the file, to be closed by the caller
 * @totals: what is said at its end
 *
 * If it cannot be written the program ends.
 */
void pcapng_write_end(FILE *f, const struct pcapng_totals *totals)
{
	static struct block b;

	block_begin(&b, BLOCK_STATISTICS);
	put32(&b, 0);
	put_time(&b, totals->end);
	put_time_option(&b, OPT_ISB_START, totals->start);
	put_time_option(&b, OPT_ISB_END, totals->end);
	put_option(&b, OPT_ISB_IFRECV, &totals->received, 8);
	put_option(&b, OPT_ISB_IFDROP, &totals->dropped, 8);
	put16(&b, OPT_END, 0);
	block_end(&b, f);
	if (fflush(f))
		err(1, "cannot write the capture");
}

/* ---- Reading */

struct interface {
	bool ethernet;
	uint64_t per_second;
};

struct pcapng_reader {
	FILE *f;
	const char *name;
	bool swapped;
	bool section;
	struct interface interfaces[INTERFACES_MAX];
	unsigned int n_interfaces;
	struct pcapng_totals totals;
	uint32_t len;
	unsigned char block[BLOCK_MAX];
};

static uint32_t get32(const struct pcapng_reader *r, size_t offset)
{
	uint32_t value;

	memcpy(&value, r->block + offset, sizeof(value));
	return r->swapped ? bswap_32(value) : value;
}

static uint16_t get16(const struct pcapng_reader *r, size_t offset)
{
	uint16_t value;

	memcpy(&value, r->block + offset, sizeof(value));
	return r->swapped ? bswap_16(value) : value;
}

static uint64_t get64(const struct pcapng_reader *r, size_t offset)
{
	uint64_t value;

	memcpy(&value, r->block + offset, sizeof(value));
	return r->swapped ? bswap_64(value) : value;
}

static noreturn void damaged(const struct pcapng_reader *r, const char *how)
{
	errx(1, "%s: %s", r->name, how);
}

/* The section header alone says which byte order the section has, its own, too. */
static void find_byte_order(struct pcapng_reader *r)
{
	uint32_t magic;

	if (fread(&magic, sizeof(magic), 1, r->f) != 1)
		damaged(r, "ends within a block");
	if (magic != BYTE_ORDER_MAGIC && magic != bswap_32(BYTE_ORDER_MAGIC))
		damaged(r, "is no pcapng file");
	r->swapped = magic != BYTE_ORDER_MAGIC;
	memcpy(r->block + 8, &magic, sizeof(magic));
}

/* Reads a block, with its type and lengths. False at the end of the file. */
static bool read_block(struct pcapng_reader *r)
{
	size_t had = fread(r->block, 1, 8, r->f), have = 8;

	if (ferror(r->f))
		err(1, "%s", r->name);
	if (!had && r->section)
		return false;
	/* That type reads the same in both byte orders. */
	if (had == 8 && get32(r, 0) == BLOCK_SECTION) {
		find_byte_order(r);
		have += 4;
	} else if (!r->section) {
		damaged(r, "is no pcapng file; \"editcap\" makes one of another capture");
	} else if (had < 8) {
		damaged(r, "ends within a block");
	}
	r->len = get32(r, 4);
	if (r->len < 12 || r->len < have + 4 || r->len % 4 || r->len > BLOCK_MAX)
		damaged(r, "has a block of an impossible length");
	if (fread(r->block + have, r->len - have, 1, r->f) != 1)
		damaged(r, "ends within a block");
	if (get32(r, r->len - 4) != r->len)
		damaged(r, "has a block with two lengths");
	return true;
}

/* Finds an option among those that begin there. Returns its place, or 0. */
static size_t find_option(const struct pcapng_reader *r, size_t offset, uint16_t code,
			  uint16_t len)
{
	size_t end = r->len - 4;

	while (offset + 4 <= end && get16(r, offset) != OPT_END) {
		uint16_t here = get16(r, offset + 2);

		if (offset + 4 + here > end)
			return 0;
		if (get16(r, offset) == code && here == len)
			return offset + 4;
		offset += 4 + here + (-here & 3);
	}
	return 0;
}

/* How many units of its clock make a second; 0 for what cannot be. */
static uint64_t clock_rate(unsigned char tsresol)
{
	uint64_t rate = 1;

	if (tsresol & 0x80)
		return (tsresol & 0x7f) < 64 ? 1ULL << (tsresol & 0x7f) : 0;
	if (tsresol > 19)
		return 0;
	while (tsresol--)
		rate *= 10;
	return rate;
}

static void read_interface(struct pcapng_reader *r)
{
	struct interface *i = &r->interfaces[r->n_interfaces];
	size_t at;

	if (r->len < 20 || r->n_interfaces == INTERFACES_MAX)
		damaged(r, "has an interface that makes no sense");
	i->ethernet = get16(r, 8) == LINKTYPE_ETHERNET;
	at = find_option(r, 16, OPT_IF_TSRESOL, 1);
	i->per_second = at ? clock_rate(r->block[at]) : 1000000;
	if (!i->per_second)
		damaged(r, "has an interface with an impossible clock");
	r->n_interfaces++;
}

static uint64_t to_ns(const struct interface *i, uint64_t time)
{
	uint64_t rest = time % i->per_second;

	/* The product has to fit. */
	if (i->per_second <= NS_PER_S)
		rest = rest * NS_PER_S / i->per_second;
	else
		rest /= i->per_second / NS_PER_S;
	return time / i->per_second * NS_PER_S + rest;
}

/* False for a packet that is not Kite's. */
static bool read_packet(struct pcapng_reader *r, struct captured *pkt)
{
	const struct interface *i;
	struct ether_header eth;
	uint32_t caplen, len;
	size_t at;

	if (r->len < 32 || get32(r, 8) >= r->n_interfaces)
		damaged(r, "has a packet that makes no sense");
	i = &r->interfaces[get32(r, 8)];
	caplen = get32(r, 20);
	len = get32(r, 24);
	if (caplen > r->len - 32 || len < caplen)
		damaged(r, "has a packet that makes no sense");
	if (!i->ethernet || caplen < sizeof(eth))
		return false;
	memcpy(&eth, r->block + 28, sizeof(eth));
	if (eth.ether_type != htons(ETHERTYPE_KITE))
		return false;
	at = find_option(r, 28 + caplen + (-caplen & 3), OPT_EPB_DROPCOUNT, 8);
	*pkt = (struct captured) {
		.time	= to_ns(i, (uint64_t)get32(r, 12) << 32 | get32(r, 16)),
		.data	= r->block + 28 + sizeof(eth),
		.caplen	= caplen - sizeof(eth),
		.len	= len - sizeof(eth),
		.drops	= at ? get64(r, at) : 0,
	};
	r->totals.received++;
	return true;
}

static void read_statistics(struct pcapng_reader *r)
{
	size_t at = r->len >= 24 ? find_option(r, 20, OPT_ISB_IFDROP, 8) : 0;

	if (at)
		r->totals.dropped += get64(r, at);
}

/**
 * pcapng_open - read a capture file
 * @f: the file
 * @name: what it is called in messages
 *
 * If it is none the program ends.
 *
 * Return: what pcapng_read() wants.
 */
struct pcapng_reader *pcapng_open(FILE *f, const char *name)
{
	struct pcapng_reader *r = calloc(1, sizeof(*r));

	if (!r)
		err(1, "calloc");
	r->f = f;
	r->name = name;
	return r;
}

/**
 * pcapng_read - read the next packet of Kite's
 * @r: the file
 * @pkt: where it goes; its data stays until the next one is read
 *
 * If the file is damaged the program ends.
 *
 * Return: false at the end of the file.
 */
bool pcapng_read(struct pcapng_reader *r, struct captured *pkt)
{
	while (read_block(r)) {
		switch (get32(r, 0)) {
		case BLOCK_SECTION:
			r->section = true;
			r->n_interfaces = 0;
			break;
		case BLOCK_INTERFACE:
			read_interface(r);
			break;
		case BLOCK_PACKET:
			if (read_packet(r, pkt))
				return true;
			break;
		case BLOCK_STATISTICS:
			read_statistics(r);
		}
	}
	return false;
}

/**
 * pcapng_totals - how many packets there were
 * @r: the file, read to its end
 *
 * Return: the sum; without the times.
 */
const struct pcapng_totals *pcapng_totals(const struct pcapng_reader *r)
{
	return &r->totals;
}

/**
 * pcapng_close - done with a file
 * @r: the file; closed
 */
void pcapng_close(struct pcapng_reader *r)
{
	fclose(r->f);
	free(r);
}
