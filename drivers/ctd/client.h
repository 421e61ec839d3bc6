/* SPDX-License-Identifier: Apache-2.0 */
/* The one place that knows how a call to containerd is made: namespace and lease headers,
 * deadlines, error texts. */
#pragma once

#include "core/rpc/rpc.h"

/* Most calls touch a database and answer within milliseconds; a containerd that needs longer than
 * this hangs. */
enum { CLIENT_TIMEOUT_MS = 10 * 1000 };

struct client_method {
	const char *name; /* "/containerd.services.tasks.v1.Tasks/Get" */
	const ProtobufCMessageDescriptor *reply_type; /* NULL: the reply is google.protobuf.Empty */
};

struct client_scope {
	const char *namespace_; /* NULL where the service has none */
	const char *lease;      /* NULL: none */
	uint64_t timeout_ms;    /* 0: CLIENT_TIMEOUT_MS */
};

void client_unary(struct rpc_channel *channel, const struct client_method *method,
		  const struct client_scope *scope, const ProtobufCMessage *request,
		  struct rpc_unary *unary, struct call *call);

/* Fills in what is to be sent; the callbacks are the caller's to set before. */
void client_stream(struct rpc_channel *channel, const struct client_method *method,
		   const struct client_scope *scope, const ProtobufCMessage *request,
		   struct rpc_stream *stream);

/* What was tried when a call failed. */
struct client_attempt {
	const char *socket;
	const char *step;       /* "prepare the snapshot" */
	const char *object;     /* "container s_t_c_root" */
	const char *namespace_; /* NULL: none */
	uint64_t timeout_ms;
};

/* Says what went wrong in words a person can act on, and returns the errno that decides about
 * retries. Pure. */
int client_explain(const struct client_attempt *attempt, int status, const char *peer_text,
		   struct error *err);
