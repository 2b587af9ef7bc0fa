// SPDX-License-Identifier: GPL-2.0
/* The families and types that the rows run against. */

#include <stdlib.h>
#include <sys/utsname.h>

#include <linux/kite.h>

#include "conformance.h"

static const struct {
	unsigned int type;
	int number;
	const char *name;
} types[NR_TYPES] = {
	{ STREAM, SOCK_STREAM, "stream" },
	{ SEQPACKET, SOCK_SEQPACKET, "seqpacket" },
	{ DGRAM, SOCK_DGRAM, "dgram" },
};

int type_index(unsigned int type)
{
	int i;

	for (i = 0; i < NR_TYPES; i++)
		if (types[i].type == type)
			break;
	return i;
}

int type_number(unsigned int type)
{
	return types[type_index(type)].number;
}

const char *type_name(unsigned int type)
{
	return types[type_index(type)].name;
}

static const struct family known[] = {
	{
		.name = "kite",
		.id = KITE,
		.domain = AF_KITE,
		.layout = LAYOUT_VM,
		.node = KITE_NODE_LOCAL,
		.elsewhere = 77,
	}, {
		.name = "unix",
		.id = UNIX,
		.domain = AF_UNIX,
		.layout = LAYOUT_UN,
	}, {
		.name = "inet",
		.id = INET,
		.domain = AF_INET,
		.layout = LAYOUT_IN,
		.node = INADDR_LOOPBACK,
		.elsewhere = 0xc0000201,	/* 192.0.2.1, for documentation */
	}, {
		.name = "vsock",
		.id = VSOCK,
		.domain = AF_VSOCK,
		.layout = LAYOUT_VM,
		.node = 1,
		.elsewhere = 77,
	},
};

/* A parameter of kite.ko, or -1. */
static int kite_parameter(const char *name)
{
	char path[64], text[16] = "";
	FILE *file;

	snprintf(path, sizeof(path), "/sys/module/kite/parameters/%s", name);
	file = fopen(path, "re");
	if (!file)
		return -1;
	if (!fgets(text, sizeof(text), file))
		text[0] = '\0';
	fclose(file);
	return text[0] == 'Y' ? 1 : atoi(text);
}

static bool kernel_before(int major, int minor)
{
	struct utsname uts;
	int a, b;

	if (uname(&uts) || sscanf(uts.release, "%d.%d", &a, &b) != 2)
		return false;
	return a < major || (a == major && b < minor);
}

static void find_kite(struct family *f)
{
	int domain = kite_parameter("family");

	if (domain < 0) {
		f->missing = "kite.ko is not loaded";
		return;
	}
	f->domain = domain;
	if (domain == AF_VSOCK)
		f->id |= AS_VSOCK;
	if (!kite_parameter("direct"))
		f->id |= PACKETS;
	if (kernel_before(6, 7))
		f->id |= OLD_CORE;
}

/**
 * family_find() - look up a family by its name
 * @f: where it goes
 * @name: kite, unix, inet or vsock
 *
 * Return: false if there is none of that name.
 */
bool family_find(struct family *f, const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(known); i++) {
		if (strcmp(known[i].name, name))
			continue;
		*f = known[i];
		if (f->id == KITE)
			find_kite(f);
		if (f->id == VSOCK && kite_parameter("family") == AF_VSOCK)
			f->missing = "kite.ko has vsock's number";
		return true;
	}
	return false;
}

/* Can two sockets of the family reach each other here? */
static const char *try_type(const struct family *f, unsigned int type)
{
	struct cell cell = { .family = f, .type = type, .port = f->port };
	struct address addr;
	const char *why = NULL;
	int fd, l = -1;

	fd = socket(f->domain, type_number(type) | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return "the family has no such type";
	if (f->id == VSOCK) {
		l = listener(&cell, 1, &addr);
		if (connect_to(fd, &addr))
			why = "no loopback: modprobe vsock_loopback";
	}
	close(l);
	close(fd);
	return why;
}

/**
 * family_probe() - find out what there is of a family
 * @f: the family
 */
void family_probe(struct family *f)
{
	int i;

	if (f->domain == AF_INET && loopback_up())
		f->missing = "the loopback interface cannot be set up";
	for (i = 0; i < NR_TYPES; i++)
		if (f->missing)
			f->no[i] = f->missing;
		else if (f->id == VSOCK && types[i].type == DGRAM)
			f->no[i] = "vsock's loopback has no datagrams";
		else
			f->no[i] = try_type(f, types[i].type);
}
