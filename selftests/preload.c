// SPDX-License-Identifier: GPL-2.0
/*
 * What a program sees of TCP and UDP on loopback, as text: each line is a call and
 * what came of it. preload.sh compares what this prints with and without "kite run".
 * So nothing here knows what is right, and whatever may differ from one run to the
 * next, port numbers above all, is not printed.
 *
 *	preload [TEST...]	print
 *	preload list		the names of the tests
 *	preload raw FAMILY	succeed if a TCP socket is really of that family
 *	preload ask PORT	say hello to that TCP port, and print the answer
 *	preload answer PORT	answer once, there
 *	preload answer-dgram PORT	the same, there in UDP
 */
#include <arpa/inet.h>
#include <err.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "preload.h"

const char *test;

const char *text_of(long n)
{
	static char text[4][24];
	static int turn;
	char *at = text[turn++ % 4];

	snprintf(at, sizeof(text[0]), "%ld", n);
	return at;
}

socklen_t ip_name(union name *name, int family, const char *host, int port)
{
	memset(name, 0, sizeof(*name));
	name->any.sa_family = family;
	if (family == AF_INET) {
		name->v4.sin_port = htons(port);
		inet_pton(family, host, &name->v4.sin_addr);
		return sizeof(name->v4);
	}
	name->v6.sin6_port = htons(port);
	inet_pton(family, host, &name->v6.sin6_addr);
	return sizeof(name->v6);
}

int ip_port(const union name *name)
{
	return ntohs(name->any.sa_family == AF_INET ? name->v4.sin_port :
						      name->v6.sin6_port);
}

int own_port(int fd)
{
	union name name;
	socklen_t len = sizeof(name);

	return getsockname(fd, &name.any, &len) ? -1 : ip_port(&name);
}

/* An address, and whether its port is @port, some other, or none. */
void print_name(const char *what, const union name *name, socklen_t len, int port)
{
	char host[INET6_ADDRSTRLEN] = "";
	int own = ip_port(name);

	if (name->any.sa_family == AF_INET)
		inet_ntop(AF_INET, &name->v4.sin_addr, host, sizeof(host));
	else
		inet_ntop(AF_INET6, &name->v6.sin6_addr, host, sizeof(host));
	printf("%s: %s: %d bytes, family %d, %s, %s\n", test, what, (int)len,
	       name->any.sa_family, host, !own ? "no port" : own == port ? "that port" :
	       own >= 1024 ? "a port" : "a low port");
}

void print_own(const char *what, int fd, int port)
{
	union name name;
	socklen_t len = sizeof(name);

	if (getsockname(fd, &name.any, &len))
		print(what, -1);
	else
		print_name(what, &name, len, port);
}

void print_peer(const char *what, int fd, int port)
{
	union name name;
	socklen_t len = sizeof(name);

	if (getpeername(fd, &name.any, &len))
		print(what, -1);
	else
		print_name(what, &name, len, port);
}

int bind_ip(int fd, int family, const char *host, int port)
{
	union name name;
	socklen_t len = ip_name(&name, family, host, port);

	return bind(fd, &name.any, len);
}

int connect_ip(int fd, int family, const char *host, int port)
{
	union name name;
	socklen_t len = ip_name(&name, family, host, port);

	return connect(fd, &name.any, len);
}

int ip_listener(int family, const char *host)
{
	int fd = socket(family, SOCK_STREAM, 0);

	if (fd < 0 || bind_ip(fd, family, host, 0) || listen(fd, 8))
		err(1, "%s: nobody can listen at %s", test, host);
	return fd;
}

/* fd[0] is the client's end, fd[1] the server's. */
void connection(int fd[2])
{
	int l = ip_listener(AF_INET, "127.0.0.1");

	fd[0] = socket(AF_INET, SOCK_STREAM, 0);
	if (connect_ip(fd[0], AF_INET, "127.0.0.1", own_port(l)))
		err(1, "%s: connect", test);
	fd[1] = accept(l, NULL, NULL);
	close(l);
}

void print_int(const char *what, int fd, int level, int option)
{
	int value = 0;
	socklen_t len = sizeof(value);
	int result = getsockopt(fd, level, option, &value, &len);

	print(what, result ? -1 : value);
}

int set_int(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof(value));
}

static void inherit(int l, int port)
{
	test = "inherit";
	print_own("listener", l, port);
	print_int("SO_DOMAIN", l, SOL_SOCKET, SO_DOMAIN);
	print_int("SO_ACCEPTCONN", l, SOL_SOCKET, SO_ACCEPTCONN);
	print("TCP_NODELAY", set_int(l, IPPROTO_TCP, TCP_NODELAY, 1));
	print_int("TCP_NODELAY", l, IPPROTO_TCP, TCP_NODELAY);
}

static const struct {
	const char *name;
	void (*run)(void);
} tests[] = {
	{ "names", test_names }, { "short", test_short }, { "listen", test_listen },
	{ "errors", test_errors }, { "refused", test_refused },
	{ "nonblock", test_nonblock }, { "options", test_options },
	{ "connected", test_options_connected }, { "data", test_data },
	{ "poll", test_poll }, { "epoll", test_epoll }, { "elsewhere", test_elsewhere },
	{ "unspec", test_unspec }, { "dgram", test_dgram },
	{ "messages", test_messages }, { "both", test_both }, { "share", test_share },
	{ "fork", test_fork }, { "exec", test_exec }, { "dup", test_dup },
	{ "threads", test_threads }, { "full", test_full },
	{ "stdio", test_stdio }, { "ioctl", test_ioctl },
	{ "localhost", test_localhost }, { "many", test_many },
	{ "vsock", test_vsock },
};

/* By the system call, which nobody replaces. */
static int raw_family(void)
{
	int family = 0, fd = socket(AF_INET, SOCK_STREAM, 0);
	socklen_t len = sizeof(family);

	syscall(SYS_getsockopt, fd, SOL_SOCKET, SO_DOMAIN, &family, &len);
	close(fd);
	return family;
}

/* For what comes from a port of Kite that IP does not have: is its name one to use? */
static void print_wide(const union name *name)
{
	const unsigned char *host = (void *)&name->v4.sin_addr;

	printf("from port %u\n", host[3] == 75 ?
	       host[1] << 24 | host[2] << 16 | ip_port(name) : ip_port(name));
}

static int talk(const char *how, int port)
{
	int fd = socket(AF_INET, strcmp(how, "answer-dgram") ? SOCK_STREAM : SOCK_DGRAM, 0);
	union name from = { 0 };
	socklen_t len = sizeof(from);
	char text[64];
	int n;

	if (!strcmp(how, "ask")) {
		if (connect_ip(fd, AF_INET, "127.0.0.1", port))
			err(1, "connect");
		print_peer("peer", fd, port);
		send(fd, "hello\n", 6, 0);
		shutdown(fd, SHUT_WR);
		while ((n = recv(fd, text, sizeof(text), 0)) > 0)
			fwrite(text, 1, n, stdout);
		return n < 0;
	}
	if (bind_ip(fd, AF_INET, "127.0.0.1", port))
		err(1, "bind");
	if (!strcmp(how, "answer")) {
		listen(fd, 1);
		print_own("own", fd, port);
		fd = accept(fd, &from.any, &len);
		n = recv(fd, text, sizeof(text), MSG_WAITALL);
		print_wide(&from);
		return send(fd, text, n, 0) != n;
	}
	print_own("own", fd, port);
	n = recvfrom(fd, text, sizeof(text), 0, &from.any, &len);
	print_wide(&from);
	return sendto(fd, text, n, 0, &from.any, len) != n;
}

static bool chosen(int argc, char **argv, const char *name)
{
	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], name))
			return true;
	}
	return argc == 1;
}

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc == 3 && !strcmp(argv[1], "raw"))
		return raw_family() != atoi(argv[2]);
	test = argv[1];
	if (argc == 3 && (!strcmp(test, "ask") || !strncmp(test, "answer", 6)))
		return talk(test, atoi(argv[2]));
	if (argc == 4 && !strcmp(test, "inherit")) {
		inherit(atoi(argv[2]), atoi(argv[3]));
		return 0;
	}
	for (size_t i = 0; i < ARRAY_SIZE(tests); i++) {
		test = tests[i].name;
		if (argc == 2 && !strcmp(argv[1], "list"))
			puts(test);
		else if (chosen(argc, argv, test))
			tests[i].run();
	}
	return 0;
}
