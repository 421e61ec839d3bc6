/* SPDX-License-Identifier: Apache-2.0 */
/* One pull of the seam core/driver/images.h: what it is asked, how far it is, how it ended. Plain
 * data. */
#pragma once

#include "api/kukeon.pb-c.h"
#include "core/base/util.h"

/* Why an image could not be had, of what can be told apart. */
enum image_fault {
	IMAGE_FAULT_NONE,
	IMAGE_FAULT_NOT_THERE,    /* the registry does not have it, or does not say so to us */
	IMAGE_FAULT_UNAUTHORIZED, /* it wants other credentials */
	IMAGE_FAULT_UNREACHABLE,  /* nobody there, no name, no route, a certificate of another */
	IMAGE_FAULT_TOO_MANY,     /* asked too often: image_pull.retry_after_ms */
	IMAGE_FAULT_INVALID,      /* what came is no image, or not the one that was promised */
	IMAGE_FAULT_PLATFORM,     /* it has nothing for this machine */
	IMAGE_FAULT_OTHER,        /* containerd, a full disk, ...: the error's words */
};

enum image_layer_state {
	IMAGE_LAYER_WAITING,
	IMAGE_LAYER_FETCHING,
	IMAGE_LAYER_FETCHED, /* waits for those below it */
	IMAGE_LAYER_UNPACKING,
	IMAGE_LAYER_DONE,
	IMAGE_LAYER_PRESENT, /* was there before, nothing was fetched */
};

struct image_layer {
	char *digest;
	uint64_t size, fetched; /* bytes as they come over the wire */
	enum image_layer_state state;
};

/* A zeroed struct: nothing is known yet. */
struct image_progress {
	char *host;                 /* who is asked: "registry-1.docker.io" */
	struct image_layer *layers; /* the lowest first */
	size_t n_layers;
	uint64_t size, fetched; /* of the whole, as far as it is known; with manifests and config */
	uint64_t bytes_per_second; /* of the last seconds */
	unsigned tries;            /* how often it was begun anew after a failure of passing kind */
	char *waits;               /* why nothing comes right now, in words; NULL: it comes */
};

void image_progress_fini(struct image_progress *progress);

/* One pull, embedded in its owner. */
struct image_pull {
	/* in, copied by pull() */
	const char *namespace_; /* of the realm */
	const char *realm;      /* its name: tokens are kept for each */
	const char *image;      /* as it is written in a manifest: tag and digest */
	Api__RegistryCredentials *const *credentials; /* of the realm, in its order */
	size_t n_credentials;

	/* What the name stood for here gets a name of its own before the name moves on, by its
	 * digest (reference_name_at()), so that it stays. */
	bool keeps;

	/* Something in @progress has changed; a few times a second at most. NULL: nobody asks. */
	void (*on_progress)(struct image_pull *pull);

	/* out: on the loop, from pull() to the end of its call */
	struct image_progress progress;

	/* out, when the call has ended */
	char *digest; /* with 0: what the image's name stands for now; take it or leave it */
	bool changed; /* with 0: it stood for another one before, or for none */
	enum image_fault fault;  /* with another status */
	uint64_t retry_after_ms; /* with another status: what the registry asked for; 0: nothing */

	void *state; /* the driver's; NULL: not running */
};

/* Frees what is out; not while it runs. */
void image_pull_fini(struct image_pull *pull);
