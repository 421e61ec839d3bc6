/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which cells became empty, got their first process, or vanished: inotify on cgroup.events of each
 * watched cell, where Linux notifies a change as IN_MODIFY, and on the stack's directory, where the
 * rmdir of a cell shows as IN_DELETE (cgroup2 sends no IN_DELETE_SELF).
 *
 * Only hints come out of here. Where inotify has nothing left to give, cells go unwatched (a debug
 * line says so) and the resync finds what happened to them.
 */
#pragma once

#include "core/base/map.h"
#include "core/driver/cgroup.h"
#include "core/loop/inotify.h"

struct cgroup_events {
	struct inotify_user inotify; /* not joined: there is none to be had */
	struct map by_key;           /* struct cgroup_watch.by_key: cells and their stacks */
	struct map by_wd;            /* struct cgroup_watch.by_wd */
	bool refused;                /* the last watch could not be had; logged once */
	const struct cgroup_listener *listener; /* NULL: nobody to tell */
};

/* Never fails: without inotify there are no hints. */
void cgroup_events_open(struct cgroup_events *events, struct loop *loop);

/* Nothing is told any more. */
void cgroup_events_close(struct cgroup_events *events);

/*
 * Watches the cell whose cgroup is the directory @path, also after it was made anew. True when a
 * watch was added now.
 */
bool cgroup_events_watch(struct cgroup_events *events, const char *cell_key, const char *path);

/* Forgets everything at or below @key. */
void cgroup_events_unwatch(struct cgroup_events *events, const char *key);
