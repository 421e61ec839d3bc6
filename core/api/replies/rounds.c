/* SPDX-License-Identifier: Apache-2.0 */
#include "core/api/replies/rounds.h"

void rounds_init(struct rounds *rounds, struct loop *loop, void (*begin)(struct rounds *rounds),
		 void (*late)(struct pending_reply *reply))
{
	*rounds = (struct rounds){ .begin = begin };
	reply_queue_init(&rounds->queue, loop, late);
}

static void begin_next(struct rounds *rounds)
{
	if (rounds->under_way || list_empty(&rounds->queue.waiting))
		return;
	rounds->under_way = true;
	rounds->number++;
	rounds->begin(rounds);
}

void rounds_join(struct rounds *rounds, struct pending_reply *reply, uint64_t due_ms)
{
	reply->round = rounds->number + 1;
	reply_wait(reply, &rounds->queue, due_ms);
	begin_next(rounds);
}

struct pending_reply *rounds_next(struct rounds *rounds)
{
	struct pending_reply *first = reply_queue_first(&rounds->queue);

	return first && first->round <= rounds->number ? first : NULL;
}

void rounds_over(struct rounds *rounds)
{
	rounds->under_way = false;
	begin_next(rounds);
}
