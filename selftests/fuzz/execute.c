// SPDX-License-Identifier: GPL-2.0
/*
 * Running a program: in a process of its own, its calls in a few threads, so that one
 * that waits does not hold up the next; and what of the kernel it reaches.
 *
 * Coverage is KCOV's, where the kernel has it: each thread has its own. What is in the
 * area that they share with us afterwards are the addresses of blocks.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <linux/kcov.h>

#include "program.h"

#define THREADS		4
/* How long the next call waits for one that blocks, and all of them at the end. */
#define STEP_MS		20
#define END_MS		50
/* A program has so long, and its end after that. */
#define PROGRAM_MS	10000
#define KILL_MS		60000

/* Coverage */

#define KCOV		"/sys/kernel/debug/kcov"
#define COVER_ENTRIES	(64 << 10)
#define SEEN_BITS	22
#define NEW_MAX		8192

static int cover_fd[THREADS] = { -1, -1, -1, -1 };
static unsigned long *cover[THREADS];
static unsigned char seen[1 << (SEEN_BITS - 3)];
static unsigned int nr_seen;
static unsigned long new_blocks[NEW_MAX];
static unsigned int nr_new;

/**
 * coverage_open() - be ready to see what programs reach
 *
 * Where the kernel tells, but not us, this is the end of the program.
 *
 * Return: false where the kernel does not tell.
 */
bool coverage_open(void)
{
	int i;

	if (access(KCOV, F_OK))
		return false;
	for (i = 0; i < THREADS; i++) {
		cover_fd[i] = open(KCOV, O_RDWR | O_CLOEXEC);
		if (cover_fd[i] < 0 || ioctl(cover_fd[i], KCOV_INIT_TRACE, COVER_ENTRIES))
			err(2, "%s", KCOV);
		cover[i] = mmap(NULL, COVER_ENTRIES * sizeof(long), PROT_READ | PROT_WRITE,
				MAP_SHARED, cover_fd[i], 0);
		if (cover[i] == MAP_FAILED)
			err(2, "%s", KCOV);
		/* A program need not see it, and is made faster without. */
		madvise(cover[i], COVER_ENTRIES * sizeof(long), MADV_DONTFORK);
	}
	return true;
}

static bool see(unsigned long pc)
{
	unsigned int n = pc * 0x9e3779b97f4a7c15 >> (64 - SEEN_BITS);

	if (seen[n / 8] >> n % 8 & 1)
		return false;
	seen[n / 8] |= 1 << n % 8;
	nr_seen++;
	return true;
}

static unsigned long nr_reached(unsigned int t)
{
	unsigned long n = cover[t] ? __atomic_load_n(&cover[t][0], __ATOMIC_RELAXED) : 0;

	return n < COVER_ENTRIES ? n : COVER_ENTRIES - 1;
}

static void coverage_clear(void)
{
	unsigned int t;

	for (t = 0; t < THREADS; t++)
		if (cover[t])
			cover[t][0] = 0;
}

/* How many blocks the last program reached that none before it did. */
unsigned int coverage_new(void)
{
	unsigned long i, n;
	unsigned int t;

	nr_new = 0;
	for (t = 0; t < THREADS; t++)
		for (i = 1, n = nr_reached(t); i <= n; i++)
			if (see(cover[t][i]) && nr_new < NEW_MAX)
				new_blocks[nr_new++] = cover[t][i];
	coverage_clear();
	return nr_new;
}

static bool is_reached(unsigned long block)
{
	unsigned long i, n;
	unsigned int t;

	for (t = 0; t < THREADS; t++)
		for (i = 1, n = nr_reached(t); i <= n; i++)
			if (cover[t][i] == block)
				return true;
	return false;
}

/* Did the last program reach all those that were new by coverage_new(), too? */
bool coverage_again(void)
{
	unsigned int i;

	for (i = 0; i < nr_new && is_reached(new_blocks[i]); i++)
		;
	coverage_clear();
	return i == nr_new;
}

unsigned int coverage_total(void)
{
	return nr_seen;
}

/* In the process of the program */

struct worker {
	pthread_t thread;
	pthread_cond_t cond;
	int id, step;		/* -1: none */
};

static const struct program *running;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t idle;
static struct worker workers[THREADS];
static unsigned int nr_workers;
static int fds[SLOTS];

static long descriptor(uint64_t slot)
{
	return slot < SLOTS ? __atomic_load_n(&fds[slot], __ATOMIC_RELAXED) : -1;
}

static void do_stores(const struct lowered *l, unsigned long page)
{
	unsigned int i;

	for (i = 0; i < l->nr_stores; i++) {
		const struct store *s = &l->stores[i];
		uint64_t value = s->fd ? (uint64_t)descriptor(s->value) : s->value;

		memcpy((void *)(page + s->offset), &value, s->size);
	}
}

static void do_step(unsigned int n)
{
	char makes = calls[running->step[n].call].makes;
	struct lowered l;
	unsigned int i;
	long arg[6], ret;

	lower(&l, running, n);
	do_stores(&l, PAGE_OF(n));
	for (i = 0; i < 6; i++)
		arg[i] = l.fds >> i & 1 ? descriptor(l.arg[i]) : (long)l.arg[i];
	ret = syscall(l.nr, arg[0], arg[1], arg[2], arg[3], arg[4], arg[5]);
	if (l.nr == SYS_fork && !ret)
		_exit(0);
	if (ret < 0)
		return;
	if (makes >= 'a')
		__atomic_store_n(&fds[2 * n], ret, __ATOMIC_RELAXED);
	else if (makes)
		memcpy(&fds[2 * n], (void *)PAGE_OF(n), sizeof(fds[0]) * 2);
}

static void *work(void *data)
{
	struct worker *w = data;

	if (cover[w->id])
		ioctl(cover_fd[w->id], KCOV_ENABLE, KCOV_TRACE_PC);
	pthread_mutex_lock(&lock);
	for (;;) {
		while (w->step < 0)
			pthread_cond_wait(&w->cond, &lock);
		pthread_mutex_unlock(&lock);
		do_step(w->step);
		pthread_mutex_lock(&lock);
		w->step = -1;
		pthread_cond_broadcast(&idle);
	}
	return NULL;
}

static struct timespec after_ms(int ms)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_nsec += ms * 1000000L;
	t.tv_sec += t.tv_nsec / 1000000000;
	t.tv_nsec %= 1000000000;
	return t;
}

/* One that waits for work, or a new one. With the lock held. */
static struct worker *idle_worker(void)
{
	struct worker *w;

	for (w = workers; w < workers + nr_workers; w++)
		if (w->step < 0)
			return w;
	if (nr_workers == THREADS)
		return NULL;
	w->id = nr_workers++;
	w->step = -1;
	pthread_cond_init(&w->cond, NULL);
	pthread_create(&w->thread, NULL, work, w);
	return w;
}

static bool all_idle(void)
{
	unsigned int i;

	for (i = 0; i < nr_workers; i++)
		if (workers[i].step >= 0)
			return false;
	return true;
}

/* Returns false if every thread is in a call that does not return. */
static bool start_step(unsigned int n)
{
	struct timespec end = after_ms(STEP_MS);
	struct worker *w;

	while (!(w = idle_worker()))
		if (pthread_cond_timedwait(&idle, &lock, &end))
			return false;
	w->step = n;
	pthread_cond_signal(&w->cond);
	end = after_ms(STEP_MS);
	while (!running->step[n].async && w->step == (int)n)
		if (pthread_cond_timedwait(&idle, &lock, &end))
			break;
	return true;
}

static void ignore(int sig)
{
	(void)sig;
}

static void prepare(void)
{
	struct sigaction on_alarm = { .sa_handler = ignore };
	pthread_condattr_t monotonic;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGIO, SIG_IGN);
	sigaction(SIGALRM, &on_alarm, NULL);
	memset(fds, 0xff, sizeof(fds));
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&idle, &monotonic);
}

static void run(const struct program *p)
{
	struct timespec end;
	unsigned int n;

	running = p;
	prepare();
	pthread_mutex_lock(&lock);
	for (n = 0; n < p->n; n++)
		if (!start_step(n))
			break;
	end = after_ms(END_MS);
	while (!all_idle())
		if (pthread_cond_timedwait(&idle, &lock, &end))
			break;
	_exit(0);
}

/* Outside of it */

/* The programs' memory: shared, for a fork of private pages would be all that we do. */
static bool map_area(void)
{
	static bool mapped;

	if (mapped)
		return true;
	mapped = mmap((void *)AREA, AREA_SIZE, PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) != MAP_FAILED;
	return mapped;
}

static bool ends_within(pid_t pid, int ms)
{
	int fd = syscall(SYS_pidfd_open, pid, 0), n;
	struct pollfd pfd = { .fd = fd, .events = POLLIN };

	if (fd < 0)
		return true;
	n = poll(&pfd, 1, ms);
	close(fd);
	return n > 0;
}

/**
 * execute() - run a program
 * @p: the program
 *
 * Return: DONE; SLOW if it had to be killed; STUCK if that was of no use.
 */
enum outcome execute(const struct program *p)
{
	enum outcome outcome = DONE;
	pid_t pid;

	if (!map_area())
		return STUCK;
	pid = fork();
	if (pid < 0)
		return SLOW;
	if (!pid)
		run(p);
	if (!ends_within(pid, PROGRAM_MS)) {
		outcome = SLOW;
		kill(pid, SIGKILL);
		if (!ends_within(pid, KILL_MS))
			return STUCK;
	}
	waitpid(pid, NULL, 0);
	return outcome;
}
