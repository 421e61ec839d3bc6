/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this driver share: the driver itself and the starting points of its parts. */
#pragma once

#include "core/base/map.h"
#include "core/loop/pending.h"
#include "drivers/containerd/containerd.h"
#include "drivers/containerd/events.h"
#include "drivers/containerd/host.h"

struct containerd {
	struct runtime runtime;
	struct loop *loop;
	struct rpc_channel *channel;
	char *socket, *snapshotter, *resolv_conf; /* resolv_conf may be NULL */
	char *instance;
	char *version; /* NULL until containerd told it */
	struct host host;
	struct list ops;       /* struct op.link: under way */
	struct map images;     /* struct image.node */
	struct list resolving; /* struct image_op.link */
	struct events events;

	bool closing;             /* no RPC may start any more */
	struct pending under_way; /* ops, and the calls of events */
	struct deferred deferred_close;
	void (*closed)(void *ctx);
	void *closed_ctx;
};

static inline struct containerd *containerd_of(struct runtime *runtime)
{
	return container_of(runtime, struct containerd, runtime);
}

/* The methods of struct runtime_ops, each in the file of its theme. */

/* namespace.c */
void namespace_ensure(struct runtime *runtime, const char *namespace_, const char *realm,
		      struct call *call);
void namespace_remove(struct runtime *runtime, const char *namespace_, struct call *call);
void namespace_list(struct runtime *runtime, struct strv *ret_namespaces, struct strv *ret_realms,
		    struct call *call);

/* facts.c */
void facts_list(struct runtime *runtime, const char *namespace_, struct container_facts *ret_facts,
		struct call *call);
void facts_inspect(struct runtime *runtime, const struct container_ref *ref,
		   struct container_fact *ret_fact, struct call *call);

/* resolve.c. @ret_digest may be NULL. */
void image_resolve(struct runtime *runtime, const char *namespace_, const char *image,
		   char **ret_digest, struct call *call);

/* container.c */
void container_create(struct runtime *runtime, const struct container_request *request,
		      char **ret_digest, struct call *call);
void container_remove(struct runtime *runtime, const struct container_ref *ref, struct call *call);

/* task.c */
void task_create(struct runtime *runtime, const struct container_ref *ref,
		 const Api__ContainerSpec *spec, uint32_t *ret_pid, struct call *call);
void task_start(struct runtime *runtime, const struct container_ref *ref,
		const Api__ContainerSpec *spec, struct call *call);
void task_signal(struct runtime *runtime, const struct container_ref *ref, int signal,
		 struct call *call);
void task_delete(struct runtime *runtime, const struct container_ref *ref, struct call *call);
void task_kill_shim(struct runtime *runtime, const struct container_ref *ref, struct call *call);

/* inventory.c */
void inventory_take(struct runtime *runtime, struct host_things *ret_things, struct call *call);

/* discard.c */
void inventory_discard(struct runtime *runtime, const struct host_thing *thing, struct call *call);
