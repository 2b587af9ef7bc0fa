// SPDX-License-Identifier: GPL-2.0
/* bind() and getsockname(): addresses and who may have which. */

#define _GNU_SOURCE
#include <linux/capability.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "fixtures.h"

FAMILY_FIXTURE(bind, KITE_UNIX_INET);

TEST_F(bind, fresh_socket_has_no_name)
{
	struct address name, want;
	int fd;

	fd = stream_socket(self->f);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, name_of(fd, &name));
	EXPECT_EQ(self->f->domain(), name.sa.sa_family);

	if (is_kite(self->f))	/* as AF_VSOCK */
		kite_address(&want, KITE_PORT_ANY, KITE_NODE_ANY);
	else if (is_inet(self->f))
		inet_address(&want, 0, INADDR_ANY);
	else
		self->f->any(&want);
	EXPECT_TRUE(same_address(&want, &name));
}

TEST_F(bind, any_finds_a_free_address)
{
	struct address a, b;

	ASSERT_LE(0, bound_socket(self->f, &a));
	ASSERT_LE(0, bound_socket(self->f, &b));
	EXPECT_FALSE(same_address(&a, &b));
}

TEST_F(bind, address_asked_for_is_the_name)
{
	struct address addr, name;
	int fd;

	ASSERT_EQ(0, unused_address(self->f, &addr));
	fd = stream_socket(self->f);
	ASSERT_EQ(0, bind_to(fd, &addr));
	ASSERT_EQ(0, name_of(fd, &name));
	EXPECT_TRUE(same_address(&addr, &name));
}

TEST_F(bind, taken_address)
{
	struct address taken, name;
	int fd;

	ASSERT_LE(0, bound_socket(self->f, &taken));
	fd = stream_socket(self->f);
	EXPECT_EQ(-EADDRINUSE, bind_to(fd, &taken));

	/* The failure leaves the socket as it was. */
	self->f->any(&name);
	EXPECT_EQ(0, bind_to(fd, &name));
	EXPECT_EQ(0, name_of(fd, &name));
	EXPECT_FALSE(same_address(&taken, &name));
}

TEST_F(bind, close_frees_the_address)
{
	struct address addr;
	int fd;

	fd = bound_socket(self->f, &addr);
	ASSERT_LE(0, fd);
	close(fd);
	EXPECT_EQ(0, bind_to(stream_socket(self->f), &addr));
}

TEST_F(bind, listener_keeps_the_address)
{
	struct address addr;

	ASSERT_LE(0, listener(self->f, 1, &addr));
	EXPECT_EQ(-EADDRINUSE, bind_to(stream_socket(self->f), &addr));
}

TEST_F(bind, twice)
{
	struct address addr, other, name;
	int fd;

	fd = bound_socket(self->f, &addr);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, unused_address(self->f, &other));
	EXPECT_EQ(-EINVAL, bind_to(fd, &other));
	EXPECT_EQ(-EINVAL, bind_to(fd, &addr));

	EXPECT_EQ(0, name_of(fd, &name));
	EXPECT_TRUE(same_address(&addr, &name));
}

TEST_F(bind, listening)
{
	struct address addr, other;
	int fd;

	fd = listener(self->f, 1, &addr);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, unused_address(self->f, &other));
	EXPECT_EQ(-EINVAL, bind_to(fd, &other));
}

TEST_F(bind, connected)
{
	struct address addr, other;
	int fd;

	ASSERT_LE(0, listener(self->f, 1, &addr));
	fd = connector(self->f, &addr);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, unused_address(self->f, &other));

	/* As with TCP, connect() has bound the socket; AF_UNIX's needs no name. */
	EXPECT_EQ(by_family(self->f, -EINVAL, 0, -EINVAL), bind_to(fd, &other));
}

TEST_F(bind, another_family)
{
	struct address addr;
	int fd;

	fd = stream_socket(self->f);
	ASSERT_EQ(0, unused_address(self->f, &addr));
	addr.sa.sa_family = AF_APPLETALK;
	/* as TCP */
	EXPECT_EQ(by_family(self->f, -EAFNOSUPPORT, -EINVAL, -EAFNOSUPPORT),
		  bind_to(fd, &addr));
}

TEST_F(bind, bad_pointer_and_length)
{
	struct address addr;
	int fd;

	fd = stream_socket(self->f);
	self->f->any(&addr);
	EXPECT_EQ(-EFAULT, ERR(bind(fd, bad_pointer(), addr.len)));
	EXPECT_EQ(-EINVAL, ERR(bind(fd, &addr.sa, -1)));
	EXPECT_EQ(-EINVAL, ERR(bind(fd, &addr.sa, sizeof(addr.storage) + 1)));
	EXPECT_EQ(0, bind_to(fd, &addr));
}

TEST_F(bind, getsockname_truncates)
{
	struct address addr, part;
	int fd;

	fd = bound_socket(self->f, &addr);
	ASSERT_LE(0, fd);

	/* As much as there is room for, and the length that there would be. */
	memset(&part, 0x55, sizeof(part));
	part.len = 5;
	EXPECT_EQ(0, ERR(getsockname(fd, &part.sa, &part.len)));
	EXPECT_EQ(addr.len, part.len);
	EXPECT_EQ(0, memcmp(&addr.storage, &part.storage, 5));
	EXPECT_EQ(0x55, ((char *)&part.storage)[5]);

	part.len = -1;
	EXPECT_EQ(-EINVAL, ERR(getsockname(fd, &part.sa, &part.len)));
	part.len = sizeof(part.storage);
	EXPECT_EQ(-EFAULT, ERR(getsockname(fd, bad_pointer(), &part.len)));
}

/* What is told by ports and nodes: TCP is the oracle. */

FAMILY_FIXTURE(ports, KITE_INET);

static void address_at(const struct family *f, unsigned int port,
		       struct address *addr)
{
	if (is_kite(f))
		kite_address(addr, port, KITE_NODE_LOCAL);
	else
		inet_address(addr, port, INADDR_LOOPBACK);
}

static void address_at_any(const struct family *f, unsigned int port,
			   struct address *addr)
{
	if (is_kite(f))
		kite_address(addr, port, KITE_NODE_ANY);
	else
		inet_address(addr, port, INADDR_ANY);
}

static int bind_port(const struct family *f, unsigned int port)
{
	struct address addr;
	int fd, err;

	fd = stream_socket(f);
	address_at(f, port, &addr);
	err = bind_to(fd, &addr);
	close(fd);
	return err;
}

TEST_F(ports, short_address)
{
	struct address addr;
	unsigned int len;
	int fd;

	fd = stream_socket(self->f);
	self->f->any(&addr);
	for (len = 0; len < addr.len; len++)
		EXPECT_EQ(-EINVAL, ERR(bind(fd, &addr.sa, len)));

	/* A longer one is no worse: what follows is not looked at. */
	memset((char *)&addr.storage + addr.len, 0xff,
	       sizeof(addr.storage) - addr.len);
	EXPECT_EQ(0, ERR(bind(fd, &addr.sa, sizeof(addr.storage))));
}

TEST_F(ports, another_node)
{
	struct address addr;

	self->f->elsewhere(&addr);
	EXPECT_EQ(-EADDRNOTAVAIL, bind_to(stream_socket(self->f), &addr));
}

TEST_F(ports, any_node_is_reported)
{
	struct address addr, name;
	int fd;

	ASSERT_EQ(0, unused_address(self->f, &name));
	address_at_any(self->f, port_of(&name), &addr);
	fd = stream_socket(self->f);
	ASSERT_EQ(0, bind_to(fd, &addr));
	ASSERT_EQ(0, name_of(fd, &name));
	EXPECT_TRUE(same_address(&addr, &name));
}

TEST_F(ports, any_node_and_this_node_conflict)
{
	struct address here, any;
	int fd;

	fd = bound_socket(self->f, &here);
	ASSERT_LE(0, fd);
	address_at_any(self->f, port_of(&here), &any);
	EXPECT_EQ(-EADDRINUSE, bind_to(stream_socket(self->f), &any));
	close(fd);

	fd = stream_socket(self->f);
	ASSERT_EQ(0, bind_to(fd, &any));
	EXPECT_EQ(-EADDRINUSE, bind_to(stream_socket(self->f), &here));
	EXPECT_EQ(-EADDRINUSE, bind_to(stream_socket(self->f), &any));
}

TEST_F(ports, privileged)
{
	int err = enter_new_netns();

	if (err)
		SKIP(return, "no namespace of its own: %s", strerror(-err));
	EXPECT_EQ(0, bind_port(self->f, 1));
	EXPECT_EQ(0, bind_port(self->f, 1023));

	ASSERT_TRUE(become_nobody());
	EXPECT_EQ(-EACCES, bind_port(self->f, 1));
	EXPECT_EQ(-EACCES, bind_port(self->f, 1023));
	EXPECT_EQ(0, bind_port(self->f, 1024));
	/* As with AF_VSOCK, 0 is a number like others; TCP's "any" is 0. */
	EXPECT_EQ(by_family(self->f, -EACCES, 0, 0), bind_port(self->f, 0));
}

TEST_F(ports, privileged_by_capability)
{
	struct __user_cap_header_struct hdr = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[2] = {};
	int err = enter_new_netns();

	if (err)
		SKIP(return, "no namespace of its own: %s", strerror(-err));
	ASSERT_EQ(0, prctl(PR_SET_KEEPCAPS, 1));
	ASSERT_TRUE(become_nobody());
	data[0].permitted = 1 << CAP_NET_BIND_SERVICE;
	ASSERT_EQ(0, syscall(SYS_capset, &hdr, data));
	EXPECT_EQ(-EACCES, bind_port(self->f, 1023));

	data[0].effective = 1 << CAP_NET_BIND_SERVICE;
	ASSERT_EQ(0, syscall(SYS_capset, &hdr, data));
	EXPECT_EQ(0, bind_port(self->f, 1023));
}

TEST_F(ports, privileged_where_the_netns_belongs)
{
	/* The network namespace stays root's, whatever else is one's own. */
	if (unshare(CLONE_NEWNET) || loopback_up() || !become_nobody() ||
	    unshare(CLONE_NEWUSER))
		SKIP(return, "no user namespace for nobody: %s", strerror(errno));
	EXPECT_EQ(-EACCES, bind_port(self->f, 1023));

	/* In one of its own, a process that is nobody outside may do it. */
	ASSERT_EQ(0, unshare(CLONE_NEWNET));
	EXPECT_EQ(0, loopback_up());
	EXPECT_EQ(0, bind_port(self->f, 1023));
}

TEST_F(ports, many_are_all_different)
{
	unsigned int port[64], i, j;
	struct address addr;

	for (i = 0; i < ARRAY_SIZE(port); i++) {
		ASSERT_LE(0, bound_socket(self->f, &addr));
		port[i] = port_of(&addr);
		EXPECT_LE(1024, port[i]);
		for (j = 0; j < i; j++)
			EXPECT_NE(port[j], port[i]);
	}
}

/* What only Kite has. */

FAMILY_FIXTURE(kite_address, KITE);

TEST_F(kite_address, reserved_bytes)
{
	struct address addr;
	unsigned int i;
	int fd;

	fd = stream_socket(self->f);
	self->f->any(&addr);
	for (i = 0; i < 16; i++) {
		addr.kite.skt_reserved = 1 << i;
		EXPECT_EQ(-EINVAL, bind_to(fd, &addr));
	}
	addr.kite.skt_reserved = 0;

	for (i = 0; i < sizeof(addr.kite.skt_zero); i++) {
		/* 0x01 of the first one has a meaning for AF_VSOCK's programs. */
		addr.kite.skt_zero[i] = 0x80;
		EXPECT_EQ(-EINVAL, bind_to(fd, &addr));
		addr.kite.skt_zero[i] = 0;
	}
	EXPECT_EQ(0, bind_to(fd, &addr));
}

TEST_F(kite_address, checks_come_before_the_port)
{
	struct address addr;
	int fd;

	ASSERT_LE(0, bound_socket(self->f, &addr));
	fd = stream_socket(self->f);
	addr.kite.skt_zero[3] = 1;
	EXPECT_EQ(-EINVAL, bind_to(fd, &addr));
	addr.kite.skt_zero[3] = 0;
	addr.kite.skt_node = 2;
	EXPECT_EQ(-EADDRNOTAVAIL, bind_to(fd, &addr));
}

TEST_F(kite_address, foreign_nodes)
{
	static const unsigned int nodes[] = { 0, 2, 3, 0x7fffffff, 0xfffffffe };
	struct address addr;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(nodes); i++) {
		kite_address(&addr, KITE_PORT_ANY, nodes[i]);
		EXPECT_EQ(-EADDRNOTAVAIL, bind_to(stream_socket(self->f), &addr));
	}
}

TEST_F(kite_address, node_any_with_port_any)
{
	struct address addr, name;
	int fd;

	kite_address(&addr, KITE_PORT_ANY, KITE_NODE_ANY);
	fd = stream_socket(self->f);
	ASSERT_EQ(0, bind_to(fd, &addr));
	ASSERT_EQ(0, name_of(fd, &name));
	EXPECT_EQ(KITE_NODE_ANY, name.kite.skt_node);
	EXPECT_NE(KITE_PORT_ANY, name.kite.skt_port);
}

TEST_F(kite_address, ephemeral_ports)
{
	struct address addr;
	int i;

	/* Above all that people write into configuration files. */
	for (i = 0; i < 64; i++) {
		ASSERT_LE(0, bound_socket(self->f, &addr));
		EXPECT_LE(65536, addr.kite.skt_port);
		EXPECT_GE(0x7fffffff, addr.kite.skt_port);
	}
}

TEST_F(kite_address, every_other_port_can_be_asked_for)
{
	static const unsigned int ports[] = {
		0, 1, 1023, 1024, 65535, 65536, 0x7fffffff, 0x80000000,
		0xfffffffe,
	};
	struct address addr, name;
	unsigned int i;
	int fd;

	ASSERT_EQ(0, enter_new_netns());
	for (i = 0; i < ARRAY_SIZE(ports); i++) {
		kite_address(&addr, ports[i], KITE_NODE_LOCAL);
		fd = stream_socket(self->f);
		EXPECT_EQ(0, bind_to(fd, &addr));
		EXPECT_EQ(0, name_of(fd, &name));
		EXPECT_TRUE(same_address(&addr, &name));
		EXPECT_EQ(-EADDRINUSE, bind_to(stream_socket(self->f), &addr));
	}
}

TEST_HARNESS_MAIN
