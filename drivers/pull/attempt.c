/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One way from an image's name to its record. Every step finds what an earlier way has done, so
 * whatever breaks off is begun anew from the top.
 *
 * The registry is asked first, with the realm's credentials, what the name stands for: before that
 * nothing is used that another realm has fetched. What comes is kept by a lease, whose name follows
 * from the image's, until the image's record, made last, refers to all of it.
 */
#include <errno.h>
#include <time.h>

#include "api/containerd.pb-c.h"
#include "core/registry/reference.h"
#include "drivers/ctd/labels.h"
#include "drivers/ctd/methods.h"
#include "drivers/images/image_records.h"
#include "drivers/images/lease.h"
#include "drivers/oci/media_types.h"
#include "drivers/pull/pull_private.h"

/* A lease that ends sooner would end with the pull under way. */
enum { LEASE_LEFT_SECONDS = 60 * 60 };

enum { STEP_LEASE = 3, STEP_DOCUMENTS = 6, STEP_LABEL = 9 };

static struct pull *pull_of(struct op *op)
{
	return container_of(op, struct attempt, op.op)->pull;
}

static void attempt_fini(struct op *op)
{
	pull_of(op)->attempt = NULL;
}

static int stop_if_cancelled(struct op *op)
{
	return pull_of(op)->cancelled ? ctd_fail(op, -ECANCELED, "cancelled") : 0;
}

/* ---- what the name stands for ---- */

static int start_get(struct op *op)
{
	Ctd__NameRequest request = CTD__NAME_REQUEST__INIT;

	request.name = pull_of(op)->name;
	return ctd_unary(op, &images_get_method, &request.base);
}

static int done_get(struct op *op, int status)
{
	const Ctd__Image *image = status == 0 ? ctd_reply(op, Ctd__ImageMessage)->image : NULL;

	free(take_ptr(pull_of(op)->known));
	if (image && image->target) {
		pull_of(op)->known = xstrdup_maybe(image->target->digest);
		str_replace(&pull_of(op)->known_type, image->target->media_type);
		pull_of(op)->known_size = image->target->size;
	}
	return OP_NEXT;
}

static void on_asked(struct call *call)
{
	struct pull *pull = container_of(call, struct pull, sub);
	struct failure why = { .code = call->status,
			       .err = call->err,
			       .fault = pull->head.failure.fault,
			       .retry_after_ms = pull->head.failure.retry_after_ms };

	if (call->status < 0)
		pull_fail(pull, &why);
	call_complete(pull->step, call->status, &call->err);
}

static int start_ask(struct op *op)
{
	struct pull *pull = pull_of(op);
	int r = stop_if_cancelled(op);

	if (r < 0)
		return r;
	registry_manifest_fini(&pull->head);
	pull->head = (struct registry_manifest){ .session = pull->session, .head = true };
	pull->step = ctd_sub(op);
	call_init(&pull->sub, loop_of(pull), on_asked);
	registry_manifest_ask(&pull->head, &pull->sub);
	return OP_WAIT;
}

static int start_look(struct op *op)
{
	struct pull *pull = pull_of(op);

	pull->documents.target = (struct image_blob){
		.digest = pull->head.ret_digest,
		.media_type = pull->head.media_type,
		.size = pull->head.size,
	};
	if (!str_equal(pull->known, pull->head.ret_digest))
		return OP_NEXT;
	image_look_fini(&pull->look);
	pull->look = (struct image_look){
		.namespace_ = pull->namespace_,
		.object = pull->object,
		.target = pull->documents.target,
	};
	image_look_at(pull->driver->images, &pull->look, ctd_sub(op));
	return OP_WAIT;
}

static void remember(struct pull *pull, struct image_config *config)
{
	image_remember(pull->driver->images, pull->namespace_, pull->name, pull->head.ret_digest,
		       config);
}

static int done_look(struct op *op, int status UNUSED)
{
	struct pull *pull = pull_of(op);

	if (!pull->look.whole || !pull->look.unpacked)
		return OP_NEXT;
	remember(pull, &pull->look.documents.config);
	return OP_END;
}

/* ---- the lease ---- */

static int start_lease(struct op *op)
{
	struct pull *pull = pull_of(op);
	int r = stop_if_cancelled(op);

	if (r < 0)
		return r;
	images_keep_no_more(pull->driver->images, pull->namespace_, pull->lease);
	r = lease_create(op, pull->lease, pull->name);
	/* from now on it is in use */
	to_ctd_op(op)->lease = xstrdup(pull->lease);
	return r;
}

static int done_lease(struct op *op, int status)
{
	pull_of(op)->leased = true;
	pull_of(op)->has_bytes |= status < 0; /* of the one before */
	if (status == 0)
		op->next = STEP_DOCUMENTS;
	return OP_NEXT;
}

static int start_list_leases(struct op *op)
{
	AUTO_FREE char *filter = xasprintf("id==\"%s\"", pull_of(op)->lease);
	char *filters[] = { filter };
	Ctd__FilterRequest request = CTD__FILTER_REQUEST__INIT;

	request.filters = filters;
	request.n_filters = 1;
	return ctd_unary(op, &leases_list_method, &request.base);
}

static bool ends_soon(const Ctd__Lease *lease)
{
	struct tm tm = { 0 };

	if (!strptime(labels_get(lease->labels, lease->n_labels, LABEL_GC_EXPIRE),
		      "%Y-%m-%dT%H:%M:%SZ", &tm))
		return true;
	return timegm(&tm) < time(NULL) + LEASE_LEFT_SECONDS;
}

/* One from before a crash, or a pull that was cut off: what it keeps is used. */
static int done_list_leases(struct op *op, int status UNUSED)
{
	const Ctd__LeaseList *list = ctd_reply(op, Ctd__LeaseList);

	if (list->n_leases == 1 && !ends_soon(list->leases[0]))
		op->next = STEP_DOCUMENTS;
	return OP_NEXT;
}

static int start_give_back(struct op *op)
{
	free(take_ptr(to_ctd_op(op)->lease));
	return lease_delete(op, pull_of(op)->lease);
}

static int done_give_back_old(struct op *op, int status UNUSED)
{
	op->next = STEP_LEASE;
	return OP_NEXT;
}

/* ---- its documents ---- */

static void on_document(struct fetch *fetch)
{
	struct pull *pull = fetch->pull;

	if (fetch->failure.code)
		pull_fail(pull, &fetch->failure);
	pull->documents_size += (uint64_t)fetch->blob->size;
	call_complete(pull->document_call, fetch->failure.code, &fetch->failure.err);
}

static int refuse_document(const struct image_blob *blob, struct error *err)
{
	if (!reference_digest_is_valid(blob->digest))
		return error_set(err, -EBADMSG,
				 "%.80s is a digest of another algorithm than sha256",
				 blob->digest);
	if (blob->size > IMAGE_DOCUMENT_MAX_BYTES)
		return error_set(err, -EFBIG, "%s has %lld bytes, at most %d are taken",
				 blob->digest, (long long)blob->size, IMAGE_DOCUMENT_MAX_BYTES);
	return 0;
}

static void fetch_document(struct image_documents *documents, const struct image_blob *blob,
			   bool is_config, struct call *call)
{
	struct pull *pull = container_of(documents, struct pull, documents);
	struct error err;
	int r = refuse_document(blob, &err);

	if (r < 0) {
		pull_fail_with(pull, IMAGE_FAULT_INVALID, r, &err);
		call_complete(call, r, &err);
		return;
	}
	pull->document_call = call;
	pull->document = (struct fetch){
		.pull = pull,
		.blob = blob,
		.is_document = !is_config,
		.on_end = on_document,
	};
	fetch_start(&pull->document);
}

static void on_documents(struct call *call)
{
	struct pull *pull = container_of(call, struct pull, sub);
	const struct image_documents *documents = &pull->documents;

	if (call->status < 0 && documents->invalid)
		pull_fail_with(pull, documents->unfit ? IMAGE_FAULT_PLATFORM : IMAGE_FAULT_INVALID,
			       call->status, &call->err);
	call_complete(pull->step, call->status, &call->err);
}

static int start_documents(struct op *op)
{
	struct pull *pull = pull_of(op);

	pull->documents.namespace_ = pull->namespace_;
	pull->documents.object = pull->object;
	pull->documents.fetch = fetch_document;
	pull->documents_size = 0;
	pull->step = ctd_sub(op);
	call_init(&pull->sub, loop_of(pull), on_documents);
	image_documents_read(pull->driver->images, &pull->documents, &pull->sub);
	return OP_WAIT;
}

/* ---- its layers ---- */

static int start_check(struct op *op)
{
	struct pull *pull = pull_of(op);
	struct error err;
	int r = image_manifest_check(&pull->documents.manifest, &err);

	if (r == 0)
		return OP_NEXT;
	ctd_fail(op, r, "%s", err.msg);
	pull_fail_with(pull, IMAGE_FAULT_INVALID, r, &op->err);
	return r;
}

static int start_layers(struct op *op)
{
	struct pull *pull = pull_of(op);
	int r = stop_if_cancelled(op);

	if (r < 0)
		return r;
	pull->step = ctd_sub(op);
	pull->labelled = 0;
	layers_start(pull);
	return OP_WAIT;
}

/* ---- its record ---- */

static int start_label(struct op *op)
{
	struct pull *pull = pull_of(op);
	int r = stop_if_cancelled(op);

	if (r < 0)
		return r;
	if (pull->labelled + 1 == pull->documents.path.n)
		return labels_start_manifest(op, &pull->documents);
	return labels_start_index(op, &pull->documents, pull->labelled);
}

static int done_label(struct op *op, int status UNUSED)
{
	struct pull *pull = pull_of(op);

	if (++pull->labelled < pull->documents.path.n)
		op->next = STEP_LABEL;
	return OP_NEXT;
}

/* Before its name moves on: nothing else may hold it. What is there by that name is the same. */
static int start_keep(struct op *op)
{
	const struct pull *pull = pull_of(op);
	const struct image_blob known = { .digest = pull->known,
					  .media_type = pull->known_type,
					  .size = pull->known_size };

	if (!pull->keeps || !pull->known || str_equal(pull->known, pull->head.ret_digest))
		return OP_NEXT;
	return record_keep(op, pull->name, &known);
}

static int start_create(struct op *op)
{
	return record_create(op, pull_of(op)->name, &pull_of(op)->documents.target);
}

static int start_update(struct op *op)
{
	return record_update(op, pull_of(op)->name, &pull_of(op)->documents.target);
}

/* It may have been made just now, by another. */
static int done_create(struct op *op, int status)
{
	if (status == 0)
		op->next = op->at + 2;
	return OP_NEXT;
}

static int start_remember(struct op *op)
{
	remember(pull_of(op), &pull_of(op)->documents.config);
	return OP_NEXT;
}

static const struct step attempt_steps[] = {
	{ .name = "look up its record",
	  .also_ok = { ENOENT },
	  .start = start_get,
	  .done = done_get },
	{ .name = "ask the registry", .start = start_ask },
	{ .name = "look at what is there", .start = start_look, .done = done_look },
	[STEP_LEASE] = { .name = "take a lease",
			 .also_ok = { EEXIST },
			 .start = start_lease,
			 .done = done_lease },
	{ .name = "see when the lease ends", .start = start_list_leases, .done = done_list_leases },
	{ .name = "give the old lease back",
	  .also_ok = { ENOENT },
	  .start = start_give_back,
	  .done = done_give_back_old },
	[STEP_DOCUMENTS] = { .name = "fetch what it is made of", .start = start_documents },
	{ .name = "see whether it is an image", .start = start_check },
	{ .name = "fetch its layers", .start = start_layers },
	[STEP_LABEL] = { .name = "tie its parts together",
			 .start = start_label,
			 .done = done_label },
	{ .name = "keep what it stood for", .also_ok = { EEXIST }, .start = start_keep },
	{ .name = "make its record",
	  .also_ok = { EEXIST },
	  .start = start_create,
	  .done = done_create },
	{ .name = "move its record", .start = start_update },
	{ .name = "remember it", .start = start_remember },
	{ 0 },
};

void attempt_start(struct pull *pull, struct call *call)
{
	struct attempt *attempt = xnew(struct attempt);

	attempt->pull = pull;
	attempt->op.fini = attempt_fini;
	pull->attempt = attempt;
	pull->failure = (struct failure){ 0 };
	ctd_op_start(pull->driver->images->ctd, &attempt->op, attempt_steps, pull->namespace_,
		     pull->object, call);
}
