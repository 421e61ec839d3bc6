/* SPDX-License-Identifier: Apache-2.0 */
#include "core/notify.h"

#include <systemd/sd-daemon.h>

/* Well below the 90 s that systemd gives a start: something does not even fail. */
enum { READY_LIMIT_MS = 30 * 1000 };

static bool is_looking(const struct notify *notify)
{
	return !notify->limit_passed && !engine_has_looked(notify->engine);
}

static enum notify_state state_now(const struct notify *notify)
{
	if (notify->state == NOTIFY_LOOKING && is_looking(notify))
		return NOTIFY_LOOKING;
	if (!notify->engine->runtime_up)
		return NOTIFY_RUNTIME_AWAY;
	return notify->engine->desired.problem.code ? NOTIFY_MANIFESTS_ILL : NOTIFY_RUNNING;
}

/* The first line only: the next would be a message of its own. */
static void say(const char *ready, const char *what, const struct error *why)
{
	size_t len = strcspn(why ? why->msg : "", "\n");

	sd_notifyf(0, "%sSTATUS=%s%s%.*s", ready, what, len ? ": " : "", (int)len,
		   why ? why->msg : "");
}

static void enter(struct notify *notify, enum notify_state state)
{
	const struct engine *engine = notify->engine;
	const char *ready = notify->state == NOTIFY_LOOKING ? "READY=1\n" : "";

	notify->state = state;
	timer_stop(&notify->limit);
	if (state == NOTIFY_RUNNING)
		say(ready, "Running", NULL);
	else if (state == NOTIFY_RUNTIME_AWAY)
		say(ready, "Waiting for containerd", &engine->runtime_problem);
	else
		say(ready, "Manifests cannot be read", &engine->desired.problem);
}

static void on_turn(uv_prepare_t *turn)
{
	struct notify *notify = container_of(turn, struct notify, turn);
	enum notify_state state = state_now(notify);

	if (state != notify->state)
		enter(notify, state);
}

static void on_limit(struct timer *timer)
{
	container_of(timer, struct notify, limit)->limit_passed = true;
}

void notify_open(struct notify *notify, struct loop *loop, const struct engine *engine)
{
	*notify = (struct notify){ .engine = engine, .state = NOTIFY_LOOKING };
	uv_prepare_init(&loop->uv, &notify->turn);
	uv_prepare_start(&notify->turn, on_turn);
	timer_start(loop, &notify->limit, READY_LIMIT_MS, on_limit);
	say("", "Looking at the host", NULL);
}

static void on_closed(uv_handle_t *handle)
{
	struct notify *notify = container_of((uv_prepare_t *)handle, struct notify, turn);

	notify->closed(notify->closed_ctx);
}

void notify_close(struct notify *notify, bool restarting, void (*closed)(void *ctx), void *ctx)
{
	notify->closed = closed;
	notify->closed_ctx = ctx;
	timer_stop(&notify->limit);
	/* For one that executes itself anew this is a reload: READY=1 follows. */
	sd_notify(0, restarting ? "RELOADING=1\nSTATUS=Restarting" : "STOPPING=1\nSTATUS=Stopping");
	uv_close((uv_handle_t *)&notify->turn, on_closed);
}
