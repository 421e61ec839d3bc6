/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From an image's name to a committed snapshot and a config. What was resolved is remembered with
 * the digest that the name pointed to, so that the next look is one Images.Get. Two looks at the
 * same image at a time share one action.
 */
#include "drivers/images/images.h"

#include <errno.h>

#include "api/containerd.pb-c.h"
#include "core/registry/reference.h"
#include "drivers/ctd/ctd_op.h"
#include "drivers/ctd/methods.h"
#include "drivers/images/documents.h"
#include "drivers/images/unpack.h"

struct image_op {
	struct ctd_op op;
	struct images *images;
	struct list link;    /* struct images.resolving */
	struct list waiters; /* struct waiter.link: further calls for the same image */
	char *name, *key, *object;
	char *digest;      /* what the name points to; NULL while not known */
	char **ret_digest; /* the first caller's */
	struct image_documents documents;
	struct unpack unpack;
};

struct waiter {
	struct list link; /* struct image_op.waiters */
	struct call *call;
	char **ret_digest;
};

static struct image_op *image_op_of(struct op *op)
{
	return container_of(op, struct image_op, op.op);
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

	if (op->status == 0 && image->documents.path.n)
		image_remember(image->images, image->op.namespace_, image->name, image->digest,
			       &image->documents.config);
	give_digest(image, image->ret_digest);
	list_for_each(waiter, &image->waiters, link) {
		give_digest(image, waiter->ret_digest);
		call_complete(waiter->call, op->status, &op->err);
		list_remove(&waiter->link);
		free(waiter);
	}
	list_remove(&image->link);
	image_documents_fini(&image->documents);
	free(image->name);
	free(image->key);
	free(image->object);
	free(image->digest);
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
		return ctd_fail(op, -ENOENT,
				"not in containerd namespace %s: kuke image pull --realm REALM %s "
				"fetches it, kuke image load takes it out of an archive",
				to_ctd_op(op)->namespace_, image->name);
	}
	if (!found || !found->target || !found->target->digest ||
	    !image_digest_is_valid(found->target->digest))
		return ctd_fail(op, -EBADMSG, "containerd's record of it has no digest");
	image->digest = xstrdup(found->target->digest);
	return known && str_equal(known->digest, image->digest) ? OP_END : OP_NEXT;
}

static int start_documents(struct op *op)
{
	struct image_op *image = image_op_of(op);

	image->documents.namespace_ = to_ctd_op(op)->namespace_;
	image->documents.object = image->object;
	image->documents.target.digest = image->digest;
	image_documents_read(image->images, &image->documents, ctd_sub(op));
	return OP_WAIT;
}

static int start_unpack(struct op *op)
{
	struct image_op *image = image_op_of(op);

	image->unpack = (struct unpack){
		.namespace_ = to_ctd_op(op)->namespace_,
		.object = image->object,
		.manifest = &image->documents.manifest,
		.config = &image->documents.config,
	};
	unpack_start(image->images, &image->unpack, ctd_sub(op));
	return OP_WAIT;
}

static const struct step resolve_steps[] = {
	{ .name = "look it up", .also_ok = { ENOENT }, .start = start_get, .done = done_get },
	{ .name = "read what it is made of", .start = start_documents },
	{ .name = "unpack it", .start = start_unpack },
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
	image->object = xasprintf("image %s", name);
	image->ret_digest = ret_digest;
	list_init(&image->waiters);
	list_append(&images->resolving, &image->link);
	image->op.fini = resolve_fini;
	ctd_op_start(images->ctd, &image->op, resolve_steps, namespace_, image->object, call);
}
