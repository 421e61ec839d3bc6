/* SPDX-License-Identifier: Apache-2.0 */
/* One CNI command over all plugins of a list: ADD in order, each with the result of the one before;
 * DEL in reverse. */
#pragma once

#include "drivers/conf/conflist.h"
#include "drivers/conf/result.h"
#include "drivers/plugins/exec.h"

enum chain_command { CHAIN_ADD, CHAIN_DEL };

struct chain_request {
	enum chain_command command;
	const struct conflist *list; /* the caller keeps it until the call ends */
	const char *bin_dirs;
	const char *container_id;
	const char *interface; /* inside the namespace: "eth0" */
	const char *netns;     /* "" on DEL when it is gone */
	struct interface_wish wish;
	json_t *result; /* DEL: what ADD returned, or NULL */
};

/* On DEL a plugin that does not know the container has done its work. @ret_result is for ADD only.
 */
void chain_run(struct exec_pool *pool, struct loop *loop, const struct chain_request *request,
	       struct cni_result *ret_result, struct call *call);
