// SPDX-License-Identifier: GPL-2.0
/*
 * What is different when Kite is loaded as AF_VSOCK, with family=40, so that
 * programs written for vsock need no change. All of it is here.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/compat.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/nsproxy.h>
#include <linux/sched.h>
#include <linux/vm_sockets.h>

#include "af_kite.h"

/* What a socket of vsock's begins with. */
#define KITE_VSOCK_BUFFER		(256 * 1024)
#define KITE_VSOCK_BUFFER_MIN		128
#define KITE_VSOCK_BUFFER_MAX		(256 * 1024)
#define KITE_VSOCK_CONNECT_TIMEOUT	(2 * HZ)

/* SOL_VSOCK, since 6.6. */
#define KITE_SOL_VSOCK			287

static bool kite_is_vsock(void)
{
	return kite_family == AF_VSOCK;
}

/**
 * kite_addr_tail_valid - are the last bytes of an address as they must be?
 * @tail: the four bytes
 *
 * They are 0. In struct sockaddr_vm the first of them is svm_flags, of which
 * vsock knows VMADDR_FLAG_TO_HOST.
 *
 * Context: Any.
 * Return: true if so.
 */
bool kite_addr_tail_valid(const u8 *tail)
{
	if (tail[0] && !(kite_is_vsock() && tail[0] == VMADDR_FLAG_TO_HOST))
		return false;
	return !tail[1] && !tail[2] && !tail[3];
}

/**
 * kite_refused_errno - what does connect return when nobody listens?
 *
 * Context: Any.
 * Return: -ECONNREFUSED, as everywhere; -ECONNRESET, as vsock's own tests demand.
 */
int kite_refused_errno(void)
{
	return kite_is_vsock() ? -ECONNRESET : -ECONNREFUSED;
}

/**
 * kite_zerocopy_splits - may a message with MSG_ZEROCOPY be copied in part?
 *
 * vsock copies all of a message that is longer than the room for it, and its tests
 * look whether it did.
 *
 * Context: Any.
 * Return: true; false for vsock.
 */
bool kite_zerocopy_splits(void)
{
	return !kite_is_vsock();
}

/**
 * kite_zerocopy_fault - what does MSG_ZEROCOPY say of memory that does not exist?
 *
 * Context: Any.
 * Return: -EFAULT, as everywhere; -ENOMEM, as vsock's own tests demand.
 */
int kite_zerocopy_fault(void)
{
	return kite_is_vsock() ? -ENOMEM : -EFAULT;
}

/**
 * kite_recverr_level - of which level is a message from the error queue?
 *
 * Its type is KITE_RECVERR, the same number as vsock's VSOCK_RECVERR.
 *
 * Context: Any.
 * Return: SOL_KITE; vsock's level, which 6.1 does not know yet, for its programs.
 */
int kite_recverr_level(void)
{
	return kite_is_vsock() ? KITE_SOL_VSOCK : SOL_KITE;
}

/**
 * kite_tuple_free_early - is a tuple free when one of the two ends has closed?
 * @kc: the other end
 *
 * Otherwise it is free when both have. vsock's own tests connect once more from
 * the same port while the server still holds the connection that ended. Where the
 * peer is a socket here, nothing is sent by address that a new connection of this
 * tuple could take for its own.
 *
 * Context: Any.
 * Return: true if so.
 */
bool kite_tuple_free_early(const struct kite_conn *kc)
{
	return kite_is_vsock() && kc->ks.peer;
}

/* The socket options */

/**
 * struct kite_vsock - what a connection keeps for vsock's socket options
 * @buffer: SO_VM_SOCKETS_BUFFER_SIZE, and its bounds
 * @buffer_min: SO_VM_SOCKETS_BUFFER_MIN_SIZE
 * @buffer_max: SO_VM_SOCKETS_BUFFER_MAX_SIZE
 *
 * Under lock_sock. It lies behind struct kite_conn, with family=40 only.
 */
struct kite_vsock {
	u64			buffer;
	u64			buffer_min;
	u64			buffer_max;
};

static struct kite_vsock *kite_vsock(const struct kite_conn *kc)
{
	return (struct kite_vsock *)(kc + 1);
}

/**
 * kite_vsock_size - what a connection needs behind its struct kite_conn
 *
 * Context: Any.
 * Return: bytes.
 */
unsigned int kite_vsock_size(void)
{
	return kite_is_vsock() ? sizeof(struct kite_vsock) : 0;
}

/*
 * Both buffers are that large, and so that one record of the size fits. What the
 * peer may send already it may send all the same.
 */
static void kite_vsock_apply_buffer(struct kite_conn *kc)
{
	struct sock *sk = kite_conn_sk(kc);
	u32 room = clamp_t(u64, kite_vsock(kc)->buffer, 1,
			   KITE_WINDOW_MAX - KITE_RECORD_OVERHEAD);

	if (sk->sk_type == SOCK_SEQPACKET)
		room += KITE_RECORD_OVERHEAD;
	WRITE_ONCE(sk->sk_sndbuf, room);
	WRITE_ONCE(sk->sk_rcvbuf, room);
	sk->sk_userlocks |= SOCK_SNDBUF_LOCK | SOCK_RCVBUF_LOCK;
}

/**
 * kite_vsock_conn_init - give a new connection what vsock's begin with
 * @kc: the connection
 *
 * Context: Any; nobody else knows the socket.
 */
void kite_vsock_conn_init(struct kite_conn *kc)
{
	if (!kite_is_vsock())
		return;
	kc->connect_timeout = KITE_VSOCK_CONNECT_TIMEOUT;
	*kite_vsock(kc) = (struct kite_vsock) {
		.buffer		= KITE_VSOCK_BUFFER,
		.buffer_min	= KITE_VSOCK_BUFFER_MIN,
		.buffer_max	= KITE_VSOCK_BUFFER_MAX,
	};
	kite_vsock_apply_buffer(kc);
}

/**
 * kite_vsock_inherit - give a listener's child the listener's options of vsock
 * @child: the new connection, which nobody else knows
 * @listener: the listener, not locked
 *
 * Context: Any.
 */
void kite_vsock_inherit(struct kite_conn *child, const struct kite_conn *listener)
{
	const struct kite_vsock *from = kite_vsock(listener);
	struct kite_vsock *to = kite_vsock(child);

	child->connect_timeout = READ_ONCE(listener->connect_timeout);
	if (!kite_is_vsock())
		return;
	to->buffer = READ_ONCE(from->buffer);
	to->buffer_min = READ_ONCE(from->buffer_min);
	to->buffer_max = READ_ONCE(from->buffer_max);
}

/* What is above the maximum and below the minimum, is the maximum: vsock's rule. */
static void kite_vsock_set_buffer(struct kite_conn *kc, u64 size)
{
	struct sock *sk = kite_conn_sk(kc);

	sock_owned_by_me(sk);

	size = min(max(size, kite_vsock(kc)->buffer_min), kite_vsock(kc)->buffer_max);
	WRITE_ONCE(kite_vsock(kc)->buffer, size);
	kite_vsock_apply_buffer(kc);
	if (sk->sk_state != TCP_ESTABLISHED)
		return;
	kite_queue_grant(sk);
	kite_credit_wake(sk);
}

static int kite_vsock_set_size(struct kite_conn *kc, int optname, sockptr_t optval,
			       unsigned int optlen)
{
	u64 size;

	if (optlen < sizeof(size))
		return -EINVAL;
	if (copy_from_sockptr(&size, optval, sizeof(size)))
		return -EFAULT;

	lock_sock(kite_conn_sk(kc));
	switch (optname) {
	case SO_VM_SOCKETS_BUFFER_MIN_SIZE:
		WRITE_ONCE(kite_vsock(kc)->buffer_min, size);
		size = kite_vsock(kc)->buffer;
		break;
	case SO_VM_SOCKETS_BUFFER_MAX_SIZE:
		WRITE_ONCE(kite_vsock(kc)->buffer_max, size);
		size = kite_vsock(kc)->buffer;
		break;
	}
	kite_vsock_set_buffer(kc, size);
	release_sock(kite_conn_sk(kc));
	return 0;
}

static int kite_vsock_set_timeout(struct kite_conn *kc, sockptr_t optval,
				  unsigned int optlen, bool old)
{
	struct __kernel_sock_timeval tv;
	long timeout;
	int err;

	err = sock_copy_user_timeval(&tv, optval, optlen, old);
	if (err)
		return err;
	if (tv.tv_sec < 0 || tv.tv_sec >= MAX_SCHEDULE_TIMEOUT / HZ - 1 ||
	    tv.tv_usec < 0 || tv.tv_usec >= USEC_PER_SEC)
		return -ERANGE;
	timeout = tv.tv_sec * HZ + DIV_ROUND_UP((long)tv.tv_usec, USEC_PER_SEC / HZ);
	/* Months are enough. */
	timeout = min_t(long, timeout, S32_MAX);

	lock_sock(kite_conn_sk(kc));
	WRITE_ONCE(kc->connect_timeout, timeout ?: KITE_VSOCK_CONNECT_TIMEOUT);
	release_sock(kite_conn_sk(kc));
	return 0;
}

/**
 * kite_vsock_setsockopt - setsockopt at vsock's level
 * @sk: the socket
 * @optname: SO_VM_SOCKETS_*
 * @optval: its value
 * @optlen: the length of that
 *
 * Context: Process context.
 * Return: 0; -ENOPROTOOPT for what vsock does not know, and for all of it where
 * Kite is not AF_VSOCK or the socket has no connections; -EINVAL for a short
 * value; -EFAULT; -ERANGE for a time that is none.
 */
int kite_vsock_setsockopt(struct sock *sk, int optname, sockptr_t optval,
			  unsigned int optlen)
{
	if (!kite_is_vsock() || !kite_sk_connects(sk))
		return -ENOPROTOOPT;

	switch (optname) {
	case SO_VM_SOCKETS_BUFFER_SIZE:
	case SO_VM_SOCKETS_BUFFER_MIN_SIZE:
	case SO_VM_SOCKETS_BUFFER_MAX_SIZE:
		return kite_vsock_set_size(kite_conn(sk), optname, optval, optlen);
	case SO_VM_SOCKETS_CONNECT_TIMEOUT_OLD:
		return kite_vsock_set_timeout(kite_conn(sk), optval, optlen, true);
	case SO_VM_SOCKETS_CONNECT_TIMEOUT_NEW:
		return kite_vsock_set_timeout(kite_conn(sk), optval, optlen, false);
	default:
		return -ENOPROTOOPT;
	}
}

/**
 * kite_vsock_getsockopt - getsockopt at vsock's level
 * @sk: the socket
 * @optname: SO_VM_SOCKETS_*
 * @optval: where its value goes
 * @optlen: the length of that
 *
 * Context: Process context.
 * Return: 0; -ENOPROTOOPT, as kite_vsock_setsockopt() has it; -EINVAL where the
 * value does not fit; -EFAULT.
 */
int kite_vsock_getsockopt(struct sock *sk, int optname, char __user *optval,
			  int __user *optlen)
{
	const struct kite_conn *kc = kite_conn(sk);
	union {
		u64			   size;
		struct __kernel_sock_timeval tv;
	} value = {};
	int len, size = sizeof(value.size);

	if (!kite_is_vsock() || !kite_sk_connects(sk))
		return -ENOPROTOOPT;
	if (get_user(len, optlen))
		return -EFAULT;

	switch (optname) {
	case SO_VM_SOCKETS_BUFFER_SIZE:
		value.size = READ_ONCE(kite_vsock(kc)->buffer);
		break;
	case SO_VM_SOCKETS_BUFFER_MIN_SIZE:
		value.size = READ_ONCE(kite_vsock(kc)->buffer_min);
		break;
	case SO_VM_SOCKETS_BUFFER_MAX_SIZE:
		value.size = READ_ONCE(kite_vsock(kc)->buffer_max);
		break;
	case SO_VM_SOCKETS_CONNECT_TIMEOUT_OLD:
	case SO_VM_SOCKETS_CONNECT_TIMEOUT_NEW:
		size = sock_get_timeout(READ_ONCE(kc->connect_timeout), &value,
					optname == SO_VM_SOCKETS_CONNECT_TIMEOUT_OLD);
		break;
	default:
		return -ENOPROTOOPT;
	}
	if (len < size)
		return -EINVAL;
	if (copy_to_user(optval, &value, size) || put_user(size, optlen))
		return -EFAULT;
	return 0;
}

/* /dev/vsock */

static long kite_vsock_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	u32 node = kite_net(current->nsproxy->net_ns)->node ?: KITE_NODE_LOCAL;

	if (cmd != IOCTL_VM_SOCKETS_GET_LOCAL_CID)
		return -ENOIOCTLCMD;
	return put_user(node, (u32 __user *)arg);
}

static const struct file_operations kite_vsock_fops = {
	.owner		= THIS_MODULE,
	.open		= nonseekable_open,
	.unlocked_ioctl	= kite_vsock_ioctl,
	.compat_ioctl	= compat_ptr_ioctl,
};

static struct miscdevice kite_vsock_device = {
	.minor	= MISC_DYNAMIC_MINOR,
	.name	= "vsock",
	.fops	= &kite_vsock_fops,
};

static bool kite_vsock_has_device;

/**
 * kite_vsock_init - as AF_VSOCK, make /dev/vsock
 *
 * It tells programs their CID, which is the node of their network namespace.
 * Sockets are good without it, so where it cannot be made, the log says so.
 *
 * Context: Process context.
 */
void __init kite_vsock_init(void)
{
	int err;

	if (!kite_is_vsock())
		return;
	err = misc_register(&kite_vsock_device);
	if (err)
		pr_err("no /dev/vsock (error %d): has another module that name? Programs that ask it for their CID will fail\n",
		       err);
	kite_vsock_has_device = !err;
}

/**
 * kite_vsock_exit - /dev/vsock goes, if it was made
 *
 * Context: Process context.
 */
void kite_vsock_exit(void)
{
	if (kite_vsock_has_device)
		misc_deregister(&kite_vsock_device);
}
