/* SPDX-License-Identifier: Apache-2.0 */
/* What host-local keeps of an address that it gave: a file of its name. */
#pragma once

#include "drivers/conf/conflist.h"

enum { RESERVATION_MAX_BYTES = 4096 };

/* The file of an address; NULL when there is no such address, or nothing reserves for the network.
 * Free with free(). */
char *reservation_path(const struct conflist *list, const char *ip);

/* The container id in such a file, as its plugin wrote it: "" when there is none or the file is
 * gone. Free with free(). Blocks. */
char *reservation_container(const char *path);
