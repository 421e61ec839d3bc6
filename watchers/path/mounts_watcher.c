/* SPDX-License-Identifier: Apache-2.0 */
#include "watchers/path/mounts_watcher.h"

#include <fcntl.h>

struct mounts {
	uv_poll_t poll;
	int fd;
	void (*on_change)(void *ctx);
	void *ctx;
};

/* The kernel marks the file as changed (POLLPRI) for each open of it, until it is polled: proc(5).
 */
static void on_poll(uv_poll_t *poll, int status, int events)
{
	struct mounts *mounts = container_of(poll, struct mounts, poll);

	if (status == 0 && events & UV_PRIORITIZED)
		mounts->on_change(mounts->ctx);
}

static void on_closed(uv_handle_t *handle)
{
	struct mounts *mounts = container_of((uv_poll_t *)handle, struct mounts, poll);

	close(mounts->fd);
	free(mounts);
}

struct mounts *mounts_open(struct loop *loop, void (*on_change)(void *ctx), void *ctx)
{
	struct mounts *mounts = xnew(struct mounts);

	mounts->on_change = on_change;
	mounts->ctx = ctx;
	mounts->fd = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
	if (mounts->fd < 0 || uv_poll_init(&loop->uv, &mounts->poll, mounts->fd) != 0) {
		if (mounts->fd >= 0)
			close(mounts->fd);
		free(mounts);
		return NULL;
	}
	check(uv_poll_start(&mounts->poll, UV_PRIORITIZED, on_poll) == 0);
	return mounts;
}

void mounts_close(struct mounts *mounts)
{
	if (mounts)
		uv_close((uv_handle_t *)&mounts->poll, on_closed);
}
