/* SPDX-License-Identifier: GPL-2.0 */
/*
 * kite trace: what its files share.
 *
 * trace.c runs the command, trace-events.c reads what the tracepoints say,
 * trace-rows.c makes conversations of it, trace-fold.c makes those short, and
 * trace-text.c and trace-svg.c draw them.
 */
#ifndef KITE_TRACE_H
#define KITE_TRACE_H

#include <stdint.h>
#include <sys/types.h>

#include "kite.h"

struct tracefs_instance;

/**
 * struct trace_event - what a tracepoint said
 * @time: seconds
 * @pid: in which process
 * @comm: what that was called
 * @name: "kite_send"
 * @text: "key=value key=value ..."
 */
struct trace_event {
	double time;
	int pid;
	char comm[17];
	char *name;
	char *text;
};

/**
 * struct trace - what happened
 * @events: in their order
 * @nr: how many
 * @lost: how many more there were
 */
struct trace {
	struct trace_event *events;
	size_t nr;
	unsigned long lost;
};

/**
 * enum trace_what - what a row of a diagram shows
 *
 * Up to TRACE_RESET they are arrows from one side to the other, after that notes at
 * one side.
 */
enum trace_what {
	TRACE_REQUEST,
	TRACE_RESPONSE,
	TRACE_DATA,
	TRACE_DGRAM,
	TRACE_CREDIT,
	TRACE_SHUTDOWN,
	TRACE_RESET,
	TRACE_LISTEN,
	TRACE_READ,
	TRACE_END,
	TRACE_WAIT,
	TRACE_ROOM,
	TRACE_ERROR,
};

#define TRACE_DETAIL	40
#define TRACE_LABEL	64

/**
 * struct trace_row - a line of a diagram
 * @time: seconds since the first event
 * @what: what happened
 * @side: where the arrow begins, or the note is: 0 is left, 1 is right
 * @lost: the arrow does not arrive
 * @count: how many this stands for
 * @bytes: of all of them
 * @limit: of TRACE_CREDIT, the last one's
 * @detail: why, or what else there is to say
 */
struct trace_row {
	double time;
	enum trace_what what;
	int side;
	bool lost;
	unsigned int count;
	uint64_t bytes;
	uint32_t limit;
	char detail[TRACE_DETAIL];
};

/**
 * struct trace_talk - what two addresses had to do with each other
 * @type: "STREAM"
 * @addr: the two addresses, as text
 * @sock: their sockets, as far as they are known
 * @label: what is written above the two
 * @named: which of them have a process' name
 * @calls: which of them make calls that we see
 * @unread: bytes that this side has sent and the other not read, as far as we saw
 * @rows: what happened
 * @nr: how many rows
 * @requested: the REQUEST is there, likewise
 * @answered: the RESPONSE
 * @reset: the RESET
 * @closed: the direction from this side is closed
 */
struct trace_talk {
	char type[12];
	char addr[2][ADDRESS_TEXT];
	char sock[2][24];
	char label[2][TRACE_LABEL];
	bool named[2];
	bool calls[2];
	int64_t unread[2];
	struct trace_row *rows;
	size_t nr;
	bool requested;
	bool answered;
	bool reset;
	bool closed[2];
};

/**
 * struct trace_talks - all of them
 * @talks: in the order in which they began
 * @nr: how many
 */
struct trace_talks {
	struct trace_talk *talks;
	size_t nr;
};

/* trace-events.c */
void trace_read(struct tracefs_instance *instance, ino_t netns, struct trace *t);
bool trace_get(const struct trace_event *e, const char *key, char *value, size_t size);
long trace_get_number(const struct trace_event *e, const char *key);
void trace_print_raw(const struct trace *t);
void trace_print_json(const struct trace *t);

/* trace-rows.c */
void trace_make_talks(const struct trace *t, struct trace_talks *talks);
bool trace_is_arrow(const struct trace_row *row);
void trace_row_text(const struct trace_row *row, char *text, size_t size);

/* trace-fold.c */
void trace_fold(struct trace_talk *talk);

/* trace-text.c */
void trace_draw_text(const struct trace_talk *talk, bool ascii, bool times);

/* trace-svg.c */
void trace_draw_svg(const struct trace_talks *talks, size_t most, const char *path,
		    bool times);

#endif /* KITE_TRACE_H */
