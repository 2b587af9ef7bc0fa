// SPDX-License-Identifier: GPL-2.0
/*
 * Send a file to recv-file.
 *
 *	send-file FILE PORT [NODE]
 *
 * sendfile() hands pages of the file to the socket, and the program never sees
 * the bytes. That send() or sendfile() took the bytes does not say that the
 * peer has them, so the receiver answers with how many it stored.
 */
#include <err.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <linux/kite.h>

#include "kite-family.h"

int main(int argc, char **argv)
{
	struct sockaddr_kite addr = { .skt_node = KITE_NODE_LOCAL };
	long long total = 0, stored;
	char answer[32] = "", *end;
	struct stat st;
	int file, fd;
	ssize_t n;

	if (argc < 3 || argc > 4)
		errx(1, "usage: %s FILE PORT [NODE]", argv[0]);
	addr.skt_family = kite_family();
	addr.skt_port = strtoul(argv[2], NULL, 0);
	if (argc == 4)
		addr.skt_node = strtoul(argv[3], NULL, 0);

	/* sendfile() has no MSG_NOSIGNAL; let a lost peer be an error. */
	signal(SIGPIPE, SIG_IGN);

	file = open(argv[1], O_RDONLY);
	if (file < 0 || fstat(file, &st))
		err(1, "%s", argv[1]);

	fd = socket(addr.skt_family, SOCK_STREAM, 0);
	if (fd < 0)
		err(1, "socket");
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)))
		err(1, "connect to node %u port %u", addr.skt_node, addr.skt_port);

	/* sendfile() moves the file's offset and returns 0 at the end of it. */
	while ((n = sendfile(fd, file, NULL, 1 << 20)) > 0)
		total += n;
	if (n < 0)
		err(1, "sendfile, after %lld of %lld bytes", total,
		    (long long)st.st_size);

	/* Half-close: no more from here, but the answer can still come. */
	if (shutdown(fd, SHUT_WR))
		err(1, "shutdown");
	n = recv(fd, answer, sizeof(answer) - 1, MSG_WAITALL);
	if (n < 0)
		err(1, "recv");
	stored = strtoll(answer, &end, 10);
	if (end == answer)
		errx(1, "the receiver left without an answer");
	if (stored != total)
		errx(1, "sent %lld bytes, the receiver stored %lld", total, stored);
	printf("%lld bytes\n", total);
	close(fd);
	return 0;
}
