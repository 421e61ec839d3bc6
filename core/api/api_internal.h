/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the API share. Private to them. */
#pragma once

#include "core/api/api.h"
#include "core/model/selector.h"

struct api {
	struct api_options options;
	struct rpc_server *server;
	char *started_at;
	struct list watches;   /* struct watch.link */
	struct list events;    /* struct events.link */
	struct list mutations; /* struct mutation.link */
	struct list waiters;   /* struct waiter.link */
	struct list doctors;   /* struct examination.link */
	struct list counted;   /* struct counted.link: wait for counters */
	struct list image_jobs;    /* struct image_job.link */
	struct list image_streams; /* struct image_stream.link */
	struct {
		struct list waiting; /* struct waiting.link in api_looked.c */
		struct timer again;
		uint64_t limit_ms; /* loop time: it is not waited for any longer */
		bool over;
	} first_look;
	bool closing;
	struct pending under_way; /* mutations; while it closes, the server */
	void (*closed)(void *ctx);
	void *closed_ctx;
};

/* What a list or a watch asks for, and where it goes. */
struct api_selection {
	struct api *api;
	const Api__Selector *selector; /* the request's; must live as long */
	struct selector *labels;
	void (*give)(void *ctx, Api__Object *object); /* takes the object */
	void *ctx;
};

/* -EINVAL for a request that selects nothing sensible. */
int api_selection_init(struct api_selection *selection, struct api *api,
		       const Api__Selector *selector, struct error *err);
void api_selection_fini(struct api_selection *selection);

/* Gives what of the object matches: itself, or containers of it. */
void api_select_object(const struct api_selection *selection, const struct object *object);

/* The key of the one object that a selector names; NULL with @err -EINVAL. Free with free(). */
char *api_selector_key(const Api__Selector *selector, struct error *err);

/* The kind of an object that a request carries; false when it carries none. */
bool api_object_kind(const Api__Object *object, enum kind *ret_kind);

/* An object of which nothing is known but its key. */
Api__Object *api_object_gone(const char *key);

/* A wanted container of a cell by its name in the manifest, NULL when there is none. */
struct container *api_find_container(const struct object *cell, const char *name);

/* api_apply.c, api_delete.c, api_run.c, api_admin.c */
void api_on_apply(struct rpc_server_call *call, const ProtobufCMessage *request, void *ctx);
void api_on_delete(struct rpc_server_call *call, const ProtobufCMessage *request, void *ctx);
void api_on_run(struct rpc_server_call *call, const ProtobufCMessage *request, void *ctx);
void api_on_refresh(struct rpc_server_call *call, const ProtobufCMessage *request, void *ctx);
void api_on_purge(struct rpc_server_call *call, const ProtobufCMessage *request, void *ctx);
void api_cancel_waiters(struct api *api);

/* api_prune.c. What is kept though nothing declares it, for the report. */
void api_on_prune(struct rpc_server_call *call, const ProtobufCMessage *request, void *ctx);
void api_add_held(const struct engine *engine, Api__HeldObject ***objects, size_t *n);

/* api_get.c */
void api_on_get(struct rpc_server_call *call, const ProtobufCMessage *request, void *ctx);

/* It ends the call. */
typedef void (*api_answer_fn)(struct api *api, struct rpc_server_call *call,
			      const ProtobufCMessage *request);

/* api_looked.c: @answer runs, now or later, when the host has been looked at for the first time and
 * containerd has shown that it answers, or could not be within a moment. */
enum { API_SILENT_MS = 1000 }; /* so long without an answer is said in the status */
void api_open_first_look(struct api *api);
void api_when_looked(struct api *api, struct rpc_server_call *call, const ProtobufCMessage *request,
		     api_answer_fn answer);
void api_cancel_first_look(struct api *api);

/* Somebody asks, and gets what is known: what containerd would say by now follows. */
void api_ask_runtime(struct api *api);

/* api_counted.c: @answer runs, now or later, when what was dropped is known. */
void api_when_counted(struct api *api, struct rpc_server_call *call,
		      const ProtobufCMessage *request, api_answer_fn answer);
void api_cancel_counted(struct api *api);

/* api_doctor.c */
void api_on_doctor(struct rpc_server_call *call, const ProtobufCMessage *request, void *ctx);
void api_cancel_doctors(struct api *api);

/* api_watch.c */
void api_on_watch(struct rpc_server_call *call, const ProtobufCMessage *request, void *ctx);
void api_end_watches(struct api *api);

/* api_events.c */
void api_on_events(struct rpc_server_call *call, const ProtobufCMessage *request, void *ctx);
void api_end_events(struct api *api);

/* api_images.c, api_images_load.c, api_images_save.c */
void api_on_list_images(struct rpc_server_call *call, const ProtobufCMessage *request, void *ctx);
void api_on_inspect_image(struct rpc_server_call *call, const ProtobufCMessage *request, void *ctx);
void api_on_remove_image(struct rpc_server_call *call, const ProtobufCMessage *request, void *ctx);
void api_on_tag_image(struct rpc_server_call *call, const ProtobufCMessage *request, void *ctx);
void api_on_prune_images(struct rpc_server_call *call, const ProtobufCMessage *request, void *ctx);
void api_on_load_images(struct rpc_server_call *call, const ProtobufCMessage *request, void *ctx);
void api_on_save_images(struct rpc_server_call *call, const ProtobufCMessage *request, void *ctx);
void api_cancel_image_jobs(struct api *api);
void api_end_image_streams(struct api *api);

/* api_status.c. Free with protobuf_c_message_free_unpacked(). */
Api__StatusResponse *api_status_report(struct api *api);
