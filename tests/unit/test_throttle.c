/* SPDX-License-Identifier: Apache-2.0 */
#include "core/state/throttle.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { PROCESSORS = 2, LIMIT = 24, NOW_MS = 1000 };

static void test_limit(void **state UNUSED)
{
	struct ticket tickets[LIMIT + 2] = { 0 };
	struct throttle throttle;

	throttle_init(&throttle, PROCESSORS);
	for (uint64_t i = 0; i < LIMIT; i++) {
		assert_true(throttle_may_begin(&throttle, NOW_MS));
		assert_int_equal(throttle_again_ms(&throttle), 0);
		throttle_begin(&throttle, &tickets[i], NOW_MS + i);
		throttle_begin(&throttle, &tickets[i], NOW_MS + i); /* repeated, it is one */
	}
	assert_false(throttle_may_begin(&throttle, NOW_MS + LIMIT));
	throttle_end(&throttle, &tickets[5]);
	throttle_end(&throttle, &tickets[5]);
	assert_true(throttle_may_begin(&throttle, NOW_MS + LIMIT));
	throttle_begin(&throttle, &tickets[LIMIT], NOW_MS + LIMIT);
	assert_false(throttle_may_begin(&throttle, NOW_MS + LIMIT));
}

static void test_patience(void **state UNUSED)
{
	struct ticket tickets[LIMIT + 1] = { 0 };
	struct throttle throttle;
	uint64_t later_ms = NOW_MS + THROTTLE_PATIENCE_MS;

	throttle_init(&throttle, PROCESSORS);
	for (uint64_t i = 0; i < LIMIT; i++)
		throttle_begin(&throttle, &tickets[i], NOW_MS + i);
	assert_int_equal(throttle_again_ms(&throttle), later_ms);
	assert_false(throttle_may_begin(&throttle, later_ms - 1));
	assert_true(throttle_may_begin(&throttle, later_ms));
	throttle_begin(&throttle, &tickets[LIMIT], later_ms);
	assert_false(tickets[0].begun);
	assert_int_equal(throttle.n, LIMIT);
	assert_int_equal(throttle_again_ms(&throttle), later_ms + 1);
}

static void test_first_come_first_served(void **state UNUSED)
{
	struct ticket a = { 0 }, b = { 0 };
	struct throttle throttle;

	throttle_init(&throttle, PROCESSORS);
	assert_null(throttle_first_waiting(&throttle));
	throttle_wait(&throttle, &a);
	throttle_wait(&throttle, &b);
	throttle_wait(&throttle, &a); /* keeps its place */
	assert_ptr_equal(throttle_first_waiting(&throttle), &a);
	throttle_begin(&throttle, &a, NOW_MS);
	assert_ptr_equal(throttle_first_waiting(&throttle), &b);
	throttle_end(&throttle, &b);
	assert_null(throttle_first_waiting(&throttle));
	assert_int_equal(throttle.n, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_patience),
		cmocka_unit_test(test_first_come_first_served),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
