// SPDX-License-Identifier: GPL-2.0
/* Sockets, and the names they have. */

#include <stdlib.h>

#include "conformance.h"

static const char section[] = "Sockets and names";

DEFINE_ROW(unknown_protocol, ALL,
	   "socket, with a protocol that does not exist",
	   "EPROTONOSUPPORT")
{
	say_result(cell, ERR(socket(cell->family->domain, type_number(cell->type), 200)));
}

DEFINE_ROW(unknown_type, STREAM,
	   "socket, of a type that does not exist (SOCK_RDM)",
	   "ESOCKTNOSUPPORT")
{
	say_result(cell, ERR(socket(cell->family->domain, SOCK_RDM, 0)));
}

DEFINE_ROW(make_socketpair, ALL,
	   "socketpair; the two ends talk",
	   "0, 1, 1",
	   { INET, ALL, "EOPNOTSUPP", "Without addresses TCP and UDP can do nothing." },
	   { VSOCK, ALL, "EOPNOTSUPP", WHY_VSOCK_NONE })
{
	int fd[2];

	say_result(cell, must(cell, ERR(socketpair(cell->family->domain,
						   type_number(cell->type), 0, fd)), ""));
	say_result(cell, put(fd[0], "x"));
	say_result(cell, get(fd[1], 8));
}

DEFINE_ROW(type_and_domain, ALL,
	   "SO_DOMAIN and SO_TYPE tell what socket was asked for",
	   "yes")
{
	int fd = new_socket(cell);
	bool right = get_int_option(fd, SOL_SOCKET, SO_DOMAIN) == cell->family->domain &&
		     get_int_option(fd, SOL_SOCKET, SO_TYPE) == type_number(cell->type);

	say(cell, right ? "yes" : "no");
}

static void say_name(struct cell *cell, int fd)
{
	struct address addr;
	long err = name_of(fd, &addr);

	if (err)
		say_result(cell, err);
	else
		say(cell, is_unnamed(&addr) ? "nobody" : "a name");
}

DEFINE_ROW(name_unbound, ALL,
	   "getsockname, before bind",
	   "nobody")
{
	say_name(cell, new_socket(cell));
}

DEFINE_ROW(peer_unconnected, ALL,
	   "getpeername, before connect",
	   "ENOTCONN")
{
	struct address addr;

	say_result(cell, peer_of(new_socket(cell), &addr));
}

DEFINE_ROW(name_bound, ALL,
	   "bind to any free address, then getsockname",
	   "0, a name")
{
	struct address addr;
	int fd = new_socket(cell);

	free_address(cell, &addr);
	say_result(cell, bind_to(fd, &addr));
	say_name(cell, fd);
}

DEFINE_ROW(name_cut, ALL,
	   "getsockname into 4 bytes: how many bytes it has, and whether it wrote no more",
	   "all, 4 bytes")
{
	struct address addr;
	int fd = bound_socket(cell, &addr);
	unsigned char buf[sizeof(addr.storage)];
	socklen_t len = 4;

	memset(buf, 0xa5, sizeof(buf));
	must(cell, ERR(getsockname(fd, (struct sockaddr *)buf, &len)), "getsockname");
	say(cell, len == addr.len ? "all" : "some");
	say(cell, buf[4] == 0xa5 && !memcmp(buf, &addr.sa, 4) ? "4 bytes" : "others");
}

DEFINE_ROW(bind_twice, ALL,
	   "bind of a bound socket",
	   "EINVAL")
{
	struct address addr;
	int fd = bound_socket(cell, &addr);

	free_address(cell, &addr);
	say_result(cell, bind_to(fd, &addr));
}

DEFINE_ROW(bind_taken, ALL,
	   "bind to another socket's address",
	   "EADDRINUSE")
{
	struct address addr;

	bound_socket(cell, &addr);
	say_result(cell, bind_to(new_socket(cell), &addr));
}

DEFINE_ROW(bind_again, ALL,
	   "bind to an address whose socket was closed",
	   "0")
{
	struct address addr;

	nobodys_address(cell, &addr);
	say_result(cell, bind_to(new_socket(cell), &addr));
}

/* The type that shares nothing with ours, if the family has one. */
static unsigned int other_type(struct cell *cell)
{
	unsigned int type;

	for (type = DGRAM; type; type >>= 1)
		if (type != cell->type && !cell->family->no[type_index(type)])
			return type;
	not_here(cell, "the family has one type");
	return 0;
}

DEFINE_ROW(bind_other_type, ALL,
	   "bind to the address of a socket of another type",
	   "0",
	   { VSOCK, CONN, "EADDRINUSE", "In vsock all types share the ports." })
{
	struct address addr;

	bound_socket(cell, &addr);
	cell->type = other_type(cell);
	say_result(cell, bind_to(new_socket(cell), &addr));
}

DEFINE_ROW(bind_short, ALL,
	   "bind to an address that is one byte long",
	   "EINVAL")
{
	struct address addr;

	free_address(cell, &addr);
	addr.len = 1;
	say_result(cell, bind_to(new_socket(cell), &addr));
}

DEFINE_ROW(bind_other_family, ALL,
	   "bind to an address of another family",
	   "EAFNOSUPPORT",
	   { UNIX, ALL, "EINVAL", WHY_INVAL },
	   { VSOCK, CONN, "EINVAL", WHY_INVAL })
{
	struct address addr;

	free_address(cell, &addr);
	addr.sa.sa_family = AF_AX25;
	say_result(cell, bind_to(new_socket(cell), &addr));
}

DEFINE_ROW(bind_elsewhere, ALL,
	   "bind to another node's address",
	   "EADDRNOTAVAIL")
{
	struct address addr;

	if (!has_nodes(cell))
		not_here(cell, "there is one node");
	address_elsewhere(cell, &addr);
	say_result(cell, bind_to(new_socket(cell), &addr));
}

DEFINE_ROW(bind_privileged, ALL,
	   "bind to port 1000 without CAP_NET_BIND_SERVICE",
	   "EACCES")
{
	struct address addr;
	int fd = new_socket(cell);

	if (!has_nodes(cell))
		not_here(cell, "there are no ports");
	if (!become_nobody())
		not_here(cell, "only root can become somebody else");
	free_address(cell, &addr);
	if (cell->family->layout == LAYOUT_IN)
		addr.in.sin_port = htons(1000);
	else
		addr.vm.port = 1000;
	say_result(cell, bind_to(fd, &addr));
}

DEFINE_ROW(bind_connected, ALL,
	   "bind of a connected socket",
	   "EINVAL",
	   { UNIX, ALL, "0", WHY_NO_NAME })
{
	struct address addr;
	int l, c;

	l = cell->type == DGRAM ? bound_socket(cell, &addr) : listener(cell, 1, &addr);
	c = connected_to(cell, &addr);
	free_address(cell, &addr);
	say_result(cell, bind_to(c, &addr));
	close(l);
}

DEFINE_ROW(name_connected, ALL,
	   "connect without bind, then getsockname",
	   "a name",
	   { UNIX, ALL, "nobody", WHY_NO_NAME })
{
	struct address addr;

	if (cell->type == DGRAM)
		bound_socket(cell, &addr);
	else
		listener(cell, 1, &addr);
	say_name(cell, connected_to(cell, &addr));
}

DEFINE_ROW(names_of_both, CONN,
	   "getpeername of each end gives getsockname of the other, as accept does",
	   "yes, yes, yes",
	   { VSOCK, CONN, "no, no, yes",
	     "A socket of vsock that was not bound does not say which node it is on." })
{
	struct address l_name, name, peer, from;
	int l = listener(cell, 1, &l_name);
	int c = connected_to(cell, &l_name), s;

	memset(&from, 0, sizeof(from));
	from.len = sizeof(from.storage);
	s = must(cell, ERR(accept(l, &from.sa, &from.len)), "accept");
	must(cell, name_of(c, &name), "getsockname");
	must(cell, peer_of(s, &peer), "getpeername");
	say(cell, same_address(&name, &peer) ? "yes" : "no");
	say(cell, same_address(&name, &from) ? "yes" : "no");
	must(cell, name_of(s, &name), "getsockname");
	must(cell, peer_of(c, &peer), "getpeername");
	say(cell, same_address(&name, &peer) && same_address(&name, &l_name) ?
		  "yes" : "no");
}

DEFINE_ROW(bind_beside_children, CONN,
	   "bind to the address of a listener that was closed, while what it accepted lives",
	   "0",
	   { INET, STREAM, "EADDRINUSE", "TCP wants SO_REUSEADDR for that." })
{
	struct address addr;
	int l = listener(cell, 1, &addr);

	connected_to(cell, &addr);
	accepted(cell, l);
	close(l);
	say_result(cell, bind_to(new_socket(cell), &addr));
}

DEFINE_ROW(creds, CONN,
	   "SO_PEERCRED of the accepted socket: the process and user that connected",
	   "process, user",
	   { INET, STREAM, "no process, no user", "TCP does not know who is on the other side." },
	   { VSOCK, CONN, "no process, no user", WHY_VSOCK_NONE },
	   { PACKETS, CONN, "no process, no user", WHY_PACKETS })
{
	struct pair p = pair(cell);
	struct ucred ucred;
	socklen_t len = sizeof(ucred);

	must(cell, ERR(getsockopt(p.s, SOL_SOCKET, SO_PEERCRED, &ucred, &len)),
	     "getsockopt");
	say(cell, ucred.pid == getpid() ? "process" : "no process");
	say(cell, ucred.uid == getuid() ? "user" : "no user");
}

DEFINE_ROW(bind_any_node, ALL,
	   "bind to every node; connect to this one",
	   "0, 0")
{
	struct address addr, here;
	int fd = new_socket(cell);

	free_address(cell, &addr);
	address_any_node(cell, &addr);
	say_result(cell, bind_to(fd, &addr));
	must(cell, name_of(fd, &addr), "getsockname");
	if (cell->type != DGRAM)
		must(cell, ERR(listen(fd, 1)), "listen");
	free_address(cell, &here);
	copy_port(&here, &addr);
	say_result(cell, connect_to(new_socket(cell), &here));
}

DEFINE_ROW(bind_reuse, ALL,
	   "bind of two sockets with SO_REUSEADDR to one address",
	   "EADDRINUSE",
	   { INET, ALL, "0", "With SO_REUSEADDR sockets of IP may share a port." })
{
	struct address addr;
	int a = new_socket(cell), b = new_socket(cell);

	set_int_option(a, SOL_SOCKET, SO_REUSEADDR, 1);
	set_int_option(b, SOL_SOCKET, SO_REUSEADDR, 1);
	free_address(cell, &addr);
	must(cell, bind_to(a, &addr), "bind");
	must(cell, name_of(a, &addr), "getsockname");
	say_result(cell, bind_to(b, &addr));
}
