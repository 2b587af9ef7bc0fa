/* SPDX-License-Identifier: GPL-2.0 */
/* linux/kite_diag.h by hand: requests to sock_diag, its answers, and events. */
#ifndef KITE_SELFTESTS_NETLINK_H
#define KITE_SELFTESTS_NETLINK_H

#include <stdbool.h>
#include <stddef.h>

#include <linux/kite_diag.h>
#include <linux/sock_diag.h>

/**
 * struct diag - a socket as it is described
 * @msg: what is said of every socket
 * @has: which attributes came: bits 1 << KITE_DIAG_*
 * @mem: KITE_DIAG_MEMINFO
 * @credit: KITE_DIAG_CREDIT
 * @peer: KITE_DIAG_PEER
 * @mark: KITE_DIAG_MARK
 * @transport: KITE_DIAG_TRANSPORT
 * @reason: KITE_DIAG_REASON
 * @event: of an event: &enum kite_event_cmd
 */
struct diag {
	struct kite_diag_msg msg;
	unsigned int has;
	__u32 mem[SK_MEMINFO_VARS];
	struct kite_diag_credit credit;
	struct kite_diag_peer peer;
	__u32 mark;
	char transport[32];
	__u8 reason;
	__u8 event;
};

#define DIAG_BIT(attr)	(1U << (attr))

int diag_open(void);
struct kite_diag_req diag_req(void);
int diag_send(int nl, int type, int flags, const void *req, size_t len);
int diag_next(int nl, struct diag *d);
int diag_one(int nl, const struct kite_diag_req *req, struct diag *d);
int diag_all(int nl, const struct kite_diag_req *req, struct diag *d, int max);
int diag_destroy(int nl, const struct kite_diag_req *req);
int diag_of(int nl, int fd, struct diag *d);
int diag_name(int fd, struct kite_diag_req *req);

int event_open(void);
int event_wait(int nl, struct diag *d);

#endif /* KITE_SELFTESTS_NETLINK_H */
