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

const ProtobufCFieldDescriptor *naming_find_field(const ProtobufCMessageDescriptor *type,
						  const char *name)
{
	for (unsigned i = 0; i < type->n_fields; i++)
		if (strcmp(naming_of_field(&type->fields[i]).text, name) == 0)
			return &type->fields[i];
	return NULL;
}
