/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Sockets as the kernel describes them, see linux/kite_diag.h; and which of them the
 * command line means.
 */
#ifndef KITE_NL_H
#define KITE_NL_H

#include <stdbool.h>

#include <linux/kite_diag.h>
#include <linux/sock_diag.h>

struct json_object;
struct nlmsghdr;
struct mnl_socket;

/**
 * struct socket_info - a socket
 * @msg: what is said of each
 * @has: which of the following came: bits 1 << KITE_DIAG_*
 * @mem: SK_MEMINFO_*
 * @credit: of a connection
 * @peer: the other end, if it is here
 * @cgroup: the cgroup of who made it
 * @mark: SO_MARK
 * @transport: what carries its packets
 * @time: of an event, in nanoseconds since 1970
 * @reason: of a reset: enum kite_reset
 */
struct socket_info {
	struct kite_diag_msg msg;
	unsigned int has;
	__u32 mem[SK_MEMINFO_VARS];
	struct kite_diag_credit credit;
	struct kite_diag_peer peer;
	__u64 cgroup;
	__u32 mark;
	char transport[16];
	__u64 time;
	__u8 reason;
};

#define HAS(info, what)	((info)->has & 1U << (what))

/**
 * struct hearer - who listens to events
 * @each: called for each; returns MNL_CB_OK, or MNL_CB_STOP for enough
 */
struct hearer {
	int (*each)(int event, const struct socket_info *info);
};

/* nl.c */
struct mnl_socket *diag_open(void);
void diag_request_all(struct kite_diag_req *req);
void diag_dump(struct mnl_socket *nl, const struct kite_diag_req *req,
	       void (*each)(const struct socket_info *info));
int diag_destroy(struct mnl_socket *nl, const struct kite_diag_msg *msg);
struct mnl_socket *events_open(void);
int events_next(struct mnl_socket *nl, struct hearer *hearer);
int info_parse(struct socket_info *info, const struct nlmsghdr *nlh, size_t skip);

/* ss-filter.c */
struct filter;
struct filter *filter_parse(int argc, char **argv);
unsigned int filter_states(const struct filter *filter, unsigned int states);
void filter_request(const struct filter *filter, struct kite_diag_req *req);
bool filter_fits(const struct filter *filter, const struct kite_diag_msg *msg);

/* ss-print.c */
const char *state_name(int state);
void print_details(const struct socket_info *info, const char *what);
struct json_object *info_json(const struct socket_info *info);

/* ss-proc.c */
void processes_read(void);
void processes_print(unsigned int ino);
struct json_object *processes_json(unsigned int ino);

#endif /* KITE_NL_H */
