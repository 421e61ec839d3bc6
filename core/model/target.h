/* SPDX-License-Identifier: Apache-2.0 */
/* Paths in a container, compared as the kernel walks them: repeated slashes, "." and a slash at the
 * end count for nothing. Pure. */
#pragma once

#include "core/base/str.h"

/* False when one of them is empty or NULL: that names no place. */
bool target_equal(const char *a, const char *b);

/* @inner is @outer, or below it. Neither has a "..". False when one of them is empty or NULL. */
bool target_contains(const char *outer, const char *inner);

/* Equal targets have equal hashes. */
uint32_t target_hash(const char *path);

/* How many components lead there from the root, ".." taken back: what is mounted at a path of less
 * depth hides what was mounted below it before. */
size_t target_depth(const char *path);

/* The path is "/", however it is written. */
bool target_is_root(const char *path);
