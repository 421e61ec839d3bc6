/* SPDX-License-Identifier: Apache-2.0 */
/* Delete: one object, or with cascade everything below it too. */
#include <errno.h>

#include "core/api/changes/api_mutation.h"
#include "core/desired/desired.h"
#include "core/desired/effective.h"
#include "core/model/view.h"

enum { CHILDREN_SHOWN = 10 };

static const Api__DeleteRequest *request_of(const struct mutation *m)
{
	return (const Api__DeleteRequest *)m->reply.request;
}

static void reply(struct mutation *m)
{
	Api__DeleteResponse reply = API__DELETE_RESPONSE__INIT;

	reply.results = m->results;
	reply.n_results = m->n_results;
	mutation_reply(m, &reply.base);
}

/* ---- children ---- */

/* Names of the first few, and how many there are. */
struct children {
	struct buf names;
	size_t n;
};

static void add_child(struct children *children, const char *name)
{
	if (children->n < CHILDREN_SHOWN)
		buf_printf(&children->names, "%s%s", children->n ? ", " : "", name);
	else if (children->n == CHILDREN_SHOWN)
		buf_add_str(&children->names, ", ...");
	children->n++;
}

static bool is_there(const struct object *object)
{
	return object->wanted || object->kept;
}

static void list_children(const struct engine *engine, const struct object *object,
			  struct children *ret_children)
{
	AUTO_FREE char *prefix = xasprintf("%s/", object->key);
	struct map_node *node = map_find_from(&engine->objects, prefix);
	struct container *c;

	list_for_each(c, &object->cell.containers, link)
		if (c->spec)
			add_child(ret_children, c->name);
	for (; node && str_starts_with(node->key, prefix); node = map_next(node)) {
		const struct object *child = map_entry(node, struct object, node);

		if (child->parent == object && child->kind != KIND_CONTAINER && is_there(child))
			add_child(ret_children, key_name(child->key));
	}
}

/* False: the result says what stands in the way. */
static bool may_go(struct mutation *m, const struct object *object)
{
	static const char *const names[] = { "space", "stack", "cell", "container" };
	struct children children = { 0 };

	if (str_equal(object->key, SELF_KEY) || self_is_below(object->key)) {
		mutation_result(m, object->key, API__OUTCOME__OUTCOME_FAILED,
				"it is Kukeon's own; 'kuke uninstall' takes everything down");
		return false;
	}
	if (request_of(m)->cascade)
		return true;
	list_children(m->api->options.engine, object, &children);
	if (children.n)
		mutation_result(m, object->key, API__OUTCOME__OUTCOME_FAILED,
				"it has %zu %s%s: %s; delete %s first, or everything at once with "
				"--cascade",
				children.n, names[object->kind], str_s(children.n),
				children.names.data, children.n == 1 ? "it" : "them");
	buf_fini(&children.names);
	return children.n == 0;
}

/* ---- an object and what is below ---- */

/* The object and what is below it, children first: the map is ordered, so a key comes after those
 * above it. */
static size_t collect(const struct engine *engine, struct object *object, struct object ***ret)
{
	AUTO_FREE char *prefix = xasprintf("%s/", object->key);
	struct map_node *node = map_find_from(&engine->objects, prefix);
	struct object **all = NULL;
	size_t n = 0, room = 0;

	for (; node && str_starts_with(node->key, prefix); node = map_next(node)) {
		struct object *below = map_entry(node, struct object, node);

		if (!is_there(below))
			continue;
		if (n + 1 >= room)
			all = xrealloc(all, (room = 2 * room + 16) * sizeof(*all));
		all[n++] = below;
	}
	all = xrealloc(all, (n + 1) * sizeof(*all));
	for (size_t i = 0; i < n / 2; i++) {
		struct object *swap = all[i];

		all[i] = all[n - 1 - i];
		all[n - 1 - i] = swap;
	}
	all[n++] = object;
	*ret = all;
	return n;
}

/* Whether none of them is a manifest's; the result names the first that is. */
static bool all_ours(struct mutation *m, const char *key, struct object *const *all, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const char *manifest = desired_manifest(all[i]);

		if (!manifest)
			continue;
		if (str_equal(all[i]->key, key))
			mutation_result(m, key, API__OUTCOME__OUTCOME_FAILED,
					"it is declared in %s; remove it there", manifest);
		else
			mutation_result(m, key, API__OUTCOME__OUTCOME_FAILED,
					"%s %s below it is declared in %s; remove it there",
					kind_name(all[i]->kind), all[i]->key, manifest);
		return false;
	}
	return true;
}

static void forget_kept(struct mutation *m)
{
	const struct engine *engine = m->api->options.engine;

	for (size_t i = 0; i < m->n_claims; i++) {
		struct object *object = map_entry(map_find(&engine->objects, m->claims[i].key),
						  struct object, node);

		if (!object || !object->kept)
			continue;
		object_unkeep(object);
		engine_enqueue(m->api->options.engine, object);
	}
}

static void delete_layer(struct mutation *m, struct object *object)
{
	struct object **all;
	size_t n;

	if (!may_go(m, object))
		return;
	n = collect(m->api->options.engine, object, &all);
	if (all_ours(m, object->key, all, n)) {
		mutation_result(m, object->key, API__OUTCOME__OUTCOME_DELETED, "%s", "");
		for (size_t i = 0; i < n; i++) {
			mutation_drop(m, all[i]->key);
			if (i + 1 < n)
				mutation_result(m, all[i]->key, API__OUTCOME__OUTCOME_DELETED, "%s",
						"");
		}
		m->also = forget_kept;
	}
	free(all);
}

/* ---- a container ---- */

/* Out of the document of its cell. */
static void cut_from_cell(struct mutation *m, const struct object *cell, const char *key)
{
	Api__Cell *document = (Api__Cell *)effective_document(cell);
	struct model_problems problems = { 0 };

	effective_remove_container(document->spec, key_name(key));
	model_validate(KIND_CELL, &document->base, &problems);
	if (desired_manifest(cell)) {
		mutation_result(m, key, API__OUTCOME__OUTCOME_FAILED,
				"its cell is declared in %s; remove it there",
				desired_manifest(cell));
	} else if (problems.n) {
		mutation_result(m, key, API__OUTCOME__OUTCOME_FAILED,
				"the cell would not be valid without it: %s: %s",
				problems.items[0].path, problems.items[0].message);
	} else {
		mutation_result(m, key, API__OUTCOME__OUTCOME_DELETED, "%s", "");
		mutation_set(m, KIND_CELL, cell->key, &take_ptr(document)->base);
	}
	model_problems_fini(&problems);
	protobuf_c_message_free_unpacked((ProtobufCMessage *)document, NULL);
}

static bool is_named_by(const struct object *cell, const char *key)
{
	ProtobufCMessage *document = effective_document(cell);
	const Api__CellSpec *spec = ((Api__Cell *)document)->spec;
	bool named = false;

	for (size_t i = 0; spec && i < spec->n_containers; i++)
		named |= str_equal(spec->containers[i]->id, key_name(key));
	protobuf_c_message_free_unpacked(document, NULL);
	return named;
}

/* Its own document goes. Where the document of the cell names it too, that is the one in force. */
static void drop_document(struct mutation *m, const struct object *cell, const char *key)
{
	if (cell && cell->wanted && desired_manifest(cell) && is_named_by(cell, key))
		mutation_result(m, key, API__OUTCOME__OUTCOME_WITHDRAWN,
				"no longer asked for through the API; still declared by "
				"" DESIRED_SOURCE_MANIFEST "%s, it stays",
				desired_manifest(cell));
	else
		mutation_result(m, key, API__OUTCOME__OUTCOME_DELETED, "%s", "");
	mutation_drop(m, key);
}

static void delete_container(struct mutation *m, const char *key)
{
	struct engine *engine = m->api->options.engine;
	AUTO_FREE char *cell_key = key_parent(key);
	struct object *cell = engine_find(engine, cell_key), *own = engine_find(engine, key);

	if (own && is_there(own) && desired_manifest(own))
		mutation_result(m, key, API__OUTCOME__OUTCOME_FAILED,
				"it is declared in %s; remove it there", desired_manifest(own));
	else if (own && own->wanted)
		drop_document(m, cell, key);
	else if (cell && cell->wanted && api_find_container(cell, key_name(key)))
		cut_from_cell(m, cell, key);
	else if (own && own->kept) {
		mutation_result(m, key, API__OUTCOME__OUTCOME_DELETED, "%s", "");
		mutation_drop(m, key);
		m->also = forget_kept;
	} else
		mutation_result(m, key, API__OUTCOME__OUTCOME_NOT_FOUND, "%s", "");
}

static void start(struct mutation *m)
{
	struct error err;
	AUTO_FREE char *key = api_selector_key(request_of(m)->selector, &err);
	struct object *object;

	if (!key)
		return mutation_fail(m, &err);
	object = engine_find(m->api->options.engine, key);
	if (key_kind(key) == KIND_CONTAINER)
		delete_container(m, key);
	else if (object && object->spec && !is_there(object))
		mutation_result(m, key, API__OUTCOME__OUTCOME_DELETED,
				"it is being deleted already");
	else if (!object || !is_there(object))
		mutation_result(m, key, API__OUTCOME__OUTCOME_NOT_FOUND, "%s", "");
	else
		delete_layer(m, object);
	mutation_commit(m, reply);
}

void api_on_delete(struct rpc_server_call *call, const ProtobufCMessage *message, void *ctx)
{
	mutation_begin(ctx, call, message, start);
}
