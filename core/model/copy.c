/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Deep copies. Every object is copied for every reader of a list, so this does in one walk what
 * packing and unpacking would do in three.
 */
#include "core/model/field.h"
#include "core/model/model.h"

static void *copy_value(const ProtobufCFieldDescriptor *field, const void *value)
{
	if (!value)
		return NULL;
	if (field->type == PROTOBUF_C_TYPE_STRING)
		return xstrdup(value);
	return model_copy(value);
}

static void copy_list(ProtobufCMessage *copy, const ProtobufCFieldDescriptor *field, bool pointers)
{
	size_t n = field_count(copy, field), size = field_bytes(field);
	void **list = (void **)((char *)copy + field->offset), *items = NULL;

	if (n) {
		items = xcalloc(n, size);
		memcpy(items, *list, n * size);
	}
	*list = items;
	for (size_t i = 0; pointers && i < n; i++)
		((void **)items)[i] = copy_value(field, ((void **)items)[i]);
}

ProtobufCMessage *model_copy(const ProtobufCMessage *message)
{
	const ProtobufCMessageDescriptor *type = message->descriptor;
	ProtobufCMessage *copy = xcalloc(1, type->sizeof_message);

	memcpy(copy, message, type->sizeof_message);
	copy->n_unknown_fields = 0; /* what no field of ours is, nobody asks for */
	copy->unknown_fields = NULL;
	for (unsigned i = 0; i < type->n_fields; i++) {
		const ProtobufCFieldDescriptor *field = &type->fields[i];
		bool pointers = field->type == PROTOBUF_C_TYPE_STRING ||
				field->type == PROTOBUF_C_TYPE_MESSAGE;

		if (field->label == PROTOBUF_C_LABEL_REPEATED) {
			copy_list(copy, field, pointers);
		} else if (pointers && field_count(copy, field)) {
			void **value = field_value(copy, field, 0);

			*value = copy_value(field, *value);
		}
	}
	return copy;
}
