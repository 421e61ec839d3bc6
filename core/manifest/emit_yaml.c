/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages as YAML. What is written reads back as the same message: text that could be taken for
 * something else stands in double quotes, several lines stand as a literal block where that keeps
 * every byte.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <yaml.h>

#include "core/base/text.h"
#include "core/manifest/manifest.h"
#include "core/manifest/scalar.h"
#include "core/model/field.h"
#include "core/model/naming.h"

static int write_out(void *data, unsigned char *bytes, size_t len)
{
	buf_add(data, bytes, len);
	return 1;
}

/* The emitter refuses only what we must not hand to it. */
static void emit(yaml_emitter_t *emitter, yaml_event_t *event, int initialized)
{
	check(initialized);
	check(yaml_emitter_emit(emitter, event));
}

/* Every byte survives in a literal block: lines of plain ASCII that neither begin nor end with
 * blanks. */
static bool fits_literal(const char *text)
{
	size_t len = strlen(text);

	if (!strchr(text, '\n') || strchr(" \t\n", text[0]) || str_ends_with(text, "\n\n"))
		return false;
	for (size_t i = 0; i < len; i++) {
		bool line_ends = text[i + 1] == '\n' || text[i + 1] == '\0';

		if (text[i] == '\n')
			continue;
		if (text[i] < 0x20 || text[i] == 0x7f || (text[i] == ' ' && line_ends))
			return false;
	}
	return true;
}

static yaml_scalar_style_t style_of(const char *text)
{
	uint32_t character;
	size_t len = strlen(text);

	if (fits_literal(text))
		return YAML_LITERAL_SCALAR_STYLE;
	for (size_t i = 0; i < len; i += text_decode(text + i, len - i, &character))
		if ((unsigned char)text[i] < 0x20 || (unsigned char)text[i] > 0x7e)
			return YAML_DOUBLE_QUOTED_SCALAR_STYLE;
	return scalar_is_text(text) ? YAML_PLAIN_SCALAR_STYLE : YAML_DOUBLE_QUOTED_SCALAR_STYLE;
}

static void emit_scalar(yaml_emitter_t *emitter, const char *text, yaml_scalar_style_t style)
{
	yaml_event_t event;

	emit(emitter, &event,
	     yaml_scalar_event_initialize(&event, NULL, NULL, (const yaml_char_t *)text,
					  (int)strlen(text), 1, 1, style));
}

static void emit_text(yaml_emitter_t *emitter, const char *text)
{
	AUTO_FREE char *repaired = text_repair(text);

	emit_scalar(emitter, repaired, style_of(repaired));
}

static void emit_number(yaml_emitter_t *emitter, const char *fmt, ...) PRINTF_LIKE(2, 3);

static void emit_number(yaml_emitter_t *emitter, const char *fmt, ...)
{
	char text[32];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	emit_scalar(emitter, text, YAML_PLAIN_SCALAR_STYLE);
}

static void emit_enum(yaml_emitter_t *emitter, const ProtobufCEnumDescriptor *type, int value)
{
	const ProtobufCEnumValue *entry = protobuf_c_enum_descriptor_get_value(type, value);

	if (entry)
		emit_text(emitter, naming_of_value(type, entry).text);
	else
		emit_number(emitter, "%d", value);
}

static void emit_message(yaml_emitter_t *emitter, const ProtobufCMessage *message);

static void emit_value(yaml_emitter_t *emitter, const ProtobufCFieldDescriptor *field,
		       const void *value)
{
	switch (field->type) {
	case PROTOBUF_C_TYPE_STRING:
		emit_text(emitter, *(char *const *)value);
		break;
	case PROTOBUF_C_TYPE_BOOL:
		emit_number(emitter, "%s", *(const protobuf_c_boolean *)value ? "true" : "false");
		break;
	case PROTOBUF_C_TYPE_ENUM:
		emit_enum(emitter, field->descriptor, *(const int *)value);
		break;
	case PROTOBUF_C_TYPE_INT32:
		emit_number(emitter, "%" PRId32, *(const int32_t *)value);
		break;
	case PROTOBUF_C_TYPE_UINT32:
		emit_number(emitter, "%" PRIu32, *(const uint32_t *)value);
		break;
	case PROTOBUF_C_TYPE_INT64:
		emit_number(emitter, "%" PRId64, *(const int64_t *)value);
		break;
	case PROTOBUF_C_TYPE_UINT64:
		emit_number(emitter, "%" PRIu64, *(const uint64_t *)value);
		break;
	case PROTOBUF_C_TYPE_MESSAGE:
		emit_message(emitter, *(ProtobufCMessage *const *)value);
		break;
	default:
		check(!"a field of a type that the schema does not use");
	}
}

static void begin_mapping(yaml_emitter_t *emitter)
{
	yaml_event_t event;

	emit(emitter, &event,
	     yaml_mapping_start_event_initialize(&event, NULL, NULL, 1, YAML_BLOCK_MAPPING_STYLE));
}

static void end_mapping(yaml_emitter_t *emitter)
{
	yaml_event_t event;

	emit(emitter, &event, yaml_mapping_end_event_initialize(&event));
}

static void emit_map(yaml_emitter_t *emitter, const ProtobufCMessage *message,
		     const ProtobufCFieldDescriptor *field)
{
	begin_mapping(emitter);
	for (size_t i = 0; i < field_count(message, field); i++) {
		const ProtobufCMessage *entry =
			*(ProtobufCMessage **)field_value(message, field, i);

		for (unsigned f = 0; f < 2; f++) { /* key and value */
			const char *text =
				*(char **)field_value(entry, &entry->descriptor->fields[f], 0);

			emit_text(emitter, text ? text : "");
		}
	}
	end_mapping(emitter);
}

static void emit_list(yaml_emitter_t *emitter, const ProtobufCMessage *message,
		      const ProtobufCFieldDescriptor *field)
{
	yaml_event_t event;

	emit(emitter, &event,
	     yaml_sequence_start_event_initialize(&event, NULL, NULL, 1,
						  YAML_BLOCK_SEQUENCE_STYLE));
	for (size_t i = 0; i < field_count(message, field); i++)
		emit_value(emitter, field, field_value(message, field, i));
	emit(emitter, &event, yaml_sequence_end_event_initialize(&event));
}

static void emit_message(yaml_emitter_t *emitter, const ProtobufCMessage *message)
{
	begin_mapping(emitter);
	for (unsigned f = 0; f < message->descriptor->n_fields; f++) {
		const ProtobufCFieldDescriptor *field = &message->descriptor->fields[f];

		if (field_count(message, field) == 0)
			continue;
		emit_scalar(emitter, naming_of_field(field).text, YAML_PLAIN_SCALAR_STYLE);
		if (field_is_map(field))
			emit_map(emitter, message, field);
		else if (field->label == PROTOBUF_C_LABEL_REPEATED)
			emit_list(emitter, message, field);
		else
			emit_value(emitter, field, field_value(message, field, 0));
	}
	end_mapping(emitter);
}

void manifest_emit_yaml(const ProtobufCMessage *message, struct buf *out)
{
	yaml_emitter_t emitter;
	yaml_event_t event;

	check(yaml_emitter_initialize(&emitter));
	yaml_emitter_set_output(&emitter, write_out, out);
	yaml_emitter_set_unicode(&emitter, 1);
	yaml_emitter_set_width(&emitter, -1); /* never fold: a fold changes text */
	emit(&emitter, &event, yaml_stream_start_event_initialize(&event, YAML_UTF8_ENCODING));
	emit(&emitter, &event, yaml_document_start_event_initialize(&event, NULL, NULL, NULL, 1));
	emit_message(&emitter, message);
	emit(&emitter, &event, yaml_document_end_event_initialize(&event, 1));
	emit(&emitter, &event, yaml_stream_end_event_initialize(&event));
	yaml_emitter_delete(&emitter);
}
