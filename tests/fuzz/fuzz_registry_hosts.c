/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever a hosts.toml holds: no crash; what is taken ends with the registry itself. */
#include "core/base/str.h"
#include "core/registry/registry_hosts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	AUTO(registry_hosts_fini) struct registry_hosts hosts = { 0 };
	struct error err;

	if (registry_hosts_parse((const char *)data, len, "quay.io", "/d", &hosts, &err) < 0)
		return 0;
	check(hosts.n >= 1 && hosts.n <= REGISTRY_HOSTS_MAX + 1);
	for (size_t i = 0; i < hosts.n; i++) {
		check(str_starts_with(hosts.items[i].url, "http"));
		check(hosts.items[i].can && hosts.items[i].client.n % 2 == 0);
	}
	return 0;
}
