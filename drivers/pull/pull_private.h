/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this driver share. */
#pragma once

#include "core/loop/pending.h"
#include "drivers/archive/archives.h"
#include "drivers/ctd/ctd_op.h"
#include "drivers/images/content_labels.h"
#include "drivers/images/documents.h"
#include "drivers/images/look.h"
#include "drivers/images/unpack.h"
#include "drivers/pull/fetch.h"
#include "drivers/pull/pull.h"

enum {
	PULL_FETCHES_MAX = 3,   /* layers at once of one pull */
	DRIVER_FETCHES_MAX = 6, /* of all of them */
	RATE_SAMPLES = 16,
};

struct pull_driver {
	struct image_driver driver;
	struct images *images;
	struct registries *registries;
	struct loop *loop;
	struct list pulls;   /* struct pull.link, the first that came first */
	struct list fetches; /* struct fetch.link */
	unsigned n_fetching; /* layers */
	bool closing;
	struct archives archives;
	struct pending under_way; /* pulls */
};

static inline struct pull_driver *pull_driver_of(struct image_driver *driver)
{
	return container_of(driver, struct pull_driver, driver);
}

struct layer {
	struct fetch fetch;
	struct pull *pull;
	bool there; /* its blob is */
};

struct attempt {
	struct ctd_op op;
	struct pull *pull;
};

struct pull {
	struct list link; /* struct pull_driver.pulls */
	struct pull_driver *driver;
	struct image_pull *asked;
	struct call *call; /* of the caller */
	char *namespace_, *name, *object, *lease;
	struct registry_session *session;
	bool cancelled;
	bool leased;            /* the lease may be there */
	bool has_bytes;         /* something has come that is worth to be kept */
	struct failure failure; /* the first; of this attempt */

	struct attempt *attempt; /* NULL: between two */
	struct call end;         /* of the attempt; of what is done after the last */
	struct call sub;         /* what a step of it waits for */
	struct call *step;       /* of that step */
	struct timer pause;
	unsigned n_again;           /* attempts in a row that brought nothing */
	uint64_t came, came_before; /* bytes over the wire; when the attempt began */

	struct registry_manifest head; /* what the name stands for at the registry */
	char *known;                   /* what it stands for here; NULL: nothing */
	char *known_type;              /* and of what media type and size that is */
	int64_t known_size;
	bool keeps;
	struct image_look look;
	struct image_documents documents;
	struct fetch document; /* one after the other */
	struct call *document_call;
	uint64_t documents_size;
	size_t labelled; /* of documents.path */

	struct layer *layers;  /* NULL: not known yet */
	size_t n_layers, next; /* the next one to be fetched */
	unsigned n_fetching;
	bool fetches_layers, unpacking;
	struct unpack unpack;

	struct timer tick;
	bool changed; /* something in asked->progress, since that was told */
	uint64_t samples[RATE_SAMPLES];
	unsigned n_samples;
};

static inline struct loop *loop_of(const struct pull *pull)
{
	return pull->driver->loop;
}

/* Keeps the first. What a registry says of it is in @why; NULL: containerd's, or our own. */
void pull_fail(struct pull *pull, const struct failure *why);
void pull_fail_with(struct pull *pull, enum image_fault fault, int code, const struct error *err);

/* pull.c: the next attempt. */
void pull_begin(struct pull *pull);

/* Ends whatever is under way; ends follow. Of one that is cancelled nothing is tried again. */
void pull_cut(struct pull *pull);
void pull_cancel(struct pull *pull);

/* attempt.c: one way through all the steps; @call ends it. */
void attempt_start(struct pull *pull, struct call *call);

/* pull_layers.c: all blobs of the layers, and their snapshots; completes pull->step. */
void layers_start(struct pull *pull);
void layers_cut(struct pull *pull);
/* Begins fetches, as many as there may be, for those first that have the fewest. */
void layers_pump(struct pull_driver *driver);
void layers_free(struct pull *pull);

/* pull_progress.c */
void progress_begin(struct pull *pull);
void progress_end(struct pull *pull);
/* The documents are known. */
void progress_set_layers(struct pull *pull);
void progress_set_layer(struct pull *pull, size_t layer, enum image_layer_state state);
void progress_set_fetched(struct pull *pull, size_t layer, uint64_t fetched);
void progress_add(struct pull *pull, uint64_t bytes);
