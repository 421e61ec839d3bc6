/* SPDX-License-Identifier: Apache-2.0 */
/* Listings that fail, or that do not show all: what was seen counts, the cause is said, nothing
 * that runs is touched. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "core/reconcile/relist.h"
#include "tests/fake/host.h"

enum { LONG_MS = 40 * 1000 };

#define WEB "default/default/default/web"
#define FAR "far/default/default/api"

static const char both[] = "apiVersion: v1beta1\nkind: Cell\nmetadata: {name: web}\n"
			   "spec: {containers: [{id: a, image: img}]}\n---\n"
			   "apiVersion: v1beta1\nkind: Cell\nmetadata: {name: api}\n"
			   "spec: {realmId: far, containers: [{id: a, image: img}]}\n";

static int setup(void **state)
{
	struct sim *sim = xnew(struct sim);

	sim_init(sim, 1);
	sim_start(sim);
	sim_file(sim, "both.yaml", both);
	sim_scanned(sim);
	sim_run(sim, LONG_MS);
	assert_int_equal(sim_state(sim, WEB), API__STATE__STATE_READY);
	assert_int_equal(sim_state(sim, FAR), API__STATE__STATE_READY);
	*state = sim;
	return 0;
}

static int teardown(void **state)
{
	sim_fini(*state);
	free(*state);
	return 0;
}

static void begin_again(struct sim *sim)
{
	sim_start(sim);
	sim_file(sim, "both.yaml", both);
	sim_scanned(sim);
	sim_run(sim, LONG_MS);
}

static unsigned starts(struct sim *sim)
{
	return world_container(&sim->world, "kukeon-default", "default_default_web_root")->starts +
	       world_container(&sim->world, "kukeon-far", "default_default_api_root")->starts;
}

static void assert_says(struct sim *sim, const char *key, enum reason reason, const char *text)
{
	const struct object *object = engine_find(&sim->engine, key);

	assert_int_equal(object->status.reason, reason);
	if (!strstr(object->status.message, text))
		fail_msg("%s: \"%s\" does not say \"%s\"", key, object->status.message, text);
}

static void assert_recovers(struct sim *sim)
{
	sim->world.unlistable = sim->world.half_listed = NULL;
	sim_run(sim, LONG_MS);
	assert_null(engine_relist_problem(&sim->engine));
	assert_true(list_empty(&sim->engine.relists));
	assert_int_equal(sim_state(sim, WEB), API__STATE__STATE_READY);
	assert_int_equal(sim_state(sim, FAR), API__STATE__STATE_READY);
	assert_int_equal(starts(sim), 2);
}

static void test_the_cause_is_said(void **state)
{
	static const char *const lists[] = { "networks", "cgroups" };
	struct sim *sim = *state;

	for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
		sim_crash(sim);
		sim->world.unlistable = lists[i];
		begin_again(sim);
		assert_non_null(strstr(engine_relist_problem(&sim->engine), "cannot list"));
		assert_says(sim, WEB, REASON_LOOK_FAILED, engine_relist_problem(&sim->engine));
		assert_recovers(sim);
	}
}

/* However often everything is looked at, one of a kind waits to be repeated. */
static void test_repeats_do_not_pile_up(void **state)
{
	struct sim *sim = *state;
	uint64_t acts;

	sim->world.unlistable = "networks";
	for (int i = 0; i < 20; i++)
		relist_all(&sim->engine);
	sim_run(sim, LONG_MS);
	acts = sim->world.acts;
	sim_run(sim, LONG_MS);
	assert_in_range(sim->world.acts - acts, 1, 4);
	assert_int_equal(sim_state(sim, WEB), API__STATE__STATE_READY);
	assert_recovers(sim);
}

static void test_what_was_seen_counts(void **state)
{
	static const char *const lists[] = { "networks", "cgroups" };
	struct sim *sim = *state;

	for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
		relist_all(&sim->engine);
		sim->world.half_listed = lists[i];
		sim_run(sim, LONG_MS);
		assert_int_equal(sim_state(sim, WEB), API__STATE__STATE_READY);
		sim_crash(sim);
		begin_again(sim);
		assert_int_equal(sim_state(sim, WEB), API__STATE__STATE_READY);
		assert_non_null(engine_relist_problem(&sim->engine));
		assert_recovers(sim);
	}
}

/* One realm that cannot be listed holds up nobody else; what is in it is left alone. */
static void test_one_realm(void **state)
{
	struct sim *sim = *state;

	sim_crash(sim);
	sim->world.unlistable = "kukeon-far";
	begin_again(sim);
	assert_int_equal(sim_state(sim, WEB), API__STATE__STATE_READY);
	assert_says(sim, FAR, REASON_LOOK_FAILED, "the answer is too large");
	sim_file_gone(sim, "both.yaml");
	sim_file(sim, "web.yaml", "apiVersion: v1beta1\nkind: Realm\nmetadata: {name: default}\n");
	sim_run(sim, LONG_MS);
	assert_int_equal(
		world_container(&sim->world, "kukeon-far", "default_default_api_root")->fact.task,
		TASK_RUNNING);
	sim->world.unlistable = NULL;
	sim_run(sim, LONG_MS);
	assert_null(engine_find(&sim->engine, FAR));
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_the_cause_is_said),
		TEST(test_repeats_do_not_pile_up),
		TEST(test_what_was_seen_counts),
		TEST(test_one_realm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
