/* SPDX-License-Identifier: Apache-2.0 */
#include "core/ports.h"

#include "core/engine.h"
#include "core/model/ports.h"

/* One port that a cell declares. */
struct declared {
	struct published_port port;
	struct object *cell;
	bool holds; /* it leads to the cell now */
	bool lost;
};

struct declareds {
	struct declared *items;
	size_t n, room;
};

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

/* ---- whose each one is ---- */

static bool holds(const struct object *cell, const struct published_port *port)
{
	struct published_port held;

	for (size_t i = 0; i < cell->cell.ports.n; i++)
		if (port_parse(cell->cell.ports.items[i], &held, NULL) == 0 &&
		    port_clashes(&held, port))
			return true;
	return false;
}

static void add_declared(const struct object *cell, const struct published_port *port, void *ctx)
{
	struct declareds *all = ctx;

	if (all->n == all->room) {
		all->room = all->room ? 2 * all->room : 64;
		all->items = xrealloc(all->items, all->room * sizeof(*all->items));
	}
	all->items[all->n++] = (struct declared){ .port = *port,
						  .cell = (struct object *)cell,
						  .holds = holds(cell, port) };
}

/* One that has no time of creation yet is the newest. */
static int by_age(const struct object *a, const struct object *b)
{
	uint64_t age_a = (uint64_t)a->status.created_ms - 1; /* 0 becomes the greatest */
	uint64_t age_b = (uint64_t)b->status.created_ms - 1;

	return age_a != age_b ? (age_a < age_b ? -1 : 1) : strcmp(a->key, b->key);
}

static int by_port_and_age(const void *left, const void *right)
{
	const struct declared *a = left, *b = right;

	if (a->port.host_port != b->port.host_port)
		return a->port.host_port < b->port.host_port ? -1 : 1;
	if (a->port.udp != b->port.udp)
		return a->port.udp ? 1 : -1;
	return a->holds != b->holds ? (a->holds ? -1 : 1) : by_age(a->cell, b->cell);
}

static bool same_number(const struct declared *a, const struct declared *b)
{
	return a->port.host_port == b->port.host_port && a->port.udp == b->port.udp;
}

/* The one before it that has the port; NULL when it has it itself. */
static const struct declared *holder_of(const struct declareds *all, size_t i)
{
	const struct declared *of = &all->items[i];

	while (i-- > 0 && same_number(&all->items[i], of))
		if (!all->items[i].lost && port_clashes(&all->items[i].port, &of->port))
			return &all->items[i];
	return NULL;
}

static void set_conflict(struct engine *engine, struct object *cell, char *text)
{
	if (!str_equal(cell->cell.port_conflict, text))
		engine_touch(engine, cell);
	free(cell->cell.port_conflict);
	cell->cell.port_conflict = text;
}

static char *conflict_text(const struct published_port *port, const struct object *holder)
{
	char text[PORT_TEXT_BYTES];

	return xasprintf("port %s of the host is published by cell %s; choose another one here or "
			 "there",
			 port_host_text(port, text), holder->key);
}

static void declare_all(const struct engine *engine, struct declareds *all)
{
	struct object *object;

	map_for_each(object, &engine->objects, node)
		if (object->kind == KIND_CELL && object->wanted)
			ports_for_each(object, add_declared, all);
	if (all->n)
		qsort(all->items, all->n, sizeof(*all->items), by_port_and_age);
}

static char *own_conflict(const struct declareds *all, const struct object *cell)
{
	for (size_t i = 0; i < all->n; i++)
		if (all->items[i].cell == cell && all->items[i].lost)
			return conflict_text(&all->items[i].port, holder_of(all, i)->cell);
	return NULL;
}

static void settle(const struct engine *engine, struct declareds *all)
{
	declare_all(engine, all);
	for (size_t i = 0; i < all->n; i++)
		all->items[i].lost = holder_of(all, i);
}

void ports_settle(struct engine *engine)
{
	struct declareds all = { 0 };
	struct object *object;

	settle(engine, &all);
	map_for_each(object, &engine->objects, node)
		if (object->kind == KIND_CELL &&
		    (object->cell.port_conflict || (object->wanted && ports_any(object))))
			set_conflict(engine, object, own_conflict(&all, object));
	free(all.items);
}

char *ports_clash(const struct engine *engine, const char *cell_key,
		  const Api__ContainerSpec *container)
{
	struct declareds all = { 0 };
	struct published_port port;
	char *text = NULL;

	if (container->n_ports)
		declare_all(engine, &all);
	for (size_t p = 0; p < container->n_ports; p++) {
		if (port_parse(container->ports[p], &port, NULL) < 0)
			continue;
		for (size_t i = 0; i < all.n && !text; i++)
			if (strcmp(all.items[i].cell->key, cell_key) != 0 &&
			    port_clashes(&all.items[i].port, &port))
				text = conflict_text(&port, all.items[i].cell);
	}
	free(all.items);
	return text;
}

/* ---- what is published ---- */

bool ports_are_open(const struct object *cell)
{
	return cell->cell.attached && !str_empty(cell->cell.ip);
}

/* @ip of the cell: the family of the port. */
static void add_port(struct filter_wish *wish, const struct declared *declared, const char *ip)
{
	const struct published_port *port = &declared->port;
	const struct object *cell = declared->cell;
	const struct own_thing *space = &cell->parent->parent->own;
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
	struct declareds all = { 0 };

	settle(engine, &all);
	for (size_t i = 0; i < all.n; i++)
		if (!all.items[i].lost && ports_are_open(all.items[i].cell))
			add_families(wish, &all.items[i]);
	free(all.items);
}
