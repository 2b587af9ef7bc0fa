// SPDX-License-Identifier: GPL-2.0
/* Connecting: connect, listen and accept. */

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>

#include "conformance.h"

static const char section[] = "Connecting";

/* In a namespace of its own: elsewhere there may be a way to every node. */
static void leave_network(struct cell *cell)
{
	if (!has_nodes(cell))
		not_here(cell, "there is one node");
	if (enter_new_netns())
		not_here(cell, "only root can leave the network");
}

DEFINE_ROW(connect_nobody, CONN,
	   "connect to where nobody is; then SO_ERROR",
	   "ECONNREFUSED, 0",
	   { VSOCK | AS_VSOCK, CONN, "ECONNRESET, 0", WHY_VSOCK_REFUSED })
{
	struct address addr;
	int fd = new_socket(cell);

	nobodys_address(cell, &addr);
	say_result(cell, connect_to(fd, &addr));
	say_result(cell, error_of(fd));
}

DEFINE_ROW(connect_not_listening, CONN,
	   "connect to a socket that does not listen",
	   "ECONNREFUSED",
	   { VSOCK | AS_VSOCK, CONN, "ECONNRESET", WHY_VSOCK_REFUSED })
{
	struct address addr;

	bound_socket(cell, &addr);
	say_result(cell, connect_to(new_socket(cell), &addr));
}

DEFINE_ROW(connect_after_refusal, CONN,
	   "connect that was refused, and again once there is a listener",
	   "refused, 0")
{
	struct address addr;
	int fd = new_socket(cell), l = bound_socket(cell, &addr);

	say(cell, connect_to(fd, &addr) < 0 ? "refused" : "connected");
	must(cell, ERR(listen(l, 1)), "listen");
	say_result(cell, connect_to(fd, &addr));
}

DEFINE_ROW(connect_self, CONN,
	   "connect to its own address",
	   "ECONNREFUSED",
	   { INET, STREAM, "0", "TCP connects when both sides ask at once, even if both are one." },
	   { AS_VSOCK, CONN, "ECONNRESET", WHY_VSOCK_REFUSED },
	   { VSOCK, CONN, "EPROTO", "vsock takes its own request for a wrong answer." })
{
	struct address addr;
	int fd = bound_socket(cell, &addr);

	say_result(cell, connect_to(fd, &addr));
}

DEFINE_ROW(connect_twice, CONN,
	   "connect of a connected socket",
	   "EISCONN")
{
	struct address addr;
	int l = listener(cell, 2, &addr);
	int c = connected_to(cell, &addr);

	say_result(cell, connect_to(c, &addr));
	close(l);
}

DEFINE_ROW(connect_listener, CONN,
	   "connect of a listener",
	   "EINVAL",
	   { INET, STREAM, "EISCONN", "To TCP what is not closed is connected." })
{
	struct address addr, own;

	listener(cell, 1, &addr);
	say_result(cell, connect_to(listener(cell, 1, &own), &addr));
}

DEFINE_ROW(connect_short, ALL,
	   "connect to an address that is one byte long",
	   "EINVAL")
{
	struct address addr;

	free_address(cell, &addr);
	addr.len = 1;
	say_result(cell, connect_to(new_socket(cell), &addr));
}

DEFINE_ROW(connect_other_family, ALL,
	   "connect to an address of another family",
	   "EAFNOSUPPORT",
	   { UNIX, ALL, "EINVAL", WHY_INVAL },
	   { VSOCK, CONN, "EINVAL", WHY_INVAL })
{
	struct address addr;

	bound_socket(cell, &addr);
	addr.sa.sa_family = AF_AX25;
	say_result(cell, connect_to(new_socket(cell), &addr));
}

DEFINE_ROW(connect_elsewhere, ALL,
	   "connect to a node that does not exist",
	   "EHOSTUNREACH",
	   { INET, ALL, "ENETUNREACH", "IP has networks, and there is no way to that one." },
	   { VSOCK, CONN, "ENODEV", "No transport reaches it." })
{
	struct address addr;

	leave_network(cell);
	address_elsewhere(cell, &addr);
	say_result(cell, connect_to(new_socket(cell), &addr));
}

DEFINE_ROW(connect_any_node, CONN,
	   "connect to every node, where there is a listener",
	   "EHOSTUNREACH",
	   { INET, STREAM, "0", "To IP, an address of all zeros is this node." },
	   { VSOCK, CONN, "ENODEV", "No transport reaches it." })
{
	struct address addr;

	listener(cell, 1, &addr);
	address_any_node(cell, &addr);
	say_result(cell, connect_to(new_socket(cell), &addr));
}

DEFINE_ROW(connect_none, CONN,
	   "connect of a connected socket to AF_UNSPEC, then getpeername",
	   "EAFNOSUPPORT, 0",
	   { UNIX, CONN, "EINVAL, 0", WHY_INVAL },
	   { VSOCK, CONN, "EISCONN, 0", "vsock looks first whether it is connected." },
	   { INET, STREAM, "0, ENOTCONN", "TCP dissolves the connection." })
{
	struct pair p = pair(cell);
	struct address addr;

	say_result(cell, connect_to_none(p.c));
	say_result(cell, peer_of(p.c, &addr));
}

DEFINE_ROW(connect_now_room, CONN,
	   "connect with O_NONBLOCK to a listener with room",
	   "0",
	   { INET, STREAM, "EINPROGRESS", WHY_ASYNC },
	   { VSOCK, CONN, "EINPROGRESS", WHY_ASYNC })
{
	struct address addr;

	listener(cell, 1, &addr);
	say_result(cell, connect_now(new_socket(cell), &addr));
}

DEFINE_ROW(connect_now_nobody, CONN,
	   "connect with O_NONBLOCK to where nobody is; then SO_ERROR, twice",
	   "ECONNREFUSED, 0, 0",
	   { INET, STREAM, "EINPROGRESS, ECONNREFUSED, 0", WHY_ASYNC },
	   { VSOCK, CONN, "EINPROGRESS, ECONNRESET, 0", WHY_ASYNC },
	   { AS_VSOCK, CONN, "ECONNRESET, 0, 0", WHY_VSOCK_REFUSED })
{
	struct address addr;
	int fd = new_socket(cell);

	nobodys_address(cell, &addr);
	say_result(cell, connect_now(fd, &addr));
	await(fd, POLLERR | POLLHUP);
	say_result(cell, error_of(fd));
	say_result(cell, error_of(fd));
}

/* The connections that come about without accept. */
static int connected_of(struct cell *cell, const struct address *addr, int n)
{
	struct pollfd pfd = { .events = POLLOUT };
	struct address peer;
	int fd, i, done = 0;

	while (n--) {
		fd = new_socket(cell);
		connect_now(fd, addr);
		/* Those that are told nothing wait for ever. */
		pfd.fd = fd;
		for (i = 0; i < 30 && !poll(&pfd, 1, 10); i++)
			;
		if (!error_of(fd) && !peer_of(fd, &peer))
			done++;
	}
	return done;
}

DEFINE_ROW(backlog, CONN,
	   "listen with a backlog of 2: how many of 5 connections it takes",
	   "3")
{
	struct address addr;

	listener(cell, 2, &addr);
	say_result(cell, connected_of(cell, &addr, 5));
}

/* A listener that takes no more. */
static int full_listener(struct cell *cell, struct address *addr)
{
	int l = listener(cell, 0, addr);

	connected_to(cell, addr);
	return l;
}

DEFINE_ROW(connect_now_full, CONN,
	   "connect with O_NONBLOCK to a listener that is full",
	   "EAGAIN",
	   { INET, STREAM, "EINPROGRESS", WHY_ASYNC },
	   { PACKETS, CONN, "EINPROGRESS", WHY_PACKETS },
	   { VSOCK, CONN, "EINPROGRESS", WHY_ASYNC })
{
	struct address addr;

	full_listener(cell, &addr);
	say_result(cell, connect_now(new_socket(cell), &addr));
}

#define WHY_VSOCK_FULL "vsock refuses where the others wait."

DEFINE_ROW(connect_timeout, CONN,
	   "connect to a listener that is full, until SO_SNDTIMEO is over",
	   "EAGAIN",
	   { INET, STREAM, "EINPROGRESS", WHY_ASYNC },
	   { PACKETS, CONN, "EINPROGRESS", WHY_PACKETS },
	   { VSOCK, CONN, "ECONNRESET", WHY_VSOCK_FULL })
{
	struct address addr;
	int fd = new_socket(cell);

	full_listener(cell, &addr);
	set_timeout(fd, SO_SNDTIMEO, TIMEOUT_MS);
	say_result(cell, connect_to(fd, &addr));
}

static void async_connect(struct async *a, int fd, struct address *addr)
{
	async_call(a, SYS_connect, fd, (long)&addr->sa, addr->len, 0);
}

DEFINE_ROW(connect_waits, CONN,
	   "connect to a listener that is full, then accept",
	   "waits, 0",
	   { VSOCK, CONN, "ECONNRESET", WHY_VSOCK_FULL })
{
	struct address addr;
	struct async a;
	int l = full_listener(cell, &addr);

	async_connect(&a, new_socket(cell), &addr);
	if (keeps_waiting(&a)) {
		say(cell, "waits");
		accepted(cell, l);
	}
	say_result(cell, async_result(&a));
}

DEFINE_ROW(connect_waits_closed, CONN,
	   "connect to a listener that is full, which is then closed",
	   "waits, ECONNREFUSED",
	   { VSOCK, CONN, "ECONNRESET", WHY_VSOCK_FULL },
	   { AS_VSOCK, CONN, "waits, ECONNRESET", WHY_VSOCK_REFUSED })
{
	struct address addr;
	struct async a;
	int l = full_listener(cell, &addr);

	async_connect(&a, new_socket(cell), &addr);
	if (keeps_waiting(&a)) {
		say(cell, "waits");
		close(l);
	}
	say_result(cell, async_result(&a));
}

DEFINE_ROW(connect_signal, CONN,
	   "connect to a listener that is full, when a signal comes",
	   "waits, EINTR",
	   { VSOCK, CONN, "ECONNRESET", WHY_VSOCK_FULL })
{
	struct address addr;
	struct async a;

	full_listener(cell, &addr);
	catch_signal(SIGUSR1, 0);
	async_connect(&a, new_socket(cell), &addr);
	if (keeps_waiting(&a)) {
		say(cell, "waits");
		async_signal(&a, SIGUSR1);
	}
	say_result(cell, async_result(&a));
}

DEFINE_ROW(listen_unbound, CONN,
	   "listen without bind",
	   "0",
	   { UNIX, CONN, "EINVAL", WHY_NO_NAME },
	   { VSOCK, CONN, "EINVAL", "vsock wants bind first." })
{
	say_result(cell, ERR(listen(new_socket(cell), 1)));
}

DEFINE_ROW(listen_twice, CONN,
	   "listen of a listener",
	   "0")
{
	struct address addr;

	say_result(cell, ERR(listen(listener(cell, 1, &addr), 2)));
}

DEFINE_ROW(listen_connected, CONN,
	   "listen of a connected socket",
	   "EINVAL")
{
	say_result(cell, ERR(listen(pair(cell).c, 1)));
}

DEFINE_ROW(accept_conn, CONN,
	   "SO_ACCEPTCONN, before and after listen",
	   "0, 1")
{
	struct address addr;
	int fd = bound_socket(cell, &addr);

	say_result(cell, get_int_option(fd, SOL_SOCKET, SO_ACCEPTCONN));
	listen(fd, 1);
	say_result(cell, get_int_option(fd, SOL_SOCKET, SO_ACCEPTCONN));
}

DEFINE_ROW(accept_not_listening, CONN,
	   "accept of a socket that does not listen",
	   "EINVAL")
{
	struct address addr;

	say_result(cell, ERR(accept(bound_socket(cell, &addr), NULL, NULL)));
}

DEFINE_ROW(accept_nobody, CONN,
	   "accept with O_NONBLOCK when nobody has connected",
	   "EAGAIN")
{
	struct address addr;
	int l = listener(cell, 1, &addr);

	set_nonblocking(l, true);
	say_result(cell, ERR(accept(l, NULL, NULL)));
}

DEFINE_ROW(accept_timeout, CONN,
	   "accept until SO_RCVTIMEO is over",
	   "EAGAIN")
{
	struct address addr;
	int l = listener(cell, 1, &addr);

	set_timeout(l, SO_RCVTIMEO, TIMEOUT_MS);
	say_result(cell, ERR(accept(l, NULL, NULL)));
}

DEFINE_ROW(accept_signal, CONN,
	   "accept that waits when a signal comes",
	   "EINTR")
{
	struct address addr;
	struct async a;

	catch_signal(SIGUSR1, 0);
	async_accept(&a, listener(cell, 1, &addr));
	async_blocks(&a);
	async_signal(&a, SIGUSR1);
	say_result(cell, async_result(&a));
}

DEFINE_ROW(accept_two, CONN,
	   "two accept wait, and two connect",
	   "2, 2")
{
	struct address addr;
	struct async a, b;
	int l = listener(cell, 2, &addr);

	async_accept(&a, l);
	async_accept(&b, l);
	say_result(cell, async_blocks(&a) + async_blocks(&b));
	connected_to(cell, &addr);
	connected_to(cell, &addr);
	say_result(cell, (async_result(&a) > 0) + (async_result(&b) > 0));
}

DEFINE_ROW(accept_blocking, CONN,
	   "O_NONBLOCK of the listener goes over to the accepted socket",
	   "no")
{
	struct address addr;
	int l = listener(cell, 1, &addr), s;

	connected_to(cell, &addr);
	await(l, POLLIN);
	set_nonblocking(l, true);
	s = accepted(cell, l);
	say(cell, fcntl(s, F_GETFL) & O_NONBLOCK ? "yes" : "no");
}

DEFINE_ROW(accept_options, CONN,
	   "SO_RCVTIMEO and SO_KEEPALIVE of the listener go over to the accepted socket",
	   "yes, yes",
	   { UNIX, CONN, "no, no", "What AF_UNIX accepts is like new." },
	   { VSOCK, CONN, "no, no", "What vsock accepts is like new." })
{
	struct address addr;
	struct timeval tv;
	socklen_t len = sizeof(tv);
	int l = bound_socket(cell, &addr), s;

	set_timeout(l, SO_RCVTIMEO, 5000);
	set_int_option(l, SOL_SOCKET, SO_KEEPALIVE, 1);
	must(cell, ERR(listen(l, 1)), "listen");
	connected_to(cell, &addr);
	s = accepted(cell, l);
	must(cell, ERR(getsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &tv, &len)), "getsockopt");
	say(cell, tv.tv_sec == 5 ? "yes" : "no");
	say(cell, get_int_option(s, SOL_SOCKET, SO_KEEPALIVE) == 1 ? "yes" : "no");
}

DEFINE_ROW(accept_closed, CONN,
	   "accept after the peer has connected, sent 2 bytes and closed; then recv, twice",
	   "accepted, 2, 0")
{
	struct address addr;
	int l = listener(cell, 1, &addr);
	int c = connected_to(cell, &addr), s;

	put(c, "ab");
	close(c);
	s = accepted(cell, l);
	say(cell, "accepted");
	say_result(cell, get(s, 8));
	say_result(cell, get(s, 8));
}

DEFINE_ROW(listener_closes, CONN,
	   "close of a listener with a connection not yet accepted; the peer's recv, twice",
	   "ECONNRESET, 0",
	   { VSOCK, CONN, "0, 0", WHY_VSOCK_RESET })
{
	struct address addr;
	int l = listener(cell, 1, &addr);
	int c = connected_to(cell, &addr);

	await(l, POLLIN);
	close(l);
	say_result(cell, get(c, 8));
	say_result(cell, get(c, 8));
}

#define WHY_VSOCK_LISTENER "To vsock a listener is not connected, so there is nothing to shut down."

DEFINE_ROW(listener_shutdown, CONN,
	   "shutdown(SHUT_RD) of a listener; then accept and connect",
	   "0, EINVAL, ECONNREFUSED",
	   { UNIX, CONN, "0, EAGAIN, ECONNREFUSED",
	     "Without waiting AF_UNIX does not find out; with waiting it says EINVAL." },
	   { VSOCK, CONN, "ENOTCONN, EAGAIN, 0", WHY_VSOCK_LISTENER },
	   { AS_VSOCK, CONN, "0, EINVAL, ECONNRESET", WHY_VSOCK_REFUSED })
{
	struct address addr;
	int l = listener(cell, 1, &addr);

	set_nonblocking(l, true);
	say_result(cell, ERR(shutdown(l, SHUT_RD)));
	say_result(cell, ERR(accept(l, NULL, NULL)));
	say_result(cell, connect_to(new_socket(cell), &addr));
}

DEFINE_ROW(listener_shutdown_wakes, CONN,
	   "shutdown(SHUT_RD) of a listener while accept waits",
	   "EINVAL",
	   { VSOCK, CONN, "ETIMEDOUT", WHY_VSOCK_LISTENER })
{
	struct address addr;
	int l = listener(cell, 1, &addr);
	struct async a;

	async_accept(&a, l);
	async_blocks(&a);
	if (shutdown(l, SHUT_RD))
		say(cell, "ETIMEDOUT");
	else
		say_result(cell, async_result(&a));
}

DEFINE_ROW(listener_messages, CONN,
	   "send and recv of a listener",
	   "ENOTCONN, ENOTCONN",
	   { UNIX, STREAM, "ENOTCONN, EINVAL", WHY_INVAL },
	   { INET, STREAM, "EPIPE, ENOTCONN", "TCP's send has EPIPE for all that cannot send." })
{
	struct address addr;
	int l = listener(cell, 1, &addr);

	say_result(cell, put(l, "x"));
	say_result(cell, get_now(l, 8));
}

DEFINE_ROW(no_listen, DGRAM,
	   "listen and accept of a socket without connections",
	   "EOPNOTSUPP, EOPNOTSUPP")
{
	struct address addr;
	int fd = bound_socket(cell, &addr);

	say_result(cell, ERR(listen(fd, 1)));
	say_result(cell, ERR(accept(fd, NULL, NULL)));
}
