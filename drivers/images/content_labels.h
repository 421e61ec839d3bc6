/* SPDX-License-Identifier: Apache-2.0 */
/* Labels by which containerd's garbage collection goes from a name to all that it stands for. */
#pragma once

#include "drivers/images/documents.h"

struct op;

/* For steps: what a manifest refers to, and what the document at @at of the path does. */
int labels_start_manifest(struct op *op, const struct image_documents *documents);
int labels_start_index(struct op *op, const struct image_documents *documents, size_t at);
