/* SPDX-License-Identifier: Apache-2.0 */
#include "core/model/networks.h"

char *networks_space_key(const char *entry, const char *realm)
{
	AUTO_FREE char *key =
		strchr(entry, '/') ? xstrdup(entry) : xasprintf("%s/%s", realm ? realm : "", entry);
	struct key_parts parts;

	return key_split(key, &parts) && parts.kind == KIND_SPACE ? take_ptr(key) : NULL;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void add_all(const Api__CellSpec *spec, struct strv *keys)
{
	for (size_t i = 0; i < spec->n_containers; i++) {
		const Api__ContainerSpec *container = spec->containers[i];

		for (size_t k = 0; k < container->n_networks; k++) {
			AUTO_FREE char *key =
				networks_space_key(container->networks[k], spec->realm_id);

			if (key)
				strv_add(keys, key);
		}
	}
}

void networks_of_cell(const Api__CellSpec *spec, struct strv *ret_space_keys)
{
	AUTO(strv_fini) struct strv all = { 0 };
	AUTO_FREE char *own = xasprintf("%s/%s", spec->realm_id ? spec->realm_id : "",
					spec->space_id ? spec->space_id : "");

	add_all(spec, &all);
	if (all.n)
		qsort(all.items, all.n, sizeof(*all.items), by_text);
	for (size_t i = 0; i < all.n; i++)
		if (!str_equal(all.items[i], own) &&
		    (i == 0 || !str_equal(all.items[i], all.items[i - 1])))
			strv_add(ret_space_keys, all.items[i]);
}
