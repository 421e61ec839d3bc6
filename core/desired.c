/* SPDX-License-Identifier: Apache-2.0 */
#include "core/desired.h"

#include <errno.h>

#include "core/base/log.h"
#include "core/tell.h"
#include "core/wish.h"

/* ---- claims ---- */

static bool claim_before(const struct claim *a, const struct claim *b)
{
	if (a->lingering != b->lingering)
		return b->lingering;
	if (!a->file->path || !b->file->path)
		return a->file->path != NULL;
	return strcmp(a->file->path, b->file->path) < 0;
}

static void order_claim(struct claim *claim)
{
	struct list *position = claim->object->claims.next;

	while (position != &claim->object->claims &&
	       !claim_before(claim, list_entry(position, struct claim, object_link)))
		position = position->next;
	list_insert_before(position, &claim->object_link);
}

/* An object has few claims; a file, and the API above all, may have many. */
static struct claim *file_find_claim(const struct desired_file *file, const struct object *object)
{
	struct claim *claim;

	list_for_each(claim, &object->claims, object_link)
		if (claim->file == file)
			return claim;
	return NULL;
}

static struct claim *api_claim(const struct object *object)
{
	struct claim *claim;

	list_for_each(claim, &object->claims, object_link)
		if (!claim->file->path)
			return claim;
	return NULL;
}

static void claim_free(struct claim *claim);

/* Sets or replaces the wish of @file for the object; takes @message. */
static void claim_set(struct engine *engine, struct desired_file *file, const char *key,
		      ProtobufCMessage *message)
{
	struct object *object = engine_get(engine, key);
	struct claim *claim = file_find_claim(file, object);

	if (!claim) {
		claim = xnew(struct claim);
		claim->object = object;
		claim->file = file;
		list_append(&file->claims, &claim->file_link);
	} else {
		protobuf_c_message_free_unpacked(claim->message, NULL);
		list_remove(&claim->object_link);
		list_remove(&claim->linger_link);
	}
	claim->message = message;
	claim->lingering = false;
	order_claim(claim);
	if (file->path && api_claim(object)) {
		log_info("%s is taken over from the API key=%s file=%s", kind_name(object->kind),
			 key, file->path);
		claim_free(api_claim(object));
	}
	wish_update(engine, object);
}

static void claim_free(struct claim *claim)
{
	list_remove(&claim->object_link);
	list_remove(&claim->file_link);
	list_remove(&claim->linger_link);
	protobuf_c_message_free_unpacked(claim->message, NULL);
	free(claim->refused);
	free(claim);
}

static void claim_drop(struct engine *engine, struct claim *claim)
{
	struct object *object = claim->object;

	claim_free(claim);
	wish_update(engine, object);
}

/* ---- lingering ---- */

static void prune_arm(struct engine *engine);

static void file_free_if_unused(struct engine *engine, struct desired_file *file)
{
	if (file->seen || !list_empty(&file->claims))
		return;
	map_remove(&engine->desired.files, &file->node);
	strv_fini(&file->errors);
	free(file->path);
	free(file);
}

static void on_prune(struct timer *timer)
{
	struct engine *engine = container_of(timer, struct engine, desired.prune);
	uint64_t now_ms = loop_now_ms(engine->loop);
	struct claim *claim;

	list_for_each(claim, &engine->desired.lingering, linger_link) {
		struct desired_file *file = claim->file;

		if (claim->expires_ms > now_ms)
			break;
		log_info("%s is no longer declared key=%s file=%s", kind_name(claim->object->kind),
			 claim->object->key, file->path);
		tell_no_longer_declared(engine, claim->object->key, file->path);
		claim_drop(engine, claim);
		file_free_if_unused(engine, file);
	}
	prune_arm(engine);
}

/* Nothing expires while the directory is ill; desired_scan_done() arms again. */
static void prune_arm(struct engine *engine)
{
	struct desired *desired = &engine->desired;

	if (list_empty(&desired->lingering) || !desired->complete || desired->problem.code)
		timer_stop(&desired->prune);
	else
		timer_start_at(
			engine->loop, &desired->prune,
			list_entry(desired->lingering.next, struct claim, linger_link)->expires_ms,
			on_prune);
}

static void claim_linger(struct engine *engine, struct claim *claim)
{
	if (claim->lingering)
		return;
	claim->lingering = true;
	claim->expires_ms = loop_now_ms(engine->loop) + engine->desired.prune_grace_ms;
	list_append(&engine->desired.lingering, &claim->linger_link);
	list_remove(&claim->object_link);
	order_claim(claim);
	wish_update(engine, claim->object);
	prune_arm(engine);
}

/* ---- files ---- */

static struct desired_file *file_get(struct engine *engine, const char *path)
{
	struct map_node *node = map_find(&engine->desired.files, path);
	struct desired_file *file;

	if (node)
		return map_entry(node, struct desired_file, node);
	file = xnew(struct desired_file);
	file->path = xstrdup(path);
	list_init(&file->claims);
	map_insert(&engine->desired.files, &file->node, file->path);
	return file;
}

static void file_report(const struct desired_file *file)
{
	for (size_t i = 0; i < file->errors.n; i++)
		log_warning("%s", file->errors.items[i]);
}

static bool declared_in(const struct manifest *manifest, const char *key)
{
	struct document *document;

	list_for_each(document, &manifest->documents, link)
		if (strcmp(document->key, key) == 0)
			return true;
	return false;
}

/* What was restored from the store is no news. */
static void tell_document(struct engine *engine, const struct desired_file *file,
			  const struct document *document)
{
	const struct object *object = engine_find(engine, document->key);
	const struct claim *claim = object ? file_find_claim(file, object) : NULL;

	tell_declared(engine, document->key, file->path, claim ? claim->message : NULL,
		      document->message);
}

/* Without errors the file is the whole truth about what it declares; with errors, what is not
 * declared any more may be in the part that cannot be read. */
static void linger_undeclared(struct engine *engine, struct desired_file *file,
			      const struct manifest *manifest)
{
	struct claim *claim;

	if (manifest->errors.n)
		return;
	list_for_each(claim, &file->claims, file_link)
		if (!declared_in(manifest, claim->object->key))
			claim_linger(engine, claim);
}

void desired_set_file(struct engine *engine, const char *path, struct manifest *manifest)
{
	struct desired_file *file;
	struct document *document;
	struct list *link;

	if (engine->desired.purging)
		return;
	file = file_get(engine, path);
	file->seen = true;
	file->generation++;
	linger_undeclared(engine, file, manifest);
	strv_fini(&file->errors);
	file->errors = manifest->errors;
	manifest->errors = (struct strv){ 0 };
	/* Parents before children, whatever the order in the file. */
	for (int kind = 0; kind < KIND_COUNT; kind++)
		list_for_each(document, &manifest->documents, link)
			if (document->kind == (enum kind)kind) {
				tell_document(engine, file, document);
				claim_set(engine, file, document->key, take_ptr(document->message));
			}
	while ((link = list_pop(&manifest->documents)))
		document_free(list_entry(link, struct document, link));
	file_report(file);
}

void desired_set_file_error(struct engine *engine, const char *path, const struct error *err)
{
	AUTO_FREE char *line = xasprintf("%s: %s", path, err->msg);
	struct desired_file *file;

	if (engine->desired.purging)
		return;
	file = file_get(engine, path);
	file->seen = true;
	file->generation++;
	strv_fini(&file->errors);
	strv_add(&file->errors, line);
	file_report(file);
}

static void file_gone(struct engine *engine, struct desired_file *file)
{
	struct claim *claim;

	file->seen = false;
	strv_fini(&file->errors);
	list_for_each(claim, &file->claims, file_link)
		claim_linger(engine, claim);
	file_free_if_unused(engine, file);
}

void desired_remove_file(struct engine *engine, const char *path)
{
	struct map_node *node = map_find(&engine->desired.files, path);

	if (node)
		file_gone(engine, map_entry(node, struct desired_file, node));
}

/* ---- the directory as a whole ---- */

/* Files that declared something when we last ran and are not there now. All of them gone at once is
 * not believed. */
static int judge_missing(struct engine *engine, struct error *err)
{
	struct desired_file *file;
	size_t seen = 0, missing = 0;

	map_for_each(file, &engine->desired.files, node) {
		seen += file->seen;
		missing += !file->seen;
	}
	if (missing && !seen)
		return error_set(
			err, -ENOENT,
			"the directory is empty, but %zu manifests declared objects when Kukeon last ran: "
			"nothing is deleted; put them back, or leave at least one manifest in place",
			missing);
	return 0;
}

static void release_missing(struct engine *engine)
{
	struct desired_file *file;

	map_for_each(file, &engine->desired.files, node)
		if (!file->seen)
			file_gone(engine, file);
}

void desired_scan_done(struct engine *engine, const struct error *problem)
{
	struct desired *desired = &engine->desired;
	struct error judged = { 0 };
	bool was_complete = desired->complete;

	desired->scans++;
	if (!problem && !was_complete && judge_missing(engine, &judged) < 0)
		problem = &judged;
	if (problem && !str_equal(problem->msg, desired->problem.msg))
		log_warning("manifests directory: %s", problem->msg);
	desired->problem = problem ? *problem : (struct error){ 0 };
	if (!problem && !was_complete) {
		desired->complete = true;
		release_missing(engine);
		engine_touch_all(engine);
	}
	filter_doubt(engine);
	prune_arm(engine);
}

/* ---- the API ---- */

/* Read late, it may be of a file that by now declares it no more. */
static void restore_of_file(struct engine *engine, struct desired_file *file, const char *key,
			    ProtobufCMessage *message)
{
	bool gone = file->seen ? !file->errors.n : engine->desired.complete;

	claim_set(engine, file, key, message);
	if (gone)
		claim_linger(engine, file_find_claim(file, engine_find(engine, key)));
}

void desired_restore(struct engine *engine, const char *source, const char *key,
		     ProtobufCMessage *message)
{
	static const char manifest[] = DESIRED_SOURCE_MANIFEST;
	const struct object *object = engine_find(engine, key);

	if (engine->desired.purging || (object && !list_empty(&object->claims)))
		protobuf_c_message_free_unpacked(message, NULL); /* it has been said anew */
	else if (str_equal(source, DESIRED_SOURCE_API))
		claim_set(engine, &engine->desired.api, key, message);
	else if (source && str_starts_with(source, manifest))
		restore_of_file(engine, file_get(engine, source + strlen(manifest)), key, message);
	else
		protobuf_c_message_free_unpacked(message, NULL);
}

void desired_set_api(struct engine *engine, const char *key, ProtobufCMessage *message)
{
	struct object *object = engine_find(engine, key);

	if (engine->desired.purging || (object && desired_manifest(object)))
		protobuf_c_message_free_unpacked(message, NULL);
	else
		claim_set(engine, &engine->desired.api, key, message);
}

void desired_drop_api(struct engine *engine, struct object *object)
{
	struct claim *claim;

	list_for_each(claim, &object->claims, object_link) {
		struct desired_file *file = claim->file;

		if (file->path && !claim->lingering)
			continue;
		claim_free(claim);
		if (file->path)
			file_free_if_unused(engine, file);
	}
	wish_update(engine, object);
}

const ProtobufCMessage *desired_api_message(const struct object *object)
{
	const struct claim *claim = api_claim(object);

	return claim ? claim->message : NULL;
}

const char *desired_manifest(const struct object *object)
{
	const struct claim *claim =
		list_empty(&object->claims)
			? NULL
			: list_entry(object->claims.next, struct claim, object_link);

	return claim && !claim->lingering ? claim->file->path : NULL;
}

void desired_purge(struct engine *engine)
{
	struct desired *desired = &engine->desired;
	struct object *object;
	struct claim *claim;

	desired->purging = desired->complete = true;
	map_for_each(object, &engine->objects, node) {
		object_unkeep(object);
		free(take_ptr(object->unread));
		object->unlisted = false;
		list_for_each(claim, &object->claims, object_link)
			claim_free(claim);
	}
	free(take_ptr(engine->unread));
	map_for_each(object, &engine->objects, node)
		wish_update(engine, object);
	engine_touch_all(engine);
}

void desired_init(struct engine *engine, uint64_t prune_grace_ms)
{
	list_init(&engine->desired.lingering);
	list_init(&engine->desired.api.claims);
	engine->desired.prune_grace_ms = prune_grace_ms;
}

void desired_fini(struct engine *engine)
{
	struct desired_file *file;
	struct claim *claim;

	timer_stop(&engine->desired.prune);
	list_for_each(claim, &engine->desired.api.claims, file_link)
		claim_free(claim);
	map_for_each(file, &engine->desired.files, node) {
		list_for_each(claim, &file->claims, file_link)
			claim_free(claim);
		file->seen = false;
		file_free_if_unused(engine, file);
	}
}

void desired_file_errors(const struct desired_file *file, struct strv *ret_errors)
{
	struct claim *claim;

	for (size_t i = 0; i < file->errors.n; i++)
		strv_add(ret_errors, file->errors.items[i]);
	list_for_each(claim, &file->claims, file_link) {
		const struct claim *first =
			list_entry(claim->object->claims.next, struct claim, object_link);
		AUTO_FREE char *line = NULL;

		if (claim->lingering)
			continue;
		if (first != claim)
			line = xasprintf(
				"%s: %s %s is declared in %s already, which keeps it; remove one of the two",
				file->path, kind_name(claim->object->kind), claim->object->key,
				first->file->path);
		else if (claim->refused)
			line = xasprintf("%s: %s", file->path, claim->refused);
		if (line)
			strv_add(ret_errors, line);
	}
}
