/* SPDX-License-Identifier: Apache-2.0 */
#include "core/reconcile/relist.h"

#include "core/base/log.h"
#include "core/desired/asked.h"
#include "core/driver/cgroup.h"
#include "core/network/filter.h"
#include "core/network/hosts_files.h"
#include "core/network/joins.h"
#include "core/network/ways.h"
#include "core/reconcile/observed.h"
#include "core/reconcile/reconcile.h"
#include "core/state/unplaced.h"

/* A relist costs about a call for each namespace, and time for every container in it. */
enum { OLD_MS = 60 * 1000 };
enum { AGAIN_MS = 1000, AGAIN_LAST_MS = 16 * 1000 };

struct relist {
	struct list link; /* struct engine.relists */
	struct engine *engine;
	struct call call;
	uint64_t seq;       /* engine.seq when it began */
	uint64_t mark;      /* of the listing that is being noted: struct slot.listed_seq */
	struct timer again; /* after a failure */
	void (*restart)(struct relist *relist);
	struct relist_problem *problem; /* the engine's, of this source */

	/* runtime: first the namespaces, then one after the other */
	struct strv namespaces, realms;
	size_t next;
	struct error missing; /* one of them could not be listed; code 0: all could */
	struct container_facts containers;
	struct network_facts network;
	struct cgroup_facts cgroups;
	bool missed; /* something new, or amiss, where the listing is not believed */
};

static void relist_free(struct relist *relist);

/* A new relist makes up for those of its kind that wait to be repeated. */
static void drop_waiting(struct engine *engine, const struct relist_problem *problem)
{
	struct relist *relist;

	list_for_each(relist, &engine->relists, link)
		if (relist->problem == problem && timer_active(&relist->again))
			relist_free(relist);
}

static struct relist *relist_new(struct engine *engine, void (*restart)(struct relist *),
				 struct relist_problem *problem)
{
	struct relist *relist = xnew(struct relist);

	pending_begin(&engine->under_way);
	drop_waiting(engine, problem);
	relist->engine = engine;
	relist->problem = problem;
	relist->seq = ++engine->seq;
	relist->restart = restart;
	list_append(&engine->relists, &relist->link);
	return relist;
}

/* The last one lets a closing engine go on. */
static void relist_free(struct relist *relist)
{
	struct engine *engine = relist->engine;

	list_remove(&relist->link);
	timer_stop(&relist->again);
	strv_fini(&relist->namespaces);
	strv_fini(&relist->realms);
	container_facts_fini(&relist->containers);
	network_facts_fini(&relist->network);
	cgroup_facts_fini(&relist->cgroups);
	if (list_empty(&engine->relists))
		unplaced_forget(engine);
	free(relist);
	pending_end(&engine->under_way);
}

void relist_stop_waiting(struct engine *engine)
{
	struct relist *relist;

	timer_stop(&engine->network_again.timer);
	list_for_each(relist, &engine->relists, link)
		if (timer_active(&relist->again))
			relist_free(relist);
}

static void on_again(struct timer *timer)
{
	struct relist *relist = container_of(timer, struct relist, again);
	struct engine *engine = relist->engine;
	void (*restart)(struct relist *) = relist->restart;
	struct relist_problem *problem = relist->problem;

	relist_free(relist);
	relist = relist_new(engine, restart, problem);
	restart(relist);
}

/* Said once per cause; the objects say it too. */
static void note_problem(struct relist *relist, const char *what, const struct error *err)
{
	struct relist_problem *problem = relist->problem;
	struct error now;

	error_set(&now, err->code, "cannot list %s: %s", what, err->msg);
	if (!str_equal(now.msg, problem->err.msg)) {
		log_warning("%s", now.msg);
		engine_enqueue_all(relist->engine);
	}
	problem->err = now;
}

/* A relist that failed, or did not see all, is repeated, except for the runtime's while it is down:
 * on_up begins a new one. */
static void relist_again(struct relist *relist)
{
	uint64_t pause_ms = AGAIN_MS;

	for (unsigned i = 0; i < relist->problem->times && pause_ms < AGAIN_LAST_MS; i++)
		pause_ms *= 2;
	relist->problem->times++;
	if (relist->engine->closing)
		relist_free(relist);
	else
		timer_start(relist->engine->loop, &relist->again, pause_ms, on_again);
}

static void relist_failed(struct relist *relist, const char *what)
{
	note_problem(relist, what, &relist->call.err);
	relist_again(relist);
}

static void relist_is_whole(struct relist *relist)
{
	if (relist->problem->err.code)
		log_info("it can be listed again: %s", relist->problem->err.msg);
	*relist->problem = (struct relist_problem){ 0 };
	relist_free(relist);
}

/* @problem: what was seen is true, but it may not be all; code 0: it is. */
static void relist_done(struct relist *relist, bool *relisted, const char *what,
			const struct error *problem)
{
	struct engine *engine = relist->engine;

	*relisted = true;
	engine_enqueue_all(engine);
	if (!problem->code)
		return relist_is_whole(relist);
	note_problem(relist, what, problem);
	relist_again(relist);
}

/* A relist that began later has told of it already. */
static bool is_overtaken(const struct relist *relist, const struct slot *slot)
{
	return slot->relisted_seq > relist->seq;
}

/* Whether the listing may speak about the slot. */
static bool believable(const struct relist *relist, const struct slot *slot)
{
	return !slot->busy && slot->changed_seq <= relist->seq && !is_overtaken(relist, slot);
}

/* The listing speaks about the slot; that it is not in it counts too. */
static bool believe(const struct relist *relist, struct slot *slot)
{
	bool believed = believable(relist, slot);

	if (believed)
		slot->relisted_seq = relist->seq;
	return believed;
}

/* ---- runtime ---- */

static void note_realm(struct relist *relist, const char *namespace_, const char *realm)
{
	struct object *object = engine_get(relist->engine, realm);

	if (believable(relist, &object->backing.slot))
		object->backing.exists = true;
	if (!object->backing.namespace_)
		object->backing.namespace_ = xstrdup(namespace_);
	engine_enqueue(relist->engine, object);
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
static void note_container(struct relist *relist, const char *realm,
			   const struct container_fact *fact)
{
	struct engine *engine = relist->engine;
	struct container *c = container_of_fact(engine, realm, fact);

	c->slot.listed_seq = relist->mark;
	if (is_overtaken(relist, &c->slot))
		return;
	if (believe(relist, &c->slot) && !needs_inspection(c, fact)) {
		observed_container(engine, c->object, c, fact);
		c->slot.known = true;
	} else {
		observed_invalidate_container(engine, c);
	}
}

/* Containers of the realm that the listing does not have. */
static void note_absent(struct relist *relist, const char *realm)
{
	static const struct container_fact nothing = { 0 };
	struct engine *engine = relist->engine;
	AUTO_FREE char *prefix = xasprintf("%s/", realm);
	struct map_node *node = map_find_from(&engine->containers, prefix);

	for (; node && str_starts_with(node->key, prefix); node = map_next(node)) {
		struct container *c = map_entry(node, struct container, node);

		bool there = c->record || c->snapshot || c->task != TASK_NONE;

		if (c->slot.listed_seq == relist->mark || is_overtaken(relist, &c->slot))
			continue;
		if (believe(relist, &c->slot) && there)
			observed_container(engine, c->object, c, &nothing);
		else if (there)
			observed_invalidate_container(engine, c);
	}
}

/* Until it has been listed once, what is in it is not known; the other realms go on. */
static void realm_unlisted(struct relist *relist, const char *realm, const struct error *err)
{
	struct object *object = engine_get(relist->engine, realm);

	if (!relist->missing.code)
		relist->missing = *err;
	if (!relist->engine->relisted.runtime || object->backing.unlisted_why)
		str_replace(&object->backing.unlisted_why, err->msg);
}

static void realm_listed(struct relist *relist, const char *realm)
{
	struct object *object = engine_get(relist->engine, realm);

	free(take_ptr(object->backing.unlisted_why));
	relist->mark = ++relist->engine->seq;
	for (size_t i = 0; i < relist->containers.n; i++)
		note_container(relist, realm, &relist->containers.items[i]);
	note_absent(relist, realm);
}

static void list_next_namespace(struct relist *relist);

static void on_containers(struct call *call)
{
	struct relist *relist = container_of(call, struct relist, call);
	const char *realm = relist->realms.items[relist->next];

	if (call->status < 0)
		realm_unlisted(relist, realm, &call->err);
	else
		realm_listed(relist, realm);
	container_facts_fini(&relist->containers);
	relist->next++;
	list_next_namespace(relist);
}

static void list_next_namespace(struct relist *relist)
{
	struct engine *engine = relist->engine;

	if (relist->next == relist->namespaces.n) {
		if (!relist->missing.code)
			asked_forget_unknown(engine);
		engine->relisted.runtime_ms = loop_now_ms(engine->loop);
		return relist_done(relist, &engine->relisted.runtime, "containers",
				   &relist->missing);
	}
	relist->seq = ++engine->seq;
	call_init(&relist->call, engine->loop, on_containers);
	engine->runtime->ops->list(engine->runtime, relist->namespaces.items[relist->next],
				   &relist->containers, &relist->call);
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Realms whose namespace is not labelled (yet): containers may be in it all the same. */
static void add_wanted_realms(struct relist *relist)
{
	AUTO(strv_fini) struct strv labelled = { 0 };
	struct object *realm;

	for (size_t i = 0; i < relist->namespaces.n; i++)
		strv_add(&labelled, relist->namespaces.items[i]);
	if (labelled.n)
		qsort(labelled.items, labelled.n, sizeof(*labelled.items), compare_names);
	list_for_each(realm, &relist->engine->realms, realm_link) {
		AUTO_FREE char *name = engine_namespace(realm);

		if (labelled.n && bsearch(&name, labelled.items, labelled.n,
					  sizeof(*labelled.items), compare_names))
			continue;
		strv_add(&relist->namespaces, name);
		strv_add(&relist->realms, realm->key);
		if (believable(relist, &realm->backing.slot))
			realm->backing.applied = realm->backing.exists = false;
	}
}

static void on_namespaces(struct call *call)
{
	struct relist *relist = container_of(call, struct relist, call);

	if (call->status < 0)
		return relist_failed(relist, "containerd's namespaces");
	for (size_t i = 0; i < relist->namespaces.n; i++)
		note_realm(relist, relist->namespaces.items[i], relist->realms.items[i]);
	add_wanted_realms(relist);
	list_next_namespace(relist);
}

static void start_runtime(struct relist *relist)
{
	struct engine *engine = relist->engine;

	if (!engine->runtime_up) {
		*relist->problem = (struct relist_problem){ 0 }; /* that it is down says it */
		return relist_free(relist);
	}
	call_init(&relist->call, engine->loop, on_namespaces);
	engine->runtime->ops->list_namespaces(engine->runtime, &relist->namespaces, &relist->realms,
					      &relist->call);
}

void relist_runtime(struct engine *engine)
{
	start_runtime(relist_new(engine, start_runtime, &engine->relist_problems.runtime));
}

bool relist_runtime_is_under_way(const struct engine *engine)
{
	const struct relist *relist;

	list_for_each(relist, &engine->relists, link)
		if (relist->problem == &engine->relist_problems.runtime &&
		    !timer_active(&relist->again))
			return true;
	return false;
}

void relist_runtime_if_old(struct engine *engine)
{
	if (engine->runtime_up && !relist_runtime_is_under_way(engine) &&
	    loop_now_ms(engine->loop) - engine->relisted.runtime_ms >= OLD_MS)
		relist_runtime(engine);
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
	if (object->backing.applied && fact->drift)
		log_warning("the network of a space changed by another hand: %s key=%s",
			    fact->drift, object->key);
	object->backing.exists = true;
	object->backing.applied &= !fact->drift;
	replace_space(&object->backing.space, fact);
}

static void note_spaces(struct relist *relist)
{
	struct object *object;

	for (size_t i = 0; i < relist->network.n_spaces; i++) {
		struct space_fact *fact = &relist->network.spaces[i];
		bool is_new = !engine_find(relist->engine, fact->space_key);

		object = engine_get(relist->engine, fact->space_key);
		object->backing.slot.listed_seq = relist->mark;
		if (believe(relist, &object->backing.slot))
			note_space(object, fact);
		else
			relist->missed |= is_new || fact->drift;
	}
	map_for_each(object, &relist->engine->objects, node)
		if (object->kind == KIND_SPACE && object->backing.slot.listed_seq != relist->mark &&
		    !relist->network.problem.code && believe(relist, &object->backing.slot))
			object->backing.exists = object->backing.applied = false;
}

static bool has_fact(const struct attachment_fact *fact, const struct join *join)
{
	for (size_t i = 0; i < fact->n_joins; i++)
		if (str_equal(fact->joins[i].space_key, join->space_key))
			return true;
	return false;
}

static void note_joins(struct relist *relist, struct object *object,
		       const struct attachment_fact *fact)
{
	static const struct join_fact nothing = { 0 };
	struct join *join;

	list_for_each(join, &object->cell.joins, link)
		if (!has_fact(fact, join) && believe(relist, &join->slot))
			joins_observed(relist->engine, join, &nothing);
	for (size_t i = 0; i < fact->n_joins; i++) {
		join = joins_get(relist->engine, object, fact->joins[i].space_key);
		if (believe(relist, &join->slot))
			joins_observed(relist->engine, join, &fact->joins[i]);
		else
			relist->missed |= !fact->joins[i].attached;
	}
}

static void note_attachment(struct relist *relist, const struct attachment_fact *fact)
{
	struct engine *engine = relist->engine;
	bool is_new = !engine_find(engine, fact->cell_key);
	struct object *object = engine_get(engine, fact->cell_key);

	object->cell.network.listed_seq = relist->mark;
	if (!believe(relist, &object->cell.network)) {
		relist->missed |= is_new || !fact->attached;
		return;
	}
	observed_attachment(engine, object, fact);
	note_joins(relist, object, fact);
	if (fact->earlier_boot && !list_linked(&object->cell.earlier_link))
		list_append(&engine->earlier, &object->cell.earlier_link);
}

static void note_attachments(struct relist *relist)
{
	struct object *object;

	for (size_t i = 0; i < relist->network.n_attachments; i++)
		note_attachment(relist, &relist->network.attachments[i]);
	map_for_each(object, &relist->engine->objects, node)
		if (object->kind == KIND_CELL && object->cell.network.listed_seq != relist->mark &&
		    believe(relist, &object->cell.network))
			observed_no_network(relist->engine, object);
}

static void on_network_again(struct timer *timer)
{
	relist_network(container_of(timer, struct engine, network_again.timer));
}

/* A network cannot be inspected by itself: what was missed needs another relist. While many cells
 * come and go that is so again and again, so the pauses grow. */
static void relist_again_if_missed(const struct relist *relist)
{
	struct engine *engine = relist->engine;
	uint64_t pause_ms = 2 * engine->network_again.pause_ms;

	if (!relist->missed)
		engine->network_again.pause_ms = 0;
	if (!relist->missed || engine->closing || timer_active(&engine->network_again.timer))
		return;
	pause_ms = pause_ms ? pause_ms : AGAIN_MS;
	engine->network_again.pause_ms = pause_ms < AGAIN_LAST_MS ? pause_ms : AGAIN_LAST_MS;
	timer_start(engine->loop, &engine->network_again.timer, engine->network_again.pause_ms,
		    on_network_again);
}

static void on_network(struct call *call)
{
	struct relist *relist = container_of(call, struct relist, call);

	if (call->status < 0)
		return relist_failed(relist, "networks");
	relist->mark = ++relist->engine->seq;
	note_spaces(relist);
	note_attachments(relist);
	filter_mark_stale(relist->engine);
	ways_mark_switches_stale(relist->engine);
	hosts_files_open(relist->engine);
	relist_again_if_missed(relist);
	relist_done(relist, &relist->engine->relisted.network, "networks",
		    &relist->network.problem);
}

static void start_network(struct relist *relist)
{
	call_init(&relist->call, relist->engine->loop, on_network);
	relist->engine->network->ops->list(relist->engine->network, &relist->network,
					   &relist->call);
}

void relist_network(struct engine *engine)
{
	engine_invalidate_managers(engine);
	start_network(relist_new(engine, start_network, &engine->relist_problems.network));
}

/* ---- cgroups ---- */

static void note_cgroup(struct relist *relist, const struct cgroup_fact *fact)
{
	struct object *object = engine_get(relist->engine, fact->key);

	object->cgroup.listed_seq = relist->mark;
	if (believe(relist, &object->cgroup))
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
	if (relist->cgroups.problem.code && believable(relist, &object->cgroup))
		object->cgroup.known = false;
	else if (!relist->cgroups.problem.code && believe(relist, &object->cgroup))
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

void relist_all(struct engine *engine)
{
	relist_network(engine);
	relist_cgroups(engine);
	if (engine->runtime_up)
		relist_runtime(engine);
}
