/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Fixtures that most tests share: a family, and a connection of a family.
 *
 * A fixture's variants are the families that its tests run against. The macros
 * here define things, so what follows them is a semicolon, which an innocent
 * "struct family" at their end takes. @type is the fixture.
 */
#ifndef KITE_SELFTESTS_FIXTURES_H
#define KITE_SELFTESTS_FIXTURES_H

#include "kselftest_harness.h"
#include "family.h"
#include "util.h"

/* What waits too long says so after PATIENCE_MS. A slow machine may take its time. */
#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT	600 /* seconds */

#define FAMILY_VARIANT(type, name)				\
	FIXTURE_VARIANT_ADD(type, name) {			\
		.f = &family_ ## name,				\
	};							\
	struct family

#define KITE(type)						\
	FIXTURE_VARIANT(type) { const struct family *f; };	\
	FAMILY_VARIANT(type, kite);				\
	struct family

#define KITE_UNIX(type)						\
	KITE(type);						\
	FAMILY_VARIANT(type, unix);				\
	struct family

#define KITE_INET(type)						\
	KITE(type);						\
	FAMILY_VARIANT(type, inet);				\
	struct family

#define KITE_UNIX_INET(type)					\
	KITE_UNIX(type);					\
	FAMILY_VARIANT(type, inet);				\
	struct family

/* For FIXTURE_SETUP(): skips the test, and says so, where there is no such family. */
static inline bool skip_family(struct __test_metadata *_metadata,
			       const struct family *f)
{
	const char *why = f->missing();

	if (why)
		SKIP(return true, "%s", why);
	return false;
}

/* A fixture that is nothing but the family; @families is one of the lists above. */
#define FAMILY_FIXTURE(type, families)				\
	FIXTURE(type) { const struct family *f; };		\
	families(type);						\
	FIXTURE_SETUP(type)					\
	{							\
		self->f = variant->f;				\
		skip_family(_metadata, self->f);		\
	}							\
	FIXTURE_TEARDOWN(type) { }				\
	struct family

static inline void make_pair_by(struct __test_metadata *_metadata,
				const struct family *f, int fd[2],
				int (*make)(const struct family *f, int fd[2]))
{
	if (!skip_family(_metadata, f))
		ASSERT_EQ(0, make(f, fd));
}

/*
 * A fixture that is a connection, made by @make: @c called connect(), @s came
 * from accept(). What a test leaves open is closed by its exit.
 */
#define PAIR_FIXTURE_BY(type, families, make)			\
	FIXTURE(type) {						\
		const struct family *f;				\
		int fd[2], c, s;				\
	};							\
	families(type);						\
	FIXTURE_SETUP(type)					\
	{							\
		self->f = variant->f;				\
		make_pair_by(_metadata, self->f, self->fd, make); \
		self->c = self->fd[0];				\
		self->s = self->fd[1];				\
	}							\
	FIXTURE_TEARDOWN(type) { }				\
	struct family

/* with buffers as the system gives them */
#define PAIR_FIXTURE(type, families)				\
	PAIR_FIXTURE_BY(type, families, connected_pair)

/* with small buffers, for tests that fill them */
#define SMALL_PAIR_FIXTURE(type, families)			\
	PAIR_FIXTURE_BY(type, families, small_pair)

/*
 * A fixture that is two sockets of one of several types; variants name family and
 * type: TYPE_VARIANT(transfer, kite, STREAM).
 */
#define TYPED_PAIR_FIXTURE(name)				\
	FIXTURE(name) {						\
		const struct family *f;				\
		int type, fd[2], c, s;				\
	};							\
	FIXTURE_VARIANT(name) {					\
		const struct family *f;				\
		int type;					\
	};							\
	FIXTURE_SETUP(name)					\
	{							\
		self->f = variant->f;				\
		self->type = variant->type;			\
		if (skip_family(_metadata, self->f))		\
			return;					\
		ASSERT_EQ(0, pair_of_type(self->f, self->type, self->fd)); \
		self->c = self->fd[0];				\
		self->s = self->fd[1];				\
	}							\
	FIXTURE_TEARDOWN(name) { }				\
	struct family

#define TYPE_VARIANT(fixture, name, socktype)			\
	FIXTURE_VARIANT_ADD(fixture, name ## _ ## socktype) {	\
		.f = &family_ ## name,				\
		.type = SOCK_ ## socktype,			\
	};							\
	struct family

#endif /* KITE_SELFTESTS_FIXTURES_H */
