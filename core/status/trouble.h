/* SPDX-License-Identifier: Apache-2.0 */
/* Which reasons warn, in the events. Pure. */
#pragma once

#include "core/state/reason.h"

/* Somebody should look at it. */
bool reason_is_trouble(enum reason reason);
