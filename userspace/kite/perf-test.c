// SPDX-License-Identifier: GPL-2.0
/*
 * The operations that kite perf measures. Each is a few plain system calls.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "kite.h"
#include "perf.h"

#define CONNECTED	(TYPE(STREAM) | TYPE(SEQPACKET))
#define ALL		(CONNECTED | TYPE(DGRAM))

/* What a buffer holds for certain, in every family. */
#define FITS		4096
#define MIB		(1024 * 1024)

static unsigned long count_few(size_t size)
{
	(void)size;
	return 100;
}

/* Sockets are freed by RCU, many at a time: a batch has to see it several times. */
static unsigned long count_many(size_t size)
{
	(void)size;
	return 3000;
}

static unsigned long count_scale(size_t size)
{
	(void)size;
	return 2000;
}

static unsigned long count_sized(size_t size)
{
	if (size <= FITS)
		return 200;
	return size <= 65536 ? 30 : 4;
}

/* send + recv: a message goes out and comes in, in one process. */

/*
 * A stream that takes no more than fits: send what goes, receive what there is,
 * until all has arrived.
 */
static void sendrecv_stream(struct bench *b)
{
	size_t sent = 0, received = 0;
	ssize_t n;

	while (received < b->size) {
		if (sent < b->size) {
			n = perf_put(b, b->pair.out[0], b->buf[0] + sent, b->size - sent);
			if (n > 0)
				sent += n;
			else if (errno != EAGAIN)
				perf_failed(b, "send");
		}
		/* Nothing under way, and yet no room: that takes a moment. */
		if (sent == received)
			continue;
		n = perf_get(b, b->pair.in[1], b->buf[1] + received, b->size - received);
		if (n <= 0)
			perf_failed(b, "recv");
		received += n;
	}
}

static void sendrecv_setup(struct bench *b)
{
	if (b->type == STREAM && b->size > FITS)
		fcntl(b->pair.out[0], F_SETFL, O_NONBLOCK);
}

static void sendrecv(struct bench *b)
{
	if (b->type == STREAM && b->size > FITS) {
		sendrecv_stream(b);
		return;
	}
	/* Messages longer than a family's longest go one after the other. */
	for (size_t sent = 0; sent < b->size; sent += b->chunk) {
		put_all(b, b->pair.out[0], b->chunk);
		get_all(b, b->pair.in[1], b->chunk);
	}
}

/* A burst: several messages are sent, and then they are received. */

#define BURST	8

static void burst(struct bench *b)
{
	for (int i = 0; i < BURST; i++)
		put_all(b, b->pair.out[0], b->size);
	for (int i = 0; i < BURST; i++)
		get_all(b, b->pair.in[1], b->size);
}

/* Ping-pong: a message goes to another process and back. */

static void echo(struct bench *b)
{
	for (;;) {
		get_all(b, b->pair.in[1], b->size);
		put_all(b, b->pair.out[1], b->size);
	}
}

static void pingpong_setup(struct bench *b)
{
	perf_child(b, echo);
}

static void pingpong(struct bench *b)
{
	put_all(b, b->pair.out[0], b->size);
	get_all(b, b->pair.in[0], b->size);
}

/*
 * Bulk: messages into another process that waits in recv for all of them, or for
 * as much as each family lets it wait for (AF_VSOCK: less than its buffer). At the
 * end of each batch it sends one byte back.
 */

#define WAIT_FOR	(128 * 1024)

static unsigned long count_bulk(size_t size)
{
	/* Long enough for several turns of both processes. */
	if (size <= FITS)
		return 3000;
	return size < MIB ? 4 * MIB / size : 4;
}

static void sink_stream(struct bench *b)
{
	size_t left = b->size * b->count;

	while (left) {
		size_t len = left < WAIT_FOR ? left : WAIT_FOR;
		ssize_t n;

		errno = 0;
		if (b->family->domain)
			n = recv(b->pair.in[1], b->buf[1], len, MSG_WAITALL);
		else
			n = read(b->pair.in[1], b->buf[1], len);
		if (n <= 0)
			perf_failed(b, "recv");
		left -= n;
	}
}

static void sink(struct bench *b)
{
	for (;;) {
		if (b->type == STREAM) {
			sink_stream(b);
		} else {
			for (size_t n = 0; n < b->size * b->count; n += b->chunk)
				get_all(b, b->pair.in[1], b->chunk);
		}
		put_all(b, b->pair.out[1], 1);
	}
}

static void bulk_setup(struct bench *b)
{
	free(b->buf[1]);
	b->buf[1] = calloc(1, WAIT_FOR);
	if (!b->buf[1])
		perf_failed(b, "calloc");
	perf_child(b, sink);
}

static void bulk(struct bench *b)
{
	size_t chunk = b->type == STREAM ? b->size : b->chunk;

	for (size_t sent = 0; sent < b->size; sent += chunk)
		put_all(b, b->pair.out[0], chunk);
}

static void bulk_flush(struct bench *b)
{
	get_all(b, b->pair.in[0], 1);
}

/*
 * Fan-in: one datagram socket receives from many, of which 8 have sent when it
 * does. (AF_UNIX queues 10 by default.)
 */

struct fanin {
	int receiver;
	int next;
	int *senders;
};

static void fanin_setup(struct bench *b)
{
	struct fanin *f = calloc(1, sizeof(*f));
	struct address addr;

	if (!f)
		perf_failed(b, "calloc");
	f->senders = calloc(b->sockets, sizeof(f->senders[0]));
	if (!f->senders)
		perf_failed(b, "calloc");
	f->receiver = perf_bound(b->family, b->type, &addr);
	for (int i = 0; i < b->sockets; i++) {
		f->senders[i] = perf_socket(b->family, b->type);
		perf_connect(b->family, f->senders[i], &addr);
	}
	b->state = f;
}

static unsigned long count_fanin(size_t size)
{
	(void)size;
	return 25 * BURST;
}

static void fanin(struct bench *b)
{
	struct fanin *f = b->state;

	put_all(b, f->senders[f->next % b->sockets], b->size);
	if (++f->next % BURST)
		return;
	for (int i = 0; i < BURST; i++)
		get_all(b, f->receiver, b->size);
}

/* Connections: connect, accept, and both ends are closed. */

struct server {
	int fd;
	struct address addr;
};

static void connect_setup(struct bench *b)
{
	struct server *server = calloc(1, sizeof(*server));

	if (!server)
		perf_failed(b, "calloc");
	server->fd = perf_listener(b->family, b->type, &server->addr);
	b->state = server;
}

static void connect_accept(struct bench *b)
{
	const struct server *server = b->state;
	int client, child;

	client = perf_socket(b->family, b->type);
	perf_connect(b->family, client, &server->addr);
	child = accept(server->fd, NULL, NULL);
	if (child < 0)
		perf_failed(b, "accept");
	close(client);
	close(child);
}

static void socket_close(struct bench *b)
{
	close(perf_socket(b->family, b->type));
}

/* poll and epoll: one socket of many has something to say. */

static void idle_sockets(struct bench *b, int sockets,
			 void (*with)(struct bench *b, int i, int fd))
{
	struct pair p;

	for (int i = 0; i + 1 < sockets; i += 2) {
		open_pair(b->family, b->type, &p);
		if (!with)
			continue;
		with(b, i, p.in[0]);
		with(b, i + 1, p.in[1]);
	}
}

static void poll_add(struct bench *b, int i, int fd)
{
	struct pollfd *fds = b->state;

	fds[i] = (struct pollfd){ .fd = fd, .events = POLLIN };
}

static void poll_setup(struct bench *b)
{
	b->state = calloc(b->sockets + 1, sizeof(struct pollfd));
	if (!b->state)
		perf_failed(b, "calloc");
	idle_sockets(b, b->sockets, poll_add);
	poll_add(b, b->sockets, b->pair.in[1]);
	put_all(b, b->pair.out[0], b->size);
}

static unsigned long count_poll(size_t size)
{
	(void)size;
	return 5;
}

static void poll_many(struct bench *b)
{
	if (poll(b->state, b->sockets + 1, 0) != 1)
		perf_failed(b, "poll");
}

static void epoll_add(struct bench *b, int i, int fd)
{
	struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

	(void)i;
	if (epoll_ctl((intptr_t)b->state, EPOLL_CTL_ADD, fd, &event))
		perf_failed(b, "epoll_ctl");
}

static void epoll_setup(struct bench *b)
{
	int epoll = epoll_create1(0);

	if (epoll < 0)
		perf_failed(b, "epoll_create1");
	b->state = (void *)(intptr_t)epoll;
	idle_sockets(b, b->sockets, epoll_add);
	epoll_add(b, 0, b->pair.in[1]);
}

static void epoll_one(struct bench *b)
{
	struct epoll_event event;

	put_all(b, b->pair.out[0], b->size);
	if (epoll_wait((intptr_t)b->state, &event, 1, -1) != 1)
		perf_failed(b, "epoll_wait");
	get_all(b, event.data.fd, b->size);
}

/* A crowd: one pair's messages, while there are many other connections. */

static const size_t crowd_sizes[] = { 10, 100, 1000, PERF_CROWD, 0 };

static void crowd_setup(struct bench *b)
{
	idle_sockets(b, b->amount, NULL);
}

const struct perf_test perf_tests[] = {
	{ .name = "sendrecv", .title = "send + recv", .types = ALL, .sized = true,
	  .what = "a message goes out and comes in, in one process",
	  .count = count_sized, .setup = sendrecv_setup, .run = sendrecv },
	{ .name = "burst", .title = "8 sends, 8 recvs", .types = ALL, .size = 64,
	  .what = "8 messages go out, and then they come in",
	  .count = count_few, .run = burst },
	{ .name = "pingpong", .title = "ping-pong", .types = ALL, .size = 1,
	  .what = "a message goes to another process and back",
	  .count = count_few, .setup = pingpong_setup, .run = pingpong },
	{ .name = "bulk", .title = "into a waiting recv", .types = CONNECTED,
	  .sized = true, .what = "messages go to a process that waits for many",
	  .count = count_bulk, .setup = bulk_setup, .run = bulk, .flush = bulk_flush },
	{ .name = "fanin", .title = "from many senders", .types = TYPE(DGRAM),
	  .size = 64, .sockets = true, .what = "many sockets send to one",
	  .count = count_fanin, .setup = fanin_setup, .run = fanin },
	{ .name = "connect", .title = "connect + accept + close", .types = CONNECTED,
	  .sockets = true, .what = "a connection comes and goes",
	  .count = count_many, .setup = connect_setup, .run = connect_accept },
	{ .name = "socket", .title = "socket + close", .types = ALL,
	  .sockets = true, .what = "a socket comes and goes",
	  .count = count_many, .run = socket_close },
	{ .name = "poll", .title = "poll of many", .types = ALL, .size = 1,
	  .sockets = true, .what = "poll of one ready socket among many",
	  .count = count_poll, .setup = poll_setup, .run = poll_many },
	{ .name = "epoll", .title = "send + epoll of many + recv", .types = ALL,
	  .size = 1, .sockets = true, .what = "the same with epoll, a send and a recv",
	  .count = count_few, .setup = epoll_setup, .run = epoll_one },
	{ .name = "crowd", .title = "send + recv, other sockets", .types = ALL,
	  .size = 64, .sockets = true, .amounts = crowd_sizes,
	  .what = "sendrecv while many other sockets are connected",
	  .count = count_few, .setup = crowd_setup, .run = sendrecv },
	{ .name = "scale", .title = "send + recv, pairs at once", .types = ALL,
	  .size = 64, .processes = true, .smp = true,
	  .what = "sendrecv of several processes, each with its own pair",
	  .count = count_scale, .measure = perf_scale },
	{ .name = "memory", .title = "bytes of a pair", .types = ALL,
	  .what = "what a connected pair holds after traffic",
	  .measure = perf_memory },
};

const size_t perf_nr_tests = ARRAY_SIZE(perf_tests);
