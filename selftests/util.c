// SPDX-License-Identifier: GPL-2.0
/* What every test needs and the harness does not have: see util.h. */

#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/time.h>
#include <time.h>

#include <linux/bpf.h>
#include <linux/sock_diag.h>
#include <linux/sockios.h>
#include <linux/userfaultfd.h>

#include "util.h"

#define NOBODY	65534

/*
 * By the clock that the kernel's timers go by, too: on a busy machine a VM's ticks come
 * late and then all at once, and a timeout may seem to be over in an instant.
 */
long now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return now.tv_sec * 1000L + now.tv_nsec / 1000000;
}

/* Calls in another thread */

static void *async_thread(void *data)
{
	struct async *a = data;
	long ret;

	__atomic_store_n(&a->tid, (pid_t)syscall(SYS_gettid), __ATOMIC_SEQ_CST);
	ret = syscall(a->nr, a->arg[0], a->arg[1], a->arg[2], a->arg[3],
		      a->arg[4], a->arg[5]);
	a->ret = ret == -1 ? -(long)errno : ret;
	__atomic_store_n(&a->done, 1, __ATOMIC_SEQ_CST);
	return NULL;
}

static void async_start(struct async *a)
{
	int err;

	err = pthread_create(&a->thread, NULL, async_thread, a);
	if (err) {
		fprintf(stderr, "# pthread_create: %s\n", strerror(err));
		abort();
	}
}

void async_call(struct async *a, long nr, long arg0, long arg1, long arg2,
		long arg3)
{
	*a = (struct async){ .nr = nr, .arg = { arg0, arg1, arg2, arg3 } };
	async_start(a);
}

void async_setsockopt(struct async *a, int fd, int level, int name, const void *value,
		      socklen_t len)
{
	*a = (struct async){ .nr = SYS_setsockopt,
			     .arg = { fd, level, name, (long)value, len } };
	async_start(a);
}

void async_splice(struct async *a, int from, int to, size_t len)
{
	*a = (struct async){ .nr = SYS_splice, .arg = { from, 0, to, 0, (long)len } };
	async_start(a);
}

void async_recv(struct async *a, int fd, void *buf, size_t len, int flags)
{
	async_call(a, SYS_recvfrom, fd, (long)buf, (long)len, flags);
}

void async_send(struct async *a, int fd, const void *buf, size_t len, int flags)
{
	async_call(a, SYS_sendto, fd, (long)buf, (long)len, flags | MSG_NOSIGNAL);
}

void async_accept(struct async *a, int fd)
{
	async_call(a, SYS_accept4, fd, 0, 0, 0);
}

void async_poll(struct async *a, struct pollfd *pfd)
{
	async_call(a, SYS_ppoll, (long)pfd, 1, 0, 0);
}

void async_epoll(struct async *a, int epfd, struct epoll_event *event)
{
	async_call(a, SYS_epoll_pwait, epfd, (long)event, 1, -1);
}

void async_close(struct async *a, int fd)
{
	async_call(a, SYS_close, fd, 0, 0, 0);
}

bool async_done(struct async *a)
{
	return __atomic_load_n(&a->done, __ATOMIC_SEQ_CST);
}

static size_t read_task_file(pid_t tid, const char *name, char *buf, size_t size)
{
	char path[64];
	ssize_t len;
	int fd;

	snprintf(path, sizeof(path), "/proc/self/task/%d/%s", tid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	len = read(fd, buf, size - 1);
	close(fd);
	if (len < 0)
		len = 0;
	buf[len] = '\0';
	return len;
}

static bool task_sleeps_in(pid_t tid, long nr)
{
	char buf[512], *end;

	/* pid (name) state ...: interruptible, not the sleep of a page fault */
	if (!read_task_file(tid, "stat", buf, sizeof(buf)))
		return false;
	end = strrchr(buf, ')');
	if (!end || end[1] != ' ' || end[2] != 'S')
		return false;

	/* "running", or the number of the call that it sleeps in */
	if (!read_task_file(tid, "syscall", buf, sizeof(buf)))
		return false;
	return strtol(buf, &end, 10) == nr && end != buf && *end == ' ';
}

/**
 * async_blocks() - wait until the call sleeps
 * @a: the call
 *
 * Return: true once the call sleeps; false if it returned instead.
 */
bool async_blocks(struct async *a)
{
	long end = now_ms() + PATIENCE_MS;

	while (!async_done(a) && now_ms() < end) {
		pid_t tid = __atomic_load_n(&a->tid, __ATOMIC_SEQ_CST);

		if (tid && task_sleeps_in(tid, a->nr) && !async_done(a))
			return true;
		usleep(1000);
	}
	return false;
}

void async_signal(struct async *a, int sig)
{
	pthread_kill(a->thread, sig);
}

/**
 * async_result() - wait until the call has returned
 * @a: the call
 *
 * Return: what it returned, or -ETIMEDOUT if it did not return in time.
 */
long async_result(struct async *a)
{
	struct timespec end;

	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec += PATIENCE_MS / 1000;
	if (pthread_timedjoin_np(a->thread, NULL, &end))
		return -ETIMEDOUT;
	return a->ret;
}

/* Signals */

static int nr_caught;

static void count_signal(int sig)
{
	(void)sig;
	__atomic_add_fetch(&nr_caught, 1, __ATOMIC_SEQ_CST);
}

void catch_signal(int sig, int flags)
{
	struct sigaction sa = {
		.sa_handler = count_signal,
		.sa_flags = flags,
	};

	sigaction(sig, &sa, NULL);
}

int caught_signals(void)
{
	return __atomic_load_n(&nr_caught, __ATOMIC_SEQ_CST);
}

/* Options: the value, or the error as a negative number */

int get_int_option(int fd, int level, int name)
{
	socklen_t len = sizeof(int);
	int value = 0;

	if (getsockopt(fd, level, name, &value, &len))
		return -errno;
	return len == sizeof(int) ? value : -EBADMSG;
}

int set_int_option(int fd, int level, int name, int value)
{
	return ERR(setsockopt(fd, level, name, &value, sizeof(value)));
}

int set_timeout(int fd, int name, int ms)
{
	struct timeval tv = {
		.tv_sec = ms / 1000,
		.tv_usec = ms % 1000 * 1000,
	};

	return ERR(setsockopt(fd, SOL_SOCKET, name, &tv, sizeof(tv)));
}

int set_linger(int fd, int seconds)
{
	struct linger l = {
		.l_onoff = 1,
		.l_linger = seconds,
	};

	return ERR(setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, sizeof(l)));
}

int set_nonblocking(int fd, bool on)
{
	int flags = fcntl(fd, F_GETFL);

	return ERR(fcntl(fd, F_SETFL, on ? flags | O_NONBLOCK :
				      flags & ~O_NONBLOCK));
}

int bytes_to_read(int fd)
{
	int value = 0;

	return ioctl(fd, SIOCINQ, &value) ? -errno : value;
}

int bytes_unread_by_peer(int fd)
{
	int value = 0;

	return ioctl(fd, SIOCOUTQ, &value) ? -errno : value;
}

/* poll(): what a socket is ready for now */

#define ALL_EVENTS	(POLLIN | POLLPRI | POLLOUT | POLLRDHUP)

int revents_for(int fd, int events)
{
	struct pollfd pfd = {
		.fd = fd,
		.events = events,
	};

	return poll(&pfd, 1, 0) < 0 ? -errno : pfd.revents;
}

int revents(int fd)
{
	return revents_for(fd, ALL_EVENTS);
}

/* A packet takes its time, even over loopback. */
int revents_become(int fd, int want)
{
	return BECOMES(want, revents(fd));
}

/* Data */

/* Sends with one control message, of @size bytes. */
long send_cmsg(int fd, const void *buf, size_t len, int level, int type,
	       const void *data, size_t size)
{
	union {
		char buf[CMSG_SPACE(64)];
		struct cmsghdr align;
	} control = {};
	struct iovec iov = { (void *)buf, len };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = CMSG_SPACE(size),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

	cmsg->cmsg_level = level;
	cmsg->cmsg_type = type;
	cmsg->cmsg_len = CMSG_LEN(size);
	memcpy(CMSG_DATA(cmsg), data, size);
	return ERR(sendmsg(fd, &msg, MSG_NOSIGNAL));
}

/* The number of bytes sent before the first error, or the error. */
ssize_t send_all(int fd, const void *buf, size_t len)
{
	size_t done = 0;

	while (done < len) {
		ssize_t ret = send(fd, (const char *)buf + done, len - done,
				   MSG_NOSIGNAL);

		if (ret < 0)
			return done ? (ssize_t)done : -errno;
		done += ret;
	}
	return done;
}

/* The number of bytes read before an error or the end, or the error. */
ssize_t recv_all(int fd, void *buf, size_t len)
{
	size_t done = 0;

	while (done < len) {
		ssize_t ret = recv(fd, (char *)buf + done, len - done, 0);

		if (ret < 0)
			return done ? (ssize_t)done : -errno;
		if (ret == 0)
			break;
		done += ret;
	}
	return done;
}

/* All that was sent, when it has come: with TCP that may be later. */
ssize_t read_sent(int fd, ssize_t len)
{
	static char buf[1 << 20];

	return len > (ssize_t)sizeof(buf) ? -E2BIG : recv_all(fd, buf, len);
}

/* Throw away all that is there: the number of bytes, or an error. */
ssize_t drain(int fd)
{
	static char buf[65536];
	size_t done = 0;

	for (;;) {
		ssize_t ret = recv(fd, buf, sizeof(buf), MSG_DONTWAIT);

		if (ret == 0 || (ret < 0 && errno == EAGAIN))
			return done;
		if (ret < 0)
			return -errno;
		done += ret;
	}
}

/* A byte that tells where in the stream it belongs. */
static unsigned char pattern(size_t offset)
{
	unsigned int x = offset;

	return (x * 2654435761U >> 24) ^ (x >> 8);
}

void pattern_fill(void *buf, size_t len, size_t offset)
{
	unsigned char *p = buf;
	size_t i;

	for (i = 0; i < len; i++)
		p[i] = pattern(offset + i);
}

/* Where the first wrong byte is, or -1. */
ssize_t pattern_differs(const void *buf, size_t len, size_t offset)
{
	const unsigned char *p = buf;
	size_t i;

	for (i = 0; i < len; i++)
		if (p[i] != pattern(offset + i))
			return i;
	return -1;
}

/* A page that is not there */

int hold_page(struct held_page *page)
{
	const long size = sysconf(_SC_PAGESIZE);
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register all = {
		.range.len = size,
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};

	page->data = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			  -1, 0);
	page->uffd = ERR(syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK));
	if (page->uffd < 0)
		return page->uffd;
	all.range.start = (unsigned long)page->data;
	return ERR(ioctl(page->uffd, UFFDIO_API, &api)) ?:
	       ERR(ioctl(page->uffd, UFFDIO_REGISTER, &all));
}

int wait_for_touch(const struct held_page *page)
{
	struct pollfd touched = { .fd = page->uffd, .events = POLLIN };
	struct uffd_msg msg;

	if (poll(&touched, 1, PATIENCE_MS) != 1)
		return -ETIMEDOUT;
	return ERR(read(page->uffd, &msg, sizeof(msg))) < 0 ? -errno : 0;
}

int let_go_of_page(const struct held_page *page)
{
	struct uffdio_zeropage zero = {
		.range.start = (unsigned long)page->data,
		.range.len = sysconf(_SC_PAGESIZE),
	};

	return ERR(ioctl(page->uffd, UFFDIO_ZEROPAGE, &zero));
}

/* A socket is owned while its filter is copied. */
int own(struct owner *owner, int fd)
{
	int err = hold_page(&owner->page);

	if (err)
		return err;
	owner->prog = (struct sock_fprog){ .len = 1, .filter = owner->page.data };
	async_setsockopt(&owner->call, fd, SOL_SOCKET, SO_ATTACH_FILTER, &owner->prog,
			 sizeof(owner->prog));
	return wait_for_touch(&owner->page);
}

/* Returns 0 once the call is over, and has said that this is no filter. */
int let_go(struct owner *owner)
{
	int err = let_go_of_page(&owner->page);

	if (err)
		return err;
	err = async_result(&owner->call);
	return err == -EINVAL ? 0 : err ?: -EPROTO;
}

/* Where no program has memory. The compiler need not know. */
void *bad_pointer(void)
{
	return (void *)8;
}

/* How many messages did the socket not let in? */
int drops_of(int fd)
{
	unsigned int info[SK_MEMINFO_VARS];
	socklen_t len = sizeof(info);

	if (getsockopt(fd, SOL_SOCKET, SO_MEMINFO, info, &len))
		return -errno;
	return info[SK_MEMINFO_DROPS];
}

/* Filters by SO_ATTACH_BPF */

int load_bpf(const struct bpf_insn *insns, unsigned int count)
{
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_SOCKET_FILTER,
		.insns = (unsigned long)insns,
		.insn_cnt = count,
		.license = (unsigned long)"GPL",
	};

	return ERR(syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr)));
}

/* Lets in only what has @len bytes where filters see it. */
int attach_bpf_for_length(int fd, int len)
{
	/* r0 = the length; if it is another one, r0 = 0 */
	const struct bpf_insn insns[4] = {
		{ .code = BPF_LDX | BPF_MEM | BPF_W, .src_reg = 1,
		  .off = offsetof(struct __sk_buff, len) },
		{ .code = BPF_JMP | BPF_JEQ | BPF_K, .off = 1, .imm = len },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .imm = 0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	int prog = load_bpf(insns, 4), err;

	if (prog < 0)
		return prog;
	err = set_int_option(fd, SOL_SOCKET, SO_ATTACH_BPF, prog);
	close(prog);
	return err;
}

/* How often to do what "make test" does @n times. */
int stress_times(int n)
{
	const char *factor = getenv("KITE_STRESS");

	return factor ? n * atoi(factor) : n;
}

/* With faulty.so they do so before they succeed, and what they drop is counted. */
bool calls_fail(void)
{
	const char *preload = getenv("LD_PRELOAD");

	return preload && strstr(preload, "faulty.so");
}

/* For what depends on the kernel's version and can be told by nothing else. */
bool kernel_since(int major, int minor)
{
	struct utsname name;
	int a = 0, b = 0;

	if (uname(&name) || sscanf(name.release, "%d.%d", &a, &b) != 2)
		return false;
	return a > major || (a == major && b >= minor);
}

/* Privileges and namespaces */

bool become_nobody(void)
{
	return !setresgid(NOBODY, NOBODY, NOBODY) &&
	       !setresuid(NOBODY, NOBODY, NOBODY);
}

int loopback_up(void)
{
	struct ifreq ifr = { .ifr_name = "lo" };
	int fd, ret = 0;

	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (ioctl(fd, SIOCGIFFLAGS, &ifr)) {
		ret = -errno;
	} else if (!(ifr.ifr_flags & IFF_UP)) {
		ifr.ifr_flags |= IFF_UP;
		if (ioctl(fd, SIOCSIFFLAGS, &ifr))
			ret = -errno;
	}
	close(fd);
	return ret;
}

/* For files of /proc and /sys: 0, or an error. */
int put_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "we");
	int err;

	if (!f)
		return -errno;
	err = fputs(text, f) < 0 ? -EIO : 0;
	return fclose(f) ? -errno : err;
}

/*
 * A namespace of its own for this process, in which TCP works too, and Kite gives up
 * nothing while the VM stands still: who tests the timeouts sets them. What has closed
 * and waits for its peer keeps the namespace, and the module, and is to go in the end.
 */
int enter_new_netns(void)
{
	if (unshare(CLONE_NEWNET))
		return -errno;
	/* Without the module there is nothing to set; who needs it will see. */
	put_file("/proc/sys/net/kite/connect_timeout", "3600000");
	put_file("/proc/sys/net/kite/close_timeout", "30000");
	return loopback_up();
}
