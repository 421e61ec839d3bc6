/* SPDX-License-Identifier: Apache-2.0 */
/* What is said of published ports: which lead to a cell, and why another does not. */
#include "core/model/ports.h"
#include "core/network/network_ports.h"
#include "core/passage/passage.h"
#include "core/state/engine.h"

/* "[fd00::1]:8080", "8080": the host's side. */
static char *shown_host(const struct filter_port *port)
{
	const char *ip = port->host_ip;

	if (!ip)
		return xasprintf("%u", port->host_port);
	return filter_is_ip6(ip) ? xasprintf("[%s]:%u", ip, port->host_port)
				 : xasprintf("%s:%u", ip, port->host_port);
}

struct note {
	struct map_node node; /* by the cell's key */
	struct object *cell;
	struct strv published;
	char *taken;
};

static struct note *note_of(struct map *notes, struct object *cell)
{
	struct note *note = map_entry(map_find(notes, cell->key), struct note, node);

	if (note)
		return note;
	note = xnew(struct note);
	note->cell = cell;
	map_insert(notes, &note->node, cell->key);
	return note;
}

/* One that is published on both families is said once. */
static void add_published(struct note *note, const struct filter_port *port, const char *host)
{
	AUTO_FREE char *text = xasprintf("%s:%u/%s", host, port->port, port->udp ? "udp" : "tcp");

	if (!strv_has(&note->published, text))
		strv_add(&note->published, text);
}

static void add_note(struct note *note, const struct filter_port *port)
{
	AUTO_FREE char *host = shown_host(port);

	if (!port->taken)
		add_published(note, port, host);
	else if (!note->taken)
		note->taken =
			xasprintf("port %s/%s is not published%s: another program of the "
				  "host uses it (ss -lnp says which); end that program, or "
				  "choose another port",
				  host, port->udp ? "udp" : "tcp",
				  filter_is_ip6(port->ip) && !port->host_ip ? " on IPv6" : "");
}

/* One on an address of IPv6 that leads nowhere. */
static void note_without_ip6(const struct object *cell, const struct published_port *port,
			     void *ctx)
{
	struct note *note = ctx;
	char text[PORT_TEXT_BYTES];

	if (note->taken || !ports_are_open(cell) || cell->cell.ip6 || port_is_ip4(port))
		return;
	note->taken = xasprintf("port %s is not published: cells of space %s have no IPv6; give "
				"the space \"ipv6: true\", or name an address of IPv4 here",
				port_host_text(port, text), cell->parent->parent->key);
}

static bool same_list(const struct strv *a, const struct strv *b)
{
	bool same = a->n == b->n;

	for (size_t i = 0; same && i < a->n; i++)
		same = strcmp(a->items[i], b->items[i]) == 0;
	return same;
}

/* Takes what the note holds. */
static void take_over(struct engine *engine, struct note *note)
{
	struct cell *cell = &note->cell->cell;

	if (!same_list(&cell->ports, &note->published)) {
		engine_changed(engine, note->cell, false);
		ports_mark_stale(engine, note->cell);
		passage_mark_stale(engine);
	}
	if (!str_equal(cell->port_taken, note->taken))
		engine_enqueue(engine, note->cell);
	strv_fini(&cell->ports);
	cell->ports = note->published;
	free(cell->port_taken);
	cell->port_taken = note->taken;
}

/* What is said of a cell, collected before it is compared. */
static void begin_notes(struct engine *engine, struct map *ret_notes)
{
	struct object *cell;

	map_for_each(cell, &engine->objects, node)
		if (cell->kind == KIND_CELL &&
		    (cell->cell.ports.n || cell->cell.port_taken || ports_any(cell)))
			note_of(ret_notes, cell);
}

bool ports_note(struct engine *engine, const struct filter_wish *wish)
{
	struct map notes = { 0 };
	bool any_taken = false;
	struct note *note;

	begin_notes(engine, &notes);
	for (size_t i = 0; i < wish->n_ports; i++) {
		const struct filter_port *port = &wish->ports[i];
		struct object *cell = engine_find(engine, port->cell_key);

		any_taken |= port->taken;
		if (cell)
			add_note(note_of(&notes, cell), port);
	}
	map_for_each(note, &notes, node) {
		ports_for_each(note->cell, note_without_ip6, note);
		take_over(engine, note);
		map_remove(&notes, &note->node);
		free(note);
	}
	return any_taken;
}
