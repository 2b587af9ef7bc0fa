// SPDX-License-Identifier: GPL-2.0
/*
 * A server that sends back what it receives, to many clients at once.
 *
 *	epoll-server PORT
 *
 * One thread, no blocking call but epoll_wait. A client that does not read its
 * answers costs one buffer and stops nobody else: as long as bytes for it are
 * left over, the server waits for room (EPOLLOUT) and reads no more from it,
 * so that in the end the client's own send() waits.
 */
#define _GNU_SOURCE	/* accept4 */
#include <err.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/kite.h>

#include "kite-family.h"

struct client {
	int fd;
	size_t start, end;	/* buf[start..end) was read, and not yet sent */
	char buf[16384];
};

static int epoll_fd;

static void watch(int op, int fd, unsigned int events, void *ptr)
{
	struct epoll_event ev = { .events = events, .data.ptr = ptr };

	if (epoll_ctl(epoll_fd, op, fd, &ev))
		err(1, "epoll_ctl");
}

static void new_client(int listener)
{
	struct client *c;
	int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);

	if (fd < 0) {
		/* The client may have left between epoll_wait and accept. */
		if (errno != EAGAIN && errno != ECONNABORTED)
			warn("accept");
		return;
	}
	c = calloc(1, sizeof(*c));
	if (!c) {
		warn("new client");
		close(fd);
		return;
	}
	c->fd = fd;
	watch(EPOLL_CTL_ADD, fd, EPOLLIN, c);
}

/* Move what can be moved now. Returns false when the client is finished. */
static bool serve(struct client *c)
{
	ssize_t n;

	if (c->start == c->end) {
		n = recv(c->fd, c->buf, sizeof(c->buf), 0);
		if (n <= 0)
			return n < 0 && errno == EAGAIN;
		c->start = 0;
		c->end = n;
	}

	n = send(c->fd, c->buf + c->start, c->end - c->start, MSG_NOSIGNAL);
	if (n < 0 && errno != EAGAIN)
		return false;
	if (n > 0)
		c->start += n;

	/* Level-triggered: ask for what this client waits for, and no more. */
	watch(EPOLL_CTL_MOD, c->fd, c->start == c->end ? EPOLLIN : EPOLLOUT, c);
	return true;
}

int main(int argc, char **argv)
{
	struct sockaddr_kite addr = { .skt_node = KITE_NODE_ANY };
	struct epoll_event events[64];
	int listener, i, n;

	if (argc != 2)
		errx(1, "usage: %s PORT", argv[0]);
	addr.skt_family = kite_family();
	addr.skt_port = strtoul(argv[1], NULL, 0);

	listener = socket(addr.skt_family, SOCK_STREAM | SOCK_NONBLOCK, 0);
	if (listener < 0)
		err(1, "socket");
	if (bind(listener, (struct sockaddr *)&addr, sizeof(addr)))
		err(1, "bind to port %u", addr.skt_port);
	if (listen(listener, SOMAXCONN))
		err(1, "listen");

	epoll_fd = epoll_create1(0);
	if (epoll_fd < 0)
		err(1, "epoll_create1");
	watch(EPOLL_CTL_ADD, listener, EPOLLIN, NULL);
	fprintf(stderr, "listening on port %u\n", addr.skt_port);

	for (;;) {
		n = epoll_wait(epoll_fd, events, 64, -1);
		if (n < 0 && errno != EINTR)
			err(1, "epoll_wait");

		for (i = 0; i < n; i++) {
			struct client *c = events[i].data.ptr;

			if (!c) {
				new_client(listener);
			} else if (!serve(c)) {
				close(c->fd);	/* leaves the epoll set, too */
				free(c);
			}
		}
	}
}
