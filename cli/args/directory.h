/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The manifests below a directory, for -f: the names that manifests.d takes (file_name.h), without
 * what .kukeonignore names (ignore.h), each directory's entries in byte order. Links are followed
 * as far as they stay below the directory: what lies elsewhere was not named.
 */
#pragma once

#include "core/base/util.h"

struct directory_listener {
	void *ctx;
	void (*on_file)(void *ctx, const char *path);
	void (*on_error)(void *ctx, const char *text);
};

void directory_walk(const char *path, const struct directory_listener *listener);
