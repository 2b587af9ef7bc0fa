// SPDX-License-Identifier: GPL-2.0
/*
 * kite stat: the counters of the network namespace, and how fast they grow.
 */
#include <err.h>
#include <errno.h>
#include <fnmatch.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <json-c/json.h>

#include "kite.h"

#define STAT_FILE	"/proc/net/kite_stat"
#define MAX_NAME	48
#define MAX_COUNTERS	256

struct counter {
	char name[MAX_NAME];
	unsigned long value;
};

/**
 * struct counters - all of them at one time
 * @time: seconds
 * @nr: how many
 * @all: they
 */
struct counters {
	double time;
	size_t nr;
	struct counter all[MAX_COUNTERS];
};

struct options {
	bool json;
	bool zeroes;
	double interval;
	unsigned long count;
	char **names;
	int nr_names;
};

static const struct option long_options[] = {
	{ "json", no_argument, NULL, 'j' },
	{ "zeroes", no_argument, NULL, 'z' },
	{ "help", no_argument, NULL, 'h' },
	{ }
};

static void help(void)
{
	printf("usage: kite stat [OPTION...] [NAME...] [SECONDS [COUNT]]\n\n"
	       "Print the counters of this network namespace that are not zero, or with\n"
	       "SECONDS, each time that has passed, by how much they have grown. A NAME may\n"
	       "have * and ? in it; capitals do not matter.\n\n"
	       "  -z, --zeroes  those that are zero, or have not grown, too\n"
	       "  -j, --json    print JSON; with SECONDS, an object in each line\n\n"
	       "What is dropped, and why, while it happens:\n"
	       "  kite stat 'drop*' 1\n");
}

/* A number is no name: the first is the interval, the second the count. */
static bool take_number(const char *text, struct options *o)
{
	if (!strchr(".0123456789", *text))
		return false;
	if (o->count)
		errx(EXIT_USAGE, "%s: SECONDS and COUNT are there already", text);
	if (o->interval > 0) {
		o->count = parse_option(text, "COUNT", 1, UINT_MAX);
		return true;
	}
	o->interval = parse_seconds(text, "SECONDS");
	if (o->interval < 0.01)
		errx(EXIT_USAGE, "%s: no time between two looks", text);
	return true;
}

static void parse(int argc, char **argv, struct options *o)
{
	int c;

	*o = (struct options) { };
	while ((c = getopt_long(argc, argv, "jzh", long_options, NULL)) != -1) {
		switch (c) {
		case 'j':
			o->json = true;
			break;
		case 'z':
			o->zeroes = true;
			break;
		case 'h':
			help();
			exit(0);
		default:
			bad_option(argv[0]);
		}
	}
	o->names = argv;
	for (; optind < argc; optind++) {
		if (!take_number(argv[optind], o))
			o->names[o->nr_names++] = argv[optind];
	}
}

static bool is_wanted(const struct options *o, const char *name)
{
	for (int i = 0; i < o->nr_names; i++) {
		if (!fnmatch(o->names[i], name, FNM_CASEFOLD))
			return true;
	}
	return !o->nr_names;
}

static double now(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

static void read_counters(const struct options *o, struct counters *c)
{
	struct counter *next;
	char line[256];
	FILE *f;

	f = fopen(STAT_FILE, "r");
	if (!f)
		err(1, "%s", STAT_FILE);
	c->time = now(CLOCK_MONOTONIC);
	c->nr = 0;
	while (c->nr < MAX_COUNTERS && fgets(line, sizeof(line), f)) {
		next = &c->all[c->nr];
		if (sscanf(line, "%47s %lu", next->name, &next->value) == 2 &&
		    is_wanted(o, next->name))
			c->nr++;
	}
	fclose(f);
}

/* Names of which there is none are more likely wrong than meant. */
static void check_names(const struct options *o, const struct counters *c)
{
	for (int i = 0; i < o->nr_names; i++) {
		size_t k = 0;

		while (k < c->nr && fnmatch(o->names[i], c->all[k].name, FNM_CASEFOLD))
			k++;
		if (k == c->nr)
			errx(1, "no counter %s; \"kite stat -z\" lists them", o->names[i]);
	}
}

static void print_all(const struct options *o, const struct counters *c)
{
	struct json_object *object = o->json ? json_object_new_object() : NULL;

	for (size_t i = 0; i < c->nr; i++) {
		const struct counter *one = &c->all[i];

		if (!one->value && !o->zeroes)
			continue;
		if (o->json)
			json_object_object_add(object, one->name,
					       json_object_new_uint64(one->value));
		else
			printf("%-28s %s%14lu%s\n", one->name,
			       color(one->value ? COLOR_BOLD : COLOR_DIM), one->value,
			       color(COLOR_OFF));
	}
	if (o->json)
		json_print(object);
}

static void add_growth(struct json_object *object, const struct counter *c,
		       long growth, double seconds)
{
	struct json_object *one = json_object_new_object();

	json_object_object_add(one, "total", json_object_new_uint64(c->value));
	json_object_object_add(one, "growth", json_object_new_int64(growth));
	json_object_object_add(one, "per_second", json_object_new_double(growth / seconds));
	json_object_object_add(object, c->name, one);
}

/* Both have the same counters, in the same order: it is the same module. */
static void print_growth(const struct options *o, const struct counters *before,
			 const struct counters *c)
{
	struct json_object *counters = o->json ? json_object_new_object() : NULL, *line;
	double seconds = c->time - before->time;
	time_t clock = time(NULL);
	char text[16];

	strftime(text, sizeof(text), "%H:%M:%S", localtime(&clock));
	if (!o->json)
		printf("%s%-28s %14s %14s %14s%s\n", color(COLOR_BOLD), text, "grown by",
		       "per second", "total", color(COLOR_OFF));
	for (size_t i = 0; i < c->nr && i < before->nr; i++) {
		/* What there is now, like CurrEstab, may also shrink. */
		long growth = c->all[i].value - before->all[i].value;

		if (!growth && !o->zeroes)
			continue;
		if (o->json)
			add_growth(counters, &c->all[i], growth, seconds);
		else
			printf("%-28s %14ld %14.1f %14lu\n", c->all[i].name,
			       growth, growth / seconds, c->all[i].value);
	}
	if (!o->json) {
		output_flush();
		return;
	}
	line = json_object_new_object();
	json_object_object_add(line, "time", json_object_new_double(now(CLOCK_REALTIME)));
	json_object_object_add(line, "seconds", json_object_new_double(seconds));
	json_object_object_add(line, "counters", counters);
	json_print_line(line);
}

/* Each a whole number of intervals after the start, however long printing takes. */
static void sleep_until(double when)
{
	struct timespec ts = {
		.tv_sec = when,
		.tv_nsec = (when - (time_t)when) * 1e9,
	};

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL) == EINTR)
		;
}

int cmd_stat(int argc, char **argv)
{
	static struct counters c[2];
	struct options o;
	double start;

	parse(argc, argv, &o);
	kite_family();
	read_counters(&o, &c[0]);
	check_names(&o, &c[0]);
	if (!o.interval) {
		print_all(&o, &c[0]);
		return 0;
	}
	start = c[0].time;
	for (unsigned long i = 1; !o.count || i <= o.count; i++) {
		sleep_until(start + i * o.interval);
		read_counters(&o, &c[i % 2]);
		print_growth(&o, &c[!(i % 2)], &c[i % 2]);
	}
	return 0;
}
