/* SPDX-License-Identifier: Apache-2.0 */
/* An examination, and what its parts know of each other: the looks (doctor.c), the checks, the
 * orphans and the report. Private to the doctor. */
#pragma once

#include "core/config/host_checks.h"
#include "core/doctor/doctor.h"

/* One that was nobody's in the looks so far. */
struct orphan {
	struct map_node node; /* struct doctor.orphans, by key */
	char *key;            /* "<number of the kind> <name>": ordered as it is to be taken away */
	struct host_thing *thing; /* in the latest look; NULL: not in it, or somebody's by now */
	enum host_kind kind;
	char *name, *why;
	char *failure; /* of the attempt to take it away */
	bool tried;
};

/* The checks of the host, a thread's while they run. They look into directories that the
 * configuration and PATH name, and need not come back. */
struct checking {
	struct work work;
	const Api__Config *config;
	struct host_checks checks;
	struct doctor *doctor; /* NULL: nobody waits any more */
};

struct doctor {
	struct list link; /* struct engine.doctors */
	struct engine *engine;
	const Api__Config *config;
	bool fix, only_managers;
	unsigned kinds;
	struct call *call;
	Api__DoctorResponse **ret_reply;

	struct checking *checking; /* under way */
	struct host_checks checks;

	struct call sub;
	struct manager_notes notes;
	struct host_things things; /* of the latest look */
	struct error gap;          /* why that is incomplete; code 0: it is complete */
	unsigned seam;
	void (*looked)(struct doctor *doctor);

	struct map orphans; /* struct orphan.node */
	struct orphan *trying;
	struct timer timer;
	uint64_t settle_until_ms;
	struct {
		struct progress_waiter progress;
		bool (*is_over)(const struct engine *engine);
		void (*then)(struct doctor *doctor);
	} awaited; /* with the timer for its limit */
};

/* Takes it out too. */
void doctor_orphan_free(struct doctor *doctor, struct orphan *orphan);

/* Frees it; the last one lets a closing engine go on. */
void doctor_end(struct doctor *doctor, int status, const struct error *err);

/* Nobody waits for it any more: the engine closes. It is freed then. */
bool doctor_ended(struct doctor *doctor);

/* Goes on with @then when something is over, or at @until_ms (loop time). */
void doctor_await(struct doctor *doctor, bool (*is_over)(const struct engine *engine),
		  uint64_t until_ms, void (*then)(struct doctor *doctor));

/* Asks all drivers what there is of ours, and goes on with @looked. */
void doctor_look(struct doctor *doctor, void (*looked)(struct doctor *doctor));

/* Answers the call, with what the looks have shown. */
void doctor_report(struct doctor *doctor);

/* Goes on after a look at everything: what is nobody's in it is suspected, and looked for again. */
void doctor_begin_orphans(struct doctor *doctor);

/* Cells say what they wait for; here stands what is to be mended. */
void doctor_check_filesystems(struct doctor *doctor);

/* The spaces say so too. */
void doctor_check_ranges(struct doctor *doctor);

/* Whether what other chains say matters is known when packets were tried: what they were told then
 * is said, and not what might be. */
void doctor_leave_out_guesses(struct doctor *doctor);

/* The spaces say so too. */
void doctor_check_passage(struct doctor *doctor);

/* What is off is on by now, if it could be, when that was asked for: see ways_are_known(). */
void doctor_check_forwarding(struct doctor *doctor);

/* Whether it answers. */
void doctor_check_containerd(struct doctor *doctor);

/* What they say of our bridges. */
void doctor_check_managers(struct doctor *doctor);

/* By which it stands among struct doctor.orphans. Free with free(). */
char *doctor_orphan_key(const struct host_thing *thing);
