/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Private to core/rpc: how completions reach the loop, and who is still alive.
 *
 * gRPC knows only one way to be driven from C that neither polls nor blocks the loop: a thread that
 * sits in grpc_completion_queue_next(). It never looks into what it carries; it only moves (tag,
 * ok) pairs into an array and wakes the loop when that was empty. All the rest, starting batches
 * included, happens on the loop's thread.
 *
 * gRPC aborts the process when a batch starts after the queue's shutdown. So everything that may
 * start one is counted here, and the queue is shut down only when the counts are zero.
 */
#pragma once

#include "core/rpc/rpc.h"
#include "core/rpc/wire/exchange.h"

/*
 * What gRPC hands back when a batch completes; embedded in its owner. @fn runs on the loop's
 * thread.
 */
struct rpc_tag {
	void (*fn)(struct rpc_tag *tag, bool ok);
};

struct completion {
	struct rpc_tag *tag;
	bool ok;
};

struct completions {
	struct completion *items;
	size_t n, capacity;
};

struct rpc {
	struct loop *loop;
	grpc_completion_queue *queue;
	uv_thread_t thread;
	uv_async_t async;

	uv_mutex_t mutex;
	struct completions arrived; /* under the mutex */
	bool ended;                 /* under the mutex: the thread is about to return */

	struct completions current;              /* the loop's, swapped with arrived */
	unsigned n_servers, n_channels, n_calls; /* alive; n_calls are the client's */

	bool closing, queue_shut;
	void (*closed)(void *ctx);
	void *closed_ctx;
	struct deferred finish;
};

struct rpc_channel {
	struct rpc *rpc;
	grpc_channel *grpc; /* NULL: freed by its owner, lives for its last calls */
	char *target;
	struct list calls; /* struct client_call.link */
};

/* What unary call and stream have in common. */
struct client_call {
	struct list link;
	struct rpc_channel *channel;
	struct rpc_exchange exchange;
};

/* The parts of one call that the owner gave us, in the form that gRPC wants. */
struct client_request {
	struct rpc_exchange_request wire;
	grpc_metadata headers[RPC_HEADERS_MAX];
};

/* -EINVAL when a header cannot be sent; nothing needs cleanup then. */
int client_request_init(struct client_request *request,
			const struct rpc_header headers[RPC_HEADERS_MAX], struct error *err);
void client_request_fini(struct client_request *request);

void client_call_init(struct client_call *call, struct rpc_channel *channel, const char *method,
		      uint64_t timeout_ms);

/* The last tag came back. The channel may go with it, so whatever names it comes first. */
void client_call_fini(struct client_call *call);

/* The call's end as errno and text. */
int client_call_status(const struct client_call *call, struct error *err);

/* Unpacks what was received last; a reply that is none ends as -EIO. */
int client_call_unpack(struct client_call *call, const ProtobufCMessageDescriptor *type,
		       ProtobufCMessage **ret_reply, struct error *err);
