/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The families that the tests run against.
 *
 * A test of something that Kite has in common with AF_UNIX or TCP has one body
 * and runs against these too: they are the oracles. A test that fails on its
 * oracle is a wrong test. Where AF_UNIX and TCP differ, the test says with
 * by_family() what each of the three does, and whom Kite follows.
 */
#ifndef KITE_SELFTESTS_FAMILY_H
#define KITE_SELFTESTS_FAMILY_H

#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <linux/kite.h>

/* Predefined by gcc in the name of times gone by; here it names a variant. */
#undef unix

struct address {
	union {
		struct sockaddr sa;
		struct sockaddr_kite kite;
		struct sockaddr_un un;
		struct sockaddr_in in;
		struct sockaddr_storage storage;
	};
	socklen_t len;
};

/**
 * struct family - one family under test
 * @name: as the tests' names have it
 * @domain: the first argument of socket()
 * @missing: why it cannot be tested here, or NULL if it can
 * @any: an address to bind to that asks for any free one on this node
 * @elsewhere: like @any, on a node that does not exist, or NULL
 */
struct family {
	const char *name;
	int (*domain)(void);
	const char *(*missing)(void);
	void (*any)(struct address *addr);
	void (*elsewhere)(struct address *addr);
};

extern const struct family family_kite;
extern const struct family family_unix;
extern const struct family family_inet;

static inline bool is_kite(const struct family *f)
{
	return f == &family_kite;
}

static inline bool is_unix(const struct family *f)
{
	return f == &family_unix;
}

static inline bool is_inet(const struct family *f)
{
	return f == &family_inet;
}

/* What a test expects, where the families differ. */
static inline long by_family(const struct family *f, long kite, long un, long in)
{
	if (is_kite(f))
		return kite;
	return is_unix(f) ? un : in;
}

void kite_address(struct address *addr, unsigned int port, unsigned int node);
void inet_address(struct address *addr, unsigned int port, unsigned int host);

const char *kite_alone(void);
bool peer_is_known(const struct family *f);
int module_users(void);
int refusal(const struct family *f);
int option_level(const struct family *f);
void settle(const struct family *f);
int stream_socket(const struct family *f);
int bind_to(int fd, const struct address *addr);
int connect_to(int fd, const struct address *addr);
int name_of(int fd, struct address *addr);
int peer_of(int fd, struct address *addr);
bool same_address(const struct address *a, const struct address *b);
unsigned int port_of(const struct address *addr);

int socket_at(const struct family *f, int type, struct address *addr);
int bound_socket(const struct family *f, struct address *addr);
int listener_with(const struct family *f, int backlog, int rcvbuf,
		  struct address *addr);
int listener(const struct family *f, int backlog, struct address *addr);
int unused_address(const struct family *f, struct address *addr);
int connector(const struct family *f, const struct address *addr);
int connected_pair_with(const struct family *f, int bufsize, int fd[2]);
int connected_pair(const struct family *f, int fd[2]);
int typed_pair(const struct family *f, int type, int fd[2]);
int small_pair(const struct family *f, int fd[2]);
int pair_of_type(const struct family *f, int type, int fd[2]);
ssize_t fill(const struct family *f, int fd);

struct async;
void async_connect(struct async *a, int fd, const struct address *addr);

#endif /* KITE_SELFTESTS_FAMILY_H */
