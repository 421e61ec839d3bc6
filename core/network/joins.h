/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cells in further spaces: which ones a cell is to join, what is seen of that, and who has to be
 * looked at again when a cell or a space changes.
 *
 * A join stands between two objects, neither above the other. The planner reads one object alone,
 * so what it has to know of the other side is brought to it right before it is asked.
 */
#pragma once

#include "core/state/engine.h"

/* The spec of a cell has changed: it joins what its containers name now. */
void joins_want(struct engine *engine, struct object *cell);

/* Brings what the planner reads: to a cell the spaces that it joins, to a space how many have
 * joined it. Joins that are neither wanted nor seen go. */
void joins_prepare(struct engine *engine, struct object *object);

/* What is seen of a cell's join. A zeroed fact: there is nothing. */
void joins_observed(struct engine *engine, struct join *join, const struct join_fact *fact);

/* The cell's network has been taken down. */
void joins_observed_none(struct engine *engine, struct object *cell);

/* The cell's join of a space, made when there is none. */
struct join *joins_get(struct engine *engine, struct object *cell, const char *space_key);

/* The space came, went or changed its state: those that join it look again, at once. */
void joins_space_changed(struct engine *engine, const struct object *space);

/* Whether some cell that has joined the space is being attached to it or detached. */
bool joins_are_changing(struct engine *engine, const char *space_key);

/* The spaces that a cell's spec names and that nobody declares. */
void joins_find_unknown(struct engine *engine, const Api__CellSpec *spec,
			struct strv *ret_space_keys);

/* Forgets all joins of a cell that is forgotten. */
void joins_forget(struct engine *engine, struct object *cell);

/* For status, and back from a stored one. */
void joins_render(const struct object *cell, Api__CellStatus *status);
void joins_restore(struct object *cell, const Api__CellStatus *status);
