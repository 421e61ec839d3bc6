/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this driver share: the driver itself and the starting points of its parts. */
#pragma once

#include <stdatomic.h>

#include "drivers/containerd/containerd.h"
#include "drivers/ctd/ctd.h"
#include "drivers/ctd/ctd_op.h"
#include "drivers/images/images.h"
#include "drivers/logs/spool.h"
#include "drivers/oci/host.h"

struct containerd {
	struct runtime runtime;
	struct ctd ctd;
	struct host host;
	struct images images;
	char *resolv_conf;     /* may be NULL */
	char *volumes_dir;     /* may be NULL: images get no volumes */
	struct log_place logs; /* with strings of our own */
	struct list logs_made; /* struct task_log.link: their tasks are being created */
	atomic_bool closing;   /* read by threads */
	struct deferred deferred_close;
	void (*closed)(void *ctx);
	void *closed_ctx;
};

static inline struct containerd *containerd_of(struct runtime *runtime)
{
	return container_of(runtime, struct containerd, runtime);
}

static inline struct containerd *containerd_of_op(const struct op *op)
{
	return container_of(ctd_of(op), struct containerd, ctd);
}

static inline struct images *images_of(const struct op *op)
{
	return &containerd_of_op(op)->images;
}

/* The methods of struct runtime_ops, each in the file of its theme. */

/* namespace.c */
void namespace_ensure(struct runtime *runtime, const char *namespace_, const char *realm,
		      struct call *call);
void namespace_remove(struct runtime *runtime, const char *namespace_, struct call *call);
void namespace_list(struct runtime *runtime, struct strv *ret_namespaces, struct strv *ret_realms,
		    struct call *call);

/* runtime_facts.c */
void facts_list(struct runtime *runtime, const char *namespace_, struct container_facts *ret_facts,
		struct call *call);
void facts_inspect(struct runtime *runtime, const struct container_ref *ref,
		   struct container_fact *ret_fact, struct call *call);

/* records.c */
void container_create(struct runtime *runtime, const struct container_request *request,
		      char **ret_digest, struct call *call);

/* records_remove.c */
void container_remove(struct runtime *runtime, const struct container_ref *ref,
		      const struct log_owner *log, struct call *call);

/* task.c */
void task_create(struct runtime *runtime, const struct container_ref *ref,
		 const Api__ContainerSpec *spec, const struct log_owner *log, uint32_t *ret_pid,
		 struct call *call);
void task_start(struct runtime *runtime, const struct container_ref *ref,
		const Api__ContainerSpec *spec, struct call *call);
void task_signal(struct runtime *runtime, const struct container_ref *ref, int signal,
		 struct call *call);
void task_delete(struct runtime *runtime, const struct container_ref *ref, struct call *call);
void task_kill_shim(struct runtime *runtime, const struct container_ref *ref, struct call *call);

/* runtime_inventory.c */
void inventory_take(struct runtime *runtime, struct host_things *ret_things, struct call *call);

/* runtime_discard.c */
void inventory_discard(struct runtime *runtime, const struct host_thing *thing, struct call *call);
