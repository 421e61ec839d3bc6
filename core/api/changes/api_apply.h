/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of Apply share: one document, and what it meets. Private to them. */
#pragma once

#include "core/api/changes/api_mutation.h"

/* One document, by the time it is looked at. */
struct wish {
	struct mutation *m;
	struct engine *engine;
	enum kind kind;
	char *key;
	ProtobufCMessage *message; /* with defaults, valid */
	bool create_only, dry_run;
};

/* An object that is wanted, and so is there or will be. */
struct object *apply_wanted_object(struct engine *engine, const char *key);

bool apply_is_same(const ProtobufCMessage *a, const ProtobufCMessage *b);

/* The result: its object is declared in the manifest. */
void apply_failed_in(const struct wish *wish, const char *key, const char *manifest);

/* The result: it is changed, and in which fields. */
void apply_updated(const struct wish *wish, const ProtobufCMessage *before,
		   const ProtobufCMessage *after);

/* A parent that nobody has declared becomes an object of its own, which stays until it is deleted.
 */
void apply_create_parents(const struct wish *wish, const char *key);

/* Ports of the host that are another cell's. False: the result says whose. */
bool apply_ports_allowed(const struct wish *wish, const char *cell_key, const char *path,
			 const Api__ContainerSpec *container);

/* A new cell beside one of its name in another case. False: the result says so. */
bool apply_name_allowed(const struct wish *wish, const char *cell_key);

/* A document of a container, alone. */
void apply_container(struct wish *wish);
