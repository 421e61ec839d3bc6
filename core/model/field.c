/* SPDX-License-Identifier: Apache-2.0 */
#include "core/model/field.h"

#include "core/base/str.h"

#define MEMBER(type, message, offset) ((type *)((char *)(message) + (offset)))

static bool is_pointer(const ProtobufCFieldDescriptor *field)
{
	return field->type == PROTOBUF_C_TYPE_STRING || field->type == PROTOBUF_C_TYPE_MESSAGE;
}

static bool is_oneof(const ProtobufCFieldDescriptor *field)
{
	return field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF;
}

size_t field_bytes(const ProtobufCFieldDescriptor *field)
{
	switch (field->type) {
	case PROTOBUF_C_TYPE_STRING:
	case PROTOBUF_C_TYPE_MESSAGE:
		return sizeof(void *);
	case PROTOBUF_C_TYPE_BOOL:
		return sizeof(protobuf_c_boolean);
	case PROTOBUF_C_TYPE_ENUM:
		return sizeof(int);
	case PROTOBUF_C_TYPE_INT32:
	case PROTOBUF_C_TYPE_UINT32:
		return sizeof(uint32_t);
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_UINT64:
		return sizeof(uint64_t);
	default:
		check(!"a field of a type that the schema does not use");
		return 0;
	}
}

size_t field_count(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
	if (field->label == PROTOBUF_C_LABEL_REPEATED)
		return *MEMBER(size_t, message, field->quantifier_offset);
	if (is_oneof(field) && *MEMBER(uint32_t, message, field->quantifier_offset) != field->id)
		return 0;
	if (is_pointer(field)) {
		const void *value = *MEMBER(void *, message, field->offset);

		return value &&
		       value != field->default_value; /* a message begins with its defaults */
	}
	if (field->type == PROTOBUF_C_TYPE_ENUM && *MEMBER(int, message, field->offset) == 0)
		return 0;
	if (field->label == PROTOBUF_C_LABEL_OPTIONAL && !is_oneof(field))
		return *MEMBER(protobuf_c_boolean, message, field->quantifier_offset) != 0;
	return 1;
}

void *field_value(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field, size_t i)
{
	if (field->label != PROTOBUF_C_LABEL_REPEATED)
		return MEMBER(void, message, field->offset);
	return *MEMBER(char *, message, field->offset) + i * field_bytes(field);
}

static void *add_repeated(ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
	size_t *n = MEMBER(size_t, message, field->quantifier_offset), size = field_bytes(field);
	char **items = MEMBER(char *, message, field->offset);

	*items = xrealloc(*items, (*n + 1) * size);
	return memset(*items + (*n)++ * size, 0, size);
}

void *field_add(ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
	if (field->label == PROTOBUF_C_LABEL_REPEATED)
		return add_repeated(message, field);
	check(field_count(message, field) == 0);
	if (is_oneof(field))
		*MEMBER(uint32_t, message, field->quantifier_offset) = field->id;
	else if (field->label == PROTOBUF_C_LABEL_OPTIONAL && !is_pointer(field))
		*MEMBER(protobuf_c_boolean, message, field->quantifier_offset) = true;
	return memset(MEMBER(void, message, field->offset), 0, field_bytes(field));
}

static void free_value(const ProtobufCFieldDescriptor *field, void *value)
{
	if (field->type == PROTOBUF_C_TYPE_MESSAGE)
		protobuf_c_message_free_unpacked(*(ProtobufCMessage **)value, NULL);
	else if (field->type == PROTOBUF_C_TYPE_STRING && *(void **)value != field->default_value)
		free(*(char **)value);
}

static void clear_repeated(ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
	void **items = MEMBER(void *, message, field->offset);

	for (size_t i = 0; i < field_count(message, field); i++)
		free_value(field, field_value(message, field, i));
	free(*items);
	*items = NULL;
	*MEMBER(size_t, message, field->quantifier_offset) = 0;
}

void field_clear(ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
	void *value;

	if (field->label == PROTOBUF_C_LABEL_REPEATED)
		return clear_repeated(message, field);
	value = field_value(message, field, 0);
	check(field->label == PROTOBUF_C_LABEL_OPTIONAL);
	if (field_count(message, field) == 0 && field->type != PROTOBUF_C_TYPE_ENUM)
		return;
	free_value(field, value);
	memset(value, 0, field_bytes(field));
	if (is_oneof(field))
		*MEMBER(uint32_t, message, field->quantifier_offset) = 0;
	else if (!is_pointer(field))
		*MEMBER(protobuf_c_boolean, message, field->quantifier_offset) = false;
}

bool field_is_map(const ProtobufCFieldDescriptor *field)
{
	const ProtobufCMessageDescriptor *entry = field->descriptor;

	return field->label == PROTOBUF_C_LABEL_REPEATED &&
	       field->type == PROTOBUF_C_TYPE_MESSAGE &&
	       str_ends_with(entry->short_name, "Entry") && entry->n_fields == 2 &&
	       str_equal(entry->fields[0].name, "key") && str_equal(entry->fields[1].name, "value");
}

static int compare_entries(const void *a, const void *b)
{
	const ProtobufCMessage *x = *(ProtobufCMessage *const *)a,
			       *y = *(ProtobufCMessage *const *)b;
	const ProtobufCFieldDescriptor *key = &x->descriptor->fields[0];
	const char *x_key = *(char **)field_value(x, key, 0),
		   *y_key = *(char **)field_value(y, key, 0);

	return strcmp(x_key ? x_key : "", y_key ? y_key : "");
}

void field_sort_map(ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
	size_t n = field_count(message, field);

	if (n > 1)
		qsort(field_value(message, field, 0), n, sizeof(void *), compare_entries);
}

const ProtobufCFieldDescriptor *field_find(const ProtobufCMessageDescriptor *type, const char *name)
{
	return protobuf_c_message_descriptor_get_field_by_name(type, name);
}

static size_t quantifier_bytes(const ProtobufCFieldDescriptor *field)
{
	if (field->label == PROTOBUF_C_LABEL_REPEATED)
		return sizeof(size_t);
	return is_pointer(field) ? 0 : sizeof(protobuf_c_boolean);
}

static void borrow_field(ProtobufCMessage *to, const ProtobufCFieldDescriptor *same,
			 const ProtobufCMessage *from, const ProtobufCFieldDescriptor *field)
{
	bool list = field->label == PROTOBUF_C_LABEL_REPEATED;

	check(same->type == field->type && same->label == field->label);
	memcpy((char *)to + same->offset, (const char *)from + field->offset,
	       list ? sizeof(void *) : field_bytes(field));
	memcpy((char *)to + same->quantifier_offset, (const char *)from + field->quantifier_offset,
	       quantifier_bytes(field));
}

void message_borrow(ProtobufCMessage *to, const ProtobufCMessage *from)
{
	for (unsigned f = 0; f < from->descriptor->n_fields; f++) {
		const ProtobufCFieldDescriptor *field = &from->descriptor->fields[f];
		const ProtobufCFieldDescriptor *same = field_find(to->descriptor, field->name);

		check(same);
		borrow_field(to, same, from, field);
	}
}

void message_borrow_shared(ProtobufCMessage *to, const ProtobufCMessage *from)
{
	for (unsigned f = 0; f < to->descriptor->n_fields; f++) {
		const ProtobufCFieldDescriptor *same = &to->descriptor->fields[f];
		const ProtobufCFieldDescriptor *field = field_find(from->descriptor, same->name);

		if (field)
			borrow_field(to, same, from, field);
	}
}

ProtobufCMessage *message_new(const ProtobufCMessageDescriptor *type)
{
	ProtobufCMessage *message = xcalloc(1, type->sizeof_message);

	protobuf_c_message_init(type, message);
	return message;
}
