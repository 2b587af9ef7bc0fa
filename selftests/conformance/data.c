// SPDX-License-Identifier: GPL-2.0
/* Bytes and messages, sent and received. */

#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/uio.h>

#include <linux/sockios.h>

#include "conformance.h"

static const char section[] = "Sending and receiving";

#define WHY_VSOCK_COPY		"vsock knows one error for what it cannot copy."
#define WHY_VSOCK_PEEK		"Records of vsock cannot be peeked at before 6.7."

DEFINE_ROW(several_at_once, STREAM,
	   "two writes of 3 and 5 bytes, and one recv of 16",
	   "8")
{
	struct pair p = pair(cell);

	put(p.c, "abc");
	put(p.c, "defgh");
	await(p.s, POLLIN);
	/* Both may take their time to arrive. */
	BECOMES(8, get_with(p.s, 16, MSG_PEEK | MSG_DONTWAIT));
	say_result(cell, get_now(p.s, 16));
}

DEFINE_ROW(boundaries, MESSAGES,
	   "two messages of 3 and 5 bytes, and two recv of 16",
	   "3, 5, EAGAIN")
{
	struct pair p = pair(cell);

	put(p.c, "abc");
	put(p.c, "defgh");
	say_result(cell, get(p.s, 16));
	say_result(cell, get(p.s, 16));
	say_result(cell, get_now(p.s, 16));
}

DEFINE_ROW(in_parts, STREAM,
	   "a write of 8 bytes, and recv of 3, 3 and 3",
	   "3, 3, 2")
{
	struct pair p = pair(cell);

	put(p.c, "abcdefgh");
	say_result(cell, get(p.s, 3));
	say_result(cell, get(p.s, 3));
	say_result(cell, get(p.s, 3));
}

DEFINE_ROW(cut_off, MESSAGES,
	   "a message of 10 bytes and one of 2, and recv of 4, twice; MSG_TRUNC",
	   "4, MSG_TRUNC, 2, none")
{
	struct pair p = pair(cell);
	int flags, i;

	put(p.c, "0123456789");
	put(p.c, "ab");
	for (i = 0; i < 2; i++) {
		say_result(cell, get_msg(p.s, 4, &flags));
		say(cell, flags & MSG_TRUNC ? "MSG_TRUNC" : "none");
	}
}

DEFINE_ROW(real_length, MESSAGES,
	   "recv of 4 of a message of 10 bytes with MSG_PEEK and MSG_TRUNC, then with MSG_TRUNC",
	   "10, 10, EAGAIN",
	   { VSOCK, SEQPACKET, "ENOMEM, 10, EAGAIN", WHY_VSOCK_PEEK })
{
	struct pair p = pair(cell);

	put(p.c, "0123456789");
	say_result(cell, get_with(p.s, 4, MSG_PEEK | MSG_TRUNC));
	say_result(cell, get_with(p.s, 4, MSG_TRUNC));
	say_result(cell, get_now(p.s, 4));
}

DEFINE_ROW(trunc_stream, STREAM,
	   "recv of 4 bytes of 4 with MSG_TRUNC: what is in the buffer",
	   "4, the bytes",
	   { INET, STREAM, "4, nothing", "To TCP, MSG_TRUNC means to throw away." })
{
	struct pair p = pair(cell);
	char buf[4] = "....";

	put(p.c, "abcd");
	await(p.s, POLLIN);
	say_result(cell, ERR(recv(p.s, buf, sizeof(buf), MSG_TRUNC)));
	say(cell, memcmp(buf, "abcd", 4) ? "nothing" : "the bytes");
}

DEFINE_ROW(peek, ALL,
	   "recv with MSG_PEEK, twice, and without",
	   "3, 3, 3, EAGAIN",
	   { VSOCK, SEQPACKET, "ENOMEM, ENOMEM, 3, EAGAIN", WHY_VSOCK_PEEK })
{
	struct pair p = pair(cell);

	put(p.c, "abc");
	say_result(cell, get_with(p.s, 8, MSG_PEEK));
	say_result(cell, get_with(p.s, 8, MSG_PEEK));
	say_result(cell, get(p.s, 8));
	say_result(cell, get_now(p.s, 8));
}

DEFINE_ROW(peek_off, ALL,
	   "SO_PEEK_OFF of 2, and with 6 bytes there recv of 2 with MSG_PEEK, twice",
	   "0, cd, ef",
	   { INET | VSOCK, CONN, "EOPNOTSUPP", "It has not got it; TCP has since 6.9." })
{
	struct pair p = pair(cell);
	char buf[8] = "";
	int i;

	say_result(cell, must(cell, set_int_option(p.s, SOL_SOCKET, SO_PEEK_OFF, 2), ""));
	put(p.c, "abcdef");
	await(p.s, POLLIN);
	for (i = 0; i < 2; i++) {
		must(cell, ERR(recv(p.s, buf, 2, MSG_PEEK)), "recv");
		say(cell, buf);
	}
}

DEFINE_ROW(dontwait, ALL,
	   "recv with MSG_DONTWAIT when there is nothing",
	   "EAGAIN")
{
	say_result(cell, get_now(pair(cell).s, 8));
}

DEFINE_ROW(send_nothing, STREAM,
	   "send of 0 bytes, then recv",
	   "0, EAGAIN")
{
	struct pair p = pair(cell);

	say_result(cell, put(p.c, ""));
	say_result(cell, get_now(p.s, 8));
}

DEFINE_ROW(empty_message, MESSAGES,
	   "an empty message, then one of 2 bytes",
	   "0, 2, EAGAIN",
	   { VSOCK, SEQPACKET, "2, EAGAIN, EAGAIN", WHY_VSOCK_EMPTY })
{
	struct pair p = pair(cell);

	long first;

	put(p.c, "");
	put(p.c, "ab");
	first = get(p.s, 8);
	say_result(cell, first);
	say_result(cell, first ? get_now(p.s, 8) : get(p.s, 8));
	say_result(cell, get_now(p.s, 8));
}

DEFINE_ROW(recv_nothing, STREAM,
	   "recv of 0 bytes with MSG_DONTWAIT, when there is nothing, and when there is",
	   "EAGAIN, 0",
	   { VSOCK, STREAM, "0, 0", "vsock returns at once." })
{
	struct pair p = pair(cell);

	say_result(cell, get_now(p.s, 0));
	put(p.c, "abc");
	await(p.s, POLLIN);
	say_result(cell, get_now(p.s, 0));
}

DEFINE_ROW(vectors, STREAM,
	   "writev of 3 and 5 bytes, and readv into 6 and 6",
	   "8, abcdef, gh")
{
	struct pair p = pair(cell);
	struct iovec out[2] = { { "abc", 3 }, { "defgh", 5 } };
	char a[8] = "", b[8] = "";
	struct iovec in[2] = { { a, 6 }, { b, 6 } };

	say_result(cell, ERR(writev(p.c, out, 2)));
	await(p.s, POLLIN);
	must(cell, ERR(readv(p.s, in, 2)), "readv");
	say(cell, a);
	say(cell, b);
}

DEFINE_ROW(one_message, MESSAGES,
	   "writev of 3 and 5 bytes is one message, and readv of 2 and 2 cuts it off",
	   "8, 4, EAGAIN")
{
	struct pair p = pair(cell);
	struct iovec out[2] = { { "abc", 3 }, { "defgh", 5 } };
	char a[2], b[2];
	struct iovec in[2] = { { a, 2 }, { b, 2 } };

	say_result(cell, ERR(writev(p.c, out, 2)));
	await(p.s, POLLIN);
	say_result(cell, ERR(readv(p.s, in, 2)));
	say_result(cell, get_now(p.s, 8));
}

DEFINE_ROW(many_messages, MESSAGES,
	   "sendmmsg of 1 and 2 bytes, and recvmmsg of 2 messages",
	   "2, 2, 1, 2")
{
	struct pair p = pair(cell);
	char buf[2][8];
	struct iovec iov[2] = { { "a", 1 }, { "bc", 2 } };
	struct mmsghdr msg[2] = {
		{ .msg_hdr = { .msg_iov = &iov[0], .msg_iovlen = 1 } },
		{ .msg_hdr = { .msg_iov = &iov[1], .msg_iovlen = 1 } },
	};
	int i;

	say_result(cell, ERR(sendmmsg(p.c, msg, 2, 0)));
	for (i = 0; i < 2; i++)
		iov[i] = (struct iovec){ buf[i], sizeof(buf[i]) };
	say_result(cell, ERR(recvmmsg(p.s, msg, 2, 0, NULL)));
	say_result(cell, msg[0].msg_len);
	say_result(cell, msg[1].msg_len);
}

DEFINE_ROW(send_file, STREAM,
	   "sendfile of 100 bytes of a file",
	   "100, 100")
{
	struct pair p = pair(cell);
	FILE *file = tmpfile();
	char buf[100] = "";

	if (!file)
		not_here(cell, "no file to send");
	fwrite(buf, 1, sizeof(buf), file);
	fflush(file);
	say_result(cell, ERR(sendfile(p.c, fileno(file), &(off_t){ 0 }, sizeof(buf))));
	say_result(cell, get_with(p.s, sizeof(buf), MSG_WAITALL));
}

DEFINE_ROW(end_of_record, SEQPACKET,
	   "send with MSG_EOR, and without: whether recvmsg gives it",
	   "MSG_EOR, none",
	   { UNIX, SEQPACKET, "none, none", "AF_UNIX forgets it." })
{
	struct pair p = pair(cell);
	int flags;

	must(cell, ERR(send(p.c, "a", 1, MSG_EOR)), "send");
	must(cell, ERR(send(p.c, "b", 1, 0)), "send");
	must(cell, get_msg(p.s, 8, &flags), "recv");
	say(cell, flags & MSG_EOR ? "MSG_EOR" : "none");
	must(cell, get_msg(p.s, 8, &flags), "recv");
	say(cell, flags & MSG_EOR ? "MSG_EOR" : "none");
}

DEFINE_ROW(wait_all, STREAM,
	   "recv of 8 bytes with MSG_WAITALL: 4 bytes come, and 4 more",
	   "waits, 8")
{
	struct pair p = pair(cell);
	struct async a;
	char buf[8];

	put(p.c, "abcd");
	async_recv(&a, p.s, buf, sizeof(buf), MSG_WAITALL);
	if (async_blocks(&a))
		say(cell, "waits");
	put(p.c, "efgh");
	say_result(cell, async_result(&a));
}

DEFINE_ROW(wait_all_end, STREAM,
	   "recv of 8 bytes with MSG_WAITALL: 4 bytes come, and the end",
	   "waits, 4")
{
	struct pair p = pair(cell);
	struct async a;
	char buf[8];

	put(p.c, "abcd");
	async_recv(&a, p.s, buf, sizeof(buf), MSG_WAITALL);
	if (async_blocks(&a))
		say(cell, "waits");
	close(p.c);
	say_result(cell, async_result(&a));
}

DEFINE_ROW(wait_all_peek, STREAM,
	   "recv of 8 bytes with MSG_WAITALL and MSG_PEEK: 4 bytes come, and 4 more",
	   "waits, 8",
	   { UNIX, STREAM, "4", "AF_UNIX shows what is there." },
	   { VSOCK, STREAM, "4", "vsock shows what is there." })
{
	struct pair p = pair(cell);
	struct async a;
	char buf[8];

	put(p.c, "abcd");
	await(p.s, POLLIN);
	async_recv(&a, p.s, buf, sizeof(buf), MSG_WAITALL | MSG_PEEK);
	if (async_blocks(&a))
		say(cell, "waits");
	put(p.c, "efgh");
	say_result(cell, async_result(&a));
}

DEFINE_ROW(oob_send, ALL,
	   "send with MSG_OOB",
	   "EOPNOTSUPP",
	   { UNIX | INET, STREAM, "1", "Urgent data is TCP's, and AF_UNIX imitates it." })
{
	say_result(cell, ERR(send(pair(cell).c, "x", 1, MSG_OOB)));
}

DEFINE_ROW(oob_recv, ALL,
	   "recv with MSG_OOB",
	   "EOPNOTSUPP",
	   { UNIX | INET, STREAM, "EINVAL", "They know it, but there is none." },
	   { INET, DGRAM, "EAGAIN", "UDP does not look at it." })
{
	say_result(cell, get_with(pair(cell).c, 8, MSG_OOB | MSG_DONTWAIT));
}

DEFINE_ROW(send_bad, ALL,
	   "send from memory that does not exist; then 3 bytes arrive alone",
	   "EFAULT, 3, EAGAIN",
	   { VSOCK, CONN, "ENOMEM, 3, EAGAIN", WHY_VSOCK_COPY })
{
	struct pair p = pair(cell);

	say_result(cell, ERR(send(p.c, bad_pointer(), 8, 0)));
	put(p.c, "abc");
	say_result(cell, get(p.s, 8));
	say_result(cell, get_now(p.s, 8));
}

DEFINE_ROW(recv_bad, STREAM,
	   "recv of 3 bytes into memory that does not exist, and again",
	   "EFAULT, 3",
	   { VSOCK, STREAM, "ENOMEM, 3", WHY_VSOCK_COPY })
{
	struct pair p = pair(cell);

	put(p.c, "abc");
	say_result(cell, ERR(recv(p.s, bad_pointer(), 3, 0)));
	say_result(cell, get_now(p.s, 8));
}

DEFINE_ROW(recv_bad_message, MESSAGES,
	   "recv into memory that does not exist: whether the message is lost, of two with 3 and 2 bytes",
	   "EFAULT, 2",
	   { VSOCK, SEQPACKET, "ENOMEM, 2", WHY_VSOCK_COPY })
{
	struct pair p = pair(cell);

	put(p.c, "abc");
	put(p.c, "de");
	say_result(cell, ERR(recv(p.s, bad_pointer(), 3, 0)));
	say_result(cell, get(p.s, 8));
}

DEFINE_ROW(send_unconnected, CONN,
	   "send of a socket that is not connected",
	   "ENOTCONN",
	   { INET, STREAM, "EPIPE", "TCP's send has EPIPE for all that cannot send." })
{
	say_result(cell, put(new_socket(cell), "x"));
}

DEFINE_ROW(recv_unconnected, CONN,
	   "recv of a socket that is not connected",
	   "ENOTCONN",
	   { UNIX, STREAM, "EINVAL", WHY_INVAL })
{
	say_result(cell, get_now(new_socket(cell), 8));
}

DEFINE_ROW(send_to_connected, CONN,
	   "sendto with an address, connected",
	   "EISCONN",
	   { UNIX, SEQPACKET, "1", "The address is of no use, and is not looked at." },
	   { INET, STREAM, "1", "The address is of no use, and is not looked at." })
{
	struct pair p = pair(cell);
	struct address addr;

	must(cell, peer_of(p.c, &addr), "getpeername");
	say_result(cell, put_to(p.c, "x", &addr));
}

DEFINE_ROW(send_to_unconnected, CONN,
	   "sendto with an address, not connected",
	   "EOPNOTSUPP",
	   { UNIX, SEQPACKET, "ENOTCONN", "The address is of no use, and is not looked at." },
	   { INET, STREAM, "EPIPE", "The address is of no use, and is not looked at." })
{
	struct address addr;

	nobodys_address(cell, &addr);
	say_result(cell, put_to(new_socket(cell), "x", &addr));
}

DEFINE_ROW(recv_from_connected, CONN,
	   "recvfrom of a connection: length of the address",
	   "0")
{
	struct pair p = pair(cell);
	struct address addr;

	put(p.c, "x");
	must(cell, get_from(p.s, &addr), "recvfrom");
	say_result(cell, addr.len);
}

DEFINE_ROW(inq, STREAM,
	   "SIOCINQ with 3 bytes there, and then with 5 more",
	   "3, 8",
	   { VSOCK, CONN, "ENOTTY, ENOTTY", WHY_VSOCK_NONE },
	   { VSOCK, STREAM, "EOPNOTSUPP, EOPNOTSUPP", WHY_VSOCK_NONE })
{
	struct pair p = pair(cell);

	put(p.c, "abc");
	await(p.s, POLLIN);
	say_result(cell, bytes_to_read(p.s));
	put(p.c, "defgh");
	if (bytes_to_read(p.s) >= 0)
		BECOMES(8, bytes_to_read(p.s));
	say_result(cell, bytes_to_read(p.s));
}

static void count_messages(struct cell *cell)
{
	struct pair p = pair(cell);

	put(p.c, "abc");
	put(p.c, "defgh");
	await(p.s, POLLIN);
	say_result(cell, bytes_to_read(p.s));
	get(p.s, 8);
	say_result(cell, bytes_to_read(p.s));
}

DEFINE_ROW(inq_records, SEQPACKET,
	   "SIOCINQ with records of 3 and 5 bytes there, and after a recv",
	   "8, 5",
	   { VSOCK, SEQPACKET, "ENOTTY, ENOTTY", WHY_VSOCK_NONE },
	   { VSOCK, SEQPACKET, "EOPNOTSUPP, EOPNOTSUPP", WHY_VSOCK_NONE })
{
	count_messages(cell);
}

DEFINE_ROW(inq_datagrams, DGRAM,
	   "SIOCINQ with datagrams of 3 and 5 bytes there, and after a recv",
	   "3, 5")
{
	count_messages(cell);
}

DEFINE_ROW(inq_listener, CONN,
	   "SIOCINQ of a listener",
	   "EINVAL",
	   { VSOCK, CONN, "ENOTTY", WHY_VSOCK_NONE },
	   { VSOCK, CONN, "EOPNOTSUPP", WHY_VSOCK_NONE })
{
	struct address addr;

	say_result(cell, bytes_to_read(listener(cell, 1, &addr)));
}

DEFINE_ROW(outq, STREAM,
	   "SIOCOUTQ with 5 bytes sent, and when the peer has read them",
	   "5, 0",
	   { UNIX, STREAM, "memory, 0", "AF_UNIX counts the memory of what was not read." },
	   { INET, STREAM, "0, 0", "TCP counts what has not arrived." },
	   { VSOCK, STREAM, "0, 0",
	     "vsock counts what its loopback has not carried over." },
	   { VSOCK, STREAM, "EOPNOTSUPP, EOPNOTSUPP", WHY_VSOCK_NONE })
{
	struct pair p = pair(cell);
	int n;

	put(p.c, "abcde");
	await(p.s, POLLIN);
	n = bytes_unread_by_peer(p.c);
	if (n > 5)
		say(cell, "memory");
	else
		say_result(cell, n);
	get(p.s, 8);
	say_result(cell, bytes_unread_by_peer(p.c));
}

DEFINE_ROW(unknown_ioctl, ALL,
	   "an ioctl that does not exist",
	   "ENOTTY",
	   { VSOCK, CONN, "EOPNOTSUPP", WHY_VSOCK_NONE })
{
	struct pair p = pair(cell);

	say_result(cell, ERR(ioctl(p.c, SIOCPROTOPRIVATE + 15, &(int){ 0 })));
}

DEFINE_ROW(unknown_option, ALL,
	   "setsockopt and getsockopt of a level that does not exist",
	   "ENOPROTOOPT, ENOPROTOOPT",
	   { UNIX, ALL, "EOPNOTSUPP, EOPNOTSUPP", "AF_UNIX has no levels of its own." },
	   { INET, ALL, "ENOPROTOOPT, EOPNOTSUPP",
	     "IP answers getsockopt of levels that nobody has." })
{
	struct pair p = pair(cell);

	say_result(cell, set_int_option(p.c, 0x7fff, 1, 0));
	say_result(cell, get_int_option(p.c, 0x7fff, 1));
}

DEFINE_ROW(more_to_come, MESSAGES,
	   "send with MSG_MORE of a message: whether it can be read at once",
	   "1",
	   { INET, DGRAM, "EAGAIN", "UDP makes one datagram of several such sends." })
{
	struct pair p = pair(cell);

	must(cell, ERR(send(p.c, "x", 1, MSG_MORE)), "send");
	if (cell->type == SEQPACKET)
		await(p.s, POLLIN);
	say_result(cell, get_now(p.s, 8));
}
