/* SPDX-License-Identifier: Apache-2.0 */
/* Where what containers print goes, and who reads it. */
#include "core/kukeond/kukeond.h"

#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <stdio.h>

#include "core/host/peers.h"
#include "core/logs/log_names.h"
#include "core/model/model.h"
#include "drivers/containerd/containerd.h"
#include "drivers/logs/log_keeper.h"
#include "drivers/logs/spool.h"

#define PROGRAM "kukeon-log"

/* For systemd to start its unit, which is wanted by ours. */
enum { PATIENCE_MS = 5000 };

static int read_driver(const char *text, Api__LogDriver *ret, struct error *err)
{
	const ProtobufCEnumValue *value = naming_find_value(&api__log_driver__descriptor, text);

	if (!value)
		return error_set(err, -EINVAL,
				 "logDriver is \"%s\", expected file, journald or none", text);
	*ret = (Api__LogDriver)value->value;
	return 0;
}

static int read_size(const char *text, uint64_t *ret, struct error *err)
{
	if (model_size_parse(text, ret) && *ret >= MODEL_LOG_SIZE_MIN)
		return 0;
	return error_set(err, -EINVAL, "logMaxSize is \"%s\", expected at least 64k, such as 10m",
			 text);
}

static int read_files(uint32_t n, uint32_t *ret, struct error *err)
{
	*ret = n;
	if (n > 0 && n <= MODEL_LOG_FILES_MAX)
		return 0;
	return error_set(err, -EINVAL, "logMaxFiles is %u, expected 1 to %d", n,
			 MODEL_LOG_FILES_MAX);
}

static int read_compress(const char *text, bool *ret, struct error *err)
{
	*ret = str_equal(text, "on");
	if (*ret || str_equal(text, "off"))
		return 0;
	return error_set(err, -EINVAL, "logCompress is \"%s\", expected on or off", text);
}

static int read_place(const Api__Config *config, struct log_place *ret, struct error *err)
{
	int r = read_driver(config->log_driver, &ret->defaults.driver, err);

	if (r == 0)
		r = read_size(config->log_max_size, &ret->defaults.max_bytes, err);
	if (r == 0)
		r = read_files(config->log_max_files, &ret->defaults.max_files, err);
	if (r == 0)
		r = read_compress(config->log_compress, &ret->compress, err);
	if (r == 0 && *config->log_dir != '/')
		r = error_set(err, -EINVAL, "logDir is \"%s\", expected an absolute path",
			      config->log_dir);
	ret->dir = config->log_dir;
	return r;
}

/* Beside the daemon's own program. Free with free(). */
static char *program_path(void)
{
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash;

	self[n > 0 ? n : 0] = '\0';
	slash = strrchr(self, '/');
	return xasprintf("%.*s/" PROGRAM, slash ? (int)(slash - self) : 0, self);
}

static void keep_reader(struct kukeond *k, const char *program)
{
	AUTO_FREE char *state = xasprintf("%s/log", k->config->runtime_dir);
	AUTO_FREE char *cgroup =
		xasprintf("%s%s-log", k->config->cgroup_mount, k->config->cgroup_root);
	const struct log_keeper_options options = {
		.program = program,
		.spool = k->log_spool,
		.state = state,
		.group = getgrnam(PEERS_GROUP) ? PEERS_GROUP : NULL,
		.cgroup = cgroup,
		.patience_ms = getenv("NOTIFY_SOCKET") ? PATIENCE_MS : 0,
	};

	log_keeper_open(&k->log_keeper, &k->loop, &options);
}

/* Where nobody reads, containers would stand still when their FIFOs are full: they get none. */
int part_open_logs(struct kukeond *k, struct error *err)
{
	AUTO_FREE char *program = program_path();
	AUTO_FREE char *spool = xasprintf("%s/" LOG_SPOOL_NAME, k->config->run_path);
	struct log_place place;
	int r = read_place(k->config, &place, err);

	if (r < 0)
		return r;
	if (access(program, X_OK) < 0 && !spool_reader(spool)) {
		log_warning("what containers print is lost: there is no %s", program);
		return 0;
	}
	k->log_spool = take_ptr(spool);
	keep_reader(k, program);
	return 0;
}

struct log_place part_log_place(const struct kukeond *k)
{
	struct log_place place = { 0 };

	check(read_place(k->config, &place, NULL) == 0); /* it was when it was opened */
	place.spool = k->log_spool;
	return place;
}

static void on_keeper_closed(void *ctx)
{
	struct kukeond *k = ctx;

	free(take_ptr(k->log_spool));
	parts_close_next(k);
}

void part_close_logs(struct kukeond *k)
{
	if (k->log_keeper)
		log_keeper_close(k->log_keeper, on_keeper_closed, k);
	else
		parts_close_next(k);
}
