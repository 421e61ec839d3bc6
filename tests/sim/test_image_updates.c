/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cells whose images are looked after: who asks the registry and how often, what is made anew and
 * what is not, and how one that does not take its new image goes back; with a daemon that dies at
 * every step of it.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "core/base/fs.h"
#include "core/base/log.h"
#include "core/desired/desired.h"
#include "core/desired/run_order.h"
#include "core/events/event_ring.h"
#include "tests/fake/host.h"
#include "tests/sim/scale.h"
#include "tests/unit/scratch.h"

#define WEB "default/default/default/web"
#define NAMESPACE "kukeon-default"
#define OLD "sha256:0 of nginx"
#define NEW "sha256:1 of nginx"
#define NEWER "sha256:2 of nginx"
#define KEPT "docker.io/library/nginx@" OLD
#define ANNOTATED ", annotations: {kukeon.io/auto-update: registry}"
#define CELL(name, image, annotations, more)                                                       \
	"---\napiVersion: v1beta1\nkind: Cell\nmetadata: {name: " name annotations "}\n"           \
	"spec: {containers: [{id: a, image: " image ", stopGracePeriodSeconds: 1" more "}]}\n"
#define UPDATED CELL("web", "nginx", ANNOTATED, "")

enum { SECOND_MS = 1000, MINUTE_MS = 60 * SECOND_MS, HOUR_MS = 60 * MINUTE_MS };
enum { PERIOD_MS = 24 * HOUR_MS, WITHIN_MS = 5 * MINUTE_MS, CELLS_A_FILE = 100 };

static void set(struct sim *sim)
{
	sim_init(sim, 1);
	sim->updating = (struct image_updating){ .every_ms = PERIOD_MS, .within_ms = WITHIN_MS };
}

static void give(struct sim *sim, const char *text)
{
	sim_file(sim, "web.yaml", text);
	sim_scanned(sim);
}

static void start(struct sim *sim, const char *text)
{
	set(sim);
	sim_start(sim);
	give(sim, text);
	sim_run(sim, MINUTE_MS);
}

static void push(struct sim *sim)
{
	sim->world.registry.pushed++;
}

static struct world_container *process_of(struct sim *sim, const char *cell)
{
	AUTO_FREE char *id = xasprintf("default_default_%s_root", cell);

	return world_container(&sim->world, NAMESPACE, id);
}

static const char *runs(struct sim *sim, const char *cell)
{
	const struct world_container *process = process_of(sim, cell);

	return process && process->fact.task == TASK_RUNNING ? process->fact.image_digest : "";
}

static unsigned starts(struct sim *sim, const char *cell)
{
	return process_of(sim, cell)->starts;
}

static struct object *web(struct sim *sim)
{
	return engine_find(&sim->engine, WEB);
}

static void expect(struct sim *sim, enum reason reason, const char *digest)
{
	const struct object_status *status = &web(sim)->status;

	if (status->state != API__STATE__STATE_READY || status->reason != reason)
		fail_msg("is %d %s \"%s\"", (int)status->state, reason_name(status->reason),
			 status->message);
	assert_string_equal(runs(sim, "web"), digest);
}

static void finish(struct sim *sim)
{
	if (sim->world.violations)
		fail_msg("%s", sim->world.violation);
	sim_fini(sim);
}

/* How often it is told. */
static unsigned told(struct sim *sim, const char *reason)
{
	const struct event_ring *ring = &sim->engine.history.ring;
	unsigned n = 0;

	for (size_t i = 0; i < ring->n; i++)
		n += str_equal(event_ring_at(ring, i)->reason, reason);
	return n;
}

static bool is_kept(struct sim *sim)
{
	return world_image(&sim->world, NAMESPACE, KEPT);
}

/* ---- one cell ---- */

static void test_updated(void **state UNUSED)
{
	struct sim sim;

	start(&sim, UPDATED CELL("b", "nginx", "", ""));
	push(&sim);
	sim_run(&sim, PERIOD_MS + MINUTE_MS);
	expect(&sim, REASON_NONE, NEW);
	assert_int_equal(sim.world.registry.asked, 1);
	assert_int_equal(starts(&sim, "web"), 2);
	assert_int_equal(told(&sim, "ImageUpdateFound"), 1);
	assert_int_equal(told(&sim, "ImageUpdated"), 1);
	assert_int_equal(told(&sim, "ImageRolledBack"), 0);
	assert_true(is_kept(&sim)); /* the other one runs it */
	/* who does not ask for it is left alone, and so is what is as it shall be */
	assert_string_equal(runs(&sim, "b"), OLD);
	sim_run(&sim, 3 * PERIOD_MS);
	assert_int_equal(starts(&sim, "web") + starts(&sim, "b"), 3);
	assert_in_range(sim.world.registry.asked, 3, 4);
	finish(&sim);
	start(&sim, UPDATED);
	push(&sim);
	sim_run(&sim, PERIOD_MS + MINUTE_MS);
	assert_false(is_kept(&sim));
	assert_int_equal(sim.world.images_removed, 1);
	finish(&sim);
}

/* Not without the annotation, nor where the image cannot move, or the setting is off. */
static void test_not_asked(void **state UNUSED)
{
	static const char *const cells[] = {
		CELL("web", "nginx", "", ""),
		CELL("web", "nginx", ", annotations: {a: registry}", ""),
		CELL("web", "nginx", ANNOTATED, ", imagePullPolicy: Never"),
		CELL("web",
		     "nginx@sha256:"
		     "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
		     ANNOTATED, ""),
		UPDATED,
	};

	for (size_t i = 0; i < ARRAY_SIZE(cells); i++) {
		struct sim sim;

		set(&sim);
		if (i + 1 == ARRAY_SIZE(cells))
			sim.updating.every_ms = 0;
		sim_start(&sim);
		give(&sim, cells[i]);
		push(&sim);
		sim_run(&sim, 2 * PERIOD_MS);
		assert_int_equal(sim.world.registry.asked, 0);
		assert_int_equal(starts(&sim, "web"), 1);
		finish(&sim);
	}
}

/* To come or to go restarts nothing. */
static void test_annotation_comes_and_goes(void **state UNUSED)
{
	struct sim sim;

	start(&sim, CELL("web", "nginx", "", ""));
	give(&sim, UPDATED);
	sim_run(&sim, 2 * PERIOD_MS);
	assert_in_range(sim.world.registry.asked, 1, 2);
	give(&sim, CELL("web", "nginx", "", ""));
	sim.world.registry.asked = 0;
	push(&sim);
	sim_run(&sim, 2 * PERIOD_MS);
	assert_int_equal(sim.world.registry.asked, 0);
	assert_int_equal(starts(&sim, "web"), 1);
	finish(&sim);
}

/* Nobody answers: it is asked again with the lane's pauses, and what runs goes on. */
static void test_registry_away(void **state UNUSED)
{
	struct sim sim;

	start(&sim, UPDATED);
	push(&sim);
	sim.world.registry.down = true;
	sim_run(&sim, PERIOD_MS);
	expect(&sim, REASON_NONE, OLD);
	assert_in_range(sim.world.registry.asked, 1, PERIOD_MS / (5 * MINUTE_MS) + 10);
	sim.world.registry.down = false;
	sim_run(&sim, 10 * MINUTE_MS);
	expect(&sim, REASON_NONE, NEW);
	finish(&sim);
}

/* With the realm's credentials. */
static void test_credentials(void **state UNUSED)
{
	struct sim sim;

	start(&sim, UPDATED "---\napiVersion: v1beta1\nkind: Realm\nmetadata: {name: default}\n"
			    "spec: {registryCredentials: [{serverAddress: registry.example, "
			    "username: u, password: right}]}\n");
	sim_run(&sim, PERIOD_MS);
	assert_string_equal(sim.world.registry.password, "right");
	finish(&sim);
}

/* ---- back ---- */

static void test_goes_back(void **state UNUSED)
{
	struct sim sim;
	unsigned asked, begun;

	start(&sim, UPDATED);
	strv_add(&sim.world.registry.crashing, NEW);
	push(&sim);
	sim_run(&sim, PERIOD_MS + 2 * WITHIN_MS);
	expect(&sim, REASON_IMAGE_HELD_BACK, OLD);
	assert_non_null(strstr(web(&sim)->status.message, NEW));
	assert_int_equal(told(&sim, "ImageUpdateFound"), 1);
	assert_int_equal(told(&sim, "ImageRolledBack"), 1);
	assert_int_equal(told(&sim, "ImageUpdated"), 0);
	assert_true(is_kept(&sim));
	/* the same is not tried again, by no restart either */
	begun = starts(&sim, "web");
	asked = sim.world.registry.asked;
	sim_run(&sim, 3 * PERIOD_MS);
	assert_int_equal(starts(&sim, "web"), begun);
	assert_in_range(sim.world.registry.asked, asked + 2, asked + 3);
	run_order_apply(&sim.engine,
			&(struct run_order){ .cell = web(&sim), .intent = INTENT_RESTART });
	engine_enqueue(&sim.engine, web(&sim));
	sim_run(&sim, MINUTE_MS);
	assert_int_equal(starts(&sim, "web"), begun + 1);
	expect(&sim, REASON_IMAGE_HELD_BACK, OLD);
	/* the next one is */
	push(&sim);
	sim_run(&sim, PERIOD_MS + MINUTE_MS);
	expect(&sim, REASON_NONE, NEWER);
	assert_false(is_kept(&sim));
	assert_int_equal(told(&sim, "ImageUpdated"), 1);
	finish(&sim);
}

/* Who asks the registry himself gets what it has. */
static void test_restart_with_a_pull(void **state UNUSED)
{
	struct sim sim;

	start(&sim, UPDATED);
	strv_add(&sim.world.registry.crashing, NEW);
	push(&sim);
	sim_run(&sim, PERIOD_MS + 2 * WITHIN_MS);
	expect(&sim, REASON_IMAGE_HELD_BACK, OLD);
	strv_fini(&sim.world.registry.crashing);
	run_order_apply(
		&sim.engine,
		&(struct run_order){ .cell = web(&sim), .intent = INTENT_RESTART, .pull = true });
	engine_enqueue(&sim.engine, web(&sim));
	sim_run(&sim, MINUTE_MS);
	expect(&sim, REASON_NONE, NEW);
	finish(&sim);
}

/* A change of the cell that has nothing to do with its image keeps it back; another image does not.
 */
static void test_changed_while_held_back(void **state UNUSED)
{
	struct sim sim;

	start(&sim, UPDATED);
	strv_add(&sim.world.registry.crashing, NEW);
	push(&sim);
	sim_run(&sim, PERIOD_MS + 2 * WITHIN_MS);
	give(&sim, CELL("web", "nginx", ANNOTATED, ", env: [A=1]"));
	sim_run(&sim, MINUTE_MS);
	expect(&sim, REASON_IMAGE_HELD_BACK, OLD);
	give(&sim, CELL("web", "other", ANNOTATED, ", env: [A=1]"));
	sim_run(&sim, MINUTE_MS);
	expect(&sim, REASON_NONE, "sha256:1 of other");
	finish(&sim);
}

/* Somebody stops it meanwhile: that is not the image's fault. */
static void test_stopped_meanwhile(void **state UNUSED)
{
	struct sim sim;
	uint64_t ran = 0;

	start(&sim, UPDATED);
	push(&sim);
	for (; !told(&sim, "ImageUpdateFound") && ran < PERIOD_MS; ran += SECOND_MS)
		sim_run(&sim, SECOND_MS);
	run_order_apply(&sim.engine,
			&(struct run_order){ .cell = web(&sim), .intent = INTENT_STOP });
	engine_enqueue(&sim.engine, web(&sim));
	sim_run(&sim, 3 * WITHIN_MS);
	assert_int_equal(told(&sim, "ImageRolledBack"), 0);
	run_order_apply(&sim.engine,
			&(struct run_order){ .cell = web(&sim), .intent = INTENT_RUN });
	engine_enqueue(&sim.engine, web(&sim));
	sim_run(&sim, MINUTE_MS);
	expect(&sim, REASON_NONE, NEW);
	assert_int_equal(told(&sim, "ImageUpdated"), 1);
	finish(&sim);
}

/* ---- many ---- */

static void give_cells(struct sim *sim, unsigned n, bool one_image)
{
	for (unsigned first = 0; first < n; first += CELLS_A_FILE) {
		AUTO_BUF struct buf text = { 0 };
		AUTO_FREE char *file = xasprintf("%u.yaml", first);

		for (unsigned i = first; i < n && i < first + CELLS_A_FILE; i++)
			buf_printf(&text,
				   "---\napiVersion: v1beta1\nkind: Cell\n"
				   "metadata: {name: c%05u" ANNOTATED "}\n"
				   "spec: {containers: [{id: a, image: nginx%u, "
				   "stopGracePeriodSeconds: 1}]}\n",
				   i, one_image ? 0 : i);
		sim_file(sim, file, text.data);
	}
	sim_scanned(sim);
	sim_run(sim, 30 * MINUTE_MS);
	assert_int_equal(sim->engine.cells[API__STATE__STATE_READY], n);
}

static unsigned count_running(struct sim *sim, const char *digest)
{
	struct world_container *c;
	unsigned n = 0;

	map_for_each(c, &sim->world.containers, node)
		n += c->fact.task == TASK_RUNNING && str_equal(c->fact.image_digest, digest);
	return n;
}

/* What one cell does not take, no other tries. */
static void test_one_tries_first(void **state UNUSED)
{
	struct sim sim;

	set(&sim);
	sim_start(&sim);
	give_cells(&sim, 20, true);
	strv_add(&sim.world.registry.crashing, "sha256:1 of nginx0");
	push(&sim);
	sim_run(&sim, 2 * PERIOD_MS);
	assert_int_equal(told(&sim, "ImageUpdateFound"), 1);
	assert_int_equal(count_running(&sim, "sha256:0 of nginx0"), 20);
	assert_int_equal(sim.engine.cells[API__STATE__STATE_READY], 20);
	push(&sim);
	sim_run(&sim, PERIOD_MS + 10 * MINUTE_MS);
	assert_int_equal(count_running(&sim, "sha256:2 of nginx0"), 20);
	finish(&sim);
}

enum { QUIET_MS = 8 * MINUTE_MS }; /* between two resyncs, whose cost is not ours */

/* @ret_ns: of the processor, while each image is asked for once a minute and nothing is new. */
static void play_many(unsigned n, bool one_image, uint64_t *ret_ns)
{
	unsigned images = one_image ? 1 : n;
	struct sim sim;
	uint64_t begun_ns;

	set(&sim);
	sim.updating.every_ms = MINUTE_MS;
	sim_start(&sim);
	give_cells(&sim, n, one_image);
	sim_run(&sim, MINUTE_MS);
	sim.world.registry.asked = 0;
	begun_ns = processor_ns();
	sim_run(&sim, QUIET_MS);
	*ret_ns = processor_ns() - begun_ns;
	assert_in_range(sim.world.registry.asked, 7 * images, 9 * images);
	assert_in_range(sim.world.registry.pulling_most, 1, 8);
	push(&sim);
	sim_run(&sim, 30 * MINUTE_MS);
	if (one_image)
		assert_int_equal(count_running(&sim, "sha256:1 of nginx0"), n);
	assert_int_equal(told(&sim, "ImageRolledBack"), 0);
	assert_int_equal(sim.engine.cells[API__STATE__STATE_READY], n);
	finish(&sim);
}

/* One question for each image and realm, and what it costs does not grow quadratically. */
static void test_many(void **state UNUSED)
{
	for (int one = 0; one < 2; one++) {
		uint64_t some_ns, many_ns;

		play_many(MANY / 10, one, &some_ns);
		play_many(MANY, one, &many_ns);
		printf("%s: %llu us at %d cells, %llu us at %d\n",
		       one ? "one image" : "an image each", (unsigned long long)some_ns / 1000,
		       MANY / 10, (unsigned long long)many_ns / 1000, MANY);
		if (one && !IS_SANITIZED)
			assert_true(many_ns < 25 * some_ns);
	}
}

/* ---- every act of it fails, hangs or is the daemon's last ---- */

static unsigned deaths;

static bool has_died(struct sim *sim)
{
	return sim->world.daemon_died;
}

enum { SWEEP_PERIOD_MS = 2 * HOUR_MS, SWEEP_WITHIN_MS = MINUTE_MS };

static bool has_asked(struct sim *sim)
{
	return sim->world.registry.asked;
}

/* Acts so far: when the registry was asked, and when all was over. */
static uint64_t at_question, at_end;

static void play_on(struct sim *sim, bool faulty)
{
	if (!faulty) {
		assert_true(sim_run_until(sim, has_asked, 2 * SWEEP_PERIOD_MS));
		at_question = sim->world.acts;
		sim_run(sim, 2 * SWEEP_WITHIN_MS);
		at_end = sim->world.acts;
		return;
	}
	if (!sim_run_until(sim, has_died, 3 * SWEEP_PERIOD_MS))
		return;
	deaths++;
	sim_crash(sim);
	sim_start(sim);
	give(sim, UPDATED);
	sim_run(sim, 3 * SWEEP_PERIOD_MS);
}

static void play_update(const struct world_fault *fault, bool crashes)
{
	AUTO_FREE char *dir = xasprintf("%s/test-updates-XXXXXX", SCRATCH);
	struct sim sim;

	assert_non_null(mkdtemp(dir));
	set(&sim);
	sim.updating.every_ms = SWEEP_PERIOD_MS;
	sim.updating.within_ms = SWEEP_WITHIN_MS;
	sim.run_path = dir;
	if (fault)
		sim.world.fault = *fault;
	sim_start(&sim);
	give(&sim, UPDATED);
	sim_run(&sim, MINUTE_MS);
	if (crashes)
		strv_add(&sim.world.registry.crashing, NEW);
	push(&sim);
	play_on(&sim, fault);
	expect(&sim, crashes ? REASON_IMAGE_HELD_BACK : REASON_NONE, crashes ? OLD : NEW);
	finish(&sim);
	fs_remove_tree(AT_FDCWD, dir, NULL);
}

static void sweep(bool crashes)
{
	const uint64_t step = IS_SANITIZED ? 7 : 1; /* each is for the plain build */
	uint64_t last;

	play_update(NULL, crashes);
	deaths = 0;
	last = at_end;
	for (uint64_t at = at_question - 1; at <= last; at += step)
		for (int kind = WORLD_FAULT_KILL_BEFORE; kind < WORLD_FAULT_COUNT; kind++)
			play_update(&(struct world_fault){ .kind = (enum world_fault_kind)kind,
							   .at = at,
							   .code = -EIO },
				    crashes);
	printf("%llu acts, %u deaths\n", (unsigned long long)(last - at_question), deaths);
	assert_true(deaths > (last - at_question) / step);
}

static void test_sweep(void **state UNUSED)
{
	sweep(false);
}

static void test_sweep_back(void **state UNUSED)
{
	sweep(true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_updated),
		cmocka_unit_test(test_not_asked),
		cmocka_unit_test(test_annotation_comes_and_goes),
		cmocka_unit_test(test_registry_away),
		cmocka_unit_test(test_credentials),
		cmocka_unit_test(test_goes_back),
		cmocka_unit_test(test_restart_with_a_pull),
		cmocka_unit_test(test_changed_while_held_back),
		cmocka_unit_test(test_stopped_meanwhile),
		cmocka_unit_test(test_one_tries_first),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_sweep),
		cmocka_unit_test(test_sweep_back),
	};

	log_set_level(LOG_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
