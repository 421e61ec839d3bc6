/* SPDX-License-Identifier: Apache-2.0 */
/* The making of containers: record and snapshot, and volumes that the image declares. */
#include <errno.h>
#include <time.h>

#include "api/containerd.pb-c.h"
#include "core/registry/reference.h"
#include "drivers/containerd/driver.h"
#include "drivers/containerd/request.h"
#include "drivers/containerd/volume_tree.h"
#include "drivers/containerd/volumes.h"
#include "drivers/ctd/ctd_op.h"
#include "drivers/ctd/labels.h"
#include "drivers/ctd/methods.h"
#include "drivers/oci/image_volumes.h"
#include "drivers/oci/inputs.h"
#include "drivers/oci/oci.h"

#define RUNTIME_NAME "io.containerd.runc.v2"
#define SPEC_TYPE_URL "types.containerd.io/opencontainers/runtime-spec/1/Spec"

struct container_op {
	struct ctd_op op;
	struct container_request request; /* a copy */
	struct work work;
	int work_status;
	struct error work_err;
	struct inputs inputs;
	char *volumes_path; /* where its volumes lie; NULL: nowhere */
	bool volumes_stay;  /* they could not be taken away */
	char *image_digest; /* of the image that the snapshot was made from */
	char **ret_digest;
	char *image_user;
	char *spec_json;
	char *stop_signal;
	unsigned stale_removed;
};

static struct container_op *container_of_op(struct op *op)
{
	return container_of(op, struct container_op, op.op);
}

static void container_fini(struct op *op)
{
	struct container_op *container = container_of_op(op);

	request_fini(&container->request);
	inputs_fini(&container->inputs);
	free(container->volumes_path);
	free(container->image_digest);
	free(container->image_user);
	free(container->spec_json);
	free(container->stop_signal);
}

enum {
	STEP_PREPARE = 2,
	STEP_LOOK,
	STEP_REMOVE_STALE_VOLUMES,
	STEP_REMOVE_STALE,
	STEP_CHOOSE_VOLUMES,
	STEP_MAKE_VOLUMES,
	STEP_USER,
	STEP_CREATE,
	STEP_UNDO,
};

static int start_resolve(struct op *op)
{
	const char *image = container_of_op(op)->request.spec->image;

	if (image_find(images_of(op), to_ctd_op(op)->namespace_, image))
		return OP_NEXT;
	image_resolve(images_of(op), to_ctd_op(op)->namespace_, image, NULL, &op->step);
	return OP_WAIT;
}

/* ---- work on threads ---- */

static void run_read_host(struct work *work)
{
	struct container_op *container = container_of(work, struct container_op, work);

	container->work_status =
		inputs_read_host(container->request.spec, &container->inputs, &container->work_err);
}

static void done_read_host(struct work *work)
{
	struct container_op *container = container_of(work, struct container_op, work);

	call_complete(&container->op.op.step, container->work_status, &container->work_err);
}

/* Before anything is made: what is missing on the host leaves nothing behind. */
static int start_read_host(struct op *op)
{
	struct container_op *container = container_of_op(op);

	if (!inputs_need_host(container->request.spec))
		return OP_NEXT;
	loop_work_apart(ctd_of(op)->ops.loop, &container->work, run_read_host, done_read_host);
	return OP_WAIT;
}

static int read_user(struct op *op, struct error *err)
{
	struct container_op *container = container_of_op(op);

	return inputs_read_user(container->request.spec, container->image_user, &container->inputs,
				err);
}

/* ---- the snapshot ---- */

static int image_vanished(struct op *op)
{
	return ctd_fail(op, -EAGAIN, "image %s vanished or changed meanwhile",
			container_of_op(op)->request.spec->image);
}

/*
 * gc.root keeps the snapshot until the record refers to it: garbage collection may run between the
 * two. The record's life is longer than that of the label's use, and remove deletes both by name,
 * so it may stay.
 */
static int start_prepare(struct op *op)
{
	struct container_op *container = container_of_op(op);
	const struct image *image = image_find(images_of(op), to_ctd_op(op)->namespace_,
					       container->request.spec->image);
	Ctd__SnapshotRequest request = CTD__SNAPSHOT_REQUEST__INIT;
	struct labels labels = { 0 };

	if (!image)
		return image_vanished(op);
	str_replace(&container->image_digest, image->digest);
	free(container->image_user);
	container->image_user = xstrdup(image->config.user);
	labels_add_container(&labels, ctd_of(op)->instance, &container->request);
	labels_add(&labels, LABEL_GC_ROOT, "kukeon"); /* its presence counts */
	request.snapshotter = ctd_of(op)->snapshotter;
	request.key = (char *)container->request.ref.id;
	request.parent = image->chain_id;
	request.labels = labels.refs;
	request.n_labels = labels.n;
	return ctd_unary(op, &snapshots_prepare_method, &request.base);
}

static int done_prepare(struct op *op, int status)
{
	struct container_op *container = container_of_op(op);
	const struct container_request *request = &container->request;
	const Ctd__MountsReply *reply;

	if (status == -ENOENT) {
		image_forget(images_of(op), to_ctd_op(op)->namespace_, request->spec->image);
		return ctd_fail(op, -EAGAIN,
				"the snapshot of image %s is gone, it will be unpacked again",
				request->spec->image);
	}
	if (status == -EEXIST) {
		op->next = STEP_LOOK;
		return OP_NEXT;
	}
	reply = ctd_reply(op, Ctd__MountsReply);
	inputs_set_layers(&container->inputs, reply->mounts, reply->n_mounts);
	op->cleanup = STEP_UNDO;
	op->next = STEP_CHOOSE_VOLUMES;
	return OP_NEXT;
}

static int start_look(struct op *op)
{
	Ctd__NameRequest request = CTD__NAME_REQUEST__INIT;

	request.name = (char *)container_of_op(op)->request.ref.id;
	return ctd_unary(op, &containers_get_method, &request.base);
}

static int done_look(struct op *op, int status)
{
	const Ctd__Container *record =
		status == 0 ? ctd_reply(op, Ctd__ContainerMessage)->container : NULL;
	const struct container_request *request = &container_of_op(op)->request;

	if (!record)
		return OP_NEXT;
	if (str_equal(labels_get(record->labels, record->n_labels, LABEL_SPEC_HASH),
		      request->spec_hash)) {
		*container_of_op(op)->ret_digest =
			xstrdup(labels_get(record->labels, record->n_labels, LABEL_IMAGE_DIGEST));
		return OP_END;
	}
	return ctd_fail(op, -EEXIST, "a container of another spec is there: remove it first");
}

static int start_remove_snapshot(struct op *op)
{
	Ctd__SnapshotRequest request = CTD__SNAPSHOT_REQUEST__INIT;

	request.snapshotter = ctd_of(op)->snapshotter;
	request.key = (char *)container_of_op(op)->request.ref.id;
	return ctd_unary(op, &snapshots_remove_method, &request.base);
}

/* A snapshot without a record is what a crash left; which spec and image it belongs to is not worth
 * knowing. */
static int start_remove_stale(struct op *op)
{
	struct container_op *container = container_of_op(op);
	Ctd__SnapshotRequest request = CTD__SNAPSHOT_REQUEST__INIT;

	if (container->stale_removed++)
		return ctd_fail(op, -EBUSY, "somebody else makes its snapshot at the same time");
	request.snapshotter = ctd_of(op)->snapshotter;
	request.key = (char *)container->request.ref.id;
	return ctd_unary(op, &snapshots_remove_method, &request.base);
}

static int done_remove_stale(struct op *op, int status UNUSED)
{
	op->next = STEP_PREPARE;
	return OP_NEXT;
}

/* ---- volumes of the image, between the making of the snapshot and that of the record ---- */

static int remove_volumes(struct op *op, struct error *err)
{
	struct container_op *container = container_of_op(op);
	int r = 0;

	if (container->volumes_path)
		r = volume_tree_remove(container->volumes_path, &containerd_of_op(op)->closing,
				       err);
	container->volumes_stay = r < 0;
	return r;
}

/* Alone they would not be found: a snapshot without a record is. */
static int start_undo_snapshot(struct op *op)
{
	return container_of_op(op)->volumes_stay ? OP_NEXT : start_remove_snapshot(op);
}

/* Where layers are no directories their content cannot be copied; but what is written there goes
 * into no overlay either. */
static int start_choose_volumes(struct op *op)
{
	struct container_op *container = container_of_op(op);
	const struct image *image = image_find(images_of(op), to_ctd_op(op)->namespace_,
					       container->request.spec->image);

	if (!image)
		return image_vanished(op);
	strv_fini(&container->inputs.volume_targets);
	if (container->volumes_path && container->inputs.layers.n)
		image_volumes_choose(&image->config, container->request.spec,
				     &container->inputs.volume_targets);
	str_replace(&container->inputs.volumes_path, container->volumes_path);
	op->next = container->inputs.volume_targets.n ? STEP_MAKE_VOLUMES : STEP_USER;
	return OP_NEXT;
}

static int make_volumes(struct op *op, struct error *err)
{
	return volumes_make(&container_of_op(op)->inputs, &containerd_of_op(op)->closing, err);
}

/* A spec that cannot work takes its snapshot with it. */
static int make_spec(struct op *op)
{
	struct container_op *container = container_of_op(op);
	const struct image *image = image_find(images_of(op), to_ctd_op(op)->namespace_,
					       container->request.spec->image);
	struct oci_options options = {
		.request = &container->request,
		.host = &containerd_of_op(op)->host,
		.inputs = &container->inputs,
		.resolv_conf = containerd_of_op(op)->resolv_conf,
	};
	struct error why;
	int r;

	if (container->spec_json) /* the second time round */
		return 0;
	if (!image || !str_equal(image->digest, container->image_digest))
		return image_vanished(op);
	options.image = &image->config;
	r = oci_spec(&options, &container->spec_json, &why);
	if (r < 0)
		return ctd_fail(op, r, "%s", why.msg);
	container->stop_signal = xstrdup(image->config.stop_signal);
	return 0;
}

static int start_create(struct op *op)
{
	struct container_op *container = container_of_op(op);
	Ctd__ContainerMessage request = CTD__CONTAINER_MESSAGE__INIT;
	Ctd__Container record = CTD__CONTAINER__INIT;
	Ctd__Runtime runc = CTD__RUNTIME__INIT;
	Ctd__Any spec = CTD__ANY__INIT;
	AUTO_FREE char *image = reference_name_of(container->request.spec->image);
	struct labels labels = { 0 };
	int r = make_spec(op);

	if (r < 0)
		return r;
	op->cleanup = 0; /* a record may be made: from here on both are found by name */
	labels_add_container(&labels, ctd_of(op)->instance, &container->request);
	labels_add(&labels, LABEL_IMAGE_DIGEST, container->image_digest);
	if (container->stop_signal[0])
		labels_add(&labels, LABEL_STOP_SIGNAL, container->stop_signal);
	runc.name = (char *)RUNTIME_NAME;
	spec.type_url = (char *)SPEC_TYPE_URL;
	spec.has_value = true;
	spec.value.data = (uint8_t *)container->spec_json;
	spec.value.len = strlen(container->spec_json);
	record.id = (char *)container->request.ref.id;
	record.labels = labels.refs;
	record.n_labels = labels.n;
	record.image = image;
	record.runtime = &runc;
	record.spec = &spec;
	record.snapshotter = ctd_of(op)->snapshotter;
	record.snapshot_key = record.id;
	request.container = &record;
	return ctd_unary(op, &containers_create_method, &request.base);
}

static int done_create(struct op *op, int status)
{
	struct container_op *container = container_of_op(op);

	op->next = STEP_LOOK;
	if (status < 0)
		return OP_NEXT;
	*container->ret_digest = take_ptr(container->image_digest);
	return OP_END;
}

static const struct step create_steps[] = {
	{ .name = "resolve the image", .start = start_resolve },
	{ .name = "look for what it needs of the host", .start = start_read_host },
	[STEP_PREPARE] = { .name = "prepare the snapshot",
			   .also_ok = { ENOENT, EEXIST },
			   .start = start_prepare,
			   .done = done_prepare },
	[STEP_LOOK] = { .name = "look at the record",
			.also_ok = { ENOENT },
			.start = start_look,
			.done = done_look },
	[STEP_REMOVE_STALE_VOLUMES] = { .name = "remove left-over volumes",
					.blocking = remove_volumes,
					.apart = true },
	[STEP_REMOVE_STALE] = { .name = "remove a left-over snapshot",
				.also_ok = { ENOENT },
				.start = start_remove_stale,
				.done = done_remove_stale },
	[STEP_CHOOSE_VOLUMES] = { .name = "choose the image's volumes",
				  .start = start_choose_volumes },
	[STEP_MAKE_VOLUMES] = { .name = "make the image's volumes",
				.blocking = make_volumes,
				.apart = true },
	[STEP_USER] = { .name = "find the user", .blocking = read_user },
	[STEP_CREATE] = { .name = "create the record",
			  .also_ok = { EEXIST },
			  .start = start_create,
			  .done = done_create },
	[STEP_UNDO] = { .name = "remove its volumes", .blocking = remove_volumes, .apart = true },
	{ .name = "remove the snapshot", .also_ok = { ENOENT }, .start = start_undo_snapshot },
	{ 0 },
};

void container_create(struct runtime *runtime, const struct container_request *request,
		      char **ret_digest, struct call *call)
{
	struct container_op *container = xnew(struct container_op);
	const struct container_ref *ref = &request->ref;
	AUTO_FREE char *object = xasprintf("container %s", ref->id);

	container->ret_digest = ret_digest;
	request_copy(request, &container->request);
	container->volumes_path =
		volumes_path(containerd_of(runtime)->volumes_dir, ref->namespace_, ref->id);
	container->op.fini = container_fini;
	ctd_op_start(&containerd_of(runtime)->ctd, &container->op, create_steps, ref->namespace_,
		     object, call);
}
