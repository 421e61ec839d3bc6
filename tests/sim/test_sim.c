/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The whole core on fake drivers and a virtual clock. From any observed state it converges to what
 * is wanted, then plans nothing; and a healthy cell is never touched. Random worlds come from a
 * seed that is printed when one fails.
 *
 * KUKEON_SIM_SEED=<n> runs that one only; KUKEON_SIM_ROUNDS=<n> runs more.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "core/base/log.h"
#include "core/desired/desired.h"
#include "core/network/ways.h"
#include "core/reconcile/relist.h"
#include "tests/fake/host.h"

static const char two_containers[] =
	"apiVersion: v1beta1\nkind: Cell\nmetadata: {name: web}\nspec:\n"
	"  containers:\n"
	"  - {id: a, image: img, stopGracePeriodSeconds: 1}\n"
	"  - {id: b, image: img, stopGracePeriodSeconds: 1}\n";

static const char web_key[] = "default/default/default/web";

static struct world_container *root_of(struct sim *sim)
{
	return world_container(&sim->world, "kukeon-default", "default_default_web_root");
}

static struct world_container *other_of(struct sim *sim)
{
	return world_container(&sim->world, "kukeon-default", "default_default_web_b");
}

static void start_with(struct sim *sim, uint64_t seed, const char *text)
{
	sim_init(sim, seed);
	sim_start(sim);
	if (text)
		sim_file(sim, "web.yaml", text);
	sim_scanned(sim);
}

static void assert_no_violation(struct sim *sim)
{
	AUTO_FREE char *recent = rules_tell_recent(&sim->world.rules);

	if (!sim->world.violations)
		return;
	fprintf(stderr, "%s", recent);
	fail_msg("seed %llu: %u violations, the first: %s", (unsigned long long)sim->seed,
		 sim->world.violations, sim->world.violation);
}

/* ---- scripted, from the most basic on ---- */

static void test_00_nothing(void **state)
{
	struct sim sim;

	(void)state;
	start_with(&sim, 1, NULL);
	assert_true(sim_settle(&sim));
	assert_int_equal(sim.world.changes, 0);
	sim_fini(&sim);
}

static void test_01_cell_becomes_ready(void **state)
{
	struct sim sim;

	(void)state;
	start_with(&sim, 1, two_containers);
	sim_run(&sim, 1000);
	assert_int_equal(sim_state(&sim, web_key), API__STATE__STATE_READY);
	assert_int_equal(root_of(&sim)->fact.task, TASK_RUNNING);
	assert_int_equal(other_of(&sim)->fact.task, TASK_RUNNING);
	assert_true(sim_settle(&sim));
	assert_int_equal(root_of(&sim)->starts, 1);
	assert_no_violation(&sim);
	sim_fini(&sim);
}

static void test_02_file_gone_removes_all(void **state)
{
	struct sim sim;

	(void)state;
	start_with(&sim, 2, two_containers);
	sim_run(&sim, 1000);
	sim_file_gone(&sim, "web.yaml");
	sim_scanned(&sim);
	sim_run(&sim, 1900);
	assert_int_equal(sim_state(&sim, web_key), API__STATE__STATE_READY); /* the prune grace */
	sim_run(&sim, 5000);
	assert_int_equal(world_count(&sim.world), 0);
	assert_null(engine_find(&sim.engine, "default"));
	assert_no_violation(&sim);
	sim_fini(&sim);
}

/* A space or a realm whose removal has begun is no place for a cell until it is made anew. */
static void test_02_declared_while_its_parents_go(void **state UNUSED)
{
	static const char *const removals[] = { "remove space", "remove namespace",
						"cgroup remove" };

	for (size_t i = 0; i < ARRAY_SIZE(removals); i++) {
		struct sim sim;

		start_with(&sim, 2, two_containers);
		sim_run(&sim, 1000);
		world_pace(&sim.world, removals[i], 400, 0);
		for (unsigned turn = 0; turn < 60; turn++) { /* at any time of it */
			sim_file_gone(&sim, "web.yaml");
			sim_scanned(&sim);
			sim_run(&sim, 2000 + 50 * turn);
			sim_file(&sim, "web.yaml", two_containers);
			sim_run(&sim, 5000);
			assert_int_equal(sim_state(&sim, web_key), API__STATE__STATE_READY);
		}
		sim_file_gone(&sim, "web.yaml");
		sim_scanned(&sim);
		sim_run(&sim, 10 * 1000);
		assert_int_equal(world_count(&sim.world), 0);
		assert_no_violation(&sim);
		sim_fini(&sim);
	}
}

static void test_03_moved_to_another_file(void **state)
{
	struct sim sim;

	(void)state;
	start_with(&sim, 3, two_containers);
	sim_run(&sim, 1000);
	sim.world.frozen = true;
	sim_file_gone(&sim, "web.yaml");
	sim_scanned(&sim);
	sim_run(&sim, 500);
	sim_file(&sim, "zzz.yaml", two_containers);
	sim_scanned(&sim);
	sim_run(&sim, 60000);
	assert_int_equal(sim_state(&sim, web_key), API__STATE__STATE_READY);
	assert_no_violation(&sim);
	sim_fini(&sim);
}

static void test_04_killed_container_comes_back(void **state)
{
	struct sim sim;

	(void)state;
	start_with(&sim, 4, two_containers);
	sim_run(&sim, 1000);
	world_exit(&sim.world, other_of(&sim), 137);
	sim_run(&sim, 200);
	assert_int_equal(other_of(&sim)->starts, 2);
	assert_int_equal(root_of(&sim)->starts, 1);
	assert_int_equal(sim_state(&sim, web_key), API__STATE__STATE_READY);
	assert_no_violation(&sim);
	sim_fini(&sim);
}

static void test_05_killed_root_recycles_the_cell(void **state)
{
	struct sim sim;
	unsigned ip;

	(void)state;
	start_with(&sim, 5, two_containers);
	sim_run(&sim, 1000);
	ip = world_cell(&sim.world, web_key)->ip;
	world_exit(&sim.world, root_of(&sim), 137);
	sim_run(&sim, 1000);
	assert_int_equal(root_of(&sim)->starts, 2);
	assert_int_equal(other_of(&sim)->starts, 2);
	assert_int_not_equal(world_cell(&sim.world, web_key)->ip, ip); /* a new attachment */
	assert_int_equal(sim_state(&sim, web_key), API__STATE__STATE_READY);
	assert_no_violation(&sim);
	sim_fini(&sim);
}

static void test_06_edit_touches_what_changed(void **state)
{
	static const char edited[] =
		"apiVersion: v1beta1\nkind: Cell\nmetadata: {name: web}\nspec:\n"
		"  containers:\n"
		"  - {id: a, image: img, stopGracePeriodSeconds: 2}\n"
		"  - {id: b, image: img, stopGracePeriodSeconds: 1, env: [A=b]}\n";
	struct sim sim;

	(void)state;
	start_with(&sim, 6, two_containers);
	sim_run(&sim, 1000);
	sim_file(&sim, "web.yaml", edited);
	sim_scanned(&sim);
	sim_run(&sim, 2000);
	assert_int_equal(root_of(&sim)->starts, 1);
	assert_int_equal(other_of(&sim)->starts, 2);
	assert_int_equal(sim_state(&sim, web_key), API__STATE__STATE_READY);
	assert_no_violation(&sim);
	sim_fini(&sim);
}

static void test_07_image_missing_keeps_the_old(void **state)
{
	static const char edited[] =
		"apiVersion: v1beta1\nkind: Cell\nmetadata: {name: web}\nspec:\n"
		"  containers:\n"
		"  - {id: a, image: other, stopGracePeriodSeconds: 1}\n"
		"  - {id: b, image: img, stopGracePeriodSeconds: 1}\n";
	struct sim sim;

	(void)state;
	start_with(&sim, 7, two_containers);
	sim_run(&sim, 1000);
	strv_add(&sim.world.missing_images, "other");
	sim_file(&sim, "web.yaml", edited);
	sim_scanned(&sim);
	sim_run(&sim, 30000);
	assert_int_equal(root_of(&sim)->starts, 1);
	assert_int_equal(root_of(&sim)->fact.task, TASK_RUNNING);
	assert_int_equal(sim_state(&sim, web_key), API__STATE__STATE_PENDING);
	assert_string_equal(reason_name(engine_find(&sim.engine, web_key)->status.reason),
			    "ImageNotFound");
	strv_fini(&sim.world.missing_images);
	sim_run(&sim, 120000);
	assert_int_equal(root_of(&sim)->starts, 2);
	assert_int_equal(sim_state(&sim, web_key), API__STATE__STATE_READY);
	assert_no_violation(&sim);
	sim_fini(&sim);
}

static void test_08_crash_loop_backs_off(void **state)
{
	struct sim sim;

	(void)state;
	start_with(&sim, 8, two_containers);
	sim_run(&sim, 1000);
	for (int i = 0; i < 600; i++) {
		if (other_of(&sim)->fact.task == TASK_RUNNING)
			world_exit(&sim.world, other_of(&sim), 1);
		sim_run(&sim, 1000);
	}
	/* at once, 1, 2, 4, 8, 16, 32, 60, 60 ... seconds over ten minutes */
	assert_in_range(other_of(&sim)->starts, 12, 24);
	assert_int_equal(root_of(&sim)->starts, 1);
	assert_int_equal(sim_state(&sim, web_key), API__STATE__STATE_PENDING);
	assert_no_violation(&sim);
	sim_fini(&sim);
}

static void test_09_restart_adopts(void **state)
{
	struct sim sim;

	(void)state;
	start_with(&sim, 9, two_containers);
	sim_run(&sim, 1000);
	sim.world.frozen = true;
	for (int i = 0; i < 20; i++) {
		sim_crash(&sim);
		sim_start(&sim);
		sim_run(&sim, world_random(&sim.world, 100));
		if (i % 2)
			continue;
		sim_file(&sim, "web.yaml", two_containers);
		sim_scanned(&sim);
		sim_run(&sim, 1000);
		assert_int_equal(sim_state(&sim, web_key), API__STATE__STATE_READY);
	}
	assert_no_violation(&sim);
	sim_fini(&sim);
}

static void test_10_healthy_is_never_touched(void **state)
{
	struct sim sim;
	struct error problem;

	(void)state;
	start_with(&sim, 10, two_containers);
	sim_run(&sim, 1000);
	sim.world.frozen = true;
	sim_file(&sim, "web.yaml", "kind: [broken");
	sim_scanned(&sim);
	sim_run(&sim, 10000);
	world_runtime_down(&sim.world);
	sim_run(&sim, 10000);
	assert_int_equal(sim_state(&sim, web_key), API__STATE__STATE_UNKNOWN);
	world_runtime_up(&sim.world);
	sim_run(&sim, 10000);
	assert_int_equal(sim_state(&sim, web_key), API__STATE__STATE_READY);
	error_set(&problem, -2, "gone");
	desired_scan_done(&sim.engine, &problem);
	sim_run(&sim, 10000);
	for (int i = 0; i < 100; i++) { /* hints about nothing */
		fake_runtime_hint(&sim.world, root_of(&sim));
		fake_cgroup_hint(&sim.world, web_key);
		sim_run(&sim, world_random(&sim.world, 30));
	}
	sim_run(&sim, 24 * 60 * 60 * 1000);
	assert_int_equal(sim_state(&sim, web_key), API__STATE__STATE_READY);
	assert_no_violation(&sim);
	sim_fini(&sim);
}

static void test_11_empty_directory_at_start_deletes_nothing(void **state)
{
	struct sim sim;
	struct error problem;

	(void)state;
	start_with(&sim, 11, two_containers);
	sim_run(&sim, 1000);
	sim_crash(&sim);
	sim.world.frozen = true;
	sim_start(&sim);
	error_set(&problem, -2, "no such directory");
	desired_scan_done(&sim.engine, &problem);
	sim_run(&sim, 60000);
	assert_no_violation(&sim);
	sim_fini(&sim);
}

static void test_12_stubborn_process_is_killed(void **state)
{
	struct sim sim;

	(void)state;
	start_with(&sim, 12, two_containers);
	sim_run(&sim, 1000);
	root_of(&sim)->ignores_term = other_of(&sim)->ignores_term = true;
	sim_file_gone(&sim, "web.yaml");
	sim_scanned(&sim);
	sim_run(&sim, 2000 + 2 * 1000 + 2000);
	assert_int_equal(world_count(&sim.world), 0);
	assert_no_violation(&sim);
	sim_fini(&sim);
}

/* What an adopting daemon saw at its start is not what is there when all of it goes. */
static void test_13_adopted_hierarchy_goes_at_once(void **state)
{
	struct sim sim;

	(void)state;
	start_with(&sim, 13, two_containers);
	sim_run(&sim, 1000);
	sim_crash(&sim);
	sim_start(&sim);
	sim_file(&sim, "web.yaml", two_containers);
	sim_scanned(&sim);
	sim_run(&sim, 1000);
	sim_file_gone(&sim, "web.yaml");
	sim_scanned(&sim);
	sim_run(&sim, 2000 + 1000);
	assert_int_equal(world_count(&sim.world), 0);
	assert_no_violation(&sim);
	sim_fini(&sim);
}

static void give_cells(struct sim *sim, int n)
{
	for (int i = 0; i < n; i++) {
		AUTO_FREE char *path = xasprintf("c%02d.yaml", i);
		AUTO_FREE char *text = xasprintf(
			"apiVersion: v1beta1\nkind: Cell\nmetadata: {name: c%02d}\nspec:\n"
			"  containers: [{id: a, image: img}, {id: b, image: img}]\n",
			i);

		sim_file(sim, path, text);
	}
	sim_scanned(sim);
}

static void assert_all_ready(struct sim *sim, int n)
{
	for (int i = 0; i < n; i++) {
		AUTO_FREE char *key = xasprintf("default/default/default/c%02d", i);

		if (sim_state(sim, key) != API__STATE__STATE_READY)
			fail_msg("%s is not Ready: %s", key,
				 engine_find(&sim->engine, key)->status.message);
	}
}

/* Whatever the host had attached before goes first, though one of them cannot go, and one belongs
 * to nobody any more. */
static void test_14_reboot(void **state)
{
	struct sim sim;

	(void)state;
	start_with(&sim, 14, NULL);
	give_cells(&sim, 12);
	sim_run(&sim, 5000);
	assert_all_ready(&sim, 12);
	sim_crash(&sim);
	world_reboot(&sim.world);
	world_cell(&sim.world, "default/default/default/c11")->refuses_detach = true;
	sim_start(&sim);
	give_cells(&sim, 10);
	sim_run(&sim, 20000);
	assert_all_ready(&sim, 10);
	assert_non_null(engine_find(&sim.engine, "default/default/default/c11"));
	assert_null(engine_find(&sim.engine, "default/default/default/c10"));
	world_cell(&sim.world, "default/default/default/c11")->refuses_detach = false;
	sim_run(&sim, 120000);
	assert_null(engine_find(&sim.engine, "default/default/default/c11"));
	assert_no_violation(&sim);
	sim_fini(&sim);
}

/* SIGKILL through the runtime does nothing: the kernel is asked, and what is beside it goes on. */
static void test_15_task_that_refuses_to_die(void **state)
{
	struct sim sim;

	(void)state;
	start_with(&sim, 15, two_containers);
	sim_run(&sim, 1000);
	other_of(&sim)->ignores_kill = other_of(&sim)->ignores_term = true;
	sim_file_gone(&sim, "web.yaml");
	sim_scanned(&sim);
	sim_run(&sim, 2000 + 1000 + 2 * 5000 + 2000);
	assert_int_equal(world_count(&sim.world), 0);
	assert_no_violation(&sim);
	sim_fini(&sim);
}

/* Nothing ends it: that is said, tried seldom, and ends when it does. */
static void test_16_process_that_cannot_die(void **state)
{
	struct sim sim;
	uint64_t acts;

	(void)state;
	start_with(&sim, 16, two_containers);
	give_cells(&sim, 1);
	sim_run(&sim, 1000);
	other_of(&sim)->immortal = true;
	sim.engine.desired.guard.off = true;
	sim_file_gone(&sim, "web.yaml");
	sim_file_gone(&sim, "c00.yaml");
	sim_scanned(&sim);
	sim_run(&sim, 60 * 1000);
	assert_null(engine_find(&sim.engine, "default/default/default/c00"));
	assert_string_equal(reason_name(engine_find(&sim.engine, web_key)->status.reason),
			    "DeleteFailed");
	acts = sim.world.acts;
	sim_run(&sim, 10 * 60 * 1000);
	assert_in_range(sim.world.acts - acts, 10, 100);
	other_of(&sim)->immortal = false;
	sim_run(&sim, 70 * 1000);
	assert_int_equal(world_count(&sim.world), 0);
	assert_no_violation(&sim);
	sim_fini(&sim);
}

/* Cells with a namespace and without a running root: those that come up. */
static unsigned coming_up(struct sim *sim)
{
	struct object *object;
	unsigned n = 0;

	map_for_each(object, &sim->engine.objects, node)
		n += object->kind == KIND_CELL && object->cell.pinned && cell_root(object) &&
		     cell_root(object)->task != TASK_RUNNING;
	return n;
}

/* After a boot the cells come up some at a time. */
static void test_17_many_at_once(void **state)
{
	enum { CELLS_AT_BOOT = 99 };
	unsigned most = 0;
	struct sim sim;

	(void)state;
	start_with(&sim, 17, NULL);
	give_cells(&sim, CELLS_AT_BOOT);
	sim_run(&sim, 20 * 1000);
	assert_all_ready(&sim, CELLS_AT_BOOT);
	sim_crash(&sim);
	world_reboot(&sim.world);
	sim_start(&sim);
	throttle_init(&sim.engine.throttle, 2);
	give_cells(&sim, CELLS_AT_BOOT);
	for (int i = 0; i < 20 * 1000; i++) {
		unsigned n = coming_up(&sim);

		most = n > most ? n : most;
		sim_run(&sim, 1);
	}
	assert_all_ready(&sim, CELLS_AT_BOOT);
	assert_in_range(most, 20, 24);
	assert_int_equal(sim.engine.throttle.n, 0);
	assert_null(throttle_first_waiting(&sim.engine.throttle));
	assert_no_violation(&sim);
	sim_fini(&sim);
}

/* What others do to our networks is mended under the processes. */
static void test_18_network_drift_restarts_nothing(void **state)
{
	struct sim sim;
	struct world_cell *cell;

	(void)state;
	start_with(&sim, 14, two_containers);
	sim_run(&sim, 1000);
	cell = world_cell(&sim.world, web_key);
	for (int i = 0; i < 8; i++) {
		cell->pinned = !(i & 1);
		cell->link_gone = i & 2;
		world_parent(&sim.world, "default/default")->drifted = i & 4;
		relist_network(&sim.engine);
		sim_run(&sim, 1000);
		assert_true(cell->pinned && cell->attached && !cell->link_gone);
		assert_false(world_parent(&sim.world, "default/default")->drifted);
		assert_int_equal(sim_state(&sim, web_key), API__STATE__STATE_READY);
	}
	assert_int_equal(root_of(&sim)->starts, 1);
	assert_int_equal(other_of(&sim)->starts, 1);
	sim.world.frozen = true;
	relist_network(&sim.engine);
	sim_run(&sim, 1000);
	assert_no_violation(&sim);
	sim_fini(&sim);
}

/* A shim that hangs: what lives is left alone, what has ended or shall end goes with it. */
static void test_19_shim_hangs(void **state)
{
	struct sim sim;

	(void)state;
	start_with(&sim, 1, two_containers);
	sim_run(&sim, 1000);
	world_cell(&sim.world, web_key)->shim_hangs = true;
	relist_all(&sim.engine);
	sim_run(&sim, 10 * 60 * 1000);
	sim_crash(&sim);
	sim_start(&sim);
	sim_file(&sim, "web.yaml", two_containers);
	sim_scanned(&sim);
	sim_run(&sim, 10 * 60 * 1000);
	assert_int_equal(root_of(&sim)->starts, 1);
	assert_true(world_cell(&sim.world, web_key)->shim_hangs);

	world_exit(&sim.world, root_of(&sim), 137);
	world_exit(&sim.world, other_of(&sim), 137);
	assert_true(sim_settle(&sim));
	assert_int_equal(sim_state(&sim, web_key), API__STATE__STATE_READY);
	assert_int_equal(root_of(&sim)->starts, 2);

	world_cell(&sim.world, web_key)->shim_hangs = true;
	sim_file_gone(&sim, "web.yaml");
	assert_true(sim_settle(&sim));
	assert_null(engine_find(&sim.engine, web_key));
	assert_false(world_cell(&sim.world, web_key)->cgroup);
	assert_no_violation(&sim);
	sim_fini(&sim);
}

/* Taken from its cgroup by another hand, they are back at the next look; nothing is restarted. */
static void test_20_controllers_come_back(void **state)
{
	struct sim sim;

	(void)state;
	start_with(&sim, 34, two_containers);
	assert_true(sim_settle(&sim));
	world_cell(&sim.world, web_key)->controllers_gone = true;
	relist_all(&sim.engine);
	assert_true(sim_settle(&sim));
	assert_false(world_cell(&sim.world, web_key)->controllers_gone);
	assert_int_equal(sim_state(&sim, web_key), API__STATE__STATE_READY);
	assert_int_equal(root_of(&sim)->starts, 1);
	assert_no_violation(&sim);
	sim_fini(&sim);
}

/* ---- further spaces ---- */

static const char s1[] = "apiVersion: v1beta1\nkind: Space\nmetadata: {name: s1}\n";
static const char s2[] = "apiVersion: v1beta1\nkind: Space\nmetadata: {name: s2}\n";

/* @networks: "s1, s2" */
static void sim_web(struct sim *sim, const char *networks)
{
	AUTO_FREE char *text =
		xasprintf("apiVersion: v1beta1\nkind: Cell\nmetadata: {name: web}\nspec:\n"
			  "  containers:\n"
			  "  - {id: a, image: img, stopGracePeriodSeconds: 1}\n"
			  "  - {id: b, image: img, stopGracePeriodSeconds: 1, networks: [%s]}\n",
			  networks);

	sim_file(sim, "web.yaml", text);
	sim_scanned(sim);
}

static void sim_space(struct sim *sim, const char *path, const char *text)
{
	if (text)
		sim_file(sim, path, text);
	else
		sim_file_gone(sim, path);
	sim_scanned(sim);
}

/* "default/s1 default/s2 " of the joins that are there. */
static void assert_in_spaces(struct sim *sim, const char *expected)
{
	const struct world_cell *cell = world_cell(&sim->world, web_key);
	AUTO_BUF struct buf text = { 0 };
	const struct join *join;

	list_for_each(join, &engine_find(&sim->engine, web_key)->cell.joins, link)
		if (world_join(cell, join->space_key) &&
		    world_join(cell, join->space_key)->attached && join->attached)
			buf_printf(&text, "%s ", join->space_key);
	assert_string_equal(text.data ? text.data : "", expected);
}

static void assert_web(struct sim *sim, Api__State state, const char *reason)
{
	const struct object *web = engine_find(&sim->engine, web_key);

	if (web->status.state != state || !str_equal(reason_name(web->status.reason), reason))
		fail_msg("web is %d %s: %s", web->status.state, reason_name(web->status.reason),
			 web->status.message);
}

/* A cell that runs joins and leaves, and its processes do not notice. */
static void test_22_joins_restart_nothing(void **state)
{
	struct sim sim;

	(void)state;
	start_with(&sim, 18, NULL);
	sim_space(&sim, "s1.yaml", s1);
	sim_web(&sim, "s1");
	sim_run(&sim, 2000);
	assert_web(&sim, API__STATE__STATE_READY, "");
	assert_in_spaces(&sim, "default/s1 ");
	sim_web(&sim, "s1, s2");
	sim_run(&sim, 2000);
	assert_web(&sim, API__STATE__STATE_PENDING, "SpaceUnknown");
	assert_in_spaces(&sim, "default/s1 ");
	sim_space(&sim, "s2.yaml", s2);
	sim_run(&sim, 500);
	assert_web(&sim, API__STATE__STATE_READY, "");
	assert_in_spaces(&sim, "default/s1 default/s2 ");

	sim_space(&sim, "s1.yaml", NULL);
	sim_run(&sim, 2000 + 1000);
	assert_web(&sim, API__STATE__STATE_PENDING, "SpaceUnknown");
	assert_in_spaces(&sim, "default/s2 ");
	assert_null(engine_find(&sim.engine, "default/s1"));
	sim_space(&sim, "s1.yaml", s1);
	sim_run(&sim, 500);
	assert_web(&sim, API__STATE__STATE_READY, "");

	world_join(world_cell(&sim.world, web_key), "default/s1")->link_gone = true;
	relist_network(&sim.engine);
	sim_run(&sim, 500);
	assert_web(&sim, API__STATE__STATE_READY, "");
	assert_false(world_join(world_cell(&sim.world, web_key), "default/s1")->link_gone);
	world_remove_join(world_join(world_cell(&sim.world, web_key), "default/s1"));
	relist_network(&sim.engine);
	sim_run(&sim, 500);
	assert_web(&sim, API__STATE__STATE_READY, "");
	assert_in_spaces(&sim, "default/s1 default/s2 ");
	sim_web(&sim, "default/s2");
	sim_run(&sim, 500);
	assert_web(&sim, API__STATE__STATE_READY, "");
	assert_in_spaces(&sim, "default/s2 ");
	assert_int_equal(root_of(&sim)->starts, 1);
	assert_int_equal(other_of(&sim)->starts, 1);

	sim.world.frozen = true;
	sim_crash(&sim);
	sim_start(&sim);
	sim_run(&sim, 500);
	sim_space(&sim, "s1.yaml", s1);
	sim_space(&sim, "s2.yaml", s2);
	sim_web(&sim, "s2");
	sim_run(&sim, 60 * 1000);
	assert_web(&sim, API__STATE__STATE_READY, "");
	assert_no_violation(&sim);
	sim_fini(&sim);
}

/* A join that failed may have had its effect: it is left like any other, and its space waits. */
static void test_23_join_that_failed_is_undone(void **state)
{
	struct sim sim;

	(void)state;
	start_with(&sim, 20, NULL);
	sim_space(&sim, "s1.yaml", s1);
	sim_web(&sim, "");
	sim_run(&sim, 2000);
	assert_web(&sim, API__STATE__STATE_READY, "");
	sim.world.fault = (struct world_fault){ .kind = WORLD_FAULT_FAIL_AFTER,
						.at = sim.world.acts + 1,
						.code = -EINVAL };
	sim_web(&sim, "s1");
	sim_run(&sim, 100);
	assert_true(sim.world.fault.happened);
	assert_string_equal(sim.world.fault.name, "join");
	assert_web(&sim, API__STATE__STATE_PENDING, "NetworkFailed");
	assert_non_null(world_join(world_cell(&sim.world, web_key), "default/s1"));
	sim_web(&sim, "");
	sim_space(&sim, "s1.yaml", NULL);
	sim_run(&sim, 2000 + 2000);
	assert_null(world_join(world_cell(&sim.world, web_key), "default/s1"));
	assert_null(engine_find(&sim.engine, "default/s1"));
	assert_web(&sim, API__STATE__STATE_READY, "");
	assert_no_violation(&sim);
	sim_fini(&sim);
}

/* A cell that comes up waits for the spaces that it joins, and holds up nobody. */
static void test_24_joins_before_the_start(void **state)
{
	struct sim sim;

	(void)state;
	start_with(&sim, 19, NULL);
	sim_web(&sim, "s1, default");
	sim_run(&sim, 60 * 1000);
	assert_web(&sim, API__STATE__STATE_PENDING, "SpaceUnknown");
	assert_true(!root_of(&sim) || root_of(&sim)->starts == 0);
	assert_false(world_cell(&sim.world, web_key)->pinned);
	assert_int_equal(sim.engine.throttle.n, 0);
	sim_space(&sim, "s1.yaml", s1);
	sim_run(&sim, 1000);
	assert_web(&sim, API__STATE__STATE_READY, "");
	assert_in_spaces(&sim, "default/s1 ");
	world_exit(&sim.world, root_of(&sim), 137);
	sim_run(&sim, 1000);
	assert_web(&sim, API__STATE__STATE_READY, "");
	assert_in_spaces(&sim, "default/s1 ");
	assert_int_equal(root_of(&sim)->starts, 2);
	sim_crash(&sim);
	world_reboot(&sim.world);
	sim_start(&sim);
	sim_space(&sim, "s1.yaml", s1);
	sim_web(&sim, "s1");
	sim_run(&sim, 20 * 1000);
	assert_web(&sim, API__STATE__STATE_READY, "");
	assert_in_spaces(&sim, "default/s1 ");
	sim.engine.desired.guard.off = true;
	sim_file_gone(&sim, "s1.yaml");
	sim_file_gone(&sim, "web.yaml");
	sim_scanned(&sim);
	sim_run(&sim, 2000 + 5000);
	assert_int_equal(world_count(&sim.world), 0);
	assert_no_violation(&sim);
	sim_fini(&sim);
}

#define PUBLISHER(name, ports)                                                                     \
	"apiVersion: v1beta1\nkind: Cell\nmetadata: {name: " name "}\nspec:\n"                     \
	"  containers: [{id: a, image: img, stopGracePeriodSeconds: 1, ports: [" ports "]}]\n"

#define SCOPE "default/default/default/"

/* No cell comes up unisolated; what runs goes on. */
static void test_25_packet_filter(void **state UNUSED)
{
	static const char space[] = "default/default";
	const struct object *object;
	struct sim sim;

	sim_init(&sim, 19);
	sim.world.filter_fails = true;
	sim_start(&sim);
	sim_file(&sim, "web.yaml", two_containers);
	sim_scanned(&sim);
	sim_run(&sim, 60 * 1000);
	assert_int_equal(sim_state(&sim, space), API__STATE__STATE_PENDING);
	object = engine_find(&sim.engine, space);
	assert_int_equal(object->status.reason, REASON_FILTER_FAILED);
	assert_non_null(strstr(object->status.message, "no nf_tables"));
	assert_int_equal(sim_state(&sim, web_key), API__STATE__STATE_PENDING);
	assert_null(world_cell(&sim.world, web_key));
	sim.world.filter_fails = false;
	sim_run(&sim, 60 * 1000);
	assert_int_equal(sim_state(&sim, web_key), API__STATE__STATE_READY);
	assert_int_equal(root_of(&sim)->starts, 1);
	assert_no_violation(&sim);
	sim_fini(&sim);
}

static bool is_missing(struct sim *sim, const char *space)
{
	const struct object *object = engine_find(&sim->engine, space);

	return object->status.state == API__STATE__STATE_PENDING &&
	       object->status.reason == REASON_FILTER_MISSING;
}

/* Put back at once, and when that goes on and on within a second, at a bounded cost. */
static void test_25_filter_taken_away(void **state UNUSED)
{
	static const char space[] = "default/default";
	unsigned missing = 0, longest = 0, row = 0;
	uint64_t changes;
	struct sim sim;

	start_with(&sim, 19, two_containers);
	sim_run(&sim, 10 * 1000);
	for (int i = 0; i < 4; i++) {
		world_flush_filter(&sim.world);
		sim_run(&sim, 60);
		assert_non_null(sim.world.filter);
		assert_int_equal(sim_state(&sim, space), API__STATE__STATE_READY);
	}
	changes = sim.world.changes;
	for (int i = 0; i < 1000; i++) { /* a minute */
		world_flush_filter(&sim.world);
		sim_run(&sim, 60);
		row = sim.world.filter ? 0 : row + 1;
		longest = row > longest ? row : longest;
		missing += is_missing(&sim, space);
		assert_int_equal(sim_state(&sim, web_key), API__STATE__STATE_READY); /* it runs */
	}
	assert_in_range(sim.world.changes - changes, 60, 80);
	assert_in_range(missing, 500, 1000);
	assert_in_range(longest, 1, 1000 / 60);
	sim_run(&sim, 1000);
	assert_non_null(strstr(sim.world.filter, space));
	assert_int_equal(sim_state(&sim, space), API__STATE__STATE_READY);
	assert_int_equal(root_of(&sim)->starts, 1);
	assert_no_violation(&sim);
	sim_fini(&sim);
}

/* What comes up then waits, and so does a container that ended; it is tried again soon even when
 * the kernel refuses. */
static void test_25_nothing_starts_without_filter(void **state UNUSED)
{
	static const char space[] = "default/default";
	struct sim sim;

	start_with(&sim, 19, two_containers);
	sim_run(&sim, 10 * 1000);
	sim.world.filter_fails = true;
	world_flush_filter(&sim.world);
	sim_run(&sim, 1);
	sim_file(&sim, "late.yaml", PUBLISHER("late", ""));
	sim_run(&sim, 60 * 1000);
	assert_int_not_equal(sim_state(&sim, space), API__STATE__STATE_READY);
	assert_int_equal(sim_state(&sim, SCOPE "late"), API__STATE__STATE_PENDING);
	assert_null(world_cell(&sim.world, SCOPE "late"));
	assert_int_equal(sim_state(&sim, web_key), API__STATE__STATE_READY);
	sim.world.filter_fails = false;
	sim_run(&sim, 1000);
	assert_non_null(strstr(sim.world.filter, space));
	sim_run(&sim, 5000);
	assert_int_equal(sim_state(&sim, SCOPE "late"), API__STATE__STATE_READY);
	assert_int_equal(root_of(&sim)->starts, 1);
	assert_no_violation(&sim);
	sim_fini(&sim);
}

static const char *port_conflict(struct sim *sim, const char *key)
{
	const struct object *object = engine_find(&sim->engine, key);

	return object && object->status.state == API__STATE__STATE_PENDING &&
			       object->status.reason == REASON_PORT_CONFLICT
		       ? object->status.message
		       : "";
}

/* It harms no other. */
static void test_25_one_space_refused(void **state UNUSED)
{
	static const char cell[] = "apiVersion: v1beta1\nkind: Cell\nmetadata: {name: in-s1}\n"
				   "spec: {spaceId: s1, containers: [{id: a, image: img}]}\n";
	static const char key[] = "default/s1/default/in-s1";
	const struct object *object;
	struct sim sim;

	sim_init(&sim, 19);
	sim.world.filter_refuses = "default/s1";
	sim_start(&sim);
	sim_file(&sim, "web.yaml", two_containers);
	sim_file(&sim, "s1.yaml", s1);
	sim_file(&sim, "cell.yaml", cell);
	sim_scanned(&sim);
	sim_run(&sim, 10 * 1000);
	assert_int_equal(sim_state(&sim, web_key), API__STATE__STATE_READY);
	object = engine_find(&sim.engine, "default/s1");
	assert_int_equal(object->status.state, API__STATE__STATE_PENDING);
	assert_int_equal(object->status.reason, REASON_FILTER_FAILED);
	assert_string_equal(object->status.message, "its bridge cannot be filtered");
	assert_null(world_cell(&sim.world, key));
	sim.world.filter_refuses = NULL;
	world_flush_filter(&sim.world);
	sim_run(&sim, 10 * 1000);
	assert_int_equal(sim_state(&sim, "default/s1"), API__STATE__STATE_READY);
	assert_int_equal(sim_state(&sim, key), API__STATE__STATE_READY);
	assert_no_violation(&sim);
	sim_fini(&sim);
}

static void ways_changed(struct sim *sim, const char *overlapped, bool unreachable)
{
	sim->world.overlapped = overlapped;
	sim->world.unreachable = unreachable;
	ways_mark_stale(&sim->engine);
	sim_run(sim, 5 * 1000);
}

/* A route of others takes the addresses of a space: what is new waits, what has a place keeps it,
 * also when it is started again. */
static void test_25_range_overlaps(void **state UNUSED)
{
	static const char space_key_[] = "default/default",
			  new_key[] = "default/default/default/new";
	struct world_container *c;
	struct sim sim;

	start_with(&sim, 41, two_containers);
	sim_run(&sim, 10 * 1000);
	assert_int_equal(sim_state(&sim, web_key), API__STATE__STATE_READY);
	ways_changed(&sim, space_key_, true);
	assert_int_equal(sim_state(&sim, space_key_), API__STATE__STATE_PENDING);
	assert_int_equal(sim_state(&sim, web_key), API__STATE__STATE_READY);
	sim_file(&sim, "new.yaml",
		 "apiVersion: v1beta1\nkind: Cell\nmetadata: {name: new}\n"
		 "spec: {containers: [{id: a, image: img}]}\n");
	sim_run(&sim, 10 * 1000);
	assert_int_equal(engine_find(&sim.engine, new_key)->status.reason, REASON_RANGE_OVERLAPS);
	assert_true(!world_cell(&sim.world, new_key) || !world_cell(&sim.world, new_key)->pinned);
	c = world_container(&sim.world, "kukeon-default", "default_default_web_root");
	world_exit(&sim.world, c, 1);
	sim_run(&sim, 60 * 1000);
	assert_int_equal(sim_state(&sim, web_key), API__STATE__STATE_READY);
	ways_changed(&sim, space_key_, false);
	assert_int_equal(sim_state(&sim, space_key_), API__STATE__STATE_READY);
	assert_int_equal(sim_state(&sim, new_key), API__STATE__STATE_READY);
	ways_changed(&sim, NULL, false);
	assert_int_equal(engine_find(&sim.engine, space_key_)->status.reason, REASON_NONE);
	assert_no_violation(&sim);
	sim_fini(&sim);
}

/* Forwarding of the host is turned on again, or left and told: whoever is asked for it turns it on.
 */
static void test_25_forwarding(void **state UNUSED)
{
	struct sim sim;

	start_with(&sim, 42, two_containers);
	sim_run(&sim, 10 * 1000);
	sim.world.forwarding_off = true;
	ways_mark_switches_stale(&sim.engine);
	sim_run(&sim, 1000);
	assert_false(sim.world.forwarding_off);
	assert_null(sim.engine.ways->off);
	sim.engine.ways->leaves = true;
	sim.world.forwarding_off = true;
	ways_mark_switches_stale(&sim.engine);
	sim_run(&sim, 1000);
	assert_true(sim.world.forwarding_off);
	assert_string_equal(sim.engine.ways->off, "net.ipv4.ip_forward is off");
	ways_fix(&sim.engine);
	sim_run(&sim, 1000);
	assert_false(sim.world.forwarding_off);
	assert_null(sim.engine.ways->off);
	assert_int_equal(sim_state(&sim, web_key), API__STATE__STATE_READY);
	assert_no_violation(&sim);
	sim_fini(&sim);
}

/* The port is the first one's; the other waits, and gets it when the first does without. */
static void test_26_ports_of_two(void **state UNUSED)
{
	struct world_container *first, *second;
	struct sim sim;

	start_with(&sim, 20, NULL);
	sim_file(&sim, "z.yaml", PUBLISHER("z", "\"80:80\""));
	sim_run(&sim, 1000);
	sim_file(&sim, "a.yaml", PUBLISHER("a", "\"127.0.0.1:80:1\", \"81:1\""));
	sim_run(&sim, 5000);
	first = world_container(&sim.world, "kukeon-default", "default_default_z_root");
	second = world_container(&sim.world, "kukeon-default", "default_default_a_root");
	assert_non_null(strstr(port_conflict(&sim, SCOPE "a"), "published by cell " SCOPE "z"));
	assert_null(second);
	assert_int_equal(sim_state(&sim, SCOPE "z"), API__STATE__STATE_READY);
	assert_non_null(strstr(sim.world.filter, ":80/tcp "));
	assert_null(strstr(sim.world.filter, ":81/tcp "));
	sim_file(&sim, "z.yaml", PUBLISHER("z", "\"90:80\"")); /* without a restart */
	sim_run(&sim, 5000);
	second = world_container(&sim.world, "kukeon-default", "default_default_a_root");
	assert_int_equal(sim_state(&sim, SCOPE "a"), API__STATE__STATE_READY);
	assert_non_null(strstr(sim.world.filter, "127.0.0.1:80/tcp "));
	assert_non_null(strstr(sim.world.filter, ":90/tcp "));
	/* an edit that asks for what another has takes nothing from anybody */
	sim_file(&sim, "z.yaml", PUBLISHER("z", "\"90:80\", \"81:80\""));
	sim_run(&sim, 5000);
	assert_int_equal(sim_state(&sim, SCOPE "a"), API__STATE__STATE_READY);
	assert_non_null(strstr(port_conflict(&sim, SCOPE "z"), "published by cell " SCOPE "a"));
	assert_int_equal(first->starts, 1);
	assert_int_equal(second->starts, 1);
	assert_no_violation(&sim);
	sim_fini(&sim);
}

#define NAMED(stack, name)                                                                         \
	"apiVersion: v1beta1\nkind: Cell\nmetadata: {name: " name "}\nspec: {stackId: " stack ", " \
	"containers: [{id: a, image: img, stopGracePeriodSeconds: 1}]}\n"

static bool is_refused_for(struct sim *sim, const char *key, const char *other)
{
	const struct object *object = engine_find(&sim->engine, key);

	return object->status.state == API__STATE__STATE_PENDING &&
	       object->status.reason == REASON_NAME_CONFLICT &&
	       strstr(object->status.message, other);
}

/* A resolver takes them for one: the second waits until the first has gone, also in another stack
 * or of another stack's name; one of the same name in another stack is another. */
static void test_27_names_without_case(void **state UNUSED)
{
	struct sim sim;

	start_with(&sim, 27, NULL);
	sim_file(&sim, "a.yaml", NAMED("s", "web"));
	sim_run(&sim, 1000);
	sim_file(&sim, "b.yaml", NAMED("s", "Web"));
	sim_file(&sim, "c.yaml", NAMED("t", "WEB"));
	sim_file(&sim, "d.yaml", NAMED("S", "web"));
	sim_file(&sim, "e.yaml", NAMED("u", "web"));
	sim_run(&sim, 5000);
	assert_int_equal(sim_state(&sim, "default/default/s/web"), API__STATE__STATE_READY);
	assert_int_equal(sim_state(&sim, "default/default/u/web"), API__STATE__STATE_READY);
	assert_true(is_refused_for(&sim, "default/default/s/Web", "default/default/s/web"));
	assert_true(is_refused_for(&sim, "default/default/t/WEB", "default/default/s/web"));
	assert_true(is_refused_for(&sim, "default/default/S/web", "default/default/s/web"));
	assert_null(world_container(&sim.world, "kukeon-default", "default_s_Web_root"));
	sim_file_gone(&sim, "a.yaml");
	sim_file_gone(&sim, "d.yaml");
	sim_scanned(&sim);
	sim_run(&sim, 10 * 1000);
	assert_true(is_refused_for(&sim, "default/default/s/Web", "default/default/u/web"));
	sim_file_gone(&sim, "e.yaml");
	sim_scanned(&sim);
	sim_run(&sim, 10 * 1000);
	assert_int_equal(sim_state(&sim, "default/default/s/Web"), API__STATE__STATE_READY);
	assert_true(is_refused_for(&sim, "default/default/t/WEB", "default/default/s/Web"));
	assert_no_violation(&sim);
	sim_fini(&sim);
}

/* ---- random ---- */

enum { CELLS = 6, MAX_CONTAINERS = 3 };

static void random_cell(struct sim *sim, struct buf *text, int index)
{
	unsigned n = 1 + world_random(&sim->world, MAX_CONTAINERS);

	buf_printf(text,
		   "apiVersion: v1beta1\nkind: Cell\nmetadata: {name: c%d}\nspec:\n"
		   "  realmId: r%u\n  spaceId: s%d\n  containers:\n",
		   index, index % 2U, index % 3);
	for (unsigned i = 0; i < n; i++) {
		buf_printf(text,
			   "  - {id: k%u, image: img, stopGracePeriodSeconds: %u, env: [V=%u], "
			   "ports: [\"%u:80\"], networks: [",
			   i, world_random(&sim->world, 3), world_random(&sim->world, 3),
			   8000 + 10 * (unsigned)index + i + 100 * world_random(&sim->world, 2));
		if (world_chance(&sim->world, 30))
			buf_printf(text, "s%u, ", world_random(&sim->world, 3));
		if (world_chance(&sim->world, 20))
			buf_printf(text, "r%u/x%u", world_random(&sim->world, 2),
				   world_random(&sim->world, 2));
		buf_printf(text, "]}\n");
	}
}

/* The spaces that cells may join: without @all some are missing, with what lies in them. */
static void set_spaces(struct sim *sim, bool all)
{
	static const char *const names[] = { "s0", "s1", "s2", "x0", "x1" };

	for (unsigned realm = 0; realm < 2; realm++)
		for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
			AUTO_FREE char *path = xasprintf("r%u-%s.yaml", realm, names[i]);
			AUTO_FREE char *text =
				xasprintf("apiVersion: v1beta1\nkind: Space\n"
					  "metadata: {name: %s}\nspec: {realmId: r%u}\n",
					  names[i], realm);

			if (!all && world_chance(&sim->world, 30))
				sim_file_gone(sim, path);
			else
				sim_file(sim, path, text);
		}
}

static void set_random_files(struct sim *sim, bool all_spaces)
{
	set_spaces(sim, all_spaces);
	for (int i = 0; i < CELLS; i++) {
		AUTO_FREE char *path = xasprintf("f%d.yaml", i);
		AUTO_BUF struct buf text = { 0 };

		if (world_chance(&sim->world, 40))
			continue;
		random_cell(sim, &text, i);
		if (world_chance(&sim->world, 30))
			sim_file_gone(sim, path);
		else
			sim_file(sim, path, text.data);
	}
	sim_scanned(sim);
}

/* Left behind by a daemon that we know nothing of: every combination of what can be there. */
static void random_leftover(struct sim *sim, const char *realm, const char *key, const char *role)
{
	AUTO_FREE char *namespace_ = name_containerd_namespace(realm);
	AUTO_FREE char *id = name_containerd_id(key, role);
	struct world_container *c = world_make_container(&sim->world, namespace_, id);
	struct world *world = &sim->world;

	if (!c->fact.cell_key) {
		c->fact.cell_key = xstrdup(key);
		c->fact.role = xstrdup(role);
		c->fact.container = xstrdup(strcmp(role, "root") == 0 ? "k0" : role);
		c->fact.spec_hash = xstrdup("old");
	}
	c->fact.record = world_chance(world, 70);
	c->fact.snapshot = world_chance(world, 70);
	if (c->fact.record)
		c->fact.task = (enum task_state[]){ TASK_NONE, TASK_CREATED, TASK_RUNNING,
						    TASK_STOPPED }[world_random(world, 4)];
	c->ignores_term = world_chance(world, 30);
	world_make_parent(world, realm)->own = true;
}

static void random_leftovers(struct sim *sim)
{
	static const char *const roles[] = { "root", "k1", "k2", "k9" };

	for (int i = 0; i < CELLS + 2; i++) {
		AUTO_FREE char *realm = xasprintf("r%d", i % 2);
		AUTO_FREE char *key = xasprintf("%s/s%d/default/c%d", realm, i % 3, i);
		struct world_cell *cell = world_make_cell(&sim->world, key);

		cell->cgroup = world_chance(&sim->world, 50);
		cell->pinned = world_chance(&sim->world, 40);
		cell->intent = world_chance(&sim->world, 40);
		cell->attached = cell->intent && cell->pinned && world_chance(&sim->world, 50);
		if (world_chance(&sim->world, 20))
			world_make_join(cell, i % 2 ? "r0/x0" : "r1/none")->attached =
				cell->attached;
		for (size_t j = 0; j < ARRAY_SIZE(roles); j++)
			if (world_chance(&sim->world, 40))
				random_leftover(sim, realm, key, roles[j]);
	}
	world_tell_rules(&sim->world);
}

/* What kuke may ask of a cell or of one container, at any time. */
static void random_intent(struct sim *sim)
{
	struct object *object;
	struct container *c;

	map_for_each(object, &sim->engine.objects, node) {
		if (object->kind != KIND_CELL || !object->wanted || world_chance(&sim->world, 60))
			continue;
		if (world_chance(&sim->world, 50))
			object->cell.run = (enum run_intent)world_random(&sim->world, 4);
		list_for_each(c, &object->cell.containers, link) {
			bool root = container_is_root(c); /* its restart is the cell's */

			if (c->spec && world_chance(&sim->world, 40))
				c->run = (enum run_intent)world_random(&sim->world, root ? 3 : 4);
		}
		engine_enqueue(&sim->engine, object);
	}
}

static bool is_stop(enum run_intent intent)
{
	return intent == INTENT_STOP || intent == INTENT_KILL;
}

/* In the spaces that it is to be in, and in no other. */
static void assert_joins(struct sim *sim, const struct object *object,
			 const struct world_cell *cell)
{
	const struct world_join *there;
	const struct join *join;
	size_t wanted = 0, n = 0;

	list_for_each(there, &cell->joins, link)
		n++;
	list_for_each(join, &object->cell.joins, link) {
		there = world_join(cell, join->space_key);
		if (!join->wanted || !there || !there->attached || there->link_gone)
			fail_msg("seed %llu: %s and space %s: not as it should be",
				 (unsigned long long)sim->seed, object->key, join->space_key);
		wanted++;
	}
	if (n != wanted)
		fail_msg("seed %llu: %s is in %zu further spaces, wanted are %zu",
			 (unsigned long long)sim->seed, object->key, n, wanted);
}

static void assert_network_whole(struct sim *sim, const struct object *object)
{
	const struct world_parent *parent = world_parent(&sim->world, object->key);
	const struct world_cell *cell = world_cell(&sim->world, object->key);

	if (object->kind == KIND_CELL && !is_stop(cell_intent(object)) &&
	    (!cell || !cell->pinned || !cell->attached || cell->link_gone))
		fail_msg("seed %llu: %s has no network", (unsigned long long)sim->seed,
			 object->key);
	if (object->kind == KIND_CELL && !is_stop(cell_intent(object)))
		assert_joins(sim, object, cell);
	if (object->kind == KIND_SPACE && (!parent || parent->drifted))
		fail_msg("seed %llu: %s has no bridge", (unsigned long long)sim->seed, object->key);
}

/* As it was asked to be: running with its spec, or without a task. Returns how many things it is.
 */
static size_t assert_container(struct sim *sim, const struct object *object,
			       const struct container *c)
{
	AUTO_FREE char *realm = xstrndup(object->key, strcspn(object->key, "/"));
	AUTO_FREE char *namespace_ = name_containerd_namespace(realm);
	const struct world_container *w =
		world_container(&sim->world, namespace_, c->containerd_id);
	bool stopped = is_stop(cell_intent(object)) || is_stop(c->run);

	if (c->run == INTENT_RESTART && !stopped)
		fail_msg("seed %llu: %s %s was never restarted", (unsigned long long)sim->seed,
			 object->key, c->name);
	if (!stopped &&
	    (!w || w->fact.task != TASK_RUNNING || strcmp(w->fact.spec_hash, c->hash) != 0))
		fail_msg("seed %llu: %s %s does not run its spec", (unsigned long long)sim->seed,
			 object->key, c->name);
	if (stopped && w && w->fact.task != TASK_NONE)
		fail_msg("seed %llu: %s %s is not stopped", (unsigned long long)sim->seed,
			 object->key, c->name);
	return w && (w->fact.record || w->fact.snapshot);
}

/* Every port of a cell with an address leads there. */
static size_t assert_ports(struct sim *sim, const struct object *object)
{
	const Api__CellSpec *spec = object->cell.effective;
	const struct world_cell *cell = world_cell(&sim->world, object->key);
	size_t n = 0;

	for (size_t i = 0; cell && cell->attached && i < spec->n_containers; i++)
		for (size_t p = 0; p < spec->containers[i]->n_ports; p++) {
			AUTO_FREE char *line = xasprintf(":%.4s/tcp 10.88.%u.%u:80\n",
							 spec->containers[i]->ports[p],
							 cell->ip >> 8, cell->ip & 255);

			n++;
			if (!strstr(sim->world.filter, line))
				fail_msg("seed %llu: %s is not published: %s",
					 (unsigned long long)sim->seed, object->key, line);
		}
	return n;
}

/* Every space that is there is isolated, every port leads to its cell, and nothing else. */
static void assert_filter(struct sim *sim)
{
	const struct object *object;
	const struct world *world = &sim->world;
	const struct world_parent *parent;
	size_t lines = 0, spaces = 0;

	for (const char *p = world->filter; p && *p; p++)
		lines += *p == '\n';
	map_for_each(parent, &world->parents, node)
		if (parent->own && key_kind(parent->key) == KIND_SPACE) {
			AUTO_FREE char *begin = xasprintf("%s ", parent->key);

			spaces++;
			if (!world->filter || !strstr(world->filter, begin))
				fail_msg("seed %llu: the filter does not know space %s",
					 (unsigned long long)sim->seed, parent->key);
		}
	map_for_each(object, &sim->engine.objects, node)
		if (object->kind == KIND_CELL)
			spaces += assert_ports(sim, object);
	if (lines != spaces)
		fail_msg("seed %llu: the filter has %zu lines for %zu spaces and ports: %s",
			 (unsigned long long)sim->seed, lines, spaces, world->filter);
}

/* The world is exactly what the engine wants: nothing missing, nothing left over. */
static void assert_converged(struct sim *sim)
{
	struct object *object;
	struct container *c;
	size_t expected = 0;

	map_for_each(object, &sim->engine.objects, node) {
		bool stopped = object->kind == KIND_CELL && is_stop(cell_intent(object));

		if (object->status.state !=
		    (stopped ? API__STATE__STATE_STOPPED : API__STATE__STATE_READY))
			fail_msg("seed %llu: %s is not as asked: %s: %s",
				 (unsigned long long)sim->seed, object->key,
				 reason_name(object->status.reason), object->status.message);
		if (object->kind == KIND_CONTAINER)
			continue;
		assert_network_whole(sim, object);
		expected++;
		list_for_each(c, &object->cell.containers, link)
			expected += assert_container(sim, object, c);
	}
	assert_filter(sim);
	if (world_count(&sim->world) != expected)
		fail_msg("seed %llu: the world has %zu things, wanted are %zu",
			 (unsigned long long)sim->seed, world_count(&sim->world), expected);
}

/* Another hand on our networks; whether anybody notices is chance. */
static void drift(struct sim *sim)
{
	struct world *world = &sim->world;
	struct world_parent *parent;
	struct world_cell *cell;
	struct world_join *join;

	map_for_each(cell, &world->cells, node) {
		if (world_chance(world, 30))
			world_take_pin(world, cell);
		if (cell->attached && world_chance(world, 30))
			cell->link_gone = true;
		list_for_each(join, &cell->joins, link)
			join->link_gone |= join->attached && world_chance(world, 30);
	}
	map_for_each(parent, &world->parents, node)
		parent->drifted |= parent->own && world_chance(world, 30);
	if (world_chance(world, 50))
		world_flush_filter(world);
	if (world_chance(world, 50))
		relist_network(&sim->engine);
}

static void disturb(struct sim *sim)
{
	struct world *world = &sim->world;
	struct world_container *c;
	unsigned skip = world_random(world, (unsigned)world->containers.count + 1);

	map_for_each(c, &world->containers, node)
		if (skip-- == 0)
			world_exit(world, c, world_random(world, 3));
	switch (world_random(world, 10)) {
	case 8:
	case 9:
		drift(sim);
		break;
	case 0:
		sim_crash(sim);
		sim_start(sim);
		break;
	case 1:
		world_runtime_down(world);
		sim_run(sim, world_random(world, 3000));
		world_runtime_up(world);
		break;
	case 2:
	case 3:
		set_random_files(sim, false);
		break;
	case 4:
		random_intent(sim);
		break;
	default:
		break;
	}
}

static void one_random_life(uint64_t seed)
{
	struct sim sim;

	sim_init(&sim, seed);
	random_leftovers(&sim);
	sim.world.fail_percent = world_random(&sim.world, 3) * 15;
	sim.world.lost_hint_percent = world_random(&sim.world, 2) * 30;
	sim.world.answer_ms = world_random(&sim.world, 2) * 30;
	sim_start(&sim);
	set_random_files(&sim, false);
	for (unsigned n = world_random(&sim.world, 12); n > 0; n--) {
		sim_run(&sim, world_random(&sim.world, 400));
		disturb(&sim);
	}
	sim.world.fail_percent = sim.world.lost_hint_percent = 0;
	sim_crash(&sim); /* the last start sees only what is there */
	sim_start(&sim);
	set_random_files(&sim, true);
	random_intent(&sim);
	if (!sim_settle(&sim))
		fail_msg("seed %llu: does not come to rest", (unsigned long long)seed);
	assert_converged(&sim);
	sim.world.frozen = true;
	sim_run(&sim, 60 * 60 * 1000);
	assert_no_violation(&sim);
	sim_fini(&sim);
}

/* What cannot be begun is tried again after ever longer pauses, says why, and comes up by itself.
 */
static void test_21_no_space_for_a_network(void **state)
{
	struct sim sim;
	uint64_t acts;

	(void)state;
	sim_init(&sim, 21);
	world_make_cell(&sim.world, web_key)->no_space = true;
	sim_start(&sim);
	sim_file(&sim, "web.yaml", two_containers);
	sim_scanned(&sim);
	sim_run(&sim, 10000);
	assert_int_equal(engine_find(&sim.engine, web_key)->status.reason, REASON_NETWORK_FAILED);
	acts = sim.world.acts;
	sim_run(&sim, 60000);
	assert_in_range(sim.world.acts - acts, 12, 50); /* each 5 s */
	world_cell(&sim.world, web_key)->no_space = false;
	sim_run(&sim, 6000);
	assert_int_equal(sim_state(&sim, web_key), API__STATE__STATE_READY);
	assert_no_violation(&sim);
	sim_fini(&sim);
}

static void test_random_lives(void **state)
{
	const char *only = getenv("KUKEON_SIM_SEED"), *rounds = getenv("KUKEON_SIM_ROUNDS");
	uint64_t n = rounds ? strtoull(rounds, NULL, 10) : 300;

	(void)state;
	if (only)
		return one_random_life(strtoull(only, NULL, 10));
	for (uint64_t seed = 1; seed <= n; seed++)
		one_random_life(seed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_00_nothing),
		cmocka_unit_test(test_01_cell_becomes_ready),
		cmocka_unit_test(test_02_file_gone_removes_all),
		cmocka_unit_test(test_02_declared_while_its_parents_go),
		cmocka_unit_test(test_03_moved_to_another_file),
		cmocka_unit_test(test_04_killed_container_comes_back),
		cmocka_unit_test(test_05_killed_root_recycles_the_cell),
		cmocka_unit_test(test_06_edit_touches_what_changed),
		cmocka_unit_test(test_07_image_missing_keeps_the_old),
		cmocka_unit_test(test_08_crash_loop_backs_off),
		cmocka_unit_test(test_09_restart_adopts),
		cmocka_unit_test(test_10_healthy_is_never_touched),
		cmocka_unit_test(test_11_empty_directory_at_start_deletes_nothing),
		cmocka_unit_test(test_12_stubborn_process_is_killed),
		cmocka_unit_test(test_13_adopted_hierarchy_goes_at_once),
		cmocka_unit_test(test_14_reboot),
		cmocka_unit_test(test_15_task_that_refuses_to_die),
		cmocka_unit_test(test_16_process_that_cannot_die),
		cmocka_unit_test(test_17_many_at_once),
		cmocka_unit_test(test_18_network_drift_restarts_nothing),
		cmocka_unit_test(test_19_shim_hangs),
		cmocka_unit_test(test_20_controllers_come_back),
		cmocka_unit_test(test_21_no_space_for_a_network),
		cmocka_unit_test(test_22_joins_restart_nothing),
		cmocka_unit_test(test_23_join_that_failed_is_undone),
		cmocka_unit_test(test_24_joins_before_the_start),
		cmocka_unit_test(test_25_packet_filter),
		cmocka_unit_test(test_25_filter_taken_away),
		cmocka_unit_test(test_25_nothing_starts_without_filter),
		cmocka_unit_test(test_25_one_space_refused),
		cmocka_unit_test(test_25_range_overlaps),
		cmocka_unit_test(test_25_forwarding),
		cmocka_unit_test(test_26_ports_of_two),
		cmocka_unit_test(test_27_names_without_case),
		cmocka_unit_test(test_random_lives),
	};

	log_set_level(getenv("KUKEON_SIM_LOG") ? LOG_DEBUG : LOG_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
