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

bool peer_is_known(const struct family *f);
int refusal(const struct family *f);
int stream_socket(const struct family *f);
int bind_to(int fd, const struct address *addr);
int connect_to(int fd, const struct address *addr);
int name_of(int fd, struct address *addr);
int peer_of(int fd, struct address *addr);
bool same_address(const struct address *a, const struct address *b);
unsigned int port_of(const struct address *addr);

int bound_socket(const struct family *f, struct address *addr);
int listener_with(const struct family *f, int backlog, int rcvbuf,
		  struct address *addr);
int listener(const struct family *f, int backlog, struct address *addr);
int unused_address(const struct family *f, struct address *addr);
int connector(const struct family *f, const struct address *addr);
int connected_pair_with(const struct family *f, int bufsize, int fd[2]);
int connected_pair(const struct family *f, int fd[2]);
int small_pair(const struct family *f, int fd[2]);
ssize_t fill(const struct family *f, int fd);

struct async;
void async_connect(struct async *a, int fd, const struct address *addr);

/* The families that a fixture's tests run against: its variants. */
#define FAMILY_VARIANT(fixture, family)				\
	FIXTURE_VARIANT_ADD(fixture, family) {			\
		.f = &family_ ## family,			\
	}

#define KITE(fixture)						\
	FIXTURE_VARIANT(fixture) { const struct family *f; };	\
	FAMILY_VARIANT(fixture, kite)

#define KITE_UNIX(fixture)					\
	KITE(fixture);						\
	FAMILY_VARIANT(fixture, unix)

#define KITE_INET(fixture)					\
	KITE(fixture);						\
	FAMILY_VARIANT(fixture, inet)

#define KITE_UNIX_INET(fixture)					\
	KITE_UNIX(fixture);					\
	FAMILY_VARIANT(fixture, inet)

/* For FIXTURE_SETUP(): skip the test where the family is not there. */
#define REQUIRE_FAMILY(family)					\
do {								\
	const char *__why = (family)->missing();		\
								\
	if (__why)						\
		SKIP(return, "%s", __why);			\
} while (0)

/*
 * A fixture that is nothing but the family. @families is one of the lists
 * above.
 */
#define FAMILY_FIXTURE(fixture, families)			\
	FIXTURE(fixture) { const struct family *f; };		\
	families(fixture);					\
	FIXTURE_SETUP(fixture)					\
	{							\
		REQUIRE_FAMILY(variant->f);			\
		self->f = variant->f;				\
	}							\
	FIXTURE_TEARDOWN(fixture) { }

/*
 * A fixture that is a connection, made by @make: @c called connect(), @s came
 * from accept(). What a test leaves open is closed by its exit.
 */
#define PAIR_FIXTURE_BY(fixture, families, make)		\
	FIXTURE(fixture) {					\
		const struct family *f;				\
		int fd[2], c, s;				\
	};							\
	families(fixture);					\
	FIXTURE_SETUP(fixture)					\
	{							\
		REQUIRE_FAMILY(variant->f);			\
		self->f = variant->f;				\
		ASSERT_EQ(0, make(self->f, self->fd));		\
		self->c = self->fd[0];				\
		self->s = self->fd[1];				\
	}							\
	FIXTURE_TEARDOWN(fixture) { }

/* with buffers as the system gives them */
#define PAIR_FIXTURE(fixture, families)				\
	PAIR_FIXTURE_BY(fixture, families, connected_pair)

/* with small buffers, for tests that fill them */
#define SMALL_PAIR_FIXTURE(fixture, families)			\
	PAIR_FIXTURE_BY(fixture, families, small_pair)

#endif /* KITE_SELFTESTS_FAMILY_H */
