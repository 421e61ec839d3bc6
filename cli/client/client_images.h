/* SPDX-License-Identifier: Apache-2.0 */
/* The service Images, as client.h has the others. */
#pragma once

#include "cli/client/client.h"

int client_list_images(struct client *client, const Api__ListImagesRequest *request,
		       Api__ListImagesResponse **ret_reply, struct error *err);
int client_inspect_image(struct client *client, const Api__InspectImageRequest *request,
			 Api__InspectImageResponse **ret_reply, struct error *err);
int client_remove_image(struct client *client, const Api__RemoveImageRequest *request,
			Api__RemoveImageResponse **ret_reply, struct error *err);
int client_tag_image(struct client *client, const Api__TagImageRequest *request,
		     Api__TagImageResponse **ret_reply, struct error *err);
int client_prune_images(struct client *client, const Api__PruneImagesRequest *request,
			Api__PruneImagesResponse **ret_reply, struct error *err);

/* The message is gone when this returns. False: enough. */
typedef bool (*client_progress_fn)(const ProtobufCMessage *message, void *ctx);

/* Gives PullProgress until the pull has ended. */
int client_pull_image(struct client *client, const Api__PullImageRequest *request,
		      client_progress_fn tell, void *ctx, struct error *err);

/* The next piece of what is sent; NULL: that was all. False: it cannot be read. It stays until the
 * next is asked for. */
typedef bool (*client_piece_fn)(void *ctx, const Api__LoadImagesRequest **ret_piece);

/* Gives LoadProgress until the archive is loaded. */
int client_load_images(struct client *client, const Api__LoadImagesRequest *first,
		       client_piece_fn next, client_progress_fn tell, void *ctx, struct error *err);

/* Gives SaveImagesChunk until all is saved. */
int client_save_images(struct client *client, const Api__SaveImagesRequest *request,
		       client_progress_fn tell, void *ctx, struct error *err);
