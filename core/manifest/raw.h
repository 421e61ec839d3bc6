/* SPDX-License-Identifier: Apache-2.0 */
/* What the bytes of a file must be before they are read as YAML. Pure. */
#pragma once

#include "core/manifest/reader.h"

enum { RAW_BOM_BYTES = 3 };

/* A byte order mark in UTF-8: some editors put it in front of a file. */
bool raw_is_bom(const char *data, size_t len);

/* Text in UTF-8 with few directives; else false, and reported. */
bool raw_check(const char *data, size_t len, const struct reader_handlers *handlers);
