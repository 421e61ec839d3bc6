/* SPDX-License-Identifier: Apache-2.0 */
/* The readable form of kuke status. */
#pragma once

#include "api/kukeon.pb-c.h"
#include "cli/cli.h"

/* What is not as it shall be comes first. @files: name the manifest files, and what each declares.
 */
void report_print(const Api__StatusResponse *status, bool files, const struct io *io);

/* What is held, a line each. */
void report_held_print(Api__HeldObject *const *held, size_t n, FILE *out);
