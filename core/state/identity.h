/* SPDX-License-Identifier: Apache-2.0 */
/* Which object of a name it is, and how often what it shall be has changed: metadata.uid,
 * metadata.generation and status.observedGeneration. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum { IDENTITY_UID_BYTES = 37 };

struct identity {
	char uid[IDENTITY_UID_BYTES]; /* random, for as long as it is wanted; "": it never was */
	uint64_t generation;          /* counts what it was wanted as, from 1 on */
	uint64_t changed;             /* engine.version when what is declared of it last changed */
	uint64_t observed;            /* the one that the planner has looked at last */
	bool over; /* it is wanted no more: what comes back under the name is another one */
};

/* It is wanted from now on: it is what it was, unless that is over. */
void identity_begin(struct identity *identity);

/* As the store has it; @uid NULL, "": it says nothing. */
void identity_restore(struct identity *identity, const char *uid, uint64_t generation);
