/* SPDX-License-Identifier: Apache-2.0 */
#include "core/reconcile/relist_private.h"

#include "core/desired/asked.h"
#include "core/reconcile/observed.h"

/* A relist costs about a call for each namespace, and time for every container in it. */
enum { OLD_MS = 60 * 1000 };

static void note_realm(struct relist *relist, const char *namespace_, const char *realm)
{
	struct object *object = engine_get(relist->engine, realm);

	if (relist_may_speak(relist, &object->backing.slot))
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
	if (relist_is_overtaken(relist, &c->slot))
		return;
	if (relist_speaks(relist, &c->slot) && !needs_inspection(c, fact)) {
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

		if (c->slot.listed_seq == relist->mark || relist_is_overtaken(relist, &c->slot))
			continue;
		if (relist_speaks(relist, &c->slot) && there)
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
		if (relist_may_speak(relist, &realm->backing.slot))
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
