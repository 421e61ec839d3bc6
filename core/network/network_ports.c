/* SPDX-License-Identifier: Apache-2.0 */
#include "core/network/ports_private.h"

#include "core/model/clashes.h"
#include "core/network/filter.h"
#include "core/state/engine.h"

bool ports_any(const struct object *cell)
{
	const Api__CellSpec *spec = cell->kind == KIND_CELL ? cell->cell.effective : NULL;

	for (size_t i = 0; spec && i < spec->n_containers; i++)
		if (spec->containers[i]->n_ports)
			return true;
	return false;
}

void ports_for_each(const struct object *cell, port_fn fn, void *ctx)
{
	const Api__CellSpec *spec = cell->cell.effective;
	struct published_port port;

	for (size_t c = 0; spec && c < spec->n_containers; c++)
		for (size_t i = 0; i < spec->containers[c]->n_ports; i++)
			if (port_parse(spec->containers[c]->ports[i], &port, NULL) == 0)
				fn(cell, &port, ctx);
}

/* ---- who declares what ---- */

/* In the order of their numbers, as the map has it. */
static void group_name(const struct published_port *port, char ret[sizeof("65535/tcp")])
{
	snprintf(ret, sizeof("65535/tcp"), "%05u/%s", port->host_port, port->udp ? "udp" : "tcp");
}

static struct port_group *find_group(const struct ports *ports, const struct published_port *port)
{
	char name[sizeof("65535/tcp")];

	group_name(port, name);
	return map_entry(map_find(&ports->groups, name), struct port_group, node);
}

static struct port_group *get_group(struct ports *ports, const struct published_port *port)
{
	struct port_group *group = find_group(ports, port);

	if (group)
		return group;
	group = xnew(struct port_group);
	group_name(port, group->name);
	list_init(&group->declared);
	map_insert(&ports->groups, &group->node, group->name);
	return group;
}

static void mark_stale(struct ports *ports, struct port_group *group)
{
	if (!list_linked(&group->stale))
		list_append(&ports->stale, &group->stale);
}

struct declaring {
	struct ports *ports;
	struct object *cell;
};

static void declare(const struct object *cell UNUSED, const struct published_port *port, void *ctx)
{
	const struct declaring *by = ctx;
	struct declared *declared = xnew(struct declared);

	declared->port = *port;
	declared->cell = by->cell;
	declared->group = get_group(by->ports, port);
	declared->group->n++;
	list_append(&declared->group->declared, &declared->in_group);
	list_append(&by->cell->cell.declared_ports, &declared->in_cell);
	mark_stale(by->ports, declared->group);
}

static void take_back(struct ports *ports, struct object *cell)
{
	struct declared *declared;

	list_for_each(declared, &cell->cell.declared_ports, in_cell) {
		mark_stale(ports, declared->group);
		declared->group->n--;
		list_remove(&declared->in_group);
		list_remove(&declared->in_cell);
		free(declared);
	}
}

static void set_conflict(struct engine *engine, struct object *cell, char *text)
{
	if (!str_equal(cell->cell.port_conflict, text))
		engine_enqueue(engine, cell);
	free(cell->cell.port_conflict);
	cell->cell.port_conflict = text;
}

bool ports_are_open(const struct object *cell)
{
	return cell->cell.attached && !str_empty(cell->cell.ip);
}

bool ports_are_reported(const struct object *cell)
{
	return ports_are_open(cell) || cell->cell.ports.n || cell->cell.port_taken;
}

void ports_declare(struct engine *engine, struct object *cell)
{
	struct declaring by = { engine->ports, cell };
	bool any = !list_empty(&cell->cell.declared_ports);

	take_back(engine->ports, cell);
	if (cell->kind == KIND_CELL && cell->wanted)
		ports_for_each(cell, declare, &by);
	if (list_empty(&cell->cell.declared_ports))
		set_conflict(engine, cell, NULL);
	any |= !list_empty(&cell->cell.declared_ports);
	if (any && ports_are_reported(cell))
		filter_mark_stale(engine);
}

void ports_mark_stale(struct engine *engine, const struct object *cell)
{
	struct declared *declared;

	list_for_each(declared, &cell->cell.declared_ports, in_cell)
		mark_stale(engine->ports, declared->group);
}

void ports_forget(struct engine *engine, struct object *cell)
{
	take_back(engine->ports, cell);
}

/* ---- whose each one is ---- */

/* The lowest port that it lost. */
static char *own_conflict(const struct object *cell)
{
	struct declared *declared, *first = NULL;

	list_for_each(declared, &cell->cell.declared_ports, in_cell) {
		int r = first ? strcmp(declared->group->name, first->group->name) : -1;

		if (declared->holder && (r < 0 || (r == 0 && declared->rank < first->rank)))
			first = declared;
	}
	return first ? clash_of_ports(&first->port, first->holder->cell->key) : NULL;
}

static void free_group(struct ports *ports, struct port_group *group)
{
	list_remove(&group->stale);
	map_remove(&ports->groups, &group->node);
	free(group);
}

void ports_settle(struct engine *engine)
{
	struct declared *declared;
	struct port_group *group;
	struct list stale;

	if (list_empty(&engine->ports->stale))
		return;
	list_for_each(group, &engine->ports->stale, stale)
		if (group->n && port_group_decide(group))
			filter_mark_stale(engine);
	list_swap_out(&engine->ports->stale, &stale);
	list_for_each(group, &stale, stale) {
		list_for_each(declared, &group->declared, in_group)
			set_conflict(engine, declared->cell, own_conflict(declared->cell));
		list_remove(&group->stale);
		if (!group->n)
			free_group(engine->ports, group);
	}
}

char *ports_clash(struct engine *engine, const char *cell_key, const Api__ContainerSpec *container)
{
	struct published_port port;
	struct declared *declared;

	ports_settle(engine);
	for (size_t p = 0; p < container->n_ports; p++) {
		const struct port_group *group;

		if (port_parse(container->ports[p], &port, NULL) < 0)
			continue;
		group = find_group(engine->ports, &port);
		if (!group)
			continue;
		list_for_each(declared, &group->declared, in_group)
			if (strcmp(declared->cell->key, cell_key) != 0 &&
			    port_clashes(&declared->port, &port))
				return clash_of_ports(&port, declared->cell->key);
	}
	return NULL;
}

void ports_init(struct engine *engine)
{
	engine->ports = xnew(struct ports);
	engine->ports->engine = engine;
	list_init(&engine->ports->stale);
}

void ports_fini(struct engine *engine)
{
	struct port_group *group;

	map_for_each(group, &engine->ports->groups, node) {
		check(!group->n);
		free_group(engine->ports, group);
	}
	free(take_ptr(engine->ports));
}

/* ---- what is published ---- */

/* @ip of the cell: the family of the port. */
static void add_port(struct filter_wish *wish, const struct declared *declared, const char *ip)
{
	const struct published_port *port = &declared->port;
	const struct object *cell = declared->cell;
	const struct backing *space = &cell->parent->parent->backing;
	const char *host_ip = port_host_ip(port);

	wish->ports = xrealloc(wish->ports, (wish->n_ports + 1) * sizeof(*wish->ports));
	wish->ports[wish->n_ports++] = (struct filter_port){
		.cell_key = xstrdup(cell->key),
		.udp = port->udp,
		.host_ip = xstrdup_maybe(host_ip),
		.host_port = port->host_port,
		.bridge = xstrdup(space->space.bridge ? space->space.bridge : ""),
		.ip = xstrdup(ip),
		.port = port->port,
	};
}

static void add_families(struct filter_wish *wish, const struct declared *declared)
{
	const struct cell *cell = &declared->cell->cell;

	if (port_is_ip4(&declared->port))
		add_port(wish, declared, cell->ip);
	if (port_is_ip6(&declared->port) && !str_empty(cell->ip6))
		add_port(wish, declared, cell->ip6);
}

void ports_fill(const struct engine *engine, struct filter_wish *wish)
{
	struct declared *declared;
	struct port_group *group;

	map_for_each(group, &engine->ports->groups, node)
		list_for_each(declared, &group->declared, in_group)
			if (!declared->holder && ports_are_open(declared->cell))
				add_families(wish, declared);
}
