/* SPDX-License-Identifier: GPL-2.0 */
/*
 * kite perf: what its files have in common.
 *
 * A figure is the cost of one operation of one family: perf-family.c knows the
 * families, perf-test.c the operations, perf.c runs the one on the other and
 * prints what comes out.
 */
#ifndef KITE_PERF_H
#define KITE_PERF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdnoreturn.h>
#include <sys/types.h>

#include <linux/kite.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

/* Predefined by gcc in the name of times gone by; here it names a family. */
#undef unix

/* The types that are compared, by index. */
enum perf_type { STREAM, SEQPACKET, DGRAM, TYPES };

/* A type in a mask. */
#define TYPE(type)	(1U << (type))

extern const char *const type_names[TYPES];

struct address {
	union {
		struct sockaddr sa;
		struct sockaddr_kite kite;
		struct sockaddr_un un;
		struct sockaddr_in in;
		struct sockaddr_storage storage;
	};
	socklen_t len;
};

/**
 * struct perf_family - one family, or a thing that is used like one
 * @name: in the table
 * @types: a mask of the types that it has
 * @domain: the first argument of socket(), or -1 if it is missing here;
 *	NULL for what is no socket
 * @any: an address to bind to that asks for any free one
 * @pipe: makes the two ends of one direction; NULL for sockets
 * @longest: the longest message with boundaries, or 0
 * @fixed: the only size that it transfers, or 0
 * @drops: a full datagram receiver loses messages, and does not block the sender
 */
struct perf_family {
	const char *name;
	unsigned int types;
	int (*domain)(void);
	void (*any)(struct address *addr);
	int (*pipe)(int fd[2]);
	size_t longest;
	size_t fixed;
	bool drops;
};

/* Both ends of a connection: end @i writes to out[i] and reads from in[i]. */
struct pair {
	int out[2];
	int in[2];
};

struct bench;

/**
 * struct perf_test - an operation that is measured
 * @name: on the command line
 * @title: in the table
 * @what: in the help
 * @types: a mask of the types that it is defined for
 * @size: of its messages; 0 if it is measured by size, or has none
 * @sized: whether it is measured by size
 * @amounts: or by how many of something there are; ends with 0
 * @processes: or by how many processes do it at once
 * @smp: whether it needs several CPUs to make sense
 * @sockets: whether it needs sockets, and not pipes
 * @count: how many operations make one batch of messages of some size
 * @setup: before the measurement, may be NULL
 * @run: one operation
 * @flush: waits until all operations of a batch are complete, may be NULL
 * @measure: instead of these, for what is no time: returns the figure
 *
 * Each figure is measured in a process of its own, so nothing cleans up.
 */
struct perf_test {
	const char *name;
	const char *title;
	const char *what;
	unsigned int types;
	size_t size;
	bool sized;
	const size_t *amounts;
	bool processes;
	bool smp;
	bool sockets;
	unsigned long (*count)(size_t size);
	void (*setup)(struct bench *b);
	void (*run)(struct bench *b);
	void (*flush)(struct bench *b);
	double (*measure)(struct bench *b);
};

/**
 * struct bench - the measurement of one figure
 * @family: of which family
 * @test: of which operation
 * @type: of which type
 * @size: of the message
 * @chunk: how long the pieces are that a message with boundaries is sent in
 * @count: how many operations are a batch
 * @amount: of what the test is measured by, if it is not the size
 * @sockets: how many idle or sending sockets, for tests that want many
 * @pair: what it is measured with, for most tests
 * @buf: what is sent, and where it arrives
 * @other: this is the other process of the test
 * @state: the test's own
 */
struct bench {
	const struct perf_family *family;
	const struct perf_test *test;
	enum perf_type type;
	size_t size;
	size_t chunk;
	unsigned long count;
	size_t amount;
	int sockets;
	struct pair pair;
	char *buf[2];
	bool other;
	void *state;
};

/* perf-family.c */
extern const struct perf_family perf_families[];
extern const size_t perf_nr_families;

int perf_socket(const struct perf_family *f, enum perf_type type);
int perf_bound(const struct perf_family *f, enum perf_type type,
	       struct address *addr);
int perf_listener(const struct perf_family *f, enum perf_type type,
		  struct address *addr);
void perf_connect(const struct perf_family *f, int fd, const struct address *addr);
bool perf_has(const struct perf_family *f, enum perf_type type);
void open_pair(const struct perf_family *f, enum perf_type type, struct pair *p);
void close_pair(const struct pair *p);

/* perf-io.c */
noreturn void perf_failed(const struct bench *b, const char *what);
ssize_t perf_put(const struct bench *b, int fd, const void *buf, size_t len);
ssize_t perf_get(const struct bench *b, int fd, void *buf, size_t len);
void put_all(const struct bench *b, int fd, size_t len);
void get_all(const struct bench *b, int fd, size_t len);
void perf_child(struct bench *b, void (*child)(struct bench *b));

/* perf-memory.c */
double perf_memory(struct bench *b);

/* perf-scale.c */
double perf_scale(struct bench *b);

/* perf-table.c */
/**
 * struct perf_result - a figure
 * @test: of which operation
 * @type: of which type
 * @family: of which family
 * @size: of the message, or the amount of what it is measured by
 * @value: nanoseconds or bytes
 */
struct perf_result {
	const struct perf_test *test;
	enum perf_type type;
	const struct perf_family *family;
	size_t size;
	double value;
};

/**
 * struct perf_report - all that is printed
 * @unit: what the clock counts
 * @command: what was measured
 * @results: the figures, in the order of the table
 * @nr: how many
 */
struct perf_report {
	const char *unit;
	const char *command;
	struct perf_result *results;
	size_t nr;
};

/* "1048576 MiB" and the like. */
#define PERF_SIZE 32

void perf_print_table(const struct perf_report *r);
void perf_print_json(const struct perf_report *r);
const char *perf_size(const struct perf_test *t, size_t size, char text[PERF_SIZE]);

/* perf-loop.c */
#define PERF_LOOPS	4
noreturn void perf_loop(struct bench *b, int n);

/* perf-test.c */

/* How many sockets they open at most, if not told otherwise. */
#define PERF_CROWD	10000

extern const struct perf_test perf_tests[];
extern const size_t perf_nr_tests;

/* Is it measured by how many of something there are? */
static inline bool perf_has_amounts(const struct perf_test *t)
{
	return t->amounts || t->processes;
}

#endif /* KITE_PERF_H */
