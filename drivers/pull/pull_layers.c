/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fetches the layers of an image, some at a time, and unpacks them in their order while the next
 * ones come.
 */
#include <errno.h>

#include "drivers/pull/pull_private.h"

static struct pull *pull_of(struct unpack *unpack)
{
	return container_of(unpack, struct pull, unpack);
}

static size_t index_of(const struct layer *layer)
{
	return (size_t)(layer - layer->pull->layers);
}

static const struct image_layer *progress_of(const struct layer *layer)
{
	return &layer->pull->asked->progress.layers[index_of(layer)];
}

/* ---- the end ---- */

static bool all_are_there(const struct pull *pull)
{
	for (size_t i = 0; i < pull->n_layers; i++)
		if (!pull->layers[i].there)
			return false;
	return true;
}

static void end_if_over(struct pull *pull)
{
	if (!pull->fetches_layers || pull->unpacking || pull->n_fetching)
		return;
	if (!pull->failure.code && !all_are_there(pull))
		return;
	pull->fetches_layers = false;
	for (size_t i = 0; i < pull->n_layers && !pull->failure.code; i++)
		if (pull->layers[i].fetch.asked)
			progress_set_layer(pull, i, IMAGE_LAYER_DONE);
	call_complete(pull->step, pull->failure.code, &pull->failure.err);
}

static void fail(struct pull *pull, const struct failure *why)
{
	pull_fail(pull, why);
	layers_cut(pull);
}

/* ---- fetching ---- */

static void on_bytes(struct fetch *fetch)
{
	struct layer *layer = container_of(fetch, struct layer, fetch);

	progress_set_fetched(layer->pull, index_of(layer), fetch->fetched);
	if (progress_of(layer)->state == IMAGE_LAYER_WAITING)
		progress_set_layer(layer->pull, index_of(layer), IMAGE_LAYER_FETCHING);
}

/* What another has fetched, or was there before, counts as a whole. */
static void note_there(struct layer *layer)
{
	enum image_layer_state state = progress_of(layer)->state;

	layer->there = true;
	progress_set_fetched(layer->pull, index_of(layer), progress_of(layer)->size);
	if (state == IMAGE_LAYER_WAITING || state == IMAGE_LAYER_FETCHING)
		progress_set_layer(layer->pull, index_of(layer),
				   layer->fetch.asked ? IMAGE_LAYER_FETCHED : IMAGE_LAYER_PRESENT);
}

static void on_fetched(struct fetch *fetch)
{
	struct layer *layer = container_of(fetch, struct layer, fetch);
	struct pull *pull = layer->pull;

	pull->n_fetching--;
	pull->driver->n_fetching--;
	if (fetch->failure.code) {
		fail(pull, &fetch->failure);
	} else {
		note_there(layer);
		unpack_go_on(&pull->unpack);
	}
	layers_pump(pull->driver);
	end_if_over(pull);
}

static void fetch_next(struct pull *pull)
{
	struct layer *layer = &pull->layers[pull->next++];

	pull->n_fetching++;
	pull->driver->n_fetching++;
	layer->fetch = (struct fetch){
		.pull = pull,
		.blob = &pull->documents.manifest.layers[index_of(layer)],
		.on_end = on_fetched,
		.on_bytes = on_bytes,
	};
	fetch_start(&layer->fetch);
}

static bool may_fetch(const struct pull *pull, unsigned most)
{
	return pull->fetches_layers && !pull->failure.code && pull->next < pull->n_layers &&
	       pull->n_fetching < most && pull->driver->n_fetching < DRIVER_FETCHES_MAX;
}

void layers_pump(struct pull_driver *driver)
{
	struct pull *pull;

	for (unsigned most = 1; most <= PULL_FETCHES_MAX; most++)
		list_for_each(pull, &driver->pulls, link)
			while (may_fetch(pull, most))
				fetch_next(pull);
}

/* ---- unpacking ---- */

static bool is_there(struct unpack *unpack, size_t layer)
{
	return pull_of(unpack)->layers[layer].there;
}

static void on_layer(struct unpack *unpack, size_t i, bool done)
{
	const struct layer *layer = &pull_of(unpack)->layers[i];
	bool present = layer->there && !layer->fetch.asked;

	if (!done)
		progress_set_layer(layer->pull, i, IMAGE_LAYER_UNPACKING);
	else if (layer->there)
		progress_set_layer(layer->pull, i,
				   present ? IMAGE_LAYER_PRESENT : IMAGE_LAYER_DONE);
}

static void on_unpacked(struct call *call)
{
	struct pull *pull = container_of(call, struct pull, sub);
	struct failure why = {
		.code = call->status,
		.err = call->err,
		.fault = call->status == -EBADMSG ? IMAGE_FAULT_INVALID : IMAGE_FAULT_OTHER,
		.again = error_is_transient(call->status) && call->status != -ENOSPC
	};

	pull->unpacking = false;
	if (call->status < 0)
		fail(pull, &why);
	end_if_over(pull);
}

static void unpack(struct pull *pull)
{
	pull->unpack = (struct unpack){
		.namespace_ = pull->namespace_,
		.object = pull->object,
		.manifest = &pull->documents.manifest,
		.config = &pull->documents.config,
		.lease = pull->lease,
		.is_there = is_there,
		.on_layer = on_layer,
	};
	pull->unpacking = true;
	call_init(&pull->sub, loop_of(pull), on_unpacked);
	unpack_start(pull->driver->images, &pull->unpack, &pull->sub);
}

/* ---- life ---- */

void layers_start(struct pull *pull)
{
	layers_free(pull);
	pull->n_layers = pull->documents.manifest.n_layers;
	pull->layers = xcalloc(pull->n_layers, sizeof(pull->layers[0]));
	for (size_t i = 0; i < pull->n_layers; i++)
		pull->layers[i].pull = pull;
	progress_set_layers(pull);
	pull->next = 0;
	pull->fetches_layers = true;
	unpack(pull);
	layers_pump(pull->driver);
}

void layers_cut(struct pull *pull)
{
	unpack_cancel(&pull->unpack);
	for (size_t i = 0; i < pull->n_layers; i++)
		if (pull->layers[i].fetch.running)
			fetch_cancel(&pull->layers[i].fetch);
}

void layers_free(struct pull *pull)
{
	check(pull->n_fetching == 0);
	free(pull->layers);
	pull->layers = NULL;
	pull->n_layers = 0;
}
