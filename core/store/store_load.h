/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was read of the store (core/store/store_read.h) into the engine. Private to it.
 *
 * What cannot be read may declare anything: the objects that it concerns, and all below a directory
 * that cannot be listed, are kept as they are (struct object.unread) until it can.
 */
#pragma once

#include "core/state/engine.h"

/* Blocking, at the start. Brings every stored object back; what is damaged is set aside and
 * reported. */
void store_load(struct engine *engine);

/* What is to be read again: objects by themselves, and with all below them ("": everything). */
void store_unread_keys(const struct engine *engine, struct strv *ret_files, struct strv *ret_trees);

/* What cannot be read and why; NULL: all has been read. Free with free(). */
char *store_unread_text(const struct engine *engine);

/* What was found on reading that again; struct stored.link, emptied. Only what still waits for it
 * is changed. */
void store_load_again(struct engine *engine, struct list *stored);

/* "realm.yaml", ... */
const char *store_file_name(enum kind kind);

/* Blocking. To <path>.damaged. */
void store_rename_damaged(const char *path);

/* The same, later, on a worker. */
void store_set_aside(struct store *store, const char *path);

/* Its directory is to be removed. */
bool store_is_removing(const struct store *store, const char *key);
