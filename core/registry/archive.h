/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an archive of images says is in it: the index of an OCI image layout (image specification,
 * "image-layout"), or the manifest.json that docker save writes. Pure; bounded.
 */
#pragma once

#include "core/base/error.h"
#include "core/base/str.h"

enum {
	ARCHIVE_IMAGES_MAX = 256,
	ARCHIVE_NAMES_MAX = 256, /* of one image */
	ARCHIVE_LAYERS_MAX = 500,
	ARCHIVE_PATH_MAX_BYTES = 4096,
};

struct archive_image {
	struct strv names; /* whole ones, as containerd calls images; none: it has no name */
	char *tag;         /* the layout says a tag without a name; NULL: it does not */
	/* Of a layout: its manifest or index. */
	char *media_type, *digest;
	int64_t size;
	/* Of docker save: entries of the archive, the lowest layer first. */
	char *config;
	struct strv layers;
};

struct archive_images {
	struct archive_image *items;
	size_t n;
};

void archive_images_fini(struct archive_images *images);

/* -EBADMSG, -EFBIG: with what is wrong and where; @ret_images is untouched. */
int archive_parse_layout(const char *index, size_t len, struct archive_images *ret_images,
			 struct error *err);
int archive_parse_docker(const char *manifest, size_t len, struct archive_images *ret_images,
			 struct error *err);

/* The entry of a layout that has this blob: "blobs/sha256/<hex>". Free with free(). */
char *archive_blob_path(const char *digest);

/* Whether an entry's name, or where a link leads, stays within the archive: relative, without "..".
 */
bool archive_path_is_inside(const char *path);
