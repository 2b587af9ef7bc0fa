// SPDX-License-Identifier: GPL-2.0
/* linux/kite_diag.h by hand: requests to sock_diag, its answers, and events. */

#define _GNU_SOURCE
#include <string.h>
#include <sys/socket.h>

#include <linux/genetlink.h>
#include <linux/netlink.h>

#include "family.h"
#include "netlink.h"
#include "util.h"

/* What was received and not looked at yet; one netlink socket at a time. */
static union {
	struct nlmsghdr first;
	char bytes[65536];
} buf;
static size_t here, left;

static int netlink_open(int protocol)
{
	left = 0;
	return ERR(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol));
}

int diag_open(void)
{
	return netlink_open(NETLINK_SOCK_DIAG);
}

/* All sockets, and all of each. */
struct kite_diag_req diag_req(void)
{
	return (struct kite_diag_req) {
		.kdr_family		= family_kite.domain(),
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

int diag_send(int nl, int type, int flags, const void *req, size_t len)
{
	struct nlmsghdr hdr = {
		.nlmsg_len	= NLMSG_HDRLEN + len,
		.nlmsg_type	= type,
		.nlmsg_flags	= NLM_F_REQUEST | flags,
	};
	struct iovec iov[] = { { &hdr, sizeof(hdr) }, { (void *)req, len } };
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 2 };

	return ERR(sendmsg(nl, &msg, 0)) < 0 ? -errno : 0;
}

static void copy(void *to, size_t size, const struct nlattr *attr)
{
	size_t len = attr->nla_len - NLA_HDRLEN;

	memcpy(to, (const char *)attr + NLA_HDRLEN, len < size ? len : size);
}

static void take_attr(struct diag *d, const struct nlattr *attr)
{
	d->has |= DIAG_BIT(attr->nla_type);
	switch (attr->nla_type) {
	case KITE_DIAG_MEMINFO:
		copy(d->mem, sizeof(d->mem), attr);
		break;
	case KITE_DIAG_CREDIT:
		copy(&d->credit, sizeof(d->credit), attr);
		break;
	case KITE_DIAG_PEER:
		copy(&d->peer, sizeof(d->peer), attr);
		break;
	case KITE_DIAG_MARK:
		copy(&d->mark, sizeof(d->mark), attr);
		break;
	case KITE_DIAG_TRANSPORT:
		copy(d->transport, sizeof(d->transport) - 1, attr);
		break;
	case KITE_DIAG_REASON:
		copy(&d->reason, sizeof(d->reason), attr);
		break;
	}
}

/* @len bytes from @data: the struct and its attributes. */
static int take(struct diag *d, const char *data, size_t len)
{
	size_t at = NLMSG_ALIGN(sizeof(d->msg));

	if (len < sizeof(d->msg))
		return -EBADMSG;
	memcpy(&d->msg, data, sizeof(d->msg));
	while (at + NLA_HDRLEN <= len) {
		const struct nlattr *attr = (const struct nlattr *)(data + at);

		if (attr->nla_len < NLA_HDRLEN || attr->nla_len > len - at)
			return -EBADMSG;
		take_attr(d, attr);
		at += NLA_ALIGN(attr->nla_len);
	}
	return at == len ? 1 : -EBADMSG;
}

static int receive(int nl)
{
	ssize_t n;

	if (left)
		return 0;
	n = ERR(recv(nl, &buf, sizeof(buf), 0));
	if (n < 0)
		return n;
	here = 0;
	left = n;
	return 0;
}

/* The next message, and where its payload begins. */
static int next(int nl, const struct nlmsghdr **hdr)
{
	int err = receive(nl);
	size_t len;

	if (err)
		return err;
	*hdr = (const struct nlmsghdr *)(buf.bytes + here);
	if (left < NLMSG_HDRLEN || (*hdr)->nlmsg_len > left)
		return -EBADMSG;
	len = NLMSG_ALIGN((*hdr)->nlmsg_len);
	len = len < left ? len : left;
	here += len;
	left -= len;
	return 0;
}

/* 1 and a socket; or 0 or an error, when no more come. */
int diag_next(int nl, struct diag *d)
{
	const struct nlmsghdr *hdr;
	int err = next(nl, &hdr);

	if (err)
		return err;
	memset(d, 0, sizeof(*d));
	switch (hdr->nlmsg_type) {
	case NLMSG_DONE:
	case NLMSG_ERROR:
		return *(const int *)NLMSG_DATA(hdr);
	case SOCK_DIAG_BY_FAMILY:
		return take(d, NLMSG_DATA(hdr), NLMSG_PAYLOAD(hdr, 0));
	default:
		return -EBADMSG;
	}
}

/* The one that the request names: 0 or an error. */
int diag_one(int nl, const struct kite_diag_req *req, struct diag *d)
{
	int err = diag_send(nl, SOCK_DIAG_BY_FAMILY, 0, req, sizeof(*req));

	if (err)
		return err;
	err = diag_next(nl, d);
	return err == 1 ? 0 : err ?: -ENODATA;
}

/* All that the request fits, in @d as far as there is room: how many, or an error. */
int diag_all(int nl, const struct kite_diag_req *req, struct diag *d, int max)
{
	int err = diag_send(nl, SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, req, sizeof(*req));
	struct diag spare;
	int n = 0;

	while (!err) {
		err = diag_next(nl, n < max ? &d[n] : &spare);
		if (err != 1)
			return err ?: n;
		err = 0;
		n++;
	}
	return err;
}

int diag_destroy(int nl, const struct kite_diag_req *req)
{
	int err = diag_send(nl, SOCK_DESTROY, NLM_F_ACK, req, sizeof(*req));
	struct diag d;

	return err ?: diag_next(nl, &d);
}

/* The request that fits a socket of ours alone. */
int diag_name(int fd, struct kite_diag_req *req)
{
	__u64 cookie;
	socklen_t len = sizeof(cookie);
	int err = ERR(getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &len));

	*req = diag_req();
	req->kdr_cookie[0] = cookie;
	req->kdr_cookie[1] = cookie >> 32;
	return err;
}

int diag_of(int nl, int fd, struct diag *d)
{
	struct kite_diag_req req;

	return diag_name(fd, &req) ?: diag_one(nl, &req, d);
}

struct ask {
	struct genlmsghdr genl;
	struct nlattr attr;
	char name[8];
};

/* What follows @attr of the attributes that end at @end. */
static const struct nlattr *find(const void *at, const void *end, int type)
{
	const struct nlattr *attr = at;

	while ((const char *)end - (const char *)attr >= NLA_HDRLEN && attr->nla_len) {
		if ((attr->nla_type & NLA_TYPE_MASK) == type)
			return attr;
		attr = (const void *)((const char *)attr + NLA_ALIGN(attr->nla_len));
	}
	return NULL;
}

static const void *inside(const struct nlattr *attr)
{
	return (const char *)attr + NLA_HDRLEN;
}

static const void *behind(const struct nlattr *attr)
{
	return (const char *)attr + attr->nla_len;
}

/* The number of the only group that the family has. */
static int find_group(const struct nlmsghdr *hdr)
{
	const struct nlattr *attr;

	attr = find((const char *)NLMSG_DATA(hdr) + GENL_HDRLEN,
		    (const char *)hdr + hdr->nlmsg_len, CTRL_ATTR_MCAST_GROUPS);
	if (attr)
		attr = find(inside(attr), behind(attr), 1);
	if (attr)
		attr = find(inside(attr), behind(attr), CTRL_ATTR_MCAST_GRP_ID);
	return attr ? *(const int *)inside(attr) : -ENOENT;
}

static int event_group(int nl)
{
	struct ask ask = {
		.genl	= { .cmd = CTRL_CMD_GETFAMILY, .version = 1 },
		.attr	= { NLA_HDRLEN + sizeof(KITE_GENL_NAME), CTRL_ATTR_FAMILY_NAME },
		.name	= KITE_GENL_NAME,
	};
	const struct nlmsghdr *hdr;
	int err = diag_send(nl, GENL_ID_CTRL, 0, &ask, sizeof(ask)) ?: next(nl, &hdr);

	if (err)
		return err;
	if (hdr->nlmsg_type == NLMSG_ERROR)
		return *(const int *)NLMSG_DATA(hdr);
	return find_group(hdr);
}

/* Whoever listens to all events of this namespace from now on. */
int event_open(void)
{
	int nl = netlink_open(NETLINK_GENERIC);
	int group, err;

	if (nl < 0)
		return nl;
	group = event_group(nl);
	err = group < 0 ? group : ERR(setsockopt(nl, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP,
						 &group, sizeof(group)));
	if (!err)
		return nl;
	close(nl);
	return err;
}

/* The next event, or -EAGAIN if none comes. */
int event_wait(int nl, struct diag *d)
{
	const struct genlmsghdr *genl;
	const struct nlmsghdr *hdr;
	int err;

	err = left ? 0 : set_timeout(nl, SO_RCVTIMEO, TIMEOUT_MS) ?: receive(nl);
	if (!err)
		err = next(nl, &hdr);
	if (err)
		return err;
	memset(d, 0, sizeof(*d));
	genl = NLMSG_DATA(hdr);
	d->event = genl->cmd;
	err = take(d, (const char *)genl + GENL_HDRLEN, NLMSG_PAYLOAD(hdr, GENL_HDRLEN));
	return err == 1 ? 0 : err;
}
