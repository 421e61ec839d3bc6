/* SPDX-License-Identifier: Apache-2.0 */
#include "core/state/engine.h"

#include "core/base/log.h"
#include "core/base/wall.h"
#include "core/state/addresses.h"
#include "core/state/unplaced.h"

/* ---- objects ---- */

struct object *engine_find(struct engine *engine, const char *key)
{
	return map_entry(map_find(&engine->objects, key), struct object, node);
}

/* What cannot be listed may hold it. */
static void inherit_unread(const struct engine *engine, struct object *object)
{
	const struct object *parent = object->parent;
	const char *why = !parent ? engine->unread : parent->unlisted ? parent->unread : NULL;

	if (why)
		object_set_unread(object, why, true);
}

/* Until when what a listing tells of something new may be out of date. */
static uint64_t unseen_seq(const struct engine *engine, const char *name)
{
	uint64_t hinted_seq = unplaced_seq(engine, name);

	return hinted_seq > engine->forgot_seq ? hinted_seq : engine->forgot_seq;
}

struct object *engine_get(struct engine *engine, const char *key)
{
	struct object *object = engine_find(engine, key);
	AUTO_FREE char *parent = NULL;

	if (object)
		return object;
	object = object_new(key);
	object->cgroup.changed_seq = unseen_seq(engine, key);
	object->backing.slot.changed_seq = object->cell.network.changed_seq = engine->forgot_seq;
	parent = key_parent(key);
	if (parent) {
		object->parent = engine_get(engine, parent);
		object->parent->children++;
	} else {
		list_append(&engine->realms, &object->realm_link);
	}
	map_insert(&engine->objects, &object->node, object->key);
	if (object->kind == KIND_SPACE)
		map_insert(&engine->spaces, &object->space_node, object->key);
	if (object->kind == KIND_CELL)
		engine->cells[object->status.state]++;
	inherit_unread(engine, object);
	return object;
}

void engine_drop(struct engine *engine, struct object *object)
{
	struct object *parent = object->parent;

	list_remove(&object->realm_link);
	map_remove(&engine->objects, &object->node);
	if (object->kind == KIND_SPACE)
		map_remove(&engine->spaces, &object->space_node);
	if (object->kind == KIND_CELL)
		engine->cells[object->status.state]--;
	object_free(object);
	progress_made(&engine->progress);
	if (parent) {
		parent->children--;
		engine_invalidate_cgroup(engine, parent);
	}
}

struct object *engine_find_realm(struct engine *engine, const char *namespace_)
{
	struct object *realm;

	list_for_each(realm, &engine->realms, realm_link)
		if (str_equal(realm->backing.namespace_, namespace_))
			return realm;
	return NULL;
}

struct container *engine_find_container(struct engine *engine, const char *realm,
					const char *containerd_id)
{
	AUTO_FREE char *key = xasprintf("%s/%s", realm, containerd_id);

	return map_entry(map_find(&engine->containers, key), struct container, node);
}

struct container *engine_add_container(struct engine *engine, struct object *object,
				       const char *role, const char *name)
{
	struct container *container = cell_add_container(object, role, name);

	container->slot.changed_seq = unseen_seq(engine, container->index_key);
	check(map_insert(&engine->containers, &container->node, container->index_key));
	return container;
}

void engine_remove_container(struct engine *engine, struct container *container)
{
	engine->forgot_seq = ++engine->seq;
	map_remove(&engine->containers, &container->node);
	cell_remove_container(container);
}

static struct host_link *find_link(struct engine *engine, const char *name)
{
	return map_entry(map_find(&engine->links, name), struct host_link, node);
}

struct object *engine_find_link(struct engine *engine, const char *link)
{
	const struct host_link *found = find_link(engine, link);

	return found ? found->object : NULL;
}

/* Of two that claim the same name, which cannot be for long, the later one has it. */
void engine_set_link(struct engine *engine, struct host_link *link, struct object *object,
		     const char *name)
{
	struct host_link *other;

	link->object = object;
	if (str_equal(link->name, name))
		return;
	if (link->name)
		map_remove(&engine->links, &link->node);
	free(take_ptr(link->name));
	if (!name)
		return;
	other = find_link(engine, name);
	if (other)
		engine_set_link(engine, other, NULL, NULL);
	link->name = xstrdup(name);
	map_insert(&engine->links, &link->node, link->name);
}

void engine_invalidate(struct engine *engine, struct object *object, struct slot *slot)
{
	slot->known = false;
	slot->changed_seq = ++engine->seq;
	engine_enqueue(engine, object);
}

void engine_invalidate_managers(const struct engine *engine)
{
	if (engine->managers)
		engine->managers->ops->doubt(engine->managers);
}

void engine_invalidate_cgroup(struct engine *engine, struct object *object)
{
	engine_invalidate(engine, object, &object->cgroup);
}

void engine_want_anew(struct engine *engine, struct slot *slot)
{
	slot->wanted_seq = ++engine->seq;
	slot_retry_now(slot);
}

void engine_want_object_anew(struct engine *engine, struct object *object)
{
	struct container *c;

	engine_want_anew(engine, &object->cgroup);
	engine_want_anew(engine, &object->backing.slot);
	engine_want_anew(engine, &object->cell.network);
	list_for_each(c, &object->cell.containers, link)
		engine_want_anew(engine, &c->slot);
}

char *engine_namespace(const struct object *object)
{
	const Api__Realm *realm = (const Api__Realm *)object->spec;

	check(object->kind == KIND_REALM);
	if (object->backing.namespace_)
		return xstrdup(object->backing.namespace_);
	if (realm && realm->spec && !str_empty(realm->spec->namespace_))
		return xstrdup(realm->spec->namespace_);
	return name_containerd_namespace(object->key);
}

/* ---- looking ---- */

bool engine_is_releasing(const struct engine *engine)
{
	struct object *object;

	list_for_each(object, &engine->earlier, cell.earlier_link)
		if (object->wanted || (engine->desired.complete && !object->kept))
			return true;
	return false;
}

void engine_released(struct engine *engine, struct object *object)
{
	if (!list_linked(&object->cell.earlier_link))
		return;
	list_remove(&object->cell.earlier_link);
	if (!engine_is_releasing(engine))
		engine_enqueue_all(engine);
}

const char *engine_relist_problem(const struct engine *engine)
{
	const struct relist_problem *const problems[] = {
		&engine->relist_problems.runtime,
		&engine->relist_problems.network,
		&engine->relist_problems.cgroup,
	};

	for (size_t i = 0; i < ARRAY_SIZE(problems); i++)
		if (problems[i]->err.code)
			return problems[i]->err.msg;
	return NULL;
}

bool engine_has_relisted(const struct engine *engine)
{
	bool runtime =
		engine->relisted.runtime || (!engine->runtime_up && engine->runtime_problem.code);

	return runtime && engine->relisted.network && engine->relisted.cgroup &&
	       (engine->desired.complete || engine->desired.problem.code);
}

void engine_enqueue(struct engine *engine, struct object *object)
{
	if (!engine->closing)
		queue_add(&engine->queue, object);
}

void engine_enqueue_all(struct engine *engine)
{
	struct object *object;

	map_for_each(object, &engine->objects, node)
		engine_enqueue(engine, object);
}

void engine_changed(struct engine *engine, const struct object *object, bool gone)
{
	struct engine_watcher *watcher;

	list_for_each(watcher, &engine->watchers, link)
		watcher->on_change(watcher, object, gone);
}
