/* SPDX-License-Identifier: Apache-2.0 */
/* What of a host's resolv.conf means something inside a cell. Pure. */
#pragma once

#include "core/base/buf.h"

enum { RESOLV_MAX_BYTES = 64 * 1024 };

/*
 * Appends the lines of @host that count in a cell: search, domain, options and sortlist as they
 * are, and the resolvers that can be reached from another network namespace: neither loopback nor
 * "this host" nor link-local. Returns how many resolvers that are; IPv6 ones count.
 */
size_t resolv_render(const char *host, struct buf *ret);
