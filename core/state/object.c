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

void container_forget_past(struct container *container)
{
	bool lives = container->task != TASK_NONE && container->task != TASK_STOPPED;

	if (!lives) /* one that is just being stopped still ends as one that was asked to */
		container->exited = container->stopping = false;
	container->restarts = container->restarts_in_row = 0;
	container->renew = true;
	slot_forgive(&container->slot);
}

void container_forget_signals(struct container *container)
{
	container->stop_tried_ms = container->stop_sent_ms = container->kill_sent_ms = 0;
	container->kills = 0;
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
	list_init(&object->cell.declared_ports);
	object->cgroup.known = true;
	object->status.state = API__STATE__STATE_UNKNOWN;
	object->status.reason = REASON_STARTING;
	return object;
}

/* Pauses between tries double from the first to the last. */
enum {
	TRANSIENT_FIRST_MS = 100,
	TRANSIENT_LAST_MS = 5000,
	PERMANENT_FIRST_MS = 1000,
	PERMANENT_LAST_MS = 60 * 1000,
};

static uint64_t retry_pause_ms(unsigned failures, int code)
{
	bool transient = error_is_transient(code);
	uint64_t pause_ms = transient ? TRANSIENT_FIRST_MS : PERMANENT_FIRST_MS;
	uint64_t last_ms = transient ? TRANSIENT_LAST_MS : PERMANENT_LAST_MS;

	for (unsigned i = 1; i < failures && pause_ms < last_ms; i++)
		pause_ms *= 2;
	return pause_ms < last_ms ? pause_ms : last_ms;
}

/* What was taken down before it was made again does not count any more. The other way round it
 * does: what cannot be made is taken down and tried again, after ever longer pauses. */
static bool supersedes(enum action action, enum action failed)
{
	switch (action) {
	case ACTION_TASK_START:
		return true;
	case ACTION_CONTAINER_CREATE:
		return failed == ACTION_CONTAINER_REMOVE;
	case ACTION_NETNS_CREATE:
	case ACTION_NETWORK_ATTACH:
		return failed == ACTION_NETWORK_DETACH;
	case ACTION_NETWORK_JOIN:
		return failed == ACTION_NETWORK_LEAVE;
	case ACTION_CGROUP_ENSURE:
		return failed == ACTION_CGROUP_KILL || failed == ACTION_CGROUP_REMOVE;
	case ACTION_NAMESPACE_ENSURE:
		return failed == ACTION_NAMESPACE_REMOVE;
	case ACTION_SPACE_ENSURE:
		return failed == ACTION_SPACE_REMOVE;
	default:
		return false;
	}
}

void slot_succeeded(struct slot *slot, enum action action)
{
	if (slot->failed_action == action || supersedes(action, slot->failed_action))
		slot_forgive(slot);
}

void slot_failed(struct slot *slot, enum action action, const struct error *err, uint64_t now_ms)
{
	slot->failures = slot->failed_action == action ? slot->failures + 1 : 1;
	slot->failed_action = action;
	slot->failure_code = err->code;
	slot->retry_at_ms = now_ms + retry_pause_ms(slot->failures, err->code);
	free(slot->failure);
	slot->failure = xstrdup(err->msg);
}

void slot_forgive(struct slot *slot)
{
	free(slot->failure);
	slot->failure = NULL;
	slot->failures = 0;
	slot->failed_action = ACTION_NONE;
}

void slot_fini(struct slot *slot)
{
	free(slot->failure);
	*slot = (struct slot){ 0 };
}

char *object_filter_text(const char *bridge, const char *subnet, const char *subnet6, bool denies)
{
	return xasprintf("%s %s%s%s%s", bridge ? bridge : "", subnet ? subnet : "",
			 subnet6 ? " " : "", subnet6 ? subnet6 : "", denies ? " deny" : "");
}

bool object_denies_egress(const struct object *space)
{
	const Api__SpaceSpec *spec = space->spec ? ((const Api__Space *)space->spec)->spec : NULL;

	return !spec || (spec->network && model_egress_denies(spec->network->egress));
}

bool object_is_filtered(const struct object *space)
{
	const struct space_fact *fact = &space->own.space;
	AUTO_FREE char *text = object_filter_text(fact->bridge, fact->subnet, fact->subnet6,
						  object_denies_egress(space));

	return str_equal(space->own.filtered, text);
}

bool object_is_routed(const struct object *space)
{
	const struct space_fact *fact = &space->own.space;
	AUTO_FREE char *text = object_filter_text(fact->bridge, fact->subnet, fact->subnet6, false);

	return str_equal(space->own.routed, text);
}

/* One that has an address there already is not better off without it: its neighbours reach it. */
bool object_refuses_new(const struct object *space, const char *last_ip)
{
	return space->own.unreachable && !last_ip;
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

void object_free(struct object *object)
{
	struct container *container;
	struct join *join;

	if (!object)
		return;
	check(list_empty(&object->claims) && !list_linked(&object->queued) &&
	      !list_linked(&object->dirty) && !list_linked(&object->fresh) &&
	      list_empty(&object->cell.declared_ports));
	check(!timer_active(&object->wake) && object->actions == 0 && object->children == 0);
	list_for_each(container, &object->cell.containers, link)
		cell_remove_container(container);
	list_for_each(join, &object->cell.joins, link)
		cell_remove_join(join);
	slot_fini(&object->cgroup);
	slot_fini(&object->own.slot);
	slot_fini(&object->cell.network);
	strv_fini(&object->controllers);
	space_fact_fini(&object->own.space);
	free(object->unread);
	strv_fini(&object->cell.kept);
	free(object->own.namespace_);
	free(object->own.unlooked);
	free(object->own.filtered);
	free(object->own.filter_problem);
	free(object->own.routed);
	free(object->own.overlap);
	space_passage_fini(&object->own.passage);
	free(object->own.egress_problem);
	free(object->cell.ip);
	free(object->cell.ip6);
	free(object->cell.bridge);
	free(object->cell.link.name);
	free(object->cell.reservation);
	free(object->cell.reservation6);
	free(object->cell.drift);
	free(object->cell.last_ip);
	free(object->cell.last_ip6);
	strv_fini(&object->cell.ports);
	free(object->cell.port_conflict);
	free(object->cell.port_taken);
	check(!object->cell.folded);
	free(object->cell.rival);
	cellfiles_written_fini(&object->cell.hosts.files);
	free(object->cell.hosts.ip);
	free(object->cell.hosts.ip6);
	free(object->source);
	free(object->refused);
	free(object->status.message);
	protobuf_c_message_free_unpacked(object->spec, NULL);
	protobuf_c_message_free_unpacked((ProtobufCMessage *)object->cell.effective, NULL);
	free(object->key);
	free(object);
}

struct container *cell_find_container(struct object *object, const char *role)
{
	struct container *container;

	list_for_each(container, &object->cell.containers, link)
		if (strcmp(container->role, role) == 0)
			return container;
	return NULL;
}

struct container *cell_add_container(struct object *object, const char *role, const char *name)
{
	struct container *container = xnew(struct container);

	container->role = xstrdup(role);
	container->name = xstrdup(name);
	container->containerd_id = name_containerd_id(object->key, role);
	container->index_key = xasprintf("%.*s/%s", (int)strcspn(object->key, "/"), object->key,
					 container->containerd_id);
	container->object = object;
	container->slot.known = true;
	container->stop_signal = model_stop_signal(NULL);
	container->stop_grace_ms = model_stop_grace_ms(NULL);
	list_append(&object->cell.containers, &container->link);
	return container;
}

void cell_remove_container(struct container *container)
{
	check(!container->slot.busy);
	list_remove(&container->link);
	slot_fini(&container->slot);
	free(container->role);
	free(container->name);
	free(container->containerd_id);
	free(container->index_key);
	free(container->seen_hash);
	free(container->image_digest);
	free(container->seen_name);
	free(container);
}

struct join *cell_find_join(const struct object *object, const char *space_key)
{
	struct join *join;

	list_for_each(join, &object->cell.joins, link)
		if (strcmp(join->space_key, space_key) == 0)
			return join;
	return NULL;
}

struct join *cell_add_join(struct object *object, const char *space_key)
{
	struct join *join = xnew(struct join);
	struct list *position = object->cell.joins.next;

	join->object = object;
	join->space_key = xstrdup(space_key);
	join->index_key = xasprintf("%s %s", space_key, object->key);
	join->slot.known = true;
	while (position != &object->cell.joins &&
	       strcmp(list_entry(position, struct join, link)->space_key, space_key) < 0)
		position = position->next;
	list_insert_before(position, &join->link);
	return join;
}

void cell_remove_join(struct join *join)
{
	check(!join->slot.busy);
	list_remove(&join->link);
	slot_fini(&join->slot);
	free(join->index_key);
	free(join->space_key);
	free(join->interface);
	free(join->ip);
	free(join->ip6);
	free(join->bridge);
	free(join->reservation);
	free(join->reservation6);
	free(join->drift);
	free(join->last_ip);
	free(join->last_ip6);
	free(join->link_on_host.name);
	free(join);
}

bool container_is_gone(const struct container *c)
{
	return !c->spec && !c->record && !c->snapshot && c->task == TASK_NONE && !c->slot.busy &&
	       c->slot.known;
}

bool container_is_root(const struct container *container)
{
	return strcmp(container->role, "root") == 0;
}

struct container *cell_root(const struct object *object)
{
	return cell_find_container((struct object *)object, "root");
}

bool object_is_usable(const struct object *object)
{
	return object->status.state == API__STATE__STATE_READY ||
	       object->status.reason == REASON_SPEC_REFUSED ||
	       object->status.reason == REASON_RANGE_OVERLAPS;
}

bool object_refuses_ranges(const struct object *space)
{
	const struct slot *slot = &space->own.slot;

	return slot->failures && slot->failed_action == ACTION_SPACE_ENSURE &&
	       slot->failure_code == -EBUSY;
}

bool object_exists(const struct object *object)
{
	struct container *container;

	if (object->cgroup_exists || object->own.exists || object->actions)
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

void container_settle_stored_restart(struct container *c)
{
	struct object *object = c->object;
	bool done = c->run_pid && c->run_pid != c->restart_of;

	if (!c->restart_stored)
		return;
	c->restart_stored = false;
	if (done && c->run == INTENT_RESTART)
		c->run = INTENT_RUN;
	if (done && container_is_root(c) && object->cell.run == INTENT_RESTART)
		object->cell.run = INTENT_RUN;
}
