// SPDX-License-Identifier: GPL-2.0
/*
 * What time is it? One datagram asks, another one answers.
 *
 *	dgram-clock serve PORT
 *	dgram-clock ask PORT [NODE]
 *
 * There is no connection: the server needs neither listen nor accept, has one
 * socket for all who ask, and learns with each datagram whom it is from.
 */
#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <linux/kite.h>

#include "kite-family.h"

static void serve(int fd, struct sockaddr_kite *addr)
{
	if (bind(fd, (struct sockaddr *)addr, sizeof(*addr)))
		err(1, "bind to port %u", addr->skt_port);
	fprintf(stderr, "listening on port %u\n", addr->skt_port);

	for (;;) {
		struct sockaddr_kite peer;
		socklen_t len = sizeof(peer);
		char answer[64];
		time_t now;

		/* What they ask is no matter: the question itself may be empty. */
		if (recvfrom(fd, NULL, 0, 0, (struct sockaddr *)&peer, &len) < 0)
			err(1, "recvfrom");
		now = time(NULL);
		strftime(answer, sizeof(answer), "%F %T", localtime(&now));
		/* Who asked may be gone, which is no reason to stop. */
		if (sendto(fd, answer, strlen(answer), 0,
			   (struct sockaddr *)&peer, len) < 0)
			warn("sendto node %u port %u", peer.skt_node, peer.skt_port);
	}
}

static void ask(int fd, struct sockaddr_kite *addr)
{
	struct timeval second = { .tv_sec = 1 };
	char answer[64];
	int tries;
	ssize_t n;

	/*
	 * connect sends nothing. It says where send() goes, lets only answers
	 * from there come in, and tells us when nobody is there.
	 */
	if (connect(fd, (struct sockaddr *)addr, sizeof(*addr)))
		err(1, "connect to node %u port %u", addr->skt_node, addr->skt_port);
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &second, sizeof(second)))
		err(1, "SO_RCVTIMEO");

	/* A server that is busy loses datagrams, so ask again. */
	for (tries = 0; tries < 3; tries++) {
		if (send(fd, "", 0, 0) < 0)
			err(1, "send");
		n = recv(fd, answer, sizeof(answer), 0);
		if (n >= 0) {
			printf("%.*s\n", (int)n, answer);
			return;
		}
		if (errno != EAGAIN)
			err(1, "recv");
	}
	errx(1, "no answer");
}

int main(int argc, char **argv)
{
	struct sockaddr_kite addr = { .skt_node = KITE_NODE_ANY };
	int fd;

	if (argc < 3 || argc > 4)
		errx(1, "usage: %s serve PORT, or: %s ask PORT [NODE]", argv[0], argv[0]);
	addr.skt_family = kite_family();
	addr.skt_port = strtoul(argv[2], NULL, 0);

	fd = socket(addr.skt_family, SOCK_DGRAM, 0);
	if (fd < 0)
		err(1, "socket");
	if (!strcmp(argv[1], "serve")) {
		serve(fd, &addr);
	} else {
		addr.skt_node = argc == 4 ? strtoul(argv[3], NULL, 0) : KITE_NODE_LOCAL;
		ask(fd, &addr);
	}
	close(fd);
	return 0;
}
