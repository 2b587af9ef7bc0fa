// SPDX-License-Identifier: GPL-2.0
/*
 * Which packets kite dump wants: said to the kernel in classic BPF, so that the others
 * do not even get into the receive queue, and done here for packets from a file.
 */
#include <byteswap.h>
#include <endian.h>
#include <err.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/filter.h>

#include "dump.h"

/* Of each list a load or two and its values, and a return. */
#define PROGRAM_MAX	(4 * FILTER_MAX + 8)

struct program {
	struct sock_filter code[PROGRAM_MAX];
	unsigned int len;
};

/**
 * filter_add - want these packets, too
 * @values: a list of struct filter
 * @n: how many there are in it
 * @value: one more
 * @option: what it is for, "--port"
 *
 * If there are too many the program ends.
 */
void filter_add(uint32_t *values, unsigned int *n, uint32_t value, const char *option)
{
	if (*n == FILTER_MAX)
		errx(EXIT_USAGE, "%s: at most %d times", option, FILTER_MAX);
	values[(*n)++] = value;
}

static void emit(struct program *p, unsigned int code, uint32_t k)
{
	p->code[p->len++] = (struct sock_filter) { .code = code, .k = k };
}

static void emit_load(struct program *p, unsigned int size, size_t offset)
{
	emit(p, BPF_LD | size | BPF_ABS, offset);
}

/* Whoever matches is to jump to the end of its list: for now, nowhere. */
static void emit_match(struct program *p, uint32_t value)
{
	emit(p, BPF_JMP | BPF_JEQ | BPF_K, value);
}

/* None matched: not this packet. Who did match, from @start on, goes on behind that. */
static void emit_end(struct program *p, unsigned int start)
{
	emit(p, BPF_RET | BPF_K, 0);
	for (unsigned int i = start; i < p->len; i++) {
		if (BPF_CLASS(p->code[i].code) == BPF_JMP)
			p->code[i].jt = p->len - i - 1;
	}
}

static void emit_bytes(struct program *p, size_t offset, const uint32_t *values,
		       unsigned int n)
{
	unsigned int start = p->len;

	if (!n)
		return;
	emit_load(p, BPF_B, offset);
	for (unsigned int i = 0; i < n; i++)
		emit_match(p, values[i]);
	emit_end(p, start);
}

/* BPF loads words as if they were big endian, and the header has little endian. */
static void emit_ports(struct program *p, const uint32_t *ports, unsigned int n)
{
	static const size_t offsets[] = {
		offsetof(struct kite_hdr, src_port),
		offsetof(struct kite_hdr, dst_port),
	};
	unsigned int start = p->len;

	if (!n)
		return;
	for (size_t o = 0; o < ARRAY_SIZE(offsets); o++) {
		emit_load(p, BPF_W, offsets[o]);
		for (unsigned int i = 0; i < n; i++)
			emit_match(p, bswap_32(ports[i]));
	}
	emit_end(p, start);
}

static void set_filter(const struct program *p, int fd)
{
	const struct sock_fprog prog = {
		.len	= p->len,
		.filter	= (struct sock_filter *)p->code,
	};

	if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog)))
		err(1, "cannot attach the filter");
}

/**
 * filter_close - let the kernel pass on nothing from now on
 * @fd: a raw socket
 *
 * What came before stays. If the kernel refuses, the program ends.
 */
void filter_close(int fd)
{
	struct program nothing = {};

	emit(&nothing, BPF_RET | BPF_K, 0);
	set_filter(&nothing, fd);
}

/**
 * filter_attach - let the kernel pass on only what is wanted
 * @filter: that
 * @snaplen: of each packet no more than so many bytes
 * @fd: a raw socket
 *
 * Whatever came before is thrown away. If the kernel refuses, the program ends.
 */
void filter_attach(const struct filter *filter, uint32_t snaplen, int fd)
{
	struct program wanted = {};

	emit_bytes(&wanted, offsetof(struct kite_hdr, type), filter->types, filter->n_types);
	emit_bytes(&wanted, offsetof(struct kite_hdr, op), filter->ops, filter->n_ops);
	emit_ports(&wanted, filter->ports, filter->n_ports);
	emit(&wanted, BPF_RET | BPF_K, snaplen);

	filter_close(fd);
	while (recv(fd, NULL, 0, MSG_DONTWAIT | MSG_TRUNC) >= 0)
		;
	set_filter(&wanted, fd);
}

static bool among(const uint32_t *values, unsigned int n, uint32_t value)
{
	for (unsigned int i = 0; i < n; i++) {
		if (values[i] == value)
			return true;
	}
	return !n;
}

/**
 * filter_wants - the same for a packet that is here
 * @filter: what is wanted
 * @pkt: the packet
 *
 * Return: true if it is.
 */
bool filter_wants(const struct filter *filter, const struct captured *pkt)
{
	struct kite_hdr hdr;

	if (pkt->caplen < sizeof(hdr))
		return !filter->n_types && !filter->n_ops && !filter->n_ports;
	memcpy(&hdr, pkt->data, sizeof(hdr));
	return among(filter->types, filter->n_types, hdr.type) &&
	       among(filter->ops, filter->n_ops, hdr.op) &&
	       (among(filter->ports, filter->n_ports, le32toh(hdr.src_port)) ||
		among(filter->ports, filter->n_ports, le32toh(hdr.dst_port)));
}
