// SPDX-License-Identifier: GPL-2.0
/* What poll, select and epoll find. */

#include <stdlib.h>

#include "conformance.h"

static const char section[] = "Poll";

DEFINE_ROW(poll_new, CONN,
	   "a socket that is not connected",
	   "OUT HUP",
	   { VSOCK, CONN, "OUT", WHY_VSOCK_POLL })
{
	say_events(cell, revents(new_socket(cell)));
}

DEFINE_ROW(poll_new_dgram, DGRAM,
	   "a socket without connections",
	   "OUT")
{
	say_events(cell, revents(new_socket(cell)));
}

DEFINE_ROW(poll_listener, CONN,
	   "a listener, without and with somebody to accept",
	   "no event, IN")
{
	struct address addr;
	int l = listener(cell, 1, &addr);

	say_events(cell, revents(l));
	connected_to(cell, &addr);
	await(l, POLLIN);
	say_events(cell, revents(l));
}

DEFINE_ROW(poll_connected, ALL,
	   "a connected socket, without and with something to read",
	   "OUT, IN OUT")
{
	struct pair p = pair(cell);

	say_events(cell, revents(p.s));
	put(p.c, "x");
	await(p.s, POLLIN);
	say_events(cell, revents(p.s));
}

DEFINE_ROW(poll_peer_write_end, CONN,
	   "the peer has called shutdown(SHUT_WR)",
	   "IN OUT RDHUP")
{
	struct pair p = pair(cell);

	shutdown(p.c, SHUT_WR);
	await(p.s, POLLRDHUP);
	say_events(cell, revents(p.s));
}

DEFINE_ROW(poll_write_end, CONN,
	   "it has called shutdown(SHUT_WR) itself",
	   "OUT",
	   { VSOCK, CONN, "no event", WHY_VSOCK_POLL })
{
	struct pair p = pair(cell);

	shutdown(p.c, SHUT_WR);
	say_events(cell, revents(p.c));
}

DEFINE_ROW(poll_read_end, CONN,
	   "it has called shutdown(SHUT_RD) itself",
	   "IN OUT RDHUP")
{
	struct pair p = pair(cell);

	shutdown(p.c, SHUT_RD);
	say_events(cell, revents(p.c));
}

DEFINE_ROW(poll_both_ends, CONN,
	   "it has called shutdown(SHUT_RDWR) itself",
	   "IN OUT HUP RDHUP",
	   { VSOCK, CONN, "IN HUP RDHUP", WHY_VSOCK_POLL })
{
	struct pair p = pair(cell);

	shutdown(p.c, SHUT_RDWR);
	await(p.c, POLLHUP);
	say_events(cell, revents(p.c));
}

DEFINE_ROW(poll_closed, CONN,
	   "the peer has closed",
	   "IN OUT HUP RDHUP",
	   { INET, STREAM, "IN OUT RDHUP", WHY_HALF_CLOSE },
	   { VSOCK, CONN, "IN OUT RDHUP", WHY_VSOCK_POLL })
{
	struct pair p = pair(cell);

	close(p.c);
	await(p.s, POLLRDHUP);
	say_events(cell, revents(p.s));
}

DEFINE_ROW(poll_unread, CONN,
	   "the peer has closed with data unread",
	   "IN OUT ERR HUP RDHUP",
	   { VSOCK, CONN, "IN OUT RDHUP", WHY_VSOCK_POLL })
{
	struct pair p = pair(cell);

	put(p.s, "x");
	await(p.c, POLLIN);
	close(p.c);
	await(p.s, POLLRDHUP);
	say_events(cell, revents(p.s));
}

DEFINE_ROW(poll_wakes, ALL,
	   "poll that waits, and a message comes",
	   "waits, IN")
{
	struct pair p = pair(cell);
	struct pollfd pfd = { .fd = p.s, .events = POLLIN };
	struct async a;

	async_poll(&a, &pfd);
	if (async_blocks(&a))
		say(cell, "waits");
	put(p.c, "x");
	must(cell, async_result(&a), "poll");
	say_events(cell, pfd.revents);
}

DEFINE_ROW(epoll_edge, ALL,
	   "epoll with EPOLLET: a message comes, nobody reads it, and another one comes",
	   "1, 0, 1")
{
	struct pair p = pair(cell);
	struct epoll_event ev = { .events = EPOLLIN | EPOLLET };
	int ep = must(cell, ERR(epoll_create1(0)), "epoll_create");

	must(cell, ERR(epoll_ctl(ep, EPOLL_CTL_ADD, p.s, &ev)), "epoll_ctl");
	put(p.c, "x");
	say_result(cell, ERR(epoll_wait(ep, &ev, 1, PATIENCE_MS)));
	say_result(cell, ERR(epoll_wait(ep, &ev, 1, 0)));
	put(p.c, "x");
	say_result(cell, ERR(epoll_wait(ep, &ev, 1, PATIENCE_MS)));
}

DEFINE_ROW(epoll_oneshot, ALL,
	   "epoll with EPOLLONESHOT: a message comes, and another one",
	   "1, 0")
{
	struct pair p = pair(cell);
	struct epoll_event ev = { .events = EPOLLIN | EPOLLONESHOT };
	int ep = must(cell, ERR(epoll_create1(0)), "epoll_create");

	must(cell, ERR(epoll_ctl(ep, EPOLL_CTL_ADD, p.s, &ev)), "epoll_ctl");
	put(p.c, "x");
	say_result(cell, ERR(epoll_wait(ep, &ev, 1, PATIENCE_MS)));
	put(p.c, "x");
	get(p.s, 1);
	await(p.s, POLLIN);
	say_result(cell, ERR(epoll_wait(ep, &ev, 1, 0)));
}
