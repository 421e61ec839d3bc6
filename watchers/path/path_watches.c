/* SPDX-License-Identifier: Apache-2.0 */
#include "watchers/path/path_watches.h"

#include <errno.h>
#include <stdio.h>

#include "core/manifest/file_name.h"
#include "core/manifest/ignore.h"

enum { NAMES_MAX = 64 }; /* then every name of the directory matters */

/*
 * No IN_MODIFY: a write under way is nobody's business. IN_CREATE is needed for directories and
 * links; the plain file that a writer has just created is left alone by the scan until it is
 * closed. IN_ATTRIB also on the way: whose it is decides.
 */
static const uint32_t chain_mask = IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ATTRIB |
				   IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;
static const uint32_t content_mask = chain_mask | IN_CLOSE_WRITE;

static struct path_watch *find(const struct path_watches *watches, int wd)
{
	for (size_t i = watches->n; i > 0; i--)
		if (watches->items[i - 1].wd == wd)
			return &watches->items[i - 1];
	return NULL;
}

/* NULL when there is no watch. */
static struct path_watch *add(struct path_watches *watches, int dirfd, uint32_t mask)
{
	struct path_watch *watch;
	char path[32];
	int wd;

	if (!watches->user)
		return NULL;
	/* By descriptor: the directory that is read is the one that is watched, whatever happens to
	 * its path. */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", dirfd);
	wd = inotify_watch(watches->user, path, mask);
	if (wd < 0) {
		/* A directory on the way that may be passed but not read cannot be watched; that is
		 * no loss of ours. */
		if (wd != -ENOENT && (wd != -EACCES || mask == content_mask))
			watches->code = wd;
		return NULL;
	}
	watch = find(watches, wd);
	if (watch)
		return watch;
	if (watches->n == watches->capacity) {
		watches->capacity = watches->capacity ? 2 * watches->capacity : 8;
		watches->items =
			xrealloc(watches->items, watches->capacity * sizeof(*watches->items));
	}
	watch = &watches->items[watches->n++];
	*watch = (struct path_watch){ .wd = wd };
	return watch;
}

void path_watches_add_content(struct path_watches *watches, int dirfd)
{
	struct path_watch *watch = add(watches, dirfd, content_mask);

	if (watch)
		watch->content = true;
}

static bool has_name(const struct path_watch *watch, const char *name)
{
	for (size_t i = 0; i < watch->names.n; i++)
		if (strcmp(watch->names.items[i], name) == 0)
			return true;
	return false;
}

void path_watches_add_name(struct path_watches *watches, int dirfd, const char *name, bool content)
{
	struct path_watch *watch = add(watches, dirfd, content ? content_mask : chain_mask);

	if (!watch || watch->any || has_name(watch, name))
		return;
	if (watch->names.n == NAMES_MAX)
		watch->any = true;
	else
		strv_add(&watch->names, name);
}

bool path_watches_has(const struct path_watches *watches, int wd)
{
	return find(watches, wd) != NULL;
}

bool path_watches_event_matters(const struct path_watches *watches,
				const struct inotify_event *event)
{
	const struct path_watch *watch = find(watches, event->wd);
	const char *name = event->len ? event->name : "";

	if (event->mask & IN_Q_OVERFLOW)
		return true;
	if (!watch)
		return false;
	if (!*name || watch->any || has_name(watch, name)) /* no name: the directory itself */
		return true;
	if (watch->content && str_equal(name, IGNORE_FILE_NAME))
		return true;
	if (!watch->content || file_name_is_ignored(name))
		return false;
	/*
	 * A name without a manifest's ending matters if it is a directory, or a link to one (then
	 * not IN_CLOSE_WRITE).
	 */
	return file_name_is_manifest(name) || (event->mask & IN_ISDIR) ||
	       !(event->mask & IN_CLOSE_WRITE);
}

void path_watches_replace(struct path_watches *old, const struct path_watches *watches)
{
	for (size_t i = 0; i < old->n; i++)
		if (!path_watches_has(watches, old->items[i].wd))
			inotify_unwatch(watches->user, old->items[i].wd);
	path_watches_fini(old);
}

void path_watches_fini(struct path_watches *watches)
{
	for (size_t i = 0; i < watches->n; i++)
		strv_fini(&watches->items[i].names);
	free(watches->items);
	*watches = (struct path_watches){ 0 };
}
