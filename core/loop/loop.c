/* SPDX-License-Identifier: Apache-2.0 */
#include "core/loop/loop_test.h"

#include <errno.h>
#include <sys/timerfd.h>
#include <time.h>

#include "core/loop/apart.h"
#include "core/loop/inotify.h"

/* ---- deferred work ---- */

/* Drains a swapped list: what is deferred while it runs waits for the next turn. */
static void run_deferred(struct loop *loop)
{
	struct list batch, *link;

	list_swap_out(&loop->deferred, &batch);
	while ((link = list_pop(&batch))) {
		struct deferred *deferred = list_entry(link, struct deferred, link);

		deferred->run(deferred);
	}
	if (list_empty(&loop->deferred) && loop->clock == LOOP_CLOCK_BOOTTIME)
		uv_idle_stop(&loop->idle);
}

static void on_idle(uv_idle_t *idle)
{
	run_deferred(container_of(idle, struct loop, idle));
}

void loop_defer(struct loop *loop, struct deferred *deferred, void (*run)(struct deferred *))
{
	if (list_linked(&deferred->link))
		return;
	deferred->run = run;
	list_append(&loop->deferred, &deferred->link);
	if (loop->clock == LOOP_CLOCK_BOOTTIME)
		uv_idle_start(&loop->idle, on_idle);
}

void deferred_cancel(struct deferred *deferred)
{
	list_remove(&deferred->link);
}

/* ---- timers ---- */

uint64_t loop_now_ms(const struct loop *loop)
{
	struct timespec now;

	if (loop->clock == LOOP_CLOCK_VIRTUAL)
		return loop->virtual_now_ms;
	clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static struct timer *first_timer(struct loop *loop)
{
	return list_empty(&loop->timers) ? NULL : list_entry(loop->timers.next, struct timer, link);
}

static int64_t real_wall_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t loop_wall_ms(const struct loop *loop)
{
	if (loop->clock == LOOP_CLOCK_VIRTUAL)
		return loop->virtual_wall_ms + (int64_t)loop->virtual_now_ms;
	return real_wall_ms();
}

/* Sets the timerfd for the first timer, or disarms it; an idle daemon has none and never wakes. */
static void arm_timer_fd(struct loop *loop)
{
	struct timer *first = first_timer(loop);
	uint64_t due_ms = first ? first->due_ms : 0;
	struct itimerspec spec = { 0 };

	if (loop->clock == LOOP_CLOCK_VIRTUAL || due_ms == loop->armed_for_ms)
		return;
	spec.it_value.tv_sec = (time_t)(due_ms / 1000);
	spec.it_value.tv_nsec = (long)(due_ms % 1000) * 1000000;
	check(timerfd_settime(loop->timer_fd, TFD_TIMER_ABSTIME, &spec, NULL) == 0);
	loop->armed_for_ms = due_ms;
}

static void run_due_timers(struct loop *loop)
{
	uint64_t now_ms = loop_now_ms(loop);
	struct timer *timer;

	while ((timer = first_timer(loop)) && timer->due_ms <= now_ms) {
		list_remove(&timer->link);
		timer->fn(timer);
	}
}

static void on_timer_fd(uv_poll_t *poll, int status UNUSED, int events UNUSED)
{
	struct loop *loop = container_of(poll, struct loop, timer_poll);
	uint64_t expirations;
	ssize_t n = read(loop->timer_fd, &expirations, sizeof(expirations));

	check(n == sizeof(expirations) || errno == EAGAIN);
	loop->armed_for_ms = 0;
	run_due_timers(loop);
	arm_timer_fd(loop);
}

void timer_start_at(struct loop *loop, struct timer *timer, uint64_t due_ms, timer_fn fn)
{
	struct list *position = &loop->timers;

	timer_stop(timer);
	timer->loop = loop;
	timer->due_ms = due_ms ? due_ms : 1;
	timer->fn = fn;
	/* Most timers are set for later than those that run: search from the end. */
	while (position->prev != &loop->timers &&
	       list_entry(position->prev, struct timer, link)->due_ms > timer->due_ms)
		position = position->prev;
	list_insert_before(position, &timer->link);
	arm_timer_fd(loop);
}

void timer_start(struct loop *loop, struct timer *timer, uint64_t after_ms, timer_fn fn)
{
	timer_start_at(loop, timer, loop_now_ms(loop) + after_ms, fn);
}

void timer_stop(struct timer *timer)
{
	if (!timer_active(timer))
		return;
	list_remove(&timer->link);
	arm_timer_fd(timer->loop);
}

/* ---- worker threads ---- */

static void on_work_run(uv_work_t *uv)
{
	struct work *work = container_of(uv, struct work, uv);

	work->run(work);
}

static void on_work_done(uv_work_t *uv, int status UNUSED)
{
	struct work *work = container_of(uv, struct work, uv);

	list_remove(&work->link);
	work->done(work);
}

static void run_work_inline(struct deferred *deferred)
{
	struct work *work = container_of(deferred, struct work, deferred);

	work->run(work);
	work->done(work);
}

void loop_work(struct loop *loop, struct work *work, work_fn run, work_fn done)
{
	work->run = run;
	work->done = done;
	if (loop->clock == LOOP_CLOCK_VIRTUAL) {
		loop_defer(loop, &work->deferred, run_work_inline);
		return;
	}
	list_append(&loop->work, &work->link);
	check(uv_queue_work(&loop->uv, &work->uv, on_work_run, on_work_done) == 0);
}

void loop_work_apart(struct loop *loop, struct work *work, work_fn run, work_fn done)
{
	work->run = run;
	work->done = done;
	if (loop->clock == LOOP_CLOCK_VIRTUAL)
		loop_defer(loop, &work->deferred, run_work_inline);
	else if (!apart_start(loop, work)) /* no thread to be had: better late than never */
		loop_work(loop, work, run, done);
}

/* ---- life ---- */

int loop_open(struct loop *loop, enum loop_clock clock, struct error *err)
{
	int r;

	*loop = (struct loop){ .clock = clock,
			       .virtual_now_ms = 1000,
			       .virtual_wall_ms = real_wall_ms(),
			       .timer_fd = -1 };
	list_init(&loop->deferred);
	list_init(&loop->timers);
	list_init(&loop->work);
	if (clock == LOOP_CLOCK_VIRTUAL)
		return 0;
	r = uv_loop_init(&loop->uv);
	if (r < 0)
		return error_set(err, r, "cannot create the event loop: %s", uv_strerror(r));
	loop->timer_fd = timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK | TFD_CLOEXEC);
	if (loop->timer_fd < 0) {
		r = error_set(err, -errno, "cannot create a timer: %m");
		uv_loop_close(&loop->uv);
		return r;
	}
	uv_idle_init(&loop->uv, &loop->idle);
	uv_poll_init(&loop->uv, &loop->timer_poll, loop->timer_fd);
	uv_poll_start(&loop->timer_poll, UV_READABLE, on_timer_fd);
	uv_unref((uv_handle_t *)&loop->timer_poll);
	return 0;
}

void loop_close(struct loop *loop)
{
	check(list_empty(&loop->timers));
	check(list_empty(&loop->deferred));
	if (loop->clock == LOOP_CLOCK_VIRTUAL)
		return;
	uv_close((uv_handle_t *)&loop->idle, NULL);
	uv_close((uv_handle_t *)&loop->timer_poll, NULL);
	inotify_close(loop);
	apart_close(loop);
	uv_run(&loop->uv, UV_RUN_DEFAULT);
	close(loop->timer_fd);
	check(list_empty(&loop->work));
	check(uv_loop_close(&loop->uv) == 0);
}

void loop_run(struct loop *loop)
{
	uv_run(&loop->uv, UV_RUN_DEFAULT);
}

bool loop_turn_virtual(struct loop *loop, uint64_t until_ms)
{
	struct timer *timer = first_timer(loop);

	check(loop->clock == LOOP_CLOCK_VIRTUAL);
	if (!list_empty(&loop->deferred)) {
		run_deferred(loop);
		return true;
	}
	if (!timer || timer->due_ms > until_ms) {
		if (until_ms > loop->virtual_now_ms)
			loop->virtual_now_ms = until_ms;
		return false;
	}
	if (timer->due_ms > loop->virtual_now_ms)
		loop->virtual_now_ms = timer->due_ms;
	run_due_timers(loop);
	return true;
}

void loop_run_virtual(struct loop *loop, uint64_t until_ms)
{
	while (loop_turn_virtual(loop, until_ms))
		;
}
