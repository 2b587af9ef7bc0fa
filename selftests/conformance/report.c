// SPDX-License-Identifier: GPL-2.0
/* The table: as text, for the documentation, and for programs. */

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/utsname.h>

#include "report.h"

#define MAX_REASONS	200

static const unsigned int type_list[NR_TYPES] = { STREAM, SEQPACKET, DGRAM };

/* Why families differ: each reason once, numbered from 1. */
static const char *reasons[MAX_REASONS];
static int nr_reasons;

static int reason_number(const char *why)
{
	int i;

	for (i = 0; i < nr_reasons; i++)
		if (!strcmp(reasons[i], why))
			return i + 1;
	if (nr_reasons < MAX_REASONS)
		reasons[nr_reasons++] = why;
	return nr_reasons;
}

static bool new_section(const struct table *t, int row)
{
	return !row || strcmp(t->rows[row]->section, t->rows[row - 1]->section);
}

static void underline(FILE *out, const char *text, char c)
{
	size_t n = strlen(text);

	fprintf(out, "%s\n", text);
	while (n--)
		putc(c, out);
	fputs("\n\n", out);
}

static const char *types_text(unsigned int types)
{
	static char text[32];

	snprintf(text, sizeof(text), "%s%s%s", types & STREAM ? "S" : "",
		 types & SEQPACKET ? "Q" : "", types & DGRAM ? "D" : "");
	return text;
}

/* Text */

static char mark(const struct cell *cell)
{
	static const char marks[] = {
		[NOT_RUN] = ' ', [PASS] = '=', [DIFFERS] = '~', [FAIL] = '!', [NA] = '-',
	};

	return marks[cell->result];
}

static void text_row(FILE *out, const struct table *t, int row)
{
	int family, type;

	fprintf(out, "%-24s", t->rows[row]->name);
	for (family = 0; family < t->nr_families; family++) {
		fputs("  ", out);
		for (type = 0; type < NR_TYPES; type++)
			putc(mark(table_cell(t, row, family, type)), out);
		fprintf(out, "%*s", (int)strlen(t->families[family].name) > 3 ?
			(int)strlen(t->families[family].name) - 3 : 0, "");
	}
	fprintf(out, "  %s\n", t->rows[row]->expect);
}

static void text_differences(FILE *out, const struct table *t)
{
	const struct cell *cell;

	for_each_cell(t, cell) {
		if (cell->result != DIFFERS && cell->result != FAIL)
			continue;
		fprintf(out, "%s %s %s: %s\n", cell->row->name, cell->family->name,
			type_name(cell->type), cell->said);
		fprintf(out, "    %s\n", cell->result == FAIL ? "not explained" : cell->why);
	}
}

static void write_text(FILE *out, const struct table *t)
{
	int row, family;

	fprintf(out, "= as expected, ~ otherwise and explained, ! otherwise, - has not got it;\n"
		"for SOCK_STREAM, SOCK_SEQPACKET and SOCK_DGRAM\n");
	for (row = 0; row < t->nr_rows; row++) {
		if (new_section(t, row)) {
			fprintf(out, "\n%-24s", t->rows[row]->section);
			for (family = 0; family < t->nr_families; family++)
				fprintf(out, "  %-3s", t->families[family].name);
			fputs("  expected\n", out);
		}
		text_row(out, t, row);
	}
	putc('\n', out);
	text_differences(out, t);
}

/* reStructuredText */

static bool same_outcome(const struct cell *a, const struct cell *b)
{
	if (a->result != b->result)
		return false;
	if (a->result == DIFFERS)
		return !strcmp(a->said, b->said) && !strcmp(a->why, b->why);
	return a->result == NA || !strcmp(a->said, b->said);
}

static void rst_outcome(FILE *out, const struct cell *cell)
{
	switch (cell->result) {
	case PASS:
		fputs("the same", out);
		break;
	case NA:
		fputs("--", out);
		break;
	case DIFFERS:
		fprintf(out, "%s [%d]_", cell->said, reason_number(cell->why));
		break;
	default:
		fprintf(out, "**%s**", cell->said);
	}
}

/* What a family does, in one word if its types do the same. */
static void rst_cell(FILE *out, const struct table *t, int row, int family)
{
	const struct cell *first = NULL, *cell;
	bool alike = true;
	int type, n = 0;

	for (type = 0; type < NR_TYPES; type++) {
		cell = table_cell(t, row, family, type);
		if (cell->result == NOT_RUN || cell->result == NA)
			continue;
		if (first && !same_outcome(first, cell))
			alike = false;
		if (!first)
			first = cell;
	}
	fputs("     - ", out);
	if (!first)
		fputs("--", out);
	else if (alike)
		rst_outcome(out, first);
	for (type = 0; !alike && type < NR_TYPES; type++) {
		cell = table_cell(t, row, family, type);
		if (cell->result == NOT_RUN || cell->result == NA)
			continue;
		fprintf(out, "%s%s: ", n++ ? "; " : "", types_text(type_list[type]));
		rst_outcome(out, cell);
	}
	putc('\n', out);
}

static void rst_head(FILE *out, const struct table *t)
{
	int family;

	fputs(".. list-table::\n   :header-rows: 1\n   :widths: 40 6 18", out);
	for (family = 1; family < t->nr_families; family++)
		fputs(" 18", out);
	fputs("\n\n   * - What\n     - Types\n     - Result\n", out);
	for (family = 1; family < t->nr_families; family++)
		fprintf(out, "     - %s\n", t->families[family].name);
}

/* The first family is what the others are compared with. */
static void write_rst(FILE *out, const struct table *t)
{
	int row, family, i;

	nr_reasons = 0;
	/* In two parts, so that it is not taken for this file's. */
	fprintf(out, ".. %s-License-Identifier: GPL-2.0\n", "SPDX");
	fputs(".. Written by \"make conformance\".\n\n", out);
	for (row = 0; row < t->nr_rows; row++) {
		if (new_section(t, row)) {
			underline(out, t->rows[row]->section, '-');
			rst_head(out, t);
		}
		fprintf(out, "   * - %s\n     - %s\n     - %s\n", t->rows[row]->what,
			types_text(t->rows[row]->types), t->rows[row]->expect);
		for (family = 1; family < t->nr_families; family++)
			rst_cell(out, t, row, family);
		if (row + 1 == t->nr_rows || new_section(t, row + 1))
			putc('\n', out);
	}
	underline(out, "Why families differ", '-');
	for (i = 0; i < nr_reasons; i++)
		fprintf(out, ".. [%d] %s\n", i + 1, reasons[i]);
}

/* JSON */

static void json_string(FILE *out, const char *text)
{
	putc('"', out);
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			putc('\\', out);
		putc(*text, out);
	}
	putc('"', out);
}

static void json_member(FILE *out, const char *name, const char *value)
{
	fprintf(out, ", \"%s\": ", name);
	json_string(out, value);
}

static void write_json(FILE *out, const struct table *t)
{
	const struct cell *cell;
	struct utsname uts;
	const char *comma = "";

	uname(&uts);
	fputs("{\n\"kernel\": ", out);
	json_string(out, uts.release);
	fputs(",\n\"cells\": [", out);
	for_each_cell(t, cell) {
		if (cell->result == NOT_RUN)
			continue;
		fprintf(out, "%s\n{ \"row\": ", comma);
		comma = ",";
		json_string(out, cell->row->name);
		json_member(out, "what", cell->row->what);
		json_member(out, "family", cell->family->name);
		json_member(out, "type", type_name(cell->type));
		json_member(out, "result", result_name(cell->result));
		if (cell->result != NA)
			json_member(out, "said", cell->said);
		json_member(out, "expected", cell->row->expect);
		if (cell->why)
			json_member(out, "why", cell->why);
		fputs(" }", out);
	}
	fputs("\n]\n}\n", out);
}

const char *result_name(enum result result)
{
	static const char *const names[] = {
		[NOT_RUN] = "not run", [PASS] = "pass", [DIFFERS] = "differs",
		[FAIL] = "fail", [NA] = "n/a",
	};

	return names[result];
}

static int write_file(const char *dir, const char *name, const struct table *t,
		      void (*write)(FILE *out, const struct table *t))
{
	char path[4096];
	FILE *out;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	out = fopen(path, "we");
	if (!out)
		return -errno;
	write(out, t);
	return fclose(out) ? -errno : 0;
}

/**
 * table_write() - write table.txt, table.rst and table.json
 * @t: the table
 * @dir: where, made if it is not there
 *
 * Return: 0 or an error as a negative number.
 */
int table_write(const struct table *t, const char *dir)
{
	if (mkdir(dir, 0777) && errno != EEXIST)
		return -errno;
	return write_file(dir, "table.txt", t, write_text) ?:
	       write_file(dir, "table.rst", t, write_rst) ?:
	       write_file(dir, "table.json", t, write_json);
}
