// SPDX-License-Identifier: GPL-2.0
/*
 * /proc/net/kite_stat: what was counted in a network namespace. See stats.h.
 */
#include <linux/proc_fs.h>
#include <linux/seq_file.h>

#include "af_kite.h"
#include "stats.h"

static const char *const kite_stat_names[] = {
	[KITE_STAT_ACTIVE_OPENS]		= "ActiveOpens",
	[KITE_STAT_PASSIVE_OPENS]		= "PassiveOpens",
	[KITE_STAT_ATTEMPT_FAILS]		= "AttemptFails",
	[KITE_STAT_ESTAB_RESETS]		= "EstabResets",
	[KITE_STAT_CURR_ESTAB]			= "CurrEstab",
	[KITE_STAT_CONNECT_TIMEOUTS]		= "ConnectTimeouts",
	[KITE_STAT_CONNECT_RETRIES]		= "ConnectRetries",
	[KITE_STAT_CLOSE_TIMEOUTS]		= "CloseTimeouts",
	[KITE_STAT_ORPHAN_OVERFLOWS]		= "OrphanOverflows",
	[KITE_STAT_OUT_BLOCKED]			= "OutBlocked",
	[KITE_STAT_OUT_DATAGRAMS]		= "OutDatagrams",
	[KITE_STAT_IN_DATAGRAMS]		= "InDatagrams",
	[KITE_STAT_OUT_PKTS]			= "OutPkts",
	[KITE_STAT_IN_PKTS]			= "InPkts",
	[KITE_STAT_OUT_RSTS]			= "OutRsts",
	[KITE_STAT_IN_RSTS]			= "InRsts",
	[KITE_STAT_IN_BAD_CREDITS]		= "InBadCredits",
	[KITE_STAT_IN_ECHOS]			= "InEchos",
	[KITE_STAT_OUT_ECHO_REPS]		= "OutEchoReps",
	[KITE_STAT_DROPS + KITE_DROP_NO_PORT]		= "DropNoPort",
	[KITE_STAT_DROPS + KITE_DROP_NO_LISTENER]	= "DropNoListener",
	[KITE_STAT_DROPS + KITE_DROP_NO_CONNECTION]	= "DropNoConnection",
	[KITE_STAT_DROPS + KITE_DROP_CLOSED]		= "DropClosed",
	[KITE_STAT_DROPS + KITE_DROP_UNREAD]		= "DropUnread",
	[KITE_STAT_DROPS + KITE_DROP_RCVBUF]		= "DropRcvBuf",
	[KITE_STAT_DROPS + KITE_DROP_RAW_FULL]		= "DropRawFull",
	[KITE_STAT_DROPS + KITE_DROP_FILTER]		= "DropFilter",
	[KITE_STAT_DROPS + KITE_DROP_MEMORY_LIMIT]	= "DropMemoryLimit",
	[KITE_STAT_DROPS + KITE_DROP_NOMEM]		= "DropNoMemory",
	[KITE_STAT_DROPS + KITE_DROP_LISTEN_FULL]	= "DropListenFull",
	[KITE_STAT_DROPS + KITE_DROP_TUPLE_BUSY]	= "DropTupleBusy",
	[KITE_STAT_DROPS + KITE_DROP_UNREACHABLE]	= "DropUnreachable",
	[KITE_STAT_DROPS + KITE_DROP_WRONG_NODE]	= "DropWrongNode",
	[KITE_STAT_DROPS + KITE_DROP_BAD_HEADER]	= "DropBadHeader",
	[KITE_STAT_DROPS + KITE_DROP_FORGED]		= "DropForged",
	[KITE_STAT_DROPS + KITE_DROP_UNASKED]		= "DropUnasked",
	[KITE_STAT_DROPS + KITE_DROP_NO_CREDIT]		= "DropNoCredit",
	[KITE_STAT_DROPS + KITE_DROP_RATE_LIMITED]	= "DropRateLimited",
};

static_assert(ARRAY_SIZE(kite_stat_names) == KITE_STAT_MAX);

static void kite_stat_add(struct net *net, enum kite_counter counter, long n)
{
	this_cpu_add(kite_net(net)->stats->counts[counter], n);
}

/**
 * kite_stats_state - count a change of a connection's state
 * @sk: the socket
 * @old: its state before
 * @state: its state now
 *
 * Context: As kite_sk_set_state(), for which this is.
 */
void kite_stats_state(const struct sock *sk, u8 old, u8 state)
{
	struct net *net = sock_net(sk);

	if (!kite_sk_connects(sk) || old == state)
		return;
	if (state == TCP_SYN_SENT)
		kite_count(net, KITE_STAT_ACTIVE_OPENS);
	/* Neither does one of a socketpair ask nor answer: it has no transport. */
	if (old == TCP_CLOSE && state == TCP_ESTABLISHED && kite_conn(sk)->transport)
		kite_count(net, KITE_STAT_PASSIVE_OPENS);
	if (old == TCP_SYN_SENT && state != TCP_ESTABLISHED)
		kite_count(net, KITE_STAT_ATTEMPT_FAILS);
	if (state == TCP_ESTABLISHED)
		kite_stat_add(net, KITE_STAT_CURR_ESTAB, 1);
	if (old == TCP_ESTABLISHED)
		kite_stat_add(net, KITE_STAT_CURR_ESTAB, -1);
}

#ifdef CONFIG_PROC_FS
/* What one CPU counts up and another one down is right in the sum. */
static unsigned long kite_stat_sum(const struct kite_net *kn, int counter)
{
	unsigned long sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += READ_ONCE(per_cpu_ptr(kn->stats, cpu)->counts[counter]);
	return sum;
}

static int kite_stat_show(struct seq_file *m, void *v)
{
	const struct kite_net *kn = kite_net(seq_file_single_net(m));
	int i;

	for (i = 0; i < KITE_STAT_MAX; i++)
		seq_printf(m, "%-24s%lu\n", kite_stat_names[i], kite_stat_sum(kn, i));
	seq_printf(m, "%-24s%d\n", "Orphans", atomic_read(&kn->orphans));
	return 0;
}
#endif

/**
 * kite_stats_init - begin to count in a new namespace
 * @net: the namespace
 *
 * Context: Process context.
 * Return: 0 or -ENOMEM.
 */
int kite_stats_init(struct net *net)
{
	struct kite_net *kn = kite_net(net);

	kn->stats = alloc_percpu(struct kite_stats);
	if (!kn->stats)
		return -ENOMEM;
#ifdef CONFIG_PROC_FS
	if (!proc_create_net_single("kite_stat", 0444, net->proc_net, kite_stat_show,
				    NULL)) {
		free_percpu(kn->stats);
		return -ENOMEM;
	}
#endif
	return 0;
}

/**
 * kite_stats_exit - the namespace goes
 * @net: the namespace, in which nothing happens any more
 *
 * Context: Process context.
 */
void kite_stats_exit(struct net *net)
{
#ifdef CONFIG_PROC_FS
	remove_proc_entry("kite_stat", net->proc_net);
#endif
	free_percpu(kite_net(net)->stats);
}
