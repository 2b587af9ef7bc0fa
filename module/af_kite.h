/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the rooms of the module show each other, by file.
 *
 * A message goes one way through them:
 *
 *	system call -> af_kite.c, then stream.c, seqpacket.c, dgram.c or raw.c
 *	    -> conn.c, close.c, credit.c	the connection: state, end, credit
 *	    -> route.c			which transport reaches that node?
 *	    -> transport.c, loopback.c	carries packets
 *	    -> rcv.c			finds the socket for a packet
 *	    -> queue.c, inbox.c		the receive queue -> recvmsg
 *
 * Between two sockets of one kernel, data skips the middle: send.c appends it
 * to the peer's queue, dgram.c to the receiver's inbox. Who looks on at the tap,
 * tap.h, sees it all the same.
 */
#ifndef _AF_KITE_H
#define _AF_KITE_H

#include <linux/filter.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/net.h>
#include <linux/rhashtable-types.h>
#include <linux/skbuff.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <net/net_namespace.h>
#include <net/netns/generic.h>
#include <net/sock.h>
#include <net/tcp_states.h>
#include <linux/kite.h>

#include "compat.h"
#include "drop.h"
#include "mem.h"
#include "stats.h"
#include "transport.h"

/* What net.kite begins with, see sysctl.c. Ports below this are for CAP_NET_BIND_SERVICE. */
#define KITE_PORT_UNPRIVILEGED	1024

/*
 * Where unasked-for ports come from: above the 16 bits in which programs choose
 * theirs, so that an ephemeral port never stands where a server wants to bind.
 */
#define KITE_PORT_EPHEMERAL_MIN	65536
#define KITE_PORT_EPHEMERAL_MAX	0x7fffffff

/* How long connect() tries, but for vsock; and how long a closed end waits: ms. */
#define KITE_CONNECT_TIMEOUT	30000
#define KITE_CLOSE_TIMEOUT	8000
/* How many closed ends of a namespace wait at a time: memory that no program has. */
#define KITE_ORPHANS_MAX	1024
/* How many answers to ECHOs, and to packets that are made up: per second. */
#define KITE_ANSWER_RATE	1000
/* When a listener was full or memory was short: try again after this. */
#define KITE_RETRY_INTERVAL	max(HZ / 20, 1)
/* When a listener on another node says nothing: ask again after this, as TCP does. */
#define KITE_ASK_INTERVAL	((u32)HZ)

/* Counters of credit wrap at 2^32, so a window must stay well below 2^31. */
#define KITE_WINDOW_MAX		0x40000000U

struct kite_addr {
	u32			port;
	u32			node;
};

/* Type and local port stand first: together they are the key of a bound port. */
struct kite_tuple {
	u32			type;
	struct kite_addr	local;
	struct kite_addr	remote;
};

/* A packet's header in the host's byte order; see struct kite_hdr. */
struct kite_packet {
	u8			type;
	u8			op;
	u8			flags;
	u32			len;
	struct kite_addr	src;
	struct kite_addr	dst;
	u32			read;
	u32			limit;
};

/**
 * struct kite_limit - how many answers were given lately
 * @begin: since when, in jiffies
 * @used: how many
 * @lock: guards them
 */
struct kite_limit {
	unsigned long		begin;
	unsigned int		used;
	spinlock_t		lock;	/* see above */
};

/**
 * struct kite_sysctl - what an administrator sets, net.kite
 * @rmem_default: what SO_RCVBUF begins with; 0: as net.core.rmem_default says
 * @wmem_default: what SO_SNDBUF begins with, likewise
 * @rmem_max: what may be asked for by SO_RCVBUF, beside net.core.rmem_max
 * @wmem_max: what may be asked for by SO_SNDBUF, likewise
 * @unprivileged_port: ports below it need CAP_NET_BIND_SERVICE
 * @port_range: where unasked-for ports come from: the first and the last one
 * @connect_timeout: how long connect() tries, in ms
 * @close_timeout: how long a closed end waits for its peer, in ms
 * @echo_rate: how many ECHOs are answered in a second
 * @reset_rate: how many packets that were made up are refused in a second
 * @max_orphans: how many closed ends wait at a time
 *
 * Changed by the administrator at any time.
 */
struct kite_sysctl {
	int			rmem_default;
	int			wmem_default;
	int			rmem_max;
	int			wmem_max;
	int			unprivileged_port;
	int			port_range[2];
	int			connect_timeout;
	int			close_timeout;
	int			echo_rate;
	int			reset_rate;
	int			max_orphans;
};

/**
 * struct kite_net - what a network namespace has of its own
 * @bound: bound sockets by type and port; changed under @lock, read under RCU
 * @conns: connections by tuple; changed and read under RCU
 * @lock: guards @ephemeral, @made, and changes of @bound, @socks and @taps
 * @ephemeral: the next port for who does not ask for one
 * @made: how many sockets there have been
 * @socks: every socket that a program, or a connection still closing, holds, the
 *	youngest first; changed under @lock, read under RCU, see socks.c
 * @taps: who looks on, see tap.h; changed under @lock, read under RCU
 * @stats: what was counted, see stats.h
 * @sysctl: net.kite
 * @sysctl_table: the files of it
 * @sysctl_header: likewise
 * @resets: how many packets that were made up have been refused, see rcv.c
 * @echoes: how many ECHOs have been answered
 * @orphans: how many closed connections wait, for their peer or for memory to tell it
 * @node: the namespace's own node id beside KITE_NODE_LOCAL, 0 for none
 */
struct kite_net {
	struct rhltable		bound;
	struct rhashtable	conns;
	spinlock_t		lock;	/* see above */
	u32			ephemeral;
	u32			made;
	struct hlist_head	socks;
	struct list_head	taps;
	struct kite_stats __percpu *stats;
	struct kite_sysctl	sysctl;
	struct ctl_table	*sysctl_table;
	struct ctl_table_header	*sysctl_header;
	struct kite_limit	resets;
	struct kite_limit	echoes;
	atomic_t		orphans;
	u32			node;
};

extern unsigned int kite_net_id;

/**
 * kite_net - what a network namespace has of Kite
 * @net: the namespace
 *
 * Context: Any.
 * Return: it; never NULL.
 */
static inline struct kite_net *kite_net(const struct net *net)
{
	struct kite_net *kn;

	/* net_generic(), but for rcu_read_lock(), which is two calls. */
	rcu_read_lock_sched();
	kn = rcu_dereference_sched(net->gen)->ptr[kite_net_id];
	rcu_read_unlock_sched();
	return kn;
}

/**
 * struct kite_creds - who wrote a message
 * @pid: the process, with a reference, or NULL if nobody asked
 * @uid: the user, if there is a @pid
 * @gid: the group
 */
struct kite_creds {
	struct pid		*pid;
	kuid_t			uid;
	kgid_t			gid;
};

/**
 * struct kite_creds_seen - whose bytes a read has found so far
 * @creds: theirs
 * @any: whether it found any
 */
struct kite_creds_seen {
	struct kite_creds	creds;
	bool			any;
};

/**
 * struct kite_sock - what every Kite socket has
 * @sk: the socket, first
 * @tuple: its addresses. Written under lock_sock. What a table of the namespace
 *	has as its key does not change while the socket is in it: all of it for
 *	a connection, type and local port for a bound socket
 * @bound_node: the node that bind was given; under lock_sock
 * @bind_link: in &kite_net.bound
 * @peer: the other end of a connection or socketpair where that is a socket of
 *	this kernel. Holds a reference. Written once, before the socket is
 *	ESTABLISHED, dropped when no program can use it any more: so whoever saw
 *	ESTABLISHED in a system call on this socket may use it without a lock
 * @number: the how manieth it is in its namespace; does not change
 * @bound: whether it is there; written under lock_sock, with release
 */
struct kite_sock {
	struct sock		sk;
	struct kite_tuple	tuple;
	u32			bound_node;
	struct rhlist_head	bind_link;
	struct sock		*peer;
	u32			number;
	bool			bound;
};

/**
 * struct kite_conn - a stream or record socket: one end of a connection
 * @ks: the socket, first
 * @transport: carries its packets; set from SYN_SENT on and kept, holds the
 *	transport's module. NULL for both ends of a socketpair
 * @conn_link: in &kite_net.conns, which holds a reference of the socket
 * @hashed: whether it is there; belongs to the owner of the socket, see below
 * @send_lock: one writer at a time; dropped before a writer sleeps for room
 * @tx_sent: credit: charge sent so far; written under @send_lock
 * @tx_limit: credit: up to where we may send. The peer writes it, see credit.c
 * @tx_read: credit: how much of it the peer has read. The peer writes it too
 * @tx_wanted: room for a record that did not fit, or 0; a hint to poll
 * @tx_blocked: somebody waits for room to send; see the barriers in credit.c
 * @tx_told: a peer here was told so since there was room; see the barrier in
 *	kite_send_block()
 * @recv_lock: one reader at a time; dropped before a reader sleeps for data
 * @rx_queued: charge that ever entered the receive queue. Written under the
 *	queue's spinlock, with release; whoever reads it with acquire sees the
 *	bytes it speaks of
 * @rx_partial: charge of a record that is not there to its end; under the queue's
 *	spinlock
 * @rx_parts: how many buffers in the queue are not the end of their record; likewise
 * @rx_read: charge that left it; written under the queue's spinlock
 * @rx_tossed: charge that a filter did not let in; read, as far as the peer is
 *	concerned. Written under the queue's spinlock
 * @rx_limit: up to where the peer may send; under the queue's spinlock
 * @rx_told: the @rx_limit that the last packet told the peer
 * @rx_open: data may enter the queue, or children a listener's accept queue. The
 *	owner opens it. Closed under the queue's spinlock by the owner, or where data
 *	could not enter
 * @pending: events that came while a system call owned the socket
 *	(&enum kite_event); under the socket's spinlock
 * @reset: why the peer reset the connection; as @pending
 * @reset_sent: why we did, by a packet, which may be in @unsent; or 0
 * @peer_shutdown: what the peer has shut down, in its terms; as @pending
 * @unsent: packets that the timer is to send, by op: those that found no
 *	memory, and a request that found the listener full; and KITE_UNSENT_NOW while
 *	the timer sends some of them; atomic
 * @deadline: when the timer gives up, in the low 32 bits of jiffies; belongs to the
 *	owner
 * @connect_timeout: how long connect() tries, in jiffies; under lock_sock
 * @orphan: counts in &kite_net.orphans; belongs to the owner
 * @accept: a listener's children until they are accepted, or the child's place
 *	among them; under the listener's queue spinlock
 * @room: where connect() waits for room in a listener's accept queue
 *
 * The owner of a socket is who holds lock_sock, or its spinlock while nobody
 * does. State, shutdown flags and errors belong to the owner; others read them.
 *
 * Locks nest in this order; no path takes lock_sock or a mutex of the peer:
 *
 *	lock_sock
 *	  send_lock, recv_lock
 *	    sk_lock.slock of one socket
 *	      sk_receive_queue.lock of one socket
 */
struct kite_conn {
	struct kite_sock		ks;
	const struct kite_transport	*transport;
	struct rhash_head		conn_link;

	/* the sender's */
	struct mutex			send_lock;	/* see above */
	u32				tx_sent;
	u32				tx_limit;
	u32				tx_read;
	u32				tx_wanted;
	bool				tx_blocked;
	bool				tx_told;

	/* what fits in between */
	bool				rx_open;
	bool				hashed;
	u8				pending;
	u8				reset;
	u8				reset_sent;
	u8				peer_shutdown;

	/* the receiver's */
	struct mutex			recv_lock;	/* see above */
	u32				rx_queued;
	u32				rx_partial;
	u32				rx_parts;
	u32				rx_read;
	u32				rx_tossed;
	u32				rx_limit;
	u32				rx_told;

	/* control */
	unsigned long			unsent;
	u32				deadline;
	u32				connect_timeout;
	bool				orphan;
	struct list_head		accept;
	wait_queue_head_t		room;
};

/* Among the ops of kite_conn.unsent: the timer is sending some of them. */
#define KITE_UNSENT_NOW		0

/* With the KITE_DATA_* of the protocol: it came as a packet, not from the peer itself. */
#define KITE_DATA_PACKET	0x80

/*
 * What the receive queue notes in skb->cb. Whether a buffer is of our own making stands
 * first in it, as in struct kite_inbox_cb; see buf.c.
 */
struct kite_cb {
	bool				own;
	u32				consumed;	/* bytes that were read */
	u8				flags;		/* KITE_DATA_* */
	struct kite_creds		creds;
};

static inline struct kite_sock *kite_sk(const struct sock *sk)
{
	return container_of(sk, struct kite_sock, sk);
}

static inline struct kite_conn *kite_conn(const struct sock *sk)
{
	return container_of(sk, struct kite_conn, ks.sk);
}

/* What an inbox notes in skb->cb; the core has its own notes at the end of it. */
struct kite_inbox_cb {
	bool			own;
	struct kite_addr	src;
	struct kite_creds	creds;
};

static inline struct kite_inbox_cb *kite_inbox_cb(const struct sk_buff *skb)
{
	sock_skb_cb_check_size(sizeof(struct kite_inbox_cb));
	return (struct kite_inbox_cb *)skb->cb;
}

static inline struct sock *kite_conn_sk(struct kite_conn *kc)
{
	return &kc->ks.sk;
}

static inline bool kite_sk_connects(const struct sock *sk)
{
	return sk->sk_type == SOCK_STREAM || sk->sk_type == SOCK_SEQPACKET;
}

/* Addresses change while others look at them: sock_diag, /proc, who sends. */
static inline struct kite_addr kite_sk_remote(const struct kite_sock *ks)
{
	return (struct kite_addr) {
		.port	= READ_ONCE(ks->tuple.remote.port),
		.node	= READ_ONCE(ks->tuple.remote.node),
	};
}

static inline void kite_sk_set_remote(struct kite_sock *ks, const struct kite_addr *addr)
{
	WRITE_ONCE(ks->tuple.remote.port, addr->port);
	WRITE_ONCE(ks->tuple.remote.node, addr->node);
}

static inline void kite_sk_set_local(struct kite_sock *ks, const struct kite_addr *addr)
{
	WRITE_ONCE(ks->tuple.local.port, addr->port);
	WRITE_ONCE(ks->tuple.local.node, addr->node);
}

static inline struct kite_cb *kite_cb(const struct sk_buff *skb)
{
	BUILD_BUG_ON(sizeof(struct kite_cb) > sizeof(skb->cb));
	return (struct kite_cb *)skb->cb;
}

/* For who does not own the socket. */
static inline unsigned long kite_sk_flags(const struct sock *sk)
{
	/* The core writes plainly, all of them for one: each is as before or as after. */
	return data_race(READ_ONCE(sk->sk_flags));
}

static inline kuid_t kite_sk_uid(const struct sock *sk)
{
	/* Likewise: accept gives a child its program's user. */
	return data_race(READ_ONCE(sk->sk_uid));
}

/* Under RCU it stays, though the program may close it. */
static inline struct socket *kite_sk_socket(const struct sock *sk)
{
	/* Likewise: accept and close store it. */
	return data_race(READ_ONCE(sk->sk_socket));
}

/* Is it in its namespace's list? For its owner; its neighbours come and go. */
static inline bool kite_sock_listed(const struct sock *sk)
{
	return !hlist_unhashed_lockless(&sk->sk_node);
}

/* As sk_wake_async(), which asks for the flag as if it owned the socket. */
static inline void kite_wake_async(const struct sock *sk, int how, int band)
{
	if (!(kite_sk_flags(sk) & BIT(SOCK_FASYNC)))
		return;
	rcu_read_lock();
	sock_wake_async(rcu_dereference(sk->sk_wq), how, band);
	rcu_read_unlock();
}

/* For a receiver that asked when a message came. */
static inline void kite_stamp(const struct sock *sk, struct sk_buff *skb)
{
	if (unlikely(kite_sk_flags(sk) & SK_FLAGS_TIMESTAMP))
		__net_timestamp(skb);
}

/*
 * Asks the receiver's filter. It may cut the message off, not shorter than @cap.
 * What it takes for the network header begins with the message, and not before, where
 * old memory is.
 */
static inline int kite_filter(struct sock *sk, struct sk_buff *skb, unsigned int cap)
{
	skb_reset_network_header(skb);
	return sk_filter_trim_cap(sk, skb, cap);
}

/* main.c */
extern int kite_family;
extern long kite_mem[3];
void kite_mem_set(const unsigned long *pages);
extern struct proto kite_stream_proto;
extern struct proto kite_seqpacket_proto;
extern struct proto kite_dgram_proto;
extern struct proto kite_raw_proto;

/* af_kite.c */
int kite_family_register(int family);
int kite_do_accept(struct socket *sock, struct socket *newsock, int flags);
struct sock *kite_sock_alloc(struct net *net, struct socket *sock,
			     struct proto *prot, int type, gfp_t gfp, int kern);
void kite_sock_drop_peer(struct sock *sk);
void kite_sock_kill(struct sock *sk);

/* socks.c */
void kite_sock_list(struct sock *sk);
void kite_sock_unlist(struct sock *sk);
struct sock *kite_sock_next(struct net *net, struct sock *at);
struct sock *kite_sock_seek(struct net *net, u32 number);

/* state.c */
void kite_sk_set_state(struct sock *sk, u8 state);
void kite_sk_set_shutdown(struct sock *sk, u8 how);
unsigned long kite_sk_ino(const struct sock *sk);
const char *kite_type_name(const struct sock *sk);
const char *kite_state_name(int state);

/* sysctl.c */
int kite_sysctl_init(struct net *net);
void kite_sysctl_exit(struct net *net);
void kite_sysctl_buffers(struct sock *sk);
int kite_sysctl_buffer_max(const struct sock *sk, int optname);

/* addr.c */
int kite_addr_parse(const struct sockaddr *uaddr, int len, struct kite_addr *addr);
int kite_addr_format(const struct kite_addr *addr, struct sockaddr *uaddr);
bool kite_node_is_local(struct net *net, u32 node);

/* vsock.c */
bool kite_addr_tail_valid(const u8 *tail);
int kite_refused_errno(void);
bool kite_tuple_free_early(const struct kite_conn *kc);
unsigned int kite_vsock_size(void);
void kite_vsock_conn_init(struct kite_conn *kc);
void kite_vsock_inherit(struct kite_conn *child, const struct kite_conn *listener);
int kite_vsock_setsockopt(struct sock *sk, int optname, sockptr_t optval,
			  unsigned int optlen);
int kite_vsock_getsockopt(struct sock *sk, int optname, char __user *optval,
			  int __user *optlen);
void kite_vsock_init(void);
void kite_vsock_exit(void);
bool kite_zerocopy_splits(void);
int kite_zerocopy_fault(void);
int kite_recverr_level(void);

/* port.c */
int kite_port_init(struct kite_net *kn);
void kite_port_exit(struct kite_net *kn);
int kite_port_bind(struct sock *sk, const struct kite_addr *addr);
int kite_port_autobind(struct sock *sk);
int kite_port_join(struct sock *sk);
void kite_port_leave(struct sock *sk);
void kite_port_release(struct sock *sk);
struct sock *kite_port_find_dgram(struct net *net, const struct kite_addr *to,
				  const struct kite_addr *from, struct sk_buff *skb);
struct sock *kite_port_find_listener(struct net *net, u32 type,
				     const struct kite_addr *addr,
				     const struct kite_addr *from);

/* conn.c */
/**
 * enum kite_event - what can happen to a connection from outside
 * @KITE_EV_ESTABLISHED: the listener took it
 * @KITE_EV_SHUTDOWN: the peer shut down one or both directions
 * @KITE_EV_RESET: it is over
 */
enum kite_event {
	KITE_EV_ESTABLISHED	= BIT(0),
	KITE_EV_SHUTDOWN	= BIT(1),
	KITE_EV_RESET		= BIT(2),
};

int kite_conn_table_init(struct kite_net *kn);
void kite_conn_table_exit(struct kite_net *kn);
int kite_conn_init(struct sock *sk);
int kite_conn_hash(struct sock *sk);
void kite_conn_unhash(struct sock *sk);
struct sock *kite_conn_find(struct net *net, const struct kite_tuple *tuple);
bool kite_conn_is_mirror(const struct sock *sk, const struct sock *other);
void kite_conn_arm(struct sock *sk, unsigned long after);
void kite_conn_disarm(struct sock *sk);
void kite_conn_set_transport(struct kite_conn *kc,
			     const struct kite_transport *transport);
void kite_conn_back(struct sock *sk);
void kite_conn_raise(struct sock *sk, u8 event);
void kite_conn_note(struct sock *sk, u8 event, u8 arg);
void kite_conn_event(struct sock *sk, u8 event, u8 arg);
void kite_conn_run_pending(struct sock *sk);
void kite_conn_release_cb(struct sock *sk);
struct kite_packet kite_conn_header(struct sock *sk, u8 op, u8 flags);
int kite_conn_xmit(struct sock *sk, struct sk_buff *skb, u8 op, u8 flags);
void kite_conn_retry(struct sock *sk, u8 op);
void kite_conn_send_control(struct sock *sk, u8 op, u8 flags);
int kite_conn_kill(struct sock *sk, int err);

/* close.c */
void kite_conn_shutdown(struct sock *sk, u8 how);
void kite_conn_hush(struct kite_conn *kc);
void kite_conn_reset(struct sock *sk, u8 reason);
void kite_conn_abort(struct sock *sk);
void kite_conn_close(struct sock *sk, long timeout);
void kite_conn_over(struct sock *sk);
void kite_conn_retire(struct sock *sk);
bool kite_conn_waits(const struct kite_conn *kc);
bool kite_conn_untold(const struct kite_conn *kc);
void kite_conn_discard(struct sock *sk, u8 reason);

/* handshake.c */
int kite_connect(struct socket *sock, struct sockaddr *uaddr, int len, int flags);
int kite_listen(struct socket *sock, int backlog);
struct sock *kite_accept_dequeue(struct sock *sk, int flags, int *err);
int kite_socketpair(struct socket *a, struct socket *b);
void kite_listener_close(struct sock *sk);
void kite_listener_shutdown(struct sock *sk, u8 how);
u8 kite_request_rcv(struct sock *listener, const struct kite_transport *transport,
		    const struct kite_packet *pkt, struct sk_buff *skb);
bool kite_response_rcv(struct sock *sk, const struct kite_transport *transport,
		       const struct kite_packet *pkt, const struct sk_buff *skb);
int kite_request_send(struct sock *sk);

/* credit.c */
/**
 * enum kite_credit_event - what tracepoint kite:kite_credit speaks of
 * @KITE_CREDIT_GRANT: the reader lets its peer send more
 * @KITE_CREDIT_UPDATE: a packet tells the sender of it
 * @KITE_CREDIT_BLOCK: a sender waits for room
 * @KITE_CREDIT_WAKE: there is room again
 */
enum kite_credit_event {
	KITE_CREDIT_GRANT,
	KITE_CREDIT_UPDATE,
	KITE_CREDIT_BLOCK,
	KITE_CREDIT_WAKE,
};

u32 kite_credit_most(const struct kite_conn *kc);
bool kite_credit_writable(const struct kite_conn *kc);
void kite_credit_block(struct kite_conn *kc);
void __kite_credit_wake(struct sock *sk);
void kite_credit_open(struct kite_conn *kc);
void kite_credit_update(struct kite_conn *kc, u32 read, u32 limit);

/* buf.c */
struct sk_buff *kite_buf_alloc(u32 len, gfp_t gfp);
void kite_buf_free(struct sk_buff *skb);

/**
 * kite_buf_free_list - free messages, as kite_buf_free() does
 * @list: the first, linked by skb->next; or NULL
 *
 * Context: Any. Nobody else knows them.
 */
static inline void kite_buf_free_list(struct sk_buff *list)
{
	struct sk_buff *skb;

	while ((skb = list)) {
		list = skb->next;
		skb_mark_not_on_list(skb);
		kite_buf_free(skb);
	}
}

int kite_buf_from_iter(struct sk_buff *skb, struct iov_iter *from);
int kite_buf_to_msg(const struct sk_buff *skb, u32 offset, u32 len, struct msghdr *msg);
int kite_buf_init(void);
void kite_buf_exit(void);

/* queue.c */
int kite_queue_append(struct sock *sk, struct sk_buff *skb, u8 flags);
bool kite_queue_merge(struct sock *sk, const void *data, u32 len,
		      const struct kite_creds *creds);
void kite_queue_consume(struct sock *sk, struct sk_buff *skb, u32 len);
void kite_queue_consume_record(struct sock *sk);
u32 kite_queue_bytes(struct sock *sk);
void kite_queue_grant(struct sock *sk);
void kite_queue_open(struct sock *sk);
void kite_queue_close(struct sock *sk);
u32 kite_queue_purge(struct sock *sk);

/* send.c */
void kite_send_block(struct sock *sk);
int kite_send_wait(struct sock *sk, u32 cost, long *timeo);
int kite_send_end(int err, const struct msghdr *msg);
void kite_send_undo(struct sock *sk, u32 cost);
int kite_recv_error(struct sock *sk, struct msghdr *msg, size_t size);

/* pages.c */
int kite_zerocopy_start(struct sock *sk, const struct msghdr *msg, size_t room,
			struct ubuf_info **uarg);
struct sk_buff *kite_pages_take(struct sock *sk, struct msghdr *msg, u32 len,
				struct ubuf_info *uarg);
int kite_pages_replace(struct sk_buff *skb, gfp_t gfp);

/* creds.c */
void kite_creds_of_current(struct kite_creds *creds);
int kite_creds_parse(struct socket *sock, struct msghdr *msg, struct kite_creds *creds);
void kite_creds_attach(struct sk_buff *skb, const struct kite_creds *creds);
bool kite_creds_follow(struct kite_creds_seen *seen, const struct kite_creds *creds);
void kite_creds_tell(struct msghdr *msg, const struct kite_creds *creds);

/* stream.c */
int kite_stream_sendmsg(struct socket *sock, struct msghdr *msg, size_t len);
int kite_stream_recvmsg(struct socket *sock, struct msghdr *msg, size_t size,
			int flags);

/* splice.c */
ssize_t kite_stream_splice_read(struct socket *sock, loff_t *ppos,
				struct pipe_inode_info *pipe, size_t size,
				unsigned int flags);

/* seqpacket.c */
int kite_seqpacket_sendmsg(struct socket *sock, struct msghdr *msg, size_t len);
int kite_seqpacket_recvmsg(struct socket *sock, struct msghdr *msg, size_t size,
			   int flags);

/* inbox.c */
void kite_inbox_put(struct sock *sk, struct sk_buff *skb,
		    const struct kite_creds *creds);
void kite_inbox_add(struct sock *sk, struct sk_buff *skb,
		    const struct kite_creds *creds);
int kite_inbox_recvmsg(struct sock *sk, struct msghdr *msg, size_t size, int flags);
int kite_inbox_bytes(struct sock *sk);
void kite_inbox_purge(struct sock *sk);
void kite_inbox_destruct(struct sock *sk);

/* dgram.c */
int kite_dgram_init(struct sock *sk);
void kite_dgram_close(struct sock *sk, long timeout);
int kite_dgram_kill(struct sock *sk, int err);
int kite_dgram_connect(struct socket *sock, struct sockaddr *uaddr, int len, int flags);
int kite_dgram_socketpair(struct socket *a, struct socket *b);
int kite_dgram_shutdown(struct socket *sock, int how);
int kite_dgram_sendmsg(struct socket *sock, struct msghdr *msg, size_t len);
int kite_dgram_recvmsg(struct socket *sock, struct msghdr *msg, size_t size, int flags);
int kite_dgram_deliver(struct net *net, const struct kite_packet *pkt,
		       struct sk_buff *skb, struct kite_creds *creds);
void kite_dgram_refused(struct net *net, const struct kite_packet *pkt);

/* raw.c */
int kite_raw_init(struct sock *sk);
void kite_raw_close(struct sock *sk, long timeout);
int kite_raw_kill(struct sock *sk, int err);
int kite_raw_bind(struct socket *sock, struct sockaddr *uaddr, int len);
int kite_raw_shutdown(struct socket *sock, int how);
int kite_raw_sendmsg(struct socket *sock, struct msghdr *msg, size_t len);

/* wait.c */
__poll_t kite_conn_poll(struct file *file, struct socket *sock, poll_table *wait);
bool kite_conn_readable(struct sock *sk, u32 target);
bool kite_conn_enough(struct sock *sk, u32 want);
u32 kite_conn_batch(const struct sock *sk, u32 rest);
bool kite_conn_came(struct sock *sk, u32 queued);
void kite_def_readable(struct sock *sk);
void kite_conn_write_space(struct sock *sk);
u32 kite_conn_rcvlowat(const struct sock *sk, bool waitall, size_t len);
int kite_wait(struct sock *sk, bool (*done)(struct sock *sk, u32 arg), u32 arg,
	      long *timeo);
int kite_wait_exclusive(struct sock *sk, bool (*done)(struct sock *sk, u32 arg),
			u32 arg, long *timeo);

/* rcv.c */
int kite_rcv(struct net *net, const struct kite_transport *transport, struct sk_buff *skb);

/* packet.c */
int kite_packet_parse(const struct kite_hdr *hdr, size_t len, struct kite_packet *pkt);
int kite_packet_pull(struct sk_buff *skb, struct kite_packet *pkt);
void kite_packet_push(struct sk_buff *skb, const struct kite_packet *pkt);
struct sk_buff *kite_packet_alloc(gfp_t gfp);
void kite_packet_own(struct sk_buff *skb, struct sock *sk);
struct kite_packet kite_packet_reset(const struct kite_packet *pkt, u8 reason);
int kite_packet_xmit(struct net *net, const struct kite_transport *transport,
		     const struct kite_packet *pkt, struct sk_buff *skb);

/* echo.c */
void kite_echo_rcv(struct net *net, const struct kite_transport *transport,
		   const struct kite_packet *pkt, struct sk_buff *skb);

/* limit.c */
void kite_limit_init(struct kite_limit *limit);
bool kite_limit_allows(struct kite_limit *limit, int rate);

/* route.c */
const struct kite_transport *kite_route(struct net *net, u32 node);
const struct kite_transport *kite_route_get(struct net *net, u32 node);
u32 kite_route_source(struct net *net, u32 node);

/* transport.c */
struct sock *kite_transport_sender(const struct kite_transport *transport,
				   const struct sk_buff *skb);
gfp_t kite_transport_gfp(const struct kite_transport *transport);
const struct kite_transport *kite_transport_reaching(struct net *net, u32 node);

/* loopback.c */
int kite_loopback_init(void);
void kite_loopback_exit(void);

/* kitemon.c */
int kitemon_register(void);
void kitemon_unregister(void);

/* sockopt.c */
int kite_setsockopt(struct socket *sock, int level, int optname,
		    sockptr_t optval, unsigned int optlen);
int kite_getsockopt(struct socket *sock, int level, int optname,
		    char __user *optval, int __user *optlen);
int kite_dgram_ioctl(struct socket *sock, unsigned int cmd, unsigned long arg);
int kite_conn_ioctl(struct socket *sock, unsigned int cmd, unsigned long arg);
#ifdef CONFIG_COMPAT
int kite_compat_ioctl(struct socket *sock, unsigned int cmd, unsigned long arg);
#endif
void kite_inherit(struct sock *child, struct sock *listener);
void kite_peercred_set(struct sock *sk);
void kite_peercred_copy(struct sock *sk, struct sock *from);

/* describe.c */
struct kite_diag_msg;
void kite_describe(struct kite_diag_msg *msg, struct sock *sk,
		   struct user_namespace *user_ns);
int kite_describe_more(struct sk_buff *skb, struct sock *sk, u32 show);

/* diag.c */
int kite_diag_init(void);
void kite_diag_exit(void);

/* event.c */
void kite_event_tell(struct sock *sk, u8 event, u8 reason);
int kite_event_init(void);
void kite_event_exit(void);

/* Has anybody ever listened? Most machines never see it. */
extern bool kite_event_heard;

/**
 * kite_event - something became of a socket
 * @sk: the socket
 * @event: what: one of &enum kite_event_cmd
 * @reason: of KITE_EVENT_RESET: one of &enum kite_reset; or 0
 *
 * Context: Any.
 */
static inline void kite_event(struct sock *sk, u8 event, u8 reason)
{
	if (unlikely(READ_ONCE(kite_event_heard)))
		kite_event_tell(sk, event, reason);
}

/* fdinfo.c, with CONFIG_PROC_FS */
void kite_show_fdinfo(struct seq_file *m, struct socket *sock);

/* proc.c */
#ifdef CONFIG_PROC_FS
int kite_proc_init(struct net *net);
void kite_proc_exit(struct net *net);
#else
static inline int kite_proc_init(struct net *net)
{
	return 0;
}

static inline void kite_proc_exit(struct net *net)
{
}
#endif

#include "credit.h"
#include "creds.h"
#include "pages.h"
#include "send.h"

#endif /* _AF_KITE_H */
