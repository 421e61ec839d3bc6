/* SPDX-License-Identifier: Apache-2.0 */
/* Names of fields in a manifest: lowerCamel of the schema's snake_case. */
#pragma once

#include <protobuf-c/protobuf-c.h>

#include "core/base/util.h"

enum { FIELD_NAME_MAX_BYTES = 64 };

struct field_name {
	char text[FIELD_NAME_MAX_BYTES];
};

struct field_name naming_of_field(const ProtobufCFieldDescriptor *field);

/* Values are called as states are, "Ready" or "NotFound", or as users write them, "on-failure",
 * however the schema writes them. */
/* Without the prefix that all values of @type have in the schema. */
struct field_name naming_of_value(const ProtobufCEnumDescriptor *type,
				  const ProtobufCEnumValue *value);

/* The same of the number of one; "Unknown" when there is none. */
struct field_name naming_of_number(const ProtobufCEnumDescriptor *type, int number);

/* What stands for "not said" in the schema, and for nothing in a document. */
bool naming_is_unspecified(const ProtobufCEnumValue *value);

/* NULL when there is none. Also as the schema writes it or once wrote it: earlier versions said so.
 */
const ProtobufCEnumValue *naming_find_value(const ProtobufCEnumDescriptor *type, const char *name);

/* The field with this name in a manifest, NULL when there is none. */
const ProtobufCFieldDescriptor *naming_find_field(const ProtobufCMessageDescriptor *type,
						  const char *name);
