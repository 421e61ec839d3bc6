/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The planner over every combination of what it can see of a cell of two containers. The rules
 * below hold for each of them; none says what the right plan is (test_plan.c does), all say what a
 * plan must never be.
 */
#include "core/plan/plan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "core/state/object.h"
#include "tests/unit/plan_text.h"

enum { NOW_MS = 1000 * 1000, LONG_AGO_MS = 1000 };

/* With the unit tests, and under a sanitizer, some of the combinations; with the sims every one. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { IS_SLOW = 1 };
#else
enum { IS_SLOW = 0 };
#endif

/* Primes, so that no dimension keeps step; what hangs on the context alone is asked of fewer. */
enum { STRIDE = 7, CONTEXT_STRIDE = 11 };

/* ---- what is varied ---- */

struct life {
	const char *name;
	enum task_state task;
	bool exited;
	unsigned exit_code;
	uint64_t stop_sent_ms, kill_sent_ms;
};

static const struct life lives[] = {
	{ "no task", TASK_NONE, false, 0, 0, 0 },
	{ "no task, failed before", TASK_NONE, true, 1, 0, 0 },
	{ "created", TASK_CREATED, false, 0, 0, 0 },
	{ "running", TASK_RUNNING, false, 0, 0, 0 },
	{ "running, stop due", TASK_RUNNING, false, 0, LONG_AGO_MS, 0 },
	{ "completed", TASK_STOPPED, true, 0, 0, 0 },
	/* the rest for the root alone */
	{ "failed", TASK_STOPPED, true, 1, 0, 0 },
	{ "created, killed long ago", TASK_CREATED, false, 0, 0, LONG_AGO_MS },
	{ "created, stopped and killed", TASK_CREATED, false, 0, LONG_AGO_MS, NOW_MS },
	{ "running, killed long ago", TASK_RUNNING, false, 0, LONG_AGO_MS, LONG_AGO_MS },
	{ "pausing", TASK_PAUSING, false, 0, 0, 0 },
	{ "paused", TASK_PAUSED, false, 0, 0, 0 },
};

struct things {
	const char *name;
	bool record, snapshot, changed, image_ready, renew, image_moved;
};

static const struct things things[] = {
	{ "nothing", false, false, false, false, false, false },
	{ "record", true, true, false, false, false, false },
	{ "old record", true, true, true, false, false, false },
	{ "old record, new image", true, true, true, true, false, false },
	/* the rest for the root alone */
	{ "nothing, image", false, false, false, true, false, false },
	{ "record without snapshot", true, false, false, false, false, false },
	{ "snapshot without record", false, true, false, false, false, false },
	{ "record, asked to begin anew", true, true, false, false, true, false },
	{ "record of another image", true, true, false, true, false, true },
};

static const struct {
	const char *name;
	bool pinned, intent, attached, fresh;
} networks[] = {
	{ "none", false, false, false, false },
	{ "intent only", false, true, false, false },
	{ "pinned by another", true, false, false, false },
	{ "pinned", true, false, false, true },
	{ "pinned, intent", true, true, false, true },
	{ "half attached", true, true, false, false },
	{ "attached, fresh", true, true, true, true },
	{ "attached", true, true, true, false },
	{ "pin vanished", false, true, false, true },
	{ "pin vanished under it", false, true, false, false },
};

static const struct {
	const char *name;
	bool exists, populated, known, busy;
} cgroups[] = {
	{ "absent", false, false, true, false },  { "empty", true, false, true, false },
	{ "populated", true, true, true, false }, { "unknown", true, true, false, false },
	{ "busy", true, false, true, true },
};

enum slot_kind { SLOT_KNOWN, SLOT_UNKNOWN, SLOT_BUSY };
static const char *const slot_names[] = { "known", "unknown", "busy" };

enum wish { WISH_RUN, WISH_STOP, WISH_NOTHING };
static const char *const wish_names[] = { "wanted", "stop wanted", "not wanted" };

enum dim {
	DIM_WISH,
	DIM_ROOT_LIFE,
	DIM_ROOT_THINGS,
	DIM_ROOT_SLOT,
	DIM_OTHER_LIFE,
	DIM_OTHER_THINGS,
	DIM_OTHER_SLOT, /* known, unknown */
	DIM_OTHER_WANTED,
	DIM_NETWORK,
	DIM_CGROUP,
	DIM_PARENT_READY,
	DIM_COUNT,
};

static const unsigned sizes[DIM_COUNT] = {
	[DIM_WISH] = ARRAY_SIZE(wish_names),
	[DIM_ROOT_LIFE] = ARRAY_SIZE(lives),
	[DIM_ROOT_THINGS] = ARRAY_SIZE(things),
	[DIM_ROOT_SLOT] = ARRAY_SIZE(slot_names),
	[DIM_OTHER_LIFE] = 6,
	[DIM_OTHER_THINGS] = 4,
	[DIM_OTHER_SLOT] = 2,
	[DIM_OTHER_WANTED] = 2,
	[DIM_NETWORK] = ARRAY_SIZE(networks),
	[DIM_CGROUP] = ARRAY_SIZE(cgroups),
	[DIM_PARENT_READY] = 2,
};

struct sweep {
	unsigned at[DIM_COUNT];
	struct object *stack, *cell;
	struct container *root, *other;
	Api__ContainerSpec root_spec, other_spec;
	unsigned long long count;
};

/* ---- from numbers to an object ---- */

static void set_hash(struct container *c, bool record, bool changed)
{
	free(c->seen_hash);
	c->seen_hash = record ? xstrdup(changed ? "old" : "new") : NULL;
}

static void set_container(struct container *c, const struct life *life, const struct things *t,
			  enum slot_kind slot)
{
	c->task = life->task;
	c->exited = life->exited;
	c->exit_code = life->exit_code;
	c->stop_sent_ms = life->stop_sent_ms;
	c->kill_sent_ms = life->kill_sent_ms;
	c->record = t->record;
	c->snapshot = t->snapshot;
	c->image_ready = t->image_ready;
	c->renew = t->renew;
	c->image_moved = t->image_moved;
	set_hash(c, t->record, t->changed);
	c->slot.known = slot != SLOT_UNKNOWN;
	c->slot.busy = slot == SLOT_BUSY;
	c->slot.action = ACTION_TASK_CREATE; /* while busy: the one that matters most to others */
}

static void set_cell(struct sweep *s)
{
	struct object *o = s->cell;
	unsigned network = s->at[DIM_NETWORK], cgroup = s->at[DIM_CGROUP];

	o->wanted = s->at[DIM_WISH] != WISH_NOTHING;
	o->cell.run = s->at[DIM_WISH] == WISH_STOP ? INTENT_STOP : INTENT_RUN;
	o->cell.pinned = networks[network].pinned;
	o->cell.intent = networks[network].intent;
	o->cell.attached = networks[network].attached;
	o->cell.fresh = networks[network].fresh;
	o->cgroup_exists = cgroups[cgroup].exists;
	o->populated = cgroups[cgroup].populated;
	o->cgroup.known = cgroups[cgroup].known;
	o->cgroup.busy = cgroups[cgroup].busy;
	s->stack->status.state =
		s->at[DIM_PARENT_READY] ? API__STATE__STATE_READY : API__STATE__STATE_PENDING;
	s->other->spec = s->at[DIM_OTHER_WANTED] ? &s->other_spec : NULL;
	set_container(s->root, &lives[s->at[DIM_ROOT_LIFE]], &things[s->at[DIM_ROOT_THINGS]],
		      (enum slot_kind)s->at[DIM_ROOT_SLOT]);
	set_container(s->other, &lives[s->at[DIM_OTHER_LIFE]], &things[s->at[DIM_OTHER_THINGS]],
		      (enum slot_kind)s->at[DIM_OTHER_SLOT]);
}

static bool next(struct sweep *s)
{
	for (int dim = DIM_COUNT - 1; dim >= 0; dim--) {
		if (++s->at[dim] < sizes[dim])
			return true;
		s->at[dim] = 0;
	}
	return false;
}

static void broken(const struct sweep *s, const struct plan *plan, const char *rule)
{
	AUTO_FREE char *steps = plan_text(plan);

	fail_msg("%s\n  %s, parent %s, cgroup %s, network %s\n"
		 "  root: %s, %s, slot %s\n  other (%s): %s, %s, slot %s\n"
		 "  plan: [%s], %s %s \"%s\", wake %llu",
		 rule, wish_names[s->at[DIM_WISH]], s->at[DIM_PARENT_READY] ? "ready" : "not ready",
		 cgroups[s->at[DIM_CGROUP]].name, networks[s->at[DIM_NETWORK]].name,
		 lives[s->at[DIM_ROOT_LIFE]].name, things[s->at[DIM_ROOT_THINGS]].name,
		 slot_names[s->at[DIM_ROOT_SLOT]],
		 s->at[DIM_OTHER_WANTED] ? "wanted" : "not wanted",
		 lives[s->at[DIM_OTHER_LIFE]].name, things[s->at[DIM_OTHER_THINGS]].name,
		 slot_names[s->at[DIM_OTHER_SLOT]], steps, plan_state_name(plan->state),
		 reason_name(plan->reason), plan->message, (unsigned long long)plan->wake_at_ms);
}

/* ---- rules ---- */

static bool runs(const struct container *c)
{
	return c->task == TASK_RUNNING || c->task == TASK_PAUSED || c->task == TASK_PAUSING;
}

static bool task_is_alive(const struct container *c)
{
	return runs(c) || c->task == TASK_CREATED;
}

static const struct slot *slot_of(const struct sweep *s, const struct plan_step *step)
{
	if (step->container)
		return &step->container->slot;
	if (step->action == ACTION_NETNS_CREATE || step->action == ACTION_NETWORK_ATTACH ||
	    step->action == ACTION_NETWORK_REPAIR || step->action == ACTION_NETWORK_DETACH)
		return &s->cell->cell.network;
	return &s->cell->cgroup;
}

static void check_slots(const struct sweep *s, const struct plan *plan)
{
	for (size_t i = 0; i < plan->n_steps; i++) {
		const struct slot *slot = slot_of(s, &plan->steps[i]);

		if (slot->busy)
			broken(s, plan, "a step on a busy slot");
		if (!slot->known && slot != &s->cell->cell.network &&
		    plan->steps[i].action != ACTION_CONTAINER_INSPECT &&
		    plan->steps[i].action != ACTION_CGROUP_INSPECT)
			broken(s, plan, "a step on what is not known");
		for (size_t j = 0; j < i; j++)
			if (slot_of(s, &plan->steps[j]) == slot)
				broken(s, plan, "two steps on one slot");
	}
}

static const char *task_rule(const struct sweep *s, const struct plan_step *step)
{
	const struct cell *cell = &s->cell->cell;
	const struct container *c = step->container;
	bool root = c == s->root;

	switch (step->action) {
	case ACTION_TASK_CREATE:
		if (c->task != TASK_NONE || !c->record || !str_equal(c->seen_hash, c->hash))
			return "a task without a record of the wanted spec";
		if (!cell->pinned || !s->cell->cgroup_exists)
			return "a task without namespace or cgroup";
		if (runs(s->root) && !cell->attached)
			return "a task joins a namespace that may not be the root's";
		return !root && !task_is_alive(s->root) ? "a task without the root's" : NULL;
	case ACTION_TASK_START:
		if (c->task != TASK_CREATED)
			return "a start of what is not created";
		if (root && !cell->attached)
			return "the root starts without its network";
		return !root && !runs(s->root) ? "a start before the root's" : NULL;
	case ACTION_TASK_STOP:
	case ACTION_TASK_KILL:
		return task_is_alive(c) ? NULL : "a signal to what does not live";
	case ACTION_TASK_DELETE:
		return c->task == TASK_STOPPED ? NULL : "the delete of a task that is not stopped";
	default:
		return NULL;
	}
}

/* A task lives, or one may: the container has to be looked at, or its task may be being created. */
static bool may_live(const struct container *c)
{
	return task_is_alive(c) || !c->slot.known || c->slot.busy;
}

static const char *thing_rule(const struct sweep *s, const struct plan_step *step)
{
	const struct cell *cell = &s->cell->cell;
	const struct container *c = step->container;
	bool lives_on = task_is_alive(s->root) || task_is_alive(s->other);

	switch (step->action) {
	case ACTION_NETNS_CREATE:
		if (lives_on)
			return "a new namespace while a task lives";
		return cell->pinned ? "a second namespace" : NULL;
	case ACTION_NETWORK_ATTACH:
		if (runs(s->root))
			return "an attach while the root runs";
		return !cell->pinned || cell->attached
			       ? "an attach of nothing or of what is attached"
			       : NULL;
	case ACTION_NETWORK_REPAIR:
		return !runs(s->root) || cell->attached
			       ? "a repair of what is whole, or with no process to repair it for"
			       : NULL;
	case ACTION_NETWORK_DETACH:
		return may_live(s->root) || may_live(s->other) ? "a detach while a task may live"
							       : NULL;
	case ACTION_CONTAINER_CREATE:
		return c->record || c->task != TASK_NONE || !c->image_ready
			       ? "a create in the way or without image"
			       : NULL;
	case ACTION_TASK_CREATE:
		return c->renew || c->image_moved ? "a task of what is to be made anew" : NULL;
	case ACTION_CONTAINER_REMOVE:
		return c->task != TASK_NONE ? "the remove of a container that has a task" : NULL;
	case ACTION_CGROUP_KILL:
	case ACTION_CGROUP_REMOVE:
		if (s->cell->wanted)
			return "the cgroup of a wanted cell goes";
		return s->root->record || s->root->snapshot || s->other->record ||
				       s->other->snapshot || cell->pinned || cell->intent
			       ? "the cgroup goes before records or network"
			       : NULL;
	default:
		return NULL;
	}
}

static bool is_destructive(enum action action)
{
	return action == ACTION_TASK_STOP || action == ACTION_TASK_KILL ||
	       action == ACTION_TASK_DELETE || action == ACTION_CONTAINER_REMOVE ||
	       action == ACTION_NETWORK_DETACH || action == ACTION_CGROUP_KILL ||
	       action == ACTION_CGROUP_REMOVE;
}

static bool is_healthy(const struct sweep *s)
{
	bool root =
		runs(s->root) && s->root->record && str_equal(s->root->seen_hash, s->root->hash);
	bool other = s->other->spec ? runs(s->other) && s->other->record &&
					      str_equal(s->other->seen_hash, s->other->hash)
				    : s->other->task == TASK_NONE && !s->other->record &&
					      !s->other->snapshot;

	return s->at[DIM_WISH] == WISH_RUN && root && other && s->cell->cell.attached;
}

static void check_health(const struct sweep *s, const struct plan *plan)
{
	bool nothing = s->root->slot.known && s->other->slot.known && s->cell->cgroup.known &&
		       s->cell->cgroup_exists;

	if (!is_healthy(s))
		return;
	for (size_t i = 0; i < plan->n_steps; i++)
		if (is_destructive(plan->steps[i].action))
			broken(s, plan, "a healthy cell is hurt");
	if (nothing && plan->n_steps)
		broken(s, plan, "a healthy cell is touched");
	if (nothing && plan->state != API__STATE__STATE_READY)
		broken(s, plan, "a healthy cell is not Ready");
}

/* With nothing under way and nothing to wait for, only a final word may end the planning. */
static void check_progress(const struct sweep *s, const struct plan *plan)
{
	bool waits = s->root->slot.busy || s->other->slot.busy || s->cell->cgroup.busy ||
		     plan->wake_at_ms;
	bool final = plan->gone || plan->state == API__STATE__STATE_READY ||
		     plan->state == API__STATE__STATE_STOPPED ||
		     plan->state == API__STATE__STATE_FAILED;

	if (plan->n_steps == 0 && !waits && !final && (s->at[DIM_PARENT_READY] || !s->cell->wanted))
		broken(s, plan, "stuck");
	if (plan->gone && (plan->n_steps || s->cell->wanted || object_exists(s->cell)))
		broken(s, plan, "gone, but something is left");
}

static void check_same(const struct sweep *s, const struct plan *plan,
		       const struct plan_context *context)
{
	struct plan again;

	plan_object(s->cell, context, &again);
	if (again.n_steps != plan->n_steps || again.wake_at_ms != plan->wake_at_ms ||
	    again.state != plan->state || again.reason != plan->reason ||
	    again.gone != plan->gone || strcmp(again.message, plan->message) != 0)
		broken(s, plan, "a second plan differs");
	for (size_t i = 0; i < plan->n_steps; i++)
		if (again.steps[i].action != plan->steps[i].action ||
		    again.steps[i].container != plan->steps[i].container)
			broken(s, plan, "a second plan differs");
	plan_fini(&again);
}

static void check_nothing(const struct sweep *s, const struct plan_context *context,
			  const char *rule)
{
	struct plan plan;

	plan_object(s->cell, context, &plan);
	if (plan.n_steps || plan.gone)
		broken(s, &plan, rule);
	plan_fini(&plan);
}

static const struct plan_context looking = { .now_ms = NOW_MS,
					     .relisted = true,
					     .may_delete = true,
					     .runtime_up = true,
					     .may_begin = true };
static const struct plan_context runtime_down = { .now_ms = NOW_MS,
						  .relisted = true,
						  .may_delete = true };
static const struct plan_context not_looked = { .now_ms = NOW_MS,
						.may_delete = true,
						.runtime_up = true };
static const struct plan_context may_not_delete = { .now_ms = NOW_MS,
						    .relisted = true,
						    .runtime_up = true };

static void check_contexts(const struct sweep *s, const struct plan *plan)
{
	check_same(s, plan, &looking);
	check_nothing(s, &runtime_down, "a step while containerd is down");
	check_nothing(s, &not_looked, "a step before the first look");
	if (s->at[DIM_WISH] == WISH_NOTHING)
		check_nothing(s, &may_not_delete,
			      "a step on what is not wanted before all manifests were read");
}

static void check_combination(const struct sweep *s)
{
	const char *rule;
	struct plan plan;

	plan_object(s->cell, &looking, &plan);
	check_slots(s, &plan);
	for (size_t i = 0; i < plan.n_steps; i++)
		if ((rule = task_rule(s, &plan.steps[i])) || (rule = thing_rule(s, &plan.steps[i])))
			broken(s, &plan, rule);
	check_health(s, &plan);
	check_progress(s, &plan);
	if (s->count % CONTEXT_STRIDE == 0)
		check_contexts(s, &plan);
	plan_fini(&plan);
}

static void test_every_combination(void **state UNUSED)
{
	struct sweep s = { .root_spec = API__CONTAINER_SPEC__INIT,
			   .other_spec = API__CONTAINER_SPEC__INIT };

	unsigned stride = !IS_SLOW && getenv("KUKEON_TEST_ALL") ? 1 : STRIDE;

	s.root_spec.restart_policy = API__RESTART_POLICY__RESTART_POLICY_ON_FAILURE;
	s.other_spec.restart_policy = API__RESTART_POLICY__RESTART_POLICY_ON_FAILURE;
	s.stack = object_new("r/s/t");
	s.cell = object_new("r/s/t/web");
	s.cell->parent = s.stack;
	s.root = cell_add_container(s.cell, "root", "a");
	s.other = cell_add_container(s.cell, "b", "b");
	s.root->spec = &s.root_spec;
	strcpy(s.root->hash, "new");
	strcpy(s.other->hash, "new");
	do {
		if (s.count++ % stride)
			continue;
		set_cell(&s);
		check_combination(&s);
	} while (next(&s));
	print_message("%llu combinations\n", s.count);
	s.root->slot.busy = false;
	object_free(s.cell);
	object_free(s.stack);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_combination),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
