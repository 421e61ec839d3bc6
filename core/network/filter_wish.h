/* SPDX-License-Identifier: Apache-2.0 */
/* What the packet filter shall say, from what is known of spaces and cells. Pure. */
#pragma once

#include "core/driver/filter.h"

struct engine;

/* Whether everything is known that the filter speaks of: it is never replaced by half of it. */
bool filter_wish_is_known(const struct engine *engine);

/* Spaces by key; each with a network on the host, wanted or still going. */
void filter_wish_make(const struct engine *engine, struct filter_wish *ret);
