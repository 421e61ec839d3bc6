/* SPDX-License-Identifier: Apache-2.0 */
#include "core/store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "core/base/fs.h"
#include "core/base/log.h"
#include "core/desired/desired.h"
#include "core/store/internal.h"
#include "core/store/store_job.h"
#include "tests/fake/host.h"
#include "tests/unit/bad_dirs.h"
#include "tests/unit/scratch.h"
#include "tests/unit/small_fs.h"

enum { SETTLED_MS = 1000, LONG_MS = 10 * 1000, WAIT_MS = 10 * 1000, FILE_MAX_BYTES = 64 * 1024 };

#define WEB "default/default/default/web"

static const char two_containers[] =
	"apiVersion: v1beta1\nkind: Cell\nmetadata: {name: web}\nspec:\n"
	"  containers:\n"
	"  - {id: a, image: img, stopGracePeriodSeconds: 1}\n"
	"  - {id: b, image: img, stopGracePeriodSeconds: 1}\n";
static const char one_container_block[] =
	"apiVersion: v1beta1\nkind: Cell\nmetadata: {name: web}\nspec:\n"
	"  containers:\n"
	"  - id: a\n    image: img\n";
static const char one_container[] =
	"apiVersion: v1beta1\nkind: Cell\nmetadata: {name: web}\nspec:\n"
	"  containers:\n"
	"  - {id: a, image: img, stopGracePeriodSeconds: 1}\n";

struct fixture {
	struct sim sim;
	char dir[64], run_path[96];
};

static char *path_of(const struct fixture *f, const char *name)
{
	return xasprintf("%s/%s", f->run_path, name);
}

static bool exists(const struct fixture *f, const char *name)
{
	AUTO_FREE char *path = path_of(f, name);

	return access(path, F_OK) == 0;
}

static void assert_exists(const struct fixture *f, const char *name, bool expected)
{
	if (exists(f, name) != expected)
		fail_msg("%s %s", name, expected ? "is not there" : "is still there");
}

static void write_text(const struct fixture *f, const char *name, const char *text)
{
	AUTO_FREE char *path = path_of(f, name);
	struct error err;

	if (fs_write_file_atomic(path, text, strlen(text), 0644, &err) < 0)
		fail_msg("%s", err.msg);
}

static Api__Cell *read_cell(const struct fixture *f, const char *name)
{
	AUTO_FREE char *path = path_of(f, name);
	AUTO_BUF struct buf text = { 0 };
	struct internal_file file = { 0 };
	struct error err;

	if (fs_read_file(AT_FDCWD, path, FILE_MAX_BYTES, &text, &err) < 0 ||
	    internal_parse(path, &text, KIND_CELL, &file, &err) < 0)
		fail_msg("%s", err.msg);
	protobuf_c_message_free_unpacked((ProtobufCMessage *)file.internal, NULL);
	return (Api__Cell *)file.document;
}

static int setup(void **state)
{
	struct fixture *f = xnew(struct fixture);

	snprintf(f->dir, sizeof(f->dir), "%s/test-store-XXXXXX", SCRATCH);
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->run_path, sizeof(f->run_path), "%s/run", f->dir);
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

/* A daemon that has taken up @text and come to rest. */
static void start(struct fixture *f, const char *text)
{
	sim_init(&f->sim, 1);
	f->sim.run_path = f->run_path;
	sim_start(&f->sim);
	sim_file(&f->sim, "web.yaml", text);
	sim_scanned(&f->sim);
	sim_run(&f->sim, LONG_MS);
	assert_int_equal(sim_state(&f->sim, WEB), API__STATE__STATE_READY);
}

static void restart(struct fixture *f)
{
	sim_crash(&f->sim);
	sim_start(&f->sim);
}

static void test_tree_is_written(void **state)
{
	struct fixture *f = *state;
	Api__Cell *cell;

	start(f, two_containers);
	assert_exists(f, "default/realm.yaml", true);
	assert_exists(f, "default/default/space.yaml", true);
	assert_exists(f, "default/default/default/stack.yaml", true);
	assert_exists(f, WEB "/containers/a.yaml", true);
	assert_exists(f, WEB "/containers/b.yaml", true);
	cell = read_cell(f, WEB "/cell.yaml");
	assert_int_equal(cell->spec->n_containers, 2);
	assert_int_equal(cell->status->state, API__STATE__STATE_READY);
	assert_string_equal(cell->status->source, "manifest:web.yaml");
	assert_non_null(cell->status->ready_at);
	assert_int_equal(cell->status->n_containers, 2);
	protobuf_c_message_free_unpacked(&cell->base, NULL);
}

static bool cell_is_written(struct sim *sim)
{
	struct fixture *f = container_of(sim, struct fixture, sim);

	return exists(f, WEB "/cell.yaml") && exists(f, "default/realm.yaml");
}

/* The same with worker threads. */
static void test_written_on_a_real_loop(void **state)
{
	struct fixture *f = *state;

	sim_init_real(&f->sim, 1);
	f->sim.run_path = f->run_path;
	sim_start(&f->sim);
	sim_file(&f->sim, "web.yaml", two_containers);
	sim_scanned(&f->sim);
	assert_true(sim_run_until(&f->sim, cell_is_written, WAIT_MS));
	restart(f);
	assert_non_null(engine_find(&f->sim.engine, WEB)->spec);
}

static ino_t inode_of(const struct fixture *f, const char *name)
{
	AUTO_FREE char *path = path_of(f, name);
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return st.st_ino;
}

enum { AT_ONCE_MS = 50, NOT_SETTLED_MS = 400 };

static void declare(struct fixture *f)
{
	sim_init(&f->sim, 1);
	f->sim.run_path = f->run_path;
	sim_start(&f->sim);
	sim_file(&f->sim, "web.yaml", two_containers);
	sim_scanned(&f->sim);
	sim_run(&f->sim, AT_ONCE_MS);
}

/* What is new is written at once. What follows is a burst of changes, and written once, after it.
 */
static void test_waits_until_things_settle(void **state)
{
	struct fixture *f = *state;
	ino_t first;

	declare(f);
	first = inode_of(f, WEB "/cell.yaml");
	sim_run(&f->sim, NOT_SETTLED_MS);
	assert_int_equal(inode_of(f, WEB "/cell.yaml"), first);
	sim_run(&f->sim, SETTLED_MS);
	assert_int_not_equal(inode_of(f, WEB "/cell.yaml"), first);
}

/* Killed before anything has settled, and then the manifest is out of sight. */
static void test_new_is_known_after_a_crash(void **state)
{
	struct fixture *f = *state;
	AUTO_FREE char *kept = xasprintf("%s/kept", f->dir);

	declare(f);
	assert_int_equal(rename(f->run_path, kept), 0);
	sim_crash(&f->sim); /* its store writes to the end, elsewhere */
	fs_remove_tree(AT_FDCWD, f->run_path, NULL);
	assert_int_equal(rename(kept, f->run_path), 0);
	sim_start(&f->sim);
	sim_scanned(&f->sim);
	sim_run(&f->sim, LONG_MS);
	assert_true(engine_find(&f->sim.engine, WEB)->wanted);
	assert_int_equal(sim_state(&f->sim, WEB), API__STATE__STATE_READY);
}

static struct world_container *container_b(struct fixture *f)
{
	return world_container(&f->sim.world, "kukeon-default", "default_default_web_b");
}

/* That a container has ended is on the disk at once, so that no crash of the daemon takes its pause
 * away: once. Files of what has not changed stay the same ones. */
static void test_an_end_is_written_at_once(void **state)
{
	enum { FIRST_RESTART_MS = 100 };
	struct fixture *f = *state;
	unsigned writes = 0;
	ino_t a, b;

	start(f, two_containers);
	a = inode_of(f, WEB "/containers/a.yaml");
	world_exit(&f->sim.world, container_b(f), 1);
	sim_run(&f->sim, FIRST_RESTART_MS);
	b = inode_of(f, WEB "/containers/b.yaml");
	world_exit(&f->sim.world, container_b(f), 1);
	for (unsigned ms = 0; ms < NOT_SETTLED_MS; ms++) {
		sim_run(&f->sim, 1);
		writes += inode_of(f, WEB "/containers/b.yaml") != b;
		b = inode_of(f, WEB "/containers/b.yaml");
		assert_true(writes == 1 || (writes == 0 && ms < AT_ONCE_MS));
	}
	for (unsigned ms = 0; container_b(f)->fact.task != TASK_RUNNING; ms++) {
		assert_true(ms < LONG_MS);
		sim_run(&f->sim, 1);
	}
	b = inode_of(f, WEB "/containers/b.yaml");
	sim_run(&f->sim, NOT_SETTLED_MS); /* that it runs again is in no hurry */
	assert_int_equal(inode_of(f, WEB "/containers/b.yaml"), b);
	sim_run(&f->sim, LONG_MS);
	assert_int_not_equal(inode_of(f, WEB "/containers/b.yaml"), b);
	assert_int_equal(inode_of(f, WEB "/containers/a.yaml"), a);
}

static void test_comes_back(void **state)
{
	struct fixture *f = *state;
	struct object *object;
	struct container *b;
	AUTO_FREE char *ip = NULL;
	int64_t created_ms, ready_ms, started_ms;

	start(f, two_containers);
	world_exit(&f->sim.world,
		   world_container(&f->sim.world, "kukeon-default", "default_default_web_b"), 3);
	sim_run(&f->sim, LONG_MS);
	object = engine_find(&f->sim.engine, WEB);
	created_ms = object->status.created_ms;
	ready_ms = object->status.ready_ms;
	started_ms = cell_find_container(object, "b")->started_wall_ms;
	ip = xstrdup(object->cell.ip);
	restart(f); /* and before anything was looked at: */
	object = engine_find(&f->sim.engine, WEB);
	b = cell_find_container(object, "b");
	assert_true(object->wanted);
	assert_string_equal(object->source, "manifest:web.yaml");
	assert_int_equal(object->status.created_ms, created_ms);
	assert_int_equal(object->status.ready_ms, ready_ms);
	assert_string_equal(object->cell.last_ip, ip);
	assert_int_equal(b->restarts, 1);
	assert_int_equal(b->exit_code, 3);
	assert_int_equal(b->started_wall_ms, started_ms);
	assert_string_equal(engine_find(&f->sim.engine, "default")->source, "implicit");
	f->sim.world.frozen = true;
	sim_file(&f->sim, "web.yaml", two_containers);
	sim_scanned(&f->sim);
	sim_run(&f->sim, LONG_MS);
	assert_int_equal(sim_state(&f->sim, WEB), API__STATE__STATE_READY);
	assert_int_equal(f->sim.world.violations, 0);
}

static void test_stale_container_files_go(void **state)
{
	struct fixture *f = *state;

	start(f, two_containers);
	write_text(f, WEB "/containers/zombie.yaml", "kind: Container\n");
	sim_file(&f->sim, "web.yaml", one_container);
	sim_scanned(&f->sim);
	sim_run(&f->sim, LONG_MS);
	assert_exists(f, WEB "/containers/a.yaml", true);
	assert_exists(f, WEB "/containers/b.yaml", false);
	assert_exists(f, WEB "/containers/zombie.yaml", false);
}

static void test_deleted_objects_leave_no_files(void **state)
{
	struct fixture *f = *state;

	start(f, two_containers);
	sim_file_gone(&f->sim, "web.yaml");
	sim_scanned(&f->sim);
	sim_run(&f->sim, 2 * LONG_MS);
	assert_null(engine_find(&f->sim.engine, "default"));
	assert_exists(f, WEB, false);
	assert_exists(f, "default", false);
	assert_exists(f, "", true);
}

static void on_written(void *ctx, const struct error *err UNUSED)
{
	--*(int *)ctx;
}

/* Behind much other work is the removal of a cell that is there again by then. */
static void test_late_removal(void **state)
{
	struct fixture *f = *state;
	struct object *web;
	struct error err;
	int waiting = 20;

	start(f, two_containers);
	web = engine_find(&f->sim.engine, WEB);
	for (int i = 0; i < waiting; i++) {
		struct store_change *change = xnew(struct store_change);

		*change = (struct store_change){ xasprintf("default/other%d.x", i), xstrdup("x") };
		store_change(f->sim.store, change, 1, NULL, on_written, &waiting);
	}
	engine_changed(&f->sim.engine, web, true);
	write_text(f, WEB "/mine", "of the new one\n");
	sim_run(&f->sim, LONG_MS);
	assert_int_equal(waiting, 0);
	assert_exists(f, WEB "/cell.yaml", true);
	assert_exists(f, WEB "/mine", true);

	/* One that works already is waited for; one in the queue is called off. */
	engine_changed(&f->sim.engine, web, true);
	assert_int_equal(store_take_dir(f->sim.store, WEB, &err), -EAGAIN);
	sim_run(&f->sim, LONG_MS);
	assert_int_equal(store_take_dir(f->sim.store, WEB, &err), 0);
	assert_exists(f, WEB "/mine", false);
}

static struct store_job *job_of(struct fixture *f, struct list *jobs, const char *key,
				const char *text)
{
	struct store_job *job = xnew(struct store_job);

	job->base = f->run_path;
	job->dir = path_of(f, key);
	job->kind = KIND_STACK;
	job->files = xnew(struct store_change);
	job->files[job->n_files++] = (struct store_change){ xstrdup("x"), xstrdup(text) };
	list_append(jobs, &job->link);
	return job;
}

/* Of several that write one object the last one counts; one that fails harms no other. */
static void test_together(void **state)
{
	struct fixture *f = *state;
	AUTO_FREE char *path = path_of(f, "one/x");
	AUTO_BUF struct buf text = { 0 };
	struct store_job *jobs[4];
	struct list list;

	list_init(&list);
	start(f, two_containers);
	write_text(f, "blocked", "no directory");
	jobs[0] = job_of(f, &list, "one", "first\n");
	jobs[1] = job_of(f, &list, "blocked/two", "never\n");
	jobs[2] = job_of(f, &list, "one", "second\n");
	jobs[3] = job_of(f, &list, "three", "left\n"); /* not part of it */
	store_jobs_run(&list, 3);
	assert_int_equal(jobs[0]->err.code, 0);
	assert_int_equal(jobs[1]->err.code, -ENOTDIR);
	assert_int_equal(jobs[2]->err.code, 0);
	assert_int_equal(fs_read_file(AT_FDCWD, path, 100, &text, NULL), 0);
	assert_string_equal(text.data, "second\n");
	assert_exists(f, "one/x.tmp", false);
	assert_exists(f, "three", false);
	for (size_t i = 0; i < ARRAY_SIZE(jobs); i++)
		store_job_free(jobs[i]);
}

/* Deleted while we were away: the files go once that is certain. */
static void test_deleted_while_away(void **state)
{
	struct fixture *f = *state;

	start(f, two_containers);
	restart(f);
	sim_file(&f->sim, "other.yaml",
		 "apiVersion: v1beta1\nkind: Realm\nmetadata: {name: other}\n");
	sim_run(&f->sim, LONG_MS);
	assert_exists(f, WEB "/cell.yaml", true);
	sim_scanned(&f->sim);
	sim_run(&f->sim, 2 * LONG_MS);
	assert_exists(f, WEB "/cell.yaml", true); /* the only cell, and nobody saw it go */
	restart(f);
	sim_scanned(&f->sim);
	sim_run(&f->sim, 2 * LONG_MS);
	assert_exists(f, WEB "/cell.yaml", true); /* held over a restart */
	sim_prune(&f->sim);
	sim_run(&f->sim, 2 * LONG_MS);
	assert_exists(f, "default", false);
	sim_file(&f->sim, "other.yaml",
		 "apiVersion: v1beta1\nkind: Realm\nmetadata: {name: other}\n");
	sim_run(&f->sim, LONG_MS);
	assert_exists(f, "other/realm.yaml", true);
}

static const struct {
	const char *name, *file, *text;
} damages[] = {
	{ "no YAML", WEB "/cell.yaml", "spec: {{{\n" },
	{ "truncated", WEB "/cell.yaml", "" },
	{ "an unknown field", WEB "/cell.yaml", "metadata: {name: web}\nspec: {imgae: x}\n" },
	{ "not valid", WEB "/cell.yaml", "metadata: {name: web}\nspec: {containers: [{id: a}]}\n" },
	{ "of another object", WEB "/cell.yaml", "metadata: {name: api}\n" },
	{ "a realm", "default/realm.yaml", "metadata: {name: \"../x\"}\n" },
};

static void test_damaged_files_are_set_aside(void **state)
{
	struct fixture *f = *state;

	start(f, two_containers);
	for (size_t i = 0; i < ARRAY_SIZE(damages); i++) {
		AUTO_FREE char *aside = xasprintf("%s.damaged", damages[i].file);

		sim_crash(&f->sim);
		write_text(f, damages[i].file, damages[i].text);
		sim_start(&f->sim);
		if (!exists(f, aside) || exists(f, damages[i].file))
			fail_msg("%s: %s is not set aside", damages[i].name, damages[i].file);
		sim_file(&f->sim, "web.yaml", two_containers);
		sim_scanned(&f->sim);
		sim_run(&f->sim, LONG_MS); /* and it costs the cell nothing */
		assert_int_equal(sim_state(&f->sim, WEB), API__STATE__STATE_READY);
		assert_exists(f, damages[i].file, true);
	}
	assert_int_equal(
		world_container(&f->sim.world, "kukeon-default", "default_default_web_root")
			->starts,
		1);
}

enum { PART_BYTES = 50 * 1000 }; /* of one variable, as it is written in the file */

/* As long as a manifest may be, and longer once it is written. A stop is not lost over that. */
static void check_stays_stopped(struct fixture *f, const char *fill, const char *end)
{
	AUTO_BUF struct buf text = { 0 };
	struct object *object;

	buf_printf(&text, "%s    env:\n", one_container_block);
	for (int i = 0; text.len < MANIFEST_MAX_BYTES - 2 * PART_BYTES; i++) {
		size_t part_end = text.len + PART_BYTES;

		buf_printf(&text, "    - \"A%d=", i);
		while (text.len < part_end)
			buf_add_str(&text, fill);
		buf_add_str(&text, end);
	}
	start(f, text.data);
	object = engine_find(&f->sim.engine, WEB);
	object->cell.run = INTENT_STOP;
	engine_enqueue(&f->sim.engine, object);
	engine_changed(&f->sim.engine, object, false);
	sim_run(&f->sim, LONG_MS);
	restart(f);
	assert_exists(f, WEB "/cell.yaml.damaged", false);
	object = engine_find(&f->sim.engine, WEB);
	assert_non_null(object->spec);
	assert_int_equal(object->cell.run, INTENT_STOP);
}

/* Every tab becomes two bytes. */
static void test_tabs_come_back(void **state)
{
	check_stays_stopped(*state, "\t", "\"\n");
}

/* Of two bytes three. */
static void test_separators_come_back(void **state)
{
	check_stays_stopped(*state, "\\L", "\"\n");
}

/* Every line of two bytes gets an indent of six. */
static void test_short_lines_come_back(void **state)
{
	check_stays_stopped(*state, "a\n\n", "a\"\n");
}

/* The root container may be called so; its file is for people and is not judged at the next start.
 */
static void test_container_called_root(void **state)
{
	struct fixture *f = *state;

	start(f, "apiVersion: v1beta1\nkind: Cell\nmetadata: {name: web}\nspec:\n"
		 "  containers: [{id: root, image: img, stopGracePeriodSeconds: 1}]\n");
	assert_exists(f, WEB "/containers/root.yaml", true);
	restart(f);
	assert_exists(f, WEB "/containers/root.yaml", true);
	assert_exists(f, WEB "/containers/root.yaml.damaged", false);
}

/* Files of strangers in the tree are left alone. */
static void test_strange_files(void **state)
{
	struct fixture *f = *state;
	AUTO_FREE char *dir = path_of(f, "default/.hidden"), *odd = path_of(f, "default/a_b");

	start(f, two_containers);
	assert_int_equal(mkdir(dir, 0755), 0);
	assert_int_equal(mkdir(odd, 0755), 0);
	write_text(f, "default/a_b/space.yaml", "metadata: {name: a_b}\n");
	write_text(f, "default/note.txt", "hello\n");
	restart(f);
	assert_null(engine_find(&f->sim.engine, "default/.hidden"));
	assert_exists(f, "default/a_b/space.yaml", true);
	assert_exists(f, "default/note.txt", true);
}

/* ---- what cannot be read ---- */

#define API_CELL "default/default/default/api"

static const char api_cell[] = "apiVersion: v1beta1\nkind: Cell\nmetadata: {name: api}\nspec:\n"
			       "  containers: [{id: a, image: img, stopGracePeriodSeconds: 1}]\n";
static const char api_side[] = "apiVersion: v1beta1\nkind: Container\nmetadata: {name: side}\n"
			       "spec: {cellId: api, image: img, stopGracePeriodSeconds: 1}\n";

static void apply(struct fixture *f, const char *text)
{
	struct manifest manifest;
	struct document *document;

	manifest_parse("api", text, strlen(text), &manifest);
	assert_int_equal(manifest.errors.n, 0);
	list_for_each(document, &manifest.documents, link)
		desired_set_api(&f->sim.engine, document->key, take_ptr(document->message));
	manifest_fini(&manifest);
}

/* A cell of a manifest, and one of the API with a container that joined it. */
static void start_both(struct fixture *f)
{
	start(f, two_containers);
	apply(f, api_cell);
	apply(f, api_side);
	sim_run(&f->sim, LONG_MS);
	assert_int_equal(sim_state(&f->sim, API_CELL), API__STATE__STATE_READY);
}

static void assert_ran_on(const struct fixture *f, const char *id)
{
	const struct world_container *c =
		world_container((struct world *)&f->sim.world, "kukeon-default", id);

	if (!c)
		fail_msg("%s is gone", id);
	if (c->starts != 1 || c->fact.task != TASK_RUNNING)
		fail_msg("%s did not run on: starts=%u task=%d", id, c->starts, c->fact.task);
}

static void assert_all_ran_on(const struct fixture *f)
{
	assert_ran_on(f, "default_default_web_root");
	assert_ran_on(f, "default_default_web_b");
	assert_ran_on(f, "default_default_api_root");
	assert_ran_on(f, "default_default_api_side");
}

static void assert_no_damage(const struct fixture *f)
{
	AUTO_FREE char *command =
		xasprintf("test -z \"$(find %s -name '*.damaged')\"", f->run_path);

	assert_int_equal(system(command), 0);
}

/* What is at @name is replaced by something that cannot be read. */
static void spoil(const struct fixture *f, const char *name, bool by_file)
{
	AUTO_FREE char *path = path_of(f, name);
	AUTO_FREE char *away = xasprintf("%s/away", f->dir);

	assert_int_equal(rename(path, away), 0);
	if (by_file)
		write_text(f, name, "not a directory\n");
	else
		assert_int_equal(symlink(path, path), 0);
}

static void mend(const struct fixture *f, const char *name)
{
	AUTO_FREE char *path = path_of(f, name);
	AUTO_FREE char *away = xasprintf("%s/away", f->dir);

	assert_int_equal(unlink(path), 0);
	assert_int_equal(rename(away, path), 0);
}

/* The manifest is as it was, and everything is as it was when the store can be read again. */
static void assert_survives(struct fixture *f, const char *what, const char *name)
{
	sim_file(&f->sim, "web.yaml", two_containers);
	sim_scanned(&f->sim);
	sim_run(&f->sim, 3 * LONG_MS);
	print_message("%s %s\n", what, name);
	assert_all_ran_on(f);
	assert_no_damage(f);
	if (!f->sim.engine.unread_text || !strstr(f->sim.engine.unread_text, what))
		fail_msg("\"%s\" does not say \"%s\"", f->sim.engine.unread_text, what);
	assert_int_equal(sim_state(&f->sim, WEB), API__STATE__STATE_READY);
}

static void assert_recovers(struct fixture *f)
{
	const struct object *api;

	sim_run(&f->sim, 3 * LONG_MS);
	assert_null(f->sim.engine.unread_text);
	assert_all_ran_on(f);
	assert_int_equal(sim_state(&f->sim, API_CELL), API__STATE__STATE_READY);
	api = engine_find(&f->sim.engine, API_CELL);
	assert_string_equal(api->source, "api");
	assert_false(api->kept);
	assert_int_equal(((const Api__Cell *)api->spec)->spec->n_containers, 2);
	assert_exists(f, API_CELL "/cell.yaml", true);
	assert_exists(f, API_CELL "/containers/side.yaml", true);
}

static void test_directories_that_cannot_be_listed(void **state)
{
	static const char *const dirs[] = {
		"/run",
		"/run/default",
		"/run/default/default",
		"/run/default/default/default",
		"/run/" API_CELL "/containers",
	};
	static const int codes[] = { EACCES, EIO, EMFILE };
	struct fixture *f = *state;

	start_both(f);
	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
		sim_crash(&f->sim);
		bad_dirs = (struct bad_dirs){ .unlisted = dirs[i], .code = codes[i % 3] };
		sim_start(&f->sim);
		assert_survives(f, strerror(bad_dirs.code), dirs[i]);
		bad_dirs = (struct bad_dirs){ 0 };
		assert_recovers(f);
	}
}

static void test_listings_that_break_off(void **state)
{
	static const char *const after[] = { "default",   "api",        "web",      "a.yaml",
					     "side.yaml", "stack.yaml", "cell.yaml" };
	struct fixture *f = *state;

	start_both(f);
	for (size_t i = 0; i < ARRAY_SIZE(after); i++) {
		sim_crash(&f->sim);
		bad_dirs = (struct bad_dirs){ .cut_after = after[i], .code = EIO };
		sim_start(&f->sim);
		sim_file(&f->sim, "web.yaml", two_containers);
		sim_scanned(&f->sim);
		sim_run(&f->sim, 3 * LONG_MS);
		assert_all_ran_on(f);
		assert_no_damage(f);
		bad_dirs = (struct bad_dirs){ 0 };
		assert_recovers(f);
	}
}

static void test_something_else_in_its_place(void **state)
{
	static const struct {
		const char *name, *what;
		bool by_file;
	} places[] = {
		{ "default", "Not a directory", true },
		{ "default", "symbolic links", false },
		{ "default/default/default", "Not a directory", true },
		{ API_CELL, "Not a directory", true },
		{ API_CELL "/cell.yaml", "symbolic links", false },
		{ API_CELL "/containers", "Not a directory", true },
		{ API_CELL "/containers/side.yaml", "symbolic links", false },
		{ "default/realm.yaml", "symbolic links", false },
	};
	struct fixture *f = *state;

	start_both(f);
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		sim_crash(&f->sim);
		spoil(f, places[i].name, places[i].by_file);
		sim_start(&f->sim);
		assert_survives(f, places[i].what, places[i].name);
		mend(f, places[i].name);
		assert_recovers(f);
	}
}

/* The types are asked for then. */
static void test_listings_without_types(void **state)
{
	struct fixture *f = *state;

	start_both(f);
	sim_crash(&f->sim);
	bad_dirs.no_types = true;
	sim_start(&f->sim);
	sim_file(&f->sim, "web.yaml", two_containers);
	sim_scanned(&f->sim);
	bad_dirs = (struct bad_dirs){ 0 };
	assert_null(f->sim.engine.unread_text);
	assert_recovers(f);
}

/* What was to go meanwhile goes when the store says that nobody wants it; what was stopped stops.
 */
static void test_what_it_says_holds_when_it_is_read(void **state)
{
	struct fixture *f = *state;
	AUTO_FREE char *path = NULL;

	start_both(f);
	engine_find(&f->sim.engine, WEB)->cell.run = INTENT_STOP;
	engine_changed(&f->sim.engine, engine_find(&f->sim.engine, WEB), false);
	engine_enqueue(&f->sim.engine, engine_find(&f->sim.engine, WEB));
	sim_run(&f->sim, LONG_MS);
	assert_int_equal(sim_state(&f->sim, WEB), API__STATE__STATE_STOPPED);
	sim_crash(&f->sim);
	path = path_of(f, API_CELL);
	spoil(f, "default", true);
	sim_start(&f->sim);
	sim_file(&f->sim, "web.yaml", two_containers);
	sim_scanned(&f->sim);
	sim_run(&f->sim, 3 * LONG_MS);
	assert_ran_on(f, "default_default_api_root");
	mend(f, "default");
	assert_int_equal(fs_remove_tree(AT_FDCWD, path, NULL), 0);
	sim_run(&f->sim, 3 * LONG_MS);
	assert_null(f->sim.engine.unread_text);
	assert_null(engine_find(&f->sim.engine, API_CELL));
	assert_int_equal(sim_state(&f->sim, WEB), API__STATE__STATE_STOPPED);
}

/* Of a container that has a document of its own nothing is left but that: the others go on. */
static void test_damaged_container(void **state)
{
	struct fixture *f = *state;

	start_both(f);
	sim_crash(&f->sim);
	write_text(f, API_CELL "/containers/side.yaml", "spec: {{{\n");
	sim_start(&f->sim);
	sim_file(&f->sim, "web.yaml", two_containers);
	sim_scanned(&f->sim);
	sim_run(&f->sim, 3 * LONG_MS);
	assert_all_ran_on(f);
	assert_exists(f, API_CELL "/containers/side.yaml.damaged", true);
	apply(f, api_side);
	assert_recovers(f);
}

static const char late[] = "apiVersion: v1beta1\nkind: Cell\nmetadata: {name: late}\nspec:\n"
			   "  containers:\n  - {id: a, image: img}\n";

/* Nothing is lost, it is said, and all is written by itself when there is space. */
static void test_full_filesystem(void **state)
{
	struct fixture *f = *state;
	AUTO_FREE char *filler = path_of(f, "filler");
	Api__Cell *cell;

	assert_int_equal(mkdir(f->run_path, 0700), 0);
	sim_init(&f->sim, 1); /* for the teardown, should it be skipped here */
	small_fs_mount(f->run_path);
	sim_fini(&f->sim);
	start(f, two_containers);
	assert_null(store_problem(f->sim.engine.store));
	small_fs_fill(filler);
	sim_file(&f->sim, "late.yaml", late);
	sim_file(&f->sim, "web.yaml", one_container);
	sim_scanned(&f->sim);
	sim_run(&f->sim, LONG_MS);
	assert_non_null(store_problem(f->sim.engine.store));
	assert_non_null(strstr(store_problem(f->sim.engine.store), "free space or inodes there"));
	assert_int_equal(sim_state(&f->sim, WEB), API__STATE__STATE_READY);
	cell = read_cell(f, WEB "/cell.yaml"); /* whole, as it was */
	assert_int_equal(cell->spec->n_containers, 2);
	protobuf_c_message_free_unpacked(&cell->base, NULL);

	assert_int_equal(unlink(filler), 0);
	sim_run(&f->sim, LONG_MS);
	assert_null(store_problem(f->sim.engine.store));
	cell = read_cell(f, WEB "/cell.yaml");
	assert_int_equal(cell->spec->n_containers, 1);
	protobuf_c_message_free_unpacked(&cell->base, NULL);
	assert_exists(f, "default/default/default/late/cell.yaml", true);
	assert_int_equal(sim_state(&f->sim, "default/default/default/late"),
			 API__STATE__STATE_READY);
	small_fs_unmount(f->run_path);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_tree_is_written),
		TEST(test_written_on_a_real_loop),
		TEST(test_waits_until_things_settle),
		TEST(test_new_is_known_after_a_crash),
		TEST(test_comes_back),
		TEST(test_stale_container_files_go),
		TEST(test_deleted_objects_leave_no_files),
		TEST(test_deleted_while_away),
		TEST(test_damaged_files_are_set_aside),
		TEST(test_tabs_come_back),
		TEST(test_separators_come_back),
		TEST(test_short_lines_come_back),
		TEST(test_container_called_root),
		TEST(test_strange_files),
		TEST(test_full_filesystem),
		TEST(test_an_end_is_written_at_once),
		TEST(test_directories_that_cannot_be_listed),
		TEST(test_listings_that_break_off),
		TEST(test_something_else_in_its_place),
		TEST(test_listings_without_types),
		TEST(test_what_it_says_holds_when_it_is_read),
		TEST(test_damaged_container),
		TEST(test_late_removal),
		TEST(test_together),
	};

	small_fs_init();
	log_set_level(getenv("KUKEON_TEST_LOG") ? LOG_DEBUG : LOG_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
