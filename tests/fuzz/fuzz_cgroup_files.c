/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/cgroup/parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_FREE char *text = xstrndup((const char *)data, size);
	AUTO(strv_fini) struct strv controllers = { 0 };
	bool populated = false;
	pid_t pids[8];
	size_t n = cgroup_parse_pids(text, pids, ARRAY_SIZE(pids));

	check(n <= ARRAY_SIZE(pids));
	for (size_t i = 0; i < n; i++)
		check(pids[i] > 0);
	cgroup_parse_controllers(text, &controllers);
	check(controllers.n <= CGROUP_CONTROLLERS_MAX);
	for (size_t i = 0; i < controllers.n; i++) {
		check(strlen(controllers.items[i]) <= CGROUP_CONTROLLER_MAX_BYTES);
		check(!strpbrk(controllers.items[i], "/. +"));
	}
	cgroup_parse_populated(text, &populated);
	if (cgroup_root_is_valid(text))
		check(!strstr(text, "/../") && !strstr(text, "//") && !str_ends_with(text, "/.."));
	return 0;
}
