// SPDX-License-Identifier: GPL-2.0
/*
 * What faults.c does, to all that is made and is no socket: network namespaces, kitemon
 * devices, and the module itself.
 */

#define _GNU_SOURCE
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/utsname.h>

#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/rtnetlink.h>

#include "fault.h"
#include "fixtures.h"
#include "netlink.h"

static char in[20000], out[20000];

FIXTURE(making) {
	struct faults f;
	int users;
};

/* What goes waits for grace periods, hundreds of them here. */
static void hurry(bool on)
{
	FILE *f = fopen("/sys/kernel/rcu_expedited", "we");

	if (!f)
		return;
	fputs(on ? "1" : "0", f);
	fclose(f);
}

FIXTURE_SETUP(making)
{
	const char *why;

	self->users = module_users();
	why = faults_begin(&self->f);
	if (why)
		SKIP(return, "%s", why);
	hurry(true);
	pattern_fill(out, sizeof(out), 0);
}

FIXTURE_TEARDOWN(making)
{
	hurry(false);
}

/* More than any call uses up, to count how many it does. */
#define FAR_AWAY	1000000

#define COUNT_FAULTS(f, result, call)					\
({									\
	(f)->nth = FAR_AWAY;						\
	faults_arm(f);							\
	ASSERT_EQ(result, ERR(call));					\
	FAR_AWAY - faults_left(f);					\
})

/* A namespace is made by many; Kite's part comes last, as it was loaded last. */
TEST_F(making, namespace)
{
	struct address addr;
	unsigned int count;
	int err;

	count = COUNT_FAULTS(&self->f, 0, unshare(CLONE_NEWNET));
	ASSERT_LT(0, count);
	faults_from(&self->f, count > 150 ? count - 150 : 1, count);
	while (faults_next(&self->f)) {
		err = FAULTY(&self->f, unshare(CLONE_NEWNET));
		/* After Kite comes the loopback device, of which sysfs knows this one, too. */
		if (err != -EINVAL)
			EXPECT_EXCUSED(err);
		err = listener(&family_kite, 1, &addr);
		ASSERT_LE(0, err);
		close(err);
	}
	EXPECT_DONE(self);
}

/* Devices */

static void put_attr(struct nlmsghdr *hdr, int type, const void *data, size_t len)
{
	struct rtattr *attr = (void *)((char *)hdr + NLMSG_ALIGN(hdr->nlmsg_len));

	attr->rta_type = type;
	attr->rta_len = RTA_LENGTH(len);
	memcpy(RTA_DATA(attr), data, len);
	hdr->nlmsg_len = NLMSG_ALIGN(hdr->nlmsg_len) + RTA_ALIGN(attr->rta_len);
}

/* Asks for something to become of mon0. Returns what is answered. */
static int link_request(int type, int flags, bool up)
{
	struct {
		struct nlmsghdr hdr;
		struct ifinfomsg info;
		char attrs[100];
	} req = {
		.hdr = { .nlmsg_len = NLMSG_LENGTH(sizeof(req.info)), .nlmsg_type = type,
			.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags },
		.info = { .ifi_flags = up ? IFF_UP : 0, .ifi_change = IFF_UP },
	};
	struct {
		struct nlmsghdr hdr;
		struct nlmsgerr err;
		char more[500];
	} answer;
	struct {
		struct rtattr attr;
		char kind[8];
	} kind = { { RTA_LENGTH(7), IFLA_INFO_KIND }, "kitemon" };
	int nl, err;

	put_attr(&req.hdr, IFLA_IFNAME, "mon0", 5);
	put_attr(&req.hdr, IFLA_LINKINFO, &kind, sizeof(kind));
	nl = ERR(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
	if (nl < 0)
		return nl;
	err = ERR(send(nl, &req, req.hdr.nlmsg_len, 0));
	if (err >= 0)
		err = ERR(recv(nl, &answer, sizeof(answer), 0));
	close(nl);
	return err < 0 ? err : answer.err.error;
}

static int new_device(bool up)
{
	return link_request(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, up);
}

static int set_device(bool up)
{
	return link_request(RTM_NEWLINK, 0, up);
}

static int delete_device(void)
{
	return link_request(RTM_DELLINK, 0, false);
}

/* By asking for its number, one would ask for a module to be loaded. */
static bool device_exists(void)
{
	FILE *f = fopen("/proc/thread-self/net/dev", "re");
	char line[300];
	bool found = false;

	while (f && !found && fgets(line, sizeof(line), f))
		found = strstr(line, "mon0:");
	if (f)
		fclose(f);
	return found;
}

TEST_F_TIMEOUT(making, device, 900)
{
	int err;

	EACH_FAULT(&self->f) {
		err = FAULTY(&self->f, new_device(true));
		/* Some of those who hear of it have other errors for the same. */
		EXPECT_TRUE(err <= 0 && (!err || self->f.fired));
		/* It may be the answer that had no memory. */
		if (!err)
			EXPECT_TRUE(device_exists());
		if (device_exists())
			EXPECT_EQ(0, delete_device());
		EXPECT_FALSE(device_exists());
	}
	EXPECT_EQ(0, err);
	EXPECT_DONE(self);
}

TEST_F_TIMEOUT(making, device_up_and_down, 900)
{
	int err;

	ASSERT_EQ(0, new_device(false));
	EACH_FAULT(&self->f) {
		err = FAULTY(&self->f, set_device(true));
		EXPECT_EXCUSED(err);
		EXPECT_EQ(0, set_device(true));
		err = FAULTY(&self->f, set_device(false));
		EXPECT_EXCUSED(err);
		EXPECT_EQ(0, set_device(false));
	}
	EACH_FAULT(&self->f) {
		err = FAULTY(&self->f, delete_device());
		EXPECT_EXCUSED(err);
		if (device_exists())
			EXPECT_EQ(0, delete_device());
		EXPECT_EQ(0, new_device(true));
	}
	EXPECT_EQ(0, delete_device());
	EXPECT_DONE(self);
}

/* Who captures may miss packets. Those that he gets are whole, and nobody else notices. */
TEST_F(making, device_shows)
{
	static char frame[sizeof(out) + 100];
	const size_t headers = ETH_HLEN + sizeof(struct kite_hdr);
	struct sockaddr_ll addr = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL) };
	int packet, fd[2], shown = 0;
	ssize_t n;

	ASSERT_EQ(0, new_device(true));
	packet = ERR(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));
	ASSERT_LE(0, packet);
	addr.sll_ifindex = if_nametoindex("mon0");
	ASSERT_EQ(0, bind(packet, (struct sockaddr *)&addr, sizeof(addr)));
	ASSERT_EQ(0, connected_pair(&family_kite, fd));
	EACH_FAULT(&self->f) {
		n = FAULTY(&self->f, send(fd[0], out, sizeof(out), 0));
		EXPECT_EXCUSED(n);
		n = n < 0 ? 0 : n;
		EXPECT_EQ(n, recv_all(fd[1], in, n));
		EXPECT_EQ(-1, pattern_differs(in, n, 0));
		while ((n = recv(packet, frame, sizeof(frame), MSG_DONTWAIT)) > 0) {
			if (n <= (ssize_t)headers)
				continue;
			EXPECT_EQ(headers + sizeof(out), n);
			EXPECT_EQ(-1, pattern_differs(frame + headers, n - headers, 0));
			shown++;
		}
	}
	EXPECT_LT(0, shown);
	close(fd[0]);
	close(fd[1]);
	close(packet);
	EXPECT_EQ(0, delete_device());
	EXPECT_DONE(self);
}

/* The module */

struct module {
	char path[300], args[100];
};

/* The file, and the parameters that it was loaded with. */
static bool find_module(struct module *m)
{
	static const char * const names[] = { "direct", "family" };
	const char *path = getenv("KITE_KO");
	char value[32], file[100];
	struct utsname name;
	size_t i;
	FILE *f;

	uname(&name);
	snprintf(m->path, sizeof(m->path), "/lib/modules/%s/updates/kite.ko", name.release);
	if (path)
		snprintf(m->path, sizeof(m->path), "%s", path);
	for (i = 0; i < ARRAY_SIZE(names); i++) {
		snprintf(file, sizeof(file), "/sys/module/kite/parameters/%s", names[i]);
		f = fopen(file, "re");
		if (!f || fscanf(f, "%31s", value) != 1)
			return false;
		fclose(f);
		snprintf(m->args + strlen(m->args), sizeof(m->args) - strlen(m->args),
			 "%s=%s ", names[i], value);
	}
	return !access(m->path, R_OK);
}

static int load(const struct module *m)
{
	int fd = open(m->path, O_RDONLY | O_CLOEXEC), err;

	if (fd < 0)
		return -1;
	err = syscall(SYS_finit_module, fd, m->args, 0);
	close(fd);
	return err;
}

/* The last sockets go a while after they were closed. */
static int unload(void)
{
	return BECOMES(0, ERR(syscall(SYS_delete_module, "kite", O_NONBLOCK)));
}

/*
 * Most of what happens when a module is loaded is the kernel's. It has happened when the
 * module says that it can have no such number.
 */
TEST_F_TIMEOUT(making, module, 900)
{
	struct module m = {}, bad = { .args = "family=0" };
	unsigned int before, count;
	struct address addr;
	int err = 0, fd;

	if (access("/run/vm", F_OK))
		SKIP(return, "not in the test VM");
	if (!find_module(&m))
		SKIP(return, "there is no %s: set KITE_KO", m.path);
	memcpy(bad.path, m.path, sizeof(bad.path));
	ASSERT_EQ(0, unload());
	before = COUNT_FAULTS(&self->f, -EINVAL, load(&bad));
	count = COUNT_FAULTS(&self->f, 0, load(&m));
	ASSERT_LT(before, count);
	faults_from(&self->f, before > 5 ? before - 5 : 1, count);
	while (faults_next(&self->f)) {
		if (!err)
			ASSERT_EQ(0, unload());
		err = FAULTY(&self->f, load(&m));
		EXPECT_EXCUSED(err);
		if (err)
			EXPECT_NE(0, access("/sys/module/kite", F_OK));
	}
	if (err)
		ASSERT_EQ(0, load(&m));
	fd = listener(&family_kite, 1, &addr);
	EXPECT_LE(0, fd);
	close(fd);
	EXPECT_DONE(self);
}

TEST_HARNESS_MAIN
