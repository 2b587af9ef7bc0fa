// SPDX-License-Identifier: GPL-2.0
/*
 * What a kernel module does with a socket, one test a promise.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/delay.h>
#include <linux/slab.h>

#include "kite_users.h"

#define MUCH	(300 * 1024)

static struct net *const net = &init_net;

static bool same(const struct sockaddr_kite *a, const struct sockaddr_kite *b)
{
	return !memcmp(a, b, sizeof(*a));
}

static bool test_names(int type)
{
	struct sockaddr_kite addr, mine, seen;
	struct sockaddr_storage storage;
	struct socket *l, *c, *s;

	l = make_listener(net, type, 1, &addr);
	CHECK(l);
	CHECK(!accept_one(l));
	c = make_connection(net, l, &addr, &s);
	CHECK(c);
	CHECK(!name_of(c, &mine));
	CHECK(kernel_getpeername(s, (struct sockaddr *)&storage) == sizeof(seen));
	CHECK(same((void *)&storage, &mine));
	CHECK(kernel_getpeername(c, (struct sockaddr *)&storage) == sizeof(seen));
	CHECK(same((void *)&storage, &addr));
	CHECK(mine.skt_family == family);
	return true;
}

static bool test_stream(void)
{
	struct sockaddr_kite addr;
	struct socket *l, *c, *s;
	char buf[16];

	l = make_listener(net, SOCK_STREAM, 1, &addr);
	CHECK(l);
	c = make_connection(net, l, &addr, &s);
	CHECK(c);
	CHECK(recv_text(s, buf, sizeof(buf), NULL, NULL) == -EAGAIN);
	CHECK(send_text(c, "abc", 0, NULL) == 3);
	CHECK(send_text(c, "def", 0, NULL) == 3);
	CHECK(recv_text(s, buf, sizeof(buf), NULL, NULL) == 6);
	CHECK(!memcmp(buf, "abcdef", 6));

	CHECK(!kernel_sock_shutdown(c, SHUT_WR));
	CHECK(recv_text(s, buf, sizeof(buf), NULL, NULL) == 0);
	CHECK(send_text(c, "x", 0, NULL) == -EPIPE);
	CHECK(send_text(s, "y", 0, NULL) == 1);
	CHECK(recv_text(c, buf, sizeof(buf), NULL, NULL) == 1);
	return true;
}

static bool test_seqpacket(void)
{
	struct sockaddr_kite addr;
	struct socket *l, *c, *s;
	char buf[16];
	int flags;

	l = make_listener(net, SOCK_SEQPACKET, 1, &addr);
	CHECK(l);
	c = make_connection(net, l, &addr, &s);
	CHECK(c);
	CHECK(send_text(c, "abc", MSG_EOR, NULL) == 3);
	CHECK(send_text(c, "defgh", 0, NULL) == 5);
	CHECK(recv_text(s, buf, sizeof(buf), &flags, NULL) == 3);
	CHECK(flags & MSG_EOR);
	CHECK(recv_text(s, buf, 2, &flags, NULL) == 2);
	CHECK(!memcmp(buf, "de", 2));
	CHECK(flags & MSG_TRUNC);
	CHECK(recv_text(s, buf, sizeof(buf), NULL, NULL) == -EAGAIN);
	return true;
}

static bool test_dgram(void)
{
	struct sockaddr_kite to, mine, from;
	struct socket *a, *b;
	char buf[16];

	a = make(net, SOCK_DGRAM);
	b = make(net, SOCK_DGRAM);
	CHECK(a && b);
	CHECK(!bind_any(a) && !bind_any(b));
	CHECK(!name_of(a, &to) && !name_of(b, &mine));
	CHECK(send_text(b, "hello", 0, &to) == 5);
	CHECK(recv_text(a, buf, sizeof(buf), NULL, &from) == 5);
	CHECK(same(&from, &mine));

	CHECK(send_text(a, "x", 0, NULL) == -EDESTADDRREQ);
	CHECK(!kernel_connect(a, (struct sockaddr *)&mine, sizeof(mine), 0));
	CHECK(send_text(a, "back", 0, NULL) == 4);
	CHECK(recv_text(b, buf, sizeof(buf), NULL, &from) == 4);
	CHECK(same(&from, &to));
	return true;
}

static bool test_socketpair(int type)
{
	struct socket *a = make(net, type), *b = make(net, type);
	char buf[16];

	CHECK(a && b);
	CHECK(!a->ops->socketpair(a, b));
	CHECK(send_text(a, "pair", 0, NULL) == 4);
	CHECK(recv_text(b, buf, sizeof(buf), NULL, NULL) == 4);
	return true;
}

static bool test_refusals(void)
{
	struct socket *l, *c, *d;
	struct sockaddr_kite addr;
	int err;

	l = make_listener(net, SOCK_STREAM, 0, &addr);
	c = make(net, SOCK_STREAM);
	d = make(net, SOCK_STREAM);
	CHECK(l && c && d);
	CHECK(kernel_bind(c, (struct sockaddr *)&addr, sizeof(addr)) == -EADDRINUSE);
	CHECK(kernel_listen(l, 0) == 0);
	CHECK(!kernel_connect(c, (struct sockaddr *)&addr, sizeof(addr), 0));
	CHECK(kernel_connect(c, (struct sockaddr *)&addr, sizeof(addr), 0) == -EISCONN);

	/* Full; what it says to that is a matter of direct=. */
	err = kernel_connect(d, (struct sockaddr *)&addr, sizeof(addr), O_NONBLOCK);
	CHECK(err == -EAGAIN || err == -EINPROGRESS);

	addr.skt_node = 77;
	c = make(net, SOCK_STREAM);
	CHECK(kernel_connect(c, (struct sockaddr *)&addr, sizeof(addr), 0) ==
	      -EHOSTUNREACH);
	addr.skt_node = KITE_NODE_LOCAL;
	addr.skt_port ^= 0x5a5a;
	err = kernel_connect(c, (struct sockaddr *)&addr, sizeof(addr), 0);
	CHECK(err == -ECONNREFUSED || (family == AF_VSOCK && err == -ECONNRESET));
	CHECK(kernel_accept(c, &d, O_NONBLOCK) == -EINVAL);
	return true;
}

static int call_send_much(struct call *call)
{
	struct msghdr msg = { .msg_flags = MSG_NOSIGNAL };
	struct kvec vec = { .iov_len = MUCH };
	int i, ret;

	vec.iov_base = kvmalloc(MUCH, GFP_KERNEL);
	if (!vec.iov_base)
		return -ENOMEM;
	for (i = 0; i < MUCH; i++)
		((u8 *)vec.iov_base)[i] = i % 251;
	ret = kernel_sendmsg(call->sock, &msg, &vec, 1, MUCH);
	kvfree(vec.iov_base);
	return ret;
}

static bool test_much(void)
{
	static u8 buf[1024];
	struct sockaddr_kite addr;
	struct socket *l, *c, *s;
	struct call call;
	bool good = true;
	int got = 0, i, n;

	l = make_listener(net, SOCK_STREAM, 1, &addr);
	CHECK(l);
	sock_set_rcvbuf(l->sk, 20000);
	c = make_connection(net, l, &addr, &s);
	CHECK(c);
	call_begin(&call, call_send_much, c);
	while (got < MUCH) {
		struct msghdr msg = {};
		struct kvec vec = { buf, sizeof(buf) };

		n = kernel_recvmsg(s, &msg, &vec, 1, sizeof(buf), 0);
		if (n <= 0)
			break;
		for (i = 0; i < n; i++)
			good &= buf[i] == (got + i) % 251;
		got += n;
	}
	/* Or the sender would wait for ever. */
	kernel_sock_shutdown(s, SHUT_RDWR);
	CHECK(call_end(&call) == MUCH);
	CHECK(got == MUCH);
	CHECK(good);
	return true;
}

static bool test_shutdown_wakes(void)
{
	struct sockaddr_kite addr;
	struct call recv, accept;
	struct socket *l, *c, *s;
	int received, accepted;

	l = make_listener(net, SOCK_STREAM, 1, &addr);
	CHECK(l);
	c = make_connection(net, l, &addr, &s);
	CHECK(c);
	call_begin(&recv, call_recv, s);
	call_begin(&accept, call_accept, l);
	/* Asleep or not yet: the answer is the same. */
	msleep(20);
	kernel_sock_shutdown(c, SHUT_RDWR);
	kernel_sock_shutdown(l, SHUT_RDWR);
	/* Both, before either may be found wrong: they are on this stack. */
	received = call_end(&recv);
	accepted = call_end(&accept);
	CHECK(received == 0);
	CHECK(accepted == -EINVAL);
	return true;
}

/* The callbacks that a kernel user puts into the socket are called. */

static atomic_t readable, writable, changed;

static void on_data(struct sock *sk)
{
	atomic_inc(&readable);
}

static void on_space(struct sock *sk)
{
	atomic_inc(&writable);
}

static void on_change(struct sock *sk)
{
	atomic_inc(&changed);
}

static void set_callbacks(struct sock *sk)
{
	lock_sock(sk);
	write_lock_bh(&sk->sk_callback_lock);
	sk->sk_data_ready = on_data;
	sk->sk_write_space = on_space;
	sk->sk_state_change = on_change;
	write_unlock_bh(&sk->sk_callback_lock);
	release_sock(sk);
}

static bool fill(struct socket *sock)
{
	struct msghdr msg = { .msg_flags = MSG_DONTWAIT | MSG_NOSIGNAL };
	static u8 buf[1024];
	struct kvec vec;
	int n, i;

	for (i = 0; i < 10000; i++) {
		vec = (struct kvec){ buf, sizeof(buf) };
		n = kernel_sendmsg(sock, &msg, &vec, 1, sizeof(buf));
		if (n < 0)
			break;
	}
	return n == -EAGAIN;
}

static bool drain(struct socket *sock)
{
	static u8 buf[1024];
	int n;

	do {
		n = recv_text(sock, buf, sizeof(buf), NULL, NULL);
	} while (n > 0);
	return n == -EAGAIN;
}

static int call_send(struct call *call)
{
	return send_text(call->sock, "x", 0, NULL);
}

static bool test_callbacks(void)
{
	struct sockaddr_kite addr;
	struct socket *l, *c, *s;
	struct call send;
	int i;

	l = make_listener(net, SOCK_STREAM, 1, &addr);
	CHECK(l);
	c = make_connection(net, l, &addr, &s);
	CHECK(c);
	set_callbacks(s->sk);
	atomic_set(&readable, 0);
	CHECK(send_text(c, "x", 0, NULL) == 1);
	CHECK(atomic_read(&readable) >= 1);

	/* When there is room again for one who had none. */
	CHECK(fill(c));
	set_callbacks(c->sk);
	atomic_set(&writable, 0);
	CHECK(!(c->ops->poll(NULL, c, NULL) & EPOLLOUT));
	CHECK(drain(s));
	for (i = 0; i < 3000 && !atomic_read(&writable); i++)
		msleep(20);
	CHECK(atomic_read(&writable) >= 1);
	call_begin(&send, call_send, c);
	CHECK(call_end(&send) == 1);

	atomic_set(&changed, 0);
	CHECK(!kernel_sock_shutdown(c, SHUT_WR));
	for (i = 0; i < 3000 && atomic_read(&changed) < 2; i++)
		msleep(20);
	CHECK(atomic_read(&changed) >= 2);
	return true;
}

static void test(const char *name, bool (*run)(void))
{
	bool good = run();

	forget_all();
	result(name, good);
}

static bool names_stream(void)
{
	return test_names(SOCK_STREAM);
}

static bool names_seqpacket(void)
{
	return test_names(SOCK_SEQPACKET);
}

static bool pair_of_streams(void)
{
	return test_socketpair(SOCK_STREAM);
}

static bool pair_of_records(void)
{
	return test_socketpair(SOCK_SEQPACKET);
}

static bool pair_of_dgrams(void)
{
	return test_socketpair(SOCK_DGRAM);
}

void test_calls(void)
{
	pr_info("1..12\n");
	test("names of a stream", names_stream);
	test("names of a record socket", names_seqpacket);
	test("stream: send, recv, shutdown", test_stream);
	test("seqpacket: boundaries, MSG_EOR, MSG_TRUNC", test_seqpacket);
	test("dgram: to an address, connected", test_dgram);
	test("socketpair of streams", pair_of_streams);
	test("socketpair of record sockets", pair_of_records);
	test("socketpair of datagram sockets", pair_of_dgrams);
	test("what is refused", test_refusals);
	test("much through a small window", test_much);
	test("shutdown wakes who waits", test_shutdown_wakes);
	test("callbacks", test_callbacks);
}
