/* SPDX-License-Identifier: GPL-2.0 */
/* What the kernel says of its own bugs. */
#ifndef KITE_FUZZ_REPORTS_H
#define KITE_FUZZ_REPORTS_H

#include <stdbool.h>

void reports_open(void);
bool reports_any(void);

#endif /* KITE_FUZZ_REPORTS_H */
