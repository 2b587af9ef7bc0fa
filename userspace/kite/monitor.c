// SPDX-License-Identifier: GPL-2.0
/*
 * kite monitor: what becomes of sockets, while it happens.
 */
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <json-c/json.h>
#include <libmnl/libmnl.h>

#include "kite.h"
#include "nl.h"

static struct {
	unsigned int types;
	unsigned int states;
	bool json, no_time;
	unsigned long count;
	char details[8];
} options = { .types = KITE_DIAG_ALL };

static struct filter *filter;

static const struct option long_options[] = {
	{ "help",	no_argument,		NULL, 'h' },
	{ "json",	no_argument,		NULL, 'j' },
	{ "type",	required_argument,	NULL, 't' },
	{ "count",	required_argument,	NULL, 'c' },
	{ "no-time",	no_argument,		NULL, 'T' },
	{ "extended",	no_argument,		NULL, 'e' },
	{ "memory",	no_argument,		NULL, 'm' },
	{ "info",	no_argument,		NULL, 'i' },
	{ }
};

static void help(void)
{
	printf("usage: kite monitor [OPTION...] [FILTER...]\n\n"
	       "Print what becomes of the Kite sockets of this network namespace, until ^C.\n"
	       "Needs CAP_NET_ADMIN.\n\n"
	       "  -t, --type TYPE  those of a type: stream, seqpacket, dgram, raw\n"
	       "  -c, --count N    stop after N events\n"
	       "  -e, --extended   inode, cookie, references, user, cgroup, peer, error\n"
	       "  -m, --memory     buffers, memory, drops\n"
	       "  -i, --info       credit, transport\n"
	       "  -T, --no-time    no time\n"
	       "  -j, --json       all there is, a line of JSON for each event\n\n"
	       "Filters are those of \"kite ss\".\n\n"
	       "  kite monitor                     all\n"
	       "  kite monitor sport = :5000       the life of who is at port 5000\n"
	       "  kite monitor -t stream -i        with what connections sent and read\n");
}

static const char *const event_names[] = {
	[KITE_EVENT_CREATED]		= "created",
	[KITE_EVENT_BOUND]		= "bound",
	[KITE_EVENT_LISTENING]		= "listening",
	[KITE_EVENT_CONNECTING]		= "connecting",
	[KITE_EVENT_CONNECTED]		= "connected",
	[KITE_EVENT_ACCEPTED]		= "accepted",
	[KITE_EVENT_UNCONNECTED]	= "unconnected",
	[KITE_EVENT_SHUTDOWN]		= "shutdown",
	[KITE_EVENT_RESET]		= "reset",
	[KITE_EVENT_DESTROYED]		= "destroyed",
	[KITE_EVENT_CLOSED]		= "closed",
};

static const char *event_name(int event)
{
	return event > 0 && event < (int)ARRAY_SIZE(event_names) ? event_names[event] : "?";
}

static const char *event_color(int event)
{
	switch (event) {
	case KITE_EVENT_CONNECTED:
	case KITE_EVENT_ACCEPTED:
		return color(COLOR_GREEN);
	case KITE_EVENT_LISTENING:
		return color(COLOR_CYAN);
	case KITE_EVENT_RESET:
	case KITE_EVENT_DESTROYED:
		return color(COLOR_RED);
	case KITE_EVENT_SHUTDOWN:
		return color(COLOR_YELLOW);
	case KITE_EVENT_CLOSED:
	case KITE_EVENT_UNCONNECTED:
		return color(COLOR_DIM);
	default:
		return "";
	}
}

static void print_time(__u64 ns)
{
	time_t seconds = ns / 1000000000;
	char text[16];

	strftime(text, sizeof(text), "%T", localtime(&seconds));
	printf("%s.%06llu ", text, (unsigned long long)(ns % 1000000000 / 1000));
}

static void print_shutdown(const struct kite_diag_msg *msg)
{
	static const char *const names[] = { "", " read", " write", " both" };

	printf("%s", names[msg->kdm_shutdown & 3]);
}

static void print_event(int event, const struct socket_info *info)
{
	const struct kite_diag_msg *msg = &info->msg;
	char text[ADDRESS_TEXT];

	if (!options.no_time)
		print_time(info->time);
	printf("%s%-11s%s %-9s %s", event_color(event), event_name(event),
	       *event_color(event) ? color(COLOR_OFF) : "", socket_type_name(msg->kdm_type),
	       address_text(msg->kdm_local_node, msg->kdm_local_port, text));
	printf(" %s", address_text(msg->kdm_remote_node, msg->kdm_remote_port, text));
	if (event == KITE_EVENT_RESET)
		printf(" %s", reset_name(info->reason));
	if (event == KITE_EVENT_SHUTDOWN)
		print_shutdown(msg);
	print_details(info, options.details);
	putchar('\n');
	output_flush();
}

static void print_json(int event, const struct socket_info *info)
{
	struct json_object *o = json_object_new_object(), *socket = info_json(info);

	json_object_object_add(o, "time", json_object_new_uint64(info->time));
	json_object_object_add(o, "event", json_object_new_string(event_name(event)));
	if (event == KITE_EVENT_RESET)
		json_object_object_add(o, "reason",
				       json_object_new_string(reset_name(info->reason)));
	json_object_object_add(o, "socket", socket);
	json_print_line(o);
}

static int hear(int event, const struct socket_info *info)
{
	static unsigned long heard;

	if (!(options.types & 1U << info->msg.kdm_type) ||
	    !(options.states & 1U << info->msg.kdm_state) ||
	    !filter_fits(filter, &info->msg))
		return MNL_CB_OK;
	if (options.json)
		print_json(event, info);
	else
		print_event(event, info);
	return ++heard == options.count ? MNL_CB_STOP : MNL_CB_OK;
}

static void parse_letter(int letter)
{
	static unsigned int types;

	switch (letter) {
	case 'j':
		options.json = true;
		break;
	case 't':
		types |= 1U << parse_socket_type(optarg);
		options.types = types;
		break;
	case 'c':
		options.count = parse_option(optarg, "--count", 1, 1000000000);
		break;
	case 'T':
		options.no_time = true;
		break;
	case 'h':
		help();
		exit(0);
	case '?':
		bad_option("kite monitor");
		break;
	default:
		if (!strchr(options.details, letter))
			options.details[strlen(options.details)] = letter;
	}
}

int cmd_monitor(int argc, char **argv)
{
	struct hearer hearer = { .each = hear };
	struct mnl_socket *nl;
	int letter, ret;

	while ((letter = getopt_long(argc, argv, "hjt:c:Temi", long_options, NULL)) != -1)
		parse_letter(letter);
	filter = filter_parse(argc - optind, argv + optind);
	kite_family();
	options.states = filter_states(filter, KITE_DIAG_ALL);
	nl = events_open();
	do {
		ret = events_next(nl, &hearer);
		if (ret < 0 && errno == ENOBUFS)
			warnx("events came faster than they were read: some are lost");
		else if (ret < 0)
			err(1, "events");
	} while (ret != MNL_CB_STOP);
	return 0;
}
