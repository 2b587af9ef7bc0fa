// SPDX-License-Identifier: GPL-2.0
/*
 * What more than one subcommand needs: the family's number and its sockets, and
 * addresses, types and numbers as they are typed and shown.
 */
#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "kite.h"

/* The exit status when there is no socket. */
int exit_failure = 1;

/**
 * kite_family_if_loaded - the first argument of socket()
 *
 * The module is asked once: a socket is not to cost more than a socket.
 *
 * Return: the family's number, or -1 without kite.ko.
 */
int kite_family_if_loaded(void)
{
	static int family = -1;
	FILE *f;

	if (family >= 0)
		return family;
	f = fopen("/sys/module/kite/parameters/family", "r");
	if (!f)
		return -1;
	if (fscanf(f, "%d", &family) != 1)
		family = -1;
	fclose(f);
	return family;
}

/**
 * kite_family - the first argument of socket()
 *
 * Return: the family's number. Without kite.ko the program ends.
 */
int kite_family(void)
{
	int family = kite_family_if_loaded();

	if (family < 0)
		errx(exit_failure, "module not loaded; try: sudo insmod kite.ko");
	return family;
}

/**
 * kite_socket - open a socket
 * @type: SOCK_*, and flags of socket()
 *
 * Return: its descriptor. If there is none the program says why, and ends.
 */
int kite_socket(int type)
{
	int fd = socket(kite_family(), type, 0);

	if (fd < 0 && errno == EPERM)
		errx(exit_failure, "raw sockets need CAP_NET_RAW; try: sudo kite ...");
	if (fd < 0)
		err(exit_failure, "socket");
	return fd;
}

/**
 * parse_number - a number as it is typed, decimal or with 0x
 * @text: nothing but the number
 * @max: the largest that makes sense
 * @number: where it goes
 *
 * Return: false if @text is something else.
 */
bool parse_number(const char *text, unsigned long max, unsigned long *number)
{
	char *end;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	*number = strtoul(text, &end, 0);
	return !errno && !*end && *number <= max;
}

/**
 * parse_option - the number that an option has
 * @text: as it is typed
 * @option: its name, "--count"
 * @min: the least that makes sense
 * @max: the most
 *
 * Return: the number. If it makes no sense the program says so, and ends.
 */
unsigned long parse_option(const char *text, const char *option, unsigned long min,
			   unsigned long max)
{
	unsigned long n;

	if (!parse_number(text, max, &n) || n < min)
		errx(EXIT_USAGE, "%s: no number for %s, which is %lu to %lu", text, option,
		     min, max);
	return n;
}

/**
 * parse_seconds - how long, as it is typed
 * @text: seconds, with or without a fraction
 * @option: what it is for, "--interval"
 *
 * Return: seconds, from 0 to a million. If it makes no sense the program says so, and
 * ends.
 */
double parse_seconds(const char *text, const char *option)
{
	double seconds;
	char *end;

	errno = 0;
	seconds = strtod(text, &end);
	if (!strchr("0123456789.", *text) || end == text || *end || errno ||
	    !(seconds >= 0 && seconds <= 1e6))
		errx(EXIT_USAGE, "%s: no seconds for %s; say 1 or 0.2", text, option);
	return seconds;
}

/**
 * parse_address - an address as it is typed: NODE:PORT, or PORT on this node
 * @text: "2:7000", "7000"; "*" stands for any node or any port
 * @addr: where it goes; family number included, so kite.ko has to be loaded
 *
 * The program ends if @text is no address.
 */
void parse_address(const char *text, struct sockaddr_kite *addr)
{
	const char *colon = strchr(text, ':');
	const char *port = colon ? colon + 1 : text;
	char node[16] = "1";
	unsigned long n;

	memset(addr, 0, sizeof(*addr));
	addr->skt_family = kite_family();
	if (colon)
		snprintf(node, sizeof(node), "%.*s", (int)(colon - text), text);

	if (!strcmp(node, "*"))
		addr->skt_node = KITE_NODE_ANY;
	else if (parse_number(node, 0xffffffff, &n))
		addr->skt_node = n;
	else
		errx(EXIT_USAGE, "%s: no node; addresses are NODE:PORT or PORT", text);

	if (!strcmp(port, "*"))
		addr->skt_port = KITE_PORT_ANY;
	else if (parse_number(port, 0xffffffff, &n))
		addr->skt_port = n;
	else
		errx(EXIT_USAGE, "%s: no port; addresses are NODE:PORT or PORT", text);
}

static void number_text(__u32 n, char *text, size_t size)
{
	/* KITE_NODE_ANY and KITE_PORT_ANY */
	if (n == 0xffffffff)
		snprintf(text, size, "*");
	else
		snprintf(text, size, "%u", n);
}

/**
 * address_text - an address as it is typed
 * @node: its node
 * @port: its port
 * @text: where it goes
 *
 * Return: @text.
 */
const char *address_text(__u32 node, __u32 port, char text[ADDRESS_TEXT])
{
	char n[11], p[11];

	number_text(node, n, sizeof(n));
	number_text(port, p, sizeof(p));
	snprintf(text, ADDRESS_TEXT, "%s:%s", n, p);
	return text;
}

static const struct {
	const char *name;
	int type;
} socket_types[] = {
	{ "stream", SOCK_STREAM },
	{ "seqpacket", SOCK_SEQPACKET },
	{ "dgram", SOCK_DGRAM },
	{ "raw", SOCK_RAW },
};

/**
 * parse_socket_type - a type as it is typed
 * @text: its name
 *
 * Return: SOCK_*. If there is no such type the program says so, and ends.
 */
int parse_socket_type(const char *text)
{
	for (size_t i = 0; i < ARRAY_SIZE(socket_types); i++) {
		if (!strcmp(text, socket_types[i].name))
			return socket_types[i].type;
	}
	errx(EXIT_USAGE, "no type %s; types are stream, seqpacket, dgram and raw", text);
}

/**
 * socket_type_name - what a type is called
 * @type: SOCK_*
 *
 * Return: its name, or "?".
 */
const char *socket_type_name(int type)
{
	for (size_t i = 0; i < ARRAY_SIZE(socket_types); i++) {
		if (type == socket_types[i].type)
			return socket_types[i].name;
	}
	return "?";
}

/**
 * op_name - what a packet is called
 * @op: enum kite_op
 *
 * Return: its name, or "?".
 */
const char *op_name(int op)
{
	static const char *const names[] = {
		[KITE_OP_REQUEST]	= "REQUEST",
		[KITE_OP_RESPONSE]	= "RESPONSE",
		[KITE_OP_RESET]		= "RESET",
		[KITE_OP_DATA]		= "DATA",
		[KITE_OP_CREDIT]	= "CREDIT",
		[KITE_OP_SHUTDOWN]	= "SHUTDOWN",
		[KITE_OP_DGRAM]		= "DGRAM",
		[KITE_OP_ECHO]		= "ECHO",
		[KITE_OP_ECHO_REPLY]	= "ECHO_REPLY",
	};

	return op > 0 && op < (int)ARRAY_SIZE(names) ? names[op] : "?";
}

/**
 * reset_name - what the reason of a RESET is called
 * @reason: enum kite_reset
 *
 * Return: its name, or "?".
 */
const char *reset_name(int reason)
{
	static const char *const names[] = {
		[KITE_RESET_REFUSED]	= "REFUSED",
		[KITE_RESET_FULL]	= "FULL",
		[KITE_RESET_ABORT]	= "ABORT",
		[KITE_RESET_PROTOCOL]	= "PROTOCOL",
		[KITE_RESET_TIMEOUT]	= "TIMEOUT",
		[KITE_RESET_NOMEM]	= "NOMEM",
	};

	return reason > 0 && reason < (int)ARRAY_SIZE(names) ? names[reason] : "?";
}

/**
 * bad_option - getopt() has said what is wrong with the command line
 * @command: argv[0]: "kite NAME"
 *
 * The program says who tells more, and ends.
 */
void bad_option(const char *command)
{
	fprintf(stderr, "\"%s --help\" tells more\n", command);
	exit(EXIT_USAGE);
}
