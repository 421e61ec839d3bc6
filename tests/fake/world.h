/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A host made of plain data behind the seams, for what real parts cannot be made to do: fail
 * on command, run 10 000 cells, turn the clock. Every act takes some virtual time, may fail, and
 * may have had its effect all the same.
 *
 * The world outlives the engine, as the host outlives the daemon: world_cut() is the moment of a
 * crash.
 *
 * How long an act takes, when its effect is there and when the daemon hears of it can be set for
 * each kind of act (world_pace()), and who judges what is done may watch (struct world_observer).
 */
#pragma once

#include "core/base/map.h"
#include "core/driver/cgroup.h"
#include "core/driver/filter.h"
#include "core/driver/images.h"
#include "core/driver/inventory.h"
#include "core/driver/network.h"
#include "core/driver/runtime.h"
#include "tests/fake/rules.h"

struct world_container {
	struct map_node node; /* struct world.containers, by key */
	char *key;            /* "<namespace>/<id>" */
	char *namespace_;
	struct container_fact fact;
	char *made_of;    /* "<id> <image> <first of env>", of the spec it was created with */
	char *netns_cell; /* the cell whose pin the task joined */
	bool ignores_term;
	bool ignores_kill;  /* only the kernel's cgroup.kill ends it */
	bool immortal;      /* nothing does */
	bool busy;          /* a call is under way */
	unsigned starts;    /* how often its task was started */
	unsigned signals;   /* but SIGKILL, how many it was sent */
	unsigned oom_kills; /* in the run that is on or ended last */
	struct timer dies;  /* after a signal */
	struct world *world;
};

/* A cell's interface in a further space. */
struct world_join {
	struct list link; /* struct world_cell.joins */
	char *space_key;
	bool attached;  /* else only an intent */
	bool link_gone; /* by another hand */
	unsigned ip;
};

struct world_cell {
	struct map_node node; /* struct world.cells, by key */
	char *key;
	struct list joins; /* struct world_join.link */
	bool cgroup, pinned, intent, attached;
	bool link_gone; /* by another hand, after ADD */
	bool shim_hangs;
	bool refuses_detach, detach_tried;
	bool no_space;     /* for a network namespace */
	bool earlier_boot; /* attached before world_reboot() */
	bool cgroup_busy, network_busy;
	bool controllers_gone; /* by another hand */
	bool all_controllers;  /* as it was ensured last */
	unsigned ip;           /* last octets */
};

/* A realm, space or stack. */
struct world_parent {
	struct map_node node; /* struct world.parents, by key */
	char *key;
	bool cgroup, own;       /* own: the namespace or the conflist */
	bool drifted;           /* a space: its bridge is gone */
	char *subnet, *subnet6; /* subnet6: NULL unless it is dual stack */
	unsigned regenerated;   /* how often its conflist was */
	unsigned regenerations; /* how often that was begun */
};

/* What acts of a name take: @ms until the effect, @answer_ms more until the daemon hears of it. */
struct world_pace {
	char *name;
	unsigned ms, answer_ms;
};

struct op;

/* Told of every act of the daemon on something of ours. */
struct world_observer {
	void *ctx;
	void (*begun)(void *ctx, const struct op *op);
	void (*done)(void *ctx, const struct op *op); /* its effect is there */
};

/* What happens to one act, counted from 1. */
enum world_fault_kind {
	WORLD_FAULT_NONE,
	WORLD_FAULT_KILL_BEFORE, /* the daemon dies: without the effect */
	WORLD_FAULT_KILL_AFTER,  /* the daemon dies: the effect is there, the answer is lost */
	WORLD_FAULT_FAIL_BEFORE, /* the act fails without its effect */
	WORLD_FAULT_FAIL_AFTER,  /* it fails all the same, with its effect */
	WORLD_FAULT_HANG,        /* no answer until its deadline; no effect */
	WORLD_FAULT_HANG_AFTER,  /* the same, with the effect at once */
	WORLD_FAULT_COUNT,
};

struct world_fault {
	enum world_fault_kind kind;
	uint64_t at; /* struct world.acts */
	int code;    /* -errno of a failing act */
	bool happened;
	const char *name; /* of the act it happened to */
};

/* An image that containerd has, for those who list them; names that nobody listed are there all the
 * same (struct world.missing_images). */
struct world_image {
	struct list link; /* struct world.images_there, by name */
	char *namespace_, *name, *digest;
	uint64_t size;
	bool ours;
	int64_t updated_at_ms;
};

/* All registries, and what they say. */
struct world_registry {
	bool down;
	struct strv secret;   /* images that they give only to those who show credentials */
	struct strv broken;   /* what is none */
	struct strv crashing; /* digests: what is made of them ends a second after it started */
	unsigned refuses;     /* so many questions are too many, and it says when to come again: */
	uint64_t retry_after_ms;
	unsigned pushed; /* how often every name came to stand for another image */
	char *password;  /* of the last credentials that were shown; NULL: none were */
	unsigned asked;  /* pulls begun */
	unsigned pulling, pulling_most; /* under way, and the most there were at once */
};

struct world {
	struct loop *loop;
	struct world_fault fault;
	bool daemon_died;      /* by a fault: nothing it does from now on has an effect */
	uint64_t random;       /* state of the generator */
	unsigned fail_percent; /* of all acts */
	unsigned lost_hint_percent;
	unsigned act_ms; /* an act takes 1 .. act_ms, unless its pace is set: */
	struct world_pace *paces;
	size_t n_paces;
	/* The answer of an act that only reads tells of the world as it was up to answer_ms before
	 * it comes; 0: it is always fresh. Where no pace is set. */
	unsigned answer_ms;
	unsigned hint_ms;  /* how much later hints come; 0: at once */
	struct list hints; /* struct late_hint.link */
	struct world_observer observer;
	bool runtime_down;
	uint64_t runtime_silent_ms; /* what the runtime says of itself when it is asked */
	unsigned runtime_asked;     /* how often it was */
	const char *unlistable;     /* "networks", "cgroups" or a namespace: listing it fails */
	const char *half_listed;    /* "networks" or "cgroups": nothing is listed, which is said */
	bool frozen; /* nothing may be changed: what changes is counted as a violation */
	unsigned violations;
	char violation[1024]; /* the first one */
	struct rules rules;   /* what they are of the acts; every act is told */
	uint64_t acts;        /* begun */
	uint64_t changes;     /* acts that changed something */

	struct map containers;      /* struct world_container.node */
	struct map cells;           /* struct world_cell.node */
	struct map parents;         /* struct world_parent.node */
	struct strv missing_images; /* nobody has them; everything else is there, */
	struct strv remote_images;  /* but for those that only registries have */
	struct world_registry registry;
	struct list images_there; /* struct world_image.link */
	unsigned images_listed, images_removed;
	unsigned images_imported;  /* anew: every name stands for another image since */
	struct host_things strays; /* what no key tells of, in every inventory of its seam */
	struct list ops;           /* struct op.link: under way */
	unsigned next_ip;

	struct runtime runtime;
	struct network network;
	struct cgroup_driver cgroup;
	struct image_driver images;
	char *filter; /* what the packet filter says; NULL: nothing */
	bool filter_fails;
	struct resolved names;        /* what every host name stands for; empty: there is none */
	bool mute, mute6;             /* who is asked for addresses of the family does not answer */
	unsigned asked, asked6;       /* how often, by family */
	unsigned asking, asking_most; /* questions under way, and the most there were at once */
	const char *filter_refuses;   /* key of a space that it leaves out; NULL: none */
	const char *overlapped; /* key of a space that a route of others leads into; NULL: none */
	bool unreachable;       /* and its addresses are lost for it */
	bool forwarding_off;
	const char *blocked;        /* key of a space whose packets are lost, */
	unsigned losses;            /* so often */
	bool shut;                  /* and those of all to the host are */
	bool unprobable;            /* none can be sent */
	unsigned probes;            /* rounds of them */
	size_t probed, probed_most; /* spaces in all, and the most in one */
	struct filter_listener filter_listener;
	struct runtime_listener runtime_listener;
	struct cgroup_listener cgroup_listener;
	struct deferred up;
	struct strv controllers;
	uint32_t next_pid;
	int64_t wall_ms; /* of the last exit; moves on with each */
};

void world_init(struct world *world, struct loop *loop, uint64_t seed);
void world_fini(struct world *world);

/* 0 .. n-1 */
unsigned world_random(struct world *world, unsigned n);
bool world_chance(struct world *world, unsigned percent);

/* The daemon dies: every act under way ends now, with its effect or without; hints go nowhere from
 * now on. */
void world_cut(struct world *world);

/* The host starts anew, after world_cut(): no process, namespace or cgroup is left, containerd's
 * records and what was attached on paper are. */
void world_reboot(struct world *world);

/* containerd goes away and comes back. */
void world_runtime_down(struct world *world);
void world_runtime_up(struct world *world);

/* Acts of this name ("list"; "*": all) take so long from now on. What is said last counts. */
void world_pace(struct world *world, const char *name, unsigned ms, unsigned answer_ms);

/* Another hand empties the packet filter. */
void world_flush_filter(struct world *world);

/* The process of a container ends by itself. */
void world_exit(struct world *world, struct world_container *container, uint32_t code);

struct world_container *world_container(struct world *world, const char *namespace_,
					const char *id);
struct world_cell *world_cell(struct world *world, const char *key);
struct world_parent *world_parent(struct world *world, const char *key);

/* Makes it when it is not there. */
struct world_container *world_make_container(struct world *world, const char *namespace_,
					     const char *id);
struct world_cell *world_make_cell(struct world *world, const char *key);
struct world_parent *world_make_parent(struct world *world, const char *key);

/* A cell's join of a space; NULL when there is none. world_make_join() makes an intent. */
struct world_join *world_join(const struct world_cell *cell, const char *space_key);
struct world_join *world_make_join(struct world_cell *cell, const char *space_key);
void world_remove_join(struct world_join *join);
/* The rules are told all that is there: before the first act, and when no daemon runs. */
void world_tell_rules(struct world *world);

/* Another hand takes something away. */
void world_take_task(struct world *world, struct world_container *container);
void world_take_pin(struct world *world, struct world_cell *cell);

/* Something changed in the world by an act of the daemon: a violation while it is frozen. */
void world_changes(struct world *world, const char *what, const char *key);
void world_violated(struct world *world, const char *what, const char *key);

/* How many things of ours exist: containers with anything, cells with anything, parents with
 * anything. */
size_t world_count(struct world *world);

/* ---- acts, for the three fakes ---- */

struct op;
typedef int (*op_fn)(struct op *op, struct error *err);

struct op {
	struct list link;
	struct world *world;
	struct timer timer;
	struct call *call;
	const char *name;
	char *key, *id, *extra, *more, *image; /* what it works on; owned */
	int number;
	void *ret;
	bool *busy;                    /* cleared when it ends */
	bool *ended;                   /* set when it ends, however it does */
	void (*on_end)(struct op *op); /* run then; NULL: nothing is */
	void *state;                   /* for that */
	op_fn apply;                   /* the effect; fills ret */
	bool reads_only;
	uint64_t nth; /* struct world.acts when it began */
	bool late;    /* begun by a daemon that is dead */
	bool had_effect;
	bool done;        /* its effect is there */
	bool answered;    /* the answer is under way: */
	int status;       /* what it says */
	struct error err; /* and why */
};

/* Starts an act that takes a while and then has its effect, or fails. Told to the observer with
 * world_begun() when all is said of it. */
struct op *world_act(struct world *world, const char *name, struct call *call, op_fn apply);

void world_begun(struct op *op);

/* It ends now, whatever was to become of it. */
void world_end_act(struct op *op, int code, const char *why);

/* inventory() and discard() of a seam: the strays of the kinds from @first to @last. */
void fake_add_strays(struct world *world, enum host_kind first, enum host_kind last,
		     struct host_things *things);
int fake_discard(struct op *op, struct error *err);

/* For the rules: what the act does, to be told before it starts. */
void world_act_is(struct op *op, enum rules_verb verb, enum rules_kind kind, const char *cell,
		  const char *id);

/* And what an act that only reads has seen. */
void world_looked_at_container(struct world *world, const struct world_container *container);
void world_looked_at_network(struct world *world, const struct world_cell *cell);
void world_looked_at_cgroup(struct world *world, const struct world_cell *cell);

const struct runtime_ops *fake_runtime_ops(void);
const struct network_ops *fake_network_ops(void);
const struct cgroup_ops *fake_cgroup_ops(void);
const struct image_ops *fake_image_ops(void);

/* What the name of an image stands for. Free with free(). */
char *fake_image_digest(const struct world *world, const char *image);

/* Another one is there, or another hand takes it away; in the order of their names. */
struct world_image *world_add_image(struct world *world, const char *namespace_, const char *name);
struct world_image *world_image(struct world *world, const char *namespace_, const char *name);
void world_remove_image(struct world_image *image);

/* Tells the listeners, with the chance of being lost. */
void fake_runtime_hint(struct world *world, const struct world_container *container);
void fake_cgroup_hint(struct world *world, const char *cell_key);
void fake_oom_hint(struct world *world, const struct world_container *container);
void fake_image_hint(struct world *world, const char *namespace_);

/* Gives the hint now, or so much later as hints come; @where: the namespace of a container. */
enum world_hint { WORLD_HINT_CONTAINER, WORLD_HINT_CGROUP };
void world_hint(struct world *world, enum world_hint kind, const char *where, const char *what);
bool fake_cgroup_populated(struct world *world, const char *key);
void fake_kill(struct world_container *container, uint32_t code);
