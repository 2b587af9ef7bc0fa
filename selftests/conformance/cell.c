// SPDX-License-Identifier: GPL-2.0
/* Running a cell in a process of its own, and what it says. */

#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "conformance.h"

/* No row takes as long, unless it waits for what never comes. */
#define LIMIT_SECONDS	60

/**
 * say() - add something to what came of it
 * @cell: the cell
 * @text: in words
 */
void say(struct cell *cell, const char *text)
{
	size_t len = strlen(cell->said);

	snprintf(cell->said + len, sizeof(cell->said) - len, "%s%s", len ? ", " : "",
		 text);
}

static const char *error_name(long err)
{
	return strerrorname_np(err) ?: "an unknown error";
}

/**
 * say_result() - what a system call returned
 * @cell: the cell
 * @ret: a number, or an error as a negative one
 */
void say_result(struct cell *cell, long ret)
{
	char number[24];

	snprintf(number, sizeof(number), "%ld", ret);
	say(cell, ret < 0 ? error_name(-ret) : number);
}

/**
 * say_events() - what poll found
 * @cell: the cell
 * @events: POLL*
 */
void say_events(struct cell *cell, int events)
{
	static const struct {
		int event;
		const char *name;
	} names[] = {
		{ POLLIN, "IN" }, { POLLPRI, "PRI" }, { POLLOUT, "OUT" },
		{ POLLERR, "ERR" }, { POLLHUP, "HUP" }, { POLLRDHUP, "RDHUP" },
	};
	char text[64] = "";
	size_t i;

	if (events < 0) {
		say_result(cell, events);
		return;
	}
	for (i = 0; i < ARRAY_SIZE(names); i++) {
		if (!(events & names[i].event))
			continue;
		if (text[0])
			strcat(text, " ");
		strcat(text, names[i].name);
	}
	say(cell, text[0] ? text : "no event");
}

/**
 * must() - what has to work for the row to mean anything
 * @cell: the cell
 * @ret: what a system call returned, an error as a negative number
 * @what: the call
 *
 * Return: @ret, if it is no error. Otherwise the body ends here, and says so.
 */
long must(struct cell *cell, long ret, const char *what)
{
	if (ret >= 0)
		return ret;
	if (*what)
		say(cell, what);
	say(cell, error_name(-ret));
	exit(0);
}

/**
 * not_here() - the family has not got what the row is about: the body ends here
 * @cell: the cell
 * @why: what is missing
 */
void not_here(struct cell *cell, const char *why)
{
	snprintf(cell->said, sizeof(cell->said), "%s", why);
	cell->na = true;
	exit(0);
}

/* In a child: a body may block, die, or change what it is. */
static void run_body(struct cell *cell)
{
	int status;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid < 0) {
		say(cell, "cannot fork");
		return;
	}
	if (!pid) {
		alarm(LIMIT_SECONDS);
		cell->row->run(cell);
		exit(0);
	}
	waitpid(pid, &status, 0);
	if (WIFSIGNALED(status))
		say(cell, WTERMSIG(status) == SIGALRM ? "waits for ever" :
							strsignal(WTERMSIG(status)));
}

static void compare(struct cell *cell)
{
	const struct difference *d = cell->row->differs;
	int i;

	if (cell->na) {
		cell->result = NA;
		cell->why = cell->said;
		return;
	}
	cell->result = PASS;
	if (!strcmp(cell->said, cell->row->expect))
		return;
	cell->result = FAIL;
	for (i = 0; i < MAX_DIFFERENCES && d[i].families; i++) {
		if (!(d[i].families & cell->family->id) || !(d[i].types & cell->type) ||
		    strcmp(d[i].outcome, cell->said))
			continue;
		cell->result = DIFFERS;
		cell->why = d[i].why;
	}
}

/**
 * cell_run() - run a cell, and compare what comes of it
 * @cell: with its row, family, type and port; the rest is set here
 */
void cell_run(struct cell *cell)
{
	struct cell *shared;

	cell->why = cell->family->no[type_index(cell->type)];
	if (cell->why) {
		cell->result = NA;
		return;
	}
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED) {
		say(cell, "cannot mmap");
		cell->result = FAIL;
		return;
	}
	*shared = *cell;
	run_body(shared);
	*cell = *shared;
	munmap(shared, sizeof(*shared));
	compare(cell);
}
