/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/verbs/validation.h"

#include "core/model/model.h"
#include "core/model/ports.h"

struct taken_port {
	const char *cell_key;
	struct published_port port;
};

struct validation {
	const struct files *files;
	struct validated {
		const char *key;
		ProtobufCMessage *cell; /* with those that joined it; NULL: it is no cell */
		char *problem;          /* NULL: none */
	} * items;                      /* as files->documents */
	struct taken_port *ports;
	size_t n_ports;
};

/* ---- ports of the host ---- */

static char *port_problem(const struct validation *v, const char *cell_key,
			  const struct published_port *port)
{
	char text[PORT_TEXT_BYTES];

	for (size_t i = 0; i < v->n_ports; i++)
		if (!str_equal(v->ports[i].cell_key, cell_key) &&
		    port_clashes(port, &v->ports[i].port))
			return xasprintf("port %s of the host is published by cell %s; choose "
					 "another one here or there",
					 port_host_text(port, text), v->ports[i].cell_key);
	return NULL;
}

/* NULL, or which of its ports is another cell's. */
static char *take_ports(struct validation *v, const char *cell_key,
			const Api__ContainerSpec *container)
{
	char *problem = NULL;

	for (size_t i = 0; i < container->n_ports && !problem; i++) {
		struct published_port port;
		struct error ignored;

		if (port_parse(container->ports[i], &port, &ignored) < 0)
			continue;
		problem = port_problem(v, cell_key, &port);
		v->ports = xrealloc(v->ports, (v->n_ports + 1) * sizeof(*v->ports));
		v->ports[v->n_ports++] = (struct taken_port){ cell_key, port };
	}
	return problem;
}

/* ---- cells ---- */

/* In one space, a resolver takes names for one that differ in case only. */
static bool are_rivals(const char *a, const char *b)
{
	AUTO_FREE char *a_stack = key_parent(a), *b_stack = key_parent(b);
	AUTO_FREE char *a_space = key_parent(a_stack), *b_space = key_parent(b_stack);

	return str_equal(a_space, b_space) && strcasecmp(a, b) == 0 && strcmp(a, b) != 0;
}

static char *cell_problem(struct validation *v, size_t at)
{
	const struct validated *item = &v->items[at];
	const Api__CellSpec *spec = ((const Api__Cell *)item->cell)->spec;
	char *problem = NULL;

	for (size_t i = 0; i < at; i++)
		if (v->items[i].cell && are_rivals(v->items[i].key, item->key))
			return xasprintf("its name differs from that of cell %s in case only",
					 v->items[i].key);
	for (size_t i = 0; spec && i < spec->n_containers && !problem; i++)
		problem = take_ports(v, item->key, spec->containers[i]);
	return problem;
}

/* ---- containers ---- */

static const struct validated *find_cell(const struct validation *v, const char *container_key)
{
	AUTO_FREE char *key = key_parent(container_key);

	for (size_t i = 0; i < v->files->n; i++)
		if (v->items[i].cell && str_equal(v->items[i].key, key))
			return &v->items[i];
	return NULL;
}

static bool names(const Api__CellSpec *spec, const char *id)
{
	for (size_t i = 0; i < spec->n_containers; i++)
		if (str_equal(spec->containers[i]->id, id))
			return true;
	return false;
}

/* Whether the cell is valid with the container too; it stays in the cell then. */
static bool join(Api__Cell *cell, const Api__ContainerSpec *container,
		 struct model_problems *ret_problems)
{
	Api__CellSpec *spec = cell->spec;
	size_t n = spec->n_containers;

	spec->containers = xrealloc(spec->containers, (n + 1) * sizeof(*spec->containers));
	spec->containers[n] = (Api__ContainerSpec *)model_copy(&container->base);
	spec->n_containers++;
	model_validate(KIND_CELL, &cell->base, ret_problems);
	if (ret_problems->n)
		protobuf_c_message_free_unpacked(&spec->containers[--spec->n_containers]->base,
						 NULL);
	return !ret_problems->n;
}

/* A cell that the files do not declare is there already, or not: nobody can say here. One that
 * names the container itself is changed by it. */
static char *container_problem(struct validation *v, const struct document *document)
{
	const Api__ContainerSpec *spec = ((const Api__Container *)document->message)->spec;
	const struct validated *item = find_cell(v, document->key);
	Api__Cell *cell = item ? (Api__Cell *)item->cell : NULL;
	AUTO(model_problems_fini) struct model_problems problems = { 0 };

	if (!cell || !cell->spec || !spec || names(cell->spec, spec->id))
		return NULL;
	if (!join(cell, spec, &problems))
		return xasprintf("it cannot join its cell: %s: %s", problems.items[0].path,
				 problems.items[0].message);
	return take_ports(v, item->key, spec);
}

void validation_add(const struct files *files, struct results *results)
{
	struct validation v = { .files = files, .items = xcalloc(files->n + 1, sizeof(*v.items)) };

	for (size_t i = 0; i < files->n; i++) {
		const struct document *document = files->documents[i]->document;
		struct validated *item = &v.items[i];

		item->key = document->key;
		if (document->kind == KIND_CELL) {
			item->cell = model_copy(document->message);
			item->problem = cell_problem(&v, i);
		} else if (document->kind == KIND_CONTAINER) {
			item->problem = container_problem(&v, document);
		}
		results_add(results, item->key,
			    item->problem ? API__OUTCOME__OUTCOME_FAILED
					  : API__OUTCOME__OUTCOME_VALID,
			    item->problem);
	}
	for (size_t i = 0; i < files->n; i++) {
		if (v.items[i].cell)
			protobuf_c_message_free_unpacked(v.items[i].cell, NULL);
		free(v.items[i].problem);
	}
	free(v.items);
	free(v.ports);
}
