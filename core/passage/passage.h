/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether packets of the spaces come through the host: a real one decides (struct network_ops,
 * probe). Rules and routes of others say when to ask: once they have been quiet for a moment, never
 * much later than that. A change is answered for some spaces at once, those suspected first, and
 * for the others little by little, so that one costs the same with ten spaces and with hundreds.
 *
 * What is lost once may be chance, or caught in the middle of a change: it is told when it is lost
 * again with nothing changed between, TrafficBlocked. From then on it is asked for again every few
 * seconds, since not all that can be mended tells of itself; while everything passes nothing is.
 */
#pragma once

#include "core/driver/filter.h"

struct engine;
struct object;

struct passage {
	struct engine *engine;
	struct timer due;
	struct call call;
	bool busy;
	bool stale;             /* something changed since the round under way began */
	struct traffic *wish;   /* of the round under way */
	uint64_t changes;       /* counts what changed */
	uint64_t asked_at;      /* struct passage.changes when the round under way began */
	uint64_t round_ms;      /* loop time of the last round's begin */
	uint64_t since_ms;      /* loop time of the first change that no round has answered */
	uint64_t paid_until_ms; /* loop time that rounds after changes have used up */
	char *cursor;           /* key of the space that was asked last in their row; NULL: none */
	size_t left;            /* so many more in that row are to be asked since the last change */
	struct strv named;      /* bridges that rules of others spoke of since the last round */
	bool hurry;             /* at once: somebody waits for it */
	size_t marked, suspected; /* spaces with a suspicion or a verdict; with a suspicion */
	char *impossible; /* why nothing can be asked on this host; NULL: it can, or it was not
			     tried */
	bool told;        /* that it is impossible */
	uint64_t rounds;  /* that succeeded; for tests */
	uint64_t asked;   /* spaces, in all of them; for tests */
};

void passage_init(struct engine *engine);

/* Rules, routes or links may have changed. */
void passage_mark_stale(struct engine *engine);

/* Rules have. @bridge: of whose space they speak, which is asked first; NULL: of none. */
void passage_mark_rules_stale(struct engine *engine, const char *bridge);

/* Somebody looks: what was found out long ago is asked anew, of some spaces. Not all that is in the
 * way tells of itself. */
void passage_refresh(struct engine *engine);

/* It is asked at once whether packets of all come through; see passage_is_stale(). */
void passage_ask(struct engine *engine);

/* Whether a round is under way or due soon. */
bool passage_is_stale(const struct engine *engine);

/* Whether every space with cells has been asked since it came to be. */
bool passage_is_known(const struct engine *engine);

/* Begins nothing more. Once nothing is under way, everything of it may be freed. */
void passage_stop(struct engine *engine);
void passage_fini(struct engine *engine);

/* ---- for passage.c ---- */

/* A cell by which the space can be asked; NULL: it has none. */
const struct object *passage_cell_of(const struct object *space);

/* Adds the space, which has that cell. */
void passage_add_space(struct traffic *wish, const struct object *space, const struct object *cell);
