/* SPDX-License-Identifier: Apache-2.0 */
/* What came of a round, and what is known of a space. Private to the passage. */
#pragma once

#include "core/passage/passage.h"
#include "core/state/space_passage.h"

/* Its status says so. */
bool passage_is_told(const struct space_passage *known);

/* It is asked before others. */
bool passage_is_marked(const struct space_passage *known);

/* What a round says of one space. */
void passage_note_space(struct engine *engine, const struct traffic_space *space);

/* Nothing is known of what cannot be asked any more. */
void passage_forget_space(struct engine *engine, struct object *object);

/* @why: nothing can be asked; NULL: it can. */
void passage_note_impossible(struct engine *engine, const char *why);
