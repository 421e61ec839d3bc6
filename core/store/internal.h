/* SPDX-License-Identifier: Apache-2.0 */
/* The files of the store: an object as kuke get shows it, and behind that what only the next daemon
 * needs (api/store.proto). */
#pragma once

#include "api/store.pb-c.h"
#include "core/state/engine.h"

/* What is internal of the object (NULL: nothing). Free with protobuf_c_message_free_unpacked(). */
Api__Internal *internal_render(const struct object *object);

/* What was internal of a container; empty when nothing is known of it. */
const Api__InternalContainer *internal_container(const Api__Internal *internal, const char *id,
						 bool root);

/* Addresses, into an object that has been given its document and its public status. */
void internal_restore(struct object *object, const Api__Internal *internal);

/* The text of a file; @object NULL: nothing is known of it yet, @identity NULL: it has none of its
 * own. Free with free(). */
char *internal_text(const struct object *object, const struct identity *identity,
		    const ProtobufCMessage *message);

/* A file as it was read: the document with its status, and what is internal (NULL: nothing). */
struct internal_file {
	ProtobufCMessage *document;
	Api__Internal *internal;
};

int internal_parse(const char *path, const struct buf *text, enum kind kind,
		   struct internal_file *ret_file, struct error *err);
void internal_file_fini(struct internal_file *file);
