// SPDX-License-Identifier: GPL-2.0
/* Datagrams: whom they go to and come from. */

#include <stdlib.h>

#include "conformance.h"

static const char section[] = "Datagrams";

#define WHY_UNIX_ADDRESS						\
	"AF_UNIX finds its peer at connect, and looks whether it is there."

DEFINE_ROW(no_destination, DGRAM,
	   "send without an address, not connected",
	   "EDESTADDRREQ",
	   { UNIX, DGRAM, "ENOTCONN", "POSIX allows both." })
{
	struct address addr;

	say_result(cell, put(bound_socket(cell, &addr), "x"));
}

DEFINE_ROW(source, DGRAM,
	   "recvfrom gives the sender's address, and an answer to it arrives",
	   "3, yes, 2")
{
	struct address a_name, b_name, from;
	int a = bound_socket(cell, &a_name), b = bound_socket(cell, &b_name);

	put_to(a, "abc", &b_name);
	say_result(cell, get_from(b, &from));
	say(cell, same_address(&a_name, &from) ? "yes" : "no");
	put_to(b, "de", &from);
	say_result(cell, get(a, 8));
}

DEFINE_ROW(first_send, DGRAM,
	   "send without bind; getsockname",
	   "1, a name",
	   { UNIX, DGRAM, "1, nobody", WHY_NO_NAME })
{
	struct address addr;
	int fd = new_socket(cell);

	bound_socket(cell, &addr);
	say_result(cell, put_to(fd, "x", &addr));
	must(cell, name_of(fd, &addr), "getsockname");
	say(cell, is_unnamed(&addr) ? "nobody" : "a name");
}

DEFINE_ROW(to_itself, DGRAM,
	   "sendto its own address, then recv",
	   "3, 3")
{
	struct address addr;
	int fd = bound_socket(cell, &addr);

	say_result(cell, put_to(fd, "abc", &addr));
	say_result(cell, get(fd, 8));
}

DEFINE_ROW(send_elsewhere, DGRAM,
	   "sendto a node that does not exist",
	   "EHOSTUNREACH",
	   { INET, DGRAM, "ENETUNREACH", "IP has networks, and there is no way to that one." })
{
	struct address addr;

	if (!has_nodes(cell))
		not_here(cell, "there is one node");
	if (enter_new_netns())
		not_here(cell, "only root can leave the network");
	address_elsewhere(cell, &addr);
	say_result(cell, put_to(new_socket(cell), "x", &addr));
}

DEFINE_ROW(send_short, DGRAM,
	   "sendto an address that is one byte long",
	   "EINVAL")
{
	struct address addr;

	bound_socket(cell, &addr);
	addr.len = 1;
	say_result(cell, put_to(new_socket(cell), "x", &addr));
}

DEFINE_ROW(send_nobody, DGRAM,
	   "sendto where nobody is, not connected, twice",
	   "ECONNREFUSED, ECONNREFUSED",
	   { INET, DGRAM, "1, 1", "UDP says it to connected sockets only." },
	   { PACKETS, DGRAM, "1, 1", WHY_PACKETS })
{
	struct address addr;
	int fd = new_socket(cell);

	nobodys_address(cell, &addr);
	say_result(cell, put_to(fd, "x", &addr));
	say_result(cell, put_to(fd, "x", &addr));
}

DEFINE_ROW(connected_nobody, DGRAM,
	   "connect to where nobody is, and send, twice",
	   "0, ECONNREFUSED, ECONNREFUSED",
	   { INET | PACKETS, DGRAM, "0, 1, ECONNREFUSED",
	     "That nobody is there comes as an answer, after the send." },
	   { UNIX, DGRAM, "ECONNREFUSED, ENOTCONN, ENOTCONN", WHY_UNIX_ADDRESS })
{
	struct address addr;
	int fd = new_socket(cell);
	long ret;

	nobodys_address(cell, &addr);
	say_result(cell, connect_to(fd, &addr));
	ret = put(fd, "x");
	say_result(cell, ret);
	if (ret == 1)
		await(fd, POLLERR);
	say_result(cell, put(fd, "x"));
}

DEFINE_ROW(peer_gone, DGRAM,
	   "send to a peer that has closed, twice",
	   "ECONNREFUSED, ECONNREFUSED",
	   { INET | PACKETS, DGRAM, "1, ECONNREFUSED",
	     "That nobody is there comes as an answer, after the send." },
	   { UNIX, DGRAM, "ECONNREFUSED, ENOTCONN", "AF_UNIX lets go of a peer that is gone." })
{
	struct pair p = pair(cell);
	long ret;

	close(p.c);
	ret = put(p.s, "x");
	say_result(cell, ret);
	if (ret == 1)
		await(p.s, POLLERR);
	say_result(cell, put(p.s, "x"));
}

DEFINE_ROW(sender_gone, DGRAM,
	   "recv of a datagram whose sender has closed",
	   "3")
{
	struct pair p = pair(cell);

	put(p.c, "abc");
	close(p.c);
	say_result(cell, get(p.s, 8));
}

DEFINE_ROW(stranger, DGRAM,
	   "sendto a socket that is connected to somebody else; what it receives",
	   "ECONNREFUSED, EAGAIN",
	   { UNIX, DGRAM, "EPERM, EAGAIN", "AF_UNIX has a word for it." },
	   { INET, DGRAM, "1, EAGAIN", "UDP says it to connected sockets only." },
	   { PACKETS, DGRAM, "1, EAGAIN", WHY_PACKETS })
{
	struct pair p = pair(cell);
	struct address addr;

	must(cell, name_of(p.s, &addr), "getsockname");
	say_result(cell, put_to(new_socket(cell), "x", &addr));
	say_result(cell, get_now(p.s, 8));
}

DEFINE_ROW(came_before, DGRAM,
	   "a datagram of 3 bytes comes, then connect to somebody else, then recv",
	   "0, 3")
{
	struct address addr, other;
	int fd = bound_socket(cell, &addr), stranger = new_socket(cell);

	bound_socket(cell, &other);
	put_to(stranger, "abc", &addr);
	await(fd, POLLIN);
	say_result(cell, connect_to(fd, &other));
	say_result(cell, get_now(fd, 8));
}

DEFINE_ROW(send_other, DGRAM,
	   "sendto another address than the one it is connected to",
	   "1, 1")
{
	struct pair p = pair(cell);
	struct address addr;
	int fd = bound_socket(cell, &addr);

	say_result(cell, put_to(p.c, "x", &addr));
	say_result(cell, get(fd, 8));
}

DEFINE_ROW(connect_other, DGRAM,
	   "connect again, to another address; send; who receives",
	   "0, 1, the other")
{
	struct pair p = pair(cell);
	struct address addr;
	int fd = bound_socket(cell, &addr);

	say_result(cell, connect_to(p.c, &addr));
	say_result(cell, put(p.c, "x"));
	await(fd, POLLIN);
	say(cell, get_now(fd, 8) == 1 && get_now(p.s, 8) == -EAGAIN ?
		  "the other" : "the first");
}

DEFINE_ROW(dissolve, DGRAM,
	   "connect to AF_UNSPEC, then getpeername",
	   "0, ENOTCONN")
{
	struct pair p = pair(cell);
	struct address addr;

	say_result(cell, connect_to_none(p.c));
	say_result(cell, peer_of(p.c, &addr));
}

DEFINE_ROW(outq_dgram, DGRAM,
	   "SIOCOUTQ with a datagram sent and not read",
	   "0",
	   { UNIX, DGRAM, "memory", "AF_UNIX counts the memory of what was not read." })
{
	struct pair p = pair(cell);
	int n;

	put(p.c, "abc");
	await(p.s, POLLIN);
	n = bytes_unread_by_peer(p.c);
	if (n > 3)
		say(cell, "memory");
	else
		say_result(cell, n);
}
