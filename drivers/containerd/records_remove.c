/* SPDX-License-Identifier: Apache-2.0 */
/* The end of containers: record, volumes and snapshot. */
#include <errno.h>

#include "api/containerd.pb-c.h"
#include "drivers/containerd/driver.h"
#include "drivers/containerd/volume_tree.h"
#include "drivers/containerd/volumes.h"
#include "drivers/ctd/ctd_op.h"
#include "drivers/ctd/methods.h"

struct remove_op {
	struct ctd_op op;
	char *id;
	char *volumes_path; /* NULL: there is no place for any */
};

static struct remove_op *remove_of(struct op *op)
{
	return container_of(op, struct remove_op, op.op);
}

static void remove_fini(struct op *op)
{
	free(remove_of(op)->id);
	free(remove_of(op)->volumes_path);
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

/* The record first: a snapshot alone is found again, a record without one looks whole. The volumes
 * before the snapshot: alone they would not be found. */
static const struct step remove_steps[] = {
	{ .name = "delete what is left of a task",
	  .also_ok = { ENOENT },
	  .start = start_delete_task },
	{ .name = "delete the record", .also_ok = { ENOENT }, .start = start_delete_record },
	{ .name = "remove its volumes", .blocking = remove_volumes, .apart = true },
	{ .name = "remove the snapshot", .also_ok = { ENOENT }, .start = start_remove_snapshot },
	{ 0 },
};

void container_remove(struct runtime *runtime, const struct container_ref *ref, struct call *call)
{
	struct containerd *driver = containerd_of(runtime);
	struct remove_op *own = xnew(struct remove_op);
	AUTO_FREE char *object = xasprintf("container %s", ref->id);

	own->id = xstrdup(ref->id);
	own->volumes_path = volumes_path(driver->volumes_dir, ref->namespace_, ref->id);
	own->op.fini = remove_fini;
	ctd_op_start(&driver->ctd, &own->op, remove_steps, ref->namespace_, object, call);
}
