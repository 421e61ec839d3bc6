/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What must hold of the daemon's external acts, whatever fails or is killed: one task per
 * container, one attachment per cell, each attachment undone, no act after delete. Told of every
 * act as it begins and ends, by the fakes (tests/fake/world.h) and from the log of real ones
 * (tests/faults/check_acts.c).
 *
 * The rules know what an observer of the acts can know: what is there, what is not, and what may
 * be, because its act has no known outcome or another hand was on it. Only what is known is judged.
 */
#pragma once

#include "core/base/list.h"
#include "core/base/map.h"

enum rules_kind {
	RULES_TASK,
	RULES_RECORD,
	RULES_SNAPSHOT,
	RULES_CGROUP, /* of a cell */
	RULES_PIN,
	RULES_ATTACHMENT,
};

enum rules_verb {
	RULES_MAKE,
	RULES_USE,  /* start, signal */
	RULES_MEND, /* afterwards it is there, whatever was before */
	RULES_REMOVE,
};

enum rules_outcome {
	RULES_DONE,     /* or found done */
	RULES_NOT_DONE, /* for certain */
	RULES_UNKNOWN,
};

enum { RULES_ID_MAX_BYTES = 512, RULES_RECENT = 50, RULES_RECENT_MAX_BYTES = 300 };

struct rules_act {
	uint64_t n; /* its number; an act on two things is told of twice, with the same one */
	enum rules_verb verb;
	enum rules_kind kind;
	const char *cell; /* key; NULL: of a thing that was told of before */
	/*
	 * "<namespace>/<container id>" of the first three kinds, so that they find each other; of
	 * an attachment "<incarnation>" or "<incarnation>#<plugin>", and "@<interface>" behind
	 * it when that is not the first one, which a further space has; else the cell's key.
	 */
	const char *id;
};

struct rules {
	struct map things; /* struct thing.node */
	struct map cells;  /* struct rules_cell.node */
	struct list busy;  /* struct thing.link: an act on it is under way */
	uint64_t now;      /* one more with everything that is told */
	uint64_t violations;
	char violation[1024]; /* the first one */
	char recent[RULES_RECENT]
		   [RULES_RECENT_MAX_BYTES]; /* at n_recent % RULES_RECENT the oldest */
	uint64_t n_recent;
};

/* Nothing is there yet. */
void rules_init(struct rules *rules);
void rules_fini(struct rules *rules);

void rules_begin(struct rules *rules, const struct rules_act *act);
void rules_end(struct rules *rules, uint64_t n, enum rules_outcome outcome);

/* The daemon died: what was under way has no known outcome. */
void rules_died(struct rules *rules);

/* Somebody looked, and began to at @since (struct rules.now then): newer knowledge stays. */
struct rules_sight {
	enum rules_kind kind;
	const char *cell, *id; /* as in struct rules_act */
	bool there;
	uint64_t since;
};

void rules_seen(struct rules *rules, const struct rules_sight *sight);

/* As rules_seen() for every task of a namespace ("<namespace>/") that @is_there denies. */
void rules_seen_tasks(struct rules *rules, const char *prefix,
		      bool (*is_there)(const char *id, void *ctx), void *ctx, uint64_t since);

/* Another hand is on it from now on. */
void rules_doubt(struct rules *rules, enum rules_kind kind, const char *id);

/* Everything has been deleted: what is left, or was never undone, is a violation. */
void rules_finish(struct rules *rules);

/* What was told: the cell of a thing, NULL when nothing was; the verb of an act under way. */
const char *rules_cell_of(const struct rules *rules, enum rules_kind kind, const char *id);
enum rules_verb rules_verb_of(const struct rules *rules, uint64_t n);

/* The last acts, oldest first, one a line. Free with free(). */
char *rules_tell_recent(const struct rules *rules);
