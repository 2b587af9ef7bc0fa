// SPDX-License-Identifier: GPL-2.0
/* Socket options: what a socket is, who its peer is, and what it refuses. */

#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/wait.h>

#include "fixtures.h"

#ifndef SO_PASSPIDFD
#define SO_PASSPIDFD 76
#endif

PAIR_FIXTURE(options, KITE_UNIX_INET);

TEST_F(options, what_it_is)
{
	struct address addr;
	int fd[4], i;

	fd[0] = stream_socket(self->f);
	fd[1] = listener(self->f, 1, &addr);
	fd[2] = self->c;
	fd[3] = self->s;
	for (i = 0; i < 4; i++) {
		EXPECT_EQ(self->f->domain(),
			  get_int_option(fd[i], SOL_SOCKET, SO_DOMAIN));
		EXPECT_EQ(SOCK_STREAM, get_int_option(fd[i], SOL_SOCKET, SO_TYPE));
		EXPECT_EQ(is_inet(self->f) ? IPPROTO_TCP : 0,
			  get_int_option(fd[i], SOL_SOCKET, SO_PROTOCOL));
		EXPECT_EQ(i == 1, get_int_option(fd[i], SOL_SOCKET, SO_ACCEPTCONN));
		EXPECT_EQ(0, get_int_option(fd[i], SOL_SOCKET, SO_ERROR));
	}
}

TEST_F(options, read_only)
{
	static const int names[] = {
		SO_TYPE, SO_DOMAIN, SO_PROTOCOL, SO_ERROR, SO_ACCEPTCONN,
		SO_PEERCRED,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(names); i++)
		EXPECT_EQ(-ENOPROTOOPT,
			  set_int_option(self->c, SOL_SOCKET, names[i], 1));
}

TEST_F(options, unknown)
{
	EXPECT_EQ(-ENOPROTOOPT, set_int_option(self->c, SOL_SOCKET, 9999, 1));
	EXPECT_EQ(-ENOPROTOOPT, get_int_option(self->c, SOL_SOCKET, 9999));
	/* As TCP; AF_UNIX has no level but SOL_SOCKET. */
	EXPECT_EQ(by_family(self->f, -ENOPROTOOPT, -EOPNOTSUPP, -ENOPROTOOPT),
		  set_int_option(self->c, 9999, 1, 1));
	EXPECT_EQ(by_family(self->f, -ENOPROTOOPT, -EOPNOTSUPP, -EOPNOTSUPP),
		  get_int_option(self->c, 9999, 1));
}

TEST_F(options, length)
{
	socklen_t len;
	int value = 0;

	EXPECT_EQ(-EINVAL, ERR(setsockopt(self->c, SOL_SOCKET, SO_RCVBUF, &value, 0)));
	EXPECT_EQ(-EINVAL, ERR(setsockopt(self->c, SOL_SOCKET, SO_RCVBUF, &value, 3)));
	EXPECT_EQ(-EINVAL, ERR(setsockopt(self->c, SOL_SOCKET, SO_RCVTIMEO,
					  &value, sizeof(value))));
	EXPECT_EQ(-EINVAL, ERR(setsockopt(self->c, SOL_SOCKET, SO_LINGER,
					  &value, sizeof(value))));
	EXPECT_EQ(-EFAULT, ERR(setsockopt(self->c, SOL_SOCKET, SO_RCVBUF,
					  bad_pointer(), sizeof(value))));

	/* A short buffer gets the beginning. */
	len = 1;
	value = 0x55555555;
	EXPECT_EQ(0, getsockopt(self->c, SOL_SOCKET, SO_TYPE, &value, &len));
	EXPECT_EQ(1, len);
	EXPECT_EQ(SOCK_STREAM, *(char *)&value);
	len = -1;
	EXPECT_EQ(-EINVAL, ERR(getsockopt(self->c, SOL_SOCKET, SO_TYPE, &value, &len)));
	len = sizeof(value);
	EXPECT_EQ(-EFAULT, ERR(getsockopt(self->c, SOL_SOCKET, SO_TYPE,
					  bad_pointer(), &len)));
}

TEST_F(options, buffer_sizes)
{
	/* The kernel doubles them, for what bookkeeping costs. */
	ASSERT_EQ(0, set_int_option(self->c, SOL_SOCKET, SO_SNDBUF, 20000));
	EXPECT_EQ(40000, get_int_option(self->c, SOL_SOCKET, SO_SNDBUF));
	ASSERT_EQ(0, set_int_option(self->c, SOL_SOCKET, SO_RCVBUF, 30000));
	EXPECT_EQ(60000, get_int_option(self->c, SOL_SOCKET, SO_RCVBUF));
	ASSERT_EQ(0, set_int_option(self->c, SOL_SOCKET, SO_SNDBUF, 1));
	EXPECT_LT(2, get_int_option(self->c, SOL_SOCKET, SO_SNDBUF));
	ASSERT_EQ(0, set_int_option(self->c, SOL_SOCKET, SO_RCVBUF, 1));
	EXPECT_LT(2, get_int_option(self->c, SOL_SOCKET, SO_RCVBUF));
}

TEST_F(options, switches)
{
	static const int names[] = {
		SO_KEEPALIVE, SO_REUSEADDR, SO_BROADCAST, SO_OOBINLINE,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(names); i++) {
		EXPECT_EQ(0, get_int_option(self->c, SOL_SOCKET, names[i]));
		EXPECT_EQ(0, set_int_option(self->c, SOL_SOCKET, names[i], 1));
		EXPECT_EQ(1, get_int_option(self->c, SOL_SOCKET, names[i]));
		EXPECT_EQ(0, set_int_option(self->c, SOL_SOCKET, names[i], 0));
		EXPECT_EQ(0, get_int_option(self->c, SOL_SOCKET, names[i]));
	}
}

TEST_F(options, linger_is_kept)
{
	struct linger linger = {};
	socklen_t len = sizeof(linger);

	ASSERT_EQ(0, getsockopt(self->c, SOL_SOCKET, SO_LINGER, &linger, &len));
	EXPECT_EQ(0, linger.l_onoff);
	ASSERT_EQ(0, set_linger(self->c, 7));
	ASSERT_EQ(0, getsockopt(self->c, SOL_SOCKET, SO_LINGER, &linger, &len));
	EXPECT_EQ(1, linger.l_onoff);
	EXPECT_EQ(7, linger.l_linger);
}

TEST_F(options, nonblocking_by_ioctl)
{
	int on = 1;
	char c;

	ASSERT_EQ(0, ioctl(self->c, FIONBIO, &on));
	EXPECT_EQ(O_NONBLOCK, fcntl(self->c, F_GETFL) & O_NONBLOCK);
	EXPECT_EQ(-EAGAIN, ERR(recv(self->c, &c, 1, 0)));
}

TEST_F(options, unknown_ioctl)
{
	int value;

	EXPECT_EQ(-ENOTTY, ERR(ioctl(self->c, 0x12345678, &value)));
	EXPECT_EQ(-EFAULT, ERR(ioctl(self->c, FIONREAD, bad_pointer())));
}

/* SO_PEERCRED: AF_UNIX's, where the peer is known to be a process here. */

FIXTURE(peercred) {
	const struct family *f;
};

KITE_UNIX(peercred);

FIXTURE_SETUP(peercred)
{
	self->f = variant->f;
	if (skip_family(_metadata, self->f))
		return;
	if (!peer_is_known(self->f))
		SKIP(return, "of the peer only packets are known (direct=0)");
}

FIXTURE_TEARDOWN(peercred) { }

static struct ucred peer_credentials(int fd)
{
	struct ucred cred = { -1, -1, -1 };
	socklen_t len = sizeof(cred);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) ||
	    len != sizeof(cred))
		cred.pid = -2;
	return cred;
}

TEST_F(peercred, no_peer)
{
	struct ucred cred = peer_credentials(stream_socket(self->f));

	EXPECT_EQ(0, cred.pid);
	EXPECT_EQ((uid_t)-1, cred.uid);
	EXPECT_EQ((gid_t)-1, cred.gid);
}

TEST_F(peercred, who_connected)
{
	struct address addr;
	struct ucred cred;
	int l, s, status;
	pid_t pid;

	l = listener(self->f, 1, &addr);
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		int c = stream_socket(self->f);

		if (setresgid(111, 111, 111) || setresuid(222, 222, 222) ||
		    connect_to(c, &addr))
			_exit(1);
		/* The listener is who called listen(), and as whom. */
		cred = peer_credentials(c);
		_exit(cred.pid != getppid() || cred.uid || cred.gid);
	}
	s = accept(l, NULL, NULL);
	ASSERT_LE(0, s);
	cred = peer_credentials(s);
	EXPECT_EQ(pid, cred.pid);
	EXPECT_EQ(222, cred.uid);
	EXPECT_EQ(111, cred.gid);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);

	/* It stays when the process is gone. */
	cred = peer_credentials(s);
	EXPECT_EQ(pid, cred.pid);
	EXPECT_EQ(222, cred.uid);
}

TEST_F(peercred, who_listened_last)
{
	struct address addr;
	struct ucred cred;
	int l, c, status;
	pid_t pid;

	l = listener(self->f, 5, &addr);
	c = connector(self->f, &addr);
	EXPECT_EQ(getpid(), peer_credentials(c).pid);

	/* Not who made the socket, nor who will accept. */
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid)
		_exit(setresuid(222, 222, 222) || listen(l, 5));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_EQ(0, status);
	cred = peer_credentials(connector(self->f, &addr));
	EXPECT_EQ(pid, cred.pid);
	EXPECT_EQ(222, cred.uid);
	/* Connections that were made before know who was it then. */
	EXPECT_EQ(getpid(), peer_credentials(c).pid);
}

TEST_F(peercred, not_of_who_holds_it_now)
{
	int fd[2], status;
	pid_t pid;

	ASSERT_EQ(0, connected_pair(self->f, fd));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid)
		_exit(peer_credentials(fd[0]).pid != getppid() ||
		      peer_credentials(fd[1]).pid != getppid());
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
}

/* Of a peer that is known by its packets there are no credentials. */
TEST_F(options, no_credentials_from_packets)
{
	bool known = peer_is_known(self->f);

	EXPECT_EQ(known ? getpid() : 0, peer_credentials(self->c).pid);
	EXPECT_EQ(known ? 0 : (uid_t)-1, peer_credentials(self->c).uid);
	EXPECT_EQ(known ? getpid() : 0, peer_credentials(self->s).pid);
}

/* The level that is Kite's own. */

PAIR_FIXTURE(sol_kite, KITE);

TEST_F(sol_kite, unknown)
{
	EXPECT_EQ(-ENOPROTOOPT, set_int_option(self->c, SOL_KITE, 9999, 1));
	EXPECT_EQ(-ENOPROTOOPT, get_int_option(self->c, SOL_KITE, 9999));
	EXPECT_EQ(-ENOPROTOOPT, set_int_option(self->c, IPPROTO_TCP, 1, 1));
	EXPECT_EQ(-ENOPROTOOPT, get_int_option(self->c, IPPROTO_TCP, 1));
}

/* The same at SOL_SOCKET where the kernel lets a family answer for itself. */
TEST_F(sol_kite, options_of_sol_socket)
{
	static const int names[] = { SO_REUSEPORT, SO_ZEROCOPY };
	bool answers = kernel_since(6, 7);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(names); i++) {
		EXPECT_EQ(0, get_int_option(self->s, SOL_KITE, names[i]));
		EXPECT_EQ(0, set_int_option(self->s, SOL_KITE, names[i], 1));
		EXPECT_EQ(1, get_int_option(self->s, SOL_KITE, names[i]));
		EXPECT_EQ(1, get_int_option(self->s, SOL_SOCKET, names[i]));
		EXPECT_EQ(0, set_int_option(self->s, SOL_KITE, names[i], 0));
		EXPECT_EQ(0, get_int_option(self->s, SOL_SOCKET, names[i]));

		EXPECT_EQ(answers ? 0 : -EOPNOTSUPP,
			  set_int_option(self->s, SOL_SOCKET, names[i], 1));
		EXPECT_EQ(answers, get_int_option(self->s, SOL_KITE, names[i]));
		EXPECT_EQ(0, get_int_option(self->c, SOL_KITE, names[i]));
	}
	EXPECT_EQ(-EINVAL, set_int_option(self->c, SOL_KITE, SO_ZEROCOPY, 2));
	EXPECT_EQ(-ENOPROTOOPT, set_int_option(self->c, SOL_KITE, SO_RCVBUF, 1));
	EXPECT_EQ(-ENOPROTOOPT, get_int_option(self->c, SOL_KITE, SO_RCVBUF));
}

TEST_F(sol_kite, length)
{
	socklen_t len;
	int value = 1;

	EXPECT_EQ(-EINVAL, ERR(setsockopt(self->c, SOL_KITE, SO_REUSEPORT, &value, 3)));
	EXPECT_EQ(-EFAULT, ERR(setsockopt(self->c, SOL_KITE, SO_REUSEPORT,
					  bad_pointer(), sizeof(value))));
	EXPECT_EQ(0, get_int_option(self->c, SOL_KITE, SO_REUSEPORT));
	EXPECT_EQ(0, set_int_option(self->c, SOL_KITE, SO_REUSEPORT, 1));
	len = 1;
	value = 0x55555555;
	EXPECT_EQ(0, getsockopt(self->c, SOL_KITE, SO_REUSEPORT, &value, &len));
	EXPECT_EQ(1, len);
	EXPECT_EQ(1, *(char *)&value);
	len = -1;
	EXPECT_EQ(-EINVAL, ERR(getsockopt(self->c, SOL_KITE, SO_REUSEPORT, &value,
					  &len)));
	len = sizeof(value);
	EXPECT_EQ(-EFAULT, ERR(getsockopt(self->c, SOL_KITE, SO_REUSEPORT,
					  bad_pointer(), &len)));
}

/* What does not come with messages is not promised either. */
TEST_F(sol_kite, not_passed)
{
	if (!kernel_since(6, 7))
		SKIP(return, "this kernel does not ask the family");
	EXPECT_EQ(-EOPNOTSUPP, set_int_option(self->c, SOL_SOCKET, SO_PASSSEC, 1));
	EXPECT_EQ(-EOPNOTSUPP, set_int_option(self->c, SOL_SOCKET, SO_PASSPIDFD, 1));
	EXPECT_EQ(0, set_int_option(self->c, SOL_SOCKET, SO_PASSPIDFD, 0));
}

TEST_HARNESS_MAIN
