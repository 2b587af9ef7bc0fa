// SPDX-License-Identifier: GPL-2.0
/*
 * kite ping: ask a node for an echo, and measure how long it takes.
 *
 * A raw socket sends KITE_OP_ECHO, and the kernel of the node answers. Ports mean
 * nothing to it, so the port that we send from is a number of our own, by which we
 * know our answers, and the port that we send to is the number of the packet.
 */
#include <endian.h>
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <json-c/json.h>

#include "kite.h"

/* As ping: 1 is "no answer", so what else goes wrong is this. */
#define EXIT_OTHER	2

/* How many packets are remembered. */
#define REMEMBERED	4096

/* Seconds between the packets of -f: the kernel answers a thousand in a second. */
#define FLOOD_INTERVAL	0.001

/* With -i 0 the next packet follows the answer, or comes after this many seconds. */
#define IMPATIENCE	0.01

struct options {
	unsigned long node;
	unsigned long count;
	unsigned long size;
	double interval;
	double timeout;
	double deadline;
	bool quiet;
	bool flood;
	bool json;
};

/**
 * struct sent - a packet that was sent
 * @seq: its number
 * @time: when; seconds
 * @answers: how many there were
 */
struct sent {
	uint32_t seq;
	double time;
	unsigned int answers;
};

struct packet {
	struct kite_hdr hdr;
	unsigned char data[KITE_MAX_PAYLOAD];
};

/**
 * struct ping - a run
 * @o: what is asked for
 * @fd: the raw socket
 * @id: the port that we send from
 * @signals: SIGINT and SIGTERM end it, SIGQUIT asks how it goes
 * @stop: it is to end
 * @start: when it began; seconds
 * @next: when the next packet is due
 * @sent: the last packets
 * @transmitted: how many there were
 * @received: how many were answered
 * @duplicates: answers beyond the first
 * @damaged: answers that were not what was sent
 * @errors: packets that could not be sent
 * @min: round trip, seconds
 * @max: likewise
 * @sum: of all
 * @squares: sum of the squares
 */
struct ping {
	const struct options *o;
	int fd;
	uint32_t id;
	int signals;
	bool stop;
	double start;
	double next;
	struct sent sent[REMEMBERED];
	unsigned long transmitted;
	unsigned long received;
	unsigned long duplicates;
	unsigned long damaged;
	unsigned long errors;
	double min;
	double max;
	double sum;
	double squares;
};

static const struct option long_options[] = {
	{ "count", required_argument, NULL, 'c' },
	{ "interval", required_argument, NULL, 'i' },
	{ "size", required_argument, NULL, 's' },
	{ "timeout", required_argument, NULL, 'W' },
	{ "deadline", required_argument, NULL, 'w' },
	{ "flood", no_argument, NULL, 'f' },
	{ "quiet", no_argument, NULL, 'q' },
	{ "json", no_argument, NULL, 'j' },
	{ "help", no_argument, NULL, 'h' },
	{ }
};

static void help(void)
{
	printf("usage: kite ping [OPTION...] [NODE]\n\n"
	       "Ask a node, this one if none is named, for echoes, and measure how long they\n"
	       "take. Needs CAP_NET_RAW.\n\n"
	       "  -c, --count N           end after N packets\n"
	       "  -i, --interval SECONDS  between packets (1); 0: as fast as answers come\n"
	       "  -s, --size BYTES        of payload (56)\n"
	       "  -W, --timeout SECONDS   how long an answer may take (10)\n"
	       "  -w, --deadline SECONDS  end after this long\n"
	       "  -f, --flood             a thousand in a second; a dot for each that is not\n"
	       "                          answered\n"
	       "  -q, --quiet             only the summary\n"
	       "  -j, --json              the summary as JSON\n\n"
	       "Is the module there, and does it answer?\n"
	       "  kite ping -c 3\n");
}

static void parse(int argc, char **argv, struct options *o)
{
	int c;

	*o = (struct options) { .node = KITE_NODE_LOCAL, .size = 56, .interval = -1,
				.timeout = 10 };
	while ((c = getopt_long(argc, argv, "c:i:s:W:w:fqjh", long_options, NULL)) != -1) {
		switch (c) {
		case 'c':
			o->count = parse_option(optarg, "--count", 1, UINT32_MAX);
			break;
		case 'i':
			o->interval = parse_seconds(optarg, "--interval");
			break;
		case 's':
			o->size = parse_option(optarg, "--size", 0, KITE_MAX_PAYLOAD);
			break;
		case 'W':
			o->timeout = parse_seconds(optarg, "--timeout");
			break;
		case 'w':
			o->deadline = parse_seconds(optarg, "--deadline");
			break;
		case 'f':
			o->flood = true;
			break;
		case 'q':
			o->quiet = true;
			break;
		case 'j':
			o->json = true;
			break;
		case 'h':
			help();
			exit(0);
		default:
			bad_option(argv[0]);
		}
	}
	if (optind < argc - 1)
		errx(EXIT_USAGE, "one node; \"kite ping --help\" tells more");
	if (optind < argc && !parse_number(argv[optind], UINT32_MAX - 1, &o->node))
		errx(EXIT_USAGE, "%s: no node; nodes are numbers, and 1 is this one",
		     argv[optind]);
	if (o->interval < 0)
		o->interval = o->flood ? FLOOD_INTERVAL : 1;
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

/* They are read as the answers are. */
static void open_signals(struct ping *p)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGQUIT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	p->signals = signalfd(-1, &set, 0);
	if (p->signals < 0)
		err(EXIT_OTHER, "signalfd");
}

/* See only what has our number as one of its ports. */
static void open_raw(struct ping *p)
{
	struct sockaddr_kite addr = { .skt_node = KITE_NODE_ANY };

	p->fd = kite_socket(SOCK_RAW);
	if (getrandom(&p->id, sizeof(p->id), 0) != sizeof(p->id))
		err(EXIT_OTHER, "getrandom");
	p->id &= INT32_MAX;
	addr.skt_family = kite_family();
	addr.skt_port = p->id;
	if (bind(p->fd, (struct sockaddr *)&addr, sizeof(addr)))
		err(EXIT_OTHER, "bind");
}

static void fill(unsigned char *data, size_t len, uint32_t seq)
{
	for (size_t i = 0; i < len; i++)
		data[i] = seq + i;
}

static void send_echo(struct ping *p)
{
	uint32_t seq = ++p->transmitted;
	static struct packet pkt;

	pkt.hdr = (struct kite_hdr) {
		.version	= KITE_VERSION,
		.type		= SOCK_RAW,
		.op		= KITE_OP_ECHO,
		.len		= htole32(p->o->size),
		.src_port	= htole32(p->id),
		.src_node	= htole32(KITE_NODE_LOCAL),
		.dst_port	= htole32(seq),
		.dst_node	= htole32(p->o->node),
	};
	fill(pkt.data, p->o->size, seq);
	if (p->o->flood && !p->o->quiet && !p->o->json)
		putchar('.');
	p->sent[seq % REMEMBERED] = (struct sent) { .seq = seq, .time = now() };
	if (send(p->fd, &pkt, sizeof(pkt.hdr) + p->o->size, 0) >= 0)
		return;
	/* A node that cannot be reached from the start will not be. */
	if (p->transmitted == 1 && (errno == EHOSTUNREACH || errno == EADDRNOTAVAIL))
		errx(EXIT_OTHER, "no way to node %lu", p->o->node);
	if (p->transmitted == 1 && errno == EMSGSIZE)
		err(EXIT_OTHER, "%lu bytes", p->o->size);
	warn("seq=%u", seq);
	p->errors++;
}

static void count(struct ping *p, double took)
{
	if (!p->received || took < p->min)
		p->min = took;
	if (took > p->max)
		p->max = took;
	p->sum += took;
	p->squares += took * took;
	p->received++;
}

static void show_answer(const struct ping *p, uint32_t seq, size_t len, double took,
			const char *what)
{
	if (p->o->quiet || p->o->json)
		return;
	if (p->o->flood) {
		printf("\b \b");
		return;
	}
	printf("%zu bytes from node %lu: seq=%u", len, p->o->node, seq);
	if (took >= 0)
		printf(" time=%.3f ms", took * 1e3);
	printf("%s\n", what);
}

static void take_answer(struct ping *p, uint32_t seq, const unsigned char *data,
			size_t len, double when)
{
	static unsigned char expected[KITE_MAX_PAYLOAD];
	struct sent *s = &p->sent[seq % REMEMBERED];
	double took = s->seq == seq ? when - s->time : -1;

	fill(expected, p->o->size, seq);
	if (len != p->o->size || memcmp(data, expected, len)) {
		p->damaged++;
		show_answer(p, seq, len, took, " (not what was sent!)");
	} else if (s->seq == seq && s->answers++) {
		p->duplicates++;
		show_answer(p, seq, len, took, " (DUP!)");
	} else if (took < 0 || took > p->o->timeout) {
		/* It counts as lost. */
		show_answer(p, seq, len, took, " (late)");
	} else {
		count(p, took);
		show_answer(p, seq, len, took, "");
	}
}

/* Is it an answer to us? Others may have the same port, and send what they like. */
static bool is_answer(const struct ping *p, const struct packet *pkt, ssize_t len)
{
	uint32_t seq = le32toh(pkt->hdr.src_port);

	return len >= (ssize_t)sizeof(pkt->hdr) &&
	       pkt->hdr.type == SOCK_RAW && pkt->hdr.op == KITE_OP_ECHO_REPLY &&
	       le32toh(pkt->hdr.dst_port) == p->id &&
	       le32toh(pkt->hdr.src_node) == p->o->node &&
	       seq > 0 && seq <= p->transmitted;
}

static void take_answers(struct ping *p)
{
	static struct packet pkt;
	ssize_t len;

	while ((len = recv(p->fd, &pkt, sizeof(pkt), MSG_DONTWAIT)) >= 0) {
		if (is_answer(p, &pkt, len))
			take_answer(p, le32toh(pkt.hdr.src_port), pkt.data,
				    len - sizeof(pkt.hdr), now());
	}
	if (errno != EAGAIN && errno != EINTR)
		err(EXIT_OTHER, "recv");
}

static void print_report(const struct ping *p)
{
	fprintf(stderr, "%lu/%lu packets", p->received, p->transmitted);
	if (p->received)
		fprintf(stderr, ", min/avg/max = %.3f/%.3f/%.3f ms", p->min * 1e3,
			p->sum / p->received * 1e3, p->max * 1e3);
	fputc('\n', stderr);
}

static void take_signal(struct ping *p)
{
	struct signalfd_siginfo info;

	if (read(p->signals, &info, sizeof(info)) != sizeof(info))
		err(EXIT_OTHER, "signals");
	if (info.ssi_signo == SIGQUIT)
		print_report(p);
	else
		p->stop = true;
}

static void wait_until(struct ping *p, double when)
{
	struct pollfd pfd[] = {
		{ .fd = p->fd, .events = POLLIN },
		{ .fd = p->signals, .events = POLLIN },
	};
	double left = when - now();
	struct timespec ts;

	if (left < 0)
		left = 0;
	ts.tv_sec = left;
	ts.tv_nsec = (left - ts.tv_sec) * 1e9;
	if (p->o->flood)
		fflush(stdout);
	if (ppoll(pfd, ARRAY_SIZE(pfd), &ts, NULL) <= 0)
		return;
	if (pfd[0].revents)
		take_answers(p);
	if (pfd[1].revents)
		take_signal(p);
}

static void send_next(struct ping *p)
{
	send_echo(p);
	/* Never two in less than that, or the kernel might not answer. */
	p->next = now() + (p->o->interval > 0 ? p->o->interval : IMPATIENCE);
}

static bool wants_more(const struct ping *p)
{
	return !p->stop && (!p->o->count || p->transmitted < p->o->count);
}

/* Have all that can still be answered been answered? */
static bool waits(const struct ping *p, double until)
{
	return !p->stop && p->received + p->damaged + p->errors < p->transmitted &&
	       now() < until;
}

static void run(struct ping *p)
{
	double end = p->o->deadline > 0 ? p->start + p->o->deadline : INFINITY;
	double last;

	while (wants_more(p) && now() < end) {
		unsigned long answered = p->received;

		if (now() >= p->next)
			send_next(p);
		last = wants_more(p) ? p->next : now();
		wait_until(p, fmin(last, end));
		if (!p->o->interval && p->received != answered)
			p->next = now();
	}
	/* Of those before it, an answer that is in time is here. */
	last = fmin(now() + p->o->timeout, end);
	while (waits(p, last))
		wait_until(p, last);
}

static double loss(const struct ping *p)
{
	return p->transmitted ? 100.0 * (p->transmitted - p->received) / p->transmitted : 0;
}

static double deviation(const struct ping *p)
{
	double mean = p->sum / p->received;

	return sqrt(fmax(p->squares / p->received - mean * mean, 0));
}

static void print_summary(const struct ping *p)
{
	printf("%s--- node %lu ---\n", p->o->flood ? "\r" : "\n", p->o->node);
	printf("%lu packets transmitted, %lu received", p->transmitted, p->received);
	if (p->duplicates)
		printf(", +%lu duplicates", p->duplicates);
	if (p->damaged)
		printf(", +%lu damaged", p->damaged);
	if (p->errors)
		printf(", +%lu errors", p->errors);
	printf(", %g%% packet loss, time %.0f ms\n", loss(p), (now() - p->start) * 1e3);
	if (p->received)
		printf("rtt min/avg/max/mdev = %.3f/%.3f/%.3f/%.3f ms\n", p->min * 1e3,
		       p->sum / p->received * 1e3, p->max * 1e3, deviation(p) * 1e3);
}

static void print_json(const struct ping *p)
{
	struct json_object *o = json_object_new_object(), *rtt;

	json_object_object_add(o, "node", json_object_new_uint64(p->o->node));
	json_object_object_add(o, "size", json_object_new_uint64(p->o->size));
	json_object_object_add(o, "transmitted", json_object_new_uint64(p->transmitted));
	json_object_object_add(o, "received", json_object_new_uint64(p->received));
	json_object_object_add(o, "duplicates", json_object_new_uint64(p->duplicates));
	json_object_object_add(o, "damaged", json_object_new_uint64(p->damaged));
	json_object_object_add(o, "errors", json_object_new_uint64(p->errors));
	json_object_object_add(o, "loss_percent", json_object_new_double(loss(p)));
	if (p->received) {
		rtt = json_object_new_object();
		json_object_object_add(rtt, "min", json_object_new_double(p->min * 1e3));
		json_object_object_add(rtt, "avg",
				       json_object_new_double(p->sum / p->received * 1e3));
		json_object_object_add(rtt, "max", json_object_new_double(p->max * 1e3));
		json_object_object_add(rtt, "mdev",
				       json_object_new_double(deviation(p) * 1e3));
		json_object_object_add(o, "rtt_ms", rtt);
	}
	json_print(o);
}

int cmd_ping(int argc, char **argv)
{
	static struct ping p;
	struct options o;

	exit_failure = EXIT_OTHER;
	parse(argc, argv, &o);
	p.o = &o;
	open_raw(&p);
	open_signals(&p);
	/* Who reads it through a pipe waits for each answer, too. */
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (!o.json)
		printf("PING node %lu: %lu bytes, %zu with the header\n", o.node, o.size,
		       o.size + sizeof(struct kite_hdr));
	p.start = now();
	p.next = p.start;
	run(&p);
	if (o.json)
		print_json(&p);
	else
		print_summary(&p);
	/* As ping: with a deadline, all that were asked for have to be answered. */
	return !p.received || (o.deadline > 0 && o.count && p.received < o.count);
}
