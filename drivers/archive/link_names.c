/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/archive/link_names.h"

#include "core/base/buf.h"
#include "core/registry/archive.h"

/* Takes away the last part; false when there is none. */
static bool go_up(struct buf *name)
{
	const char *slash = name->len ? strrchr(name->data, '/') : NULL;

	if (!name->len)
		return false;
	name->len = slash ? (size_t)(slash - name->data) : 0;
	name->data[name->len] = '\0';
	return true;
}

/* Goes on from @name along @path; false: out of the archive. */
static bool walk(struct buf *name, const char *path, bool may_go_up)
{
	while (*path) {
		size_t len = strcspn(path, "/");

		if (len == 2 && path[0] == '.' && path[1] == '.') {
			if (!may_go_up || !go_up(name))
				return false;
		} else if (len > 0 && !(len == 1 && path[0] == '.')) {
			buf_printf(name, "%s%.*s", name->len ? "/" : "", (int)len, path);
		}
		path += len;
		path += *path == '/';
	}
	return name->len <= ARCHIVE_PATH_MAX_BYTES;
}

char *entry_name(const char *path)
{
	AUTO_BUF struct buf name = { 0 };

	if (path[0] == '/' || strlen(path) > ARCHIVE_PATH_MAX_BYTES || !walk(&name, path, false))
		return NULL;
	return buf_take(&name);
}

char *entry_link(const char *entry, const char *target)
{
	AUTO_BUF struct buf name = { 0 };

	if (target[0] == '/' || !target[0] || strlen(target) > ARCHIVE_PATH_MAX_BYTES)
		return NULL;
	buf_add_str(&name, entry);
	go_up(&name); /* from the entry to where it lies */
	if (!walk(&name, target, true))
		return NULL;
	return name.len ? buf_take(&name) : NULL;
}
