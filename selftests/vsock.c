// SPDX-License-Identifier: GPL-2.0
/*
 * What programs written for AF_VSOCK rely on: its socket options, its device,
 * and where Kite differs from itself when it has its number.
 *
 * The oracle is the kernel's own vsock over its loopback transport, wherever
 * kite.ko has another number: one machine has one family 40.
 */

#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/vm_sockets.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>

#include "fixtures.h"

static const int sizes[] = {
	SO_VM_SOCKETS_BUFFER_SIZE,
	SO_VM_SOCKETS_BUFFER_MIN_SIZE,
	SO_VM_SOCKETS_BUFFER_MAX_SIZE,
};

static const int timeouts[] = {
	SO_VM_SOCKETS_CONNECT_TIMEOUT_OLD,
	SO_VM_SOCKETS_CONNECT_TIMEOUT_NEW,
};

static int vsock_domain(void)
{
	return AF_VSOCK;
}

static bool kite_has_the_number(void)
{
	return !family_kite.missing() && family_kite.domain() == AF_VSOCK;
}

static const char *kite40_missing(void)
{
	return kite_has_the_number() ? NULL : "kite.ko is not loaded with family=40";
}

/* The device is there without a transport, sockets connect only with one. */
static const char *vsock_missing(void)
{
	int fd;

	if (kite_alone())
		return kite_alone();
	if (kite_has_the_number())
		return "kite.ko has vsock's number";
	if (system("modprobe -q vsock_loopback"))
		return "there is no vsock_loopback";
	fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return "vsock makes no stream sockets";
	close(fd);
	return NULL;
}

static void vsock_any(struct address *addr)
{
	struct sockaddr_vm vm = {
		.svm_family = AF_VSOCK,
		.svm_port = VMADDR_PORT_ANY,
		.svm_cid = VMADDR_CID_LOCAL,
	};

	memset(addr, 0, sizeof(*addr));
	memcpy(&addr->storage, &vm, sizeof(vm));
	addr->len = sizeof(vm);
}

static const struct family family_kite40 = {
	.name = "kite40",
	.domain = vsock_domain,
	.missing = kite40_missing,
	.any = vsock_any,
};

static const struct family family_vsock = {
	.name = "vsock",
	.domain = vsock_domain,
	.missing = vsock_missing,
	.any = vsock_any,
};

#define KITE40(type)						\
	FIXTURE_VARIANT(type) { const struct family *f; };	\
	FAMILY_VARIANT(type, kite40);				\
	struct family

#define KITE40_VSOCK(type)					\
	KITE40(type);						\
	FAMILY_VARIANT(type, vsock);				\
	struct family

static int set_size(int fd, int name, unsigned long long size)
{
	return ERR(setsockopt(fd, AF_VSOCK, name, &size, sizeof(size)));
}

static long long get_size(int fd, int name)
{
	unsigned long long size = 0;
	socklen_t len = sizeof(size);
	int err = ERR(getsockopt(fd, AF_VSOCK, name, &size, &len));

	if (err)
		return err;
	return len == sizeof(size) ? (long long)size : -EMSGSIZE;
}

/* Both are two words, the old one of the machine's size. */
static int set_connect_timeout(int fd, int name, long long sec, long long usec)
{
	long old[2] = { sec, usec };
	long long new[2] = { sec, usec };

	if (name == SO_VM_SOCKETS_CONNECT_TIMEOUT_OLD)
		return ERR(setsockopt(fd, AF_VSOCK, name, old, sizeof(old)));
	return ERR(setsockopt(fd, AF_VSOCK, name, new, sizeof(new)));
}

/* In microseconds. */
static long long get_connect_timeout(int fd, int name)
{
	bool is_old = name == SO_VM_SOCKETS_CONNECT_TIMEOUT_OLD;
	long long new[2];
	long old[2];
	socklen_t size = is_old ? sizeof(old) : sizeof(new), len = size;
	int err;

	err = ERR(getsockopt(fd, AF_VSOCK, name, is_old ? (void *)old : new, &len));
	if (err)
		return err;
	if (len != size)
		return -EMSGSIZE;
	return is_old ? old[0] * 1000000LL + old[1] : new[0] * 1000000 + new[1];
}

static int listener_of(const struct family *f, int type, unsigned long long size,
		       struct address *addr)
{
	int l = ERR(socket(f->domain(), type | SOCK_CLOEXEC, 0)), err;

	if (l < 0)
		return l;
	f->any(addr);
	err = set_size(l, SO_VM_SOCKETS_BUFFER_SIZE, size) ?: bind_to(l, addr) ?:
	      name_of(l, addr) ?: ERR(listen(l, 5));
	return err ?: l;
}

/* A connection whose accepted end has a buffer of @size. */
static int pair_of(const struct family *f, int type, unsigned long long size,
		   int fd[2])
{
	struct address addr;
	int l, err;

	l = listener_of(f, type, size, &addr);
	if (l < 0)
		return l;
	fd[0] = ERR(socket(f->domain(), type | SOCK_CLOEXEC, 0));
	err = connect_to(fd[0], &addr);
	if (!err)
		fd[1] = ERR(accept(l, NULL, NULL));
	close(l);
	return err ?: fd[1] < 0 ? fd[1] : 0;
}

/* Options */

FIXTURE(vsock_options) {
	const struct family *f;
	int fd;
};

KITE40_VSOCK(vsock_options);

FIXTURE_SETUP(vsock_options)
{
	self->f = variant->f;
	if (skip_family(_metadata, self->f))
		return;
	self->fd = stream_socket(self->f);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(vsock_options) { }

TEST_F(vsock_options, defaults)
{
	unsigned int i;

	EXPECT_EQ(262144, get_size(self->fd, SO_VM_SOCKETS_BUFFER_SIZE));
	EXPECT_EQ(128, get_size(self->fd, SO_VM_SOCKETS_BUFFER_MIN_SIZE));
	EXPECT_EQ(262144, get_size(self->fd, SO_VM_SOCKETS_BUFFER_MAX_SIZE));
	for (i = 0; i < ARRAY_SIZE(timeouts); i++)
		EXPECT_EQ(2000000, get_connect_timeout(self->fd, timeouts[i]));
}

TEST_F(vsock_options, size_is_bounded)
{
	EXPECT_EQ(0, set_size(self->fd, SO_VM_SOCKETS_BUFFER_SIZE, 1000));
	EXPECT_EQ(1000, get_size(self->fd, SO_VM_SOCKETS_BUFFER_SIZE));
	EXPECT_EQ(0, set_size(self->fd, SO_VM_SOCKETS_BUFFER_SIZE, 1));
	EXPECT_EQ(128, get_size(self->fd, SO_VM_SOCKETS_BUFFER_SIZE));
	EXPECT_EQ(0, set_size(self->fd, SO_VM_SOCKETS_BUFFER_SIZE, 1 << 20));
	EXPECT_EQ(262144, get_size(self->fd, SO_VM_SOCKETS_BUFFER_SIZE));
}

TEST_F(vsock_options, bounds_move_the_size)
{
	EXPECT_EQ(0, set_size(self->fd, SO_VM_SOCKETS_BUFFER_MAX_SIZE, 5000));
	EXPECT_EQ(5000, get_size(self->fd, SO_VM_SOCKETS_BUFFER_SIZE));
	EXPECT_EQ(0, set_size(self->fd, SO_VM_SOCKETS_BUFFER_MIN_SIZE, 6000));
	/* The maximum wins. */
	EXPECT_EQ(5000, get_size(self->fd, SO_VM_SOCKETS_BUFFER_SIZE));
	EXPECT_EQ(0, set_size(self->fd, SO_VM_SOCKETS_BUFFER_MAX_SIZE, 1 << 20));
	EXPECT_EQ(6000, get_size(self->fd, SO_VM_SOCKETS_BUFFER_SIZE));
	EXPECT_EQ(0, set_size(self->fd, SO_VM_SOCKETS_BUFFER_SIZE, 1 << 19));
	EXPECT_EQ(1 << 19, get_size(self->fd, SO_VM_SOCKETS_BUFFER_SIZE));
	EXPECT_EQ(6000, get_size(self->fd, SO_VM_SOCKETS_BUFFER_MIN_SIZE));
	EXPECT_EQ(1 << 20, get_size(self->fd, SO_VM_SOCKETS_BUFFER_MAX_SIZE));
}

TEST_F(vsock_options, connect_timeout)
{
	unsigned int i;
	int name;

	for (i = 0; i < ARRAY_SIZE(timeouts); i++) {
		name = timeouts[i];
		EXPECT_EQ(0, set_connect_timeout(self->fd, name, 7, 500000));
		EXPECT_EQ(7500000, get_connect_timeout(self->fd, name));
		EXPECT_EQ(-ERANGE, set_connect_timeout(self->fd, name, -1, 0));
		EXPECT_EQ(-ERANGE, set_connect_timeout(self->fd, name, 1, 1000000));
		EXPECT_EQ(7500000, get_connect_timeout(self->fd, name));
		/* 0 is the default. */
		EXPECT_EQ(0, set_connect_timeout(self->fd, name, 0, 0));
		EXPECT_EQ(2000000, get_connect_timeout(self->fd, name));
	}
	EXPECT_EQ(-ERANGE, set_connect_timeout(self->fd, timeouts[1], 1LL << 62, 0));
	EXPECT_EQ(2000000, get_connect_timeout(self->fd, timeouts[1]));
}

TEST_F(vsock_options, unknown)
{
	static const int names[] = {
		SO_VM_SOCKETS_PEER_HOST_VM_ID, SO_VM_SOCKETS_TRUSTED,
		SO_VM_SOCKETS_NONBLOCK_TXRX, 4, 9999, -1,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(names); i++) {
		EXPECT_EQ(-ENOPROTOOPT, set_size(self->fd, names[i], 1));
		EXPECT_EQ(-ENOPROTOOPT, get_size(self->fd, names[i]));
	}
}

TEST_F(vsock_options, bad_values)
{
	long long value = 4096;
	unsigned int i;
	socklen_t len;
	int fd = self->fd;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		EXPECT_EQ(-EINVAL, ERR(setsockopt(fd, AF_VSOCK, sizes[i], &value, 7)));
		EXPECT_EQ(-EFAULT, ERR(setsockopt(fd, AF_VSOCK, sizes[i],
						  bad_pointer(), 8)));
		len = 7;
		EXPECT_EQ(-EINVAL, ERR(getsockopt(fd, AF_VSOCK, sizes[i], &value, &len)));
		len = -1;
		EXPECT_EQ(-EINVAL, ERR(getsockopt(fd, AF_VSOCK, sizes[i], &value, &len)));
		len = 8;
		EXPECT_EQ(-EFAULT, ERR(getsockopt(fd, AF_VSOCK, sizes[i],
						  bad_pointer(), &len)));
		EXPECT_EQ(-EFAULT, ERR(getsockopt(fd, AF_VSOCK, sizes[i], &value,
						  bad_pointer())));
	}
	EXPECT_EQ(262144, get_size(fd, SO_VM_SOCKETS_BUFFER_SIZE));
	for (i = 0; i < ARRAY_SIZE(timeouts); i++) {
		EXPECT_EQ(-EINVAL, ERR(setsockopt(fd, AF_VSOCK, timeouts[i], &value, 7)));
		EXPECT_EQ(-EFAULT, ERR(setsockopt(fd, AF_VSOCK, timeouts[i],
						  bad_pointer(), 16)));
	}
	EXPECT_EQ(2000000, get_connect_timeout(fd, timeouts[0]));
}

TEST_F(vsock_options, children_have_them)
{
	struct address addr;
	int l, s;

	l = listener_of(self->f, SOCK_STREAM, 1000, &addr);
	ASSERT_LE(0, l);
	ASSERT_EQ(0, set_size(l, SO_VM_SOCKETS_BUFFER_MAX_SIZE, 2000));
	ASSERT_EQ(0, set_size(l, SO_VM_SOCKETS_BUFFER_MIN_SIZE, 500));
	ASSERT_EQ(0, set_connect_timeout(l, timeouts[0], 9, 0));
	ASSERT_EQ(0, connect_to(self->fd, &addr));
	s = accept(l, NULL, NULL);
	ASSERT_LE(0, s);
	EXPECT_EQ(1000, get_size(s, SO_VM_SOCKETS_BUFFER_SIZE));
	EXPECT_EQ(500, get_size(s, SO_VM_SOCKETS_BUFFER_MIN_SIZE));
	EXPECT_EQ(2000, get_size(s, SO_VM_SOCKETS_BUFFER_MAX_SIZE));
	EXPECT_EQ(9000000, get_connect_timeout(s, timeouts[0]));
}

/* What the options do */

FAMILY_FIXTURE(vsock_buffer, KITE40_VSOCK);

TEST_F(vsock_buffer, bounds_what_is_in_flight)
{
	char buf[5000] = "";
	int fd[2];

	ASSERT_EQ(0, pair_of(self->f, SOCK_STREAM, 1000, fd));
	EXPECT_EQ(1000, send(fd[0], buf, sizeof(buf), MSG_DONTWAIT));
	EXPECT_EQ(-EAGAIN, ERR(send(fd[0], buf, 1, MSG_DONTWAIT)));
	EXPECT_EQ(1000, recv_all(fd[1], buf, 1000));
	EXPECT_EQ(1, BECOMES(1, ERR(send(fd[0], buf, 1, MSG_DONTWAIT))));
}

/* vsock said ENOMEM in older kernels. */
static bool is_too_long(const struct family *f, long err)
{
	return err == -EMSGSIZE || (!is_kite(f) && err == -ENOMEM);
}

TEST_F(vsock_buffer, holds_a_record_of_its_size)
{
	char buf[5000] = "";
	int fd[2];

	ASSERT_EQ(0, pair_of(self->f, SOCK_SEQPACKET, 1000, fd));
	EXPECT_TRUE(is_too_long(self->f, ERR(send(fd[0], buf, 1001, MSG_DONTWAIT))));
	EXPECT_EQ(1000, send(fd[0], buf, 1000, MSG_DONTWAIT));
	EXPECT_EQ(-EAGAIN, ERR(send(fd[0], buf, 1000, MSG_DONTWAIT)));
	EXPECT_EQ(1000, recv(fd[1], buf, sizeof(buf), 0));
}

TEST_F(vsock_buffer, grows_at_once)
{
	char buf[5000] = "";
	struct async a;
	int fd[2];

	ASSERT_EQ(0, pair_of(self->f, SOCK_STREAM, 1000, fd));
	async_send(&a, fd[0], buf, sizeof(buf), 0);
	ASSERT_TRUE(async_blocks(&a));
	ASSERT_EQ(0, set_size(fd[1], SO_VM_SOCKETS_BUFFER_SIZE, 20000));
	EXPECT_EQ(5000, async_result(&a));
	EXPECT_EQ(5000, recv_all(fd[1], buf, 5000));
}

TEST_F(vsock_buffer, grows_for_records)
{
	char buf[5000] = "";
	int fd[2];

	ASSERT_EQ(0, pair_of(self->f, SOCK_SEQPACKET, 1000, fd));
	EXPECT_TRUE(is_too_long(self->f, ERR(send(fd[0], buf, 5000, MSG_DONTWAIT))));
	ASSERT_EQ(0, set_size(fd[1], SO_VM_SOCKETS_BUFFER_SIZE, 20000));
	EXPECT_EQ(5000, BECOMES(5000, ERR(send(fd[0], buf, 5000, MSG_DONTWAIT))));
	EXPECT_EQ(5000, recv(fd[1], buf, sizeof(buf), 0));
}

/* vsock's send buffer is the peer's alone; Kite's is also one's own. */
FAMILY_FIXTURE(vsock_kite, KITE40);

TEST_F(vsock_kite, own_buffer_bounds_too)
{
	char buf[5000] = "";
	struct async a;
	int fd[2];

	ASSERT_EQ(0, pair_of(self->f, SOCK_STREAM, 262144, fd));
	ASSERT_EQ(0, set_size(fd[0], SO_VM_SOCKETS_BUFFER_SIZE, 1000));
	EXPECT_EQ(1000, send(fd[0], buf, sizeof(buf), MSG_DONTWAIT));
	async_send(&a, fd[0], buf, sizeof(buf), 0);
	ASSERT_TRUE(async_blocks(&a));
	ASSERT_EQ(0, set_size(fd[0], SO_VM_SOCKETS_BUFFER_SIZE, 20000));
	EXPECT_EQ(5000, async_result(&a));
}

TEST_F(vsock_kite, sizes_of_no_sense)
{
	char buf[300] = "";
	int fd[2];

	/* A huge buffer is one of 1 GiB, and what was set can be read. */
	ASSERT_EQ(0, pair_of(self->f, SOCK_STREAM, 262144, fd));
	ASSERT_EQ(0, set_size(fd[1], SO_VM_SOCKETS_BUFFER_MAX_SIZE, ~0ULL >> 1));
	ASSERT_EQ(0, set_size(fd[1], SO_VM_SOCKETS_BUFFER_SIZE, ~0ULL >> 1));
	EXPECT_EQ(~0ULL >> 1, (unsigned long long)
		  get_size(fd[1], SO_VM_SOCKETS_BUFFER_SIZE));
	EXPECT_EQ(0x40000000 - 512, get_int_option(fd[1], SOL_SOCKET, SO_RCVBUF));
	EXPECT_EQ(300, send(fd[0], buf, 300, MSG_DONTWAIT));
	EXPECT_EQ(300, recv(fd[1], buf, 300, 0));

	/* One of nothing still lets a byte through. */
	ASSERT_EQ(0, pair_of(self->f, SOCK_STREAM, 128, fd));
	ASSERT_EQ(0, set_size(fd[1], SO_VM_SOCKETS_BUFFER_MAX_SIZE, 0));
	EXPECT_EQ(0, get_size(fd[1], SO_VM_SOCKETS_BUFFER_SIZE));
	EXPECT_EQ(128, send(fd[0], buf, 128, MSG_DONTWAIT));
	EXPECT_EQ(128, recv(fd[1], buf, 128, 0));
	EXPECT_EQ(1, BECOMES(1, ERR(send(fd[0], buf, 128, MSG_DONTWAIT))));
	EXPECT_EQ(1, recv(fd[1], buf, 128, 0));
}

TEST_F(vsock_kite, so_rcvbuf_is_the_same_buffer)
{
	int fd = stream_socket(self->f);

	EXPECT_EQ(262144, get_int_option(fd, SOL_SOCKET, SO_RCVBUF));
	EXPECT_EQ(262144, get_int_option(fd, SOL_SOCKET, SO_SNDBUF));
	ASSERT_EQ(0, set_int_option(fd, SOL_SOCKET, SO_RCVBUF, 5000));
	EXPECT_EQ(10000, get_int_option(fd, SOL_SOCKET, SO_RCVBUF));
	ASSERT_EQ(0, set_size(fd, SO_VM_SOCKETS_BUFFER_SIZE, 262144));
	EXPECT_EQ(262144, get_int_option(fd, SOL_SOCKET, SO_RCVBUF));
}

TEST_F(vsock_kite, connect_timeout_is_kept)
{
	struct address addr;
	long begin;
	int c, l;

	l = listener(self->f, 0, &addr);
	ASSERT_LE(0, connector(self->f, &addr));
	c = stream_socket(self->f);
	ASSERT_EQ(0, set_connect_timeout(c, timeouts[0], 0, TIMEOUT_MS * 1000));
	begin = now_ms();
	EXPECT_EQ(-ETIMEDOUT, connect_to(c, &addr));
	EXPECT_LE(TIMED_OUT_MS, now_ms() - begin);

	/* The same socket, when there is room. */
	ASSERT_LE(0, ERR(accept(l, NULL, NULL)));
	EXPECT_EQ(0, connect_to(c, &addr));
}

TEST_F(vsock_kite, datagrams_have_none_of_this)
{
	int fd = ERR(socket(self->f->domain(), SOCK_DGRAM, 0));

	ASSERT_LE(0, fd);
	EXPECT_EQ(-ENOPROTOOPT, get_size(fd, SO_VM_SOCKETS_BUFFER_SIZE));
	EXPECT_EQ(-ENOPROTOOPT, set_size(fd, SO_VM_SOCKETS_BUFFER_SIZE, 1000));
}

/* The device */

FIXTURE(vsock_device) {
	const struct family *f;
	int fd;
};

KITE40_VSOCK(vsock_device);

FIXTURE_SETUP(vsock_device)
{
	self->f = variant->f;
	if (skip_family(_metadata, self->f))
		return;
	self->fd = ERR(open("/dev/vsock", O_RDONLY | O_CLOEXEC));
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(vsock_device) { }

TEST_F(vsock_device, tells_the_cid)
{
	struct address addr;
	unsigned int cid = 0;
	int l;

	ASSERT_EQ(0, ioctl(self->fd, IOCTL_VM_SOCKETS_GET_LOCAL_CID, &cid));
	EXPECT_EQ(VMADDR_CID_LOCAL, cid);

	/* Who connects to it gets here. */
	l = listener(self->f, 1, &addr);
	ASSERT_LE(0, l);
	addr.kite.skt_node = cid;
	EXPECT_EQ(0, connect_to(stream_socket(self->f), &addr));
}

TEST_F(vsock_device, tells_nothing_else)
{
	char buf[4];

	EXPECT_EQ(-ENOTTY, ERR(ioctl(self->fd, IOCTL_VM_SOCKETS_GET_LOCAL_CID + 1, buf)));
	EXPECT_EQ(-EFAULT, ERR(ioctl(self->fd, IOCTL_VM_SOCKETS_GET_LOCAL_CID,
				     bad_pointer())));
	EXPECT_EQ(-EINVAL, ERR(read(self->fd, buf, sizeof(buf))));
	EXPECT_EQ(-ESPIPE, ERR(lseek(self->fd, 0, SEEK_SET)));
}

#ifdef __x86_64__
/* A 32-bit program's system call, if the kernel has those: else it is a SIGSEGV. */
static int ioctl_of_32_bit(int fd, unsigned int cmd, unsigned int *arg)
{
	int ret;

	asm volatile("int $0x80" : "=a"(ret)
		     : "a"(54), "b"(fd), "c"(cmd), "d"(arg) : "memory");
	return ret;
}

TEST_F(vsock_device, tells_32_bit_programs)
{
	unsigned int *cid;
	int status;
	pid_t pid;

	cid = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
		   MAP_SHARED | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	ASSERT_NE(MAP_FAILED, cid);
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid)
		_exit(-ioctl_of_32_bit(self->fd, IOCTL_VM_SOCKETS_GET_LOCAL_CID, cid));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	if (WIFSIGNALED(status))
		SKIP(return, "this kernel has no 32-bit system calls");
	EXPECT_EQ(0, WEXITSTATUS(status));
	EXPECT_EQ(VMADDR_CID_LOCAL, *cid);
}
#endif

/* Where Kite as AF_VSOCK does as vsock does, and not as Kite */

FAMILY_FIXTURE(vsock_exception, KITE40_VSOCK);

TEST_F(vsock_exception, refusal_is_a_reset)
{
	struct address addr;

	ASSERT_EQ(0, unused_address(self->f, &addr));
	EXPECT_EQ(-ECONNRESET, connect_to(stream_socket(self->f), &addr));
	EXPECT_EQ(-ECONNRESET, connect_to(socket(AF_VSOCK, SOCK_SEQPACKET, 0), &addr));
}

TEST_F(vsock_exception, addresses_have_a_flag)
{
	struct address addr;
	int l;

	l = stream_socket(self->f);
	self->f->any(&addr);
	addr.kite.skt_zero[0] = VMADDR_FLAG_TO_HOST;
	ASSERT_EQ(0, bind_to(l, &addr));
	ASSERT_EQ(0, listen(l, 1));
	ASSERT_EQ(0, name_of(l, &addr));
	addr.kite.skt_zero[0] = VMADDR_FLAG_TO_HOST;
	EXPECT_EQ(0, connect_to(stream_socket(self->f), &addr));
	addr.kite.skt_zero[0] = VMADDR_FLAG_TO_HOST << 1;
	EXPECT_EQ(-EINVAL, connect_to(stream_socket(self->f), &addr));
}

/* Connects and closes from an address of its own; @s is the end that is left. */
static int close_one_end(const struct family *f, int l, const struct address *addr,
			 struct address *mine, const char *data)
{
	int c = bound_socket(f, mine), s;

	if (connect_to(c, addr))
		return -1;
	s = ERR(accept(l, NULL, NULL));
	if (send(c, data, strlen(data), 0) < 0 || close(c))
		return -1;
	return s;
}

/* A connection from the same address as before. */
static int connect_again(const struct family *f, const struct address *addr,
			 const struct address *mine)
{
	int c = stream_socket(f);
	int err = BECOMES(0, bind_to(c, mine));

	return err ?: connect_to(c, addr) ?: c;
}

TEST_F(vsock_exception, tuple_is_free_when_one_end_has_closed)
{
	struct address addr, mine;
	struct pollfd pfd = { .events = POLLRDHUP };
	int l;

	if (self->f == &family_kite40 && !peer_is_known(&family_kite))
		SKIP(return, "not where peers are known by their packets (direct=0)");
	l = listener(self->f, 5, &addr);
	ASSERT_LE(0, l);
	pfd.fd = close_one_end(self->f, l, &addr, &mine, "");
	ASSERT_LE(0, pfd.fd);
	ASSERT_EQ(1, poll(&pfd, 1, PATIENCE_MS));
	EXPECT_LE(0, connect_again(self->f, &addr, &mine));
}

/* There vsock's old end, when it closes, resets the new connection. */
TEST_F(vsock_kite, old_end_and_new_connection)
{
	struct address addr, mine;
	int l, c, s, t;
	char buf[4];

	if (!peer_is_known(&family_kite))
		SKIP(return, "not where peers are known by their packets (direct=0)");
	l = listener(self->f, 5, &addr);
	s = close_one_end(self->f, l, &addr, &mine, "old");
	ASSERT_LE(0, s);
	c = connect_again(self->f, &addr, &mine);
	ASSERT_LE(0, c);
	t = accept(l, NULL, NULL);
	ASSERT_LE(0, t);

	EXPECT_EQ(3, recv(s, buf, sizeof(buf), 0));
	EXPECT_EQ(0, memcmp(buf, "old", 3));
	EXPECT_EQ(0, recv(s, buf, sizeof(buf), 0));
	EXPECT_EQ(-EPIPE, ERR(send(s, "s", 1, MSG_NOSIGNAL)));
	EXPECT_EQ(1, send(c, "c", 1, 0));
	ASSERT_EQ(0, close(s));
	EXPECT_EQ(1, recv(t, buf, sizeof(buf), 0));
	EXPECT_EQ(1, send(t, "t", 1, 0));
	EXPECT_EQ(1, recv(c, buf, sizeof(buf), 0));
	EXPECT_EQ('t', buf[0]);
}

/* And with any other number there is nothing of all this. */

FIXTURE(other_number) {
	const struct family *f;
	int fd;
};

KITE(other_number);

FIXTURE_SETUP(other_number)
{
	self->f = variant->f;
	if (skip_family(_metadata, self->f))
		return;
	if (kite_has_the_number())
		SKIP(return, "kite.ko has vsock's number");
	self->fd = stream_socket(self->f);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(other_number) { }

TEST_F(other_number, no_options_of_vsock)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		EXPECT_EQ(-ENOPROTOOPT, get_size(self->fd, sizes[i]));
		EXPECT_EQ(-ENOPROTOOPT, set_size(self->fd, sizes[i], 1000));
	}
	EXPECT_EQ(-ENOPROTOOPT, get_connect_timeout(self->fd, timeouts[0]));
	EXPECT_EQ(-ENOPROTOOPT, set_connect_timeout(self->fd, timeouts[0], 1, 0));
}

TEST_F(other_number, no_flag_in_addresses)
{
	struct address addr;

	self->f->any(&addr);
	addr.kite.skt_zero[0] = VMADDR_FLAG_TO_HOST;
	EXPECT_EQ(-EINVAL, bind_to(self->fd, &addr));
}

TEST_HARNESS_MAIN
