/* SPDX-License-Identifier: Apache-2.0 */
#include "core/reconcile/relist_private.h"

#include "core/reconcile/observed.h"

static void note_cgroup(struct relist *relist, const struct cgroup_fact *fact)
{
	struct object *object = engine_get(relist->engine, fact->key);

	object->cgroup.listed_seq = relist->mark;
	if (relist_speaks(relist, &object->cgroup))
		observed_cgroup(relist->engine, object, fact, relist->seq);
	else if (!object->cgroup_exists)
		engine_invalidate_cgroup(relist->engine, object);
}

/* Where the listing has gaps, what is not in it is asked for alone. */
static void note_absent_cgroup(struct relist *relist, struct object *object)
{
	static const struct cgroup_fact nothing = { 0 };

	if (object->cgroup.listed_seq == relist->mark || !object->cgroup_exists)
		return;
	if (relist->cgroups.problem.code && relist_may_speak(relist, &object->cgroup))
		object->cgroup.known = false;
	else if (!relist->cgroups.problem.code && relist_speaks(relist, &object->cgroup))
		observed_cgroup(relist->engine, object, &nothing, relist->seq);
}

static void on_cgroups(struct call *call)
{
	struct relist *relist = container_of(call, struct relist, call);
	struct engine *engine = relist->engine;
	struct object *object;

	if (call->status < 0)
		return relist_failed(relist, "cgroups");
	relist->mark = ++engine->seq;
	for (size_t i = 0; i < relist->cgroups.n; i++)
		note_cgroup(relist, &relist->cgroups.items[i]);
	map_for_each(object, &engine->objects, node)
		note_absent_cgroup(relist, object);
	relist_done(relist, &engine->relisted.cgroup, "cgroups", &relist->cgroups.problem);
}

static void on_cgroup_root(struct call *call)
{
	struct relist *relist = container_of(call, struct relist, call);
	struct engine *engine = relist->engine;

	if (call->status < 0)
		return relist_failed(relist, "the cgroup root");
	cgroup_facts_fini(&relist->cgroups);
	call_init(&relist->call, engine->loop, on_cgroups);
	engine->cgroup->ops->list(engine->cgroup, &relist->cgroups, &relist->call);
}

/* The root of ours first: everything else is made below it. */
static void start_cgroups(struct relist *relist)
{
	struct engine *engine = relist->engine;

	relist->cgroups.items = xnew(struct cgroup_fact);
	relist->cgroups.n = 1;
	call_init(&relist->call, engine->loop, on_cgroup_root);
	engine->cgroup->ops->ensure(engine->cgroup, "", false, &relist->cgroups.items[0],
				    &relist->call);
}

void relist_cgroups(struct engine *engine)
{
	start_cgroups(relist_new(engine, start_cgroups, &engine->relist_problems.cgroup));
}
