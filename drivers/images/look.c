/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/images/look.h"

#include <errno.h>

#include "api/containerd.pb-c.h"
#include "core/base/map.h"
#include "drivers/ctd/ctd_op.h"
#include "drivers/ctd/methods.h"

/* Of many blobs, by a containerd that is busy. */
enum { LIST_TIMEOUT_MS = 30 * 1000 };

/* A blob of the image, once, however often it is in there. */
struct needed {
	struct map_node node; /* struct look_op.needed */
	bool there;
};

struct look_op {
	struct ctd_op op;
	struct images *images;
	struct image_look *look;
	struct call sub;
	struct map needed;
	size_t n_missing;
};

static struct look_op *look_of(struct op *op)
{
	return container_of(op, struct look_op, op.op);
}

void image_look_fini(struct image_look *look)
{
	image_documents_fini(&look->documents);
}

static void look_fini(struct op *op)
{
	struct look_op *own = look_of(op);
	struct needed *needed;

	map_for_each(needed, &own->needed, node) {
		map_remove(&own->needed, &needed->node);
		free(needed);
	}
	own->look->state = NULL;
}

/* What cannot be read, or is not there, is not whole; that is all. */
static void on_documents(struct call *call)
{
	struct look_op *own = container_of(call, struct look_op, sub);
	bool failed = call->status < 0 && error_is_transient(call->status);

	own->look->read = call->status == 0;
	call_complete(&own->op.op.step, failed ? call->status : 0, &call->err);
}

static int start_documents(struct op *op)
{
	struct look_op *own = look_of(op);
	struct image_look *look = own->look;

	look->documents.namespace_ = look->namespace_;
	look->documents.object = look->object;
	look->documents.target = look->target;
	call_init(&own->sub, ctd_of(op)->ops.loop, on_documents);
	ctd_sub(op);
	image_documents_read(own->images, &look->documents, &own->sub);
	return OP_WAIT;
}

/* ---- blobs ---- */

static void need(struct look_op *own, const char *digest)
{
	struct needed *needed = xnew(struct needed);

	if (map_insert(&own->needed, &needed->node, digest))
		own->n_missing++;
	else
		free(needed);
}

static void need_all(struct look_op *own)
{
	const struct image_documents *documents = &own->look->documents;

	for (size_t i = 0; i < documents->path.n; i++)
		need(own, documents->path.items[i]);
	if (documents->manifest.blob.digest)
		need(own, documents->manifest.blob.digest);
	for (size_t i = 0; i < documents->manifest.n_layers; i++)
		need(own, documents->manifest.layers[i].digest);
}

static int on_blobs(struct op *op, const ProtobufCMessage *message)
{
	const Ctd__ContentList *list = (const Ctd__ContentList *)message;
	struct look_op *own = look_of(op);

	for (size_t i = 0; i < list->n_info; i++) {
		const char *digest = list->info[i]->digest;
		struct needed *needed = map_entry(digest ? map_find(&own->needed, digest) : NULL,
						  struct needed, node);

		if (!needed || needed->there)
			continue;
		needed->there = true;
		own->n_missing--;
		own->look->size += (uint64_t)list->info[i]->size;
	}
	return 0;
}

static int start_blobs(struct op *op)
{
	struct look_op *own = look_of(op);
	Ctd__FilterRequest request = CTD__FILTER_REQUEST__INIT;
	struct strv filters AUTO(strv_fini) = { 0 };
	struct needed *needed;

	need_all(own);
	if (!own->needed.count)
		return OP_END;
	map_for_each(needed, &own->needed, node) {
		AUTO_FREE char *filter = xasprintf("digest==\"%s\"", needed->node.key);

		strv_add(&filters, filter);
	}
	request.filters = filters.items;
	request.n_filters = filters.n;
	return ctd_stream(op, &content_list_method, &request.base, on_blobs);
}

static int done_blobs(struct op *op, int status UNUSED)
{
	struct image_look *look = look_of(op)->look;

	look->whole = look->read && look_of(op)->n_missing == 0;
	return look->read ? OP_NEXT : OP_END;
}

/* ---- the snapshot ---- */

static int start_snapshot(struct op *op)
{
	const struct strv *diff_ids = &look_of(op)->look->documents.config.diff_ids;
	AUTO_FREE char *chain_id = image_chain_id(diff_ids, diff_ids->n);
	Ctd__SnapshotRequest request = CTD__SNAPSHOT_REQUEST__INIT;

	request.snapshotter = ctd_of(op)->snapshotter;
	request.key = chain_id;
	return ctd_unary(op, &snapshots_stat_method, &request.base);
}

static int done_snapshot(struct op *op, int status)
{
	look_of(op)->look->unpacked = status == 0;
	return OP_NEXT;
}

static const struct step look_steps[] = {
	{ .name = "read what it is made of", .start = start_documents },
	{ .name = "look for its blobs",
	  .timeout_ms = LIST_TIMEOUT_MS,
	  .start = start_blobs,
	  .done = done_blobs },
	{ .name = "look for its snapshot",
	  .also_ok = { ENOENT },
	  .start = start_snapshot,
	  .done = done_snapshot },
	{ 0 },
};

void image_look_at(struct images *images, struct image_look *look, struct call *call)
{
	struct look_op *own = xnew(struct look_op);

	look->read = look->whole = look->unpacked = false;
	look->size = 0;
	look->state = own;
	own->images = images;
	own->look = look;
	own->op.fini = look_fini;
	ctd_op_start(images->ctd, &own->op, look_steps, look->namespace_, look->object, call);
}
