/* SPDX-License-Identifier: Apache-2.0 */
/* What containerd has of ours: records, snapshots and tasks, put together by id. */
#include <errno.h>

#include "api/containerd.pb-c.h"
#include "drivers/containerd/driver.h"
#include "drivers/ctd/ctd_op.h"
#include "drivers/ctd/labels.h"
#include "drivers/ctd/methods.h"

/* Everything of a namespace: thousands of records on a big host. */
enum { LIST_TIMEOUT_MS = 30 * 1000 };

/* More than a host can run; a list that goes on and on must end. */
enum { FACTS_MAX = 100 * 1000 };

static enum task_state task_state_of(const Ctd__Process *process)
{
	switch (process->status) {
	case CTD__PROCESS_STATUS__CREATED:
		return TASK_CREATED;
	case CTD__PROCESS_STATUS__STOPPED:
		return TASK_STOPPED;
	case CTD__PROCESS_STATUS__PAUSED:
		return TASK_PAUSED;
	case CTD__PROCESS_STATUS__PAUSING:
		return TASK_PAUSING;
	case CTD__PROCESS_STATUS__RUNNING:
	case CTD__PROCESS_STATUS__UNKNOWN:
	default:
		return TASK_RUNNING;
	}
}

/* containerd asked the shim and had no answer. */
static bool is_unclear(const Ctd__Process *process)
{
	return process->status == CTD__PROCESS_STATUS__UNKNOWN;
}

static void read_process(const Ctd__Process *process, struct container_fact *fact)
{
	fact->task = task_state_of(process);
	fact->unclear = is_unclear(process);
	fact->pid = process->pid;
	fact->exit_code = process->exit_status;
	if (fact->task == TASK_STOPPED && process->exited_at)
		fact->exited_at_ms =
			process->exited_at->seconds * 1000 + process->exited_at->nanos / 1000000;
}

/* ---- list ---- */

struct fact_item {
	struct map_node node; /* key: fact.id */
	struct container_fact fact;
};

struct facts_op {
	struct ctd_op op;
	struct map items; /* struct fact_item.node */
	struct container_facts *ret_facts;
};

static struct facts_op *facts_of(struct op *op)
{
	return container_of(op, struct facts_op, op.op);
}

static void facts_fini(struct op *op)
{
	struct facts_op *facts = facts_of(op);
	struct fact_item *item;

	map_for_each(item, &facts->items, node) {
		map_remove(&facts->items, &item->node);
		container_fact_fini(&item->fact);
		free(item);
	}
}

/* The item of @id, made when these labels are ours. NULL: a stranger's. */
static struct fact_item *find_or_add(struct facts_op *facts, const char *id,
				     Ctd__Label *const *labels, size_t n_labels)
{
	struct fact_item *item = map_entry(map_find(&facts->items, id), struct fact_item, node);

	if (item)
		return item;
	item = xnew(struct fact_item);
	if (!labels_read_container(labels, n_labels, ctd_of(&facts->op.op)->instance,
				   &item->fact)) {
		free(item);
		return NULL;
	}
	item->fact.id = xstrdup(id);
	map_insert(&facts->items, &item->node, item->fact.id);
	return item;
}

static int check_bound(struct op *op)
{
	if (facts_of(op)->items.count < FACTS_MAX)
		return 0;
	return error_set(&op->step.err, -E2BIG, "more than %d containers", FACTS_MAX);
}

static int on_container(struct op *op, const ProtobufCMessage *message)
{
	const Ctd__Container *container = ((const Ctd__ContainerMessage *)message)->container;
	struct fact_item *item;

	if (!container || !container->id)
		return 0;
	item = find_or_add(facts_of(op), container->id, container->labels, container->n_labels);
	if (item)
		item->fact.record = true;
	return check_bound(op);
}

static int start_list_containers(struct op *op)
{
	Ctd__FilterRequest request = CTD__FILTER_REQUEST__INIT;
	char *filters[] = { (char *)LABELS_FILTER };

	request.filters = filters;
	request.n_filters = ARRAY_SIZE(filters);
	return ctd_stream(op, &containers_list_method, &request.base, on_container);
}

static int on_snapshots(struct op *op, const ProtobufCMessage *message)
{
	const Ctd__SnapshotList *list = (const Ctd__SnapshotList *)message;

	for (size_t i = 0; i < list->n_info; i++) {
		const Ctd__SnapshotInfo *info = list->info[i];
		struct fact_item *item;

		if (!info->name)
			continue;
		item = find_or_add(facts_of(op), info->name, info->labels, info->n_labels);
		if (item)
			item->fact.snapshot = true;
	}
	return check_bound(op);
}

static int start_list_snapshots(struct op *op)
{
	Ctd__SnapshotListRequest request = CTD__SNAPSHOT_LIST_REQUEST__INIT;
	char *filters[] = { (char *)LABELS_FILTER };

	request.snapshotter = ctd_of(op)->snapshotter;
	request.filters = filters;
	request.n_filters = ARRAY_SIZE(filters);
	return ctd_stream(op, &snapshots_list_method, &request.base, on_snapshots);
}

static int start_list_tasks(struct op *op)
{
	Ctd__Empty request = CTD__EMPTY__INIT;

	return ctd_unary(op, &tasks_list_method, &request.base);
}

static void hand_over(struct facts_op *facts)
{
	struct container_facts *ret = facts->ret_facts;
	struct fact_item *item;

	*ret = (struct container_facts){ .items = xcalloc(facts->items.count + 1,
							  sizeof(ret->items[0])) };
	map_for_each(item, &facts->items, node) {
		map_remove(&facts->items, &item->node);
		if (!item->fact.record) /* the hash is that of a record */
			item->fact.spec_hash[0] = '\0';
		if (item->fact.record && item->fact.task == TASK_NONE)
			item->fact.unclear = true;
		ret->items[ret->n++] = item->fact;
		free(item);
	}
}

static int done_list_tasks(struct op *op, int status UNUSED)
{
	const Ctd__ProcessList *list = ctd_reply(op, Ctd__ProcessList);
	struct facts_op *facts = facts_of(op);

	for (size_t i = 0; i < list->n_tasks; i++) {
		const Ctd__Process *process = list->tasks[i];
		struct fact_item *item =
			map_entry(map_find(&facts->items, process->id ? process->id : ""),
				  struct fact_item, node);

		if (item)
			read_process(process, &item->fact);
	}
	hand_over(facts);
	return OP_NEXT;
}

static const struct step list_steps[] = {
	{ .name = "list containers",
	  .timeout_ms = LIST_TIMEOUT_MS,
	  .start = start_list_containers },
	{ .name = "list snapshots", .timeout_ms = LIST_TIMEOUT_MS, .start = start_list_snapshots },
	{ .name = "list tasks",
	  .timeout_ms = LIST_TIMEOUT_MS,
	  .start = start_list_tasks,
	  .done = done_list_tasks },
	{ 0 },
};

void facts_list(struct runtime *runtime, const char *namespace_, struct container_facts *ret_facts,
		struct call *call)
{
	struct facts_op *facts = xnew(struct facts_op);

	facts->ret_facts = ret_facts;
	facts->op.fini = facts_fini;
	ctd_op_start(&containerd_of(runtime)->ctd, &facts->op, list_steps, namespace_,
		     "all containers", call);
}

/* ---- inspect ---- */

struct inspect_op {
	struct ctd_op op;
	struct container_fact fact;
	struct container_fact *ret_fact;
};

static struct inspect_op *inspect_of(struct op *op)
{
	return container_of(op, struct inspect_op, op.op);
}

static void inspect_fini(struct op *op)
{
	container_fact_fini(&inspect_of(op)->fact);
}

static int start_get_container(struct op *op)
{
	Ctd__NameRequest request = CTD__NAME_REQUEST__INIT;

	request.name = inspect_of(op)->fact.id;
	return ctd_unary(op, &containers_get_method, &request.base);
}

static int done_get_container(struct op *op, int status)
{
	const Ctd__Container *container =
		status == 0 ? ctd_reply(op, Ctd__ContainerMessage)->container : NULL;
	struct container_fact *fact = &inspect_of(op)->fact;

	fact->record = container != NULL;
	if (container)
		labels_read_container(container->labels, container->n_labels, ctd_of(op)->instance,
				      fact);
	return OP_NEXT;
}

static int start_stat_snapshot(struct op *op)
{
	Ctd__SnapshotRequest request = CTD__SNAPSHOT_REQUEST__INIT;

	request.snapshotter = ctd_of(op)->snapshotter;
	request.key = inspect_of(op)->fact.id;
	return ctd_unary(op, &snapshots_stat_method, &request.base);
}

static int done_stat_snapshot(struct op *op, int status)
{
	const Ctd__SnapshotList *reply = status == 0 ? ctd_reply(op, Ctd__SnapshotList) : NULL;
	struct container_fact *fact = &inspect_of(op)->fact;

	fact->snapshot = reply != NULL;
	if (reply && reply->n_info == 1 && !fact->record &&
	    labels_read_container(reply->info[0]->labels, reply->info[0]->n_labels,
				  ctd_of(op)->instance, fact))
		fact->spec_hash[0] = '\0';
	return OP_NEXT;
}

static int start_get_task(struct op *op)
{
	Ctd__NameRequest request = CTD__NAME_REQUEST__INIT;

	request.name = inspect_of(op)->fact.id;
	return ctd_unary(op, &tasks_get_method, &request.base);
}

static int done_get_task(struct op *op, int status)
{
	const Ctd__Process *process =
		status == 0 ? ctd_reply(op, Ctd__ProcessMessage)->process : NULL;
	struct inspect_op *inspect = inspect_of(op);

	if (status == -ETIMEDOUT || (process && is_unclear(process)))
		return ctd_fail(op, -ETIMEDOUT,
				"its shim does not answer, so nobody knows whether it runs");
	if (process)
		read_process(process, &inspect->fact);
	*inspect->ret_fact = inspect->fact;
	inspect->fact = (struct container_fact){ 0 };
	return OP_NEXT;
}

static const struct step inspect_steps[] = {
	{ .name = "look at the record",
	  .also_ok = { ENOENT },
	  .start = start_get_container,
	  .done = done_get_container },
	{ .name = "look at the snapshot",
	  .also_ok = { ENOENT },
	  .start = start_stat_snapshot,
	  .done = done_stat_snapshot },
	{ .name = "look at the task",
	  .also_ok = { ENOENT, ETIMEDOUT },
	  .start = start_get_task,
	  .done = done_get_task },
	{ 0 },
};

void facts_inspect(struct runtime *runtime, const struct container_ref *ref,
		   struct container_fact *ret_fact, struct call *call)
{
	struct inspect_op *inspect = xnew(struct inspect_op);
	AUTO_FREE char *object = xasprintf("container %s", ref->id);

	inspect->ret_fact = ret_fact;
	inspect->fact.id = xstrdup(ref->id);
	inspect->fact.cell_key = xstrdup("");
	inspect->fact.role = xstrdup("");
	inspect->fact.container = xstrdup("");
	inspect->fact.spec_hash = xstrdup("");
	inspect->fact.image_digest = xstrdup("");
	inspect->op.fini = inspect_fini;
	ctd_op_start(&containerd_of(runtime)->ctd, &inspect->op, inspect_steps, ref->namespace_,
		     object, call);
}
