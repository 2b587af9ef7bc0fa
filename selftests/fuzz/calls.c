// SPDX-License-Identifier: GPL-2.0
/*
 * Sequences of socket calls that nobody would think of; see usage below, and
 * scripts/fuzz, which runs this in VMs.
 *
 * Where the kernel tells what a program reached (KCOV), those that reached something
 * new are kept, and the next ones are made of them. What comes of a seed is the same
 * as long as that is; so a failure is repeated from the program itself, which --log
 * writes before it runs.
 */
#include <getopt.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "../netlink.h"
#include "program.h"
#include "reports.h"

#define CORPUS_MAX	20000

static struct program *corpus[CORPUS_MAX];
static unsigned int nr_corpus;
static bool guided, logging, plant;
static unsigned long executed, slow;
static double begin;

static const char usage[] =
"usage: calls [--seed N] [--count N] [--corpus FILE] [--log]\n"
"       calls --replay FILE [--times N] [--log]\n"
"       calls --smaller FILE\n"
"       calls --c FILE\n"
"\n"
"  --seed N       which programs (1)\n"
"  --count N      how many (1000)\n"
"  --corpus FILE  run the programs in there first, one to a line, and make others of them\n"
"  --log          write each program before it runs, and \"kept\" after what reached\n"
"                 what none before did, and takes no more steps than that\n"
"  --replay FILE  run the programs of a file, one to a line\n"
"  --times N      and again, so many times (1)\n"
"  --smaller FILE print all programs that are a little smaller than FILE's first\n"
"  --c FILE       print FILE's first program in C\n"
"  --plant        to test the search: report a bug that is none, in certain programs\n";

static void keep(const struct program *p)
{
	static char text[PROGRAM_TEXT];

	if (nr_corpus == CORPUS_MAX)
		return;
	corpus[nr_corpus] = malloc(sizeof(*p));
	if (corpus[nr_corpus])
		*corpus[nr_corpus++] = *p;
	if (guided && logging) {
		program_print(p, text);
		printf("%s\nkept\n", text);
	}
}

/* Until whoever reads our output has all of it: the kernel may die with the rest. */
static void flush(void)
{
	int left;

	fflush(stdout);
	while (!ioctl(STDOUT_FILENO, FIONREAD, &left) && left > 0)
		sched_yield();
}

/* As if the kernel had a bug: a shutdown of a record socket that has a filter. */
static void planted(const struct program *p)
{
	bool pair = false, option = false;
	unsigned int i;
	FILE *log;

	for (i = 0; i < p->n; i++) {
		const char *name = calls[p->step[i].call].name;

		pair |= !strcmp(name, "socketpair");
		option |= pair && !strcmp(name, "setsockopt");
		if (!option || strcmp(name, "shutdown"))
			continue;
		log = fopen("/dev/kmsg", "we");
		if (log) {
			fprintf(log, "<4>BUG: put there by selftests/fuzz\n");
			fclose(log);
		}
	}
}

/* Returns STUCK if that was the end. */
static enum outcome run_one(const struct program *p)
{
	static char text[PROGRAM_TEXT];
	enum outcome outcome;

	if (logging) {
		program_print(p, text);
		printf("%s\n", text);
		flush();
	}
	outcome = execute(p);
	if (plant)
		planted(p);
	executed++;
	slow += outcome == SLOW;
	if (outcome != STUCK && !reports_any())
		return outcome;
	program_print(p, text);
	printf("%s:\n%s\n", outcome == STUCK ? "a program does not end" :
	       "the kernel reported a bug, after", text);
	return STUCK;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static void tell(void)
{
	printf("%lu programs, %.0f a second", executed, executed / (now() - begin));
	if (guided)
		printf("; %u blocks reached, %u programs kept", coverage_total(), nr_corpus);
	if (slow)
		printf("; %lu were too slow", slow);
	printf("\n");
	fflush(stdout);
}

static void next_program(struct program *p, struct random *r)
{
	if (!nr_corpus || random_once_in(r, guided ? 8 : 2)) {
		program_random(p, r);
		return;
	}
	/* Rather what is new. */
	*p = *corpus[random_once_in(r, 2) ? random_below(r, nr_corpus) :
		     nr_corpus - 1 - random_below(r, (nr_corpus + 3) / 4)];
	program_mutate(p, r, corpus[random_below(r, nr_corpus)]);
}

/* Leaves out what it does not take to reach what is new. Returns STUCK if that was the end. */
static enum outcome trim(struct program *p)
{
	enum outcome outcome = DONE;
	struct program smaller;
	unsigned int step;

	for (step = p->n; step-- && outcome != STUCK; ) {
		if (!program_without(&smaller, p, step))
			continue;
		outcome = run_one(&smaller);
		if (coverage_again() && outcome == DONE)
			*p = smaller;
	}
	return outcome;
}

/* Did the last program reach what none before did? Where nothing tells, @anyway. */
static bool is_new(bool anyway)
{
	return guided ? coverage_new() : anyway;
}

/*
 * Runs a program, and keeps it if it reaches what none before did, but not if it takes
 * long. Returns false if that was the end.
 */
static bool try_one(struct program *p, bool anyway)
{
	enum outcome outcome = run_one(p);

	if (!is_new(anyway) || outcome != DONE)
		return outcome != STUCK;
	if (guided && trim(p) == STUCK)
		return false;
	keep(p);
	return true;
}

static int fuzz(unsigned long seed, unsigned long count)
{
	double told = begin;
	struct program p;
	unsigned long i;

	for (i = 0; i < count; i++) {
		struct random r = random_branch(seed, i);

		next_program(&p, &r);
		if (!try_one(&p, random_once_in(&r, 50)))
			return 1;
		if (now() > told + 30) {
			told = now();
			tell();
		}
	}
	tell();
	/* What did not come to its end in time, or what nothing has guided, shows little. */
	return slow > executed / 4 || (guided && !coverage_total());
}

/* Programs are the lines of a file that can be read as such. */
static bool next_of(FILE *f, struct program *p)
{
	static char line[2 * PROGRAM_TEXT];

	while (fgets(line, sizeof(line), f))
		if (program_parse(p, line))
			return true;
	return false;
}

static FILE *must_open(const char *path)
{
	FILE *f = fopen(path, "re");

	if (!f) {
		perror(path);
		exit(2);
	}
	return f;
}

/* What is in there was trimmed when it was found. */
static bool run_corpus(const char *path)
{
	enum outcome outcome = DONE;
	FILE *f = must_open(path);
	struct program p;

	while (outcome != STUCK && next_of(f, &p)) {
		outcome = run_one(&p);
		if (is_new(true) && outcome == DONE)
			keep(&p);
	}
	fclose(f);
	return outcome != STUCK;
}

static int replay(const char *path, unsigned long times)
{
	struct program p;

	while (times--) {
		FILE *f = must_open(path);

		while (next_of(f, &p))
			if (run_one(&p) == STUCK)
				return 1;
		fclose(f);
	}
	return 0;
}

static struct program first_of(const char *path)
{
	FILE *f = must_open(path);
	struct program p;

	if (!next_of(f, &p)) {
		fprintf(stderr, "calls: no program in %s\n", path);
		exit(2);
	}
	fclose(f);
	return p;
}

static int print_smaller(const char *path)
{
	const struct program p = first_of(path);
	static char text[PROGRAM_TEXT];
	struct program smaller;
	unsigned int i;

	for (i = 0; i < 2 + PROGRAM_STEPS * (STEP_ARGS + 2); i++) {
		if (!program_smaller(&smaller, &p, i))
			continue;
		program_print(&smaller, text);
		printf("%s\n", text);
	}
	return 0;
}

static unsigned long number(const char *text)
{
	char *end;
	unsigned long n = strtoul(text, &end, 0);

	if (end == text || *end) {
		fprintf(stderr, "calls: what is \"%s\"?\n", text);
		exit(2);
	}
	return n;
}

static void find_family(void)
{
	FILE *f = fopen("/sys/module/kite/parameters/family", "re");

	if (!f || fscanf(f, "%d", &fuzz_family) != 1) {
		fprintf(stderr, "calls: kite.ko is not loaded\n");
		exit(2);
	}
	fclose(f);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "seed", required_argument, NULL, 's' },
		{ "count", required_argument, NULL, 'n' },
		{ "corpus", required_argument, NULL, 'd' },
		{ "log", no_argument, NULL, 'l' },
		{ "plant", no_argument, NULL, 'p' },
		{ "replay", required_argument, NULL, 'r' },
		{ "times", required_argument, NULL, 't' },
		{ "smaller", required_argument, NULL, 'm' },
		{ "c", required_argument, NULL, 'c' },
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	unsigned long seed = 1, count = 1000, times = 1;
	const char *replayed = NULL, *corpus_file = NULL;
	struct program p;
	int opt;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (opt) {
		case 's':
			seed = number(optarg);
			break;
		case 'n':
			count = number(optarg);
			break;
		case 'd':
			corpus_file = optarg;
			break;
		case 'l':
			logging = true;
			break;
		case 'p':
			plant = true;
			break;
		case 'r':
			replayed = optarg;
			break;
		case 't':
			times = number(optarg);
			break;
		case 'm':
			return print_smaller(optarg);
		case 'c':
			p = first_of(optarg);
			program_print_c(&p, stdout);
			return 0;
		case 'h':
			fputs(usage, stdout);
			return 0;
		default:
			fputs(usage, stderr);
			return 2;
		}
	}
	find_family();
	if (unshare(CLONE_NEWNET)) {
		perror("calls: no namespace of its own");
		return 2;
	}
	/* Nobody reads them; but where nobody listens, none is made. */
	if (event_open() < 0) {
		fprintf(stderr, "calls: no events\n");
		return 2;
	}
	reports_open();
	if (replayed)
		return replay(replayed, times);
	begin = now();
	guided = coverage_open();
	if (!guided)
		printf("no KCOV here: nothing guides the search\n");
	if (corpus_file && !run_corpus(corpus_file))
		return 1;
	return fuzz(seed, count);
}
