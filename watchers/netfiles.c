/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A conflist that is written, cut, moved or removed calls for a look at once. Who cuts a file by
 * its name, or keeps it open, never closes it after writing.
 *
 * A reservation is also written by a plugin, with every cell that comes, and removed, like a pin,
 * with every cell that goes. An unmounted pin shows only as "some mount changed" (POLLPRI on
 * mountinfo; inotify says nothing of an unmount), which every container that starts or ends brings
 * about too. So such an event is followed, after a pause that grows with the number of cells, by
 * one cheap check on a worker thread: whether the pins and reservations of attached cells are there
 * and whole. Only a missing one is worth a look at all networks.
 */
#include "watchers/netfiles.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "core/aside/paths.h"
#include "core/loop/inotify.h"
#include "core/model/names.h"
#include "core/network/filter.h"
#include "core/network/network_ports.h"

enum {
	PAUSE_MIN_MS = 100,      /* a burst is checked once */
	CELLS_PER_PAUSE = 10,    /* and a ms more for so many: a few µs of work each */
	RESERVATION_BYTES = 512, /* the first line is within */
};

#define CONFLIST_SUFFIX ".conflist"

static const uint32_t gone_mask = IN_DELETE | IN_MOVED_FROM;
static const uint32_t written_mask = IN_CLOSE_WRITE | IN_MODIFY;
static const uint32_t conflist_mask = gone_mask | written_mask | IN_MOVED_TO;

struct netfiles {
	struct engine *engine;
	struct engine_watcher watcher;
	void (*look)(void *ctx, bool busy);
	void *ctx;
	struct inotify_user inotify;
	int mounts_fd;
	uv_poll_t mounts;
	struct timer pause;
	struct work work;
	bool checking, again;
	struct strv pins, reservations; /* to be there; a worker's while checking */
	uint64_t *inodes;               /* of the pins */
	bool missing;
	unsigned n_watching; /* struct named_dir, under way */
	bool closing;
	bool mounts_closed;
	void (*closed)(void *ctx);
	void *closed_ctx;
};

/* ---- the check ---- */

static bool is_pinned(const char *path, uint64_t inode)
{
	struct statfs fs;
	struct stat st;

	return statfs(path, &fs) == 0 && fs.f_type == NSFS_MAGIC && stat(path, &st) == 0 &&
	       (!inode || st.st_ino == inode);
}

/* host-local ends the first of two lines with a break. */
static bool is_reserved(const char *path)
{
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	char text[RESERVATION_BYTES];
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text));

	if (fd < 0 && errno != ENOENT)
		return true; /* what cannot be read is not gone */
	return n == (ssize_t)sizeof(text) || (n > 0 && memchr(text, '\n', (size_t)n));
}

static void check_files(struct work *work)
{
	struct netfiles *files = container_of(work, struct netfiles, work);

	for (size_t i = 0; i < files->pins.n && !files->missing; i++)
		files->missing = !is_pinned(files->pins.items[i], files->inodes[i]);
	for (size_t i = 0; i < files->reservations.n && !files->missing; i++)
		files->missing = !is_reserved(files->reservations.items[i]);
}

static void check_soon(struct netfiles *files);
static void free_when_closed(struct netfiles *files);

static void on_checked(struct work *work)
{
	struct netfiles *files = container_of(work, struct netfiles, work);

	strv_fini(&files->pins);
	strv_fini(&files->reservations);
	free(take_ptr(files->inodes));
	files->checking = false;
	if (files->closing)
		return free_when_closed(files);
	if (files->missing)
		files->look(files->ctx, false);
	if (files->again)
		check_soon(files);
}

/* Either may be NULL. */
static void add_reservations(struct netfiles *files, const char *one, const char *other)
{
	if (one)
		strv_add(&files->reservations, one);
	if (other)
		strv_add(&files->reservations, other);
}

static void add_joins(struct netfiles *files, const struct cell *cell)
{
	const struct join *join;

	list_for_each(join, &cell->joins, link) {
		files->again |= join->slot.busy;
		if (join->attached && !join->slot.busy)
			add_reservations(files, join->reservation, join->reservation6);
	}
}

/* What is worked at is checked when that has ended. */
static void add_cell(struct netfiles *files, const struct object *object)
{
	struct network *network = files->engine->network;
	const struct cell *cell = &object->cell;
	AUTO_FREE char *pin = NULL;

	files->again |= cell->network.busy;
	if (!cell->attached || cell->network.busy)
		return;
	pin = network->ops->netns_path(network, object->key);
	files->inodes[files->pins.n] = cell->netns_inode;
	strv_add(&files->pins, pin);
	add_reservations(files, cell->reservation, cell->reservation6);
	add_joins(files, cell);
}

static void on_pause_over(struct timer *timer)
{
	struct netfiles *files = container_of(timer, struct netfiles, pause);
	struct object *object;

	files->missing = files->again = false;
	files->inodes = xcalloc(files->engine->objects.count, sizeof(*files->inodes));
	map_for_each(object, &files->engine->objects, node)
		if (object->kind == KIND_CELL)
			add_cell(files, object);
	files->checking = true;
	loop_work(files->engine->loop, &files->work, check_files, on_checked);
}

static void check_soon(struct netfiles *files)
{
	/* Until the last worker has gone, events still come. */
	uint64_t pause_ms = PAUSE_MIN_MS + files->engine->objects.count / CELLS_PER_PAUSE;

	if (files->closing)
		return;
	if (files->checking)
		files->again = true;
	else if (!timer_active(&files->pause))
		timer_start(files->engine->loop, &files->pause, pause_ms, on_pause_over);
}

/* ---- events ---- */

static bool is_named(const char *path, const char *name)
{
	const char *end = path ? strrchr(path, '/') : NULL;

	return end && str_equal(end + 1, name);
}

/* While it is being made anew, nobody knows its path. */
static bool is_conflist_of(const struct object *space, const char *name)
{
	AUTO_FREE char *network = NULL;

	if (!str_empty(space->backing.space.conflist))
		return is_named(space->backing.space.conflist, name);
	network = name_network(space->key);
	return str_starts_with(name, network) && str_equal(name + strlen(network), CONFLIST_SUFFIX);
}

/* Conflists change seldom: the spaces are walked. */
static const struct object *find_by_conflist(struct engine *engine, const char *name)
{
	struct object *object;

	map_for_each(object, &engine->objects, node)
		if (object->kind == KIND_SPACE && is_conflist_of(object, name))
			return object;
	return NULL;
}

static void on_event(struct inotify_user *user, const struct inotify_event *event)
{
	struct netfiles *files = container_of(user, struct netfiles, inotify);
	const char *name = event->len ? event->name : "";
	const struct object *space =
		str_ends_with(name, CONFLIST_SUFFIX) ? find_by_conflist(files->engine, name) : NULL;

	if (event->mask & IN_Q_OVERFLOW)
		files->look(files->ctx, false);
	else if (!event->len && (event->mask & IN_CLOSE_WRITE))
		filter_mark_stale(files->engine); /* it is no directory: a switch of a bridge */
	else if (space)
		files->look(files->ctx, space->backing.slot.busy);
	else if (event->mask & (gone_mask | written_mask))
		check_soon(files);
}

static void on_mounts(uv_poll_t *poll, int status UNUSED, int events UNUSED)
{
	check_soon(container_of(poll, struct netfiles, mounts));
}

/* ---- what is watched ---- */

/* A directory that is watched already stays so; one that cannot be is left to the resync. */
static void watch_dir_of(struct netfiles *files, const char *path, uint32_t mask)
{
	const char *end = path ? strrchr(path, '/') : NULL;
	AUTO_FREE char *dir = end && end > path ? xstrndup(path, (size_t)(end - path)) : NULL;

	if (dir)
		inotify_watch(&files->inotify, dir, mask | IN_ONLYDIR);
}

/* A directory that a space names, and that may lie on a filesystem that does not answer. */
struct named_dir {
	struct work work;
	struct netfiles *files;
	char *path;
};

static void run_watch(struct work *work)
{
	struct named_dir *dir = container_of(work, struct named_dir, work);
	const char *path = dir->path;

	if (paths_answer(&path, 1, PATHS_STAT, NULL) == 0)
		inotify_watch(&dir->files->inotify, path, conflist_mask | IN_ONLYDIR);
}

static void on_watched(struct work *work)
{
	struct named_dir *dir = container_of(work, struct named_dir, work);
	struct netfiles *files = dir->files;

	free(dir->path);
	free(dir);
	files->n_watching--;
	if (files->closing)
		free_when_closed(files);
}

static void watch_conflist(struct netfiles *files, const struct object *object)
{
	const Api__Space *space = (const Api__Space *)object->spec;
	const char *path = object->backing.space.conflist;
	const char *end = path ? strrchr(path, '/') : NULL;
	struct named_dir *dir;

	if (!end || !space || !space->spec || str_empty(space->spec->cni_config_path))
		return watch_dir_of(files, path, conflist_mask);
	dir = xnew(struct named_dir);
	dir->files = files;
	dir->path = xstrndup(path, (size_t)(end - path));
	files->n_watching++;
	loop_work_apart(files->engine->loop, &dir->work, run_watch, on_watched);
}

/* Published on an address of loopback, a port needs it. Netlink says nothing of this switch, but
 * whoever turns it writes a file. */
static void watch_switch(struct netfiles *files, const struct cell *cell)
{
	AUTO_FREE char *path = xasprintf("/proc/sys/net/ipv4/conf/%s/route_localnet", cell->bridge);

	inotify_watch(&files->inotify, path, IN_CLOSE_WRITE);
}

static void on_change(struct engine_watcher *watcher, const struct object *object, bool gone)
{
	struct netfiles *files = container_of(watcher, struct netfiles, watcher);
	struct network *network = files->engine->network;
	const struct join *join;
	AUTO_FREE char *pin = NULL;

	if (gone)
		return;
	if (object->kind == KIND_SPACE && object->backing.applied)
		watch_conflist(files, object);
	if (object->kind != KIND_CELL || !object->cell.attached)
		return;
	pin = network->ops->netns_path(network, object->key);
	if (object->cell.bridge && ports_any(object))
		watch_switch(files, &object->cell);
	watch_dir_of(files, pin, gone_mask);
	watch_dir_of(files, object->cell.reservation, gone_mask | written_mask);
	list_for_each(join, &object->cell.joins, link)
		watch_dir_of(files, join->reservation, gone_mask | written_mask);
}

/* ---- life ---- */

static int open_files(struct netfiles *files, struct error *err)
{
	int r = inotify_join(files->engine->loop, &files->inotify, on_event);

	if (r < 0)
		return error_set(err, r, "cannot watch the networks' files: %s", strerror(-r));
	files->mounts_fd = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
	if (files->mounts_fd >= 0)
		return 0;
	r = error_set(err, -errno, "cannot watch the host's mounts: %m");
	inotify_leave(&files->inotify);
	return r;
}

int netfiles_open(struct netfiles **ret, struct engine *engine, void (*look)(void *ctx, bool busy),
		  void *ctx, struct error *err)
{
	struct netfiles *files = xnew(struct netfiles);
	int r;

	files->engine = engine;
	files->watcher.on_change = on_change;
	files->look = look;
	files->ctx = ctx;
	r = open_files(files, err);
	if (r < 0) {
		free(files);
		return r;
	}
	uv_poll_init(&engine->loop->uv, &files->mounts, files->mounts_fd);
	uv_poll_start(&files->mounts, UV_PRIORITIZED, on_mounts);
	list_append(&engine->watchers, &files->watcher.link);
	*ret = files;
	return 0;
}

static void free_when_closed(struct netfiles *files)
{
	void (*closed)(void *ctx) = files->closed;
	void *ctx = files->closed_ctx;

	if (!files->mounts_closed || files->checking || files->n_watching)
		return;
	inotify_leave(&files->inotify);
	close(files->mounts_fd);
	free(files);
	closed(ctx);
}

static void on_mounts_closed(uv_handle_t *handle)
{
	struct netfiles *files = container_of((uv_poll_t *)handle, struct netfiles, mounts);

	files->mounts_closed = true;
	free_when_closed(files);
}

void netfiles_close(struct netfiles *files, void (*closed)(void *ctx), void *ctx)
{
	files->closing = true;
	files->closed = closed;
	files->closed_ctx = ctx;
	list_remove(&files->watcher.link);
	timer_stop(&files->pause);
	if (!files->n_watching) /* they use it */
		inotify_leave(&files->inotify);
	uv_close((uv_handle_t *)&files->mounts, on_mounts_closed);
}
