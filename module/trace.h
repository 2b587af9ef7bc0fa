/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tracepoints: what sockets do, for trace-cmd, perf and bpftrace. While nobody looks,
 * each is a branch that is patched out.
 *
 * A socket is known by its address in memory, which is all that an unaccepted child
 * has, and by its inode's number, which /proc/PID/fd has too. Ports and nodes that are
 * not set are 4294967295.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM kite

#if !defined(_KITE_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _KITE_TRACE_H

#include <linux/tracepoint.h>

#include "af_kite.h"

/* Programs that take events apart need to know the numbers. */
TRACE_DEFINE_ENUM(SOCK_STREAM);
TRACE_DEFINE_ENUM(SOCK_DGRAM);
TRACE_DEFINE_ENUM(SOCK_RAW);
TRACE_DEFINE_ENUM(SOCK_SEQPACKET);
TRACE_DEFINE_ENUM(TCP_ESTABLISHED);
TRACE_DEFINE_ENUM(TCP_SYN_SENT);
TRACE_DEFINE_ENUM(TCP_CLOSE);
TRACE_DEFINE_ENUM(TCP_LISTEN);
TRACE_DEFINE_ENUM(TCP_CLOSING);
TRACE_DEFINE_ENUM(KITE_OP_REQUEST);
TRACE_DEFINE_ENUM(KITE_OP_RESPONSE);
TRACE_DEFINE_ENUM(KITE_OP_RESET);
TRACE_DEFINE_ENUM(KITE_OP_DATA);
TRACE_DEFINE_ENUM(KITE_OP_CREDIT);
TRACE_DEFINE_ENUM(KITE_OP_SHUTDOWN);
TRACE_DEFINE_ENUM(KITE_OP_DGRAM);
TRACE_DEFINE_ENUM(KITE_OP_ECHO);
TRACE_DEFINE_ENUM(KITE_OP_ECHO_REPLY);
TRACE_DEFINE_ENUM(KITE_RESET_REFUSED);
TRACE_DEFINE_ENUM(KITE_RESET_FULL);
TRACE_DEFINE_ENUM(KITE_RESET_ABORT);
TRACE_DEFINE_ENUM(KITE_RESET_PROTOCOL);
TRACE_DEFINE_ENUM(KITE_RESET_TIMEOUT);
TRACE_DEFINE_ENUM(KITE_RESET_NOMEM);
TRACE_DEFINE_ENUM(KITE_CREDIT_GRANT);
TRACE_DEFINE_ENUM(KITE_CREDIT_UPDATE);
TRACE_DEFINE_ENUM(KITE_CREDIT_BLOCK);
TRACE_DEFINE_ENUM(KITE_CREDIT_WAKE);
TRACE_DEFINE_ENUM(KITE_DROP_NO_PORT);
TRACE_DEFINE_ENUM(KITE_DROP_NO_LISTENER);
TRACE_DEFINE_ENUM(KITE_DROP_NO_CONNECTION);
TRACE_DEFINE_ENUM(KITE_DROP_CLOSED);
TRACE_DEFINE_ENUM(KITE_DROP_UNREAD);
TRACE_DEFINE_ENUM(KITE_DROP_RCVBUF);
TRACE_DEFINE_ENUM(KITE_DROP_RAW_FULL);
TRACE_DEFINE_ENUM(KITE_DROP_FILTER);
TRACE_DEFINE_ENUM(KITE_DROP_MEMORY_LIMIT);
TRACE_DEFINE_ENUM(KITE_DROP_NOMEM);
TRACE_DEFINE_ENUM(KITE_DROP_LISTEN_FULL);
TRACE_DEFINE_ENUM(KITE_DROP_TUPLE_BUSY);
TRACE_DEFINE_ENUM(KITE_DROP_UNREACHABLE);
TRACE_DEFINE_ENUM(KITE_DROP_WRONG_NODE);
TRACE_DEFINE_ENUM(KITE_DROP_BAD_HEADER);
TRACE_DEFINE_ENUM(KITE_DROP_FORGED);
TRACE_DEFINE_ENUM(KITE_DROP_UNASKED);
TRACE_DEFINE_ENUM(KITE_DROP_NO_CREDIT);
TRACE_DEFINE_ENUM(KITE_DROP_RATE_LIMITED);

#define kite_trace_type(type)						\
	__print_symbolic(type,						\
			 { SOCK_STREAM, "STREAM" },			\
			 { SOCK_DGRAM, "DGRAM" },			\
			 { SOCK_RAW, "RAW" },				\
			 { SOCK_SEQPACKET, "SEQPACKET" })

#define kite_trace_state(state)						\
	__print_symbolic(state,						\
			 { TCP_ESTABLISHED, "ESTABLISHED" },		\
			 { TCP_SYN_SENT, "SYN_SENT" },			\
			 { TCP_CLOSE, "CLOSE" },			\
			 { TCP_LISTEN, "LISTEN" },			\
			 { TCP_CLOSING, "CLOSING" })

#define kite_trace_op(op)						\
	__print_symbolic(op,						\
			 { KITE_OP_REQUEST, "REQUEST" },		\
			 { KITE_OP_RESPONSE, "RESPONSE" },		\
			 { KITE_OP_RESET, "RESET" },			\
			 { KITE_OP_DATA, "DATA" },			\
			 { KITE_OP_CREDIT, "CREDIT" },			\
			 { KITE_OP_SHUTDOWN, "SHUTDOWN" },		\
			 { KITE_OP_DGRAM, "DGRAM" },			\
			 { KITE_OP_ECHO, "ECHO" },			\
			 { KITE_OP_ECHO_REPLY, "ECHO_REPLY" })

#define kite_trace_reset(reset)						\
	__print_symbolic(reset,						\
			 { 0, "none" },					\
			 { KITE_RESET_REFUSED, "REFUSED" },		\
			 { KITE_RESET_FULL, "FULL" },			\
			 { KITE_RESET_ABORT, "ABORT" },			\
			 { KITE_RESET_PROTOCOL, "PROTOCOL" },		\
			 { KITE_RESET_TIMEOUT, "TIMEOUT" },		\
			 { KITE_RESET_NOMEM, "NOMEM" })

#define kite_trace_credit(what)						\
	__print_symbolic(what,						\
			 { KITE_CREDIT_GRANT, "grant" },		\
			 { KITE_CREDIT_UPDATE, "update" },		\
			 { KITE_CREDIT_BLOCK, "block" },		\
			 { KITE_CREDIT_WAKE, "wake" })

#define kite_trace_shutdown(how)					\
	__print_flags(how, "|",						\
		      { RCV_SHUTDOWN, "RCV" },				\
		      { SEND_SHUTDOWN, "SEND" })

#define kite_trace_flags(flags)						\
	__print_flags(flags, "|",					\
		      { MSG_OOB, "OOB" },				\
		      { MSG_PEEK, "PEEK" },				\
		      { MSG_TRUNC, "TRUNC" },				\
		      { MSG_DONTWAIT, "DONTWAIT" },			\
		      { MSG_EOR, "EOR" },				\
		      { MSG_WAITALL, "WAITALL" },			\
		      { MSG_ERRQUEUE, "ERRQUEUE" },			\
		      { MSG_NOSIGNAL, "NOSIGNAL" },			\
		      { MSG_MORE, "MORE" },				\
		      { MSG_ZEROCOPY, "ZEROCOPY" })

#define kite_trace_reason(reason)					\
	__print_symbolic(reason,					\
			 { KITE_DROP_NO_PORT, "NO_PORT" },		\
			 { KITE_DROP_NO_LISTENER, "NO_LISTENER" },	\
			 { KITE_DROP_NO_CONNECTION, "NO_CONNECTION" },	\
			 { KITE_DROP_CLOSED, "CLOSED" },		\
			 { KITE_DROP_UNREAD, "UNREAD" },		\
			 { KITE_DROP_RCVBUF, "RCVBUF" },		\
			 { KITE_DROP_RAW_FULL, "RAW_FULL" },		\
			 { KITE_DROP_FILTER, "FILTER" },		\
			 { KITE_DROP_MEMORY_LIMIT, "MEMORY_LIMIT" },	\
			 { KITE_DROP_NOMEM, "NOMEM" },			\
			 { KITE_DROP_LISTEN_FULL, "LISTEN_FULL" },	\
			 { KITE_DROP_TUPLE_BUSY, "TUPLE_BUSY" },	\
			 { KITE_DROP_UNREACHABLE, "UNREACHABLE" },	\
			 { KITE_DROP_WRONG_NODE, "WRONG_NODE" },	\
			 { KITE_DROP_BAD_HEADER, "BAD_HEADER" },	\
			 { KITE_DROP_FORGED, "FORGED" },		\
			 { KITE_DROP_UNASKED, "UNASKED" },		\
			 { KITE_DROP_NO_CREDIT, "NO_CREDIT" },		\
			 { KITE_DROP_RATE_LIMITED, "RATE_LIMITED" })

/* Which socket? */
#define KITE_TRACE_SOCK							\
	__field(const void *,	skaddr)					\
	__field(unsigned long,	ino)					\
	__field(u32,		netns)					\
	__field(u8,		type)					\
	__field(u32,		local_node)				\
	__field(u32,		local_port)				\
	__field(u32,		remote_node)				\
	__field(u32,		remote_port)

#define KITE_TRACE_SOCK_ASSIGN(socket, remote)				\
	do {								\
		const struct sock *__sk = (socket);			\
		const struct kite_tuple *__tuple = &kite_sk(__sk)->tuple; \
		const struct kite_addr __remote = (remote);		\
									\
		__entry->skaddr = __sk;					\
		__entry->ino = kite_sk_ino(__sk);			\
		__entry->netns = sock_net(__sk)->ns.inum;		\
		__entry->type = __sk->sk_type;				\
		__entry->local_node = READ_ONCE(__tuple->local.node);	\
		__entry->local_port = READ_ONCE(__tuple->local.port);	\
		__entry->remote_node = __remote.node;			\
		__entry->remote_port = __remote.port;			\
	} while (0)

#define KITE_TRACE_SOCK_FMT						\
	"sk=%p ino=%lu netns=%u type=%s local=%u:%u remote=%u:%u "

#define KITE_TRACE_SOCK_ARGS						\
	__entry->skaddr, __entry->ino, __entry->netns,			\
	kite_trace_type(__entry->type),					\
	__entry->local_node, __entry->local_port,			\
	__entry->remote_node, __entry->remote_port

DECLARE_EVENT_CLASS(kite_message,

	TP_PROTO(const struct sock *sk, const struct kite_addr *remote, size_t len,
		 unsigned int flags, long ret, const u32 *total),

	TP_ARGS(sk, remote, len, flags, ret, total),

	TP_STRUCT__entry(
		KITE_TRACE_SOCK
		__field(size_t,		len)
		__field(unsigned int,	flags)
		__field(long,		ret)
		__field(u32,		total)
	),

	TP_fast_assign(
		KITE_TRACE_SOCK_ASSIGN(sk, *remote);
		__entry->len = len;
		__entry->flags = flags;
		__entry->ret = ret;
		__entry->total = total ? READ_ONCE(*total) : 0;
	),

	TP_printk(KITE_TRACE_SOCK_FMT "len=%zu flags=%s ret=%ld total=%u",
		  KITE_TRACE_SOCK_ARGS, __entry->len,
		  kite_trace_flags(__entry->flags), __entry->ret, __entry->total)
);

/*
 * A send call is over. @remote: where to; @ret: what it returns; @total: how much was
 * sent on this connection in all, as its credit counts
 */
DEFINE_EVENT(kite_message, kite_send,
	TP_PROTO(const struct sock *sk, const struct kite_addr *remote, size_t len,
		 unsigned int flags, long ret, const u32 *total),
	TP_ARGS(sk, remote, len, flags, ret, total)
);

/*
 * A receive call is over. @remote: where from; @ret: what it returns; @total: how much
 * was read on this connection in all, as its credit counts
 */
DEFINE_EVENT(kite_message, kite_recv,
	TP_PROTO(const struct sock *sk, const struct kite_addr *remote, size_t len,
		 unsigned int flags, long ret, const u32 *total),
	TP_ARGS(sk, remote, len, flags, ret, total)
);

/*
 * A socket changed its state, or, where both are the same, shut down a direction.
 * reset: if the connection ends so, why
 */
TRACE_EVENT(kite_state,

	TP_PROTO(const struct sock *sk, u8 oldstate, u8 newstate),

	TP_ARGS(sk, oldstate, newstate),

	TP_STRUCT__entry(
		KITE_TRACE_SOCK
		__field(u8,	oldstate)
		__field(u8,	newstate)
		__field(u8,	shutdown)
		__field(u8,	reset)
		__field(int,	err)
	),

	TP_fast_assign(
		KITE_TRACE_SOCK_ASSIGN(sk, kite_sk_remote(kite_sk(sk)));
		__entry->oldstate = oldstate;
		__entry->newstate = newstate;
		__entry->shutdown = sk->sk_shutdown;
		__entry->reset = kite_sk_connects(sk) ? kite_conn(sk)->reset : 0;
		__entry->err = sk->sk_err;
	),

	TP_printk(KITE_TRACE_SOCK_FMT
		  "oldstate=%s newstate=%s shutdown=%s reset=%s err=%d",
		  KITE_TRACE_SOCK_ARGS, kite_trace_state(__entry->oldstate),
		  kite_trace_state(__entry->newstate),
		  kite_trace_shutdown(__entry->shutdown),
		  kite_trace_reset(__entry->reset), __entry->err)
);

/*
 * Credit. grant: this socket has read, and its peer may send so far. For the others,
 * what it may send itself: update: so says a packet from its peer; block: it waits for
 * room; wake: there is room again. read, limit and sent are the counters of that
 * direction.
 */
TRACE_EVENT(kite_credit,

	TP_PROTO(const struct sock *sk, enum kite_credit_event what),

	TP_ARGS(sk, what),

	TP_STRUCT__entry(
		KITE_TRACE_SOCK
		__field(u8,	what)
		__field(u32,	read)
		__field(u32,	limit)
		__field(u32,	sent)
	),

	TP_fast_assign(
		const struct kite_conn *kc = kite_conn(sk);

		KITE_TRACE_SOCK_ASSIGN(sk, kite_sk_remote(kite_sk(sk)));
		__entry->what = what;
		if (what == KITE_CREDIT_GRANT) {
			__entry->read = kite_credit_read(kc);
			__entry->limit = READ_ONCE(kc->rx_limit);
			__entry->sent = READ_ONCE(kc->rx_queued) +
					READ_ONCE(kc->rx_tossed);
		} else {
			__entry->read = READ_ONCE(kc->tx_read);
			__entry->limit = READ_ONCE(kc->tx_limit);
			__entry->sent = READ_ONCE(kc->tx_sent);
		}
	),

	TP_printk(KITE_TRACE_SOCK_FMT "what=%s read=%u limit=%u sent=%u",
		  KITE_TRACE_SOCK_ARGS, kite_trace_credit(__entry->what),
		  __entry->read, __entry->limit, __entry->sent)
);

/*
 * A message or packet was thrown away. skaddr, ino: the socket that it was for, or 0;
 * core: the reason by which skb:kfree_skb knows it
 */
TRACE_EVENT(kite_drop,

	TP_PROTO(const struct net *net, const struct sock *sk,
		 const struct kite_packet *pkt, u32 len, enum kite_drop_reason reason),

	TP_ARGS(net, sk, pkt, len, reason),

	TP_STRUCT__entry(
		__field(const void *,	skaddr)
		__field(unsigned long,	ino)
		__field(u32,		netns)
		__field(u8,		type)
		__field(u8,		op)
		__field(u8,		reason)
		__field(u32,		core)
		__field(u32,		src_node)
		__field(u32,		src_port)
		__field(u32,		dst_node)
		__field(u32,		dst_port)
		__field(u32,		len)
	),

	TP_fast_assign(
		__entry->skaddr = sk;
		__entry->ino = sk ? kite_sk_ino(sk) : 0;
		__entry->netns = net->ns.inum;
		__entry->type = pkt->type;
		__entry->op = pkt->op;
		__entry->reason = reason;
		__entry->core = kite_drop_core_reason(reason);
		__entry->src_node = pkt->src.node;
		__entry->src_port = pkt->src.port;
		__entry->dst_node = pkt->dst.node;
		__entry->dst_port = pkt->dst.port;
		__entry->len = len;
	),

	TP_printk("sk=%p ino=%lu netns=%u type=%s op=%s src=%u:%u dst=%u:%u len=%u reason=%s core=%u",
		  __entry->skaddr, __entry->ino, __entry->netns,
		  kite_trace_type(__entry->type), kite_trace_op(__entry->op),
		  __entry->src_node, __entry->src_port, __entry->dst_node,
		  __entry->dst_port, __entry->len, kite_trace_reason(__entry->reason),
		  __entry->core)
);

#endif /* _KITE_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace

#include <trace/define_trace.h>
