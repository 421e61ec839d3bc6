/* SPDX-License-Identifier: Apache-2.0 */
/* What users of kubectl, podman, docker and systemctl type, and what they type here. */
#pragma once

#include <stdio.h>

/* "here it is '...'" or what to do instead, for what @verb does there; NULL: nothing is known. Free
 * with free(). */
char *foreign_find(const char *verb);

/* All of it, as a table of Markdown. */
void foreign_print(FILE *out);
