/* SPDX-License-Identifier: Apache-2.0 */
/* What the inventory of networks and the taking away of what it found share. */
#pragma once

#include "drivers/cni/cni_private.h"

/* The container id in a file of host-local's, as its plugin wrote it: "" when there is none or the
 * file is gone. Free with free(). Blocks. */
char *reservation_container(const char *path);
