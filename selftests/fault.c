// SPDX-License-Identifier: GPL-2.0
/* Faults on demand: see fault.h. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "family.h"
#include "fault.h"
#include "util.h"

#define FAIL_NTH	"/proc/thread-self/fail-nth"

/* No call has more of them. */
#define ROUNDS_MAX	2000

static int set(const char *path, const char *value)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), err = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, value, strlen(value)) < 0)
		err = -errno;
	close(fd);
	return err;
}

/* Of allocations that may sleep, too, and without a word in the log for each. */
static const char *switch_on(void)
{
	static const char * const settings[][2] = {
		{ "failslab/ignore-gfp-wait", "N" },
		{ "failslab/verbose", "0" },
		{ "fail_page_alloc/ignore-gfp-wait", "N" },
		{ "fail_page_alloc/ignore-gfp-highmem", "N" },
		{ "fail_page_alloc/min-order", "0" },
		{ "fail_page_alloc/verbose", "0" },
		{ "fail_usercopy/verbose", "0" },
	};
	char path[100];
	size_t i;

	if (access(FAIL_NTH, W_OK))
		return "this kernel has no " FAIL_NTH ": see --kernel debug";
	for (i = 0; i < sizeof(settings) / sizeof(*settings); i++) {
		snprintf(path, sizeof(path), "/sys/kernel/debug/%s", settings[i][0]);
		if (set(path, settings[i][1]))
			return "no debugfs with failslab, fail_page_alloc and fail_usercopy";
	}
	return NULL;
}

/**
 * faults_begin - let the calls of this thread meet faults, in a namespace of its own
 * @f: where their state goes
 *
 * Return: NULL, or why there can be none.
 */
const char *faults_begin(struct faults *f)
{
	const char *why = family_kite.missing() ?: switch_on();

	if (why)
		return why;
	memset(f, 0, sizeof(*f));
	f->fd = open(FAIL_NTH, O_RDWR | O_CLOEXEC);
	if (f->fd < 0 || enter_new_netns())
		return "no namespace of its own, or no " FAIL_NTH;
	return NULL;
}

void faults_from(struct faults *f, unsigned int first, unsigned int last)
{
	f->nth = first - 1;
	f->last = last;
	f->fired = true;
}

/* Is there another round? */
bool faults_next(struct faults *f)
{
	if (!f->fired && f->nth >= f->last)
		return false;
	if (f->nth >= ROUNDS_MAX) {
		printf("# the fault of round %u happens, too\n", f->nth);
		abort();
	}
	f->nth++;
	f->fired = false;
	return true;
}

/* To write it is a system call too, whose own copy may meet the fault. */
static void arm(struct faults *f, unsigned int nth)
{
	char value[16];
	int len = snprintf(value, sizeof(value), "%u", nth);

	while (pwrite(f->fd, value, len, 0) != len)
		if (errno != EFAULT)
			abort();
}

void faults_arm(struct faults *f)
{
	arm(f, f->nth);
}

/* How many were left until the fault; 0 if it happened. */
unsigned int faults_left(struct faults *f)
{
	int saved = errno;
	char value[16] = "";
	unsigned int left = 1;

	/* Where to read it meets the fault, the call before has not. */
	if (pread(f->fd, value, sizeof(value) - 1, 0) > 0)
		left = strtoul(value, NULL, 10);
	arm(f, 0);
	errno = saved;
	return left;
}

/* Did it happen? */
bool faults_disarm(struct faults *f)
{
	f->fired = !faults_left(f);
	f->count += f->fired;
	return f->fired;
}

/* Did a fault happen that may give such an error? ENFILE is what accept says of it. */
bool fault_excuses(const struct faults *f, long ret)
{
	return f->fired && (ret == -ENOMEM || ret == -ENOBUFS || ret == -EFAULT ||
			    ret == -ENFILE);
}
