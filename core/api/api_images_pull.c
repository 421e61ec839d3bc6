/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PullImage: watches the pull of an image (core/images/pulls.h), which others may want too, and
 * tells how far it is. A client that is slow hears less often, but always of the end.
 */
#include <errno.h>

#include "core/api/api_images.h"
#include "core/base/log.h"
#include "core/images/pulls.h"

struct pulling {
	struct pending_reply reply;
	struct pull_watcher watcher;
	bool news; /* what there is now has not been told */
};

/* ---- what is told ---- */

static void send_progress(struct pulling *pulling)
{
	const struct pull *pull = pulling->watcher.pull;
	const struct image_progress *from = &pull->running.progress;
	bool done = pull->state == PULL_DONE;
	Api__PullProgress progress = API__PULL_PROGRESS__INIT;

	progress.host = from->host;
	progress.n_layers = from->n_layers;
	progress.layers = api_image_layers(from->layers, from->n_layers);
	progress.has_size = progress.has_fetched = progress.has_bytes_per_second = true;
	progress.size = from->size;
	progress.fetched = from->fetched;
	progress.bytes_per_second = from->bytes_per_second;
	progress.has_tries = true;
	progress.tries = from->tries;
	progress.waits = from->waits;
	progress.digest = done ? pull->digest : NULL;
	progress.has_changed = done;
	progress.changed = pull->running.changed;
	rpc_server_send(pulling->reply.call, &progress.base);
	for (size_t i = 0; i < progress.n_layers; i++)
		protobuf_c_message_free_unpacked(&progress.layers[i]->base, NULL);
	free(progress.layers);
}

/* What a program can tell apart; whoever was not reached, we were. */
static int code_of(const struct pull *pull)
{
	switch (pull->fault) {
	case IMAGE_FAULT_NOT_THERE:
	case IMAGE_FAULT_PLATFORM:
		return -ENOENT;
	case IMAGE_FAULT_UNAUTHORIZED:
		return -EACCES;
	case IMAGE_FAULT_TOO_MANY:
		return -ENOSPC;
	default:
		return pull->status == -ECANCELED ? -ECANCELED : -EIO;
	}
}

static void tell_failure(struct pulling *pulling)
{
	const struct pull *pull = pulling->watcher.pull;
	struct error err = pull->err;

	err.code = code_of(pull);
	reply_fail_stream(&pulling->reply, &err);
}

static void tell(struct pulling *pulling)
{
	const struct pull *pull = pulling->watcher.pull;

	if (!pull || !pulling->reply.call || pulling->reply.held || !pulling->news)
		return;
	if (pull->state == PULL_WAITS || pull->state == PULL_FAILED)
		return tell_failure(pulling);
	if (!rpc_server_call_writable(pulling->reply.call))
		return;
	pulling->news = false;
	send_progress(pulling);
	if (pull->state == PULL_DONE)
		reply_end_stream(&pulling->reply);
}

static void on_change(struct pull_watcher *watcher)
{
	struct pulling *pulling = container_of(watcher, struct pulling, watcher);

	pulling->news = true;
	tell(pulling);
}

/* ---- life ---- */

static void on_writable(struct rpc_server_call *call UNUSED, void *owner)
{
	tell(owner);
}

static void on_closed(struct rpc_server_call *call UNUSED, void *owner)
{
	struct pulling *pulling = owner;

	reply_closed(&pulling->reply);
	pull_watcher_leave(&pulling->watcher);
	free(pulling);
}

static const struct reply_kind kind = { .stream = true, .whole = true };

static const struct rpc_stream_handler handler = {
	.on_writable = on_writable,
	.on_closed = on_closed,
};

void api_on_pull_image(struct rpc_server_call *call, const ProtobufCMessage *message, void *ctx)
{
	const Api__PullImageRequest *request = (const Api__PullImageRequest *)message;
	struct api *api = ctx;
	struct error err;
	struct object *realm = api_find_realm(api, request->realm, &err);
	AUTO_FREE char *name = realm ? api_image_name(request->name, &err) : NULL;
	struct pulling *pulling;

	if (!name)
		return rpc_server_fail(call, err.code, &err);
	log_info("image asked for realm=%s image=%s uid=%u", realm->key, name,
		 (unsigned)rpc_server_call_peer(call).uid);
	pulling = xnew(struct pulling);
	pulling->watcher.on_change = on_change;
	pulling->watcher.once = true;
	reply_begin(&pulling->reply, &api->replies, &kind, call, NULL);
	rpc_server_stream(call, &handler, pulling);
	pulls_want(api->options.engine, realm, request->name, true, &pulling->watcher);
	pulling->news = true;
	tell(pulling);
}
