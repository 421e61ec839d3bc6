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

/* Values are called as states are, "Ready" or "NotFound", however the schema writes them. */
struct field_name naming_of_value(const ProtobufCEnumValue *value);

/* NULL when there is none. Also as the schema writes it, as earlier versions did. */
const ProtobufCEnumValue *naming_find_value(const ProtobufCEnumDescriptor *type, const char *name);

/* The field with this name in a manifest, NULL when there is none. */
const ProtobufCFieldDescriptor *naming_find_field(const ProtobufCMessageDescriptor *type,
						  const char *name);
