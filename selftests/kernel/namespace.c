// SPDX-License-Identifier: GPL-2.0
/*
 * Sockets of the kernel hold no reference of their network namespace. When it
 * goes, Kite ends them, and their owner finds out when it next uses one: that
 * must be harmless, and a connection can be read to its end.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/delay.h>
#include <linux/sched/signal.h>

#include "kite_users.h"

static struct {
	struct socket *fresh, *bound, *listener, *full;
	struct socket *c[2], *s[2];
	struct socket *asleep, *asleep_peer;
	struct socket *dgram, *dgram_connected;
	struct socket *pair[2];
} left;
static struct sockaddr_kite full_addr;
static struct call recv_call, accept_call, connect_call;
static bool all_made;

static bool make_connections(struct net *net)
{
	static const int types[] = { SOCK_STREAM, SOCK_SEQPACKET };
	struct sockaddr_kite addr;
	struct socket *l;
	int i;

	for (i = 0; i < 2; i++) {
		l = make_listener(net, types[i], 5, &addr);
		CHECK(l);
		left.c[i] = make_connection(net, l, &addr, &left.s[i]);
		CHECK(left.c[i]);
		CHECK(send_text(left.c[i], "there", 0, NULL) == 5);
		CHECK(send_text(left.s[i], "back", 0, NULL) == 4);
	}
	return true;
}

static bool make_dgrams(struct net *net)
{
	struct sockaddr_kite addr;

	left.dgram = make(net, SOCK_DGRAM);
	left.dgram_connected = make(net, SOCK_DGRAM);
	CHECK(left.dgram && left.dgram_connected);
	CHECK(!bind_any(left.dgram) && !name_of(left.dgram, &addr));
	CHECK(!kernel_connect(left.dgram_connected, (struct sockaddr *)&addr,
			      sizeof(addr), 0));
	CHECK(send_text(left.dgram_connected, "dgram", 0, NULL) == 5);
	return true;
}

/* Do so many threads of call_begin() sleep? */
static bool asleep(int want)
{
	struct task_struct *task;
	int i, n;

	for (i = 0; i < 3000; i++) {
		n = 0;
		rcu_read_lock();
		for_each_process(task)
			n += !strcmp(task->comm, "kite_users") &&
			     READ_ONCE(task->__state) == TASK_INTERRUPTIBLE;
		rcu_read_unlock();
		if (n == want)
			return true;
		msleep(20);
	}
	return false;
}

/* And threads that wait, in recv, accept, and connect, before the namespace goes. */
static bool make_waiting(struct net *net)
{
	struct sockaddr_kite addr;
	struct socket *l, *c;

	l = make_listener(net, SOCK_STREAM, 5, &addr);
	CHECK(l);
	left.asleep_peer = make_connection(net, l, &addr, &left.asleep);
	CHECK(left.asleep_peer);
	left.full = make_listener(net, SOCK_STREAM, 0, &full_addr);
	c = make(net, SOCK_STREAM);
	CHECK(left.full && c);
	CHECK(!kernel_connect(c, (struct sockaddr *)&full_addr, sizeof(full_addr), 0));
	c = make(net, SOCK_STREAM);
	CHECK(c);

	call_begin(&recv_call, call_recv, left.asleep);
	call_begin(&accept_call, call_accept, l);
	connect_call.addr = &full_addr;
	call_begin(&connect_call, call_connect, c);
	CHECK(asleep(3));
	return true;
}

bool namespace_leave(struct net *net)
{
	struct sockaddr_kite addr;

	left.fresh = make(net, SOCK_STREAM);
	left.bound = make(net, SOCK_STREAM);
	left.pair[0] = make(net, SOCK_STREAM);
	left.pair[1] = make(net, SOCK_STREAM);
	left.listener = make_listener(net, SOCK_STREAM, 5, &addr);
	CHECK(left.fresh && left.bound && left.pair[0] && left.pair[1] && left.listener);
	CHECK(!mute_request(net, &addr));
	CHECK(READ_ONCE(left.listener->sk->sk_ack_backlog) == 1);
	CHECK(!bind_any(left.bound));
	CHECK(!left.pair[0]->ops->socketpair(left.pair[0], left.pair[1]));
	CHECK(send_text(left.pair[0], "pair", 0, NULL) == 4);
	CHECK(make_connections(net));
	CHECK(make_dgrams(net));
	CHECK(make_waiting(net));
	all_made = true;
	return true;
}

/* The namespace goes when it is nobody's, some time later. */
static bool ended(struct socket *sock)
{
	int i;

	for (i = 0; i < 1500; i++) {
		if (READ_ONCE(sock->sk->sk_state) == TCP_CLOSING)
			return true;
		msleep(20);
	}
	return false;
}

static bool return_waiting(void)
{
	int accepted = call_end(&accept_call);
	int connected = call_end(&connect_call);

	CHECK(call_end(&recv_call) == -ECONNRESET);
	CHECK(accepted == -EINVAL);
	CHECK(connected == -ECONNRESET);
	return true;
}

static bool return_ended(void)
{
	CHECK(ended(left.fresh));
	CHECK(ended(left.bound));
	CHECK(ended(left.listener));
	CHECK(ended(left.full));
	CHECK(ended(left.c[0]) && ended(left.s[0]));
	CHECK(ended(left.c[1]) && ended(left.s[1]));
	CHECK(ended(left.pair[0]) && ended(left.pair[1]));
	CHECK(ended(left.dgram) && ended(left.dgram_connected));
	/* And the namespace's own data is freed. */
	msleep(500);
	return true;
}

static bool return_data(struct socket *sock, const char *text)
{
	char buf[16];
	int len = strlen(text);

	CHECK(recv_text(sock, buf, sizeof(buf), NULL, NULL) == len);
	CHECK(!memcmp(buf, text, len));
	CHECK(recv_text(sock, buf, sizeof(buf), NULL, NULL) == -ECONNRESET);
	CHECK(recv_text(sock, buf, sizeof(buf), NULL, NULL) == 0);
	CHECK(send_text(sock, "x", 0, NULL) == -EPIPE);
	return true;
}

static bool return_connections(void)
{
	int i;

	for (i = 0; i < 2; i++) {
		CHECK(return_data(left.c[i], "back"));
		CHECK(return_data(left.s[i], "there"));
		CHECK(!kernel_sock_shutdown(left.c[i], SHUT_RDWR));
	}
	CHECK(return_data(left.pair[1], "pair"));
	return true;
}

static bool return_dgrams(void)
{
	struct sockaddr_kite addr;
	char buf[16];

	CHECK(!name_of(left.dgram, &addr));
	CHECK(send_text(left.dgram, "x", 0, &addr) < 0);
	CHECK(send_text(left.dgram_connected, "x", 0, NULL) < 0);
	CHECK(kernel_connect(left.dgram, (struct sockaddr *)&addr, sizeof(addr), 0) < 0);
	CHECK(recv_text(left.dgram, buf, sizeof(buf), NULL, NULL) == -ECONNRESET);
	CHECK(recv_text(left.dgram, buf, sizeof(buf), NULL, NULL) == 0);
	return true;
}

/* None of them comes to life again. */
static bool return_unconnected(void)
{
	struct socket *const socks[] = { left.fresh, left.bound, left.listener };
	struct sockaddr_kite addr = full_addr;
	struct socket *sock;
	int i;

	for (i = 0; i < ARRAY_SIZE(socks); i++) {
		CHECK(kernel_connect(socks[i], (struct sockaddr *)&addr,
				     sizeof(addr), 0) < 0);
		CHECK(bind_any(socks[i]) == -EINVAL);
		CHECK(kernel_listen(socks[i], 1) == -EINVAL);
		CHECK(kernel_accept(socks[i], &sock, O_NONBLOCK) == -EINVAL);
		CHECK(!name_of(socks[i], &addr));
		addr = full_addr;
	}
	return true;
}

/*
 * The owner of sockets closes them while their namespace goes. It begins with a listener
 * when it hears that the namespace has come to the last of those who connected there. So
 * both are at the children, whom nobody has accepted.
 */
#define LISTENERS	4
#define CONNECTED	16

static struct {
	struct socket *l[LISTENERS], *c[LISTENERS][CONNECTED];
	struct completion ended[LISTENERS];
	struct call call;
	bool begun;
} closing;

static void closing_ended(struct sock *sk)
{
	complete(sk->sk_user_data);
}

static int closing_make(struct net *net, int i)
{
	struct sockaddr_kite addr;
	struct sock *last;
	int err, j;

	err = sock_create_kern(net, family, SOCK_STREAM, 0, &closing.l[i]);
	err = err ?: bind_any(closing.l[i]) ?: kernel_listen(closing.l[i], CONNECTED) ?:
	      name_of(closing.l[i], &addr);
	for (j = 0; !err && j < CONNECTED; j++)
		err = sock_create_kern(net, family, SOCK_STREAM, 0, &closing.c[i][j]) ?:
		      kernel_connect(closing.c[i][j], (struct sockaddr *)&addr,
				     sizeof(addr), 0);
	if (err)
		return err;
	init_completion(&closing.ended[i]);
	last = closing.c[i][CONNECTED - 1]->sk;
	last->sk_user_data = &closing.ended[i];
	last->sk_state_change = closing_ended;
	return 0;
}

static void closing_release(struct socket **sock)
{
	if (*sock)
		sock_release(*sock);
	*sock = NULL;
}

static void closing_release_all(void)
{
	int i, j;

	for (i = 0; i < LISTENERS; i++) {
		closing_release(&closing.l[i]);
		for (j = 0; j < CONNECTED; j++)
			closing_release(&closing.c[i][j]);
	}
}

/* The namespace ends the youngest first. */
static int closing_close(struct call *call)
{
	int i;

	for (i = LISTENERS - 1; i >= 0; i--) {
		wait_for_completion(&closing.ended[i]);
		closing_release(&closing.l[i]);
	}
	closing_release_all();
	return 0;
}

static int closing_end(void)
{
	if (!closing.begun)
		return 0;
	closing.begun = false;
	return call_end(&closing.call);
}

/* The namespace goes when it is nobody's: when its program, who called this, ends. */
int namespace_closing(struct net *net)
{
	int err = closing_end(), i;

	for (i = 0; !err && i < LISTENERS; i++)
		err = closing_make(net, i);
	if (err) {
		closing_release_all();
		return err;
	}
	closing.begun = true;
	call_begin(&closing.call, closing_close, NULL);
	return 0;
}

void namespace_return(void)
{
	result("closed while the namespace goes", !closing_end());
	if (!all_made)
		return;
	result("who waited is told", return_waiting());
	result("all sockets are ended", return_ended());
	result("connections can be read to their end", return_connections());
	result("datagram sockets can do nothing", return_dgrams());
	result("the others neither", return_unconnected());
	forget_all();
	pr_info("end\n");
}
