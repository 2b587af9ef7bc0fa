// SPDX-License-Identifier: GPL-2.0
/* The end: shutdown and close, good ends and bad ones. */

#include <signal.h>
#include <stdlib.h>

#include "conformance.h"

static const char section[] = "The end";

DEFINE_ROW(shutdown_unconnected, ALL,
	   "shutdown of a socket that is not connected",
	   "ENOTCONN",
	   { UNIX, ALL, "0", "AF_UNIX does not look." })
{
	say_result(cell, ERR(shutdown(new_socket(cell), SHUT_WR)));
}

DEFINE_ROW(shutdown_how, ALL,
	   "shutdown with a direction that does not exist",
	   "EINVAL")
{
	say_result(cell, ERR(shutdown(pair(cell).c, 3)));
}

DEFINE_ROW(shutdown_twice, ALL,
	   "shutdown(SHUT_WR), twice",
	   "0, 0")
{
	struct pair p = pair(cell);

	say_result(cell, ERR(shutdown(p.c, SHUT_WR)));
	say_result(cell, ERR(shutdown(p.c, SHUT_WR)));
}

DEFINE_ROW(write_end, CONN,
	   "3 bytes, shutdown(SHUT_WR), send; the peer's recv, twice; and the other way",
	   "3, EPIPE, 3, 0, 2, 2")
{
	struct pair p = pair(cell);

	say_result(cell, put(p.c, "abc"));
	shutdown(p.c, SHUT_WR);
	say_result(cell, put(p.c, "x"));
	say_result(cell, get(p.s, 8));
	say_result(cell, get(p.s, 8));
	say_result(cell, put(p.s, "de"));
	say_result(cell, get(p.c, 8));
}

DEFINE_ROW(write_end_dgram, DGRAM,
	   "shutdown(SHUT_WR), then send",
	   "EPIPE")
{
	struct pair p = pair(cell);

	shutdown(p.c, SHUT_WR);
	say_result(cell, put(p.c, "x"));
}

DEFINE_ROW(read_end, CONN,
	   "shutdown(SHUT_RD) with 3 bytes there; recv, twice",
	   "3, 0",
	   { VSOCK, CONN, "0, 0", "vsock does not give what was not read before." })
{
	struct pair p = pair(cell);

	put(p.c, "abc");
	await(p.s, POLLIN);
	shutdown(p.s, SHUT_RD);
	say_result(cell, get(p.s, 8));
	say_result(cell, get_now(p.s, 8));
}

DEFINE_ROW(read_end_dgram, DGRAM,
	   "shutdown(SHUT_RD) with a datagram of 3 bytes there; recv, twice, with MSG_DONTWAIT",
	   "3, 0",
	   { UNIX | INET, DGRAM, "3, EAGAIN",
	     "Without waiting they do not find out; with waiting they say 0." })
{
	struct pair p = pair(cell);

	put(p.c, "abc");
	await(p.s, POLLIN);
	shutdown(p.s, SHUT_RD);
	say_result(cell, get_now(p.s, 8));
	say_result(cell, get_now(p.s, 8));
}

DEFINE_ROW(read_end_peer, CONN,
	   "send to a peer that has called shutdown(SHUT_RD)",
	   "EPIPE",
	   { INET, STREAM, "1", WHY_HALF_CLOSE })
{
	struct pair p = pair(cell);
	long ret = 1;
	int i;

	shutdown(p.s, SHUT_RD);
	/* Who tells may take a while; who does not never will. */
	for (i = 0; i < 50 && ret == 1; i++) {
		ret = put(p.c, "x");
		if (ret == 1)
			usleep(10000);
	}
	say_result(cell, ret);
}

DEFINE_ROW(read_end_wakes, ALL,
	   "shutdown(SHUT_RD) while recv waits",
	   "0")
{
	struct pair p = pair(cell);
	struct async a;
	char buf[8];

	async_recv(&a, p.s, buf, sizeof(buf), 0);
	async_blocks(&a);
	shutdown(p.s, SHUT_RD);
	say_result(cell, async_result(&a));
}

DEFINE_ROW(closed, CONN,
	   "3 bytes, and close; the peer's recv, three times",
	   "3, 0, 0")
{
	struct pair p = pair(cell);

	put(p.c, "abc");
	close(p.c);
	say_result(cell, get(p.s, 8));
	say_result(cell, get(p.s, 8));
	say_result(cell, get(p.s, 8));
}

DEFINE_ROW(closed_send, CONN,
	   "send, twice, when the peer has closed",
	   "EPIPE, EPIPE",
	   { INET, STREAM, "1, EPIPE", WHY_TCP_LATE })
{
	struct pair p = pair(cell);

	close(p.c);
	await(p.s, POLLRDHUP);
	say_result(cell, put(p.s, "x"));
	say_result(cell, put(p.s, "x"));
}

/* vsock did not even that on 6.1. */
#define WHY_STREAM_SIGNAL						\
	"The signal comes for streams only; POSIX wants it for both."

DEFINE_ROW(sigpipe, CONN,
	   "SIGPIPE from a send that gives EPIPE, and with MSG_NOSIGNAL",
	   "EPIPE, 1, EPIPE, 1",
	   { UNIX, SEQPACKET, "EPIPE, 0, EPIPE, 0", WHY_STREAM_SIGNAL },
	   { VSOCK, CONN, "EPIPE, 0, EPIPE, 0", WHY_STREAM_SIGNAL })
{
	struct pair p = pair(cell);
	int i;

	catch_signal(SIGPIPE, 0);
	shutdown(p.c, SHUT_WR);
	for (i = 0; i < 2; i++) {
		say_result(cell, ERR(send(p.c, "x", 1, i ? MSG_NOSIGNAL : 0)));
		say_result(cell, caught_signals());
	}
}

DEFINE_ROW(sigpipe_dgram, DGRAM,
	   "SIGPIPE from a send that gives EPIPE",
	   "EPIPE, 0")
{
	struct pair p = pair(cell);

	catch_signal(SIGPIPE, 0);
	shutdown(p.c, SHUT_WR);
	say_result(cell, ERR(send(p.c, "x", 1, 0)));
	say_result(cell, caught_signals());
}

DEFINE_ROW(closed_recv_waits, CONN,
	   "recv that waits when the peer closes",
	   "0")
{
	struct pair p = pair(cell);
	struct async a;
	char buf[8];

	async_recv(&a, p.s, buf, sizeof(buf), 0);
	async_blocks(&a);
	close(p.c);
	say_result(cell, async_result(&a));
}

/* The end of @p that the other, with a message unread, has closed. */
static int unread_end(struct cell *cell, const char *queued)
{
	struct pair p = pair(cell);

	put(p.s, "xyz");
	await(p.c, POLLIN);
	if (*queued) {
		put(p.c, queued);
		await(p.s, POLLIN);
	}
	close(p.c);
	await(p.s, POLLRDHUP);
	return p.s;
}

DEFINE_ROW(unread, CONN,
	   "close with data unread; the peer's recv, twice",
	   "ECONNRESET, 0",
	   { VSOCK, CONN, "0, 0", WHY_VSOCK_RESET })
{
	int fd = unread_end(cell, "");

	say_result(cell, get(fd, 8));
	say_result(cell, get(fd, 8));
}

DEFINE_ROW(unread_queued, CONN,
	   "the same after it has sent 2 bytes; the peer's recv, three times",
	   "2, ECONNRESET, 0",
	   { UNIX, SEQPACKET, "ECONNRESET, 2, 0", "AF_UNIX gives the error first." },
	   { VSOCK, CONN, "2, 0, 0", WHY_VSOCK_RESET })
{
	int fd = unread_end(cell, "ab");

	say_result(cell, get(fd, 8));
	say_result(cell, get(fd, 8));
	say_result(cell, get(fd, 8));
}

DEFINE_ROW(unread_send, CONN,
	   "close with data unread; the peer's send, then SO_ERROR",
	   "EPIPE, ECONNRESET",
	   { UNIX, SEQPACKET, "ECONNRESET, 0", WHY_FIRST },
	   { INET, STREAM, "ECONNRESET, 0", WHY_FIRST },
	   { VSOCK, CONN, "EPIPE, 0", WHY_VSOCK_RESET })
{
	int fd = unread_end(cell, "");

	say_result(cell, put(fd, "x"));
	say_result(cell, error_of(fd));
}

DEFINE_ROW(unread_error, CONN,
	   "close with data unread; the peer's SO_ERROR, twice, then recv",
	   "ECONNRESET, 0, 0",
	   { VSOCK, CONN, "0, 0, 0", WHY_VSOCK_RESET })
{
	int fd = unread_end(cell, "");

	say_result(cell, error_of(fd));
	say_result(cell, error_of(fd));
	say_result(cell, get(fd, 8));
}

DEFINE_ROW(unread_shutdown, CONN,
	   "close with data unread; the peer's shutdown(SHUT_WR) and getpeername",
	   "0, 0",
	   { INET, STREAM, "ENOTCONN, ENOTCONN", "A reset leaves nothing of a TCP connection." },
	   { VSOCK, CONN, "0, ENOTCONN", WHY_VSOCK_RESET })
{
	int fd = unread_end(cell, "");
	struct address addr;

	say_result(cell, ERR(shutdown(fd, SHUT_WR)));
	say_result(cell, peer_of(fd, &addr));
}

DEFINE_ROW(closed_send_waits, CONN,
	   "send that waits for room when the peer closes, with all of that unread; then recv",
	   "EPIPE, ECONNRESET",
	   { UNIX, CONN, "ECONNRESET, 0", WHY_FIRST },
	   { INET, STREAM, "ECONNRESET, 0", WHY_FIRST },
	   { VSOCK, CONN, "EPIPE, 0", WHY_VSOCK_RESET })
{
	struct pair p = small_pair(cell);
	static char buf[1000];
	struct async a;

	must(cell, fill(p.c, sizeof(buf)), "send");
	async_send(&a, p.c, buf, sizeof(buf), 0);
	async_blocks(&a);
	close(p.s);
	say_result(cell, async_result(&a));
	say_result(cell, get(p.c, 8));
}

DEFINE_ROW(linger_0, CONN,
	   "close with SO_LINGER of 0 seconds; the peer's recv",
	   "ECONNRESET",
	   { UNIX, CONN, "0", "AF_UNIX knows no SO_LINGER." },
	   { VSOCK, CONN, "0", WHY_VSOCK_RESET })
{
	struct pair p = pair(cell);

	set_linger(p.c, 0);
	close(p.c);
	say_result(cell, get(p.s, 8));
}

DEFINE_ROW(linger, CONN,
	   "close with SO_LINGER of 30 seconds, when the peer has yet to read 3 bytes",
	   "waits, 0",
	   { UNIX, CONN, "0", "AF_UNIX knows no SO_LINGER." },
	   { INET, STREAM, "0", "TCP waits until they have arrived, not until they are read." },
	   { VSOCK, CONN, "waits, waits, 0",
	     "vsock waits until the peer has closed." })
{
	struct pair p = pair(cell);
	struct async a;

	set_linger(p.c, 30);
	put(p.c, "abc");
	async_close(&a, p.c);
	if (keeps_waiting(&a))
		say(cell, "waits");
	get(p.s, 8);
	if (keeps_waiting(&a)) {
		say(cell, "waits");
		close(p.s);
	}
	say_result(cell, async_result(&a));
}

DEFINE_ROW(peer_closed_names, CONN,
	   "getpeername when the peer has closed",
	   "0")
{
	struct pair p = pair(cell);
	struct address addr;

	close(p.c);
	await(p.s, POLLRDHUP);
	say_result(cell, peer_of(p.s, &addr));
}

DEFINE_ROW(connect_again, CONN,
	   "connect of a socket whose peer has closed",
	   "EISCONN")
{
	struct address addr;
	int l = listener(cell, 2, &addr);
	int c = connected_to(cell, &addr), s = accepted(cell, l);

	close(s);
	await(c, POLLRDHUP);
	say_result(cell, connect_to(c, &addr));
}
