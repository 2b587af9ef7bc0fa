// SPDX-License-Identifier: GPL-2.0
/*
 * kite: one tool with a subcommand for each purpose.
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kite.h"

static const struct command commands[] = {
	{ "cat", "connect or listen, and copy to and from standard input and output", cmd_cat },
	{ "dump", "show packets, or write them to a file", cmd_dump },
	{ "monitor", "print what becomes of sockets, while it happens", cmd_monitor },
	{ "perf", "measure Kite beside the other local families", cmd_perf },
	{ "ping", "ask a node for echoes, and measure how long they take", cmd_ping },
	{ "run", "run a program written for TCP, UDP or AF_VSOCK over Kite", cmd_run },
	{ "ss", "show the sockets that there are, or end some", cmd_ss },
	{ "stat", "the counters, and how fast they grow", cmd_stat },
	{ "trace", "run a command, and draw what its sockets do", cmd_trace },
};

static void print_help(FILE *to)
{
	fprintf(to, "usage: kite COMMAND [ARG...]\n\n");
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		fprintf(to, "  %-8s %s\n", commands[i].name, commands[i].summary);
	fprintf(to, "\n\"kite COMMAND --help\" and kite-COMMAND(1) tell more.\n");
}

/* getopt() says who it is that complains. */
static int run_command(const struct command *c, int argc, char **argv)
{
	if (asprintf(&argv[0], "kite %s", c->name) < 0)
		err(1, "asprintf");
	return c->run(argc, argv);
}

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : NULL;

	output_init();
	if (!name) {
		print_help(stderr);
		return EXIT_USAGE;
	}
	if (!strcmp(name, "help") || !strcmp(name, "--help") || !strcmp(name, "-h")) {
		print_help(stdout);
		return 0;
	}
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		if (!strcmp(name, commands[i].name))
			return run_command(&commands[i], argc - 1, argv + 1);
	}
	errx(EXIT_USAGE, "no command %s; \"kite help\" lists them", name);
}
