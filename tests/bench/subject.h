/* SPDX-License-Identifier: Apache-2.0 */
/* The daemon under test, from outside: manifests go into its directory, what it says comes over
 * Watch. */
#pragma once

#include "core/base/util.h"

enum { SUBJECT_CELLS_MAX = 128 };

struct subject_options {
	const char *socket, *manifests_dir;
	const char *dir; /* for files not yet in place; the same filesystem as the manifests */
	const char *image;
};

struct subject;

/* Connects, watches, and gives the daemon the realm, space and stack that stay. Lives as long as
 * the program. */
struct subject *subject_open(const struct subject_options *options);

/* From the first rename into place until the last of @n cells is Ready. The cells are numbered from
 * @first. */
double subject_drop(struct subject *subject, unsigned first, unsigned n, unsigned n_sides);

/* Returns when the cells are gone. */
void subject_remove(struct subject *subject, unsigned first, unsigned n);

/* Of cell 0: SIGKILL of the root's or the other process until its successor runs and the cell is
 * Ready. */
double subject_kill(struct subject *subject, bool root);

/* Puts a cell in place whose containers are these lines of YAML. Does not wait for it. */
void subject_put(struct subject *subject, unsigned number, const char *containers);

/* How often containers of the cell were started again, as Watch said last. */
uint32_t subject_restarts(struct subject *subject, unsigned number);
