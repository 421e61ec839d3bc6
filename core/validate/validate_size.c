/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How large a document may be, wherever it comes from. A manifest is bounded as a file; what comes
 * through the API is bounded here, so that the store can read back whatever it writes.
 */
#include "core/model/field.h"
#include "core/validate/validate.h"

struct size {
	size_t nodes, text_bytes;
};

static void measure(const ProtobufCMessage *message, struct size *size);

static void measure_value(const ProtobufCFieldDescriptor *field, const void *value,
			  struct size *size)
{
	const void *pointer;

	size->nodes++;
	if (field->type != PROTOBUF_C_TYPE_STRING && field->type != PROTOBUF_C_TYPE_MESSAGE)
		return;
	pointer = *(const void *const *)value;
	if (pointer && field->type == PROTOBUF_C_TYPE_STRING)
		size->text_bytes += strlen(pointer);
	else if (pointer)
		measure(pointer, size);
}

/* As nodes of YAML: a name and a value of each field that is set, and each entry of a list. */
static void measure(const ProtobufCMessage *message, struct size *size)
{
	for (unsigned f = 0; f < message->descriptor->n_fields; f++) {
		const ProtobufCFieldDescriptor *field = &message->descriptor->fields[f];
		size_t n = field_count(message, field);

		if (n == 0)
			continue;
		size->nodes += field->label == PROTOBUF_C_LABEL_REPEATED ? 2 : 1;
		for (size_t i = 0; i < n; i++)
			measure_value(field, field_value(message, field, i), size);
	}
}

static bool fits(const char *path, const ProtobufCMessage *message, size_t nodes_max,
		 size_t text_max_bytes, struct model_problems *problems)
{
	struct size size = { .nodes = 1 };

	measure(message, &size);
	if (size.nodes > nodes_max)
		model_problems_add(problems, path,
				   "has %zu fields and entries in all, at most %zu are allowed",
				   size.nodes, nodes_max);
	else if (size.text_bytes > text_max_bytes)
		model_problems_add(problems, path,
				   "has %zu bytes of text in all, at most %zu are allowed; mount "
				   "large texts as files",
				   size.text_bytes, text_max_bytes);
	return size.nodes <= nodes_max && size.text_bytes <= text_max_bytes;
}

bool validate_size(const ProtobufCMessage *document, struct model_problems *problems)
{
	return fits("spec", document, MODEL_MAX_NODES, MODEL_MAX_TEXT_BYTES, problems);
}

bool validate_defaults_size(const char *prefix, const Api__ContainerDefaults *defaults,
			    struct model_problems *problems)
{
	return fits(prefix, &defaults->base, MODEL_DEFAULTS_MAX_NODES,
		    MODEL_DEFAULTS_MAX_TEXT_BYTES, problems);
}
