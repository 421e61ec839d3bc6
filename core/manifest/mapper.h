/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A tree to a message of any type by its descriptor. Knows the schema's language (labels, types,
 * maps, oneofs, enums), not what the fields mean.
 */
#pragma once

#include <protobuf-c/protobuf-c.h>

#include "core/manifest/tree.h"

/* Told about each error: the node it is at, the field path, what was expected ("" when it is one
 * too many for words). */
typedef void (*mapper_error_fn)(void *ctx, const struct node *node, const char *path,
				const char *message);

struct mapper_options {
	/* a field of the outermost message that is not looked into; NULL for none */
	const char *skip;
	/* an outermost field below which fields that are not known are passed over, "" for all;
	 * NULL: none */
	const char *lax;
	/* errors beyond so many are told without words, which cost more than the rest */
	size_t max_worded;
	/* a list may be written as its only value: what was one value once is read on */
	bool lone_is_list;
	/* what to write instead, as in core/manifest/hints.h; NULL for nobody who knows */
	char *(*hint_field)(const ProtobufCMessageDescriptor *type, const struct node *key,
			    const struct node *value);
	char *(*hint_value)(const ProtobufCFieldDescriptor *field, bool is_entry,
			    const struct node *value);
	mapper_error_fn on_error;
	void *ctx;
};

/*
 * Never NULL; after errors the message holds what could be read, and entries of lists keep their
 * index. Free with protobuf_c_message_free_unpacked().
 */
ProtobufCMessage *mapper_map(const struct node *root, const ProtobufCMessageDescriptor *type,
			     const struct mapper_options *options);
