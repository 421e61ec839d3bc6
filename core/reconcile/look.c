/* SPDX-License-Identifier: Apache-2.0 */
#include "core/reconcile/look.h"

#include "core/base/log.h"
#include "core/desired/asked.h"
#include "core/driver/cgroup.h"
#include "core/network/filter.h"
#include "core/network/joins.h"
#include "core/network/names.h"
#include "core/network/ways.h"
#include "core/reconcile/observed.h"
#include "core/reconcile/reconcile.h"
#include "core/state/unplaced.h"

/* A look costs about a call for each namespace, and time for every container in it. */
enum { OLD_MS = 60 * 1000 };
enum { LOOK_AGAIN_MS = 1000, LOOK_AGAIN_LAST_MS = 16 * 1000 };

struct look {
	struct list link; /* struct engine.looks */
	struct engine *engine;
	struct call call;
	uint64_t seq;       /* engine.seq when it began */
	uint64_t mark;      /* of the listing that is being noted: struct slot.listed_seq */
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
	bool missed; /* something new, or amiss, where the listing is not believed */
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

	pending_begin(&engine->under_way);
	drop_waiting(engine, problem);
	look->engine = engine;
	look->problem = problem;
	look->seq = ++engine->seq;
	look->restart = restart;
	list_append(&engine->looks, &look->link);
	return look;
}

/* The last one lets a closing engine go on. */
static void look_free(struct look *look)
{
	struct engine *engine = look->engine;

	list_remove(&look->link);
	timer_stop(&look->again);
	strv_fini(&look->namespaces);
	strv_fini(&look->realms);
	container_facts_fini(&look->containers);
	network_facts_fini(&look->network);
	cgroup_facts_fini(&look->cgroups);
	if (list_empty(&engine->looks))
		unplaced_forget(engine);
	free(look);
	pending_end(&engine->under_way);
}

void look_stop_waiting(struct engine *engine)
{
	struct look *look;

	timer_stop(&engine->network_again.timer);
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
		look_free(look);
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
	look_free(look);
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

/* A look that began later has told of it already. */
static bool is_overtaken(const struct look *look, const struct slot *slot)
{
	return slot->looked_seq > look->seq;
}

/* Whether the listing may speak about the slot. */
static bool believable(const struct look *look, const struct slot *slot)
{
	return !slot->busy && slot->changed_seq <= look->seq && !is_overtaken(look, slot);
}

/* The listing speaks about the slot; that it is not in it counts too. */
static bool believe(const struct look *look, struct slot *slot)
{
	bool believed = believable(look, slot);

	if (believed)
		slot->looked_seq = look->seq;
	return believed;
}

/* ---- runtime ---- */

static void note_realm(struct look *look, const char *namespace_, const char *realm)
{
	struct object *object = engine_get(look->engine, realm);

	if (believable(look, &object->own.slot))
		object->own.exists = true;
	if (!object->own.namespace_)
		object->own.namespace_ = xstrdup(namespace_);
	engine_touch(look->engine, object);
}

/* An inspection tells more of it than the listing: how it ended, or why nobody knows. That it has
 * no task need not be asked twice. */
static bool needs_inspection(const struct container *c, const struct container_fact *fact)
{
	bool known = c->slot.known && c->record && c->task == TASK_NONE && fact->task == TASK_NONE;

	return (fact->unclear && !known) ||
	       (fact->task == TASK_STOPPED && fact->exit_code && c->task != TASK_STOPPED);
}

static struct container *container_of_fact(struct engine *engine, const char *realm,
					   const struct container_fact *fact)
{
	struct container *c = engine_find_container(engine, realm, fact->id);
	struct object *object;

	if (c)
		return c;
	object = engine_get(engine, fact->cell_key);
	c = cell_find_container(object, fact->role);
	return c ? c : engine_add_container(engine, object, fact->role, fact->container);
}

/* Where the listing may be older than what is known it is a hint like any other. */
static void note_container(struct look *look, const char *realm, const struct container_fact *fact)
{
	struct engine *engine = look->engine;
	struct container *c = container_of_fact(engine, realm, fact);

	c->slot.listed_seq = look->mark;
	if (is_overtaken(look, &c->slot))
		return;
	if (believe(look, &c->slot) && !needs_inspection(c, fact)) {
		observed_container(engine, c->object, c, fact);
		c->slot.known = true;
	} else {
		observed_doubt_container(engine, c);
	}
}

/* Containers of the realm that the listing does not have. */
static void note_absent(struct look *look, const char *realm)
{
	static const struct container_fact nothing = { 0 };
	struct engine *engine = look->engine;
	AUTO_FREE char *prefix = xasprintf("%s/", realm);
	struct map_node *node = map_find_from(&engine->containers, prefix);

	for (; node && str_starts_with(node->key, prefix); node = map_next(node)) {
		struct container *c = map_entry(node, struct container, node);

		bool there = c->record || c->snapshot || c->task != TASK_NONE;

		if (c->slot.listed_seq == look->mark || is_overtaken(look, &c->slot))
			continue;
		if (believe(look, &c->slot) && there)
			observed_container(engine, c->object, c, &nothing);
		else if (there)
			observed_doubt_container(engine, c);
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
	look->mark = ++look->engine->seq;
	for (size_t i = 0; i < look->containers.n; i++)
		note_container(look, realm, &look->containers.items[i]);
	note_absent(look, realm);
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

	if (look->next == look->namespaces.n) {
		if (!look->missing.code)
			asked_forget_unknown(engine);
		engine->looked.runtime_ms = loop_now_ms(engine->loop);
		return look_done(look, &engine->looked.runtime, "containers", &look->missing);
	}
	look->seq = ++engine->seq;
	call_init(&look->call, engine->loop, on_containers);
	engine->runtime->ops->list(engine->runtime, look->namespaces.items[look->next],
				   &look->containers, &look->call);
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Realms whose namespace is not labelled (yet): containers may be in it all the same. */
static void add_wanted_realms(struct look *look)
{
	AUTO(strv_fini) struct strv labelled = { 0 };
	struct object *realm;

	for (size_t i = 0; i < look->namespaces.n; i++)
		strv_add(&labelled, look->namespaces.items[i]);
	if (labelled.n)
		qsort(labelled.items, labelled.n, sizeof(*labelled.items), compare_names);
	list_for_each(realm, &look->engine->realms, realm_link) {
		AUTO_FREE char *name = engine_namespace(realm);

		if (labelled.n && bsearch(&name, labelled.items, labelled.n,
					  sizeof(*labelled.items), compare_names))
			continue;
		strv_add(&look->namespaces, name);
		strv_add(&look->realms, realm->key);
		if (believable(look, &realm->own.slot))
			realm->own.applied = realm->own.exists = false;
	}
}

static void on_namespaces(struct call *call)
{
	struct look *look = container_of(call, struct look, call);

	if (call->status < 0)
		return look_failed(look, "containerd's namespaces");
	for (size_t i = 0; i < look->namespaces.n; i++)
		note_realm(look, look->namespaces.items[i], look->realms.items[i]);
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

bool look_runtime_is_under_way(const struct engine *engine)
{
	const struct look *look;

	list_for_each(look, &engine->looks, link)
		if (look->problem == &engine->look_problems.runtime && !timer_active(&look->again))
			return true;
	return false;
}

void look_runtime_if_old(struct engine *engine)
{
	if (engine->runtime_up && !look_runtime_is_under_way(engine) &&
	    loop_now_ms(engine->loop) - engine->looked.runtime_ms >= OLD_MS)
		look_runtime(engine);
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

	for (size_t i = 0; i < look->network.n_spaces; i++) {
		struct space_fact *fact = &look->network.spaces[i];
		bool is_new = !engine_find(look->engine, fact->space_key);

		object = engine_get(look->engine, fact->space_key);
		object->own.slot.listed_seq = look->mark;
		if (believe(look, &object->own.slot))
			note_space(object, fact);
		else
			look->missed |= is_new || fact->drift;
	}
	map_for_each(object, &look->engine->spaces, space_node)
		if (object->own.slot.listed_seq != look->mark && !look->network.problem.code &&
		    believe(look, &object->own.slot))
			object->own.exists = object->own.applied = false;
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
		if (!has_fact(fact, join) && believe(look, &join->slot))
			joins_observed(look->engine, join, &nothing);
	for (size_t i = 0; i < fact->n_joins; i++) {
		join = joins_get(look->engine, object, fact->joins[i].space_key);
		if (believe(look, &join->slot))
			joins_observed(look->engine, join, &fact->joins[i]);
		else
			look->missed |= !fact->joins[i].attached;
	}
}

static void note_attachment(struct look *look, const struct attachment_fact *fact)
{
	struct engine *engine = look->engine;
	bool is_new = !engine_find(engine, fact->cell_key);
	struct object *object = engine_get(engine, fact->cell_key);

	object->cell.network.listed_seq = look->mark;
	if (!believe(look, &object->cell.network)) {
		look->missed |= is_new || !fact->attached;
		return;
	}
	observed_attachment(engine, object, fact);
	note_joins(look, object, fact);
	if (fact->earlier_boot && !list_linked(&object->cell.earlier_link))
		list_append(&engine->earlier, &object->cell.earlier_link);
}

static void note_attachments(struct look *look)
{
	struct object *object;

	for (size_t i = 0; i < look->network.n_attachments; i++)
		note_attachment(look, &look->network.attachments[i]);
	map_for_each(object, &look->engine->objects, node)
		if (object->kind == KIND_CELL && object->cell.network.listed_seq != look->mark &&
		    believe(look, &object->cell.network))
			observed_no_network(look->engine, object);
}

static void on_network_again(struct timer *timer)
{
	look_network(container_of(timer, struct engine, network_again.timer));
}

/* A network cannot be inspected by itself: what was missed needs another look. While many cells
 * come and go that is so again and again, so the pauses grow. */
static void look_again_if_missed(const struct look *look)
{
	struct engine *engine = look->engine;
	uint64_t pause_ms = 2 * engine->network_again.pause_ms;

	if (!look->missed)
		engine->network_again.pause_ms = 0;
	if (!look->missed || engine->closing || timer_active(&engine->network_again.timer))
		return;
	pause_ms = pause_ms ? pause_ms : LOOK_AGAIN_MS;
	engine->network_again.pause_ms =
		pause_ms < LOOK_AGAIN_LAST_MS ? pause_ms : LOOK_AGAIN_LAST_MS;
	timer_start(engine->loop, &engine->network_again.timer, engine->network_again.pause_ms,
		    on_network_again);
}

static void on_network(struct call *call)
{
	struct look *look = container_of(call, struct look, call);

	if (call->status < 0)
		return look_failed(look, "networks");
	look->mark = ++look->engine->seq;
	note_spaces(look);
	note_attachments(look);
	filter_doubt(look->engine);
	ways_doubt_switches(look->engine);
	names_open(look->engine);
	look_again_if_missed(look);
	look_done(look, &look->engine->looked.network, "networks", &look->network.problem);
}

static void start_network(struct look *look)
{
	call_init(&look->call, look->engine->loop, on_network);
	look->engine->network->ops->list(look->engine->network, &look->network, &look->call);
}

void look_network(struct engine *engine)
{
	engine_doubt_managers(engine);
	start_network(look_new(engine, start_network, &engine->look_problems.network));
}

/* ---- cgroups ---- */

static void note_cgroup(struct look *look, const struct cgroup_fact *fact)
{
	struct object *object = engine_get(look->engine, fact->key);

	object->cgroup.listed_seq = look->mark;
	if (believe(look, &object->cgroup))
		observed_cgroup(look->engine, object, fact, look->seq);
	else if (!object->cgroup_exists)
		engine_doubt_cgroup(look->engine, object);
}

/* Where the listing has gaps, what is not in it is asked for alone. */
static void note_absent_cgroup(struct look *look, struct object *object)
{
	static const struct cgroup_fact nothing = { 0 };

	if (object->cgroup.listed_seq == look->mark || !object->cgroup_exists)
		return;
	if (look->cgroups.problem.code && believable(look, &object->cgroup))
		object->cgroup.known = false;
	else if (!look->cgroups.problem.code && believe(look, &object->cgroup))
		observed_cgroup(look->engine, object, &nothing, look->seq);
}

static void on_cgroups(struct call *call)
{
	struct look *look = container_of(call, struct look, call);
	struct engine *engine = look->engine;
	struct object *object;

	if (call->status < 0)
		return look_failed(look, "cgroups");
	look->mark = ++engine->seq;
	for (size_t i = 0; i < look->cgroups.n; i++)
		note_cgroup(look, &look->cgroups.items[i]);
	map_for_each(object, &engine->objects, node)
		note_absent_cgroup(look, object);
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
