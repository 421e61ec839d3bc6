/* SPDX-License-Identifier: Apache-2.0 */
/* What is said about objects: transitions to the log and the watchers, and whole documents with
 * spec and status. */
#pragma once

#include "core/plan/plan.h"
#include "core/state/engine.h"

/* Takes over what the planner says; tells the log, the watchers and the children of the object when
 * it changed. True: its state did, or whether what is below it may come up. */
bool status_update(struct engine *engine, struct object *object, const struct plan *plan);

/* The object is about to be forgotten. */
void status_gone(struct engine *engine, struct object *object);

/* The object with its status, as kuke and the store show it; NULL for an object that was never
 * wanted. Free with protobuf_c_message_free_unpacked(). */
ProtobufCMessage *status_render(const struct engine *engine, const struct object *object);

/* The same with the document as it was declared, without what joined: what is restored from the
 * store. */
ProtobufCMessage *status_render_stored(const struct engine *engine, const struct object *object);

/* A document that the API has accepted, with the status that the object has by now; @object NULL:
 * it is new. @identity: what it will be. */
ProtobufCMessage *status_render_accepted(const struct engine *engine, const struct object *object,
					 const struct identity *identity, enum kind kind,
					 const ProtobufCMessage *document);

/* A container of a cell as a document of its own. */
Api__Container *status_render_container(const struct engine *engine, const struct object *cell,
					const struct container *container);

/* The daemon's own process, as the one container of the cell that stands for it. */
Api__Container *status_render_self(const struct engine *engine, const struct object *cell);
