// SPDX-License-Identifier: GPL-2.0
/*
 * The calls that carry an address or a control message beside what they send or
 * receive. The others, read and write among them, are not touched.
 */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "preload.h"

/* Room for control messages; who sends more than that gets EMSGSIZE. */
#define CONTROL_MAX	512

struct outgoing {
	struct msghdr msg;
	struct sockaddr_kite to;
	union {
		struct cmsghdr first;
		char bytes[CONTROL_MAX];
	} control;
};

static bool level_is_of_ip(int level)
{
	return level == IPPROTO_IP || level == IPPROTO_IPV6 || level == IPPROTO_TCP ||
	       level == IPPROTO_UDP;
}

/* Those of IP (the source address, a hop limit) mean nothing, and go. */
static bool control_filter(struct outgoing *out)
{
	struct msghdr from = out->msg;
	size_t used = 0;

	if (!from.msg_control || !from.msg_controllen)
		return true;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&from); c; c = CMSG_NXTHDR(&from, c)) {
		size_t size = CMSG_ALIGN(c->cmsg_len);

		if (level_is_of_ip(c->cmsg_level))
			continue;
		if (used + size > sizeof(out->control.bytes)) {
			errno = EMSGSIZE;
			return false;
		}
		memset(out->control.bytes + used, 0, size);
		memcpy(out->control.bytes + used, c, c->cmsg_len);
		used += size;
	}
	out->msg.msg_control = used ? &out->control : NULL;
	out->msg.msg_controllen = used;
	return true;
}

/* PLACE_ELSEWHERE: the socket is not Kite's any more. */
static enum place aim(int fd, struct tag *tag, struct outgoing *out)
{
	const struct sockaddr *to = out->msg.msg_name;
	socklen_t len = out->msg.msg_namelen;
	enum place place;
	struct name name;

	if (tag->kind == KIND_VSOCK) {
		place = vsock_parse(&out->to, to, len);
	} else {
		place = name_parse(&name, tag, to, len, true);
		if (place == PLACE_HERE && !name.port) {
			errno = EINVAL;
			return PLACE_WRONG;
		}
	}
	if (place == PLACE_ELSEWHERE)
		return native_become(fd, tag) ? place : PLACE_WRONG;
	if (place == PLACE_WRONG)
		return place;
	if (tag->kind != KIND_VSOCK)
		name_to_kite(&out->to, &name, false);
	out->msg.msg_name = &out->to;
	out->msg.msg_namelen = sizeof(out->to);
	return port_autobind(fd, tag, KITE_NODE_ANY) ? PLACE_WRONG : PLACE_HERE;
}

/*
 * TCP takes no notice of an address, but with MSG_FASTOPEN, which is a connect. UDP
 * does not tell who has not connected that nobody is there.
 */
static ssize_t send_out(int fd, struct tag *tag, struct outgoing *out, int flags)
{
	bool dgram = socket_is_dgram(fd);
	ssize_t sent;

	if (out->msg.msg_name && !dgram) {
		if ((flags & MSG_FASTOPEN) &&
		    connect(fd, (struct sockaddr *)out->msg.msg_name,
			    out->msg.msg_namelen))
			return -1;
		flags &= ~MSG_FASTOPEN;
		out->msg.msg_name = NULL;
		out->msg.msg_namelen = 0;
	} else if (out->msg.msg_name) {
		switch (aim(fd, tag, out)) {
		case PLACE_ELSEWHERE:
			return REAL(sendmsg)(fd, &out->msg, flags);
		case PLACE_WRONG:
			return -1;
		default:
			break;
		}
	}
	if (!control_filter(out))
		return -1;
	sent = REAL(sendmsg)(fd, &out->msg, flags);
	if (sent < 0 && errno == ECONNREFUSED && out->msg.msg_name &&
	    !socket_is_connected(fd)) {
		sent = 0;
		for (size_t i = 0; i < out->msg.msg_iovlen; i++)
			sent += out->msg.msg_iov[i].iov_len;
	}
	return sent;
}

REPLACES ssize_t sendto(int fd, const void *data, size_t len, int flags,
			__CONST_SOCKADDR_ARG addr, socklen_t addrlen)
{
	struct iovec iov = { (void *)data, len };
	struct outgoing out;
	struct tag tag;

	if (!addr.__sockaddr__ || !tag_get(fd, &tag))
		return REAL(sendto)(fd, data, len, flags, addr, addrlen);
	out.msg = (struct msghdr){
		.msg_name = (void *)addr.__sockaddr__,
		.msg_namelen = addrlen,
		.msg_iov = &iov,
		.msg_iovlen = 1,
	};
	return send_out(fd, &tag, &out, flags);
}

REPLACES ssize_t sendmsg(int fd, const struct msghdr *msg, int flags)
{
	struct outgoing out;
	struct tag tag;

	if (!msg || (!msg->msg_name && !msg->msg_control) || !tag_get(fd, &tag))
		return REAL(sendmsg)(fd, msg, flags);
	out.msg = *msg;
	return send_out(fd, &tag, &out, flags);
}

static bool some_extra(const struct mmsghdr *msgs, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		if (msgs[i].msg_hdr.msg_name || msgs[i].msg_hdr.msg_control)
			return true;
	}
	return false;
}

REPLACES int sendmmsg(int fd, struct mmsghdr *msgs, unsigned int count, int flags)
{
	struct tag tag;
	unsigned int i;

	if (!msgs || !some_extra(msgs, count) || !tag_get(fd, &tag))
		return REAL(sendmmsg)(fd, msgs, count, flags);
	for (i = 0; i < count; i++) {
		ssize_t sent = sendmsg(fd, &msgs[i].msg_hdr, flags);

		if (sent < 0)
			return i ? (int)i : -1;
		msgs[i].msg_len = sent;
	}
	return i;
}

/* Replaces what the kernel gave as an address by what the program is to have. */
static socklen_t source(int fd, union address *from, socklen_t len)
{
	struct sockaddr_kite kite = from->kite;
	struct tag tag;

	if (!len || from->any.sa_family != config()->family || !tag_get(fd, &tag))
		return len;
	tag.host = 0;
	return name_from_kite(from, &tag, &kite, false);
}

REPLACES ssize_t recvfrom(int fd, void *restrict data, size_t len, int flags,
			  __SOCKADDR_ARG addr, socklen_t *restrict addrlen)
{
	union address from = { 0 };
	socklen_t fromlen = sizeof(from);
	ssize_t got;

	if (!addr.__sockaddr__ || !addrlen)
		return REAL(recvfrom)(fd, data, len, flags, addr, addrlen);
	got = REAL(recvfrom)(fd, data, len, flags, &from.any, &fromlen);
	if (got < 0)
		return got;
	fromlen = source(fd, &from, fromlen);
	return address_give(addr.__sockaddr__, addrlen, &from, fromlen) ? -1 : got;
}

/* Programs that are built with _FORTIFY_SOURCE call it by this name. */
REPLACES ssize_t __recvfrom_chk(int fd, void *data, size_t len, size_t room, int flags,
				struct sockaddr *addr, socklen_t *addrlen)
{
	if (len > room)
		__chk_fail();	/* does not return */
	return recvfrom(fd, data, len, flags, addr, addrlen);
}

/* One more control message, if there is room for it. */
static void control_add(struct msghdr *msg, size_t room, int level, int type,
			const void *data, size_t len)
{
	struct cmsghdr *c;
	size_t used = room ? CMSG_ALIGN(msg->msg_controllen) : 0;

	if (used + CMSG_LEN(len) > room) {
		msg->msg_flags |= MSG_CTRUNC;
		return;
	}
	c = (struct cmsghdr *)((char *)msg->msg_control + used);
	c->cmsg_level = level;
	c->cmsg_type = type;
	c->cmsg_len = CMSG_LEN(len);
	memcpy(CMSG_DATA(c), data, len);
	msg->msg_controllen = used + CMSG_SPACE(len);
	if (msg->msg_controllen > room)
		msg->msg_controllen = room;
}

/* It came to this machine's loopback, whose device is always the first. */
static void control_pktinfo(int fd, struct msghdr *msg, size_t room)
{
	struct in6_pktinfo info6 = { .ipi6_ifindex = 1 };
	struct in_pktinfo info4 = { .ipi_ifindex = 1 };
	struct tag tag;
	union address own;
	struct name name = { 0 };

	if (!tag_get(fd, &tag) || tag.kind == KIND_VSOCK || !socket_is_dgram(fd))
		return;
	name.host = tag.host ? tag.host : HOST_LOOPBACK;
	name.mapped = tag.kind == KIND_V6_MAPPED;
	name_to_native(&own, &tag, &name);
	if (tag.kind == KIND_V4 && options_want_pktinfo(fd, IPPROTO_IP)) {
		info4.ipi_addr = own.v4.sin_addr;
		info4.ipi_spec_dst = own.v4.sin_addr;
		control_add(msg, room, IPPROTO_IP, IP_PKTINFO, &info4, sizeof(info4));
	} else if (tag.kind != KIND_V4 && options_want_pktinfo(fd, IPPROTO_IPV6)) {
		info6.ipi6_addr = own.v6.sin6_addr;
		control_add(msg, room, IPPROTO_IPV6, IPV6_PKTINFO, &info6,
			    sizeof(info6));
	}
}

/* Notifications of MSG_ZEROCOPY, by the name that programs know. */
static void control_errors(int fd, struct msghdr *msg)
{
	struct tag tag;

	if (!tag_get(fd, &tag))
		return;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		if (c->cmsg_level != SOL_KITE || c->cmsg_type != KITE_RECVERR)
			continue;
		c->cmsg_level = tag.kind == KIND_V4 ? IPPROTO_IP : IPPROTO_IPV6;
		c->cmsg_type = tag.kind == KIND_V4 ? IP_RECVERR : IPV6_RECVERR;
	}
}

REPLACES ssize_t recvmsg(int fd, struct msghdr *msg, int flags)
{
	union address from = { 0 };
	socklen_t room, len;
	size_t control;
	ssize_t got;
	void *name;

	if (!msg || (!msg->msg_name && !msg->msg_control))
		return REAL(recvmsg)(fd, msg, flags);
	name = msg->msg_name;
	room = msg->msg_namelen;
	control = msg->msg_controllen;
	if (name) {
		msg->msg_name = &from;
		msg->msg_namelen = sizeof(from);
	}
	got = REAL(recvmsg)(fd, msg, flags);
	len = msg->msg_namelen;
	msg->msg_name = name;
	msg->msg_namelen = room;
	if (got < 0)
		return got;
	if (name && address_give(name, &msg->msg_namelen, &from, source(fd, &from, len)))
		return -1;
	if (msg->msg_control && (flags & MSG_ERRQUEUE))
		control_errors(fd, msg);
	else if (options_pktinfo_used())
		control_pktinfo(fd, msg, msg->msg_control ? control : 0);
	return got;
}

static bool time_is_over(const struct timespec *start, const struct timespec *limit)
{
	struct timespec now;

	if (!limit)
		return false;
	clock_gettime(CLOCK_MONOTONIC, &now);
	now.tv_sec -= start->tv_sec;
	now.tv_nsec -= start->tv_nsec;
	if (now.tv_nsec < 0) {
		now.tv_sec--;
		now.tv_nsec += 1000000000;
	}
	return now.tv_sec > limit->tv_sec ||
	       (now.tv_sec == limit->tv_sec && now.tv_nsec >= limit->tv_nsec);
}

/* The time limit is looked at after each message, as the kernel does. */
REPLACES int recvmmsg(int fd, struct mmsghdr *msgs, unsigned int count, int flags,
		      struct timespec *limit)
{
	struct timespec start = { 0 };
	struct tag tag;
	unsigned int i;

	if (!msgs || !some_extra(msgs, count) || !tag_get(fd, &tag))
		return REAL(recvmmsg)(fd, msgs, count, flags, limit);
	clock_gettime(CLOCK_MONOTONIC, &start);
	for (i = 0; i < count; i++) {
		ssize_t got = recvmsg(fd, &msgs[i].msg_hdr, flags & ~MSG_WAITFORONE);

		if (got < 0)
			return i ? (int)i : -1;
		msgs[i].msg_len = got;
		if (flags & MSG_WAITFORONE)
			flags |= MSG_DONTWAIT;
		if (time_is_over(&start, limit))
			return i + 1;
	}
	return i;
}
