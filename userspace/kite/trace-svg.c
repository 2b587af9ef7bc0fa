// SPDX-License-Identifier: GPL-2.0
/*
 * kite trace: conversations as a picture.
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trace.h"

/* In pixels. */
#define WIDTH		720
#define ROW		24
#define HEAD		44
#define GAP		30
#define MARGIN		20
#define TIMES		90

/**
 * struct picture - what is drawn
 * @f: where it goes
 * @left: where the left line is
 * @right: where the right one is
 * @times: with the time of each row
 */
struct picture {
	FILE *f;
	int left;
	int right;
	bool times;
};

static const char *row_color(const struct trace_row *row)
{
	if (row->lost || row->what == TRACE_RESET || row->what == TRACE_ERROR)
		return "#b00020";
	switch (row->what) {
	case TRACE_REQUEST:
	case TRACE_RESPONSE:
		return "#1f4e79";
	case TRACE_DATA:
	case TRACE_DGRAM:
		return "#1b6e2f";
	case TRACE_SHUTDOWN:
		return "#8a5a00";
	default:
		return "#666666";
	}
}

static void put_escaped(const struct picture *p, const char *text)
{
	for (; *text; text++) {
		if (*text == '<')
			fputs("&lt;", p->f);
		else if (*text == '&')
			fputs("&amp;", p->f);
		else
			fputc(*text, p->f);
	}
}

static void put_text(const struct picture *p, int x, int y, const char *attributes,
		     const char *text)
{
	fprintf(p->f, "<text x=\"%d\" y=\"%d\" %s>", x, y, attributes);
	put_escaped(p, text);
	fprintf(p->f, "</text>\n");
}

/* The head of an arrow, or a cross where it does not arrive. */
static void put_head(const struct picture *p, const struct trace_row *row, int y)
{
	int d = row->side ? 1 : -1, x = row->side ? p->left : p->right;

	if (row->lost) {
		x += d * 30;
		fprintf(p->f, "<path d=\"M%d %dl10 10m0 -10l-10 10\" stroke=\"%s\"/>\n",
			x - 5, y - 5, row_color(row));
		return;
	}
	fprintf(p->f, "<path d=\"M%d %dl%d -4v8z\" fill=\"%s\"/>\n", x, y, d * 10,
		row_color(row));
}

static void put_arrow(const struct picture *p, const struct trace_row *row,
		      const char *text, int y)
{
	int from = row->side ? p->right : p->left, to = row->side ? p->left : p->right;
	char attributes[64];

	if (row->lost)
		to += row->side ? 30 : -30;
	fprintf(p->f, "<path d=\"M%d %dH%d\" stroke=\"%s\" stroke-width=\"1.5\"%s/>\n",
		from, y, to, row_color(row),
		row->what == TRACE_CREDIT ? " stroke-dasharray=\"4 3\"" : "");
	put_head(p, row, y);
	snprintf(attributes, sizeof(attributes), "text-anchor=\"middle\" fill=\"%s\"",
		 row_color(row));
	put_text(p, (p->left + p->right) / 2, y - 4, attributes, text);
}

static void put_note(const struct picture *p, const struct trace_row *row,
		     const char *text, int y)
{
	char attributes[80];

	snprintf(attributes, sizeof(attributes), "%sfont-style=\"italic\" fill=\"%s\"",
		 row->side ? "text-anchor=\"end\" " : "", row_color(row));
	put_text(p, row->side ? p->right - 6 : p->left + 6, y, attributes, text);
}

static void put_row(const struct picture *p, const struct trace_row *row, int y)
{
	char text[128], time[24];

	trace_row_text(row, text, sizeof(text));
	if (p->times) {
		snprintf(time, sizeof(time), "%.3f ms", row->time * 1e3);
		put_text(p, p->left - 12, y, "text-anchor=\"end\" fill=\"#666666\"", time);
	}
	if (trace_is_arrow(row))
		put_arrow(p, row, text, y);
	else
		put_note(p, row, text, y);
}

static int height(const struct trace_talk *talk)
{
	return HEAD + ROW * (int)talk->nr + GAP;
}

static void put_talk(const struct picture *p, const struct trace_talk *talk, int y)
{
	int end = y + height(talk) - GAP;

	put_text(p, p->left, y + 16, "font-weight=\"bold\"", talk->label[0]);
	put_text(p, p->right, y + 16, "font-weight=\"bold\" text-anchor=\"end\"",
		 talk->label[1]);
	fprintf(p->f, "<path d=\"M%d %dV%dM%d %dV%d\" stroke=\"black\"/>\n", p->left, y + 24,
		end, p->right, y + 24, end);
	for (size_t i = 0; i < talk->nr; i++)
		put_row(p, &talk->rows[i], y + HEAD + ROW * (int)i + 4);
}

/**
 * trace_draw_svg - draw conversations
 * @talks: the conversations
 * @most: how many of them
 * @path: of the file; "-" is standard output
 * @times: with the time of each row
 */
void trace_draw_svg(const struct trace_talks *talks, size_t most, const char *path,
		    bool times)
{
	struct picture p = {
		.f = strcmp(path, "-") ? fopen(path, "w") : stdout,
		.left = MARGIN + (times ? TIMES : 0),
		.right = WIDTH - MARGIN,
		.times = times,
	};
	int y = MARGIN, all = 2 * MARGIN - GAP;

	if (!p.f)
		err(1, "%s", path);
	for (size_t i = 0; i < talks->nr && i < most; i++)
		all += height(&talks->talks[i]);
	if (all < 2 * MARGIN)
		all = 2 * MARGIN;
	fprintf(p.f, "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\"",
		WIDTH, all);
	fprintf(p.f, " font-family=\"sans-serif\" font-size=\"12\">\n");
	fprintf(p.f, "<rect width=\"100%%\" height=\"100%%\" fill=\"white\"/>\n");
	for (size_t i = 0; i < talks->nr && i < most; i++) {
		put_talk(&p, &talks->talks[i], y);
		y += height(&talks->talks[i]);
	}
	fprintf(p.f, "</svg>\n");
	if (fflush(p.f) || (p.f != stdout && fclose(p.f)))
		err(1, "%s", path);
}
