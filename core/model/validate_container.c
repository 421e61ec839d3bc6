/* SPDX-License-Identifier: Apache-2.0 */
/* Rules of one container, wherever it is declared. */
#include <errno.h>
#include <stdio.h>

#include "core/model/validate.h"

enum { IMAGE_MAX_BYTES = 512, PREFIX_MAX_BYTES = 128 };

static void validate_image(const char *prefix, const char *image, struct model_problems *problems)
{
	if (str_empty(image)) {
		validate_problem(
			problems, prefix, "image",
			"missing; expected an image such as docker.io/library/busybox:latest");
		return;
	}
	if (strlen(image) > IMAGE_MAX_BYTES)
		validate_problem(problems, prefix, "image", "has %zu bytes, at most %d are allowed",
				 strlen(image), IMAGE_MAX_BYTES);
	for (const unsigned char *p = (const unsigned char *)image; *p; p++) {
		if (*p > ' ' && *p < 0x7f)
			continue;
		validate_problem(problems, prefix, "image",
				 "\"" SHOWN
				 "\" is not an image reference; expected ASCII without spaces",
				 image);
		return;
	}
}

static void validate_env(const char *prefix, const Api__ContainerSpec *spec,
			 struct model_problems *problems)
{
	for (size_t i = 0; i < spec->n_env; i++) {
		const char *equals = strchr(spec->env[i], '=');
		char field[32];

		if (equals && equals != spec->env[i])
			continue;
		snprintf(field, sizeof(field), "env[%zu]", i);
		validate_problem(problems, prefix, field,
				 "expected NAME=value with a name before the '='");
	}
}

static void validate_restart(const char *prefix, const char *policy,
			     struct model_problems *problems)
{
	static const char *const policies[] = { "always", "on-failure", "never" };
	const char *nearest;

	if (str_empty(policy))
		return;
	for (size_t i = 0; i < ARRAY_SIZE(policies); i++)
		if (str_equal(policy, policies[i]))
			return;
	nearest = str_nearest(policy, policies, ARRAY_SIZE(policies));
	if (nearest)
		validate_problem(problems, prefix, "restartPolicy",
				 "\"" SHOWN "\" is not a restart policy, did you mean \"%s\"?",
				 policy, nearest);
	else
		validate_problem(problems, prefix, "restartPolicy",
				 "\"" SHOWN
				 "\" is not a restart policy; expected always, on-failure or never",
				 policy);
}

/* A decimal id in front of @end; (uid_t)-1 means "leave as it is" to the kernel and is none. */
static bool id_is_valid(const char *id, const char *end)
{
	char *stop;
	unsigned long long value;

	if (id == end || strspn(id, "0123456789") < (size_t)(end - id))
		return false;
	errno = 0;
	value = strtoull(id, &stop, 10);
	return errno == 0 && stop == end && value < UINT32_MAX;
}

static bool user_is_valid(const char *user)
{
	const char *colon = strchr(user, ':'), *end = user + strlen(user);

	if (str_equal(user, "root"))
		return true;
	if (!colon)
		return id_is_valid(user, end);
	return id_is_valid(user, colon) && id_is_valid(colon + 1, end);
}

static void validate_process(const char *prefix, const Api__ContainerSpec *spec,
			     struct model_problems *problems)
{
	if (!str_empty(spec->stop_signal) && !model_signal_parse(spec->stop_signal))
		validate_problem(problems, prefix, "stopSignal",
				 "\"" SHOWN "\" is not a signal; expected a name such as SIGTERM "
				 "or a number from 1 to 64",
				 spec->stop_signal);
	if (!str_empty(spec->user) && !user_is_valid(spec->user))
		validate_problem(
			problems, prefix, "user",
			"\"" SHOWN
			"\" is not a user; expected root, or numbers such as 1000 or 1000:1000",
			spec->user);
	if (!str_empty(spec->working_dir))
		validate_path(prefix, "workingDir", "an absolute path in the container",
			      spec->working_dir, problems);
}

static void validate_source(const char *prefix, const Api__Volume *volume,
			    struct model_problems *problems)
{
	if (str_empty(volume->kind) || str_equal(volume->kind, "bind"))
		validate_path(prefix, "source", "an absolute path on the host", volume->source,
			      problems);
	else if (!str_equal(volume->kind, "tmpfs"))
		validate_problem(problems, prefix, "kind",
				 "\"" SHOWN "\" is not a volume kind; expected bind or tmpfs",
				 volume->kind);
	else if (!str_empty(volume->source))
		validate_problem(problems, prefix, "source", "a tmpfs has no source; leave it out");
}

static size_t path_bytes(const char *path)
{
	size_t len = strlen(path);

	while (len > 1 && path[len - 1] == '/')
		len--;
	return len;
}

static bool same_target(const Api__Volume *a, const Api__Volume *b)
{
	if (str_empty(a->target) || str_empty(b->target))
		return false;
	return path_bytes(a->target) == path_bytes(b->target) &&
	       strncmp(a->target, b->target, path_bytes(a->target)) == 0;
}

static void validate_volumes(const char *container_prefix, const Api__ContainerSpec *spec,
			     struct model_problems *problems)
{
	char prefix[PREFIX_MAX_BYTES];

	for (size_t i = 0; i < spec->n_volumes; i++) {
		const Api__Volume *volume = spec->volumes[i];

		snprintf(prefix, sizeof(prefix), "%s.volumes[%zu]", container_prefix, i);
		validate_path(prefix, "target", "an absolute path in the container", volume->target,
			      problems);
		if (!str_empty(volume->target) && volume->target[0] == '/' &&
		    path_bytes(volume->target) == 1)
			validate_problem(problems, prefix, "target",
					 "a volume cannot replace the root filesystem");
		validate_source(prefix, volume, problems);
		for (size_t before = 0; before < i; before++) {
			if (!same_target(volume, spec->volumes[before]))
				continue;
			validate_problem(problems, prefix, "target",
					 "\"" SHOWN "\" is the target of volumes[%zu] already",
					 volume->target, before);
			break;
		}
	}
}

static void refuse_unsupported(const char *prefix, const Api__ContainerSpec *spec,
			       struct model_problems *problems)
{
	if (spec->n_ports)
		validate_problem(problems, prefix, "ports",
				 "publishing ports is not supported by this version");
	if (spec->n_networks)
		validate_problem(problems, prefix, "networks",
				 "joining further networks is not supported by this version");
	if (spec->n_networks_aliases)
		validate_problem(problems, prefix, "networksAliases",
				 "network aliases are not supported by this version");
}

void validate_container(const char *prefix, const Api__ContainerSpec *spec,
			struct model_problems *problems)
{
	validate_image(prefix, spec->image, problems);
	validate_env(prefix, spec, problems);
	validate_restart(prefix, spec->restart_policy, problems);
	validate_process(prefix, spec, problems);
	validate_volumes(prefix, spec, problems);
	refuse_unsupported(prefix, spec, problems);
}
