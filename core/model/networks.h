/* SPDX-License-Identifier: Apache-2.0 */
/* Further spaces of a cell: what its containers' networks name. Pure. */
#pragma once

#include "core/model/model.h"

/* Interfaces that a cell has beside the one in its own space. */
enum { NETWORKS_MAX_JOINS = 16 };

/*
 * The key of the space that an entry of networks names: "space" is one of @realm, "realm/space" any
 * realm's. NULL when it is neither. Free with free().
 */
char *networks_space_key(const char *entry, const char *realm);

/* The keys of the spaces that a cell joins: those of all its containers, each once, sorted, without
 * its own. Entries that are not valid are left out. */
void networks_of_cell(const Api__CellSpec *spec, struct strv *ret_space_keys);
