/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Everything the daemon knows about one realm, space, stack or cell: what is wanted (core/desired),
 * what was last seen outside (core/reconcile/observed), and what was last said about it (core/status). The
 * planner reads it and nothing else.
 *
 * An object exists as long as it is wanted, something of it is still there outside, or something
 * lives below it. Plain data: owned by the loop's thread, no driver, no I/O.
 */
#pragma once

#include "core/base/list.h"
#include "core/base/map.h"
#include "core/driver/space_fact.h"
#include "core/driver/task_state.h"
#include "core/loop/timer.h"
#include "core/model/folded_names.h"
#include "core/model/model.h"
#include "core/state/action.h"
#include "core/state/cellfiles_written.h"
#include "core/state/identity.h"
#include "core/state/image_update.h"
#include "core/state/pull.h"
#include "core/state/reason.h"
#include "core/state/space_passage.h"
#include "core/state/throttle.h"

/*
 * One thing outside on which one action at a time works: a cgroup, a network, a container with its
 * task. What is seen of it stands beside the slot.
 */
struct slot {
	bool busy; /* an action is under way: */
	enum action action;
	bool known;                /* what is seen is fresh; false: inspect before anything else */
	enum action failed_action; /* what failed last, until it succeeds */
	unsigned failures;         /* of that action in a row; 0: none */
	uint64_t retry_at_ms;      /* loop time; nothing is tried before */
	int failure_code;          /* -errno and text of the last failure */
	char *failure;
	/* All in engine.seq, the one order of orders, hints, acts and listings: */
	uint64_t changed_seq; /* an action last began or ended, or somebody hinted: what was read
				 before is not believed */
	uint64_t wanted_seq;  /* what is wanted of it last changed: an action that began before has
				 neither met it nor failed it */
	uint64_t listed_seq;  /* the listing that had it last */
	uint64_t relisted_seq;  /* when the look began that was believed about it last */
};

/* What kuke asked for beyond the spec; kept over restarts of the daemon and the host. */
enum run_intent {
	INTENT_RUN,
	INTENT_STOP,    /* the spec stays, nothing runs */
	INTENT_KILL,    /* the same, without a grace */
	INTENT_RESTART, /* down, then INTENT_RUN */
};

/* "stop"; "" for INTENT_RUN. */
const char *intent_name(enum run_intent intent);
enum run_intent intent_parse(const char *name);

/* A container of a cell. The role ("root" or the container's id) is its identity: it names it in
 * containerd. */
struct container {
	struct list link; /* struct cell.containers: the root first, then by the manifest's order */
	struct map_node node; /* struct engine.containers, by index_key */
	char *index_key;      /* "<realm>/<containerd id>" */
	struct object *object;
	char *role;
	char *name; /* the container's id in the manifest */
	char *containerd_id;

	/* wanted */
	const Api__ContainerSpec *spec; /* into cell.effective; NULL: not wanted any more */
	/* asked of its name, whatever role that has; a root's is the cell's too: cell_intent() */
	enum run_intent run;
	struct identity identity; /* of its name, whatever role that has */
	char hash[SHA256_HEX_BYTES];
	bool image_ready; /* the image of spec is there, unpacked */
	bool renew;       /* it was asked to begin anew: its image is looked up first */
	bool image_moved; /* the name of its image stands for another one than the record's */
	bool image_missing;  /* the realm was seen not to have the image of spec */
	bool image_asked;    /* the registry has been asked for it since it was last made, or asked
				to start */
	bool pull_requested; /* somebody wants the registry asked before it starts again */
	struct pull_watcher pull; /* what its plan waits for */
	struct image_update update;
	int stop_signal;  /* of the last spec, as for task_signal(): outlive it */
	uint64_t stop_grace_ms;

	/* seen */
	struct slot slot;
	bool record, snapshot;
	char *seen_hash;
	char *seen_name; /* what it was called then: another container may have taken its role since
			  */
	char *image_digest; /* of the image that the record was made from; NULL, "": not known */
	enum task_state task;
	uint32_t pid;

	/* what happened, for the restart policy and status. Loop time; 0: never */
	bool stopping;          /* we asked it to stop: its exit is no failure */
	uint64_t stop_tried_ms; /* when the signal was to be sent, of the tries that count */
	uint64_t stop_sent_ms;
	uint64_t kill_sent_ms;
	unsigned kills;          /* SIGKILLs sent to the task that is there */
	uint64_t may_stop_until_ms; /* it shall not stop any more, but may still follow_intent until then */
	uint64_t started_ms;
	uint32_t stored_pid; /* of the run that the store tells of; 0: none, or it has been seen */
	uint32_t run_pid;    /* of the task that is there, also of one that has ended; 0: none.
				Until it is seen: as the store tells */
	uint32_t restart_of; /* run_pid when the restart was asked for that is under way */
	bool restart_stored; /* asked of a daemon before us, which may have done it: not seen yet */
	bool exited;         /* it has run and ended since it was created */
	int64_t start_asked_wall_ms; /* it was told to start then: an end before that, heard of later,
				     does not count. 0: it was not */
	uint64_t exited_ms;
	uint64_t stored_exit_ms; /* the last one that was given to the store */
	uint32_t exit_code;
	bool oom_hinted;          /* containerd told of a kill for want of memory, at some time */
	bool oom_seen;            /* the run that is on has had such a kill */
	bool oom_killed;          /* its last run ended badly after a kill for want of memory */
	unsigned restarts;        /* for the user */
	unsigned restarts_in_row; /* without a stable run between them */
	int64_t started_wall_ms, finished_wall_ms; /* since the epoch, for display; 0: never */
};

struct bridge;

/* The host's end of an interface of a cell. */
struct host_link {
	struct map_node node; /* struct engine.links, by name */
	char *name;           /* NULL: it is not known, and in no map */
	struct object *object;
};

/* A further space of a cell: one that its containers name, or that it is still in. */
struct join {
	struct list link;     /* struct cell.joins, by space */
	struct map_node node; /* struct engine.joins, by index_key */
	char *index_key;      /* "<space key> <cell key>" */
	struct object *object;
	char *space_key;
	bool wanted;
	const struct object *space; /* as it is while the cell is planned; NULL: there is none */

	struct slot slot;
	bool intent, attached; /* and the others as in struct cell */
	bool counted;          /* its address, in that space's backing.addresses_used */
	char *interface;       /* inside: "eth1" */
	char *ip, *bridge, *reservation, *drift, *last_ip;
	char *ip6, *reservation6, *last_ip6; /* of a dual-stack space */
	struct host_link link_on_host;
	struct bridge *on_bridge; /* while it is attached; else NULL */
};

/* What a cell's hosts files hold: as a round has written them, if nobody else has since. */
struct hosts_known {
	uint64_t text, version; /* struct hosts_text; 0: it is not known */
	char *ip, *ip6;         /* its own, as written */
	struct cellfiles_written files;
	unsigned other_writers; /* counts them */
};

struct cell {
	struct list containers; /* struct container.link */
	struct list joins;      /* struct join.link */
	enum run_intent run;
	struct strv kept; /* names of containers: cell_may_have() */
	uint64_t left;    /* engine.version when a container of it was last not there any more */
	Api__CellSpec
		*effective; /* the spec with the space's defaults: what containers are made of */

	/* network: seen */
	struct slot network;
	bool pinned, intent, attached;
	bool fresh;               /* made by this daemon and not used by a root yet */
	struct list earlier_link; /* struct engine.earlier: attached before the host started anew */
	char *ip, *ip6, *bridge;  /* ip6: of a dual-stack space */
	struct host_link link;
	struct bridge *on_bridge;         /* while it is attached; else NULL */
	bool counted;                     /* its address, in its space's backing.addresses_used, */
	struct list space_link;           /* and it itself in backing.cells, while it is */
	uint64_t netns_inode;             /* of the namespace that is to be pinned; 0: not known */
	char *reservation, *reservation6; /* the files that reserve its addresses */
	char *drift;                      /* what its network has lost; NULL: nothing */
	char *last_ip, *last_ip6;         /* asked for when the cell comes back */
	struct strv ports;                /* of the host that lead to it: "8080:80/tcp" */
	struct list declared_ports;       /* struct declared.in_cell in core/network/network_ports.c */
	char *port_conflict; /* which of its ports another cell has; NULL: none. It does not start
			      */
	char *port_taken;    /* which of its ports another program has; NULL: none */
	struct folded_name folded; /* struct engine.folded, while it is wanted */
	uint64_t folded_seq;       /* engine.seq when it came to be wanted */
	char *rival; /* which cell has its name in another case; NULL: none. It does not start */
	struct hosts_known hosts;
	struct ticket ticket; /* struct engine.throttle: it comes up, or waits for its turn */
};

/* The kernel's counter begins anew whenever the filter is made anew. */
struct drop_count {
	uint64_t packets, bytes;               /* as last read */
	uint64_t packets_before, bytes_before; /* of the counters before this one */
};

/* What stands behind a realm or a space outside, besides the cgroup: the containerd namespace, the
 * CNI network. */
struct backing {
	struct slot slot;
	bool exists;             /* it is there, or an attempt to make it has begun */
	bool applied;            /* it is there as wanted */
	bool regenerate;         /* spaces: the conflist is to be written with today's rules */
	struct space_fact space; /* spaces */
	/* spaces, as it is while one is planned: how many cells have joined it, and the first */
	unsigned joined;
	const struct object *joined_by;
	unsigned addresses_used; /* spaces: by cells; see core/state/addresses.h */
	struct list cells;       /* spaces: their own of these: struct cell.space_link */
	char *filtered; /* spaces: the bridge and ranges that the packet filter has, and whether it
			   denies; NULL: none */
	char *filter_problem; /* spaces: why it cannot have them; NULL: nothing is known of */
	bool filter_missing;  /* spaces: it had them, and another hand took them away */
	char *routed;     /* spaces: bridge and ranges, as the host's routes were looked at for */
	char *overlap;    /* spaces: what else leads into their ranges; NULL: nothing known of */
	bool unreachable; /* and some addresses in them cannot be reached because of it */
	struct space_passage passage; /* spaces: whether packets come through the host */
	char *egress_problem;   /* spaces: which hosts of its policy cannot be found; NULL: none */
	bool egress_unresolved; /* one of them stands for nothing that is known */
	struct drop_count dropped; /* spaces that deny */
	char *namespace_;          /* realms: the containerd namespace in use */
	char *unlisted_why; /* realms: why its containers could never be listed; NULL: they could */
};

struct object_status {
	Api__State state;
	enum reason reason;
	char *message;
	int64_t created_ms, updated_ms, ready_ms; /* wall clock since the epoch; 0: not yet */
	bool told;                                /* to the history: */
	Api__State told_state;
	enum reason told_reason;
	bool told_before; /* by a daemon before us, as far as the store knows */
};

struct object {
	struct map_node node; /* struct engine.objects, by key */
	char *key;
	enum kind kind;
	bool is_self;           /* the cell that stands for the daemon's own process */
	struct object *parent;  /* NULL for realms */
	struct list realm_link; /* struct engine.realms */
	struct map_node space_node; /* struct engine.spaces */
	unsigned children;      /* objects directly below */
	unsigned wanted_children;

	/* wanted */
	struct list claims; /* struct claim.object_link: who wants it, in order of precedence */
	struct list declared_link; /* struct desired.declared: a manifest declares this cell */
	uint64_t declared_ms;      /* loop time: since then */
	bool wanted;               /* by a claim, or by a child (implicit) */
	bool implicit;
	struct identity identity;
	uint64_t version; /* engine.version when anything of it, or of its status, last changed */
	bool kept;       /* whether it is wanted is not known, as its file was damaged or cannot be
			    read: nothing of it is removed; see object_keep() */
	char *unread;    /* why its part of the store cannot be read; NULL: it has been, or there is
			    none. Whoever wants it, nothing is done to it */
	bool unlisted;   /* nor what is below it */
	bool being_read; /* it is read again: struct store */
	ProtobufCMessage *spec; /* whole document, with the containers that joined a cell; of the
				   last time it was wanted while it goes */
	char *source;           /* "manifest:<path>", "api", "implicit" */
	char *refused; /* why the spec is not as it is declared; NULL: it is. See core/desired/refusal.h */

	/* seen */
	struct slot cgroup;
	bool cgroup_exists, populated;
	bool cgroup_stale;         /* made for another spec, or not whole: to be ensured again */
	uint64_t cgroup_killed_ms; /* loop time; 0: it was not, or it has been empty since */
	unsigned cgroup_kills;     /* without effect: since it was last empty */
	struct strv controllers;
	struct backing backing; /* realms and spaces */
	struct cell cell;     /* cells */

	/* machinery */
	struct list queued;   /* struct queue.ready */
	struct timer wake;    /* look again then */
	struct queue *queue;  /* where wake adds it */
	unsigned actions;     /* under way */
	struct list dirty;    /* struct store.dirty */
	struct list fresh;    /* struct store.fresh */
	bool stored;          /* the store has it, */
	bool stored_in_haste; /* but not yet so that it outlives a power cut */

	struct object_status status;
};

/* What the whole cell is asked to: stopping its root container stops it. */
enum run_intent cell_intent(const struct object *object);

/* What it runs is what its image stands for, whatever that is. */
void container_forget_update(struct container *container);

/* The same, if that is of another image than @image. */
void container_keep_update(struct container *container, const char *image);

/* The image that it is made of: its own, or the one that it was taken back to. */
const char *container_image(const struct container *container);

/* Its new image has not proven itself yet. */
bool container_tries_image(const struct container *container);

/* Its containers start anew: what they did before does not count against them. */
void container_forget_past(struct container *container);

/* A restart that was asked of a daemon before us is over when another run than the one it was asked
 * of has been seen. */
void container_settle_stored_restart(struct container *container);

/* No signal counts as sent to its task any more. */
void container_forget_signals(struct container *container);
/* Whether it is wanted is not known, is known again. */
void object_keep(struct object *object);
void object_unkeep(struct object *object);

/* Its part of the store cannot be read, with @below nor what is below it. Kept unless it is wanted.
 */
void object_set_unread(struct object *object, const char *why, bool below);

/* A document that was damaged may have put the container into the cell. */
bool cell_may_have(const struct object *cell, const char *container);

struct object *object_new(const char *key);
void object_free(struct object *object);

/* By its identity in the cell; NULL when there is none. */
struct container *cell_find_container(struct object *object, const char *role);
struct container *cell_add_container(struct object *object, const char *role, const char *name);
void cell_remove_container(struct container *container);

/* NULL when there is none; a new one is neither wanted nor seen. */
struct join *cell_find_join(const struct object *object, const char *space_key);
struct join *cell_add_join(struct object *object, const char *space_key);
void cell_remove_join(struct join *join);

/* Nothing of it is wanted or seen any more. */
bool container_is_gone(const struct container *container);

/* The root container; NULL in a cell without one. */
struct container *cell_root(const struct object *object);
bool container_is_root(const struct container *container);

/* An act of ours succeeded, failed. A failure sets the time of the next try: soon when the cause
 * may pass by itself. */
void slot_succeeded(struct slot *slot, enum action action);
void slot_failed(struct slot *slot, enum action action, const struct error *err, uint64_t now_ms);

/* Something changed that may have been the cause: try again at once. */
void slot_retry_now(struct slot *slot);

/* The packet filter has the space as its network is now: cells may come up in it. */
bool object_is_filtered(const struct object *space);

/* Where the host's routes lead its ranges, as they are now, has been looked at. */
bool object_is_routed(const struct object *space);

/* A cell that has not been in the space before would be placed where it cannot be reached. */
bool object_refuses_new(const struct object *space, const char *last_ip);

/* "<bridge> <range>[ <IPv6 range>][ deny]", as in struct backing.filtered. */
char *object_filter_text(const char *bridge, const char *subnet, const char *subnet6, bool denies);

/* Whether cells of the space reach nothing outside but what its policy allows. While nobody knows
 * what is wanted they reach nothing. */
bool object_denies_egress(const struct object *space);

/* What is below it may come up: it is as declared, or as it was declared before a change that it
 * refuses. */
bool object_is_usable(const struct object *object);

/* Its ranges are to become others, and cells have addresses in those that it has. */
bool object_refuses_ranges(const struct object *space);

/* Something of the object is outside, or may be. */
bool object_exists(const struct object *object);

void slot_fini(struct slot *slot);

const Api__CellSpec *object_cell_spec(const struct object *object);
