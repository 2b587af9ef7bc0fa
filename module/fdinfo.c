// SPDX-License-Identifier: GPL-2.0
/*
 * What /proc/PID/fdinfo says of a socket.
 */
#include <linux/seq_file.h>

#include "af_kite.h"

static void kite_show_addr(struct seq_file *m, const char *name,
			   const struct kite_addr *addr)
{
	seq_printf(m, "kite-%s:\t%u %u\n", name, READ_ONCE(addr->port),
		   READ_ONCE(addr->node));
}

/* Credit as the sender counts it, modulo 2^32. */
static void kite_show_credit(struct seq_file *m, const struct kite_conn *kc)
{
	seq_printf(m, "kite-sent:\t%u\n", READ_ONCE(kc->tx_sent));
	seq_printf(m, "kite-read:\t%u\n", READ_ONCE(kc->tx_read));
	seq_printf(m, "kite-limit:\t%u\n", READ_ONCE(kc->tx_limit));
}

/* What SO_RCVBUF bounds, as UDP shows it in /proc/net/udp. */
static void kite_show_inbox(struct seq_file *m, const struct sock *sk)
{
	seq_printf(m, "kite-queued:\t%u\n", sk_rmem_alloc_get(sk));
	seq_printf(m, "kite-dropped:\t%u\n", atomic_read(&sk->sk_drops));
}

/**
 * kite_show_fdinfo - tell /proc/PID/fdinfo of a socket
 * @m: where to write
 * @sock: the socket, which stays open meanwhile
 *
 * Nothing is locked, so that nobody waits for the socket's owner who only looks on,
 * as in AF_UNIX. The lines need not be of one moment.
 *
 * Context: Process context.
 */
void kite_show_fdinfo(struct seq_file *m, struct socket *sock)
{
	struct sock *sk = sock->sk;
	int state = READ_ONCE(sk->sk_state);

	seq_printf(m, "kite-type:\t%s\n", kite_type_name(sk));
	seq_printf(m, "kite-state:\t%s\n", kite_state_name(state));
	kite_show_addr(m, "local", &kite_sk(sk)->tuple.local);
	kite_show_addr(m, "remote", &kite_sk(sk)->tuple.remote);
	if (!kite_sk_connects(sk)) {
		kite_show_inbox(m, sk);
	} else if (state == TCP_LISTEN) {
		seq_printf(m, "kite-waiting:\t%u\n", READ_ONCE(sk->sk_ack_backlog));
	} else {
		kite_show_credit(m, kite_conn(sk));
		seq_printf(m, "kite-queued:\t%u\n", kite_queue_bytes(sk));
	}
}
