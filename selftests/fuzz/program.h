/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Programs of socket calls.
 *
 * A program is a list of steps. A step is a call by name and numbers that choose its
 * arguments; any numbers make a program that can be run. Where it becomes what the
 * kernel is asked, lower.c, everything is at known addresses: so a step is nothing
 * but stores to memory and a system call, which can be printed as C.
 */
#ifndef KITE_FUZZ_PROGRAM_H
#define KITE_FUZZ_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "random.h"

#define PROGRAM_STEPS	24
#define STEP_ARGS	5
/* A line of text that holds any program. */
#define PROGRAM_TEXT	(PROGRAM_STEPS * 96)

/**
 * struct step - one call
 * @call: which, of calls[]
 * @async: the next step does not wait for it
 * @arg: what its arguments are made of; a slot where it is a file descriptor
 */
struct step {
	uint8_t call;
	bool async;
	uint32_t arg[STEP_ARGS];
};

struct program {
	unsigned int n;
	struct step step[PROGRAM_STEPS];
};

/* Where in memory things are. Beyond the data nothing is mapped. */
#define AREA		0x20000000UL
#define AREA_SIZE	0x200000UL
#define PAGE_OF(step)	(AREA + (step) * 0x1000UL)
#define DATA		(AREA + 0x100000UL)
#define DATA_SIZE	0x100000UL

#define STORES_MAX	96

/* A number that is put into the step's page before the call. */
struct store {
	uint16_t offset;
	uint8_t size;		/* 1, 2, 4 or 8 bytes */
	bool fd;		/* the value is a slot: what is stored is its descriptor */
	uint64_t value;
};

/**
 * struct lowered - what the kernel is asked
 * @nr: the system call
 * @arg: its arguments
 * @fds: those that are slots, a bit each
 * @stores: what memory has to hold first
 * @nr_stores: how many
 */
struct lowered {
	long nr;
	uint64_t arg[6];
	unsigned int fds;
	struct store stores[STORES_MAX];
	unsigned int nr_stores;
};

/* A step makes up to two descriptors: slots are twice as many as steps. */
#define SLOTS		(2 * PROGRAM_STEPS)
#define NO_SLOT		255

/**
 * struct call - a kind of step
 * @name: what it is called in text
 * @args: for each argument, what it is: the kind of descriptor in lower case
 *	(s socket, p pipe, e epoll, n netlink, m memory, b program, any other *), or
 *	. for a number
 * @makes: the kind of descriptors that it makes, in upper case if two; or 0
 * @weight: how often it is chosen
 * @lower: turns the numbers into a system call
 */
struct call {
	const char *name;
	const char *args;
	char makes;
	unsigned int weight;
	void (*lower)(struct lowered *l, unsigned long page, const uint32_t *a);
};

extern const struct call calls[];
extern const unsigned int nr_calls;
extern int fuzz_family;

/* lower.c */
void lower(struct lowered *l, const struct program *p, unsigned int step);

/* message.c, option.c: what lower.c has of calls */
void lower_sendto(struct lowered *l, unsigned long page, const uint32_t *a);
void lower_sendmsg(struct lowered *l, unsigned long page, const uint32_t *a);
void lower_sendmmsg(struct lowered *l, unsigned long page, const uint32_t *a);
void lower_packet(struct lowered *l, unsigned long page, const uint32_t *a);
void lower_recvfrom(struct lowered *l, unsigned long page, const uint32_t *a);
void lower_recvmsg(struct lowered *l, unsigned long page, const uint32_t *a);
void lower_recvmmsg(struct lowered *l, unsigned long page, const uint32_t *a);
void lower_setsockopt(struct lowered *l, unsigned long page, const uint32_t *a);
void lower_getsockopt(struct lowered *l, unsigned long page, const uint32_t *a);

/* for them */
void store(struct lowered *l, unsigned int offset, unsigned int size, uint64_t value);
void store_fd(struct lowered *l, unsigned int offset, uint32_t slot);
void store_text(struct lowered *l, unsigned int offset, const char *text);
void ask(struct lowered *l, long nr, uint64_t a, uint64_t b, uint64_t c, uint64_t d,
	 uint64_t e, uint64_t f);
size_t a_size(uint32_t arg);
uint64_t a_buffer(uint32_t arg, size_t size);
unsigned int put_address(struct lowered *l, unsigned int offset, uint32_t arg);

/* generate.c */
void program_random(struct program *p, struct random *r);
void program_mutate(struct program *p, struct random *r, const struct program *other);
bool program_without(struct program *to, const struct program *p, unsigned int step);
bool program_smaller(struct program *to, const struct program *p, unsigned int n);

/* text.c */
void program_print(const struct program *p, char *text);
bool program_parse(struct program *p, const char *text);
void program_print_c(const struct program *p, FILE *out);

/* execute.c */
enum outcome { DONE, SLOW, STUCK };
enum outcome execute(const struct program *p);
bool coverage_open(void);
unsigned int coverage_new(void);
bool coverage_again(void);
unsigned int coverage_total(void);

#endif /* KITE_FUZZ_PROGRAM_H */
