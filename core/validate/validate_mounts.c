/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rules of what is put into a container's filesystem: volumes, tmpfs, devices.
 *
 * No two of them may have one target, whichever lists they stand in: the order of mounts would
 * decide in silence which of them is seen.
 */
#include <stdio.h>

#include "core/model/target.h"
#include "core/validate/validate.h"

#define IN_CONTAINER "an absolute path in the container"

enum { PREFIX_MAX_BYTES = 128 };

/* ---- targets ---- */

struct targets {
	const char *prefix; /* of the container */
	struct {
		const char *list;
		size_t index;
		const char *path;
		uint32_t hash; /* of the path: each is compared with all before it */
	} seen[3 * VALIDATE_LIST_MAX];
	size_t n;
	struct model_problems *problems;
};

/* @prefix is that of the entry, @what names it in messages. */
static void validate_target(const struct targets *targets, const char *prefix, const char *what,
			    const char *path)
{
	validate_path(prefix, "target", IN_CONTAINER, path, targets->problems);
	if (!str_empty(path) && target_is_root(path))
		validate_problem(targets->problems, prefix, "target",
				 "a %s cannot replace the root filesystem", what);
}

static void take_target(struct targets *targets, const char *prefix, const char *list, size_t index,
			const char *path)
{
	uint32_t hash = target_hash(path);

	for (size_t i = 0; i < targets->n; i++) {
		if (hash != targets->seen[i].hash || !target_equal(path, targets->seen[i].path))
			continue;
		validate_problem(targets->problems, prefix, "target",
				 "\"" SHOWN "\" is the target of %s[%zu] already", path,
				 targets->seen[i].list, targets->seen[i].index);
		return;
	}
	targets->seen[targets->n].list = list;
	targets->seen[targets->n].index = index;
	targets->seen[targets->n].hash = hash;
	targets->seen[targets->n++].path = path;
}

static void set_prefix(char prefix[PREFIX_MAX_BYTES], const struct targets *targets,
		       const char *list, size_t i)
{
	snprintf(prefix, PREFIX_MAX_BYTES, "%s.%s[%zu]", targets->prefix, list, i);
}

/* ---- volumes ---- */

static void validate_source(const char *prefix, const Api__Volume *volume,
			    struct model_problems *problems)
{
	validate_enum(prefix, "kind", &api__volume_kind__descriptor, (int)volume->kind, problems);
	if (volume->kind != API__VOLUME_KIND__VOLUME_KIND_TMPFS)
		validate_path(prefix, "source", "an absolute path on the host", volume->source,
			      problems);
	else if (!str_empty(volume->source))
		validate_problem(problems, prefix, "source", "a tmpfs has no source; leave it out");
}

static void validate_volumes(struct targets *targets, const Api__ContainerSpec *spec)
{
	char prefix[PREFIX_MAX_BYTES];

	for (size_t i = 0; i < spec->n_volumes; i++) {
		set_prefix(prefix, targets, "volumes", i);
		validate_target(targets, prefix, "volume", spec->volumes[i]->target);
		take_target(targets, prefix, "volumes", i, spec->volumes[i]->target);
		validate_source(prefix, spec->volumes[i], targets->problems);
	}
}

/* ---- tmpfs ---- */

static bool mode_is_valid(const char *mode)
{
	size_t len = strlen(mode);

	return strspn(mode, "01234567") == len && (len <= 4 || (len == 5 && mode[0] == '0'));
}

static void validate_tmpfs(struct targets *targets, const Api__ContainerSpec *spec)
{
	char prefix[PREFIX_MAX_BYTES];

	for (size_t i = 0; i < spec->n_tmpfs; i++) {
		const Api__Tmpfs *tmpfs = spec->tmpfs[i];
		uint64_t bytes;

		set_prefix(prefix, targets, "tmpfs", i);
		validate_target(targets, prefix, "tmpfs", tmpfs->target);
		take_target(targets, prefix, "tmpfs", i, tmpfs->target);
		if (!str_empty(tmpfs->size) && !model_size_parse(tmpfs->size, &bytes))
			validate_problem(targets->problems, prefix, "size",
					 "\"" SHOWN "\" is not a size; expected a number of bytes "
					 "or one with k, m or g such as 64m",
					 tmpfs->size);
		if (!str_empty(tmpfs->mode) && !mode_is_valid(tmpfs->mode))
			validate_problem(targets->problems, prefix, "mode",
					 "\"" SHOWN "\" is not an access mode; expected up to four "
					 "octal digits such as \"1777\" or \"0755\"",
					 tmpfs->mode);
	}
}

/* ---- devices ---- */

/* Each of r, w and m at most once. */
static bool permissions_are_valid(const char *permissions)
{
	for (const char *p = permissions; *p; p++)
		if (!strchr("rwm", *p) || strchr(p + 1, *p))
			return false;
	return true;
}

static void validate_devices(struct targets *targets, const Api__ContainerSpec *spec)
{
	char prefix[PREFIX_MAX_BYTES];

	for (size_t i = 0; i < spec->n_devices; i++) {
		const Api__Device *device = spec->devices[i];

		set_prefix(prefix, targets, "devices", i);
		validate_path(prefix, "source", "the absolute path of a device on the host",
			      device->source, targets->problems);
		if (!str_empty(device->target))
			validate_target(targets, prefix, "device", device->target);
		take_target(targets, prefix, "devices", i, model_device_target(device));
		if (!str_empty(device->permissions) && !permissions_are_valid(device->permissions))
			validate_problem(targets->problems, prefix, "permissions",
					 "\"" SHOWN "\" are not device permissions; expected some "
					 "of r, w and m such as rw",
					 device->permissions);
	}
}

void validate_mounts(const char *prefix, const Api__ContainerSpec *spec,
		     struct model_problems *problems)
{
	struct targets targets = { .prefix = prefix, .problems = problems };

	if (validate_list(prefix, "volumes", spec->n_volumes, problems))
		validate_volumes(&targets, spec);
	if (validate_list(prefix, "tmpfs", spec->n_tmpfs, problems))
		validate_tmpfs(&targets, spec);
	if (validate_list(prefix, "devices", spec->n_devices, problems))
		validate_devices(&targets, spec);
}
