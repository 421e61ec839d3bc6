/* SPDX-License-Identifier: Apache-2.0 */
/* create_netns. */
#include "drivers/cni/cni_private.h"
#include "drivers/netns/netns.h"

struct netns_op {
	struct op op;
	char *path;
};

static int create_netns(struct op *op, struct error *err)
{
	struct netns_op *netns = container_of(op, struct netns_op, op);

	return netns_create(netns->path, err);
}

static void on_netns_finish(struct op *op, int status UNUSED)
{
	struct netns_op *netns = container_of(op, struct netns_op, op);

	free(netns->path);
	free(netns);
}

static const struct step netns_steps[] = {
	{ .name = "create the network namespace", .blocking = create_netns },
	{ 0 },
};

void cni_create_netns(struct network *network, const char *cell_key, struct call *call)
{
	struct cni *cni = container_of(network, struct cni, network);
	struct netns_op *netns = xnew(struct netns_op);

	netns->path = cni_netns_path(cni, cell_key);
	op_start(&netns->op, &cni->ops, netns_steps, on_netns_finish, call);
}
