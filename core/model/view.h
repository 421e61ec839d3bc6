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

/* What the status of a document has of what the statuses of all kinds share, borrowed from it:
 * empty when it has none. That of a container lacks some fields. */
Api__CommonStatus model_status(enum kind kind, const ProtobufCMessage *message);

/* Gives @message of @kind, a realm, space, stack or cell, a new status that begins with what
 * @common has, which is taken over and freed. */
void model_give_status(enum kind kind, ProtobufCMessage *message, Api__CommonStatus *common);

/* A document of @kind with an empty spec; nothing else is set. Free with
 * protobuf_c_message_free_unpacked(). */
ProtobufCMessage *model_new(enum kind kind);

/* The scope fields of a spec, for the layers above @kind. */
void model_view_scope(enum kind kind, const ProtobufCMessage *spec, char **ret_scope[KIND_COUNT]);

/* Puts a copy of @value into an empty (NULL or "") string field. */
void model_default_string(char **field, const char *value);
