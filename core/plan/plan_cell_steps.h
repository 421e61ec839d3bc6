/* SPDX-License-Identifier: Apache-2.0 */
/* What the modes of a cell are made of. Private to its plan. */
#pragma once

#include "core/plan/plan_cell.h"
#include "core/plan/plan_steps.h"

/* Down mode: tasks, then network and records, then the cgroup. */
void plan_cell_down(struct planning *p);

/* One step towards no task. Returns whether the task is gone. */
bool plan_down_task(struct planning *p, struct container *c);

/*
 * All at once: their namespace is pinned, so each keeps its network until the last has ended.
 * @keep_root_task: the root rests.
 */
void plan_down_tasks(struct planning *p, bool keep_root_task);

/* One whose making failed may be there, but not whole. */
void plan_ensure_cgroup(struct planning *p);

/* Which containers wait for an image from its registry. */
void plan_pulls(struct planning *p);

/* A shim that hangs keeps what has ended from being known, and what shall end from being ended.
 * While anything may live that shall, it is waited for. */
void plan_look_again(struct planning *p);

/* The network, once nothing lives in it. */
void plan_detach(struct planning *p);

/* The stop signal, after the grace SIGKILL, and again until it is dead. A task that never ran gets
 * SIGKILL at once, and so does one that is to be killed. */
void plan_stop_task(struct planning *p, struct container *c);

/* The record and the snapshot, once there is no task. */
void plan_remove_record(struct planning *p, struct container *c);

/* Its cell goes on without it. */
bool plan_is_dropped(const struct object *cell, const struct container *c);
