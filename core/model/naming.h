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

/* The field with this name in a manifest, NULL when there is none. */
const ProtobufCFieldDescriptor *naming_find_field(const ProtobufCMessageDescriptor *type,
						  const char *name);
