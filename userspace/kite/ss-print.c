// SPDX-License-Identifier: GPL-2.0
/*
 * What is printed of a socket beside its row, for ss and for monitor.
 */
#include <stdio.h>
#include <string.h>

#include <json-c/json.h>

#include "kite.h"
#include "nl.h"

/**
 * state_name - what a state is called
 * @state: KITE_DIAG_*
 *
 * Return: the name that ss(8) has for it.
 */
const char *state_name(int state)
{
	switch (state) {
	case KITE_DIAG_ESTABLISHED:
		return "ESTAB";
	case KITE_DIAG_SYN_SENT:
		return "SYN-SENT";
	case KITE_DIAG_CLOSE:
		return "UNCONN";
	case KITE_DIAG_LISTEN:
		return "LISTEN";
	case KITE_DIAG_CLOSING:
		return "CLOSING";
	default:
		return "?";
	}
}

static const char *timer_name(int timer)
{
	switch (timer) {
	case KITE_DIAG_TIMER_CONNECT:
		return "connect";
	case KITE_DIAG_TIMER_CLOSE:
		return "close";
	case KITE_DIAG_TIMER_RETRY:
		return "retry";
	default:
		return "off";
	}
}

static const char *shutdown_name(int shutdown)
{
	static const char *const names[] = { "none", "read", "write", "both" };

	return names[shutdown & 3];
}

static unsigned long long cookie_of(const __u32 cookie[2])
{
	return (unsigned long long)cookie[1] << 32 | cookie[0];
}

static void print_timer(const struct kite_diag_msg *msg)
{
	if (msg->kdm_timer)
		printf(" timer:(%s,%u.%03us)", timer_name(msg->kdm_timer),
		       msg->kdm_expires / 1000, msg->kdm_expires % 1000);
}

static void print_extended(const struct socket_info *info)
{
	const struct kite_diag_msg *msg = &info->msg;

	if (msg->kdm_uid)
		printf(" uid:%u", msg->kdm_uid);
	printf(" ino:%u sk:%llx refs:%u", msg->kdm_ino, cookie_of(msg->kdm_cookie),
	       msg->kdm_refs);
	if (HAS(info, KITE_DIAG_CGROUP))
		printf(" cgroup:%llu", (unsigned long long)info->cgroup);
	if (info->mark)
		printf(" fwmark:0x%x", info->mark);
	if (HAS(info, KITE_DIAG_PEER))
		printf(" peer-ino:%u peer-sk:%llx", info->peer.kdp_ino,
		       cookie_of(info->peer.kdp_cookie));
	if (msg->kdm_shutdown)
		printf(" shutdown:%s", shutdown_name(msg->kdm_shutdown));
	if (msg->kdm_error)
		printf(" error:\"%s\"", strerror(msg->kdm_error));
}

/* With the letters that ss(8) has for them. */
static void print_memory(const struct socket_info *info)
{
	const __u32 *mem = info->mem;

	printf(" skmem:(r%u,rb%u,t%u,tb%u,f%u,w%u,o%u,bl%u,d%u)",
	       mem[SK_MEMINFO_RMEM_ALLOC], mem[SK_MEMINFO_RCVBUF],
	       mem[SK_MEMINFO_WMEM_ALLOC], mem[SK_MEMINFO_SNDBUF],
	       mem[SK_MEMINFO_FWD_ALLOC], mem[SK_MEMINFO_WMEM_QUEUED],
	       mem[SK_MEMINFO_OPTMEM], mem[SK_MEMINFO_BACKLOG],
	       mem[SK_MEMINFO_DROPS]);
}

/* Room by the peer's window; the send buffer may leave less. */
static __u32 window(const struct kite_diag_credit *credit)
{
	__s32 room = credit->kdc_limit - credit->kdc_sent;

	return room > 0 ? room : 0;
}

static void print_credit(const struct socket_info *info)
{
	const struct kite_diag_credit *c = &info->credit;

	printf(" sent:%u peer-read:%u limit:%u window:%u", c->kdc_sent, c->kdc_peer_read,
	       c->kdc_limit, window(c));
	if (c->kdc_wanted)
		printf(" wanted:%u", c->kdc_wanted);
	if (c->kdc_blocked)
		printf(" blocked");
	printf(" received:%u read:%u rx-limit:%u told:%u", c->kdc_queued, c->kdc_read,
	       c->kdc_rx_limit, c->kdc_told);
	if (c->kdc_partial)
		printf(" partial:%u", c->kdc_partial);
	if (c->kdc_tossed)
		printf(" tossed:%u", c->kdc_tossed);
	for (int op = 1; op < 32; op++) {
		if (c->kdc_unsent & 1U << op)
			printf(" unsent:%s", op_name(op));
	}
	if (HAS(info, KITE_DIAG_TRANSPORT))
		printf(" transport:%s", info->transport);
}

/**
 * print_details - print more of a socket
 * @info: the socket
 * @what: letters of options: o, e, m, i
 */
void print_details(const struct socket_info *info, const char *what)
{
	if (strchr(what, 'o'))
		print_timer(&info->msg);
	if (strchr(what, 'e'))
		print_extended(info);
	if (strchr(what, 'm') && HAS(info, KITE_DIAG_MEMINFO))
		print_memory(info);
	if (strchr(what, 'i') && HAS(info, KITE_DIAG_CREDIT))
		print_credit(info);
}

static void add_number(struct json_object *o, const char *name, unsigned long long n)
{
	json_object_object_add(o, name, json_object_new_uint64(n));
}

static void add_text(struct json_object *o, const char *name, const char *text)
{
	json_object_object_add(o, name, json_object_new_string(text));
}

/* "any" is null. */
static void add_unless_any(struct json_object *o, const char *name, __u32 n)
{
	json_object_object_add(o, name, n == KITE_PORT_ANY ? NULL :
					json_object_new_uint64(n));
}

static void add_address(struct json_object *o, const char *name, __u32 node, __u32 port)
{
	struct json_object *address = json_object_new_object();

	add_unless_any(address, "node", node);
	add_unless_any(address, "port", port);
	json_object_object_add(o, name, address);
}

static void add_cookie(struct json_object *o, const char *name, const __u32 cookie[2])
{
	char text[20];

	/* More than what a double can hold. */
	snprintf(text, sizeof(text), "%llx", cookie_of(cookie));
	add_text(o, name, text);
}

static struct json_object *memory_json(const __u32 *mem)
{
	static const char *const names[] = {
		[SK_MEMINFO_RMEM_ALLOC]		= "receive",
		[SK_MEMINFO_RCVBUF]		= "receive_buffer",
		[SK_MEMINFO_WMEM_ALLOC]		= "send",
		[SK_MEMINFO_SNDBUF]		= "send_buffer",
		[SK_MEMINFO_FWD_ALLOC]		= "forward",
		[SK_MEMINFO_WMEM_QUEUED]	= "send_queued",
		[SK_MEMINFO_OPTMEM]		= "options",
		[SK_MEMINFO_BACKLOG]		= "backlog",
		[SK_MEMINFO_DROPS]		= "drops",
	};
	struct json_object *o = json_object_new_object();

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		add_number(o, names[i], mem[i]);
	return o;
}

static struct json_object *unsent_json(__u32 unsent)
{
	struct json_object *list = json_object_new_array();

	for (int op = 1; op < 32; op++) {
		if (unsent & 1U << op)
			json_object_array_add(list, json_object_new_string(op_name(op)));
	}
	return list;
}

static struct json_object *credit_json(const struct kite_diag_credit *c)
{
	struct json_object *o = json_object_new_object();

	add_number(o, "sent", c->kdc_sent);
	add_number(o, "peer_read", c->kdc_peer_read);
	add_number(o, "limit", c->kdc_limit);
	add_number(o, "window", window(c));
	add_number(o, "wanted", c->kdc_wanted);
	json_object_object_add(o, "blocked", json_object_new_boolean(c->kdc_blocked));
	add_number(o, "received", c->kdc_queued);
	add_number(o, "read", c->kdc_read);
	add_number(o, "rx_limit", c->kdc_rx_limit);
	add_number(o, "told", c->kdc_told);
	add_number(o, "partial", c->kdc_partial);
	add_number(o, "tossed", c->kdc_tossed);
	json_object_object_add(o, "unsent", unsent_json(c->kdc_unsent));
	return o;
}

static struct json_object *peer_json(const struct kite_diag_peer *peer)
{
	struct json_object *o = json_object_new_object();

	add_number(o, "inode", peer->kdp_ino);
	add_cookie(o, "cookie", peer->kdp_cookie);
	return o;
}

static void add_attributes(struct json_object *o, const struct socket_info *info)
{
	if (HAS(info, KITE_DIAG_MEMINFO))
		json_object_object_add(o, "memory", memory_json(info->mem));
	if (HAS(info, KITE_DIAG_CREDIT))
		json_object_object_add(o, "credit", credit_json(&info->credit));
	if (HAS(info, KITE_DIAG_PEER))
		json_object_object_add(o, "peer", peer_json(&info->peer));
	if (HAS(info, KITE_DIAG_CGROUP))
		add_number(o, "cgroup", info->cgroup);
	if (HAS(info, KITE_DIAG_MARK))
		add_number(o, "mark", info->mark);
	if (HAS(info, KITE_DIAG_TRANSPORT))
		add_text(o, "transport", info->transport);
}

/**
 * info_json - all that is known of a socket
 * @info: the socket
 *
 * Return: an object of JSON.
 */
struct json_object *info_json(const struct socket_info *info)
{
	const struct kite_diag_msg *msg = &info->msg;
	struct json_object *o = json_object_new_object();

	add_text(o, "type", socket_type_name(msg->kdm_type));
	add_text(o, "state", state_name(msg->kdm_state));
	add_number(o, "recv_queue", msg->kdm_rqueue);
	add_number(o, "send_queue", msg->kdm_wqueue);
	add_address(o, "local", msg->kdm_local_node, msg->kdm_local_port);
	add_address(o, "remote", msg->kdm_remote_node, msg->kdm_remote_port);
	add_number(o, "uid", msg->kdm_uid);
	add_number(o, "inode", msg->kdm_ino);
	add_cookie(o, "cookie", msg->kdm_cookie);
	add_number(o, "refs", msg->kdm_refs);
	add_number(o, "error", msg->kdm_error);
	add_text(o, "shutdown", shutdown_name(msg->kdm_shutdown));
	add_text(o, "timer", timer_name(msg->kdm_timer));
	add_number(o, "expires_ms", msg->kdm_expires);
	add_attributes(o, info);
	return o;
}
