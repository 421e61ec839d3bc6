/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/containerd/containerd.h"

#include <errno.h>

#include "drivers/containerd/driver.h"

#define DEFAULT_SOCKET "/run/containerd/containerd.sock"
#define DEFAULT_SNAPSHOTTER "overlayfs"

/* sockaddr_un.sun_path */
enum { SOCKET_PATH_MAX_BYTES = 107 };

static void on_deferred_close(struct deferred *deferred)
{
	struct containerd *driver = container_of(deferred, struct containerd, deferred_close);
	void (*closed)(void *ctx) = driver->closed;
	void *ctx = driver->closed_ctx;

	images_fini(&driver->images);
	ctd_fini(&driver->ctd);
	free(driver->resolv_conf);
	free(driver->volumes_dir);
	free((char *)driver->logs.spool);
	free((char *)driver->logs.dir);
	free(driver);
	if (closed)
		closed(ctx);
}

static void on_all_ended(void *ctx)
{
	struct containerd *driver = ctx;

	loop_defer(driver->ctd.ops.loop, &driver->deferred_close, on_deferred_close);
}

static void containerd_start(struct runtime *runtime, const struct runtime_listener *listener)
{
	struct containerd *driver = containerd_of(runtime);

	check(driver->ctd.events.state == EVENTS_STOPPED && !driver->ctd.ops.closing);
	events_start(&driver->ctd.events, &driver->ctd, listener);
}

static void containerd_close(struct runtime *runtime, void (*closed)(void *ctx), void *ctx)
{
	struct containerd *driver = containerd_of(runtime);

	driver->closed = closed;
	driver->closed_ctx = ctx;
	atomic_store(&driver->closing, true);
	ctd_stop(&driver->ctd, on_all_ended, driver);
}

static const char *containerd_version(struct runtime *runtime)
{
	return containerd_of(runtime)->ctd.version;
}

static uint64_t containerd_ask(struct runtime *runtime)
{
	return events_ask(&containerd_of(runtime)->ctd.events);
}

static void containerd_resolve_image(struct runtime *runtime, const char *namespace_,
				     const char *image, char **ret_digest, struct call *call)
{
	image_resolve(&containerd_of(runtime)->images, namespace_, image, ret_digest, call);
}

static const struct runtime_ops containerd_ops = {
	.start = containerd_start,
	.close = containerd_close,
	.ensure_namespace = namespace_ensure,
	.remove_namespace = namespace_remove,
	.list_namespaces = namespace_list,
	.list = facts_list,
	.inspect = facts_inspect,
	.resolve_image = containerd_resolve_image,
	.create = container_create,
	.remove = container_remove,
	.task_create = task_create,
	.task_start = task_start,
	.task_signal = task_signal,
	.task_delete = task_delete,
	.kill_shim = task_kill_shim,
	.inventory = inventory_take,
	.discard = inventory_discard,
	.version = containerd_version,
	.ask = containerd_ask,
};

int containerd_open(struct runtime **ret_runtime, struct loop *loop, struct rpc *rpc,
		    const struct containerd_options *options, struct error *err)
{
	const char *socket = options->socket ? options->socket : DEFAULT_SOCKET;
	const struct ctd_options connection = {
		.socket = socket,
		.snapshotter = options->snapshotter ? options->snapshotter : DEFAULT_SNAPSHOTTER,
		.instance = options->instance ? options->instance : "",
	};
	struct containerd *driver;

	if (socket[0] != '/' || strlen(socket) > SOCKET_PATH_MAX_BYTES)
		return error_set(
			err, -EINVAL,
			"containerd socket \"%s\": expected an absolute path of at most %d bytes",
			socket, SOCKET_PATH_MAX_BYTES);
	driver = xnew(struct containerd);
	driver->runtime.ops = &containerd_ops;
	driver->resolv_conf = xstrdup_maybe(options->resolv_conf);
	driver->volumes_dir = xstrdup_maybe(options->volumes_dir);
	driver->logs = options->logs;
	driver->logs.spool = xstrdup_maybe(options->logs.spool);
	driver->logs.dir = xstrdup_maybe(options->logs.dir);
	list_init(&driver->logs_made);
	host_read(&driver->host);
	ctd_init(&driver->ctd, loop, rpc, &connection);
	images_init(&driver->images, &driver->ctd, &driver->host);
	*ret_runtime = &driver->runtime;
	return 0;
}

struct images *containerd_images(struct runtime *runtime)
{
	return &containerd_of(runtime)->images;
}
