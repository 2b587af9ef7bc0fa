/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the subcommands of kite have in common.
 */
#ifndef KITE_TOOL_H
#define KITE_TOOL_H

#include <stdbool.h>
#include <stddef.h>

#include <linux/kite.h>

struct json_object;

/**
 * struct command - a subcommand
 * @name: as it is typed
 * @summary: what it does, in a line of help
 * @run: its main(); argv[0] is "kite NAME", and what it returns is the exit status
 */
struct command {
	const char *name;
	const char *summary;
	int (*run)(int argc, char **argv);
};

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

/* Exit statuses beyond 0 and 1: the command line makes no sense. */
#define EXIT_USAGE	2

/* The longest address as text: NODE:PORT. */
#define ADDRESS_TEXT	24

/* common.c */
extern int exit_failure;
int kite_family_if_loaded(void);
int kite_family(void);
int kite_socket(int type);
bool parse_number(const char *text, unsigned long max, unsigned long *number);
unsigned long parse_option(const char *text, const char *option, unsigned long min,
			   unsigned long max);
double parse_seconds(const char *text, const char *option);
void parse_address(const char *text, struct sockaddr_kite *addr);
const char *address_text(__u32 node, __u32 port, char text[ADDRESS_TEXT]);
int parse_socket_type(const char *text);
const char *socket_type_name(int type);
const char *op_name(int op);
const char *reset_name(int reason);
void bad_option(const char *command);

/* term.c */
enum color {
	COLOR_OFF,
	COLOR_BOLD,
	COLOR_DIM,
	COLOR_RED,
	COLOR_GREEN,
	COLOR_YELLOW,
	COLOR_BLUE,
	COLOR_MAGENTA,
	COLOR_CYAN,
};

const char *color(enum color c);
int terminal_width(void);
bool terminal_utf8(void);

/* output.c */
void output_init(void);
void output_flush(void);

/* json.c */
void json_print(struct json_object *object);
void json_print_line(struct json_object *object);

/* Each in the file of its name. */
int cmd_cat(int argc, char **argv);
int cmd_dump(int argc, char **argv);
int cmd_monitor(int argc, char **argv);
int cmd_perf(int argc, char **argv);
int cmd_ping(int argc, char **argv);
int cmd_run(int argc, char **argv);
int cmd_ss(int argc, char **argv);
int cmd_stat(int argc, char **argv);
int cmd_trace(int argc, char **argv);

#endif /* KITE_TOOL_H */
