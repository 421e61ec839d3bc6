/* SPDX-License-Identifier: Apache-2.0 */
/* What of ours is on the host, thing by thing. */
#pragma once

#include "core/driver/seam.h"

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
	HOST_INGEST,    /* of a blob that has not come as a whole */
	HOST_VOLUMES,   /* of one container, that its image declares */
	HOST_LOG_FIFOS, /* of one run of a container, which it prints to */
	HOST_LOG_FILES, /* of a cell: what its containers printed */
	HOST_EXEC,      /* a command in a container, beside the container's own */
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
