/* SPDX-License-Identifier: Apache-2.0 */
#include "watchers/runtime_watcher.h"

#include "core/reconcile/observed.h"

static void on_container(void *ctx, const char *namespace_, const char *id)
{
	observed_hint_container(ctx, namespace_, id);
}

static void on_oom(void *ctx, const char *namespace_, const char *id)
{
	observed_oom(ctx, namespace_, id);
}

static void on_image(void *ctx, const char *namespace_)
{
	observed_hint_image(ctx, namespace_);
}

static void on_up(void *ctx)
{
	observed_runtime_up(ctx);
}

static void on_down(void *ctx, const struct error *why)
{
	observed_runtime_down(ctx, why);
}

static void on_answered(void *ctx)
{
	progress_made(&((struct engine *)ctx)->progress);
}

void runtime_watcher_start(struct engine *engine)
{
	const struct runtime_listener listener = {
		.ctx = engine,
		.on_container = on_container,
		.on_oom = on_oom,
		.on_image = on_image,
		.on_up = on_up,
		.on_down = on_down,
		.on_answered = on_answered,
	};

	engine->runtime->ops->start(engine->runtime, &listener);
}
