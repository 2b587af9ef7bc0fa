/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the subcommands of kite have in common.
 */
#ifndef KITE_TOOL_H
#define KITE_TOOL_H

#include <stdbool.h>

#include <linux/kite.h>

/**
 * struct command - a subcommand
 * @name: as it is typed
 * @summary: what it does, in a line of help
 * @run: its main(); argv[0] is @name, and what it returns is the exit status
 */
struct command {
	const char *name;
	const char *summary;
	int (*run)(int argc, char **argv);
};

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

/* Exit statuses beyond 0 and 1: the command line makes no sense. */
#define EXIT_USAGE	2

/* common.c */
int kite_family_if_loaded(void);
int kite_family(void);
bool parse_number(const char *text, unsigned long max, unsigned long *number);
void parse_address(const char *text, struct sockaddr_kite *addr);

/* Each in the file of its name. */
int perf(int argc, char **argv);

#endif /* KITE_TOOL_H */
