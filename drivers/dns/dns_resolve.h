/* SPDX-License-Identifier: Apache-2.0 */
/* What host names stand for: the host's files and name servers. */
#pragma once

#include <stdatomic.h>

#include "core/driver/network.h"
#include "core/loop/op.h"

struct dns {
	struct ops *ops;           /* of the driver: its end waits for the questions */
	struct resolver *resolver; /* the one that takes questions; NULL: none */
	atomic_bool giving_up;     /* for workers that wait */
};

void dns_init(struct dns *dns, struct ops *ops);

/* The driver closes: whoever waits for answers does so no longer. */
void dns_give_up(struct dns *dns);

/* See struct network_ops. */
void dns_resolve(struct dns *dns, const char *host, bool v6, struct resolved *ret_resolved,
		 struct call *call);
