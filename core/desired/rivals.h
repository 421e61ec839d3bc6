/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cells of a space that a resolver takes for one: their names, or those of their stacks, differ in
 * case only. Which of them has the name: the one that has been Ready, else the one that has a
 * network, else the one that was wanted first. Another does not start, and says so; one that runs
 * already goes on.
 */
#pragma once

struct engine;
struct object;

/* The cell is wanted from now on, or not any more: the others are looked at. */
void rivals_changed(struct engine *engine, struct object *cell);
void rivals_forget(struct engine *engine, struct object *cell);

/* For the planner: sets the cell's rival. */
void rivals_prepare(struct engine *engine, struct object *cell);

/* Why no cell of this key can be made: whose the name is. NULL: it can. Free with free(). */
char *rivals_clash(struct engine *engine, const char *cell_key);
