/* SPDX-License-Identifier: Apache-2.0 */
#include "core/model/naming.h"

#include <ctype.h>

#include "core/base/str.h"
#include "core/model/model.h"

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

/* "RUN_VERB_START" of RunVerb: behind the "RUN_VERB_". */
static const char *without_prefix(const ProtobufCEnumDescriptor *type, const char *name)
{
	const char *at = name;

	for (const char *p = type->short_name; *p; p++) {
		if (*p >= 'A' && *p <= 'Z' && p != type->short_name && *at++ != '_')
			return name;
		if (toupper((unsigned char)*p) != *at++)
			return name;
	}
	return *at == '_' ? at + 1 : name;
}

/* Words that users write stand in small letters, as in "on-failure"; what they read is called as
 * states are. */
static bool is_written_small(const ProtobufCEnumDescriptor *type)
{
	static const char *const small[] = { "RestartPolicy", "VolumeKind", "HostKind",
					     "LogDriver" };

	for (size_t i = 0; i < ARRAY_SIZE(small); i++)
		if (strcmp(type->short_name, small[i]) == 0)
			return true;
	return false;
}

static struct field_name small_name(const char *text)
{
	struct field_name name = { 0 };

	for (size_t i = 0; text[i]; i++) {
		check(i + 1 < sizeof(name.text));
		name.text[i] = (char)(text[i] == '_' ? '-' : tolower((unsigned char)text[i]));
	}
	return name;
}

struct field_name naming_of_value(const ProtobufCEnumDescriptor *type,
				  const ProtobufCEnumValue *value)
{
	const char *text = without_prefix(type, value->name);
	bool shouted = is_shouted(text), first = true;
	struct field_name name = { 0 };
	size_t len = 0;

	if (is_written_small(type))
		return small_name(text);
	for (const char *p = text; *p; p++) {
		check(len + 1 < sizeof(name.text));
		if (!shouted || *p != '_')
			name.text[len++] = (char)(shouted && !first ? *p - 'A' + 'a' : *p);
		first = *p == '_';
	}
	return name;
}

struct field_name naming_of_number(const ProtobufCEnumDescriptor *type, int number)
{
	const ProtobufCEnumValue *value = protobuf_c_enum_descriptor_get_value(type, number);

	return value && !naming_is_unspecified(value) ? naming_of_value(type, value)
						      : (struct field_name){ "Unknown" };
}

bool naming_is_unspecified(const ProtobufCEnumValue *value)
{
	return value->value == 0 && str_ends_with(value->name, "_UNSPECIFIED");
}

struct field_name model_state_name(Api__State state)
{
	return naming_of_number(&api__state__descriptor, (int)state);
}

const ProtobufCEnumValue *naming_find_value(const ProtobufCEnumDescriptor *type, const char *name)
{
	for (unsigned i = 0; i < type->n_values; i++) {
		const ProtobufCEnumValue *value = &type->values[i];

		if (naming_is_unspecified(value))
			continue;
		if (strcmp(naming_of_value(type, value).text, name) == 0 ||
		    strcmp(without_prefix(type, value->name), name) == 0 ||
		    strcmp(value->name, name) == 0)
			return value;
	}
	return NULL;
}

const ProtobufCFieldDescriptor *naming_find_field(const ProtobufCMessageDescriptor *type,
						  const char *name)
{
	for (unsigned i = 0; i < type->n_fields; i++)
		if (strcmp(naming_of_field(&type->fields[i]).text, name) == 0)
			return &type->fields[i];
	return NULL;
}
