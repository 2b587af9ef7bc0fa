// SPDX-License-Identifier: GPL-2.0
/* Programs out of nothing, out of others, and smaller ones: see program.h. */

#include <string.h>

#include "program.h"

static bool is_descriptor(char kind)
{
	return kind != '.';
}

static bool fits(char want, char made)
{
	/* Lower case, for who makes two. */
	return want == '*' || want == (made | 0x20);
}

/* A slot that a step before @at makes; one in a few of any kind. */
static uint32_t a_slot(const struct program *p, struct random *r, unsigned int at, char want)
{
	uint32_t found[SLOTS], n = 0, i;

	if (random_once_in(r, 20))
		want = '*';
	for (i = 0; i < at; i++) {
		char made = calls[p->step[i].call].makes;

		if (!made || !fits(want, made))
			continue;
		found[n++] = 2 * i;
		if (made < 'a')
			found[n++] = 2 * i + 1;
	}
	/* Rather the newest ones. */
	if (n > 4 && random_once_in(r, 2))
		return found[n - 1 - random_below(r, 4)];
	return n ? found[random_below(r, n)] : NO_SLOT;
}

static unsigned int call_named(const char *name)
{
	unsigned int i;

	for (i = 0; strcmp(calls[i].name, name); i++)
		;
	return i;
}

static void fill_step(struct program *p, struct random *r, unsigned int at, unsigned int call)
{
	struct step *s = &p->step[at];
	unsigned int i;

	s->call = call;
	s->async = random_once_in(r, 6);
	for (i = 0; i < STEP_ARGS; i++)
		s->arg[i] = is_descriptor(calls[call].args[i]) ?
			a_slot(p, r, at, calls[call].args[i]) : random_next(r);
	/* setsockopt's program, and what SCM_RIGHTS would send */
	if (!strcmp(calls[call].name, "setsockopt"))
		s->arg[3] = a_slot(p, r, at, 'b');
}

static unsigned int a_call(struct random *r)
{
	unsigned int total = 0, i, n;

	for (i = 0; i < nr_calls; i++)
		total += calls[i].weight;
	n = random_below(r, total);
	for (i = 0; n >= calls[i].weight; i++)
		n -= calls[i].weight;
	return i;
}

/* Numbers go up from @at on by one step; or down, when one is gone. */
static void renumber(struct program *p, unsigned int at, bool removed)
{
	unsigned int i, j;

	for (i = at; i < p->n; i++)
		for (j = 0; j < STEP_ARGS; j++) {
			uint32_t *slot = &p->step[i].arg[j];

			if (!is_descriptor(calls[p->step[i].call].args[j]) || *slot >= SLOTS)
				continue;
			if (!removed && *slot >= 2 * at)
				*slot = *slot + 2 < SLOTS ? *slot + 2 : NO_SLOT;
			else if (removed && *slot / 2 == at)
				*slot = NO_SLOT;
			else if (removed && *slot > 2 * at)
				*slot -= 2;
		}
}

static void remove_step(struct program *p, unsigned int at)
{
	p->n--;
	memmove(&p->step[at], &p->step[at + 1], (p->n - at) * sizeof(p->step[0]));
	renumber(p, at, true);
}

static bool insert_step(struct program *p, struct random *r, unsigned int at, unsigned int call)
{
	if (p->n == PROGRAM_STEPS)
		return false;
	memmove(&p->step[at + 1], &p->step[at], (p->n - at) * sizeof(p->step[0]));
	p->n++;
	/* What is at @at is not yet there, and refers to nothing. */
	memset(p->step[at].arg, NO_SLOT, sizeof(p->step[at].arg));
	p->step[at].call = call;
	renumber(p, at, false);
	fill_step(p, r, at, call);
	return true;
}

/* One more step at the end, with these first arguments. */
static unsigned int append(struct program *p, struct random *r, const char *name, uint32_t arg0,
			   uint32_t arg1)
{
	unsigned int at = p->n;

	insert_step(p, r, at, call_named(name));
	p->step[at].async = false;
	p->step[at].arg[0] = arg0;
	p->step[at].arg[1] = arg1;
	return 2 * at;
}

/* A connection by addresses, as most programs have one, and a descriptor of each end. */
static void begin_connection(struct program *p, struct random *r)
{
	/* port 7000 of node 1, nothing wrong with it */
	const uint32_t addr = 4 << 16, type = random_below(r, 2);
	unsigned int l, c;

	l = append(p, r, "socket", type, 0);
	p->step[p->n - 1].arg[2] = 0;
	append(p, r, "bind", l, addr);
	append(p, r, "listen", l, random_below(r, 4));
	c = append(p, r, "socket", type, 0);
	p->step[p->n - 1].arg[2] = 0;
	append(p, r, "connect", c, addr);
	append(p, r, "accept", l, 0);
	p->step[p->n - 1].arg[3] = 0;
}

static void begin_pair(struct program *p, struct random *r)
{
	append(p, r, "socketpair", random_below(r, 5), 0);
	p->step[p->n - 1].arg[2] = 0;
}

/* A datagram socket where others send to, and who looks on. */
static void begin_others(struct program *p, struct random *r)
{
	const uint32_t addr = 4 << 16;
	unsigned int s;

	s = append(p, r, "socket", 4, 0);
	p->step[p->n - 1].arg[2] = 0;
	append(p, r, "bind", s, addr);
	if (random_once_in(r, 2))
		append(p, r, "connect", s, addr + random_below(r, 2));
	if (random_once_in(r, 2))
		append(p, r, "socket", 5, 0);
}

/**
 * program_random() - a program out of nothing
 * @p: filled
 * @r: which
 */
void program_random(struct program *p, struct random *r)
{
	unsigned int n;

	memset(p, 0, sizeof(*p));
	switch (random_below(r, 8)) {
	case 0: case 1: case 2:
		begin_connection(p, r);
		break;
	case 3: case 4:
		begin_pair(p, r);
		break;
	case 5:
		begin_others(p, r);
		break;
	case 6:
		begin_connection(p, r);
		begin_others(p, r);
		break;
	default:
		break;
	}
	n = p->n + 3 + random_below(r, PROGRAM_STEPS - 3 - p->n);
	while (p->n < n)
		insert_step(p, r, p->n, a_call(r));
}

static void mutate_argument(struct program *p, struct random *r, unsigned int at)
{
	unsigned int i = random_below(r, STEP_ARGS);
	uint32_t *arg = &p->step[at].arg[i];
	char kind = calls[p->step[at].call].args[i];

	if (is_descriptor(kind))
		*arg = a_slot(p, r, at, kind);
	else if (random_once_in(r, 2))
		*arg = random_next(r);
	else
		*arg ^= 1U << random_below(r, 32);
}

/* The end of another program in place of ours. */
static void cross(struct program *p, struct random *r, const struct program *other)
{
	unsigned int at = random_below(r, p->n + 1), from = random_below(r, other->n + 1);

	for (p->n = at; p->n < PROGRAM_STEPS && from < other->n; p->n++, from++)
		p->step[p->n] = other->step[from];
}

/**
 * program_mutate() - a program out of another
 * @p: changed
 * @r: how
 * @other: a third one, to take steps from
 */
void program_mutate(struct program *p, struct random *r, const struct program *other)
{
	unsigned int n = 1 + random_below(r, 4);

	while (n--) {
		unsigned int at = random_below(r, p->n + 1);

		switch (random_below(r, 8)) {
		case 0: case 1: case 2:
			insert_step(p, r, at, a_call(r));
			break;
		case 3:
			if (at < p->n && p->n > 2)
				remove_step(p, at);
			break;
		case 4: case 5:
			if (at < p->n)
				mutate_argument(p, r, at);
			break;
		case 6:
			if (at < p->n)
				p->step[at].async ^= 1;
			break;
		case 7:
			cross(p, r, other);
		}
	}
	if (!p->n)
		program_random(p, r);
}

/**
 * program_without() - a program without one of its steps
 * @to: the smaller one
 * @p: the program
 * @step: the one that is left out
 *
 * Return: false if that was all of it.
 */
bool program_without(struct program *to, const struct program *p, unsigned int step)
{
	*to = *p;
	remove_step(to, step);
	return to->n;
}

/**
 * program_smaller() - the ways in which a program can be made smaller
 * @to: the smaller one
 * @p: the program
 * @n: which way, from 0
 *
 * Return: false if there is no such way, or it makes no difference.
 */
bool program_smaller(struct program *to, const struct program *p, unsigned int n)
{
	struct step *s;

	*to = *p;
	/* Half of it, each step, each wait, each number. */
	if (n < 2) {
		unsigned int half = p->n / 2, i;

		if (half < 2)
			return false;
		for (i = 0; i < half; i++)
			remove_step(to, n ? to->n - 1 : 0);
		return true;
	}
	n -= 2;
	if (n < p->n)
		return program_without(to, p, p->n - 1 - n);
	n -= p->n;
	if (n >= p->n * (1 + STEP_ARGS))
		return false;
	s = &to->step[n / (1 + STEP_ARGS)];
	n %= 1 + STEP_ARGS;
	if (!n)
		s->async = false;
	else if (!is_descriptor(calls[s->call].args[n - 1]))
		s->arg[n - 1] = 0;
	return memcmp(to, p, sizeof(*p));
}
