/* SPDX-License-Identifier: Apache-2.0 */
/* What the facts of an object and of its parts mean, each by itself. */
#include "core/state/object.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "core/aside/aside.h"
#include "core/state/addresses.h"
#include "core/state/prune_guard.h"

#define CELL "r/s/t/web"

/* ---- addresses ---- */

static const struct {
	const char *subnet;
	uint32_t addresses;
} subnets[] = {
	{ "10.0.0.0/30", 1 },    { "10.0.0.0/29", 5 },    { "10.0.0.0/24", 253 },
	{ "10.0.0.0/22", 1021 }, { "10.0.0.0/21", 1023 }, /* as many as a bridge has ports */
	{ "10.0.0.0/1", 1023 },  { "10.0.0.0/31", 0 },    { "10.0.0.0/32", 0 },
	{ "10.0.0.0/0", 0 },     { "10.0.0.0", 0 },       { NULL, 0 },
};

static void test_addresses_of_a_range(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_SIZE(subnets); i++)
		if (addresses_of(subnets[i].subnet) != subnets[i].addresses)
			fail_msg("%s: %u", subnets[i].subnet, addresses_of(subnets[i].subnet));
}

static const struct {
	const char *subnet;
	unsigned used;
	enum addresses_left left;
} uses[] = {
	{ "10.0.0.0/29", 0, ADDRESSES_ENOUGH }, { "10.0.0.0/29", 3, ADDRESSES_ENOUGH },
	{ "10.0.0.0/29", 4, ADDRESSES_LOW },    { "10.0.0.0/29", 5, ADDRESSES_NONE },
	{ "10.0.0.0/29", 6, ADDRESSES_NONE }, /* the range was another one when they came */
	{ NULL, 0, ADDRESSES_ENOUGH },          { NULL, 5, ADDRESSES_ENOUGH },
};

static void test_addresses_left(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_SIZE(uses); i++) {
		struct object *space = object_new("r/s");

		space->backing.space.subnet = xstrdup_maybe(uses[i].subnet);
		space->backing.addresses_used = uses[i].used;
		if (addresses_left(space) != uses[i].left)
			fail_msg("%u of %s: %d", uses[i].used, uses[i].subnet,
				 (int)addresses_left(space));
		object_free(space);
	}
}

/* ---- reasons of failures ---- */

static const struct {
	enum action action;
	int code;
	enum reason reason;
} failures[] = {
	{ ACTION_IMAGE_RESOLVE, -ENOENT, REASON_IMAGE_NOT_PRESENT },
	{ ACTION_IMAGE_RESOLVE, -EIO, REASON_IMAGE_FAILED },
	{ ACTION_CONTAINER_CREATE, -ENOENT, REASON_CREATE_FAILED },
	{ ACTION_CONTAINER_CREATE, -ASIDE_HANGS, REASON_VOLUME_HANGS },
	{ ACTION_TASK_CREATE, -ASIDE_HANGS, REASON_VOLUME_HANGS },
	{ ACTION_TASK_CREATE, -EIO, REASON_START_FAILED },
	{ ACTION_TASK_START, -ASIDE_HANGS, REASON_START_FAILED },
	{ ACTION_NONE, -EIO, REASON_NONE },
};

static void test_reasons(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_SIZE(failures); i++)
		assert_string_equal(
			reason_name(action_failure_reason(failures[i].action, failures[i].code)),
			reason_name(failures[i].reason));
	for (int reason = 0; reason < REASON_COUNT; reason++)
		assert_int_equal(reason_parse(reason_name((enum reason)reason)), reason);
	assert_int_equal(reason_parse("NoSuchReason"), REASON_NONE);
	assert_int_equal(reason_parse(NULL), REASON_NONE);
}

/* ---- what there is of an object ---- */

static void test_usable(void **state UNUSED)
{
	static const struct {
		Api__State state;
		enum reason reason;
		bool usable;
	} rows[] = {
		{ API__STATE__STATE_READY, REASON_NONE, true },
		{ API__STATE__STATE_PENDING, REASON_SPEC_REFUSED, true },
		{ API__STATE__STATE_PENDING, REASON_RANGE_OVERLAPS, true },
		{ API__STATE__STATE_PENDING, REASON_CREATING, false },
		{ API__STATE__STATE_UNKNOWN, REASON_STARTING, false },
	};
	struct object *object = object_new("r/s");

	assert_false(object_is_usable(object)); /* nothing has been said of it yet */
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		object->status.state = rows[i].state;
		object->status.reason = rows[i].reason;
		assert_int_equal(object_is_usable(object), rows[i].usable);
	}
	object_free(object);
}

/* Each fact alone keeps it. */
static void test_exists(void **state UNUSED)
{
	struct object *o = object_new(CELL);
	struct container *c = cell_add_container(o, "b", "b");
	bool *const facts[] = { &o->cgroup_exists, &o->backing.exists, &o->cell.pinned,
				&o->cell.intent,   &c->record,         &c->snapshot };

	assert_false(object_exists(o));
	for (size_t i = 0; i < ARRAY_SIZE(facts); i++) {
		*facts[i] = true;
		assert_true(object_exists(o));
		*facts[i] = false;
	}
	o->actions = 1;
	assert_true(object_exists(o));
	o->actions = 0;
	c->task = TASK_STOPPED;
	assert_true(object_exists(o));
	object_free(o);
}

static void test_container_is_gone(void **state UNUSED)
{
	Api__ContainerSpec spec = API__CONTAINER_SPEC__INIT;
	struct object *o = object_new(CELL);
	struct container *c = cell_add_container(o, "b", "b");
	bool *const facts[] = { &c->record, &c->snapshot, &c->slot.busy };

	assert_true(container_is_gone(c));
	for (size_t i = 0; i < ARRAY_SIZE(facts); i++) {
		*facts[i] = true;
		assert_false(container_is_gone(c));
		*facts[i] = false;
	}
	c->slot.known = false;
	assert_false(container_is_gone(c));
	c->slot.known = true;
	c->task = TASK_STOPPED;
	assert_false(container_is_gone(c));
	c->task = TASK_NONE;
	c->spec = &spec;
	assert_false(container_is_gone(c));
	object_free(o);
}

/* ---- what is kept, as nobody knows whether it is wanted ---- */

static void test_kept_containers(void **state UNUSED)
{
	static const char *const keys[] = { CELL "/a", CELL "/b", CELL "/c" };
	struct object *cell = object_new(CELL), *objects[3];

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		objects[i] = object_new(keys[i]);
		objects[i]->parent = cell;
		object_unkeep(objects[i]); /* it was not */
		object_keep(objects[i]);
		object_keep(objects[i]);
		assert_true(objects[i]->kept);
	}
	assert_int_equal(cell->cell.kept.n, 3);
	assert_true(cell_may_have(cell, "b") && !cell_may_have(cell, "d"));
	object_unkeep(objects[1]);
	object_unkeep(objects[1]);
	assert_false(objects[1]->kept);
	assert_true(cell_may_have(cell, "a") && !cell_may_have(cell, "b"));
	assert_true(cell_may_have(cell, "c"));
	object_keep(cell); /* that says nothing of containers */
	assert_int_equal(cell->cell.kept.n, 2);
	object_unkeep(cell);
	assert_false(cell->kept);
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		object_free(objects[i]);
	object_free(cell);
}

static void test_unread(void **state UNUSED)
{
	struct object *wanted = object_new("r"), *other = object_new("r/s");

	wanted->wanted = true;
	object_set_unread(wanted, "an I/O error", true);
	assert_string_equal(wanted->unread, "an I/O error");
	assert_true(wanted->unlisted);
	assert_false(wanted->kept);
	object_set_unread(other, "an I/O error", true);
	object_set_unread(other, "another one", false);
	assert_string_equal(other->unread, "another one");
	assert_false(other->unlisted);
	assert_true(other->kept);
	object_free(wanted);
	object_free(other);
}

/* ---- intents ---- */

static void test_cell_intent(void **state UNUSED)
{
	struct object *o = object_new(CELL);
	struct container *b = cell_add_container(o, "b", "b"), *root;

	b->run = INTENT_KILL; /* its own affair */
	assert_int_equal(cell_intent(o), INTENT_RUN);
	o->cell.run = INTENT_RESTART;
	assert_int_equal(cell_intent(o), INTENT_RESTART);
	root = cell_add_container(o, "root", "main");
	root->run = INTENT_STOP;
	assert_int_equal(cell_intent(o), INTENT_RESTART); /* the cell's own first */
	o->cell.run = INTENT_RUN;
	assert_int_equal(cell_intent(o), INTENT_STOP);
	assert_ptr_equal(cell_root(o), root);
	assert_true(container_is_root(root) && !container_is_root(b));
	object_free(o);
}

static void test_forget_past(void **state UNUSED)
{
	static const struct {
		enum task_state task;
		bool forgets_end;
	} rows[] = {
		{ TASK_NONE, true },
		{ TASK_STOPPED, true },
		{ TASK_RUNNING, false }, /* it may just be being stopped */
		{ TASK_CREATED, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct object *o = object_new(CELL);
		struct container *c = cell_add_container(o, "b", "b");

		c->task = rows[i].task;
		c->exited = c->stopping = true;
		c->restarts = c->restarts_in_row = 7;
		c->slot.failures = 3;
		container_forget_past(c);
		assert_int_equal(c->exited, !rows[i].forgets_end);
		assert_int_equal(c->stopping, !rows[i].forgets_end);
		assert_int_equal(c->restarts + c->restarts_in_row + c->slot.failures, 0);
		assert_true(c->renew);
		object_free(o);
	}
}

static void test_forget_signals(void **state UNUSED)
{
	struct container c = {
		.stop_tried_ms = 1, .stop_sent_ms = 2, .kill_sent_ms = 3, .kills = 4
	};

	container_forget_signals(&c);
	assert_int_equal(c.stop_tried_ms, 0);
	assert_int_equal(c.stop_sent_ms, 0);
	assert_int_equal(c.kill_sent_ms, 0);
	assert_int_equal(c.kills, 0);
}

/* A restart that an earlier daemon was asked for: of the run with pid 5. */
static const struct {
	const char *name, *role;
	bool stored;
	uint32_t run_pid;
	enum run_intent container, cell;
	bool container_met, cell_met;
} restarts[] = {
	{ "another runs", "b", true, 6, INTENT_RESTART, INTENT_RUN, true, false },
	{ "the same runs", "b", true, 5, INTENT_RESTART, INTENT_RUN, false, false },
	{ "none runs", "b", true, 0, INTENT_RESTART, INTENT_RUN, false, false },
	{ "asked of us", "b", false, 6, INTENT_RESTART, INTENT_RUN, false, false },
	{ "it is to stop by now", "b", true, 6, INTENT_STOP, INTENT_RUN, false, false },
	{ "the root's is the cell's", "root", true, 6, INTENT_RUN, INTENT_RESTART, false, true },
	{ "the root's, the same runs", "root", true, 5, INTENT_RUN, INTENT_RESTART, false, false },
	{ "another's is not", "b", true, 6, INTENT_RUN, INTENT_RESTART, false, false },
	{ "the cell is to stop", "root", true, 6, INTENT_RUN, INTENT_STOP, false, false },
};

static void test_stored_restart(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_SIZE(restarts); i++) {
		struct object *o = object_new(CELL);
		struct container *c = cell_add_container(o, restarts[i].role, "x");

		c->run = restarts[i].container;
		o->cell.run = restarts[i].cell;
		c->restart_of = 5;
		c->run_pid = restarts[i].run_pid;
		c->restart_stored = restarts[i].stored;
		container_settle_stored_restart(c);
		if (c->run != (restarts[i].container_met ? INTENT_RUN : restarts[i].container) ||
		    o->cell.run != (restarts[i].cell_met ? INTENT_RUN : restarts[i].cell))
			fail_msg("%s: %d, the cell %d", restarts[i].name, (int)c->run,
				 (int)o->cell.run);
		assert_false(c->restart_stored);
		object_free(o);
	}
}

/* ---- containers and joins of a cell ---- */

static void test_add_container(void **state UNUSED)
{
	struct object *o = object_new(CELL);
	struct container *root = cell_add_container(o, "root", "main"),
			 *b = cell_add_container(o, "b", "b");

	assert_string_equal(root->containerd_id, "s_t_web_root");
	assert_string_equal(root->index_key, "r/s_t_web_root");
	assert_string_equal(root->name, "main");
	assert_true(root->slot.known && root->object == o);
	assert_int_equal(root->stop_grace_ms, 10000);
	assert_ptr_equal(cell_find_container(o, "b"), b);
	assert_null(cell_find_container(o, "main")); /* that is no role */
	cell_remove_container(b);
	assert_null(cell_find_container(o, "b"));
	assert_ptr_equal(cell_root(o), root);
	object_free(o);
}

static void test_joins_are_sorted(void **state UNUSED)
{
	static const char *const sorted[] = { "r/a", "r/b", "r/c", "r/d" };
	struct object *o = object_new(CELL);
	struct join *join;
	size_t i = 0;

	cell_add_join(o, "r/c");
	cell_add_join(o, "r/a");
	cell_add_join(o, "r/d");
	cell_add_join(o, "r/b");
	list_for_each(join, &o->cell.joins, link)
		assert_string_equal(join->space_key, sorted[i++]);
	assert_int_equal(i, ARRAY_SIZE(sorted));
	join = cell_find_join(o, "r/b");
	assert_string_equal(join->index_key, "r/b " CELL);
	assert_true(join->slot.known && join->object == o && !join->wanted && !join->intent);
	cell_remove_join(join);
	assert_null(cell_find_join(o, "r/b"));
	object_free(o);
}

/* ---- what is freed with it: builds that look for leaks say what was not ---- */

static void fill(char **const fields[], size_t n)
{
	for (size_t i = 0; i < n; i++)
		*fields[i] = xstrdup("x");
}

static void test_everything_goes_with_a_join(void **state UNUSED)
{
	struct object *o = object_new(CELL);
	struct join *j = cell_add_join(o, "r/a");
	char **const fields[] = {
		&j->interface,        &j->ip,           &j->ip6,     &j->bridge,   &j->drift,
		&j->reservation,      &j->reservation6, &j->last_ip, &j->last_ip6, &j->slot.failure,
		&j->link_on_host.name
	};

	fill(fields, ARRAY_SIZE(fields));
	object_free(o);
}

static void test_everything_goes_with_a_container(void **state UNUSED)
{
	struct object *o = object_new(CELL);
	struct container *c = cell_add_container(o, "b", "b");
	char **const fields[] = { &c->seen_hash, &c->seen_name, &c->image_digest,
				  &c->slot.failure };

	fill(fields, ARRAY_SIZE(fields));
	object_free(o);
}

static void test_everything_goes_with_an_object(void **state UNUSED)
{
	struct object *o = object_new(CELL);
	struct cell *cell = &o->cell;
	struct backing *b = &o->backing;
	char **const fields[] = {
		&o->unread,          &o->source,
		&o->refused,         &o->status.message,
		&o->cgroup.failure,  &cell->network.failure,
		&cell->ip,           &cell->ip6,
		&cell->bridge,       &cell->link.name,
		&cell->reservation,  &cell->reservation6,
		&cell->drift,        &cell->last_ip,
		&cell->last_ip6,     &cell->port_conflict,
		&cell->port_taken,   &cell->rival,
		&cell->hosts.ip,     &cell->hosts.ip6,
		&b->slot.failure,    &b->namespace_,
		&b->unlisted_why,    &b->filtered,
		&b->filter_problem,  &b->routed,
		&b->overlap,         &b->egress_problem,
		&b->space.bridge,    &b->passage.suspected,
		&b->passage.blocked, &b->passage.remedy,
		&b->passage.shut,    &b->passage.shut_remedy,
	};
	Api__Cell document = API__CELL__INIT;
	Api__CellSpec spec = API__CELL_SPEC__INIT;

	fill(fields, ARRAY_SIZE(fields));
	strv_add(&o->controllers, "memory");
	strv_add(&cell->kept, "a");
	strv_add(&cell->ports, "80:80/tcp");
	cellfiles_written_add(&cell->hosts.files, "hosts", 7);
	cellfiles_written_add(&cell->hosts.files, "resolv.conf", 8);
	o->spec = model_copy(&document.base);
	cell->effective = (Api__CellSpec *)model_copy(&spec.base);
	object_free(o);
	object_free(NULL);
}

static void test_written_files(void **state UNUSED)
{
	struct cellfiles_written files = { 0 };

	cellfiles_written_add(&files, "hosts", 7);
	cellfiles_written_add(&files, "resolv.conf", 8);
	assert_int_equal(files.n, 2);
	assert_string_equal(files.items[0].name, "hosts");
	assert_string_equal(files.items[1].name, "resolv.conf");
	assert_int_equal(files.items[1].own_bytes, 8);
	cellfiles_written_fini(&files);
	assert_int_equal(files.n, 0);
	assert_null(files.items);
}

/* ---- spaces ---- */

static void test_filter_text(void **state UNUSED)
{
	static const struct {
		const char *bridge, *subnet, *subnet6;
		bool denies;
		const char *text;
	} rows[] = {
		{ "kuke-a", "10.0.0.0/24", NULL, false, "kuke-a 10.0.0.0/24" },
		{ "kuke-a", "10.0.0.0/24", NULL, true, "kuke-a 10.0.0.0/24 deny" },
		{ "kuke-a", "10.0.0.0/24", "fd00::/64", false, "kuke-a 10.0.0.0/24 fd00::/64" },
		{ NULL, NULL, NULL, false, " " },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO_FREE char *text = object_filter_text(rows[i].bridge, rows[i].subnet,
							  rows[i].subnet6, rows[i].denies);

		assert_string_equal(text, rows[i].text);
	}
}

/* What is said of it once its network cannot become what is declared. */
static void test_refuses_ranges(void **state UNUSED)
{
	static const struct {
		enum action action;
		int code;
		bool refuses;
	} rows[] = {
		{ ACTION_SPACE_ENSURE, -EBUSY, true },
		{ ACTION_SPACE_ENSURE, -EIO, false },
		{ ACTION_SPACE_REMOVE, -EBUSY, false },
	};
	struct object *space = object_new("r/s");
	struct error err;

	assert_false(object_refuses_ranges(space));
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		error_set(&err, rows[i].code, "no");
		slot_failed(&space->backing.slot, rows[i].action, &err, 1);
		assert_int_equal(object_refuses_ranges(space), rows[i].refuses);
	}
	object_free(space);
}

/* ---- setting pruneGuard ---- */

static const struct {
	const char *text;
	bool fine, off;
	unsigned share, number;
} guards[] = {
	{ "50%,3", true, false, 50, 3 },
	{ "off", true, true, 0, 0 },
	{ "0%,1", true, false, 0, 1 },
	{ "100%,1000000", true, false, 100, 1000000 },
	{ "101%,3", .fine = false },
	{ "50%,0", .fine = false },
	{ "50%,1000001", .fine = false },
	{ "50%,3x", .fine = false },
	{ "50%", .fine = false },
	{ "50", .fine = false },
	{ "", .fine = false },
	{ "offf", .fine = false },
};

static void test_prune_guard(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_SIZE(guards); i++) {
		struct prune_guard got = { .number = 77 };
		struct error err;
		int result = prune_guard_parse(guards[i].text, &got, &err);

		if (result != (guards[i].fine ? 0 : -EINVAL))
			fail_msg("%s: %d", guards[i].text, result);
		if (!guards[i].fine)
			assert_int_equal(got.number, 77);
		else if (got.off != guards[i].off || got.share_percent != guards[i].share ||
			 got.number != guards[i].number)
			fail_msg("%s: %u %% %u", guards[i].text, got.share_percent, got.number);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_addresses_of_a_range),
		cmocka_unit_test(test_addresses_left),
		cmocka_unit_test(test_reasons),
		cmocka_unit_test(test_usable),
		cmocka_unit_test(test_exists),
		cmocka_unit_test(test_container_is_gone),
		cmocka_unit_test(test_kept_containers),
		cmocka_unit_test(test_unread),
		cmocka_unit_test(test_cell_intent),
		cmocka_unit_test(test_forget_past),
		cmocka_unit_test(test_forget_signals),
		cmocka_unit_test(test_stored_restart),
		cmocka_unit_test(test_add_container),
		cmocka_unit_test(test_joins_are_sorted),
		cmocka_unit_test(test_everything_goes_with_a_join),
		cmocka_unit_test(test_everything_goes_with_a_container),
		cmocka_unit_test(test_everything_goes_with_an_object),
		cmocka_unit_test(test_written_files),
		cmocka_unit_test(test_filter_text),
		cmocka_unit_test(test_refuses_ranges),
		cmocka_unit_test(test_prune_guard),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
