/* SPDX-License-Identifier: Apache-2.0 */
#include "core/api/api.h"

#include <errno.h>

#include "core/api/api_internal.h"
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

static void answer_status(struct api *api, struct pending_reply *reply)
{
	Api__StatusResponse *response = api_status_report(api);

	reply_send(reply, &response->base);
	protobuf_c_message_free_unpacked(&response->base, NULL);
	passage_refresh(api->options.engine);
}

static void on_status(struct rpc_server_call *call, const ProtobufCMessage *message, void *ctx)
{
	api_when_known(ctx, call, message, API_KNOWN_LOOKED | API_KNOWN_DROPPED, answer_status);
}

#define CONTAINERS "/kukeon.v1beta1.Containers/"
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
	{ "/kukeon.v1beta1.Kukeon/Logs", &api__logs_request__descriptor, api_on_logs },
	{ "/kukeon.v1beta1.Admin/Doctor", &api__doctor_request__descriptor, api_on_doctor },
	{ CONTAINERS "Exec", &api__exec_request__descriptor, api_on_exec },
	{ IMAGES "ListImages", &api__list_images_request__descriptor, api_on_list_images },
	{ IMAGES "InspectImage", &api__inspect_image_request__descriptor, api_on_inspect_image },
	{ IMAGES "RemoveImage", &api__remove_image_request__descriptor, api_on_remove_image },
	{ IMAGES "TagImage", &api__tag_image_request__descriptor, api_on_tag_image },
	{ IMAGES "PruneImages", &api__prune_images_request__descriptor, api_on_prune_images },
	{ IMAGES "PullImage", &api__pull_image_request__descriptor, api_on_pull_image },
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
	replies_init(&api->replies);
	api_open_known(api);
	api_open_refresh(api);
	api_open_purge(api);
	api_open_doctor(api);
	api_open_changes(api);
	gone_log_open(&api->gone, options->engine);
	r = rpc_server_open(&api->server, options->rpc, &server, err);
	if (r < 0) {
		gone_log_close(&api->gone);
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

	check(list_empty(&api->replies.all));
	gone_log_close(&api->gone);
	free(api->started_at);
	free(api);
	closed(closed_ctx);
}

static void on_server_closed(void *ctx)
{
	struct api *api = ctx;

	pending_end(&api->replies.under_way);
}

void api_close(struct api *api, void (*closed)(void *ctx), void *ctx)
{
	api->closed = closed;
	api->closed_ctx = ctx;
	replies_stop(&api->replies);
	api_close_known(api);
	api_close_refresh(api);
	api_close_purge(api);
	api_close_doctor(api);
	pending_begin(&api->replies.under_way);
	pending_await(&api->replies.under_way, on_all_ended, api);
	rpc_server_close(api->server, CLOSE_GRACE_MS, on_server_closed, api);
}
