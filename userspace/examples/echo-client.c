// SPDX-License-Identifier: GPL-2.0
/*
 * Send each line of standard input to a server and print what comes back.
 *
 *	echo-client PORT [NODE]
 *
 * Without NODE the server is on this node, in this network namespace.
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/kite.h>

#include "kite-family.h"

int main(int argc, char **argv)
{
	struct sockaddr_kite addr = { .skt_node = KITE_NODE_LOCAL };
	char line[4096], answer[sizeof(line)];
	ssize_t n;
	int fd;

	if (argc < 2 || argc > 3)
		errx(1, "usage: %s PORT [NODE]", argv[0]);
	addr.skt_family = kite_family();
	addr.skt_port = strtoul(argv[1], NULL, 0);
	if (argc == 3)
		addr.skt_node = strtoul(argv[2], NULL, 0);

	fd = socket(addr.skt_family, SOCK_STREAM, 0);
	if (fd < 0)
		err(1, "socket");
	/* No bind: connect finds a free port for this end. */
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)))
		err(1, "connect to node %u port %u", addr.skt_node, addr.skt_port);

	while (fgets(line, sizeof(line), stdin)) {
		ssize_t len = strlen(line);

		/* A blocking send takes all of it, unless a signal comes. */
		if (send(fd, line, len, MSG_NOSIGNAL) != len)
			err(1, "send");
		/*
		 * The answer may arrive in pieces. MSG_WAITALL asks recv to
		 * wait for all of them; less means that the server left.
		 */
		n = recv(fd, answer, len, MSG_WAITALL);
		if (n < 0)
			err(1, "recv");
		if (n < len)
			errx(1, "the server closed the connection");
		fwrite(answer, 1, n, stdout);
	}

	/* "I am done": the server's recv returns 0, and it closes. */
	if (shutdown(fd, SHUT_WR))
		err(1, "shutdown");
	n = recv(fd, answer, sizeof(answer), 0);
	if (n < 0)
		err(1, "recv");
	if (n)
		errx(1, "the server sent more than it was asked for");
	close(fd);
	return 0;
}
