/* SPDX-License-Identifier: Apache-2.0 */
/* Work on threads of its own: it holds up nobody, and need not come back. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>

#include <cmocka.h>

#include "core/loop/loop_test.h"

enum { PIECES = 12, POOL_THREADS = 4 };

/* Waits for the gate, off the loop's thread. */
struct piece {
	struct work work;
	atomic_bool *gate;
	pthread_t *loop_thread;
	bool was_apart, done;
};

static void run_piece(struct work *work)
{
	struct piece *piece = container_of(work, struct piece, work);

	while (piece->gate && !atomic_load(piece->gate))
		usleep(1000);
	piece->was_apart =
		piece->loop_thread && !pthread_equal(pthread_self(), *piece->loop_thread);
}

static void on_done(struct work *work)
{
	container_of(work, struct piece, work)->done = true;
}

static void start(struct loop *loop, struct piece *piece)
{
	loop_work_apart(loop, &piece->work, run_piece, on_done);
}

/* The loop runs as long as work is under way, and no longer. */
static void test_is_done(void **state UNUSED)
{
	pthread_t self = pthread_self();
	struct piece pieces[PIECES] = { 0 };
	struct loop loop;

	assert_int_equal(loop_open(&loop, LOOP_CLOCK_BOOTTIME, NULL), 0);
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < PIECES; i++) {
			pieces[i] = (struct piece){ .loop_thread = &self };
			start(&loop, &pieces[i]);
		}
		assert_true(loop_works_apart(&loop));
		loop_run(&loop);
		for (int i = 0; i < PIECES; i++)
			assert_true(pieces[i].done && pieces[i].was_apart);
		assert_false(loop_works_apart(&loop));
	}
	loop_close(&loop);
}

/* More than libuv has threads wait: what is ours goes on. */
static void test_holds_up_nobody(void **state UNUSED)
{
	atomic_bool gate = false;
	struct piece waiting[PIECES] = { 0 }, ours[POOL_THREADS] = { 0 };
	struct loop loop;
	bool all = false;

	assert_int_equal(loop_open(&loop, LOOP_CLOCK_BOOTTIME, NULL), 0);
	for (int i = 0; i < PIECES; i++) {
		waiting[i].gate = &gate;
		start(&loop, &waiting[i]);
	}
	for (int i = 0; i < POOL_THREADS; i++)
		loop_work(&loop, &ours[i].work, run_piece, on_done);
	while (!all) {
		uv_run(&loop.uv, UV_RUN_ONCE);
		all = true;
		for (int i = 0; i < POOL_THREADS; i++)
			all &= ours[i].done;
	}
	for (int i = 0; i < PIECES; i++)
		assert_false(waiting[i].done);
	atomic_store(&gate, true);
	loop_run(&loop);
	for (int i = 0; i < PIECES; i++)
		assert_true(waiting[i].done);
	loop_close(&loop);
}

static void on_busy(uv_idle_t *idle UNUSED)
{
}

/* One that never comes back is not waited for; one that does while the loop runs is told of. */
static void test_left_behind(void **state UNUSED)
{
	static atomic_bool never, later;
	static struct piece lost, late; /* nobody takes away what they use */
	struct loop loop;
	uv_idle_t busy;

	lost.gate = &never;
	late.gate = &later;
	assert_int_equal(loop_open(&loop, LOOP_CLOCK_BOOTTIME, NULL), 0);
	start(&loop, &lost);
	start(&loop, &late);
	loop_leave_behind(&loop, &lost.work);
	loop_leave_behind(&loop, &late.work);
	loop_leave_behind(&loop, &late.work);
	loop_run(&loop); /* comes back at once */
	assert_true(loop_works_apart(&loop));
	atomic_store(&later, true);
	uv_idle_init(&loop.uv, &busy);
	uv_idle_start(&busy, on_busy);
	while (!late.done)
		uv_run(&loop.uv, UV_RUN_NOWAIT);
	uv_close((uv_handle_t *)&busy, NULL);
	uv_run(&loop.uv, UV_RUN_NOWAIT);
	assert_false(lost.done);
	loop_close(&loop);
	atomic_store(&never, true);
	usleep(20 * 1000); /* it finds nobody to tell */
	assert_false(lost.done);
}

/* On the virtual clock it is done on the next turn, as all work. */
static void test_virtual(void **state UNUSED)
{
	pthread_t self = pthread_self();
	struct piece piece = { .loop_thread = &self };
	struct loop loop;

	assert_int_equal(loop_open(&loop, LOOP_CLOCK_VIRTUAL, NULL), 0);
	start(&loop, &piece);
	assert_false(piece.done);
	loop_run_virtual(&loop, loop_now_ms(&loop));
	assert_true(piece.done && !piece.was_apart);
	loop_close(&loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_is_done),
		cmocka_unit_test(test_holds_up_nobody),
		cmocka_unit_test(test_left_behind),
		cmocka_unit_test(test_virtual),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
