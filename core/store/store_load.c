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
#include "core/store/restore.h"
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
	return kind == KIND_CONTAINER &&
	       str_equal(model_status(kind, stored).source, DESIRED_SOURCE_CELL);
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

/* What a container did stands in the status of its cell. */
static void load_past(struct engine *engine, struct object *object,
		      const struct internal_file *file, const Api__Internal *internal,
		      bool was_wanted)
{
	struct past past = { .internal = internal };

	if (object->kind == KIND_CONTAINER || !*model_view(object->kind, file->document).status)
		return;
	past.status = model_status(object->kind, file->document);
	if (object->kind == KIND_CELL)
		past.cell = ((const Api__Cell *)file->document)->status;
	if (!was_wanted)
		restore_status(engine, object, &past);
	else if (past.cell)
		restore_intents(object, past.cell);
}

static void load_status(struct engine *engine, struct object *object,
			const struct internal_file *file, bool was_wanted)
{
	static const Api__Internal none = API__INTERNAL__INIT;
	const Api__Internal *internal = file->internal ? file->internal : &none;
	const Api__Metadata *metadata = model_metadata(object->kind, file->document);

	if (metadata && object->kind != KIND_CONTAINER)
		identity_restore(&object->identity, metadata->uid,
				 metadata->generation + (was_wanted ? 1 : 0));
	if (!was_wanted)
		restore_changed(engine, &object->identity, internal->changed);
	load_past(engine, object, file, internal, was_wanted);
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
	const Api__CommonStatus status = model_status(kind, stored->document);

	desired_restore(engine, status.source, file->key, status.held, document);
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
