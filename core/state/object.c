/* SPDX-License-Identifier: Apache-2.0 */
#include "core/state/object.h"

#include <errno.h>

#include "core/state/self.h"

static const char *const intent_names[] = {
	[INTENT_RUN] = "",
	[INTENT_STOP] = "stop",
	[INTENT_KILL] = "kill",
	[INTENT_RESTART] = "restart",
};

const char *intent_name(enum run_intent intent)
{
	check(intent < ARRAY_SIZE(intent_names));
	return intent_names[intent];
}

enum run_intent intent_parse(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(intent_names); i++)
		if (str_equal(name, intent_names[i]))
			return (enum run_intent)i;
	return INTENT_RUN;
}

enum run_intent cell_intent(const struct object *object)
{
	const struct container *root = cell_root(object);

	return object->cell.run || !root ? object->cell.run : root->run;
}

struct object *object_new(const char *key)
{
	struct object *object = xnew(struct object);

	object->key = xstrdup(key);
	object->kind = key_kind(key);
	object->is_self = self_is_key(key);
	list_init(&object->claims);
	list_init(&object->cell.containers);
	list_init(&object->cell.joins);
	list_init(&object->backing.cells);
	list_init(&object->cell.declared_ports);
	object->cgroup.known = true;
	object->status.state = API__STATE__STATE_UNKNOWN;
	object->status.reason = REASON_STARTING;
	return object;
}

static size_t find_kept(const struct object *cell, const char *name)
{
	size_t i = 0;

	while (i < cell->cell.kept.n && strcmp(cell->cell.kept.items[i], name) != 0)
		i++;
	return i;
}

void object_keep(struct object *object)
{
	if (!object->kept && object->kind == KIND_CONTAINER)
		strv_add(&object->parent->cell.kept, key_name(object->key));
	object->kept = true;
}

void object_unkeep(struct object *object)
{
	struct strv *kept = object->parent ? &object->parent->cell.kept : NULL;

	if (object->kept && object->kind == KIND_CONTAINER) {
		size_t i = find_kept(object->parent, key_name(object->key));

		free(kept->items[i]);
		kept->items[i] = kept->items[--kept->n];
	}
	object->kept = false;
}

void object_set_unread(struct object *object, const char *why, bool below)
{
	free(object->unread);
	strv_fini(&object->cell.kept);
	object->unread = xstrdup(why);
	object->unlisted = below;
	if (!object->wanted)
		object_keep(object);
}

bool cell_may_have(const struct object *cell, const char *container)
{
	return find_kept(cell, container) < cell->cell.kept.n;
}

static void backing_fini(struct backing *backing)
{
	slot_fini(&backing->slot);
	space_fact_fini(&backing->space);
	space_passage_fini(&backing->passage);
	free(backing->namespace_);
	free(backing->unlisted_why);
	free(backing->filtered);
	free(backing->filter_problem);
	free(backing->routed);
	free(backing->overlap);
	free(backing->egress_problem);
}

static void hosts_known_fini(struct hosts_known *hosts)
{
	cellfiles_written_fini(&hosts->files);
	free(hosts->ip);
	free(hosts->ip6);
}

/* What was seen of its network, and what became of its ports. */
static void cell_seen_fini(struct cell *cell)
{
	slot_fini(&cell->network);
	free(cell->ip);
	free(cell->ip6);
	free(cell->bridge);
	free(cell->link.name);
	free(cell->reservation);
	free(cell->reservation6);
	free(cell->drift);
	free(cell->last_ip);
	free(cell->last_ip6);
	strv_fini(&cell->ports);
	free(cell->port_conflict);
	free(cell->port_taken);
}

static void cell_fini(struct cell *cell)
{
	struct container *container;
	struct join *join;

	check(list_empty(&cell->declared_ports) && !cell->folded.text);
	list_for_each(container, &cell->containers, link)
		cell_remove_container(container);
	list_for_each(join, &cell->joins, link)
		cell_remove_join(join);
	strv_fini(&cell->kept);
	cell_seen_fini(cell);
	free(cell->rival);
	hosts_known_fini(&cell->hosts);
	protobuf_c_message_free_unpacked((ProtobufCMessage *)cell->effective, NULL);
}

void object_free(struct object *object)
{
	if (!object)
		return;
	check(list_empty(&object->claims) && !list_linked(&object->queued) &&
	      !list_linked(&object->dirty) && !list_linked(&object->fresh));
	check(!timer_active(&object->wake) && object->actions == 0 && object->children == 0);
	backing_fini(&object->backing);
	cell_fini(&object->cell);
	slot_fini(&object->cgroup);
	strv_fini(&object->controllers);
	free(object->unread);
	free(object->source);
	free(object->refused);
	free(object->status.message);
	protobuf_c_message_free_unpacked(object->spec, NULL);
	free(object->key);
	free(object);
}

bool object_is_usable(const struct object *object)
{
	return object->status.state == API__STATE__STATE_READY ||
	       object->status.reason == REASON_SPEC_REFUSED ||
	       object->status.reason == REASON_RANGE_OVERLAPS;
}

bool object_exists(const struct object *object)
{
	struct container *container;

	if (object->cgroup_exists || object->backing.exists || object->actions)
		return true;
	if (object->cell.pinned || object->cell.intent)
		return true;
	list_for_each(container, &object->cell.containers, link)
		if (container->record || container->snapshot || container->task != TASK_NONE)
			return true;
	return false;
}

const Api__CellSpec *object_cell_spec(const struct object *object)
{
	check(object->kind == KIND_CELL);
	return object->spec ? ((const Api__Cell *)object->spec)->spec : NULL;
}
