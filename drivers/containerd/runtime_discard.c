/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Taking away what the inventory found without an owner: leases, ingests, snapshots of cut off
 * unpackings, tasks, shims and volumes without a container. Containers with our labels have an
 * owner's key, and go the way of every container.
 */
#include <errno.h>
#include <signal.h>

#include "api/containerd.pb-c.h"
#include "drivers/containerd/driver.h"
#include "drivers/containerd/log_things.h"
#include "drivers/containerd/volume_tree.h"
#include "drivers/containerd/volumes.h"
#include "drivers/ctd/ctd_op.h"
#include "drivers/ctd/labels.h"
#include "drivers/ctd/methods.h"

enum {
	TASK_TIMEOUT_MS = 60 * 1000, /* of calls that wait for a shim */
	ENDS_CHECK_MS = 50,          /* between two looks whether a killed task has ended */
	ENDS_CHECKS = 100,
};

struct discard_op {
	struct ctd_op op;
	enum host_kind kind;
	char *name, *id;
	unsigned checks;
	struct timer again;
};

static struct discard_op *discard_of(struct op *op)
{
	return container_of(op, struct discard_op, op.op);
}

static void discard_fini(struct op *op)
{
	free(discard_of(op)->name);
	free(discard_of(op)->id);
}

static int start_with_id(struct op *op, const struct client_method *method)
{
	Ctd__NameRequest request = CTD__NAME_REQUEST__INIT;

	request.name = discard_of(op)->id;
	return ctd_unary(op, method, &request.base);
}

static int start_delete_lease(struct op *op)
{
	return start_with_id(op, &leases_delete_method);
}

static int start_abort_ingest(struct op *op)
{
	Ctd__ContentAbortRequest request = CTD__CONTENT_ABORT_REQUEST__INIT;

	request.ref = discard_of(op)->id;
	return ctd_unary(op, &content_abort_method, &request.base);
}

static int start_remove_snapshot(struct op *op)
{
	Ctd__SnapshotRequest request = CTD__SNAPSHOT_REQUEST__INIT;

	request.snapshotter = ctd_of(op)->snapshotter;
	request.key = discard_of(op)->id;
	return ctd_unary(op, &snapshots_remove_method, &request.base);
}

/* ---- a task, or a shim that no listing shows ---- */

enum { STEP_DELETE = 2, STEP_WAIT, STEP_KILL_SHIM };

static int start_get(struct op *op)
{
	return start_with_id(op, &containers_get_method);
}

static int done_get(struct op *op, int status)
{
	return status == -ENOENT ? OP_NEXT : ctd_fail(op, -EBUSY, "a container has this id by now");
}

static int start_kill(struct op *op)
{
	Ctd__TaskKillRequest request = CTD__TASK_KILL_REQUEST__INIT;

	request.container_id = discard_of(op)->id;
	request.has_signal = true;
	request.signal = SIGKILL;
	request.has_all = true;
	request.all = true;
	return ctd_unary(op, &tasks_kill_method, &request.base);
}

static int start_delete_task(struct op *op)
{
	return start_with_id(op, &tasks_delete_method);
}

/* While its process is dying containerd refuses. */
static int done_delete_task(struct op *op, int status)
{
	if (status == 0 || status == -ENOENT) {
		op->next = STEP_KILL_SHIM;
		return discard_of(op)->kind == HOST_SHIM ? OP_NEXT : OP_END;
	}
	if (discard_of(op)->checks++ < ENDS_CHECKS)
		return OP_NEXT;
	return ctd_fail(op, -EBUSY, "its process does not end");
}

static void on_again(struct timer *timer)
{
	call_complete(&container_of(timer, struct discard_op, again)->op.op.step, 0, NULL);
}

static int start_wait(struct op *op)
{
	timer_start(ctd_of(op)->ops.loop, &discard_of(op)->again, ENDS_CHECK_MS, on_again);
	return OP_WAIT;
}

static int done_wait(struct op *op, int status UNUSED)
{
	op->next = STEP_DELETE;
	return OP_NEXT;
}

/* One that was started for a task that never came to be serves nothing, and containerd does not
 * know it. */
static int start_kill_shim(struct op *op)
{
	const struct container_ref ref = { to_ctd_op(op)->namespace_, discard_of(op)->id };

	task_kill_shim(&containerd_of_op(op)->runtime, &ref, &op->step);
	return OP_WAIT;
}

/* ---- volumes without a container ---- */

static int start_stat_snapshot(struct op *op)
{
	Ctd__SnapshotRequest request = CTD__SNAPSHOT_REQUEST__INIT;

	request.snapshotter = ctd_of(op)->snapshotter;
	request.key = discard_of(op)->id;
	return ctd_unary(op, &snapshots_stat_method, &request.base);
}

/* Volumes are made between a snapshot and its record. */
static int done_stat_snapshot(struct op *op, int status)
{
	return status == -ENOENT ? OP_NEXT : ctd_fail(op, -EBUSY, "a snapshot has this id by now");
}

static int remove_volumes(struct op *op, struct error *err)
{
	const struct containerd *driver = containerd_of_op(op);
	AUTO_FREE char *path =
		volumes_path(driver->volumes_dir, to_ctd_op(op)->namespace_, discard_of(op)->id);

	return path ? volume_tree_remove(path, &driver->closing, err) : 0;
}

/* ---- logs ---- */

static int start_look_for_writer(struct op *op)
{
	return start_with_id(op, &tasks_get_method);
}

/* "<namespace>/<id>/<run>", and ".../<namespace>+<id>+<run>.out" */
static bool is_written_by(const char *name, const char *path)
{
	const char *of_name = strrchr(name, '/'), *of_path = strrchr(path, '+');
	size_t len = strlen(of_name + 1);

	return of_path && strncmp(of_path + 1, of_name + 1, len) == 0 && of_path[1 + len] == '.';
}

static int done_look_for_writer(struct op *op, int status)
{
	const Ctd__Process *process =
		status == 0 ? ctd_reply(op, Ctd__ProcessMessage)->process : NULL;

	if (process && process->stdout && is_written_by(discard_of(op)->name, process->stdout))
		return ctd_fail(op, -EBUSY, "a task writes to them by now");
	return OP_NEXT;
}

static int remove_fifos(struct op *op, struct error *err)
{
	return log_fifos_discard(&containerd_of_op(op)->logs, discard_of(op)->name, err);
}

static int remove_log_files(struct op *op, struct error *err)
{
	return log_files_discard(&containerd_of_op(op)->logs, discard_of(op)->name, err);
}

static const struct step log_fifos_steps[] = {
	{ .name = "look for a task",
	  .also_ok = { ENOENT },
	  .start = start_look_for_writer,
	  .done = done_look_for_writer },
	{ .name = "remove the FIFOs", .blocking = remove_fifos, .apart = true },
	{ 0 },
};

static const struct step log_files_steps[] = {
	{ .name = "remove the log files", .blocking = remove_log_files, .apart = true },
	{ 0 },
};

static const struct step lease_steps[] = {
	{ .name = "delete the lease", .also_ok = { ENOENT }, .start = start_delete_lease },
	{ 0 },
};

static const struct step ingest_steps[] = {
	{ .name = "abort the ingest", .also_ok = { ENOENT }, .start = start_abort_ingest },
	{ 0 },
};

static const struct step snapshot_steps[] = {
	{ .name = "remove the snapshot", .also_ok = { ENOENT }, .start = start_remove_snapshot },
	{ 0 },
};

static const struct step volumes_steps[] = {
	{ .name = "look for their container",
	  .also_ok = { ENOENT },
	  .start = start_get,
	  .done = done_get },
	{ .name = "look for its snapshot",
	  .also_ok = { ENOENT },
	  .start = start_stat_snapshot,
	  .done = done_stat_snapshot },
	{ .name = "remove the volumes", .blocking = remove_volumes, .apart = true },
	{ 0 },
};

static const struct step task_steps[] = {
	{ .name = "look for its container",
	  .also_ok = { ENOENT },
	  .start = start_get,
	  .done = done_get },
	{ .name = "kill the task", .also_ok = { ENOENT, EBUSY }, .start = start_kill },
	[STEP_DELETE] = { .name = "delete the task",
			  .timeout_ms = TASK_TIMEOUT_MS,
			  .also_ok = { ENOENT, EBUSY },
			  .start = start_delete_task,
			  .done = done_delete_task },
	[STEP_WAIT] = { .name = "wait for its end", .start = start_wait, .done = done_wait },
	[STEP_KILL_SHIM] = { .name = "kill the shim",
			     .also_ok = { ENOENT }, /* it went with the task */
			     .start = start_kill_shim },
	{ 0 },
};

static const struct step *const ways[HOST_KIND_COUNT] = {
	[HOST_LEASE] = lease_steps,         [HOST_INGEST] = ingest_steps,
	[HOST_SNAPSHOT] = snapshot_steps,   [HOST_TASK] = task_steps,
	[HOST_SHIM] = task_steps,           [HOST_VOLUMES] = volumes_steps,
	[HOST_LOG_FIFOS] = log_fifos_steps, [HOST_LOG_FILES] = log_files_steps,
};

/* Log files tell the key of the cell that they were of. */
static bool can_be_alone(const struct host_thing *thing)
{
	if (thing->kind == HOST_LOG_FILES)
		return true;
	return !thing->owner && thing->id && ways[thing->kind];
}

void inventory_discard(struct runtime *runtime, const struct host_thing *thing, struct call *call)
{
	struct discard_op *discard;
	AUTO_FREE char *object = xasprintf("%s %s", host_kind_name(thing->kind), thing->name);
	AUTO_FREE char *namespace_ = xstrndup(thing->name, strcspn(thing->name, "/"));
	struct error err;

	if (!can_be_alone(thing)) {
		error_set(&err, -EOPNOTSUPP, "%s cannot be taken away alone", object);
		call_complete(call, err.code, &err);
		return;
	}
	discard = xnew(struct discard_op);
	discard->kind = thing->kind;
	discard->name = xstrdup(thing->name);
	discard->id = xstrdup_maybe(thing->id);
	discard->op.fini = discard_fini;
	ctd_op_start(&containerd_of(runtime)->ctd, &discard->op, ways[thing->kind], namespace_,
		     object, call);
}
