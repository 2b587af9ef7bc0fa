// SPDX-License-Identifier: GPL-2.0
/*
 * Speak the protocol by hand: be the client of a stream server without a stream
 * socket, and print each packet that goes (>) or comes (<).
 *
 *	raw-handshake PORT [TEXT]
 *
 * Needs CAP_NET_RAW. Try it with echo-server. A raw socket sends and receives whole
 * packets: a struct kite_hdr and the payload.
 */
#include <endian.h>
#include <err.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/kite.h>

#include "kite-family.h"

/* How much the server may send before we have read it. */
#define WINDOW	4096

struct packet {
	struct kite_hdr hdr;
	char data[WINDOW];
};

static int fd;
static __u32 our_port, server_port;
/* The credit that we give: what we have read of the connection so far. */
static __u32 we_read;

static const char *const names[] = {
	[KITE_OP_REQUEST]	= "REQUEST",
	[KITE_OP_RESPONSE]	= "RESPONSE",
	[KITE_OP_RESET]		= "RESET",
	[KITE_OP_DATA]		= "DATA",
	[KITE_OP_CREDIT]	= "CREDIT",
	[KITE_OP_SHUTDOWN]	= "SHUTDOWN",
};

static void print_packet(char direction, const struct packet *p)
{
	const struct kite_hdr *h = &p->hdr;
	const char *name = h->op <= KITE_OP_SHUTDOWN ? names[h->op] : NULL;

	printf("%c %-8s flags %u, read %u, limit %u, %u bytes", direction,
	       name ? name : "?", h->flags, le32toh(h->read), le32toh(h->limit),
	       le32toh(h->len));
	if (h->len)
		printf(": %.*s", (int)le32toh(h->len), p->data);
	printf("\n");
}

static void send_packet(int op, int flags, const char *data)
{
	size_t len = strlen(data);
	struct packet p = {
		.hdr = {
			.version	= KITE_VERSION,
			.type		= SOCK_STREAM,
			.op		= op,
			.flags		= flags,
			.len		= htole32(len),
			.src_port	= htole32(our_port),
			.src_node	= htole32(KITE_NODE_LOCAL),
			.dst_port	= htole32(server_port),
			.dst_node	= htole32(KITE_NODE_LOCAL),
			.read		= htole32(we_read),
			.limit		= htole32(we_read + WINDOW),
		},
	};

	memcpy(p.data, data, len);
	print_packet('>', &p);
	/* Where it goes is in the header, so no address is needed. */
	if (send(fd, &p, sizeof(p.hdr) + len, 0) < 0)
		err(1, "send");
}

/* The next packet from the server to us. */
static void recv_packet(struct packet *p)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	ssize_t n;

	do {
		if (poll(&pfd, 1, 10000) <= 0)
			errx(1, "the server says nothing");
		n = recv(fd, p, sizeof(*p), 0);
		if (n < 0)
			err(1, "recv");
		/* Port and type make the address: others may use the port, too. */
	} while (p->hdr.type != SOCK_STREAM ||
		 le32toh(p->hdr.src_port) != server_port ||
		 le32toh(p->hdr.dst_port) != our_port);

	print_packet('<', p);
	if (p->hdr.op == KITE_OP_RESET)
		errx(1, "the server resets the connection, reason %u", p->hdr.flags);
}

/* The next one of this kind; the others need no answer. */
static void expect_packet(int op, struct packet *p)
{
	do
		recv_packet(p);
	while (p->hdr.op != op);
}

int main(int argc, char **argv)
{
	const char *text = argc > 2 ? argv[2] : "hello";
	struct sockaddr_kite addr = { .skt_node = KITE_NODE_LOCAL };
	struct packet p;

	if (argc < 2 || argc > 3)
		errx(1, "usage: %s PORT [TEXT]", argv[0]);
	if (strlen(text) > WINDOW)
		errx(1, "no more than %d bytes", WINDOW);
	server_port = strtoul(argv[1], NULL, 0);
	our_port = 40000 + getpid() % 10000;

	fd = socket(kite_family(), SOCK_RAW, 0);
	if (fd < 0)
		err(1, "socket");
	/*
	 * See only what has to do with our port. And be there: the kernel has no
	 * socket at it, and would refuse the server's packets.
	 */
	addr.skt_family = kite_family();
	addr.skt_port = our_port;
	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)))
		err(1, "bind to port %u", our_port);

	/* connect() */
	send_packet(KITE_OP_REQUEST, 0, "");
	expect_packet(KITE_OP_RESPONSE, &p);
	if (le32toh(p.hdr.limit) < strlen(text))
		errx(1, "the server's window is too small");

	/* send(), and recv() until all of it came back */
	send_packet(KITE_OP_DATA, 0, text);
	while (we_read < strlen(text)) {
		expect_packet(KITE_OP_DATA, &p);
		we_read += le32toh(p.hdr.len);
	}
	send_packet(KITE_OP_CREDIT, 0, "");

	/* shutdown(): the server's recv gives 0, and it closes. Then we do. */
	send_packet(KITE_OP_SHUTDOWN, KITE_SHUTDOWN_SEND, "");
	expect_packet(KITE_OP_SHUTDOWN, &p);
	send_packet(KITE_OP_SHUTDOWN, KITE_SHUTDOWN_SEND | KITE_SHUTDOWN_RCV, "");
	return 0;
}
