/* SPDX-License-Identifier: Apache-2.0 */
/* Start, stop, kill and restart: what becomes of a cell that somebody, or kukeond by itself, has
 * told one of these. */
#pragma once

#include "core/state/engine.h"

struct run_order {
	struct object *cell;
	struct container *container; /* NULL: the cell as a whole */
	enum run_intent intent;      /* INTENT_RUN: start */
	bool pull; /* with a restart: the registry is asked first, for what the image stands for */
};

/* A restart of the root takes the cell along. */
bool run_order_concerns_cell(const struct run_order *order);

/* What has failed is tried at once. Tells nobody that the cell has changed. */
void run_order_apply(struct engine *engine, const struct run_order *order);
