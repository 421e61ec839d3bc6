/* SPDX-License-Identifier: Apache-2.0 */
#include "core/look.h"

#include "core/base/log.h"
#include "core/joins.h"
#include "core/names.h"
#include "core/observed.h"
#include "core/reconcile.h"

enum { LOOK_AGAIN_MS = 1000, LOOK_AGAIN_LAST_MS = 16 * 1000 };

struct look {
	struct list link; /* struct engine.looks */
	struct engine *engine;
	struct call call;
	uint64_t seq;       /* engine.seq when it began */
	struct timer again; /* after a failure */
	void (*restart)(struct look *look);
	struct look_problem *problem; /* the engine's, of this source */

	/* runtime: first the namespaces, then one after the other */
	struct strv namespaces, realms;
	size_t next;
	struct error missing; /* one of them could not be listed; code 0: all could */
	struct container_facts containers;
	struct network_facts network;
	struct cgroup_facts cgroups;
};

static void look_free(struct look *look);

/* A new look makes up for those of its kind that wait to be repeated. */
static void drop_waiting(struct engine *engine, const struct look_problem *problem)
{
	struct look *look;

	list_for_each(look, &engine->looks, link)
		if (look->problem == problem && timer_active(&look->again))
			look_free(look);
}

static struct look *look_new(struct engine *engine, void (*restart)(struct look *),
			     struct look_problem *problem)
{
	struct look *look = xnew(struct look);

	drop_waiting(engine, problem);
	look->engine = engine;
	look->problem = problem;
	look->seq = engine->seq;
	look->restart = restart;
	list_append(&engine->looks, &look->link);
	return look;
}

static void look_free(struct look *look)
{
	list_remove(&look->link);
	timer_stop(&look->again);
	strv_fini(&look->namespaces);
	strv_fini(&look->realms);
	container_facts_fini(&look->containers);
	network_facts_fini(&look->network);
	cgroup_facts_fini(&look->cgroups);
	free(look);
}

/* Frees it; the last one lets a closing engine go on. */
static void look_end(struct look *look)
{
	struct engine *engine = look->engine;

	look_free(look);
	reconcile_check_closed(engine);
}

void look_stop_waiting(struct engine *engine)
{
	struct look *look;

	list_for_each(look, &engine->looks, link)
		if (timer_active(&look->again))
			look_free(look);
}

static void on_again(struct timer *timer)
{
	struct look *look = container_of(timer, struct look, again);
	struct engine *engine = look->engine;
	void (*restart)(struct look *) = look->restart;
	struct look_problem *problem = look->problem;

	look_free(look);
	look = look_new(engine, restart, problem);
	restart(look);
}

/* Said once per cause; the objects say it too. */
static void note_problem(struct look *look, const char *what, const struct error *err)
{
	struct look_problem *problem = look->problem;
	struct error now;

	error_set(&now, err->code, "cannot list %s: %s", what, err->msg);
	if (!str_equal(now.msg, problem->err.msg)) {
		log_warning("%s", now.msg);
		engine_touch_all(look->engine);
	}
	problem->err = now;
}

/* A look that failed, or did not see all, is repeated, except for the runtime's while it is down:
 * on_up begins a new one. */
static void look_again(struct look *look)
{
	uint64_t pause_ms = LOOK_AGAIN_MS;

	for (unsigned i = 0; i < look->problem->times && pause_ms < LOOK_AGAIN_LAST_MS; i++)
		pause_ms *= 2;
	look->problem->times++;
	if (look->engine->closing)
		look_end(look);
	else
		timer_start(look->engine->loop, &look->again, pause_ms, on_again);
}

static void look_failed(struct look *look, const char *what)
{
	note_problem(look, what, &look->call.err);
	look_again(look);
}

static void look_is_whole(struct look *look)
{
	if (look->problem->err.code)
		log_info("it can be listed again: %s", look->problem->err.msg);
	*look->problem = (struct look_problem){ 0 };
	look_end(look);
}

/* @problem: what was seen is true, but it may not be all; code 0: it is. */
static void look_done(struct look *look, bool *looked, const char *what,
		      const struct error *problem)
{
	struct engine *engine = look->engine;

	*looked = true;
	engine_touch_all(engine);
	if (!problem->code)
		return look_is_whole(look);
	note_problem(look, what, problem);
	look_again(look);
}

/* Whether the listing may speak about the slot. */
static bool believable(const struct look *look, const struct slot *slot)
{
	return !slot->busy && slot->changed_seq <= look->seq;
}

/* ---- runtime ---- */

static void note_realm(struct engine *engine, const char *namespace_, const char *realm)
{
	struct object *object = engine_get(engine, realm);

	object->own.exists = true;
	if (!object->own.namespace_)
		object->own.namespace_ = xstrdup(namespace_);
	engine_touch(engine, object);
}

/* An inspection tells more of it than the listing: how it ended, or why nobody knows. That it has
 * no task need not be asked twice. */
static bool needs_inspection(const struct container *c, const struct container_fact *fact)
{
	bool known = c->slot.known && c->record && c->task == TASK_NONE && fact->task == TASK_NONE;

	return (fact->unclear && !known) ||
	       (fact->task == TASK_STOPPED && fact->exit_code && c->task != TASK_STOPPED);
}

static void note_container(struct look *look, const char *realm, const struct container_fact *fact)
{
	struct engine *engine = look->engine;
	struct container *c = engine_find_container(engine, realm, fact->id);
	struct object *object;

	if (!c) {
		object = engine_get(engine, fact->cell_key);
		c = cell_find_container(object, fact->role);
		if (!c)
			c = engine_add_container(engine, object, fact->role, fact->container);
	}
	if (believable(look, &c->slot) && !needs_inspection(c, fact)) {
		observed_container(engine, c->object, c, fact);
		c->slot.known = true;
	} else if (!c->slot.busy) {
		c->slot.known = false;
	}
}

static bool listed(const struct look *look, const struct container *c)
{
	for (size_t i = 0; i < look->containers.n; i++)
		if (strcmp(look->containers.items[i].id, c->containerd_id) == 0)
			return true;
	return false;
}

/* Containers of the realm that the listing does not have. */
static void note_absent(struct look *look, const char *realm)
{
	static const struct container_fact nothing = { 0 };
	AUTO_FREE char *prefix = xasprintf("%s/", realm);
	struct map_node *node = map_find_from(&look->engine->containers, prefix);

	for (; node && str_starts_with(node->key, prefix); node = map_next(node)) {
		struct container *c = map_entry(node, struct container, node);

		if (!believable(look, &c->slot) ||
		    (!c->record && !c->snapshot && c->task == TASK_NONE))
			continue;
		if (!listed(look, c))
			observed_container(look->engine, c->object, c, &nothing);
	}
}

/* Until it has been listed once, what is in it is not known; the other realms go on. */
static void realm_unlisted(struct look *look, const char *realm, const struct error *err)
{
	struct object *object = engine_get(look->engine, realm);

	if (!look->missing.code)
		look->missing = *err;
	if (!look->engine->looked.runtime || object->own.unlooked)
		str_replace(&object->own.unlooked, err->msg);
}

static void realm_listed(struct look *look, const char *realm)
{
	struct object *object = engine_get(look->engine, realm);

	free(take_ptr(object->own.unlooked));
	note_absent(look, realm);
	for (size_t i = 0; i < look->containers.n; i++)
		note_container(look, realm, &look->containers.items[i]);
}

static void list_next_namespace(struct look *look);

static void on_containers(struct call *call)
{
	struct look *look = container_of(call, struct look, call);
	const char *realm = look->realms.items[look->next];

	if (call->status < 0)
		realm_unlisted(look, realm, &call->err);
	else
		realm_listed(look, realm);
	container_facts_fini(&look->containers);
	look->next++;
	list_next_namespace(look);
}

static void list_next_namespace(struct look *look)
{
	struct engine *engine = look->engine;

	if (look->next == look->namespaces.n)
		return look_done(look, &engine->looked.runtime, "containers", &look->missing);
	look->seq = engine->seq;
	call_init(&look->call, engine->loop, on_containers);
	engine->runtime->ops->list(engine->runtime, look->namespaces.items[look->next],
				   &look->containers, &look->call);
}

/* Realms whose namespace is not labelled (yet): containers may be in it all the same. */
static void add_wanted_realms(struct look *look)
{
	struct object *object;

	map_for_each(object, &look->engine->objects, node) {
		AUTO_FREE char *namespace_ = NULL;
		bool there = false;

		if (object->kind != KIND_REALM)
			continue;
		namespace_ = engine_namespace(object);
		for (size_t i = 0; i < look->namespaces.n; i++)
			there |= strcmp(look->namespaces.items[i], namespace_) == 0;
		if (there)
			continue;
		strv_add(&look->namespaces, namespace_);
		strv_add(&look->realms, object->key);
		object->own.applied = object->own.exists = false;
	}
}

static void on_namespaces(struct call *call)
{
	struct look *look = container_of(call, struct look, call);

	if (call->status < 0)
		return look_failed(look, "containerd's namespaces");
	for (size_t i = 0; i < look->namespaces.n; i++)
		note_realm(look->engine, look->namespaces.items[i], look->realms.items[i]);
	add_wanted_realms(look);
	list_next_namespace(look);
}

static void start_runtime(struct look *look)
{
	struct engine *engine = look->engine;

	if (!engine->runtime_up) {
		*look->problem = (struct look_problem){ 0 }; /* that it is down says it */
		return look_free(look);
	}
	call_init(&look->call, engine->loop, on_namespaces);
	engine->runtime->ops->list_namespaces(engine->runtime, &look->namespaces, &look->realms,
					      &look->call);
}

void look_runtime(struct engine *engine)
{
	start_runtime(look_new(engine, start_runtime, &engine->look_problems.runtime));
}

/* ---- network ---- */

static void replace_space(struct space_fact *old, struct space_fact *new)
{
	space_fact_fini(old);
	*old = *new;
	*new = (struct space_fact){ 0 };
}

/* What is as it was made is left alone; what is not is ensured again, which compares and keeps. */
static void note_space(struct object *object, struct space_fact *fact)
{
	if (object->own.applied && fact->drift)
		log_warning("the network of a space changed by another hand: %s key=%s",
			    fact->drift, object->key);
	object->own.exists = true;
	object->own.applied &= !fact->drift;
	replace_space(&object->own.space, fact);
}

static void note_spaces(struct look *look)
{
	struct object *object;

	map_for_each(object, &look->engine->objects, node)
		if (object->kind == KIND_SPACE && believable(look, &object->own.slot) &&
		    !look->network.problem.code)
			object->own.exists = false;
	for (size_t i = 0; i < look->network.n_spaces; i++) {
		struct space_fact *fact = &look->network.spaces[i];

		object = engine_get(look->engine, fact->space_key);
		if (believable(look, &object->own.slot))
			note_space(object, fact);
	}
	map_for_each(object, &look->engine->objects, node)
		if (object->kind == KIND_SPACE && !object->own.exists)
			object->own.applied = false;
}

static bool has_fact(const struct attachment_fact *fact, const struct join *join)
{
	for (size_t i = 0; i < fact->n_joins; i++)
		if (str_equal(fact->joins[i].space_key, join->space_key))
			return true;
	return false;
}

static void note_joins(struct look *look, struct object *object, const struct attachment_fact *fact)
{
	static const struct join_fact nothing = { 0 };
	struct join *join;

	list_for_each(join, &object->cell.joins, link)
		if (believable(look, &join->slot) && !has_fact(fact, join))
			joins_observed(look->engine, join, &nothing);
	for (size_t i = 0; i < fact->n_joins; i++) {
		join = joins_get(look->engine, object, fact->joins[i].space_key);
		if (believable(look, &join->slot))
			joins_observed(look->engine, join, &fact->joins[i]);
	}
}

static void note_attachments(struct look *look)
{
	struct object *object;

	map_for_each(object, &look->engine->objects, node)
		if (object->kind == KIND_CELL && believable(look, &object->cell.network))
			object->cell.network.hinted = true; /* marks: not in the listing so far */
	for (size_t i = 0; i < look->network.n_attachments; i++) {
		const struct attachment_fact *fact = &look->network.attachments[i];

		object = engine_get(look->engine, fact->cell_key);
		if (!believable(look, &object->cell.network))
			continue;
		observed_attachment(look->engine, object, fact);
		note_joins(look, object, fact);
		object->cell.network.hinted = false;
		if (fact->earlier_boot && !list_linked(&object->cell.earlier_link))
			list_append(&look->engine->earlier, &object->cell.earlier_link);
	}
	map_for_each(object, &look->engine->objects, node) {
		if (object->kind == KIND_CELL && object->cell.network.hinted)
			observed_no_network(look->engine, object);
		object->cell.network.hinted = false;
	}
}

static void on_network(struct call *call)
{
	struct look *look = container_of(call, struct look, call);

	if (call->status < 0)
		return look_failed(look, "networks");
	note_spaces(look);
	note_attachments(look);
	filter_doubt(look->engine);
	names_open(look->engine);
	look_done(look, &look->engine->looked.network, "networks", &look->network.problem);
}

static void start_network(struct look *look)
{
	call_init(&look->call, look->engine->loop, on_network);
	look->engine->network->ops->list(look->engine->network, &look->network, &look->call);
}

void look_network(struct engine *engine)
{
	start_network(look_new(engine, start_network, &engine->look_problems.network));
}

/* ---- cgroups ---- */

static void on_cgroups(struct call *call)
{
	static const struct cgroup_fact nothing = { 0 };
	struct look *look = container_of(call, struct look, call);
	struct engine *engine = look->engine;
	struct object *object;

	if (call->status < 0)
		return look_failed(look, "cgroups");
	for (size_t i = 0; i < look->cgroups.n; i++)
		engine_get(engine, look->cgroups.items[i].key);
	map_for_each(object, &engine->objects, node)
		object->cgroup.hinted = believable(look, &object->cgroup) && object->cgroup_exists;
	for (size_t i = 0; i < look->cgroups.n; i++) {
		object = engine_get(engine, look->cgroups.items[i].key);
		object->cgroup.hinted = false;
		if (believable(look, &object->cgroup))
			observed_cgroup(engine, object, &look->cgroups.items[i]);
	}
	map_for_each(object, &engine->objects, node) {
		if (object->cgroup.hinted && look->cgroups.problem.code)
			object->cgroup.known = false; /* asked for alone */
		else if (object->cgroup.hinted)
			observed_cgroup(engine, object, &nothing);
		object->cgroup.hinted = false;
	}
	look_done(look, &engine->looked.cgroup, "cgroups", &look->cgroups.problem);
}

static void on_cgroup_root(struct call *call)
{
	struct look *look = container_of(call, struct look, call);
	struct engine *engine = look->engine;

	if (call->status < 0)
		return look_failed(look, "the cgroup root");
	cgroup_facts_fini(&look->cgroups);
	call_init(&look->call, engine->loop, on_cgroups);
	engine->cgroup->ops->list(engine->cgroup, &look->cgroups, &look->call);
}

/* The root of ours first: everything else is made below it. */
static void start_cgroups(struct look *look)
{
	struct engine *engine = look->engine;

	look->cgroups.items = xnew(struct cgroup_fact);
	look->cgroups.n = 1;
	call_init(&look->call, engine->loop, on_cgroup_root);
	engine->cgroup->ops->ensure(engine->cgroup, "", false, &look->cgroups.items[0],
				    &look->call);
}

void look_cgroups(struct engine *engine)
{
	start_cgroups(look_new(engine, start_cgroups, &engine->look_problems.cgroup));
}

void look_everything(struct engine *engine)
{
	look_network(engine);
	look_cgroups(engine);
	if (engine->runtime_up)
		look_runtime(engine);
}
