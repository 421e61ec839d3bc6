/* SPDX-License-Identifier: Apache-2.0 */
/* What is said of a pull while it runs. Bytes are counted as they come over the wire; those that
 * were there before count as well, so that the whole can be reached. */
#include "drivers/pull/pull_private.h"

enum { TICK_MS = 250 }; /* between two that are told, and two samples of the rate */

static void set_words(struct pull *pull, char **words, const char *now)
{
	if (str_equal(*words, now) && !*words == !now)
		return;
	free(*words);
	*words = xstrdup_maybe(now);
	pull->changed = true;
}

static void set_rate(struct pull *pull)
{
	unsigned n = pull->n_samples < RATE_SAMPLES ? pull->n_samples : RATE_SAMPLES;
	uint64_t oldest = n ? pull->samples[(pull->n_samples - n) % RATE_SAMPLES] : pull->came;
	uint64_t rate = n ? (pull->came - oldest) * 1000 / (n * TICK_MS) : 0;

	pull->samples[pull->n_samples++ % RATE_SAMPLES] = pull->came;
	pull->changed |= rate != pull->asked->progress.bytes_per_second;
	pull->asked->progress.bytes_per_second = rate;
}

static void tell(struct pull *pull)
{
	struct image_progress *progress = &pull->asked->progress;

	set_rate(pull);
	set_words(pull, &progress->host, registry_session_host(pull->session));
	set_words(pull, &progress->waits,
		  timer_active(&pull->pause) ? "containerd does not answer"
					     : registry_session_waits(pull->session));
	if (pull->changed && pull->asked->on_progress)
		pull->asked->on_progress(pull->asked);
	pull->changed = false;
}

static void on_tick(struct timer *timer)
{
	struct pull *pull = container_of(timer, struct pull, tick);
	uint64_t now_ms = loop_now_ms(loop_of(pull));

	timer_start(loop_of(pull), timer, TICK_MS, on_tick);
	if (pull->document.running)
		fetch_watch(&pull->document, now_ms);
	for (size_t i = 0; i < pull->n_layers; i++)
		if (pull->layers[i].fetch.running)
			fetch_watch(&pull->layers[i].fetch, now_ms);
	tell(pull);
}

void progress_begin(struct pull *pull)
{
	timer_start(loop_of(pull), &pull->tick, TICK_MS, on_tick);
}

void progress_end(struct pull *pull)
{
	timer_stop(&pull->tick);
}

static void forget_layers(struct image_progress *progress)
{
	for (size_t i = 0; i < progress->n_layers; i++)
		free(progress->layers[i].digest);
	free(progress->layers);
	progress->layers = NULL;
	progress->n_layers = 0;
}

void progress_set_layers(struct pull *pull)
{
	const struct image_manifest *manifest = &pull->documents.manifest;
	struct image_progress *progress = &pull->asked->progress;

	forget_layers(progress);
	progress->layers = xcalloc(manifest->n_layers, sizeof(progress->layers[0]));
	progress->n_layers = manifest->n_layers;
	progress->size = progress->fetched = pull->documents_size;
	for (size_t i = 0; i < manifest->n_layers; i++) {
		progress->layers[i].digest = xstrdup(manifest->layers[i].digest);
		progress->layers[i].size = (uint64_t)manifest->layers[i].size;
		progress->size += progress->layers[i].size;
	}
	pull->changed = true;
}

void progress_set_layer(struct pull *pull, size_t layer, enum image_layer_state state)
{
	pull->asked->progress.layers[layer].state = state;
	pull->changed = true;
}

void progress_set_fetched(struct pull *pull, size_t layer, uint64_t fetched)
{
	struct image_progress *progress = &pull->asked->progress;

	progress->fetched += fetched - progress->layers[layer].fetched;
	progress->layers[layer].fetched = fetched;
	pull->changed = true;
}

void progress_add(struct pull *pull, uint64_t bytes)
{
	pull->came += bytes;
	pull->has_bytes = true;
	pull->changed = true;
}
