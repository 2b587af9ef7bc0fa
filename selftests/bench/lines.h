/* SPDX-License-Identifier: GPL-2.0 */
/* What pairs.c, in the VM, and lines.c, around it, have to agree upon. */
#ifndef KITE_BENCH_LINES_H
#define KITE_BENCH_LINES_H

/* Two long forms of nop that no compiler uses. */
#define MARK_BEGIN	0x0f, 0x1f, 0x80, 0x6b, 0x69, 0x74, 0x31
#define MARK_END	0x0f, 0x1f, 0x80, 0x6b, 0x69, 0x74, 0x32

/* A cache line matters that is used in this many of the calls that send or receive. */
#define MARK_MESSAGES	500
#define MARK_OFTEN	(2 * MARK_MESSAGES / 5)

#endif /* KITE_BENCH_LINES_H */
