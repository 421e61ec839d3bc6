/* SPDX-License-Identifier: Apache-2.0 */
/* What the ends of containers leave in the objects, and what of it outlives the daemon. */
#include "core/reconcile/observed.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "core/base/fs.h"
#include "core/base/log.h"
#include "core/desired/desired.h"
#include "tests/fake/host.h"
#include "tests/unit/scratch.h"

enum { SETTLED_MS = 1000, LONG_MS = 10 * 1000, MINUTE_MS = 60 * 1000 };

#define WEB "default/default/default/web"

static const char manifest[] = "apiVersion: v1beta1\nkind: Cell\nmetadata: {name: web}\nspec:\n"
			       "  containers:\n"
			       "  - {id: a, image: img}\n"
			       "  - {id: b, image: img}\n"
			       "  - {id: job, image: img, restartPolicy: never}\n";

struct fixture {
	struct sim sim;
	char dir[64];
};

static int setup(void **state)
{
	struct fixture *f = xnew(struct fixture);

	snprintf(f->dir, sizeof(f->dir), "%s/test-observed-XXXXXX", SCRATCH);
	assert_non_null(mkdtemp(f->dir));
	sim_init(&f->sim, 1);
	f->sim.run_path = f->dir;
	sim_start(&f->sim);
	sim_file(&f->sim, "web.yaml", manifest);
	sim_scanned(&f->sim);
	sim_run(&f->sim, LONG_MS);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	sim_fini(&f->sim);
	fs_remove_tree(AT_FDCWD, f->dir, NULL);
	free(f);
	return 0;
}

static struct container *container(struct fixture *f, const char *role)
{
	return cell_find_container(engine_find(&f->sim.engine, WEB), role);
}

static struct world_container *process(struct fixture *f, const char *role)
{
	AUTO_FREE char *id = name_containerd_id(WEB, role);

	return world_container(&f->sim.world, "kukeon-default", id);
}

static void end(struct fixture *f, const char *role, uint32_t code)
{
	assert_int_equal(process(f, role)->fact.task, TASK_RUNNING);
	world_exit(&f->sim.world, process(f, role), code);
	sim_run(&f->sim, 300);
}

/* Ends it until it waits for its next start. */
static void crash_until_it_waits(struct fixture *f, const char *role)
{
	end(f, role, 1);
	end(f, role, 1);
	assert_int_equal(process(f, role)->fact.task, TASK_STOPPED);
	assert_int_equal(container(f, role)->restarts_in_row, 1);
}

/* The next daemon, on the world as it is. */
static void restart(struct fixture *f)
{
	sim_crash(&f->sim);
	sim_start(&f->sim);
	sim_file(&f->sim, "web.yaml", manifest);
	sim_scanned(&f->sim);
}

/* A daemon that comes and goes does not take the pause away, with the task at hand or without. */
static void pause_outlives_daemons(struct fixture *f, const char *role, bool task_stays)
{
	unsigned starts;

	crash_until_it_waits(f, role);
	starts = process(f, role)->starts;
	for (int i = 0; i < 10; i++) {
		sim_run(&f->sim, 10);
		restart(f);
		if (!task_stays)
			process(f, role)->fact.task = TASK_NONE;
	}
	sim_run(&f->sim, 200);
	assert_int_equal(process(f, role)->starts, starts);
	assert_int_equal(container(f, role)->restarts_in_row, 1);
	sim_run(&f->sim, 2000);
	assert_int_equal(process(f, role)->starts, starts + 1);
	assert_int_equal(container(f, role)->restarts_in_row, 2);
	assert_int_equal(container(f, role)->restarts, 2);
}

static void test_pause_of_another(void **state)
{
	pause_outlives_daemons(*state, "b", true);
}

static void test_pause_of_a_root(void **state)
{
	pause_outlives_daemons(*state, "root", true);
}

static void test_pause_without_the_task(void **state)
{
	pause_outlives_daemons(*state, "b", false);
}

/* What somebody sets the wall clock forth and back by. */
static const int64_t clock_steps_ms[] = { 3600 * 1000LL, -7200 * 1000LL, -1700 * 1000 * 1000000LL };

/* "b" waits for its second pause; returns how often it has been started. */
static unsigned wait_in_second_pause(struct fixture *f)
{
	sim_run(&f->sim, 2 * MINUTE_MS);
	end(f, "b", 1);
	end(f, "b", 1);
	return process(f, "b")->starts;
}

/* Who waits waits as long, and who runs runs. */
static void test_clock_steps(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(clock_steps_ms); i++) {
		unsigned others = process(f, "root")->starts, starts = wait_in_second_pause(f);

		f->sim.loop.virtual_wall_ms += clock_steps_ms[i];
		sim_run(&f->sim, 100);
		assert_int_equal(process(f, "b")->starts, starts);
		sim_run(&f->sim, 2000);
		assert_int_equal(process(f, "b")->starts, starts + 1);
		assert_int_equal(container(f, "b")->restarts_in_row, 2);
		assert_int_equal(process(f, "root")->starts, others);
	}
}

/* The same while a daemon is away: what runs is not touched, and no pause gets longer. */
static void test_clock_steps_between_daemons(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(clock_steps_ms); i++) {
		unsigned others = process(f, "root")->starts, starts = wait_in_second_pause(f);

		sim_crash(&f->sim);
		f->sim.loop.virtual_wall_ms += clock_steps_ms[i];
		sim_start(&f->sim);
		sim_file(&f->sim, "web.yaml", manifest);
		sim_scanned(&f->sim);
		sim_run(&f->sim, 2500);
		assert_int_equal(process(f, "b")->starts, starts + 1);
		assert_int_equal(process(f, "root")->starts, others);
	}
}

/* What waits is on the disk at once: a daemon may be killed any time. */
static void test_pause_is_stored_at_once(void **state)
{
	struct fixture *f = *state;
	AUTO_FREE char *path = xasprintf("%s/" WEB "/cell.yaml", f->dir);
	AUTO_BUF struct buf text = { 0 };
	struct error err;

	end(f, "b", 1);
	world_exit(&f->sim.world, process(f, "b"), 1);
	while (!container(f, "b")->exited)
		sim_run(&f->sim, 1);
	sim_run(&f->sim, 20);
	assert_int_equal(fs_read_file(AT_FDCWD, path, 64 * 1024, &text, &err), 0);
	assert_non_null(strstr(text.data, "restartsInRow: 1"));
	assert_non_null(strstr(text.data, "ended: true"));
}

/* However many daemons it takes, the pauses get longer as if there were one. */
static void test_count_outlives_daemons(void **state)
{
	struct fixture *f = *state;

	for (unsigned i = 0; i < 6; i++) {
		end(f, "b", 1);
		sim_run(&f->sim, MINUTE_MS / 2);
		assert_int_equal(container(f, "b")->restarts_in_row, i + 1);
		restart(f);
		sim_run(&f->sim, SETTLED_MS);
	}
	end(f, "b", 1);
	sim_run(&f->sim, MINUTE_MS / 3);
	assert_int_equal(process(f, "b")->fact.task, TASK_STOPPED);
}

/* A run that an earlier daemon began counts from its beginning. */
static void test_run_outlives_daemons(void **state)
{
	struct fixture *f = *state;
	int64_t started_ms;

	crash_until_it_waits(f, "b");
	sim_run(&f->sim, 2000);
	started_ms = container(f, "b")->started_wall_ms;
	restart(f);
	sim_run(&f->sim, SETTLED_MS);
	assert_int_equal(container(f, "b")->started_wall_ms, started_ms);
	assert_int_equal(container(f, "b")->restarts, 2);
}

/* The container ended, was started and ended again, and the store knows of the first end only. */
static void test_unseen_run_counts(void **state)
{
	struct fixture *f = *state;

	crash_until_it_waits(f, "b");
	sim_crash(&f->sim);
	process(f, "b")->fact.task = TASK_RUNNING;
	world_exit(&f->sim.world, process(f, "b"), 3);
	sim_start(&f->sim);
	sim_file(&f->sim, "web.yaml", manifest);
	sim_scanned(&f->sim);
	sim_run(&f->sim, 300);
	assert_int_equal(container(f, "b")->restarts_in_row, 2);
	assert_int_equal(container(f, "b")->exit_code, 3);
}

static void test_stable_run_starts_over(void **state)
{
	struct fixture *f = *state;
	unsigned starts;

	crash_until_it_waits(f, "b");
	sim_run(&f->sim, 2000 + MINUTE_MS);
	starts = process(f, "b")->starts;
	end(f, "b", 1);
	assert_int_equal(process(f, "b")->starts, starts + 1);
	assert_int_equal(container(f, "b")->restarts_in_row, 1);
}

/* What is done stays done, also when containerd has forgotten the task, as after a reboot. */
static void test_job_stays_done(void **state)
{
	struct fixture *f = *state;
	unsigned starts = process(f, "job")->starts;

	end(f, "job", 0);
	sim_run(&f->sim, SETTLED_MS);
	sim_crash(&f->sim);
	process(f, "job")->fact.task = TASK_NONE;
	sim_start(&f->sim);
	sim_file(&f->sim, "web.yaml", manifest);
	sim_scanned(&f->sim);
	sim_run(&f->sim, LONG_MS);
	assert_int_equal(process(f, "job")->starts, starts);
	assert_int_equal(sim_state(&f->sim, WEB), API__STATE__STATE_READY);
}

/* Another spec is another chance. */
static void test_edit_forgets(void **state)
{
	static const char edited[] =
		"apiVersion: v1beta1\nkind: Cell\nmetadata: {name: web}\nspec:\n"
		"  containers:\n"
		"  - {id: a, image: img}\n"
		"  - {id: b, image: img, env: [FIXED=1]}\n"
		"  - {id: job, image: img, restartPolicy: never}\n";
	struct fixture *f = *state;

	crash_until_it_waits(f, "b");
	sim_file(&f->sim, "web.yaml", edited);
	sim_scanned(&f->sim);
	sim_run(&f->sim, 300);
	assert_int_equal(process(f, "b")->fact.task, TASK_RUNNING);
	assert_int_equal(container(f, "b")->restarts, 0);
	assert_int_equal(container(f, "b")->restarts_in_row, 0);
}

/* ---- want of memory ---- */

static const struct {
	const char *name;
	unsigned kills, kills_at_end;
	bool event_before, event_after;
	uint32_t exit_code;
	bool expected;
} oom_rows[] = {
	{ "its cgroup counts a kill", 1, 1, false, false, 137, true },
	{ "a child was killed and it gave up", 1, 1, false, false, 1, true },
	{ "a child was killed and it went on to its end", 1, 1, false, false, 0, false },
	{ "killed by somebody", 0, 0, false, false, 137, false },
	{ "its cgroup is gone when it has ended", 1, 0, true, false, 137, true },
	{ "no event", 1, 0, false, false, 137, false },
	{ "an event of the run before", 0, 0, true, false, 137, false },
	{ "an event after the exit", 1, 1, false, true, 137, true },
	{ "an event after the exit, of the run before", 0, 0, false, true, 137, false },
	{ "an event for one that completed", 1, 1, true, true, 0, false },
};

/* What was told last of how a container ended. */
static const char *told_reason(struct fixture *f)
{
	const struct event_ring *ring = &f->sim.engine.history.ring;

	for (size_t i = ring->n; i > 0; i--)
		if (strstr(event_ring_at(ring, i - 1)->message, "exited with code"))
			return event_ring_at(ring, i - 1)->reason;
	return "";
}

static void test_oom(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(oom_rows); i++) {
		struct container *c = container(f, "b");

		process(f, "b")->oom_kills = oom_rows[i].kills;
		if (oom_rows[i].event_before)
			observed_oom(&f->sim.engine, "kukeon-default", c->containerd_id);
		sim_run(&f->sim, 100);
		process(f, "b")->oom_kills = oom_rows[i].kills_at_end;
		world_exit(&f->sim.world, process(f, "b"), oom_rows[i].exit_code);
		while (!c->exited)
			sim_run(&f->sim, 1);
		assert_string_equal(told_reason(f), c->oom_killed ? "OOMKilled" : "Exited");
		if (oom_rows[i].event_after)
			observed_oom(&f->sim.engine, "kukeon-default", c->containerd_id);
		sim_run(&f->sim, 1);
		if (c->oom_killed != oom_rows[i].expected)
			fail_msg("%s: %d, expected %d", oom_rows[i].name, c->oom_killed,
				 oom_rows[i].expected);
		process(f, "b")->oom_kills = 0;
		sim_run(&f->sim, 3 * MINUTE_MS);
	}
}

/* The event of an end comes when the next run is on: an hour later that fails for its own reason.
 */
static void test_oom_event_is_late(void **state)
{
	struct fixture *f = *state;
	struct container *c = container(f, "b");

	process(f, "b")->oom_kills = 1;
	end(f, "b", 137);
	assert_true(c->oom_killed);
	process(f, "b")->oom_kills = 0; /* of the new run */
	observed_oom(&f->sim.engine, "kukeon-default", c->containerd_id);
	sim_run(&f->sim, 60 * MINUTE_MS);
	end(f, "b", 1);
	assert_false(c->oom_killed);
	assert_string_equal(told_reason(f), "Exited");
}

/* It comes when the end is known, and the cgroup could not be read then. */
static void test_oom_event_of_one_that_rests(void **state)
{
	struct fixture *f = *state;
	struct container *c = container(f, "job");

	end(f, "job", 137);
	assert_false(c->oom_killed);
	process(f, "job")->oom_kills = 1;
	observed_oom(&f->sim.engine, "kukeon-default", c->containerd_id);
	sim_run(&f->sim, 100);
	assert_true(c->oom_killed);
	assert_string_equal(reason_name(engine_find(&f->sim.engine, WEB)->status.reason),
			    "OOMKilled");
}

/* The daemon was away, and is away again before its state is asked for. */
static void test_oom_outlives_daemons(void **state)
{
	struct fixture *f = *state;

	process(f, "job")->oom_kills = 1;
	sim_crash(&f->sim);
	world_exit(&f->sim.world, process(f, "job"), 137);
	for (int i = 0; i < 2; i++) {
		sim_start(&f->sim);
		sim_file(&f->sim, "web.yaml", manifest);
		sim_scanned(&f->sim);
		sim_run(&f->sim, LONG_MS);
		assert_true(container(f, "job")->oom_killed);
		assert_string_equal(reason_name(engine_find(&f->sim.engine, WEB)->status.reason),
				    "OOMKilled");
		process(f, "job")->oom_kills = 0; /* the cgroup is gone */
		process(f, "job")->fact.task = TASK_NONE;
		if (i == 0)
			sim_crash(&f->sim);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_pause_of_another),
		TEST(test_pause_of_a_root),
		TEST(test_pause_without_the_task),
		TEST(test_clock_steps),
		TEST(test_clock_steps_between_daemons),
		TEST(test_pause_is_stored_at_once),
		TEST(test_count_outlives_daemons),
		TEST(test_run_outlives_daemons),
		TEST(test_unseen_run_counts),
		TEST(test_stable_run_starts_over),
		TEST(test_job_stays_done),
		TEST(test_edit_forgets),
		TEST(test_oom),
		TEST(test_oom_event_is_late),
		TEST(test_oom_event_of_one_that_rests),
		TEST(test_oom_outlives_daemons),
	};

	log_set_level(getenv("KUKEON_SIM_LOG") ? LOG_DEBUG : LOG_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
