/* SPDX-License-Identifier: Apache-2.0 */
#include "core/model/naming.h"

struct field_name naming_of_field(const ProtobufCFieldDescriptor *field)
{
	struct field_name name = { 0 };
	size_t len = 0;
	bool upper = false;

	for (const char *p = field->name; *p; p++) {
		if (*p == '_') {
			upper = true;
			continue;
		}
		check(len + 1 < sizeof(name.text));
		name.text[len++] = (char)(upper && *p >= 'a' && *p <= 'z' ? *p - 'a' + 'A' : *p);
		upper = false;
	}
	return name;
}

static bool is_shouted(const char *name)
{
	return strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_") == strlen(name);
}

struct field_name naming_of_value(const ProtobufCEnumValue *value)
{
	bool shouted = is_shouted(value->name), first = true;
	struct field_name name = { 0 };
	size_t len = 0;

	for (const char *p = value->name; *p; p++) {
		check(len + 1 < sizeof(name.text));
		if (!shouted || *p != '_')
			name.text[len++] = (char)(shouted && !first ? *p - 'A' + 'a' : *p);
		first = *p == '_';
	}
	return name;
}

const ProtobufCEnumValue *naming_find_value(const ProtobufCEnumDescriptor *type, const char *name)
{
	for (unsigned i = 0; i < type->n_values; i++)
		if (strcmp(naming_of_value(&type->values[i]).text, name) == 0)
			return &type->values[i];
	return protobuf_c_enum_descriptor_get_value_by_name(type, name);
}

const ProtobufCFieldDescriptor *naming_find_field(const ProtobufCMessageDescriptor *type,
						  const char *name)
{
	for (unsigned i = 0; i < type->n_fields; i++)
		if (strcmp(naming_of_field(&type->fields[i]).text, name) == 0)
			return &type->fields[i];
	return NULL;
}
