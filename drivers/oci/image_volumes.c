/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/oci/image_volumes.h"

#include <limits.h>

#include "core/model/target.h"

static bool climbs(const char *target)
{
	for (; *target; target += strcspn(target, "/")) {
		target += strspn(target, "/");
		if (strcspn(target, "/") == 2 && strncmp(target, "..", 2) == 0)
			return true;
	}
	return false;
}

static bool can_stand_at(const char *target)
{
	static const char *const kernels[] = { "/proc", "/sys", "/dev" };

	if (target[0] != '/' || strlen(target) >= PATH_MAX || climbs(target) ||
	    target_is_root(target))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(kernels); i++)
		if (target_contains(kernels[i], target))
			return false;
	return true;
}

static bool is_mounted_by(const Api__ContainerSpec *spec, const char *target)
{
	for (size_t i = 0; i < spec->n_volumes; i++)
		if (target_contains(spec->volumes[i]->target, target))
			return true;
	for (size_t i = 0; i < spec->n_tmpfs; i++)
		if (target_contains(spec->tmpfs[i]->target, target))
			return true;
	return false;
}

static bool is_among(const struct strv *targets, const char *target)
{
	for (size_t i = 0; i < targets->n; i++)
		if (target_equal(targets->items[i], target))
			return true;
	return false;
}

void image_volumes_choose(const struct image_config *config, const Api__ContainerSpec *spec,
			  struct strv *ret_targets)
{
	for (size_t i = 0; i < config->volumes.n; i++) {
		const char *target = config->volumes.items[i];

		if (can_stand_at(target) && !is_mounted_by(spec, target) &&
		    !is_among(ret_targets, target))
			strv_add(ret_targets, target);
	}
}
