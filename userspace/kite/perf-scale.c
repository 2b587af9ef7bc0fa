// SPDX-License-Identifier: GPL-2.0
/*
 * Several pairs of sockets at once, each in a process of its own, on as many CPUs
 * as there are: what has to be shared shows here.
 */
#include <math.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "perf.h"

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1e9 + ts.tv_nsec;
}

static void send_recv(const struct bench *b, const struct pair *p, unsigned long times)
{
	while (times--) {
		put_all(b, p->out[0], b->size);
		get_all(b, p->in[1], b->size);
	}
}

/* Says when it is ready, waits for the start, and says when it is done. */
static void one_pair(const struct bench *b, const int start[2], const int ready[2])
{
	struct pair p;
	char c = 0;

	open_pair(b->family, b->type, &p);
	send_recv(b, &p, 100);
	close(start[1]);
	if (write(ready[1], &c, 1) != 1 || read(start[0], &c, 1) != 0)
		perf_failed(b, "start");
	send_recv(b, &p, b->count);
	if (write(ready[1], &c, 1) != 1)
		perf_failed(b, "end");
	_exit(0);
}

static void wait_for(const struct bench *b, int fd, size_t bytes)
{
	char c;

	while (bytes--) {
		if (read(fd, &c, 1) != 1)
			perf_failed(b, "one of the pairs");
	}
}

static double all_pairs(const struct bench *b)
{
	int start[2], ready[2], status;
	double began, took;

	/* The end of the one is the start, what is written to the other an answer. */
	if (pipe(start) || pipe(ready))
		perf_failed(b, "pipe");
	for (size_t i = 0; i < b->amount; i++) {
		pid_t child = fork();

		if (child < 0)
			perf_failed(b, "fork");
		if (!child)
			one_pair(b, start, ready);
	}
	close(ready[1]);
	wait_for(b, ready[0], b->amount);
	began = now();
	close(start[1]);
	wait_for(b, ready[0], b->amount);
	took = now() - began;
	while (wait(&status) > 0)
		;
	close(start[0]);
	close(ready[0]);
	return took / b->count / b->amount;
}

/* The time between one message and the next, whichever pair's it is. */
double perf_scale(struct bench *b)
{
	double best = INFINITY;

	for (int i = 0; i < 3; i++) {
		double took = all_pairs(b);

		if (took < best)
			best = took;
	}
	return best;
}
