// SPDX-License-Identifier: GPL-2.0
/*
 * Which sockets a command line means, as ss(8) has it: "state listening",
 * "sport = :5000", "dst 1:5000", one after the other, or with "and", "or", "not" and
 * parentheses.
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

/* What is to be true of addresses. A tree; NULL is true of all. */
struct expression {
	enum { TERM, NOT, AND, OR } what;
	struct term term;
	struct expression *a;	/* of NOT, AND and OR */
	struct expression *b;	/* of AND and OR */
};

struct filter {
	unsigned int only;	/* states, 0 for what the options say */
	unsigned int not;
	struct expression *expression;
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

/* Words may come in one argument or in many. One is kept back for who looks ahead. */
static char *words, *next_word, *kept;

static char *word(void)
{
	char *w = kept ?: strtok_r(NULL, " \t\n", &next_word);

	kept = NULL;
	return w;
}

/* The next word, if it is one of these. */
static bool word_is(const char *a, const char *b, const char *c)
{
	char *w = word();

	if (w && (!strcmp(w, a) || !strcmp(w, b) || !strcmp(w, c)))
		return true;
	kept = w;
	return false;
}

/* Parentheses are words wherever they stand. */
static char *add_word(char *to, const char *from)
{
	*to++ = ' ';
	for (; *from; from++) {
		bool apart = *from == '(' || *from == ')';

		if (apart)
			*to++ = ' ';
		*to++ = *from;
		if (apart)
			*to++ = ' ';
	}
	return to;
}

static void join(int argc, char **argv)
{
	size_t len = 1;
	char *end;

	for (int i = 0; i < argc; i++)
		len += 3 * strlen(argv[i]) + 1;
	words = calloc(1, len);
	if (!words)
		err(1, "no memory");
	end = words;
	for (int i = 0; i < argc; i++)
		end = add_word(end, argv[i]);
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

static bool is_address(const char *w)
{
	return !strcmp(w, "sport") || !strcmp(w, "dport") || !strcmp(w, "src") ||
	       !strcmp(w, "dst");
}

static struct expression *expression_new(int what, struct expression *a,
					 struct expression *b)
{
	struct expression *e = calloc(1, sizeof(*e));

	if (!e)
		err(1, "no memory");
	e->what = what;
	e->a = a;
	e->b = b;
	return e;
}

static struct expression *parse_term(const char *what)
{
	struct expression *e = expression_new(TERM, NULL, NULL);

	e->term.remote = *what == 'd';
	if (!strcmp(what, "sport") || !strcmp(what, "dport"))
		parse_port_term(&e->term, what);
	else
		parse_address_term(&e->term, what);
	return e;
}

static struct expression *parse_or(struct filter *filter);

/* States stand beside the rest, as in ss(8): the kernel knows sets of them. */
static struct expression *no_state(struct expression *e, const char *what)
{
	if (!e)
		errx(EXIT_USAGE, "\"%s\" is for addresses and ports, not for states", what);
	return e;
}

static struct expression *parse_one(struct filter *filter, const char *after)
{
	struct expression *e = NULL;
	char *w;

	if (word_is("not", "!", "!"))
		return expression_new(NOT, no_state(parse_one(filter, "not"), "not"), NULL);
	w = need_word(after);
	if (!strcmp(w, "(")) {
		e = parse_or(filter);
		if (!word_is(")", ")", ")"))
			errx(EXIT_USAGE, "a parenthesis is not closed");
	} else if (!strcmp(w, "state")) {
		filter->only |= parse_state(w);
	} else if (!strcmp(w, "exclude")) {
		filter->not |= parse_state(w);
	} else if (is_address(w)) {
		e = parse_term(w);
	} else {
		errx(EXIT_USAGE, "no filter %s; \"kite ss --help\" lists them", w);
	}
	return e;
}

/* Is there one more, with "and" or without? */
static bool more_to_and(void)
{
	char *w;

	if (word_is("and", "&&", "&"))
		return true;
	w = word();
	kept = w;
	return w && strcmp(w, "or") && strcmp(w, "||") && strcmp(w, "|") && strcmp(w, ")");
}

static struct expression *parse_and(struct filter *filter, const char *after)
{
	struct expression *e = parse_one(filter, after);

	while (more_to_and()) {
		struct expression *other = parse_one(filter, "and");

		e = e && other ? expression_new(AND, e, other) : e ?: other;
	}
	return e;
}

static struct expression *parse_or(struct filter *filter)
{
	struct expression *e = parse_and(filter, "(");

	while (word_is("or", "||", "|"))
		e = expression_new(OR, no_state(e, "or"),
				   no_state(parse_and(filter, "or"), "or"));
	return e;
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

	if (!filter)
		err(1, "no memory");
	join(argc, argv);
	kept = word();
	if (kept)
		filter->expression = parse_or(filter);
	if (word())
		errx(EXIT_USAGE, "there is a ) too many");
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

static void request_expression(const struct expression *e, struct kite_diag_req *req)
{
	const struct term *term;

	if (e && e->what == AND) {
		request_expression(e->a, req);
		request_expression(e->b, req);
	}
	/* Of two that contradict each other one is left to filter_fits(). */
	if (!e || e->what != TERM || e->term.compare != EQUAL)
		return;
	term = &e->term;
	if (term->port_matters)
		*(term->remote ? &req->kdr_remote_port : &req->kdr_local_port) = term->port;
	if (term->node_matters)
		*(term->remote ? &req->kdr_remote_node : &req->kdr_local_node) = term->node;
}

/**
 * filter_request - let the kernel choose as far as it can
 * @filter: the filter
 * @req: the request
 */
void filter_request(const struct filter *filter, struct kite_diag_req *req)
{
	request_expression(filter->expression, req);
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

static bool expression_fits(const struct expression *e, const struct kite_diag_msg *msg)
{
	if (!e)
		return true;
	switch (e->what) {
	case NOT:
		return !expression_fits(e->a, msg);
	case AND:
		return expression_fits(e->a, msg) && expression_fits(e->b, msg);
	case OR:
		return expression_fits(e->a, msg) || expression_fits(e->b, msg);
	default:
		return term_fits(&e->term, msg);
	}
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
	return expression_fits(filter->expression, msg);
}
