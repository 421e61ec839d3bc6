/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/client/client_images.h"

#include "cli/client/client_private.h"

#define IMAGES "/kukeon.v1beta1.Images/"

static const struct method list = { IMAGES "ListImages", &api__list_images_response__descriptor,
				    LOOK_TIMEOUT_MS, false };
static const struct method inspect = { IMAGES "InspectImage",
				       &api__inspect_image_response__descriptor, LOOK_TIMEOUT_MS,
				       false };
static const struct method remove_one = { IMAGES "RemoveImage",
					  &api__remove_image_response__descriptor, LOOK_TIMEOUT_MS,
					  false };
static const struct method tag = { IMAGES "TagImage", &api__tag_image_response__descriptor,
				   LOOK_TIMEOUT_MS, false };
static const struct method prune = { IMAGES "PruneImages", &api__prune_images_response__descriptor,
				     LOOK_TIMEOUT_MS, false };

int client_list_images(struct client *client, const Api__ListImagesRequest *request,
		       Api__ListImagesResponse **ret_reply, struct error *err)
{
	return client_call(client, &list, &request->base, ret_reply, err);
}

int client_inspect_image(struct client *client, const Api__InspectImageRequest *request,
			 Api__InspectImageResponse **ret_reply, struct error *err)
{
	return client_call(client, &inspect, &request->base, ret_reply, err);
}

int client_remove_image(struct client *client, const Api__RemoveImageRequest *request,
			Api__RemoveImageResponse **ret_reply, struct error *err)
{
	return client_call(client, &remove_one, &request->base, ret_reply, err);
}

int client_tag_image(struct client *client, const Api__TagImageRequest *request,
		     Api__TagImageResponse **ret_reply, struct error *err)
{
	return client_call(client, &tag, &request->base, ret_reply, err);
}

int client_prune_images(struct client *client, const Api__PruneImagesRequest *request,
			Api__PruneImagesResponse **ret_reply, struct error *err)
{
	return client_call(client, &prune, &request->base, ret_reply, err);
}

/* ---- streams: how long they take depends on registries and sizes ---- */

static int stream(struct client *client, const struct rpc_client_stream_options *options,
		  struct error *err)
{
	int rc = rpc_client_stream(client->rpc, options, err);

	client_name_starter(rc, err);
	return rc;
}

int client_pull_image(struct client *client, const Api__PullImageRequest *request,
		      client_progress_fn tell, void *ctx, struct error *err)
{
	const struct rpc_client_stream_options options = {
		.method = IMAGES "PullImage",
		.request = &request->base,
		.reply_type = &api__pull_progress__descriptor,
		.on_message = tell,
		.ctx = ctx,
	};

	return stream(client, &options, err);
}

/* What goes both ways. */
struct loading {
	client_piece_fn next;
	client_progress_fn tell;
	void *ctx;
};

static bool on_progress(const ProtobufCMessage *message, void *ctx)
{
	const struct loading *loading = ctx;

	return loading->tell(message, loading->ctx);
}

static bool next_piece(void *ctx, const ProtobufCMessage **ret_message)
{
	const struct loading *loading = ctx;
	const Api__LoadImagesRequest *piece = NULL;
	bool ok = loading->next(loading->ctx, &piece);

	*ret_message = piece ? &piece->base : NULL;
	return ok;
}

int client_load_images(struct client *client, const Api__LoadImagesRequest *first,
		       client_piece_fn next, client_progress_fn tell, void *ctx, struct error *err)
{
	struct loading loading = { .next = next, .tell = tell, .ctx = ctx };
	const struct rpc_client_stream_options options = {
		.method = IMAGES "LoadImages",
		.request = &first->base,
		.reply_type = &api__load_progress__descriptor,
		.on_message = on_progress,
		.next = next_piece,
		.ctx = &loading,
	};

	return stream(client, &options, err);
}

int client_save_images(struct client *client, const Api__SaveImagesRequest *request,
		       client_progress_fn tell, void *ctx, struct error *err)
{
	const struct rpc_client_stream_options options = {
		.method = IMAGES "SaveImages",
		.request = &request->base,
		.reply_type = &api__save_images_chunk__descriptor,
		.on_message = tell,
		.ctx = ctx,
	};

	return stream(client, &options, err);
}
