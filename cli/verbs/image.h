/* SPDX-License-Identifier: Apache-2.0 */
/* kuke image: what its parts share. */
#pragma once

#include "cli/args/args.h"
#include "cli/client/client_images.h"

/* args->own */
struct image_options {
	bool all, yes; /* prune */
};

/* --realm, or default. */
const char *image_realm(const struct args *args);

/* The words behind the part's own: what it works on. */
static inline const char *const *image_names(const struct args *args)
{
	return (const char *const *)args->words + 1;
}

static inline unsigned image_n_names(const struct args *args)
{
	return args->n_words - 1;
}

enum cli_exit image_pull(const struct args *args, const struct io *io, struct error *err);
enum cli_exit image_load(const struct args *args, const struct io *io, struct error *err);
enum cli_exit image_save(const struct args *args, const struct io *io, struct error *err);
