// SPDX-License-Identifier: GPL-2.0
/*
 * Say something over each type of socket, for kitemon.sh and dump.sh, which look on:
 *
 *	talker PORT		the conversation below, always the same
 *	talker PORT flood N	N datagrams of 1000 bytes, which nobody receives
 *
 * All is done by one process, one call after the other. So the order of the packets
 * is known, but for CREDIT: that depends on how credit is told.
 */

#include <stdio.h>
#include <stdlib.h>

#include "family.h"
#include "packet.h"
#include "util.h"

#define LARGE	KITE_MAX_PAYLOAD
#define LARGER	100000

static unsigned int port;

static int check(const char *what, long is, long want)
{
	if (is == want)
		return 0;
	fprintf(stderr, "talker: %s: %ld and not %ld\n", what, is, want);
	return -1;
}

static int say(int from, int to, size_t len, int flags, char fill)
{
	static char buf[LARGER];

	memset(buf, fill, len);
	if (check("send", ERR(send(from, buf, len, flags)), len))
		return -1;
	return check("recv", ERR(recv(to, buf, len, 0)), len);
}

/* A connection from port + @offset: fd[0] the client, fd[1] the server. */
static int talk(int type, unsigned int offset, int fd[2])
{
	int l = kite_listener_at(type, port, 1);
	struct address addr;

	fd[0] = kite_socket_at(type, port + offset);
	kite_address(&addr, port, KITE_NODE_LOCAL);
	if (l < 0 || fd[0] < 0 || check("connect", connect_to(fd[0], &addr), 0))
		return -1;
	fd[1] = ERR(accept(l, NULL, NULL));
	close(l);
	return fd[1] < 0 ? -1 : 0;
}

static int talk_stream(void)
{
	int fd[2];

	if (talk(SOCK_STREAM, 10, fd) || say(fd[0], fd[1], 5, 0, 'h') ||
	    say(fd[1], fd[0], 6, 0, 'w'))
		return -1;
	close(fd[0]);
	return close(fd[1]);
}

static int talk_records(void)
{
	int fd[2];

	if (talk(SOCK_SEQPACKET, 11, fd) || say(fd[0], fd[1], 3, MSG_EOR, 'e') ||
	    say(fd[0], fd[1], LARGE, 0, 'l') || say(fd[1], fd[0], LARGER, 0, 'm'))
		return -1;
	close(fd[1]);
	return close(fd[0]);
}

static int talk_datagrams(void)
{
	int to = kite_socket_at(SOCK_DGRAM, port);
	int from = kite_socket_at(SOCK_DGRAM, port + 12);
	struct address addr;

	kite_address(&addr, port, KITE_NODE_LOCAL);
	if (to < 0 || from < 0 || connect_to(from, &addr) || say(from, to, 4, 0, 'd') ||
	    say(from, to, LARGE, 0, 'D'))
		return -1;
	kite_address(&addr, port + 1, KITE_NODE_LOCAL);
	if (connect_to(from, &addr))
		return -1;
	/* With packets, the refusal is an answer, and comes with the next call. */
	if (send(from, "r", 1, 0) == 1 && check("send", ERR(send(from, "s", 1, 0)),
						-ECONNREFUSED))
		return -1;
	close(to);
	return close(from);
}

static int talk_refused(void)
{
	int fd = kite_socket_at(SOCK_STREAM, port + 13);
	struct address addr;

	kite_address(&addr, port + 1, KITE_NODE_LOCAL);
	if (connect_to(fd, &addr) == 0)
		return check("connect", 0, -ECONNREFUSED);
	return close(fd);
}

static int talk_abort(void)
{
	int fd[2];

	if (talk(SOCK_STREAM, 14, fd) || check("send", ERR(send(fd[0], "unread", 6, 0)), 6))
		return -1;
	close(fd[1]);
	return close(fd[0]);
}

/* Nobody sees that. */
static int talk_pair(void)
{
	int fd[2];

	if (check("socketpair", socketpair(family_kite.domain(), SOCK_STREAM, 0, fd), 0) ||
	    say(fd[0], fd[1], 7, 0, 'p'))
		return -1;
	close(fd[0]);
	return close(fd[1]);
}

static int flood(unsigned long n)
{
	int to = kite_socket_at(SOCK_DGRAM, port);
	int from = kite_socket(SOCK_DGRAM);
	struct address addr;
	char buf[1000] = "";

	kite_address(&addr, port, KITE_NODE_LOCAL);
	if (to < 0 || from < 0 || connect_to(from, &addr))
		return -1;
	while (n--) {
		if (check("send", ERR(send(from, buf, sizeof(buf), 0)), sizeof(buf)))
			return -1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	if (argc > 1)
		port = atoi(argv[1]);
	if (argc == 4 && !strcmp(argv[2], "flood"))
		return flood(atol(argv[3])) ? 1 : 0;
	if (argc != 2)
		return 2;
	return talk_stream() || talk_records() || talk_datagrams() || talk_refused() ||
	       talk_abort() || talk_pair();
}
