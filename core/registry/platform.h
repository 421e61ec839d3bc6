/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which of an index's images runs here: the order in which a host takes architectures, as
 * containerd's package platforms has it. Pure but for platform_of_host().
 */
#pragma once

#include "core/base/util.h"

/* As images name it: "linux", "amd64", "v2"; "" is not said. Strings belong to others. */
struct platform {
	const char *os, *architecture, *variant;
};

enum { PLATFORM_UNFIT = -1 };

/* What this process runs on; static strings. */
struct platform platform_of_host(void);

/* How far @image is from the best for @host: 0 is that; PLATFORM_UNFIT: it does not run there. */
int platform_rank(const struct platform *host, const struct platform *image);
