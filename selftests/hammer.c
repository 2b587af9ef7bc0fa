// SPDX-License-Identifier: GPL-2.0
/*
 * hammer [PAUSE]: use Kite in every way again and again, whether kite.ko is there or not,
 * until the standard input ends; for stress.sh, which takes the module away meanwhile.
 * As long as there is a file PAUSE, only in ways that no socket comes of.
 *
 * Prints how many rounds of each kind found it and how many did not. The exit status is 1
 * if what it found did not work, or if it was missing where it cannot have been: while a
 * socket is open, nobody can unload it.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <linux/netlink.h>

#include "family.h"
#include "netlink.h"
#include "packet.h"
#include "util.h"

#define LEN	1000

static const int types[] = { SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM };
static char out[LEN];

/*
 * One way to use Kite: 1, 0 without kite.ko, or the error. With @held, a socket of ours,
 * it is there; that is -1 otherwise.
 */
struct way {
	const char *name;
	int (*go)(int number, int held);
	bool makes_sockets;
	int found, missed;
};

/* Two sockets, which send to each other. */
static int make_pair(int number, int fd[2])
{
	int err = pair_of_type(&family_kite, types[number % 3], fd);

	/* Only the first socket can find nothing: it holds what it has found. */
	return err == -EAFNOSUPPORT ? 0 : err ?: 1;
}

static int send_pattern(int fd, int number)
{
	pattern_fill(out, LEN, number);
	return ERR(send(fd, out, LEN, 0)) == LEN ? 0 : -errno ?: -EIO;
}

static int recv_pattern(int fd, int number)
{
	char in[LEN];

	if (ERR(recv(fd, in, LEN, MSG_WAITALL)) != LEN)
		return -errno ?: -EIO;
	return pattern_differs(in, LEN, number) < 0 ? 0 : -EBADMSG;
}

/* Sometimes with something unread, and sometimes this one first. */
static void close_pair(int number, int fd[2])
{
	if (number / 3 % 3)
		send(fd[1], out, 10, MSG_NOSIGNAL);
	close(fd[number / 3 % 2]);
	close(fd[!(number / 3 % 2)]);
}

static int go_talk(int number, int held)
{
	int fd[2], err = make_pair(number, fd);

	(void)held;
	if (err <= 0)
		return err;
	err = send_pattern(fd[0], number) ?: recv_pattern(fd[1], number);
	close_pair(number, fd);
	return err ?: 1;
}

/* poll, and an epoll that has them until after their end */
static int poll_pair(int number, int ep, int fd[2])
{
	struct epoll_event event = { .events = EPOLLIN, .data.fd = fd[1] };
	int err = ERR(epoll_ctl(ep, EPOLL_CTL_ADD, fd[1], &event));

	if (err)
		return err;
	if (revents_for(fd[1], POLLIN) || epoll_wait(ep, &event, 1, 0))
		return -EEXIST;
	err = send_pattern(fd[0], number);
	if (err)
		return err;
	if (epoll_wait(ep, &event, 1, PATIENCE_MS) != 1 || event.data.fd != fd[1] ||
	    event.events != EPOLLIN)
		return -ETIME;
	if (revents_for(fd[1], POLLIN) != POLLIN)
		return -ENODATA;
	return recv_pattern(fd[1], number);
}

static int go_poll(int number, int held)
{
	int fd[2], ep, err = make_pair(number, fd);

	(void)held;
	if (err <= 0)
		return err;
	ep = ERR(epoll_create1(EPOLL_CLOEXEC));
	err = ep < 0 ? ep : poll_pair(number, ep, fd);
	close_pair(number, fd);
	close(ep);
	return err ?: 1;
}

/* It sees what one of the two sends from then on. */
static int watch_pair(int number, int raw, int fd[2])
{
	struct packet pkt;
	struct address own;
	char seen[LEN];
	ssize_t n;
	int err;

	err = name_of(fd[0], &own) ?: raw_bind(raw, port_of(&own), KITE_NODE_ANY);
	if (err)
		return err;
	/* What has come from all the others until now, and may be too much to show more. */
	n = drain(raw);
	err = n < 0 ? n : send_pattern(fd[0], number);
	if (err)
		return err;
	do
		n = packet_wait(raw, &pkt, seen, LEN);
	while (n >= 0 && (n != LEN || pkt.src_port != port_of(&own)));
	if (n < 0)
		return n;
	return pattern_differs(seen, LEN, number) < 0 ? 0 : -EBADMSG;
}

static int go_raw(int number, int held)
{
	int raw = raw_socket(), fd[2], err;

	(void)held;
	if (raw < 0)
		return raw == -EAFNOSUPPORT ? 0 : raw;
	err = pair_of_type(&family_kite, types[number % 3], fd);
	if (!err) {
		err = watch_pair(number, raw, fd);
		close_pair(number, fd);
	}
	close(raw);
	return err ?: 1;
}

/*
 * A file of /proc, open from one round to the next: when the module goes, it does not. What
 * a read says then is @gone.
 */
struct file {
	const char *path;
	int gone;
	int fd;
	char text[1 << 16];
};

static ssize_t read_file(struct file *f)
{
	size_t len = 0;
	ssize_t n;

	if (f->fd < 0)
		f->fd = ERR(open(f->path, O_RDONLY | O_CLOEXEC));
	if (f->fd < 0)
		return f->fd;
	do {
		n = ERR(pread(f->fd, f->text + len, sizeof(f->text) - 1 - len, len));
		if (n < 0) {
			close(f->fd);
			f->fd = -1;
			return n == -f->gone ? -ENOENT : n;
		}
		len += n;
	} while (n > 0);
	f->text[len] = '\0';
	return len;
}

/* 1 if it was read, 0 without kite.ko, or the error. */
static int ask_file(struct file *f, int held)
{
	ssize_t n = read_file(f);

	/* It may be what a module had that is gone. */
	if (n == -ENOENT && held >= 0)
		n = read_file(f);
	if (n == -ENOENT && held < 0)
		return 0;
	return n > 0 ? 1 : n ?: -ENODATA;
}

static int go_proc(int number, int held)
{
	static struct file file = { "/proc/net/kite", EIO, -1, "" };
	int ret = ask_file(&file, held);
	char column[16];
	struct stat st;

	(void)number;
	if (ret <= 0)
		return ret;
	if (strncmp(file.text, "Type ", 5))
		return -EBADMSG;
	if (held < 0)
		return 1;
	if (fstat(held, &st))
		return -errno;
	snprintf(column, sizeof(column), " %10lu ", st.st_ino);
	return strstr(file.text, column) ? 1 : -ENODATA;
}

static int go_sysctl(int number, int held)
{
	static struct file file = { "/proc/sys/net/kite/rmem_max", ENOENT, -1, "" };
	int ret = ask_file(&file, held);

	(void)number;
	if (ret <= 0)
		return ret;
	return atoi(file.text) > 0 ? 1 : -EBADMSG;
}

/* A module that is being loaded has sockets before sock_diag can be asked for them. */
static bool is_live(void)
{
	char state[8] = "";
	FILE *f = fopen("/sys/module/kite/initstate", "re");

	if (!f)
		return false;
	if (!fgets(state, sizeof(state), f))
		state[0] = '\0';
	fclose(f);
	return !strcmp(state, "live\n");
}

/* A dump: of all, or of the one that is held. */
static int dump(int nl, int held)
{
	struct kite_diag_req req = diag_req();
	static struct diag d;
	struct stat st;
	int n;

	if (held >= 0) {
		n = BECOMES(true, is_live()) ? diag_name(held, &req) : -ETIME;
		if (n)
			return n;
	}
	n = diag_all(nl, &req, &d, 1);
	if (held < 0)
		return n == -ENOENT ? 0 : n < 0 ? n : 1;
	if (n != 1)
		return n < 0 ? n : -EBADMSG;
	if (fstat(held, &st))
		return -errno;
	return d.msg.kdm_ino == st.st_ino ? 1 : -EBADMSG;
}

static int go_diag(int number, int held)
{
	int nl = diag_open(), ret;

	(void)number;
	if (nl < 0)
		return nl;
	ret = dump(nl, held);
	close(nl);
	return ret;
}

/* And one that nobody reads, which has the module until who asked for it is freed. */
static int go_unread(int number, int held)
{
	struct kite_diag_req req = diag_req();
	int nl = diag_open(), ret;

	(void)number;
	if (nl < 0)
		return nl;
	ret = dump(nl, held);
	if (ret > 0)
		ret = diag_send(nl, SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, &req, sizeof(req)) ?: 1;
	close(nl);
	return ret;
}

/* Of what is held, which gets an address. */
static int go_events(int number, int held)
{
	int nl = event_open(), err;
	struct address addr;
	struct diag d;

	(void)number;
	if (nl < 0)
		return nl == -ENOENT && held < 0 ? 0 : nl;
	if (held >= 0) {
		family_kite.any(&addr);
		err = bind_to(held, &addr) ?: event_wait(nl, &d);
		if (err) {
			close(nl);
			return err;
		}
	}
	close(nl);
	return 1;
}

enum { WAYS = 8 };

static struct way ways[WAYS] = {
	{ .name = "talk",	.go = go_talk, .makes_sockets = true },
	{ .name = "poll",	.go = go_poll, .makes_sockets = true },
	{ .name = "raw",	.go = go_raw, .makes_sockets = true },
	{ .name = "proc",	.go = go_proc },
	{ .name = "sysctl",	.go = go_sysctl },
	{ .name = "diag",	.go = go_diag },
	{ .name = "unread",	.go = go_unread, .makes_sockets = true },
	{ .name = "events",	.go = go_events },
};

/* Every other time with a socket, if they are to be had. Returns whether it was there. */
static bool go(struct way *way, int number, bool hold)
{
	int held = hold ? kite_socket(SOCK_STREAM) : -1, ret;

	if (hold && held < 0 && held != -EAFNOSUPPORT)
		ret = held;
	else
		ret = way->go(number, held);
	if (ret < 0) {
		printf("round %d: %s%s: %s\n", number, way->name,
		       held >= 0 ? " with a socket" : "", strerror(-ret));
		exit(1);
	}
	if (held >= 0)
		close(held);
	way->found += ret;
	way->missed += !ret;
	return ret;
}

static bool told_to_stop(void)
{
	return revents_for(STDIN_FILENO, POLLIN);
}

/* What uses the module for no longer than a system call. */
static void pause_while(const char *file)
{
	int i;

	for (i = 0; !access(file, F_OK) && !told_to_stop(); i++) {
		if (!ways[i % WAYS].makes_sockets)
			go(&ways[i % WAYS], i, false);
		usleep(1000);
	}
}

int main(int argc, char **argv)
{
	int i;

	for (i = 0; !told_to_stop(); i++) {
		if (argc > 1)
			pause_while(argv[1]);
		if (!go(&ways[i % WAYS], i, i / WAYS % 2))
			usleep(1000);
		/* Nobody can unload what is always in use. */
		if (i % 20 == 19)
			usleep(100000);
	}
	for (i = 0; i < WAYS; i++)
		printf("%s %d %d%s", ways[i].name, ways[i].found, ways[i].missed,
		       i < WAYS - 1 ? ", " : "\n");
	return 0;
}
