/* SPDX-License-Identifier: Apache-2.0 */
#include "core/status/tell.h"
#include "core/base/version.h"

#include <stdarg.h>
#include <stdio.h>

#include "core/base/wall.h"
#include "core/events/history.h"
#include "core/model/diff.h"
#include "core/plan/plan.h"
#include "core/plan/restart.h"
#include "core/status/status.h"

enum { CHANGES_SHOWN = 8, SIGNAL_BASE = 128 };

static const char *const names[TELL_REASON_COUNT] = {
	[TELL_DAEMON_STARTED] = "DaemonStarted",
	[TELL_DAEMON_STOPPED] = "DaemonStopped",
	[TELL_RUNTIME_CONNECTED] = "RuntimeConnected",
	[TELL_DECLARED] = "Declared",
	[TELL_NO_LONGER_DECLARED] = "NoLongerDeclared",
	[TELL_HELD] = "Held",
	[TELL_CREATE_REQUESTED] = "CreateRequested",
	[TELL_UPDATE_REQUESTED] = "UpdateRequested",
	[TELL_DELETE_REQUESTED] = "DeleteRequested",
	[TELL_START_REQUESTED] = "StartRequested",
	[TELL_STOP_REQUESTED] = "StopRequested",
	[TELL_KILL_REQUESTED] = "KillRequested",
	[TELL_RESTART_REQUESTED] = "RestartRequested",
	[TELL_PURGE_REQUESTED] = "PurgeRequested",
	[TELL_STARTED] = "Started",
	[TELL_NOT_RESTARTED] = "NotRestarted",
	[TELL_DELETED] = "Deleted",
	[TELL_FILTER_RESTORED] = "FilterRestored",
	[TELL_FILTER_CONTESTED] = "FilterContested",
	[TELL_FORWARDING_RESTORED] = "ForwardingRestored",
	[TELL_FORWARDING_OFF] = "ForwardingOff",
	[TELL_EVENTS_MISSED] = "EventsMissed",
};

const char *tell_reason_name(enum tell_reason reason)
{
	check(reason < TELL_REASON_COUNT && names[reason]);
	return names[reason];
}

/* ACT: somebody did something. */
enum tone { NORMAL, WARNING, ACT };

static void add(struct engine *engine, const char *key, enum tone tone, const char *reason,
		const char *message, bool again)
{
	const struct event_source source = {
		.key = key,
		.reason = reason,
		.message = message,
		.warning = tone == WARNING,
		.begins = tone == ACT,
		.again = again,
		.now_ms = wall_now_ms(),
	};

	history_add(&engine->history, &source);
}

PRINTF_LIKE(5, 6)
static void tell(struct engine *engine, const char *key, enum tone tone, const char *reason,
		 const char *fmt, ...)
{
	char message[EVENT_MESSAGE_MAX_BYTES];
	va_list args;

	va_start(args, fmt);
	str_vprint(message, sizeof(message), fmt, args);
	va_end(args);
	add(engine, key, tone, reason, message, false);
}

/* ---- the daemon ---- */

void tell_daemon_started(struct engine *engine)
{
	tell(engine, "", ACT, names[TELL_DAEMON_STARTED], "kukeond %s has started", kukeon_version);
}

void tell_daemon_stopped(struct engine *engine, const char *why)
{
	tell(engine, "", ACT, names[TELL_DAEMON_STOPPED],
	     "kukeond is stopping (%s); the cells go on running", why);
}

void tell_runtime_up(struct engine *engine)
{
	tell(engine, "", NORMAL, names[TELL_RUNTIME_CONNECTED], "containerd is connected");
}

void tell_runtime_down(struct engine *engine, const struct error *why)
{
	tell(engine, "", WARNING, reason_name(REASON_RUNTIME_UNAVAILABLE),
	     "containerd cannot be asked: %s", why->msg);
}

void tell_filter(struct engine *engine, enum tell_reason reason)
{
	if (reason == TELL_FILTER_RESTORED)
		tell(engine, "", NORMAL, names[reason],
		     "another hand changed the packet filter; it is put back");
	else
		tell(engine, "", WARNING, names[reason],
		     "another tool changes the packet filter again and again; it is put back "
		     "within a second each time: see nft monitor");
}

void tell_forwarding(struct engine *engine, enum tell_reason reason, const char *words)
{
	tell(engine, "", WARNING, names[reason], "%s", words);
}

void tell_filter_failed(struct engine *engine, const struct error *why)
{
	tell(engine, "", WARNING, reason_name(REASON_FILTER_FAILED), "%s", why->msg);
}

/* ---- what is wanted ---- */

/* "spec.args, spec.env": paths, never values. */
static void add_paths(char *const *paths, size_t n, struct buf *out)
{
	for (size_t i = 0; i < n && i < CHANGES_SHOWN; i++)
		buf_printf(out, "%s%s", i ? ", " : "", paths[i]);
	if (n > CHANGES_SHOWN)
		buf_printf(out, " and %zu more", n - CHANGES_SHOWN);
}

void tell_declared(struct engine *engine, const char *key, const char *file,
		   const ProtobufCMessage *before, const ProtobufCMessage *now)
{
	struct strv paths AUTO(strv_fini) = { 0 };
	AUTO_BUF struct buf changed = { 0 };

	if (!before) {
		tell(engine, key, ACT, names[TELL_DECLARED], "declared by %s", file);
		return;
	}
	model_diff(before, now, &paths);
	if (!paths.n)
		return;
	add_paths(paths.items, paths.n, &changed);
	tell(engine, key, ACT, names[TELL_DECLARED], "changed by %s: %s", file, changed.data);
}

void tell_no_longer_declared(struct engine *engine, const char *key, const char *file)
{
	tell(engine, key, ACT, names[TELL_NO_LONGER_DECLARED], "no longer declared by %s", file);
}

void tell_held(struct engine *engine, const char *key, const char *why)
{
	tell(engine, key, WARNING, names[TELL_HELD], "held, not deleted: %s; kuke prune lets it go",
	     why);
}

void tell_request(struct engine *engine, enum tell_reason reason, const char *key, uid_t uid,
		  char *const *changes, size_t n_changes)
{
	static const char *const verbs[TELL_REASON_COUNT] = {
		[TELL_CREATE_REQUESTED] = "create",   [TELL_UPDATE_REQUESTED] = "change",
		[TELL_DELETE_REQUESTED] = "delete",   [TELL_START_REQUESTED] = "start",
		[TELL_STOP_REQUESTED] = "stop",       [TELL_KILL_REQUESTED] = "kill",
		[TELL_RESTART_REQUESTED] = "restart", [TELL_PURGE_REQUESTED] = "delete everything",
	};

	AUTO_BUF struct buf changed = { 0 };

	check(verbs[reason]);
	add_paths(changes, n_changes, &changed);
	tell(engine, key, ACT, names[reason], "user %u asked to %s%s%s%s", (unsigned)uid,
	     verbs[reason], *key ? " it" : "", n_changes ? ": " : "",
	     n_changes ? changed.data : "");
}

/* ---- objects ---- */

static bool is_trouble(enum reason reason)
{
	switch (reason) {
	case REASON_NONE:
	case REASON_STARTING:
	case REASON_PARENT_NOT_READY:
	case REASON_CREATING:
	case REASON_UPDATING:
	case REASON_RESTARTING:
	case REASON_SPACE_NOT_READY:
	case REASON_NO_CONTAINERS:
	case REASON_STOPPING:
	case REASON_DELETING:
	case REASON_COMPLETED:
	case REASON_STOP_REQUESTED:
		return false;
	default:
		return true;
	}
}

static const char *state_name(Api__State state)
{
	return protobuf_c_enum_descriptor_get_value(&api__state__descriptor, (int)state)->name;
}

/* That nobody can know the state is told once, of the daemon. That a layer above an object is not
 * Ready is told of the layer, unless the object is new. A layer that was made is made sure of again
 * by each daemon. */
static bool is_worth_telling(enum kind kind, const struct object_status *status,
			     const struct plan *plan)
{
	if (plan->state == API__STATE__Unknown)
		return false;
	if (status->told && plan->reason == REASON_PARENT_NOT_READY)
		return false;
	if (status->told && status->told_state == API__STATE__Ready && kind != KIND_CELL &&
	    plan->reason == REASON_CREATING)
		return false;
	return !status->told || status->told_state != plan->state ||
	       status->told_reason != plan->reason;
}

void tell_state(struct engine *engine, struct object *object, const struct plan *plan)
{
	struct object_status *status = &object->status;
	AUTO_FREE char *text = NULL;
	const char *reason = plan->reason ? reason_name(plan->reason) : state_name(plan->state),
		   *message = plan->message;
	enum tone tone =
		plan->state == API__STATE__Failed || is_trouble(plan->reason) ? WARNING : NORMAL;

	if (object->kind == KIND_CONTAINER || !is_worth_telling(object->kind, status, plan))
		return;
	status->told = true;
	status->told_state = plan->state;
	status->told_reason = plan->reason;
	/* How long and how often is told of the container: this one repeats. */
	if (plan->reason == REASON_RESTART_BACK_OFF)
		message = "a container that ended is started again after a pause";
	text = xasprintf("is %s%s%s", state_name(plan->state), *message ? ": " : "", message);
	add(engine, object->key, tone, reason, text, status->told_before);
	status->told_before = false;
}

void tell_deleted(struct engine *engine, const struct object *object)
{
	if (object->spec)
		tell(engine, object->key, NORMAL, names[TELL_DELETED], "is deleted");
}

/* ---- containers ---- */

PRINTF_LIKE(5, 6)
static void tell_container(struct engine *engine, const struct container *c, enum tone tone,
			   const char *reason, const char *fmt, ...)
{
	AUTO_FREE char *key = xasprintf("%s/%s", c->object->key, c->name);
	char message[EVENT_MESSAGE_MAX_BYTES];
	va_list args;

	va_start(args, fmt);
	str_vprint(message, sizeof(message), fmt, args);
	va_end(args);
	tell(engine, key, tone, reason, "%s", message);
}

void tell_failure(struct engine *engine, const struct object *object,
		  const struct container *container, enum action action, const struct error *err)
{
	const char *reason = reason_name(action_failure_reason(action, err->code));

	if (container)
		tell_container(engine, container, WARNING, reason, "%s: %s", action_name(action),
			       err->msg);
	else
		tell(engine, object->key, WARNING, reason, "%s: %s", action_name(action), err->msg);
}

/* It shall run, as its cell shall. */
static bool shall_run(const struct container *c)
{
	return c->spec && c->object->wanted && c->run == INTENT_RUN &&
	       cell_intent(c->object) == INTENT_RUN;
}

void tell_step(struct engine *engine, const struct plan_step *step)
{
	const struct container *c = step->container;

	if (step->action == ACTION_SHIM_KILL)
		tell_container(
			engine, c, WARNING, reason_name(REASON_RUNTIME_UNAVAILABLE),
			"its shim answers nobody, and nothing it serves lives: it is killed");
	if ((step->action != ACTION_TASK_STOP && step->action != ACTION_TASK_KILL) || c->stopping ||
	    !shall_run(c) || str_equal(c->seen_hash, c->hash))
		return;
	tell_container(engine, c, NORMAL, reason_name(REASON_UPDATING),
		       "is replaced: its spec has changed");
}

void tell_started(struct engine *engine, const struct container *c)
{
	tell_container(engine, c, NORMAL, names[TELL_STARTED], "runs");
}

static void tell_decision(struct engine *engine, const struct container *c)
{
	uint64_t now_ms = loop_now_ms(engine->loop), at_ms = 0;

	switch (restart_judge(c, now_ms, &at_ms)) {
	case RESTART_DUE:
		tell_container(engine, c, NORMAL, reason_name(REASON_RESTARTING), "%s",
			       container_is_root(c) ? "the cell is taken down and started again now"
						    : "is started again now");
		break;
	case RESTART_LATER:
		tell_container(engine, c, WARNING, reason_name(REASON_RESTART_BACK_OFF),
			       "is started again in %llu s",
			       (unsigned long long)(at_ms - now_ms + 999) / 1000);
		break;
	case RESTART_DONE:
		tell_container(engine, c, c->exit_code ? WARNING : NORMAL,
			       names[TELL_NOT_RESTARTED],
			       "is not started again: its restart policy is %s",
			       c->spec->restart_policy ? c->spec->restart_policy : "always");
		break;
	case RESTART_GAVE_UP:
		tell_container(engine, c, WARNING, reason_name(REASON_GAVE_UP),
			       "is not started again: it was %u time%s, its limit", c->restarts,
			       str_s(c->restarts));
		break;
	}
}

void tell_exit(struct engine *engine, const struct container *c, bool unseen)
{
	const char *asked = c->stopping ? ", as asked" : "";
	const char *reason = reason_name(c->oom_killed ? REASON_OOM_KILLED : REASON_EXITED);
	const char *how = c->oom_killed ? "ran out of memory and " : "";
	enum tone tone = c->exit_code && !c->stopping ? WARNING : NORMAL;
	int number = (int)c->exit_code - SIGNAL_BASE;

	if (unseen)
		tell_container(engine, c, tone, reason, "ended unseen: nobody knows its exit code");
	else if (number > 0 && sigabbrev_np(number))
		tell_container(engine, c, tone, reason, "%sexited with code %u, by SIG%s%s", how,
			       c->exit_code, sigabbrev_np(number), asked);
	else
		tell_container(engine, c, tone, reason, "%sexited with code %u%s", how,
			       c->exit_code, asked);
	if (!c->stopping && shall_run(c))
		tell_decision(engine, c);
}
