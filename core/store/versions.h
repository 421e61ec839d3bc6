/* SPDX-License-Identifier: Apache-2.0 */
/*
 * No version (metadata.resourceVersion) is used twice, whatever becomes of the daemon. Versions are
 * counted in memory; a file has a number that none of them has come to yet, and that is where the
 * next daemon goes on. It is written at start, and again when half of what it reserves is used up.
 */
#pragma once

#include "core/state/engine.h"

/* Below the run path. No realm has such a name. */
#define VERSIONS_FILE "resource.version"

/* Sets where to go on. */
void versions_restore(struct engine *engine);

/* Reserves more, durably. Returns the first version that is not reserved. */
uint64_t versions_reserve(struct engine *engine);

/* More are to be reserved: @text of the file then, and where it ends. */
bool versions_are_low(const struct engine *engine, uint64_t end);
char *versions_text(const struct engine *engine, uint64_t *ret_end);
