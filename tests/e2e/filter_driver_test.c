/* SPDX-License-Identifier: Apache-2.0 */
/* The driver's packet filter against the real kernel: what many spaces cost, and that our own
 * changes are told from those of another hand. Prints what it measures. */
#include "drivers/nft/nft.h"
#include "tests/e2e/filter_fixture.h"

enum { SPACES = 300, SAMPLES = 15 };

/* Of adding one to @n spaces. */
static double cost_of_one_more(struct fixture *f, size_t n)
{
	double took[SAMPLES];

	for (int i = 0; i < SAMPLES; i++) {
		apply_spaces(f, n);
		took[i] = apply_spaces(f, n + 1);
	}
	return median(took, SAMPLES);
}

static uint32_t generation(void)
{
	struct error err;
	uint32_t now = 0;

	if (nft_generation(&now, &err) < 0)
		fail_msg("%s", err.msg);
	return now;
}

static void test_many_spaces(void **state)
{
	struct fixture *f = *state;
	uint32_t before = generation();
	double whole = apply_spaces(f, SPACES), second, last;

	assert_int_equal(generation() - before, 1); /* one transaction */
	apply_spaces(f, 1);
	second = cost_of_one_more(f, 1);
	last = cost_of_one_more(f, SPACES);
	print_message("  %d spaces at once: %.1f ms; the 2nd: %.2f ms, the %dst: %.2f ms\n", SPACES,
		      whole, second, SPACES + 1, last);
	assert_true(last <= 2 * second);
	apply_spaces(f, 0);
	assert_int_equal(f->disturbed, 0);
}

/* Told from another hand's: never of our own, always of theirs. */
static void test_another_hand(void **state)
{
	struct fixture *f = *state;
	struct strv tables = { 0 };
	struct error err;

	apply_spaces(f, 2);
	for (unsigned i = 1; i <= 5; i++) {
		assert_int_equal(nft_list_tables(&tables, &err), 0);
		assert_int_equal(tables.n, 1);
		assert_int_equal(nft_delete_table(tables.items[0], &err), 0);
		strv_fini(&tables);
		while (f->disturbed < i)
			uv_run(&f->loop.uv, UV_RUN_ONCE);
		apply_spaces(f, 2 + i);
		uv_run(&f->loop.uv, UV_RUN_NOWAIT);
		assert_int_equal(f->disturbed, i);
	}
	apply_spaces(f, 0);
	assert_int_equal(nft_list_tables(&tables, &err), 0);
	assert_int_equal(tables.n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_many_spaces, setup, teardown),
		cmocka_unit_test_setup_teardown(test_another_hand, setup, teardown),
	};

	return run_network_tests(tests, ARRAY_SIZE(tests));
}
