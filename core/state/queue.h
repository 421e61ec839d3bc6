/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The work queue: which objects are to be looked at. An object is in it at most once; the order is
 * that of asking. Drained on the next turn of the loop over a swapped list, so one round sees the
 * facts of the round before.
 */
#pragma once

#include "core/loop/progress.h"

struct object;

struct queue {
	struct loop *loop;
	struct list ready; /* struct object.queued */
	struct deferred drain;
	struct progress *progress; /* made whenever a round is over */
	void (*work)(struct queue *queue, struct object *object);
};

void queue_init(struct queue *queue, struct loop *loop, struct progress *progress,
		void (*work)(struct queue *, struct object *));
void queue_add(struct queue *queue, struct object *object);

/* Adds the object at @at_ms (loop time), or never when 0; replaces what was asked before. */
void queue_add_at(struct queue *queue, struct object *object, uint64_t at_ms);
void queue_remove(struct queue *queue, struct object *object);
