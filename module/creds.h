/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Who wrote a message: what every message asks. See creds.c.
 */
#ifndef _KITE_CREDS_H
#define _KITE_CREDS_H

static inline void kite_creds_put(struct kite_creds *creds)
{
	if (unlikely(creds->pid))
		put_pid(creds->pid);
	creds->pid = NULL;
}

static inline void kite_creds_copy(struct kite_creds *to, const struct kite_creds *from)
{
	*to = *from;
	get_pid(to->pid);
}

static inline bool kite_creds_equal(const struct kite_creds *a,
				    const struct kite_creds *b)
{
	return a->pid == b->pid &&
	       (!a->pid || (uid_eq(a->uid, b->uid) && gid_eq(a->gid, b->gid)));
}

/**
 * kite_creds_get - the credentials of a message that is to be sent
 * @sock: the sender
 * @msg: the message
 * @creds: where they go, with a reference, if the sender gives any
 *
 * Context: Process context.
 * Return: 0 or what kite_creds_parse() says.
 */
static inline int kite_creds_get(struct socket *sock, struct msghdr *msg,
				 struct kite_creds *creds)
{
	creds->pid = NULL;
	if (unlikely(test_bit(SOCK_PASSCRED, &sock->flags)))
		kite_creds_of_current(creds);
	if (unlikely(msg->msg_controllen))
		return kite_creds_parse(sock, msg, creds);
	return 0;
}

/* Its struct socket stays for a grace period. */
static inline bool kite_creds_wanted(const struct sock *sk)
{
	const struct socket *sock;
	bool wanted;

	/* Not rcu_read_lock(), which is two calls. */
	rcu_read_lock_sched();
	sock = kite_sk_socket(sk);
	wanted = !sock || test_bit(SOCK_PASSCRED, &sock->flags);
	rcu_read_unlock_sched();
	return wanted;
}

/**
 * kite_creds_imply - if the sender gave no credentials, does the receiver want some?
 * @creds: the message's; the current process's afterwards, if so
 * @receiver: who gets the message
 *
 * Context: The sender's process; the caller holds a reference of @receiver or the RCU
 * read lock.
 */
static inline void kite_creds_imply(struct kite_creds *creds, const struct sock *receiver)
{
	if (!creds->pid && unlikely(kite_creds_wanted(receiver)))
		kite_creds_of_current(creds);
}

/**
 * kite_creds_of - whose message on a connection is it?
 * @sock: the connection, after kite_send_check()
 * @msg: the message
 * @creds: who sends it, with a reference, if it matters to anybody
 *
 * Context: Process context.
 * Return: 0 or what kite_creds_parse() says.
 */
static inline int kite_creds_of(struct socket *sock, struct msghdr *msg,
				struct kite_creds *creds)
{
	struct sock *peer = kite_sk(sock->sk)->peer;
	int err = kite_creds_get(sock, msg, creds);

	if (!err && peer)
		kite_creds_imply(creds, peer);
	return err;
}

/**
 * kite_creds_recv - tell the reader who wrote a message, if it wants to know
 * @sock: the reader
 * @msg: where it goes
 * @creds: the message's
 *
 * Context: Process context.
 */
static inline void kite_creds_recv(struct socket *sock, struct msghdr *msg,
				   const struct kite_creds *creds)
{
	if (unlikely(test_bit(SOCK_PASSCRED, &sock->flags)))
		kite_creds_tell(msg, creds);
}

#endif /* _KITE_CREDS_H */
