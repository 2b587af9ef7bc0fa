// SPDX-License-Identifier: GPL-2.0
/* Packets by hand: see packet.h. */

#include <endian.h>
#include <stdlib.h>
#include <sys/uio.h>

#include "packet.h"
#include "util.h"

int kite_socket(int type)
{
	return ERR(socket(family_kite.domain(), type | SOCK_CLOEXEC, 0));
}

/* A socket at this port, or the error. */
int kite_socket_at(int type, unsigned int port)
{
	int fd = kite_socket(type), err;
	struct address addr;

	if (fd < 0)
		return fd;
	kite_address(&addr, port, KITE_NODE_LOCAL);
	err = bind_to(fd, &addr);
	if (!err)
		return fd;
	close(fd);
	return err;
}

int kite_listener_at(int type, unsigned int port, int backlog)
{
	int fd = kite_socket_at(type, port);

	return fd < 0 ? fd : ERR(listen(fd, backlog)) ?: fd;
}

int raw_socket(void)
{
	return kite_socket(SOCK_RAW);
}

int raw_bind(int fd, unsigned int port, unsigned int node)
{
	struct address addr;

	kite_address(&addr, port, node);
	return bind_to(fd, &addr);
}

/* A raw socket that sees just this port, or the error. */
int raw_bound(unsigned int port)
{
	int fd = raw_socket(), err;

	if (fd < 0)
		return fd;
	err = raw_bind(fd, port, KITE_NODE_ANY);
	if (!err)
		return fd;
	close(fd);
	return err;
}

void packet_encode(void *hdr, const struct packet *pkt)
{
	const struct kite_hdr h = {
		.version = pkt->version,
		.type = pkt->type,
		.op = pkt->op,
		.flags = pkt->flags,
		.len = htole32(pkt->len),
		.src_port = htole32(pkt->src_port),
		.src_node = htole32(pkt->src_node),
		.dst_port = htole32(pkt->dst_port),
		.dst_node = htole32(pkt->dst_node),
		.read = htole32(pkt->read),
		.limit = htole32(pkt->limit),
	};

	memcpy(hdr, &h, sizeof(h));
}

void packet_decode(struct packet *pkt, const void *hdr)
{
	struct kite_hdr h;

	memcpy(&h, hdr, sizeof(h));
	*pkt = (struct packet) {
		.version = h.version,
		.type = h.type,
		.op = h.op,
		.flags = h.flags,
		.len = le32toh(h.len),
		.src_port = le32toh(h.src_port),
		.src_node = le32toh(h.src_node),
		.dst_port = le32toh(h.dst_port),
		.dst_node = le32toh(h.dst_node),
		.read = le32toh(h.read),
		.limit = le32toh(h.limit),
	};
}

/* An empty packet from a port of this node. */
struct packet packet_to(const struct address *addr, unsigned int type,
			unsigned int op, unsigned int from)
{
	return (struct packet) {
		.version = KITE_VERSION,
		.type = type,
		.op = op,
		.src_port = from,
		.src_node = KITE_NODE_LOCAL,
		.dst_port = addr->kite.skt_port,
		.dst_node = addr->kite.skt_node,
	};
}

/* Send @pkt and @pkt->len bytes; 0 or the error. */
ssize_t packet_send(int fd, const struct packet *pkt, const void *data)
{
	size_t len = HDR_LEN + pkt->len;
	char *buf = malloc(len);
	ssize_t ret;

	if (!buf)
		return -ENOMEM;
	packet_encode(buf, pkt);
	if (pkt->len)
		memcpy(buf + HDR_LEN, data, pkt->len);
	ret = ERR(send(fd, buf, len, MSG_NOSIGNAL));
	free(buf);
	if (ret == (ssize_t)len)
		return 0;
	return ret < 0 ? ret : -EIO;
}

/* The next packet that is there: the length of its payload, or the error. */
ssize_t packet_recv(int fd, struct packet *pkt, void *data, size_t size)
{
	char hdr[HDR_LEN];
	struct iovec iov[] = {
		{ hdr, sizeof(hdr) },
		{ data, size },
	};
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 2 };
	ssize_t ret = ERR(recvmsg(fd, &msg, MSG_DONTWAIT | MSG_TRUNC));

	if (ret < 0)
		return ret;
	if (ret < (ssize_t)sizeof(hdr))
		return -EBADMSG;
	packet_decode(pkt, hdr);
	return ret - sizeof(hdr);
}

/* The same, of one that has yet to come. */
ssize_t packet_wait(int fd, struct packet *pkt, void *data, size_t size)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };

	if (poll(&pfd, 1, PATIENCE_MS) < 0)
		return -errno;
	return packet_recv(fd, pkt, data, size);
}

/* What the next packet that is there is for, or the error. */
int packet_next_op(int fd)
{
	struct packet pkt;
	ssize_t len = packet_recv(fd, &pkt, NULL, 0);

	return len < 0 ? len : (int)pkt.op;
}

bool packet_within(const struct packet *pkt, unsigned int src, unsigned int dst)
{
	return pkt->src_port == src && pkt->dst_port == dst &&
	       pkt->src_node == KITE_NODE_LOCAL && pkt->dst_node == KITE_NODE_LOCAL;
}
