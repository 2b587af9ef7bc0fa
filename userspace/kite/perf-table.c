// SPDX-License-Identifier: GPL-2.0
/*
 * What kite perf prints: a table for people, and JSON for programs.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>

#include "perf.h"

/* "64 B", "4 KiB"; an amount as it is */
const char *perf_size(const struct perf_test *t, size_t size, char text[PERF_SIZE])
{
	if (perf_has_amounts(t))
		snprintf(text, PERF_SIZE, "%zu", size);
	else if (!size)
		text[0] = '\0';
	else if (size >= 1 << 20 && !(size % (1 << 20)))
		snprintf(text, PERF_SIZE, "%zu MiB", size >> 20);
	else if (size >= 1 << 10 && !(size % (1 << 10)))
		snprintf(text, PERF_SIZE, "%zu KiB", size >> 10);
	else
		snprintf(text, PERF_SIZE, "%zu B", size);
	return text;
}

static bool same_row(const struct perf_result *a, const struct perf_result *b)
{
	return a->test == b->test && a->type == b->type && a->size == b->size;
}

static const struct perf_result *find(const struct perf_report *r, size_t row,
				      const struct perf_family *f)
{
	for (size_t i = row; i < r->nr && same_row(&r->results[i], &r->results[row]); i++) {
		if (r->results[i].family == f)
			return &r->results[i];
	}
	return NULL;
}

static bool in_table(const struct perf_report *r, const struct perf_family *f)
{
	for (size_t i = 0; i < r->nr; i++) {
		if (r->results[i].family == f)
			return true;
	}
	return false;
}

static void print_row(const struct perf_report *r, size_t row)
{
	const struct perf_result *first = &r->results[row], *other = NULL;
	char text[64], size[PERF_SIZE];

	snprintf(text, sizeof(text), "  %s%s%s", first->test->title,
		 perf_has_amounts(first->test) ? ": " : first->size ? ", " : "",
		 perf_size(first->test, first->size, size));
	printf("%-42s", text);

	for (size_t i = 0; i < perf_nr_families; i++) {
		if (!strcmp(perf_families[i].name, "unix"))
			other = find(r, row, &perf_families[i]);
	}
	for (size_t i = 0; i < perf_nr_families; i++) {
		const struct perf_result *mine = find(r, row, &perf_families[i]);

		if (!in_table(r, &perf_families[i]))
			continue;
		if (!mine || isnan(mine->value))
			printf(" %15s", "");
		else if (other && other->value > 0)
			printf(" %9.0f %5.2f", mine->value, mine->value / other->value);
		else
			printf(" %9.0f %5s", mine->value, "");
	}
	putchar('\n');
}

void perf_print_table(const struct perf_report *r)
{
	printf("%-42s", r->unit);
	for (size_t i = 0; i < perf_nr_families; i++) {
		if (in_table(r, &perf_families[i]))
			printf(" %9s %5s", perf_families[i].name, "/unix");
	}
	putchar('\n');
	for (size_t i = 0; i < r->nr; i++) {
		if (!i || r->results[i].type != r->results[i - 1].type)
			printf("%s\n", type_names[r->results[i].type]);
		if (!i || !same_row(&r->results[i], &r->results[i - 1]))
			print_row(r, i);
	}
}

void perf_print_json(const struct perf_report *r)
{
	time_t now = time(NULL);
	struct utsname uts;
	const char *comma = "";
	char date[32];

	uname(&uts);
	strftime(date, sizeof(date), "%Y-%m-%d", gmtime(&now));
	printf("{\n \"kernel\": \"%s\",\n \"machine\": \"%s\",\n \"date\": \"%s\",\n",
	       uts.release, uts.machine, date);
	printf(" \"command\": \"%s\",\n \"unit\": \"%s\",\n \"results\": [", r->command,
	       r->unit);
	for (size_t i = 0; i < r->nr; i++) {
		const struct perf_result *p = &r->results[i];

		if (isnan(p->value))
			continue;
		printf("%s\n  {\"test\": \"%s\", \"type\": \"%s\", \"size\": %zu,", comma,
		       p->test->name, type_names[p->type], p->size);
		printf(" \"family\": \"%s\", \"value\": %.0f}", p->family->name, p->value);
		comma = ",";
	}
	printf("\n ]\n}\n");
}
