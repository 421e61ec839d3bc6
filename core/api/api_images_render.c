/* SPDX-License-Identifier: Apache-2.0 */
/* Images as messages. */
#include "core/api/api_images.h"
#include "core/base/wall.h"

Api__Image *api_image_render(const struct image_fact *fact, const struct strv *used_by)
{
	Api__Image *image = xnew(Api__Image);

	api__image__init(image);
	image->name = xstrdup(fact->name);
	image->digest = xstrdup_maybe(fact->digest);
	image->media_type = xstrdup_maybe(fact->media_type);
	image->has_size = image->has_whole = image->has_unpacked = image->has_ours = true;
	image->size = fact->size;
	image->created_at = wall_text(fact->created_at_ms);
	image->updated_at = wall_text(fact->updated_at_ms);
	image->whole = fact->whole;
	image->unpacked = fact->unpacked;
	image->ours = fact->ours;
	image->used_by = xcalloc(used_by->n, sizeof(*image->used_by));
	for (; image->n_used_by < used_by->n; image->n_used_by++)
		image->used_by[image->n_used_by] = xstrdup(used_by->items[image->n_used_by]);
	return image;
}

static Api__ImageLayer *render_layer(const struct image_layer *layer)
{
	static const Api__ImageLayer__State states[] = {
		[IMAGE_LAYER_WAITING] = API__IMAGE_LAYER__STATE__STATE_WAITING,
		[IMAGE_LAYER_FETCHING] = API__IMAGE_LAYER__STATE__STATE_FETCHING,
		[IMAGE_LAYER_FETCHED] = API__IMAGE_LAYER__STATE__STATE_FETCHED,
		[IMAGE_LAYER_UNPACKING] = API__IMAGE_LAYER__STATE__STATE_UNPACKING,
		[IMAGE_LAYER_DONE] = API__IMAGE_LAYER__STATE__STATE_DONE,
		[IMAGE_LAYER_PRESENT] = API__IMAGE_LAYER__STATE__STATE_PRESENT,
	};
	Api__ImageLayer *message = xnew(Api__ImageLayer);

	api__image_layer__init(message);
	message->digest = xstrdup_maybe(layer->digest);
	message->has_size = message->has_fetched = message->has_state = true;
	message->size = layer->size;
	message->fetched = layer->fetched;
	message->state = states[layer->state];
	return message;
}

Api__ImageLayer **api_image_layers(const struct image_layer *layers, size_t n)
{
	Api__ImageLayer **messages = xcalloc(n, sizeof(*messages));

	for (size_t i = 0; i < n; i++)
		messages[i] = render_layer(&layers[i]);
	return messages;
}
