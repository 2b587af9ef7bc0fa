// SPDX-License-Identifier: GPL-2.0
/* Options, what comes beside the data, and what else a file descriptor can do. */

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>

#include <linux/filter.h>

#include "conformance.h"

static const char section[] = "Options and descriptors";

DEFINE_ROW(buffer_size, ALL,
	   "SO_SNDBUF and SO_RCVBUF of 20000: what getsockopt gives",
	   "40000, 40000")
{
	int fd = new_socket(cell);

	set_int_option(fd, SOL_SOCKET, SO_SNDBUF, 20000);
	set_int_option(fd, SOL_SOCKET, SO_RCVBUF, 20000);
	say_result(cell, get_int_option(fd, SOL_SOCKET, SO_SNDBUF));
	say_result(cell, get_int_option(fd, SOL_SOCKET, SO_RCVBUF));
}

DEFINE_ROW(option_short, ALL,
	   "setsockopt of SO_RCVBUF with 2 bytes, and from memory that does not exist",
	   "EINVAL, EFAULT")
{
	int fd = new_socket(cell), value = 20000;

	say_result(cell, ERR(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &value, 2)));
	say_result(cell, ERR(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, bad_pointer(), 4)));
}

DEFINE_ROW(no_control, ALL,
	   "recvmsg with room for control messages, when there are none: msg_controllen",
	   "1, 0")
{
	struct pair p = pair(cell);
	char buf[8], control[128];
	struct iovec iov = { buf, sizeof(buf) };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};

	put(p.c, "x");
	say_result(cell, ERR(recvmsg(p.s, &msg, 0)));
	say_result(cell, msg.msg_controllen);
}

DEFINE_ROW(owner_signal, ALL,
	   "O_ASYNC: SIGIO when a message comes",
	   "yes")
{
	struct pair p = pair(cell);

	catch_signal(SIGIO, SA_RESTART);
	must(cell, ERR(fcntl(p.s, F_SETOWN, getpid())), "F_SETOWN");
	must(cell, ERR(fcntl(p.s, F_SETFL, O_ASYNC)), "F_SETFL");
	put(p.c, "x");
	await(p.s, POLLIN);
	say(cell, BECOMES(true, caught_signals() > 0) ? "yes" : "no");
}

DEFINE_ROW(second_descriptor, CONN,
	   "close of one of two descriptors: the peer's recv with MSG_DONTWAIT; and of both",
	   "EAGAIN, 0")
{
	struct pair p = pair(cell);
	int other = must(cell, ERR(dup(p.c)), "dup");

	close(p.c);
	say_result(cell, get_now(p.s, 8));
	close(other);
	say_result(cell, get(p.s, 8));
}

DEFINE_ROW(childs_descriptor, CONN,
	   "a child has the connection too: what it sends arrives, and its exit ends nothing",
	   "3, EAGAIN")
{
	struct pair p = pair(cell);
	pid_t pid = must(cell, ERR(fork()), "fork");

	if (!pid) {
		put(p.c, "abc");
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	say_result(cell, get(p.s, 8));
	say_result(cell, get_now(p.s, 8));
}

DEFINE_ROW(into_pipe, STREAM,
	   "splice of 5 bytes into a pipe",
	   "5, 5")
{
	struct pair p = pair(cell);
	char buf[8];
	int fd[2];

	must(cell, ERR(pipe(fd)), "pipe");
	put(p.c, "abcde");
	await(p.s, POLLIN);
	say_result(cell, ERR(splice(p.s, NULL, fd[1], NULL, 5, 0)));
	say_result(cell, ERR(read(fd[0], buf, sizeof(buf))));
}

DEFINE_ROW(from_pipe, ALL,
	   "splice of 5 bytes from a pipe",
	   "5, 5")
{
	struct pair p = pair(cell);
	int fd[2];

	must(cell, ERR(pipe(fd)), "pipe");
	must(cell, ERR(write(fd[1], "abcde", 5)), "write");
	say_result(cell, ERR(splice(fd[0], NULL, p.c, NULL, 5, 0)));
	say_result(cell, get(p.s, 8));
}

DEFINE_ROW(timestamp, MESSAGES,
	   "SO_TIMESTAMP: the time comes with a message",
	   "yes",
	   { VSOCK, SEQPACKET, "no", WHY_VSOCK_NONE })
{
	struct pair p = pair(cell);

	must(cell, set_int_option(p.s, SOL_SOCKET, SO_TIMESTAMP, 1), "setsockopt");
	put(p.c, "x");
	say(cell, get_control(p.s, SCM_TIMESTAMP, NULL, 0) ? "yes" : "no");
}

DEFINE_ROW(credentials, ALL,
	   "SO_PASSCRED: who sent a message comes with it",
	   "yes",
	   { INET | VSOCK | PACKETS, ALL, "no", "Packets do not carry it." })
{
	struct pair p = pair(cell);
	struct ucred ucred = { 0 };

	set_int_option(p.s, SOL_SOCKET, SO_PASSCRED, 1);
	put(p.c, "x");
	get_control(p.s, SCM_CREDENTIALS, &ucred, sizeof(ucred));
	say(cell, ucred.pid == getpid() ? "yes" : "no");
}

#define WHY_NO_CONTROL "Control messages that mean nothing to it are not looked at."

DEFINE_ROW(false_credentials, ALL,
	   "send, not as root, with SCM_CREDENTIALS that say process 1",
	   "EPERM",
	   { INET | VSOCK, ALL, "1", WHY_NO_CONTROL })
{
	struct pair p = pair(cell);
	struct ucred ucred = { .pid = 1, .uid = getuid(), .gid = getgid() };

	if (!become_nobody())
		not_here(cell, "only root can become somebody else");
	say_result(cell, put_control(p.c, SCM_CREDENTIALS, &ucred, sizeof(ucred)));
}

DEFINE_ROW(descriptors, ALL,
	   "send of a file descriptor (SCM_RIGHTS); whether it comes",
	   "EINVAL",
	   { UNIX, ALL, "1, yes", "The kernel's way to pass them is AF_UNIX's alone." },
	   { INET | VSOCK, ALL, "1, no", WHY_NO_CONTROL })
{
	struct pair p = pair(cell);
	int fd = 0;

	say_result(cell, must(cell, put_control(p.c, SCM_RIGHTS, &fd, sizeof(fd)), ""));
	say(cell, get_control(p.s, SCM_RIGHTS, NULL, 0) ? "yes" : "no");
}

DEFINE_ROW(unknown_control, ALL,
	   "send with a control message of SOL_SOCKET that does not exist",
	   "EINVAL",
	   { VSOCK, CONN, "1", WHY_NO_CONTROL })
{
	struct pair p = pair(cell);

	say_result(cell, put_control(p.c, 0x7f, "abcd", 4));
}

DEFINE_ROW(filter, MESSAGES,
	   "SO_ATTACH_FILTER with a filter that lets nothing in, then a message",
	   "1, EAGAIN",
	   { UNIX, MESSAGES, "EPERM, EAGAIN", "AF_UNIX tells who sends." },
	   { VSOCK, SEQPACKET, "1, 1", WHY_VSOCK_NONE })
{
	struct sock_filter nothing = BPF_STMT(BPF_RET | BPF_K, 0);
	struct sock_fprog prog = { .len = 1, .filter = &nothing };
	struct pair p = pair(cell);

	must(cell, ERR(setsockopt(p.s, SOL_SOCKET, SO_ATTACH_FILTER,
				  &prog, sizeof(prog))), "setsockopt");
	say_result(cell, put(p.c, "x"));
	/* Time for one that does get in. */
	poll(&(struct pollfd){ .fd = p.s, .events = POLLIN }, 1, 100);
	say_result(cell, get_now(p.s, 8));
}

DEFINE_ROW(no_errors, ALL,
	   "recv with MSG_ERRQUEUE when only 3 bytes of data are there, and without",
	   "EAGAIN, 3",
	   { UNIX, ALL, "3, EAGAIN", "AF_UNIX has no such queue, and does not look at the flag." },
	   { VSOCK, CONN, "3, EAGAIN", "vsock does not look at the flag before 6.7." })
{
	struct pair p = pair(cell);

	put(p.c, "abc");
	await(p.s, POLLIN);
	say_result(cell, get_with(p.s, 8, MSG_ERRQUEUE | MSG_DONTWAIT));
	say_result(cell, get_now(p.s, 8));
}

DEFINE_ROW(zerocopy, ALL,
	   "SO_ZEROCOPY, send of 20000 bytes with MSG_ZEROCOPY, and when they are read MSG_ERRQUEUE",
	   "0, 20000, 0",
	   { UNIX, ALL, "EOPNOTSUPP", "AF_UNIX has not got it." },
	   { VSOCK, CONN, "EOPNOTSUPP", "vsock has not got it before 6.7." },
	   { OLD_CORE, ALL, "EOPNOTSUPP", "The socket core of 6.1 does not ask the family." })
{
	static char buf[20000];
	struct pair p = pair(cell);

	say_result(cell, must(cell, set_int_option(p.c, SOL_SOCKET, SO_ZEROCOPY, 1), ""));
	say_result(cell, must(cell, ERR(send(p.c, buf, sizeof(buf), MSG_ZEROCOPY)), ""));
	recv_all(p.s, buf, sizeof(buf));
	await(p.c, POLLERR);
	say_result(cell, get_with(p.c, 0, MSG_ERRQUEUE | MSG_DONTWAIT));
}
