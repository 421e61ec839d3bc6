/* SPDX-License-Identifier: Apache-2.0 */
/* What is seen of the network of a space. Apart, for those who plan and call no driver. */
#pragma once

struct space_fact {
	char *space_key;
	char *conflist; /* path */
	char *bridge;
	char *subnet;  /* CIDR */
	char *subnet6; /* NULL: it is not dual stack */
	/* What of it is not as it was made, in words; NULL: nothing, as far as list() can see */
	char *drift;
};

void space_fact_fini(struct space_fact *fact);
