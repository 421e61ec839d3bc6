/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A pull: attempts (attempt.c), one after the other while containerd is away, and what is done with
 * the lease in the end. What a registry does not give is not asked for again here: whoever wants
 * the image decides about that, by the fault.
 *
 * Of a pull that was cut off, by whom or what ever, the lease stays for PULL_KEEP_MS, and with it
 * the blobs that are whole and those that are begun. The next pull of that name finds all that by
 * the lease's name, which the image's name leads to: also that of a daemon that was started since,
 * which knows nothing of what the one before had under way.
 *
 * What it costs grows with the layers: for each a stream, and four calls to unpack it. Memory is
 * bound by DRIVER_FETCHES_MAX buffers.
 */
#include <errno.h>

#include "core/registry/reference.h"
#include "drivers/images/lease.h"
#include "drivers/images/records.h"
#include "drivers/pull/pull_private.h"

enum {
	AGAIN_MS = 500, /* between two attempts while containerd is away */
	AGAIN_MAX = 60, /* in a row that brought nothing */
};

/* ---- failures ---- */

void pull_fail(struct pull *pull, const struct failure *why)
{
	if (pull->failure.code)
		return;
	pull->failure = *why;
	if (why->fault == IMAGE_FAULT_NONE)
		pull->failure.fault = IMAGE_FAULT_OTHER;
}

void pull_fail_with(struct pull *pull, enum image_fault fault, int code, const struct error *err)
{
	const struct failure why = { .code = code, .err = *err, .fault = fault };

	pull_fail(pull, &why);
}

/* A step's own call has failed: containerd's words. */
static void fail_of_step(struct pull *pull, const struct call *call)
{
	const struct failure why = {
		.code = call->status,
		.err = call->err,
		.fault = IMAGE_FAULT_OTHER,
		.again = error_is_transient(call->status) && call->status != -ENOSPC,
	};

	pull_fail(pull, &why);
}

/* ---- the end ---- */

static void pull_free(struct pull *pull)
{
	registry_manifest_fini(&pull->head);
	registry_session_free(pull->session);
	image_look_fini(&pull->look);
	image_documents_fini(&pull->documents);
	layers_free(pull);
	free(pull->namespace_);
	free(pull->name);
	free(pull->object);
	free(pull->lease);
	free(pull->known);
	free(pull);
}

/* Its words begin with whose they are, once. */
static void give(struct pull *pull)
{
	struct image_pull *asked = pull->asked;
	struct failure *failure = &pull->failure;

	if (pull->cancelled)
		failure->code = error_set(&failure->err, -ECANCELED, "cancelled");
	if (failure->code && !str_starts_with(failure->err.msg, pull->object))
		error_wrap(&failure->err, failure->code, "%s", pull->object);
	asked->fault = failure->code ? failure->fault : IMAGE_FAULT_NONE;
	asked->retry_after_ms = failure->retry_after_ms;
	if (failure->code)
		return;
	free(asked->digest);
	asked->digest = xstrdup(pull->head.ret_digest);
	asked->changed = !str_equal(pull->known, asked->digest);
}

static void end(struct pull *pull)
{
	struct pull_driver *driver = pull->driver;

	progress_end(pull);
	give(pull);
	list_remove(&pull->link);
	pull->asked->state = NULL;
	call_complete(pull->call, pull->failure.code, &pull->failure.err);
	pull_free(pull);
	layers_pump(driver);
	pending_end(&driver->under_way);
}

static void on_given_back(struct call *call)
{
	end(container_of(call, struct pull, end));
}

static int start_give_back(struct op *op)
{
	return lease_delete(op, container_of(op, struct attempt, op.op)->pull->lease);
}

static const struct step give_back_steps[] = {
	{ .name = "give the lease back", .also_ok = { ENOENT }, .start = start_give_back },
	{ 0 },
};

static void give_back(struct pull *pull)
{
	struct attempt *last = xnew(struct attempt);

	last->pull = pull;
	call_init(&pull->end, loop_of(pull), on_given_back);
	ctd_op_start(pull->driver->images->ctd, &last->op, give_back_steps, pull->namespace_,
		     pull->object, &pull->end);
}

/* What may go on soon. What is wrong will be so the next time, and is not worth the space. */
static bool is_worth_keeping(const struct pull *pull)
{
	return pull->failure.code && pull->has_bytes &&
	       (pull->cancelled || pull->failure.fault == IMAGE_FAULT_UNREACHABLE ||
		pull->failure.fault == IMAGE_FAULT_TOO_MANY ||
		pull->failure.fault == IMAGE_FAULT_OTHER);
}

static void finish(struct pull *pull)
{
	if (!pull->leased) {
		end(pull);
	} else if (is_worth_keeping(pull)) {
		images_keep(pull->driver->images, pull->namespace_, pull->lease);
		end(pull);
	} else {
		give_back(pull);
	}
}

/* ---- attempts ---- */

static void begin(struct pull *pull);

static void on_pause_over(struct timer *timer)
{
	begin(container_of(timer, struct pull, pause));
}

static bool tries_again(struct pull *pull)
{
	if (pull->came != pull->came_before)
		pull->n_again = 0;
	return pull->failure.again && !pull->cancelled && pull->n_again++ < AGAIN_MAX;
}

static void on_attempt_ended(struct call *call)
{
	struct pull *pull = container_of(call, struct pull, end);

	if (call->status < 0)
		fail_of_step(pull, call);
	if (!tries_again(pull)) {
		finish(pull);
		return;
	}
	pull->asked->progress.tries++;
	timer_start(loop_of(pull), &pull->pause, AGAIN_MS, on_pause_over);
}

static void begin(struct pull *pull)
{
	pull->came_before = pull->came;
	call_init(&pull->end, loop_of(pull), on_attempt_ended);
	attempt_start(pull, &pull->end);
}

/* ---- the seam ---- */

void pull_cut(struct pull *pull)
{
	if (timer_active(&pull->pause)) {
		timer_stop(&pull->pause);
		finish(pull);
		return;
	}
	if (pull->attempt)
		rpc_unary_cancel(&pull->attempt->op.unary);
	if (pull->head.state)
		registry_manifest_cancel(&pull->head);
	image_documents_cancel(&pull->documents);
	if (pull->document.running)
		fetch_cancel(&pull->document);
	layers_cut(pull);
}

static void pull_cancel(struct image_driver *driver UNUSED, struct image_pull *asked)
{
	struct pull *pull = asked->state;

	if (!pull || pull->cancelled)
		return;
	pull->cancelled = true;
	pull_cut(pull);
}

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
	pull->session = registry_session_new(own->registries, asked->realm, &reference,
					     asked->credentials, asked->n_credentials);
	list_append(&own->pulls, &pull->link);
	pending_begin(&own->under_way);
	progress_begin(pull);
	begin(pull);
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
		pull_cancel(driver, pull->asked);
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
	.cancel = pull_cancel,
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
