/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether what lost its declaration goes.
 *
 * A claim whose document is gone keeps its object for the prune grace. What happens then is decided
 * over that whole time, and for all ways of disappearing together:
 *
 *   - Declared again, in any file or over the API: nothing has happened.
 *   - A text that is there and not understood (errors, unreadable, being written) may hold the
 *     document: the claim is in doubt for as long as that is so, then its grace begins anew.
 *   - What led to its file is gone or hides it (a directory, link or mount): the claim is held.
 *   - Too many cells lost their declaration within one grace (the guard): all that was lost in it
 *     is held. That is: all cells that manifests declared, or more than the guard's share of them
 *     and at least its number. A lone last file that was seen to go by itself is excepted, and so
 *     is a lone cell that an edit of its file leaves out.
 *   - Else the claim is let go.
 *
 * A held claim is let go by hold_let_go() alone, and ends when its object is declared again; a
 * restart of the daemon does not end it (status.held of what is stored).
 *
 * Costs what was lost, and once a decision the words of the texts that are not understood: nothing
 * here walks all objects, and no loss walks all texts (tests/sim/test_hold_scale.c).
 */
#pragma once

#include "core/desired/claim.h"

/* The object is declared by this claim; from now on, or again. */
void hold_declared(struct engine *engine, struct claim *claim);

/* The document is gone. @hidden: what led to its file is gone, or unreadable, and how; with
 * -ENOENT it was taken away as a whole, which a guard that is off obeys. NULL: it is the document
 * itself that is gone. */
void hold_lost(struct engine *engine, struct claim *claim, const struct error *hidden);

/* From the store: a claim that was held for @why when the daemon ended. */
void hold_restore(struct engine *engine, struct claim *claim, const char *why);

/* The file's text that was not understood is there no longer, or another one: what it may have held
 * has its whole grace from now on. To be called before it is forgotten; may take its words. */
void hold_text_goes(struct engine *engine, struct desired_file *file);

/* For the end of the engine. */
void hold_forget_texts(struct desired *desired);

/* Texts have changed: what is in doubt is judged again. */
void hold_review(struct engine *engine);

/* The directory as a whole is well, or ill: the grace goes on or stands still. */
void hold_arm(struct engine *engine);

/* The claims of the object are others: what it is wanted as is found anew. */
void hold_claims_changed(struct engine *engine, struct object *object);

/* Lets a claim go that is lost, in doubt or held. Frees it, and its file when that has no other. */
void hold_let_go(struct engine *engine, struct claim *claim);
