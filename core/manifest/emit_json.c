/* SPDX-License-Identifier: Apache-2.0 */
#include <jansson.h>
#include <stdio.h>

#include "core/base/text.h"
#include "core/manifest/manifest.h"
#include "core/model/field.h"
#include "core/model/naming.h"

static json_t *json_of_text(const char *text)
{
	AUTO_FREE char *repaired = text_repair(text);
	json_t *json = json_string(repaired);

	check(json);
	return json;
}

static json_t *json_of_enum(const ProtobufCEnumDescriptor *type, int value)
{
	const ProtobufCEnumValue *entry = protobuf_c_enum_descriptor_get_value(type, value);

	return entry ? json_string(naming_of_value(type, entry).text) : json_integer(value);
}

/* Numbers that many readers of JSON would round go as text, as protobuf's own JSON does it. */
static json_t *json_of_unsigned(uint64_t value)
{
	return value <= INT64_MAX ? json_integer((json_int_t)value)
				  : json_sprintf("%ju", (uintmax_t)value);
}

static json_t *json_of_message(const ProtobufCMessage *message);

static json_t *json_of_value(const ProtobufCFieldDescriptor *field, const void *value)
{
	switch (field->type) {
	case PROTOBUF_C_TYPE_STRING:
		return json_of_text(*(char *const *)value);
	case PROTOBUF_C_TYPE_BOOL:
		return json_boolean(*(const protobuf_c_boolean *)value);
	case PROTOBUF_C_TYPE_ENUM:
		return json_of_enum(field->descriptor, *(const int *)value);
	case PROTOBUF_C_TYPE_INT32:
		return json_integer(*(const int32_t *)value);
	case PROTOBUF_C_TYPE_UINT32:
		return json_integer(*(const uint32_t *)value);
	case PROTOBUF_C_TYPE_INT64:
		return json_integer(*(const int64_t *)value);
	case PROTOBUF_C_TYPE_UINT64:
		return json_of_unsigned(*(const uint64_t *)value);
	case PROTOBUF_C_TYPE_MESSAGE:
		return json_of_message(*(ProtobufCMessage *const *)value);
	default:
		check(!"a field of a type that the schema does not use");
		return NULL;
	}
}

static json_t *json_of_map(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
	json_t *object = json_object();

	for (size_t i = 0; i < field_count(message, field); i++) {
		const ProtobufCMessage *entry =
			*(ProtobufCMessage **)field_value(message, field, i);
		const char *key = *(char **)field_value(entry, &entry->descriptor->fields[0], 0);
		const char *value = *(char **)field_value(entry, &entry->descriptor->fields[1], 0);
		AUTO_FREE char *repaired = text_repair(key ? key : "");

		check(json_object_set_new(object, repaired, json_of_text(value ? value : "")) == 0);
	}
	return object;
}

static json_t *json_of_list(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
	json_t *array = json_array();

	for (size_t i = 0; i < field_count(message, field); i++)
		check(json_array_append_new(
			      array, json_of_value(field, field_value(message, field, i))) == 0);
	return array;
}

static json_t *json_of_message(const ProtobufCMessage *message)
{
	json_t *object = json_object();

	for (unsigned f = 0; f < message->descriptor->n_fields; f++) {
		const ProtobufCFieldDescriptor *field = &message->descriptor->fields[f];
		json_t *value;

		if (field_count(message, field) == 0)
			continue;
		if (field_is_map(field))
			value = json_of_map(message, field);
		else if (field->label == PROTOBUF_C_LABEL_REPEATED)
			value = json_of_list(message, field);
		else
			value = json_of_value(field, field_value(message, field, 0));
		check(json_object_set_new(object, naming_of_field(field).text, value) == 0);
	}
	return object;
}

/* JSON may hold raw what YAML may not or would fold (DEL, C1 controls, U+2028): escaped, both read
 * the same. */
static void add_escaped(struct buf *out, const char *json)
{
	size_t len = strlen(json), bytes;
	uint32_t character;

	for (size_t i = 0; i < len; i += bytes) {
		bytes = text_decode(json + i, len - i, &character);
		check(bytes);
		if (text_is_plain(character))
			buf_add(out, json + i, bytes);
		else
			buf_printf(out, "\\u%04x", character);
	}
}

/* Takes @json. */
static void emit_json(json_t *json, size_t flags, struct buf *out)
{
	AUTO_FREE char *text = json_dumps(json, flags);

	check(text);
	add_escaped(out, text);
	json_decref(json);
}

static void emit(const ProtobufCMessage *message, size_t flags, struct buf *out)
{
	emit_json(json_of_message(message), flags, out);
}

void manifest_emit_json_whole(const ProtobufCMessage *message, struct buf *out)
{
	json_t *json = json_of_message(message);

	for (unsigned f = 0; f < message->descriptor->n_fields; f++) {
		const ProtobufCFieldDescriptor *field = &message->descriptor->fields[f];

		if (field->label == PROTOBUF_C_LABEL_REPEATED && !field_count(message, field))
			check(json_object_set_new(json, naming_of_field(field).text,
						  json_array()) == 0);
	}
	emit_json(json, JSON_INDENT(2), out);
}

void manifest_emit_json(const ProtobufCMessage *message, struct buf *out)
{
	emit(message, JSON_INDENT(2), out);
}

void manifest_emit_json_line(const ProtobufCMessage *message, struct buf *out)
{
	emit(message, 0, out);
}
