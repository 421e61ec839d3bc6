/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the API share. Private to them. */
#pragma once

#include "core/api/api.h"
#include "core/api/replies/rounds.h"
#include "core/model/selector.h"
#include "core/status/gone.h"

struct api {
	struct api_options options;
	struct rpc_server *server;
	char *started_at;
	struct replies replies; /* every call that waits, and every stream */
	struct gone_log gone;
	struct {
		struct reply_queue queue;
		struct progress_waiter progress;
		uint64_t limit_ms; /* loop time: the first look is not waited for any longer */
		bool over;         /* the first one is */
	} look;
	struct {
		struct rounds rounds;
		struct drops_question *question; /* NULL: none is under way */
	} drops;
	struct {
		struct rounds rounds;
		struct progress_waiter progress;
		unsigned reading; /* of the manifests, which this round waits for */
	} refresh;
	struct {
		struct reply_queue queue;
		struct progress_waiter progress;
		struct timer stall;
		uint64_t since_ms; /* loop time: when an object last went */
		size_t objects;    /* how many there were then */
		bool under_way;
	} purge;
	struct {
		struct reply_queue queue; /* of those that wait for their turn */
		struct progress_waiter progress;
	} doctor;
	struct {
		struct reply_queue queue;
		struct mutation *first; /* whose turn it is; NULL: there is none */
	} changes;
	unsigned n_logs; /* streams of logs, each with a process */
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

/* Whether it is one that is asked for, or of a cell whose containers are: labels do not count. */
bool api_selects(const Api__Selector *selector, const char *key);

/* The key of the one object that a selector names; NULL with @err -EINVAL. Free with free(). */
char *api_selector_key(const Api__Selector *selector, struct error *err);

/* The kind of an object that a request carries; false when it carries none. */
bool api_object_kind(const Api__Object *object, enum kind *ret_kind);

/* An object of which nothing is known but its key. */
Api__Object *api_object_gone(const char *key);

/* A wanted container of a cell by its name in the manifest, NULL when there is none. */
struct container *api_find_container(const struct object *cell, const char *name);

/* api_apply.c, api_delete.c, api_run.c */
void api_on_apply(struct rpc_server_call *call, const ProtobufCMessage *request, void *ctx);
void api_on_delete(struct rpc_server_call *call, const ProtobufCMessage *request, void *ctx);
void api_on_run(struct rpc_server_call *call, const ProtobufCMessage *request, void *ctx);

/* api_mutation.c */
void api_open_changes(struct api *api);

/* api_refresh.c */
void api_on_refresh(struct rpc_server_call *call, const ProtobufCMessage *request, void *ctx);
void api_open_refresh(struct api *api);
void api_close_refresh(struct api *api);

/* api_purge.c */
void api_on_purge(struct rpc_server_call *call, const ProtobufCMessage *request, void *ctx);
void api_open_purge(struct api *api);
void api_close_purge(struct api *api);

/* api_prune.c. What is kept though nothing declares it, for the report. */
void api_on_prune(struct rpc_server_call *call, const ProtobufCMessage *request, void *ctx);
void api_add_held(const struct engine *engine, Api__HeldObject ***objects, size_t *n);

/* api_get.c */
void api_on_get(struct rpc_server_call *call, const ProtobufCMessage *request, void *ctx);

/* api_known.c: @answer runs, now or later, when what it wants is known, or could not be within a
 * moment. It ends the reply. */
typedef void (*api_answer_fn)(struct api *api, struct pending_reply *reply);
enum api_known {
	API_KNOWN_LOOKED = 1 << 0,  /* the host has been looked at, and containerd answers */
	API_KNOWN_DROPPED = 1 << 1, /* what egress policies made the kernel drop */
};
enum { API_SILENT_MS = 1000 }; /* so long without an answer is said in the status */
void api_when_known(struct api *api, struct rpc_server_call *call, const ProtobufCMessage *request,
		    unsigned wants, api_answer_fn answer);
void api_open_known(struct api *api);
void api_close_known(struct api *api);

/* Somebody asks, and gets what is known: what containerd would say by now follows. */
void api_ask_runtime(struct api *api);

/* api_doctor.c */
void api_on_doctor(struct rpc_server_call *call, const ProtobufCMessage *request, void *ctx);
void api_open_doctor(struct api *api);
void api_close_doctor(struct api *api);

/* api_watch.c */
void api_on_watch(struct rpc_server_call *call, const ProtobufCMessage *request, void *ctx);

/* api_events.c */
void api_on_events(struct rpc_server_call *call, const ProtobufCMessage *request, void *ctx);

/* logs/api_logs.c */
void api_on_logs(struct rpc_server_call *call, const ProtobufCMessage *request, void *ctx);

/* api_images.c, api_images_pull.c, api_images_load.c, api_images_save.c */
void api_on_list_images(struct rpc_server_call *call, const ProtobufCMessage *request, void *ctx);
void api_on_inspect_image(struct rpc_server_call *call, const ProtobufCMessage *request, void *ctx);
void api_on_remove_image(struct rpc_server_call *call, const ProtobufCMessage *request, void *ctx);
void api_on_tag_image(struct rpc_server_call *call, const ProtobufCMessage *request, void *ctx);
void api_on_prune_images(struct rpc_server_call *call, const ProtobufCMessage *request, void *ctx);
void api_on_pull_image(struct rpc_server_call *call, const ProtobufCMessage *request, void *ctx);
void api_on_load_images(struct rpc_server_call *call, const ProtobufCMessage *request, void *ctx);
void api_on_save_images(struct rpc_server_call *call, const ProtobufCMessage *request, void *ctx);

/* exec/api_exec.c */
void api_on_exec(struct rpc_server_call *call, const ProtobufCMessage *request, void *ctx);

/* api_status.c. Free with protobuf_c_message_free_unpacked(). */
Api__StatusResponse *api_status_report(struct api *api);
