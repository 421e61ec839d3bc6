/* SPDX-License-Identifier: Apache-2.0 */
#include "core/doctor/sweep.h"

#include "core/doctor/doctor.h"
#include "core/status/plan_context.h"

/* Longer than containerd takes to give up a shim whose making was cut off. */
enum { SWEEP_DELAY_MS = 20 * 1000 };

static void on_examined(struct call *call)
{
	struct sweep *sweep = container_of(call, struct sweep, call);

	sweep->busy = false;
	if (call->status == 0)
		protobuf_c_message_free_unpacked(&sweep->reply->base, NULL);
	sweep->reply = NULL;
}

static void on_due(struct timer *timer)
{
	struct sweep *sweep = container_of(timer, struct sweep, timer);
	const struct doctor_options options = { .fix = true,
						.kinds = 1U << HOST_SHIM | 1U << HOST_IPAM |
							 1U << HOST_LEASE | 1U << HOST_INGEST |
							 1U << HOST_LOG_FIFOS |
							 1U << HOST_LOG_FILES };

	if (!plan_context_of(sweep->engine).relisted || engine_relist_problem(sweep->engine)) {
		sweep_again(sweep);
		return;
	}
	sweep->busy = true;
	call_init(&sweep->call, sweep->engine->loop, on_examined);
	doctor_examine(sweep->engine, &options, &sweep->reply, &sweep->call);
}

void sweep_again(struct sweep *sweep)
{
	if (!sweep->busy)
		timer_start(sweep->engine->loop, &sweep->timer, SWEEP_DELAY_MS, on_due);
}

void sweep_start(struct sweep *sweep, struct engine *engine)
{
	*sweep = (struct sweep){ .engine = engine };
	sweep_again(sweep);
}

void sweep_stop(struct sweep *sweep)
{
	timer_stop(&sweep->timer);
}
