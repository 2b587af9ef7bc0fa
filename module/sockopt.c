// SPDX-License-Identifier: GPL-2.0
/*
 * Socket options and ioctls, credentials, and what a listener's children inherit.
 */
#include <linux/compat.h>
#include <linux/netdevice.h>
#include <linux/sockios.h>
#include <asm/ioctls.h>

#include "af_kite.h"

/*
 * Options of SOL_SOCKET that the socket core refuses to a family it does not know,
 * or takes although it would do nothing with them here. On kernels that do not let
 * us answer SOL_SOCKET the same names work at SOL_KITE, and so they do on all.
 */
static bool kite_option_is_ours(int optname)
{
	switch (optname) {
	case SO_REUSEPORT:
	case SO_ZEROCOPY:
	case SO_PASSSEC:
	case SO_PASSPIDFD:
		return true;
	default:
		return false;
	}
}

static int kite_option_set(struct sock *sk, int optname, int value)
{
	sock_owned_by_me(sk);

	switch (optname) {
	case SO_REUSEPORT:
		sk->sk_reuseport = !!value;
		return 0;
	case SO_ZEROCOPY:
		/* As with AF_PACKET: a raw packet is copied in any case. */
		if (sk->sk_type == SOCK_RAW)
			return -EOPNOTSUPP;
		if (value < 0 || value > 1)
			return -EINVAL;
		sock_valbool_flag(sk, SOCK_ZEROCOPY, value);
		return 0;
	default:
		return value ? -EOPNOTSUPP : 0;
	}
}

/* As the core does it, up to our own limit. Less than nothing is much, as there. */
static int kite_option_set_buffer(struct socket *sock, int optname, int value)
{
	value = min_t(u32, value, kite_sysctl_buffer_max(sock->sk, optname));
	return sock_setsockopt(sock, SOL_SOCKET, optname, KERNEL_SOCKPTR(&value),
			       sizeof(value));
}

static int kite_option_get(const struct sock *sk, int optname)
{
	switch (optname) {
	case SO_REUSEPORT:
		return sk->sk_reuseport;
	case SO_ZEROCOPY:
		return sock_flag(sk, SOCK_ZEROCOPY);
	default:
		return 0;
	}
}

/**
 * kite_setsockopt - the setsockopt system call
 * @sock: the socket
 * @level: the level
 * @optname: the option
 * @optval: its value
 * @optlen: the length of that
 *
 * Context: Process context.
 * Return: 0; -EINVAL, -EFAULT; -EOPNOTSUPP for SO_PASSSEC and SO_PASSPIDFD; what the
 * socket core says of the rest of SOL_SOCKET; -ENOPROTOOPT, as TCP says of a level or
 * option it does not know.
 */
int kite_setsockopt(struct socket *sock, int level, int optname,
		    sockptr_t optval, unsigned int optlen)
{
	struct sock *sk = sock->sk;
	int value, err;

	if (level == AF_VSOCK)
		return kite_vsock_setsockopt(sk, optname, optval, optlen);
	if (level != SOL_SOCKET && level != SOL_KITE)
		return -ENOPROTOOPT;
	if (!kite_option_is_ours(optname) && level == SOL_KITE)
		return -ENOPROTOOPT;
	if (!kite_option_is_ours(optname) && optname != SO_RCVBUF && optname != SO_SNDBUF)
		return sock_setsockopt(sock, level, optname, optval, optlen);
	if (optlen < sizeof(value))
		return -EINVAL;
	if (copy_from_sockptr(&value, optval, sizeof(value)))
		return -EFAULT;
	if (!kite_option_is_ours(optname))
		return kite_option_set_buffer(sock, optname, value);
	lock_sock(sk);
	err = kite_option_set(sk, optname, value);
	release_sock(sk);
	return err;
}

/**
 * kite_getsockopt - getsockopt at levels other than SOL_SOCKET
 * @sock: the socket
 * @level: the level
 * @optname: the option
 * @optval: where its value goes
 * @optlen: the length of that
 *
 * Context: Process context.
 * Return: 0; -EINVAL, -EFAULT; -ENOPROTOOPT, as TCP says of a level or option it does
 * not know.
 */
int kite_getsockopt(struct socket *sock, int level, int optname,
		    char __user *optval, int __user *optlen)
{
	int value, len;

	if (level == AF_VSOCK)
		return kite_vsock_getsockopt(sock->sk, optname, optval, optlen);
	if (level != SOL_KITE || !kite_option_is_ours(optname))
		return -ENOPROTOOPT;
	if (get_user(len, optlen))
		return -EFAULT;
	if (len < 0)
		return -EINVAL;
	value = kite_option_get(sock->sk, optname);
	len = min_t(int, len, sizeof(value));
	if (copy_to_user(optval, &value, len) || put_user(len, optlen))
		return -EFAULT;
	return 0;
}

/**
 * kite_conn_ioctl - ioctls of connections
 * @sock: the socket
 * @cmd: SIOCINQ: bytes to be read; SIOCOUTQ: bytes sent that the peer has not
 *	read yet, with KITE_RECORD_OVERHEAD for each record
 * @arg: points to an int
 *
 * Context: Process context.
 * Return: 0; -EINVAL for a listener, as AF_UNIX and TCP have it; -EFAULT;
 * -ENOIOCTLCMD.
 */
int kite_conn_ioctl(struct socket *sock, unsigned int cmd, unsigned long arg)
{
	struct kite_conn *kc = kite_conn(sock->sk);
	int value;

	switch (cmd) {
	case SIOCINQ:
		value = kite_queue_bytes(sock->sk);
		break;
	case SIOCOUTQ:
		/* What was read since does not count below nothing. */
		value = READ_ONCE(kc->tx_sent) - READ_ONCE(kc->tx_read);
		value = max(value, 0);
		break;
	default:
		return -ENOIOCTLCMD;
	}
	if (READ_ONCE(sock->sk->sk_state) == TCP_LISTEN)
		return -EINVAL;
	return put_user(value, (int __user *)arg);
}

/**
 * kite_dgram_ioctl - ioctls of datagram sockets
 * @sock: the socket
 * @cmd: SIOCINQ: length of the first message; SIOCOUTQ: always 0, since nothing
 *	waits to be sent
 * @arg: points to an int
 *
 * Context: Process context.
 * Return: 0; -EFAULT; -ENOIOCTLCMD.
 */
int kite_dgram_ioctl(struct socket *sock, unsigned int cmd, unsigned long arg)
{
	switch (cmd) {
	case SIOCINQ:
		return put_user(kite_inbox_bytes(sock->sk), (int __user *)arg);
	case SIOCOUTQ:
		return put_user(0, (int __user *)arg);
	default:
		return -ENOIOCTLCMD;
	}
}

#ifdef CONFIG_COMPAT
/**
 * kite_compat_ioctl - the same for 32-bit programs
 * @sock: the socket
 * @cmd: as the type's ioctl has it
 * @arg: likewise
 *
 * Context: Process context.
 * Return: as that.
 */
int kite_compat_ioctl(struct socket *sock, unsigned int cmd, unsigned long arg)
{
	return sock->ops->ioctl(sock, cmd, (unsigned long)compat_ptr(arg));
}
#endif

/* What setsockopt leaves in sk_flags. */
static const unsigned long kite_inherited_flags =
	BIT(SOCK_LINGER) | BIT(SOCK_KEEPOPEN) | BIT(SOCK_BROADCAST) |
	BIT(SOCK_URGINLINE) | BIT(SOCK_DBG) | BIT(SOCK_LOCALROUTE) |
	BIT(SOCK_RXQ_OVFL) | BIT(SOCK_SELECT_ERR_QUEUE) | BIT(SOCK_TSTAMP_NEW) |
	BIT(SOCK_ZEROCOPY) | BIT(SOCK_RCVTSTAMP) | BIT(SOCK_RCVTSTAMPNS) |
	SK_FLAGS_TIMESTAMP;

/**
 * kite_inherit - give a listener's child the listener's socket options
 * @child: the new socket, which nobody else knows
 * @listener: the listener
 *
 * As TCP has it. The listener is not locked: an option that is being set may or
 * may not get through, which is what data_race() says here.
 *
 * Context: Any.
 */
void kite_inherit(struct sock *child, struct sock *listener)
{
	child->sk_flags |= kite_sk_flags(listener) & kite_inherited_flags;
	child->sk_tsflags = READ_ONCE(listener->sk_tsflags);
	/* Each socket that wants timestamps counts; its end takes that back. */
	if (child->sk_flags & SK_FLAGS_TIMESTAMP)
		net_enable_timestamp();
	child->sk_userlocks = data_race((u8)listener->sk_userlocks); /* see above */
	child->sk_protocol = listener->sk_protocol;
	child->sk_rcvbuf = READ_ONCE(listener->sk_rcvbuf);
	child->sk_sndbuf = READ_ONCE(listener->sk_sndbuf);
	child->sk_rcvlowat = READ_ONCE(listener->sk_rcvlowat);
	child->sk_rcvtimeo = READ_ONCE(listener->sk_rcvtimeo);
	child->sk_sndtimeo = READ_ONCE(listener->sk_sndtimeo);
	child->sk_lingertime = READ_ONCE(listener->sk_lingertime);
	kite_vsock_inherit(kite_conn(child), kite_conn(listener));
	child->sk_peek_off = READ_ONCE(listener->sk_peek_off);
	child->sk_mark = READ_ONCE(listener->sk_mark);
	child->sk_reuse = data_race((int)listener->sk_reuse); /* see above */
	child->sk_reuseport = data_race((int)listener->sk_reuseport); /* likewise */
	child->sk_incoming_cpu = READ_ONCE(listener->sk_incoming_cpu);
	child->sk_max_pacing_rate = READ_ONCE(listener->sk_max_pacing_rate);
#ifdef CONFIG_NET_RX_BUSY_POLL
	child->sk_ll_usec = READ_ONCE(listener->sk_ll_usec);
	child->sk_prefer_busy_poll = READ_ONCE(listener->sk_prefer_busy_poll);
	child->sk_busy_poll_budget = READ_ONCE(listener->sk_busy_poll_budget);
#endif
}

static void kite_peercred_replace(struct sock *sk, struct pid *pid,
				  const struct cred *cred)
{
	spin_lock(&sk->sk_peer_lock);
	swap(sk->sk_peer_pid, pid);
	swap(sk->sk_peer_cred, cred);
	spin_unlock(&sk->sk_peer_lock);
	put_pid(pid);
	put_cred(cred);
}

/**
 * kite_peercred_set - the peer of a socket is the current process
 * @sk: the socket; for a listener this is what those who connect will see
 *
 * Context: Process context.
 */
void kite_peercred_set(struct sock *sk)
{
	const struct cred *cred;

	/* Whoever takes a reference writes 0 to where 0 is. */
	cred = data_race(get_current_cred());
	kite_peercred_replace(sk, get_pid(task_tgid(current)), cred);
}

/**
 * kite_peercred_copy - the peer of a socket is who listened
 * @sk: the socket
 * @from: the listener
 *
 * Context: Process context.
 */
void kite_peercred_copy(struct sock *sk, struct sock *from)
{
	const struct cred *cred;
	struct pid *pid;

	spin_lock(&from->sk_peer_lock);
	pid = get_pid(from->sk_peer_pid);
	/* As above. */
	cred = data_race(get_cred(from->sk_peer_cred));
	spin_unlock(&from->sk_peer_lock);
	kite_peercred_replace(sk, pid, cred);
}
