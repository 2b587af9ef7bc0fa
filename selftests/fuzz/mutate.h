/* SPDX-License-Identifier: GPL-2.0 */
/* Packets that nearly make sense. */
#ifndef KITE_FUZZ_MUTATE_H
#define KITE_FUZZ_MUTATE_H

#include <stddef.h>

#include "../packet.h"
#include "random.h"
#include "world.h"

/* What is sent: more than a packet may be. */
#define MUTANT_MAX	(sizeof(struct kite_hdr) + KITE_MAX_PAYLOAD + 64)

int mutate_record(void);
size_t mutate(struct random *r, const struct world *w, unsigned char *out);

#endif /* KITE_FUZZ_MUTATE_H */
