// SPDX-License-Identifier: GPL-2.0
/*
 * What more than one subcommand needs: the family's number, and addresses as
 * they are typed.
 */
#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kite.h"

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
		errx(1, "module not loaded; try: sudo insmod kite.ko");
	return family;
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
