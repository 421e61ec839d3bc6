/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/cni/cni.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <systemd/sd-id128.h>

#include "core/aside/paths.h"
#include "core/base/buf.h"
#include "core/base/fs.h"
#include "core/base/log.h"
#include "core/model/names.h"
#include "drivers/cni/cni_private.h"
#include "drivers/plugins/earlier.h"
#include "drivers/probe/probe_round.h"

enum {
	PLUGINS_MAX_RUNNING =
		4, /* more only queue up on the kernel's network lock and on xtables */
	PLUGIN_DEADLINE_MS = 30 * 1000, /* then a plugin gets SIGTERM */
	PLUGIN_GRACE_MS = 2 * 1000,     /* and after this SIGKILL */
	POOL6_PREFIX = 64,
	OWN_BYTES = 5, /* of a range that is the host's own */
};

static char *netns_path(struct network *network, const char *cell_key)
{
	return cni_netns_path(container_of(network, struct cni, network), cell_key);
}

/* ---- life ---- */

static void cni_free(struct cni *cni)
{
	netfilter_fini(&cni->netfilter);
	free(cni->conf_dir);
	free(cni->bin_dirs);
	free(cni->netns_dir);
	free(cni->ipam_dir);
	free(cni);
}

static void on_events_closed(void *ctx)
{
	struct cni *cni = ctx;
	void (*closed)(void *ctx) = cni->closed;
	void *closed_ctx = cni->closed_ctx;

	cni_free(cni);
	if (closed)
		closed(closed_ctx);
}

static void on_pool_closed(void *ctx)
{
	struct cni *cni = ctx;

	if (cni->netfilter.events)
		nft_events_close(cni->netfilter.events, on_events_closed, cni);
	else
		on_events_closed(cni);
}

static void on_ops_closed(void *ctx)
{
	struct cni *cni = ctx;

	exec_pool_close(cni->pool, on_pool_closed, cni);
}

/* Plugins that run are ended: what they left half done is in the journal. */
static void cni_close(struct network *network, void (*closed)(void *ctx), void *ctx)
{
	struct cni *cni = container_of(network, struct cni, network);

	check(!cni->ops.closing);
	dns_give_up(&cni->dns);
	cni->closed = closed;
	cni->closed_ctx = ctx;
	exec_pool_stop(cni->pool);
	ops_close(&cni->ops, on_ops_closed, cni);
}

static int read_boot_id(struct cni *cni, struct error *err)
{
	AUTO_BUF struct buf text = { 0 };
	int r = fs_read_file(AT_FDCWD, "/proc/sys/kernel/random/boot_id", sizeof(cni->boot_id) - 1,
			     &text, err);

	if (r < 0)
		return r;
	text.data[strcspn(text.data, "\n")] = '\0';
	snprintf(cni->boot_id, sizeof(cni->boot_id), "%s", text.data);
	return 0;
}

/* "<netns_dir>/../ipam" without the dots: the directory beside the pins. */
static char *beside(const char *dir, const char *name)
{
	size_t len = strlen(dir);

	while (len > 1 && dir[len - 1] == '/')
		len--;
	while (len && dir[len - 1] != '/')
		len--;
	return xasprintf("%.*s%s", (int)len, dir, name);
}

/* fd00::/8 with 40 bits that are this host's alone (RFC 4193): hosts whose networks are brought
 * together do not clash. */
static void own_pool6(struct subnet *ret)
{
	static const sd_id128_t purpose =
		SD_ID128_MAKE(8c, 1f, 5e, 0b, 47, d2, 4c, 6a, 9e, 33, b1, 70, 2d, 64, f8, 15);
	sd_id128_t id;
	struct ip ip = { { 0xfd } };

	*ret = (struct subnet){ 0 };
	if (sd_id128_get_machine_app_specific(purpose, &id) < 0)
		return;
	memcpy(ip.bytes + 1, id.bytes, OWN_BYTES);
	*ret = subnet_make(&ip, POOL6_PREFIX);
}

static int find_pools(const struct cni_options *options, struct subnet_pools *ret,
		      struct error *err)
{
	int r = 0;

	if (!options->n_subnet_pools || options->n_subnet_pools > SUBNET_POOLS_MAX)
		return error_set(err, -EINVAL, "subnetPool has %zu ranges, expected 1 to %d",
				 options->n_subnet_pools, SUBNET_POOLS_MAX);
	*ret = (struct subnet_pools){ .n = options->n_subnet_pools };
	for (size_t i = 0; r == 0 && i < ret->n; i++)
		r = subnet_parse_for_space(options->subnet_pools[i], &ret->firsts[i], err);
	return r < 0 ? error_wrap(err, r, "subnetPool") : 0;
}

static int find_pool6(const char *first, struct subnet *ret, struct error *err)
{
	if (!str_empty(first))
		return subnet6_parse_for_space(first, ret, err);
	own_pool6(ret);
	return 0;
}

static const struct network_ops cni_ops;

int cni_open(struct network **ret, struct loop *loop, const struct cni_options *options,
	     struct error *err)
{
	struct cni *cni = xnew(struct cni);
	AUTO_FREE char *runtime_dir = NULL;
	int r = find_pools(options, &cni->pools, err);

	if (r == 0)
		r = find_pool6(options->subnet_pool6_first, &cni->pool6_first, err);
	if (r == 0)
		r = fs_make_dirs(options->netns_dir, 0755, err);
	if (r == 0)
		r = read_boot_id(cni, err);
	if (r < 0) {
		free(cni);
		return error_wrap(err, r, "network driver");
	}
	cni->network.ops = &cni_ops;
	cni->loop = loop;
	ops_init(&cni->ops, loop);
	dns_init(&cni->dns, &cni->ops);
	cni->journal = options->journal;
	cni->conf_dir = xstrdup(options->conf_dir);
	cni->bin_dirs = xstrdup(options->bin_dirs);
	cni->netns_dir = xstrdup(options->netns_dir);
	cni->ipam_dir = beside(options->netns_dir, "ipam");
	runtime_dir = beside(options->netns_dir, "."); /* with "/." at its end */
	netfilter_init(&cni->netfilter, &cni->ops, runtime_dir);
	cni->pool =
		exec_pool_new(loop, &(struct exec_pool_options){ .max_running = PLUGINS_MAX_RUNNING,
								 .deadline_ms = PLUGIN_DEADLINE_MS,
								 .grace_ms = PLUGIN_GRACE_MS });
	earlier_plugins_end(options->netns_dir);
	*ret = &cni->network;
	return 0;
}

static struct netfilter *netfilter_of(struct network *network)
{
	return &container_of(network, struct cni, network)->netfilter;
}

static int watch_filter(struct network *network, const struct filter_listener *listener,
			struct error *err)
{
	return netfilter_watch(netfilter_of(network), listener, err);
}

static void filter_apply(struct network *network, struct filter_wish *wish, struct call *call)
{
	netfilter_apply(netfilter_of(network), wish, call);
}

static void filter_drops(struct network *network, struct filter_drops *ret_drops, struct call *call)
{
	netfilter_drops(netfilter_of(network), ret_drops, call);
}

static void probe(struct network *network, struct traffic *traffic, struct call *call)
{
	netfilter_probe(netfilter_of(network), traffic, call);
}

static void resolve(struct network *network, const char *host, bool v6,
		    struct resolved *ret_resolved, struct call *call)
{
	dns_resolve(&container_of(network, struct cni, network)->dns, host, v6, ret_resolved, call);
}

static const struct network_ops cni_ops = {
	.watch_filter = watch_filter,
	.filter_apply = filter_apply,
	.filter_drops = filter_drops,
	.look_ways = cni_look_ways,
	.probe = probe,
	.resolve = resolve,
	.close = cni_close,
	.ensure_space = cni_ensure_space,
	.remove_space = cni_remove_space,
	.list = cni_list,
	.create_netns = cni_create_netns,
	.attach = cni_attach,
	.repair = cni_repair,
	.join = cni_join,
	.leave = cni_leave,
	.detach = cni_detach,
	.inventory = cni_inventory,
	.discard = cni_discard,
	.netns_path = netns_path,
};
