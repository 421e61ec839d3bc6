/* SPDX-License-Identifier: Apache-2.0 */
/* Linux capabilities by name: those that the kernel's headers know today. Pure. */
#pragma once

#include "core/base/str.h"

#define CAPABILITY_ALL "ALL"

/* "CAP_CHOWN" of 0; NULL past the last one that is known here. */
const char *capability_name(unsigned number);

/* The number of a name with or without CAP_, in any case; -1 when there is none. */
int capability_parse(const char *name);
bool capability_is_all(const char *name);

/* Both mean the same. */
bool capability_equal(const char *a, const char *b);

/* The name, without CAP_, that was probably meant; NULL when none is near. */
const char *capability_nearest(const char *name);

/* Bit n for capability n of what a container has that says nothing: what containerd's own clients
 * give. */
uint64_t capability_defaults(void);
