/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One act at a time, with everything that changed meanwhile in the next one: what the packet filter
 * and the look at the host's ways have in common. Whoever owns it says when and what; it keeps
 * when the next one is due, and that none begins while one is under way or the engine closes.
 */
#pragma once

#include "core/loop/loop.h"

struct engine;

struct one_act {
	struct engine *engine;
	void (*begin)(struct engine *engine); /* asks one_act_begins() first */
	struct deferred soon;
	struct timer later;
	bool busy;  /* one is under way */
	bool stale; /* something changed since it began */
	uint64_t not_before_ms;
};

void one_act_init(struct one_act *act, struct engine *engine, void (*begin)(struct engine *engine));

/* The next one begins on the next turn, or at not_before_ms or @rests_until_ms, if that is later.
 * Nothing happens while one is under way: who ends it asks again when it is stale. */
void one_act_soon(struct one_act *act, uint64_t rests_until_ms);

/* Though nothing changes. */
void one_act_again_in(struct one_act *act, uint64_t ms);

/* It is no more put off. False: not now, one is under way or the engine closes. */
bool one_act_may_begin(struct one_act *act);

/* One is under way from now on; until then it counts as stale. */
void one_act_begins(struct one_act *act);

/* It has ended. False: nobody wants to know what came of it any more. */
bool one_act_ends(struct one_act *act);

/* Begins nothing more. Once busy is false, everything of it may be freed. */
void one_act_stop(struct one_act *act);
