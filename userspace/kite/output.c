// SPDX-License-Identifier: GPL-2.0
/*
 * Standard output: what was not written is an error, and the last of it, too.
 */
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "kite.h"

static bool told;

/* Too late for exit(). */
static void check_output(void)
{
	if (!told && (fflush(stdout) || ferror(stdout))) {
		warn("standard output");
		_exit(exit_failure);
	}
}

/*
 * A socket that took the place of a closed standard output would be sent what is
 * printed. What is read comes to its end at once, and what is written is an error. A
 * program that we become has the descriptor closed, as we had.
 */
static void occupy(int fd)
{
	if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDONLY | O_CLOEXEC) != fd)
		err(1, "/dev/null");
}

/**
 * output_init - for main(): see to it that all that is printed is written
 */
void output_init(void)
{
	occupy(STDIN_FILENO);
	occupy(STDOUT_FILENO);
	occupy(STDERR_FILENO);
	if (atexit(check_output))
		err(1, "atexit");
}

/**
 * output_flush - what was printed is for somebody who waits for it
 *
 * The program ends if it cannot be written.
 */
void output_flush(void)
{
	if (!fflush(stdout))
		return;
	told = true;
	err(exit_failure, "standard output");
}
