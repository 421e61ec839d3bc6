/* SPDX-License-Identifier: Apache-2.0 */
/* What the plan of a cell does about images that only a registry has, and what it says meanwhile.
 */
#include "core/plan/plan.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "core/state/object.h"
#include "tests/unit/plan_text.h"

enum { NOW_MS = 100 * 1000 };

/* The cell's one container. Without RUNS or HAS nothing of it is there yet. */
enum {
	RUNS = 1 << 0,
	HAS = 1 << 1,      /* a record with its snapshot, and no task */
	CHANGED = 1 << 2,  /* the record is of another spec */
	IMAGE = 1 << 3,    /* the image of its spec has been found */
	MISSING = 1 << 4,  /* it was looked for, and is not there */
	ASKED = 1 << 5,    /* the registry has answered */
	PULL = 1 << 6,     /* somebody wants the registry asked */
	RENEW = 1 << 7,    /* somebody started it */
	MOVED = 1 << 8,    /* its image's name stands for another one than the record's */
	STOP = 1 << 9,     /* the cell */
	RESTART = 1 << 10, /* the cell */
	LOW = 1 << 11,     /* its stack is not Ready */
	UNDER_WAY = 1 << 12,
	PINNED = 1 << 13, /* it was taken back to the image that it ran before */
};

#define IF_NOT_PRESENT API__IMAGE_PULL_POLICY__IMAGE_PULL_POLICY_IF_NOT_PRESENT
#define ALWAYS API__IMAGE_PULL_POLICY__IMAGE_PULL_POLICY_ALWAYS
#define NEVER API__IMAGE_PULL_POLICY__IMAGE_PULL_POLICY_NEVER
#define STATE(state_, reason_) API__STATE__STATE_##state_, REASON_##reason_

static const struct {
	const char *name;
	Api__ImagePullPolicy policy;
	unsigned flags;
	bool pulls;
	const char *steps;
	Api__State state;
	enum reason reason;
} rows[] = {
	{ "it is looked for first", IF_NOT_PRESENT, 0, false, "network-attach, image-resolve root",
	  STATE(PENDING, CREATING) },
	{ "it is taken away once, when its name has moved", IF_NOT_PRESENT, MOVED, false,
	  "network-attach, image-resolve root", STATE(PENDING, CREATING) },
	{ "held back, it is Ready and says so", IF_NOT_PRESENT, RUNS | PINNED, false, "",
	  STATE(READY, IMAGE_HELD_BACK) },
	{ "held back, and not up", IF_NOT_PRESENT, PINNED, false,
	  "network-attach, image-resolve root", STATE(PENDING, CREATING) },
	{ "it is not there", IF_NOT_PRESENT, MISSING, true, "", STATE(PENDING, PULLING_IMAGE) },
	{ "it has come", IF_NOT_PRESENT, MISSING | IMAGE, false,
	  "network-attach, container-create root", STATE(PENDING, CREATING) },
	{ "it is not there, and never pulled: it is looked for again", NEVER, MISSING, false,
	  "network-attach, image-resolve root", STATE(PENDING, CREATING) },
	{ "never means never, whoever asks", NEVER, MISSING | PULL, false,
	  "network-attach, image-resolve root", STATE(PENDING, CREATING) },
	{ "always, also when it is there", ALWAYS, IMAGE, true, "", STATE(PENDING, PULLING_IMAGE) },
	{ "always, and the registry has answered", ALWAYS, IMAGE | ASKED, false,
	  "network-attach, container-create root", STATE(PENDING, CREATING) },
	{ "a record with its snapshot needs no image", ALWAYS, HAS, false,
	  "network-attach, task-create root", STATE(PENDING, CREATING) },
	{ "started by request, it asks", ALWAYS, HAS | RENEW, true, "",
	  STATE(PENDING, PULLING_IMAGE) },
	{ "started by request, without a policy", IF_NOT_PRESENT, HAS | RENEW, false,
	  "network-attach, image-resolve root", STATE(PENDING, CREATING) },
	{ "the record is of another image", IF_NOT_PRESENT, HAS | MOVED | MISSING, true, "",
	  STATE(PENDING, PULLING_IMAGE) },
	{ "what runs is left alone", ALWAYS, RUNS, false, "", STATE(READY, NONE) },
	{ "what runs goes on until its new image is there", IF_NOT_PRESENT,
	  RUNS | CHANGED | MISSING, true, "", STATE(PENDING, PULLING_IMAGE) },
	{ "the same, when the registry has to be asked", ALWAYS, RUNS | CHANGED | IMAGE, true, "",
	  STATE(PENDING, PULLING_IMAGE) },
	{ "its new image is there: it is stopped", IF_NOT_PRESENT, RUNS | CHANGED | IMAGE, false,
	  "task-stop root", STATE(PENDING, UPDATING) },
	{ "a restart does not ask", IF_NOT_PRESENT, RUNS | RESTART, false, "task-stop root",
	  STATE(PENDING, RESTARTING) },
	{ "a restart with a pull waits", IF_NOT_PRESENT, RUNS | RESTART | PULL, true, "",
	  STATE(PENDING, PULLING_IMAGE) },
	{ "a restart waits where it is always asked", ALWAYS, RUNS | RESTART, true, "",
	  STATE(PENDING, PULLING_IMAGE) },
	{ "asked, it restarts", ALWAYS, RUNS | RESTART | ASKED, false, "task-stop root",
	  STATE(PENDING, RESTARTING) },
	{ "a restart with a pull where nothing is pulled", NEVER, RUNS | RESTART | PULL, false,
	  "task-stop root", STATE(PENDING, RESTARTING) },
	{ "what is stopped asks nobody", ALWAYS, STOP | MISSING, false, "",
	  STATE(STOPPED, STOP_REQUESTED) },
	{ "nothing is begun below a stack that is not Ready", IF_NOT_PRESENT, LOW | MISSING, false,
	  "", STATE(PENDING, PARENT_NOT_READY) },
	{ "but what is under way goes on", IF_NOT_PRESENT, LOW | MISSING | UNDER_WAY, true, "",
	  STATE(PENDING, PULLING_IMAGE) },
};

static void set_container(struct container *c, Api__ContainerSpec *spec, unsigned flags)
{
	bool there = flags & (RUNS | HAS);

	api__container_spec__init(spec);
	c->spec = spec;
	strcpy(c->hash, "new");
	c->slot.known = true;
	c->record = c->snapshot = there;
	c->seen_hash = there ? xstrdup(flags & CHANGED ? "old" : "new") : NULL;
	c->task = flags & RUNS ? TASK_RUNNING : TASK_NONE;
	c->pid = c->run_pid = flags & RUNS ? 7 : 0;
	c->image_ready = flags & IMAGE;
	c->image_missing = flags & MISSING;
	c->image_asked = flags & ASKED;
	c->pull_requested = flags & PULL;
	c->renew = flags & RENEW;
	c->image_moved = flags & MOVED;
	if (!(flags & PINNED))
		return;
	c->update.image = xstrdup("nginx");
	c->update.from = xstrdup("sha256:old");
	c->update.to = xstrdup("sha256:new");
	c->update.pin = xstrdup("nginx@sha256:old");
}

static void set_cell(struct object *cell, unsigned flags)
{
	cell->wanted = true;
	cell->cell.run = flags & STOP ? INTENT_STOP : flags & RESTART ? INTENT_RESTART : INTENT_RUN;
	cell->cgroup.known = cell->cgroup_exists = true;
	cell->populated = cell->cell.intent = cell->cell.attached = flags & RUNS;
	cell->cell.pinned = !(flags & STOP);
	cell->cell.fresh = cell->cell.pinned && !(flags & RUNS);
}

/* @pull: what the container waits for; NULL: nobody has begun. The steps as text; of the plan's
 * pointers none is to be followed any more. */
static char *plan_one(unsigned flags, Api__ImagePullPolicy policy, struct pull *pull,
		      struct plan *ret_plan)
{
	static const struct plan_context context = { .now_ms = NOW_MS,
						     .relisted = true,
						     .may_delete = true,
						     .runtime_up = true,
						     .may_begin = true };
	struct object *stack = object_new("r/s/t"), *cell = object_new("r/s/t/web");
	struct container *c = cell_add_container(cell, "root", "a");
	Api__ContainerSpec spec;
	char *steps;

	stack->status.state = flags & LOW ? API__STATE__STATE_PENDING : API__STATE__STATE_READY;
	cell->parent = stack;
	set_container(c, &spec, flags);
	set_cell(cell, flags);
	spec.image_pull_policy = policy;
	c->pull.pull = pull;
	plan_object(cell, &context, ret_plan);
	assert_true(!ret_plan->n_pulls || ret_plan->pulls[0] == c);
	steps = plan_text(ret_plan);
	c->pull.pull = NULL;
	object_free(cell);
	object_free(stack);
	return steps;
}

static void test_who_waits(void **state UNUSED)
{
	unsigned failed = 0;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct pull pull = { .image = (char *)"nginx" };
		struct plan plan;

		AUTO_FREE char *steps = plan_one(rows[i].flags, rows[i].policy,
						 rows[i].flags & UNDER_WAY ? &pull : NULL, &plan);

		if (plan.n_pulls != rows[i].pulls || !str_equal(steps, rows[i].steps) ||
		    plan.state != rows[i].state || plan.reason != rows[i].reason ||
		    plan.wake_at_ms) {
			print_error("%s: pulls %zu [%s] %s %s \"%s\" wake %llu\n", rows[i].name,
				    plan.n_pulls, steps, plan_state_name(plan.state),
				    reason_name(plan.reason), plan.message,
				    (unsigned long long)plan.wake_at_ms);
			failed++;
		}
		plan_fini(&plan);
	}
	assert_int_equal(failed, 0);
}

/* ---- what is said ---- */

#define MIB (1024 * 1024)

static const struct {
	unsigned flags;
	struct pull pull;
	const char *error; /* of the pull */
	enum reason reason;
	const char *says;
} sayings[] = {
	{ MISSING,
	  { .state = PULL_RUNS },
	  "",
	  REASON_PULLING_IMAGE,
	  "container a: pulling nginx: its registry is asked for it" },
	{ MISSING,
	  { .state = PULL_RUNS, .running.progress = { .host = (char *)"r.example" } },
	  "",
	  REASON_PULLING_IMAGE,
	  "container a: pulling nginx: r.example is asked for it" },
	{ MISSING,
	  { .state = PULL_RUNS, .running.progress = { .waits = (char *)"it is not its turn" } },
	  "",
	  REASON_PULLING_IMAGE,
	  "container a: pulling nginx: it is not its turn" },
	{ MISSING,
	  { .state = PULL_RUNS,
	    .running.progress = { .size = 200 * MIB,
				  .fetched = 50 * MIB,
				  .bytes_per_second = 2048 } },
	  "",
	  REASON_PULLING_IMAGE,
	  "container a: pulling nginx: 25 % of 200 MiB, 2.0 KiB/s" },
	{ RUNS | CHANGED | MISSING,
	  { .state = PULL_RUNS,
	    .running.progress = { .size = 10, .fetched = 20, .bytes_per_second = 3 } },
	  "",
	  REASON_PULLING_IMAGE,
	  "container a: pulling nginx: 100 % of 10 B, 3 B/s; what runs goes on until it is there" },
	{ MISSING,
	  { .state = PULL_WAITS, .fault = IMAGE_FAULT_NOT_THERE, .again = (char *)"12:00" },
	  "no such image",
	  REASON_IMAGE_NOT_FOUND,
	  "container a: cannot pull nginx: no such image; look at its name, or give the realm "
	  "registryCredentials for it; next try at 12:00" },
	{ MISSING,
	  { .state = PULL_FAILED, .fault = IMAGE_FAULT_UNAUTHORIZED },
	  "who?",
	  REASON_UNAUTHORIZED,
	  "container a: cannot pull nginx: who?; give the realm registryCredentials that may read "
	  "it" },
	{ MISSING,
	  { .state = PULL_WAITS, .fault = IMAGE_FAULT_UNREACHABLE },
	  "no route",
	  REASON_REGISTRY_UNREACHABLE,
	  "container a: cannot pull nginx: no route" },
	{ MISSING,
	  { .state = PULL_WAITS, .fault = IMAGE_FAULT_TOO_MANY },
	  "slow down",
	  REASON_TOO_MANY_REQUESTS,
	  "container a: cannot pull nginx: slow down; some registries allow more to those who log "
	  "in: registryCredentials" },
	{ MISSING,
	  { .state = PULL_WAITS, .fault = IMAGE_FAULT_INVALID },
	  "no JSON",
	  REASON_IMAGE_FAILED,
	  "container a: cannot pull nginx: no JSON" },
	{ MISSING,
	  { .state = PULL_WAITS, .fault = IMAGE_FAULT_PLATFORM },
	  "for others only",
	  REASON_IMAGE_FAILED,
	  "container a: cannot pull nginx: for others only; name another image" },
	{ MISSING,
	  { .state = PULL_WAITS, .fault = IMAGE_FAULT_OTHER },
	  "disk full",
	  REASON_IMAGE_FAILED,
	  "container a: cannot pull nginx: disk full" },
};

static void test_what_is_said(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_SIZE(sayings); i++) {
		struct pull pull = sayings[i].pull;
		struct plan plan;

		pull.image = (char *)"nginx";
		error_set(&pull.err, -EIO, "%s", sayings[i].error);

		AUTO_FREE char *steps = plan_one(sayings[i].flags, IF_NOT_PRESENT, &pull, &plan);

		if (plan.state != API__STATE__STATE_PENDING || plan.reason != sayings[i].reason ||
		    !str_equal(plan.message, sayings[i].says))
			fail_msg("%s \"%s\", expected %s \"%s\"", reason_name(plan.reason),
				 plan.message, reason_name(sayings[i].reason), sayings[i].says);
		plan_fini(&plan);
	}
}

/* Where it failed may be a long path: why it did is said all the same. */
static void test_long_reason(void **state UNUSED)
{
	struct pull pull = { .state = PULL_WAITS,
			     .fault = IMAGE_FAULT_OTHER,
			     .again = (char *)"12:00" };
	struct plan plan;
	char path[400];

	memset(path, 'x', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	pull.image = (char *)"nginx";
	error_set(&pull.err, -ENOSPC, "write /%s: no space left on device", path);

	AUTO_FREE char *steps = plan_one(MISSING, IF_NOT_PRESENT, &pull, &plan);

	if (!str_starts_with(plan.message, "container a: cannot pull nginx: write /xxx") ||
	    !strstr(plan.message, "xx: no space left on device; next try at 12:00"))
		fail_msg("%s", plan.message);
	plan_fini(&plan);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_who_waits),
		cmocka_unit_test(test_what_is_said),
		cmocka_unit_test(test_long_reason),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
