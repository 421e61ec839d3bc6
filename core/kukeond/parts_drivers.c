/* SPDX-License-Identifier: Apache-2.0 */
/* What is below the engine: directories, locks, gRPC, the journal and the drivers. */
#include "core/kukeond/kukeond.h"

#include "core/aside/aside.h"
#include "core/aside/mountinfo.h"
#include "core/aside/paths.h"
#include "core/base/fs.h"
#include "core/base/version.h"
#include "core/journal/journal.h"
#include "drivers/cgroup/cgroup.h"
#include "drivers/cni/cni.h"
#include "drivers/containerd/containerd.h"
#include "drivers/firewalls/firewalls.h"
#include "drivers/pull/pull.h"
#include "watchers/resolver_watcher.h"

/* One that does not answer is no reason not to start: what runs is looked after all the same. */
static int make_manifests_dir(const struct kukeond *k, struct error *err)
{
	const char *dir = k->config->manifests_dir;
	struct error why;

	if (mountinfo_may_hang() && paths_answer(&dir, 1, PATHS_STAT, &why) == -ASIDE_HANGS) {
		log_warning("manifests directory %s: %s", dir, why.msg);
		return 0;
	}
	return fs_make_dirs(dir, 0755, err);
}

int part_open_dirs(struct kukeond *k, struct error *err)
{
	int r = host_lock(k->config->run_path, &k->lock_fd, err);

	if (r == 0)
		r = host_lock(k->config->runtime_dir, &k->runtime_lock_fd, err);
	return r < 0 ? r : make_manifests_dir(k, err);
}

void part_close_dirs(struct kukeond *k)
{
	if (k->runtime_lock_fd >= 0)
		close(k->runtime_lock_fd);
	if (k->lock_fd >= 0)
		close(k->lock_fd);
	parts_close_next(k);
}

static char *resolv_conf_path(const struct kukeond *k)
{
	return xasprintf("%s/resolv.conf", k->config->runtime_dir);
}

int part_open_resolver(struct kukeond *k, struct error *err)
{
	AUTO_FREE char *target = resolv_conf_path(k);
	const struct resolver_options options = { .target = target };

	return resolver_open(&k->resolver, &k->loop, &options, err);
}

void part_close_resolver(struct kukeond *k)
{
	resolver_close(k->resolver, part_is_closed, k);
}

int part_open_rpc(struct kukeond *k, struct error *err)
{
	return rpc_open(&k->rpc, &k->loop, err);
}

void part_close_rpc(struct kukeond *k)
{
	rpc_close(k->rpc, part_is_closed, k);
}

int part_open_journal(struct kukeond *k, struct error *err)
{
	AUTO_FREE char *path = xasprintf("%s/journal", k->config->run_path);

	return journal_open(&k->journal, &k->loop, path, err);
}

void part_close_journal(struct kukeond *k)
{
	journal_close(k->journal, part_is_closed, k);
}

int part_open_cgroup(struct kukeond *k, struct error *err)
{
	const struct cgroup_options options = { .mount = k->config->cgroup_mount,
						.root = k->config->cgroup_root };

	return cgroup_open(&k->cgroup, &k->loop, &options, err);
}

void part_close_cgroup(struct kukeond *k)
{
	k->cgroup->ops->close(k->cgroup, part_is_closed, k);
}

int part_open_network(struct kukeond *k, struct error *err)
{
	AUTO_FREE char *netns_dir = xasprintf("%s/netns", k->config->runtime_dir);
	const struct cni_options options = {
		.conf_dir = k->config->cni_conf_dir,
		.bin_dirs = k->config->cni_bin_dir,
		.netns_dir = netns_dir,
		.subnet_pools = k->config->subnet_pool,
		.n_subnet_pools = k->config->n_subnet_pool,
		.subnet_pool6_first = k->config->subnet_pool6,
		.journal = k->journal,
	};

	return cni_open(&k->network, &k->loop, &options, err);
}

void part_close_network(struct kukeond *k)
{
	k->network->ops->close(k->network, part_is_closed, k);
}

int part_open_firewalls(struct kukeond *k, struct error *err UNUSED)
{
	firewalls_open(&k->firewalls, &k->loop, k->journal);
	return 0;
}

void part_close_firewalls(struct kukeond *k)
{
	k->firewalls->ops->close(k->firewalls, part_is_closed, k);
}

int part_open_runtime(struct kukeond *k, struct error *err)
{
	AUTO_FREE char *resolv_conf = resolv_conf_path(k);
	/* Beside the realms; none has a name like that. */
	AUTO_FREE char *volumes_dir = xasprintf("%s/.volumes", k->config->run_path);
	const struct containerd_options options = {
		.socket = k->config->containerd_socket,
		.snapshotter = k->config->snapshotter,
		.instance = k->config->run_path,
		.resolv_conf = resolv_conf,
		.volumes_dir = volumes_dir,
		.logs = part_log_place(k),
	};

	return containerd_open(&k->runtime, &k->loop, k->rpc, &options, err);
}

void part_close_runtime(struct kukeond *k)
{
	k->runtime->ops->close(k->runtime, part_is_closed, k);
}

int part_open_registries(struct kukeond *k, struct error *err)
{
	AUTO_FREE char *agent = xasprintf("kukeon/%s", kukeon_version);
	const struct registries_options options = { .agent = agent };

	return registries_open(&k->registries, &k->loop, &options, err);
}

void part_close_registries(struct kukeond *k)
{
	registries_close(k->registries, part_is_closed, k);
}

/* Over the runtime driver's connection to containerd. */
int part_open_images(struct kukeond *k, struct error *err UNUSED)
{
	pull_driver_open(&k->images, containerd_images(k->runtime), k->registries);
	return 0;
}

void part_close_images(struct kukeond *k)
{
	k->images->ops->close(k->images, part_is_closed, k);
}
