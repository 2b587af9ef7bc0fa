// SPDX-License-Identifier: GPL-2.0
/*
 * The list of a namespace's sockets, for who wants to see them all.
 *
 * The youngest stands first, and each has a number of its own. So who walks along it
 * in many steps, with no lock between them, sees each socket that is there all the
 * time just once: a new one stands before where the walk began, and where the walk
 * stopped at a socket that has gone meanwhile, it goes on with the next older one.
 */
#include <linux/rculist.h>

#include <linux/kite_diag.h>

#include "af_kite.h"

/**
 * kite_sock_list - a new socket is to be seen in its namespace
 * @sk: the socket
 *
 * Context: Any.
 */
void kite_sock_list(struct sock *sk)
{
	struct kite_net *kn = kite_net(sock_net(sk));

	spin_lock_bh(&kn->lock);
	kite_sk(sk)->number = kn->made++;
	hlist_add_head_rcu(&sk->sk_node, &kn->socks);
	spin_unlock_bh(&kn->lock);
	sock_prot_inuse_add(sock_net(sk), sk->sk_prot, 1);
}

/**
 * kite_sock_unlist - a socket is nobody's any more: forget it in its namespace
 * @sk: the socket; the namespace may go from now on if it is a kernel socket
 *
 * Context: Any.
 */
void kite_sock_unlist(struct sock *sk)
{
	struct net *net = sock_net(sk);
	struct kite_net *kn;

	if (!kite_sock_listed(sk))
		return;
	kite_event(sk, KITE_EVENT_CLOSED, 0);
	sock_prot_inuse_add(net, sk->sk_prot, -1);
	kn = kite_net(net);
	spin_lock_bh(&kn->lock);
	hlist_del_init_rcu(&sk->sk_node);
	spin_unlock_bh(&kn->lock);
}

static struct sock *kite_sock_entry(struct hlist_node *node)
{
	return hlist_entry_safe(node, struct sock, sk_node);
}

/* The one after @at, or after the place where it was. Under RCU. */
static struct sock *kite_sock_after(struct kite_net *kn, const struct sock *at)
{
	struct sock *sk;

	if (!hlist_unhashed_lockless(&at->sk_node))
		return kite_sock_entry(rcu_dereference(hlist_next_rcu(&at->sk_node)));
	/* One that was made 2^31 sockets before @at is missed here. */
	sk_for_each_rcu(sk, &kn->socks)
		if ((s32)(kite_sk(at)->number - kite_sk(sk)->number) > 0)
			return sk;
	return NULL;
}

/**
 * kite_sock_seek - find the place in a walk again
 * @net: the namespace
 * @number: the number of the socket where the walk is
 *
 * Context: Process context.
 * Return: that socket, or if it is gone the next older one, with a reference; or NULL.
 */
struct sock *kite_sock_seek(struct net *net, u32 number)
{
	struct sock *sk;

	rcu_read_lock();
	sk_for_each_rcu(sk, &kite_net(net)->socks)
		if ((s32)(number - kite_sk(sk)->number) >= 0 &&
		    refcount_inc_not_zero(&sk->sk_refcnt))
			break;
	rcu_read_unlock();
	return sk;
}

/**
 * kite_sock_next - walk along all sockets of a namespace
 * @net: the namespace
 * @at: the socket where the walk is, whose reference is given back; or NULL
 *
 * A walk that ends early gives back the reference of the last one itself.
 *
 * Context: Process context.
 * Return: the next socket, with a reference, or NULL after the last one.
 */
struct sock *kite_sock_next(struct net *net, struct sock *at)
{
	struct kite_net *kn = kite_net(net);
	struct sock *sk;

	rcu_read_lock();
	sk = at ? kite_sock_after(kn, at) :
		  kite_sock_entry(rcu_dereference(hlist_first_rcu(&kn->socks)));
	/* What is on its way out may have no reference left. */
	while (sk && !refcount_inc_not_zero(&sk->sk_refcnt))
		sk = kite_sock_entry(rcu_dereference(hlist_next_rcu(&sk->sk_node)));
	rcu_read_unlock();
	if (at)
		sock_put(at);
	return sk;
}
