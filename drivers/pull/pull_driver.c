/* SPDX-License-Identifier: Apache-2.0 */
/* The seam core/driver/images.h: who does what of it. */
#include "core/registry/reference.h"
#include "drivers/images/image_records.h"
#include "drivers/images/lease.h"
#include "drivers/pull/pull_private.h"

static void refuse(struct image_pull *asked, int code, const struct error *err, struct call *call)
{
	asked->fault = IMAGE_FAULT_INVALID;
	call_complete(call, code, err);
}

static void driver_pull(struct image_driver *driver, struct image_pull *asked, struct call *call)
{
	struct pull_driver *own = pull_driver_of(driver);
	struct reference reference AUTO(reference_fini) = { 0 };
	struct error err;
	struct pull *pull;
	int r = reference_parse(asked->image, &reference, &err);

	check(!asked->state && !own->closing);
	image_pull_fini(asked);
	asked->fault = IMAGE_FAULT_NONE;
	asked->retry_after_ms = 0;
	asked->changed = false;
	if (r < 0) {
		refuse(asked, r, &err, call);
		return;
	}
	pull = xnew(struct pull);
	asked->state = pull;
	pull->driver = own;
	pull->asked = asked;
	pull->call = call;
	pull->namespace_ = xstrdup(asked->namespace_);
	pull->name = reference_name(&reference);
	pull->object = xasprintf("image %s", asked->image);
	pull->lease = lease_pull_id(pull->name);
	pull->keeps = asked->keeps;
	pull->session = registry_session_new(own->registries, asked->realm, &reference,
					     asked->credentials, asked->n_credentials);
	list_append(&own->pulls, &pull->link);
	pending_begin(&own->under_way);
	progress_begin(pull);
	pull_begin(pull);
}

static void driver_cancel(struct image_driver *driver UNUSED, struct image_pull *asked)
{
	struct pull *pull = asked->state;

	if (pull)
		pull_cancel(pull);
}

static void driver_list(struct image_driver *driver, const char *namespace_,
			struct image_facts *ret_facts, struct call *call)
{
	records_list(pull_driver_of(driver)->images, namespace_, ret_facts, call);
}

static void driver_inspect(struct image_driver *driver, const char *namespace_, const char *name,
			   struct image_details *ret_details, struct call *call)
{
	records_inspect(pull_driver_of(driver)->images, namespace_, name, ret_details, call);
}

static void driver_tag(struct image_driver *driver, const char *namespace_, const char *from,
		       const char *name, struct call *call)
{
	records_tag(pull_driver_of(driver)->images, namespace_, from, name, call);
}

static void driver_remove(struct image_driver *driver, const char *namespace_, const char *name,
			  const char *digest, struct call *call)
{
	records_remove(pull_driver_of(driver)->images, namespace_, name, digest, call);
}

/* ---- life ---- */

struct closing {
	struct pull_driver *driver;
	void (*closed)(void *ctx);
	void *ctx;
	struct deferred deferred;
};

static void on_deferred_close(struct deferred *deferred)
{
	struct closing *closing = container_of(deferred, struct closing, deferred);
	void (*closed)(void *ctx) = closing->closed;
	void *ctx = closing->ctx;

	free(closing->driver);
	free(closing);
	if (closed)
		closed(ctx);
}

static void on_all_ended(void *ctx)
{
	struct closing *closing = ctx;

	loop_defer(closing->driver->loop, &closing->deferred, on_deferred_close);
}

/* What is asked of containerd beside pulls ends with its driver. */
static void driver_close(struct image_driver *driver, void (*closed)(void *ctx), void *ctx)
{
	struct pull_driver *own = pull_driver_of(driver);
	struct closing *closing = xnew(struct closing);
	struct pull *pull;

	*closing = (struct closing){ .driver = own, .closed = closed, .ctx = ctx };
	own->closing = true;
	list_for_each(pull, &own->pulls, link)
		pull_cancel(pull);
	archives_stop(&own->archives);
	pending_await(&own->under_way, on_all_ended, closing);
}

static struct archives *archives_of(struct image_driver *driver)
{
	return &pull_driver_of(driver)->archives;
}

static void driver_load(struct image_driver *driver, struct image_load *load, struct call *call)
{
	archives_load(archives_of(driver), load, call);
}

static size_t driver_load_room(struct image_driver *driver UNUSED, const struct image_load *load)
{
	return archives_load_room(load);
}

static void driver_load_give(struct image_driver *driver UNUSED, struct image_load *load,
			     const void *data, size_t len)
{
	archives_load_give(load, data, len);
}

static void driver_load_end(struct image_driver *driver UNUSED, struct image_load *load)
{
	archives_load_end(load);
}

static void driver_load_cancel(struct image_driver *driver UNUSED, struct image_load *load)
{
	archives_load_cancel(load);
}

static void driver_save(struct image_driver *driver, struct image_save *save, struct call *call)
{
	archives_save(archives_of(driver), save, call);
}

static void driver_save_resume(struct image_driver *driver UNUSED, struct image_save *save)
{
	archives_save_resume(save);
}

static void driver_save_cancel(struct image_driver *driver UNUSED, struct image_save *save)
{
	archives_save_cancel(save);
}

static const struct image_ops pull_ops = {
	.close = driver_close,
	.pull = driver_pull,
	.cancel = driver_cancel,
	.list = driver_list,
	.inspect = driver_inspect,
	.tag = driver_tag,
	.remove = driver_remove,
	.load = driver_load,
	.load_room = driver_load_room,
	.load_give = driver_load_give,
	.load_end = driver_load_end,
	.load_cancel = driver_load_cancel,
	.save = driver_save,
	.save_resume = driver_save_resume,
	.save_cancel = driver_save_cancel,
};

void pull_driver_open(struct image_driver **ret_driver, struct images *images,
		      struct registries *registries)
{
	struct pull_driver *own = xnew(struct pull_driver);

	own->driver.ops = &pull_ops;
	own->images = images;
	own->registries = registries;
	own->loop = images->ctd->ops.loop;
	list_init(&own->pulls);
	list_init(&own->fetches);
	archives_init(&own->archives, images, &own->under_way);
	*ret_driver = &own->driver;
}
