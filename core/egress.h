/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What egress policies allow: their ranges, and the addresses that their host names stand for,
 * which are asked for when a policy appears and again when an answer has aged, one name at a time.
 * Spaces that name the same host share it.
 *
 * What was allowed under a name stays so for some minutes after it has left the answers, for
 * whoever still goes by the old one, and as long as nobody can be asked.
 */
#pragma once

#include "core/base/map.h"
#include "core/driver.h"
#include "core/loop/call.h"

struct engine;
struct object;

enum { EGRESS_ADDRESSES_MAX = 32 };

struct egress_host {
	struct map_node node; /* struct egress.hosts, by name */
	char *name;
	struct egress_address {
		struct ip address;
		uint64_t until_ms; /* loop time */
	} addresses[EGRESS_ADDRESSES_MAX];
	size_t n;
	bool asked;        /* at least once */
	bool wanted;       /* while policies are read anew */
	uint64_t due_ms;   /* loop time: when it is asked for again */
	unsigned failures; /* in a row */
	char *problem;     /* of the last try; NULL: it was found */
};

struct egress {
	struct map hosts; /* struct egress_host.node */
	struct timer later;
	struct call call;
	bool busy;
	char *asking; /* the name that is asked for */
	struct resolved answer;
	struct timer patience; /* for the first answers */
	bool impatient;
};

void egress_init(struct engine *engine);

/* Follows the policies: asks for names that are new, forgets those that nobody names. */
void egress_update(struct engine *engine);

/* Every name was asked for once, or that takes too long. */
bool egress_is_known(const struct engine *engine);

/* What the space denies and allows. */
void egress_fill(const struct engine *engine, const struct object *space,
		 struct filter_space *ret_space);

/* What became of it, NULL for a space without a policy that denies. */
Api__EgressStatus *egress_status(const struct engine *engine, const struct object *space);

/* Whether there is a policy that denies. */
bool egress_any(const struct engine *engine);

/* Takes note of what was dropped. */
void egress_note_drops(struct engine *engine, const struct filter_drops *drops);

/* Begins nothing more. Once egress.busy is false, everything of it may be freed. */
void egress_stop(struct engine *engine);
void egress_fini(struct engine *engine);
