/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/conf/confdir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>

#include "core/base/fs.h"
#include "core/base/log.h"

void confdir_fini(struct confdir *confdir)
{
	for (size_t i = 0; i < confdir->n; i++) {
		free(confdir->items[i].path);
		conflist_fini(&confdir->items[i].list);
	}
	free(confdir->items);
	*confdir = (struct confdir){ 0 };
}

static bool is_conflist_name(const char *name)
{
	return name[0] != '.' && (str_ends_with(name, ".conflist") ||
				  str_ends_with(name, ".conf") || str_ends_with(name, ".json"));
}

static void add_file(struct confdir *confdir, const char *dir, const char *name)
{
	AUTO_FREE char *path = xasprintf("%s/%s", dir, name);
	AUTO_BUF struct buf text = { 0 };
	struct conflist list = { 0 };
	struct error err = { 0 };

	if (fs_read_file(AT_FDCWD, path, CONFLIST_MAX_BYTES, &text, &err) < 0 ||
	    conflist_parse(text.data, text.len, &list, &err) < 0) {
		log_debug("not a conflist path=%s error=\"%s\"", path, err.msg);
		return;
	}
	confdir->items = xrealloc(confdir->items, (confdir->n + 1) * sizeof(*confdir->items));
	confdir->items[confdir->n++] =
		(struct confdir_file){ .path = take_ptr(path), .list = list };
}

int confdir_read(struct confdir *confdir, const char *path, struct error *err)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	size_t n = 0;
	int r = 0, more = 0;

	if (!dir && errno == ENOENT)
		return 0;
	if (!dir)
		return error_set(err, -errno, "cannot list %s: %m", path);
	while (r == 0 && (more = fs_next_entry(dir, &entry)) > 0) {
		if (!is_conflist_name(entry->d_name))
			continue;
		if (++n > CONFDIR_MAX_FILES)
			r = error_set(err, -EFBIG, "%s has more than %d conflists", path,
				      CONFDIR_MAX_FILES);
		else
			add_file(confdir, path, entry->d_name);
	}
	closedir(dir);
	return r == 0 && more < 0 ? fs_error(err, more, "cannot list", path) : r;
}
