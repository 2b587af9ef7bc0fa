// SPDX-License-Identifier: GPL-2.0
/*
 * Another socket in the place of a Kite socket: one of the family that was asked for,
 * when it turns out to be for an address that is not on loopback; or a fresh one
 * of Kite's, which cannot be bound or connected anew.
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "preload.h"

/**
 * native_twin - a socket of the family that was asked for
 * @fd: the Kite socket that stands for it
 * @tag: that
 *
 * It has the options that the program set, as far as they are known, and so
 * answers what they are.
 *
 * Return: its descriptor, or -1 and errno.
 */
int native_twin(int fd, const struct tag *tag)
{
	int type = SOCK_STREAM, twin;
	socklen_t len = sizeof(type);

	REAL(getsockopt)(fd, SOL_SOCKET, SO_TYPE, &type, &len);
	twin = REAL(socket)(tag_domain(tag), type | SOCK_CLOEXEC, 0);
	if (twin >= 0)
		memory_replay(fd, twin, false);
	return twin;
}

/* @other takes the place of @fd, for epoll too, and is closed. */
static bool native_replace(int fd, int other)
{
	struct registration *saved;
	int flags, err = 0;

	flags = fcntl(fd, F_GETFL);
	if (flags >= 0)
		fcntl(other, F_SETFL, flags);
	flags = fcntl(fd, F_GETFD);
	saved = epoll_save(fd);
	if (dup3(other, fd, flags & FD_CLOEXEC ? O_CLOEXEC : 0) < 0)
		err = errno;
	close(other);
	epoll_restore(fd, saved);
	errno = err;
	return !err;
}

/**
 * native_become - let a socket be of the family that was asked for, from now on
 * @fd: the Kite socket, bound or not
 * @tag: what it stands for
 *
 * Return: whether it worked; otherwise errno says why not.
 */
bool native_become(int fd, const struct tag *tag)
{
	int twin = native_twin(fd, tag);
	union address kite, own;
	socklen_t len = sizeof(kite);

	if (twin < 0)
		return false;
	tell("address", fd, tag, NULL);
	/* If it cannot have its port, it gets another. */
	if (!REAL(getsockname)(fd, &kite.any, &len) &&
	    kite.kite.skt_port != KITE_PORT_ANY) {
		len = name_from_kite(&own, tag, &kite.kite, true);
		REAL(bind)(twin, &own.any, len);
	}
	return native_replace(fd, twin);
}

/**
 * native_renew - a fresh Kite socket in the place of another
 * @fd: the socket
 * @tag: what it stands for; now without an address
 *
 * Return: whether it worked; otherwise errno says why not.
 */
bool native_renew(int fd, struct tag *tag)
{
	int type = SOCK_STREAM, other;
	socklen_t len = sizeof(type);

	tag->host = 0;
	tag->bound = false;
	REAL(getsockopt)(fd, SOL_SOCKET, SO_TYPE, &type, &len);
	other = REAL(socket)(config()->family, type | SOCK_CLOEXEC, 0);
	if (other < 0)
		return false;
	if (!tag_set(other, tag)) {
		close(other);
		return false;
	}
	memory_replay(fd, other, true);
	return native_replace(fd, other);
}
