/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random sequences of what happens to a manifests directory (files removed, returned, broken,
 * edited to hold fewer cells; directories hidden and whole again; restarts of the daemon) against a
 * model that knows which cells may die: a cell that may not never loses its process, and one that
 * is to go goes. The model knows the rule of core/desired/hold.h by its words, in its own way: it
 * goes through the losses in their order with nothing but arrays.
 *
 * KUKEON_SIM_STEPS=<n> KUKEON_SIM_SEED=<n>; the seed is printed. KUKEON_TEST_TRACE=1 prints every
 * step.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "core/base/fs.h"
#include "core/base/log.h"
#include "core/desired/desired.h"
#include "core/desired/hold.h"
#include "tests/fake/host.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { STEPS = 1000 }; /* ten times as slow */
#else
enum { STEPS = 10 * 1000 };
#endif

enum {
	FILES = 8,
	CELLS = 12, /* cell i is in file i % FILES */
	DIRS = 2,   /* file i is in directory i % DIRS */
	GRACE_MS = 2000,
	SETTLED_MS = 10 * 1000,
};

/* ---- the model ---- */

enum text { ABSENT, WHOLE, HALF, BROKEN }; /* HALF: only the first of its cells */
enum fate { UNKNOWN, DECLARED, LOST, DOUBT, HELD, GONE };

struct model {
	enum text files[FILES];
	bool reported[FILES]; /* since the daemon started */
	bool hidden[DIRS];
	struct {
		enum fate fate;
		uint64_t since_ms; /* when it was declared, or lost */
		bool in_text;      /* a text that is not understood may hold it */
		uint64_t born_ms;  /* when it was declared after it had not been there */
		bool hidden;
	} cells[CELLS];
};

struct round {
	struct sim sim;
	struct model model;
	char *dir;
	char last[64];
	unsigned starts[CELLS];
};

static unsigned dir_of(unsigned file)
{
	return file % DIRS;
}

static bool file_has(const struct model *m, unsigned file, unsigned cell)
{
	if (cell % FILES != file || m->hidden[dir_of(file)])
		return false;
	return m->files[file] == WHOLE || (m->files[file] == HALF && cell == file);
}

static bool is_there(const struct model *m, unsigned file)
{
	return m->files[file] != ABSENT && !m->hidden[dir_of(file)];
}

/* A broken text is "cN: [" for its own first cell: it may hold that, and whatever its file had. */
static bool may_hold(const struct model *m, unsigned cell)
{
	unsigned file = cell % FILES;

	return is_there(m, file) && m->files[file] == BROKEN;
}

/* What the files say now. */
static void model_read(struct model *m, uint64_t now_ms)
{
	for (unsigned i = 0; i < CELLS; i++) {
		unsigned file = i % FILES;
		bool hidden = m->hidden[dir_of(file)] && m->files[file] != ABSENT;

		if (m->cells[i].fate == LOST && m->cells[i].in_text)
			m->cells[i].since_ms = now_ms; /* that text goes, or is given again */
		m->cells[i].in_text = may_hold(m, i);
		if (file_has(m, file, i)) {
			if (m->cells[i].fate != DECLARED)
				m->cells[i].since_ms = now_ms;
			if (m->cells[i].fate == UNKNOWN || m->cells[i].fate == GONE)
				m->cells[i].born_ms = now_ms;
			m->cells[i].fate = DECLARED;
		} else if (m->cells[i].fate == DECLARED && !may_hold(m, i)) {
			m->cells[i].fate = LOST;
			m->cells[i].since_ms = now_ms;
			m->cells[i].hidden = hidden;
		} else if (m->cells[i].fate == DOUBT && !may_hold(m, i)) {
			m->cells[i].fate = LOST;
			m->cells[i].since_ms = now_ms;
			m->cells[i].hidden = hidden;
		} else if (m->cells[i].fate == LOST && !hidden && m->files[file] != BROKEN) {
			m->cells[i].hidden = false; /* found to be removed within its grace */
		}
	}
	for (unsigned file = 0; file < FILES; file++)
		m->reported[file] |= is_there(m, file);
}

static bool too_much(const struct model *m, uint64_t begin_ms)
{
	unsigned lost = 0, before = 0, file = FILES;
	bool alone = true;

	for (unsigned i = 0; i < CELLS; i++) {
		if (m->cells[i].fate == DECLARED)
			before += m->cells[i].since_ms <= begin_ms;
		if (m->cells[i].fate != LOST)
			continue;
		lost++;
		before++;
		alone &= (file == FILES || file == i % FILES) && !m->cells[i].hidden;
		file = i % FILES;
	}
	alone = alone && m->reported[file] && (!is_there(m, file) || lost == 1);
	if (lost == before)
		return !alone;
	return lost >= 3 && 2 * lost > before;
}

static bool doubt_those_of(struct model *m, uint64_t since_ms)
{
	bool some = false;

	for (unsigned i = 0; i < CELLS; i++) {
		if (m->cells[i].fate != LOST || m->cells[i].since_ms != since_ms || !may_hold(m, i))
			continue;
		m->cells[i].fate = DOUBT;
		some = true;
	}
	return some;
}

/* What expires until @now_ms, the earliest first. */
static void model_expire(struct model *m, uint64_t now_ms)
{
	for (;;) {
		unsigned first = CELLS;

		for (unsigned i = 0; i < CELLS; i++)
			if (m->cells[i].fate == LOST &&
			    (first == CELLS || m->cells[i].since_ms < m->cells[first].since_ms))
				first = i;
		if (first == CELLS || m->cells[first].since_ms + GRACE_MS > now_ms)
			return;
		if (doubt_those_of(m, m->cells[first].since_ms))
			continue;
		if (too_much(m, m->cells[first].since_ms)) {
			for (unsigned i = 0; i < CELLS; i++)
				if (m->cells[i].fate == LOST)
					m->cells[i].fate = HELD;
		} else {
			m->cells[first].fate = m->cells[first].hidden ? HELD : GONE;
			m->cells[first].since_ms = now_ms;
		}
	}
}

/* ---- the daemon ---- */

static char *path_of(unsigned file)
{
	return xasprintf("d%u/f%u.yaml", dir_of(file), file);
}

static char *text_of(const struct model *m, unsigned file)
{
	struct buf text = { 0 };

	buf_add_str(&text, "");
	for (unsigned i = file; i < CELLS; i += FILES)
		if (file_has(m, file, i))
			buf_printf(&text,
				   "---\napiVersion: v1beta1\nkind: Cell\nmetadata: {name: c%u}\n"
				   "spec: {containers: [{id: a, image: i, "
				   "stopGracePeriodSeconds: 1}]}\n",
				   i);
	if (m->files[file] == BROKEN)
		buf_printf(&text, "x%u: [\n", file);
	return text.data;
}

static void tell_file(struct round *r, unsigned file)
{
	AUTO_FREE char *path = path_of(file);
	AUTO_FREE char *text = text_of(&r->model, file);
	struct error why;

	if (is_there(&r->model, file)) {
		sim_file(&r->sim, path, text);
	} else if (r->model.files[file] == ABSENT) {
		sim_file_gone(&r->sim, path);
	} else {
		error_set(&why, -EXDEV, "unmounted");
		desired_hide_file(&r->sim.engine, path, &why);
	}
}

static void tell_all(struct round *r)
{
	for (unsigned file = 0; file < FILES; file++)
		tell_file(r, file);
}

static unsigned any(struct round *r, unsigned n)
{
	return world_random(&r->sim.world, n);
}

static void restart(struct round *r)
{
	sim_crash(&r->sim);
	sim_start(&r->sim);
	memset(r->model.reported, 0, sizeof(r->model.reported));
	for (unsigned i = 0; i < CELLS; i++) /* their grace begins anew */
		if (r->model.cells[i].fate == LOST || r->model.cells[i].fate == DOUBT)
			r->model.cells[i].fate = DECLARED;
}

static bool any_going(struct round *r)
{
	for (unsigned i = 0; i < CELLS; i++)
		if (r->model.cells[i].fate == GONE &&
		    r->model.cells[i].since_ms + SETTLED_MS > loop_now_ms(&r->sim.loop))
			return true;
	return false;
}

static void act(struct round *r)
{
	static const char *const names[] = { "absent", "whole", "half", "broken" };
	struct model *m = &r->model;
	unsigned what = any(r, 20), file = any(r, FILES), n = 1 + any(r, 4);

	if (what < 12) { /* some files, often the same way */
		enum text text = (enum text)any(r, 4);

		snprintf(r->last, sizeof(r->last), "%u files from %u %s", n, file, names[text]);
		for (unsigned i = 0; i < n; i++)
			m->files[(file + i) % FILES] = text;
	} else if (what < 14) {
		snprintf(r->last, sizeof(r->last), "all whole");
		for (unsigned i = 0; i < FILES; i++)
			m->files[i] = WHOLE;
		memset(m->hidden, 0, sizeof(m->hidden));
	} else if (what < 15) {
		snprintf(r->last, sizeof(r->last), "all absent");
		memset(m->files, 0, sizeof(m->files));
	} else if (what < 19) {
		snprintf(r->last, sizeof(r->last), "directory %u flips", dir_of(file));
		m->hidden[dir_of(file)] = !m->hidden[dir_of(file)];
	} else if (!any_going(r)) { /* what is not stored yet is judged anew */
		snprintf(r->last, sizeof(r->last), "restart");
		restart(r);
	}
}

static void prune(struct round *r)
{
	snprintf(r->last, sizeof(r->last), "prune");
	sim_prune(&r->sim);
	for (unsigned i = 0; i < CELLS; i++)
		if (r->model.cells[i].fate == HELD) {
			r->model.cells[i].fate = GONE;
			r->model.cells[i].since_ms = loop_now_ms(&r->sim.loop);
		}
}

/* ---- judging ---- */

static void judge(struct round *r, unsigned step, unsigned i)
{
	static const char *const fates[] = { "unknown",  "declared", "lost",
					     "in doubt", "held",     "gone" };
	AUTO_FREE char *key = xasprintf("default/default/default/c%u", i);
	AUTO_FREE char *id = name_containerd_id(key, "root");
	const struct object *object = engine_find(&r->sim.engine, key);
	const struct world_container *c = world_container(&r->sim.world, "kukeon-default", id);
	enum fate fate = r->model.cells[i].fate;
	bool lives = fate != GONE && fate != UNKNOWN, settled;

	if (lives != (object && object->wanted))
		fail_msg("step %u (%s): c%u is %s to the model, the daemon %s it", step, r->last, i,
			 fates[fate], object && object->wanted ? "wants" : "does not want");
	if (lives && (fate == HELD) != (desired_held(object) != NULL))
		fail_msg("step %u (%s): c%u is %s to the model, the daemon says %s", step, r->last,
			 i, fates[fate], desired_held(object) ? desired_held(object) : "nothing");
	if (lives && c && r->starts[i] && c->starts != r->starts[i])
		fail_msg("step %u (%s): c%u was started again", step, r->last, i);
	/* What was there before may still be on its way out. */
	settled = r->model.cells[i].born_ms + SETTLED_MS <= loop_now_ms(&r->sim.loop);
	r->starts[i] = lives && c && settled ? c->starts : 0;
}

static void step(struct round *r, unsigned number)
{
	static const unsigned pauses_ms[] = { 1, 30, 400, 1100, 1999, 2001, 4000 };
	uint64_t until_ms;

	if (any(r, 30) == 0)
		prune(r);
	else
		act(r);
	tell_all(r);
	sim_scanned(&r->sim);
	model_read(&r->model, loop_now_ms(&r->sim.loop));
	if (getenv("KUKEON_TEST_TRACE")) {
		fprintf(stderr, "%u t=%llu %s:", number,
			(unsigned long long)loop_now_ms(&r->sim.loop), r->last);
		for (unsigned i = 0; i < CELLS; i++)
			fprintf(stderr, " %u%c%c@%llu", i, "UDLXHG"[r->model.cells[i].fate],
				r -> model.cells[i].hidden ? 'h' : ' ',
				(unsigned long long)r->model.cells[i].since_ms);
		fprintf(stderr, "\n");
	}
	until_ms = pauses_ms[any(r, ARRAY_SIZE(pauses_ms))];
	sim_run(&r->sim, until_ms);
	model_expire(&r->model, loop_now_ms(&r->sim.loop));
	for (unsigned i = 0; i < CELLS; i++)
		judge(r, number, i);
}

static unsigned long number_of(const char *variable, unsigned long otherwise)
{
	const char *value = getenv(variable);

	return value ? strtoul(value, NULL, 10) : otherwise;
}

static void test_rounds(void **state)
{
	unsigned long steps = number_of("KUKEON_SIM_STEPS", STEPS);
	unsigned long seed = number_of("KUKEON_SIM_SEED", (unsigned long)getpid());
	char dir[] = "/dev/shm/kukeon-hold-XXXXXX";
	struct round *r = xnew(struct round);

	(void)state;
	print_message("KUKEON_SIM_SEED=%lu, %lu steps\n", seed, steps);
	check(mkdtemp(dir) != NULL);
	sim_init(&r->sim, seed);
	r->sim.run_path = dir;
	sim_start(&r->sim);
	for (unsigned long i = 0; i < steps; i++)
		step(r, (unsigned)i);
	assert_int_equal(r->sim.world.violations, 0);
	sim_fini(&r->sim);
	check(fs_remove_tree(AT_FDCWD, dir, NULL) == 0);
	free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_rounds) };

	log_set_level(getenv("KUKEON_TEST_LOG") ? LOG_DEBUG : LOG_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
