/* SPDX-License-Identifier: Apache-2.0 */
/* Other programs of the host: where they are. */
#pragma once

/* The first executable @name in the directories of @dirs ("a:b"); NULL when there is none. Free
 * with free(). */
char *host_find_in(const char *dirs, const char *name);

/* The same in PATH and where a system keeps its administrator's programs. */
char *host_find_program(const char *name);
