/* SPDX-License-Identifier: Apache-2.0 */
/* From the claims on an object to what it is wanted as: the winning document, implicit parents,
 * containers that join. */
#pragma once

#include "core/state/engine.h"

/* After any change of the object's claims or of what its children are wanted as. Touches it, and
 * its parent, when that changes what is wanted; does nothing otherwise. */
void effective_update(struct engine *engine, struct object *object);

/* The document that declares the object, or that is made up for it: without what joins a cell. Free
 * with protobuf_c_message_free_unpacked(). */
ProtobufCMessage *effective_document(const struct object *object);

/* A document that says no more than the name. Free the same way. */
ProtobufCMessage *effective_implicit_document(const char *key);

/* What the object (NULL: there is none) will be when it is declared as the document says. */
struct identity effective_identity(struct engine *engine, const struct object *object,
				   const ProtobufCMessage *message);

/* Whether the container document of the object is part of its cell. */
bool effective_has_joined(const struct object *container);

/* Why the cell cannot take a container document (in place of the one of that id); 0 when it can. */
int effective_try_container(const struct object *cell, const Api__ContainerSpec *container,
			    struct error *err);

/* Takes a container out of a spec; nothing happens when it is not there. */
void effective_remove_container(Api__CellSpec *spec, const char *id);
