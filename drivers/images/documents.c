/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/images/documents.h"

#include <errno.h>

#include "api/containerd.pb-c.h"
#include "drivers/ctd/ctd_op.h"
#include "drivers/ctd/methods.h"

/* An index may point to an index; nobody nests deeper. */
enum { INDEX_DEPTH_MAX = 3 };

enum { STEP_MANIFEST, STEP_READ_MANIFEST, STEP_PARSE_MANIFEST, STEP_CONFIG };

struct documents_op {
	struct ctd_op op;
	struct images *images;
	struct image_documents *documents;
	struct image_blob blob;      /* what is read now */
	struct image_manifest index; /* that led to it; others: what would do instead */
	size_t n_tried;              /* of these */
	struct buf text;
	struct work work; /* of parsing it */
	int parsed;
	struct error parse_err;
	bool cancelled;
};

static struct documents_op *documents_of(struct op *op)
{
	return container_of(op, struct documents_op, op.op);
}

void image_documents_fini(struct image_documents *documents)
{
	strv_fini(&documents->path);
	image_manifest_fini(&documents->manifest);
	image_config_fini(&documents->config);
	buf_fini(&documents->config_text);
}

static void op_fini(struct op *op)
{
	struct documents_op *own = documents_of(op);

	image_blob_fini(&own->blob);
	image_manifest_fini(&own->index);
	buf_fini(&own->text);
	own->documents->state = NULL;
}

static struct image_blob copy_blob(const struct image_blob *blob)
{
	return (struct image_blob){
		.media_type = xstrdup_maybe(blob->media_type),
		.digest = xstrdup(blob->digest),
		.size = blob->size,
	};
}

/* ---- one document ---- */

static int fetch(struct op *op, bool is_config)
{
	struct documents_op *own = documents_of(op);

	if (own->cancelled)
		return ctd_fail(op, -ECANCELED, "cancelled");
	if (!own->documents->fetch)
		return OP_NEXT;
	own->documents->fetch(own->documents, &own->blob, is_config, ctd_sub(op));
	return OP_WAIT;
}

static int start_fetch_manifest(struct op *op)
{
	return fetch(op, false);
}

static int start_fetch_config(struct op *op)
{
	return fetch(op, true);
}

static int on_chunk(struct op *op, const ProtobufCMessage *message)
{
	const Ctd__ContentChunk *chunk = (const Ctd__ContentChunk *)message;
	struct buf *text = &documents_of(op)->text;

	if (text->len + chunk->data.len > IMAGE_DOCUMENT_MAX_BYTES)
		return error_set(&op->step.err, -EFBIG, "blob %s has more than %d bytes",
				 documents_of(op)->blob.digest, IMAGE_DOCUMENT_MAX_BYTES);
	buf_add(text, chunk->data.data, chunk->data.len);
	return 0;
}

static int start_read(struct op *op)
{
	struct documents_op *own = documents_of(op);
	Ctd__ContentReadRequest request = CTD__CONTENT_READ_REQUEST__INIT;

	if (own->cancelled)
		return ctd_fail(op, -ECANCELED, "cancelled");
	own->text.len = 0;
	request.digest = own->blob.digest;
	return ctd_stream(op, &content_read_method, &request.base, on_chunk);
}

/* Of several that an index has for this host only one may have been fetched. */
static int done_read_manifest(struct op *op, int status)
{
	struct documents_op *own = documents_of(op);

	if (status == 0)
		return OP_NEXT;
	if (own->n_tried == own->index.n_others)
		return ctd_explain(op, status, &op->err);
	image_blob_fini(&own->blob);
	own->blob = copy_blob(&own->index.others[own->n_tried++]);
	op->next = STEP_MANIFEST;
	return OP_NEXT;
}

static int fail_with(struct op *op, int code, const struct error *why)
{
	documents_of(op)->documents->invalid = true;
	documents_of(op)->documents->unfit = code == -ENOENT;
	return ctd_fail(op, code, "%s: pull it again or choose another image", why->msg);
}

/* ---- parsing: what comes from strangers takes its time, so not on the loop ---- */

static void done_parse(struct work *work)
{
	struct documents_op *own = container_of(work, struct documents_op, work);

	call_complete(&own->op.op.step, 0, NULL);
}

static int start_parse(struct op *op, work_fn run)
{
	loop_work(ctd_of(op)->ops.loop, &documents_of(op)->work, run, done_parse);
	return OP_WAIT;
}

static void run_parse_manifest(struct work *work)
{
	struct documents_op *own = container_of(work, struct documents_op, work);

	own->parsed =
		image_manifest_parse(own->text.data, own->text.len, &own->images->host->platform,
				     &own->documents->manifest, &own->parse_err);
}

static int start_parse_manifest(struct op *op)
{
	return start_parse(op, run_parse_manifest);
}

static void run_parse_config(struct work *work)
{
	struct documents_op *own = container_of(work, struct documents_op, work);

	own->parsed = image_config_parse(own->text.data, own->text.len, &own->documents->config,
					 &own->parse_err);
}

static int start_parse_config(struct op *op)
{
	return start_parse(op, run_parse_config);
}

/* An index leads to one more read, a manifest to the config. */
static int done_parse_manifest(struct op *op, int status UNUSED)
{
	struct documents_op *own = documents_of(op);
	struct image_manifest *manifest = &own->documents->manifest;

	if (own->parsed < 0)
		return fail_with(op, own->parsed, &own->parse_err);
	strv_add(&own->documents->path, own->blob.digest);
	image_blob_fini(&own->blob);
	own->blob = copy_blob(&manifest->blob);
	if (!manifest->is_index)
		return OP_NEXT;
	if (own->documents->path.n > INDEX_DEPTH_MAX) {
		own->documents->invalid = true;
		return ctd_fail(op, -EBADMSG, "its index leads to index after index");
	}
	image_manifest_fini(&own->index);
	own->index = *manifest;
	*manifest = (struct image_manifest){ 0 };
	own->n_tried = 0;
	op->next = STEP_MANIFEST;
	return OP_NEXT;
}

static int done_parse_config(struct op *op, int status UNUSED)
{
	struct documents_op *own = documents_of(op);
	struct image_documents *documents = own->documents;

	if (own->parsed < 0)
		return fail_with(op, own->parsed, &own->parse_err);
	if (documents->config.diff_ids.n != documents->manifest.n_layers) {
		documents->invalid = true;
		return ctd_fail(op, -EBADMSG, "%zu layers, but its config names %zu",
				documents->manifest.n_layers, documents->config.diff_ids.n);
	}
	documents->config_text = own->text;
	own->text = (struct buf){ 0 };
	return OP_NEXT;
}

static const struct step documents_steps[] = {
	[STEP_MANIFEST] = { .name = "fetch the manifest", .start = start_fetch_manifest },
	[STEP_READ_MANIFEST] = { .name = "read the manifest",
				 .also_ok = { ENOENT },
				 .start = start_read,
				 .done = done_read_manifest },
	[STEP_PARSE_MANIFEST] = { .name = "parse the manifest",
				  .start = start_parse_manifest,
				  .done = done_parse_manifest },
	[STEP_CONFIG] = { .name = "fetch the config", .start = start_fetch_config },
	{ .name = "read the config", .start = start_read },
	{ .name = "parse the config", .start = start_parse_config, .done = done_parse_config },
	{ 0 },
};

void image_documents_read(struct images *images, struct image_documents *documents,
			  struct call *call)
{
	struct documents_op *own = xnew(struct documents_op);

	image_documents_fini(documents);
	documents->invalid = documents->unfit = false;
	documents->state = own;
	own->images = images;
	own->documents = documents;
	own->blob = copy_blob(&documents->target);
	own->op.fini = op_fini;
	ctd_op_start(images->ctd, &own->op, documents_steps, documents->namespace_,
		     documents->object, call);
}

void image_documents_cancel(struct image_documents *documents)
{
	if (documents->state)
		documents->state->cancelled = true;
}
