/* SPDX-License-Identifier: Apache-2.0 */
#include "core/rpc/wire/message.h"

#include <errno.h>
#include <grpc/byte_buffer.h>
#include <grpc/byte_buffer_reader.h>
#include <grpc/slice.h>

enum {
	/*
	 * Two bytes on the wire can become a struct of 150: bounds what one message may make us
	 * allocate, by its size, with room for small ones.
	 */
	UNPACKED_FACTOR = 8,
	UNPACKED_ROOM_BYTES = 1 << 20,
};

grpc_byte_buffer *rpc_message_pack(const ProtobufCMessage *message)
{
	grpc_slice slice = grpc_slice_malloc(protobuf_c_message_get_packed_size(message));
	grpc_byte_buffer *buffer;

	protobuf_c_message_pack(message, GRPC_SLICE_START_PTR(slice));
	buffer = grpc_raw_byte_buffer_create(&slice, 1);
	grpc_slice_unref(slice);
	return buffer;
}

static void *budget_alloc(void *allocator_data, size_t size)
{
	size_t *left_bytes = allocator_data;

	if (size > *left_bytes)
		return NULL;
	*left_bytes -= size;
	return malloc(size);
}

/* What is freed while unpacking is not given back: the budget bounds work as well as memory. */
static void budget_free(void *allocator_data UNUSED, void *p)
{
	free(p);
}

/* The content as one slice; a message of one slice, the usual case, is not copied. */
static grpc_slice read_all(grpc_byte_buffer *buffer)
{
	grpc_byte_buffer_reader reader;
	grpc_slice first, slice;

	check(grpc_byte_buffer_reader_init(&reader, buffer));
	if (!grpc_byte_buffer_reader_next(&reader, &first))
		first = grpc_empty_slice();
	if (GRPC_SLICE_LENGTH(first) == grpc_byte_buffer_length(buffer)) {
		slice = grpc_slice_ref(first);
	} else {
		grpc_byte_buffer_reader_destroy(&reader);
		check(grpc_byte_buffer_reader_init(&reader, buffer));
		slice = grpc_byte_buffer_reader_readall(&reader);
	}
	grpc_slice_unref(first);
	grpc_byte_buffer_reader_destroy(&reader);
	return slice;
}

int rpc_message_unpack(grpc_byte_buffer *buffer, const ProtobufCMessageDescriptor *type,
		       ProtobufCMessage **ret_message, struct error *err)
{
	size_t left_bytes = UNPACKED_ROOM_BYTES + UNPACKED_FACTOR * grpc_byte_buffer_length(buffer);
	ProtobufCAllocator allocator = { budget_alloc, budget_free, &left_bytes };
	ProtobufCMessage *message;
	grpc_slice slice = read_all(buffer);

	message = protobuf_c_message_unpack(type, &allocator, GRPC_SLICE_LENGTH(slice),
					    GRPC_SLICE_START_PTR(slice));
	grpc_slice_unref(slice);
	if (!message)
		return error_set(err, -EBADMSG, "not a valid %s", type->name);
	*ret_message = message;
	return 0;
}
