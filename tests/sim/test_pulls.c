/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Images that come from registries: who asks for them and how often, what is said meanwhile, what
 * goes on running, and what fails. What it costs is counted, not timed.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "core/base/log.h"
#include "core/desired/desired.h"
#include "core/images/pulls.h"
#include "tests/fake/host.h"
#include "tests/sim/scale.h"

#define WEB "default/default/default/web"
#define CELL(name, image, more)                                                                    \
	"---\napiVersion: v1beta1\nkind: Cell\nmetadata: {name: " name "}\n"                       \
	"spec: {containers: [{id: a, image: " image ", stopGracePeriodSeconds: 1" more "}]}\n"
#define REALM(password)                                                                                   \
	"---\napiVersion: v1beta1\nkind: Realm\nmetadata: {name: default}\n"                              \
	"spec: {registryCredentials: [{serverAddress: registry.example, username: u, password: " password \
	"}]}\n"

enum { SOON_MS = 5 * 1000, MINUTE_MS = 60 * 1000, PULL_MS = 20 * 1000, CELLS_A_FILE = 100 };

static void start(struct sim *sim)
{
	sim_init(sim, 1);
	world_pace(&sim->world, "pull", PULL_MS, 0);
	sim_start(sim);
	sim_scanned(sim);
	sim_run(sim, SOON_MS);
}

static void give(struct sim *sim, const char *text)
{
	sim_file(sim, "web.yaml", text);
	sim_scanned(sim);
}

static struct object *web(struct sim *sim)
{
	return engine_find(&sim->engine, WEB);
}

static struct world_container *process(struct sim *sim)
{
	return world_container(&sim->world, "kukeon-default", "default_default_web_root");
}

static bool runs(struct sim *sim)
{
	return process(sim) && process(sim)->fact.task == TASK_RUNNING;
}

static void expect(struct sim *sim, Api__State state, enum reason reason, const char *words)
{
	const struct object_status *status = &web(sim)->status;

	if (status->state != state || status->reason != reason || !strstr(status->message, words))
		fail_msg("is %d %s \"%s\", expected %d %s \"%s\"", (int)status->state,
			 reason_name(status->reason), status->message, (int)state,
			 reason_name(reason), words);
}

static void expect_ready(struct sim *sim)
{
	expect(sim, API__STATE__STATE_READY, REASON_NONE, "");
	assert_true(runs(sim));
}

static void finish(struct sim *sim)
{
	if (sim->world.violations)
		fail_msg("%s", sim->world.violation);
	sim_fini(sim);
}

/* ---- on demand ---- */

static void test_pulled_when_it_is_missing(void **state UNUSED)
{
	struct sim sim;

	start(&sim);
	strv_add(&sim.world.remote_images, "nginx");
	give(&sim, CELL("web", "nginx", ""));
	sim_run(&sim, SOON_MS);
	expect(&sim, API__STATE__STATE_PENDING, REASON_PULLING_IMAGE,
	       "container a: pulling nginx: ");
	expect(&sim, API__STATE__STATE_PENDING, REASON_PULLING_IMAGE, " % of 11 MiB, ");
	sim_file(&sim, "b.yaml", CELL("b", "nginx", ""));
	sim_run(&sim, SOON_MS); /* it takes no place before it can come up */
	assert_false(engine_find(&sim.engine, "default/default/default/b")->cell.pinned);
	sim_run(&sim, PULL_MS);
	expect_ready(&sim);
	assert_int_equal(sim_state(&sim, "default/default/default/b"), API__STATE__STATE_READY);
	assert_int_equal(sim.world.registry.asked, 1);
	world_exit(&sim.world, process(&sim), 1);
	sim_run(&sim, MINUTE_MS);
	assert_int_equal(sim.world.registry.asked, 1);
	finish(&sim);
}

static void test_never(void **state UNUSED)
{
	struct sim sim;

	start(&sim);
	strv_add(&sim.world.remote_images, "nginx");
	give(&sim, CELL("web", "nginx", ", imagePullPolicy: Never"));
	sim_run(&sim, MINUTE_MS);
	expect(&sim, API__STATE__STATE_PENDING, REASON_IMAGE_NOT_PRESENT, "");
	assert_int_equal(sim.world.registry.asked, 0);
	give(&sim, CELL("web", "nginx", "")); /* the policy alone */
	sim_run(&sim, MINUTE_MS);
	expect_ready(&sim);
	finish(&sim);
}

/* Made anew, it asks; ended, it does not. */
static void test_always(void **state UNUSED)
{
	struct sim sim;

	start(&sim);
	give(&sim, CELL("web", "nginx", ", imagePullPolicy: Always"));
	sim_run(&sim, MINUTE_MS);
	expect_ready(&sim);
	assert_int_equal(sim.world.registry.asked, 1);
	world_exit(&sim.world, process(&sim), 1);
	sim_run(&sim, MINUTE_MS);
	sim_crash(&sim);
	sim_start(&sim);
	give(&sim, CELL("web", "nginx", ", imagePullPolicy: Always"));
	sim_run(&sim, MINUTE_MS);
	assert_int_equal(sim.world.registry.asked, 1);
	give(&sim, CELL("web", "nginx", ", imagePullPolicy: Always, env: [A=1]"));
	sim_run(&sim, SOON_MS);
	assert_int_equal(process(&sim)->starts, 2); /* and runs */
	expect(&sim, API__STATE__STATE_PENDING, REASON_PULLING_IMAGE, "what runs goes on");
	sim_run(&sim, MINUTE_MS);
	expect_ready(&sim);
	assert_int_equal(sim.world.registry.asked, 2);
	assert_int_equal(process(&sim)->starts, 3);
	finish(&sim);
}

static void give_default(struct sim *sim, const char *policy)
{
	AUTO_FREE char *text =
		xasprintf("apiVersion: v1beta1\nkind: Space\nmetadata: {name: default}\n"
			  "spec: {defaults: {container: {imagePullPolicy: %s}}}\n",
			  policy);

	sim_file(sim, "space.yaml", text);
	sim_scanned(sim);
}

/* What the space says counts where the container says nothing, and a change restarts nothing. */
static void test_default_of_a_space(void **state UNUSED)
{
	struct sim sim;

	start(&sim);
	strv_add(&sim.world.remote_images, "nginx");
	give_default(&sim, "Never");
	give(&sim, CELL("web", "nginx", "") CELL("b", "nginx", ", imagePullPolicy: IfNotPresent"));
	sim_run(&sim, SOON_MS);
	expect(&sim, API__STATE__STATE_PENDING, REASON_IMAGE_NOT_PRESENT, "");
	assert_int_equal(sim.world.registry.asked, 1);
	sim_run(&sim, PULL_MS + SOON_MS);
	expect_ready(&sim);
	give_default(&sim, "Always");
	sim_run(&sim, MINUTE_MS);
	assert_int_equal(process(&sim)->starts, 1);
	assert_int_equal(sim.world.registry.asked, 1);
	give(&sim, CELL("web", "nginx", ", env: [A=1]"));
	sim_run(&sim, MINUTE_MS);
	expect_ready(&sim);
	assert_int_equal(process(&sim)->starts, 2);
	assert_int_equal(sim.world.registry.asked, 2);
	finish(&sim);
}

/* What runs is not stopped for an image that does not come. */
static void test_running_goes_on(void **state UNUSED)
{
	struct sim sim;

	start(&sim);
	give(&sim, CELL("web", "nginx", ""));
	sim_run(&sim, SOON_MS);
	strv_add(&sim.world.remote_images, "other");
	sim.world.registry.down = true;
	give(&sim, CELL("web", "other", ""));
	sim_run(&sim, 10 * MINUTE_MS);
	expect(&sim, API__STATE__STATE_PENDING, REASON_REGISTRY_UNREACHABLE, "connection refused");
	expect(&sim, API__STATE__STATE_PENDING, REASON_REGISTRY_UNREACHABLE, "; next try at ");
	assert_int_equal(process(&sim)->starts, 1);
	assert_true(runs(&sim));
	sim.world.registry.down = false;
	sim_run(&sim, 10 * MINUTE_MS);
	expect_ready(&sim);
	assert_int_equal(process(&sim)->starts, 2);
	finish(&sim);
}

static void restart(struct sim *sim, bool pull)
{
	struct container *c = cell_root(web(sim));

	c->pull_requested = pull;
	c->image_asked = false;
	web(sim)->cell.run = INTENT_RESTART;
	engine_want_object_anew(&sim->engine, web(sim));
	engine_enqueue(&sim->engine, web(sim));
}

static void test_restart_with_a_pull(void **state UNUSED)
{
	struct sim sim;

	start(&sim);
	give(&sim, CELL("web", "nginx", ""));
	sim_run(&sim, SOON_MS);
	restart(&sim, false);
	sim_run(&sim, SOON_MS);
	expect_ready(&sim);
	assert_int_equal(process(&sim)->starts, 2);
	assert_int_equal(sim.world.registry.asked, 0);
	sim.world.registry.pushed = 7;
	restart(&sim, true);
	sim_run(&sim, SOON_MS);
	assert_int_equal(process(&sim)->starts, 2);
	expect(&sim, API__STATE__STATE_PENDING, REASON_PULLING_IMAGE, "what runs goes on");
	sim_run(&sim, PULL_MS + SOON_MS);
	expect_ready(&sim);
	assert_int_equal(process(&sim)->starts, 3);
	assert_string_equal(process(&sim)->fact.image_digest, "sha256:7 of nginx");
	assert_int_equal(sim.world.registry.asked, 1);
	finish(&sim);
}

/* ---- nobody wants it any more ---- */

static void test_cancelled(void **state UNUSED)
{
	struct sim sim;

	start(&sim);
	strv_add(&sim.world.remote_images, "nginx");
	give(&sim, CELL("web", "nginx", ""));
	sim_run(&sim, SOON_MS);
	assert_int_equal(sim.world.registry.pulling, 1);
	give(&sim, CELL("web", "other", ""));
	sim_run(&sim, SOON_MS);
	assert_int_equal(sim.world.registry.pulling, 0);
	expect_ready(&sim);
	give(&sim, CELL("web", "nginx", "") CELL("b", "nginx", ""));
	sim_run(&sim, SOON_MS);
	assert_int_equal(sim.world.registry.pulling, 1);
	give(&sim, CELL("web", "other", "") CELL("b", "nginx", ""));
	sim_run(&sim, SOON_MS);
	assert_int_equal(sim.world.registry.pulling, 1);
	sim_file_gone(&sim, "web.yaml");
	sim_scanned(&sim);
	sim_prune(&sim);
	sim_run(&sim, SOON_MS);
	assert_int_equal(sim.world.registry.pulling, 0);
	finish(&sim);
}

/* ---- what registries say ---- */

static void test_not_there(void **state UNUSED)
{
	struct sim sim;

	start(&sim);
	strv_add(&sim.world.missing_images, "nginx");
	give(&sim, CELL("web", "nginx", ""));
	sim_run(&sim, 2 * 60 * MINUTE_MS);
	expect(&sim, API__STATE__STATE_PENDING, REASON_IMAGE_NOT_FOUND, "MANIFEST_UNKNOWN");
	expect(&sim, API__STATE__STATE_PENDING, REASON_IMAGE_NOT_FOUND, "registryCredentials");
	assert_in_range(sim.world.registry.asked, 5, 12);
	finish(&sim);
}

static void test_too_many(void **state UNUSED)
{
	struct sim sim;

	start(&sim);
	sim.world.registry.refuses = 1;
	sim.world.registry.retry_after_ms = 10 * MINUTE_MS;
	strv_add(&sim.world.remote_images, "nginx");
	give(&sim, CELL("web", "nginx", ""));
	sim_run(&sim, 10 * MINUTE_MS);
	expect(&sim, API__STATE__STATE_PENDING, REASON_TOO_MANY_REQUESTS, "slow down");
	assert_int_equal(sim.world.registry.asked, 1);
	sim_run(&sim, 2 * MINUTE_MS);
	expect_ready(&sim);
	finish(&sim);
}

/* Other credentials: asked at once, and nothing restarts. */
static void test_credentials(void **state UNUSED)
{
	struct sim sim;

	start(&sim);
	strv_add(&sim.world.remote_images, "nginx");
	strv_add(&sim.world.registry.secret, "nginx");
	give(&sim, CELL("web", "nginx", ""));
	sim_run(&sim, 60 * MINUTE_MS);
	expect(&sim, API__STATE__STATE_PENDING, REASON_UNAUTHORIZED, "UNAUTHORIZED");
	sim_file(&sim, "realm.yaml", REALM("sesame"));
	sim_run(&sim, PULL_MS + SOON_MS);
	expect_ready(&sim);
	assert_string_equal(sim.world.registry.password, "sesame");
	sim_file(&sim, "realm.yaml", REALM("tulip"));
	sim_run(&sim, MINUTE_MS);
	assert_int_equal(process(&sim)->starts, 1);
	finish(&sim);
}

/* Another hand brings it while the registry is away. */
static void test_imported_meanwhile(void **state UNUSED)
{
	struct sim sim;

	start(&sim);
	sim.world.registry.down = true;
	strv_add(&sim.world.remote_images, "nginx");
	give(&sim, CELL("web", "nginx", ""));
	sim_run(&sim, 60 * MINUTE_MS);
	strv_fini(&sim.world.remote_images);
	fake_image_hint(&sim.world, "kukeon-default");
	sim_run(&sim, SOON_MS);
	expect_ready(&sim);
	finish(&sim);
}

/* Containerd goes away and comes back: the pull is begun again. */
static void test_containerd_restarts(void **state UNUSED)
{
	struct sim sim;

	start(&sim);
	strv_add(&sim.world.remote_images, "nginx");
	give(&sim, CELL("web", "nginx", ""));
	sim_run(&sim, PULL_MS - SOON_MS);
	world_runtime_down(&sim.world);
	sim_run(&sim, 10 * MINUTE_MS);
	world_runtime_up(&sim.world);
	sim_run(&sim, PULL_MS + SOON_MS);
	expect_ready(&sim);
	finish(&sim);
}

/* ---- many ---- */

static void declare(struct sim *sim, unsigned cells)
{
	for (unsigned first = 0; first < cells; first += CELLS_A_FILE) {
		AUTO_FREE char *path = xasprintf("f%05u.yaml", first);
		AUTO_BUF struct buf text = { 0 };

		for (unsigned i = first; i < first + CELLS_A_FILE && i < cells; i++)
			buf_printf(&text,
				   "---\napiVersion: v1beta1\nkind: Cell\nmetadata: {name: c%05u}\n"
				   "spec: {containers: [{id: a, image: nginx}]}\n",
				   i);
		sim_file(sim, path, text.data);
	}
	sim_scanned(sim);
}

/* The acts of a cell, in hundredths. @comes: the registry answers in the end, and all run. */
static uint64_t play_many(unsigned cells, bool comes)
{
	struct sim sim;
	uint64_t ns, acts;

	start(&sim);
	strv_add(&sim.world.remote_images, "nginx");
	sim.world.registry.down = !comes;
	acts = sim.world.acts;
	ns = processor_ns();
	declare(&sim, cells);
	sim_run(&sim, 10 * MINUTE_MS);
	ns = (processor_ns() - ns) / cells;
	acts = (sim.world.acts - acts) * 100 / cells;
	printf("%u cells of one image%s: %u pulls, %.2f acts and %llu us of the processor a cell\n",
	       cells, comes ? "" : ", no registry", sim.world.registry.asked, (double)acts / 100,
	       (unsigned long long)ns / 1000);
	assert_in_range(sim.world.registry.asked, 1, comes ? 1 : 20);
	assert_int_equal(sim.engine.cells[API__STATE__STATE_READY], comes ? cells : 0);
	finish(&sim);
	return acts;
}

/* The rules of the fakes look at all attachments with each: most of them do not come up. */
static void test_many_cells_of_one_image(void **state UNUSED)
{
	uint64_t few = play_many(FEW, true), few_wait = play_many(FEW, false);

	assert_true(play_many(MANY, true) <= few);
	assert_true(play_many(MANY, false) <= few_wait);
	assert_true(play_many(MOST_PLAYED, false) <= few_wait);
}

/* Not more than some are under way; the others have their turn. */
static void test_many_images(void **state UNUSED)
{
	AUTO_BUF struct buf text = { 0 };
	struct sim sim;

	start(&sim);
	for (unsigned i = 0; i < 3 * PULLS_AT_ONCE; i++) {
		AUTO_FREE char *image = xasprintf("i%u", i);

		strv_add(&sim.world.remote_images, image);
		buf_printf(&text,
			   "---\napiVersion: v1beta1\nkind: Cell\nmetadata: {name: c%05u}\n"
			   "spec: {containers: [{id: a, image: %s}]}\n",
			   i, image);
	}
	give(&sim, text.data);
	sim_run(&sim, SOON_MS);
	assert_int_equal(sim.world.registry.pulling_most, PULLS_AT_ONCE);
	sim_run(&sim, 3 * PULL_MS + SOON_MS);
	assert_int_equal(sim.engine.cells[API__STATE__STATE_READY], 3 * PULLS_AT_ONCE);
	assert_int_equal(sim.world.registry.pulling_most, PULLS_AT_ONCE);
	finish(&sim);
}

/* ---- every act of it fails, hangs or is the daemon's last ---- */

static unsigned deaths;

static bool has_died(struct sim *sim)
{
	return sim->world.daemon_died;
}

static uint64_t play_life(const struct world_fault *fault)
{
	struct sim sim;
	uint64_t acts;

	sim_init(&sim, 1);
	if (fault)
		sim.world.fault = *fault;
	strv_add(&sim.world.remote_images, "nginx");
	sim_start(&sim);
	give(&sim, CELL("web", "nginx", ""));
	if (sim_run_until(&sim, has_died, 60 * MINUTE_MS)) {
		deaths++;
		sim_crash(&sim);
		sim_start(&sim);
		give(&sim, CELL("web", "nginx", ""));
		sim_run(&sim, 60 * MINUTE_MS);
	}
	acts = sim.world.acts;
	expect_ready(&sim);
	assert_int_equal(process(&sim)->starts, 1);
	assert_in_range(sim.world.registry.asked, 1, 2);
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
	printf("%llu acts, %u deaths\n", (unsigned long long)acts, deaths);
	assert_true(deaths > acts);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pulled_when_it_is_missing),
		cmocka_unit_test(test_never),
		cmocka_unit_test(test_always),
		cmocka_unit_test(test_default_of_a_space),
		cmocka_unit_test(test_running_goes_on),
		cmocka_unit_test(test_restart_with_a_pull),
		cmocka_unit_test(test_cancelled),
		cmocka_unit_test(test_not_there),
		cmocka_unit_test(test_too_many),
		cmocka_unit_test(test_credentials),
		cmocka_unit_test(test_imported_meanwhile),
		cmocka_unit_test(test_containerd_restarts),
		cmocka_unit_test(test_many_images),
		cmocka_unit_test(test_many_cells_of_one_image),
		cmocka_unit_test(test_sweep),
	};

	log_set_level(LOG_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
