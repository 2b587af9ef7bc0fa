// SPDX-License-Identifier: GPL-2.0
/*
 * sock_diag(7): which sockets are there, and the end of one that somebody wants
 * gone. linux/kite_diag.h says what is asked and answered.
 *
 * A family has one handler there. With family=40 that is vsock's place, and we take
 * it: vsock_diag.ko needs vsock.ko, and that cannot be loaded beside us.
 */
#include <linux/module.h>
#include <linux/sock_diag.h>
#include <net/netlink.h>

#include <linux/kite_diag.h>

#include "af_kite.h"

/* Where a dump is, in the room that a netlink socket has for that. */
struct kite_diag_walk {
	struct sock	*next;		/* the socket to tell of next, with a reference */
	bool		begun;
};

static struct kite_diag_walk *kite_diag_walk(struct netlink_callback *cb)
{
	BUILD_BUG_ON(sizeof(struct kite_diag_walk) > sizeof(cb->ctx));
	return (struct kite_diag_walk *)cb->ctx;
}

static bool kite_diag_any_cookie(const struct kite_diag_req *req)
{
	return req->kdr_cookie[0] == KITE_DIAG_NOCOOKIE &&
	       req->kdr_cookie[1] == KITE_DIAG_NOCOOKIE;
}

/* A socket without a cookie is none that anybody could name by it. */
static bool kite_diag_cookie_fits(const struct kite_diag_req *req, const struct sock *sk)
{
	u64 cookie = atomic64_read(&sk->sk_cookie);

	return kite_diag_any_cookie(req) ||
	       (cookie && (u32)cookie == req->kdr_cookie[0] &&
		(u32)(cookie >> 32) == req->kdr_cookie[1]);
}

static bool kite_diag_addr_fits(u32 port, u32 node, const struct kite_addr *addr)
{
	return (port == KITE_PORT_ANY || port == READ_ONCE(addr->port)) &&
	       (node == KITE_NODE_ANY || node == READ_ONCE(addr->node));
}

static bool kite_diag_fits(const struct kite_diag_req *req, const struct sock *sk)
{
	const struct kite_tuple *tuple = &kite_sk(sk)->tuple;

	return req->kdr_types & BIT(sk->sk_type) &&
	       req->kdr_states & BIT(READ_ONCE(sk->sk_state)) &&
	       kite_diag_addr_fits(req->kdr_local_port, req->kdr_local_node,
				   &tuple->local) &&
	       kite_diag_addr_fits(req->kdr_remote_port, req->kdr_remote_node,
				   &tuple->remote) &&
	       (!req->kdr_ino || req->kdr_ino == (u32)kite_sk_ino(sk)) &&
	       kite_diag_cookie_fits(req, sk);
}

static bool kite_diag_names_tuple(const struct kite_diag_req *req)
{
	return hweight32(req->kdr_types) == 1 &&
	       req->kdr_local_port != KITE_PORT_ANY &&
	       req->kdr_local_node != KITE_NODE_ANY &&
	       req->kdr_remote_port != KITE_PORT_ANY &&
	       req->kdr_remote_node != KITE_NODE_ANY;
}

/* A connection that is named by its addresses is found at once. */
static struct sock *kite_diag_find_conn(struct net *net, const struct kite_diag_req *req)
{
	const struct kite_tuple tuple = {
		.type	= __ffs(req->kdr_types),
		.local	= { req->kdr_local_port, req->kdr_local_node },
		.remote	= { req->kdr_remote_port, req->kdr_remote_node },
	};
	struct sock *sk = kite_conn_find(net, &tuple);

	if (sk && !kite_diag_fits(req, sk)) {
		sock_put(sk);
		return NULL;
	}
	return sk;
}

/* The socket that a request names, with a reference, or an error. */
static struct sock *kite_diag_find(struct net *net, const struct kite_diag_req *req)
{
	bool tuple = kite_diag_names_tuple(req);
	struct sock *sk = NULL;

	if (!tuple && !req->kdr_ino && kite_diag_any_cookie(req))
		return ERR_PTR(-EINVAL);
	if (tuple)
		sk = kite_diag_find_conn(net, req);
	if (sk)
		return sk;
	while ((sk = kite_sock_next(net, sk))) {
		if (kite_diag_fits(req, sk))
			return sk;
		cond_resched();
	}
	return ERR_PTR(-ENOENT);
}

static int kite_diag_fill(struct sk_buff *skb, struct sock *sk,
			  const struct sk_buff *asked, const struct nlmsghdr *nlh,
			  int flags)
{
	const struct kite_diag_req *req = nlmsg_data(nlh);
	struct nlmsghdr *answer;

	answer = nlmsg_put(skb, NETLINK_CB(asked).portid, nlh->nlmsg_seq,
			   SOCK_DIAG_BY_FAMILY, sizeof(struct kite_diag_msg), flags);
	if (!answer)
		return -EMSGSIZE;
	kite_describe(nlmsg_data(answer), sk, sk_user_ns(NETLINK_CB(asked).sk));
	if (kite_describe_more(skb, sk, req->kdr_show)) {
		nlmsg_cancel(skb, answer);
		return -EMSGSIZE;
	}
	nlmsg_end(skb, answer);
	return 0;
}

static int kite_diag_dump(struct sk_buff *skb, struct netlink_callback *cb)
{
	const struct kite_diag_req *req = nlmsg_data(cb->nlh);
	struct kite_diag_walk *walk = kite_diag_walk(cb);
	struct net *net = sock_net(skb->sk);

	if (!walk->begun)
		walk->next = kite_sock_next(net, NULL);
	walk->begun = true;
	while (walk->next) {
		if (kite_diag_fits(req, walk->next) &&
		    kite_diag_fill(skb, walk->next, cb->skb, cb->nlh, NLM_F_MULTI))
			break;
		walk->next = kite_sock_next(net, walk->next);
		cond_resched();
	}
	return skb->len;
}

/* Also for who does not read a dump to its end. */
static int kite_diag_dump_done(struct netlink_callback *cb)
{
	struct kite_diag_walk *walk = kite_diag_walk(cb);

	if (walk->next)
		sock_put(walk->next);
	walk->next = NULL;
	return 0;
}

static int kite_diag_one(struct sk_buff *skb, const struct nlmsghdr *nlh)
{
	struct net *net = sock_net(skb->sk);
	struct sk_buff *answer;
	struct sock *sk;
	int err;

	sk = kite_diag_find(net, nlmsg_data(nlh));
	if (IS_ERR(sk))
		return PTR_ERR(sk);
	answer = nlmsg_new(NLMSG_DEFAULT_SIZE, GFP_KERNEL);
	err = answer ? kite_diag_fill(answer, sk, skb, nlh, 0) : -ENOMEM;
	sock_put(sk);
	if (err) {
		nlmsg_free(answer);
		return err;
	}
	return nlmsg_unicast(net->diag_nlsk, answer, NETLINK_CB(skb).portid);
}

/* The core makes sure that there is a family, and writes to the message as we do. */
static int kite_diag_check(struct sk_buff *skb, struct nlmsghdr *nlh)
{
	struct kite_diag_req *req = nlmsg_data(nlh);

	if (nlmsg_len(nlh) != sizeof(*req))
		return -EINVAL;
	if (req->kdr_protocol || req->kdr_pad)
		return -EINVAL;
	/* As inet_diag has it. */
	if (!netlink_net_capable(skb, CAP_NET_ADMIN))
		req->kdr_show &= ~BIT(KITE_DIAG_MARK);
	return 0;
}

static int kite_diag_request(struct sk_buff *skb, struct nlmsghdr *nlh)
{
	struct netlink_dump_control control = {
		.dump	= kite_diag_dump,
		.done	= kite_diag_dump_done,
	};
	int err;

	err = kite_diag_check(skb, nlh);
	if (err)
		return err;
	if (!(nlh->nlmsg_flags & NLM_F_DUMP))
		return kite_diag_one(skb, nlh);
	return netlink_dump_start(sock_net(skb->sk)->diag_nlsk, skb, nlh, &control);
}

/*
 * What a program holds, or what waits for its peer after that has closed it. Not what is
 * in the making or waits for accept, nor the kernel's own: those belong to who makes or
 * ends them, and have rules of their own.
 */
static bool kite_diag_killable(const struct sock *sk)
{
	if (!sk->sk_net_refcnt)
		return false;
	if (sk->sk_socket)
		return sk->sk_socket->file;
	return kite_sk_connects(sk) && kite_conn(sk)->orphan;
}

static int kite_diag_kill(struct sock *sk)
{
	int err = -ENOENT;
	bool killable;

	lock_sock(sk);
	/* Its listener may be just ending it, which does not wait for who owns it. */
	spin_lock_bh(&sk->sk_lock.slock);
	killable = kite_diag_killable(sk);
	spin_unlock_bh(&sk->sk_lock.slock);
	/* Its program may have been faster. */
	if (kite_sock_listed(sk) && !killable) {
		err = -EOPNOTSUPP;
	} else if (kite_sock_listed(sk)) {
		kite_event(sk, KITE_EVENT_DESTROYED, 0);
		err = sock_diag_destroy(sk, -ECONNABORTED);
	}
	release_sock(sk);
	return err;
}

static int kite_diag_destroy(struct sk_buff *skb, struct nlmsghdr *nlh)
{
	struct sock *sk;
	int err;

	err = kite_diag_check(skb, nlh);
	if (err)
		return err;
	if (!netlink_net_capable(skb, CAP_NET_ADMIN))
		return -EPERM;
	sk = kite_diag_find(sock_net(skb->sk), nlmsg_data(nlh));
	if (IS_ERR(sk))
		return PTR_ERR(sk);
	err = kite_diag_kill(sk);
	sock_put(sk);
	return err;
}

static struct sock_diag_handler kite_diag_handler __ro_after_init = {
	.owner		= THIS_MODULE,
	.dump		= kite_diag_request,
	.destroy	= kite_diag_destroy,
};

/**
 * kite_diag_init - from now on sock_diag answers for Kite
 *
 * Context: Process context.
 * Return: 0, or -EBUSY when somebody else does for this family.
 */
int __init kite_diag_init(void)
{
	kite_diag_handler.family = kite_family;
	return sock_diag_register(&kite_diag_handler);
}

/**
 * kite_diag_exit - sock_diag does not any more
 *
 * While it does, or a dump is under way, the module cannot be unloaded.
 *
 * Context: Process context.
 */
void kite_diag_exit(void)
{
	sock_diag_unregister(&kite_diag_handler);
}
