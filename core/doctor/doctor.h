/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The doctor: whose everything is that is ours on the host, what is nobody's, and whether the host
 * has what is needed.
 *
 * The drivers say what there is and whose it is by name, label or record (core/driver/inventory.h).
 * It has an owner when that object exists, whatever it is at: what a cell is being made or deleted
 * for is the cell's. What is nobody's is looked for twice, because things come and go while it is
 * looked, and only what both looks call nobody's is an orphan.
 *
 * Orphans that a key tells of are given to the engine, which takes them down as it takes down
 * everything that is not wanted; only what no key tells of is taken away through the drivers.
 */
#pragma once

#include "api/config.pb-c.h"
#include "core/state/engine.h"

struct doctor_options {
	const Api__Config *config; /* NULL: the host's prerequisites are not looked at */
	bool fix;
	bool only_managers; /* of the packet filter are asked; nothing else is looked at, or mended
			     */
	unsigned kinds; /* bits of enum host_kind: orphans of others are left alone; 0: of all */
};

/* Whose a thing is. */
enum standing {
	STANDING_OWNED,
	STANDING_GOING, /* its owner is not wanted and is being taken down */
	STANDING_ORPHAN,
};

/* @ret_owner, @ret_message: for people; may be NULL afterwards. Free with free(). */
enum standing doctor_judge(struct engine *engine, const struct host_thing *thing, char **ret_owner,
			   char **ret_message);

/* Free @ret_reply with protobuf_c_message_free_unpacked(). Part of the host that cannot be looked
 * at is a failed check, not a failure. */
void doctor_examine(struct engine *engine, const struct doctor_options *options,
		    Api__DoctorResponse **ret_reply, struct call *call);

/* For an engine that closes: those that wait for time to pass end now. */
void doctor_stop_waiting(struct engine *engine);
