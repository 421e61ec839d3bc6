/* SPDX-License-Identifier: Apache-2.0 */
/* What it costs. For tests: nothing of the product includes it. */
#pragma once

#include "core/journal/journal.h"

void journal_get_stats(const struct journal *journal, struct journal_stats *ret_stats);
