/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Why a message or packet was thrown away.
 *
 * A module cannot add reasons to the core's, so each of ours has its nearest of the
 * core's for tracepoint skb:kfree_skb; our own is in tracepoint kite:kite_drop and in
 * /proc/net/kite_stat.
 */
#ifndef _KITE_DROP_H
#define _KITE_DROP_H

/**
 * enum kite_drop_reason - why a message or packet was thrown away
 * @KITE_DROP_NO_PORT: a datagram, to a port that no socket has
 * @KITE_DROP_NO_LISTENER: a REQUEST, to where nobody listens
 * @KITE_DROP_NO_CONNECTION: of a connection that there is not
 * @KITE_DROP_CLOSED: to a socket that does not receive any more
 * @KITE_DROP_UNREAD: a datagram that was there when its receiver closed
 * @KITE_DROP_RCVBUF: more than fits into SO_RCVBUF
 * @KITE_DROP_RAW_FULL: a copy for a raw socket: likewise
 * @KITE_DROP_FILTER: the receiver's filter did not let it in
 * @KITE_DROP_MEMORY_LIMIT: net.kite.mem does not let it in
 * @KITE_DROP_NOMEM: no memory
 * @KITE_DROP_LISTEN_FULL: a REQUEST, and the listener's accept queue has no room
 * @KITE_DROP_TUPLE_BUSY: a REQUEST for two addresses that have a connection
 * @KITE_DROP_UNREACHABLE: no transport reaches that node
 * @KITE_DROP_WRONG_NODE: not for this node, or from one that is not on that side
 * @KITE_DROP_BAD_HEADER: no packet, or one that makes no sense
 * @KITE_DROP_FORGED: in the name of a peer that is a socket here
 * @KITE_DROP_UNASKED: an answer to a question that was not asked
 * @KITE_DROP_NO_CREDIT: DATA beyond the credit that was given
 * @KITE_DROP_RATE_LIMITED: an ECHO or a bad packet that gets no answer: too many do
 * @KITE_DROP_MAX: how many reasons there are; where one is asked for: none
 */
enum kite_drop_reason {
	KITE_DROP_NO_PORT,
	KITE_DROP_NO_LISTENER,
	KITE_DROP_NO_CONNECTION,
	KITE_DROP_CLOSED,
	KITE_DROP_UNREAD,
	KITE_DROP_RCVBUF,
	KITE_DROP_RAW_FULL,
	KITE_DROP_FILTER,
	KITE_DROP_MEMORY_LIMIT,
	KITE_DROP_NOMEM,
	KITE_DROP_LISTEN_FULL,
	KITE_DROP_TUPLE_BUSY,
	KITE_DROP_UNREACHABLE,
	KITE_DROP_WRONG_NODE,
	KITE_DROP_BAD_HEADER,
	KITE_DROP_FORGED,
	KITE_DROP_UNASKED,
	KITE_DROP_NO_CREDIT,
	KITE_DROP_RATE_LIMITED,
	KITE_DROP_MAX,
};

struct kite_packet;
struct net;
struct sk_buff;
struct sock;

enum skb_drop_reason kite_drop_core_reason(enum kite_drop_reason reason);
void kite_drop_note(struct net *net, const struct sock *sk,
		    const struct kite_packet *pkt, const struct sk_buff *skb,
		    enum kite_drop_reason reason);
void kite_drop(struct net *net, const struct sock *sk, const struct kite_packet *pkt,
	       struct sk_buff *skb, enum kite_drop_reason reason);
void kite_drop_message(struct sock *sk, struct sk_buff *skb,
		       enum kite_drop_reason reason);

#endif /* _KITE_DROP_H */
