// SPDX-License-Identifier: GPL-2.0
/*
 * kite trace: run a command, and draw what its sockets did.
 *
 * The tracepoints of the module write into a tracing instance of our own, so that
 * nobody else's tracing is disturbed, and nobody else's disturbs us.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <tracefs.h>

#include "trace.h"

/* What a shell says of a command that it cannot run, or does not find. */
#define EXIT_CANNOT	126
#define EXIT_NOT_FOUND	127

enum format { DIAGRAM, RAW, JSON };

struct options {
	enum format format;
	bool all;
	bool ascii;
	bool times;
	bool fold;
	unsigned long most;
	unsigned long buffer;
	const char *svg;
	const char *output;
	char **command;
};

static struct tracefs_instance *instance;

/* What we wait for, and what was blocked before. */
static sigset_t signals, old_mask;

enum { OPT_ASCII = 256, OPT_SVG, OPT_NO_TIMES, OPT_NO_FOLD };

static const struct option long_options[] = {
	{ "all", no_argument, NULL, 'a' },
	{ "ascii", no_argument, NULL, OPT_ASCII },
	{ "buffer", required_argument, NULL, 'b' },
	{ "conversations", required_argument, NULL, 'n' },
	{ "json", no_argument, NULL, 'j' },
	{ "no-fold", no_argument, NULL, OPT_NO_FOLD },
	{ "no-times", no_argument, NULL, OPT_NO_TIMES },
	{ "output", required_argument, NULL, 'o' },
	{ "raw", no_argument, NULL, 'r' },
	{ "svg", required_argument, NULL, OPT_SVG },
	{ "help", no_argument, NULL, 'h' },
	{ }
};

static void help(void)
{
	printf("usage: kite trace [OPTION...] COMMAND [ARG...]\n"
	       "       kite trace -a [OPTION...]\n\n"
	       "Run a command, and draw what it and its children do with Kite sockets: a\n"
	       "diagram for each two addresses that have to do with each other. Needs root.\n\n"
	       "  -a, --all              everybody's sockets in this network namespace;\n"
	       "                         without a command, until SIGINT\n"
	       "  -n, --conversations N  draw so many (20)\n"
	       "  -o, --output FILE      the diagrams or events go there\n"
	       "      --svg FILE         draw a picture, too\n"
	       "      --ascii            draw with ASCII alone\n"
	       "      --no-fold          a line for each event, however many there are\n"
	       "      --no-times         without the time of each line\n"
	       "  -r, --raw              print the events as they are\n"
	       "  -j, --json             print each event as an object in a line\n"
	       "  -b, --buffer KIB       room for events, for each CPU (8192)\n\n"
	       "Watch a client, and the server as well:\n"
	       "  kite trace kite cat -z 7000\n"
	       "  kite trace -a kite cat -z 7000\n");
}

static void parse(int argc, char **argv, struct options *o)
{
	int c;

	*o = (struct options) { .times = true, .fold = true, .most = 20, .buffer = 8192 };
	o->ascii = !terminal_utf8();
	/* The command's options are its own. */
	while ((c = getopt_long(argc, argv, "+ab:n:jo:rh", long_options, NULL)) != -1) {
		switch (c) {
		case 'a':
			o->all = true;
			break;
		case OPT_ASCII:
			o->ascii = true;
			break;
		case 'b':
			o->buffer = parse_option(optarg, "--buffer", 8, 1 << 20);
			break;
		case 'n':
			o->most = parse_option(optarg, "--conversations", 1, 1 << 30);
			break;
		case 'j':
			o->format = JSON;
			break;
		case OPT_NO_FOLD:
			o->fold = false;
			break;
		case OPT_NO_TIMES:
			o->times = false;
			break;
		case 'o':
			o->output = optarg;
			break;
		case 'r':
			o->format = RAW;
			break;
		case OPT_SVG:
			o->svg = optarg;
			break;
		case 'h':
			help();
			exit(0);
		default:
			bad_option(argv[0]);
		}
	}
	o->command = argv + optind;
	if (!*o->command && !o->all)
		errx(EXIT_USAGE, "a command, or -a; \"kite trace --help\" tells more");
}

static void destroy_instance(void)
{
	if (instance)
		tracefs_instance_destroy(instance);
	instance = NULL;
}

static void write_file(const char *file, const char *text)
{
	if (tracefs_instance_file_write(instance, file, text) < 0)
		err(1, "tracing: %s", file);
}

/* None of them is to end us before the instance is gone. */
static void block_signals(void)
{
	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGQUIT);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGHUP);
	sigaddset(&signals, SIGCHLD);
	sigprocmask(SIG_BLOCK, &signals, &old_mask);
}

/* Not tracing yet. What finds no room is lost, not what was there before. */
static void open_instance(const struct options *o)
{
	char name[32];

	if (kite_family_if_loaded() < 0)
		errx(1, "module not loaded; try: sudo insmod kite.ko");
	if (geteuid() != 0)
		errx(1, "tracing needs root; try: sudo kite trace ...");
	if (!tracefs_tracing_dir())
		errx(1, "no tracefs in this kernel; it needs CONFIG_TRACING");
	snprintf(name, sizeof(name), "kite-%d", getpid());
	instance = tracefs_instance_create(name);
	if (!instance)
		err(1, "tracing");
	atexit(destroy_instance);
	if (!tracefs_dir_exists(instance, "events/kite"))
		errx(1, "this kernel or kite.ko has no tracepoints");
	write_file("tracing_on", "0");
	write_file("options/overwrite", "0");
	write_file("trace_clock", "mono");
	if (tracefs_instance_set_buffer_size(instance, o->buffer, -1))
		err(1, "%lu KiB for each CPU; see --buffer", o->buffer);
	if (tracefs_event_enable(instance, "kite", NULL))
		err(1, "tracing: events/kite/enable");
}

static void start_tracing(pid_t pid, bool all)
{
	char number[16];

	if (!all) {
		snprintf(number, sizeof(number), "%d", pid);
		write_file("options/event-fork", "1");
		write_file("set_event_pid", number);
	}
	write_file("tracing_on", "1");
}

/* It waits for a byte: until then there is nothing to see. */
static pid_t fork_command(char **command, int *go)
{
	int pipe_fd[2];
	char byte;
	pid_t pid;

	if (pipe2(pipe_fd, O_CLOEXEC))
		err(1, "pipe");
	pid = fork();
	if (pid < 0)
		err(1, "fork");
	if (pid) {
		close(pipe_fd[0]);
		*go = pipe_fd[1];
		return pid;
	}
	sigprocmask(SIG_SETMASK, &old_mask, NULL);
	close(pipe_fd[1]);
	if (read(pipe_fd[0], &byte, 1) != 1)
		_exit(EXIT_CANNOT);
	execvp(*command, command);
	warn("%s", *command);
	_exit(errno == ENOENT ? EXIT_NOT_FOUND : EXIT_CANNOT);
}

/* SIGINT and SIGQUIT of a terminal go to the command as well; the others we pass on. */
static int wait_for_command(pid_t pid)
{
	int sig, status;

	for (;;) {
		if (sigwait(&signals, &sig))
			continue;
		if (sig == SIGTERM || sig == SIGHUP)
			kill(pid, sig);
		else if (sig == SIGCHLD && waitpid(pid, &status, WNOHANG) == pid)
			return WIFEXITED(status) ? WEXITSTATUS(status) :
						   128 + WTERMSIG(status);
	}
}

static int run_command(const struct options *o)
{
	int go = -1, sig, status = 0;
	pid_t pid = 0;

	if (*o->command)
		pid = fork_command(o->command, &go);
	start_tracing(pid, o->all);
	if (pid) {
		if (write(go, "", 1) != 1)
			err(1, "%s", *o->command);
		status = wait_for_command(pid);
	} else {
		fprintf(stderr, "kite: tracing all sockets; end with Ctrl-C\n");
		do
			sigwait(&signals, &sig);
		while (sig == SIGCHLD);
	}
	write_file("tracing_on", "0");
	return status;
}

static ino_t our_netns(void)
{
	struct stat st;

	if (stat("/proc/self/ns/net", &st))
		err(1, "/proc/self/ns/net");
	return st.st_ino;
}

static void draw(const struct options *o, const struct trace *t)
{
	struct trace_talks talks;

	trace_make_talks(t, &talks);
	for (size_t i = 0; i < talks.nr && o->fold; i++)
		trace_fold(&talks.talks[i]);
	if (o->svg)
		trace_draw_svg(&talks, o->most, o->svg, o->times);
	/* A picture in place of the diagrams. */
	if (o->svg && !strcmp(o->svg, "-"))
		return;
	for (size_t i = 0; i < talks.nr && i < o->most; i++) {
		if (i)
			putchar('\n');
		trace_draw_text(&talks.talks[i], o->ascii, o->times);
	}
	if (talks.nr > o->most)
		printf("\n%zu more conversations; -n draws them\n", talks.nr - o->most);
	if (!talks.nr)
		warnx("no Kite socket had to do with another one");
}

int cmd_trace(int argc, char **argv)
{
	struct options o;
	struct trace t;
	int status;

	parse(argc, argv, &o);
	block_signals();
	open_instance(&o);
	status = run_command(&o);
	if (o.output && !freopen(o.output, "w", stdout))
		err(1, "%s", o.output);
	trace_read(instance, o.all ? our_netns() : 0, &t);
	destroy_instance();
	sigprocmask(SIG_SETMASK, &old_mask, NULL);
	if (t.lost)
		warnx("%lu events were lost; try a larger --buffer", t.lost);
	if (o.format == RAW)
		trace_print_raw(&t);
	else if (o.format == JSON)
		trace_print_json(&t);
	else
		draw(&o, &t);
	return status;
}
