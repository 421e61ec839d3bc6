/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/ctd/ctd.h"

#include "drivers/ctd/ctd_op.h"

void ctd_init(struct ctd *ctd, struct loop *loop, struct rpc *rpc,
	      const struct ctd_options *options)
{
	AUTO_FREE char *target = xasprintf("unix:%s", options->socket);

	ops_init(&ctd->ops, loop);
	ctd->ops.explain = ctd_explain;
	ctd->ops.ended = ctd_ended;
	ctd->socket = xstrdup(options->socket);
	ctd->instance = xstrdup(options->instance);
	ctd->snapshotter = xstrdup(options->snapshotter);
	ctd->events.ctd = ctd;
	ctd->events.socket_wd = -1;
	list_init(&ctd->active);
	ctd->channel = rpc_channel_new(rpc, target);
}

void ctd_stop(struct ctd *ctd, void (*ended)(void *ctx), void *ctx)
{
	check(!ctd->ops.closing);
	events_close(&ctd->events);
	rpc_channel_free(take_ptr(ctd->channel));
	ops_close(&ctd->ops, ended, ctx);
}

void ctd_fini(struct ctd *ctd)
{
	events_fini(&ctd->events);
	free(ctd->socket);
	free(ctd->snapshotter);
	free(ctd->instance);
	free(ctd->version);
}
