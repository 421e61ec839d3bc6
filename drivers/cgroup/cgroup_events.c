/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/cgroup/cgroup_events.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/base/log.h"
#include "core/model/names.h"

enum { WD_TEXT_BYTES = 12 };

struct cgroup_watch {
	struct map_node by_key, by_wd;
	char *key;
	int wd;
	char wd_text[WD_TEXT_BYTES];
};

static void watch_free(struct cgroup_events *events, struct cgroup_watch *watch)
{
	map_remove(&events->by_key, &watch->by_key);
	map_remove(&events->by_wd, &watch->by_wd);
	free(watch->key);
	free(watch);
}

static struct cgroup_watch *find_by_wd(struct cgroup_events *events, int wd)
{
	char text[WD_TEXT_BYTES];

	snprintf(text, sizeof(text), "%d", wd);
	return map_entry(map_find(&events->by_wd, text), struct cgroup_watch, by_wd);
}

static struct cgroup_watch *find_by_key(struct cgroup_events *events, const char *key)
{
	return map_entry(map_find(&events->by_key, key), struct cgroup_watch, by_key);
}

static void drop_watch(struct cgroup_events *events, struct cgroup_watch *watch)
{
	inotify_unwatch(&events->inotify, watch->wd);
	watch_free(events, watch);
}

/* Watches @path under the name @key. True when a watch was added now. */
static bool add_watch(struct cgroup_events *events, const char *key, const char *path,
		      uint32_t mask)
{
	struct cgroup_watch *watch = find_by_key(events, key);
	int wd = inotify_watch(&events->inotify, path, mask);

	if (wd < 0) {
		if (wd != -ENOENT && !events->refused)
			log_debug("no watch on a cgroup, the resync looks after it: %s; the sysctl "
				  "fs.inotify.max_user_watches allows more path=%s",
				  strerror(-wd), path);
		events->refused |= wd != -ENOENT;
		return false;
	}
	events->refused = false;
	if (watch && watch->wd == wd)
		return false;
	if (watch) /* of a cgroup that was removed and made anew */
		drop_watch(events, watch);
	check(!find_by_wd(events, wd));
	watch = xnew(struct cgroup_watch);
	watch->key = xstrdup(key);
	watch->wd = wd;
	snprintf(watch->wd_text, sizeof(watch->wd_text), "%d", wd);
	check(map_insert(&events->by_key, &watch->by_key, watch->key));
	check(map_insert(&events->by_wd, &watch->by_wd, watch->wd_text));
	return true;
}

bool cgroup_events_watch(struct cgroup_events *events, const char *cell_key, const char *path)
{
	AUTO_FREE char *file = xasprintf("%s/cgroup.events", path);
	AUTO_FREE char *stack_key = key_parent(cell_key);
	AUTO_FREE char *stack_path = xstrndup(path, (size_t)(strrchr(path, '/') - path));
	bool added;

	if (!inotify_joined(&events->inotify))
		return false;
	added = add_watch(events, stack_key, stack_path, IN_DELETE | IN_ONLYDIR);
	return add_watch(events, cell_key, file, IN_MODIFY) || added;
}

static bool is_at_or_below(const char *key, const char *above)
{
	size_t len = strlen(above);

	return len == 0 || (strncmp(key, above, len) == 0 && (key[len] == '/' || key[len] == '\0'));
}

void cgroup_events_unwatch(struct cgroup_events *events, const char *key)
{
	struct map_node *node = map_find_from(&events->by_key, key);

	while (node && str_starts_with(node->key, key)) {
		struct map_node *next = map_next(node);

		if (is_at_or_below(node->key, key))
			drop_watch(events, map_entry(node, struct cgroup_watch, by_key));
		node = next;
	}
}

static void hint(struct cgroup_events *events, const char *cell_key)
{
	if (events->listener)
		events->listener->on_cell(events->listener->ctx, cell_key);
}

/* A directory in a stack was removed: a hint if it was a watched cell. */
static void handle_delete(struct cgroup_events *events, const char *stack_key, const char *name)
{
	AUTO_FREE char *cell_key = xasprintf("%s/%s", stack_key, name);
	struct cgroup_watch *cell = find_by_key(events, cell_key);

	if (!cell)
		return;
	drop_watch(events, cell);
	hint(events, cell_key);
}

static void on_event(struct inotify_user *user, const struct inotify_event *event)
{
	struct cgroup_events *events = container_of(user, struct cgroup_events, inotify);
	const struct cgroup_listener *listener = events->listener;
	struct cgroup_watch *watch = find_by_wd(events, event->wd);
	AUTO_FREE char *key = watch ? xstrdup(watch->key) : NULL; /* the listener may unwatch it */

	if (event->mask & IN_Q_OVERFLOW) {
		if (listener)
			listener->on_lost(listener->ctx);
		return;
	}
	if (!watch) /* dropped by us while the event was on its way */
		return;
	if (event->mask & IN_DELETE && event->len) {
		handle_delete(events, key, event->name);
		return;
	}
	if (event->mask & IN_IGNORED)
		watch_free(events, watch);
	if (key_kind(key) == KIND_CELL)
		hint(events, key);
}

void cgroup_events_open(struct cgroup_events *events, struct loop *loop)
{
	int r;

	*events = (struct cgroup_events){ 0 };
	r = inotify_join(loop, &events->inotify, on_event);
	if (r < 0)
		log_debug(
			"no watch on cgroups, the resync looks after them: %s; sysctl fs.inotify.max_user_instances "
			"allows more",
			strerror(-r));
}

void cgroup_events_close(struct cgroup_events *events)
{
	struct cgroup_watch *watch;

	map_for_each(watch, &events->by_key, by_key)
		watch_free(events, watch);
	events->listener = NULL;
	inotify_leave(&events->inotify);
}
