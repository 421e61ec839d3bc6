/* SPDX-License-Identifier: Apache-2.0 */
/*
 * containerd with as little as possible around its calls: each blocks its thread, any number of
 * threads share the one connection. A call that fails ends the bench.
 */
#pragma once

#include "api/containerd.pb-c.h"
#include "core/rpc/wire/exchange.h"

struct ctd;

/* Connects. */
struct ctd *ctd_open(const char *socket, const char *namespace_);
void ctd_close(struct ctd *ctd);

/* @reply_type NULL: the reply is not wanted, returns NULL. Else free it with
 * protobuf_c_message_free_unpacked(). */
ProtobufCMessage *ctd_call(struct ctd *ctd, const char *method, const ProtobufCMessage *request,
			   const ProtobufCMessageDescriptor *reply_type);

/* The same for methods with a message of one string, containerd's name or id of something. */
ProtobufCMessage *ctd_call_name(struct ctd *ctd, const char *method, const char *name,
				const ProtobufCMessageDescriptor *reply_type);

/* A document of the content store. Free with free(). */
char *ctd_read_blob(struct ctd *ctd, const char *digest, size_t *ret_len);

/* Tasks.Wait under way: begun before the process is killed, so that nothing is missed. */
struct ctd_wait {
	struct rpc_exchange exchange;
	grpc_completion_queue *queue;
};

void ctd_wait_begin(struct ctd *ctd, struct ctd_wait *wait, const char *id);
void ctd_wait_end(struct ctd_wait *wait);
