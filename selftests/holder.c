// SPDX-License-Identifier: GPL-2.0
/*
 * Hold Kite sockets open until standard input ends. For module.sh, which wants
 * the module to be in use, in one way or another:
 *
 *	holder socket		a fresh socket
 *	holder listen		a listener with somebody in its backlog
 *	holder pair		a connection with data on its way
 *
 * It prints the family's number when it holds them.
 */

#include <stdio.h>

#include "family.h"
#include "util.h"

static int hold(const char *what)
{
	const struct family *f = &family_kite;
	struct address addr;
	int fd[2], err;

	if (!strcmp(what, "socket"))
		return stream_socket(f);
	if (!strcmp(what, "listen")) {
		err = listener(f, 1, &addr);
		return err < 0 ? err : connector(f, &addr);
	}
	if (!strcmp(what, "pair")) {
		err = connected_pair(f, fd);
		return err < 0 ? err : (int)ERR(send(fd[0], "x", 1, 0));
	}
	return -EINVAL;
}

int main(int argc, char **argv)
{
	int err = argc == 2 ? hold(argv[1]) : -EINVAL;
	char c;

	if (err < 0) {
		fprintf(stderr, "holder: %s\n", strerror(-err));
		return 1;
	}
	printf("%d\n", family_kite.domain());
	fflush(stdout);
	while (read(STDIN_FILENO, &c, 1) > 0)
		;
	/* In their order. Which a dying process closes first differs among kernels. */
	for (int fd = STDERR_FILENO + 1; !close(fd); fd++)
		;
	return 0;
}
