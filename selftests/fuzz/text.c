// SPDX-License-Identifier: GPL-2.0
/*
 * Programs as text.
 *
 * One line for a program: "socket 1f 0 0 0 0; &recvfrom 0 ..." with an & where nobody
 * waits. And a C program that makes the same system calls, for who has to find out.
 */
#include <string.h>

#include "program.h"

/**
 * program_print() - a program as a line
 * @p: the program
 * @text: PROGRAM_TEXT bytes for it
 */
void program_print(const struct program *p, char *text)
{
	unsigned int i, j;

	*text = '\0';
	for (i = 0; i < p->n; i++) {
		const struct step *s = &p->step[i];

		text += sprintf(text, "%s%s%s", i ? "; " : "", s->async ? "&" : "",
				calls[s->call].name);
		for (j = 0; j < STEP_ARGS; j++)
			text += sprintf(text, " %x", s->arg[j]);
	}
}

static bool parse_step(struct step *s, const char *text)
{
	char name[32];
	unsigned int i;

	while (*text == ' ')
		text++;
	s->async = *text == '&';
	if (sscanf(text + s->async, "%31s %x %x %x %x %x", name, &s->arg[0], &s->arg[1],
		   &s->arg[2], &s->arg[3], &s->arg[4]) != 6)
		return false;
	for (i = 0; i < nr_calls && strcmp(calls[i].name, name); i++)
		;
	s->call = i;
	return i < nr_calls;
}

/**
 * program_parse() - a program from a line
 * @p: filled
 * @text: the line
 *
 * Return: false if it is none.
 */
bool program_parse(struct program *p, const char *text)
{
	memset(p, 0, sizeof(*p));
	while (p->n < PROGRAM_STEPS && parse_step(&p->step[p->n], text)) {
		p->n++;
		text = strchr(text, ';');
		if (!text)
			return true;
		text++;
	}
	return false;
}

static void print_argument(const struct lowered *l, unsigned int n, FILE *out)
{
	unsigned long long value = l->arg[n];

	if (!(l->fds >> n & 1))
		fprintf(out, ", %#llxUL", value);
	else if (value < SLOTS)
		fprintf(out, ", fd[%llu]", value);
	else
		fprintf(out, ", -1");
}

static void print_step(const struct program *p, unsigned int n, FILE *out)
{
	char makes = calls[p->step[n].call].makes;
	struct lowered l;
	unsigned int i;

	lower(&l, p, n);
	fprintf(out, "\tcase %u: /* %s */\n", n, calls[p->step[n].call].name);
	for (i = 0; i < l.nr_stores; i++) {
		const struct store *s = &l.stores[i];

		fprintf(out, "\t\t*(volatile uint%u_t *)%#lx = ", 8 * s->size,
			PAGE_OF(n) + s->offset);
		if (!s->fd)
			fprintf(out, "%#llx;\n", (unsigned long long)s->value);
		else if (s->value < SLOTS)
			fprintf(out, "fd[%llu];\n", (unsigned long long)s->value);
		else
			fprintf(out, "-1;\n");
	}
	fprintf(out, "\t\tret = syscall(%ld", l.nr);
	for (i = 0; i < 6; i++)
		print_argument(&l, i, out);
	fprintf(out, ");\n");
	if (makes >= 'a')
		fprintf(out, "\t\tfd[%u] = ret;\n", 2 * n);
	else if (makes)
		fprintf(out, "\t\tif (!ret)\n\t\t\tmemcpy(&fd[%u], (void *)%#lx, 8);\n",
			2 * n, PAGE_OF(n));
	if (!strcmp(calls[p->step[n].call].name, "fork"))
		fprintf(out, "\t\tif (!ret)\n\t\t\t_exit(0);\n");
	fprintf(out, "\t\tbreak;\n");
}

/**
 * program_print_c() - a complete program in C that does the same
 * @p: the program
 * @out: where to
 */
void program_print_c(const struct program *p, FILE *out)
{
	unsigned int i;

	fprintf(out,
		"// cc -O1 -pthread: made by selftests/fuzz\n"
		"#define _GNU_SOURCE\n"
		"#include <pthread.h>\n#include <sched.h>\n#include <signal.h>\n"
		"#include <stdint.h>\n#include <stdio.h>\n#include <string.h>\n#include <sys/mman.h>\n"
		"#include <sys/syscall.h>\n#include <sys/wait.h>\n#include <time.h>\n"
		"#include <unistd.h>\n\n"
		"static int fd[%d];\n\n"
		"static void *step(void *n)\n{\n\tlong ret = -1;\n\n"
		"\tswitch ((long)n) {\n", SLOTS);
	for (i = 0; i < p->n; i++)
		print_step(p, i, out);
	fprintf(out,
		"\t}\n\tif (ret < 0)\n\t\tprintf(\"%%ld: %%m\\n\", (long)n);\n"
		"\treturn NULL;\n}\n\n"
		"/* A call that waits is left alone after 20 ms, or at once. */\n"
		"static void call(long n, int async)\n{\n"
		"\tstruct timespec end;\n\tpthread_t thread;\n\n"
		"\tpthread_create(&thread, NULL, step, (void *)n);\n"
		"\tclock_gettime(CLOCK_REALTIME, &end);\n\tend.tv_nsec += 20000000;\n"
		"\tif (end.tv_nsec >= 1000000000) {\n"
		"\t\tend.tv_nsec -= 1000000000;\n\t\tend.tv_sec++;\n\t}\n"
		"\tif (!async)\n\t\tpthread_timedjoin_np(thread, NULL, &end);\n}\n\n"
		"static void nothing(int sig)\n{\n}\n\n"
		"int main(void)\n{\n"
		"\tif (unshare(CLONE_NEWNET))\n\t\tperror(\"no namespace of its own\");\n"
		"\tmmap((void *)%#lx, %#lx, PROT_READ | PROT_WRITE,\n"
		"\t     MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0);\n"
		"\tmemset(fd, 0xff, sizeof(fd));\n"
		"\tsignal(SIGPIPE, SIG_IGN);\n\tsignal(SIGIO, SIG_IGN);\n"
		"\tsigaction(SIGALRM, &(struct sigaction) { .sa_handler = nothing }, NULL);\n",
		AREA, AREA_SIZE);
	for (i = 0; i < p->n; i++)
		fprintf(out, "\tcall(%u, %d);\n", i, p->step[i].async);
	fprintf(out, "\tusleep(50000);\n\treturn 0;\n}\n");
}
