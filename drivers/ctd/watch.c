/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/ctd/watch.h"

#include <string.h>

#include "core/base/log.h"
#include "drivers/ctd/ctd.h"

/* A socket is bound (created), listened on, then its mode is set: the last of these is seen when it
 * accepts. */
static const uint32_t watched = IN_CREATE | IN_MOVED_TO | IN_ATTRIB | IN_ONLYDIR;

static bool names_socket(const struct events *events, const struct inotify_event *event)
{
	const char *slash = strrchr(events->ctd->socket, '/');

	return event->len && str_equal(event->name, slash ? slash + 1 : events->ctd->socket);
}

static void on_event(struct inotify_user *user, const struct inotify_event *event)
{
	struct events *events = container_of(user, struct events, inotify);

	if (event->mask & IN_IGNORED) /* the directory is gone: the next Subscribe looks for it */
		events->socket_wd = -1;
	else if (event->mask & IN_Q_OVERFLOW || names_socket(events, event))
		events_kick(events);
}

void watch_open(struct events *events)
{
	AUTO_FREE char *dir = xstrdup(events->ctd->socket);
	char *slash = strrchr(dir, '/');

	if (events->socket_wd >= 0)
		return;
	if (!inotify_joined(&events->inotify) &&
	    inotify_join(events->ctd->ops.loop, &events->inotify, on_event) < 0)
		return;
	if (slash)
		*slash = '\0';
	events->socket_wd = inotify_watch(&events->inotify,
					  !slash ? "."
					  : *dir ? dir
						 : "/",
					  watched);
	if (events->socket_wd < 0)
		log_debug("cannot watch for containerd's socket: %s path=%s",
			  strerror(-events->socket_wd), events->ctd->socket);
}

void watch_close(struct events *events)
{
	inotify_leave(&events->inotify);
}
