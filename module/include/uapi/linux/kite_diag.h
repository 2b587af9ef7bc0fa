/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * Which Kite sockets are there, and what becomes of them: for programs such as
 * "kite ss" and "kite monitor".
 *
 * Sockets are asked for over NETLINK_SOCK_DIAG, see sock_diag(7): a
 * SOCK_DIAG_BY_FAMILY or SOCK_DESTROY message has a struct kite_diag_req. Each
 * answer is a SOCK_DIAG_BY_FAMILY message with a struct kite_diag_msg and then
 * attributes, KITE_DIAG_*.
 *
 * - With NLM_F_DUMP come all sockets of the network namespace that the request
 *   fits.
 * - Without it one does, or ENOENT comes. The request then names the socket, by its
 *   cookie, its inode, or one type and both addresses; or it gives EINVAL. Where it
 *   fits several, the youngest is meant.
 * - SOCK_DESTROY ends that one, and needs CAP_NET_ADMIN. The calls of its program
 *   give ECONNABORTED, those of a listener EINVAL, and its peer is reset. What waits
 *   for accept and the kernel's own sockets cannot be ended: EOPNOTSUPP.
 *
 * Events come over the group KITE_EVENT_GROUP of the generic netlink family
 * KITE_GENL_NAME, which needs CAP_NET_ADMIN, too: &enum kite_event_cmd. After the
 * generic netlink header they have the same struct and the same attributes.
 *
 * What a socket counts: of a connection, the bytes that were sent, came, were read and
 * were not let in (struct kite_diag_credit); of every socket, the messages that were
 * dropped (SK_MEMINFO_DROPS of KITE_DIAG_MEMINFO). No socket counts its packets; a
 * namespace does, in /proc/net/kite_stat.
 */
#ifndef _UAPI_LINUX_KITE_DIAG_H
#define _UAPI_LINUX_KITE_DIAG_H

#include <linux/types.h>

#define KITE_DIAG_NOCOOKIE	(~0U)	/* any cookie */
#define KITE_DIAG_ALL		(~0U)	/* every type, state or attribute */

/**
 * struct kite_diag_req - which sockets?
 * @kdr_family: the family's number, see /sys/module/kite/parameters/family
 * @kdr_protocol: 0
 * @kdr_pad: 0
 * @kdr_types: those of a type in this set: bits 1 << SOCK_STREAM and so on
 * @kdr_states: those in one of these states: bits 1 << KITE_DIAG_LISTEN and so on
 * @kdr_show: which attributes to tell: bits 1 << KITE_DIAG_CREDIT and so on
 * @kdr_local_port: those with this port; KITE_PORT_ANY for any
 * @kdr_local_node: those with this node; KITE_NODE_ANY for any
 * @kdr_remote_port: likewise of the peer
 * @kdr_remote_node: likewise of the peer
 * @kdr_ino: the one with this inode; 0 for any
 * @kdr_cookie: the one with this cookie; KITE_DIAG_NOCOOKIE twice for any
 */
struct kite_diag_req {
	__u8	kdr_family;
	__u8	kdr_protocol;
	__u16	kdr_pad;
	__u32	kdr_types;
	__u32	kdr_states;
	__u32	kdr_show;
	__u32	kdr_local_port;
	__u32	kdr_local_node;
	__u32	kdr_remote_port;
	__u32	kdr_remote_node;
	__u32	kdr_ino;
	__u32	kdr_cookie[2];
};

/**
 * enum kite_diag_state - what state a socket is in, with TCP's numbers
 * @KITE_DIAG_ESTABLISHED: connected; or, for datagrams, it has a default destination
 * @KITE_DIAG_SYN_SENT: it asked for a connection and has no answer yet
 * @KITE_DIAG_CLOSE: not connected
 * @KITE_DIAG_LISTEN: it takes connections
 * @KITE_DIAG_CLOSING: the connection is over
 */
enum kite_diag_state {
	KITE_DIAG_ESTABLISHED	= 1,
	KITE_DIAG_SYN_SENT	= 2,
	KITE_DIAG_CLOSE		= 7,
	KITE_DIAG_LISTEN	= 10,
	KITE_DIAG_CLOSING	= 11,
};

/**
 * enum kite_diag_timer - what a connection waits for
 * @KITE_DIAG_TIMER_NONE: for nothing that would end by itself
 * @KITE_DIAG_TIMER_CONNECT: an answer to its request
 * @KITE_DIAG_TIMER_CLOSE: that the peer closes its end, too
 * @KITE_DIAG_TIMER_RETRY: memory, to send a packet
 */
enum kite_diag_timer {
	KITE_DIAG_TIMER_NONE	= 0,
	KITE_DIAG_TIMER_CONNECT	= 1,
	KITE_DIAG_TIMER_CLOSE	= 2,
	KITE_DIAG_TIMER_RETRY	= 3,
};

/* @kdm_shutdown */
#define KITE_DIAG_SHUTDOWN_RCV	0x01
#define KITE_DIAG_SHUTDOWN_SEND	0x02

/**
 * struct kite_diag_msg - a socket
 * @kdm_family: the family's number
 * @kdm_type: SOCK_*
 * @kdm_state: &enum kite_diag_state
 * @kdm_timer: &enum kite_diag_timer
 * @kdm_shutdown: what it does not do any more: KITE_DIAG_SHUTDOWN_*
 * @kdm_pad: 0
 * @kdm_expires: until the timer goes off, in milliseconds
 * @kdm_local_port: its port, KITE_PORT_ANY while it has none
 * @kdm_local_node: its node
 * @kdm_remote_port: the peer's port, KITE_PORT_ANY without a peer's address
 * @kdm_remote_node: the peer's node
 * @kdm_rqueue: what can be read: of a connection bytes, and KITE_RECORD_OVERHEAD for
 *	each record; of other sockets the memory that it takes, as with UDP; of a
 *	listener, how many wait for accept
 * @kdm_wqueue: what was sent and not read yet, in the same terms; of a listener, how
 *	many may wait for accept
 * @kdm_uid: whose it is
 * @kdm_ino: its inode; 0 before accept, or when its program has closed it
 * @kdm_refs: references to it
 * @kdm_error: the error that the next call gives, or 0
 * @kdm_cookie: its name for as long as the kernel runs, SO_COOKIE has it too
 */
struct kite_diag_msg {
	__u8	kdm_family;
	__u8	kdm_type;
	__u8	kdm_state;
	__u8	kdm_timer;
	__u8	kdm_shutdown;
	__u8	kdm_pad[3];
	__u32	kdm_expires;
	__u32	kdm_local_port;
	__u32	kdm_local_node;
	__u32	kdm_remote_port;
	__u32	kdm_remote_node;
	__u32	kdm_rqueue;
	__u32	kdm_wqueue;
	__u32	kdm_uid;
	__u32	kdm_ino;
	__u32	kdm_refs;
	__u32	kdm_error;
	__u32	kdm_cookie[2];
};

/**
 * enum kite_diag_attr - what else there is to say of a socket
 * @KITE_DIAG_PAD: not in use
 * @KITE_DIAG_MEMINFO: buffers, their memory, and what was dropped: an array of
 *	__u32, see SK_MEMINFO_* in linux/sock_diag.h
 * @KITE_DIAG_CREDIT: of a connection: struct kite_diag_credit
 * @KITE_DIAG_PEER: the other end, where that is a socket here: struct kite_diag_peer
 * @KITE_DIAG_CGROUP: the cgroup (v2) of who made it: __u64
 * @KITE_DIAG_MARK: SO_MARK: __u32; only for who has CAP_NET_ADMIN
 * @KITE_DIAG_TRANSPORT: what carries a connection's packets: a name
 * @KITE_DIAG_TIME: of an event: when it was, in nanoseconds since 1970: __u64
 * @KITE_DIAG_REASON: of KITE_EVENT_RESET: why, &enum kite_reset: __u8
 *
 * The last two come with events alone, and there whatever @kdr_show says.
 */
enum kite_diag_attr {
	KITE_DIAG_PAD,
	KITE_DIAG_MEMINFO,
	KITE_DIAG_CREDIT,
	KITE_DIAG_PEER,
	KITE_DIAG_CGROUP,
	KITE_DIAG_MARK,
	KITE_DIAG_TRANSPORT,
	KITE_DIAG_TIME,
	KITE_DIAG_REASON,

	/* private: */
	__KITE_DIAG_MAX,
};

#define KITE_DIAG_MAX		(__KITE_DIAG_MAX - 1)

/**
 * struct kite_diag_credit - the credit of a connection
 * @kdc_sent: as a sender: sent so far
 * @kdc_limit: up to where it may send
 * @kdc_peer_read: how much of that its peer has read
 * @kdc_wanted: the charge of a record that did not fit, or 0
 * @kdc_blocked: whether somebody waits for room to send
 * @kdc_queued: as a receiver: what ever came
 * @kdc_partial: of that, a record that is not there to its end
 * @kdc_read: what was read
 * @kdc_tossed: what a filter did not let in
 * @kdc_rx_limit: up to where the peer may send
 * @kdc_told: what it was last told of that by a packet
 * @kdc_unsent: packets that wait for memory, or a request for a listener with room:
 *	bits 1 << KITE_OP_CREDIT and so on
 *
 * In bytes; each record costs KITE_RECORD_OVERHEAD more. All but @kdc_wanted and
 * @kdc_partial count from the start of the connection, and wrap at 2^32. Nothing is
 * locked meanwhile: on a connection that moves, they are not of one moment.
 */
struct kite_diag_credit {
	__u32	kdc_sent;
	__u32	kdc_limit;
	__u32	kdc_peer_read;
	__u32	kdc_wanted;
	__u32	kdc_blocked;
	__u32	kdc_queued;
	__u32	kdc_partial;
	__u32	kdc_read;
	__u32	kdc_tossed;
	__u32	kdc_rx_limit;
	__u32	kdc_told;
	__u32	kdc_unsent;
};

/**
 * struct kite_diag_peer - the other end of a connection or a socketpair
 * @kdp_ino: its inode; 0 before accept, or when its program has closed it
 * @kdp_cookie: its cookie
 */
struct kite_diag_peer {
	__u32	kdp_ino;
	__u32	kdp_cookie[2];
};

#define KITE_GENL_NAME		"kite"
#define KITE_GENL_VERSION	1
#define KITE_EVENT_GROUP	"events"

/**
 * enum kite_event_cmd - what became of a socket: the command of a message
 * @KITE_EVENT_UNSPEC: not in use
 * @KITE_EVENT_CREATED: a program made it, or a listener its child; the first event
 * @KITE_EVENT_BOUND: it has a port, asked for or not
 * @KITE_EVENT_LISTENING: it takes connections
 * @KITE_EVENT_CONNECTING: it asks for a connection
 * @KITE_EVENT_CONNECTED: it is connected, or has a default destination
 * @KITE_EVENT_ACCEPTED: a program accepted it
 * @KITE_EVENT_UNCONNECTED: its connect came to nothing, or its default destination
 *	is gone
 * @KITE_EVENT_SHUTDOWN: it will not receive, or not send, any more: @kdm_shutdown
 * @KITE_EVENT_RESET: its peer, or a timeout, ended the connection badly
 * @KITE_EVENT_DESTROYED: SOCK_DESTROY ends it
 * @KITE_EVENT_CLOSED: nobody uses it any more; the last event
 */
enum kite_event_cmd {
	KITE_EVENT_UNSPEC,
	KITE_EVENT_CREATED,
	KITE_EVENT_BOUND,
	KITE_EVENT_LISTENING,
	KITE_EVENT_CONNECTING,
	KITE_EVENT_CONNECTED,
	KITE_EVENT_ACCEPTED,
	KITE_EVENT_UNCONNECTED,
	KITE_EVENT_SHUTDOWN,
	KITE_EVENT_RESET,
	KITE_EVENT_DESTROYED,
	KITE_EVENT_CLOSED,

	/* private: */
	__KITE_EVENT_MAX,
};

#define KITE_EVENT_MAX		(__KITE_EVENT_MAX - 1)

#endif /* _UAPI_LINUX_KITE_DIAG_H */
