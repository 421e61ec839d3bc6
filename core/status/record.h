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
enum record_reason {
	/* kukeond has started. */
	RECORD_DAEMON_STARTED,
	/* kukeond was asked to end. A start without it: it was killed, or the host went down. */
	RECORD_DAEMON_STOPPED,
	/* containerd answers. */
	RECORD_RUNTIME_CONNECTED,
	/* A manifest declares the object, or declares it differently from now on. */
	RECORD_DECLARED,
	/* The manifest does not declare it any more, and its grace is over. */
	RECORD_NO_LONGER_DECLARED,
	/* It has lost its declaration in a way that is not believed: it stays, see kuke prune. */
	RECORD_HELD,
	/* Somebody asked over the API to ... */
	RECORD_CREATE_REQUESTED,
	RECORD_UPDATE_REQUESTED,
	RECORD_DELETE_REQUESTED,
	RECORD_START_REQUESTED,
	RECORD_STOP_REQUESTED,
	RECORD_KILL_REQUESTED,
	RECORD_RESTART_REQUESTED,
	RECORD_PURGE_REQUESTED,
	/* Its process runs. */
	RECORD_STARTED,
	/* Its process has ended, and its restart policy wants no further run. */
	RECORD_NOT_RESTARTED,
	/* Nothing of it is left. */
	RECORD_DELETED,
	/* Another hand changed the packet filter's rules; they were put back. */
	RECORD_FILTER_RESTORED,
	/*
	 * Another tool changes the packet filter's rules again and again; they are put back within
	 * a second each time. Find the tool, and teach it to leave the table of this name alone.
	 */
	RECORD_FILTER_CONTESTED,
	/* Images that no cell of the realm used were over a limit of the settings. */
	RECORD_IMAGES_REMOVED,
	/*
	 * The tag of a container's image stands for another one, and its cell's annotation
	 * kukeon.io/auto-update asks for that: it is made anew.
	 */
	RECORD_IMAGE_UPDATE_FOUND,
	/* It is Ready with its new image. */
	RECORD_IMAGE_UPDATED,
	/* It did not become Ready with its new image, and goes back to the one that it ran before.
	 */
	RECORD_IMAGE_ROLLED_BACK,
	/* The reader was too slow; in streams of the API only. */
	RECORD_FORWARDING_RESTORED,
	RECORD_FORWARDING_OFF,
	RECORD_EVENTS_MISSED,
	RECORD_REASON_COUNT,
};

/* "DaemonStarted" */
const char *record_reason_name(enum record_reason reason);

void record_daemon_started(struct engine *engine);
void record_daemon_stopped(struct engine *engine, const char *why);
void record_runtime_up(struct engine *engine);
void record_runtime_down(struct engine *engine, const struct error *why);

void record_filter(struct engine *engine, enum record_reason reason);
void record_forwarding(struct engine *engine, enum record_reason reason, const char *words);
void record_filter_failed(struct engine *engine, const struct error *why);

/* @before: what the same file declared until now, NULL when nothing. */
void record_declared(struct engine *engine, const char *key, const char *file,
		     const ProtobufCMessage *before, const ProtobufCMessage *now);
void record_no_longer_declared(struct engine *engine, const char *key, const char *file);
/* Images of a realm that no cell uses have gone; @bytes: what they had. */
void record_images_removed(struct engine *engine, const char *realm, char *const *images, size_t n,
			   uint64_t bytes);
/* @reason: one of RECORD_IMAGE_...; @why: of one that goes back, else not used. */
void record_image_update(struct engine *engine, enum record_reason reason,
			 const struct container *container, const char *why);
void record_held(struct engine *engine, const char *key, const char *why);

/* @key "" for everything. @changes: paths of the fields that change. */
void record_request(struct engine *engine, enum record_reason reason, const char *key, uid_t uid,
		    char *const *changes, size_t n_changes);

/* The state that the planner says, when it is another than the one that was told last. */
void record_state(struct engine *engine, struct object *object, const struct plan *plan);
void record_deleted(struct engine *engine, const struct object *object);

/* An action failed, not the same way as the time before. */
void record_failure(struct engine *engine, const struct object *object,
		    const struct container *container, enum action action, const struct error *err);

/* An action begins: says what it means for a container, if it is a decision. */
void record_step(struct engine *engine, const struct plan_step *step);

/* A run has begun; has ended (@unseen: nobody knows how), with what is decided about it. */
void record_started(struct engine *engine, const struct container *container);
void record_exit(struct engine *engine, const struct container *container, bool unseen);
