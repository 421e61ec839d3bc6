/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inotify watches of one scan, and which of their events matter.
 *
 * Watches are added by the scan itself, before it reads a directory, so that nothing falls between
 * look and watch. They are taken off by the loop's thread when a later scan did not need them.
 */
#pragma once

#include "core/base/str.h"
#include "core/loop/inotify.h"

struct path_watch {
	int wd;
	bool content;      /* names that can be manifests or lead to some matter */
	bool any;          /* every name matters */
	struct strv names; /* these names matter */
};

struct path_watches {
	struct inotify_user *user; /* NULL: no inotify */
	int code;                  /* why the last refused watch was refused, -errno; 0: none was */
	struct path_watch *items;
	size_t n, capacity;
};

/* Watches the open directory @dirfd for all that can be a manifest. */
void path_watches_add_content(struct path_watches *watches, int dirfd);

/* Watches @dirfd for the entry @name: its coming, going and, with @content, being written. */
void path_watches_add_name(struct path_watches *watches, int dirfd, const char *name, bool content);

/* Takes off what @old has and @watches lacks; @old is finished then. Both are of one user. */
void path_watches_replace(struct path_watches *old, const struct path_watches *watches);

/* Whether an event calls for a scan. */
bool path_watches_event_matters(const struct path_watches *watches,
				const struct inotify_event *event);

/* Whether the event's watch is one of these. */
bool path_watches_has(const struct path_watches *watches, int wd);

void path_watches_fini(struct path_watches *watches);
