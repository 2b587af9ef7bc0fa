// SPDX-License-Identifier: GPL-2.0
/*
 * kite perf --loop: the operations of several families in turn, for ever. It is
 * what scripts/profile looks at, instruction by instruction, and knows apart by
 * the addresses of these functions.
 */
#include <stdio.h>

#include "perf.h"

#define LOOP __attribute__((noipa))

static void LOOP turn0(struct bench *b)
{
	b->test->run(b);
	asm volatile("" : : : "memory");
}

static void LOOP turn1(struct bench *b)
{
	b->test->run(b);
	asm volatile("" : : : "memory");
}

static void LOOP turn2(struct bench *b)
{
	b->test->run(b);
	asm volatile("" : : : "memory");
}

static void LOOP turn3(struct bench *b)
{
	b->test->run(b);
	asm volatile("" : : : "memory");
}

/* Says what is not counted: that all that was asked for has been done. */
static void LOOP end_of_batch(void)
{
	asm volatile("" : : : "memory");
}

static void (*const turns[PERF_LOOPS])(struct bench *b) = { turn0, turn1, turn2, turn3 };

void perf_loop(struct bench *b, int n)
{
	printf("loop");
	for (int i = 0; i < n; i++)
		printf(" %s=%lx", b[i].family->name, (unsigned long)turns[i]);
	printf(" end=%lx\n", (unsigned long)end_of_batch);
	fflush(stdout);

	for (unsigned long done = 1;; done++) {
		for (int i = 0; i < n; i++)
			turns[i](&b[i]);
		end_of_batch();
		if (done % b->count)
			continue;
		for (int i = 0; i < n; i++) {
			if (b[i].test->flush)
				b[i].test->flush(&b[i]);
		}
	}
}
