/* SPDX-License-Identifier: Apache-2.0 */
#include "core/manifest/file_name.h"

#include "core/base/str.h"

bool file_name_is_ignored(const char *name)
{
	/* "4913" is the file by which vim finds out whether it may write in a directory. */
	return name[0] == '\0' || name[0] == '.' || str_ends_with(name, "~") ||
	       str_ends_with(name, ".swp") || str_ends_with(name, ".tmp") ||
	       str_equal(name, "4913") || (name[0] == '#' && str_ends_with(name, "#"));
}

bool file_name_is_manifest(const char *name)
{
	return !file_name_is_ignored(name) &&
	       (str_ends_with(name, ".yaml") || str_ends_with(name, ".yml") ||
		str_ends_with(name, ".json"));
}
