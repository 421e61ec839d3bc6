/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a task prints to. Its entry in the spool is made before it and ends behind it; when a crash
 * comes between, the task itself says which entry is its own, and every other of the container is
 * done with.
 */
#pragma once

#include "drivers/containerd/driver.h"

struct task_log {
	struct list link; /* struct containerd.logs_made */
	char *namespace_, *id;
	struct log_conf conf; /* NULL dir: it gets none */
	struct spool_run run;
	char *used; /* the stdout of a task that was there already */
	bool adopts, lost, unneeded;
};

/* @owner NULL, or nobody reads, or the spec does not want one: none. */
void task_log_init(struct task_log *log, struct containerd *driver, const struct container_ref *ref,
		   const Api__ContainerSpec *spec, const struct log_owner *owner);
void task_log_fini(struct task_log *log);

/* All below block, and what goes wrong with a log keeps no container from running or going: it is
 * said in the daemon's log, and what is left is found by the inventory.
 *
 * Makes the entry. */
void task_log_make(struct task_log *log, const struct log_place *place);

/* The task has been created, or was there and writes to log->used: other entries of the container
 * are done with. Sets log->lost when what it writes to is not there any more. */
void task_log_settle(struct task_log *log, const struct log_place *place);

/* There is no task: the entry that was made for it goes. */
void task_log_drop(struct task_log *log, const struct log_place *place);

/* The task is gone: what it printed is written, and its FIFOs go. */
void task_log_end(const struct log_place *place, const char *namespace_, const char *id);

/* Its files go too, with the container. */
void task_log_remove(const struct log_place *place, const char *namespace_, const char *id,
		     const struct log_owner *owner);
