/* SPDX-License-Identifier: Apache-2.0 */
/* The rows of the table of actions, by the file that has them. Private to core/reconcile/act*.c. */
#pragma once

#include "core/reconcile/act.h"

/* What an action works on. */
enum act_on { ON_CGROUP, ON_OWN, ON_NETWORK, ON_JOIN, ON_CONTAINER };

struct act {
	enum act_on on;
	void (*start)(struct run *run);
	void (*succeeded)(struct run *run); /* facts from it */
	void (*failed)(struct run *run);    /* what is not known for sure now */
};

/* Each has rows for its own actions and nothing for the others. */
extern const struct act act_layers[ACTION_COUNT];     /* realms, spaces, cgroups */
extern const struct act act_networks[ACTION_COUNT];   /* the network of a cell */
extern const struct act act_joins[ACTION_COUNT];      /* its further spaces */
extern const struct act act_containers[ACTION_COUNT]; /* containers */
extern const struct act act_tasks[ACTION_COUNT];      /* their tasks */

/* The containerd namespace of the object's realm. From its first use on it stands. */
const char *act_namespace(struct object *object);

/* Before files of the cell are made. False: not yet, and the action has failed. */
bool act_takes_dir(struct run *run);

/* For actions whose failure, or success, leaves nothing to note. */
void act_nothing(struct run *run);
