// SPDX-License-Identifier: GPL-2.0
/*
 * People who talk: what one of them says, all others hear.
 *
 *	record-chat serve PORT
 *	record-chat join PORT NAME [NODE]
 *
 * Each line is a record: one send() on one side is one recv() on the other,
 * never half of it, never two. So nobody looks for the end of a line, as on a
 * stream; and nothing is lost, as it may be with datagrams.
 */
#include <err.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <linux/kite.h>

#include "kite-family.h"

#define PEOPLE 64

/* The first is the listener. poll() passes over places whose fd is negative. */
static struct pollfd place[1 + PEOPLE];

static char record[1024];

static int people(void)
{
	int i, n = 0;

	for (i = 1; i <= PEOPLE; i++)
		n += place[i].fd >= 0;
	return n;
}

static void leave(struct pollfd *who)
{
	close(who->fd);
	who->fd = -1;
	fprintf(stderr, "one leaves: %d\n", people());
}

static void join(void)
{
	int i, fd = accept(place[0].fd, NULL, NULL);

	if (fd < 0) {
		warn("accept");
		return;
	}
	for (i = 1; i <= PEOPLE; i++) {
		if (place[i].fd < 0) {
			place[i].fd = fd;
			fprintf(stderr, "one joins: %d\n", people());
			return;
		}
	}
	close(fd);
}

static void tell_others(const struct pollfd *speaker, size_t len)
{
	int i;

	/* SO_SNDTIMEO: all wait for who does not listen, but not for ever. */
	for (i = 1; i <= PEOPLE; i++) {
		if (place[i].fd < 0 || &place[i] == speaker)
			continue;
		if (send(place[i].fd, record, len, MSG_NOSIGNAL) < 0)
			leave(&place[i]);
	}
}

static void hear(struct pollfd *who)
{
	/* A record longer than this is cut; MSG_TRUNC would say so. */
	ssize_t n = recv(who->fd, record, sizeof(record), MSG_DONTWAIT);

	if (n > 0)
		tell_others(who, n);
	/* 0 is the end, or an empty record; nobody here sends one. */
	else if (!n || errno != EAGAIN)
		leave(who);
}

static void serve(int fd, struct sockaddr_kite *addr)
{
	struct timeval patience = { .tv_sec = 2 };
	int i;

	/* What accept gives has the listener's options. */
	if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)))
		err(1, "SO_SNDTIMEO");
	if (bind(fd, (struct sockaddr *)addr, sizeof(*addr)))
		err(1, "bind to port %u", addr->skt_port);
	if (listen(fd, SOMAXCONN))
		err(1, "listen");
	fprintf(stderr, "listening on port %u\n", addr->skt_port);

	for (i = 0; i <= PEOPLE; i++)
		place[i] = (struct pollfd){ .fd = i ? -1 : fd, .events = POLLIN };
	for (;;) {
		if (poll(place, 1 + PEOPLE, -1) < 0)
			err(1, "poll");
		if (place[0].revents)
			join();
		/* Some may have been made to leave since poll looked. */
		for (i = 1; i <= PEOPLE; i++)
			if (place[i].revents && place[i].fd >= 0)
				hear(&place[i]);
	}
}

static void speak(int fd, const char *name)
{
	char line[sizeof(record) - 64];

	while (fgets(line, sizeof(line), stdin)) {
		int len = snprintf(record, sizeof(record), "%.60s: %s", name, line);

		if (send(fd, record, len, MSG_NOSIGNAL) < 0)
			err(1, "send");
	}
	/* "I am done": the server closes its end, and that ends listen_to(). */
	shutdown(fd, SHUT_WR);
}

static void listen_to(int fd)
{
	ssize_t n;

	while ((n = recv(fd, record, sizeof(record), 0)) > 0) {
		fwrite(record, 1, n, stdout);
		fflush(stdout);
	}
	if (n < 0)
		err(1, "recv");
}

static int chat(int fd, struct sockaddr_kite *addr, const char *name)
{
	pid_t pid;

	if (connect(fd, (struct sockaddr *)addr, sizeof(*addr)))
		err(1, "connect to node %u port %u", addr->skt_node, addr->skt_port);
	/* The two directions do not wait for each other: a process for each. */
	pid = fork();
	if (pid < 0)
		err(1, "fork");
	if (!pid) {
		speak(fd, name);
		exit(0);
	}
	listen_to(fd);
	kill(pid, SIGTERM);
	return 0;
}

int main(int argc, char **argv)
{
	struct sockaddr_kite addr = { .skt_node = KITE_NODE_ANY };
	bool server = argc == 3 && !strcmp(argv[1], "serve");
	int fd;

	if (!server && (argc < 4 || argc > 5 || strcmp(argv[1], "join")))
		errx(1, "usage: %s serve PORT, or: %s join PORT NAME [NODE]",
		     argv[0], argv[0]);
	addr.skt_family = kite_family();
	addr.skt_port = strtoul(argv[2], NULL, 0);

	fd = socket(addr.skt_family, SOCK_SEQPACKET, 0);
	if (fd < 0)
		err(1, "socket");
	if (server)
		serve(fd, &addr);
	addr.skt_node = argc == 5 ? strtoul(argv[4], NULL, 0) : KITE_NODE_LOCAL;
	return chat(fd, &addr, argv[3]);
}
