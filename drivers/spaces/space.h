/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A space's network on the host: its conflist, bridge, range and reservations. Everything here
 * blocks for some milliseconds: worker threads only, one space at a time (two at once could take
 * the same range).
 */
#pragma once

#include "core/base/buf.h"
#include "core/driver/network.h"
#include "drivers/conf/conflist.h"
#include "drivers/hostnet/hostlinks.h"
#include "drivers/netlink/subnet.h"

/* All a worker needs, owned by it. */
struct space_job {
	char *space_key;
	char *dir;            /* of its conflist */
	struct strv former;   /* directories in which it may still be: taken away from there */
	char *wanted_subnet;  /* NULL: as on disk, else the next free one */
	bool ipv6;            /* dual stack: */
	char *wanted_subnet6; /* as wanted_subnet */
	bool regenerate;      /* write it anew by today's rules */
	char *known;          /* the conflist as it was last written or taken over; NULL: never */
	bool attached;        /* cells are: its ranges and bridge stay */
	struct bridge_wish bridge; /* what attached cells rely on */
	struct strv dirs;          /* every directory with conflists of ours, @dir too */
	char *ipam_dir;
	struct subnet_pools pools;
	struct subnet pool6_first; /* of prefix 0: there is none */
};

void space_job_fini(struct space_job *job);

/* "<dir>/<realm>-<space>.conflist". Free with free(). */
char *space_conflist_path(const char *dir, const char *space_key);

/* The space's conflist on disk and its text. -ENOENT: none; -EEXIST: a file of that name that is
 * another's; -EBADMSG: one that cannot be read. */
int space_read(const char *dir, const char *space_key, struct conflist *ret_list,
	       struct buf *ret_text, struct error *err);

/* @ret_text: the conflist as it stands there then, to be known next time. */
int space_ensure(const struct space_job *job, struct space_fact *ret_fact, char **ret_text,
		 struct error *err);
int space_remove(const struct space_job *job, struct error *err);

/* Every address that is reserved in its network. */
int space_remove_reservations(const struct space_job *job, struct error *err);

/* Takes the conflist away from the former directories. What is not the space's stays. A directory
 * in which that cannot be done stays in @job. */
void space_leave_former(struct space_job *job);

void space_fact_fill(struct space_fact *fact, const char *path, const struct conflist *list);

/* Every conflist with our marker in the directories. Files that cannot be read as conflists are
 * left out. When a directory cannot be read, those that were found are returned all the same. */
int space_list(const struct strv *dirs, struct space_fact **ret_items, size_t *ret_n,
	       struct error *err);
