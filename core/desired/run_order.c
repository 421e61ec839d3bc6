/* SPDX-License-Identifier: Apache-2.0 */
#include "core/desired/run_order.h"

#include "core/desired/stops.h"
#include "core/images/pulls.h"

bool run_order_concerns_cell(const struct run_order *order)
{
	return !order->container ||
	       (order->intent == INTENT_RESTART && container_is_root(order->container));
}

static bool is_stop(enum run_intent intent)
{
	return intent == INTENT_STOP || intent == INTENT_KILL;
}

static bool lives(const struct container *c)
{
	return c->task != TASK_NONE && c->task != TASK_STOPPED;
}

/* Whatever an earlier daemon has done of an earlier one: this one is for what is there now. */
static void begin_restart(struct container *c)
{
	c->restart_of = c->run_pid;
	c->restart_stored = false;
}

/* By its policy, or because somebody wants it now; what has failed is tried at once. What is not
 * begun anew needs no image. Who wants the registry asked wants what it has. */
static void ask_registry(struct container *c, bool pull, bool begins)
{
	if (!begins)
		return;
	c->image_asked = false;
	c->pull_requested = pull;
	if (pull)
		container_forget_update(c);
	if (c->pull.pull)
		pull_retry(c->pull.pull);
}

/* With the cell its containers start, also those that were stopped one by one. What waits for its
 * next try does not, whatever is asked. */
void run_order_apply(struct engine *engine, const struct run_order *order)
{
	enum run_intent intent = order->intent;
	bool whole = run_order_concerns_cell(order);
	struct container *c;

	engine_want_object_anew(engine, order->cell);
	if (whole)
		order->cell->cell.run = intent;
	else
		order->container->run = intent;
	list_for_each(c, &order->cell->cell.containers, link) {
		if (is_stop(intent) || !(whole || c == order->container))
			continue;
		if (whole)
			c->run = INTENT_RUN;
		ask_registry(c, order->pull, intent == INTENT_RESTART || !lives(c) || c->pull.pull);
		if (intent == INTENT_RESTART)
			begin_restart(c);
		if (intent == INTENT_RUN) {
			container_forget_past(c);
			c->start_asked_wall_ms = loop_wall_ms(engine->loop);
		}
	}
	stops_end_unwanted(engine, order->cell);
}
