/* SPDX-License-Identifier: GPL-2.0 */
/* All cells, and how they are written down. */
#ifndef KITE_CONFORMANCE_REPORT_H
#define KITE_CONFORMANCE_REPORT_H

#include "conformance.h"

/**
 * struct table - rows, families and types, and what came of them
 * @rows: the rows
 * @nr_rows: how many
 * @families: the columns, those with one name to compare with first
 * @nr_families: how many
 * @cells: one for each row, family and type
 */
struct table {
	const struct row **rows;
	int nr_rows;
	struct family *families;
	int nr_families;
	struct cell *cells;
};

static inline struct cell *table_cell(const struct table *t, int row, int family,
				      int type)
{
	return &t->cells[(row * t->nr_families + family) * NR_TYPES + type];
}

#define for_each_cell(t, cell)						\
	for (cell = (t)->cells;						\
	     cell < (t)->cells + (t)->nr_rows * (t)->nr_families * NR_TYPES; \
	     cell++)

const char *result_name(enum result result);
int table_write(const struct table *t, const char *dir);

#endif /* KITE_CONFORMANCE_REPORT_H */
