/* SPDX-License-Identifier: Apache-2.0 */
/* What documents of all kinds share, as pointers into one of them. Pure. */
#pragma once

#include "core/model/model.h"

struct model_view {
	char **api_version, **kind;
	Api__Metadata **metadata;
	ProtobufCMessage **spec, **status;
	char **id;                /* spec.id; NULL when there is no spec */
	char **scope[KIND_COUNT]; /* spec.realmId, ... of the layers above; NULL from the object's
				     own kind on */
};

/* The name of a scope field in the schema ("realm_id") and in a manifest ("realmId"). */
extern const char *const model_scope_fields[KIND_COUNT];
extern const char *const model_scope_names[KIND_COUNT];

struct model_view model_view(enum kind kind, const ProtobufCMessage *message);

/* The status of a realm, space, stack or cell; NULL when the document has none. */
const Api__Status *model_status(enum kind kind, const ProtobufCMessage *message);

/* A document of @kind with an empty spec; nothing else is set. Free with
 * protobuf_c_message_free_unpacked(). */
ProtobufCMessage *model_new(enum kind kind);

/* The scope fields of a spec, for the layers above @kind. */
void model_view_scope(enum kind kind, const ProtobufCMessage *spec, char **ret_scope[KIND_COUNT]);

/* Puts a copy of @value into an empty (NULL or "") string field. */
void model_default_string(char **field, const char *value);
