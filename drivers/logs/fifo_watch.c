/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/logs/fifo_watch.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>

#include "drivers/logs/spool.h"

struct watched_fifo {
	char name[LOG_NAME_MAX_BYTES];
	int fd;
	bool seen; /* by the scan */
};

int fifo_watch_open(struct fifo_watch *watch)
{
	*watch = (struct fifo_watch){ .epoll_fd = epoll_create1(EPOLL_CLOEXEC) };
	return watch->epoll_fd < 0 ? -errno : 0;
}

void fifo_watch_close(struct fifo_watch *watch)
{
	for (size_t i = 0; i < watch->n; i++)
		close(watch->items[i].fd);
	free(watch->items);
	cleanup_close(&watch->epoll_fd);
	*watch = (struct fifo_watch){ .epoll_fd = -1 };
}

static struct watched_fifo *find(struct fifo_watch *watch, const char *name)
{
	for (size_t i = 0; i < watch->n; i++)
		if (str_equal(watch->items[i].name, name))
			return &watch->items[i];
	return NULL;
}

/* For writing too: then there is no end of it to be told. */
static void add(struct fifo_watch *watch, const char *spool, const char *name)
{
	AUTO_FREE char *path = xasprintf("%s/%s", spool, name);
	int fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);
	struct epoll_event event = { .events = EPOLLIN };
	struct watched_fifo *fifo;

	if (fd < 0)
		return;
	if (epoll_ctl(watch->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0) {
		close(fd);
		return;
	}
	watch->items = xrealloc(watch->items, (watch->n + 1) * sizeof(*watch->items));
	fifo = &watch->items[watch->n++];
	*fifo = (struct watched_fifo){ .fd = fd, .seen = true };
	str_copy(fifo->name, sizeof(fifo->name), name);
}

static void look_at(struct fifo_watch *watch, const char *spool, const char *entry,
		    enum log_suffix suffix)
{
	char name[LOG_NAME_MAX_BYTES];
	struct watched_fifo *fifo;

	if (!log_spool_format(entry, suffix, name))
		return;
	fifo = find(watch, name);
	if (fifo)
		fifo->seen = true;
	else
		add(watch, spool, name);
}

/* Whose FIFO it was needs it no more: nothing of it stays open here. */
static void let_go_of_unseen(struct fifo_watch *watch)
{
	size_t kept = 0;

	for (size_t i = 0; i < watch->n; i++)
		if (watch->items[i].seen)
			watch->items[kept++] = watch->items[i];
		else
			close(watch->items[i].fd);
	watch->n = kept;
}

void fifo_watch_scan(struct fifo_watch *watch, const char *spool)
{
	AUTO(strv_fini) struct strv entries = { 0 };
	struct error err;

	if (spool_list(spool, &entries, &err) < 0)
		return;
	for (size_t i = 0; i < watch->n; i++)
		watch->items[i].seen = false;
	for (size_t i = 0; i < entries.n; i++) {
		if (spool_is_done(spool, entries.items[i]))
			continue;
		look_at(watch, spool, entries.items[i], LOG_SPOOL_OUT);
		look_at(watch, spool, entries.items[i], LOG_SPOOL_ERR);
	}
	let_go_of_unseen(watch);
}
