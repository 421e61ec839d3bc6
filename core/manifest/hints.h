/* SPDX-License-Identifier: Apache-2.0 */
/* What to write here for what other programs' files say: Kubernetes manifests, compose files. Pure.
 * All return NULL when there is nothing to say; free with free(). */
#pragma once

#include <protobuf-c/protobuf-c.h>

#include "core/manifest/tree.h"

/* For a field that @type does not have. */
char *hint_for_field(const ProtobufCMessageDescriptor *type, const struct node *key,
		     const struct node *value);

/* For a value that is a list, a mapping or text where @field is not; @is_entry: of one entry of a
 * list. */
char *hint_for_value(const ProtobufCFieldDescriptor *field, bool is_entry,
		     const struct node *value);

/* For a kind that there is not, and for a document without a kind. */
const char *hint_for_kind(const char *kind);
const char *hint_for_document(const struct node *root);
