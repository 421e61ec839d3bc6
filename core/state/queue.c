/* SPDX-License-Identifier: Apache-2.0 */
#include "core/state/queue.h"

#include "core/state/engine.h"

void queue_init(struct queue *queue, struct loop *loop, struct progress *progress,
		void (*work)(struct queue *, struct object *))
{
	*queue = (struct queue){ .loop = loop, .progress = progress, .work = work };
	list_init(&queue->ready);
}

static void drain(struct deferred *deferred)
{
	struct queue *queue = container_of(deferred, struct queue, drain);
	struct list batch, *link;

	list_swap_out(&queue->ready, &batch);
	while ((link = list_pop(&batch)))
		queue->work(queue, list_entry(link, struct object, queued));
	progress_made(queue->progress);
}

void queue_add(struct queue *queue, struct object *object)
{
	if (list_linked(&object->queued))
		return;
	list_append(&queue->ready, &object->queued);
	loop_defer(queue->loop, &queue->drain, drain);
}

static void on_wake(struct timer *timer)
{
	struct object *object = container_of(timer, struct object, wake);

	queue_add(object->queue, object);
}

void queue_add_at(struct queue *queue, struct object *object, uint64_t at_ms)
{
	object->queue = queue;
	if (at_ms)
		timer_start_at(queue->loop, &object->wake, at_ms, on_wake);
	else
		timer_stop(&object->wake);
}

void queue_remove(struct queue *queue UNUSED, struct object *object)
{
	list_remove(&object->queued);
	timer_stop(&object->wake);
}
