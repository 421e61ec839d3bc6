/* SPDX-License-Identifier: Apache-2.0 */
/* OCI (and Docker schema 2) image documents: index, manifest, config. Pure; what is read comes from
 * strangers. */
#pragma once

#include "core/base/error.h"
#include "core/base/str.h"
#include "core/registry/json.h"
#include "core/registry/platform.h"

/* A config or manifest of an honest image has some tens of KiB. */
enum { IMAGE_DOCUMENT_MAX_BYTES = REGISTRY_JSON_MAX_BYTES };

/* overlayfs takes a few hundred layers. */
enum { IMAGE_LAYERS_MAX = 500 };

/* A blob in the content store. */
struct image_blob {
	char *media_type;
	char *digest; /* "sha256:..." , checked for its form */
	int64_t size;
};

void image_blob_fini(struct image_blob *blob);

/* A manifest, or an index of which the entry for this host's platform was chosen. */
struct image_manifest {
	bool is_index;
	/* of an index: the manifest to read next; of a manifest: the config */
	struct image_blob blob;
	struct image_blob
		*others; /* of an index: the manifests that would do too, the best first */
	size_t n_others;
	struct image_blob *layers; /* lowest first */
	size_t n_layers;
};

void image_manifest_fini(struct image_manifest *manifest);

/* -ENOENT: an index without an image that runs on @host. */
int image_manifest_parse(const char *data, size_t len, const struct platform *host,
			 struct image_manifest *ret_manifest, struct error *err);

/* What an image says can be run to see whether it is well. A number of 0 is for its reader to
 * choose. */
struct image_health {
	struct strv
		test; /* "CMD", arguments; "CMD-SHELL", a line; "NONE"; empty: nothing is said */
	uint64_t interval_ms, timeout_ms, start_period_ms, start_interval_ms;
	unsigned retries;
};

/* What an image says about how it wants to be run. Missing strings are "". */
struct image_config {
	struct strv env, entrypoint, cmd;
	char *user, *working_dir, *stop_signal;
	struct strv volumes;       /* paths, as they stand there */
	struct strv exposed_ports; /* "80/tcp" */
	struct image_health health;
	struct strv diff_ids; /* digests of the uncompressed layers, lowest first */
};

/* "CMD-SHELL curl localhost, every 30s". NULL: there is none. Free with free(). */
char *image_health_text(const struct image_health *health);

void image_config_fini(struct image_config *config);
int image_config_parse(const char *data, size_t len, struct image_config *ret_config,
		       struct error *err);

/* Name of the snapshot that has the first @n layers applied. @n > 0. Free with free(). */
char *image_chain_id(const struct strv *diff_ids, size_t n);

/* "<algorithm>:<hex>" */
bool image_digest_is_valid(const char *digest);
