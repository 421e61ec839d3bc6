/* SPDX-License-Identifier: Apache-2.0 */
/* The network driver: many cells of one space at once. Prints what it measures. */
#include <errno.h>

#include "tests/e2e/network_fixture.h"

enum { MANY_CELLS = 20 };

/* All at once, and closed in the middle the second time. */
static void test_many_cells(void **state)
{
	struct fixture *f = *state;
	struct waited waited[MANY_CELLS];
	struct attachment_fact facts[MANY_CELLS] = { 0 };
	char keys[MANY_CELLS][64];
	double start_ms;

	ensure_space(f, SPACE);
	for (int i = 0; i < MANY_CELLS; i++) {
		snprintf(keys[i], sizeof(keys[i]), "main/web/app/c%d", i);
		f->network->ops->create_netns(f->network, keys[i], waited_init(&waited[i], f));
	}
	start_ms = now_ms();
	for (int i = 0; i < MANY_CELLS; i++)
		assert_int_equal(wait_for(&waited[i], f), 0);
	print_message("  %d namespaces: %.1f ms\n", MANY_CELLS, now_ms() - start_ms);
	start_ms = now_ms();
	for (int i = 0; i < MANY_CELLS; i++)
		f->network->ops->attach(f->network, &(struct attach_request){ .cell_key = keys[i] },
					&facts[i], waited_init(&waited[i], f));
	for (int i = 0; i < MANY_CELLS; i++)
		assert_int_equal(wait_for(&waited[i], f), 0);
	print_message("  %d attaches at once: %.1f ms\n", MANY_CELLS, now_ms() - start_ms);
	for (int i = 0; i < MANY_CELLS; i++)
		for (int k = 0; k < i; k++)
			assert_string_not_equal(facts[i].ip, facts[k].ip);
	start_ms = now_ms();
	for (int i = 0; i < MANY_CELLS; i++)
		f->network->ops->detach(f->network, keys[i], waited_init(&waited[i], f));
	for (int i = 0; i < MANY_CELLS; i++)
		assert_int_equal(wait_for(&waited[i], f), 0);
	print_message("  %d detaches at once: %.1f ms\n", MANY_CELLS, now_ms() - start_ms);
	for (int i = 0; i < MANY_CELLS; i++)
		attachment_fact_fini(&facts[i]);

	for (int i = 0; i < MANY_CELLS; i++)
		assert_int_equal(create_netns(f, keys[i]), 0);
	for (int i = 0; i < MANY_CELLS; i++)
		f->network->ops->attach(f->network, &(struct attach_request){ .cell_key = keys[i] },
					&facts[i], waited_init(&waited[i], f));
	while (!waited[0].done)
		uv_run(&f->loop.uv, UV_RUN_ONCE);
	reopen(f);
	for (int i = 0; i < MANY_CELLS; i++) {
		assert_true(waited[i].done);
		assert_int_equal(detach(f, keys[i]), 0);
		attachment_fact_fini(&facts[i]);
	}
	assert_int_equal(remove_space(f, SPACE), 0);
	assert_nothing_left(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_many_cells, setup, teardown),
	};

	return run_network_tests(tests, ARRAY_SIZE(tests));
}
