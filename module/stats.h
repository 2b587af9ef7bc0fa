/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Counters of a network namespace, after the MIBs of TCP and UDP. Each CPU counts for
 * itself; /proc/net/kite_stat shows the sums. Documentation/counters.rst says what
 * each one means.
 */
#ifndef _KITE_STATS_H
#define _KITE_STATS_H

#include <linux/percpu.h>

#include "drop.h"

/**
 * enum kite_counter - what is counted
 * @KITE_STAT_ACTIVE_OPENS: connect() began to ask
 * @KITE_STAT_PASSIVE_OPENS: a listener took a connection
 * @KITE_STAT_ATTEMPT_FAILS: connect() asked, and it came to nothing
 * @KITE_STAT_ESTAB_RESETS: a connection that a program has was reset
 * @KITE_STAT_CURR_ESTAB: connections that are ESTABLISHED now
 * @KITE_STAT_CONNECT_TIMEOUTS: of those that failed: nobody answered
 * @KITE_STAT_CONNECT_RETRIES: a REQUEST was sent again
 * @KITE_STAT_CLOSE_TIMEOUTS: a closed end stopped to wait for its peer
 * @KITE_STAT_ORPHAN_OVERFLOWS: one was reset since too many waited
 * @KITE_STAT_OUT_BLOCKED: a writer found no room, and waited or asked poll
 * @KITE_STAT_OUT_DATAGRAMS: datagrams sent
 * @KITE_STAT_IN_DATAGRAMS: datagrams that entered a receive queue
 * @KITE_STAT_OUT_PKTS: packets sent
 * @KITE_STAT_IN_PKTS: packets received
 * @KITE_STAT_OUT_RSTS: RESETs sent, in packets
 * @KITE_STAT_IN_RSTS: RESETs received, in packets
 * @KITE_STAT_IN_BAD_CREDITS: packets whose credit made no sense
 * @KITE_STAT_IN_ECHOS: ECHOs received
 * @KITE_STAT_OUT_ECHO_REPS: ECHOs answered
 * @KITE_STAT_DROPS: the first of those for each &enum kite_drop_reason
 * @KITE_STAT_MAX: how many there are
 */
enum kite_counter {
	KITE_STAT_ACTIVE_OPENS,
	KITE_STAT_PASSIVE_OPENS,
	KITE_STAT_ATTEMPT_FAILS,
	KITE_STAT_ESTAB_RESETS,
	KITE_STAT_CURR_ESTAB,
	KITE_STAT_CONNECT_TIMEOUTS,
	KITE_STAT_CONNECT_RETRIES,
	KITE_STAT_CLOSE_TIMEOUTS,
	KITE_STAT_ORPHAN_OVERFLOWS,
	KITE_STAT_OUT_BLOCKED,
	KITE_STAT_OUT_DATAGRAMS,
	KITE_STAT_IN_DATAGRAMS,
	KITE_STAT_OUT_PKTS,
	KITE_STAT_IN_PKTS,
	KITE_STAT_OUT_RSTS,
	KITE_STAT_IN_RSTS,
	KITE_STAT_IN_BAD_CREDITS,
	KITE_STAT_IN_ECHOS,
	KITE_STAT_OUT_ECHO_REPS,
	KITE_STAT_DROPS,
	KITE_STAT_MAX = KITE_STAT_DROPS + KITE_DROP_MAX,
};

/**
 * struct kite_stats - one CPU's counters
 * @counts: by &enum kite_counter
 */
struct kite_stats {
	unsigned long	counts[KITE_STAT_MAX];
};

/* Counts one. The caller knows that the namespace is there. */
#define kite_count(net, counter)					\
	this_cpu_inc(kite_net(net)->stats->counts[counter])

int kite_stats_init(struct net *net);
void kite_stats_exit(struct net *net);
void kite_stats_state(const struct sock *sk, u8 old, u8 state);

#endif /* _KITE_STATS_H */
