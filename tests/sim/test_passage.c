/* SPDX-License-Identifier: Apache-2.0 */
/* Whether packets of spaces come through the host, as it is asked and told: on fake drivers and a
 * virtual clock. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "core/passage/passage.h"
#include "tests/fake/host.h"

enum {
	MANY = 300,
	AT_ONCE = 16,
	ALWAYS = 1000000,
	HALF_AN_HOUR_MS = 30 * 60 * 1000,
	SWEEPS_MAX = 4
};

static const char space_key[] = "default/s00", cell_key[] = "default/s00/default/c";

/* Spaces with a cell each. */
static void start(struct sim *sim, uint64_t seed, unsigned n)
{
	AUTO_BUF struct buf text = { 0 };

	for (unsigned i = 0; i < n; i++)
		buf_printf(&text,
			   "---\napiVersion: v1beta1\nkind: Space\nmetadata: {name: s%02u}\n"
			   "---\napiVersion: v1beta1\nkind: Cell\nmetadata: {name: c}\n"
			   "spec: {spaceId: s%02u, containers: [{id: a, image: img}]}\n",
			   i, i);
	sim_init(sim, seed);
	sim_start(sim);
	sim_file(sim, "all.yaml", text.data);
	sim_scanned(sim);
	assert_true(sim_settle(sim));
	sim->world.probes = 0;
	sim->world.probed = 0;
	sim->world.probed_most = 0;
}

static void finish(struct sim *sim)
{
	if (sim->world.violations)
		fail_msg("seed %llu: %s", (unsigned long long)sim->seed, sim->world.violation);
	sim_fini(sim);
}

static void lose(struct sim *sim, unsigned times)
{
	sim->world.blocked = space_key;
	sim->world.losses = times;
}

static enum reason reason_of(struct sim *sim, const char *key)
{
	return engine_find(&sim->engine, key)->status.reason;
}

static void test_told_and_taken_back(void **state UNUSED)
{
	struct sim sim;

	start(&sim, 1, 3);
	lose(&sim, ALWAYS);
	passage_mark_stale(&sim.engine);
	sim_run(&sim, 2000);
	assert_int_equal(reason_of(&sim, space_key), REASON_TRAFFIC_BLOCKED);
	assert_string_equal(engine_find(&sim.engine, space_key)->status.message,
			    "cell to out: dropped; what helps: let it pass");
	assert_int_equal(sim_state(&sim, space_key), API__STATE__STATE_READY);
	assert_int_equal(sim_state(&sim, cell_key), API__STATE__STATE_READY);
	assert_int_equal(reason_of(&sim, "default/s01"), REASON_NONE);
	lose(&sim, 0);
	passage_mark_stale(&sim.engine);
	sim_run(&sim, 1000);
	assert_int_equal(reason_of(&sim, space_key), REASON_NONE);
	finish(&sim);
}

/* "s00-b" stands between "s00" and what is below that. */
static void test_names_that_begin_alike(void **state UNUSED)
{
	static const char other[] =
		"---\napiVersion: v1beta1\nkind: Space\nmetadata: {name: s00-b}\n"
		"---\napiVersion: v1beta1\nkind: Cell\nmetadata: {name: c}\n"
		"spec: {spaceId: s00-b, containers: [{id: a, image: img}]}\n";
	struct sim sim;

	start(&sim, 4, 3);
	sim_file(&sim, "other.yaml", other);
	sim_scanned(&sim);
	assert_true(sim_settle(&sim));
	sim_run(&sim, 10 * 1000);
	assert_true(passage_is_known(&sim.engine));
	sim.world.blocked = "default/s00-b";
	sim.world.losses = ALWAYS;
	passage_mark_stale(&sim.engine);
	sim_run(&sim, 2000);
	assert_int_equal(reason_of(&sim, "default/s00-b"), REASON_TRAFFIC_BLOCKED);
	finish(&sim);
}

/* Not all that takes it away tells of itself. */
static void test_asked_again_while_blocked(void **state UNUSED)
{
	struct sim sim;

	start(&sim, 2, 3);
	lose(&sim, ALWAYS);
	passage_mark_stale(&sim.engine);
	sim_run(&sim, 2000);
	assert_int_equal(reason_of(&sim, space_key), REASON_TRAFFIC_BLOCKED);
	lose(&sim, 0);
	sim_run(&sim, 12 * 1000);
	assert_int_equal(reason_of(&sim, space_key), REASON_NONE);
	finish(&sim);
}

static void test_one_loss_is_none(void **state UNUSED)
{
	struct sim sim;

	start(&sim, 3, 3);
	lose(&sim, 1);
	passage_mark_stale(&sim.engine);
	for (int i = 0; i < 100; i++) {
		sim_run(&sim, 100);
		assert_int_equal(reason_of(&sim, space_key), REASON_NONE);
	}
	finish(&sim);
}

/* What changes between two losses makes them two first ones; for some time. */
static void test_changes_between(void **state UNUSED)
{
	struct sim sim;

	start(&sim, 4, 3);
	lose(&sim, 2);
	for (int i = 0; i < 40; i++) {
		passage_mark_stale(&sim.engine);
		sim_run(&sim, 150);
		assert_int_equal(reason_of(&sim, space_key), REASON_NONE);
	}
	lose(&sim, ALWAYS);
	for (int i = 0; i < 200; i++) {
		passage_mark_stale(&sim.engine);
		sim_run(&sim, 150);
	}
	assert_int_equal(reason_of(&sim, space_key), REASON_TRAFFIC_BLOCKED);
	finish(&sim);
}

/* A row of changes is answered when it is over, and within moments when it never is. */
static void test_rows(void **state UNUSED)
{
	struct sim sim;

	start(&sim, 5, 3);
	for (int i = 0; i < 10; i++) {
		passage_mark_stale(&sim.engine);
		sim_run(&sim, 100);
	}
	assert_int_equal(sim.world.probes, 0);
	sim_run(&sim, 1000);
	assert_int_equal(sim.world.probes, 1);
	for (int i = 0; i < 600; i++) {
		passage_mark_stale(&sim.engine);
		sim_run(&sim, 100);
	}
	assert_in_range(sim.world.probes, 25, 40); /* in a minute */
	finish(&sim);
}

/* A change costs the same with few spaces and with many; in time all are asked. */
static void test_many(void **state UNUSED)
{
	struct sim sim;

	start(&sim, 6, MANY);
	assert_int_equal(sim.engine.passage->left, 0);
	passage_mark_stale(&sim.engine);
	sim_run(&sim, 3000);
	assert_int_equal(sim.world.probed, AT_ONCE);
	lose(&sim, ALWAYS);
	sim_run(&sim, 120 * 1000);
	assert_int_equal(sim.world.probed_most, AT_ONCE);
	assert_true(sim.world.probed >= MANY);
	/* Those in doubt come first. */
	sim_run(&sim, 120 * 1000);
	passage_mark_stale(&sim.engine);
	sim_run(&sim, 120 * 1000);
	assert_int_equal(reason_of(&sim, space_key), REASON_TRAFFIC_BLOCKED);
	lose(&sim, 0);
	passage_mark_stale(&sim.engine);
	sim_run(&sim, 1000);
	assert_int_equal(reason_of(&sim, space_key), REASON_NONE);
	finish(&sim);
}

/* The one that rules speak of comes first, however many there are. */
static void test_named(void **state UNUSED)
{
	static const char key[] = "default/s95"; /* few have a bridge of that name here */
	struct sim sim;

	start(&sim, 12, MANY);
	sim.world.blocked = key;
	sim.world.losses = ALWAYS;
	passage_mark_rules_stale(&sim.engine, engine_find(&sim.engine, key)->backing.space.bridge);
	passage_mark_rules_stale(&sim.engine, "kuke-unknown");
	sim_run(&sim, 3000);
	assert_int_equal(reason_of(&sim, key), REASON_TRAFFIC_BLOCKED);
	assert_int_equal(sim.world.probed_most, AT_ONCE);
	finish(&sim);
}

/* Nothing is asked while nothing changes and everything passes, but by the sweep of the host. */
static void test_idle(void **state UNUSED)
{
	struct sim sim;

	start(&sim, 7, 3);
	sim_run(&sim, HALF_AN_HOUR_MS);
	assert_in_range(sim.world.probes, 1, SWEEPS_MAX);
	finish(&sim);
}

/* Who looks is told soon of what told nothing of itself; and looks as often as he likes. */
static void test_looked_at(void **state UNUSED)
{
	struct sim sim;

	start(&sim, 11, 3);
	lose(&sim, ALWAYS);
	passage_refresh(&sim.engine);
	sim_run(&sim, 1000);
	assert_int_equal(reason_of(&sim, space_key), REASON_TRAFFIC_BLOCKED);
	lose(&sim, 0);
	sim_run(&sim, 20 * 1000);
	sim.world.probes = 0;
	for (int i = 0; i < 200; i++) {
		passage_refresh(&sim.engine);
		sim_run(&sim, 100);
	}
	assert_in_range(sim.world.probes, 8, 11); /* in 20 s */
	finish(&sim);
}

/* What the host keeps for itself is a remark. */
static void test_shut(void **state UNUSED)
{
	struct sim sim;

	start(&sim, 8, 2);
	sim.world.shut = true;
	passage_mark_stale(&sim.engine);
	sim_run(&sim, 2000);
	assert_int_equal(reason_of(&sim, space_key), REASON_HOST_SHUT);
	assert_int_equal(sim_state(&sim, space_key), API__STATE__STATE_READY);
	finish(&sim);
}

static void test_impossible(void **state UNUSED)
{
	struct sim sim;

	start(&sim, 9, 2);
	lose(&sim, ALWAYS);
	passage_mark_stale(&sim.engine);
	sim_run(&sim, 2000);
	assert_int_equal(reason_of(&sim, space_key), REASON_TRAFFIC_BLOCKED);
	sim.world.unprobable = true;
	passage_mark_stale(&sim.engine);
	sim_run(&sim, 2000);
	assert_int_equal(reason_of(&sim, space_key), REASON_NONE);
	assert_string_equal(sim.engine.passage->impossible, "this kernel takes no program");
	sim.world.probes = 0;
	sim_run(&sim, HALF_AN_HOUR_MS);
	assert_in_range(sim.world.probes, 1, SWEEPS_MAX);
	finish(&sim);
}

/* The verdict goes with the cells that it is of. */
static void test_cells_go(void **state UNUSED)
{
	struct sim sim;

	start(&sim, 10, 1);
	lose(&sim, ALWAYS);
	passage_mark_stale(&sim.engine);
	sim_run(&sim, 2000);
	assert_int_equal(reason_of(&sim, space_key), REASON_TRAFFIC_BLOCKED);
	sim_file(&sim, "all.yaml", "apiVersion: v1beta1\nkind: Space\nmetadata: {name: s00}\n");
	sim_scanned(&sim);
	assert_true(sim_settle(&sim));
	assert_int_equal(reason_of(&sim, space_key), REASON_NONE);
	finish(&sim);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_told_and_taken_back),
		cmocka_unit_test(test_names_that_begin_alike),
		cmocka_unit_test(test_asked_again_while_blocked),
		cmocka_unit_test(test_one_loss_is_none),
		cmocka_unit_test(test_changes_between),
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_named),
		cmocka_unit_test(test_idle),
		cmocka_unit_test(test_looked_at),
		cmocka_unit_test(test_shut),
		cmocka_unit_test(test_impossible),
		cmocka_unit_test(test_cells_go),
	};

	return cmocka_run_group_tests_name("passage", tests, NULL, NULL);
}
