/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The conformance suite: what the socket calls do, family by family.
 *
 * A row is one behaviour. Its body does something with sockets of whatever family
 * and type it is given, and says what came of it, in words: "1, ECONNRESET, 0".
 * The row states once what should come of it, which is what Kite does, and which
 * families are known to do something else, and why. So one body serves all: what
 * it says is compared, and it never looks which family it has.
 *
 * A cell is a row, a family and a type. It runs in a process of its own.
 */
#ifndef KITE_CONFORMANCE_H
#define KITE_CONFORMANCE_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "../util.h"

/* Predefined by gcc in the name of times gone by. */
#undef unix

/* The types that a row is for, and that a family has. */
#define STREAM		0x1
#define SEQPACKET	0x2
#define DGRAM		0x4
#define CONN		(STREAM | SEQPACKET)
#define MESSAGES	(SEQPACKET | DGRAM)
#define ALL		(STREAM | SEQPACKET | DGRAM)
#define NR_TYPES	3

/* The families, for what is known of them. */
#define KITE		0x01
#define PACKETS		0x02	/* Kite with direct=0, as well as KITE */
#define AS_VSOCK	0x04	/* Kite with vsock's number, as well as KITE */
#define OLD_CORE	0x08	/* Kite where it cannot answer SOL_SOCKET: 6.1 */
#define UNIX		0x10
#define INET		0x20
#define VSOCK		0x40

#define ARRAY_SIZE(array)	(sizeof(array) / sizeof((array)[0]))

/* families.c */

/**
 * enum layout - what an address looks like
 * @LAYOUT_UN: struct sockaddr_un, abstract names
 * @LAYOUT_IN: struct sockaddr_in
 * @LAYOUT_VM: struct sockaddr_vm, which is also struct sockaddr_kite
 */
enum layout { LAYOUT_UN, LAYOUT_IN, LAYOUT_VM };

/**
 * struct family - a column of the table
 * @name: its name
 * @id: KITE, UNIX and so on: which of the known differences apply
 * @domain: the first argument of socket()
 * @layout: of its addresses
 * @node: the part of an address that means "here"
 * @elsewhere: a node that does not exist
 * @port: the first of the ports to bind to, or 0 to let the family choose
 * @missing: why there is nothing to test, or NULL
 * @no: why it does not have a type, or NULL if it does; by type_index()
 */
struct family {
	const char *name;
	unsigned int id;
	int domain;
	enum layout layout;
	unsigned int node;
	unsigned int elsewhere;
	unsigned int port;
	const char *missing;
	const char *no[NR_TYPES];
};

bool family_find(struct family *f, const char *name);
void family_probe(struct family *f);
int type_index(unsigned int type);
int type_number(unsigned int type);
const char *type_name(unsigned int type);

#define MAX_DIFFERENCES	8

/**
 * struct difference - what a family is known to do instead
 * @families: which ones
 * @types: of which types
 * @outcome: what comes of it there
 * @why: a sentence or two
 */
struct difference {
	unsigned int families;
	unsigned int types;
	const char *outcome;
	const char *why;
};

struct cell;

/**
 * struct row - one behaviour
 * @name: the body's name
 * @section: what it is about
 * @what: what is done, as the table has it
 * @types: of which types
 * @run: the body
 * @expect: what it should say
 * @differs: what is known of others
 */
struct row {
	const char *name;
	const char *section;
	const char *what;
	unsigned int types;
	void (*run)(struct cell *cell);
	const char *expect;
	struct difference differs[MAX_DIFFERENCES];
};

/* rows.c */

#define MAX_ROWS	500

/* All rows, in the order of the Makefile's list of files. */
extern const struct row *rows[MAX_ROWS];
extern int nr_rows;

void row_add(const struct row *row);
const struct row *row_find(const char *name);

/**
 * DEFINE_ROW() - a row, and after it its body
 * @id: a name for it
 * @types_: STREAM, ...
 * @what_: what is done
 * @expect_: what should come of it
 * @...: struct difference, each in braces
 *
 * The file says, as section[], what its rows are about.
 */
#define DEFINE_ROW(id, types_, what_, expect_, ...)			\
static void id(struct cell *cell);					\
static const struct row id##_row = {					\
	.name = #id,							\
	.section = section,						\
	.what = what_,							\
	.types = types_,						\
	.run = id,							\
	.expect = expect_,						\
	.differs = { __VA_ARGS__ },					\
};									\
static void __attribute__((constructor)) id##_add(void)			\
{									\
	row_add(&id##_row);						\
}									\
static void id(struct cell *cell)

/* Reasons that many rows have. */
#define WHY_TCP_LATE							\
	"TCP learns what the peer has done from the answer to what it sends."
#define WHY_ASYNC							\
	"The answer takes its time, so that connect is not done at once."
#define WHY_NO_NAME							\
	"A socket of AF_UNIX has no name unless it asks for one with bind."
#define WHY_HALF_CLOSE							\
	"TCP has a FIN for what is sent and nothing for what is received: the peer " \
	"is not told."
#define WHY_INVAL							\
	"It says EINVAL for every address that it does not like."
#define WHY_VSOCK_REFUSED						\
	"Refusal and reset are one packet in vsock."
#define WHY_VSOCK_RESET							\
	"A vsock connection ends alike whether data was unread or not."
#define WHY_VSOCK_POLL							\
	"vsock has events of its own for the end of a connection."
#define WHY_VSOCK_EMPTY							\
	"vsock does not send what is empty."
#define WHY_VSOCK_NONE							\
	"vsock has not got it."
#define WHY_FIRST							\
	"Whoever asks first is told."
#define WHY_PACKETS							\
	"With direct=0 Kite knows its peer by its packets, as TCP does."

/**
 * enum result - how a cell compares
 * @PASS: as expected
 * @DIFFERS: otherwise, which is known and explained
 * @FAIL: otherwise
 * @NA: there is no such thing in the family
 * @NOT_RUN: the row is not for that type
 */
enum result { NOT_RUN, PASS, DIFFERS, FAIL, NA };

/**
 * struct cell - a row, a family and a type, and what came of them
 * @row: the row
 * @family: the family
 * @type: STREAM, SEQPACKET or DGRAM
 * @port: where its ports begin, or 0
 * @said: what the body said
 * @na: the body found that there is no such thing, and @said is why
 * @result: how it compares
 * @why: for DIFFERS: why; for NA: why
 */
struct cell {
	const struct row *row;
	const struct family *family;
	unsigned int type;
	unsigned int port;
	char said[200];
	bool na;
	enum result result;
	const char *why;
};

/* cell.c */
void cell_run(struct cell *cell);

/* What bodies say. */
void say(struct cell *cell, const char *text);
void say_result(struct cell *cell, long ret);
void say_events(struct cell *cell, int events);
long must(struct cell *cell, long ret, const char *what);
void not_here(struct cell *cell, const char *why);

/* sockets.c */

/**
 * struct address - an address of any layout
 */
struct address {
	union {
		struct sockaddr sa;
		struct sockaddr_un un;
		struct sockaddr_in in;
		struct sockaddr_storage storage;
		struct {
			sa_family_t family;
			unsigned short reserved;
			unsigned int port;
			unsigned int node;
			unsigned int zero;
		} vm;
	};
	socklen_t len;
};

/**
 * struct pair - two ends that know each other
 * @c: the one that called connect()
 * @s: the one that came from accept(); for datagrams just another socket
 */
struct pair {
	int c;
	int s;
};

bool has_nodes(const struct cell *cell);
void free_address(struct cell *cell, struct address *addr);
void address_elsewhere(struct cell *cell, struct address *addr);
void address_any_node(struct cell *cell, struct address *addr);
void copy_port(struct address *to, const struct address *from);
bool is_unnamed(const struct address *addr);
bool same_address(const struct address *a, const struct address *b);
int new_socket(struct cell *cell);
int bound_socket(struct cell *cell, struct address *addr);
int listener(struct cell *cell, int backlog, struct address *addr);
void nobodys_address(struct cell *cell, struct address *addr);
int connected_to(struct cell *cell, const struct address *addr);
int accepted(struct cell *cell, int listener);
struct pair pair(struct cell *cell);
struct pair small_pair(struct cell *cell);

long bind_to(int fd, const struct address *addr);
long connect_to(int fd, const struct address *addr);
long connect_to_none(int fd);
long name_of(int fd, struct address *addr);
long peer_of(int fd, struct address *addr);

long error_of(int fd);

long put(int fd, const char *text);
long put_to(int fd, const char *text, const struct address *addr);
long get(int fd, size_t len);
long get_now(int fd, size_t len);
long get_with(int fd, size_t len, int flags);
long get_from(int fd, struct address *addr);
long get_msg(int fd, size_t len, int *flags);
long put_control(int fd, int type, const void *data, size_t len);
bool get_control(int fd, int type, void *data, size_t len);
bool await(int fd, int events);
bool keeps_waiting(struct async *a);
long fill(int fd, size_t len);
long connect_now(int fd, const struct address *addr);

#endif /* KITE_CONFORMANCE_H */
