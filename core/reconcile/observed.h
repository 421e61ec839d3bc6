/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is: facts from the drivers go into the objects, hints only say which facts are to be fetched
 * again. Every function enqueues the objects whose facts changed.
 */
#pragma once

#include "core/driver/cgroup.h"
#include "core/state/engine.h"

/* The runtime's answer about one container. Knows what a change of its task means for the restart
 * policy. */
void observed_container(struct engine *engine, struct object *object, struct container *container,
			const struct container_fact *fact);

/* The same for an act of ours that changed the task: no answer was needed. */
void observed_task(struct engine *engine, struct object *object, struct container *container,
		   enum task_state task, uint32_t pid);

/* @since: engine.seq when it became so, at the latest. */
void observed_cgroup(struct engine *engine, struct object *object, const struct cgroup_fact *fact,
		     uint64_t since);
void observed_attachment(struct engine *engine, struct object *object,
			 const struct attachment_fact *fact);
void observed_no_network(struct engine *engine, struct object *object);

/* Something may have happened to the container. */
void observed_invalidate_container(struct engine *engine, struct container *container);

/* Hints. A key or an id that is nobody's is only remembered: core/state/unplaced.h. */
void observed_hint_container(struct engine *engine, const char *namespace_,
			     const char *containerd_id);
void observed_oom(struct engine *engine, const char *namespace_, const char *containerd_id);
void observed_hint_image(struct engine *engine, const char *namespace_);
void observed_hint_cgroup(struct engine *engine, const char *key);
void observed_runtime_up(struct engine *engine);
void observed_runtime_down(struct engine *engine, const struct error *why);
