// SPDX-License-Identifier: GPL-2.0
/* conformance: which families do what the socket calls should do. */

#include <arpa/inet.h>
#include <getopt.h>
#include <stdlib.h>

#include "report.h"

#define MAX_FAMILIES	8

/* kselftest's exit status for that */
#define SKIPPED		4

/* Ports that a cell can use, where they are given by hand. */
#define PORTS_PER_CELL	16

static const char usage[] =
"usage: conformance [OPTION...] [ROW...]\n"
"\n"
"Do the same with sockets of several families, and compare what comes of it with\n"
"what should, which is what Kite does. Prints KTAP: a test is a row, a family and\n"
"a type. A difference that is known and explained is no failure.\n"
"\n"
"  ROW                 just these (--list names them)\n"
"  -f, --family NAME   kite, unix, inet, vsock, or the number of a family of your\n"
"                      own; again for more. Without it, the four.\n"
"  -t, --type NAME     stream, seqpacket or dgram; again for more\n"
"  -w, --write DIR     also write table.txt, table.rst and table.json there\n"
"  -l, --list          list the rows, with what should come of them\n"
"  -h, --help\n"
"\n"
"For the number of a family (the last one given):\n"
"  -s, --sockaddr un|in|vm\n"
"                      what its addresses look like: struct sockaddr_un, with\n"
"                      abstract names; sockaddr_in; sockaddr_vm (the default)\n"
"  -n, --node N        the node or cid that means this machine (1), or with \"in\"\n"
"                      the IPv4 address (127.0.0.1)\n"
"  -p, --port N        bind to the ports from N on. Without it, the family has to\n"
"                      choose: port 0 with \"in\", -1 with \"vm\"\n"
"  -k, --like NAME     what is known of unix, inet or vsock is no failure either\n"
"\n"
"For vsock, load its loopback first: modprobe vsock_loopback.\n"
"The exit status is 1 if a test failed, 2 if the arguments are wrong.\n";

static struct family families[MAX_FAMILIES];
static struct table table = { .families = families };
static unsigned int types;

static void die(const char *what, const char *which)
{
	fprintf(stderr, "conformance: %s%s%s; --help tells more\n", what,
		which ? " " : "", which ?: "");
	exit(2);
}

static long number(const char *text, const char *what, long max)
{
	char *end;
	long n = strtol(text, &end, 0);

	if (end == text || *end || n < 0 || n > max)
		die(what, text);
	return n;
}

static void set_layout(struct family *f, const char *name)
{
	*f = (struct family){ .name = f->name, .domain = f->domain };
	if (!strcmp(name, "un")) {
		f->layout = LAYOUT_UN;
	} else if (!strcmp(name, "in")) {
		f->layout = LAYOUT_IN;
		f->node = INADDR_LOOPBACK;
		f->elsewhere = 0xc0000201;
	} else if (!strcmp(name, "vm")) {
		f->layout = LAYOUT_VM;
		f->node = 1;
		f->elsewhere = 77;
	} else {
		die("--sockaddr is un, in or vm, not", name);
	}
}

static void add_family(const char *name)
{
	struct family *f = &families[table.nr_families];

	if (table.nr_families == MAX_FAMILIES)
		die("too many families", NULL);
	table.nr_families++;
	if (family_find(f, name))
		return;
	if (name[0] < '0' || name[0] > '9')
		die("no family", name);
	f->name = name;
	f->domain = number(name, "no family", AF_MAX - 1);
	set_layout(f, "vm");
}

/* The family that --sockaddr and such are about. */
static struct family *own_family(const char *option)
{
	struct family *f = &families[table.nr_families - 1];

	if (!table.nr_families || f->id)
		die("first --family and a number, then", option);
	return f;
}

static void set_node(struct family *f, const char *text)
{
	struct in_addr in;

	if (f->layout == LAYOUT_IN && inet_pton(AF_INET, text, &in) == 1)
		f->node = ntohl(in.s_addr);
	else
		f->node = number(text, "no node", 0x7fffffff);
}

static void set_like(struct family *f, const char *name)
{
	struct family other;

	if (!family_find(&other, name))
		die("no family", name);
	f->id = other.id & ~KITE;
}

static void set_type(const char *name)
{
	unsigned int type;

	for (type = STREAM; type <= DGRAM; type <<= 1) {
		if (strcmp(name, type_name(type)))
			continue;
		types |= type;
		return;
	}
	die("--type is stream, seqpacket or dgram, not", name);
}

static void list_rows(void)
{
	int i;

	for (i = 0; i < nr_rows; i++)
		printf("%s: %s: %s\n    %s\n", rows[i]->name, rows[i]->section,
		       rows[i]->what, rows[i]->expect);
}

/* Those with the names in @names, or all. */
static void choose_rows(char **names, int n)
{
	int i;

	table.rows = rows;
	table.nr_rows = nr_rows;
	if (!n)
		return;
	table.rows = calloc(n, sizeof(table.rows[0]));
	if (!table.rows)
		die("no memory", NULL);
	for (i = 0; i < n; i++) {
		table.rows[i] = row_find(names[i]);
		if (!table.rows[i])
			die("no row", names[i]);
	}
	table.nr_rows = n;
}

/* KTAP */

static void print_cell(const struct cell *cell, int nr)
{
	printf("%s %d %s %s %s", cell->result == FAIL ? "not ok" : "ok", nr,
	       cell->family->name, type_name(cell->type), cell->row->name);
	switch (cell->result) {
	case NA:
		printf(" # SKIP %s\n", cell->why);
		break;
	case DIFFERS:
		printf("\n# known: \"%s\", not \"%s\". %s\n", cell->said,
		       cell->row->expect, cell->why);
		break;
	case FAIL:
		printf("\n# %s: %s: \"%s\", not \"%s\"\n", cell->row->section,
		       cell->row->what, cell->said, cell->row->expect);
		break;
	default:
		putchar('\n');
	}
	fflush(stdout);
}

/* Is there something to run, or something that the row itself finds missing? */
static bool is_test(const struct cell *cell)
{
	return cell->row->types & types & cell->type &&
	       !cell->family->no[type_index(cell->type)];
}

static int prepare(void)
{
	int row, family, type, n = 0;
	struct cell *cell;

	for (row = 0; row < table.nr_rows; row++)
		for (family = 0; family < table.nr_families; family++)
			for (type = 0; type < NR_TYPES; type++) {
				cell = table_cell(&table, row, family, type);
				cell->row = table.rows[row];
				cell->family = &families[family];
				cell->type = 1 << type;
				cell->port = families[family].port;
				if (cell->port)
					cell->port += n * PORTS_PER_CELL;
				n += is_test(cell);
			}
	return n;
}

/* What families have not got at all. */
static void print_missing(void)
{
	const struct family *f;
	int type;

	for (f = families; f < families + table.nr_families; f++)
		for (type = 0; type < NR_TYPES; type++)
			if (f->no[type] && types & 1 << type)
				printf("# %s %s: %s\n", f->name, type_name(1 << type),
				       f->no[type]);
}

static int run(void)
{
	int count[NA + 1] = { 0 };
	struct cell *cell;
	int tests = prepare(), nr = 0;

	printf("TAP version 13\n");
	print_missing();
	if (!tests) {
		printf("1..0 # SKIP nothing to test\n");
		return SKIPPED;
	}
	printf("1..%d\n", tests);
	for_each_cell(&table, cell) {
		if (!(cell->row->types & types & cell->type))
			continue;
		cell_run(cell);
		if (!is_test(cell))
			continue;
		count[cell->result]++;
		print_cell(cell, ++nr);
	}
	printf("# Totals: pass:%d fail:%d xfail:%d xpass:0 skip:%d error:0\n",
	       count[PASS], count[FAIL], count[DIFFERS], count[NA]);
	return count[FAIL] ? 1 : 0;
}

/* Returns where to write the table, or NULL. */
static const char *parse_options(int argc, char **argv)
{
	static const struct option options[] = {
		{ "family", required_argument, NULL, 'f' },
		{ "type", required_argument, NULL, 't' },
		{ "write", required_argument, NULL, 'w' },
		{ "list", no_argument, NULL, 'l' },
		{ "help", no_argument, NULL, 'h' },
		{ "sockaddr", required_argument, NULL, 's' },
		{ "node", required_argument, NULL, 'n' },
		{ "port", required_argument, NULL, 'p' },
		{ "like", required_argument, NULL, 'k' },
		{ NULL, 0, NULL, 0 },
	};
	const char *dir = NULL;
	int c;

	while ((c = getopt_long(argc, argv, "f:t:w:lhs:n:p:k:", options, NULL)) >= 0) {
		switch (c) {
		case 'f':
			add_family(optarg);
			break;
		case 't':
			set_type(optarg);
			break;
		case 'w':
			dir = optarg;
			break;
		case 'l':
			list_rows();
			exit(0);
		case 'h':
			fputs(usage, stdout);
			exit(0);
		case 's':
			set_layout(own_family("--sockaddr"), optarg);
			break;
		case 'n':
			set_node(own_family("--node"), optarg);
			break;
		case 'p':
			own_family("--port")->port = number(optarg, "no port", 0x7fffffff);
			break;
		case 'k':
			set_like(own_family("--like"), optarg);
			break;
		default:
			fputs(usage, stderr);
			exit(2);
		}
	}
	return dir;
}

static const char *const standard[] = { "kite", "unix", "inet", "vsock" };

int main(int argc, char **argv)
{
	const char *dir = parse_options(argc, argv);
	int err = 0, status;
	size_t i;

	if (!table.nr_families)
		for (i = 0; i < ARRAY_SIZE(standard); i++)
			add_family(standard[i]);
	types = types ?: ALL;
	choose_rows(argv + optind, argc - optind);
	table.cells = calloc(table.nr_rows * table.nr_families * NR_TYPES,
			     sizeof(table.cells[0]));
	if (!table.cells)
		die("no memory", NULL);
	for (i = 0; i < (size_t)table.nr_families; i++)
		family_probe(&families[i]);
	status = run();
	if (dir)
		err = table_write(&table, dir);
	if (err) {
		fprintf(stderr, "conformance: %s: %s\n", dir, strerror(-err));
		return 1;
	}
	return status;
}
