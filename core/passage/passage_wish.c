/* SPDX-License-Identifier: Apache-2.0 */
#include "core/model/ports.h"
#include "core/passage/passage.h"
#include "core/state/engine.h"

enum { NEIGHBOURS_MAX = 64 };

/* Of those that have an address in their space. */
static bool is_attached(const struct object *cell)
{
	return cell->cell.attached && !str_empty(cell->cell.ip) && !str_empty(cell->cell.bridge);
}

const struct object *passage_cell_of(const struct object *space)
{
	const struct object *cell;

	if (!space->backing.exists || !object_is_filtered(space))
		return NULL;
	list_for_each(cell, &space->backing.cells, cell.space_link)
		if (is_attached(cell))
			return cell;
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
static void take_ports(struct traffic_space *traffic, const struct object *space)
{
	const struct object *cell;

	list_for_each(cell, &space->backing.cells, cell.space_link) {
		for (size_t i = 0; is_attached(cell) && i < cell->cell.ports.n; i++)
			take_port(traffic, cell, cell->cell.ports.items[i]);
		if (traffic->port.number)
			return;
	}
}

/* One beside it. A packet to it is led to all, so there may not be too many. */
static void take_peer(struct traffic_space *traffic, const struct object *space,
		      const struct object *cell)
{
	const struct object *other;

	if (space->backing.addresses_used > NEIGHBOURS_MAX)
		return;
	list_for_each(other, &space->backing.cells, cell.space_link) {
		if (other == cell || !is_attached(other) ||
		    !str_equal(other->cell.bridge, cell->cell.bridge))
			continue;
		traffic->peer = xstrdup(other->cell.ip);
		traffic->peer6 = xstrdup_maybe(other->cell.ip6);
		return;
	}
}

void passage_add_space(struct traffic *wish, const struct object *space, const struct object *cell)
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
	take_ports(traffic, space);
	take_peer(traffic, space, cell);
}
