// SPDX-License-Identifier: GPL-2.0
/*
 * kite cat: connect or listen, and copy to and from standard input and output, or
 * let a command talk with the peer.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cat.h"

static const struct option long_options[] = {
	{ "listen", no_argument, NULL, 'l' },
	{ "keep", no_argument, NULL, 'k' },
	{ "exec", required_argument, NULL, 'e' },
	{ "type", required_argument, NULL, 't' },
	{ "source", required_argument, NULL, 'p' },
	{ "shutdown", no_argument, NULL, 'N' },
	{ "lines", no_argument, NULL, 'L' },
	{ "wait", required_argument, NULL, 'w' },
	{ "idle", required_argument, NULL, 'i' },
	{ "zero", no_argument, NULL, 'z' },
	{ "verbose", no_argument, NULL, 'v' },
	{ "help", no_argument, NULL, 'h' },
	{ }
};

static void help(void)
{
	printf("usage: kite cat [OPTION...] [NODE:]PORT\n"
	       "       kite cat -l [OPTION...] [NODE:]PORT\n\n"
	       "Connect, or listen, and copy standard input to the peer and what comes from\n"
	       "it to standard output.\n\n"
	       "  -l, --listen         wait for a connection, or for a datagram\n"
	       "  -k, --keep           with -l: and for the next one, until killed\n"
	       "  -e, --exec COMMAND   a shell's command talks with the peer\n"
	       "  -t, --type TYPE      stream (the default), seqpacket or dgram\n"
	       "  -p, --source ADDR    connect from this [NODE:]PORT\n"
	       "  -N, --shutdown       tell the peer the end of the input: shut down sending;\n"
	       "                       of datagrams, send an empty one, and take one as the end\n"
	       "  -L, --lines          a record or datagram is a line\n"
	       "  -w, --wait SECONDS   give up if there is no connection\n"
	       "  -i, --idle SECONDS   give up if nothing comes or goes\n"
	       "  -z, --zero           connect, and send nothing: does anybody listen?\n"
	       "  -v, --verbose        say who connects\n\n"
	       "Send a file:\n"
	       "  kite cat -l 7000 >copy &\n"
	       "  kite cat -N 7000 <file\n"
	       "Talk in records, each a line:\n"
	       "  kite cat -L -t seqpacket 7000\n"
	       "An echo server, for many:\n"
	       "  kite cat -lk -e cat 7000\n");
}

/* What makes no sense together. */
static void check(const struct cat_options *o)
{
	const char *wrong = NULL;

	if (o->type == SOCK_RAW)
		wrong = "raw sockets have no peer; see kite dump";
	else if (o->keep && !o->listen)
		wrong = "-k goes with -l";
	else if (o->has_source && o->listen)
		wrong = "-p is for who connects";
	else if (o->lines && o->type == SOCK_STREAM)
		wrong = "-L is for records and datagrams; a stream has no messages";
	else if (o->probe && (o->listen || o->type == SOCK_DGRAM))
		wrong = "-z is for who connects";
	else if (o->command && o->listen && o->type == SOCK_DGRAM && o->keep)
		wrong = "datagrams have no connections that -e could keep apart";
	else if (o->command && (o->shutdown || o->lines || o->idle || o->probe))
		wrong = "with -e the command sends and receives: no -i, -L, -N or -z";
	if (wrong)
		errx(EXIT_USAGE, "%s", wrong);
}

static void parse(int argc, char **argv, struct cat_options *o)
{
	int c;

	*o = (struct cat_options) { .type = SOCK_STREAM };
	while ((c = getopt_long(argc, argv, "e:klt:p:NLw:i:zvh", long_options, NULL)) != -1) {
		switch (c) {
		case 'l':
			o->listen = true;
			break;
		case 'k':
			o->keep = true;
			break;
		case 'e':
			o->command = optarg;
			break;
		case 't':
			o->type = parse_socket_type(optarg);
			break;
		case 'p':
			parse_address(optarg, &o->source);
			o->has_source = true;
			break;
		case 'N':
			o->shutdown = true;
			break;
		case 'L':
			o->lines = true;
			break;
		case 'w':
			o->wait = parse_seconds(optarg, "--wait");
			break;
		case 'i':
			o->idle = parse_seconds(optarg, "--idle");
			break;
		case 'z':
			o->probe = true;
			break;
		case 'v':
			o->verbose = true;
			break;
		case 'h':
			help();
			exit(0);
		default:
			bad_option(argv[0]);
		}
	}
	if (optind != argc - 1)
		errx(EXIT_USAGE, "one address; \"kite cat --help\" tells more");
	check(o);
	parse_address(argv[optind], &o->addr);
	/* Who listens does so on all nodes that are here. */
	if (o->listen && !strchr(argv[optind], ':'))
		o->addr.skt_node = KITE_NODE_ANY;
}

static void say(const struct cat_options *o, const char *what, int fd,
		int (*name)(int fd, struct sockaddr *addr, socklen_t *len))
{
	struct sockaddr_kite addr;
	socklen_t len = sizeof(addr);
	char text[ADDRESS_TEXT];

	if (!o->verbose || name(fd, (struct sockaddr *)&addr, &len))
		return;
	warnx("%s %s (%s)", what, address_text(addr.skt_node, addr.skt_port, text),
	      socket_type_name(o->type));
}

/* The command has the socket as its standard input and output, and nothing else. */
static void exec_command(const char *command, int fd)
{
	if (dup2(fd, STDIN_FILENO) < 0 || dup2(fd, STDOUT_FILENO) < 0)
		err(1, "dup2");
	/* It may have been one of the two. */
	fcntl(STDIN_FILENO, F_SETFD, 0);
	fcntl(STDOUT_FILENO, F_SETFD, 0);
	if (fd > STDERR_FILENO)
		close(fd);
	execl("/bin/sh", "sh", "-c", command, NULL);
	err(1, "/bin/sh");
}

static bool talk(const struct cat_options *o, int fd)
{
	if (o->command)
		exec_command(o->command, fd);
	return cat_relay(fd, o);
}

static void limit_connect(int fd, double seconds)
{
	struct timeval tv = {
		.tv_sec = seconds,
		/* None at all would be no limit. */
		.tv_usec = (seconds - (time_t)seconds) * 999999 + 1,
	};

	if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv)))
		err(1, "SO_SNDTIMEO");
}

static void bind_to(int fd, const struct sockaddr_kite *addr)
{
	char text[ADDRESS_TEXT];

	if (!bind(fd, (const struct sockaddr *)addr, sizeof(*addr)))
		return;
	address_text(addr->skt_node, addr->skt_port, text);
	if (errno == EACCES)
		errx(1, "%s: needs CAP_NET_BIND_SERVICE; try: sudo kite ..., or another port",
		     text);
	err(1, "bind to %s", text);
}

static bool be_client(const struct cat_options *o)
{
	int fd = kite_socket(o->type);
	char text[ADDRESS_TEXT];

	address_text(o->addr.skt_node, o->addr.skt_port, text);
	if (o->has_source)
		bind_to(fd, &o->source);
	if (o->wait > 0)
		limit_connect(fd, o->wait);
	if (connect(fd, (struct sockaddr *)&o->addr, sizeof(o->addr))) {
		/* What the timeout says of a listener that is full, or says nothing. */
		if (errno == EAGAIN || errno == EINPROGRESS)
			errno = ETIMEDOUT;
		err(1, "%s", text);
	}
	if (o->wait > 0)
		limit_connect(fd, 0);
	say(o, "connected to", fd, getpeername);
	return o->probe || talk(o, fd);
}

static void wait_for_peer(const struct cat_options *o, int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	int timeout = o->wait > 0 ? o->wait * 1000 : -1, n;

	do
		n = poll(&pfd, 1, timeout);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		err(1, "poll");
	if (!n)
		errx(1, "nobody came within %g seconds", o->wait);
}

static int listen_socket(const struct cat_options *o)
{
	int fd = kite_socket(o->type | SOCK_CLOEXEC);

	bind_to(fd, &o->addr);
	if (o->type != SOCK_DGRAM && listen(fd, SOMAXCONN))
		err(1, "listen");
	say(o, "listening on", fd, getsockname);
	return fd;
}

/* The command talks with who sent the first datagram, and with nobody else. */
static void connect_to_sender(int fd)
{
	struct sockaddr_kite peer;
	socklen_t len = sizeof(peer);

	if (recvfrom(fd, NULL, 0, MSG_PEEK, (struct sockaddr *)&peer, &len) < 0)
		err(1, "recv");
	if (connect(fd, (struct sockaddr *)&peer, len))
		err(1, "connect");
}

static bool serve_datagrams(const struct cat_options *o, int fd)
{
	wait_for_peer(o, fd);
	if (o->command)
		connect_to_sender(fd);
	return talk(o, fd);
}

static int next_connection(const struct cat_options *o, int fd)
{
	int conn;

	wait_for_peer(o, fd);
	do
		conn = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
	while (conn < 0 && errno == EINTR);
	if (conn < 0)
		err(1, "accept");
	say(o, "connection from", conn, getpeername);
	return conn;
}

/* Each command has a process, so they do not wait for each other. */
static void serve_in_child(const struct cat_options *o, int conn)
{
	pid_t pid = fork();

	if (pid < 0) {
		warn("fork");
	} else if (!pid) {
		signal(SIGCHLD, SIG_DFL);
		exec_command(o->command, conn);
	}
}

static void serve_for_ever(const struct cat_options *o, int fd)
{
	/* Nobody asks how they end. */
	signal(SIGCHLD, SIG_IGN);
	for (;;) {
		int conn = next_connection(o, fd);

		/* What goes wrong with one is no reason to leave the next one alone. */
		if (o->command)
			serve_in_child(o, conn);
		else
			cat_relay(conn, o);
		close(conn);
	}
}

static bool be_server(const struct cat_options *o)
{
	int fd = listen_socket(o), conn;

	if (o->type == SOCK_DGRAM)
		return serve_datagrams(o, fd);
	if (o->keep)
		serve_for_ever(o, fd);
	conn = next_connection(o, fd);
	close(fd);
	return talk(o, conn);
}

int cmd_cat(int argc, char **argv)
{
	struct cat_options o;

	parse(argc, argv, &o);
	return !(o.listen ? be_server(&o) : be_client(&o));
}
