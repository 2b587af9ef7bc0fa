/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Where the kernels that Kite builds for differ. The only file that asks for
 * the kernel's version.
 */
#ifndef _KITE_COMPAT_H
#define _KITE_COMPAT_H

#include <linux/net.h>
#include <linux/shrinker.h>
#include <linux/skbuff.h>
#include <linux/socket.h>
#include <linux/timer.h>
#include <linux/version.h>
#include <net/genetlink.h>
#include <net/net_namespace.h>

struct socket;
int kite_do_accept(struct socket *sock, struct socket *newsock, int flags);

/* The arguments of proto_ops.accept moved into a struct in 6.10. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 10, 0)
static inline int kite_accept(struct socket *sock, struct socket *newsock,
			      int flags, bool kern)
{
	return kite_do_accept(sock, newsock, flags);
}
#else
static inline int kite_accept(struct socket *sock, struct socket *newsock,
			      struct proto_accept_arg *arg)
{
	return kite_do_accept(sock, newsock, arg->flags);
}
#endif

/*
 * A socket whose family answers SOL_SOCKET itself says so since 6.7. Before, the
 * socket core answers for it.
 */
static inline void kite_socket_answers(struct socket *sock)
{
#ifdef SOCK_CUSTOM_SOCKOPT
	set_bit(SOCK_CUSTOM_SOCKOPT, &sock->flags);
#endif
}

/* Shrinkers are made by the core since 6.7. Ours is the only one. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 7, 0)
static inline struct shrinker *shrinker_alloc(unsigned int flags, const char *name)
{
	return kzalloc(sizeof(struct shrinker), GFP_KERNEL);
}

/* One that could not be registered is never asked. */
static inline void shrinker_register(struct shrinker *shrinker)
{
	if (register_shrinker(shrinker, "kite-buffers"))
		pr_warn("no memory to give back buffers when memory is short\n");
}

static inline void shrinker_free(struct shrinker *shrinker)
{
	unregister_shrinker(shrinker);
	kfree(shrinker);
}
#endif

/* Since 6.5. */
#ifndef SO_PASSPIDFD
#define SO_PASSPIDFD 76
#endif

/* Until 6.5 the core copied for splice and sendfile, see proto_ops.sendpage. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 5, 0)
#ifndef MSG_SPLICE_PAGES
#define MSG_SPLICE_PAGES 0
#endif
static inline ssize_t skb_splice_from_iter(struct sk_buff *skb, struct iov_iter *iter,
					   ssize_t maxsize, gfp_t gfp)
{
	return -EMSGSIZE;
}
#endif

/* Since 6.6 the length of a table of sysctls is known; it is const since 6.11. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 6, 0)
static inline struct ctl_table_header *
register_net_sysctl_sz(struct net *net, const char *path, struct ctl_table *table,
		       size_t size)
{
	return register_net_sysctl(net, path, table);
}
#endif
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 11, 0)
#define kite_ctl_table struct ctl_table
#else
#define kite_ctl_table const struct ctl_table
#endif

/* Since 6.9 generic netlink tells when somebody begins to listen. Returns whether it does. */
static inline bool kite_genl_bind(struct genl_family *family, int (*bind)(int group))
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 9, 0)
	return false;
#else
	family->bind = bind;
	return true;
#endif
}

/* from_timer() was renamed in 6.16. */
#ifndef timer_container_of
#define timer_container_of(var, timer, field) from_timer(var, timer, field)
#endif

#endif /* _KITE_COMPAT_H */
