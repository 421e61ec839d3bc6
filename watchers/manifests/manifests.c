/* SPDX-License-Identifier: Apache-2.0 */
#include "watchers/manifests/manifests.h"

#include <errno.h>

#include "core/base/backoff.h"
#include "core/base/log.h"
#include "watchers/manifests/manifests_scan.h"
#include "watchers/path/mounts_watcher.h"

enum {
	CLOSE_LIMIT_MS = 2000, /* for a scan that is under way at the end */
	RETRY_FIRST_MS = 20,   /* for a writer that was closing just then; doubles up to poll_ms */
	MOVED_MS = 50,    /* containers that start change the mount table too, often many at once */
	MOVED_SHARE = 20, /* the looks for that take at most this part of a processor's time */
};

struct manifests_watcher {
	struct loop *loop;
	struct manifests_options options;
	struct manifests_listener listener;

	struct inotify_user inotify; /* not joined: none to be had, or not wanted */
	struct path_watches watches; /* of the last scan */
	bool polling;

	struct timer quiet; /* runs between a hint and its scan */
	/* the next scan without a hint: polling, or a file that is being written */
	struct timer again;
	uint64_t first_hint_ms; /* 0: no hint waits */
	unsigned retries;

	struct work work;
	struct manifests_scan scan; /* the worker's while busy */
	bool scanned;         /* false: the directory did not answer, and nothing is known of it */
	unsigned begun, told; /* scans that began; the last one of which on_scan_done() ran */
	bool busy;            /* from the start of a scan until its last difference is delivered */
	bool hinted;          /* meanwhile there was a hint ... */
	bool wanted_now;      /* ... or a request */

	struct mounts *mounts;               /* NULL: the mount table cannot be watched */
	struct timer moved;                  /* from its change to the look at the directories */
	uint64_t moved_pause_ms, started_ns; /* how long that is; when the last scan began */

	struct deferred deferred_close;
	struct timer closing;      /* the scan that is under way is waited for */
	bool left_behind;          /* and no longer */
	void (*closed)(void *ctx); /* set: closing */
	void *closed_ctx;
};

static void start_scan(struct manifests_watcher *watcher);

/* ---- when to scan ---- */

static void on_quiet(struct timer *timer)
{
	start_scan(container_of(timer, struct manifests_watcher, quiet));
}

static void on_again(struct timer *timer)
{
	start_scan(container_of(timer, struct manifests_watcher, again));
}

/* Something may have changed: a scan follows when there was no hint for quiet_ms. */
static void hint(struct manifests_watcher *watcher)
{
	uint64_t now_ms = loop_now_ms(watcher->loop), due_ms, latest_ms;

	if (watcher->busy) {
		watcher->hinted = true;
		return;
	}
	if (!watcher->first_hint_ms)
		watcher->first_hint_ms = now_ms;
	due_ms = now_ms + watcher->options.quiet_ms;
	latest_ms = watcher->first_hint_ms + watcher->options.quiet_max_ms;
	timer_start_at(watcher->loop, &watcher->quiet, due_ms < latest_ms ? due_ms : latest_ms,
		       on_quiet);
}

unsigned manifests_rescan(struct manifests_watcher *watcher)
{
	check(!watcher->closed);
	if (watcher->busy) {
		watcher->wanted_now = true;
		return watcher->begun + 1;
	}
	start_scan(watcher);
	return watcher->begun;
}

unsigned manifests_last_scan(const struct manifests_watcher *watcher)
{
	return watcher->told;
}

/* ---- mounts ---- */

/* After a scan that is under way everything is looked at anew. */
static void on_moved(struct timer *timer)
{
	struct manifests_watcher *watcher = container_of(timer, struct manifests_watcher, moved);

	if (watcher->busy) {
		watcher->hinted = true;
		return;
	}
	watcher->scan.only_if_moved = !watcher->first_hint_ms && !watcher->scan.retry;
	start_scan(watcher);
}

static void on_mounts(void *ctx)
{
	struct manifests_watcher *watcher = ctx;

	if (!timer_active(&watcher->moved))
		timer_start(watcher->loop, &watcher->moved, watcher->moved_pause_ms, on_moved);
}

/* ---- inotify ---- */

/* The scan that runs now may have watches that are not in the table yet. */
static void on_event(struct inotify_user *user, const struct inotify_event *event)
{
	struct manifests_watcher *watcher = container_of(user, struct manifests_watcher, inotify);

	if (path_watches_event_matters(&watcher->watches, event) ||
	    (watcher->busy && !path_watches_has(&watcher->watches, event->wd)))
		hint(watcher);
}

static void join_inotify(struct manifests_watcher *watcher)
{
	int r = 0;

	if (!inotify_joined(&watcher->inotify) && !watcher->options.no_inotify)
		r = inotify_join(watcher->loop, &watcher->inotify, on_event);
	if (r < 0)
		watcher->scan.watches.code = r;
}

/* Takes over the watches of the scan; says once when hints stop or start to be reliable. */
static void take_watches(struct manifests_watcher *watcher)
{
	struct manifests_scan *scan = &watcher->scan;
	int code = scan->watches.code;
	bool joined = inotify_joined(&watcher->inotify);
	bool polling = !joined || scan->remote || code < 0;

	if (joined)
		path_watches_replace(&watcher->watches, &scan->watches);
	watcher->watches = scan->watches;
	scan->watches = (struct path_watches){ 0 };
	if (polling && !watcher->polling && code < 0)
		log_warning(
			"manifests are looked at every %llu ms, because inotify fails: %s%s directory=%s",
			(unsigned long long)watcher->options.poll_ms, strerror(-code),
			code == -ENOSPC   ? "; raise the sysctl fs.inotify.max_user_watches"
			: code == -EMFILE ? "; raise the sysctl fs.inotify.max_user_instances"
					  : "",
			scan->directory);
	else if (polling && !watcher->polling)
		log_info("manifests are looked at every %llu ms directory=%s",
			 (unsigned long long)watcher->options.poll_ms, scan->directory);
	else if (!polling && watcher->polling)
		log_info("manifests are watched with inotify again directory=%s", scan->directory);
	watcher->polling = polling;
}

/* ---- scans ---- */

static void deliver(struct manifests_watcher *watcher)
{
	const struct manifests_listener *listener = &watcher->listener;
	const struct manifests_scan *scan = &watcher->scan;

	for (size_t i = 0; i < scan->changes.n && !watcher->closed; i++) {
		const struct manifests_change *change = &scan->changes.items[i];

		switch (change->kind) {
		case MANIFESTS_CHANGE_FILE:
			listener->on_file(listener->ctx, change->path,
					  change->content.data ? change->content.data : "",
					  change->content.len);
			break;
		case MANIFESTS_CHANGE_ERROR:
			listener->on_file_error(listener->ctx, change->path, &change->err);
			break;
		case MANIFESTS_CHANGE_PENDING:
			listener->on_file_pending(listener->ctx, change->path);
			break;
		case MANIFESTS_CHANGE_GONE:
			listener->on_file_gone(listener->ctx, change->path, NULL);
			break;
		case MANIFESTS_CHANGE_HIDDEN:
			listener->on_file_gone(listener->ctx, change->path, &change->err);
			break;
		}
	}
	watcher->told = watcher->begun;
	if (!watcher->closed)
		listener->on_scan_done(listener->ctx,
				       scan->problem.code < 0 ? &scan->problem : NULL);
}

static void arm_next(struct manifests_watcher *watcher)
{
	uint64_t poll_ms = watcher->options.poll_ms;
	const struct backoff retry = { RETRY_FIRST_MS, poll_ms };

	if (watcher->scan.retry) {
		timer_start(watcher->loop, &watcher->again, backoff_ms(&retry, watcher->retries++),
			    on_again);
		return;
	}
	watcher->retries = 0;
	if (watcher->polling)
		timer_start(watcher->loop, &watcher->again, poll_ms, on_again);
}

static void on_scan_run(struct work *work)
{
	struct manifests_watcher *watcher = container_of(work, struct manifests_watcher, work);

	watcher->scanned = manifests_scan_safely(&watcher->scan);
}

static void finish_close(struct deferred *deferred);
static void watcher_free(struct manifests_watcher *watcher);

/* With many mounts even a look that finds nothing costs. */
static void note_cost(struct manifests_watcher *watcher)
{
	uint64_t cost_ms = (uv_hrtime() - watcher->started_ns) / 1000000;

	watcher->moved_pause_ms = MOVED_MS;
	if (watcher->scan.only_if_moved && MOVED_SHARE * cost_ms > MOVED_MS)
		watcher->moved_pause_ms = MOVED_SHARE * cost_ms;
}

static void on_scan_done(struct work *work)
{
	struct manifests_watcher *watcher = container_of(work, struct manifests_watcher, work);
	bool hinted, wanted_now;

	if (watcher->left_behind)
		return watcher_free(watcher);
	note_cost(watcher);
	if (watcher->scanned && watcher->scan.skipped) {
		watcher->scan.watches = (struct path_watches){ 0 };
	} else {
		if (watcher->scanned) /* else what was watched before still is */
			take_watches(watcher);
		deliver(watcher);
	}
	watcher->scan.only_if_moved = false;
	manifests_changes_fini(&watcher->scan.changes);
	watcher->busy = false;
	hinted = watcher->hinted;
	wanted_now = watcher->wanted_now;
	watcher->hinted = watcher->wanted_now = false;
	if (watcher->closed) {
		loop_defer(watcher->loop, &watcher->deferred_close, finish_close);
		return;
	}
	if (wanted_now) {
		start_scan(watcher);
		return;
	}
	arm_next(watcher);
	if (hinted)
		hint(watcher);
}

static void start_scan(struct manifests_watcher *watcher)
{
	check(!watcher->busy && !watcher->closed);
	timer_stop(&watcher->quiet);
	timer_stop(&watcher->again);
	watcher->first_hint_ms = 0;
	watcher->busy = true;
	watcher->begun++;
	watcher->started_ns = uv_hrtime();
	join_inotify(watcher);
	watcher->scan.watches.user = inotify_joined(&watcher->inotify) ? &watcher->inotify : NULL;
	loop_work_apart(watcher->loop, &watcher->work, on_scan_run, on_scan_done);
}

/* ---- life ---- */

const char *manifests_watch_kind(const struct manifests_watcher *watcher)
{
	return watcher->polling ? "polling" : "inotify";
}

int manifests_open(struct manifests_watcher **ret_watcher, struct loop *loop,
		   const struct manifests_options *options,
		   const struct manifests_listener *listener, struct error *err)
{
	struct manifests_watcher *watcher;

	if (str_empty(options->directory))
		return error_set(err, -EINVAL,
				 "no manifests directory: expected a path such as "
				 "/etc/kukeon/manifests.d");
	if (!options->poll_ms || options->quiet_max_ms < options->quiet_ms)
		return error_set(
			err, -EINVAL,
			"manifests directory %s: expected a time between polls and a longest "
			"quiet time of at least the quiet time",
			options->directory);
	watcher = xnew(struct manifests_watcher);
	watcher->loop = loop;
	watcher->options = *options;
	watcher->listener = *listener;
	watcher->scan.directory = xstrdup(options->directory);
	watcher->options.directory = watcher->scan.directory;
	watcher->scan.only_root_writes = geteuid() == 0;
	for (size_t i = 0; options->expected && i < options->expected->n; i++)
		manifests_known_expect(&watcher->scan.known, options->expected->items[i]);
	watcher->options.expected = NULL;
	watcher->moved_pause_ms = MOVED_MS;
	watcher->mounts = mounts_open(loop, on_mounts, watcher);
	start_scan(watcher);
	*ret_watcher = watcher;
	return 0;
}

static void watcher_free(struct manifests_watcher *watcher)
{
	timer_stop(&watcher->closing);
	inotify_leave(&watcher->inotify);
	path_watches_fini(&watcher->watches);
	manifests_known_fini(&watcher->scan.known);
	strv_fini(&watcher->scan.hung);
	free(watcher->scan.directory);
	free(watcher);
}

static void finish_close(struct deferred *deferred)
{
	struct manifests_watcher *watcher =
		container_of(deferred, struct manifests_watcher, deferred_close);
	void (*closed)(void *ctx) = watcher->closed;
	void *ctx = watcher->closed_ctx;

	watcher_free(watcher);
	closed(ctx);
}

/* A filesystem stopped answering in the midst of a scan. Whatever that uses stays where it is. */
static void on_closing_late(struct timer *timer)
{
	struct manifests_watcher *watcher = container_of(timer, struct manifests_watcher, closing);

	log_warning("manifests directory %s does not answer; it is not waited for",
		    watcher->scan.directory);
	watcher->left_behind = true;
	loop_leave_behind(watcher->loop, &watcher->work);
	watcher->closed(watcher->closed_ctx);
}

void manifests_close(struct manifests_watcher *watcher, void (*closed)(void *ctx), void *ctx)
{
	check(!watcher->closed);
	watcher->closed = closed;
	watcher->closed_ctx = ctx;
	timer_stop(&watcher->quiet);
	timer_stop(&watcher->again);
	timer_stop(&watcher->moved);
	mounts_close(take_ptr(watcher->mounts));
	if (!watcher->busy)
		loop_defer(watcher->loop, &watcher->deferred_close, finish_close);
	else
		timer_start(watcher->loop, &watcher->closing, CLOSE_LIMIT_MS, on_closing_late);
}
