/* SPDX-License-Identifier: Apache-2.0 */
/* protobuf-c structs to and from gRPC's byte buffers. */
#pragma once

#include <google/protobuf-c/protobuf-c.h>
#include <grpc/grpc.h>

#include "core/base/error.h"

enum {
	/*
	 * What we accept from a peer, and what we answer at most: a List of a busy containerd, or
	 * ten thousand cells with long specs, is larger than gRPC's own 4 MiB.
	 */
	RPC_MESSAGE_MAX_BYTES = 64 << 20,
	/*
	 * What the server accepts: manifests have at most 1 MiB each.
	 */
	RPC_REQUEST_MAX_BYTES = 4 << 20,
};

/* Free with grpc_byte_buffer_destroy(). */
grpc_byte_buffer *rpc_message_pack(const ProtobufCMessage *message);

/*
 * @ret_message: free with protobuf_c_message_free_unpacked(message, NULL). -EBADMSG when the bytes
 * are no @type, or one that would take unreasonably much memory.
 */
int rpc_message_unpack(grpc_byte_buffer *buffer, const ProtobufCMessageDescriptor *type,
		       ProtobufCMessage **ret_message, struct error *err);

/*
 * protobuf-c takes any bytes for a string: -EBADMSG names the field whose text is not UTF-8.
 */
int rpc_message_check_text(const ProtobufCMessage *message, struct error *err);
