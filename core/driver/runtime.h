/* SPDX-License-Identifier: Apache-2.0 */
/* Containers and their tasks. */
#pragma once

#include "core/driver/exec_session.h"
#include "core/driver/inventory.h"
#include "core/driver/seam.h"
#include "core/driver/task_state.h"

/* What the runtime knows about one container of ours. */
struct container_fact {
	char *id;        /* containerd id */
	char *cell_key;  /* from the labels */
	char *role;      /* "root" or the container's id */
	char *container; /* the container's id in the manifest */
	char *spec_hash; /* "" when there is no record */
	char *image_digest; /* of the image that the record was made from; "": it is not known */
	bool record;     /* containerd has the container */
	bool snapshot;   /* its writable snapshot exists */
	enum task_state task;
	uint32_t pid;
	uint32_t exit_code;   /* 128 + n when signal n ended it */
	int64_t exited_at_ms; /* wall clock, since the epoch */
	/* By list() alone: only inspect() can tell. The task's shim did not answer, or there is a
	 * record without a task: containerd leaves out what it could not ask after. */
	bool unclear;
	/* Something was killed for want of memory in the run that is on or ended last: core's to
	 * fill in, from the cgroup; the runtime does not know. */
	bool oom_killed;
};

void container_fact_fini(struct container_fact *fact);

struct container_facts {
	struct container_fact *items;
	size_t n;
};

void container_facts_fini(struct container_facts *facts);

/* A container in a namespace; strings are read inside the method only. */
struct container_ref {
	const char *namespace_;
	const char *id;
};

/* Whose log it is what a container prints. */
struct log_owner {
	const char *cell_key;
	const char *container; /* its id in the manifest; NULL, to remove: those of all its cell */
};

struct container_request {
	struct container_ref ref;
	const char *cell_key;
	const char *role;
	const char *spec_hash;
	const char *group_id;    /* containerd id of the cell's root: one shim per cell */
	const char *netns_path;  /* pinned namespace; need not exist yet */
	const char *cgroup_path; /* leaf below the mount, "/kukeon/r/s/t/c/c_root" */
	const char *hostname;
	const char *hosts_path; /* host file to mount over /etc/hosts; the caller keeps it there */
	const char *hostname_path; /* the same for /etc/hostname */
	const Api__ContainerSpec *spec;
};

struct runtime_listener {
	void *ctx;
	void (*on_container)(void *ctx, const char *namespace_,
			     const char *id); /* look at this one */
	/* The kernel killed something in it for want of memory, perhaps some time ago. */
	void (*on_oom)(void *ctx, const char *namespace_, const char *id);
	void (*on_image)(void *ctx, const char *namespace_); /* an image came or changed */
	void (*on_up)(void *ctx); /* subscribed: look at everything now */
	void (*on_down)(void *ctx,
			const struct error *why); /* cannot be asked; on_up follows some time */
	void (*on_answered)(void *ctx);           /* what ask() waited for has come */
};

struct runtime;

struct runtime_ops {
	/* Connects and subscribes, for ever. Call once. */
	void (*start)(struct runtime *runtime, const struct runtime_listener *listener);
	void (*close)(struct runtime *runtime, void (*closed)(void *ctx), void *ctx);

	void (*ensure_namespace)(struct runtime *runtime, const char *namespace_, const char *realm,
				 struct call *call);
	/* Deletes the namespace if nothing is in it; images that users put there keep it, which is
	 * success too. */
	void (*remove_namespace)(struct runtime *runtime, const char *namespace_,
				 struct call *call);
	/* Namespaces that carry our label: parallel lists of names and realms. */
	void (*list_namespaces)(struct runtime *runtime, struct strv *ret_namespaces,
				struct strv *ret_realms, struct call *call);

	/* All containers, snapshots and tasks of ours in a namespace (by label; strangers are left
	 * out). */
	void (*list)(struct runtime *runtime, const char *namespace_,
		     struct container_facts *ret_facts, struct call *call);
	/* One of them. Nothing there at all is success with record, snapshot false and TASK_NONE.
	 */
	void (*inspect)(struct runtime *runtime, const struct container_ref *ref,
			struct container_fact *ret_fact, struct call *call);

	/* The image is there and unpacked: success, with the digest that its name stands for now, to
	 * be freed with free(). -ENOENT when it is not there. */
	void (*resolve_image)(struct runtime *runtime, const char *namespace_, const char *image,
			      char **ret_digest, struct call *call);

	/* Snapshot and record; the digest of the image that they are of, to be freed with free().
	 * -EEXIST when a record of another spec stands in the way, -ASIDE_HANGS when a path that it
	 * names on the host does not answer. */
	void (*create)(struct runtime *runtime, const struct container_request *request,
		       char **ret_digest, struct call *call);
	/* Record and snapshot; the task must be gone. @log: its log files too, as it is for good;
	 * NULL: they stay for the one that comes in its place. That log files cannot be taken away
	 * is no failure: the inventory finds them. */
	void (*remove)(struct runtime *runtime, const struct container_ref *ref,
		       const struct log_owner *log, struct call *call);

	/* @spec, that the container was created from (NULL: not known), says which paths of the
	 * host it mounts: -ASIDE_HANGS when one does not answer, and nothing was sent there; and
	 * where what it prints goes, which is lost without @log. */
	void (*task_create)(struct runtime *runtime, const struct container_ref *ref,
			    const Api__ContainerSpec *spec, const struct log_owner *log,
			    uint32_t *ret_pid, struct call *call);
	/* @spec as above: its filesystems in memory have the modes that it says before anything in
	 * the container runs. */
	void (*task_start)(struct runtime *runtime, const struct container_ref *ref,
			   const Api__ContainerSpec *spec, struct call *call);
	/* Success also when there is nothing to signal any more. SIGKILL reaches every process of
	 * the container. @signal 0 is the one that the image wants to be stopped with, SIGTERM when
	 * it names none. */
	void (*task_signal)(struct runtime *runtime, const struct container_ref *ref, int signal,
			    struct call *call);
	/* Deletes a task that is not running. */
	void (*task_delete)(struct runtime *runtime, const struct container_ref *ref,
			    struct call *call);
	/* SIGKILL to the shim that serves @ref and its group, for one that answers nobody: only
	 * when nothing of the cell shall live on. Containerd then clears its tasks away, with
	 * hints. -ENOENT: there is none. */
	void (*kill_shim)(struct runtime *runtime, const struct container_ref *ref,
			  struct call *call);

	/* Runs a command beside the container's own process; any number of them at once. Ends when
	 * nothing is left of it: with 0 after on_exit, -ECANCELED after exec_cancel(), -ENOENT when
	 * the container does not run. What is asked for below is of one between exec() and
	 * on_exit; else nothing happens. */
	void (*exec)(struct runtime *runtime, struct exec_session *session, struct call *call);
	/* Output that was not taken can be taken now. */
	void (*exec_resume)(struct runtime *runtime, struct exec_session *session);
	/* How much of @len was taken; when less, on_room follows, or the end. */
	size_t (*exec_give)(struct runtime *runtime, struct exec_session *session,
			    const void *data, size_t len);
	/* One at a time for each session. */
	void (*exec_control)(struct runtime *runtime, struct exec_session *session,
			     const struct exec_control *control, struct call *call);
	/* Nobody wants it any more: SIGHUP, and SIGKILL when that does not end it. */
	void (*exec_cancel)(struct runtime *runtime, struct exec_session *session);

	/* Everything that is ours, with whose it is. Things may come and go while it is taken: one
	 * that nobody owns is left over only if the next inventory says so too. */
	void (*inventory)(struct runtime *runtime, struct host_things *ret_things,
			  struct call *call);
	/* Takes away a thing that an inventory gave without an owner. Looks first whether it has
	 * one by now (-EBUSY). For what has an owner's key there are the methods above. */
	void (*discard)(struct runtime *runtime, const struct host_thing *thing, struct call *call);

	/* "1.6.20" once known, else NULL. */
	const char *(*version)(struct runtime *runtime);

	/* Somebody waits for what it knows: makes sure that it still answers, unless it has done so
	 * just now. When it does not, on_down follows in some seconds. How long it has been asked
	 * in vain, in milliseconds; 0: it has answered, or on_down has said that it does not. */
	uint64_t (*ask)(struct runtime *runtime);
};

struct runtime {
	const struct runtime_ops *ops;
};
