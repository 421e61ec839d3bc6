/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The client's half of one gRPC call: what it sends and where gRPC puts what it receives. No
 * threads, no loop.
 */
#pragma once

#include "core/rpc/wire/grpc_status.h"
#include "core/rpc/wire/message.h"

/*
 * grpc_init() plus what every user of gRPC in this project wants. rpc_library_fini() blocks for a
 * moment; a new init may then wait for up to ten seconds, so neither is for the loop's thread in
 * the middle of its work.
 */
void rpc_library_init(void);
void rpc_library_fini(void);

/* @key: one of GRPC_ARG_*. */
grpc_arg rpc_integer_arg(const char *key, int value);

/*
 * Connects when the first call needs it and comes back by itself. Free with grpc_channel_destroy().
 */
grpc_channel *rpc_channel_create(const char *target);

/* Must stay where it is, and alive, until every tag that was handed in has come back. */
struct rpc_exchange {
	grpc_call *grpc;
	grpc_byte_buffer *request;
	grpc_byte_buffer *reply; /* of the last receive; NULL: no message */
	grpc_metadata_array initial_metadata, trailing_metadata;
	grpc_status_code status; /* valid once the status was received */
	grpc_slice details;
};

#define RPC_NO_TIMEOUT UINT64_MAX

void rpc_exchange_init(struct rpc_exchange *exchange, grpc_channel *channel,
		       grpc_completion_queue *queue, const char *method, uint64_t timeout_ms);
void rpc_exchange_fini(struct rpc_exchange *exchange);

struct rpc_exchange_request {
	const ProtobufCMessage *message;
	grpc_metadata *headers;
	size_t n_headers;
	bool wait_for_ready;
};

/* Everything in one batch: @tag comes back when the call is over, with reply and status. */
void rpc_exchange_start_unary(struct rpc_exchange *exchange,
			      const struct rpc_exchange_request *request, void *tag);

/*
 * @open_tag comes back when the request has left and headers came; @status_tag when the call is
 * over.
 */
void rpc_exchange_start_stream(struct rpc_exchange *exchange,
			       const struct rpc_exchange_request *request, void *open_tag,
			       void *status_tag);

/*
 * The same without a message and without the end of what is sent: those follow, each with a tag of
 * its own, one at a time.
 */
void rpc_exchange_start_duplex(struct rpc_exchange *exchange,
			       const struct rpc_exchange_request *request, void *open_tag,
			       void *status_tag);
void rpc_exchange_start_send(struct rpc_exchange *exchange, const ProtobufCMessage *message,
			     void *tag);
void rpc_exchange_start_close(struct rpc_exchange *exchange, void *tag);

/*
 * Asks a stream for its next message: @tag comes back with exchange->reply, NULL at the end of the
 * stream.
 */
void rpc_exchange_start_receive(struct rpc_exchange *exchange, void *tag);
