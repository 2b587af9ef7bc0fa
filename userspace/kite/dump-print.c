// SPDX-License-Identifier: GPL-2.0
/*
 * How kite dump prints a packet: a line, more lines, or JSON.
 */
#include <ctype.h>
#include <endian.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <json-c/json.h>

#include "dump.h"

#define NS_PER_S	1000000000ULL

static const struct flag {
	int op;
	int bit;
	const char *name;
} flags[] = {
	{ KITE_OP_DATA, KITE_DATA_MORE, "more" },
	{ KITE_OP_DATA, KITE_DATA_EOR, "eor" },
	{ KITE_OP_SHUTDOWN, KITE_SHUTDOWN_RCV, "rcv" },
	{ KITE_OP_SHUTDOWN, KITE_SHUTDOWN_SEND, "send" },
};

static bool has_flag(const struct kite_hdr *hdr, const struct flag *flag)
{
	return hdr->op == flag->op && hdr->flags & flag->bit;
}

/* A flag that has no name is shown as a number. */
static int unnamed_flags(const struct kite_hdr *hdr)
{
	int left = hdr->op == KITE_OP_RESET ? 0 : hdr->flags;

	for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
		if (has_flag(hdr, &flags[i]))
			left &= ~flags[i].bit;
	}
	return left;
}

static enum color op_color(int op)
{
	switch (op) {
	case KITE_OP_RESET:
		return COLOR_RED;
	case KITE_OP_REQUEST:
	case KITE_OP_RESPONSE:
		return COLOR_GREEN;
	case KITE_OP_SHUTDOWN:
		return COLOR_YELLOW;
	case KITE_OP_CREDIT:
		return COLOR_DIM;
	default:
		return COLOR_BOLD;
	}
}

static void print_time(uint64_t ns)
{
	time_t s = ns / NS_PER_S;
	char text[16];
	struct tm tm;

	localtime_r(&s, &tm);
	strftime(text, sizeof(text), "%H:%M:%S", &tm);
	printf("%s.%09llu ", text, ns % NS_PER_S);
}

static void print_op(const struct kite_hdr *hdr)
{
	const char *name = op_name(hdr->op);

	printf("%s", color(op_color(hdr->op)));
	if (*name == '?')
		printf("op %u", hdr->op);
	else
		printf("%s", name);
	if (hdr->op == KITE_OP_RESET)
		printf(" %s", reset_name(hdr->flags));
	printf("%s", color(COLOR_OFF));
	for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
		if (has_flag(hdr, &flags[i]))
			printf(" %s", flags[i].name);
	}
	if (unnamed_flags(hdr))
		printf(" flags %#x", unnamed_flags(hdr));
}

static bool has_credit(const struct kite_hdr *hdr)
{
	switch (hdr->op) {
	case KITE_OP_REQUEST:
	case KITE_OP_RESPONSE:
	case KITE_OP_DATA:
	case KITE_OP_CREDIT:
	case KITE_OP_SHUTDOWN:
		return true;
	}
	return false;
}

static void print_line(const struct captured *pkt, const struct kite_hdr *hdr,
		       unsigned int verbose)
{
	char from[ADDRESS_TEXT], to[ADDRESS_TEXT];
	bool has_data = hdr->op == KITE_OP_DATA || hdr->op == KITE_OP_DGRAM ||
			hdr->op == KITE_OP_ECHO || hdr->op == KITE_OP_ECHO_REPLY;
	const char *type = socket_type_name(hdr->type);

	if (*type == '?')
		printf("type %u ", hdr->type);
	else
		printf("%s ", type);
	printf("%s > %s: ", address_text(le32toh(hdr->src_node), le32toh(hdr->src_port), from),
	       address_text(le32toh(hdr->dst_node), le32toh(hdr->dst_port), to));
	print_op(hdr);
	if (hdr->version != KITE_VERSION)
		printf(" version %u", hdr->version);
	if (has_data || hdr->len || verbose)
		printf(" length %u", le32toh(hdr->len));
	if (hdr->op == KITE_OP_CREDIT || verbose)
		printf(" read %u", le32toh(hdr->read));
	if ((has_credit(hdr) && !has_data) || verbose)
		printf(" limit %u", le32toh(hdr->limit));
	if (pkt->caplen < pkt->len)
		printf(" (%u bytes captured)", pkt->caplen);
}

static void print_hex(const unsigned char *data, size_t len)
{
	for (size_t i = 0; i < len; i += 16) {
		size_t n = len - i < 16 ? len - i : 16;

		printf("\t0x%04zx: ", i);
		for (size_t j = 0; j < 16; j++) {
			if (!(j & 1))
				putchar(' ');
			if (j < n)
				printf("%02x", data[i + j]);
			else
				printf("  ");
		}
		printf("  ");
		for (size_t j = 0; j < n; j++)
			putchar(isprint(data[i + j]) ? data[i + j] : '.');
		putchar('\n');
	}
}

static struct json_object *flags_json(const struct kite_hdr *hdr)
{
	struct json_object *array = json_object_new_array();

	for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
		if (has_flag(hdr, &flags[i]))
			json_object_array_add(array, json_object_new_string(flags[i].name));
	}
	return array;
}

static struct json_object *address_json(__le32 node, __le32 port)
{
	struct json_object *o = json_object_new_object();

	json_object_object_add(o, "node", json_object_new_uint64(le32toh(node)));
	json_object_object_add(o, "port", json_object_new_uint64(le32toh(port)));
	return o;
}

static struct json_object *payload_json(const unsigned char *data, size_t len)
{
	static char text[2 * KITE_MAX_PAYLOAD + 1];

	if (len > KITE_MAX_PAYLOAD)
		len = KITE_MAX_PAYLOAD;
	*text = 0;
	for (size_t i = 0; i < len; i++)
		sprintf(text + 2 * i, "%02x", data[i]);
	return json_object_new_string(text);
}

/* A double alone would lose the nanoseconds. */
static struct json_object *time_json(uint64_t ns)
{
	char text[32];

	snprintf(text, sizeof(text), "%llu.%09llu", ns / NS_PER_S, ns % NS_PER_S);
	return json_object_new_double_s(ns / 1e9, text);
}

static void print_json(const struct captured *pkt, const struct kite_hdr *hdr,
		       const struct style *style)
{
	struct json_object *o = json_object_new_object();

	json_object_object_add(o, "time", time_json(pkt->time));
	json_object_object_add(o, "version", json_object_new_int(hdr->version));
	json_object_object_add(o, "type", json_object_new_string(socket_type_name(hdr->type)));
	json_object_object_add(o, "op", json_object_new_string(op_name(hdr->op)));
	json_object_object_add(o, "from", address_json(hdr->src_node, hdr->src_port));
	json_object_object_add(o, "to", address_json(hdr->dst_node, hdr->dst_port));
	if (hdr->op == KITE_OP_RESET)
		json_object_object_add(o, "reason",
				       json_object_new_string(reset_name(hdr->flags)));
	else
		json_object_object_add(o, "flags", flags_json(hdr));
	json_object_object_add(o, "length", json_object_new_uint64(le32toh(hdr->len)));
	json_object_object_add(o, "captured",
			       json_object_new_uint64(pkt->caplen - sizeof(*hdr)));
	json_object_object_add(o, "read", json_object_new_uint64(le32toh(hdr->read)));
	json_object_object_add(o, "limit", json_object_new_uint64(le32toh(hdr->limit)));
	if (pkt->drops)
		json_object_object_add(o, "drops_before", json_object_new_uint64(pkt->drops));
	if (style->hex)
		json_object_object_add(o, "payload",
				       payload_json(pkt->data + sizeof(*hdr),
						    pkt->caplen - sizeof(*hdr)));
	json_print_line(o);
}

/**
 * print_packet - print a packet
 * @pkt: the packet
 * @style: in this way
 */
void print_packet(const struct captured *pkt, const struct style *style)
{
	struct kite_hdr hdr;

	if (pkt->caplen < sizeof(hdr)) {
		if (style->json)
			return;
		print_time(pkt->time);
		printf("%u bytes are no header\n", pkt->caplen);
		return;
	}
	memcpy(&hdr, pkt->data, sizeof(hdr));
	if (style->json) {
		print_json(pkt, &hdr, style);
		return;
	}
	if (pkt->drops)
		printf("(%u packets were lost here)\n", pkt->drops);
	print_time(pkt->time);
	print_line(pkt, &hdr, style->verbose);
	putchar('\n');
	if (style->hex > 1)
		print_hex(pkt->data, pkt->caplen);
	else if (style->hex)
		print_hex(pkt->data + sizeof(hdr), pkt->caplen - sizeof(hdr));
}
