// SPDX-License-Identifier: GPL-2.0
/*
 * usage: pairs kite|unix|inet|pipe TYPE
 *
 * On each CPU a process with a pair of sockets of its own, which sends and receives
 * 64 bytes at a time. "pipe" is one pipe that all use. lines.c, a plugin of the VM's
 * QEMU, sees what they have in common.
 */
#include <err.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../family.h"
#include "lines.h"

#define SIZE		64
#define WARM_UP		200

/* asm() wants the bytes as a text. */
#define TEXT(...)	#__VA_ARGS__
#define BYTES(...)	asm volatile(".byte " TEXT(__VA_ARGS__))

static void send_recv(const int fd[2], int times)
{
	char data[SIZE] = "";

	while (times--) {
		if (write(fd[1], data, SIZE) != SIZE || read(fd[0], data, SIZE) != SIZE)
			err(1, "send and receive");
	}
}

static void on_one_cpu(int cpu, const int fd[2], pthread_barrier_t *all)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		err(1, "CPU %d", cpu);
	send_recv(fd, WARM_UP);
	pthread_barrier_wait(all);
	BYTES(MARK_BEGIN);
	pthread_barrier_wait(all);
	send_recv(fd, MARK_MESSAGES);
	pthread_barrier_wait(all);
	BYTES(MARK_END);
	_exit(0);
}

/* Whether there is a pair of that family and type. */
static void make_pair(const char *family, int type, int fd[2])
{
	const struct family *all[] = { &family_kite, &family_unix, &family_inet };

	for (int i = 0; i < 3; i++) {
		if (strcmp(all[i]->name, family))
			continue;
		if (pair_of_type(all[i], type, fd))
			errx(1, "no pair of %s", family);
		return;
	}
	errx(2, "no family %s", family);
}

static int type_of(const char *name)
{
	if (!strcmp(name, "stream"))
		return SOCK_STREAM;
	return strcmp(name, "dgram") ? SOCK_SEQPACKET : SOCK_DGRAM;
}

int main(int argc, char **argv)
{
	int cpus = sysconf(_SC_NPROCESSORS_ONLN);
	pthread_barrierattr_t attr;
	pthread_barrier_t *all;
	int fd[2], status;

	if (argc != 3)
		errx(2, "usage: pairs kite|unix|inet|pipe TYPE");
	all = mmap(NULL, sizeof(*all), PROT_READ | PROT_WRITE,
		   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (all == MAP_FAILED)
		err(1, "mmap");
	pthread_barrierattr_init(&attr);
	pthread_barrierattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	pthread_barrier_init(all, &attr, cpus);
	if (!strcmp(argv[1], "pipe") && pipe(fd))
		err(1, "pipe");
	for (int i = 0; i < cpus; i++) {
		if (strcmp(argv[1], "pipe"))
			make_pair(argv[1], type_of(argv[2]), fd);
		if (!fork())
			on_one_cpu(i, fd, all);
	}
	while (wait(&status) > 0) {
		if (status)
			return 1;
	}
	return 0;
}
