/* SPDX-License-Identifier: Apache-2.0 */
/* Asks the name servers for the hosts of egress policies (core/network/network_egress.h). */
#pragma once

#include "core/network/network_egress.h"

/* A new host: it is asked for before those whose answers have aged. */
void egress_ask_first(struct engine *engine, struct egress_host *host);

/* Nobody is to hear of it any more. */
void egress_ask_forget(struct egress_host *host);

/* For core/network/network_egress.c: some name stands for something else, was asked for the first
 * time in vain, or its problem is another. */
void egress_news(struct engine *engine);
