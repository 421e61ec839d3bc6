/* SPDX-License-Identifier: Apache-2.0 */
#include "core/store/store_load.h"

#include <errno.h>
#include <stdio.h>

#include "core/base/log.h"
#include "core/base/wall.h"
#include "core/desired/desired.h"
#include "core/model/view.h"
#include "core/network/filter.h"
#include "core/network/joins.h"
#include "core/network/network_ports.h"
#include "core/plan/restart.h"
#include "core/status/status.h"
#include "core/store/internal.h"
#include "core/store/store.h"
#include "core/store/store_read.h"

static void set_aside(struct engine *engine, const char *path, const struct error *err)
{
	log_warning("store: %s; set aside as %s" STORE_DAMAGED, err->msg, path);
	if (engine->store)
		store_set_aside(engine->store, path);
	else
		store_rename_damaged(path);
}

/* ---- what a stored status brings back ---- */

/* A restart that may have been done since: never twice. */
static void restore_restart(struct container *c, const Api__ContainerStatus *status)
{
	bool seen = c->object->being_read && c->slot.known;

	if (c->run != INTENT_RESTART && c->object->cell.run != INTENT_RESTART)
		return;
	c->restart_of = status->pid;
	c->restart_stored = true;
	if (seen)
		container_settle_stored_restart(c);
	else
		container_forget_past(c);
}

/* Whatever the counter says, none is used twice. */
static void restore_changed(struct engine *engine, struct identity *identity, uint64_t changed)
{
	if (!changed)
		return;
	identity->changed = changed;
	if (engine->version < changed)
		engine->version = changed;
}

static void restore_identity(struct engine *engine, struct identity *identity,
			     const Api__InternalContainer *internal)
{
	identity_restore(identity, internal->uid, internal->generation);
	restore_changed(engine, identity, internal->changed);
}

/* What is stored of an object beside its document. */
struct past {
	const Api__Status *status;
	const Api__Internal *internal;
};

static void restore_past(struct engine *engine, struct container *c,
			 const Api__ContainerStatus *status, bool ended)
{
	c->exit_code = status->exit_code;
	c->started_wall_ms = wall_parse(status->started_at);
	c->finished_wall_ms = wall_parse(status->finished_at);
	c->stored_pid = c->run_pid = status->pid;
	c->oom_killed = status->oom_killed;
	c->exited = ended;
	c->exited_ms = restart_loop_time(loop_now_ms(engine->loop), loop_wall_ms(engine->loop),
					 c->finished_wall_ms);
}

static void restore_container(struct engine *engine, struct object *object,
			      const Api__ContainerStatus *status,
			      const Api__InternalContainer *internal)
{
	enum run_intent run = intent_parse(status->intent);
	struct container *c;

	list_for_each(c, &object->cell.containers, link) {
		if (!str_equal(c->name, status->id))
			continue;
		if (run != INTENT_RUN && run != INTENT_RESTART)
			c->run = run;
		if (c->spec)
			restore_identity(engine, &c->identity, internal);
		if (container_is_root(c) != status->root) /* one of this name on its way out */
			continue;
		if (run == INTENT_RESTART)
			c->run = run;
		c->pull_requested = status->pull_requested;
		c->restarts = status->restart_count;
		c->restarts_in_row = internal->restarts_in_row;
		if (!object->being_read || !c->slot.known)
			restore_past(engine, c, status,
				     internal->ended); /* else what it does has been seen */
		restore_restart(c, status);
	}
}

/* Of what has been declared by a manifest before it could be read: what it did meanwhile is known
 * better here. */
static void restore_intents(struct object *object, const Api__Status *status)
{
	struct container *c;

	object->cell.run = intent_parse(status->intent);
	for (size_t i = 0; i < status->n_containers; i++)
		list_for_each(c, &object->cell.containers, link) {
			if (!str_equal(c->name, status->containers[i]->id))
				continue;
			c->run = intent_parse(status->containers[i]->intent);
			c->pull_requested = status->containers[i]->pull_requested;
			if (container_is_root(c) == status->containers[i]->root)
				restore_restart(c, status->containers[i]);
		}
}

static void restore_containers(struct engine *engine, struct object *object,
			       const struct past *past)
{
	for (size_t i = 0; i < past->status->n_containers; i++) {
		const Api__ContainerStatus *status = past->status->containers[i];

		restore_container(engine, object, status,
				  internal_container(past->internal, status->id, status->root));
	}
}

static void restore_addresses(struct object *object, const struct past *past)
{
	if (!str_empty(past->status->ip))
		str_replace(&object->cell.last_ip, past->status->ip);
	if (!str_empty(past->status->ip6))
		str_replace(&object->cell.last_ip6, past->status->ip6);
	joins_restore(object, past->status);
	internal_restore(object, past->internal);
}

static void restore_status(struct engine *engine, struct object *object, const struct past *past)
{
	const Api__Status *status = past->status;

	object->status.created_ms = wall_parse(status->created_at);
	object->status.updated_ms = wall_parse(status->updated_at);
	object->status.ready_ms = wall_parse(status->ready_at);
	object->status.told = object->status.told_before = status->has_state;
	object->status.told_state = status->state;
	object->status.told_reason = reason_parse(status->reason);
	restore_addresses(object, past);
	strv_fini(&object->cell.ports);
	for (size_t i = 0; i < status->n_ports; i++)
		strv_add(&object->cell.ports, status->ports[i]);
	ports_mark_stale(engine, object);
	object->cell.run = intent_parse(status->intent);
	restore_containers(engine, object, past);
}

/* ---- files ---- */

static int check_key(const char *path, const char *key, enum kind kind,
		     const ProtobufCMessage *message, struct error *err)
{
	AUTO_FREE char *own_key = NULL;
	struct model_problems problems = { 0 };
	int r = 0;

	model_validate(kind, message, &problems);
	if (problems.n)
		r = error_set(err, -EINVAL, "%s: %s: %s", path, problems.items[0].path,
			      problems.items[0].message);
	else if (!str_equal(own_key = model_key(kind, message), key))
		r = error_set(err, -EINVAL, "%s: it is the file of %s but describes %s", path, key,
			      own_key);
	model_problems_fini(&problems);
	return r;
}

/* The document, checked, with defaults. */
static int complete(const struct stored *file, const ProtobufCMessage *stored,
		    ProtobufCMessage **ret_document, struct error *err)
{
	enum kind kind = key_kind(file->key);
	ProtobufCMessage *document = model_copy(stored);
	int r;

	model_set_defaults(kind, document);
	r = check_key(file->path, file->key, kind, document, err);
	if (r < 0)
		protobuf_c_message_free_unpacked(document, NULL);
	else
		*ret_document = document;
	return r;
}

/* Such a file is for people: what it says stands in the cell's. */
static bool is_part_of_cell(enum kind kind, const ProtobufCMessage *stored)
{
	const Api__ContainerStatus *status =
		kind == KIND_CONTAINER ? ((const Api__Container *)stored)->status : NULL;

	return status && str_equal(status->source, DESIRED_SOURCE_CELL);
}

/* ---- into the engine ---- */

/* Somebody may still want what a damaged file described: it stays as it is until it is said anew.
 */
static void load_damaged(struct engine *engine, const struct stored *file, const struct error *err)
{
	struct object *object = engine_get(engine, file->key);

	set_aside(engine, file->path, err);
	object->being_read = false;
	if (!object->wanted)
		object_keep(object);
	engine_enqueue(engine, object);
}

static void mark_unread(struct engine *engine, struct object *object, const char *why, bool below)
{
	object->being_read = false;
	object_set_unread(object, why, below);
	engine_enqueue(engine, object);
}

/* Of a container: the cell cannot be judged without it. */
static char *unread_key(const struct stored *file)
{
	bool container = *file->key && key_kind(file->key) == KIND_CONTAINER;

	return container ? key_parent(file->key) : xstrdup(file->key);
}

static void load_unread(struct engine *engine, const struct stored *file, bool below)
{
	AUTO_FREE char *key = unread_key(file);
	AUTO_FREE char *prefix = *key ? xasprintf("%s/", key) : xstrdup("");
	struct map_node *node = map_find_from(&engine->objects, prefix);

	if (*key)
		mark_unread(engine, engine_get(engine, key), file->err.msg, below);
	else
		str_replace(&engine->unread, file->err.msg);
	for (; below && node && str_starts_with(node->key, prefix); node = map_next(node)) {
		struct object *object = map_entry(node, struct object, node);

		if (object->being_read)
			mark_unread(engine, object, file->err.msg, true);
	}
}

static void load_status(struct engine *engine, struct object *object,
			const struct internal_file *file, bool was_wanted)
{
	static const Api__Internal none = API__INTERNAL__INIT;
	struct past past = { .internal = file->internal ? file->internal : &none };
	const Api__Metadata *metadata = model_metadata(object->kind, file->document);

	if (metadata && object->kind != KIND_CONTAINER)
		identity_restore(&object->identity, metadata->uid,
				 metadata->generation + (was_wanted ? 1 : 0));
	if (!was_wanted)
		restore_changed(engine, &object->identity, past.internal->changed);
	if (object->kind != KIND_CONTAINER)
		past.status = model_status(object->kind, file->document);
	if (past.status && was_wanted)
		restore_intents(object, past.status);
	else if (past.status)
		restore_status(engine, object, &past);
}

/* Where it was declared, and why it was held. */
static const char *source_of(enum kind kind, const ProtobufCMessage *stored, const char **ret_held)
{
	const Api__ContainerStatus *own;
	const Api__Status *status;

	*ret_held = NULL;
	if (kind == KIND_CONTAINER) {
		own = ((const Api__Container *)stored)->status;
		*ret_held = own ? own->held : NULL;
		return own ? own->source : NULL;
	}
	status = model_status(kind, stored);
	*ret_held = status ? status->held : NULL;
	return status ? status->source : NULL;
}

/* What stands in the cell's own document is no document of its own, whatever its file said. */
static void unkeep_own_containers(struct engine *engine, struct object *cell)
{
	struct container *c;

	list_for_each(c, &cell->cell.containers, link) {
		AUTO_FREE char *key = xasprintf("%s/%s", cell->key, c->name);
		struct object *container = c->spec ? engine_find(engine, key) : NULL;

		if (!container || container->wanted)
			continue;
		object_unkeep(container);
		engine_enqueue(engine, container);
	}
}

static void load_document(struct engine *engine, const struct stored *file,
			  const struct internal_file *stored, ProtobufCMessage *document)
{
	enum kind kind = key_kind(file->key);
	struct object *object = engine_get(engine, file->key);
	bool was_wanted = object->wanted && object->being_read;
	const char *source, *held;

	source = source_of(kind, stored->document, &held);
	desired_restore(engine, source, file->key, held, document);
	load_status(engine, object, stored, was_wanted);
	object->stored = true;
	if (kind == KIND_CELL)
		unkeep_own_containers(engine, object);
}

static void load_text(struct engine *engine, const struct stored *file)
{
	struct internal_file stored AUTO(internal_file_fini) = { 0 };
	enum kind kind = key_kind(file->key);
	ProtobufCMessage *document;
	struct error err;

	if (internal_parse(file->path, &file->text, kind, &stored, &err) < 0)
		load_damaged(engine, file, &err);
	else if (is_part_of_cell(kind, stored.document))
		; /* the cell's tells it */
	else if (complete(file, stored.document, &document, &err) < 0)
		load_damaged(engine, file, &err);
	else
		load_document(engine, file, &stored, document);
}

static void load(struct engine *engine, const struct stored *file)
{
	if (file->what == STORED_TEXT)
		load_text(engine, file);
	else if (file->what == STORED_NOTHING)
		engine_get(engine, file->key); /* nobody wants it: it goes */
	else if (stored_is_damaged(file))
		load_damaged(engine, file, &file->err);
	else
		load_unread(engine, file, file->what == STORED_UNLISTED);
}

static void on_stored(void *ctx, struct stored *stored)
{
	load(ctx, stored);
	stored_free(stored);
}

void store_load(struct engine *engine)
{
	store_read_all(engine->run_path, on_stored, engine);
}

/* ---- once more ---- */

/* By itself, not because of what it is below. */
static bool is_unread(const struct engine *engine, const struct object *object)
{
	return object->unread &&
	       !(object->parent ? object->parent->unlisted : engine->unread != NULL);
}

void store_unread_keys(const struct engine *engine, struct strv *ret_files, struct strv *ret_trees)
{
	const struct object *object;

	if (engine->unread)
		strv_add(ret_trees, "");
	map_for_each(object, &engine->objects, node)
		if (is_unread(engine, object))
			strv_add(object->unlisted ? ret_trees : ret_files, object->key);
}

char *store_unread_text(const struct engine *engine)
{
	const char *first = engine->unread;
	const struct object *object;
	size_t more = 0;

	map_for_each(object, &engine->objects, node) {
		if (!is_unread(engine, object))
			continue;
		if (first)
			more++;
		else
			first = object->unread;
	}
	if (!first)
		return NULL;
	return more ? xasprintf("the store is not read completely: %s, and %zu more", first, more)
		    : xasprintf("the store is not read completely: %s", first);
}

static void begin(struct engine *engine)
{
	struct object *object;

	free(take_ptr(engine->unread));
	map_for_each(object, &engine->objects, node) {
		if (!object->unread)
			continue;
		object->being_read = true;
		object->unlisted = false;
		free(take_ptr(object->unread));
	}
}

/* It has been read, or is not there: what nobody wants goes now. */
static void finish(struct engine *engine)
{
	struct object *object;

	map_for_each(object, &engine->objects, node) {
		if (!object->being_read)
			continue;
		object->being_read = false;
		object_unkeep(object);
		engine_enqueue(engine, object);
		engine_changed(engine, object, false);
	}
	filter_mark_stale(engine);
}

/* It counts for what waits for it, and for what nobody knew of. What is on its way out stays there.
 */
static bool is_awaited(struct engine *engine, const struct stored *file)
{
	const struct object *object = engine_find(engine, file->key);

	if (!*file->key)
		return true;
	if (engine->store && store_is_removing(engine->store, file->key))
		return false;
	return !object || object->being_read || file->what == STORED_UNLISTED;
}

void store_load_again(struct engine *engine, struct list *stored)
{
	struct stored *file;

	begin(engine);
	list_for_each(file, stored, link) {
		struct object *object;

		if (is_awaited(engine, file))
			load(engine, file);
		object = engine_find(engine, file->key);
		if (object)
			engine_enqueue(engine, object);
		stored_free(file);
	}
	finish(engine);
}
