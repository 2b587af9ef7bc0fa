// SPDX-License-Identifier: GPL-2.0
/*
 * Socket options that the program set, for those that mean nothing to Kite and for
 * a socket that becomes another's. Nothing else depends on it: what does not find
 * room, or was set by another process, has its default.
 *
 * A few for each descriptor, believed only if the socket is still the same, by its
 * SO_COOKIE. Pages are taken when they are touched, and there are no locks: two
 * threads that set the options of one socket at once have themselves to thank.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "preload.h"

#define OPTIONS_MAX	24	/* of a socket */
#define VALUE_MAX	16	/* bytes of an option */
#define CHUNK		64	/* sockets */
#define CHUNKS		1024

struct remembered {
	uint16_t level;
	uint8_t option;
	uint8_t len;
	uint8_t value[VALUE_MAX];
};

struct memory {
	uint64_t cookie;
	unsigned int count;
	struct remembered options[OPTIONS_MAX];
};

static struct memory *chunks[CHUNKS];

static uint64_t memory_cookie(int fd)
{
	uint64_t cookie = 0;
	socklen_t len = sizeof(cookie);

	REAL(getsockopt)(fd, SOL_SOCKET, SO_COOKIE, &cookie, &len);
	return cookie;
}

/* The place of a descriptor; NULL without memory for it. */
static struct memory *memory_at(int fd, bool create)
{
	struct memory **chunk, *made, *none = NULL;
	size_t size = CHUNK * sizeof(*made);

	if (fd < 0 || fd >= CHUNK * CHUNKS)
		return NULL;
	chunk = &chunks[fd / CHUNK];
	if (!__atomic_load_n(chunk, __ATOMIC_ACQUIRE) && create) {
		made = mmap(NULL, size, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (made == MAP_FAILED)
			return NULL;
		if (!__atomic_compare_exchange_n(chunk, &none, made, false,
						 __ATOMIC_RELEASE, __ATOMIC_RELAXED))
			munmap(made, size);
	}
	made = __atomic_load_n(chunk, __ATOMIC_ACQUIRE);
	return made ? &made[fd % CHUNK] : NULL;
}

/* It may be known by another descriptor. */
static struct memory *memory_elsewhere(uint64_t cookie)
{
	for (int i = 0; i < CHUNKS; i++) {
		struct memory *chunk = __atomic_load_n(&chunks[i], __ATOMIC_ACQUIRE);

		for (int j = 0; chunk && j < CHUNK; j++) {
			if (chunk[j].cookie == cookie)
				return &chunk[j];
		}
	}
	return NULL;
}

static struct memory *memory_find(int fd, bool create)
{
	struct memory *memory = memory_at(fd, create), *known;
	uint64_t cookie = memory_cookie(fd);

	if (!cookie)
		return NULL;
	if (memory && memory->cookie == cookie)
		return memory;
	known = memory_elsewhere(cookie);
	if (known || !create || !memory)
		return known;
	memory->count = 0;
	memory->cookie = cookie;
	return memory;
}

static struct remembered *memory_option(struct memory *memory, int level, int option)
{
	for (unsigned int i = 0; memory && i < memory->count; i++) {
		struct remembered *r = &memory->options[i];

		if (r->level == level && r->option == option)
			return r;
	}
	return NULL;
}

/**
 * memory_add - remember an option
 * @fd: the socket
 * @level: its level
 * @option: its name
 * @value: what the program set it to
 * @len: the length of that
 *
 * errno is left alone.
 */
void memory_add(int fd, int level, int option, const void *value, socklen_t len)
{
	struct remembered *r;
	struct memory *memory;
	int saved = errno;

	if (len > VALUE_MAX || (len && !value) || option > UINT8_MAX)
		return;
	memory = memory_find(fd, true);
	r = memory_option(memory, level, option);
	if (!r && memory && memory->count < OPTIONS_MAX) {
		r = &memory->options[memory->count++];
		r->level = level;
		r->option = option;
	}
	if (r) {
		memcpy(r->value, value, len);
		r->len = len;
	}
	errno = saved;
}

/**
 * memory_has - was an option set to something that is not 0?
 * @fd: the socket
 * @level: its level
 * @option: its name
 *
 * Return: whether it was, as far as is known; errno is left alone.
 */
bool memory_has(int fd, int level, int option)
{
	static const uint8_t zero[VALUE_MAX];
	int saved = errno;
	const struct remembered *r =
		memory_option(memory_find(fd, false), level, option);

	errno = saved;
	return r && memcmp(r->value, zero, r->len);
}

/**
 * memory_get - what was an option set to?
 * @fd: the socket
 * @level: its level
 * @option: its name
 * @value: where that goes
 * @len: how much room there is; becomes how much there was
 *
 * Return: whether it is known; errno is left alone.
 */
bool memory_get(int fd, int level, int option, void *value, socklen_t *len)
{
	int saved = errno;
	const struct remembered *r =
		memory_option(memory_find(fd, false), level, option);

	errno = saved;
	if (!r || !value || !len)
		return false;
	if (*len > r->len)
		*len = r->len;
	memcpy(value, r->value, *len);
	return true;
}

/**
 * memory_replay - set the options of a socket for another one, too
 * @from: the socket that has them
 * @to: the other
 * @kite: the other is one of Kite's, and those of IP mean nothing to it
 */
void memory_replay(int from, int to, bool kite)
{
	const struct memory *memory = memory_find(from, false);

	for (unsigned int i = 0; memory && i < memory->count; i++) {
		const struct remembered *r = &memory->options[i];

		if (r->level == LEVEL_OWN || (kite && r->level != SOL_SOCKET))
			continue;
		REAL(setsockopt)(to, r->level, r->option, r->value, r->len);
	}
}
