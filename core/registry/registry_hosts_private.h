/* SPDX-License-Identifier: Apache-2.0 */
/* A hosts.toml as it stands there, before hosts are made of it. */
#pragma once

#include "core/registry/registry_hosts.h"

/* One host as the file has it: what stands at the top, or below [host."..."]. */
struct hosts_entry {
	char *name; /* its URL, or nothing but a host; NULL: of the top, not said */
	struct registry_host host;
	bool override_path;
};

struct hosts_file {
	const char *registry, *directory;
	struct hosts_entry top;
	struct hosts_entry *hosts; /* in order */
	size_t n_hosts;
};

void hosts_file_fini(struct hosts_file *file);

/* Into a file of which registry and directory are set. */
int hosts_file_read(const char *text, size_t len, struct hosts_file *file, struct error *err);
