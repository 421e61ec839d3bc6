/* SPDX-License-Identifier: Apache-2.0 */
/* What is remembered of a cell's hosts files (core/hosts/cellfiles.h) between two writes. */
#pragma once

#include <stddef.h>

/* Hosts files as they were written, and where in each the lines about other cells begin. */
struct cellfiles_written {
	struct cellfile_written {
		char *name;
		size_t own_bytes;
	} * items;
	size_t n;
};

void cellfiles_written_add(struct cellfiles_written *written, const char *name, size_t own_bytes);
void cellfiles_written_fini(struct cellfiles_written *written);
