// SPDX-License-Identifier: GPL-2.0
/*
 * kite ss: the sockets that there are, as ss(8) shows those of other families; it
 * cannot know this one.
 */
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>
#include <libmnl/libmnl.h>

#include "kite.h"
#include "nl.h"

#define STATE(name)	(1U << KITE_DIAG_ ## name)

/* What is shown without -a or -l. */
#define CONNECTED	(STATE(ESTABLISHED) | STATE(SYN_SENT) | STATE(CLOSING))
/* What waits for others, with -l: as in ss(8), datagram sockets without a peer too. */
#define LISTENING	(STATE(LISTEN) | STATE(CLOSE))

static struct {
	unsigned int types;
	unsigned int states;
	bool no_header, processes, json, kill;
	char details[8];
} options = { .states = CONNECTED };

static struct filter *filter;

/* All that the kernel told, since the width of a column is known at the end. */
static struct socket_info *sockets;
static size_t nr_sockets;

static const struct option long_options[] = {
	{ "help",	no_argument,		NULL, 'h' },
	{ "no-header",	no_argument,		NULL, 'H' },
	{ "all",	no_argument,		NULL, 'a' },
	{ "listening",	no_argument,		NULL, 'l' },
	{ "numeric",	no_argument,		NULL, 'n' },
	{ "extended",	no_argument,		NULL, 'e' },
	{ "memory",	no_argument,		NULL, 'm' },
	{ "info",	no_argument,		NULL, 'i' },
	{ "options",	no_argument,		NULL, 'o' },
	{ "processes",	no_argument,		NULL, 'p' },
	{ "kill",	no_argument,		NULL, 'K' },
	{ "json",	no_argument,		NULL, 'j' },
	{ "stream",	no_argument,		NULL, 't' },
	{ "seqpacket",	no_argument,		NULL, 'q' },
	{ "dgram",	no_argument,		NULL, 'd' },
	{ "raw",	no_argument,		NULL, 'w' },
	{ "type",	required_argument,	NULL, 'T' },
	{ }
};

static void help(void)
{
	printf("usage: kite ss [OPTION...] [FILTER...]\n\n"
	       "Show the Kite sockets of this network namespace; without -a or -l those that\n"
	       "are connected.\n\n"
	       "  -a, --all        all sockets\n"
	       "  -l, --listening  those that wait for others: listeners, bound sockets\n"
	       "  -t, --stream     -q, --seqpacket  -d, --dgram  -w, --raw\n"
	       "      --type TYPE  those of a type\n"
	       "  -e, --extended   inode, cookie, references, user, cgroup, peer, error\n"
	       "  -m, --memory     buffers, memory, drops\n"
	       "  -i, --info       credit, transport\n"
	       "  -o, --options    timers\n"
	       "  -p, --processes  who holds them\n"
	       "  -n, --numeric    no matter: ports have no names\n"
	       "  -H, --no-header  no header\n"
	       "  -j, --json       all there is, as JSON\n"
	       "  -K, --kill       end what is shown; needs CAP_NET_ADMIN\n\n"
	       "Filters: state STATE, exclude STATE, sport = :PORT, dport = :PORT,\n"
	       "  src ADDRESS, dst ADDRESS; also with != < > <= >=; and, or, not, ( )\n"
	       "States: established, syn-sent, listening, closing, closed, connected, all\n\n"
	       "  kite ss -at                      all stream sockets\n"
	       "  kite ss -lp sport = :5000        who listens at port 5000?\n"
	       "  kite ss -i dst 1:5000            the credit of its connections\n"
	       "  kite ss -K state established dport = :5000\n");
}

static void add_detail(char letter)
{
	size_t n = strlen(options.details);

	if (!strchr(options.details, letter))
		options.details[n] = letter;
}

static void parse_option_letter(int letter)
{
	switch (letter) {
	case 'a':
		options.states = KITE_DIAG_ALL;
		break;
	case 'l':
		options.states = LISTENING;
		break;
	case 't':
		options.types |= 1U << SOCK_STREAM;
		break;
	case 'q':
		options.types |= 1U << SOCK_SEQPACKET;
		break;
	case 'd':
		options.types |= 1U << SOCK_DGRAM;
		break;
	case 'w':
		options.types |= 1U << SOCK_RAW;
		break;
	case 'T':
		options.types |= 1U << parse_socket_type(optarg);
		break;
	case 'H':
		options.no_header = true;
		break;
	case 'p':
		options.processes = true;
		break;
	case 'j':
		options.json = true;
		break;
	case 'K':
		options.kill = true;
		break;
	case 'n':
		break;
	case 'h':
		help();
		exit(0);
	case '?':
		bad_option("kite ss");
		break;
	default:
		add_detail(letter);
	}
}

static void keep(const struct socket_info *info)
{
	static size_t room;

	if (!filter_fits(filter, &info->msg))
		return;
	if (nr_sockets == room) {
		room = room ? 2 * room : 256;
		sockets = reallocarray(sockets, room, sizeof(*sockets));
		if (!sockets)
			err(1, "no memory");
	}
	sockets[nr_sockets++] = *info;
}

static unsigned int wanted_attributes(void)
{
	unsigned int show = 0;

	if (options.json)
		return KITE_DIAG_ALL;
	if (strchr(options.details, 'm'))
		show |= 1U << KITE_DIAG_MEMINFO;
	if (strchr(options.details, 'i'))
		show |= 1U << KITE_DIAG_CREDIT | 1U << KITE_DIAG_TRANSPORT;
	if (strchr(options.details, 'e'))
		show |= 1U << KITE_DIAG_PEER | 1U << KITE_DIAG_CGROUP |
			1U << KITE_DIAG_MARK;
	return show;
}

static void ask(struct mnl_socket *nl)
{
	struct kite_diag_req req;

	diag_request_all(&req);
	if (options.types)
		req.kdr_types = options.types;
	req.kdr_states = filter_states(filter, options.states);
	req.kdr_show = wanted_attributes();
	filter_request(filter, &req);
	diag_dump(nl, &req, keep);
}

/* Leaves those that were there to be ended. */
static void end_sockets(struct mnl_socket *nl)
{
	size_t n = 0;

	for (size_t i = 0; i < nr_sockets; i++) {
		if (!diag_destroy(nl, &sockets[i].msg))
			sockets[n++] = sockets[i];
		else if (errno == EPERM)
			errx(1, "to end a socket needs CAP_NET_ADMIN; try: sudo kite ss -K");
		else if (errno != ENOENT)
			err(1, "cannot end a socket");
	}
	nr_sockets = n;
}

static int wider(int width, int n)
{
	return n > width ? n : width;
}

static const char *local_text(const struct kite_diag_msg *msg, char text[ADDRESS_TEXT])
{
	return address_text(msg->kdm_local_node, msg->kdm_local_port, text);
}

static const char *remote_text(const struct kite_diag_msg *msg, char text[ADDRESS_TEXT])
{
	return address_text(msg->kdm_remote_node, msg->kdm_remote_port, text);
}

static const char *state_color(int state)
{
	switch (state) {
	case KITE_DIAG_ESTABLISHED:
		return color(COLOR_GREEN);
	case KITE_DIAG_LISTEN:
		return color(COLOR_CYAN);
	case KITE_DIAG_SYN_SENT:
		return color(COLOR_YELLOW);
	case KITE_DIAG_CLOSING:
		return color(COLOR_RED);
	default:
		return "";
	}
}

static void print_row(const struct socket_info *info, int local, int remote)
{
	const struct kite_diag_msg *msg = &info->msg;
	char a[ADDRESS_TEXT], b[ADDRESS_TEXT];

	printf("%-9s %s%-8s%s %-7u %-7u %-*s %-*s", socket_type_name(msg->kdm_type),
	       state_color(msg->kdm_state), state_name(msg->kdm_state),
	       *state_color(msg->kdm_state) ? color(COLOR_OFF) : "", msg->kdm_rqueue,
	       msg->kdm_wqueue, local, local_text(msg, a), remote, remote_text(msg, b));
	if (options.processes)
		processes_print(msg->kdm_ino);
	print_details(info, options.details);
	putchar('\n');
}

static void print_table(void)
{
	int local = strlen("Local"), remote = strlen("Peer");
	char text[ADDRESS_TEXT];

	for (size_t i = 0; i < nr_sockets; i++) {
		local = wider(local, strlen(local_text(&sockets[i].msg, text)));
		remote = wider(remote, strlen(remote_text(&sockets[i].msg, text)));
	}
	/* Nothing stands behind the last one. */
	if (!options.processes && !*options.details)
		remote = 0;
	if (!options.no_header)
		printf("%-9s %-8s %-7s %-7s %-*s %-*s%s\n", "Type", "State", "Recv-Q",
		       "Send-Q", local, "Local", remote, "Peer",
		       options.processes ? " Process" : "");
	for (size_t i = 0; i < nr_sockets; i++)
		print_row(&sockets[i], local, remote);
}

static void print_json(void)
{
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; i < nr_sockets; i++) {
		struct json_object *o = info_json(&sockets[i]);

		if (options.processes)
			json_object_object_add(o, "processes",
					       processes_json(sockets[i].msg.kdm_ino));
		json_object_array_add(list, o);
	}
	json_print(list);
}

int cmd_ss(int argc, char **argv)
{
	struct mnl_socket *nl;
	int letter;

	while ((letter = getopt_long(argc, argv, "hHalnemiopKjtqdw", long_options,
				     NULL)) != -1)
		parse_option_letter(letter);
	filter = filter_parse(argc - optind, argv + optind);
	kite_family();
	nl = diag_open();
	ask(nl);
	/* Before they are ended: afterwards nobody holds them. */
	if (options.processes)
		processes_read();
	if (options.kill)
		end_sockets(nl);
	if (options.json)
		print_json();
	else
		print_table();
	return 0;
}
