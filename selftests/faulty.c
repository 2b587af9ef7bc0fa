// SPDX-License-Identifier: GPL-2.0
/*
 * faulty.so, for LD_PRELOAD: each system call on a Kite socket first meets a fault at its
 * first allocation or copy, is made again and meets one at its second, and so on until it
 * succeeds. Since a call that fails has changed nothing, the program should not notice:
 * faulty.sh runs the other tests that way.
 *
 * One that succeeds may have met a fault, too, of something that it can do without, or
 * after part of its bytes. It ends there all the same: it has had its effect, and to make
 * it again would be to send twice, or to read what the program wants to read next.
 *
 * Left alone are the calls of which this is not true: a record or datagram that is
 * received, or spliced, and whatever is received by recvmmsg, since the core makes what
 * it fails with an error of the socket; a connection that is accepted with its name; an
 * error, or a notification, that is fetched; select, which copies one set after another;
 * O_ASYNC, which the core leaves off without a word when it has no memory.
 *
 * The file that KITE_FAULTS names begins with the number of faults, of all processes.
 */

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

/* Enough for any call; something that fails in each round is not tried for ever. */
#define ROUNDS_MAX	100

static int family = -1;

/* Some epoll may have a Kite socket. */
static bool watched;

/* Nothing is written at the end, for some children have none but _exit(). */
static unsigned int *count;

static void __attribute__((constructor)) find_family(void)
{
	FILE *file = fopen("/sys/module/kite/parameters/family", "re");

	if (!file)
		return;
	if (fscanf(file, "%d", &family) != 1)
		family = -1;
	fclose(file);
}

static void __attribute__((constructor)) find_count(void)
{
	const char *path = getenv("KITE_FAULTS");
	int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
	void *map;

	if (fd < 0)
		return;
	map = mmap(NULL, sizeof(*count), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map != MAP_FAILED)
		count = map;
	syscall(SYS_close, fd);
}

/* A fault is a thread's, so each has its own file; and a forked one does, too. */
static int fail_nth(void)
{
	static __thread int fd = -1, owner;
	int me = syscall(SYS_gettid), low;

	if (owner == me && syscall(SYS_fcntl, fd, F_GETFD) >= 0)
		return fd;
	owner = me;
	low = syscall(SYS_openat, AT_FDCWD, "/proc/thread-self/fail-nth",
		      O_RDWR | O_CLOEXEC);
	/* Out of the way of programs that count theirs. */
	fd = low < 0 ? -1 : syscall(SYS_fcntl, low, F_DUPFD_CLOEXEC, 500);
	if (low >= 0)
		syscall(SYS_close, low);
	return fd;
}

static bool arm(unsigned int nth)
{
	int fd = fail_nth(), saved = errno, len, tries;
	char value[16];

	len = snprintf(value, sizeof(value), "%u", nth);
	/* This is a call with a copy, too. */
	for (tries = 0; fd >= 0 && tries < 2; tries++)
		if (syscall(SYS_pwrite64, fd, value, len, 0, 0) == len)
			break;
	errno = saved;
	return fd >= 0 && tries < 2;
}

/* Did it happen? */
static bool disarm(void)
{
	int saved = errno;
	char value[16];
	bool fired;

	fired = syscall(SYS_pread64, fail_nth(), value, sizeof(value), 0,
			0) > 0 &&
		value[0] == '0';
	arm(0);
	if (fired && count)
		__atomic_add_fetch(count, 1, __ATOMIC_RELAXED);
	errno = saved;
	return fired;
}

static int option(int fd, int name)
{
	int value = -1, saved = errno;
	socklen_t len = sizeof(value);

	syscall(SYS_getsockopt, fd, SOL_SOCKET, name, &value, &len);
	errno = saved;
	return value;
}

static bool is_ours(int fd)
{
	return family >= 0 && option(fd, SO_DOMAIN) == family;
}

/* Nothing that it failed to copy is lost. No name comes with a stream, to be copied last. */
static bool keeps(int fd, int flags)
{
	if (!is_ours(fd) || flags & MSG_ERRQUEUE)
		return false;
	return flags & MSG_PEEK || option(fd, SO_TYPE) == SOCK_STREAM;
}

static bool any_is_ours(const struct pollfd *pfd, nfds_t n)
{
	while (n && !is_ours(pfd[n - 1].fd))
		n--;
	return n;
}

static bool is_fault(int err)
{
	return err == ENOMEM || err == ENOBUFS || err == EFAULT || err == ENFILE;
}

/* Is there to be another round after one that gave @ret? */
static bool again(long ret, unsigned int *nth)
{
	return disarm() && ret < 0 && is_fault(errno) && ++*nth < ROUNDS_MAX;
}

#define FAULTY(wanted, ...)					\
({								\
	bool __wanted = wanted;					\
	unsigned int __nth = 1;					\
	long __ret;						\
								\
	do {							\
		if (__wanted)					\
			__wanted = arm(__nth);			\
		__ret = syscall(__VA_ARGS__);			\
	} while (__wanted && again(__ret, &__nth));		\
	__ret;							\
})

/* What follows @last, for calls with or without a third argument. */
#define ARGUMENT(last)						\
({								\
	va_list __ap;						\
	void *__arg;						\
								\
	va_start(__ap, last);					\
	__arg = va_arg(__ap, void *);				\
	va_end(__ap);						\
	__arg;							\
})

int socket(int domain, int type, int protocol)
{
	return FAULTY(domain == family, SYS_socket, domain, type, protocol);
}

int socketpair(int domain, int type, int protocol, int fd[2])
{
	return FAULTY(domain == family, SYS_socketpair, domain, type, protocol, fd);
}

int bind(int fd, const struct sockaddr *addr, socklen_t len)
{
	return FAULTY(is_ours(fd), SYS_bind, fd, addr, len);
}

int listen(int fd, int backlog)
{
	return FAULTY(is_ours(fd), SYS_listen, fd, backlog);
}

int connect(int fd, const struct sockaddr *addr, socklen_t len)
{
	return FAULTY(is_ours(fd), SYS_connect, fd, addr, len);
}

int accept4(int fd, struct sockaddr *addr, socklen_t *len, int flags)
{
	return FAULTY(!addr && is_ours(fd), SYS_accept4, fd, addr, len, flags);
}

int accept(int fd, struct sockaddr *addr, socklen_t *len)
{
	return accept4(fd, addr, len, 0);
}

int getsockname(int fd, struct sockaddr *addr, socklen_t *len)
{
	return FAULTY(is_ours(fd), SYS_getsockname, fd, addr, len);
}

int getpeername(int fd, struct sockaddr *addr, socklen_t *len)
{
	return FAULTY(is_ours(fd), SYS_getpeername, fd, addr, len);
}

int shutdown(int fd, int how)
{
	return FAULTY(is_ours(fd), SYS_shutdown, fd, how);
}

int setsockopt(int fd, int level, int name, const void *value, socklen_t len)
{
	return FAULTY(is_ours(fd), SYS_setsockopt, fd, level, name, value, len);
}

int getsockopt(int fd, int level, int name, void *value, socklen_t *len)
{
	return FAULTY(name != SO_ERROR && is_ours(fd), SYS_getsockopt, fd, level, name, value,
		      len);
}

ssize_t sendto(int fd, const void *buf, size_t size, int flags, const struct sockaddr *addr,
	       socklen_t len)
{
	return FAULTY(is_ours(fd), SYS_sendto, fd, buf, size, flags, addr, len);
}

ssize_t send(int fd, const void *buf, size_t size, int flags)
{
	return sendto(fd, buf, size, flags, NULL, 0);
}

ssize_t sendmsg(int fd, const struct msghdr *msg, int flags)
{
	return FAULTY(is_ours(fd), SYS_sendmsg, fd, msg, flags);
}

/* Of several, those that were sent have had their effect, and the next is the first. */
int sendmmsg(int fd, struct mmsghdr *msg, unsigned int n, int flags)
{
	unsigned int done = 0;
	int ret;

	do {
		ret = FAULTY(is_ours(fd), SYS_sendmmsg, fd, msg + done, n - done, flags);
		done += ret > 0 ? ret : 0;
	} while (ret > 0 && done < n);
	return done ? (int)done : ret;
}

ssize_t write(int fd, const void *buf, size_t size)
{
	return FAULTY(is_ours(fd), SYS_write, fd, buf, size);
}

ssize_t writev(int fd, const struct iovec *iov, int n)
{
	return FAULTY(is_ours(fd), SYS_writev, fd, iov, n);
}

ssize_t recvfrom(int fd, void *buf, size_t size, int flags, struct sockaddr *addr,
		 socklen_t *len)
{
	return FAULTY(keeps(fd, flags), SYS_recvfrom, fd, buf, size, flags, addr, len);
}

ssize_t recv(int fd, void *buf, size_t size, int flags)
{
	return recvfrom(fd, buf, size, flags, NULL, NULL);
}

ssize_t read(int fd, void *buf, size_t size)
{
	return FAULTY(keeps(fd, 0), SYS_read, fd, buf, size);
}

ssize_t readv(int fd, const struct iovec *iov, int n)
{
	return FAULTY(keeps(fd, 0), SYS_readv, fd, iov, n);
}

ssize_t recvmsg(int fd, struct msghdr *msg, int flags)
{
	return FAULTY(keeps(fd, flags), SYS_recvmsg, fd, msg, flags);
}

ssize_t splice(int from, off64_t *from_at, int to, off64_t *to_at, size_t size,
	       unsigned int flags)
{
	return FAULTY(keeps(from, 0) || keeps(to, 0), SYS_splice, from, from_at, to, to_at,
		      size, flags);
}

ssize_t sendfile(int to, int from, off_t *at, size_t size)
{
	return FAULTY(is_ours(to), SYS_sendfile, to, from, at, size);
}

int ioctl(int fd, unsigned long cmd, ...)
{
	return FAULTY(cmd != FIOASYNC && is_ours(fd), SYS_ioctl, fd, cmd, ARGUMENT(cmd));
}

int fcntl(int fd, int cmd, ...)
{
	return FAULTY(cmd != F_SETFL && is_ours(fd), SYS_fcntl, fd, cmd, ARGUMENT(cmd));
}

int poll(struct pollfd *pfd, nfds_t n, int timeout)
{
	return FAULTY(any_is_ours(pfd, n), SYS_poll, pfd, n, timeout);
}

int epoll_wait(int ep, struct epoll_event *event, int n, int timeout)
{
	return FAULTY(watched, SYS_epoll_wait, ep, event, n, timeout);
}

int epoll_ctl(int ep, int op, int fd, struct epoll_event *event)
{
	watched |= is_ours(fd);
	return FAULTY(is_ours(fd), SYS_epoll_ctl, ep, op, fd, event);
}

/* Which closes whatever happens: a fault each time, but each time another. */
int close(int fd)
{
	static __thread unsigned int nth;
	bool wanted = is_ours(fd) && arm(nth++ % 4 + 1);
	int ret = syscall(SYS_close, fd);

	if (wanted)
		disarm();
	return ret;
}
