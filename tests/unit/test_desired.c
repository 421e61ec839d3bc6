/* SPDX-License-Identifier: Apache-2.0 */
#include "core/desired/desired.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "core/base/log.h"
#include "core/desired/effective.h"
#include "tests/fake/host.h"

enum { GRACE_MS = 2000, LONG_MS = 10 * 1000 };

#define WEB "default/default/default/web"
#define DOCUMENT(kind, rest) "apiVersion: v1beta1\nkind: " kind "\n" rest
#define CELL(name, image)                                                                          \
	DOCUMENT("Cell", "metadata: {name: " name "}\nspec: {containers: [{id: a, image: " image   \
			 ", stopGracePeriodSeconds: 1}]}\n")
#define CONTAINER(cell, name, more)                                                                \
	DOCUMENT("Container",                                                                      \
		 "metadata: {name: " name "}\nspec: {cellId: " cell ", image: img" more "}\n")

static const struct object *find(struct sim *sim, const char *key)
{
	return engine_find(&sim->engine, key);
}

static const Api__ContainerSpec *container_spec(struct sim *sim, const char *key, size_t i)
{
	const struct object *object = find(sim, key);

	assert_non_null(object);
	assert_true(i < object_cell_spec(object)->n_containers);
	return object_cell_spec(object)->containers[i];
}

static void assert_source(struct sim *sim, const char *key, const char *source)
{
	const struct object *object = find(sim, key);

	assert_non_null(object);
	assert_string_equal(object->source, source);
	assert_true(object->wanted);
}

/* Everything wrong with a file, one per line. */
static void assert_errors(struct sim *sim, const char *path, const char *expected)
{
	struct map_node *node = map_find(&sim->engine.desired.files, path);
	struct strv errors = { 0 };
	AUTO_BUF struct buf text = { 0 };

	assert_non_null(node);
	desired_file_errors(map_entry(node, struct desired_file, node), &errors);
	buf_add_str(&text, "");
	for (size_t i = 0; i < errors.n; i++)
		buf_printf(&text, "%s%s", i ? "\n" : "", errors.items[i]);
	strv_fini(&errors);
	assert_string_equal(text.data ? text.data : "", expected);
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

	sim_fini(sim);
	free(sim);
	return 0;
}

static void test_first_path_keeps_the_object(void **state)
{
	struct sim *sim = *state;

	sim_file(sim, "m.yaml", CELL("web", "second"));
	assert_source(sim, WEB, "manifest:m.yaml");
	sim_file(sim, "z.yaml", CELL("web", "third"));
	assert_source(sim, WEB, "manifest:m.yaml");
	sim_file(sim, "a.yaml", CELL("web", "first"));
	assert_source(sim, WEB, "manifest:a.yaml");
	assert_string_equal(container_spec(sim, WEB, 0)->image, "first");
	assert_errors(sim, "a.yaml", "");
	assert_errors(sim, "m.yaml",
		      "m.yaml: Cell " WEB
		      " is declared in a.yaml already, which keeps it; remove one "
		      "of the two");
	sim_scanned(sim);
	sim_file_gone(sim, "a.yaml"); /* at once: what is lost gives way to what is there */
	assert_source(sim, WEB, "manifest:m.yaml");
	assert_string_equal(container_spec(sim, WEB, 0)->image, "second");
	assert_errors(sim, "m.yaml", "");
	sim_file(sim, "a.yaml", CELL("web", "first"));
	assert_source(sim, WEB, "manifest:a.yaml");
}

static void test_taken_over_within_the_grace(void **state)
{
	struct sim *sim = *state;

	sim_file(sim, "a.yaml", CELL("web", "img"));
	sim_scanned(sim);
	sim_run(sim, LONG_MS);
	sim->world.frozen = true;
	sim_file_gone(sim, "a.yaml");
	sim_run(sim, GRACE_MS - 1);
	assert_true(find(sim, WEB)->wanted);
	sim_file(sim, "b.yaml", CELL("web", "img"));
	sim_run(sim, LONG_MS);
	assert_source(sim, WEB, "manifest:b.yaml");
	assert_null(map_find(&sim->engine.desired.files, "a.yaml"));
	assert_int_equal(sim->world.violations, 0);
}

static void test_pruned_after_the_grace(void **state)
{
	struct sim *sim = *state;

	sim_file(sim, "a.yaml", CELL("web", "img") "---\n" CELL("api", "img"));
	sim_scanned(sim);
	sim_run(sim, LONG_MS);
	sim_file(sim, "a.yaml", CELL("api", "img"));
	sim_run(sim, GRACE_MS - 1);
	assert_true(find(sim, WEB)->wanted);
	sim_run(sim, 1);
	assert_false(find(sim, WEB)->wanted);
	sim_run(sim, LONG_MS);
	assert_null(find(sim, WEB));
	assert_source(sim, "default/default/default/api", "manifest:a.yaml");
}

/* A change of mind within the grace starts the grace anew. */
static void test_back_within_the_grace(void **state)
{
	struct sim *sim = *state;

	sim_file(sim, "a.yaml", CELL("web", "img"));
	sim_scanned(sim);
	sim_run(sim, LONG_MS);
	sim_file_gone(sim, "a.yaml");
	sim_run(sim, GRACE_MS - 1);
	sim_file(sim, "a.yaml", CELL("web", "img"));
	sim_run(sim, GRACE_MS - 1);
	sim_file_gone(sim, "a.yaml");
	sim_run(sim, GRACE_MS - 1);
	assert_true(find(sim, WEB)->wanted);
	sim_run(sim, 1);
	assert_false(find(sim, WEB)->wanted);
}

static void test_last_good_stays(void **state)
{
	struct sim *sim = *state;
	struct error err;

	sim_file(sim, "a.yaml", CELL("web", "img") "---\n" CELL("api", "img"));
	sim_scanned(sim);
	sim_file(sim, "a.yaml",
		 CELL("web", "new") "---\n" DOCUMENT("Cell",
						     "metadata: {name: api}\nspec: {imgae: 1}\n"));
	sim_run(sim, LONG_MS);
	assert_string_equal(container_spec(sim, WEB, 0)->image,
			    "new"); /* the good part is taken up */
	assert_source(sim, "default/default/default/api", "manifest:a.yaml");
	sim_file(sim, "a.yaml", ": {");
	sim_run(sim, LONG_MS);
	assert_source(sim, WEB, "manifest:a.yaml");
	error_set(&err, -EACCES, "cannot be read");
	desired_set_file_error(&sim->engine, "a.yaml", &err);
	sim_run(sim, LONG_MS);
	assert_source(sim, WEB, "manifest:a.yaml");
	assert_errors(sim, "a.yaml", "a.yaml: cannot be read");
	sim_file(sim, "a.yaml", CELL("web", "new"));
	sim_run(sim, LONG_MS);
	assert_errors(sim, "a.yaml", "");
	assert_null(find(sim, "default/default/default/api"));
}

static void test_implicit_parents(void **state)
{
	struct sim *sim = *state;

	sim_file(sim, "a.yaml", CELL("web", "img"));
	sim_file(sim, "b.yaml", CELL("api", "img"));
	sim_scanned(sim);
	assert_source(sim, "default", "implicit");
	assert_source(sim, "default/default/default", "implicit");
	assert_int_equal(find(sim, "default/default/default")->wanted_children, 2);
	assert_int_equal(find(sim, "default")->wanted_children, 1);
	sim_file_gone(sim, "a.yaml");
	sim_run(sim, LONG_MS);
	assert_int_equal(find(sim, "default/default/default")->wanted_children, 1);
	sim_file(sim, "realm.yaml", DOCUMENT("Realm", "metadata: {name: default}\n"));
	assert_source(sim, "default", "manifest:realm.yaml");
	assert_false(find(sim, "default")->implicit);
	sim_file_gone(sim, "realm.yaml");
	sim_run(sim, LONG_MS);
	assert_source(sim, "default", "implicit");
	sim_file_gone(sim, "b.yaml");
	sim_run(sim, LONG_MS);
	assert_null(find(sim, "default"));
	assert_int_equal(world_count(&sim->world), 0);
}

static void test_containers_join_their_cell(void **state)
{
	struct sim *sim = *state;

	sim_file(sim, "a.yaml", CELL("web", "img"));
	sim_file(sim, "b.yaml", CONTAINER("web", "side", ""));
	sim_file(sim, "c.yaml", CONTAINER("web", "a", ""));
	sim_file(sim, "d.yaml", CONTAINER("alone", "one", ""));
	sim_scanned(sim);
	assert_int_equal(object_cell_spec(find(sim, WEB))->n_containers, 2);
	assert_string_equal(container_spec(sim, WEB, 1)->id, "side");
	assert_errors(sim, "b.yaml", "");
	assert_errors(sim, "c.yaml",
		      "c.yaml: Container " WEB "/a cannot join its cell: \"a\" is the id of "
		      "containers[0] already");
	assert_source(sim, "default/default/default/alone", "implicit");
	assert_string_equal(container_spec(sim, "default/default/default/alone", 0)->id, "one");
	sim_file(sim, "a.yaml",
		 DOCUMENT("Cell", "metadata: {name: web}\n")); /* makes room for the refused one */
	assert_errors(sim, "c.yaml", "");
	assert_int_equal(object_cell_spec(find(sim, WEB))->n_containers, 2);
	sim_file_gone(sim, "b.yaml");
	sim_run(sim, LONG_MS);
	assert_int_equal(object_cell_spec(find(sim, WEB))->n_containers, 1);
	assert_string_equal(container_spec(sim, WEB, 0)->id, "a");
}

static bool has_joined(struct sim *sim, const char *name)
{
	AUTO_FREE char *key = xasprintf(WEB "/%s", name);

	return effective_has_joined(find(sim, key));
}

/* More than a cell takes, some that do not fit in among them: it takes the first that do, and a
 * file of many takes no long look at each. */
static void test_too_many_containers_join(void **state)
{
	enum { MANY = 200 };
	struct sim *sim = *state;
	AUTO_BUF struct buf text = { 0 };

	sim_file(sim, "a.yaml", CELL("web", "img")); /* with container a */
	for (int i = 0; i < MANY; i++)
		buf_printf(&text,
			   "---\napiVersion: v1beta1\nkind: Container\nmetadata: {name: c%03d}\n"
			   "spec: {cellId: web, image: img%s}\n",
			   i, i == 7 || i == 20 ? ", ports: [\"80:80\"]" : "");
	sim_file(sim, "c.yaml", text.data);
	assert_int_equal(((const Api__Cell *)find(sim, WEB)->spec)->spec->n_containers,
			 MODEL_CELL_MAX_CONTAINERS);
	assert_true(has_joined(sim, "c007"));
	assert_false(has_joined(sim, "c020")); /* the port is taken */
	assert_true(has_joined(sim, "c021"));
	assert_true(has_joined(sim, "c063"));
	assert_false(has_joined(sim, "c064"));
	assert_false(has_joined(sim, "c199"));
	sim_file(sim, "a.yaml",
		 DOCUMENT("Cell", "metadata: {name: web}\n")); /* makes room for one more */
	assert_true(has_joined(sim, "c064"));
	assert_false(has_joined(sim, "c065"));
}

static void test_ill_directory_prunes_nothing(void **state)
{
	struct sim *sim = *state;
	struct error err;

	sim_file(sim, "a.yaml", CELL("web", "img"));
	sim_scanned(sim);
	error_set(&err, -ENOENT, "the directory vanished");
	sim_file_gone(sim, "a.yaml");
	desired_scan_done(&sim->engine, &err);
	sim_run(sim, LONG_MS);
	assert_true(find(sim, WEB)->wanted);
	assert_string_equal(sim->engine.desired.problem.msg, "the directory vanished");
	sim_scanned(sim);
	assert_int_equal(sim->engine.desired.problem.code, 0);
	sim_run(sim, 1); /* its grace passed long ago */
	assert_false(find(sim, WEB)->wanted);
}

static void restore(struct sim *sim, const char *path, const char *text)
{
	struct manifest manifest;
	struct document *document;
	AUTO_FREE char *source = xasprintf(DESIRED_SOURCE_MANIFEST "%s", path);

	manifest_parse(path, text, strlen(text), &manifest);
	assert_int_equal(manifest.errors.n, 0);
	list_for_each(document, &manifest.documents, link)
		desired_restore(&sim->engine, source, document->key, NULL,
				take_ptr(document->message));
	manifest_fini(&manifest);
}

static void test_restored_and_missing(void **state)
{
	struct sim *sim = *state;

	restore(sim, "a.yaml", CELL("web", "img"));
	restore(sim, "b.yaml", CELL("api", "img"));
	assert_source(sim, WEB, "manifest:a.yaml");
	sim_run(sim, LONG_MS);
	sim_file(sim, "b.yaml", CELL("api", "img"));
	assert_false(sim->engine.desired.complete);
	sim_scanned(sim); /* a.yaml went while we were away */
	assert_true(sim->engine.desired.complete);
	sim_run(sim, GRACE_MS - 1);
	assert_true(find(sim, WEB)->wanted);
	sim_run(sim, LONG_MS);
	assert_null(find(sim, WEB));
	assert_source(sim, "default/default/default/api", "manifest:b.yaml");
}

static void test_generations(void **state)
{
	struct sim *sim = *state;
	const struct desired_file *file;

	sim_file(sim, "a.yaml", CELL("web", "img"));
	sim_file(sim, "a.yaml", CELL("web", "img"));
	file = map_entry(map_find(&sim->engine.desired.files, "a.yaml"), struct desired_file, node);
	assert_int_equal(file->generation, 2);
	sim_scanned(sim);
	sim_run(sim, LONG_MS);
	sim->world.frozen = true;
	sim_file(sim, "a.yaml", CELL("web", "img")); /* the same content changes nothing */
	sim_run(sim, LONG_MS);
	assert_int_equal(sim->world.violations, 0);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_first_path_keeps_the_object),
		TEST(test_taken_over_within_the_grace),
		TEST(test_pruned_after_the_grace),
		TEST(test_back_within_the_grace),
		TEST(test_last_good_stays),
		TEST(test_implicit_parents),
		TEST(test_containers_join_their_cell),
		TEST(test_too_many_containers_join),
		TEST(test_ill_directory_prunes_nothing),
		TEST(test_restored_and_missing),
		TEST(test_generations),
	};

	log_set_level(LOG_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
