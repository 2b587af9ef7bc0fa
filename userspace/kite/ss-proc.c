// SPDX-License-Identifier: GPL-2.0
/*
 * Which processes hold a socket: those with a file descriptor of its inode. Of
 * other users' processes only root can see that.
 */
#include <ctype.h>
#include <dirent.h>
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <json-c/json.h>

#include "kite.h"
#include "nl.h"

/* A file descriptor that is a socket, of whatever family. */
struct holder {
	unsigned int ino;
	int pid;
	int fd;
	char name[16];
};

static struct holder *holders;
static size_t nr_holders;

static void add_holder(const struct holder *holder)
{
	static size_t room;

	if (nr_holders == room) {
		room = room ? 2 * room : 256;
		holders = realloc(holders, room * sizeof(*holders));
		if (!holders)
			err(1, "no memory");
	}
	holders[nr_holders++] = *holder;
}

/* The name of a process is a line in its directory. */
static void read_name(int proc, struct holder *holder)
{
	int fd = openat(proc, "comm", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, holder->name, sizeof(holder->name) - 1);

	if (fd >= 0)
		close(fd);
	holder->name[n > 0 ? n : 0] = '\0';
	holder->name[strcspn(holder->name, "\n")] = '\0';
}

static void read_fd(int dir, const char *name, struct holder *holder)
{
	char link[64];
	ssize_t n = readlinkat(dir, name, link, sizeof(link) - 1);

	if (n < 0)
		return;
	link[n] = '\0';
	if (sscanf(link, "socket:[%u]", &holder->ino) != 1)
		return;
	holder->fd = atoi(name);
	add_holder(holder);
}

/* Processes come and go, and some are not ours to look at. */
static void read_process(int proc, struct holder *holder)
{
	int fd = openat(proc, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	if (!dir)
		return;
	read_name(proc, holder);
	while ((entry = readdir(dir))) {
		if (isdigit(*entry->d_name))
			read_fd(fd, entry->d_name, holder);
	}
	closedir(dir);
}

static int by_inode(const void *a, const void *b)
{
	const struct holder *x = a, *y = b;

	if (x->ino != y->ino)
		return x->ino < y->ino ? -1 : 1;
	return x->pid != y->pid ? x->pid - y->pid : x->fd - y->fd;
}

/**
 * processes_read - look at all processes
 */
void processes_read(void)
{
	DIR *dir = opendir("/proc");
	struct dirent *entry;

	if (!dir)
		err(1, "/proc");
	while ((entry = readdir(dir))) {
		struct holder holder = { .pid = atoi(entry->d_name) };
		int proc;

		if (!isdigit(*entry->d_name))
			continue;
		proc = openat(dirfd(dir), entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (proc < 0)
			continue;
		read_process(proc, &holder);
		close(proc);
	}
	closedir(dir);
	if (nr_holders)
		qsort(holders, nr_holders, sizeof(*holders), by_inode);
}

/* The first of those that hold it. */
static const struct holder *first(unsigned int ino)
{
	size_t low = 0, high = nr_holders;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (holders[middle].ino < ino)
			low = middle + 1;
		else
			high = middle;
	}
	return holders + low;
}

/* The one after @h that holds it too; the first without @h. */
static const struct holder *next(unsigned int ino, const struct holder *h)
{
	h = h ? h + 1 : first(ino);
	return ino && h < holders + nr_holders && h->ino == ino ? h : NULL;
}

/**
 * processes_print - print who holds a socket, as ss(8) does
 * @ino: its inode
 */
void processes_print(unsigned int ino)
{
	const struct holder *h = NULL;
	const char *before = " users:(";

	while ((h = next(ino, h))) {
		printf("%s(\"%s\",pid=%d,fd=%d)", before, h->name, h->pid, h->fd);
		before = ",";
	}
	if (*before == ',')
		printf(")");
}

/**
 * processes_json - who holds a socket
 * @ino: its inode
 *
 * Return: an array of JSON.
 */
struct json_object *processes_json(unsigned int ino)
{
	struct json_object *list = json_object_new_array();
	const struct holder *h = NULL;

	while ((h = next(ino, h))) {
		struct json_object *o = json_object_new_object();

		json_object_object_add(o, "name", json_object_new_string(h->name));
		json_object_object_add(o, "pid", json_object_new_int(h->pid));
		json_object_object_add(o, "fd", json_object_new_int(h->fd));
		json_object_array_add(list, o);
	}
	return list;
}
