// SPDX-License-Identifier: GPL-2.0
/*
 * hammer [PAUSE]: connect, talk and close again and again, whether kite.ko is there or
 * not, until the standard input ends; for stress.sh, which takes the module away meanwhile.
 * As long as there is a file PAUSE, none of that.
 *
 * Prints how many rounds found it and how many did not. The exit status is 1 if what
 * it found did not work.
 */
#include <stdio.h>

#include "family.h"
#include "util.h"

static int last_error;

/* One connection. Returns 1, 0 without kite.ko, -1 if something is wrong. */
static int round_trip(int type, int number)
{
	char out[1000], in[sizeof(out)];
	int fd[2], err;

	err = pair_of_type(&family_kite, type, fd);
	if (err == -EAFNOSUPPORT)
		return 0;
	last_error = -err;
	if (err)
		return -1;
	pattern_fill(out, sizeof(out), number);
	if (send(fd[0], out, sizeof(out), 0) != sizeof(out) ||
	    recv(fd[1], in, sizeof(in), MSG_WAITALL) != sizeof(in) ||
	    pattern_differs(in, sizeof(in), number) >= 0) {
		last_error = errno;
		return -1;
	}
	/* Sometimes with something unread. */
	if (number % 3)
		send(fd[1], out, 10, 0);
	close(fd[number % 2]);
	close(fd[!(number % 2)]);
	return 1;
}

static bool told_to_stop(void)
{
	return revents_for(STDIN_FILENO, POLLIN);
}

int main(int argc, char **argv)
{
	static const int types[] = { SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM };
	int found = 0, missed = 0, i;

	for (i = 0; !told_to_stop(); i++) {
		while (argc > 1 && !access(argv[1], F_OK) && !told_to_stop())
			usleep(1000);
		switch (round_trip(types[i % 3], i)) {
		case 1:
			found++;
			break;
		case 0:
			missed++;
			usleep(1000);
			break;
		default:
			printf("round %d: %s\n", i, strerror(last_error));
			return 1;
		}
		/* Nobody can unload what is always in use. */
		if (i % 20 == 19)
			usleep(100000);
	}
	printf("%d %d\n", found, missed);
	return 0;
}
