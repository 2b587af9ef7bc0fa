// SPDX-License-Identifier: GPL-2.0
/*
 * kite dump: show the packets of this network namespace, or those of a capture file,
 * or write them to one.
 *
 * They come through a raw socket, so nothing has to be set up first; tcpdump and
 * Wireshark want a kitemon device instead.
 */
#include <endian.h>
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <linux/sock_diag.h>

#include "dump.h"

/* What the socket may hold until we come to it. */
#define BUFFER_KIB	8192

/* How many are taken before a signal is looked for. */
#define BATCH		64

#define PACKET_MAX	(sizeof(struct kite_hdr) + KITE_MAX_PAYLOAD)

struct options {
	struct filter filter;
	struct style style;
	unsigned long count;
	unsigned long snaplen;
	unsigned long buffer;
	const char *write;
	const char *read;
};

/**
 * struct dump - a run
 * @o: what is asked for
 * @out: the file that packets are written to, or NULL if they are printed
 * @fd: the raw socket
 * @signals: SIGINT and SIGTERM end it
 * @totals: of what was captured
 * @drops: of them, those that a packet has told of
 */
struct dump {
	const struct options *o;
	FILE *out;
	int fd;
	int signals;
	struct pcapng_totals totals;
	uint32_t drops;
};

static const struct option long_options[] = {
	{ "count", required_argument, NULL, 'c' },
	{ "port", required_argument, NULL, 'p' },
	{ "type", required_argument, NULL, 't' },
	{ "op", required_argument, NULL, 'o' },
	{ "snaplen", required_argument, NULL, 's' },
	{ "buffer", required_argument, NULL, 'B' },
	{ "write", required_argument, NULL, 'w' },
	{ "read", required_argument, NULL, 'r' },
	{ "verbose", no_argument, NULL, 'v' },
	{ "hex", no_argument, NULL, 'x' },
	{ "json", no_argument, NULL, 'j' },
	{ "help", no_argument, NULL, 'h' },
	{ }
};

static void help(void)
{
	printf("usage: kite dump [OPTION...]\n\n"
	       "Show the packets of this network namespace, also those that sockets of one\n"
	       "kernel save each other. Needs CAP_NET_RAW.\n\n"
	       "  -p, --port PORT     only from or to this port\n"
	       "  -t, --type TYPE     only of stream, seqpacket, dgram or raw sockets\n"
	       "  -o, --op OP         only REQUEST, RESPONSE, RESET, DATA, CREDIT, SHUTDOWN,\n"
	       "                      DGRAM, ECHO or ECHO_REPLY\n"
	       "                      each of these may be given again, for one more\n"
	       "  -c, --count N       end after N packets\n"
	       "  -v, --verbose       all fields of the header\n"
	       "  -x, --hex           the payload in hexadecimal; twice: the header, too\n"
	       "  -j, --json          JSON, an object a line; the payload with -x\n"
	       "  -w, --write FILE    write pcapng, for Wireshark and for -r; - is stdout\n"
	       "  -r, --read FILE     show the packets of such a file; - is stdin\n"
	       "  -s, --snaplen N     no more than N bytes of a packet, 32 of them header\n"
	       "  -B, --buffer KIB    what may wait to be shown (8192)\n\n"
	       "Who resets whom?\n"
	       "  kite dump -o RESET\n"
	       "A connection for Wireshark\n"
	       "  kite dump -p 7000 -w trace.pcapng\n");
}

static int parse_op(const char *text)
{
	for (int op = 1; op < 256; op++) {
		if (!strcasecmp(text, op_name(op)))
			return op;
	}
	errx(EXIT_USAGE, "no op %s; \"kite dump --help\" lists them", text);
}

static void parse_filter(struct filter *f, int option, const char *text)
{
	switch (option) {
	case 'p':
		filter_add(f->ports, &f->n_ports, parse_option(text, "--port", 0, UINT32_MAX),
			   "--port");
		break;
	case 't':
		filter_add(f->types, &f->n_types, parse_socket_type(text), "--type");
		break;
	case 'o':
		filter_add(f->ops, &f->n_ops, parse_op(text), "--op");
		break;
	}
}

static void parse(int argc, char **argv, struct options *o)
{
	int c;

	*o = (struct options) { .snaplen = PACKET_MAX,
				.buffer = BUFFER_KIB };
	while ((c = getopt_long(argc, argv, "c:p:t:o:s:B:w:r:vxjh", long_options, NULL)) != -1) {
		switch (c) {
		case 'c':
			o->count = parse_option(optarg, "--count", 1, UINT32_MAX);
			break;
		case 'p':
		case 't':
		case 'o':
			parse_filter(&o->filter, c, optarg);
			break;
		case 's':
			o->snaplen = parse_option(optarg, "--snaplen", sizeof(struct kite_hdr),
						  PACKET_MAX);
			break;
		case 'B':
			o->buffer = parse_option(optarg, "--buffer", 1, 1 << 20);
			break;
		case 'w':
			o->write = optarg;
			break;
		case 'r':
			o->read = optarg;
			break;
		case 'v':
			o->style.verbose++;
			break;
		case 'x':
			o->style.hex++;
			break;
		case 'j':
			o->style.json = true;
			break;
		case 'h':
			help();
			exit(0);
		default:
			bad_option(argv[0]);
		}
	}
	if (optind < argc)
		errx(EXIT_USAGE, "%s: no option; \"kite dump --help\" tells more", argv[optind]);
	if (o->write && (o->style.json || o->style.verbose || o->style.hex))
		errx(EXIT_USAGE, "-w prints nothing: no -j, -v or -x with it");
}

static uint64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

static FILE *open_file(const char *name, const char *mode, FILE *standard)
{
	FILE *f = strcmp(name, "-") ? fopen(name, mode) : standard;

	if (!f)
		err(1, "%s", name);
	return f;
}

/* ---- Packets from the kernel */

static void set_option(int fd, int option, int value)
{
	if (setsockopt(fd, SOL_SOCKET, option, &value, sizeof(value)))
		err(1, "setsockopt");
}

static void open_raw(struct dump *d)
{
	int size = d->o->buffer * 1024 / 2;

	d->fd = kite_socket(SOCK_RAW);
	set_option(d->fd, SO_TIMESTAMPNS, 1);
	set_option(d->fd, SO_RXQ_OVFL, 1);
	/* More than net.core.rmem_max only for who may. */
	if (setsockopt(d->fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)))
		set_option(d->fd, SO_RCVBUF, size);
	filter_attach(&d->o->filter, d->o->snaplen, d->fd);
}

static void open_signals(struct dump *d)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	d->signals = signalfd(-1, &set, 0);
	if (d->signals < 0)
		err(1, "signalfd");
}

static void read_cmsgs(struct dump *d, struct msghdr *msg, struct captured *pkt)
{
	struct timespec ts;
	uint32_t drops;

	pkt->time = 0;
	pkt->drops = 0;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		if (c->cmsg_level != SOL_SOCKET)
			continue;
		if (c->cmsg_type == SO_TIMESTAMPNS) {
			memcpy(&ts, CMSG_DATA(c), sizeof(ts));
			pkt->time = ts.tv_sec * 1000000000ULL + ts.tv_nsec;
		} else if (c->cmsg_type == SO_RXQ_OVFL) {
			memcpy(&drops, CMSG_DATA(c), sizeof(drops));
			pkt->drops = drops - d->drops;
			d->drops = drops;
		}
	}
	if (!pkt->time)
		pkt->time = now();
}

/* The filter may have cut it off, and then the header alone knows how long it was. */
static uint32_t whole_length(const struct captured *pkt)
{
	struct kite_hdr hdr;

	memcpy(&hdr, pkt->data, sizeof(hdr));
	return sizeof(hdr) + le32toh(hdr.len);
}

/* Returns false if there is none. */
static bool take(struct dump *d, struct captured *pkt)
{
	static unsigned char data[PACKET_MAX];
	char control[256];
	struct iovec iov = { data, sizeof(data) };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	ssize_t len;

	len = recvmsg(d->fd, &msg, MSG_DONTWAIT);
	if (len < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (len < 0)
		err(1, "recv");
	pkt->data = data;
	pkt->caplen = len;
	pkt->len = len < (ssize_t)sizeof(struct kite_hdr) ? len : whole_length(pkt);
	read_cmsgs(d, &msg, pkt);
	return true;
}

static void put(struct dump *d, const struct captured *pkt)
{
	d->totals.received++;
	if (d->out)
		pcapng_write_packet(d->out, pkt);
	else
		print_packet(pkt, &d->o->style);
}

static void flush(struct dump *d)
{
	if (!d->out || d->out == stdout)
		output_flush();
	else if (fflush(d->out))
		err(1, "%s", d->o->write);
}

static bool wants_more(const struct dump *d)
{
	return !d->o->count || d->totals.received < d->o->count;
}

/* Takes what is there, at most so many. */
static void take_some(struct dump *d, unsigned long n)
{
	struct captured pkt;

	while (n-- && wants_more(d) && take(d, &pkt))
		put(d, &pkt);
	flush(d);
}

/* What was seen before the signal counts. */
static void capture(struct dump *d)
{
	struct pollfd pfd[] = {
		{ .fd = d->fd, .events = POLLIN },
		{ .fd = d->signals, .events = POLLIN },
	};

	while (wants_more(d) && !pfd[1].revents) {
		if (poll(pfd, ARRAY_SIZE(pfd), -1) < 0 && errno != EINTR)
			err(1, "poll");
		take_some(d, BATCH);
	}
	filter_close(d->fd);
	take_some(d, ULONG_MAX);
}

/* Also what was lost after the last packet. */
static uint64_t count_drops(const struct dump *d)
{
	uint32_t info[SK_MEMINFO_VARS] = {};
	socklen_t len = sizeof(info);

	if (getsockopt(d->fd, SOL_SOCKET, SO_MEMINFO, info, &len))
		return d->drops;
	return info[SK_MEMINFO_DROPS];
}

static void capture_live(struct dump *d)
{
	open_signals(d);
	open_raw(d);
	if (d->out) {
		pcapng_write_start(d->out);
		flush(d);
	}
	fprintf(stderr, "kite dump: looking on%s%s\n", d->out ? ", writing to " : "",
		d->out ? d->o->write : "");
	d->totals.start = now();
	capture(d);
	d->totals.end = now();
	d->totals.dropped = count_drops(d);
}

/* ---- Packets from a file */

static void read_file(struct dump *d)
{
	struct pcapng_reader *r = pcapng_open(open_file(d->o->read, "rb", stdin), d->o->read);
	struct captured pkt;

	if (d->out)
		pcapng_write_start(d->out);
	while (wants_more(d) && pcapng_read(r, &pkt)) {
		if (!filter_wants(&d->o->filter, &pkt))
			continue;
		if (!d->totals.start)
			d->totals.start = pkt.time;
		d->totals.end = pkt.time;
		if (pkt.caplen > d->o->snaplen)
			pkt.caplen = d->o->snaplen;
		put(d, &pkt);
	}
	d->totals.dropped = pcapng_totals(r)->dropped;
	pcapng_close(r);
	flush(d);
}

/**
 * cmd_dump - kite dump
 * @argc: arguments
 * @argv: likewise
 *
 * Return: the exit status.
 */
int cmd_dump(int argc, char **argv)
{
	struct options o;
	struct dump d = { .o = &o };

	parse(argc, argv, &o);
	if (o.write) {
		d.out = open_file(o.write, "wb", stdout);
		if (isatty(fileno(d.out)))
			errx(EXIT_USAGE, "a capture is nothing for a terminal");
	}
	if (o.read)
		read_file(&d);
	else
		capture_live(&d);
	if (d.out)
		pcapng_write_end(d.out, &d.totals);
	if (d.out && d.out != stdout && fclose(d.out))
		err(1, "%s", o.write);
	fprintf(stderr, "%llu packet%s, %llu lost for want of room\n",
		(unsigned long long)d.totals.received, d.totals.received == 1 ? "" : "s",
		(unsigned long long)d.totals.dropped);
	return 0;
}
