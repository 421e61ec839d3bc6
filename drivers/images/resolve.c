/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From an image's name to a committed snapshot and a config. What was resolved is remembered with
 * the digest that the name pointed to, so that the next look is one Images.Get. Two looks at the
 * same image at a time share one action.
 *
 * Unpacking (the content is there, the snapshots are not) runs under a lease, so that containerd's
 * garbage collection leaves half an image alone, and so that a crash in the middle leaves nothing:
 * the lease expires.
 */
#include "drivers/images/images.h"

#include <errno.h>

#include "api/containerd.pb-c.h"
#include "core/registry/reference.h"
#include "drivers/ctd/methods.h"
#include "drivers/images/unpack.h"

/* An index may point to an index; nobody nests deeper. */
enum { INDEX_DEPTH_MAX = 3 };

enum { STEP_READ_MANIFEST = 1, STEP_LOOK_AT_LAYER = 7, STEP_PIN = 12, STEP_CLEAN_UP = 13 };

struct waiter {
	struct list link; /* struct image_op.waiters */
	struct call *call;
	char **ret_digest;
};

static void remember(struct image_op *image)
{
	struct image found = { .digest = image->digest,
			       .chain_id = image->chain_id,
			       .config = image->config };

	image->config = (struct image_config){ 0 };
	image_remember(image->images, image->op.namespace_, image->name, &found);
}

/* @ret NULL: nobody asks. */
static void give_digest(const struct image_op *image, char **ret)
{
	if (ret && image->op.op.status == 0)
		*ret = xstrdup(image->digest);
}

static void resolve_fini(struct op *op)
{
	struct image_op *image = image_op_of(op);
	struct waiter *waiter;

	if (op->status == 0 && image->chain_id)
		remember(image);
	give_digest(image, image->ret_digest);
	list_for_each(waiter, &image->waiters, link) {
		give_digest(image, waiter->ret_digest);
		call_complete(waiter->call, op->status, &op->err);
		list_remove(&waiter->link);
		free(waiter);
	}
	list_remove(&image->link);
	unpack_let_go(image);
	free(image->name);
	free(image->key);
	free(image->digest);
	free(image->chain_id);
	free(image->extract_key);
	image_blob_fini(&image->blob);
	buf_fini(&image->document);
	image_manifest_fini(&image->manifest);
	image_config_fini(&image->config);
	if (image->mounts)
		protobuf_c_message_free_unpacked(&image->mounts->base, NULL);
}

static int start_get(struct op *op)
{
	Ctd__NameRequest request = CTD__NAME_REQUEST__INIT;

	request.name = image_op_of(op)->name;
	return ctd_unary(op, &images_get_method, &request.base);
}

static int done_get(struct op *op, int status)
{
	struct image_op *image = image_op_of(op);
	const Ctd__Image *found = status == 0 ? ctd_reply(op, Ctd__ImageMessage)->image : NULL;
	const struct image *known =
		image_find(image->images, to_ctd_op(op)->namespace_, image->name);

	if (status < 0) {
		image_forget(image->images, to_ctd_op(op)->namespace_, image->name);
		return ctd_fail(
			op, -ENOENT,
			"not in containerd namespace %s: pull or import it, e.g. ctr -n %s images pull %s",
			to_ctd_op(op)->namespace_, to_ctd_op(op)->namespace_, image->name);
	}
	if (!found || !found->target || !found->target->digest ||
	    !image_digest_is_valid(found->target->digest))
		return ctd_fail(op, -EBADMSG, "containerd's record of it has no digest");
	image->digest = xstrdup(found->target->digest);
	if (known && str_equal(known->digest, image->digest))
		return OP_END;
	image->blob.digest = xstrdup(found->target->digest);
	return OP_NEXT;
}

static int on_chunk(struct op *op, const ProtobufCMessage *message)
{
	const Ctd__ContentChunk *chunk = (const Ctd__ContentChunk *)message;
	struct buf *document = &image_op_of(op)->document;

	if (document->len + chunk->data.len > IMAGE_DOCUMENT_MAX_BYTES)
		return error_set(&op->step.err, -EFBIG, "blob %s has more than %d bytes",
				 image_op_of(op)->blob.digest, IMAGE_DOCUMENT_MAX_BYTES);
	buf_add(document, chunk->data.data, chunk->data.len);
	return 0;
}

static int start_read(struct op *op)
{
	struct image_op *image = image_op_of(op);
	Ctd__ContentReadRequest request = CTD__CONTENT_READ_REQUEST__INIT;

	image->document.len = 0;
	request.digest = image->blob.digest;
	return ctd_stream(op, &content_read_method, &request.base, on_chunk);
}

static int fail_with(struct op *op, int code, const struct error *why)
{
	return ctd_fail(op, code, "%s: pull it again or choose another image", why->msg);
}

/* ---- parsing: what comes from strangers takes its time, so not on the loop ---- */

static void done_parse(struct work *work)
{
	struct image_op *image = container_of(work, struct image_op, work);

	buf_fini(&image->document);
	call_complete(&image->op.op.step, 0, NULL);
}

static int start_parse(struct op *op, work_fn run)
{
	loop_work(ctd_of(op)->ops.loop, &image_op_of(op)->work, run, done_parse);
	return OP_WAIT;
}

static void run_parse_manifest(struct work *work)
{
	struct image_op *image = container_of(work, struct image_op, work);

	image->parsed = image_manifest_parse(image->document.data, image->document.len,
					     &image->images->host->platform, &image->manifest,
					     &image->parse_err);
}

static int start_manifest(struct op *op)
{
	return start_parse(op, run_parse_manifest);
}

static void run_parse_config(struct work *work)
{
	struct image_op *image = container_of(work, struct image_op, work);

	image->parsed = image_config_parse(image->document.data, image->document.len,
					   &image->config, &image->parse_err);
}

static int start_config(struct op *op)
{
	return start_parse(op, run_parse_config);
}

/* An index leads to one more read, a manifest to the config. */
static int done_manifest(struct op *op, int status UNUSED)
{
	struct image_op *image = image_op_of(op);

	if (image->parsed < 0)
		return fail_with(op, image->parsed, &image->parse_err);
	image_blob_fini(&image->blob);
	image->blob = image->manifest.blob;
	image->manifest.blob = (struct image_blob){ 0 };
	if (!image->manifest.is_index)
		return OP_NEXT;
	if (++image->depth > INDEX_DEPTH_MAX)
		return ctd_fail(op, -EBADMSG, "its index leads to index after index");
	image_manifest_fini(&image->manifest);
	op->next = STEP_READ_MANIFEST;
	return OP_NEXT;
}

static int done_config(struct op *op, int status UNUSED)
{
	struct image_op *image = image_op_of(op);

	if (image->parsed < 0)
		return fail_with(op, image->parsed, &image->parse_err);
	if (image->config.diff_ids.n != image->manifest.n_layers)
		return ctd_fail(op, -EBADMSG, "%zu layers, but its config names %zu",
				image->manifest.n_layers, image->config.diff_ids.n);
	image->chain_id = image_chain_id(&image->config.diff_ids, image->config.diff_ids.n);
	return OP_NEXT;
}

static int start_stat(struct op *op)
{
	Ctd__SnapshotRequest request = CTD__SNAPSHOT_REQUEST__INIT;

	request.snapshotter = ctd_of(op)->snapshotter;
	request.key = image_op_of(op)->chain_id;
	return ctd_unary(op, &snapshots_stat_method, &request.base);
}

static int done_stat(struct op *op UNUSED, int status)
{
	return status == 0 ? OP_END : OP_NEXT;
}

static int start_lease(struct op *op)
{
	op->cleanup = STEP_CLEAN_UP;
	return unpack_start_lease(op);
}

static int start_layer(struct op *op)
{
	struct image_op *image = image_op_of(op);

	if (image->layer < image->manifest.n_layers)
		return unpack_start_stat(op);
	op->next = STEP_PIN;
	return OP_NEXT;
}

static int done_layer(struct op *op, int status)
{
	if (status < 0)
		return OP_NEXT;
	image_op_of(op)->layer++;
	op->next = STEP_LOOK_AT_LAYER;
	return OP_NEXT;
}

/* Whoever waited for a layer that another was at finds it, or has to make it now. */
static int done_claim(struct op *op, int status UNUSED)
{
	op->next = STEP_LOOK_AT_LAYER;
	return OP_NEXT;
}

static int done_commit(struct op *op, int status)
{
	struct image_op *image = image_op_of(op);

	unpack_let_go(image);
	/* With EEXIST somebody else unpacked the layer first; ours goes when the lease does. */
	if (status == 0 || status == -EEXIST) {
		free(take_ptr(image->extract_key));
		image->layer++;
	}
	op->next = STEP_LOOK_AT_LAYER;
	return OP_NEXT;
}

static const struct step resolve_steps[] = {
	{ .name = "look it up", .also_ok = { ENOENT }, .start = start_get, .done = done_get },
	[STEP_READ_MANIFEST] = { .name = "read the manifest", .start = start_read },
	{ .name = "parse the manifest", .start = start_manifest, .done = done_manifest },
	{ .name = "read the config", .start = start_read },
	{ .name = "parse the config", .start = start_config, .done = done_config },
	{ .name = "look for its snapshot",
	  .also_ok = { ENOENT },
	  .start = start_stat,
	  .done = done_stat },
	{ .name = "take a lease",
	  .also_ok = { EEXIST },
	  .start = start_lease,
	  .done = unpack_done_lease },
	[STEP_LOOK_AT_LAYER] = { .name = "look at a layer",
				 .also_ok = { ENOENT },
				 .start = start_layer,
				 .done = done_layer },
	{ .name = "wait for who unpacks it", .start = unpack_start_claim, .done = done_claim },
	{ .name = "prepare a layer",
	  .also_ok = { EEXIST },
	  .start = unpack_start_prepare,
	  .done = unpack_done_prepare },
	{ .name = "unpack a layer",
	  .timeout_ms = UNPACK_TIMEOUT_MS,
	  .start = unpack_start_apply,
	  .done = unpack_done_apply },
	{ .name = "commit a layer",
	  .timeout_ms = UNPACK_TIMEOUT_MS,
	  .also_ok = { EEXIST },
	  .start = unpack_start_commit,
	  .done = done_commit },
	[STEP_PIN] = { .name = "tie the snapshots to the image", .start = unpack_start_pin },
	[STEP_CLEAN_UP] = { .name = "remove the half layer",
			    .also_ok = { ENOENT },
			    .start = unpack_start_abort },
	{ .name = "give the lease back", .also_ok = { ENOENT }, .start = unpack_start_release },
	{ 0 },
};

static struct image_op *find_running(struct images *images, const char *key)
{
	struct image_op *image;

	list_for_each(image, &images->resolving, link)
		if (str_equal(image->key, key))
			return image;
	return NULL;
}

void image_resolve(struct images *images, const char *namespace_, const char *name,
		   char **ret_digest, struct call *call)
{
	AUTO_FREE char *key = image_key(namespace_, name);
	AUTO_FREE char *object = xasprintf("image %s", name);
	struct image_op *image = find_running(images, key);

	if (image) {
		struct waiter *waiter = xnew(struct waiter);

		waiter->call = call;
		waiter->ret_digest = ret_digest;
		list_append(&image->waiters, &waiter->link);
		return;
	}
	image = xnew(struct image_op);
	image->images = images;
	image->name = reference_name_of(name);
	image->key = take_ptr(key);
	image->ret_digest = ret_digest;
	list_init(&image->waiters);
	list_init(&image->parked);
	list_append(&images->resolving, &image->link);
	image->op.fini = resolve_fini;
	ctd_op_start(images->ctd, &image->op, resolve_steps, namespace_, object, call);
}
