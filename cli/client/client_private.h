/* SPDX-License-Identifier: Apache-2.0 */
/* How calls are made. Private to cli/client. */
#pragma once

#include "cli/client/client.h"
#include "core/rpc/wire/blocking.h"

enum {
	CALL_TIMEOUT_MS = 10000,   /* answered from memory; longer means that the daemon hangs */
	CHANGE_TIMEOUT_MS = 60000, /* answered when it is on disk, for hundreds of objects */
	LOOK_TIMEOUT_MS = 300000,  /* answered when all of the host was looked at */
	PURGE_TIMEOUT_MS = 900000, /* answered when every cell has stopped and is gone */
};

struct client {
	struct rpc_client *rpc;
	const char *socket;
};

struct method {
	const char *name;
	const ProtobufCMessageDescriptor *reply_type;
	uint64_t timeout_ms;
	bool withdrawn; /* what it asks for is, when nobody waits for the answer any more */
};

int client_call(struct client *client, const struct method *method, const ProtobufCMessage *request,
		void *ret_reply, struct error *err);

/* What starts a daemon that is not there. */
void client_name_starter(int code, struct error *err);
