/* SPDX-License-Identifier: Apache-2.0 */
/* Rules of a cell as a whole: its list of containers, and which one is the root. */
#include <stdio.h>

#include "core/model/view.h"
#include "core/validate/validate.h"

enum { PREFIX_MAX_BYTES = 64 };

static const char *prefix_of(size_t i, char ret_prefix[PREFIX_MAX_BYTES])
{
	snprintf(ret_prefix, PREFIX_MAX_BYTES, "spec.containers[%zu]", i);
	return ret_prefix;
}

static void validate_named_root(const Api__CellSpec *spec, struct model_problems *problems)
{
	const char *ids[MODEL_CELL_MAX_CONTAINERS], *nearest;
	size_t n = 0;

	for (size_t i = 0; i < spec->n_containers && i < MODEL_CELL_MAX_CONTAINERS; i++) {
		if (str_equal(spec->containers[i]->id, spec->root_container_id))
			return;
		if (!str_empty(spec->containers[i]->id))
			ids[n++] = spec->containers[i]->id;
	}
	nearest = str_nearest(spec->root_container_id, ids, n);
	if (nearest)
		validate_problem(problems, "spec", "rootContainerId",
				 "no container has the id \"" SHOWN "\", did you mean \"" SHOWN
				 "\"?",
				 spec->root_container_id, nearest);
	else
		validate_problem(problems, "spec", "rootContainerId",
				 "no container has the id \"" SHOWN
				 "\"; expected an id from spec.containers",
				 spec->root_container_id);
}

/* Every container with root: true must be the one root. */
static void validate_root_marks(const Api__CellSpec *spec, struct model_problems *problems)
{
	bool named = !str_empty(spec->root_container_id);
	size_t root = model_root_index(spec);
	char prefix[PREFIX_MAX_BYTES];

	for (size_t i = 0; i < spec->n_containers; i++) {
		const char *id = spec->containers[i]->id ? spec->containers[i]->id : "";

		if (!spec->containers[i]->root || i == root)
			continue;
		if (named)
			validate_problem(problems, prefix_of(i, prefix), "root",
					 "\"" SHOWN
					 "\" is marked root, but spec.rootContainerId is \"" SHOWN
					 "\"",
					 id, spec->root_container_id);
		else
			validate_problem(problems, prefix_of(i, prefix), "root",
					 "a second root: \"" SHOWN
					 "\" is marked root already; a cell has exactly one",
					 spec->containers[root]->id ? spec->containers[root]->id
								    : "");
	}
}

static void validate_ids(const Api__CellSpec *spec, struct model_problems *problems)
{
	size_t root = model_root_index(spec);
	char prefix[PREFIX_MAX_BYTES];

	for (size_t i = 0; i < spec->n_containers; i++) {
		const char *id = spec->containers[i]->id;

		validate_name(prefix_of(i, prefix), "id", id, problems);
		if (str_empty(id))
			continue;
		if (i != root && str_equal(id, VALIDATE_ROOT_ROLE))
			validate_problem(problems, prefix, "id", VALIDATE_ROOT_CLASH);
		for (size_t before = 0; before < i; before++) {
			if (!str_equal(id, spec->containers[before]->id))
				continue;
			validate_problem(problems, prefix, "id",
					 "\"" SHOWN "\" is the id of containers[%zu] already", id,
					 before);
			break;
		}
	}
}

static void validate_container_scope(const char *prefix, const Api__CellSpec *cell,
				     const Api__ContainerSpec *spec,
				     struct model_problems *problems)
{
	const char *expected[] = { cell->realm_id, cell->space_id, cell->stack_id, cell->id };
	char **scope[KIND_COUNT];

	model_view_scope(KIND_CONTAINER, &spec->base, scope);
	for (int above = KIND_REALM; above < KIND_CONTAINER; above++)
		if (!str_empty(*scope[above]) && !str_equal(*scope[above], expected[above]))
			validate_problem(problems, prefix, model_scope_names[above],
					 "is \"" SHOWN "\", but the cell has \"" SHOWN
					 "\"; leave it out here",
					 *scope[above], expected[above] ? expected[above] : "");
}

void validate_cell(const Api__CellSpec *spec, struct model_problems *problems)
{
	char prefix[PREFIX_MAX_BYTES];

	if (spec->n_containers > MODEL_CELL_MAX_CONTAINERS) {
		validate_problem(problems, "spec", "containers",
				 "has %zu entries, at most %d are allowed", spec->n_containers,
				 MODEL_CELL_MAX_CONTAINERS);
		return;
	}
	if (!str_empty(spec->root_container_id))
		validate_named_root(spec, problems);
	validate_root_marks(spec, problems);
	validate_ids(spec, problems);
	for (size_t i = 0; i < spec->n_containers; i++) {
		prefix_of(i, prefix);
		validate_container_scope(prefix, spec, spec->containers[i], problems);
		validate_container(prefix, spec->containers[i], problems);
	}
	validate_joins(spec, problems);
	validate_cell_ports(spec, problems);
}
