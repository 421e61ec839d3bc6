/* SPDX-License-Identifier: Apache-2.0 */
/* The tree of realms, spaces, stacks and cells. */
#pragma once

#include "core/driver/inventory.h"
#include "core/driver/seam.h"

struct cgroup_fact {
	char *key;
	bool exists;
	bool populated;          /* some process lives in it or below */
	struct strv controllers; /* cgroup.subtree_control */
	bool incomplete; /* a controller that ensure() enables is offered, but not enabled */
};

void cgroup_fact_fini(struct cgroup_fact *fact);

struct cgroup_facts {
	struct cgroup_fact *items;
	size_t n;
	struct error problem; /* code 0: that are all; else some may be missing, because of this */
};

void cgroup_facts_fini(struct cgroup_facts *facts);

struct cgroup_listener {
	void *ctx;
	void (*on_cell)(void *ctx,
			const char *cell_key); /* populated changed, or the cgroup vanished */
	void (*on_lost)(void *ctx);            /* events were lost: look at every cell */
};

struct cgroup_driver;

struct cgroup_ops {
	/* Cells found by list() or made by ensure() are watched until they are removed. Call once.
	 */
	void (*start)(struct cgroup_driver *cgroup, const struct cgroup_listener *listener);
	void (*close)(struct cgroup_driver *cgroup, void (*closed)(void *ctx), void *ctx);

	/* Makes the cgroup of @key (its parents exist) and enables on it the controllers that
	 * exist: cpu, memory, io and pids, or with @all_controllers all. None is disabled. @key ""
	 * is the root of ours. */
	void (*ensure)(struct cgroup_driver *cgroup, const char *key, bool all_controllers,
		       struct cgroup_fact *ret_fact, struct call *call);
	void (*inspect)(struct cgroup_driver *cgroup, const char *key, struct cgroup_fact *ret_fact,
			struct call *call);
	/* Realms, spaces, stacks and cells; what lies below a cell is the cell's. One that cannot
	 * be read is no failure but the facts' problem. */
	void (*list)(struct cgroup_driver *cgroup, struct cgroup_facts *ret_facts,
		     struct call *call);
	/* SIGKILL to everything in it, at once. Does not wait; the hint comes when it is empty. */
	void (*kill)(struct cgroup_driver *cgroup, const char *key, struct call *call);
	/* rmdir, deepest first. -EBUSY while something lives in it. */
	void (*remove)(struct cgroup_driver *cgroup, const char *key, struct call *call);

	/* How many processes the kernel killed for want of memory in the leaf of a container's run
	 * ("/kukeon/r/s/t/c/c_root"); 0 also when it is gone or the controller is not there. */
	void (*count_oom_kills)(struct cgroup_driver *cgroup, const char *leaf, uint64_t *ret_kills,
				struct call *call);

	/* As in struct runtime_ops. */
	void (*inventory)(struct cgroup_driver *cgroup, struct host_things *ret_things,
			  struct call *call);
	void (*discard)(struct cgroup_driver *cgroup, const struct host_thing *thing,
			struct call *call);

	/* Controllers that the host offers to us; valid after the first ensure(). Owned by the
	 * driver. */
	const struct strv *(*controllers)(struct cgroup_driver *cgroup);
};

struct cgroup_driver {
	const struct cgroup_ops *ops;
};
