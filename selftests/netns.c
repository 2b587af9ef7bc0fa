// SPDX-License-Identifier: GPL-2.0
/* Network namespaces: none sees the sockets of another. */

#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <sys/wait.h>

#include "fixtures.h"

/* @home and @away are the namespaces; a test starts in @home. */
FIXTURE(netns) {
	const struct family *f;
	int home, away;
};

KITE_UNIX_INET(netns);

static int this_netns(void)
{
	return open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
}

static int go_to(int netns)
{
	return setns(netns, CLONE_NEWNET);
}

FIXTURE_SETUP(netns)
{
	int err;

	self->f = variant->f;
	if (skip_family(_metadata, self->f))
		return;
	/* Two new ones, so that it does not matter who else is where. */
	err = enter_new_netns();
	if (err)
		SKIP(return, "no namespace of its own: %s", strerror(-err));
	self->away = this_netns();
	ASSERT_EQ(0, enter_new_netns());
	self->home = this_netns();
	ASSERT_LE(0, self->away);
	ASSERT_LE(0, self->home);
}

FIXTURE_TEARDOWN(netns) { }

TEST_F(netns, listener_is_not_seen_elsewhere)
{
	struct address addr;

	ASSERT_LE(0, listener(self->f, 1, &addr));
	ASSERT_EQ(0, go_to(self->away));
	EXPECT_EQ(-refusal(self->f), connector(self->f, &addr));
	ASSERT_EQ(0, go_to(self->home));
	EXPECT_LE(0, connector(self->f, &addr));
}

TEST_F(netns, each_has_its_own_addresses)
{
	struct address addr;
	int here, there, s;
	char c;

	here = listener(self->f, 5, &addr);
	ASSERT_LE(0, here);
	ASSERT_EQ(0, go_to(self->away));
	there = stream_socket(self->f);
	ASSERT_EQ(0, bind_to(there, &addr));
	ASSERT_EQ(0, listen(there, 5));

	/* Who connects finds the listener of its own namespace. */
	ASSERT_EQ(1, send(connector(self->f, &addr), "t", 1, 0));
	ASSERT_EQ(0, go_to(self->home));
	ASSERT_EQ(1, send(connector(self->f, &addr), "h", 1, 0));

	s = accept(here, NULL, NULL);
	ASSERT_LE(0, s);
	EXPECT_EQ(1, recv(s, &c, 1, 0));
	EXPECT_EQ('h', c);
	s = accept(there, NULL, NULL);
	ASSERT_LE(0, s);
	EXPECT_EQ(1, recv(s, &c, 1, 0));
	EXPECT_EQ('t', c);
	EXPECT_EQ(0, set_nonblocking(here, true));
	EXPECT_EQ(-EAGAIN, ERR(accept(here, NULL, NULL)));
}

TEST_F(netns, socket_stays_where_it_was_made)
{
	struct address addr, nobody;
	int c, d;

	ASSERT_LE(0, listener(self->f, 5, &addr));
	c = stream_socket(self->f);
	d = stream_socket(self->f);
	ASSERT_EQ(0, go_to(self->away));
	EXPECT_EQ(0, connect_to(c, &addr));

	/* What is taken at home is taken for a socket from home. */
	EXPECT_EQ(-EADDRINUSE, bind_to(d, &addr));
	EXPECT_EQ(0, bind_to(stream_socket(self->f), &addr));
	ASSERT_EQ(0, unused_address(self->f, &nobody));
}

TEST_F(netns, child_is_of_its_listeners)
{
	struct address addr;
	int l, s;
	char c;

	l = listener(self->f, 5, &addr);
	ASSERT_EQ(1, send(connector(self->f, &addr), "x", 1, 0));
	ASSERT_EQ(0, go_to(self->away));
	s = accept(l, NULL, NULL);
	ASSERT_LE(0, s);
	EXPECT_EQ(1, recv(s, &c, 1, 0));
}

TEST_F(netns, connection_passed_to_another_goes_on)
{
	char buf[8];
	int fd[2], status;
	pid_t pid;

	ASSERT_EQ(0, connected_pair(self->f, fd));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		close(fd[0]);
		if (go_to(self->away) || recv(fd[1], buf, 4, 0) != 4 ||
		    send(fd[1], "pong", 4, 0) != 4)
			_exit(1);
		_exit(0);
	}
	close(fd[1]);
	ASSERT_EQ(4, send(fd[0], "ping", 4, 0));
	EXPECT_EQ(4, recv(fd[0], buf, 4, 0));
	EXPECT_EQ(0, recv(fd[0], buf, 4, 0));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
}

TEST_F(netns, sockets_keep_their_namespace)
{
	struct address addr;
	int fd[2], l, c;
	char buf[4];

	/* Nobody is at home any more, but its sockets are. */
	ASSERT_EQ(0, connected_pair(self->f, fd));
	l = listener(self->f, 5, &addr);
	c = stream_socket(self->f);
	ASSERT_EQ(0, go_to(self->away));
	close(self->home);

	EXPECT_EQ(1, send(fd[0], "x", 1, 0));
	EXPECT_EQ(1, recv(fd[1], buf, sizeof(buf), 0));
	EXPECT_EQ(0, connect_to(c, &addr));
	EXPECT_LE(0, ERR(accept(l, NULL, NULL)));
}

TEST_F(netns, comes_and_goes)
{
	struct address addr;
	int i, c, l, fd[2];

	/* In every state that a socket can be left in. */
	for (i = 0; i < 8; i++) {
		ASSERT_EQ(0, enter_new_netns());
		ASSERT_EQ(0, connected_pair(self->f, fd));
		l = listener(self->f, 5, &addr);
		c = connector(self->f, &addr);
		ASSERT_LE(0, c);
		ASSERT_EQ(1, send(fd[0], "x", 1, 0));
		if (i & 1)
			close(l);
		if (i & 2)
			close(fd[1]);
		if (i & 4)
			close(c);
		ASSERT_LE(0, bound_socket(self->f, &addr));
		ASSERT_EQ(0, go_to(self->home));
		close(i & 2 ? fd[0] : fd[1]);
	}
}

TEST_F(netns, ends_with_the_process)
{
	int status;
	pid_t pid;

	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		struct address addr;
		int fd[2];

		_exit(enter_new_netns() || connected_pair(self->f, fd) ||
		      listener(self->f, 1, &addr) < 0 ||
		      connector(self->f, &addr) < 0 ||
		      fill(self->f, fd[0]) < 0);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
}

/* An ordinary user may have a namespace, and Kite in it. */

FAMILY_FIXTURE(user_netns, KITE_UNIX_INET);

TEST_F(user_netns, of_an_ordinary_user)
{
	int fd[2];

	if (!become_nobody() || unshare(CLONE_NEWUSER | CLONE_NEWNET))
		SKIP(return, "no user namespace for nobody: %s", strerror(errno));
	ASSERT_EQ(0, loopback_up());
	ASSERT_EQ(0, connected_pair(self->f, fd));
	EXPECT_EQ(1, send(fd[0], "x", 1, 0));
}

TEST_HARNESS_MAIN
