/* SPDX-License-Identifier: Apache-2.0 */
/* nftables of ours, by name. Blocks for some milliseconds: worker threads only. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/base/str.h"

/* What the names of our tables begin with. */
#define NFT_TABLE "kukeon"

/* The number of the kernel's last transaction. */
int nft_generation(uint32_t *ret, struct error *err);

/* Adds those whose name begins as ours do, as "<family>/<name>" ("inet/kukeon"). A kernel without
 * nftables has none. */
int nft_list_tables(struct strv *ret_tables, struct error *err);

/* Whether anybody has tables of this family, NFPROTO_BRIDGE. False where that cannot be told. */
bool nft_has_tables(uint8_t family);

/* With all that is in it. Gone already: 0. */
int nft_delete_table(const char *table, struct error *err);
