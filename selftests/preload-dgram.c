// SPDX-License-Identifier: GPL-2.0
/*
 * Of datagrams, and of ports that several sockets have. See preload.c.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "preload.h"

void test_dgram(void)
{
	int a = socket(AF_INET, SOCK_DGRAM, 0), b = socket(AF_INET, SOCK_DGRAM, 0);
	static char huge[70000];
	union name name;
	char text[16] = "";
	socklen_t len;
	int port, n;

	print("bind", bind_ip(a, AF_INET, "0.0.0.0", 0));
	print_own("own", a, 0);
	port = own_port(a);
	print("no address", send(b, "x", 1, 0));
	len = ip_name(&name, AF_INET, "127.0.0.1", port);
	print("sendto", sendto(b, "hello", 5, 0, &name.any, len));
	print_own("then", b, 0);
	print("too long", sendto(b, huge, sizeof(huge), 0, &name.any, len));
	print("empty", sendto(b, "", 0, 0, &name.any, len));
	name.any.sa_family = AF_UNSPEC;
	print("no family", sendto(b, "x", 1, 0, &name.any, len));
	name.any.sa_family = AF_INET;
	print("short address", sendto(b, "x", 1, 0, &name.any, 8));
	ioctl(a, FIONREAD, &n);
	print("FIONREAD", n);
	len = sizeof(name);
	print("peek", recvfrom(a, text, 2, MSG_PEEK | MSG_TRUNC, &name.any, &len));
	print_name("from", &name, len, own_port(b));
	len = 6;
	print("recvfrom", recvfrom(a, text, 16, 0, &name.any, &len));
	print(text, len);
	print("empty", recv(a, text, 16, 0));
	print("no family", recv(a, text, 16, 0));
	print("nothing", recv(a, text, 16, MSG_DONTWAIT));
	print("connect", connect_ip(a, AF_INET, "127.0.0.1", own_port(b)));
	print("send", send(a, "back", 4, 0));
	print("recv", recv(b, text, 16, 0));
	ip_name(&name, AF_INET, "127.0.0.1", 0);
	print("to port 0", sendto(b, "x", 1, 0, &name.any, sizeof(name.v4)));
	/* Who is not connected does not hear of it. */
	n = own_port(a);
	close(a);
	ip_name(&name, AF_INET, "127.0.0.1", n);
	print("to nobody", sendto(b, "hello", 5, 0, &name.any, sizeof(name.v4)));
	print("and nothing", recv(b, text, 16, MSG_DONTWAIT));
	/* Who is hears of it, by one call or the next. */
	print("connect to nobody", connect_ip(b, AF_INET, "127.0.0.1", n));
	n = send(b, "x", 1, 0);
	if (n >= 0)
		n = recv(b, text, 16, 0);
	print("refused", n);
	close(b);
}

static void print_pktinfo(struct msghdr *msg)
{
	char host[INET6_ADDRSTRLEN];

	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		struct in_pktinfo *info = (void *)CMSG_DATA(c);
		struct in6_pktinfo *info6 = (void *)CMSG_DATA(c);

		if (c->cmsg_level == IPPROTO_IP)
			inet_ntop(AF_INET, &info->ipi_addr, host, sizeof(host));
		else
			inet_ntop(AF_INET6, &info6->ipi6_addr, host, sizeof(host));
		printf("%s: control %d %d, %zu bytes: %s\n", test, c->cmsg_level,
		       c->cmsg_type, c->cmsg_len, host);
	}
}

static void messages(int family, const char *host)
{
	int a = socket(family, SOCK_DGRAM, 0), b = socket(family, SOCK_DGRAM, 0);
	struct mmsghdr many[3] = { 0 }, got[4] = { 0 };
	char control[128], text[4][8];
	struct iovec iov[4], out = { "hello", 5 };
	union name to, from[4];
	socklen_t len;
	int n;

	bind_ip(a, family, host, 0);
	if (family == AF_INET)
		print("pktinfo", set_int(a, IPPROTO_IP, IP_PKTINFO, 1));
	else
		print("pktinfo", set_int(a, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1));
	len = ip_name(&to, family, host, own_port(a));
	for (int i = 0; i < 3; i++) {
		many[i].msg_hdr.msg_name = &to;
		many[i].msg_hdr.msg_namelen = len;
		many[i].msg_hdr.msg_iov = &out;
		many[i].msg_hdr.msg_iovlen = 1;
	}
	print("sendmmsg", sendmmsg(b, many, 3, 0));
	print("its length", many[2].msg_len);
	print("sendmsg", sendmsg(b, &many[0].msg_hdr, 0));
	for (int i = 0; i < 4; i++) {
		iov[i] = (struct iovec){ text[i], 4 };
		got[i].msg_hdr.msg_name = &from[i];
		got[i].msg_hdr.msg_namelen = sizeof(from[i]);
		got[i].msg_hdr.msg_iov = &iov[i];
		got[i].msg_hdr.msg_iovlen = 1;
	}
	n = recvmmsg(a, got, 3, 0, NULL);
	print("recvmmsg", n);
	print("its length", got[1].msg_len);
	print("its flags", got[1].msg_hdr.msg_flags);
	print_name("from", &from[1], got[1].msg_hdr.msg_namelen, own_port(b));
	got[3].msg_hdr.msg_control = control;
	got[3].msg_hdr.msg_controllen = sizeof(control);
	print("recvmsg", recvmsg(a, &got[3].msg_hdr, 0));
	print_name("from", &from[3], got[3].msg_hdr.msg_namelen, own_port(b));
	print_pktinfo(&got[3].msg_hdr);
	got[3].msg_hdr.msg_namelen = sizeof(from[3]);
	print("no more", recvmmsg(a, got, 4, MSG_WAITFORONE | MSG_DONTWAIT, NULL));
	close(a);
	close(b);
}

void test_messages(void)
{
	messages(AF_INET, "127.0.0.1");
	messages(AF_INET6, "::1");
}

/* One port, several addresses. */
static void both(int family_a, const char *a, int family_b, const char *b, bool only)
{
	int x = ip_listener(family_a, a), y = socket(family_b, SOCK_STREAM, 0);
	int port = own_port(x), err, s;
	struct pollfd p[2];

	if (only)
		set_int(y, IPPROTO_IPV6, IPV6_V6ONLY, 1);
	err = bind_ip(y, family_b, b, port);
	print(a, err);
	if (!err) {
		print("listen", listen(y, 8));
		fcntl(x, F_SETFL, O_NONBLOCK);
		fcntl(y, F_SETFL, O_NONBLOCK);
		for (int i = 0; i < 4; i++) {
			int c = socket(i & 1 ? family_b : family_a, SOCK_STREAM, 0);

			if (connect_ip(c, i & 1 ? family_b : family_a,
				       (i & 1 ? family_b : family_a) == AF_INET ?
				       "127.0.0.1" : "::1", port))
				print("connect", -1);
			p[0] = (struct pollfd){ .fd = x, .events = POLLIN };
			p[1] = (struct pollfd){ .fd = y, .events = POLLIN };
			poll(p, 2, 60000);
			s = accept(p[0].revents ? x : y, NULL, NULL);
			print("reached the second", !p[0].revents);
			print_own("server's own", s, port);
			print_peer("server's peer", s, own_port(c));
			print_peer("client's peer", c, port);
			close(s);
			close(c);
		}
		print_own("the first", x, port);
		print_own("the second", y, port);
	}
	close(x);
	close(y);
}

void test_both(void)
{
	both(AF_INET, "127.0.0.1", AF_INET6, "::1", false);
	both(AF_INET6, "::1", AF_INET, "127.0.0.1", false);
	both(AF_INET, "0.0.0.0", AF_INET6, "::", true);
	both(AF_INET6, "::", AF_INET, "0.0.0.0", false);
	both(AF_INET, "0.0.0.0", AF_INET, "127.0.0.1", false);
}

void test_share(void)
{
	static const int options[] = { SO_REUSEPORT, SO_REUSEADDR };

	for (int i = 0; i < 4; i++) {
		int type = i & 1 ? SOCK_DGRAM : SOCK_STREAM;
		int a = socket(AF_INET, type, 0), b = socket(AF_INET, type, 0);

		set_int(a, SOL_SOCKET, options[i / 2], 1);
		print("bind", bind_ip(a, AF_INET, "127.0.0.1", 0));
		if (type == SOCK_STREAM)
			listen(a, 1);
		print("without", bind_ip(b, AF_INET, "127.0.0.1", own_port(a)));
		set_int(b, SOL_SOCKET, options[i / 2], 1);
		print("with", bind_ip(b, AF_INET, "127.0.0.1", own_port(a)));
		close(a);
		close(b);
	}
}
