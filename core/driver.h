/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The three seams: runtime (containerd), network (CNI), cgroup. Each has the real driver and a
 * fake.
 *
 * Rules for every method with a struct call:
 *   - it returns at once; the call completes exactly once, later (core/loop/call.h);
 *   - it is idempotent: what is there already as wanted, or gone already, is success;
 *   - requests are copied or used up before the method returns, unless the field's comment says
 *     otherwise;
 *   - ret_* is written before the call completes with 0 and untouched otherwise; the caller keeps
 *     it alive;
 *   - at most one call per object (cell network, container, cgroup, space, namespace) is under
 *     way: core sees to that;
 *   - errors are errno with a text that names the object and what to do; error_is_transient()
 *     decides about retries;
 *   - every call has its own deadline inside the driver and ends with -ETIMEDOUT when it passes.
 *
 * Hints may come at any time, may repeat, may be missing: they only say where to look.
 */
#pragma once

#include "api/kukeon.pb-c.h"
#include "core/base/ip.h"
#include "core/base/str.h"
#include "core/loop/call.h"

/* ---- inventory: what of ours is on the host, thing by thing ---- */

/* In the order in which what nobody owns is taken away. */
enum host_kind {
	HOST_SHIM,
	HOST_TASK,
	HOST_CONTAINER,
	HOST_SNAPSHOT,
	HOST_LEASE,
	HOST_VETH,
	HOST_IPAM,
	HOST_NETNS,
	HOST_MOUNT,
	HOST_BRIDGE,
	HOST_CONFLIST,
	HOST_NFT,
	HOST_CGROUP,
	HOST_JOURNAL,
	HOST_KIND_COUNT,
};

/* "veth" */
const char *host_kind_name(enum host_kind kind);

/* One thing that is ours by its name, label or place. */
struct host_thing {
	enum host_kind kind;
	char *name;  /* of all of its kind only this one has it: a path, a link, "<namespace>/<id>"
		      */
	char *owner; /* key of the object that its name, label or record tells of; NULL: of none */
	char *id;    /* containerd id when it is of one container of the owner, else NULL */
	/* The owner, a cell, or some cell of the owner, a space, may have made it and nobody wrote
	 * that down: it is theirs while one of them is not attached for certain. */
	bool unnamed;
	bool in_use; /* the driver works with it at this moment */
	char *why;   /* without an owner: in words */
};

/* A zeroed struct is empty. */
struct host_things {
	struct host_thing *items;
	size_t n;
};

/* Copies @name and @owner (may be NULL). The thing is valid until the next one is added. */
struct host_thing *host_things_add(struct host_things *things, enum host_kind kind,
				   const char *name, const char *owner);
void host_things_take(struct host_things *things, struct host_things *from);
void host_thing_fini(struct host_thing *thing);
void host_things_fini(struct host_things *things);

/* ---- runtime: containers and their tasks ---- */

enum task_state {
	TASK_NONE,    /* no task, or no container */
	TASK_CREATED, /* runc create done, the process waits for start */
	TASK_RUNNING,
	TASK_PAUSING,
	TASK_PAUSED,
	TASK_STOPPED, /* exited, not yet deleted: exit_code and exited_at are valid */
};

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
	/* Record and snapshot; the task must be gone. */
	void (*remove)(struct runtime *runtime, const struct container_ref *ref, struct call *call);

	/* @spec, that the container was created from (NULL: not known), says which paths of the
	 * host it mounts: -ASIDE_HANGS when one does not answer, and nothing was sent there. */
	void (*task_create)(struct runtime *runtime, const struct container_ref *ref,
			    const Api__ContainerSpec *spec, uint32_t *ret_pid, struct call *call);
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

	/* Everything that is ours, with whose it is. Things may come and go while it is taken: one
	 * that nobody owns is left over only if the next inventory says so too. */
	void (*inventory)(struct runtime *runtime, struct host_things *ret_things,
			  struct call *call);
	/* Takes away a thing that an inventory gave without an owner. Looks first whether it has
	 * one by now (-EBUSY). For what has an owner's key there are the methods above. */
	void (*discard)(struct runtime *runtime, const struct host_thing *thing, struct call *call);

	/* "1.6.20" once known, else NULL. */
	const char *(*version)(struct runtime *runtime);
};

struct runtime {
	const struct runtime_ops *ops;
};

/* ---- network: CNI networks and attachments ---- */

struct space_request {
	const char *space_key;
	const char *conf_dir; /* NULL: the driver's default */
	/* NULL or "": what the conflist on disk says, else the next free range */
	const char *subnet;
	bool ipv6;           /* dual stack: */
	const char *subnet6; /* as subnet */
	/* Write the conflist by today's rules, whatever stands there; the range and the bridge of
	 * cells that are attached stay. */
	bool regenerate;
};

struct space_fact {
	char *space_key;
	char *conflist; /* path */
	char *bridge;
	char *subnet;  /* CIDR */
	char *subnet6; /* NULL: it is not dual stack */
	/* What of it is not as it was made, in words; NULL: nothing, as far as list() can see */
	char *drift;
};

void space_fact_fini(struct space_fact *fact);

/* The place of one cell in a further space: an interface beside the one in its own. */
struct join_fact {
	char *space_key;
	char *interface; /* inside: "eth1"; NULL: not known */
	bool attached;   /* this and the others as in struct attachment_fact */
	char *ip, *ip6, *bridge, *link, *reservation, *reservation6, *drift;
};

void join_fact_fini(struct join_fact *fact);

/* The network of one cell. */
struct attachment_fact {
	char *cell_key;
	bool pinned;       /* its network namespace is pinned */
	bool earlier_boot; /* what was attached, was so before the host started anew */
	bool intent; /* something may have been attached and wants detach() before the next attach()
		      */
	/* ADD of the whole chain succeeded, its result is known, and what it made is still there:
	 * the pin of that namespace, both ends of the interface, what is inside (addresses, the way
	 * out), the reserved address */
	bool attached;
	char *ip;  /* without prefix; NULL unless attached */
	char *ip6; /* NULL: the space is not dual stack either */
	char *bridge;
	uint64_t netns_inode; /* of the namespace it was attached in; 0: not known */
	char *link;           /* the host's end of its interface; NULL: not known */
	char *reservation;    /* the file that reserves its address; NULL: there is none */
	char *reservation6;   /* the same of ip6 */
	char *drift;          /* what was attached and is not any more: why, in words; else NULL */
	/* By list() alone: every join that is on record; what is above does not speak of them,
	 * but for intent, which they keep true too. */
	struct join_fact *joins;
	size_t n_joins;
};

void attachment_fact_fini(struct attachment_fact *fact);

struct network_facts {
	struct space_fact *spaces;
	size_t n_spaces;
	struct attachment_fact *attachments; /* every cell with a pin or an intent */
	size_t n_attachments;
	struct error problem; /* code 0: that are all; else spaces may be missing, because of this
			       */
};

void network_facts_fini(struct network_facts *facts);

struct attach_request {
	const char *cell_key;
	/* NULL, or the addresses that it had before: asked for, not insisted on */
	const char *wanted_ip, *wanted_ip6;
};

struct join_request {
	const char *cell_key;
	const char *space_key;              /* not the cell's own */
	const char *wanted_ip, *wanted_ip6; /* as in struct attach_request */
};

struct repair_request {
	const char *cell_key;
	const char *wanted_ip, *wanted_ip6; /* as in struct attach_request */
	/* The process of the cell's root, alive as far as is known, and the cell's cgroup below the
	 * mount: the driver makes sure that the one is in the other before it believes the pid. */
	uint32_t pid;
	const char *cgroup_path;
};

/* ---- the packet filter: one for all spaces ---- */

/* What may be reached all the same where a space denies. Both ends of ranges belong to them. */
struct filter_allow {
	struct ip first, last;
	bool v6; /* the family of both */
	enum { ALLOW_ALL, ALLOW_TCP, ALLOW_UDP } what;
	uint16_t first_port, last_port; /* 0 with ALLOW_ALL */
};

struct filter_space {
	char *key;
	char *bridge;
	char *subnet;               /* CIDR */
	char *subnet6;              /* NULL: none */
	bool denies;                /* cells reach nothing outside the space but: */
	struct filter_allow *allow; /* of the same kind no two overlap; in order */
	size_t n_allow;
	char *problem; /* written by filter_apply(): why it was left out; NULL: it is in force */
};

/* A cell of a space that denies, in a further space: it reaches nothing beyond that either. */
struct filter_guest {
	char *bridge; /* of the further space */
	char *ip;     /* the cell's in it; IPv4 or IPv6 */
};

/* A port of the host that leads to a cell; both addresses are of one family. */
struct filter_port {
	char *cell_key;
	bool udp;      /* else TCP */
	char *host_ip; /* NULL: every address of the host in the family of: */
	uint16_t host_port;
	char *ip;     /* of the cell */
	char *bridge; /* of the cell's space */
	uint16_t port;
	bool taken; /* written by filter_apply(): not published, another program has it */
};

/* Everything that the filter shall say, complete. */
struct filter_wish {
	struct filter_space *spaces;
	size_t n_spaces;
	struct filter_port *ports;
	size_t n_ports;
	struct filter_guest *guests;
	size_t n_guests;
};

void filter_wish_fini(struct filter_wish *wish);

/* Whether the text of an address, valid or not, is meant for IPv6. */
bool filter_is_ip6(const char *ip);

/* A deep copy. */
void filter_wish_copy(const struct filter_wish *wish, struct filter_wish *ret);

/* Packets that a bridge had to drop because a space denies. */
struct filter_drops {
	struct filter_drop {
		char *bridge;
		uint64_t packets, bytes; /* since its elements were last made: may begin anew */
	} * items;
	size_t n;
};

void filter_drops_fini(struct filter_drops *drops);

enum { RESOLVED_MAX = 16 };

/* What a host name stands for, in one family. */
struct resolved {
	struct ip addresses[RESOLVED_MAX];
	size_t n;
	uint64_t ttl_ms; /* how long that can be relied on */
};

/* ---- the host's routes: where packets to our addresses go ---- */

struct ways_space {
	char *key;
	char *bridge;
	char *subnet;  /* CIDR */
	char *subnet6; /* NULL: none */
	bool used;     /* cells are attached to the bridge */
	/* Written by look_ways(): */
	char *overlap;    /* what else leads into its ranges, in words; NULL: nothing */
	bool unreachable; /* packets to some of them do not come to the bridge */
};

/* A zeroed struct is empty. */
struct host_ways {
	struct ways_space *spaces;
	size_t n_spaces;
	bool keep;            /* forwarding is turned on again when it was turned off */
	bool bridges_doubted; /* the switches of bridges are to be looked at too */
	/* Written by look_ways(), of the host's own switches that cells need: */
	bool forwards;      /* it forwarded IPv4 before the look */
	struct strv mended; /* what was turned on again, in words */
	char *off;          /* what is off and stays so, and how that came; NULL: nothing */
};

void host_ways_fini(struct host_ways *ways);

/* ---- a packet of ours, led the way that packets of cells go ---- */

/* A TCP port of the host that leads to a cell. */
struct traffic_port {
	uint16_t number; /* 0: there is none */
	char *host_ip;   /* NULL: of every address of the host */
	char *ip;        /* of the cell */
};

struct traffic_space {
	char *key;
	char *bridge;
	char *link;     /* the host's end of the interface of one of its cells, */
	char *ip, *ip6; /* and the addresses of that cell; ip6 NULL: none */
	char *peer, *peer6; /* of another cell beside it; NULL: none, or there are very many */
	bool denies;        /* its cells do not reach out */
	struct traffic_port port, port6; /* to some cell of it */
	/* Written by probe(): */
	bool asked;     /* what follows is of now; else nothing is known */
	char *blocked;  /* what does not pass that cells need, and where it ended; NULL: all does */
	char *remedy;   /* what helps against that */
	char *shut;     /* the same of what they may do without: programs of the host itself */
	char *shut_remedy;
};

/* A zeroed struct is empty. */
struct traffic {
	struct traffic_space *spaces;
	size_t n_spaces;
	char *impossible; /* written by probe(): why nothing can be asked on this host */
};

void traffic_fini(struct traffic *traffic);

struct filter_listener {
	void *ctx;
	/* Another hand changed the filter, or may have: it is to be applied again. */
	void (*on_filter)(void *ctx);
	/* Rules that are none of ours may have changed. Perhaps often in a row. @bridge: that of a
	 * space, as they are named, of which these speak; NULL: of none. */
	void (*on_rules)(void *ctx, const char *bridge);
};

struct network;

struct network_ops {
	/* From now on tells of changes of the filter. Call once. On failure they are seen by
	 * filter_apply() alone. */
	int (*watch_filter)(struct network *network, const struct filter_listener *listener,
			    struct error *err);
	void (*close)(struct network *network, void (*closed)(void *ctx), void *ctx);

	/* Writes the conflist unless it stands there as wanted. Makes the bridge of attached cells
	 * anew, as they know it, if it is gone or changed, and puts their links back on it: no cell
	 * is touched. -EEXIST: another space owns the network's name. */
	void (*ensure_space)(struct network *network, const struct space_request *request,
			     struct space_fact *ret_fact, struct call *call);
	/* Conflist and bridge. No cell is attached or has joined any more. */
	void (*remove_space)(struct network *network, const char *space_key, struct call *call);

	/* What is, next to what the journal says was made: differences are said as drift. A
	 * directory of conflists that cannot be read is no failure but the facts' problem. */
	void (*list)(struct network *network, struct network_facts *ret_facts, struct call *call);

	/* A new network namespace with lo up, pinned at netns_path(). */
	void (*create_netns)(struct network *network, const char *cell_key, struct call *call);
	/* Journals the intent, runs the chain's ADD into the pinned namespace, keeps the result. */
	void (*attach)(struct network *network, const struct attach_request *request,
		       struct attachment_fact *ret_fact, struct call *call);
	/*
	 * For a cell whose root runs and which is not attached: makes what is missing without
	 * touching a process. The namespace of the process is pinned again, the address reserved
	 * again; if the interface is gone, DEL and ADD into the same namespace. -ESTALE: the
	 * process is not in the namespace that was attached, so that nothing is safe but a new
	 * incarnation.
	 */
	void (*repair)(struct network *network, const struct repair_request *request,
		       struct attachment_fact *ret_fact, struct call *call);
	/*
	 * Gives the pinned namespace of an attached cell an interface in a further space, with an
	 * address and no route but the one to the addresses beside it: eth1, or the lowest number
	 * that is free. Journalled as attach() is. One that is on record keeps its interface: what
	 * it has lost is made again, what a try that failed has left is undone first. No process is
	 * touched.
	 */
	void (*join)(struct network *network, const struct join_request *request,
		     struct join_fact *ret_fact, struct call *call);
	/* DEL of that one; the rest of the cell's network stays. */
	void (*leave)(struct network *network, const char *cell_key, const char *space_key,
		      struct call *call);
	/* DEL of everything journalled for the cell, joins too, then the pin goes. Works without a
	 * namespace or conflist too. */
	void (*detach)(struct network *network, const char *cell_key, struct call *call);

	/*
	 * Makes the packet filter what @wish says, in one step: cells of two spaces do not reach
	 * each other, the world outside reaches published ports only, cells reach out under the
	 * host's address. What cannot be put into it is left out, and @wish says why. Whatever is
	 * as wished costs nothing. One at a time; the caller keeps @wish.
	 */
	void (*filter_apply)(struct network *network, struct filter_wish *wish, struct call *call);

	/* What was dropped at the bridges of spaces that deny, and of their guests. */
	void (*filter_drops)(struct network *network, struct filter_drops *ret_drops,
			     struct call *call);

	/* Looks where the routes of the host lead the ranges of the spaces, and whether it
	 * forwards. Changes no route; turns on what of the kernel's switches is ours, or is to be
	 * kept. The caller keeps @ways. Costs the routes that there are, and nothing for a space that none
	 * of them touches. */
	void (*look_ways)(struct network *network, struct host_ways *ways, struct call *call);

	/* Leads packets from a cell of each space to the world, to the host and from the world to a
	 * port of it through the kernel, and says where those ended that did not come through.
	 * Nothing of them leaves the host or reaches a cell. One at a time; the caller keeps
	 * @traffic. Costs the spaces in it. */
	void (*probe)(struct network *network, struct traffic *traffic, struct call *call);

	/* Asks the host's name servers for addresses of one family, within some seconds; as many at
	 * once as the caller likes, none waits for another. -ENOENT: no name server knows one. */
	void (*resolve)(struct network *network, const char *host, bool v6,
			struct resolved *ret_resolved, struct call *call);

	/* As in struct runtime_ops. */
	void (*inventory)(struct network *network, struct host_things *ret_things,
			  struct call *call);
	void (*discard)(struct network *network, const struct host_thing *thing, struct call *call);

	/* Path of a cell's pin, whether it exists or not. Free with free(). */
	char *(*netns_path)(struct network *network, const char *cell_key);
};

struct network {
	const struct network_ops *ops;
};

/* ---- cgroup: the tree of realms, spaces, stacks and cells ---- */

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
