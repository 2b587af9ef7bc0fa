// SPDX-License-Identifier: GPL-2.0
/*
 * What the tests share: sockets, and calls that block in a thread of their own.
 *
 * insmod runs the tests of calls.c. With leave=1 it makes sockets in the network
 * namespace of insmod instead, and rmmod looks what became of them when that
 * namespace was gone: see namespace.c.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/module.h>
#include <linux/nsproxy.h>
#include <linux/sched.h>

#include "kite_users.h"

int family = AF_KITE;
module_param(family, int, 0444);
MODULE_PARM_DESC(family, "the number of Kite's socket family");

static bool leave;
module_param(leave, bool, 0444);
MODULE_PARM_DESC(leave, "leave sockets in this network namespace");

static int closing_set(const char *value, const struct kernel_param *param)
{
	return namespace_closing(current->nsproxy->net_ns);
}

static const struct kernel_param_ops closing_ops = {
	.set = closing_set,
};
module_param_cb(closing, &closing_ops, NULL, 0200);
MODULE_PARM_DESC(closing, "make sockets in this network namespace, to be closed as it goes");

/* All sockets that were made, to be released. */
static struct socket *made[64];
static unsigned int n_made;
static unsigned int n_results;

void result(const char *name, bool good)
{
	pr_info("%s %u %s\n", good ? "ok" : "not ok", ++n_results, name);
}

static struct socket *remember(struct socket *sock)
{
	if (n_made == ARRAY_SIZE(made)) {
		sock_release(sock);
		return NULL;
	}
	made[n_made++] = sock;
	return sock;
}

void forget_all(void)
{
	while (n_made)
		sock_release(made[--n_made]);
}

struct socket *make(struct net *net, int type)
{
	struct socket *sock;

	if (sock_create_kern(net, family, type, 0, &sock))
		return NULL;
	return remember(sock);
}

int name_of(struct socket *sock, struct sockaddr_kite *addr)
{
	struct sockaddr_storage storage;
	int len = kernel_getsockname(sock, (struct sockaddr *)&storage);

	memcpy(addr, &storage, sizeof(*addr));
	return len == sizeof(*addr) ? 0 : -EINVAL;
}

int bind_any(struct socket *sock)
{
	struct sockaddr_kite any = {
		.skt_family = family,
		.skt_port = KITE_PORT_ANY,
		.skt_node = KITE_NODE_LOCAL,
	};

	return kernel_bind(sock, (struct sockaddr *)&any, sizeof(any));
}

struct socket *make_listener(struct net *net, int type, int backlog,
			     struct sockaddr_kite *addr)
{
	struct socket *sock = make(net, type);

	if (!sock || bind_any(sock) || kernel_listen(sock, backlog) ||
	    name_of(sock, addr))
		return NULL;
	return sock;
}

struct socket *accept_one(struct socket *listener)
{
	struct socket *sock;

	return kernel_accept(listener, &sock, O_NONBLOCK) ? NULL : remember(sock);
}

struct socket *make_connection(struct net *net, struct socket *listener,
			       struct sockaddr_kite *addr, struct socket **accepted)
{
	struct socket *sock = make(net, listener->type);

	if (!sock || kernel_connect(sock, (struct sockaddr *)addr, sizeof(*addr), 0))
		return NULL;
	*accepted = accept_one(listener);
	return *accepted ? sock : NULL;
}

int send_text(struct socket *sock, const char *text, int flags,
	      struct sockaddr_kite *to)
{
	struct msghdr msg = { .msg_flags = flags | MSG_NOSIGNAL };
	struct kvec vec = { (char *)text, strlen(text) };

	if (to) {
		msg.msg_name = to;
		msg.msg_namelen = sizeof(*to);
	}
	return kernel_sendmsg(sock, &msg, &vec, 1, vec.iov_len);
}

int recv_text(struct socket *sock, char *buf, size_t size, int *flags,
	      struct sockaddr_kite *from)
{
	struct msghdr msg = { .msg_name = from };
	struct kvec vec = { buf, size };
	int ret = kernel_recvmsg(sock, &msg, &vec, 1, size, MSG_DONTWAIT);

	if (flags)
		*flags = msg.msg_flags;
	return ret;
}

static int call_thread(void *data)
{
	struct call *call = data;

	call->ret = call->what(call);
	complete(&call->done);
	return 0;
}

void call_begin(struct call *call, int (*what)(struct call *call), struct socket *sock)
{
	struct task_struct *task;

	call->what = what;
	call->sock = sock;
	init_completion(&call->done);
	task = kthread_run(call_thread, call, "kite_users");
	if (IS_ERR(task)) {
		call->ret = PTR_ERR(task);
		complete(&call->done);
	}
}

/* If it does not come back, the kernel's detector of hung tasks tells. */
int call_end(struct call *call)
{
	wait_for_completion(&call->done);
	return call->ret;
}

int call_recv(struct call *call)
{
	struct msghdr msg = {};
	char c;
	struct kvec vec = { &c, 1 };

	return kernel_recvmsg(call->sock, &msg, &vec, 1, 1, 0);
}

int call_accept(struct call *call)
{
	struct socket *sock;
	int err = kernel_accept(call->sock, &sock, 0);

	if (!err)
		sock_release(sock);
	return err;
}

int call_connect(struct call *call)
{
	return kernel_connect(call->sock, (struct sockaddr *)call->addr,
			      sizeof(*call->addr), 0);
}

static int __init users_init(void)
{
	pr_info("begin\n");
	if (!leave) {
		test_calls();
		return 0;
	}
	result("sockets in a namespace",
	       namespace_leave(current->nsproxy->net_ns));
	return 0;
}

static void __exit users_exit(void)
{
	if (leave)
		namespace_return();
	forget_all();
	mute_end();
}

module_init(users_init);
module_exit(users_exit);

MODULE_DESCRIPTION("Tests of Kite sockets that the kernel itself uses");
MODULE_LICENSE("GPL");
