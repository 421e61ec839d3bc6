/* SPDX-License-Identifier: Apache-2.0 */
#include "watchers/manifests/manifests_pass.h"

#include <errno.h>
#include <stdio.h>

#include "core/aside/aside.h"
#include "core/manifest/file_name.h"
#include "core/manifest/ignore.h"
#include "watchers/manifests/manifests_read.h"

/* While it is not known what of a directory counts, nothing of it is read, and nothing is gone. */
static int skip_unknown(struct manifests_pass *pass, const struct error *why)
{
	pass->partial = true;
	if (!pass->scan->problem.code)
		error_set(&pass->scan->problem, why->code,
			  "%s; nothing in its directory is read or deleted until it is put right",
			  why->msg);
	return MANIFESTS_SKIPPED;
}

static int parse_ignore_file(const char *shown, const struct manifests_found *found,
			     struct ignore *ret_ignore, struct error *err)
{
	switch (found->outcome) {
	case MANIFESTS_CONTENT:
		return ignore_parse(shown, found->content.len ? found->content.data : "",
				    found->content.len, ret_ignore, err);
	case MANIFESTS_HELD:
		return error_set(err, -EBUSY, "%s is being written", shown);
	default:
		return error_set(err, found->err.code, "%s", found->err.msg);
	}
}

/* Like a manifest: only root may write it, and it is read when nobody writes. */
static int read_ignore_file(struct manifests_pass *pass, const struct dir *dir, const char *shown,
			    struct ignore *ret_ignore, struct error *err)
{
	AUTO(path_target_fini) struct path_target target = { .own = -1 };
	struct manifests_read_options options = {
		.shown = shown,
		.only_root_writes = pass->scan->only_root_writes,
	};
	struct manifests_found found = { 0 };
	int r = path_resolve_entry(&pass->scan->watches, &pass->generation, dir->fd,
				   IGNORE_FILE_NAME, &target);

	if (r == 0 && options.only_root_writes && target.way.code < 0)
		return error_set(err, -EPERM, "%s: %s", shown, target.way.msg);
	if (r == 0)
		r = manifests_read(target.dirfd, target.name, &options, &found);
	if (r < 0)
		return error_set(err, r, "cannot read %s: %s", shown, strerror(-r));
	pass->scan->retry |= found.outcome == MANIFESTS_HELD;
	r = parse_ignore_file(shown, &found, ret_ignore, err);
	buf_fini(&found.content);
	return r;
}

int manifests_load_ignore_file(struct manifests_pass *pass, struct dir *dir)
{
	AUTO_FREE char *path = xasprintf("%s%s" IGNORE_FILE_NAME, dir->path, *dir->path ? "/" : "");
	AUTO_FREE char *shown = manifests_pass_shown_path(pass, path);
	struct error err = { 0 };
	int r;

	if (!dir->has_ignore_file)
		return 0;
	if (strv_has(&pass->scan->hung, path))
		return skip_unknown(pass, &pass->scan->hung_reason);
	manifests_scan_touches(pass->scan, path);
	r = read_ignore_file(pass, dir, shown, &dir->ignore, &err);
	if (r == -ENOENT && pass->number < MANIFESTS_PASSES_MAX)
		return MANIFESTS_PASS_AGAIN;
	return r < 0 ? skip_unknown(pass, &err) : 0;
}

bool manifests_is_ignored(struct manifests_pass *pass, const struct dir *dir, const char *path,
			  bool is_directory)
{
	for (; dir; dir = dir->parent) {
		const char *below = path + strlen(dir->path) + (*dir->path != '\0');
		enum ignore_verdict verdict =
			ignore_judge(&dir->ignore, below, is_directory, &pass->ignore_steps);

		if (verdict != IGNORE_SAYS_NOTHING)
			return verdict == IGNORE_YES;
	}
	return false;
}

int manifests_ignore_entry(struct manifests_pass *pass, const char *name, const char *path)
{
	if (!file_name_is_manifest(name))
		manifests_dirs_get(&pass->dirs, path)->ignored = true;
	return 0;
}

int manifests_ignore_costs_too_much(struct manifests_pass *pass)
{
	return error_set(&pass->scan->problem, -E2BIG,
			 "manifests directory %s: the patterns of " IGNORE_FILE_NAME
			 " take too long for so many files: nothing of it is taken up; make them "
			 "fewer or simpler",
			 pass->scan->directory);
}
