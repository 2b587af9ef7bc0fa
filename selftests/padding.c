// SPDX-License-Identifier: GPL-2.0
/*
 * What the kernel writes into a program's memory is what it means to tell, and nothing
 * that lay about: no byte beyond the length that it says, no padding with old memory in
 * it. The debug kernel fills all that is freed or new with patterns, and the module for
 * it the stack, which are looked for.
 */

#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/utsname.h>

#include <linux/errqueue.h>
#include <linux/genetlink.h>
#include <linux/net_tstamp.h>
#include <linux/sockios.h>
#include <linux/vm_sockets.h>

#include "fixtures.h"
#include "netlink.h"
#include "packet.h"

#ifndef SO_ZEROCOPY
#define SO_ZEROCOPY 60
#endif
#ifndef MSG_ZEROCOPY
#define MSG_ZEROCOPY 0x4000000
#endif

/* What a program's memory holds before the kernel writes to it. */
#define BLANK		0xee

static unsigned char mem[4096];

static void *blank(void)
{
	return memset(mem, BLANK, sizeof(mem));
}

/* Is it untouched from @from to @to? */
static bool untouched(size_t from, size_t to)
{
	while (from < to && mem[from] == BLANK)
		from++;
	return from >= to;
}

/*
 * What old memory is full of: the stack (CONFIG_INIT_STACK_ALL_PATTERN), a slab that was
 * freed, is new, or lies between two objects, a page that was freed.
 */
static const unsigned char poison[] = { 0xfe, 0x6b, 0x5a, 0xbb, 0xcc, 0xaa };

/* Is there a piece of old memory in it? */
static bool poisoned(const unsigned char *p, size_t len)
{
	size_t i, k;

	for (i = 0; i + 4 <= len; i++)
		for (k = 0; k < sizeof(poison); k++)
			if (p[i] == poison[k] && p[i + 1] == p[i] && p[i + 2] == p[i] &&
			    p[i + 3] == p[i])
				return true;
	return false;
}

/* Who finds nothing must have looked, and there must have been something to find. */

TEST(poison_is_found)
{
	unsigned char buf[64];
	size_t at, i, k;

	for (i = 0; i < sizeof(poison); i++)
		for (at = 0; at + 4 <= sizeof(buf); at++) {
			for (k = 0; k < sizeof(buf); k++)
				buf[k] = k;
			EXPECT_FALSE(poisoned(buf, sizeof(buf)));
			memset(buf + at, poison[i], 3);
			EXPECT_FALSE(poisoned(buf, sizeof(buf)));
			buf[at + 3] = poison[i];
			EXPECT_TRUE(poisoned(buf, sizeof(buf)));
			EXPECT_TRUE(poisoned(buf + at, 4));
			EXPECT_FALSE(poisoned(buf, at + 3));
		}
	EXPECT_FALSE(poisoned(blank(), sizeof(mem)));
}

#define TRACING		"/sys/kernel/tracing"
#define INSTANCE	TRACING "/instances/kite-padding"

/* What new memory holds where it was allocated: of a cache, and a page. */
static const char * const probes[] = {
	"r:kite_padding/slab kmem_cache_alloc_noprof old=+256($retval):x64",
	"r:kite_padding/page get_free_pages_noprof old=+256($retval):x64",
	"-:kite_padding/slab",
	"-:kite_padding/page",
};

/* Not put_file(), which would begin by removing the probes of others. */
static int put_probe(const char *probe)
{
	int fd = ERR(open(TRACING "/kprobe_events", O_WRONLY | O_APPEND | O_CLOEXEC));
	ssize_t n;

	if (fd < 0)
		return fd;
	n = ERR(write(fd, probe, strlen(probe)));
	close(fd);
	return n < 0 ? n : 0;
}

/* A socket, from its cache, and a page, to remember for how much a poll waits. */
static int allocate(void)
{
	static struct pollfd pfds[64];
	int fd[2], s = kite_socket(SOCK_STREAM), i;

	if (s < 0)
		return s;
	if (pipe(fd))
		return -errno;
	for (i = 0; i < 64; i++)
		pfds[i] = (struct pollfd) { .fd = fd[0], .events = POLLIN };
	return ERR(poll(pfds, 64, 1));
}

/* Is there a line with @who that tells of @old, or of @other? */
static bool traced(const char *who, const char *old, const char *other)
{
	FILE *file = fopen(INSTANCE "/trace", "re");
	bool found = false;
	char line[512];

	while (file && fgets(line, sizeof(line), file))
		found |= strstr(line, who) && (strstr(line, old) || strstr(line, other));
	if (file)
		fclose(file);
	return found;
}

TEST(poison_is_there)
{
	struct utsname name;
	char pid[16];

	ASSERT_EQ(0, uname(&name));
	if (!strstr(name.release, "-kite-debug"))
		SKIP(return, "not the debug kernel");
	if (skip_family(_metadata, &family_kite))
		return;
	ASSERT_EQ(0, put_probe(probes[0]));
	ASSERT_EQ(0, put_probe(probes[1]));
	ASSERT_EQ(0, ERR(mkdir(INSTANCE, 0700)));
	snprintf(pid, sizeof(pid), "%d", getpid());
	EXPECT_EQ(0, put_file(INSTANCE "/set_event_pid", pid));
	EXPECT_EQ(0, put_file(INSTANCE "/events/kite_padding/enable", "1"));
	EXPECT_EQ(0, allocate());
	EXPECT_EQ(0, put_file(INSTANCE "/events/kite_padding/enable", "0"));
	/* Used before, or new. */
	EXPECT_TRUE(traced("slab: (sk_prot_alloc+", "old=0x6b6b6b6b6b6b6b6b",
			   "old=0x5a5a5a5a5a5a5a5a"));
	EXPECT_TRUE(traced("page: (", "old=0xaaaaaaaaaaaaaaaa", "old=0xaaaaaaaaaaaaaaaa"));
	EXPECT_EQ(0, ERR(rmdir(INSTANCE)));
	EXPECT_EQ(0, put_probe(probes[2]));
	EXPECT_EQ(0, put_probe(probes[3]));
}

/* The types, each as two sockets that send to each other. */

TYPED_PAIR_FIXTURE(padding);
TYPE_VARIANT(padding, kite, STREAM);
TYPE_VARIANT(padding, kite, SEQPACKET);
TYPE_VARIANT(padding, kite, DGRAM);
TYPE_VARIANT(padding, inet, STREAM);
TYPE_VARIANT(padding, inet, DGRAM);

/* A name: 16 bytes of which each is known, cut off where the program has no room. */
static bool name_is_clean(const struct family *f, size_t room, socklen_t len)
{
	const struct sockaddr_kite *kite = (void *)mem;
	const struct sockaddr_in *in = (void *)mem;
	static const char zero[8];

	if (len != 16 || !untouched(room < 16 ? room : 16, sizeof(mem)))
		return false;
	if (room < 16)
		return true;
	if (is_inet(f))
		return in->sin_family == AF_INET && !memcmp(in->sin_zero, zero, 8);
	return kite->skt_family == f->domain() && !kite->skt_reserved &&
	       !memcmp(kite->skt_zero, zero, 4) &&
	       (kite->skt_node == KITE_NODE_LOCAL || kite->skt_node == KITE_NODE_ANY);
}

TEST_F(padding, names)
{
	socklen_t room, len;

	for (room = 0; room < 40; room++) {
		len = room;
		ASSERT_EQ(0, getsockname(self->c, blank(), &len));
		EXPECT_TRUE(name_is_clean(self->f, room, len)) TH_LOG("%u bytes", room);
		len = room;
		ASSERT_EQ(0, getpeername(self->c, blank(), &len));
		EXPECT_TRUE(name_is_clean(self->f, room, len)) TH_LOG("%u bytes", room);
	}
}

TEST_F(padding, name_of_a_fresh_socket)
{
	int fd = socket(self->f->domain(), self->type, 0);
	socklen_t len = sizeof(mem);

	ASSERT_EQ(0, getsockname(fd, blank(), &len));
	EXPECT_TRUE(name_is_clean(self->f, sizeof(mem), len));
}

TEST_F(padding, name_from_accept)
{
	struct address addr;
	socklen_t room, len;
	int l;

	if (self->type == SOCK_DGRAM)
		SKIP(return, "it does not accept");
	l = socket_at(self->f, self->type, &addr);
	ASSERT_EQ(0, listen(l, 5));
	for (room = 0; room < 24; room += 8) {
		ASSERT_EQ(0, connect_to(socket(self->f->domain(), self->type, 0), &addr));
		len = room;
		ASSERT_LE(0, accept(l, blank(), &len));
		EXPECT_TRUE(name_is_clean(self->f, room, len));
	}
}

TEST_F(padding, name_from_recvfrom)
{
	socklen_t room, len;
	char c;

	if (self->type != SOCK_DGRAM)
		SKIP(return, "only datagrams come with a name");
	for (room = 0; room < 40; room++) {
		ASSERT_EQ(1, send(self->c, "x", 1, 0));
		len = room;
		ASSERT_EQ(1, recvfrom(self->s, &c, 1, 0, blank(), &len));
		EXPECT_TRUE(name_is_clean(self->f, room, len));
	}
}

/* A name that is not there is not written. */
TEST_F(padding, no_name_from_a_connection)
{
	socklen_t len = sizeof(mem);
	char c;

	if (self->type == SOCK_DGRAM)
		SKIP(return, "datagrams come with a name");
	ASSERT_EQ(1, send(self->c, "x", 1, 0));
	ASSERT_EQ(1, recvfrom(self->s, &c, 1, 0, blank(), &len));
	EXPECT_TRUE(untouched(0, sizeof(mem)));
	EXPECT_EQ(0, len);
}

/* The bytes of a message end where it ends, whatever was in its buffer before. */
TEST_F(padding, messages)
{
	static const size_t sizes[] = { 3000, 1, 1200, 10, 900, 2, 2100, 4000, 17 };
	static char data[4096];
	ssize_t n;
	size_t i;

	memset(data, 'k', sizeof(data));
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		ASSERT_EQ((ssize_t)sizes[i], send(self->c, data, sizes[i], 0));
		n = recv(self->s, blank(), sizeof(mem), 0);
		ASSERT_EQ((ssize_t)sizes[i], n);
		EXPECT_EQ(0, memcmp(mem, data, n));
		EXPECT_TRUE(untouched(n, sizeof(mem)));
	}
}

/* Each option of each level, with each length. */
TEST_F(padding, options)
{
	const int levels[] = { SOL_SOCKET, SOL_KITE, AF_VSOCK, IPPROTO_IP, IPPROTO_TCP };
	int name, answers = 0;
	socklen_t room, len;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(levels); i++)
		for (name = 0; name < 90; name++)
			for (room = 0; room < 72; room += room < 20 ? 1 : 17) {
				len = room;
				if (getsockopt(self->c, levels[i], name, blank(), &len)) {
					EXPECT_TRUE(untouched(0, sizeof(mem)));
					continue;
				}
				answers++;
				/* Longer than the room is only what says how long it is. */
				EXPECT_TRUE(untouched(len < room ? len : room, sizeof(mem)))
					TH_LOG("option %d, %u of %u", name, len, room);
				EXPECT_FALSE(poisoned(mem, len < room ? len : room))
					TH_LOG("option %d, %u of %u", name, len, room);
			}
	EXPECT_LT(500, answers);
}

TEST_F(padding, ioctls)
{
	static const unsigned int cmds[] = { SIOCINQ, SIOCOUTQ };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cmds); i++) {
		if (ioctl(self->c, cmds[i], blank()))
			continue;
		EXPECT_EQ(0, *(int *)mem);
		EXPECT_TRUE(untouched(sizeof(int), sizeof(mem)));
	}
}

/* All control messages that there are: each says its length, and has nothing behind it. */
static int expect_clean_control(struct __test_metadata *_metadata, struct msghdr *msg)
{
	struct cmsghdr *c;
	size_t end = 0, at;
	int n = 0;

	for (c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		at = (unsigned char *)c - mem;
		EXPECT_TRUE(untouched(end, at));
		end = at + c->cmsg_len;
		EXPECT_FALSE(poisoned(mem + at, c->cmsg_len))
			TH_LOG("level %d type %d", c->cmsg_level, c->cmsg_type);
		n++;
	}
	EXPECT_TRUE(untouched(end, sizeof(mem)));
	return n;
}

TEST_F(padding, control_messages)
{
	static const int switches[] = { SO_PASSCRED, SO_TIMESTAMP, SO_TIMESTAMPNS,
		SO_RXQ_OVFL };
	struct iovec iov;
	struct msghdr msg;
	char byte;
	size_t i;
	int n = 0;

	for (i = 0; i < ARRAY_SIZE(switches); i++)
		ASSERT_EQ(0, set_int_option(self->s, SOL_SOCKET, switches[i], 1));
	set_int_option(self->s, SOL_SOCKET, SO_TIMESTAMPING,
		       SOF_TIMESTAMPING_RX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE);
	for (i = 0; i < 300; i += 7) {
		ASSERT_EQ(1, send(self->c, "x", 1, 0));
		iov = (struct iovec){ &byte, 1 };
		msg = (struct msghdr){ .msg_iov = &iov, .msg_iovlen = 1,
			.msg_control = blank(), .msg_controllen = i };
		ASSERT_EQ(1, recvmsg(self->s, &msg, 0));
		n += expect_clean_control(_metadata, &msg);
		EXPECT_TRUE(untouched(i, sizeof(mem)));
	}
	if (is_kite(self->f))
		EXPECT_LT(0, n);
}

TEST_F(padding, error_queue)
{
	static char data[20000];
	struct msghdr msg;
	ssize_t n;

	if (is_inet(self->f))
		SKIP(return, "the same, and an address");
	ASSERT_EQ(0, set_int_option(self->c, SOL_KITE, SO_ZEROCOPY, 1));
	ASSERT_EQ((ssize_t)sizeof(data), send(self->c, data, sizeof(data), MSG_ZEROCOPY));
	while ((n = recv(self->s, mem, sizeof(mem), MSG_DONTWAIT)) > 0)
		;
	msg = (struct msghdr){ .msg_control = blank(), .msg_controllen = 512 };
	ASSERT_EQ(POLLERR, BECOMES(POLLERR, revents_for(self->c, 0)));
	ASSERT_EQ(0, recvmsg(self->c, &msg, MSG_ERRQUEUE));
	EXPECT_EQ(1, expect_clean_control(_metadata, &msg));
}

/* A raw socket is shown headers: written anew they are the same, byte by byte. */

FAMILY_FIXTURE(headers, KITE);

TEST_F(headers, are_what_they_say)
{
	static const int types[] = { SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM };
	unsigned char again[HDR_LEN];
	struct packet pkt;
	int raw, fd[2], n, seen = 0;
	size_t i;

	ASSERT_EQ(0, enter_new_netns());
	raw = raw_socket();
	ASSERT_LE(0, raw);
	for (i = 0; i < ARRAY_SIZE(types); i++) {
		ASSERT_EQ(0, pair_of_type(self->f, types[i], fd));
		ASSERT_EQ(2, send(fd[0], "ab", 2, 0));
		ASSERT_EQ(2, recv(fd[1], mem, 2, 0));
		close(fd[1]);
		close(fd[0]);
	}
	for (;;) {
		n = ERR(recv(raw, blank(), sizeof(mem), MSG_DONTWAIT));
		if (n < 0)
			break;
		ASSERT_LE((int)HDR_LEN, n);
		packet_decode(&pkt, mem);
		packet_encode(again, &pkt);
		EXPECT_EQ(0, memcmp(mem, again, HDR_LEN));
		EXPECT_EQ(n, (int)(HDR_LEN + pkt.len));
		EXPECT_FALSE(poisoned(mem, HDR_LEN));
		EXPECT_TRUE(untouched(n, sizeof(mem)));
		seen++;
	}
	EXPECT_LT(9, seen);
}

/* What sock_diag answers, and what events tell: a struct, and attributes. */

FAMILY_FIXTURE(told, KITE);

static bool zeros(const void *from, const void *to)
{
	const char *p = from;

	while (p < (const char *)to && !*p)
		p++;
	return p >= (const char *)to;
}

/* Between the attributes that begin at @at and end at @end there is nothing. */
static bool attributes_are_clean(const char *at, const char *end)
{
	while (end - at >= NLA_HDRLEN) {
		const struct nlattr *attr = (const void *)at;

		if (attr->nla_len < NLA_HDRLEN || NLA_ALIGN(attr->nla_len) > end - at)
			return false;
		at += NLA_ALIGN(attr->nla_len);
		if (!zeros((const char *)attr + attr->nla_len, at))
			return false;
	}
	return at == end;
}

/* A message of netlink whose payload begins with @extra bytes of a header of its own. */
static bool told_is_clean(const struct nlmsghdr *hdr, size_t extra)
{
	const struct kite_diag_msg *msg = (void *)((char *)NLMSG_DATA(hdr) + extra);
	const char *end = (const char *)hdr + hdr->nlmsg_len;

	return hdr->nlmsg_len >= NLMSG_HDRLEN + extra + sizeof(*msg) &&
	       zeros(msg->kdm_pad, msg->kdm_pad + sizeof(msg->kdm_pad)) &&
	       attributes_are_clean((const char *)(msg + 1), end) &&
	       zeros(end, (const char *)hdr + NLMSG_ALIGN(hdr->nlmsg_len)) &&
	       !poisoned((const void *)hdr, hdr->nlmsg_len);
}

/* Sockets in most states that there are. */
static void make_sockets(struct __test_metadata *_metadata)
{
	static const int types[] = { SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM };
	struct address addr;
	int fd[2];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(types); i++) {
		ASSERT_EQ(0, pair_of_type(&family_kite, types[i], fd));
		ASSERT_EQ(3, send(fd[0], "abc", 3, 0));
	}
	ASSERT_LE(0, raw_bound(7000));
	ASSERT_LE(0, listener(&family_kite, 3, &addr));
	ASSERT_LE(0, connector(&family_kite, &addr));
	ASSERT_EQ(0, pair_of_type(&family_kite, SOCK_STREAM, fd));
	ASSERT_EQ(0, shutdown(fd[0], SHUT_WR));
	close(fd[1]);
}

TEST_F(told, by_sock_diag)
{
	struct kite_diag_req req = diag_req();
	struct nlmsghdr *hdr;
	int nl, n, seen = 0;
	bool done = false;

	ASSERT_EQ(0, enter_new_netns());
	make_sockets(_metadata);
	nl = diag_open();
	ASSERT_EQ(0, diag_send(nl, SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, &req, sizeof(req)));
	while (!done) {
		n = ERR(recv(nl, blank(), sizeof(mem), 0));
		ASSERT_LT(0, n);
		EXPECT_TRUE(untouched(n, sizeof(mem)));
		for (hdr = (void *)mem; NLMSG_OK(hdr, (unsigned int)n) && !done;
		     hdr = NLMSG_NEXT(hdr, n)) {
			done = hdr->nlmsg_type == NLMSG_DONE;
			if (done)
				continue;
			ASSERT_EQ(SOCK_DIAG_BY_FAMILY, hdr->nlmsg_type);
			EXPECT_TRUE(told_is_clean(hdr, 0)) TH_LOG("socket %d", seen);
			seen++;
		}
	}
	EXPECT_LT(10, seen);

	/* The answer that comes alone. */
	ASSERT_EQ(0, diag_name(kite_socket(SOCK_DGRAM), &req));
	ASSERT_EQ(0, diag_send(nl, SOCK_DIAG_BY_FAMILY, 0, &req, sizeof(req)));
	n = ERR(recv(nl, blank(), sizeof(mem), 0));
	ASSERT_LT(0, n);
	EXPECT_TRUE(untouched(n, sizeof(mem)));
	EXPECT_TRUE(told_is_clean((void *)mem, 0));
}

TEST_F(told, by_events)
{
	const struct nlmsghdr *hdr = (void *)mem;
	const struct genlmsghdr *genl = NLMSG_DATA(hdr);
	int nl, n, seen = 0;

	ASSERT_EQ(0, enter_new_netns());
	nl = event_open();
	ASSERT_LE(0, nl);
	make_sockets(_metadata);
	for (;;) {
		n = ERR(recv(nl, blank(), sizeof(mem), MSG_DONTWAIT));
		if (n < 0)
			break;
		ASSERT_LE((int)hdr->nlmsg_len, n);
		EXPECT_TRUE(untouched(n, sizeof(mem)));
		EXPECT_EQ(0, genl->reserved);
		EXPECT_TRUE(told_is_clean(hdr, GENL_HDRLEN)) TH_LOG("event %d", genl->cmd);
		seen++;
	}
	EXPECT_LT(30, seen);
}

/* As AF_VSOCK: the CID, and not a byte more. */
TEST_F(told, by_dev_vsock)
{
	int fd;

	if (self->f->domain() != AF_VSOCK)
		SKIP(return, "Kite is not AF_VSOCK here");
	fd = ERR(open("/dev/vsock", O_RDONLY | O_CLOEXEC));
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, ioctl(fd, IOCTL_VM_SOCKETS_GET_LOCAL_CID, blank()));
	EXPECT_EQ(KITE_NODE_LOCAL, *(unsigned int *)mem);
	EXPECT_TRUE(untouched(sizeof(int), sizeof(mem)));
}

TEST_HARNESS_MAIN
