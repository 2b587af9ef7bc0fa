// SPDX-License-Identifier: GPL-2.0
/*
 * A descriptor whose socket is exchanged falls out of the epoll sets that it is in.
 * The kernel tells of them in /proc/self/fdinfo, so that nobody has to keep a list.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "preload.h"

struct registration {
	struct registration *next;
	int set;
	struct epoll_event event;
};

static bool epoll_is(int fd)
{
	char path[40], link[32];
	ssize_t len;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	len = readlink(path, link, sizeof(link));
	return len == (ssize_t)strlen("anon_inode:[eventpoll]") &&
	       !memcmp(link, "anon_inode:[eventpoll]", len);
}

static void epoll_read(struct registration **list, int set, int fd)
{
	unsigned long long data;
	struct registration *r;
	unsigned int events;
	char line[256];
	int target;
	FILE *f;

	snprintf(line, sizeof(line), "/proc/self/fdinfo/%d", set);
	f = fopen(line, "re");
	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "tfd: %d events: %x data: %llx", &target, &events,
			   &data) != 3 || target != fd)
			continue;
		r = malloc(sizeof(*r));
		if (!r)
			break;
		r->set = set;
		r->event.events = events;
		r->event.data.u64 = data;
		r->next = *list;
		*list = r;
		/* Its old socket would stay in, should another descriptor have it. */
		epoll_ctl(set, EPOLL_CTL_DEL, fd, NULL);
	}
	if (f)
		fclose(f);
}

/**
 * epoll_save - take a descriptor out of the epoll sets of this process
 * @fd: the descriptor
 *
 * Return: a list for epoll_restore().
 */
struct registration *epoll_save(int fd)
{
	struct registration *list = NULL;
	struct dirent *entry;
	DIR *dir = opendir("/proc/self/fd");

	while (dir && (entry = readdir(dir))) {
		int set = atoi(entry->d_name);

		if (entry->d_name[0] != '.' && epoll_is(set))
			epoll_read(&list, set, fd);
	}
	if (dir)
		closedir(dir);
	return list;
}

/**
 * epoll_restore - put a descriptor back into its epoll sets
 * @fd: the descriptor
 * @saved: the list; freed
 */
void epoll_restore(int fd, struct registration *saved)
{
	while (saved) {
		struct registration *r = saved;

		saved = r->next;
		epoll_ctl(r->set, EPOLL_CTL_ADD, fd, &r->event);
		free(r);
	}
}
