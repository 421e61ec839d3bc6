/* SPDX-License-Identifier: Apache-2.0 */
/* Rules of a realm's registryCredentials. What is secret never stands in a problem. */
#include <stdio.h>

#include "core/registry/reference.h"
#include "core/validate/validate.h"

enum {
	CREDENTIALS_MAX = 64,
	ADDRESS_MAX_BYTES = 255,
	USERNAME_MAX_BYTES = 256,
	PASSWORD_MAX_BYTES = 16 * 1024, /* tokens of clouds have some KiB */
	PREFIX_MAX_BYTES = 64,
};

/* As a name of an image begins: it is one with anything behind it. */
static bool address_is_valid(const char *address)
{
	AUTO(reference_fini) struct reference reference = { 0 };
	AUTO_FREE char *image = xasprintf("%s/x", address);
	bool has_host = address[strcspn(address, ".:")] || strncmp(address, "localhost", 9) == 0;
	size_t len = strlen(address);

	return has_host && len && len <= ADDRESS_MAX_BYTES && address[len - 1] != '/' &&
	       !strstr(address, "://") && !strchr(address, '@') &&
	       reference_parse(image, &reference, NULL) == 0;
}

static void validate_address(const char *prefix, const char *address, const char *docker_config,
			     struct model_problems *problems)
{
	if (str_empty(address) && str_empty(docker_config))
		validate_problem(problems, prefix, "serverAddress",
				 "is missing; expected a registry such as registry.example:5000");
	else if (!str_empty(address) && !address_is_valid(address))
		validate_problem(problems, prefix, "serverAddress",
				 "\"" SHOWN "\" is no registry; expected one such as docker.io, "
				 "registry.example:5000 or registry.example/team, without https://",
				 address);
}

static void validate_password(const char *prefix, const char *password,
			      struct model_problems *problems)
{
	if (password && strlen(password) > PASSWORD_MAX_BYTES)
		validate_problem(problems, prefix, "password", "has more than %d bytes",
				 PASSWORD_MAX_BYTES);
}

static void validate_entry(const char *prefix, const Api__RegistryCredentials *entry,
			   struct model_problems *problems)
{
	int ways = !str_empty(entry->password) + !str_empty(entry->password_file) +
		   !str_empty(entry->docker_config);

	validate_address(prefix, entry->server_address, entry->docker_config, problems);
	validate_password(prefix, entry->password, problems);
	if (ways != 1)
		validate_problem(problems, prefix, "password",
				 "expected exactly one of password, passwordFile and dockerConfig");
	if (!str_empty(entry->username) && !str_empty(entry->docker_config))
		validate_problem(problems, prefix, "username",
				 "stands beside dockerConfig, which has its own; leave one out");
	if (!str_empty(entry->username) && strlen(entry->username) > USERNAME_MAX_BYTES)
		validate_problem(problems, prefix, "username", "has more than %d bytes",
				 USERNAME_MAX_BYTES);
	if (!str_empty(entry->password_file))
		validate_path(prefix, "passwordFile", "the absolute path of a file",
			      entry->password_file, problems);
	if (!str_empty(entry->docker_config))
		validate_path(prefix, "dockerConfig", "the absolute path of a file",
			      entry->docker_config, problems);
}

void validate_credentials(const Api__RealmSpec *spec, struct model_problems *problems)
{
	char prefix[PREFIX_MAX_BYTES];

	if (spec->n_registry_credentials > CREDENTIALS_MAX)
		return validate_problem(problems, "spec", "registryCredentials",
					"has %zu entries, at most %d are allowed",
					spec->n_registry_credentials, CREDENTIALS_MAX);
	for (size_t i = 0; i < spec->n_registry_credentials; i++) {
		const Api__RegistryCredentials *entry = spec->registry_credentials[i];

		snprintf(prefix, sizeof(prefix), "spec.registryCredentials[%zu]", i);
		validate_entry(prefix, entry, problems);
		for (size_t j = 0; j < i; j++)
			if (!str_empty(entry->server_address) &&
			    str_equal(entry->server_address,
				      spec->registry_credentials[j]->server_address))
				validate_problem(problems, prefix, "serverAddress",
						 "\"" SHOWN "\" is there twice",
						 entry->server_address);
	}
}
