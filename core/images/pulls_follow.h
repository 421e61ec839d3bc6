/* SPDX-License-Identifier: Apache-2.0 */
/* What containers have to do with the lane of pulls. */
#pragma once

#include "core/images/pulls.h"

struct plan;

/* Before a cell is planned: images that others wait for are missing for its containers too, so that
 * not each looks for itself. */
void pulls_prepare(struct engine *engine, struct object *cell);

/* What its plan waits for is wanted from the lane; what it does not wait for any more is let go. */
void pulls_follow(struct engine *engine, struct object *cell, const struct plan *plan);

/* It waits for nothing any more. */
void pulls_leave(struct container *container);

/*
 * The image of a container, which it cannot do without, was not found by a look that began at
 * @since (engine.seq). 0: it is to be pulled, or looked for again; else @err says why not.
 */
int pulls_judge_missing(const struct engine *engine, const struct container *container,
			uint64_t since, struct error *err);

/* Its image has been pulled since then: what was seen before tells nothing of it. */
bool pulls_came_since(const struct engine *engine, const struct container *container,
		      uint64_t since);

/* An image of the realm came or changed by whatever hand. */
void pulls_look_again(struct engine *engine, struct container *container);
