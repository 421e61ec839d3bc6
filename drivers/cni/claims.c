/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/cni/claims.h"

#include "core/base/str.h"

const char *claims_owner(const struct map *claims, const char *name)
{
	const struct claim *claim = map_entry(map_find(claims, name), struct claim, node);

	return claim ? claim->owner : NULL;
}

void claims_add(struct map *claims, const char *name, const char *owner)
{
	struct claim *claim;

	if (str_empty(name) || map_find(claims, name))
		return;
	claim = xnew(struct claim);
	claim->name = xstrdup(name);
	claim->owner = xstrdup(owner);
	map_insert(claims, &claim->node, claim->name);
}

void claims_fini(struct map *claims)
{
	struct claim *claim;

	map_for_each(claim, claims, node) {
		map_remove(claims, &claim->node);
		free(claim->name);
		free(claim->owner);
		free(claim);
	}
}
