/* SPDX-License-Identifier: Apache-2.0 */
/* The terminal that kuke stands on, while a command in a container has it. */
#pragma once

#include "core/base/error.h"

/* Whether @fd is one, and its size; 0 by 0 when it does not know. */
bool terminal_size(int fd, unsigned *ret_columns, unsigned *ret_rows);

/* Every key goes to whoever reads @fd. Undone by terminal_restore(), and by every way in which kuke
 * can end but SIGKILL. One at a time. */
int terminal_make_raw(int fd, struct error *err);
void terminal_restore(void);
