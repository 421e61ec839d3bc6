/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What egress policies allow: their ranges, and the addresses that their host names stand for,
 * which are asked for when a policy appears and again when an answer has aged: many names at once,
 * and of each name IPv4 without waiting for IPv6. Spaces that name the same host share it.
 *
 * What was answered last stays allowed until there is a new answer (core/network/egress_host.h),
 * also over a restart: the journal has it, under "egress/<name>".
 */
#pragma once

#include "core/base/map.h"
#include "core/driver/filter.h"
#include "core/loop/call.h"
#include "core/network/egress_host.h"

struct engine;
struct object;
struct egress_ask;

/* Questions of one family that are under way at once; more wait. */
enum { EGRESS_UNDER_WAY_MAX = 64 };

/* One family of a host. */
struct egress_question {
	struct list link; /* struct egress_queue.waiting */
	struct egress_host *host;
	struct egress_ask *ask; /* under way; NULL: none */
	bool v6;
	bool asked;        /* at least once: */
	int status;        /* of the last try */
	char *problem;     /* of it; NULL: there was an answer */
	unsigned failures; /* in a row */
	uint64_t due_ms;   /* loop time: when it is asked again */
};

struct egress_host {
	struct map_node node; /* struct egress.hosts, by name */
	char *name;
	struct egress_addresses addresses;
	struct egress_question v4, v6;
	bool changed; /* the journal has other addresses */
	bool wanted;  /* while policies are read anew */
};

struct egress_queue {
	struct list waiting; /* struct egress_question.link */
	unsigned under_way;
};

struct egress {
	struct engine *engine;
	struct map hosts; /* struct egress_host.node */
	struct egress_queue v4, v6;
	struct timer later;    /* the next answer ages */
	uint64_t looked_ms;    /* when it was last looked which have */
	struct timer settle;   /* what was answered is made use of together */
	struct timer patience; /* for the first answers */
	bool impatient;
	bool tidied; /* the journal has no names that nobody uses */
};

void egress_init(struct engine *engine);

/* Follows the policies: asks for names that are new, forgets those that nobody names. */
void egress_update(struct engine *engine);

/* What every name stands for, or stood for when the last daemon ended, is known, or that takes too
 * long. */
bool egress_is_known(const struct engine *engine);

/* What the space denies and allows. */
void egress_fill(const struct engine *engine, const struct object *space,
		 struct filter_space *ret_space);

/* Why the host is not found; NULL: it is, or was not asked for yet. */
const char *egress_host_problem(const struct egress_host *host);

/* What became of it, NULL for a space without a policy that denies. */
Api__EgressStatus *egress_status(const struct engine *engine, const struct object *space);

/* Whether there is a policy that denies. */
bool egress_any(const struct engine *engine);

/* Takes note of what was dropped. */
void egress_note_drops(struct engine *engine, const struct filter_drops *drops);

/* Begins nothing more. Once no question is under way, everything of it may be freed. */
void egress_stop(struct engine *engine);
void egress_fini(struct engine *engine);
