/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/conf/conflist.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(conflist_fini) struct conflist list = { 0 };
	struct error err = { 0 };

	if (conflist_parse((const char *)data, size, &list, &err) < 0) {
		check(err.msg[0] && !list.root);
		return 0;
	}
	check(!strchr(list.name, '/'));
	for (size_t i = 0; i < conflist_count_plugins(&list); i++) {
		AUTO_FREE char *input = conflist_plugin_input(
			&list, i, list.root,
			&(struct interface_wish){ "10.88.0.2", "fd00::2", "02:00:00:00:00:02" });

		check(!strchr(conflist_plugin_type(&list, i), '/'));
		check(input[0] == '{');
	}
	return 0;
}
