/* SPDX-License-Identifier: Apache-2.0 */
#include "core/status/status.h"

#include "core/base/log.h"
#include "core/base/wall.h"
#include "core/plan/plan.h"
#include "core/status/record.h"

/* ---- transitions ---- */

static void enqueue_children(struct engine *engine, const struct object *object)
{
	AUTO_FREE char *prefix = xasprintf("%s/", object->key);
	struct map_node *node = map_find_from(&engine->objects, prefix);

	for (; node && str_starts_with(node->key, prefix); node = map_next(node)) {
		struct object *child = map_entry(node, struct object, node);

		if (child->parent == object)
			engine_enqueue(engine, child);
	}
}

static void log_transition(const struct object *object, const struct plan *plan)
{
	enum log_level level = plan->state == API__STATE__STATE_FAILED ? LOG_WARNING : LOG_INFO;

	if (object->kind == KIND_CONTAINER)
		return;
	log_write(level, "%s %s is %s%s%s%s%s", kind_name(object->kind), object->key,
		  model_state_name(plan->state).text, plan->reason ? ": " : "",
		  reason_name(plan->reason), *plan->message ? ": " : "", plan->message);
}

/* True: it had not been before. */
static bool observe(struct object *object)
{
	struct identity *identity = &object->identity;
	struct container *c;

	if (identity->observed == identity->generation)
		return false;
	identity->observed = identity->generation;
	list_for_each(c, &object->cell.containers, link)
		c->identity.observed = c->identity.generation;
	return true;
}

bool status_update(struct engine *engine, struct object *object, const struct plan *plan)
{
	struct object_status *status = &object->status;
	bool state_changed = status->state != plan->state, was_usable = object_is_usable(object);
	bool observed = observe(object);

	if (!observed && !state_changed && status->reason == plan->reason &&
	    str_equal(status->message, plan->message))
		return false;
	if (state_changed || status->reason != plan->reason) {
		log_transition(object, plan);
		record_state(engine, object, plan);
	}
	if (object->kind == KIND_CELL) {
		engine->cells[status->state]--;
		engine->cells[plan->state]++;
	}
	status->state = plan->state;
	status->reason = plan->reason;
	free(status->message);
	status->message = xstrdup(plan->message);
	if (!status->created_ms)
		status->created_ms = wall_now_ms();
	if (plan->state == API__STATE__STATE_READY && !status->ready_ms)
		status->ready_ms = wall_now_ms();
	engine_changed(engine, object, false);
	if (state_changed || was_usable != object_is_usable(object))
		enqueue_children(engine, object);
	return state_changed || was_usable != object_is_usable(object);
}

void status_gone(struct engine *engine, struct object *object)
{
	if (object->spec && object->kind != KIND_CONTAINER)
		log_info("%s %s is deleted", kind_name(object->kind), object->key);
	if (object->kind != KIND_CONTAINER)
		record_deleted(engine, object);
	engine_changed(engine, object, true);
}
