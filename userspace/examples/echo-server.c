// SPDX-License-Identifier: GPL-2.0
/*
 * A server that sends back what it receives, one client at a time.
 *
 *	echo-server PORT
 *
 * This is the smallest complete server: socket, bind, listen, accept. Talk to
 * it with echo-client. epoll-server does the same for many clients at once.
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/kite.h>

#include "kite-family.h"

/* send() may take less than it was offered; go on until all is gone. */
static int send_all(int fd, const char *buf, size_t len)
{
	while (len) {
		/* MSG_NOSIGNAL: a peer that left is an error, not a SIGPIPE. */
		ssize_t n = send(fd, buf, len, MSG_NOSIGNAL);

		if (n < 0)
			return -1;
		buf += n;
		len -= n;
	}
	return 0;
}

static void echo(int fd)
{
	char buf[4096];
	ssize_t n;

	/* A stream has no boundaries: n is whatever has arrived by now. */
	while ((n = recv(fd, buf, sizeof(buf), 0)) > 0) {
		if (send_all(fd, buf, n)) {
			warn("send");
			return;
		}
	}
	/* 0: the client has shut down its sending side. All of it was read. */
	if (n < 0)
		warn("recv");
}

int main(int argc, char **argv)
{
	struct sockaddr_kite addr = { .skt_node = KITE_NODE_ANY };
	int listener;

	if (argc != 2)
		errx(1, "usage: %s PORT", argv[0]);
	addr.skt_family = kite_family();
	addr.skt_port = strtoul(argv[1], NULL, 0);

	listener = socket(addr.skt_family, SOCK_STREAM, 0);
	if (listener < 0)
		err(1, "socket");
	if (bind(listener, (struct sockaddr *)&addr, sizeof(addr)))
		err(1, "bind to port %u", addr.skt_port);
	if (listen(listener, SOMAXCONN))
		err(1, "listen");
	fprintf(stderr, "listening on port %u\n", addr.skt_port);

	for (;;) {
		struct sockaddr_kite peer;
		socklen_t len = sizeof(peer);
		int fd = accept(listener, (struct sockaddr *)&peer, &len);

		if (fd < 0)
			err(1, "accept");
		fprintf(stderr, "connection from node %u port %u\n",
			peer.skt_node, peer.skt_port);
		echo(fd);
		close(fd);
	}
}
