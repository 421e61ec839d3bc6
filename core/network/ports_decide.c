/* SPDX-License-Identifier: Apache-2.0 */
#include "core/network/ports_private.h"

#include "core/model/ports.h"
#include "core/state/engine.h"

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

bool port_group_decide(struct port_group *group)
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
		changed |= had != !declared->holder && ports_are_reported(declared->cell);
	}
	map_for_each(winner, &winners.by_ip, node) {
		map_remove(&winners.by_ip, &winner->node);
		free(winner);
	}
	return changed;
}
