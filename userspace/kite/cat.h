/* SPDX-License-Identifier: GPL-2.0 */
/*
 * kite cat: what its files share.
 */
#ifndef KITE_CAT_H
#define KITE_CAT_H

#include "kite.h"

/**
 * struct cat_options - what is asked for
 * @addr: where to connect, or to listen
 * @source: where to connect from, if @has_source
 * @has_source: -p
 * @type: SOCK_*
 * @listen: -l
 * @keep: -k: one connection after the other
 * @shutdown: -N: the end of the input is told to the peer
 * @lines: -L: a line is a message
 * @probe: -z: do not send anything
 * @verbose: -v
 * @wait: -w: seconds for a connection, or 0
 * @idle: -i: seconds without traffic, or 0
 * @command: -e: what talks with the peer, or NULL for standard input and output
 */
struct cat_options {
	struct sockaddr_kite addr;
	struct sockaddr_kite source;
	bool has_source;
	int type;
	bool listen;
	bool keep;
	bool shutdown;
	bool lines;
	bool probe;
	bool verbose;
	double wait;
	double idle;
	const char *command;
};

/* cat-relay.c */
bool cat_relay(int fd, const struct cat_options *o);

#endif /* KITE_CAT_H */
