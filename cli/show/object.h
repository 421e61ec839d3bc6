/* SPDX-License-Identifier: Apache-2.0 */
/* What all kinds have in common, read out of an object of the API. */
#pragma once

#include "api/kukeon.pb-c.h"
#include "core/base/buf.h"
#include "core/model/names.h"

/* Points into the object it was read from. Strings are NULL where the object has none. */
struct object {
	enum kind kind;
	const Api__Object *api;
	const ProtobufCMessage *message; /* the realm, space, ... itself */
	const char *name;
	const char *scope[KIND_CONTAINER]; /* names of the objects above, by enum kind */
	Api__State state;
	bool gone; /* this is its last state; set by who knows, not by object_read() */
	const char *reason, *explanation; /* the code, and the words for it */
	const char *intent;
	const char *since; /* creation; for a container the start of its process */
};

/* False for an object of a kind that this kuke does not know. */
bool object_read(const Api__Object *api, struct object *ret_object);

/* "cell/main/lab/front/web": what a verb takes as the object's name, wherever it lies. */
void object_add_name(const struct object *object, struct buf *out);

/* @message of @kind as an object of the API, which points to it. */
Api__Object object_wrap(enum kind kind, ProtobufCMessage *message);
