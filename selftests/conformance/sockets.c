// SPDX-License-Identifier: GPL-2.0
/* Sockets of whatever family and type a cell is for, and what rows do with them. */

#include <arpa/inet.h>
#include <stdlib.h>

#include "conformance.h"

/* What small_pair() sets SO_SNDBUF and SO_RCVBUF to. */
#define SMALL_BUFFER	16384

/* Addresses */

bool has_nodes(const struct cell *cell)
{
	return cell->family->layout != LAYOUT_UN;
}

static unsigned int unix_names;

static void make_address(const struct family *f, unsigned int node,
			 unsigned int port, struct address *addr)
{
	memset(addr, 0, sizeof(*addr));
	addr->sa.sa_family = f->domain;
	switch (f->layout) {
	case LAYOUT_UN:
		addr->len = offsetof(struct sockaddr_un, sun_path) + 1 +
			    snprintf(addr->un.sun_path + 1, 64, "conformance-%d-%u",
				     getpid(), port ?: ++unix_names);
		break;
	case LAYOUT_IN:
		addr->in.sin_port = htons(port);
		addr->in.sin_addr.s_addr = htonl(node);
		addr->len = sizeof(addr->in);
		break;
	case LAYOUT_VM:
		addr->vm.port = port ?: ~0U;
		addr->vm.node = node;
		addr->len = sizeof(addr->vm);
		break;
	}
}

/* An address of this node that can be bound to, and is nobody's. */
void free_address(struct cell *cell, struct address *addr)
{
	make_address(cell->family, cell->family->node, cell->port, addr);
	if (cell->port)
		cell->port++;
}

/* The same on a node that does not exist. */
void address_elsewhere(struct cell *cell, struct address *addr)
{
	make_address(cell->family, cell->family->elsewhere, 5000, addr);
}

/* Every node that is this one, which some families have. */
void address_any_node(struct cell *cell, struct address *addr)
{
	if (!has_nodes(cell))
		not_here(cell, "there is one node");
	if (cell->family->layout == LAYOUT_IN)
		addr->in.sin_addr.s_addr = INADDR_ANY;
	else
		addr->vm.node = ~0U;
}

void copy_port(struct address *to, const struct address *from)
{
	if (to->sa.sa_family == AF_INET)
		to->in.sin_port = from->in.sin_port;
	else
		to->vm.port = from->vm.port;
}

/* Nobody's name: what a socket has before it has any. */
bool is_unnamed(const struct address *addr)
{
	switch (addr->sa.sa_family) {
	case AF_UNIX:
		return addr->len <= sizeof(sa_family_t);
	case AF_INET:
		return !addr->in.sin_port;
	default:
		return addr->vm.port == ~0U;
	}
}

bool same_address(const struct address *a, const struct address *b)
{
	return a->len == b->len && !memcmp(&a->storage, &b->storage, a->len);
}

long bind_to(int fd, const struct address *addr)
{
	return ERR(bind(fd, &addr->sa, addr->len));
}

long connect_to(int fd, const struct address *addr)
{
	return ERR(connect(fd, &addr->sa, addr->len));
}

/* connect() to AF_UNSPEC, in an address as long as any */
long connect_to_none(int fd)
{
	struct sockaddr none = { .sa_family = AF_UNSPEC };

	return ERR(connect(fd, &none, sizeof(none)));
}

long name_of(int fd, struct address *addr)
{
	memset(addr, 0, sizeof(*addr));
	addr->len = sizeof(addr->storage);
	return ERR(getsockname(fd, &addr->sa, &addr->len));
}

long peer_of(int fd, struct address *addr)
{
	memset(addr, 0, sizeof(*addr));
	addr->len = sizeof(addr->storage);
	return ERR(getpeername(fd, &addr->sa, &addr->len));
}

/* SO_ERROR, as a negative number */
long error_of(int fd)
{
	return -get_int_option(fd, SOL_SOCKET, SO_ERROR);
}

/* Sockets */

int new_socket(struct cell *cell)
{
	return must(cell, ERR(socket(cell->family->domain,
				     type_number(cell->type) | SOCK_CLOEXEC, 0)),
		    "socket");
}

/* A socket with an address of its own. */
int bound_socket(struct cell *cell, struct address *addr)
{
	int fd = new_socket(cell);

	free_address(cell, addr);
	must(cell, bind_to(fd, addr), "bind");
	must(cell, name_of(fd, addr), "getsockname");
	return fd;
}

int listener(struct cell *cell, int backlog, struct address *addr)
{
	int fd = bound_socket(cell, addr);

	must(cell, ERR(listen(fd, backlog)), "listen");
	return fd;
}

/* An address where nobody is: it was somebody's a moment ago. */
void nobodys_address(struct cell *cell, struct address *addr)
{
	close(bound_socket(cell, addr));
}

int connected_to(struct cell *cell, const struct address *addr)
{
	int fd = new_socket(cell);

	must(cell, connect_to(fd, addr), "connect");
	return fd;
}

int accepted(struct cell *cell, int listener)
{
	return must(cell, ERR(accept4(listener, NULL, NULL, SOCK_CLOEXEC)), "accept");
}

static void set_buffers(int fd, int size)
{
	if (!size)
		return;
	set_int_option(fd, SOL_SOCKET, SO_SNDBUF, size);
	set_int_option(fd, SOL_SOCKET, SO_RCVBUF, size);
}

static struct pair dgram_pair(struct cell *cell, int bufsize)
{
	struct address c, s;
	struct pair p;

	p.c = bound_socket(cell, &c);
	p.s = bound_socket(cell, &s);
	must(cell, connect_to(p.c, &s), "connect");
	must(cell, connect_to(p.s, &c), "connect");
	set_buffers(p.c, bufsize);
	set_buffers(p.s, bufsize);
	return p;
}

static struct pair pair_with(struct cell *cell, int bufsize)
{
	struct address addr;
	struct pair p;
	int l;

	if (cell->type == DGRAM)
		return dgram_pair(cell, bufsize);
	/* Before the handshake, for TCP's sake. */
	l = bound_socket(cell, &addr);
	set_buffers(l, bufsize);
	must(cell, ERR(listen(l, 1)), "listen");
	p.c = new_socket(cell);
	set_buffers(p.c, bufsize);
	must(cell, connect_to(p.c, &addr), "connect");
	p.s = accepted(cell, l);
	set_buffers(p.s, bufsize);
	close(l);
	return p;
}

/* Two sockets that are connected to each other. */
struct pair pair(struct cell *cell)
{
	return pair_with(cell, 0);
}

/* With small buffers, for those that fill them. */
struct pair small_pair(struct cell *cell)
{
	return pair_with(cell, SMALL_BUFFER);
}

/* Messages: a number, or an error as a negative one */

long put(int fd, const char *text)
{
	return ERR(send(fd, text, strlen(text), MSG_NOSIGNAL));
}

long put_to(int fd, const char *text, const struct address *addr)
{
	return ERR(sendto(fd, text, strlen(text), MSG_NOSIGNAL, &addr->sa, addr->len));
}

long get_with(int fd, size_t len, int flags)
{
	static char buf[65536];

	return ERR(recv(fd, buf, len, flags));
}

/* Waits for it: what was sent may take its time. */
long get(int fd, size_t len)
{
	return get_with(fd, len, 0);
}

/* Where there is something now, or never. */
long get_now(int fd, size_t len)
{
	return get_with(fd, len, MSG_DONTWAIT);
}

long get_from(int fd, struct address *addr)
{
	char buf[64];

	memset(addr, 0, sizeof(*addr));
	addr->len = sizeof(addr->storage);
	return ERR(recvfrom(fd, buf, sizeof(buf), 0, &addr->sa, &addr->len));
}

/* Also the flags that come with it. */
long get_msg(int fd, size_t len, int *flags)
{
	static char buf[65536];
	struct iovec iov = { buf, len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	long ret = ERR(recvmsg(fd, &msg, 0));

	*flags = msg.msg_flags;
	return ret;
}

/* One byte, and a control message of SOL_SOCKET. */
long put_control(int fd, int type, const void *data, size_t len)
{
	char control[CMSG_SPACE(64)] = "";
	struct iovec iov = { "x", 1 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = CMSG_SPACE(len),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = type;
	cmsg->cmsg_len = CMSG_LEN(len);
	memcpy(CMSG_DATA(cmsg), data, len);
	return ERR(sendmsg(fd, &msg, MSG_NOSIGNAL));
}

/* A message: has it got such a control message? Then @data is what it says. */
bool get_control(int fd, int type, void *data, size_t len)
{
	char buf[8], control[256];
	struct iovec iov = { buf, sizeof(buf) };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg;

	if (recvmsg(fd, &msg, 0) < 0)
		return false;
	for (cmsg = CMSG_FIRSTHDR(&msg); cmsg; cmsg = CMSG_NXTHDR(&msg, cmsg)) {
		if (cmsg->cmsg_level != SOL_SOCKET || cmsg->cmsg_type != type)
			continue;
		if (data && cmsg->cmsg_len >= CMSG_LEN(len))
			memcpy(data, CMSG_DATA(cmsg), len);
		return true;
	}
	return false;
}

/* What the peer did may take its time: wait until poll() tells of it. */
bool await(int fd, int events)
{
	struct pollfd pfd = { .fd = fd, .events = events };

	return poll(&pfd, 1, PATIENCE_MS) == 1 && pfd.revents & events;
}

/* Does a call wait longer than an answer of the peer's kernel may take? */
bool keeps_waiting(struct async *a)
{
	int i;

	async_blocks(a);
	for (i = 0; i < 50 && !async_done(a); i++)
		usleep(10000);
	return !async_done(a);
}

/*
 * Send messages of @len bytes until no more fit: how many bytes that were. Some
 * find room again when they hear from the peer, so "no more" lasts for a while.
 */
long fill(int fd, size_t len)
{
	static const char buf[65536];
	int patience = 5;
	long done = 0, n;

	while (patience && done < 64 << 20) {
		n = ERR(send(fd, buf, len, MSG_DONTWAIT | MSG_NOSIGNAL));
		if (n >= 0) {
			done += n;
			continue;
		}
		if (n != -EAGAIN)
			return n;
		patience--;
		usleep(20000);
	}
	return done;
}

/* connect() with O_NONBLOCK */
long connect_now(int fd, const struct address *addr)
{
	set_nonblocking(fd, true);
	return connect_to(fd, addr);
}
