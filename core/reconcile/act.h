/* SPDX-License-Identifier: Apache-2.0 */
/* Every action of the planner: how it is started through a driver, and what its success means as
 * facts. */
#pragma once

#include "core/driver/cgroup.h"
#include "core/plan/plan.h"
#include "core/state/engine.h"

/* One action under way. */
struct run {
	struct list link; /* struct engine.runs */
	struct engine *engine;
	struct object *object;
	struct container *container; /* for actions on a container */
	struct join *join;           /* for actions on a join */
	struct slot *slot;
	enum action action;
	uint64_t seq;   /* engine.seq when it began */
	uint64_t since; /* engine.seq when something last happened to the slot before */
	bool hinted;    /* by its end: something may have happened to it meanwhile */
	struct call call;
	struct call first;  /* the first half of an act of two */
	int number;         /* the signal to be sent */
	uint64_t oom_kills; /* of the container that was inspected */
	struct work files;  /* for acts that write the cell's files */
	struct hosts_job *files_job;
	bool files_there;
	int files_status;
	char *files_hostname; /* while a container's own files are written */
	struct error files_err;

	union {
		struct container_fact container;
		struct attachment_fact attachment;
		struct join_fact join;
		struct space_fact space;
		struct cgroup_fact cgroup;
		uint32_t pid;
		char *image_digest;
	} ret;
};

/* The slot that an action works on. */
struct slot *act_slot(struct object *object, const struct plan_step *step);

/* Starts the action; run->call completes. */
void act_start(struct run *run);

/* It was begun for what is wanted now: its end meets that, or fails it. */
bool act_is_current(const struct run *run);

/* Facts from an action that succeeded, and what is not known for sure after one that failed. */
void act_succeeded(struct run *run);
void act_failed(struct run *run);
