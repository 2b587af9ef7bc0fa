// SPDX-License-Identifier: GPL-2.0
/*
 * kite perf: measure Kite beside the other local families.
 */
#include <err.h>
#include <getopt.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "kite.h"
#include "perf.h"

#define MAX_SIZES	16
#define MAX_PROCESSES	1000

/* Seconds. A figure that takes longer waits for something that never comes. */
#define TIME_LIMIT	300

/**
 * struct options - what is measured, and how
 * @tests: a mask of indices into perf_tests
 * @types: a mask of enum perf_type
 * @families: a mask of indices into perf_families
 * @sizes: of messages, in bytes
 * @nr_sizes: how many
 * @processes: how many at once, for tests with several, in turn; ends with 0
 * @count: operations of a batch, or 0 for what suits the test
 * @batches: how many of them; their median counts
 * @sockets: how many, for tests that want many
 * @verbose: say what is being measured, to no terminal too
 * @json: what is printed is for programs
 * @icount: the clock counts instructions
 * @loop: do it for ever, and print nothing
 */
struct options {
	unsigned int tests;
	unsigned int types;
	unsigned int families;
	size_t sizes[MAX_SIZES];
	int nr_sizes;
	size_t processes[MAX_SIZES + 1];
	unsigned long count;
	unsigned long batches;
	unsigned long sockets;
	bool verbose;
	bool json;
	bool icount;
	bool loop;
};

static const struct options defaults = {
	.sizes = { 1, 64, 1 << 10, 4 << 10, 64 << 10, 1 << 20 },
	.nr_sizes = 6,
	.processes = { 1, 2, 4 },
	.batches = 9,
	.sockets = 1000,
};

static const struct option long_options[] = {
	{ "families", required_argument, NULL, 'f' },
	{ "types", required_argument, NULL, 't' },
	{ "sizes", required_argument, NULL, 's' },
	{ "count", required_argument, NULL, 'n' },
	{ "batches", required_argument, NULL, 'b' },
	{ "pairs", required_argument, NULL, 'p' },
	{ "processes", required_argument, NULL, 'P' },
	{ "verbose", no_argument, NULL, 'v' },
	{ "json", no_argument, NULL, 'j' },
	{ "icount", no_argument, NULL, 'i' },
	{ "loop", no_argument, NULL, 'l' },
	{ "help", no_argument, NULL, 'h' },
	{ }
};

static void help(void)
{
	printf("usage: kite perf [OPTION...] [TEST...]\n\n"
	       "Measure what an operation costs, in Kite and in other local families.\n\n");
	for (size_t i = 0; i < perf_nr_tests; i++)
		printf("  %-20s %s\n", perf_tests[i].name, perf_tests[i].what);
	printf("\n"
	       "  -f, --families LIST  of kite, unix, inet, vsock, pipe, eventfd (all)\n"
	       "  -t, --types LIST     of stream, seqpacket, dgram (all)\n"
	       "  -s, --sizes LIST     of messages, in bytes, k or m (1,64,1k,4k,64k,1m)\n"
	       "  -n, --count N        operations of a batch (what suits the test)\n"
	       "  -b, --batches N      batches, of which the median counts (%lu)\n"
	       "  -p, --pairs N        sockets or pairs, where there are many (%lu)\n"
	       "  -P, --processes LIST of scale, each with its own pair (1,2,4)\n"
	       "  -v, --verbose        a line for each test that begins, on standard error\n"
	       "  -j, --json           print JSON\n"
	       "  -i, --icount         the clock counts instructions: QEMU's -icount\n"
	       "  -l, --loop           do it for ever, for scripts/profile\n\n"
	       "Short messages of a stream, Kite and AF_UNIX:\n"
	       "  kite perf -t stream -f kite,unix -s 1,64 sendrecv\n",
	       defaults.batches, defaults.sockets);
}

static const char *family_name(size_t i)
{
	return i < perf_nr_families ? perf_families[i].name : NULL;
}

static const char *type_name(size_t i)
{
	return i < TYPES ? type_names[i] : NULL;
}

static const char *test_name(size_t i)
{
	return i < perf_nr_tests ? perf_tests[i].name : NULL;
}

/* A list of names as a mask of their indices. */
static unsigned int parse_names(char *list, const char *what,
				const char *(*name)(size_t i))
{
	unsigned int mask = 0;

	for (char *word = strtok(list, ","); word; word = strtok(NULL, ",")) {
		size_t i = 0;

		while (name(i) && strcmp(name(i), word))
			i++;
		if (!name(i))
			errx(EXIT_USAGE, "no %s %s; \"kite perf --help\" lists them", what,
			     word);
		mask |= 1U << i;
	}
	return mask;
}

static size_t parse_size(char *word)
{
	size_t len = strlen(word), unit = 1;
	unsigned long n;

	if (len && (word[len - 1] == 'k' || word[len - 1] == 'm')) {
		unit = word[len - 1] == 'k' ? 1 << 10 : 1 << 20;
		word[len - 1] = '\0';
	}
	if (!parse_number(word, (1 << 30) / unit, &n) || !n)
		errx(EXIT_USAGE, "%s: no size; say 64, 4k or 1m", word);
	return n * unit;
}

static void parse_sizes(char *list, struct options *o)
{
	o->nr_sizes = 0;
	for (char *word = strtok(list, ","); word; word = strtok(NULL, ",")) {
		if (o->nr_sizes == MAX_SIZES)
			errx(EXIT_USAGE, "no more than %d sizes", MAX_SIZES);
		o->sizes[o->nr_sizes++] = parse_size(word);
	}
}

static unsigned long parse_count(const char *text, const char *what, unsigned long max)
{
	unsigned long n;

	if (!parse_number(text, max, &n) || !n)
		errx(EXIT_USAGE, "%s: no number for --%s, which is 1 to %lu", text, what, max);
	return n;
}

static void parse_processes(char *list, struct options *o)
{
	int n = 0;

	for (char *word = strtok(list, ","); word; word = strtok(NULL, ",")) {
		if (n == MAX_SIZES)
			errx(EXIT_USAGE, "no more than %d numbers of processes", MAX_SIZES);
		o->processes[n++] = parse_count(word, "processes", MAX_PROCESSES);
	}
	if (!n)
		errx(EXIT_USAGE, "how many processes? say 1,2,4");
	o->processes[n] = 0;
}

static void parse(int argc, char **argv, struct options *o)
{
	int c;

	*o = defaults;
	while ((c = getopt_long(argc, argv, "f:t:s:n:b:p:P:vjilh", long_options, NULL)) != -1) {
		switch (c) {
		case 'f':
			o->families = parse_names(optarg, "family", family_name);
			break;
		case 't':
			o->types = parse_names(optarg, "type", type_name);
			break;
		case 's':
			parse_sizes(optarg, o);
			break;
		case 'n':
			o->count = parse_count(optarg, "count", 1000000000);
			break;
		case 'b':
			o->batches = parse_count(optarg, "batches", 1000000);
			break;
		case 'p':
			o->sockets = parse_count(optarg, "pairs", 100000);
			break;
		case 'P':
			parse_processes(optarg, o);
			break;
		case 'v':
			o->verbose = true;
			break;
		case 'j':
			o->json = true;
			break;
		case 'i':
			o->icount = true;
			break;
		case 'l':
			o->loop = true;
			break;
		case 'h':
			help();
			exit(0);
		default:
			bad_option(argv[0]);
		}
	}
	for (; optind < argc; optind++)
		o->tests |= parse_names(argv[optind], "test", test_name);
}

/* Leave out the families that are not here; but Kite is what this is about. */
static void choose_families(struct options *o)
{
	bool chosen = o->families;

	for (size_t i = 0; i < perf_nr_families; i++) {
		const struct perf_family *f = &perf_families[i];
		const char *missing = NULL;

		if (chosen && !(o->families & 1U << i))
			continue;
		o->families |= 1U << i;
		if (!strcmp(f->name, "kite"))
			kite_family();
		else if (!perf_has(f, STREAM))
			missing = f->name;
		if (!missing)
			continue;
		o->families &= ~(1U << i);
		warnx("%s is not here%s", missing, strcmp(missing, "vsock") ? "" :
		      "; try: sudo modprobe vsock_loopback");
		if (chosen)
			exit(1);
	}
}

/* Many pairs of sockets need many descriptors. */
static void allow_descriptors(unsigned long pairs)
{
	struct rlimit limit, more;

	getrlimit(RLIMIT_NOFILE, &limit);
	/* Pipes have two for each direction. */
	more.rlim_cur = 4 * pairs + 100;
	more.rlim_max = more.rlim_cur > limit.rlim_max ? more.rlim_cur : limit.rlim_max;
	if (more.rlim_cur <= limit.rlim_cur || !setrlimit(RLIMIT_NOFILE, &more))
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1e9 + ts.tv_nsec;
}

static double run_batch(struct bench *b)
{
	double start = now();

	for (unsigned long i = 0; i < b->count; i++)
		b->test->run(b);
	if (b->test->flush)
		b->test->flush(b);
	return (now() - start) / b->count;
}

static void prepare(struct bench *b)
{
	b->chunk = b->size;
	while (b->family->longest && b->chunk > b->family->longest)
		b->chunk = (b->chunk + 1) / 2;
	for (int i = 0; i < 2; i++) {
		b->buf[i] = malloc(b->size + 1);
		if (!b->buf[i])
			err(1, "malloc");
		memset(b->buf[i], 1, b->size + 1);
	}
	if (!b->test->measure)
		open_pair(b->family, b->type, &b->pair);
	if (b->test->setup)
		b->test->setup(b);
	/* What others left behind is gone by then: sockets that RCU frees. */
	usleep(20000);
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/* The median of several batches, after one to warm up. */
static double measure(struct bench *b, unsigned long batches)
{
	double *took;

	prepare(b);
	if (b->test->measure)
		return b->test->measure(b);
	took = calloc(batches, sizeof(*took));
	if (!took)
		err(1, "calloc");
	run_batch(b);
	for (unsigned long i = 0; i < batches; i++)
		took[i] = run_batch(b);
	qsort(took, batches, sizeof(*took), by_value);
	return took[batches / 2];
}

/* Each figure has a process of its own, which takes all that it opened with it. */
static double measure_apart(struct bench *b, unsigned long batches)
{
	double value = NAN;
	int fd[2], status;
	pid_t child;

	if (pipe(fd))
		err(1, "pipe");
	child = fork();
	if (child < 0)
		err(1, "fork");
	if (!child) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		alarm(TIME_LIMIT);
		value = measure(b, batches);
		_exit(write(fd[1], &value, sizeof(value)) != sizeof(value));
	}
	close(fd[1]);
	if (read(fd[0], &value, sizeof(value)) != sizeof(value))
		value = NAN;
	close(fd[0]);
	if (waitpid(child, &status, 0) != child || status) {
		if (WIFSIGNALED(status))
			warnx("%s %s %s of %zu: %s", b->family->name, type_names[b->type],
			      b->test->name, b->size, strsignal(WTERMSIG(status)));
		return NAN;
	}
	return value;
}

/* Whether the test can be done, and if so how. */
static bool fill_in(struct bench *b, const struct options *o, size_t size)
{
	const struct perf_test *t = b->test;
	const struct perf_family *f = b->family;

	if (!(t->types & TYPE(b->type)) || !perf_has(f, b->type))
		return false;
	if (t->sockets && f->pipe)
		return false;
	b->size = t->sized ? size : t->size;
	b->amount = perf_has_amounts(t) ? size : 0;
	/* An eventfd stands where one byte is asked for. It adds up what waits. */
	if (f->fixed && (b->size > 1 || t->flush))
		return false;
	b->count = o->count ?: t->count ? t->count(b->size) : 1;
	b->sockets = o->sockets;
	return true;
}

static void progress(const struct bench *b)
{
	char size[PERF_SIZE];

	if (isatty(STDERR_FILENO))
		fprintf(stderr, "\r\033[K%s %s %s %s ", b->family->name, type_names[b->type],
			b->test->title, perf_size(b->test, b->amount ?: b->size, size));
}

static bool row(struct perf_report *r, const struct options *o, struct bench *b,
		size_t size)
{
	bool ok = true;

	for (size_t i = 0; i < perf_nr_families; i++) {
		struct perf_result *p;

		b->family = &perf_families[i];
		if (!(o->families & 1U << i) || !fill_in(b, o, size))
			continue;
		progress(b);
		r->results = realloc(r->results, (r->nr + 1) * sizeof(*p));
		if (!r->results)
			err(1, "realloc");
		p = &r->results[r->nr++];
		*p = (struct perf_result){ b->test, b->type, b->family,
					   b->amount ?: b->size, NAN };
		if (b->family->fixed)
			b->size = b->family->fixed;
		p->value = measure_apart(b, o->batches);
		ok = ok && !isnan(p->value);
	}
	return ok;
}

/* A test with all that it is measured by. */
static bool rows(struct perf_report *r, const struct options *o, struct bench *b)
{
	const size_t *amount = b->test->processes ? o->processes : b->test->amounts;
	bool ok = true;

	if (b->test->sized) {
		for (int i = 0; i < o->nr_sizes; i++)
			ok = row(r, o, b, o->sizes[i]) && ok;
		return ok;
	}
	if (!amount)
		return row(r, o, b, 0);
	for (; *amount; amount++)
		ok = row(r, o, b, *amount) && ok;
	return ok;
}

static bool run_all(struct perf_report *r, const struct options *o)
{
	bool ok = true;

	for (int type = 0; type < TYPES; type++) {
		if (!(o->types & TYPE(type)))
			continue;
		for (size_t i = 0; i < perf_nr_tests; i++) {
			struct bench b = { .type = type, .test = &perf_tests[i] };

			if (!(o->tests & 1U << i) || !(b.test->types & TYPE(type)))
				continue;
			if (o->verbose && !isatty(STDERR_FILENO))
				fprintf(stderr, "%s %s\n", type_names[type], b.test->name);
			ok = rows(r, o, &b) && ok;
		}
	}
	return ok;
}

/* Those that make sense here. */
static unsigned int all_tests(const struct options *o)
{
	bool smp = !o->icount && sysconf(_SC_NPROCESSORS_ONLN) > 1;
	unsigned int mask = 0;

	for (size_t i = 0; i < perf_nr_tests; i++) {
		if (smp || !perf_tests[i].smp)
			mask |= 1U << i;
	}
	return mask;
}

/* The first test, type and size, of each family: one operation of each in turn. */
static void loop(const struct options *o)
{
	const struct perf_test *test = &perf_tests[__builtin_ctz(o->tests)];
	enum perf_type type = __builtin_ctz(o->types);
	struct bench b[PERF_LOOPS] = { };
	int n = 0;

	if (!test->run)
		errx(EXIT_USAGE, "%s cannot be done for ever", test->name);
	for (size_t i = 0; i < perf_nr_families; i++) {
		if (!(o->families & 1U << i))
			continue;
		if (n == PERF_LOOPS)
			errx(EXIT_USAGE, "no more than %d families; choose them with -f",
			     PERF_LOOPS);
		b[n].family = &perf_families[i];
		b[n].type = type;
		b[n].test = test;
		if (!fill_in(&b[n], o, o->sizes[0]))
			errx(EXIT_USAGE, "%s has no %s %s; choose families with -f",
			     b[n].family->name, type_names[type], test->name);
		if (b[n].family->fixed)
			b[n].size = b[n].family->fixed;
		n++;
	}
	for (int i = 0; i < n; i++) {
		prepare(&b[i]);
		run_batch(&b[i]);
	}
	perf_loop(b, n);
}

/* What was typed, for the record. */
static char *command_line(int argc, char **argv)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	if (!f)
		err(1, "open_memstream");
	for (int i = 0; i < argc; i++)
		fprintf(f, "%s%s", i ? " " : "", argv[i]);
	fclose(f);
	return text;
}

int cmd_perf(int argc, char **argv)
{
	struct perf_report report = { .command = command_line(argc, argv) };
	struct options o;
	bool ok;

	parse(argc, argv, &o);
	report.unit = o.icount ? "instructions" : "nanoseconds";
	o.tests = o.tests ?: all_tests(&o);
	o.types = o.types ?: ~0U;
	choose_families(&o);
	allow_descriptors(o.sockets > PERF_CROWD / 2 ? o.sockets : PERF_CROWD / 2);
	if (o.loop)
		loop(&o);

	ok = run_all(&report, &o);
	if (isatty(STDERR_FILENO))
		fprintf(stderr, "\r\033[K");
	if (o.json)
		perf_print_json(&report);
	else
		perf_print_table(&report);
	return !ok;
}
