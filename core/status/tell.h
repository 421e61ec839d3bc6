/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is told to the history (core/events/history.h), in words: one function per sort of event,
 * called where it happens. The codes are those of core/state/reason.h and the ones below; both are
 * a contract.
 */
#pragma once

#include "core/plan/plan.h"
#include "core/state/engine.h"

/* The comments are the manual of kuke events. */
enum tell_reason {
	/* kukeond has started. */
	TELL_DAEMON_STARTED,
	/* kukeond was asked to end. A start without it: it was killed, or the host went down. */
	TELL_DAEMON_STOPPED,
	/* containerd answers. */
	TELL_RUNTIME_CONNECTED,
	/* A manifest declares the object, or declares it differently from now on. */
	TELL_DECLARED,
	/* The manifest does not declare it any more, and its grace is over. */
	TELL_NO_LONGER_DECLARED,
	/* It has lost its declaration in a way that is not believed: it stays, see kuke prune. */
	TELL_HELD,
	/* Somebody asked over the API to ... */
	TELL_CREATE_REQUESTED,
	TELL_UPDATE_REQUESTED,
	TELL_DELETE_REQUESTED,
	TELL_START_REQUESTED,
	TELL_STOP_REQUESTED,
	TELL_KILL_REQUESTED,
	TELL_RESTART_REQUESTED,
	TELL_PURGE_REQUESTED,
	/* Its process runs. */
	TELL_STARTED,
	/* Its process has ended, and its restart policy wants no further run. */
	TELL_NOT_RESTARTED,
	/* Nothing of it is left. */
	TELL_DELETED,
	/* Another hand changed the packet filter's rules; they were put back. */
	TELL_FILTER_RESTORED,
	/*
	 * Another tool changes the packet filter's rules again and again; they are put back within
	 * a second each time. Find the tool, and teach it to leave the table of this name alone.
	 */
	TELL_FILTER_CONTESTED,
	/* The reader was too slow; in streams of the API only. */
	TELL_FORWARDING_RESTORED,
	TELL_FORWARDING_OFF,
	TELL_EVENTS_MISSED,
	TELL_REASON_COUNT,
};

/* "DaemonStarted" */
const char *tell_reason_name(enum tell_reason reason);

void tell_daemon_started(struct engine *engine);
void tell_daemon_stopped(struct engine *engine, const char *why);
void tell_runtime_up(struct engine *engine);
void tell_runtime_down(struct engine *engine, const struct error *why);

void tell_filter(struct engine *engine, enum tell_reason reason);
void tell_forwarding(struct engine *engine, enum tell_reason reason, const char *words);
void tell_filter_failed(struct engine *engine, const struct error *why);

/* @before: what the same file declared until now, NULL when nothing. */
void tell_declared(struct engine *engine, const char *key, const char *file,
		   const ProtobufCMessage *before, const ProtobufCMessage *now);
void tell_no_longer_declared(struct engine *engine, const char *key, const char *file);
void tell_held(struct engine *engine, const char *key, const char *why);

/* @key "" for everything. @changes: paths of the fields that change. */
void tell_request(struct engine *engine, enum tell_reason reason, const char *key, uid_t uid,
		  char *const *changes, size_t n_changes);

/* The state that the planner says, when it is another than the one that was told last. */
void tell_state(struct engine *engine, struct object *object, const struct plan *plan);
void tell_deleted(struct engine *engine, const struct object *object);

/* An action failed, not the same way as the time before. */
void tell_failure(struct engine *engine, const struct object *object,
		  const struct container *container, enum action action, const struct error *err);

/* An action begins: says what it means for a container, if it is a decision. */
void tell_step(struct engine *engine, const struct plan_step *step);

/* A run has begun; has ended (@unseen: nobody knows how), with what is decided about it. */
void tell_started(struct engine *engine, const struct container *container);
void tell_exit(struct engine *engine, const struct container *container, bool unseen);
