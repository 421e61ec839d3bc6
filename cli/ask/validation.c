/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/ask/validation.h"

#include "core/base/ip.h"
#include "core/model/clashes.h"
#include "core/model/folded_names.h"
#include "core/model/networks.h"

/* A cell that is valid beside those before it, also one that only its containers speak of. */
struct valid_cell {
	struct folded_name folded; /* struct validation.names */
	char *key;
};

/* All that publish one port of the host, on whatever address. */
struct port_group {
	struct map_node node; /* struct validation.ports */
	char name[sizeof("65535/tcp")];
	struct taken_port {
		char *cell_key;
		struct published_port port;
	} * taken;
	size_t n;
};

struct taken_range {
	const char *space_key;
	struct ip first, last;
};

/* A space that a document declares, or lies in. */
struct known_space {
	struct map_node node; /* struct validation.spaces */
	char *key;
};

struct validation {
	const struct files *files;
	struct validated {
		struct map_node node; /* struct validation.cells */
		const char *key;
		ProtobufCMessage *cell; /* with those that joined it; NULL: it is no cell */
		char *problem;          /* NULL: none */
		char *remark;           /* what only the daemon can say; NULL: nothing */
	} * items;                      /* as files->documents */
	struct map cells;               /* struct validated.node */
	struct map names;               /* struct valid_cell.folded.node */
	struct map ports;               /* struct port_group.node */
	struct map spaces;              /* struct known_space.node */
	struct taken_range *ranges;
	size_t n_ranges;
};

/* ---- ranges of spaces ---- */

static bool overlap(const struct taken_range *a, const struct taken_range *b)
{
	return ip_compare(&a->first, &b->last) <= 0 && ip_compare(&b->first, &a->last) <= 0;
}

/* NULL, or which other space has some of it. */
static char *take_range(struct validation *v, const char *space_key, const char *range)
{
	struct taken_range own = { .space_key = space_key };
	unsigned prefix;

	if (str_empty(range) || !ip_parse_range(range, &own.first, &prefix))
		return NULL;
	own.last = ip_last(&own.first, prefix);
	for (size_t i = 0; i < v->n_ranges; i++) {
		AUTO_FREE char *owner = NULL;

		if (!overlap(&own, &v->ranges[i]))
			continue;
		owner = xasprintf("space %s", v->ranges[i].space_key);
		return clash_of_ranges(range, owner);
	}
	v->ranges = xrealloc(v->ranges, (v->n_ranges + 1) * sizeof(*v->ranges));
	v->ranges[v->n_ranges++] = own;
	return NULL;
}

static char *space_problem(struct validation *v, const struct document *document)
{
	const Api__SpaceSpec *spec = ((const Api__Space *)document->message)->spec;
	char *problem = take_range(v, document->key, spec->subnet);

	return problem ? problem : take_range(v, document->key, spec->subnet6);
}

/* ---- spaces that are named ---- */

static void note_space(struct validation *v, const struct document *document)
{
	struct known_space *space;
	struct key_parts parts;

	if (document->kind < KIND_SPACE || !key_split(document->key, &parts))
		return;
	space = xnew(struct known_space);
	space->key = xasprintf("%s/%s", parts.part[KIND_REALM], parts.part[KIND_SPACE]);
	if (map_insert(&v->spaces, &space->node, space->key))
		return;
	free(space->key);
	free(space);
}

/* It may be there already: that is for the daemon to say. */
static char *joins_remark(const struct validation *v, const Api__CellSpec *spec)
{
	AUTO(strv_fini) struct strv spaces = { 0 };

	networks_of_cell(spec, &spaces);
	for (size_t i = 0; i < spaces.n; i++)
		if (!map_find(&v->spaces, spaces.items[i]))
			return clash_missing_space(spaces.items[i],
						   "is declared in none of the files");
	return NULL;
}

static char *container_remark(const struct validation *v, Api__ContainerSpec *spec)
{
	Api__CellSpec alone = API__CELL_SPEC__INIT; /* borrows everything */

	alone.realm_id = spec->realm_id;
	alone.space_id = spec->space_id;
	alone.containers = &spec;
	alone.n_containers = 1;
	return joins_remark(v, &alone);
}

/* ---- ports of the host ---- */

static struct port_group *get_group(struct validation *v, const struct published_port *port)
{
	struct port_group *group = xnew(struct port_group);
	struct map_node *there;

	snprintf(group->name, sizeof(group->name), "%u/%s", port->host_port,
		 port->udp ? "udp" : "tcp");
	if (map_insert(&v->ports, &group->node, group->name))
		return group;
	there = map_find(&v->ports, group->name);
	free(group);
	return container_of(there, struct port_group, node);
}

static char *take_port(struct validation *v, const char *cell_key,
		       const struct published_port *port)
{
	struct port_group *group = get_group(v, port);

	for (size_t i = 0; i < group->n; i++)
		if (!str_equal(group->taken[i].cell_key, cell_key) &&
		    port_clashes(port, &group->taken[i].port))
			return clash_of_ports(port, group->taken[i].cell_key);
	group->taken = xrealloc(group->taken, (group->n + 1) * sizeof(*group->taken));
	group->taken[group->n++] = (struct taken_port){ xstrdup(cell_key), *port };
	return NULL;
}

/* NULL, or which of its ports is another cell's. @path leads to the container. */
static char *take_ports(struct validation *v, const char *cell_key, const char *path,
			const Api__ContainerSpec *container)
{
	for (size_t i = 0; i < container->n_ports; i++) {
		AUTO_FREE char *clash = NULL;
		struct published_port port;

		if (port_parse(container->ports[i], &port, NULL) == 0)
			clash = take_port(v, cell_key, &port);
		if (clash)
			return xasprintf("%s.ports: %s", path, clash);
	}
	return NULL;
}

/* ---- cells ---- */

/* NULL, or which cell has its name in another case. Takes the name. */
static char *take_name(struct validation *v, const char *cell_key)
{
	struct folded_name *rival = folded_names_find(&v->names, cell_key, NULL, NULL);
	struct valid_cell *cell;

	if (rival)
		return clash_of_names(container_of(rival, struct valid_cell, folded)->key);
	cell = xnew(struct valid_cell);
	cell->key = xstrdup(cell_key);
	if (folded_names_add(&v->names, &cell->folded, cell_key))
		return NULL;
	free(cell->key);
	free(cell);
	return NULL;
}

static char *cell_problem(struct validation *v, const struct validated *item)
{
	const Api__CellSpec *spec = ((const Api__Cell *)item->cell)->spec;
	char *problem = take_name(v, item->key);

	for (size_t i = 0; i < spec->n_containers && !problem; i++) {
		AUTO_FREE char *path = xasprintf("spec.containers[%zu]", i);

		problem = take_ports(v, item->key, path, spec->containers[i]);
	}
	return problem;
}

/* ---- containers ---- */

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
	AUTO_FREE char *cell_key = key_parent(document->key);
	struct validated *item = map_entry(map_find(&v->cells, cell_key), struct validated, node);
	Api__Cell *cell = item ? (Api__Cell *)item->cell : NULL;
	AUTO(model_problems_fini) struct model_problems problems = { 0 };
	char *problem = NULL;

	if (cell && names(cell->spec, spec->id))
		return NULL;
	if (cell && !join(cell, spec, &problems))
		return xasprintf("cell %s: %s: %s", cell_key, problems.items[0].path,
				 problems.items[0].message);
	problem = take_ports(v, cell_key, "spec", spec);
	return problem ? problem : take_name(v, cell_key);
}

/* ---- all ---- */

static void validate(struct validation *v, const struct document *document, struct validated *item)
{
	item->key = document->key;
	switch (document->kind) {
	case KIND_SPACE:
		item->problem = space_problem(v, document);
		break;
	case KIND_CELL:
		item->cell = model_copy(document->message);
		map_insert(&v->cells, &item->node, item->key);
		item->problem = cell_problem(v, item);
		item->remark = joins_remark(v, ((const Api__Cell *)item->cell)->spec);
		break;
	case KIND_CONTAINER:
		item->problem = container_problem(v, document);
		item->remark =
			container_remark(v, ((const Api__Container *)document->message)->spec);
		break;
	default:
		break;
	}
}

static void maps_fini(struct validation *v)
{
	struct valid_cell *cell;
	struct port_group *group;
	struct known_space *space;

	map_for_each(cell, &v->names, folded.node) {
		folded_names_remove(&v->names, &cell->folded);
		free(cell->key);
		free(cell);
	}
	map_for_each(group, &v->ports, node) {
		map_remove(&v->ports, &group->node);
		for (size_t i = 0; i < group->n; i++)
			free(group->taken[i].cell_key);
		free(group->taken);
		free(group);
	}
	map_for_each(space, &v->spaces, node) {
		map_remove(&v->spaces, &space->node);
		free(space->key);
		free(space);
	}
}

static void validation_fini(struct validation *v)
{
	maps_fini(v);
	for (size_t i = 0; i < v->files->n; i++) {
		if (v->items[i].cell)
			protobuf_c_message_free_unpacked(v->items[i].cell, NULL);
		free(v->items[i].problem);
		free(v->items[i].remark);
	}
	free(v->items);
	free(v->ranges);
}

void validation_add(const struct files *files, struct results *results)
{
	AUTO(validation_fini)
	struct validation v = { .files = files, .items = xcalloc(files->n + 1, sizeof(*v.items)) };

	for (size_t i = 0; i < files->n; i++)
		note_space(&v, files->documents[i]->document);
	for (size_t i = 0; i < files->n; i++) {
		struct validated *item = &v.items[i];

		validate(&v, files->documents[i]->document, item);
		results_add(results, item->key,
			    item->problem ? API__OUTCOME__OUTCOME_FAILED
					  : API__OUTCOME__OUTCOME_VALID,
			    item->problem ? item->problem : item->remark);
	}
}
