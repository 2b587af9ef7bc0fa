// SPDX-License-Identifier: GPL-2.0
/* /proc/net/kite_stat: see counters.h. */

#include <stdio.h>
#include <string.h>

#include "counters.h"

/* All of them; none if they cannot be read. */
void counters_read(struct counters *c)
{
	FILE *f = fopen("/proc/thread-self/net/kite_stat", "re");

	c->n = 0;
	while (f && c->n < COUNTERS_MAX &&
	       fscanf(f, "%31s %ld", c->c[c->n].name, &c->c[c->n].value) == 2)
		c->n++;
	if (f)
		fclose(f);
}

/* Its value, or -1 if there is none of this name. */
long counter_in(const struct counters *c, const char *name)
{
	int i;

	for (i = 0; i < c->n; i++)
		if (!strcmp(c->c[i].name, name))
			return c->c[i].value;
	return -1;
}

/* The same now. */
long counter(const char *name)
{
	struct counters now;

	counters_read(&now);
	return counter_in(&now, name);
}

/*
 * What is different now: "OutPkts+2 InPkts+1", in the kernel's order. So a test that
 * compares it sees what was not to be counted, too. The next call overwrites it.
 */
const char *counters_changed(const struct counters *before)
{
	static char text[COUNTERS_MAX * 48];
	struct counters now;
	size_t len = 0;
	int i;

	counters_read(&now);
	if (!now.n || now.n != before->n)
		return "no counters";
	text[0] = '\0';
	for (i = 0; i < now.n; i++)
		if (now.c[i].value != before->c[i].value)
			len += snprintf(text + len, sizeof(text) - len, "%s%s%+ld",
					len ? " " : "", now.c[i].name,
					now.c[i].value - before->c[i].value);
	return text;
}
