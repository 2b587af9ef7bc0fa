// SPDX-License-Identifier: GPL-2.0
/*
 * Of connections: names, errors, options, data, epoll. See preload.c.
 */
#include <err.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/wait.h>

#include <linux/sockios.h>
#include <linux/vm_sockets.h>

#include "preload.h"

/* The names at both ends of a connection. */
static void names(int family, const char *host, int to_family, const char *to)
{
	int l = ip_listener(family, host), c = socket(to_family, SOCK_STREAM, 0), s;
	int port = own_port(l);
	union name peer;
	socklen_t len = sizeof(peer);

	print_own("listener", l, port);
	print_own("before connect", c, 0);
	print("connect", connect_ip(c, to_family, to, port));
	s = accept(l, &peer.any, &len);
	print_name("accept", &peer, len, own_port(c));
	print_own("server's own", s, port);
	print_peer("server's peer", s, own_port(c));
	print_own("client's own", c, 0);
	print_peer("client's peer", c, port);
	close(s);
	close(c);
	close(l);
}

void test_names(void)
{
	names(AF_INET, "127.0.0.1", AF_INET, "127.0.0.1");
	names(AF_INET, "0.0.0.0", AF_INET, "127.0.0.1");
	names(AF_INET, "0.0.0.0", AF_INET, "0.0.0.0");
	names(AF_INET, "127.0.0.5", AF_INET, "127.0.0.5");
	names(AF_INET6, "::1", AF_INET6, "::1");
	names(AF_INET6, "::", AF_INET6, "::1");
	names(AF_INET6, "::ffff:127.0.0.1", AF_INET6, "::ffff:127.0.0.1");
	names(AF_INET, "127.0.0.1", AF_INET6, "::ffff:127.0.0.1");
}

void test_short(void)
{
	int l = ip_listener(AF_INET, "127.0.0.1");
	union name name;
	socklen_t len = 4;

	memset(&name, 0xee, sizeof(name));
	print("getsockname", getsockname(l, &name.any, &len));
	print("length", len);
	print("beyond", ((unsigned char *)&name)[4]);
	len = -1;
	print("negative", getsockname(l, &name.any, &len));
	print("no length", getsockname(l, &name.any, NULL));
	close(l);
}

void test_listen(void)
{
	int l = socket(AF_INET, SOCK_STREAM, 0), c = socket(AF_INET, SOCK_STREAM, 0);

	print("listen without bind", listen(l, 1));
	print_own("its name", l, 0);
	print("connect", connect_ip(c, AF_INET, "127.0.0.1", own_port(l)));
	close(c);
	close(l);
}

void test_errors(void)
{
	int l = ip_listener(AF_INET, "127.0.0.1"), port = own_port(l);
	int a = socket(AF_INET, SOCK_STREAM, 0), b = socket(AF_INET6, SOCK_STREAM, 0);
	int u = socket(AF_INET, SOCK_DGRAM, 0);
	union name name;
	char byte = 0;
	int pair[2];

	print("port in use", bind_ip(a, AF_INET, "127.0.0.1", port));
	print("port in use, any", bind_ip(a, AF_INET, "0.0.0.0", port));
	print("of another protocol", bind_ip(u, AF_INET, "127.0.0.1", port));
	print("other family", bind_ip(a, AF_INET6, "::1", 0));
	print("other family, v6", bind_ip(b, AF_INET, "127.0.0.1", 0));
	ip_name(&name, AF_INET, "127.0.0.1", 0);
	print("short", bind(a, &name.any, 8));
	print("shorter", bind(a, &name.any, 1));
	ip_name(&name, AF_INET6, "::1", 0);
	print("short, v6", bind(b, &name.any, 20));
	print("connect, other family", connect_ip(a, AF_INET6, "::1", port));
	print("recv, not connected", recv(a, &byte, 1, 0));
	print("getpeername, not connected", getpeername(a, &name.any,
							&(socklen_t){ 16 }));
	print("shutdown, not connected", shutdown(a, SHUT_WR));
	print("accept, not listening", accept(a, NULL, NULL));
	print("bind", bind_ip(a, AF_INET, "127.0.0.1", 0));
	print("bind again", bind_ip(a, AF_INET, "127.0.0.1", 0));
	print("bind again elsewhere", bind_ip(a, AF_INET, ELSEWHERE, 0));
	print("connect", connect_ip(a, AF_INET, "127.0.0.1", port));
	print("connect again", connect_ip(a, AF_INET, "127.0.0.1", port));
	print("connect again elsewhere", connect_ip(a, AF_INET, ELSEWHERE, port));
	print("listen, connected", listen(a, 1));
	close(u);
	u = socket(AF_INET, SOCK_DGRAM, 0);
	print("not this machine's", bind_ip(u, AF_INET, "192.0.2.1", 0));
	print("socket, raw type", socket(AF_INET, 77, 0));
	print("socket, protocol", socket(AF_INET, SOCK_STREAM, IPPROTO_UDP));
	print("socketpair of AF_INET", socketpair(AF_INET, SOCK_STREAM, 0, pair));
	print("no descriptor", connect_ip(-1, AF_INET, "127.0.0.1", 1));
	print("no socket", connect_ip(0, AF_INET, "127.0.0.1", 1));
	close(a);
	close(b);
	close(l);
	close(u);
	if (fork() == 0) {
		a = socket(AF_INET, SOCK_STREAM, 0);
		if (setuid(65534))
			err(1, "setuid");
		print("low port", bind_ip(a, AF_INET, "127.0.0.1", 80));
		fflush(stdout);
		_exit(0);
	}
	wait(NULL);
}

void test_refused(void)
{
	int l = ip_listener(AF_INET, "127.0.0.1"), port = own_port(l);
	int c = socket(AF_INET, SOCK_STREAM, 0);
	struct pollfd p = { .fd = c, .events = POLLOUT };
	int error = 0;
	socklen_t len = sizeof(error);

	close(l);
	print("connect", connect_ip(c, AF_INET, "127.0.0.1", port));
	print_int("SO_ERROR", c, SOL_SOCKET, SO_ERROR);
	l = ip_listener(AF_INET, "127.0.0.1");
	print("then to another", connect_ip(c, AF_INET, "127.0.0.1", own_port(l)));
	close(l);
	close(c);

	/* Without waiting it may be said at once, or when one asks. */
	c = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	p.fd = c;
	if (connect_ip(c, AF_INET, "127.0.0.1", port) && errno == EINPROGRESS) {
		poll(&p, 1, 60000);
		getsockopt(c, SOL_SOCKET, SO_ERROR, &error, &len);
		errno = error;
	}
	print("without waiting", -1);
	close(c);
}

void test_nonblock(void)
{
	int l = ip_listener(AF_INET, "127.0.0.1"), s;
	int c = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct pollfd p = { .fd = c, .events = POLLOUT };
	char byte;

	print("socket's flags", fcntl(c, F_GETFL) & O_NONBLOCK);
	print("socket's FD_CLOEXEC", fcntl(c, F_GETFD));
	print("listener's flags", fcntl(l, F_SETFL, O_NONBLOCK));
	print("accept of nothing", accept(l, NULL, NULL));
	if (connect_ip(c, AF_INET, "127.0.0.1", own_port(l)) && errno != EINPROGRESS)
		print("connect", -1);
	print("poll", poll(&p, 1, 60000));
	print("POLLOUT and no more", p.revents == POLLOUT);
	print_int("SO_ERROR", c, SOL_SOCKET, SO_ERROR);
	print("recv", recv(c, &byte, 1, 0));
	s = accept4(l, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	print("accept4's flags", fcntl(s, F_GETFL) & O_NONBLOCK);
	print("accept4's FD_CLOEXEC", fcntl(s, F_GETFD));
	print("accept4's recv", recv(s, &byte, 1, MSG_PEEK));
	close(s);
	close(c);
	close(l);
}

static const struct {
	const char *name;
	int level, option, value;
} options[] = {
	{ "SO_KEEPALIVE", SOL_SOCKET, SO_KEEPALIVE, 1 },
	{ "SO_REUSEADDR", SOL_SOCKET, SO_REUSEADDR, 1 },
	{ "SO_REUSEPORT", SOL_SOCKET, SO_REUSEPORT, 1 },
	{ "SO_BROADCAST", SOL_SOCKET, SO_BROADCAST, 1 },
	{ "SO_RCVBUF", SOL_SOCKET, SO_RCVBUF, 40000 },
	{ "SO_SNDBUF", SOL_SOCKET, SO_SNDBUF, 40000 },
	{ "SO_PRIORITY", SOL_SOCKET, SO_PRIORITY, 3 },
	{ "SO_OOBINLINE", SOL_SOCKET, SO_OOBINLINE, 1 },
	{ "SO_RCVLOWAT", SOL_SOCKET, SO_RCVLOWAT, 7 },
	{ "SO_INCOMING_CPU", SOL_SOCKET, SO_INCOMING_CPU, 1 },
	{ "TCP_NODELAY", IPPROTO_TCP, TCP_NODELAY, 1 },
	{ "TCP_NODELAY", IPPROTO_TCP, TCP_NODELAY, 5 },
	{ "TCP_CORK", IPPROTO_TCP, TCP_CORK, 1 },
	{ "TCP_KEEPIDLE", IPPROTO_TCP, TCP_KEEPIDLE, 100 },
	{ "TCP_KEEPIDLE, none", IPPROTO_TCP, TCP_KEEPIDLE, 0 },
	{ "TCP_KEEPINTVL", IPPROTO_TCP, TCP_KEEPINTVL, 20 },
	{ "TCP_KEEPCNT", IPPROTO_TCP, TCP_KEEPCNT, 3 },
	{ "TCP_USER_TIMEOUT", IPPROTO_TCP, TCP_USER_TIMEOUT, 1000 },
	{ "TCP_SYNCNT", IPPROTO_TCP, TCP_SYNCNT, 2 },
	{ "no option of TCP", IPPROTO_TCP, 200, 2 },
	{ "IP_TOS", IPPROTO_IP, IP_TOS, 0x10 },
	{ "IP_TTL", IPPROTO_IP, IP_TTL, 3 },
	{ "IP_TTL, too large", IPPROTO_IP, IP_TTL, 3000 },
	{ "IP_RECVERR", IPPROTO_IP, IP_RECVERR, 1 },
	{ "IP_PKTINFO", IPPROTO_IP, IP_PKTINFO, 1 },
	{ "IP_FREEBIND", IPPROTO_IP, IP_FREEBIND, 1 },
	{ "IP_MULTICAST_TTL", IPPROTO_IP, IP_MULTICAST_TTL, 3 },
	{ "IPV6_V6ONLY", IPPROTO_IPV6, IPV6_V6ONLY, 1 },
	{ "IPV6_TCLASS", IPPROTO_IPV6, IPV6_TCLASS, 4 },
	{ "no option of IP", IPPROTO_IP, 250, 1 },
	{ "no level", 77, 1, 1 },
};

static void print_options(int fd)
{
	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		const char *name = options[i].name;
		int level = options[i].level, option = options[i].option;

		/* The buffers that one begins with are not the same. */
		if (option != SO_RCVBUF && option != SO_SNDBUF)
			print_int(name, fd, level, option);
		print(name, set_int(fd, level, option, options[i].value));
		print_int(name, fd, level, option);
		print(name, setsockopt(fd, level, option, &options[i].value, 0));
	}
	print_int("SO_TYPE", fd, SOL_SOCKET, SO_TYPE);
	print_int("SO_DOMAIN", fd, SOL_SOCKET, SO_DOMAIN);
	print_int("SO_PROTOCOL", fd, SOL_SOCKET, SO_PROTOCOL);
	print_int("SO_ACCEPTCONN", fd, SOL_SOCKET, SO_ACCEPTCONN);
	print_int("SO_ERROR", fd, SOL_SOCKET, SO_ERROR);
}

void test_options(void)
{
	static const int types[] = { SOCK_STREAM, SOCK_DGRAM };

	for (int i = 0; i < 4; i++) {
		int fd = socket(i & 1 ? AF_INET6 : AF_INET, types[i / 2], 0);

		print_options(fd);
		close(fd);
	}
}

void test_options_connected(void)
{
	struct linger linger = { 1, 2 };
	struct timeval limit = { 1, 500000 };
	char congestion[16] = "";
	socklen_t len = sizeof(congestion);
	struct tcp_info info;
	int fd[2], copy;

	connection(fd);
	for (int i = 0; i < 2; i++) {
		len = sizeof(info);
		print("TCP_INFO", getsockopt(fd[i], IPPROTO_TCP, TCP_INFO, &info, &len));
		print("state", info.tcpi_state);
		print("TCP_NODELAY", set_int(fd[i], IPPROTO_TCP, TCP_NODELAY, 1));
		copy = dup(fd[i]);
		print_int("of a copy", copy, IPPROTO_TCP, TCP_NODELAY);
		close(copy);
		print("SO_LINGER", setsockopt(fd[i], SOL_SOCKET, SO_LINGER, &linger,
					      sizeof(linger)));
		print("SO_RCVTIMEO", setsockopt(fd[i], SOL_SOCKET, SO_RCVTIMEO, &limit,
						sizeof(limit)));
		memset(&limit, 0, sizeof(limit));
		len = sizeof(limit);
		getsockopt(fd[i], SOL_SOCKET, SO_RCVTIMEO, &limit, &len);
		print("SO_RCVTIMEO", limit.tv_sec * 1000000 + limit.tv_usec);
		len = sizeof(congestion);
		print("TCP_CONGESTION", getsockopt(fd[i], IPPROTO_TCP, TCP_CONGESTION,
						   congestion, &len));
		print(congestion, len);
	}
	close(fd[0]);
	close(fd[1]);
	/* A new socket with the old number has nothing of it. */
	connection(fd);
	print_int("TCP_NODELAY again", fd[0], IPPROTO_TCP, TCP_NODELAY);
	close(fd[0]);
	close(fd[1]);
}

void test_data(void)
{
	char text[16] = "";
	union name name;
	socklen_t len = ip_name(&name, AF_INET, "127.0.0.1", 9);
	int fd[2], n = 0;

	connection(fd);
	print("send", send(fd[0], "hello", 5, 0));
	print("peek", recv(fd[1], text, 3, MSG_PEEK));
	print(text, ioctl(fd[1], FIONREAD, &n));
	print("FIONREAD", n);
	print("wait for all", recv(fd[1], text, 5, MSG_WAITALL));
	print(text, ioctl(fd[0], SIOCOUTQ, &n));
	print("SIOCATMARK", ioctl(fd[0], SIOCATMARK, &n));
	/* TCP takes no notice of an address. */
	print("sendto", sendto(fd[0], "world", 5, 0, &name.any, len));
	len = sizeof(name);
	print("recvfrom", recvfrom(fd[1], text, 16, 0, &name.any, &len));
	print("length of its address", len);
	print("shutdown", shutdown(fd[0], SHUT_WR));
	print("recv", recv(fd[1], text, 16, 0));
	print("the other way", send(fd[1], "again", 5, 0));
	print("recv", recv(fd[0], text, 16, 0));
	print_peer("peer after shutdown", fd[1], own_port(fd[0]));
	close(fd[1]);
	print("end", recv(fd[0], text, 16, 0));
	print("send after shutdown", send(fd[0], "x", 1, MSG_NOSIGNAL));
	close(fd[0]);

	connection(fd);
	print("send", send(fd[0], "unread", 6, 0));
	recv(fd[1], text, 1, MSG_PEEK);
	close(fd[1]);
	print("reset", recv(fd[0], text, 16, 0));
	print("after it", recv(fd[0], text, 16, 0));
	print("send", send(fd[0], "x", 1, MSG_NOSIGNAL));
	close(fd[0]);
}

void test_poll(void)
{
	int fd[2], l = ip_listener(AF_INET, "127.0.0.1");
	struct pollfd p = { .events = POLLIN | POLLOUT | POLLRDHUP };
	char byte;

	p.fd = l;
	poll(&p, 1, 0);
	print("listener", p.revents);
	p.fd = socket(AF_INET, SOCK_STREAM, 0);
	poll(&p, 1, 0);
	print("not connected", p.revents);
	print("connect", connect_ip(p.fd, AF_INET, "127.0.0.1", own_port(l)));
	poll(&p, 1, 0);
	print("connected", p.revents);
	close(p.fd);
	p.fd = l;
	poll(&p, 1, 60000);
	print("listener with one", p.revents);
	close(l);
	connection(fd);
	send(fd[0], "x", 1, 0);
	p.fd = fd[1];
	poll(&p, 1, 60000);
	print("with data", p.revents);
	recv(fd[1], &byte, 1, 0);
	shutdown(fd[0], SHUT_WR);
	recv(fd[1], &byte, 1, 0);
	poll(&p, 1, 60000);
	print("shut down by the peer", p.revents);
	shutdown(fd[1], SHUT_WR);
	recv(fd[0], &byte, 1, 0);
	poll(&p, 1, 60000);
	print("both ways", p.revents);
	close(fd[0]);
	close(fd[1]);
	p.fd = socket(AF_INET, SOCK_DGRAM, 0);
	poll(&p, 1, 0);
	print("datagrams", p.revents);
	close(p.fd);
}

/* In the set before it is known where it goes. */
static void epoll_to(const char *host)
{
	int l = ip_listener(AF_INET, host), c = socket(AF_INET, SOCK_STREAM, 0), s;
	struct epoll_event event = { .events = EPOLLIN, .data.u64 = 0x123456789a };
	int set = epoll_create1(0);

	print("add", epoll_ctl(set, EPOLL_CTL_ADD, c, &event));
	epoll_wait(set, &event, 1, 0);
	event = (struct epoll_event){ .events = EPOLLIN, .data.u64 = 0x123456789a };
	print("modify", epoll_ctl(set, EPOLL_CTL_MOD, c, &event));
	print("connect", connect_ip(c, AF_INET, host, own_port(l)));
	print_peer("peer", c, own_port(l));
	s = accept(l, NULL, NULL);
	print("nothing", epoll_wait(set, &event, 1, 0));
	send(s, "x", 1, 0);
	memset(&event, 0, sizeof(event));
	print("wait", epoll_wait(set, &event, 1, 10000));
	print("events", event.events);
	print("data", event.data.u64);
	print("delete", epoll_ctl(set, EPOLL_CTL_DEL, c, NULL));
	close(set);
	close(c);
	close(s);
	close(l);
}

void test_epoll(void)
{
	epoll_to("127.0.0.1");
	epoll_to(ELSEWHERE);
}

void test_elsewhere(void)
{
	int l = ip_listener(AF_INET, ELSEWHERE), s;
	int c = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int a = socket(AF_INET, SOCK_DGRAM, 0), b = socket(AF_INET, SOCK_DGRAM, 0);
	union name name;
	socklen_t len;
	char text[8];

	print("bind any", bind_ip(c, AF_INET, "0.0.0.0", 0));
	print("TCP_NODELAY", set_int(c, IPPROTO_TCP, TCP_NODELAY, 1));
	print("SO_KEEPALIVE", set_int(c, SOL_SOCKET, SO_KEEPALIVE, 1));
	print("connect", connect_ip(c, AF_INET, ELSEWHERE, own_port(l)));
	s = accept(l, NULL, NULL);
	print_own("own", c, 0);
	print_peer("peer", s, own_port(c));
	print_int("TCP_NODELAY", c, IPPROTO_TCP, TCP_NODELAY);
	print_int("SO_KEEPALIVE", c, SOL_SOCKET, SO_KEEPALIVE);
	print("FD_CLOEXEC", fcntl(c, F_GETFD));
	close(s);
	close(c);
	close(l);

	print("bind", bind_ip(a, AF_INET, ELSEWHERE, 0));
	len = ip_name(&name, AF_INET, ELSEWHERE, own_port(a));
	print("sendto", sendto(b, "hello", 5, 0, &name.any, len));
	len = sizeof(name);
	print("recvfrom", recvfrom(a, text, sizeof(text), 0, &name.any, &len));
	print_name("from", &name, len, own_port(b));
	close(a);
	close(b);
}

void test_unspec(void)
{
	struct sockaddr none = { .sa_family = AF_UNSPEC };
	int l = ip_listener(AF_INET, "127.0.0.1"), port = own_port(l);
	int c = socket(AF_INET, SOCK_STREAM, 0), u = socket(AF_INET, SOCK_DGRAM, 0);

	print("connect", connect_ip(c, AF_INET, "127.0.0.1", port));
	print("to none", connect(c, &none, sizeof(none)));
	print_peer("peer", c, port);
	print("connect", connect_ip(c, AF_INET, "127.0.0.1", port));
	print("datagrams", connect_ip(u, AF_INET, "127.0.0.1", port));
	print_own("own", u, 0);
	print_peer("peer", u, port);
	print("to none", connect(u, &none, sizeof(none)));
	print_peer("peer", u, port);
	print("send", send(u, "x", 1, 0));
	close(u);
	close(c);
	close(l);
}

/* An address of AF_VSOCK: whose, and whether its port is @port or some other. */
static void print_vm(const char *what, const struct sockaddr_vm *name, socklen_t len,
		     unsigned int port)
{
	printf("%s: %s: %d bytes, family %d, CID %d, %s\n", test, what, (int)len,
	       name->svm_family, name->svm_cid,
	       name->svm_port == port ? "that port" : "a port");
}

static void print_buffer(const char *what, int fd)
{
	unsigned long long size = 0;
	socklen_t len = sizeof(size);
	int result = getsockopt(fd, AF_VSOCK, SO_VM_SOCKETS_BUFFER_SIZE, &size, &len);

	print(what, result ? -1 : (long)size);
}

/* A connection of AF_VSOCK on this machine, and one to nobody. */
static void vsock(int type)
{
	struct sockaddr_vm any = { .svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_ANY,
				   .svm_port = VMADDR_PORT_ANY };
	struct sockaddr_vm to = { 0 }, from = { 0 }, own = { 0 };
	int l = socket(AF_VSOCK, type, 0), c = socket(AF_VSOCK, type, 0), s;
	socklen_t len = sizeof(to);
	unsigned long long size = 65536;
	char text[8];

	print("bind", bind(l, (void *)&any, sizeof(any)));
	print("listen", listen(l, 8));
	print("getsockname", getsockname(l, (void *)&to, &len));
	print_vm("listener", &to, len, VMADDR_PORT_ANY);
	to.svm_cid = VMADDR_CID_LOCAL;
	print("connect", connect(c, (void *)&to, sizeof(to)));
	len = sizeof(own);
	print("getsockname", getsockname(c, (void *)&own, &len));
	/* AF_VSOCK itself has VMADDR_CID_ANY there, see Documentation/programs.rst. */
	own.svm_cid = VMADDR_CID_LOCAL;
	print_vm("client's own", &own, len, VMADDR_PORT_ANY);
	len = sizeof(from);
	s = accept(l, (void *)&from, &len);
	print_vm("accept", &from, len, own.svm_port);
	len = sizeof(own);
	print("getpeername", getpeername(c, (void *)&own, &len));
	print_vm("client's peer", &own, len, to.svm_port);
	print_int("SO_DOMAIN", c, SOL_SOCKET, SO_DOMAIN);
	print_int("SO_TYPE", c, SOL_SOCKET, SO_TYPE);
	print_buffer("buffer", c);
	print("set", setsockopt(c, AF_VSOCK, SO_VM_SOCKETS_BUFFER_SIZE, &size, sizeof(size)));
	print_buffer("buffer", c);
	print("send", send(c, "hello", 5, 0));
	print("recv", recv(s, text, sizeof(text), 0));
	print("shutdown", shutdown(s, SHUT_WR));
	print("the end", recv(c, text, sizeof(text), 0));
	close(s);
	close(c);
	close(l);

	c = socket(AF_VSOCK, type, 0);
	print("to nobody", connect(c, (void *)&to, sizeof(to)));
	close(c);
}

void test_vsock(void)
{
	vsock(SOCK_STREAM);
	vsock(SOCK_SEQPACKET);
}
