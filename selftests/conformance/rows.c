// SPDX-License-Identifier: GPL-2.0
/* The list of rows. They add themselves before main() runs. */

#include <stdlib.h>

#include "conformance.h"

const struct row *rows[MAX_ROWS];
int nr_rows;

void row_add(const struct row *row)
{
	if (nr_rows == MAX_ROWS)
		abort();
	rows[nr_rows++] = row;
}

/* The row of that name, or NULL. */
const struct row *row_find(const char *name)
{
	int i;

	for (i = 0; i < nr_rows; i++)
		if (!strcmp(rows[i]->name, name))
			return rows[i];
	return NULL;
}
