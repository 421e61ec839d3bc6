/* SPDX-License-Identifier: Apache-2.0 */
/* A round of probes: packets of ours led the way that packets of cells go, and what became of
 * them. */
#pragma once

#include "drivers/nft/netfilter.h"

/* Method of struct network_ops. */
void netfilter_probe(struct netfilter *netfilter, struct traffic *traffic, struct call *call);
