/* SPDX-License-Identifier: Apache-2.0 */
/* Tells when the mount table of our namespace has changed, at all: the kernel does not say where.
 */
#pragma once

#include "core/loop/loop.h"

struct mounts;

/* @on_change runs on the loop's thread, any number of changes may be one call. NULL: it cannot be
 * watched here (no /proc, no descriptor left). */
struct mounts *mounts_open(struct loop *loop, void (*on_change)(void *ctx), void *ctx);

/* No call follows. NULL is allowed. */
void mounts_close(struct mounts *mounts);
