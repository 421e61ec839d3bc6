/* SPDX-License-Identifier: Apache-2.0 */
/* Writes a tar into memory, piece by piece: the same files make the same bytes. By libarchive. */
#pragma once

#include "core/base/buf.h"

struct tar_writer;

/* What is written is added to @out, which stays. */
struct tar_writer *tar_writer_new(struct buf *out);
void tar_writer_free(struct tar_writer *writer);

/* A file begins; @size bytes of data follow. */
void tar_writer_file(struct tar_writer *writer, const char *name, uint64_t size);
void tar_writer_data(struct tar_writer *writer, const void *data, size_t len);
void tar_writer_end(struct tar_writer *writer);
