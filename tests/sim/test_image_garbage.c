/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Images that nobody uses, over a limit: which go and when, which stay, and how seldom the daemon
 * looks. The fakes count every removal of an image that is not ours or that runs.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "core/base/fs.h"
#include "core/base/log.h"
#include "core/desired/desired.h"
#include "core/events/event_ring.h"
#include "tests/fake/host.h"
#include "tests/unit/scratch.h"

#define NAMESPACE "kukeon-default"
#define NAME(name) "docker.io/library/" name ":latest"
#define CELL(name, image)                                                                          \
	"---\napiVersion: v1beta1\nkind: Cell\nmetadata: {name: " name "}\n"                       \
	"spec: {containers: [{id: a, image: " image ", stopGracePeriodSeconds: 1}]}\n"

enum { MINUTE_MS = 60 * 1000, HOUR_MS = 60 * MINUTE_MS, DAY_MS = 24 * HOUR_MS };
enum { MIB = 1 << 20, MANY = 150 };

static const struct image_limits two_days = { .max_ms = 2 * DAY_MS };
static const struct image_limits some_bytes = { .max_bytes = 250ULL * MIB };

static void start(struct sim *sim, const struct image_limits *limits)
{
	sim_init(sim, 1);
	sim->limits = *limits;
	sim_start(sim);
}

static void give(struct sim *sim, const char *text)
{
	sim_file(sim, "web.yaml", text);
	sim_scanned(sim);
}

static void add(struct sim *sim, const char *name)
{
	world_add_image(&sim->world, NAMESPACE, name)->size = 100ULL * MIB;
}

static bool there(struct sim *sim, const char *name)
{
	return world_image(&sim->world, NAMESPACE, name);
}

static void finish(struct sim *sim)
{
	if (sim->world.violations)
		fail_msg("%s", sim->world.violation);
	sim_fini(sim);
}

/* What the last event says that images went; "": none does. */
static const char *told(struct sim *sim)
{
	const struct event_ring *ring = &sim->engine.history.ring;

	for (size_t i = ring->n; i-- > 0;)
		if (str_equal(event_ring_at(ring, i)->reason, "ImagesRemoved"))
			return event_ring_at(ring, i)->message;
	return "";
}

/* ---- off ---- */

static void test_off(void **state UNUSED)
{
	const struct image_limits none = { 0 };
	struct sim sim;

	start(&sim, &none);
	add(&sim, NAME("a"));
	give(&sim, CELL("web", "b"));
	sim_run(&sim, 2 * DAY_MS);
	assert_true(there(&sim, NAME("a")));
	assert_int_equal(sim.world.images_listed, 0);
	finish(&sim);
}

/* ---- by age ---- */

static void test_unused_for_days(void **state UNUSED)
{
	struct sim sim;

	start(&sim, &two_days);
	add(&sim, NAME("a"));
	add(&sim, NAME("b"));
	add(&sim, NAME("c"));
	world_image(&sim.world, NAMESPACE, NAME("c"))->ours = false;
	give(&sim, CELL("web", "b"));
	sim_run(&sim, 2 * DAY_MS);
	assert_true(there(&sim, NAME("a")));
	sim_run(&sim, HOUR_MS);
	assert_false(there(&sim, NAME("a")));
	assert_true(there(&sim, NAME("b")) && there(&sim, NAME("c")));
	assert_string_equal(told(&sim), "1 image that no cell uses removed, 100 MiB: " NAME("a"));
	/* after the start and what it brought up, when it is due, and after what that changed */
	assert_in_range(sim.world.images_listed, 2, 4);
	sim_run(&sim, 5 * DAY_MS);
	assert_in_range(sim.world.images_listed, 2, 4);
	finish(&sim);
}

/* Its days begin when its cell goes, not when it was pulled. */
static void test_days_begin_with_the_last_use(void **state UNUSED)
{
	struct sim sim;

	start(&sim, &two_days);
	add(&sim, NAME("a"));
	give(&sim, CELL("web", "a") CELL("b", "b"));
	sim_run(&sim, 3 * DAY_MS);
	give(&sim, CELL("b", "b"));
	sim_run(&sim, 2 * DAY_MS);
	assert_true(there(&sim, NAME("a")));
	give(&sim, CELL("web", "a") CELL("b", "b")); /* used again, for a while */
	sim_run(&sim, HOUR_MS);
	give(&sim, CELL("b", "b"));
	sim_run(&sim, 2 * DAY_MS);
	assert_true(there(&sim, NAME("a")));
	sim_run(&sim, HOUR_MS);
	assert_false(there(&sim, NAME("a")));
	finish(&sim);
}

/* Stopped, or its name stands for another by now: it is used all the same. */
static void test_what_counts_as_use(void **state UNUSED)
{
	struct sim sim;

	start(&sim, &two_days);
	add(&sim, NAME("a"));
	add(&sim, NAME("old"));
	str_replace(&world_image(&sim.world, NAMESPACE, NAME("old"))->digest, "sha256:0 of b");
	give(&sim, CELL("web", "a") CELL("b", "b"));
	sim_run(&sim, MINUTE_MS);
	engine_find(&sim.engine, "default/default/default/web")->cell.run = INTENT_STOP;
	engine_enqueue_all(&sim.engine);
	sim_run(&sim, 5 * DAY_MS);
	assert_true(there(&sim, NAME("a")) && there(&sim, NAME("old")));
	finish(&sim);
}

/* The days are kept over a restart of the daemon. */
static void test_kept(void **state UNUSED)
{
	AUTO_FREE char *dir = xasprintf("%s/test-garbage-XXXXXX", SCRATCH);
	struct sim sim;

	assert_non_null(mkdtemp(dir));
	sim_init(&sim, 1);
	sim.limits = two_days;
	sim.run_path = dir;
	sim_start(&sim);
	add(&sim, NAME("a"));
	add(&sim, NAME("b"));
	give(&sim, CELL("web", "b"));
	for (int day = 0; day < 2; day++) {
		sim_run(&sim, DAY_MS);
		assert_true(there(&sim, NAME("a")));
		sim_crash(&sim);
		sim_start(&sim);
		give(&sim, CELL("web", "b"));
	}
	sim_run(&sim, HOUR_MS);
	assert_false(there(&sim, NAME("a")));
	assert_true(there(&sim, NAME("b")));
	finish(&sim);
	fs_remove_tree(AT_FDCWD, dir, NULL);
}

/* ---- by bytes ---- */

static void test_too_many_bytes(void **state UNUSED)
{
	struct sim sim;

	start(&sim, &some_bytes);
	add(&sim, NAME("a"));
	add(&sim, NAME("b"));
	give(&sim, CELL("one", "a") CELL("two", "b") CELL("web", "c"));
	sim_run(&sim, HOUR_MS);
	give(&sim, CELL("one", "a") CELL("web", "c"));
	sim_run(&sim, HOUR_MS);
	give(&sim, CELL("web", "c"));
	sim_run(&sim, DAY_MS);
	assert_true(there(&sim, NAME("a")) && there(&sim, NAME("b"))); /* both fit */
	add(&sim, NAME("c"));
	fake_image_hint(&sim.world, NAMESPACE);
	sim_run(&sim, HOUR_MS);
	assert_true(there(&sim, NAME("a")) && there(&sim, NAME("c")));
	assert_false(there(&sim, NAME("b"))); /* which is unused for longer */
	finish(&sim);
}

/* It was used a moment ago, and what cannot be helped is left. */
static void test_not_too_young(void **state UNUSED)
{
	struct sim sim;

	start(&sim, &some_bytes);
	add(&sim, NAME("a"));
	add(&sim, NAME("b"));
	add(&sim, NAME("c"));
	give(&sim, CELL("one", "a") CELL("two", "b") CELL("web", "c"));
	sim_run(&sim, DAY_MS);
	give(&sim, CELL("two", "b") CELL("web", "c"));
	sim_run(&sim, HOUR_MS);
	assert_true(there(&sim, NAME("a")));
	sim_run(&sim, HOUR_MS);
	assert_false(there(&sim, NAME("a")));
	assert_int_equal(sim.world.images_removed, 1);
	finish(&sim);
}

/* A second name of what is used frees nothing. */
static void test_second_name(void **state UNUSED)
{
	struct sim sim;

	start(&sim, &some_bytes);
	add(&sim, NAME("a"));
	add(&sim, NAME("b"));
	add(&sim, NAME("c"));
	add(&sim, NAME("d"));
	str_replace(&world_image(&sim.world, NAMESPACE, NAME("a"))->digest,
		    world_image(&sim.world, NAMESPACE, NAME("d"))->digest);
	give(&sim, CELL("web", "d"));
	sim_run(&sim, 2 * HOUR_MS);
	assert_true(there(&sim, NAME("a")) && there(&sim, NAME("d")));
	assert_int_equal(sim.world.images_removed, 1);
	finish(&sim);
}

/* However many there are, one look takes some. */
static void test_many(void **state UNUSED)
{
	struct sim sim;

	start(&sim, &two_days);
	for (int i = 0; i < MANY; i++) {
		AUTO_FREE char *name = xasprintf("registry.example/i%04d:1", i);

		add(&sim, name);
	}
	give(&sim, CELL("web", "b"));
	sim_run(&sim, 2 * DAY_MS + 2 * MINUTE_MS);
	assert_in_range(sim.world.images_removed, 1, MANY / 2);
	sim_run(&sim, HOUR_MS);
	assert_int_equal(sim.world.images_removed, MANY);
	finish(&sim);
}

/* ---- what is not known ---- */

static void test_manifests_are_not_read(void **state UNUSED)
{
	struct sim sim;

	start(&sim, &two_days);
	sim_file(&sim, "web.yaml", CELL("web", "b"));
	add(&sim, NAME("a"));
	sim_run(&sim, 5 * DAY_MS);
	assert_true(there(&sim, NAME("a")));
	sim_scanned(&sim);
	sim_run(&sim, 3 * DAY_MS);
	assert_false(there(&sim, NAME("a")));
	finish(&sim);
}

static void test_containers_cannot_be_listed(void **state UNUSED)
{
	struct sim sim;

	start(&sim, &two_days);
	add(&sim, NAME("a"));
	give(&sim, CELL("web", "b"));
	sim_run(&sim, HOUR_MS);
	sim.world.unlistable = NAMESPACE;
	sim_run(&sim, 5 * DAY_MS);
	assert_true(there(&sim, NAME("a")));
	sim.world.unlistable = NULL;
	sim_run(&sim, DAY_MS);
	assert_false(there(&sim, NAME("a")));
	finish(&sim);
}

static void test_containerd_is_away(void **state UNUSED)
{
	struct sim sim;

	start(&sim, &two_days);
	add(&sim, NAME("a"));
	give(&sim, CELL("web", "b"));
	sim_run(&sim, HOUR_MS);
	world_runtime_down(&sim.world);
	sim_run(&sim, 3 * DAY_MS);
	assert_true(there(&sim, NAME("a")));
	world_runtime_up(&sim.world);
	sim_run(&sim, HOUR_MS);
	assert_false(there(&sim, NAME("a")));
	finish(&sim);
}

/* A cell that comes between two removals: what it wants stays. */
static void test_wanted_meanwhile(void **state UNUSED)
{
	struct sim sim;

	start(&sim, &two_days);
	world_pace(&sim.world, "remove image", MINUTE_MS, 0);
	add(&sim, NAME("a"));
	add(&sim, NAME("b"));
	give(&sim, CELL("web", "c"));
	sim_run(&sim, 2 * DAY_MS + MINUTE_MS + MINUTE_MS / 2);
	assert_true(there(&sim, NAME("a")) && there(&sim, NAME("b")));
	give(&sim, CELL("web", "c") CELL("two", "b"));
	sim_run(&sim, DAY_MS);
	assert_false(there(&sim, NAME("a")));
	assert_true(there(&sim, NAME("b")));
	finish(&sim);
}

/* ---- every act of it fails, hangs or is the daemon's last ---- */

static bool has_died(struct sim *sim)
{
	return sim->world.daemon_died;
}

static uint64_t play_life(const struct world_fault *fault)
{
	struct sim sim;
	uint64_t acts;

	sim_init(&sim, 1);
	sim.limits.max_ms = HOUR_MS;
	if (fault)
		sim.world.fault = *fault;
	sim_start(&sim);
	add(&sim, NAME("a"));
	add(&sim, NAME("b"));
	give(&sim, CELL("web", "b"));
	if (sim_run_until(&sim, has_died, 3 * HOUR_MS)) {
		sim_crash(&sim);
		sim_start(&sim);
		give(&sim, CELL("web", "b"));
		sim_run(&sim, 3 * HOUR_MS);
	}
	acts = sim.world.acts;
	assert_false(there(&sim, NAME("a")));
	assert_true(there(&sim, NAME("b")));
	finish(&sim);
	return acts;
}

static void test_sweep(void **state UNUSED)
{
	uint64_t acts = play_life(NULL);

	for (uint64_t at = 1; at <= acts; at++)
		for (int kind = WORLD_FAULT_KILL_BEFORE; kind < WORLD_FAULT_COUNT; kind++)
			play_life(&(struct world_fault){
				.kind = (enum world_fault_kind)kind, .at = at, .code = -EIO });
	printf("%llu acts\n", (unsigned long long)acts);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_off),
		cmocka_unit_test(test_unused_for_days),
		cmocka_unit_test(test_days_begin_with_the_last_use),
		cmocka_unit_test(test_what_counts_as_use),
		cmocka_unit_test(test_kept),
		cmocka_unit_test(test_too_many_bytes),
		cmocka_unit_test(test_not_too_young),
		cmocka_unit_test(test_second_name),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_manifests_are_not_read),
		cmocka_unit_test(test_containers_cannot_be_listed),
		cmocka_unit_test(test_containerd_is_away),
		cmocka_unit_test(test_wanted_meanwhile),
		cmocka_unit_test(test_sweep),
	};

	log_set_level(LOG_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
