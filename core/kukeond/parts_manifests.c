/* SPDX-License-Identifier: Apache-2.0 */
/* The manifests: what their watcher says goes to what is desired. */
#include "core/kukeond/kukeond.h"

#include "core/desired/desired.h"
#include "core/manifest/manifest.h"
#include "watchers/manifests/manifests.h"

enum {
	QUIET_MS = 5,       /* a burst of changes of manifests.d is read once */
	QUIET_MAX_MS = 100, /* after the first change of a burst that does not end */
	POLL_MS = 2000,     /* where inotify sees nothing, and for a file that cannot be read */
};

static void on_file(void *ctx, const char *path, const char *data, size_t len)
{
	struct kukeond *k = ctx;
	struct manifest manifest;

	manifest_parse(path, data, len, &manifest);
	desired_set_file(&k->engine, path, &manifest);
	manifest_fini(&manifest);
}

static void on_file_error(void *ctx, const char *path, const struct error *err)
{
	struct kukeond *k = ctx;

	desired_set_file_error(&k->engine, path, err);
}

static void on_file_pending(void *ctx, const char *path)
{
	struct kukeond *k = ctx;

	desired_set_file_pending(&k->engine, path);
}

static void on_file_gone(void *ctx, const char *path, const struct error *hidden)
{
	struct kukeond *k = ctx;

	if (hidden)
		desired_hide_file(&k->engine, path, hidden);
	else
		desired_remove_file(&k->engine, path);
}

static void on_scan_done(void *ctx, const struct error *problem)
{
	struct kukeond *k = ctx;

	desired_scan_done(&k->engine, problem);
}

static void add_expected(void *ctx, const char *path)
{
	strv_add(ctx, path);
}

int part_open_manifests(struct kukeond *k, struct error *err)
{
	AUTO(strv_fini) struct strv expected = { 0 };
	const struct manifests_options options = {
		.directory = k->config->manifests_dir,
		.quiet_ms = QUIET_MS,
		.quiet_max_ms = QUIET_MAX_MS,
		.poll_ms = POLL_MS,
		.expected = &expected,
	};
	const struct manifests_listener listener = {
		.ctx = k,
		.on_file = on_file,
		.on_file_error = on_file_error,
		.on_file_pending = on_file_pending,
		.on_file_gone = on_file_gone,
		.on_scan_done = on_scan_done,
	};

	int r;

	desired_for_each_restored_file(&k->engine, add_expected, &expected);
	r = manifests_open(&k->manifests, &k->loop, &options, &listener, err);
	k->resync.manifests = k->manifests;
	return r;
}

void part_close_manifests(struct kukeond *k)
{
	k->resync.manifests = NULL;
	manifests_close(k->manifests, part_is_closed, k);
}
