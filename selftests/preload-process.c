// SPDX-License-Identifier: GPL-2.0
/*
 * Of descriptors that are copied, inherited and used by several. See preload.c.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/wait.h>

#include "preload.h"

static int echo_once(int l)
{
	char text[64];
	int s = accept(l, NULL, NULL), n = recv(s, text, sizeof(text), 0);

	n = send(s, text, n, 0);
	close(s);
	return n;
}

static int ask(int port)
{
	char text[64];
	int c = socket(AF_INET, SOCK_STREAM, 0), n;

	if (connect_ip(c, AF_INET, "127.0.0.1", port) || send(c, "ping", 4, 0) != 4)
		return -1;
	n = recv(c, text, sizeof(text), MSG_WAITALL);
	close(c);
	return n;
}

void test_fork(void)
{
	int l = ip_listener(AF_INET, "127.0.0.1"), port = own_port(l), status;

	for (int i = 0; i < 4; i++) {
		if (fork() == 0)
			_exit(echo_once(l) != 4);
	}
	for (int i = 0; i < 4; i++)
		print("ask", ask(port));
	for (int i = 0; i < 4; i++) {
		wait(&status);
		print("child", status);
	}
	close(l);
}

/* The other program has nothing but the descriptor. */
void test_exec(void)
{
	int families[] = { AF_INET, AF_INET6 }, status;
	static const char * const hosts[] = { "127.0.0.9", "::1" };
	char number[12], port[12];

	for (int i = 0; i < 2; i++) {
		int l = ip_listener(families[i], hosts[i]);

		snprintf(number, sizeof(number), "%d", l);
		snprintf(port, sizeof(port), "%d", own_port(l));
		fflush(stdout);
		if (fork() == 0) {
			execl(SELF, SELF, "inherit", number, port, NULL);
			_exit(127);
		}
		wait(&status);
		print("status", status);
		close(l);
	}
}

void test_dup(void)
{
	int l = ip_listener(AF_INET, "127.0.0.1"), port = own_port(l), copy = dup(l);
	int other = socket(AF_INET, SOCK_STREAM, 0);

	close(l);
	print_own("a copy", copy, port);
	print("dup2", dup2(copy, other) == other);
	close(copy);
	print_own("another", other, port);
	l = fcntl(other, F_DUPFD_CLOEXEC, 100);
	print("F_DUPFD_CLOEXEC", l >= 100);
	close_range(other, other, 0);
	print_own("and another", l, port);
	if (fork() == 0)
		_exit(echo_once(l) != 4);
	print("ask", ask(port));
	wait(NULL);
	close(l);
	/* The number is an ordinary file's now. */
	l = open("/dev/null", O_RDONLY);
	print("getsockname of a file", getsockname(l, NULL, NULL));
	close(l);
}

static void *serve(void *l)
{
	for (int i = 0; i < 16; i++)
		echo_once((int)(long)l);
	return NULL;
}

static void *call(void *port)
{
	long good = 0;

	for (int i = 0; i < 16; i++)
		good += ask((int)(long)port) == 4;
	return (void *)good;
}

void test_threads(void)
{
	int l = ip_listener(AF_INET, "127.0.0.1");
	pthread_t servers[4], clients[4];
	void *good;

	for (int i = 0; i < 4; i++) {
		pthread_create(&servers[i], NULL, serve, (void *)(long)l);
		pthread_create(&clients[i], NULL, call, (void *)(long)own_port(l));
	}
	for (int i = 0; i < 4; i++) {
		pthread_join(servers[i], NULL);
		pthread_join(clients[i], &good);
		print("answers", (long)good);
	}
	close(l);
}

/* Does the first thread sleep? */
static bool caller_sleeps(void)
{
	char stat[512] = "", *state;
	int fd = open("/proc/self/stat", O_RDONLY);

	if (read(fd, stat, sizeof(stat) - 1) < 0)
		stat[0] = '\0';
	close(fd);
	state = strrchr(stat, ')');
	return state && !strncmp(state, ") S", 3);
}

/* Later than the one who connects has seen that there is no room, and waits for it. */
static void *accept_late(void *arg)
{
	char byte = 0;
	int s;

	for (int i = 0; i < 20000 && !caller_sleeps(); i++)
		usleep(1000);
	close(accept((long)arg, NULL, NULL));
	s = accept((long)arg, NULL, NULL);
	recv(s, &byte, 1, 0);
	close(s);
	return (void *)(long)byte;
}

/* A listener without room for one who does not wait, or not here. */
void test_full(void)
{
	int l = socket(AF_INET, SOCK_STREAM, 0), first = socket(AF_INET, SOCK_STREAM, 0);
	int c = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	struct pollfd p = { .fd = c, .events = POLLOUT };
	pthread_t server;
	void *byte;

	bind_ip(l, AF_INET, "127.0.0.1", 0);
	print("listen", listen(l, 0));
	print("the first", connect_ip(first, AF_INET, "127.0.0.1", own_port(l)));
	pthread_create(&server, NULL, accept_late, (void *)(long)l);
	if (connect_ip(c, AF_INET, "127.0.0.1", own_port(l)) && errno != EINPROGRESS)
		print("connect", -1);
	print("poll", poll(&p, 1, 60000));
	print("POLLOUT and no more", p.revents == POLLOUT);
	print_int("SO_ERROR", c, SOL_SOCKET, SO_ERROR);
	print("still nonblocking", fcntl(c, F_GETFL) & O_NONBLOCK);
	print("send", send(c, "x", 1, 0));
	pthread_join(server, &byte);
	print("received", (long)byte);
	close(c);
	close(first);
	close(l);
}

void test_stdio(void)
{
	char line[16] = "";
	int fd[2], file;
	FILE *f;

	connection(fd);
	f = fdopen(fd[0], "r+");
	print("fprintf", fprintf(f, "hello\n"));
	fclose(f);
	f = fdopen(fd[1], "r");
	print("fgets", fgets(line, sizeof(line), f) ? (long)strlen(line) : -1);
	print("end", fgetc(f) == EOF);
	fclose(f);
	/* The numbers are used again, by descriptors of another kind. */
	file = open(SELF, O_RDONLY);
	print("setsockopt of a file", set_int(file, IPPROTO_TCP, TCP_NODELAY, 1));
	connection(fd);
	print("sendfile", sendfile(fd[0], file, NULL, 4));
	print("recv", recv(fd[1], line, 4, MSG_WAITALL));
	close(fd[0]);
	close(fd[1]);
	close(file);
}

void test_ioctl(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0), n = 1;
	struct ifreq r = { .ifr_name = "lo" };
	char host[INET_ADDRSTRLEN];

	print("SIOCGIFADDR", ioctl(fd, SIOCGIFADDR, &r));
	print(inet_ntop(AF_INET, &((struct sockaddr_in *)&r.ifr_addr)->sin_addr, host,
			sizeof(host)), 0);
	print("SIOCGIFINDEX", ioctl(fd, SIOCGIFINDEX, &r));
	print("FIONBIO", ioctl(fd, FIONBIO, &n));
	print("O_NONBLOCK", fcntl(fd, F_GETFL) & O_NONBLOCK);
	print("of no device", ioctl(fd, SIOCGIFADDR, &(struct ifreq){ .ifr_name = "x" }));
	close(fd);
}

void test_localhost(void)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_family = AF_INET };
	int l = ip_listener(AF_INET, "127.0.0.1"), c, reached = 0;
	struct addrinfo *list;
	char port[8];

	snprintf(port, sizeof(port), "%d", own_port(l));
	print("getaddrinfo", getaddrinfo("localhost", port, &hints, &list));
	for (struct addrinfo *a = list; a; a = a->ai_next) {
		c = socket(a->ai_family, a->ai_socktype, a->ai_protocol);
		reached += !connect(c, a->ai_addr, a->ai_addrlen);
		close(c);
	}
	print("reached", reached > 0);
	freeaddrinfo(list);
	close(l);
}

/* Many connections, one after the other: ports are let go of and taken again. */
void test_many(void)
{
	int l = ip_listener(AF_INET, "127.0.0.1"), good = 0, c, s;

	for (int i = 0; i < 200; i++) {
		c = socket(AF_INET, SOCK_STREAM, 0);
		good += !connect_ip(c, AF_INET, "127.0.0.1", own_port(l));
		s = accept(l, NULL, NULL);
		close(c);
		close(s);
	}
	print("connections", good);
	close(l);
}
