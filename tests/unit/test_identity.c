/* SPDX-License-Identifier: Apache-2.0 */
/* metadata.uid, metadata.generation and status.observedGeneration, over changes, daemons and
 * deletions. */
#include "core/state/identity.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "core/base/fs.h"
#include "core/status/status.h"
#include "tests/fake/host.h"
#include "tests/unit/scratch.h"

#define SPACE "default/default"
#define WEB "default/default/default/web"

enum { SETTLED_MS = 30 * 1000 };

struct fixture {
	struct sim sim;
	char dir[64];
};

/* @labels and @containers as YAML in flow style. */
#define CELL(labels, containers)                                                                   \
	"apiVersion: v1beta1\nkind: Cell\nmetadata: {name: web, labels: " labels "}\n"             \
	"spec: {containers: [" containers "]}\n"
#define A "{id: a, image: i}"
#define B "{id: b, image: i}"
#define B_OTHER "{id: b, image: i, args: [x]}"
#define JOINS                                                                                      \
	"apiVersion: v1beta1\nkind: Container\nmetadata: {name: c}\n"                              \
	"spec: {cellId: web, image: i}\n"
#define DEFAULTS(env)                                                                              \
	"apiVersion: v1beta1\nkind: Space\nmetadata: {name: default}\n"                            \
	"spec: {defaults: {container: {env: [" env "]}}}\n"

static void file(struct fixture *f, const char *name, const char *text)
{
	if (text)
		sim_file(&f->sim, name, text);
	else
		sim_file_gone(&f->sim, name);
	sim_scanned(&f->sim);
	sim_run(&f->sim, SETTLED_MS);
}

static int setup(void **state)
{
	struct fixture *f = xnew(struct fixture);

	snprintf(f->dir, sizeof(f->dir), "%s/test-identity-XXXXXX", SCRATCH);
	assert_non_null(mkdtemp(f->dir));
	sim_init(&f->sim, 1);
	f->sim.run_path = f->dir;
	sim_start(&f->sim);
	file(f, "web.yaml", CELL("{}", A ", " B));
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

static struct object *find(struct fixture *f, const char *key)
{
	struct object *object = engine_find(&f->sim.engine, key);

	assert_non_null(object);
	return object;
}

static const struct identity *identity(struct fixture *f, const char *key)
{
	return &find(f, key)->identity;
}

static const struct identity *of_container(struct fixture *f, const char *name)
{
	struct container *c;

	list_for_each(c, &find(f, WEB)->cell.containers, link)
		if (str_equal(c->name, name) && c->spec)
			return &c->identity;
	fail_msg("no container %s", name);
	return NULL;
}

/* Generation of the cell, and of a and b; all of them looked at. */
static void expect(struct fixture *f, unsigned cell, unsigned a, unsigned b)
{
	assert_int_equal(identity(f, WEB)->generation, cell);
	assert_int_equal(identity(f, WEB)->observed, cell);
	assert_int_equal(of_container(f, "a")->generation, a);
	assert_int_equal(of_container(f, "a")->observed, a);
	assert_int_equal(of_container(f, "b")->generation, b);
}

static void test_counts(void **state)
{
	struct fixture *f = *state;

	expect(f, 1, 1, 1);
	file(f, "web.yaml", CELL("{x: y}", A ", " B));
	expect(f, 1, 1, 1);
	file(f, "web.yaml", CELL("{x: y}", A ", " B_OTHER));
	expect(f, 2, 1, 2);
	file(f, "c.yaml", JOINS);
	expect(f, 3, 1, 2);
	assert_int_equal(identity(f, SPACE)->generation, 1);
	file(f, "space.yaml", DEFAULTS("A=1"));
	assert_int_equal(identity(f, SPACE)->generation, 2);
	expect(f, 4, 2, 3);
	file(f, "web.yaml", CELL("{}", B_OTHER ", " A)); /* another root; they are what they were */
	expect(f, 5, 2, 3);
}

/* Until the planner has looked, what the status says is of before. */
static void test_observed(void **state)
{
	struct fixture *f = *state;
	ProtobufCMessage *message;

	sim_file(&f->sim, "web.yaml", CELL("{}", A ", " B_OTHER));
	message = status_render(&f->sim.engine, find(f, WEB));
	assert_int_equal(((Api__Cell *)message)->metadata->generation, 2);
	assert_int_equal(((Api__Cell *)message)->status->observed_generation, 1);
	protobuf_c_message_free_unpacked(message, NULL);
	sim_run(&f->sim, 1);
	assert_int_equal(identity(f, WEB)->observed, 2);
}

static void test_is_kept(void **state)
{
	struct fixture *f = *state;
	char uids[4][IDENTITY_UID_BYTES];

	file(f, "web.yaml", CELL("{}", A ", " B_OTHER));
	memcpy(uids[0], identity(f, WEB)->uid, sizeof(uids[0]));
	memcpy(uids[1], of_container(f, "a")->uid, sizeof(uids[1]));
	memcpy(uids[2], of_container(f, "b")->uid, sizeof(uids[2]));
	memcpy(uids[3], identity(f, SPACE)->uid, sizeof(uids[3])); /* nobody declares it */
	sim_crash(&f->sim);
	sim_start(&f->sim);
	file(f, "web.yaml", CELL("{}", A ", " B_OTHER));
	expect(f, 2, 1, 2);
	assert_string_equal(identity(f, WEB)->uid, uids[0]);
	assert_string_equal(of_container(f, "a")->uid, uids[1]);
	assert_string_equal(of_container(f, "b")->uid, uids[2]);
	assert_string_equal(identity(f, SPACE)->uid, uids[3]);
	sim_crash(&f->sim);
	sim_start(&f->sim);
	file(f, "web.yaml", CELL("{}", A ", " B)); /* changed while no daemon ran */
	expect(f, 3, 1, 3);
	assert_string_equal(identity(f, WEB)->uid, uids[0]);
}

static void test_another_of_the_name(void **state)
{
	struct fixture *f = *state;
	char uid[IDENTITY_UID_BYTES], b[IDENTITY_UID_BYTES];

	memcpy(uid, identity(f, WEB)->uid, sizeof(uid));
	memcpy(b, of_container(f, "b")->uid, sizeof(b));
	file(f, "web.yaml", CELL("{}", A));
	file(f, "web.yaml", CELL("{}", A ", " B));
	assert_string_not_equal(of_container(f, "b")->uid, b);
	assert_string_equal(identity(f, WEB)->uid, uid);
	file(f, "other.yaml", NULL);
	file(f, "web.yaml", NULL);
	assert_null(engine_find(&f->sim.engine, WEB));
	file(f, "web.yaml", CELL("{}", A ", " B));
	expect(f, 1, 1, 1);
	assert_string_not_equal(identity(f, WEB)->uid, uid);
}

/* What somebody writes there says nothing. */
static void test_ignored(void **state)
{
	struct fixture *f = *state;
	char uid[IDENTITY_UID_BYTES];

	memcpy(uid, identity(f, WEB)->uid, sizeof(uid));
	assert_int_equal(strlen(uid), IDENTITY_UID_BYTES - 1);
	file(f, "web.yaml", CELL("{}, uid: mine, generation: 7", A ", " B));
	expect(f, 1, 1, 1);
	assert_string_equal(identity(f, WEB)->uid, uid);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_counts),  TEST(test_observed),
		TEST(test_is_kept), TEST(test_another_of_the_name),
		TEST(test_ignored),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
