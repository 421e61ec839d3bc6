/* SPDX-License-Identifier: Apache-2.0 */
/* Versions go up over daemons, whatever became of the file that says where to go on. */
#include "core/store/versions.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "core/base/fs.h"
#include "core/base/log.h"
#include "tests/fake/host.h"
#include "tests/unit/scratch.h"

#define WEB "default/default/default/web"
#define CELL                                                                                       \
	"apiVersion: v1beta1\nkind: Cell\nmetadata: {name: web}\n"                                 \
	"spec: {containers: [{id: a, image: i}]}\n"

enum { SETTLED_MS = 30 * 1000 };

struct fixture {
	struct sim sim;
	char dir[64];
};

static int setup(void **state)
{
	struct fixture *f = xnew(struct fixture);

	snprintf(f->dir, sizeof(f->dir), "%s/test-versions-XXXXXX", SCRATCH);
	assert_non_null(mkdtemp(f->dir));
	sim_init(&f->sim, 1);
	f->sim.run_path = f->dir;
	sim_start(&f->sim);
	sim_file(&f->sim, "web.yaml", CELL);
	sim_scanned(&f->sim);
	sim_run(&f->sim, SETTLED_MS);
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

static uint64_t version(struct fixture *f)
{
	return f->sim.engine.version;
}

static void restart(struct fixture *f)
{
	sim_crash(&f->sim);
	sim_start(&f->sim);
	sim_file(&f->sim, "web.yaml", CELL);
	sim_scanned(&f->sim);
	sim_run(&f->sim, SETTLED_MS);
}

static const char *const contents[] = { "", "text\n", "0\n", "17", "-1\n", NULL };

static void test_goes_up(void **state)
{
	struct fixture *f = *state;
	AUTO_FREE char *path = xasprintf("%s/" VERSIONS_FILE, f->dir);
	uint64_t before = version(f), changed = engine_find(&f->sim.engine, WEB)->identity.changed;

	assert_true(changed > 0);
	restart(f);
	assert_true(version(f) > before);
	for (size_t i = 0; i < ARRAY_SIZE(contents); i++) {
		before = version(f);
		if (contents[i])
			assert_int_equal(fs_write_file_atomic(path, contents[i],
							      strlen(contents[i]), 0600, NULL),
					 0);
		else
			unlink(path);
		restart(f);
		if (contents[i] && version(f) <= before)
			fail_msg("\"%s\": goes down", contents[i]);
		assert_true(version(f) >= changed);
		assert_int_equal(engine_find(&f->sim.engine, WEB)->identity.changed, changed);
	}
}

/* A daemon that lives long reserves more before it needs them. */
static void test_reserves_more(void **state)
{
	struct fixture *f = *state;
	struct object *web = engine_find(&f->sim.engine, WEB);
	uint64_t before;

	for (unsigned i = 0; i < 3; i++) {
		f->sim.engine.version += (1 << 19) + (1 << 18);
		engine_changed(&f->sim.engine, web, false);
		sim_run(&f->sim, SETTLED_MS);
	}
	before = version(f);
	restart(f);
	assert_true(version(f) > before);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = { TEST(test_goes_up), TEST(test_reserves_more) };

	log_set_level(LOG_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
