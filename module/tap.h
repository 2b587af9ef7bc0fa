/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The tap: where those who look on see the packets of a namespace.
 *
 * Every packet passes it once, and so does what would have been a packet if the
 * peer were not a socket of this kernel: its header is made for the tap alone.
 * While nobody looks, none of this costs more than a branch that is patched out.
 */
#ifndef _KITE_TAP_H
#define _KITE_TAP_H

#include <linux/jump_label_ratelimit.h>

#include "af_kite.h"

struct kite_tap;

/**
 * struct kite_tap_ops - what an observer does
 * @wants: does it want this packet? @skb is its payload, or NULL if it has none,
 *	and not to be changed; @skb->sk the socket that sent it, or NULL
 * @show: takes a copy of it, which begins with its struct kite_hdr and is the
 *	observer's own; NULL if there was no memory for one, to be counted as lost
 * @answers: is it a program that plays the socket at @addr? Then nothing that
 *	comes there is refused. Optional
 *
 * All are called under the RCU read lock.
 */
struct kite_tap_ops {
	bool (*wants)(const struct kite_tap *tap, const struct kite_packet *pkt,
		      const struct sk_buff *skb);
	void (*show)(struct kite_tap *tap, const struct kite_packet *pkt,
		     struct sk_buff *skb);
	bool (*answers)(const struct kite_tap *tap, const struct kite_addr *addr);
};

/**
 * struct kite_tap - an observer of a namespace
 * @list: in &kite_net.taps
 * @ops: what it does
 */
struct kite_tap {
	struct list_head		list;
	const struct kite_tap_ops	*ops;
};

/**
 * struct kite_raw - a raw socket: an observer that a program holds
 * @ks: the socket, first. What bind was given is its local address; written
 *	under lock_sock, read by the tap
 * @tap: its eye
 */
struct kite_raw {
	struct kite_sock	ks;
	struct kite_tap		tap;
};

/* Is there an observer in any namespace? */
extern struct static_key_false_deferred kite_tap_key;

/* Does anybody look on in this one? */
static inline bool kite_tap_on(const struct net *net)
{
	return static_branch_unlikely(&kite_tap_key.key) &&
	       !list_empty(&kite_net(net)->taps);
}

void kite_tap_add(struct net *net, struct kite_tap *tap);
void kite_tap_del(struct net *net, struct kite_tap *tap);
void kite_tap_exit(void);
void kite_tap_packet(struct net *net, const struct kite_packet *pkt,
		     struct sk_buff *skb);
void kite_tap_conn(struct sock *sk, struct sk_buff *skb, u8 op, u8 flags);
bool kite_tap_answers(struct net *net, const struct kite_addr *addr);

#endif /* _KITE_TAP_H */
