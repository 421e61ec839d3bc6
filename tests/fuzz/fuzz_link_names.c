/* SPDX-License-Identifier: Apache-2.0 */
/* Names of entries and where links lead: whatever strangers write, it stays within the archive. The
 * input is a name and, behind a NUL, what it links to. */
#include <stdio.h>

#include "core/registry/archive.h"
#include "drivers/archive/link_names.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check_name(const char *name)
{
	AUTO_FREE char *again = NULL;

	if (!name || !*name)
		return;
	check(archive_path_is_inside(name));
	check(!strstr(name, "//") && name[strlen(name) - 1] != '/');
	again = entry_name(name);
	check(again && strcmp(again, name) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	AUTO_FREE char *text = xstrndup((const char *)data, len);
	const char *rest = memchr(data, 0, len);
	AUTO_FREE char *target =
		rest ? xstrndup(rest + 1, len - (size_t)(rest + 1 - (const char *)data))
		     : xstrdup("");
	AUTO_FREE char *name = entry_name(text);
	AUTO_FREE char *link = name ? entry_link(name, target) : NULL;

	check_name(name);
	check_name(link);
	check(!link || *link);
	return 0;
}
