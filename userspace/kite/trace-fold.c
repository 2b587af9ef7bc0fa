// SPDX-License-Identifier: GPL-2.0
/*
 * kite trace: what happens again and again becomes one line that says how often.
 */
#include <stdlib.h>
#include <string.h>

#include "trace.h"

/* So few lines are left as they are. */
#define SHORT_RUN	6

/* Question and answer, with their reads and credit, and then the same again. */
#define LONGEST_PERIOD	8
#define FEWEST_PERIODS	3

/* Of which way's transfer is this row? -1: it is of none. */
static int transfer(const struct trace_row *row)
{
	if (row->lost)
		return -1;
	switch (row->what) {
	case TRACE_DATA:
	case TRACE_DGRAM:
	case TRACE_WAIT:
	case TRACE_ROOM:
		return row->side;
	case TRACE_READ:
	case TRACE_CREDIT:
		return !row->side;
	case TRACE_ERROR:
		/* To wait without being blocked is to wait all the same. */
		if (!strcmp(row->detail, "send: EAGAIN"))
			return row->side;
		if (!strcmp(row->detail, "recv: EAGAIN"))
			return !row->side;
		return -1;
	default:
		return -1;
	}
}

static bool alike(const struct trace_row *a, const struct trace_row *b)
{
	return a->what == b->what && a->side == b->side && a->lost == b->lost &&
	       !strcmp(a->detail, b->detail);
}

static void merge(struct trace_row *into, const struct trace_row *row)
{
	into->count += row->count;
	into->bytes += row->bytes;
	into->limit = row->limit;
}

/* One line for each kind, in the order of their first appearance. */
static size_t fold_run(struct trace_row *to, const struct trace_row *rows, size_t nr)
{
	size_t kinds = 0, i, k;

	for (i = 0; i < nr; i++) {
		for (k = 0; k < kinds && !alike(&to[k], &rows[i]); k++)
			;
		if (k < kinds)
			merge(&to[k], &rows[i]);
		else
			memmove(&to[kinds++], &rows[i], sizeof(*rows));
	}
	return kinds;
}

/* A long transfer one way, in which there is no pattern. */
static void fold_transfers(struct trace_talk *talk)
{
	size_t nr = 0, end;

	for (size_t i = 0; i < talk->nr; i = end) {
		int way = transfer(&talk->rows[i]);

		for (end = i + 1; end < talk->nr && way >= 0; end++) {
			if (transfer(&talk->rows[end]) != way)
				break;
		}
		if (end - i > SHORT_RUN) {
			nr += fold_run(&talk->rows[nr], &talk->rows[i], end - i);
			continue;
		}
		memmove(&talk->rows[nr], &talk->rows[i], (end - i) * sizeof(*talk->rows));
		nr += end - i;
	}
	talk->nr = nr;
}

/* How often is there the same as these @period rows, one after the other? */
static size_t repeats(const struct trace_row *rows, size_t left, size_t period)
{
	size_t n = 1, i;

	for (; (n + 1) * period <= left; n++) {
		for (i = 0; i < period; i++) {
			if (!alike(&rows[i], &rows[n * period + i]))
				return n;
		}
	}
	return n;
}

static void fold_periods(struct trace_talk *talk)
{
	size_t nr = 0, i = 0, period, n;

	while (i < talk->nr) {
		const struct trace_row *rows = &talk->rows[i];

		for (period = 1; period <= LONGEST_PERIOD; period++) {
			n = repeats(rows, talk->nr - i, period);
			if (n >= FEWEST_PERIODS)
				break;
		}
		if (period > LONGEST_PERIOD) {
			period = 1;
			n = 1;
		}
		memmove(&talk->rows[nr], rows, period * sizeof(*rows));
		for (size_t k = period; k < n * period; k++)
			merge(&talk->rows[nr + k % period], &rows[k]);
		nr += period;
		i += n * period;
	}
	talk->nr = nr;
}

/**
 * trace_fold - make a conversation short
 * @talk: the conversation
 */
void trace_fold(struct trace_talk *talk)
{
	fold_transfers(talk);
	fold_periods(talk);
}
