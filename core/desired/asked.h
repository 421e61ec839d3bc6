/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which runs of containers were asked to end, noted in the journal before they are asked. An end
 * that we asked for is no end of its own: the restart policy has no say in it, no restart counts.
 * That must also hold when the daemon that asked was gone before it saw the end.
 *
 * Nothing is noted where the engine has no journal.
 */
#pragma once

#include "core/state/engine.h"

/* Notes that the run that is there is being asked, until its task is gone. @call completes when a
 * crash of the daemon cannot lose it any more. False: there is nothing to note, and @call is not
 * used. */
bool asked_note(struct engine *engine, const struct container *container, struct call *call);

/* It shall go on after all: what has been sent may still end it, until then (loop time). */
void asked_withdraw(struct engine *engine, const struct container *container, uint64_t until_ms);

/* A task is seen that an earlier daemon may have asked. */
void asked_recall(struct engine *engine, struct container *container,
		  const struct container_fact *fact);

/* The task is gone. */
void asked_forget(struct engine *engine, const struct container *container);

/* The containers of all realms have been listed: what is noted of others is forgotten. */
void asked_forget_unknown(struct engine *engine);
