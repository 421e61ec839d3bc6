/* SPDX-License-Identifier: Apache-2.0 */
#include "core/store/restore.h"

#include "core/base/wall.h"
#include "core/desired/desired.h"
#include "core/network/joins.h"
#include "core/network/network_ports.h"
#include "core/plan/restart.h"
#include "core/store/internal.h"

/* A restart that may have been done since: never twice. */
static void restore_restart(struct container *c, const Api__ContainerStatus *status)
{
	bool seen = c->object->being_read && c->slot.known;

	if (c->run != INTENT_RESTART && c->object->cell.run != INTENT_RESTART)
		return;
	c->restart_of = status->pid;
	c->restart_stored = true;
	if (seen)
		container_settle_stored_restart(c);
	else
		container_forget_past(c);
}

void restore_changed(struct engine *engine, struct identity *identity, uint64_t changed)
{
	if (!changed)
		return;
	identity->changed = changed;
	if (engine->version < changed)
		engine->version = changed;
}

static void restore_identity(struct engine *engine, struct identity *identity,
			     const Api__InternalContainer *internal)
{
	identity_restore(identity, internal->uid, internal->generation);
	restore_changed(engine, identity, internal->changed);
}

static void restore_past(struct engine *engine, struct container *c,
			 const Api__ContainerStatus *status, bool ended)
{
	c->exit_code = status->exit_code;
	c->started_wall_ms = wall_parse(status->started_at);
	c->finished_wall_ms = wall_parse(status->finished_at);
	c->stored_pid = c->run_pid = status->pid;
	c->oom_killed = status->oom_killed;
	c->exited = ended;
	c->exited_ms = restart_loop_time(loop_now_ms(engine->loop), loop_wall_ms(engine->loop),
					 c->finished_wall_ms);
}

/* Who wants the registry asked wants what it has. */
static void restore_update(struct container *c, const Api__InternalImageUpdate *stored)
{
	struct image_update *update = &c->update;

	if (!stored || !c->spec || c->pull_requested || update->from || str_empty(stored->from) ||
	    !str_equal(stored->image, c->spec->image))
		return;
	container_forget_update(c);
	update->image = xstrdup(stored->image);
	update->from = xstrdup(stored->from);
	update->to = xstrdup_maybe(stored->to);
	update->pin = str_dup_filled(stored->pin);
}

static void restore_container(struct engine *engine, struct object *object,
			      const Api__ContainerStatus *status,
			      const Api__InternalContainer *internal)
{
	enum run_intent run = intent_parse(status->intent);
	struct container *c;

	list_for_each(c, &object->cell.containers, link) {
		if (!str_equal(c->name, status->id))
			continue;
		if (run != INTENT_RUN && run != INTENT_RESTART)
			c->run = run;
		if (c->spec)
			restore_identity(engine, &c->identity, internal);
		if (container_is_root(c) != status->root) /* one of this name on its way out */
			continue;
		if (run == INTENT_RESTART)
			c->run = run;
		c->pull_requested = status->pull_requested;
		restore_update(c, internal->image_update);
		c->restarts = status->restart_count;
		c->restarts_in_row = internal->restarts_in_row;
		if (!object->being_read || !c->slot.known)
			restore_past(engine, c, status,
				     internal->ended); /* else what it does has been seen */
		restore_restart(c, status);
	}
}

/* Of what has been declared by a manifest before it could be read: what it did meanwhile is known
 * better here. */
void restore_intents(struct object *object, const Api__CellStatus *status)
{
	struct container *c;

	object->cell.run = intent_parse(status->intent);
	for (size_t i = 0; i < status->n_containers; i++)
		list_for_each(c, &object->cell.containers, link) {
			if (!str_equal(c->name, status->containers[i]->id))
				continue;
			c->run = intent_parse(status->containers[i]->intent);
			c->pull_requested = status->containers[i]->pull_requested;
			if (container_is_root(c) == status->containers[i]->root)
				restore_restart(c, status->containers[i]);
		}
}

static void restore_containers(struct engine *engine, struct object *object,
			       const struct past *past)
{
	for (size_t i = 0; i < past->cell->n_containers; i++) {
		const Api__ContainerStatus *status = past->cell->containers[i];

		restore_container(engine, object, status,
				  internal_container(past->internal, status->id, status->root));
	}
}

static void restore_addresses(struct object *object, const struct past *past)
{
	if (!str_empty(past->cell->ip))
		str_replace(&object->cell.last_ip, past->cell->ip);
	if (!str_empty(past->cell->ip6))
		str_replace(&object->cell.last_ip6, past->cell->ip6);
	joins_restore(object, past->cell);
	internal_restore(object, past->internal);
}

static void restore_cell(struct engine *engine, struct object *object, const struct past *past)
{
	restore_addresses(object, past);
	strv_fini(&object->cell.ports);
	for (size_t i = 0; i < past->cell->n_ports; i++)
		strv_add(&object->cell.ports, past->cell->ports[i]);
	ports_mark_stale(engine, object);
	object->cell.run = intent_parse(past->cell->intent);
	restore_containers(engine, object, past);
}

void restore_status(struct engine *engine, struct object *object, const struct past *past)
{
	const Api__CommonStatus *status = &past->status;

	object->status.created_ms = wall_parse(status->created_at);
	object->status.updated_ms = wall_parse(status->updated_at);
	object->status.ready_ms = wall_parse(status->ready_at);
	object->status.told = object->status.told_before = status->has_state;
	object->status.told_state = status->state;
	object->status.told_reason = reason_parse(status->reason);
	if (past->cell)
		restore_cell(engine, object, past);
}
