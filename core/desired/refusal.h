/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What of a document the schema allows and the object as it is does not: the same for documents of
 * files and of the API. The API refuses such a document; of a file the object keeps the spec that
 * it has, and says why.
 */
#pragma once

#include "core/state/engine.h"

/* Why the object @key, which is @object (NULL: there is none), cannot become what the document
 * says; NULL: it can. Free with free(). */
char *refusal_of(const struct object *object, const char *key, const ProtobufCMessage *message);

/* For the planner: sets object->refused. */
void refusal_prepare(struct object *object);
