/* SPDX-License-Identifier: Apache-2.0 */
#include "core/reconcile/reconcile.h"

#include "core/base/log.h"
#include "core/desired/refusal.h"
#include "core/desired/rivals.h"
#include "core/desired/stops.h"
#include "core/images/pulls_follow.h"
#include "core/network/joins.h"
#include "core/network/network_ports.h"
#include "core/plan/plan_cell.h"
#include "core/plan/stale_failures.h"
#include "core/reconcile/act.h"
#include "core/reconcile/forget.h"
#include "core/status/plan_context.h"
#include "core/status/record.h"
#include "core/status/status.h"
#include "core/store/store.h"
#include "core/updates/image_updates.h"

/* What is wanted now has not been tried yet if the action was begun before. */
static void fail(struct run *run)
{
	const struct error *err = &run->call.err;
	struct engine *engine = run->engine;
	struct slot *slot = run->slot;
	bool repeated = slot->failures && str_equal(slot->failure, err->msg);

	act_failed(run);
	if (!act_is_current(run))
		return;
	slot_failed(slot, run->action, err, loop_now_ms(engine->loop));
	if (repeated || engine->closing)
		return;
	log_warning("%s failed: %s key=%s container=%s", action_name(run->action), err->msg,
		    run->object->key, run->container ? run->container->name : "-");
	record_failure(engine, run->object, run->container, run->action, err);
}

static void finish(struct call *call)
{
	struct run *run = container_of(call, struct run, call);
	struct engine *engine = run->engine;
	struct object *object = run->object;
	struct slot *slot = run->slot;

	slot->busy = false;
	run->hinted = slot->changed_seq != run->seq;
	slot->changed_seq = ++engine->seq;
	engine->actions_done++;
	object->actions--;
	if (call->status == 0) {
		slot_succeeded(slot, run->action);
		act_succeeded(run);
	} else {
		fail(run);
	}
	engine_enqueue(engine, object);
	list_remove(&run->link);
	free(run);
	progress_made(&engine->progress);
	pending_end(&engine->under_way);
}

static void start(struct engine *engine, struct object *object, const struct plan_step *step)
{
	struct run *run = xnew(struct run);

	run->engine = engine;
	run->object = object;
	run->container = step->container;
	run->action = step->action;
	run->join = step->join;
	run->slot = act_slot(object, step);
	check(!run->slot->busy);
	if (run->action == ACTION_NETNS_CREATE)
		throttle_begin(&engine->throttle, &object->cell.ticket, loop_now_ms(engine->loop));
	run->slot->busy = true;
	run->slot->action = step->action;
	run->since = run->slot->changed_seq;
	run->seq = run->slot->changed_seq = ++engine->seq;
	object->actions++;
	list_append(&engine->runs, &run->link);
	pending_begin(&engine->under_way);
	call_init(&run->call, engine->loop, finish);
	log_debug("%s key=%s container=%s", action_name(run->action), object->key,
		  step->container ? step->container->name : "-");
	record_step(engine, step);
	act_start(run);
}

static void drop_gone_containers(struct engine *engine, struct object *object)
{
	struct container *container;

	list_for_each(container, &object->cell.containers, link)
		if (container_is_gone(container)) {
			pulls_leave(container);
			image_updates_leave(container);
			engine_remove_container(engine, container);
			engine_changed(engine, object, false);
		}
}

/* What was to be restarted is down; from now on it shall run. */
static void end_restart(struct engine *engine, struct object *object)
{
	bool whole = cell_intent(object) == INTENT_RESTART;
	struct container *c;

	object->cell.run = object->cell.run == INTENT_RESTART ? INTENT_RUN : object->cell.run;
	list_for_each(c, &object->cell.containers, link) {
		bool met = c->run == INTENT_RESTART && c->task == TASK_NONE;

		if (met)
			c->run = INTENT_RUN;
		if (met || whole)
			container_forget_past(c);
	}
	engine_changed(engine, object, false);
	engine_enqueue(engine, object);
}

/* It comes up, as far as is seen: not yet there, and nothing of it has failed. */
static bool comes_up(const struct object *object)
{
	const struct cell *cell = &object->cell;
	const struct container *root = cell_root(object);

	return root && !root->pull.pull && (cell->network.busy || (cell->pinned && cell->fresh)) &&
	       (root->task == TASK_NONE || root->task == TASK_CREATED) && !root->slot.failures &&
	       !cell->network.failures && !cell_joins_failed(object) &&
	       !cell_waits_for_space(object);
}

/* Whoever is done, or has failed, makes room for the one that waits longest. */
static void keep_turn(struct engine *engine, struct object *object, bool waits)
{
	struct throttle *throttle = &engine->throttle;
	struct ticket *ticket = &object->cell.ticket, *next;

	if (waits)
		throttle_wait(throttle, ticket);
	else if (!(ticket->begun && comes_up(object)))
		throttle_end(throttle, ticket);
	next = throttle_first_waiting(throttle);
	if (next && throttle_may_begin(throttle, loop_now_ms(engine->loop)))
		engine_enqueue(engine, container_of(next, struct object, cell.ticket));
}

void reconcile_object(struct engine *engine, struct object *object)
{
	const struct plan_context context = plan_context_of(engine);
	struct plan plan;

	drop_gone_containers(engine, object);
	ports_settle(engine);
	joins_prepare(engine, object);
	rivals_prepare(engine, object);
	refusal_prepare(object);
	pulls_prepare(engine, object);
	stale_failures_clear(object);
	stops_end_unwanted(engine, object);
	plan_object(object, &context, &plan);
	for (size_t i = 0; i < plan.n_steps; i++)
		start(engine, object, &plan.steps[i]);
	pulls_follow(engine, object, &plan);
	keep_turn(engine, object, plan.waits);
	queue_add_at(&engine->queue, object, plan.wake_at_ms);
	if (plan.restarted)
		end_restart(engine, object);
	if (status_update(engine, object, &plan) && object->kind == KIND_SPACE)
		joins_space_changed(engine, object);
	image_updates_follow(engine, object);
	if (plan.gone && !object->actions && list_empty(&object->claims) && !object->children) {
		status_gone(engine, object);
		forget_object(engine, object);
	}
	plan_fini(&plan);
}
