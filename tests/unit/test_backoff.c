/* SPDX-License-Identifier: Apache-2.0 */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "core/base/backoff.h"

static void test_doubles_up_to_the_last(void **state)
{
	static const struct {
		struct backoff backoff;
		unsigned before;
		uint64_t pause_ms;
	} rows[] = {
		{ { 10, 500 }, 0, 10 },
		{ { 10, 500 }, 1, 20 },
		{ { 10, 500 }, 5, 320 },
		{ { 10, 500 }, 6, 500 },
		{ { 10, 500 }, 7, 500 },
		{ { 10, 500 }, UINT_MAX, 500 },
		{ { 500, 500 }, 0, 500 },
		{ { 500, 500 }, 9, 500 },
		{ { 1000, 500 }, 0, 500 }, /* the last one is never passed */
		{ { 1, UINT64_MAX / 4 }, UINT_MAX, UINT64_MAX / 4 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		assert_int_equal(backoff_ms(&rows[i].backoff, rows[i].before), rows[i].pause_ms);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_doubles_up_to_the_last),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
