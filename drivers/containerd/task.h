/* SPDX-License-Identifier: Apache-2.0 */
/* What the methods about tasks share. */
#pragma once

#include "api/containerd.pb-c.h"
#include "drivers/containerd/driver.h"
#include "drivers/containerd/task_log.h"

/* runc, the shim and hooks of the kernel: slow on a loaded machine, and to be cut only when hope is
 * gone. */
enum { TASK_TIMEOUT_MS = 60 * 1000 };

struct task_op {
	struct ctd_op op;
	char *id;
	Ctd__MountsReply *mounts;
	uint32_t *ret_pid;
	bool cleared; /* what was left of an earlier task has been deleted once */
	int signal;
	int start_status;
	struct error start_err;
	struct work work; /* of asking after volumes, of setting modes, or of killing the shim */
	int worked;
	struct error work_err;
	Api__ContainerSpec *spec; /* of a container that names paths of the host, or at its start
				     of one that has a tmpfs; NULL: none */
	uint32_t waiting_pid;     /* of the task that is to be started, as containerd says; */
	char *cgroup_leaf;        /* what its process can be told by */
	struct task_log log;
};

static inline struct task_op *task_of(struct op *op)
{
	return container_of(op, struct task_op, op.op);
}

struct task_op *task_new(const struct container_ref *ref);
void task_run(struct runtime *runtime, struct task_op *task, const struct step *steps,
	      const struct container_ref *ref, struct call *call);

/* For steps: a method that takes no more than the task's name. */
int task_ask(struct op *op, const struct client_method *method);

/* The end of task_op.work: completes the step with worked and work_err. */
void task_worked(struct work *work);
