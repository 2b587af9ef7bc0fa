// SPDX-License-Identifier: GPL-2.0
/*
 * The tracepoints of trace.h are made here.
 */
#include "af_kite.h"

#define CREATE_TRACE_POINTS
#include "trace.h"
