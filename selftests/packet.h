/* SPDX-License-Identifier: GPL-2.0 */
/* Packets by hand, for tests that use raw sockets. */
#ifndef KITE_SELFTESTS_PACKET_H
#define KITE_SELFTESTS_PACKET_H

#include <stddef.h>
#include <sys/types.h>

#include <linux/kite.h>

#include "family.h"

#define HDR_LEN		sizeof(struct kite_hdr)

/* A header in the host's byte order: see struct kite_hdr. */
struct packet {
	unsigned int version, type, op, flags, len;
	unsigned int src_port, src_node, dst_port, dst_node;
	unsigned int read, limit;
};

int kite_socket(int type);
int kite_socket_at(int type, unsigned int port);
int kite_listener_at(int type, unsigned int port, int backlog);

int raw_socket(void);
int raw_bind(int fd, unsigned int port, unsigned int node);
int raw_bound(unsigned int port);

void packet_encode(void *hdr, const struct packet *pkt);
void packet_decode(struct packet *pkt, const void *hdr);
struct packet packet_to(const struct address *addr, unsigned int type,
			unsigned int op, unsigned int from);
ssize_t packet_send(int fd, const struct packet *pkt, const void *data);
ssize_t packet_recv(int fd, struct packet *pkt, void *data, size_t size);
ssize_t packet_wait(int fd, struct packet *pkt, void *data, size_t size);
int packet_next_op(int fd);
bool packet_within(const struct packet *pkt, unsigned int src, unsigned int dst);

#endif /* KITE_SELFTESTS_PACKET_H */
