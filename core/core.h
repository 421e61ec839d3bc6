/* SPDX-License-Identifier: Apache-2.0 */
/* The life of an engine: built, started, closed, taken down. */
#pragma once

#include "core/desired/image_garbage.h"
#include "core/state/engine.h"
#include "core/updates/image_updates.h"

struct engine_options {
	struct loop *loop;
	struct runtime *runtime;
	struct network *network;
	struct cgroup_driver *cgroup;
	struct image_driver *images; /* NULL: none */
	const char *run_path;        /* NULL: no files at all (simulator) */
	const char *cgroup_root;     /* "/kukeon" */
	struct journal *journal;     /* the caller's, closed after the engine; NULL: none */
	uint64_t prune_grace_ms;
	struct prune_guard prune_guard;
	struct image_limits image_limits;
	struct image_updating image_updating;
	bool leave_forwarding;     /* see struct ways */
	struct managers *managers; /* NULL: none */
};

void engine_open(struct engine *engine, const struct engine_options *options);

/* Looks at everything. Restored objects have been added by then; the watchers are started right
 * after. */
void engine_start(struct engine *engine);

/*
 * Starts no further action; once those under way have ended, @closed runs. What runs in the cells
 * is left alone. The drivers are the caller's to close, before or while this waits: their calls end
 * then.
 */
void engine_close(struct engine *engine, void (*closed)(void *ctx), void *ctx);

/* Frees everything; nothing may be under way. */
void engine_fini(struct engine *engine);
