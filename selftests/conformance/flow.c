// SPDX-License-Identifier: GPL-2.0
/* Waiting: for data, for room, and for how long. */

#include <signal.h>
#include <stdlib.h>

#include "conformance.h"

static const char section[] = "Waiting and room";

static char big[1 << 20];

DEFINE_ROW(recv_waits, ALL,
	   "recv when there is nothing, then a message comes",
	   "waits, 3")
{
	struct pair p = pair(cell);
	struct async a;
	char buf[8];

	async_recv(&a, p.s, buf, sizeof(buf), 0);
	if (async_blocks(&a))
		say(cell, "waits");
	put(p.c, "abc");
	say_result(cell, async_result(&a));
}

DEFINE_ROW(recv_timeout, ALL,
	   "recv until SO_RCVTIMEO is over",
	   "EAGAIN")
{
	struct pair p = pair(cell);

	set_timeout(p.s, SO_RCVTIMEO, TIMEOUT_MS);
	say_result(cell, get(p.s, 8));
}

DEFINE_ROW(recv_signal, ALL,
	   "recv that waits when a signal comes, whose handler is without SA_RESTART",
	   "EINTR")
{
	struct pair p = pair(cell);
	struct async a;
	char buf[8];

	catch_signal(SIGUSR1, 0);
	async_recv(&a, p.s, buf, sizeof(buf), 0);
	async_blocks(&a);
	async_signal(&a, SIGUSR1);
	say_result(cell, async_result(&a));
}

DEFINE_ROW(recv_restart, ALL,
	   "the same with SA_RESTART; then a message comes",
	   "waits on, 3")
{
	struct pair p = pair(cell);
	struct async a;
	char buf[8];

	catch_signal(SIGUSR1, SA_RESTART);
	async_recv(&a, p.s, buf, sizeof(buf), 0);
	async_blocks(&a);
	async_signal(&a, SIGUSR1);
	BECOMES(1, caught_signals());
	if (async_blocks(&a))
		say(cell, "waits on");
	put(p.c, "abc");
	say_result(cell, async_result(&a));
}

DEFINE_ROW(recv_timeout_signal, ALL,
	   "the same with SA_RESTART and SO_RCVTIMEO",
	   "EINTR")
{
	struct pair p = pair(cell);
	struct async a;
	char buf[8];

	catch_signal(SIGUSR1, SA_RESTART);
	set_timeout(p.s, SO_RCVTIMEO, 2 * PATIENCE_MS);
	async_recv(&a, p.s, buf, sizeof(buf), 0);
	async_blocks(&a);
	async_signal(&a, SIGUSR1);
	say_result(cell, async_result(&a));
}

DEFINE_ROW(two_readers, ALL,
	   "two recv of one byte wait, and two messages of one byte come",
	   "2, 1, 1")
{
	struct pair p = pair(cell);
	struct async a, b;
	char buf[2];

	async_recv(&a, p.s, buf, 1, 0);
	async_recv(&b, p.s, buf + 1, 1, 0);
	say_result(cell, async_blocks(&a) + async_blocks(&b));
	put(p.c, "x");
	put(p.c, "y");
	say_result(cell, async_result(&a));
	say_result(cell, async_result(&b));
}

DEFINE_ROW(long_transfer, STREAM,
	   "send of 1 MiB, and recv until all of it is there",
	   "1048576, 1048576, all of it right")
{
	static char in[sizeof(big)];
	struct pair p = pair(cell);
	struct async a;

	pattern_fill(big, sizeof(big), 0);
	async_send(&a, p.c, big, sizeof(big), 0);
	say_result(cell, recv_all(p.s, in, sizeof(in)));
	say_result(cell, async_result(&a));
	say(cell, pattern_differs(in, sizeof(in), 0) < 0 ? "all of it right" : "wrong");
}

DEFINE_ROW(low_water_recv, STREAM,
	   "recv of 16 with SO_RCVLOWAT of 6, when 3 bytes are there and 7 more come",
	   "waits, 10")
{
	struct pair p = pair(cell);
	struct async a;
	char buf[16];

	set_int_option(p.s, SOL_SOCKET, SO_RCVLOWAT, 6);
	put(p.c, "abc");
	async_recv(&a, p.s, buf, sizeof(buf), 0);
	if (async_blocks(&a))
		say(cell, "waits");
	put(p.c, "defghij");
	say_result(cell, async_result(&a));
}

DEFINE_ROW(low_water_poll, STREAM,
	   "poll for POLLIN with SO_RCVLOWAT of 6: 3 bytes are there, and 5 more come",
	   "no event, IN",
	   { UNIX, STREAM, "IN, IN", "AF_UNIX minds it for recv only." })
{
	struct pair p = pair(cell);

	put(p.c, "abc");
	await(p.s, POLLIN);
	set_int_option(p.s, SOL_SOCKET, SO_RCVLOWAT, 6);
	say_events(cell, revents_for(p.s, POLLIN));
	put(p.c, "defgh");
	await(p.s, POLLIN);
	say_events(cell, revents_for(p.s, POLLIN));
}

DEFINE_ROW(low_water_record, SEQPACKET,
	   "recv with SO_RCVLOWAT of 6, when a record of 3 bytes is there",
	   "3")
{
	struct pair p = pair(cell);

	set_int_option(p.s, SOL_SOCKET, SO_RCVLOWAT, 6);
	put(p.c, "abc");
	set_timeout(p.s, SO_RCVTIMEO, 2000);
	say_result(cell, get(p.s, 8));
}

DEFINE_ROW(full_now, CONN,
	   "send with MSG_DONTWAIT when no more fits",
	   "EAGAIN")
{
	struct pair p = small_pair(cell);

	must(cell, fill(p.c, 1000), "send");
	say_result(cell, ERR(send(p.c, big, 1000, MSG_DONTWAIT)));
}

DEFINE_ROW(full_poll, CONN,
	   "poll for POLLOUT when no more fits, and when the peer has read all",
	   "no event, OUT")
{
	struct pair p = small_pair(cell);

	must(cell, fill(p.c, 1000), "send");
	say_events(cell, revents_for(p.c, POLLOUT));
	drain(p.s);
	await(p.c, POLLOUT);
	say_events(cell, revents_for(p.c, POLLOUT));
}

DEFINE_ROW(full_waits, CONN,
	   "send when no more fits, until the peer has read all",
	   "waits, 1000")
{
	struct pair p = small_pair(cell);
	struct async a;

	must(cell, fill(p.c, 1000), "send");
	async_send(&a, p.c, big, 1000, 0);
	if (async_blocks(&a))
		say(cell, "waits");
	drain(p.s);
	say_result(cell, async_result(&a));
}

DEFINE_ROW(full_timeout, CONN,
	   "send when no more fits, until SO_SNDTIMEO is over",
	   "EAGAIN")
{
	struct pair p = small_pair(cell);

	must(cell, fill(p.c, 1000), "send");
	set_timeout(p.c, SO_SNDTIMEO, TIMEOUT_MS);
	say_result(cell, ERR(send(p.c, big, 1000, 0)));
}

DEFINE_ROW(full_signal, CONN,
	   "send when no more fits, and a signal comes, whose handler is without SA_RESTART",
	   "EINTR")
{
	struct pair p = small_pair(cell);
	struct async a;

	must(cell, fill(p.c, 1000), "send");
	catch_signal(SIGUSR1, 0);
	async_send(&a, p.c, big, 1000, 0);
	async_blocks(&a);
	async_signal(&a, SIGUSR1);
	say_result(cell, async_result(&a));
}

DEFINE_ROW(part_fits, STREAM,
	   "send of 1 MiB with SO_SNDTIMEO, when only some of it fits",
	   "some of it")
{
	struct pair p = small_pair(cell);
	long n;

	set_timeout(p.c, SO_SNDTIMEO, TIMEOUT_MS);
	n = ERR(send(p.c, big, sizeof(big), 0));
	if (n > 0 && n < (long)sizeof(big))
		say(cell, "some of it");
	else
		say_result(cell, n);
}

DEFINE_ROW(too_long, MESSAGES,
	   "send of a message of 64 KiB with SO_SNDBUF of 16 KiB",
	   "EMSGSIZE",
	   { VSOCK, SEQPACKET, "65536", "vsock has options of its own for its buffers." })
{
	struct pair p = small_pair(cell);

	/* 64 KiB are too long for UDP in any case. */
	say_result(cell, ERR(send(p.c, big, 65536, 0)));
}

DEFINE_ROW(longest, MESSAGES,
	   "send of a message of 60000 bytes, with buffers as they are",
	   "60000, 60000")
{
	struct pair p = pair(cell);

	say_result(cell, ERR(send(p.c, big, 60000, 0)));
	say_result(cell, get(p.s, 65536));
}

DEFINE_ROW(empty_messages_cost, SEQPACKET,
	   "empty messages without end, with MSG_DONTWAIT",
	   "EAGAIN",
	   { VSOCK, SEQPACKET, "0", WHY_VSOCK_EMPTY })
{
	struct pair p = small_pair(cell);
	long ret = 0;
	int i;

	for (i = 0; i < 10000 && !ret; i++)
		ret = ERR(send(p.c, "", 0, MSG_DONTWAIT));
	say_result(cell, ret);
}

DEFINE_ROW(overrun, DGRAM,
	   "100 datagrams of 1000 bytes, with MSG_DONTWAIT, to who reads none and has SO_RCVBUF of 16 KiB",
	   "all sent, some arrive",
	   { UNIX, DGRAM, "EAGAIN, those arrive", "AF_UNIX loses none: it waits for the reader." })
{
	struct pair p = pair(cell);
	int sent = 0, got = 0;
	long ret = 0;

	set_int_option(p.s, SOL_SOCKET, SO_RCVBUF, 16384);
	while (sent < 100 && (ret = ERR(send(p.c, big, 1000, MSG_DONTWAIT))) == 1000)
		sent++;
	if (sent == 100)
		say(cell, "all sent");
	else
		say_result(cell, ret);
	while (get_now(p.s, 1000) == 1000)
		got++;
	say(cell, got == sent ? "those arrive" : got ? "some arrive" : "none arrives");
}

DEFINE_ROW(overrun_counted, DGRAM,
	   "SO_RXQ_OVFL: how many of those were lost comes with the next datagram",
	   "yes",
	   { UNIX, DGRAM, "no", "AF_UNIX loses none: it waits for the reader." })
{
	struct pair p = pair(cell);
	unsigned int lost = 0;
	int i, got = 0;

	set_int_option(p.s, SOL_SOCKET, SO_RXQ_OVFL, 1);
	set_int_option(p.s, SOL_SOCKET, SO_RCVBUF, 16384);
	for (i = 0; i < 100; i++)
		send(p.c, big, 1000, MSG_DONTWAIT);
	while (get_now(p.s, 1000) == 1000)
		got++;
	must(cell, put(p.c, "x"), "send");
	get_control(p.s, SO_RXQ_OVFL, &lost, sizeof(lost));
	say(cell, lost && lost == 100U - got ? "yes" : "no");
}

DEFINE_ROW(tiny_buffer, DGRAM,
	   "a datagram of 60000 bytes to who has SO_RCVBUF of 1 and an empty queue",
	   "60000, 60000")
{
	struct pair p = pair(cell);

	set_int_option(p.s, SOL_SOCKET, SO_RCVBUF, 1);
	say_result(cell, ERR(send(p.c, big, 60000, MSG_DONTWAIT)));
	say_result(cell, get_now(p.s, 65536));
}
