/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/containerd/watch.h"

#include <limits.h>
#include <sys/inotify.h>

#include "core/base/log.h"
#include "drivers/containerd/driver.h"

enum { EVENT_BUFFER_BYTES = 16 * (sizeof(struct inotify_event) + NAME_MAX + 1) };

/* A socket is bound (created), listened on, then its mode is set: the last of these is seen when it
 * accepts. */
static const uint32_t watched = IN_CREATE | IN_MOVED_TO | IN_ATTRIB | IN_ONLYDIR;

static bool names_socket(const struct events *events, const struct inotify_event *event)
{
	const char *slash = strrchr(events->driver->socket, '/');

	return event->len && str_equal(event->name, slash ? slash + 1 : events->driver->socket);
}

static void on_readable(uv_poll_t *poll, int status UNUSED, int uv_events UNUSED)
{
	struct events *events = container_of(poll, struct events, poll);
	char buffer[EVENT_BUFFER_BYTES] __attribute__((aligned(__alignof__(struct inotify_event))));
	ssize_t len = read(events->inotify_fd, buffer, sizeof(buffer));
	bool appeared = false;

	for (char *p = buffer; len > 0 && p < buffer + len;) {
		const struct inotify_event *event = (const struct inotify_event *)p;

		if (event->mask &
		    IN_IGNORED) /* the directory is gone: the next Subscribe looks for a new one */
			events->inotify_wd = -1;
		appeared = appeared || names_socket(events, event);
		p += sizeof(*event) + event->len;
	}
	if (appeared)
		events_kick(events);
}

static void add_watch(struct events *events)
{
	AUTO_FREE char *dir = xstrdup(events->driver->socket);
	char *slash = strrchr(dir, '/');

	if (slash)
		*slash = '\0';
	events->inotify_wd = inotify_add_watch(events->inotify_fd,
					       !slash   ? "."
					       : dir[0] ? dir
							: "/",
					       watched);
	if (events->inotify_wd < 0)
		log_debug("cannot watch for containerd's socket: %m path=%s",
			  events->driver->socket);
}

void watch_open(struct events *events)
{
	if (!events->poll_open) {
		events->inotify_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
		events->inotify_wd = -1;
		if (events->inotify_fd < 0)
			return;
		if (uv_poll_init(&events->driver->loop->uv, &events->poll, events->inotify_fd) <
		    0) {
			close(take_fd(&events->inotify_fd));
			return;
		}
		events->poll_open = true;
		uv_poll_start(&events->poll, UV_READABLE, on_readable);
	}
	if (events->inotify_wd < 0)
		add_watch(events);
}

static void on_closed(uv_handle_t *handle)
{
	struct events *events = container_of((uv_poll_t *)handle, struct events, poll);

	close(take_fd(&events->inotify_fd));
	events->poll_open = false;
	containerd_check_closed(events->driver);
}

void watch_close(struct events *events)
{
	if (events->poll_open)
		uv_close((uv_handle_t *)&events->poll, on_closed);
}
