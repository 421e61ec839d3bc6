/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Takes away by itself what a daemon that died may have left and no name leads to: a shim that
 * containerd was starting for it, of a container that is gone since; and what pulls of images that
 * were cut off have fetched, once it is not kept for their next try any more. Everything else that
 * is left over is found by its name, label or record, by every look.
 *
 * It costs a walk through /proc and a listing of containerd: once after a start, when what was cut
 * off has come to an end, and with each resync.
 */
#pragma once

#include "core/state/engine.h"

struct sweep {
	struct engine *engine;
	struct timer timer;
	struct call call;
	Api__DoctorResponse *reply;
	bool busy;
};

/* @sweep is zeroed or was stopped. */
void sweep_start(struct sweep *sweep, struct engine *engine);

/* Once more, soon. */
void sweep_again(struct sweep *sweep);

/* One under way ends with the engine, before that is closed. */
void sweep_stop(struct sweep *sweep);
