/* SPDX-License-Identifier: Apache-2.0 */
#include "core/status/record.h"

#include <stdarg.h>
#include <stdio.h>

#include "core/base/version.h"
#include "core/base/wall.h"
#include "core/events/history.h"
#include "core/model/naming.h"
#include "core/plan/plan.h"
#include "core/plan/restart.h"
#include "core/status/diff.h"
#include "core/status/status.h"
#include "core/status/trouble.h"

enum { CHANGES_SHOWN = 8, IMAGES_SHOWN = 8, SIGNAL_BASE = 128 };

static const char *const names[RECORD_REASON_COUNT] = {
	[RECORD_DAEMON_STARTED] = "DaemonStarted",
	[RECORD_DAEMON_STOPPED] = "DaemonStopped",
	[RECORD_RUNTIME_CONNECTED] = "RuntimeConnected",
	[RECORD_DECLARED] = "Declared",
	[RECORD_NO_LONGER_DECLARED] = "NoLongerDeclared",
	[RECORD_HELD] = "Held",
	[RECORD_CREATE_REQUESTED] = "CreateRequested",
	[RECORD_UPDATE_REQUESTED] = "UpdateRequested",
	[RECORD_DELETE_REQUESTED] = "DeleteRequested",
	[RECORD_START_REQUESTED] = "StartRequested",
	[RECORD_STOP_REQUESTED] = "StopRequested",
	[RECORD_KILL_REQUESTED] = "KillRequested",
	[RECORD_RESTART_REQUESTED] = "RestartRequested",
	[RECORD_PURGE_REQUESTED] = "PurgeRequested",
	[RECORD_STARTED] = "Started",
	[RECORD_NOT_RESTARTED] = "NotRestarted",
	[RECORD_DELETED] = "Deleted",
	[RECORD_FILTER_RESTORED] = "FilterRestored",
	[RECORD_FILTER_CONTESTED] = "FilterContested",
	[RECORD_IMAGES_REMOVED] = "ImagesRemoved",
	[RECORD_IMAGE_UPDATE_FOUND] = "ImageUpdateFound",
	[RECORD_IMAGE_UPDATED] = "ImageUpdated",
	[RECORD_IMAGE_ROLLED_BACK] = "ImageRolledBack",
	[RECORD_FORWARDING_RESTORED] = "ForwardingRestored",
	[RECORD_FORWARDING_OFF] = "ForwardingOff",
	[RECORD_EVENTS_MISSED] = "EventsMissed",
};

const char *record_reason_name(enum record_reason reason)
{
	check(reason < RECORD_REASON_COUNT && names[reason]);
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
static void record(struct engine *engine, const char *key, enum tone tone, const char *reason,
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

void record_daemon_started(struct engine *engine)
{
	record(engine, "", ACT, names[RECORD_DAEMON_STARTED], "kukeond %s has started",
	       kukeon_version);
}

void record_daemon_stopped(struct engine *engine, const char *why)
{
	record(engine, "", ACT, names[RECORD_DAEMON_STOPPED],
	       "kukeond is stopping (%s); the cells go on running", why);
}

void record_runtime_up(struct engine *engine)
{
	record(engine, "", NORMAL, names[RECORD_RUNTIME_CONNECTED], "containerd is connected");
}

void record_runtime_down(struct engine *engine, const struct error *why)
{
	record(engine, "", WARNING, reason_name(REASON_RUNTIME_UNAVAILABLE),
	       "containerd cannot be asked: %s", why->msg);
}

void record_filter(struct engine *engine, enum record_reason reason)
{
	if (reason == RECORD_FILTER_RESTORED)
		record(engine, "", NORMAL, names[reason],
		       "another hand changed the packet filter; it is put back");
	else
		record(engine, "", WARNING, names[reason],
		       "another tool changes the packet filter again and again; it is put back "
		       "within a second each time: see nft monitor");
}

void record_forwarding(struct engine *engine, enum record_reason reason, const char *words)
{
	record(engine, "", WARNING, names[reason], "%s", words);
}

void record_filter_failed(struct engine *engine, const struct error *why)
{
	record(engine, "", WARNING, reason_name(REASON_FILTER_FAILED), "%s", why->msg);
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

void record_declared(struct engine *engine, const char *key, const char *file,
		     const ProtobufCMessage *before, const ProtobufCMessage *now)
{
	struct strv paths AUTO(strv_fini) = { 0 };
	AUTO_BUF struct buf changed = { 0 };

	if (!before) {
		record(engine, key, ACT, names[RECORD_DECLARED], "declared by %s", file);
		return;
	}
	model_diff(before, now, &paths);
	if (!paths.n)
		return;
	add_paths(paths.items, paths.n, &changed);
	record(engine, key, ACT, names[RECORD_DECLARED], "changed by %s: %s", file, changed.data);
}

void record_no_longer_declared(struct engine *engine, const char *key, const char *file)
{
	record(engine, key, ACT, names[RECORD_NO_LONGER_DECLARED], "no longer declared by %s",
	       file);
}

void record_held(struct engine *engine, const char *key, const char *why)
{
	record(engine, key, WARNING, names[RECORD_HELD],
	       "held, not deleted: %s; kuke prune lets it go", why);
}

void record_images_removed(struct engine *engine, const char *realm, char *const *images, size_t n,
			   uint64_t bytes)
{
	AUTO_BUF struct buf text = { 0 };

	for (size_t i = 0; i < n && i < IMAGES_SHOWN; i++)
		buf_printf(&text, "%s%s", i ? ", " : "", images[i]);
	if (n > IMAGES_SHOWN)
		buf_printf(&text, " and %zu more", n - IMAGES_SHOWN);
	record(engine, realm, NORMAL, record_reason_name(RECORD_IMAGES_REMOVED),
	       "%zu image%s that no cell uses removed, %llu MiB: %s", n, str_s(n),
	       (unsigned long long)(bytes >> 20), text.data);
}

void record_image_update(struct engine *engine, enum record_reason reason,
			 const struct container *container, const char *why)
{
	const struct image_update *update = &container->update;
	const char *key = container->object->key, *name = container->name;

	if (reason == RECORD_IMAGE_UPDATE_FOUND)
		record(engine, key, NORMAL, names[reason],
		       "container %s: %s stands for %s now, not for %s: it is made anew", name,
		       update->image, update->to, update->from);
	else if (reason == RECORD_IMAGE_UPDATED)
		record(engine, key, NORMAL, names[reason], "container %s: Ready with %s of %s",
		       name, update->to, update->image);
	else
		record(engine, key, WARNING, names[reason],
		       "container %s: not Ready with %s of %s (%s): it goes back to %s", name,
		       update->to, update->image, why, update->from);
}

void record_request(struct engine *engine, enum record_reason reason, const char *key, uid_t uid,
		    char *const *changes, size_t n_changes)
{
	static const char *const verbs[RECORD_REASON_COUNT] = {
		[RECORD_CREATE_REQUESTED] = "create",
		[RECORD_UPDATE_REQUESTED] = "change",
		[RECORD_DELETE_REQUESTED] = "delete",
		[RECORD_START_REQUESTED] = "start",
		[RECORD_STOP_REQUESTED] = "stop",
		[RECORD_KILL_REQUESTED] = "kill",
		[RECORD_RESTART_REQUESTED] = "restart",
		[RECORD_PURGE_REQUESTED] = "delete everything",
	};

	AUTO_BUF struct buf changed = { 0 };

	check(verbs[reason]);
	add_paths(changes, n_changes, &changed);
	record(engine, key, ACT, names[reason], "user %u asked to %s%s%s%s", (unsigned)uid,
	       verbs[reason], *key ? " it" : "", n_changes ? ": " : "",
	       n_changes ? changed.data : "");
}

/* ---- objects ---- */

/* That nobody can know the state is told once, of the daemon. That a layer above an object is not
 * Ready is told of the layer, unless the object is new. A layer that was made is made sure of again
 * by each daemon. */
static bool is_worth_recording(enum kind kind, const struct object_status *status,
			       const struct plan *plan)
{
	if (plan->state == API__STATE__STATE_UNKNOWN)
		return false;
	if (status->told && plan->reason == REASON_PARENT_NOT_READY)
		return false;
	if (status->told && status->told_state == API__STATE__STATE_READY && kind != KIND_CELL &&
	    plan->reason == REASON_CREATING)
		return false;
	return !status->told || status->told_state != plan->state ||
	       status->told_reason != plan->reason;
}

void record_state(struct engine *engine, struct object *object, const struct plan *plan)
{
	struct object_status *status = &object->status;
	AUTO_FREE char *text = NULL;
	const struct field_name state = model_state_name(plan->state);
	const char *reason = plan->reason ? reason_name(plan->reason) : state.text,
		   *message = plan->message;
	enum tone tone = plan->state == API__STATE__STATE_FAILED || reason_is_trouble(plan->reason)
				 ? WARNING
				 : NORMAL;

	if (object->kind == KIND_CONTAINER || !is_worth_recording(object->kind, status, plan))
		return;
	status->told = true;
	status->told_state = plan->state;
	status->told_reason = plan->reason;
	/* How long and how often is told of the container: this one repeats. */
	if (plan->reason == REASON_RESTART_BACK_OFF)
		message = "a container that ended is started again after a pause";
	text = xasprintf("is %s%s%s", state.text, *message ? ": " : "", message);
	add(engine, object->key, tone, reason, text, status->told_before);
	status->told_before = false;
}

void record_deleted(struct engine *engine, const struct object *object)
{
	if (object->spec)
		record(engine, object->key, NORMAL, names[RECORD_DELETED], "is deleted");
}

/* ---- containers ---- */

PRINTF_LIKE(5, 6)
static void record_container(struct engine *engine, const struct container *c, enum tone tone,
			     const char *reason, const char *fmt, ...)
{
	AUTO_FREE char *key = xasprintf("%s/%s", c->object->key, c->name);
	char message[EVENT_MESSAGE_MAX_BYTES];
	va_list args;

	va_start(args, fmt);
	str_vprint(message, sizeof(message), fmt, args);
	va_end(args);
	record(engine, key, tone, reason, "%s", message);
}

void record_failure(struct engine *engine, const struct object *object,
		    const struct container *container, enum action action, const struct error *err)
{
	const char *reason = reason_name(action_failure_reason(action, err->code));

	if (container)
		record_container(engine, container, WARNING, reason, "%s: %s", action_name(action),
				 err->msg);
	else
		record(engine, object->key, WARNING, reason, "%s: %s", action_name(action),
		       err->msg);
}

/* It shall run, as its cell shall. */
static bool shall_run(const struct container *c)
{
	return c->spec && c->object->wanted && c->run == INTENT_RUN &&
	       cell_intent(c->object) == INTENT_RUN;
}

void record_step(struct engine *engine, const struct plan_step *step)
{
	const struct container *c = step->container;

	if (step->action == ACTION_SHIM_KILL)
		record_container(
			engine, c, WARNING, reason_name(REASON_RUNTIME_UNAVAILABLE),
			"its shim answers nobody, and nothing it serves lives: it is killed");
	if ((step->action != ACTION_TASK_STOP && step->action != ACTION_TASK_KILL) || c->stopping ||
	    !shall_run(c) || str_equal(c->seen_hash, c->hash))
		return;
	record_container(engine, c, NORMAL, reason_name(REASON_UPDATING),
			 "is replaced: its spec has changed");
}

void record_started(struct engine *engine, const struct container *c)
{
	record_container(engine, c, NORMAL, names[RECORD_STARTED], "runs");
}

static void record_decision(struct engine *engine, const struct container *c)
{
	uint64_t now_ms = loop_now_ms(engine->loop), at_ms = 0;

	switch (restart_judge(c, now_ms, &at_ms)) {
	case RESTART_DUE:
		record_container(engine, c, NORMAL, reason_name(REASON_RESTARTING), "%s",
				 container_is_root(c)
					 ? "the cell is taken down and started again now"
					 : "is started again now");
		break;
	case RESTART_LATER:
		record_container(engine, c, WARNING, reason_name(REASON_RESTART_BACK_OFF),
				 "is started again in %llu s",
				 (unsigned long long)(at_ms - now_ms + 999) / 1000);
		break;
	case RESTART_DONE:
		record_container(engine, c, c->exit_code ? WARNING : NORMAL,
				 names[RECORD_NOT_RESTARTED],
				 "is not started again: its restart policy is %s",
				 naming_of_number(&api__restart_policy__descriptor,
						  (int)c->spec->restart_policy)
					 .text);
		break;
	case RESTART_GAVE_UP:
		record_container(engine, c, WARNING, reason_name(REASON_GAVE_UP),
				 "is not started again: it was %u time%s, its limit", c->restarts,
				 str_s(c->restarts));
		break;
	}
}

void record_exit(struct engine *engine, const struct container *c, bool unseen)
{
	const char *asked = c->stopping ? ", as asked" : "";
	const char *reason = reason_name(c->oom_killed ? REASON_OOM_KILLED : REASON_EXITED);
	const char *how = c->oom_killed ? "ran out of memory and " : "";
	enum tone tone = c->exit_code && !c->stopping ? WARNING : NORMAL;
	int number = (int)c->exit_code - SIGNAL_BASE;

	if (unseen)
		record_container(engine, c, tone, reason,
				 "ended unseen: nobody knows its exit code");
	else if (number > 0 && sigabbrev_np(number))
		record_container(engine, c, tone, reason, "%sexited with code %u, by SIG%s%s", how,
				 c->exit_code, sigabbrev_np(number), asked);
	else
		record_container(engine, c, tone, reason, "%sexited with code %u%s", how,
				 c->exit_code, asked);
	if (!c->stopping && shall_run(c))
		record_decision(engine, c);
}
