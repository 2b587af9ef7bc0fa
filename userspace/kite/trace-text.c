// SPDX-License-Identifier: GPL-2.0
/*
 * kite trace: a conversation as a diagram on the terminal.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trace.h"

/* Between the two lines: no wider than is easy to read. */
#define NARROWEST	40
#define WIDEST		76

/* Of the times at the left, with the space behind them. */
#define TIME_WIDTH	12

/**
 * struct drawing - the characters of lines and arrows
 * @line: of a socket's life
 * @solid: an arrow
 * @dashed: one that carries no data
 * @right: its head
 * @left: likewise
 * @lost: instead of a head
 */
struct drawing {
	const char *line;
	const char *solid;
	const char *dashed;
	const char *right;
	const char *left;
	const char *lost;
};

static const struct drawing drawings[] = {
	{ "|", "-", ".", ">", "<", "x" },
	{ "\u2502", "\u2500", "\u254c", "\u25b6", "\u25c0", "\u2717" },
};

/* How many characters that is: those bytes that do not continue one. */
static int text_width(const char *text)
{
	int n = 0;

	for (; *text; text++)
		n += (*text & 0xc0) != 0x80;
	return n;
}

static void repeat(const char *what, int n)
{
	while (n-- > 0)
		fputs(what, stdout);
}

static enum color row_color(const struct trace_row *row)
{
	if (row->lost)
		return COLOR_RED;
	switch (row->what) {
	case TRACE_REQUEST:
	case TRACE_RESPONSE:
		return COLOR_CYAN;
	case TRACE_DATA:
	case TRACE_DGRAM:
		return COLOR_GREEN;
	case TRACE_SHUTDOWN:
		return COLOR_YELLOW;
	case TRACE_RESET:
	case TRACE_ERROR:
		return COLOR_RED;
	default:
		return COLOR_DIM;
	}
}

static bool is_solid(const struct trace_row *row)
{
	return row->what != TRACE_CREDIT;
}

/* "--- text -->": @width characters in all. */
static void draw_arrow(const struct trace_row *row, const struct drawing *d,
		       const char *text, int width)
{
	int rest = width - 3 - text_width(text);
	const char *shaft = is_solid(row) ? d->solid : d->dashed;

	if (row->side)
		fputs(row->lost ? d->lost : d->left, stdout);
	repeat(shaft, rest / 2);
	printf(" %s ", text);
	repeat(shaft, rest - rest / 2);
	if (!row->side)
		fputs(row->lost ? d->lost : d->right, stdout);
}

static void draw_note(const struct trace_row *row, const char *text, int width)
{
	int rest = width - 1 - text_width(text);

	if (row->side)
		printf("%*s%s ", rest, "", text);
	else
		printf(" %s%*s", text, rest, "");
}

static void shorten(char *text, int width)
{
	int n = 0;

	for (; *text; text++) {
		n += (*text & 0xc0) != 0x80;
		if (n > width) {
			*text = '\0';
			return;
		}
	}
}

/* Without UTF-8 the only other character is the multiplication sign. */
static void make_ascii(char *text)
{
	char *at = strstr(text, "\u00d7");

	if (!at)
		return;
	*at = 'x';
	memmove(at + 1, at + 2, strlen(at + 2) + 1);
}

static void draw_row(const struct trace_row *row, const struct drawing *d, bool ascii,
		     bool times, int width)
{
	char text[128];

	trace_row_text(row, text, sizeof(text));
	if (ascii)
		make_ascii(text);
	shorten(text, width - 4);
	if (times)
		printf("%*.3f ms ", TIME_WIDTH - 4, row->time * 1e3);
	printf("%s%s", d->line, color(row_color(row)));
	if (trace_is_arrow(row))
		draw_arrow(row, d, text, width);
	else
		draw_note(row, text, width);
	printf("%s%s\n", color(COLOR_OFF), d->line);
}

/**
 * trace_draw_text - print a conversation
 * @talk: the conversation
 * @ascii: with nothing but ASCII
 * @times: with the time of each line
 */
void trace_draw_text(const struct trace_talk *talk, bool ascii, bool times)
{
	const struct drawing *d = &drawings[!ascii];
	int width = terminal_width() - (times ? TIME_WIDTH : 0) - 2;
	int indent = times ? TIME_WIDTH : 0;

	if (width > WIDEST)
		width = WIDEST;
	if (width < NARROWEST)
		width = NARROWEST;
	printf("%s%*s%-*s%*s%s\n", color(COLOR_BOLD), indent, "", (width + 2) / 2,
	       talk->label[0], width + 2 - (width + 2) / 2, talk->label[1],
	       color(COLOR_OFF));
	for (size_t i = 0; i < talk->nr; i++)
		draw_row(&talk->rows[i], d, ascii, times, width);
}
