/* SPDX-License-Identifier: Apache-2.0 */
#include "core/desired/desired_private.h"

#include "core/base/log.h"
#include "core/desired/effective.h"
#include "core/desired/hold.h"
#include "core/model/names.h"
#include "core/network/filter.h"
#include "core/status/record.h"

/* ---- claims ---- */

struct claim *desired_claim_set(struct engine *engine, struct desired_file *file, const char *key,
				ProtobufCMessage *message)
{
	struct object *object = engine_get(engine, key);
	struct claim *claim = claim_find(file, object);
	struct claim *api = claim_find(&engine->desired.api, object);

	if (!claim) {
		claim = claim_new(file, object, message);
	} else {
		protobuf_c_message_free_unpacked(claim->message, NULL);
		claim->message = message;
	}
	if (file->path && api) {
		log_info("%s is taken over from the API key=%s file=%s", kind_name(object->kind),
			 key, file->path);
		claim_free(api);
	}
	hold_declared(engine, claim);
	return claim;
}

/* ---- files ---- */

struct desired_file *desired_file_get(struct engine *engine, const char *path)
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
	const struct claim *claim = object ? claim_find(file, object) : NULL;

	record_declared(engine, document->key, file->path, claim ? claim->message : NULL,
			document->message);
}

/* Without errors the file is the whole truth about what it declares; with errors, what is not
 * declared any more may be in the part that cannot be read. */
static void lose_undeclared(struct engine *engine, struct desired_file *file,
			    const struct manifest *manifest)
{
	struct claim *claim;

	if (manifest->errors.n)
		return;
	list_for_each(claim, &file->claims, file_link)
		if (!declared_in(manifest, claim->object->key))
			hold_lost(engine, claim, NULL);
}

static void file_is_there(struct engine *engine, struct desired_file *file)
{
	file->seen = file->reported = true;
	engine->desired.texts_changed = true;
}

/* What is in it is understood. */
static void file_is_read(struct engine *engine, struct desired_file *file)
{
	if (list_linked(&file->unread_link))
		hold_text_goes(engine, file);
	list_remove(&file->unread_link);
	words_fini(&file->unread);
}

/* There is text in it that is not understood; takes the @words of it. */
static void file_is_unread(struct engine *engine, struct desired_file *file, struct words *words)
{
	file_is_read(engine, file);
	file->unread = *words;
	*words = (struct words){ 0 };
	list_append(&engine->desired.unread, &file->unread_link);
}

void desired_set_file(struct engine *engine, const char *path, struct manifest *manifest)
{
	struct desired_file *file;
	struct document *document;
	struct list *link;

	if (engine->desired.purging)
		return;
	file = desired_file_get(engine, path);
	file_is_there(engine, file);
	file->generation++;
	if (manifest->errors.n)
		file_is_unread(engine, file, &manifest->unread);
	else
		file_is_read(engine, file);
	lose_undeclared(engine, file, manifest);
	strv_fini(&file->errors);
	file->errors = manifest->errors;
	manifest->errors = (struct strv){ 0 };
	/* Parents before children, whatever the order in the file. */
	for (int kind = 0; kind < KIND_COUNT; kind++)
		list_for_each(document, &manifest->documents, link)
			if (document->kind == (enum kind)kind) {
				tell_document(engine, file, document);
				desired_claim_set(engine, file, document->key,
						  take_ptr(document->message));
			}
	while ((link = list_pop(&manifest->documents)))
		document_free(list_entry(link, struct document, link));
	file_report(file);
}

void desired_set_file_pending(struct engine *engine, const char *path)
{
	struct words any = { .any = true };
	struct desired_file *file;

	if (engine->desired.purging)
		return;
	file = desired_file_get(engine, path);
	file_is_there(engine, file);
	file_is_unread(engine, file, &any);
}

void desired_set_file_error(struct engine *engine, const char *path, const struct error *err)
{
	AUTO_FREE char *line = xasprintf("%s: %s", path, err->msg);
	struct desired_file *file;

	if (engine->desired.purging)
		return;
	desired_set_file_pending(engine, path);
	file = desired_file_get(engine, path);
	file->generation++;
	strv_fini(&file->errors);
	strv_add(&file->errors, line);
	file_report(file);
}

static void file_gone(struct engine *engine, struct desired_file *file, const struct error *hidden)
{
	struct claim *claim;

	file->seen = false;
	engine->desired.texts_changed = true;
	strv_fini(&file->errors);
	file_is_read(engine, file);
	list_for_each(claim, &file->claims, file_link)
		hold_lost(engine, claim, hidden);
	claim_forget_file(engine, file);
}

void desired_remove_file(struct engine *engine, const char *path)
{
	struct map_node *node = map_find(&engine->desired.files, path);

	if (node)
		file_gone(engine, map_entry(node, struct desired_file, node), NULL);
}

void desired_hide_file(struct engine *engine, const char *path, const struct error *why)
{
	struct map_node *node = map_find(&engine->desired.files, path);

	if (node)
		file_gone(engine, map_entry(node, struct desired_file, node), why);
}

/* ---- the directory as a whole ---- */

/* Files that declared something when we last ran and are not there now. */
static void lose_missing(struct engine *engine)
{
	struct desired_file *file;
	struct claim *claim;

	map_for_each(file, &engine->desired.files, node) {
		if (file->seen)
			continue;
		list_for_each(claim, &file->claims, file_link)
			if (claim->state == CLAIM_DECLARED)
				hold_lost(engine, claim, NULL);
		claim_forget_file(engine, file);
	}
}

void desired_scan_done(struct engine *engine, const struct error *problem)
{
	struct desired *desired = &engine->desired;
	/* Else whatever changes what the filter says has marked it stale already. */
	bool may_now_be_known = !desired->complete || desired->problem.code || problem;

	desired->scans++;
	if (problem && !str_equal(problem->msg, desired->problem.msg))
		log_warning("manifests directory: %s", problem->msg);
	desired->problem = problem ? *problem : (struct error){ 0 };
	if (!problem && !desired->complete) {
		desired->complete = true;
		lose_missing(engine);
		engine_enqueue_all(engine);
	}
	if (may_now_be_known)
		filter_mark_stale(engine);
	if (desired->texts_changed)
		hold_review(engine);
	else
		hold_arm(engine);
	desired->texts_changed = false;
	progress_made(&engine->progress);
}

/* ---- the API ---- */

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
		hold_claims_changed(engine, object);
	engine_enqueue_all(engine);
}

void desired_init(struct engine *engine, uint64_t prune_grace_ms, const struct prune_guard *guard)
{
	struct desired *desired = &engine->desired;

	list_init(&desired->unread);
	list_init(&desired->gone_texts);
	list_init(&desired->lost);
	list_init(&desired->in_doubt);
	list_init(&desired->held);
	list_init(&desired->declared);
	list_init(&desired->api.claims);
	desired->prune_grace_ms = prune_grace_ms;
	desired->guard = *guard;
}

void desired_fini(struct engine *engine)
{
	struct desired_file *file;
	struct claim *claim;

	timer_stop(&engine->desired.prune);
	hold_forget_texts(&engine->desired);
	list_for_each(claim, &engine->desired.api.claims, file_link)
		claim_free(claim);
	map_for_each(file, &engine->desired.files, node) {
		list_for_each(claim, &file->claims, file_link)
			claim_free(claim);
		file->seen = false;
		claim_forget_file(engine, file);
	}
}

void desired_file_errors(const struct desired_file *file, struct strv *ret_errors)
{
	struct claim *claim;

	for (size_t i = 0; i < file->errors.n; i++)
		strv_add(ret_errors, file->errors.items[i]);
	list_for_each(claim, &file->claims, file_link) {
		const struct claim *first = claim_first(claim->object);
		AUTO_FREE char *line = NULL;

		if (claim->state != CLAIM_DECLARED)
			continue;
		if (first != claim)
			line = xasprintf(
				"%s: %s %s is declared in %s already, which keeps it; remove one of the two",
				file->path, kind_name(claim->object->kind), claim->object->key,
				first->file->path);
		else if (claim->refused)
			line = xasprintf("%s: %s", file->path, claim->refused);
		else if (claim->object->refused)
			line = xasprintf("%s: %s %s: %s", file->path,
					 kind_name(claim->object->kind), claim->object->key,
					 claim->object->refused);
		else if (object_refuses_ranges(claim->object))
			line = xasprintf("%s: Space %s: %s", file->path, claim->object->key,
					 claim->object->backing.slot.failure);
		else if (claim->object->cell.rival)
			line = xasprintf("%s: Cell %s: %s", file->path, claim->object->key,
					 claim->object->cell.rival);
		if (line)
			strv_add(ret_errors, line);
	}
}
