/* SPDX-License-Identifier: Apache-2.0 */
/* A cell joins a further space, or leaves it. */
#include "core/network/joins.h"
#include "core/reconcile/act_table.h"

static void start_join(struct run *run)
{
	struct network *network = run->engine->network;
	const struct join_request request = {
		.cell_key = run->object->key,
		.space_key = run->join->space_key,
		.wanted_ip = run->join->last_ip,
		.wanted_ip6 = run->join->last_ip6,
	};

	network->ops->join(network, &request, &run->ret.join, &run->call);
}

static void joined(struct run *run)
{
	joins_observed(run->engine, run->join, &run->ret.join);
	join_fact_fini(&run->ret.join);
}

/* The worst is assumed: something half made is there, which the next try undoes first. */
static void join_unsure(struct run *run)
{
	run->join->intent = run->object->cell.intent = true;
	run->join->attached = false;
}

static void start_leave(struct run *run)
{
	struct network *network = run->engine->network;

	network->ops->leave(network, run->object->key, run->join->space_key, &run->call);
}

static void left(struct run *run)
{
	static const struct join_fact nothing = { 0 };

	joins_observed(run->engine, run->join, &nothing);
}

static void leave_unsure(struct run *run)
{
	run->join->attached = false;
}

const struct act act_joins[ACTION_COUNT] = {
	[ACTION_NETWORK_JOIN] = { ON_JOIN, start_join, joined, join_unsure },
	[ACTION_NETWORK_LEAVE] = { ON_JOIN, start_leave, left, leave_unsure },
};
