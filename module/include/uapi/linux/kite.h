/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * AF_KITE: what programs need to know.
 *
 * The one header of the Kite socket family that user space includes. Its first
 * half is for every program: the family, the address and the socket options.
 * Its second half is the packet, for raw sockets and for programs that take
 * captures apart.
 */
#ifndef _UAPI_LINUX_KITE_H
#define _UAPI_LINUX_KITE_H

#include <linux/socket.h>
#include <linux/types.h>

/*
 * A loadable module can only take a number that the C library and the kernel
 * already know. 18 was AF_ASH, which nobody ever implemented. "insmod kite.ko
 * family=N" takes another one; /sys/module/kite/parameters/family tells which.
 */
#ifndef AF_KITE
#define AF_KITE			18
#define PF_KITE			AF_KITE
#endif

/* The level of Kite's own socket options, whatever number the family has. */
#define SOL_KITE		0x4b54

/*
 * The type of the control message, of level SOL_KITE, that comes with MSG_ERRQUEUE:
 * a struct sock_extended_err.
 */
#define KITE_RECVERR		1

#define KITE_NODE_ANY		0xffffffffU	/* bind: every address of this node */
#define KITE_NODE_LOCAL		1U		/* this network namespace */
#define KITE_PORT_ANY		0xffffffffU	/* bind: any free port */

/**
 * struct sockaddr_kite - the address of a Kite socket
 * @skt_family: AF_KITE
 * @skt_reserved: must be 0
 * @skt_port: port, in host byte order
 * @skt_node: node, in host byte order
 * @skt_zero: must be 0
 *
 * The layout is that of struct sockaddr_vm, so that a program written for
 * AF_VSOCK needs no change when Kite is loaded with family=40.
 */
struct sockaddr_kite {
	__kernel_sa_family_t	skt_family;
	__u16			skt_reserved;
	__u32			skt_port;
	__u32			skt_node;
	__u8			skt_zero[4];
};

/*
 * The packet: struct kite_hdr and then @len bytes of payload. A raw socket, which
 * needs CAP_NET_RAW, receives a copy of each packet of its network namespace and
 * sends what the program built. bind narrows what it sees to a port, a node or
 * both, of the source or of the destination. See Documentation/protocol.rst.
 */

#define KITE_VERSION		1

/* A record longer than this travels in several packets. */
#define KITE_MAX_PAYLOAD	65536U

/*
 * What each record costs of the receiver's window beyond its bytes, so that many
 * short ones do not hold many times as much memory.
 */
#define KITE_RECORD_OVERHEAD	512U

/**
 * enum kite_op - what a packet is for
 * @KITE_OP_REQUEST: open a connection to the listener at the destination
 * @KITE_OP_RESPONSE: the listener took the connection
 * @KITE_OP_RESET: no such connection, or it ended badly: &enum kite_reset says why
 * @KITE_OP_DATA: bytes of a stream, or a record or part of one
 * @KITE_OP_CREDIT: nothing but the two credit counters
 * @KITE_OP_SHUTDOWN: one or both directions are closed: KITE_SHUTDOWN_*
 * @KITE_OP_DGRAM: one datagram
 * @KITE_OP_ECHO: the destination node answers with the same payload. Its type is
 *	SOCK_RAW, and its ports mean nothing but what their sender makes of them
 * @KITE_OP_ECHO_REPLY: that answer, with the two addresses exchanged
 */
enum kite_op {
	KITE_OP_REQUEST		= 1,
	KITE_OP_RESPONSE	= 2,
	KITE_OP_RESET		= 3,
	KITE_OP_DATA		= 4,
	KITE_OP_CREDIT		= 5,
	KITE_OP_SHUTDOWN	= 6,
	KITE_OP_DGRAM		= 7,
	KITE_OP_ECHO		= 8,
	KITE_OP_ECHO_REPLY	= 9,
};

/* flags of KITE_OP_DATA, for records */
#define KITE_DATA_MORE		0x01	/* the record goes on; a full packet */
#define KITE_DATA_EOR		0x02	/* sent with MSG_EOR */

/* flags of KITE_OP_SHUTDOWN: what the sender of the packet will not do any more */
#define KITE_SHUTDOWN_RCV	0x01
#define KITE_SHUTDOWN_SEND	0x02

/**
 * enum kite_reset - flags of KITE_OP_RESET: why
 * @KITE_RESET_REFUSED: nobody listens there, or no such connection
 * @KITE_RESET_FULL: the listener has no room now, try again
 * @KITE_RESET_ABORT: closed with data unread, with SO_LINGER and 0 seconds, or
 *	before it was accepted
 * @KITE_RESET_PROTOCOL: the peer broke the protocol
 * @KITE_RESET_TIMEOUT: no answer came in time; never in a packet yet
 * @KITE_RESET_NOMEM: no memory for the connection or its data
 */
enum kite_reset {
	KITE_RESET_REFUSED	= 1,
	KITE_RESET_FULL		= 2,
	KITE_RESET_ABORT	= 3,
	KITE_RESET_PROTOCOL	= 4,
	KITE_RESET_TIMEOUT	= 5,
	KITE_RESET_NOMEM	= 6,
};

/**
 * struct kite_hdr - the header of every packet, little endian
 * @version: KITE_VERSION
 * @type: SOCK_STREAM, SOCK_SEQPACKET or SOCK_DGRAM: whose port space this is; or
 *	SOCK_RAW for KITE_OP_ECHO
 * @op: &enum kite_op
 * @flags: as @op defines them, 0 for the others
 * @len: bytes of payload that follow
 * @src_port: the sender's port
 * @src_node: the sender's node
 * @dst_port: the receiver's port
 * @dst_node: the receiver's node
 * @read: credit: how much its sender has read of this connection, in all
 * @limit: credit: up to where the receiver of this packet may send
 *
 * Both counters start at 0 with the connection, wrap at 2^32, and never go
 * back. They are 0 in packets that belong to no connection.
 */
struct kite_hdr {
	__u8	version;
	__u8	type;
	__u8	op;
	__u8	flags;
	__le32	len;
	__le32	src_port;
	__le32	src_node;
	__le32	dst_port;
	__le32	dst_node;
	__le32	read;
	__le32	limit;
};

#endif /* _UAPI_LINUX_KITE_H */
