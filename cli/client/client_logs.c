/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/client/client_logs.h"

#include "cli/client/client_private.h"

struct telling {
	client_lines_fn tell;
	void *ctx;
};

static bool on_lines(const ProtobufCMessage *message, void *ctx)
{
	const struct telling *telling = ctx;

	return telling->tell((const Api__LogLines *)message, telling->ctx);
}

int client_logs(struct client *client, const Api__LogsRequest *request, client_lines_fn tell,
		void *ctx, struct error *err)
{
	struct telling telling = { .tell = tell, .ctx = ctx };
	const struct rpc_client_stream_options options = {
		.method = "/kukeon.v1beta1.Kukeon/Logs",
		.request = &request->base,
		.reply_type = &api__log_lines__descriptor,
		.on_message = on_lines,
		.ctx = &telling,
	};
	int rc = rpc_client_stream(client->rpc, &options, err);

	client_name_starter(rc, err);
	return rc;
}
