/* SPDX-License-Identifier: Apache-2.0 */
#include "core/loop/loop_test.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "core/base/buf.h"
#include "core/loop/call.h"

enum { SOON_MS = 5, NEVER_MS = 60 * 60 * 1000 };

/* What happened, in order: every callback adds its letter. */
struct fixture {
	struct loop loop;
	struct buf said;
};

struct thing {
	struct fixture *f;
	char letter;
	struct deferred deferred;
	struct timer timer;
	struct call call;
	struct work work;
	struct thing *again; /* deferred by this one */
	uint64_t fired_ms;
	bool ran;
};

static void say(struct thing *thing)
{
	buf_add(&thing->f->said, &thing->letter, 1);
}

static void assert_said(struct fixture *f, const char *expected)
{
	AUTO_FREE char *said = buf_take(&f->said);

	assert_string_equal(said, expected);
}

static void open_loop(struct fixture *f, enum loop_clock clock)
{
	*f = (struct fixture){ 0 };
	assert_int_equal(loop_open(&f->loop, clock, NULL), 0);
}

static void close_loop(struct fixture *f)
{
	buf_fini(&f->said);
	loop_close(&f->loop);
}

/* One turn of a real loop that has something to do. */
static void turn(struct fixture *f)
{
	uv_run(&f->loop.uv, UV_RUN_ONCE);
}

static void on_busy(uv_idle_t *idle UNUSED)
{
}

/* A timer does not keep the loop alive, so something else has to. */
static void wait_for(struct fixture *f, const bool *done)
{
	uv_idle_t busy;

	uv_idle_init(&f->loop.uv, &busy);
	uv_idle_start(&busy, on_busy);
	while (!*done) {
		uv_run(&f->loop.uv, UV_RUN_NOWAIT);
		usleep(100);
	}
	uv_close((uv_handle_t *)&busy, NULL);
	uv_run(&f->loop.uv, UV_RUN_NOWAIT);
}

/* ---- deferred ---- */

static void on_deferred(struct deferred *deferred)
{
	struct thing *thing = container_of(deferred, struct thing, deferred);

	say(thing);
	if (thing->again)
		loop_defer(&thing->f->loop, &thing->again->deferred, on_deferred);
}

static void test_deferred_keeps_its_order(void **state UNUSED)
{
	struct fixture f;
	struct thing a = { .f = &f, .letter = 'a' }, b = { .f = &f, .letter = 'b' },
		     c = { .f = &f, .letter = 'c' };

	open_loop(&f, LOOP_CLOCK_BOOTTIME);
	loop_defer(&f.loop, &b.deferred, on_deferred);
	loop_defer(&f.loop, &a.deferred, on_deferred);
	loop_defer(&f.loop, &c.deferred, on_deferred);
	loop_defer(&f.loop, &b.deferred, on_deferred); /* is queued already */
	deferred_cancel(&c.deferred);
	deferred_cancel(&c.deferred);
	assert_said(&f, "");
	turn(&f);
	assert_said(&f, "ba");
	close_loop(&f);
}

/* What is deferred while the queue is drained waits for the next turn. */
static void test_deferred_swaps(void **state UNUSED)
{
	struct fixture f;
	struct thing a = { .f = &f, .letter = 'a' }, b = { .f = &f, .letter = 'b' };

	open_loop(&f, LOOP_CLOCK_BOOTTIME);
	a.again = &a;
	loop_defer(&f.loop, &a.deferred, on_deferred);
	loop_defer(&f.loop, &b.deferred, on_deferred);
	turn(&f);
	assert_said(&f, "ab");
	a.again = NULL;
	turn(&f);
	assert_said(&f, "a");
	assert_false(uv_loop_alive(&f.loop.uv)); /* an idle loop does not turn */
	close_loop(&f);
}

/* ---- timers ---- */

static void on_timer(struct timer *timer)
{
	struct thing *thing = container_of(timer, struct thing, timer);

	assert_false(timer_active(timer));
	thing->fired_ms = loop_now_ms(&thing->f->loop);
	thing->ran = true;
	say(thing);
}

static void start_at(struct thing *thing, uint64_t due_ms)
{
	timer_start_at(&thing->f->loop, &thing->timer, due_ms, on_timer);
}

static void test_timers_in_order(void **state UNUSED)
{
	struct fixture f;
	struct thing a = { .f = &f, .letter = 'a' }, b = { .f = &f, .letter = 'b' },
		     c = { .f = &f, .letter = 'c' };
	struct thing d = { .f = &f, .letter = 'd' };

	open_loop(&f, LOOP_CLOCK_VIRTUAL);
	start_at(&a, 3000);
	start_at(&b, 2000);
	start_at(&c, 2000); /* after b: it was asked later */
	start_at(&d, 2500);
	start_at(&a, 1500); /* moved to the front */
	timer_stop(&d.timer);
	timer_stop(&d.timer);
	assert_false(timer_active(&d.timer));
	loop_run_virtual(&f.loop, 1499);
	assert_said(&f, "");
	assert_int_equal(loop_now_ms(&f.loop), 1499);
	loop_run_virtual(&f.loop, 5000);
	assert_said(&f, "abc");
	assert_int_equal(a.fired_ms, 1500);
	assert_int_equal(c.fired_ms, 2000);
	assert_int_equal(loop_now_ms(&f.loop), 5000);
	start_at(&d, 10); /* long past */
	loop_run_virtual(&f.loop, 5000);
	assert_said(&f, "d");
	assert_int_equal(d.fired_ms, 5000);
	close_loop(&f);
}

static void on_rearm(struct timer *timer)
{
	struct thing *thing = container_of(timer, struct thing, timer);

	say(thing);
	if (thing->again)
		timer_start(&thing->f->loop, timer, 1000, on_rearm);
}

static void test_timer_starts_itself_again(void **state UNUSED)
{
	struct fixture f;
	struct thing a = { .f = &f, .letter = 'a' };

	open_loop(&f, LOOP_CLOCK_VIRTUAL);
	a.again = &a;
	timer_start_at(&f.loop, &a.timer, 1000, on_rearm);
	loop_run_virtual(&f.loop, 3999);
	assert_said(&f, "aaa");
	a.again = NULL;
	loop_run_virtual(&f.loop, 10000);
	assert_said(&f, "a");
	close_loop(&f);
}

static void test_real_timers(void **state UNUSED)
{
	struct fixture f;
	struct thing a = { .f = &f, .letter = 'a' }, b = { .f = &f, .letter = 'b' },
		     c = { .f = &f, .letter = 'c' };
	uint64_t begin_ms;

	open_loop(&f, LOOP_CLOCK_BOOTTIME);
	begin_ms = loop_now_ms(&f.loop);
	assert_true(begin_ms > 0);
	timer_start(&f.loop, &c.timer, NEVER_MS, on_timer);
	timer_start(&f.loop, &b.timer, 2 * SOON_MS, on_timer);
	timer_start(&f.loop, &a.timer, SOON_MS, on_timer);
	wait_for(&f, &b.ran);
	assert_said(&f, "ab");
	assert_true(a.fired_ms >= begin_ms + SOON_MS &&
		    b.fired_ms >= begin_ms + 2 * SOON_MS); /* never early */
	timer_stop(&c.timer);
	assert_int_equal(f.loop.armed_for_ms, 0); /* an idle daemon never wakes */
	close_loop(&f);
}

/* ---- calls ---- */

static void on_done(struct call *call)
{
	struct thing *thing = container_of(call, struct thing, call);

	assert_false(call->pending);
	say(thing);
	if (thing->again) { /* a finished call may be started again from its own done */
		thing->again = NULL;
		call_init(call, &thing->f->loop, on_done);
		call_complete(call, 0, NULL);
	}
}

static void test_call_ends_later(void **state UNUSED)
{
	struct fixture f;
	struct thing a = { .f = &f, .letter = 'a' };

	open_loop(&f, LOOP_CLOCK_VIRTUAL);
	a.again = &a;
	call_init(&a.call, &f.loop, on_done);
	call_complete(&a.call, 0, NULL);
	assert_said(&f, ""); /* never from inside start */
	assert_true(a.call.pending);
	loop_run_virtual(&f.loop, 1000);
	assert_said(&f, "aa");
	assert_int_equal(a.call.status, 0);
	close_loop(&f);
}

static void test_call_carries_its_error(void **state UNUSED)
{
	struct error told = { .code = -EIO, .msg = "the disk is wet" };
	struct fixture f;
	struct thing a = { .f = &f, .letter = 'a' };

	open_loop(&f, LOOP_CLOCK_VIRTUAL);
	call_init(&a.call, &f.loop, on_done);
	call_complete(&a.call, -ENOENT, &told);
	loop_run_virtual(&f.loop, 1000);
	assert_int_equal(a.call.status, -ENOENT);
	assert_int_equal(a.call.err.code, -ENOENT);
	assert_string_equal(a.call.err.msg, "the disk is wet");
	call_init(&a.call, &f.loop, on_done);
	call_complete(&a.call, -ETIMEDOUT, NULL);
	loop_run_virtual(&f.loop, 1000);
	assert_string_equal(a.call.err.msg, strerror(ETIMEDOUT));
	assert_said(&f, "aa");
	close_loop(&f);
}

/* ---- work ---- */

static void run_work(struct work *work)
{
	container_of(work, struct thing, work)->letter++;
}

static void on_work_done(struct work *work)
{
	struct thing *thing = container_of(work, struct thing, work);

	thing->ran = true;
	say(thing);
}

static void test_work(void **state UNUSED)
{
	static const enum loop_clock clocks[] = { LOOP_CLOCK_BOOTTIME, LOOP_CLOCK_VIRTUAL };

	for (size_t i = 0; i < ARRAY_SIZE(clocks); i++) {
		struct fixture f;
		struct thing a = { .f = &f, .letter = 'a' };

		open_loop(&f, clocks[i]);
		loop_work(&f.loop, &a.work, run_work, on_work_done);
		assert_false(a.ran);
		if (clocks[i] == LOOP_CLOCK_VIRTUAL)
			loop_run_virtual(&f.loop, 1000);
		else
			wait_for(&f, &a.ran);
		assert_said(&f, "b");
		close_loop(&f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_deferred_keeps_its_order),
		cmocka_unit_test(test_deferred_swaps),
		cmocka_unit_test(test_timers_in_order),
		cmocka_unit_test(test_timer_starts_itself_again),
		cmocka_unit_test(test_real_timers),
		cmocka_unit_test(test_call_ends_later),
		cmocka_unit_test(test_call_carries_its_error),
		cmocka_unit_test(test_work),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
