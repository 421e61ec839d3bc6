/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fields of any message by its descriptor: one way to read, add and clear them, whatever their
 * label.
 *
 * A field has field_count() values: 0 or 1 when it is singular, any number when it is repeated. The
 * storage of a value is a char *, a ProtobufCMessage * or a number, by field->type. An enum's zero
 * is "not said" in the schema: a singular one that holds it is not set.
 */
#pragma once

#include <protobuf-c/protobuf-c.h>

#include "core/base/util.h"

size_t field_count(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field);

/* Size of the storage of one value. */
size_t field_bytes(const ProtobufCFieldDescriptor *field);

/* Where value @i lies; @i < field_count(). */
void *field_value(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field, size_t i);

/* Makes room for one more value (the value, when the field is singular and not set) and returns its
 * zeroed storage. */
void *field_add(ProtobufCMessage *message, const ProtobufCFieldDescriptor *field);

/* Frees and unsets a field; a repeated one is empty then. */
void field_clear(ProtobufCMessage *message, const ProtobufCFieldDescriptor *field);

/* Whether a repeated field was declared as map<string, string>. */
bool field_is_map(const ProtobufCFieldDescriptor *field);

/* Sorts the entries of a map field by key. */
void field_sort_map(ProtobufCMessage *message, const ProtobufCFieldDescriptor *field);

/* The field with this name in the schema, NULL when there is none. */
const ProtobufCFieldDescriptor *field_find(const ProtobufCMessageDescriptor *type,
					   const char *name);

/* Gives @to, which is empty, every field of @from under its name, without copying what it points
 * to. The type of @to has them all. */
void message_borrow(ProtobufCMessage *to, const ProtobufCMessage *from);

/* The same of those fields alone that both have. */
void message_borrow_shared(ProtobufCMessage *to, const ProtobufCMessage *from);

/* A new, empty message; free with protobuf_c_message_free_unpacked(). */
ProtobufCMessage *message_new(const ProtobufCMessageDescriptor *type);
