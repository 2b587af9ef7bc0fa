// SPDX-License-Identifier: GPL-2.0
/* What is refused, and how. */

#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "fixtures.h"

FAMILY_FIXTURE(errors, KITE_UNIX_INET);

TEST_F(errors, unknown_protocol)
{
	int domain = self->f->domain();

	EXPECT_EQ(-EPROTONOSUPPORT, ERR(socket(domain, SOCK_STREAM, 99)));
	EXPECT_EQ(-EPROTONOSUPPORT, ERR(socket(domain, SOCK_STREAM, 254)));
	/* The family's own number stands for 0, as with AF_UNIX and AF_VSOCK. */
	if (!is_inet(self->f))
		EXPECT_LE(0, ERR(socket(domain, SOCK_STREAM, domain)));
}

TEST_F(errors, negative_protocol)
{
	EXPECT_EQ(by_family(self->f, -EPROTONOSUPPORT, -EPROTONOSUPPORT, -EINVAL),
		  ERR(socket(self->f->domain(), SOCK_STREAM, -1)));
}

TEST_F(errors, unknown_type)
{
	int domain = self->f->domain();

	EXPECT_EQ(-ESOCKTNOSUPPORT, ERR(socket(domain, SOCK_RDM, 0)));
	EXPECT_EQ(-ESOCKTNOSUPPORT, ERR(socket(domain, SOCK_DCCP, 0)));
	EXPECT_EQ(-EINVAL, ERR(socket(domain, 0xf, 0)));
	EXPECT_EQ(-EINVAL, ERR(socket(domain, SOCK_STREAM | 0x10, 0)));
}

TEST_F(errors, socket_flags)
{
	int fd;

	fd = socket(self->f->domain(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	ASSERT_LE(0, fd);
	EXPECT_EQ(O_NONBLOCK, fcntl(fd, F_GETFL) & O_NONBLOCK);
	EXPECT_EQ(FD_CLOEXEC, fcntl(fd, F_GETFD));
	fd = socket(self->f->domain(), SOCK_STREAM, 0);
	ASSERT_LE(0, fd);
	EXPECT_EQ(0, fcntl(fd, F_GETFL) & O_NONBLOCK);
	EXPECT_EQ(0, fcntl(fd, F_GETFD));
}

TEST_F(errors, no_privilege_needed)
{
	int fd[2];

	ASSERT_TRUE(become_nobody());
	ASSERT_EQ(0, connected_pair(self->f, fd));
	EXPECT_EQ(1, send(fd[0], "x", 1, 0));
}

TEST_F(errors, socketpair)
{
	int fd[2];

	/* TCP's needs addresses. */
	EXPECT_EQ(by_family(self->f, 0, 0, -EOPNOTSUPP),
		  ERR(socketpair(self->f->domain(), SOCK_STREAM, 0, fd)));
	EXPECT_EQ(-EPROTONOSUPPORT,
		  ERR(socketpair(self->f->domain(), SOCK_STREAM, 99, fd)));
	EXPECT_EQ(-EFAULT, ERR(socketpair(self->f->domain(), SOCK_STREAM, 0,
					  bad_pointer())));
}

TEST_F(errors, not_a_file)
{
	struct stat st;
	char c;
	int fd;

	fd = stream_socket(self->f);
	ASSERT_EQ(0, fstat(fd, &st));
	EXPECT_TRUE(S_ISSOCK(st.st_mode));
	EXPECT_EQ(-ESPIPE, ERR(lseek(fd, 0, SEEK_SET)));
	EXPECT_EQ(-ESPIPE, ERR(pread(fd, &c, 1, 0)));
	EXPECT_EQ(-ESPIPE, ERR(pwrite(fd, &c, 1, 0)));
	EXPECT_EQ(-EINVAL, ERR(ftruncate(fd, 0)));
	EXPECT_EQ(-EINVAL, ERR(fsync(fd)));
}

/* TCP maps its receive queue; the others have nothing to map. */

FAMILY_FIXTURE(no_mmap, KITE_UNIX);

TEST_F(no_mmap, is_refused)
{
	void *p;

	p = mmap(NULL, 4096, PROT_READ, MAP_SHARED, stream_socket(self->f), 0);
	EXPECT_EQ(MAP_FAILED, p);
	EXPECT_EQ(ENODEV, errno);
}

TEST_HARNESS_MAIN
