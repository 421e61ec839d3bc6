/* SPDX-License-Identifier: Apache-2.0 */
/* Images as people see them: tables, one in depth, and how far a pull is. */
#pragma once

#include "api/kukeon.pb-c.h"
#include "cli/args/args.h"
#include "cli/cli.h"
#include "core/base/buf.h"

/* "0 B", "12.3 MB": thousands, as registries count. */
void bytes_add(uint64_t bytes, struct buf *out);

void images_print(Api__Image *const *images, size_t n, const struct args *args,
		  const struct io *io);
void image_details_print(const Api__ImageDetails *details, const struct args *args,
			 const struct io *io);

/* A pull as it goes on: bars on a terminal, else a line for whatever a layer has come to. */
struct pull_view {
	const struct io *io;
	size_t lines; /* of bars that stand there */
	int *told;    /* states of layers that lines have said */
	size_t n_told;
	char *waits; /* as it was said last */
};

void pull_view_show(struct pull_view *view, const Api__PullProgress *progress);
/* Takes the bars away. */
void pull_view_fini(struct pull_view *view);
