/* SPDX-License-Identifier: Apache-2.0 */
#include "core/reconcile/act.h"

#include "core/plan/plan.h"
#include "core/reconcile/act_table.h"

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

void act_start(struct run *run)
{
	act_of(run->action)->start(run);
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
