/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tree below the run path: <realm>/realm.yaml, <realm>/<space>/space.yaml, .../stack.yaml,
 * .../cell.yaml and <cell>/containers/<container>.yaml, each a document with spec and status.
 *
 * Written a little after things have settled, on worker threads, one object at a time, each file
 * atomically; never on the way to Ready. Read once, at start: it brings back what only we know
 * (times, counters, addresses to ask for) and the last good documents of manifests that cannot be
 * read now.
 */
#pragma once

#include "core/engine.h"

/* Reads the tree into the engine and from then on follows its changes. A file that cannot be read
 * is renamed to <file>.damaged and reported; it never stops us. */
int store_open(struct store **ret_store, struct engine *engine, struct error *err);

/* Writes what is dirty, then @closed runs. Call when the engine has closed. */
void store_close(struct store *store, void (*closed)(void *ctx), void *ctx);
