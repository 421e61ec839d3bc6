/* SPDX-License-Identifier: Apache-2.0 */
/* Which facts make a failure not matter any more, and which do not. */
#include "core/plan/stale_failures.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

/* What is seen; all else is not. */
enum {
	KNOWN = 1 << 0, /* of the slot that failed */
	CGROUP = 1 << 1,
	CGROUP_STALE = 1 << 2,
	POPULATED = 1 << 3,
	BACKING = 1 << 4,
	APPLIED = 1 << 5,
	PINNED = 1 << 6,
	FRESH = 1 << 7,
	ATTACHED = 1 << 8, /* the cell, or the join that failed */
	INTENT = 1 << 9,
	WANTED = 1 << 10, /* the join */
	IMAGE = 1 << 11,
	RENEW = 1 << 12,
	RECORD = 1 << 13,
	SNAPSHOT = 1 << 14,
	BUSY = 1 << 15, /* the slot */
};

#define COUNTS(failed_, facts_, ...)                                                               \
	{                                                                                          \
		.failed = ACTION_##failed_, .facts = facts_, ##__VA_ARGS__                         \
	}
#define STALE(failed_, facts_, ...) COUNTS(failed_, facts_, .stale = true, ##__VA_ARGS__)

static const struct {
	enum action failed;
	unsigned facts;
	enum task_state task;
	enum run_intent container, cell;
	bool stale;
} rows[] = {
	STALE(CGROUP_INSPECT, KNOWN),
	COUNTS(CGROUP_INSPECT, 0),
	COUNTS(CGROUP_INSPECT, KNOWN | BUSY),
	STALE(CGROUP_ENSURE, CGROUP),
	COUNTS(CGROUP_ENSURE, CGROUP | CGROUP_STALE),
	COUNTS(CGROUP_ENSURE, 0),
	STALE(CGROUP_KILL, CGROUP),
	COUNTS(CGROUP_KILL, CGROUP | POPULATED),
	STALE(CGROUP_REMOVE, 0),
	COUNTS(CGROUP_REMOVE, CGROUP),

	STALE(NAMESPACE_ENSURE, APPLIED),
	COUNTS(NAMESPACE_ENSURE, BACKING),
	STALE(SPACE_ENSURE, APPLIED),
	COUNTS(SPACE_ENSURE, BACKING),
	STALE(NAMESPACE_REMOVE, 0),
	COUNTS(NAMESPACE_REMOVE, BACKING),
	STALE(SPACE_REMOVE, 0),
	COUNTS(SPACE_REMOVE, BACKING),

	STALE(NETNS_CREATE, PINNED | FRESH),
	STALE(NETNS_CREATE, PINNED | ATTACHED),
	COUNTS(NETNS_CREATE, PINNED), /* assumed, since it failed */
	COUNTS(NETNS_CREATE, FRESH | ATTACHED),
	STALE(NETWORK_ATTACH, ATTACHED),
	COUNTS(NETWORK_ATTACH, PINNED | INTENT),
	STALE(NETWORK_DETACH, 0),
	COUNTS(NETWORK_DETACH, PINNED),
	COUNTS(NETWORK_DETACH, INTENT),

	STALE(NETWORK_JOIN, WANTED | ATTACHED),
	STALE(NETWORK_JOIN, INTENT), /* it is not to be there any more */
	COUNTS(NETWORK_JOIN, WANTED | INTENT),
	STALE(NETWORK_LEAVE, 0),
	COUNTS(NETWORK_LEAVE, INTENT),

	STALE(CONTAINER_INSPECT, KNOWN),
	COUNTS(CONTAINER_INSPECT, 0),
	STALE(IMAGE_RESOLVE, IMAGE),
	COUNTS(IMAGE_RESOLVE, IMAGE | RENEW),
	COUNTS(IMAGE_RESOLVE, 0),
	STALE(IMAGE_RESOLVE, 0, .container = INTENT_STOP),
	STALE(IMAGE_RESOLVE, 0, .container = INTENT_KILL),
	STALE(IMAGE_RESOLVE, 0, .cell = INTENT_STOP),
	STALE(IMAGE_RESOLVE, 0, .cell = INTENT_KILL),
	COUNTS(IMAGE_RESOLVE, 0, .container = INTENT_RESTART, .cell = INTENT_RESTART),
	COUNTS(IMAGE_RESOLVE, 0, .task = TASK_RUNNING, .cell = INTENT_STOP), /* something runs */
	STALE(CONTAINER_CREATE, RECORD | SNAPSHOT),
	COUNTS(CONTAINER_CREATE, RECORD),
	COUNTS(CONTAINER_CREATE, SNAPSHOT),
	STALE(CONTAINER_CREATE, 0, .container = INTENT_STOP),
	STALE(CONTAINER_REMOVE, 0),
	COUNTS(CONTAINER_REMOVE, RECORD),
	COUNTS(CONTAINER_REMOVE, SNAPSHOT),
	STALE(TASK_CREATE, 0, .task = TASK_CREATED),
	COUNTS(TASK_CREATE, 0),
	STALE(TASK_CREATE, 0, .container = INTENT_STOP),
	STALE(TASK_START, 0, .task = TASK_PAUSED),
	COUNTS(TASK_START, 0, .task = TASK_CREATED),
	COUNTS(TASK_START, 0, .task = TASK_NONE), /* the pause before the next try counts on */
	STALE(TASK_START, 0, .container = INTENT_STOP),
	STALE(TASK_STOP, 0, .task = TASK_STOPPED),
	COUNTS(TASK_STOP, 0, .task = TASK_RUNNING),
	STALE(TASK_KILL, 0, .task = TASK_NONE),
	COUNTS(TASK_KILL, 0, .task = TASK_CREATED),
	STALE(TASK_DELETE, 0, .task = TASK_NONE),
	COUNTS(TASK_DELETE, 0, .task = TASK_STOPPED),
	COUNTS(SHIM_KILL, KNOWN),
};

static struct slot *slot_of(struct object *cell, enum action action)
{
	if (action == ACTION_NETWORK_JOIN || action == ACTION_NETWORK_LEAVE)
		return &cell_find_join(cell, "r/a")->slot;
	if (action >= ACTION_CONTAINER_INSPECT)
		return &cell_find_container(cell, "b")->slot;
	if (action >= ACTION_NETNS_CREATE)
		return &cell->cell.network;
	return action >= ACTION_CGROUP_INSPECT ? &cell->cgroup : &cell->backing.slot;
}

static struct object *cell_of(size_t i)
{
	struct object *o = object_new("r/s/t/web");
	struct container *c = cell_add_container(o, "b", "b");
	struct join *join = cell_add_join(o, "r/a");
	unsigned facts = rows[i].facts;

	o->cgroup_exists = facts & CGROUP;
	o->cgroup_stale = facts & CGROUP_STALE;
	o->populated = facts & POPULATED;
	o->backing.exists = facts & BACKING;
	o->backing.applied = facts & APPLIED;
	o->cell.pinned = facts & PINNED;
	o->cell.fresh = facts & FRESH;
	o->cell.attached = join->attached = facts & ATTACHED;
	o->cell.intent = join->intent = facts & INTENT;
	o->cell.run = rows[i].cell;
	join->wanted = facts & WANTED;
	c->image_ready = facts & IMAGE;
	c->renew = facts & RENEW;
	c->record = facts & RECORD;
	c->snapshot = facts & SNAPSHOT;
	c->task = rows[i].task;
	c->run = rows[i].container;
	return o;
}

static void test_facts(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct object *o = cell_of(i);
		struct slot *slot = slot_of(o, rows[i].failed);
		struct error err;

		error_set(&err, -EIO, "no luck");
		slot_failed(slot, rows[i].failed, &err, 1000);
		slot->known = rows[i].facts & KNOWN;
		slot->busy = rows[i].facts & BUSY;
		stale_failures_clear(o);
		if ((slot->failures == 0) != rows[i].stale)
			fail_msg("row %zu: %s %s", i, action_name(rows[i].failed),
				 rows[i].stale ? "still counts" : "is forgotten");
		slot->busy = false;
		object_free(o);
	}
}

/* What has not failed is not told that it may try again now. */
static void test_no_failure(void **state UNUSED)
{
	struct object *o = object_new("r/s/t/web");

	o->cgroup.failed_action = ACTION_CGROUP_REMOVE;
	stale_failures_clear(o);
	assert_int_equal(o->cgroup.failed_action, ACTION_CGROUP_REMOVE);
	object_free(o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_facts),
		cmocka_unit_test(test_no_failure),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
