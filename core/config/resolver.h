/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The resolvers that cells are given: those of the host that a cell can reach. Where the host asks
 * a stub of its own on loopback, the list that the stub keeps of the real ones is taken. Blocks.
 */
#pragma once

#include "core/base/buf.h"
#include "core/base/error.h"

struct resolver_files {
	const char *host; /* NULL: "/etc/resolv.conf" */
	const char *stub; /* NULL: where systemd-resolved lists the real ones */
};

#define RESOLVER_HOST_FILE "/etc/resolv.conf"
#define RESOLVER_STUB_FILE "/run/systemd/resolve/resolv.conf"

/* Appends the content of a cell's resolv.conf. *@ret_n: how many resolvers it names. A file that is
 * not there is an empty one. */
int resolver_read(const struct resolver_files *files, struct buf *ret, size_t *ret_n,
		  struct error *err);
