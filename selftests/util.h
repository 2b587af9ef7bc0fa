/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What every test needs and the harness does not have: system calls that say
 * which error they gave, calls that block in another thread where the test can
 * watch them, and conditions to wait for.
 */
#ifndef KITE_SELFTESTS_UTIL_H
#define KITE_SELFTESTS_UTIL_H

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <unistd.h>

#include <linux/filter.h>

/*
 * No test waits longer than this for something that has to happen. It never takes so
 * long; but a VM may stand still for a while, when its host is busy.
 */
#define PATIENCE_MS	60000

/*
 * For timeouts to be tested: how long, and how much of it must have passed. The
 * clocks of a slow VM disagree by more than one would think.
 */
#define TIMEOUT_MS	300
#define TIMED_OUT_MS	100

/**
 * ERR() - the result of a system call, its error as a negative number
 * @call: an expression that gives -1 and errno when it fails
 */
#define ERR(call)						\
({								\
	long __err_ret = (call);				\
								\
	__err_ret == -1 ? -(long)errno : __err_ret;		\
})

/**
 * BECOMES() - wait until an expression has the value it should get
 * @want: that value
 * @expr: evaluated again and again, for PATIENCE_MS
 *
 * For a condition that comes about on its own, such as a packet's arrival. The
 * value of BECOMES() is the last one seen, so that a failure shows it.
 */
#define BECOMES(want, expr)					\
({								\
	long __end = now_ms() + PATIENCE_MS;			\
	long __seen;						\
								\
	for (;;) {						\
		__seen = (expr);				\
		if (__seen == (long)(want) || now_ms() > __end)	\
			break;					\
		usleep(1000);					\
	}							\
	__seen;							\
})

long now_ms(void);

/**
 * struct async - a system call that another thread makes
 * @thread: that thread
 * @nr: the call
 * @arg: its arguments
 * @tid: the thread's id, 0 until it runs
 * @done: set when the call has returned
 * @ret: what it returned, an error as a negative number
 */
struct async {
	pthread_t thread;
	long nr;
	long arg[6];
	pid_t tid;
	int done;
	long ret;
};

void async_call(struct async *a, long nr, long arg0, long arg1, long arg2,
		long arg3);
void async_setsockopt(struct async *a, int fd, int level, int name, const void *value,
		      socklen_t len);
void async_splice(struct async *a, int from, int to, size_t len);
void async_recv(struct async *a, int fd, void *buf, size_t len, int flags);
void async_send(struct async *a, int fd, const void *buf, size_t len, int flags);
void async_accept(struct async *a, int fd);
void async_poll(struct async *a, struct pollfd *pfd);
void async_epoll(struct async *a, int epfd, struct epoll_event *event);
void async_close(struct async *a, int fd);
bool async_done(struct async *a);
bool async_blocks(struct async *a);
void async_signal(struct async *a, int sig);
long async_result(struct async *a);

void catch_signal(int sig, int flags);
int caught_signals(void);

int get_int_option(int fd, int level, int name);
int set_int_option(int fd, int level, int name, int value);
int set_timeout(int fd, int name, int ms);
int set_linger(int fd, int seconds);
int set_nonblocking(int fd, bool on);
int bytes_to_read(int fd);
int bytes_unread_by_peer(int fd);
int drops_of(int fd);

int revents(int fd);
int revents_for(int fd, int events);
int revents_become(int fd, int want);

long send_cmsg(int fd, const void *buf, size_t len, int level, int type,
	       const void *data, size_t size);
ssize_t send_all(int fd, const void *buf, size_t len);
ssize_t recv_all(int fd, void *buf, size_t len);
ssize_t read_sent(int fd, ssize_t len);
ssize_t drain(int fd);

void pattern_fill(void *buf, size_t len, size_t offset);
ssize_t pattern_differs(const void *buf, size_t len, size_t offset);

/**
 * struct held_page - a page that is not there before it is let go of: who touches it waits
 * @uffd: the userfaultfd that keeps it
 * @data: where it is
 */
struct held_page {
	int uffd;
	void *data;
};

int hold_page(struct held_page *page);
int wait_for_touch(const struct held_page *page);
int let_go_of_page(const struct held_page *page);

/**
 * struct owner - a system call that owns a socket until it is told to let go
 * @page: what it waits for
 * @prog: what it sets: a filter that is none
 * @call: the call
 */
struct owner {
	struct held_page page;
	struct sock_fprog prog;
	struct async call;
};

int own(struct owner *owner, int fd);
int let_go(struct owner *owner);

void *bad_pointer(void);

struct bpf_insn;
int load_bpf(const struct bpf_insn *insns, unsigned int count);
int attach_bpf_for_length(int fd, int len);

int stress_times(int n);
bool calls_fail(void);

bool kernel_since(int major, int minor);
bool become_nobody(void);
int put_file(const char *path, const char *text);
int enter_new_netns(void);
int loopback_up(void);

#endif /* KITE_SELFTESTS_UTIL_H */
