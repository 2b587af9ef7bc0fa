// SPDX-License-Identifier: GPL-2.0
/*
 * Ports: which socket has bound which port.
 *
 * Every namespace has one table for all types; the type is part of the key, so
 * each type has a port space of its own, as TCP and UDP have. Several sockets
 * may hold one port of a type when their nodes differ.
 */
#include <linux/capability.h>
#include <linux/random.h>
#include <linux/rhashtable.h>

#include "af_kite.h"

/* How many ports are tried before there are none. */
#define KITE_EPHEMERAL_TRIES	1024

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

static bool kite_port_taken(struct kite_net *kn, u32 type, u32 port, u32 node)
{
	const struct kite_port_key key = { .type = type, .port = port };
	struct rhlist_head *list, *pos;
	struct kite_sock *ks;
	bool taken = false;

	lockdep_assert_held(&kn->lock);

	rcu_read_lock();
	list = rhltable_lookup(&kn->bound, &key, kite_port_params);
	rhl_for_each_entry_rcu(ks, pos, list, bind_link) {
		taken = kite_nodes_overlap(ks->bound_node, node);
		if (taken)
			break;
	}
	rcu_read_unlock();
	return taken;
}

/*
 * Finds a free port, or returns KITE_PORT_ANY when it gave up. In turn, as vsock
 * does, so that a port that was just let go of does not come back at once.
 */
static u32 kite_port_pick(struct kite_net *kn, u32 type, u32 node)
{
	u32 port;
	int i;

	lockdep_assert_held(&kn->lock);

	for (i = 0; i < KITE_EPHEMERAL_TRIES; i++) {
		port = kn->ephemeral++;
		if (port == KITE_PORT_EPHEMERAL_MAX)
			kn->ephemeral = KITE_PORT_EPHEMERAL_MIN;
		if (!kite_port_taken(kn, type, port, node))
			return port;
	}
	return KITE_PORT_ANY;
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
	else if (kite_port_taken(kn, type, port, addr->node))
		port = KITE_PORT_ANY;
	if (port != KITE_PORT_ANY) {
		ks->tuple.local.port = port;
		ks->tuple.local.node = addr->node;
		ks->bound_node = addr->node;
		err = rhltable_insert(&kn->bound, &ks->bind_link, kite_port_params);
	}
	spin_unlock_bh(&kn->lock);
	if (!err)
		return 0;
	ks->tuple.local = (struct kite_addr){ KITE_PORT_ANY, KITE_NODE_ANY };
	ks->bound_node = KITE_NODE_ANY;
	return err;
}

/**
 * kite_port_bind - give a socket the local address that its program asks for
 * @sk: the socket, not bound yet
 * @addr: the address; KITE_PORT_ANY and KITE_NODE_ANY leave the choice to us
 *
 * Context: Process context, lock_sock held.
 * Return: 0; -EADDRNOTAVAIL for another node's address; -EACCES for a port
 * below KITE_PORT_UNPRIVILEGED without CAP_NET_BIND_SERVICE, as TCP has it;
 * -EADDRINUSE for a port that is taken, or when no free one was found; -ENOMEM.
 */
int kite_port_bind(struct sock *sk, const struct kite_addr *addr)
{
	struct kite_sock *ks = kite_sk(sk);
	struct net *net = sock_net(sk);
	int err;

	sock_owned_by_me(sk);

	if (addr->node != KITE_NODE_ANY && !kite_node_is_local(net, addr->node))
		return -EADDRNOTAVAIL;
	if (addr->port < KITE_PORT_UNPRIVILEGED &&
	    !ns_capable(net->user_ns, CAP_NET_BIND_SERVICE))
		return -EACCES;
	err = kite_port_insert(ks, addr);
	if (err)
		return err;
	/* A datagram's sender that sees it sees the port. */
	smp_store_release(&ks->bound, true);
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
	kn = kite_net(sock_net(sk));
	spin_lock_bh(&kn->lock);
	rhltable_remove(&kn->bound, &ks->bind_link, kite_port_params);
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

	if (bound != KITE_NODE_ANY && bound != node)
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
 *
 * Context: Under the RCU read lock.
 * Return: the socket, as long as the lock is held, or NULL.
 */
struct sock *kite_port_find_dgram(struct net *net, const struct kite_addr *to,
				  const struct kite_addr *from)
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
	return best ? &best->sk : NULL;
}

/**
 * kite_port_find_listener - who listens at an address?
 * @net: the namespace
 * @type: SOCK_STREAM or SOCK_SEQPACKET
 * @addr: the address; a listener that bound just this node comes before one
 *	that bound KITE_NODE_ANY
 *
 * Context: Any.
 * Return: the listener, with a reference for the caller, or NULL.
 */
struct sock *kite_port_find_listener(struct net *net, u32 type,
				     const struct kite_addr *addr)
{
	const struct kite_port_key key = { .type = type, .port = addr->port };
	struct kite_sock *ks, *best = NULL;
	struct rhlist_head *list, *pos;

	rcu_read_lock();
	list = rhltable_lookup(&kite_net(net)->bound, &key, kite_port_params);
	rhl_for_each_entry_rcu(ks, pos, list, bind_link) {
		u32 node = READ_ONCE(ks->bound_node);

		if (READ_ONCE(ks->sk.sk_state) != TCP_LISTEN)
			continue;
		if (node == addr->node)
			best = ks;
		else if (node == KITE_NODE_ANY && !best)
			best = ks;
	}
	if (best && !refcount_inc_not_zero(&best->sk.sk_refcnt))
		best = NULL;
	rcu_read_unlock();
	return best ? &best->sk : NULL;
}
