/* SPDX-License-Identifier: Apache-2.0 */
/* Files of an image, read out of the layers of its snapshot without mounting it. */
#pragma once

#include <sys/stat.h>

#include "api/containerd.pb-c.h"
#include "core/base/buf.h"
#include "core/base/error.h"
#include "core/base/str.h"

/*
 * The directories that lie on top of each other in a snapshot, the topmost first. -EOPNOTSUPP when
 * its snapshotter keeps them in another form than overlayfs and native do.
 */
int layers_find(Ctd__Mount *const *mounts, size_t n_mounts, struct strv *ret_layers,
		struct error *err);

/*
 * Appends a file as a container would see it: upper layers hide lower ones, symbolic links stay
 * inside. Blocks: for a worker thread. -ENOENT: there is none; -EFBIG: it has more than @max_bytes;
 * -EINVAL: it is no regular file; -ELOOP: too many links. The layers' contents come from strangers.
 */
int layers_read_file(const struct strv *layers, const char *path, size_t max_bytes, struct buf *ret,
		     struct error *err);

/* Where the directory lies once all links in its path are followed: a path without links, "" for
 * the root. Free with free(). Blocks. -ENOENT; -EINVAL: it is something else. */
int layers_find_directory(const struct strv *layers, const char *path, char **ret_path,
			  struct error *err);

/* How a layer says that something of the layers below is gone, and that a directory hides all that
 * they have at its place. */
bool layers_is_whiteout(const struct stat *st);
bool layers_is_opaque(int dir_fd);
