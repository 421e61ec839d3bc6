/* SPDX-License-Identifier: Apache-2.0 */
#include "core/api/api.h"

#include <errno.h>

#include "core/api/api_internal.h"
#include "core/api/api_mutation.h"
#include "core/base/version.h"
#include "core/base/wall.h"
#include "core/desired/effective.h"
#include "core/passage/passage.h"
#include "core/status/status.h"

enum {
	IDLE_TIMEOUT_MS = 60 * 1000, /* a connection without a call is closed */
	CLOSE_GRACE_MS = 200,        /* for answers that are on their way at the end */
};

/* ---- unary methods ---- */

static void on_version(struct rpc_server_call *call, const ProtobufCMessage *message UNUSED,
		       void *ctx)
{
	struct api *api = ctx;
	Api__VersionResponse reply = API__VERSION_RESPONSE__INIT;

	reply.version = (char *)kukeon_version;
	reply.has_pid = true;
	reply.pid = (uint32_t)getpid();
	reply.started_at = api->started_at;
	rpc_server_reply(call, &reply.base);
}

static void answer_status(struct api *api, struct rpc_server_call *call,
			  const ProtobufCMessage *request UNUSED)
{
	Api__StatusResponse *reply = api_status_report(api);

	rpc_server_reply(call, &reply->base);
	protobuf_c_message_free_unpacked(&reply->base, NULL);
	passage_refresh(api->options.engine);
}

static void count_for_status(struct api *api, struct rpc_server_call *call,
			     const ProtobufCMessage *request)
{
	api_when_counted(api, call, request, answer_status);
}

static void on_status(struct rpc_server_call *call, const ProtobufCMessage *message, void *ctx)
{
	api_when_looked(ctx, call, message, count_for_status);
}

#define IMAGES "/kukeon.v1beta1.Images/"

static const struct rpc_method methods[] = {
	{ "/kukeon.v1beta1.Kukeon/Version", &api__version_request__descriptor, on_version },
	{ "/kukeon.v1beta1.Kukeon/Status", &api__status_request__descriptor, on_status },
	{ "/kukeon.v1beta1.Kukeon/Get", &api__get_request__descriptor, api_on_get },
	{ "/kukeon.v1beta1.Kukeon/Watch", &api__watch_request__descriptor, api_on_watch },
	{ "/kukeon.v1beta1.Kukeon/Apply", &api__apply_request__descriptor, api_on_apply },
	{ "/kukeon.v1beta1.Kukeon/Delete", &api__delete_request__descriptor, api_on_delete },
	{ "/kukeon.v1beta1.Kukeon/Run", &api__run_request__descriptor, api_on_run },
	{ "/kukeon.v1beta1.Admin/Refresh", &api__refresh_request__descriptor, api_on_refresh },
	{ "/kukeon.v1beta1.Kukeon/Prune", &api__prune_request__descriptor, api_on_prune },
	{ "/kukeon.v1beta1.Admin/Purge", &api__purge_request__descriptor, api_on_purge },
	{ "/kukeon.v1beta1.Kukeon/Events", &api__events_request__descriptor, api_on_events },
	{ "/kukeon.v1beta1.Admin/Doctor", &api__doctor_request__descriptor, api_on_doctor },
	{ IMAGES "ListImages", &api__list_images_request__descriptor, api_on_list_images },
	{ IMAGES "InspectImage", &api__inspect_image_request__descriptor, api_on_inspect_image },
	{ IMAGES "RemoveImage", &api__remove_image_request__descriptor, api_on_remove_image },
	{ IMAGES "TagImage", &api__tag_image_request__descriptor, api_on_tag_image },
	{ IMAGES "PruneImages", &api__prune_images_request__descriptor, api_on_prune_images },
	{ IMAGES "LoadImages", &api__load_images_request__descriptor, api_on_load_images },
	{ IMAGES "SaveImages", &api__save_images_request__descriptor, api_on_save_images },
};

/* ---- life ---- */

static bool admits(int fd, const struct rpc_peer *peer, void *ctx)
{
	const struct api *api = ctx;

	return peers_admit(&api->options.peers, fd, peer->uid, peer->gid);
}

int api_open(struct api **ret_api, const struct api_options *options, struct error *err)
{
	struct api *api = xnew(struct api);
	const struct rpc_server_options server = {
		.listen_fd = options->listen_fd,
		.methods = methods,
		.n_methods = ARRAY_SIZE(methods),
		.ctx = api,
		.admits = admits,
		.idle_timeout_ms = IDLE_TIMEOUT_MS,
	};
	int r;

	api->options = *options;
	api->started_at = wall_text(wall_now_ms());
	list_init(&api->watches);
	list_init(&api->events);
	list_init(&api->mutations);
	list_init(&api->waiters);
	list_init(&api->doctors);
	list_init(&api->counted);
	list_init(&api->image_jobs);
	list_init(&api->image_streams);
	api_open_first_look(api);
	r = rpc_server_open(&api->server, options->rpc, &server, err);
	if (r < 0) {
		free(api->started_at);
		free(api);
		return r;
	}
	*ret_api = api;
	return 0;
}

int api_listen(struct api *api, int fd, struct error *err)
{
	return rpc_server_listen(api->server, fd, err);
}

static void on_all_ended(void *ctx)
{
	struct api *api = ctx;
	void (*closed)(void *) = api->closed;
	void *closed_ctx = api->closed_ctx;

	check(list_empty(&api->mutations) && list_empty(&api->watches) &&
	      list_empty(&api->events) && list_empty(&api->waiters) &&
	      list_empty(&api->image_jobs) && list_empty(&api->image_streams));
	free(api->started_at);
	free(api);
	closed(closed_ctx);
}

static void on_server_closed(void *ctx)
{
	struct api *api = ctx;

	pending_end(&api->under_way);
}

void api_close(struct api *api, void (*closed)(void *ctx), void *ctx)
{
	api->closed = closed;
	api->closed_ctx = ctx;
	api->closing = true;
	mutations_cancel(api);
	api_cancel_waiters(api);
	api_cancel_doctors(api);
	api_cancel_image_jobs(api);
	api_cancel_counted(api);
	api_cancel_first_look(api);
	api_end_watches(api);
	api_end_events(api);
	api_end_image_streams(api);
	pending_begin(&api->under_way);
	pending_await(&api->under_way, on_all_ended, api);
	rpc_server_close(api->server, CLOSE_GRACE_MS, on_server_closed, api);
}
