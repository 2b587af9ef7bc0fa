// SPDX-License-Identifier: GPL-2.0
/*
 * What "kite run" leaves for the library, in the environment: KITE_RUN_FAMILY,
 * KITE_RUN_MAP and KITE_RUN_VERBOSE. A program that is started by the program
 * has them too.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "preload.h"

static struct config settings;
static bool ready;

/* "80=8080@2,443=8443". It was checked before, so what is odd is left out. */
static void parse_maps(const char *text)
{
	struct map *map;
	char *end;

	while (text && *text && settings.count < MAPS_MAX) {
		map = &settings.maps[settings.count];
		map->port = strtoul(text, &end, 10);
		if (*end != '=')
			return;
		map->kite_port = strtoul(end + 1, &end, 10);
		map->kite_node = *end == '@' ? strtoul(end + 1, &end, 10) : 0;
		settings.count++;
		text = *end == ',' ? end + 1 : NULL;
	}
}

__attribute__((constructor))
static void config_read(void)
{
	const char *family = getenv("KITE_RUN_FAMILY");

	if (ready)
		return;
	parse_maps(getenv("KITE_RUN_MAP"));
	settings.verbose = getenv("KITE_RUN_VERBOSE");
	settings.family = family ? atoi(family) : 0;
	ready = true;
}

/**
 * config - what "kite run" was told
 *
 * Other libraries may open sockets before it was our turn to begin.
 *
 * Return: that.
 */
const struct config *config(void)
{
	if (!ready)
		config_read();
	return &settings;
}

/**
 * tell - say on stderr what becomes of a socket, if --verbose
 * @what: the call
 * @fd: the socket
 * @tag: what it stands for
 * @kite: the address that is used; NULL: the socket is none of Kite's any more
 */
void tell(const char *what, int fd, const struct tag *tag,
	  const struct sockaddr_kite *kite)
{
	static const char * const kinds[] = { "inet", "inet6", "inet6", "vsock" };
	char text[160], where[48] = "not on loopback, so not Kite";
	int len;

	if (!config()->verbose)
		return;
	if (kite && kite->skt_node == KITE_NODE_ANY)
		snprintf(where, sizeof(where), "Kite *:%u", kite->skt_port);
	else if (kite)
		snprintf(where, sizeof(where), "Kite %u:%u", kite->skt_node,
			 kite->skt_port);
	len = snprintf(text, sizeof(text), "kite run: %s[%d]: fd %d, %s %s: %s\n",
		       program_invocation_short_name, (int)getpid(), fd,
		       kinds[tag->kind], what, where);
	if (len >= (int)sizeof(text))
		len = sizeof(text) - 1;
	if (write(2, text, len) < 0)
		return;
}
