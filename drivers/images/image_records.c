/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/images/image_records.h"

#include <errno.h>

#include "api/containerd.pb-c.h"
#include "core/registry/reference.h"
#include "drivers/ctd/ctd_op.h"
#include "drivers/ctd/labels.h"
#include "drivers/ctd/methods.h"
#include "drivers/images/look.h"

enum { LIST_TIMEOUT_MS = 30 * 1000 }; /* of thousands of records */

struct records_op {
	struct ctd_op op;
	struct images *images;
	char *name; /* as containerd has it */
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
	free(own->look_object);
	free(own->name);
}

static int64_t to_ms(const Ctd__Timestamp *time)
{
	return time ? time->seconds * 1000 + time->nanos / 1000000 : 0;
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
		if (record_is_usable(list->images[i]))
			facts->items[facts->n++] = fact_of(op, list->images[i]);
	if (facts->n)
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

static int start_get(struct op *op)
{
	return record_get(op, records_of(op)->name);
}

static int done_get(struct op *op, int status)
{
	struct image_facts *facts = &records_of(op)->facts;
	const Ctd__Image *image = status == 0 ? ctd_reply(op, Ctd__ImageMessage)->image : NULL;

	if (status < 0)
		return record_fail_absent(op);
	if (!record_is_usable(image))
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

static void give_config(struct image_config *config, struct image_details *details)
{
	details->volumes = config->volumes;
	details->exposed_ports = config->exposed_ports;
	details->health_check = image_health_text(&config->health);
	config->volumes = config->exposed_ports = (struct strv){ 0 };
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
		give_config(&documents->config, details);
	}
	records_fini(op);
}

static const struct step inspect_steps[] = {
	{ .name = "look it up", .also_ok = { ENOENT }, .start = start_get, .done = done_get },
	{ .name = "look at it", .start = start_look, .done = done_look },
	{ 0 },
};

void records_inspect(struct images *images, const char *namespace_, const char *name,
		     struct image_details *ret_details, struct call *call)
{
	struct records_op *own = op_new(images, name);
	AUTO_FREE char *object = xasprintf("image %s", name);

	own->ret_details = ret_details;
	own->op.fini = inspect_fini;
	ctd_op_start(images->ctd, &own->op, inspect_steps, namespace_, object, call);
}
