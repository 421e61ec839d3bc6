/* SPDX-License-Identifier: Apache-2.0 */
#include "core/desired/effective_joined.h"

#include "core/desired/desired.h"
#include "core/model/model.h"

static void refuse(struct claim *claim, const struct model_problems *problems)
{
	free(claim->refused);
	claim->refused = NULL;
	if (problems->n)
		claim->refused = xasprintf("Container %s cannot join its cell: %s",
					   claim->object->key, problems->items[0].message);
}

static void join_container(Api__CellSpec *spec, const Api__ContainerSpec *container)
{
	spec->containers =
		xrealloc(spec->containers, (spec->n_containers + 1) * sizeof(*spec->containers));
	spec->containers[spec->n_containers++] = (Api__ContainerSpec *)model_copy(&container->base);
}

void effective_remove_container(Api__CellSpec *spec, const char *id)
{
	for (size_t i = 0; i < spec->n_containers; i++) {
		if (!str_equal(spec->containers[i]->id, id))
			continue;
		protobuf_c_message_free_unpacked(&spec->containers[i]->base, NULL);
		spec->n_containers--;
		memmove(&spec->containers[i], &spec->containers[i + 1],
			(spec->n_containers - i) * sizeof(*spec->containers));
		return;
	}
}

static void leave_last(Api__CellSpec *spec)
{
	protobuf_c_message_free_unpacked(&spec->containers[--spec->n_containers]->base, NULL);
}

/* Whether the cell is valid with the container too; it stays in the cell then. */
static bool try_join(Api__Cell *cell, const Api__ContainerSpec *container,
		     struct model_problems *ret_problems)
{
	join_container(cell->spec, container);
	model_validate(KIND_CELL, &cell->base, ret_problems);
	if (ret_problems->n)
		leave_last(cell->spec);
	return !ret_problems->n;
}

/* Those that wait to join a cell. */
struct joiners {
	struct claim **claims;
	size_t n;
};

/* Whether the cell is valid with all of them; they stay in the cell then. */
static bool try_join_all(Api__Cell *cell, const struct joiners *joiners)
{
	struct model_problems problems = { 0 };
	size_t n_before = cell->spec->n_containers;
	bool valid;

	for (size_t i = 0; i < joiners->n; i++)
		join_container(cell->spec, ((Api__Container *)joiners->claims[i]->message)->spec);
	model_validate(KIND_CELL, &cell->base, &problems);
	valid = !problems.n;
	model_problems_fini(&problems);
	while (!valid && cell->spec->n_containers > n_before)
		leave_last(cell->spec);
	return valid;
}

static void refuse_all(const struct joiners *joiners, const struct model_problems *problems)
{
	for (size_t i = 0; i < joiners->n; i++)
		refuse(joiners->claims[i], problems);
}

/*
 * In their order, each unless the cell would not be valid with it. Nearly always it is with all of
 * them; else with all of one half, and so on: to look at the whole cell once for each of them
 * takes long when they are many.
 */
static void join_each(Api__Cell *cell, const struct joiners *joiners)
{
	struct model_problems problems = { 0 };
	size_t room = MODEL_CELL_MAX_CONTAINERS - cell->spec->n_containers;
	struct joiners first = { joiners->claims, joiners->n / 2 }, rest;

	if (joiners->n == 0)
		return;
	rest = (struct joiners){ joiners->claims + first.n, joiners->n - first.n };
	if (joiners->n == 1 || room == 0) { /* what holds for one holds for all when it is full */
		try_join(cell, ((Api__Container *)joiners->claims[0]->message)->spec, &problems);
		refuse_all(joiners, &problems);
	} else if (joiners->n <= room && try_join_all(cell, joiners)) {
		refuse_all(joiners, &problems);
	} else {
		join_each(cell, &first);
		join_each(cell, &rest);
	}
	model_problems_fini(&problems);
}

void effective_join_containers(const struct engine *engine, const struct object *object,
			       Api__Cell *cell)
{
	AUTO_FREE char *prefix = xasprintf("%s/", object->key);
	struct map_node *node = map_find_from(&engine->objects, prefix);
	struct joiners joiners = { 0 };

	for (; node && str_starts_with(node->key, prefix); node = map_next(node)) {
		struct claim *claim = claim_first(map_entry(node, struct object, node));

		if (!claim)
			continue;
		joiners.claims = xrealloc(joiners.claims, (joiners.n + 1) * sizeof(struct claim *));
		joiners.claims[joiners.n++] = claim;
	}
	join_each(cell, &joiners);
	free(joiners.claims);
}

bool effective_has_joined(const struct object *container)
{
	const struct claim *claim = claim_first(container);

	return claim && !claim->refused;
}

ProtobufCMessage *effective_document(const struct object *object)
{
	const struct claim *claim = claim_first(object);

	return claim ? model_copy(claim->message) : effective_implicit_document(object->key);
}

int effective_try_container(const struct object *cell, const Api__ContainerSpec *container,
			    struct error *err)
{
	Api__Cell *trial = (Api__Cell *)model_copy(cell->spec);
	struct model_problems problems = { 0 };
	int r = 0;

	effective_remove_container(trial->spec, container->id);
	if (!try_join(trial, container, &problems))
		r = error_set(err, -EINVAL, "%s: %s", problems.items[0].path,
			      problems.items[0].message);
	model_problems_fini(&problems);
	protobuf_c_message_free_unpacked(&trial->base, NULL);
	return r;
}
