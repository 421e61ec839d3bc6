/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine: all objects, and what works on them. kukeond builds one on the real drivers, the
 * simulator on the fakes.
 *
 *   desired   documents of files and of the API   ->  what every object shall be
 *   observed  facts and hints from the drivers    ->  what every object is
 *   plan      both                                ->  actions, state
 *   reconcile runs the actions through the drivers; every result is a fact again
 *   status    says what came of it: to the log, to the store, to those who watch
 */
#pragma once

#include "core/base/map.h"
#include "core/base/words.h"
#include "core/driver/managers.h"
#include "core/driver/network.h"
#include "core/driver/runtime.h"
#include "core/events/history.h"
#include "core/loop/pending.h"
#include "core/loop/progress.h"
#include "core/state/object.h"
#include "core/state/prune_guard.h"
#include "core/state/queue.h"
#include "core/state/self.h"

struct egress;
struct filter;
struct hosts_files;
struct image_driver;
struct ports;
struct pulls;
struct garbage;
struct image_updates;
struct store;
struct ways;

/* One who wants to hear of every change of an object's spec or status; @gone: the last word on it.
 */
struct engine_watcher {
	struct list link;
	void (*on_change)(struct engine_watcher *watcher, const struct object *object, bool gone);
};

/* A manifest file, or one that once was and whose objects are still there. */
struct desired_file {
	struct map_node node; /* struct desired.files, by path */
	char *path;
	struct list claims;  /* struct claim.file_link */
	unsigned generation; /* contents taken up */
	struct strv errors;
	bool seen;               /* it is there, as far as the watcher has said */
	bool reported;           /* the watcher has said so at least once */
	struct list unread_link; /* struct desired.unread: it has text that is not understood, */
	struct words unread;     /* in which these names may be */
};

struct desired {
	struct map files;        /* struct desired_file.node */
	struct desired_file api; /* what came over the API; in no map, never goes */
	struct list unread;      /* struct desired_file.unread_link */
	struct list gone_texts;  /* struct gone_text.link: core/desired/hold.c */
	bool texts_changed;      /* files came, went or changed since what is in doubt was judged */
	/* struct claim.state_link, the first loss first */
	struct list lost, in_doubt, held;
	struct list declared; /* struct object.declared_link: cells that manifests declare */
	unsigned n_declared;
	struct timer prune;
	uint64_t prune_grace_ms;
	struct prune_guard guard;
	bool complete; /* every manifest has been read once, without a problem of the directory */
	struct error problem; /* of the directory as a whole; code 0: none */
	unsigned scans;       /* how often the directory has been read */
	bool purging;         /* nothing is wanted any more, whatever declares it */
};

/* Code 0: none. */
struct relist_problem {
	struct error err;
	unsigned times; /* in a row */
};

enum { ENGINE_STATES = API__STATE__STATE_PAUSING + 1 };

struct engine {
	struct loop *loop;
	struct runtime *runtime;
	struct network *network;
	struct cgroup_driver *cgroup;
	struct image_driver *images; /* NULL: none */
	struct managers *managers; /* of the host's packet filter; NULL: none */
	struct {
		struct call call;
		bool begun, done;
	} leaving; /* the managers, with a purge */
	char *run_path, *cgroup_root;
	struct journal *journal; /* NULL: none */

	struct map objects;            /* struct object.node */
	struct map spaces;             /* struct object.space_node: of these, in the same order */
	struct list realms;            /* struct object.realm_link */
	struct map containers;         /* struct container.node */
	struct map links;              /* struct host_link.node: cells by their links on the host */
	struct map joins;              /* struct join.node */
	struct map folded;             /* struct object.cell.folded.node: see core/desired/rivals.h */
	struct map bridges;            /* struct bridge.node: that cells are attached to */
	unsigned cells[ENGINE_STATES]; /* how many there are, by their state */
	struct queue queue;
	struct desired desired;
	struct store *store;  /* NULL in the simulator */
	char *unread;         /* why the store cannot be listed; NULL: it can, as far as is known */
	char *unread_text;    /* what of it could not be read, in words; NULL: nothing */
	struct list watchers; /* struct engine_watcher.link */
	/* Counts changes, over all daemons that the store has had: metadata.resourceVersion. */
	uint64_t version;
	struct history history;

	struct filter *filter;    /* isolation and ports */
	struct passage *passage;  /* whether packets come through the host */
	struct ways *ways;        /* where the host's routes lead their addresses */
	struct ports *ports;      /* of the host: whose each one is */
	struct egress *egress;    /* what host names of policies stand for */
	struct hosts_files *hosts_files; /* hosts files of cells */
	struct pulls *pulls;             /* images that are fetched */
	struct garbage *garbage;         /* images that nobody uses; NULL: they stay */
	struct image_updates *updates;   /* of images whose tags are looked after; NULL: none are */
	struct throttle throttle; /* cells that come up; struct cell.ticket */
	bool runtime_up;
	struct error runtime_problem; /* why it is down */
	struct {
		bool runtime, network, cgroup;
		uint64_t runtime_ms; /* loop time: when it was last */
	} relisted;
	/* Why the last relist saw nothing, or not all; it is repeated. */
	struct {
		struct relist_problem runtime, network, cgroup;
	} relist_problems;
	struct list relists; /* struct relist.link, under way */
	struct {
		struct timer timer;
		unsigned pauses;
	} network_again;     /* a relist of the networks that missed something is repeated */
	struct list doctors; /* struct doctor.link, under way */

	/* Cells that an earlier boot of the host left attached: struct cell.earlier_link. While
	 * there are any, no other is attached: an address may still be theirs on the host's books.
	 */
	struct list earlier;

	struct list runs; /* struct run.link: actions under way */
	/* Acts, listings, examinations, rounds of the queue and readings of the manifests that ended,
	 * objects that went, looks at routes and packets, containerd that has answered, or is away. */
	struct progress progress;
	uint64_t seq;     /* counts whatever has to be put in order: see struct slot */
	/* When something was last forgotten: a listing that began before may tell of it, so what
	 * is made anew under its name has changed then. */
	uint64_t forgot_seq;
	struct map unplaced; /* core/state/unplaced.h */
	bool closing;
	struct pending
		under_way; /* runs, relists, doctors, and what else has to end before we do */
	struct self self;         /* the daemon's own process */
	uint64_t actions_done;    /* for tests and bench */
};

/* The object of a key, NULL when there is none. */
struct object *engine_find(struct engine *engine, const char *key);

/* The same, made together with its parents when it is not there. */
struct object *engine_get(struct engine *engine, const char *key);

/* The realm that uses a containerd namespace; NULL when none does. There are few realms: they are
 * walked. */
struct object *engine_find_realm(struct engine *engine, const char *namespace_);

/* The container of a realm by its containerd id, NULL when there is none. */
struct container *engine_find_container(struct engine *engine, const char *realm,
					const char *containerd_id);

/* The cell that a link of the host belongs to; NULL when it is none of ours. */
struct object *engine_find_link(struct engine *engine, const char *link);

/* The link of a cell has this name from now on; NULL: it has none. */
void engine_set_link(struct engine *engine, struct host_link *link, struct object *object,
		     const char *name);

/* Containers of a cell, kept in the index too. */
struct container *engine_add_container(struct engine *engine, struct object *object,
				       const char *role, const char *name);
void engine_remove_container(struct engine *engine, struct container *container);

/* Something may have happened to what the slot stands for: what was read before now, or is being
 * read, is not believed, and the object is looked at. */
void engine_invalidate(struct engine *engine, struct object *object, struct slot *slot);

/* Rules of other managers of the packet filter may have changed. */
void engine_invalidate_managers(const struct engine *engine);

/* Whether something lives in the object's cgroup is to be seen anew: only cells are watched. */
void engine_invalidate_cgroup(struct engine *engine, struct object *object);

/* What is wanted of the slot, or what it depends on, has changed: an action that is under way
 * counts neither as done nor as failed, and what failed is tried again at once. */
void engine_want_anew(struct engine *engine, struct slot *slot);

/* The same for all slots of the object but those of its joins. */
void engine_want_object_anew(struct engine *engine, struct object *object);

/* Takes the object, which nothing else refers to, out of the index and frees it; its parent is
 * looked at. See core/reconcile/forget.h. */
void engine_drop(struct engine *engine, struct object *object);

/* What of the host cannot be looked at, and why; NULL: nothing. */
const char *engine_relist_problem(const struct engine *engine);

/* Everything has been looked at once, as far as that can be had: containerd may be known to be
 * away, the manifests to be unreadable. */
bool engine_has_relisted(const struct engine *engine);

/* What an earlier boot left of cells is still to be taken down; what may not be touched yet is not
 * waited for. */
bool engine_is_releasing(const struct engine *engine);

/* Looks at the object on the next turn. */
void engine_enqueue(struct engine *engine, struct object *object);
void engine_enqueue_all(struct engine *engine);

/* What an earlier boot left of the cell has been taken down, or that has been tried. */
void engine_released(struct engine *engine, struct object *object);

/* The object has another version from now on; tells the watchers. */
void engine_changed(struct engine *engine, struct object *object, bool gone);

/* Resolved names. Free with free(). */
char *engine_namespace(const struct object *object);
