/* SPDX-License-Identifier: Apache-2.0 */
/* Whether what came as text is text: everything behind this may rely on it. */
#include <errno.h>

#include "core/base/text.h"
#include "core/rpc/wire/message.h"

static bool is_utf8(const char *s)
{
	size_t len = s ? strlen(s) : 0, bytes;
	uint32_t character;

	for (size_t i = 0; i < len; i += bytes) {
		bytes = text_decode(s + i, len - i, &character);
		if (bytes == 0)
			return false;
	}
	return true;
}

/* The pointers of a field's values, none when a oneof holds another member. */
static void *const *values_of(const ProtobufCMessage *message,
			      const ProtobufCFieldDescriptor *field, size_t *ret_n)
{
	const char *base = (const char *)message;
	void *const *value = (void *const *)(base + field->offset);
	bool other = (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) &&
		     *(const uint32_t *)(base + field->quantifier_offset) != field->id;

	if (field->label == PROTOBUF_C_LABEL_REPEATED) {
		*ret_n = *(const size_t *)(base + field->quantifier_offset);
		return (void *const *)*value;
	}
	*ret_n = !other && *value;
	return value;
}

static int check_field(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field,
		       struct error *err)
{
	size_t n;
	void *const *values = values_of(message, field, &n);

	for (size_t i = 0; i < n; i++) {
		int r = 0;

		if (field->type == PROTOBUF_C_TYPE_MESSAGE)
			r = rpc_message_check_text(values[i], err);
		else if (!is_utf8(values[i]))
			r = error_set(err, -EBADMSG, "the text in %s.%s is not UTF-8",
				      message->descriptor->short_name, field->name);
		if (r < 0)
			return r;
	}
	return 0;
}

/* As deep as the schema: no message of it contains itself. */
int rpc_message_check_text(const ProtobufCMessage *message, struct error *err)
{
	for (unsigned i = 0; i < message->descriptor->n_fields; i++) {
		const ProtobufCFieldDescriptor *field = &message->descriptor->fields[i];
		int r = 0;

		if (field->type == PROTOBUF_C_TYPE_STRING || field->type == PROTOBUF_C_TYPE_MESSAGE)
			r = check_field(message, field, err);
		if (r < 0)
			return r;
	}
	return 0;
}
