/* SPDX-License-Identifier: Apache-2.0 */
/*
 * LoadImages: pieces of an archive go to the driver as fast as that has room for them; the client
 * is asked for the next piece when the one before has been taken. So one piece is held here.
 */
#include <errno.h>

#include "core/api/api_images.h"

enum {
	PIECE_MAX_BYTES = 1 << 20,
	PROGRESS_MS = 250, /* between two words on how far it is */
};

struct loading {
	struct pending_reply reply;
	struct image_driver *driver;
	struct loop *loop;
	struct image_load load;
	struct call call;
	char *namespace_;
	struct buf piece; /* of which this was taken: */
	size_t given;
	uint64_t taken, told_ms;
	bool last; /* no piece follows */
	bool ended;
};

static void loading_free(struct loading *loading)
{
	image_load_fini(&loading->load);
	buf_fini(&loading->piece);
	free(loading->namespace_);
	free(loading);
}

/* ---- what the client hears ---- */

static void send_progress(struct loading *loading)
{
	Api__LoadProgress progress = API__LOAD_PROGRESS__INIT;
	Api__LoadedImage *images = xcalloc(loading->load.n_images, sizeof(*images));
	Api__LoadedImage **refs = xcalloc(loading->load.n_images, sizeof(Api__LoadedImage *));

	progress.has_taken = progress.has_unpacked = true;
	progress.taken = loading->taken;
	progress.unpacked = loading->load.unpacked_bytes;
	for (size_t i = 0; i < loading->load.n_images; i++) {
		images[i] = (Api__LoadedImage)API__LOADED_IMAGE__INIT;
		images[i].name = loading->load.images[i].name;
		images[i].digest = loading->load.images[i].digest;
		refs[i] = &images[i];
	}
	progress.images = refs;
	progress.n_images = loading->load.n_images;
	rpc_server_send(loading->reply.call, &progress.base);
	free(refs);
	free(images);
}

static void tell_progress(struct loading *loading)
{
	uint64_t now_ms = loop_now_ms(loading->loop);

	if (now_ms < loading->told_ms + PROGRESS_MS ||
	    !rpc_server_call_writable(loading->reply.call))
		return;
	loading->told_ms = now_ms;
	send_progress(loading);
}

/* The last word, when the one before has left. */
static void tell_end(struct loading *loading)
{
	if (!rpc_server_call_writable(loading->reply.call))
		return;
	send_progress(loading);
	reply_end_stream(&loading->reply);
}

/* ---- pieces ---- */

static void give(struct loading *loading)
{
	const struct image_ops *ops = loading->driver->ops;
	struct image_load *load = &loading->load;
	size_t room;

	while (loading->given < loading->piece.len &&
	       (room = ops->load_room(loading->driver, load)) > 0) {
		size_t len = loading->piece.len - loading->given;

		len = len < room ? len : room;
		ops->load_give(loading->driver, load, loading->piece.data + loading->given, len);
		loading->given += len;
		loading->taken += len;
	}
}

static void ask_or_end(struct loading *loading)
{
	if (loading->last)
		loading->driver->ops->load_end(loading->driver, &loading->load);
	else
		rpc_server_receive(loading->reply.call);
}

static void go_on(struct loading *loading)
{
	give(loading);
	if (loading->given < loading->piece.len)
		return;
	tell_progress(loading);
	ask_or_end(loading);
}

static void take_piece(struct loading *loading, const Api__LoadImagesRequest *request)
{
	loading->piece.len = loading->given = 0;
	if (request->has_data)
		buf_add(&loading->piece, request->data.data, request->data.len);
	loading->last = request->last;
}

static int check_piece(const Api__LoadImagesRequest *request, struct error *err)
{
	if (!request)
		return error_set(err, -EINVAL, "the archive broke off before its last piece");
	if (request->has_data && request->data.len > PIECE_MAX_BYTES)
		return error_set(err, -EINVAL, "a piece of the archive has more than %d bytes",
				 PIECE_MAX_BYTES);
	return 0;
}

static void on_message(struct rpc_server_call *call UNUSED, const ProtobufCMessage *message,
		       void *owner)
{
	const Api__LoadImagesRequest *request = (const Api__LoadImagesRequest *)message;
	struct loading *loading = owner;
	struct error err;

	if (loading->ended || loading->reply.held)
		return;
	if (check_piece(request, &err) < 0)
		return reply_fail_stream(&loading->reply, &err);
	take_piece(loading, request);
	go_on(loading);
}

static void on_room(struct image_load *load)
{
	struct loading *loading = container_of(load, struct loading, load);

	if (loading->reply.call && !loading->reply.held && loading->given < loading->piece.len)
		go_on(loading);
}

/* ---- ends ---- */

static void on_writable(struct rpc_server_call *call UNUSED, void *owner)
{
	struct loading *loading = owner;

	if (loading->ended)
		tell_end(loading);
}

static void on_closed(struct rpc_server_call *call UNUSED, void *owner)
{
	struct loading *loading = owner;

	reply_closed(&loading->reply);
	if (loading->ended)
		loading_free(loading);
	else
		loading->driver->ops->load_cancel(loading->driver, &loading->load);
}

static void on_loaded(struct call *call)
{
	struct loading *loading = container_of(call, struct loading, call);

	loading->ended = true;
	if (!loading->reply.call)
		loading_free(loading);
	else if (call->status < 0)
		reply_fail_stream(&loading->reply, image_call_error(call));
	else
		tell_end(loading);
}

static const struct reply_kind kind = { .stream = true, .whole = true };

static const struct rpc_stream_handler handler = {
	.on_writable = on_writable,
	.on_message = on_message,
	.on_closed = on_closed,
};

static void start(struct api *api, struct rpc_server_call *call, const struct object *realm,
		  const Api__LoadImagesRequest *request)
{
	struct loading *loading = xnew(struct loading);

	loading->loop = api->options.engine->loop;
	loading->driver = api->options.engine->images;
	loading->namespace_ = engine_namespace(realm);
	loading->load.namespace_ = loading->namespace_;
	loading->load.on_room = on_room;
	reply_begin(&loading->reply, &api->replies, &kind, call, NULL);
	rpc_server_stream(call, &handler, loading);
	call_init(&loading->call, loading->loop, on_loaded);
	loading->driver->ops->load(loading->driver, &loading->load, &loading->call);
	take_piece(loading, request);
	go_on(loading);
}

void api_on_load_images(struct rpc_server_call *call, const ProtobufCMessage *message, void *ctx)
{
	const Api__LoadImagesRequest *request = (const Api__LoadImagesRequest *)message;
	struct api *api = ctx;
	struct error err;
	const struct object *realm = api_find_realm(api, request->realm, &err);

	if (!realm || check_piece(request, &err) < 0)
		return rpc_server_fail(call, err.code, &err);
	start(api, call, realm, request);
}
