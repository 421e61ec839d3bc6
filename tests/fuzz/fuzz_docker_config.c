/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever a config.json holds: no crash; a login has a secret, a helper's name leads nowhere. */
#include "core/base/str.h"
#include "core/registry/docker_config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	AUTO(docker_config_fini) struct docker_config config = { 0 };
	AUTO(reference_fini) struct reference reference = { 0 };
	const struct docker_login *login;
	const char *helper;
	struct error err;

	check(reference_parse("quay.io/team/app", &reference, &err) == 0);
	if (docker_config_parse((const char *)data, len, &config, &err) < 0)
		return 0;
	login = docker_config_find(&config, &reference);
	check(!login || (login->username && login->secret));
	helper = docker_config_helper(&config, &reference);
	check(!helper || (*helper && !strchr(helper, '/')));
	return 0;
}
