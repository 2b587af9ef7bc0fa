// SPDX-License-Identifier: GPL-2.0
/*
 * What the kernel says of its own bugs, read from its log while we run, so that a
 * report can be told from what came before it. selftests/vm/reports reads it all
 * again when the VM ends; a list that is shorter here only costs the position.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "random.h"
#include "reports.h"

static const char * const signs[] = {
	"BUG: ", "WARNING: ", "Oops: ", "general protection fault", "UBSAN: ",
	"ODEBUG: ", "refcount_t: ", "ref_tracker: ", "INFO: task", "INFO: possible",
	"suspicious RCU usage", "inconsistent lock state", "bad unlock balance",
	"held lock freed", "lock held when returning", "sleeping function called",
	"scheduling while atomic", "detected stall", "Bad page state",
	"unregister_netdevice: waiting", "page_counter underflow",
};

static int log_fd = -1;

/* From now on. */
void reports_open(void)
{
	log_fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (log_fd < 0) {
		fprintf(stderr, "the kernel's log cannot be read: reports go unseen\n");
		return;
	}
	lseek(log_fd, 0, SEEK_END);
}

/* Has it said anything since the last call? */
bool reports_any(void)
{
	char record[8192];
	bool found = false;
	unsigned int i;
	ssize_t len;

	if (log_fd < 0)
		return false;
	/* -EPIPE: some were lost, and the next ones are there. */
	while ((len = read(log_fd, record, sizeof(record) - 1)) > 0 || errno == EPIPE) {
		if (len <= 0)
			continue;
		record[len] = '\0';
		/* Whose race it is stands in the stacks, which come later. */
		if (strstr(record, "BUG: KCSAN: "))
			continue;
		for (i = 0; i < ARRAY_SIZE(signs) && !found; i++)
			found = strstr(record, signs[i]);
	}
	return found;
}
