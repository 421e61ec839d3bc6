/* SPDX-License-Identifier: Apache-2.0 */
/* The network of a cell, and the files that tell its containers of it. */
#include "core/hosts/hosts_files.h"
#include "core/model/names.h"
#include "core/reconcile/act_table.h"
#include "core/reconcile/observed.h"

static void run_files(struct work *work)
{
	struct run *run = container_of(work, struct run, files);

	run->files_status = hosts_job_write(run->files_job, &run->files_err);
}

static void write_files(struct run *run, work_fn done)
{
	const struct attachment_fact *fact = &run->ret.attachment;
	const struct cell_addresses at = { fact->ip, fact->ip6 };

	run->files_job = hosts_job_new(run->engine, run->object, &at, NULL, NULL);
	loop_work(run->engine->loop, &run->files, run_files, done);
}

static void on_files_before_netns(struct work *work)
{
	struct run *run = container_of(work, struct run, files);
	struct network *network = run->engine->network;

	hosts_job_free(take_ptr(run->files_job));
	if (run->files_status < 0)
		call_complete(&run->call, run->files_status, &run->files_err);
	else
		network->ops->create_netns(network, run->object->key, &run->call);
}

/* The files that the containers mount exist before any container can be made. */
static void start_netns_create(struct run *run)
{
	if (act_takes_dir(run))
		write_files(run, on_files_before_netns);
}

static void netns_created(struct run *run)
{
	run->object->cell.pinned = run->object->cell.fresh = true;
}

/* The worst is assumed: something half made is there. It is not fresh, so it is detached before the
 * next try. */
static void network_unsure(struct run *run)
{
	attachment_fact_fini(&run->ret.attachment);
	run->object->cell.pinned = run->object->cell.intent = true;
	run->object->cell.fresh = run->object->cell.attached = false;
}

static void on_files_after_attach(struct work *work)
{
	struct run *run = container_of(work, struct run, files);

	hosts_job_free(take_ptr(run->files_job));
	call_complete(&run->call, run->files_status, &run->files_err);
}

/* The address goes into the hosts file before the root starts. */
static void on_attached(struct call *call)
{
	struct run *run = container_of(call, struct run, first);

	if (call->status < 0)
		call_complete(&run->call, call->status, &call->err);
	else
		write_files(run, on_files_after_attach);
}

static void start_attach(struct run *run)
{
	struct network *network = run->engine->network;
	const struct attach_request request = {
		.cell_key = run->object->key,
		.wanted_ip = run->object->cell.last_ip,
		.wanted_ip6 = run->object->cell.last_ip6,
	};

	call_init(&run->first, run->engine->loop, on_attached);
	network->ops->attach(network, &request, &run->ret.attachment, &run->first);
}

/* Files are written after it as after an attachment: the address may be another one. */
static void start_repair(struct run *run)
{
	struct network *network = run->engine->network;
	const struct container *root = cell_root(run->object);
	AUTO_FREE char *cgroup = name_cgroup(run->engine->cgroup_root, run->object->key);
	const struct repair_request request = {
		.cell_key = run->object->key,
		.wanted_ip = run->object->cell.last_ip,
		.wanted_ip6 = run->object->cell.last_ip6,
		.pid = root ? root->pid : 0,
		.cgroup_path = cgroup,
	};

	call_init(&run->first, run->engine->loop, on_attached);
	network->ops->repair(network, &request, &run->ret.attachment, &run->first);
}

/* What it had put back by then is seen at the next try. */
static void repair_unsure(struct run *run)
{
	attachment_fact_fini(&run->ret.attachment);
	run->object->cell.intent = true;
	run->object->cell.attached = false;
}

/* What its own files tell of others is written again too: they may have changed meanwhile. */
static void attached(struct run *run)
{
	observed_attachment(run->engine, run->object, &run->ret.attachment);
	attachment_fact_fini(&run->ret.attachment);
	hosts_files_cell_changed(run->engine, run->object);
}

/* The incarnation is over from here on: nothing may be started in what is being taken down. */
static void start_detach(struct run *run)
{
	struct network *network = run->engine->network;

	run->object->cell.fresh = false;
	network->ops->detach(network, run->object->key, &run->call);
}

static void detached(struct run *run)
{
	observed_no_network(run->engine, run->object);
	engine_released(run->engine, run->object);
}

/* Tried once, it holds up nobody else. */
static void detach_unsure(struct run *run)
{
	run->object->cell.attached = false;
	engine_released(run->engine, run->object);
}

const struct act act_networks[ACTION_COUNT] = {
	[ACTION_NETNS_CREATE] = { ON_NETWORK, start_netns_create, netns_created, network_unsure },
	[ACTION_NETWORK_ATTACH] = { ON_NETWORK, start_attach, attached, network_unsure },
	[ACTION_NETWORK_REPAIR] = { ON_NETWORK, start_repair, attached, repair_unsure },
	[ACTION_NETWORK_DETACH] = { ON_NETWORK, start_detach, detached, detach_unsure },
};
