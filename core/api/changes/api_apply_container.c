/* SPDX-License-Identifier: Apache-2.0 */
/* Apply: a container by a document of its own, which joins its cell, or changes what the cell's
 * document says of it. */
#include "core/api/changes/api_apply.h"
#include "core/desired/desired.h"
#include "core/desired/effective.h"
#include "core/status/status.h"

static Api__ContainerSpec *container_spec(const struct wish *wish)
{
	return ((Api__Container *)wish->message)->spec;
}

/* The first container is the root; written down, so that one that comes later and sorts before it
 * does not take its place. */
static void settle_root(const struct wish *wish, const struct object *cell)
{
	const struct container *root = cell ? cell_root(cell) : NULL;
	Api__ContainerSpec *spec = container_spec(wish);

	if (spec->has_root || (root && root->spec && !str_equal(root->name, spec->id)))
		return;
	spec->has_root = spec->root = true;
}

static ProtobufCMessage *shown_container(const struct wish *wish, const struct object *cell,
					 const struct container *c)
{
	ProtobufCMessage *shown = &status_render_container(wish->engine, cell, c)->base;

	model_set_defaults(KIND_CONTAINER, shown); /* takes the status off */
	return shown;
}

/* A document that does not say whether its container is the root leaves that as it is. */
static void keep_root(const struct wish *wish, const struct object *cell, const struct container *c)
{
	ProtobufCMessage *shown = shown_container(wish, cell, c);
	const Api__ContainerSpec *now = ((const Api__Container *)shown)->spec;
	Api__ContainerSpec *spec = container_spec(wish);

	if (!spec->has_root) {
		spec->has_root = now->has_root;
		spec->root = now->root;
	}
	protobuf_c_message_free_unpacked(shown, NULL);
}

/* A container that stands in its cell's document is changed there. */
static void change_in_cell(const struct wish *wish, const struct object *cell)
{
	Api__Cell *document = (Api__Cell *)effective_document(cell);
	Api__ContainerSpec *spec = container_spec(wish);

	for (size_t i = 0; i < document->spec->n_containers; i++) {
		Api__ContainerSpec **slot = &document->spec->containers[i];

		if (!str_equal((*slot)->id, spec->id))
			continue;
		protobuf_c_message_free_unpacked(&(*slot)->base, NULL);
		*slot = (Api__ContainerSpec *)model_copy(&spec->base);
	}
	mutation_set(wish->m, KIND_CELL, cell->key, &document->base);
}

/* The object whose document holds the container: its own, or the cell. */
static const struct object *declaring_object(const struct wish *wish, const struct object *cell)
{
	const struct object *own = apply_wanted_object(wish->engine, wish->key);

	return own && effective_has_joined(own) ? own : cell;
}

/* Alone: what the others of its cell name is there, or has been said to be missing. */
static bool spaces_known(const struct wish *wish)
{
	Api__ContainerSpec *spec = container_spec(wish);
	Api__CellSpec cell = API__CELL_SPEC__INIT; /* borrows everything */

	cell.realm_id = spec->realm_id;
	cell.space_id = spec->space_id;
	cell.containers = &spec;
	cell.n_containers = 1;
	return api_joins_known(wish->m, wish->key, &cell);
}

static void update_container(struct wish *wish, const struct object *cell,
			     const struct container *c)
{
	const struct object *declaring = declaring_object(wish, cell);
	ProtobufCMessage *shown = shown_container(wish, cell, c);

	if (wish->create_only)
		mutation_result(wish->m, wish->key, API__OUTCOME__OUTCOME_EXISTS, "%s", "");
	else if (apply_is_same(shown, wish->message))
		mutation_result(wish->m, wish->key, API__OUTCOME__OUTCOME_UNCHANGED, "%s", "");
	else if (desired_manifest(declaring))
		apply_failed_in(wish, wish->key, desired_manifest(declaring));
	else if (spaces_known(wish)) {
		apply_updated(wish, shown, wish->message);
		if (declaring == cell)
			change_in_cell(wish, cell);
		else
			mutation_set(wish->m, KIND_CONTAINER, wish->key, model_copy(wish->message));
	}
	protobuf_c_message_free_unpacked(shown, NULL);
}

void apply_container(struct wish *wish)
{
	AUTO_FREE char *cell_key = key_parent(wish->key);
	const struct object *cell = apply_wanted_object(wish->engine, cell_key);
	const struct container *c = cell ? api_find_container(cell, key_name(wish->key)) : NULL;
	struct error err;

	if (self_is_key(cell_key)) {
		mutation_result(wish->m, wish->key, API__OUTCOME__OUTCOME_FAILED,
				"cell %s stands for kukeond itself and takes no containers",
				cell_key);
		return;
	}
	if (c)
		keep_root(wish, cell, c);
	else
		settle_root(wish, cell);
	if (cell && !wish->create_only &&
	    effective_try_container(cell, container_spec(wish), &err) < 0) {
		mutation_result(wish->m, wish->key, API__OUTCOME__OUTCOME_FAILED, "cell %s: %s",
				cell_key, err.msg);
		return;
	}
	if (!(c && wish->create_only) &&
	    !apply_ports_allowed(wish, cell_key, "spec", container_spec(wish)))
		return;
	if (c)
		return update_container(wish, cell, c);
	if (!spaces_known(wish) || (!cell && !apply_name_allowed(wish, cell_key)))
		return;
	apply_create_parents(wish, wish->key);
	mutation_result(wish->m, wish->key, API__OUTCOME__OUTCOME_CREATED, "%s", "");
	mutation_set(wish->m, KIND_CONTAINER, wish->key, take_ptr(wish->message));
}
