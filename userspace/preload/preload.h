/* SPDX-License-Identifier: GPL-2.0 */
/*
 * libkite-preload.so: what a program does with AF_INET, AF_INET6 and AF_VSOCK on
 * one machine, it does with Kite.
 *
 * A socket of these families is a Kite socket from the start. It becomes one of
 * the family that was asked for when the program binds it or sends it to an address
 * that is not of this machine's loopback (native.c).
 *
 * What there is to know of such a socket is kept in the socket itself (tag.c), not
 * in a table by descriptor. So close, dup, fork, exec, and descriptors that come
 * from other processes need no care, and there are no locks.
 */
#ifndef KITE_PRELOAD_H
#define KITE_PRELOAD_H

#include <dlfcn.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include <linux/kite.h>

/* A function that takes the place of the C library's. */
#define REPLACES	__attribute__((visibility("default")))

/* The function of that name that would be called without us. */
#define REAL(name) ({							\
	static __typeof__(name) *real_##name;				\
									\
	if (!__atomic_load_n(&real_##name, __ATOMIC_RELAXED))		\
		__atomic_store_n(&real_##name,				\
				 (__typeof__(name) *)dlsym(RTLD_NEXT, #name), \
				 __ATOMIC_RELAXED);			\
	real_##name;							\
})

/* 127.0.0.1, as the lower three bytes of an address; 0 stands for any. */
#define HOST_LOOPBACK	1U

/*
 * IP has ports for each address, Kite has them once. A program that listens to one
 * port at an address of IPv4 and at one of IPv6 has the second at this port of Kite:
 * the port, and above it the family. Who connects tries there first.
 */
#define ALIAS_V4	0xfff40000U
#define ALIAS_V6	0xfff60000U
#define ALIAS_MASK	0xffff0000U

/* What a socket is for its program. */
enum kind {
	KIND_V4,
	KIND_V6,
	KIND_V6_MAPPED,		/* AF_INET6, with addresses as ::ffff:127.0.0.1 */
	KIND_VSOCK,
};

/**
 * struct tag - what is to be known of a Kite socket that stands for another
 * @kind: for what
 * @v6only: IPV6_V6ONLY
 * @bound: it has a port
 * @host: the local address that the program asked for: 24 bits of 127.0.0.0/8, and 1
 *	for ::1; 0 is any
 */
struct tag {
	enum kind kind;
	bool v6only;
	bool bound;
	uint32_t host;
};

/**
 * struct name - an address as its program means it
 * @host: as in struct tag
 * @port: in host byte order
 * @mapped: an IPv4 address in IPv6
 */
struct name {
	uint32_t host;
	uint16_t port;
	bool mapped;
};

/**
 * struct map - one --map
 * @port: the program's
 * @kite_port: Kite's
 * @kite_node: and the node; 0 if none was given
 */
struct map {
	uint16_t port;
	uint32_t kite_port;
	uint32_t kite_node;
};

#define MAPS_MAX	32

/**
 * struct config - what "kite run" was told
 * @family: the number of Kite; 0 if there is nothing to do
 * @verbose: tell on stderr
 * @count: how many are in @maps
 * @maps: --map
 */
struct config {
	int family;
	bool verbose;
	unsigned int count;
	struct map maps[MAPS_MAX];
};

/* config.c */
const struct config *config(void);
void tell(const char *what, int fd, const struct tag *tag,
	  const struct sockaddr_kite *kite);

/* tag.c */
bool tag_get(int fd, struct tag *tag);
bool tag_set(int fd, const struct tag *tag);
int tag_domain(const struct tag *tag);

/* address.c */
enum place { PLACE_HERE, PLACE_ELSEWHERE, PLACE_WRONG };

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
	struct sockaddr_kite kite;
	struct sockaddr_storage storage;
};

enum place name_parse(struct name *name, const struct tag *tag,
		      const struct sockaddr *addr, socklen_t len, bool dgram);
void name_to_kite(struct sockaddr_kite *kite, const struct name *name, bool local);
socklen_t name_from_kite(union address *to, const struct tag *tag,
			 const struct sockaddr_kite *kite, bool local);
socklen_t name_to_native(union address *to, const struct tag *tag,
			 const struct name *name);
enum place vsock_parse(struct sockaddr_kite *kite, const struct sockaddr *addr,
		       socklen_t len);
int address_give(struct sockaddr *to, socklen_t *room, const union address *from,
		 socklen_t len);

/* port.c */
int port_bind(int fd, const struct tag *tag, const struct name *name);
int port_autobind(int fd, struct tag *tag, uint32_t node);
int port_connect(int fd, struct tag *tag, const struct sockaddr_kite *to);

/* memory.c */
#define LEVEL_OWN	0xffff	/* what is no option, but remembered as one */
#define OWN_PEER	0	/* 24 bits of the peer's address, if not 127.0.0.1 */
void memory_add(int fd, int level, int option, const void *value, socklen_t len);
bool memory_has(int fd, int level, int option);
bool memory_get(int fd, int level, int option, void *value, socklen_t *len);
void memory_replay(int from, int to, bool kite);

/* native.c */
int native_twin(int fd, const struct tag *tag);
bool native_become(int fd, const struct tag *tag);
bool native_renew(int fd, struct tag *tag);

/* epoll.c */
struct registration;
struct registration *epoll_save(int fd);
void epoll_restore(int fd, struct registration *saved);

/* what several ask of a socket */
bool socket_is_dgram(int fd);
bool socket_is_connected(int fd);

/* options.c */
bool options_pktinfo_used(void);
bool options_want_pktinfo(int fd, int level);

/* The C library's, which its headers keep to themselves. */
ssize_t __recvfrom_chk(int fd, void *data, size_t len, size_t room, int flags,
		       struct sockaddr *addr, socklen_t *addrlen);
void __chk_fail(void);

#endif /* KITE_PRELOAD_H */
