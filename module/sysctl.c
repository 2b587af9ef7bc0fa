// SPDX-License-Identifier: GPL-2.0
/*
 * net.kite: what an administrator can set, for each network namespace. A new one
 * begins with the defaults. What would let a namespace take more of the machine than
 * it gets, only the first one may set: net.kite.mem is one for all, and in others
 * max_orphans can only be read, and rmem_default goes no further than SO_RCVBUF does.
 */
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/sysctl.h>

#include "af_kite.h"

/* The ports of a namespace: not two at a time, since one is checked against the other. */
static DEFINE_MUTEX(kite_sysctl_lock);

static const struct kite_sysctl kite_sysctl_defaults = {
	.rmem_max		= KITE_WINDOW_MAX,
	.wmem_max		= KITE_WINDOW_MAX,
	.unprivileged_port	= KITE_PORT_UNPRIVILEGED,
	.port_range		= { KITE_PORT_EPHEMERAL_MIN, KITE_PORT_EPHEMERAL_MAX },
	.connect_timeout	= KITE_CONNECT_TIMEOUT,
	.close_timeout		= KITE_CLOSE_TIMEOUT,
	.echo_rate		= KITE_ANSWER_RATE,
	.reset_rate		= KITE_ANSWER_RATE,
	.max_orphans		= KITE_ORPHANS_MAX,
};

static int kite_sysctl_none;
static int kite_sysctl_one = 1;
static int kite_sysctl_window = KITE_WINDOW_MAX;
static int kite_sysctl_buffer = SOCK_MIN_RCVBUF;
static int kite_sysctl_hour = 3600 * 1000;
static int kite_sysctl_rate = 1000 * 1000;
static int kite_sysctl_orphans = 1000 * 1000;

/*
 * Reads or writes @n numbers. A write must have all of them, in order: the kernel passes
 * over what is below 0, and that is how we know.
 */
static int kite_sysctl_numbers(kite_ctl_table *table, int write, void *buffer,
			       size_t *lenp, loff_t *ppos, unsigned long *values, int n,
			       unsigned long least, unsigned long most)
{
	struct ctl_table tmp = {
		.data	= values,
		.maxlen	= n * sizeof(*values),
		.mode	= table->mode,
		.extra1	= &least,
		.extra2	= &most,
	};
	int i, err;

	for (i = 0; i < n && write; i++)
		values[i] = ULONG_MAX;
	err = proc_doulongvec_minmax(&tmp, write, buffer, lenp, ppos);
	if (err || !write)
		return err;
	for (i = 0; i < n; i++)
		if (values[i] < least || values[i] > most || (i && values[i] < values[i - 1]))
			return -EINVAL;
	return 0;
}

/* As net.ipv4.ip_local_port_range. */
static int kite_sysctl_port_range(kite_ctl_table *table, int write, void *buffer,
				  size_t *lenp, loff_t *ppos)
{
	struct kite_sysctl *sysctl =
		container_of(table->data, struct kite_sysctl, port_range[0]);
	unsigned long values[2];
	int err;

	mutex_lock(&kite_sysctl_lock);
	values[0] = sysctl->port_range[0];
	values[1] = sysctl->port_range[1];
	err = kite_sysctl_numbers(table, write, buffer, lenp, ppos, values, 2, 1,
				  KITE_PORT_EPHEMERAL_MAX);
	if (!err && write && values[0] < sysctl->unprivileged_port)
		err = -EINVAL;
	if (!err && write) {
		WRITE_ONCE(sysctl->port_range[0], values[0]);
		WRITE_ONCE(sysctl->port_range[1], values[1]);
	}
	mutex_unlock(&kite_sysctl_lock);
	return err;
}

/* As net.ipv4.ip_unprivileged_port_start: the range is above it. */
static int kite_sysctl_unprivileged(kite_ctl_table *table, int write, void *buffer,
				    size_t *lenp, loff_t *ppos)
{
	struct kite_sysctl *sysctl =
		container_of(table->data, struct kite_sysctl, unprivileged_port);
	int port, most, err;
	struct ctl_table tmp = {
		.data	= &port,
		.maxlen	= sizeof(port),
		.mode	= table->mode,
		.extra1	= &kite_sysctl_none,
		.extra2	= &most,
	};

	mutex_lock(&kite_sysctl_lock);
	port = sysctl->unprivileged_port;
	most = sysctl->port_range[0];
	err = proc_dointvec_minmax(&tmp, write, buffer, lenp, ppos);
	if (!err && write)
		WRITE_ONCE(sysctl->unprivileged_port, port);
	mutex_unlock(&kite_sysctl_lock);
	return err;
}

static int kite_sysctl_mem(kite_ctl_table *table, int write, void *buffer,
			   size_t *lenp, loff_t *ppos)
{
	unsigned long values[3];
	int i, err;

	mutex_lock(&kite_sysctl_lock);
	for (i = 0; i < 3; i++)
		values[i] = kite_mem[i];
	err = kite_sysctl_numbers(table, write, buffer, lenp, ppos, values, 3, 1, LONG_MAX);
	if (!err && write)
		kite_mem_set(values);
	mutex_unlock(&kite_sysctl_lock);
	return err;
}

#define KITE_SYSCTL(field, name, least, most)				\
	{								\
		.procname	= name,					\
		.data		= (void *)&kite_sysctl_defaults.field,	\
		.maxlen		= sizeof(int),				\
		.mode		= 0644,					\
		.proc_handler	= proc_dointvec_minmax,			\
		.extra1		= &kite_sysctl_##least,			\
		.extra2		= &kite_sysctl_##most,			\
	}

/* The last two are different in the first namespace. */
static const struct ctl_table kite_sysctl_table[] = {
	KITE_SYSCTL(rmem_default, "rmem_default", none, window),
	KITE_SYSCTL(wmem_default, "wmem_default", none, window),
	KITE_SYSCTL(rmem_max, "rmem_max", buffer, window),
	KITE_SYSCTL(wmem_max, "wmem_max", buffer, window),
	KITE_SYSCTL(connect_timeout, "connect_timeout", one, hour),
	KITE_SYSCTL(close_timeout, "close_timeout", one, hour),
	KITE_SYSCTL(echo_rate, "echo_rate", none, rate),
	KITE_SYSCTL(reset_rate, "reset_rate", none, rate),
	{
		.procname	= "unprivileged_port_start",
		.data		= (void *)&kite_sysctl_defaults.unprivileged_port,
		.maxlen		= sizeof(int),
		.mode		= 0644,
		.proc_handler	= kite_sysctl_unprivileged,
	},
	{
		.procname	= "port_range",
		.data		= (void *)&kite_sysctl_defaults.port_range,
		.maxlen		= 2 * sizeof(int),
		.mode		= 0644,
		.proc_handler	= kite_sysctl_port_range,
	},
	KITE_SYSCTL(max_orphans, "max_orphans", none, orphans),
	{
		.procname	= "mem",
		.maxlen		= 3 * sizeof(long),
		.mode		= 0644,
		.proc_handler	= kite_sysctl_mem,
	},
};

#define KITE_SYSCTLS	ARRAY_SIZE(kite_sysctl_table)

/* The entries of this namespace point to what it has of its own. */
static void kite_sysctl_point(struct kite_net *kn, struct ctl_table *table)
{
	int i;

	for (i = 0; i < KITE_SYSCTLS; i++)
		if (table[i].data)
			table[i].data += (char *)&kn->sysctl -
					 (const char *)&kite_sysctl_defaults;
}

/**
 * kite_sysctl_init - make net.kite of a new namespace
 * @net: the namespace
 *
 * Context: Process context.
 * Return: 0 or -ENOMEM.
 */
int kite_sysctl_init(struct net *net)
{
	struct kite_net *kn = kite_net(net);
	size_t n = KITE_SYSCTLS;
	struct ctl_table *table;

	kn->sysctl = kite_sysctl_defaults;
	/* Older kernels want an empty one at the end. */
	table = kcalloc(n + 1, sizeof(*table), GFP_KERNEL);
	if (!table)
		return -ENOMEM;
	memcpy(table, kite_sysctl_table, sizeof(kite_sysctl_table));
	kite_sysctl_point(kn, table);
	if (!net_eq(net, &init_net)) {
		table[--n] = (struct ctl_table){};
		table[n - 1].mode = 0444;
	}
	kn->sysctl_header = register_net_sysctl_sz(net, "net/kite", table, n);
	kn->sysctl_table = table;
	if (kn->sysctl_header || !IS_ENABLED(CONFIG_SYSCTL))
		return 0;
	kfree(table);
	return -ENOMEM;
}

/**
 * kite_sysctl_exit - the namespace goes
 * @net: the namespace
 *
 * Context: Process context.
 */
void kite_sysctl_exit(struct net *net)
{
	struct kite_net *kn = kite_net(net);

	if (kn->sysctl_header)
		unregister_net_sysctl_table(kn->sysctl_header);
	kfree(kn->sysctl_table);
}

/*
 * A default is an administrator's word. Where that may be anybody, in a user namespace,
 * it is worth what a program's SO_RCVBUF is, which is doubled.
 */
static int kite_sysctl_default(const struct net *net, int value, int core, u32 max)
{
	if (!value)
		return core;
	return net_eq(net, &init_net) ? value : min_t(u32, value, 2 * max);
}

/**
 * kite_sysctl_buffers - what a new socket's buffers begin with
 * @sk: the socket, with net.core's rmem_default and wmem_default
 *
 * Context: Any; nobody else knows the socket.
 */
void kite_sysctl_buffers(struct sock *sk)
{
	const struct net *net = sock_net(sk);
	const struct kite_sysctl *sysctl = &kite_net(net)->sysctl;
	int rcvbuf = kite_sysctl_default(net, READ_ONCE(sysctl->rmem_default),
					 sk->sk_rcvbuf, READ_ONCE(sysctl_rmem_max));
	int sndbuf = kite_sysctl_default(net, READ_ONCE(sysctl->wmem_default),
					 sk->sk_sndbuf, READ_ONCE(sysctl_wmem_max));

	sk->sk_rcvbuf = max_t(int, rcvbuf, SOCK_MIN_RCVBUF);
	sk->sk_sndbuf = max_t(int, sndbuf, SOCK_MIN_SNDBUF);
}

/**
 * kite_sysctl_buffer_max - what SO_RCVBUF or SO_SNDBUF may ask for at most
 * @sk: the socket
 * @optname: which of the two
 *
 * Context: Any.
 * Return: bytes. Above net.core's maximum that one holds.
 */
int kite_sysctl_buffer_max(const struct sock *sk, int optname)
{
	const struct kite_sysctl *sysctl = &kite_net(sock_net(sk))->sysctl;

	return optname == SO_RCVBUF ? READ_ONCE(sysctl->rmem_max) :
				      READ_ONCE(sysctl->wmem_max);
}
