/* SPDX-License-Identifier: Apache-2.0 */
#include "core/model/ports.h"
#include "core/passage/passage.h"
#include "core/state/engine.h"

enum { NEIGHBOURS_MAX = 64 };

static bool is_attached(const struct object *object)
{
	return object->kind == KIND_CELL && object->cell.attached && !str_empty(object->cell.ip) &&
	       !str_empty(object->cell.bridge);
}

static struct map_node *first_below(const struct engine *engine, const struct object *space,
				    char **ret_prefix)
{
	*ret_prefix = xasprintf("%s/", space->key);
	return map_find_from(&engine->objects, *ret_prefix);
}

const struct object *passage_cell_of(const struct engine *engine, const struct object *space)
{
	AUTO_FREE char *prefix = NULL;
	struct map_node *node;

	if (space->kind != KIND_SPACE || !space->backing.exists || !object_is_filtered(space))
		return NULL;
	for (node = first_below(engine, space, &prefix); node && str_starts_with(node->key, prefix);
	     node = map_next(node))
		if (is_attached(map_entry(node, struct object, node)))
			return map_entry(node, struct object, node);
	return NULL;
}

/* What of the cell is published now, and is no port of loopback. */
static void take_port(struct traffic_space *space, const struct object *cell, const char *text)
{
	struct published_port port;
	struct traffic_port *to;
	const char *ip;

	if (port_parse(text, &port, NULL) < 0 || port.udp || str_starts_with(port.host_ip, "127."))
		return;
	to = port_is_ip4(&port) ? &space->port : &space->port6;
	ip = port_is_ip4(&port) ? cell->cell.ip : cell->cell.ip6;
	if (to->number || str_empty(ip))
		return;
	*to = (struct traffic_port){ .number = port.host_port,
				     .host_ip = xstrdup_maybe(port_host_ip(&port)),
				     .ip = xstrdup(ip) };
}

/* The first ones that there are. */
static void take_ports(const struct engine *engine, struct traffic_space *traffic,
		       const struct object *space)
{
	AUTO_FREE char *prefix = NULL;
	struct map_node *node;

	for (node = first_below(engine, space, &prefix);
	     node && str_starts_with(node->key, prefix) && !traffic->port.number;
	     node = map_next(node)) {
		const struct object *cell = map_entry(node, struct object, node);

		for (size_t i = 0; is_attached(cell) && i < cell->cell.ports.n; i++)
			take_port(traffic, cell, cell->cell.ports.items[i]);
	}
}

/* One beside it. A packet to it is led to all, so there may not be too many. */
static void take_peer(const struct engine *engine, struct traffic_space *traffic,
		      const struct object *space, const struct object *cell)
{
	AUTO_FREE char *prefix = NULL;
	struct map_node *node = first_below(engine, space, &prefix);

	if (space->backing.addresses_used > NEIGHBOURS_MAX)
		return;
	for (; node && str_starts_with(node->key, prefix); node = map_next(node)) {
		const struct object *other = map_entry(node, struct object, node);

		if (other == cell || !is_attached(other) ||
		    !str_equal(other->cell.bridge, cell->cell.bridge))
			continue;
		traffic->peer = xstrdup(other->cell.ip);
		traffic->peer6 = xstrdup_maybe(other->cell.ip6);
		return;
	}
}

void passage_add_space(const struct engine *engine, struct traffic *wish,
		       const struct object *space, const struct object *cell)
{
	const struct cell *of = &cell->cell;
	struct traffic_space *traffic;

	wish->spaces = xrealloc(wish->spaces, (wish->n_spaces + 1) * sizeof(*wish->spaces));
	traffic = &wish->spaces[wish->n_spaces++];
	*traffic =
		(struct traffic_space){ .key = xstrdup(space->key),
					.bridge = xstrdup(of->bridge),
					.link = xstrdup(of->link.name ? of->link.name : of->bridge),
					.ip = xstrdup(of->ip),
					.ip6 = xstrdup_maybe(of->ip6),
					.denies = object_denies_egress(space) };
	take_ports(engine, traffic, space);
	take_peer(engine, traffic, space, cell);
}
