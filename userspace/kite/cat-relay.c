// SPDX-License-Identifier: GPL-2.0
/*
 * kite cat: between a socket and standard input and output, both ways at once.
 *
 * Neither way waits for the other: a socket is never asked to block, and a pipe is
 * given no more than it takes without blocking. What is read is written before more
 * is read, so a peer or a pipe that is slow slows down who fills it.
 */
#include <err.h>
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cat.h"

/* A record for which there is no room, though there is some. Milliseconds. */
#define TRY_AGAIN	10

/**
 * struct flow - one way
 * @from: where the bytes come from
 * @to: where they go
 * @most: how much @to takes at once without blocking
 * @buf: what was read; one message, if @from has messages
 * @size: of @buf
 * @start: what of it is written already
 * @end: how much there is
 * @eof: @from has come to its end
 * @blocked: @to has said so, though poll() had said otherwise
 * @over: so it has, and all is written; or @to takes no more
 */
struct flow {
	int from;
	int to;
	size_t most;
	char *buf;
	size_t size;
	size_t start;
	size_t end;
	bool eof;
	bool blocked;
	bool over;
};

/**
 * struct relay - both ways
 * @o: what is asked for
 * @fd: the socket
 * @send: from standard input to the socket
 * @recv: from there to standard output
 * @peer: datagrams: who sent the last one; no length before the first
 * @peer_len: its length
 * @moved: when something went either way
 * @failed: something was lost
 */
struct relay {
	const struct cat_options *o;
	int fd;
	struct flow send;
	struct flow recv;
	struct sockaddr_kite peer;
	socklen_t peer_len;
	double moved;
	bool failed;
};

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

static bool has_messages(const struct relay *r)
{
	return r->o->type != SOCK_STREAM;
}

/* Datagrams go to anybody while nobody is connected. */
static bool unconnected(const struct relay *r)
{
	return r->o->type == SOCK_DGRAM && r->o->listen;
}

static size_t size_without_blocking(int fd)
{
	struct stat st;

	if (!fstat(fd, &st) && (S_ISREG(st.st_mode) || S_ISBLK(st.st_mode)))
		return SIZE_MAX;
	return PIPE_BUF;
}

static void flow_init(struct flow *f, int from, int to, size_t most)
{
	*f = (struct flow) { .from = from, .to = to, .most = most };
	f->size = KITE_MAX_PAYLOAD;
	/* One more, for the end of a line. */
	f->buf = malloc(f->size + 1);
	if (!f->buf)
		err(1, "malloc");
}

static size_t waiting(const struct flow *f)
{
	return f->end - f->start;
}

/*
 * How much of the input goes into the next message, and how much of the input that
 * takes: nothing, if more of it has to be read first.
 */
static size_t next_message(const struct relay *r, size_t *len)
{
	const struct flow *f = &r->send;
	const char *begin = f->buf + f->start, *newline;

	*len = waiting(f);
	if (!r->o->lines || !*len)
		return *len;
	newline = memchr(begin, '\n', *len);
	if (newline) {
		*len = newline - begin;
		return *len + 1;
	}
	return f->eof || *len == f->size ? *len : 0;
}

static void read_input(struct relay *r)
{
	struct flow *f = &r->send;
	ssize_t n;

	memmove(f->buf, f->buf + f->start, waiting(f));
	f->end -= f->start;
	f->start = 0;
	n = read(f->from, f->buf + f->end, f->size - f->end);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0)
		err(1, "standard input");
	f->end += n;
	f->eof = !n;
	r->moved = now();
}

static void send_failed(struct relay *r)
{
	/* What it has sent is still there to be read. */
	if (errno == EPIPE)
		warnx("the peer reads no more");
	else
		warn("send");
	r->failed = true;
	r->send.over = true;
}

static void send_input(struct relay *r)
{
	struct flow *f = &r->send;
	size_t len, taken = next_message(r, &len);
	struct msghdr msg = {
		.msg_iov = &(struct iovec) { .iov_base = f->buf + f->start, .iov_len = len },
		.msg_iovlen = 1,
	};
	ssize_t n;

	if (unconnected(r)) {
		msg.msg_name = &r->peer;
		msg.msg_namelen = r->peer_len;
	}
	n = sendmsg(f->to, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
	f->blocked = n < 0 && errno == EAGAIN;
	if (f->blocked || (n < 0 && errno == EINTR))
		return;
	if (n < 0) {
		send_failed(r);
		return;
	}
	f->start += has_messages(r) ? taken : (size_t)n;
	r->moved = now();
}

/* The end of the input: tell the peer, if that is asked for. */
static void end_input(struct relay *r)
{
	r->send.over = true;
	if (!r->o->shutdown)
		return;
	if (r->o->type != SOCK_DGRAM)
		shutdown(r->fd, SHUT_WR);
	else if (sendto(r->fd, "", 0, MSG_NOSIGNAL, unconnected(r) ? (void *)&r->peer : NULL,
			unconnected(r) ? r->peer_len : 0))
		send_failed(r);
}

/*
 * A record of no bytes is no end. It comes with credentials, as each record does;
 * the end does not.
 */
static bool is_end(const struct relay *r, const struct msghdr *msg)
{
	switch (r->o->type) {
	case SOCK_STREAM:
		return true;
	case SOCK_SEQPACKET:
		return !msg->msg_controllen;
	default:
		return r->o->shutdown && !r->o->keep;
	}
}

static void make_room(struct flow *f, size_t size)
{
	if (size <= f->size)
		return;
	f->size = size;
	free(f->buf);
	f->buf = malloc(size + 1);
	if (!f->buf)
		err(1, "malloc");
}

static void recv_failed(struct relay *r)
{
	warn("recv");
	r->failed = true;
	r->recv.over = true;
	r->send.over = true;
}

static void recv_message(struct relay *r)
{
	struct flow *f = &r->recv;
	char control[CMSG_SPACE(sizeof(struct ucred))];
	struct msghdr msg = {
		.msg_name = &r->peer,
		.msg_namelen = sizeof(r->peer),
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	ssize_t n;

	/* The length of what comes next; a stream has none. */
	n = has_messages(r) ? recv(f->from, NULL, 0, MSG_DONTWAIT | MSG_PEEK | MSG_TRUNC) : 0;
	if (n >= 0) {
		make_room(f, n);
		msg.msg_iov = &(struct iovec) { .iov_base = f->buf, .iov_len = f->size };
		n = recvmsg(f->from, &msg, MSG_DONTWAIT);
	}
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0) {
		recv_failed(r);
		return;
	}
	if (unconnected(r))
		r->peer_len = msg.msg_namelen;
	r->moved = now();
	f->start = 0;
	f->end = n;
	f->eof = !n && is_end(r, &msg);
	if (r->o->lines && !f->eof)
		f->buf[f->end++] = '\n';
}

static void write_output(struct relay *r)
{
	struct flow *f = &r->recv;
	size_t len = waiting(f) < f->most ? waiting(f) : f->most;
	ssize_t n = write(f->to, f->buf + f->start, len);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0)
		err(1, "standard output");
	f->start += n;
	r->moved = now();
}

/* Has the peer gone for good? Then nobody wants the rest of the input. */
static bool hung_up(int fd)
{
	struct pollfd pfd = { .fd = fd };

	return poll(&pfd, 1, 0) > 0 && pfd.revents & (POLLHUP | POLLERR);
}

/* What there is to wait for, into @pfd: input, socket, output. */
static int prepare(struct relay *r, struct pollfd pfd[3])
{
	int timeout = r->o->idle > 0 ? (r->moved + r->o->idle - now()) * 1000 + 1 : -1;
	size_t len;

	pfd[0] = (struct pollfd) { .fd = -1 };
	pfd[1] = (struct pollfd) { .fd = r->fd };
	pfd[2] = (struct pollfd) { .fd = -1 };

	/* Nobody to send to, yet. */
	if (!r->send.over && !(unconnected(r) && !r->peer_len)) {
		if (!next_message(r, &len))
			pfd[0] = (struct pollfd) { .fd = r->send.from, .events = POLLIN };
		else if (!r->send.blocked || !has_messages(r))
			pfd[1].events |= POLLOUT;
		else
			timeout = timeout < 0 || timeout > TRY_AGAIN ? TRY_AGAIN : timeout;
	}
	if (waiting(&r->recv))
		pfd[2] = (struct pollfd) { .fd = r->recv.to, .events = POLLOUT };
	else if (!r->recv.over)
		pfd[1].events |= POLLIN;
	/* That it has hung up shows without being asked for; but first the output. */
	if (!pfd[1].events && !r->recv.over)
		pfd[1].fd = -1;
	return timeout;
}

static void advance(struct relay *r, const struct pollfd pfd[3])
{
	size_t len;

	if (!r->recv.over && !waiting(&r->recv) && pfd[1].revents & ~POLLOUT)
		recv_message(r);
	else if (waiting(&r->recv) && pfd[2].revents)
		write_output(r);
	if (r->recv.eof && !waiting(&r->recv))
		r->recv.over = true;

	if (pfd[0].revents)
		read_input(r);
	if (r->send.over || (unconnected(r) && !r->peer_len))
		return;
	if (next_message(r, &len))
		send_input(r);
	else if (r->send.eof)
		end_input(r);
}

/**
 * cat_relay - copy until both ways have come to their end, or one for both
 * @fd: the socket, connected; of datagrams, or bound
 * @o: what is asked for
 *
 * Return: false if something went wrong, which has been said.
 */
bool cat_relay(int fd, const struct cat_options *o)
{
	struct relay r = { .o = o, .fd = fd, .moved = now() };
	struct pollfd pfd[3];
	int on = 1;

	if (o->type == SOCK_SEQPACKET &&
	    setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)))
		err(1, "SO_PASSCRED");
	flow_init(&r.send, STDIN_FILENO, fd, SIZE_MAX);
	flow_init(&r.recv, fd, STDOUT_FILENO, size_without_blocking(STDOUT_FILENO));

	/* A peer that sends no more may still read, unless it has gone. */
	while (!r.recv.over || (!r.send.over && !hung_up(fd))) {
		int timeout = prepare(&r, pfd);

		if (o->idle > 0 && now() - r.moved >= o->idle) {
			warnx("nothing for %g seconds", o->idle);
			r.failed = true;
			break;
		}
		if (poll(pfd, 3, timeout) >= 0)
			advance(&r, pfd);
		else if (errno != EINTR)
			err(1, "poll");
	}
	free(r.send.buf);
	free(r.recv.buf);
	return !r.failed;
}
