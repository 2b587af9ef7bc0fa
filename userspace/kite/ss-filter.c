// SPDX-License-Identifier: GPL-2.0
/*
 * Which sockets a command line means, as ss(8) has it: "state listening",
 * "sport = :5000", "dst 1:5000", one after the other, or with "and" between them.
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "kite.h"
#include "nl.h"

enum compare { EQUAL, DIFFERENT, LESS, GREATER, AT_MOST, AT_LEAST };

/* A port or an address. */
struct term {
	bool remote;
	bool node_matters;
	bool port_matters;
	enum compare compare;
	__u32 node;
	__u32 port;
};

struct filter {
	unsigned int only;	/* states, 0 for what the options say */
	unsigned int not;
	size_t n;
	struct term terms[16];
};

#define STATE(name)	(1U << KITE_DIAG_ ## name)
#define CONNECTED	(STATE(ESTABLISHED) | STATE(SYN_SENT) | STATE(CLOSING))

static const struct {
	const char *name;
	unsigned int states;
} states[] = {
	{ "established",	STATE(ESTABLISHED) },
	{ "estab",		STATE(ESTABLISHED) },
	{ "syn-sent",		STATE(SYN_SENT) },
	{ "listening",		STATE(LISTEN) },
	{ "listen",		STATE(LISTEN) },
	{ "closing",		STATE(CLOSING) },
	{ "closed",		STATE(CLOSE) },
	{ "unconn",		STATE(CLOSE) },
	{ "connected",		CONNECTED },
	{ "all",		KITE_DIAG_ALL },
};

static const struct {
	const char *name;
	enum compare compare;
} compares[] = {
	{ "=", EQUAL }, { "==", EQUAL }, { "eq", EQUAL },
	{ "!=", DIFFERENT }, { "ne", DIFFERENT }, { "neq", DIFFERENT },
	{ "<", LESS }, { "lt", LESS },
	{ ">", GREATER }, { "gt", GREATER },
	{ "<=", AT_MOST }, { "le", AT_MOST }, { "leq", AT_MOST },
	{ ">=", AT_LEAST }, { "ge", AT_LEAST }, { "geq", AT_LEAST },
};

/* Words may come in one argument or in many. */
static char *words, *next_word;

static char *word(void)
{
	return strtok_r(NULL, " \t\n", &next_word);
}

static void join(int argc, char **argv)
{
	size_t len = 2;

	for (int i = 0; i < argc; i++)
		len += strlen(argv[i]) + 1;
	words = calloc(1, len);
	if (!words)
		err(1, "no memory");
	for (int i = 0; i < argc; i++) {
		strcat(words, " ");
		strcat(words, argv[i]);
	}
	next_word = words;
}

static char *need_word(const char *after)
{
	char *w = word();

	if (!w)
		errx(EXIT_USAGE, "something is missing after \"%s\"", after);
	return w;
}

static unsigned int parse_state(const char *after)
{
	const char *name = need_word(after);

	for (size_t i = 0; i < ARRAY_SIZE(states); i++) {
		if (!strcasecmp(name, states[i].name))
			return states[i].states;
	}
	errx(EXIT_USAGE, "no state %s; \"kite ss --help\" lists them", name);
}

/* The sign is not needed. Returns the word after it. */
static char *parse_compare(struct term *term, const char *after)
{
	char *w = need_word(after);

	for (size_t i = 0; i < ARRAY_SIZE(compares); i++) {
		if (!strcmp(w, compares[i].name)) {
			term->compare = compares[i].compare;
			return need_word(w);
		}
	}
	return w;
}

static void parse_port_term(struct term *term, const char *what)
{
	const char *text = parse_compare(term, what);
	unsigned long port;

	if (!parse_number(text + (*text == ':'), 0xffffffff, &port))
		errx(EXIT_USAGE, "%s: no port; say \"%s = :5000\"", text, what);
	term->port = port;
	term->port_matters = true;
}

static void parse_address_term(struct term *term, const char *what)
{
	const char *text = parse_compare(term, what);
	unsigned long node;
	struct sockaddr_kite addr;

	if (term->compare > DIFFERENT)
		errx(EXIT_USAGE, "%s: addresses are the same or not", what);
	/* Without a port, a number is a node, as with ss. */
	if (parse_number(text, 0xffffffff, &node)) {
		term->node = node;
		term->node_matters = true;
		return;
	}
	if (*text == ':') {
		parse_address(text + 1, &addr);
	} else {
		parse_address(text, &addr);
		term->node = addr.skt_node;
		term->node_matters = addr.skt_node != KITE_NODE_ANY;
	}
	term->port = addr.skt_port;
	term->port_matters = addr.skt_port != KITE_PORT_ANY;
}

static void parse_term(struct filter *filter, const char *what)
{
	struct term *term = &filter->terms[filter->n++];

	if (filter->n == ARRAY_SIZE(filter->terms))
		errx(EXIT_USAGE, "the filter is too long");
	term->remote = *what == 'd';
	if (!strcmp(what, "sport") || !strcmp(what, "dport"))
		parse_port_term(term, what);
	else
		parse_address_term(term, what);
}

static bool is_address(const char *w)
{
	return !strcmp(w, "sport") || !strcmp(w, "dport") || !strcmp(w, "src") ||
	       !strcmp(w, "dst");
}

/**
 * filter_parse - read the rest of a command line
 * @argc: how many arguments there are
 * @argv: they
 *
 * The program ends if they make no sense.
 *
 * Return: what they mean.
 */
struct filter *filter_parse(int argc, char **argv)
{
	struct filter *filter = calloc(1, sizeof(*filter));
	const char *w;

	if (!filter)
		err(1, "no memory");
	join(argc, argv);
	while ((w = word())) {
		if (!strcmp(w, "and") || !strcmp(w, "&&") || !strcmp(w, "&"))
			continue;
		if (!strcmp(w, "state"))
			filter->only |= parse_state(w);
		else if (!strcmp(w, "exclude"))
			filter->not |= parse_state(w);
		else if (is_address(w))
			parse_term(filter, w);
		else
			errx(EXIT_USAGE, "no filter %s; \"kite ss --help\" lists them", w);
	}
	free(words);
	return filter;
}

/**
 * filter_states - which states are meant
 * @filter: the filter
 * @states: which are where the filter names none
 *
 * Return: bits 1 << KITE_DIAG_LISTEN and so on.
 */
unsigned int filter_states(const struct filter *filter, unsigned int states)
{
	/* Who excludes something means all the rest. */
	if (filter->not && !filter->only)
		states = KITE_DIAG_ALL;
	return (filter->only ?: states) & ~filter->not;
}

/**
 * filter_request - let the kernel choose as far as it can
 * @filter: the filter
 * @req: the request
 */
void filter_request(const struct filter *filter, struct kite_diag_req *req)
{
	for (size_t i = 0; i < filter->n; i++) {
		const struct term *term = &filter->terms[i];

		/* Of two that contradict each other one is left to filter_fits(). */
		if (term->compare != EQUAL)
			continue;
		if (term->port_matters)
			*(term->remote ? &req->kdr_remote_port : &req->kdr_local_port) =
				term->port;
		if (term->node_matters)
			*(term->remote ? &req->kdr_remote_node : &req->kdr_local_node) =
				term->node;
	}
}

static bool compare(enum compare compare, __u32 a, __u32 b)
{
	switch (compare) {
	case EQUAL:
		return a == b;
	case DIFFERENT:
		return a != b;
	case LESS:
		return a < b;
	case GREATER:
		return a > b;
	case AT_MOST:
		return a <= b;
	default:
		return a >= b;
	}
}

static bool term_fits(const struct term *term, const struct kite_diag_msg *msg)
{
	__u32 port = term->remote ? msg->kdm_remote_port : msg->kdm_local_port;
	__u32 node = term->remote ? msg->kdm_remote_node : msg->kdm_local_node;
	bool same_node = !term->node_matters || node == term->node;

	if (!term->port_matters)
		return same_node == (term->compare == EQUAL);
	if (!term->node_matters)
		return compare(term->compare, port, term->port);
	return (same_node && port == term->port) == (term->compare == EQUAL);
}

/**
 * filter_fits - is it one of those that are meant, by its addresses?
 * @filter: the filter
 * @msg: the socket
 *
 * Return: true if so.
 */
bool filter_fits(const struct filter *filter, const struct kite_diag_msg *msg)
{
	for (size_t i = 0; i < filter->n; i++) {
		if (!term_fits(&filter->terms[i], msg))
			return false;
	}
	return true;
}
