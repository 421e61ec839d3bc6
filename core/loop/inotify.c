/* SPDX-License-Identifier: Apache-2.0 */
#include "core/loop/inotify.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "core/base/map.h"

enum {
	USERS_MAX = 32, /* bits of struct watch.users */
	READ_BYTES = 16 * 1024,
	READS_PER_TURN = 16, /* then the rest of the loop has its turn */
	WD_TEXT_BYTES = 12,
};

struct watch {
	struct map_node node; /* struct inotify.watches */
	int wd;
	char text[WD_TEXT_BYTES];
	uint32_t users; /* a bit each */
};

struct inotify {
	int fd;
	uv_poll_t poll;
	struct inotify_user *users[USERS_MAX]; /* the loop's thread only */
	unsigned n_users;                      /* with any, the loop keeps running */
	uv_mutex_t mutex;                      /* of what follows: scans watch on worker threads */
	struct map watches;
	/* threads that are adding one: the kernel may have it, @watches not yet */
	unsigned n_adding;
};

static uint32_t bit_of(const struct inotify_user *user)
{
	return UINT32_C(1) << user->number;
}

static struct watch *find(const struct inotify *inotify, int wd)
{
	char text[WD_TEXT_BYTES];

	snprintf(text, sizeof(text), "%d", wd);
	return map_entry(map_find(&inotify->watches, text), struct watch, node);
}

static void forget(struct inotify *inotify, struct watch *watch)
{
	map_remove(&inotify->watches, &watch->node);
	free(watch);
}

static void note(struct inotify *inotify, int wd, uint32_t user)
{
	struct watch *watch = find(inotify, wd);

	if (!watch) {
		watch = xnew(struct watch);
		watch->wd = wd;
		snprintf(watch->text, sizeof(watch->text), "%d", wd);
		map_insert(&inotify->watches, &watch->node, watch->text);
	}
	watch->users |= user;
}

/* With the mutex. While somebody adds one, it may be this one: it is taken off later then. */
static void let_go(struct inotify *inotify, struct watch *watch, uint32_t user)
{
	watch->users &= ~user;
	if (watch->users || inotify->n_adding)
		return;
	inotify_rm_watch(inotify->fd, watch->wd); /* -EINVAL when the kernel was first */
	forget(inotify, watch);
}

static void sweep(struct inotify *inotify)
{
	struct watch *watch;

	map_for_each(watch, &inotify->watches, node)
		if (!watch->users)
			let_go(inotify, watch, 0);
}

/* Without the mutex while the kernel looks at the path: that may lie on a filesystem that does not
 * answer, and the loop takes the mutex too. */
int inotify_watch(struct inotify_user *user, const char *path, uint32_t mask)
{
	struct inotify *inotify = user->loop->inotify;
	uint32_t bit = bit_of(user);
	int wd;

	uv_mutex_lock(&inotify->mutex);
	inotify->n_adding++;
	uv_mutex_unlock(&inotify->mutex);
	wd = inotify_add_watch(inotify->fd, path, mask | IN_MASK_ADD);
	wd = wd < 0 ? -errno : wd;
	uv_mutex_lock(&inotify->mutex);
	if (wd >= 0)
		note(inotify, wd, bit);
	if (--inotify->n_adding == 0)
		sweep(inotify);
	uv_mutex_unlock(&inotify->mutex);
	return wd;
}

void inotify_unwatch(struct inotify_user *user, int wd)
{
	struct inotify *inotify = user->loop->inotify;
	struct watch *watch;

	uv_mutex_lock(&inotify->mutex);
	watch = find(inotify, wd);
	if (watch)
		let_go(inotify, watch, bit_of(user));
	uv_mutex_unlock(&inotify->mutex);
}

/* ---- events ---- */

/* Whose the event is. A watch that the kernel took off is gone. */
static uint32_t users_of(struct inotify *inotify, const struct inotify_event *event)
{
	struct watch *watch;
	uint32_t users = 0;

	if (event->mask & IN_Q_OVERFLOW)
		return UINT32_MAX;
	uv_mutex_lock(&inotify->mutex);
	watch = find(inotify, event->wd);
	if (watch)
		users = watch->users;
	else if (inotify->n_adding) /* it may be theirs: a hint more does not hurt */
		users = UINT32_MAX;
	if (watch && event->mask & IN_IGNORED)
		forget(inotify, watch);
	uv_mutex_unlock(&inotify->mutex);
	return users;
}

static void deliver(struct inotify *inotify, const struct inotify_event *event)
{
	uint32_t users = users_of(inotify, event);

	for (unsigned i = 0; i < USERS_MAX; i++)
		if (users & UINT32_C(1) << i && inotify->users[i])
			inotify->users[i]->on_event(inotify->users[i], event);
}

static void on_readable(uv_poll_t *poll, int status UNUSED, int events UNUSED)
{
	struct inotify *inotify = container_of(poll, struct inotify, poll);
	_Alignas(struct inotify_event) char data[READ_BYTES];

	for (int i = 0; i < READS_PER_TURN; i++) {
		ssize_t n = read(inotify->fd, data, sizeof(data));

		if (n <= 0)
			return;
		for (char *p = data; p < data + n;) {
			const struct inotify_event *event = (const struct inotify_event *)p;

			deliver(inotify, event);
			p += sizeof(*event) + event->len;
		}
	}
}

/* ---- life ---- */

static int open_instance(struct loop *loop)
{
	int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	struct inotify *inotify;

	if (fd < 0)
		return -errno;
	inotify = xnew(struct inotify);
	inotify->fd = fd;
	check(uv_mutex_init(&inotify->mutex) == 0);
	check(uv_poll_init(&loop->uv, &inotify->poll, fd) == 0);
	check(uv_poll_start(&inotify->poll, UV_READABLE, on_readable) == 0);
	uv_unref((uv_handle_t *)&inotify->poll);
	loop->inotify = inotify;
	return 0;
}

int inotify_join(struct loop *loop, struct inotify_user *user,
		 void (*on_event)(struct inotify_user *user, const struct inotify_event *event))
{
	unsigned number = 0;
	int r = loop->inotify ? 0 : open_instance(loop);

	if (r < 0)
		return r;
	while (loop->inotify->users[number])
		check(++number < USERS_MAX);
	*user = (struct inotify_user){ loop, number, on_event };
	loop->inotify->users[number] = user;
	if (loop->inotify->n_users++ == 0)
		uv_ref((uv_handle_t *)&loop->inotify->poll);
	return 0;
}

bool inotify_joined(const struct inotify_user *user)
{
	return user->loop != NULL;
}

void inotify_leave(struct inotify_user *user)
{
	struct inotify *inotify;
	struct watch *watch;

	if (!inotify_joined(user))
		return;
	inotify = user->loop->inotify;
	inotify->users[user->number] = NULL;
	if (--inotify->n_users == 0)
		uv_unref((uv_handle_t *)&inotify->poll);
	uv_mutex_lock(&inotify->mutex);
	map_for_each(watch, &inotify->watches, node)
		if (watch->users & bit_of(user))
			let_go(inotify, watch, bit_of(user));
	uv_mutex_unlock(&inotify->mutex);
	*user = (struct inotify_user){ 0 };
}

static void on_poll_closed(uv_handle_t *handle)
{
	struct inotify *inotify = container_of((uv_poll_t *)handle, struct inotify, poll);

	close(inotify->fd);
	uv_mutex_destroy(&inotify->mutex);
	free(inotify);
}

void inotify_close(struct loop *loop)
{
	struct inotify *inotify = take_ptr(loop->inotify);

	if (!inotify)
		return;
	check(inotify->n_users == 0 && inotify->watches.count == 0);
	uv_close((uv_handle_t *)&inotify->poll, on_poll_closed);
}
