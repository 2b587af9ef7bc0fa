// SPDX-License-Identifier: GPL-2.0
/*
 * Ports: which socket has bound which port.
 *
 * Every namespace has one table for all types; the type is part of the key, so
 * each type has a port space of its own, as TCP and UDP have. Several sockets
 * may hold one port of a type when their nodes differ, or when all of them have
 * SO_REUSEPORT. Those with the same node too are then a group in the kernel's sense:
 * datagram sockets from bind on, others while they listen. A group is joined and left
 * under the namespace's @lock.
 */
#include <linux/capability.h>
#include <linux/jhash.h>
#include <linux/random.h>
#include <linux/rhashtable.h>
#include <net/sock_reuseport.h>

#include <linux/kite_diag.h>

#include "af_kite.h"

/* How many ports are tried before there are none, and how many of them in turn. */
#define KITE_EPHEMERAL_TRIES	1024
#define KITE_EPHEMERAL_TURNS	16

struct kite_port_key {
	u32	type;
	u32	port;
};

static_assert(offsetof(struct kite_tuple, type) == offsetof(struct kite_port_key, type));
static_assert(offsetof(struct kite_tuple, local.port) ==
	      offsetof(struct kite_port_key, port));

static const struct rhashtable_params kite_port_params = {
	.head_offset		= offsetof(struct kite_sock, bind_link),
	.key_offset		= offsetof(struct kite_sock, tuple),
	.key_len		= sizeof(struct kite_port_key),
	.automatic_shrinking	= true,
};

/**
 * kite_port_init - make the table of bound ports of a new namespace
 * @kn: the namespace
 *
 * Context: Process context.
 * Return: 0 or -ENOMEM.
 */
int kite_port_init(struct kite_net *kn)
{
	kn->ephemeral = get_random_u32_inclusive(KITE_PORT_EPHEMERAL_MIN,
						 KITE_PORT_EPHEMERAL_MAX);
	return rhltable_init(&kn->bound, &kite_port_params);
}

/**
 * kite_port_exit - free the table of bound ports of a namespace that goes
 * @kn: the namespace, which has no bound socket any more
 *
 * Context: Process context.
 */
void kite_port_exit(struct kite_net *kn)
{
	rhltable_destroy(&kn->bound);
}

static bool kite_nodes_overlap(u32 a, u32 b)
{
	return a == b || a == KITE_NODE_ANY || b == KITE_NODE_ANY;
}

/* As TCP and UDP have it: both sockets agree to it, and are of one user. */
static bool kite_port_shared(const struct sock *a, const struct sock *b)
{
	/* The other one's owner may be changing its mind. */
	return data_race(a->sk_reuseport && b->sk_reuseport) &&
	       uid_eq(a->sk_uid, b->sk_uid);
}

/*
 * Who shares a port is compared with all that do, under the lock of all ports. More of them
 * than CPUs are of no use.
 */
#define KITE_PORT_SHARERS	4096

/* Is a port taken for @sk, or NULL for a socket that did not ask for it? */
static bool kite_port_taken(struct kite_net *kn, const struct sock *sk, u32 type,
			    u32 port, u32 node)
{
	const struct kite_port_key key = { .type = type, .port = port };
	struct rhlist_head *list, *pos;
	unsigned int sharers = 0;
	struct kite_sock *ks;
	bool taken = false;

	lockdep_assert_held(&kn->lock);

	rcu_read_lock();
	list = rhltable_lookup(&kn->bound, &key, kite_port_params);
	rhl_for_each_entry_rcu(ks, pos, list, bind_link) {
		taken = ++sharers >= KITE_PORT_SHARERS ||
			(kite_nodes_overlap(ks->bound_node, node) &&
			 !(sk && kite_port_shared(sk, &ks->sk)));
		if (taken)
			break;
	}
	rcu_read_unlock();
	return taken;
}

/*
 * Finds a free port, or returns KITE_PORT_ANY when it gave up. In turn, as vsock
 * does, so that a port that was just let go of does not come back at once. But
 * somebody may sit on all that come next: then at random, unless there are so few
 * that all of them can be tried.
 */
static u32 kite_port_pick(struct kite_net *kn, u32 type, u32 node)
{
	u32 min = READ_ONCE(kn->sysctl.port_range[0]);
	u32 max = READ_ONCE(kn->sysctl.port_range[1]);
	bool few = max - min < KITE_EPHEMERAL_TRIES;
	u32 port;
	int i;

	lockdep_assert_held(&kn->lock);

	for (i = 0; i < KITE_EPHEMERAL_TRIES; i++) {
		if (i >= KITE_EPHEMERAL_TURNS && !few)
			kn->ephemeral = get_random_u32_inclusive(min, max);
		/* The range may have been moved, one end of it before the other. */
		if (kn->ephemeral < min || kn->ephemeral > max)
			kn->ephemeral = min;
		port = kn->ephemeral++;
		if (!kite_port_taken(kn, NULL, type, port, node))
			return port;
	}
	return KITE_PORT_ANY;
}

/* Is a socket there for what comes to its port? */
static bool kite_port_open(const struct sock *sk)
{
	u8 state = READ_ONCE(sk->sk_state);

	if (!kite_sk_connects(sk))
		return state != TCP_CLOSING;
	return state == TCP_LISTEN && !(READ_ONCE(sk->sk_shutdown) & RCV_SHUTDOWN);
}

/* Is it in a group, or could others form one with it? */
static bool kite_port_joinable(const struct sock *sk)
{
	return rcu_access_pointer(sk->sk_reuseport_cb) || kite_port_open(sk);
}

/* Finds somebody to be in a group with. */
static struct sock *kite_port_fellow(struct kite_net *kn, const struct kite_sock *ks)
{
	struct rhlist_head *list, *pos;
	struct kite_sock *other;
	struct sock *fellow = NULL;

	lockdep_assert_held(&kn->lock);

	rcu_read_lock();
	list = rhltable_lookup(&kn->bound, &ks->tuple, kite_port_params);
	rhl_for_each_entry_rcu(other, pos, list, bind_link) {
		if (other != ks && other->bound_node == ks->bound_node &&
		    kite_port_joinable(&other->sk) &&
		    kite_port_shared(&ks->sk, &other->sk)) {
			fellow = &other->sk;
			break;
		}
	}
	rcu_read_unlock();
	return fellow;
}

static int kite_port_join_locked(struct kite_net *kn, struct kite_sock *ks)
{
	bool any = ks->bound_node == KITE_NODE_ANY;
	struct sock *fellow;

	if (!ks->sk.sk_reuseport)
		return 0;
	fellow = kite_port_fellow(kn, ks);
	return fellow ? reuseport_add_sock(&ks->sk, fellow, any) :
			reuseport_alloc(&ks->sk, any);
}

/**
 * kite_port_join - share what comes to a port with others that listen there
 * @sk: the socket, bound, which is about to listen. If it has SO_REUSEPORT
 *
 * Context: Process context, lock_sock held.
 * Return: 0, -ENOMEM and the like.
 */
int kite_port_join(struct sock *sk)
{
	struct kite_net *kn = kite_net(sock_net(sk));
	int err;

	sock_owned_by_me(sk);

	spin_lock_bh(&kn->lock);
	err = kite_port_join_locked(kn, kite_sk(sk));
	spin_unlock_bh(&kn->lock);
	return err;
}

/**
 * kite_port_leave - take no more part in what comes to a port
 * @sk: the socket, which keeps the port but is there for nothing that comes
 *
 * Context: Process context, lock_sock held.
 */
void kite_port_leave(struct sock *sk)
{
	struct kite_net *kn;

	sock_owned_by_me(sk);

	/* Without the option nobody joins it, and so puts it into a group. */
	if (!sk->sk_reuseport && !rcu_access_pointer(sk->sk_reuseport_cb))
		return;
	kn = kite_net(sock_net(sk));
	spin_lock_bh(&kn->lock);
	reuseport_detach_sock(sk);
	spin_unlock_bh(&kn->lock);
}

/*
 * Which of a group gets what @from sends? Always the same one; or the one that a
 * program attached by SO_ATTACH_REUSEPORT_* chooses by the message, if there is one.
 */
static struct sock *kite_port_balance(struct sock *sk, const struct kite_addr *from,
				      struct sk_buff *skb)
{
	u32 hash = jhash_2words(from->port, from->node, 0);
	struct sock *owner, *chosen;

	if (!rcu_access_pointer(sk->sk_reuseport_cb))
		return sk;
	/* See kite_filter(); and a program may ask whose it is. */
	if (skb) {
		skb_reset_network_header(skb);
		owner = skb->sk;
		skb->sk = sk;
	}
	chosen = reuseport_select_sock(sk, hash, skb, 0);
	if (skb)
		skb->sk = owner;
	/* The program knows nothing of those who only hear their peers. */
	if (chosen && READ_ONCE(chosen->sk_state) == TCP_ESTABLISHED)
		chosen = reuseport_select_sock(sk, hash, NULL, 0);
	/* A listener joins before it listens, and leaves after it stopped. */
	return chosen && kite_port_open(chosen) ? chosen : sk;
}

static void kite_port_remove(struct kite_net *kn, struct kite_sock *ks)
{
	/* See kite_conn_hash(): the table may be shrinking. */
	data_race(rhltable_remove(&kn->bound, &ks->bind_link, kite_port_params));
}

static int kite_port_insert(struct kite_sock *ks, const struct kite_addr *addr)
{
	struct kite_net *kn = kite_net(sock_net(&ks->sk));
	u32 type = ks->tuple.type;
	u32 port = addr->port;
	int err = -EADDRINUSE;

	spin_lock_bh(&kn->lock);
	if (port == KITE_PORT_ANY)
		port = kite_port_pick(kn, type, addr->node);
	else if (kite_port_taken(kn, &ks->sk, type, port, addr->node))
		port = KITE_PORT_ANY;
	if (port != KITE_PORT_ANY) {
		kite_sk_set_local(ks, &(struct kite_addr){ port, addr->node });
		WRITE_ONCE(ks->bound_node, addr->node);
		/* See kite_conn_hash(): the table may be growing. */
		err = data_race(rhltable_insert(&kn->bound, &ks->bind_link,
						kite_port_params));
	}
	if (!err && !kite_sk_connects(&ks->sk)) {
		err = kite_port_join_locked(kn, ks);
		if (err)
			kite_port_remove(kn, ks);
	}
	spin_unlock_bh(&kn->lock);
	if (!err)
		return 0;
	kite_sk_set_local(ks, &(struct kite_addr){ KITE_PORT_ANY, KITE_NODE_ANY });
	WRITE_ONCE(ks->bound_node, KITE_NODE_ANY);
	return err;
}

/**
 * kite_port_bind - give a socket the local address that its program asks for
 * @sk: the socket, not bound yet
 * @addr: the address; KITE_PORT_ANY and KITE_NODE_ANY leave the choice to us
 *
 * Context: Process context, lock_sock held.
 * Return: 0; -EADDRNOTAVAIL for another node's address; -EACCES for a port
 * below net.kite.unprivileged_port_start without CAP_NET_BIND_SERVICE, as TCP has it;
 * -EADDRINUSE for a port that is taken, but for SO_REUSEPORT, or when no free one was
 * found; -ENOMEM.
 */
int kite_port_bind(struct sock *sk, const struct kite_addr *addr)
{
	struct kite_sock *ks = kite_sk(sk);
	struct net *net = sock_net(sk);
	int err;

	sock_owned_by_me(sk);

	if (addr->node != KITE_NODE_ANY && !kite_node_is_local(net, addr->node))
		return -EADDRNOTAVAIL;
	if (addr->port < READ_ONCE(kite_net(net)->sysctl.unprivileged_port) &&
	    !ns_capable(net->user_ns, CAP_NET_BIND_SERVICE))
		return -EACCES;
	err = kite_port_insert(ks, addr);
	if (err)
		return err;
	/* A datagram's sender that sees it sees the port. */
	smp_store_release(&ks->bound, true);
	kite_event(sk, KITE_EVENT_BOUND, 0);
	return 0;
}

/**
 * kite_port_autobind - give a socket some port if it has none
 * @sk: the socket
 *
 * Context: Process context, lock_sock held.
 * Return: 0, -EADDRINUSE when no free port was found, or -ENOMEM.
 */
int kite_port_autobind(struct sock *sk)
{
	static const struct kite_addr any = { KITE_PORT_ANY, KITE_NODE_ANY };

	return kite_sk(sk)->bound ? 0 : kite_port_bind(sk, &any);
}

/**
 * kite_port_release - let go of a socket's port, if it has one
 * @sk: the socket; it keeps the address for getsockname
 *
 * Context: Process context, lock_sock held.
 */
void kite_port_release(struct sock *sk)
{
	struct kite_sock *ks = kite_sk(sk);
	struct kite_net *kn;

	sock_owned_by_me(sk);

	if (!ks->bound)
		return;
	kite_port_leave(sk);
	kn = kite_net(sock_net(sk));
	spin_lock_bh(&kn->lock);
	kite_port_remove(kn, ks);
	spin_unlock_bh(&kn->lock);
	WRITE_ONCE(ks->bound, false);
}

/* How well does a datagram socket fit? 0 is not at all. */
static int kite_port_score(const struct kite_sock *ks, u32 node,
			   const struct kite_addr *from)
{
	struct kite_addr remote = kite_sk_remote(ks);
	u32 bound = READ_ONCE(ks->bound_node);
	int score = 1;

	if (!kite_port_open(&ks->sk) || (bound != KITE_NODE_ANY && bound != node))
		return 0;
	if (READ_ONCE(ks->sk.sk_state) == TCP_ESTABLISHED) {
		if (remote.port != from->port || remote.node != from->node)
			return 0;
		score += 2;
	}
	return score + (bound == node);
}

/**
 * kite_port_find_dgram - which datagram socket is at an address?
 * @net: the namespace
 * @to: the address
 * @from: who sends: a connected socket only receives from its peer, as with UDP
 * @skb: the message, for a program that shares them out; or NULL
 *
 * Context: Under the RCU read lock.
 * Return: the socket, as long as the lock is held, or NULL.
 */
struct sock *kite_port_find_dgram(struct net *net, const struct kite_addr *to,
				  const struct kite_addr *from, struct sk_buff *skb)
{
	const struct kite_port_key key = { .type = SOCK_DGRAM, .port = to->port };
	struct kite_sock *ks, *best = NULL;
	struct rhlist_head *list, *pos;
	int score, most = 0;

	list = rhltable_lookup(&kite_net(net)->bound, &key, kite_port_params);
	rhl_for_each_entry_rcu(ks, pos, list, bind_link) {
		score = kite_port_score(ks, to->node, from);
		if (score > most) {
			most = score;
			best = ks;
		}
	}
	if (!best)
		return NULL;
	if (READ_ONCE(best->sk.sk_state) == TCP_ESTABLISHED)
		return &best->sk;
	return kite_port_balance(&best->sk, from, skb);
}

/**
 * kite_port_find_listener - who listens at an address?
 * @net: the namespace
 * @type: SOCK_STREAM or SOCK_SEQPACKET
 * @addr: the address; a listener that bound just this node comes before one
 *	that bound KITE_NODE_ANY
 * @from: who connects, by whom it is shared out among several
 *
 * Context: Any.
 * Return: the listener, with a reference for the caller, or NULL.
 */
struct sock *kite_port_find_listener(struct net *net, u32 type,
				     const struct kite_addr *addr,
				     const struct kite_addr *from)
{
	const struct kite_port_key key = { .type = type, .port = addr->port };
	struct kite_sock *ks, *best = NULL;
	struct rhlist_head *list, *pos;
	struct sock *sk = NULL;

	rcu_read_lock();
	list = rhltable_lookup(&kite_net(net)->bound, &key, kite_port_params);
	rhl_for_each_entry_rcu(ks, pos, list, bind_link) {
		u32 node = READ_ONCE(ks->bound_node);

		if (!kite_port_open(&ks->sk))
			continue;
		if (node == addr->node)
			best = ks;
		else if (node == KITE_NODE_ANY && !best)
			best = ks;
	}
	if (best)
		sk = kite_port_balance(&best->sk, from, NULL);
	if (sk && !refcount_inc_not_zero(&sk->sk_refcnt))
		sk = NULL;
	rcu_read_unlock();
	return sk;
}
