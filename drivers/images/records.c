/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/images/records.h"

#include <errno.h>

#include "api/containerd.pb-c.h"
#include "core/registry/reference.h"
#include "drivers/ctd/ctd_op.h"
#include "drivers/ctd/labels.h"
#include "drivers/ctd/methods.h"
#include "drivers/images/lease.h"
#include "drivers/images/look.h"

enum {
	LIST_TIMEOUT_MS = 30 * 1000,   /* of thousands of records */
	COLLECT_TIMEOUT_MS = 60 * 1000 /* garbage of some GiB */
};

struct records_op {
	struct ctd_op op;
	struct images *images;
	char *name, *from, *digest; /* as containerd has them */
	struct image_blob target;   /* of a tag */
	struct image_facts facts;
	size_t at; /* which of them is looked at */
	struct image_look look;
	char *look_object;
	struct image_facts *ret_facts;
	struct image_details *ret_details;
};

static struct records_op *records_of(struct op *op)
{
	return container_of(op, struct records_op, op.op);
}

static void records_fini(struct op *op)
{
	struct records_op *own = records_of(op);

	image_facts_fini(&own->facts);
	image_look_fini(&own->look);
	image_blob_fini(&own->target);
	free(own->look_object);
	free(own->name);
	free(own->from);
	free(own->digest);
}

static int64_t to_ms(const Ctd__Timestamp *time)
{
	return time ? time->seconds * 1000 + time->nanos / 1000000 : 0;
}

static bool is_usable(const Ctd__Image *image)
{
	return image && image->name && image->target && image->target->digest &&
	       image_digest_is_valid(image->target->digest);
}

static struct image_fact fact_of(struct op *op, const Ctd__Image *image)
{
	return (struct image_fact){
		.name = xstrdup(image->name),
		.digest = xstrdup(image->target->digest),
		.media_type = xstrdup(image->target->media_type ? image->target->media_type : ""),
		.created_at_ms = to_ms(image->created_at),
		.updated_at_ms = to_ms(image->updated_at),
		.ours = str_equal(labels_get(image->labels, image->n_labels, LABEL_INSTANCE),
				  ctd_of(op)->instance),
	};
}

/* ---- list ---- */

static int start_list(struct op *op)
{
	Ctd__FilterRequest request = CTD__FILTER_REQUEST__INIT;

	return ctd_unary(op, &images_list_method, &request.base);
}

static int compare_facts(const void *a, const void *b)
{
	return strcmp(((const struct image_fact *)a)->name, ((const struct image_fact *)b)->name);
}

static int done_list(struct op *op, int status UNUSED)
{
	const Ctd__ImageList *list = ctd_reply(op, Ctd__ImageList);
	struct image_facts *facts = &records_of(op)->facts;

	facts->items = xcalloc(list->n_images + 1, sizeof(facts->items[0]));
	for (size_t i = 0; i < list->n_images; i++)
		if (is_usable(list->images[i]))
			facts->items[facts->n++] = fact_of(op, list->images[i]);
	qsort(facts->items, facts->n, sizeof(facts->items[0]), compare_facts);
	return OP_NEXT;
}

static int start_look(struct op *op)
{
	struct records_op *own = records_of(op);
	const struct image_fact *fact;

	if (own->at == own->facts.n)
		return OP_END;
	fact = &own->facts.items[own->at];
	free(own->look_object);
	own->look_object = xasprintf("image %s", fact->name);
	image_look_fini(&own->look);
	own->look = (struct image_look){
		.namespace_ = to_ctd_op(op)->namespace_,
		.object = own->look_object,
		.target = { .digest = fact->digest, .media_type = fact->media_type },
	};
	image_look_at(own->images, &own->look, ctd_sub(op));
	return OP_WAIT;
}

static int done_look(struct op *op, int status UNUSED)
{
	struct records_op *own = records_of(op);
	struct image_fact *fact = &own->facts.items[own->at++];

	fact->size = own->look.size;
	fact->whole = own->look.whole;
	fact->unpacked = own->look.unpacked;
	return OP_NEXT;
}

static int done_list_look(struct op *op, int status)
{
	op->next = op->at;
	return done_look(op, status);
}

static void list_fini(struct op *op)
{
	struct records_op *own = records_of(op);

	if (op->status == 0) {
		*own->ret_facts = own->facts;
		own->facts = (struct image_facts){ 0 };
	}
	records_fini(op);
}

static const struct step list_steps[] = {
	{ .name = "list images",
	  .timeout_ms = LIST_TIMEOUT_MS,
	  .start = start_list,
	  .done = done_list },
	{ .name = "look at an image", .start = start_look, .done = done_list_look },
	{ 0 },
};

static struct records_op *op_new(struct images *images, const char *name)
{
	struct records_op *own = xnew(struct records_op);

	own->images = images;
	own->name = name ? reference_name_of(name) : NULL;
	own->op.fini = records_fini;
	return own;
}

void records_list(struct images *images, const char *namespace_, struct image_facts *ret_facts,
		  struct call *call)
{
	struct records_op *own = op_new(images, NULL);

	own->ret_facts = ret_facts;
	own->op.fini = list_fini;
	ctd_op_start(images->ctd, &own->op, list_steps, namespace_, "images", call);
}

/* ---- inspect ---- */

static int get(struct op *op, char *name)
{
	Ctd__NameRequest request = CTD__NAME_REQUEST__INIT;

	request.name = name;
	return ctd_unary(op, &images_get_method, &request.base);
}

static int start_get(struct op *op)
{
	return get(op, records_of(op)->name);
}

static int fail_absent(struct op *op)
{
	return ctd_fail(op, -ENOENT, "not in containerd namespace %s", to_ctd_op(op)->namespace_);
}

static int done_get(struct op *op, int status)
{
	struct image_facts *facts = &records_of(op)->facts;
	const Ctd__Image *image = status == 0 ? ctd_reply(op, Ctd__ImageMessage)->image : NULL;

	if (status < 0)
		return fail_absent(op);
	if (!is_usable(image))
		return ctd_fail(op, -EBADMSG, "containerd's record of it has no digest");
	facts->items = xcalloc(1, sizeof(facts->items[0]));
	facts->items[facts->n++] = fact_of(op, image);
	return OP_NEXT;
}

static void give_layers(const struct image_documents *documents, struct image_details *details)
{
	size_t n = documents->manifest.n_layers;

	details->layers = xcalloc(n + 1, sizeof(details->layers[0]));
	details->n_layers = n;
	for (size_t i = 0; i < n; i++)
		details->layers[i] = (struct image_layer){
			.digest = xstrdup(documents->manifest.layers[i].digest),
			.size = (uint64_t)documents->manifest.layers[i].size,
			.state = IMAGE_LAYER_PRESENT,
		};
}

static void inspect_fini(struct op *op)
{
	struct records_op *own = records_of(op);
	struct image_documents *documents = &own->look.documents;
	struct image_details *details = own->ret_details;

	if (op->status == 0) {
		details->fact = own->facts.items[0];
		own->facts.n = 0;
		if (documents->manifest.blob.digest)
			details->manifest_digest =
				xstrdup(documents->path.items[documents->path.n - 1]);
		details->config_digest = xstrdup_maybe(documents->manifest.blob.digest);
		details->config = own->look.read ? buf_take(&documents->config_text) : NULL;
		give_layers(documents, details);
	}
	records_fini(op);
}

static const struct step inspect_steps[] = {
	{ .name = "look it up", .also_ok = { ENOENT }, .start = start_get, .done = done_get },
	{ .name = "look at it", .start = start_look, .done = done_look },
	{ 0 },
};

static char *object_of(const char *name)
{
	return xasprintf("image %s", name);
}

void records_inspect(struct images *images, const char *namespace_, const char *name,
		     struct image_details *ret_details, struct call *call)
{
	struct records_op *own = op_new(images, name);
	AUTO_FREE char *object = object_of(name);

	own->ret_details = ret_details;
	own->op.fini = inspect_fini;
	ctd_op_start(images->ctd, &own->op, inspect_steps, namespace_, object, call);
}

/* ---- records as such ---- */

static int write_record(struct op *op, const struct client_method *method, const char *name,
			const struct image_blob *target)
{
	Ctd__ImageMessage request = CTD__IMAGE_MESSAGE__INIT;
	Ctd__Image image = CTD__IMAGE__INIT;
	Ctd__Descriptor descriptor = CTD__DESCRIPTOR__INIT;
	Ctd__FieldMask mask = CTD__FIELD_MASK__INIT;
	char *paths[] = { (char *)"target", (char *)"labels." LABEL_INSTANCE };
	struct labels labels = { 0 };

	labels_add(&labels, LABEL_INSTANCE, ctd_of(op)->instance);
	descriptor.media_type = target->media_type;
	descriptor.digest = target->digest;
	descriptor.has_size = true;
	descriptor.size = target->size;
	image.name = (char *)name;
	image.target = &descriptor;
	image.labels = labels.refs;
	image.n_labels = labels.n;
	mask.paths = paths;
	mask.n_paths = ARRAY_SIZE(paths);
	request.image = &image;
	request.update_mask = method == &images_update_method ? &mask : NULL;
	return ctd_unary(op, method, &request.base);
}

int record_create(struct op *op, const char *name, const struct image_blob *target)
{
	return write_record(op, &images_create_method, name, target);
}

int record_update(struct op *op, const char *name, const struct image_blob *target)
{
	return write_record(op, &images_update_method, name, target);
}

/* ---- tag ---- */

static int start_get_from(struct op *op)
{
	return get(op, records_of(op)->from);
}

static int done_get_from(struct op *op, int status)
{
	const Ctd__Image *image = status == 0 ? ctd_reply(op, Ctd__ImageMessage)->image : NULL;

	if (status < 0)
		return fail_absent(op);
	if (!is_usable(image))
		return ctd_fail(op, -EBADMSG, "containerd's record of it has no digest");
	records_of(op)->target = (struct image_blob){
		.digest = xstrdup(image->target->digest),
		.media_type = xstrdup_maybe(image->target->media_type),
		.size = image->target->size,
	};
	return OP_NEXT;
}

static int start_create(struct op *op)
{
	return record_create(op, records_of(op)->name, &records_of(op)->target);
}

static int done_create(struct op *op UNUSED, int status)
{
	return status == 0 ? OP_END : OP_NEXT;
}

static int start_update(struct op *op)
{
	return record_update(op, records_of(op)->name, &records_of(op)->target);
}

static const struct step tag_steps[] = {
	{ .name = "look it up",
	  .also_ok = { ENOENT },
	  .start = start_get_from,
	  .done = done_get_from },
	{ .name = "make the name",
	  .also_ok = { EEXIST },
	  .start = start_create,
	  .done = done_create },
	{ .name = "move the name", .start = start_update },
	{ 0 },
};

void records_tag(struct images *images, const char *namespace_, const char *from, const char *name,
		 struct call *call)
{
	struct records_op *own = op_new(images, name);
	AUTO_FREE char *object = object_of(from);

	own->from = reference_name_of(from);
	ctd_op_start(images->ctd, &own->op, tag_steps, namespace_, object, call);
}

/* ---- remove ---- */

static int start_give_up(struct op *op)
{
	AUTO_FREE char *lease = lease_pull_id(records_of(op)->name);

	if (lease_in_use(ctd_of(op), to_ctd_op(op)->namespace_, lease))
		return OP_NEXT;
	images_keep_no_more(records_of(op)->images, to_ctd_op(op)->namespace_, lease);
	return lease_delete(op, lease);
}

static int start_get_unless_any(struct op *op)
{
	return records_of(op)->digest ? start_get(op) : OP_NEXT;
}

/* Between this look and the deletion it may change; only containerd 2 could be asked for both. */
static int done_is_it(struct op *op, int status)
{
	const Ctd__Image *image = status == 0 ? ctd_reply(op, Ctd__ImageMessage)->image : NULL;

	if (!is_usable(image) || !str_equal(image->target->digest, records_of(op)->digest))
		return OP_END;
	return OP_NEXT;
}

static int start_delete(struct op *op)
{
	Ctd__ImageDeleteRequest request = CTD__IMAGE_DELETE_REQUEST__INIT;

	image_forget(records_of(op)->images, to_ctd_op(op)->namespace_, records_of(op)->name);
	request.name = records_of(op)->name;
	request.has_sync = request.sync = true;
	return ctd_unary(op, &images_delete_method, &request.base);
}

static const struct step remove_steps[] = {
	{ .name = "give up what a pull left", .also_ok = { ENOENT }, .start = start_give_up },
	{ .name = "look it up",
	  .also_ok = { ENOENT },
	  .start = start_get_unless_any,
	  .done = done_is_it },
	{ .name = "remove the name",
	  .timeout_ms = COLLECT_TIMEOUT_MS,
	  .also_ok = { ENOENT },
	  .start = start_delete },
	{ 0 },
};

void records_remove(struct images *images, const char *namespace_, const char *name,
		    const char *digest, struct call *call)
{
	struct records_op *own = op_new(images, name);
	AUTO_FREE char *object = object_of(name);

	own->digest = xstrdup_maybe(digest);
	ctd_op_start(images->ctd, &own->op, remove_steps, namespace_, object, call);
}
