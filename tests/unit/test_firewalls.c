/* SPDX-License-Identifier: Apache-2.0 */
/* Who asks the other managers of the packet filter is answered when they are done: no clock is
 * looked at in between. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "core/base/str.h"
#include "core/journal/journal.h"
#include "drivers/firewalls/firewalls.h"

enum { TURNS_MAX = 10 * 1000, SOON_MS = 1000 };

struct fixture {
	char dir[sizeof("/tmp/kukeon-firewalls-XXXXXX")];
	struct loop loop;
	struct journal *journal;
	struct managers *managers;
	struct manager_notes notes;
	struct call call;
	unsigned answers, ends;
};

static void on_answer(struct call *call)
{
	container_of(call, struct fixture, call)->answers++;
}

static void on_end(void *ctx)
{
	((struct fixture *)ctx)->ends++;
}

static void turn(struct fixture *f, const unsigned *counter, unsigned wanted)
{
	for (unsigned n = 0; n < TURNS_MAX && *counter < wanted; n++)
		uv_run(&f->loop.uv, UV_RUN_ONCE);
	assert_int_equal(*counter, wanted);
}

static void expect_no_clock(const struct fixture *f)
{
	struct timer *timer;

	list_for_each(timer, &f->loop.timers, link)
		assert_true(timer->due_ms > loop_now_ms(&f->loop) + SOON_MS);
}

static int setup(void **state)
{
	struct fixture *f = xnew(struct fixture);
	AUTO_FREE char *path = NULL;

	strcpy(f->dir, "/tmp/kukeon-firewalls-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	path = xasprintf("%s/journal", f->dir);
	assert_int_equal(loop_open(&f->loop, LOOP_CLOCK_BOOTTIME, NULL), 0);
	assert_int_equal(journal_open(&f->journal, &f->loop, path, NULL), 0);
	firewalls_open(&f->managers, &f->loop, f->journal);
	call_init(&f->call, &f->loop, on_answer);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	AUTO_FREE char *path = xasprintf("%s/journal", f->dir);

	f->managers->ops->close(f->managers, on_end, f);
	turn(f, &f->ends, 1);
	journal_close(f->journal, on_end, f);
	turn(f, &f->ends, 2);
	loop_close(&f->loop);
	manager_notes_fini(&f->notes);
	unlink(path);
	rmdir(f->dir);
	free(f);
	return 0;
}

static void expect_answer(struct fixture *f, int status)
{
	turn(f, &f->answers, 1);
	assert_int_equal(f->call.status, status);
}

static void test_is_answered_when_all_rest(void **state)
{
	struct fixture *f = *state;

	f->managers->ops->examine(f->managers, false, &f->notes, &f->call);
	assert_int_equal(f->answers, 0);
	expect_no_clock(f);
	expect_answer(f, 0);
}

static void test_a_second_one_is_busy(void **state)
{
	struct fixture *f = *state;
	struct fixture second = { 0 };

	f->managers->ops->examine(f->managers, false, &f->notes, &f->call);
	call_init(&second.call, &f->loop, on_answer);
	f->managers->ops->examine(f->managers, false, &second.notes, &second.call);
	expect_answer(f, 0);
	assert_int_equal(second.answers, 1);
	assert_int_equal(second.call.status, -EBUSY);
}

/* Who waits is told when it ends before they are done. */
static void test_is_cancelled_by_the_end(void **state)
{
	struct fixture *f = *state;

	f->managers->ops->examine(f->managers, false, &f->notes, &f->call);
	f->managers->ops->close(f->managers, on_end, f);
	expect_answer(f, -ECANCELED);
	turn(f, &f->ends, 1);
	f->ends = 0;
	firewalls_open(&f->managers, &f->loop, f->journal);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_is_answered_when_all_rest, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_second_one_is_busy, setup, teardown),
		cmocka_unit_test_setup_teardown(test_is_cancelled_by_the_end, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
