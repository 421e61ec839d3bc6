/* SPDX-License-Identifier: Apache-2.0 */
#include "core/reconcile/act.h"

#include "core/plan/plan.h"
#include "core/reconcile/act_table.h"
#include "core/store/store.h"

static const struct act *act_of(enum action action)
{
	static const struct act *const tables[] = { act_layers, act_networks, act_joins,
						    act_containers, act_tasks };

	for (size_t i = 0; i < ARRAY_SIZE(tables); i++)
		if (tables[i][action].start)
			return &tables[i][action];
	check(false);
	return NULL;
}

const char *act_namespace(struct object *object)
{
	while (object->parent)
		object = object->parent;
	if (!object->backing.namespace_)
		object->backing.namespace_ = engine_namespace(object);
	return object->backing.namespace_;
}

void act_nothing(struct run *run UNUSED)
{
}

struct slot *act_slot(struct object *object, const struct plan_step *step)
{
	switch (act_of(step->action)->on) {
	case ON_CGROUP:
		return &object->cgroup;
	case ON_OWN:
		return &object->backing.slot;
	case ON_NETWORK:
		return &object->cell.network;
	case ON_JOIN:
		return &step->join->slot;
	case ON_CONTAINER:
		return &step->container->slot;
	}
	check(false);
	return NULL;
}

bool act_takes_dir(struct run *run)
{
	struct store *store = run->engine->store;
	struct error err;
	int r = store ? store_take_dir(store, run->object->key, &err) : 0;

	if (r < 0)
		call_complete(&run->call, r, &err);
	return r == 0;
}

void act_start(struct run *run)
{
	act_of(run->action)->start(run);
}

bool act_is_current(const struct run *run)
{
	return run->slot->wanted_seq < run->seq;
}

void act_succeeded(struct run *run)
{
	if (act_of(run->action)->on == ON_CGROUP)
		run->slot->known = !run->hinted;
	act_of(run->action)->succeeded(run);
}

void act_failed(struct run *run)
{
	act_of(run->action)->failed(run);
}
