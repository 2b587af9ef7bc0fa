// SPDX-License-Identifier: GPL-2.0
/*
 * Receive one file from send-file.
 *
 *	recv-file FILE PORT
 *
 * The end of the file is the end of the stream: the sender shuts down its
 * sending side and then waits for the answer, which says how many bytes are
 * safely in the file.
 */
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/kite.h>

#include "kite-family.h"

static char buf[1 << 16];

int main(int argc, char **argv)
{
	struct sockaddr_kite addr = { .skt_node = KITE_NODE_ANY };
	int listener, fd, file, len;
	long long total = 0;
	ssize_t n;

	if (argc != 3)
		errx(1, "usage: %s FILE PORT", argv[0]);
	addr.skt_family = kite_family();
	addr.skt_port = strtoul(argv[2], NULL, 0);

	listener = socket(addr.skt_family, SOCK_STREAM, 0);
	if (listener < 0)
		err(1, "socket");
	if (bind(listener, (struct sockaddr *)&addr, sizeof(addr)))
		err(1, "bind to port %u", addr.skt_port);
	if (listen(listener, 1))
		err(1, "listen");
	fprintf(stderr, "listening on port %u\n", addr.skt_port);

	fd = accept(listener, NULL, NULL);
	if (fd < 0)
		err(1, "accept");
	/* One file, one sender: whoever comes later is refused. */
	close(listener);

	file = open(argv[1], O_WRONLY | O_CREAT | O_TRUNC, 0666);
	if (file < 0)
		err(1, "%s", argv[1]);
	while ((n = recv(fd, buf, sizeof(buf), 0)) > 0) {
		if (write(file, buf, n) != n)
			err(1, "%s", argv[1]);
		total += n;
	}
	if (n < 0)
		err(1, "recv, after %lld bytes", total);
	/* Some file systems tell of a full disk only now. */
	if (close(file))
		err(1, "%s", argv[1]);

	len = snprintf(buf, sizeof(buf), "%lld\n", total);
	if (send(fd, buf, len, MSG_NOSIGNAL) != len)
		err(1, "the sender did not wait for the answer");
	close(fd);
	printf("%lld bytes\n", total);
	return 0;
}
