/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one loop: libuv plus the three things that libuv lacks for us: work deferred to the next
 * turn, timers on CLOCK_BOOTTIME (they count suspend and no clock step moves them), and a virtual
 * clock for the simulator.
 *
 * Everything here is called on the loop's thread only.
 */
#pragma once

#include <uv.h>

#include "core/base/error.h"
#include "core/base/list.h"
#include "core/loop/timer.h"

enum loop_clock {
	LOOP_CLOCK_BOOTTIME,
	LOOP_CLOCK_VIRTUAL, /* stands still; core/loop/loop_test.h moves it from timer to timer */
};

struct inotify;
struct apart;

struct loop {
	uv_loop_t uv;
	enum loop_clock clock;
	uint64_t virtual_now_ms;
	int64_t virtual_wall_ms; /* when the virtual clock stood at 0 */
	uv_idle_t idle;          /* active while something is deferred */
	uv_poll_t timer_poll;    /* on timer_fd */
	int timer_fd;            /* CLOCK_BOOTTIME, armed for the first timer */
	uint64_t armed_for_ms;   /* 0: disarmed */
	struct list deferred;    /* struct deferred.link */
	struct list timers;      /* struct timer.link, ordered by due_ms */
	struct list work;        /* struct work.link, on worker threads now */
	struct inotify *inotify; /* core/loop/inotify.h; NULL: nobody has wanted it yet */
	struct apart *apart;     /* loop_work_apart(); NULL: nobody has wanted it yet */
};

int loop_open(struct loop *loop, enum loop_clock clock, struct error *err);

/* Closes our handles, runs the loop until every handle is closed and checks that nothing is left.
 */
void loop_close(struct loop *loop);

/* Milliseconds since boot, suspend included (or the virtual clock). Never goes back. Starts above
 * 0. */
uint64_t loop_now_ms(const struct loop *loop);

/* The wall clock, milliseconds since the epoch: for what is shown, and to compare with what was
 * stored of it. Anybody may set it. With a virtual clock it keeps step with that. */
int64_t loop_wall_ms(const struct loop *loop);

/* Runs the real loop until nothing is left to do. */
void loop_run(struct loop *loop);

/* Work for the next turn of the loop, embedded in its owner. */
struct deferred {
	struct list link;
	void (*run)(struct deferred *deferred);
};

/* Does nothing when it is queued already. Deferred work runs in the order in which it was queued.
 */
void loop_defer(struct loop *loop, struct deferred *deferred, void (*run)(struct deferred *));
void deferred_cancel(struct deferred *deferred);

/* A one-shot timer; starting one that runs moves it. Accuracy is 1 ms, never early. */
void timer_start_at(struct loop *loop, struct timer *timer, uint64_t due_ms, timer_fn fn);
void timer_start(struct loop *loop, struct timer *timer, uint64_t after_ms, timer_fn fn);
void timer_stop(struct timer *timer);

/*
 * Bounded blocking work (namespaces, fsync, cgroup files, hashing) on libuv's pool, embedded in its
 * owner.
 * @run: on a worker thread, must touch nothing but what the owner set aside for it. @done: on the
 * loop's thread, later. On the virtual clock @run happens on the next turn, on the loop's thread.
 */
struct work;
typedef void (*work_fn)(struct work *work);

struct work {
	struct list link;
	struct deferred deferred; /* virtual clock */
	uv_work_t uv;
	work_fn run, done;
	/* In place of @done, of work that was left behind when the loop has closed: on any thread,
	 * to free what is its alone. NULL: all that stays. */
	work_fn lost;
	struct apart *apart; /* while it is on a thread of its own */
	bool left_behind;
};

void loop_work(struct loop *loop, struct work *work, work_fn run, work_fn done);

/*
 * The same on a thread of its own, for work that may wait long, or for ever, for what others named:
 * libuv's few threads are for our own files, and never wait behind it.
 */
void loop_work_apart(struct loop *loop, struct work *work, work_fn run, work_fn done);

/*
 * Nobody waits for work that was given to loop_work_apart() any more: neither its owner nor
 * loop_close(). @done still runs if it ends while the loop does; else @lost does, or what it uses
 * must stay for ever.
 */
void loop_leave_behind(struct loop *loop, struct work *work);

/* Whether some work of loop_work_apart() is under way, waited for or not. */
bool loop_works_apart(const struct loop *loop);
