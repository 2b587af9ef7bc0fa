/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of kite dump show each other.
 */
#ifndef KITE_DUMP_H
#define KITE_DUMP_H

#include "kite.h"
#include "pcapng.h"

#define FILTER_MAX	32

/**
 * struct filter - which packets are wanted
 * @types: of sockets; those packets, or all if there are none
 * @n_types: how many
 * @ops: likewise
 * @n_ops: how many
 * @ports: of source or destination; likewise
 * @n_ports: how many
 */
struct filter {
	uint32_t types[FILTER_MAX];
	unsigned int n_types;
	uint32_t ops[FILTER_MAX];
	unsigned int n_ops;
	uint32_t ports[FILTER_MAX];
	unsigned int n_ports;
};

/**
 * struct style - how packets are printed
 * @verbose: more than a line needs
 * @hex: 1 for the payload in hexadecimal, 2 for the header, too
 * @json: an object a line
 */
struct style {
	unsigned int verbose;
	unsigned int hex;
	bool json;
};

/* dump-filter.c */
void filter_add(uint32_t *values, unsigned int *n, uint32_t value, const char *option);
void filter_attach(const struct filter *filter, uint32_t snaplen, int fd);
void filter_close(int fd);
bool filter_wants(const struct filter *filter, const struct captured *pkt);

/* dump-print.c */
void print_packet(const struct captured *pkt, const struct style *style);

#endif /* KITE_DUMP_H */
