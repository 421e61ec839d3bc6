/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one completion contract for everything asynchronous.
 *
 *   call_init(&owner->call, loop, on_done);
 *   start_something(..., &owner->call);          returns void: it cannot fail to start
 *   ... later, exactly once: on_done(&owner->call)
 *
 * The callee promises that call_complete() is reached exactly once, whatever happens, also at
 * shutdown; deadlines live with whoever does the waiting (an RPC, a plugin process) and are
 * disarmed by then. done never runs from inside start: call_complete() defers it to the next turn
 * of the loop. Until then the callee may use what start was given by pointer; the caller keeps it
 * alive.
 */
#pragma once

#include "core/loop/loop.h"

struct call;
typedef void (*call_fn)(struct call *call);

struct call {
	struct loop *loop;
	call_fn done;
	struct deferred deferred;
	bool pending;     /* between start and done */
	int status;       /* valid in done: 0 or -errno */
	struct error err; /* valid in done when status < 0 */
};

/* @call is zeroed memory, or a finished call that is to be started again; never a pending one. */
void call_init(struct call *call, struct loop *loop, call_fn done);

/* For the callee: ends the call with @status. @err may be NULL (the text is then that of the
 * errno). */
void call_complete(struct call *call, int status, const struct error *err);
