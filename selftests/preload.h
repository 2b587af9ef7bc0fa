/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the tests of "preload" print with.
 */
#ifndef KITE_SELFTESTS_PRELOAD_H
#define KITE_SELFTESTS_PRELOAD_H

#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

/* An address of this machine that is not on loopback; preload.sh makes it. */
#define ELSEWHERE	"10.75.75.75"

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

union name {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
	struct sockaddr_storage storage;
};

/* The name of the test, and the way to run this program again. */
extern const char *test;
#define SELF	"/proc/self/exe"

const char *text_of(long n);

#define NUMBER(n) ((n) < 0 ? strerrorname_np(errno) : text_of(n))

/* print WHAT RESULT: a call and what it returned, or its error */
#define print(what, result) do {					\
	long __result = (result);					\
									\
	printf("%s: %s: %s\n", test, what, NUMBER(__result));		\
} while (0)

socklen_t ip_name(union name *name, int family, const char *host, int port);
int ip_port(const union name *name);
int own_port(int fd);
void print_name(const char *what, const union name *name, socklen_t len, int port);
void print_own(const char *what, int fd, int port);
void print_peer(const char *what, int fd, int port);
int bind_ip(int fd, int family, const char *host, int port);
int connect_ip(int fd, int family, const char *host, int port);
int ip_listener(int family, const char *host);
void connection(int fd[2]);
void print_int(const char *what, int fd, int level, int option);
int set_int(int fd, int level, int option, int value);

/* preload-*.c: what is printed */
void test_names(void);
void test_short(void);
void test_listen(void);
void test_errors(void);
void test_refused(void);
void test_nonblock(void);
void test_options(void);
void test_options_connected(void);
void test_data(void);
void test_poll(void);
void test_epoll(void);
void test_elsewhere(void);
void test_unspec(void);
void test_dgram(void);
void test_messages(void);
void test_both(void);
void test_share(void);
void test_fork(void);
void test_exec(void);
void test_dup(void);
void test_threads(void);
void test_full(void);
void test_stdio(void);
void test_ioctl(void);
void test_localhost(void);
void test_many(void);
void test_vsock(void);

#endif /* KITE_SELFTESTS_PRELOAD_H */
