/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What shall be: documents of files become claims on objects, and the claims decide what each
 * object is wanted as.
 *
 *   - One object, several claims: the first path in byte order wins; the others are conflicts,
 *     shown with their file.
 *   - What came over the API is a claim too, after all files: a file that declares the object takes
 *     it over for good.
 *   - A claim whose document disappears keeps its object for the prune grace: another file may take
 *     it over, and a rename or a sync in several steps deletes nothing. Whether it goes then is
 *     core/desired/hold.h's. Nothing is deleted while the set is incomplete or the directory is
 * ill.
 *   - A file with errors keeps the objects that it declared before (last good).
 *   - An object that only its children name is wanted with defaults (implicit), as long as it has
 *     some.
 *   - Container documents join the spec of their cell.
 *
 * A change costs what changed: every function touches the objects of its file and their parents.
 */
#pragma once

#include "core/desired/claim.h"
#include "core/manifest/manifest.h"
#include "core/state/engine.h"

/* status.source of an object */
#define DESIRED_SOURCE_MANIFEST "manifest:" /* then the path */
#define DESIRED_SOURCE_API "api"
#define DESIRED_SOURCE_IMPLICIT "implicit" /* only children name it */
#define DESIRED_SOURCE_CELL "cell"         /* a container in its cell's document */

/* The new content of a file; takes the documents out of @manifest. */
void desired_set_file(struct engine *engine, const char *path, struct manifest *manifest);

/* The file is there but cannot be read: what it declared stays. */
void desired_set_file_error(struct engine *engine, const char *path, const struct error *err);

/* The file is there, but is not to be read yet: it is being written. */
void desired_set_file_pending(struct engine *engine, const char *path);

/* The file is gone: its claims are lost. */
void desired_remove_file(struct engine *engine, const char *path);

/* The file cannot be found, because what led to it is gone or hides it: see hold_lost(). */
void desired_hide_file(struct engine *engine, const char *path, const struct error *why);

/* The directory has been read: completely (@problem NULL), or why not. */
void desired_scan_done(struct engine *engine, const struct error *problem);

/* From the store: what the file, or the API (@source "api"), last declared. Other sources declare
 * nothing. @held: why it was held then; empty: it was not. After engine_start(), when the store
 * could not be read before, it counts only for an object that nothing else declares, and is lost if
 * the file is known not to. Takes @message. */
void desired_restore(struct engine *engine, const char *source, const char *key, const char *held,
		     ProtobufCMessage *message);

/* Calls @give for every file that declared something when we last ran. */
void desired_for_each_restored_file(struct engine *engine,
				    void (*give)(void *ctx, const char *path), void *ctx);

/* The API's wish for an object. A file that has declared it meanwhile keeps it. Takes @message. */
void desired_set_api(struct engine *engine, const char *key, ProtobufCMessage *message);

/* Takes back the API's wish, and what files declared that are gone. */
void desired_drop_api(struct engine *engine, struct object *object);

/* The document that came over the API, NULL when there is none. */
const ProtobufCMessage *desired_api_message(const struct object *object);

/* The file that declares the object, NULL when none does. */
const char *desired_manifest(const struct object *object);

/* Nothing is wanted any more, and nothing can be until the daemon starts again. */
void desired_purge(struct engine *engine);

void desired_init(struct engine *engine, uint64_t prune_grace_ms, const struct prune_guard *guard);
void desired_fini(struct engine *engine);

/* Why the object is kept though no document declares it; NULL when that is not so. */
const char *desired_held(const struct object *object);

/* Appends what is wrong with a file: its own errors, lost conflicts, refused documents. */
void desired_file_errors(const struct desired_file *file, struct strv *ret_errors);
