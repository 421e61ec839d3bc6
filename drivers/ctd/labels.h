/* SPDX-License-Identifier: Apache-2.0 */
/* Labels on what we make in containerd: whose it is and from which spec. Pure. */
#pragma once

#include "api/containerd.pb-c.h"
#include "core/driver/runtime.h"
#include "core/model/names.h"

#define LABEL_REALM "kukeon.io/realm"
#define LABEL_INSTANCE "kukeon.io/instance" /* which daemon's: its run path */
#define LABEL_FOUND "kukeon.io/found"       /* of a namespace that was there before its realm */
#define LABEL_SPACE "kukeon.io/space"
#define LABEL_STACK "kukeon.io/stack"
#define LABEL_CELL "kukeon.io/cell"
#define LABEL_CONTAINER "kukeon.io/container"
#define LABEL_ROLE "kukeon.io/role"
#define LABEL_SPEC_HASH "kukeon.io/spec-hash"
#define LABEL_IMAGE_DIGEST "kukeon.io/image-digest" /* on records alone */
/* As ctr writes it, for whoever stops the container. */
#define LABEL_STOP_SIGNAL "io.containerd.image.config.stop-signal"
#define LABEL_GC_ROOT "containerd.io/gc.root"
#define LABEL_GC_EXPIRE "containerd.io/gc.expire" /* RFC 3339 */
#define LABEL_IMAGE "kukeon.io/image"             /* on leases: what is pulled under it */

/* containerd's filter for objects that carry our labels. */
#define LABELS_FILTER "labels.\"" LABEL_CELL "\""

enum { LABELS_MAX = 12 };

/* Labels for one request; the strings are borrowed, except those of the cell's key. */
struct labels {
	struct key_parts parts;
	Ctd__Label items[LABELS_MAX];
	Ctd__Label *refs[LABELS_MAX];
	size_t n;
};

/* @labels begins zeroed and must not move afterwards. */
void labels_add(struct labels *labels, const char *key, const char *value);

/* The identity of a container: instance, scope, container, role, spec hash. */
void labels_add_container(struct labels *labels, const char *instance,
			  const struct container_request *request);

/* The value of a label; "" when it is missing. */
const char *labels_get(Ctd__Label *const *labels, size_t n, const char *key);

/* Fills cell_key, role, container, spec_hash and image_digest of @fact. False, and nothing is
 * changed, when these labels are not a valid identity or that of another instance: then the object
 * is none of ours. */
bool labels_read_container(Ctd__Label *const *labels, size_t n, const char *instance,
			   struct container_fact *fact);
