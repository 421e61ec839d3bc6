/* SPDX-License-Identifier: Apache-2.0 */
#include "core/status/secrets.h"

#include "core/base/str.h"
#include "core/model/field.h"

static const struct {
	const char *message, *field;
} secrets[] = {
	{ "RegistryCredentials", "password" },
};

static bool is_secret(const ProtobufCMessageDescriptor *type, const ProtobufCFieldDescriptor *field)
{
	for (size_t i = 0; i < ARRAY_SIZE(secrets); i++)
		if (str_equal(type->short_name, secrets[i].message) &&
		    str_equal(field->name, secrets[i].field))
			return true;
	return false;
}

/* Messages hold no messages of their own type, so it ends. */
static bool type_has_secrets(const ProtobufCMessageDescriptor *type)
{
	for (unsigned i = 0; i < type->n_fields; i++) {
		const ProtobufCFieldDescriptor *field = &type->fields[i];

		if (is_secret(type, field) ||
		    (field->type == PROTOBUF_C_TYPE_MESSAGE && type_has_secrets(field->descriptor)))
			return true;
	}
	return false;
}

/* Only realms have any, today: others are not walked for each reader. */
static bool kind_has_secrets(enum kind kind)
{
	static bool known[KIND_COUNT], has[KIND_COUNT];

	if (!known[kind])
		has[kind] = type_has_secrets(model_descriptor(kind));
	known[kind] = true;
	return has[kind];
}

static void hide(ProtobufCMessage *message)
{
	const ProtobufCMessageDescriptor *type = message->descriptor;

	for (unsigned f = 0; f < type->n_fields; f++) {
		const ProtobufCFieldDescriptor *field = &type->fields[f];

		for (size_t i = 0; i < field_count(message, field); i++) {
			void *value = field_value(message, field, i);

			if (field->type == PROTOBUF_C_TYPE_MESSAGE)
				hide(*(ProtobufCMessage **)value);
			else if (is_secret(type, field) && !str_empty(*(char **)value))
				str_replace(value, MODEL_HIDDEN);
		}
	}
}

void secrets_hide(enum kind kind, ProtobufCMessage *message)
{
	if (kind_has_secrets(kind))
		hide(message);
}

/* But for what is secret. */
static bool same_otherwise(const ProtobufCMessage *a, const ProtobufCMessage *b)
{
	ProtobufCMessage *x = model_copy(a), *y = model_copy(b);
	size_t len;
	bool same;

	hide(x);
	hide(y);
	len = protobuf_c_message_get_packed_size(x);
	same = len == protobuf_c_message_get_packed_size(y);
	if (same) {
		AUTO_FREE uint8_t *packed_x = xcalloc(1, len + 1), *packed_y = xcalloc(1, len + 1);

		protobuf_c_message_pack(x, packed_x);
		protobuf_c_message_pack(y, packed_y);
		same = memcmp(packed_x, packed_y, len) == 0;
	}
	protobuf_c_message_free_unpacked(x, NULL);
	protobuf_c_message_free_unpacked(y, NULL);
	return same;
}

static const ProtobufCMessage *message_at(const ProtobufCMessage *message,
					  const ProtobufCFieldDescriptor *field, size_t i)
{
	return *(ProtobufCMessage **)field_value(message, field, i);
}

static const ProtobufCMessage *find_same(const ProtobufCMessage *present,
					 const ProtobufCFieldDescriptor *field,
					 const ProtobufCMessage *item)
{
	for (size_t i = 0; i < field_count(present, field); i++)
		if (field->label != PROTOBUF_C_LABEL_REPEATED ||
		    same_otherwise(message_at(present, field, i), item))
			return message_at(present, field, i);
	return NULL;
}

static void restore(ProtobufCMessage *message, const ProtobufCMessage *present)
{
	const ProtobufCMessageDescriptor *type = message->descriptor;

	for (unsigned f = 0; present && f < type->n_fields; f++) {
		const ProtobufCFieldDescriptor *field = &type->fields[f];

		for (size_t i = 0; i < field_count(message, field); i++) {
			void *value = field_value(message, field, i);

			if (field->type == PROTOBUF_C_TYPE_MESSAGE &&
			    type_has_secrets(field->descriptor))
				restore(*(ProtobufCMessage **)value,
					find_same(present, field, *(ProtobufCMessage **)value));
			else if (is_secret(type, field) &&
				 str_equal(*(char **)value, MODEL_HIDDEN) &&
				 field_count(present, field))
				str_replace(value, *(char **)field_value(present, field, 0));
		}
	}
}

void secrets_restore(enum kind kind, ProtobufCMessage *message, const ProtobufCMessage *present)
{
	if (present && kind_has_secrets(kind))
		restore(message, present);
}
