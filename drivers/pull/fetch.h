/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One blob from a registry into containerd's content store, as it comes. What a fetch that broke
 * off has written is gone on from; nothing is asked of the registry when the blob is there, here or
 * with another realm: whoever may see the manifest may see what is in it. Of the same blob at the
 * same time in the same namespace one is fetched, and the others find it.
 */
#pragma once

#include "drivers/ctd/blob_writer.h"
#include "drivers/images/images.h"
#include "drivers/registry/registry.h"

struct pull;

/* How something ended that did not end well. */
struct failure {
	int code; /* 0: it did */
	struct error err;
	enum image_fault fault;
	uint64_t retry_after_ms;
	bool again; /* containerd was away, or will have let go soon: worth another try at once */
};

/* Embedded in its owner. */
struct fetch {
	/* in; not copied, valid until the end */
	struct pull *pull;
	const struct image_blob *blob;
	bool is_document;                      /* an index or a manifest, else a blob */
	void (*on_end)(struct fetch *fetch);   /* once, later */
	void (*on_bytes)(struct fetch *fetch); /* fetch->fetched has grown; NULL: nobody asks */

	/* out */
	uint64_t fetched; /* bytes of it, those too that came before */
	bool asked;       /* the registry was asked for it: it was not there */
	struct failure failure;

	/* its own */
	struct list link; /* struct pull_driver.fetches */
	char *ref;
	bool running, waits; /* waits: another is at the same blob */
	bool writing, asking, aborting, paused;
	bool written; /* containerd has it, whole and with its digest */
	bool wrong;   /* what was written is another one, and is to go */
	struct blob_writer writer;
	struct registry_blob source;
	struct registry_manifest document;
	struct call call;
	struct rpc_unary abort;
	struct buf buf; /* came, and is not on its way yet */
	struct deferred end;
	int64_t moved_to; /* what containerd had at moved_ms */
	uint64_t moved_ms;
};

void fetch_start(struct fetch *fetch);

/* It ends with -ECANCELED, later. */
void fetch_cancel(struct fetch *fetch);

/* Gives up when containerd has not moved for too long. */
void fetch_watch(struct fetch *fetch, uint64_t now_ms);
