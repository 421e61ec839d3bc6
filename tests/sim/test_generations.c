/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hints, orders, acts and listings that overlap: what is older is not believed, and an act that
 * began before an edit does not meet it.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "core/base/log.h"
#include "core/desired/desired.h"
#include "core/reconcile/observed.h"
#include "core/reconcile/relist.h"
#include "tests/fake/host.h"

enum { SLOW_MS = 400, SETTLED_MS = 5000, NEVER_MS = 60 * 60 * 1000 };

#define WEB "default/default/default/web"

/* One of those a scenario may look at. */
static const char *const keys[] = { "default", "default/default", "default/default/default", WEB };

static char *web_text(const char *image, const char *more)
{
	return xasprintf("apiVersion: v1beta1\nkind: Cell\nmetadata: {name: web}\nspec:\n"
			 "  %s\n  containers:\n"
			 "  - {id: a, image: %s, stopGracePeriodSeconds: 1}\n"
			 "  - {id: b, image: img, stopGracePeriodSeconds: 1}\n",
			 more, image);
}

static void give_web(struct sim *sim, const char *image, const char *more)
{
	AUTO_FREE char *text = web_text(image, more);

	sim_file(sim, "web.yaml", text);
	sim_scanned(sim);
}

static void start(struct sim *sim)
{
	sim_init(sim, 1);
	sim_start(sim);
	give_web(sim, "img", "");
	sim_run(sim, SETTLED_MS);
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		assert_int_equal(sim_state(sim, keys[i]), API__STATE__STATE_READY);
}

static void finish(struct sim *sim)
{
	if (sim->world.violations)
		fail_msg("%s", sim->world.violation);
	sim_fini(sim);
}

static struct object *cell_of(struct sim *sim)
{
	return engine_find(&sim->engine, WEB);
}

static struct container *container(struct sim *sim, const char *role)
{
	return cell_find_container(cell_of(sim), role);
}

static struct world_container *process(struct sim *sim, const char *role)
{
	AUTO_FREE char *id = name_containerd_id(WEB, role);

	return world_container(&sim->world, "kukeon-default", id);
}

static void assert_web(struct sim *sim, Api__State state, const char *reason)
{
	const struct object *web = cell_of(sim);

	if (web->status.state != state || !str_equal(reason_name(web->status.reason), reason))
		fail_msg("web is %d %s: %s", web->status.state, reason_name(web->status.reason),
			 web->status.message);
}

static bool is_busy(const struct slot *slot, enum action action)
{
	return slot->busy && slot->action == action;
}

/* Runs until the slot is busy with the action. */
static void until_busy(struct sim *sim, const struct slot *slot, enum action action)
{
	for (int ms = 0; !is_busy(slot, action); ms++) {
		if (ms > SETTLED_MS)
			fail_msg("%s never began", action_name(action));
		sim_run(sim, 1);
	}
}

/* ---- orders that overtake acts ---- */

/* One that no root has used is no beginning any more once it is being taken down. */
static void test_nothing_begins_in_a_network_that_goes(void **state UNUSED)
{
	struct sim sim;
	struct object *web;

	sim_init(&sim, 1);
	world_pace(&sim.world, "create", SLOW_MS, 0);
	sim_start(&sim);
	give_web(&sim, "img", "");
	sim_run(&sim, 1);
	web = cell_of(&sim);
	until_busy(&sim, &container(&sim, "root")->slot, ACTION_CONTAINER_CREATE);
	while (!web->cell.attached)
		sim_run(&sim, 1);
	assert_true(web->cell.fresh && container(&sim, "root")->slot.busy);
	world_pace(&sim.world, "detach", SLOW_MS, 0);
	web->cell.run = INTENT_STOP;
	engine_enqueue(&sim.engine, web);
	until_busy(&sim, &web->cell.network, ACTION_NETWORK_DETACH);
	web->cell.run = INTENT_RUN;
	engine_want_object_anew(&sim.engine, web);
	engine_enqueue(&sim.engine, web);
	while (is_busy(&web->cell.network, ACTION_NETWORK_DETACH)) {
		assert_false(is_busy(&container(&sim, "root")->slot, ACTION_TASK_CREATE));
		assert_int_equal(container(&sim, "root")->task, TASK_NONE);
		sim_run(&sim, 1);
	}
	sim_run(&sim, SETTLED_MS);
	assert_web(&sim, API__STATE__STATE_READY, "");
	finish(&sim);
}

/* ---- edits that overtake acts ---- */

/* The image of the spec before is not that of this one. */
static void test_image_of_an_earlier_spec(void **state UNUSED)
{
	struct sim sim;

	start(&sim);
	strv_add(&sim.world.missing_images, "c");
	sim.world.act_ms = SLOW_MS;
	give_web(&sim, "b", "");
	until_busy(&sim, &container(&sim, "root")->slot, ACTION_IMAGE_RESOLVE);
	give_web(&sim, "c", "");
	sim_run(&sim, NEVER_MS);
	assert_int_equal(process(&sim, "root")->starts, 1);
	assert_int_equal(process(&sim, "root")->fact.task, TASK_RUNNING);
	assert_web(&sim, API__STATE__STATE_PENDING, "ImageNotFound");
	strv_fini(&sim.world.missing_images);
	sim_run(&sim, 2 * 60 * 1000);
	assert_int_equal(process(&sim, "root")->starts, 2);
	assert_web(&sim, API__STATE__STATE_READY, "");
	finish(&sim);
}

/* Nor is its failure. */
static void test_failure_of_an_earlier_spec(void **state UNUSED)
{
	const struct event_ring *ring;
	struct sim sim;

	start(&sim);
	strv_add(&sim.world.missing_images, "b");
	sim.world.act_ms = SLOW_MS;
	give_web(&sim, "b", "");
	until_busy(&sim, &container(&sim, "root")->slot, ACTION_IMAGE_RESOLVE);
	give_web(&sim, "c", "");
	sim_run(&sim, SLOW_MS);
	assert_int_equal(container(&sim, "root")->slot.failures, 0);
	sim_run(&sim, 10 * SETTLED_MS);
	assert_web(&sim, API__STATE__STATE_READY, "");
	ring = &sim.engine.history.ring;
	for (size_t i = 0; i < ring->n; i++)
		assert_string_not_equal(event_ring_at(ring, i)->reason, "ImageNotFound");
	finish(&sim);
}

#define SPACE(subnet)                                                                              \
	"apiVersion: v1beta1\nkind: Space\nmetadata: {name: s}\nspec: {subnet: " subnet "}\n"

static void test_subnet_of_an_earlier_spec(void **state UNUSED)
{
	const struct object *space;
	struct sim sim;

	start(&sim);
	sim.world.act_ms = SLOW_MS;
	sim_file(&sim, "s.yaml", SPACE("10.1.0.0/24"));
	sim_scanned(&sim);
	space = engine_find(&sim.engine, "default/s");
	until_busy(&sim, &space->backing.slot, ACTION_SPACE_ENSURE);
	sim_file(&sim, "s.yaml", SPACE("10.2.0.0/24"));
	sim_scanned(&sim);
	sim_run(&sim, SETTLED_MS);
	assert_int_equal(sim_state(&sim, "default/s"), API__STATE__STATE_READY);
	assert_string_equal(world_parent(&sim.world, "default/s")->subnet, "10.2.0.0/24");
	assert_string_equal(space->backing.space.subnet, "10.2.0.0/24");
	finish(&sim);
}

/* What kuke init --force-regenerate-cni does. */
static void regenerate(struct sim *sim, struct object *space)
{
	space->backing.regenerate = true;
	space->backing.applied = false;
	engine_want_anew(&sim->engine, &space->backing.slot);
	engine_enqueue(&sim->engine, space);
}

static void test_regenerated_again(void **state UNUSED)
{
	struct object *space;
	struct sim sim;

	start(&sim);
	sim.world.act_ms = SLOW_MS;
	space = engine_find(&sim.engine, "default/default");
	space->backing.applied = false;
	engine_enqueue(&sim.engine, space);
	until_busy(&sim, &space->backing.slot, ACTION_SPACE_ENSURE);
	regenerate(&sim, space);
	sim_run(&sim, SETTLED_MS);
	assert_int_equal(world_parent(&sim.world, space->key)->regenerated, 1);
	assert_true(space->backing.applied);
	assert_false(space->backing.regenerate);
	finish(&sim);
}

static void test_controllers_of_an_earlier_spec(void **state UNUSED)
{
	struct sim sim;

	start(&sim);
	sim.world.act_ms = SLOW_MS;
	for (int all = 1; all >= 0; all--) {
		world_cell(&sim.world, WEB)->controllers_gone = true;
		relist_cgroups(&sim.engine);
		until_busy(&sim, &cell_of(&sim)->cgroup, ACTION_CGROUP_ENSURE);
		give_web(&sim, "img", all ? "nestedCgroupRuntime: true" : "");
		sim_run(&sim, SETTLED_MS);
		assert_int_equal(world_cell(&sim.world, WEB)->all_controllers, all);
	}
	assert_int_equal(process(&sim, "root")->starts, 1);
	finish(&sim);
}

/* A space that is deleted and declared again while it is being taken down, or made. */
static void test_space_comes_back(void **state UNUSED)
{
	enum action during[] = { ACTION_SPACE_ENSURE, ACTION_SPACE_REMOVE };
	struct sim sim;

	start(&sim);
	sim.world.act_ms = SLOW_MS;
	for (size_t i = 0; i < ARRAY_SIZE(during); i++) {
		sim_file(&sim, "s.yaml", SPACE("10.1.0.0/24"));
		sim_scanned(&sim);
		if (during[i] == ACTION_SPACE_REMOVE) {
			sim_run(&sim, SETTLED_MS);
			sim_file_gone(&sim, "s.yaml");
		}
		until_busy(&sim, &engine_find(&sim.engine, "default/s")->backing.slot, during[i]);
		sim_file(&sim, "s.yaml", SPACE("10.2.0.0/24"));
		sim_scanned(&sim);
		sim_run(&sim, SETTLED_MS);
		assert_int_equal(sim_state(&sim, "default/s"), API__STATE__STATE_READY);
		assert_true(world_parent(&sim.world, "default/s")->own);
		assert_string_equal(world_parent(&sim.world, "default/s")->subnet, "10.2.0.0/24");
	}
	finish(&sim);
}

/* ---- hints that overtake readings ---- */

/* Runs until some act of this name has read, and makes it tell that @answer_ms later at most; all
 * others tell at once. Returns its number. */
static uint64_t until_read(struct sim *sim, const char *name, unsigned answer_ms)
{
	for (int ms = 0; ms < SETTLED_MS; ms++) {
		struct op *op;

		sim->world.answer_ms = 0;
		list_for_each(op, &sim->world.ops, link) {
			if (strcmp(op->name, name) != 0)
				continue;
			sim->world.answer_ms = op->answered ? 0 : answer_ms;
			if (op->answered)
				return op->nth;
		}
		sim_run(sim, 1);
	}
	fail_msg("%s was never read", name);
	return 0;
}

static bool is_under_way(const struct sim *sim, uint64_t nth)
{
	const struct op *op;

	list_for_each(op, &sim->world.ops, link)
		if (op->nth == nth)
			return true;
	return false;
}

/* An image that came while it was looked for is found at once. */
static void test_image_comes_while_it_is_looked_for(void **state UNUSED)
{
	struct sim sim;

	start(&sim);
	strv_add(&sim.world.missing_images, "b");
	give_web(&sim, "b", "");
	until_read(&sim, "resolve", SLOW_MS);
	strv_fini(&sim.world.missing_images);
	observed_hint_image(&sim.engine, "kukeon-default");
	sim_run(&sim, SLOW_MS + 50);
	assert_true(container(&sim, "root")->image_ready);
	sim_run(&sim, SETTLED_MS);
	assert_web(&sim, API__STATE__STATE_READY, "");
	finish(&sim);
}

/* The act tells what it has read now. */
static void answer_now(struct sim *sim, uint64_t nth)
{
	struct op *op;

	list_for_each(op, &sim->world.ops, link)
		if (op->nth == nth)
			return op->timer.fn(&op->timer);
	fail_msg("it is not under way");
}

/* With the event, the listing's answer comes: it is the older of the two. */
static void test_exit_with_a_listing(void **state UNUSED)
{
	static const char *const roles[] = { "b", "root" };
	struct sim sim;

	start(&sim);
	for (size_t i = 0; i < ARRAY_SIZE(roles); i++) {
		unsigned starts = process(&sim, roles[i])->starts;

		relist_runtime(&sim.engine);
		answer_now(&sim, until_read(&sim, "list", SLOW_MS));
		world_exit(&sim.world, process(&sim, roles[i]), 1);
		sim_run(&sim, SETTLED_MS);
		assert_int_equal(process(&sim, roles[i])->starts, starts + 1);
		assert_web(&sim, API__STATE__STATE_READY, "");
	}
	finish(&sim);
}

/* The same of an inspection. */
static void test_exit_with_an_inspection(void **state UNUSED)
{
	struct sim sim;

	start(&sim);
	fake_runtime_hint(&sim.world, process(&sim, "b"));
	answer_now(&sim, until_read(&sim, "inspect", SLOW_MS));
	world_exit(&sim.world, process(&sim, "b"), 1);
	sim_run(&sim, SETTLED_MS);
	assert_int_equal(process(&sim, "b")->starts, 2);
	finish(&sim);
}

/* Of two listings the one that began later is believed, though the other comes last. */
static void test_listing_is_overtaken(void **state UNUSED)
{
	static const char job[] =
		"apiVersion: v1beta1\nkind: Cell\nmetadata: {name: web}\nspec:\n"
		"  containers: [{id: a, image: img}, {id: b, image: img, restartPolicy: never}]\n";
	struct sim sim;
	uint64_t older;

	start(&sim);
	sim_file(&sim, "web.yaml", job);
	sim_run(&sim, SETTLED_MS);
	relist_runtime(&sim.engine);
	older = until_read(&sim, "list", NEVER_MS);
	sim.world.lost_hint_percent = 100;
	world_exit(&sim.world, process(&sim, "b"), 0);
	relist_runtime(&sim.engine);
	sim_run(&sim, SETTLED_MS);
	assert_int_equal(container(&sim, "b")->task, TASK_STOPPED);
	answer_now(&sim, older);
	sim_run(&sim, SETTLED_MS);
	assert_int_equal(container(&sim, "b")->task, TASK_STOPPED);
	assert_int_equal(container(&sim, "b")->restarts, 0);
	sim.world.lost_hint_percent = 0;
	finish(&sim);
}

/* The event is lost, the listing tells: while an act is under way that is not to be lost either. */
static void test_listing_during_an_act(void **state UNUSED)
{
	struct sim sim;

	start(&sim);
	strv_add(&sim.world.missing_images, "b");
	give_web(&sim, "b", "");
	sim.world.act_ms = SLOW_MS;
	until_busy(&sim, &container(&sim, "root")->slot, ACTION_IMAGE_RESOLVE);
	sim.world.lost_hint_percent = 100;
	world_exit(&sim.world, process(&sim, "root"), 1);
	sim.world.act_ms = 1;
	relist_runtime(&sim.engine);
	sim_run(&sim, 2 * SLOW_MS);
	assert_int_not_equal(container(&sim, "root")->task, TASK_RUNNING);
	strv_fini(&sim.world.missing_images);
	sim.world.lost_hint_percent = 0;
	finish(&sim);
}

/* The same of a cgroup: that it is empty is what ends a deletion. */
static void test_cgroup_hint_during_an_inspection(void **state UNUSED)
{
	struct sim sim;

	start(&sim);
	fake_cgroup_hint(&sim.world, WEB);
	until_read(&sim, "cgroup inspect", SLOW_MS);
	process(&sim, "b")->fact.task = process(&sim, "root")->fact.task = TASK_NONE;
	fake_cgroup_hint(&sim.world, WEB); /* of the end of its processes no other tells */
	sim_run(&sim, SETTLED_MS);
	assert_int_equal(process(&sim, "root")->starts, 2);
	assert_web(&sim, API__STATE__STATE_READY, "");
	finish(&sim);
}

/* And of a cgroup whose children are gone, which nobody hints at. */
static void test_child_goes_during_an_inspection(void **state UNUSED)
{
	struct object *stack;
	uint64_t first;
	struct sim sim;

	start(&sim);
	stack = engine_find(&sim.engine, "default/default/default");
	engine_invalidate_cgroup(&sim.engine, stack);
	first = until_read(&sim, "cgroup inspect", SLOW_MS);
	engine_invalidate_cgroup(&sim.engine, stack);
	sim.world.act_ms = SLOW_MS;
	while (is_under_way(&sim, first))
		sim_run(&sim, 1);
	assert_false(stack->cgroup.known);
	finish(&sim);
}

/* A listing of before its deletion does not bring anything back. */
static void test_listing_of_what_is_gone(void **state UNUSED)
{
	static void (*const looks[])(struct engine *) = { relist_runtime, relist_network,
							  relist_cgroups };
	static const char *const names[] = { "list", "list networks", "cgroup list" };

	for (size_t i = 0; i < ARRAY_SIZE(looks); i++) {
		struct sim sim;
		uint64_t nth;

		start(&sim);
		looks[i](&sim.engine);
		nth = until_read(&sim, names[i], NEVER_MS);
		sim_file_gone(&sim, "web.yaml");
		sim_scanned(&sim);
		sim_run(&sim, 2 * SETTLED_MS);
		assert_null(engine_find(&sim.engine, "default"));
		assert_true(is_under_way(&sim, nth));
		sim.world.frozen = true;
		answer_now(&sim, nth);
		sim_run(&sim, SETTLED_MS);
		assert_null(engine_find(&sim.engine, "default"));
		finish(&sim);
	}
}

/* What another hand takes from a network that is being worked on is seen soon after. */
static void test_drift_during_an_act(void **state UNUSED)
{
	struct world_cell *cell;
	struct object *web;
	struct sim sim;

	start(&sim);
	web = cell_of(&sim);
	cell = world_cell(&sim.world, WEB);
	cell->link_gone = true;
	relist_network(&sim.engine);
	until_busy(&sim, &web->cell.network, ACTION_NETWORK_REPAIR);
	sim.world.act_ms = 10 * SLOW_MS;
	relist_network(&sim.engine);
	sim.world.act_ms = 1;
	while (web->cell.network.busy)
		sim_run(&sim, 1);
	assert_false(cell->link_gone);
	assert_false(list_empty(&sim.world.ops));
	cell->link_gone = true;
	sim_run(&sim, 3 * SETTLED_MS);
	assert_false(cell->link_gone);
	assert_int_equal(process(&sim, "root")->starts, 1);
	finish(&sim);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_begins_in_a_network_that_goes),
		cmocka_unit_test(test_image_of_an_earlier_spec),
		cmocka_unit_test(test_failure_of_an_earlier_spec),
		cmocka_unit_test(test_image_comes_while_it_is_looked_for),
		cmocka_unit_test(test_subnet_of_an_earlier_spec),
		cmocka_unit_test(test_regenerated_again),
		cmocka_unit_test(test_controllers_of_an_earlier_spec),
		cmocka_unit_test(test_space_comes_back),
		cmocka_unit_test(test_exit_with_a_listing),
		cmocka_unit_test(test_listing_is_overtaken),
		cmocka_unit_test(test_listing_during_an_act),
		cmocka_unit_test(test_exit_with_an_inspection),
		cmocka_unit_test(test_cgroup_hint_during_an_inspection),
		cmocka_unit_test(test_child_goes_during_an_inspection),
		cmocka_unit_test(test_listing_of_what_is_gone),
		cmocka_unit_test(test_drift_during_an_act),
	};

	log_set_level(getenv("KUKEON_SIM_LOG") ? LOG_DEBUG : LOG_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
