/* SPDX-License-Identifier: Apache-2.0 */
/* What the files about images share. Private to the API. */
#pragma once

#include "core/api/api_internal.h"
#include "core/base/map.h"
#include "core/driver/images.h"
#include "core/images/image_users.h"

/* What a driver's call that failed is to its caller: he has reached us, whoever was not reached. */
const struct error *image_call_error(struct call *call);

/* The realm that a request names; NULL with @err -EINVAL, -ENOENT, or -ENOSYS without a driver. */
struct object *api_find_realm(struct api *api, const char *realm, struct error *err);

/* What containerd calls the image that @name is written for; NULL with @err. Free with free(). */
char *api_image_name(const char *name, struct error *err);

/* Free with protobuf_c_message_free_unpacked(). */
Api__Image *api_image_render(const struct image_fact *fact, const struct strv *used_by);
Api__ImageLayer **api_image_layers(const struct image_layer *layers, size_t n);
