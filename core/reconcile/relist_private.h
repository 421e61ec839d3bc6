/* SPDX-License-Identifier: Apache-2.0 */
/* What the listings of all sources share: when one is repeated, and what it may speak about.
 * Private to them. */
#pragma once

#include "core/base/backoff.h"
#include "core/driver/cgroup.h"
#include "core/reconcile/relist.h"

/* Between listings of a source that could not be asked, or that was not whole. */
static const struct backoff relist_again_pauses = { .first_ms = 1000, .last_ms = 16 * 1000 };

struct relist {
	struct list link; /* struct engine.relists */
	struct engine *engine;
	struct call call;
	uint64_t seq;       /* engine.seq when it began */
	uint64_t mark;      /* of the listing that is being noted: struct slot.listed_seq */
	struct timer again; /* after a failure */
	void (*restart)(struct relist *relist);
	struct relist_problem *problem; /* the engine's, of this source */

	/* runtime: first the namespaces, then one after the other */
	struct strv namespaces, realms;
	size_t next;
	struct error missing; /* one of them could not be listed; code 0: all could */
	struct container_facts containers;
	struct network_facts network;
	struct cgroup_facts cgroups;
	bool missed; /* something new, or amiss, where the listing is not believed */
};

/* Counts as under way from now on, and makes up for those of its kind that wait to be repeated. */
struct relist *relist_new(struct engine *engine, void (*restart)(struct relist *),
			  struct relist_problem *problem);

/* The last one lets a closing engine go on. */
void relist_free(struct relist *relist);

/* It is said, and the listing is repeated after a pause. */
void relist_failed(struct relist *relist, const char *what);

/* @problem: what was seen is true, but it may not be all; code 0: it is. */
void relist_done(struct relist *relist, bool *relisted, const char *what,
		 const struct error *problem);

/* A relist that began later has told of it already. */
bool relist_is_overtaken(const struct relist *relist, const struct slot *slot);

/* Whether the listing may speak about the slot. */
bool relist_may_speak(const struct relist *relist, const struct slot *slot);

/* The listing speaks about the slot; that it is not in it counts too. */
bool relist_speaks(const struct relist *relist, struct slot *slot);
