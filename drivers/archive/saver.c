/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/archive/saver.h"

#include <errno.h>

#include "api/containerd.pb-c.h"
#include "core/registry/archive.h"
#include "core/registry/reference.h"
#include "drivers/ctd/methods.h"

enum { STEP_GET, STEP_DOCUMENTS, STEP_WRITE };

#define LAYOUT "{\"imageLayoutVersion\":\"1.0.0\"}"

/* ---- what the images are made of ---- */

static struct saved_image *current(struct saver *saver)
{
	return &saver->images[saver->image];
}

static void add_blob(struct saver *saver, const char *digest, int64_t size)
{
	struct saved_blob *blob;

	if (map_find(&saver->blobs, digest))
		return;
	blob = xnew(struct saved_blob);
	blob->digest = xstrdup(digest);
	blob->size = size;
	map_insert(&saver->blobs, &blob->node, blob->digest);
}

static int start_get(struct op *op)
{
	struct saver *saver = saver_of(op);
	AUTO_FREE char *object = xasprintf("image %s", current(saver)->name);
	Ctd__NameRequest request = CTD__NAME_REQUEST__INIT;

	str_replace(&saver->op.object, object);
	request.name = current(saver)->name;
	return ctd_unary(op, &images_get_method, &request.base);
}

static int done_get(struct op *op, int status)
{
	const Ctd__Image *image = status == 0 ? ctd_reply(op, Ctd__ImageMessage)->image : NULL;
	const Ctd__Descriptor *target = image ? image->target : NULL;

	if (status < 0)
		return ctd_fail(op, -ENOENT, "not in containerd namespace %s",
				to_ctd_op(op)->namespace_);
	if (!target || !target->digest || !reference_digest_is_valid(target->digest))
		return ctd_fail(op, -EBADMSG, "containerd's record of it has no digest");
	current(saver_of(op))->target = (struct image_blob){
		.media_type = xstrdup(target->media_type ? target->media_type : ""),
		.digest = xstrdup(target->digest),
		.size = target->size,
	};
	return OP_NEXT;
}

static int start_documents(struct op *op)
{
	struct saver *saver = saver_of(op);

	image_documents_fini(&saver->documents);
	saver->documents = (struct image_documents){ .namespace_ = saver->op.namespace_,
						     .object = saver->op.object,
						     .target = current(saver)->target };
	image_documents_read(saver->archives->images, &saver->documents, ctd_sub(op));
	return OP_WAIT;
}

static int done_documents(struct op *op, int status UNUSED)
{
	struct saver *saver = saver_of(op);
	const struct image_documents *documents = &saver->documents;
	const struct image_manifest *manifest = &documents->manifest;

	for (size_t i = 0; i < documents->path.n; i++)
		add_blob(saver, documents->path.items[i], -1);
	add_blob(saver, manifest->blob.digest, manifest->blob.size);
	current(saver)->config = xstrdup(manifest->blob.digest);
	for (size_t i = 0; i < manifest->n_layers; i++) {
		add_blob(saver, manifest->layers[i].digest, manifest->layers[i].size);
		strv_add(&current(saver)->layers, manifest->layers[i].digest);
	}
	if (++saver->image < saver->n_images)
		op->next = STEP_GET;
	return OP_NEXT;
}

/* ---- what is written ---- */

static void begin_blob(struct saver *saver, int64_t size)
{
	AUTO_FREE char *path = archive_blob_path(saver->blob->digest);

	tar_writer_file(saver->tar, path, (uint64_t)size);
}

static int on_chunk(struct op *op, const ProtobufCMessage *message)
{
	const Ctd__ContentChunk *chunk = (const Ctd__ContentChunk *)message;
	struct saver *saver = saver_of(op);

	if (saver->blob->size < 0) {
		if (saver->document.len + chunk->data.len > IMAGE_DOCUMENT_MAX_BYTES)
			return error_set(&op->step.err, -EFBIG, "blob %s has more than %d bytes",
					 saver->blob->digest, IMAGE_DOCUMENT_MAX_BYTES);
		buf_add(&saver->document, chunk->data.data, chunk->data.len);
		return 0;
	}
	if ((int64_t)chunk->data.len > saver->blob->size - saver->offset)
		return error_set(&op->step.err, -EBADMSG, "blob %s is longer than its image says",
				 saver->blob->digest);
	tar_writer_data(saver->tar, chunk->data.data, chunk->data.len);
	saver->offset += (int64_t)chunk->data.len;
	return 0;
}

/* A document whole, of others the next part. */
static int read_blob(struct op *op)
{
	struct saver *saver = saver_of(op);
	int64_t left = saver->blob->size - saver->offset;
	Ctd__ContentReadRequest request = CTD__CONTENT_READ_REQUEST__INIT;

	saver->reads = true;
	saver->read_from = saver->offset;
	request.digest = saver->blob->digest;
	if (saver->blob->size >= 0) {
		request.has_offset = request.has_size = true;
		request.offset = saver->offset;
		request.size = left < SAVE_READ_BYTES ? left : SAVE_READ_BYTES;
	}
	return ctd_stream(op, &content_read_method, &request.base, on_chunk);
}

static void next_blob(struct saver *saver)
{
	struct map_node *node =
		saver->blob ? map_next(&saver->blob->node) : map_first(&saver->blobs);

	saver->blob = map_entry(node, struct saved_blob, node);
	saver->offset = 0;
	saver->document.len = 0;
	if (saver->blob && saver->blob->size >= 0)
		begin_blob(saver, saver->blob->size);
}

static void write_text(struct saver *saver, const char *name, const char *text)
{
	tar_writer_file(saver->tar, name, strlen(text));
	tar_writer_data(saver->tar, text, strlen(text));
}

static void finish(struct saver *saver)
{
	AUTO_BUF struct buf index = { 0 }, manifest = { 0 };

	saver_add_index(saver->images, saver->n_images, &index);
	saver_add_manifest(saver->images, saver->n_images, &manifest);
	write_text(saver, "index.json", index.data);
	write_text(saver, "manifest.json", manifest.data);
	write_text(saver, "oci-layout", LAYOUT);
	tar_writer_end(saver->tar);
	saver->finished = true;
}

/* Whether all that was written has been taken. */
static bool drain(struct saver *saver)
{
	if (saver->out.len && !saver->save->on_data(saver->save, saver->out.data, saver->out.len))
		return false;
	saver->out.len = 0;
	return true;
}

/* Again and again: what was written goes, then the next part is read. */
static int start_write(struct op *op)
{
	struct saver *saver = saver_of(op);

	saver->reads = false;
	if (saver->cancelled)
		return ctd_fail(op, -ECANCELED, "cancelled");
	if (!drain(saver)) {
		if (saver->cancelled) /* by whoever was to take it */
			return ctd_fail(op, -ECANCELED, "cancelled");
		saver->waits = true;
		op->next = op->at;
		ctd_sub(op);
		return OP_WAIT;
	}
	if (saver->finished)
		return OP_NEXT;
	op->next = op->at;
	if (saver->blob && (saver->blob->size < 0 || saver->offset < saver->blob->size))
		return read_blob(op);
	next_blob(saver);
	if (!saver->blob)
		finish(saver);
	return OP_NEXT;
}

static int fail_short(struct op *op)
{
	return ctd_fail(op, -EBADMSG, "blob %s is shorter than its image says",
			saver_of(op)->blob->digest);
}

static int done_write(struct op *op, int status UNUSED)
{
	struct saver *saver = saver_of(op);

	op->next = op->at;
	if (!saver->blob || saver->blob->size >= 0)
		return saver->reads && saver->offset == saver->read_from ? fail_short(op) : OP_NEXT;
	if (saver->document.len == 0)
		return fail_short(op);
	saver->blob->size = saver->offset = (int64_t)saver->document.len;
	begin_blob(saver, saver->blob->size);
	tar_writer_data(saver->tar, saver->document.data, saver->document.len);
	return OP_NEXT;
}

static const struct step save_steps[] = {
	[STEP_GET] = { .name = "look it up",
		       .also_ok = { ENOENT },
		       .start = start_get,
		       .done = done_get },
	[STEP_DOCUMENTS] = { .name = "read what it is made of",
			     .start = start_documents,
			     .done = done_documents },
	[STEP_WRITE] = { .name = "read a blob", .start = start_write, .done = done_write },
	{ 0 },
};

/* ---- life ---- */

static void saver_fini(struct op *op)
{
	struct saver *saver = saver_of(op);
	struct saved_blob *blob;

	map_for_each(blob, &saver->blobs, node) {
		map_remove(&saver->blobs, &blob->node);
		free(blob->digest);
		free(blob);
	}
	for (size_t i = 0; i < saver->n_images; i++) {
		free(saver->images[i].name);
		free(saver->images[i].config);
		image_blob_fini(&saver->images[i].target);
		strv_fini(&saver->images[i].layers);
	}
	free(saver->images);
	image_documents_fini(&saver->documents);
	tar_writer_free(saver->tar);
	buf_fini(&saver->document);
	buf_fini(&saver->out);
	list_remove(&saver->link);
	saver->save->state = NULL;
	pending_end(saver->archives->under_way);
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(((const struct saved_image *)a)->name, ((const struct saved_image *)b)->name);
}

void archives_save(struct archives *archives, struct image_save *save, struct call *call)
{
	struct saver *saver = xnew(struct saver);

	check(save->n_names > 0);
	saver->archives = archives;
	saver->save = save;
	save->state = saver;
	saver->images = xcalloc(save->n_names, sizeof(*saver->images));
	for (; saver->n_images < save->n_names; saver->n_images++)
		saver->images[saver->n_images].name = xstrdup(save->names[saver->n_images]);
	qsort(saver->images, saver->n_images, sizeof(*saver->images), compare_names);
	saver->tar = tar_writer_new(&saver->out);
	list_append(&archives->saves, &saver->link);
	pending_begin(archives->under_way);
	saver->op.fini = saver_fini;
	ctd_op_start(archives->images->ctd, &saver->op, save_steps, save->namespace_, "the archive",
		     call);
}

static void wake(struct saver *saver, int status)
{
	if (!saver->waits)
		return;
	saver->waits = false;
	call_complete(&saver->op.op.step, status, NULL);
}

void archives_save_resume(struct image_save *save)
{
	if (save->state)
		wake(save->state, 0);
}

void saver_cancel(struct saver *saver)
{
	saver->cancelled = true;
	image_documents_cancel(&saver->documents);
	wake(saver, -ECANCELED);
}

void archives_save_cancel(struct image_save *save)
{
	if (save->state)
		saver_cancel(save->state);
}
