/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tree below the run path: <realm>/realm.yaml, <realm>/<space>/space.yaml, .../stack.yaml,
 * .../cell.yaml and <cell>/containers/<container>.yaml, each a document with spec and status.
 *
 * Written a little after things have settled, on worker threads, one object at a time, each file
 * atomically; never on the way to Ready. What is new is written at once too, without waiting for
 * the disk: a daemon that is killed knows afterwards what was declared, wherever its manifest is
 * by then. Read once, at start: it brings back what only we know
 * (times, counters, addresses to ask for) and the last good documents of manifests that cannot be
 * read now.
 */
#pragma once

#include <stdatomic.h>

#include "core/state/engine.h"

/* A file that is no document is renamed to <file>.damaged. */
#define STORE_DAMAGED ".damaged"

/*
 * Reads the tree into the engine and from then on follows its changes. A damaged file is set aside
 * and reported; it never stops us. What cannot be read is read again every few seconds; until then
 * what it may declare stays as it is, and nothing of ours is written over it.
 */
int store_open(struct store **ret_store, struct engine *engine, struct error *err);

/* One file below the run path: its new content, or NULL to remove it. */
struct store_change {
	char *path, *text;
};

/* @err: why the change failed, NULL when it is on disk. */
typedef void (*store_changed_fn)(void *ctx, const struct error *err);

/*
 * Makes the changes in their order, each durable before the next; @done runs once, later. What the
 * change means is put into the engine by @done, so what is written afterwards is the new state.
 * Takes @changes. Where *@withdrawn (NULL: never) is true before the first of them is begun, none
 * is made: -ECANCELED.
 */
void store_change(struct store *store, struct store_change *changes, size_t n,
		  const atomic_bool *withdrawn, store_changed_fn done, void *ctx);
void store_changes_free(struct store_change *changes, size_t n);

/* Why nothing can be written for want of space; NULL when all is well. It is tried again every few
 * seconds. What could not be read: struct engine.unread_text. */
const char *store_problem(const struct store *store);

/*
 * Before anything is made in the directory of a cell. A removal that an earlier cell of the name
 * has left in the queue is called off: the directory is the new one's. -EAGAIN while it is being
 * removed right now.
 */
int store_take_dir(struct store *store, const char *key, struct error *err);

/* The file of an object or a container, relative to the run path. Free with free(). */
char *store_file_path(const char *key);

/* Writes what is dirty, then @closed runs. Call when the engine has closed. */
void store_close(struct store *store, void (*closed)(void *ctx), void *ctx);
