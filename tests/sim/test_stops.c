/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stops that are withdrawn, and intents of containers that change their role: what belongs to a
 * stop ends with it, and what was asked of a name stays with that name. What a restart makes anew.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "core/base/fs.h"
#include "core/base/log.h"
#include "core/desired/desired.h"
#include "core/status/plan_context.h"
#include "core/status/status.h"
#include "tests/fake/host.h"

enum { SETTLED_MS = 5000, GRACE_MS = 10 * 1000, HOUR_MS = 60 * 60 * 1000 };

#define WEB "default/default/default/web"

/* @policy: of both. */
#define TEXT(env, policy)                                                                          \
	"apiVersion: v1beta1\nkind: Cell\nmetadata: {name: web}\nspec:\n"                          \
	"  containers:\n"                                                                          \
	"  - {id: a, image: img, stopGracePeriodSeconds: 10, restartPolicy: " policy "}\n"         \
	"  - {id: b, image: img, stopGracePeriodSeconds: 10, restartPolicy: " policy               \
	", env: [" env "]}\n"

#define WANTED TEXT("V=1", "always")
#define EDITED TEXT("V=2", "always")

static void give(struct sim *sim, const char *text)
{
	if (text)
		sim_file(sim, "web.yaml", text);
	else
		sim_file_gone(sim, "web.yaml");
	sim_scanned(sim);
}

static void start(struct sim *sim, const char *text)
{
	sim_init(sim, 1);
	sim_start(sim);
	give(sim, text);
	sim_run(sim, SETTLED_MS);
	assert_int_equal(sim_state(sim, WEB), API__STATE__STATE_READY);
}

static void finish(struct sim *sim)
{
	if (sim->world.violations)
		fail_msg("%s", sim->world.violation);
	sim_fini(sim);
}

static struct container *container(struct sim *sim, const char *role)
{
	return cell_find_container(engine_find(&sim->engine, WEB), role);
}

static struct world_container *process(struct sim *sim, const char *role)
{
	AUTO_FREE char *id = name_containerd_id(WEB, role);

	return world_container(&sim->world, "kukeon-default", id);
}

static bool runs(struct sim *sim, const char *role)
{
	return process(sim, role)->fact.task == TASK_RUNNING;
}

static void ask(struct sim *sim, enum run_intent intent)
{
	struct object *cell = engine_find(&sim->engine, WEB);

	cell->cell.run = intent;
	engine_enqueue(&sim->engine, cell);
}

/* ---- withdrawn stops ---- */

static void ask_stop(struct sim *sim)
{
	ask(sim, INTENT_STOP);
}

static void ask_restart(struct sim *sim)
{
	ask(sim, INTENT_RESTART);
}

static void ask_start(struct sim *sim)
{
	ask(sim, INTENT_RUN);
}

static void edit(struct sim *sim)
{
	give(sim, EDITED);
}

static void undo(struct sim *sim)
{
	give(sim, WANTED);
}

static void delete (struct sim *sim)
{
	give(sim, NULL);
	sim_run(sim, 2000); /* the prune grace */
}

static const struct {
	void (*end)(struct sim *sim), (*withdraw)(struct sim *sim);
} ways[] = {
	{ ask_stop, ask_start },
	{ ask_restart, ask_start },
	{ edit, undo },
	{ delete, undo },
};

/* Asks b to end, which it ignores, and takes that back within the grace. */
static void end_in_vain(struct sim *sim, size_t way)
{
	unsigned signals = process(sim, "b")->signals;

	process(sim, "b")->ignores_term = process(sim, "root")->ignores_term = true;
	ways[way].end(sim);
	sim_run(sim, 1000);
	assert_int_equal(process(sim, "b")->signals, signals + 1);
	ways[way].withdraw(sim);
	sim_run(sim, 1000);
	assert_true(runs(sim, "b"));
	assert_int_equal(sim_state(sim, WEB), API__STATE__STATE_READY);
}

/* Whatever it was, the next one is a stop like any other. */
static void test_next_stop_begins_anew(void **state UNUSED)
{
	for (size_t first = 0; first < ARRAY_SIZE(ways); first++)
		for (size_t next = 0; next < ARRAY_SIZE(ways); next++) {
			struct sim sim;

			start(&sim, WANTED);
			end_in_vain(&sim, first);
			assert_int_equal(container(&sim, "b")->stop_sent_ms, 0);
			sim_run(&sim, HOUR_MS);
			end_in_vain(&sim, next); /* it has its whole grace again */
			assert_int_equal(process(&sim, "b")->starts, 1);
			ways[next].end(&sim);
			sim_run(&sim, GRACE_MS - 1000);
			assert_true(runs(&sim, "b"));
			sim_run(&sim, 2000);
			assert_false(runs(&sim, "b") && process(&sim, "b")->starts == 1);
			finish(&sim);
		}
}

/* Hours later an end is its own again. */
static void test_later_end_is_its_own(void **state UNUSED)
{
	for (size_t way = 0; way < ARRAY_SIZE(ways); way++) {
		struct sim sim;

		start(&sim, WANTED);
		end_in_vain(&sim, way);
		sim_run(&sim, HOUR_MS);
		world_exit(&sim.world, process(&sim, "b"), 1);
		sim_run(&sim, 300);
		assert_int_equal(container(&sim, "b")->restarts, 1);
		world_exit(&sim.world, process(&sim, "b"), 1);
		sim_run(&sim, 300);
		assert_false(runs(&sim, "b")); /* it has to wait */
		finish(&sim);
	}
}

/* One that obeys late is started again at once, whatever its policy: it is to run. */
static void test_obeys_after_all(void **state UNUSED)
{
	struct sim sim;

	start(&sim, TEXT("V=1", "never"));
	process(&sim, "b")->ignores_term = process(&sim, "root")->ignores_term = true;
	ask(&sim, INTENT_STOP);
	sim_run(&sim, 1000);
	ask(&sim, INTENT_RUN);
	sim_run(&sim, GRACE_MS - 3000);
	world_exit(&sim.world, process(&sim, "b"), 0);
	sim_run(&sim, 500);
	assert_int_equal(process(&sim, "b")->starts, 2);
	assert_int_equal(container(&sim, "b")->restarts, 0);
	world_exit(&sim.world, process(&sim, "b"), 0); /* and this is its own */
	sim_run(&sim, SETTLED_MS);
	assert_int_equal(process(&sim, "b")->starts, 2);
	finish(&sim);
}

/* A kill too, though nothing came of it. */
static void test_withdrawn_kill(void **state UNUSED)
{
	unsigned signals;
	struct sim sim;

	start(&sim, WANTED);
	process(&sim, "b")->immortal = process(&sim, "root")->immortal = true;
	fake_cgroup_hint(&sim.world, WEB); /* populated */
	ask(&sim, INTENT_KILL);
	sim_run(&sim, 60 * 1000);
	assert_in_range(container(&sim, "b")->kills, 2, 10);
	assert_in_range(engine_find(&sim.engine, WEB)->cgroup_kills, 1, 10);
	ask(&sim, INTENT_RUN);
	sim_run(&sim, 1000);
	assert_int_equal(container(&sim, "b")->kills, 0);
	assert_int_equal(engine_find(&sim.engine, WEB)->cgroup_kills, 0);
	sim_run(&sim, HOUR_MS);
	process(&sim, "b")->immortal = process(&sim, "root")->immortal = false;
	process(&sim, "b")->ignores_term = true;
	signals = process(&sim, "b")->signals;
	ask(&sim, INTENT_STOP);
	sim_run(&sim, GRACE_MS - 1000);
	assert_true(runs(&sim, "b"));
	assert_int_equal(process(&sim, "b")->signals, signals + 1);
	sim_run(&sim, 2000);
	assert_false(runs(&sim, "b"));
	finish(&sim);
}

/* ---- intents ---- */

/* @root: "a" or "b" */
static void give_root(struct sim *sim, const char *root)
{
	AUTO_FREE char *text =
		xasprintf("apiVersion: v1beta1\nkind: Cell\nmetadata: {name: web}\nspec:\n"
			  "  containers:\n"
			  "  - {id: a, image: img, root: %s}\n"
			  "  - {id: b, image: img, root: %s}\n"
			  "  - {id: c, image: img}\n",
			  *root == 'a' ? "true" : "false", *root == 'b' ? "true" : "false");

	give(sim, text);
}

static struct container *named(struct sim *sim, const char *name)
{
	struct container *c;

	list_for_each(c, &engine_find(&sim->engine, WEB)->cell.containers, link)
		if (c->spec && strcmp(c->name, name) == 0)
			return c;
	fail_msg("there is no container %s", name);
	return NULL;
}

static void ask_of(struct sim *sim, const char *name, enum run_intent intent)
{
	named(sim, name)->run = intent;
	engine_enqueue(&sim->engine, engine_find(&sim->engine, WEB));
}

/* "a b c " of the containers that run. */
static void assert_running(struct sim *sim, const char *expected)
{
	static const char *const names[] = { "a", "b", "c" };
	AUTO_BUF struct buf text = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		const struct world_container *w = process(sim, named(sim, names[i])->role);

		if (w && w->fact.task == TASK_RUNNING)
			buf_printf(&text, "%s ", names[i]);
	}
	assert_string_equal(text.data ? text.data : "", expected);
}

static void start_rooted(struct sim *sim)
{
	sim_init(sim, 1);
	sim_start(sim);
	give_root(sim, "a");
	sim_run(sim, SETTLED_MS);
	assert_running(sim, "a b c ");
}

/* One that is stopped becomes the root: it and all others stay stopped, and the other way round. */
static void test_stopped_one_becomes_root(void **state UNUSED)
{
	struct sim sim;

	start_rooted(&sim);
	ask_of(&sim, "b", INTENT_STOP);
	sim_run(&sim, SETTLED_MS);
	assert_running(&sim, "a c ");
	give_root(&sim, "b");
	sim_run(&sim, SETTLED_MS);
	assert_running(&sim, "");
	assert_int_equal(sim_state(&sim, WEB), API__STATE__STATE_STOPPED);
	give_root(&sim, "a");
	sim_run(&sim, SETTLED_MS);
	assert_running(&sim, "a c ");
	finish(&sim);
}

static void test_stopped_root_becomes_another(void **state UNUSED)
{
	struct sim sim;

	start_rooted(&sim);
	ask_of(&sim, "a", INTENT_STOP);
	sim_run(&sim, SETTLED_MS);
	assert_running(&sim, "");
	give_root(&sim, "b");
	sim_run(&sim, SETTLED_MS);
	assert_running(&sim, "b c ");
	finish(&sim);
}

/* A container that was taken out and comes back is another one. */
static void test_taken_out_and_back(void **state UNUSED)
{
	static const char without_b[] =
		"apiVersion: v1beta1\nkind: Cell\nmetadata: {name: web}\nspec:\n"
		"  containers: [{id: a, image: img, root: true}, {id: c, image: img}]\n";
	struct sim sim;

	for (uint64_t pause_ms = 1; pause_ms <= SETTLED_MS; pause_ms *= 10) {
		start_rooted(&sim);
		ask_of(&sim, "b", INTENT_STOP);
		sim_run(&sim, SETTLED_MS);
		give(&sim, without_b);
		sim_run(&sim, pause_ms);
		give_root(&sim, "a");
		sim_run(&sim, SETTLED_MS);
		assert_running(&sim, "a b c ");
		finish(&sim);
	}
}

/* The store keeps it for the name too, also while something of its former role is left. */
static void test_intent_outlives_daemons(void **state UNUSED)
{
	char dir[] = "/tmp/test-stops-XXXXXX";
	struct sim sim;

	assert_non_null(mkdtemp(dir));
	sim_init(&sim, 1);
	sim.run_path = dir;
	sim_start(&sim);
	give_root(&sim, "a");
	sim_run(&sim, SETTLED_MS);
	ask_of(&sim, "b", INTENT_STOP);
	sim_run(&sim, SETTLED_MS);
	for (int i = 0; i < 4; i++) {
		give_root(&sim, i % 2 ? "a" : "b");
		sim_run(&sim, i < 2 ? 30 : SETTLED_MS);
		engine_changed(&sim.engine, engine_find(&sim.engine, WEB), false);
		sim_run(&sim, 30);
		sim_crash(&sim);
		sim_start(&sim);
		give_root(&sim, i % 2 ? "a" : "b");
		sim_run(&sim, SETTLED_MS);
		assert_running(&sim, i % 2 ? "a c " : "");
	}
	finish(&sim);
	fs_remove_tree(AT_FDCWD, dir, NULL);
}

/* Once asked, the daemon ends before anything was done; the next one does it. What it has done is
 * not done again by one that finds the store as it was before. */
static void assert_restarts_once(struct sim *sim, const char *name)
{
	AUTO_FREE char *path = xasprintf("%s/" WEB "/cell.yaml", sim->run_path);
	AUTO_FREE char *before = xasprintf("%s.before", path);
	unsigned starts = process(sim, named(sim, name)->role)->starts;

	assert_int_equal(named(sim, name)->restart_of, named(sim, name)->pid);
	engine_changed(&sim->engine, engine_find(&sim->engine, WEB), false);
	sim_crash(sim);
	assert_int_equal(link(path, before), 0);
	for (unsigned daemon = 0; daemon < 3; daemon++) {
		sim_start(sim);
		give_root(sim, "a");
		sim_run(sim, SETTLED_MS);
		assert_int_equal(process(sim, named(sim, name)->role)->starts, starts + 1);
		assert_running(sim, "a b c ");
		sim_crash(sim);
		unlink(path);
		assert_int_equal(link(before, path), 0);
	}
	unlink(before);
	sim_start(sim);
	give_root(sim, "a");
	sim_run(sim, SETTLED_MS);
}

static void test_restart_outlives_daemons(void **state UNUSED)
{
	char dir[] = "/tmp/test-stops-XXXXXX";
	struct container *c;
	struct sim sim;

	assert_non_null(mkdtemp(dir));
	sim_init(&sim, 1);
	sim.run_path = dir;
	sim_start(&sim);
	give_root(&sim, "a");
	sim_run(&sim, SETTLED_MS);
	c = named(&sim, "b");
	c->restart_of = c->run_pid;
	ask_of(&sim, "b", INTENT_RESTART);
	assert_restarts_once(&sim, "b");
	list_for_each(c, &engine_find(&sim.engine, WEB)->cell.containers, link)
		c->restart_of = c->run_pid;
	ask(&sim, INTENT_RESTART);
	assert_restarts_once(&sim, "c");
	finish(&sim);
	fs_remove_tree(AT_FDCWD, dir, NULL);
}

/* ---- what is said of who is on his way out ---- */

static void assert_state(struct sim *sim, const char *role, Api__State state, enum reason reason)
{
	const struct plan_context context = plan_context_of(&sim->engine);
	struct container_state said;

	plan_container_state(container(sim, role), &context, &said);
	assert_int_equal(said.state, state);
	assert_int_equal(said.reason, reason);
}

/* Until then the old process is nobody's but the old container's. */
static void test_root_changes(void **state UNUSED)
{
	Api__Container *message;
	struct sim sim;

	sim_init(&sim, 1);
	sim_start(&sim);
	give_root(&sim, "a");
	sim_run(&sim, SETTLED_MS);
	assert_state(&sim, "b", API__STATE__STATE_READY, REASON_NONE);
	process(&sim, "root")->ignores_term = process(&sim, "b")->ignores_term = true;
	give_root(&sim, "b");
	sim_run(&sim, 1000);
	assert_string_equal(container(&sim, "root")->name, "b");
	assert_state(&sim, "root", API__STATE__STATE_PENDING, REASON_UPDATING);
	assert_state(&sim, "b", API__STATE__STATE_PENDING, REASON_DELETING);
	message = status_render_container(&sim.engine, engine_find(&sim.engine, WEB),
					  container(&sim, "root"));
	assert_int_equal(message->status->pid, 0);
	protobuf_c_message_free_unpacked(&message->base, NULL);
	sim_run(&sim, GRACE_MS + SETTLED_MS);
	assert_state(&sim, "root", API__STATE__STATE_READY, REASON_NONE);
	assert_null(container(&sim, "b"));
	finish(&sim);
}

/* ---- images ---- */

static unsigned image_of(struct sim *sim, const char *role)
{
	unsigned number = 0;

	assert_int_equal(runs(sim, role), true);
	assert_int_equal(sscanf(process(sim, role)->fact.image_digest, "sha256:%u", &number), 1);
	return number;
}

static void assert_images(struct sim *sim, unsigned a, unsigned b)
{
	sim_run(sim, SETTLED_MS);
	assert_int_equal(image_of(sim, "root"), a);
	assert_int_equal(image_of(sim, "b"), b);
	assert_int_equal(sim_state(sim, WEB), API__STATE__STATE_READY);
}

/* Whoever begins anew by request has what its image's name stands for by then; nobody else. */
static void test_image_moves(void **state UNUSED)
{
	struct sim sim;

	start(&sim, WANTED);
	assert_images(&sim, 0, 0);
	sim.world.images_imported++;
	assert_images(&sim, 0, 0);
	world_exit(&sim.world, process(&sim, "b"), 1);
	assert_images(&sim, 0, 0);
	world_exit(&sim.world, process(&sim, "root"), 1);
	assert_images(&sim, 0, 0);
	sim_crash(&sim);
	sim_start(&sim);
	give(&sim, WANTED);
	assert_images(&sim, 0, 0);
	ask_of(&sim, "b", INTENT_RESTART);
	assert_images(&sim, 0, 1);
	ask(&sim, INTENT_RESTART);
	assert_images(&sim, 1, 1);
	/* A name that stands for nothing any more leaves what was made before. */
	sim.world.images_imported++;
	strv_add(&sim.world.missing_images, "img");
	ask(&sim, INTENT_RESTART);
	assert_images(&sim, 1, 1);
	assert_int_equal(process(&sim, "b")->starts, 6);
	strv_fini(&sim.world.missing_images);
	world_exit(&sim.world, process(&sim, "root"), 1);
	assert_images(&sim, 1, 1);
	finish(&sim);
}

/* What is being taken down is no place to begin in, also when nothing has begun there yet. */
static void test_begun_again_while_it_is_detached(void **state UNUSED)
{
	struct object *cell;
	struct sim sim;

	sim_init(&sim, 1);
	strv_add(&sim.world.missing_images, "img");
	sim_start(&sim);
	give(&sim, TEXT("V=1", "always, imagePullPolicy: Never"));
	sim_run(&sim, SETTLED_MS);
	cell = engine_find(&sim.engine, WEB);
	assert_true(cell->cell.attached && cell->cell.fresh);
	sim.world.act_ms = 400;
	ask(&sim, INTENT_STOP);
	for (int ms = 0; cell->cell.network.action != ACTION_NETWORK_DETACH; ms++) {
		assert_in_range(ms, 0, SETTLED_MS);
		sim_run(&sim, 1);
	}
	assert_true(cell->cell.network.busy);
	assert_false(cell->cell.fresh);
	ask(&sim, INTENT_RUN);
	strv_fini(&sim.world.missing_images);
	sim_run(&sim, 5 * 60 * 1000);
	assert_int_equal(sim_state(&sim, WEB), API__STATE__STATE_READY);
	finish(&sim);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_next_stop_begins_anew),
		cmocka_unit_test(test_later_end_is_its_own),
		cmocka_unit_test(test_obeys_after_all),
		cmocka_unit_test(test_withdrawn_kill),
		cmocka_unit_test(test_stopped_one_becomes_root),
		cmocka_unit_test(test_stopped_root_becomes_another),
		cmocka_unit_test(test_taken_out_and_back),
		cmocka_unit_test(test_intent_outlives_daemons),
		cmocka_unit_test(test_restart_outlives_daemons),
		cmocka_unit_test(test_root_changes),
		cmocka_unit_test(test_image_moves),
		cmocka_unit_test(test_begun_again_while_it_is_detached),
	};

	log_set_level(getenv("KUKEON_SIM_LOG") ? LOG_DEBUG : LOG_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
