// SPDX-License-Identifier: GPL-2.0
/*
 * Talking to the kernel about sockets: sock_diag's requests and answers, and the
 * events of generic netlink.
 */
#include <err.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <libmnl/libmnl.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>

#include "kite.h"
#include "nl.h"

static char buf[32768];

static struct mnl_socket *nl_open(int protocol)
{
	struct mnl_socket *nl = mnl_socket_open2(protocol, SOCK_CLOEXEC);

	if (!nl || mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID))
		err(1, "netlink");
	return nl;
}

static int nl_send(struct mnl_socket *nl, int type, int flags, const void *payload,
		   size_t len)
{
	char message[256];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(message);

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST | flags;
	nlh->nlmsg_seq = time(NULL);
	memcpy(mnl_nlmsg_put_extra_header(nlh, len), payload, len);
	if (mnl_socket_sendto(nl, nlh, nlh->nlmsg_len) < 0)
		err(1, "netlink");
	return nlh->nlmsg_seq;
}

/**
 * diag_open - begin to ask for sockets
 *
 * Return: where to ask.
 */
struct mnl_socket *diag_open(void)
{
	return nl_open(NETLINK_SOCK_DIAG);
}

/**
 * diag_request_all - ask for all sockets and all about them
 * @req: the request
 *
 * The program ends if kite.ko is not loaded.
 */
void diag_request_all(struct kite_diag_req *req)
{
	*req = (struct kite_diag_req) {
		.kdr_family		= kite_family(),
		.kdr_types		= KITE_DIAG_ALL,
		.kdr_states		= KITE_DIAG_ALL,
		.kdr_show		= KITE_DIAG_ALL,
		.kdr_local_port		= KITE_PORT_ANY,
		.kdr_local_node		= KITE_NODE_ANY,
		.kdr_remote_port	= KITE_PORT_ANY,
		.kdr_remote_node	= KITE_NODE_ANY,
		.kdr_cookie		= { KITE_DIAG_NOCOOKIE, KITE_DIAG_NOCOOKIE },
	};
}

/* A newer kernel may tell more, an older one less. */
static void take(void *to, size_t size, const struct nlattr *attr)
{
	size_t len = mnl_attr_get_payload_len(attr);

	memcpy(to, mnl_attr_get_payload(attr), len < size ? len : size);
}

static int parse_attr(const struct nlattr *attr, void *data)
{
	struct socket_info *info = data;
	int type = mnl_attr_get_type(attr);

	if (type > KITE_DIAG_MAX)
		return MNL_CB_OK;
	info->has |= 1U << type;
	switch (type) {
	case KITE_DIAG_MEMINFO:
		take(info->mem, sizeof(info->mem), attr);
		break;
	case KITE_DIAG_CREDIT:
		take(&info->credit, sizeof(info->credit), attr);
		break;
	case KITE_DIAG_PEER:
		take(&info->peer, sizeof(info->peer), attr);
		break;
	case KITE_DIAG_CGROUP:
		take(&info->cgroup, sizeof(info->cgroup), attr);
		break;
	case KITE_DIAG_MARK:
		take(&info->mark, sizeof(info->mark), attr);
		break;
	case KITE_DIAG_TRANSPORT:
		take(info->transport, sizeof(info->transport) - 1, attr);
		break;
	case KITE_DIAG_TIME:
		take(&info->time, sizeof(info->time), attr);
		break;
	case KITE_DIAG_REASON:
		take(&info->reason, sizeof(info->reason), attr);
		break;
	}
	return MNL_CB_OK;
}

/**
 * info_parse - read what a message says of a socket
 * @info: where it goes
 * @nlh: the message
 * @skip: bytes of its payload before struct kite_diag_msg
 *
 * Return: what libmnl wants from a callback.
 */
int info_parse(struct socket_info *info, const struct nlmsghdr *nlh, size_t skip)
{
	memset(info, 0, sizeof(*info));
	if (mnl_nlmsg_get_payload_len(nlh) < skip + sizeof(info->msg)) {
		warnx("the kernel's answer is too short");
		return MNL_CB_ERROR;
	}
	memcpy(&info->msg, (char *)mnl_nlmsg_get_payload(nlh) + skip, sizeof(info->msg));
	return mnl_attr_parse(nlh, skip + sizeof(info->msg), parse_attr, info);
}

struct dump {
	void (*each)(const struct socket_info *info);
};

static int dump_one(const struct nlmsghdr *nlh, void *data)
{
	const struct dump *dump = data;
	struct socket_info info;
	int ret = info_parse(&info, nlh, 0);

	if (ret == MNL_CB_OK)
		dump->each(&info);
	return ret;
}

/**
 * diag_dump - look at all sockets that a request fits
 * @nl: where to ask
 * @req: the request
 * @each: called for each
 *
 * The program ends if the kernel says no.
 */
void diag_dump(struct mnl_socket *nl, const struct kite_diag_req *req,
	       void (*each)(const struct socket_info *info))
{
	struct dump dump = { .each = each };
	unsigned int seq = nl_send(nl, SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, req, sizeof(*req));
	int ret;

	do {
		ssize_t n = mnl_socket_recvfrom(nl, buf, sizeof(buf));

		ret = n < 0 ? n : mnl_cb_run(buf, n, seq, mnl_socket_get_portid(nl),
					     dump_one, &dump);
	} while (ret > 0);
	if (ret < 0 && errno == ENOENT)
		errx(1, "this kite.ko does not answer to sock_diag; load a newer one");
	if (ret < 0)
		err(1, "sock_diag");
}

/**
 * diag_destroy - end a socket
 * @nl: where to ask
 * @msg: which
 *
 * Return: 0, or -1 and errno: ENOENT if it is gone already, EPERM.
 */
int diag_destroy(struct mnl_socket *nl, const struct kite_diag_msg *msg)
{
	struct kite_diag_req req;
	unsigned int seq;
	ssize_t n;

	diag_request_all(&req);
	memcpy(req.kdr_cookie, msg->kdm_cookie, sizeof(req.kdr_cookie));
	req.kdr_types = 1U << msg->kdm_type;
	/* So a connection is found without a look at all the others. */
	req.kdr_local_port = msg->kdm_local_port;
	req.kdr_local_node = msg->kdm_local_node;
	req.kdr_remote_port = msg->kdm_remote_port;
	req.kdr_remote_node = msg->kdm_remote_node;
	seq = nl_send(nl, SOCK_DESTROY, NLM_F_ACK, &req, sizeof(req));
	n = mnl_socket_recvfrom(nl, buf, sizeof(buf));
	if (n < 0)
		return -1;
	return mnl_cb_run(buf, n, seq, mnl_socket_get_portid(nl), NULL, NULL);
}

static int find_id(const struct nlattr *attr, void *data)
{
	if (mnl_attr_get_type(attr) == CTRL_ATTR_MCAST_GRP_ID)
		*(int *)data = mnl_attr_get_u32(attr);
	return MNL_CB_OK;
}

static int find_group(const struct nlattr *attr, void *data)
{
	const struct nlattr *group;

	if (mnl_attr_get_type(attr) != CTRL_ATTR_MCAST_GROUPS)
		return MNL_CB_OK;
	/* The family has this one. */
	mnl_attr_for_each_nested(group, attr)
		mnl_attr_parse_nested(group, find_id, data);
	return MNL_CB_OK;
}

static int parse_family(const struct nlmsghdr *nlh, void *data)
{
	return mnl_attr_parse(nlh, sizeof(struct genlmsghdr), find_group, data);
}

static int events_group(struct mnl_socket *nl)
{
	struct {
		struct genlmsghdr genl;
		struct nlattr attr;
		char name[8];
	} ask = {
		.genl	= { .cmd = CTRL_CMD_GETFAMILY, .version = 1 },
		.attr	= { MNL_ATTR_HDRLEN + sizeof(KITE_GENL_NAME),
			    CTRL_ATTR_FAMILY_NAME },
		.name	= KITE_GENL_NAME,
	};
	unsigned int seq = nl_send(nl, GENL_ID_CTRL, 0, &ask, sizeof(ask));
	ssize_t n = mnl_socket_recvfrom(nl, buf, sizeof(buf));
	int group = 0;

	if (n < 0 || mnl_cb_run(buf, n, seq, mnl_socket_get_portid(nl), parse_family,
				&group) < 0)
		return -1;
	return group;
}

/**
 * events_open - begin to listen to events
 *
 * The program ends if it cannot.
 *
 * Return: where to listen.
 */
struct mnl_socket *events_open(void)
{
	struct mnl_socket *nl;
	int group, size = 4 << 20;

	kite_family();
	nl = nl_open(NETLINK_GENERIC);
	group = events_group(nl);
	if (group <= 0)
		errx(1, "this kite.ko tells no events; load a newer one");
	/* Many sockets may be opened at a time. Without privilege it stays small. */
	setsockopt(mnl_socket_get_fd(nl), SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	if (!mnl_socket_setsockopt(nl, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)))
		return nl;
	if (errno == EPERM)
		errx(1, "events need CAP_NET_ADMIN; try: sudo kite monitor");
	err(1, "events");
}

static int hear_one(const struct nlmsghdr *nlh, void *data)
{
	const struct genlmsghdr *genl = mnl_nlmsg_get_payload(nlh);
	const struct hearer *hearer = data;
	struct socket_info info;
	int ret = info_parse(&info, nlh, sizeof(*genl));

	return ret == MNL_CB_OK ? hearer->each(genl->cmd, &info) : ret;
}

/**
 * events_next - wait for events
 * @nl: where to listen
 * @hearer: who hears them
 *
 * Return: what the hearer returned last; or -1 and errno: ENOBUFS if events were
 * lost.
 */
int events_next(struct mnl_socket *nl, struct hearer *hearer)
{
	ssize_t n = mnl_socket_recvfrom(nl, buf, sizeof(buf));

	return n < 0 ? -1 : mnl_cb_run(buf, n, 0, 0, hear_one, hearer);
}
