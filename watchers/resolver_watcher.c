/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The host's file is often a link, and whoever manages it replaces it, or the directory it leads
 * to, or all of it at boot. So every name on the way to each of the files is watched, as for
 * manifests, and every look resolves the way anew.
 */
#include "watchers/resolver_watcher.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "core/aside/paths.h"
#include "core/base/fs.h"
#include "core/base/log.h"
#include "watchers/path/path_resolve.h"

enum {
	RETRY_MS = 10 * 1000, /* where one of the files does not answer */
	QUIET_MS = 50,        /* who writes the file line by line is read once */
	LINKS_MAX = 40,
	FILE_MODE = 0644,
};

struct resolver_watcher {
	struct loop *loop;
	char *host, *stub, *target;
	struct inotify_user inotify; /* not joined: there is none */
	struct timer quiet;
	struct path_watches watches; /* of the last look */
	bool told_none, told_error;

	/* a look; the worker's while it is under way */
	struct work work;
	bool busy, again;
	struct path_watches new_watches;
	size_t n;
	bool hangs; /* it was not looked at: it did not answer */
	int status;
	struct error err;

	bool closing;
	struct deferred all_closed;
	void (*closed)(void *ctx);
	void *closed_ctx;
};

/* ---- a look ---- */

/* Only for the watches: what the file says is read by its path. */
static void watch_path(struct path_watches *watches, const char *path)
{
	const char *name = strrchr(path, '/') + 1;
	AUTO_FREE char *dir = xstrndup(path, (size_t)(name - path));
	struct path_generation generation = { 0 };
	struct path_target target = { .dirfd = -1, .own = -1 };
	int links_left = LINKS_MAX;
	struct error way = { 0 }; /* whoever can change the host's resolvers may */
	AUTO_CLOSE int fd = path_resolve_dir(watches, AT_FDCWD, dir, &links_left, &way);

	if (fd < 0)
		return;
	path_watches_add_name(watches, fd, name, true);
	path_resolve_entry(watches, &generation, fd, name, &target);
	path_target_fini(&target);
	path_generation_fini(&generation);
}

/* Also where somebody took away the file, or what it lay in: containers cannot start without. */
static int write_target(const char *target, const struct buf *text, struct error *err)
{
	const char *data = text->data ? text->data : "";
	int r = fs_update_file(AT_FDCWD, target, data, text->len, FILE_MODE, err);
	const char *end = strrchr(target, '/');
	AUTO_FREE char *dir = xstrndup(target, (size_t)(end - target));

	if (r != -ENOENT)
		return r;
	r = fs_make_dirs(dir, 0755, err);
	return r < 0 ? r : fs_update_file(AT_FDCWD, target, data, text->len, FILE_MODE, err);
}

/* Watch first, then read. */
static void run_look(struct work *work)
{
	struct resolver_watcher *watcher = container_of(work, struct resolver_watcher, work);
	const struct resolver_files files = { watcher->host, watcher->stub };
	AUTO_BUF struct buf text = { 0 };

	watcher->new_watches = (struct path_watches){ 0 };
	watcher->status = paths_answer((const char *const[]){ watcher->host, watcher->stub }, 2,
				       PATHS_READ, &watcher->err);
	watcher->hangs = watcher->status < 0;
	if (watcher->hangs)
		return;
	if (inotify_joined(&watcher->inotify)) {
		watcher->new_watches.user = &watcher->inotify;
		watch_path(&watcher->new_watches, watcher->host);
		watch_path(&watcher->new_watches, watcher->stub);
		watch_path(&watcher->new_watches, watcher->target);
	}
	watcher->status = resolver_read(&files, &text, &watcher->n, &watcher->err);
	if (watcher->status == 0)
		watcher->status = write_target(watcher->target, &text, &watcher->err);
}

static void take_look(struct resolver_watcher *watcher)
{
	bool none = watcher->status == 0 && !watcher->n, failed = watcher->status < 0;

	if (!watcher->hangs) { /* else what was watched still is */
		if (inotify_joined(&watcher->inotify))
			path_watches_replace(&watcher->watches, &watcher->new_watches);
		watcher->watches = watcher->new_watches;
		watcher->new_watches = (struct path_watches){ 0 };
	}
	if (failed && !watcher->told_error)
		log_warning("the resolvers of cells are not up to date: %s", watcher->err.msg);
	if (none && !watcher->told_none)
		log_warning("cells have no resolver: %s names none that can be reached from a "
			    "cell; add a line \"nameserver ADDRESS\" that is not of loopback",
			    watcher->host);
	watcher->told_error = failed;
	watcher->told_none = failed ? watcher->told_none : none;
}

static void finish_close(struct resolver_watcher *watcher);
static void look_soon(struct resolver_watcher *watcher);
static void on_quiet(struct timer *timer);

static void on_looked(struct work *work)
{
	struct resolver_watcher *watcher = container_of(work, struct resolver_watcher, work);

	watcher->busy = false;
	take_look(watcher);
	if (watcher->closing)
		return finish_close(watcher);
	if (watcher->again)
		look_soon(watcher);
	else if (watcher->hangs)
		timer_start(watcher->loop, &watcher->quiet, RETRY_MS, on_quiet);
	watcher->again = false;
}

void resolver_look(struct resolver_watcher *watcher)
{
	if (watcher->closing)
		return;
	if (watcher->busy) {
		watcher->again = true;
		return;
	}
	watcher->busy = true;
	loop_work_apart(watcher->loop, &watcher->work, run_look, on_looked);
}

static void on_quiet(struct timer *timer)
{
	resolver_look(container_of(timer, struct resolver_watcher, quiet));
}

static void look_soon(struct resolver_watcher *watcher)
{
	timer_start(watcher->loop, &watcher->quiet, QUIET_MS, on_quiet);
}

/* ---- events ---- */

static void on_event(struct inotify_user *user, const struct inotify_event *event)
{
	struct resolver_watcher *watcher = container_of(user, struct resolver_watcher, inotify);
	bool matters = path_watches_event_matters(&watcher->watches, event) ||
		       (watcher->busy && !path_watches_has(&watcher->watches, event->wd));

	if (matters && !watcher->closing &&
	    !timer_active(&watcher->quiet)) /* no longer than that after the first */
		look_soon(watcher);
}

/* ---- life ---- */

static void watcher_free(struct resolver_watcher *watcher)
{
	inotify_leave(&watcher->inotify);
	path_watches_fini(&watcher->watches);
	free(watcher->host);
	free(watcher->stub);
	free(watcher->target);
	free(watcher);
}

static void join_inotify(struct resolver_watcher *watcher)
{
	int r = inotify_join(watcher->loop, &watcher->inotify, on_event);

	if (r < 0)
		log_warning("cannot watch %s: %s; changes are seen at the next resync",
			    watcher->host, strerror(-r));
}

static char *path_or(const char *path, const char *usual)
{
	return xstrdup(path ? path : usual);
}

int resolver_open(struct resolver_watcher **ret_watcher, struct loop *loop,
		  const struct resolver_options *options, struct error *err)
{
	const char *end = strrchr(options->target, '/');
	AUTO_FREE char *dir = xstrndup(options->target, (size_t)(end - options->target));
	struct resolver_watcher *watcher;
	int r = fs_make_dirs(dir, 0755, err);

	if (r < 0)
		return error_wrap(err, r, "resolvers of cells");
	watcher = xnew(struct resolver_watcher);
	*watcher = (struct resolver_watcher){
		.loop = loop,
		.host = path_or(options->files.host, RESOLVER_HOST_FILE),
		.stub = path_or(options->files.stub, RESOLVER_STUB_FILE),
		.target = xstrdup(options->target),
	};
	join_inotify(watcher);
	run_look(&watcher->work); /* once, before there is anything to hold up */
	take_look(watcher);
	if (watcher->hangs)
		timer_start(loop, &watcher->quiet, RETRY_MS, on_quiet);
	*ret_watcher = watcher;
	if (watcher->status < 0 && access(options->target, F_OK) < 0) /* what is mounted is there */
		fs_update_file(AT_FDCWD, options->target, "", 0, FILE_MODE, NULL);
	return 0;
}

static void on_closed(struct deferred *deferred)
{
	struct resolver_watcher *watcher =
		container_of(deferred, struct resolver_watcher, all_closed);
	void (*closed)(void *ctx) = watcher->closed;
	void *ctx = watcher->closed_ctx;

	watcher_free(watcher);
	closed(ctx);
}

static void finish_close(struct resolver_watcher *watcher)
{
	if (!watcher->busy)
		loop_defer(watcher->loop, &watcher->all_closed, on_closed);
}

void resolver_close(struct resolver_watcher *watcher, void (*closed)(void *ctx), void *ctx)
{
	watcher->closing = true;
	watcher->closed = closed;
	watcher->closed_ctx = ctx;
	timer_stop(&watcher->quiet);
	finish_close(watcher);
}
