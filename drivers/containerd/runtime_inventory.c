/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inventory: what containerd has of ours, in every namespace that carries our label, and the
 * shims that serve these namespaces; beside them, the volumes that images declared. A container
 * without our labels is a stranger's, and so are its snapshot, task and shim; only what no record
 * explains at all counts as ours by its place.
 */
#include <errno.h>

#include "api/containerd.pb-c.h"
#include "drivers/containerd/driver.h"
#include "drivers/containerd/log_things.h"
#include "drivers/containerd/shims.h"
#include "drivers/containerd/volumes.h"
#include "drivers/ctd/ctd_op.h"
#include "drivers/ctd/labels.h"
#include "drivers/ctd/methods.h"
#include "drivers/images/lease.h"
#include "drivers/images/unpack.h"

/* Of thousands of things, by a containerd that is busy. */
enum { LIST_TIMEOUT_MS = 30 * 1000 };

/* A container record of any owner. */
struct record {
	struct map_node node; /* struct inventory_op.records */
	char *key;            /* "<namespace>/<id>" */
	char *cell_key;       /* NULL: a stranger's */
};

struct inventory_op {
	struct ctd_op op;
	struct strv namespaces, realms;
	size_t at;  /* which of them */
	bool pulls; /* into that one, or may go on soon */
	struct map records;
	struct shims shims;
	struct strv volumes, execs;
	struct log_finds logs;
	struct host_things things, *ret_things;
};

static struct inventory_op *inventory_of(struct op *op)
{
	return container_of(op, struct inventory_op, op.op);
}

static void inventory_fini(struct op *op)
{
	struct inventory_op *inventory = inventory_of(op);
	struct record *record;

	map_for_each(record, &inventory->records, node) {
		map_remove(&inventory->records, &record->node);
		free(record->key);
		free(record->cell_key);
		free(record);
	}
	strv_fini(&inventory->namespaces);
	strv_fini(&inventory->realms);
	shims_fini(&inventory->shims);
	strv_fini(&inventory->volumes);
	log_finds_fini(&inventory->logs);
	strv_fini(&inventory->execs);
	host_things_fini(&inventory->things);
}

/* The namespace that is being looked at, and the realm whose it is. */
static const char *namespace_of(const struct inventory_op *inventory)
{
	return inventory->namespaces.items[inventory->at];
}

static const char *realm_of(const struct inventory_op *inventory)
{
	return inventory->realms.items[inventory->at];
}

static struct record *find_record(const struct inventory_op *inventory, const char *namespace_,
				  const char *id)
{
	AUTO_FREE char *key = xasprintf("%s/%s", namespace_, id);

	return map_entry(map_find(&inventory->records, key), struct record, node);
}

static struct host_thing *add(struct inventory_op *inventory, enum host_kind kind, const char *id,
			      const char *owner)
{
	AUTO_FREE char *name = xasprintf("%s/%s", namespace_of(inventory), id);
	struct host_thing *thing = host_things_add(&inventory->things, kind, name, owner);

	thing->id = xstrdup(id);
	return thing;
}

/* ---- namespaces ---- */

static int start_namespaces(struct op *op)
{
	struct inventory_op *inventory = inventory_of(op);

	containerd_of_op(op)->runtime.ops->list_namespaces(&containerd_of_op(op)->runtime,
							   &inventory->namespaces,
							   &inventory->realms, &op->step);
	return OP_WAIT;
}

/* Of the first namespace, or the end of the walk through them. */
enum { STEP_ENTER = 1, STEP_HOST = 8 };

static int start_enter(struct op *op)
{
	struct inventory_op *inventory = inventory_of(op);

	if (inventory->at == inventory->namespaces.n) {
		op->next = STEP_HOST;
		return OP_NEXT;
	}
	free(to_ctd_op(op)->namespace_);
	to_ctd_op(op)->namespace_ = xstrdup(namespace_of(inventory));
	return OP_NEXT;
}

static int start_leave(struct op *op)
{
	inventory_of(op)->at++;
	op->next = STEP_ENTER;
	return OP_NEXT;
}

/* ---- containers ---- */

static int on_container(struct op *op, const ProtobufCMessage *message)
{
	const Ctd__Container *container = ((const Ctd__ContainerMessage *)message)->container;
	struct inventory_op *inventory = inventory_of(op);
	AUTO(container_fact_fini) struct container_fact fact = { 0 };
	struct record *record;

	if (!container || !container->id ||
	    find_record(inventory, to_ctd_op(op)->namespace_, container->id))
		return 0;
	record = xnew(struct record);
	record->key = xasprintf("%s/%s", to_ctd_op(op)->namespace_, container->id);
	map_insert(&inventory->records, &record->node, record->key);
	if (labels_read_container(container->labels, container->n_labels, ctd_of(op)->instance,
				  &fact)) {
		record->cell_key = take_ptr(fact.cell_key);
		add(inventory, HOST_CONTAINER, container->id, record->cell_key);
	}
	return 0;
}

static int start_containers(struct op *op)
{
	Ctd__FilterRequest request = CTD__FILTER_REQUEST__INIT;

	return ctd_stream(op, &containers_list_method, &request.base, on_container);
}

/* ---- snapshots ---- */

/* One that is worked under, or that is kept for the next try of a pull. */
static bool is_used(struct op *op, const char *lease)
{
	const char *namespace_ = to_ctd_op(op)->namespace_;

	return lease_in_use(ctd_of(op), namespace_, lease) ||
	       (str_starts_with(lease, PULL_LEASE_PREFIX) &&
		images_keeps(images_of(op), namespace_, lease));
}

/* "extract-<lease> <chain id>", of an unpacking; "extract-<lease>.<number> ..." under that of a
 * pull. */
static void add_extract(struct inventory_op *inventory, const char *name)
{
	const char *lease = name + strlen(UNPACK_SNAPSHOT_PREFIX);
	AUTO_FREE char *id = xstrndup(lease, strcspn(lease, ". "));
	struct host_thing *thing = add(inventory, HOST_SNAPSHOT, name, NULL);

	thing->in_use = is_used(&inventory->op.op, id);
	thing->why = xstrdup("an unpacking that was cut off left it");
}

static bool is_extract(const char *name)
{
	return str_starts_with(name, UNPACK_SNAPSHOT_PREFIX UNPACK_LEASE_PREFIX) ||
	       str_starts_with(name, UNPACK_SNAPSHOT_PREFIX PULL_LEASE_PREFIX);
}

static int on_snapshots(struct op *op, const ProtobufCMessage *message)
{
	const Ctd__SnapshotList *list = (const Ctd__SnapshotList *)message;
	struct inventory_op *inventory = inventory_of(op);

	for (size_t i = 0; i < list->n_info; i++) {
		const Ctd__SnapshotInfo *info = list->info[i];
		AUTO(container_fact_fini) struct container_fact fact = { 0 };

		if (!info->name)
			continue;
		if (labels_read_container(info->labels, info->n_labels, ctd_of(op)->instance,
					  &fact))
			add(inventory, HOST_SNAPSHOT, info->name, fact.cell_key);
		else if (is_extract(info->name))
			add_extract(inventory, info->name);
	}
	return 0;
}

static int start_snapshots(struct op *op)
{
	Ctd__SnapshotListRequest request = CTD__SNAPSHOT_LIST_REQUEST__INIT;

	request.snapshotter = ctd_of(op)->snapshotter;
	return ctd_stream(op, &snapshots_list_method, &request.base, on_snapshots);
}

/* ---- tasks and leases ---- */

static int start_tasks(struct op *op)
{
	Ctd__Empty request = CTD__EMPTY__INIT;

	return ctd_unary(op, &tasks_list_method, &request.base);
}

static int done_tasks(struct op *op, int status UNUSED)
{
	const Ctd__ProcessList *list = ctd_reply(op, Ctd__ProcessList);
	struct inventory_op *inventory = inventory_of(op);

	for (size_t i = 0; i < list->n_tasks; i++) {
		const char *id = list->tasks[i]->id;
		const struct record *record =
			id ? find_record(inventory, to_ctd_op(op)->namespace_, id) : NULL;

		if (!str_empty(list->tasks[i]->stdout))
			strv_add(&inventory->logs.stdouts, list->tasks[i]->stdout);
		if (record && record->cell_key)
			add(inventory, HOST_TASK, id, record->cell_key);
		else if (id && !record)
			add(inventory, HOST_TASK, id, NULL)->why =
				xstrdup("no container has this id");
	}
	return OP_NEXT;
}

static int start_leases(struct op *op)
{
	Ctd__FilterRequest request = CTD__FILTER_REQUEST__INIT;

	return ctd_unary(op, &leases_list_method, &request.base);
}

/* In words. Free with free(). */
static char *why_orphan(struct inventory_op *inventory, const Ctd__Lease *lease)
{
	const char *image = labels_get(lease->labels, lease->n_labels, LABEL_IMAGE);

	if (*image)
		return xasprintf("a pull of %s that was cut off left it, and none has gone on",
				 image);
	return xasprintf("no image of realm %s is being unpacked under it", realm_of(inventory));
}

static int done_leases(struct op *op, int status UNUSED)
{
	const Ctd__LeaseList *list = ctd_reply(op, Ctd__LeaseList);
	struct inventory_op *inventory = inventory_of(op);

	inventory->pulls = false;
	for (size_t i = 0; i < list->n_leases; i++) {
		struct host_thing *thing;

		if (!list->leases[i]->id || !lease_is_ours(ctd_of(op), list->leases[i]))
			continue;
		thing = add(inventory, HOST_LEASE, list->leases[i]->id, NULL);
		thing->in_use = is_used(op, list->leases[i]->id);
		thing->why = why_orphan(inventory, list->leases[i]);
		inventory->pulls |= thing->in_use;
	}
	return OP_NEXT;
}

/* ---- ingests ---- */

static int start_ingests(struct op *op)
{
	Ctd__FilterRequest request = CTD__FILTER_REQUEST__INIT;

	return ctd_unary(op, &content_list_statuses_method, &request.base);
}

/* None says under which lease it is: as long as one is used here, they all are. */
static int done_ingests(struct op *op, int status UNUSED)
{
	const Ctd__ContentStatuses *list = ctd_reply(op, Ctd__ContentStatuses);
	struct inventory_op *inventory = inventory_of(op);

	for (size_t i = 0; i < list->n_statuses; i++) {
		const char *ref = list->statuses[i]->ref;
		struct host_thing *thing;

		if (!ref || !str_starts_with(ref, PULL_REF_PREFIX))
			continue;
		thing = add(inventory, HOST_INGEST, ref, NULL);
		thing->in_use = inventory->pulls;
		thing->why = xstrdup("no pull writes it");
	}
	return OP_NEXT;
}

/* ---- shims, and volumes of images ---- */

static int look_on_host(struct op *op, struct error *err)
{
	const char *dir = containerd_of_op(op)->volumes_dir;
	const char *execs = containerd_of_op(op)->sessions.dir;
	int r = dir ? volumes_list(dir, &inventory_of(op)->volumes, err) : 0;

	shims_read(ctd_of(op)->socket, &inventory_of(op)->shims);
	if (r == 0 && execs)
		r = sessions_list(execs, &inventory_of(op)->execs, err);
	return r < 0 ? r : log_finds_read(containerd_of_op(op), &inventory_of(op)->logs, err);
}

static void add_shim(struct inventory_op *inventory, const struct shim *shim)
{
	const struct record *record = find_record(inventory, shim->namespace_, shim->id);

	for (inventory->at = 0; inventory->at < inventory->namespaces.n; inventory->at++) {
		struct host_thing *thing;

		if (!str_equal(namespace_of(inventory), shim->namespace_))
			continue;
		if (record && !record->cell_key)
			return;
		thing = add(inventory, HOST_SHIM, shim->id, record ? record->cell_key : NULL);
		thing->why = record ? NULL : xstrdup("the container it was started for is gone");
		return;
	}
}

static int done_look_on_host(struct op *op, int status UNUSED)
{
	struct inventory_op *inventory = inventory_of(op);

	for (size_t i = 0; i < inventory->shims.n; i++)
		add_shim(inventory, &inventory->shims.items[i]);
	volumes_add(&inventory->volumes, &inventory->things);
	sessions_add(&containerd_of_op(op)->sessions, &inventory->execs, &inventory->things);
	log_finds_add(containerd_of_op(op), &inventory->logs, &inventory->things);
	host_things_take(inventory->ret_things, &inventory->things);
	return OP_NEXT;
}

static const struct step inventory_steps[] = {
	{ .name = "list namespaces", .start = start_namespaces },
	[STEP_ENTER] = { .name = "look into the next namespace", .start = start_enter },
	{ .name = "list containers", .timeout_ms = LIST_TIMEOUT_MS, .start = start_containers },
	{ .name = "list snapshots", .timeout_ms = LIST_TIMEOUT_MS, .start = start_snapshots },
	{ .name = "list tasks",
	  .timeout_ms = LIST_TIMEOUT_MS,
	  .start = start_tasks,
	  .done = done_tasks },
	{ .name = "list leases",
	  .timeout_ms = LIST_TIMEOUT_MS,
	  .start = start_leases,
	  .done = done_leases },
	{ .name = "list ingests",
	  .timeout_ms = LIST_TIMEOUT_MS,
	  .start = start_ingests,
	  .done = done_ingests },
	{ .name = "leave the namespace", .start = start_leave },
	[STEP_HOST] = { .name = "look for shims, volumes, commands and logs",
			.blocking = look_on_host,
			.apart = true, /* log files lie where the user says */
			.done = done_look_on_host },
	{ 0 },
};

void inventory_take(struct runtime *runtime, struct host_things *ret_things, struct call *call)
{
	struct inventory_op *inventory = xnew(struct inventory_op);

	inventory->ret_things = ret_things;
	inventory->op.fini = inventory_fini;
	ctd_op_start(&containerd_of(runtime)->ctd, &inventory->op, inventory_steps, NULL,
		     "everything", call);
}
