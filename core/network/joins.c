/* SPDX-License-Identifier: Apache-2.0 */
#include "core/network/joins.h"

#include "core/base/log.h"
#include "core/hosts/hosts_files.h"
#include "core/model/networks.h"
#include "core/network/addresses_count.h"
#include "core/network/bridges.h"
#include "core/network/filter.h"

/* ---- all joins, by space ---- */

/* A blank is in no key: what follows one is of that space alone. */
static char *space_prefix(const char *space_key)
{
	return xasprintf("%s ", space_key);
}

static struct join *first_of(struct engine *engine, const char *prefix)
{
	struct map_node *node = map_find_from(&engine->joins, prefix);

	return node && str_starts_with(node->key, prefix) ? container_of(node, struct join, node)
							  : NULL;
}

static struct join *next_of(struct join *join, const char *prefix)
{
	struct map_node *node = map_next(&join->node);

	return node && str_starts_with(node->key, prefix) ? container_of(node, struct join, node)
							  : NULL;
}

struct join *joins_get(struct engine *engine, struct object *cell, const char *space_key)
{
	struct join *join = cell_find_join(cell, space_key);

	if (join)
		return join;
	join = cell_add_join(cell, space_key);
	join->slot.changed_seq = engine->forgot_seq;
	check(map_insert(&engine->joins, &join->node, join->index_key));
	return join;
}

static void forget(struct engine *engine, struct join *join)
{
	engine->forgot_seq = ++engine->seq;
	engine_set_link(engine, &join->link_on_host, NULL, NULL);
	bridges_use(engine, &join->on_bridge, NULL);
	free(take_ptr(join->ip));
	addresses_count_join(engine, join);
	map_remove(&engine->joins, &join->node);
	cell_remove_join(join);
}

void joins_forget(struct engine *engine, struct object *cell)
{
	struct join *join;

	list_for_each(join, &cell->cell.joins, link)
		forget(engine, join);
}

/* ---- wanted ---- */

void joins_want(struct engine *engine, struct object *cell)
{
	AUTO(strv_fini) struct strv spaces = { 0 };
	struct join *join;

	networks_of_cell(cell->cell.effective, &spaces);
	list_for_each(join, &cell->cell.joins, link)
		join->wanted = false;
	for (size_t i = 0; i < spaces.n; i++) {
		join = joins_get(engine, cell, spaces.items[i]);
		join->wanted = true;
		engine_want_anew(engine, &join->slot);
	}
}

void joins_find_unknown(struct engine *engine, const Api__CellSpec *spec,
			struct strv *ret_space_keys)
{
	AUTO(strv_fini) struct strv spaces = { 0 };

	networks_of_cell(spec, &spaces);
	for (size_t i = 0; i < spaces.n; i++) {
		const struct object *space = engine_find(engine, spaces.items[i]);

		if (!space || !space->wanted)
			strv_add(ret_space_keys, spaces.items[i]);
	}
}

/* ---- for the planner ---- */

static void prepare_cell(struct engine *engine, struct object *cell)
{
	struct join *join;

	list_for_each(join, &cell->cell.joins, link) {
		join->space = engine_find(engine, join->space_key);
		if (!join->wanted && !join->intent && !join->slot.busy)
			forget(engine, join);
	}
}

static void prepare_space(struct engine *engine, struct object *space)
{
	AUTO_FREE char *prefix = space_prefix(space->key);
	struct join *join = first_of(engine, prefix);

	space->backing.joined = 0;
	for (; join; join = next_of(join, prefix)) {
		if (!join->intent && !join->slot.busy)
			continue;
		if (space->backing.joined++ == 0)
			space->backing.joined_by = join->object;
	}
}

void joins_prepare(struct engine *engine, struct object *object)
{
	if (object->kind == KIND_CELL)
		prepare_cell(engine, object);
	else if (object->kind == KIND_SPACE)
		prepare_space(engine, object);
}

void joins_space_changed(struct engine *engine, const struct object *space)
{
	AUTO_FREE char *prefix = space_prefix(space->key);
	struct join *join = first_of(engine, prefix);

	for (; join; join = next_of(join, prefix)) {
		engine_want_anew(engine, &join->slot);
		engine_enqueue(engine, join->object);
	}
}

bool joins_are_changing(struct engine *engine, const char *space_key)
{
	AUTO_FREE char *prefix = space_prefix(space_key);
	struct join *join = first_of(engine, prefix);

	for (; join; join = next_of(join, prefix))
		if (join->slot.busy || join->object->cell.network.busy ||
		    (join->intent && !join->attached))
			return true;
	return false;
}

/* ---- seen ---- */

/* A space that goes waits for those that leave it. */
static void enqueue_space(struct engine *engine, const struct join *join)
{
	struct object *space = engine_find(engine, join->space_key);

	if (space && !space->wanted)
		engine_enqueue(engine, space);
}

void joins_observed(struct engine *engine, struct join *join, const struct join_fact *fact)
{
	bool changed = join->attached != fact->attached || !str_equal(join->ip, fact->ip) ||
		       !str_equal(join->ip6, fact->ip6);

	if (join->attached && fact->drift)
		log_warning("the network of a cell changed by another hand: %s key=%s space=%s",
			    fact->drift, join->object->key, join->space_key);
	join->intent = fact->space_key;
	join->attached = fact->attached;
	str_replace(&join->interface, fact->interface);
	str_replace(&join->ip, fact->ip);
	str_replace(&join->ip6, fact->ip6);
	str_replace(&join->bridge, fact->bridge);
	bridges_use(engine, &join->on_bridge, fact->attached ? fact->bridge : NULL);
	str_replace(&join->reservation, fact->reservation);
	str_replace(&join->reservation6, fact->reservation6);
	str_replace(&join->drift, fact->drift);
	engine_set_link(engine, &join->link_on_host, join->object, fact->link);
	if (fact->ip)
		str_replace(&join->last_ip, fact->ip);
	if (fact->ip6)
		str_replace(&join->last_ip6, fact->ip6);
	addresses_count_join(engine, join);
	enqueue_space(engine, join);
	if (!changed)
		return;
	hosts_files_space_changed(engine, join->space_key);
	hosts_files_cell_changed(engine, join->object); /* it sees others now */
	if (object_denies_egress(join->object->parent->parent))
		filter_mark_stale(engine);
	engine_changed(engine, join->object, false);
}

void joins_observed_none(struct engine *engine, struct object *cell)
{
	static const struct join_fact nothing = { 0 };
	struct join *join;

	list_for_each(join, &cell->cell.joins, link)
		joins_observed(engine, join, &nothing);
}

/* ---- status ---- */

static Api__JoinStatus *render_join(const struct join *join)
{
	Api__JoinStatus *status = xnew(Api__JoinStatus);

	api__join_status__init(status);
	status->space = xstrdup(join->space_key);
	status->ip = str_dup_filled(join->ip);
	status->ip6 = str_dup_filled(join->ip6);
	if (join->attached) {
		status->interface = str_dup_filled(join->interface);
		status->bridge = str_dup_filled(join->bridge);
	}
	return status;
}

/* One that has been left is still there for a moment, and nothing to show. */
static bool is_shown(const struct join *join)
{
	return join->wanted || join->intent;
}

void joins_render(const struct object *cell, Api__CellStatus *status)
{
	struct join *join;
	size_t n = 0;

	list_for_each(join, &cell->cell.joins, link)
		n += is_shown(join);
	status->joins = n ? xcalloc(n, sizeof(*status->joins)) : NULL;
	list_for_each(join, &cell->cell.joins, link)
		if (is_shown(join))
			status->joins[status->n_joins++] = render_join(join);
}

void joins_restore(struct object *cell, const Api__CellStatus *status)
{
	for (size_t i = 0; i < status->n_joins; i++) {
		const Api__JoinStatus *stored = status->joins[i];
		struct join *join = stored->space ? cell_find_join(cell, stored->space) : NULL;

		if (!join)
			continue;
		str_replace(&join->last_ip, stored->ip);
		str_replace(&join->last_ip6, stored->ip6);
	}
}
