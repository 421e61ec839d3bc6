/* SPDX-License-Identifier: Apache-2.0 */
/* A directory of an image, copied out of the layers of its snapshot without mounting it. */
#pragma once

#include <stdatomic.h>

#include "core/base/error.h"
#include "core/base/str.h"

/*
 * Copies into the empty directory behind @fd what a container would see at @path, with owners,
 * modes, times, extended attributes and holes; @fd itself becomes like the directory. Links are
 * copied, never followed; names of one file become files of their own. Blocks, for as long as that
 * takes: for a thread of its own. -ENOENT: the image has no such directory; -EINVAL: it is
 * something else; -E2BIG: more than a million entries; -ELOOP: nested too deep; -ECANCELED: @stop
 * was set meanwhile. Part of it may be there then.
 */
int layers_copy(const struct strv *layers, const char *path, int fd, const atomic_bool *stop,
		struct error *err);
