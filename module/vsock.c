// SPDX-License-Identifier: GPL-2.0
/*
 * What is different when Kite is loaded as AF_VSOCK, with family=40, so that
 * programs written for vsock need no change. All of it is here.
 */
#include <linux/vm_sockets.h>

#include "af_kite.h"

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
