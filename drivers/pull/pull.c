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
#include "drivers/images/image_records.h"
#include "drivers/images/lease.h"
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
	free(pull->known_type);
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

/* What may go on soon. What is wrong will be so the next time, and is not worth the space; what
 * filled the disk is in everybody's way. */
static bool is_worth_keeping(const struct pull *pull)
{
	return pull->failure.code && pull->failure.code != -ENOSPC && pull->has_bytes &&
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

static void on_pause_over(struct timer *timer)
{
	pull_begin(container_of(timer, struct pull, pause));
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

void pull_begin(struct pull *pull)
{
	pull->came_before = pull->came;
	call_init(&pull->end, loop_of(pull), on_attempt_ended);
	attempt_start(pull, &pull->end);
}

/* ---- cut off ---- */

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

void pull_cancel(struct pull *pull)
{
	if (pull->cancelled)
		return;
	pull->cancelled = true;
	pull_cut(pull);
}
