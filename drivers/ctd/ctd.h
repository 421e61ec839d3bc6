/* SPDX-License-Identifier: Apache-2.0 */
/* The connection to containerd: what every call to it needs, whatever it is about. */
#pragma once

#include "core/loop/op.h"
#include "drivers/ctd/events.h"

struct ctd {
	struct ops ops; /* and the calls of events */
	struct rpc_channel *channel;
	char *socket, *snapshotter;
	char *instance;
	char *version;      /* NULL until containerd told it */
	struct list active; /* struct ctd_op.link: under way */
	struct events events;
};

struct ctd_options {
	const char *socket, *snapshotter, *instance; /* none is NULL */
};

void ctd_init(struct ctd *ctd, struct loop *loop, struct rpc *rpc,
	      const struct ctd_options *options);

/* Begins nothing any more; @ended runs once all that was under way has ended. */
void ctd_stop(struct ctd *ctd, void (*ended)(void *ctx), void *ctx);
void ctd_fini(struct ctd *ctd);
