/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of a cell of two containers in two spaces (made, edited, out of one of them and in
 * again, crashed, stopped, started, deleted), once for every act of the daemon in it and for
 * everything that can happen to that act: the daemon dies right before or right after, the act
 * fails with each error it can return, with its effect or without, or hangs past its deadline. Each
 * life must come to the same end as the one without a fault, and leave nothing.
 *
 * KUKEON_FAULT=<kind>:<act>:<errno> plays one life only.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "core/base/log.h"
#include "core/desired/desired.h"
#include "tests/fake/host.h"

#define WEB "default/default/default/web"
#define SPACE "apiVersion: v1beta1\nkind: Space\nmetadata: {name: s1}\n"
#define CELL(env, networks)                                                                        \
	"apiVersion: v1beta1\nkind: Cell\nmetadata: {name: web}\nspec:\n"                          \
	"  containers:\n"                                                                          \
	"  - {id: a, image: img, stopGracePeriodSeconds: 1}\n"                                     \
	"  - {id: b, image: img, stopGracePeriodSeconds: 1, env: [\"" env "\"], "                  \
	"networks: [" networks "]}\n"

/* Retries pause up to a minute; a hang lasts half of one. */
enum { PHASE_MS = 10 * 60 * 1000 };

static const int codes[] = { -EIO,   -ETIMEDOUT, -ECONNREFUSED, -ENOENT, -EEXIST,
			     -EBUSY, -EINVAL,    -ENOSPC,       -EACCES };

static const char *const fault_names[WORLD_FAULT_COUNT] = {
	[WORLD_FAULT_NONE] = "none",
	[WORLD_FAULT_KILL_BEFORE] = "kill-before",
	[WORLD_FAULT_KILL_AFTER] = "kill-after",
	[WORLD_FAULT_FAIL_BEFORE] = "fail-before",
	[WORLD_FAULT_FAIL_AFTER] = "fail-after",
	[WORLD_FAULT_HANG] = "hang",
	[WORLD_FAULT_HANG_AFTER] = "hang-after",
};

/* ---- a life ---- */

enum phase { MADE, EDITED, LEFT, JOINED, CRASHED, STOPPED, STARTED, DELETED, PHASES };
static const char *const phase_names[PHASES] = { "made",    "edited",  "left",    "joined",
						 "crashed", "stopped", "started", "deleted" };

struct life {
	struct sim sim;
	enum phase phase;
	unsigned deaths;
	unsigned starts_before; /* of the crashed container */
};

static struct world_container *container(struct sim *sim, const char *role)
{
	AUTO_FREE char *id = xasprintf("default_default_web_%s", role);

	return world_container(&sim->world, "kukeon-default", id);
}

static bool runs(struct sim *sim, const char *role)
{
	const struct world_container *c = container(sim, role);

	return c && c->fact.task == TASK_RUNNING;
}

/* What it is to be in the further space of. */
static bool is_joined(const struct sim *sim)
{
	const struct world_cell *cell = world_cell((struct world *)&sim->world, WEB);
	const struct world_join *join = cell ? world_join(cell, "default/s1") : NULL;

	return join && join->attached;
}

static const char *cell_text(enum phase phase)
{
	if (phase == LEFT)
		return CELL("V=2", "");
	return phase == MADE ? CELL("V=1", "s1") : CELL("V=2", "s1");
}

static bool reached(struct sim *sim)
{
	struct life *life = container_of(sim, struct life, sim);
	const struct object *cell = engine_find(&sim->engine, WEB);
	const struct world_container *other = container(sim, "b");

	if (sim->world.daemon_died)
		return true;
	switch (life->phase) {
	case STOPPED:
		return cell && cell->status.state == API__STATE__STATE_STOPPED &&
		       !world_cell(&sim->world, WEB)->pinned;
	case DELETED:
		return world_count(&sim->world) == 0 && !engine_find(&sim->engine, "default") &&
		       list_empty(&sim->world.ops);
	case EDITED:
		if (!other || !str_equal(other->fact.spec_hash,
					 cell_find_container((struct object *)cell, "b")->hash))
			return false;
		break;
	case CRASHED:
		if (other->starts == life->starts_before)
			return false;
		break;
	default:
		break;
	}
	return cell && cell->status.state == API__STATE__STATE_READY && runs(sim, "root") &&
	       runs(sim, "b") && is_joined(sim) == (life->phase != LEFT);
}

/* Says what is wanted in this phase; again after a death, as the files and the store do. */
static void want(struct life *life)
{
	struct sim *sim = &life->sim;
	struct object *cell;

	if (life->phase == DELETED) {
		sim_file_gone(sim, "s1.yaml");
		sim_file_gone(sim, "web.yaml");
	} else {
		sim_file(sim, "web.yaml", cell_text(life->phase));
		sim_file(sim, "s1.yaml", SPACE);
	}
	sim_scanned(sim);
	cell = engine_find(&sim->engine, WEB);
	if (cell && life->phase != DELETED) {
		cell->cell.run = life->phase == STOPPED ? INTENT_STOP : INTENT_RUN;
		engine_enqueue(&sim->engine, cell);
	}
}

static void come_back(struct life *life)
{
	struct sim *sim = &life->sim;

	life->deaths++;
	sim_crash(sim);
	sim_start(sim);
	if (life->phase == DELETED) { /* what it once declared, and that the file is gone */
		sim_file(sim, "s1.yaml", SPACE);
		sim_file(sim, "web.yaml", cell_text(DELETED));
		sim_file(sim, "other.yaml",
			 "apiVersion: v1beta1\nkind: Realm\nmetadata: {name: r}\n"
			 "spec: {}\n");
		sim_scanned(sim);
	}
	want(life);
	if (life->phase == DELETED)
		sim_file_gone(sim, "other.yaml");
}

static void fail_life(const struct life *life, const char *what)
{
	const struct world_fault *fault = &life->sim.world.fault;
	const struct object *cell = engine_find((struct engine *)&life->sim.engine, WEB);

	fail_msg("KUKEON_FAULT=%s:%llu:%d (%s), %s: %s; the cell is %s", fault_names[fault->kind],
		 (unsigned long long)fault->at, fault->code, fault->name ? fault->name : "-",
		 phase_names[life->phase], what,
		 cell && cell->status.message ? cell->status.message : "not there");
}

static void play_phase(struct life *life)
{
	struct sim *sim = &life->sim;

	want(life);
	if (life->phase == CRASHED && container(sim, "b")) {
		life->starts_before = container(sim, "b")->starts;
		world_exit(&sim->world, container(sim, "b"), 1);
	}
	for (;;) {
		if (!sim_run_until(sim, reached, PHASE_MS))
			fail_life(life, "does not get there");
		if (!sim->world.daemon_died)
			break;
		come_back(life);
	}
	if (sim->world.violations)
		fail_life(life, sim->world.violation);
}

/* Returns how many acts it took. */
static uint64_t play(const struct world_fault *fault)
{
	struct life life = { 0 };
	uint64_t acts;

	sim_init(&life.sim, 7);
	life.sim.guard.off = true;
	life.sim.world.fault = *fault;
	sim_start(&life.sim);
	for (life.phase = MADE; life.phase < PHASES; life.phase++)
		play_phase(&life);
	life.phase = DELETED;
	acts = life.sim.world.acts;
	if (fault->kind && !life.sim.world.fault.happened)
		fail_life(&life, "the fault did not happen");
	sim_fini(&life.sim);
	return acts;
}

/* ---- all of them ---- */

static uint64_t play_all(enum world_fault_kind kind, uint64_t acts, const int *all_codes, size_t n)
{
	uint64_t lives = 0;

	for (uint64_t at = 1; at <= acts; at++)
		for (size_t i = 0; i < n; i++, lives++)
			play(&(struct world_fault){ .kind = kind, .at = at, .code = all_codes[i] });
	return lives;
}

static bool play_named(void)
{
	const char *text = getenv("KUKEON_FAULT");
	struct world_fault fault = { 0 };
	char name[32];
	unsigned long long at;

	if (!text)
		return false;
	assert_int_equal(sscanf(text, "%31[^:]:%llu:%d", name, &at, &fault.code), 3);
	for (int kind = 0; kind < WORLD_FAULT_COUNT; kind++)
		if (str_equal(name, fault_names[kind]))
			fault.kind = (enum world_fault_kind)kind;
	fault.at = at;
	play(&fault);
	return true;
}

static void test_every_fault(void **state UNUSED)
{
	static const int none[] = { 0 };
	uint64_t acts, lives = 0;

	if (play_named())
		return;
	acts = play(&(struct world_fault){ 0 });
	for (int kind = WORLD_FAULT_KILL_BEFORE; kind < WORLD_FAULT_COUNT; kind++) {
		bool fails = kind == WORLD_FAULT_FAIL_BEFORE || kind == WORLD_FAULT_FAIL_AFTER;

		lives += play_all((enum world_fault_kind)kind, acts, fails ? codes : none,
				  fails ? ARRAY_SIZE(codes) : 1);
	}
	printf("%llu acts, %llu lives\n", (unsigned long long)acts, (unsigned long long)lives);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_every_fault) };

	log_set_level(getenv("KUKEON_SIM_LOG") ? LOG_DEBUG : LOG_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
