/* SPDX-License-Identifier: Apache-2.0 */
/* What the files about images share. Private to the API. */
#pragma once

#include "core/api/api_internal.h"
#include "core/base/map.h"
#include "core/driver/images.h"

/* A stream about images, embedded in its owner; its server call may go before the driver's. */
struct image_stream {
	struct list link;             /* struct api.image_streams, until the call is closed */
	struct rpc_server_call *call; /* NULL: closed */
	bool over;                    /* the last word has been said */
};

/* What a driver's call that failed is to its caller: he has reached us, whoever was not reached. */
const struct error *image_call_error(struct call *call);

void image_stream_fail(struct image_stream *stream, const struct error *err);
void image_stream_end(struct image_stream *stream);

/* The realm that a request names; NULL with @err -EINVAL, -ENOENT, or -ENOSYS without a driver. */
struct object *api_find_realm(struct api *api, const char *realm, struct error *err);

/* What containerd calls the image that @name is written for; NULL with @err. Free with free(). */
char *api_image_name(const char *name, struct error *err);

/* ---- api_images_used.c ---- */

/* Which cells use each of some images. */
struct image_users {
	struct strv *of; /* by the image's place: keys of cells; they declare or run it */
	size_t n;
};

/*
 * A cell uses what its containers declare, and the image that a container was made from where that
 * is not what the declared name stands for (any more). Costs a look at each container of the realm
 * and a search among the images.
 */
void image_users_find(const struct engine *engine, const struct object *realm,
		      const struct image_facts *facts, struct image_users *ret_users);
void image_users_fini(struct image_users *users);

/* "cells main/lab/a/web and main/lab/a/db"; of many the first ones. */
void image_users_add_text(const struct strv *cells, struct buf *out);

/* Why nobody can say now what the realm uses; NULL: it is known. */
const char *image_users_unknown(const struct engine *engine, const struct object *realm);

/* Free with protobuf_c_message_free_unpacked(). */
Api__Image *api_image_render(const struct image_fact *fact, const struct strv *used_by);
Api__ImageLayer **api_image_layers(const struct image_layer *layers, size_t n);
