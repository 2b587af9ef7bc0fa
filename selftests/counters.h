/* SPDX-License-Identifier: GPL-2.0 */
/* /proc/net/kite_stat, for tests of what is counted: the calling thread's namespace. */
#ifndef KITE_SELFTESTS_COUNTERS_H
#define KITE_SELFTESTS_COUNTERS_H

#define COUNTERS_MAX	64

/**
 * struct counters - what has been counted at some time
 * @n: how many counters there are
 * @c: them, in the order in which the kernel shows them
 */
struct counters {
	int n;
	struct {
		char name[32];
		long value;
	} c[COUNTERS_MAX];
};

void counters_read(struct counters *c);
long counter_in(const struct counters *c, const char *name);
long counter(const char *name);
const char *counters_changed(const struct counters *before);

#endif /* KITE_SELFTESTS_COUNTERS_H */
