/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Apply: documents one after the other, parents before children. Each is compared with what is
 * there, written, and taken up before the next is looked at, so a document may rely on the ones
 * before it.
 */
#include <errno.h>

#include "core/api/changes/api_apply.h"
#include "core/desired/desired.h"
#include "core/desired/effective.h"
#include "core/desired/refusal.h"
#include "core/desired/rivals.h"
#include "core/model/view.h"
#include "core/network/network_ports.h"
#include "core/status/diff.h"
#include "core/status/secrets.h"

enum { DOCUMENTS_MAX = 10000 };

static const Api__ApplyRequest *request_of(const struct mutation *m)
{
	return (const Api__ApplyRequest *)m->reply.request;
}

/* ---- what is there ---- */

struct object *apply_wanted_object(struct engine *engine, const char *key)
{
	struct object *object = engine_find(engine, key);

	return object && object->wanted && object->spec ? object : NULL;
}

bool apply_is_same(const ProtobufCMessage *a, const ProtobufCMessage *b)
{
	struct strv paths AUTO(strv_fini) = { 0 };

	model_diff(a, b, &paths);
	return paths.n == 0;
}

/* ---- results ---- */

void apply_failed_in(const struct wish *wish, const char *key, const char *manifest)
{
	mutation_result(wish->m, key, API__OUTCOME__OUTCOME_FAILED,
			"it is declared in %s; change it there", manifest);
}

void apply_updated(const struct wish *wish, const ProtobufCMessage *before,
		   const ProtobufCMessage *after)
{
	Api__Result *result =
		mutation_result(wish->m, wish->key, API__OUTCOME__OUTCOME_UPDATED, "%s", "");
	struct strv paths = { 0 };

	model_diff(before, after, &paths);
	result->changes = paths.items;
	result->n_changes = paths.n;
}

/* ---- parents ---- */

static bool said_created(const struct mutation *m, const char *key)
{
	for (size_t i = 0; i < m->n_results; i++)
		if (m->results[i]->outcome == API__OUTCOME__OUTCOME_CREATED &&
		    str_equal(m->results[i]->key, key))
			return true;
	return false;
}

void apply_create_parents(const struct wish *wish, const char *key)
{
	AUTO_FREE char *parent = key_parent(key);

	if (!parent || apply_wanted_object(wish->engine, parent))
		return;
	apply_create_parents(wish, parent);
	if (said_created(wish->m, parent)) /* only in a dry run */
		return;
	mutation_result(wish->m, parent, API__OUTCOME__OUTCOME_CREATED, "%s", "");
	mutation_set(wish->m, key_kind(parent), parent, effective_implicit_document(parent));
}

/* ---- realms, spaces, stacks, cells ---- */

bool apply_ports_allowed(const struct wish *wish, const char *cell_key, const char *path,
			 const Api__ContainerSpec *container)
{
	AUTO_FREE char *clash = ports_clash(wish->engine, cell_key, container);

	if (clash)
		mutation_result(wish->m, wish->key, API__OUTCOME__OUTCOME_FAILED, "%s.ports: %s",
				path, clash);
	return !clash;
}

static bool cell_ports_allowed(const struct wish *wish)
{
	const Api__CellSpec *spec = ((const Api__Cell *)wish->message)->spec;

	for (size_t i = 0; wish->kind == KIND_CELL && i < spec->n_containers; i++) {
		AUTO_FREE char *path = xasprintf("spec.containers[%zu]", i);

		if (!apply_ports_allowed(wish, wish->key, path, spec->containers[i]))
			return false;
	}
	return true;
}

bool apply_name_allowed(const struct wish *wish, const char *cell_key)
{
	AUTO_FREE char *clash = rivals_clash(wish->engine, cell_key);

	if (clash)
		mutation_result(wish->m, wish->key, API__OUTCOME__OUTCOME_FAILED, "%s", clash);
	return !clash;
}

/* What the schema allows and this object does not. False: the result says why. */
static bool allowed(const struct wish *wish, const struct object *object)
{
	AUTO_FREE char *refusal = refusal_of(object, wish->key, wish->message);

	if (refusal) {
		mutation_result(wish->m, wish->key, API__OUTCOME__OUTCOME_FAILED, "%s", refusal);
		return false;
	}
	if (!object && wish->kind == KIND_CELL && !apply_name_allowed(wish, wish->key))
		return false;
	if (wish->kind == KIND_CELL &&
	    !api_joins_known(wish->m, wish->key, ((const Api__Cell *)wish->message)->spec))
		return false;
	return true;
}

/* Containers that joined the cell by documents of their own and that its document names now: it
 * takes them over. False: one of them is a manifest's. */
static bool take_over_containers(const struct wish *wish)
{
	const Api__CellSpec *spec;

	if (wish->kind != KIND_CELL)
		return true;
	spec = ((const Api__Cell *)wish->message)->spec;
	for (size_t i = 0; i < spec->n_containers; i++) {
		AUTO_FREE char *key = xasprintf("%s/%s", wish->key, spec->containers[i]->id);
		const struct object *object = engine_find(wish->engine, key);
		const char *manifest = object ? desired_manifest(object) : NULL;

		if (manifest) {
			mutation_result(wish->m, wish->key, API__OUTCOME__OUTCOME_FAILED,
					"its container %s is declared in %s; leave it out or "
					"change it there",
					spec->containers[i]->id, manifest);
			return false;
		}
		if (object && desired_api_message(object))
			mutation_drop(wish->m, key);
	}
	return true;
}

/* It is there as the document says, joined containers counted or not. */
static bool is_as_asked(const struct wish *wish, const struct object *object)
{
	ProtobufCMessage *declared;
	bool as_declared;

	if (apply_is_same(object->spec, wish->message))
		return true;
	declared = effective_document(object);
	as_declared = apply_is_same(declared, wish->message);
	protobuf_c_message_free_unpacked(declared, NULL);
	return as_declared;
}

/* From now on it is wanted for its own sake. */
static void claim_implicit(const struct wish *wish, const struct object *object)
{
	if (!desired_manifest(object) && !desired_api_message(object))
		mutation_set(wish->m, wish->kind, wish->key, model_copy(wish->message));
}

static void apply_layer(struct wish *wish)
{
	const struct object *object = apply_wanted_object(wish->engine, wish->key);
	bool unchanged = object && is_as_asked(wish, object);

	if (!mutation_is_of(wish->m, wish->key, object ? &object->identity : NULL, wish->version,
			    NULL))
		return;
	if (object && (unchanged || wish->create_only)) {
		if (unchanged)
			claim_implicit(wish, object);
		mutation_result(wish->m, wish->key,
				wish->create_only ? API__OUTCOME__OUTCOME_EXISTS
						  : API__OUTCOME__OUTCOME_UNCHANGED,
				"%s", "");
		return;
	}
	if (object && desired_manifest(object))
		return apply_failed_in(wish, wish->key, desired_manifest(object));
	if (!allowed(wish, object) || !cell_ports_allowed(wish) || !take_over_containers(wish))
		return;
	apply_create_parents(wish, wish->key);
	if (object)
		apply_updated(wish, object->spec, wish->message);
	else if (!said_created(wish->m, wish->key))
		mutation_result(wish->m, wish->key, API__OUTCOME__OUTCOME_CREATED, "%s", "");
	mutation_set(wish->m, wish->kind, wish->key, take_ptr(wish->message));
}

/* ---- one document after the other ---- */

/* What kuke has shown hidden, and is given back so, stays what it is. */
static void keep_secrets(const struct wish *wish)
{
	AUTO_FREE char *key = NULL;
	const struct object *object;

	if (!model_has_key(wish->kind, wish->message))
		return;
	key = model_key(wish->kind, wish->message);
	object = engine_find(wish->engine, key);
	secrets_restore(wish->kind, wish->message, object ? object->spec : NULL);
}

/* All that is wrong with it at once; false when something is. */
static bool check_document(struct wish *wish)
{
	struct model_problems problems = { 0 };
	AUTO_BUF struct buf text = { 0 };
	struct model_view view;
	Api__Result *result;

	model_set_defaults(wish->kind, wish->message);
	wish->version = model_take_version(wish->kind, wish->message);
	keep_secrets(wish);
	model_validate(wish->kind, wish->message, &problems);
	if (!problems.n) {
		wish->key = model_key(wish->kind, wish->message);
		return true;
	}
	for (size_t i = 0; i < problems.n; i++)
		buf_printf(&text, "%s%s: %s", i ? "; " : "", problems.items[i].path,
			   problems.items[i].message);
	view = model_view(wish->kind, wish->message);
	result = mutation_result(wish->m, "?", API__OUTCOME__OUTCOME_FAILED, "%s", text.data);
	result->kind = model_api_kind(wish->kind); /* there is no key to tell it from */
	free(result->key);
	result->key = xstrdup(str_empty(*view.id) ? "" : *view.id);
	model_problems_fini(&problems);
	return false;
}

static void apply_document(struct mutation *m, const Api__Object *object)
{
	struct wish wish = {
		.m = m,
		.engine = m->api->options.engine,
		.create_only = request_of(m)->create_only,
		.dry_run = request_of(m)->dry_run,
	};

	check(api_object_kind(object, &wish.kind));
	wish.message = model_copy(&object->realm->base); /* every member is a message */
	if (check_document(&wish)) {
		if (wish.kind == KIND_CONTAINER)
			apply_container(&wish);
		else
			apply_layer(&wish);
	}
	if (wish.dry_run)
		mutation_discard(m);
	protobuf_c_message_free_unpacked(wish.message, NULL);
	free(wish.key);
}

static void reply(struct mutation *m)
{
	Api__ApplyResponse reply = API__APPLY_RESPONSE__INIT;

	reply.results = m->results;
	reply.n_results = m->n_results;
	mutation_reply(m, &reply.base);
}

/* The documents in the order of their kinds; next_document counts through all of them kind by
 * kind. */
static const Api__Object *next_document(struct mutation *m)
{
	const Api__ApplyRequest *request = request_of(m);

	while (m->next_document < request->n_objects * KIND_COUNT) {
		size_t i = m->next_document % request->n_objects;
		enum kind turn = (enum kind)(m->next_document / request->n_objects), kind;

		m->next_document++;
		check(api_object_kind(request->objects[i], &kind));
		if (kind == turn)
			return request->objects[i];
	}
	return NULL;
}

static void apply_next(struct mutation *m)
{
	const Api__Object *object;
	struct error err;

	if (m->api->replies.stopping) {
		error_set(&err, -ECONNREFUSED, "kukeond is stopping");
		return mutation_fail(m, &err);
	}
	object = next_document(m);
	if (!object)
		return reply(m);
	apply_document(m, object);
	mutation_commit(m, apply_next);
}

void api_on_apply(struct rpc_server_call *call, const ProtobufCMessage *message, void *ctx)
{
	const Api__ApplyRequest *request = (const Api__ApplyRequest *)message;
	enum kind kind;
	struct error err;

	if (request->n_objects > DOCUMENTS_MAX) {
		error_set(&err, -EINVAL, "%zu objects in one request, at most %d are allowed",
			  request->n_objects, DOCUMENTS_MAX);
		return rpc_server_fail(call, err.code, &err);
	}
	for (size_t i = 0; i < request->n_objects; i++) {
		if (api_object_kind(request->objects[i], &kind))
			continue;
		error_set(&err, -EINVAL, "object %zu of the request is of no kind", i + 1);
		return rpc_server_fail(call, err.code, &err);
	}
	mutation_begin(ctx, call, message, apply_next);
}
