// SPDX-License-Identifier: GPL-2.0
/*
 * kite trace: events become conversations of two addresses, and what happened in each
 * becomes the rows of a diagram.
 *
 * An event is about one socket, an arrow is between two, and one of them may be in a
 * process that is not looked at. So an arrow is drawn by the first event that tells of
 * it, be it of the end that sent or of the one that received.
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trace.h"

#define ANY_TEXT	"4294967295"

/**
 * struct listener - a socket that listens
 * @type: "STREAM"
 * @addr: where
 * @time: since when
 */
struct listener {
	char type[12];
	char addr[ADDRESS_TEXT];
	double time;
};

/**
 * struct maker - what is known on the way
 * @talks: what was made so far
 * @listeners: who listens
 * @nr_listeners: how many
 * @start: time of the first event
 */
struct maker {
	struct trace_talks *talks;
	struct listener *listeners;
	size_t nr_listeners;
	double start;
};

/* The one event that is being looked at. */
struct moment {
	const struct trace_event *e;
	struct trace_talk *talk;
	int side;
	double time;
};

static void *grown(void *array, size_t nr, size_t size)
{
	if (nr & (nr - 1))
		return array;
	array = realloc(array, (nr ? 2 * nr : 1) * size);
	if (!array)
		err(1, "realloc");
	return array;
}

/* Any node is this one, as far as somebody has sent something there. */
static void get_address(const struct trace_event *e, const char *key,
			char addr[ADDRESS_TEXT])
{
	char value[32];
	const char *port;

	trace_get(e, key, value, sizeof(value));
	port = strchr(value, ':');
	if (port && !strncmp(value, ANY_TEXT ":", sizeof(ANY_TEXT)))
		snprintf(addr, ADDRESS_TEXT, "1%.20s", port);
	else
		snprintf(addr, ADDRESS_TEXT, "%.20s", value);
}

static bool has_port(const char *addr)
{
	const char *port = strchr(addr, ':');

	return port && strcmp(port + 1, ANY_TEXT);
}

static struct trace_row *add_row(struct trace_talk *talk, double time, int side,
				 enum trace_what what)
{
	struct trace_row *row;

	talk->rows = grown(talk->rows, talk->nr, sizeof(*talk->rows));
	row = &talk->rows[talk->nr++];
	*row = (struct trace_row) {
		.time = time, .side = side, .what = what, .count = 1,
	};
	return row;
}

static struct trace_row *add(struct moment *m, int side, enum trace_what what)
{
	return add_row(m->talk, m->time, side, what);
}

static bool is_talk(const struct trace_talk *talk, const char *type, const char *local,
		    const char *remote)
{
	return !strcmp(talk->type, type) &&
	       ((!strcmp(talk->addr[0], local) && !strcmp(talk->addr[1], remote)) ||
		(!strcmp(talk->addr[1], local) && !strcmp(talk->addr[0], remote)));
}

static void note_listener(struct maker *maker, struct trace_talk *talk)
{
	for (size_t i = 0; i < maker->nr_listeners; i++) {
		const struct listener *l = &maker->listeners[i];

		if (!strcmp(l->type, talk->type) && !strcmp(l->addr, talk->addr[1]))
			add_row(talk, l->time, 1, TRACE_LISTEN);
	}
}

/* The conversation of these two. The one who begins it is at its left. */
static struct trace_talk *get_talk(struct maker *maker, const char *type,
				   const char *local, const char *remote, bool swap)
{
	struct trace_talks *talks = maker->talks;
	struct trace_talk *talk;

	/* The last one is the likeliest. */
	for (size_t i = talks->nr; i-- > 0; ) {
		if (is_talk(&talks->talks[i], type, local, remote))
			return &talks->talks[i];
	}
	talks->talks = grown(talks->talks, talks->nr, sizeof(*talks->talks));
	talk = &talks->talks[talks->nr++];
	memset(talk, 0, sizeof(*talk));
	snprintf(talk->type, sizeof(talk->type), "%s", type);
	snprintf(talk->addr[swap], ADDRESS_TEXT, "%s", local);
	snprintf(talk->addr[!swap], ADDRESS_TEXT, "%s", remote);
	for (int i = 0; i < 2; i++)
		snprintf(talk->label[i], TRACE_LABEL, "%s", talk->addr[i]);
	note_listener(maker, talk);
	return talk;
}

/* A pair has no addresses, and one may talk to oneself: then the sockets tell. */
static int get_side(struct trace_talk *talk, const char *local, const char *sock)
{
	int side;

	if (strcmp(talk->addr[0], talk->addr[1]))
		side = !!strcmp(talk->addr[0], local);
	else
		side = *talk->sock[0] && strcmp(talk->sock[0], sock);
	snprintf(talk->sock[side], sizeof(talk->sock[side]), "%s", sock);
	return side;
}

/* The process that makes the calls, not one that does something to its socket. */
static void name_side(struct moment *m)
{
	char *label = m->talk->label[m->side], addr[ADDRESS_TEXT];

	if (m->talk->named[m->side])
		return;
	m->talk->named[m->side] = true;
	memcpy(addr, m->talk->addr[m->side], sizeof(addr));
	snprintf(label, TRACE_LABEL, "%s[%d] %s", m->e->comm, m->e->pid, addr);
}

static void set_error(struct trace_row *row, const char *call, long error)
{
	const char *name = strerrorname_np(-error);

	snprintf(row->detail, sizeof(row->detail), "%s: %s", call, name ?: "?");
}

/* A message that was dropped on its way had its arrow then. */
static bool was_dropped(const struct moment *m, long len)
{
	const struct trace_row *last;

	if (!m->talk->nr)
		return false;
	last = &m->talk->rows[m->talk->nr - 1];
	return last->lost && last->side == m->side && last->bytes == (uint64_t)len;
}

/*
 * A call tells of itself when it returns. Who waits for the message may have read it by
 * then, and told already: the arrow comes first all the same.
 */
static void add_message(struct moment *m, enum trace_what what, long len)
{
	struct trace_talk *talk = m->talk;
	struct trace_row *row = add(m, m->side, what);

	row->bytes = len;
	if (talk->unread[m->side] < 0 && row[-1].what == TRACE_READ &&
	    row[-1].side != m->side) {
		struct trace_row read = row[-1];

		row->time = read.time;
		row[-1] = *row;
		*row = read;
	}
	talk->unread[m->side] += len;
}

static void on_send(struct moment *m)
{
	long ret = trace_get_number(m->e, "ret");
	bool dgram = !strcmp(m->talk->type, "DGRAM");

	name_side(m);
	if (ret < 0)
		set_error(add(m, m->side, TRACE_ERROR), "send", ret);
	else if (!was_dropped(m, ret))
		add_message(m, dgram ? TRACE_DGRAM : TRACE_DATA, ret);
}

static bool is_end(const struct moment *m)
{
	return strcmp(m->talk->type, "DGRAM") && trace_get_number(m->e, "len");
}

static void on_recv(struct moment *m)
{
	long ret = trace_get_number(m->e, "ret");
	bool dgram = !strcmp(m->talk->type, "DGRAM");
	char flags[64];

	name_side(m);
	/* A look at what is read later. */
	trace_get(m->e, "flags", flags, sizeof(flags));
	if (strstr(flags, "PEEK"))
		return;
	if (ret < 0) {
		set_error(add(m, m->side, TRACE_ERROR), "recv", ret);
	} else if (!ret && is_end(m)) {
		if (!m->talk->closed[!m->side] && !m->talk->reset) {
			m->talk->closed[!m->side] = true;
			add(m, !m->side, TRACE_SHUTDOWN);
		}
		add(m, m->side, TRACE_END);
	} else {
		if (!m->talk->calls[!m->side])
			add(m, !m->side, dgram ? TRACE_DGRAM : TRACE_DATA)->bytes = ret;
		else
			m->talk->unread[!m->side] -= ret;
		add(m, m->side, TRACE_READ)->bytes = ret;
	}
}

static void on_credit(struct moment *m)
{
	char what[16];
	uint32_t limit = trace_get_number(m->e, "limit");

	trace_get(m->e, "what", what, sizeof(what));
	if (!strcmp(what, "grant"))
		add(m, m->side, TRACE_CREDIT)->limit = limit;
	else if (!strcmp(what, "update") && !m->talk->calls[!m->side])
		add(m, !m->side, TRACE_CREDIT)->limit = limit;
	else if (!strcmp(what, "block"))
		add(m, m->side, TRACE_WAIT);
	else if (!strcmp(what, "wake"))
		add(m, m->side, TRACE_ROOM);
}

/* Connected: both ends say so, or one of them does. */
static void on_established(struct moment *m, bool client)
{
	struct trace_talk *talk = m->talk;
	int from = client ? m->side : !m->side;

	if (!talk->requested)
		add(m, from, TRACE_REQUEST);
	if (!talk->answered)
		add(m, !from, TRACE_RESPONSE);
	talk->requested = true;
	talk->answered = true;
}

/* An end that has an error did not send the RESET. */
static void on_reset(struct moment *m, const char *reason)
{
	int from = trace_get_number(m->e, "err") ? !m->side : m->side;

	if (m->talk->reset)
		return;
	m->talk->reset = true;
	snprintf(add(m, from, TRACE_RESET)->detail, TRACE_DETAIL, "%s", reason);
}

/* Who is the first to close a direction does it; the other end learns of it. */
static void on_shutdown(struct moment *m, const char *how)
{
	bool *closed = m->talk->closed;
	bool sends = strstr(how, "SEND"), reads = strstr(how, "RCV");
	bool said = (sends && !closed[m->side]) || (reads && !closed[!m->side]);
	const char *what = "reads no more";

	if (sends)
		what = reads ? "sends and reads no more" : "sends no more";
	closed[m->side] |= sends;
	closed[!m->side] |= reads;
	if (said && !m->talk->reset)
		snprintf(add(m, m->side, TRACE_SHUTDOWN)->detail, TRACE_DETAIL, "%s", what);
}

static void on_state(struct moment *m)
{
	char old[16], new[16], how[16], reset[16];
	long error = trace_get_number(m->e, "err");

	trace_get(m->e, "oldstate", old, sizeof(old));
	trace_get(m->e, "newstate", new, sizeof(new));
	trace_get(m->e, "shutdown", how, sizeof(how));
	trace_get(m->e, "reset", reset, sizeof(reset));
	if (strcmp(old, new) && !strcmp(new, "SYN_SENT")) {
		name_side(m);
		if (!m->talk->requested)
			add(m, m->side, TRACE_REQUEST);
		m->talk->requested = true;
	}
	/* Datagram sockets and pairs are connected without saying so. */
	if (!strcmp(m->talk->type, "DGRAM") || !has_port(m->talk->addr[0]))
		return;
	if (strcmp(old, new) && !strcmp(new, "ESTABLISHED"))
		on_established(m, !strcmp(old, "SYN_SENT"));
	if (*reset && strcmp(reset, "none"))
		on_reset(m, reset);
	else if (!strcmp(old, "SYN_SENT") && error)
		set_error(add(m, m->side, TRACE_ERROR), "connect", -error);
	on_shutdown(m, how);
}

static void on_listen(struct maker *maker, const struct trace_event *e, const char *type,
		      const char *local)
{
	struct listener *l;

	maker->listeners = grown(maker->listeners, maker->nr_listeners, sizeof(*l));
	l = &maker->listeners[maker->nr_listeners++];
	snprintf(l->type, sizeof(l->type), "%s", type);
	snprintf(l->addr, sizeof(l->addr), "%s", local);
	l->time = e->time - maker->start;
}

static void on_drop(struct maker *maker, const struct trace_event *e, const char *type)
{
	static const enum trace_what ops[] = {
		[KITE_OP_REQUEST]	= TRACE_REQUEST,
		[KITE_OP_RESPONSE]	= TRACE_RESPONSE,
		[KITE_OP_RESET]		= TRACE_RESET,
		[KITE_OP_DATA]		= TRACE_DATA,
		[KITE_OP_CREDIT]	= TRACE_CREDIT,
		[KITE_OP_SHUTDOWN]	= TRACE_SHUTDOWN,
		[KITE_OP_DGRAM]		= TRACE_DGRAM,
	};
	char from[ADDRESS_TEXT], to[ADDRESS_TEXT], op[16], reason[TRACE_DETAIL];
	struct trace_talk *talk;
	struct trace_row *row;

	get_address(e, "src", from);
	get_address(e, "dst", to);
	trace_get(e, "op", op, sizeof(op));
	trace_get(e, "reason", reason, sizeof(reason));
	talk = get_talk(maker, type, from, to, false);
	for (size_t i = KITE_OP_REQUEST; i < ARRAY_SIZE(ops); i++) {
		if (strcmp(op, op_name(i)))
			continue;
		/* A REQUEST that nobody takes was seen when it was sent. */
		if (ops[i] == TRACE_REQUEST && talk->nr &&
		    talk->rows[talk->nr - 1].what == TRACE_REQUEST)
			row = &talk->rows[talk->nr - 1];
		else
			row = add_row(talk, e->time - maker->start,
				      !!strcmp(talk->addr[0], from), ops[i]);
		row->bytes = trace_get_number(e, "len");
		row->lost = true;
		snprintf(row->detail, sizeof(row->detail), "%s", reason);
		talk->requested |= ops[i] == TRACE_REQUEST;
	}
}

static void note_event(struct moment *m)
{
	if (!strcmp(m->e->name, "kite_send"))
		on_send(m);
	else if (!strcmp(m->e->name, "kite_recv"))
		on_recv(m);
	else if (!strcmp(m->e->name, "kite_credit"))
		on_credit(m);
	else if (!strcmp(m->e->name, "kite_state"))
		on_state(m);
}

/* Is the end that an event is of the one that did not begin? */
static bool is_second(const struct trace_event *e, const char *type)
{
	if (!strcmp(e->name, "kite_recv"))
		return true;
	/* A datagram socket is connected without the other one. */
	return strcmp(type, "DGRAM") && strstr(e->text, "newstate=ESTABLISHED") &&
	       !strstr(e->text, "oldstate=SYN_SENT");
}

/*
 * The first time, who is there and who makes calls; the second time, what they do. The
 * end of a process that is not looked at makes none.
 */
static void take_event(struct maker *maker, const struct trace_event *e, bool first)
{
	char type[12], local[ADDRESS_TEXT], remote[ADDRESS_TEXT], sock[24];
	struct moment m = { .e = e, .time = e->time - maker->start };

	trace_get(e, "type", type, sizeof(type));
	if (!strcmp(type, "RAW"))
		return;
	if (!strcmp(e->name, "kite_drop")) {
		if (!first)
			on_drop(maker, e, type);
		return;
	}
	get_address(e, "local", local);
	get_address(e, "remote", remote);
	trace_get(e, "sk", sock, sizeof(sock));
	if (first && strstr(e->text, "newstate=LISTEN"))
		on_listen(maker, e, type, local);
	/* Not connected, and so not of a conversation; a pair has no ports at all. */
	if (has_port(local) != has_port(remote) ||
	    (!has_port(local) && !strcmp(e->name, "kite_state")))
		return;
	m.talk = get_talk(maker, type, local, remote, is_second(e, type));
	m.side = get_side(m.talk, local, sock);
	if (!first)
		note_event(&m);
	else if (!strcmp(e->name, "kite_send") || !strcmp(e->name, "kite_recv"))
		m.talk->calls[m.side] = true;
}

/**
 * trace_make_talks - who talked with whom, and about what
 * @t: what happened
 * @talks: where it goes
 */
void trace_make_talks(const struct trace *t, struct trace_talks *talks)
{
	struct maker maker = { .talks = talks };

	*talks = (struct trace_talks) { };
	if (t->nr)
		maker.start = t->events[0].time;
	for (size_t i = 0; i < t->nr; i++)
		take_event(&maker, &t->events[i], true);
	for (size_t i = 0; i < t->nr; i++)
		take_event(&maker, &t->events[i], false);
	free(maker.listeners);
}

/**
 * trace_is_arrow - is it an arrow or a note?
 * @row: a row
 *
 * Return: true for an arrow.
 */
bool trace_is_arrow(const struct trace_row *row)
{
	return row->what <= TRACE_RESET;
}

static void amount(uint64_t bytes, char text[24])
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB" };
	double n = bytes;
	size_t unit = 0;

	while (n >= 1024 && unit < ARRAY_SIZE(units) - 1) {
		n /= 1024;
		unit++;
	}
	if (n < 10 && unit && n != (int)n)
		snprintf(text, 24, "%.1f %s", n, units[unit]);
	else
		snprintf(text, 24, "%.0f %s", n, units[unit]);
}

/**
 * trace_row_text - a row in words
 * @row: the row
 * @text: where they go
 * @size: of @text
 *
 * In UTF-8, with a multiplication sign where the row stands for several.
 */
void trace_row_text(const struct trace_row *row, char *text, size_t size)
{
	static const char *const names[] = {
		[TRACE_REQUEST] = "REQUEST",	[TRACE_RESPONSE] = "RESPONSE",
		[TRACE_DATA] = "DATA",		[TRACE_DGRAM] = "DGRAM",
		[TRACE_CREDIT] = "CREDIT",	[TRACE_SHUTDOWN] = "SHUTDOWN",
		[TRACE_RESET] = "RESET",	[TRACE_LISTEN] = "listens",
		[TRACE_READ] = "reads",		[TRACE_END] = "reads the end",
		[TRACE_WAIT] = "waits for room", [TRACE_ROOM] = "has room",
	};
	char times[24] = "", bytes[32] = "", limit[32] = "";
	bool has_bytes = row->what == TRACE_DATA || row->what == TRACE_DGRAM ||
			 row->what == TRACE_READ;

	if (row->count > 1)
		snprintf(times, sizeof(times), " \u00d7 %u", row->count);
	if (has_bytes) {
		snprintf(bytes, sizeof(bytes), row->count > 1 ? ", " : " ");
		amount(row->bytes, bytes + strlen(bytes));
	}
	if (row->what == TRACE_CREDIT)
		snprintf(limit, sizeof(limit), " up to %u", row->limit);
	if (row->what == TRACE_ERROR)
		snprintf(text, size, "%s%s", row->detail, times);
	else
		snprintf(text, size, "%s%s%s%s%s%s%s", names[row->what], times, bytes, limit,
			 *row->detail ? " " : "", row->lost ? "dropped: " : "", row->detail);
}
