/* SPDX-License-Identifier: Apache-2.0 */
/* Rules of one container, wherever it is declared. */
#include <limits.h>
#include <stdio.h>

#include "core/model/field.h"
#include "core/registry/reference.h"
#include "core/validate/validate.h"

enum {
	IMAGE_MAX_BYTES = 512,
	/* The kernel executes nothing with a longer argument or variable: MAX_ARG_STRLEN without
	 * its NUL, with the smallest pages. */
	EXEC_STRING_MAX_BYTES = 32 * 4096 - 1,
};

static bool is_printable(const char *image)
{
	for (const unsigned char *p = (const unsigned char *)image; *p; p++) {
		if (*p <= ' ' || *p >= 0x7f)
			return false;
	}
	return true;
}

static void validate_image(const char *prefix, const char *image, struct model_problems *problems)
{
	AUTO(reference_fini) struct reference reference = { 0 };
	struct error err;

	if (str_empty(image))
		validate_problem(problems, prefix, "image",
				 "missing; expected an image such as nginx:1.27 or "
				 "registry.example/team/app:1");
	else if (strlen(image) > IMAGE_MAX_BYTES)
		validate_problem(problems, prefix, "image", "has %zu bytes, at most %d are allowed",
				 strlen(image), IMAGE_MAX_BYTES);
	else if (!is_printable(image))
		validate_problem(problems, prefix, "image",
				 "\"" SHOWN
				 "\" is not an image reference; expected ASCII without spaces",
				 image);
	else if (reference_parse(image, &reference, &err) < 0)
		validate_problem(problems, prefix, "image", "%s", err.msg);
}

/* Says nothing of the value, which may be a secret. */
static void validate_length(const char *prefix, const char *field, const char *value,
			    struct model_problems *problems)
{
	if (strlen(value) > EXEC_STRING_MAX_BYTES) /* NAME= counts */
		validate_problem(problems, prefix, field,
				 "has %zu bytes; the kernel starts no process with an argument or "
				 "a variable of more than %d; mount it as a file",
				 strlen(value), EXEC_STRING_MAX_BYTES);
}

static void validate_command(const char *prefix, const Api__ContainerSpec *spec,
			     struct model_problems *problems)
{
	if (!str_empty(spec->command) && strlen(spec->command) >= PATH_MAX)
		validate_problem(problems, prefix, "command",
				 "has %zu bytes, at most %d are allowed", strlen(spec->command),
				 PATH_MAX - 1);
	for (size_t i = 0; i < spec->n_args; i++) {
		char field[32];

		snprintf(field, sizeof(field), "args[%zu]", i);
		validate_length(prefix, field, spec->args[i], problems);
	}
}

static void validate_env(const char *prefix, const Api__ContainerSpec *spec,
			 struct model_problems *problems)
{
	for (size_t i = 0; i < spec->n_env; i++) {
		const char *equals = strchr(spec->env[i], '=');
		char field[32];

		snprintf(field, sizeof(field), "env[%zu]", i);
		if (!equals || equals == spec->env[i])
			validate_problem(problems, prefix, field,
					 "expected NAME=value with a name before the '='");
		validate_length(prefix, field, spec->env[i], problems);
	}
}

/* Of documents the mapper knows; a client of the API may send any number. */
void validate_enum(const char *prefix, const char *field, const ProtobufCEnumDescriptor *type,
		   int value, struct model_problems *problems)
{
	if (!protobuf_c_enum_descriptor_get_value(type, value))
		validate_problem(problems, prefix, field, "%d is not a value of it that is known",
				 value);
}

static void validate_logs(const char *prefix, const Api__ContainerSpec *spec,
			  struct model_problems *problems)
{
	uint64_t bytes;

	validate_enum(prefix, "logDriver", &api__log_driver__descriptor, (int)spec->log_driver,
		      problems);
	if (!str_empty(spec->log_max_size) &&
	    (!model_size_parse(spec->log_max_size, &bytes) || bytes < MODEL_LOG_SIZE_MIN))
		validate_problem(problems, prefix, "logMaxSize",
				 "\"" SHOWN
				 "\" is not a size of a log file; expected at least 64k, "
				 "such as 10m",
				 spec->log_max_size);
	if (spec->log_max_files > MODEL_LOG_FILES_MAX)
		validate_problem(problems, prefix, "logMaxFiles",
				 "%u files are too many; at most %d are kept", spec->log_max_files,
				 MODEL_LOG_FILES_MAX);
}

static void validate_settings(const char *prefix, const Api__ContainerSpec *spec,
			      struct model_problems *problems)
{
	validate_command(prefix, spec, problems);
	validate_env(prefix, spec, problems);
	validate_enum(prefix, "restartPolicy", &api__restart_policy__descriptor,
		      (int)spec->restart_policy, problems);
	validate_enum(prefix, "imagePullPolicy", &api__image_pull_policy__descriptor,
		      (int)spec->image_pull_policy, problems);
	validate_logs(prefix, spec, problems);
	validate_process(prefix, spec, problems);
	validate_mounts(prefix, spec, problems);
}

void validate_container_defaults(const char *prefix, const Api__ContainerDefaults *defaults,
				 struct model_problems *problems)
{
	Api__ContainerSpec spec = API__CONTAINER_SPEC__INIT; /* borrows everything */

	if (!validate_defaults_size(prefix, defaults, problems))
		return;
	message_borrow(&spec.base, &defaults->base);
	validate_settings(prefix, &spec, problems);
}

void validate_container(const char *prefix, const Api__ContainerSpec *spec,
			struct model_problems *problems)
{
	validate_image(prefix, spec->image, problems);
	validate_settings(prefix, spec, problems);
	validate_networks(prefix, spec, problems);
	validate_ports(prefix, spec, problems);
	validate_aliases(prefix, spec, problems);
}
