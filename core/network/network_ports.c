/* SPDX-License-Identifier: Apache-2.0 */
#include "core/network/network_ports.h"

#include "core/model/clashes.h"
#include "core/network/filter.h"
#include "core/state/engine.h"

/*
 * All that declare one port of the host, on whatever address: only they can be in each other's way.
 * Whoever changes is put into its groups anew and these are stale; before the next plan each
 * stale group is decided once, however many of it have changed.
 */
struct port_group {
	struct map_node node; /* struct ports.groups */
	char name[sizeof("65535/tcp")];
	struct list declared; /* struct declared.in_group; as last decided, the first one wins */
	size_t n;
	struct list stale; /* struct ports.stale */
};

/* One port that a cell declares. */
struct declared {
	struct list in_group, in_cell;
	struct port_group *group;
	struct published_port port;
	struct object *cell;
	/* as last decided: */
	bool holds;              /* it leads to the cell now */
	struct declared *holder; /* of what it lost; NULL: it has it itself */
	size_t rank;
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

/* The filter has some of its ports, shall have some, or had to leave one out. */
static bool is_reported(const struct object *cell)
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
	if (any && is_reported(cell))
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

static bool holds(const struct object *cell, const struct published_port *port)
{
	struct published_port held;

	for (size_t i = 0; i < cell->cell.ports.n; i++)
		if (port_parse(cell->cell.ports.items[i], &held, NULL) == 0 &&
		    port_clashes(&held, port))
			return true;
	return false;
}

/* One that has no time of creation yet is the newest. */
static int by_age(const struct object *a, const struct object *b)
{
	uint64_t age_a = (uint64_t)a->status.created_ms - 1; /* 0 becomes the greatest */
	uint64_t age_b = (uint64_t)b->status.created_ms - 1;

	return age_a != age_b ? (age_a < age_b ? -1 : 1) : strcmp(a->key, b->key);
}

static int by_right(const void *left, const void *right)
{
	const struct declared *a = *(struct declared *const *)left;
	const struct declared *b = *(struct declared *const *)right;
	int r = a->holds != b->holds ? (a->holds ? -1 : 1) : by_age(a->cell, b->cell);

	return r ? r : a->rank < b->rank ? -1 : 1; /* of one cell: as it lists them */
}

static void sort(struct port_group *group)
{
	struct declared **all = xcalloc(group->n, sizeof(struct declared *));
	struct declared *declared;
	size_t n = 0;

	list_for_each(declared, &group->declared, in_group) {
		list_remove(&declared->in_group);
		declared->holds = holds(declared->cell, &declared->port);
		declared->rank = n;
		all[n++] = declared;
	}
	check(n == group->n);
	qsort(all, n, sizeof(struct declared *), by_right);
	for (size_t i = 0; i < n; i++) {
		all[i]->rank = i;
		list_append(&group->declared, &all[i]->in_group);
	}
	free(all);
}

/* The last one of each sort that has the port of a group. */
struct winner {
	struct map_node node; /* struct winners.by_ip */
	struct declared *declared;
};

struct winners {
	struct map by_ip;         /* struct winner.node: those with an address of their own */
	struct declared *last[2]; /* of these, on IPv4 and on IPv6 */
	struct declared *all[2];  /* on every address */
};

static bool is_of(const struct published_port *port, int family)
{
	return family ? port_is_ip6(port) : port_is_ip4(port);
}

static struct declared *later(struct declared *a, struct declared *b)
{
	return !a || (b && b->rank > a->rank) ? b : a;
}

/* The last one before it that has the port; NULL when it has it itself. */
static struct declared *holder_of(const struct winners *winners, const struct published_port *port)
{
	const char *ip = port_host_ip(port);
	struct winner *same =
		ip ? map_entry(map_find(&winners->by_ip, ip), struct winner, node) : NULL;
	struct declared *holder = same ? same->declared : NULL;

	for (int family = 0; family < 2; family++) {
		if (!is_of(port, family))
			continue;
		holder = later(holder, winners->all[family]);
		if (!ip)
			holder = later(holder, winners->last[family]);
	}
	return holder;
}

static void add_winner(struct winners *winners, struct declared *declared)
{
	const char *ip = port_host_ip(&declared->port);
	struct winner *winner;

	for (int family = 0; family < 2; family++)
		if (is_of(&declared->port, family))
			*(ip ? &winners->last[family] : &winners->all[family]) = declared;
	if (!ip)
		return;
	winner = xnew(struct winner);
	winner->declared = declared;
	map_insert(&winners->by_ip, &winner->node, ip);
}

/* Returns whether another port leads to a cell that is there. */
static bool decide(struct port_group *group)
{
	struct winners winners = { 0 };
	struct declared *declared;
	struct winner *winner;
	bool changed = false;

	sort(group);
	list_for_each(declared, &group->declared, in_group) {
		bool had = !declared->holder;

		declared->holder = holder_of(&winners, &declared->port);
		if (!declared->holder)
			add_winner(&winners, declared);
		changed |= had != !declared->holder && is_reported(declared->cell);
	}
	map_for_each(winner, &winners.by_ip, node) {
		map_remove(&winners.by_ip, &winner->node);
		free(winner);
	}
	return changed;
}

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
		if (group->n && decide(group))
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
