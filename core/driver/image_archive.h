/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Images that come as an archive and go as one: part of the seam to images (images.h).
 *
 * Bytes move as fast as the slower side takes them, and neither side keeps more than a bound of
 * them: whoever gives asks for room first, whoever takes may say that it takes none now.
 */
#pragma once

#include "core/base/str.h"
#include "core/loop/call.h"

/* An image that an archive had. */
struct image_loaded {
	char *name;   /* as containerd has it from now on */
	char *digest; /* what it stands for */
};

/*
 * An OCI image layout or what docker save writes, in a tar, compressed by gzip or zstd or not.
 * Embedded in its owner.
 */
struct image_load {
	/* in, copied by load() */
	const char *namespace_;

	/* More may be given: load_room(). */
	void (*on_room)(struct image_load *load);

	/* out: on the loop, from load() to the end of its call */
	uint64_t unpacked_bytes; /* of the archive, without its compression */

	/* out, when the call has ended with 0 */
	struct image_loaded *images; /* in the archive's order */
	size_t n_images;

	void *state; /* the driver's; NULL: not running */
};

/* Frees what is out; not while it runs. */
void image_load_fini(struct image_load *load);

/* Some images as one archive: an OCI image layout that docker load takes too. The same images make
 * the same bytes. Embedded in its owner. */
struct image_save {
	/* in, copied by save() */
	const char *namespace_;
	const char *const *names; /* as containerd has them */
	size_t n_names;

	/* Whether all of it was taken; if not, it comes again after save_resume(). */
	bool (*on_data)(struct image_save *save, const void *data, size_t len);

	void *state; /* the driver's; NULL: not running */
};
