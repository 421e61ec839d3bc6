/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The restart policy (SPEC 5). Pure.
 *
 * The first restart is immediate; each further one without a stable run between them waits 1 s
 * doubling to 60 s, with jitter; a run of 60 s starts over. restartBackoffSeconds replaces the
 * doubling by a fixed pause (0: none for the first five restarts, then a second), restartMaxRetries
 * caps on-failure.
 */
#pragma once

#include "core/state/object.h"

/* A run of that length ends a row of failures. */
enum { RESTART_STABLE_MS = 60 * 1000 };

enum restart_verdict {
	RESTART_DUE,     /* now */
	RESTART_LATER,   /* at *ret_at_ms */
	RESTART_DONE,    /* its policy wants no further run */
	RESTART_GAVE_UP, /* restartMaxRetries reached */
};

/* For a container that exited and is still wanted. */
enum restart_verdict restart_judge(const struct container *container, uint64_t now_ms,
				   uint64_t *ret_at_ms);

/*
 * Loop time of what happened at @wall_ms by the wall clock: for what the store or containerd tells
 * of the time before this daemon. A clock that was set meanwhile can make it neither future nor
 * older than the loop's own beginning, so that a pause never gets longer than it is.
 */
uint64_t restart_loop_time(uint64_t now_ms, int64_t now_wall_ms, int64_t wall_ms);

/* Pause before restart number @in_row + 1, jitter included; the jitter depends on @seed alone, so
 * plans repeat. */
uint64_t restart_pause_ms(const Api__ContainerSpec *spec, unsigned in_row, const char *seed);
