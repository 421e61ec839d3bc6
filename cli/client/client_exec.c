/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/client/client_exec.h"

#include "cli/client/client_private.h"

struct executing {
	client_exec_fn tell;
	void *ctx;
};

static bool on_response(const ProtobufCMessage *message, void *ctx)
{
	const struct executing *executing = ctx;

	return executing->tell((const Api__ExecResponse *)message, executing->ctx);
}

int client_exec(struct client *client, const Api__ExecRequest *first, struct rpc_feed *feed,
		client_exec_fn tell, void *ctx, struct error *err)
{
	struct executing executing = { .tell = tell, .ctx = ctx };
	const struct rpc_client_stream_options options = {
		.method = "/kukeon.v1beta1.Containers/Exec",
		.request = &first->base,
		.reply_type = &api__exec_response__descriptor,
		.on_message = on_response,
		.feed = feed,
		.ctx = &executing,
	};
	int rc = rpc_client_stream(client->rpc, &options, err);

	client_name_starter(rc, err);
	return rc;
}
