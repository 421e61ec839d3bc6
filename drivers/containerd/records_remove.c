/* SPDX-License-Identifier: Apache-2.0 */
/* The end of containers: record, volumes and snapshot. */
#include <errno.h>

#include "api/containerd.pb-c.h"
#include "drivers/containerd/driver.h"
#include "drivers/containerd/task_log.h"
#include "drivers/containerd/volume_tree.h"
#include "drivers/containerd/volumes.h"
#include "drivers/ctd/ctd_op.h"
#include "drivers/ctd/methods.h"

struct remove_op {
	struct ctd_op op;
	char *id;
	char *volumes_path;             /* NULL: there is no place for any */
	char *log_cell, *log_container; /* NULL: its log files stay */
	struct work work;
};

static struct remove_op *remove_of(struct op *op)
{
	return container_of(op, struct remove_op, op.op);
}

static void remove_fini(struct op *op)
{
	free(remove_of(op)->id);
	free(remove_of(op)->volumes_path);
	free(remove_of(op)->log_cell);
	free(remove_of(op)->log_container);
}

static int ask(struct op *op, const struct client_method *method)
{
	Ctd__NameRequest request = CTD__NAME_REQUEST__INIT;

	request.name = remove_of(op)->id;
	return ctd_unary(op, method, &request.base);
}

/* A deletion of the task that was cut off leaves a shim that no listing shows: it ends with this.
 */
static int start_delete_task(struct op *op)
{
	return ask(op, &tasks_delete_method);
}

static void run_remove_log(struct work *work)
{
	struct remove_op *own = container_of(work, struct remove_op, work);
	const struct log_owner log = { own->log_cell, own->log_container };

	task_log_remove(&containerd_of_op(&own->op.op)->logs, own->op.namespace_, own->id, &log);
}

static void on_log_removed(struct work *work)
{
	call_complete(&container_of(work, struct remove_op, work)->op.op.step, 0, NULL);
}

static int end_log(struct op *op, struct error *err UNUSED)
{
	task_log_end(&containerd_of_op(op)->logs, to_ctd_op(op)->namespace_, remove_of(op)->id);
	return 0;
}

/* On a thread of its own: the files lie where somebody named, and there may be many. */
static int start_remove_log(struct op *op)
{
	struct remove_op *own = remove_of(op);

	if (!own->log_cell)
		return OP_NEXT;
	loop_work_apart(ctd_of(op)->ops.loop, &own->work, run_remove_log, on_log_removed);
	return OP_WAIT;
}

static int start_delete_record(struct op *op)
{
	return ask(op, &containers_delete_method);
}

static int remove_volumes(struct op *op, struct error *err)
{
	const char *path = remove_of(op)->volumes_path;

	return path ? volume_tree_remove(path, &containerd_of_op(op)->closing, err) : 0;
}

static int start_remove_snapshot(struct op *op)
{
	Ctd__SnapshotRequest request = CTD__SNAPSHOT_REQUEST__INIT;

	request.snapshotter = ctd_of(op)->snapshotter;
	request.key = remove_of(op)->id;
	return ctd_unary(op, &snapshots_remove_method, &request.base);
}

/* The record before the snapshot: a snapshot alone is found again, a record without one looks
 * whole. The volumes before the snapshot, and the log before both: alone they would not be found.
 */
static const struct step remove_steps[] = {
	{ .name = "delete what is left of a task",
	  .also_ok = { ENOENT },
	  .start = start_delete_task },
	{ .name = "end its log", .blocking = end_log },
	{ .name = "remove its log", .start = start_remove_log },
	{ .name = "delete the record", .also_ok = { ENOENT }, .start = start_delete_record },
	{ .name = "remove its volumes", .blocking = remove_volumes, .apart = true },
	{ .name = "remove the snapshot", .also_ok = { ENOENT }, .start = start_remove_snapshot },
	{ 0 },
};

void container_remove(struct runtime *runtime, const struct container_ref *ref,
		      const struct log_owner *log, struct call *call)
{
	struct containerd *driver = containerd_of(runtime);
	struct remove_op *own = xnew(struct remove_op);
	AUTO_FREE char *object = xasprintf("container %s", ref->id);

	own->id = xstrdup(ref->id);
	own->volumes_path = volumes_path(driver->volumes_dir, ref->namespace_, ref->id);
	own->log_cell = log ? xstrdup(log->cell_key) : NULL;
	own->log_container = log ? xstrdup_maybe(log->container) : NULL;
	own->op.fini = remove_fini;
	ctd_op_start(&driver->ctd, &own->op, remove_steps, ref->namespace_, object, call);
}
