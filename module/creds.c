// SPDX-License-Identifier: GPL-2.0
/*
 * Who wrote a message: SCM_CREDENTIALS, as AF_UNIX has it.
 *
 * A message has credentials if its writer gave some, or if one of the two sockets
 * has SO_PASSCRED, or if the reader is not accepted yet and may still want them.
 * Else nothing is noted. Packets do not carry them.
 */
#include <linux/sched.h>
#include <net/scm.h>

#include "af_kite.h"

/**
 * kite_creds_of_current - those of the process that makes a system call
 * @creds: where they go, with a reference
 *
 * Context: Process context.
 */
void kite_creds_of_current(struct kite_creds *creds)
{
	creds->pid = get_pid(task_tgid(current));
	current_uid_gid(&creds->uid, &creds->gid);
}

/**
 * kite_creds_parse - look for credentials in what was sent with a message
 * @sock: the sender
 * @msg: the message, with control messages
 * @creds: where they go, with a reference; as they are if there are none; gone after an
 *	error
 *
 * Context: Process context.
 * Return: 0; -EINVAL for what AF_UNIX does not know either, and for file
 * descriptors; -EPERM for credentials that the sender may not use; -ESRCH.
 */
int kite_creds_parse(struct socket *sock, struct msghdr *msg, struct kite_creds *creds)
{
	struct scm_cookie scm;
	int err;

	err = scm_send(sock, msg, &scm, false);
	if (err || scm.pid)
		kite_creds_put(creds);
	if (err || !scm.pid)
		return err;
	creds->pid = scm.pid;
	creds->uid = scm.creds.uid;
	creds->gid = scm.creds.gid;
	return 0;
}

static void kite_creds_free(struct sk_buff *skb)
{
	kite_creds_put(&kite_cb(skb)->creds);
}

/**
 * kite_creds_attach - note credentials in a buffer for a receive queue
 * @skb: the buffer, which nobody owns
 * @creds: what to note
 *
 * Context: Any.
 */
void kite_creds_attach(struct sk_buff *skb, const struct kite_creds *creds)
{
	kite_creds_copy(&kite_cb(skb)->creds, creds);
	skb->destructor = kite_creds_free;
}

/**
 * kite_creds_follow - does this go on with what the same process wrote?
 * @seen: what was read so far
 * @creds: of what comes next
 *
 * Context: Any.
 * Return: true if so, or if nothing was read before.
 */
bool kite_creds_follow(struct kite_creds_seen *seen, const struct kite_creds *creds)
{
	if (seen->any)
		return kite_creds_equal(&seen->creds, creds);
	seen->any = true;
	kite_creds_copy(&seen->creds, creds);
	return true;
}

/**
 * kite_creds_tell - tell the reader who wrote a message
 * @msg: where it goes
 * @creds: the message's; without any, it is nobody: process 0, and the user and group
 *	that stand for what has none
 *
 * Context: Process context.
 */
void kite_creds_tell(struct msghdr *msg, const struct kite_creds *creds)
{
	struct user_namespace *ns = current_user_ns();
	struct ucred ucred;

	if (!msg->msg_control) {
		msg->msg_flags |= MSG_CTRUNC;
		return;
	}
	ucred.pid = pid_vnr(creds->pid);
	ucred.uid = from_kuid_munged(ns, creds->pid ? creds->uid : INVALID_UID);
	ucred.gid = from_kgid_munged(ns, creds->pid ? creds->gid : INVALID_GID);
	put_cmsg(msg, SOL_SOCKET, SCM_CREDENTIALS, sizeof(ucred), &ucred);
}
