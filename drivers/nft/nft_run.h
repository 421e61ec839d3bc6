/* SPDX-License-Identifier: Apache-2.0 */
/* libnftables for several threads: it keeps names of links and the like for the whole process, so
 * one uses it at a time. It ends the process without netlink: ask nft_generation() before. */
#pragma once

#include <nftables/libnftables.h>

#include "core/base/error.h"

/* NULL: it cannot be used. What it says is kept for its owner. */
struct nft_ctx *nft_open(void);

/* 0, or not: then nft_ctx_get_error_buffer() says why. */
int nft_run(struct nft_ctx *nft, const char *text);

/* What it owns in the kernel goes. */
void nft_close(struct nft_ctx *nft);

/* All three, once. @flags: NFT_CTX_OUTPUT_*; @ret_output NULL: nobody asks, else to be freed with
 * free(). -EIO: it was refused, in libnftables' words. */
int nft_run_once(const char *text, unsigned flags, char **ret_output, struct error *err);
