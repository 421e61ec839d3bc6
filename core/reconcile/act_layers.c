/* SPDX-License-Identifier: Apache-2.0 */
/* Realms and spaces, and the cgroups of all four layers. */
#include <errno.h>

#include "core/network/filter.h"
#include "core/network/ways.h"
#include "core/reconcile/act_table.h"
#include "core/reconcile/observed.h"

/* ---- realms and spaces ---- */

/* "x" and "kukeon-x" would both be kukeon-x; so would two realms that name the same. The first
 * keeps it. */
static void start_namespace_ensure(struct run *run)
{
	struct runtime *runtime = run->engine->runtime;
	const struct object *owner = engine_find_realm(run->engine, act_namespace(run->object));
	struct error err;

	if (owner != run->object) {
		error_set(
			&err, -EEXIST,
			"containerd namespace %s belongs to realm %s; set spec.namespace of one of the two",
			act_namespace(run->object), owner->key);
		call_complete(&run->call, err.code, &err);
		return;
	}
	run->object->backing.exists = true;
	runtime->ops->ensure_namespace(runtime, act_namespace(run->object), run->object->key,
				       &run->call);
}

static void start_namespace_remove(struct run *run)
{
	struct runtime *runtime = run->engine->runtime;

	run->object->backing.applied = false; /* from here on, and also if it fails half way */
	runtime->ops->remove_namespace(runtime, act_namespace(run->object), &run->call);
}

static void start_space_ensure(struct run *run)
{
	const Api__SpaceSpec *spec = ((const Api__Space *)run->object->spec)->spec;
	struct network *network = run->engine->network;
	const struct space_request request = {
		.space_key = run->object->key,
		.conf_dir = str_empty(spec->cni_config_path) ? NULL : spec->cni_config_path,
		.subnet = str_empty(spec->subnet) ? NULL : spec->subnet,
		.ipv6 = model_space_has_ipv6(spec),
		.subnet6 = str_empty(spec->subnet6) ? NULL : spec->subnet6,
		.regenerate = run->object->backing.regenerate,
	};

	run->object->backing.exists = true;
	network->ops->ensure_space(network, &request, &run->ret.space, &run->call);
}

static void start_space_remove(struct run *run)
{
	struct network *network = run->engine->network;

	run->object->backing.applied = false; /* as above */
	network->ops->remove_space(network, run->object->key, &run->call);
}

static void own_applied(struct run *run)
{
	run->object->backing.applied = act_is_current(run);
}

static void space_applied(struct run *run)
{
	space_fact_fini(&run->object->backing.space);
	run->object->backing.space = run->ret.space;
	run->object->backing.applied = act_is_current(run);
	run->object->backing.regenerate &= !act_is_current(run);
	filter_mark_stale(run->engine);
	ways_mark_stale(run->engine);
}

static void own_removed(struct run *run)
{
	run->object->backing.exists = run->object->backing.applied = false;
	filter_mark_stale(run->engine);
	ways_mark_stale(run->engine);
}

/* ---- cgroups ---- */

static void start_cgroup_inspect(struct run *run)
{
	struct cgroup_driver *cgroup = run->engine->cgroup;

	cgroup->ops->inspect(cgroup, run->object->key, &run->ret.cgroup, &run->call);
}

static void start_cgroup_ensure(struct run *run)
{
	struct cgroup_driver *cgroup = run->engine->cgroup;
	bool all = run->object->kind == KIND_CELL &&
		   object_cell_spec(run->object)->nested_cgroup_runtime;

	cgroup->ops->ensure(cgroup, run->object->key, all, &run->ret.cgroup, &run->call);
}

/* However the processes of a cell end now, we asked them to. */
static void start_cgroup_kill(struct run *run)
{
	struct container *c;

	list_for_each(c, &run->object->cell.containers, link)
		c->stopping |= c->task != TASK_NONE && c->task != TASK_STOPPED;
	run->engine->cgroup->ops->kill(run->engine->cgroup, run->object->key, &run->call);
}

static void start_cgroup_remove(struct run *run)
{
	run->engine->cgroup->ops->remove(run->engine->cgroup, run->object->key, &run->call);
}

static void cgroup_seen(struct run *run)
{
	observed_cgroup(run->engine, run->object, &run->ret.cgroup, run->since);
	cgroup_fact_fini(&run->ret.cgroup);
}

static void cgroup_applied(struct run *run)
{
	cgroup_seen(run);
	if (act_is_current(run)) /* all was done that can be, whatever it looks like */
		run->object->cgroup_stale = false;
}

/* It may be there all the same, but not whole: a later look must not take it for done. */
static void cgroup_ensure_failed(struct run *run)
{
	run->object->cgroup.known = false;
	run->object->cgroup_stale = true;
}

static void cgroup_unsure(struct run *run)
{
	run->object->cgroup.known = false;
}

/* The hint comes when it is empty. A kill that had to be repeated says that nobody hinted: look. */
static void cgroup_killed(struct run *run)
{
	if (run->object->cgroup_killed_ms)
		run->object->cgroup.known = false;
	run->object->cgroup_killed_ms = loop_now_ms(run->engine->loop);
	run->object->cgroup_kills++;
}

static void cgroup_removed(struct run *run)
{
	static const struct cgroup_fact nothing = { 0 };

	observed_cgroup(run->engine, run->object, &nothing, run->since);
	run->slot->known = true; /* that it went is what was hinted */
}

/* ---- the rows ---- */

const struct act act_layers[ACTION_COUNT] = {
	[ACTION_NAMESPACE_ENSURE] = { ON_OWN, start_namespace_ensure, own_applied, act_nothing },
	[ACTION_NAMESPACE_REMOVE] = { ON_OWN, start_namespace_remove, own_removed, act_nothing },
	[ACTION_SPACE_ENSURE] = { ON_OWN, start_space_ensure, space_applied, act_nothing },
	[ACTION_SPACE_REMOVE] = { ON_OWN, start_space_remove, own_removed, act_nothing },
	[ACTION_CGROUP_INSPECT] = { ON_CGROUP, start_cgroup_inspect, cgroup_seen, cgroup_unsure },
	[ACTION_CGROUP_ENSURE] = { ON_CGROUP, start_cgroup_ensure, cgroup_applied,
				   cgroup_ensure_failed },
	[ACTION_CGROUP_KILL] = { ON_CGROUP, start_cgroup_kill, cgroup_killed, cgroup_unsure },
	[ACTION_CGROUP_REMOVE] = { ON_CGROUP, start_cgroup_remove, cgroup_removed, cgroup_unsure },
};
