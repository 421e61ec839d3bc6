/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/bench/floor_cell.h"

#include <signal.h>

#include "core/hosts/cellfiles.h"
#include "core/model/names.h"
#include "drivers/netns/netns.h"
#include "drivers/oci/oci.h"
#include "tests/bench/bench.h"

#define CONTAINERS "/containerd.services.containers.v1.Containers/"
#define SNAPSHOTS "/containerd.services.snapshots.v1.Snapshots/"
#define TASKS "/containerd.services.tasks.v1.Tasks/"
#define SNAPSHOTTER ((char *)"overlayfs")

/* ---- names and specs ---- */

static void make_spec(struct floor_cell *cell, struct floor_container *c, const char *role)
{
	const struct floor *floor = cell->floor;
	char *args[] = { (char *)"-c", (char *)BENCH_WORKLOAD };
	Api__ContainerSpec spec = API__CONTAINER_SPEC__INIT;
	AUTO_FREE char *cgroup = xasprintf("/bench/%s", c->id);
	AUTO_FREE char *hosts = cellfiles_path(floor->options.dir, cell->key, NULL, CELLFILE_HOSTS);
	AUTO_FREE char *hostname =
		cellfiles_path(floor->options.dir, cell->key, NULL, CELLFILE_HOSTNAME);
	struct container_request request = {
		.ref = { FLOOR_NAMESPACE, c->id },
		.cell_key = cell->key,
		.role = role,
		.spec_hash = "",
		.group_id = cell->containers[0].id,
		.netns_path = cell->netns,
		.cgroup_path = cgroup,
		.hostname = key_name(cell->key),
		.hosts_path = hosts,
		.hostname_path = hostname,
		.spec = &spec,
	};
	const struct inputs inputs = { 0 }; /* no user, no devices */
	struct oci_options options = {
		.request = &request, .image = &floor->image, .host = &floor->host, .inputs = &inputs
	};
	struct error err;

	spec.id = (char *)role;
	spec.image = (char *)floor->options.image;
	spec.command = (char *)"/bin/sh";
	spec.args = args;
	spec.n_args = ARRAY_SIZE(args);
	if (oci_spec(&options, &c->spec_json, &err) < 0)
		bench_fail("OCI spec of %s: %s", c->id, err.msg);
}

void floor_cell_init(struct floor_cell *cell, struct floor *floor, unsigned n_containers)
{
	unsigned number = floor->sequence++;
	const struct cellfiles_hosts nothing = { 0 };
	struct error err;

	check(n_containers >= 1 && n_containers <= FLOOR_CONTAINERS_MAX);
	*cell = (struct floor_cell){ .floor = floor, .n = n_containers };
	cell->key = xasprintf("bench/bench/bench/floor%u", number);
	cell->netns = xasprintf("%s/netns%u", floor->options.dir, number);
	if (cellfiles_write(floor->options.dir, cell->key, &nothing, &err) < 0)
		bench_fail("%s", err.msg);
	for (unsigned i = 0; i < n_containers; i++) {
		cell->containers[i].id = name_containerd_id(cell->key, i ? "side" : "root");
		make_spec(cell, &cell->containers[i], i ? "side" : "root");
	}
	sem_init(&cell->pinned, 0, 0);
	sem_init(&cell->attached, 0, 0);
	sem_init(&cell->root_created, 0, 0);
	sem_init(&cell->root_started, 0, 0);
}

void floor_cell_fini(struct floor_cell *cell)
{
	for (unsigned i = 0; i < cell->n; i++) {
		free(cell->containers[i].id);
		free(cell->containers[i].spec_json);
	}
	free(cell->key);
	free(cell->netns);
	free(cell->attachment_id);
}

/* ---- network ---- */

static struct plugin_run plugin_run(const struct floor_cell *cell)
{
	return (struct plugin_run){ .list = &cell->floor->list,
				    .bin_dirs = cell->floor->options.bin_dirs,
				    .container_id = cell->attachment_id,
				    .netns = cell->netns };
}

static void detach(struct floor_cell *cell)
{
	const struct plugin_run run = plugin_run(cell);
	struct error err;

	sem_wait(&cell->floor->plugins);
	plugin_del(&run);
	sem_post(&cell->floor->plugins);
	free(take_ptr(cell->attachment_id));
	if (netns_remove(cell->netns, &err) < 0)
		bench_fail("%s", err.msg);
}

static void *attach(void *ctx)
{
	struct floor_cell *cell = ctx;
	struct plugin_run run;
	uint64_t start_ns;
	struct error err;

	if (netns_create(cell->netns, &err) < 0)
		bench_fail("%s", err.msg);
	sem_post(&cell->pinned);
	cell->attachment_id = xasprintf(
		"floor.%u", __atomic_fetch_add(&cell->floor->sequence, 1, __ATOMIC_RELAXED));
	run = plugin_run(cell);
	sem_wait(&cell->floor->plugins);
	start_ns = bench_now_ns();
	plugin_add(&run);
	cell->add_ns = bench_now_ns() - start_ns;
	sem_post(&cell->floor->plugins);
	sem_post(&cell->attached);
	return NULL;
}

static void *attach_anew(void *ctx)
{
	detach(ctx);
	return attach(ctx);
}

/* ---- containers ---- */

/* Returns the mounts of its snapshot. */
static Ctd__MountsReply *prepare(struct floor_cell *cell, struct floor_container *c)
{
	Ctd__SnapshotRequest request = CTD__SNAPSHOT_REQUEST__INIT;
	Ctd__Label label = CTD__LABEL__INIT, *labels[] = { &label };

	label.key = (char *)"containerd.io/gc.root"; /* as long as no record refers to it */
	label.value = (char *)"bench";
	request.snapshotter = SNAPSHOTTER;
	request.key = c->id;
	request.parent = cell->floor->chain_id;
	request.labels = labels;
	request.n_labels = 1;
	return (Ctd__MountsReply *)ctd_call(cell->floor->ctd, SNAPSHOTS "Prepare", &request.base,
					    &ctd__mounts_reply__descriptor);
}

static Ctd__MountsReply *find_mounts(struct floor_cell *cell, struct floor_container *c)
{
	Ctd__SnapshotRequest request = CTD__SNAPSHOT_REQUEST__INIT;

	request.snapshotter = SNAPSHOTTER;
	request.key = c->id;
	return (Ctd__MountsReply *)ctd_call(cell->floor->ctd, SNAPSHOTS "Mounts", &request.base,
					    &ctd__mounts_reply__descriptor);
}

static void create_record(struct floor_cell *cell, struct floor_container *c)
{
	Ctd__ContainerMessage request = CTD__CONTAINER_MESSAGE__INIT;
	Ctd__Container record = CTD__CONTAINER__INIT;
	Ctd__Runtime runc = CTD__RUNTIME__INIT;
	Ctd__Any spec = CTD__ANY__INIT;

	runc.name = (char *)"io.containerd.runc.v2";
	spec.type_url = (char *)"types.containerd.io/opencontainers/runtime-spec/1/Spec";
	spec.has_value = true;
	spec.value.data = (uint8_t *)c->spec_json;
	spec.value.len = strlen(c->spec_json);
	record.id = record.snapshot_key = c->id;
	record.image = (char *)cell->floor->options.image;
	record.runtime = &runc;
	record.spec = &spec;
	record.snapshotter = SNAPSHOTTER;
	request.container = &record;
	ctd_call(cell->floor->ctd, CONTAINERS "Create", &request.base, NULL);
}

static void create_task(struct floor_cell *cell, struct floor_container *c,
			Ctd__MountsReply *mounts)
{
	Ctd__TaskCreateRequest request = CTD__TASK_CREATE_REQUEST__INIT;
	Ctd__TaskCreateReply *reply;

	request.container_id = c->id;
	request.rootfs = mounts->mounts;
	request.n_rootfs = mounts->n_mounts;
	reply = (Ctd__TaskCreateReply *)ctd_call(cell->floor->ctd, TASKS "Create", &request.base,
						 &ctd__task_create_reply__descriptor);
	c->pid = reply->pid;
	protobuf_c_message_free_unpacked(&reply->base, NULL);
	protobuf_c_message_free_unpacked(&mounts->base, NULL);
}

static void start_task(struct floor_cell *cell, struct floor_container *c)
{
	ctd_call_name(cell->floor->ctd, TASKS "Start", c->id, NULL);
}

static void delete_task(struct floor_cell *cell, struct floor_container *c)
{
	ctd_call_name(cell->floor->ctd, TASKS "Delete", c->id, NULL);
}

/* ---- the whole ---- */

static Ctd__MountsReply *make_container(struct floor_cell *cell, struct floor_container *c)
{
	ProtobufCMessage *image =
		ctd_call_name(cell->floor->ctd, "/containerd.services.images.v1.Images/Get",
			      cell->floor->options.image, &ctd__image_message__descriptor);
	Ctd__MountsReply *mounts = prepare(cell, c);

	protobuf_c_message_free_unpacked(image, NULL);
	create_record(cell, c);
	return mounts;
}

/* The shim is the root's: its process is made first, and started when the network is whole. */
static void *up_side(void *ctx)
{
	struct floor_cell *cell = ctx;
	struct floor_container *side = &cell->containers[1];
	Ctd__MountsReply *mounts = make_container(cell, side);

	sem_wait(&cell->root_created);
	create_task(cell, side, mounts);
	sem_wait(&cell->root_started);
	start_task(cell, side);
	return NULL;
}

void floor_cell_up(struct floor_cell *cell)
{
	struct floor_container *root = &cell->containers[0];
	pthread_t network = bench_thread(attach, cell), side = 0;
	Ctd__MountsReply *mounts;
	uint64_t created_ns;

	if (cell->n > 1)
		side = bench_thread(up_side, cell);
	mounts = make_container(cell, root);
	sem_wait(&cell->pinned);
	create_task(cell, root, mounts);
	sem_post(&cell->root_created);
	created_ns = bench_now_ns();
	sem_wait(&cell->attached);
	cell->waited_ns = bench_now_ns() - created_ns;
	start_task(cell, root);
	sem_post(&cell->root_started);
	if (cell->n > 1)
		pthread_join(side, NULL);
	cell->up_ns = bench_now_ns();
	pthread_join(network, NULL);
}

static void kill_and_wait(struct floor_cell *cell, struct floor_container *c)
{
	struct ctd_wait wait;

	ctd_wait_begin(cell->floor->ctd, &wait, c->id);
	kill((pid_t)c->pid, SIGKILL);
	ctd_wait_end(&wait);
}

void floor_cell_restart_root(struct floor_cell *cell)
{
	struct floor_container *root = &cell->containers[0];
	Ctd__MountsReply *mounts;
	pthread_t network;

	check(cell->n == 1);
	kill_and_wait(cell, root);
	network = bench_thread(attach_anew, cell);
	delete_task(cell, root);
	mounts = find_mounts(cell, root);
	sem_wait(&cell->pinned);
	create_task(cell, root, mounts);
	sem_wait(&cell->attached);
	start_task(cell, root);
	cell->up_ns = bench_now_ns();
	pthread_join(network, NULL);
}

void floor_cell_restart_side(struct floor_cell *cell)
{
	struct floor_container *side = &cell->containers[1];

	check(cell->n > 1);
	kill_and_wait(cell, side);
	delete_task(cell, side);
	create_task(cell, side, find_mounts(cell, side));
	start_task(cell, side);
	cell->up_ns = bench_now_ns();
}

void floor_cell_down(struct floor_cell *cell)
{
	Ctd__SnapshotRequest snapshot = CTD__SNAPSHOT_REQUEST__INIT;

	for (unsigned i = cell->n; i-- > 0;) {
		struct floor_container *c = &cell->containers[i];

		kill_and_wait(cell, c);
		delete_task(cell, c);
		ctd_call_name(cell->floor->ctd, CONTAINERS "Delete", c->id, NULL);
		snapshot.snapshotter = SNAPSHOTTER;
		snapshot.key = c->id;
		ctd_call(cell->floor->ctd, SNAPSHOTS "Remove", &snapshot.base, NULL);
	}
	detach(cell);
}
