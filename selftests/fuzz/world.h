/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Sockets of every type in every state, at known ports, for packets to hit.
 *
 * A world has its namespace to itself and no peer outside: what is not local, a raw
 * socket plays.
 */
#ifndef KITE_FUZZ_WORLD_H
#define KITE_FUZZ_WORLD_H

#include <stdbool.h>
#include <stddef.h>

#include "random.h"

#define WORLD_SOCKETS	96

/* Who talks with whom: what a packet must have to be heard. */
struct tuple {
	unsigned int type, src, dst;
};

/* A connection that no packet may harm; and what went through it. */
struct victim {
	int type, fd[2];
	size_t sent[2];
};

/**
 * struct world - all sockets of a round
 * @raw: sends the packets
 * @fds: sockets that are hit, and used meanwhile
 * @nr_fds: how many
 * @tuples: packets that somebody expects
 * @nr_tuples: how many
 * @victims: connections of two sockets here
 * @nr_victims: how many
 */
struct world {
	int raw;
	int fds[WORLD_SOCKETS];
	unsigned int nr_fds;
	struct tuple tuples[WORLD_SOCKETS];
	unsigned int nr_tuples;
	struct victim victims[4];
	unsigned int nr_victims;
};

const char *world_create(struct world *w);
void world_act(struct world *w, struct random *r);
const char *world_check(struct world *w, struct random *r);
void world_destroy(struct world *w);
unsigned int world_port(struct random *r);

#endif /* KITE_FUZZ_WORLD_H */
