/* SPDX-License-Identifier: Apache-2.0 */
/* Records of images written, moved and removed. */
#include <errno.h>

#include "api/containerd.pb-c.h"
#include "core/registry/reference.h"
#include "drivers/ctd/ctd_op.h"
#include "drivers/ctd/labels.h"
#include "drivers/ctd/methods.h"
#include "drivers/images/image_records.h"
#include "drivers/images/lease.h"

enum { COLLECT_TIMEOUT_MS = 60 * 1000 }; /* garbage of some GiB */

struct name_op {
	struct ctd_op op;
	struct images *images;
	char *name, *from, *digest; /* as containerd has them */
	struct image_blob target;   /* of a tag */
};

static struct name_op *name_of(struct op *op)
{
	return container_of(op, struct name_op, op.op);
}

static void name_fini(struct op *op)
{
	image_blob_fini(&name_of(op)->target);
	free(name_of(op)->name);
	free(name_of(op)->from);
	free(name_of(op)->digest);
}

static void start(struct images *images, const char *namespace_, const char *said,
		  struct name_op *own, const struct step *steps, struct call *call)
{
	AUTO_FREE char *object = xasprintf("image %s", said);

	own->images = images;
	own->op.fini = name_fini;
	ctd_op_start(images->ctd, &own->op, steps, namespace_, object, call);
}

/* ---- records as such ---- */

bool record_is_usable(const Ctd__Image *image)
{
	return image && image->name && image->target && image->target->digest &&
	       image_digest_is_valid(image->target->digest);
}

int record_get(struct op *op, char *name)
{
	Ctd__NameRequest request = CTD__NAME_REQUEST__INIT;

	request.name = name;
	return ctd_unary(op, &images_get_method, &request.base);
}

int record_fail_absent(struct op *op)
{
	return ctd_fail(op, -ENOENT, "not in containerd namespace %s", to_ctd_op(op)->namespace_);
}

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

int record_keep(struct op *op, const char *name, const struct image_blob *target)
{
	AUTO_FREE char *kept = reference_name_at(name, target->digest);

	return record_create(op, kept, target);
}

/* ---- tag ---- */

static int start_get_from(struct op *op)
{
	return record_get(op, name_of(op)->from);
}

static int done_get_from(struct op *op, int status)
{
	const Ctd__Image *image = status == 0 ? ctd_reply(op, Ctd__ImageMessage)->image : NULL;

	if (status < 0)
		return record_fail_absent(op);
	if (!record_is_usable(image))
		return ctd_fail(op, -EBADMSG, "containerd's record of it has no digest");
	name_of(op)->target = (struct image_blob){
		.digest = xstrdup(image->target->digest),
		.media_type = xstrdup_maybe(image->target->media_type),
		.size = image->target->size,
	};
	return OP_NEXT;
}

static int start_create(struct op *op)
{
	return record_create(op, name_of(op)->name, &name_of(op)->target);
}

static int done_create(struct op *op UNUSED, int status)
{
	return status == 0 ? OP_END : OP_NEXT;
}

static int start_update(struct op *op)
{
	return record_update(op, name_of(op)->name, &name_of(op)->target);
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
	struct name_op *own = xnew(struct name_op);

	own->from = reference_name_of(from);
	own->name = reference_name_of(name);
	start(images, namespace_, from, own, tag_steps, call);
}

/* ---- remove ---- */

static int start_give_up(struct op *op)
{
	AUTO_FREE char *lease = lease_pull_id(name_of(op)->name);

	if (lease_in_use(ctd_of(op), to_ctd_op(op)->namespace_, lease))
		return OP_NEXT;
	images_keep_no_more(name_of(op)->images, to_ctd_op(op)->namespace_, lease);
	return lease_delete(op, lease);
}

static int start_get_unless_any(struct op *op)
{
	return name_of(op)->digest ? record_get(op, name_of(op)->name) : OP_NEXT;
}

/* Between this look and the deletion it may change; only containerd 2 could be asked for both. */
static int done_is_it(struct op *op, int status)
{
	const Ctd__Image *image = status == 0 ? ctd_reply(op, Ctd__ImageMessage)->image : NULL;

	if (!record_is_usable(image) || !str_equal(image->target->digest, name_of(op)->digest))
		return OP_END;
	return OP_NEXT;
}

static int start_delete(struct op *op)
{
	Ctd__ImageDeleteRequest request = CTD__IMAGE_DELETE_REQUEST__INIT;

	image_forget(name_of(op)->images, to_ctd_op(op)->namespace_, name_of(op)->name);
	request.name = name_of(op)->name;
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
	struct name_op *own = xnew(struct name_op);

	own->name = reference_name_of(name);
	own->digest = xstrdup_maybe(digest);
	start(images, namespace_, name, own, remove_steps, call);
}
