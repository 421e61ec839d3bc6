/* SPDX-License-Identifier: Apache-2.0 */
/* Tasks: the processes of containers. */
#include <errno.h>
#include <signal.h>

#include "api/containerd.pb-c.h"
#include "core/model/model.h"
#include "drivers/containerd/shims.h"
#include "drivers/containerd/task.h"
#include "drivers/ctd/ctd_op.h"
#include "drivers/ctd/labels.h"
#include "drivers/ctd/methods.h"
#include "drivers/oci/inputs.h"

static void task_fini(struct op *op)
{
	struct task_op *task = task_of(op);

	free(task->id);
	free(task->cgroup_leaf);
	task_log_fini(&task->log);
	if (task->spec)
		protobuf_c_message_free_unpacked(&task->spec->base, NULL);
	if (task->mounts)
		protobuf_c_message_free_unpacked(&task->mounts->base, NULL);
}

struct task_op *task_new(const struct container_ref *ref)
{
	struct task_op *task = xnew(struct task_op);

	task->id = xstrdup(ref->id);
	task->op.fini = task_fini;
	return task;
}

void task_run(struct runtime *runtime, struct task_op *task, const struct step *steps,
	      const struct container_ref *ref, struct call *call)
{
	AUTO_FREE char *object = xasprintf("container %s", ref->id);

	ctd_op_start(&containerd_of(runtime)->ctd, &task->op, steps, ref->namespace_, object, call);
}

int task_ask(struct op *op, const struct client_method *method)
{
	Ctd__NameRequest request = CTD__NAME_REQUEST__INIT;

	request.name = task_of(op)->id;
	return ctd_unary(op, method, &request.base);
}

/* ---- create ---- */

enum { CREATE_STEP = 3, CLEAR_STEP = 5, SETTLE_STEP, CLEANUP_STEP };

void task_worked(struct work *work)
{
	struct task_op *task = container_of(work, struct task_op, work);

	call_complete(&task->op.op.step, task->worked, &task->work_err);
}

static void run_check_volumes(struct work *work)
{
	struct task_op *task = container_of(work, struct task_op, work);

	task->worked = inputs_check_volumes(task->spec, &task->work_err);
}

/* runc would hang there, its shim with it, and then nothing that is asked of the cell is answered.
 */
static int start_check_volumes(struct op *op)
{
	struct task_op *task = task_of(op);

	if (!task->spec)
		return OP_NEXT;
	loop_work_apart(ctd_of(op)->ops.loop, &task->work, run_check_volumes, task_worked);
	return OP_WAIT;
}

static int start_mounts(struct op *op)
{
	Ctd__SnapshotRequest request = CTD__SNAPSHOT_REQUEST__INIT;

	request.snapshotter = ctd_of(op)->snapshotter;
	request.key = task_of(op)->id;
	return ctd_unary(op, &snapshots_mounts_method, &request.base);
}

static int done_mounts(struct op *op, int status UNUSED)
{
	task_of(op)->mounts = ctd_reply(op, Ctd__MountsReply);
	to_ctd_op(op)->unary.reply = NULL;
	return OP_NEXT;
}

static const struct log_place *logs_of(const struct op *op)
{
	return &containerd_of_op(op)->logs;
}

static int make_log(struct op *op, struct error *err UNUSED)
{
	task_log_make(&task_of(op)->log, logs_of(op));
	return 0;
}

/* Without a log what it writes goes to /dev/null. The shim opens both FIFOs to read and to write:
 * whoever reads may come and go. */
static int start_create(struct op *op)
{
	struct task_op *task = task_of(op);
	Ctd__TaskCreateRequest request = CTD__TASK_CREATE_REQUEST__INIT;

	request.container_id = task->id;
	request.rootfs = task->mounts->mounts;
	request.n_rootfs = task->mounts->n_mounts;
	request.stdout = task->log.run.out;
	request.stderr = task->log.run.err;
	return ctd_unary(op, &tasks_create_method, &request.base);
}

static int done_create(struct op *op, int status)
{
	if (status == -EEXIST)
		return OP_NEXT;
	*task_of(op)->ret_pid = ctd_reply(op, Ctd__TaskCreateReply)->pid;
	op->next = SETTLE_STEP;
	return OP_NEXT;
}

static int start_get(struct op *op)
{
	return task_ask(op, &tasks_get_method);
}

static int done_get(struct op *op, int status)
{
	const Ctd__Process *process;

	if (status == -ENOENT)
		return OP_NEXT;
	process = ctd_reply(op, Ctd__ProcessMessage)->process;
	if (!process || process->status != CTD__PROCESS_STATUS__CREATED)
		return ctd_fail(op, -EEXIST, "a task of an earlier run is there: delete it first");
	*task_of(op)->ret_pid = process->pid;
	task_of(op)->log.adopts = true;
	str_replace(&task_of(op)->log.used, process->stdout ? process->stdout : "");
	op->next = SETTLE_STEP;
	return OP_NEXT;
}

static int start_clear(struct op *op)
{
	return task_ask(op, &tasks_delete_method);
}

static int done_clear(struct op *op, int status UNUSED)
{
	struct task_op *task = task_of(op);

	if (task->cleared)
		return ctd_fail(op, -EEXIST,
				"containerd keeps a task that its shim does not know: restart it");
	task->cleared = true;
	task->log.adopts = task->log.lost = false;
	op->next = CREATE_STEP;
	return OP_NEXT;
}

/* ---- its log, when it is decided whether there is a task ---- */

static int settle_log(struct op *op, struct error *err UNUSED)
{
	task_log_settle(&task_of(op)->log, logs_of(op));
	return 0;
}

/* One that was made with FIFOs that are gone would stand still when they are full. */
static int done_settle_log(struct op *op, int status UNUSED)
{
	if (!task_of(op)->log.lost)
		return OP_END;
	op->next = CLEAR_STEP;
	return OP_NEXT;
}

static int start_look_failed(struct op *op)
{
	return task_of(op)->log.run.number ? task_ask(op, &tasks_get_method) : OP_END;
}

/* Only then is it certain that nobody writes to it; else the next task, or the end of the
 * container, takes it away. */
static int done_look_failed(struct op *op, int status)
{
	task_of(op)->log.unneeded = status == -ENOENT;
	return OP_NEXT;
}

static int drop_log(struct op *op, struct error *err UNUSED)
{
	task_log_drop(&task_of(op)->log, logs_of(op));
	return 0;
}

/* A deletion that was cut off when its caller died leaves containerd with a task that the shim has
 * forgotten: it cannot be created, looked at or listed, but it can be deleted once more. */
static const struct step create_steps[] = {
	{ .name = "look for what it needs of the host", .start = start_check_volumes },
	{ .name = "find the mounts of the snapshot", .start = start_mounts, .done = done_mounts },
	{ .name = "make its log", .blocking = make_log },
	[CREATE_STEP] = { .name = "create the task",
			  .timeout_ms = TASK_TIMEOUT_MS,
			  .also_ok = { EEXIST },
			  .start = start_create,
			  .done = done_create },
	{ .name = "look at the task", .also_ok = { ENOENT }, .start = start_get, .done = done_get },
	[CLEAR_STEP] = { .name = "delete what is left of an earlier task",
			 .timeout_ms = TASK_TIMEOUT_MS,
			 .also_ok = { ENOENT },
			 .start = start_clear,
			 .done = done_clear },
	[SETTLE_STEP] = { .name = "end the logs of earlier tasks",
			  .blocking = settle_log,
			  .done = done_settle_log },
	[CLEANUP_STEP] = { .name = "look whether there is a task",
			   .also_ok = { ENOENT },
			   .start = start_look_failed,
			   .done = done_look_failed },
	{ .name = "take its log away", .blocking = drop_log },
	{ 0 },
};

void task_create(struct runtime *runtime, const struct container_ref *ref,
		 const Api__ContainerSpec *spec, const struct log_owner *log, uint32_t *ret_pid,
		 struct call *call)
{
	struct task_op *task = task_new(ref);

	task_log_init(&task->log, containerd_of(runtime), ref, spec, log);
	task->op.op.cleanup = CLEANUP_STEP;
	if (spec && inputs_name_paths(spec))
		task->spec = (Api__ContainerSpec *)model_copy(&spec->base);
	task->ret_pid = ret_pid;
	task_run(runtime, task, create_steps, ref, call);
}

/* ---- signal ---- */

static int start_get_record(struct op *op)
{
	if (task_of(op)->signal)
		return OP_NEXT;
	return task_ask(op, &containers_get_method);
}

static int done_get_record(struct op *op, int status)
{
	const Ctd__Container *record =
		status == 0 ? ctd_reply(op, Ctd__ContainerMessage)->container : NULL;
	int signal = 0;

	if (record)
		signal = model_signal_parse(
			labels_get(record->labels, record->n_labels, LABEL_STOP_SIGNAL));
	task_of(op)->signal = signal ? signal : SIGTERM;
	return OP_NEXT;
}

static int start_kill(struct op *op)
{
	struct task_op *task = task_of(op);
	Ctd__TaskKillRequest request = CTD__TASK_KILL_REQUEST__INIT;

	request.container_id = task->id;
	request.has_signal = true;
	request.signal = (uint32_t)task->signal;
	request.has_all = true;
	request.all = task->signal == SIGKILL;
	return ctd_unary(op, &tasks_kill_method, &request.base);
}

static const struct step kill_steps[] = {
	{ .name = "look for the image's stop signal",
	  .also_ok = { ENOENT },
	  .start = start_get_record,
	  .done = done_get_record },
	{ .name = "send the signal", .also_ok = { ENOENT }, .start = start_kill },
	{ 0 },
};

void task_signal(struct runtime *runtime, const struct container_ref *ref, int signal,
		 struct call *call)
{
	struct task_op *task = task_new(ref);

	task->signal = signal;
	task_run(runtime, task, kill_steps, ref, call);
}

/* ---- delete ---- */

static int start_delete(struct op *op)
{
	return task_ask(op, &tasks_delete_method);
}

static int end_log(struct op *op, struct error *err UNUSED)
{
	task_log_end(logs_of(op), to_ctd_op(op)->namespace_, task_of(op)->id);
	return 0;
}

static const struct step delete_steps[] = {
	{ .name = "delete the task",
	  .timeout_ms = TASK_TIMEOUT_MS,
	  .also_ok = { ENOENT },
	  .start = start_delete },
	{ .name = "end its log", .blocking = end_log },
	{ 0 },
};

void task_delete(struct runtime *runtime, const struct container_ref *ref, struct call *call)
{
	struct task_op *task = task_new(ref);

	task_run(runtime, task, delete_steps, ref, call);
}

/* ---- a shim that answers nobody ---- */

static void run_kill_shim(struct work *work)
{
	struct task_op *task = container_of(work, struct task_op, work);

	task->worked = shim_kill(ctd_of(&task->op.op)->socket, task->op.namespace_, task->id,
				 &task->work_err);
}

static int start_kill_shim(struct op *op)
{
	loop_work(ctd_of(op)->ops.loop, &task_of(op)->work, run_kill_shim, task_worked);
	return OP_WAIT;
}

static const struct step kill_shim_steps[] = {
	{ .name = "kill the shim", .start = start_kill_shim },
	{ 0 },
};

void task_kill_shim(struct runtime *runtime, const struct container_ref *ref, struct call *call)
{
	task_run(runtime, task_new(ref), kill_shim_steps, ref, call);
}
