/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One question to the outside for all who want the answer: who comes while it is under way waits
 * for the next one, because the answer that comes may be older than what they did. So two rounds
 * answer any number.
 */
#pragma once

#include "core/api/replies/reply.h"

struct rounds {
	struct reply_queue queue;
	unsigned number; /* of the last round that began */
	bool under_way;
	/* Asks; rounds_over() follows, later. */
	void (*begin)(struct rounds *rounds);
};

/* @late: as in struct reply_queue. */
void rounds_init(struct rounds *rounds, struct loop *loop, void (*begin)(struct rounds *rounds),
		 void (*late)(struct pending_reply *reply));

/* The reply waits for a round that begins from now on. */
void rounds_join(struct rounds *rounds, struct pending_reply *reply, uint64_t due_ms);

/* The next one of those for which the round was that is under way; NULL when none is left. */
struct pending_reply *rounds_next(struct rounds *rounds);

/* The round is over, and those were told for which it was. The next one begins, if somebody waits
 * for it. */
void rounds_over(struct rounds *rounds);
