/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pulls of the engine: a lane of their own beside the slots of containers. One for each realm
 * and name, whoever wants it: containers, and those who ask over the API. What failed is tried
 * again by its kind, while somebody wants it, with a backoff; the last outcome stays for those who
 * come meanwhile.
 */
#pragma once

#include "core/base/list.h"
#include "core/base/map.h"
#include "core/driver/images.h"
#include "core/state/engine.h"

enum pull_state {
	PULL_RUNS,
	PULL_WAITS, /* it failed, and is tried again at pull.again_ms */
	PULL_DONE,
	PULL_FAILED, /* for good, until somebody asks anew or the realm's credentials change */
};

struct pull;

/* One who hears of a pull: progress, and how it ended. Embedded in its owner. */
struct pull_watcher {
	struct list link;                                /* struct pull.watchers */
	struct pull *pull;                               /* NULL: watches none */
	void (*on_change)(struct pull_watcher *watcher); /* look at watcher->pull */
};

struct pull {
	struct map_node node; /* struct pulls.by_key */
	char *key;            /* "<realm> <name as containerd has it>" */
	char *image;          /* as it was asked for */
	enum pull_state state;
	uint64_t again_ms;  /* loop time, with PULL_WAITS */
	uint64_t ended_seq; /* engine.seq when it last ended */
	int status;         /* of the last try: 0 or -errno, with: */
	struct error err;
	enum image_fault fault;
	char *digest; /* of the last success; NULL: none */
	struct image_pull running;
	struct list watchers; /* struct pull_watcher.link */
};

/*
 * The pull for an image of a realm. @anew: the registry is asked even if a pull of it has ended
 * before; one that runs is joined. @watcher may be NULL.
 */
struct pull *pulls_want(struct engine *engine, struct object *realm, const char *image, bool anew,
			struct pull_watcher *watcher);

/* What is known of it; NULL: nobody has asked for it lately. */
struct pull *pulls_find(const struct engine *engine, const char *realm, const char *image);

/* Hears no more. A pull that nobody wants any more is cancelled. */
void pull_watcher_leave(struct pull_watcher *watcher);
