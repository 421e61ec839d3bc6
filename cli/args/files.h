/* SPDX-License-Identifier: Apache-2.0 */
/* The documents of all files that -f names. */
#pragma once

#include "core/base/map.h"
#include "core/manifest/manifest.h"

/* One document; good, and the only one for its object. */
struct file_document {
	struct map_node node; /* struct files.by_key; the key of the object */
	char *path;
	struct document *document;
};

/* A zeroed struct is empty. */
struct files {
	struct file_document **documents; /* realms first, containers last */
	size_t n;
	struct map by_key; /* struct file_document.node */
	struct map seen;   /* struct seen_file.node: what was read, by device and inode */
	struct strv errors;
};

void files_fini(struct files *files);

/*
 * Reads files, directories (every manifest below them, as manifests.d does) and "-", standard
 * input. What is wrong goes to files->errors with its place; the good documents are there
 * nonetheless.
 */
void files_load(const struct strv *paths, struct files *files);
