/* SPDX-License-Identifier: Apache-2.0 */
/* What is said about a cell and its containers: state, reason, and a message for a person. */
#include <stdio.h>

#include "core/aside/aside.h"
#include "core/plan/plan_cell.h"
#include "core/plan/restart.h"

/* It cannot be looked at. */
static bool is_unclear(const struct container *c)
{
	return c->slot.failures && c->slot.failed_action == ACTION_CONTAINER_INSPECT;
}

/* What it means for a container that an action on it failed. */
static Api__State container_trouble_state(const struct container *c)
{
	if (is_unclear(c))
		return API__STATE__STATE_UNKNOWN;
	if (c->slot.failed_action == ACTION_IMAGE_RESOLVE || c->slot.failure_code == -ASIDE_HANGS)
		return API__STATE__STATE_PENDING; /* it comes up by itself when somebody else acts
						   */
	return API__STATE__STATE_FAILED;
}

/* Why a slot is stuck on the way down. */
static void say_down_failure(struct planning *p, const struct slot *slot, const char *what)
{
	if (p->object->wanted)
		plan_say_failure(p, slot, what);
	else if (slot->failures)
		plan_say(p, API__STATE__STATE_PENDING, REASON_DELETE_FAILED, "%s%s%s", what,
			 *what ? ": " : "", slot->failure);
}

void cell_say_container_trouble(struct planning *p, const struct container *c)
{
	const struct slot *slot = &c->slot;
	Api__State state = container_trouble_state(c);

	if (!p->object->wanted)
		say_down_failure(p, slot, c->name);
	if (state == API__STATE__STATE_FAILED && !container_is_root(c))
		state = API__STATE__STATE_PENDING;
	if (slot->failures)
		plan_say(p, state, action_failure_reason(slot->failed_action, slot->failure_code),
			 "container %s: %s", c->name, slot->failure);
}

static enum reason end_reason(const struct container *c)
{
	if (!c->exit_code)
		return REASON_COMPLETED;
	return c->oom_killed ? REASON_OOM_KILLED : REASON_EXITED;
}

/* An exit that is not, or not at once, followed by a new run. */
static void say_exit(struct planning *p, const struct container *c)
{
	bool root = container_is_root(c);
	uint64_t now_ms = p->context->now_ms, at_ms = 0;
	char end[END_TEXT_BYTES];

	if (!c->spec || !c->exited || container_lives(c) || container_changed(c) ||
	    c->run != INTENT_RUN)
		return;
	container_end_text(c, end);
	switch (restart_judge(c, now_ms, &at_ms)) {
	case RESTART_DONE:
		if (c->exit_code)
			plan_say(p, API__STATE__STATE_FAILED, end_reason(c), "container %s %s",
				 c->name, end);
		else if (root)
			plan_say(p, API__STATE__STATE_STOPPED, REASON_COMPLETED,
				 "container %s completed", c->name);
		break;
	case RESTART_GAVE_UP:
		plan_say(p, API__STATE__STATE_FAILED, REASON_GAVE_UP,
			 "container %s %s and was restarted %u time%s, its limit; "
			 "'kuke start container' tries again",
			 c->name, end, c->restarts, str_s(c->restarts));
		break;
	case RESTART_LATER:
		plan_say(p, root ? API__STATE__STATE_FAILED : API__STATE__STATE_PENDING,
			 REASON_RESTART_BACK_OFF,
			 "container %s %s after %u restart%s; waits %llu s before the next",
			 c->name, end, c->restarts, str_s(c->restarts),
			 (unsigned long long)(at_ms - now_ms + 999) / 1000);
		break;
	case RESTART_DUE:
		break;
	}
}

static bool stop_asked(enum run_intent intent)
{
	return intent == INTENT_STOP || intent == INTENT_KILL;
}

/* What kuke stopped is as it shall be; so is what completed. */
static bool counts_as_up(const struct container *c, uint64_t now_ms)
{
	if (!c->spec)
		return c->task == TASK_NONE && !c->record;
	if (c->run != INTENT_RUN)
		return stop_asked(c->run) && c->task == TASK_NONE;
	if (container_changed(c))
		return false;
	return container_runs(c) ||
	       (container_is_over(c, now_ms) && c->exit_code == 0 && !container_is_root(c));
}

static bool everything_up(const struct planning *p)
{
	struct container *c;

	list_for_each(c, &p->object->cell.containers, link)
		if (!c->slot.known || !counts_as_up(c, p->context->now_ms))
			return false;
	return true;
}

/* What was killed and does not end. */
static void say_resisting(struct planning *p)
{
	struct container *c;

	list_for_each(c, &p->object->cell.containers, link)
		if (container_lives(c) && c->kills >= PLAN_KILLS_IN_VAIN)
			plan_say(
				p, API__STATE__STATE_PENDING,
				p->object->wanted ? REASON_STOP_FAILED : REASON_DELETE_FAILED,
				"container %s: process %u does not end after %u SIGKILLs; if it hangs in the "
				"kernel, /proc/%u/stack says where",
				c->name, c->pid, c->kills, c->pid);
}

/* ---- a cell that is to be up: what can be said of it, one sort each ---- */

static void say_network(struct planning *p)
{
	const struct cell *cell = &p->object->cell;

	if (!container_runs(cell_root(p->object)) || cell->attached)
		return;
	plan_say_failure(p, &cell->network, "");
	plan_say(p, API__STATE__STATE_PENDING, REASON_NETWORK_DRIFTED,
		 "its network is being mended: %s",
		 cell->drift ? cell->drift : "it is not attached");
}

static void say_rival(struct planning *p)
{
	if (p->object->cell.rival && !container_runs(cell_root(p->object)))
		plan_say(p, API__STATE__STATE_PENDING, REASON_NAME_CONFLICT, "%s",
			 p->object->cell.rival);
}

static void say_port_conflict(struct planning *p)
{
	if (p->object->cell.port_conflict)
		plan_say(p, API__STATE__STATE_PENDING, REASON_PORT_CONFLICT, "%s",
			 p->object->cell.port_conflict);
}

static void say_ready(struct planning *p)
{
	const struct cell *cell = &p->object->cell;

	if (!everything_up(p) || p->plan->n_pulls)
		return;
	if (cell->port_taken)
		plan_say(p, API__STATE__STATE_PENDING, REASON_PORT_CONFLICT, "%s",
			 cell->port_taken);
	if (!cell_has_joined(p))
		return;
	if (cell->rival)
		plan_say(p, API__STATE__STATE_READY, REASON_NAME_CONFLICT, "%s", cell->rival);
	cell_say_images_run(p);
}

static void say_failures(struct planning *p)
{
	plan_say_failure(p, &p->object->cgroup, "");
	plan_say_failure(p, &p->object->cell.network, "");
}

static void say_containers(struct planning *p)
{
	struct container *c;

	list_for_each(c, &p->object->cell.containers, link)
		cell_say_container_trouble(p, c);
	list_for_each(c, &p->object->cell.containers, link)
		say_exit(p, c);
}

static void say_parent(struct planning *p)
{
	const struct object *parent = p->object->parent;

	if (!parent || !object_is_usable(parent))
		plan_say(p, API__STATE__STATE_PENDING, REASON_PARENT_NOT_READY,
			 "%s %s is not ready", parent ? kind_name(parent->kind) : "Stack",
			 parent ? parent->key : "");
}

static void say_not_placed(struct planning *p)
{
	const struct object *object = p->object;

	if (cell_is_not_placed(object))
		plan_say(p, API__STATE__STATE_PENDING, REASON_RANGE_OVERLAPS,
			 "not placed where it could not be reached: space %s: %s",
			 object->parent->parent->key, object->parent->parent->backing.overlap);
}

static void say_stopping(struct planning *p)
{
	struct container *c;

	list_for_each(c, &p->object->cell.containers, link)
		if (stop_asked(c->run) && c->task != TASK_NONE)
			plan_say(p, API__STATE__STATE_READY, REASON_STOPPING,
				 "container %s is being stopped", c->name);
}

static void say_updating(struct planning *p)
{
	struct container *c;

	list_for_each(c, &p->object->cell.containers, link)
		if (container_lives(c) && container_changed(c))
			plan_say(p, API__STATE__STATE_PENDING, REASON_UPDATING,
				 "container %s gets its new spec", c->name);
}

static void say_waiting(struct planning *p)
{
	if (p->plan->waits)
		plan_say(p, API__STATE__STATE_PENDING, REASON_WAITING_ITS_TURN,
			 "many cells come up at once; it is started when some of them have");
}

static void say_restarting(struct planning *p)
{
	struct container *c;

	if (cell_intent(p->object) == INTENT_RESTART)
		plan_say(p, API__STATE__STATE_PENDING, REASON_RESTARTING,
			 "being restarted by request");
	list_for_each(c, &p->object->cell.containers, link)
		if (c->exited || c->run == INTENT_RESTART)
			plan_say(p, API__STATE__STATE_PENDING, REASON_RESTARTING,
				 "container %s ended and is being started again", c->name);
}

static void say_creating(struct planning *p)
{
	plan_say(p, API__STATE__STATE_PENDING, REASON_CREATING, "being created");
}

/* The first that has something to say is heard. */
static const struct {
	void (*say)(struct planning *p);
	bool recycled; /* also of one whose incarnation is over */
} up_words[] = {
	/* clang-format off */
	{ say_network, false }, /* lost while it runs */
	{ say_rival, false },
	{ say_port_conflict, false },
	{ say_ready, false },
	{ say_resisting, true }, /* killed, and alive */
	{ say_failures, true },
	{ say_containers, true }, /* what failed, how they ended */
	{ cell_say_pulls, false },
	{ say_parent, true },
	{ say_not_placed, false },
	{ cell_say_joins, false },
	{ say_stopping, true }, /* what is under way */
	{ say_updating, true },
	{ say_waiting, true },
	{ say_restarting, true },
	{ say_creating, true },
	/* clang-format on */
};

void cell_say_up(struct planning *p, enum cell_mode mode)
{
	for (size_t i = 0; i < ARRAY_SIZE(up_words) && !plan_has_reason(p); i++)
		if (mode == MODE_UP || up_words[i].recycled)
			up_words[i].say(p);
}

void cell_say_down(struct planning *p)
{
	const struct object *object = p->object;
	const struct container *root = cell_root(object);
	bool lives = cell_others_live(object) || (root && container_lives(root));
	struct container *c;

	say_resisting(p);
	list_for_each(c, &object->cell.containers, link)
		say_down_failure(p, &c->slot, c->name);
	say_down_failure(p, &object->cell.network, "");
	say_down_failure(p, &object->cgroup, "");
	if (!object->wanted)
		plan_say(p, API__STATE__STATE_PENDING, REASON_DELETING, "%s",
			 lives ? "its containers are being stopped" : "being deleted");
	if (stop_asked(cell_intent(object)) && lives)
		plan_say(p, API__STATE__STATE_PENDING, REASON_STOPPING,
			 "its containers are being stopped");
	if (stop_asked(cell_intent(object)) && !root)
		plan_say(p, API__STATE__STATE_STOPPED, REASON_STOP_REQUESTED, "stopped by request");
	if (stop_asked(cell_intent(object)))
		plan_say(p, API__STATE__STATE_STOPPED, REASON_STOP_REQUESTED,
			 object->cell.run
				 ? "stopped by request; 'kuke start cell %s' brings it back"
				 : "its root container was stopped by request; 'kuke start "
				   "container %s' brings it back",
			 object->cell.run ? key_name(object->key) : root->name);
	plan_say(p, API__STATE__STATE_PENDING, REASON_NO_CONTAINERS, "it has no containers");
}

/* ---- one container, for status ---- */

static const struct {
	Api__State state;
	const char *message;
} task_states[] = {
	[TASK_RUNNING] = { API__STATE__STATE_READY, "" },
	[TASK_PAUSED] = { API__STATE__STATE_PAUSED, "its task is frozen" },
	[TASK_PAUSING] = { API__STATE__STATE_PAUSING, "its task is being frozen" },
};

static void say_ended(const struct container *c, const struct plan_context *context,
		      struct container_state *ret)
{
	enum restart_verdict verdict;
	char end[END_TEXT_BYTES];
	uint64_t at_ms = 0;

	ret->state =
		c->exit_code && !c->stopping ? API__STATE__STATE_FAILED : API__STATE__STATE_STOPPED;
	ret->reason = end_reason(c);
	container_end_text(c, end);
	verdict = c->spec ? restart_judge(c, context->now_ms, &at_ms) : RESTART_DONE;
	if (verdict == RESTART_LATER && !c->oom_killed)
		ret->reason = REASON_RESTART_BACK_OFF;
	if (verdict == RESTART_GAVE_UP && !c->oom_killed)
		ret->reason = REASON_GAVE_UP;
	snprintf(ret->message, sizeof(ret->message), "%s%s", end,
		 c->oom_killed ? "; raise its memory limit, or find out what takes the memory"
			       : "");
}

/* Of its own, or of its cell. */
static bool stopped_by_request(const struct container *c)
{
	return stop_asked(c->run) || stop_asked(cell_intent(c->object));
}

void plan_container_state(const struct container *c, const struct plan_context *context,
			  struct container_state *ret_state)
{
	*ret_state = (struct container_state){ .state = API__STATE__STATE_PENDING,
					       .reason = REASON_CREATING };
	if (!context->runtime_up || !context->relisted) {
		ret_state->state = API__STATE__STATE_UNKNOWN;
		ret_state->reason = REASON_RUNTIME_UNAVAILABLE;
	} else if (container_lives(c) && !c->spec) {
		ret_state->reason = REASON_DELETING;
		snprintf(ret_state->message, sizeof(ret_state->message),
			 "its process ends: the cell does not have it any more");
	} else if (container_runs_another(c)) {
		ret_state->reason = REASON_UPDATING;
		snprintf(ret_state->message, sizeof(ret_state->message),
			 "it takes the place of container %s, whose process ends before",
			 c->seen_name);
	} else if (container_runs(c) && !is_unclear(c)) {
		ret_state->state = task_states[c->task].state;
		ret_state->reason = REASON_NONE;
		snprintf(ret_state->message, sizeof(ret_state->message), "%s",
			 task_states[c->task].message);
	} else if (c->pull.pull) {
		ret_state->reason = pull_reason(c->pull.pull);
		pull_text(c->pull.pull, ret_state->message, sizeof(ret_state->message));
	} else if (c->slot.failures) {
		ret_state->state = container_trouble_state(c);
		ret_state->reason =
			action_failure_reason(c->slot.failed_action, c->slot.failure_code);
		str_fit(ret_state->message, sizeof(ret_state->message), c->slot.failure);
	} else if (stopped_by_request(c) && !container_lives(c)) {
		ret_state->state = API__STATE__STATE_STOPPED;
		ret_state->reason = REASON_STOP_REQUESTED;
		snprintf(ret_state->message, sizeof(ret_state->message), "stopped by request");
	} else if (c->exited && c->task != TASK_CREATED) {
		say_ended(c, context, ret_state);
	}
}
