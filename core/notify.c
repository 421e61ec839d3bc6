/* SPDX-License-Identifier: Apache-2.0 */
#include "core/notify.h"

#include <systemd/sd-daemon.h>

/* Well below the 90 s that systemd gives a start: something does not even fail. */
enum { READY_LIMIT_MS = 30 * 1000 };

/* Counts are said that often at most. */
enum { COUNTS_PAUSE_MS = 1000 };

static bool is_looking(const struct notify *notify)
{
	return !notify->limit_passed && !engine_has_relisted(notify->engine);
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

/* ---- how many cells are as they are declared ---- */

static unsigned count_cells(const struct engine *engine)
{
	unsigned n = 0;

	for (int state = 0; state < ENGINE_STATES; state++)
		n += engine->cells[state];
	return n;
}

static unsigned count_as_declared(const struct engine *engine)
{
	return engine->cells[API__STATE__STATE_READY] + engine->cells[API__STATE__STATE_STOPPED];
}

static void say_running(struct notify *notify, const char *ready)
{
	const struct engine *engine = notify->engine;

	notify->cells = count_cells(engine);
	notify->as_declared = count_as_declared(engine);
	notify->sent_ms = loop_now_ms(notify->loop);
	if (!notify->cells)
		say(ready, "Running", NULL);
	else
		sd_notifyf(0, "%sSTATUS=Running: %u of %u cell%s as declared", ready,
			   notify->as_declared, notify->cells, notify->cells == 1 ? "" : "s");
}

static void on_again(struct timer *timer UNUSED)
{
	/* the turn of the loop that it makes is enough */
}

static void say_counts(struct notify *notify)
{
	const struct engine *engine = notify->engine;
	uint64_t due_ms = notify->sent_ms + COUNTS_PAUSE_MS;

	if (notify->cells == count_cells(engine) &&
	    notify->as_declared == count_as_declared(engine))
		return;
	if (loop_now_ms(notify->loop) >= due_ms)
		say_running(notify, "");
	else if (!timer_active(&notify->again))
		timer_start(notify->loop, &notify->again, due_ms - loop_now_ms(notify->loop),
			    on_again);
}

/* ---- states ---- */

static void enter(struct notify *notify, enum notify_state state)
{
	const struct engine *engine = notify->engine;
	const char *ready = notify->state == NOTIFY_LOOKING ? "READY=1\n" : "";

	notify->state = state;
	timer_stop(&notify->limit);
	if (state == NOTIFY_RUNNING)
		say_running(notify, ready);
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
	else if (state == NOTIFY_RUNNING)
		say_counts(notify);
}

static void on_limit(struct timer *timer)
{
	container_of(timer, struct notify, limit)->limit_passed = true;
}

void notify_open(struct notify *notify, struct loop *loop, const struct engine *engine)
{
	*notify = (struct notify){ .loop = loop, .engine = engine, .state = NOTIFY_LOOKING };
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
	timer_stop(&notify->again);
	/* For one that executes itself anew this is a reload: READY=1 follows. */
	sd_notify(0, restarting ? "RELOADING=1\nSTATUS=Restarting" : "STOPPING=1\nSTATUS=Stopping");
	uv_close((uv_handle_t *)&notify->turn, on_closed);
}
