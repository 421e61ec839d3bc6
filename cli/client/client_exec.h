/* SPDX-License-Identifier: Apache-2.0 */
/* The service Containers, as client.h has the others. */
#pragma once

#include "cli/client/client.h"
#include "core/rpc/wire/feed.h"

/* The message is gone when this returns. False: enough. */
typedef bool (*client_exec_fn)(const Api__ExecResponse *response, void *ctx);

/* Runs the command of @first, until it has ended; what follows comes from @feed, on another thread.
 * 0 also when @tell has had enough. */
int client_exec(struct client *client, const Api__ExecRequest *first, struct rpc_feed *feed,
		client_exec_fn tell, void *ctx, struct error *err);
