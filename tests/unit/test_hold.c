/* SPDX-License-Identifier: Apache-2.0 */
/* Whether what lost its declaration goes: core/desired/hold.h, on the fakes. */
#include "core/desired/hold.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "core/base/log.h"
#include "core/desired/desired.h"
#include "tests/fake/host.h"

enum { GRACE_MS = 2000, LONG_MS = 10 * 1000, CELLS_MAX = 12 };

static char *key_of(unsigned i)
{
	return xasprintf("default/default/default/c%u", i);
}

static char *text_of(unsigned i)
{
	return xasprintf("apiVersion: v1beta1\nkind: Cell\nmetadata: {name: c%u}\n"
			 "spec: {containers: [{id: a, image: img, stopGracePeriodSeconds: 1}]}\n",
			 i);
}

static char *path_of(unsigned i)
{
	return xasprintf("f%u.yaml", i);
}

/* Files f0.yaml to f<n-1>.yaml with a cell each, running. */
static void put(struct sim *sim, unsigned i)
{
	AUTO_FREE char *path = path_of(i), *text = text_of(i);

	sim_file(sim, path, text);
}

static void begin(struct sim *sim, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		put(sim, i);
	sim_scanned(sim);
	sim_run(sim, LONG_MS);
}

static void take(struct sim *sim, unsigned i)
{
	AUTO_FREE char *path = path_of(i);

	sim_file_gone(sim, path);
	sim_scanned(sim);
}

static void hide(struct sim *sim, unsigned i)
{
	AUTO_FREE char *path = path_of(i);
	struct error why;

	error_set(&why, -EXDEV, "something was unmounted");
	desired_hide_file(&sim->engine, path, &why);
	sim_scanned(sim);
}

static bool lives(struct sim *sim, unsigned i)
{
	AUTO_FREE char *key = key_of(i);
	const struct object *object = engine_find(&sim->engine, key);

	return object && object->wanted;
}

static const char *held(struct sim *sim, unsigned i)
{
	AUTO_FREE char *key = key_of(i);
	const struct object *object = engine_find(&sim->engine, key);

	return object ? desired_held(object) : NULL;
}

/* "110": which of the first cells live. */
static void assert_lives(struct sim *sim, const char *expected)
{
	char found[CELLS_MAX + 1] = { 0 };

	for (unsigned i = 0; expected[i]; i++)
		found[i] = lives(sim, i) ? '1' : '0';
	assert_string_equal(found, expected);
}

static int setup(void **state)
{
	struct sim *sim = xnew(struct sim);

	sim_init(sim, 1);
	sim_start(sim);
	*state = sim;
	return 0;
}

static int teardown(void **state)
{
	struct sim *sim = *state;

	assert_int_equal(sim->world.violations, 0);
	sim_fini(sim);
	free(sim);
	return 0;
}

/* ---- the guard ---- */

static void test_all_at_once(void **state)
{
	struct sim *sim = *state;

	begin(sim, 4);
	for (unsigned i = 0; i < 4; i++)
		take(sim, i);
	sim_run(sim, LONG_MS);
	assert_lives(sim, "1111");
	assert_non_null(strstr(held(sim, 0), "4 of 4 cells"));
	sim->world.frozen = true; /* they come back as they were */
	put(sim, 0);
	sim_scanned(sim);
	sim_file(sim, "other.yaml", "# nothing\n");
	sim_scanned(sim);
	sim_run(sim, LONG_MS);
	assert_null(held(sim, 0));
	assert_lives(sim, "1111");
	assert_non_null(held(sim, 3));
}

static void test_one_after_the_other(void **state)
{
	struct sim *sim = *state;

	begin(sim, 6);
	for (unsigned i = 0; i < 6; i++) {
		take(sim, i);
		sim_run(sim, 300);
	}
	sim_run(sim, LONG_MS);
	assert_lives(sim, "111111");
}

/* Slower than the window: each by itself, until what is left in one is too much. */
static void test_slowly(void **state)
{
	struct sim *sim = *state;

	begin(sim, 4);
	for (unsigned i = 0; i < 4; i++) {
		take(sim, i);
		sim_run(sim, GRACE_MS + 500);
	}
	sim_run(sim, LONG_MS);
	assert_lives(sim, "0000");
}

static void test_a_few_of_many(void **state)
{
	struct sim *sim = *state;

	begin(sim, 10);
	for (unsigned i = 0; i < 5; i++) /* not more than half */
		take(sim, i);
	sim_run(sim, LONG_MS);
	assert_lives(sim, "0000011111");
	take(sim, 5);
	take(sim, 6); /* fewer than three */
	sim_run(sim, LONG_MS);
	assert_lives(sim, "0000000111");
	take(sim, 7);
	take(sim, 8); /* two of three: more than half, but fewer than three */
	sim_run(sim, LONG_MS);
	assert_lives(sim, "0000000001");
	take(sim, 9); /* a lone last file */
	sim_run(sim, LONG_MS);
	assert_lives(sim, "0000000000");
}

static void test_new_cells_do_not_thin_it_out(void **state)
{
	struct sim *sim = *state;

	begin(sim, 4);
	for (unsigned i = 0; i < 4; i++)
		take(sim, i);
	sim_run(sim, 100);
	for (unsigned i = 5; i < CELLS_MAX; i++)
		put(sim, i);
	sim_scanned(sim);
	sim_run(sim, LONG_MS);
	assert_lives(sim, "1111");
}

static void test_edits_count_too(void **state)
{
	struct sim *sim = *state;
	AUTO_FREE char *a = text_of(0), *b = text_of(1), *c = text_of(2), *d = text_of(3);
	AUTO_FREE char *four = xasprintf("%s---\n%s---\n%s---\n%s", a, b, c, d);

	sim_file(sim, "all.yaml", four);
	sim_scanned(sim);
	sim_run(sim, LONG_MS);
	sim_file(sim, "all.yaml", a);
	sim_scanned(sim);
	sim_run(sim, LONG_MS);
	assert_lives(sim, "1111");
	sim_file(sim, "all.yaml", four);
	sim_run(sim, LONG_MS);
	sim_file_gone(sim, "all.yaml"); /* a lone last file */
	sim_scanned(sim);
	sim_run(sim, LONG_MS);
	assert_lives(sim, "0000");
}

/* The only cell of the only file gets another name. */
static void test_lone_cell_replaced(void **state)
{
	struct sim *sim = *state;
	AUTO_FREE char *other = text_of(1);

	begin(sim, 1);
	sim_file(sim, "f0.yaml", other);
	sim_scanned(sim);
	sim_run(sim, LONG_MS);
	assert_lives(sim, "01");
}

static void test_guard_off(void **state)
{
	struct sim *sim = *state;
	struct error why;

	sim->engine.desired.guard.off = true;
	begin(sim, 5);
	for (unsigned i = 0; i < 3; i++)
		take(sim, i);
	error_set(&why, -ENOENT, "the directory is gone as a whole");
	desired_hide_file(&sim->engine, "f3.yaml", &why); /* a commit may do that */
	hide(sim, 4);
	sim_run(sim, LONG_MS);
	assert_lives(sim, "00001");
}

static void test_guard_set(void **state)
{
	struct sim *sim = *state;

	sim->engine.desired.guard = (struct prune_guard){ .share_percent = 20, .number = 1 };
	begin(sim, 10);
	take(sim, 0);
	take(sim, 1);
	sim_run(sim, LONG_MS);
	assert_lives(sim, "0011111111");
	take(sim, 2);
	take(sim, 3);
	sim_run(sim, LONG_MS);
	assert_lives(sim, "0011111111"); /* two of eight */
}

/* ---- hidden ---- */

static void test_hidden(void **state)
{
	struct sim *sim = *state;

	begin(sim, 10);
	hide(sim, 0);
	take(sim, 1);
	sim_run(sim, LONG_MS);
	assert_lives(sim, "1011111111");
	assert_string_equal(held(sim, 0), "something was unmounted");
	take(sim, 2); /* goes on as usual */
	sim_run(sim, LONG_MS);
	assert_lives(sim, "1001111111");
	sim->world.frozen = true;
	put(sim, 0);
	sim_run(sim, LONG_MS);
	assert_null(held(sim, 0));
}

/* A link led nowhere for a moment, and the next revision lacks the file. */
static void test_hidden_then_removed(void **state)
{
	struct sim *sim = *state;

	begin(sim, 4);
	hide(sim, 0);
	sim_run(sim, 500);
	take(sim, 0);
	hide(sim, 1);
	sim_run(sim, LONG_MS);
	take(sim, 1); /* too late: it is held */
	sim_run(sim, LONG_MS);
	assert_lives(sim, "0111");
}

/* ---- in doubt ---- */

static void test_back_but_broken(void **state)
{
	struct sim *sim = *state;
	struct error err;

	begin(sim, 6);
	take(sim, 0);
	sim_run(sim, 200);
	sim_file(sim, "f0.yaml", "kind: Cell\n  metadata: [\n");
	take(sim, 1);
	error_set(&err, -EACCES, "cannot open it");
	sim_run(sim, 200);
	desired_set_file_error(&sim->engine, "f1.yaml", &err);
	take(sim, 2);
	sim_run(sim, 200);
	desired_set_file_pending(&sim->engine, "f2.yaml");
	sim_scanned(sim);
	sim_run(sim, LONG_MS);
	assert_lives(sim, "111111");
	sim->world.frozen = true;
	put(sim, 0);
	put(sim, 1);
	put(sim, 2);
	sim_scanned(sim);
	sim_run(sim, LONG_MS);
	assert_lives(sim, "111111");
}

static void test_moved_with_a_typo(void **state)
{
	struct sim *sim = *state;
	AUTO_FREE char *text = text_of(0);
	AUTO_FREE char *typo = xasprintf("%simgae: x\n", text);

	begin(sim, 6);
	take(sim, 0);
	sim_file(sim, "new.yaml", typo);
	take(sim, 1); /* of which the text does not speak */
	sim_run(sim, LONG_MS);
	assert_lives(sim, "101111");
	sim_file(sim, "new.yaml", "kind: nothing of it\n");
	sim_scanned(sim);
	sim_run(sim, GRACE_MS - 100);
	assert_lives(sim, "101111"); /* its grace begins anew */
	sim_run(sim, LONG_MS);
	assert_lives(sim, "001111");
}

/* The text that may have held it goes shortly before the grace is over. */
static void test_text_goes_late(void **state)
{
	struct sim *sim = *state;
	AUTO_FREE char *text = text_of(0);
	AUTO_FREE char *typo = xasprintf("%simgae: x\n", text);

	begin(sim, 6);
	sim_file(sim, "new.yaml", typo);
	take(sim, 0);
	sim_run(sim, GRACE_MS - 100);
	sim_file(sim, "new.yaml", "# empty\n");
	sim_scanned(sim);
	sim_run(sim, GRACE_MS - 100);
	assert_lives(sim, "1");
	sim_run(sim, LONG_MS);
	assert_lives(sim, "0");
}

/* ---- ends ---- */

static void test_let_go(void **state)
{
	struct sim *sim = *state;

	begin(sim, 3);
	for (unsigned i = 0; i < 3; i++)
		take(sim, i);
	sim_run(sim, LONG_MS);
	assert_lives(sim, "111");
	sim_prune(sim);
	sim_run(sim, LONG_MS);
	assert_lives(sim, "000");
	assert_int_equal(sim->engine.desired.files.count, 0);
}

static void test_declared_over_the_api(void **state)
{
	struct sim *sim = *state;
	AUTO_FREE char *key = key_of(0), *text = text_of(0);
	struct manifest manifest;

	begin(sim, 3);
	for (unsigned i = 0; i < 3; i++)
		take(sim, i);
	sim_run(sim, LONG_MS);
	manifest_parse("-", text, strlen(text), &manifest);
	desired_set_api(
		&sim->engine, key,
		take_ptr(list_entry(manifest.documents.next, struct document, link)->message));
	manifest_fini(&manifest);
	assert_null(held(sim, 0));
	sim_prune(sim);
	sim_run(sim, LONG_MS);
	assert_lives(sim, "100");
}

static void test_guard_text(void **state)
{
	static const char *const bad[] = { "",     "50",     "50%", "50%,0", "101%,1",
					   "50,3", "50%,3x", "on",  "-1%,2" };
	struct prune_guard guard;
	struct error err;

	(void)state;
	assert_int_equal(prune_guard_parse("25%,7", &guard, &err), 0);
	assert_false(guard.off);
	assert_int_equal(guard.share_percent, 25);
	assert_int_equal(guard.number, 7);
	assert_int_equal(prune_guard_parse("off", &guard, &err), 0);
	assert_true(guard.off);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		if (prune_guard_parse(bad[i], &guard, &err) != -EINVAL)
			fail_msg("\"%s\" is taken", bad[i]);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_all_at_once),
		TEST(test_one_after_the_other),
		TEST(test_slowly),
		TEST(test_a_few_of_many),
		TEST(test_new_cells_do_not_thin_it_out),
		TEST(test_edits_count_too),
		TEST(test_lone_cell_replaced),
		TEST(test_guard_off),
		TEST(test_guard_set),
		TEST(test_hidden),
		TEST(test_hidden_then_removed),
		TEST(test_back_but_broken),
		TEST(test_moved_with_a_typo),
		TEST(test_text_goes_late),
		TEST(test_let_go),
		TEST(test_declared_over_the_api),
		cmocka_unit_test(test_guard_text),
	};

	log_set_level(getenv("KUKEON_TEST_LOG") ? LOG_DEBUG : LOG_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
