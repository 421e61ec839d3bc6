/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the API share. Private to them. */
#pragma once

#include "core/api.h"

struct api {
	struct api_options options;
	struct rpc_server *server;
	char *started_at;
	struct list watches; /* struct watch.link */
	void (*closed)(void *ctx);
	void *closed_ctx;
};

/* Takes the object. */
typedef void (*api_give_fn)(void *ctx, Api__Object *object);

/* Gives every object that matches, ordered by key; or what of one object matches. */
void api_select(struct engine *engine, const Api__Selector *selector, api_give_fn give, void *ctx);
void api_select_object(struct engine *engine, const Api__Selector *selector,
		       const struct object *object, api_give_fn give, void *ctx);

/* api_watch.c */
void api_on_watch(struct rpc_server_call *call, const ProtobufCMessage *request, void *ctx);
void api_end_watches(struct api *api);

/* api_status.c. Free with protobuf_c_message_free_unpacked(). */
Api__StatusReply *api_status_report(struct api *api);
