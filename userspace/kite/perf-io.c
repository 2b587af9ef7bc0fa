// SPDX-License-Identifier: GPL-2.0
/*
 * How the operations that kite perf measures send and receive: by the same plain
 * system calls for each family.
 */
#include <err.h>
#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "perf.h"

void perf_failed(const struct bench *b, const char *what)
{
	/* The end of the measurement. */
	if (b->other && (!errno || errno == ECONNRESET || errno == ECONNREFUSED))
		_exit(0);
	/* The other process has said why it ended. */
	if (errno)
		warn("%s %s %s of %zu: %s", b->family->name, type_names[b->type],
		     b->test->name, b->size, what);
	_exit(1);
}

/* A socket is used with send and recv, and what is none with write and read. */
ssize_t perf_put(const struct bench *b, int fd, const void *buf, size_t len)
{
	if (b->family->domain)
		return send(fd, buf, len, 0);
	return write(fd, buf, len);
}

ssize_t perf_get(const struct bench *b, int fd, void *buf, size_t len)
{
	if (b->family->domain)
		return recv(fd, buf, len, 0);
	return read(fd, buf, len);
}

/* A message that has to go at once, or the measurement is wrong. */
void put_all(const struct bench *b, int fd, size_t len)
{
	if (perf_put(b, fd, b->buf[0], len) != (ssize_t)len)
		perf_failed(b, "send");
}

void get_all(const struct bench *b, int fd, size_t len)
{
	errno = 0;
	if (perf_get(b, fd, b->buf[1], len) != (ssize_t)len)
		perf_failed(b, "recv");
}

static void close_end(const struct pair *p, int end)
{
	close(p->out[end]);
	if (p->in[end] != p->out[end])
		close(p->in[end]);
}

/*
 * The other process, which has the pair's end 1. It ends with this one, and this
 * one sees its end.
 */
void perf_child(struct bench *b, void (*child)(struct bench *b))
{
	pid_t parent = getpid(), pid = fork();

	if (pid < 0)
		perf_failed(b, "fork");
	if (pid) {
		close_end(&b->pair, 1);
		return;
	}
	close_end(&b->pair, 0);
	b->other = true;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() == parent)
		child(b);
	_exit(0);
}
