/* SPDX-License-Identifier: GPL-2.0 */
/* Numbers that look random and are the same for the same seed, everywhere. */
#ifndef KITE_FUZZ_RANDOM_H
#define KITE_FUZZ_RANDOM_H

#include <stdbool.h>
#include <stdint.h>

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

struct random {
	uint64_t state;
};

/* splitmix64 */
static inline uint64_t random_next(struct random *r)
{
	uint64_t z = r->state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

/* The n-th of many sequences that have nothing to do with each other. */
static inline struct random random_branch(uint64_t seed, uint64_t n)
{
	struct random r = { seed };

	r.state = random_next(&r) ^ n * 0xd1342543de82ef95;
	return r;
}

static inline unsigned int random_below(struct random *r, unsigned int n)
{
	return (random_next(r) >> 32) * n >> 32;
}

/* Once in @n times, on average. */
static inline bool random_once_in(struct random *r, unsigned int n)
{
	return !random_below(r, n);
}

#define random_of(r, array)	((array)[random_below(r, ARRAY_SIZE(array))])

#endif /* KITE_FUZZ_RANDOM_H */
