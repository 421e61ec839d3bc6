/* SPDX-License-Identifier: Apache-2.0 */
#include "core/status/status.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "core/base/log.h"
#include "core/base/wall.h"
#include "core/model/view.h"
#include "core/status/record.h"
#include "tests/fake/host.h"

enum { LONG_MS = 10 * 1000 };

#define WEB "default/default/default/web"

/* ---- time ---- */

static const struct {
	int64_t wall_ms;
	const char *text;
} times[] = {
	{ 1, "1970-01-01T00:00:00.001Z" },
	{ 1000, "1970-01-01T00:00:01.000Z" },
	{ 951782400000, "2000-02-29T00:00:00.000Z" },
	{ 1772366400123, "2026-03-01T12:00:00.123Z" },
	{ 1798761599999, "2026-12-31T23:59:59.999Z" },
	{ 4102444800050, "2100-01-01T00:00:00.050Z" },
};

static void test_times(void **state UNUSED)
{
	int64_t now_ms = wall_now_ms();
	AUTO_FREE char *now = wall_text(now_ms);

	for (size_t i = 0; i < ARRAY_SIZE(times); i++) {
		AUTO_FREE char *text = wall_text(times[i].wall_ms);

		assert_string_equal(text, times[i].text);
		assert_int_equal(wall_parse(text), times[i].wall_ms);
	}
	assert_null(wall_text(0));
	assert_int_equal(wall_parse(now), now_ms);
}

static const struct {
	const char *text;
	int64_t wall_ms;
} parsed[] = {
	{ NULL, 0 },
	{ "", 0 },
	{ "yesterday", 0 },
	{ "2026-03-01", 0 },
	{ "2026-13-01T12:00:00Z", 0 },
	{ "2026-03-01T12:00:00Z", 1772366400000 },
	{ "2026-03-01T12:00:00.5Z", 1772366400500 },
	{ "2026-03-01T12:00:00.05Z", 1772366400050 },
	{ "2026-03-01T12:00:00.123456Z", 1772366400123 },
	{ "2026-03-01T12:00:00.-1Z", 1772366400000 },
};

static void test_parse(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_SIZE(parsed); i++) {
		int64_t got = wall_parse(parsed[i].text);

		if (got != parsed[i].wall_ms)
			fail_msg("\"%s\": %lld, expected %lld",
				 parsed[i].text ? parsed[i].text : "(null)", (long long)got,
				 (long long)parsed[i].wall_ms);
	}
}

/* ---- whole documents ---- */

static void start(struct sim *sim)
{
	sim_init(sim, 1);
	sim_start(sim);
	sim_file(
		sim, "a.yaml",
		"apiVersion: v1beta1\nkind: Cell\nmetadata: {name: web, labels: {app: x}}\nspec:\n  containers:\n"
		"  - {id: a, image: img}\n  - {id: b, image: other, restartPolicy: never}\n");
	sim_scanned(sim);
	sim_run(sim, LONG_MS);
}

static ProtobufCMessage *render(struct sim *sim, const char *key)
{
	ProtobufCMessage *message = status_render(&sim->engine, engine_find(&sim->engine, key));

	assert_non_null(message);
	return message;
}

static void assert_common(enum kind kind, const ProtobufCMessage *message, const char *source,
			  const char *cgroup)
{
	const Api__CommonStatus status = model_status(kind, message);

	assert_int_equal(status.state, API__STATE__STATE_READY);
	assert_null(status.reason);
	assert_null(status.message);
	assert_string_equal(status.source, source);
	assert_string_equal(status.cgroup_path, cgroup);
	assert_true(status.cgroup_ready);
	assert_true(wall_parse(status.created_at) > 0);
	assert_true(wall_parse(status.ready_at) >= wall_parse(status.created_at));
}

static void test_render_parents(void **state UNUSED)
{
	struct sim sim;
	Api__Realm *realm;
	Api__Space *space;
	Api__Stack *stack;

	start(&sim);
	realm = (Api__Realm *)render(&sim, "default");
	assert_common(KIND_REALM, &realm->base, "implicit", "/kukeon/default");
	assert_string_equal(realm->status->containerd_namespace, "kukeon-default");
	assert_true(realm->status->containerd_namespace_ready);
	space = (Api__Space *)render(&sim, "default/default");
	assert_common(KIND_SPACE, &space->base, "implicit", "/kukeon/default/default");
	assert_string_equal(space->status->network, "default-default");
	assert_non_null(space->status->bridge);
	assert_non_null(space->status->subnet);
	stack = (Api__Stack *)render(&sim, "default/default/default");
	assert_common(KIND_STACK, &stack->base, "implicit", "/kukeon/default/default/default");
	assert_string_equal(stack->metadata->name, "default");
	protobuf_c_message_free_unpacked(&realm->base, NULL);
	protobuf_c_message_free_unpacked(&space->base, NULL);
	protobuf_c_message_free_unpacked(&stack->base, NULL);
	sim_fini(&sim);
}

static void test_render_cell(void **state UNUSED)
{
	struct sim sim;
	Api__ContainerStatus *root;
	Api__Cell *cell;

	start(&sim);
	cell = (Api__Cell *)render(&sim, WEB);
	assert_common(KIND_CELL, &cell->base, "manifest:a.yaml", "/kukeon/" WEB);
	assert_string_equal(cell->metadata->labels[0]->value, "x");
	assert_non_null(cell->status->ip);
	assert_non_null(cell->status->netns);
	assert_int_equal(cell->status->n_containers, 2);
	root = cell->status->containers[0];
	assert_string_equal(root->id, "a");
	assert_true(root->root);
	assert_int_equal(root->state, API__STATE__STATE_READY);
	assert_string_equal(root->containerd_id, "default_default_web_root");
	assert_string_equal(root->cgroup_path, "/kukeon/" WEB "/web_root");
	assert_true(root->pid > 0);
	assert_false(root->has_exit_code);
	assert_non_null(root->started_at);
	assert_null(root->finished_at);
	assert_false(cell->status->containers[1]->root);
	assert_string_equal(cell->status->containers[1]->image, "other");
	protobuf_c_message_free_unpacked(&cell->base, NULL);
	sim_fini(&sim);
}

static const struct {
	uint32_t exit_code, signal;
} exits[] = { { 0, 0 }, { 3, 0 }, { 128, 0 }, { 137, 9 }, { 192, 64 }, { 193, 0 }, { 255, 0 } };

static void test_render_exit(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_SIZE(exits); i++) {
		struct sim sim;
		const struct object *cell;
		Api__Container *b;

		start(&sim);
		world_exit(&sim.world,
			   world_container(&sim.world, "kukeon-default", "default_default_web_b"),
			   exits[i].exit_code);
		sim_run(&sim, LONG_MS);
		cell = engine_find(&sim.engine, WEB);
		b = status_render_container(&sim.engine, cell,
					    cell_find_container((struct object *)cell, "b"));
		assert_string_equal(b->kind, "Container");
		assert_string_equal(b->metadata->name, "b");
		assert_int_equal(b->spec->restart_policy,
				 API__RESTART_POLICY__RESTART_POLICY_NEVER);
		assert_int_equal(b->status->state, exits[i].exit_code ? API__STATE__STATE_FAILED
								      : API__STATE__STATE_STOPPED);
		assert_int_equal(b->status->exit_code, exits[i].exit_code);
		assert_int_equal(b->status->exit_signal, exits[i].signal);
		assert_int_equal(b->status->has_exit_signal, exits[i].signal != 0);
		assert_false(b->status->has_pid);
		assert_non_null(b->status->finished_at);
		protobuf_c_message_free_unpacked(&b->base, NULL);
		sim_fini(&sim);
	}
}

/* createdAt and readyAt are set once; updatedAt is the store's. */
static void test_times_are_set_once(void **state UNUSED)
{
	struct sim sim;
	const struct object *cell;
	int64_t created_ms, ready_ms;

	start(&sim);
	cell = engine_find(&sim.engine, WEB);
	created_ms = cell->status.created_ms;
	ready_ms = cell->status.ready_ms;
	usleep(2000);
	world_exit(&sim.world,
		   world_container(&sim.world, "kukeon-default", "default_default_web_root"), 1);
	sim_run(&sim, LONG_MS);
	assert_int_equal(cell->status.state, API__STATE__STATE_READY);
	assert_int_equal(cell->status.created_ms, created_ms);
	assert_int_equal(cell->status.ready_ms, ready_ms);
	sim_fini(&sim);
}

static void test_never_wanted(void **state UNUSED)
{
	struct sim sim;

	sim_init(&sim, 1);
	sim_start(&sim);
	assert_null(status_render(&sim.engine, engine_get(&sim.engine, "stranger")));
	sim_fini(&sim);
}

/* ---- what is recorded ---- */

static bool warns(struct sim *sim, enum reason reason)
{
	const struct plan plan = { .state = API__STATE__STATE_PENDING, .reason = reason };
	const struct event_ring *ring = &sim->engine.history.ring;
	const struct event *event;

	record_state(&sim->engine, engine_find(&sim->engine, WEB), &plan);
	event = event_ring_at(ring, ring->n - 1);
	assert_string_equal(event->reason, reason_name(reason));
	return event->warning;
}

/* Two hundred cells that come up ten at a time are no hundred and ninety warnings. */
static void test_what_warns(void **state UNUSED)
{
	struct sim sim;

	start(&sim);
	assert_false(warns(&sim, REASON_CREATING));
	assert_false(warns(&sim, REASON_WAITING_ITS_TURN));
	assert_true(warns(&sim, REASON_IMAGE_NOT_PRESENT));
	sim_fini(&sim);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_times),          cmocka_unit_test(test_parse),
		cmocka_unit_test(test_render_parents), cmocka_unit_test(test_render_cell),
		cmocka_unit_test(test_render_exit),    cmocka_unit_test(test_times_are_set_once),
		cmocka_unit_test(test_never_wanted),   cmocka_unit_test(test_what_warns),
	};

	log_set_level(LOG_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
