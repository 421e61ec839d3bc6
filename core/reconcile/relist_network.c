/* SPDX-License-Identifier: Apache-2.0 */
#include "core/reconcile/relist_private.h"

#include "core/base/log.h"
#include "core/hosts/hosts_files.h"
#include "core/network/filter.h"
#include "core/network/joins.h"
#include "core/network/ways.h"
#include "core/reconcile/observed.h"

static void replace_space(struct space_fact *old, struct space_fact *new)
{
	space_fact_fini(old);
	*old = *new;
	*new = (struct space_fact){ 0 };
}

/* What is as it was made is left alone; what is not is ensured again, which compares and keeps. */
static void note_space(struct object *object, struct space_fact *fact)
{
	if (object->backing.applied && fact->drift)
		log_warning("the network of a space changed by another hand: %s key=%s",
			    fact->drift, object->key);
	object->backing.exists = true;
	object->backing.applied &= !fact->drift;
	replace_space(&object->backing.space, fact);
}

static void note_spaces(struct relist *relist)
{
	struct object *object;

	for (size_t i = 0; i < relist->network.n_spaces; i++) {
		struct space_fact *fact = &relist->network.spaces[i];
		bool is_new = !engine_find(relist->engine, fact->space_key);

		object = engine_get(relist->engine, fact->space_key);
		object->backing.slot.listed_seq = relist->mark;
		if (relist_speaks(relist, &object->backing.slot))
			note_space(object, fact);
		else
			relist->missed |= is_new || fact->drift;
	}
	map_for_each(object, &relist->engine->spaces, space_node)
		if (object->backing.slot.listed_seq != relist->mark &&
		    !relist->network.problem.code && relist_speaks(relist, &object->backing.slot))
			object->backing.exists = object->backing.applied = false;
}

static bool has_fact(const struct attachment_fact *fact, const struct join *join)
{
	for (size_t i = 0; i < fact->n_joins; i++)
		if (str_equal(fact->joins[i].space_key, join->space_key))
			return true;
	return false;
}

static void note_joins(struct relist *relist, struct object *object,
		       const struct attachment_fact *fact)
{
	static const struct join_fact nothing = { 0 };
	struct join *join;

	list_for_each(join, &object->cell.joins, link)
		if (!has_fact(fact, join) && relist_speaks(relist, &join->slot))
			joins_observed(relist->engine, join, &nothing);
	for (size_t i = 0; i < fact->n_joins; i++) {
		join = joins_get(relist->engine, object, fact->joins[i].space_key);
		if (relist_speaks(relist, &join->slot))
			joins_observed(relist->engine, join, &fact->joins[i]);
		else
			relist->missed |= !fact->joins[i].attached;
	}
}

static void note_attachment(struct relist *relist, const struct attachment_fact *fact)
{
	struct engine *engine = relist->engine;
	bool is_new = !engine_find(engine, fact->cell_key);
	struct object *object = engine_get(engine, fact->cell_key);

	object->cell.network.listed_seq = relist->mark;
	if (!relist_speaks(relist, &object->cell.network)) {
		relist->missed |= is_new || !fact->attached;
		return;
	}
	observed_attachment(engine, object, fact);
	note_joins(relist, object, fact);
	if (fact->earlier_boot && !list_linked(&object->cell.earlier_link))
		list_append(&engine->earlier, &object->cell.earlier_link);
}

static void note_attachments(struct relist *relist)
{
	struct object *object;

	for (size_t i = 0; i < relist->network.n_attachments; i++)
		note_attachment(relist, &relist->network.attachments[i]);
	map_for_each(object, &relist->engine->objects, node)
		if (object->kind == KIND_CELL && object->cell.network.listed_seq != relist->mark &&
		    relist_speaks(relist, &object->cell.network))
			observed_no_network(relist->engine, object);
}

static void on_network_again(struct timer *timer)
{
	relist_network(container_of(timer, struct engine, network_again.timer));
}

/* A network cannot be inspected by itself: what was missed needs another relist. While many cells
 * come and go that is so again and again, so the pauses grow. */
static void relist_again_if_missed(const struct relist *relist)
{
	struct engine *engine = relist->engine;

	if (!relist->missed)
		engine->network_again.pauses = 0;
	if (!relist->missed || engine->closing || timer_active(&engine->network_again.timer))
		return;
	timer_start(engine->loop, &engine->network_again.timer,
		    backoff_ms(&relist_again_pauses, engine->network_again.pauses++),
		    on_network_again);
}

static void on_network(struct call *call)
{
	struct relist *relist = container_of(call, struct relist, call);

	if (call->status < 0)
		return relist_failed(relist, "networks");
	relist->mark = ++relist->engine->seq;
	note_spaces(relist);
	note_attachments(relist);
	filter_mark_stale(relist->engine);
	ways_mark_switches_stale(relist->engine);
	hosts_files_open(relist->engine);
	relist_again_if_missed(relist);
	relist_done(relist, &relist->engine->relisted.network, "networks",
		    &relist->network.problem);
}

static void start_network(struct relist *relist)
{
	call_init(&relist->call, relist->engine->loop, on_network);
	relist->engine->network->ops->list(relist->engine->network, &relist->network,
					   &relist->call);
}

void relist_network(struct engine *engine)
{
	engine_invalidate_managers(engine);
	start_network(relist_new(engine, start_network, &engine->relist_problems.network));
}
