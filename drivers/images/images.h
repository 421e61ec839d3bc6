/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Images that were found and unpacked, by containerd namespace and name. A name is what is written
 * for an image, "nginx": what containerd calls it (reference_name()) is asked for.
 */
#pragma once

#include "core/base/map.h"
#include "drivers/ctd/ctd.h"
#include "drivers/oci/host.h"
#include "drivers/oci/image.h"

struct image {
	struct map_node node; /* struct images.by_key */
	char *key;            /* "<namespace> <name>" */
	char *digest;         /* what the name pointed to */
	char *chain_id;       /* committed snapshot with all layers */
	struct image_config config;
};

struct images {
	struct ctd *ctd;
	const struct host *host;
	struct map by_key;     /* struct image.node */
	struct list resolving; /* struct image_op.link */
	struct list unpacking; /* struct unpack_op.link */
	struct map kept;       /* struct kept.node: leases of pulls that were cut off */
	uint64_t opened_ms;
};

void images_init(struct images *images, struct ctd *ctd, const struct host *host);
void images_fini(struct images *images);

/* Looks it up and unpacks it, if that is not done. @ret_digest may be NULL. */
void image_resolve(struct images *images, const char *namespace_, const char *name,
		   char **ret_digest, struct call *call);

/* NULL: not resolved yet, resolve it first. Valid until the loop's next turn. */
const struct image *image_find(const struct images *images, const char *namespace_,
			       const char *name);

/* "<namespace> <name>", as containerd calls it. Free with free(). */
char *image_key(const char *namespace_, const char *name);

/* In place of what was known of it: its layers are unpacked. Takes what is in @config. */
void image_remember(struct images *images, const char *namespace_, const char *name,
		    const char *digest, struct image_config *config);

/* For how long what a pull has fetched stays for its next try. */
enum { PULL_KEEP_MS = 10 * 60 * 1000 };

/* A lease of a pull, which was cut off, stays for a while; no more. */
void images_keep(struct images *images, const char *namespace_, const char *lease);
void images_keep_no_more(struct images *images, const char *namespace_, const char *lease);

/* Whether it does. What was there when we began is kept as if it had been cut off then. */
bool images_keeps(const struct images *images, const char *namespace_, const char *lease);

/* Its snapshot turned out to be gone. */
void image_forget(struct images *images, const char *namespace_, const char *name);
void image_forget_all(struct images *images);
