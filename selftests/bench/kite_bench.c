// SPDX-License-Identifier: GPL-2.0
/*
 * What large messages cost between two sockets of the kernel: kernel_sendmsg() and
 * kernel_recvmsg(), without system calls and user memory, for each family.
 *
 *	insmod kite_bench.ko kite=18
 *
 * prints a line for each figure, in nanoseconds: "stream 65536 kite 12345". Then
 * there is nothing left to do but rmmod.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/in.h>
#include <linux/ktime.h>
#include <linux/module.h>
#include <linux/net.h>
#include <linux/sched/signal.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/socket.h>
#include <linux/un.h>
#include <linux/vm_sockets.h>
#include <net/net_namespace.h>
#include <net/sock.h>

#include <linux/kite.h>

#define LARGEST		SZ_1M
#define BATCHES		4

static int kite;
module_param(kite, int, 0444);
MODULE_PARM_DESC(kite, "the family number of kite.ko, or 0 to leave Kite out");

struct address {
	union {
		struct sockaddr sa;
		struct sockaddr_kite kite;
		struct sockaddr_un un;
		struct sockaddr_in in;
		struct sockaddr_vm vm;
		struct sockaddr_storage storage;
	};
	int len;
};

/**
 * struct bench - the two ends of a connection
 * @family: index of the family
 * @type: SOCK_STREAM, SOCK_SEQPACKET or SOCK_DGRAM
 * @longest: of what is sent at once, where messages have boundaries
 * @from: the end that sends
 * @to: the end that receives
 */
struct bench {
	int family;
	int type;
	size_t longest;
	struct socket *from;
	struct socket *to;
};

static void *buffer[2];

static const char * const names[] = { "kite", "unix", "inet", "vsock" };

static const char *type_name(int type)
{
	if (type == SOCK_STREAM)
		return "stream";
	return type == SOCK_SEQPACKET ? "seqpacket" : "dgram";
}

/* An address that asks for any free one. */
static void any(int family, struct address *addr)
{
	memset(addr, 0, sizeof(*addr));
	switch (family) {
	case 0:
		addr->kite.skt_family = kite;
		addr->kite.skt_node = KITE_NODE_LOCAL;
		addr->kite.skt_port = KITE_PORT_ANY;
		addr->len = sizeof(addr->kite);
		break;
	case 1:
		addr->un.sun_family = AF_UNIX;
		addr->len = sizeof(addr->un.sun_family);
		break;
	case 2:
		addr->in.sin_family = AF_INET;
		addr->in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		addr->len = sizeof(addr->in);
		break;
	default:
		addr->vm.svm_family = AF_VSOCK;
		addr->vm.svm_cid = VMADDR_CID_LOCAL;
		addr->vm.svm_port = VMADDR_PORT_ANY;
		addr->len = sizeof(addr->vm);
		break;
	}
}

static int create(const struct bench *b, struct address *addr, struct socket **sock)
{
	int err;

	any(b->family, addr);
	err = sock_create_kern(&init_net, addr->sa.sa_family, b->type, 0, sock);
	if (err)
		*sock = NULL;
	return err;
}

static int create_bound(const struct bench *b, struct address *addr,
			struct socket **sock)
{
	int err = create(b, addr, sock);

	if (!err)
		err = kernel_bind(*sock, &addr->sa, addr->len);
	if (err)
		return err;
	addr->len = kernel_getsockname(*sock, &addr->sa);
	return addr->len < 0 ? addr->len : 0;
}

static int open_connection(struct bench *b)
{
	struct address addr, unused;
	struct socket *listener;
	int err;

	err = create_bound(b, &addr, &listener);
	if (!err)
		err = kernel_listen(listener, 1);
	if (!err)
		err = create(b, &unused, &b->from);
	if (!err)
		err = kernel_connect(b->from, &addr.sa, addr.len, 0);
	if (!err)
		err = kernel_accept(listener, &b->to, 0);
	if (listener)
		sock_release(listener);
	return err;
}

static int open_dgram(struct bench *b)
{
	struct address addr, unused;
	int err;

	err = create_bound(b, &addr, &b->to);
	if (!err)
		err = create(b, &unused, &b->from);
	if (!err)
		err = kernel_connect(b->from, &addr.sa, addr.len, 0);
	return err;
}

static int put(const struct bench *b, size_t at, size_t len, int flags)
{
	struct kvec vec = { .iov_base = buffer[0] + at, .iov_len = len };
	struct msghdr msg = { .msg_flags = flags };

	return kernel_sendmsg(b->from, &msg, &vec, 1, len);
}

static int get(const struct bench *b, size_t at, size_t len)
{
	struct kvec vec = { .iov_base = buffer[1] + at, .iov_len = len };
	struct msghdr msg = { };

	return kernel_recvmsg(b->to, &msg, &vec, 1, len, 0);
}

/* Send what goes, receive what there is, until all has arrived. */
static int sendrecv_stream(const struct bench *b, size_t size)
{
	size_t sent = 0, received = 0;
	int n;

	while (received < size) {
		if (sent < size) {
			n = put(b, sent, size - sent, MSG_DONTWAIT);
			if (n > 0)
				sent += n;
			else if (n != -EAGAIN)
				return n ?: -EIO;
		}
		if (sent == received) {
			cond_resched();
			continue;
		}
		n = get(b, received, size - received);
		if (n <= 0)
			return n ?: -EIO;
		received += n;
	}
	return 0;
}

static int sendrecv_records(const struct bench *b, size_t size)
{
	size_t len = min(size, b->longest), at;
	int n;

	for (at = 0; at < size; at += len) {
		n = put(b, at, len, 0);
		if (n == len)
			n = get(b, at, len);
		if (n != len)
			return n < 0 ? n : -EIO;
	}
	return 0;
}

/* The best of several batches, of which the first one warms up. */
static int measure(const struct bench *b, size_t size)
{
	int count = size < LARGEST ? 32 : 4, batch, i, err;
	u64 start, took, best = U64_MAX;

	for (batch = 0; batch <= BATCHES; batch++) {
		start = ktime_get_ns();
		for (i = 0; i < count; i++) {
			if (b->type == SOCK_STREAM)
				err = sendrecv_stream(b, size);
			else
				err = sendrecv_records(b, size);
			if (err)
				return err;
		}
		took = (ktime_get_ns() - start) / count;
		if (batch)
			best = min(best, took);
	}
	pr_info("%s %zu %s %llu\n", type_name(b->type), size, names[b->family], best);
	return 0;
}

static int measure_type(int family, int type)
{
	static const size_t sizes[] = { SZ_4K, SZ_64K, LARGEST };
	struct bench b = { .family = family, .type = type };
	int err, i;

	/* UDP takes 65507 bytes at most. */
	b.longest = family == 2 ? SZ_32K : SZ_64K;
	err = type == SOCK_DGRAM ? open_dgram(&b) : open_connection(&b);
	for (i = 0; !err && i < ARRAY_SIZE(sizes); i++)
		err = measure(&b, sizes[i]);
	if (b.from)
		sock_release(b.from);
	if (b.to)
		sock_release(b.to);
	return err;
}

static int __init bench_init(void)
{
	static const int types[] = { SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM };
	int family, i, err;

	for (i = 0; i < 2; i++)
		buffer[i] = kvzalloc(LARGEST, GFP_KERNEL);
	for (i = 0; buffer[0] && buffer[1] && i < ARRAY_SIZE(types); i++) {
		for (family = kite ? 0 : 1; family < ARRAY_SIZE(names); family++) {
			/* There is no such thing. */
			if (family == 2 && types[i] == SOCK_SEQPACKET)
				continue;
			if (family == 3 && types[i] == SOCK_DGRAM)
				continue;
			err = measure_type(family, types[i]);
			if (err)
				pr_info("%s of %s: error %d\n", type_name(types[i]),
					names[family], err);
		}
	}
	for (i = 0; i < 2; i++)
		kvfree(buffer[i]);
	return 0;
}

static void __exit bench_exit(void)
{
}

module_init(bench_init);
module_exit(bench_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Kite's large messages beside those of other families");
