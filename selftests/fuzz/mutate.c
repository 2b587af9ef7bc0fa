// SPDX-License-Identifier: GPL-2.0
/*
 * Packets that nearly make sense: those of real sessions, which a raw socket
 * recorded, with some of their fields changed.
 */
#include <stdlib.h>

#include "../util.h"
#include "mutate.h"

#define RECORDED_MAX	64
/* Where the sessions are, with a few behind it. */
#define RECORD_PORT	4000

static struct packet recorded[RECORDED_MAX];
static unsigned int nr_recorded;

static void collect(int raw)
{
	while (nr_recorded < RECORDED_MAX &&
	       packet_recv(raw, &recorded[nr_recorded], NULL, 0) >= 0)
		nr_recorded++;
}

/* A connection with all that belongs to one. */
static int record_connection(int raw, int type)
{
	static char buf[100000];
	int l, c, s, err;
	struct address addr;

	/* At known ports, for what is made of it is to depend on the seed alone. */
	kite_address(&addr, RECORD_PORT, KITE_NODE_LOCAL);
	l = kite_listener_at(type, RECORD_PORT, 5);
	c = kite_socket_at(type, RECORD_PORT + 1);
	if (l < 0 || c < 0)
		return -1;
	err = connect_to(c, &addr);
	s = accept(l, NULL, NULL);
	if (err || s < 0)
		return -1;
	send(c, "hello", 5, MSG_EOR);
	recv(s, buf, sizeof(buf), 0);
	send(s, buf, sizeof(buf), 0);
	recv(c, buf, sizeof(buf), 0);
	collect(raw);
	shutdown(c, SHUT_WR);
	send(s, "bye", 3, 0);
	recv(c, buf, sizeof(buf), 0);
	close(s);
	close(c);
	collect(raw);

	/* One that ends badly, and one that does not begin. */
	c = kite_socket_at(type, RECORD_PORT + 2);
	connect_to(c, &addr);
	send(c, "lost", 4, 0);
	close(l);
	close(c);
	c = kite_socket_at(type, RECORD_PORT + 3);
	connect_to(c, &addr);
	close(c);
	collect(raw);
	return 0;
}

static int record_datagrams(int raw)
{
	struct packet echo = { .version = KITE_VERSION, .type = SOCK_RAW, .op = KITE_OP_ECHO,
		.src_node = 1, .dst_node = 1, .len = 4 };
	int from = kite_socket_at(SOCK_DGRAM, RECORD_PORT), other = raw_socket();
	int to = kite_socket_at(SOCK_DGRAM, RECORD_PORT + 1);
	struct address addr;

	kite_address(&addr, RECORD_PORT + 1, KITE_NODE_LOCAL);
	if (to < 0 || connect_to(from, &addr))
		return -1;
	send(from, "datagram", 8, 0);
	close(to);
	send(from, "nobody", 6, 0);
	close(from);
	packet_send(other, &echo, "echo");
	collect(raw);
	close(other);
	return 0;
}

/**
 * mutate_record() - record sessions to begin with
 *
 * Return: how many packets, or -1.
 */
int mutate_record(void)
{
	int raw = raw_socket();

	if (raw < 0)
		return -1;
	if (record_connection(raw, SOCK_STREAM) || record_connection(raw, SOCK_SEQPACKET) ||
	    record_datagrams(raw))
		return -1;
	close(raw);
	return nr_recorded ? (int)nr_recorded : -1;
}

static unsigned int a_node(struct random *r)
{
	static const unsigned int nodes[] = { 1, 1, 1, 0, 2, 77, 0xffffffff };

	return random_of(r, nodes);
}

static unsigned int a_port(struct random *r)
{
	static const unsigned int ports[] = { 0, 1, 1023, 65536, 0x7fffffff, 0xffffffff };

	return random_once_in(r, 8) ? random_of(r, ports) : world_port(r);
}

static unsigned int a_counter(struct random *r, unsigned int now)
{
	static const unsigned int counters[] = {
		0, 1, 511, 512, 513, 3000, 0x3fffffff, 0x40000000, 0x40000001,
		0x7fffffff, 0x80000000, 0xffffffff
	};

	switch (random_below(r, 4)) {
	case 0:
		return random_of(r, counters);
	case 1:
		return now + random_below(r, 3) - 1;
	case 2:
		return random_below(r, 300000);
	default:
		return now;
	}
}

static unsigned int a_length(struct random *r)
{
	static const unsigned int lengths[] = {
		0, 1, 32, 255, 256, 257, 512, 3000, 4095, 4096, 4097, 65535, 65536, 65537
	};

	return random_once_in(r, 3) ? random_below(r, 600) : random_of(r, lengths);
}

static void change_field(struct random *r, struct packet *pkt)
{
	static const unsigned int types[] = { 0, 1, 2, 3, 4, 5, 5, 1, 255 };

	switch (random_below(r, 10)) {
	case 0:
		pkt->version = random_below(r, 256);
		break;
	case 1:
		pkt->type = random_of(r, types);
		break;
	case 2:
		pkt->op = random_below(r, 11);
		break;
	case 3:
		pkt->flags = random_below(r, random_once_in(r, 4) ? 256 : 8);
		break;
	case 4:
		pkt->src_port = a_port(r);
		break;
	case 5:
		pkt->dst_port = a_port(r);
		break;
	case 6:
		pkt->src_node = a_node(r);
		break;
	case 7:
		pkt->dst_node = a_node(r);
		break;
	case 8:
		pkt->read = a_counter(r, pkt->read);
		break;
	case 9:
		pkt->limit = a_counter(r, pkt->limit);
		break;
	}
}

/* As somebody who is there would say it, to somebody who is. */
static void address(struct random *r, const struct world *w, struct packet *pkt)
{
	const struct tuple *tuple = &w->tuples[random_below(r, w->nr_tuples)];

	pkt->type = pkt->type == SOCK_RAW ? SOCK_RAW : tuple->type;
	if (tuple->type == SOCK_DGRAM && pkt->op != KITE_OP_RESET)
		pkt->op = KITE_OP_DGRAM;
	else if (tuple->type != SOCK_DGRAM && pkt->op == KITE_OP_DGRAM)
		pkt->op = KITE_OP_DATA;
	pkt->src_port = tuple->src;
	pkt->dst_port = tuple->dst;
	pkt->src_node = KITE_NODE_LOCAL;
	pkt->dst_node = KITE_NODE_LOCAL;
}

/**
 * mutate() - the next packet
 * @r: which
 * @w: whom it may hit
 * @out: MUTANT_MAX bytes for it
 *
 * Return: its length.
 */
size_t mutate(struct random *r, const struct world *w, unsigned char *out)
{
	struct packet pkt = recorded[random_below(r, nr_recorded)];
	unsigned int n;
	size_t len;

	if (!random_once_in(r, 10))
		address(r, w, &pkt);
	if (pkt.op == KITE_OP_DATA || pkt.op == KITE_OP_DGRAM || pkt.op == KITE_OP_ECHO)
		pkt.len = a_length(r);
	pkt.read = a_counter(r, pkt.read);
	pkt.limit = a_counter(r, pkt.limit);
	/* Most that is wrong is so in one thing, or nothing behind the first would be met. */
	for (n = random_below(r, 4); n > 1; n--)
		change_field(r, &pkt);
	len = sizeof(struct kite_hdr) + pkt.len;
	if (len > MUTANT_MAX)
		len = MUTANT_MAX;
	packet_encode(out, &pkt);
	pattern_fill(out + sizeof(struct kite_hdr), len - sizeof(struct kite_hdr), 0);
	if (random_once_in(r, 20))
		len = random_below(r, len + 1);
	if (random_once_in(r, 20))
		for (n = random_below(r, 4); n; n--)
			out[random_below(r, sizeof(struct kite_hdr))] = random_next(r);
	return len;
}
