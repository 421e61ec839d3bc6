/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A gRPC client that blocks its one thread: for kuke, which has nothing else to do. No loop, no
 * libuv.
 */
#pragma once

#include <google/protobuf-c/protobuf-c.h>

#include "core/base/error.h"
#include "core/rpc/wire/feed.h"

struct rpc_client;

/* @target: "unix:/run/kukeon/kukeond.sock". Connects with the first call. */
struct rpc_client *rpc_client_open(const char *target);
void rpc_client_close(struct rpc_client *client);

/*
 * One unary call. @reply_type NULL: the reply is not wanted. @ret_reply is freed with
 * protobuf_c_message_free_unpacked(). Status as in rpc_unary_start() (core/rpc/rpc.h);
 * -ECONNREFUSED when the daemon cannot be reached.
 */
int rpc_client_call(struct rpc_client *client, const char *method, const ProtobufCMessage *request,
		    const ProtobufCMessageDescriptor *reply_type, uint64_t timeout_ms,
		    ProtobufCMessage **ret_reply, struct error *err);

/* Whether somebody took the last unary call, so that it may have been done though it failed. */
bool rpc_client_was_heard(const struct rpc_client *client);

/* The message is gone when this returns. False: enough, the stream ends with status 0. */
typedef bool (*rpc_client_message_fn)(const ProtobufCMessage *message, void *ctx);

struct rpc_client_stream_options {
	const char *method;
	const ProtobufCMessage *request;
	const ProtobufCMessageDescriptor *reply_type;
	uint64_t timeout_ms; /* of the whole stream, then -ETIMEDOUT; 0: none */
	rpc_client_message_fn on_message;
	/* NULL, or: asked before each message, for how long nothing may come now; 0: for ever. Then
	 * on_quiet is called, and the stream ends with status 0. */
	uint64_t (*quiet_ms)(void *ctx);
	void (*on_quiet)(void *ctx);
	/* NULL, or: a stream of requests. Asked for what follows @request, once the message before
	 * has left, so it may take its time; NULL: nothing does. False: the stream ends here, with
	 * status 0. */
	bool (*next)(void *ctx, const ProtobufCMessage **ret_message);
	/* NULL, or in place of next: what another thread sends. It hears of the end by its state.
	 */
	struct rpc_feed *feed;
	void *ctx;
};

/*
 * One call with a stream of replies, until the peer ends it, on_message returns false, it is quiet
 * for too long or something fails.
 */
int rpc_client_stream(struct rpc_client *client, const struct rpc_client_stream_options *options,
		      struct error *err);
