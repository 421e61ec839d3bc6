/* SPDX-License-Identifier: Apache-2.0 */
/* The index of objects, the order of what happened to them, and the queue. No driver, no core. */
#include "core/state/engine.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "core/loop/loop_test.h"
#include "core/state/unplaced.h"

#define CELL "r/s/t/web"

struct fixture {
	struct loop loop;
	struct engine engine;
	struct strv looked; /* keys, in the order of the looks */
	struct list relist;
};

static struct fixture f;

static void on_work(struct queue *queue UNUSED, struct object *object)
{
	strv_add(&f.looked, object->key);
}

static int setup(void **state UNUSED)
{
	struct engine *e = &f.engine;
	struct list *const heads[] = { &e->realms, &e->watchers, &e->relists, &e->earlier };

	f = (struct fixture){ 0 };
	assert_int_equal(loop_open(&f.loop, LOOP_CLOCK_VIRTUAL, NULL), 0);
	e->loop = &f.loop;
	for (size_t i = 0; i < ARRAY_SIZE(heads); i++)
		list_init(heads[i]);
	progress_init(&e->progress, &f.loop);
	queue_init(&e->queue, &f.loop, &e->progress, on_work);
	return 0;
}

static int teardown(void **state UNUSED)
{
	struct engine *e = &f.engine;

	e->closing = true;
	while (e->objects.count) { /* the last key is below none of the others */
		struct object *object, *last = NULL;

		map_for_each(object, &e->objects, node)
			last = object;
		queue_remove(&e->queue, last);
		list_remove(&last->cell.earlier_link);
		while (!list_empty(&last->cell.containers))
			engine_remove_container(
				e, list_entry(last->cell.containers.next, struct container, link));
		engine_drop(e, last);
	}
	unplaced_forget(e);
	deferred_cancel(&e->queue.drain);
	strv_fini(&f.looked);
	loop_close(&f.loop);
	return 0;
}

/* What has been looked at since the last time it was asked: "r/s r/s/t". */
static void assert_looked(const char *expected)
{
	AUTO_BUF struct buf text = { 0 };

	loop_run_virtual(&f.loop, loop_now_ms(&f.loop));
	for (size_t i = 0; i < f.looked.n; i++)
		buf_printf(&text, "%s%s", i ? " " : "", f.looked.items[i]);
	assert_string_equal(text.data ? text.data : "", expected);
	strv_fini(&f.looked);
}

/* ---- objects ---- */

static void test_objects_come_with_their_parents(void **state UNUSED)
{
	struct engine *e = &f.engine;
	struct object *cell = engine_get(e, CELL), *stack = cell->parent;

	assert_string_equal(stack->key, "r/s/t");
	assert_ptr_equal(engine_get(e, CELL), cell);
	assert_int_equal(e->objects.count, 4);
	assert_int_equal(e->spaces.count, 1);
	assert_int_equal(e->cells[cell->status.state], 1);
	assert_ptr_equal(list_entry(e->realms.next, struct object, realm_link),
			 engine_find(e, "r"));
	engine_get(e, "r/s/t/db");
	assert_int_equal(stack->children, 2);
	assert_int_equal(stack->parent->children, 1);
	assert_int_equal(e->cells[cell->status.state], 2);
	engine_drop(e, engine_find(e, "r/s/t/db"));
	assert_null(engine_find(e, "r/s/t/db"));
	assert_int_equal(stack->children, 1);
	assert_int_equal(e->cells[cell->status.state], 1);
	assert_looked("r/s/t"); /* its cgroup may be empty by now */
	assert_false(stack->cgroup.known);
}

static void test_a_space_and_its_realm_go(void **state UNUSED)
{
	struct engine *e = &f.engine;

	engine_get(e, "r/s");
	engine_drop(e, engine_find(e, "r/s"));
	assert_int_equal(e->spaces.count, 0);
	assert_looked("r");
	engine_drop(e, engine_find(e, "r"));
	assert_int_equal(e->objects.count, 0);
	assert_true(list_empty(&e->realms));
	assert_looked("");
}

/* What the store cannot list may hold what is declared of it. */
static void test_unread_is_inherited(void **state UNUSED)
{
	struct engine *e = &f.engine;
	struct object *realm, *listed, *unlisted;

	e->unread = (char[]){ "EIO" };
	realm = engine_get(e, "r");
	assert_string_equal(realm->unread, "EIO");
	assert_string_equal(engine_get(e, "r/s")->unread, "EIO");
	e->unread = NULL;
	assert_null(engine_get(e, "other")->unread);
	listed = engine_get(e, "other/listed");
	object_set_unread(listed, "EACCES", false);
	assert_null(engine_get(e, "other/listed/t")->unread); /* itself cannot be read, no more */
	unlisted = engine_get(e, "other/unlisted");
	object_set_unread(unlisted, "EACCES", true);
	assert_string_equal(engine_get(e, "other/unlisted/t")->unread, "EACCES");
	assert_true(engine_get(e, "other/unlisted/t/c")->unlisted);
}

static void test_realm_by_its_namespace(void **state UNUSED)
{
	struct engine *e = &f.engine;
	struct object *a = engine_get(e, "a"), *b = engine_get(e, "b");

	b->backing.namespace_ = xstrdup("b.kukeon");
	assert_ptr_equal(engine_find_realm(e, "b.kukeon"), b);
	assert_null(engine_find_realm(e, "a.kukeon"));
	a->backing.namespace_ = xstrdup("a.kukeon");
	assert_ptr_equal(engine_find_realm(e, "a.kukeon"), a);
}

static void test_namespace(void **state UNUSED)
{
	Api__RealmSpec spec = API__REALM_SPEC__INIT;
	Api__Realm document = API__REALM__INIT;
	struct object *realm = engine_get(&f.engine, "r");
	AUTO_FREE char *computed = engine_namespace(realm), *none = NULL, *declared = NULL,
		       *used = NULL, *expected = name_containerd_namespace("r");

	assert_string_equal(computed, expected);
	document.spec = &spec;
	realm->spec = &document.base;
	none = engine_namespace(realm);
	assert_string_equal(none, expected);
	spec.namespace_ = (char[]){ "mine" };
	declared = engine_namespace(realm);
	assert_string_equal(declared, "mine");
	realm->backing.namespace_ = xstrdup("in-use");
	used = engine_namespace(realm);
	assert_string_equal(used, "in-use");
	realm->spec = NULL;
}

/* ---- containers, links ---- */

static void test_containers(void **state UNUSED)
{
	struct engine *e = &f.engine;
	struct object *cell = engine_get(e, CELL);
	struct container *c = engine_add_container(e, cell, "b", "b");
	uint64_t before;

	assert_ptr_equal(engine_find_container(e, "r", "s_t_web_b"), c);
	assert_null(engine_find_container(e, "r2", "s_t_web_b"));
	assert_int_equal(c->slot.changed_seq, 0);
	before = e->seq;
	engine_remove_container(e, c);
	assert_null(engine_find_container(e, "r", "s_t_web_b"));
	assert_int_equal(e->forgot_seq, before + 1);
	/* a listing that began before may tell of the one that went */
	c = engine_add_container(e, cell, "b", "b");
	assert_int_equal(c->slot.changed_seq, e->forgot_seq);
}

static void test_links(void **state UNUSED)
{
	struct engine *e = &f.engine;
	struct object *a = engine_get(e, "r/s/t/a"), *b = engine_get(e, "r/s/t/b");
	struct host_link *of_a = &a->cell.link, *of_b = &b->cell.link;

	assert_null(engine_find_link(e, "veth0"));
	engine_set_link(e, of_a, a, "veth0");
	engine_set_link(e, of_a, a, "veth0");
	assert_ptr_equal(engine_find_link(e, "veth0"), a);
	engine_set_link(e, of_a, a, "veth1");
	assert_null(engine_find_link(e, "veth0"));
	assert_ptr_equal(engine_find_link(e, "veth1"), a);
	engine_set_link(e, of_b, b, "veth1"); /* the later one has it */
	assert_ptr_equal(engine_find_link(e, "veth1"), b);
	assert_null(of_a->name);
	engine_set_link(e, of_a, a, NULL);
	assert_ptr_equal(engine_find_link(e, "veth1"), b);
	engine_set_link(e, of_b, b, NULL);
	assert_null(engine_find_link(e, "veth1"));
	assert_int_equal(e->links.count, 0);
}

/* ---- what changed ---- */

static void test_invalidate(void **state UNUSED)
{
	struct engine *e = &f.engine;
	struct object *cell = engine_get(e, CELL);

	e->seq = 7;
	engine_invalidate(e, cell, &cell->cell.network);
	assert_false(cell->cell.network.known);
	assert_int_equal(cell->cell.network.changed_seq, 8);
	assert_int_equal(e->seq, 8);
	assert_true(cell->cgroup.known);
	assert_looked(CELL);
}

static void fail_slot(struct slot *slot)
{
	struct error err;

	error_set(&err, -EIO, "no luck");
	slot_failed(slot, ACTION_TASK_START, &err, 1);
}

static void test_want_anew(void **state UNUSED)
{
	struct engine *e = &f.engine;
	struct object *o = engine_get(e, CELL);
	struct slot *slots[] = { &o->cgroup, &o->backing.slot, &o->cell.network,
				 &engine_add_container(e, o, "b", "b")->slot };

	e->seq = 7;
	for (size_t i = 0; i < ARRAY_SIZE(slots); i++)
		fail_slot(slots[i]);
	engine_want_object_anew(e, o);
	for (size_t i = 0; i < ARRAY_SIZE(slots); i++) {
		assert_true(slots[i]->wanted_seq > 7);
		assert_int_equal(slots[i]->failures, 0);
	}
	assert_true(e->seq >= slots[3]->wanted_seq);
}

static void count(struct engine_watcher *watcher UNUSED, const struct object *object, bool gone)
{
	strv_add(&f.looked, gone ? "gone" : object->key);
}

static void test_watchers(void **state UNUSED)
{
	struct engine_watcher one = { .on_change = count }, two = { .on_change = count };

	list_append(&f.engine.watchers, &one.link);
	list_append(&f.engine.watchers, &two.link);
	engine_changed(&f.engine, engine_get(&f.engine, "r"), false);
	engine_changed(&f.engine, engine_get(&f.engine, "r"), true);
	assert_looked("r r gone gone");
}

static unsigned doubts;

static void doubt(struct managers *managers UNUSED)
{
	doubts++;
}

static void test_managers(void **state UNUSED)
{
	static const struct managers_ops ops = { .doubt = doubt };
	struct managers managers = { .ops = &ops };

	engine_invalidate_managers(&f.engine); /* there are none */
	f.engine.managers = &managers;
	engine_invalidate_managers(&f.engine);
	assert_int_equal(doubts, 1);
}

/* ---- what an earlier boot left ---- */

static void test_releasing(void **state UNUSED)
{
	struct engine *e = &f.engine;
	struct object *a = engine_get(e, "r/s/t/a"), *b = engine_get(e, "r/s/t/b");

	assert_false(engine_is_releasing(e));
	list_append(&e->earlier, &a->cell.earlier_link);
	assert_false(engine_is_releasing(e)); /* it may not be touched yet: who wants it? */
	e->desired.complete = true;
	assert_true(engine_is_releasing(e));
	object_keep(a);
	assert_false(engine_is_releasing(e));
	a->wanted = true;
	assert_true(engine_is_releasing(e));
	list_append(&e->earlier, &b->cell.earlier_link);
	engine_released(e, a);
	assert_looked(""); /* b is left */
	assert_true(engine_is_releasing(e));
	engine_released(e, a);
	assert_looked("");
	engine_released(e, b);
	assert_looked("r r/s r/s/t r/s/t/a r/s/t/b");
	assert_false(engine_is_releasing(e));
}

/* ---- relists ---- */

static void test_relist_problem(void **state UNUSED)
{
	struct engine *e = &f.engine;
	struct relist_problem *const all[] = { &e->relist_problems.runtime,
					       &e->relist_problems.network,
					       &e->relist_problems.cgroup };

	assert_null(engine_relist_problem(e));
	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		error_set(&all[i]->err, -EIO, "problem %zu", i);
		assert_string_equal(engine_relist_problem(e), all[i]->err.msg);
		all[i]->err.code = 0;
	}
}

static void test_has_relisted(void **state UNUSED)
{
	static const struct {
		bool runtime, network, cgroup, up, down_known, complete, problem, relisted;
	} rows[] = {
		{ true, true, true, true, false, true, false, true },
		{ false, true, true, true, false, true, false, false },
		{ true, false, true, true, false, true, false, false },
		{ true, true, false, true, false, true, false, false },
		{ true, true, true, true, false, false, false, false },
		{ true, true, true, true, false, false, true, true },    /* cannot be read */
		{ false, true, true, false, true, true, false, true },   /* containerd is away */
		{ false, true, true, false, false, true, false, false }, /* not asked yet */
		{ false, true, true, true, true, true, false, false },   /* it is back */
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct engine *e = &f.engine;

		e->relisted.runtime = rows[i].runtime;
		e->relisted.network = rows[i].network;
		e->relisted.cgroup = rows[i].cgroup;
		e->runtime_up = rows[i].up;
		e->runtime_problem.code = rows[i].down_known ? -EIO : 0;
		e->desired.complete = rows[i].complete;
		e->desired.problem.code = rows[i].problem ? -EIO : 0;
		if (engine_has_relisted(e) != rows[i].relisted)
			fail_msg("row %zu", i);
	}
}

/* ---- hints about what nobody knows ---- */

static void test_unplaced(void **state UNUSED)
{
	struct engine *e = &f.engine;

	unplaced_note(e, CELL); /* no listing is under way that could tell of it */
	assert_int_equal(unplaced_seq(e, CELL), 0);
	list_append(&e->relists, &f.relist);
	e->seq = 7;
	unplaced_note(e, CELL);
	unplaced_note(e, "r/s_t_web_b");
	assert_int_equal(unplaced_seq(e, CELL), 8);
	unplaced_note(e, CELL);
	assert_int_equal(unplaced_seq(e, CELL), 10);
	assert_int_equal(e->unplaced.count, 2);
	assert_int_equal(engine_get(e, CELL)->cgroup.changed_seq, 10);
	assert_int_equal(engine_find(e, "r/s")->cgroup.changed_seq, 0);
	assert_int_equal(engine_add_container(e, engine_get(e, CELL), "b", "b")->slot.changed_seq,
			 9);
	unplaced_forget(e);
	assert_int_equal(unplaced_seq(e, CELL), 0);
}

/* What was forgotten is older than the hint, or newer. */
static void test_unplaced_and_forgotten(void **state UNUSED)
{
	struct engine *e = &f.engine;
	struct object *cell;

	list_append(&e->relists, &f.relist);
	unplaced_note(e, CELL);
	e->forgot_seq = e->seq = 20;
	cell = engine_get(e, CELL);
	assert_int_equal(cell->cgroup.changed_seq, 20);
	assert_int_equal(cell->cell.network.changed_seq, 20);
	assert_int_equal(cell->backing.slot.changed_seq, 20);
}

/* In a storm nothing new is believed, and nothing is kept. */
static void test_unplaced_storm(void **state UNUSED)
{
	enum { STORM = 4096 };
	struct engine *e = &f.engine;

	list_append(&e->relists, &f.relist);
	for (unsigned i = 0; i < STORM; i++) {
		AUTO_FREE char *name = xasprintf("r/x%u", i);

		unplaced_note(e, name);
	}
	assert_int_equal(e->unplaced.count, STORM);
	assert_int_equal(e->forgot_seq, 0);
	unplaced_note(e, CELL);
	assert_int_equal(e->unplaced.count, 1);
	assert_int_equal(e->forgot_seq, STORM + 1);
	assert_int_equal(unplaced_seq(e, CELL), STORM + 2);
}

/* ---- the queue ---- */

static void test_queue(void **state UNUSED)
{
	struct engine *e = &f.engine;
	struct object *b = engine_get(e, "b"), *a = engine_get(e, "a");

	engine_enqueue(e, b);
	engine_enqueue(e, a);
	engine_enqueue(e, b);
	assert_looked("b a");
	engine_enqueue(e, a);
	queue_remove(&e->queue, a);
	assert_looked("");
	engine_enqueue_all(e);
	assert_looked("a b");
	e->closing = true;
	engine_enqueue(e, a);
	assert_looked("");
}

static void test_queue_later(void **state UNUSED)
{
	struct engine *e = &f.engine;
	struct object *a = engine_get(e, "a");
	uint64_t at_ms = loop_now_ms(&f.loop) + 100;

	queue_add_at(&e->queue, a, at_ms);
	loop_run_virtual(&f.loop, at_ms - 1);
	assert_looked("");
	loop_run_virtual(&f.loop, at_ms + 1);
	assert_looked("a");
	queue_add_at(&e->queue, a, at_ms + 100);
	queue_add_at(&e->queue, a, 0); /* never */
	loop_run_virtual(&f.loop, at_ms + 200);
	assert_looked("");
	queue_add_at(&e->queue, a, at_ms + 300);
	queue_remove(&e->queue, a);
	loop_run_virtual(&f.loop, at_ms + 400);
	assert_looked("");
}

#define engine_test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		engine_test(test_objects_come_with_their_parents),
		engine_test(test_a_space_and_its_realm_go),
		engine_test(test_unread_is_inherited),
		engine_test(test_realm_by_its_namespace),
		engine_test(test_namespace),
		engine_test(test_containers),
		engine_test(test_links),
		engine_test(test_invalidate),
		engine_test(test_want_anew),
		engine_test(test_watchers),
		engine_test(test_managers),
		engine_test(test_releasing),
		engine_test(test_relist_problem),
		engine_test(test_has_relisted),
		engine_test(test_unplaced),
		engine_test(test_unplaced_and_forgotten),
		engine_test(test_unplaced_storm),
		engine_test(test_queue),
		engine_test(test_queue_later),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
