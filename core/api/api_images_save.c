/* SPDX-License-Identifier: Apache-2.0 */
/* SaveImages: the driver goes on when what it gave last has left. */
#include <errno.h>

#include "core/api/api_images.h"

enum { NAMES_MAX = 256 };

struct saving {
	struct image_stream stream;
	struct image_driver *driver;
	struct image_save save;
	struct call call;
	char *namespace_;
	struct strv names;
	bool waits; /* the driver has something that could not be sent */
	bool ended;
};

static void saving_free(struct saving *saving)
{
	free(saving->namespace_);
	strv_fini(&saving->names);
	free(saving);
}

static bool on_data(struct image_save *save, const void *data, size_t len)
{
	struct saving *saving = container_of(save, struct saving, save);
	Api__SaveImagesChunk chunk = API__SAVE_IMAGES_CHUNK__INIT;

	saving->waits = !saving->stream.call || !rpc_server_call_writable(saving->stream.call);
	if (saving->waits)
		return false;
	chunk.has_data = true;
	chunk.data.data = (uint8_t *)data;
	chunk.data.len = len;
	rpc_server_send(saving->stream.call, &chunk.base);
	return true;
}

static void on_writable(struct rpc_server_call *call UNUSED, void *owner)
{
	struct saving *saving = owner;

	if (!saving->waits || saving->ended || saving->stream.over)
		return;
	saving->waits = false;
	saving->driver->ops->save_resume(saving->driver, &saving->save);
}

static void on_closed(struct rpc_server_call *call UNUSED, void *owner)
{
	struct saving *saving = owner;

	list_remove(&saving->stream.link);
	saving->stream.call = NULL;
	if (saving->ended)
		saving_free(saving);
	else
		saving->driver->ops->save_cancel(saving->driver, &saving->save);
}

static void on_saved(struct call *call)
{
	struct saving *saving = container_of(call, struct saving, call);

	saving->ended = true;
	if (!saving->stream.call)
		saving_free(saving);
	else if (call->status < 0)
		image_stream_fail(&saving->stream, image_call_error(call));
	else
		image_stream_end(&saving->stream);
}

static const struct rpc_stream_handler handler = {
	.on_writable = on_writable,
	.on_closed = on_closed,
};

static int read_names(const Api__SaveImagesRequest *request, struct strv *ret_names,
		      struct error *err)
{
	if (!request->n_names || request->n_names > NAMES_MAX)
		return error_set(err, -EINVAL, "1 to %d images can be saved at once", NAMES_MAX);
	for (size_t i = 0; i < request->n_names; i++) {
		AUTO_FREE char *name = api_image_name(request->names[i], err);

		if (!name)
			return -EINVAL;
		if (!strv_has(ret_names, name))
			strv_add(ret_names, name);
	}
	return 0;
}

/* Takes @names. */
static void start(struct api *api, struct rpc_server_call *call, const struct object *realm,
		  struct strv *names)
{
	struct saving *saving = xnew(struct saving);

	saving->stream.call = call;
	saving->driver = api->options.engine->images;
	saving->namespace_ = engine_namespace(realm);
	saving->names = *names;
	*names = (struct strv){ 0 };
	saving->save.namespace_ = saving->namespace_;
	saving->save.names = (const char *const *)saving->names.items;
	saving->save.n_names = saving->names.n;
	saving->save.on_data = on_data;
	list_append(&api->image_streams, &saving->stream.link);
	rpc_server_stream(call, &handler, saving);
	call_init(&saving->call, api->options.engine->loop, on_saved);
	saving->driver->ops->save(saving->driver, &saving->save, &saving->call);
}

void api_on_save_images(struct rpc_server_call *call, const ProtobufCMessage *message, void *ctx)
{
	const Api__SaveImagesRequest *request = (const Api__SaveImagesRequest *)message;
	AUTO(strv_fini) struct strv names = { 0 };
	struct api *api = ctx;
	struct error err;
	const struct object *realm = api_find_realm(api, request->realm, &err);

	if (!realm || read_names(request, &names, &err) < 0)
		return rpc_server_fail(call, err.code, &err);
	start(api, call, realm, &names);
}
