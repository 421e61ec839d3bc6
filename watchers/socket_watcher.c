/* SPDX-License-Identifier: Apache-2.0 */
#include "watchers/socket_watcher.h"

#include <errno.h>
#include <unistd.h>

#include "core/base/fs.h"
#include "core/base/log.h"
#include "core/base/str.h"

/* After a socket that could not be made again. */
enum { RETRY_MS = 5000 };

static const uint32_t mask = IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE_SELF |
			     IN_MOVE_SELF | IN_ONLYDIR;

struct socket_watcher {
	struct loop *loop;
	struct socket_watcher_options options;
	char *path, *dir;
	struct inotify_user inotify;
	struct timer retry;

	struct work work;
	bool working, again; /* a look is under way; another one is wanted */
	/* of the look: */
	bool ours, there;
	struct host_socket socket; /* what is looked for; what was made */
	bool made;
	int status;
	struct error err;

	char *said; /* what is wrong, as it was logged */
	bool closing;
	struct deferred all_closed;
	void (*closed)(void *ctx);
	void *closed_ctx;
};

/* ---- a look ---- */

static bool is_there(const struct socket_watcher *watcher)
{
	struct stat st;

	if (lstat(watcher->path, &st) < 0)
		return errno != ENOENT && errno != ENOTDIR; /* could not look */
	return watcher->ours ? host_socket_is(&watcher->socket, &st) : S_ISSOCK(st.st_mode);
}

static void watch(struct socket_watcher *watcher)
{
	if (inotify_joined(&watcher->inotify))
		inotify_watch(&watcher->inotify, watcher->dir, mask);
}

/* Watch first, then look. A directory that had to be made was not watched. */
static void run_look(struct work *work)
{
	struct socket_watcher *watcher = container_of(work, struct socket_watcher, work);
	int r;

	watcher->status = 0;
	watcher->made = false;
	watch(watcher);
	watcher->there = is_there(watcher);
	if (watcher->there || !watcher->ours)
		return;
	r = fs_make_dirs(watcher->dir, 0755, &watcher->err);
	if (r == 0)
		r = host_listen(watcher->path, &watcher->socket, &watcher->err);
	watcher->made = r == 0;
	watcher->status = r;
	watch(watcher);
}

/* Once per text. */
static void say(struct socket_watcher *watcher, const char *text)
{
	if (*text && !str_equal(watcher->said, text))
		log_warning("%s", text);
	str_replace(&watcher->said, text);
}

static void say_missing(struct socket_watcher *watcher)
{
	AUTO_FREE char *text = xasprintf("the socket %s is gone, and it is the service manager's: "
					 "nobody reaches kukeond until that makes it anew "
					 "(systemctl restart kukeond.socket)",
					 watcher->path);

	say(watcher, watcher->there ? "" : text);
}

static void take_new_socket(struct socket_watcher *watcher)
{
	*watcher->options.socket = watcher->socket;
	log_warning("the socket file was gone and has been made anew socket=%s", watcher->path);
	watcher->options.listen(watcher->options.ctx, watcher->socket.fd);
}

static void finish_close(struct socket_watcher *watcher);

static void on_retry(struct timer *timer)
{
	socket_watcher_look(container_of(timer, struct socket_watcher, retry));
}

static void take_look(struct socket_watcher *watcher)
{
	if (!watcher->ours)
		return say_missing(watcher);
	if (watcher->made)
		take_new_socket(watcher);
	if (watcher->status == 0)
		return say(watcher, "");
	error_wrap(&watcher->err, watcher->status, "the socket file is gone");
	say(watcher, watcher->err.msg);
	timer_start(watcher->loop, &watcher->retry, RETRY_MS, on_retry);
}

static void on_looked(struct work *work)
{
	struct socket_watcher *watcher = container_of(work, struct socket_watcher, work);

	watcher->working = false;
	if (watcher->closing) {
		if (watcher->made) {
			host_unlink_socket(watcher->path, &watcher->socket);
			close(watcher->socket.fd);
		}
		return finish_close(watcher);
	}
	take_look(watcher);
	if (watcher->again)
		socket_watcher_look(watcher);
}

void socket_watcher_look(struct socket_watcher *watcher)
{
	if (!watcher || watcher->closing)
		return;
	watcher->again = watcher->working;
	if (watcher->working)
		return;
	watcher->working = true;
	timer_stop(&watcher->retry);
	if (watcher->ours)
		watcher->socket = *watcher->options.socket;
	loop_work(watcher->loop, &watcher->work, run_look, on_looked);
}

/* Of a busy directory too: a look is one question to the kernel. */
static void on_event(struct inotify_user *user, const struct inotify_event *event)
{
	struct socket_watcher *watcher = container_of(user, struct socket_watcher, inotify);
	const char *name = strrchr(watcher->path, '/') + 1;

	if (!event->len || str_equal(event->name, name))
		socket_watcher_look(watcher);
}

/* ---- life ---- */

void socket_watcher_open(struct socket_watcher **ret_watcher, struct loop *loop,
			 const struct socket_watcher_options *options)
{
	struct socket_watcher *watcher = xnew(struct socket_watcher);
	const char *slash = strrchr(options->path, '/');

	watcher->loop = loop;
	watcher->options = *options;
	watcher->ours = options->socket;
	watcher->path = slash ? xstrdup(options->path) : xasprintf("./%s", options->path);
	slash = strrchr(watcher->path, '/');
	watcher->dir = xstrndup(watcher->path, (size_t)(slash - watcher->path) + 1);
	if (inotify_join(loop, &watcher->inotify, on_event) < 0)
		log_debug("the socket file is looked at when everything is");
	socket_watcher_look(watcher);
	*ret_watcher = watcher;
}

static void on_all_closed(struct deferred *deferred)
{
	struct socket_watcher *watcher = container_of(deferred, struct socket_watcher, all_closed);
	void (*closed)(void *) = watcher->closed;
	void *ctx = watcher->closed_ctx;

	free(watcher->path);
	free(watcher->dir);
	free(watcher->said);
	free(watcher);
	closed(ctx);
}

static void finish_close(struct socket_watcher *watcher)
{
	inotify_leave(&watcher->inotify);
	loop_defer(watcher->loop, &watcher->all_closed, on_all_closed);
}

void socket_watcher_close(struct socket_watcher *watcher, void (*closed)(void *ctx), void *ctx)
{
	watcher->closing = true;
	watcher->closed = closed;
	watcher->closed_ctx = ctx;
	timer_stop(&watcher->retry);
	if (!watcher->working)
		finish_close(watcher);
}
