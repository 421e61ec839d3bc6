/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A thread is made for each piece of work, and is nobody's to join. It hands the work back through
 * a mailbox that outlives the loop: one that comes back later finds it shut.
 */
#include "core/loop/apart.h"

#include <pthread.h>
#include <signal.h>

enum { STACK_BYTES = 1024 * 1024 };

struct apart {
	struct loop *loop; /* NULL: it has closed */
	uv_async_t async;
	pthread_mutex_t mutex; /* of what follows, and of @loop */
	bool async_closed;
	struct list ended;  /* struct work.link */
	unsigned n_running; /* threads that have the mailbox */
	unsigned n_awaited; /* of the loop's thread: with any, the loop keeps running */
};

/* With the mutex, which it takes off: the last one who has to do with the mailbox takes it away. */
static void unlock(struct apart *apart)
{
	bool unused = !apart->loop && apart->async_closed && !apart->n_running;

	pthread_mutex_unlock(&apart->mutex);
	if (!unused)
		return;
	pthread_mutex_destroy(&apart->mutex);
	free(apart);
}

/* Neither touches the work again once it is in the mailbox. */
static void *run_thread(void *ctx)
{
	struct work *work = ctx;
	struct apart *apart = work->apart;
	bool shut;

	work->run(work);
	pthread_mutex_lock(&apart->mutex);
	apart->n_running--;
	shut = !apart->loop;
	if (!shut) {
		list_append(&apart->ended, &work->link);
		uv_async_send(&apart->async);
	}
	unlock(apart);
	if (shut && work->lost)
		work->lost(work);
	return NULL;
}

static void no_longer_awaited(struct apart *apart)
{
	if (--apart->n_awaited == 0)
		uv_unref((uv_handle_t *)&apart->async);
}

static void on_ended(uv_async_t *async)
{
	struct apart *apart = container_of(async, struct apart, async);
	struct list batch, *link;

	pthread_mutex_lock(&apart->mutex);
	list_swap_out(&apart->ended, &batch);
	pthread_mutex_unlock(&apart->mutex);
	while ((link = list_pop(&batch))) {
		struct work *work = list_entry(link, struct work, link);

		work->apart = NULL;
		if (!work->left_behind)
			no_longer_awaited(apart);
		work->done(work);
	}
}

static void open_mailbox(struct loop *loop)
{
	struct apart *apart = xnew(struct apart);

	apart->loop = loop;
	list_init(&apart->ended);
	check(pthread_mutex_init(&apart->mutex, NULL) == 0);
	check(uv_async_init(&loop->uv, &apart->async, on_ended) == 0);
	uv_unref((uv_handle_t *)&apart->async);
	loop->apart = apart;
}

/* Signals are the loop's. */
static int start_thread(struct work *work)
{
	sigset_t all, before;
	pthread_attr_t attr;
	pthread_t thread;
	int r;

	sigfillset(&all);
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r = pthread_create(&thread, &attr, run_thread, work);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
	return r;
}

bool apart_start(struct loop *loop, struct work *work)
{
	struct apart *apart;

	if (!loop->apart)
		open_mailbox(loop);
	apart = work->apart = loop->apart;
	work->left_behind = false;
	pthread_mutex_lock(&apart->mutex);
	apart->n_running++;
	pthread_mutex_unlock(&apart->mutex);
	if (start_thread(work) != 0) {
		pthread_mutex_lock(&apart->mutex);
		apart->n_running--;
		pthread_mutex_unlock(&apart->mutex);
		work->apart = NULL;
		return false;
	}
	if (apart->n_awaited++ == 0)
		uv_ref((uv_handle_t *)&apart->async);
	return true;
}

void loop_leave_behind(struct loop *loop UNUSED, struct work *work)
{
	if (!work->apart || work->left_behind)
		return;
	work->left_behind = true;
	no_longer_awaited(work->apart);
}

bool loop_works_apart(const struct loop *loop)
{
	struct apart *apart = loop->apart;
	bool any;

	if (!apart)
		return false;
	pthread_mutex_lock(&apart->mutex);
	any = apart->n_running || !list_empty(&apart->ended);
	pthread_mutex_unlock(&apart->mutex);
	return any;
}

static void on_async_closed(uv_handle_t *handle)
{
	struct apart *apart = container_of((uv_async_t *)handle, struct apart, async);

	pthread_mutex_lock(&apart->mutex);
	apart->async_closed = true;
	unlock(apart);
}

void apart_close(struct loop *loop)
{
	struct apart *apart = take_ptr(loop->apart);
	struct list batch, *link;

	if (!apart)
		return;
	check(apart->n_awaited == 0);
	pthread_mutex_lock(&apart->mutex);
	apart->loop = NULL;
	list_swap_out(&apart->ended, &batch);
	pthread_mutex_unlock(&apart->mutex);
	uv_close((uv_handle_t *)&apart->async, on_async_closed);
	while ((link = list_pop(&batch))) {
		struct work *work = list_entry(link, struct work, link);

		if (work->lost)
			work->lost(work);
	}
}
