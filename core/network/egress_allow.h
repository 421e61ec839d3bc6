/* SPDX-License-Identifier: Apache-2.0 */
/* What an egress policy allows, as ranges of addresses and ports that do not overlap. Pure. */
#pragma once

#include "core/driver/filter.h"

/*
 * Covers what @items cover, by ranges of which no two of the same kind and family overlap, in
 * order: the kernel takes no others. Free @ret_settled with free(). O(n * number of different
 * addresses).
 */
void egress_allow_settle(const struct filter_allow *items, size_t n,
			 struct filter_allow **ret_settled, size_t *ret_n);
