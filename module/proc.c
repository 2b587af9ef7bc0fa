// SPDX-License-Identifier: GPL-2.0
/*
 * /proc/net/kite: the sockets of a network namespace, one a line, as /proc/net/tcp
 * and /proc/net/unix have theirs. Connections that wait for accept, or that their
 * program has closed and that wait for their peer, and the kernel's own sockets too.
 *
 * Nothing is locked, and no socket is held between two reads: they go on at the
 * number of the socket that would have come next.
 */
#include <linux/proc_fs.h>
#include <linux/seq_file.h>
#include <linux/user_namespace.h>

#include "af_kite.h"

/*
 * Where a reader is: which number the socket at the position @pos has, or 0 for @pos
 * before the first.
 */
struct kite_proc_iter {
	struct seq_net_private	p;
	loff_t			pos;
	u32			number;
	bool			end;	/* nothing is older than what was seen */
};

static void *kite_proc_at(struct kite_proc_iter *iter, struct sock *sk, loff_t pos)
{
	iter->pos = pos;
	iter->end = !sk;
	if (!sk)
		return NULL;
	iter->number = kite_sk(sk)->number;
	return sk;
}

/* The first line is the head. */
static void *kite_proc_start(struct seq_file *m, loff_t *pos)
{
	struct kite_proc_iter *iter = m->private;
	struct net *net = seq_file_net(m);
	struct sock *sk;
	loff_t i;

	if (!*pos)
		return SEQ_START_TOKEN;
	if (*pos > 1 && *pos == iter->pos && iter->end)
		return NULL;
	if (*pos > 1 && *pos == iter->pos)
		return kite_proc_at(iter, kite_sock_seek(net, iter->number), *pos);
	sk = kite_sock_next(net, NULL);
	for (i = 1; sk && i < *pos; i++)
		sk = kite_sock_next(net, sk);
	return kite_proc_at(iter, sk, *pos);
}

static void *kite_proc_next(struct seq_file *m, void *v, loff_t *pos)
{
	struct sock *at = v == SEQ_START_TOKEN ? NULL : v;

	++*pos;
	return kite_proc_at(m->private, kite_sock_next(seq_file_net(m), at), *pos);
}

static void kite_proc_stop(struct seq_file *m, void *v)
{
	if (v && v != SEQ_START_TOKEN)
		sock_put(v);
}

static void kite_proc_addr(struct seq_file *m, const struct kite_addr *addr)
{
	u32 node = READ_ONCE(addr->node);
	u32 port = READ_ONCE(addr->port);
	char text[24];
	int n;

	n = node == KITE_NODE_ANY ? scnprintf(text, sizeof(text), "*:") :
				    scnprintf(text, sizeof(text), "%u:", node);
	if (port == KITE_PORT_ANY)
		scnprintf(text + n, sizeof(text) - n, "*");
	else
		scnprintf(text + n, sizeof(text) - n, "%u", port);
	seq_printf(m, " %-21s", text);
}

/* What waits to be read, and what was sent and not read; for a listener as TCP. */
static void kite_proc_queues(struct seq_file *m, const struct sock *sk, int state)
{
	const struct kite_conn *kc;
	u32 rx, tx = 0;

	if (!kite_sk_connects(sk)) {
		rx = sk_rmem_alloc_get(sk);
	} else if (state == TCP_LISTEN) {
		rx = READ_ONCE(sk->sk_ack_backlog);
		tx = READ_ONCE(sk->sk_max_ack_backlog);
	} else {
		kc = kite_conn(sk);
		rx = kite_queue_unread(kc);
		tx = max_t(s32, READ_ONCE(kc->tx_sent) - READ_ONCE(kc->tx_read), 0);
	}
	seq_printf(m, " %10u %10u", rx, tx);
}

static int kite_proc_show(struct seq_file *m, void *v)
{
	struct sock *sk = v;
	int state;

	if (v == SEQ_START_TOKEN) {
		seq_printf(m, "%-9s %-11s %-21s %-21s %10s %10s %5s %10s %6s %4s\n",
			   "Type", "State", "Local", "Remote", "RxQueue", "TxQueue",
			   "Uid", "Inode", "Drops", "Refs");
		return 0;
	}
	state = READ_ONCE(sk->sk_state);
	seq_printf(m, "%-9s %-11s", kite_type_name(sk), kite_state_name(state));
	kite_proc_addr(m, &kite_sk(sk)->tuple.local);
	kite_proc_addr(m, &kite_sk(sk)->tuple.remote);
	kite_proc_queues(m, sk, state);
	seq_printf(m, " %5u %10lu %6d %4d\n",
		   from_kuid_munged(seq_user_ns(m), kite_sk_uid(sk)),
		   kite_sk_ino(sk), atomic_read(&sk->sk_drops),
		   /* Without ours. */
		   refcount_read(&sk->sk_refcnt) - 1);
	return 0;
}

static const struct seq_operations kite_proc_ops = {
	.start	= kite_proc_start,
	.next	= kite_proc_next,
	.stop	= kite_proc_stop,
	.show	= kite_proc_show,
};

/**
 * kite_proc_init - make /proc/net/kite of a new namespace
 * @net: the namespace
 *
 * Context: Process context.
 * Return: 0 or -ENOMEM.
 */
int kite_proc_init(struct net *net)
{
	if (!proc_create_net("kite", 0444, net->proc_net, &kite_proc_ops,
			     sizeof(struct kite_proc_iter)))
		return -ENOMEM;
	return 0;
}

/**
 * kite_proc_exit - the namespace goes
 * @net: the namespace
 *
 * Context: Process context. Nobody is reading afterwards.
 */
void kite_proc_exit(struct net *net)
{
	remove_proc_entry("kite", net->proc_net);
}
