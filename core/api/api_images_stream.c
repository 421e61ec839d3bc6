/* SPDX-License-Identifier: Apache-2.0 */
/* How streams about images end. */
#include <errno.h>

#include "core/api/api_images.h"

const struct error *image_call_error(struct call *call)
{
	if (call->status == -ECONNREFUSED || call->status == -ETIMEDOUT)
		call->err.code = -EIO;
	return &call->err;
}

void image_stream_fail(struct image_stream *stream, const struct error *err)
{
	if (!stream->call || stream->over)
		return;
	stream->over = true;
	rpc_server_fail(stream->call, err->code, err);
}

void image_stream_end(struct image_stream *stream)
{
	if (!stream->call || stream->over)
		return;
	stream->over = true;
	rpc_server_end(stream->call);
}

void api_end_image_streams(struct api *api)
{
	struct image_stream *stream;
	struct error err;

	error_set(&err, -ECONNREFUSED, "kukeond is stopping");
	list_for_each(stream, &api->image_streams, link)
		image_stream_fail(stream, &err);
}
