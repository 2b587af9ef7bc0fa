// SPDX-License-Identifier: GPL-2.0
/* Sockets of every type in every state: see world.h. */

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "../packet.h"
#include "../util.h"
#include "world.h"

/* Where the sockets are, of each type; beyond are the ports that raw sockets play. */
enum place {
	VICTIM = 5000,		/* a connection to ROOM */
	ROOM,			/* listens, with room */
	FULL,			/* listens, without */
	BOUND,
	CONNECTING,		/* to SILENT */
	DGRAM,
	DGRAM_CONNECTED,	/* to DGRAM */
	DGRAM_VICTIM,
	DGRAM_OTHER,		/* the victim's peer */
	NOBODY,
	SILENT,
	PEERS,			/* and those that follow: each has a connection to ROOM */
	END = PEERS + 10,
};

/* What becomes of the connection of each peer. */
enum state {
	IDLE, UNREAD, WRITE_SHUT, READ_SHUT, PEER_WRITE_SHUT, PEER_READ_SHUT, BLOCKED,
	CLOSING, NOT_ACCEPTED, STATES
};

static char buf[2 * KITE_MAX_PAYLOAD];

static int add(struct world *w, int fd)
{
	if (fd >= 0) {
		set_nonblocking(fd, true);
		w->fds[w->nr_fds++] = fd;
	}
	return fd;
}

static void add_tuple(struct world *w, int type, unsigned int src, unsigned int dst)
{
	w->tuples[w->nr_tuples++] = (struct tuple) { type, src, dst };
	w->tuples[w->nr_tuples++] = (struct tuple) { type, dst, src };
}

static int connect_port(int fd, unsigned int port)
{
	struct address addr;

	kite_address(&addr, port, KITE_NODE_LOCAL);
	return connect_to(fd, &addr);
}

/* The other end of a connection says something. */
static int say(struct world *w, int type, unsigned int from, unsigned int op,
	       unsigned int flags, unsigned int len)
{
	struct packet pkt = { .version = KITE_VERSION, .type = type, .op = op, .flags = flags,
		.len = len, .src_port = from, .src_node = 1, .dst_port = ROOM, .dst_node = 1,
		.limit = 3000 };

	return packet_send(w->raw, &pkt, buf);
}

/* A connection whose other end is nobody but us, in that state. */
static int add_peer(struct world *w, int type, int listener, enum state state)
{
	unsigned int port = PEERS + state;
	int raw = raw_bound(port), fd;

	if (add(w, raw) < 0 || say(w, type, port, KITE_OP_REQUEST, 0, 0))
		return -1;
	add_tuple(w, type, port, ROOM);
	if (state == NOT_ACCEPTED)
		return 0;
	fd = ERR(accept(listener, NULL, NULL));
	if (fd < 0)
		return fd;
	set_nonblocking(fd, true);
	switch (state) {
	case UNREAD:
		say(w, type, port, KITE_OP_DATA, 0, 1000);
		break;
	case WRITE_SHUT:
		shutdown(fd, SHUT_WR);
		break;
	case READ_SHUT:
		shutdown(fd, SHUT_RD);
		break;
	case PEER_WRITE_SHUT:
		say(w, type, port, KITE_OP_SHUTDOWN, KITE_SHUTDOWN_SEND, 0);
		break;
	case PEER_READ_SHUT:
		say(w, type, port, KITE_OP_SHUTDOWN, KITE_SHUTDOWN_RCV, 0);
		break;
	case BLOCKED:
		while (send(fd, buf, 1000, MSG_NOSIGNAL) > 0)
			;
		break;
	case CLOSING:
		close(fd);
		return 0;
	default:
		break;
	}
	return add(w, fd);
}

static const char *create_connections(struct world *w, int type)
{
	int room = add(w, kite_listener_at(type, ROOM, 40)), fd, full, state;
	struct victim *v = &w->victims[w->nr_victims++];

	*v = (struct victim) { .type = type };
	v->fd[0] = kite_socket_at(type, VICTIM);
	if (room < 0 || connect_port(v->fd[0], ROOM))
		return "no victim";
	v->fd[1] = ERR(accept(room, NULL, NULL));
	if (v->fd[1] < 0)
		return "no victim from accept";
	set_nonblocking(v->fd[0], true);
	set_nonblocking(v->fd[1], true);
	add_tuple(w, type, VICTIM, ROOM);

	full = add(w, kite_listener_at(type, FULL, 0));
	fd = add(w, kite_socket(type));
	if (full < 0 || connect_port(fd, FULL))
		return "no full listener";
	add(w, kite_socket_at(type, BOUND));
	add(w, kite_socket(type));
	fd = add(w, kite_socket_at(type, CONNECTING));
	if (connect_port(fd, SILENT) != -EINPROGRESS)
		return "nobody connects";
	add_tuple(w, type, CONNECTING, SILENT);

	for (state = IDLE; state < STATES; state++)
		if (add_peer(w, type, room, state) < 0)
			return "no connection by hand";
	return NULL;
}

static const char *create_datagrams(struct world *w)
{
	struct victim *v = &w->victims[w->nr_victims++];
	int fd;

	*v = (struct victim) { .type = SOCK_DGRAM };
	v->fd[0] = kite_socket_at(SOCK_DGRAM, DGRAM_VICTIM);
	v->fd[1] = kite_socket_at(SOCK_DGRAM, DGRAM_OTHER);
	if (connect_port(v->fd[0], DGRAM_OTHER) || connect_port(v->fd[1], DGRAM_VICTIM))
		return "no datagram victim";
	set_nonblocking(v->fd[0], true);
	set_nonblocking(v->fd[1], true);

	add(w, kite_socket_at(SOCK_DGRAM, DGRAM));
	fd = add(w, kite_socket_at(SOCK_DGRAM, DGRAM_CONNECTED));
	if (connect_port(fd, DGRAM) || send(fd, buf, 500, 0) != 500)
		return "no datagrams";
	add_tuple(w, SOCK_DGRAM, DGRAM_CONNECTED, DGRAM);
	add_tuple(w, SOCK_DGRAM, NOBODY, DGRAM_CONNECTED);
	return NULL;
}

/**
 * world_create() - make all sockets of a round
 * @w: filled
 *
 * The namespace must have none yet.
 *
 * Return: NULL, or what went wrong.
 */
const char *world_create(struct world *w)
{
	const char *err;

	*w = (struct world) {};
	w->raw = raw_socket();
	if (w->raw < 0)
		return "no raw socket";
	set_int_option(w->raw, SOL_SOCKET, SO_SNDBUF, 1 << 20);
	add(w, raw_bound(SILENT));
	add(w, raw_socket());
	err = create_connections(w, SOCK_STREAM) ?: create_connections(w, SOCK_SEQPACKET);
	return err ?: create_datagrams(w);
}

/* One of the ports where something is, or its neighbour. */
unsigned int world_port(struct random *r)
{
	return VICTIM + random_below(r, END - VICTIM);
}

/* What is accepted takes the place of another, or there would be more and more. */
static void accept_instead(struct world *w, struct random *r, int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
	int other = w->fds[random_below(r, w->nr_fds)];

	if (fd < 0)
		return;
	if (get_int_option(other, SOL_SOCKET, SO_ACCEPTCONN) != 1 &&
	    get_int_option(other, SOL_SOCKET, SO_TYPE) != SOCK_RAW)
		dup2(fd, other);
	close(fd);
}

/**
 * world_act() - a program does something with one of its sockets
 * @w: the world
 * @r: what
 */
void world_act(struct world *w, struct random *r)
{
	unsigned int n = random_below(r, w->nr_fds);
	int fd = w->fds[n], value;

	switch (random_below(r, 12)) {
	case 0: case 1: case 2:
		recv(fd, buf, random_below(r, sizeof(buf)), random_once_in(r, 4) ? MSG_PEEK : 0);
		break;
	case 3: case 4:
		/* What a raw socket sends is for mutate.c. */
		if (get_int_option(fd, SOL_SOCKET, SO_TYPE) != SOCK_RAW)
			send(fd, buf, random_below(r, 5000), MSG_NOSIGNAL);
		break;
	case 5: case 6:
		accept_instead(w, r, fd);
		break;
	case 7:
		revents(fd);
		break;
	case 8:
		get_int_option(fd, SOL_SOCKET, SO_ERROR);
		ioctl(fd, FIONREAD, &value);
		break;
	case 9:
		set_int_option(fd, SOL_SOCKET, SO_RCVBUF, random_below(r, 100000));
		break;
	case 10:
		connect_port(fd, world_port(r));
		break;
	case 11:
		if (random_once_in(r, 8) && get_int_option(fd, SOL_SOCKET, SO_ACCEPTCONN) != 1)
			shutdown(fd, random_below(r, 3));
	}
}

/* Something of ours through the connection, and nothing else. */
static const char *victim_check(struct victim *v, int from, size_t len)
{
	ssize_t n;

	pattern_fill(buf, len, v->sent[from]);
	if (send(v->fd[from], buf, len, MSG_NOSIGNAL) != (ssize_t)len)
		return "a victim cannot send";
	n = recv(v->fd[!from], buf, sizeof(buf), 0);
	if (n != (ssize_t)len)
		return n < 0 ? "a victim receives nothing" : "a victim receives too much";
	if (pattern_differs(buf, len, v->sent[from]) >= 0)
		return "a victim receives what nobody sent";
	v->sent[from] += len;
	if (recv(v->fd[!from], buf, 1, 0) != -1 || errno != EAGAIN)
		return "a victim receives more than was sent";
	if (revents(v->fd[from]) != POLLOUT)
		return "a victim is not ready";
	return NULL;
}

/**
 * world_check() - is all well that has to be?
 * @w: the world
 * @r: how much victims say
 *
 * Return: NULL, or what is wrong.
 */
const char *world_check(struct world *w, struct random *r)
{
	const char *err = NULL;
	unsigned int i, side;

	/* With direct=0 whoever has a victim's addresses counts as its peer. */
	if (!peer_is_known(&family_kite))
		return NULL;
	for (i = 0; i < w->nr_victims && !err; i++)
		for (side = 0; side < 2 && !err; side++)
			err = victim_check(&w->victims[i], side, 1 + random_below(r, 60000));
	return err;
}

void world_destroy(struct world *w)
{
	unsigned int i;

	for (i = 0; i < w->nr_fds; i++)
		close(w->fds[i]);
	for (i = 0; i < w->nr_victims; i++) {
		close(w->victims[i].fd[0]);
		close(w->victims[i].fd[1]);
	}
	close(w->raw);
}
