/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Which number does the family have?
 *
 * AF_KITE is 18 unless kite.ko was loaded with family=N. A program that must
 * work with any number asks the module, as this does. A program that will only
 * ever meet the default can write AF_KITE and leave this file out.
 */
#ifndef KITE_FAMILY_H
#define KITE_FAMILY_H

#include <err.h>
#include <stdio.h>
#include <stdlib.h>

static inline int kite_family(void)
{
	FILE *f = fopen("/sys/module/kite/parameters/family", "r");
	int family;

	if (!f)
		errx(1, "kite: module not loaded; try: sudo insmod kite.ko");
	if (fscanf(f, "%d", &family) != 1)
		errx(1, "kite: the module does not tell its family number");
	fclose(f);
	return family;
}

#endif /* KITE_FAMILY_H */
