/* SPDX-License-Identifier: Apache-2.0 */
#include "core/driver/images.h"

void image_fact_fini(struct image_fact *fact)
{
	free(fact->name);
	free(fact->digest);
	free(fact->media_type);
	*fact = (struct image_fact){ 0 };
}

void image_facts_fini(struct image_facts *facts)
{
	for (size_t i = 0; i < facts->n; i++)
		image_fact_fini(&facts->items[i]);
	free(facts->items);
	*facts = (struct image_facts){ 0 };
}

static void layers_free(struct image_layer *layers, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(layers[i].digest);
	free(layers);
}

void image_details_fini(struct image_details *details)
{
	image_fact_fini(&details->fact);
	free(details->manifest_digest);
	free(details->config_digest);
	free(details->config);
	layers_free(details->layers, details->n_layers);
	strv_fini(&details->volumes);
	strv_fini(&details->exposed_ports);
	free(details->health_check);
	*details = (struct image_details){ 0 };
}

void image_progress_fini(struct image_progress *progress)
{
	free(progress->host);
	free(progress->waits);
	layers_free(progress->layers, progress->n_layers);
	*progress = (struct image_progress){ 0 };
}

void image_load_fini(struct image_load *load)
{
	for (size_t i = 0; i < load->n_images; i++) {
		free(load->images[i].name);
		free(load->images[i].digest);
	}
	free(load->images);
	load->images = NULL;
	load->n_images = 0;
}

void image_pull_fini(struct image_pull *pull)
{
	image_progress_fini(&pull->progress);
	free(pull->digest);
	pull->digest = NULL;
	pull->changed = false;
	pull->fault = IMAGE_FAULT_NONE;
	pull->retry_after_ms = 0;
}
