// SPDX-License-Identifier: GPL-2.0
/*
 * Loading and unloading the module, its parameters, and what each network
 * namespace gets of it.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/init.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/rhashtable.h>

#include "af_kite.h"
#include "tap.h"

int kite_family __ro_after_init = AF_KITE;
module_param_named(family, kite_family, int, 0444);
MODULE_PARM_DESC(family, "number of the socket family (default: 18)");

/*
 * Limits of what all sockets may queue together, in pages. They are the kernel's,
 * not a namespace's, since struct proto knows only one set; and all three are one
 * limit, since there is nothing that could be given back under pressure.
 */
long kite_mem[3] __read_mostly;

/*
 * As the core has them. It only asks for the second one before it sets memory apart for
 * a socket (SO_RESERVE_MEM): nobody may, see mem.h.
 */
static long kite_core_mem[3] __read_mostly = { [1] = LONG_MIN };
static int kite_wmem_min __read_mostly = SOCK_MIN_SNDBUF;
static int kite_rmem_min __read_mostly = SOCK_MIN_RCVBUF;
static atomic_long_t kite_memory_allocated;
static DEFINE_PER_CPU(int, kite_memory_per_cpu_fw_alloc);

/* What the types' protos have in common: the limits of memory. */
#define KITE_PROTO							\
	.owner			= THIS_MODULE,				\
	.memory_allocated	= &kite_memory_allocated,		\
	.per_cpu_fw_alloc	= &kite_memory_per_cpu_fw_alloc,	\
	.sysctl_mem		= kite_core_mem,				\
	.sysctl_wmem		= &kite_wmem_min,			\
	.sysctl_rmem		= &kite_rmem_min

/*
 * Sockets are freed after a grace period all the same, see kite_sock_alloc(). But the
 * flag saves it that the allocator clears what the socket core clears, too. KASAN would
 * not look at such memory.
 */
#define KITE_CONN_SLAB	(IS_ENABLED(CONFIG_KASAN) ? 0 : SLAB_TYPESAFE_BY_RCU)

/* And those of connections. */
#define KITE_CONN_PROTO							\
	KITE_PROTO,							\
	.obj_size		= sizeof(struct kite_conn),		\
	.init			= kite_conn_init,			\
	.close			= kite_conn_close,			\
	.diag_destroy		= kite_conn_kill,			\
	.release_cb		= kite_conn_release_cb,			\
	.slab_flags		= KITE_CONN_SLAB

struct proto kite_stream_proto = {
	.name			= "KITE-STREAM",
	KITE_CONN_PROTO,
};

struct proto kite_seqpacket_proto = {
	.name			= "KITE-SEQPACKET",
	KITE_CONN_PROTO,
};

struct proto kite_dgram_proto = {
	.name			= "KITE-DGRAM",
	.obj_size		= sizeof(struct kite_sock),
	.init			= kite_dgram_init,
	.close			= kite_dgram_close,
	.diag_destroy		= kite_dgram_kill,
	KITE_PROTO,
};

struct proto kite_raw_proto = {
	.name			= "KITE-RAW",
	.obj_size		= sizeof(struct kite_raw),
	.init			= kite_raw_init,
	.close			= kite_raw_close,
	.diag_destroy		= kite_raw_kill,
	KITE_PROTO,
};

static struct proto *const kite_protos[] = {
	&kite_stream_proto,
	&kite_seqpacket_proto,
	&kite_dgram_proto,
	&kite_raw_proto,
};

unsigned int kite_net_id __ro_after_init;

static int __net_init kite_net_init(struct net *net)
{
	struct kite_net *kn = kite_net(net);
	int err;

	spin_lock_init(&kn->lock);
	INIT_HLIST_HEAD(&kn->socks);
	INIT_LIST_HEAD(&kn->taps);
	kite_limit_init(&kn->resets);
	kite_limit_init(&kn->echoes);
	atomic_set(&kn->orphans, 0);
	err = kite_port_init(kn);
	if (err)
		return err;
	err = kite_conn_table_init(kn);
	if (err)
		goto exit_port;
	err = kite_stats_init(net);
	if (err)
		goto exit_conn_table;
	err = kite_proc_init(net);
	if (err)
		goto exit_stats;
	err = kite_sysctl_init(net);
	if (err)
		goto exit_proc;
	return 0;

exit_proc:
	kite_proc_exit(net);
exit_stats:
	kite_stats_exit(net);
exit_conn_table:
	kite_conn_table_exit(kn);
exit_port:
	kite_port_exit(kn);
	return err;
}

/* It waits to be accepted, and ends with its listener, whose owner may be at that now. */
static bool kite_net_ends(const struct sock *sk)
{
	if (!kite_sk_connects(sk))
		return false;
	/* Who accepts it or closes it may be at that: then it counts the next time. */
	return !data_race(sk->sk_socket) && !data_race(kite_conn(sk)->orphan);
}

/*
 * Takes some socket that is left and that nobody ends by himself, with a reference. Returns
 * false if none is left at all.
 */
static bool kite_net_first(struct kite_net *kn, struct sock **first)
{
	struct sock *sk;
	bool any;

	spin_lock_bh(&kn->lock);
	any = !hlist_empty(&kn->socks);
	sk_for_each(sk, &kn->socks)
		if (!kite_net_ends(sk))
			break;
	if (sk)
		sock_hold(sk);
	*first = sk;
	spin_unlock_bh(&kn->lock);
	return any;
}

/*
 * A program's socket holds its namespace, a kernel's does not. So what is left
 * here are kernel sockets, whose owners may not even know yet.
 */
static void kite_net_end(struct net *net)
{
	struct kite_net *kn = kite_net(net);
	struct sock *sk;

	kite_sysctl_exit(net);
	kite_proc_exit(net);
	while (kite_net_first(kn, &sk)) {
		if (!sk) {
			schedule_timeout_uninterruptible(1);
			continue;
		}
		kite_sock_kill(sk);
		sock_put(sk);
	}
}

static void __net_exit kite_net_exit(struct list_head *nets)
{
	struct net *net;

	list_for_each_entry(net, nets, exit_list)
		kite_net_end(net);
	/* The timer of one that was just forgotten may still be sending. */
	synchronize_rcu();
	list_for_each_entry(net, nets, exit_list) {
		kite_stats_exit(net);
		kite_conn_table_exit(kite_net(net));
		kite_port_exit(kite_net(net));
	}
}

static struct pernet_operations kite_net_ops = {
	.init		= kite_net_init,
	.exit_batch	= kite_net_exit,
	.id		= &kite_net_id,
	.size		= sizeof(struct kite_net),
};

/*
 * Families of which the socket core itself knows what their sockets look like, and
 * would look for it in ours.
 */
static bool __init kite_family_possible(int family)
{
	switch (family) {
	case AF_UNSPEC:
	case AF_UNIX:
	case AF_INET:
	case AF_INET6:
	case AF_NETLINK:
	case AF_PACKET:
	case AF_BRIDGE:
	case AF_XDP:
		return false;
	default:
		return family > 0 && family < AF_MAX;
	}
}

/**
 * kite_mem_set - limit what all sockets may queue together
 * @pages: three limits, as net.kite.mem has them
 *
 * Context: Process context; one caller at a time.
 */
void kite_mem_set(const unsigned long *pages)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(kite_mem); i++)
		WRITE_ONCE(kite_mem[i], pages[i]);
	WRITE_ONCE(kite_core_mem[0], pages[0]);
	WRITE_ONCE(kite_core_mem[2], pages[2]);
}

static void __init kite_mem_init(void)
{
	unsigned long limit = max(nr_free_buffer_pages() / 8, 128UL);

	kite_mem_set((unsigned long []){ limit, limit, limit });
}

static int __init kite_register(void)
{
	int err;

	err = kite_family_register(kite_family);
	if (err == -EEXIST)
		pr_err("family %d is taken by another module: unload that one, or load this one with another family=N\n",
		       kite_family);
	return err;
}

static void kite_protos_unregister(int n)
{
	while (n--)
		proto_unregister(kite_protos[n]);
}

static int __init kite_protos_register(void)
{
	int err, i;

	kite_stream_proto.obj_size += kite_vsock_size();
	kite_seqpacket_proto.obj_size += kite_vsock_size();
	for (i = 0; i < ARRAY_SIZE(kite_protos); i++) {
		err = proto_register(kite_protos[i], 1);
		if (err) {
			kite_protos_unregister(i);
			return err;
		}
	}
	return 0;
}

static int __init kite_init(void)
{
	int err;

	if (!kite_family_possible(kite_family)) {
		pr_err("family=%d is impossible: take a number below %d that no other module has, such as %d\n",
		       kite_family, AF_MAX, AF_KITE);
		return -EINVAL;
	}
	kite_mem_init();
	err = kite_buf_init();
	if (err)
		return err;
	err = kite_protos_register();
	if (err)
		goto exit_buf;
	err = register_pernet_subsys(&kite_net_ops);
	if (err)
		goto unregister_protos;
	err = kite_event_init();
	if (err)
		goto unregister_net;
	err = kite_loopback_init();
	if (err)
		goto exit_event;
	err = kitemon_register();
	if (err)
		goto exit_loopback;
	err = kite_register();
	if (err)
		goto unregister_kitemon;
	/* Once the family is ours, so is the place that a dump would come to. */
	err = kite_diag_init();
	if (err)
		goto unregister;
	kite_vsock_init();
	pr_info("socket family %d\n", kite_family);
	return 0;

unregister:
	sock_unregister(kite_family);
unregister_kitemon:
	kitemon_unregister();
	kite_tap_exit();
exit_loopback:
	kite_loopback_exit();
exit_event:
	kite_event_exit();
unregister_net:
	unregister_pernet_subsys(&kite_net_ops);
unregister_protos:
	kite_protos_unregister(ARRAY_SIZE(kite_protos));
exit_buf:
	kite_buf_exit();
	return err;
}

static void __exit kite_exit(void)
{
	kite_vsock_exit();
	sock_unregister(kite_family);
	kite_diag_exit();
	kitemon_unregister();
	kite_loopback_exit();
	unregister_pernet_subsys(&kite_net_ops);
	kite_event_exit();
	kite_tap_exit();
	/* Sockets are freed after a grace period. */
	rcu_barrier();
	kite_buf_exit();
	kite_protos_unregister(ARRAY_SIZE(kite_protos));
}

module_init(kite_init);
module_exit(kite_exit);

MODULE_DESCRIPTION("Kite: a socket family with ports and nodes over an in-kernel transport");
MODULE_LICENSE("GPL");
MODULE_ALIAS_NETPROTO(AF_KITE);
