/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/archive/loader.h"

#include <errno.h>

#include "api/containerd.pb-c.h"
#include "drivers/archive/saver.h"
#include "drivers/ctd/methods.h"
#include "drivers/images/lease.h"

enum {
	STEP_FILES = 1,
	STEP_IMAGE = 3,
	STEP_NAME = 7,
	STEP_RELEASE = 9,
	RELEASE_TIMEOUT_MS = 60 * 1000, /* garbage of some GiB */
};

static int start_lease(struct op *op)
{
	struct loader *loader = loader_of(op);
	AUTO_FREE char *id = lease_new_id(LOAD_LEASE_PREFIX);
	int r;

	op->cleanup = STEP_RELEASE;
	r = lease_create(op, id, NULL);
	loader->op.lease = take_ptr(id);
	return r;
}

static int next_name(struct op *op)
{
	op->next = loader_next_name(loader_of(op)) ? STEP_NAME : STEP_IMAGE;
	return OP_NEXT;
}

static int done_create(struct op *op, int status)
{
	return status == -EEXIST ? OP_NEXT : next_name(op);
}

static int done_update(struct op *op, int status UNUSED)
{
	return next_name(op);
}

/* Of what failed nothing stays, not even until the next collection. */
static int start_release(struct op *op)
{
	Ctd__LeaseDeleteRequest request = CTD__LEASE_DELETE_REQUEST__INIT;

	request.id = to_ctd_op(op)->lease;
	request.has_sync = true;
	request.sync = op->status < 0;
	return ctd_unary(op, &leases_delete_method, &request.base);
}

static const struct step load_steps[] = {
	{ .name = "take a lease", .start = start_lease },
	[STEP_FILES] = { .name = "read it", .start = loader_start_files },
	{ .name = "read what is in it", .start = loader_start_index, .done = loader_done_index },
	[STEP_IMAGE] = { .name = "find an image", .start = loader_start_image },
	{ .name = "write its manifest", .start = loader_start_blob },
	{ .name = "read what it is made of",
	  .start = loader_start_documents,
	  .done = loader_done_documents },
	{ .name = "tie it together", .start = loader_start_label },
	[STEP_NAME] = { .name = "name it",
			.also_ok = { EEXIST },
			.start = loader_start_name,
			.done = done_create },
	{ .name = "move the name", .start = loader_start_update, .done = done_update },
	[STEP_RELEASE] = { .name = "give the lease back",
			   .also_ok = { ENOENT },
			   .timeout_ms = RELEASE_TIMEOUT_MS,
			   .start = start_release },
	{ 0 },
};

static void loader_fini(struct op *op)
{
	struct loader *loader = loader_of(op);
	struct image_load *load = loader->load;

	if (op->status == 0) {
		load->images = take_ptr(loader->loaded);
		load->n_images = loader->n_loaded;
		loader->n_loaded = 0;
	}
	load->state = NULL;
	list_remove(&loader->link);
	loader_files_fini(loader);
	loader_images_fini(loader);
	pending_end(loader->archives->under_way);
}

static unsigned count(const struct archives *archives)
{
	const struct loader *loader;
	unsigned n = 0;

	list_for_each(loader, &archives->loads, link)
		n++;
	return n;
}

void archives_load(struct archives *archives, struct image_load *load, struct call *call)
{
	struct loader *loader;
	struct error err;

	if (count(archives) >= LOADS_MAX) {
		error_set(&err, -EBUSY, "%d archives are being loaded already; try again later",
			  LOADS_MAX);
		return call_complete(call, err.code, &err);
	}
	loader = xnew(struct loader);
	loader->archives = archives;
	loader->load = load;
	load->state = loader;
	list_append(&archives->loads, &loader->link);
	pending_begin(archives->under_way);
	loader->op.fini = loader_fini;
	ctd_op_start(archives->images->ctd, &loader->op, load_steps, load->namespace_,
		     "the archive", call);
}

size_t archives_load_room(const struct image_load *load)
{
	const struct loader *loader = load->state;

	return loader && loader->unpacker && !loader->failed ? unpacker_room(loader->unpacker) : 0;
}

void archives_load_give(struct image_load *load, const void *data, size_t len)
{
	const struct loader *loader = load->state;

	check(loader->unpacker);
	unpacker_give(loader->unpacker, data, len);
}

void archives_load_end(struct image_load *load)
{
	struct loader *loader = load->state;

	if (!loader || loader->input_ended)
		return;
	loader->input_ended = true;
	if (!loader->unpacker)
		return;
	unpacker_end_input(loader->unpacker);
	loader_go_on(loader);
}

static void cancel(struct loader *loader)
{
	loader->cancelled = true;
	loader_cut_files(loader);
	image_documents_cancel(&loader->documents);
}

void archives_load_cancel(struct image_load *load)
{
	if (load->state)
		cancel(load->state);
}

/* ---- life ---- */

void archives_init(struct archives *archives, struct images *images, struct pending *under_way)
{
	archives->under_way = under_way;
	archives->images = images;
	list_init(&archives->loads);
	list_init(&archives->saves);
}

void archives_stop(struct archives *archives)
{
	struct loader *loader;
	struct saver *saver;

	list_for_each(loader, &archives->loads, link)
		cancel(loader);
	list_for_each(saver, &archives->saves, link)
		saver_cancel(saver);
}
