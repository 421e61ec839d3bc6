/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the archive into the content store, one file at a time. A file whose name says its digest is
 * known before it comes; of others the digest is known with their last piece, which is when
 * containerd is told. What it has already is added to our lease, and passed over.
 */
#include <errno.h>

#include "drivers/archive/docker_manifest.h"
#include "drivers/archive/loader.h"

#define BLOBS "blobs/sha256/"

/* ---- ends ---- */

static void on_unpacker_closed(void *ctx)
{
	struct loader *loader = ctx;

	loader->ending = false;
	call_complete(&loader->op.op.step, loader->failed, &loader->why);
}

/* Once nothing is under way. */
static void maybe_end(struct loader *loader)
{
	struct unpacker *unpacker = loader->unpacker;

	if (loader->writing || !unpacker)
		return;
	loader->unpacker = NULL;
	loader->ending = true;
	unpacked_free(take_ptr(loader->piece));
	unpacker_close(unpacker, on_unpacker_closed, loader);
}

static void fail(struct loader *loader, int code, const struct error *err)
{
	if (!loader->failed) {
		loader->failed = code;
		loader->why = *err;
		error_wrap(&loader->why, code, "the archive");
	}
	timer_stop(&loader->stall);
	if (loader->writing)
		blob_writer_cancel(&loader->writer);
	maybe_end(loader);
}

void loader_cut_files(struct loader *loader)
{
	struct error err;

	if (loader->unpacker || loader->writing)
		fail(loader, error_set(&err, -ECANCELED, "its loading was cancelled"), &err);
}

/* ---- what was read ---- */

/* False: there is one of that name already, which counts no more, or too many. */
static bool add_file(struct loader *loader, const struct loaded_file *file)
{
	struct loaded_file *kept =
		map_entry(map_find(&loader->files, file->name), struct loaded_file, node);

	if (!kept && loader->files.count >= LOAD_FILES_MAX)
		return false;
	if (!kept) {
		kept = xnew(struct loaded_file);
		kept->name = xstrdup(file->name);
		map_insert(&loader->files, &kept->node, kept->name);
	}
	str_replace(&kept->target, file->target);
	str_replace(&kept->digest, file->digest);
	kept->size = file->size;
	kept->media_type = file->media_type;
	return true;
}

static void keep_file(struct loader *loader, const struct loaded_file *file)
{
	struct error err;

	if (!add_file(loader, file))
		fail(loader,
		     error_set(&err, -EFBIG, "it has more than %d files and links", LOAD_FILES_MAX),
		     &err);
}

const struct loaded_file *loader_find_file(const struct loader *loader, const char *name)
{
	enum { LINKS_MAX = 16 };

	for (int i = 0; i < LINKS_MAX && name; i++) {
		const struct loaded_file *file =
			map_entry(map_find(&loader->files, name), struct loaded_file, node);

		if (!file || !file->target)
			return file;
		name = file->target;
	}
	return NULL;
}

void loader_files_fini(struct loader *loader)
{
	struct loaded_file *file;

	map_for_each(file, &loader->files, node) {
		map_remove(&loader->files, &file->node);
		free(file->name);
		free(file->target);
		free(file->digest);
		free(file);
	}
	buf_fini(&loader->index);
	buf_fini(&loader->manifest);
	buf_fini(&loader->version);
	free(loader->file.name);
	free(loader->ref);
}

/* ---- one blob ---- */

static void on_stalled(struct timer *timer)
{
	struct loader *loader = container_of(timer, struct loader, stall);
	struct error err;

	error_set(&err, -ETIMEDOUT, "containerd has taken nothing of it for %d s",
		  LOAD_STALL_MS / 1000);
	fail(loader, err.code, &err);
}

static void on_room(struct blob_writer *writer)
{
	struct loader *loader = container_of(writer, struct loader, writer);

	timer_stop(&loader->stall);
	loader_go_on(loader);
}

static void await_containerd(struct loader *loader)
{
	if (!timer_active(&loader->stall))
		timer_start(loader->op.op.ops->loop, &loader->stall, LOAD_STALL_MS, on_stalled);
}

static void open_writer(struct loader *loader);

static void on_written(struct blob_writer *writer, int status, const struct error *why)
{
	struct loader *loader = container_of(writer, struct loader, writer);
	struct error err;

	timer_stop(&loader->stall);
	loader->writing = false;
	if (loader->failed)
		return maybe_end(loader);
	if (status < 0) {
		err = *why;
		error_wrap(&err, status, "entry %.200s", loader->file.name);
		return fail(loader, status, &err);
	}
	/* Only who asks for it by its digest from the start gets it into his lease. */
	if (writer->existed && !loader->file.named) {
		loader->file.named = true;
		return open_writer(loader);
	}
	loader->file.there = true;
	loader_go_on(loader);
}

static void open_writer(struct loader *loader)
{
	const struct client_scope scope = { .namespace_ = loader->op.namespace_,
					    .lease = loader->op.lease };
	bool known = loader->file.named || loader->file.size == 0;

	free(loader->ref);
	loader->ref = xasprintf("%s-%u", loader->op.lease, loader->n_refs++);
	loader->writer = (struct blob_writer){
		.ref = loader->ref,
		.digest = known ? loader->file.digest : NULL,
		.size = loader->file.size,
		.on_room = on_room,
		.on_end = on_written,
	};
	loader->writing = true;
	await_containerd(loader);
	blob_writer_open(&loader->writer, ctd_of(&loader->op.op)->channel, &scope);
}

/* ---- files ---- */

static struct buf *document_of(struct loader *loader, const char *name)
{
	if (str_equal(name, "index.json"))
		return &loader->index;
	if (str_equal(name, "manifest.json"))
		return &loader->manifest;
	return str_equal(name, "oci-layout") ? &loader->version : NULL;
}

static void begin_file(struct loader *loader)
{
	struct unpacked *piece = loader->piece;
	struct loading_file *file = &loader->file;
	struct error err;

	*file = (struct loading_file){ .name = take_ptr(piece->name),
				       .size = (int64_t)piece->size };
	file->document = document_of(loader, file->name);
	file->read = piece->last;
	file->media_type = layer_media_type(NULL, 0);
	loader->is_layout |= file->document == &loader->version;
	if (piece->last)
		memcpy(file->digest, piece->digest, sizeof(file->digest));
	if (str_starts_with(file->name, BLOBS) &&
	    strlen(file->name) == strlen(BLOBS) + SHA256_HEX_BYTES - 1) {
		snprintf(file->digest, sizeof(file->digest), "sha256:%s",
			 file->name + strlen(BLOBS));
		file->named = true;
	}
	unpacked_free(take_ptr(loader->piece));
	if (!file->document)
		return open_writer(loader);
	file->there = true;
	file->document->len = 0;
	if (file->size > REGISTRY_JSON_MAX_BYTES)
		fail(loader,
		     error_set(&err, -EFBIG, "%s has more than %d bytes", file->name,
			       REGISTRY_JSON_MAX_BYTES),
		     &err);
}

static void end_file(struct loader *loader)
{
	struct loading_file *file = &loader->file;
	AUTO_FREE char *name = take_ptr(file->name);

	if (!file->document)
		keep_file(loader, &(struct loaded_file){ .name = name,
							 .digest = file->digest,
							 .size = file->size,
							 .media_type = file->media_type });
}

/* The last piece says what the file is. False: not what its name says. */
static bool note_digest(struct loader *loader)
{
	struct loading_file *file = &loader->file;
	const struct unpacked *piece = loader->piece;
	struct error err;

	if (!piece->last)
		return true;
	if (file->named && !str_equal(file->digest, piece->digest)) {
		error_set(&err, -EBADMSG, "entry %s has the digest %s", file->name, piece->digest);
		fail(loader, err.code, &err);
		return false;
	}
	memcpy(file->digest, piece->digest, sizeof(file->digest));
	return true;
}

static void end_piece(struct loader *loader)
{
	loader->file.read = loader->piece->last;
	loader->written = 0;
	unpacked_free(take_ptr(loader->piece));
}

/* Writes what there is room for; of what came with another's first bytes nothing. */
static bool write_piece(struct loader *loader)
{
	struct unpacked *piece = loader->piece;
	struct loading_file *file = &loader->file;
	size_t left = piece->len - loader->written, room;

	if (!loader->writer.opened)
		return false;
	if (file->offset < loader->writer.offset) {
		int64_t skip = loader->writer.offset - file->offset;

		room = skip < (int64_t)left ? (size_t)skip : left;
	} else {
		room = blob_writer_room(&loader->writer);
		room = room < left ? room : left;
		if (room == left && piece->last)
			loader->writer.digest = file->digest;
		if (room)
			blob_writer_write(&loader->writer, piece->data + loader->written, room);
	}
	file->offset += (int64_t)room;
	loader->written += room;
	return room > 0;
}

/* False: it waits for containerd. */
static bool take_data(struct loader *loader)
{
	struct unpacked *piece = loader->piece;
	struct loading_file *file = &loader->file;

	if (loader->written == 0 && !note_digest(loader))
		return true;
	if (file->offset == 0)
		file->media_type = layer_media_type(piece->data, piece->len);
	if (file->document)
		buf_add(file->document, piece->data, piece->len);
	else
		while (!file->there && loader->written < piece->len)
			if (!write_piece(loader)) {
				await_containerd(loader);
				return false;
			}
	if (file->there)
		file->offset += (int64_t)(piece->len - loader->written);
	end_piece(loader);
	return true;
}

static void take_link(struct loader *loader)
{
	struct unpacked *piece = take_ptr(loader->piece);

	keep_file(loader, &(struct loaded_file){ .name = piece->name, .target = piece->target });
	unpacked_free(piece);
}

/* ---- all of it ---- */

static bool next_piece(struct loader *loader)
{
	struct error err;
	int status;

	if (!loader->piece)
		loader->piece = unpacker_next(loader->unpacker);
	if (loader->piece)
		return true;
	if (!unpacker_ended(loader->unpacker, &status, &err))
		return false;
	if (status < 0)
		fail(loader, status, &err);
	else if (loader->input_ended) /* what follows the archive is taken and passed over */
		maybe_end(loader);
	return false;
}

/* False: it waits. */
static bool take_piece(struct loader *loader)
{
	if (loader->file.name && loader->file.read) {
		if (!loader->file.there) {
			await_containerd(loader);
			return false;
		}
		end_file(loader);
		return true;
	}
	if (!next_piece(loader))
		return false;
	switch (loader->piece->kind) {
	case UNPACKED_FILE:
		begin_file(loader);
		return true;
	case UNPACKED_DATA:
		return take_data(loader);
	case UNPACKED_LINK:
		take_link(loader);
		return true;
	}
	return false;
}

void loader_go_on(struct loader *loader)
{
	while (loader->unpacker && !loader->failed && take_piece(loader))
		;
	if (loader->unpacker)
		loader->load->unpacked_bytes = unpacker_bytes(loader->unpacker);
}

static void on_unpacker_room(void *ctx)
{
	struct loader *loader = ctx;

	if (!loader->failed)
		loader->load->on_room(loader->load);
}

static void on_piece(void *ctx)
{
	loader_go_on(ctx);
}

int loader_start_files(struct op *op)
{
	struct loader *loader = loader_of(op);
	const struct unpacker_listener listener = { .on_room = on_unpacker_room,
						    .on_piece = on_piece,
						    .ctx = loader };

	if (loader->cancelled)
		return ctd_fail(op, -ECANCELED, "cancelled");
	loader->unpacker = unpacker_open(op->ops->loop, &unpacker_usual_limits, &listener);
	ctd_sub(op);
	if (loader->input_ended)
		unpacker_end_input(loader->unpacker);
	else
		loader->load->on_room(loader->load);
	return OP_WAIT;
}

/* ---- a manifest of our own ---- */

static void on_text_room(struct blob_writer *writer)
{
	struct loader *loader = container_of(writer, struct loader, writer);
	size_t room = blob_writer_room(writer),
	       left = strlen(loader->text) - (size_t)writer->offset;

	if (room && left)
		blob_writer_write(writer, loader->text + writer->offset, room < left ? room : left);
}

static void on_text_written(struct blob_writer *writer, int status, const struct error *err)
{
	struct loader *loader = container_of(writer, struct loader, writer);

	timer_stop(&loader->stall);
	loader->writing = false;
	call_complete(&loader->op.op.step, status, err);
}

static void on_text_stalled(struct timer *timer)
{
	blob_writer_cancel(&container_of(timer, struct loader, stall)->writer);
}

int loader_start_blob(struct op *op)
{
	struct loader *loader = loader_of(op);
	const struct client_scope scope = { .namespace_ = loader->op.namespace_,
					    .lease = loader->op.lease };

	if (!loader->text)
		return OP_NEXT;
	free(loader->ref);
	loader->ref = xasprintf("%s-%u", loader->op.lease, loader->n_refs++);
	loader->writer = (struct blob_writer){
		.ref = loader->ref,
		.digest = loader->target.digest,
		.size = loader->target.size,
		.on_room = on_text_room,
		.on_end = on_text_written,
	};
	loader->writing = true;
	timer_start(op->ops->loop, &loader->stall, LOAD_STALL_MS, on_text_stalled);
	blob_writer_open(&loader->writer, ctd_of(op)->channel, &scope);
	return OP_WAIT;
}
