/* SPDX-License-Identifier: Apache-2.0 */
#include "core/loop/call.h"

void call_init(struct call *call, struct loop *loop, call_fn done)
{
	check(!list_linked(&call->deferred.link));
	*call = (struct call){ .loop = loop, .done = done, .pending = true };
}

static void on_deferred(struct deferred *deferred)
{
	struct call *call = container_of(deferred, struct call, deferred);

	call->pending = false;
	call->done(call);
}

void call_complete(struct call *call, int status, const struct error *err)
{
	check(call->pending && !list_linked(&call->deferred.link));
	check(status <= 0);
	call->status = status;
	if (status < 0 && err && err->msg[0])
		call->err = *err;
	else if (status < 0)
		error_set(&call->err, status, "%s", strerror(-status));
	call->err.code = status;
	loop_defer(call->loop, &call->deferred, on_deferred);
}
