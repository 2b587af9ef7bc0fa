/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A module that uses Kite as others use TCP from inside the kernel, and tells in
 * the kernel's log, as KTAP, how that went.
 */
#ifndef KITE_USERS_H
#define KITE_USERS_H

#include <linux/completion.h>
#include <linux/in.h>
#include <linux/kernel.h>
#include <linux/kthread.h>
#include <linux/net.h>
#include <linux/socket.h>
#include <linux/string.h>
#include <net/net_namespace.h>
#include <net/sock.h>
#include <net/tcp_states.h>

#include <linux/kite.h>

/* The test ends and has failed. */
#define CHECK(condition) do {						\
	if (!(condition)) {						\
		pr_info("# %s:%d: not so: " #condition "\n",		\
			__func__, __LINE__);				\
		return false;						\
	}								\
} while (0)

/**
 * struct call - something that another thread does to a socket
 * @what: what it does
 * @sock: the socket
 * @addr: where connect() goes
 * @done: it has returned
 * @ret: what it returned
 */
struct call {
	int (*what)(struct call *call);
	struct socket *sock;
	struct sockaddr_kite *addr;
	struct completion done;
	int ret;
};

/* main.c */
extern int family;
void result(const char *name, bool good);
void call_begin(struct call *call, int (*what)(struct call *call),
		struct socket *sock);
int call_end(struct call *call);
int call_recv(struct call *call);
int call_accept(struct call *call);
int call_connect(struct call *call);
struct socket *make(struct net *net, int type);
struct socket *make_listener(struct net *net, int type, int backlog,
			     struct sockaddr_kite *addr);
struct socket *make_connection(struct net *net, struct socket *listener,
			       struct sockaddr_kite *addr, struct socket **accepted);
struct socket *accept_one(struct socket *listener);
void forget_all(void);
int name_of(struct socket *sock, struct sockaddr_kite *addr);
int bind_any(struct socket *sock);
int send_text(struct socket *sock, const char *text, int flags,
	      struct sockaddr_kite *to);
int recv_text(struct socket *sock, char *buf, size_t size, int *flags,
	      struct sockaddr_kite *from);

/* calls.c */
void test_calls(void);

/* namespace.c */
bool namespace_leave(struct net *net);
int namespace_closing(struct net *net);
void namespace_return(void);

/* mute.c */
int mute_request(struct net *net, const struct sockaddr_kite *to);
void mute_end(void);

#endif /* KITE_USERS_H */
