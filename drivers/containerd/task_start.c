/* SPDX-License-Identifier: Apache-2.0 */
/* The start of a task that waits for it, and what is put right right before. */
#include <errno.h>

#include "api/containerd.pb-c.h"
#include "core/model/model.h"
#include "core/model/names.h"
#include "drivers/containerd/task.h"
#include "drivers/ctd/labels.h"
#include "drivers/ctd/methods.h"
#include "drivers/oci/tmpfs.h"

enum { START_STEP = 3 };

static int start_look_waiting(struct op *op)
{
	if (task_of(op)->spec)
		return task_ask(op, &tasks_get_method);
	op->next = START_STEP;
	return OP_NEXT;
}

static int done_look_waiting(struct op *op, int status)
{
	const Ctd__Process *process =
		status == 0 ? ctd_reply(op, Ctd__ProcessMessage)->process : NULL;

	if (process && process->status == CTD__PROCESS_STATUS__CREATED)
		task_of(op)->waiting_pid = process->pid;
	return OP_NEXT;
}

static int start_look_whose(struct op *op)
{
	return task_of(op)->waiting_pid ? task_ask(op, &containers_get_method) : OP_NEXT;
}

static int done_look_whose(struct op *op, int status UNUSED)
{
	const Ctd__Container *record = ctd_reply(op, Ctd__ContainerMessage)->container;
	struct container_fact fact = { 0 };

	if (!record ||
	    !labels_read_container(record->labels, record->n_labels, ctd_of(op)->instance, &fact))
		return ctd_fail(op, -EBADMSG, "its record does not say whose it is");
	task_of(op)->cgroup_leaf = name_cgroup_leaf("", fact.cell_key, fact.role);
	container_fact_fini(&fact);
	return OP_NEXT;
}

static void run_set_modes(struct work *work)
{
	struct task_op *task = container_of(work, struct task_op, work);

	task->worked =
		tmpfs_set_modes(task->waiting_pid, task->cgroup_leaf, task->spec, &task->work_err);
}

static int start_set_modes(struct op *op)
{
	struct task_op *task = task_of(op);

	if (!task->waiting_pid)
		return OP_NEXT;
	loop_work_apart(ctd_of(op)->ops.loop, &task->work, run_set_modes, task_worked);
	return OP_WAIT;
}

static int start_start(struct op *op)
{
	return task_ask(op, &tasks_start_method);
}

static int done_start(struct op *op, int status)
{
	struct task_op *task = task_of(op);

	if (status == 0)
		return OP_END;
	task->start_status = ctd_explain(op, status, &task->start_err);
	return OP_NEXT;
}

static int start_look_started(struct op *op)
{
	return task_ask(op, &tasks_get_method);
}

/* containerd refuses to start what runs already, with no status of its own for that. Running is
 * what was wanted. */
static int done_look_started(struct op *op, int status)
{
	const Ctd__Process *process =
		status == 0 ? ctd_reply(op, Ctd__ProcessMessage)->process : NULL;

	if (process && process->status == CTD__PROCESS_STATUS__RUNNING)
		return OP_END;
	op->err = task_of(op)->start_err;
	return task_of(op)->start_status;
}

static const struct step begin_steps[] = {
	{ .name = "look at the task that waits",
	  .also_ok = { ENOENT },
	  .start = start_look_waiting,
	  .done = done_look_waiting },
	{ .name = "look whose task it is", .start = start_look_whose, .done = done_look_whose },
	{ .name = "make its tmpfs true", .start = start_set_modes },
	[START_STEP] = { .name = "start the task",
			 .timeout_ms = TASK_TIMEOUT_MS,
			 .also_ok = { EBUSY, EIO },
			 .start = start_start,
			 .done = done_start },
	{ .name = "look at the task",
	  .also_ok = { ENOENT },
	  .start = start_look_started,
	  .done = done_look_started },
	{ 0 },
};

void task_start(struct runtime *runtime, const struct container_ref *ref,
		const Api__ContainerSpec *spec, struct call *call)
{
	struct task_op *task = task_new(ref);

	if (spec && tmpfs_is_used(spec))
		task->spec = (Api__ContainerSpec *)model_copy(&spec->base);
	task_run(runtime, task, begin_steps, ref, call);
}
